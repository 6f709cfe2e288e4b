"""Train a variational autoencoder of small pictures: a decoder that draws from latents, an encoder that finds them.

Kingma and Welling 2014 (https://arxiv.org/abs/1312.6114). The picture is taken as a Gaussian about what the decoder
draws, with one variance for all pixels that is the mean squared error itself (Rybkin, Daniilidis and Levine 2021,
https://arxiv.org/abs/2006.13202), so that no weight has to be found between sharpness and order. The latents of all
pictures are no normal distribution then, far from it: a normal draw gives a cloud. What is drawn from is their own
density, found when all is learnt (Ghosh et al. 2020, https://arxiv.org/abs/1903.12436): `Mapping`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imgedit.strips import Progress
from imgedit.training.classes import Gallery, sheet
from imgedit.training.export import Card, export_onnx, ship
from imgedit.training.job import Job
from imgedit.training.loop import Task
from imgedit.training.making import Plan, make
from imgedit.training.pairs import to_unit
from imgedit.training.sampling_nets import Decoder, Encoder

__all__ = ["Autoencoder", "VaeTask", "train_vae"]

SHOWN = 8
# Latents that are mixed in a free draw.
NEIGHBOURS = 8
# Share of the run over which the latent's price rises from 0 to whole.
RISING = 0.1
# Against a fit so close that the variance vanishes: a tenth of an 8-bit level, squared.
LEAST = (0.1 / 255) ** 2


class Autoencoder(nn.Module):
    """Encoder and decoder.

    Parameters
    ----------
    side, channels, latent, width : int
        As for `sampling_nets.Encoder`.
    """

    def __init__(self, side: int = 64, *, channels: int = 4, latent: int = 128, width: int = 24) -> None:
        super().__init__()
        self.config = {"side": side, "channels": channels, "latent": latent, "width": width}
        self.encoder = Encoder(side, channels=channels, latent=latent, width=width)
        self.decoder = Decoder(side, channels=channels, latent=latent, width=width)

    def forward(self, picture: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Read a picture and draw it again.

        Parameters
        ----------
        picture : Tensor
            N x C x side x side in [0, 1].
        noise : Tensor
            N x D, standard normal.

        Returns
        -------
        tuple of Tensor
            What was drawn, and mean and logarithm of the variance of the latents.
        """
        mean, spread = self.encoder(picture)
        return self.decoder(mean + noise * torch.exp(spread / 2)), mean, spread


class Means(nn.Module):
    """The encoder without its variances."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, picture: Tensor) -> Tensor:
        mean: Tensor = self.encoder(picture)[0]
        return mean


class Mapping(nn.Module):
    """Make latents as the encoder gives them out of normal numbers.

    A picture is chosen, and its latent is moved by normal amounts toward and away from those next to it: a draw from
    manifold Parzen windows (Vincent and Bengio, NIPS 2002), Gaussians that lie along the neighbours. Far neighbours
    count less, since half way to them nothing was learnt: a picture without near ones comes as it is. The first number
    chooses the picture, in the order of the direction in which latents differ most.

    Parameters
    ----------
    latents : Tensor
        N x D, of the pictures that were learnt.
    count : int
        Neighbours that are mixed.
    """

    latents: Tensor
    near: Tensor
    shares: Tensor

    def __init__(self, latents: Tensor, count: int = NEIGHBOURS) -> None:
        super().__init__()
        centred = latents - latents.mean(0)
        direction = torch.linalg.svd(centred, full_matrices=False)[2][0]
        latents = latents[torch.argsort(centred @ direction)]
        distances, near = torch.cdist(latents, latents).topk(min(count + 1, len(latents)), largest=False)
        distances = distances[:, 1:]
        usual = distances[:, 0].median()
        self.register_buffer("latents", latents)
        self.register_buffer("near", near)
        self.register_buffer("shares", torch.exp(-0.25 * (distances / usual).square()) / math.sqrt(distances.shape[1]))

    def forward(self, normal: Tensor) -> Tensor:
        """Map.

        Parameters
        ----------
        normal : Tensor
            N x (1 + count), standard normal.

        Returns
        -------
        Tensor
            N x D.
        """
        place = (1 + torch.erf(normal[:, 0] * math.sqrt(0.5))) / 2 * len(self.latents)
        chosen = place.long().clamp(0, len(self.latents) - 1)
        near = self.latents[self.near[chosen]]
        weights = normal[:, 1:] * self.shares[chosen]
        return near[:, 0] + (weights[..., None] * (near[:, 1:] - near[:, :1])).sum(1)


@torch.no_grad()
def mapping_of(net: Autoencoder, gallery: Gallery) -> Mapping:
    """Find the density of the latents of all pictures of a gallery.

    Parameters
    ----------
    net : Autoencoder
        The net.
    gallery : Gallery
        What it learns.

    Returns
    -------
    Mapping
        On the net's device.
    """
    device = next(net.parameters()).device
    parts = torch.from_numpy(gallery.pictures).split(64)
    return Mapping(torch.cat([net.encoder(to_unit(part.to(device)))[0] for part in parts]))


@dataclass
class VaeTask(Task):
    """Learn to read and draw the pictures of a gallery.

    Parameters
    ----------
    net : Autoencoder
        The net.
    gallery, held : Gallery
        Pictures to learn, and others to measure.
    count : int
        Pictures in a batch.
    flip : bool
        Mirrored pictures are as good.
    """

    net: Autoencoder
    gallery: Gallery
    held: Gallery
    count: int
    flip: bool = True

    def batch(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Draw pictures and noise.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        done : float
            Fraction of the run; the batch does not depend on it.

        Returns
        -------
        dict of Tensor
            "picture", uint8, and "noise".
        """
        del done
        picture, _ = self.gallery.draw(rng, self.count, flip=self.flip)
        noise = rng.standard_normal((self.count, self.net.config["latent"]), dtype=np.float32)
        return {"picture": picture, "noise": torch.from_numpy(noise)}

    def loss(self, net: nn.Module, batch: dict[str, Tensor], done: float) -> tuple[Tensor, Tensor]:
        """Negative evidence lower bound, in nats for each number of the picture.

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
        truth = to_unit(batch["picture"])
        drawn, mean, spread = net(truth, batch["noise"])
        error, divergence = _parts(drawn, truth, mean, spread)
        return 0.5 * torch.log(error + LEAST) + min(1.0, done / RISING) * divergence, drawn

    @torch.inference_mode()
    def evaluate(self, net: nn.Module) -> dict[str, float]:
        """Measure pictures that were not learnt.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        dict of float
            "psnr" of the picture drawn from the mean latent, dB over premultiplied colour and alpha, and "elbo" in nats
            a number.
        """
        device = next(net.parameters()).device
        truth = to_unit(torch.from_numpy(self.held.pictures[:256])).to(device)
        noise = torch.from_numpy(np.random.default_rng(0).standard_normal((len(truth), self.net.config["latent"])))
        drawn, mean, spread = net(truth, noise.float().to(device))
        error, divergence = _parts(drawn, truth, mean, spread)
        exact, _, _ = net(truth, torch.zeros_like(mean))
        squared = (_premultiplied(exact) - _premultiplied(truth)).square().mean((1, 2, 3))
        bound = -0.5 * math.log(2 * math.pi * math.e) - 0.5 * math.log(float(error) + LEAST) - float(divergence)
        return {"psnr": round(float((-10 * squared.log10()).mean()), 3), "elbo": round(bound, 4)}

    @torch.inference_mode()
    def picture(self, net: nn.Module) -> NDArray[np.uint8]:
        """Show held pictures, what is drawn of them, the way from one to another, and free samples, a row each.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        ndarray of uint8
            HxWx3.
        """
        assert isinstance(net, Autoencoder)
        device = next(net.parameters()).device
        shown = np.resize(np.arange(len(self.held.pictures)), SHOWN)  # again from the first where they are few
        truth = to_unit(torch.from_numpy(self.held.pictures[shown])).to(device)
        mean, _ = net.encoder(truth)
        share = torch.linspace(0, 1, SHOWN, device=device)[:, None]
        mapping = mapping_of(net, self.gallery)
        free = torch.from_numpy(np.random.default_rng(1).standard_normal((2 * SHOWN, mapping.near.shape[1])))
        latents = torch.cat([mean, mean[:1] * (1 - share) + mean[-1:] * share, mapping(free.float().to(device))])
        return sheet(torch.cat([truth, net.decoder(latents)]), SHOWN)


def _premultiplied(pictures: Tensor) -> Tensor:
    if pictures.shape[1] == 3:
        return pictures
    return torch.cat([pictures[:, :3] * pictures[:, 3:], pictures[:, 3:]], 1)


def _parts(drawn: Tensor, truth: Tensor, mean: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
    """Give the mean squared error, and the divergence of the latents for each number of a picture."""
    seen, aim = _premultiplied(drawn.float()), _premultiplied(truth)
    error = (seen - aim).square().mean()
    divergence = 0.5 * (mean.square() + spread.exp() - 1 - spread).sum(1).mean() / aim[0].numel()
    return error, divergence


def train_vae(
    job: Job,
    *,
    size: Literal[16, 32, 64, 128] = 64,
    alpha: bool = False,
    flip: bool = True,
    exclude: str | None = None,
    latent: int = 128,
    width: int = 24,
    progress: Progress | None = None,
) -> Path:
    """Train an autoencoder on a folder of pictures, to three ONNX files with manifests and cards.

    Parameters
    ----------
    job : Job
        Data, output and length.
    size : int
        Side of the pictures, pixels.
    alpha : bool
        Read and draw transparency.
    flip : bool
        Mirrored pictures are as good.
    exclude : str, optional
        Shell pattern of names that are left out.
    latent : int
        Numbers in a latent.
    width : int
        Channels at the full size; more below.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    Path
        The decoder's ONNX file; beside it lie the encoder's, ``NAME-encoder.onnx``, and that of the net that draws
        latents, ``NAME-mapping.onnx``.
    """
    loaded = Gallery.load(job.data, side=size, alpha=alpha, exclude=exclude)
    if job.held is None:
        learnt, held = loaded.part(slice(None), without=slice(None, None, 20)), loaded.part(slice(None, None, 20))
    else:
        learnt, held = loaded, Gallery.load([job.held], side=size, alpha=alpha, exclude=exclude)
    channels = 3 + alpha
    encoder_name, mapping_name = f"{job.name}-encoder", f"{job.name}-mapping"
    options: dict[str, Any] = {
        "size": size,
        "alpha": alpha,
        "exclude": exclude,
        "latent": latent,
        "width": width,
        "no-flip": not flip,
    }

    def decoder(net: nn.Module) -> nn.Module:
        assert isinstance(net, Autoencoder)
        return net.decoder

    def besides(net: nn.Module, card: Card) -> None:
        assert isinstance(net, Autoencoder)
        means = Means(net.encoder)
        export(means, encoder_name, "picture", torch.rand(2, channels, size, size))
        common: dict[str, Any] = {"task": "vae", "space": "w", "tiling": "never", "partner": job.name}
        ship(means, job, card, name=encoder_name, family="encoder", fixed_size=(size, size), **common)
        mapping = mapping_of(net, learnt)
        export(mapping, mapping_name, "normal", torch.randn(2, mapping.near.shape[1]))
        ship(mapping, job, card, name=mapping_name, family="mapping", **common)

    def export(net: nn.Module, name: str, takes: str, example: Tensor) -> None:
        path = job.output / f"{name}.onnx"
        export_onnx(net, path, examples={takes: example}, outputs=["latent"], free_axes=(0,), store="float16")

    plan = Plan(
        kind="vae",
        title=f"read and draw pictures of {size}x{size}",
        net=lambda: Autoencoder(size, channels=channels, latent=latent, width=width),
        task=lambda net: VaeTask(net, learnt, held, job.batch(), flip),
        steps=10_000,
        rate=1e-3,
        examples={"latent": torch.randn(2, latent)},
        free_axes=(0,),
        store="float16",
        part=decoder,
        also=besides,
        manifest={
            "task": "vae",
            "family": "decoder",
            "space": "w",
            "partner": encoder_name,
            "mapping": mapping_name,
            "tiling": "never",
        },
        options=options,
    )
    return make(plan, job, progress)
