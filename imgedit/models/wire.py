"""The wire format of protocol buffers, read field by field: what an ONNX file is made of.

A message is a row of fields, each a number, a wire type and a value; a value may itself be a message
(https://protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["BYTES", "VARINT", "WireError", "fields", "numbers"]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
WIDTHS = {FIXED64: 8, FIXED32: 4}


class WireError(ValueError):
    """Bytes that are not a message."""


def fields(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Walk the fields of a message, without a look into those that are messages themselves.

    Parameters
    ----------
    data : memoryview
        The message.

    Yields
    ------
    tuple of int, int and (int or memoryview)
        Number, wire type, and value: a number for a varint, else its bytes, as a view.

    Raises
    ------
    WireError
        The bytes are not a message: cut off, or of a wire type that ONNX does not use.

    Examples
    --------
    >>> [(number, value) for number, wire, value in fields(memoryview(bytes([8, 150, 1])))]
    [(1, 150)]
    """
    place, end = 0, len(data)
    while place < end:
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, place = _varint(data, place)
            yield number, wire, value
            continue
        if wire == BYTES:
            length, place = _varint(data, place)
        elif wire in WIDTHS:
            length = WIDTHS[wire]
        else:
            raise WireError(f"a field of wire type {wire}")
        if length > end - place:
            raise WireError(f"a field of {length} bytes where {end - place} are left")
        yield number, wire, data[place : place + length]
        place += length


def numbers(wire: int, value: int | memoryview) -> list[int]:
    """Give the whole numbers of a repeated field, signed, whether they are packed into one or stand alone.

    Parameters
    ----------
    wire : int
        Wire type of the field.
    value : int or memoryview
        Its value.

    Returns
    -------
    list of int
        64 bits each.
    """
    if isinstance(value, int):
        return [_signed(value)]
    found, place = [], 0
    while wire == BYTES and place < len(value):
        number, place = _varint(value, place)
        found.append(_signed(number))
    return found


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if place >= len(data) or shift > 63:
            raise WireError("a number that does not end")
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & (1 << 64) - 1, place
        shift += 7
