"""Files at a URL, by fsspec: read whole, written in one step, listed, tried again where a store stumbles.

What passes (too many requests, a server that fails, a connection that breaks, fewer bytes than there are) is tried five
times, with pauses that double and vary, so that a thousand workers do not come back at the same moment. What stays
(no such file, no permission, no credentials) is told at once.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import random
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import IO, Any, NamedTuple, TypeVar

from imgedit.errors import ArgumentError, ImageTooLargeError, ImgeditError, StorageError
from imgedit.io.files import MAX_BYTES, missing_library

__all__ = [
    "NOTHING",
    "ONE_STEP",
    "Stamp",
    "has_pattern",
    "is_url",
    "listing",
    "load",
    "moments",
    "opened",
    "plain",
    "put",
    "remove",
    "sizes",
    "stamp",
]

T = TypeVar("T")


class Stamp(NamedTuple):
    """By what a change of a file is noticed without reading it.

    Parameters
    ----------
    size : int
        Its bytes; -1 where nobody tells.
    changed : int
        A number that is another one when it has changed, such as its time of change in nanoseconds.
    md5 : str
        The checksum of its bytes in base64, where a server tells it.
    """

    size: int
    changed: int
    md5: str = ""


NOTHING = Stamp(0, 0)
"""That of a file that is not there."""

TRIES, PAUSE, PATIENCE = 5, 0.5, 60.0

S3, LARGE = (("s3", "s3a"), "s3"), 50 * 2**20

# Answers of HTTP that another try may change.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})

STAYING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError)

# Bases of connection errors in libraries that are not imported here: aiohttp's, and botocore's, which are no OSError.
CONNECTIONS = frozenset({"ClientConnectionError", "ClientPayloadError", "HTTPClientError", "ConnectionError"})

# What botocore raises where bytes do not fit the checksum that the store keeps of them.
GARBLED = "FlexibleChecksumError"

ONE_STEP = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "memory"})
"""Stores in which a file appears whole or not at all."""

PATTERN = re.compile(r"[*?\[]")

# How pages of the web and answers of stores begin that tell of an error with the code of a success.
PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<(?:!doctype html|html|head|body|\?xml|error)\b|\{\s*\")", re.I)

# What a listing calls the mark of a file's content, or the time of its change.
MARKS = ("ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "Last-Modified", "LastModified", "updated", "mtime")

# What it calls the checksum of the bytes: servers of the web, Google's store. S3's own library looks after Amazon's.
SUMS = ("Content-MD5", "md5Hash")

# What it calls the time at which a file was written: S3, Google's, Azure's, and memory.
TIMES = ("LastModified", "updated", "last_modified", "created")


def is_url(place: str) -> bool:
    """Tell a URL from a path."""
    return "://" in place


def load(url: str, *, max_bytes: int = MAX_BYTES, size: int = -1, md5: str = "", refuse_pages: bool = False) -> bytes:
    """Read a whole file.

    Parameters
    ----------
    url : str
        Where it lies.
    max_bytes : int
        Refuse more than this.
    size : int
        Its bytes, where that is known; -1 where not.
    md5 : str
        Their checksum in base64, where that is known.
    refuse_pages : bool
        Take a page that tells of an error, with the code of a success, for the error that it is.

    Returns
    -------
    bytes
        As many as the store says that it has.

    Raises
    ------
    OSError
        No such file, no permission.
    StorageError
        The store did not give it in five tries.
    ImageTooLargeError
        More than `max_bytes`.
    """

    def read() -> bytes:
        data = read_once()
        if md5 and base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode() != md5:
            raise OSError(errno.EIO, f"what came does not fit the checksum {md5}, which the server tells")
        if refuse_pages and PAGE.match(data):
            raise OSError(errno.EIO, f"a page came instead of a photo: {_words_of(data)}")
        return data

    def read_once() -> bytes:
        system, path = _system(url)
        told = size if size >= 0 else _size(system.info(path))
        if told > max_bytes:
            raise ImageTooLargeError(url, f"has {told} bytes, the limit is {max_bytes}; allow more with max_bytes=")
        if told < 0:
            return _read_limited(system, path, url, max_bytes)
        # s3fs would ask for the size once more, to read large files in parts side by side.
        how = {"max_concurrency": 1} if system.protocol in S3 and told < LARGE else {}
        data: bytes = system.cat_file(path, **how)
        if len(data) != told:
            raise OSError(errno.EIO, f"{len(data)} bytes of {told} came")
        return data

    return _again(read, url)


def _words_of(page: bytes) -> str:
    """Give what a page says, without its marks."""
    text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", page[:5000].decode(errors="replace"), flags=re.S | re.I)
    return " ".join(text.split())[:200]


def _read_limited(system: Any, path: str, url: str, max_bytes: int) -> bytes:
    """Read what nobody tells the size of, but never hold more than the limit."""
    parts, left = [], max_bytes + 1
    with system.open(path, "rb") as stream:
        while left > 0 and (part := stream.read(min(left, 2**20))):
            parts.append(part)
            left -= len(part)
    if left <= 0:
        raise ImageTooLargeError(url, f"has more than the limit of {max_bytes} bytes; allow more with max_bytes=")
    return b"".join(parts)


def opened(url: str) -> IO[bytes]:
    """Open a file to read parts of it."""
    system, path = _system(url)
    stream: IO[bytes] = _again(lambda: system.open(path, "rb"), url)
    return stream


def put(url: str, data: bytes) -> None:
    """Write a whole file in one step: the old one or the new one stands there at any moment.

    Parameters
    ----------
    url : str
        Where to.
    data : bytes
        All of it.

    Raises
    ------
    OSError
        No permission, no such bucket.
    StorageError
        The store did not take it in five tries.
    """
    system, path = _system(url)
    _again(lambda: system.pipe_file(path, data), url)


def remove(url: str) -> None:
    """Take a file away."""
    system, path = _system(url)
    _again(lambda: system.rm_file(path), url)


def stamp(url: str) -> Stamp:
    """Ask a store by what a change of a file is noticed; zeros for a file that is not there."""
    system, path = _system(url)
    try:
        return _stamp(_again(lambda: system.info(path), url, fresh=system))
    except FileNotFoundError:
        return NOTHING


def sizes(url: str) -> dict[int, int]:
    """List what stands below a URL.

    Parameters
    ----------
    url : str
        A folder of the store.

    Returns
    -------
    dict
        Hash of the path below it -> bytes.
    """
    system, path = _system(url)
    found = _again(lambda: system.find(path, detail=True), url, fresh=system)
    start = len(path.rstrip("/")) + 1
    return {hash(name[start:]): _size(entry) for name, entry in found.items()}


def moments(url: str) -> dict[str, float]:
    """Say when each file in a folder of a store was written, by the store's own clock.

    Parameters
    ----------
    url : str
        The folder.

    Returns
    -------
    dict
        Name -> seconds.

    Raises
    ------
    StorageError
        The store keeps no time.
    """
    system, path = _system(url)
    found = _again(lambda: system.find(path, detail=True), url, fresh=system)
    return {name.rpartition("/")[2]: _moment(entry, url) for name, entry in found.items()}


def _moment(entry: Mapping[str, Any], url: str) -> float:
    told = next((entry[key] for key in TIMES if entry.get(key)), None)
    if told is None:
        raise StorageError(url, "the store does not tell when a file was written")
    told = datetime.fromisoformat(told) if isinstance(told, str) else told
    return told.timestamp() if isinstance(told, datetime) else float(told)


def listing(url: str) -> Iterator[tuple[str, str, Stamp]]:
    """List the files at a URL: itself, those below it where it is a folder, or those that fit it where it is a pattern.

    Parameters
    ----------
    url : str
        A file, a folder, or a pattern with ``*``, ``?``, ``[...]`` or ``**``.

    Yields
    ------
    str
        URL of a file.
    str
        Its path below the folder, with forward slashes.
    Stamp
        By what a change is noticed.

    Raises
    ------
    OSError
        Nothing lies there, or it can't be listed.
    """
    system, path = _system(url)
    if has_pattern(url):
        root = path[: path.rfind("/", 0, PATTERN.search(path).start()) + 1]  # type: ignore[union-attr]
        found = _again(lambda: system.glob(path, detail=True), url, fresh=system)
        for name in sorted(found):
            is_hidden = any(part.startswith(".") for part in name.removeprefix(root).split("/"))
            if found[name]["type"] == "file" and not is_hidden:
                yield system.unstrip_protocol(name), plain(name.removeprefix(root), url), _stamp(found[name])
        return
    entry = _again(lambda: system.info(path), url, fresh=system)
    if entry["type"] == "directory" or url.endswith("/"):
        yield from _below(system, path, "", url)
    else:
        yield url, plain(path.rpartition("/")[2], url), _stamp(entry)


def has_pattern(url: str) -> bool:
    """Tell a pattern from an address, whose question mark parts off its query."""
    return PATTERN.search(url.partition("?")[0] if url.lower().startswith("http") else url) is not None


def plain(name: str, url: str) -> str:
    """Undo the escapes of an address of the web."""
    return urllib.parse.unquote(name.partition("?")[0]) if url.lower().startswith("http") else name


def _below(system: Any, folder: str, above: str, url: str) -> Iterator[tuple[str, str, Stamp]]:
    """Go through a folder, its files first, as in a local one; no more than one folder is held."""
    entries = _again(lambda: system.ls(folder, detail=True), url)
    system.invalidate_cache(folder)
    named = [(plain(entry["name"].rstrip("/").rpartition("/")[2], url), entry) for entry in entries]
    # A store may list the folder itself, as an object of no bytes.
    named = sorted((pair for pair in named if pair[0] and pair[0][0] != "."), key=lambda pair: pair[0])
    for name, entry in named:
        if entry["type"] == "file" and entry["name"].rstrip("/") != folder.rstrip("/"):
            yield system.unstrip_protocol(entry["name"]), above + name, _stamp(entry)
    for name, entry in named:
        if entry["type"] == "directory":
            yield from _below(system, entry["name"], f"{above}{name}/", url)


def _system(url: str) -> tuple[Any, str]:
    """Find what opens a URL, and the path that this has there."""
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(url)
    except ImportError as missing:
        raise missing_library(url, missing) from missing
    except ValueError as failure:
        raise ArgumentError("url", f"is {url}", f"give one that fsspec can open ({failure})") from failure
    return system, path


def _size(entry: Mapping[str, Any]) -> int:
    size = entry.get("size")
    return -1 if size is None else int(size)


def _stamp(entry: Mapping[str, Any]) -> Stamp:
    # The first of them alone: a listing may tell the time of change less exactly than the file itself does.
    mark = next((f"{key}={entry[key]}" for key in MARKS if entry.get(key)), "")
    md5 = next((str(entry[key]) for key in SUMS if entry.get(key)), "")
    return Stamp(_size(entry), number_of(mark) if mark else 0, md5)


def number_of(text: str) -> int:
    """Give the hash of a text that is the same in every process, in 64 bits with a sign."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def _again(do: Callable[[], T], url: str, *, fresh: Any = None) -> T:
    """Do it until it succeeds, or as long as that may help."""
    began = time.monotonic()
    for tries in range(1, TRIES + 1):
        if fresh is not None:
            fresh.invalidate_cache()  # a store remembers its listings, and files change
        try:
            return do()
        except ImgeditError:
            raise
        except Exception as caught:
            # Libraries raise what they like: aiohttp, botocore and google each have a tree of their own.
            failure = _cause(caught)
            if isinstance(failure, STAYING):
                # The path in it is the store's own; who asked knows the URL.
                raise type(failure)(failure.errno or errno.ENOENT, _said(failure), url) from caught
            if not _is_passing(failure) or tries == TRIES or time.monotonic() - began > PATIENCE:
                times = "" if tries == 1 else f" in {tries} tries"
                raise StorageError(url, f"the store failed{times}: {_told(failure)}") from caught
            time.sleep(PAUSE * 2 ** (tries - 1) * random.uniform(0.5, 1))
    raise AssertionError


def _cause(failure: Exception) -> Exception:
    """Undo that fsspec calls every address that does not answer a file that is not there."""
    cause = failure.__cause__
    return cause if isinstance(cause, Exception) and _is_passing(cause) else failure


def _said(failure: OSError) -> str:
    """Give what a store says beside the name of the file, or what the system would say."""
    codes = {FileNotFoundError: errno.ENOENT, PermissionError: errno.EACCES, IsADirectoryError: errno.EISDIR}
    told = " ".join(str(argument) for argument in failure.args if isinstance(argument, str))
    return told if " " in told else os.strerror(failure.errno or codes.get(type(failure), errno.EIO))


def _is_passing(failure: Exception) -> bool:
    status = getattr(failure, "status", None) or getattr(failure, "code", None)
    if isinstance(status, int):
        return status in PASSING
    if isinstance(failure, STAYING):
        return False
    names = {kind.__name__ for kind in type(failure).__mro__}
    return isinstance(failure, (OSError, TimeoutError, EOFError)) or not names.isdisjoint({*CONNECTIONS, GARBLED})


# What helps where a store's library has nothing to show who asks; by the names of their errors.
KEYS = {
    "NoCredentialsError": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or fill ~/.aws/credentials",
    "DefaultCredentialsError": "set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login",
}


def _told(failure: Exception) -> str:
    if key := KEYS.get(type(failure).__name__):
        return f"no credentials were found; {key}"
    status, message = getattr(failure, "status", None), getattr(failure, "message", None)
    return f"{status} {message}" if isinstance(status, int) else f"{type(failure).__name__}: {failure}"
