"""One run at a time on an output: the file ``OUT/.imgedit/lock`` says whose it is.

It names host, process and a token of the run, and the run renews its time of change. A lock whose process is gone from
this host is taken over at once. Of a process on another host nothing can be known but that it is silent: its lock is
taken over after a minute, on the file system's own clock, so that hosts need not agree on the time. Since that clock
may be set too, the lock is looked at for a while before, to see that nobody renews it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from pathlib import Path
from typing import Any

from imgedit.errors import BatchError, LockedError

__all__ = ["LOOK", "RENEWAL", "SILENCE", "Lock", "is_gone", "is_here", "is_recent", "name_of", "new_owner", "owner_of"]

# Seconds: between two renewals; to look whether one comes; of silence after which a run counts as dead.
RENEWAL, LOOK, SILENCE = 10.0, 15.0, 60.0


class Lock:
    """The right to write to an output folder.

    Parameters
    ----------
    folder : Path
        Where the lock lies; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._text = json.dumps(new_owner())
        self._ended = threading.Event()
        self._is_lost = False

    def acquire(self) -> None:
        """Take it.

        Raises
        ------
        LockedError
            Another run holds it.
        """
        while not self._create():
            try:
                text = self._path.read_text()
                is_held = self._is_held(text)
            except FileNotFoundError:
                continue
            if is_held:
                raise LockedError(f"{name_of(text)} works on this output; wait for it to end, or give another folder")
            self._bury(text)
        threading.Thread(target=self._renew, daemon=True).start()

    def _create(self) -> bool:
        try:
            with open(self._path, "x") as file:
                file.write(self._text)
        except FileExistsError:
            return False
        return True

    def _is_held(self, text: str) -> bool:
        owner = owner_of(text)
        if is_here(owner):
            return not is_gone(owner)
        # Of another host, or not yet written.
        return is_recent(self._silence()) or self._is_renewed()

    def _silence(self) -> float:
        """Seconds since the lock was renewed, both by the clock of the file system."""
        probe = self._path.with_name(f"clock-{secrets.token_hex(8)}")
        try:
            probe.touch()
            return probe.stat().st_mtime - self._path.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)

    def _is_renewed(self) -> bool:
        before, until = self._path.stat().st_mtime_ns, time.monotonic() + LOOK
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 1.0))
            if self._path.stat().st_mtime_ns != before:
                return True
        return False

    def _bury(self, text: str) -> None:
        """Take away the lock that holds a text, unless another run was quicker and has put its own there."""
        grave = self._path.with_name(f"lock-{secrets.token_hex(8)}")
        with contextlib.suppress(FileNotFoundError):
            os.rename(self._path, grave)
            if grave.read_text() != text:
                os.rename(grave, self._path)
                return
            grave.unlink()

    def _renew(self) -> None:
        while not self._is_lost and not self._ended.wait(RENEWAL):
            try:
                self._is_lost = self._path.read_text() != self._text
                if not self._is_lost:
                    os.utime(self._path)
            except OSError:
                self._is_lost = True

    def check(self) -> None:
        """Stop a run whose lock another one has taken over, as happens when a machine was asleep.

        Raises
        ------
        BatchError
            It is no longer ours.
        """
        if self._is_lost:
            raise BatchError("another run has taken over this output, because this one was silent for a minute")

    def release(self) -> None:
        """Give it back."""
        self._ended.set()
        with contextlib.suppress(OSError):
            if self._path.read_text() == self._text:
                self._path.unlink()


def is_recent(silent: float) -> bool:
    """Tell whether a run may be alive that was silent for so many seconds; what is less than none, a clock was set."""
    return -LOOK < silent < SILENCE


def new_owner() -> dict[str, Any]:
    """Describe this process, and a run of it."""
    return {
        "host": socket.gethostname(),
        "space": _space(),
        "pid": os.getpid(),
        "start": _start(os.getpid()),
        "run": secrets.token_hex(8),
    }


def owner_of(text: str) -> dict[str, Any]:
    """Read whose a lock is; empty where that was not written whole."""
    with contextlib.suppress(ValueError):
        owner = json.loads(text)
        if isinstance(owner, dict) and {"host", "space", "pid", "start"} <= owner.keys():
            return owner
    return {}


def is_here(owner: dict[str, Any]) -> bool:
    """Tell whether the number of its process means the same to this one."""
    return (owner.get("host"), owner.get("space")) == (socket.gethostname(), _space())


def is_gone(owner: dict[str, Any]) -> bool:
    """Tell whether the process of an owner that is here has ended."""
    return bool(_start(owner["pid"]) != owner["start"])


def name_of(text: str) -> str:
    """Name the run that a lock belongs to."""
    owner = owner_of(text)
    return f"process {owner['pid']} on {owner['host']}" if owner else "another run"


def _space() -> str:
    """Tell within which the numbers of processes count: containers may share the name of their host, but not these."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""  # no Linux


def _start(pid: int) -> str:
    """Tell when a process began, because its number may be given to another; empty for none, "?" where unknown."""
    try:
        # Behind the name, which is in brackets and may hold anything, the 20th field.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):
            return ""
    return "?" if _is_alive(pid) else ""


def _is_alive(pid: int) -> bool:
    if os.name == "nt":
        import ctypes

        kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
        handle = kernel.OpenProcess(0x1000, False, pid)  # query limited information
        if not handle:
            return False
        code = ctypes.c_ulong()
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        kernel.CloseHandle(handle)
        return bool(code.value == 259)  # still active
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
