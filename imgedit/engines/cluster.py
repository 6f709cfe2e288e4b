"""The engine of many machines: Dask distributed, on a cluster that runs already or on one of this machine's own.

A Dask worker does no task itself but hands it, as the bytes that it came as, to a process of its own (`Local`). So a
photo that crashes, never ends or eats memory costs that process and never a worker of a cluster that others use too,
and its cause, deadline and limit are those of the engine ``local``. What Dask adds is that a lost worker's tasks go to
another one. The record of a run is never Dask's: with its scheduler, all that it knows is lost.
"""

from __future__ import annotations

import logging
import pickle
import re
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from imgedit.engines.child import outcome
from imgedit.engines.local import Local, check_memory
from imgedit.engines.machine import memory_share, usable_cores
from imgedit.errors import ArgumentError, BatchError, MissingExtraError

__all__ = ["Dask"]

T = TypeVar("T")

# Seconds: for a scheduler to answer at first; between two looks at it; of its silence, or of a cluster without workers,
# until a run is given up (a worker that died is back after about five).
ANSWER, LOOK, SILENCE = 10.0, 2.0, 30.0

# Seconds after which a Dask worker ends the processes of a run that is silent: its client may have been killed.
IDLE = 60.0

ADDRESS = re.compile(r"[a-z]+://.+:\d+")

NOWHERE = "127.0.0.1:0"

# A worker with other versions would give other pixels, or none.
MUST_AGREE = ("imgedit", "numpy", "opencv")


@dataclass(frozen=True)
class Lodging:
    """What a Dask worker must know to make room for the tasks of an engine.

    Parameters
    ----------
    token : str
        Tells this engine from others.
    workers : int, optional
        Processes to have; one for each thread of the worker by default.
    timeout : float, optional
        Seconds that one task may take.
    memory : int, optional
        Bytes that one process may take.
    per_worker : int
        Tasks that one process does side by side.
    """

    token: str
    workers: int | None
    timeout: float | None
    memory: int | None
    per_worker: int = 1


class Dask(Executor):
    """Workers of a Dask cluster.

    Parameters
    ----------
    workers : int, optional
        How many tasks to have done at a time: as many as the cluster has threads, as it grows and shrinks; without an
        address, as many as there are cores here.
    timeout : float, optional
        Seconds that one task may take; the process that does it is killed after that. No limit by default.
    memory : int, optional
        Bytes that one task's process may take (Linux). By default the processes of a worker share its memory.
    address : str, optional
        That of a scheduler, such as ``tcp://host:8786`` or ``tls://host:8786``; Dask's own configuration says which
        certificates to show. By default a cluster is started on this machine and ended with the engine.
    per_worker : int, optional
        Tasks that one process does side by side, in threads; 1 by default. A worker of a cluster has one process for as
        many of its threads.

    Raises
    ------
    MissingExtraError
        Dask is not installed.
    BatchError
        No scheduler answers, it has no worker, or a worker has other versions of what makes the pixels.
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
        try:
            import distributed
        except ImportError as failure:
            raise MissingExtraError("dask.distributed", "dask", "engine dask") from failure
        check_memory(memory)
        if address is not None and not ADDRESS.fullmatch(address):
            raise ArgumentError("address", f"is {address!r}", "write it like tls://host:8786")
        self._cluster = None
        self.per_worker = per_worker or 1
        self._most = None if workers is None else workers * self.per_worker
        if address is None:
            workers = workers or usable_cores()
            self._most = workers * self.per_worker
            memory = memory or memory_share(workers)
            self._cluster = _own_cluster(self._most)
        self._name = address or "this machine"
        joining = _aside(partial(distributed.Client, address or self._cluster, timeout=ANSWER, set_as_default=False))
        try:
            # Dask's own limit leaves out its first exchange: there a scheduler that is silent would be waited for.
            self._client = joining.result(2 * ANSWER)
        except (OSError, ValueError, TypeError) as failure:
            joining.add_done_callback(_leave)
            told = " ".join(str(failure).split()) or f"silent for {2 * ANSWER:.0f} s"
            raise BatchError(
                f"no Dask scheduler answers at {address!r} ({told}); "
                "start one with `dask scheduler`, or leave the address out"
            ) from failure
        self._lodging = Lodging(secrets.token_hex(8), None if address else workers, timeout, memory, self.per_worker)
        self._executor = self._client.get_executor(pure=False)
        self._open: set[Future[Any]] = set()
        self._broken = ""
        self._ended = threading.Event()
        try:
            self._threads = self._count()
            threading.Thread(target=self._watch, daemon=True).start()
            self._check()
        except BaseException:
            self.shutdown(cancel_futures=True)
            raise

    @property
    def slots(self) -> int:
        """Tasks that are done at a time."""
        return min(self._threads, self._most or self._threads)

    @property
    def window(self) -> int:
        """Tasks to have in its hands: each worker has the next one at hand, because one takes 10 ms to get there."""
        return 2 * self.slots

    def _count(self) -> int:
        return sum(self._workers().values())

    def _workers(self) -> dict[str, int]:
        """Give the threads of each worker by its address."""
        try:
            found: dict[str, int] = self._client.sync(self._client.scheduler.ncores, callback_timeout=ANSWER)
        except OSError as failure:
            raise self._lost(failure) from failure
        return found

    def _lost(self, failure: Exception) -> BatchError:
        return BatchError(f"the Dask scheduler at {self._name} is lost ({failure})")

    def _check(self) -> None:
        """Refuse a cluster that can't do what is asked, before any work."""
        if not self._threads:
            raise BatchError(
                f"the Dask cluster at {self._name} has no worker; start some with `dask worker {self._name}`"
            )
        ours = _versions()
        # Workers may take long to import all of that; what ends the wait is a scheduler that is silent.
        asked = _aside(partial(self._client.run, _versions))
        self._open.add(asked)
        asked.add_done_callback(self._open.discard)
        try:
            theirs = asked.result()
        except OSError as failure:
            raise self._lost(failure) from failure
        except BrokenExecutor as failure:
            raise BatchError(str(failure)) from failure
        except Exception as failure:
            raise BatchError(
                f"a worker of {self._name} can't run imgedit ({type(failure).__name__}: {failure}); install it there"
            ) from failure
        for worker, found in theirs.items():
            if found != ours:
                raise BatchError(f"worker {worker} has {_told(found)}, and here is {_told(ours)}; make them the same")

    def _watch(self) -> None:
        """Notice a scheduler that is silent, and a cluster without workers: their futures would never end."""
        heard = time.monotonic()
        while not self._ended.wait(LOOK):
            with suppress(Exception):  # whatever it is, it is silence
                self._threads = self._count()
                if self._threads:
                    heard = time.monotonic()
            if time.monotonic() - heard > SILENCE:
                self._give_up(f"the Dask cluster at {self._name} has been silent for {SILENCE:.0f} s")
                return

    def _give_up(self, problem: str) -> None:
        self._broken = problem
        for future in list(self._open):
            with suppress(Exception):  # it has just ended
                future.set_exception(BrokenExecutor(problem))

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Hand a task to the cluster."""
        return self._submit(self._executor, pickle.dumps((fn, args, kwargs)))

    def submit_everywhere(self, fn: Callable[..., T], /, *args: Any) -> dict[str, Future[T]]:
        """Hand a task to each worker there is.

        Parameters
        ----------
        fn : callable
            A function of some module.
        *args : object
            Its arguments.

        Returns
        -------
        dict of str to Future
            By the address of the worker.
        """
        call = pickle.dumps((fn, args, {}))
        bound = {worker: self._client.get_executor(pure=False, workers=[worker]) for worker in self._workers()}
        return {worker: self._submit(executor, call) for worker, executor in bound.items()}

    def _submit(self, executor: Any, call: bytes) -> Future[Any]:
        if self._broken:
            raise BrokenExecutor(self._broken)
        future: Future[Any] = Future()
        self._open.add(future)
        remote = executor.submit(lodge, self._lodging, call)

        def settle(remote: Future[bytes]) -> None:
            self._open.discard(future)
            if not future.done():
                with suppress(Exception):  # given up, or cancelled, at this very moment
                    self._settle(future, remote)

        remote.add_done_callback(settle)
        future.add_done_callback(lambda ended: remote.cancel() if ended.cancelled() else None)
        return future

    def _settle(self, future: Future[Any], remote: Future[bytes]) -> None:
        try:
            found = outcome(remote.result())
        except CancelledError:
            # Nobody here has: so it was lost with the scheduler.
            future.set_exception(BrokenExecutor(f"the Dask scheduler at {self._name} is lost"))
        except Exception as failure:  # noqa: BLE001 - a future carries whatever the task raised
            future.set_exception(failure)
        else:
            future.set_result(found)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the cluster end its tasks, or make it, and leave it; a cluster of our own ends."""
        self._ended.set()
        with suppress(Exception):  # a cluster that is lost has nothing to stop
            self._executor.shutdown(wait=wait and not cancel_futures)
            self._client.sync(self._client._run, dislodge, self._lodging.token, callback_timeout=ANSWER)
        with suppress(Exception):
            self._client.close(timeout=ANSWER)
        if self._cluster is not None:
            with suppress(Exception):
                self._cluster.close(timeout=ANSWER)


def _aside(call: Callable[[], T]) -> Future[T]:
    """Ask Dask for what it may never answer, in a thread that nobody has to wait for."""
    found: Future[T] = Future()

    def ask() -> None:
        try:
            result = call()
        except BaseException as failure:  # noqa: BLE001 - a future carries whatever was raised
            with suppress(InvalidStateError):  # given up meanwhile
                found.set_exception(failure)
        else:
            with suppress(InvalidStateError):
                found.set_result(result)

    threading.Thread(target=ask, daemon=True).start()
    return found


def _leave(joining: Future[Any]) -> None:
    """Leave a cluster that was joined when nobody waited for it any more."""
    with suppress(Exception):
        joining.result().close(timeout=ANSWER)


def _own_cluster(workers: int) -> Any:
    """Start a scheduler and a worker within this process."""
    import dask
    import distributed

    # Threads of this process are workers enough, since each has its task done by a process of its own; and there is no
    # port open to other users of the machine, who could send the scheduler whatever they want to have run. Dask can't
    # do without a server for its dashboard, on all networks if it may: here it has nothing to show, to nobody else.
    with dask.config.set({f"distributed.{one}.http.routes": [] for one in ("scheduler", "worker")}):
        return distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=2 * workers,  # so that each process has its next task at hand
            processes=False,
            memory_limit=0,  # the processes keep their own
            dashboard_address=NOWHERE,
            worker_dashboard_address=NOWHERE,
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    import cv2

    return {"imgedit": version("imgedit"), "numpy": version("numpy"), "opencv": cv2.__version__}


def _told(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {versions[name]}" for name in MUST_AGREE)


class Lodger:
    """A run that a Dask worker works for, and its processes there.

    Parameters
    ----------
    lodging : Lodging
        What it needs.
    """

    def __init__(self, lodging: Lodging) -> None:
        from distributed import get_worker

        threads, limit = get_worker().state.nthreads, get_worker().memory_manager.memory_limit
        workers = lodging.workers or max(1, threads // lodging.per_worker)
        memory = lodging.memory or (int(limit / workers) if limit else None)
        lanes = lodging.per_worker
        self.engine = Local(workers=workers, timeout=lodging.timeout, memory=memory, per_worker=lanes)
        self.tasks = 0
        self.used = time.monotonic()
        threading.Thread(target=self._leave, args=(lodging.token,), daemon=True).start()

    def _leave(self, token: str) -> None:
        """End the processes when nothing has come for a while: the run may have been killed."""
        while self.tasks or time.monotonic() - self.used < IDLE:
            time.sleep(IDLE / 10)
        dislodge(token)


# Of a Dask worker.
LODGERS: dict[str, Lodger] = {}
CHANGE = threading.Lock()


def lodge(lodging: Lodging, call: bytes) -> bytes:
    """Do a task in a process of this Dask worker.

    Parameters
    ----------
    lodging : Lodging
        Whose task it is.
    call : bytes
        Pickle of a function, its arguments and its keyword arguments.

    Returns
    -------
    bytes
        For `outcome`.
    """
    with CHANGE:
        if lodging.token not in LODGERS:
            LODGERS[lodging.token] = Lodger(lodging)
        lodger = LODGERS[lodging.token]
        lodger.tasks += 1
    try:
        return lodger.engine.submit_pickled(call, bytes).result()
    finally:
        with CHANGE:
            lodger.tasks -= 1
            lodger.used = time.monotonic()


def dislodge(token: str) -> None:
    """End the processes of a run on this Dask worker, and what they do.

    Parameters
    ----------
    token : str
        That of its engine.
    """
    with CHANGE:
        lodger = LODGERS.pop(token, None)
    if lodger is not None:
        lodger.engine.shutdown(cancel_futures=True)
