"""Several calls of one net as one: what threads ask of it while it is busy goes through together.

A GPU takes a batch of small tiles in little more time than one of them, but small photos have one tile each. So calls
wait for the one that runs, and those of one shape that have come meanwhile are stacked along their first axis. Nobody
waits for company: a call that finds the net free runs at once. Databases bring transactions to the disk in this way.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ModelError

__all__ = ["Joiner"]

Feeds = Mapping[str, NDArray[Any]]
Tick = Callable[[], None] | None


class Run(Protocol):
    """Runs a net on its inputs by name."""

    def __call__(self, feeds: Feeds, *, seconds: float, tick: Tick) -> list[NDArray[Any]]:
        """Do so within so many seconds, calling a tick meanwhile."""


# Seconds between two looks at whether a call that waits is to be given up.
TICK = 0.1

# By how much of the largest number a picture may differ from what it is alone. Devices choose other algorithms for
# other batches; float16 has 10 bits of mantissa. A net that mixes the pictures of a batch is off by far more.
TOLERANCE = 0.02


class _Call:
    """One call, and what came of it."""

    def __init__(self, feeds: Feeds) -> None:
        self.feeds = feeds
        self.count = len(next(iter(feeds.values())))
        self.shape = [(name, array.shape[1:], array.dtype) for name, array in feeds.items()]
        self.nbytes = sum(array.nbytes for array in feeds.values())
        self.alone = False
        self.results: list[NDArray[Any]] | None = None


class Joiner:
    """Joins calls of a net.

    Parameters
    ----------
    most : int
        Bytes of the inputs that may go through at once.

    Attributes
    ----------
    works : bool
        False once the net gave something else for several pictures than for each: then it gets them one by one.
    largest : int
        The longest batch so far, in calls.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._turn = threading.Lock()
        self._change = threading.Lock()
        self._waiting: list[_Call] = []
        self._is_tried = False
        self.works = True
        self.largest = 1

    def takes(self, feeds: Feeds) -> bool:
        """Tell whether another call of this kind could go through with it."""
        if not self.works or not all(array.ndim > 1 for array in feeds.values()):
            return False
        arrays = list(feeds.values())
        return len({len(array) for array in arrays}) == 1 and 2 * sum(array.nbytes for array in arrays) <= self._most

    def run(self, run: Run, feeds: Feeds, seconds: float, tick: Tick) -> list[NDArray[Any]]:
        """Run the net once, perhaps together with other calls.

        Parameters
        ----------
        run : callable
            Runs the net on its inputs by name, within so many seconds, calling a tick meanwhile.
        feeds : mapping of str to ndarray
            Inputs by name, all with as many pictures along their first axis.
        seconds : float
            Deadline of a run.
        tick : callable, optional
            Called while it waits or runs; what it raises ends this call, and no other.

        Returns
        -------
        list of ndarray
            The outputs for these pictures.
        """
        call = _Call(feeds)
        with self._change:
            self._waiting.append(call)
        try:
            while call.results is None:
                if not self._turn.acquire(timeout=TICK):
                    if tick is not None:
                        tick()
                    continue
                try:
                    if call.results is None:
                        self._serve(call, partial(run, seconds=seconds, tick=tick))
                finally:
                    self._turn.release()
        finally:
            with self._change:
                if call in self._waiting:
                    self._waiting.remove(call)
        return call.results

    def _serve(self, call: _Call, run: Callable[[Feeds], list[NDArray[Any]]]) -> None:
        """Run a call, whose turn it is, and those that fit."""
        calls = self._fitting(call)
        if len(calls) == 1 or not self._are_served_together(calls, run):
            call.results = run(call.feeds)

    def _fitting(self, call: _Call) -> list[_Call]:
        calls, left = [call], self._most - call.nbytes
        with self._change:
            for other in self._waiting:
                fits = other.shape == call.shape and other.nbytes <= left
                if other is not call and fits and self.works and not (call.alone or other.alone):
                    calls.append(other)
                    left -= other.nbytes
        return calls

    def _are_served_together(self, calls: Sequence[_Call], run: Callable[[Feeds], list[NDArray[Any]]]) -> bool:
        """Give each of several calls its share of one run; False where each has to run alone."""
        stacked = {name: np.concatenate([call.feeds[name] for call in calls]) for name in calls[0].feeds}
        try:
            results = run(stacked)
        except ModelError:  # one of them may be to blame, or all for taking too much memory
            for call in calls:
                call.alone = True
            return False
        ends = list(itertools.accumulate(call.count for call in calls))
        if any(result.ndim == 0 or len(result) != ends[-1] for result in results):
            self.works = False
            return False
        shares = [[result[end - call.count : end] for result in results] for call, end in zip(calls, ends, strict=True)]
        if not self._is_tried:
            self.works = _is_close(run(calls[0].feeds), shares[0])
            self._is_tried = True
            if not self.works:
                return False
        for call, share in zip(calls, shares, strict=True):
            call.results = share
        self.largest = max(self.largest, len(calls))
        return True


def _is_close(alone: Sequence[NDArray[Any]], shared: Sequence[NDArray[Any]]) -> bool:
    """Compare what one call gave alone with its share; not finite numbers are compared as they are."""
    for one, other in zip(alone, shared, strict=True):
        if one.shape != other.shape:
            return False
        reach = float(np.abs(one[np.isfinite(one)]).max(initial=0)) if one.dtype.kind == "f" else 0
        if not np.allclose(one, other, rtol=0, atol=TOLERANCE * reach, equal_nan=True):
            return False
    return True
