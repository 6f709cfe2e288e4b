"""Networks: small, fully convolutional, plain convolutions at run time.

A `FoldedConv` learns a 3x3 convolution as the sum of a direct kernel and a chain 1x1 - 3x3 - 1x1 without nonlinearities
(linear over-parameterisation; Bhardwaj et al., "Collapsible Linear Blocks for Super-Efficient Super Resolution",
MLSys 2022). The chain is multiplied out to one kernel in each step, so it costs next to nothing, and `fold` writes that
kernel into a plain convolution for the ONNX file.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "Critic",
    "Features",
    "FoldedConv",
    "Inpainting",
    "SuperResolution",
    "count_parameters",
    "fold",
    "noise",
    "spread",
]


# Factors on red, green and blue of two hashes, and what they are reduced by: a prime whose square is exact in float32.
SHUFFLES, PRIME, SQUARINGS = ((541, 1223, 1987), (1609, 733, 271)), 2039.0, 3


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
    """Three convolutions beside a straight path, so that a deep net learns as readily as a shallow one.

    Attention by the result itself, as in SPAN (Wan et al., CVPR Workshops 2024), lost: small results have a small
    factor, each block passed a tenth of its input on, and all but the first died out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = FoldedConv(channels, channels)
        self.second = FoldedConv(channels, channels)
        self.third = FoldedConv(channels, channels, gain=0.1)
        self.act = nn.LeakyReLU(0.1, inplace=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inner = self.act(self.first(x))
        return x + self.third(self.act(self.second(inner))), inner


class Grain(nn.Module):
    """White noise for a net to draw texture with, and how strong it is: nothing at first.

    Parameters
    ----------
    channels : int
        Of the net.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(len(SHUFFLES), channels, 3, padding=1)
        self.strength = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.strength.weight)
        nn.init.zeros_(self.strength.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Make noise.

        Parameters
        ----------
        x : Tensor
            N x 3 x H x W, in [0, 1].

        Returns
        -------
        Tensor
            N x channels x H x W, to be multiplied by `strength` of what the net sees.
        """
        made: Tensor = self.mix(noise(x))
        return made


class BackProjection(nn.Module):
    """Bring an enlarged picture nearer to what it was made from: its reduction should be the small picture.

    M. Irani and S. Peleg, "Improving resolution by image registration", 1991, doi:10.1016/1049-9652(91)90045-L, one
    round; the kernel that brings the difference back begins as cubic interpolation and learns. The large picture is
    seen as it is before its pixels are shuffled, so that all happens at the small size.

    Parameters
    ----------
    scale : int
        Factor.
    """

    # Small pixels on each side from which a pixel is made.
    REACH = 2

    def __init__(self, scale: int) -> None:
        super().__init__()
        side = 2 * self.REACH + 1
        phase = (torch.arange(scale) - (scale - 1) / 2) / scale
        # Rows: where a large pixel lies in its small one; columns: which small one, from the left to the right.
        reduction = _cubic(phase[:, None] + torch.arange(-self.REACH, self.REACH + 1))
        reduction = reduction / reduction.sum()
        enlargement = _cubic(phase[:, None] - torch.arange(-self.REACH, self.REACH + 1))
        planes = [torch.einsum("am,bn->abmn", taps, taps).reshape(-1, side, side) for taps in (reduction, enlargement)]
        self.register_buffer("reduction", planes[0].expand(3, -1, -1, -1).clone(), persistent=False)
        self.back = nn.Conv2d(3, 3 * scale**2, side, padding=self.REACH, groups=3, bias=False)
        with torch.no_grad():
            self.back.weight.copy_(planes[1][:, None].repeat(3, 1, 1, 1))

    reduction: Tensor

    def forward(self, large: Tensor, small: Tensor) -> Tensor:
        """Correct.

        Parameters
        ----------
        large : Tensor
            N x 3 scale^2 x H x W, before the shuffle.
        small : Tensor
            N x 3 x H x W.

        Returns
        -------
        Tensor
            Like `large`.
        """
        with torch.autocast(large.device.type, enabled=False):
            large = large.float()
            corrected: Tensor = large + self.back(small - self.reduce(large))
            return corrected

    def reduce(self, large: Tensor) -> Tensor:
        """Reduce bicubically, as in `pictures.reduce_bicubic` but for its border and rounding.

        Parameters
        ----------
        large : Tensor
            N x 3 scale^2 x H x W, before the shuffle.

        Returns
        -------
        Tensor
            N x 3 x H x W.
        """
        around = functional.pad(large, (self.REACH,) * 4, mode="replicate")
        return functional.conv2d(around, self.reduction, groups=3)


def _cubic(x: Tensor) -> Tensor:
    """Keys's kernel with a = -0.5, https://doi.org/10.1109/TASSP.1981.1163711."""
    x = x.abs()
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


class SuperResolution(nn.Module):
    """Enlarge by a whole factor: convolutions at the small size, then one shuffle of channels into pixels.

    A net of factor 1 mends pictures: it works at half their size, sees twice as far and costs a quarter.

    Parameters
    ----------
    scale : int
        Factor.
    channels : int
        Width; multiples of 16 suit the vector units.
    blocks : int
        Depth, three convolutions each.
    grain : bool
        Half way the body is given white noise, as strong as it wants: without any, a net that shall draw texture that
        it can't see draws what repeats with its own grid. The noise is made of the levels of each pixel, so that it
        moves with the picture, and plain ground gets none.
    exact : bool
        What is enlarged is a clean bicubic reduction: the result is corrected so that it reduces to it again.
    """

    def __init__(
        self, scale: int, *, channels: int = 48, blocks: int = 5, grain: bool = False, exact: bool = False
    ) -> None:
        super().__init__()
        self.scale = scale
        self.config = {"scale": scale, "channels": channels, "blocks": blocks, "grain": grain, "exact": exact}
        # A kernel of 6 in steps of 2 is a 3x3 one on pixels that were shuffled into channels.
        self.head = FoldedConv(3, channels) if scale > 1 else nn.Conv2d(3, channels, 6, stride=2, padding=2)
        self.body = nn.ModuleList(Block(channels) for _ in range(blocks))
        self.join = FoldedConv(channels, channels)
        self.merge = nn.Conv2d(4 * channels, channels, 1)
        self.tail = FoldedConv(channels, 3 * max(2, scale) ** 2, gain=0.1)
        self.grain = Grain(channels) if grain else None
        self.exact = BackProjection(scale) if exact else None

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge.

        Parameters
        ----------
        x : Tensor
            N x 3 x H x W, RGB in [0, 1]; both sides even where the factor is 1.

        Returns
        -------
        Tensor
            N x 3 x scale H x scale W.
        """
        made = self._draw(self.head(x), None if self.grain is None else self.grain(x))
        if self.scale == 1:
            return functional.pixel_shuffle(made, 2) + x
        # The net learns the difference to the nearest-neighbour enlargement.
        nearest = torch.repeat_interleave(x, self.scale**2, dim=1)
        large = made + nearest
        return functional.pixel_shuffle(large if self.exact is None else self.exact(large, x), self.scale)

    def _draw(self, head: Tensor, grain: Tensor | None = None) -> Tensor:
        at_first, inner, now = head, head, head
        for index, block in enumerate(self.body):
            if self.grain is not None and grain is not None and index == len(self.body) // 2:
                now = now + grain * self.grain.strength(now)
            now, inner = block(now)
            if index == 0:
                at_first = now
        drawn: Tensor = self.tail(self.merge(torch.cat([head, self.join(now), at_first, inner], dim=1)))
        return drawn


def noise(x: Tensor) -> Tensor:
    """Give white noise that is the same wherever a pixel has the same colour.

    Levels are hashed by squares modulo a prime; all numbers are integers that float32 holds exactly, so that every
    machine makes the same.

    Parameters
    ----------
    x : Tensor
        N x 3 x H x W, levels of 8 bit in [0, 1].

    Returns
    -------
    Tensor
        N x 2 x H x W, mean 0, deviation 1.
    """
    with torch.autocast(x.device.type, enabled=False):
        levels = (x.float() * 255).round()
        hashed = functional.conv2d(levels, levels.new_tensor(SHUFFLES)[..., None, None])
        for _ in range(SQUARINGS):
            hashed = hashed + 1
            hashed = hashed - PRIME * (hashed / PRIME).floor()
            hashed = hashed * hashed
        hashed = hashed - PRIME * (hashed / PRIME).floor()
        return (hashed / PRIME - 0.5) * 12**0.5


class Features(nn.Module):
    """What a picture shows, in five maps of falling size and rising width, in the manner of VGG.

    Maps are taken before the nonlinearity, and sizes are halved by the mean, not the largest: both keep grids out of
    pictures that are optimised for them (Gatys et al. 2016, https://doi.org/10.1109/CVPR.2016.265).
    """

    # Channels of the two convolutions of each level; the second is the map.
    WIDTHS = ((16, 16), (32, 32), (64, 64), (128, 128), (160, 256))

    def __init__(self) -> None:
        super().__init__()
        inputs, first, second = 3, [], []
        for inner, outputs in self.WIDTHS:
            first.append(nn.Conv2d(inputs, inner, 3, padding=1))
            second.append(nn.Conv2d(inner, outputs, 3, padding=1))
            inputs = outputs
        self.first, self.second = nn.ModuleList(first), nn.ModuleList(second)
        for conv in [*first, *second]:
            nn.init.kaiming_normal_(conv.weight, a=0.1)
            nn.init.zeros_(conv.bias)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Look.

        Parameters
        ----------
        x : Tensor
            N x 3 x H x W, RGB in [0, 1]; H and W at least 16.

        Returns
        -------
        list of Tensor
            Five maps, at 1, 1/2, 1/4, 1/8 and 1/16 of the size.
        """
        maps = []
        for level, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            if level:
                x = functional.avg_pool2d(functional.leaky_relu(x, 0.1), 2)
            x = second(functional.leaky_relu(first(x), 0.1))
            maps.append(x)
        return maps


class Gated(nn.Module):
    """A convolution whose result passes a gate that is learnt from the same input.

    Yu et al. 2019, https://arxiv.org/abs/1806.03589; the gate looks at single pixels, as in the light kinds of Yi et
    al. 2020, https://arxiv.org/abs/2005.09704.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        if stride == 1:
            self.value = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
        else:
            self.value = nn.Conv2d(inputs, outputs, 2 * stride, stride=stride, padding=stride // 2)
        self.gate = nn.Conv2d(inputs, outputs, stride, stride=stride)
        nn.init.kaiming_normal_(self.value.weight)
        nn.init.zeros_(self.value.bias)

    def forward(self, x: Tensor) -> Tensor:
        return functional.elu(self.value(x)) * torch.sigmoid(self.gate(x))


def spread(image: Tensor, mask: Tensor) -> Tensor:
    """Fill holes smoothly from all around: mean colours of the known pixels at ever coarser sizes, let down again.

    Push-pull (Gortler et al. 1996, https://doi.org/10.1145/237170.237200), relaxed at each size towards what a soap
    film would do, and at last bent as a thin plate is, which carries slopes across what is thin; as operations that
    ONNX has.

    Parameters
    ----------
    image : Tensor
        N x C x H x W; H and W multiples of 32. What lies under the mask is not looked at.
    mask : Tensor
        N x 1 x H x W, 1 in the hole, 0 elsewhere.

    Returns
    -------
    Tensor
        Like the image; known pixels are as they were, and an image without any is 0.
    """
    weight = 1 - mask
    value = image * weight
    levels = []
    for _ in range(Inpainting.SPREAD):
        levels.append((value, weight))
        value, share = functional.avg_pool2d(value, 2), functional.avg_pool2d(weight, 2)
        # One known pixel of four is enough to be sure of a coarse one: no colour comes from farther off than it must.
        weight = (4 * share).clamp(max=1)
        value = value / share.clamp(min=1e-6) * weight
    mean = value.mean((2, 3), keepdim=True) / weight.mean((2, 3), keepdim=True).clamp(min=1e-6)
    filled = value + (1 - weight) * mean
    for value, weight in reversed(levels):
        filled = functional.interpolate(filled, scale_factor=2.0, mode="bilinear", align_corners=False)
        for _ in range(Inpainting.RELAX):
            around = functional.avg_pool2d(filled, 3, 1, 1, count_include_pad=False)
            filled = value + (1 - weight) * around
    return _bent(filled, mask)


def _bent(filled: Tensor, mask: Tensor) -> Tensor:
    """Descend on the squared Laplacian inside the mask, with momentum."""
    channels = filled.shape[1]
    laplacian = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], device=filled.device)
    twice = functional.conv2d(laplacian[None, None], laplacian[None, None], padding=2)
    kernel = (-Inpainting.BEND_STEP * twice).to(filled.dtype).expand(channels, 1, 5, 5)
    way = torch.zeros_like(filled)
    for _ in range(Inpainting.BEND):
        around = functional.pad(filled, (2, 2, 2, 2), mode="replicate")
        way = Inpainting.BEND_MOMENTUM * way + functional.conv2d(around, kernel, groups=channels)
        filled = filled + mask * way
    return filled


class Inpainting(SuperResolution):
    """Fill holes: a smooth filling first, then what a net that mends pictures makes of it.

    The body is that of a `SuperResolution` of factor 1 and can start from its weights: to a net that knows blur, a
    smooth filling is a blurred picture. Beside it gated convolutions at an eighth of the size, some of them dilated,
    see far: what they find is added to what the body begins with.

    In the hole the body is also given grain, a fixed white noise, as strong as those far-seeing ones want it. Without
    any, a net that shall draw texture on smooth ground can only draw what repeats with its own grid.
    """

    WIDTHS = (48, 64, 96)
    # Pixels after which the grain comes again.
    GRAIN = 64
    DILATIONS = (1, 2, 4, 8)
    # Halvings of the smooth filling; sides are multiples of 2 to this.
    SPREAD = 5
    # Rounds of relaxation at each size.
    RELAX = 6
    # Rounds of bending at full size; a step of at most 1/32 goes downhill.
    BEND, BEND_STEP, BEND_MOMENTUM = 12, 0.03, 0.6
    MULTIPLE = 2**SPREAD

    def __init__(self) -> None:
        half, quarter, eighth = self.WIDTHS
        super().__init__(1, channels=half)
        self.hole = nn.Conv2d(1, half, 6, stride=2, padding=2)
        self.down = nn.ModuleList([Gated(half, quarter, stride=2), Gated(quarter, eighth, stride=2)])
        self.far = nn.ModuleList(Gated(eighth, eighth, dilation=step) for step in self.DILATIONS)
        self.back = nn.Conv2d(eighth, half, 1)
        white = np.random.default_rng(0).standard_normal((self.GRAIN, self.GRAIN)).astype(np.float32)
        self.register_buffer("white", torch.from_numpy(white), persistent=False)
        self.speckle = nn.Conv2d(1, half, 6, stride=2, padding=2)
        self.strength = nn.Conv2d(eighth, half, 1)
        # At first the body is what it was before.
        for layer in (self.hole, self.back, self.strength):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    white: Tensor

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """Fill.

        Parameters
        ----------
        image : Tensor
            N x 3 x H x W, RGB in [0, 1]; H and W multiples of 32. What lies under the mask is not looked at.
        mask : Tensor
            N x 1 x H x W, 1 in the hole, 0 elsewhere.

        Returns
        -------
        Tensor
            N x 3 x H x W: the whole picture as the net sees it; who asks keeps the known pixels.
        """
        with torch.autocast(image.device.type, enabled=False):
            filled = spread(image, mask)
        head = self.head(filled) + self.hole(mask)
        x = head
        for step in self.down:
            x = step(x)
        for block in self.far:
            x = x + block(x)
        height, width = (torch.arange(side, device=mask.device) % self.GRAIN for side in mask.shape[2:])
        speckle = self.speckle(self.white[height][:, width] * mask)
        head = head + _four_times(self.back(x)) + speckle * _four_times(self.strength(x))
        return functional.pixel_shuffle(self._draw(head), 2) + filled


def _four_times(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=4.0, mode="bilinear", align_corners=False)


class Critic(nn.Module):
    """Tell made pictures from real ones by what a net that knows pictures sees in them.

    As in a projected GAN (Sauer et al. 2021, https://arxiv.org/abs/2111.01007) the maps of all sizes are mixed by a
    fixed random projection, so that no single channel can be learnt by heart; a small critic with spectral norm (Miyato
    et al. 2018, https://arxiv.org/abs/1802.05957) looks at each.

    Parameters
    ----------
    teacher : nn.Module
        From N x 3 x H x W to a list of maps, each half as large as the one before; stays as it is.
    examples : Tensor
        Pictures, N x 3 x H x W in [0, 1]: how large features are is read off them.
    masked : bool
        Holes are judged: the critics see the mask and speak of places in the hole alone, since both pictures are the
        same elsewhere.
    width : int
        Channels of a mixture, and of the critics.
    """

    def __init__(self, teacher: nn.Module, examples: Tensor, *, masked: bool = False, width: int = 32) -> None:
        super().__init__()
        self.teacher, self.masked = teacher.requires_grad_(False), masked
        with torch.no_grad():
            maps = teacher(examples)
        self.register_buffer("sizes", torch.stack([found.std() for found in maps]))
        self.mix = nn.ModuleList(nn.Conv2d(found.shape[1], width, 1) for found in maps).requires_grad_(False)
        self.critics = nn.ModuleList(
            nn.Sequential(
                _bounded(nn.Conv2d(width + masked, width, 3, padding=1)),
                nn.LeakyReLU(0.2),
                _bounded(nn.Conv2d(width, width, 3, padding=1)),
                nn.LeakyReLU(0.2),
                _bounded(nn.Conv2d(width, 1, 1)),
            )
            for _ in maps
        )

    sizes: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Judge.

        Parameters
        ----------
        x : Tensor
            N x 3 x H x W, colours in [0, 1]; a fourth channel for the mask, 1 in the hole.

        Returns
        -------
        Tensor
            A score for each place, or each in the hole, at each size; above 0 is real.
        """
        picture, mask = x[:, :3], x[:, 3:]
        scores = []
        for level, found in enumerate(self.teacher(picture)):
            seen = self.mix[level](found / self.sizes[level])
            if not self.masked:
                scores.append(self.critics[level](seen).flatten())
                continue
            if level:
                mask = functional.max_pool2d(mask, 2)
            score = self.critics[level](torch.cat([seen, mask.to(seen.dtype)], 1))
            scores.append(score[mask > 0])
        return torch.cat(scores)


def _bounded(conv: nn.Module) -> nn.Module:
    bounded: nn.Module = nn.utils.parametrizations.spectral_norm(conv)
    return bounded


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
