"""The manual keeps up with the code: samples for all verbs, examples in docstrings, no line that does not run."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

import imgedit as ie
from imgedit.cli import _words_of, application, run
from imgedit.recipes.steps import MEASURES, MERGES, STEPS

ROOT = Path(__file__).parent.parent
SAMPLES = sorted((ROOT / "samples").glob("plot_*.py"))


def calls(tree):
    """Names after ``ie.`` that are used."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
    return {node.attr for node in nodes if node.value.id == "ie"}


@pytest.fixture(scope="module")
def sampled():
    return set().union(*(calls(ast.parse(path.read_text(encoding="utf-8"))) for path in SAMPLES))


@pytest.mark.parametrize("verb", sorted([*STEPS, *MERGES, *MEASURES, "inpaint", "composite_depth", "sample", "grid"]))
def test_each_verb_has_a_sample(verb, sampled):
    assert verb in sampled, f"write samples/plot_{verb}.py"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_one_short_task_with_one_picture(path):
    text = path.read_text(encoding="utf-8")
    title, line = text.splitlines()[1:3]
    assert len(text.splitlines()) <= 40
    assert text.count("plt.show()") == 1
    assert line == "=" * len(title)


def public(package):
    """Functions and classes that a package offers."""
    things = {f"{package.__name__}.{name}": getattr(package, name) for name in package.__all__}
    return {name: thing for name, thing in things.items() if inspect.isfunction(thing) or inspect.isclass(thing)}


@pytest.mark.parametrize("name", public(ie) | public(ie.models))
def test_each_public_name_has_an_example_that_runs(name):
    assert ">>>" in (public(ie) | public(ie.models))[name].__doc__


COMING = sorted(path for path in (ROOT / "docs" / "coming-from").glob("*.md") if path.stem != "index")


def lines_side_by_side():
    """Each line of code on the pages for those who come from elsewhere, theirs and ours."""
    found = []
    for path in COMING:
        for number, row in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            codes = re.findall(r"`([^`]+)`", row)
            if row.startswith("|") and codes and "| `" in row:
                found += [pytest.param(path.stem, code, id=f"{path.stem}-{number}-{code[:30]}") for code in codes]
    return found


@pytest.fixture(scope="module")
def laid(tmp_path_factory):
    """A folder with the files that those lines name, and the names that they use."""
    photo = np.ascontiguousarray(skimage.data.coffee()[100:260, 100:340])
    other = np.ascontiguousarray(skimage.data.chelsea()[100:260, 100:340])
    y, x = np.mgrid[:160, :240]
    mask = np.hypot(x - 120, y - 80) < 20
    logo = np.zeros((50, 60, 4), np.uint8)
    logo[10:40, 10:50] = 200, 40, 20, 255
    folder = tmp_path_factory.mktemp("desk")
    for name, picture in {"photo": photo, "other": other, "logo": logo, "deep": ie.to_uint16(photo)}.items():
        ie.write(folder / f"{name}.png", picture)
    ie.write(folder / "mask.png", ie.to_uint8(mask.astype(np.float32)))
    ie.Lut.fit(lambda image: ie.adjust(image, temperature=0.3), size=5).write(folder / "look.cube")
    (folder / "photos").mkdir()
    ie.write(folder / "photos/one.png", photo)
    (folder / "recipe.toml").write_text('[[steps]]\nop = "resize"\nscale = 0.5\n', encoding="utf-8")
    names = {
        "np": np,
        "ie": ie,
        "cv2": cv2,
        "skimage": skimage,
        "photo": photo,
        "other": other,
        "logo": logo,
        "mask": mask,
    }
    names |= {"bgr": photo[..., ::-1].copy(), "other_bgr": other[..., ::-1].copy()}
    names |= {"picture": Image.fromarray(photo), "second": Image.fromarray(other), "badge": Image.fromarray(logo)}
    names |= {
        module.__name__.split(".")[1]: module
        for module in (Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps)
    }
    names["corners"] = np.array([[0, 0], [240, 0], [240, 160], [0, 160]], np.float32)
    names["target"] = np.array([[20, 10], [200, 0], [240, 160], [10, 150]], np.float32)
    return folder, names


@pytest.fixture
def desk(laid, monkeypatch):
    monkeypatch.chdir(laid[0])
    return dict(laid[1])  # a line may give a name to its result


@pytest.mark.parametrize(("page", "line"), lines_side_by_side())
def test_lines_side_by_side_run(page, line, desk):
    if page != "imagemagick":
        exec(line, desk)
    elif line.startswith("imgedit "):  # ImageMagick is not asked for
        assert run(shlex.split(line)[1:]) == 0


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(*kinds):
    """Blocks of code on the pages: page, number of the line above, text."""
    found = []
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for block in re.finditer(rf"^```(?:{'|'.join(kinds)})\n(.*?)^```", text, re.M | re.S):
            line = text.count("\n", 0, block.start()) + 1
            found.append(pytest.param(block[1], id=f"{path.relative_to(ROOT)}:{line}"))
    return found


def dotted(node):
    """``ie.models.load`` of an expression that is such a name, else ''."""
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return left and f"{left}.{node.attr}"
    return node.id if isinstance(node, ast.Name) and node.id == "ie" else ""


@pytest.mark.parametrize("code", blocks("python"))
def test_calls_on_the_pages_fit_the_signatures(code):
    if ">>>" in code:
        code = "\n".join(line[4:] for line in code.splitlines() if line.startswith((">>> ", "... ")))
    for call in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and dotted(node.func)):
        called = eval(dotted(call.func), {"ie": ie})
        if not any(isinstance(argument, ast.Starred) for argument in call.args):
            inspect.signature(called).bind(*call.args, **{word.arg: word.value for word in call.keywords if word.arg})


@pytest.mark.parametrize("code", blocks("sh", "console"))
def test_commands_on_the_pages_are_understood(code):
    lines = [line.removeprefix("$ ") for line in code.replace("\\\n", " ").splitlines()]
    for line in lines:
        words = shlex.split(line.split(" > ")[0].split(" | ")[0].split(" && ")[0], comments=True)
        if words[:1] == ["imgedit"] and not words[1].startswith("-"):
            application().parse_args(_words_of(words[1:]), print_error=False, exit_on_error=False)
