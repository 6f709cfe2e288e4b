"""What a photo warns of, though other threads of the process warn at the same time.

`warnings.catch_warnings` changes the whole process: of two threads that use it, each may get the other's warnings, and
the last one to leave may restore what the first one had set.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

__all__ = ["heard"]

TOLD: ContextVar[list[str] | None] = ContextVar("TOLD", default=None)
"""Where the warnings of this thread go."""


class _Ears:
    """All that listen in this process, and what has to be put back when none does."""

    def __init__(self) -> None:
        self.change = threading.Lock()
        self.open: list[list[str]] = []
        self.before = contextlib.ExitStack()


EARS = _Ears()


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Collect the warnings of this thread, each as often as it comes.

    Yields
    ------
    list of str
        What they say.
    """
    told: list[str] = []
    mark = TOLD.set(told)
    with EARS.change:
        if not EARS.open:
            EARS.before.enter_context(warnings.catch_warnings())
            warnings.simplefilter("always")
            warnings.showwarning = _tell
        EARS.open.append(told)
    try:
        yield told
    finally:
        TOLD.reset(mark)
        with EARS.change:
            EARS.open[:] = [other for other in EARS.open if other is not told]
            if not EARS.open:
                EARS.before.close()


def _tell(message: Warning | str, *_: Any, **__: Any) -> None:
    told = TOLD.get()
    # A library's own thread says nothing of whom it works for: then it is told of all that it may be.
    for ear in [told] if told is not None else list(EARS.open):
        ear.append(str(message))
