"""Small ONNX graphs, made on the spot, that behave as a known formula: the tests' models."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

from imgedit.models.graph import PRODUCTS
from imgedit.models.manifest import Manifest, file_hash


def constant(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def save_graph(path, nodes, initializers, *, shape, out_shape):
    x = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("output", TensorProto.FLOAT, out_shape)
    graph = helper.make_graph(nodes, "test", [x], [y], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    save(model, path)


def blur_and_double(path, *, channels=3):
    """3x3 mean with zero padding, then each pixel twice: reach 1, scale 2."""
    _convolve_and_double(path, np.full((3, 3), 1 / 9), channels)


def sideways_and_doubled(path):
    """Each pixel from its left neighbour, zero beyond the border, then twice: reach 1, scale 2."""
    _convolve_and_double(path, np.array([[0, 0, 0], [1, 0, 0], [0, 0, 0]]), 3)
    return path


def _convolve_and_double(path, stencil, channels):
    kernel = np.zeros((channels, channels, 3, 3), np.float32)
    kernel[range(channels), range(channels)] = stencil
    nodes = [
        helper.make_node("Conv", ["input", "kernel"], ["soft"], pads=[1, 1, 1, 1]),
        helper.make_node("Resize", ["soft", "", "factors"], ["output"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
    ]  # fmt: skip
    initializers = [constant("kernel", kernel), constant("factors", [1, 1, 2, 2])]
    save_graph(path, nodes, initializers, shape=[None, channels, None, None], out_shape=[None, channels, None, None])


def endless(path):
    """A loop of 2^62 rounds."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["x"], ["y"])],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
        ],
    )
    nodes = [helper.make_node("Loop", ["rounds", "start", "input"], ["output"], body=body)]
    initializers = [constant("rounds", 2**62, np.int64), constant("start", True, bool)]
    save_graph(path, nodes, initializers, shape=[1, 3, None, None], out_shape=[1, 3, None, None])


def manifest_of(path, **fields):
    """Write a manifest beside a graph."""
    fields = {"task": "superres", "family": "rgb", "license": "CC0-1.0", "source": "a test", **fields}
    manifest = Manifest(name=path.stem, folder=path.parent, file=path.name, sha256=file_hash(path), **fields)
    path.with_suffix(".toml").write_text(manifest.to_toml(), encoding="utf-8")
    return manifest


def graph_of(path, nodes, inputs, outputs, initializers=(), *, opset=18):
    """Save a graph; inputs and outputs are (name, element type, shape)."""
    ports = [[helper.make_tensor_value_info(*port) for port in side] for side in (inputs, outputs)]
    graph = helper.make_graph(nodes, "test", *ports, list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(model)
    save(model, path)
    return path


def elementwise(path, factor, *, shape=(None, 3, None, None), kind=TensorProto.FLOAT):
    """Each value times a factor."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    node = helper.make_node("Mul", ["input", "factor"], ["output"])
    ports = [("input", kind, shape)], [("output", kind, shape)]
    return graph_of(path, [node], *ports, [constant("factor", factor, dtype)])


def doubled_pixels(path, *, shape=(None, 1, None, None), factor=2.0, brighter=0.0):
    """Each pixel `factor` times, plus a constant: a net whose reach is 0."""
    nodes = [
        helper.make_node("Resize", ["input", "", "factors"], ["large"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
        helper.make_node("Add", ["large", "more"], ["output"]),
    ]  # fmt: skip
    out = tuple(side if side is None or i < 2 else int(side * factor) for i, side in enumerate(shape))
    ports = [("input", TensorProto.FLOAT, shape)], [("output", TensorProto.FLOAT, out)]
    return graph_of(path, nodes, *ports, [constant("factors", [1, 1, factor, factor]), constant("more", brighter)])


def gated(path, *, seed=0):
    """A convolution whose channels count as much as the picture has of them (squeeze and excite), and one back."""
    rng = np.random.default_rng(seed)
    shape = [None, 3, None, None]
    nodes = [
        helper.make_node("Conv", ["input", "k0"], ["c0"], pads=[1] * 4),
        helper.make_node("GlobalAveragePool", ["c0"], ["mean"]),
        helper.make_node("Sigmoid", ["mean"], ["gate"]),
        helper.make_node("Mul", ["c0", "gate"], ["g0"]),
        helper.make_node("Conv", ["g0", "k1"], ["c1"], pads=[1] * 4),
        helper.make_node("Sigmoid", ["c1"], ["output"]),
    ]
    kernels = [constant("k0", rng.normal(size=(8, 3, 3, 3))), constant("k1", rng.normal(size=(3, 8, 3, 3)))]
    ports = [("input", TensorProto.FLOAT, shape)], [("output", TensorProto.FLOAT, shape)]
    return graph_of(path, nodes, *ports, kernels)


def colored(path, *, seed=0):
    """Each pixel times the Gram matrix of the picture's colours, which goes by its name; a kernel before and after."""
    rng = np.random.default_rng(seed)
    shape = [None, 3, None, None]
    nodes = [
        helper.make_node("Conv", ["input", "k0"], ["c0"], pads=[1] * 4),
        helper.make_node("Reshape", ["c0", "as_rows"], ["flat"]),
        helper.make_node("Shape", ["flat"], ["sides"], start=2),
        helper.make_node("Cast", ["sides"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["flat"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["flat", "turned"], ["product"]),
        helper.make_node("Div", ["product", "pixels"], [PRODUCTS + "0"]),
        helper.make_node("MatMul", [PRODUCTS + "0", "flat"], ["mixed"]),
        helper.make_node("Shape", ["c0"], ["whole"]),
        helper.make_node("Reshape", ["mixed", "whole"], ["back"]),
        helper.make_node("Conv", ["back", "k1"], ["output"], pads=[1] * 4),
    ]
    kernels = [constant("k0", rng.normal(size=(8, 3, 3, 3)) / 5), constant("k1", rng.normal(size=(3, 8, 3, 3)) / 5)]
    ports = [("input", TensorProto.FLOAT, shape)], [("output", TensorProto.FLOAT, shape)]
    return graph_of(path, nodes, *ports, [*kernels, constant("as_rows", [0, 8, -1], np.int64)])


def normalized(path, *, seed=0, layers=3):
    """Convolutions with instance norms between: each pixel depends on all."""
    rng = np.random.default_rng(seed)
    nodes, initializers, sides = [], [], [3, *[8] * (layers - 1), 3]
    for i in range(layers):
        last = i + 1 == layers
        initializers += [
            constant(f"k{i}", rng.normal(size=(sides[i + 1], sides[i], 3, 3))),
            constant(f"s{i}", rng.random(sides[i + 1]) + 0.5),
            constant(f"b{i}", rng.normal(size=sides[i + 1])),
        ]
        nodes += [
            helper.make_node("Conv", ["input" if i == 0 else f"r{i - 1}", f"k{i}"], [f"c{i}"], pads=[1] * 4),
            helper.make_node("InstanceNormalization", [f"c{i}", f"s{i}", f"b{i}"], [f"n{i}"], epsilon=1e-5),
            helper.make_node("Sigmoid" if last else "Relu", [f"n{i}"], ["output" if last else f"r{i}"]),
        ]
    shape = [None, 3, None, None]
    return graph_of(
        path, nodes, [("input", TensorProto.FLOAT, shape)], [("output", TensorProto.FLOAT, shape)], initializers
    )
