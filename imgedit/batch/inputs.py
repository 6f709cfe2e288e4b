"""What a run works on: files, folders, patterns, lists, archives, URLs; each file with the name that it has there."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
import sys
from collections.abc import Iterator
from typing import IO, NamedTuple, NoReturn

from imgedit.batch import archives, stores
from imgedit.errors import ArgumentError
from imgedit.io import FORMATS
from imgedit.io.files import local

__all__ = ["SUFFIXES", "Found", "found_in"]

# What a folder or an archive is searched for, and what can be written: every format is both read and written.
SUFFIXES = frozenset(suffix for codec in FORMATS.values() for suffix in codec.suffixes)

PATTERN = re.compile(r"[*?\[]")

# Bytes of a list that are read at once.
BLOCK = 2**16


class Found(NamedTuple):
    """A file.

    Parameters
    ----------
    source : str
        Absolute path, URL, or member of an archive.
    name : str
        Its path below what was given, with forward slashes.
    is_link : bool
        Whether it is a symbolic link.
    size, changed, md5 : int, int, str
        As the listing of a store or an archive told; a size of -1 where nothing did.
    """

    source: str
    name: str
    is_link: bool = False
    size: int = -1
    changed: int = 0
    md5: str = ""


def found_in(given: str, output: str) -> Iterator[Found]:
    """List the files of one input.

    Parameters
    ----------
    given : str
        A path, a URL, a pattern, an archive, or ``@`` with the path of a list (``@-``: standard input).
    output : str
        Absolute path or URL of the output: what lies in it is found by no search and no pattern.

    Yields
    ------
    Found
        The files of a folder by name, those of an archive and a list in its order.

    Raises
    ------
    ArgumentError
        A name that leads out of its archive; a pattern that nothing fits; the output itself.
    OSError
        What does not exist or can't be listed.
    StorageError
        A store or an archive that can't be listed.
    """
    if given == "-":
        raise ArgumentError("inputs", "hold '-'", "a list on standard input is @- (--files-from -)")
    if given.startswith("@") and not os.path.lexists(given):
        yield from _in_list(given[1:])
        return
    if given.lower().startswith("file://"):
        given = local(given)
    if archives.is_archive(given) and not os.path.isdir(given):
        yield from _in_archive(given)
    elif stores.is_url(given):
        yield from _at_url(given, output)
    elif PATTERN.search(given) and not os.path.lexists(given):
        yield from _fitting(given, output)
    else:
        yield from _at_path(os.path.abspath(given), output)


def _at_path(given: str, output: str) -> Iterator[Found]:
    if not os.path.isdir(given):
        if not os.path.exists(given):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), given)
        yield Found(given, os.path.basename(given), os.path.islink(given))
        return
    if os.path.realpath(given) == os.path.realpath(output):
        _refuse_same(given)
    yield from _below(given, "", os.path.realpath(output))


def _refuse_same(given: str) -> NoReturn:
    raise ArgumentError("output", f"is the input folder {given}", "give another folder")


def _below(folder: str, above: str, output: str) -> Iterator[Found]:
    """Search a folder, its files first; `above` is what its names begin with."""
    with os.scandir(folder) as found:
        # Sorted, so that the order of a run does not depend on the file system.
        entries = sorted((e for e in found if e.name[0] != "."), key=lambda entry: entry.name)
    inner = []
    for entry in entries:
        if entry.is_dir():
            # A linked folder may lead back to where it is.
            if not entry.is_symlink() and os.path.realpath(entry.path) != output:
                inner.append(entry)
        elif _is_image(entry.name):
            yield Found(entry.path, above + entry.name, entry.is_symlink())
    for entry in inner:
        yield from _below(entry.path, f"{above}{entry.name}/", output)


def _is_image(name: str) -> bool:
    return name[name.rfind(".") :].lower() in SUFFIXES


def _fitting(pattern: str, output: str) -> Iterator[Found]:
    """Take the files that fit a pattern; the tree below its first part without signs is kept."""
    own = f"{os.path.realpath(output)}{os.sep}"
    first = PATTERN.search(pattern)
    root = os.path.abspath(os.path.dirname(pattern[: first.start()] + "x") if first else pattern)
    paths = (os.path.abspath(path) for path in sorted(glob.iglob(pattern, recursive=True)) if os.path.isfile(path))
    one = None
    for one in (path for path in paths if not os.path.realpath(path).startswith(own)):
        yield Found(one, os.path.relpath(one, root).replace(os.sep, "/"), os.path.islink(one))
    if one is None:
        raise ArgumentError("inputs", f"hold {pattern!r}, which fits no file", "quote it, and try it with ls")


def _at_url(url: str, output: str) -> Iterator[Found]:
    if url.rstrip("/") == output:
        _refuse_same(url)
    is_pattern, one = stores.has_pattern(url), None
    searched = url.endswith("/") or is_pattern
    for one in (Found(source, name, False, *stamp) for source, name, stamp in stores.listing(url)):
        if one.source == url or ((is_pattern or _is_image(one.name)) and not one.source.startswith(f"{output}/")):
            yield _decent(one, url)
    if one is None and searched:
        raise ArgumentError("inputs", f"hold {url}, where nothing lies", "look at it with the tools of the store")


def _in_archive(archive: str) -> Iterator[Found]:
    place = archive if stores.is_url(archive) else os.path.abspath(archive)
    for source, name, stamp in archives.members(place):
        parts = name.split("/")
        # What macOS adds to every archive looks like a picture by its name, and is none.
        is_hidden = any(part.startswith(".") and part not in (".", "..") for part in parts) or parts[0] == "__MACOSX"
        if not is_hidden and _is_image(name):
            yield _decent(Found(source, name.removeprefix("./"), False, *stamp), place)


def _decent(found: Found, place: str) -> Found:
    """Refuse a name that leads out of the folder that it is used in."""
    parts = found.name.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or "\\" in found.name or "\0" in found.name or ":" in parts[0]:
        problem = f"hold {place}, in which a file is called {found.name!r}: that leads out of every folder"
        raise ArgumentError("inputs", problem, "pack it anew with plain relative names")
    if "::" in found.name and archives.is_member(found.source):
        raise ArgumentError("inputs", f"hold {place}, in which a file is called {found.name!r}", "rename it: no '::'")
    return found


def _in_list(path: str) -> Iterator[Found]:
    """Take the paths and URLs of a list; they keep their whole path, so that no two of them meet."""
    with contextlib.nullcontext(sys.stdin.buffer) if path == "-" else open(path, "rb") as stream:
        for line in _lines(stream):
            text = os.fsdecode(line)
            if stores.is_url(text) and not text.lower().startswith("file://"):
                yield _decent(Found(text, _path_of(text)), f"the list {path}")
                continue
            text = local(text) if text.lower().startswith("file://") else text
            place = os.path.abspath(text)
            if os.path.isdir(place):
                raise ArgumentError("inputs", f"hold a list with the folder {text}", "list files only")
            inner = os.path.normpath(text)
            inner = place if inner.split(os.sep)[0] == ".." else inner
            name = os.path.splitdrive(inner)[1].replace(os.sep, "/").lstrip("/")
            yield Found(place, name, os.path.islink(place))


def _path_of(url: str) -> str:
    """Path of a URL below its bucket or host, without its query."""
    path = url.partition("://")[2].partition("/")[2]
    return stores.plain(path, url).lstrip("/")


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Part a list at its line feeds, or at NULs if it has one (``find -print0``): names may hold line feeds."""
    rest, end = b"", b""
    while block := stream.read(BLOCK):
        rest += block
        end = end or (b"\0" if b"\0" in rest else b"\n")
        *whole, rest = rest.split(end)
        yield from (line for line in (part.rstrip(b"\r") for part in whole) if line)
    if rest.rstrip(b"\r\n\0"):
        yield rest.rstrip(b"\r\n\0")
