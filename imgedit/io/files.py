"""Bytes from and to files, standard streams and stores: nothing here knows what an image is.

A path is opened without blocking and only if it is a regular file, so that a pipe can't hang and a device can't fill
the memory. What is written stands complete under its final name or not at all: temporary file in the same folder,
fsync, rename. OpenCV and Pillow never see a path.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
import urllib.parse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from imgedit.errors import (
    ArgumentError,
    EmptyFileError,
    ImageTooLargeError,
    InvalidPathError,
    MissingExtraError,
    OutOfSpaceError,
)

__all__ = [
    "MAX_BYTES",
    "TEMPORARY",
    "PathLike",
    "check_target",
    "load",
    "local",
    "missing_library",
    "show",
    "store",
    "suffix_of",
]

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]

MAX_BYTES = 256 * 2**20
"""Largest file that is read unless the caller allows more."""

TEMPORARY = ".imgedit-"
"""How the name of every temporary file starts; the rest is random, and the suffix is that of the target."""

NO_SPACE = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def show(path: object) -> str:
    """Give a path as text for messages; ``-`` is a standard stream."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        remedy = "the path comes first, then the image" if hasattr(path, "shape") else "give the path of one file"
        raise ArgumentError("path", f"is of type {type(path).__name__}", remedy)
    return os.fsdecode(path)


def suffix_of(path: PathLike) -> str:
    """Give the suffix in lower case, without what follows in a URL's query."""
    text = show(path)
    if _is_url(text):
        text = urllib.parse.urlsplit(text).path
    return os.path.splitext(text)[1].lower()


def load(path: PathLike, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a whole file.

    Parameters
    ----------
    path : str, bytes or path_like
        A regular file, a URL that fsspec knows, or ``-`` for standard input.
    max_bytes : int
        Refuse more than this, in bytes.

    Returns
    -------
    bytes
        At least one.

    Raises
    ------
    OSError
        What the system says, unchanged: no such file, no permission, a folder.
    InvalidPathError
        A NUL in the name, or something that is not a regular file.
    ImageTooLargeError
        More than `max_bytes`.
    EmptyFileError
        Nothing in it.
    """
    name = show(path)
    if "\0" in name:
        if isinstance(path, bytes):
            raise InvalidPathError("path", "holds data, not a name; bytes are read by ie.io.decode(data)")
        raise InvalidPathError(name.replace("\0", "\\0"), "the name holds a NUL character, which no file can have")
    if name == "-":
        data = _read_limited(sys.stdin.buffer, max_bytes, name)
    elif _is_url(name):
        with _open_url(name, "rb") as stream:
            data = _read_limited(stream, max_bytes, name)
    else:
        data = _load_regular(name, max_bytes)
    if not data:
        raise EmptyFileError(name, "the file is empty (0 bytes)")
    return data


def _load_regular(name: str, max_bytes: int) -> bytes:
    # O_NONBLOCK: opening a pipe that nobody writes to must not hang. The flags are missing where they mean nothing.
    flags = os.O_RDONLY
    for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):
        flags |= getattr(os, flag, 0)
    descriptor = os.open(name, flags)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidPathError(name, f"is {_kind(status.st_mode)}, not a regular file; pipe data in through '-'")
    except BaseException:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        if status.st_size > max_bytes:
            _refuse_size(name, max_bytes, f"{status.st_size} bytes")
        # One byte more than the size that is told, so that the usual file takes one call and no copy.
        return _read_limited(stream, max_bytes, name, first=status.st_size + 1)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a disk"}
    return kinds.get(stat.S_IFMT(mode), "something special")


def _read_limited(stream: Any, max_bytes: int, name: str, *, first: int = 2**20) -> bytes:
    """Read to the end, but never hold more than the limit: sizes can be told wrongly and files can grow."""
    parts: list[bytes] = []
    left = max_bytes + 1
    size = first
    while left > 0 and (part := stream.read(min(left, size))):
        parts.append(part)
        left -= len(part)
        size = 2**20
    if left <= 0:
        _refuse_size(name, max_bytes, "more than that")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _refuse_size(name: str, max_bytes: int, size: str) -> None:
    raise ImageTooLargeError(name, f"has {size}, the limit is {max_bytes}; allow more with max_bytes=")


def _is_url(name: str) -> bool:
    return "://" in name


def local(url: str) -> str:
    """Give the path of a ``file://`` URL."""
    from urllib.request import url2pathname  # here, since it brings the whole of http

    return url2pathname(urllib.parse.urlsplit(url).path)


def _open_url(name: str, mode: str) -> Any:
    if name.lower().startswith("file://"):
        return open(local(name), mode)
    try:
        import fsspec

        return fsspec.open(name, mode)
    except ImportError as missing:
        raise missing_library(name, missing) from missing


# Protocol of a URL -> what opens it beside fsspec, and the extra that brings both.
LIBRARIES = {"s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3"), "gs": ("gcsfs", "gcs"), "gcs": ("gcsfs", "gcs")}


def missing_library(url: str, missing: ImportError) -> MissingExtraError:
    """Say which extra opens a URL.

    Parameters
    ----------
    url : str
        What could not be opened.
    missing : ImportError
        What fsspec, or its import, said.

    Returns
    -------
    MissingExtraError
        To be raised.
    """
    library, extra = LIBRARIES.get(url.partition("://")[0].lower(), (missing.name or "a library", "storage"))
    return MissingExtraError(library, extra, f"opening {url}")


def check_target(path: PathLike, *, overwrite: bool = True) -> None:
    """Refuse a target that can't be written, before any work is done for it.

    Parameters
    ----------
    path : str, bytes or path_like
        Where to write.
    overwrite : bool
        Whether something may stand there already.

    Raises
    ------
    OSError
        No such folder, no permission in it, a folder of that name, or a file where none may be.
    InvalidPathError
        A NUL in the name.
    """
    name = show(path)
    if "\0" in name:
        raise InvalidPathError(name.replace("\0", "\\0"), "the name holds a NUL character, which no file can have")
    if name == "-" or _is_url(name):
        return
    folder = os.path.dirname(name) or "."
    if not os.path.isdir(folder):
        code = errno.ENOTDIR if os.path.exists(folder) else errno.ENOENT
        raise OSError(code, os.strerror(code), folder)
    if os.path.isdir(name):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if not overwrite and os.path.lexists(name):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)


def store(
    path: PathLike,
    data: bytes | Iterable[bytes],
    *,
    overwrite: bool = True,
    follow: bool = False,
    sync: bool = True,
) -> None:
    """Write a whole file so that the old one or the new one stands there at any moment, never a part.

    Parameters
    ----------
    path : str, bytes or path_like
        A file, a URL that fsspec knows, or ``-`` for standard output.
    data : bytes or iterable of bytes
        All of it, or its parts in order.
    overwrite : bool
        Whether something may stand there already.
    follow : bool
        Write where a symbolic link leads to, instead of replacing the link.
    sync : bool
        Wait until the bytes are on the disk, so that they survive a loss of power.

    Raises
    ------
    OutOfSpaceError
        The disk or the quota is full; the old file is as it was.
    OSError
        What the system says, unchanged.
    """
    check_target(path, overwrite=overwrite)
    name = show(path)
    parts = [data] if isinstance(data, bytes) else data
    if name == "-":
        sys.stdout.buffer.writelines(parts)
        sys.stdout.buffer.flush()
    elif _is_url(name):
        _store_url(name, parts, overwrite)
    else:
        target = os.path.realpath(name) if follow else name
        try:
            _store_file(target, parts, overwrite, sync)
        except OSError as failure:
            if failure.errno in NO_SPACE:
                size = f"{len(data)} bytes" if isinstance(data, bytes) else "all of it"
                raise OutOfSpaceError(
                    name, f"no space for {size} ({failure.strerror}); what stood there is untouched"
                ) from failure
            raise


def _store_file(target: str, parts: Iterable[bytes], overwrite: bool, sync: bool) -> None:
    temporary = os.path.join(os.path.dirname(target), f"{TEMPORARY}{secrets.token_hex(8)}{os.path.splitext(target)[1]}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        try:
            for part in parts:
                _write_all(descriptor, part)
            _keep_mode(target, temporary)
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if overwrite:
            os.replace(temporary, target)
        else:
            _move_to_free_name(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _keep_mode(target: str, temporary: str) -> None:
    """Give the new file the permissions of the one that it replaces."""
    if os.path.isfile(target) and not os.path.islink(target):
        os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))


def _move_to_free_name(temporary: str, target: str) -> None:
    if os.name == "nt":
        os.rename(temporary, target)  # refuses an existing target on Windows, and only there
        return
    try:
        os.link(temporary, target)  # unlike rename, it fails if somebody took the name meanwhile
    except OSError as failure:
        if failure.errno == errno.EEXIST:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from failure
        # A file system without hard links: the check before the work is all there is.
        os.replace(temporary, target)
        return
    os.unlink(temporary)


def _store_url(name: str, parts: Iterable[bytes], overwrite: bool) -> None:
    if name.lower().startswith("file://"):
        store(local(name), parts, overwrite=overwrite)
        return
    opened = _open_url(name, "wb")
    if not overwrite and opened.fs.exists(opened.path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
    with opened as stream:
        stream.write(b"".join(parts))  # closed after a failure, a store would keep what it has
