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
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from imgedit.batch.planning import Plan, plan
from imgedit.batch.record import Record
from imgedit.batch.rows import Job, Report, Row, State
from imgedit.batch.working import results
from imgedit.engines import ENGINES, usable_cores
from imgedit.pixels import Progress, check_number
from imgedit.recipes import Recipe

__all__ = ["Job", "Plan", "Report", "Row", "plan", "preview", "run"]

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
    resume: bool = True,
    retry_failed: bool = False,
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
        Leave out files that an earlier run has done, or on which it failed, if neither they nor the recipe have
        changed. What failed stands as failed.
    retry_failed : bool
        Do those on which an earlier run failed once more.
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
    LockedError
        Another run works on this output.
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
    if isinstance(engine, str):
        ENGINES[engine]  # a wrong name is told before anything is done
    jobs = plan(recipe, inputs, output)
    folder = Path(os.path.abspath(output))
    fingerprint = recipe.fingerprint()
    with Record(folder, fingerprint) as record:
        states, standing = _known(record, jobs, resume=resume, retry_failed=retry_failed)
        tasks = ((index, job) for index, job in enumerate(jobs) if states[index] == STATES.index("pending"))
        settled = len(jobs) - states.count(STATES.index("pending"))
        try:
            with _engine(engine, workers, timeout) as (executor, window):
                for index, row in results(executor, recipe, str(folder), tasks, window):
                    record.append(replace(row, recipe=fingerprint))
                    states[index] = STATES.index(row.state)
                    settled += 1
                    if progress is not None:
                        progress(settled / len(jobs))
        finally:
            record.write_report(jobs, (STATES[state] for state in states))
            counts = {name: states.count(number) for number, name in enumerate(STATES)}
            report = Report(counts, record.report, time.monotonic() - began, standing)
    return report


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

    Yields
    ------
    Job
        A file and where its result goes.
    str
        Pending: it would be done. Skipped, failed: an earlier run did it, or failed on it.

    Examples
    --------
    >>> for job, state in ie.batch.preview("web.toml", "photos", "web"):  # doctest: +SKIP
    ...     print(state, job.name)
    """
    if not isinstance(recipe, Recipe):
        recipe = Recipe.from_toml(recipe)
    jobs = plan(recipe, inputs, output)
    record = Record(Path(os.path.abspath(output)), recipe.fingerprint())
    states, _ = _known(record, jobs, resume=resume, retry_failed=retry_failed)
    for job, state in zip(jobs, states, strict=True):
        yield job, STATES[state]


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
