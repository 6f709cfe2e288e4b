"""Train a generator of small pictures against a judge.

Non-saturating loss (Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661). The judge looks through a net that knows
pictures (see `sampling_nets.Judge`), and its slope is held back every few steps (R1: Mescheder et al. 2018,
https://arxiv.org/abs/1801.04406), with respect to what it sees. That is moved, tinted and cut out, real and drawn
alike, so that it can't learn a small collection by heart (Zhao et al. 2020, https://arxiv.org/abs/2006.10738);
transparent pictures lie on a ground of a random colour. The baseline learns as DCGAN did, without that help.

What lost: spectral norm in place of R1 (the judge was too weak, all pictures of a class were one); batch norm in it as
well (blind to how bright pictures are, which ended in black and white).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from imgedit.errors import ArgumentError
from imgedit.strips import Progress
from imgedit.training.classes import Gallery, sheet
from imgedit.training.job import Job
from imgedit.training.loop import Task
from imgedit.training.losses import load_teacher
from imgedit.training.making import Plan, make
from imgedit.training.pairs import to_unit
from imgedit.training.sampling_nets import Baseline, BaselineJudge, Generator, Judge

__all__ = ["GanTask", "frechet", "train_gan", "vary"]

# Numbers that `vary` wants for each picture, and the colour of the ground.
CHANCES = 7
GROUND = 3
# The slope is paid for every so many steps, so many times as dear.
LAZY = 8
# Pictures that the distance is measured on.
MEASURED = 1024
SHOWN = 8


def vary(pictures: Tensor, chances: Tensor) -> Tensor:
    """Change brightness, saturation and contrast, move by up to an eighth, cut out a square of half the side.

    Parameters
    ----------
    pictures : Tensor
        N x C x H x W in [0, 1]; alpha, if any, is moved and cut only.
    chances : Tensor
        N x 7, in [0, 1): what is done to each.

    Returns
    -------
    Tensor
        The same shape; differentiable.
    """
    color, rest = pictures[:, :3], pictures[:, 3:]
    brightness, saturation, contrast, *places = chances.unbind(1)
    color = color + (brightness - 0.5)[:, None, None, None]
    grey = color.mean(1, keepdim=True)
    color = grey + (color - grey) * (2 * saturation)[:, None, None, None]
    mean = color.mean((1, 2, 3), keepdim=True)
    color = mean + (color - mean) * (contrast + 0.5)[:, None, None, None]
    height, width = pictures.shape[2:]
    rows = torch.arange(height, device=pictures.device)[None, :, None]
    columns = torch.arange(width, device=pictures.device)[None, None, :]
    down, right, top, left = (place[:, None, None] for place in places)
    shift_down, shift_right = ((x * 2 - 1) * side / 8 for x, side in ((down, height), (right, width)))
    source_row, source_column = rows + shift_down.round().long(), columns + shift_right.round().long()
    inside = (source_row >= 0) & (source_row < height) & (source_column >= 0) & (source_column < width)
    index = source_row.clamp(0, height - 1) * width + source_column.clamp(0, width - 1)
    whole = torch.cat([color, rest], 1)
    moved = whole.flatten(2).gather(2, index.flatten(1)[:, None].expand(-1, whole.shape[1], -1)).view_as(whole)
    centre_row, centre_column = (top * height).round(), (left * width).round()
    cut = ((rows - centre_row).abs() <= height // 4) & ((columns - centre_column).abs() <= width // 4)
    return moved * (inside & ~cut)[:, None]


def frechet(real: NDArray[np.float64], made: NDArray[np.float64]) -> float:
    """Distance of two clouds of features, taken as Gaussians (Heusel et al. 2017, https://arxiv.org/abs/1706.08500).

    Parameters
    ----------
    real, made : ndarray of float64
        N x D.

    Returns
    -------
    float
        Squared distance of the means plus that of the covariances.
    """
    covariances = [np.cov(side, rowvar=False) for side in (real, made)]
    # The trace of a product's root is the sum of the roots of its eigenvalues: real, and at least 0 but for rounding.
    roots = np.sqrt(np.clip(scipy.linalg.eigvals(covariances[0] @ covariances[1]).real, 0, None)).sum()
    apart = np.square(real.mean(0) - made.mean(0)).sum()
    return float(apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * roots)


@dataclass
class GanTask(Task):
    """Learn to draw the pictures of a gallery.

    Parameters
    ----------
    net : Generator or Baseline
        The net.
    gallery : Gallery
        Real pictures.
    teacher : nn.Module
        Net of features that the distance is measured in.
    count : int
        Pictures in a batch.
    critic : Judge or BaselineJudge
        What it learns against.
    flip : bool
        Mirrored pictures are as good.
    gamma : float
        Weight of the judge's slope.
    """

    net: Generator | Baseline
    gallery: Gallery
    teacher: nn.Module
    count: int
    critic: Judge | BaselineJudge
    flip: bool = True
    gamma: float = 1.0
    # The generator follows a judge that changes: it goes without inertia as well.
    inertia: float = 0.0

    def batch(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Draw real pictures, latents, and how both are varied.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        done : float
            Fraction of the run; the batch does not depend on it.

        Returns
        -------
        dict of Tensor
            "real", "label", "latent", "made label", "chances" (twice N x 10) and "pay".
        """
        del done
        real, label = self.gallery.draw(rng, self.count, flip=self.flip)
        _, wanted = self.gallery.draw(rng, self.count, flip=False)
        latents = rng.standard_normal((self.count, self.net.config["latent"]), dtype=np.float32)
        chances = rng.random((2, self.count, CHANCES + GROUND), dtype=np.float32)
        return {
            "real": real,
            "label": label,
            "latent": torch.from_numpy(latents),
            "made label": wanted,
            "chances": torch.from_numpy(chances),
            "pay": torch.tensor(rng.random() < 1 / LAZY),
        }

    def loss(self, net: nn.Module, batch: dict[str, Tensor], done: float) -> tuple[Tensor, Tensor]:
        """How surely the judge calls drawn pictures drawn.

        Parameters
        ----------
        net : nn.Module
            The net.
        batch : dict of Tensor
            As `batch` gives it.
        done : float
            Fraction of the run.

        Returns
        -------
        tuple of Tensor
            A scalar, and the drawn pictures.
        """
        del done
        made = _seen(net(batch["latent"], batch["made label"], torch.ones_like(batch["latent"][:, 0])))
        score = self.critic(self._shown(made, batch["chances"][0]), batch["made label"])
        return functional.softplus(-score).mean(), made

    def critic_loss(self, critic: nn.Module, made: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """How wrong the judge is, and now and then its slope at real pictures.

        Parameters
        ----------
        critic : nn.Module
            The judge.
        made : Tensor
            Drawn pictures.
        batch : dict of Tensor
            As `batch` gives it.

        Returns
        -------
        Tensor
            A scalar.
        """
        drawn = critic(self._shown(made, batch["chances"][0]), batch["made label"])
        loss = functional.softplus(drawn).mean()
        real, label = self._shown(_seen(to_unit(batch["real"])), batch["chances"][1]), batch["label"]
        if not (isinstance(critic, Judge) and bool(batch["pay"])):
            return loss + functional.softplus(-critic(real, label)).mean()
        with torch.no_grad():
            seen = critic.look(real)
        with torch.autocast(real.device.type, enabled=False):
            seen = [found.float().requires_grad_() for found in seen]
            score = critic.judge(seen, label)
            slopes = torch.autograd.grad(score.mean(1).sum(), seen, create_graph=True)
        steep = torch.stack([slope.square().sum((1, 2, 3)) for slope in slopes]).sum(0).mean()
        return loss + functional.softplus(-score).mean() + LAZY * 0.5 * self.gamma * steep

    def _shown(self, pictures: Tensor, chances: Tensor) -> Tensor:
        """Give pictures as the judge is shown them."""
        if not isinstance(self.critic, Judge):
            return pictures
        varied = vary(pictures, chances[:, :CHANCES])
        return varied[:, :3] + chances[:, CHANCES:, None, None] * (1 - varied[:, 3:]) if varied.shape[1] > 3 else varied

    @torch.inference_mode()
    def evaluate(self, net: nn.Module) -> dict[str, float]:
        """Fréchet distance in the teacher's last map, mean over the picture, of 1,024 drawn and 1,024 real pictures.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        dict of float
            "frechet": of the drawn ones, and "frechet of real ones": of one half of the real ones to the other.
        """
        rng = np.random.default_rng(0)
        real, labels = self.gallery.draw(rng, 2 * MEASURED, flip=False)
        device = next(net.parameters()).device
        features = self._features(to_unit(real).to(device))
        latents = torch.from_numpy(rng.standard_normal((MEASURED, self.net.config["latent"]), dtype=np.float32))
        made = [
            net.eval()(part.to(device), label.to(device), torch.ones(len(part), device=device))
            for part, label in zip(latents.split(64), labels[:MEASURED].split(64), strict=True)
        ]
        return {
            "frechet": float(f"{frechet(features[MEASURED:], self._features(torch.cat(made))):.4g}"),
            "frechet of real ones": float(f"{frechet(features[MEASURED:], features[:MEASURED]):.4g}"),
        }

    def _features(self, pictures: Tensor) -> NDArray[np.float64]:
        teacher = self.teacher.to(pictures.device)
        parts = [teacher(_on_grey(part))[-1].float().mean((2, 3)).cpu().numpy() for part in pictures.split(64)]
        return np.concatenate(parts).astype(np.float64)

    @torch.inference_mode()
    def picture(self, net: nn.Module) -> NDArray[np.uint8]:
        """Show samples: a row a class (or eight rows), truncation 0.7; the last row goes from one latent to another.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        ndarray of uint8
            HxWx3.
        """
        device = next(net.parameters()).device
        kinds = max(1, len(self.gallery.classes))
        labels = np.arange(kinds).repeat(SHOWN) if kinds > 1 else np.zeros(SHOWN * SHOWN, np.int64)
        rng = np.random.default_rng(1)
        latents = rng.standard_normal((len(labels) + 2, self.net.config["latent"]), dtype=np.float32)
        path = np.linspace(latents[-2], latents[-1], SHOWN, dtype=np.float32)
        every = torch.from_numpy(np.concatenate([latents[:-2], path])).to(device)
        one_hot = self.gallery.one_hot(np.concatenate([labels, np.zeros(SHOWN, np.int64)])).to(device)
        made = net.eval()(every, one_hot, torch.full((len(every),), 0.7, device=device))
        return sheet(made, SHOWN)


def _seen(pictures: Tensor) -> Tensor:
    """Premultiply: colour under clear pixels is nobody's business."""
    if pictures.shape[1] == 3:
        return pictures
    return torch.cat([pictures[:, :3] * pictures[:, 3:], pictures[:, 3:]], 1)


def _on_grey(pictures: Tensor) -> Tensor:
    if pictures.shape[1] == 3:
        return pictures
    return pictures[:, :3] * pictures[:, 3:] + 0.5 * (1 - pictures[:, 3:])


def train_gan(
    job: Job,
    *,
    size: Literal[16, 32, 64, 128] = 64,
    alpha: bool = False,
    flip: bool = True,
    exclude: str | None = None,
    width: int = 32,
    baseline: bool = False,
    teacher: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train a generator on a folder of pictures, to an ONNX file with manifest and card.

    Parameters
    ----------
    job : Job
        Data, output and length. Sub-folders of the data are classes.
    size : int
        Side of the pictures, pixels.
    alpha : bool
        Draw with transparency.
    flip : bool
        Mirrored pictures are as good.
    exclude : str, optional
        Shell pattern of names that are left out.
    width : int
        Channels at the full size; more below.
    baseline : bool
        A DCGAN in place of ours, to compare with; 64 pixels only.
    teacher : Path, optional
        Net of features that the judge looks through and the distance is measured in; by default the shipped
        features-small.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    Path
        The ONNX file.

    Raises
    ------
    ArgumentError
        Too few pictures, or a baseline of another size.
    """
    if baseline and size != 64:
        raise ArgumentError("size", f"is {size}", "the baseline draws 64 pixels")
    gallery = Gallery.load(job.data, side=size, alpha=alpha, exclude=exclude)
    channels, classes = 3 + alpha, len(gallery.classes)

    def net() -> nn.Module:
        if baseline:
            return Baseline(channels=channels, classes=classes, width=width)
        return Generator(size, channels=channels, classes=classes, width=width)

    def task(net: nn.Module) -> GanTask:
        assert isinstance(net, Generator | Baseline)
        eyes = load_teacher(teacher, pool="mean")
        critic: Judge | BaselineJudge
        if baseline:
            critic = BaselineJudge(channels=channels, classes=classes, width=width)
        else:
            examples = _on_grey(to_unit(torch.from_numpy(gallery.pictures[:: 1 + len(gallery.pictures) // 64])))
            critic = Judge(eyes, examples, classes=classes, width=width)
        return GanTask(net, gallery, eyes, job.count, critic, flip)

    roles = ("latent", "label", "truncation")
    plan = Plan(
        kind="gan",
        title=f"draw pictures of {size}x{size}, {'of ' + ', '.join(gallery.classes) if classes else 'one kind'}",
        net=net,
        task=task,
        steps=20_000,
        rate=2e-4 if baseline else 3e-4,
        examples=dict(
            zip(roles, (torch.randn(2, 128), torch.eye(max(1, classes))[[0, -1]], torch.ones(2)), strict=True)
        ),
        free_axes=(0,),
        small=True,
        manifest={
            "task": "gan",
            "family": "generator",
            "inputs": roles,
            "classes": gallery.classes,
            "space": "z",
            "tiling": "never",
        },
        options={
            "size": size,
            "alpha": alpha,
            "exclude": exclude,
            "width": width,
            "baseline": baseline,
            "teacher": teacher,
            "no-flip": not flip,
        },
    )
    return make(plan, job, progress)
