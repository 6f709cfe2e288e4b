"""The 8-bit twin of a net: smaller, nearly the same numbers, the ends left as they are."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graphs import constant, graph_of, manifest_of
from onnx import TensorProto, helper
from pictures import photo

from imgedit import errors
from imgedit.models import load
from imgedit.training.quantization import quantize


def four_convolutions(path):
    rng = np.random.default_rng(0)
    sides, nodes, kernels = [3, 16, 16, 16, 3], [], []
    for i in range(4):
        kernels.append(constant(f"k{i}", rng.normal(size=(sides[i + 1], sides[i], 3, 3)) / (3 * sides[i] ** 0.5)))
        names = ["input" if i == 0 else f"x{i}", f"k{i}"], ["output" if i == 3 else f"x{i + 1}"]
        nodes.append(helper.make_node("Conv", *names, name=f"conv{i}", pads=[1] * 4))
    shape = [None, 3, None, None]
    graph_of(path, nodes, [("input", TensorProto.FLOAT, shape)], [("output", TensorProto.FLOAT, shape)], kernels)
    manifest_of(path, task="restore", overlap=4)


def test_the_twin_is_smaller_and_nearly_the_same(tmp_path):
    four_convolutions(tmp_path / "net.onnx")
    photos = [photo(np.uint8, 3, (180, 200)), photo(np.uint8, 3, (200, 170))]
    path, agreement = quantize(tmp_path / "net.onnx", photos, tmp_path)
    assert path.stat().st_size < (tmp_path / "net.onnx").stat().st_size
    # Activations of 8 bits, weights of 7, through two layers.
    assert 35 < agreement < 70
    twin = load(path, device="cpu", task="restore")
    assert twin.manifest.overlap == 4
    # First and last convolution still read and write floats of full precision.
    kernels = {one.name: one.data_type for one in onnx.load(path).graph.initializer}
    assert kernels["k0"] == kernels["k3"] == TensorProto.FLOAT
    assert {"k1", "k2"}.isdisjoint(kernels)


def test_too_few_photos_are_told(tmp_path):
    four_convolutions(tmp_path / "net.onnx")
    with pytest.raises(errors.ArgumentError, match="photos holds 1"):
        quantize(tmp_path / "net.onnx", [photo(np.uint8, 3, (180, 200)), photo()], tmp_path)
