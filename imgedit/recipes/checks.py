"""What is wrong with a recipe, all of it at once, before the first pixel is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imgedit import io
from imgedit.errors import ParameterError
from imgedit.recipes.conditions import condition_faults
from imgedit.recipes.lines import KeyPath
from imgedit.recipes.networks import device_faults, network_faults
from imgedit.recipes.outputs import NAME, Output, format_of, name_faults
from imgedit.recipes.photos import BESIDE, is_pattern, pattern_fault
from imgedit.recipes.steps import STEPS, output_options, outputs_options, reading
from imgedit.recipes.verbs import ON_DISK, Parameter, Verb, fits, nearest

__all__ = ["Finding", "absent", "check"]

Finding = tuple[KeyPath, str]
"""Where in the document, and a sentence about it."""

TABLES = ("input", "variables", "steps", "output", "outputs")


def check(document: Mapping[str, Any], folder: Path) -> list[Finding]:
    """Find everything that is wrong with a recipe.

    Parameters
    ----------
    document : mapping
        The recipe as its TOML text is parsed, with tuples for lists and its variables filled in.
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
    findings += _steps(document.get("steps", ()), ("steps",), "", folder)
    given = document.get("input", {})
    if isinstance(given, Mapping):
        findings += [(("input", *path), f"input {text}") for path, text in _values(given, reading())]
    else:
        findings.append((("input",), "input is written as an [input] table"))
    output = document.get("output", {})
    if isinstance(output, Mapping):
        findings += _output(output, ("output",), "output", output_options())
    else:
        findings.append((("output",), "output is written as an [output] table"))
    return [*findings, *_outputs(document, folder)]


def absent(document: Mapping[str, Any]) -> list[Finding]:
    """Find the networks and devices of a recipe that are not on this machine.

    Parameters
    ----------
    document : mapping
        A recipe without faults.

    Returns
    -------
    list of (path, str)
        One finding each.
    """
    chains: list[tuple[KeyPath, str, Any]] = [(("steps",), "", document.get("steps", ()))]
    for number, table in enumerate(document.get("outputs", ())):
        chains.append((("outputs", number, "steps"), f"output {number + 1} ", table.get("steps", ())))
    return [
        ((*above, index, name), f"{subject}step {index + 1} {step['op']} {text}")
        for above, subject, steps in chains
        for index, step in enumerate(steps)
        for given in [{name: value for name, value in step.items() if name not in ("op", "when")}]
        for name, text in (*network_faults(step["op"], given), *device_faults(step["op"], given))
    ]


def _steps(steps: Any, above: KeyPath, subject: str, folder: Path) -> list[Finding]:
    if not isinstance(steps, tuple) or not all(isinstance(step, Mapping) for step in steps):
        words = [key for key in above if isinstance(key, str)]
        return [(above, f"{subject}steps are written as [[{'.'.join(words)}]] tables")]
    found = ((index, path, text) for index, step in enumerate(steps) for path, text in _step(step, folder))
    return [((*above, index, *path), f"{subject}step {index + 1} {text}") for index, path, text in found]


def _output(table: Mapping[str, Any], above: KeyPath, subject: str, allowed: Mapping[str, Parameter]) -> list[Finding]:
    findings = [((*above, *path), f"{subject} {text}") for path, text in _values(table, allowed)]
    if not findings:
        name = table.get("name", NAME)
        findings = [((*above, "name"), f"{subject} has name = {name!r}{text}") for text in name_faults(table)]
    return findings or [(above, f"{subject} {text}") for text in _encoder(table)]


def _outputs(document: Mapping[str, Any], folder: Path) -> Iterator[Finding]:
    if "outputs" not in document:
        return
    tables = document["outputs"]
    if not isinstance(tables, tuple) or not all(isinstance(table, Mapping) for table in tables):
        yield ("outputs",), "outputs are written as [[outputs]] tables"
        return
    if document.get("output"):
        yield ("output",), "a recipe has [output] or [[outputs]], not both"
    seen: dict[str, int] = {}
    for index, table in enumerate(tables):
        above, subject = ("outputs", index), f"output {index + 1}"
        yield from _steps(table.get("steps", ()), (*above, "steps"), f"{subject} ", folder)
        own = {name: value for name, value in table.items() if name != "steps"}
        yield from _output(own, above, subject, outputs_options())
        name = table.get("name")
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            yield (*above, "name"), f"{subject} has name = {name!r}, which output {seen[name] + 1} has already"


def _step(step: Mapping[str, Any], folder: Path) -> Iterator[Finding]:
    op = step.get("op")
    if not isinstance(op, str):
        yield (), 'has no op; name a verb: op = "resize"'
        return
    if op not in STEPS:
        yield ("op",), f"is {op!r}, which is no verb{nearest(op, STEPS)}"
        return
    for name, text in condition_faults(step.get("when", {})):
        yield ("when", name) if name else ("when",), f"{op} {text}"
    verb, given = STEPS[op], {name: value for name, value in step.items() if name not in ("op", "when")}
    allowed = {name: p for name, p in verb.takes(given).items() if p.kind != "progress"}
    wrong = [*_values(given, allowed), *_images(verb, given, allowed, folder)]
    for path, text in wrong or [((name,), text) for name, text in network_faults(op, given)]:
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
            elif is_pattern(value):
                if problem := pattern_fault(str(value), BESIDE):
                    yield (name,), f"has {name} = {str(value)!r}{problem}"
            elif not (folder / value).is_file():
                yield (name,), f"has {name} = {str(value)!r}; there is no such file in {str(folder)!r}"


def _encoder(output: Mapping[str, Any]) -> Iterator[str]:
    """Let the encoder itself judge its options, on one pixel."""
    format = format_of(output)
    if not format:
        return
    codec = io.FORMATS[format]
    try:
        io.encode(np.zeros((1, 1, 3), codec.dtypes[0]), codec.name, name="output", **Output(output).encoding)
    except ParameterError as failure:
        yield failure.problem
