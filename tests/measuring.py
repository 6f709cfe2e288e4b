"""What a test may count instead of seconds, which say more about the machine than about the code."""

from __future__ import annotations

import contextlib
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
