"""Models: manifests checked on load, files known by their hash, devices that are what they say, deadlines."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import blur_and_double, manifest_of

from imgedit import errors
from imgedit.models import Manifest, find, info, load, names


@pytest.fixture
def model(tmp_path, monkeypatch):
    path = tmp_path / "double.onnx"
    blur_and_double(path)
    manifest_of(path, scale=2, overlap=1, note="it doubles")
    monkeypatch.setenv("IMGEDIT_MODELS", str(tmp_path))
    return path


def test_a_model_is_found_by_name_and_by_path(model):
    assert "double" in names()
    assert "double" in names("superres")
    assert "double" not in names("style")
    assert find("double") == find(model) == find(str(model))
    assert info("double").note == "it doubles"


def test_a_model_runs_on_the_cpu_and_says_so(model):
    net = load("double", device="cpu")
    assert net.device == "cpu"
    assert [port.name for port in net.inputs] == ["input"]
    assert net.inputs[0].shape == (None, 3, None, None)
    x = np.random.default_rng(0).random((1, 3, 5, 4), np.float32)
    (y,) = net.run(x)
    assert y.shape == (1, 3, 10, 8)
    np.testing.assert_allclose(y[0, :, 2, 2], x[0, :, :3, :3].mean((1, 2)), rtol=1e-5)


def test_a_wrong_name_is_answered_with_the_nearest(model):
    with pytest.raises(errors.UnknownNameError, match="did you mean 'double'"):
        find("doubel")


def test_a_wrong_task_is_answered_with_the_nearest(model):
    with pytest.raises(errors.UnknownNameError, match="did you mean 'superres'"):
        names("supperres")


def test_another_task_is_refused(model):
    with pytest.raises(errors.ModelError, match="is for superres, not style"):
        load("double", task="style")


def test_a_changed_file_is_refused(model):
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(errors.ModelError, match="not the file that its manifest names"):
        load("double")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git-LFS pointer"),
        (b"<!DOCTYPE html><html>not found</html>", "web page"),
        (b"PK\x03\x04 and more", "zip archive"),
        (b"\x00\x01\x02 nothing known", "damaged or no ONNX model"),
        (b"upscale_model: x4", "text file"),
    ],
)
def test_what_is_no_model_is_told(model, content, word):
    model.write_bytes(content)
    manifest_of(model)
    with pytest.raises(errors.ModelError, match=word):
        load(model)


def test_a_missing_file_is_told(model):
    model.unlink()
    with pytest.raises(errors.ModelError, match="not on this machine, only its manifest"):
        load("double")
    with pytest.raises(errors.ModelError, match="does not exist"):
        load(model.with_name("other.onnx"))


def test_a_file_with_another_name_is_known_by_its_bytes(model, tmp_path):
    other = tmp_path / "elsewhere" / "model.onnx"
    other.parent.mkdir()
    other.write_bytes(model.read_bytes())
    assert find(other).note == "it doubles"
    assert load(other, device="cpu").path == other


def test_only_what_is_here_is_ready(model):
    model.unlink()
    assert "double" not in names()
    assert "double" in names(ready=False)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("scale = 0", "scale"),
        ("colour = 1", "colour"),
        ('task = "supperres"', "task"),
        ('file = "../x.onnx"', "file"),
        ('sha256 = "12"', "sha256"),
        ("scale = ", "not a manifest"),
    ],
)
def test_every_field_of_a_manifest_is_checked(model, line, word):
    text = model.with_suffix(".toml").read_text()
    name = line.split(" =")[0]
    kept = [old for old in text.splitlines() if not old.startswith(f"{name} =")]
    model.with_suffix(".toml").write_text("\n".join([*kept, line]))
    with pytest.raises(errors.ModelError, match=word):
        find("double")


def test_a_manifest_survives_its_text(model):
    manifest = find("double")
    again = manifest.model_copy(update={"classes": ("a", 'b "c"'), "fixed_size": (8, 9), "commercial_use": True})
    model.with_suffix(".toml").write_text(again.to_toml(), encoding="utf-8")
    assert Manifest.from_toml(model.with_suffix(".toml")) == again


def test_a_manifest_that_is_not_valid_hides_no_other_model(model):
    model.with_name("newer.toml").write_text('task = "superres"\nunheard_of = 1\n', encoding="utf-8")
    with pytest.warns(UserWarning, match=r"left out: .*newer\.toml.*unheard_of"):
        assert "double" in names("superres")
    with pytest.raises(errors.ModelError, match="is not a valid manifest"):
        find("newer")
    assert load("double", device="cpu").manifest.scale == 2
