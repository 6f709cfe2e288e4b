"""Long work of ONNX Runtime in a thread of its own: the caller watches the clock, Ctrl-C and a wish to stop."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Late", "watched"]

Result = TypeVar("Result")

# Seconds between two looks at whether the work is to be stopped.
TICK = 0.1


class Late(Exception):  # noqa: N818 - a fact; who knows the file makes an error of it
    """The work did not end before its deadline."""


def watched(
    work: Callable[[], Result],
    stop: Callable[[], None],
    *,
    seconds: float,
    tick: Callable[[], None] | None = None,
    patience: float = math.inf,
) -> Result:
    """Do work that can be asked to stop.

    Parameters
    ----------
    work : callable
        Called in a thread; what it raises is raised here.
    stop : callable
        Asks the work to end soon; called where the deadline has passed, or the caller gives up.
    seconds : float
        Deadline.
    tick : callable, optional
        Called about ten times a second in the caller's thread; what it raises stops the work, and is raised.
    patience : float
        Seconds that work which was asked to stop may still take. Then it is left to itself, to end in the background.

    Returns
    -------
    object
        What the work gives.

    Raises
    ------
    Late
        The deadline passed, and no result came since.
    """
    results: list[Result] = []
    problems: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as problem:  # noqa: BLE001 - handed to the caller, whatever it is
            problems.append(problem)
        finally:
            done.set()

    threading.Thread(target=run, name="imgedit-model", daemon=True).start()
    end = time.monotonic() + seconds
    try:
        while not done.wait(min(TICK, max(0.001, end - time.monotonic()))) and time.monotonic() < end:
            if tick is not None:
                tick()
        if not done.is_set():
            raise Late
    except BaseException as reason:
        stop()
        ended = done.wait(None if math.isinf(patience) else patience)
        if isinstance(reason, Late) and ended and results:
            return results[0]
        raise
    if problems:
        raise problems[0]
    return results[0]
