"""Train a super-resolution net: small crops in, large crops out.

The small pictures are made by antialiased bicubic reduction (a = -0.5, as in MATLAB and Pillow), rounded to 8 bit,
which is what published tables of PSNR are measured on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from imgedit.models.manifest import Manifest, file_hash
from imgedit.strips import Progress
from imgedit.training.export import Card, export_onnx, write_card
from imgedit.training.loop import Settings, train
from imgedit.training.nets import SuperResolution, count_parameters
from imgedit.training.pictures import Crop, augment, load_folder
from imgedit.training.weights import start_from

__all__ = ["SuperResolutionTask", "luma_psnr", "reduce_bicubic", "train_superres"]

# Besides its own size each photo is learnt at these: small versions hold more detail in every pixel.
SIZES = (1.0, 0.7, 0.45)


def reduce_bicubic(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Reduce as MATLAB's imresize does: bicubic, a = -0.5, antialiased, rounded.

    Parameters
    ----------
    image : ndarray of uint8
        HxWx3.
    size : tuple of int
        Height and width of the result.

    Returns
    -------
    ndarray of uint8
        The small picture.
    """
    small = PIL.Image.fromarray(image).resize((size[1], size[0]), PIL.Image.Resampling.BICUBIC)
    return np.asarray(small)


def luma_psnr(image: NDArray[np.uint8], truth: NDArray[np.uint8], shave: int) -> float:
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


@dataclass
class SuperResolutionTask:
    """Learn to enlarge the pictures of a folder.

    Parameters
    ----------
    net : SuperResolution
        The net.
    large, small : list of ndarray of uint8
        Pictures and their reductions.
    places : Crop
        Where crops of the small pictures are taken.
    held : list of tuple of ndarray of uint8
        Small and large pictures that are measured, never learnt.
    crop : int
        Side of a small crop, pixels.
    count : int
        Crops in a batch.
    """

    net: SuperResolution
    large: list[NDArray[np.uint8]]
    small: list[NDArray[np.uint8]]
    places: Crop
    held: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
    crop: int = 48
    count: int = 16

    @classmethod
    def from_folder(
        cls, net: SuperResolution, data: Path, *, held: Path | None = None, crop: int = 48, count: int = 16
    ) -> SuperResolutionTask:
        """Decode a folder and make the small pictures.

        Parameters
        ----------
        net : SuperResolution
            The net.
        data : Path
            Folder of photos to learn.
        held : Path, optional
            Folder of photos to measure; by default every twentieth photo of `data` is held back (at least one, if there
            are two).
        crop : int
            Side of a small crop, pixels.
        count : int
            Crops in a batch.

        Returns
        -------
        SuperResolutionTask
            Ready for `loop.train`.
        """
        scale = net.scale
        photos = load_folder(data, least_side=scale * crop)
        if held is None:
            kept, photos = photos[::20], [p for i, p in enumerate(photos) if i % 20 or len(photos) == 1]
        else:
            kept = load_folder(held, least_side=scale * 8)
        large = [
            sized for photo in photos for size in SIZES if (sized := _sized(photo, size, scale * crop)) is not None
        ]
        large = [_whole(photo, scale) for photo in large]
        small = [_reduced(photo, scale) for photo in large]
        measured = [(_reduced(_whole(photo, scale), scale), _whole(photo, scale)) for photo in kept[:8]]
        return cls(net, large, small, Crop.over(small, crop // 2), measured, crop, count)

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
        pairs = [self._pair(rng, int(index)) for index in self.places.choose(rng, self.count)]
        stacked = [np.stack(side).transpose(0, 3, 1, 2) for side in zip(*pairs, strict=True)]
        small, large = (torch.from_numpy(np.ascontiguousarray(side)) for side in stacked)
        return {"small": small, "large": large}

    def _pair(self, rng: np.random.Generator, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        picture, scale, crop = int(self.places.cells[index, 0]), self.net.scale, self.crop
        small, large = self.small[picture], self.large[picture]
        height, width = small.shape[:2]
        top, left = self.places.draw(rng, (height, width), crop, index)
        turn = int(rng.integers(8))
        inner = large[top * scale : (top + crop) * scale, left * scale : (left + crop) * scale]
        return augment(small[top : top + crop, left : left + crop], turn), augment(inner, turn)

    def loss(self, net: nn.Module, batch: dict[str, Tensor], done: float) -> Tensor:
        """Absolute error: at the end of a run the squared error, which PSNR is made of, measured 0.02 dB lower.

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
        Tensor
            A scalar.
        """
        del done
        guess = net(_to_unit(batch["small"])).float()
        truth = _to_unit(batch["large"])
        return functional.l1_loss(guess, truth)

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
        scores = [luma_psnr(enlarge(net, small), large, self.net.scale) for small, large in self.held]
        return {"psnr": round(float(np.mean(scores)), 4)}

    @torch.inference_mode()
    def picture(self, net: nn.Module) -> NDArray[np.uint8]:
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
        return np.concatenate([side[window] for side in (nearest, enlarge(net, small), large)], axis=1)


def enlarge(net: nn.Module, small: NDArray[np.uint8]) -> NDArray[np.uint8]:
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
        The large picture.
    """
    device = next(net.parameters()).device
    x = _to_unit(torch.from_numpy(np.ascontiguousarray(small.transpose(2, 0, 1)))[None].to(device))
    large = net(x)[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).byte()
    return np.asarray(large.cpu().numpy())


def _to_unit(levels: Tensor) -> Tensor:
    return levels.to(torch.float32, memory_format=torch.channels_last) / 255


def _sized(photo: NDArray[np.uint8], size: float, least_side: int) -> NDArray[np.uint8] | None:
    height, width = (round(side * size) for side in photo.shape[:2])
    if min(height, width) < least_side:
        return None
    return photo if size == 1 else reduce_bicubic(photo, (height, width))


def _whole(photo: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    height, width = (side - side % scale for side in photo.shape[:2])
    return photo[:height, :width]


def _reduced(photo: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    return reduce_bicubic(photo, (photo.shape[0] // scale, photo.shape[1] // scale))


def train_superres(
    data: Path,
    out: Path,
    *,
    scale: int = 4,
    name: str | None = None,
    steps: int = 4000,
    rate: float = 1e-3,
    crop: int = 48,
    count: int = 16,
    channels: int = 48,
    blocks: int = 5,
    held: Path | None = None,
    every: int = 500,
    seed: int = 0,
    device: str = "auto",
    init_from: Path | None = None,
    license: str = "as that of the photos",
    progress: Progress | None = None,
) -> Path:
    """Train a super-resolution net on a folder of photos, to an ONNX file with manifest and card.

    Parameters
    ----------
    data : Path
        Folder of photos, searched with its sub-folders.
    out : Path
        Folder for checkpoints, log, pictures and the result; a run that was stopped goes on from there.
    scale : int
        Factor, 2 to 4.
    name : str, optional
        Name of the model; by default that of the folder `out`.
    steps : int
        Length of the run.
    rate : float
        Highest learning rate.
    crop : int
        Side of the small crops, pixels.
    count : int
        Crops in a batch.
    channels, blocks : int
        Width and depth of the net.
    held : Path, optional
        Folder of photos to measure; by default every twentieth photo of `data` is held back.
    every : int
        Steps between checkpoints.
    seed : int
        Seed of everything random.
    device : str
        "auto", "cpu" or "cuda".
    init_from : Path, optional
        ONNX file of a net of the same width and depth, of any factor, whose weights the run starts from. A checkpoint
        in `out` goes before it.
    license : str
        Licence of the weights, for manifest and card.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    Path
        The ONNX file.
    """
    started = time.monotonic()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = SuperResolution(scale, channels=channels, blocks=blocks)
    if init_from is not None:
        start_from(net, init_from)
    task = SuperResolutionTask.from_folder(net, data, held=held, crop=crop, count=count)
    settings = Settings(steps=steps, rate=rate, warmup=min(200, steps // 10), seed=seed, every=every, device=device)
    best = train(task, out, settings, progress=progress)
    name = name or out.resolve().name
    path = out / f"{name}.onnx"
    export_onnx(best, path, example=torch.rand(1, 3, crop, crop + 8))
    manifest = Manifest(
        name=name,
        folder=out,
        task="superres",
        family="rgb",
        file=path.name,
        sha256=file_hash(path),
        license=license,
        source="imgedit train superres",
        scale=scale,
        overlap=3 * blocks + 3,
        half=True,
        parameters=count_parameters(best),
    )
    card = Card(
        title=f"super-resolution x{scale} after bicubic reduction",
        data=f"{len(task.large)} pictures",
        command=f"imgedit train superres --data {data.name} --scale {scale} --steps {steps} -o {out.name}",
        figures={f"luma PSNR of {len(task.held)} held pictures, dB": task.evaluate(best)["psnr"]},
        steps=steps,
        minutes=(time.monotonic() - started) / 60,
        seed=seed,
    )
    write_card(out, manifest, card)
    return path
