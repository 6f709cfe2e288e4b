"""What a run says of its files: plain values that go through JSON and between processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from imgedit.errors import BatchError

__all__ = ["Job", "Report", "Row", "State", "stamp"]

State = Literal["done", "failed", "skipped", "pending"]


@dataclass(frozen=True)
class Job:
    """One file of a run.

    Parameters
    ----------
    source : str
        Absolute path of the input.
    name : str
        Where the result goes: a path relative to the output folder, with forward slashes.
    """

    source: str
    name: str


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

    def line(self) -> bytes:
        """Write it as a line of JSON.

        Returns
        -------
        bytes
            With its line feed.
        """
        return json.dumps(asdict(self)).encode() + b"\n"


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
        with open(self.file, "rb") as lines:
            if _identity(self.file) != self._identity:
                raise BatchError(f"{self.file} is now the report of a later run")
            for line in lines:
                yield Row(**json.loads(line))

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row for each input, in the order of the plan."""
        return tuple(self)

    @property
    def failures(self) -> list[Row]:
        """Rows of the files that failed."""
        return [row for row in self if row.state == "failed"] if self.counts["failed"] else []


def _identity(file: Path) -> tuple[int, int]:
    found = os.stat(file)
    return found.st_ino, found.st_mtime_ns


def stamp(path: str) -> tuple[int, int]:
    """Tell by what a change of a file is noticed.

    Parameters
    ----------
    path : str
        An input.

    Returns
    -------
    size, changed : int
        Bytes, and time of change in nanoseconds; zeros for a file that is not there.
    """
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns
