"""One run at a time on an output in a store: an object ``OUT/.imgedit/lock-TOKEN`` for each run that wants it.

A run puts its own and lists all of them afterwards. Stores list what was put from that moment on (Amazon's since 2020,
Google's, Azure's), so of two runs whichever lists later sees the other: both may withdraw, and try again a little
later, but never do both go on. A conditional put (``If-None-Match: *``) would be shorter, but servers that do not know
it take the object all the same and say nothing, and a lock that is left behind has to be taken over in any case.

A run renews its object; one that was not renewed for a minute by the store's own clock, nor while it was looked at, is
taken away.
"""

from __future__ import annotations

import contextlib
import json
import random
import secrets
import threading
import time

from imgedit.batch import stores
from imgedit.batch.lock import LOOK, RENEWAL, SILENCE, is_gone, is_here, is_recent, name_of, new_owner, owner_of
from imgedit.errors import BatchError, LockedError, StorageError

__all__ = ["StoreLock"]

# How often to withdraw before others who want it too, and for how many seconds.
WITHDRAWALS, WITHDRAWAL = 5, 4.0


class StoreLock:
    """The right to write to a folder of a store.

    Parameters
    ----------
    root : str
        URL of the output.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._name = f"lock-{secrets.token_hex(8)}"
        self._owner = new_owner()
        self._ended = threading.Event()
        self._change = threading.Lock()
        self._renewed = time.monotonic()
        self._is_lost = False

    def acquire(self) -> None:
        """Take it.

        Raises
        ------
        LockedError
            Another run holds it, or some want it again and again.
        BatchError
            The store can't be written.
        """
        try:
            self._acquire()
        except (OSError, StorageError) as failure:
            self._withdraw()
            raise BatchError(f"the output {self._root} can't be written: {failure}") from failure
        except BaseException:
            self._withdraw()
            raise

    def _acquire(self) -> None:
        for _ in range(WITHDRAWALS):
            self._put(holds=False)
            rival = self._rival()
            if not rival:
                self._put(holds=True)
                threading.Thread(target=self._renew, daemon=True).start()
                return
            if owner_of(rival).get("holds", True):
                break
            self._withdraw()
            time.sleep(random.uniform(0, WITHDRAWAL))
        raise LockedError(f"{name_of(rival)} works on this output; wait for it to end, or give another one")

    def _put(self, *, holds: bool) -> None:
        stores.put(self._at(self._name), json.dumps(self._owner | {"holds": holds}).encode())
        self._renewed = time.monotonic()

    def _at(self, name: str) -> str:
        return f"{self._root}/.imgedit/{name}"

    def _rival(self) -> str:
        """Give the text of another run's lock, and take away those of runs that are dead."""
        moments = self._moments()
        if self._name not in moments:
            raise BatchError(f"{self._root} lists files late, so nobody can tell whether another run works on it")
        for name in moments.keys() - {self._name}:
            text = self._text(name)
            if text and self._is_held(name, text, moments):
                return text
            with contextlib.suppress(OSError, StorageError):  # it is gone, or we may not
                stores.remove(self._at(name))
        return ""

    def _moments(self) -> dict[str, float]:
        """Say when each lock was put, by the clock of the store."""
        return {name: moment for name, moment in stores.moments(self._at("")).items() if name.startswith("lock-")}

    def _text(self, name: str) -> str:
        try:
            return stores.load(self._at(name)).decode()
        except FileNotFoundError:
            return ""

    def _is_held(self, name: str, text: str, moments: dict[str, float]) -> bool:
        owner = owner_of(text)
        if is_here(owner):
            return not is_gone(owner)
        return is_recent(moments[self._name] - moments[name]) or self._is_renewed(name, moments[name])

    def _is_renewed(self, name: str, before: float) -> bool:
        time.sleep(LOOK)
        return self._moments().get(name, before) != before

    def _renew(self) -> None:
        while not self._is_lost and not self._ended.wait(RENEWAL):
            # A store that stumbles may do better the next time; how long that went on, `check` asks.
            with self._change, contextlib.suppress(OSError, StorageError):
                if not self._ended.is_set():
                    names = self._moments().keys()
                    texts = map(self._text, names - {self._name})
                    self._is_lost = self._name not in names or any(owner_of(text).get("holds") for text in texts)
                    if not self._is_lost:
                        self._put(holds=True)

    def check(self) -> None:
        """Stop a run whose lock another one has taken over, as happens when a machine was asleep.

        Raises
        ------
        BatchError
            It is no longer ours, or may soon be another's.
        """
        if self._is_lost:
            raise BatchError("another run has taken over this output, because this one was silent for a minute")
        if time.monotonic() - self._renewed > SILENCE:
            raise BatchError("the store has not taken a sign of life for a minute, and another run may begin")

    def release(self) -> None:
        """Give it back."""
        self._ended.set()
        with self._change:
            self._withdraw()

    def _withdraw(self) -> None:
        """Take the object away; where that is not allowed, leave nothing in it."""
        with contextlib.suppress(OSError, StorageError):
            try:
                stores.remove(self._at(self._name))
            except PermissionError:
                stores.put(self._at(self._name), b"")
