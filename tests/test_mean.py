"""The mean of nets: of their weights, with the first one's manifest, and only of nets that can have one."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graphs import constant, graph_of, manifest_of
from onnx import TensorProto, helper, numpy_helper

import imgedit as ie
from imgedit import errors
from imgedit.cli import run
from imgedit.models import load
from imgedit.training.mean import mean_of
from imgedit.training.stored import whole


def gain(path, factor, *, half=False, operation="Mul", **fields):
    """A net that multiplies by a number, which may be stored as float16, and adds up shapes of int64."""
    path.parent.mkdir(exist_ok=True)
    stored = constant("k", [factor], np.float16 if half else np.float32)
    nodes = [
        helper.make_node("Cast", ["k"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node(operation, ["input", "wide"], ["changed"]),
        helper.make_node("Unsqueeze", ["changed", "axis"], ["five"]),
        helper.make_node("Squeeze", ["five", "axis"], ["output"]),
    ]
    shape = [None, 3, None, None]
    ports = [("input", TensorProto.FLOAT, shape)], [("output", TensorProto.FLOAT, shape)]
    graph_of(path, nodes, *ports, [stored, constant("axis", [0], np.int64)])
    manifest_of(path, **{"task": "restore", "overlap": 3, "license": "CC0-1.0", **fields})
    return path


@pytest.mark.parametrize("half", [False, True])
def test_the_mean_does_what_lies_between(tmp_path, half):
    nets = [gain(tmp_path / f"{n}" / f"{n}.onnx", factor, half=half) for n, factor in enumerate((0.5, 1.0, 0.75))]
    path = mean_of(nets, tmp_path / "both")
    assert path == tmp_path / "both" / "both.onnx"
    image = np.full((8, 8, 3), 200, np.uint8)
    np.testing.assert_array_equal(ie.restore(image, model=str(path), device="cpu"), np.full((8, 8, 3), 150))
    kept = {item.name: numpy_helper.to_array(item) for item in onnx.load(path).graph.initializer}
    assert kept["k"].dtype == (np.float16 if half else np.float32)
    assert kept["axis"].tolist() == [0]
    manifest = load(path, device="cpu", task="restore").manifest
    assert (manifest.overlap, manifest.license, manifest.name) == (3, "CC0-1.0", "both")
    card = path.with_suffix(".md").read_text()
    assert all(load(net, device="cpu").manifest.sha256 in card for net in nets)


def test_kernels_in_whole_steps_have_a_mean(tmp_path):
    nets, kernels = [], []
    for seed in range(2):
        path = tmp_path / f"{seed}.onnx"
        kernel = np.random.default_rng(seed).normal(0, 0.1 * (1 + 9 * seed), (3, 3, 3, 3)).astype(np.float32)
        numbers, step = whole(kernel)
        nodes = [
            helper.make_node("Cast", ["k.byte"], ["k.whole"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["k.whole", "k.step"], ["k"]),
            helper.make_node("Conv", ["input", "k"], ["output"], pads=[1] * 4),
        ]
        shape = [None, 3, None, None]
        ports = [("input", TensorProto.FLOAT, shape)], [("output", TensorProto.FLOAT, shape)]
        graph_of(path, nodes, *ports, [constant("k.step", step), constant("k.byte", numbers, np.int8)])
        manifest_of(path, task="restore")
        nets.append(path)
        kernels.append(numbers * step)
        assert np.abs(kernel - kernels[-1]).max() <= 0.51 * step.max()
    made = onnx.load(mean_of(nets, tmp_path / "both")).graph
    kept = {item.name: numpy_helper.to_array(item) for item in made.initializer}
    assert kept["k.byte"].dtype == np.int8
    mean = np.mean(kernels, axis=0)
    assert (np.abs(kept["k.byte"] * kept["k.step"] - mean) <= 0.51 * kept["k.step"]).all()


def test_what_binds_one_binds_the_mean(tmp_path):
    free = gain(tmp_path / "free.onnx", 1.0, commercial_use=True, url="https://example.org/free.onnx", partner="other")
    bound = gain(tmp_path / "bound.onnx", 0.5, commercial_use=False, license="CC-BY-NC-4.0")
    unsaid = gain(tmp_path / "unsaid.onnx", 0.5)

    def manifest(*nets):
        return load(mean_of(nets, tmp_path / "both"), device="cpu").manifest

    mean = manifest(free, bound)
    assert (mean.license, mean.commercial_use) == ("CC0-1.0 AND CC-BY-NC-4.0", False)
    assert (mean.url, mean.partner) == (None, "")  # those lead to another net
    assert (manifest(free, unsaid).license, manifest(free, unsaid).commercial_use) == ("CC0-1.0", None)
    assert manifest(free, free).commercial_use is True


def test_nets_that_differ_are_told(tmp_path):
    one = gain(tmp_path / "one.onnx", 1.0)
    for other in (gain(tmp_path / "div.onnx", 1.0, operation="Div"), gain(tmp_path / "half.onnx", 1.0, half=True)):
        with pytest.raises(errors.ArgumentError, match=f"one and {other.stem}, whose layers differ"):
            mean_of([one, other], tmp_path / "both")
    with pytest.raises(errors.ArgumentError, match="two nets or more"):
        mean_of([one], tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_from_the_command_line(tmp_path, capsys):
    one, two = gain(tmp_path / "one.onnx", 1.0), gain(tmp_path / "two.onnx", 0.5)
    assert run(["train", "mean", str(one), str(two), "-o", str(tmp_path / "both")]) == 0
    assert capsys.readouterr().out.strip().endswith("both.onnx")
    damaged = gain(tmp_path / "bad.onnx", 0.25)
    damaged.write_bytes(damaged.read_bytes()[:-3])
    assert run(["train", "mean", str(one), str(damaged), "-o", str(tmp_path / "none")]) == 3
    assert "bad" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
