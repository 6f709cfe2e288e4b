"""Distil a net of features: a small net learns to see what a larger or foreign one sees.

Its maps serve style transfer and perceptual distances; the teacher itself need not be shipped. Hinton et al. 2015
(https://arxiv.org/abs/1503.02531), by the maps themselves in place of classes, as in Romero et al. 2015 (https://arxiv.org/abs/1412.6550).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imgedit.errors import ArgumentError
from imgedit.strips import Progress
from imgedit.training.drawing import draw
from imgedit.training.job import Job
from imgedit.training.loop import Task
from imgedit.training.losses import load_teacher
from imgedit.training.making import Plan, check_crop, make
from imgedit.training.nets import Features
from imgedit.training.pairs import to_unit
from imgedit.training.pictures import Crop, at_sizes, learnt_and_held

__all__ = ["FeatureTask", "train_features"]

# Things are seen whole only in small versions of large photos.
SIZES = (1.0, 0.5, 0.25)
DRAWN = 0.2
MOST_HELD = 32
# A channel that hardly ever speaks is not weighed as if it spoke as loud as the others.
QUIET = 0.1


@dataclass
class FeatureTask(Task):
    """Learn the maps of a teacher.

    Parameters
    ----------
    net : Features
        The net.
    teacher : nn.Module
        Five maps of the net's own sizes and widths.
    pictures : list of ndarray of uint8
        Pictures to learn.
    places : Crop
        Where crops are taken.
    held : Tensor of uint8
        Crops that are measured, never learnt.
    crop, count : int
        Side of a crop, and crops in a batch.
    loudness : list of Tensor
        Standard deviation of each channel of the teacher's maps, 1 x C x 1 x 1.
    """

    net: Features
    teacher: nn.Module
    pictures: list[NDArray[np.uint8]]
    places: Crop
    held: Tensor
    crop: int
    count: int
    loudness: list[Tensor]

    @classmethod
    def from_job(cls, net: Features, job: Job, teacher: nn.Module, crop: int) -> FeatureTask:
        """Decode the folders and listen to the teacher.

        Parameters
        ----------
        net : Features
            The net.
        job : Job
            Where the pictures lie.
        teacher : nn.Module
            From pictures to maps.
        crop : int
            Side of a crop, pixels, a multiple of 16.

        Returns
        -------
        FeatureTask
            Ready for `loop.train`.

        Raises
        ------
        ArgumentError
            The teacher's maps are of other widths than the net's.
        """
        with torch.inference_mode():
            widths = [m.shape[1] for m in teacher(torch.zeros(1, 3, 32, 32))]
        wanted = [outputs for _, outputs in Features.WIDTHS]
        if widths != wanted:
            raise ArgumentError("teacher", f"has maps of {widths} channels", f"this net learns {wanted}")
        learnt, kept = learnt_and_held(job.data, job.held, least_side=crop)
        pictures = at_sizes(learnt, SIZES, crop)
        measured = torch.from_numpy(np.stack([_middle(p, crop) for p in kept[:: max(1, len(kept) // MOST_HELD)]]))
        places = Crop.over(pictures, crop // 2)
        rng = np.random.default_rng(job.seed)
        sample = torch.from_numpy(_stacked([places.cut(rng, pictures, crop) for _ in range(64)]))
        with torch.inference_mode():
            loudness = [_loudness(maps) for maps in teacher(to_unit(sample))]
        return cls(net, teacher, pictures, places, measured, crop, job.batch(), loudness)

    def batch(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Draw crops.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        done : float
            Fraction of the run; the crops do not depend on it.

        Returns
        -------
        dict of Tensor
            "picture", uint8, N x 3 x side x side.
        """
        del done
        side = self.crop
        crops = [
            draw(rng, (side, side)) if rng.random() < DRAWN else self.places.cut(rng, self.pictures, side)
            for _ in range(self.count)
        ]
        return {"picture": torch.from_numpy(_stacked(crops))}

    def loss(self, net: nn.Module, batch: dict[str, Tensor], done: float) -> tuple[Tensor, Tensor]:
        """Squared differences of the maps, each channel by its loudness.

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
            A scalar, and the last map.
        """
        del done
        errors, maps = self._errors(net, to_unit(batch["picture"]))
        return torch.stack(errors).mean(), maps[-1]

    def _errors(self, net: nn.Module, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Give the unexplained share of each level's variance, and the net's maps."""
        with torch.no_grad():
            wanted = self.teacher.to(x.device)(x)
        maps = net(x)
        errors = []
        for ours, theirs, loud in zip(maps, wanted, self.loudness, strict=True):
            # The net gives maps of unit size: the teacher's own differ a hundredfold between levels.
            scale = loud.to(x.device)
            difference = ours.float() - theirs.float() / scale.mean()
            errors.append((difference / (scale / scale.mean())).square().mean())
        return errors, maps

    @torch.inference_mode()
    def evaluate(self, net: nn.Module) -> dict[str, float]:
        """Share of the teacher's variance that the net explains, a level.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        dict of float
            "explained1" to "explained5"; 1 is all.
        """
        x = to_unit(self.held.permute(0, 3, 1, 2)).to(next(net.parameters()).device)
        errors, _ = self._errors(net, x)
        return {f"explained{level + 1}": round(1 - float(error), 4) for level, error in enumerate(errors)}

    @torch.inference_mode()
    def picture(self, net: nn.Module) -> NDArray[np.uint8]:
        """Show a held crop, and below it one channel of each level: the teacher's left, the net's right.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        ndarray of uint8
            HxWx3.
        """
        x = to_unit(self.held[:1].permute(0, 3, 1, 2)).to(next(net.parameters()).device)
        rows = [np.repeat(self.held[0].numpy(), 2, 1)[:, : 2 * self.crop]]
        for ours, theirs, loud in zip(net(x), self.teacher.to(x.device)(x), self.loudness, strict=True):
            sides = [_shown(maps[0, 0], self.crop) for maps in (theirs / loud.mean().to(x.device), ours)]
            rows.append(np.concatenate(sides, axis=1))
        return np.concatenate(rows)


def _loudness(maps: Tensor) -> Tensor:
    deviation = maps.std((0, 2, 3), keepdim=True)
    return deviation.clamp_min(QUIET * float(deviation.mean()))


def _stacked(crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2))


def _middle(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    top, left = ((extent - side) // 2 for extent in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def _shown(channel: Tensor, side: int) -> NDArray[np.uint8]:
    values = nn.functional.interpolate(channel[None, None].float().cpu(), (side, side))[0, 0].numpy()
    return np.repeat(np.clip(128 + 40 * values, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def train_features(job: Job, *, teacher: Path | None = None, crop: int = 128, progress: Progress | None = None) -> Path:
    """Distil a net of features, to an ONNX file with manifest and card.

    Parameters
    ----------
    job : Job
        Data, output and length.
    teacher : Path, optional
        A folded .npz, or an ONNX file of this kind; by default the shipped features-small.
    crop : int
        Side of the crops, pixels, a multiple of 16.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    Path
        The ONNX file.
    """
    check_crop(crop, 16)
    plan = Plan(
        kind="features",
        title="five maps of what a picture shows, for perceptual distances and style",
        net=Features,
        task=lambda net: FeatureTask.from_job(net, job, load_teacher(teacher), crop),
        steps=8000,
        rate=2e-3,
        examples={"input": torch.rand(1, 3, 64, 80)},
        outputs=[f"conv{level + 1}" for level in range(len(Features.WIDTHS))],
        manifest={"task": "features", "family": "maps", "tiling": "never", "half": True},
        options={"teacher": teacher, "crop": crop},
    )
    return make(plan, job, progress)
