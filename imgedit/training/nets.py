"""Networks: plain 3x3 convolutions at run time, richer while they learn.

A `FoldedConv` learns a 3x3 convolution as the sum of a direct kernel and a chain 1x1 - 3x3 - 1x1 without nonlinearities
(linear over-parameterisation; Bhardwaj et al., "Collapsible Linear Blocks for Super-Efficient Super Resolution",
MLSys 2022). The chain is multiplied out to one kernel in each step, so it costs next to nothing, and `fold` writes that
kernel into a plain convolution for the ONNX file.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FoldedConv", "SuperResolution", "count_parameters", "fold"]


class FoldedConv(nn.Module):
    """3x3 convolution with zero padding, over-parameterised while it learns.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    expand : int
        Width of the chain as a multiple of the channels.
    gain : float
        Factor on the initial kernel: small for the last layer of a residual path.
    """

    def __init__(self, inputs: int, outputs: int, *, expand: int = 2, gain: float = 1.0) -> None:
        super().__init__()
        wide_in, wide_out = inputs * expand, outputs * expand
        self.direct = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.enter = nn.Parameter(torch.empty(wide_in, inputs))
        self.middle = nn.Parameter(torch.empty(wide_out, wide_in, 3, 3))
        self.leave = nn.Parameter(torch.empty(outputs, wide_out))
        nn.init.kaiming_normal_(self.direct, a=0.1)
        for matrix in (self.enter, self.leave):
            nn.init.orthogonal_(matrix)
        nn.init.kaiming_normal_(self.middle, a=0.1)
        with torch.no_grad():
            # Half of the kernel's energy comes from the direct path, half from the chain.
            self.direct.mul_(gain * 0.5**0.5)
            self.middle.mul_(gain * 0.5**0.5)

    def kernel(self) -> Tensor:
        """Multiply the chain out.

        Returns
        -------
        Tensor
            Kernel, outputs x inputs x 3 x 3.
        """
        chain = torch.einsum("ob,bahw,ai->oihw", self.leave, self.middle, self.enter)
        return self.direct + chain

    def forward(self, x: Tensor) -> Tensor:
        """Convolve.

        Parameters
        ----------
        x : Tensor
            N x inputs x H x W.

        Returns
        -------
        Tensor
            N x outputs x H x W.
        """
        with torch.autocast(x.device.type, enabled=False):
            kernel = self.kernel()
        return functional.conv2d(x, kernel.to(x.dtype), self.bias.to(x.dtype), padding=1)


class Block(nn.Module):
    """Three convolutions whose result is also its own attention (SPAN: Wan et al., CVPR Workshops 2024)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = FoldedConv(channels, channels)
        self.second = FoldedConv(channels, channels)
        self.third = FoldedConv(channels, channels, gain=0.5)
        self.act = nn.LeakyReLU(0.1, inplace=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inner = self.act(self.first(x))
        out = self.third(self.act(self.second(inner)))
        return (x + out) * (torch.sigmoid(out) - 0.5), inner


class SuperResolution(nn.Module):
    """Enlarge by a whole factor: convolutions at the small size, then one shuffle of channels into pixels.

    Parameters
    ----------
    scale : int
        Factor.
    channels : int
        Width; multiples of 16 suit the vector units.
    blocks : int
        Depth, three convolutions each.
    """

    def __init__(self, scale: int, *, channels: int = 48, blocks: int = 5) -> None:
        super().__init__()
        self.scale = scale
        self.config = {"scale": scale, "channels": channels, "blocks": blocks}
        self.head = FoldedConv(3, channels)
        self.body = nn.ModuleList(Block(channels) for _ in range(blocks))
        self.join = FoldedConv(channels, channels)
        self.merge = nn.Conv2d(4 * channels, channels, 1)
        self.tail = FoldedConv(channels, 3 * scale * scale, gain=0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge.

        Parameters
        ----------
        x : Tensor
            N x 3 x H x W, RGB in [0, 1].

        Returns
        -------
        Tensor
            N x 3 x scale H x scale W.
        """
        head = self.head(x)
        at_first, inner, now = head, head, head
        for index, block in enumerate(self.body):
            now, inner = block(now)
            if index == 0:
                at_first = now
        features = self.merge(torch.cat([head, self.join(now), at_first, inner], dim=1))
        # The net learns the difference to the nearest-neighbour enlargement.
        nearest = torch.repeat_interleave(x, self.scale**2, dim=1)
        return functional.pixel_shuffle(self.tail(features) + nearest, self.scale)


def fold(net: nn.Module) -> nn.Module:
    """Copy a net with every `FoldedConv` written out as a plain convolution.

    Parameters
    ----------
    net : nn.Module
        Stays as it is.

    Returns
    -------
    nn.Module
        A copy on the CPU, in evaluation mode, that computes the same.
    """
    folded = copy.deepcopy(net).cpu().eval()
    _replace(folded)
    return folded


def _replace(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, FoldedConv):
            plain = nn.Conv2d(child.direct.shape[1], child.direct.shape[0], 3, padding=1)
            plain.load_state_dict({"weight": child.kernel().detach(), "bias": child.bias.detach()})
            setattr(module, name, plain)
        else:
            _replace(child)


def count_parameters(net: nn.Module) -> int:
    """Parameters of the folded net.

    Parameters
    ----------
    net : nn.Module
        Any net.

    Returns
    -------
    int
        Their number.
    """
    parameters: Any = fold(net).parameters()
    return sum(p.numel() for p in parameters)
