"""Hand files to an engine, take back what became of them; and do one file, in a worker."""

from __future__ import annotations

import itertools
import os
import secrets
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import replace
from pathlib import Path

from imgedit.batch.record import SCRATCH, STATE_FOLDER
from imgedit.batch.rows import Job, Row, stamp
from imgedit.engines import explain
from imgedit.errors import BatchError
from imgedit.recipes import Recipe
from imgedit.recipes.wording import for_recipe

__all__ = ["perform", "results"]

# A file whose worker died once may have met a machine short of memory; one that kills two is to blame itself.
TRIES = 2


def results(
    executor: Executor, recipe: Recipe, output: str, jobs: Iterable[tuple[int, Job]], window: int
) -> Iterator[tuple[int, Row]]:
    """Submit all files, never more than `window` at a time, and yield their rows as they come.

    Parameters
    ----------
    executor : Executor
        Where the work is done.
    recipe : Recipe
        The steps.
    output : str
        Folder of the results.
    jobs : iterable of (int, Job)
        The files with their places in the plan; asked for as they are needed.
    window : int
        How many may be in the hands of the executor.

    Yields
    ------
    int
        Place in the plan.
    Row
        Done or failed.

    Raises
    ------
    BatchError
        The engine broke, or no further file could be written.
    """
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
                    yield index, _failed(job, failure, explain(failure), stamp(job))
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
    before = stamp(job)
    try:
        written = _edit(recipe, output, job, before)
    except Exception as failure:  # noqa: BLE001 - the edge of a job: the failure is recorded
        return _failed(job, failure, for_recipe(failure), before)
    return Row(job.source, job.name, "done", size=before[0], changed=before[1], written=written)


def _failed(job: Job, failure: BaseException, problem: str, before: tuple[int, int]) -> Row:
    kind = type(failure).__name__
    return Row(job.source, job.name, "failed", kind, problem, size=before[0], changed=before[1])


def _edit(recipe: Recipe, output: Path, job: Job, before: tuple[int, int]) -> int:
    target = output / job.name
    scratch = output / STATE_FOLDER / SCRATCH / (secrets.token_hex(8) + target.suffix)
    try:
        recipe.edit(job.source, scratch)
        written = os.stat(scratch).st_size
        if stamp(job) != before:
            raise BatchError("the input changed while it was worked on")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)
    return written
