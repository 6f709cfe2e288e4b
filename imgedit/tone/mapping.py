"""Apply a function of one value to every pixel: as a look-up table where the dtype has few values, else in strips.

The tables are made from the formula itself through ``pixels``, so that 8-bit, 16-bit and float results are one formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.pixels import Image, as_float, full_range, like, split_alpha
from imgedit.strips import each_strip

__all__ = ["Curve", "Floats", "look_up", "map_values", "table_of"]

Floats: TypeAlias = NDArray[np.float32]

Curve: TypeAlias = Callable[[Floats], Floats]
"""A function from float32 values (white at 1) to new ones, each by itself; it may not write to what it is given."""


def map_values(image: Image, *curves: Curve) -> Image:
    """Apply curves to the colour of an image; alpha stays as it is.

    Parameters
    ----------
    image : ndarray
        A checked image of any dtype.
    *curves : callable
        One for all channels, or three for red, green and blue (of which a grey image takes the first).

    Returns
    -------
    ndarray
        A new image of the same shape and dtype.
    """
    if image.ndim == 2:
        curves = curves[:1]
    if image.dtype != np.float32:
        return look_up(image, [table_of(curve, image.dtype) for curve in curves])
    out = np.empty_like(image)

    def work(top: int, bottom: int) -> None:
        rows, new = image[top:bottom], out[top:bottom]
        new[...] = rows
        color, target = split_alpha(rows)[0], split_alpha(new)[0]
        if len(curves) == 1:
            target[...] = curves[0](np.ascontiguousarray(color))
        else:
            for channel, curve in enumerate(curves):
                target[..., channel] = curve(np.ascontiguousarray(color[..., channel]))

    each_strip(work, image.shape[0], row_bytes=image[0].nbytes)
    return out


def table_of(curve: Curve, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Values of a curve at every level of an integer dtype.

    Parameters
    ----------
    curve : callable
        The curve.
    dtype : dtype
        uint8 or uint16.

    Returns
    -------
    ndarray
        256 or 65536 values of that dtype.
    """
    return like(curve(as_float(np.arange(int(full_range(dtype)) + 1, dtype=dtype))), dtype)


def look_up(image: Image, tables: Sequence[NDArray[Any]]) -> Image:
    """Replace each level by what a table says; alpha stays as it is.

    Parameters
    ----------
    image : ndarray
        A checked uint8 or uint16 image.
    tables : sequence of ndarray
        One for all colour channels, or three; a value for each level, of any dtype.

    Returns
    -------
    ndarray
        A new image of the same shape, of the tables' dtype.
    """
    if image.ndim == 3:
        levels = np.arange(len(tables[0])).astype(tables[0].dtype)
        tables = [*(tables if len(tables) == 3 else [tables[0]] * 3), levels][: image.shape[2]]
    out = np.empty(image.shape, tables[0].dtype)
    same = all(table is tables[0] for table in tables)

    def work(top: int, bottom: int) -> None:
        rows = image[top:bottom]
        if same:
            out[top:bottom] = cv2.LUT(rows, tables[0]).reshape(rows.shape)
        else:  # plane by plane is twice as quick as OpenCV's tables for several channels
            planes = [cv2.LUT(plane, table) for plane, table in zip(cv2.split(rows), tables, strict=True)]
            cv2.merge(planes, out[top:bottom])

    each_strip(work, image.shape[0], row_bytes=4 * image[0].nbytes)
    return out
