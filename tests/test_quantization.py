"""The 8-bit twin of a net: smaller, nearly the same numbers, the ends left as they are."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from graphs import blur_and_double, constant, graph_of, manifest_of
from onnx import TensorProto, helper
from pictures import photo

from imgedit import errors, io
from imgedit.cli import run
from imgedit.models import load
from imgedit.training.quantization import quantize


def five_convolutions(path):
    """Four dense ones, and one that takes each colour by itself."""
    rng = np.random.default_rng(0)
    sides, nodes, kernels = [3, 16, 16, 16, 3], [], []
    for i in range(4):
        kernels.append(constant(f"k{i}", rng.normal(size=(sides[i + 1], sides[i], 3, 3)) / (3 * sides[i] ** 0.5)))
        names = ["input" if i == 0 else f"x{i}", f"k{i}"], [f"x{i + 1}"]
        nodes.append(helper.make_node("Conv", *names, name=f"conv{i}", pads=[1] * 4))
    kernels.append(constant("colors", rng.normal(size=(3, 1, 3, 3)) / 3))
    nodes.append(helper.make_node("Conv", ["x4", "colors"], ["output"], name="last", pads=[1] * 4, group=3))
    shape = [None, 3, None, None]
    graph_of(path, nodes, [("input", TensorProto.FLOAT, shape)], [("output", TensorProto.FLOAT, shape)], kernels)
    manifest_of(path, task="restore", overlap=4)


def test_the_twin_is_smaller_and_nearly_the_same(tmp_path):
    five_convolutions(tmp_path / "net.onnx")
    photos = [photo(np.uint8, 3, (260, 300)), photo(np.uint8, 3, (300, 250))]
    found = quantize(tmp_path / "net.onnx", photos, tmp_path / "new")
    path = found.path
    assert path.stat().st_size < (tmp_path / "net.onnx").stat().st_size
    # Activations of 8 bits, weights of 7, through two layers.
    assert 35 < found.agreement < 70
    assert f"{found.agreement:.1f} dB" in path.with_suffix(".md").read_text()
    twin = load(path, device="cpu", task="restore")
    assert twin.manifest.overlap == 4
    # First and last convolution still read and write floats of full precision.
    kernels = {one.name: one.data_type for one in onnx.load(path).graph.initializer}
    assert kernels["k0"] == kernels["k3"] == kernels["colors"] == TensorProto.FLOAT
    assert {"k1", "k2"}.isdisjoint(kernels)


def test_too_few_photos_are_told(tmp_path):
    five_convolutions(tmp_path / "net.onnx")
    with pytest.raises(errors.ArgumentError, match="photos holds 1"):
        quantize(tmp_path / "net.onnx", [photo(np.uint8, 3, (260, 300)), photo()], tmp_path)


def test_the_loss_of_an_enlarging_net_is_measured_against_the_photos(tmp_path):
    blur_and_double(tmp_path / "double.onnx")  # its only convolution stays in floats: the twin is the net
    manifest_of(tmp_path / "double.onnx", scale=2, overlap=1)
    found = quantize(tmp_path / "double.onnx", [photo(np.uint8, 3, (260, 300))] * 2, tmp_path)
    assert found.original == found.quantized
    assert 15 < found.original < 40
    assert "0.000 dB less than the original" in found.path.with_suffix(".md").read_text()


def test_the_command_writes_twin_manifest_and_card(tmp_path, capsys):
    five_convolutions(tmp_path / "net.onnx")
    (tmp_path / "photos").mkdir()
    for index in range(2):
        io.write(tmp_path / "photos" / f"{index}.png", photo(np.uint8, 3, (260, 300), seed=index))
    words = ["train", "quantize", str(tmp_path / "net.onnx"), "--data", str(tmp_path / "photos")]
    assert run([*words, "-o", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"net-int8.{x}" for x in ("md", "onnx", "toml")
    ]
    assert told["path"] == str(tmp_path / "out" / "net-int8.onnx")
    assert told["loss_db"] < 1


def test_a_net_that_takes_more_than_a_picture_is_refused(tmp_path):
    ports = [(name, TensorProto.FLOAT, [1, side, None, None]) for name, side in (("a", 3), ("b", 3), ("y", 3))]
    graph_of(tmp_path / "two.onnx", [helper.make_node("Add", ["a", "b"], ["y"])], ports[:2], ports[2:])
    manifest_of(tmp_path / "two.onnx", task="style", family="pair", inputs=("image", "style"))
    with pytest.raises(errors.ArgumentError, match="take one from RGB to RGB"):
        quantize(tmp_path / "two.onnx", [photo(np.uint8, 3, (260, 300))] * 2, tmp_path)
