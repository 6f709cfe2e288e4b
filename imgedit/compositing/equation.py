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
    if strip.dtype == np.float32:
        cv2.split(strip, list(out))
    else:
        for plane, values in zip(out, cv2.split(strip), strict=True):
            np.divide(values, np.float32(full_range(strip.dtype)), out=plane)
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
        backdrop, source = _rgb(backdrop), _rgb(source)
    pair = _Pair(backdrop, source, space, outer)
    if mode in ALPHA_MODES:
        alpha_s = _plane(times(source_alpha, fill, source), source)
        shape = _plane(times(shape, fill, source), source)
        alpha_b = _plane(backdrop_alpha, backdrop)
        color, alpha = ALPHA_MODES[mode].apply(pair.backdrop, alpha_b, pair.source, alpha_s, shape)
        color = color.copy() if color is backdrop else color
    else:
        inner = fill if mode in FILLED else 1.0
        if inner == 1:
            source_alpha = times(source_alpha, fill, source)
        blended = pair.blended(mode, inner)
        color, alpha = _operate(pair, backdrop_alpha, blended, source_alpha, operator, inner)
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
    if initial is None:
        initial, initial_alpha = source, np.zeros(source.shape[1:], np.float32)
    if len({len(accumulated), len(initial), len(source)}) > 1:
        accumulated, initial, source = _rgb(accumulated), _rgb(initial), _rgb(source)
    pair = _Pair(initial, source)
    inner = fill if mode in FILLED else 1.0
    if inner == 1:
        source_alpha = times(source_alpha, fill, source)
    over, alpha_s = _plane(initial_alpha, source), _plane(source_alpha, source)
    covered = _plane(shape, source)
    within = alpha_s * over
    weights = {
        "accumulated": (1 - covered) * _plane(accumulated_alpha, source),
        "initial": (covered - alpha_s) * over,
        "within": within,
        "beside": (alpha_s - within) * np.float32(inner),
    }
    alpha = np.minimum(sum(weights.values()), 1)
    colors = accumulated, initial, pair.blended(mode, inner), source
    divisor = np.maximum(alpha, TINY)
    shares = [weight / divisor for weight in weights.values()]
    shares[0] += alpha <= 0
    return _sum(*zip(shares, colors, strict=True)), alpha


class _Pair:
    """Backdrop and source in the space to mix in, and their blend, worked out in the space to blend in."""

    def __init__(self, backdrop: Planes, source: Planes, space: str = "srgb", outer: str = "srgb") -> None:
        self.given = backdrop, source
        self.space, self.outer = space, outer
        self.backdrop, self.source = (convert(x, "srgb", outer) for x in self.given)

    def blended(self, mode: str, fill: float = 1.0) -> Planes | list[Planes]:
        if mode == "normal":
            return self.source
        space, formula = self.space, MODES[mode].formula
        if fill < 1:
            formula = partial(FILLED[mode], fill=fill)
        if MODES[mode].encoded or (space == "oklab" and not MODES[mode].separable):
            space = "srgb"
        b, s = (self.backdrop, self.source) if space == self.outer else (convert(x, "srgb", space) for x in self.given)
        if space == "oklab":
            result = on_lightness(formula, b, s)
        elif MODES[mode].separable:
            planes = [formula(x, y) for x, y in zip(b, s, strict=True)]  # one at a time, to stay in the cache
            if space == self.outer:
                return planes
            result = np.stack(planes)
        else:
            result = formula(b, s)
        return convert(result, space, self.outer)


def _rgb(color: Planes) -> Planes:
    return np.repeat(color, 3, axis=0) if len(color) == 1 else color


def _separable(mode: str) -> bool:
    return MODES[mode].separable if mode in MODES else mode != "color-erase"


def _keep(color: Planes, backdrop: Planes, source_alpha: Alpha) -> None:
    """Undo the rounding of the way to another space and back where the source changes nothing."""
    if source_alpha is not None:
        np.copyto(color, backdrop, where=source_alpha == 0)


def _operate(
    pair: _Pair, backdrop_alpha: Alpha, blended: Planes | list[Planes], source_alpha: Alpha, operator: str, fill: float
) -> tuple[Planes, Alpha]:
    """Weigh the blend, the source beside the backdrop and the backdrop, and divide by the alpha that they add up to.

    Fill inside a formula leaves the backdrop as it was at fill 0, so the source beside the backdrop must fade with it.
    """
    if operator == "source-over" and backdrop_alpha is None:
        if source_alpha is None:
            return np.array(blended, np.float32), None
        return _sum((source_alpha, blended), (1 - source_alpha, pair.backdrop)), None
    alpha_b, alpha_s = _plane(backdrop_alpha, pair.source), _plane(source_alpha, pair.source)
    if operator == "source-over" and fill == 1:
        return _over(pair, alpha_b, blended, alpha_s)
    factor_s, factor_b = OPERATORS[operator](alpha_b, alpha_s)
    weight_s, weight_b = _weight(alpha_s, factor_s), _weight(alpha_b, factor_b)
    parts = [(weight_s, blended), (weight_b, pair.backdrop)]
    if blended is not pair.source:
        within = weight_s * alpha_b
        beside = weight_s - within
        if fill < 1:
            beside *= np.float32(fill)
            weight_s = within + beside
        parts[:1] = [(within, blended), (beside, pair.source)]
    alpha = weight_s + weight_b
    np.clip(alpha, 0, 1, out=alpha)
    if alpha.all():
        return _sum(*((weight / alpha, color) for weight, color in parts)), alpha
    # Where nothing is left, the colour is the backdrop's as far as the operator keeps any of it: hidden colour that
    # a clear source touches must stay as it was.
    divisor = np.maximum(alpha, TINY)
    shares = [weight / divisor for weight, _ in parts]
    shares[-1] += (alpha <= 0) * np.greater(factor_b, 0)
    return _sum(*((share, color) for share, (_, color) in zip(shares, parts, strict=True))), alpha


def _over(
    pair: _Pair, alpha_b: NDArray[Any], blended: Planes | list[Planes], alpha_s: NDArray[Any]
) -> tuple[Planes, Alpha]:
    """Source-over in fewer passes: the source's share of the alpha is what the backdrop's falls short of 1.

    Where nothing is left the backdrop's share is 1, so hidden colour stays.
    """
    alpha = 1 - alpha_s
    alpha *= alpha_b
    alpha += alpha_s
    share = alpha_s / (alpha if alpha.min() > 0 else np.maximum(alpha, TINY))
    rest = 1 - share
    if blended is pair.source:
        return _sum((share, blended), (rest, pair.backdrop)), alpha
    within = share * alpha_b
    share -= within
    return _sum((within, blended), (share, pair.source), (rest, pair.backdrop)), alpha


def _weight(alpha: NDArray[Any], factor: Any) -> NDArray[Any]:
    return alpha if isinstance(factor, float) and factor == 1 else alpha * np.float32(factor)


def _sum(*parts: tuple[NDArray[Any], Planes | list[Planes]]) -> Planes:
    """Add up planes of colour, each times its plane of weights."""
    (first, color), *others = ((np.asarray(weight, np.float32), color) for weight, color in parts)
    out = np.empty((len(color), *first.shape), np.float32)
    for plane, values in zip(out, color, strict=True):
        np.multiply(values, first, out=plane)
    for weight, color in others:
        for plane, values in zip(out, color, strict=True):
            cv2.accumulateProduct(np.asarray(values, np.float32), weight, plane)
    return out


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
