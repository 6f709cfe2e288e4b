"""What may stand in a recipe, as JSON Schema, so that editors complete and check it while it is written.

Everything is read from the signatures and docstrings of the verbs, as the checks of `imgedit.recipes.checks` are. What
depends on several parameters or on the photos can't be said in a schema; `imgedit recipe check` tells that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgedit.recipes.conditions import CONDITIONS
from imgedit.recipes.outputs import NAME, RESULT_FIELDS
from imgedit.recipes.steps import READ, STEPS, WRITE, output_options, outputs_options, reading
from imgedit.recipes.verbs import ON_DISK, Parameter, Verb, help_texts, plain

__all__ = ["schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

PATH = {"type": "string"}

# A variable in place of any value.
USE = {"type": "string", "pattern": r"\$\{[^{}]+\}"}

# How each kind of condition is written.
WRITTEN: dict[str, dict[str, Any]] = {
    "number": {"type": ["number", "string"]},
    "flag": {"type": "boolean"},
    "choice": {},
    "glob": {"type": "string"},
}

DEFAULTS = "Defaults of variables: ${name} in any value; --set name=... goes before them."

OWN_TEXTS = {
    "name": f"Template of the result's path below the output; fields: {', '.join(RESULT_FIELDS)}. Default: {NAME}",
    "metadata": "Whether EXIF, colour profile, XMP and resolution go along.",
}


def schema() -> dict[str, Any]:
    """Describe recipes as JSON Schema.

    Returns
    -------
    dict
        A schema of draft 2020-12.

    Examples
    --------
    >>> sorted(schema()["properties"])
    ['input', 'output', 'outputs', 'steps', 'variables']
    """
    steps = {"type": "array", "items": {"anyOf": [_step(name, verb) for name, verb in STEPS.items()]}}
    texts = help_texts(WRITE.function) | OWN_TEXTS
    several = _table(outputs_options(), texts)
    several["properties"]["steps"] = {"$ref": "#/properties/steps", "description": "Done for this result alone."}
    return {
        "$schema": DIALECT,
        "title": "Recipe of imgedit",
        "type": "object",
        "properties": {
            "steps": steps,
            "input": _table(reading(), help_texts(READ.function)),
            "output": _table(output_options(), texts),
            "outputs": {"type": "array", "items": several | {"required": ["name"]}},
            "variables": {"type": "object", "description": DEFAULTS},
        },
        "$defs": {"when": _when()},
        "not": {"required": ["output", "outputs"]},
        "additionalProperties": False,
    }


def _when() -> dict[str, Any]:
    properties = {}
    for name, condition in CONDITIONS.items():
        value = WRITTEN[condition.kind] | ({"enum": list(condition.choices)} if condition.choices else {})
        properties[name] = {"anyOf": [value, {"type": "array", "items": value}, USE], "description": condition.help}
    text = "Do the step only for photos that meet all of this."
    return {"type": "object", "properties": properties, "additionalProperties": False, "description": text}


def _step(name: str, verb: Verb) -> dict[str, Any]:
    texts = help_texts(verb.function)
    allowed = dict(verb.parameters)
    for row, function in verb.rows().items():
        allowed = verb.extras(row) | allowed
        texts = help_texts(function) | texts
    table = _table({key: p for key, p in allowed.items() if p.kind != "progress"}, texts)
    table["properties"]["when"] = {"$ref": "#/$defs/when"}
    table["properties"]["op"] = {"enum": sorted({name, name.replace("_", "-")}), "description": verb.summary}
    # A row of a table may need what another does not take; an image may be the photo.
    needed = [key for key, p in verb.parameters.items() if p.required and p.kind == "value"]
    return {"title": name, **table, "required": ["op", *needed]}


def _table(allowed: Mapping[str, Parameter], texts: Mapping[str, str]) -> dict[str, Any]:
    properties = {}
    for name, parameter in allowed.items():
        text = " ".join(texts.get(name, "").split())
        properties[name] = _value(parameter) | ({"description": text} if text else {})
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _value(parameter: Parameter) -> dict[str, Any]:
    import pydantic

    if parameter.kind in ("images", "layers"):
        return {"type": "array", "items": PATH}
    if parameter.kind in ON_DISK:
        return dict(PATH)
    return {"anyOf": [pydantic.TypeAdapter(plain(parameter.type)).json_schema(), USE]}
