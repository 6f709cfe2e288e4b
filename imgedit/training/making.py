"""From a job to a model: the way that all kinds of training go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imgedit.errors import ArgumentError, ModelError, UnknownNameError
from imgedit.models import find
from imgedit.strips import Progress
from imgedit.training.export import Card, Store, export_onnx, ship
from imgedit.training.job import Job
from imgedit.training.loop import Task, train
from imgedit.training.weights import start_from

__all__ = ["Plan", "check_crop", "make"]

LEAST_CROP = 16


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What tells one kind of training from another.

    Parameters
    ----------
    kind : str
        Its name on the command line.
    title : str
        What the model does, in a few words.
    net : callable
        Gives the fresh net.
    task : callable
        Gives the task for a net: decodes the data.
    steps : int
        Length of the run, where the job does not say.
    rate : float
        Highest learning rate, where the job does not say.
    examples : mapping of str to Tensor
        Inputs of the ONNX file.
    manifest : mapping
        Fields of the manifest: task, family and so on.
    optimizer : str
        "adam" or "muon", where the job does not say.
    shipped : str, optional
        Name of the net that a run starts from where the job does not say; it need not be installed.
    shipped_rate : float, optional
        Highest learning rate of a run that does; by default `rate`.
    outputs : sequence of str
        Outputs of the ONNX file.
    multiple : int
        What sides must be a multiple of.
    free_axes : sequence of int
        Axes of the inputs that may have any size at run time.
    store : str
        How the file stores weights, as `export_onnx` takes it.
    stepped, bends : bool
        As `export_onnx` takes them.
    part : callable
        Gives the part of the trained net that is written to the ONNX file.
    also : callable, optional
        Given the trained net and its card: writes what else there is to write.
    options : mapping
        Options of the command besides those of the job.
    subjects : sequence of str
        What stands in the command without an option.
    """

    kind: str
    title: str
    net: Callable[[], nn.Module]
    task: Callable[[nn.Module], Task]
    steps: int
    rate: float
    examples: Mapping[str, Tensor]
    manifest: Mapping[str, Any]
    optimizer: str = "adam"
    shipped: str | None = None
    shipped_rate: float | None = None
    outputs: Sequence[str] = ("output",)
    multiple: int = 1
    free_axes: Sequence[int] = (0, 2, 3)
    store: Store = "float32"
    stepped: bool = False
    bends: bool = False
    part: Callable[[nn.Module], nn.Module] = lambda net: net
    also: Callable[[nn.Module, Card], None] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    subjects: Sequence[str] = ()


def check_crop(crop: int, multiple: int) -> int:
    """Refuse a crop that a net can't halve as often as it does, or in which nothing is to be seen.

    Parameters
    ----------
    crop : int
        Side in pixels.
    multiple : int
        What it must be a multiple of.

    Returns
    -------
    int
        The side.

    Raises
    ------
    ArgumentError
        It is below 16 or no such multiple.
    """
    if crop < LEAST_CROP or crop % multiple:
        wanted = f" that is a multiple of {multiple}" if multiple > 1 else ""
        raise ArgumentError("crop", f"is {crop}", f"give a side of at least {LEAST_CROP} pixels{wanted}")
    return crop


def make(plan: Plan, job: Job, progress: Progress | None) -> Path:
    """Train, export, measure, and write the card.

    Parameters
    ----------
    plan : Plan
        The kind of training.
    job : Job
        Data, output and length.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    Path
        The ONNX file.
    """
    rate = plan.rate
    if job.init_from is None and not job.scratch and (shipped := _shipped(plan.shipped)) is not None:
        job, rate = replace(job, init_from=shipped), plan.shipped_rate or plan.rate
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)
        net = plan.net()
        if job.init_from is not None:
            start_from(net, job.init_from)
        task = plan.task(net)
    settings = job.settings(steps=plan.steps, rate=rate, optimizer=plan.optimizer)
    best, seconds = train(task, job.output, settings, progress=progress)
    path = job.output / f"{job.name}.onnx"
    part = plan.part(best)
    export_onnx(
        part,
        path,
        examples=plan.examples,
        outputs=plan.outputs,
        free_axes=plan.free_axes,
        multiple=plan.multiple,
        store=plan.store,
        stepped=plan.stepped,
        bends=plan.bends,
    )
    card = Card(
        title=plan.title,
        data=", ".join(folder.resolve().name for folder in job.data),
        command=job.command(plan.kind, plan.options, plan.subjects),
        figures=task.evaluate(best),
        steps=settings.steps,
        minutes=seconds / 60,
    )
    if plan.also is not None:
        plan.also(best, card)
    return ship(part, job, card, multiple=plan.multiple, **plan.manifest)


def _shipped(name: str | None) -> Path | None:
    """Give the file of a shipped net; None where there is none."""
    if name is None:
        return None
    try:
        manifest = find(name)
    except (ModelError, UnknownNameError):
        return None
    return manifest.folder / manifest.file
