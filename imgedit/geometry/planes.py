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

__all__ = ["load", "store"]

CV_DEPTH = {np.dtype(np.uint8): cv2.CV_8U, np.dtype(np.uint16): cv2.CV_16U}


def load(strip: Image, out: NDArray[np.float32], *, linear: bool = False) -> None:
    """Write an image's rows as premultiplied planes.

    Parameters
    ----------
    strip : ndarray
        K x W, K x W x 3 or K x W x 4 of any image dtype.
    out : ndarray of float32
        K x channels x W, written to; in the units of the dtype, or light with white at 1.
    linear : bool
        Decode sRGB to linear light.
    """
    planes = cv2.split(strip) if strip.ndim == 3 else [strip]
    colors = planes[:3]
    for channel, plane in enumerate(colors):
        out[:, channel] = srgb_to_linear(plane) if linear else plane
    if len(planes) == 4:
        white = full_range(strip.dtype)
        coverage = np.divide(planes[3], np.float32(white), dtype=np.float32)
        out[:, 3] = coverage if linear else planes[3]
        if coverage.min() < 1:
            out[:, :3] *= coverage[:, None]


def store(planes: NDArray[np.float32], out: Image, *, linear: bool = False) -> None:
    """Write premultiplied planes into an image's rows: the inverse of `load`, rounding and clipping integers.

    Parameters
    ----------
    planes : ndarray of float32
        M x channels x N; overwritten.
    out : ndarray
        M x N, M x N x 3 or M x N x 4 of any image dtype, written to.
    linear : bool
        The planes hold linear light.
    """
    white = np.float32(1 if linear else full_range(out.dtype))
    if planes.shape[1] == 4:
        alpha = planes[:, 3]
        # Negative lobes can carry alpha out of its range, which nothing can hold.
        np.clip(alpha, 0, white, out=alpha)
        if alpha.min() < white:
            inverse = np.divide(white, np.maximum(alpha, white * np.float32(LEAST_ALPHA)), dtype=np.float32)
            inverse *= alpha > white * LEAST_ALPHA
            planes[:, :3] *= inverse[:, None]
    if linear:
        colors = planes[:, :3] if planes.shape[1] == 4 else planes
        colors[:] = linear_to_srgb(colors.reshape(-1, colors.shape[-1])).reshape(colors.shape)
        planes *= np.float32(full_range(out.dtype))
    parts = [as_dtype(planes[:, channel], out.dtype) for channel in range(planes.shape[1])]
    if out.ndim == 2:
        out[:] = parts[0]
    else:
        cv2.merge(parts, out)


def as_dtype(values: NDArray[np.float32], dtype: np.dtype[Any]) -> Image:
    """Round to the nearest level and clip, in one pass.

    OpenCV's conversion is four times as fast as ``pixels.like``; it is right up to 2^31 only, which weighted means of
    integers never reach.
    """
    if dtype == np.float32:
        return values
    return np.asarray(cv2.addWeighted(values, 1, values, 0, 0, dtype=CV_DEPTH[dtype]))
