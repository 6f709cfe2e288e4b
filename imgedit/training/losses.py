"""What nets are measured by while they learn: features, Gram matrices, frequencies, and another net's opinion."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imgedit.errors import ArgumentError, ModelError
from imgedit.training.nets import Features
from imgedit.training.weights import start_from

__all__ = [
    "Darknet",
    "FeatureLoss",
    "focal_frequency",
    "gram",
    "hinge",
    "lattice",
    "load_teacher",
]

# Finer maps hold colour and edges, coarser ones things: about as much of each.
LEVELS = (1.0, 1.0, 1.0, 1.0, 1.0)
TINY = 1e-6

Pool: TypeAlias = Literal["largest", "mean"]


class Darknet(nn.Module):
    """The first convolutions of a Darknet classifier, batch norm folded in: 3x3, leaky 0.1.

    Parameters
    ----------
    path : Path
        An .npz file of arrays ``conv2d_1.weight``, ``conv2d_1.bias`` and so on.
    pool : str
        How sizes are halved between them: as the classifier learnt it, or by the mean, which draws no grids.
    """

    def __init__(self, path: Path, *, pool: Pool = "largest") -> None:
        super().__init__()
        self.halve = functional.max_pool2d if pool == "largest" else functional.avg_pool2d
        try:
            with np.load(path) as stored:
                arrays = {name: torch.from_numpy(stored[name]) for name in stored.files}
        except (OSError, ValueError) as problem:
            raise ArgumentError(
                "teacher", f"is {path}, which can't be read: {problem}", "name a folded .npz"
            ) from problem
        convs: list[nn.Module] = []
        while f"conv2d_{len(convs) + 1}.weight" in arrays and len(convs) < len(LEVELS):
            name = f"conv2d_{len(convs) + 1}"
            outputs, inputs, side, _ = arrays[f"{name}.weight"].shape
            conv = nn.Conv2d(inputs, outputs, side, padding=side // 2)
            conv.load_state_dict({"weight": arrays[f"{name}.weight"], "bias": arrays[f"{name}.bias"]})
            convs.append(conv)
        if not convs:
            raise ArgumentError("teacher", f"is {path}, which holds no conv2d_1.weight", "name a folded .npz")
        self.convs = nn.ModuleList(convs)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Look.

        Parameters
        ----------
        x : Tensor
            N x 3 x H x W, RGB in [0, 1].

        Returns
        -------
        list of Tensor
            The maps before the nonlinearity.
        """
        maps: list[Tensor] = []
        for conv in self.convs:
            if maps:
                x = self.halve(functional.leaky_relu(x, 0.1), 2)
            x = conv(x)
            maps.append(x)
        return maps


def load_teacher(path: Path | None, *, pool: Pool = "largest") -> nn.Module:
    """Give a net of features that others learn by.

    Parameters
    ----------
    path : Path, optional
        A Darknet's folded .npz, or an ONNX file that ``imgedit train features`` wrote; by default the shipped
        `features-small`.
    pool : str
        How a Darknet halves sizes: "largest" or "mean".

    Returns
    -------
    nn.Module
        From N x 3 x H x W to a list of maps, each before its nonlinearity; its weights stay as they are.

    Raises
    ------
    ArgumentError
        Neither of the two, or no net is shipped.
    """
    if path is None:
        from imgedit.models import find

        try:
            manifest = find("features-small")
        except ModelError as problem:
            raise ArgumentError("teacher", "is not given, and no features-small is installed", "name one") from problem
        path = manifest.folder / manifest.file
    if path.suffix == ".npz":
        teacher: nn.Module = Darknet(path, pool=pool)
    else:
        teacher = Features()
        start_from(teacher, path)
    return teacher.eval().requires_grad_(False)


class FeatureLoss(nn.Module):
    """How far two pictures are apart in the maps of a teacher (Johnson et al. 2016, https://arxiv.org/abs/1603.08155).

    Each level is divided by the size of the truth's own map, so that all count alike.

    Parameters
    ----------
    teacher : nn.Module
        As `load_teacher` gives it.
    style : float
        Weight of the Gram matrices beside the maps themselves.
    """

    def __init__(self, teacher: nn.Module, *, style: float = 0.0) -> None:
        super().__init__()
        self.teacher, self.style = teacher, style

    def forward(self, made: Tensor, truth: Tensor) -> Tensor:
        """Compare.

        Parameters
        ----------
        made, truth : Tensor
            N x 3 x H x W, RGB in [0, 1].

        Returns
        -------
        Tensor
            A scalar; 0 for equal pictures, about 1 for unrelated ones.
        """
        with torch.no_grad():
            wanted = self.teacher(truth)
        total = made.new_zeros(())
        for weight, ours, theirs in zip(LEVELS, self.teacher(made), wanted, strict=False):
            ours, theirs = ours.float(), theirs.float()
            total = total + weight * (ours - theirs).abs().mean() / (theirs.abs().mean() + TINY)
            if self.style:
                grams = gram(ours), gram(theirs)
                distance = (grams[0] - grams[1]).abs().mean() / (grams[1].abs().mean() + TINY)
                total = total + self.style * weight * distance
        return total / sum(LEVELS)


def gram(maps: Tensor) -> Tensor:
    """Give the products of all pairs of channels, mean over the picture.

    Parameters
    ----------
    maps : Tensor
        N x C x H x W.

    Returns
    -------
    Tensor
        N x C x C.
    """
    flat = maps.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def focal_frequency(made: Tensor, truth: Tensor) -> Tensor:
    """Squared difference of the spectra, most where they differ most.

    Jiang, Dai, Wu and Loy 2021, https://arxiv.org/abs/2012.12821, equations 6 to 8, with alpha = 1.

    Parameters
    ----------
    made, truth : Tensor
        N x C x H x W, in float32.

    Returns
    -------
    Tensor
        A scalar.
    """
    distance = (torch.fft.rfft2(made, norm="ortho") - torch.fft.rfft2(truth, norm="ortho")).abs()
    weight = (distance / distance.amax((-2, -1), keepdim=True).clamp_min(TINY)).detach()
    return (weight * distance.square()).mean()


def lattice(made: Tensor, period: int) -> Tensor:
    """How much of pictures repeats with a net's own grid: the variance of the mean pixel of a cell.

    Parameters
    ----------
    made : Tensor
        N x C x H x W, in float32; sides are multiples of the period.
    period : int
        Side of a cell, pixels.

    Returns
    -------
    Tensor
        N; the square of what the grid adds to a pixel.
    """
    cells = made.unflatten(3, (-1, period)).unflatten(2, (-1, period))
    return cells.mean((2, 4)).var((2, 3), correction=0).mean(1)


def hinge(scores: Tensor, *, real: bool) -> Tensor:
    """Loss of a critic that shall give at least 1 to what is real and at most -1 to what is made.

    Parameters
    ----------
    scores : Tensor
        The critic's, of any shape.
    real : bool
        Which of the two.

    Returns
    -------
    Tensor
        A scalar.
    """
    return functional.relu(1 - scores if real else 1 + scores).mean()
