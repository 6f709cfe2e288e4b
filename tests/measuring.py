"""What a test may count instead of seconds, which say more about the machine than about the code."""

from __future__ import annotations

import contextlib
import sys
import tracemalloc


@contextlib.contextmanager
def peak_memory():
    """Give a function that tells, after the block, the most bytes that Python and NumPy held in it at once."""
    peak = 0
    tracemalloc.start()
    try:
        yield lambda: peak
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()


# Functions that are given strips, single patches, or so many pixels at most.
BOUNDED = ("smooth_strip", "_apply", "_best_cells", "as_columns", "product", "_blocks", "multiply", "_misfit")


def lines_between_reports(call):
    """Most lines of imgedit that ``call(progress)`` runs on its own thread between two reports.

    A clock would tell of the machine. Each line may go over the whole picture once or twice, so their number is what
    the wait for a wish to stop grows with. Not counted is what works on pieces of bounded size.
    """
    lines = most = 0

    def step(frame, event, arg):
        nonlocal lines
        lines += event == "line"
        return step

    def begin(frame, event, arg):
        file = frame.f_code.co_filename
        counted = "imgedit" in file and not file.endswith("strips.py")
        return step if counted and frame.f_code.co_name not in BOUNDED else None

    def progress(fraction):
        nonlocal lines, most
        most, lines = max(most, lines), 0

    before = sys.gettrace()
    sys.settrace(begin)
    try:
        call(progress)
    finally:
        sys.settrace(before)
    return max(most, lines)
