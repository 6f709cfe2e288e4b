"""Where tasks run: a name leads to a factory of the standard library's `concurrent.futures.Executor`.

An engine is asked for four things: ``submit`` a function of some module with plain arguments, give back a `Future` that
can be waited for, ``cancel`` that future, and ``shutdown``. What a task raises is the task's business; what the engine
itself puts into a future (a dead process, a deadline) is put in words by `explain`. Any other `Executor`, such as that
of a cluster, can take an engine's place.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any, Protocol, TypeVar

from imgedit.engines.child import Died
from imgedit.engines.cluster import Dask
from imgedit.engines.local import Local
from imgedit.engines.machine import usable_cores
from imgedit.errors import ArgumentError
from imgedit.tables import Table

__all__ = ["ENGINES", "Dask", "Local", "Serial", "explain", "usable_cores"]

T = TypeVar("T")


class Factory(Protocol):
    """What a row of ENGINES is."""

    def __call__(
        self,
        *,
        workers: int | None = None,
        timeout: float | None = None,
        memory: int | None = None,
        address: str | None = None,
        per_worker: int | None = None,
    ) -> Executor:
        """Start an engine of so many workers, each doing some tasks within so many seconds and bytes, somewhere."""


class Serial(Executor):
    """Run each task at once, in the calling process: for debugging, and where processes can't be started.

    Parameters
    ----------
    workers : int, optional
        Not used: there is one.
    timeout, memory, address, per_worker : None
        Not for this engine.

    Raises
    ------
    ArgumentError
        A limit, which nobody could keep, or an address.
    """

    slots = window = 1

    def __init__(
        self,
        *,
        workers: int | None = None,
        timeout: float | None = None,
        memory: int | None = None,
        address: str | None = None,
        per_worker: int | None = None,
    ) -> None:
        del workers
        given = {"timeout": timeout, "memory": memory, "address": address, "per_worker": per_worker}
        for name, value in given.items():
            if value is not None:
                raise ArgumentError(name, f"is {value!r}, which engine serial can't keep", "use engine local or dask")

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a task and give its finished future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as failure:  # noqa: BLE001 - a future carries whatever the task raised
            future.set_exception(failure)
        return future


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
    if isinstance(failure, Died):
        code = failure.exitcode
        try:
            cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        except ValueError:
            cause = f"exit code {code}"
        return f"the worker process died ({cause})"
    if isinstance(failure, TimeoutError):
        return "took longer than the time limit and was stopped"
    if isinstance(failure, BrokenExecutor):
        return str(failure) or type(failure).__name__
    return f"{type(failure).__name__}: {failure}"


ENGINES: Table[Factory] = Table("engine", {"dask": Dask, "local": Local, "serial": Serial})
