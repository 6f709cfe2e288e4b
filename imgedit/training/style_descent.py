"""Steps down the loss of style transfer, taken inside a net: what is wrong with a painting is seen and put right.

A net that paints at one go can't know what its painting will hold in the end: how much of which stroke beside which
other. Gatys, Ecker and Bethge (CVPR 2016) look at what is painted, compare, and follow the derivative, some hundred
times. Here a net does so a few times, and has learnt how far to go for each thing that it sees, how these hang
together, and what to do with the sum. The derivative is computed by the net itself, so that any ONNX runtime takes it.

Unrolled optimisation: K. Gregor and Y. LeCun, "Learning fast approximations of sparse coding", ICML 2010; M.
Andrychowicz et al., "Learning to learn by gradient descent by gradient descent", 2016,
https://arxiv.org/abs/1606.04474.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from imgedit.training.losses import gram

__all__ = ["CONTENT", "SCALES", "Aims", "Descent", "Eyes"]

# Style is compared at the picture's own size and at half of it.
SCALES = 2
# The maps that hold what is shown, counted from 0.
CONTENT = (2, 3)
# Of the leaky step.
LEAK = 0.1
# Channels of what the eyes see, and in how many directions of them style is compared.
WIDTHS, COMPARED = (16, 32, 64, 128, 256), (16, 32, 64, 64, 64)
# What the first step goes along the derivative, before anything is learnt.
PACE = 7e-4
# How much a step goes by style and by content, before anything is learnt.
STYLE, SHOWN = 3.0, 0.5
# Gains are learnt so many times as fast as kernels.
LIVELY = 20.0
# Makes steps as large as pictures are, where both go into one kernel; and those of the kernels as small as steps are.
ALIKE, SMALL = 10.0, 0.1
# Pixels whose products are summed in bfloat16 before float32 sums go on.
BLOCKS, MANY = 16, 4096


class Eyes(nn.Module):
    """What a painting is looked at with: 3x3 convolutions, leaky steps, halving by the mean. They do not learn.

    Parameters
    ----------
    widths : sequence of int
        Channels of the maps, from fine to coarse.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in zip((3, *widths), widths, strict=False)
        )
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Look.

        Parameters
        ----------
        x : Tensor
            N x 3 x H x W, RGB in [0, 1]; H and W multiples of 2 to the number of maps less one.

        Returns
        -------
        list of Tensor
            The maps after the leaky step.
        """
        maps: list[Tensor] = []
        for conv in self.convs:
            x = functional.avg_pool2d(maps[-1], 2) if maps else x
            x = functional.leaky_relu(conv(_together(x)), LEAK)
            maps.append(x)
        return maps

    def kernels(self) -> list[Tensor]:
        """Give the kernels by which derivatives go back through the convolutions.

        Returns
        -------
        list of Tensor
            Each inputs x outputs x 3 x 3, turned by half a circle.
        """
        return [conv.weight.flip(2, 3).transpose(0, 1) for conv in self.convs]


class Aims(nn.Module):
    """Gram matrices of the styles in one map: deviations, and correlations, which bear rounding.

    Parameters
    ----------
    styles, width : int
        How many, and channels.
    """

    each = ("correlations", "deviations")

    def __init__(self, styles: int, width: int) -> None:
        super().__init__()
        self.correlations = nn.Parameter(torch.eye(width).repeat(styles, 1, 1)[..., None], requires_grad=False)
        self.deviations = nn.Parameter(torch.ones(styles, width), requires_grad=False)

    @torch.no_grad()
    def set(self, style: int, found: Tensor) -> None:
        """Keep the Gram matrix of a style.

        Parameters
        ----------
        style : int
            Which.
        found : Tensor
            C x C.
        """
        deviations = found.diagonal().clamp_min(1e-12).sqrt()
        self.deviations[style] = deviations
        self.correlations[style, ..., 0] = found / (deviations[:, None] * deviations)

    def forward(self, weights: Tensor) -> Tensor:
        """Mix.

        Parameters
        ----------
        weights : Tensor
            N x K, how much of each style.

        Returns
        -------
        Tensor
            N x C x C.
        """
        grams = self.correlations[..., 0] * self.deviations[:, :, None] * self.deviations[:, None]
        return (weights @ grams.flatten(1)).unflatten(1, grams.shape[1:])


class Products(torch.autograd.Function):
    """Gram matrices, quickly: products in the kind of numbers that is given, sums of parts in float32."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> Tensor:
        ctx.save_for_backward(flat)
        pixels = flat.shape[1]
        parts = BLOCKS if pixels >= MANY and pixels % BLOCKS == 0 else 1
        cut = flat.unflatten(1, (parts, -1))
        return (cut.transpose(2, 3) @ cut).float().sum(1) / pixels

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (flat,) = ctx.saved_tensors
        return flat @ ((slope + slope.transpose(1, 2)) / flat.shape[1]).to(flat.dtype)


class Descent(nn.Module):
    """A few steps down the difference of a painting from its style and from what it should show.

    Parameters
    ----------
    styles : int
        How many there are.
    steps : int
        How many are taken.
    widths, compared : sequence of int
        Channels of the eyes' maps, and directions in which style is compared, from fine to coarse.
    tail : int
        Channels of the kernels that work on steps.
    """

    def __init__(
        self,
        styles: int,
        *,
        steps: int = 4,
        widths: Sequence[int] = WIDTHS,
        compared: Sequence[int] = COMPARED,
        tail: int = 16,
    ) -> None:
        super().__init__()
        self.steps, self.levels = steps, len(widths)
        self.eyes = Eyes(widths)
        self.narrow = nn.ModuleList(
            nn.Conv2d(width, less, 1, bias=False).requires_grad_(False) if less < width else nn.Identity()
            for width, less in zip(widths, compared, strict=True)
        )
        self.aims = nn.ModuleList(Aims(styles, less) for _ in range(SCALES) for less in compared)
        # Logarithms; a row for each step.
        self.style_gains = nn.ParameterList(torch.zeros(steps, less) for _ in range(SCALES) for less in compared)
        self.content_gains = nn.ParameterList(torch.zeros(steps, widths[level]) for level in CONTENT)
        self.paces, self.inertias = nn.Parameter(torch.zeros(steps)), nn.Parameter(torch.zeros(steps))
        self.turns = nn.ModuleList(nn.Conv2d(width, width, 1, bias=False) for width in widths[:-1])
        for turn in self.turns:
            nn.init.eye_(turn.weight[..., 0, 0])
        self.first = nn.Conv2d(12, tail, 5, padding=2, padding_mode="reflect")
        self.second = nn.Conv2d(tail, 3, 3, padding=1, padding_mode="reflect")
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    @torch.no_grad()
    def learn_styles(self, paintings: Sequence[Tensor], *, fresh: bool) -> None:
        """Look at the paintings.

        Parameters
        ----------
        paintings : sequence of Tensor
            1 x 3 x H x W each, RGB in [0, 1], one for each style.
        fresh : bool
            Choose anew the directions in which style is compared: those that hold most of these paintings.
        """
        seen = [self._grams(painting) for painting in paintings]
        for level, narrow in enumerate(self.narrow):
            if fresh and isinstance(narrow, nn.Conv2d):
                of_level = [grams[scale * self.levels + level] for grams in seen for scale in range(SCALES)]
                total = torch.stack([one[0] / one.norm() for one in of_level]).sum(0)
                narrow.weight.copy_(torch.linalg.eigh(total)[1][:, -len(narrow.weight) :].T[..., None, None])
        for style, grams in enumerate(seen):
            for place, (aims, found) in enumerate(zip(self.aims, grams, strict=True)):
                aims.set(style, self._narrowed(found, place % self.levels)[0])

    def _grams(self, x: Tensor) -> list[Tensor]:
        return [gram(m) for factor in range(SCALES) for m in self.eyes(functional.avg_pool2d(x, 2**factor))]

    def _narrowed(self, found: Tensor, level: int) -> Tensor:
        narrow = self.narrow[level]
        if not isinstance(narrow, nn.Conv2d):
            return found
        across = narrow.weight[..., 0, 0]
        return across @ found @ across.T

    def forward(self, painted: Tensor, shown: Tensor, weights: Tensor) -> Tensor:
        """Go.

        Parameters
        ----------
        painted, shown : Tensor
            N x 3 x H x W, RGB in [0, 1], the painting as it is and what it should show; H and W multiples of 32.
        weights : Tensor
            N x K, how much of each style.

        Returns
        -------
        Tensor
            The painting in [0, 1]; while it learns, as far beyond as it goes.
        """
        with torch.autocast(painted.device.type, enabled=False):
            aims = [one(weights) for one in self.aims]
        wanted = self.eyes(shown)
        kernels = self.eyes.kernels()
        way = torch.zeros_like(painted)
        for step in range(self.steps):
            fine = self._slope(self.eyes(painted), aims[: self.levels], kernels, step, wanted=wanted)
            coarse = self._slope(
                self.eyes(functional.avg_pool2d(painted, 2)), aims[self.levels :], kernels, step, base=self.levels
            )
            slope = PACE * (fine + _twice(coarse, fine))
            way = way * self.inertias[step] + slope
            both = torch.cat([ALIKE * slope, ALIKE * way, painted, shown], 1)
            more = self.second(functional.leaky_relu(self.first(both), LEAK)).float()
            painted = painted - (LIVELY * self.paces[step]).exp() * way + SMALL * more
        return painted if self.training else painted.clamp(0, 1)

    def _slope(
        self,
        maps: list[Tensor],
        aims: list[Tensor],
        kernels: list[Tensor],
        step: int,
        *,
        base: int = 0,
        wanted: list[Tensor] | None = None,
    ) -> Tensor:
        """Give the derivative of the loss with respect to the picture, times its pixels, with the gains of a step."""
        slope: Tensor | None = None
        for level in reversed(range(self.levels)):
            here = maps[level]
            # A pixel of a map stands for so many of the picture.
            share = 4.0**level
            pull = self._of_style(here, aims[level], self.style_gains[base + level][step], level, share)
            if wanted is not None and level in CONTENT:
                gain = (LIVELY * self.content_gains[CONTENT.index(level)][step]).exp()
                pull = pull + self._of_content(here, wanted[level], gain[:, None, None], share)
            if slope is not None:
                pull = pull + _twice(slope, here) / 4
            if level < len(self.turns):
                pull = self.turns[level](pull)
            pull = torch.ops.aten.leaky_relu_backward(_together(pull), here.detach(), LEAK, True)
            slope = functional.conv2d(pull, kernels[level].to(pull.dtype), padding=1)
        assert slope is not None
        return slope.float()

    def _of_style(self, here: Tensor, aim: Tensor, gain: Tensor, level: int, share: float) -> Tensor:
        narrow = self.narrow[level]
        seen = narrow(here)
        with torch.autocast(here.device.type, enabled=False):
            # In training the channels of a pixel lie together; ONNX Runtime has those of a map together.
            flat = seen.permute(0, 2, 3, 1).flatten(1, 2) if self.training else seen.flatten(2)
            found = Products.apply(flat) if self.training else flat @ flat.transpose(1, 2) / flat.shape[2]
            weight = 4 * STYLE / len(self.aims) * share / aim.square().sum((1, 2), keepdim=True)
            wrong = (weight * (found - aim) * (LIVELY * gain).exp()).to(flat.dtype)
            pull = (flat @ wrong).transpose(1, 2) if self.training else wrong.transpose(1, 2) @ flat
            pull = pull.unflatten(2, here.shape[2:])
        if isinstance(narrow, nn.Conv2d):
            pull = functional.conv_transpose2d(pull, narrow.weight.to(pull.dtype))
        return pull

    def _of_content(self, here: Tensor, wanted: Tensor, gain: Tensor, share: float) -> Tensor:
        with torch.autocast(here.device.type, enabled=False):
            energy = wanted.float().square().mean((2, 3), keepdim=True).sum(1, keepdim=True)
            weight = 2 * SHOWN / len(CONTENT) * share * gain / energy
        return (here - wanted) * weight.to(here.dtype)


def _together(x: Tensor) -> Tensor:
    """Store the channels of a pixel together, which is what bfloat16 kernels want; exporters don't care."""
    return x.contiguous(memory_format=torch.channels_last) if torch.is_autocast_enabled(x.device.type) else x


def _twice(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, size=like.shape[2:], mode="nearest")
