"""Try a recipe on small drawn pictures, so that a number out of range is told before the first photo.

Ranges stand in the verbs themselves, and many depend on other parameters (white above black, a patch smaller than the
search). So nothing is declared twice: the steps are run with their real parameters on pictures of every kind that a
photo may be, until one kind passes. What fails for all of them is a fault of the recipe, unless the message depends on
the size of the picture: a place outside of a small one may lie inside of a photo. In place of images and masks stand
drawn ones of their kind: of the picture's size, or of their own from a step on that gives all photos one size.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imgedit import io
from imgedit.errors import ArgumentError, Cancelled, ModelError, ModelMemoryError, ModelTimeoutError, WriteError
from imgedit.pixels import Image, Mask, join_alpha, like
from imgedit.recipes.conditions import OF_PIXELS, Traits, holds
from imgedit.recipes.networks import needs_network
from imgedit.recipes.outputs import Output
from imgedit.recipes.photos import is_pattern
from imgedit.recipes.running import resolved
from imgedit.recipes.steps import STEPS
from imgedit.recipes.verbs import ON_DISK
from imgedit.recipes.wording import for_recipe

if TYPE_CHECKING:
    from imgedit.recipes import Step

__all__ = ["Fault", "fault"]

Fault = tuple[int, str, str]
"""Index of the step (the number of steps stands for the output), the parameter if it is known, a sentence."""

# Two sizes, to see whether a step gives every photo the same, and whether an error depends on the size.
SIZES = ((48, 64), (70, 50))

# The usual photo first: where that passes, the others need not be tried.
KINDS = (("uint8", 3), ("uint8", 4), ("uint16", 3), ("float32", 3), ("uint8", 1))

# What decides how large a result is. A trial must not take the memory of a poster.
EXTENTS = ("size", "width", "height", "scale", "margins", "box", "expand")
MOST_EXTENT, MOST_SCALE, MOST_PIXELS = 2000, 8, 2_500_000

# To enlarge a drawn picture tenfold seam by seam takes a minute, and what comes out has another size.
SLOW = frozenset({"carve"})

# Its size is that at which it works: what comes out is as large as the photo.
AS_LARGE = frozenset({"stylize"})


# What verbs say against their arguments, and against a network.
REFUSALS = (ArgumentError, ModelError)


class _UnknownError(Exception):
    """What comes out of a step can't be told without doing all of it."""


def fault(steps: Sequence[Step], folder: Path, output: Output, *, networks: bool = False) -> Fault | None:
    """Run steps on drawn pictures, and tell which of them no photo can pass.

    Parameters
    ----------
    steps : sequence of Step
        Steps whose names and types are right.
    folder : Path
        Where relative paths of images start.
    output : Output
        The result, with its own steps.
    networks : bool
        Run networks, too, which takes longer than a check may.

    Returns
    -------
    tuple or None
        What stopped the kind of picture that came farthest; None where one passes, or where it depends on the photo.
    """
    found: list[Fault] = []
    steps = (*steps, *output.steps)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for dtype, channels in KINDS:
            try:
                stopped = _stopped([_picture(size, dtype, channels) for size in SIZES], steps, folder, output, networks)
            except _UnknownError:
                return None
            if stopped is None:
                return None
            found.append(stopped)
    return max(found, key=lambda one: one[0])


def _stopped(images: list[Image], steps: Sequence[Step], folder: Path, output: Output, networks: bool) -> Fault | None:
    """Say where pictures of one kind are stopped; None where they come through."""
    depends = False
    for index, step in enumerate(steps):
        if not _may_hold(step, images[0]):
            continue
        sized = images[0].shape == images[1].shape
        if needs_network(step.op, step.parameters) and not networks:
            raise _UnknownError
        results = [_tried(step, image, folder, sized) for image in images]
        failures = [result for result in results if isinstance(result, REFUSALS)]
        if failures:
            if depends or len({str(failure) for failure in failures}) != 1 or len(failures) != len(images):
                raise _UnknownError
            return index, getattr(failures[0], "argument", "model"), for_recipe(failures[0])
        images = [np.asarray(result) for result in results]
        depends = depends or bool(step.when)
    return _unwritable(images[0], len(steps), output) if output.format and not depends else None


def _may_hold(step: Step, image: Image) -> bool:
    """Tell whether a photo of this kind may meet the conditions: those on size and file may hold for any kind."""
    kind = {name: value for name, value in step.when.items() if name in OF_PIXELS}
    return holds(kind, Traits.of(image, None))


def _tried(step: Step, image: Image, folder: Path, sized: bool) -> Image | ArgumentError | ModelError:
    """Give what a step makes of a picture, or what it says against it."""
    verb = STEPS[step.op]
    if _is_large(step) or image.shape[0] * image.shape[1] > MOST_PIXELS:
        raise _UnknownError
    try:
        given = {name: _stand_in(step, name, value, image, folder, sized) for name, value in step.parameters.items()}
        arguments = {name: resolved(step, name, value, folder) for name, value in given.items()}
        arguments[verb.place(step.parameters)] = image
        if step.op in SLOW | AS_LARGE or not set(EXTENTS) & set(verb.parameters):
            arguments |= {reporter.name: _leave for reporter in verb.of_kind("progress")}
        result: Image = verb.call(arguments)
    except (ModelMemoryError, ModelTimeoutError):
        raise _UnknownError from None
    except REFUSALS as failure:
        return failure
    except Cancelled:
        if step.op in SLOW:
            raise _UnknownError from None
        return image
    return result


def _leave(fraction: float) -> None:
    """Stop what takes long as soon as it has begun: its parameters are checked by then."""
    if fraction > 0:
        raise Cancelled


def _is_large(step: Step) -> bool:
    for name in EXTENTS:
        value = step.parameters.get(name, 0)
        numbers = [number for number in (value if isinstance(value, tuple) else (value,)) if _is_number(number)]
        if any(number > (MOST_SCALE if name == "scale" else MOST_EXTENT) for number in numbers):
            return True
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _stand_in(step: Step, name: str, value: Any, image: Image, folder: Path, sized: bool) -> Any:
    """Draw what a parameter would be opened as; other parameters stay."""
    takes = STEPS[step.op].takes(step.parameters)
    parameter = takes[name]
    # Two masks of one step mark different places: what is to fill and where to copy from, what stays and what goes.
    mark = _disc if name == next((n for n in step.parameters if takes[n].kind == "mask"), "") else _corner
    if parameter.kind in ON_DISK and any(map(is_pattern, value if isinstance(value, tuple) else (value,))):
        if parameter.kind != "mask":
            raise _UnknownError
        return mark(image.shape[:2])
    if parameter.kind not in ("image", "mask"):
        return value
    if isinstance(value, np.ndarray):
        size, dtype, channels = value.shape[:2], value.dtype.name, 1 if value.ndim == 2 else value.shape[2]
    else:
        found = io.info(folder / value)
        size, dtype, channels = found.size, found.dtype, found.channels
    size = size if sized else image.shape[:2]
    return mark(size) if parameter.kind == "mask" else _picture(size, dtype, channels)


def _picture(size: tuple[int, int], dtype: str, channels: int) -> Image:
    """Draw waves of all colours, with an alpha that goes from clear to opaque."""
    y, x = np.meshgrid(*(np.linspace(0, 1, side, dtype=np.float32) for side in size), indexing="ij")
    color = np.stack([0.5 + 0.45 * np.sin(9 * x + 5 * y + phase) for phase in (0, 2, 4)], -1)
    drawn = like(color[..., 0] if channels == 1 else color, dtype)
    return join_alpha(drawn, like(x, dtype) if channels == 4 else None)


def _disc(size: tuple[int, int]) -> Mask:
    y, x = np.ogrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    return np.asarray(y * y + x * x < 0.1)


def _corner(size: tuple[int, int]) -> Mask:
    """Mark a corner that the disc leaves free."""
    y, x = np.ogrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    return np.asarray((y < -0.35) & (x < -0.35))


def _unwritable(image: Image, index: int, output: Output) -> Fault | None:
    try:
        io.encode(np.ascontiguousarray(image[:64, :64]), output.format, name="the result", **output.encoding)
    except WriteError as failure:
        return index, "format", for_recipe(failure)
    return None
