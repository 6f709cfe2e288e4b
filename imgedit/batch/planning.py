"""Which files a run works on, and what is refused before it begins.

A plan may have a million files, so none of it stays in memory but a number for each name: the files are listed into a
temporary file, and a name that seems to be taken is looked up there.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from imgedit.batch import stores
from imgedit.batch.inputs import SUFFIXES, Found, found_in
from imgedit.batch.names import Names
from imgedit.batch.places import Output, exists, output_at
from imgedit.batch.rows import Job
from imgedit.errors import ArgumentError
from imgedit.recipes import Output as Result
from imgedit.recipes import Photo, Recipe

__all__ = ["Paths", "Plan", "plan"]

# Files that are written and read as one line of JSON: one by one they take three times as long.
BLOCK = 200

Paths = str | Path | Sequence[str | Path]


class Plan:
    """The files of a run, in order: to be counted, and to be gone through as often as one likes.

    Examples
    --------
    >>> from imgedit.batch import Job, Plan
    >>> jobs = Plan()
    >>> jobs.add(Job("/photos/a.jpg", "a.jpg", ["a.webp"]))
    >>> len(jobs), [job.name for job in jobs]
    (1, ['a.webp'])
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the plan
        weakref.finalize(self, self._file.close)
        self._count = 0
        self._last: list[Sequence[object]] = []

    def add(self, job: Job) -> None:
        """Put a file at the end.

        Parameters
        ----------
        job : Job
            The file and where its result goes.
        """
        # What is as by default takes a third of the time, if it is not there.
        self._last.append(job[:7] if job.beside or job.size >= 0 else job[:3])
        self._count += 1
        if len(self._last) == BLOCK:
            self._file.seek(0, os.SEEK_END)
            self._file.write(json.dumps(self._last).encode() + b"\n")
            self._last = []

    def __len__(self) -> int:
        """Count the files."""
        return self._count

    def __iter__(self) -> Iterator[Job]:
        """Go through the files."""
        place = 0
        while True:
            # Several may go through it at a time.
            self._file.seek(place)
            line = self._file.readline()
            place = self._file.tell()
            yield from itertools.starmap(Job, json.loads(line) if line else self._last)
            if not line:
                return


def plan(
    recipe: Recipe, inputs: Paths, output: str | Path | Output, *, only: Callable[[str], bool] | None = None
) -> Plan:
    """List the files of a run, and refuse what would lose one of them.

    Parameters
    ----------
    recipe : Recipe
        Says which results each photo gives, and how they are called.
    inputs : path, or sequence of paths
        Files, folders, patterns (``"photos/**/*.jpg"``), lists (``"@list.txt"``, ``"@-"``), zip and tar archives, URLs.
    output : str, Path or Output
        Folder or URL for the results; what lies in it is never an input.
    only : callable, optional
        Given a source; files for which it is False are left out.

    Returns
    -------
    Plan
        The jobs in the order of `inputs`, the files of a folder by name. It has a length and can be iterated over.

    Raises
    ------
    ArgumentError
        No image, two inputs with one output, an output that is an input, a format that can't be written, masks of
        which none exists, an archive whose names lead out of it.
    OSError
        An input that does not exist or a folder that can't be listed.
    StorageError
        A store or an archive that can't be listed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import imgedit as ie
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("a.jpg", "b.tif"):
    ...         ie.write(Path(folder, name), np.zeros((64, 96, 3), np.uint8))
    ...     jobs = ie.batch.plan(ie.Recipe([], output={"format": "webp"}), folder, Path(folder, "web"))
    >>> [(job.photo, job.name) for job in jobs]
    [('a.jpg', 'a.webp'), ('b.tif', 'b.webp')]
    """
    output = output_at(output)
    jobs, places, targets = Plan(), set[int](), array("q")
    names, beside = Names(recipe.results), _Beside(recipe)
    top, root = _place(f"{output.show()}/x").removesuffix("x"), f"{output.show()}/"
    # Inputs that lie where results go: few, or none.
    inside = [place for path in recipe.files() for place in _places(os.path.abspath(path)) if place.startswith(top)]
    for given in [inputs] if isinstance(inputs, (str, Path)) else inputs:
        for found in found_in(os.fspath(given), output.show()):
            if only is not None and not only(found.source):
                continue
            job = _job(found, recipe.results, beside.of)
            names.take(job, jobs)
            beside.look(job)
            own = _inputs(job) if found.is_link or job.beside else [_place(found.source)]
            places.update(map(hash, own))
            targets.extend([hash(_place(root + name)) for name in job.names])
            if names.are_sized:
                inside += [place for place in own if place.startswith(top)]
            jobs.add(job)
    if not jobs and only is None:
        raise ArgumentError("inputs", "hold no image", f"give files, or folders with {' '.join(sorted(SUFFIXES))}")
    beside.refuse_none()
    kept = {place for path in recipe.files() for place in _places(os.path.abspath(path))}
    places.update(map(hash, kept))
    if not places.isdisjoint(targets):
        _refuse_overwriting(jobs, output, kept, places)
    for place in inside:
        if names.may_meet(place[len(top) :]):
            raise ArgumentError("output", f"may overwrite the input {place}", "give another folder")
    return jobs


def _job(found: Found, results: Sequence[Result], beside: Callable[[Photo], Sequence[str]]) -> Job:
    photo = Photo(found.source, found.name)
    names = [result.planned(photo) for result in results]
    for name in names:
        if name[name.rfind(".") :].lower() not in SUFFIXES:
            problem = f"hold {found.source}, whose format can't be written"
            raise ArgumentError("inputs", problem, 'set one: format = "png" in [output]')
        if "./" in name and not {".", ".."}.isdisjoint(name.split("/")):
            raise ArgumentError("inputs", f"hold {found.source}, whose result would be {name}", "rename it")
    return Job(found.source, found.name, names, beside(photo), found.size, found.changed, found.md5)


class _Beside:
    """Masks and overlays that each photo has of its own: one missing fails its photo, all missing the run."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._patterns = recipe.patterns()
        self._first = [""] * len(self._patterns)
        self._found = [False] * len(self._patterns)

    def of(self, photo: Photo) -> Sequence[str]:
        """Say where those of a photo would lie."""
        return self._recipe.beside(photo) if self._patterns else ()

    def look(self, job: Job) -> None:
        """Look for the files of a photo, as long as none was found."""
        for index, path in enumerate(job.beside):
            self._first[index] = self._first[index] or path
            self._found[index] = self._found[index] or exists(path)

    def refuse_none(self) -> None:
        """Refuse a pattern by which no photo has a file."""
        for pattern, first, found in zip(self._patterns, self._first, self._found, strict=True):
            if first and not found:
                problem = f"hold no photo with a file by {pattern!r}: the first would have {first}"
                raise ArgumentError("inputs", problem, "correct the pattern; it starts at the folder of the recipe")


def _refuse_overwriting(jobs: Plan, output: Output, kept: set[str], places: set[int]) -> None:
    """Refuse a result that stands where an input is, or a file of the recipe; `places` has their hashes."""
    root = f"{output.show()}/"
    for job in jobs:
        for name in job.names:
            place = _place(root + name)
            if place in kept or (hash(place) in places and any(place in _inputs(other) for other in jobs)):
                raise ArgumentError("output", f"would overwrite the input {output.show(name)}", "give another folder")


def _inputs(job: Job) -> list[str]:
    """Where the files of a job lie."""
    return [place for path in (job.source, *job.beside) for place in _places(path)]


def _places(path: str) -> tuple[str, ...]:
    """Where a file lies that must stay: itself, and what it leads to if it is a link."""
    return (_place(path),) if stores.is_url(path) else (_place(path), os.path.realpath(path).replace(os.sep, "/"))


def _place(path: str) -> str:
    """Resolve links in the folder of a file: what is renamed to it replaces the link, not what that leads to."""
    if stores.is_url(path):
        return path
    folder, _, name = (path if os.sep == "/" else path.replace(os.sep, "/")).rpartition("/")
    return f"{_real_folder(folder)}/{name}"


@functools.lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder or "/").replace(os.sep, "/").rstrip("/")  # of the root, nothing is left
