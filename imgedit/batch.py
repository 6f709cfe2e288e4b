"""One recipe over many files: plan, submit, collect, resume, report.

The record of a run is ``OUT/.imgedit/manifest.jsonl``: one line for every file that came to an end, appended as it
happens, the last line about an output being the one that counts. A line torn by a crash is dropped when it is read. A
worker writes its result to ``OUT/.imgedit/tmp`` and renames it, so that no half-written file ever stands in the output
tree, and what a killed worker left behind is swept away by the next run.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import secrets
import shutil
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal

from imgedit.engines import ENGINES, explain, usable_cores
from imgedit.errors import ArgumentError, BatchError
from imgedit.io import FORMATS
from imgedit.io.files import store
from imgedit.pixels import Progress, check_number
from imgedit.recipes import Recipe
from imgedit.recipes.wording import for_recipe

__all__ = ["Job", "Report", "Row", "plan", "run"]

STATE_FOLDER = ".imgedit"
MANIFEST, REPORT, SCRATCH = "manifest.jsonl", "report.jsonl", "tmp"

# What a folder is searched for, and what can be written: every format is both read and written.
SUFFIXES = frozenset(suffix for codec in FORMATS.values() for suffix in codec.suffixes)

# How many lines of the manifest may be lost with the power.
SYNC_EVERY = 64

# A file whose worker died once may have met a machine short of memory; one that kills two is to blame itself.
TRIES = 2

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


@dataclass(frozen=True)
class Report:
    """How a run ended.

    Parameters
    ----------
    rows : tuple of Row
        One row for each input, in the order of the plan.
    file : Path
        The same as JSON lines.
    seconds : float
        Time that the run took.
    """

    rows: tuple[Row, ...]
    file: Path
    seconds: float

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
        return sum(row.state in states for row in self.rows)

    @property
    def failures(self) -> list[Row]:
        """Rows of the files that failed."""
        return [row for row in self.rows if row.state == "failed"]


def run(
    recipe: Recipe | str | Path,
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    engine: str | Executor = "local",
    workers: int | None = None,
    timeout: float | None = None,
    resume: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Do a recipe on many files.

    Parameters
    ----------
    recipe : Recipe, str or Path
        A recipe, or the TOML file that holds one.
    inputs : path, or sequence of paths
        Files, and folders that are searched for images; the tree below a folder is kept in the output.
    output : str or Path
        Folder for the results, made where it is missing. Results of an earlier run are replaced, inputs never.
    engine : str or concurrent.futures.Executor
        A name in `imgedit.engines.ENGINES`, or any executor, whose owner shuts it down.
    workers : int, optional
        Number of processes; as many as there are cores to use by default.
    timeout : float, optional
        Seconds that one file may take before its process is stopped; no limit by default.
    resume : bool
        Leave out files that an earlier run has done, if neither they nor the recipe have changed.
    progress : callable, optional
        Given the fraction of the files done; what it raises stops the run.

    Returns
    -------
    Report
        What became of each file.

    Raises
    ------
    RecipeError
        A recipe that can't run.
    ArgumentError
        Two inputs with one output, an output that is an input, a file whose format can't be written.
    BatchError
        The output can't be written, or the engine failed. Files that are done stay done.
    OSError
        An input that does not exist or a folder that can't be listed.

    Examples
    --------
    >>> ie.batch.run("web.toml", "photos", "web")  # doctest: +SKIP
    """
    began = time.monotonic()
    if workers is not None:
        check_number(workers, "workers", least=1)
    if timeout is not None:
        check_number(timeout, "timeout", above=0)
    if not isinstance(recipe, Recipe):
        recipe = Recipe.from_toml(recipe)
    jobs = plan(recipe, inputs, output)
    folder = Path(os.path.abspath(output))
    rows: dict[int, Row] = {}
    with _Record(folder) as record:
        fingerprint = recipe.fingerprint()
        known = record.read() if resume else {}
        for index, job in enumerate(jobs):
            if _is_done(known.get(job.name), job, folder, fingerprint):
                rows[index] = replace(known[job.name], state="skipped")
        tasks = [(index, job) for index, job in enumerate(jobs) if index not in rows]
        try:
            with _engine(engine, workers, timeout) as (executor, window):
                for index, row in _results(executor, recipe, str(folder), tasks, window):
                    rows[index] = replace(row, recipe=fingerprint)
                    record.append(rows[index])
                    if progress is not None:
                        progress(len(rows) / len(jobs))
        finally:
            ordered = [rows.get(i, Row(job.source, job.name, "pending")) for i, job in enumerate(jobs)]
            report = Report(tuple(ordered), folder / STATE_FOLDER / REPORT, time.monotonic() - began)
            store(report.file, b"".join(_line(row) for row in ordered))
    return report


def plan(recipe: Recipe, inputs: str | Path | Sequence[str | Path], output: str | Path) -> list[Job]:
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
    list of Job
        In the order of `inputs`, the files of a folder by name.
    """
    folder = Path(os.path.abspath(output))
    suffix = recipe.suffix
    jobs = []
    for given in [inputs] if isinstance(inputs, (str, Path)) else inputs:
        for path, name in _files(Path(os.path.abspath(given)), folder):
            jobs.append(Job(str(path), (name.with_suffix(suffix) if suffix else name).as_posix()))
    if not jobs:
        raise ArgumentError("inputs", "hold no image", f"give files, or folders with {' '.join(sorted(SUFFIXES))}")
    _refuse_unwritable(jobs)
    _refuse_collisions(jobs)
    _refuse_overwriting(jobs, folder, recipe)
    return jobs


def _files(given: Path, output: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the files of one input, each with its name below the output folder."""
    if not given.is_dir():
        if not given.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(given))
        yield given, Path(given.name)
        return
    if os.path.realpath(given) == os.path.realpath(output):
        raise ArgumentError("output", f"is the input folder {given}", "give another folder")
    for folder, inner, names in os.walk(given, onerror=_raise):
        # Sorted, so that the order of a run does not depend on the file system.
        inner[:] = sorted(
            n for n in inner if n[0] != "." and os.path.realpath(Path(folder, n)) != os.path.realpath(output)
        )
        for name in sorted(names):
            if name[0] != "." and os.path.splitext(name)[1].lower() in SUFFIXES:
                path = Path(folder, name)
                yield path, path.relative_to(given)


def _raise(failure: OSError) -> None:
    raise failure


def _refuse_unwritable(jobs: Iterable[Job]) -> None:
    for job in jobs:
        if os.path.splitext(job.name)[1].lower() not in SUFFIXES:
            raise ArgumentError(
                "inputs", f"hold {job.source}, whose format can't be written", 'set one: format = "png" in [output]'
            )


def _refuse_collisions(jobs: Iterable[Job]) -> None:
    taken: dict[str, Job] = {}
    for job in jobs:
        # Where the file system takes a.jpg and A.jpg for one file, so must we.
        key = job.name.casefold() if sys.platform in ("win32", "darwin") else job.name
        first = taken.setdefault(key, job)
        if first is not job:
            problem = f"{first.source} and {job.source} would both be written to {job.name}"
            raise ArgumentError("inputs", problem, "rename one, or run them into two folders")


def _refuse_overwriting(jobs: Sequence[Job], folder: Path, recipe: Recipe) -> None:
    kept = {os.path.realpath(job.source) for job in jobs} | {os.path.realpath(path) for path in recipe.files()}
    for job in jobs:
        if os.path.realpath(folder / job.name) in kept:
            raise ArgumentError("output", f"would overwrite the input {folder / job.name}", "give another folder")


def _is_done(row: Row | None, job: Job, folder: Path, fingerprint: str) -> bool:
    if row is None or (row.state, row.recipe, row.input) != ("done", fingerprint, job.source):
        return False
    try:
        source, result = os.stat(job.source), os.stat(folder / job.name)
    except OSError:
        return False
    return (source.st_size, source.st_mtime_ns, result.st_size) == (row.size, row.changed, row.written)


class _Record:
    """The folder ``.imgedit`` of one run, with its manifest open for appending."""

    def __init__(self, output: Path) -> None:
        self._folder = output / STATE_FOLDER
        self._lines = 0

    def __enter__(self) -> _Record:
        try:
            shutil.rmtree(self._folder / SCRATCH, ignore_errors=True)
            (self._folder / SCRATCH).mkdir(parents=True)
            self._file = open(self._folder / MANIFEST, "a+b")
            self._end_torn_line()
        except OSError as failure:
            raise BatchError(f"the output can't be written: {failure}") from failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        shutil.rmtree(self._folder / SCRATCH, ignore_errors=True)

    def _end_torn_line(self) -> None:
        """Keep a line that a crash tore off from swallowing the next one."""
        if self._file.seek(0, os.SEEK_END):
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def read(self) -> dict[str, Row]:
        """Give the last row about each output; a line that a crash tore is no row."""
        rows = {}
        self._file.seek(0)
        for line in self._file:
            with contextlib.suppress(ValueError, TypeError):
                row = Row(**json.loads(line))
                rows[row.output] = row
        return rows

    def append(self, row: Row) -> None:
        """Write down what became of a file."""
        try:
            self._file.write(_line(row))
            self._file.flush()
            self._lines += 1
            if self._lines % SYNC_EVERY == 0:
                os.fsync(self._file.fileno())
        except OSError as failure:
            raise BatchError(f"the manifest can't be written: {failure}") from failure


def _line(row: Row) -> bytes:
    return json.dumps(asdict(row)).encode() + b"\n"


@contextlib.contextmanager
def _engine(engine: str | Executor, workers: int | None, timeout: float | None) -> Iterator[tuple[Executor, int]]:
    """Give an executor, and how many tasks to have in its hands; one that was started here is stopped here."""
    # One task for each worker and none in reserve: what the engine holds is what a killed run may have done without a
    # line in its manifest, and does again.
    window = workers or usable_cores()
    if isinstance(engine, Executor):
        yield engine, window
        return
    executor = ENGINES[engine](workers=workers, timeout=timeout)
    try:
        yield executor, window
    except BaseException:
        executor.shutdown(wait=True, cancel_futures=True)
        raise
    executor.shutdown(wait=True)


def _results(
    executor: Executor, recipe: Recipe, output: str, jobs: Iterable[tuple[int, Job]], window: int
) -> Iterator[tuple[int, Row]]:
    """Submit all files, never more than `window` at a time, and yield their rows as they come."""
    waiting: dict[Future[Row], tuple[int, Job, int]] = {}
    queue = iter(jobs)

    def submit(index: int, job: Job, tries: int) -> Future[Row]:
        future = executor.submit(perform, recipe, output, job)
        waiting[future] = index, job, tries
        return future

    try:
        while True:
            for index, job in itertools.islice(queue, window - len(waiting)):
                if submit(index, job, 1).done():
                    break  # an engine without workers has no use for a queue
            if not waiting:
                return
            finished, interruption = _finished(waiting)
            for future in finished:
                index, job, tries = waiting.pop(future)
                failure = future.exception()
                if failure is None:
                    yield index, _checked(future.result())
                elif tries < TRIES and not isinstance(failure, TimeoutError):
                    submit(index, job, tries + 1)
                elif isinstance(failure, BrokenExecutor):
                    raise BatchError(f"the engine failed: {explain(failure)}") from failure
                else:
                    yield index, Row(job.source, job.name, "failed", type(failure).__name__, explain(failure))
            if interruption is not None:
                raise interruption
    finally:
        for future in waiting:
            future.cancel()


def _finished(waiting: Iterable[Future[Row]]) -> tuple[list[Future[Row]], KeyboardInterrupt | None]:
    """Wait for some tasks, and give what has ended even where Ctrl-C ends the wait: it is done and must be recorded."""
    interruption = None
    try:
        wait(waiting, return_when=FIRST_COMPLETED)
    except KeyboardInterrupt as caught:
        interruption = caught
    return [future for future in waiting if future.done()], interruption


def _checked(row: Row) -> Row:
    """Stop the run where every further file would meet the same fate."""
    if row.error == "OutOfSpaceError":
        raise BatchError(f"stopped at {row.input}: {row.problem}")
    return row


def perform(recipe: Recipe, output: str, job: Job) -> Row:
    """Do one file, in a worker; whatever goes wrong comes back as a row.

    Parameters
    ----------
    recipe : Recipe
        The steps.
    output : str
        Folder of the results.
    job : Job
        The file.

    Returns
    -------
    Row
        Its state is done or failed.
    """
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        row = _row(recipe, Path(output), job)
    told = "; ".join(str(warning.message) for warning in caught)
    return replace(row, warning=told, seconds=round(time.perf_counter() - began, 4))


def _row(recipe: Recipe, output: Path, job: Job) -> Row:
    try:
        before, written = _edit(recipe, output, job)
    except Exception as failure:  # noqa: BLE001 - the edge of a job: the failure is recorded
        return Row(job.source, job.name, "failed", type(failure).__name__, for_recipe(failure))
    return Row(job.source, job.name, "done", size=before.st_size, changed=before.st_mtime_ns, written=written)


def _edit(recipe: Recipe, output: Path, job: Job) -> tuple[os.stat_result, int]:
    target = output / job.name
    scratch = output / STATE_FOLDER / SCRATCH / (secrets.token_hex(8) + target.suffix)
    before = os.stat(job.source)
    try:
        recipe.edit(job.source, scratch)
        after, written = os.stat(job.source), os.stat(scratch).st_size
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise BatchError("the input changed while it was worked on")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)
    return before, written
