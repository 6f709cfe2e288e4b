"""The one alpha equation: planes of straight colour in, planes of straight colour out.

Colour is float32 planes, channels first, ``(1 or 3, height, width)`` with white at 1; alpha is ``(height, width)`` in
[0, 1], or None for opaque. Everything that composites ends here.

For source alpha a_s, backdrop alpha a_b, mode B and operator factors F (W3C, section 5 and 9)::

    mixed  = (1 - a_b) source + a_b B(backdrop, source)
    a      = a_s F_s + a_b F_b
    color  = (a_s F_s mixed + a_b F_b backdrop) / a

References
----------
W3C (2024). Compositing and Blending Level 1. https://www.w3.org/TR/compositing-1/
ISO 32000-1:2008 (PDF 1.7), 11.4.6 Knockout groups.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.compositing.alpha_modes import ALPHA_MODES, AlphaMode
from imgedit.compositing.modes import FILLED, MODES, TINY, Mode
from imgedit.compositing.operators import OPERATORS
from imgedit.compositing.spaces import convert, on_lightness
from imgedit.pixels import Image, full_range, like
from imgedit.tables import Table

__all__ = ["BLEND_MODES", "Alpha", "Planes", "composite", "knock_out", "times", "to_pixels", "to_planes"]

Planes: TypeAlias = NDArray[Any]
Alpha: TypeAlias = "NDArray[Any] | None"

BLEND_MODES: Table[Mode | AlphaMode] = Table("mode", {**MODES, **ALPHA_MODES})
"""Every mode that `composite` takes."""


def to_planes(strip: Image) -> tuple[Planes, Alpha]:
    """Part a strip of an image into planes of float32.

    Parameters
    ----------
    strip : ndarray
        Rows of a checked image of any dtype.

    Returns
    -------
    color : ndarray of float32
        (1 or 3, height, width), a new array.
    alpha : ndarray of float32 or None
        (height, width), None where the image has no alpha.
    """
    channels = 1 if strip.ndim == 2 else strip.shape[2]
    out = np.empty((channels, *strip.shape[:2]), np.float32)
    for plane, values in zip(out, [strip] if channels == 1 else cv2.split(strip), strict=True):
        np.divide(values, np.float32(full_range(strip.dtype)), out=plane, dtype=np.float32)
    return out[:3], out[3] if channels == 4 else None


def to_pixels(color: Planes, alpha: Alpha, out: Image) -> None:
    """Write planes into rows of an image, rounded and clipped as its dtype wants.

    Parameters
    ----------
    color : ndarray of float32
        (1 or 3, height, width).
    alpha : ndarray of float32 or None
        (height, width); None is opaque.
    out : ndarray
        Rows of an image of any dtype; without alpha, alpha is dropped, and grey needs one plane of colour.
    """
    if out.ndim == 2:
        out[:] = like(color[0], out)
        return
    parts = [like(color[min(i, len(color) - 1)], out) for i in range(3)]
    if out.shape[2] == 4:
        parts.append(like(_plane(alpha, color), out))
    cv2.merge(parts, out)


def composite(
    backdrop: Planes,
    backdrop_alpha: Alpha,
    source: Planes,
    source_alpha: Alpha,
    mode: str = "normal",
    operator: str = "source-over",
    *,
    fill: float = 1.0,
    space: str = "srgb",
    composite_space: str | None = None,
    shape: Alpha = None,
) -> tuple[Planes, Alpha]:
    """Put a source on a backdrop.

    Parameters
    ----------
    backdrop, source : ndarray of float32
        (C, height, width) straight colour in encoded sRGB; C is 1 or 3, and the result has the larger.
    backdrop_alpha, source_alpha : ndarray of float32 or None
        (height, width) in [0, 1]; None is opaque.
    mode : str
        A name in MODES or ALPHA_MODES; the latter have their own idea of alpha and take no operator. For ``dissolve``,
        make the source's alpha hard first with `dissolved`.
    operator : str
        A name in OPERATORS.
    fill : float
        0 to 1; inside the formula for the modes in FILLED, else a factor on the source's alpha.
    space, composite_space : str
        Names in SPACES: for the formula, and for the mix (by default the same).
    shape : ndarray of float32 or None
        Opacity and mask without the source's own alpha; only ``replace`` looks at it.

    Returns
    -------
    color : ndarray of float32
        (C, height, width) straight colour in encoded sRGB; never the source's or backdrop's own array. Where the
        result is clear it is the backdrop's, as far as the operator keeps any of it.
    alpha : ndarray of float32 or None
        (height, width), None where the result is opaque everywhere.
    """
    outer = composite_space or space
    alpha: Alpha
    planes = max(len(backdrop), len(source))
    if len(backdrop) != len(source) or (planes == 1 and ("oklab" in (space, outer) or not _separable(mode))):
        backdrop, source = (np.repeat(x, 3, axis=0) if len(x) == 1 else x for x in (backdrop, source))
    pair = _Pair(backdrop, source, space, outer)
    if mode in ALPHA_MODES:
        alpha_s = _plane(times(source_alpha, fill, source), source)
        shape = _plane(times(shape, fill, source), source)
        alpha_b = _plane(backdrop_alpha, backdrop)
        color, alpha = ALPHA_MODES[mode].apply(pair.backdrop, alpha_b, pair.source, alpha_s, shape)
        color = color.copy() if color is backdrop else color
    else:
        mixed, source_alpha = _mix(pair, backdrop_alpha, source_alpha, mode, fill)
        color, alpha = _operate(pair.backdrop, backdrop_alpha, mixed, source_alpha, operator)
    if outer != "srgb":
        color = convert(color, outer, "srgb")
        _keep(color, backdrop, source_alpha)
    return color[:planes], alpha


def knock_out(
    accumulated: Planes,
    accumulated_alpha: Alpha,
    source: Planes,
    source_alpha: Alpha,
    shape: Alpha,
    mode: str = "normal",
    *,
    initial: Planes | None = None,
    initial_alpha: Alpha = None,
    fill: float = 1.0,
) -> tuple[Planes, Alpha]:
    """Replace what has accumulated in a group by a source on the group's initial backdrop, inside the source's shape.

    Parameters
    ----------
    accumulated : ndarray of float32
        (C, height, width) straight colour of the group so far, initial backdrop included.
    accumulated_alpha : ndarray of float32 or None
        (height, width); None is opaque.
    source : ndarray of float32
        (C, height, width) straight colour.
    source_alpha : ndarray of float32 or None
        (height, width), shape times opacity; None is opaque.
    shape : ndarray of float32 or None
        (height, width) coverage of the source, at least its alpha; None is everywhere.
    mode : str
        A name in MODES.
    initial : ndarray of float32, optional
        (C, height, width) straight colour that the group started with; without it the group started clear.
    initial_alpha : ndarray of float32 or None
        (height, width); None is opaque.
    fill : float
        As for `composite`.

    Returns
    -------
    color : ndarray of float32
        (C, height, width) straight colour.
    alpha : ndarray of float32 or None
        (height, width), None where the result is opaque everywhere.

    Notes
    -----
    This is the formula of ISO 32000-1, 11.4.6.2, in premultiplied colour:
    ``(1 - shape) accumulated + (shape - alpha_s) initial + alpha_s mixed``.
    """
    clear = np.zeros(source.shape[1:], np.float32)
    if initial is None:
        initial, initial_alpha = source, clear
    outside = 0.0 if shape is None else 1 - shape
    over = 1.0 if initial_alpha is None else initial_alpha
    mixed, source_alpha = _mix(_Pair(initial, source), initial_alpha, source_alpha, mode, fill)
    inside = clear + (1.0 if source_alpha is None else source_alpha)
    weights = (
        outside * (1.0 if accumulated_alpha is None else accumulated_alpha) + clear,
        (1 - outside - inside) * over + clear,
        inside,
    )
    alpha = weights[0] + weights[1] + weights[2]
    share = [weight / np.maximum(alpha, TINY) for weight in weights]
    color = share[0] * accumulated + share[1] * initial + share[2] * mixed
    return np.where(alpha > 0, color, accumulated), alpha


class _Pair:
    """Backdrop and source in the space to mix in, and their blend, worked out in the space to blend in."""

    def __init__(self, backdrop: Planes, source: Planes, space: str = "srgb", outer: str = "srgb") -> None:
        self.given = backdrop, source
        self.space, self.outer = space, outer
        self.backdrop, self.source = (convert(x, "srgb", outer) for x in self.given)

    def blended(self, mode: str, fill: float = 1.0) -> Planes:
        if mode == "normal":
            return self.source
        space, formula = self.space, MODES[mode].formula
        if fill < 1:
            formula = partial(FILLED[mode], fill=fill)
        if MODES[mode].encoded or (space == "oklab" and not MODES[mode].separable):
            space = "srgb"
        b, s = (self.backdrop, self.source) if space == self.outer else (convert(x, "srgb", space) for x in self.given)
        result = on_lightness(formula, b, s) if space == "oklab" else formula(b, s)
        return convert(result, space, self.outer)


def _separable(mode: str) -> bool:
    return MODES[mode].separable if mode in MODES else mode != "color-erase"


def _mix(pair: _Pair, backdrop_alpha: Alpha, source_alpha: Alpha, mode: str, fill: float) -> tuple[Planes, Alpha]:
    """Blend where there is backdrop, leave the source alone where there is none; give the alpha that goes with it."""
    inner = fill if mode in FILLED else 1.0
    if inner == 1:
        source_alpha = times(source_alpha, fill, pair.source)
    blended = pair.blended(mode, inner)
    if backdrop_alpha is None or mode == "normal":
        return blended, source_alpha
    if inner == 1:
        return (1 - backdrop_alpha) * pair.source + backdrop_alpha * blended, source_alpha
    # Fill inside a formula leaves the backdrop as it was at fill 0, so the part beside the backdrop must vanish too.
    beside = (1 - backdrop_alpha) * np.float32(inner)
    shown = beside + backdrop_alpha
    mixed = (beside * pair.source + backdrop_alpha * blended) / np.maximum(shown, TINY)
    return mixed, shown if source_alpha is None else source_alpha * shown


def _keep(color: Planes, backdrop: Planes, source_alpha: Alpha) -> None:
    """Undo the rounding of the way to another space and back where the source changes nothing."""
    if source_alpha is not None:
        np.copyto(color, backdrop, where=source_alpha == 0)


def _operate(
    backdrop: Planes, backdrop_alpha: Alpha, mixed: Planes, source_alpha: Alpha, operator: str
) -> tuple[Planes, Alpha]:
    """Weigh the two premultiplied, and divide by the resulting alpha."""
    if operator == "source-over" and source_alpha is None:
        return mixed.copy(), None
    if operator == "source-over" and backdrop_alpha is None and source_alpha is not None:
        return (1 - source_alpha) * backdrop + source_alpha * mixed, None
    alpha_b = _plane(backdrop_alpha, backdrop)
    alpha_s = _plane(source_alpha, backdrop)
    factor_s, factor_b = OPERATORS[operator](alpha_b, alpha_s)
    weight_s, weight_b = alpha_s * np.float32(factor_s), alpha_b * np.float32(factor_b)
    alpha = np.minimum(weight_s + weight_b, 1)
    divisor = np.maximum(alpha, TINY)
    # Where nothing is left, the colour is the backdrop's as far as the operator keeps any of it: hidden colour that
    # a clear source touches must stay as it was.
    share_b = np.where(alpha > 0, weight_b / divisor, np.float32(np.greater(factor_b, 0)))
    return weight_s / divisor * mixed + share_b * backdrop, alpha


def _plane(alpha: Alpha, color: Planes) -> NDArray[Any]:
    return np.ones(color.shape[1:], np.float32) if alpha is None else alpha


def times(alpha: Alpha, factor: Alpha | float, color: Planes | None = None) -> Alpha:
    """Multiply alphas, None being opaque.

    Parameters
    ----------
    alpha : ndarray of float32 or None
        (height, width).
    factor : ndarray of float32, float or None
        (height, width), or a number, which needs `color` for the size.
    color : ndarray, optional
        (C, height, width).

    Returns
    -------
    ndarray of float32 or None
        (height, width).
    """
    if factor is None or (not isinstance(factor, np.ndarray) and factor == 1):
        return alpha
    if isinstance(factor, np.ndarray):
        return factor if alpha is None else alpha * factor
    if alpha is not None:
        return alpha * np.float32(factor)
    return None if color is None else np.full(color.shape[1:], factor, np.float32)
