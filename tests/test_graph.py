"""Edits of ONNX files, checked by the package onnx and by what ONNX Runtime then computes."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from graphs import blur_and_double, colored, doubled_pixels, endless, gated, normalized

from imgedit.models import graph


def run(model, *arrays):
    onnx.checker.check_model(onnx.load_from_string(model))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {port.name: x for port, x in zip(session.get_inputs(), arrays, strict=True)})


@pytest.fixture
def x():
    return np.random.default_rng(0).random((1, 3, 24, 30), np.float32)


def test_the_small_net_computes_what_it_promises():
    model, x, expected = graph.small_net()
    np.testing.assert_allclose(run(model, x)[0], expected, rtol=1e-5)


def test_a_freed_net_takes_any_size(tmp_path):
    path = doubled_pixels(tmp_path / "fixed.onnx", shape=(1, 1, 20, 30))
    x = np.random.default_rng(0).random((1, 1, 7, 9), np.float32)
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        run(path.read_bytes(), x)
    np.testing.assert_array_equal(run(graph.freed(path.read_bytes()), x)[0], x.repeat(2, 2).repeat(2, 3))


def test_a_halved_net_computes_nearly_the_same(tmp_path, x):
    # It holds a Resize, whose factors must stay as they are.
    path = tmp_path / "net.onnx"
    blur_and_double(path)
    model = path.read_bytes()
    half = graph.halved(model)
    (y,), (z,) = run(model, x), run(half, x.astype(np.float16))
    assert z.dtype == np.float16
    assert len(half) < len(model)
    # Values up to 1, of 11 bits each.
    np.testing.assert_allclose(z, y, atol=2e-3)


def test_graphs_in_graphs_stay_as_they_are(tmp_path):
    endless(tmp_path / "loop.onnx")
    assert graph.halved((tmp_path / "loop.onnx").read_bytes()) is None


@pytest.mark.parametrize(
    ("net", "shapes"), [(normalized, ((-1,),) * 6), (gated, ((1, -1, 1, 1),)), (colored, ((1, 0, 0),))]
)
def test_nets_that_are_told_their_own_statistics_do_the_same(net, shapes, tmp_path, x):
    model = net(tmp_path / "net.onnx").read_bytes()
    parts = graph.with_statistics(model)
    assert parts.shapes == shapes
    (y,) = run(model, x)
    first, *found = run(parts.measuring, x)
    np.testing.assert_array_equal(first, y)
    told = [
        values.reshape([side or had for side, had in zip(shape, values.shape, strict=False)])
        for values, shape in zip(found, shapes, strict=True)
    ]
    (again,) = run(parts.frozen, x, *told)
    np.testing.assert_allclose(again, y, atol=1e-5)
    # A part of the picture, told what the whole has: its middle is as in the whole.
    (part,) = run(parts.frozen, np.ascontiguousarray(x[:, :, :8, :8]), *told)
    np.testing.assert_allclose(part[:, :, :4, :4], y[:, :, :4, :4], atol=1e-5)


def test_a_net_of_convolutions_has_no_statistics(tmp_path):
    assert graph.with_statistics(doubled_pixels(tmp_path / "net.onnx").read_bytes()) is None
