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

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.compositing.modes import FILLED, MODES, TINY
from imgedit.compositing.operators import OPERATORS
from imgedit.pixels import Image, full_range, like

__all__ = ["Alpha", "Planes", "composite", "knock_out", "to_pixels", "to_planes"]

Planes: TypeAlias = NDArray[Any]
Alpha: TypeAlias = "NDArray[Any] | None"


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
) -> tuple[Planes, Alpha]:
    """Put a source on a backdrop.

    Parameters
    ----------
    backdrop, source : ndarray of float32
        (C, height, width) straight colour; C is 1 or 3, and the result has the larger.
    backdrop_alpha, source_alpha : ndarray of float32 or None
        (height, width) in [0, 1]; None is opaque.
    mode : str
        A name in MODES.
    operator : str
        A name in OPERATORS.
    fill : float
        0 to 1; inside the formula for the modes in FILLED, else a factor on the source's alpha.

    Returns
    -------
    color : ndarray of float32
        (C, height, width) straight colour; never the source's or backdrop's own array. Where the result is clear it
        is the backdrop's.
    alpha : ndarray of float32 or None
        (height, width), None where the result is opaque everywhere.
    """
    if source.shape[0] != backdrop.shape[0]:
        backdrop, source = (np.repeat(x, 3, axis=0) if x.shape[0] == 1 else x for x in (backdrop, source))
    mixed, source_alpha = _mix(backdrop, backdrop_alpha, source, source_alpha, mode, fill)
    return _operate(backdrop, backdrop_alpha, mixed, source_alpha, operator)


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
    mixed, source_alpha = _mix(initial, initial_alpha, source, source_alpha, mode, fill)
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


def _mix(
    backdrop: Planes, backdrop_alpha: Alpha, source: Planes, source_alpha: Alpha, mode: str, fill: float
) -> tuple[Planes, Alpha]:
    """Blend where there is backdrop, leave the source alone where there is none; give the alpha that goes with it."""
    inner = fill if mode in FILLED else 1.0
    if inner == fill:
        blended = FILLED[mode](backdrop, source, fill) if fill < 1 else MODES[mode].formula(backdrop, source)
    else:
        source_alpha = _times(source_alpha, fill, source)
        blended = MODES[mode].formula(backdrop, source)
    if backdrop_alpha is None or mode == "normal":
        return blended, source_alpha
    if inner == 1:
        return (1 - backdrop_alpha) * source + backdrop_alpha * blended, source_alpha
    # Fill inside a formula leaves the backdrop as it was at fill 0, so the part beside the backdrop must vanish too.
    shown = inner + backdrop_alpha * np.float32(1 - inner)
    beside = (1 - backdrop_alpha) * np.float32(inner)
    mixed = (beside * source + backdrop_alpha * blended) / np.maximum(shown, TINY)
    return mixed, shown if source_alpha is None else source_alpha * shown


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


def _times(alpha: Alpha, factor: float, color: Planes) -> Alpha:
    if factor == 1:
        return alpha
    return np.float32(factor) * _plane(alpha, color)
