"""Train a net that fills holes.

First on what was there (absolute error), then, started from those weights, with a teacher's features and a critic that
judges every place of the hole by what a teacher sees there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imgedit.strips import Progress
from imgedit.training.job import Job, Weights
from imgedit.training.loop import Task
from imgedit.training.making import Plan, check_crop, make
from imgedit.training.masks import KINDS, draw_mask
from imgedit.training.nets import Inpainting, spread
from imgedit.training.pairs import LEVEL, Opinion, batch_of, to_unit
from imgedit.training.pictures import Crop, at_sizes, learnt_and_held

__all__ = ["InpaintingTask", "train_inpainting"]

Picture = NDArray[np.uint8]

SIZES = (1.0, 0.6, 0.35)
# How wrong a smooth filling is on the average.
TYPICAL = 20 / 255
# What is known is given back too, at a small price: it keeps the colours at the rim of a hole true.
KNOWN = 0.1
MOST_HELD = 12


@dataclass
class InpaintingTask(Task):
    """Learn to fill holes.

    Parameters
    ----------
    net : Inpainting
        The net.
    pictures : list of ndarray of uint8
        Pictures to learn.
    places : Crop
        Where crops are taken.
    held : list of tuple
        Pictures, masks and their kinds, which are measured, never learnt.
    crop, count : int
        Side of a crop, and crops in a batch.
    opinion : Opinion
        Losses besides the absolute error.
    """

    net: Inpainting
    pictures: list[Picture]
    places: Crop
    held: list[tuple[Picture, NDArray[np.bool_], str]]
    crop: int
    count: int
    opinion: Opinion

    @classmethod
    def from_job(cls, net: Inpainting, job: Job, crop: int, weights: Weights) -> InpaintingTask:
        """Decode the folders and cut holes into what is measured.

        Parameters
        ----------
        net : Inpainting
            The net.
        job : Job
            Where the pictures lie.
        crop : int
            Side of a crop, pixels, a multiple of 32.
        weights : Weights
            Losses besides the absolute error.

        Returns
        -------
        InpaintingTask
            Ready for `loop.train`.
        """
        learnt, kept = learnt_and_held(job.data, job.held, least_side=crop, least_held=64)
        held = []
        for number, picture in enumerate(kept[:MOST_HELD]):
            kind = list(KINDS)[number % len(KINDS)]
            whole = _middle(picture)
            held.append((whole, draw_mask(np.random.default_rng((job.seed, number)), whole.shape[:2], kind), kind))
        pictures = at_sizes(learnt, SIZES, crop)
        places = Crop.over(pictures, crop // 2)
        opinion = Opinion(weights, lambda rng: places.cut(rng, pictures, crop), masked=True)
        return cls(net, pictures, places, held, crop, job.batch(), opinion)

    @property
    def critic(self) -> nn.Module | None:  # type: ignore[override]
        """The critic, if there is one."""
        return self.opinion.critic

    def batch(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Draw crops and holes.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        done : float
            Fraction of the run; they do not depend on it.

        Returns
        -------
        dict of Tensor
            "picture", uint8, N x 3 x side x side; "mask", N x 1 x side x side.
        """
        del done
        crops = [self.places.cut(rng, self.pictures, self.crop) for _ in range(self.count)]
        masks = [draw_mask(rng, (self.crop, self.crop))[None] for _ in range(self.count)]
        return {
            "picture": batch_of(crops),
            "mask": torch.from_numpy(np.stack(masks)),
        }

    def loss(self, net: nn.Module, batch: dict[str, Tensor], done: float) -> tuple[Tensor, Tensor]:
        """Absolute error in the hole, a little of it outside, and opinions of the picture with its hole filled.

        Each crop's error is divided by that of the smooth filling: decibels are gained by shares, and what is hard or
        large would drown scratches.

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
            A scalar, and the filled pictures.
        """
        del done
        truth, mask = to_unit(batch["picture"]), batch["mask"].float()
        guess = net(truth, mask).float()
        error = (guess - truth).abs()
        hole = 3 * mask.sum((1, 2, 3))
        with torch.no_grad(), torch.autocast(truth.device.type, enabled=False):
            smooth = ((spread(truth, mask) - truth).abs() * mask).sum((1, 2, 3)) / hole
        inside = (TYPICAL * (error * mask).sum((1, 2, 3)) / hole / (smooth + LEVEL)).mean()
        filled = truth + (guess - truth) * mask
        loss = inside + KNOWN * (error * (1 - mask)).mean() + self.opinion.of(filled, truth, (mask,))
        return loss, filled

    def critic_loss(self, critic: nn.Module, made: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """Give the critic's own loss.

        Parameters
        ----------
        critic : nn.Module
            The critic.
        made : Tensor
            The filled pictures.
        batch : dict of Tensor
            As `batch` gives it.

        Returns
        -------
        Tensor
            A scalar.
        """
        mask = batch["mask"].float()
        return self.opinion.critic_loss(critic, made, to_unit(batch["picture"]), (mask,))

    @torch.inference_mode()
    def evaluate(self, net: nn.Module) -> dict[str, float]:
        """Mean PSNR in the holes, a kind.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        dict of float
            "psnr_strokes" and so on, decibels.
        """
        found: dict[str, list[float]] = {}
        for picture, mask, kind in self.held:
            error = (_fill(net, picture, mask)[mask].astype(np.float64) - picture[mask]) / 255
            found.setdefault(kind, []).append(-10 * np.log10(max(float(np.square(error).mean()), 1e-10)))
        return {f"psnr_{kind}": round(float(np.mean(scores)), 3) for kind, scores in found.items()}

    @torch.inference_mode()
    def picture(self, net: nn.Module) -> Picture:
        """Holed, filled and whole picture side by side, one row for each kind of hole.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        ndarray of uint8
            HxWx3.
        """
        rows = []
        for picture, mask, _ in self.held[: len(KINDS)]:
            holed = np.where(mask[..., None], np.uint8(255), picture)
            row = np.concatenate([holed, _fill(net, picture, mask), picture], axis=1)
            rows.append(np.pad(row, ((0, 0), (0, 3 * 320 - row.shape[1]), (0, 0))))
        return np.concatenate(rows)


def _middle(picture: Picture, most: int = 320) -> Picture:
    """Cut a window of at most 320 pixels, whose sides suit the net."""
    step = Inpainting.MULTIPLE
    sides = [min(side, most) // step * step for side in picture.shape[:2]]
    top, left = ((extent - side) // 2 for extent, side in zip(picture.shape[:2], sides, strict=True))
    return np.ascontiguousarray(picture[top : top + sides[0], left : left + sides[1]])


def _fill(net: nn.Module, picture: Picture, mask: NDArray[np.bool_]) -> Picture:
    device = next(net.parameters()).device
    x = to_unit(torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].to(device))
    hole = torch.from_numpy(mask)[None, None].float().to(device)
    made = net(x, hole)[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).byte().cpu().numpy()
    return np.where(mask[..., None], made, picture)


def train_inpainting(
    job: Job, *, crop: int = 256, weights: Weights | None = None, progress: Progress | None = None
) -> Path:
    """Train a net that fills holes, to an ONNX file with manifest and card.

    Parameters
    ----------
    job : Job
        Data, output and length; its `init_from` names the first stage's file when the second begins.
    crop : int
        Side of the crops, pixels, a multiple of 32.
    weights : Weights, optional
        Losses of the second stage.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    Path
        The ONNX file.
    """
    weights = weights or Weights()
    check_crop(crop, Inpainting.MULTIPLE)
    plan = Plan(
        kind="inpaint",
        title="fill holes" + (", sharp rather than near on average" if weights.adversarial else ""),
        net=Inpainting,
        task=lambda net: InpaintingTask.from_job(net, job, crop, weights),
        steps=20000,
        rate=5e-4,
        shipped="inpaint-photo",
        examples={"image": torch.rand(1, 3, 64, 96), "mask": torch.rand(1, 1, 64, 96).round()},
        manifest={
            "task": "inpaint",
            "family": "rgb-mask",
            "inputs": ("image", "mask"),
            "tiling": "avoid",
            "half": True,
        },
        multiple=Inpainting.MULTIPLE,
        store="float16",
        options={"crop": crop, **asdict(weights)},
    )
    return make(plan, job, progress)
