"""The training loop: mixed precision, moving average, clipping, checkpoints, exact resume, a log and pictures.

The learning rate warms up, stays, and falls to zero along a cosine over the last part of the run. Since it only depends
on the step and the total, a stopped run can be resumed with another total: a smaller one begins the final descent
at once. Everything random is drawn from ``(seed, step)``, so a resumed run sees what an undisturbed one would have
seen.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import os
import pickle
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imgedit.errors import ArgumentError, ImgeditError
from imgedit.io import write
from imgedit.strips import Progress
from imgedit.training.muon import Muon, turns

__all__ = ["Settings", "Task", "Trained", "TrainingError", "train"]


class TrainingError(ImgeditError):
    """A run that can't go on; the last checkpoint is good."""


class Task(ABC):
    """What a run learns: a net, and perhaps a critic beside it that learns to tell what the net makes from the real.

    `inertia` is the share of the last step's direction that the next one keeps (Adam's first beta).
    """

    net: nn.Module
    critic: nn.Module | None = None
    inertia: float = 0.9

    @abstractmethod
    def batch(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Draw one batch on the CPU; `done` is the fraction of the run. Called from several threads."""

    @abstractmethod
    def loss(self, net: nn.Module, batch: dict[str, Tensor], done: float) -> tuple[Tensor, Tensor]:
        """Give the scalar that is minimised, and what the net made of the batch."""

    def critic_loss(self, critic: nn.Module, made: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """Give the scalar that the critic minimises; `made` has no gradient."""
        raise NotImplementedError

    @abstractmethod
    def evaluate(self, net: nn.Module) -> dict[str, float]:
        """Measure the net; written to the log."""

    @abstractmethod
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
        Highest learning rate.
    optimizer : str
        "adam", or "muon": kernels by `Muon`, all else by Adam.
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
    workers : int
        Threads that prepare batches ahead; the batches do not depend on them.
    """

    steps: int
    rate: float = 5e-4
    optimizer: str = "adam"
    warmup: int = 200
    descent: float = 0.5
    clip: float = 1.0
    average: float = 0.999
    seed: int = 0
    every: int = 500
    device: str = "auto"
    half: bool = True
    workers: int = 1

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


class Trained(NamedTuple):
    """What a run gave.

    Parameters
    ----------
    net : nn.Module
        The moving average of the net, on the CPU.
    seconds : float
        Length of the run, with all that was resumed.
    """

    net: nn.Module
    seconds: float


def train(task: Task, folder: Path, settings: Settings, *, progress: Progress | None = None) -> Trained:
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
    Trained
        The moving average of the net, on the CPU, and how long it took.

    Raises
    ------
    ArgumentError
        A device that is not here.
    TrainingError
        The loss is not finite any more, the checkpoint is of another net, or there is no room for a new one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(task, settings)
    run.restore(folder / "checkpoint.pt")
    batches = _ahead(task, settings, run.step)
    mean_loss = 0.0
    try:
        while run.step < settings.steps:
            loss = run.advance(next(batches))
            mean_loss += (loss - mean_loss) / min(run.step, 100)
            if run.step % settings.every == 0 or run.step == settings.steps:
                run.save(folder / "checkpoint.pt")
                figures = task.evaluate(run.average)
                write(folder / f"step-{run.step:07d}.png", task.picture(run.average))
                seconds = round(run.seconds, 1)
                rate = settings.rate_at(run.step)
                _log(folder, {"step": run.step, "loss": mean_loss, "rate": rate, "seconds": seconds, **figures})
            if progress is not None:
                progress(run.step / settings.steps)
    except TrainingError:
        raise  # the weights are spoilt, or there is no room: the checkpoint on disk is the good one
    except BaseException:
        run.save(folder / "checkpoint.pt")
        raise
    finally:
        batches.close()
    return Trained(run.average.cpu(), run.seconds)


class _Run:
    """Everything that a checkpoint holds."""

    def __init__(self, task: Task, settings: Settings) -> None:
        device = _device(settings.device)
        self.task, self.settings, self.step = task, settings, 0
        self.before, self.started = 0.0, time.monotonic()
        self.device = device
        self.net = task.net.to(device=device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).requires_grad_(False)
        turned, others = _sorted(self.net, settings.optimizer)
        self.optimizer = _adam(others, device, (task.inertia, 0.99))
        self.muon = Muon(turned) if turned else None
        self.critic = None if task.critic is None else task.critic.to(device=device, memory_format=torch.channels_last)
        # A part of the critic may be given, not learnt.
        self.taught = [] if self.critic is None else [p for p in self.critic.parameters() if p.requires_grad]
        # Without inertia, as is usual where two nets learn against each other.
        self.critic_optimizer = None if self.critic is None else _adam(self.critic.parameters(), device, (0.0, 0.99))
        self.followed = list(zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True))

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.started

    def _parts(self) -> dict[str, Any]:
        parts = {"net": self.net, "average": self.average, "optimizer": self.optimizer}
        if self.critic is not None:
            parts |= {"critic": self.critic, "critic_optimizer": self.critic_optimizer}
        if self.muon is not None:
            parts["muon"] = self.muon
        return parts

    def restore(self, path: Path) -> None:
        if not path.exists():
            return
        remedy = "name another folder or remove it"
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            if ("critic" in state) != (self.critic is not None):
                raise TrainingError(
                    f"{path} is of a run {'with' if 'critic' in state else 'without'} a critic; {remedy}"
                )
            if ("muon" in state) != (self.muon is not None):
                used, asked = ("muon", "adam") if "muon" in state else ("adam", "muon")
                raise TrainingError(f"{path} is of a run with {used}, not {asked}; go on with {used}, or {remedy}")
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
            self.step, self.before = int(state["step"]), float(state["seconds"])
        except (RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as problem:
            raise TrainingError(f"{path} is of another net, or damaged ({problem}); {remedy}") from problem

    def save(self, path: Path) -> None:
        """Replace the checkpoint at one stroke: on a full disk the old one stays."""
        state = {name: part.state_dict() for name, part in self._parts().items()}
        buffer = io.BytesIO()
        torch.save({"step": self.step, "seconds": self.seconds, **state, "settings": asdict(self.settings)}, buffer)
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as file:
                file.write(buffer.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as problem:
            remedy = "the one before is kept: make room and run the same command again"
            raise TrainingError(
                f"{path}: no checkpoint at step {self.step} ({problem.strerror}); {remedy}"
            ) from problem
        finally:
            with contextlib.suppress(FileNotFoundError):
                part.unlink()

    def advance(self, drawn: dict[str, Tensor]) -> float:
        batch = {name: value.to(self.device, non_blocking=True) for name, value in drawn.items()}
        done = self.step / self.settings.steps
        with self._half():
            for parameter in self.taught:
                parameter.requires_grad_(False)
            loss, made = self.task.loss(self.net, batch, done)
        value = self._descend(loss, self.net, (self.optimizer, self.muon), "loss")
        if self.critic is not None and self.critic_optimizer is not None:
            for parameter in self.taught:
                parameter.requires_grad_(True)
            with self._half():
                loss = self.task.critic_loss(self.critic, made.detach(), batch)
            self._descend(loss, self.critic, (self.critic_optimizer,), "critic's loss")
        self._follow()
        self.step += 1
        return value

    def _half(self) -> Any:
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16, enabled=self.settings.half)

    def _descend(
        self, loss: Tensor, net: nn.Module, steppers: Sequence[torch.optim.Optimizer | None], what: str
    ) -> float:
        optimizers = [stepper for stepper in steppers if stepper is not None]
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
            for group in optimizer.param_groups:
                group["lr"] = self.settings.rate_at(self.step)
        value = float(loss.detach())
        if math.isfinite(value):
            loss.backward()
            value += 0 * float(nn.utils.clip_grad_norm_(net.parameters(), self.settings.clip))
        if not math.isfinite(value):
            remedy = "resume from the checkpoint with a lower --rate"
            raise TrainingError(f"the {what} or its gradient is not finite at step {self.step}; {remedy}")
        for optimizer in optimizers:
            optimizer.step()
        return value

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.settings.average, (1 + self.step) / (10 + self.step))
        for kept, new in self.followed:
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)


def _sorted(net: nn.Module, optimizer: str) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Give the parameters that Muon turns, and all others."""
    sides: tuple[list[nn.Parameter], list[nn.Parameter]] = ([], [])
    for parameter in net.parameters():
        sides[0 if optimizer == "muon" and turns(parameter) else 1].append(parameter)
    return sides


def _adam(parameters: Iterable[nn.Parameter], device: str, betas: tuple[float, float]) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=0.0, betas=betas, fused=device.startswith("cuda"))


def _device(name: str) -> str:
    if name == "cuda" and not torch.cuda.is_available():
        raise ArgumentError("device", "is 'cuda', and PyTorch sees no GPU here", "give device='cpu' or 'auto'")
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def _ahead(task: Task, settings: Settings, first: int) -> Generator[dict[str, Tensor], None, None]:
    """Give the batches of all steps from `first` on; the next ones are drawn while the net works."""

    def draw(step: int) -> dict[str, Tensor]:
        return task.batch(np.random.default_rng((settings.seed, step)), step / settings.steps)

    def batches() -> Generator[dict[str, Tensor], None, None]:
        with ThreadPoolExecutor(settings.workers, "imgedit-batches") as pool:
            steps = range(first, settings.steps)
            waiting = deque(pool.submit(draw, step) for step in steps[: settings.workers])
            for step in steps:
                ready = waiting.popleft()
                if step + settings.workers < settings.steps:
                    waiting.append(pool.submit(draw, step + settings.workers))
                yield ready.result()

    return batches()


def _log(folder: Path, entry: dict[str, Any]) -> None:
    with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
