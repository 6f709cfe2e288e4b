"""Resampling along rows and columns as products with banded matrices.

Each block of neighbouring output rows is a small dense matrix times the input rows it needs; columns likewise.
The dense block holds zeros that a loop over taps would skip, but a matrix product runs tens of times faster per
multiplication than any chain of array operations, and works for every ratio alike.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgedit.geometry.kernels import Kernel, Taps, make_taps
from imgedit.geometry.planes import load, store
from imgedit.pixels import Image
from imgedit.strips import STRIP_BYTES, Progress, each_strip

__all__ = ["Axis", "convolve_columns", "convolve_rows", "resample"]

# Multiplications up to which OpenBLAS keeps a product on the calling thread. The strips run on threads of their own;
# products that start more of them stall both.
SMALL_PRODUCT = 1 << 18

# Rows (of planes) a strip hands to the pass along columns; enough for its products to run at full speed.
STRIP_ROWS = 192
# What a strip may hold as floats before it takes fewer rows.
STRIP_INPUT_BYTES = 8 << 20


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
    out = np.empty((rows.size, columns.size, *image.shape[2:]), image.dtype)
    bands = _bands(across, STRIP_ROWS) if across else None
    scratch = threading.local()

    def work(top: int, bottom: int) -> None:
        low, high = down.span(top, bottom) if down else (top, bottom)
        planes = _buffer(scratch, "input", (high - low, channels, width))
        load(image[low:high], planes, linear=linear)
        if down:
            reduced = _buffer(scratch, "rows", (bottom - top, channels, width))
            planes = convolve_rows(planes, down, top, bottom, reduced)
        if bands is not None:
            planes = _convolve(planes, bands, _buffer(scratch, "columns", (bottom - top, channels, columns.size)))
        store(planes, out[top:bottom], linear=linear)

    input_row = 4 * channels * width * max(1.0, rows.ratio)
    strip = max(1, min(STRIP_ROWS // channels, int(STRIP_INPUT_BYTES / input_row)))
    each_strip(work, rows.size, row_bytes=STRIP_BYTES // strip, progress=progress)
    return out


def _buffer(scratch: threading.local, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Give this thread's scratch array; fresh memory for each strip would cost more than the work on it."""
    size = int(np.prod(shape))
    held: NDArray[np.float32] | None = getattr(scratch, name, None)
    if held is None or held.size < size:
        held = np.empty(size, np.float32)
        setattr(scratch, name, held)
    return held[:size].reshape(shape)


def convolve_rows(
    planes: NDArray[np.float32], taps: Taps, top: int, bottom: int, out: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Make the output rows ``top <= y < bottom`` from the input rows that they span.

    Parameters
    ----------
    planes : ndarray of float32
        Input rows ``taps.span(top, bottom)`` x channels x width.
    taps : Taps
        Of the vertical axis.
    top, bottom : int
        Output rows.
    out : ndarray of float32
        Output rows x channels x width, written to.

    Returns
    -------
    ndarray of float32
        `out`.
    """
    offset = taps.span(top, bottom)[0]
    source, target = planes.reshape(len(planes), -1), out.reshape(len(out), -1)
    block = _block(taps)
    for start in range(top, bottom, block):
        stop = min(start + block, bottom)
        low, matrix = taps.matrix(start, stop)
        band = source[low - offset : low - offset + matrix.shape[1]]
        _product(matrix, band, target[start - top : stop - top])
    return out


def _block(taps: Taps) -> int:
    """Output pixels that share a matrix: few where they share few inputs, since the rest of it is zeros."""
    return int(np.clip(2 * taps.weights.shape[1], 8, 32)) if len(taps.first) > 1 else 1


def _product(matrix: NDArray[np.float32], band: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Multiply, in pieces of columns that stay on the calling thread."""
    width = band.shape[1]
    piece = max(16, SMALL_PRODUCT // matrix.size // 16 * 16)
    whole = width // piece * piece
    if whole:
        pieces = (-1, whole // piece, piece)
        np.matmul(
            matrix,
            band[:, :whole].reshape(pieces).swapaxes(0, 1),
            out=out[:, :whole].reshape(pieces).swapaxes(0, 1),
        )
    if whole < width:
        np.matmul(matrix, band[:, whole:], out=out[:, whole:])


@dataclass(frozen=True)
class _Band:
    start: int
    stop: int
    low: int
    high: int
    matrix: NDArray[np.float32]


def _bands(taps: Taps, rows: int) -> list[_Band]:
    """Matrices of all blocks of output columns, for products with this many rows."""
    bands = []
    start, size = 0, len(taps.first)
    while start < size:
        stop = min(start + 32, size)
        # Shorter blocks where the matrix is high: the product must stay small.
        while stop - start > 8 and rows * (stop - start) * np.subtract(*taps.span(start, stop)[::-1]) > SMALL_PRODUCT:
            stop = start + (stop - start) // 2
        low, matrix = taps.matrix(start, stop)
        bands.append(_Band(start, stop, low, low + matrix.shape[1], np.ascontiguousarray(matrix.T)))
        start = stop
    return bands


def _convolve(planes: NDArray[np.float32], bands: list[_Band], out: NDArray[np.float32]) -> NDArray[np.float32]:
    source, target = planes.reshape(-1, planes.shape[-1]), out.reshape(-1, out.shape[-1])
    for band in bands:
        np.matmul(source[:, band.low : band.high], band.matrix, out=target[:, band.start : band.stop])
    return out


def convolve_columns(planes: NDArray[np.float32], taps: Taps) -> NDArray[np.float32]:
    """Resample planes along their last axis.

    Parameters
    ----------
    planes : ndarray of float32
        Rows x channels x width.
    taps : Taps
        Of the horizontal axis.

    Returns
    -------
    ndarray of float32
        Rows x channels x output width.
    """
    rows = planes.shape[0] * planes.shape[1]
    out = np.empty((*planes.shape[:2], len(taps.first)), np.float32)
    return _convolve(planes, _bands(taps, rows), out)
