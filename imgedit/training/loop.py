"""The training loop: mixed precision, moving average, clipping, checkpoints, exact resume, a log and pictures.

The learning rate warms up, stays, and falls to zero along a cosine over the last part of the run. Since it only depends
on the step and the total, a stopped run can be resumed with another total: a smaller one begins the final descent
at once. Everything random is drawn from ``(seed, step)``, so a resumed run sees what an undisturbed one would have
seen.
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import os
import time
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imgedit.errors import ImgeditError
from imgedit.io import write
from imgedit.strips import Progress

__all__ = ["Settings", "Task", "TrainingError", "train"]


class TrainingError(ImgeditError):
    """A run that can't go on; the last checkpoint is good."""


class Task(Protocol):
    """What a run learns."""

    net: nn.Module

    def batch(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Draw one batch on the CPU; `done` is the fraction of the run."""

    def loss(self, net: nn.Module, batch: dict[str, Tensor], done: float) -> Tensor:
        """Give the scalar that is minimised."""

    def evaluate(self, net: nn.Module) -> dict[str, float]:
        """Measure the net; written to the log."""

    def picture(self, net: nn.Module) -> NDArray[np.uint8]:
        """Show the net's work, HxWx3."""


@dataclass(frozen=True)
class Settings:
    """How a run goes.

    Parameters
    ----------
    steps : int
        Length of the run.
    rate : float
        Highest learning rate (Adam).
    warmup : int
        Steps over which the rate rises.
    descent : float
        Fraction of the run over which the rate falls to zero.
    clip : float
        Largest norm of the gradient.
    average : float
        Decay of the moving average of the weights.
    seed : int
        Seed of everything random.
    every : int
        Steps between checkpoints with evaluation and a picture.
    device : str
        "auto", "cpu" or "cuda".
    half : bool
        bfloat16 where it is safe.
    """

    steps: int
    rate: float = 5e-4
    warmup: int = 200
    descent: float = 0.5
    clip: float = 1.0
    average: float = 0.999
    seed: int = 0
    every: int = 500
    device: str = "auto"
    half: bool = True

    def rate_at(self, step: int) -> float:
        """Learning rate of a step.

        Parameters
        ----------
        step : int
            Counted from 0.

        Returns
        -------
        float
            The rate.
        """
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        begin = (1 - self.descent) * self.steps
        falling = max(0.0, (step - begin) / max(1.0, self.steps - begin))
        return self.rate * rising * 0.5 * (1 + math.cos(math.pi * min(1.0, falling)))


def train(task: Task, folder: Path, settings: Settings, *, progress: Progress | None = None) -> nn.Module:
    """Run a task to its end, from its last checkpoint if there is one.

    Parameters
    ----------
    task : Task
        What is learnt.
    folder : Path
        Gets ``checkpoint.pt``, ``log.jsonl`` and ``step-*.png``.
    settings : Settings
        How the run goes.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    nn.Module
        The moving average of the net, on the CPU.

    Raises
    ------
    TrainingError
        The loss is not finite any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = _device(settings.device)
    net = task.net.to(device=device, memory_format=torch.channels_last)
    average = copy.deepcopy(net).requires_grad_(False)
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.rate, betas=(0.9, 0.99), fused=device == "cuda")
    step = _restore(folder / "checkpoint.pt", net, average, optimizer, device)
    batches = _ahead(task, settings, step)
    started, mean_loss = time.monotonic(), 0.0

    def keep() -> None:
        state = {"step": step, "net": net, "average": average, "optimizer": optimizer}
        _save(folder / "checkpoint.pt", {k: v if k == "step" else v.state_dict() for k, v in state.items()}, settings)

    try:
        while step < settings.steps:
            batch = {name: value.to(device, non_blocking=True) for name, value in next(batches).items()}
            loss = _step(task, net, optimizer, batch, settings, step)
            _follow(average, net, min(settings.average, (1 + step) / (10 + step)))
            step += 1
            mean_loss += (loss - mean_loss) / min(step, 100)
            if step % settings.every == 0 or step == settings.steps:
                keep()
                figures = task.evaluate(average)
                write(folder / f"step-{step:07d}.png", task.picture(average))
                seconds = round(time.monotonic() - started, 1)
                _log(
                    folder,
                    {"step": step, "loss": mean_loss, "rate": settings.rate_at(step), "seconds": seconds, **figures},
                )
            if progress is not None:
                progress(step / settings.steps)
    except TrainingError:
        raise  # the weights are spoilt: the checkpoint on disk is the good one
    except BaseException:
        keep()
        raise
    finally:
        batches.close()
    return average.cpu()


def _device(name: str) -> str:
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def _step(
    task: Task,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: dict[str, Tensor],
    settings: Settings,
    step: int,
) -> float:
    device = next(net.parameters()).device.type
    for group in optimizer.param_groups:
        group["lr"] = settings.rate_at(step)
    with torch.autocast(device, dtype=torch.bfloat16, enabled=settings.half):
        loss = task.loss(net, batch, step / settings.steps)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingError(f"the loss is {value} at step {step}; resume from the checkpoint with a lower --rate")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), settings.clip)
    optimizer.step()
    return value


@torch.no_grad()
def _follow(average: nn.Module, net: nn.Module, decay: float) -> None:
    for kept, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


def _ahead(task: Task, settings: Settings, first: int) -> Generator[dict[str, Tensor], None, None]:
    """Give the batches of all steps from `first` on; the next one is drawn while the net works."""

    def draw(step: int) -> dict[str, Tensor]:
        return task.batch(np.random.default_rng((settings.seed, step)), step / settings.steps)

    def batches() -> Generator[dict[str, Tensor], None, None]:
        with ThreadPoolExecutor(1, "imgedit-batches") as pool:
            waiting: Future[dict[str, Tensor]] = pool.submit(draw, first)
            for step in range(first, settings.steps):
                ready, waiting = waiting, pool.submit(draw, step + 1)
                yield ready.result()

    return batches()


def _restore(path: Path, net: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, device: str) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, map_location=device, weights_only=True)
    try:
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError) as problem:
        raise TrainingError(f"{path} is of another net ({problem}); name another folder or remove it") from problem
    return int(state["step"])


def _save(path: Path, state: dict[str, Any], settings: Settings) -> None:
    """Replace the checkpoint at one stroke: on a full disk the old one stays."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            torch.save({**state, "settings": asdict(settings)}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def _log(folder: Path, entry: dict[str, Any]) -> None:
    with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
