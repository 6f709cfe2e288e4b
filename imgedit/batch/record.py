"""The folder ``.imgedit`` of an output: manifest, report, lock, scratch files.

The manifest is lines of JSON and not a database, because a run may write to any folder: an append survives a crash with
at most its last line torn, on every file system, and any tool reads it. A million lines are 300 MB, of which three
numbers a line are kept in memory: the hash of its output, where the line stands, and a hash of all that a later run
asks of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import time
from array import array
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import IO, Any

from imgedit.batch.lock import Lock
from imgedit.batch.places import Output
from imgedit.batch.rows import Job, Row, State, stamp
from imgedit.errors import BatchError

__all__ = ["Record"]

MANIFEST, REPORT, SCRATCH = "manifest.jsonl", "report.jsonl", "tmp"

# Bytes of the manifest that are read at once.
BLOCK = 2**18

# How many lines of the manifest may be lost with the power, and of how many seconds.
SYNC_EVERY, SYNC_AFTER = 64, 2.0


class Record:
    """What is known of an output, and the right to add to it.

    Parameters
    ----------
    output : Folder or Store
        The output.
    recipe : str
        Fingerprint of the recipe.
    """

    def __init__(self, output: Output, recipe: str) -> None:
        self._output, self._recipe = output, recipe
        self._folder = output.state
        self.report = self._folder / REPORT
        # With the results and not with the record, which another run may keep elsewhere.
        self._lock = Lock(output.scratch.parent)
        self.scratch = output.scratch / secrets.token_hex(8)
        self._lines, self._synced = 0, time.monotonic()
        self._numbers: dict[int, int] = {}
        self._places, self._states = array("q"), array("q")

    def __enter__(self) -> Record:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._output.scratch.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except OSError as failure:
            raise _unwritable(failure) from failure
        try:
            # A late worker of a killed run, on another machine, finds its own folder gone and can't put its result.
            shutil.rmtree(self._output.scratch, ignore_errors=True)
            self.scratch.mkdir(parents=True)
            self._file: IO[bytes] = open(self._folder / MANIFEST, "a+b")
            self._end_torn_line()
        except OSError as failure:
            self._lock.release()
            raise _unwritable(failure) from failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as failure:  # what it could not write before
            if kind is None:
                raise _unwritable(failure) from failure
        finally:
            shutil.rmtree(self._output.scratch, ignore_errors=True)
            self._lock.release()
            with contextlib.suppress(OSError):  # the record is in it
                self._output.scratch.parent.rmdir()

    def _end_torn_line(self) -> None:
        """Keep a line that a crash tore off from swallowing the next one."""
        if self._file.seek(0, os.SEEK_END):
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def read(self) -> None:
        """Learn what earlier runs did; a line that a crash tore is no row."""
        place = 0
        self._standing = self._output.standing()
        with contextlib.suppress(FileNotFoundError), open(self._folder / MANIFEST, "rb") as file:
            while lines := file.readlines(BLOCK):
                for line, row in zip(lines, _parsed(lines), strict=True):
                    with contextlib.suppress(TypeError, KeyError):
                        self._note(row, place)
                    place += len(line)

    def _note(self, row: dict[str, object], place: int) -> None:
        name = row["output"]
        state = hash(tuple(row[key] for key in ("state", "recipe", "input", "output", "size", "changed", "written")))
        number = self._numbers.setdefault(hash(name), len(self._places))
        if number == len(self._places):
            self._places.append(place)
            self._states.append(state)
        else:
            self._places[number], self._states[number] = place, state

    def state(self, job: Job) -> State:
        """Tell what an earlier run made of a file, as it is now, by this recipe.

        Parameters
        ----------
        job : Job
            A file.

        Returns
        -------
        str
            Skipped: its result stands. Failed: it would again. Pending: it has to be done.
        """
        number = self._numbers.get(hash(job.name))
        if number is None:
            return "pending"
        seen, state = (self._recipe, job.source, job.name, *stamp(job)), self._states[number]
        written = 0
        for name in self._names(job, number):
            size = self._standing(name)
            if size is None:
                break
            written += size
        else:
            if state == hash(("done", *seen, written)):
                return "skipped"
        return "failed" if state == hash(("failed", *seen, 0)) else "pending"

    def _names(self, job: Job, number: int) -> Sequence[str]:
        """Name the results of a file; where only they tell their size, so does only their line of the manifest."""
        if "{" not in "".join(job.names):
            return job.names
        with open(self._folder / MANIFEST, "rb") as file:
            file.seek(self._places[number])
            return [name for name, _ in json.loads(file.readline())["outputs"]] or job.names

    def append(self, row: Row) -> None:
        """Write down what became of a file."""
        self._lock.check()
        try:
            place = self._file.seek(0, os.SEEK_END)
            self._file.write(row.line())
            self._file.flush()
            self._lines += 1
            if self._lines % SYNC_EVERY == 0 or time.monotonic() - self._synced > SYNC_AFTER:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as failure:
            raise BatchError(f"the manifest can't be written: {failure}") from failure
        self._note(vars(row), place)

    def write_report(self, jobs: Iterable[Job], states: Iterable[State]) -> None:
        """Write one line for each file of the plan: that of the manifest, or that it is still to be done.

        Parameters
        ----------
        jobs : iterable of Job
            The plan.
        states : iterable of str
            The state of each.

        Raises
        ------
        BatchError
            It can't be written.
        """
        temporary = self._folder / f".report-{secrets.token_hex(8)}"
        self._at = -1  # place of the next line; mostly that is where the file stands, and to ask it takes time
        try:
            with open(temporary, "wb") as file:
                for job, state in zip(jobs, states, strict=True):
                    file.write(self._line(job, state))
            os.replace(temporary, self.report)
        except OSError as failure:
            raise BatchError(f"the report can't be written: {failure}") from failure
        finally:
            temporary.unlink(missing_ok=True)

    def _line(self, job: Job, state: State) -> bytes:
        if state == "pending":
            return Row(job.source, job.name, "pending").line()
        place = self._places[self._numbers[hash(job.name)]]
        if self._at != place:
            self._file.seek(place)
        line = self._file.readline()
        self._at = place + len(line)
        # Within a string of JSON a quotation mark has a backslash before it, so this can only be the field.
        return line.replace(b', "state": "done"', b', "state": "skipped"', 1) if state == "skipped" else line


def _parsed(lines: list[bytes]) -> list[Any]:
    """Parse lines of JSON at once, which takes half the time; one by one where a crash tore one of them."""
    try:
        rows = json.loads(str(b"[%s]" % b",".join(lines), "ascii"))
    except ValueError:
        rows = ()
    return rows if len(rows) == len(lines) else [_row(line) for line in lines]


def _row(line: bytes) -> Any:
    try:
        return json.loads(str(line, "ascii"))
    except ValueError:
        return None


def _unwritable(failure: OSError) -> BatchError:
    return BatchError(f"the output can't be written: {failure}")
