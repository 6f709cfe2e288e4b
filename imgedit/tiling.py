"""Run an image-to-image function over tiles, so that memory is bound by the tile and no seam shows.

Tiles are of one size, which lets a network plan its memory once and run several at a time. Two neighbours overlap by
twice the reach of the function (the pixels beyond a point that its result depends on) and a narrow band more, over
which one fades into the other: where the reach is true, the result is that of the whole image. Tiles begin at multiples
of the function's own step, so that a net that halves its input sees the same pairs of pixels in each. What a tile gives
goes straight into the result, in its dtype; floats are kept of the seams only.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imgedit.pixels import Image, as_float, like
from imgedit.strips import Progress

__all__ = ["apply", "cheapest", "padded", "spans"]

Floats = NDArray[np.float32]

# Input pixels over which two tiles fade into each other: hides what little a net sees beyond its stated reach.
FADE = 8

# Seconds between two looks at whether the work is to be stopped.
TICK = 0.1

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
    >>> spans(101, 101, 8, 4)
    [(0, 104)]
    """
    if length <= tile:
        # Before anything is rounded: halves have statistics of their own, and a net that norms by them leaves a seam.
        return [(0, -(-length // multiple) * multiple)]
    length, overlap = -(-length // multiple), -(-overlap // multiple)
    tile = max(tile // multiple, overlap + 1)
    count = max(1, -(-(length - overlap) // (tile - overlap)))
    size = -(-(length + (count - 1) * overlap) // count)
    return _even(length, size, count, multiple)


def cheapest(height: int, width: int, *, reach: int, area: int) -> tuple[int, int]:
    """Choose a size of tiles that computes the fewest pixels twice.

    Parameters
    ----------
    height, width : int
        Of the picture.
    reach : int
        Input pixels beyond a point that the result there depends on.
    area : int
        Pixels of a tile, at most (but where the overlaps alone need more).

    Returns
    -------
    tuple of int
        Height and width of a tile.

    Examples
    --------
    >>> cheapest(720, 1280, reach=6, area=512 * 512)
    (370, 650)
    """
    overlap = 2 * reach + FADE
    least = overlap + CORE
    if height * width <= area:
        return height, width
    best = (float("inf"), least, least)
    for count in range(1, max(1, (height - overlap) // CORE) + 1):
        tall = -(-(height + (count - 1) * overlap) // count)
        wide = min(width, max(least, area // tall))
        beside = len(spans(width, wide, overlap))
        wide = -(-(width + (beside - 1) * overlap) // beside)
        if tall * wide <= max(area, least * least):
            best = min(best, (count * beside * tall * wide, tall, wide))
    return best[1], best[2]


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

    @property
    def size(self) -> int:
        """Pixels of each span."""
        return self.spans[0][1] - self.spans[0][0]

    def own(self, index: int, length: int) -> tuple[int, int]:
        """Rows of the picture that a span gives: from the begin of the seam before to the end of that behind."""
        begin = self.seams[index - 1] if index else 0
        return begin, self.seams[index] + self.fade if index < len(self.seams) else length


def apply(
    function: Callable[[Floats], Floats],
    image: Image,
    *,
    tile: int | tuple[int, int],
    reach: int,
    scale: int = 1,
    channels: int | None = None,
    batch: int = 1,
    ahead: int = 1,
    multiple: int = 1,
    fixed: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> Image:
    """Run a function over the tiles of an image and join what it gives.

    Parameters
    ----------
    function : callable
        Takes float32 NxHxWxC with white at 1, gives float32 Nx(scale H)x(scale W)x`channels`, which is written to. A
        MemoryError that it raises halves the batch, then the tile; any other error is passed on.
    image : ndarray
        HxW or HxWxC image of any dtype; grey is given as NxHxWx1.
    tile : int or tuple of int
        Longest side of a tile, or its height and width at most, in input pixels.
    reach : int
        Input pixels beyond a point that the function's result there depends on.
    scale : int
        Output pixels per input pixel.
    channels : int, optional
        Channels that the function gives; by default those that it takes.
    batch : int
        Tiles given at a time, at most.
    ahead : int
        Calls of the function that may run side by side, each in a thread of its own where there are several: while one
        waits for a device, another brings its tiles there.
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
    tile = (tile, tile) if isinstance(tile, int) else tile

    def report(fraction: float) -> None:
        nonlocal reported
        reported = max(reported, fraction)  # a second try with smaller tiles begins anew, its bar does not
        if progress is not None:
            progress(reported)

    while True:
        tall, wide = fixed or (None, None)
        rows = _Axis.plan(height, tile[0], reach, multiple, tall)
        columns = _Axis.plan(width, tile[1], reach, multiple, wide)
        try:
            _run(_Calls(function, ahead), values, out, rows, columns, batch, report)
        except MemoryError:
            taken = rows.size, columns.size
            if max(batch, ahead) > 1:
                batch, ahead = -(-batch // 2), 1
            elif fixed is None and max(taken) > least + multiple:
                # The longer side first: the overlap is cheapest around a square.
                tile = (taken[0] // 2, taken[1]) if taken[0] >= taken[1] else (taken[0], taken[1] // 2)
            else:
                raise
        else:
            return out


class _Calls:
    """Calls of a function over a list, in order; several at a time in threads, or one by one in the caller's own."""

    def __init__(self, function: Callable[[Floats], Floats], ahead: int) -> None:
        self.function, self.ahead = function, ahead

    def _call(self, make: Callable[[], Floats]) -> Floats:
        return self.function(make())

    def over(self, makers: Sequence[Callable[[], Floats]], tick: Callable[[], None]) -> Iterator[Floats]:
        if self.ahead == 1 or len(makers) == 1:
            yield from map(self._call, makers)
            return
        with ThreadPoolExecutor(self.ahead, "imgedit-tiles") as pool:
            waiting: deque[Future[Floats]] = deque()
            try:
                for make in makers:
                    waiting.append(pool.submit(copy_context().run, self._call, make))  # who listens to warnings
                    if len(waiting) > self.ahead:
                        yield _awaited(waiting.popleft(), tick)
                while waiting:
                    yield _awaited(waiting.popleft(), tick)
            finally:
                for future in waiting:
                    future.cancel()


def _awaited(future: Future[Floats], tick: Callable[[], None]) -> Floats:
    """Wait for a result, and listen for a wish to stop meanwhile."""
    while not wait([future], timeout=TICK).done:
        tick()
    return future.result()


def _run(
    calls: _Calls,
    values: Image,
    out: Image,
    rows: _Axis,
    columns: _Axis,
    batch: int,
    report: Progress,
) -> None:
    """Fill the result tile by tile; of the floats only the seams to the right and below are kept."""
    height, width = values.shape[:2]
    scale = len(out) // height
    above = None
    for index, span in enumerate(rows.spans):
        top, bottom = (side * scale for side in rows.own(index, height))
        deep = rows.fade * scale if index < len(rows.seams) else 0
        below = np.empty((deep, *out.shape[1:]), np.float32)
        beside = None
        groups = _groups(len(columns.spans), batch)
        makers = [partial(_stack, values, span, [columns.spans[number] for number in group]) for group in groups]
        for group, results in zip(groups, calls.over(makers, lambda: report(0.0)), strict=True):
            for number, result in zip(group, results, strict=True):
                left, right = (side * scale for side in columns.own(number, width))
                origin = columns.spans[number][0] * scale
                part = result[top - span[0] * scale : bottom - span[0] * scale, left - origin : right - origin]
                if beside is not None:
                    _fade_in(beside, part[:, : beside.shape[1]], axis=1)
                if number < len(columns.seams):
                    right -= columns.fade * scale
                    part, beside = part[:, : right - left], part[:, right - left :].copy()
                if above is not None:
                    _fade_in(above[:, left:right], part[: len(above)], axis=0)
                out[top : bottom - deep, left:right] = like(part[: len(part) - deep], out.dtype)
                below[:, left:right] = part[len(part) - deep :]
            report((index * len(columns.spans) + group[-1] + 1) / (len(rows.spans) * len(columns.spans)))
        above = below


def _groups(count: int, batch: int) -> list[range]:
    """Part numbers into even groups of at most `batch`."""
    groups = -(-count // batch)
    ends = [count * index // groups for index in range(groups + 1)]
    return [range(begin, end) for begin, end in itertools.pairwise(ends)]


def _stack(values: Image, row: tuple[int, int], columns: list[tuple[int, int]]) -> Floats:
    return np.stack([_cut(values, row, column) for column in columns])


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


def _fade_in(before: Floats, after: Floats, axis: int) -> None:
    """Turn `after` into a mixture that begins as `before`: weights rise from 0 to 1 without a corner at either end."""
    length = after.shape[axis]
    t = (np.arange(length, dtype=np.float32) + np.float32(0.5)) / np.float32(length)
    after -= before
    after *= (t * t * (3 - 2 * t)).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    after += before
