"""The commands of nets that make pictures, and contact sheets."""

from __future__ import annotations

import csv
import shlex

import numpy as np
import pytest
from generators import encoder, generator

import imgedit as ie
from imgedit.cli import run
from imgedit.cli.sampling import parse_seeds


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGEDIT_MODELS", str(tmp_path))
    generator(tmp_path / "flowers.onnx", inputs=("latent", "index"), classes=("a", "b", "c", "d"))
    encoder(tmp_path / "code.onnx")
    generator(tmp_path / "paint.onnx", task="vae", family="decoder", partner="code")
    return tmp_path


def test_sample_writes_pictures_labels_and_a_sheet_and_goes_on(folder):
    line = "sample flowers --seeds 3-5,9 -o out --grid sheet.png --columns 2 --truncation 0.5"
    assert run(shlex.split(line)) == 0
    expected = ie.sample("flowers", seeds=[3, 4, 5, 9], truncation=0.5)
    np.testing.assert_array_equal(ie.read("out/00000009.png"), expected[3])
    np.testing.assert_array_equal(ie.read("sheet.png"), ie.grid(expected, columns=2))
    rows = list(csv.DictReader((folder / "out/labels.csv").read_text().splitlines()))
    assert [row["seed"] for row in rows] == ["3", "4", "5", "9"]
    one = ie.sample("flowers", seeds=4, label=rows[1]["name"], truncation=0.5)
    np.testing.assert_array_equal(one[0], expected[1])
    (folder / "out/00000004.png").unlink()
    before = (folder / "out/00000003.png").stat().st_mtime_ns
    assert run(shlex.split(line)) == 0
    assert (folder / "out/00000003.png").stat().st_mtime_ns == before
    np.testing.assert_array_equal(ie.read("out/00000004.png"), expected[1])


def test_pictures_that_were_made_otherwise_are_not_left_standing_under_new_labels(folder, capsys):
    assert run(shlex.split("sample flowers --seeds 3-5 --label b -o out")) == 0
    before = (folder / "out/labels.csv").read_text()
    for words, told in (
        ("--label c", "output holds 00000005.png, made with label 1; give another folder"),
        ("--label b --truncation 0.5", "output holds 00000005.png, made with truncation 1"),
    ):
        assert run(shlex.split(f"sample flowers --seeds 5-6 -o out {words}")) == 2
        assert told in capsys.readouterr().err
    assert (folder / "out/labels.csv").read_text() == before
    assert run(shlex.split("sample flowers --seeds 5-6 --label b -o out")) == 0
    rows = list(csv.DictReader((folder / "out/labels.csv").read_text().splitlines()))
    assert [row["seed"] for row in rows] == ["3", "4", "5", "6"]
    (folder / "out/labels.csv").unlink()
    assert run(shlex.split("sample flowers --seeds 5 --label b -o out")) == 2
    assert "no labels.csv says how it was made" in capsys.readouterr().err


def test_count_and_label(folder):
    assert run(shlex.split("sample flowers --seeds 7 --count 3 --label b -o out")) == 0
    assert sorted(path.name for path in (folder / "out").glob("*.png")) == [f"0000000{n}.png" for n in (7, 8, 9)]
    np.testing.assert_array_equal(ie.read("out/00000008.png"), ie.sample("flowers", seeds=8, label=1)[0])


def test_interpolate_encode_decode_and_project(folder):
    assert run(shlex.split("interpolate paint --seeds 3,8 --frames 4 --how lerp -o way")) == 0
    np.testing.assert_array_equal(
        np.stack([ie.read(f"way/{n:04d}.png") for n in range(4)]), ie.interpolate("paint", [3, 8], frames=4, how="lerp")
    )
    assert run(shlex.split("encode paint way/0000.png way/0003.png -o z.npz")) == 0
    assert ie.read_latents("z.npz", "paint").shape == (2, 6)
    assert run(shlex.split("decode paint z.npz -o back")) == 0
    assert np.abs(ie.read("back/0001.png").astype(int) - ie.read("way/0003.png")).max() <= 3
    assert run(shlex.split("project way/0000.png paint -o found.npz")) == 0
    np.testing.assert_allclose(ie.read_latents("found.npz"), ie.read_latents("z.npz")[:1], atol=0.01)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("sample flowers --seeds 5-3 -o out", 2, "seeds hold '5-3'"),
        ("sample flowers --seeds x -o out", 2, "write numbers and ranges"),
        ("sample flower -o out", 2, "did you mean 'flowers'"),
        ("sample flowers --label e -o out", 2, "label is 'e'"),
        ("sample flowers -o code.onnx", 3, "code.onnx: is no folder"),
        ("sample flowers -o one.png", 2, "output is 'one.png', but there may be many pictures; give a folder"),
        ("decode paint code.onnx -o out", 3, "no file of latents"),
    ],
)
def test_mistakes_are_one_line(capsys, line, code, words):
    assert run(shlex.split(line)) == code
    told = capsys.readouterr().err
    assert words in told
    assert len(told.splitlines()) == 1


def test_seeds_are_read_as_people_write_them():
    assert parse_seeds("0, 4-6,2") == [0, 4, 5, 6, 2]


def test_a_grid_puts_pictures_in_rows():
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None] + np.zeros((5, 2, 3, 4), np.uint8)
    sheet = ie.grid(pictures, gap=1, background="white")
    assert sheet.shape == (5, 11, 4)
    assert sheet[:, ::4, 0].tolist() == [[0, 1, 2], [0, 1, 2], [255, 255, 255], [3, 4, 255], [3, 4, 255]]
    assert ie.grid(pictures, gap=0).tolist()[2][6] == [0, 0, 0, 0]
    assert ie.grid(list(pictures[..., 0]), columns=5, gap=0, background="white").shape == (2, 15)
    with pytest.raises(ie.errors.ArgumentError, match="bring them to one kind"):
        ie.grid([pictures[0], pictures[0, :1]])
    with pytest.raises(ie.errors.ArgumentError, match="are none"):
        ie.grid([])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("encode one.png paint -o z.npz", "model is 'one.png', a picture; the net comes first: imgedit encode"),
        ("project paint one.png -o z.npz", "model is 'one.png', a picture; the net comes last: imgedit project"),
        ("encode paint one.png -o z.png", "is 'z.png'; latents go to a file .npz"),
        ("project one.png paint -o z.png", "is 'z.png'; latents go to a file .npz"),
    ],
)
def test_a_wrong_order_and_a_wrong_suffix_are_told_before_the_search(folder, capsys, line, words):
    ie.write("one.png", ie.sample("paint", seeds=1)[0])
    assert run(shlex.split(line)) == 2
    assert words in capsys.readouterr().err
    assert not list(folder.glob("z.*"))


def test_an_interrupted_series_says_that_it_goes_on(capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("imgedit.write", interrupt)
    assert run(shlex.split("sample paint --count 2 -o out")) == 4
    assert capsys.readouterr().err == "imgedit: interrupted; the same command goes on where it stopped\n"


@pytest.mark.parametrize("line", ["interpolate paint --seeds 3,8 -o one.png", "decode paint z.npz -o one.png"])
def test_a_picture_as_target_of_many_is_refused_before_they_are_made(folder, capsys, monkeypatch, line):
    monkeypatch.setattr("imgedit.models.load", lambda *_, **__: pytest.fail("the work was begun"))
    assert run(shlex.split(line)) == 2
    assert "output is 'one.png', but there may be many pictures; give a folder" in capsys.readouterr().err
