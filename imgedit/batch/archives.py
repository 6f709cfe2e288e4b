"""Zip and tar files as folders: their members are read where they are, and nothing is ever unpacked to the disk.

A member is named ``zip://MEMBER::ARCHIVE``, as fsspec chains addresses; the archive may itself lie at a URL. A process
keeps the last few archives open, because finding a member takes the table of contents. A compressed tar has none: it is
gone through once, and then read forwards.
"""

from __future__ import annotations

import atexit
import contextlib
import lzma
import os
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, TypeVar

from imgedit.batch import stores
from imgedit.errors import EmptyFileError, ImageTooLargeError, StorageError
from imgedit.io.files import MAX_BYTES

__all__ = ["is_archive", "is_member", "load", "members", "stamp"]

ZIPS, TARS = (".zip",), (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

# What the standard library raises for archives that are damaged, encrypted, or packed in a way that it does not know.
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    KeyError,
)

# Of several threads, one at a time moves in a file, and one opens or closes.
MOVING, KEEPING = threading.RLock(), threading.Lock()

MOST_OPEN = 4

A = TypeVar("A", zipfile.ZipFile, tarfile.TarFile)


def is_archive(place: str) -> bool:
    """Tell by its name whether a file is an archive."""
    return place.lower().endswith((*ZIPS, *TARS))


def is_member(source: str) -> bool:
    """Tell whether a source is a member of an archive."""
    return source.startswith(("zip://", "tar://")) and "::" in source


def members(archive: str) -> Iterator[tuple[str, str, stores.Stamp]]:
    """List the files in an archive, in its own order.

    Parameters
    ----------
    archive : str
        Absolute path, or URL.

    Yields
    ------
    str
        The source of a member.
    str
        Its path in the archive.
    Stamp
        By what a change is noticed.

    Raises
    ------
    StorageError
        It can't be read.
    """
    whole = _archive_stamp(archive)
    try:
        if archive.lower().endswith(ZIPS):
            for entry in _zip(archive, whole).infolist():
                if not entry.is_dir():
                    yield f"zip://{entry.filename}::{archive}", entry.filename, stores.Stamp(entry.file_size, entry.CRC)
            return
        for member in _tar(archive, whole).getmembers():
            if member.isreg():
                yield f"tar://{member.name}::{archive}", member.name, stores.Stamp(member.size, whole.changed)
    except BROKEN as failure:
        raise StorageError(archive, f"can't be read as an archive ({failure})") from failure


def load(source: str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a member whole.

    Parameters
    ----------
    source : str
        ``zip://MEMBER::ARCHIVE`` or ``tar://MEMBER::ARCHIVE``.
    max_bytes : int
        Refuse more than this.

    Returns
    -------
    bytes
        At least one.

    Raises
    ------
    StorageError
        The archive or the member can't be read.
    ImageTooLargeError
        More than `max_bytes`, whatever the archive says of it.
    """
    try:
        with MOVING, _opened(source) as stream:
            data = stream.read(max_bytes + 1)
    except BROKEN as failure:
        raise StorageError(source, f"can't be read from its archive ({failure})") from failure
    if len(data) > max_bytes:
        raise ImageTooLargeError(source, f"has more than the limit of {max_bytes} bytes; allow more with max_bytes=")
    if not data:
        raise EmptyFileError(source, "the file is empty (0 bytes)")
    return data


def stamp(source: str) -> stores.Stamp:
    """Tell by what a change of a member is noticed; zeros for one that is not there."""
    member, archive = _parted(source)
    whole = _archive_stamp(archive)
    try:
        if source.startswith("zip://"):
            entry = _zip(archive, whole).getinfo(member)
            return stores.Stamp(entry.file_size, entry.CRC)
        return stores.Stamp(_tar(archive, whole).getmember(member).size, whole.changed)
    except (OSError, *BROKEN):
        return stores.NOTHING


def _opened(source: str) -> IO[bytes]:
    member, archive = _parted(source)
    whole = _archive_stamp(archive)
    if source.startswith("zip://"):
        return _zip(archive, whole).open(member)
    stream = _tar(archive, whole).extractfile(member)
    if stream is None:
        raise KeyError(f"{member} is no file")
    return stream


def _parted(source: str) -> tuple[str, str]:
    member, _, archive = source.partition("://")[2].partition("::")
    return member, archive


def _archive_stamp(archive: str) -> stores.Stamp:
    if stores.is_url(archive):
        return stores.stamp(archive)
    found = os.stat(archive)
    return stores.Stamp(found.st_size, found.st_mtime_ns)


def _zip(archive: str, stamp: stores.Stamp) -> zipfile.ZipFile:
    return _kept(zipfile.ZipFile, archive, stamp)


def _tar(archive: str, stamp: stores.Stamp) -> tarfile.TarFile:
    return _kept(lambda file: tarfile.open(fileobj=file, mode="r:*"), archive, stamp)


def _kept(unpack: Callable[[IO[bytes]], A], archive: str, stamp: stores.Stamp) -> A:
    """Open an archive, or give the one that is open, unless it has changed since."""
    key = archive, stamp
    with KEEPING:
        if key not in _open:
            atexit.unregister(_close_all)  # so that it is there once
            atexit.register(_close_all)
            with contextlib.ExitStack() as closing:
                unpacked = closing.enter_context(unpack(closing.enter_context(_file(archive))))
                _open[key] = unpacked, closing.pop_all()
            if len(_open) > MOST_OPEN:
                _open.pop(next(iter(_open)))[1].close()
        found: A = _open[key][0]
        return found


def _file(archive: str) -> IO[bytes]:
    return stores.opened(archive) if stores.is_url(archive) else open(archive, "rb")


# Those that this process has open: the archive, and what closes it with its file.
_open: dict[tuple[str, stores.Stamp], tuple[Any, contextlib.ExitStack]] = {}


def _close_all() -> None:
    while _open:
        _open.popitem()[1][1].close()
