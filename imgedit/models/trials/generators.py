"""Nets that make a picture of numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.models.session import DTYPES
from imgedit.models.trials.trial import BYTE, SIGNED, UNIT, Floats, Range, Trial, unit

__all__ = ["examine_generator"]


def examine_generator(trial: Trial, kinds: list[str]) -> None:
    """Find out what a net does that takes numbers and gives a picture.

    Parameters
    ----------
    trial : Trial
        Its fields and findings are filled in.
    kinds : list of str
        What each input is.
    """
    rng = np.random.default_rng(0)
    feeds: list[NDArray[Any]] = []
    roles: list[str] = []
    for port, kind in zip(trial.model.inputs, kinds, strict=True):
        shape = tuple(side or 1 for side in port.shape)
        values = np.zeros(shape) if kind == "label" else rng.standard_normal(shape)
        feeds.append(values.astype(DTYPES[port.dtype]))
        roles.append("label" if kind == "label" else "noise" if "latent" in roles else "latent")
    result = trial.answer(*feeds)
    picture = _picture(trial, result)
    named = re.search(r"dec|vae", trial.path.stem, re.IGNORECASE) is not None
    trial.note("task", "vae" if named else "gan", "numbers to a picture" + (", and its name says so" if named else ""))
    trial.note("family", "decoder" if trial.fields["task"] == "vae" else "generator", "numbers to a picture")
    if len(roles) > 1:
        trial.note("inputs", roles, "by their types and shapes")
    inside = [span for span in (UNIT, SIGNED) if _holds(picture, span)]
    span = BYTE if result.dtype == np.uint8 or not inside else inside[0]
    trial.note("range", span, f"its numbers go from {picture.min():.3g} to {picture.max():.3g}")
    trial.note("space", "z", "a guess: the usual one")
    trial.note("tiling", "never", "it is made whole")
    trial.given = trial.got = np.clip(unit(picture, span), 0, 1)


def _picture(trial: Trial, result: NDArray[Any]) -> Floats:
    """Find the picture in what was made: a row of numbers, HxWxC or CxHxW, with a batch axis or without."""
    if not np.isfinite(result).all():
        raise trial.fail("gives numbers that are not finite")
    shape = "x".join(map(str, result.shape))
    values = result.astype(np.float32)
    values = values[0] if values.ndim in (2, 4) and len(values) == 1 else values
    if values.ndim == 1:
        squares = [(count, round((values.size / count) ** 0.5)) for count in (1, 3, 4)]
        fitting = [(count, side) for count, side in squares if count * side * side == values.size]
        if not fitting:
            raise trial.fail(f"gives {shape} numbers, which make no square picture")
        channels, side = fitting[0]
        values = values.reshape(channels, side, side)
    if values.ndim != 3:
        raise trial.fail(f"gives {shape} numbers, which are no picture")
    first = values.shape[0] in (1, 3, 4)
    trial.note("layout", "nchw" if first else "nhwc", f"it gives {shape} numbers")
    return np.ascontiguousarray(values.transpose(1, 2, 0) if first else values)


def _holds(values: Floats, span: Range) -> bool:
    slack = 0.02 * (span[1] - span[0])
    return bool(values.min() >= span[0] - slack and values.max() <= span[1] + slack)
