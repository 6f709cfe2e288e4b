"""Patches: where whole ones lie, how they are laid out for matrix products, and in which colours they are compared.

A patch is named by its top-left pixel, on a grid of (H - size + 1) x (W - size + 1).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from imgedit.errors import ArgumentError, ImageError
from imgedit.inpainting.regions import Flags, Floats
from imgedit.strips import each_strip

__all__ = ["as_columns", "check_patch_size", "opponent", "product", "sources", "whole_patches", "windows"]

# Lightness and two colour differences, scaled so that a step in grey and a step in hue that look alike weigh alike.
OPPONENT = np.array([[0.57, 0.57, 0.57], [0.6, 0.0, -0.6], [-0.3, 0.6, -0.3]], np.float32)

# OpenBLAS calls its threads for products of more than 2**18 multiplications (2**13 if one side is a vector). For
# patches their waking costs more than the work, and on a busy machine they turn in circles until the last one is back.
BLOCK = 2**18
VECTOR_BLOCK = 2**13
BLOCK_ROWS = 64
# Numbers in the right matrix from which a second thread earns more than its start costs.
SHARED = 2**20


def check_patch_size(size: int, hole: Flags) -> int:
    """Refuse a patch size that is even, too small or larger than the picture.

    Parameters
    ----------
    size : int
        What the caller gave.
    hole : ndarray of bool
        HxW; gives the picture's size.

    Returns
    -------
    int
        The size.

    Raises
    ------
    ArgumentError
        It is no odd whole number from 3 up to the picture's shorter side.
    """
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 3 or size % 2 == 0:
        raise ArgumentError("patch_size", f"is {size!r}", "give an odd whole number of pixels, at least 3")
    height, width = hole.shape
    if size > min(height, width):
        raise ArgumentError(
            "patch_size", f"is {size} but the picture to work from is {height}x{width}", "give a smaller patch"
        )
    return int(size)


def sources(hole: Flags, source: Flags | None, size: int) -> Flags:
    """Find the patches that may be copied from.

    Parameters
    ----------
    hole : ndarray of bool
        HxW; never copied from.
    source : ndarray of bool or None
        HxW; True where patches may be copied from; None: everywhere.
    size : int
        Side of a patch.

    Returns
    -------
    ndarray of bool
        On the grid of patches; at least one is True.

    Raises
    ------
    ImageError
        There is none.
    """
    found = whole_patches(~hole if source is None else source & ~hole, size)
    if not found.any():
        name = "mask" if source is None else "source"
        raise ImageError(
            name, f"leaves no whole {size}x{size} patch to copy from", "give a smaller patch_size, or a larger area"
        )
    return found


def whole_patches(usable: Flags, size: int) -> Flags:
    """Say for each patch of the grid whether all its pixels are usable.

    Parameters
    ----------
    usable : ndarray of bool
        HxW.
    size : int
        Side of a patch.

    Returns
    -------
    ndarray of bool
        (H - size + 1) x (W - size + 1).
    """
    spoilt = cv2.dilate((~usable).view(np.uint8), np.ones((size, size), np.uint8), anchor=(0, 0))
    # OpenCV's anchor names the pixel of the kernel that lies on the result: with (0, 0) it looks down and right.
    return np.asarray(spoilt[: usable.shape[0] - size + 1, : usable.shape[1] - size + 1] == 0)


def windows(values: Floats, size: int) -> Floats:
    """All patches as a view.

    Parameters
    ----------
    values : ndarray of float32
        HxWxC.
    size : int
        Side of a patch.

    Returns
    -------
    ndarray of float32
        h x w x C x size x size, without a copy.
    """
    return sliding_window_view(values, (size, size), axis=(0, 1))


def as_columns(values: Floats, size: int, step: int = 1) -> Floats:
    """All patches as columns of a matrix, laid out for a matrix product.

    Parameters
    ----------
    values : ndarray of float32
        HxWxC.
    size : int
        Side of a patch.
    step : int
        Take every so-many-th patch in each direction.

    Returns
    -------
    ndarray of float32
        (C size size) x N; rows run over channel, then row, then column of the patch, columns over the grid.
    """
    height, width, channels = values.shape
    rows, cols = height - size + 1, width - size + 1
    shape = (channels, size, size, -(-rows // step), -(-cols // step))
    out = np.empty(shape, np.float32)
    for channel in range(channels):
        plane = np.ascontiguousarray(values[..., channel])
        for y in range(size):
            for x in range(size):
                out[channel, y, x] = plane[y : y + rows : step, x : x + cols : step]
    return out.reshape(channels * size * size, -1)


def product(left: Floats, right: Floats) -> Floats:
    """Multiply matrices in blocks so small that the linear algebra library stays on the calling thread.

    The threads are ours: each takes long strips of columns.

    Parameters
    ----------
    left : ndarray of float32
        M x K.
    right : ndarray of float32
        K x N.

    Returns
    -------
    ndarray of float32
        M x N.
    """
    (height, depth), width = left.shape, right.shape[1]
    out = np.empty((height, width), np.float32)
    rows = max(1, min(height, BLOCK_ROWS))
    cols = max(1, (BLOCK if rows > 1 else VECTOR_BLOCK) // (rows * depth))

    def multiply(first: int, last: int) -> None:
        split = first + (last - first) // cols * cols
        for start, stop, wide in ((first, split, cols), (split, last, last - split)):
            if start < stop:
                _blocks(left, right[:, start:stop], out[:, start:stop], rows, wide)

    threads = None if width * depth >= SHARED else 1
    each_strip(multiply, width, row_bytes=4 * (depth + height), threads=threads)
    return out


def _blocks(left: Floats, right: Floats, out: Floats, rows: int, cols: int) -> None:
    """Multiply in blocks of so many rows and columns; the columns come out even."""
    height, depth = left.shape
    split = height - height % rows
    rights = right.reshape(depth, -1, cols).transpose(1, 0, 2)
    for top, bottom in ((0, split), (split, height)):
        if top < bottom:
            high = min(rows, bottom - top)
            blocks = out[top:bottom].reshape(-1, high, right.shape[1] // cols, cols)
            np.matmul(left[top:bottom].reshape(-1, 1, high, depth), rights, out=blocks.transpose(0, 2, 1, 3))


def opponent(values: Floats) -> Floats:
    """Turn RGB (and what follows it) into lightness and colour differences.

    Parameters
    ----------
    values : ndarray of float32
        HxWxC; one channel comes back as it is.

    Returns
    -------
    ndarray of float32
        HxWxC; linear in the values.
    """
    if values.shape[2] < 3:
        return values
    color = cv2.transform(np.ascontiguousarray(values[..., :3]), OPPONENT)
    return np.concatenate([color, values[..., 3:]], axis=2) if values.shape[2] > 3 else np.asarray(color)
