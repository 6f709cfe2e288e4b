"""Krita's families of blend modes on hue, saturation and lightness, in four models of what these are.

Each is ``f(backdrop, source)`` on planes of RGB, channels first: ``(3, height, width)``, black at 0, white at 1.

References
----------
Krita manual, blending modes, HSX. https://docs.krita.org/en/reference_manual/blending_modes/hsx.html
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imgedit.compositing.elementwise import TINY, Values
from imgedit.compositing.nonseparable import clip_color, middle, saturation_of, with_saturation

__all__ = ["HSX", "tint"]

Measure = Callable[[Values], Values]


def _family(name: str, light: Measure, purity: Measure) -> dict[str, Callable[[Values, Values], Values]]:
    """Make Krita's formulas for one idea of lightness and saturation."""

    def lit(color: Values, value: Values) -> Values:
        return clip_color(color + (value - light(color)), value)

    def saturated(color: Values, value: Values) -> Values:
        return lit(with_saturation(color, value), light(color))

    parts = {
        "hue": lambda b, s: lit(with_saturation(s, purity(b)), light(b)),
        "saturation": lambda b, s: saturated(b, purity(s)),
        "color": lambda b, s: lit(s, light(b)),
        "lightness": lambda b, s: lit(b, light(s)),
    }
    for part, formula in parts.items():
        formula.__doc__ = f"Take the {part} of the source, the rest of the backdrop, in {name.upper()} (Krita)."
    changes = {
        "increase-lightness": (lambda b, s: _cut(lit(b, light(b) + light(s))), "Add the source's lightness"),
        "decrease-lightness": (
            lambda b, s: _cut(lit(b, light(b) + light(s) - 1)),
            "Add the source's lightness, less 1",
        ),
        "increase-saturation": (
            lambda b, s: saturated(b, 1 - (1 - purity(b)) * (1 - purity(s))),
            "Screen the saturations",
        ),
        "decrease-saturation": (lambda b, s: saturated(b, purity(b) * purity(s)), "Multiply the saturations"),
    }
    for part, (formula, what) in changes.items():
        formula.__doc__ = f"{what}, in {name.upper()} (Krita)."
        parts[part] = formula
    return parts


def _cut(color: Values) -> Values:
    return np.clip(color, 0, 1)


def _mean(color: Values) -> Values:
    return (color[0] + color[1] + color[2]) / 3


def _luma(color: Values) -> Values:
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]


HSX = {
    "hsi": _family("hsi", _mean, lambda c: (_mean(c) - c.min(axis=0)) / np.maximum(_mean(c), TINY)),
    "hsl": _family("hsl", middle, lambda c: saturation_of(c) / np.maximum(1 - np.abs(2 * middle(c) - 1), TINY)),
    "hsv": _family("hsv", lambda c: c.max(axis=0), lambda c: saturation_of(c) / np.maximum(c.max(axis=0), TINY)),
    "hsy": _family("hsy", _luma, saturation_of),
}
"""Name of the colour model -> name of what is taken from the source or changed -> formula."""


def tint(b: Values, s: Values) -> Values:
    """Draw in the source's colour on white: ``s + luma(b) (1 - s)`` (Krita)."""
    return s + _luma(b) * (1 - s)
