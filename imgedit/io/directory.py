"""The directories of TIFF 6.0 and BigTIFF, which EXIF uses too: reading them without trust, and laying them out."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imgedit.errors import TruncatedImageError

__all__ = ["Field", "TiffFile", "Value", "pack", "value"]

# Each TIFF type as struct writes it; undefined bytes and text are taken as bytes.
TYPES = {
    1: "B", 2: "B", 3: "H", 4: "I", 5: "II", 6: "b", 7: "B", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 13: "I",
    16: "Q", 17: "q", 18: "Q",
}  # fmt: skip
SIZES = {kind: struct.calcsize("<" + code) for kind, code in TYPES.items()}

UNSIGNED = {1, 3, 4, 13, 16, 18}

# More than any file has; what is asked of the pages is checked against the caller's limit after that.
MOST_PAGES = 65536

Value = tuple[int, int, bytes]
"""Type, count and little-endian bytes of a tag."""


@dataclass(frozen=True)
class Field:
    """One directory entry: type, count and where its values stand."""

    kind: int
    count: int
    at: int

    @property
    def size(self) -> int:
        """Bytes that the values take."""
        return self.count * SIZES[self.kind]


class TiffFile:
    """Random access to the directories; nothing is read but what is asked for, and never beyond the data."""

    def __init__(self, data: bytes, name: str) -> None:
        if len(data) < 8 or data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            raise TruncatedImageError(name, "it holds no TIFF header")
        self.data, self.name = data, name
        self.order = ">" if data[:2] == b"MM" else "<"
        self.big = data[2:4] in (b"+\0", b"\0+")
        self.first = 8 if self.big else 4
        if len(data) < 2 * self.first:
            raise TruncatedImageError(name, "the TIFF ends inside its header")

    def offset(self, at: int) -> int:
        """Read the place of something."""
        found: int = struct.unpack_from(self.order + ("Q" if self.big else "I"), self.data, at)[0]
        return found

    def pages(self) -> Iterator[tuple[int, dict[int, Field]]]:
        """Yield place and entries of each directory in the chain; stops at a loop."""
        at = self.offset(self.first)
        seen: set[int] = set()
        while at and at not in seen and len(seen) < MOST_PAGES:
            seen.add(at)
            fields, link = self.entries(at)
            yield at, fields
            if link + self.first > len(self.data):
                return
            at = self.offset(link)

    def entries(self, at: int) -> tuple[dict[int, Field], int]:
        """Give the entries of the directory at a place, and the place of the link to the next one."""
        head, size = ("Q", 20) if self.big else ("H", 12)
        body = at + struct.calcsize(self.order + head)
        if body > len(self.data):
            raise TruncatedImageError(self.name, "the TIFF ends before its directory")
        (count,) = struct.unpack_from(self.order + head, self.data, at)
        if body + size * count > len(self.data):
            raise TruncatedImageError(self.name, "the TIFF ends inside its directory")
        fields: dict[int, Field] = {}
        for entry in range(body, body + size * count, size):
            tag, kind, number = struct.unpack_from(self.order + ("HHQ" if self.big else "HHI"), self.data, entry)
            if kind not in TYPES:
                continue
            start = entry + size - self.first
            if number * SIZES[kind] > self.first:
                start = self.offset(start)
            fields.setdefault(tag, Field(kind, number, start))
        return fields, body + size * count

    def values(self, fields: Mapping[int, Field], tag: int, default: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Give the numbers of a tag."""
        field = fields.get(tag)
        if field is None:
            return tuple(default)
        if field.at + field.size > len(self.data):
            raise TruncatedImageError(self.name, f"the TIFF ends inside tag {tag}")
        code = TYPES[field.kind]
        return struct.unpack_from(f"{self.order}{len(code) * field.count}{code[0]}", self.data, field.at)

    def whole(self, fields: Mapping[int, Field], tag: int, default: Sequence[int] = ()) -> tuple[int, ...]:
        """Give the numbers of a tag that must hold whole ones from 0."""
        if tag in fields and fields[tag].kind not in UNSIGNED:
            raise TruncatedImageError(self.name, f"the TIFF holds tag {tag} in a type that it can't have")
        return self.values(fields, tag, default)

    def one(self, fields: Mapping[int, Field], tag: int, default: int) -> int:
        """Give the first of them."""
        return (self.whole(fields, tag) or (default,))[0]

    def raw(self, fields: Mapping[int, Field], tag: int) -> bytes | None:
        """Give the bytes of a tag, or None where there are none."""
        field = fields.get(tag)
        return self.data[field.at : field.at + field.size] or None if field else None

    def value(self, fields: Mapping[int, Field], tag: int) -> Value:
        """Give a tag as `pack` takes it."""
        field = fields[tag]
        numbers = self.values(fields, tag)
        return field.kind, field.count, struct.pack(f"<{len(numbers)}{TYPES[field.kind][0]}", *numbers)


def value(kind: int, *numbers: int) -> Value:
    """Make a tag's value; fractions (type 5) are given as numerator, denominator."""
    code = TYPES[kind]
    return kind, len(numbers) // len(code), struct.pack(f"<{len(numbers)}{code[0]}", *numbers)


def pack(tags: Mapping[int, Value | Mapping[int, Any]], start: int) -> bytes:
    """Lay out a little-endian directory at `start`, with what does not fit into its entries behind it.

    Parameters
    ----------
    tags : mapping
        Tag to value, or to a mapping that becomes a directory of its own.
    start : int
        Place in the file.

    Returns
    -------
    bytes
        The directory without a successor, and all that belongs to it.
    """
    entries, tail = [], b""
    behind = start + 2 + 12 * len(tags) + 4
    for tag, content in sorted(tags.items()):
        if isinstance(content, Mapping):
            kind, count, body = value(4, behind + len(tail))
            tail += pack(content, behind + len(tail))
        else:
            kind, count, body = content
        if len(body) > 4:
            place = struct.pack("<I", behind + len(tail))
            tail += body + b"\0" * (len(body) % 2)
        else:
            place = body.ljust(4, b"\0")
        entries.append(struct.pack("<HHI", tag, kind, count) + place)
    return b"".join([struct.pack("<H", len(tags)), *entries, b"\0\0\0\0", tail])
