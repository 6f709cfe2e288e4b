"""One recipe over many files: plan, submit, collect, resume, report.

The record of a run is ``OUT/.imgedit/manifest.jsonl``: one line for every file that came to an end, appended as it
happens, the last line about an output being the one that counts. A line torn by a crash is dropped when it is read. A
worker writes its result to ``OUT/.imgedit/tmp`` and renames it, so that no half-written file ever stands in the output
tree, and what a killed worker left behind is swept away by the next run.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path

from imgedit.batch.places import Output, output_at
from imgedit.batch.planning import Plan, plan
from imgedit.batch.record import Compare, Record
from imgedit.batch.report import write_pages
from imgedit.batch.rows import Job, Report, Row, State
from imgedit.batch.tally import Tally
from imgedit.batch.thumbnails import MOST_PICTURED, Album
from imgedit.batch.verifying import Verdict, verify
from imgedit.batch.watching import watch
from imgedit.batch.working import Hands, Nets, Outcome, Task, hands_for, rehearsed, results, verdict
from imgedit.engines import ENGINES, usable_cores
from imgedit.errors import ArgumentError, BatchError, RecipeError
from imgedit.pixels import Progress, check_number
from imgedit.recipes import Recipe
from imgedit.recipes.checks import Finding
from imgedit.recipes.lines import placed

__all__ = ["Job", "Plan", "Report", "Row", "Tally", "Verdict", "plan", "preview", "run", "verify", "watch"]

# A state for each file of the plan in one byte.
STATES: tuple[State, ...] = ("pending", "done", "failed", "skipped")


def run(
    recipe: Recipe | str | Path,
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    engine: str | Executor = "local",
    workers: int | None = None,
    timeout: float | None = None,
    memory: int | None = None,
    address: str | None = None,
    per_worker: int | None = None,
    resume: bool = True,
    retry_failed: bool = False,
    compare: Compare = "time",
    variables: Mapping[str, object] | None = None,
    state: str | Path | None = None,
    only: Callable[[str], bool] | None = None,
    progress: Progress | None = None,
    tally: Callable[[Tally], None] | None = None,
) -> Report:
    """Do a recipe on many files.

    A file whose worker dies, or runs out of memory, is done once more at the end, alone; then it has failed.

    Parameters
    ----------
    recipe : Recipe, str or Path
        A recipe, or the TOML file that holds one.
    inputs : path, or sequence of paths
        Files, folders that are searched for images, patterns (``"photos/**/*.jpg"``), lists (``"@list.txt"``), zip and
        tar archives, URLs. The tree below a folder is kept in the output.
    output : str or Path
        Folder for the results, made where it is missing, or URL of a store. Results of an earlier run are replaced,
        inputs never.
    engine : str or concurrent.futures.Executor
        A name in `imgedit.engines.ENGINES`, or any executor, whose owner shuts it down.
    workers : int, optional
        Number of processes; by default as many as there are cores to use, or GPUs where the recipe runs networks on
        them, or as a cluster has.
    timeout : float, optional
        Seconds that one file may take before its process is stopped; no limit by default.
    memory : int, optional
        Bytes that one process may take (Linux); by default they share nine tenths of the machine's memory.
    address : str, optional
        Scheduler of the cluster that engine ``dask`` uses; by default it starts one on this machine.
    per_worker : int, optional
        Photos that each process has in hand at a time, in threads; tiles of one size go through a network together. By
        default 1, and 4 where engine ``local`` has one process for each GPU.
    resume : bool
        Leave out files that an earlier run has done, or on which it failed, if neither they nor the recipe have
        changed. What failed stands as failed.
    retry_failed : bool
        Do those on which an earlier run failed once more.
    compare : {"time", "content"}
        How it is told that a file has changed. Time: by its size and time of change, or the mark that its store has for
        it; where only that differs, its content is looked at, so that a file which was touched or copied is not done
        again. Content: by that always, which reads all files.
    variables : mapping, optional
        Values of variables of the recipe's file, in place of its own.
    state : str or Path, optional
        Folder of this machine for the record of the runs: ``.imgedit`` in the output by default; for a URL, a folder of
        the user's state that is named after it.
    only : callable, optional
        Given the path of each input; what it is false for is left out, and a run of nothing is no error.
    progress : callable, optional
        Given the fraction of the files done; what it raises stops the run.
    tally : callable, optional
        Given a `Tally` at the beginning and after each file; what it raises stops the run.

    Returns
    -------
    Report
        What became of each file.

    Raises
    ------
    RecipeError
        A recipe that can't run, here or where the work is done: a device that does not work, a network that is missing.
    ArgumentError
        Two inputs with one output, an output that is an input, a file whose format can't be written, an argument that
        the engine can't honour.
    BatchError
        The output can't be written, or the engine can't start or failed. Files that are done stay done.
    LockedError
        Another run works on this output.
    MissingExtraError
        The engine needs a library that is not installed.
    OSError
        An input that does not exist or a folder that can't be listed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import imgedit as ie
    >>> half = ie.Recipe([ie.Step("resize", scale=0.5)], output={"format": "webp"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ie.write(Path(folder, "photo.jpg"), np.zeros((64, 96, 3), np.uint8))
    ...     first = ie.batch.run(half, folder, Path(folder, "web"), engine="serial")
    ...     again = ie.batch.run(half, folder, Path(folder, "web"), engine="serial")
    ...     print(first.count("done"), again.count("done"), again.count("skipped"), again.rows[0].output)
    1 0 1 photo.webp
    """
    began = time.monotonic()
    if workers is not None:
        check_number(workers, "workers", least=1)
    if timeout is not None:
        check_number(timeout, "timeout", above=0)
    if per_worker is not None:
        check_number(per_worker, "per_worker", least=1)
    limits = {"timeout": timeout, "memory": memory, "address": address}
    crew = Crew(engine, Hands(workers, per_worker), limits)
    file = None if isinstance(recipe, Recipe) else Path(recipe)
    recipe = _opened(recipe, variables)
    crew.hands = hands_for(recipe, engine, crew.hands)
    place = output_at(output, state)
    jobs = plan(recipe, inputs, place, only=only)
    fingerprint = recipe.fingerprint()
    with crew, Record(place, fingerprint, compare) as record:
        states, standing = _known(record, jobs, resume=resume, retry_failed=retry_failed)
        counts = _counts(states)
        so_far = Tally(len(jobs), crew.size, failed=standing, skipped=counts["skipped"], standing=standing)
        nets = crew.keep_nets() if recipe.uses_network() else None
        if nets is not None and counts["pending"] and (faults := crew.rehearse(recipe, nets)):
            raise RecipeError(*(placed(faults, file) if file is not None else map(itemgetter(1), faults)))
        task = Task(recipe, replace(place, scratch=record.scratch), nets)
        pending = (
            (index, job._replace(known=record.known(job)))
            for index, job in enumerate(jobs if counts["pending"] else ())
            if states[index] == STATES.index("pending")
        )
        with _reported(record, jobs, states, place, file.name if file is not None else "") as reported:
            with Album(place.state, fresh=not resume) as album:
                if tally is not None:
                    tally(so_far)
                for index, outcome in crew.results(task, pending, counts["pending"]):
                    row = replace(outcome.row, recipe=fingerprint, thumbnails=album.keep(outcome.pictures))
                    if row.state == "skipped":
                        record.renew(row)
                    else:
                        record.append(row)
                    states[index] = STATES.index(row.state)
                    so_far = so_far.plus(row)
                    if progress is not None:
                        progress(so_far.settled / len(jobs))
                    if tally is not None:
                        tally(so_far)
            return reported(time.monotonic() - began, standing)


def _opened(recipe: Recipe | str | Path, variables: Mapping[str, object] | None) -> Recipe:
    if not isinstance(recipe, Recipe):
        return Recipe.from_toml(recipe, variables=variables)
    if variables:
        raise ArgumentError(
            "variables", "are given with a recipe that is made already", "give them to Recipe.from_toml"
        )
    return recipe


def _counts(states: bytearray) -> dict[State, int]:
    return {name: states.count(number) for number, name in enumerate(STATES)}


@contextlib.contextmanager
def _reported(
    record: Record, jobs: Plan, states: bytearray, place: Output, recipe: str
) -> Iterator[Callable[[float, int], Report]]:
    """Write the report however a run ends; where that was an error, it is what counts."""

    def write(seconds: float, standing: int, *, is_whole: bool = True) -> Report:
        record.write_report(jobs, (STATES[state] for state in states))
        report = Report(_counts(states), record.report, seconds, standing)
        write_pages(report, place.state, output=place.show(), recipe=recipe, is_whole=is_whole)
        return report

    try:
        yield write
    except BaseException:
        with contextlib.suppress(BatchError):
            write(0.0, 0, is_whole=False)
        raise


@dataclass
class Crew:
    """The engine of a run, which is started before anything is written and ended with the run.

    Parameters
    ----------
    engine : str or Executor
        Name of an engine, or somebody's own, who ends it.
    hands : Hands
        How many workers and photos in hand are asked for.
    limits : mapping
        What else the engine is to keep.

    Raises
    ------
    ArgumentError
        No such engine, or limits for an executor, which keeps its own.
    """

    engine: str | Executor
    hands: Hands
    limits: Mapping[str, object]

    def __post_init__(self) -> None:
        self._executor: Executor | None = None
        self._kept = contextlib.ExitStack()
        if isinstance(self.engine, str):
            ENGINES[self.engine]  # a wrong name is told before anything is done
            return
        for name, value in {**self.limits, "per_worker": self.hands.per_worker}.items():
            if value is not None:
                raise ArgumentError(name, f"is {value!r}, but the engine is started already", "give it to the engine")

    def __enter__(self) -> Crew:
        self._start(self.hands)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._kept.close()
        self._end(at_once=kind is not None)

    def _start(self, hands: Hands) -> None:
        if isinstance(self.engine, str):
            self._executor = ENGINES[self.engine](**hands._asdict(), **self.limits)  # type: ignore[arg-type]
        else:
            self._executor = self.engine

    def keep_nets(self) -> Nets:
        """Keep nets loaded in this process as long as the run lasts, and tell workers to do so, too."""
        from imgedit.models import kept

        joined = getattr(self._executor, "per_worker", 1) > 1
        self._kept.enter_context(kept(joined=joined))
        return Nets(joined, os.getpid())

    def _end(self, *, at_once: bool) -> None:
        if isinstance(self.engine, str) and self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=at_once)

    def rehearse(self, recipe: Recipe, nets: Nets) -> list[Finding]:
        """Let the workers find out what would fail for every photo: of a cluster, each has devices of its own."""
        assert self._executor is not None
        everywhere = getattr(self._executor, "submit_everywhere", None)
        if everywhere is None:
            asked = {"": self._executor.submit(rehearsed, recipe, nets)}
        else:
            asked = everywhere(rehearsed, recipe, nets)
        found: dict[Finding, list[str]] = {}
        for worker, future in asked.items():
            for finding in verdict(future):
                found.setdefault(finding, []).append(worker)
        return [
            (path, text if len(workers) == len(asked) else f"{text} (on {', '.join(workers)})")
            for (path, text), workers in found.items()
        ]

    @property
    def size(self) -> int:
        """How many files are worked on side by side."""
        return int(getattr(self._executor, "slots", self.hands.workers or usable_cores()))

    def _window(self) -> int:
        """How many files to have in the hands of the engine."""
        return int(getattr(self._executor, "window", self.size))

    def results(self, task: Task, jobs: Iterator[tuple[int, Job]], count: int) -> Iterator[tuple[int, Outcome]]:
        """Do all files; in the end, alone, those whose worker died."""
        suspects: list[tuple[int, Job]] = []
        yield from self._results(task, jobs, lambda: min(self._window(), count), suspects)
        if suspects:
            self._end(at_once=False)
            self._start(Hands(1, None))
            yield from self._results(task, iter(suspects), lambda: 1, None)

    def _results(
        self,
        task: Task,
        jobs: Iterator[tuple[int, Job]],
        window: Callable[[], int],
        suspects: list[tuple[int, Job]] | None,
    ) -> Iterator[tuple[int, Outcome]]:
        assert self._executor is not None
        return results(self._executor, task, jobs, window, MOST_PICTURED, suspects)


def _known(record: Record, jobs: Plan, *, resume: bool, retry_failed: bool) -> tuple[bytearray, int]:
    """Give the state of each file as the runs before left it, and how many failures of theirs stand."""
    if not resume:
        return bytearray(len(jobs)), 0
    record.read()
    states = bytearray(STATES.index(record.state(job)) for job in jobs)
    failed, pending = STATES.index("failed"), STATES.index("pending")
    if retry_failed:
        states = states.replace(bytes([failed]), bytes([pending]))
    return states, states.count(failed)


def preview(
    recipe: Recipe | str | Path,
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    resume: bool = True,
    retry_failed: bool = False,
    compare: Compare = "time",
    variables: Mapping[str, object] | None = None,
    state: str | Path | None = None,
) -> Iterator[tuple[Job, State]]:
    """Tell what `run` would do, without writing anything.

    Parameters
    ----------
    recipe : Recipe, str or Path
        The recipe, or its file.
    inputs : path, or sequence of paths
        Files and folders.
    output : str or Path
        Folder for the results.
    resume, retry_failed : bool
        As for `run`.
    compare : {"time", "content"}
        As for `run`.
    variables, state : optional
        As for `run`.

    Yields
    ------
    Job
        A file and where its result goes.
    str
        Pending: it would be done, or only be read if its content is that of before. Skipped, failed: an earlier run did
        it, or failed on it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import imgedit as ie
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ie.write(Path(folder, "photo.jpg"), np.zeros((64, 96, 3), np.uint8))
    ...     for job, state in ie.batch.preview(ie.Recipe([], output={"format": "png"}), folder, Path(folder, "out")):
    ...         print(state, job.name)
    pending photo.png
    """
    recipe = _opened(recipe, variables)
    place = output_at(output, state)
    jobs = plan(recipe, inputs, place)
    record = Record(place, recipe.fingerprint(), compare)
    states, _ = _known(record, jobs, resume=resume, retry_failed=retry_failed)
    for job, number in zip(jobs, states, strict=True):
        yield job, STATES[number]
