"""Strips cover every row once, on any number of threads; failures and cancelling reach the caller."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from imgedit import errors
from imgedit.strips import STRIP_BYTES, each_strip


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("height", [1, 7, 64, 1001])
def test_every_row_is_worked_on_once(height, threads):
    seen = np.zeros(height, int)

    def work(top, bottom):
        seen[top:bottom] += 1

    each_strip(work, height, row_bytes=STRIP_BYTES // 7, threads=threads)
    assert (seen == 1).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_progress_rises_to_one_from_the_calling_thread(threads):
    seen, caller = [], threading.current_thread()

    def progress(done):
        assert threading.current_thread() is caller
        seen.append(done)

    each_strip(lambda top, bottom: None, 500, row_bytes=STRIP_BYTES, threads=threads, progress=progress)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert seen.count(1) == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_a_failure_in_any_thread_reaches_the_caller_and_stops_the_rest(threads):
    started = []

    def work(top, bottom):
        started.append(top)
        raise ValueError("bad row")

    with pytest.raises(ValueError, match="bad row"):
        each_strip(work, 1000, row_bytes=STRIP_BYTES, threads=threads)
    assert len(started) <= threads


def test_even_a_single_strip_can_be_cancelled():
    def stop(done):
        raise errors.Cancelled

    with pytest.raises(errors.Cancelled):
        each_strip(lambda top, bottom: None, 1, row_bytes=1, progress=stop)
