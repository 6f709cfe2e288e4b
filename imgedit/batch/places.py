"""Where inputs lie and results go: files of this machine, members of archives, stores behind a URL, all in one way."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imgedit.batch import archives, stores
from imgedit.batch.folder import Folder
from imgedit.batch.lock import Lock
from imgedit.batch.store_lock import StoreLock
from imgedit.errors import ArgumentError, EmptyFileError
from imgedit.io import files

__all__ = ["STATE_FOLDER", "Output", "Store", "exists", "load", "output_at", "stamp_of"]

STATE_FOLDER = ".imgedit"
SCRATCH = "tmp"


def load(source: str, *, max_bytes: int = files.MAX_BYTES, size: int = -1, md5: str = "") -> bytes:
    """Read a whole input.

    Parameters
    ----------
    source : str
        A path, a URL, or a member of an archive.
    max_bytes : int
        Refuse more than this.
    size : int
        Its bytes, where a listing told them; -1 where not.
    md5 : str
        Their checksum in base64, where a server told it.

    Returns
    -------
    bytes
        At least one.

    Raises
    ------
    ReadError
        One of its subclasses says what can't be read.
    StorageError
        A store did not give it, or its archive is damaged.
    OSError
        What the system says.
    """
    if archives.is_member(source):
        return archives.load(source, max_bytes=max_bytes)
    if not stores.is_url(source):
        return files.load(source, max_bytes=max_bytes)
    data = stores.load(source, max_bytes=max_bytes, size=size, md5=md5, refuse_pages=True)
    if not data:
        raise EmptyFileError(source, "the file is empty (0 bytes)")
    return data


def stamp_of(source: str) -> stores.Stamp:
    """Tell by what a change of an input is noticed.

    Parameters
    ----------
    source : str
        A path, a URL, or a member of an archive.

    Returns
    -------
    Stamp
        `stores.NOTHING` for what is not there.
    """
    if stores.is_url(source):
        return archives.stamp(source) if archives.is_member(source) else stores.stamp(source)
    try:
        found = os.stat(source)
    except OSError:
        return stores.NOTHING
    return stores.Stamp(found.st_size, found.st_mtime_ns)


def exists(source: str) -> bool:
    """Tell whether something lies there."""
    return stamp_of(source) != stores.NOTHING


@dataclass(frozen=True)
class Store:
    """A place for results in a store behind a URL, with the methods of a `Folder`.

    Parameters
    ----------
    root : str
        URL, without a slash at its end.
    state : Path
        Folder of this machine for the record of the runs.
    scratch : Path
        Not used: a store takes a file in one step.
    """

    root: str
    state: Path
    scratch: Path

    def put(self, name: str, data: bytes) -> int:
        """Write a result.

        Parameters
        ----------
        name : str
            Its path below the root, with forward slashes.
        data : bytes
            All of it.

        Returns
        -------
        int
            Bytes written.

        Raises
        ------
        OSError
            No permission, no such bucket.
        StorageError
            The store did not take it in several tries.
        """
        stores.put(self.show(name), data)
        return len(data)

    def read(self, name: str) -> bytes:
        """Give what stands under a name."""
        return stores.load(self.show(name), max_bytes=sys.maxsize)

    def standing(self) -> Callable[[str], int | None]:
        """Give a function that tells how many bytes stand under a name; the store is listed when it is first asked."""

        @functools.cache
        def listed() -> dict[int, int]:
            try:
                return stores.sizes(self.root)
            except FileNotFoundError:
                return {}

        return lambda name: listed().get(hash(name))

    def show(self, name: str = "") -> str:
        """Give the URL of a result, or of the root, for messages."""
        return f"{self.root}/{name}" if name else self.root

    def locks(self) -> tuple[Lock, StoreLock]:
        """Give what keeps other runs away: from the record, which is on this machine, and from the store."""
        return Lock(self.scratch.parent), StoreLock(self.root)


Output = Folder | Store
"""Where results go."""


def output_at(output: str | Path | Output, state: str | Path | None = None) -> Output:
    """Say where results go.

    Parameters
    ----------
    output : str or Path
        A folder, or a URL of a store in which a file appears in one step.
    state : str or Path, optional
        Folder of this machine for the record of the runs. By default ``.imgedit`` in the output; for a URL a folder of
        the user's state that is named after it.

    Returns
    -------
    Folder or Store
        Nothing is made yet.

    Raises
    ------
    ArgumentError
        An archive, or a store in which half a file may be seen.
    """
    if isinstance(output, (Folder, Store)):
        return output
    root = os.fspath(output)
    if root == "-":
        raise ArgumentError(
            "output", "is '-'", "give a folder; one file goes to standard output by imgedit recipe apply"
        )
    if archives.is_archive(root) and not os.path.isdir(root):
        remedy = "give a folder and pack it afterwards: an archive is whole only with its last byte"
        raise ArgumentError("output", f"is {root}, an archive", remedy)
    if root.lower().startswith("file://"):
        root = files.local(root)
    if not stores.is_url(root):
        folder = Path(os.path.abspath(root))
        kept = Path(os.path.abspath(state)) if state is not None else folder / STATE_FOLDER
        # Below the output even if the record is elsewhere: a file gets its name in one step on one file system only.
        return Folder(folder, kept, folder / STATE_FOLDER / SCRATCH)
    if (protocol := root.partition("://")[0].lower()) not in stores.ONE_STEP:
        remedy = f"give a folder, or a store of {', '.join(sorted(stores.ONE_STEP))}"
        raise ArgumentError("output", f"is {root}, and {protocol} may show half a file", remedy)
    root = root.rstrip("/")
    kept = Path(os.path.abspath(state)) if state is not None else _state_of(root)
    return Store(root, kept, kept / SCRATCH)


def _state_of(url: str) -> Path:
    """Name a folder after a URL, where the system keeps the state of programs."""
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    words = re.sub(r"[^A-Za-z0-9]+", "-", url.partition("://")[2]).strip("-")[:40]
    return home / "imgedit" / f"{words}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
