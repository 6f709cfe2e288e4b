"""Work on an image in horizontal strips that fit a core's cache, on as many threads as OpenCV may use.

A chain of NumPy calls over a whole 4K image moves every intermediate result through memory; over strips of a few
hundred kilobytes it stays in the cache, needs no big temporaries, and the strips run side by side because NumPy and
OpenCV release the interpreter lock. ``cv2.setNumThreads`` is the one knob: a host that set it to 1 gets
one thread here too.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Progress", "Scratch", "Ticker", "each_strip"]

Progress = Callable[[float], None]
"""A callable given the fraction done, 0 to 1; what it raises stops the work."""

# What a core's level-2 cache holds. Smaller strips stay nearer, but each NumPy call then takes less time than handing
# the interpreter lock from thread to thread, and two threads are slower than one (measured: 256 KiB against 1 MiB).
STRIP_BYTES = 1024 * 1024


def each_strip(
    function: Callable[[int, int], None],
    height: int,
    *,
    row_bytes: int,
    threads: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Call ``function(top, bottom)`` for strips that together cover the rows 0 to `height` once.

    Parameters
    ----------
    function : callable
        Works on the rows ``top <= y < bottom``; called from several threads at once, in any order.
    height : int
        Number of rows.
    row_bytes : int
        Bytes that one row of the working data takes; sets how many rows make a strip.
    threads : int, optional
        At most this many threads; by default as many as OpenCV may use.
    progress : callable, optional
        Given the fraction done, from the calling thread only; at the end always 1.

    Raises
    ------
    Exception
        The first exception that `function` or `progress` raised; the other strips are not begun any more.
    """
    rows = max(1, STRIP_BYTES // max(1, row_bytes))
    tops = range(0, height, rows)
    workers = min(threads or cv2.getNumThreads() or 1, len(tops))
    queue = iter(tops)  # next() on a range iterator is atomic, so the threads share it without a lock
    done = [0] * workers  # rows, by thread
    failures: list[BaseException] = []

    def work(number: int, report: Progress | None = None) -> None:
        try:
            for top in queue:
                if failures:
                    return
                bottom = min(top + rows, height)
                function(top, bottom)
                done[number] += bottom - top
                if report is not None and bottom < height:
                    report(min(sum(done), height - 1) / height)
        except BaseException as failure:  # noqa: BLE001 - handed to the caller below, whatever it is
            failures.append(failure)

    others = [threading.Thread(target=work, args=(n,), name="imgedit-strips") for n in range(1, workers)]
    for thread in others:
        thread.start()
    work(0, progress)
    for thread in others:
        thread.join()
    if failures:
        raise failures[0]
    if progress is not None:
        progress(1.0)


class Ticker:
    """Progress of one stage as a part of the whole; called between any two steps, so that a wish to stop is heard soon.

    Parameters
    ----------
    progress : callable or None
        Given the fraction of the whole that is done; None: nobody asks.
    start, stop : float
        Fractions of the whole at which the stage begins and ends.

    Examples
    --------
    >>> seen = []
    >>> tick = Ticker(seen.append, 0.5, 1)
    >>> tick(0.2)
    >>> tick()  # no further, but still listening
    >>> tick.part(0.2, 1)(0.5)
    >>> seen
    [0.6, 0.6, 0.8]
    """

    def __init__(self, progress: Progress | None, start: float = 0.0, stop: float = 1.0) -> None:
        self._progress, self._start, self._stop = progress, start, stop
        self._fraction = 0.0

    def __call__(self, fraction: float | None = None) -> None:
        """Report how far the stage is.

        Parameters
        ----------
        fraction : float, optional
            Of the stage that is done; by default, and where it would fall, what was reported last.
        """
        if fraction is not None:
            self._fraction = min(max(fraction, self._fraction), 1.0)
        if self._progress is not None:
            self._progress(self._start + (self._stop - self._start) * self._fraction)

    def part(self, start: float, stop: float) -> Ticker:
        """Progress of a stage within this one.

        Parameters
        ----------
        start, stop : float
            Fractions of this stage.

        Returns
        -------
        Ticker
        """
        return Ticker(self, start, stop)


class Scratch(threading.local):
    """Arrays that a thread keeps from strip to strip.

    Memory that is new for each strip is handed over by the system page by page, which can take longer than the work
    on it; two threads moreover wait for each other there.
    """

    def __init__(self) -> None:
        self._held: dict[str, NDArray[np.uint8]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Give this thread's array of that name, with whatever it holds.

        Parameters
        ----------
        name : str
            What the array is for; the next call with this name gives the same memory.
        shape : tuple of int
            Its shape.
        dtype : dtype
            Of its items.

        Returns
        -------
        ndarray
            Contiguous.
        """
        size = math.prod(shape) * np.dtype(dtype).itemsize
        held = self._held.get(name)
        if held is None or held.size < size:
            held = self._held[name] = np.empty(size, np.uint8)
        return np.ndarray(shape, dtype, held)
