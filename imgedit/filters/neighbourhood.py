"""Run a filter that looks at neighbours over an image of any kind, band by band.

Colour is premultiplied by alpha and stands as float32, so that hidden colours do not bleed and nothing is rounded in
between; a band brings the rows around it that the filter reaches, so that no seam shows and no whole-image temporary
is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import linear_to_srgb, srgb_to_linear
from imgedit.errors import ArgumentError
from imgedit.pixels import LEAST_ALPHA, Image, Progress, as_float, full_range, like, split_alpha
from imgedit.strips import STRIP_BYTES, each_strip

__all__ = ["Border", "Floats", "check_choice", "in_bands", "with_border"]

Floats: TypeAlias = NDArray[np.float32]

Border: TypeAlias = Literal["reflect", "edge", "wrap", "clear"]
"""What lies outside of an image: its mirror image, its outermost pixels, itself again, or nothing (black if opaque)."""

BORDERS: dict[str, int] = {
    "reflect": cv2.BORDER_REFLECT,
    "edge": cv2.BORDER_REPLICATE,
    "wrap": cv2.BORDER_WRAP,
    "clear": cv2.BORDER_CONSTANT,
}

# A band at least this many times as high as what it reaches beyond itself wastes at most a third of the work.
BAND_TO_REACH = 4

# Bands of fewer rows would mostly work on margins, and cost more calls than they save memory.
LEAST_ROWS = 64


def check_choice(value: str, name: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not one of a few.

    Parameters
    ----------
    value : str
        What a caller gave.
    name : str
        The caller's name of the argument.
    choices : tuple of str
        What it may be.

    Raises
    ------
    ArgumentError
        Another word.
    """
    if value not in choices:
        raise ArgumentError(name, f"is {value!r}", f"give one of {', '.join(choices)}")


def in_bands(
    image: Image,
    function: Callable[[Floats], Floats],
    reach: tuple[int, int],
    *,
    border: str = "reflect",
    space: str = "srgb",
    averages: bool = False,
    progress: Progress | None = None,
) -> Image:
    """Filter a checked image.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4 of any dtype.
    function : callable
        Given float32 rows of premultiplied colour with a margin on all sides; gives the same shape. What it puts into
        the margin is not looked at.
    reach : (int, int)
        Rows and columns of margin that it needs on each side.
    border : str
        What lies outside of the image: a name in BORDERS.
    space : str
        "srgb", or "linear" to filter amounts of light.
    averages : bool
        The function gives weighted means and takes rows of any dtype: integers without alpha are handed to it as they
        are, and it answers in their levels.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray
        A new image of the same shape and dtype.
    """
    check_choice(border, "border", tuple(BORDERS))
    check_choice(space, "space", ("srgb", "linear"))
    out = np.empty(image.shape, image.dtype)
    (down, across), height = reach, image.shape[0]
    as_is = averages and space == "srgb" and split_alpha(image)[1] is None
    white = full_range(image.dtype) if as_is else 1.0
    rows = max(LEAST_ROWS, BAND_TO_REACH * down, STRIP_BYTES // (4 * image[0].size))
    # A multiple of every power of two up to the reach: a filter that thins rows out meets the same ones in each band.
    step = 1 << max(0, down.bit_length() - 1)
    rows = -(-rows // step) * step

    def work(first: int, last: int) -> None:
        for top in range(first * rows, last * rows, rows):
            bottom = min(top + rows, height)
            band = with_border(image, top, bottom, reach, border)
            band = function(band if as_is else _to_work(band, space))
            band = band[down : down + bottom - top, across : across + image.shape[1]]
            out[top:bottom] = like(band if as_is else _from_work(band, space), image.dtype, white=white)

    each_strip(work, -(-height // rows), row_bytes=STRIP_BYTES, progress=progress)
    return out


def with_border(image: Image, top: int, bottom: int, reach: tuple[int, int], border: str) -> Image:
    """Take rows of an image with a margin around them.

    Parameters
    ----------
    image : ndarray
        HxW or HxWxC.
    top, bottom : int
        The rows.
    reach : (int, int)
        Rows and columns of margin on each side.
    border : str
        What lies outside of the image: a name in BORDERS.

    Returns
    -------
    ndarray
        (bottom - top + 2 rows) x (width + 2 columns) of the same dtype.
    """
    height = image.shape[0]
    first, last = top - reach[0], bottom + reach[0]
    outside = first < 0 or last > height
    rows = image[_row_numbers(np.arange(first, last), height, border)] if outside else image[first:last]
    if outside and border == "clear":
        rows[: max(0, -first)] = 0
        rows[height - first :] = 0
    return np.asarray(cv2.copyMakeBorder(rows, 0, 0, reach[1], reach[1], BORDERS[border]))


def _row_numbers(rows: NDArray[np.intp], height: int, border: str) -> NDArray[np.intp]:
    if border == "wrap":
        return rows % height
    if border == "reflect":
        folded = rows % (2 * height)
        return np.minimum(folded, 2 * height - 1 - folded)
    return rows.clip(0, height - 1)


def _to_work(rows: Image, space: str) -> Floats:
    values = srgb_to_linear(rows) if space == "linear" else as_float(rows)
    if values.ndim == 2 or values.shape[2] == 3:
        return values
    out = values * values[..., 3:]
    out[..., 3] = values[..., 3]
    return out


def _from_work(values: Floats, space: str) -> Floats:
    if values.ndim == 3 and values.shape[2] == 4:
        alpha = values[..., 3:]
        straight = np.asarray(values / np.maximum(alpha, np.float32(LEAST_ALPHA)), np.float32)
        straight *= alpha > LEAST_ALPHA
        straight[..., 3] = values[..., 3]
        values = straight
    return linear_to_srgb(values) if space == "linear" else values
