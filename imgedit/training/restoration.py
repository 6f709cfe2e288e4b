"""Train a net that takes noise and JPEG artefacts off a picture without changing its size."""

from __future__ import annotations

from pathlib import Path

import torch

from imgedit.strips import Progress
from imgedit.training.degradations import age
from imgedit.training.job import Job, Weights
from imgedit.training.making import Plan, check_crop, make
from imgedit.training.nets import SuperResolution
from imgedit.training.pairs import PairTask

__all__ = ["train_restoration"]

# Screenshots and scans are what JPEG hurts most.
DRAWN = 0.15


def train_restoration(
    job: Job,
    *,
    crop: int = 96,
    channels: int = 48,
    blocks: int = 5,
    relative: bool = False,
    weights: Weights | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train a net for JPEG artefacts and noise, to an ONNX file with manifest and card.

    Parameters
    ----------
    job : Job
        Data, output and length.
    crop : int
        Side of the crops, pixels, even.
    channels, blocks : int
        Width and depth of the net.
    relative : bool
        Divide each crop's error by what was wrong with it, so that what is good already comes back as it was: for a
        second stage, from a net that restores.
    weights : Weights, optional
        Losses besides the absolute error.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    Path
        The ONNX file.
    """
    check_crop(crop, 2)
    plan = Plan(
        kind="restore",
        title="JPEG artefacts and noise off, whatever their strength",
        net=lambda: SuperResolution(1, channels=channels, blocks=blocks),
        task=lambda net: PairTask.from_job(
            net, job, crop=crop, spoil=age, drawn=DRAWN, weights=weights, relative=relative
        ),
        # Ten minutes on two cores.
        steps=2000,
        rate=1e-3,
        shipped="restore-jpeg" if (channels, blocks) == (48, 5) else None,
        shipped_rate=5e-4,
        examples={"input": torch.rand(1, 3, crop, crop + 8)},
        # The net works at half the size.
        store="float16",
        manifest={"task": "restore", "family": "rgb", "overlap": 2 * (3 * blocks + 3), "half": True},
        multiple=2,
        options={"crop": crop, "channels": channels, "blocks": blocks, "relative": relative},
    )
    return make(plan, job, progress)
