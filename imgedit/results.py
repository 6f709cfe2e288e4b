"""Memory of large results: what the last ones lay in, for the next.

Memory that is new is handed over by the system zeroed and page by page, when it is first written to: for a 4K image of
float32 that takes a quarter of the time of a short blend formula, in every frame anew. So the memory of a large result
that nobody holds any more is kept for the next one of its size, and marked as free for the taking (``MADV_FREE``:
Linux 4.5, macOS): where memory is short the system takes it without asking.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import weakref
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["new_result", "release"]

# Below the first, the C library keeps what is freed by itself; the other is the most that is kept in all.
LEAST_BYTES, MOST_BYTES = 16 * 2**20, 512 * 2**20

_KEEPS = hasattr(mmap, "MADV_FREE")
# The oldest first. Results end wherever the last name of them does, in any thread and in the midst of anything, so a
# lock could be waited for by its own holder: there is none, and each change of the list is one call, which is atomic.
_spare: list[mmap.mmap] = []


def new_result(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Give an array for a result, with whatever it holds.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : dtype
        Of its items.

    Returns
    -------
    ndarray
        C-contiguous; no other array that is alive shares its memory.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not (_KEEPS and LEAST_BYTES <= size <= MOST_BYTES):
        return np.empty(shape, dtype)
    memory = _take(size)
    # Every view of the result holds this array, by which it is noticed when the last of them is gone.
    whole = np.frombuffer(memory, np.uint8)
    weakref.finalize(whole, _give_back, memory).atexit = False
    return whole.view(dtype).reshape(shape)


def release() -> None:
    """Give what is kept back to the system at once."""
    _spare.clear()


def _take(size: int) -> mmap.mmap:
    for spare in reversed(tuple(_spare)):
        if len(spare) == size and _is_ours(spare):
            return spare
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages: small ones do
            memory.madvise(mmap.MADV_HUGEPAGE)  # as NumPy does for its own
    return memory


def _is_ours(spare: mmap.mmap) -> bool:
    """Take a block off the list; False if another thread was quicker."""
    try:
        _spare.remove(spare)
    except ValueError:
        return False
    return True


def _give_back(memory: mmap.mmap) -> None:
    try:
        memory.madvise(mmap.MADV_FREE)
    except OSError:  # a kernel that can't take it back by itself, or locked memory: nothing is kept
        return
    _spare.append(memory)
    kept = 0
    for spare in reversed(tuple(_spare)):
        kept += len(spare)
        if kept > MOST_BYTES:
            _is_ours(spare)  # and nobody else's: unmapped
