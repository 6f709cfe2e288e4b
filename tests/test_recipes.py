"""Recipes: what is refused and how, what is kept, and that they do what the verbs do."""

from __future__ import annotations

import inspect
import pickle
import tomllib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import disc_mask, photo

import imgedit as ie
from imgedit.cli.verbs import OWN_OPTIONS
from imgedit.geometry.resampling import place
from imgedit.recipes import decoding
from imgedit.recipes.lines import key_lines
from imgedit.recipes.steps import MEASURES, MERGES, STEPS, reading, writing
from imgedit.recipes.toml import dump
from imgedit.recipes.verbs import help_texts
from imgedit.recipes.wording import for_recipe

VERBS = {**STEPS, **MERGES, **MEASURES}

# What makes an image of an image, but is no step.
NO_STEPS = {"from_bgr": "files are never in OpenCV's order", "read_mask": "reads a file"}


def image_verbs():
    """Yield the public functions that make an image, and take one."""
    for name in ie.__all__:
        function = getattr(ie, name)
        if not inspect.isfunction(function):
            continue
        signature = inspect.signature(function)
        taken = {str(parameter.annotation) for parameter in signature.parameters.values()}
        if signature.return_annotation == "Image" and taken & {"Image", "Sequence[Image]"}:
            yield name


def test_every_public_image_verb_is_a_step_and_a_command():
    missing = set(image_verbs()) - set(VERBS) - set(NO_STEPS)
    assert not missing, f"add one line each to imgedit/recipes/steps.py: {sorted(missing)}"


@pytest.mark.parametrize("name", VERBS)
def test_every_row_is_the_public_verb_of_its_name(name):
    assert VERBS[name].function is getattr(ie, name)
    assert VERBS[name].summary
    assert VERBS[name].example


@pytest.mark.parametrize("name", VERBS)
def test_every_parameter_is_described_and_free_of_the_options_that_all_commands_have(name):
    verb = VERBS[name]
    described = help_texts(verb.function)
    assert set(verb.parameters) <= set(described)
    every = set(verb.parameters).union(*(verb.extras(row) for row in verb.rows()))
    clashes = every & (set(reading()) | (set(writing()) if name not in MEASURES else {"json"}) | OWN_OPTIONS)
    assert not clashes


BROKEN = """\
# comment
[[steps]]
op = "blurr"

[[steps]]
op = "blend"
sourc = "logo.png"
mode = "multply"
opacity = "half"

[[steps]]
op = "inpaint"
metod = '''
telea'''

[[steps]]
mask = "nothere.png"

[[steps]]
op = "inpaint"
mask = "nothere.png"
method = "telea"
patch = 3

[output]
format = "jpg"
quality = 90
[outptu]
"""


def test_all_errors_are_told_at_once_with_their_lines(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text(BROKEN)
    with pytest.raises(ie.errors.RecipeError) as caught:
        ie.Recipe.from_toml(path)
    expected = [
        (3, "step 1 is 'blurr', which is no verb (did you mean 'blur'?); nearest of "),
        (5, "step 2 blend needs 'source', the path of a file"),
        (7, "step 2 blend has no parameter 'sourc' (did you mean 'source'?); valid names: backdrop, source, mode"),
        (8, "step 2 blend has mode = 'multply' (did you mean 'multiply'?); nearest of "),
        (9, "step 2 blend has opacity = 'half'; input should be a valid number"),
        (11, "step 3 inpaint needs 'mask', the path of a file"),
        (13, "step 3 inpaint has no parameter 'metod' (did you mean 'method'?); valid names: "),
        (16, 'step 4 has no op; name a verb: op = "resize"'),
        (21, f"step 5 inpaint has mask = 'nothere.png'; there is no such file in '{tmp_path}'"),
        (23, "step 5 inpaint has no parameter 'patch'"),
        (26, "output has format = 'jpg' (did you mean 'jpeg'?); valid names: jpeg, png"),
        (28, "a recipe has no 'outptu' (did you mean 'output'?); valid names: input, variables, steps"),
    ]
    findings = caught.value.findings
    # Line 19 is where the step begins that names a file which is not there.
    for (line, text), finding in zip(expected, [f for f in findings if ":18:" not in f], strict=True):
        assert finding.startswith(f"{path}:{line}: {text}"), finding
    assert str(caught.value).splitlines() == list(findings)
    assert pickle.loads(pickle.dumps(caught.value)).findings == findings


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[[steps]]\nop = \n", 2, "not TOML: Invalid value"),
        ("[[steps]]\nop = [1,\n", 2, "not TOML: "),
        ("steps = 3\n", 1, "steps are written as [[steps]] tables"),
        ("[steps]\nop='blur'\n", 1, "steps are written as [[steps]] tables"),
        ("output = 3\n", 1, "output is written as an [output] table"),
        ("\n\n[output]\nformat='jpeg'\nquality = 500\n", 3, "quality is 500; jpeg takes a whole number 1 to 100"),
        ("[output]\nformat='png'\nquality = 50\n", 1, "png has no parameter 'quality'; it takes compression"),
        ("[input]\non_damaged = 'keeep'\n", 2, "(did you mean 'keep'?); valid names: error, keep"),
        ("[[steps]]\nop='crop'\nbox=[1, 2, 3]\n", 3, "has box = (1, 2, 3); field required"),
        ("[[steps]]\nop='crop'\nbox=[1, 2, 3, 4.5]\n", 3, "input should be a valid integer"),
        ("[[steps]]\nop='blur'\nradius=true\n", 3, "radius = True; input should be a valid number"),
        ("[[steps]]\nop='blend'\nsource=7\n", 3, "source = 7; give the path of a file"),
        ("[[steps]]\nop='blur'\nprogress=7\n", 3, "has no parameter 'progress'"),
        ("[[steps]]\nop='focus-stack'\n", 2, "no verb"),
    ],
)
def test_each_error_names_line_and_cause(text, line, words):
    with pytest.raises(ie.errors.RecipeError) as caught:
        ie.Recipe.parse(text, name="r.toml")
    assert str(caught.value.findings[0]).startswith(f"r.toml:{line}: ")
    assert words in caught.value.findings[0]


IN_VAIN = {
    "blur: radius is -1; give a number at least 0": (3, "op='blur'\nradius=-1"),
    "resize: scale is -0.5; give a number above 0": (3, "op='resize'\nscale=-0.5"),
    "levels: white is 0.2; give a number above 0.8": (4, "op='levels'\nblack=0.8\nwhite=0.2"),
    "blend: opacity is 1.5": (4, "op='blend'\nsource='small.png'\nopacity=1.5"),
    "crop: box is (9, 9, 5, 5), which is empty": (3, "op='crop'\nbox=[9, 9, 5, 5]"),
    "crop: box is (0, 0, 40, 30) but image reaches": (
        7, "op='resize'\nsize=[20, 20]\n\n[[steps]]\nop='crop'\nbox=[0, 0, 40, 30]",
    ),
    "inpaint: mask is 40x56 but image is 96x128": (
        7, "op='resize'\nsize=[96, 128]\n\n[[steps]]\nop='inpaint'\nmask='mask.png'",
    ),
    'fill: paint is \'red\' but image is grey; make it RGB: a step op = "convert", channels = "rgb"': (
        7, "op='convert'\nchannels='grey'\n\n[[steps]]\nop='fill'\npaint='red'",
    ),
    'output the result: jpeg can\'t hold float32; convert the image with a step op = "convert", depth = 8': (
        4, "op='to_float'\n[output]\nformat='jpeg'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", IN_VAIN)
def test_what_no_photo_can_pass_is_told_before_the_first(tmp_path, words):
    ie.write(tmp_path / "mask.png", disc_mask().astype(np.uint8) * 255)
    ie.write(tmp_path / "small.png", photo(channels=4, size=(20, 30)))
    line, steps = IN_VAIN[words]
    with pytest.raises(ie.errors.RecipeError) as caught:
        ie.Recipe.parse(f"[[steps]]\n{steps}\n", name="r.toml", folder=tmp_path)
    (finding,) = caught.value.findings
    assert finding.startswith(f"r.toml:{line}: ")
    assert words in finding


@pytest.mark.parametrize(
    "steps",
    [
        "op='crop'\nbox=[0, 0, 4000, 3000]",
        "op='flood_fill'\npoint=[3000, 2000]\npaint='red'",
        "op='carve'\nsize=[500, 700]",
        "op='inpaint'\nmask='mask.png'\nmethod='exemplar'",
        "op='inpaint'\nmask='mask.png'\nmethod='patchmatch'\nsource='source.png'",
        "op='carve'\nsize=[40, 50]\nprotect='mask.png'\nremove='source.png'",
        "op='blend'\nsource='mask.png'",
        "op='resize'\nsize=[40, 56]\n[[steps]]\nop='inpaint'\nmask='mask.png'",
        "op='draw_text'\ntext='far'\nposition=[3000, 2000]",
        "op='resize'\nscale=100",
        "op='flatten'\n[output]\nformat='jpeg'",
    ],
)
def test_what_depends_on_the_photo_is_left_to_it(tmp_path, steps):
    ie.write(tmp_path / "mask.png", disc_mask().astype(np.uint8) * 255)
    ie.write(tmp_path / "source.png", (~disc_mask()).astype(np.uint8) * 255)
    ie.Recipe.parse(f"[[steps]]\n{steps}\n", folder=tmp_path)


@pytest.mark.parametrize("name", STEPS)
def test_the_check_invents_no_errors(name, tmp_path):
    """With all its defaults, and images that fit, every step passes."""
    ie.write(tmp_path / "mask.png", disc_mask().astype(np.uint8) * 255)
    ie.write(tmp_path / "other.png", photo(seed=3))
    verb, values = STEPS[name], {"size": (20, 30), "box": (0, 0, 9, 9), "degrees": 5, "point": (3, 3), "text": "x"}
    given = {p.name: "other.png" for p in verb.of_kind("image") if p.name != verb.photo and p.required}
    given |= {p.name: "mask.png" for p in verb.of_kind("mask") if p.required}
    given |= {n: values[n] for n, p in verb.parameters.items() if p.required and p.kind == "value" and n in values}
    given |= {"curves": {"points": ((0, 0), (1, 0.5))}, "resize": {"scale": 0.5}}.get(name, {})
    left = {n for n, p in verb.parameters.items() if p.required and p.name != verb.photo} - set(given)
    if left:
        return
    if name in ("matte", "remove_background"):  # whose networks are not shipped
        with pytest.raises(ie.errors.RecipeError, match=f"^step 1 {name} finds no network on this machine; fetch one"):
            ie.Recipe([ie.Step(name, **given)], folder=tmp_path)
        return
    ie.Recipe([ie.Step(name, **given)], folder=tmp_path)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("op='upscale'\nscale=2\nmodel='nonet'", "model = 'nonet'; did you mean "),
        ("op='upscale'\nscale=2\nmodel='no/where.onnx'", "model = 'no/where.onnx'; does not exist"),
        ("op='inpaint'\nmask='mask.png'\nmethod='learned'\nmodel='mi-gan'", "get it: imgedit models fetch mi-gan"),
    ],
)
def test_a_network_that_is_not_there_is_told_with_its_line(step, words, tmp_path):
    ie.write(tmp_path / "mask.png", disc_mask().astype(np.uint8) * 255)
    with pytest.raises(ie.errors.RecipeError) as caught:
        ie.Recipe.parse(f"[[steps]]\n{step}\n", name="r", folder=tmp_path)
    (finding,) = caught.value.findings
    assert finding.startswith(f"r:{step.count(chr(10)) + 2}: step 1 ")
    assert words in finding


def test_a_failing_step_is_named_in_words_of_the_recipe(tmp_path):
    ie.write(tmp_path / "small.png", photo(channels=4, size=(20, 30)))
    recipe = ie.Recipe([ie.Step("to_uint16"), ie.Step("blend", source="small.png")], folder=tmp_path)
    with pytest.raises(ie.errors.ArgumentError) as caught:
        recipe.apply(photo())
    told = for_recipe(caught.value)
    assert told.startswith("step 2 (blend): source is 20x30 but backdrop is 40x56; ")
    assert told.endswith("imgedit resize SOURCE 40 56")


def test_a_recipe_that_does_nothing_is_refused():
    with pytest.raises(ie.errors.RecipeError, match="needs a step"):
        ie.Recipe.parse("# nothing\n")
    assert ie.Recipe.parse("[output]\nformat = 'png'\n").steps == ()


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "r.toml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(ie.errors.RecipeError, match=r"not UTF-8 text .*; a recipe is a TOML file"):
        ie.Recipe.from_toml(tmp_path / "r.toml")
    with pytest.raises(FileNotFoundError):
        ie.Recipe.from_toml(tmp_path / "nothing.toml")


def test_a_step_that_gives_every_image_leaves_no_place_for_the_photo(tmp_path):
    ie.write(tmp_path / "a.png", photo())
    with pytest.raises(ie.errors.RecipeError, match=r"leaves no place for the photo; leave out backdrop or source"):
        ie.Recipe([ie.Step("blend", backdrop="a.png", source="a.png")], folder=tmp_path)


def test_the_photo_takes_the_first_place_that_is_left(tmp_path):
    image, paper = photo(seed=1), photo(seed=2)
    ie.write(tmp_path / "paper.png", paper)
    above = ie.Recipe([ie.Step("blend", backdrop="paper.png", mode="multiply", opacity=0.5)], folder=tmp_path)
    below = ie.Recipe([ie.Step("blend", source="paper.png", mode="multiply", opacity=0.5)], folder=tmp_path)
    np.testing.assert_array_equal(above.apply(image), ie.blend(paper, image, "multiply", opacity=0.5))
    np.testing.assert_array_equal(below.apply(image), ie.blend(image, paper, "multiply", opacity=0.5))


def test_steps_do_what_the_verbs_do(tmp_path):
    ie.write(tmp_path / "mask.png", disc_mask().astype(np.uint8) * 255)
    image = photo()
    recipe = ie.Recipe.parse(
        "[[steps]]\nop='inpaint'\nmask='mask.png'\nmethod='telea'\n[[steps]]\nop='rotate'\ndegrees=12\nexpand=false\n"
        "[[steps]]\nop='to-uint16'\n[[steps]]\nop='fill'\npaint='tomato'\nopacity=0.25\n",
        folder=tmp_path,
    )
    expected = ie.inpaint(image, disc_mask(), "telea")
    expected = ie.to_uint16(ie.rotate(expected, 12, expand=False))
    expected = ie.fill(expected, None, "tomato", opacity=0.25)
    seen = []
    np.testing.assert_array_equal(recipe.apply(image, progress=seen.append), expected)
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize("paint", ["pattern: tile.png", {"kind": "pattern", "image": "tile.png"}])
@pytest.mark.parametrize("op", ["fill", "flood_fill"])
def test_files_within_a_value_start_at_the_recipe(op, paint, tmp_path):
    image, tile = photo(), photo(size=(4, 5), seed=1)
    ie.write(tmp_path / "tile.png", tile)
    where = {"point": (3, 3)} if op == "flood_fill" else {}
    recipe = ie.Recipe([ie.Step(op, paint=paint, **where)], folder=tmp_path)
    mask = () if where else (None,)
    expected = getattr(ie, op)(image, *mask, paint=ie.Pattern(tile), **where)
    np.testing.assert_array_equal(recipe.apply(image), expected)
    assert recipe.files() == [tmp_path / "tile.png"]
    with pytest.raises(ie.errors.RecipeError, match="no such file"):
        ie.Recipe([ie.Step(op, paint=paint, **where)], folder=tmp_path / "elsewhere")


def test_a_cancelled_recipe_stops():
    def stop(fraction):
        raise ie.errors.Cancelled

    with pytest.raises(ie.errors.Cancelled):
        ie.Recipe([ie.Step("to_uint16")]).apply(photo(), progress=stop)


def test_an_image_on_disk_that_changes_is_read_again(tmp_path):
    import os

    recipe_image = tmp_path / "paper.png"
    ie.write(recipe_image, np.zeros((40, 56), np.uint8))
    recipe = ie.Recipe([ie.Step("blend", source="paper.png")], folder=tmp_path)
    before = recipe.fingerprint()
    assert recipe.apply(photo()).max() == 0
    ie.write(recipe_image, np.full((40, 56), 255, np.uint8))
    os.utime(recipe_image, ns=(1, 1))
    assert recipe.apply(photo()).min() == 255
    assert recipe.fingerprint() != before


def test_a_recipe_is_a_plain_value(tmp_path):
    ie.write(tmp_path / "logo.png", photo())
    recipe = ie.Recipe(
        [
            ie.Step("blend", source="logo.png", offset=[3, 4]),
            ie.Step("fill", paint={"kind": "noise", "method": "perlin"}),
        ],
        output={"format": "png", "compression": 3},
        input={"icc": "srgb"},
        folder=tmp_path,
    )
    again = pickle.loads(pickle.dumps(recipe))
    assert again == recipe
    assert again.fingerprint() == recipe.fingerprint()
    assert again.folder == recipe.folder
    assert ie.Recipe.parse(recipe.to_toml(), folder=tmp_path) == recipe


def test_an_array_can_be_a_parameter_but_no_text():
    recipe = ie.Recipe([ie.Step("blend", source=photo(seed=3))])
    np.testing.assert_array_equal(recipe.apply(photo()), photo(seed=3))
    with pytest.raises(ie.errors.RecipeError, match="give the path of a file"):
        recipe.to_toml()


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=3), st.dictionaries(st.text(), VALUES))
def test_what_is_written_as_toml_is_read_back(steps, output):
    document = {"steps": steps, "output": output}
    read = tomllib.loads(dump(document))
    assert read.get("steps", []) == steps
    assert read.get("output", {}) == output


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4), min_size=1, max_size=4))
def test_keys_are_found_on_their_lines(steps):
    # One statement a line, so that the place of each key is known without a parser.
    text, expected, number = "", {}, 0
    for index, step in enumerate(steps):
        text += "\n# [[steps]]\n[[steps]]\n"
        number += 3
        expected["steps", index] = number
        for name, value in step.items():
            head, line, end = dump({"x": {name: value}}).split("\n")
            assert (head, end) == ("[x]", "")
            text += line + "\n"
            number += 1
            expected["steps", index, name] = number
    found = key_lines(text)
    assert {path: found[path] for path in expected} == expected


def test_metadata_goes_from_photo_to_result(tmp_path):
    metadata = ie.Metadata(xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", resolution=(300.0, 300.0))
    ie.write(tmp_path / "in.jpg", photo(), metadata=metadata)
    ie.Recipe([ie.Step("resize", scale=0.5)]).edit(tmp_path / "in.jpg", tmp_path / "out.png")
    _, found = ie.read(tmp_path / "out.png", with_metadata=True)
    assert found.xmp == metadata.xmp
    assert found.resolution == pytest.approx((300, 300), abs=0.01)  # PNG counts pixels per metre
    ie.Recipe([], output={"metadata": False}).edit(tmp_path / "in.jpg", tmp_path / "out.png")
    assert ie.read(tmp_path / "out.png", with_metadata=True)[1] == ie.Metadata()


def opened(steps, path):
    found = decoding.open_for([steps], path.read_bytes(), ie.recipes.Photo(str(path), path.name, "jpeg"), {})
    return found.begin(steps)


def smooth_photo(height, width):
    rng = np.random.default_rng(5)
    small = rng.uniform(0.1, 0.9, (height // 64 + 2, width // 64 + 2, 3)).astype(np.float32)
    return ie.to_uint8(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1))


@pytest.mark.parametrize("shape", [(480, 640), (481, 643), (200, 777)])
@pytest.mark.parametrize(
    "how",
    [
        {"scale": 0.25},
        {"scale": 0.25, "filter": "lanczos3"},
        {"scale": 0.4},
        {"scale": 0.11, "filter": "area"},
        {"size": (60, 80)},
        {"size": (60, 80), "fit": "contain"},
        {"size": (60, 80), "fit": "cover"},
        {"size": (60, 80), "fit": "pad", "background": "tomato"},
        {"width": 100},
        {"scale": 0.9},
    ],
)
def test_a_photo_that_is_decoded_smaller_looks_as_if_it_were_not(tmp_path, shape, how):
    ie.write(tmp_path / "in.jpg", smooth_photo(*shape), quality=95)
    expected = ie.resize(ie.read(tmp_path / "in.jpg"), **how)
    image, left = opened([ie.Step("resize", **how), ie.Step("to_uint16")], tmp_path / "in.jpg")
    whole = place(shape, **{k: v for k, v in how.items() if k in decoding.SIZES}).ratio < 2
    assert len(left) == (2 if whole else 1)
    if not whole:
        assert image.shape == expected.shape
        # A shift by half a pixel of the result, or a wrong part of the picture, is below 35 dB here.
        assert cv2.PSNR(image, expected) > 42


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("shape", [(96, 160), (97, 163)])
def test_a_turned_photo_is_decoded_smaller_and_upright(tmp_path, orientation, shape):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(smooth_photo(*shape)).save(tmp_path / "in.jpg", quality=95, exif=exif)
    expected = ie.resize(ie.read(tmp_path / "in.jpg"), scale=0.5)
    ie.Recipe([ie.Step("resize", scale=0.5)]).edit(tmp_path / "in.jpg", tmp_path / "out.png")
    result = ie.read(tmp_path / "out.png")
    assert result.shape == expected.shape
    assert cv2.PSNR(result, expected) > 40


@pytest.mark.parametrize(
    "how", [{"scale": 0.25, "filter": "nearest"}, {"scale": 0.25, "space": "linear"}, {"scale": 2.0}]
)
def test_a_filter_that_needs_every_pixel_gets_them(tmp_path, how):
    ie.write(tmp_path / "in.jpg", photo(size=(64, 96)))
    image, left = opened([ie.Step("resize", **how)], tmp_path / "in.jpg")
    np.testing.assert_array_equal(image, ie.read(tmp_path / "in.jpg"))
    assert len(left) == 1


def rendered(recipe, path):
    """Results of a recipe, and the size at which the photo was decoded for them."""
    decoded = []
    made = recipe.render(path.read_bytes(), ie.recipes.Photo(str(path), path.name), seen=decoded.append)
    return [ie.io.decode(data)[0] for _, data in made], decoded[0].shape[:2]


def resizing(*outputs, steps=()):
    tables = [
        {"name": f"{number}-{{stem}}.png", "steps": [ie.Step("resize", **how)] if how else []}
        for number, how in enumerate(outputs)
    ]
    return ie.Recipe(steps, outputs=tables)


@pytest.mark.parametrize(
    ("outputs", "decoded"),
    [
        (({"scale": 0.5}, {"width": 40}), (240, 320)),
        (({"scale": 0.25}, {"width": 80}), (120, 160)),
        (({"scale": 0.25, "filter": "lanczos3"}, {"width": 80}), (240, 320)),
        (({"scale": 0.25}, {}), (480, 640)),
        (({"scale": 0.25}, {"width": 80, "filter": "nearest"}), (480, 640)),
        (({"scale": 0.25}, {"scale": 0.125, "when": {"width": "> 1000"}}), (480, 640)),
    ],
)
def test_of_several_results_the_largest_says_how_far_a_photo_is_decoded(tmp_path, outputs, decoded):
    path = tmp_path / "in.jpg"
    ie.write(path, smooth_photo(480, 640), quality=95)
    results, shape = rendered(resizing(*outputs), path)
    assert shape == decoded
    for how, result in zip(outputs, results, strict=True):
        is_left_out = not how or "when" in how
        expected = ie.read(path) if is_left_out else ie.resize(ie.read(path), **how)
        assert result.shape == expected.shape
        assert np.array_equal(result, expected) or cv2.PSNR(result, expected) > 42


def test_what_shares_steps_is_decoded_for_those(tmp_path):
    path = tmp_path / "in.jpg"
    ie.write(path, smooth_photo(480, 640), quality=95)
    half = [ie.Step("resize", scale=0.5)]
    results, shape = rendered(resizing({"scale": 0.5}, {}, steps=half), path)
    assert shape == (240, 320)
    assert [result.shape[:2] for result in results] == [(120, 160), (240, 320)]
    np.testing.assert_array_equal(results[0], ie.resize(results[1], scale=0.5))


def test_the_way_of_reading_is_kept_when_decoding_smaller(tmp_path):
    ie.write(tmp_path / "in.jpg", photo(size=(64, 96)))
    data = (tmp_path / "in.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) * 2 // 3])
    half = [ie.Step("resize", scale=0.5)]
    with pytest.raises(ie.errors.TruncatedImageError):
        ie.Recipe(half).edit(tmp_path / "cut.jpg", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()
    with pytest.warns(UserWarning, match="ends early"):
        ie.Recipe(half, input={"on_damaged": "keep"}).edit(tmp_path / "cut.jpg", tmp_path / "out.png")
    assert ie.read(tmp_path / "out.png").shape == (32, 48, 3)
    with pytest.raises(ie.errors.ImageTooLargeError):
        ie.Recipe(half, input={"max_bytes": 100}).edit(tmp_path / "in.jpg", tmp_path / "out.png")
    with pytest.raises(ie.errors.ImageTooLargeError):
        ie.Recipe(half, input={"max_pixels": 100}).edit(tmp_path / "in.jpg", tmp_path / "out.png")


def test_parameters_of_a_method_are_found_by_its_name():
    assert {"iterations", "style_weight"} <= set(STEPS["stylize"].takes({"method": "gatys"}))
    assert "iterations" not in STEPS["stylize"].takes({"keep_color": "luma"})
    assert "patch_size" in STEPS["inpaint"].takes({"method": "exemplar"})


def test_a_rehearsal_takes_one_step_of_what_goes_on_for_long(tmp_path, monkeypatch):
    from imgedit.models import Model

    runs, real = [], Model.run
    monkeypatch.setattr(Model, "run", lambda net, *a, **k: (runs.append(1), real(net, *a, **k))[1])
    ie.write(tmp_path / "style.png", photo(np.uint8)[:32, :32])
    steps = [ie.Step("stylize", style="style.png", method="gatys", device="cpu"), ie.Step("resize", scale=0.5)]
    assert ie.Recipe(steps, folder=tmp_path).rehearse() == []
    assert 2 <= len(runs) < 12
