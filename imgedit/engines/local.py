"""The engine of this machine: a thread for each place in a worker process, which hands it one task after the other.

A library would be better than a supervisor of one's own, and two were tried. In pebble the workers share two pipes and
a lock: in 4 of 6 runs of 1,500 tasks, killing up to 6 workers at random moments broke the pool, and a thousand tasks
never came to an end. Dask has no deadline for a task. ``docs/reliability.md`` has what this one stands.
"""

from __future__ import annotations

import pickle
import queue
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from typing import Any, NamedTuple, TypeVar

from imgedit.engines.child import Child, Died, outcome
from imgedit.engines.machine import cards, memory_share, usable_cores
from imgedit.errors import ArgumentError, BatchError

__all__ = ["Local", "check_memory"]

T = TypeVar("T")

# A worker that dies so often before it is ready won't be better the next time.
STARTS = 3

# Python with OpenCV and ONNX Runtime has set aside 260 MiB before it has seen a photo.
LEAST_MEMORY = 512 * 2**20


def check_memory(memory: int | None) -> None:
    """Refuse a limit that no worker could start with."""
    if memory is not None and memory < LEAST_MEMORY:
        told = f"is {memory} bytes, of which a worker takes half before it has seen a photo"
        raise ArgumentError("memory", told, f"give at least {LEAST_MEMORY // 2**20} MiB")


class Task(NamedTuple):
    """What waits for a worker: the pickle of a call, and what becomes of its outcome."""

    call: bytes
    future: Future[Any]
    read: Callable[[bytes], Any]


class Local(Executor):
    """Processes of this machine, started afresh (never forked: OpenCV's threads do not survive a fork).

    A crash or a missed deadline costs one task; the process is replaced. With several GPUs each process sees one of
    them, in turn. Where a process has several tasks in hand, all of them end with it: those that are not to blame have
    to be done again.

    Parameters
    ----------
    workers : int, optional
        Number of processes; as many as there are cores to use by default.
    timeout : float, optional
        Seconds that one task may take; its process is killed after that. No limit by default.
    memory : int, optional
        Bytes that one process may take (Linux). By default they share nine tenths of the machine's memory; on a machine
        with a GPU there is no limit.
    address : None
        Not for this engine.
    per_worker : int, optional
        Tasks that one process does side by side, in threads; 1 by default.

    Raises
    ------
    ArgumentError
        A limit that can't be kept here, or an address.
    BatchError
        The program is frozen into one file, so there is no interpreter for workers.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        timeout: float | None = None,
        memory: int | None = None,
        address: str | None = None,
        per_worker: int | None = None,
    ) -> None:
        if address is not None:
            raise ArgumentError("address", f"is {address!r}, but engine local works on this machine", "use engine dask")
        check_memory(memory)
        if memory is not None and sys.platform != "linux":
            raise ArgumentError("memory", "can be limited on Linux only", "leave it out")
        if getattr(sys, "frozen", False):
            raise BatchError("a frozen program has no interpreter to start workers with; use engine serial")
        self._workers, self.per_worker = workers or usable_cores(), per_worker or 1
        # None in reserve: what is in hand is what a killed run does again.
        self.slots = self.window = self._workers * self.per_worker
        self._timeout, self._memory = timeout, memory or memory_share(self._workers)
        self._cards = found if len(found := cards()) > 1 else [None]
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._children: dict[int, Child] = {}
        self._starting = [threading.Lock() for _ in range(self._workers)]
        self._manned = Counter[int]()
        self._change = threading.Lock()
        self._waiting = 0  # tasks that no worker has taken yet
        self._idle = 0
        self._is_closed = self._is_stopped = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Hand a task to the next free process."""
        return self.submit_pickled(pickle.dumps((fn, args, kwargs)), outcome)

    def submit_pickled(self, call: bytes, read: Callable[[bytes], T]) -> Future[T]:
        """Hand a task to the next free process as the pickle that it is sent as.

        Parameters
        ----------
        call : bytes
            Pickle of a function, its arguments and its keyword arguments.
        read : callable
            Makes the result of the bytes that the process answered.

        Returns
        -------
        Future
            Of what `read` gives.
        """
        future: Future[T] = Future()
        with self._change:
            if self._is_closed:
                raise RuntimeError("the engine has been shut down")
            self._waiting += 1
            self._tasks.put(Task(call, future, read))
            if self._waiting > self._idle and len(self._threads) < self.slots:
                number = len(self._threads) % self._workers
                thread = threading.Thread(target=self._work, args=(number,), name=f"worker {number}", daemon=True)
                self._threads.append(thread)
                self._manned[number] += 1
                self._idle += 1
                thread.start()
        return future

    def _work(self, number: int) -> None:
        """Do tasks in one process after the other, until there are no more."""
        while (task := self._tasks.get()) is not None:
            with self._change:
                self._waiting -= 1
                self._idle -= 1
            if task.future.set_running_or_notify_cancel():
                self._settle(number, task)
            with self._change:
                self._idle += 1
        with self._change:
            self._manned[number] -= 1
            child = self._children.pop(number, None) if not self._manned[number] else None
        if child is not None:
            child.close()

    def _settle(self, number: int, task: Task) -> None:
        try:
            task.future.set_result(task.read(self._child(number).do(task.call, self._timeout)))
        except Exception as failure:  # noqa: BLE001 - a future carries whatever the task raised
            is_own = isinstance(failure, (Died, BrokenExecutor))
            task.future.set_exception(CancelledError() if self._is_stopped and is_own else failure)

    def _child(self, number: int) -> Child:
        """Give the process of a worker; a new one where the last one died."""
        with self._starting[number]:
            child = self._children.get(number)
            if child is not None:
                if child.is_alive:
                    return child
                child.close()
            child = self._started(self._cards[number % len(self._cards)])
            with self._change:
                self._children[number] = child
                if self._is_stopped:
                    child.kill()
            return child

    def _started(self, card: str | None) -> Child:
        for _ in range(STARTS):
            try:
                return Child(memory=self._memory, card=card, lanes=self.per_worker)
            except OSError as failure:
                raise BrokenExecutor(f"no worker process can be started: {failure}") from failure
            except Died as failure:
                problem = failure
        raise BrokenExecutor("worker processes die before they are ready") from problem

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the processes end after their tasks, or at once."""
        with self._change:
            self._is_closed = True
            self._is_stopped |= cancel_futures
            stopped = list(self._children.values()) if cancel_futures else []
        if cancel_futures:
            self._cancel_waiting()
        for child in stopped:
            child.kill()
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _cancel_waiting(self) -> None:
        while True:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                return
            if task is not None:
                task.future.cancel()
