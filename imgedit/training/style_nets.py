"""Networks that repaint a picture: a small convolutional body whose normalisations carry the style.

Dumoulin, Shlens and Kudlur, "A learned representation for artistic style" (ICLR 2017, https://arxiv.org/abs/1610.07629):
all styles share the convolutions, and each has its own gain and shift in every instance normalisation, so that a mix of
styles is a mix of those numbers. What it paints is then put right in a few steps of `Descent`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from imgedit.training.nets import Features, noise
from imgedit.training.style_descent import Descent

__all__ = ["StyleAny", "StyleBody", "StyleGallery"]

# Against division by zero where a channel is flat, in squared units of features.
FLAT = 1e-4
# Channels of noise.
NOISES = 2


def conv(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> nn.Conv2d:
    """Give a convolution with mirrored borders: zeros there would be painted as a frame.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    side : int
        Of the kernel.
    stride : int
        Of the kernel.

    Returns
    -------
    nn.Conv2d
        The layer.
    """
    return nn.Conv2d(inputs, outputs, side, stride, padding=side // 2, padding_mode="reflect")


class Dressing(torch.autograd.Function):
    """Instance normalisation with a gain and shift for each picture and channel.

    The derivative is written out: with sums over the picture s = sum(dy) and t = sum(dy xhat), dx is
    gain / deviation (dy - s / n - xhat t / n), which is one multiplication and one addition for each of dy and x.
    torch's group_norm takes two to eight times as long for it where each channel is a group.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, shift: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(x, mean, scale, gain)
        slope = gain * scale
        return torch.addcmul(_spread(shift - mean * slope, x), x, _spread(slope, x))

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, scale, gain = ctx.saved_tensors
        count = x.shape[2] * x.shape[3]
        total = dy.sum((2, 3), dtype=torch.float32)
        along = ((dy * x).sum((2, 3), dtype=torch.float32) - mean * total) * scale
        slope = gain * scale
        of_x = -slope * scale * along / count
        constant = -slope * total / count - of_x * mean
        dx = torch.addcmul(_spread(constant, x), x, _spread(of_x, x)).addcmul_(dy, _spread(slope, x))
        return dx, along, total, None, None


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Give the mean and the inverse deviation of each channel over the picture, without derivatives.

    Parameters
    ----------
    x : Tensor
        N x C x H x W.

    Returns
    -------
    tuple of Tensor
        N x C each, float32.
    """
    with torch.no_grad():
        mean = x.mean((2, 3), dtype=torch.float32)
        centred = x - _spread(mean, x)
        return mean, ((centred * centred).mean((2, 3), dtype=torch.float32) + FLAT).rsqrt()


def _spread(numbers: Tensor, x: Tensor) -> Tensor:
    return numbers[..., None, None].to(x.dtype)


class Numbers:
    """Hands out the numbers of a style, one layer after the other.

    Parameters
    ----------
    style : Tensor
        N x (2S + K): gains of all normalised channels, then their shifts, then gains of what passes by.
    passing : int
        K.
    learning : bool
        Use the quick derivative; otherwise operations that ONNX Runtime has too.
    """

    def __init__(self, style: Tensor, passing: int, *, learning: bool) -> None:
        total = (style.shape[1] - passing) // 2
        self.gains, self.shifts, self.passing = style.split([total, total, passing], 1)
        self.learning, self.place, self.passed = learning, 0, 0

    def dress(self, x: Tensor) -> Tensor:
        """Normalise each channel over the picture and dress it in the style.

        Parameters
        ----------
        x : Tensor
            N x C x H x W.

        Returns
        -------
        Tensor
            The same shape.
        """
        channels = slice(self.place, self.place + x.shape[1])
        self.place = channels.stop
        gain, shift = self.gains[:, channels], self.shifts[:, channels]
        if self.learning:
            dressed: Tensor = Dressing.apply(x, gain, shift, *moments(x))
            return dressed
        return functional.instance_norm(x, eps=FLAT) * _spread(gain, x) + _spread(shift, x)

    def add(self, x: Tensor, before: Tensor) -> Tensor:
        """Add maps of the way down to those of the way up, as much of each as the style wants.

        Parameters
        ----------
        x, before : Tensor
            N x C x H x W.

        Returns
        -------
        Tensor
            The same shape.
        """
        channels = slice(self.passed, self.passed + x.shape[1])
        self.passed = channels.stop
        return torch.addcmul(x, before, _spread(self.passing[:, channels], x))


class Residual(nn.Module):
    """Two convolutions beside a straight path."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = conv(channels, channels), conv(channels, channels)

    def forward(self, x: Tensor, numbers: Numbers) -> Tensor:
        inner = functional.relu(numbers.dress(self.first(x)))
        return x + numbers.dress(self.second(inner))


class StyleBody(nn.Module):
    """Down by 4, residual blocks, up by 4 with enlargement before convolution, which leaves no checkerboard.

    A branch of half that size sees larger shapes. Maps of the way down are added to those of the way up, as much of
    each as a style wants: fine detail need not pass through the small sizes. Beside the picture goes noise that its
    pixels are hashed to: without, plain ground can only get a pattern that repeats.

    Parameters
    ----------
    width : int
        Channels at full size; twice, four and six times as many below.
    blocks : int
        Residual blocks at a quarter of the size; the branch leaves after the second.
    deep : int
        Residual blocks at an eighth.
    """

    def __init__(self, *, width: int = 16, blocks: int = 5, deep: int = 2) -> None:
        super().__init__()
        self.enter = conv(3 + NOISES, width, 5)
        self.down = nn.ModuleList([conv(width, 2 * width, stride=2), conv(2 * width, 4 * width, stride=2)])
        self.blocks = nn.ModuleList(Residual(4 * width) for _ in range(blocks))
        self.sink = conv(4 * width, 6 * width, stride=2)
        self.deep = nn.ModuleList(Residual(6 * width) for _ in range(deep))
        self.rise = conv(6 * width, 4 * width)
        self.up = nn.ModuleList([conv(4 * width, 2 * width), conv(2 * width, width)])
        self.leave = conv(width, 3, 5)
        self.fork = min(2, blocks)
        # Normalised channels in the order of the layers, and those of them that are nothing at first.
        first, after = width * (1 + 2 + 4 + 8 * self.fork), width * (8 * (blocks - self.fork) + 2 + 1)
        branch = width * 6 * (1 + 2 * deep)
        self.silent = slice(first + branch, first + branch + 4 * width)
        self.channels, self.passing = self.silent.stop + after, 3 * width

    def neutral(self) -> Tensor:
        """Give the numbers of no style: the branch is silent and nothing passes by.

        Returns
        -------
        Tensor
            2S + K numbers.
        """
        gains = torch.ones(self.channels)
        gains[self.silent] = 0
        return torch.cat([gains, torch.zeros(self.channels + self.passing)])

    def forward(self, image: Tensor, style: Tensor) -> Tensor:
        """Repaint.

        Parameters
        ----------
        image : Tensor
            N x 3 x H x W, RGB in [0, 1]; H and W multiples of 8, at least 16.
        style : Tensor
            N x (2S + K), as `neutral` gives them.

        Returns
        -------
        Tensor
            The picture in [0, 1].
        """
        numbers = Numbers(style, self.passing, learning=self.training)
        x = functional.relu(numbers.dress(self.enter(torch.cat([image * 2 - 1, noise(image)], 1))))
        above = [x]
        for layer in self.down:
            x = functional.relu(numbers.dress(layer(x)))
            above.append(x)
        for block in self.blocks[: self.fork]:
            x = block(x, numbers)
        below = functional.relu(numbers.dress(self.sink(x)))
        for block in self.deep:
            below = block(below, numbers)
        x = x + numbers.dress(self.rise(_twice(below)))
        for block in self.blocks[self.fork :]:
            x = block(x, numbers)
        for layer, before in zip(self.up, above[1::-1], strict=True):
            x = numbers.add(functional.relu(numbers.dress(layer(_twice(x)))), before)
        return torch.sigmoid(self.leave(x).float())


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear")


class StyleGallery(nn.Module):
    """One body, one row of numbers for each style, and a descent that knows their paintings.

    Parameters
    ----------
    styles : int
        How many.
    width, blocks, deep : int
        Of the body.
    steps : int
        Of the descent.
    """

    each = ("styles",)

    def __init__(self, styles: int, *, width: int = 16, blocks: int = 5, deep: int = 2, steps: int = 4) -> None:
        super().__init__()
        self.config = {"styles": styles, "width": width, "blocks": blocks, "deep": deep, "steps": steps}
        self.body = StyleBody(width=width, blocks=blocks, deep=deep)
        self.descent = Descent(styles, steps=steps)
        self.styles = nn.Parameter(self.body.neutral().repeat(styles, 1))

    def forward(self, image: Tensor, weights: Tensor) -> Tensor:
        """Repaint in a mix of styles.

        Parameters
        ----------
        image : Tensor
            N x 3 x H x W, RGB in [0, 1]; H and W multiples of 32.
        weights : Tensor
            N x K, each row summing to 1.

        Returns
        -------
        Tensor
            The picture in [0, 1]; while it learns, as far beyond as it goes.
        """
        with torch.autocast(image.device.type, enabled=False):
            style = weights @ self.styles
        painted: Tensor = self.descent(self.body(image, style), image, weights)
        return painted


class StyleAny(nn.Module):
    """Repaint in the style of another picture: features of one, dressed in the statistics of the other, drawn again.

    Huang and Belongie, "Arbitrary style transfer in real-time with adaptive instance normalization" (ICCV 2017,
    https://arxiv.org/abs/1703.06868). The features are those of `Features`, which stay as they are; those of a quarter
    of the size are dressed and drawn too, so that things keep their outlines.

    Parameters
    ----------
    eyes : Features
        The net that looks at both pictures.
    """

    # Pixels that are mirrored around a picture: the eyes pad with zeros, which would be painted as a frame.
    RIM = 24
    # Sizes are halved so often.
    LEVELS = 3

    def __init__(self, eyes: Features) -> None:
        super().__init__()
        self.first, self.second = eyes.first[: self.LEVELS + 1], eyes.second[: self.LEVELS + 1]
        for module in (self.first, self.second):
            module.requires_grad_(False)
        *_, quarter, eighth = (pair[1] for pair in Features.WIDTHS[: self.LEVELS + 1])
        self.coarse = nn.ModuleList([conv(eighth, eighth), conv(eighth, quarter)])
        self.middle = nn.ModuleList([conv(2 * quarter, quarter), conv(quarter, quarter // 2)])
        self.fine = nn.ModuleList([conv(quarter // 2, quarter // 2), conv(quarter // 2, quarter // 4)])
        self.leave = nn.ModuleList([conv(quarter // 4, quarter // 4), conv(quarter // 4, 3, 5)])

    def _look(self, x: Tensor) -> tuple[Tensor, Tensor]:
        before = x
        for level, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            if level:
                before, x = x, functional.avg_pool2d(functional.leaky_relu(x, 0.1), 2)
            x = second(functional.leaky_relu(first(x), 0.1))
        return before, x

    def forward(self, image: Tensor, style: Tensor) -> Tensor:
        """Repaint.

        Parameters
        ----------
        image : Tensor
            N x 3 x H x W, RGB in [0, 1]; H and W multiples of 8, at least 32.
        style : Tensor
            N x 3 x h x w, RGB in [0, 1]; multiples of 8 too.

        Returns
        -------
        Tensor
            N x 3 x H x W in [0, 1].
        """
        rim = self.RIM
        with torch.no_grad():
            shown = self._look(functional.pad(image, (rim, rim, rim, rim), mode="reflect"))
            worn = self._look(style)
            quarter, eighth = (_dressed(x, y) for x, y in zip(shown, worn, strict=True))
        x = functional.leaky_relu(eighth, 0.1)
        for layers, beside in ((self.coarse, quarter), (self.middle, None), (self.fine, None)):
            for layer in layers:
                x = functional.leaky_relu(layer(x), 0.1)
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear")
            if beside is not None:
                x = torch.cat([x, functional.leaky_relu(beside, 0.1)], 1)
        x = self.leave[1](functional.leaky_relu(self.leave[0](x), 0.1))
        return torch.sigmoid(x[:, :, rim:-rim, rim:-rim].float())


def _dressed(x: Tensor, style: Tensor) -> Tensor:
    """Give each channel the mean and deviation that it has in a style."""
    style = style.float()
    mean = style.mean((2, 3))
    deviation = ((style - mean[..., None, None]).square().mean((2, 3)) + FLAT).sqrt()
    return functional.instance_norm(x, eps=FLAT) * _spread(deviation, x) + _spread(mean, x)
