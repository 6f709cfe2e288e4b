"""The commands about models and devices."""

from __future__ import annotations

import json
import os

import pytest
from graphs import blur_and_double, manifest_of

from imgedit import models
from imgedit.cli import run
from imgedit.cli.doctor import _cure


@pytest.fixture(autouse=True)
def model(tmp_path, monkeypatch):
    path = tmp_path / "double.onnx"
    blur_and_double(path)
    manifest_of(path, scale=2, overlap=1, note="it doubles", commercial_use=True)
    monkeypatch.setenv("IMGEDIT_MODELS", str(tmp_path))
    return path


def test_models_are_listed_and_shown(capsys):
    assert run(["models", "list"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  double"))
    assert "CC0-1.0 (any use)" in line
    assert "it doubles" in line
    assert run(["models", "info", "double", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scale"] == 2
    assert run(["models", "list", "--task", "style", "--json"]) == 0
    assert "double" not in json.loads(capsys.readouterr().out)


def test_a_damaged_model_is_found(model, capsys):
    assert run(["models", "verify"]) == 0
    capsys.readouterr()
    model.write_bytes(model.read_bytes()[:-1])
    assert run(["models", "verify", "--json"]) == 3
    assert "not the file" in json.loads(capsys.readouterr().out)["double"]


def test_what_could_be_fetched_is_listed_with_its_size(capsys):
    assert run(["models", "list", "--task", "inpaint"]) == 0
    told = capsys.readouterr()
    assert any(line.split()[:3] == ["mi-gan", "inpaint", "28MB"] for line in told.out.splitlines())
    lines = [line.split()[0] if line.startswith(" ") else line for line in told.out.splitlines() if line.strip()]
    assert lines.index("here:") < lines.index("to be had with imgedit models fetch NAME:")
    assert run(["models", "info", "mi-gan"]) == 0
    assert "not on this machine" in capsys.readouterr().out


def test_one_model_is_verified(model, capsys):
    assert run(["models", "verify", "double", str(model)]) == 0
    assert capsys.readouterr().out.count("whole") == 2
    assert run(["models", "verify", "mi-gan"]) == 3
    assert "imgedit models fetch mi-gan" in capsys.readouterr().out


def test_doctor_says_what_runs_and_what_would_help(model, capsys):
    assert run(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["devices"]["cpu"] == {"works": True, "state": "works", "advice": ""}
    assert found["models"]["double"]["state"].startswith("whole, sha256")
    assert "numpy" in found["versions"]
    for device in found["devices"].values():
        assert device["works"] == (device["state"] == "works")
        assert device["works"] or device["advice"]
    model.write_bytes(model.read_bytes()[:-1])
    assert run(["doctor"]) == 3
    out = capsys.readouterr().out
    assert "not the file" in out
    assert f"-> put back the file that its manifest names, {model}" in out.replace("\n", "")


def test_doctor_tells_a_folder_of_models_that_is_not_there(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IMGEDIT_MODELS", os.pathsep.join([str(model.parent), str(tmp_path / "nope")]))
    assert run(["doctor", "--json"]) == 0
    folders = json.loads(capsys.readouterr().out)["folders"]
    assert folders[str(model.parent)]["works"]
    assert folders[str(tmp_path / "nope")]["state"] == "is no folder"


def test_a_damaged_model_is_mended_where_it_came_from():
    assert _cure(models.info("sr-x2")) == "install imgedit anew, or take the file away"
    assert _cure(models.info("candy")) == "imgedit models fetch candy"


def test_a_wrong_model_is_answered_with_the_nearest(capsys):
    assert run(["models", "info", "duoble"]) == 2
    assert "did you mean 'double'" in capsys.readouterr().err
