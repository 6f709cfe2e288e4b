"""Coarser versions of an image, made block by block where a warp looks at them.

A warp that shrinks needs its input resampled first. Neighbouring tiles of the output need the same pixels of it, so
these are made once, in blocks on a grid that lies alike for all tiles, and the latest blocks are kept.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.geometry.canvas import Border, fold
from imgedit.geometry.kernels import Kernel, make_taps
from imgedit.geometry.planes import load
from imgedit.geometry.separable import BLOCK, Blocks, convolve_columns, make_blocks, reduce_rows
from imgedit.pixels import Image
from imgedit.strips import Scratch

__all__ = ["LEAST_LENGTH", "Levels", "cut", "interleave"]

Floats = NDArray[np.float32]
Span = tuple[int, int]
Along = Literal["rows", "columns"]

# Pixels that an axis keeps on the coarsest level, so that what a block sees of the input stays in proportion to it.
LEAST_LENGTH = 8
# What the kept blocks may take: a row of tiles, turned, through a picture of 100 megapixels.
MOST_BYTES = 40 << 20
# Coarse pixels on a side of a block: as many as come from this many input pixels, up to a limit. Where all that one row
# of tiles looks at can be kept, blocks are a third of the image broad: many small ones take several times as long, and
# whole rows hold what no tile asks for, while two threads wait for the same one.
BLOCK_INPUT, BAND_INPUT = 512, 128
LARGEST_BLOCK = 128
BANDS = 3
# Coarse pixels beyond the image that the first and the last block hold: more than a tile at the border looks at.
MARGIN = 16


class Levels:
    """The premultiplied float32 pixels of an image at any scale.

    Parameters
    ----------
    image : ndarray
        A checked image.
    kernel : Kernel
        With which it is shrunk.
    border : str
        What lies beyond it, as for `warp`.
    linear : bool
        Decode sRGB to linear light.
    rows_at_once : float
        Most rows of the image that are looked at before others take their place.
    """

    def __init__(self, image: Image, kernel: Kernel, border: Border, linear: bool, rows_at_once: float) -> None:
        self.image, self.kernel, self.border, self.linear = image, kernel, border, linear
        self.rows_at_once = rows_at_once
        self.scratch = Scratch()
        self.lock = threading.Lock()
        self.bytes = 0
        self.blocks: OrderedDict[Any, _Block] = OrderedDict()
        self.axes: dict[Any, tuple[Span, list[Blocks]]] = {}
        self.tables: dict[Any, tuple[int, list[Blocks]]] = {}

    def window(self, x_span: Span, y_span: Span, shrink: tuple[float, float]) -> Floats:
        """Give the pixels of a window of one level.

        Parameters
        ----------
        x_span, y_span : tuple of int
            The window, in pixels of the level; it may lie beyond the image.
        shrink : tuple of float
            Size of the level along x and y over that of the image.

        Returns
        -------
        ndarray of float32
            h x w for a grey image, else h x w x 4; good until the next window on this thread.
        """
        shape = (y_span[1] - y_span[0], x_span[1] - x_span[0])
        out = self.scratch.array("window", shape if self.image.ndim == 2 else (*shape, 4))
        width, height = self._sides(shrink)
        for row in range((y_span[0] + MARGIN) // height, -(-(y_span[1] + MARGIN) // height)):
            for column in range((x_span[0] + MARGIN) // width, -(-(x_span[1] + MARGIN) // width)):
                block = self._block(shrink, row, column)
                y, x = row * height - MARGIN, column * width - MARGIN
                top, bottom = max(y_span[0], y), min(y_span[1], y + height)
                left, right = max(x_span[0], x), min(x_span[1], x + width)
                target = out[top - y_span[0] : bottom - y_span[0], left - x_span[0] : right - x_span[0]]
                target[:] = block[top - y : bottom - y, left - x : right - x]
        return out

    def _sides(self, shrink: tuple[float, float]) -> tuple[int, int]:
        """Width and height of the blocks of a level."""
        width = _level_length(self.image.shape[1], shrink[0])
        height = _block_side(BAND_INPUT, shrink[1], "rows")
        rows = self.rows_at_once * shrink[1] + 2 * height
        if 4 * width * rows * (1 if self.image.ndim == 2 else 4) <= MOST_BYTES:
            return _whole(width / BANDS, "columns"), height
        return _block_side(BLOCK_INPUT, shrink[0], "columns"), _block_side(BLOCK_INPUT, shrink[1], "rows")

    def _block(self, shrink: tuple[float, float], row: int, column: int) -> Floats:
        key = (shrink, row, column)
        with self.lock:
            block = self.blocks.setdefault(key, _Block())
            self.blocks.move_to_end(key)
        with block.lock:
            if block.pixels is None:
                block.pixels = self._make(shrink, row, column)
                self._keep(block.pixels.nbytes)
            return block.pixels

    def _keep(self, size: int) -> None:
        """Count a new block, and forget the ones that were not looked at for the longest time."""
        with self.lock:
            self.bytes += size
            while self.bytes > MOST_BYTES and len(self.blocks) > 1:
                _, old = self.blocks.popitem(last=False)
                self.bytes -= 0 if old.pixels is None else old.pixels.nbytes

    def _make(self, shrink: tuple[float, float], row: int, column: int) -> Floats:
        width, height = self._sides(shrink)
        x_span, across = self._axis("columns", shrink[0], width, column)
        y_span, down = self._axis("rows", shrink[1], height, row)
        piece = cut(self.image, x_span, y_span, self.border)
        channels = piece.shape[2] if piece.ndim == 3 else 1
        planes = self.scratch.array("rows", (channels, height, piece.shape[1]))
        if down:
            reduce_rows(piece, down, planes, self.linear, self.scratch)
        else:
            load(piece, planes, self.scratch, linear=self.linear)
        if across:
            planes = convolve_columns(planes, across, self.scratch.array("columns", (channels, height, width)))
        return interleave(planes)

    def _axis(self, axis: Along, factor: float, side: int, number: int) -> tuple[Span, list[Blocks]]:
        """Input pixels that a row or column of blocks needs, and the matrices that make it of them."""
        key = (axis, factor, side, number)
        if key not in self.axes:
            self.axes[key] = self._cut_axis(axis, factor, side, number)
        return self.axes[key]

    def _cut_axis(self, axis: Along, factor: float, side: int, number: int) -> tuple[Span, list[Blocks]]:
        start = number * side - MARGIN
        if factor == 1:
            return (start, start + side), []
        whole = -(-_level_length(self.image.shape[0 if axis == "rows" else 1], factor) // side)
        # All of the level at once, as the tables of many short pieces take longer than their products; far beyond the
        # image, where its mirror images lie, one by one.
        numbers = range(whole) if 0 <= number < whole else range(number, number + 1)
        key = (axis, factor, side, numbers)
        if key not in self.tables:
            self.tables[key] = self._make_axis(axis, factor, side, numbers)
        low, blocks = self.tables[key]
        begin = (number - numbers.start) * side
        parts = [part for even in blocks for part in even.within(begin, begin + side)]
        first, last = min(part.low for part in parts), max(part.high for part in parts)
        moved = [replace(part, start=part.start - begin, low=part.low - first) for part in parts]
        return (low + first, low + last), moved

    def _make_axis(self, axis: Along, factor: float, side: int, numbers: range) -> tuple[int, list[Blocks]]:
        """Input pixel from which on they count, and the matrices that make consecutive rows or columns of blocks."""
        centres = (numbers.start * side - MARGIN + np.arange(0.5, len(numbers) * side)) / factor
        reach = self.kernel.reach(1 / factor)
        low, high = int(np.floor(centres[0] - reach)), int(np.ceil(centres[-1] + reach))
        return low, make_blocks(make_taps(self.kernel, high - low, centres - low, 1 / factor), axis)


class _Block:
    """A piece of a level, or the promise of one: whoever holds its lock makes it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pixels: Floats | None = None


def _level_length(length: int, factor: float) -> int:
    """Pixels of a level along one axis, with those beyond the image."""
    return int(np.ceil(length * factor)) + 2 * MARGIN


def _block_side(inputs: int, factor: float, axis: Along) -> int:
    return _whole(min(inputs * factor, LARGEST_BLOCK), axis)


def _whole(side: float, axis: Along) -> int:
    """Round up to what whole matrices make."""
    return math.ceil(side / BLOCK[axis]) * BLOCK[axis]


def cut(image: Image, x_span: Span, y_span: Span, border: Border) -> Image:
    """Cut a window out of an image, beyond which the border goes on.

    Parameters
    ----------
    image : ndarray
        H x W or H x W x C.
    x_span, y_span : tuple of int
        First pixel and the one after the last, along x and y.
    border : str
        As for `warp`.

    Returns
    -------
    ndarray
        A view where the window lies within the image.
    """
    if border in ("background", "edge"):
        return _cut_edge(image, x_span, y_span)
    rows = run(fold(np.arange(*y_span), image.shape[0], border))
    columns = run(fold(np.arange(*x_span), image.shape[1], border))
    sliced = isinstance(rows, slice) or isinstance(columns, slice)
    piece: Image = image[rows, columns] if sliced else image[np.ix_(rows, columns)]
    return np.ascontiguousarray(piece) if any(step < 0 for step in piece.strides) else piece


def _cut_edge(image: Image, x_span: Span, y_span: Span) -> Image:
    """Cut a window beyond which the outermost pixels go on."""
    (top, y_low, y_high, bottom), (left, x_low, x_high, right) = (
        _beyond(span, length) for span, length in ((y_span, image.shape[0]), (x_span, image.shape[1]))
    )
    piece: Image = image[y_low:y_high, x_low:x_high]
    if not (top or bottom or left or right):
        return piece
    return np.asarray(cv2.copyMakeBorder(piece, top, bottom, left, right, cv2.BORDER_REPLICATE))


def _beyond(span: Span, length: int) -> tuple[int, int, int, int]:
    """Cut a span: pixels before the axis, the first one on it and the one after the last, pixels behind it."""
    pixels = span[1] - span[0]
    low = min(max(span[0], 0), length - 1)
    high = max(min(span[1], length), low + 1)
    # Of a span that lies wholly beyond, the outermost pixel is one of those that are counted.
    before = min(max(-span[0], 0), pixels - 1)
    return before, low, high, pixels - before - (high - low)


def run(index: NDArray[np.intp]) -> Any:
    """Give the slice that equals an index, if there is one: slices do not copy."""
    step = int(index[1] - index[0]) if len(index) > 1 else 1
    if step in (1, -1) and (np.diff(index) == step).all():
        stop = int(index[-1]) + step
        return slice(int(index[0]), stop if stop >= 0 else None, step)
    return index


def interleave(planes: Floats) -> Floats:
    """Turn C x H x W planes into new pixels: H x W for one channel, else H x W x 4."""
    if len(planes) == 1:
        return np.array(planes[0])
    # Four channels even for three: OpenCV and NumPy both move them twice as fast.
    return np.asarray(cv2.merge([planes[min(channel, len(planes) - 1)] for channel in range(4)]))
