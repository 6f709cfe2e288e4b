"""Strips of an image as planes of float32 ready to be interpolated, and back.

What is interpolated must be premultiplied, or the hidden colour of clear pixels bleeds into the seen ones. Integer
images keep their own units (white at 255 or 65535): their numbers are exact in float32, so that results that should be
whole numbers are. Linear light has white at 1.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import linear_to_srgb, srgb_to_linear
from imgedit.pixels import LEAST_ALPHA, Image, full_range
from imgedit.strips import Scratch

__all__ = ["as_dtype", "load", "store"]

Floats = NDArray[np.float32]

CV_DEPTH = {np.dtype(np.uint8): cv2.CV_8U, np.dtype(np.uint16): cv2.CV_16U}


def load(strip: Image, planes: Floats, scratch: Scratch, *, linear: bool = False) -> None:
    """Write an image's rows as premultiplied planes.

    Parameters
    ----------
    strip : ndarray
        H x W, H x W x 3 or H x W x 4 of any image dtype.
    planes : ndarray of float32
        Channels x H x W, written to; in the units of the dtype, or light with white at 1.
    scratch : Scratch
        Memory to work in.
    linear : bool
        Decode sRGB to linear light.
    """
    parts = _split(strip, planes, scratch)
    white = full_range(strip.dtype)
    colors = planes[:3]
    if linear:
        for plane, part in zip(colors, parts, strict=False):
            plane[:] = srgb_to_linear(part)
        if len(planes) == 4:
            np.divide(parts[3], np.float32(white), out=planes[3], dtype=np.float32)
    elif parts is not planes:
        planes[:] = parts
    if len(planes) == 4 and parts[3].min() < white:
        share = planes[3]
        if not linear and white != 1:
            share = np.divide(share, np.float32(white), out=scratch.array("share", share.shape))
        np.multiply(colors, share, out=colors)


def _split(strip: Image, planes: Floats, scratch: Scratch) -> Image:
    """Give the channels one after the other, in the strip's own dtype."""
    if strip.ndim == 2:
        return strip[None]
    parts = planes if strip.dtype == np.float32 else scratch.array("parts", planes.shape, strip.dtype)
    cv2.split(strip, list(parts))
    return parts


def store(planes: Floats, out: Image, scratch: Scratch, *, linear: bool = False) -> None:
    """Write premultiplied planes into an image's rows: the inverse of `load`, rounding and clipping integers.

    Parameters
    ----------
    planes : ndarray of float32
        Channels x H x W, contiguous; overwritten.
    out : ndarray
        H x W, H x W x 3 or H x W x 4 of any image dtype, written to.
    scratch : Scratch
        Memory to work in.
    linear : bool
        The planes hold linear light.
    """
    full = full_range(out.dtype)
    if len(planes) == 4:
        _unpremultiply(planes[:3], planes[3], 1.0 if linear else full, scratch)
    if linear:
        for plane in planes[:3]:
            plane[:] = linear_to_srgb(plane)
        planes *= np.float32(full)
    parts: Image = planes
    if out.dtype != np.float32:
        parts = scratch.array("parts", planes.shape, out.dtype)
        as_dtype(planes.reshape(-1, planes.shape[-1]), out.dtype, parts.reshape(-1, parts.shape[-1]))
    if out.ndim == 2:
        out[:] = parts[0]
    else:
        cv2.merge(list(parts), out)


def _unpremultiply(colors: Floats, alpha: Floats, white: float, scratch: Scratch) -> None:
    # Negative lobes can carry alpha out of its range, which nothing can hold.
    np.clip(alpha, 0, white, out=alpha)
    if alpha.min() == white:
        return
    least = np.float32(white * LEAST_ALPHA)
    share = np.maximum(alpha, least, out=scratch.array("share", alpha.shape))
    np.divide(np.float32(white), share, out=share)
    share *= alpha > least
    np.multiply(colors, share, out=colors)


def as_dtype(values: Floats, dtype: np.dtype[Any], out: Image | None = None) -> Image:
    """Round to the nearest level and clip, in one pass.

    OpenCV's conversion is four times as fast as ``pixels.like``; it is right up to 2^31 only, which weighted means of
    integers never reach.
    """
    if dtype == np.float32:
        return values
    return np.asarray(cv2.addWeighted(values, 1, values, 0, 0, out, dtype=CV_DEPTH[dtype]))
