"""Hand files to an engine, take back what became of them; and do one file, in a worker."""

from __future__ import annotations

import errno
import functools
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2

from imgedit.batch.hearing import heard
from imgedit.batch.places import Output, load
from imgedit.batch.rows import Job, Row, digest_of, digest_of_result, stamp
from imgedit.batch.stores import NOTHING, Stamp
from imgedit.batch.thumbnails import Sketch
from imgedit.engines import explain
from imgedit.engines.machine import cards
from imgedit.errors import BatchError, ImgeditError, StorageError
from imgedit.io.formats import sniff
from imgedit.recipes import Recipe
from imgedit.recipes.checks import Finding
from imgedit.recipes.photos import Photo
from imgedit.recipes.wording import for_recipe

__all__ = ["Hands", "Nets", "Outcome", "Task", "hands_for", "rehearsed", "results", "verdict"]

# What the system says of one name only; anything else that it says where a result is put will hit the next one too.
OF_ONE_NAME = {errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.EILSEQ, errno.EINVAL}


# Photos in hand of a worker that has a GPU: as many as tiles go through a net at a time.
PER_CARD = 4


class Outcome(NamedTuple):
    """What a worker gives back.

    Parameters
    ----------
    row : Row
        What became of the file.
    pictures : tuple of bytes
        Thumbnails of photo and result.
    stops : bool
        The output can't take the result, and would take no other.
    """

    row: Row
    pictures: tuple[bytes, bytes] = (b"", b"")
    stops: bool = False


class Hands(NamedTuple):
    """How much is done side by side.

    Parameters
    ----------
    workers : int, optional
        Processes.
    per_worker : int, optional
        Photos that each has in hand.
    """

    workers: int | None
    per_worker: int | None


class Nets(NamedTuple):
    """How workers keep nets loaded from photo to photo.

    Parameters
    ----------
    joined : bool
        Whether those of several photos that a worker has in hand go through a net at once on the CPU, too.
    home : int
        Number of the process that leads the run, and keeps them as long as that lasts; its workers do until they end.
    """

    joined: bool
    home: int

    def keep(self) -> None:
        """Keep them in this process, if it is a worker."""
        if os.getpid() != self.home:
            _keep_nets(self.joined)


@dataclass(frozen=True)
class Task:
    """What is the same for all files of a run: called with one of them, in a worker.

    Parameters
    ----------
    recipe : Recipe
        The steps.
    output : Folder or Store
        Where results go.
    nets : Nets, optional
        How to keep the nets of the recipe, if it has some.
    """

    recipe: Recipe
    output: Output
    nets: Nets | None = None

    def __call__(self, job: Job, is_pictured: bool) -> Outcome:
        """Do one file; whatever goes wrong comes back in its row.

        Parameters
        ----------
        job : Job
            The file.
        is_pictured : bool
            Whether to make thumbnails.

        Returns
        -------
        Outcome
            Its row is done, failed, or skipped where the content is what the results were made from.
        """
        began, before, digest = time.perf_counter(), NOTHING, ""
        sketch = Sketch() if is_pictured else None
        stops = False
        if self.nets is not None:
            self.nets.keep()
        with heard() as told:
            try:
                before = stamp(job)
                data = self._loaded(job, before)
                digest = digest_of(job, data)
                # What has another time of change, or another mark in its store, need not be another photo.
                row = self._edited(job, data, before, digest, sketch) if digest != job.known else _same(job, before)
            except Exception as failure:  # noqa: BLE001 - the edge of a job: the failure is recorded
                row = failed(job, _kind(failure), for_recipe(failure), before)
                stops = isinstance(failure, OutputError)
        row = replace(row, warning="; ".join(told), seconds=round(time.perf_counter() - began, 4), digest=digest)
        return Outcome(row, sketch.pictures if sketch else (b"", b""), stops)

    def _loaded(self, job: Job, found: Stamp) -> bytes:
        limit = {name: value for name, value in self.recipe.input.items() if name == "max_bytes"}
        return load(job.source, size=found.size or -1, md5=found.md5, **limit)

    def _edited(self, job: Job, data: bytes, before: Stamp, digest: str, sketch: Sketch | None) -> Row:
        made = self.recipe.render(data, Photo(job.source, job.photo), seen=sketch)
        # Servers behind one address may each have a mark of their own for one file: it has changed if its bytes have.
        now = stamp(job, fresh=True)
        if now[:2] != before[:2] and digest_of(job, self._loaded(job, now)) != digest:
            raise BatchError("the input changed while it was worked on")
        outputs = [(name, self._put(name, result)) for name, result in made]
        header = sniff(data, job.source).probe(data, job.source)
        return Row(
            job.source,
            job.name,
            "done",
            size=before.size,
            changed=before.changed,
            written=sum(size for _, size in outputs),
            pixels=header.width * header.height,
            outputs=outputs,
            digests=[digest_of_result(result) for _, result in made],
        )

    def _put(self, name: str, result: bytes) -> int:
        try:
            return self.output.put(name, result)
        except (OSError, StorageError) as failure:
            if isinstance(failure, OSError) and failure.errno in OF_ONE_NAME:
                raise
            raise OutputError(str(failure)) from failure


@functools.cache
def _keep_nets(joined: bool) -> None:
    from imgedit.models import keeping

    keeping.hold(joined=joined)


class OutputError(ImgeditError):
    """The output takes no more results."""


def _kind(failure: Exception) -> str:
    """Name the class of an error; that memory is short has many names."""
    if isinstance(failure, MemoryError) or (isinstance(failure, cv2.error) and failure.code == cv2.Error.StsNoMem):
        return MemoryError.__name__
    return type(failure).__name__


def failed(job: Job, kind: str, problem: str, before: Stamp) -> Row:
    """Make the row of a file that failed."""
    return Row(job.source, job.name, "failed", kind, problem, size=before.size, changed=before.changed)


def _same(job: Job, now: Stamp) -> Row:
    """Make the row of a file whose results stand."""
    return Row(job.source, job.name, "skipped", size=now.size, changed=now.changed)


def results(
    executor: Executor,
    task: Task,
    jobs: Iterable[tuple[int, Job]],
    window: Callable[[], int],
    pictured: int,
    suspects: list[tuple[int, Job]] | None,
) -> Iterator[tuple[int, Outcome]]:
    """Submit all files, never more than a few at a time, and yield what became of them as they come.

    Parameters
    ----------
    executor : Executor
        Where the work is done.
    task : Task
        What to do with each.
    jobs : iterable of (int, Job)
        The files with their places in the plan; asked for as they are needed.
    window : callable
        Tells how many may be in the hands of the executor.
    pictured : int
        The files before this place in the plan get thumbnails.
    suspects : list, optional
        Takes the files whose worker died or ran out of memory, each perhaps through the fault of another, and where a
        worker has several in hand those that took too long. Without it they have failed.

    Yields
    ------
    int
        Place in the plan.
    Outcome
        Done, failed or skipped.

    Raises
    ------
    BatchError
        The engine broke, or the output takes no more.
    """
    waiting: dict[Future[Outcome], tuple[int, Job]] = {}
    doubtful = SUSPECT | ({LATE} if getattr(executor, "per_worker", 1) > 1 else set())
    queue = iter(jobs)
    try:
        while True:
            for index, job in itertools.islice(queue, max(0, window() - len(waiting))):
                future = _submitted(executor, task, job, index < pictured)
                waiting[future] = index, job
                if future.done():
                    break  # an engine without workers has no use for a queue
            if not waiting:
                return
            finished, interruption = _finished(waiting)
            for future in finished:
                index, job = waiting.pop(future)
                outcome = _outcome(future, job)
                if outcome.stops:
                    raise BatchError(f"stopped at {job.source}: {outcome.row.problem}")
                if suspects is not None and outcome.row.error in doubtful:
                    suspects.append((index, job))
                else:
                    yield index, outcome
            if interruption is not None:
                raise interruption
    finally:
        for future in waiting:
            future.cancel()


def hands_for(recipe: Recipe, engine: str | Executor, hands: Hands) -> Hands:
    """Say how many workers to start, and how many photos each has in hand.

    On GPUs one worker for each, since more would share its memory, with several photos: while one goes through the net,
    the next is read, and small ones go through together.

    Parameters
    ----------
    recipe : Recipe
        The steps.
    engine : str or Executor
        Where they are done.
    hands : Hands
        What is asked for.

    Returns
    -------
    Hands
        None where the engine decides.
    """
    if hands.workers is not None or engine != "local" or not recipe.may_use_card() or not (found := cards()):
        return hands
    from imgedit.models import devices

    return hands if devices.missing("cuda") else Hands(len(found), hands.per_worker or PER_CARD)


def rehearsed(recipe: Recipe, nets: Nets) -> list[Finding]:
    """Find what would fail for every photo of a recipe with networks, in the process that is to do it.

    Parameters
    ----------
    recipe : Recipe
        The steps.
    nets : Nets
        How to keep what it loads.

    Returns
    -------
    list of (path, str)
        As `Recipe.rehearse`.
    """
    nets.keep()
    return recipe.rehearse()


def verdict(future: Future[list[Finding]]) -> list[Finding]:
    """Give what a worker found out; nothing where it could not, since the photos will tell.

    Parameters
    ----------
    future : Future
        Of `rehearsed`.

    Returns
    -------
    list of (path, str)
        Its findings.

    Raises
    ------
    BatchError
        The engine broke.
    """
    try:
        return future.result()
    except (BrokenExecutor, CancelledError) as failure:
        raise BatchError(f"the engine failed: {explain(failure)}") from failure
    except Exception:  # noqa: BLE001 - a time limit, too little memory, a crash: the retries of single photos may do better
        return []


def _submitted(executor: Executor, task: Task, job: Job, is_pictured: bool) -> Future[Outcome]:
    try:
        return executor.submit(task, job, is_pictured)
    except BrokenExecutor as failure:
        raise BatchError(f"the engine failed: {explain(failure)}") from failure


def _outcome(future: Future[Outcome], job: Job) -> Outcome:
    """Give what a worker gave, or what the engine says of its end."""
    try:
        return future.result()
    except (BrokenExecutor, CancelledError) as failure:
        raise BatchError(f"the engine failed: {explain(failure)}") from failure
    except TimeoutError as failure:
        return Outcome(failed(job, LATE, explain(failure), stamp(job)))
    except Exception as failure:  # noqa: BLE001 - of any engine, for any reason
        return Outcome(failed(job, DEAD, explain(failure), stamp(job)))


# The error of a file whose worker died, and which errors another file may be to blame for.
DEAD, LATE = "WorkerDied", TimeoutError.__name__
SUSPECT = {DEAD, MemoryError.__name__}


def _finished(waiting: Iterable[Future[Outcome]]) -> tuple[list[Future[Outcome]], KeyboardInterrupt | None]:
    """Wait for some tasks, and give what has ended even where Ctrl-C ends the wait: it is done and must be recorded."""
    interruption = None
    try:
        wait(waiting, return_when=FIRST_COMPLETED)
    except KeyboardInterrupt as caught:
        interruption = caught
    return [future for future in waiting if future.done()], interruption
