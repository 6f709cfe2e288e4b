"""Processes that are forked from one which has imported everything, where starting them would be most of the work.

``python -m benchmarks.reliability`` makes thousands of runs, each with workers, and Python's start and imports take ten
times as long as what a fault disturbs. So a `Nursery`, a process of one thread that has imported all of it, forks the
runs, and one below each run forks its workers. Nothing else differs: a run is a session of its own, a worker has two
pipes, runs the same words and dies with its run. Linux only.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from imgedit.engines import child

# What a run or a worker imports while it works.
IMPORTED = (
    "cyclopts.completion", "distributed", "faults", "fsspec.implementations.http", "imgedit.__main__",
    "imgedit.batch.working", "imgedit.cli.commands", "imgedit.cli.console", "imgedit.cli.words", "imgedit.filters",
    "imgedit.geometry.resampling", "imgedit.models", "imgedit.recipes.running", "numpy.ma", "numpy.random",
    "pydantic.json_schema", "pydantic.type_adapter", "rich.progress", "s3fs",
)  # fmt: skip

# By what a forked worker is told from a run: both have the words of the nursery.
NAME = "imgedit-worker"

PR_SET_PDEATHSIG = 1

NUMBER = struct.Struct("i")
LONGEST = 2**17


class Forked:
    """A process that was forked, with those methods of `subprocess.Popen` that are called here."""

    def __init__(self, pid: int, ending: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ending = ending
        self._turn = threading.Lock()

    def poll(self) -> int | None:
        with self._turn:
            if self.returncode is None and select.select([self._ending], [], [], 0)[0]:
                (status,) = NUMBER.unpack(os.read(self._ending, NUMBER.size))
                self.returncode = os.waitstatus_to_exitcode(status)
                os.close(self._ending)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        with contextlib.suppress(OSError, ValueError):  # another thread has taken it
            if self.returncode is None:
                select.select([self._ending], [], [], timeout)
        if (found := self.poll()) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return found

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class ForkedRun(Forked):
    """A run, and what it prints."""

    def __init__(self, nursery: Nursery, words: Sequence[str], surroundings: Mapping[str, str]) -> None:
        self._told = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the run
        with open(os.devnull) as nothing:
            files = [nothing.fileno(), self._told.fileno(), self._told.fileno()]
            super().__init__(*nursery.bear((list(words), dict(surroundings)), files))

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        self.wait(timeout)
        self._told.seek(0)
        with self._told:
            return self._told.read().decode(), None


class ForkedWorker(Forked):
    """A worker of a run: what `imgedit.engines.child` takes for a process that it started."""

    def __init__(self, nursery: Nursery, *_words: object, **_manner: object) -> None:
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        super().__init__(*nursery.bear(None, [theirs_in, theirs_out, 2]))
        os.close(theirs_in)
        os.close(theirs_out)
        self.stdin, self.stdout = open(ours_in, "wb"), open(ours_out, "rb")  # noqa: SIM115 - as long as it


class Nursery:
    """The other end of a process that forks when it is asked to."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._turn = threading.Lock()

    @classmethod
    def started(cls, **surroundings: str) -> Nursery:
        """Start one for runs, with what else is to be in its environment."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = os.pathsep.join([str(Path(__file__).parent), str(Path(child.__file__).parents[2])])
        # A library that has threads of its own can't be forked in good order.
        alone = {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", **surroundings}
        words = [sys.executable, "-c", "import forks; forks.nurse_runs()"]
        subprocess.Popen(words, stdin=theirs, env={**os.environ, **alone}, start_new_session=True)
        theirs.close()
        return cls(ours)

    @classmethod
    def forked(cls) -> Nursery:
        """Fork one for the workers of this run."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            ours.close()
            _die_with_parent()
            tend(theirs)
            _work()
        theirs.close()
        return cls(ours)

    def bear(self, request: object, files: list[int]) -> tuple[int, int]:
        """Have a process forked; gives its number, and where its ending will be told."""
        ending, theirs = os.pipe()
        with self._turn:
            try:
                socket.send_fds(self._requests, [pickle.dumps(request)], [*files, theirs])
            finally:
                os.close(theirs)
            answer = os.read(ending, NUMBER.size)
        if not answer:
            raise OSError("the nursery is gone")
        return NUMBER.unpack(answer)[0], ending


def tend(requests: socket.socket) -> object:
    """Fork when asked, and tell of each process how it ended; returns in the forked one, with its request."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    alive: dict[int, tuple[int, int]] = {}
    while True:
        for ready in select.select([requests, *alive], [], [])[0]:
            if ready is not requests:
                pid, ending = alive.pop(ready)
                os.close(ready)
                with contextlib.suppress(OSError):  # nobody wants to know any more
                    os.write(ending, NUMBER.pack(os.waitpid(pid, 0)[1]))
                os.close(ending)
                continue
            message, files, _, _ = socket.recv_fds(requests, LONGEST, 4)
            if not message:
                os._exit(0)
            if (pid := os.fork()) == 0:
                requests.close()
                for handle, (_, ending) in alive.items():
                    os.close(handle)
                    os.close(ending)
                _settle_in(files)
                return pickle.loads(message)
            os.write(files[3], NUMBER.pack(pid))
            for file in files[:3]:
                os.close(file)
            alive[os.pidfd_open(pid)] = pid, files[3]


def _settle_in(files: list[int]) -> None:
    """Take standard files and signals as a process has them that was started."""
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115 - as long as the process
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def nurse_runs() -> None:
    """Be the nursery of runs; in each of them, run the command line."""
    _die_with_parent()
    for name in IMPORTED:
        importlib.import_module(name)
    import faults

    gc.freeze()
    words, surroundings = tend(socket.socket(fileno=os.dup(0)))  # type: ignore[misc]
    os.setsid()
    os.environ.clear()
    os.environ.update(surroundings)
    start: Callable[..., ForkedWorker] = partial(ForkedWorker, Nursery.forked())
    own = {"Popen": start, "PIPE": subprocess.PIPE, "TimeoutExpired": subprocess.TimeoutExpired}
    child.subprocess = SimpleNamespace(**own)  # type: ignore[assignment]
    sys.argv = ["imgedit", *words]
    faults.command()


def _work() -> None:
    """Be a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path("/proc/self/comm").write_text(NAME)
    exec(child.BOOT)


def is_forked_worker(pid: int) -> bool:
    """Tell whether a process is a worker that was forked."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == NAME
    except OSError:
        return False
