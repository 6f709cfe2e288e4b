"""The folder ``.imgedit`` of an output: manifest, report, lock, scratch files.

The manifest is lines of JSON and not a database, because a run may write to any folder: an append survives a crash with
at most its last line torn, on every file system, and any tool reads it. A million lines are 500 MB, of which three
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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, get_args

from imgedit.batch.places import Output
from imgedit.batch.rows import Job, Row, State, stamp
from imgedit.errors import ArgumentError, BatchError

__all__ = ["Compare", "Record"]

Compare = Literal["time", "content"]
"""By what a file counts as the one of before."""

MANIFEST, REPORT, SCRATCH = "manifest.jsonl", "report.jsonl", "tmp"

# Bytes of the manifest that are read at once.
BLOCK = 2**15

# What a later run asks of a line.
ASKED = itemgetter("state", "recipe", "input", "output", "size", "changed", "written")

# How many lines of the manifest may be lost with the power, and of how many seconds.
SYNC_EVERY, SYNC_AFTER = 64, 2.0

# How often it is tried to end a run in order, though Ctrl-C comes in between: who presses it thrice is let go.
TRIES = 3

# How often a folder is swept until nobody has written to it meanwhile.
SWEEPS = 20


class Record:
    """What is known of an output, and the right to add to it.

    Parameters
    ----------
    output : Folder or Store
        The output.
    recipe : str
        Fingerprint of the recipe.
    compare : {"time", "content"}
        Whether a file that has the size and the time of change of before counts as the same, or what it holds.
    """

    def __init__(self, output: Output, recipe: str, compare: Compare = "time") -> None:
        if compare not in get_args(Compare):
            raise ArgumentError("compare", f"is {compare!r}", "give time or content")
        self._output, self._recipe, self._compare = output, recipe, compare
        self._folder = output.state
        self.report = self._folder / REPORT
        self._locks = output.locks()
        self._held = contextlib.ExitStack()
        self.scratch = output.scratch / secrets.token_hex(8)
        self._lines, self._synced = 0, time.monotonic()
        self._numbers: dict[int, int] = {}
        self._places, self._states = array("q"), array("q")

    def __enter__(self) -> Record:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._output.scratch.parent.mkdir(parents=True, exist_ok=True)
            for lock in self._locks:
                lock.acquire()
                self._held.callback(lock.release)
            # A late worker of a killed run, on another machine, finds its own folder gone and can't put its result.
            _remove(self._output.scratch)
            for torn in self._folder.glob(f".{self.report.stem}*"):  # pages, too, that a killed run was writing
                torn.unlink()
            self.scratch.mkdir(parents=True)
            self._file: IO[bytes] = open(self._folder / MANIFEST, "a+b")
            self._end_torn_line()
        except BaseException as failure:
            self._held.close()
            if isinstance(failure, OSError):
                raise _unwritable(failure) from failure
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        interruption = None
        for _ in range(TRIES):
            try:
                self._leave(is_whole=kind is None)
                break
            except KeyboardInterrupt as caught:  # of a run that is at its end: nothing may be left behind for that
                interruption = caught
        if interruption is not None:
            raise interruption

    def _leave(self, *, is_whole: bool) -> None:
        """Close the manifest, sweep, and let others in; if that was interrupted, once more from the beginning."""
        try:
            self._file.close()
        except OSError as failure:  # what it could not write before
            if is_whole:
                raise _unwritable(failure) from failure
        finally:
            if not is_whole:
                self._sweep()
            _remove(self._output.scratch)
            for lock in self._locks:
                lock.release()
            with contextlib.suppress(OSError):  # the record is in it
                self._output.scratch.parent.rmdir()

    def _sweep(self) -> None:
        """Leave nothing of a run that was refused before its first file."""
        manifest = self._folder / MANIFEST
        with contextlib.suppress(OSError):
            if not manifest.stat().st_size and not self.report.exists():
                manifest.unlink()
                self._folder.rmdir()

    def _end_torn_line(self) -> None:
        """Keep a line that a crash tore off from swallowing the next one."""
        if self._file.seek(0, os.SEEK_END):
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def __len__(self) -> int:
        """Count the files of which something is known, once it was read."""
        return len(self._places)

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
        state = hash(ASKED(row))
        number = self._numbers.setdefault(hash(row["output"]), len(self._places))
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
        now, state = stamp(job), self._states[number]
        seen = self._recipe, job.source, job.name, now.size, now.changed
        if self._compare == "time" and state == hash(("done", *seen, self._written(job, number))):
            return "skipped"
        return "failed" if state == hash(("failed", *seen, 0)) else "pending"

    def known(self, job: Job) -> str:
        """Tell from which content the results of a file were made, if they stand and this recipe made them.

        Parameters
        ----------
        job : Job
            A file that is to be done, or that is the same if its content is.

        Returns
        -------
        str
            A digest; empty where nothing stands.
        """
        number = self._numbers.get(hash(job.name))
        if number is None:
            return ""
        row = self._row_at(self._places[number])
        made = ("done", self._recipe, job.source, job.name, self._written(job, number))
        return row.digest if made == (row.state, row.recipe, row.input, row.output, row.written) else ""

    def _written(self, job: Job, number: int) -> int:
        """Count the bytes of the results that stand; -1 where one is missing."""
        written = 0
        for name in self._names(job, number):
            if (size := self._standing(name)) is None:
                return -1
            written += size
        return written

    def _names(self, job: Job, number: int) -> Sequence[str]:
        """Name the results of a file; where only they tell their size, so does only their line of the manifest."""
        if "{" not in "".join(job.names):
            return job.names
        return [name for name, _ in self._row_at(self._places[number]).outputs] or job.names

    def _row_at(self, place: int) -> Row:
        with open(self._folder / MANIFEST, "rb") as file:
            file.seek(place)
            return Row(**json.loads(file.readline()))

    def last_rows(self) -> Iterator[Row]:
        """Read what counts of the manifest, once it was read: the last line about each file.

        Yields
        ------
        Row
            In the order in which they came to an end.
        """
        with open(self._folder / MANIFEST, "rb") as file:
            for place in sorted(self._places):
                file.seek(place)
                yield Row(**json.loads(file.readline()))

    def renew(self, found: Row) -> None:
        """Write down that a file is the one of before, though it has another time of change.

        Parameters
        ----------
        found : Row
            What a worker found: the file's size and time.
        """
        before = self._row_at(self._places[self._numbers[hash(found.output)]])
        if (before.size, before.changed) != (found.size, found.changed):
            self.append(replace(before, size=found.size, changed=found.changed))

    def append(self, row: Row) -> None:
        """Write down what became of a file."""
        for lock in self._locks:
            lock.check()
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
            with open(temporary, "wb") as file, open(self._folder / MANIFEST, "rb") as manifest:
                for job, state in zip(jobs, states, strict=True):
                    file.write(self._line(manifest, job, state))
            os.replace(temporary, self.report)
        except OSError as failure:
            raise BatchError(f"the report can't be written: {failure}") from failure
        finally:
            temporary.unlink(missing_ok=True)

    def _line(self, manifest: IO[bytes], job: Job, state: State) -> bytes:
        if state == "pending":
            return Row(job.source, job.name, "pending").line()
        place = self._places[self._numbers[hash(job.name)]]
        if self._at != place:
            manifest.seek(place)
        line = manifest.readline()
        self._at = place + len(line)
        # Within a string of JSON a quotation mark has a backslash before it, so this can only be the field.
        return line.replace(b', "state": "done"', b', "state": "skipped"', 1) if state == "skipped" else line


def _remove(folder: Path) -> None:
    """Remove a folder in which workers may be writing still: each file of theirs may come in between once."""
    for _ in range(SWEEPS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


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
