"""Run an image-to-image function over tiles, so that memory is bound by the tile and no seam shows.

Tiles are of even size. Two neighbours overlap by twice the reach of the function (the pixels beyond a point that its
result depends on) and a narrow band more, over which one fades into the other: where the reach is true, the result
is that of the whole image. Finished rows leave the float buffer for the result's dtype, so a large picture needs little
more than its result.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imgedit.pixels import Image, as_float, like
from imgedit.strips import Progress

__all__ = ["apply", "spans"]

Floats = NDArray[np.float32]

# Input pixels over which two tiles fade into each other: hides what little a net sees beyond its stated reach.
FADE = 8


def spans(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Cover an axis with even, overlapping spans.

    Parameters
    ----------
    length : int
        Pixels of the axis.
    tile : int
        Longest span, more than `overlap`.
    overlap : int
        Pixels that two neighbours share at least.

    Returns
    -------
    list of tuple of int
        Start and end of each span; all are of the same size.

    Examples
    --------
    >>> spans(100, 48, 8)
    [(0, 39), (30, 69), (61, 100)]
    """
    count = max(1, -(-(length - overlap) // (tile - overlap)))
    size = -(-(length + (count - 1) * overlap) // count)
    starts = [round(index * (length - size) / max(1, count - 1)) for index in range(count)]
    return [(start, start + size) for start in starts]


def apply(
    function: Callable[[Floats], Floats],
    image: Image,
    *,
    tile: int,
    reach: int,
    scale: int = 1,
    channels: int | None = None,
    progress: Progress | None = None,
) -> Image:
    """Run a function over the tiles of an image and join what it gives.

    Parameters
    ----------
    function : callable
        Takes float32 HxWxC with white at 1, gives float32 (scale H)x(scale W)x`channels`.
    image : ndarray
        HxW or HxWxC image of any dtype; grey is given as HxWx1.
    tile : int
        Longest side of a tile, in input pixels.
    reach : int
        Input pixels beyond a point that the function's result there depends on.
    scale : int
        Output pixels per input pixel.
    channels : int, optional
        Channels that the function gives; by default those that it takes.
    progress : callable, optional
        Given the fraction done after each tile; what it raises stops the work.

    Returns
    -------
    ndarray
        (scale H)x(scale W)x`channels`, of the image's dtype.
    """
    values = image if image.ndim == 3 else image[..., None]
    overlap = 2 * reach + FADE
    tile = max(tile, overlap + 16)
    rows, columns = spans(values.shape[0], tile, overlap), spans(values.shape[1], tile, overlap)
    width, depth = values.shape[1] * scale, channels or values.shape[2]
    out = np.empty((values.shape[0] * scale, width, depth), image.dtype)
    pending = np.zeros((0, width, depth), np.float32)
    for index, (top, bottom) in enumerate(rows):
        band = np.zeros(((bottom - top) * scale, width, depth), np.float32)
        for number, (left, right) in enumerate(columns):
            result = function(np.ascontiguousarray(as_float(np.ascontiguousarray(values[top:bottom, left:right]))))
            result = result * _fade(columns, number, scale)[None, :, None]
            band[:, left * scale : right * scale] += result
            if progress is not None:
                progress((index * len(columns) + number + 1) / (len(rows) * len(columns)))
        band *= _fade(rows, index, scale)[:, None, None]
        band[: len(pending)] += pending
        done = (rows[index + 1][0] if index + 1 < len(rows) else bottom) * scale
        out[top * scale : done] = like(band[: done - top * scale], image.dtype)
        pending = band[done - top * scale :].copy()
    return out


def _fade(parts: list[tuple[int, int]], index: int, scale: int) -> Floats:
    """Weights of a span along its axis; over all spans they sum to 1 everywhere."""
    start, end = parts[index]
    centers = (np.arange((end - start) * scale) + 0.5) / scale + start
    weights = np.ones((end - start) * scale, np.float32)
    if index > 0:
        weights = _ramp(centers, (start + parts[index - 1][1]) / 2)
    if index + 1 < len(parts):
        weights = weights - _ramp(centers, (parts[index + 1][0] + end) / 2)
    return weights


def _ramp(positions: NDArray[np.float64], middle: float) -> Floats:
    return np.clip((positions - middle) / FADE + 0.5, 0, 1).astype(np.float32)
