"""Watch folders, and edit what arrives once it is whole.

The folders are looked at once a second instead of waiting for the system to tell: that works on network folders too,
where no system tells of another machine's files, and what counts as whole is that a file has not changed for some
seconds, which has to be looked for in any case. A file that was taken too early is done again when it has changed, as
in any run.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from time import monotonic
from typing import Any

from imgedit.batch.record import Compare
from imgedit.batch.rows import Report
from imgedit.batch.working import Hands, hands_for
from imgedit.engines import ENGINES
from imgedit.errors import ArgumentError
from imgedit.pixels import check_number
from imgedit.recipes import Recipe

__all__ = ["watch"]

# Seconds between two looks. A look at 10,000 files takes some 20 ms.
INTERVAL = 1.0

Stamp = tuple[int, int]


def watch(
    recipe: Recipe | str | Path,
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    settle: float = 2.0,
    stop: threading.Event | None = None,
    engine: str | Executor = "local",
    workers: int | None = None,
    timeout: float | None = None,
    memory: int | None = None,
    address: str | None = None,
    per_worker: int | None = None,
    resume: bool = True,
    retry_failed: bool = False,
    compare: Compare = "time",
    variables: Mapping[str, object] | None = None,
    **options: Any,
) -> Iterator[Report]:
    """Do a recipe on files as they arrive in folders.

    Parameters
    ----------
    recipe : Recipe, str or Path
        As for `run`.
    inputs : path, or sequence of paths
        Local folders.
    output : str or Path
        As for `run`.
    settle : float
        Seconds for which a file must keep its size and its time of change to count as whole.
    stop : threading.Event, optional
        Ends the watch when it is set and no file is in work.
    engine, workers, timeout, memory, address, per_worker : object
        As for `run`. The workers are started once.
    resume, retry_failed, compare : object
        As for `run`, for what is there at the beginning.
    variables : mapping, optional
        As for `run`.
    **options : object
        Further parameters of `run`.

    Yields
    ------
    Report
        What became of all files of the folders, whenever some were done.

    Raises
    ------
    ArgumentError
        An input is no local folder.
    KeyboardInterrupt
        Ctrl-C while files are in work. While none is, it ends the watch like `stop`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import imgedit as ie
    >>> half = ie.Recipe([ie.Step("resize", scale=0.5)], output={"format": "png"})
    >>> with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as out:
    ...     ie.write(Path(folder, "photo.jpg"), np.zeros((64, 96, 3), np.uint8))
    ...     for report in ie.batch.watch(half, folder, out, settle=0, engine="serial"):
    ...         print(report.count("done"))
    ...         break  # or go on, until Ctrl-C
    1
    """
    from imgedit.batch import run

    check_number(settle, "settle", least=0)
    folders = [_folder(given) for given in ([inputs] if isinstance(inputs, (str, Path)) else inputs)]
    if not isinstance(recipe, Recipe):
        recipe, variables = Recipe.from_toml(recipe, variables=variables), None
    rounds = _rounds(folders, os.path.realpath(output), settle, stop or threading.Event())
    limits = {"timeout": timeout, "memory": memory, "address": address}
    hands = hands_for(recipe, engine, Hands(workers, per_worker))
    with _started(engine, hands, limits) as executor:
        while True:
            try:
                only = next(rounds, None)
            except KeyboardInterrupt:
                return
            if only is None:
                return
            which: dict[str, Any] = {
                "only": only,
                "resume": resume,
                "retry_failed": retry_failed,
                "compare": compare,
                "variables": variables,
            }
            yield run(recipe, folders, output, engine=executor, workers=hands.workers, **which, **options)
            resume, retry_failed, compare = True, False, "time"


@contextlib.contextmanager
def _started(engine: str | Executor, hands: Hands, limits: Mapping[str, Any]) -> Iterator[Executor]:
    """Keep one engine for all rounds: to start processes takes longer than to edit a photo."""
    if isinstance(engine, Executor):
        yield engine
        return
    executor = ENGINES[engine](**hands._asdict(), **limits)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _folder(given: str | Path) -> str:
    if not os.path.isdir(given):
        raise ArgumentError("inputs", f"hold {str(given)!r}, which is no local folder", "give the folder to watch")
    return os.path.abspath(given)


def _rounds(
    folders: Sequence[str], output: str, settle: float, stop: threading.Event
) -> Iterator[Callable[[str], bool]]:
    """Wait until files are whole that were not there before, and tell which are."""
    settling, offered = Settling(settle), dict[str, Stamp]()
    while not stop.is_set():
        found = {path: stamp for folder in folders for path, stamp in _files(folder, output)}
        whole = settling.whole(found, monotonic())
        if any(offered.get(path) != stamp for path, stamp in whole.items()):
            offered = whole
            yield whole.__contains__
        else:
            stop.wait(INTERVAL)


class Settling:
    """Tell which files have not changed for some seconds.

    Parameters
    ----------
    seconds : float
        How long they must not have changed.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[str, tuple[Stamp, float]] = {}

    def whole(self, found: Mapping[str, Stamp], now: float) -> dict[str, Stamp]:
        """Take a look into account.

        Parameters
        ----------
        found : mapping of str to (int, int)
            Size and time of change of each file.
        now : float
            Time of the look, in seconds.

        Returns
        -------
        dict
            The files that count as whole. An empty file never does: it is about to be written.
        """
        before, self._since = self._since, {}
        for path, stamp in found.items():
            seen = before.get(path)
            self._since[path] = seen if seen is not None and seen[0] == stamp else (stamp, now)
        return {
            path: stamp for path, (stamp, since) in self._since.items() if stamp[0] and now - since >= self._seconds
        }


def _files(folder: str, output: str) -> Iterator[tuple[str, Stamp]]:
    """List what lies below a folder, but for hidden files, linked folders and the output."""
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if entry.name[0] != "."]
    except FileNotFoundError:
        return  # it was moved away meanwhile
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if os.path.realpath(entry.path) != output:
                yield from _files(entry.path, output)
            continue
        try:
            status = entry.stat()
        except FileNotFoundError:
            continue
        yield entry.path, (status.st_size, status.st_mtime_ns)
