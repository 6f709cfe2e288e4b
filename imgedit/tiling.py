"""Run an image-to-image function over tiles, so that memory is bound by the tile and no seam shows.

Tiles are of one size, which lets a network plan its memory once and run several at a time. Two neighbours overlap by
twice the reach of the function (the pixels beyond a point that its result depends on) and a narrow band more, over
which one fades into the other: where the reach is true, the result is that of the whole image. Tiles begin at multiples
of the function's own step, so that a net that halves its input sees the same pairs of pixels in each. Finished rows
leave the float buffer for the result's dtype, so a large picture needs little more than its result.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgedit.pixels import Image, as_float, like
from imgedit.strips import Progress

__all__ = ["apply", "padded", "spans"]

Floats = NDArray[np.float32]

# Input pixels over which two tiles fade into each other: hides what little a net sees beyond its stated reach.
FADE = 8

# Pixels that a tile holds at least beyond its overlaps.
CORE = 16


def spans(length: int, tile: int, overlap: int, multiple: int = 1) -> list[tuple[int, int]]:
    """Cover an axis with even, overlapping spans.

    Parameters
    ----------
    length : int
        Pixels of the axis.
    tile : int
        Longest span, more than `overlap`.
    overlap : int
        Pixels that two neighbours share at least.
    multiple : int
        Starts and sizes are multiples of this; the last span may end beyond the axis.

    Returns
    -------
    list of tuple of int
        Start and end of each span; all are of the same size.

    Examples
    --------
    >>> spans(100, 48, 8)
    [(0, 39), (30, 69), (61, 100)]
    >>> spans(100, 48, 8, 4)
    [(0, 40), (28, 68), (60, 100)]
    """
    length, overlap = -(-length // multiple), -(-overlap // multiple)
    tile = max(tile // multiple, overlap + 1)
    count = max(1, -(-(length - overlap) // (tile - overlap)))
    size = -(-(length + (count - 1) * overlap) // count)
    return _even(length, size, count, multiple)


def _even(length: int, size: int, count: int, multiple: int = 1) -> list[tuple[int, int]]:
    # Rounded down, two starts never lie farther apart than size - overlap.
    starts = [index * max(0, length - size) // max(1, count - 1) for index in range(count)]
    return [(start * multiple, (start + size) * multiple) for start in starts]


@dataclass(frozen=True)
class _Axis:
    """Spans along an axis, and where each fades into the next: `fade` pixels from each of `seams` on."""

    spans: list[tuple[int, int]]
    seams: list[int]
    fade: int

    @classmethod
    def plan(cls, length: int, tile: int, reach: int, multiple: int, fixed: int | None) -> _Axis:
        overlap = 2 * reach + FADE
        if fixed is None:
            parts = spans(length, max(tile, overlap + CORE), overlap, multiple)
        else:
            # A net of a fixed size may not see as far as it wants to: half of it at least is new in each tile.
            overlap = min(overlap, fixed // 2)
            count = max(1, -(-(length - overlap) // (fixed - overlap)))
            parts = _even(length, fixed, count)
        shared = [first[1] - second[0] for first, second in itertools.pairwise(parts)]
        steps = [second[0] - first[0] for first, second in itertools.pairwise(parts)]
        # What the tiles share beyond the reach is all good for fading, but two seams must not run into each other.
        fade = max(1, min([max(FADE, min(shared) - 2 * reach), *shared, *steps])) if shared else 0
        return cls(
            parts, [start + (both - fade) // 2 for (start, _), both in zip(parts[1:], shared, strict=True)], fade
        )

    def own(self, index: int, length: int) -> tuple[int, int]:
        """Rows of the picture that a span gives: from the begin of the seam before to the end of that behind."""
        begin = self.seams[index - 1] if index else 0
        return begin, self.seams[index] + self.fade if index < len(self.seams) else length


def apply(
    function: Callable[[Floats], Floats],
    image: Image,
    *,
    tile: int,
    reach: int,
    scale: int = 1,
    channels: int | None = None,
    batch: int = 1,
    multiple: int = 1,
    fixed: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> Image:
    """Run a function over the tiles of an image and join what it gives.

    Parameters
    ----------
    function : callable
        Takes float32 NxHxWxC with white at 1, gives float32 Nx(scale H)x(scale W)x`channels`. A MemoryError that it
        raises halves the batch, then the tile; any other is passed on.
    image : ndarray
        HxW or HxWxC image of any dtype; grey is given as NxHxWx1.
    tile : int
        Longest side of a tile, in input pixels.
    reach : int
        Input pixels beyond a point that the function's result there depends on.
    scale : int
        Output pixels per input pixel.
    channels : int, optional
        Channels that the function gives; by default those that it takes.
    batch : int
        Tiles given at a time, at most.
    multiple : int
        Sides and starts of tiles are multiples of this.
    fixed : tuple of int, optional
        Height and width of every tile, for a function that takes no other.
    progress : callable, optional
        Given the fraction done after each batch; what it raises stops the work.

    Returns
    -------
    ndarray
        (scale H)x(scale W)x`channels`, of the image's dtype.

    Raises
    ------
    MemoryError
        The smallest tile is still too large.
    """
    values = image if image.ndim == 3 else image[..., None]
    height, width, depth = values.shape
    out = np.empty((height * scale, width * scale, channels or depth), image.dtype)
    least, reported = 2 * reach + FADE + CORE, 0.0

    def report(fraction: float) -> None:
        nonlocal reported
        reported = max(reported, fraction)  # a second try with smaller tiles begins anew, its bar does not
        if progress is not None:
            progress(reported)

    while True:
        tall, wide = fixed or (None, None)
        rows = _Axis.plan(height, tile, reach, multiple, tall)
        columns = _Axis.plan(width, tile, reach, multiple, wide)
        try:
            _run(function, values, out, rows, columns, batch, report)
        except MemoryError:
            if batch > 1:
                batch //= 2
            elif fixed is None and min(tile, max(height, width)) > least:
                tile = max(least, min(tile, max(height, width)) // 2)
            else:
                raise
        else:
            return out


def _run(
    function: Callable[[Floats], Floats],
    values: Image,
    out: Image,
    rows: _Axis,
    columns: _Axis,
    batch: int,
    report: Progress,
) -> None:
    height = len(values)
    scale = len(out) // height
    above = np.empty((0, *out.shape[1:]), np.float32)
    for index, span in enumerate(rows.spans):
        top, bottom = rows.own(index, height)
        band = np.empty(((bottom - top) * scale, *out.shape[1:]), np.float32)
        for group in _groups(len(columns.spans), batch):
            tiles = np.stack([_cut(values, span, columns.spans[number]) for number in group])
            results = function(tiles)
            for number, result in zip(group, results, strict=True):
                part = result[(top - span[0]) * scale : (bottom - span[0]) * scale]
                _join(band, part, columns, number, scale)
            report((index * len(columns.spans) + group[-1] + 1) / (len(rows.spans) * len(columns.spans)))
        _fade_in(above, band[: len(above)], _ramp(len(above))[:, None, None])
        done = len(band) - (rows.fade * scale if index < len(rows.seams) else 0)
        out[top * scale : top * scale + done] = like(band[:done], out.dtype)
        above = band[done:].copy()


def _groups(count: int, batch: int) -> list[range]:
    """Part numbers into even groups of at most `batch`."""
    groups = -(-count // batch)
    ends = [count * index // groups for index in range(groups + 1)]
    return [range(begin, end) for begin, end in itertools.pairwise(ends)]


def _cut(values: Image, row: tuple[int, int], column: tuple[int, int]) -> Floats:
    part = as_float(np.ascontiguousarray(values[row[0] : row[1], column[0] : column[1]]))
    return padded(part, (row[1] - row[0], column[1] - column[0]))


def padded(part: Floats, size: tuple[int, int]) -> Floats:
    """Extend a picture downwards and to the right.

    Parameters
    ----------
    part : ndarray of float32
        HxWxC.
    size : tuple of int
        Height and width, at least those of the part.

    Returns
    -------
    ndarray of float32
        Mirrored without the edge, or the edge repeated where the part is too small for that; the part itself where
        nothing is to be added.
    """
    for axis, side in enumerate(size):
        extra = side - part.shape[axis]
        if extra:
            widths = [(0, 0)] * part.ndim
            widths[axis] = (0, extra)
            part = np.pad(part, widths, mode="reflect" if extra < part.shape[axis] else "edge")
    return part


def _join(band: Floats, part: Floats, columns: _Axis, number: int, scale: int) -> None:
    """Put a tile's own columns into the band, fading in over what its left neighbour left there."""
    start = columns.spans[number][0]
    left, right = columns.own(number, band.shape[1] // scale)
    solid = left + (columns.fade if number else 0)
    band[:, solid * scale : right * scale] = part[:, (solid - start) * scale : (right - start) * scale]
    if number:
        seam = part[:, (left - start) * scale : (solid - start) * scale]
        before = band[:, left * scale : solid * scale]
        before += _ramp(seam.shape[1])[None, :, None] * (seam - before)


def _fade_in(before: Floats, after: Floats, weights: Floats) -> None:
    """Turn `after` into a mixture that begins as `before`."""
    after -= before
    after *= weights
    after += before


def _ramp(length: int) -> Floats:
    """Weights that rise from 0 to 1 without a corner at either end."""
    t = (np.arange(length, dtype=np.float32) + np.float32(0.5)) / np.float32(max(1, length))
    return t * t * (3 - 2 * t)
