"""Decode only as much as the first step needs.

A JPEG decoder can leave out high frequencies and give the picture at a half, a quarter or an eighth of its size, much
faster than the whole. That is close to the mean over blocks of pixels (measured: 53 dB from ``filter="area"``), so a
recipe that begins with a resize reads the photo smaller, and resizes by what is left: for ``area``, ``box`` and
``auto`` as far as the decoder goes, for every other filter with at least a factor of 2 left for it, which hides the
difference (measured: 50 dB from the filter over all pixels). Where several results begin with a resize each, the
largest of them decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

__all__ = ["Opened", "open_for"]

# Pixels of the decoder for each pixel of the result that a filter must find; "nearest" wants the real ones.
LEFT_FOR = {"area": 1.0, "box": 1.0, "auto": 1.0, "linear": 2.0, "cubic": 2.0, "mitchell": 2.0, "lanczos3": 2.0}

# A third of 1000 is 333: sizes are rounded, and a ratio that falls short of a whole one by that is meant as whole.
SLACK = 0.98

# What decides the size of the result; the rest is how its pixels are made.
SIZES = ("size", "scale", "width", "height", "fit")


@dataclass(frozen=True)
class Opened:
    """A photo as it was decoded.

    Parameters
    ----------
    image : ndarray
        Its pixels, perhaps fewer than it has.
    metadata : Metadata
        To be written along.
    shape : tuple of int
        Height and width of the whole photo, upright.
    reduction : int
        By how much it was decoded smaller.
    """

    image: Image
    metadata: io.Metadata
    shape: tuple[int, int]
    reduction: int

    def begin(self, steps: Sequence[Step]) -> tuple[Image, Sequence[Step]]:
        """Do the first of some steps, if it has to know that the photo was decoded smaller.

        Parameters
        ----------
        steps : sequence of Step
            One of the chains for which the photo was opened.

        Returns
        -------
        image : ndarray
            The photo, or what the first step makes of it.
        steps : sequence of Step
            What is still to be done.
        """
        if self.reduction == 1:
            return self.image, steps
        how = {key: value for key, value in steps[0].parameters.items() if key not in SIZES}
        with in_step(0, steps[0]):
            return resize_placed(self.image, _placement(self.shape, steps[0]).after(self.reduction), **how), steps[1:]


def open_for(
    chains: Sequence[Sequence[Step]],
    data: bytes,
    photo: Photo,
    options: Mapping[str, Any],
    seen: Callable[[Image], None] | None = None,
) -> Opened:
    """Read a photo as far as what is done with it needs.

    Parameters
    ----------
    chains : sequence of sequence of Step
        What is to be done with it, each chain on its own; the one that needs most decides.
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
    Opened
        To begin each chain with.
    """
    rest = {key: options[key] for key in options if key != "max_bytes"}
    reduction, shape = 1, (0, 0)
    if photo.format == "jpeg" and all(steps and _can_start_smaller(steps[0]) for steps in chains):
        header = sniff(data, photo.source).probe(data, photo.source)
        shape = _upright(header)
        reduction = min(_reduction(header, steps[0], photo) for steps in chains)
    image, metadata = io.decode(data, name=photo.source, reduce=reduction, **rest)
    if seen is not None:
        seen(image)
    return Opened(image, metadata, shape, reduction)


def _upright(header: Header) -> tuple[int, int]:
    return (header.width, header.height) if header.orientation >= 5 else (header.height, header.width)


def _traits(header: Header, photo: Photo) -> Traits:
    height, width = _upright(header)
    return Traits(width, height, header.channels, header.dtype, photo)


def _can_start_smaller(step: Step) -> bool:
    given = step.parameters
    # Light can't be averaged after the decoder has averaged the encoded values.
    return step.op == "resize" and "image" not in given and given.get("space", "srgb") == "srgb"


def _placement(shape: tuple[int, int], step: Step) -> Placement:
    return place(shape, **{key: value for key, value in step.parameters.items() if key in SIZES})


def _reduction(header: Header, step: Step, photo: Photo) -> int:
    """Choose how far the decoder may reduce a photo that a step resizes first."""
    with in_step(0, step):
        if not holds(step.when, _traits(header, photo)):
            return 1
        ratio = _placement(_upright(header), step).ratio
    least = LEFT_FOR.get(step.parameters.get("filter", "auto"), float("inf"))
    for factor in (8, 4, 2):
        # Blocks that stick out do so at the right and bottom as stored; turned, they would shift the picture.
        fits = header.orientation in (1, 5) or not (header.width % factor or header.height % factor)
        if fits and ratio / factor >= least * SLACK:
            return factor
    return 1
