"""Conditions of steps: which photos a step is for.

``when = {width = ">= 2000", format = ["png", "tiff"], alpha = true}`` stands with a step. All of its entries must hold
for the photo as it is at that step; a list holds if one of its values does; numbers may be compared, also several
times: ``">= 1000, < 4000"``.
"""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from imgedit.errors import ArgumentError
from imgedit.io import FORMATS
from imgedit.pixels import Image
from imgedit.recipes.photos import Photo
from imgedit.recipes.verbs import nearest

__all__ = ["CONDITIONS", "OF_PIXELS", "Condition", "Traits", "condition_faults", "holds"]

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
}  # fmt: skip

COMPARISON = re.compile(r"\s*(<=|>=|==|!=|<|>)?\s*([0-9]+(?:\.[0-9]+)?)\s*")

CHANNELS = {1: "grey", 3: "rgb", 4: "rgba"}

DEPTHS = {"uint8": 8, "uint16": 16, "float32": 32}


@dataclass(frozen=True)
class Traits:
    """What conditions ask of a photo at a step; format and name are those of its file, where that is known."""

    width: int
    height: int
    channels: int
    dtype: str
    photo: Photo | None

    @classmethod
    def of(cls, image: Image, photo: Photo | None) -> Traits:
        """Take them from pixels."""
        channels = 1 if image.ndim == 2 else image.shape[2]
        return cls(image.shape[1], image.shape[0], channels, image.dtype.name, photo)


@dataclass(frozen=True)
class Condition:
    """One kind of condition: what it asks for, how its value is written, and in words for editors."""

    kind: Literal["number", "flag", "choice", "glob"]
    of: Callable[[Traits], Any]
    help: str
    choices: tuple[Any, ...] = ()


def _file(traits: Traits) -> Photo:
    if traits.photo is None:
        raise ArgumentError("photo", "is not given, but the step depends on its file", "give photo=, its path")
    return traits.photo


CONDITIONS: dict[str, Condition] = {
    "width": Condition("number", lambda t: t.width, "Pixels from left to right."),
    "height": Condition("number", lambda t: t.height, "Pixels from top to bottom."),
    "longest": Condition("number", lambda t: max(t.width, t.height), "Pixels of the longer side."),
    "shortest": Condition("number", lambda t: min(t.width, t.height), "Pixels of the shorter side."),
    "megapixels": Condition("number", lambda t: t.width * t.height / 1e6, "Millions of pixels."),
    "aspect": Condition("number", lambda t: t.width / t.height, "Width divided by height."),
    "alpha": Condition("flag", lambda t: t.channels == 4, "Whether it has an alpha channel."),
    "channels": Condition("choice", lambda t: CHANNELS[t.channels], "Its channels.", tuple(CHANNELS.values())),
    "depth": Condition("choice", lambda t: DEPTHS[t.dtype], "Bits of a channel.", tuple(DEPTHS.values())),
    "format": Condition("choice", lambda t: _file(t).format, "Format of the photo's file.", tuple(FORMATS)),
    "name": Condition(
        "glob", lambda t: _file(t).name, 'Name of the photo\'s file, or its path below the input: "*.tif"'
    ),
}

OF_PIXELS = frozenset({"alpha", "channels", "depth"})
"""Those that a drawn picture of the right kind can meet, whatever its size and file."""


def condition_faults(when: Any) -> Iterator[tuple[str, str]]:
    """Find what is wrong with the conditions of a step.

    Parameters
    ----------
    when : object
        What the recipe says; right is a table.

    Yields
    ------
    str
        The condition; empty for the whole.
    str
        A sentence without its subject.
    """
    if not isinstance(when, Mapping):
        yield "", f'has when = {when!r}; write a table: when = {{width = ">= 2000"}}'
        return
    for name, value in when.items():
        if name not in CONDITIONS:
            yield name, f"has no condition {name!r}{nearest(name, CONDITIONS)}"
            continue
        values = value if isinstance(value, tuple) else (value,)
        problem = "; give at least one value" if not values else ""
        for inner in values:
            problem = problem or _fault(CONDITIONS[name], inner)
        if problem:
            yield name, f"has when {name} = {value!r}{problem}"


def _fault(condition: Condition, value: Any) -> str:
    if condition.kind == "flag":
        return "" if isinstance(value, bool) else "; give true or false"
    if condition.kind == "choice":
        if type(value) in {type(choice) for choice in condition.choices} and value in condition.choices:
            return ""
        if isinstance(value, str):
            return nearest(value, map(str, condition.choices))
        return f"; valid values: {', '.join(map(str, condition.choices))}"
    if condition.kind == "glob":
        return "" if isinstance(value, str) and value else '; give a pattern: "*.tif"'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return ""
    if isinstance(value, str) and all(COMPARISON.fullmatch(part) for part in value.split(",")):
        return ""
    return '; give a number, or comparisons: ">= 1000, < 4000"'


def holds(when: Mapping[str, Any], traits: Traits) -> bool:
    """Tell whether a step is to be done.

    Parameters
    ----------
    when : mapping
        Checked conditions.
    traits : Traits
        The photo at that step.

    Returns
    -------
    bool
        Whether all of them hold.

    Raises
    ------
    ArgumentError
        It depends on the photo's file, and only pixels are known.
    """
    return all(_holds(CONDITIONS[name], value, traits) for name, value in when.items())


def _holds(condition: Condition, value: Any, traits: Traits) -> bool:
    found = condition.of(traits)
    values = value if isinstance(value, tuple) else (value,)
    if condition.kind == "number":
        return any(_compares(found, inner) for inner in values)
    if condition.kind == "glob":
        return any(fnmatch.fnmatchcase(found if "/" in inner else found.rpartition("/")[2], inner) for inner in values)
    return found in values


def _compares(found: float, value: Any) -> bool:
    if not isinstance(value, str):
        return bool(found == value)
    parts = [COMPARISON.fullmatch(part) for part in value.split(",")]
    return all(COMPARISONS[part[1] or "=="](found, float(part[2])) for part in parts if part)
