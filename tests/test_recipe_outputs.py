"""What a recipe says of single photos: conditions, variables, masks of their own, names and further results."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from pictures import disc_mask, photo

import imgedit as ie
from imgedit import batch
from imgedit.batch.names import Names
from imgedit.batch.rows import Job
from imgedit.cli import run as command
from imgedit.recipes import Output, Photo
from imgedit.recipes.conditions import CONDITIONS, Traits, holds
from imgedit.recipes.schema import schema
from imgedit.recipes.variables import assigned


def findings(text, **options):
    with pytest.raises(ie.errors.RecipeError) as caught:
        ie.Recipe.parse(text, name="r", **options)
    return list(caught.value.findings)


def run(recipe, inputs, output, **options):
    return batch.run(recipe, inputs, output, **{"engine": "serial", **options})


# Conditions

TALL = Traits(1000, 1500, 4, "uint16", Photo("/x/deep/scan.tif", "deep/scan.tif", "tiff"))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, True),
        ({"width": 1000}, True),
        ({"width": "1000"}, True),
        ({"width": "== 1000"}, True),
        ({"width": "!= 1000"}, False),
        ({"width": "> 1000"}, False),
        ({"width": ">=1000, <1001"}, True),
        ({"width": (1, 1000)}, True),
        ({"width": ("< 10", "> 999")}, True),
        ({"height": "<= 1499.5"}, False),
        ({"longest": 1500, "shortest": 1000}, True),
        ({"megapixels": "> 1.5"}, False),
        ({"megapixels": 1.5}, True),
        ({"aspect": "< 1"}, True),
        ({"alpha": True}, True),
        ({"alpha": False}, False),
        ({"channels": "rgba"}, True),
        ({"channels": ("grey", "rgb")}, False),
        ({"depth": (8, 16)}, True),
        ({"format": ("png", "tiff")}, True),
        ({"format": "jpeg"}, False),
        ({"name": "*.tif"}, True),
        ({"name": "deep/*"}, True),
        ({"name": "deep"}, False),
        ({"name": ("a*", "s*")}, True),
        ({"width": 1000, "alpha": False}, False),
    ],
)
def test_a_condition_holds(when, expected):
    recipe = ie.Recipe([ie.Step("flip", axis="horizontal", when=when)])
    assert holds(recipe.steps[0].when, TALL) is expected


def test_conditions_are_those_of_the_photo_as_it_is_at_the_step():
    once = {"width": "> 40"}
    recipe = ie.Recipe([ie.Step("resize", scale=0.5, when=once), ie.Step("resize", scale=0.5, when=once)])
    assert recipe.apply(photo(size=(60, 100))).shape == (15, 25, 3)
    assert recipe.apply(photo(size=(60, 60))).shape == (30, 30, 3)
    assert recipe.apply(photo(size=(60, 40))).shape == (60, 40, 3)
    seen = []
    recipe.apply(photo(size=(60, 40)), progress=seen.append)
    assert seen == [0.5, 1]


def test_a_condition_on_the_file_needs_the_file():
    recipe = ie.Recipe([ie.Step("to_uint16", when={"format": "png"})])
    assert recipe.apply(photo(), photo="a.png").dtype == np.uint16
    assert recipe.apply(photo(), photo=Path("a.jpg")).dtype == np.uint8
    with pytest.raises(ie.errors.ArgumentError, match=r"photo is not given, .* give photo="):
        recipe.apply(photo())


def test_a_condition_decides_before_a_photo_is_decoded_smaller(tmp_path):
    ie.write(tmp_path / "in.jpg", photo(size=(64, 96)))
    data = (tmp_path / "in.jpg").read_bytes()

    def width(when):
        recipe = ie.Recipe([ie.Step("resize", scale=0.5, when=when)], output={"format": "png"})
        ((_, made),) = recipe.render(data, Photo("in.jpg", "in.jpg"))
        return ie.io.decode(made)[0].shape[1]

    assert width({"width": 96}) == width({"depth": 8, "channels": "rgb", "format": "jpeg"}) == 48
    assert width({"width": "< 96"}) == width({"alpha": True}) == 96


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("3", 'has when = 3; write a table: when = {width = ">= 2000"}'),
        ("{widht = 3}", "has no condition 'widht' (did you mean 'width'?); valid names: width, height"),
        ("{width = 'wide'}", "has when width = 'wide'; give a number, or comparisons"),
        ("{width = '> -3'}", "give a number, or comparisons"),
        ("{width = true}", "give a number, or comparisons"),
        ("{width = []}", "give at least one value"),
        ("{alpha = 1}", "give true or false"),
        ("{depth = 12}", "valid values: 8, 16, 32"),
        ("{depth = '8'}", "has when depth = '8'"),
        ("{format = 'jpg'}", "(did you mean 'jpeg'?)"),
        ("{name = ''}", "give a pattern"),
    ],
)
def test_a_wrong_condition_is_told_with_its_line(when, words):
    (finding,) = findings(f"[[steps]]\nop = 'to-uint8'\nwhen = {when}\n")
    assert finding.startswith("r:3: step 1 to_uint8 ")
    assert words in finding


def test_a_step_that_is_done_for_some_photos_only_is_not_held_against_the_others(tmp_path):
    ie.write(tmp_path / "mask.png", disc_mask().astype(np.uint8) * 255)
    mask = "[[steps]]\nop = 'inpaint'\nmask = 'mask.png'\n"
    size = "[[steps]]\nop = 'resize'\nsize = [20, 20]\n"
    assert "mask is 40x56 but image is 20x20" in findings(size + mask, folder=tmp_path)[0]
    ie.Recipe.parse(size + "when = {width = '> 900'}\n" + mask, folder=tmp_path)
    ie.Recipe.parse("[[steps]]\nop = 'convert'\ndepth = 8\nwhen = {depth = 16}\n[output]\nformat = 'jpeg'\n")
    assert "radius is -1" in findings("[[steps]]\nop = 'blur'\nradius = -1\nwhen = {width = '> 9'}\n")[0]


# Variables


RECIPE = """
[variables]
scale = 0.5
label = "me"
list = [1, 2]

[[steps]]
op = "resize"
scale = "${scale}"

[[steps]]
op = "draw_text"
text = "© ${label} at ${scale}, $${as it is}"

[[steps]]
op = "flip"
axis = "${axis}"
when = {width = "> ${least}", height = "${list}"}
"""


def test_variables_are_filled_in():
    recipe = ie.Recipe.parse(RECIPE, variables={"scale": 0.25, "axis": "vertical", "least": "30"})
    assert recipe.steps[0].parameters == {"scale": 0.25}
    assert recipe.steps[1].parameters == {"text": "© me at 0.25, ${as it is}"}
    assert recipe.steps[2].parameters == {"axis": "vertical"}
    assert recipe.steps[2].when == {"width": "> 30", "height": (1, 2)}
    assert ie.Recipe.parse(recipe.to_toml().replace("${", "$${")) == recipe


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.25", 0.25),
        ("2", 2),
        ("true", True),
        ("words and 'more'", "words and 'more'"),
        ("'2'", "2"),
        ("[1, 2]", (1, 2)),
        ("2026-11-21", "2026-11-21"),
        ("1\nother = 2", "1\nother = 2"),
        ("a.png", "a.png"),
    ],
)
def test_text_for_a_variable_without_a_default_is_what_it_looks_like(text, value):
    from imgedit.recipes.variables import substituted

    document, wrong = substituted({"output": {"x": "${v}"}}, {"v": text})
    assert not wrong
    assert document == {"output": {"x": value}}


def test_text_stays_text_where_the_default_is_text():
    recipe = ie.Recipe.parse(
        "[variables]\nyear = ''\n[[steps]]\nop = 'draw_text'\ntext = '${year}'\n", variables={"year": "2026"}
    )
    assert recipe.steps[0].parameters["text"] == "2026"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["r:17: variable 'axis' has no value; give one with --set axis=...", "r:18: variable 'least' has no"]),
        ({"axis": "x", "least": 1, "lable": 2}, ["r:1: variable 'lable' was set, but the recipe has none (did you"]),
        ({"axis": "x", "least": 1, "scale": "half"}, ["r:3: variable 'scale' is 'half'; give a value like its def"]),
        ({"axis": "diagonal", "least": 1}, ["r:17: step 3 flip has axis = 'diagonal'"]),
    ],
)
def test_a_wrong_variable_is_told_with_its_line(variables, expected):
    found = findings(RECIPE, variables=variables)
    assert len(found) == len(expected)
    for finding, start in zip(found, expected, strict=True):
        assert finding.startswith(start)


def test_a_variable_that_nothing_uses_is_a_mistake():
    text = "[variables]\nlogo = 'a'\n'a b' = 2\n[output]\nformat = '${format}'\n"
    assert [finding[:30] for finding in findings(text, variables={"format": "png"})] == [
        "r:2: variable 'logo' is used n", "r:3: variable 'a b' is no name",
    ]  # fmt: skip
    assert "written as a [variables] table" in findings("variables = 3\n[output]\nformat = 'png'\n")[0]


@pytest.mark.parametrize(
    ("words", "told"), [(["a"], "is 'a'"), (["=b"], "is '=b'"), (["a=1", "a=2"], "gives 'a' twice")]
)
def test_wrong_words_for_variables(words, told):
    with pytest.raises(ie.errors.ArgumentError, match=f"set {told}"):
        assigned(words)


def test_variables_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ie.write("a.png", photo(size=(60, 80)))
    Path("r.toml").write_text("[variables]\nscale = 0.5\n[[steps]]\nop = 'resize'\nscale = '${scale}'\n")
    assert command(["recipe", "check", "r.toml", "--set", "scale=0.25"]) == 0
    assert command(["batch", "r.toml", "a.png", "-o", "out", "--set", "scale=0.25", "--engine", "serial"]) == 0
    assert ie.read("out/a.png").shape == (15, 20, 3)
    capsys.readouterr()
    assert command(["batch", "r.toml", "a.png", "-o", "out", "--set", "scal=0.25"]) == 2
    assert capsys.readouterr().err.startswith("r.toml:1: variable 'scal' was set, but the recipe has none")
    assert command(["batch", "r.toml", "a.png", "-o", "out", "--set", "scale"]) == 2
    assert capsys.readouterr().err == "imgedit: set is 'scale'; give a name and a value: --set logo=b.png\n"
    assert batch.run("r.toml", "a.png", "o2", variables={"scale": 2}, engine="serial").count("done") == 1
    assert ie.read("o2/a.png").shape == (120, 160, 3)


# Masks and overlays that each photo has of its own


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("photos/a.png", "photos/deep/b.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        ie.write(name, photo(seed=len(name)))
    ie.write(Path("photos/a.mask"), photo(channels=1), format="png")
    Path("masks/deep").mkdir(parents=True)
    mask = disc_mask().astype(np.uint8) * 255
    ie.write("masks/a.png", mask)
    ie.write("masks/deep/b.png", mask[::-1])
    return tmp_path


def test_each_photo_has_its_own_mask(tree):
    recipe = ie.Recipe([ie.Step("inpaint", mask="masks/{folder}/{stem}.png")], folder=tree)
    assert run(recipe, "photos", "out").count("done") == 2
    image, mask = ie.read("photos/deep/b.png"), ie.read_mask("masks/deep/b.png")
    np.testing.assert_array_equal(ie.read("out/deep/b.png"), ie.inpaint(image, mask))
    np.testing.assert_array_equal(recipe.apply(image, photo=Photo("", "deep/b.png")), ie.inpaint(image, mask))
    with pytest.raises(ie.errors.ArgumentError, match="photo is not given, but mask is"):
        recipe.apply(image)


def test_a_mask_that_changes_is_a_photo_that_changes(tree):
    recipe = ie.Recipe([ie.Step("inpaint", mask="masks/{folder}/{stem}.png")], folder=tree)
    run(recipe, "photos", "out")
    assert run(recipe, "photos", "out").count("skipped") == 2
    os.utime("masks/deep/b.png", ns=(1, 1))
    assert run(recipe, "photos", "out").count("skipped") == 2  # only touched
    ie.write("masks/deep/b.png", np.roll(ie.read("masks/deep/b.png"), 5, axis=1))
    assert [row.state for row in run(recipe, "photos", "out").rows] == ["skipped", "done"]


def test_a_mask_that_is_missing_fails_its_photo_alone(tree):
    Path("masks/a.png").unlink()
    recipe = ie.Recipe([ie.Step("inpaint", mask="masks/{folder}/{stem}.png")], folder=tree)
    rows = run(recipe, "photos", "out").rows
    assert [row.state for row in rows] == ["failed", "done"]
    assert "step 1 (inpaint): mask is 'masks/{folder}/{stem}.png', which is" in rows[0].problem
    ie.write("masks/a.png", disc_mask().astype(np.uint8) * 255)
    assert [row.state for row in run(recipe, "photos", "out").rows] == ["done", "skipped"]


def test_masks_that_are_all_missing_are_the_recipes_fault(tree):
    recipe = ie.Recipe([ie.Step("blend", source="logos/{name}")], folder=tree)
    with pytest.raises(
        ie.errors.ArgumentError, match=r"no photo with a file by 'logos/\{name\}': the first would have"
    ):
        run(recipe, "photos", "out")
    assert not Path("out").exists()


def test_a_mask_may_lie_beside_its_photo(tree):
    recipe = ie.Recipe([ie.Step("blend", source="{parent}/{stem}.mask", when={"name": "a.png"})], folder=tree / "masks")
    assert run(recipe, "photos", "out").count("done") == 2
    expected = ie.blend(ie.read("photos/a.png"), ie.read("photos/a.mask"))
    np.testing.assert_array_equal(ie.read("out/a.png"), expected)


def test_a_mask_is_never_overwritten(tree):
    recipe = ie.Recipe([ie.Step("inpaint", mask="masks/{folder}/{stem}.png")], folder=tree)
    with pytest.raises(ie.errors.ArgumentError, match=r"would overwrite the input .*masks/a\.png"):
        run(recipe, "photos", "masks")


def test_braces_of_a_name_are_written_twice(tree):
    Path("masks/{a}.png").write_bytes(Path("masks/a.png").read_bytes())
    recipe = ie.Recipe([ie.Step("inpaint", mask="masks/{{{stem}}}.png")], folder=tree)
    assert run(recipe, "photos/a.png", "out").count("done") == 1


# Names and several results


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("{folder}/{stem}.{ext}", {}, "deep/c.v2.TIF"),
        ("{folder}/{stem}.{ext}", {"format": "webp"}, "deep/c.v2.webp"),
        ("{folder}/{name}", {}, "deep/c.v2.TIF"),
        ("{name}.{ext}", {"format": "jpeg"}, "c.v2.TIF.jpg"),
        ("{stem}{suffix}", {}, "c.v2.TIF"),
        ("thumbs/{folder}/{stem}.avif", {}, "thumbs/deep/c.v2.avif"),
        ("{stem}-{width}x{height}.{ext}", {"format": "png"}, "c.v2-56x40.png"),
        ("all/{{{stem}}}.png", {}, "all/{c.v2}.png"),
    ],
)
def test_names_by_template(name, options, expected):
    output = Output({"name": name, **options})
    result, data = output.encode(photo(), ie.Metadata(), Photo("/x/deep/c.v2.TIF", "deep/c.v2.TIF", "tiff"))
    assert result == expected
    assert ie.io.decode(data)[0].shape == (40, 56, 3)
    assert output.planned(Photo("", "deep/c.v2.TIF")).replace("{width}x{height}", "56x40") == expected


def test_folders_that_are_empty_leave_no_trace():
    assert Output({"name": "small/{folder}/{stem}.png"}).planned(Photo("", "c.tif")) == "small/c.png"
    assert Output({}).planned(Photo("", "c.tif")) == "c.tif"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/{stem}.png", "give a path below the output"),
        ("../{stem}.png", "give a path below the output"),
        ("a/./{stem}.png", "give a path below the output"),
        ("C:{stem}.png", "give a path below the output"),
        ("a\\\\{stem}.png", "give a path below the output"),
        (".imgedit/{stem}.png", "holds the record of the runs"),
        ("{stem}", "end it with .{ext}"),
        ("{stem}.txt", "end it with .{ext}"),
        ("{stem}.{index}", "with {index}, which is no field"),
        ("{stem.__class__}.png", "which is no field"),
        ("{stem!r}.png", "a field stands alone in its braces"),
        ("{width:04}.png", "a field stands alone in its braces"),
        ("{stem.png", "a brace has no partner"),
        ("{parent}/{stem}.png", "which is no field"),
        ("{width}/{stem}.png", "stand behind all else"),
        ("{stem}{width}.png", "put a sign before"),
        ("{stem}-{width}{height}.png", "put a sign before"),
        ("{stem}-{width}2.png", "put a sign before"),
    ],
)
def test_a_wrong_template_is_told_with_its_line(name, words):
    (finding,) = findings(f'[output]\nname = "{name}"\n')
    assert finding.startswith("r:2: output has name = ")
    assert words in finding


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[output]\nname='{stem}.png'\nformat='webp'\n", 2, "its suffix is that of png, but format is 'webp'"),
        ("[output]\nname='{name}'\nformat='webp'\n", 2, "keeps the suffix of the photo, but format is 'webp'"),
        ("[output]\nname='{stem}.png'\nquality=3\n", 1, "png has no parameter 'quality'"),
        ("[output]\nsteps=[]\n", 2, "output has no parameter 'steps'"),
        ("[outputs]\nname='{stem}.png'\n", 1, "outputs are written as [[outputs]] tables"),
        ("[[outputs]]\nformat='png'\n", 1, "output 1 needs 'name'"),
        ("[[outputs]]\nname='{stem}.png'\n[output]\nformat='png'\n", 3, "[output] or [[outputs]], not both"),
        ("[[outputs]]\nname='{stem}.png'\n[[outputs]]\nname='{stem}.png'\n", 4, "which output 1 has already"),
        ("[[outputs]]\nname='{stem}.png'\nsteps=3\n", 3, "output 1 steps are written as [[outputs.steps]]"),
        ("[[outputs]]\nname='{stem}.png'\n[[outputs.steps]]\nop='blurr'\n", 4, "output 1 step 1 is 'blurr'"),
        (
            "[[outputs]]\nname='{stem}.png'\n[[outputs.steps]]\nop='blur'\nradius=-1\n",
            5,
            "output 1 step 1 blur: radius",
        ),
        ("[[steps]]\nop='to-float'\n[[outputs]]\nname='{stem}.jpg'\n", 3, "output 1 the result: jpeg can't hold"),
    ],
)
def test_what_is_wrong_with_outputs_is_told_with_its_line(text, line, words):
    (finding,) = findings(text)
    assert finding.startswith(f"r:{line}: ")
    assert words in finding


SEVERAL = """
[[steps]]
op = "resize"
scale = 0.5

[[outputs]]
name = "{folder}/{stem}-{width}x{height}.{ext}"
format = "webp"
quality = 70

[[outputs]]
name = "thumbs/{folder}/{stem}.jpg"
metadata = false

[[outputs.steps]]
op = "resize"
width = 16

[[outputs.steps]]
op = "flip"
axis = "horizontal"
when = {height = "> 5"}
"""


@pytest.mark.parametrize("engine", ["serial", "local"])
def test_a_photo_gives_several_results(tree, engine):
    recipe = ie.Recipe.parse(SEVERAL)
    report = batch.run(recipe, "photos", "out", engine=engine, workers=2)
    assert [[name for name, _ in row.outputs] for row in report.rows] == [
        ["a-28x20.webp", "thumbs/a.jpg"], ["deep/b-28x20.webp", "thumbs/deep/b.jpg"],
    ]  # fmt: skip
    for row in report.rows:
        assert [size for _, size in row.outputs] == [os.stat(Path("out", name)).st_size for name, _ in row.outputs]
    half = ie.resize(ie.read("photos/a.png"), scale=0.5)
    np.testing.assert_array_equal(ie.read("out/a-28x20.webp"), ie.io.decode(ie.io.encode(half, "webp", quality=70))[0])
    small = ie.flip(ie.resize(half, width=16), "horizontal")
    np.testing.assert_array_equal(ie.read("out/thumbs/a.jpg"), ie.io.decode(ie.io.encode(small, "jpeg"))[0])
    assert batch.run(recipe, "photos", "out", engine=engine, workers=2).count("skipped") == 2
    Path("out/thumbs/a.jpg").unlink()
    states = [row.state for row in batch.run(recipe, "photos", "out", engine=engine, workers=2).rows]
    assert states == ["done", "skipped"]


def test_a_recipe_with_everything_is_a_plain_value(tree):
    recipe = ie.Recipe(
        [ie.Step("blend", source="masks/{stem}.png", when={"width": "> 5", "format": ["png"]})],
        outputs=[
            {"name": "{stem}.png", "compression": 3},
            {"name": "s/{stem}.png", "steps": [ie.Step("flip", axis="vertical", when={"alpha": False})]},
        ],
        folder=tree,
    )
    assert ie.Recipe.parse(recipe.to_toml(), folder=tree) == recipe
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert pickle.loads(pickle.dumps(recipe)).fingerprint() == recipe.fingerprint()
    assert ie.Recipe.parse(SEVERAL.replace("> 5", "> 6")).fingerprint() != ie.Recipe.parse(SEVERAL).fingerprint()
    jsonschema.Draft202012Validator(schema()).validate(tomllib.loads(recipe.to_toml()))


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"steps": [{"op": "blur"}]}, "step 1 is {'op': 'blur'}; give a Step("),
        ({"steps": [], "outputs": [3]}, "output 1 is 3; give a mapping with a name"),
        ({"steps": [], "outputs": [{"name": "a.png", "steps": ["blur"]}]}, "step 1 is 'blur'; give a Step("),
        ({"steps": [], "outputs": [{"name": "{stem}"}]}, "output 1 has name = '{stem}'; end it with"),
        ({"steps": [], "output": {"name": 3}}, "output has name = 3; input should be a valid string"),
    ],
)
def test_what_is_no_part_of_a_recipe_is_told(parts, told):
    with pytest.raises(ie.errors.RecipeError) as caught:
        ie.Recipe(**parts)
    assert caught.value.findings[0].startswith(told)


def test_an_error_names_output_and_step(tree):
    recipe = ie.Recipe([], outputs=[{"name": "{stem}.png", "steps": [ie.Step("crop", box=(0, 0, 900, 900))]}])
    (row,) = run(recipe, "photos/a.png", "out").rows
    assert row.problem.startswith("output 1: step 1 (crop): box is (0, 0, 900, 900) but image reaches")


def test_a_recipe_with_several_outputs_edits_no_single_file(tree):
    with pytest.raises(ie.errors.ArgumentError, match="the recipe has 2 outputs; write them with"):
        ie.Recipe.parse(SEVERAL).edit("photos/a.png", "out.png")


@pytest.mark.parametrize(
    ("names", "photos", "told"),
    [
        (["{stem}.png"], ["a.png", "deep/a.png"], "would both be written to a.png"),
        (["{stem}.png", "{folder}/{stem}.png"], ["a.png"], "of which outputs 1 and 2 would both be written to a.png"),
        (["{stem}-{width}.png"], ["a.png", "deep/a.png"], "would both be written to a-{width}.png"),
        (["{stem}.png", "{stem}-{width}.png"], ["a-100.png", "a.png"], "may meet as a-{width}.png"),
        (["{stem}.png", "{stem}-{width}.png"], ["a.png", "deep/a-100.png"], "may meet as a-100.png"),
        (["{stem}-{height}.png", "{stem}-{width}.png"], ["a.png"], "of which outputs 1 and 2"),
        (["{stem}.png", "{stem}-{width}.png"], ["a.png", "b-100.png", "a-x.png"], None),
        (["{stem}-{width}x{height}.png"], ["a.png", "a-1.png", "a-1x2.png"], None),
    ],
)
def test_results_that_meet_are_refused_before_work(tmp_path, names, photos, told):
    for name in photos:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        ie.write(tmp_path / "in" / name, photo())
    recipe = ie.Recipe([], outputs=[{"name": name} for name in names])
    if told is None:
        assert len(batch.plan(recipe, tmp_path / "in", tmp_path / "out")) == len(photos)
        return
    with pytest.raises(ie.errors.ArgumentError) as caught:
        batch.plan(recipe, tmp_path / "in", tmp_path / "out")
    assert told in str(caught.value)


TEMPLATES = ["{stem}.png", "{stem}-{width}.png", "{stem}-{width}x{height}.png", "{stem}x{height}.png"]

STEMS = ["a", "a-1", "a-11", "a-1x11", "a-11x1", "ax11"]

SIZES = list(itertools.product([1, 11], repeat=2))


def final(planned, size):
    width, height = size
    return [name.replace("{width}", str(width)).replace("{height}", str(height)) for name in planned]


@pytest.mark.parametrize("templates", [(one,) for one in TEMPLATES] + list(itertools.permutations(TEMPLATES, 2)))
def test_names_are_refused_if_and_only_if_they_can_meet(templates):
    outputs = [Output({"name": template}) for template in templates]
    for stems in itertools.permutations(STEMS, 2):
        jobs = [Job("", stem, [output.planned(Photo("", f"{stem}.png")) for output in outputs]) for stem in stems]
        made = ([final(job.names, size) for size in SIZES] for job in jobs)
        can_meet = any(len({*first, *second}) < 2 * len(templates) for first, second in itertools.product(*made))
        names, refused = Names(outputs), False
        try:
            names.take(jobs[0], [])
            names.take(jobs[1], jobs[:1])
        except ie.errors.ArgumentError:
            refused = True
        assert refused is can_meet, (stems, templates)


def test_names_that_wait_for_their_size_overwrite_no_input(tmp_path):
    ie.write(tmp_path / "a-9x9.png", photo())
    recipe = ie.Recipe([], output={"name": "{stem}-{width}x{height}.png"})
    assert len(batch.plan(recipe, tmp_path / "a-9x9.png", tmp_path)) == 1
    ie.write(tmp_path / "a.png", photo())
    with pytest.raises(ie.errors.ArgumentError, match=r"may overwrite the input .*a-9x9\.png"):
        batch.plan(recipe, [tmp_path / "a-9x9.png", tmp_path / "a.png"], tmp_path)


def test_a_dry_run_tells_all_names_and_what_is_missing(tree, capsys):
    Path("r.toml").write_text(SEVERAL + "[[outputs.steps]]\nop = 'blend'\nsource = 'masks/{stem}.png'\n")
    Path("masks/deep/b.png").unlink()
    words = ["batch", "r.toml", "photos", "-o", "out", "--dry-run"]
    assert command(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"pending: {tree}/photos/a.png -> a-{{width}}x{{height}}.webp, thumbs/a.jpg"
    assert lines[1].endswith(f"thumbs/deep/b.jpg (missing: {tree}/masks/b.png)")
    assert command([*words, "--json"]) == 0
    second = json.loads(capsys.readouterr().out.splitlines()[1])
    assert second["outputs"] == ["deep/b-{width}x{height}.webp", "thumbs/deep/b.jpg"]
    assert second["missing"] == [f"{tree}/masks/b.png"]
    assert not Path("out").exists()


def test_a_recipe_is_tried_on_one_file_and_in_a_pipe(tree):
    Path("r.toml").write_text("[[steps]]\nop = 'resize'\nscale = '${scale}'\n[output]\nformat = 'png'\n")
    words = ["recipe", "apply", "r.toml"]
    assert command([*words, "photos/a.png", "-o", "one.png", "--set", "scale=0.5"]) == 0
    expected = ie.resize(ie.read("photos/a.png"), scale=0.5)
    np.testing.assert_array_equal(ie.read("one.png"), expected)
    done = subprocess.run(
        [sys.executable, "-m", "imgedit", *words, "-", "-o", "-", "--set", "scale=0.5"],
        input=Path("photos/a.png").read_bytes(), capture_output=True, check=True,
    )  # fmt: skip
    np.testing.assert_array_equal(ie.io.decode(done.stdout)[0], expected)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["recipe", "apply", "r.toml", "photos/a.png", "-o", "one.png"], "the recipe has 2 outputs"),
        (["recipe", "apply", "r.toml", "none.png", "-o", "one.png"], "the recipe has 2 outputs"),
        (["batch", "r.toml", "photos", "-o", "-"], "imgedit: --output is '-'; give a folder"),
    ],
)
def test_a_dash_in_the_wrong_place_is_told(tree, words, told, capsys):
    Path("r.toml").write_text(SEVERAL)
    assert command(words) == 2
    assert told in capsys.readouterr().err
    with pytest.raises(ie.errors.ArgumentError, match="inputs hold '-'; a list on standard input is @-"):
        run("r.toml", "-", "out")


# The schema


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        (SEVERAL, True),
        (RECIPE, True),
        (SEVERAL.replace("> 5", ""), True),  # how a text is written inside is for the check
        (SEVERAL.replace("height", "hight", 1).replace('height = "', 'hight = "'), False),
        (SEVERAL.replace("name =", "nam =", 1), False),
        (SEVERAL + "[output]\nformat = 'png'\n", False),
        ("[[steps]]\nop = 'flip'\naxis = 'vertical'\nwhen = {format = 'jpg'}\n", False),
        ("[[steps]]\nop = 'flip'\naxis = 'vertical'\nwhen = {alpha = 'yes'}\n", False),
        ("[[steps]]\nop = 'flip'\naxis = '${axis}'\nwhen = {alpha = '${alpha}'}\n", True),
    ],
)
def test_the_schema_knows_it(text, is_right):
    assert jsonschema.Draft202012Validator(schema()).is_valid(tomllib.loads(text)) is is_right


def test_every_condition_is_in_the_schema():
    assert set(schema()["$defs"]["when"]["properties"]) == set(CONDITIONS)
