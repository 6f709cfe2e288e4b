"""Learn by pairs: a spoilt crop goes in, and the crop that it was made from should come out, larger or mended.

Losses are the absolute error, and on demand the difference in a teacher's features and the opinion of a critic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imgedit.training.degradations import refocus
from imgedit.training.drawing import draw
from imgedit.training.job import Job, Weights
from imgedit.training.loop import Task
from imgedit.training.losses import FeatureLoss, focal_frequency, hinge, load_teacher
from imgedit.training.nets import Critic, SuperResolution
from imgedit.training.pictures import Crop, at_sizes, augment, learnt_and_held, reduce_bicubic

__all__ = ["Opinion", "PairTask", "apply", "batch_of", "luma_psnr", "to_unit"]

Picture: TypeAlias = NDArray[np.uint8]
Spoil: TypeAlias = Callable[[Picture, np.random.Generator], Picture]

# Besides its own size each photo is learnt at these: small versions hold more detail in every pixel.
SIZES = (1.0, 0.7, 0.45)
# Share of the crops that are softened or sharpened before they are reduced, and small pixels around them.
REFOCUSED, MARGIN = 0.6, 6
# Crops that tell a critic how large a teacher's features are.
EXAMPLES = 16
MOST_HELD = 8
# Weights of BT.601 luma, and what its error counts beside that of the colours.
LUMA, LUMA_PRICE = (0.299, 0.587, 0.114), 2.0
# A level of 8 bit, and what is wrong with an aged crop on the average.
LEVEL, TYPICAL = 1 / 255, 6 / 255


def luma_psnr(image: Picture, truth: Picture, shave: int) -> float:
    """PSNR of BT.601 luma (16 to 235) without the border, as published tables have it.

    Parameters
    ----------
    image, truth : ndarray of uint8
        HxWx3.
    shave : int
        Pixels left out at each border.

    Returns
    -------
    float
        Decibels.
    """
    weights = np.array([65.481, 128.553, 24.966]) / 255
    inner = slice(shave, -shave)
    error = (image[inner, inner].astype(np.float64) - truth[inner, inner]) @ weights
    return float(10 * np.log10(255**2 / np.mean(error**2)))


class Opinion:
    """The losses of `Weights`, as a task uses them.

    Parameters
    ----------
    weights : Weights
        Which, and how much.
    crop : callable, optional
        Draws a crop by chance, where a critic may be asked for.
    masked : bool
        Holes are judged.
    """

    def __init__(
        self, weights: Weights, crop: Callable[[np.random.Generator], Picture] | None = None, *, masked: bool = False
    ) -> None:
        self.weights = weights
        teacher = load_teacher(weights.teacher) if weights.perceptual or weights.adversarial else None
        self.features = FeatureLoss(teacher) if teacher is not None and weights.perceptual else None
        self.critic = None
        if teacher is not None and weights.adversarial:
            assert crop is not None
            rng = np.random.default_rng(0)
            examples = to_unit(batch_of([crop(rng) for _ in range(EXAMPLES)]))
            self.critic = Critic(teacher, examples, masked=masked)

    def of(self, made: Tensor, truth: Tensor, conditions: tuple[Tensor, ...] = ()) -> Tensor:
        """Judge what a net made.

        Parameters
        ----------
        made, truth : Tensor
            N x 3 x H x W, float32 in [0, 1].
        conditions : tuple of Tensor
            What the critic sees beside them.

        Returns
        -------
        Tensor
            A scalar, to be added to the absolute error.
        """
        total = made.new_zeros(())
        if self.features is not None:
            total = total + self.weights.perceptual * self.features.to(made.device)(made, truth)
        if self.critic is not None:
            total = total - self.weights.adversarial * self.critic(torch.cat([made, *conditions], 1)).float().mean()
        if self.weights.frequency:
            total = total + self.weights.frequency * focal_frequency(made, truth)
        return total

    def critic_loss(
        self, critic: nn.Module, made: Tensor, truth: Tensor, conditions: tuple[Tensor, ...] = ()
    ) -> Tensor:
        """Teach the critic by the hinge loss.

        Parameters
        ----------
        critic : nn.Module
            The critic.
        made, truth : Tensor
            N x 3 x H x W in [0, 1].
        conditions : tuple of Tensor
            What the critic sees beside them.

        Returns
        -------
        Tensor
            A scalar.
        """
        real, fake = (critic(torch.cat([side, *conditions], 1)).float() for side in (truth, made))
        return hinge(real, real=True) + hinge(fake, real=False)


@dataclass
class PairTask(Task):
    """Learn to give back the pictures of a folder from spoilt ones.

    Parameters
    ----------
    net : SuperResolution
        The net.
    large : list of ndarray of uint8
        Pictures to learn.
    spoil : callable
        Makes the net's input of a crop, by chance.
    places : Crop
        Where crops of the pictures are taken.
    held : list of tuple of ndarray of uint8
        Spoilt and whole pictures that are measured, never learnt.
    crop : int
        Side of a spoilt crop, pixels.
    count : int
        Crops in a batch.
    drawn : float
        Share of crops that are drawn instead.
    opinion : Opinion
        Losses besides the absolute error.
    small : list of ndarray of uint8
        Reductions of `large`, where they don't depend on chance: crops of them are taken in place of spoiling.
    relative : bool
        Divide each crop's error by what was wrong with it. Noisy crops drown those that are nearly right, and a net
        then changes what was good; but one that begins so learns to leave everything alone.
    """

    net: SuperResolution
    large: list[Picture]
    spoil: Spoil
    places: Crop
    held: list[tuple[Picture, Picture]]
    crop: int = 48
    count: int = 16
    drawn: float = 0.0
    opinion: Opinion = field(default_factory=lambda: Opinion(Weights()))
    small: list[Picture] = field(default_factory=list)
    relative: bool = False

    @classmethod
    def from_job(
        cls,
        net: SuperResolution,
        job: Job,
        *,
        crop: int,
        spoil: Spoil | None = None,
        drawn: float = 0.0,
        weights: Weights | None = None,
        relative: bool = False,
    ) -> PairTask:
        """Decode the folders and spoil what is measured.

        Parameters
        ----------
        net : SuperResolution
            The net.
        job : Job
            Where the pictures lie.
        crop : int
            Side of a spoilt crop, pixels.
        spoil : callable, optional
            Spoils a crop; by default it is only reduced, bicubically.
        drawn : float
            Share of crops that are drawn.
        weights : Weights, optional
            Losses besides the absolute error.
        relative : bool
            Divide each crop's error by what was wrong with it.

        Returns
        -------
        PairTask
            Ready for `loop.train`.
        """
        scale = net.scale
        side = scale * crop
        photos, kept = learnt_and_held(job.data, job.held, least_side=side, least_held=8 * scale)
        large = [_whole(photo, scale) for photo in at_sizes(photos, SIZES, side)]

        def reduce(image: Picture, rng: np.random.Generator | None = None) -> Picture:
            del rng
            return reduce_bicubic(image, (image.shape[0] // scale, image.shape[1] // scale))

        small = [] if spoil else [reduce(picture) for picture in large]
        # Cells are counted in spoilt pixels, so that a crop can be taken from both sides.
        places = Crop.over(small, crop // 2) if small else Crop.over(large, side // 2)
        measured = [_whole(photo, max(2, scale)) for photo in kept[:MOST_HELD]]
        spoilt = [(spoil or reduce)(photo, np.random.default_rng((job.seed, n))) for n, photo in enumerate(measured)]
        held = list(zip(spoilt, measured, strict=True))

        def example(rng: np.random.Generator) -> Picture:
            picture = large[int(rng.integers(len(large)))]
            top, left = (int(rng.integers(extent - side + 1)) for extent in picture.shape[:2])
            return picture[top : top + side, left : left + side]

        opinion = Opinion(weights or Weights(), example)
        return cls(net, large, spoil or reduce, places, held, crop, job.batch(), drawn, opinion, small, relative)

    @property
    def critic(self) -> nn.Module | None:  # type: ignore[override]
        """The critic, if there is one."""
        return self.opinion.critic

    def batch(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Draw crops.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        done : float
            Fraction of the run; these crops do not depend on it.

        Returns
        -------
        dict of Tensor
            "small" and "large", uint8, N x 3 x side x side.
        """
        del done
        if self.small:
            pairs = [self._aligned(rng, int(index)) for index in self.places.choose(rng, self.count)]
        else:
            pairs = [self._spoilt(rng) for _ in range(self.count)]
        small, large = (batch_of(side) for side in zip(*pairs, strict=True))
        return {"small": small, "large": large}

    def _spoilt(self, rng: np.random.Generator) -> tuple[Picture, Picture]:
        side = self.crop * self.net.scale
        large = draw(rng, (side, side)) if rng.random() < self.drawn else self.places.cut(rng, self.large, side)
        return self.spoil(large, rng), large

    def _aligned(self, rng: np.random.Generator, index: int) -> tuple[Picture, Picture]:
        picture, scale, crop = int(self.places.cells[index, 0]), self.net.scale, self.crop
        small, large = self.small[picture], self.large[picture]
        top, left = self.places.draw(rng, small.shape[:2], crop, index)
        turn = int(rng.integers(8))
        if rng.random() < REFOCUSED:
            # With a margin, so that no border is reduced into the crop.
            rows, columns = (slice(max(0, start - MARGIN), start + crop + MARGIN) for start in (top, left))
            wide = tuple(slice(side.start * scale, side.stop * scale) for side in (rows, columns))
            large = refocus(large[wide], rng)
            small, top, left = self.spoil(large, rng), top - rows.start, left - columns.start
        inner = large[top * scale : (top + crop) * scale, left * scale : (left + crop) * scale]
        return augment(small[top : top + crop, left : left + crop], turn), augment(inner, turn)

    def loss(self, net: nn.Module, batch: dict[str, Tensor], done: float) -> tuple[Tensor, Tensor]:
        """Absolute error and opinions.

        Of what was only reduced, the error of luma is dearer: published tables compare by it. At the end of a run the
        squared error, which PSNR is made of, measured 0.02 dB lower.

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
            A scalar, and the crops that the net made.
        """
        del done
        given, truth = to_unit(batch["small"]), to_unit(batch["large"])
        made = net(given).float()
        difference = made - truth
        error = difference.abs().mean((1, 2, 3))
        if self.small:
            luma = torch.einsum("nchw,c->nhw", difference, difference.new_tensor(LUMA))
            error = error + LUMA_PRICE * luma.abs().mean((1, 2))
        if self.relative:
            error = TYPICAL * error / ((given - truth).abs().mean((1, 2, 3)) + LEVEL)
        return error.mean() + self.opinion.of(made, truth), made

    def critic_loss(self, critic: nn.Module, made: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """Give the critic's own loss.

        Parameters
        ----------
        critic : nn.Module
            The critic.
        made : Tensor
            What the net made.
        batch : dict of Tensor
            As `batch` gives it.

        Returns
        -------
        Tensor
            A scalar.
        """
        return self.opinion.critic_loss(critic, made, to_unit(batch["large"]))

    @torch.inference_mode()
    def evaluate(self, net: nn.Module) -> dict[str, float]:
        """Mean luma PSNR over the held pictures.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        dict of float
            "psnr".
        """
        scores = [luma_psnr(apply(net, small), large, self.net.scale) for small, large in self.held]
        return {"psnr": round(float(np.mean(scores)), 4)}

    @torch.inference_mode()
    def picture(self, net: nn.Module) -> Picture:
        """Nearest neighbour, net and truth of the first held picture, side by side.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        ndarray of uint8
            HxWx3.
        """
        small, large = self.held[0]
        scale = self.net.scale
        nearest = small.repeat(scale, 0).repeat(scale, 1)
        window = (slice(0, 384), slice(0, 384))
        return np.concatenate([side[window] for side in (nearest, apply(net, small), large)], axis=1)


def apply(net: nn.Module, small: Picture) -> Picture:
    """Run a net on one picture in float32.

    Parameters
    ----------
    net : nn.Module
        The net.
    small : ndarray of uint8
        HxWx3.

    Returns
    -------
    ndarray of uint8
        The net's picture.
    """
    device = next(net.parameters()).device
    x = to_unit(torch.from_numpy(np.ascontiguousarray(small.transpose(2, 0, 1)))[None].to(device))
    large = net(x)[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).byte()
    return np.asarray(large.cpu().numpy())


def batch_of(pictures: Sequence[Picture]) -> Tensor:
    """Stack pictures of one size.

    Parameters
    ----------
    pictures : sequence of ndarray of uint8
        HxWx3.

    Returns
    -------
    Tensor of uint8
        N x 3 x H x W.
    """
    return torch.from_numpy(np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2)))


def to_unit(levels: Tensor) -> Tensor:
    """Scale 8-bit levels to [0, 1].

    Parameters
    ----------
    levels : Tensor of uint8
        N x C x H x W.

    Returns
    -------
    Tensor of float32
        Of the same shape.
    """
    return levels.to(torch.float32, memory_format=torch.channels_last) / 255


def _whole(photo: Picture, multiple: int) -> Picture:
    height, width = (side - side % multiple for side in photo.shape[:2])
    return photo[:height, :width]
