"""Resampling along rows and columns as products with banded matrices.

Each block of neighbouring output rows is a small dense matrix times the input rows it needs; columns likewise.
The dense block holds zeros that a loop over taps would skip, but a matrix product runs tens of times faster per
multiplication than any chain of array operations, and works for every ratio alike. Blocks whose inputs lie at even
steps are one call, so that two threads don't spend their time handing the interpreter lock to and fro.

Plain means of several rows, as a box gives them, are sums of integers, divided once the columns are done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.geometry.kernels import Kernel, Taps, make_taps
from imgedit.geometry.planes import load, store
from imgedit.pixels import Image
from imgedit.strips import STRIP_BYTES, Progress, Scratch, each_strip

__all__ = ["Axis", "Blocks", "convolve_columns", "convolve_rows", "make_blocks", "reduce_rows", "resample", "sum_rows"]

Floats = NDArray[np.float32]

# Multiplications up to which OpenBLAS keeps a product on the calling thread. The strips run on threads of their own;
# products that start more of them stall both.
SMALL_PRODUCT = 1 << 18

# Output pixels that share a matrix. A product's time is a constant plus its inputs, as long as the vectors are full:
# four rows at once, or sixteen columns. More outputs need more inputs, most of them times 0.
BLOCK = {"rows": 4, "columns": 16}
# The blocks of one call may stray from even steps by this share of their inputs.
STRAY = 1 / 8
# Of how many consecutive blocks of columns each may be in a call of its own.
MOST_PERIOD = 8
# Rows that a product along columns takes at once: as many streams of memory as the processor fetches ahead.
ROWS_TOGETHER = 32

# What a strip's working data may take, and the blocks of rows in it. Calls are long, and all is still in the cache.
WORKING_BYTES = 8 << 20
MOST_BLOCKS = 64
# What input rows may take as floats before they are cut into panels.
PANEL_BYTES = 8 << 20


@dataclass(frozen=True)
class Axis:
    """How one axis is resampled: `size` output pixels over the input from `start` to `stop`."""

    size: int
    start: float
    stop: float
    kernel: Kernel

    @property
    def ratio(self) -> float:
        """Width of an output pixel in input pixels."""
        return (self.stop - self.start) / self.size

    def taps(self, length: int) -> Taps | None:
        """Taps on an input of this length; None where the axis stays as it is."""
        if (self.size, self.start, self.stop) == (length, 0, length):
            return None
        centres = self.start + np.arange(0.5, self.size) * self.ratio
        return make_taps(self.kernel, length, centres, self.ratio)


def resample(
    image: Image, rows: Axis, columns: Axis, *, linear: bool = False, progress: Progress | None = None
) -> Image:
    """Resample an image along both axes, premultiplied inside.

    Parameters
    ----------
    image : ndarray
        A checked image.
    rows, columns : Axis
        What becomes of its height and its width.
    linear : bool
        Interpolate linear light.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray
        ``rows.size`` x ``columns.size`` image of the same dtype and channels.
    """
    height, width = image.shape[:2]
    channels = image.shape[2] if image.ndim == 3 else 1
    down, across = rows.taps(height), columns.taps(width)
    means = _means(image, down) if down and not linear else None
    row_blocks = make_blocks(down, "rows") if down and not means else []
    column_blocks = make_blocks(across, "columns") if across else []
    out = np.empty((rows.size, columns.size, *image.shape[2:]), image.dtype)
    scratch = Scratch()

    def work(top: int, bottom: int) -> None:
        planes = scratch.array("rows", (channels, bottom - top, width))
        if means:
            first, counts = means
            sum_rows(image, first[top:bottom], counts[top:bottom], planes, scratch)
        elif row_blocks:
            reduce_rows(
                image, [part for blocks in row_blocks for part in blocks.within(top, bottom)], planes, linear, scratch
            )
        else:
            load(image[top:bottom], planes, scratch, linear=linear)
        if column_blocks:
            resampled = scratch.array("columns", (channels, bottom - top, columns.size))
            planes = convolve_columns(planes, column_blocks, resampled)
        if means:
            planes /= means[1][top:bottom, None].astype(np.float32)
        store(planes, out[top:bottom], scratch, linear=linear)

    # Sums stand in the cache in place of the input rows.
    held, overlap = (1.0, 0) if means else (rows.ratio, down.weights.shape[1] if down else 0)
    strip = _strip_rows(held, overlap, channels * width, channels * columns.size)
    each_strip(work, rows.size, row_bytes=STRIP_BYTES // strip, progress=progress)
    return out


def _strip_rows(ratio: float, taps: int, row: int, out_row: int) -> int:
    """Choose how many output rows make a strip, a multiple of the rows of a block.

    `row` and `out_row` are the numbers in an input row and in an output row.
    """
    rows = (WORKING_BYTES // 4 - taps * row) / (ratio * row + row + out_row)
    return int(np.clip(rows // BLOCK["rows"], 1, MOST_BLOCKS)) * BLOCK["rows"]


def _means(image: Image, taps: Taps) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Give the first of the input rows that each output row is the plain mean of, and how many there are.

    None where it is something else, where alpha weighs the colours, where rows lie apart in memory, or where the sum of
    many floats would lose accuracy.
    """
    used = taps.weights != 0
    counts = used.sum(axis=1)
    even = np.allclose(taps.weights, used / counts[:, None], rtol=1e-6)
    plain = image.dtype != np.float32 and image.shape[2:] != (4,) and image[0].flags.c_contiguous
    if not plain or not even or counts.min() < 2:
        return None
    return taps.first + used.argmax(axis=1), counts


def sum_rows(image: Image, first: NDArray[np.intp], counts: NDArray[np.intp], out: Floats, scratch: Scratch) -> None:
    """Add up the input rows of each output row.

    Parameters
    ----------
    image : ndarray of uint8 or uint16
        Grey or RGB.
    first, counts : ndarray of int
        The first input row of each output row, and how many there are.
    out : ndarray of float32
        Channels x output rows x width, written to.
    scratch : Scratch
        Memory to work in.
    """
    sums = scratch.array("sums", (len(first), out.shape[2] * len(out)))
    sums[:] = 0
    flat = image.reshape(len(image), -1)
    taken = scratch.array("taken", sums.shape, image.dtype)
    # A call for each tap, not for each row: short calls spend their time handing the interpreter lock to and fro.
    for tap in range(int(counts.max())):
        np.take(flat, first + tap, axis=0, out=taken, mode="clip")
        if tap >= counts.min():
            taken[tap >= counts] = 0
        cv2.accumulate(taken, sums)
    if image.ndim == 2:
        out[0] = sums
    else:
        cv2.split(sums.reshape(len(first), -1, len(out)), list(out))


def reduce_rows(image: Image, parts: Sequence[Blocks], out: Floats, linear: bool, scratch: Scratch) -> None:
    """Make output rows from an image's rows.

    Parameters
    ----------
    image : ndarray
        Of any dtype and channels.
    parts : sequence of Blocks
        Neighbouring ones, of the rows.
    out : ndarray of float32
        Channels x output rows (from the first block's) x width, written to.
    linear : bool
        Decode sRGB to linear light.
    scratch : Scratch
        Memory to work in.
    """
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    channels, _, width = out.shape
    # Whole rows as a rule: OpenCV takes strips apart several times as fast where they are contiguous.
    panels = -(-4 * channels * width * (high - low) // PANEL_BYTES)
    step = -(-width // panels)
    for left in range(0, width, step):
        right = min(left + step, width)
        planes = scratch.array("panel", (channels, high - low, right - left))
        load(image[low:high, left:right], planes, scratch, linear=linear)
        convolve_rows(planes, low, parts, out[:, :, left:right])


@dataclass(frozen=True)
class Blocks:
    """Blocks of neighbouring output pixels as matrices times input pixels, both at even steps.

    Block k makes `size` outputs from ``start + k * apart`` on, from as many inputs as its matrix has columns, the first
    of which is ``low + k * step``. For columns the matrices are transposed.
    """

    start: int
    apart: int
    low: int
    step: int
    matrices: Floats
    axis: Literal["rows", "columns"]

    @property
    def size(self) -> int:
        """Outputs of a block."""
        return int(self.matrices.shape[1 if self.axis == "rows" else 2])

    @property
    def high(self) -> int:
        """The input after the last."""
        inputs = int(self.matrices.shape[2 if self.axis == "rows" else 1])
        return self.low + (len(self.matrices) - 1) * self.step + inputs

    def within(self, start: int, stop: int) -> list[Blocks]:
        """Give the blocks that begin from `start` up to `stop`, if there are any."""
        first = max(0, -((self.start - start) // self.apart))
        last = min(len(self.matrices), -((self.start - stop) // self.apart))
        if first >= last:
            return []
        moved = (self.start + first * self.apart, self.low + first * self.step)
        return [replace(self, start=moved[0], low=moved[1], matrices=self.matrices[first:last])]


def make_blocks(taps: Taps, axis: Literal["rows", "columns"]) -> list[Blocks]:
    """Cut the taps of one axis into dense matrices.

    Parameters
    ----------
    taps : Taps
        Of that axis.
    axis : {"rows", "columns"}
        Which one.

    Returns
    -------
    list of Blocks
        Together all output pixels; rows in order.
    """
    size, count = taps.weights.shape
    block = min(BLOCK[axis], size)
    whole = size // block
    lows = taps.first[: whole * block : block]
    highs = taps.first[block - 1 : whole * block : block] + count
    stray = int((highs - lows).max() * STRAY) + 1
    # Inputs from block to block. Where they are 10 2/3, say, every third block is taken together: these lie at even
    # steps of 32. Calls on rows are long enough without.
    ratio = float(lows[-1] - lows[0]) / max(whole - 1, 1)
    period = min(MOST_PERIOD if axis == "columns" else 1, whole)
    period = min(range(1, period + 1), key=lambda n: n + abs(n * ratio - round(n * ratio)) * whole / stray)
    made = []
    for phase in range(period):
        step = round(period * ratio)
        for begin, end, low, inputs in _runs(lows[phase::period], highs[phase::period], step, stray):
            starts = (phase + np.arange(begin, end) * period) * block
            made.append(_filled(taps, starts, block, low, step, inputs, axis))
    if size % block:
        start = whole * block
        low = int(taps.first[start])
        made.append(_filled(taps, np.array([start]), size - start, low, 0, int(taps.first[-1]) + count - low, axis))
    return made


def _filled(
    taps: Taps,
    starts: NDArray[np.intp],
    block: int,
    low: int,
    step: int,
    inputs: int,
    axis: Literal["rows", "columns"],
) -> Blocks:
    """Make the matrices of the blocks of outputs that begin at `starts`, each `step` inputs after the one before."""
    outputs = starts[:, None] + np.arange(block)
    origins = low + np.arange(len(starts)) * step
    weights = taps.weights[outputs]
    inside = (taps.first[outputs] - origins[:, None])[..., None] + np.arange(weights.shape[2])
    matrices = np.zeros((len(starts), block, inputs), np.float32)
    np.put_along_axis(matrices, inside, weights, axis=2)
    if axis == "columns":
        matrices = np.ascontiguousarray(matrices.swapaxes(1, 2))
    apart = int(starts[1] - starts[0]) if len(starts) > 1 else block
    return Blocks(int(starts[0]), apart, low, step, matrices, axis)


def _runs(
    lows: NDArray[np.intp], highs: NDArray[np.intp], step: int, stray: int
) -> Iterator[tuple[int, int, int, int]]:
    """Group blocks that need the inputs from `lows` to `highs`, so that windows of one width at even steps hold them.

    Yields the first block and the one after the last, where the first window begins, and the width.
    """
    most = int((highs - lows).max()) + stray
    ends = int(highs[-1])
    begin, low, high = 0, int(lows[0]), int(highs[0])
    for number, (first, last) in enumerate(zip(lows.tolist(), highs.tolist(), strict=True)):
        moved = (number - begin) * step
        wider = (min(low, first - moved), max(high, last - moved))
        # Windows must not reach beyond the image.
        if wider[1] - wider[0] > most or wider[0] < 0 or wider[1] + moved > ends:
            yield begin, number, low, high - low
            begin, low, high = number, first, last
        else:
            low, high = wider
    yield begin, len(lows), low, high - low


def convolve_rows(planes: Floats, first: int, parts: Sequence[Blocks], out: Floats) -> None:
    """Resample planes along their rows.

    Parameters
    ----------
    planes : ndarray of float32
        Channels x input rows x width, contiguous.
    first : int
        Number of the first of these input rows.
    parts : sequence of Blocks
        Neighbouring ones, of the rows.
    out : ndarray of float32
        Channels x output rows (from the first block's) x width, written to.
    """
    for part in parts:
        count, size, inputs = part.matrices.shape
        begin = part.start - parts[0].start
        target = out[:, begin : begin + count * size]
        for columns, pieces in _pieces(planes.shape[2], max(1, SMALL_PRODUCT // (size * inputs))):
            _convolve_rows(planes, (part.low - first, columns), part, pieces, target[:, :, columns])


def _pieces(length: int, most: int) -> list[tuple[slice, int]]:
    """Cut an axis into pieces of one length, at most `most`, and a rest; each slice with the number of its pieces."""
    pieces = -(-length // most)
    whole = length - length % pieces
    cuts = [(slice(0, whole), pieces)]
    return cuts if whole == length else [*cuts, (slice(whole, length), 1)]


def _convolve_rows(planes: Floats, place: tuple[int, slice], part: Blocks, pieces: int, out: Floats) -> None:
    """Make some columns of one part's outputs, of the input from a row on."""
    count, size, inputs = part.matrices.shape
    channels, _, width = out.shape
    apart, down, along = planes.strides
    row, columns = place
    piece = width // pieces
    shape, strides = (count, channels, pieces, inputs, piece), (part.step * down, apart, piece * along, down, along)
    windows = np.ndarray(shape, np.float32, planes, row * down + columns.start * along, strides)
    target = out.reshape(channels, count, size, pieces, piece).transpose(1, 0, 3, 2, 4)
    np.matmul(part.matrices[:, None, None], windows, out=target)


def convolve_columns(planes: Floats, parts: Sequence[Blocks], out: Floats) -> Floats:
    """Resample planes along their columns.

    Parameters
    ----------
    planes : ndarray of float32
        Channels x rows x width, contiguous.
    parts : sequence of Blocks
        All of the columns.
    out : ndarray of float32
        Channels x rows x output width, contiguous, written to.

    Returns
    -------
    ndarray of float32
        `out`.
    """
    source, target = planes.reshape(-1, planes.shape[-1]), out.reshape(-1, out.shape[-1])
    down, along = source.strides
    for part in parts:
        count, inputs, size = part.matrices.shape
        most = max(1, min(ROWS_TOGETHER, SMALL_PRODUCT // (inputs * size)))
        rows = max(n for n in range(1, min(most, len(source)) + 1) if len(source) % n == 0)
        shape = (len(source) // rows, count, rows, inputs)
        steps = (rows * down, part.step * along, down, along)
        windows = np.ndarray(shape, np.float32, source, part.low * along, steps)
        wide, single = target.strides
        steps = (rows * wide, part.apart * single, wide, single)
        results = np.ndarray((*shape[:3], size), np.float32, target, part.start * single, steps)
        np.matmul(windows, part.matrices, out=results)
    return out
