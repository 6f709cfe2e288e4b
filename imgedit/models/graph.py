"""An ONNX file's graph, read and edited without the package ``onnx``: the wire format of protocol buffers, and no more.

A message is a list of fields, each a number, a wire type and a value (https://protobuf.dev/programming-guides/encoding).
What is not touched is written back as it stood, byte for byte, so that an edit knows only the fields that it changes.
The numbers of the fields are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["small_net"]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

# Field numbers, by message.
MODEL_IR, MODEL_GRAPH, MODEL_OPSETS = 1, 7, 8
GRAPH_NODE, GRAPH_NAME, GRAPH_TENSOR, GRAPH_INPUT, GRAPH_OUTPUT = 1, 2, 5, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_OP, NODE_ATTRIBUTE = 1, 2, 4, 5
TENSOR_DIMS, TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW = 1, 2, 8, 9
ATTRIBUTE_NAME, ATTRIBUTE_INTS, ATTRIBUTE_TYPE = 1, 8, 20
FLOAT, INTS = 1, 7

Field = tuple[int, int, int | bytes]


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


def port(number: int, name: str, shape: tuple[int, ...]) -> Field:
    """Make a field that is an input or output of float32."""
    sides = [message(1, (1, VARINT, side)) for side in shape]
    return message(number, text(1, name), message(2, message(1, (1, VARINT, FLOAT), message(2, *sides))))


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
