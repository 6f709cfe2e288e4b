"""ONNX graphs that repaint pictures by a known formula, and the gradient graph of a known loss."""

from __future__ import annotations

import numpy as np
from graphs import constant, manifest_of
from onnx import TensorProto, checker, helper, save

SWAP = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float32)  # green, blue, red


def _save(path, nodes, inputs, outputs, tensors):
    kinds = {"i": TensorProto.INT64, "f": TensorProto.FLOAT}
    made = [
        [helper.make_tensor_value_info(name, kinds["f"], shape) for name, shape in ports] for ports in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "test", *made, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    save(model, path)


def zoo(path, *, size=None, layout="nchw", **fields):
    """Swap the channels and normalise each over the whole picture, as instance normalisation does; 0..255."""
    sides = list(size or ("h", "w"))
    shape = [1, 3, *sides] if layout == "nchw" else [1, *sides, 3]
    turn = {"nchw": ("Identity", "Identity"), "nhwc": ("Transpose", "Transpose")}[layout]
    there = {"perm": [0, 3, 1, 2]} if layout == "nhwc" else {}
    back = {"perm": [0, 2, 3, 1]} if layout == "nhwc" else {}
    nodes = [
        helper.make_node(turn[0], ["input"], ["planes"], **there),
        helper.make_node("Conv", ["planes", "swap"], ["swapped"]),
        helper.make_node("InstanceNormalization", ["swapped", "spread", "middle"], ["flat"], epsilon=1e-3),
        helper.make_node(turn[1], ["flat"], ["output"], **back),
    ]
    tensors = [
        constant("swap", SWAP[..., None, None]),
        constant("spread", [40, 40, 40]),
        constant("middle", [128, 100, 60]),
    ]
    _save(path, nodes, [("input", shape)], [("output", shape)], tensors)
    return manifest_of(
        path, **{"task": "style", "family": "rgb", "range": (0.0, 255.0), "tiling": "never", "layout": layout, **fields}
    )


def zoo_twin(photo):
    """What `zoo` paints of HxWx3 in 0..1, clipped."""
    values = 255 * photo.astype(np.float64) @ SWAP.T.astype(np.float64)
    values = (values - values.mean((0, 1))) / np.sqrt(values.var((0, 1)) + 1e-3)
    return np.clip((40 * values + [128, 100, 60]) / 255, 0, 1)


TINTS = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 1]], np.float32)


def gallery(path, **fields):
    """Paint every pixel half in the weighted tint: image, weights -> image."""
    nodes = [
        helper.make_node("MatMul", ["weights", "tints"], ["tint"]),
        helper.make_node("Reshape", ["tint", "sides"], ["plane"]),
        helper.make_node("Add", ["image", "plane"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["output"]),
    ]
    tensors = [constant("tints", TINTS), constant("sides", [1, 3, 1, 1], np.int64), constant("half", 0.5)]
    image = [1, 3, "h", "w"]
    _save(path, nodes, [("image", image), ("weights", [1, 3])], [("output", image)], tensors)
    names = {"inputs": ("image", "weights"), "classes": ("red", "green", "sky"), "tiling": "never"}
    return manifest_of(path, **{"task": "style", "family": "gallery", **names, **fields})


def mosaic(path, **fields):
    """Paint squares of 4x4 pixels in their mean: all that is to be seen is the net's own grid."""
    nodes = [
        helper.make_node("AveragePool", ["input"], ["means"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Resize", ["means", "", "four"], ["output"], mode="nearest", nearest_mode="floor"),
    ]
    ports = [1, 3, "h", "w"]
    _save(path, nodes, [("input", ports)], [("output", ports)], [constant("four", [1, 1, 4, 4])])
    return manifest_of(path, **{"task": "style", "family": "rgb", "multiple_of": 4, "overlap": 4, **fields})


def pair(path, **fields):
    """Move the mean colour of the image to that of the style: image, style -> image."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mine"]),
        helper.make_node("GlobalAveragePool", ["style"], ["theirs"]),
        helper.make_node("Sub", ["image", "mine"], ["bare"]),
        helper.make_node("Add", ["bare", "theirs"], ["output"]),
    ]
    image = [1, 3, "h", "w"]
    _save(path, nodes, [("image", image), ("style", [1, 3, "sh", "sw"])], [("output", image)], [])
    return manifest_of(
        path, **{"task": "style", "family": "pair", "inputs": ("image", "style"), "tiling": "never", **fields}
    )


def gatys(path, **fields):
    """Loss and gradient for the features f = the picture itself.

    content = mean((x - t)^2); style = sum((G - T)^2) with G = x x' / n over all n pixels. By hand: d content / dx =
    2 (x - t) / (3 n), d style / dx = 4 (G - T) x / n.
    """
    nodes = [
        helper.make_node("Shape", ["image"], ["n3hw"]),
        helper.make_node("ReduceProd", ["n3hw"], ["count"], keepdims=0),
        helper.make_node("Cast", ["count"], ["all"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["all", "three"], ["n"]),
        helper.make_node("Slice", ["weights", "zero_at", "one_at"], ["wc"]),
        helper.make_node("Slice", ["weights", "one_at", "two_at"], ["ws"]),
        helper.make_node("Reshape", ["image", "flat_shape"], ["x"]),
        helper.make_node("Transpose", ["x"], ["xt"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "xt"], ["xx"]),
        helper.make_node("Div", ["xx", "n"], ["gram"]),
        helper.make_node("Identity", ["image"], ["feature"]),
        helper.make_node("Sub", ["image", "content"], ["gap"]),
        helper.make_node("Mul", ["gap", "gap"], ["gap2"]),
        helper.make_node("ReduceMean", ["gap2"], ["lc"], keepdims=0),
        helper.make_node("Sub", ["gram", "style"], ["dg"]),
        helper.make_node("Mul", ["dg", "dg"], ["dg2"]),
        helper.make_node("ReduceSum", ["dg2"], ["ls"], keepdims=0),
        helper.make_node("Mul", ["wc", "lc"], ["wlc"]),
        helper.make_node("Mul", ["ws", "ls"], ["wls"]),
        helper.make_node("Add", ["wlc", "wls"], ["loss"]),
        helper.make_node("Mul", ["gap", "two"], ["gap_2"]),
        helper.make_node("Div", ["gap_2", "all"], ["slope_c"]),
        helper.make_node("MatMul", ["dg", "x"], ["dgx"]),
        helper.make_node("Mul", ["dgx", "four"], ["dgx4"]),
        helper.make_node("Div", ["dgx4", "n"], ["slope_flat"]),
        helper.make_node("Reshape", ["slope_flat", "n3hw"], ["slope_s"]),
        helper.make_node("Mul", ["slope_c", "wc"], ["wsc"]),
        helper.make_node("Mul", ["slope_s", "ws"], ["wss"]),
        helper.make_node("Add", ["wsc", "wss"], ["gradient"]),
    ]
    tensors = [
        constant("two", 2.0),
        constant("three", 3.0),
        constant("four", 4.0),
        constant("zero_at", [0], np.int64),
        constant("one_at", [1], np.int64),
        constant("two_at", [2], np.int64),
        constant("flat_shape", [3, -1], np.int64),
    ]
    image = [1, 3, "h", "w"]
    inputs = [("image", image), ("weights", [2]), ("content", [1, "c", "ch", "cw"]), ("style", ["g", "g2"])]
    outputs = [("loss", [1]), ("gradient", image), ("feature", image), ("gram", [3, 3])]
    _save(path, nodes, inputs, outputs, tensors)
    roles = {
        "inputs": ("image", "weights", "content", "style"),
        "outputs": ("loss", "gradient", "content", "style"),
    }
    return manifest_of(path, **{"task": "style", "family": "gatys", "tiling": "never", **roles, **fields})


def soften(path, *, channels=3, **fields):
    """3x3 mean with mirrored border: a net of task restore, reach 1."""
    kernel = np.zeros((channels, channels, 3, 3), np.float32)
    kernel[range(channels), range(channels)] = 1 / 9
    nodes = [
        helper.make_node("Pad", ["input", "border"], ["wide"], mode="reflect"),
        helper.make_node("Conv", ["wide", "kernel"], ["output"]),
    ]
    tensors = [constant("border", [0, 0, 1, 1, 0, 0, 1, 1], np.int64), constant("kernel", kernel)]
    image = [None, channels, "h", "w"]
    _save(path, nodes, [("input", image)], [("output", image)], tensors)
    return manifest_of(
        path, **{"task": "restore", "family": "rgb" if channels == 3 else "luma", "overlap": 1, **fields}
    )


def redness(path, *, size=(32, 48), **fields):
    """How much redder than green a pixel is: a net of task matte."""
    kernel = np.array([1, -1, 0], np.float32).reshape(1, 3, 1, 1)
    nodes = [helper.make_node("Conv", ["input", "kernel"], ["output"])]
    _save(path, nodes, [("input", [1, 3, *size])], [("output", [1, 1, *size])], [constant("kernel", kernel)])
    return manifest_of(
        path,
        **{"task": "matte", "family": "saliency", "tiling": "never"}
        | {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), **fields},
    )
