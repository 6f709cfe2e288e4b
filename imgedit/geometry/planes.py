"""Strips of an image as planes of float32 ready to be interpolated, and back.

What is interpolated must be premultiplied, or the hidden colour of clear pixels bleeds into the seen ones. Integer
images keep their own units (white at 255 or 65535): their numbers are exact in float32, so that results that should be
whole numbers are. Linear light has white at 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import linear_to_srgb, srgb_to_linear
from imgedit.pixels import LEAST_ALPHA, Image, full_range

__all__ = ["as_dtype", "load", "store"]

Floats = NDArray[np.float32]

CV_DEPTH = {np.dtype(np.uint8): cv2.CV_8U, np.dtype(np.uint16): cv2.CV_16U}


def load(strip: Image, planes: Sequence[Floats], *, linear: bool = False) -> None:
    """Write an image's rows as premultiplied planes.

    Parameters
    ----------
    strip : ndarray
        H x W, H x W x 3 or H x W x 4 of any image dtype.
    planes : sequence of ndarray of float32
        One H x W array a channel, written to; in the units of the dtype, or light with white at 1.
    linear : bool
        Decode sRGB to linear light.
    """
    parts = cv2.split(strip) if strip.ndim == 3 else [strip]
    white = full_range(strip.dtype)
    share: Floats | None = None
    if len(parts) == 4:
        alpha = parts[3]
        planes[3][:] = alpha
        if linear or alpha.min() < white:
            share = np.divide(planes[3], np.float32(white), dtype=np.float32)
        if linear and share is not None:
            planes[3][:] = share
    for part, plane in zip(parts[:3], planes, strict=False):
        values = srgb_to_linear(part) if linear else part
        if share is None:
            plane[:] = values
        else:
            np.multiply(values, share, out=plane, dtype=np.float32)


def store(planes: Sequence[Floats], out: Image, *, linear: bool = False) -> None:
    """Write premultiplied planes into an image's rows: the inverse of `load`, rounding and clipping integers.

    Parameters
    ----------
    planes : sequence of ndarray of float32
        One H x W array a channel; overwritten.
    out : ndarray
        H x W, H x W x 3 or H x W x 4 of any image dtype, written to.
    linear : bool
        The planes hold linear light.
    """
    full = full_range(out.dtype)
    colors = planes[:3]
    if len(planes) == 4:
        _unpremultiply(colors, planes[3], 1.0 if linear else full)
    if linear:
        for plane in colors:
            plane[:] = linear_to_srgb(plane)
        for plane in planes:
            np.multiply(plane, np.float32(full), out=plane)
    parts = [as_dtype(plane, out.dtype) for plane in planes]
    if len(parts) == 1:
        out[:] = parts[0]
    else:
        cv2.merge(parts, out)


def _unpremultiply(colors: Sequence[Floats], alpha: Floats, white: float) -> None:
    # Negative lobes can carry alpha out of its range, which nothing can hold.
    np.clip(alpha, 0, white, out=alpha)
    if alpha.min() == white:
        return
    least = np.float32(white * LEAST_ALPHA)
    inverse = np.divide(np.float32(white), np.maximum(alpha, least), dtype=np.float32)
    inverse *= alpha > least
    for plane in colors:
        np.multiply(plane, inverse, out=plane)


def as_dtype(values: Floats, dtype: np.dtype[Any]) -> Image:
    """Round to the nearest level and clip, in one pass.

    OpenCV's conversion is four times as fast as ``pixels.like``; it is right up to 2^31 only, which weighted means of
    integers never reach.
    """
    if dtype == np.float32:
        return values
    return np.asarray(cv2.addWeighted(values, 1, values, 0, 0, dtype=CV_DEPTH[dtype]))
