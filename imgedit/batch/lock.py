"""One run at a time on an output: the file ``OUT/.imgedit/lock`` says whose it is.

It names host, process and a token of the run, and the run renews its time of change. A lock whose process is gone from
this host is taken over at once. Of a process on another host nothing can be known but that it is silent: its lock is
taken over after a minute, on the file system's own clock, so that hosts need not agree on the time.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
from pathlib import Path
from typing import Any

from imgedit.errors import BatchError, LockedError

__all__ = ["Lock"]

SILENCE, RENEWAL = 60.0, 10.0


class Lock:
    """The right to write to an output folder.

    Parameters
    ----------
    folder : Path
        Where the lock lies; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._text = json.dumps(
            {
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "start": _start(os.getpid()),
                "run": secrets.token_hex(8),
            }
        )
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
                text, silent = self._path.read_text(), self._silence()
            except FileNotFoundError:
                continue
            if _is_held(text, silent):
                raise LockedError(f"{_name(text)} works on this output; wait for it to end, or give another folder")
            self._bury(text)
        threading.Thread(target=self._renew, daemon=True).start()

    def _create(self) -> bool:
        try:
            with open(self._path, "x") as file:
                file.write(self._text)
        except FileExistsError:
            return False
        return True

    def _silence(self) -> float:
        """Seconds since the lock was renewed, both by the clock of the file system."""
        probe = self._path.with_name(f"clock-{secrets.token_hex(8)}")
        try:
            probe.touch()
            return probe.stat().st_mtime - self._path.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)

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


def _is_held(text: str, silent: float) -> bool:
    owner = _owner(text)
    if owner.get("host") == socket.gethostname():
        return bool(_start(owner["pid"]) == owner["start"])
    return silent < SILENCE  # of another host, or not yet written


def _owner(text: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        owner = json.loads(text)
        if isinstance(owner, dict) and {"host", "pid", "start"} <= owner.keys():
            return owner
    return {}


def _name(text: str) -> str:
    owner = _owner(text)
    return f"process {owner['pid']} on {owner['host']}" if owner else "another run"


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
