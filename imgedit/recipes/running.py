"""Run the steps of a recipe, on an image or from file to file."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgedit import io
from imgedit.errors import ArgumentError, ImgeditError
from imgedit.pixels import Image, Mask, Progress
from imgedit.recipes.conditions import Traits, holds
from imgedit.recipes.photos import Photo, is_pattern
from imgedit.recipes.steps import STEPS
from imgedit.recipes.verbs import ON_DISK, Kind, Parameter

if TYPE_CHECKING:
    from imgedit.recipes import Step

__all__ = ["apply", "beside_of", "files_of", "in_step", "noted", "patterns_of", "resolved"]


def apply(
    steps: Sequence[Step],
    image: Image,
    folder: Path,
    progress: Progress | None,
    done: int = 0,
    photo: Photo | None = None,
) -> Image:
    """Do the steps one after the other, each filling its share of the progress; `done` were done before."""
    for index, step in enumerate(steps):
        with in_step(done + index, step):
            if holds(step.when, Traits.of(image, photo)):
                reporter = _share(progress, index, len(steps)) if progress is not None else None
                image = _done(step, image, folder, reporter, photo)
        if progress is not None:
            progress((index + 1) / len(steps))
    return image


def _done(step: Step, image: Image, folder: Path, progress: Progress | None, photo: Photo | None) -> Image:
    verb = STEPS[step.op]
    arguments = {name: resolved(step, name, value, folder, photo) for name, value in step.parameters.items()}
    arguments[verb.place(step.parameters)] = image
    if progress is not None and (reporter := next(iter(verb.of_kind("progress")), None)):
        arguments[reporter.name] = progress
    result: Image = verb.call(arguments)
    return result


def in_step(index: int, step: Step) -> contextlib.AbstractContextManager[None]:
    """Note on an error in which step it rose."""
    return noted(f"step {index + 1} ({step.op})")


@contextlib.contextmanager
def noted(where: str) -> Iterator[None]:
    """Note on an error where it rose; nothing for an empty note."""
    try:
        yield
    except ImgeditError as failure:
        if where:
            failure.add_note(where)
        raise


def _share(progress: Progress, index: int, count: int) -> Progress:
    return lambda fraction: progress((index + fraction) / count)


def resolved(step: Step, name: str, value: Any, folder: Path, photo: Photo | None = None) -> Any:
    """Open what is given as a path of an image or a mask; let other paths start at the folder."""
    parameter = _parameter(step, name)
    if parameter.kind in ("images", "layers"):
        return [_opened(name, inner, "image", folder, photo) for inner in value]
    if parameter.files is not None:
        return parameter.files.moved(value, lambda path: str(folder / path))
    return _opened(name, value, parameter.kind, folder, photo) if parameter.kind in ON_DISK else value


def _parameter(step: Step, name: str) -> Parameter:
    return STEPS[step.op].takes(step.parameters)[name]


def _opened(name: str, value: Any, kind: Kind, folder: Path, photo: Photo | None) -> Any:
    if not isinstance(value, (str, Path)):
        return value
    if is_pattern(value):
        return _opened_beside(name, str(value), kind, folder, photo)
    path = folder / value
    if kind == "file":
        return path
    # The time of the last change is part of the key, or a long-lived process would go on with the old picture.
    return _marking(_cached(str(path), kind, path.stat().st_mtime_ns), kind, str(path))


def _opened_beside(name: str, pattern: str, kind: Kind, folder: Path, photo: Photo | None) -> Any:
    """Open what each photo has of its own; it is not kept, because no other photo needs it."""
    if photo is None:
        raise ArgumentError("photo", f"is not given, but {name} is {pattern!r}", "give photo=, its path")
    path = _place(photo.beside(pattern), folder)
    if "://" not in path and not os.path.isfile(path):
        problem = f"is {pattern!r}, which is {path!r} for this photo, and there is no such file"
        raise ArgumentError(name, problem, "add it, or leave the photo out of this step with when = ...")
    return path if kind == "file" else _marking(_read(path, kind), kind, path)


def _place(path: str, folder: Path) -> str:
    return path if "://" in path else str(folder / path)


def _marking(opened: Image | Mask, kind: Kind, path: str) -> Image | Mask:
    if kind == "mask" and not opened.any():
        warnings.warn(f"{path} marks nothing: all of it is black", UserWarning, stacklevel=2)
    return opened


def _read(path: str, kind: Kind) -> Image | Mask:
    return io.read_mask(path, soft=True) if kind == "mask" else io.read(path)


@lru_cache(maxsize=16)
def _cached(path: str, kind: Kind, changed: int) -> Image | Mask:
    del changed
    opened = _read(path, kind)
    opened.flags.writeable = False  # it serves many photos
    return opened


def files_of(step: Step, folder: Path) -> Iterator[Path]:
    """List the files that a step names.

    Parameters
    ----------
    step : Step
        A step of a checked recipe.
    folder : Path
        Where relative paths start.

    Yields
    ------
    Path
        Images and masks, in the order of the parameters.
    """
    for name, value in step.parameters.items():
        parameter = _parameter(step, name)
        if parameter.files is not None:
            yield from (folder / path for path in parameter.files.named(value))
        if parameter.kind in ON_DISK:
            for inner in value if isinstance(value, tuple) else [value]:
                if isinstance(inner, (str, Path)) and not is_pattern(inner):
                    yield folder / inner


def patterns_of(step: Step) -> Iterator[str]:
    """List the patterns by which each photo has files of its own for a step.

    Parameters
    ----------
    step : Step
        A step of a checked recipe.

    Yields
    ------
    str
        Paths with fields, in the order of the parameters.
    """
    for name, value in step.parameters.items():
        if _parameter(step, name).kind in ON_DISK:
            yield from (str(inner) for inner in (value if isinstance(value, tuple) else [value]) if is_pattern(inner))


def beside_of(pattern: str, photo: Photo, folder: Path) -> str:
    """Say where the file of a pattern lies for a photo: an absolute path or a URL."""
    place = _place(photo.beside(pattern), folder)
    return place if "://" in place else os.path.abspath(place)
