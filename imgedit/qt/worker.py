"""Run any verb off the GUI thread: progress, cancel, result and error as signals.

The work runs on a plain Python thread. What it has to say goes through one queued signal, so that every slot runs on
the thread that made the worker, whatever kind of callable it is. What a job that was cancelled still does, or gives,
is dropped. A worker lives until the last of its threads has ended, even if nobody holds it any more: Qt does not keep
the sender of a signal alive, and would speak through freed memory.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

from imgedit.errors import ArgumentError, Cancelled, ImgeditError
from imgedit.qt.binding import QtCore, Signal, Slot

__all__ = ["Worker"]


class Worker(QtCore.QObject):
    """Runs one call at a time on a thread of its own.

    Signals come on the thread that made the worker: ``progressed(float)`` with the fraction done, then one of
    ``finished(object)`` with the result, ``failed(object)`` with the exception, ``cancelled()``. ``busy(bool)`` comes
    before all of these with True, and with False before the last: ``worker.busy.connect(button.setDisabled)``.

    A verb that has ``progress=`` stops within a second of `cancel`. One that has none (they are short) runs to its end
    unheard. When the program ends during a job, that job is cancelled and no thread outlives the interpreter.

    Examples
    --------
    >>> import imgedit as ie, imgedit.qt
    >>> import numpy as np
    >>> app = imgedit.qt.binding.QtCore.QCoreApplication.instance() or imgedit.qt.binding.QtCore.QCoreApplication([])
    >>> worker = imgedit.qt.Worker()
    >>> worker.finished.connect(lambda result: print(result.shape)) and None
    >>> worker.start(ie.resize, np.zeros((20, 30), np.uint8), scale=0.5)
    >>> worker.wait(10)
    (10, 15)
    True
    """

    busy = Signal(bool)
    progressed = Signal(float)
    finished = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    _said = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._job: _Job | None = None
        self._said.connect(self._hear, QtCore.Qt.ConnectionType.QueuedConnection)

    @property
    def running(self) -> bool:
        """Whether a job was started that has neither ended nor been cancelled."""
        return self._job is not None

    def start(self, function: Callable[..., Any], /, *arguments: Any, **parameters: Any) -> None:
        """Call ``function(*arguments, **parameters)`` on a thread.

        Parameters
        ----------
        function : callable
            A verb, or anything; one with a parameter ``progress`` is given it.
        *arguments, **parameters
            Its own. Arrays must not be written to until the job has ended.

        Raises
        ------
        ArgumentError
            With ``progress=``, which is the worker's.
        ImgeditError
            While a job is running.
        """
        if "progress" in parameters:
            raise ArgumentError("progress", "is the worker's to give", "connect to its signal progressed")
        if self._job is not None:
            raise ImgeditError("the worker is running; call cancel() first, or use a worker for each job")
        self._job = _Job(self._said.emit, function, arguments, parameters)
        _lives[self._job] = self
        self._job.thread.start()
        self.busy.emit(True)

    def cancel(self) -> None:
        """Stop the job; does nothing where none is running. A new one may start at once."""
        if self._job is not None:
            self._job.stopped.set()
            self._job = None
            self.busy.emit(False)
            self.cancelled.emit()

    def restart(self, function: Callable[..., Any], /, *arguments: Any, **parameters: Any) -> None:
        """Cancel the job, if one is running, and start another, as `start` does: only the newest wish counts.

        Parameters
        ----------
        function : callable
            As for `start`.
        *arguments, **parameters
            Its own.
        """
        self.cancel()
        self.start(function, *arguments, **parameters)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the job and deliver what it has said; for tests and for closing a window, it blocks the interface.

        Parameters
        ----------
        seconds : float, optional
            At most this long; by default without limit.

        Returns
        -------
        bool
            Whether no job is running any more.
        """
        if self._job is not None:
            self._job.thread.join(seconds)
            QtCore.QCoreApplication.sendPostedEvents(self, 0)
        return self._job is None

    @Slot(object)
    def _hear(self, news: tuple[_Job, str, Any]) -> None:
        job, what, value = news
        if what != "progressed":
            _lives.pop(job, None)
        if job is not self._job:
            return
        if what == "progressed":
            self.progressed.emit(job.latest())
            return
        self._job = None
        self.busy.emit(False)
        (self.finished if what == "finished" else self.failed).emit(value)


class _Job:
    """One call on its thread."""

    def __init__(
        self,
        say: Callable[[Any], None],
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        parameters: dict[str, Any],
    ) -> None:
        self._say = say
        self._call = (function, arguments, parameters)
        self._fraction = 0.0
        self._unheard = False
        self.stopped = threading.Event()
        # Not a daemon: the interpreter waits for it, instead of killing it inside native code.
        self.thread = threading.Thread(target=self._run, name="imgedit-worker")

    def latest(self) -> float:
        """Fraction done; from now on news of progress is told again."""
        self._unheard = False
        return self._fraction

    def _run(self) -> None:
        function, arguments, parameters = self._call
        if _takes_progress(function):
            parameters = {**parameters, "progress": self._report}
        try:
            result = function(*arguments, **parameters)
        except BaseException as failure:  # noqa: BLE001 - handed to the thread that waits for it, whatever it is
            self._tell("failed", failure)
        else:
            self._tell("finished", result)

    def _report(self, fraction: float) -> None:
        # At the program's end nobody is left to press a button, and the interpreter waits for this thread.
        if self.stopped.is_set() or not threading.main_thread().is_alive():
            raise Cancelled
        self._fraction = fraction
        if not self._unheard:  # a busy interface gets the newest fraction once, not a queue of old ones
            self._unheard = True
            self._tell("progressed", None)

    def _tell(self, what: str, value: Any) -> None:
        if threading.main_thread().is_alive():
            self._say((self, what, value))


# Jobs whose end has not been heard of, with their workers. Only the interface's thread lets go of a worker: Qt deletes
# its objects where they live.
_lives: dict[_Job, Worker] = {}


def _takes_progress(function: Callable[..., Any]) -> bool:
    try:
        return "progress" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a built-in function without a signature
        return False
