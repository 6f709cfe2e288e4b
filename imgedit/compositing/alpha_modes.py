"""Blend modes that are not formulas of colour but work on alpha: GIMP's, Photoshop's and Krita's.

Each takes planes as ``imgedit.compositing.equation`` does: ``f(backdrop, alpha_b, source, alpha_s, shape)`` gives
``(color, alpha)``. ``alpha_s`` already holds opacity and mask; ``shape`` is opacity and mask without the source's own
alpha.

References
----------
The GIMP documentation team. GNU Image Manipulation Program user manual, section 8.2, Layer modes.
https://docs.gimp.org/3.0/en/gimp-concepts-layer-modes.html
Krita manual, blending modes, mix. https://docs.krita.org/en/reference_manual/blending_modes/mix.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgedit.tables import Table

__all__ = ["ALPHA_MODES", "AlphaMode", "dissolved"]

Values: TypeAlias = NDArray[Any]

# Alpha below this is rounding noise.
TINY = np.float32(1e-7)


@dataclass(frozen=True)
class AlphaMode:
    """What a mode does to colour and alpha.

    Parameters
    ----------
    apply : callable
        ``apply(backdrop, alpha_b, source, alpha_s, shape)`` gives ``(color, alpha)``.
    keeps_opaque : bool
        Whether an opaque backdrop stays opaque.
    """

    apply: Callable[[Values, Values, Values, Values, Values], tuple[Values, Values]]
    keeps_opaque: bool = True

    @property
    def about(self) -> str:
        """What it does and where it comes from, in a line."""
        return (self.apply.__doc__ or "").strip().split("\n")[0]


def dissolved(alpha: Values, noise: Values) -> Values:
    """Make a source either opaque or clear, by chance: opaque with the probability that its alpha says."""
    return (noise < alpha).astype(np.float32)


def dissolve(b: Values, alpha_b: Values, s: Values, alpha_s: Values, _shape: Values) -> tuple[Values, Values]:
    """Show the source at random pixels, as many as its alpha says (Photoshop, GIMP); the result is as seeded."""
    return np.where(alpha_s > 0, s, b), np.where(alpha_s > 0, 1, alpha_b)


def behind(b: Values, alpha_b: Values, s: Values, alpha_s: Values, _shape: Values) -> tuple[Values, Values]:
    """Paint behind the backdrop, where that is transparent (Photoshop, GIMP)."""
    return _weigh(b, alpha_b, s, alpha_s * (1 - alpha_b))


def erase(b: Values, alpha_b: Values, _s: Values, alpha_s: Values, _shape: Values) -> tuple[Values, Values]:
    """Take the source's alpha away from the backdrop: ``a_b (1 - a_s)``, colour stays (GIMP)."""
    return b, alpha_b * (1 - alpha_s)


def anti_erase(b: Values, alpha_b: Values, _s: Values, alpha_s: Values, _shape: Values) -> tuple[Values, Values]:
    """Bring back what was erased: ``a_b + (1 - a_b) a_s``, colour stays (GIMP)."""
    return b, alpha_b + (1 - alpha_b) * alpha_s


def color_erase(b: Values, alpha_b: Values, s: Values, alpha_s: Values, _shape: Values) -> tuple[Values, Values]:
    """Take the source's colour out of the backdrop, as GIMP's color to alpha does.

    The least alpha with which some colour over the source's gives the backdrop's, and that colour.
    """
    rise = np.maximum(b - s, 0) / np.maximum(1 - s, TINY)
    fall = np.maximum(s - b, 0) / np.maximum(s, TINY)
    left = np.minimum(np.maximum(rise, fall).max(axis=0), 1)
    rest = s + (b - s) / np.maximum(left, TINY)
    return _weigh(b, alpha_b * (1 - alpha_s), rest, alpha_b * alpha_s * left)


def merge(b: Values, alpha_b: Values, s: Values, alpha_s: Values, _shape: Values) -> tuple[Values, Values]:
    """Join parts that were split from each other: alphas add up, and only what exceeds 1 is covered (GIMP)."""
    return _weigh(b, np.minimum(alpha_b, 1 - alpha_s), s, alpha_s)


def split(b: Values, alpha_b: Values, s: Values, alpha_s: Values, _shape: Values) -> tuple[Values, Values]:
    """Subtract the smaller alpha from the larger, with the colour of the larger (GIMP)."""
    return np.where(alpha_s > alpha_b, s, b), np.abs(alpha_b - alpha_s)


def replace(b: Values, alpha_b: Values, s: Values, alpha_s: Values, shape: Values) -> tuple[Values, Values]:
    """Cross-fade colour and alpha to the source's by opacity and mask (GIMP)."""
    return _weigh(b, alpha_b * (1 - shape), s, alpha_s)


def greater(b: Values, alpha_b: Values, s: Values, alpha_s: Values, _shape: Values) -> tuple[Values, Values]:
    """Raise alpha to the source's where that is larger, instead of adding the two up (Krita).

    The change from one to the other is a logistic curve of slope 40, so that edges stay smooth.
    """
    stays = 1 / (1 + np.exp(-40 * (alpha_b - alpha_s)))
    wanted = np.maximum(alpha_b * stays + alpha_s * (1 - stays), alpha_b)
    share = 1 - (1 - wanted) / np.maximum(1 - alpha_b, TINY)
    share = np.where(alpha_b < 1, np.clip(share, 0, 1), 0)
    return _weigh(b, alpha_b * (1 - share), s, share)


def _weigh(b: Values, weight_b: Values, s: Values, weight_s: Values) -> tuple[Values, Values]:
    """Mean of two straight colours by premultiplied weights; the backdrop's colour where nothing is left."""
    alpha = weight_b + weight_s
    share = weight_s / np.maximum(alpha, TINY)
    return b * (1 - share) + s * share, alpha


ALPHA_MODES: Table[AlphaMode] = Table(
    "mode",
    {
        "dissolve": AlphaMode(dissolve),
        "behind": AlphaMode(behind),
        "erase": AlphaMode(erase, keeps_opaque=False),
        "anti-erase": AlphaMode(anti_erase),
        "color-erase": AlphaMode(color_erase, keeps_opaque=False),
        "merge": AlphaMode(merge),
        "split": AlphaMode(split, keeps_opaque=False),
        "replace": AlphaMode(replace, keeps_opaque=False),
        "greater": AlphaMode(greater),
    },
)
"""Name -> what it does to colour and alpha."""
