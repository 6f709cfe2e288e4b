"""Which files a run works on, and what is refused before it begins.

A plan may have a million files, so none of it stays in memory but a number for each name: the files are listed into a
temporary file, and a name that seems to be taken is looked up there.
"""

from __future__ import annotations

import errno
import functools
import json
import os
import sys
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

from imgedit.batch.rows import Job
from imgedit.errors import ArgumentError
from imgedit.io import FORMATS
from imgedit.recipes import Photo, Recipe

__all__ = ["Plan", "plan"]

# What a folder is searched for, and what can be written: every format is both read and written.
SUFFIXES = frozenset(suffix for codec in FORMATS.values() for suffix in codec.suffixes)

# Bytes of the plan that are read at once.
BLOCK = 2**20

Paths = str | Path | Sequence[str | Path]


class Plan:
    """The files of a run, in order: to be counted, and to be gone through as often as one likes."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the plan
        weakref.finalize(self, self._file.close)
        self._count = 0
        self._at_end = True

    def add(self, job: Job) -> None:
        """Put a file at the end.

        Parameters
        ----------
        job : Job
            The file and where its result goes.
        """
        if not self._at_end:
            self._file.seek(0, os.SEEK_END)
            self._at_end = True
        self._file.write(json.dumps(job).encode() + b"\n")
        self._count += 1

    def __len__(self) -> int:
        """Count the files."""
        return self._count

    def __iter__(self) -> Iterator[Job]:
        """Go through the files."""
        place = 0
        while True:
            # Several may go through it at a time.
            self._at_end = False
            self._file.seek(place)
            lines = self._file.readlines(BLOCK)
            place = self._file.tell()
            if not lines:
                return
            # As one list: to parse each line by itself takes five times as long.
            yield from map(Job._make, json.loads(b"[%s]" % b",".join(lines)))


def plan(recipe: Recipe, inputs: Paths, output: str | Path) -> Plan:
    """List the files of a run, and refuse what would lose one of them.

    Parameters
    ----------
    recipe : Recipe
        Says in which format results are written.
    inputs : path, or sequence of paths
        Files and folders.
    output : str or Path
        Folder for the results; what lies in it is never an input.

    Returns
    -------
    Plan
        The jobs in the order of `inputs`, the files of a folder by name. It has a length and can be iterated over.

    Raises
    ------
    ArgumentError
        No image, two inputs with one output, an output that is an input, a format that can't be written.
    OSError
        An input that does not exist or a folder that can't be listed.
    """
    folder = os.path.abspath(output)
    outputs = recipe.results
    jobs = Plan()
    taken: set[int] = set()
    places: set[int] = set()
    for given in [inputs] if isinstance(inputs, (str, Path)) else inputs:
        for source, name, is_link in _files(os.path.abspath(given), folder):
            photo = Photo(source, name)
            job = Job(source, name, tuple(output.planned(photo) for output in outputs))
            _refuse_unwritable(job)
            key = _key(job)
            # Two names with one hash are rare and no error; nothing else of a name is kept.
            if hash(key) in taken and (first := next((j for j in jobs if _key(j) == key), None)):
                problem = f"{first.source} and {job.source} would both be written to {job.name}"
                raise ArgumentError("inputs", problem, "rename one, or run them into two folders")
            taken.add(hash(key))
            places.update(map(hash, _places(source) if is_link else (_place(source),)))
            jobs.add(job)
    if not jobs:
        raise ArgumentError("inputs", "hold no image", f"give files, or folders with {' '.join(sorted(SUFFIXES))}")
    _refuse_overwriting(jobs, folder, recipe, places)
    return jobs


def _files(given: str, output: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the files of one input, each with its name below the output folder and whether it is a link."""
    if not os.path.isdir(given):
        if not os.path.exists(given):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), given)
        yield given, os.path.basename(given), os.path.islink(given)
        return
    output = os.path.realpath(output)
    if os.path.realpath(given) == output:
        raise ArgumentError("output", f"is the input folder {given}", "give another folder")
    yield from _below(given, "", output)


def _below(folder: str, above: str, output: str) -> Iterator[tuple[str, str, bool]]:
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
        elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
            yield entry.path, above + entry.name, entry.is_symlink()
    for entry in inner:
        yield from _below(entry.path, f"{above}{entry.name}/", output)


def _refuse_unwritable(job: Job) -> None:
    if os.path.splitext(job.name)[1].lower() not in SUFFIXES:
        raise ArgumentError(
            "inputs", f"hold {job.source}, whose format can't be written", 'set one: format = "png" in [output]'
        )


def _key(job: Job) -> str:
    # Where the file system takes a.jpg and A.jpg for one file, so must we.
    return job.name.casefold() if sys.platform in ("win32", "darwin") else job.name


def _refuse_overwriting(jobs: Plan, folder: str, recipe: Recipe, places: set[int]) -> None:
    """Refuse a result that would stand where an input is; `places` has the hashes of the inputs' own."""
    kept = {place for path in recipe.files() for place in _places(os.path.abspath(path))}
    for job in jobs:
        target = os.path.join(folder, job.name)
        place = _place(target)
        if place in kept or (hash(place) in places and any(place in _places(other.source) for other in jobs)):
            raise ArgumentError("output", f"would overwrite the input {target}", "give another folder")


def _places(path: str) -> tuple[str, str]:
    """Where a file lies that must stay: itself, and what it leads to if it is a link."""
    return _place(path), os.path.realpath(path)


def _place(path: str) -> str:
    """Resolve links in the folder of a file: what is renamed to it replaces the link, not what that leads to."""
    folder, name = os.path.split(path)
    return f"{_real_folder(folder)}{os.sep}{name}"


@functools.lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder).rstrip(os.sep)  # of the root, nothing is left
