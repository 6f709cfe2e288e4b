"""The JSON Schema of recipes: it allows what the checks allow, and sees what an editor can see."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from imgedit.cli import run
from imgedit.recipes.schema import schema
from imgedit.recipes.steps import STEPS

VALIDATOR = jsonschema.Draft202012Validator(schema())

GOOD = """
[[steps]]
op = "resize"
scale = 0.5
[[steps]]
op = "drop-shadow"
size = 3
[[steps]]
op = "inpaint"
mask = "mask.png"
method = "patchmatch"
patch_size = 5
[[steps]]
op = "blend"
source = "logo.png"
mode = "soft-light"
offset = [4, 8]
[input]
on_damaged = "keep"
[output]
format = "jpeg"
quality = 90
"""


def test_it_is_a_schema_that_needs_no_other_file():
    VALIDATOR.check_schema(VALIDATOR.schema)
    assert set(re.findall(r'"\$ref": "(.)', json.dumps(VALIDATOR.schema))) == {"#"}


def test_every_step_and_parameter_is_in_it():
    described = {table["title"]: table for table in VALIDATOR.schema["properties"]["steps"]["items"]["anyOf"]}
    assert set(described) == set(STEPS)
    for name, verb in STEPS.items():
        expected = {p.name for p in verb.parameters.values() if p.kind != "progress"} | {"op", "when"}
        expected |= {extra for row in verb.rows() for extra in verb.extras(row)}
        assert set(described[name]["properties"]) == expected


@pytest.mark.parametrize("text", [GOOD, Path(__file__).parents[1].joinpath("samples/demo.toml").read_text()])
def test_it_allows_a_recipe(text):
    VALIDATOR.validate(tomllib.loads(text))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"resize"', '"resise"'),
        ("scale = 0.5", "scael = 0.5"),
        ("scale = 0.5", 'scale = "half"'),
        ('"soft-light"', '"softlight"'),
        ('format = "jpeg"', 'format = "jpg"'),
        ("[input]", "[inputs]"),
        ('"keep"', '"kept"'),
    ],
)
def test_it_sees_what_is_wrong(right, wrong):
    assert right in GOOD
    assert not VALIDATOR.is_valid(tomllib.loads(GOOD.replace(right, wrong)))


def test_the_commands_check_and_describe(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("good.toml").write_text("[[steps]]\nop = 'flip'\naxis = 'horizontal'\n")
    Path("bad.toml").write_text("[[steps]]\nop = 'flip'\naxis = 'diagonal'\n")
    assert run(["recipe", "check", "good.toml"]) == 0
    assert capsys.readouterr().out == "good.toml: 1 step, nothing wrong\n"
    assert run(["recipe", "check", "bad.toml", "good.toml"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("bad.toml:3: step 1 flip has axis = 'diagonal'")
    assert told.out == "good.toml: 1 step, nothing wrong\n"
    assert run(["recipe", "check", "none.toml"]) == 3
    capsys.readouterr()
    assert run(["recipe", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()
