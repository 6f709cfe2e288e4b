"""Bring the weights of a model that imgedit knows but does not ship: only when asked, whole, and only the very bytes.

What arrives is written to a part file beside its final name, goes on from there after an interruption (a ``Range``
request), and gets its name only when its hash is right: a killed download leaves no half model. Pooch transfers it.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO
from urllib.parse import urljoin

from imgedit.errors import FetchError, MissingExtraError, ModelError, OutOfSpaceError
from imgedit.models.manifest import file_hash
from imgedit.models.screening import impostor
from imgedit.models.store import cache, find, whole

__all__ = ["fetch"]

# Each address is tried so often when its server is busy or the line breaks; the pauses double from the first one.
TRIES = 3
PAUSE = 1.0
SILENCE = 30.0  # seconds without a byte after which a server counts as gone
CHUNK = 1 << 16  # what is lost at most when the line breaks

# Answers that may be other ones a moment later: too early, too many, and the server's own troubles.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def fetch(name: str, *, progress: Callable[[float], None] | None = None) -> Path:
    """Download the weights of a model in the registry, unless they are here already.

    Parameters
    ----------
    name : str
        A model's name; ``names(ready=False)`` lists them. Read its licence first: ``info(name).license``.
    progress : callable, optional
        Given the fraction done; what it raises stops the download, which goes on from there the next time.

    Returns
    -------
    Path
        The ONNX file, with the bytes that its manifest names; weights in further files lie beside it.

    Raises
    ------
    UnknownNameError
        No such model.
    ModelError
        Its manifest names no address.
    FetchError
        No address gave the right bytes; says what each answered.
    OutOfSpaceError
        The disk is full; what had arrived is removed.
    MissingExtraError
        pooch is not installed.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.models.fetch("sr-x2").name  # is here already: nothing is asked of a server
    'sr-x2.onnx'
    """
    manifest = find(name)
    if (path := whole(manifest)) is not None:
        return path
    if manifest.url is None:
        raise ModelError(name, "has no address to fetch it from: its manifest has no url")
    folder = cache() / manifest.name
    # The model itself comes last: while it is missing, nobody takes what is here for the whole.
    urls = (manifest.url, *manifest.mirrors)
    wanted = [
        _Wanted(folder / file, digest, None, tuple(urljoin(url, file) for url in urls))  # they lie beside the model
        for file, digest in manifest.external.items()
    ]
    wanted.append(_Wanted(folder / manifest.file, manifest.sha256, manifest.size, urls))
    with _alone(wanted[-1].target):  # who had to wait finds what another process brought meanwhile
        for index, one in enumerate(wanted):
            if not one.here():
                _bring_from_any(one, name, _share(progress, index, len(wanted)))
    return wanted[-1].target


@dataclass(frozen=True)
class _Wanted:
    """A file that is to come: where to, which bytes, and where it can be had."""

    target: Path
    sha256: str
    size: int | None
    urls: tuple[str, ...]

    def here(self) -> bool:
        """Whether it is here already, whole."""
        return self.target.is_file() and file_hash(self.target) == self.sha256


def _share(progress: Callable[[float], None] | None, index: int, count: int) -> Callable[[float], None] | None:
    return None if progress is None else lambda fraction: progress((index + fraction) / count)


def _bring_from_any(wanted: _Wanted, name: str, progress: Callable[[float], None] | None) -> None:
    answers = []
    for url in wanted.urls:
        try:
            _bring(url, wanted, progress)
        except _Refused as answer:
            answers.append(f"{url} {answer}")
        else:
            return
    told = "; ".join(answers)
    raise FetchError(name, f"could not be fetched: {told}; a copy from elsewhere can be put at {wanted.target}")


class _Refused(Exception):  # noqa: N818 - not an error yet: another address may do
    """Why one address did not give the file."""


def _bring(url: str, wanted: _Wanted, progress: Callable[[float], None] | None) -> None:
    part = wanted.target.with_name(f".{wanted.target.name}.part")
    resumed = part.is_file() and part.stat().st_size > 0
    _persist(url, wanted, part, progress)
    if file_hash(part) != wanted.sha256 and resumed:
        part.unlink()  # the part that lay here may have been of another file
        _persist(url, wanted, part, progress)
    if (got := file_hash(part)) != wanted.sha256:
        found = impostor(part) or f"{part.stat().st_size} other bytes (sha256 {got[:12]}…, not {wanted.sha256[:12]}…)"
        part.unlink()
        raise _Refused(f"gave {found}")
    os.replace(part, wanted.target)


def _persist(url: str, wanted: _Wanted, part: Path, progress: Callable[[float], None] | None) -> None:
    """Download to the part file, again after a trouble that may pass."""
    for attempt in range(TRIES):
        try:
            with _space(wanted.target, part), part.open("ab") as file:
                _transfer(url, file, wanted.size, progress)
                os.fsync(file.fileno())
            return
        except _Refused:
            _drop_empty(part)
            raise
        except _Passing as trouble:
            if attempt + 1 == TRIES:
                _drop_empty(part)
                raise _Refused(f"{trouble}, {TRIES} times") from trouble
            time.sleep(PAUSE * 2**attempt)


def _drop_empty(part: Path) -> None:
    if part.is_file() and part.stat().st_size == 0:
        part.unlink()


class _Passing(Exception):  # noqa: N818 - a reason to try again
    """A trouble that may be over in a moment."""


def downloader() -> ModuleType:
    """Give the library that downloads.

    Returns
    -------
    module
        pooch.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        return importlib.import_module("pooch")
    except ModuleNotFoundError as missing:
        raise MissingExtraError("pooch", "fetch", "fetching a model") from missing


def _transfer(url: str, file: BinaryIO, size: int | None, progress: Callable[[float], None] | None) -> None:
    """Append what is missing of a file, or all of it where the server knows no ranges."""
    pooch = downloader()
    import requests

    held_bytes = file.tell()
    if size is not None and held_bytes >= size:
        file.truncate(held_bytes := 0)

    headers: Mapping[str, str] | None = None  # of the last answer; the answer itself would keep its socket open

    def begin(response: Any, **_: Any) -> None:
        nonlocal headers
        headers = response.headers
        if response.status_code == 200:  # all of it, from the start
            file.seek(0)
            file.truncate()

    download = pooch.HTTPDownloader(
        progressbar=_Meter(file, size, progress),
        chunk_size=CHUNK,
        timeout=SILENCE,
        headers={"Accept-Encoding": "identity", **({"Range": f"bytes={held_bytes}-"} if held_bytes else {})},
        hooks={"response": begin},
    )
    try:
        download(url, file, None)
    except requests.HTTPError as trouble:
        answer: Any = trouble.response
        if answer.status_code == 416:  # what is here is longer than what they have
            file.truncate(0)
        kind = _Passing if answer.status_code in {*PASSING, 416} else _Refused
        raise kind(f"answered {answer.status_code} {answer.reason}") from trouble
    except requests.RequestException as trouble:
        what = "can't be reached" if headers is None else "broke off"
        raise _Passing(f"{what} ({type(trouble).__name__})") from trouble
    # A body as long as its header says is all that they have, be it what we want or not.
    measured = headers is not None and "Content-Length" in headers
    if not measured and size is not None and file.tell() < size:
        raise _Passing(f"ended after {file.tell()} of {size} bytes")


class _Meter:
    """What pooch takes for a progress bar; tells the fraction, and stops a server that never ends."""

    def __init__(self, file: BinaryIO, size: int | None, progress: Callable[[float], None] | None) -> None:
        self._file, self._size, self._progress = file, size, progress
        self.total = 0

    def update(self, _: int) -> None:
        written = self._file.tell()
        if self._size is not None and written > self._size:
            self._file.truncate(0)
            raise _Refused(f"gave more than the {self._size} bytes that it should have")
        if self._progress is not None:
            self._progress(min(1.0, written / (self._size or self.total or written or 1)))

    def reset(self) -> None:
        """Pooch calls it at the end; there is nothing to reset."""

    def close(self) -> None:
        """Pooch calls it at the end; there is nothing to close."""


@contextlib.contextmanager
def _space(target: Path, part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        part.unlink(missing_ok=True)
        raise OutOfSpaceError(
            target, "does not fit: the disk or the quota is full; $IMGEDIT_CACHE moves it"
        ) from problem


@contextlib.contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Let one process at a time bring a model."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{target.name}.lock").open("wb") as lock:
        _lock(lock)
        yield


def _lock(file: BinaryIO) -> None:
    """Lock until the file is closed, also by the death of this process."""
    if sys.platform == "win32":
        import msvcrt

        while True:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError:
                time.sleep(PAUSE)
            else:
                return
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX)
