"""Which pixels are filled, how much each, and in which crops the work is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Box", "Flags", "Floats", "crops", "double", "edit_region", "halve"]

Box = tuple[slice, slice]
Floats = NDArray[Any]  # float32; OpenCV's stubs promise less
Flags = NDArray[np.bool_]

# Holes are grouped on a grid of blocks of this many pixels: two share a crop when their margins meet.
BLOCK = 16


def edit_region(mask: Flags, grow: float, feather: float) -> tuple[Flags, Floats | None]:
    """Grow a mask by `grow` pixels and then by the pixels over which the fill fades out.

    Parameters
    ----------
    mask : ndarray of bool
        HxW; what is to be filled.
    grow, feather : float
        In pixels.

    Returns
    -------
    hole : ndarray of bool
        HxW; every pixel that changes.
    weight : ndarray of float32 or None
        HxW; how much of the fill each pixel takes, 0 outside the hole; None: all of it.
    """
    reach = grow + feather
    if reach == 0 or not mask.any():
        return mask, None
    distance = _distance_to(mask, reach)
    hole = distance <= reach
    if feather == 0:
        return hole, None
    # The weight would reach 0 one pixel beyond the feather, so that the last changed pixel still changes a little.
    weight = np.clip(1 - (distance - np.float32(grow)) / np.float32(feather + 1), 0, 1)
    weight[~hole] = 0
    return hole, weight


def _distance_to(mask: Flags, reach: float) -> Floats:
    """Distance of each pixel from the mask where it is at most `reach`, infinite elsewhere."""
    pad = int(reach) + 2
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    rows = slice(max(0, top - pad), top + height + pad)
    cols = slice(max(0, left - pad), left + width + pad)
    distance = np.full(mask.shape, np.inf, np.float32)
    outside = np.logical_not(mask[rows, cols]).view(np.uint8)
    distance[rows, cols] = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance


def crops(hole: Flags, margin: int, share: float) -> Iterator[tuple[Box, Flags]]:
    """Part the work into crops, so that it costs what the holes cost and not what the photo does.

    Parameters
    ----------
    hole : ndarray of bool
        HxW.
    margin : int
        Pixels around each hole that a crop holds at least.
    share : float
        The same as a share of the longer side of the hole's box; the larger of both counts.

    Yields
    ------
    box : tuple of slice
        Rows and columns of the crop.
    own : ndarray of bool
        Of the crop's size; the hole pixels that this crop answers for. Every hole pixel is in one crop's.
    """
    height, width = hole.shape
    rows_of, cols_of = np.arange(0, height, BLOCK), np.arange(0, width, BLOCK)
    blocks = np.logical_or.reduceat(np.logical_or.reduceat(hole, rows_of, axis=0), cols_of, axis=1)
    steps = -(-margin // BLOCK)
    near = cv2.dilate(blocks.view(np.uint8), np.ones((2 * steps + 1, 2 * steps + 1), np.uint8))
    number, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8, ltype=cv2.CV_32S)
    boxes = stats[1:number, :4].astype(int)
    if int((boxes[:, 2] * boxes[:, 3]).sum()) >= near.size:  # boxes that overlap that much cost more than one
        if number > 1:
            yield (slice(0, height), slice(0, width)), hole
        return
    for label, (left, top, wide, high) in enumerate(boxes.tolist(), start=1):
        mine = labels[top : top + high, left : left + wide] == label
        fine = np.repeat(np.repeat(mine, BLOCK, axis=0), BLOCK, axis=1)
        extra = max(0, int(share * (max(wide, high) - 2 * steps) * BLOCK) - margin)
        rows = slice(max(0, top * BLOCK - extra), min(height, (top + high) * BLOCK + extra))
        cols = slice(max(0, left * BLOCK - extra), min(width, (left + wide) * BLOCK + extra))
        own = np.zeros((rows.stop - rows.start, cols.stop - cols.start), bool)
        inner = own[top * BLOCK - rows.start :, left * BLOCK - cols.start :][: fine.shape[0], : fine.shape[1]]
        inner[:] = fine[: inner.shape[0], : inner.shape[1]]
        yield (rows, cols), own & hole[rows, cols]


def halve(values: Floats, known: Flags) -> tuple[Floats, Floats]:
    """Halve a picture with a hole: a coarse pixel is the mean of the known ones of four.

    Parameters
    ----------
    values : ndarray of float32 or float64
        HxWxC.
    known : ndarray of bool
        HxW.

    Returns
    -------
    values : ndarray
        Half the size, rounded up, of the same dtype; zero where nothing is known.
    share : ndarray
        Likewise, but HxW; how much of each four is known: 0, a quarter, a half, three quarters or 1.
    """
    weight = known.astype(values.dtype)
    sides = (0, known.shape[0] % 2, 0, known.shape[1] % 2)
    if any(sides):
        weight = cv2.copyMakeBorder(weight, *sides, cv2.BORDER_REPLICATE)
        values = cv2.copyMakeBorder(values, *sides, cv2.BORDER_REPLICATE).reshape(*weight.shape, -1)
    size = (weight.shape[1] // 2, weight.shape[0] // 2)
    share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(values * weight[..., None], size, interpolation=cv2.INTER_AREA).reshape(*share.shape, -1)
    return total / np.maximum(share, values.dtype.type(0.25))[..., None], share


def double(coarse: Floats, size: tuple[int, ...]) -> Floats:
    """Bring a halved picture back to its size, by linear interpolation: OpenCV's cubic bends a ramp.

    Parameters
    ----------
    coarse : ndarray of float32 or float64
        hxwxC.
    size : tuple of int
        Height and width before it was halved.

    Returns
    -------
    ndarray
        HxWxC.
    """
    fine = cv2.resize(coarse, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    return fine.reshape(2 * coarse.shape[0], 2 * coarse.shape[1], -1)[: size[0], : size[1]]
