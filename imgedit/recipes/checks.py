"""What is wrong with a recipe, all of it at once, before the first pixel is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imgedit import io
from imgedit.errors import ParameterError
from imgedit.recipes.lines import KeyPath
from imgedit.recipes.steps import STEPS, output_options, reading
from imgedit.recipes.verbs import ON_DISK, Parameter, Verb, fits, nearest

__all__ = ["Finding", "check"]

Finding = tuple[KeyPath, str]
"""Where in the document, and a sentence about it."""

TABLES = ("input", "steps", "output")


def check(document: Mapping[str, Any], folder: Path) -> list[Finding]:
    """Find everything that is wrong with a recipe.

    Parameters
    ----------
    document : mapping
        The recipe as its TOML text is parsed, with tuples for lists.
    folder : Path
        Where relative paths of images start.

    Returns
    -------
    list of (path, str)
        One finding each; empty for a recipe that can run.
    """
    findings: list[Finding] = []
    for name in document:
        if name not in TABLES:
            findings.append(((name,), f"a recipe has no {name!r}{nearest(name, TABLES)}"))
    steps = document.get("steps", ())
    if isinstance(steps, tuple) and all(isinstance(step, Mapping) for step in steps):
        for index, step in enumerate(steps):
            findings += [(("steps", index, *path), f"step {index + 1} {text}") for path, text in _step(step, folder)]
    else:
        findings.append((("steps",), "steps are written as [[steps]] tables"))
    for name, allowed in (("input", reading()), ("output", output_options())):
        table = document.get(name, {})
        if isinstance(table, Mapping):
            findings += [((name, *path), f"{name} {text}") for path, text in _values(table, allowed)]
        else:
            findings.append(((name,), f"{name} is written as an [{name}] table"))
    if not any(path[:1] == ("output",) for path, _ in findings):
        findings += _encoder(document.get("output", {}))
    return findings


def _step(step: Mapping[str, Any], folder: Path) -> Iterator[Finding]:
    op = step.get("op")
    if not isinstance(op, str):
        yield (), 'has no op; name a verb: op = "resize"'
        return
    if op not in STEPS:
        yield ("op",), f"is {op!r}, which is no verb{nearest(op, STEPS)}"
        return
    verb, given = STEPS[op], {name: value for name, value in step.items() if name != "op"}
    allowed = {name: p for name, p in verb.takes(given).items() if p.kind != "progress"}
    for path, text in (*_values(given, allowed), *_images(verb, given, allowed, folder)):
        yield path, f"{op} {text}"


def _values(given: Mapping[str, Any], allowed: Mapping[str, Parameter]) -> Iterator[Finding]:
    for name, value in given.items():
        if name not in allowed:
            yield (name,), f"has no parameter {name!r}{nearest(name, allowed)}"
        elif allowed[name].kind == "value" and (problem := fits(value, allowed[name].type)):
            yield (name,), f"has {name} = {value!r}{problem}"
    for name, parameter in allowed.items():
        if parameter.required and parameter.kind == "value" and name not in given:
            yield (), f"needs {name!r}"


def _images(verb: Verb, given: Mapping[str, Any], allowed: Mapping[str, Parameter], folder: Path) -> Iterator[Finding]:
    photo = verb.place(given)
    if not photo:
        names = " or ".join(p.name for p in verb.of_kind("image"))
        yield (), f"leaves no place for the photo; leave out {names}"
    for name, parameter in allowed.items():
        if parameter.files is not None and name in given:
            for path in parameter.files.named(given[name]):
                if not (folder / path).is_file():
                    yield (name,), f"has {name} with {path!r}; there is no such file in {str(folder)!r}"
        if parameter.kind not in ON_DISK or name == photo:
            continue
        if name not in given and parameter.required:
            yield (), f"needs {name!r}, the path of a file"
        values = given.get(name)
        for value in values if isinstance(values, tuple) and parameter.kind in ("images", "layers") else (values,):
            if value is None or isinstance(value, np.ndarray) or type(value).__module__.startswith("imgedit."):
                continue
            if not isinstance(value, (str, Path)):
                yield (name,), f"has {name} = {value!r}; give the path of a file"
            elif not (folder / value).is_file():
                yield (name,), f"has {name} = {str(value)!r}; there is no such file in {str(folder)!r}"


def _encoder(output: Mapping[str, Any]) -> Iterator[Finding]:
    """Let the encoder itself judge its options, on one pixel."""
    if "format" not in output:
        return
    options = {name: value for name, value in output.items() if name not in ("format", "metadata")}
    codec = io.FORMATS[output["format"]]
    try:
        io.encode(np.zeros((1, 1, 3), codec.dtypes[0]), codec.name, name="output", **options)
    except ParameterError as failure:
        yield ("output",), f"output {failure.problem}"
