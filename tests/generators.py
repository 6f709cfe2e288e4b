"""ONNX graphs that make pictures of latents, and their plain twins: one picture is tanh(z M) in some dress."""

from __future__ import annotations

import numpy as np
from graphs import constant, manifest_of
from onnx import TensorProto, checker, helper, save

D, SIZE, CHANNELS, CLASSES = 6, (8, 8), 3, 4
KINDS = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}


def matrix(rows=D, channels=CHANNELS, seed=1):
    return np.random.default_rng(seed).normal(0, 0.15, (rows, channels * SIZE[0] * SIZE[1])).astype(np.float32)


def twin(latents, channels=CHANNELS):
    """NxHxWxC, white at 1."""
    planes = np.tanh(latents.astype(np.float64) @ matrix(channels=channels)).reshape(-1, channels, *SIZE)
    return (planes.transpose(0, 2, 3, 1) + 1) / 2


def generator(path, *, output="nchw", inputs=("latent",), batch="n", channels=CHANNELS, rank=2, **fields):
    """Write a graph and its manifest.

    `output`: nchw, nhwc, flat, bytes, unit (0 to 1), no-batch (HxWxC), or first (all of a batch are like the first).
    `inputs`: latent and any of label (one-hot rows), index (int64), noise, truncation.
    """
    shapes = {
        "latent": (np.float32, [batch, D] + [1] * (rank - 2)),
        "label": (np.float32, [batch, CLASSES]),
        "index": (np.int64, [batch]),
        "noise": (np.float32, [batch, D]),
        "truncation": (np.float32, [1]),
    }
    made = [helper.make_tensor_value_info(n, KINDS[np.dtype(shapes[n][0])], shapes[n][1]) for n in inputs]
    nodes = [helper.make_node("Flatten", ["latent"], ["z"])]
    tensors = [constant("matrix", matrix(channels=channels)), constant("names", matrix(CLASSES, channels, seed=2))]
    last = "z"
    for name in inputs[1:]:
        if name in ("noise", "truncation"):
            nodes.append(helper.make_node("Add" if name == "noise" else "Mul", [last, name], [f"with {name}"]))
            last = f"with {name}"
    nodes.append(helper.make_node("MatMul", [last, "matrix"], ["free"]))
    last = "free"
    if "index" in inputs:
        nodes.append(helper.make_node("Gather", ["names", "index"], ["name"]))
    if "label" in inputs:
        nodes.append(helper.make_node("MatMul", ["label", "names"], ["name"]))
    if {"index", "label"} & set(inputs):
        nodes.append(helper.make_node("Add", ["free", "name"], ["named"]))
        last = "named"
    nodes.append(helper.make_node("Tanh", [last], ["flat"]))
    kind = TensorProto.UINT8 if output == "bytes" else TensorProto.FLOAT
    extra, tensors_more = dress(output, channels)
    nodes += extra
    sides = list("abcd"[: {"flat": 2, "no-batch": 3}.get(output, 4)])
    graph = helper.make_graph(
        nodes, "test", made, [helper.make_tensor_value_info("picture", kind, sides)], tensors + tensors_more
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    save(model, path)
    roles = ["label" if name == "index" else name for name in inputs]
    fields = {"task": "gan", "family": "generator", "output_range": (-1.0, 1.0), "inputs": roles, **fields}
    if output in ("bytes", "unit"):
        fields["output_range"] = None
    return manifest_of(path, **fields)


def dress(output, channels):
    """Nodes from `flat` (Nx(CHW), -1 to 1) to `picture`, with their constants."""

    def shape(name, *sides):
        return constant(name, sides, np.int64)

    planes = helper.make_node("Reshape", ["flat", "sides"], ["planes"])
    sides = shape("sides", -1, channels, *SIZE)
    if output == "flat":
        return [helper.make_node("Identity", ["flat"], ["picture"])], []
    if output == "nchw":
        return [helper.make_node("Reshape", ["flat", "sides"], ["picture"])], [sides]
    if output == "nhwc":
        return [planes, helper.make_node("Transpose", ["planes"], ["picture"], perm=[0, 2, 3, 1])], [sides]
    if output in ("unit", "bytes"):
        top = 1.0 if output == "unit" else 255.0
        nodes = [
            planes,
            helper.make_node("Add", ["planes", "one"], ["up"]),
            helper.make_node("Mul", ["up", "half"], ["scaled" if output == "bytes" else "picture"]),
        ]
        if output == "bytes":
            nodes += [
                helper.make_node("Round", ["scaled"], ["round"]),
                helper.make_node("Cast", ["round"], ["picture"], to=TensorProto.UINT8),
            ]
        return nodes, [sides, constant("one", 1.0), constant("half", top / 2)]
    first = helper.make_node("Slice", ["planes", "begin", "end"], ["first"])
    bounds = [sides, shape("begin", 0), shape("end", 1)]
    if output == "no-batch":
        return [
            planes,
            first,
            helper.make_node("Squeeze", ["first", "begin"], ["one"]),
            helper.make_node("Transpose", ["one"], ["picture"], perm=[1, 2, 0]),
        ], bounds
    if output == "first":
        return [
            planes,
            first,
            helper.make_node("Mul", ["planes", "zero"], ["nothing"]),
            helper.make_node("Add", ["first", "nothing"], ["picture"]),
        ], [*bounds, constant("zero", 0.0)]
    raise ValueError(output)


def encoder(path, **fields):
    """The way back from a picture in 0 to 1: artanh, and the pseudo-inverse of the matrix."""
    nodes = [
        helper.make_node("Mul", ["image", "two"], ["wide"]),
        helper.make_node("Sub", ["wide", "one"], ["signed"]),
        helper.make_node("Clip", ["signed", "low", "high"], ["inside"]),
        # artanh x = log((1 + x) / (1 - x)) / 2: the operator Atanh may be missing on a device
        helper.make_node("Add", ["one", "inside"], ["up"]),
        helper.make_node("Sub", ["one", "inside"], ["down"]),
        helper.make_node("Div", ["up", "down"], ["ratio"]),
        helper.make_node("Log", ["ratio"], ["double"]),
        helper.make_node("Div", ["double", "two"], ["free"]),
        helper.make_node("Flatten", ["free"], ["flat"]),
        helper.make_node("MatMul", ["flat", "inverse"], ["latent"]),
    ]
    tensors = [
        constant("two", 2.0),
        constant("one", 1.0),
        constant("low", -0.9999),
        constant("high", 0.9999),
        constant("inverse", np.linalg.pinv(matrix())),
    ]
    x = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", CHANNELS, *SIZE])
    y = helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["n", D])
    model = helper.make_model(
        helper.make_graph(nodes, "test", [x], [y], tensors),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    checker.check_model(model)
    save(model, path)
    return manifest_of(path, **{"task": "vae", "family": "encoder", **fields})
