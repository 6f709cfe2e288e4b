"""The boxes of ISO base media files (ISO/IEC 14496-12), in which AVIF and JPEG 2000 keep their headers."""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["boxes"]

MOST_BOXES = 4096


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the body of each box on one level; bodies may reach beyond the data."""
    end = len(data) if end is None else min(end, len(data))
    for _ in range(MOST_BOXES):
        if start + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if length == 1:
            if body + 8 > end:
                return
            (length,) = struct.unpack_from(">Q", data, body)
            body += 8
        stop = start + length if length else len(data)
        if stop < body:
            return
        yield kind, body, stop
        start = stop
