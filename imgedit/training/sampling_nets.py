"""Networks that draw pictures from numbers, and those that judge or read them while they learn.

The generator is a small StyleGAN2 (Karras et al., CVPR 2020, https://arxiv.org/abs/1912.04958): a mapping net turns
latent and class into a style, from which the 4x4 start is drawn and which scales the inputs of each convolution;
outputs are scaled back by the size that they would have for unit inputs, and pictures of all sizes are summed on the
way up. Noise inputs are left out: at 64 pixels they cost more than they show. `Baseline` is the DCGAN that it has to
beat (Radford et al. 2015, https://arxiv.org/abs/1511.06434).
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Baseline", "BaselineJudge", "Decoder", "Encoder", "Generator", "Judge"]

# Channels at 4, 8, 16, 32 and 64 pixels, as multiples of the width at 64.
WIDTHS = {4: 6, 8: 6, 16: 4, 32: 2, 64: 1, 128: 1}
# Decay of the mean style that truncation shrinks to.
MEMORY = 0.998


def sizes_to(side: int) -> list[int]:
    """List the sides on the way up.

    Parameters
    ----------
    side : int
        Of the picture: 16, 32, 64 or 128.

    Returns
    -------
    list of int
        From 4, each twice the one before.
    """
    return [4 << level for level in range(int(math.log2(side // 4)) + 1)]


class Modulated(nn.Module):
    """A 3x3 or 1x1 convolution whose input channels a style scales, with outputs of about unit size."""

    def __init__(self, inputs: int, outputs: int, style: int, *, side: int = 3, level: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, side, side) / math.sqrt(inputs * side * side))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = nn.Linear(style, inputs)
        nn.init.normal_(self.scale.weight, std=1 / math.sqrt(style))
        nn.init.ones_(self.scale.bias)
        self.side, self.level = side, level

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            scale = self.scale(style.float())
            size = torch.rsqrt(scale.square() @ self.weight.square().sum((2, 3)).T + 1e-8) if self.level else None
        x = functional.conv2d(x * scale[..., None, None].to(x.dtype), self.weight.to(x.dtype), padding=self.side // 2)
        if size is not None:
            x = x * size[..., None, None].to(x.dtype)
        return x + self.bias[:, None, None].to(x.dtype)


class Generator(nn.Module):
    """Draw pictures from latents, classes and a truncation.

    Parameters
    ----------
    side : int
        Of the pictures: 16, 32, 64 or 128.
    channels : int
        3, or 4 with straight alpha.
    classes : int
        How many; 0 for none.
    latent : int
        Numbers in a latent.
    width : int
        Channels at 64 pixels; more below.
    """

    def __init__(
        self, side: int = 64, *, channels: int = 3, classes: int = 0, latent: int = 128, width: int = 32
    ) -> None:
        super().__init__()
        self.config = {"side": side, "channels": channels, "classes": classes, "latent": latent, "width": width}
        widths = [width * WIDTHS[size] for size in sizes_to(side)]
        self.classes = nn.Linear(max(1, classes), latent, bias=False)
        self.mapping = nn.ModuleList([nn.Linear(2 * latent, latent), nn.Linear(latent, latent)])
        # What is where comes from the latent as well: pictures differ from the first steps on.
        self.start = nn.Linear(latent, widths[0] * 16)
        for layer in (*self.mapping, self.start):
            nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.in_features))
            nn.init.zeros_(layer.bias)
        # Before a size is doubled: there a convolution costs a quarter.
        self.first = nn.ModuleList(Modulated(before, after, latent) for before, after in itertools.pairwise(widths))
        self.second = nn.ModuleList(Modulated(after, after, latent) for after in widths)
        self.show = nn.ModuleList(Modulated(after, channels, latent, side=1, level=False) for after in widths)
        self.register_buffer("middle", torch.zeros(max(1, classes), latent))

    def style(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Map latents to styles.

        Parameters
        ----------
        latents : Tensor
            N x D, standard normal.
        labels : Tensor
            N x K, rows summing to 1.

        Returns
        -------
        Tensor
            N x D.
        """
        x = latents * torch.rsqrt(latents.square().mean(1, keepdim=True) + 1e-8)
        x = torch.cat([x, self.classes(labels)], 1)
        for layer in self.mapping:
            x = functional.leaky_relu(layer(x), 0.2) * math.sqrt(2)
        return x

    def draw(self, style: Tensor) -> Tensor:
        """Draw from styles.

        Parameters
        ----------
        style : Tensor
            N x D.

        Returns
        -------
        Tensor
            N x C x side x side in [0, 1].
        """
        x = self.start(style).unflatten(1, (-1, 4, 4))
        picture: Tensor | None = None
        for level, (second, show) in enumerate(zip(self.second, self.show, strict=True)):
            if level:
                x = functional.leaky_relu(self.first[level - 1](x, style), 0.2) * math.sqrt(2)
                x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = functional.leaky_relu(second(x, style), 0.2) * math.sqrt(2)
            shown = show(x, style).float()
            if picture is not None:
                shown = shown + functional.interpolate(picture, scale_factor=2.0, mode="bilinear", align_corners=False)
            picture = shown
        assert picture is not None
        # Colours are not squashed while it learns: at black and white nothing would be learnt any more.
        color = picture[:, :3] + 0.5
        if not self.training:
            color = color.clamp(0, 1)
        return torch.cat([color, torch.sigmoid(picture[:, 3:])], 1)

    def forward(self, latents: Tensor, labels: Tensor, truncation: Tensor) -> Tensor:
        """Draw.

        Parameters
        ----------
        latents : Tensor
            N x D, standard normal.
        labels : Tensor
            N x K, rows summing to 1; N x 1 of ones where there are no classes.
        truncation : Tensor
            N, 1 for all that was learnt, 0 for the mean picture of the class.

        Returns
        -------
        Tensor
            N x C x side x side in [0, 1].
        """
        with torch.autocast(latents.device.type, enabled=False):
            style = self.style(latents, labels)
            if self.training:
                self._remember(style.detach(), labels)
            middle = labels @ self.middle
            style = middle + truncation[:, None] * (style - middle)
        return self.draw(style)

    @torch.no_grad()
    def _remember(self, style: Tensor, labels: Tensor) -> None:
        count = labels.sum(0)[:, None]
        mean = labels.T @ style / count.clamp_min(1)
        self.middle.lerp_(torch.where(count > 0, mean, self.middle), 1 - MEMORY)


class Judge(nn.Module):
    """Tell drawn pictures from real ones by what a net that knows pictures sees in them (a projected GAN).

    Sauer et al. 2021, https://arxiv.org/abs/2111.01007: features of all sizes are mixed by fixed random projections,
    over channels and from coarse to fine, so that no single one can be learnt by heart; a small critic looks at each
    size. It learns from few pictures in few steps, since seeing need not be learnt. Classes are told
    by projection (Miyato and Koyama, ICLR 2018, https://arxiv.org/abs/1802.05637).

    Parameters
    ----------
    teacher : nn.Module
        From N x 3 x side x side to a list of maps, each half as large as the one before; stays as it is.
    examples : Tensor
        Pictures of the kind that is judged, N x 3 x side x side in [0, 1]: how large features are is read off them.
    classes : int
        How many; 0 for none.
    width : int
        Channels of the finest mixture; wider ones below.
    """

    def __init__(self, teacher: nn.Module, examples: Tensor, *, classes: int = 0, width: int = 32) -> None:
        super().__init__()
        self.teacher = teacher.requires_grad_(False)
        with torch.no_grad():
            maps = [found for found in teacher(examples) if found.shape[2] >= 4]
        self.register_buffer("sizes", torch.stack([found.std() for found in maps]))
        widths = [min(4, 1 << level) * width for level in range(len(maps))]
        self.mix = nn.ModuleList(
            nn.Conv2d(found.shape[1], wide, 1) for found, wide in zip(maps, widths, strict=True)
        ).requires_grad_(False)
        self.down = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1, bias=False) for fine, coarse in itertools.pairwise(widths)
        ).requires_grad_(False)
        for module in (*self.mix, *self.down):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        self.critics = nn.ModuleList(
            _critic(wide, 2 * width, int(math.log2(found.shape[2] // 4)))
            for found, wide in zip(maps, widths, strict=True)
        )
        self.score = nn.ModuleList(nn.Conv2d(2 * width, 1, 1) for _ in maps)
        self.classes = nn.ModuleList(nn.Linear(max(1, classes), 2 * width, bias=False) for _ in maps)

    sizes: Tensor

    def forward(self, picture: Tensor, labels: Tensor) -> Tensor:
        """Judge.

        Parameters
        ----------
        picture : Tensor
            N x 3 x side x side in [0, 1].
        labels : Tensor
            N x K.

        Returns
        -------
        Tensor
            N x S: at each of some places, seen at each size; above 0 is real.
        """
        return self.judge(self.look(picture), labels)

    def look(self, picture: Tensor) -> list[Tensor]:
        """Give what the teacher sees, each map at its usual size.

        Parameters
        ----------
        picture : Tensor
            N x 3 x side x side in [0, 1].

        Returns
        -------
        list of Tensor
            From fine to coarse.
        """
        return [found / size for found, size in zip(self.teacher(picture), self.sizes, strict=False)]

    def judge(self, seen: list[Tensor], labels: Tensor) -> Tensor:
        """Judge what is seen.

        Parameters
        ----------
        seen : list of Tensor
            As `look` gives it.
        labels : Tensor
            N x K.

        Returns
        -------
        Tensor
            As `forward` gives it.
        """
        scores = []
        above: Tensor | None = None
        for level in reversed(range(len(self.mix))):
            mixed = self.mix[level](seen[level])
            if above is not None:
                finer = functional.interpolate(self.down[level](above), scale_factor=2.0, mode="bilinear")
                mixed = (mixed + finer) * math.sqrt(0.5)
            above = mixed
            found = self.critics[level](mixed)
            with torch.autocast(found.device.type, enabled=False):
                found = found.float()
                told = (self.classes[level](labels)[..., None, None] * found).sum(1, keepdim=True)
                scores.append((self.score[level](found) + told).flatten(1))
        return torch.cat(scores, 1)


def _critic(inputs: int, width: int, halvings: int) -> nn.Module:
    """Convolutions down to 4x4."""
    layers: list[nn.Module] = []
    for _ in range(halvings):
        layers += [_started(nn.Conv2d(inputs, width, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        inputs = width
    return nn.Sequential(*layers, _started(nn.Conv2d(inputs, width, 3, padding=1)), nn.LeakyReLU(0.2))


def _started(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.kaiming_normal_(layer.weight, a=0.2)
    return layer


class Baseline(nn.Module):
    """The generator of DCGAN: transposed convolutions with batch norm.

    Parameters
    ----------
    channels : int
        Of the pictures, which are 64x64.
    classes : int
        Classes are fed with the latent.
    latent, width : int
        Numbers in a latent, and channels at 32 pixels.
    """

    def __init__(self, *, channels: int = 3, classes: int = 0, latent: int = 128, width: int = 32) -> None:
        super().__init__()
        self.config = {"side": 64, "channels": channels, "classes": classes, "latent": latent, "width": width}
        widths = [latent + max(1, classes), 8 * width, 4 * width, 2 * width, width]
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(itertools.pairwise(widths)):
            stride, padding = (2, 1) if level else (1, 0)
            layers += [
                nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.body = nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, 4, 2, 1))
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, latents: Tensor, labels: Tensor, truncation: Tensor) -> Tensor:
        """Draw, as `Generator` does; truncation shrinks the latent.

        Parameters
        ----------
        latents, labels, truncation : Tensor
            As for `Generator`.

        Returns
        -------
        Tensor
            N x C x 64 x 64 in [0, 1].
        """
        x = torch.cat([latents * truncation[:, None], labels], 1)
        return torch.sigmoid(self.body(x[..., None, None]).float())


class BaselineJudge(nn.Module):
    """The discriminator of DCGAN; classes come as further channels.

    Parameters
    ----------
    channels, classes, width : int
        As for `Baseline`.
    """

    def __init__(self, *, channels: int = 3, classes: int = 0, width: int = 32) -> None:
        super().__init__()
        widths = [channels + max(1, classes), width, 2 * width, 4 * width, 8 * width]
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(itertools.pairwise(widths)):
            layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=not level))
            layers += [nn.BatchNorm2d(after)] * bool(level) + [nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, picture: Tensor, labels: Tensor) -> Tensor:
        """Judge.

        Parameters
        ----------
        picture, labels : Tensor
            As for `Judge`.

        Returns
        -------
        Tensor
            N; above 0 is real.
        """
        spread = labels[..., None, None].expand(-1, -1, *picture.shape[2:])
        score: Tensor = self.body(torch.cat([picture * 2 - 1, spread], 1)).float().flatten()
        return score


class Residual(nn.Module):
    """Two convolutions beside a straight path, at one size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.second(functional.silu(self.first(functional.silu(x))))
        return x + inner


class Encoder(nn.Module):
    """Read a picture into the mean and the logarithm of the variance of its latent.

    Parameters
    ----------
    side, channels, latent, width : int
        As for `Generator`.
    """

    def __init__(self, side: int = 64, *, channels: int = 4, latent: int = 128, width: int = 24) -> None:
        super().__init__()
        widths = [width * WIDTHS[size] for size in reversed(sizes_to(side))]
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 3, padding=1)]
        for before, after in itertools.pairwise(widths):
            layers += [Residual(before), nn.Conv2d(before, after, 4, stride=2, padding=1)]
        self.body = nn.Sequential(*layers, Residual(widths[-1]), nn.SiLU())
        self.read = nn.Linear(widths[-1] * 16, 2 * latent)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Read.

        Parameters
        ----------
        picture : Tensor
            N x C x side x side in [0, 1].

        Returns
        -------
        tuple of Tensor
            Mean and logarithm of the variance, N x D each.
        """
        x = self.body(picture * 2 - 1).float().flatten(1)
        with torch.autocast(picture.device.type, enabled=False):
            mean, spread = self.read(x).chunk(2, 1)
        return mean, spread.clamp(-10, 4)


class Decoder(nn.Module):
    """Draw a picture from its latent.

    Parameters
    ----------
    side, channels, latent, width : int
        As for `Generator`.
    """

    def __init__(self, side: int = 64, *, channels: int = 4, latent: int = 128, width: int = 24) -> None:
        super().__init__()
        self.widths = [width * WIDTHS[size] for size in sizes_to(side)]
        self.write = nn.Linear(latent, self.widths[0] * 16)
        layers: list[nn.Module] = [Residual(self.widths[0])]
        for before, after in zip(self.widths, self.widths[1:], strict=False):
            layers += [
                nn.Upsample(scale_factor=2.0, mode="nearest"),
                nn.Conv2d(before, after, 3, padding=1),
                Residual(after),
            ]
        self.body = nn.Sequential(*layers, nn.SiLU(), nn.Conv2d(self.widths[-1], channels, 3, padding=1))

    def forward(self, latents: Tensor) -> Tensor:
        """Draw.

        Parameters
        ----------
        latents : Tensor
            N x D.

        Returns
        -------
        Tensor
            N x C x side x side in [0, 1].
        """
        x = self.write(latents).unflatten(1, (self.widths[0], 4, 4))
        return torch.sigmoid(self.body(x).float())
