"""ONNX graphs that fill holes by a known formula: the mean of the known pixels, over the whole picture."""

from __future__ import annotations

import numpy as np
from graphs import constant, manifest_of
from onnx import TensorProto, checker, helper, save


def _mean_fill(image, known, out):
    """Nodes: mean of `image` over `known`, put where `known` is 0."""
    return [
        helper.make_node("Mul", [image, known], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "axes"], ["total"]),
        helper.make_node("ReduceSum", [known, "axes"], ["count"]),
        helper.make_node("Div", ["total", "count"], ["mean"]),
        helper.make_node("Sub", ["one", known], ["hole"]),
        helper.make_node("Mul", ["mean", "hole"], ["fill"]),
        helper.make_node("Add", ["seen", "fill"], [out]),
    ]


def filler(path, family, *, size=None, white=1.0, channels=None, **fields):
    """Write a graph of a family; `white` is what it gives for white, `channels=4` makes a single input of it."""
    sides = list(size or ("h", "w"))
    bytes_in = family == "pipeline"
    kind = TensorProto.UINT8 if bytes_in else TensorProto.FLOAT
    cast = TensorProto.FLOAT
    if channels == 4:
        inputs = [helper.make_tensor_value_info("both", kind, [1, 4, *sides])]
        nodes = [helper.make_node("Split", ["both", "parts"], ["image", "mask"], axis=1)]
    else:
        inputs = [
            helper.make_tensor_value_info("image", kind, [1, 3, *sides]),
            helper.make_tensor_value_info("mask", kind, [1, 1, *sides]),
        ]
        nodes = []
    nodes += [helper.make_node("Cast", ["image"], ["x"], to=cast), helper.make_node("Cast", ["mask"], ["m"], to=cast)]
    if bytes_in:
        nodes.append(helper.make_node("Div", ["m", "top"], ["known"]))
    else:
        nodes.append(helper.make_node("Sub", ["one", "m"], ["known"]))
    nodes += _mean_fill("x", "known", "filled")
    nodes.append(helper.make_node("Mul", ["filled", "white"], ["scaled"]))
    if bytes_in:
        nodes += [
            helper.make_node("Round", ["scaled"], ["whole"]),
            helper.make_node("Cast", ["whole"], ["output"], to=TensorProto.UINT8),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["scaled"], ["output"]))
    tensors = [
        constant("axes", [2, 3], np.int64),
        constant("parts", [3, 1], np.int64),
        constant("one", 1.0),
        constant("top", 255.0),
        constant("white", white),
    ]
    graph = helper.make_graph(
        nodes, "test", inputs, [helper.make_tensor_value_info("output", kind, [1, 3, *sides])], tensors
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    save(model, path)
    own = {"inputs": () if channels == 4 else ("image", "mask"), "tiling": "never"}
    if bytes_in:
        own["range"] = (0.0, 255.0)
    return manifest_of(path, **{"task": "inpaint", "family": family, **own, **fields})
