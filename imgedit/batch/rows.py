"""What a run says of its files: plain values that go through JSON and between processes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from imgedit.batch.places import exists, load, stamp_of
from imgedit.batch.stores import Stamp, number_of
from imgedit.errors import BatchError

__all__ = ["Job", "Report", "Row", "State", "digest_of", "digest_of_result", "stamp"]

State = Literal["done", "failed", "skipped", "pending"]

# Bytes of a digest: as many as make it hopeless that two photos ever have the same.
DIGEST = 16


class Job(NamedTuple):
    """One file of a run.

    Parameters
    ----------
    source : str
        Absolute path of the input, a URL, or ``zip://MEMBER::ARCHIVE`` (``tar://`` likewise).
    photo : str
        What it is called: its path below the folder, archive or address that was given, with forward slashes.
    names : sequence of str
        Where its results go, in the order of the recipe's outputs: paths relative to the output folder, with forward
        slashes. ``{width}`` and ``{height}`` stand for what only the result tells.
    beside : sequence of str
        Where masks and overlays of its own lie: absolute paths or URLs.
    size, changed, md5 : int, int, str
        Its bytes, a number that changes with it, and its checksum, where the plan knew them; a size of -1 where not.
    known : str
        Digest of the content from which the results that stand were made; empty where none do.

    Examples
    --------
    >>> import imgedit as ie
    >>> job = ie.batch.Job("/photos/deep/a.jpg", "deep/a.jpg", ["deep/a.webp", "thumbs/a.jpg"])
    >>> job.name
    'deep/a.webp'
    """

    source: str
    photo: str
    names: Sequence[str]
    beside: Sequence[str] = ()
    size: int = -1
    changed: int = 0
    md5: str = ""
    known: str = ""

    @property
    def name(self) -> str:
        """Name of its first result: no two jobs of a plan have the same."""
        return self.names[0]


@dataclass(frozen=True)
class Row:
    """What became of one file: a line of the manifest and of the report.

    Parameters
    ----------
    input : str
        Absolute path of the input.
    output : str
        Path of the result, relative to the output folder.
    state : {"done", "failed", "skipped", "pending"}
        Skipped: done by an earlier run. Pending: this run ended before it was the file's turn.
    error : str
        Name of the error's class; empty where nothing failed.
    problem : str
        What the error said.
    warning : str
        Warnings about the file, joined by semicolons.
    seconds : float
        Time that the file took.
    size, changed : int
        Bytes of the input and its time of change in nanoseconds, as they were when it was read.
    written : int
        Bytes of the output.
    recipe : str
        Fingerprint of the recipe.
    pixels : int
        Width times height of the input.
    outputs : sequence of (str, int)
        Names of the results and their bytes, in the order of the recipe.
    digests : sequence of str
        The first half of the SHA-256 of each result, in the order of `outputs`: by them `verify` tells changed ones.
    thumbnails : sequence of int
        Where its small pictures lie, as `imgedit.batch.thumbnails` says.
    digest : str
        The first half of the SHA-256 of the input, in hexadecimal digits; of one with masks of its own, theirs are part
        of it. Empty where the input could not be read.

    Examples
    --------
    >>> import imgedit as ie
    >>> row = ie.batch.Row("/photos/a.jpg", "a.webp", "failed", "EmptyFileError", "the file is empty (0 bytes)")
    >>> row.state, row.error
    ('failed', 'EmptyFileError')
    """

    input: str
    output: str
    state: State
    error: str = ""
    problem: str = ""
    warning: str = ""
    seconds: float = 0.0
    size: int = 0
    changed: int = 0
    written: int = 0
    recipe: str = ""
    pixels: int = 0
    outputs: Sequence[tuple[str, int]] = ()
    digests: Sequence[str] = ()
    thumbnails: Sequence[int] = ()
    digest: str = ""

    def line(self) -> bytes:
        """Write it as a line of JSON.

        Returns
        -------
        bytes
            With its line feed.
        """
        return json.dumps(vars(self)).encode() + b"\n"  # asdict copies deeply: five times as long


@dataclass(frozen=True)
class Report:
    """How a run ended. Its rows stay on the disk until they are asked for: there may be a million.

    Parameters
    ----------
    counts : mapping of str to int
        How many files ended in each state.
    file : Path
        One row for each input as JSON lines, in the order of the plan.
    seconds : float
        Time that the run took.
    standing : int
        How many of the failures are those of earlier runs, not tried again.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import imgedit as ie
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "empty.jpg").touch()
    ...     report = ie.batch.run(ie.Recipe([], output={"format": "png"}), folder, Path(folder, "out"), engine="serial")
    ...     report.count("failed"), [row.error for row in report.failures]
    (1, ['EmptyFileError'])
    """

    counts: Mapping[State, int]
    file: Path
    seconds: float
    standing: int = 0
    _identity: tuple[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_identity", _identity(self.file))

    def count(self, *states: State) -> int:
        """Count the files in some states.

        Parameters
        ----------
        *states : {"done", "failed", "skipped", "pending"}
            The states to count.

        Returns
        -------
        int
            How many files are in one of them.
        """
        return sum(self.counts[state] for state in states)

    def __iter__(self) -> Iterator[Row]:
        """Read one row after the other."""
        return (Row(**json.loads(line)) for line in self._lines())

    def where(self, *states: State) -> Iterator[Row]:
        """Read the rows in some states, and no more of the file than it takes to have them all.

        Parameters
        ----------
        *states : {"done", "failed", "skipped", "pending"}
            The states.

        Returns
        -------
        iterator of Row
            In the order of the plan.
        """
        # Within a string of JSON a quotation mark has a backslash before it, so this can only be the field.
        marks = [f', "state": "{state}"'.encode() for state in states]
        found = (line for line in self._lines() if any(mark in line for mark in marks))
        return (Row(**json.loads(line)) for line in islice(found, self.count(*states)))

    def _lines(self) -> Iterator[bytes]:
        with open(self.file, "rb") as lines:
            if _identity(self.file) != self._identity:
                raise BatchError(f"{self.file} is now the report of a later run")
            yield from lines

    @property
    def page(self) -> Path:
        """The same for a browser: the first of its pages."""
        return self.file.with_suffix(".html")

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row for each input, in the order of the plan."""
        return tuple(self)

    @property
    def failures(self) -> list[Row]:
        """Rows of the files that failed."""
        return list(self.where("failed"))


def _identity(file: Path) -> tuple[int, int]:
    found = os.stat(file)
    return found.st_ino, found.st_mtime_ns


def stamp(job: Job, *, fresh: bool = False) -> Stamp:
    """Tell by what a change of a file is noticed without reading it, or of a mask that it has of its own.

    Parameters
    ----------
    job : Job
        A file.
    fresh : bool
        Look again, even where the plan knows it from the listing of a store.

    Returns
    -------
    Stamp
        `imgedit.batch.stores.NOTHING` for a file that is not there.
    """
    found = stamp_of(job.source) if fresh or job.size < 0 else Stamp(job.size, job.changed, job.md5)
    if not job.beside:
        return found
    return found._replace(changed=number_of(json.dumps([found.changed, *map(stamp_of, job.beside)])))


def digest_of(job: Job, data: bytes) -> str:
    """Tell a file's content from any other, and that of the masks that it has of its own.

    SHA-256 and not a faster hash of today's, because processors have instructions for it: 1.6 ms for 3 MB, half of what
    BLAKE2 takes.

    Parameters
    ----------
    job : Job
        The file.
    data : bytes
        All of it.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    found = hashlib.sha256(data)
    for path in job.beside:
        found.update(hashlib.sha256(load(path)).digest() if exists(path) else b"")
    return found.hexdigest()[: 2 * DIGEST]


def digest_of_result(data: bytes) -> str:
    """Tell a result from any other.

    Parameters
    ----------
    data : bytes
        All of it.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    return hashlib.sha256(data).hexdigest()[: 2 * DIGEST]
