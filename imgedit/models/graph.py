"""An ONNX file's graph, read and edited without the package ``onnx``: the wire format of protocol buffers, and no more.

A message is a list of fields, each a number, a wire type and a value (https://protobuf.dev/programming-guides/encoding).
What is not touched is written back as it stood, byte for byte, so that an edit knows only the fields that it changes.
The numbers of the fields are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgedit.models.wire import BYTES, VARINT, fields

__all__ = ["PRODUCTS", "Statistics", "freed", "halved", "small_net", "with_statistics"]

# Field numbers, by message.
MODEL_IR, MODEL_GRAPH, MODEL_OPSETS = 1, 7, 8
GRAPH_NODE, GRAPH_NAME, GRAPH_TENSOR, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE = 1, 2, 5, 11, 12, 13
NODE_INPUT, NODE_OUTPUT, NODE_OP, NODE_ATTRIBUTE = 1, 2, 4, 5
TENSOR_DIMS, TENSOR_TYPE, TENSOR_FLOATS, TENSOR_NAME, TENSOR_RAW, TENSOR_EXTERNAL = 1, 2, 4, 8, 9, 13
ATTRIBUTE_NAME, ATTRIBUTE_INT, ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS = 1, 3, 5, 6, 11

# Element types.
FLOAT, HALF = 1, 10

# Inputs that are numbers of another kind and stay float32 whatever the pictures are: factors and regions of a resize.
STAY_FLOAT = {b"Resize": (1, 2), b"Upsample": (1,)}

# Operations that join all pixels, and what is computed beside the first of them.
NORM, POOL = b"InstanceNormalization", b"GlobalAveragePool"
MOMENTS = ("mean", "variance", "difference", "square")
# Begins the names of Gram matrices, which join all pixels. Our exporter gives them; no operation tells.
PRODUCTS = "imgedit.gram."

Field = tuple[int, int, int | bytes | memoryview]


def encode(fields: Iterable[Field]) -> bytes:
    """Write a message.

    Parameters
    ----------
    fields : iterable of (number, wire type, value)
        In order.

    Returns
    -------
    bytes
        The message.
    """
    out = bytearray()
    for number, wire, value in fields:
        out += _varint(number << 3 | wire)
        if isinstance(value, int):
            out += _varint(value)
        else:
            if wire == BYTES:
                out += _varint(len(value))
            out += value
    return bytes(out)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers are written as 64 bits
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(number: int, value: str) -> Field:
    """Make a field of text."""
    return number, BYTES, value.encode()


def message(number: int, *fields: Field) -> Field:
    """Make a field that is a message."""
    return number, BYTES, encode(fields)


def tensor(number: int, name: str, values: NDArray[np.float32]) -> Field:
    """Make a field that is a tensor of float32."""
    dims: list[Field] = [(TENSOR_DIMS, VARINT, side) for side in values.shape]
    raw: Field = (TENSOR_RAW, BYTES, np.ascontiguousarray(values, "<f4").tobytes())
    return message(number, *dims, (TENSOR_TYPE, VARINT, FLOAT), text(TENSOR_NAME, name), raw)


def port(number: int, name: str, shape: tuple[int | None, ...]) -> Field:
    """Make a field that is an input or output of float32; None is a side of any length."""
    sides = [message(1, *([] if side is None else [(1, VARINT, side)])) for side in shape]
    return message(number, text(1, name), message(2, message(1, (1, VARINT, FLOAT), message(2, *sides))))


def _inside(data: bytes | memoryview, number: int, change: Callable[[memoryview], bytes | None]) -> bytes:
    """Write a message again with one kind of its fields changed; None leaves a field out."""
    out: list[Field] = []
    for which, wire, value in fields(memoryview(data)):
        if which == number and not isinstance(value, int):
            changed = change(value)
            if changed is not None:
                out.append((which, wire, changed))
        else:
            out.append((which, wire, value))
    return encode(out)


def _all(data: bytes | memoryview, number: int) -> list[bytes]:
    return [
        bytes(value) for which, _, value in fields(memoryview(data)) if which == number and not isinstance(value, int)
    ]


def _number(data: bytes | memoryview, number: int) -> int:
    return next(
        (value for which, _, value in fields(memoryview(data)) if which == number and isinstance(value, int)), 0
    )


def freed(model: bytes) -> bytes:
    """Let a net take pictures of any height and width, whatever it declares.

    Parameters
    ----------
    model : bytes
        An ONNX file. Only what works at any size by its nature may be treated so: convolutions, not layers that join
        all pixels.

    Returns
    -------
    bytes
        The same, but for the last two sides of inputs and outputs of rank 4, and without notes on sizes between.
    """

    def shape(data: memoryview) -> bytes:
        sides = [value for which, _, value in fields(data) if which == 1]
        if len(sides) != 4:
            return bytes(data)
        return encode([(1, BYTES, value) for value in sides[:2]] + [message(1, text(2, side)) for side in ("H", "W")])

    def tensor_type(data: memoryview) -> bytes:
        return _inside(data, 2, shape)

    def ports(data: memoryview) -> bytes:
        return _inside(data, 2, lambda kind: _inside(kind, 1, tensor_type))

    def graph(data: memoryview) -> bytes:
        out = _inside(_inside(data, GRAPH_INPUT, ports), GRAPH_OUTPUT, ports)
        return _inside(out, GRAPH_VALUE, lambda _: None)

    return _inside(model, MODEL_GRAPH, graph)


def halved(model: bytes) -> bytes | None:
    """Turn a net's weights and arithmetic into float16.

    Parameters
    ----------
    model : bytes
        An ONNX file.

    Returns
    -------
    bytes or None
        The same net; its inputs and outputs of float32 are float16. None where it holds what this does not turn:
        graphs in graphs, weights in other files.
    """
    (graph,) = _all(model, MODEL_GRAPH)
    nodes = _all(graph, GRAPH_NODE)
    attributes = [attribute for node in nodes for attribute in _all(node, NODE_ATTRIBUTE)]
    if any(_all(attribute, part) for attribute in attributes for part in (ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS)):
        return None
    if any(_all(tensor_, TENSOR_EXTERNAL) for tensor_ in _all(graph, GRAPH_TENSOR)):
        return None
    stay: set[bytes] = set()
    for one in nodes:
        taken = _all(one, NODE_INPUT)
        stay.update(taken[i] for i in STAY_FLOAT.get(_all(one, NODE_OP)[0], ()) if i < len(taken))

    def attribute(data: memoryview) -> bytes:
        # The target of a Cast.
        if _all(data, ATTRIBUTE_NAME) == [b"to"] and _number(data, ATTRIBUTE_INT) == FLOAT:
            return encode((w, k, HALF if w == ATTRIBUTE_INT else v) for w, k, v in fields(data))
        return _inside(data, ATTRIBUTE_TENSOR, _half_tensor)

    def node(data: memoryview) -> bytes:
        return bytes(data) if stay.intersection(_all(data, NODE_OUTPUT)) else _inside(data, NODE_ATTRIBUTE, attribute)

    def weights(data: memoryview) -> bytes:
        return bytes(data) if stay.intersection(_all(data, TENSOR_NAME)) else _half_tensor(data)

    def element(data: memoryview) -> bytes:
        return encode((w, k, HALF if (w, v) == (1, FLOAT) else v) for w, k, v in fields(data))

    def ports(data: memoryview) -> bytes:
        return (
            bytes(data)
            if stay.intersection(_all(data, 1))
            else _inside(data, 2, lambda kind: _inside(kind, 1, element))
        )

    def whole(data: memoryview) -> bytes:
        out = _inside(_inside(data, GRAPH_NODE, node), GRAPH_TENSOR, weights)
        out = _inside(_inside(out, GRAPH_INPUT, ports), GRAPH_OUTPUT, ports)
        return _inside(out, GRAPH_VALUE, lambda _: None)

    return _inside(model, MODEL_GRAPH, whole)


def _half_tensor(data: memoryview) -> bytes:
    if _number(data, TENSOR_TYPE) != FLOAT:
        return bytes(data)
    packed = _all(data, TENSOR_RAW) or _all(data, TENSOR_FLOATS)
    limit = np.finfo(np.float16).max
    values = np.frombuffer(b"".join(packed), "<f4").clip(-limit, limit).astype("<f2")
    kept = [(w, k, v) for w, k, v in fields(data) if w not in (TENSOR_TYPE, TENSOR_RAW, TENSOR_FLOATS)]
    return encode([*kept, (TENSOR_TYPE, VARINT, HALF), (TENSOR_RAW, BYTES, values.tobytes())])


@dataclass(frozen=True)
class Statistics:
    """A net that takes statistics of whole pictures, parted into one that tells them and one that is told them.

    Attributes
    ----------
    measuring : bytes
        The net with more outputs, after its own: the mean and variance of what each instance norm is given, NxCx1x1,
        what each global pool gives, and Gram matrices that go by their name.
    frozen : bytes
        The net with as many inputs more, after its own.
    shapes : tuple of tuple of int
        What each statistic must be reshaped to before it is told; 0 keeps a side.
    """

    measuring: bytes
    frozen: bytes
    shapes: tuple[tuple[int, ...], ...]


def with_statistics(model: bytes) -> Statistics | None:
    """Take the statistics out of a net's instance norms, global pools and named products.

    Parameters
    ----------
    model : bytes
        An ONNX file.

    Returns
    -------
    Statistics or None
        None where the net has none of these.
    """
    (graph,) = _all(model, MODEL_GRAPH)
    measuring: list[Field] = []
    told: dict[str, tuple[int, ...]] = {}
    replacements: list[bytes | None] = []
    for index, node in enumerate(_all(graph, GRAPH_NODE)):
        x, (op,), given = _all(node, NODE_INPUT)[:1], _all(node, NODE_OP), _all(node, NODE_OUTPUT)[0].decode()
        if op == POOL:
            told[given] = (1, -1, 1, 1)
            replacements.append(None)
        elif given.startswith(PRODUCTS):
            told[given] = (1, 0, 0)
            replacements.append(None)
        elif op == NORM:
            mean, variance, difference, square = (f"imgedit_{what}_{index}" for what in MOMENTS)
            told |= {mean: (-1,), variance: (-1,)}
            steps = (
                ("GlobalAveragePool", [x[0].decode()], mean),
                ("Sub", [x[0].decode(), mean], difference),
                ("Mul", [difference] * 2, square),
                ("GlobalAveragePool", [square], variance),
            )
            for name, taken, gives in steps:
                parts = [*(text(NODE_INPUT, one) for one in taken), text(NODE_OUTPUT, gives), text(NODE_OP, name)]
                measuring.append(message(GRAPH_NODE, *parts))
            # Batch norm at run time is the same formula with given mean and variance, and has the same attribute
            # epsilon.
            kept = [(w, k, b"BatchNormalization" if w == NODE_OP else v) for w, k, v in fields(memoryview(node))]
            replacements.append(encode([*kept, *(text(NODE_INPUT, one) for one in (mean, variance))]))
        else:
            replacements.append(node)
    if not told:
        return None
    outputs = [port(GRAPH_OUTPUT, name, (None,) * (3 if name.startswith(PRODUCTS) else 4)) for name in told]
    inputs = [port(GRAPH_INPUT, name, (None,) * len(shape)) for name, shape in told.items()]
    changed = iter(replacements)
    return Statistics(
        _inside(model, MODEL_GRAPH, lambda data: encode([*fields(data), *measuring, *outputs])),
        _inside(
            model,
            MODEL_GRAPH,
            lambda data: _inside(encode([*fields(data), *inputs]), GRAPH_NODE, lambda _: next(changed)),
        ),
        tuple(told.values()),
    )


def small_net() -> tuple[bytes, NDArray[np.float32], NDArray[np.float32]]:
    """Make a net of one 3x3 convolution.

    Returns
    -------
    model : bytes
        The net, as an ONNX file holds it; its input is "x".
    x : ndarray of float32
        1x4x8x8 input.
    y : ndarray of float32
        1x4x6x6: what it gives for that.
    """
    rng = np.random.default_rng(0)
    x, kernel = rng.random((1, 4, 8, 8), np.float32), rng.random((4, 4, 3, 3), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(x[0], (3, 3), axis=(1, 2))
    y = np.einsum("cyxij,ocij->oyx", windows, kernel)[None]
    node = message(
        GRAPH_NODE, text(NODE_INPUT, "x"), text(NODE_INPUT, "k"), text(NODE_OUTPUT, "y"), text(NODE_OP, "Conv")
    )
    graph = (
        node,
        text(GRAPH_NAME, "small"),
        tensor(GRAPH_TENSOR, "k", kernel),
        port(GRAPH_INPUT, "x", x.shape),
        port(GRAPH_OUTPUT, "y", y.shape),
    )
    model = encode([(MODEL_IR, VARINT, 8), message(MODEL_GRAPH, *graph), message(MODEL_OPSETS, (2, VARINT, 13))])
    return model, x, y
