"""Select and fill by colour: the magic wand and the paint bucket.

A pixel belongs to the selection if its colour differs from the seed's by at most the tolerance, exactly. With
``antialias`` the pixels along its rim that mix the selected colour with what lies beyond are selected by their share
of it: for a mix ``p = a s + (1 - a) q`` of the seed's colour s and the farthest colour q around,
``a = 1 - |p - s| / |q - s|``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import Color, srgb_to_oklab
from imgedit.errors import ArgumentError
from imgedit.geometry.painting import fill
from imgedit.geometry.paints import PAINT_FILES, Floats, Paint
from imgedit.pixels import Image, as_float, check, check_alpha, check_number
from imgedit.strips import each_strip

__all__ = ["flood_fill", "flood_mask"]

# Anti-aliased lines mix colours in a band of at most two pixels.
RIM = 2

# Slack in comparing: a difference of 16-bit levels and the tolerance that means it must agree.
ROUNDING = 1e-6


def flood_mask(
    image: Image,
    point: tuple[float, float],
    *,
    tolerance: float = 0.1,
    contiguous: bool = True,
    diagonal: bool = False,
    antialias: bool = False,
    space: Literal["srgb", "oklab"] = "srgb",
) -> Floats:
    """Select what has the colour of a point (magic wand).

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32. Transparent pixels are all alike; alpha counts as a channel.
    point : (float, float)
        (x, y) in pixels; the pixel that it lies in is the seed.
    tolerance : float
        Largest difference to the seed that is still selected, 0 to 1. In srgb: of any channel, as a fraction of the
        range (10 levels of 8 bit are 10/255). In oklab: the distance as the eye sees it (0.02 is just visible).
    contiguous : bool
        Only pixels that are connected with the seed; else all of the image.
    diagonal : bool
        Whether pixels that only touch at a corner are connected.
    antialias : bool
        Select the mixed pixels along the rim in part; everything within the tolerance stays selected in full.
    space : {"srgb", "oklab"}
        How colours are compared.

    Returns
    -------
    ndarray of float32
        HxW coverage: 0 or 1, between only with `antialias`. A mask for every operation.

    Raises
    ------
    ImageError
        Not an image.
    ArgumentError
        A point outside of the image, or a tolerance out of range.

    Examples
    --------
    >>> import imgedit as ie
    >>> image = np.array([[10, 12, 90, 11]], np.uint8)
    >>> ie.flood_mask(image, (0, 0), tolerance=2 / 255).tolist()
    [[1.0, 1.0, 0.0, 0.0]]
    """
    image = check(image)
    check_alpha(image)
    tolerance = check_number(tolerance, "tolerance", least=0, most=1)
    if space not in ("srgb", "oklab"):
        raise ArgumentError("space", f"is {space!r}", "give 'srgb' or 'oklab'")
    column, row = _seed(point, image)
    distance = _distances(image, row, column, space)
    selected = distance <= tolerance + ROUNDING
    if contiguous:
        selected = _connected(selected, row, column, diagonal)
    out = selected.astype(np.float32)
    if antialias:
        _soften(out, distance, tolerance + ROUNDING)
    return out


def flood_fill(
    image: Image,
    point: tuple[float, float],
    paint: Annotated[Paint | Color | Mapping[str, Any], PAINT_FILES],
    *,
    tolerance: float = 0.1,
    contiguous: bool = True,
    diagonal: bool = False,
    antialias: bool = True,
    space: Literal["srgb", "oklab"] = "srgb",
    opacity: float = 1.0,
) -> Image:
    """Fill what has the colour of a point (paint bucket).

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    point : (float, float)
        (x, y) in pixels; the pixel that it lies in is the seed.
    paint : Paint, str, tuple or mapping
        What to fill with, as for `fill`.
    tolerance : float
        Largest difference to the seed that is still filled, 0 to 1; see `flood_mask`.
    contiguous : bool
        Only pixels that are connected with the seed; else all of the image.
    diagonal : bool
        Whether pixels that only touch at a corner are connected.
    antialias : bool
        Fill the mixed pixels along the rim in part.
    space : {"srgb", "oklab"}
        How colours are compared.
    opacity : float
        0 to 1; a factor on the paint's alpha.

    Returns
    -------
    ndarray
        Same shape and dtype.

    Raises
    ------
    ImageError
        Not an image.
    ArgumentError
        A point outside of the image, not a paint, or a number out of range.

    Examples
    --------
    >>> import imgedit as ie
    >>> image = np.array([[10, 12, 90, 11]], np.uint8)
    >>> ie.flood_fill(image, (0, 0), "white", tolerance=2 / 255).tolist()
    [[255, 255, 90, 11]]
    """
    mask = flood_mask(
        image,
        point,
        tolerance=tolerance,
        contiguous=contiguous,
        diagonal=diagonal,
        antialias=antialias,
        space=space,
    )
    return fill(image, mask, paint, opacity=opacity)


def _seed(point: tuple[float, float], image: Image) -> tuple[int, int]:
    height, width = image.shape[:2]
    remedy = f"give (x, y) inside of the image: x from 0 to {width}, y from 0 to {height}"
    try:
        x, y = (check_number(value, "point") for value in point)
    except (TypeError, ValueError):
        raise ArgumentError("point", f"is {point!r}", remedy) from None
    if not (0 <= x < width and 0 <= y < height):
        raise ArgumentError("point", f"is {point!r}", remedy)
    return int(x), int(y)


def _distances(image: Image, row: int, column: int, space: str) -> Floats:
    """Difference of each pixel's colour to the seed's."""
    out = np.empty(image.shape[:2], np.float32)
    seed = _comparable(image[row : row + 1, column : column + 1], space)[0, 0]

    def work(top: int, bottom: int) -> None:
        difference = _comparable(image[top:bottom], space) - seed
        out[top:bottom] = (
            np.sqrt(np.square(difference).sum(axis=2)) if space == "oklab" else np.abs(difference).max(axis=2)
        )

    each_strip(work, image.shape[0], row_bytes=16 * image.shape[1])
    return out


def _comparable(pixels: Image, space: str) -> Floats:
    """Colours as coordinates to compare: premultiplied, so that what is transparent is all alike."""
    values = as_float(pixels)
    if values.ndim == 2:
        values = values[..., None] if space == "srgb" else np.repeat(values[..., None], 3, axis=2)
    coordinates = values if space == "srgb" else srgb_to_oklab(values)
    if coordinates.shape[2] != 4:
        return coordinates
    out = coordinates * coordinates[..., 3:]
    out[..., 3] = coordinates[..., 3]
    return out


def _connected(selected: NDArray[np.bool_], row: int, column: int, diagonal: bool) -> NDArray[np.bool_]:
    _, labels = cv2.connectedComponents(selected.view(np.uint8), connectivity=8 if diagonal else 4, ltype=cv2.CV_32S)
    return np.asarray(labels == labels[row, column])


def _soften(out: Floats, distance: Floats, near: float) -> None:
    """Give rim pixels their share of the selected colour, ring by ring, none more than the ring before."""
    farthest = cv2.dilate(distance, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8))
    for _ in range(RIM):
        allowed = cv2.dilate(out, np.ones((3, 3), np.uint8))
        # What is as near in colour as the selection, but not connected with it, stays out.
        rim = (allowed > 0) & (out == 0) & (distance > near)
        share = 1 - distance[rim] / np.maximum(farthest[rim], np.float32(ROUNDING))
        out[rim] = np.minimum(share, allowed[rim])
