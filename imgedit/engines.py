"""Where tasks run: a name leads to a factory of the standard library's `concurrent.futures.Executor`.

An engine is asked for four things: ``submit`` a function of some module with plain arguments, give back a `Future` that
can be waited for, ``cancel`` that future, and ``shutdown``. What a task raises is the task's business; what the engine
itself puts into a future (a dead process, a deadline) is put in words by `explain`. Any other `Executor`, such as that
of a cluster, can take an engine's place.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Protocol, TypeVar

from imgedit.tables import Table

__all__ = ["ENGINES", "explain", "usable_cores"]

T = TypeVar("T")

# Numbers of malloc.h of the GNU C library.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

# A photo of 20 megapixels in RGB. A worker keeps four times that at most when it has nothing to do.
LARGEST_KEPT = 64 * 2**20


class Factory(Protocol):
    """What a row of ENGINES is."""

    def __call__(self, *, workers: int | None, timeout: float | None) -> Executor:
        """Start an engine of so many workers, each task having so many seconds."""


class Serial(Executor):
    """Run each task at once, in the calling process: for debugging, and where processes can't be started.

    Parameters
    ----------
    workers, timeout : optional
        Not used: there is one worker, and nobody to stop it.
    """

    def __init__(self, *, workers: int | None = None, timeout: float | None = None) -> None:
        del workers, timeout

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a task and give its finished future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as failure:  # noqa: BLE001 - a future carries whatever the task raised
            future.set_exception(failure)
        return future


class Local(Executor):
    """Processes of this machine, started afresh (never forked: OpenCV's threads do not survive a fork).

    A crash or a missed deadline costs one task; the process is replaced.

    Parameters
    ----------
    workers : int, optional
        Number of processes; as many as there are cores to use by default.
    timeout : float, optional
        Seconds that one task may take; its process is killed after that. No limit by default.
    """

    def __init__(self, *, workers: int | None = None, timeout: float | None = None) -> None:
        self._workers = workers or usable_cores()
        self._timeout = timeout
        self._pool = self._start()

    def _start(self) -> Any:
        import pebble

        context = multiprocessing.get_context("spawn")
        return pebble.ProcessPool(max_workers=self._workers, context=context, initializer=prepare_worker)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Hand a task to the next free process."""
        if not self._pool.active:
            # A process that dies while all are idle breaks the whole pool.
            self._pool.stop()
            self._pool.join()
            self._pool = self._start()
        future: Future[T] = self._pool.schedule(fn, args=args, kwargs=kwargs, timeout=self._timeout)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the processes end after their tasks, or at once."""
        if cancel_futures:
            self._pool.stop()
        else:
            self._pool.close()
        if wait:
            self._pool.join()


def prepare_worker() -> None:
    """Make a fresh process a good worker: one thread each, deaf to Ctrl-C, gone when its parent is."""
    import cv2

    _keep_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets the same Ctrl-C and decides
    cv2.setNumThreads(1)  # as many processes as cores already
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _keep_freed_memory() -> None:
    """Let the next photo use the memory of the last one; fetching it from the system anew takes a tenth of the time.

    Only where the C library is GNU's: it gives blocks above a threshold back at once, others never do.
    """
    if sys.platform != "linux":
        return
    import ctypes

    adjust = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if adjust is not None:
        adjust(M_MMAP_THRESHOLD, LARGEST_KEPT)
        adjust(M_TRIM_THRESHOLD, 4 * LARGEST_KEPT)


def _leave_with(parent: Any) -> None:
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def usable_cores() -> int:
    """Count the cores that this process may use.

    Returns
    -------
    int
        At least 1; fewer than the machine has where the process is bound to some.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def explain(failure: BaseException) -> str:
    """Put in words why an engine gave no result for a task.

    Parameters
    ----------
    failure : BaseException
        What the future of the task raised.

    Returns
    -------
    str
        One sentence.
    """
    code = getattr(failure, "exitcode", None)
    if isinstance(code, int):
        try:
            cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        except ValueError:
            cause = f"exit code {code}"
        return f"the worker process died ({cause})"
    if isinstance(failure, TimeoutError):
        return "took longer than the time limit and was stopped"
    return f"{type(failure).__name__}: {failure}"


ENGINES: Table[Factory] = Table("engine", {"local": Local, "serial": Serial})
