"""Blend modes: formulas ``f(backdrop, source)`` that know nothing of alpha, dtype, opacity or layers.

Arguments are float arrays of the same shape with black at 0 and white at 1. A separable formula works on each number by
itself, whatever the shape; the others take planes, channels first: ``(3, height, width)``. Where programs disagree the
variant is named after a colon; the plain name is that of the W3C specification, or else Photoshop's.

Formulas that stop at white stop at the brighter of white and backdrop, so that highlights above 1 in float images
survive a source that changes nothing.

References
----------
W3C (2024). Compositing and Blending Level 1. https://www.w3.org/TR/compositing-1/
ISO 32000-1:2008 (PDF 1.7), 11.3.5 Blend mode.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from imgedit.tables import Table

__all__ = ["FILLED", "MODES", "Formula", "Mode"]

Values: TypeAlias = Any
"""An array of floats; NumPy's types would say no more about a formula."""

Formula: TypeAlias = Callable[[Values, Values], Values]

# A divisor below this stands for 0: the quotient then is beyond white, or 0 over 0, for any backdrop of 16 bits.
TINY = np.float32(1e-7)


@dataclass(frozen=True)
class Mode:
    """A formula and what its arguments look like.

    Parameters
    ----------
    formula : callable
        ``formula(backdrop, source)``, a new array.
    separable : bool
        Whether it works on each number by itself; otherwise it needs planes of RGB, channels first.
    bounded : bool
        Whether its results lie in [0, 1] when its arguments do.
    encoded : bool
        Whether its arguments must be encoded sRGB, whatever the space to blend in, because it knows what colour is.
    """

    formula: Formula
    separable: bool = True
    bounded: bool = True
    encoded: bool = False


def normal(_b: Values, s: Values) -> Values:
    """Give the source: ``s`` (W3C 10.1.1)."""
    return s


def multiply(b: Values, s: Values) -> Values:
    """Filter one by the other: ``b s`` (W3C 10.1.2)."""
    return b * s


def screen(b: Values, s: Values) -> Values:
    """Multiply the complements: ``b + s - b s`` (W3C 10.1.3)."""
    return b + s - b * s


def overlay(b: Values, s: Values) -> Values:
    """Hard light with the two images exchanged (W3C 10.1.4)."""
    return hard_light(s, b)


def darken(b: Values, s: Values) -> Values:
    """Give the darker: ``min(b, s)`` (W3C 10.1.5)."""
    return np.minimum(b, s)


def lighten(b: Values, s: Values) -> Values:
    """Give the lighter: ``max(b, s)`` (W3C 10.1.6)."""
    return np.maximum(b, s)


def color_dodge(b: Values, s: Values) -> Values:
    """Brighten by the source: ``min(1, b / (1 - s))``, 0 where b = 0 (W3C 10.1.7)."""
    return _at_most_white(_ratio(b, 1 - s), b)


def color_burn(b: Values, s: Values) -> Values:
    """Darken by the source: ``1 - min(1, (1 - b) / s)``, 1 where b = 1 (W3C 10.1.8)."""
    return 1 - np.minimum(1, _ratio(1 - b, s))


def hard_light(b: Values, s: Values) -> Values:
    """Multiply by ``2 s`` up to half, screen with ``2 s - 1`` above (W3C 10.1.9)."""
    product = b * s
    return np.where(s <= 0.5, 2 * product, 2 * (b + s - product) - 1)


def soft_light(b: Values, s: Values) -> Values:
    """Dodge or burn softly, with a polynomial for dark backdrops (W3C 10.1.10)."""
    dark = ((16 * b - 12) * b + 4) * b
    lift = np.where(b <= 0.25, dark, np.sqrt(np.maximum(b, 0))) - b
    twice = 2 * s - 1
    return b + twice * np.where(s <= 0.5, b - b * b, lift)


def soft_light_photoshop(b: Values, s: Values) -> Values:
    """Dodge or burn softly, with a square root at any backdrop (Photoshop; it has a kink at s = 1/2)."""
    lift = np.sqrt(np.maximum(b, 0)) - b
    return b + (2 * s - 1) * np.where(s <= 0.5, b - b * b, lift)


def difference(b: Values, s: Values) -> Values:
    """Subtract the darker from the lighter: ``|b - s|`` (W3C 10.1.11)."""
    return np.abs(b - s)


def exclusion(b: Values, s: Values) -> Values:
    """Subtract with less contrast: ``b + s - 2 b s`` (W3C 10.1.12)."""
    return b + s - 2 * b * s


def linear_burn(b: Values, s: Values) -> Values:
    """Add, less white: ``max(0, b + s - 1)`` (Photoshop)."""
    return np.maximum(b + s - 1, 0)


def linear_dodge(b: Values, s: Values) -> Values:
    """Add: ``min(1, b + s)`` (Photoshop; also called add)."""
    return _at_most_white(b + s, b)


def vivid_light(b: Values, s: Values) -> Values:
    """Color burn with ``2 s`` up to half, color dodge with ``2 s - 1`` above (Photoshop)."""
    return np.where(s <= 0.5, color_burn(b, 2 * s), color_dodge(b, 2 * s - 1))


def linear_light(b: Values, s: Values) -> Values:
    """Linear burn up to half, linear dodge above: ``b + 2 s - 1`` within [0, 1] (Photoshop)."""
    return _at_most_white(np.maximum(b + 2 * s - 1, 0), b)


def pin_light(b: Values, s: Values) -> Values:
    """Darken with ``2 s`` up to half, lighten with ``2 s - 1`` above (Photoshop)."""
    return np.where(s <= 0.5, np.minimum(b, 2 * s), np.maximum(b, 2 * s - 1))


def hard_mix(b: Values, s: Values) -> Values:
    """Leave only 0 and 1: white where ``b + s >= 1`` (Photoshop)."""
    return (b + s >= 1).astype(b.dtype)


def subtract(b: Values, s: Values) -> Values:
    """Take the source away: ``max(0, b - s)`` (Photoshop)."""
    return np.maximum(b - s, 0)


def divide(b: Values, s: Values) -> Values:
    """Divide by the source: ``min(1, b / s)``, 0 where both are 0 (Photoshop)."""
    return _at_most_white(_ratio(b, s), b)


def _ratio(above: Values, below: Values) -> Values:
    """Divide; 0 over anything is 0, and anything else over 0 (or less) is far beyond white."""
    return above / np.maximum(below, TINY)


def _at_most_white(values: Values, backdrop: Values) -> Values:
    return np.minimum(values, np.maximum(backdrop, 1))


def luma(color: Values) -> Values:
    """Weigh red, green and blue as W3C 10.2 does: 0.3, 0.59, 0.11."""
    return 0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2]


def _clip_color(color: Values) -> Values:
    """Pull a colour towards its own grey until it lies in [0, 1] (W3C 10.2, ClipColor)."""
    gray = luma(color)
    low, high = color.min(axis=0), color.max(axis=0)
    color = np.where(low < 0, gray + (color - gray) * (gray / np.maximum(gray - low, TINY)), color)
    return np.where(high > 1, gray + (color - gray) * ((1 - gray) / np.maximum(high - gray, TINY)), color)


def _with_luma(color: Values, value: Values) -> Values:
    """Shift a colour to a luma (W3C 10.2, SetLum)."""
    return _clip_color(color + (value - luma(color)))


def _saturation(color: Values) -> Values:
    return np.asarray(color.max(axis=0) - color.min(axis=0))


def _with_saturation(color: Values, value: Values) -> Values:
    """Stretch a colour from its least to its largest channel to [0, value] (W3C 10.2, SetSat)."""
    low = color.min(axis=0)
    return (color - low) * (value / np.maximum(color.max(axis=0) - low, TINY))


def hue(b: Values, s: Values) -> Values:
    """Take the hue of the source, saturation and luma of the backdrop (W3C 10.2.1)."""
    return _with_luma(_with_saturation(s, _saturation(b)), luma(b))


def saturation(b: Values, s: Values) -> Values:
    """Take the saturation of the source, hue and luma of the backdrop (W3C 10.2.2)."""
    return _with_luma(_with_saturation(b, _saturation(s)), luma(b))


def color(b: Values, s: Values) -> Values:
    """Take hue and saturation of the source, luma of the backdrop (W3C 10.2.3)."""
    return _with_luma(s, luma(b))


def luminosity(b: Values, s: Values) -> Values:
    """Take the luma of the source, hue and saturation of the backdrop (W3C 10.2.4)."""
    return _with_luma(b, luma(s))


def darker_color(b: Values, s: Values) -> Values:
    """Take the whole colour of the one with less luma (Photoshop)."""
    return np.where(luma(s) < luma(b), s, b)


def lighter_color(b: Values, s: Values) -> Values:
    """Take the whole colour of the one with more luma (Photoshop)."""
    return np.where(luma(s) > luma(b), s, b)


MODES: Table[Mode] = Table(
    "mode",
    {
        "normal": Mode(normal),
        "multiply": Mode(multiply),
        "screen": Mode(screen),
        "overlay": Mode(overlay),
        "darken": Mode(darken),
        "lighten": Mode(lighten),
        "color-dodge": Mode(color_dodge),
        "color-burn": Mode(color_burn),
        "hard-light": Mode(hard_light),
        "soft-light": Mode(soft_light),
        "difference": Mode(difference),
        "exclusion": Mode(exclusion),
        "hue": Mode(hue, separable=False),
        "saturation": Mode(saturation, separable=False),
        "color": Mode(color, separable=False),
        "luminosity": Mode(luminosity, separable=False),
        "linear-burn": Mode(linear_burn),
        "linear-dodge": Mode(linear_dodge),
        "vivid-light": Mode(vivid_light),
        "linear-light": Mode(linear_light),
        "pin-light": Mode(pin_light),
        "hard-mix": Mode(hard_mix),
        "subtract": Mode(subtract),
        "divide": Mode(divide),
        "darker-color": Mode(darker_color, separable=False),
        "lighter-color": Mode(lighter_color, separable=False),
        "soft-light:photoshop": Mode(soft_light_photoshop),
    },
)
"""Name -> formula; the first sixteen are W3C's."""


def _towards(neutral: float, formula: Formula) -> Callable[..., Values]:
    return lambda b, s, fill: formula(b, neutral + fill * (s - neutral))


def _hard_mix_filled(b: Values, s: Values, fill: float) -> Values:
    """Steepen the backdrop around ``1 - s``: a threshold at full fill, the backdrop at none."""
    if fill == 1:
        return hard_mix(b, s)
    return np.clip((b - fill * (1 - s)) / np.float32(1 - fill), 0, np.maximum(b, 1))


FILLED: Table[Callable[..., Values]] = Table(
    "mode with a fill of its own",
    {
        "color-burn": _towards(1, color_burn),
        "linear-burn": _towards(1, linear_burn),
        "color-dodge": _towards(0, color_dodge),
        "linear-dodge": _towards(0, linear_dodge),
        "vivid-light": _towards(0.5, vivid_light),
        "linear-light": _towards(0.5, linear_light),
        "hard-mix": _hard_mix_filled,
        "difference": _towards(0, difference),
    },
)
"""The eight modes in which Photoshop's fill opacity acts inside the formula, ``f(backdrop, source, fill)``."""
