"""The command line: every example runs, every mistake is one line and a code."""

from __future__ import annotations

import io as streams
import json
import os
import re
import shlex
import subprocess
import sys

import cv2
import numpy as np
import odd_files
import pytest
from pictures import disc_mask, photo
from styles import redness, soften, zoo

import imgedit as ie
from imgedit.cli import application, run
from imgedit.recipes.steps import MEASURES, MERGES, STEPS
from imgedit.recipes.verbs import Verb

VERBS = {**STEPS, **MERGES, **MEASURES}
SIZE = (96, 128)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the files that the examples name."""
    monkeypatch.chdir(tmp_path)
    ie.write("photo.jpg", photo(size=SIZE, seed=1))
    ie.write("other.jpg", photo(size=SIZE, seed=2) // 2)
    ie.write("deep.png", photo(np.uint16, size=SIZE))
    ie.write("depth.png", np.tile(np.linspace(0, 65535, SIZE[1]).astype(np.uint16), (SIZE[0], 1)))
    ie.write("mask.png", disc_mask(SIZE).astype(np.uint8) * 255)
    ie.write("logo.png", photo(channels=4, size=(40, 56)))
    ie.write("logo-mask.png", disc_mask((40, 56)).astype(np.uint8) * 255)
    zoo(tmp_path / "style.onnx")
    soften(tmp_path / "restore.onnx")
    redness(tmp_path / "matte.onnx")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "photo.jpg").read_bytes()[:-200])
    (tmp_path / "film.gif").write_bytes(odd_files.frames("GIF", 2))
    (tmp_path / "look.cube").write_text("LUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 0.9\n")
    return tmp_path


@pytest.mark.parametrize("name", VERBS)
def test_every_example_runs(folder, capsys, name):
    before = {path.name for path in folder.iterdir()}
    assert run([name.replace("_", "-"), *shlex.split(VERBS[name].example)]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    made = {path.name for path in folder.iterdir()} - before
    assert len(made) == (name not in MEASURES)
    assert bool(told.out) == (name in MEASURES)
    for file in made:
        assert ie.info(file).size[0] > 1


def test_a_command_does_what_the_verb_does(folder):
    assert run(["inpaint", "photo.jpg", "--mask", "mask.png", "-o", "out.png", "--method", "telea", "--grow", "2"]) == 0
    expected = ie.inpaint(ie.read("photo.jpg"), ie.read_mask("mask.png"), "telea", grow=2)
    np.testing.assert_array_equal(ie.read("out.png"), expected)


def test_a_mask_of_the_method_itself_is_a_path_too(folder):
    left = np.zeros(SIZE, bool)
    left[:, :50] = True
    ie.write("left.png", left.astype(np.uint8) * 255)
    words = ["inpaint", "photo.jpg", "--mask", "mask.png", "-o", "out.png", "--method", "exemplar"]
    assert run([*words, "--source", "left.png", "--patch-size", "7", "--no-join"]) == 0
    given = {"source": left, "patch_size": 7, "join": False}
    expected = ie.inpaint(ie.read("photo.jpg"), ie.read_mask("mask.png"), "exemplar", **given)
    np.testing.assert_array_equal(ie.read("out.png"), expected)


def test_values_are_written_as_numbers_words_or_toml(folder):
    for margins, size in (("3", (102, 134)), ("1,2,3,4", (102, 132)), ("[1, 2, 3, 4]", (102, 132))):
        assert run(["pad", "photo.jpg", margins, "--background", "1,0,0", "-o", "out.png"]) == 0
        assert ie.info("out.png").size == size
    assert ie.read("out.png")[0, 0].tolist() == [255, 0, 0]
    assert run(["rotate", "photo.jpg", "-90", "-o", "out.png"]) == 0
    assert run(["resize", "photo.jpg", "30", "40", "-o", "out.png"]) == 0
    assert ie.info("out.png").size == (30, 40)
    assert run(["rotate", "photo.jpg", "9", "--no-expand", "-o", "out.png"]) == 0
    assert ie.info("out.png").size == SIZE


@pytest.mark.parametrize(
    ("comma", "blank"),
    [
        ("blend photo.jpg logo.png --offset 5,6", "blend photo.jpg logo.png --offset 5 6"),
        ("blend photo.jpg logo.png --offset=-5,6", "blend --offset -5 6 photo.jpg logo.png"),
        ("crop photo.jpg 1,2,30,40", "crop photo.jpg 1 2 30 40"),
        ("resize photo.jpg --size 30,40", "resize photo.jpg 30 40"),
        ("flood-fill photo.jpg 40,20 skyblue", "flood-fill photo.jpg 40 20 skyblue"),
        ("pad photo.jpg 1,2,3,4", "pad photo.jpg 1 2 3 4"),
        ("gradient-overlay photo.jpg --colors navy,orange", "gradient-overlay photo.jpg --colors navy orange"),
        ("pad photo.jpg 3 --background 1,0,0", "pad photo.jpg 3 --background 1 0 0"),
        ("drop-shadow logo.png --expand", "drop-shadow logo.png --expand true"),
        ("drop-shadow logo.png --no-expand", "drop-shadow logo.png"),
    ],
)
def test_lists_take_commas_or_blanks_and_flags_take_nothing(folder, comma, blank):
    for line, target in ((comma, "a.png"), (blank, "b.png")):
        assert run([*shlex.split(line), "-o", target]) == 0
    np.testing.assert_array_equal(ie.read("a.png"), ie.read("b.png"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("erase photo.jpg black.png -o out.png", "black.png marks nothing"),
        ("blend photo.jpg logo.png -o out.png --offset 500 500", "blend changed no pixel"),
        ("flip cut.jpg horizontal -o out.png --on-damaged keep", "cut.jpg: the JPEG ends early"),
    ],
)
def test_what_may_be_a_mistake_is_a_warning(folder, capsys, line, words):
    ie.write("black.png", np.zeros(SIZE, np.uint8))
    assert run(shlex.split(line)) == 0
    assert capsys.readouterr().err.startswith(f"imgedit: warning: {words}")


def test_files_are_converted(folder):
    assert run(["convert", "deep.png", "-o", "out.webp", "--depth", "8", "--quality", "95"]) == 0
    assert (ie.info("out.webp").format, ie.info("out.webp").dtype) == ("webp", "uint8")
    assert run(["convert", "logo.png", "-o", "out.jpg", "--background", "white", "--channels", "grey"]) == 0
    assert ie.info("out.jpg").channels == 1


def test_options_of_reading_and_writing(folder):
    assert run(["flip", "photo.jpg", "horizontal", "-o", "small.jpg", "--quality", "20"]) == 0
    assert run(["flip", "photo.jpg", "horizontal", "-o", "large.jpg", "--quality", "98"]) == 0
    assert os.path.getsize("small.jpg") < os.path.getsize("large.jpg") / 2
    assert run(["flip", "cut.jpg", "horizontal", "-o", "out.png"]) == 3
    assert run(["flip", "cut.jpg", "horizontal", "-o", "out.png", "--on-damaged", "keep"]) == 0
    assert run(["flip", "photo.jpg", "horizontal", "-o", "out.png", "--no-overwrite"]) == 3


def test_metadata_is_carried_over_unless_told_otherwise(folder):
    ie.write("told.jpg", photo(), metadata=ie.Metadata(resolution=(300.0, 300.0)))
    assert run(["flip", "told.jpg", "horizontal", "-o", "out.jpg"]) == 0
    assert ie.info("out.jpg").resolution == (300, 300)
    assert run(["seamless-clone", "told.jpg", "photo.jpg", "--mask", "mask40.png", "-o", "out.jpg"]) == 3
    assert run(["flip", "told.jpg", "horizontal", "-o", "out.jpg", "--no-metadata"]) == 0
    assert ie.info("out.jpg").resolution is None


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("blurr photo.jpg -o out.png", 2, 'Did you mean "blur"?'),
        ("blur photo.jpg -o out.png --radus 3", 2, "did you mean --radius?"),
        ("blur photo.jpg -o out.png --method gausian", 2, "did you mean 'gaussian'?"),
        ("blur photo.jpg -o out.png --radius much", 2, "--radius"),
        ("blur photo.jpg", 2, "--output"),
        ("blur photo.jpg -o out.png --radius -1", 2, "--radius is -1"),
        ("blur photo.jpg 3 -o out.png", 2, "'3' has no place in blur; did you mean --radius 3?"),
        ("blur photo.jpg out.png", 2, "'out.png' has no place in blur; did you mean -o out.png?"),
        ("blend photo.jpg photo.jpg out.png", 2, "'out.png' has no place in blend; did you mean -o out.png?"),
        ("resize photo.jpg photo.jpg --scale 2 -o out.png", 2, "one photo at a time; many at once take a recipe"),
        (
            "blur photo.jpg --radius 3 -o nowhere/out.png",
            3,
            "No such file or directory; make the folder first",
        ),
        ("blur photo.jpg radius 3 -o out.png", 2, "did you mean --radius 3?"),
        ("blur photo.jpg --ouput out.png", 2, "--ouput is no option of blur; did you mean --output?"),
        ("blur -o out.png", 2, "blur needs IMAGE, the path of a file; for example: imgedit blur photo.jpg"),
        ("resize photo.jpg 0.5 -o out.png", 2, "--size takes 2 values, got '0.5'; did you mean --scale 0.5?"),
        ("resize photo.jpg 640x480 -o out.png", 2, "--size takes 2 values, got '640x480'; write --size 10,20"),
        ("resize photo.jpg -o out.png", 2, "--size is missing; give one of: size, scale"),
        ("resize photo.jpg -o out.png --scale 2 --width 9", 2, "given more than once, by scale and by width"),
        ("flip photo.jpg horizontal", 2, "flip needs --output; imgedit flip --help"),
        ("models add", 2, "models add needs "),
        ("flip . horizontal -o out.png", 3, "Is a directory; name one file, or edit whole folders: imgedit batch"),
        ("blend photo.jpg logo.png -o out.png --offset 5", 2, "--offset takes 2 values, got '5'; write --offset 10,20"),
        ("blend photo.jpg logo.png multipli -o out.png", 2, "nearest of"),
        ("flip photo.jpg horizontal -o -", 2, "--format is missing"),
        (
            "carve photo.jpg --size 9 9 --protect photo.jpg -o out.png",
            2,
            "--protect 'photo.jpg' is a picture in colour",
        ),
        ("erase photo.jpg logo-mask.png -o out.png", 3, "resize one: imgedit resize logo-mask.png 96 128"),
        ("flip cut.jpg horizontal -o out.png", 3, "--on-damaged keep gives what can be decoded"),
        ("flip film.gif horizontal -o out.png", 3, "choose one with --frame 0 to --frame 1"),
        ("flip logo.png horizontal -o out.jpg", 3, "imgedit convert IMAGE --background white"),
        ("pad photo.jpg a,b -o out.png", 2, "margins is 'a,b'"),
        ("blur photo.jpg -o out.jpg --quality 500", 2, "quality is 500"),
        ("blur nothing.jpg -o out.png", 3, "nothing.jpg: No such file"),
        ("blur look.cube -o out.png", 3, "look.cube: is no image"),
        ("blur photo.jpg -o out.xyz", 3, "suffix '.xyz'"),
        ("blur photo.jpg -o nowhere/out.png", 3, "nowhere: No such file"),
        ("blur deep.png -o out.jpg", 3, "can't hold uint16"),
        ("blend photo.jpg logo.png -o out.png", 3, "source is 40x56"),
        ("info nothing.jpg", 3, "nothing.jpg: No such file"),
        ("batch nothing.toml photo.jpg -o out", 2, "recipe is 'nothing.toml', which is no file"),
        ("batch r.toml nothing -o out", 3, "nothing: No such file"),
        ("batch r.toml . -o .", 2, "is the input folder"),
        ("batch r.toml photo.jpg -o photo.jpg", 5, "output can't be written"),
        ("batch r.toml photo.jpg -o out --engine locl", 2, 'Did you mean "local"?'),
    ],
)
def test_every_mistake_is_one_line_and_a_code(folder, capsys, line, code, words):
    (folder / "r.toml").write_text("[[steps]]\nop = 'blur'\n")
    assert run(shlex.split(line)) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("imgedit: ")
    assert told.err.count("\n") == 1
    assert words in told.err
    assert not (folder / "out.png").exists()


def test_a_mask_of_zeros_and_ones_becomes_one_by_the_command_that_is_named(folder, capsys):
    mask = disc_mask(SIZE)
    ie.write("ones.png", mask.astype(np.uint8))
    assert run(shlex.split("inpaint photo.jpg ones.png -o out.png")) == 3
    told = capsys.readouterr().err
    assert "--mask is uint8 with largest value 1; make its ones white: imgedit auto-levels ones.png" in told
    assert run(shlex.split(told.partition("white: imgedit ")[2])) == 0
    np.testing.assert_array_equal(ie.read_mask("WHITE.png"), mask)


def test_weights_of_styles_need_no_braces(folder):
    for style, name in (('{"great-wave" = 0.6, udnie = 0.4}', "a.png"), ("great-wave=0.6,udnie=0.4", "b.png")):
        assert run(["stylize", "photo.jpg", style, "-o", name]) == 0
    np.testing.assert_array_equal(ie.read("a.png"), ie.read("b.png"))


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("blur photo.jpg -o out.xyz", 3, "suffix '.xyz'"),
        ("blur photo.jpg -o out.jpg --quality 500", 2, "quality is 500"),
        ("blur photo.jpg -o out.png --quality 50", 2, "png has no parameter 'quality'"),
        ("blur deep.png -o out.jpg", 3, "jpeg can't hold uint16"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_the_work(folder, capsys, monkeypatch, line, code, words):
    monkeypatch.setattr(Verb, "call", lambda *_: pytest.fail("the work was begun"))
    assert run(shlex.split(line)) == code
    assert words in capsys.readouterr().err


def test_a_verb_that_converts_may_write_what_the_picture_could_not(folder):
    assert run(shlex.split("to-uint8 deep.png -o out.jpg")) == 0
    assert run(shlex.split("convert deep.png --depth 8 -o out.jpg")) == 0


def test_an_interrupted_command_says_so(folder, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("imgedit.io.read", interrupt)
    assert run(["blur", "photo.jpg", "-o", "out.png"]) == 4
    assert capsys.readouterr().err == "imgedit: interrupted\n"


def test_an_unforeseen_failure_is_one_line_too(folder, capsys, monkeypatch):
    def fail(*_, **__):
        raise cv2.error("line one\nline two")

    monkeypatch.setattr("imgedit.io.read", fail)
    assert run(["blur", "photo.jpg", "-o", "out.png"]) == 3
    assert capsys.readouterr().err == "imgedit: error: line one line two\n"


def test_a_warning_is_one_line(folder, capsys):
    os.rename("logo.png", "logo.jpg")
    assert run(["flip", "logo.jpg", "horizontal", "-o", "out.png"]) == 0
    assert (
        capsys.readouterr().err
        == "imgedit: warning: 'logo.jpg' is named like jpeg but holds png; its content was read\n"
    )


def test_what_a_file_holds_as_text_and_as_json(folder, capsys):
    assert run(["info", "deep.png"]) == 0
    assert re.search(r"^size +96 x 128 \(height x width\)$", capsys.readouterr().out, re.MULTILINE)
    assert run(["info", "deep.png", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["size"], told["dtype"], told["format"]) == ([96, 128], "uint16", "png")


def test_measures_as_text_and_as_json(folder, capsys):
    assert run(["mse", "photo.jpg", "other.jpg"]) == 0
    expected = ie.mse(ie.read("photo.jpg"), ie.read("other.jpg"))
    assert float(capsys.readouterr().out.split()[1]) == pytest.approx(expected, rel=1e-5)
    assert run(["psnr", "photo.jpg", "photo.jpg", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"psnr": None}  # infinite, which JSON can't say
    assert run(["trim-box", "logo.png", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trim_box"] == list(ie.trim_box(ie.read("logo.png")))


def test_a_batch_tells_what_it_did(folder, capsys):
    (folder / "r.toml").write_text("[[steps]]\nop = 'resize'\nscale = 0.5\n[output]\nformat = 'png'\n")
    (folder / "bad.jpg").write_bytes(b"?")
    assert run(["batch", "r.toml", "photo.jpg", "bad.jpg", "-o", "out", "--engine", "serial"]) == 3
    told = capsys.readouterr()
    assert re.fullmatch(r"1 done, 1 failed in [\d.]+ s\n", told.out)
    assert told.err == f"imgedit: {folder / 'bad.jpg'}: is no image: it starts with b'?'\n"
    assert run(["batch", "r.toml", "photo.jpg", "-o", "out", "--engine", "serial", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["done"], summary["skipped"], summary["failed"], summary["failures"]) == (0, 1, 0, [])
    assert run(["batch", "r.toml", "photo.jpg", "-o", "out", "--engine", "serial", "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["done"] == 1


def test_results_of_a_batch_are_verified(folder, capsys):
    (folder / "r.toml").write_text("[output]\nformat = 'png'\n")
    run(["batch", "r.toml", "photo.jpg", "-o", "out", "--engine", "serial"])
    capsys.readouterr()
    assert run(["verify", "out"]) == 0
    assert capsys.readouterr().out == "1 whole\n"
    (folder / "out" / "photo.png").unlink()
    assert run(["verify", "out"]) == 3
    assert capsys.readouterr().out == f"missing: photo.png (of {folder / 'photo.jpg'})\n0 whole, 1 missing\n"
    assert run(["verify", "out", "--json"]) == 3
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        {"output": "photo.png", "state": "missing", "input": str(folder / "photo.jpg")},
        {"whole": 0, "missing": 1, "changed": 0, "unreadable": 0},
    ]
    assert run(["verify", "photo"]) == 2
    assert capsys.readouterr().err.startswith("imgedit: output is ")


def test_a_recipe_is_checked_on_the_device_that_it_names(folder, capsys):
    from imgedit.models.devices import DEVICES, missing

    device = next(name for name in DEVICES if name != "cpu" and missing(name))
    (folder / "r.toml").write_text(f"[[steps]]\nop = 'upscale'\nscale = 2\ndevice = '{device}'\n")
    assert run(["recipe", "check", "r.toml"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"r.toml:4: step 1 upscale has device = '{device}', which does not work here: needs ")
    assert run(["recipe", "apply", "r.toml", "photo.jpg", "-o", "one.png"]) == 2
    assert capsys.readouterr().err == told
    assert not (folder / "one.png").exists()
    assert run(["recipe", "check", "r.toml", "--elsewhere"]) == 0
    (folder / "r.toml").write_text("[[steps]]\nop = 'upscale'\nscale = 2\ndevice = 'gpu'\n")
    assert run(["recipe", "check", "r.toml", "--elsewhere"]) == 2
    assert "has device = 'gpu'; did you mean 'auto'?" in capsys.readouterr().err
    (folder / "r.toml").write_text("[[steps]]\nop = 'stylize'\nstyle = 'great-wavy'\n")
    assert run(["recipe", "check", "r.toml"]) == 2
    assert "r.toml:3: step 1 stylize: style is 'great-wavy'; did you mean 'great-wave'?" in capsys.readouterr().err


def test_all_errors_of_a_recipe_are_told(folder, capsys):
    (folder / "r.toml").write_text("[[steps]]\nop = 'blur'\nradus = 3\n[output]\nqualty = 3\n")
    assert run(["batch", "r.toml", "photo.jpg", "-o", "out"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("r.toml:3: step 1 blur has no parameter 'radus' (did you mean 'radius'?)")
    assert lines[1].startswith("r.toml:5: output has no parameter 'qualty' (did you mean 'quality'?)")
    assert not (folder / "out").exists()


def test_help_lists_every_command_in_plain_text(capsys):
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    for name in (*VERBS, "batch", "info"):
        assert f" {name.replace('_', '-')} " in told
    assert run([]) == 0
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("name", [*VERBS, "batch", "info"])
def test_help_of_a_command_comes_from_the_docstring(capsys, name):
    assert run([name.replace("_", "-"), "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "\x1b" not in told
    if name in VERBS:
        assert " ".join(VERBS[name].summary.split()[:4]) in told
        assert f"Example: imgedit {name.replace('_', '-')}" in told


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"{ie.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell):
    script = application().generate_completion(shell=shell)
    for word in ("inpaint", "--method", "telea", "batch", "--workers"):
        assert word.removeprefix("--") in script


def test_standard_input_and_output():
    stream = streams.BytesIO()
    ie.to_pil(photo()).save(stream, "png")
    command = [sys.executable, "-m", "imgedit", "flip", "-", "horizontal", "-o", "-", "--format", "png"]
    told = subprocess.run(command, input=stream.getvalue(), capture_output=True, check=True)
    assert told.stderr == b""
    flipped = cv2.imdecode(np.frombuffer(told.stdout, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(flipped[..., ::-1], photo()[:, ::-1])


@pytest.mark.skipif(os.name == "nt", reason="a pipe that is closed early is POSIX")
def test_a_reader_that_leaves_early_is_no_crash(folder):
    line = f"{shlex.quote(sys.executable)} -m imgedit --help | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}"
    told = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert "Traceback" not in told.stderr


def test_a_url_is_not_taken_for_a_file_name(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)  # as where the extra is not installed
    assert run(["resize", "https://example.invalid/a.jpg", "--scale", "0.5", "-o", "out.jpg"]) == 5
    assert "imgedit[storage]" in capsys.readouterr().err


def test_a_batch_that_is_only_foretold_writes_nothing(folder, capsys):
    (folder / "r.toml").write_text("[[steps]]\nop = 'flip'\naxis = 'horizontal'\n")
    assert run(["batch", "r.toml", "photo.jpg", "-o", "out", "--dry-run"]) == 0
    assert re.fullmatch(r"pending: .*photo\.jpg -> photo\.\w+\n", capsys.readouterr().out)
    assert run(["batch", "r.toml", "photo.jpg", "-o", "out", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "pending"
    assert not (folder / "out").exists()


def test_a_batch_says_how_to_try_what_failed_before(folder, capsys):
    (folder / "r.toml").write_text("[[steps]]\nop = 'flip'\naxis = 'horizontal'\n")
    (folder / "bad.jpg").write_bytes(b"?")
    arguments = ["batch", "r.toml", "bad.jpg", "-o", "out", "--engine", "serial"]
    assert run(arguments) == 3
    assert "retry" not in capsys.readouterr().out
    assert run(arguments) == 3
    assert "1 failed (1 by an earlier run; --retry-failed does them again)" in capsys.readouterr().out
    assert run([*arguments, "--retry-failed"]) == 3
    assert "retry" not in capsys.readouterr().out
