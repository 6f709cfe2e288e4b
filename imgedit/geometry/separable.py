"""Resampling along rows and columns as products with banded matrices.

Each block of neighbouring output rows is a small dense matrix times the input rows it needs; columns likewise.
The dense block holds zeros that a loop over taps would skip, but a matrix product runs tens of times faster per
multiplication than any chain of array operations, and works for every ratio alike.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imgedit.geometry.kernels import Kernel, Taps, make_taps
from imgedit.geometry.planes import load, store
from imgedit.pixels import Image
from imgedit.strips import STRIP_BYTES, Progress, each_strip

__all__ = ["Axis", "Band", "convolve_columns", "convolve_rows", "make_bands", "reduce_rows", "resample"]

Floats = NDArray[np.float32]

# Multiplications up to which OpenBLAS keeps a product on the calling thread. The strips run on threads of their own;
# products that start more of them stall both.
SMALL_PRODUCT = 1 << 18

# Output pixels that share a matrix along rows and along columns: few where the image shrinks and each brings inputs of
# its own (the rest of the matrix is zeros), many where it grows. Measured on halving, thirds and enlarging.
BLOCKS = {"rows": (8, 32), "columns": (16, 32)}

# Rows of a strip; enough for the products of the pass along columns to run at full speed.
STRIP_ROWS = 64
# Output rows that are made at once from the same input rows, and what these may take as floats.
PANEL_ROWS = 32
PANEL_BYTES = 4 << 20
# What is stored at once, as floats.
STORE_BYTES = 2 << 20


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
    row_bands = make_bands(down, "rows") if down else []
    column_bands = make_bands(across, "columns") if across else []
    out = np.empty((rows.size, columns.size, *image.shape[2:]), image.dtype)
    scratch = threading.local()

    def work(top: int, bottom: int) -> None:
        planes = _buffer(scratch, "rows", (bottom - top, channels, width))
        if row_bands:
            for start in range(top, bottom, PANEL_ROWS):
                bands = [band for band in row_bands if start <= band.start < min(start + PANEL_ROWS, bottom)]
                reduce_rows(image, bands, planes[start - top :], linear, scratch)
        else:
            load(image[top:bottom], _channels(planes), linear=linear)
        if column_bands:
            planes = convolve_columns(
                planes, column_bands, _buffer(scratch, "columns", (bottom - top, channels, columns.size))
            )
        step = max(1, STORE_BYTES // (4 * channels * columns.size))
        for start in range(0, bottom - top, step):
            ready = _channels(planes[start : start + step])
            store(ready, out[top + start : min(top + start + step, bottom)], linear=linear)

    each_strip(work, rows.size, row_bytes=STRIP_BYTES // STRIP_ROWS, progress=progress)
    return out


def _channels(planes: Floats) -> list[Floats]:
    return [planes[:, channel] for channel in range(planes.shape[1])]


def _buffer(scratch: threading.local, name: str, shape: tuple[int, ...]) -> Floats:
    """Give this thread's scratch array; fresh memory for each strip would cost more than the work on it."""
    size = int(np.prod(shape))
    held: Floats | None = getattr(scratch, name, None)
    if held is None or held.size < size:
        held = np.empty(size, np.float32)
        setattr(scratch, name, held)
    return held[:size].reshape(shape)


def reduce_rows(image: Image, bands: list[Band], out: Floats, linear: bool, scratch: threading.local) -> None:
    """Make output rows from an image's rows, in panels of columns that stay in the cache as floats.

    Parameters
    ----------
    image : ndarray
        Of any dtype and channels.
    bands : list of Band
        Neighbouring ones, of the rows.
    out : ndarray of float32
        Output rows (from the first band's) x channels x width, written to.
    linear : bool
        Decode sRGB to linear light.
    scratch : threading.local
        Holds this thread's arrays from call to call.
    """
    low, high = min(band.low for band in bands), max(band.high for band in bands)
    width, channels = image.shape[1], out.shape[1]
    panels = -(-4 * channels * width * (high - low) // PANEL_BYTES)
    step = -(-width // panels)
    for left in range(0, width, step):
        right = min(left + step, width)
        planes = _buffer(scratch, "panel", (high - low, channels, right - left))
        load(image[low:high, left:right], _channels(planes), linear=linear)
        convolve_rows(planes, low, bands, out[:, :, left:right])


@dataclass(frozen=True)
class Band:
    """The output pixels ``start <= i < stop`` as a matrix times the input pixels ``low <= k < high``."""

    start: int
    stop: int
    low: int
    high: int
    matrix: Floats


def make_bands(taps: Taps, axis: Literal["rows", "columns"]) -> list[Band]:
    """Cut the taps of one axis into dense matrices.

    Parameters
    ----------
    taps : Taps
        Of that axis.
    axis : {"rows", "columns"}
        Which one; for columns the matrices are transposed.

    Returns
    -------
    list of Band
        In order; together all output pixels.
    """
    size, count = taps.weights.shape
    ratio = (taps.first[-1] - taps.first[0]) / max(size - 1, 1)
    block = BLOCKS[axis][int(ratio < 1)]
    starts = np.arange(0, size, block)
    low = taps.first[starts]
    high = taps.first[np.minimum(starts + block, size) - 1] + count
    # One array for all matrices, each row shifted to where its block begins.
    columns = taps.first[:, None] - np.repeat(low, block)[:size, None] + np.arange(count)
    dense = np.zeros((size, int((high - low).max())), np.float32)
    np.put_along_axis(dense, columns, taps.weights, axis=1)
    bands = []
    for start, first, last in zip(starts.tolist(), low.tolist(), high.tolist(), strict=True):
        stop = min(start + block, size)
        matrix = dense[start:stop, : last - first]
        bands.append(Band(start, stop, first, last, matrix if axis == "rows" else np.ascontiguousarray(matrix.T)))
    return bands


def convolve_rows(planes: Floats, first: int, bands: list[Band], out: Floats) -> None:
    """Resample planes along their first axis.

    Parameters
    ----------
    planes : ndarray of float32
        Input rows x channels x width.
    first : int
        Number of the first of these input rows.
    bands : list of Band
        Neighbouring ones, of the rows.
    out : ndarray of float32
        Output rows (from the first band's) x channels x width, written to.
    """
    top, width = bands[0].start, planes.shape[2]
    for band in bands:
        source = planes[band.low - first : band.high - first].swapaxes(0, 1)
        target = out[band.start - top : band.stop - top].swapaxes(0, 1)
        piece = max(16, SMALL_PRODUCT // band.matrix.size)
        for left in range(0, width, piece):
            np.matmul(band.matrix, source[..., left : left + piece], out=target[..., left : left + piece])


def convolve_columns(planes: Floats, bands: list[Band], out: Floats) -> Floats:
    """Resample planes along their last axis.

    Parameters
    ----------
    planes : ndarray of float32
        Rows x channels x width.
    bands : list of Band
        All of the columns.
    out : ndarray of float32
        Rows x channels x output width, written to.

    Returns
    -------
    ndarray of float32
        `out`.
    """
    source, target = planes.reshape(-1, planes.shape[-1]), out.reshape(-1, out.shape[-1])
    for band in bands:
        piece = max(16, SMALL_PRODUCT // band.matrix.size)
        for top in range(0, len(source), piece):
            part = source[top : top + piece, band.low : band.high]
            np.matmul(part, band.matrix, out=target[top : top + piece, band.start : band.stop])
    return out
