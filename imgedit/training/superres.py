"""Train a super-resolution net: small crops in, large crops out.

By default the small pictures are made by antialiased bicubic reduction (a = -0.5, as in MATLAB and Pillow), rounded to
8 bit, which is what published tables of PSNR are measured on; on demand by all that happens to photos.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from imgedit.strips import Progress
from imgedit.training.degradations import degrade
from imgedit.training.job import Job, Weights
from imgedit.training.making import Plan, check_crop, make
from imgedit.training.nets import SuperResolution
from imgedit.training.pairs import PairTask, Picture

__all__ = ["train_superres"]

# Width and depth, in blocks of three convolutions: many narrow layers learn more than few wide ones of as many numbers.
CHANNELS, BLOCKS = 32, 13
# What lies this many pixels away changes few numbers of a result, by a level or two, however many blocks there
# are. At 16 that held for ten pictures of eleven, and a spot of the last one came out 41 levels off.
REACH = 24
# Share of drawn pictures where a net learns the photos of the world: they seldom hold text.
DRAWN = 0.15


def train_superres(
    job: Job,
    *,
    scale: int = 4,
    crop: int = 48,
    channels: int = CHANNELS,
    blocks: int = BLOCKS,
    photo: bool = False,
    weights: Weights | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train a super-resolution net on photos, to an ONNX file with manifest and card.

    Parameters
    ----------
    job : Job
        Data, output and length.
    scale : int
        Factor, 2 to 4.
    crop : int
        Side of the small crops, pixels.
    channels, blocks : int
        Width and depth of the net.
    photo : bool
        Learn blurred, noisy, compressed pictures, and drawn ones among them.
    weights : Weights, optional
        Losses besides the absolute error.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    Path
        The ONNX file.
    """

    def spoil(picture: Picture, rng: np.random.Generator) -> Picture:
        return degrade(picture, scale, rng)

    check_crop(crop, 1)
    plan = Plan(
        kind="superres",
        title=f"super-resolution x{scale} "
        + ("of blurred, noisy, compressed photos" if photo else "after bicubic reduction"),
        net=lambda: SuperResolution(scale, channels=channels, blocks=blocks, grain=photo, exact=not photo),
        task=lambda net: PairTask.from_job(
            net, job, crop=crop, spoil=spoil if photo else None, drawn=DRAWN if photo else 0, weights=weights
        ),
        # Some ten minutes.
        steps=2000 if photo else 1000,
        rate=1e-3,
        # Losses of opinion are noisy, and its steps are large where slopes are.
        optimizer="adam" if photo else "muon",
        shipped=f"sr-x{scale}" if (channels, blocks) == (CHANNELS, BLOCKS) else None,
        shipped_rate=5e-4,
        examples={"input": torch.rand(1, 3, crop, crop + 8)},
        manifest={
            "task": "superres",
            "family": "rgb",
            "scale": scale,
            "overlap": min(3 * blocks + 3, REACH),
            # Hashes of colours are too large for float16.
            "half": not photo,
        },
        options={
            "scale": scale,
            "crop": crop if crop != 48 else None,
            "channels": channels if channels != CHANNELS else None,
            "blocks": blocks if blocks != BLOCKS else None,
            "photo": photo,
            **asdict(weights or Weights()),
        },
    )
    return make(plan, job, progress)
