"""Run the steps of a recipe, on an image or from file to file."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgedit import io
from imgedit.errors import ImgeditError
from imgedit.pixels import Image, Mask, Progress
from imgedit.recipes.steps import STEPS
from imgedit.recipes.verbs import ON_DISK, Kind, Parameter

if TYPE_CHECKING:
    from imgedit.recipes import Step

__all__ = ["apply", "files_of", "in_step", "nets_of", "resolved", "save"]


def apply(steps: Sequence[Step], image: Image, folder: Path, progress: Progress | None, done: int = 0) -> Image:
    """Do the steps one after the other, each filling its share of the progress; `done` were done before."""
    for index, step in enumerate(steps):
        with in_step(done + index, step):
            verb = STEPS[step.op]
            arguments = {name: resolved(step, name, value, folder) for name, value in step.parameters.items()}
            arguments[verb.place(step.parameters)] = image
            if progress is not None and (reporter := next(iter(verb.of_kind("progress")), None)):
                arguments[reporter.name] = _share(progress, index, len(steps))
            image = verb.call(arguments)
        if progress is not None:
            progress((index + 1) / len(steps))
    return image


@contextlib.contextmanager
def in_step(index: int, step: Step) -> Iterator[None]:
    """Note on an error in which step it rose."""
    try:
        yield
    except ImgeditError as failure:
        failure.add_note(f"step {index + 1} ({step.op})")
        raise


def _share(progress: Progress, index: int, count: int) -> Progress:
    return lambda fraction: progress((index + fraction) / count)


def resolved(step: Step, name: str, value: Any, folder: Path) -> Any:
    """Open what is given as a path of an image or a mask; let other paths start at the folder."""
    parameter = _parameter(step, name)
    if parameter.kind in ("images", "layers"):
        return [_opened(inner, "image", folder) for inner in value]
    if parameter.files is not None:
        return parameter.files.moved(value, lambda path: str(folder / path))
    return _opened(value, parameter.kind, folder) if parameter.kind in ON_DISK else value


def _parameter(step: Step, name: str) -> Parameter:
    return STEPS[step.op].takes(step.parameters)[name]


def _opened(value: Any, kind: Kind, folder: Path) -> Any:
    if not isinstance(value, (str, Path)):
        return value
    path = folder / value
    if kind == "file":
        return path
    # The time of the last change is part of the key, or a long-lived process would go on with the old picture.
    opened = _cached(str(path), kind, path.stat().st_mtime_ns)
    if kind == "mask" and not opened.any():
        warnings.warn(f"{path} marks nothing: all of it is black", UserWarning, stacklevel=2)
    return opened


@lru_cache(maxsize=16)
def _cached(path: str, kind: Kind, changed: int) -> Image | Mask:
    del changed
    opened = io.read_mask(path, soft=True) if kind == "mask" else io.read(path)
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
                if isinstance(inner, (str, Path)):
                    yield folder / inner


def nets_of(steps: Sequence[Step]) -> list[str]:
    """List the hashes of the nets that steps may use.

    Parameters
    ----------
    steps : sequence of Step
        Steps of a checked recipe.

    Returns
    -------
    list of str
        That of the net where a step names one; those of all nets where the verb chooses.
    """
    from imgedit import models

    found = []
    for step in steps:
        if "device" in STEPS[step.op].takes(step.parameters):
            name = step.parameters.get("model")
            named = [str(name)] if name is not None else models.names(ready=False)
            found += [models.info(one).sha256 or "" for one in named]
    return found


def save(target: str | os.PathLike[str], image: Image, metadata: io.Metadata, output: Mapping[str, Any]) -> None:
    """Write a result.

    Parameters
    ----------
    target : str or path_like
        The file; its suffix says the format where `output` does not.
    image : ndarray
        The result.
    metadata : Metadata
        That of the photo.
    output : mapping
        The table ``[output]`` of a recipe.
    """
    options = {name: value for name, value in output.items() if name != "metadata"}
    io.write(target, image, metadata=metadata if output.get("metadata", True) else None, **options)
