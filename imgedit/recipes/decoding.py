"""Decode only as much as the first step needs.

A JPEG decoder can leave out high frequencies and give the picture at a half, a quarter or an eighth of its size, much
faster than the whole. That is close to the mean over blocks of pixels (measured: 53 dB from ``filter="area"``), so a
recipe that begins with a resize reads the photo smaller, and resizes by what is left: for ``area``, ``box`` and
``auto`` as far as the decoder goes, for every other filter with at least a factor of 2 left for it, which hides the
difference (measured: 50 dB from the filter over all pixels).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imgedit import io
from imgedit.geometry.resampling import Placement, place, resize_placed
from imgedit.io.codec import Header
from imgedit.io.formats import sniff
from imgedit.pixels import Image
from imgedit.recipes.conditions import Traits, holds
from imgedit.recipes.photos import Photo
from imgedit.recipes.running import in_step

if TYPE_CHECKING:
    from imgedit.recipes import Step

__all__ = ["open_for"]

# Pixels of the decoder for each pixel of the result that a filter must find; "nearest" wants the real ones.
LEFT_FOR = {"area": 1.0, "box": 1.0, "auto": 1.0, "linear": 2.0, "cubic": 2.0, "mitchell": 2.0, "lanczos3": 2.0}

# A third of 1000 is 333: sizes are rounded, and a ratio that falls short of a whole one by that is meant as whole.
SLACK = 0.98

# What decides the size of the result; the rest is how its pixels are made.
SIZES = ("size", "scale", "width", "height", "fit")


def open_for(
    steps: Sequence[Step],
    data: bytes,
    photo: Photo,
    options: Mapping[str, Any],
    seen: Callable[[Image], None] | None = None,
) -> tuple[Image, io.Metadata, Sequence[Step]]:
    """Read a photo, and give the steps that are left to do.

    Parameters
    ----------
    steps : sequence of Step
        What is to be done with it.
    data : bytes
        The whole file.
    photo : Photo
        Where it is from.
    options : mapping
        Parameters of `imgedit.read`.
    seen : callable, optional
        Given the photo as it was decoded.

    Returns
    -------
    image : ndarray
        The photo, or what the first step makes of it.
    metadata : Metadata
        To be written along.
    steps : sequence of Step
        What is still to be done.
    """
    rest = {key: options[key] for key in options if key != "max_bytes"}
    reduction, placement = 1, None
    if photo.format == "jpeg" and steps and _can_start_smaller(steps[0]):
        header = sniff(data, photo.source).probe(data, photo.source)
        with in_step(0, steps[0]):
            if holds(steps[0].when, _traits(header, photo)):
                reduction, placement = _reduction(header, steps[0].parameters)
    image, metadata = io.decode(data, name=photo.source, reduce=reduction, **rest)
    if seen is not None:
        seen(image)
    if placement is None or reduction == 1:
        return image, metadata, steps
    how = {key: value for key, value in steps[0].parameters.items() if key not in SIZES}
    with in_step(0, steps[0]):
        return resize_placed(image, placement.after(reduction), **how), metadata, steps[1:]


def _traits(header: Header, photo: Photo) -> Traits:
    turned = header.orientation >= 5
    width, height = (header.height, header.width) if turned else (header.width, header.height)
    return Traits(width, height, header.channels, header.dtype, photo)


def _can_start_smaller(step: Step) -> bool:
    given = step.parameters
    # Light can't be averaged after the decoder has averaged the encoded values.
    return step.op == "resize" and "image" not in given and given.get("space", "srgb") == "srgb"


def _reduction(header: Header, given: Mapping[str, Any]) -> tuple[int, Placement]:
    """Choose how far the decoder reduces, and what lands where."""
    turned = header.orientation >= 5
    shape = (header.width, header.height) if turned else (header.height, header.width)
    placement = place(shape, **{key: value for key, value in given.items() if key in SIZES})
    least = LEFT_FOR.get(given.get("filter", "auto"), float("inf"))
    for factor in (8, 4, 2):
        # Blocks that stick out do so at the right and bottom as stored; turned, they would shift the picture.
        fits = header.orientation in (1, 5) or not (header.width % factor or header.height % factor)
        if fits and placement.ratio / factor >= least * SLACK:
            return factor, placement
    return 1, placement
