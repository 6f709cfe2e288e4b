"""Several images on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from imgedit.color import luma, parse_color
from imgedit.color.values import Color
from imgedit.errors import ArgumentError
from imgedit.pixels import Image, check, check_number, describe, like

__all__ = ["grid"]


def grid(
    images: Sequence[Image], *, columns: int | None = None, gap: int = 2, background: Color | None = None
) -> Image:
    """Put images of one size side by side in rows: a contact sheet.

    Parameters
    ----------
    images : sequence of ndarray
        Images of one shape and dtype, or an array NxHxWxC or NxHxW of them, as `sample` gives it.
    columns : int, optional
        Images in a row; by default so many that the sheet is about square.
    gap : int
        Pixels between two of them.
    background : str or tuple of float, optional
        Colour of the gaps and of what the last row lacks; by default clear where the images have alpha, else black.

    Returns
    -------
    ndarray
        One image, of their channels and dtype.

    Raises
    ------
    ImageError
        Not images.
    ArgumentError
        None, of different shape or dtype, or a number out of range.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.grid(np.zeros((6, 32, 32, 3), np.uint8), columns=3, gap=1).shape
    (65, 98, 3)
    """
    pictures = [check(image, "images") for image in images]
    if not pictures:
        raise ArgumentError("images", "are none", "give at least one")
    first = pictures[0]
    for picture in pictures:
        if picture.shape != first.shape or picture.dtype != first.dtype:
            raise ArgumentError("images", f"are {describe(first)} and {describe(picture)}", "bring them to one kind")
    across = math.ceil(math.sqrt(len(pictures))) if columns is None else int(check_number(columns, "columns", least=1))
    across, gap = min(across, len(pictures)), int(check_number(gap, "gap", least=0))
    height, width = first.shape[:2]
    down = -(-len(pictures) // across)
    shape = (down * (height + gap) - gap, across * (width + gap) - gap, *first.shape[2:])
    sheet = np.zeros(shape, first.dtype)
    if background is not None:
        color = parse_color(background, name="background")
        sheet[:] = like(color[: first.shape[2]] if first.ndim == 3 else luma(color[:3])[None], first.dtype)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, across)
        top, left = row * (height + gap), column * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet
