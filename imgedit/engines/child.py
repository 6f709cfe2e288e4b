"""A process that does tasks for another one: both ends of the two pipes between them.

The pipes are the child's standard input and output, so it inherits nothing else. A message is its length and the number
of its task, in eight bytes each, and a pickle. Each child has its own pipes and no lock is shared with another, so that
one which dies at any moment, in the middle of a message too, takes nothing with it but its tasks. `multiprocessing` is
not used, because its processes import the caller's main module anew (a script without a guard would start a run in each
of them) and because daemonic processes, such as Dask's workers, must not have any.
"""

from __future__ import annotations

import itertools
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

__all__ = ["Child", "Died", "answer", "outcome", "serve"]

# The path comes first: imgedit itself may lie on it. -P keeps the working folder out of it until then.
BOOT = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); from imgedit.engines.child import serve; serve()"
)

HEAD = struct.Struct(">QQ")

# Numbers of malloc.h of the GNU C library and of prctl.h of Linux.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, PR_SET_PDEATHSIG = -1, -3, 1

# A photo of 20 megapixels in RGB. A worker keeps four times that at most when it has nothing to do.
LARGEST_KEPT = 64 * 2**20

# Seconds that an idle child has to leave when it is told to.
PATIENCE = 5.0


class Died(Exception):  # noqa: N818 - it says what happened to the process
    """A child ended before its task did.

    Parameters
    ----------
    exitcode : int
        As `subprocess` has it: less than zero for a signal.
    """

    def __init__(self, exitcode: int) -> None:
        super().__init__(exitcode)
        self.exitcode = exitcode


class Child:
    """A process that does one task after the other, or some side by side in threads; the caller's end of it.

    Parameters
    ----------
    memory : int, optional
        Bytes of memory that it may take; no limit by default.
    card : str, optional
        The only GPU that it sees, as CUDA numbers them; all by default.
    lanes : int
        Tasks that it does side by side.

    Raises
    ------
    OSError
        No process could be started.
    Died
        It ended before it was ready.
    """

    def __init__(self, *, memory: int | None = None, card: str | None = None, lanes: int = 1) -> None:
        surroundings = os.environ if card is None else {**os.environ, "CUDA_VISIBLE_DEVICES": card}
        with _ctrl_c_held_back():
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", BOOT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if sys.stderr is None else None,
                env=surroundings,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._tasks, self._answers = self._process.stdin, self._process.stdout
        self._numbers = itertools.count()
        self._sending = threading.Lock()
        self._change = threading.Condition()
        self._busy, self._late = set[int](), set[int]()
        self._found: dict[int, bytes] = {}
        self._is_read = False
        try:
            self._tasks.write(pickle.dumps(sys.path))
            _send(self._tasks, 0, pickle.dumps((memory, lanes)))
            _receive(self._answers)
        except (OSError, EOFError) as failure:
            self.close()
            raise Died(self._process.returncode) from failure
        except BaseException:
            self.kill()
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether it can take a task."""
        return self._process.poll() is None

    def do(self, task: bytes, timeout: float | None) -> bytes:
        """Let it do a task.

        Parameters
        ----------
        task : bytes
            Pickle of a function, its arguments and its keyword arguments.
        timeout : float, optional
            Seconds until the process is killed.

        Returns
        -------
        bytes
            For `outcome`.

        Raises
        ------
        Died
            The process ended.
        TimeoutError
            It was killed at the deadline.
        """
        with self._change:
            number = next(self._numbers)
            self._busy.add(number)
        deadline = threading.Timer(timeout, self._stop_late, (number,)) if timeout is not None else None
        if deadline is not None:
            deadline.start()
        try:
            with self._sending:
                _send(self._tasks, number, task)
            return self._answer(number)
        except (OSError, EOFError) as failure:
            exitcode = self._process.wait()
            if number in self._late:
                raise TimeoutError("stopped at the deadline") from failure
            raise Died(exitcode) from failure
        finally:
            with self._change:
                self._busy.remove(number)
                self._change.notify_all()
            if deadline is not None:
                deadline.cancel()

    def _answer(self, number: int) -> bytes:
        """Wait for the answer to a task: of those that wait, one reads for all."""
        with self._change:
            while number not in self._found:
                if self._is_read:
                    self._change.wait()
                    continue
                self._is_read = True
                self._change.release()
                try:
                    found = [_receive(self._answers)]
                finally:
                    self._change.acquire()
                    self._is_read = False
                    self._change.notify_all()
                self._found.update(found)
            return self._found.pop(number)

    def _stop_late(self, number: int) -> None:
        with self._change:
            if number in self._busy:
                self._late.add(number)
                self._process.kill()

    def kill(self) -> None:
        """End it at once, from any thread."""
        self._process.kill()

    def close(self) -> None:
        """Let it end when its tasks are over."""
        with self._change:
            self._change.wait_for(lambda: not self._busy)
        with suppress(OSError):  # it is gone
            self._tasks.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Start a process deaf to Ctrl-C, which it learns to ignore only when Python runs; POSIX inherits the mask."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send(stream: IO[bytes], number: int, message: bytes) -> None:
    stream.write(HEAD.pack(len(message), number) + message)
    stream.flush()


def _receive(stream: IO[bytes]) -> tuple[int, bytes]:
    """Read one message and its number; a stream that ends within it, or before it, ends."""
    length, number = HEAD.unpack(_exactly(stream, HEAD.size))
    return number, _exactly(stream, length)


def _exactly(stream: IO[bytes], length: int) -> bytes:
    found = stream.read(length)
    if len(found) < length:
        raise EOFError
    return found


def answer(task: bytes) -> bytes:
    """Do a task.

    Parameters
    ----------
    task : bytes
        Pickle of a function, its arguments and its keyword arguments.

    Returns
    -------
    bytes
        For `outcome`: what it gave or what it raised.
    """
    try:
        function, arguments, keywords = pickle.loads(task)
        return pickle.dumps((True, function(*arguments, **keywords)))
    except Exception as failure:  # noqa: BLE001 - whatever the task raised is its outcome
        return _pickled(failure)


def _pickled(failure: Exception) -> bytes:
    """Pickle an error so that it can be read back; not every class of them can."""
    try:
        found = pickle.dumps((False, failure))
        pickle.loads(found)
    except Exception:  # noqa: BLE001 - the code of a foreign class
        return pickle.dumps((False, RuntimeError(f"{type(failure).__name__}: {failure}")))
    return found


def outcome(answered: bytes) -> Any:
    """Give what a task gave, or raise what it raised.

    Parameters
    ----------
    answered : bytes
        What `answer` returned.

    Returns
    -------
    object
        The result.
    """
    is_good, value = pickle.loads(answered)
    if is_good:
        return value
    raise value


def serve() -> None:
    """Do what comes in on standard input until that ends: the child's end."""
    tasks = sys.stdin.buffer
    sys.stdin = open(os.devnull)  # noqa: SIM115 - as long as the process
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand among the answers
    _, given = _receive(tasks)
    memory, lanes = pickle.loads(given)
    _prepare(memory)
    inbox: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()
    # A thread of its own, because the input also ends when the caller is killed in the middle of a task.
    threading.Thread(target=_take_in, args=(tasks, inbox.put), daemon=True).start()
    _send(answers, 0, b"")
    sending = threading.Lock()

    def work() -> None:
        while True:
            number, task = inbox.get()
            found = answer(task)
            with sending:
                _send(answers, number, found)

    for _ in range(lanes - 1):
        threading.Thread(target=work, daemon=True).start()
    work()


def _take_in(tasks: IO[bytes], put: Callable[[tuple[int, bytes]], None]) -> None:
    try:
        while True:
            put(_receive(tasks))
    except (OSError, EOFError):
        os._exit(0)


def _prepare(memory: int | None) -> None:
    """Make a fresh process a good worker: one thread, deaf to Ctrl-C, gone when its parent is."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets the same Ctrl-C and decides
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    cv2.setNumThreads(1)  # as many processes as cores already
    if sys.platform == "linux":
        _prepare_on_linux()
    if memory is not None:
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (memory, most))


def _prepare_on_linux() -> None:
    """Keep memory that is freed, and die with the parent even in a loop that never lets another thread run.

    Let the next photo use the memory of the last one: fetching it from the system anew takes a tenth of the time. Only
    GNU's C library gives blocks above a threshold back at once.
    """
    import ctypes

    library = ctypes.CDLL(None)
    library.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    adjust = getattr(library, "mallopt", None)  # musl has none
    if adjust is not None:
        adjust(M_MMAP_THRESHOLD, LARGEST_KEPT)
        adjust(M_TRIM_THRESHOLD, 4 * LARGEST_KEPT)
