"""Nets that stay loaded while many photos are edited, so that each is not loaded anew for every one of them.

A call of a verb loads its net and lets it go: nothing stays behind in a program that enlarges one picture. Whoever
edits many says so with `kept`.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from imgedit.models.manifest import Manifest
    from imgedit.models.session import Model

__all__ = ["kept"]

# Nets that are kept at most: a recipe has seldom more steps with one. The one that waited longest goes.
MOST = 4

# Seconds between two looks at whether a wait for another thread's loading is to be given up.
TICK = 0.1


class _Held(NamedTuple):
    """A net, and what it was when it was loaded."""

    net: Model
    manifest: Manifest
    half: bool


class _Shelf:
    """The nets of this process that stay loaded."""

    def __init__(self) -> None:
        self.users: list[bool] = []
        self.nets: OrderedDict[Hashable, _Held] = OrderedDict()
        self.change = threading.Lock()


SHELF = _Shelf()


@contextlib.contextmanager
def kept(*, joined: bool = False) -> Iterator[None]:
    """Keep nets loaded: inside, verbs take the one that was loaded before, if its file is the same.

    It holds for all threads of the process, and may be entered several times; when the last has left, the nets go.

    Parameters
    ----------
    joined : bool
        On the CPU too, let calls of one net that come from several threads at the same time go through it at once, as
        they do on a GPU. There is nothing to gain on a CPU.

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> with ie.models.kept():
    ...     first = ie.models.load("sr-x2", device="cpu")
    ...     ie.models.load("sr-x2", device="cpu") is first
    True
    """
    hold(joined=joined)
    try:
        yield
    finally:
        with SHELF.change:
            SHELF.users.remove(joined)
            if not SHELF.users:
                SHELF.nets.clear()


def hold(*, joined: bool) -> None:
    """Keep nets until the process ends.

    Parameters
    ----------
    joined : bool
        As for `kept`.
    """
    with SHELF.change:
        SHELF.users.append(joined)


def loaded(
    key: Hashable, manifest: Manifest, make: Callable[[], Model], tick: Callable[[], None] | None = None
) -> Model:
    """Give the net that is kept, or load it.

    Parameters
    ----------
    key : hashable
        Its file as it is now, its device and its threads.
    manifest : Manifest
        What is known of it.
    make : callable
        Loads it.
    tick : callable, optional
        Called while another thread loads; what it raises ends the wait.

    Returns
    -------
    Model
        Shared by all threads.
    """
    if not SHELF.users:
        return make()
    while not SHELF.change.acquire(timeout=TICK):
        if tick is not None:
            tick()
    try:
        held = SHELF.nets.get(key)
        # One that overflowed in float16 is in float32 now: what comes of a photo must not depend on those before it.
        if held is None or held.manifest != manifest or held.net.half != held.half:
            net = make()
            held = SHELF.nets[key] = _Held(net, manifest, net.half)
            net.joins |= any(SHELF.users)
        SHELF.nets.move_to_end(key)
        while len(SHELF.nets) > MOST:
            SHELF.nets.popitem(last=False)
        return held.net
    finally:
        SHELF.change.release()
