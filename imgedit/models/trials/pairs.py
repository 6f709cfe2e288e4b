"""Nets that take a picture and something else: a mask, a style, the weights of several styles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ModelError, ModelMemoryError
from imgedit.models.session import DTYPES, Port
from imgedit.models.trials.nets import CLOSE, note_painted
from imgedit.models.trials.trial import BYTE, RANGES, UNIT, Floats, Trial, photo, psnr, sizes, unit

__all__ = ["examine_gallery", "examine_pair"]


def examine_pair(trial: Trial) -> None:
    """Find out what a net does that takes two pictures: one may be a mask.

    Parameters
    ----------
    trial : Trial
        Its fields and findings are filled in.
    """
    trial.note_layout(max(trial.model.inputs, key=lambda port: 3 in port.shape))
    counts = [trial.channels(port) for port in trial.model.inputs]
    if sorted(counts) == [1, 3]:
        trial.note("inputs", ["mask" if count == 1 else "image" for count in counts], "one channel, and three")
        _examine_inpainting(trial, trial.model.inputs[counts.index(3)])
        return
    trial.note("inputs", ["image", "style"], "two pictures; a guess that the first is the content")
    trial.note("task", "style", "two pictures in")
    trial.note("family", "pair", "two pictures in")
    image = trial.model.inputs[0]
    style = photo(*(side or 96 for side in trial.sides(trial.model.inputs[1])))[::-1, ::-1]
    note_painted(trial, _try_with(trial, image, lambda _: style))


def _examine_inpainting(trial: Trial, image: Port) -> None:
    """Examine a net that fills holes: it must leave all as it is where nothing is missing."""
    pipeline = image.dtype == "uint8"
    family = "pipeline" if pipeline else "rgb-mask" if None in trial.sides(image) else "lama"
    trial.note("task", "inpaint", "a picture and a mask in")
    trial.note("family", family, {"pipeline": "whole bytes in", "lama": "one size", "rgb-mask": "any size"}[family])
    trial.note("tiling", "never", "a hole is filled from the whole")
    trial.note("range", BYTE if pipeline else UNIT, "whole bytes in" if pipeline else "a guess: the usual one")
    got = _try_with(trial, image, lambda size: np.full((*size, 1), float(pipeline), np.float32))
    assert trial.given is not None
    likeness, out = max((psnr(unit(got, span), trial.given), span) for span in RANGES)
    if likeness < CLOSE:
        hole = "1" if pipeline else "0"
        raise trial.fail(f"changes what is known ({likeness:.1f} dB): a hole seems to be {hole}, which no family takes")
    if out != trial.fields["range"]:
        trial.note("output_range", out, f"what is known comes back at {likeness:.1f} dB")
    trial.got = np.clip(unit(got, out), 0, 1)


def _try_with(trial: Trial, image: Port, other: Callable[[tuple[int, int]], Floats]) -> Floats:
    """Run on the photo and something else, at the first size that the net takes."""
    height, width = trial.sides(image)
    tried = [(None, (height, width))] if height and width else sizes()
    trouble = trial.fail("gives no picture of the size that it was given")
    for multiple, size in tried:
        span = BYTE if image.dtype == "uint8" else UNIT
        whole, second = photo(*size), other(size)
        feeds = [trial.give(whole if port is image else second, span, port) for port in trial.model.inputs]
        try:
            got = trial.take(trial.answer(*feeds))
        except ModelMemoryError:
            raise
        except ModelError as problem:
            trouble = problem
            continue
        if got.shape[:2] == size:
            trial.given = whole
            if multiple is not None and multiple > 1:
                trial.note("multiple_of", multiple, "the first that it takes")
            return got
    raise trouble


def examine_gallery(trial: Trial, kinds: list[str]) -> None:
    """Find out what a net does that takes a picture and a row of numbers: the weights of several styles.

    Parameters
    ----------
    trial : Trial
        Its fields and findings are filled in.
    kinds : list of str
        What each input is.
    """
    image, numbers = (trial.model.inputs[kinds.index(kind)] for kind in ("image", "latent"))
    count = numbers.shape[1] or 1
    trial.note_layout(image)
    trial.note("inputs", ["image" if kind == "image" else "weights" for kind in kinds], "a picture and numbers")
    trial.note("task", "style", "a picture and numbers in")
    trial.note("family", "gallery", f"{count} weights")
    trial.note("classes", [f"style-{index + 1}" for index in range(count)], "the file has no names")
    even: NDArray[Any] = np.full((1, count), 1 / count, DTYPES[numbers.dtype])
    height, width = (side or default for side, default in zip(trial.sides(image), (64, 96), strict=True))
    trial.given = photo(height, width)
    feeds = [trial.give(trial.given, UNIT, port) if port is image else even for port in trial.model.inputs]
    note_painted(trial, trial.take(trial.answer(*feeds)))
