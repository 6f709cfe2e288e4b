"""What every training is told, whatever it learns: the part of a command line that all `imgedit train` commands share.

Holds no PyTorch, so that the command line can be described without it; the fields are its options.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter as Option

from imgedit.errors import ArgumentError
from imgedit.pixels import check_number

if TYPE_CHECKING:
    from imgedit.training.loop import Settings

__all__ = ["Job", "Weights"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training: from folders of pictures to an ONNX file.

    Parameters
    ----------
    data : tuple of Path
        Folders of pictures to learn, searched with their sub-folders; name the option again for a second one.
    output : Path
        Folder for checkpoints, log, pictures and the result, whose name is that of the folder. A run that was stopped
        goes on from its last checkpoint there.
    steps : int
        Length of the run; what suits the kind of net by default.
    rate : float
        Highest learning rate; what suits the kind of net by default.
    optimizer : str
        "adam", or "muon", which learns more in a step where kernels are wide; what suits the kind of net by default.
    held : Path
        Folder of pictures to measure; by default every twentieth of the data is held back.
    init_from : Path
        ONNX file that imgedit trained: start from its weights when there is no checkpoint; by default from those of the
        shipped net of the kind, if there is one.
    scratch : bool
        Start from nothing instead.
    every : int
        Steps between checkpoints.
    count : int
        Crops in a batch; 16 by default, 4 for styles.
    seed : int
        Seed of everything random.
    device : str
        Where to train.
    workers : int
        Threads that prepare pictures while the net works.
    license : str
        Licence of the weights, for manifest and model card.
    commercial_use : bool
        The licences of the pictures allow any use, and so does that of the weights; unknown by default.
    """

    data: Annotated[tuple[Path, ...], Option(negative=())] = ()
    output: Annotated[Path, Option(alias="-o")]
    steps: int | None = None
    rate: float | None = None
    optimizer: Literal["adam", "muon"] | None = None
    held: Path | None = None
    init_from: Path | None = None
    scratch: Annotated[bool, Option(negative=())] = False
    every: int = 500
    count: int | None = None
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int = 1
    license: str = "as that of the photos"
    commercial_use: bool | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "every", "count", "workers"):
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, least=1)
        if self.rate is not None:
            check_number(self.rate, "rate", above=0)
        if self.scratch and self.init_from is not None:
            raise ArgumentError("init_from", f"is {self.init_from} and scratch is set", "give one of them")

    @property
    def name(self) -> str:
        """Name of the model: that of its folder."""
        return self.output.resolve().name

    def batch(self, usual: int = 16) -> int:
        """Say how many crops are in a batch.

        Parameters
        ----------
        usual : int
            How many, where the job does not say.

        Returns
        -------
        int
            The number.
        """
        return self.count or usual

    def settings(self, *, steps: int, rate: float, optimizer: str = "adam", **others: Any) -> Settings:
        """Give the loop's settings.

        Parameters
        ----------
        steps : int
            Length of the run, where the job does not say.
        rate : float
            Highest learning rate, where the job does not say.
        optimizer : str
            "adam" or "muon", where the job does not say.
        **others
            Further `Settings`.

        Returns
        -------
        Settings
            For `loop.train`.
        """
        from imgedit.training.loop import Settings

        steps = self.steps or steps
        return Settings(
            steps=steps,
            rate=self.rate or rate,
            optimizer=self.optimizer or optimizer,
            warmup=min(200, steps // 10),
            seed=self.seed,
            every=self.every,
            device=self.device,
            workers=self.workers,
            **others,
        )

    def command(self, kind: str, options: Mapping[str, Any], subjects: Sequence[str] = ()) -> str:
        """Write the command that repeats this training, with the names of folders in place of their paths.

        Parameters
        ----------
        kind : str
            What is trained, as the command line calls it.
        options : mapping
            Further options of the kind.
        subjects : sequence of str
            What stands without an option: paintings.

        Returns
        -------
        str
            A shell command.
        """
        words = ["imgedit", "train", kind, *subjects]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in {"device", "workers"} or value == field.default:
                continue
            for item in value if isinstance(value, tuple) else (value,):
                words += _option(field.name, item)
        for name, value in options.items():
            words += _option(name, value)
        return shlex.join(words)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What counts besides the absolute error, which counts 1.

    Parameters
    ----------
    teacher : Path
        Net of features: a folded .npz or an ONNX file; by default the shipped features-small.
    perceptual : float
        Weight of the difference in features.
    adversarial : float
        Weight of a critic's opinion, which learns beside the net.
    frequency : float
        Weight of the focal frequency loss.
    """

    teacher: Path | None = None
    perceptual: float = 0.0
    adversarial: float = 0.0
    frequency: float = 0.0


def _option(name: str, value: Any) -> list[str]:
    """Write one option; a path is shortened to its last part, since a card names no folder of anyone's machine."""
    if value is None or value is False:
        return []
    option = f"--{name.replace('_', '-')}"
    return [option] if value is True else [option, value.resolve().name if isinstance(value, Path) else str(value)]
