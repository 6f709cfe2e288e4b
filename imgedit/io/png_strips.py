"""PNG (W3C PNG, third edition) written in strips: side by side on all cores, without the whole file in memory.

Each strip is filtered (section 9) and compressed by itself; since each ends on a whole byte, they make one stream, as
pigz does it. The stream's checksum is put together from those of the strips (M. Adler's sum; RFC 1950, section 8.2).
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.pixels import Image

__all__ = ["SIGNATURE", "as_chunk", "strips"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOR_TYPES = {1: 0, 3: 2, 4: 6}
NONE, SUB, UP, AVERAGE, PAETH = range(5)

# Each strip starts with an empty window, which costs three per mille of the file at this size with level 6.
STRIP_BYTES = 2**19

ADLER = 65521
ZLIB_HEAD = b"\x78\x01"

Bytes = NDArray[np.uint8]


def as_chunk(kind: bytes, body: bytes) -> bytes:
    """Give one chunk: length, kind, body and checksum."""
    return b"".join([struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))])


def strips(image: Image, compression: int | None, ancillary: Iterable[bytes]) -> Iterator[bytes]:
    """Encode an image piece by piece.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4 of uint8 or uint16.
    compression : int or None
        zlib's level with the filter that suits each row; None: what is fast for photographs.
    ancillary : iterable of bytes
        Chunks of metadata, which stand before the picture.

    Yields
    ------
    bytes
        Parts of the file, in order.
    """
    height, width = image.shape[:2]
    channels = image.shape[2] if image.ndim == 3 else 1
    bits = 8 * image.dtype.itemsize
    head = struct.pack(">IIBBBBB", width, height, bits, COLOR_TYPES[channels], 0, 0, 0)
    yield b"".join([SIGNATURE, as_chunk(b"IHDR", head), *ancillary])
    rows = max(1, STRIP_BYTES // (width * channels * image.dtype.itemsize))
    total = 1
    for top, strip in zip(range(0, height, rows), _in_order(image, rows, compression), strict=True):
        body = strip.data if top else ZLIB_HEAD + strip.data
        total = _joined(total, strip)
        last = top + rows >= height
        yield as_chunk(b"IDAT", body + struct.pack(">I", total) if last else body)
    yield as_chunk(b"IEND", b"")


@dataclass(frozen=True)
class _Strip:
    """Some rows, compressed; the checksum and the number of the bytes that they were."""

    data: bytes
    adler: int
    length: int


def _in_order(image: Image, rows: int, compression: int | None) -> Iterator[_Strip]:
    """Encode strips side by side, and give them in order; few are in hand at once."""
    if rows >= len(image):  # a thread takes as long as a small icon
        yield _encoded(image, 0, rows, compression)
        return
    workers = cv2.getNumThreads() or 1
    with ThreadPoolExecutor(workers, "imgedit-png") as pool:
        waiting: deque[Future[_Strip]] = deque()
        for top in range(0, len(image), rows):
            waiting.append(pool.submit(partial(_encoded, image, top, top + rows, compression)))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _encoded(image: Image, top: int, bottom: int, compression: int | None) -> _Strip:
    pixel = (image.shape[2] if image.ndim == 3 else 1) * image.dtype.itemsize
    if compression is None:
        # As OpenCV does it: one filter and run lengths are twice as fast as any level, and smaller for photographs.
        filtered = _subtracted(_bytes(image[top:bottom]), pixel)
        packer = zlib.compressobj(1, wbits=-15, strategy=zlib.Z_RLE)
    else:
        above = _bytes(image[top - 1 : top] if top else np.zeros_like(image[:1]))
        rows = _bytes(image[top:bottom])
        filtered = _best(rows, np.concatenate([above, rows[:-1]]), pixel) if compression else _unfiltered(rows)
        packer = zlib.compressobj(compression, wbits=-15)
    data = packer.compress(filtered.data) + packer.flush(zlib.Z_FINISH if bottom >= len(image) else zlib.Z_FULL_FLUSH)
    return _Strip(data, zlib.adler32(filtered.data), filtered.size)


def _bytes(rows: Image) -> Bytes:
    """Rows as the file has them: 16 bits with the high byte first."""
    ordered = np.ascontiguousarray(rows, rows.dtype.newbyteorder(">"))
    return ordered.reshape(len(rows), -1).view(np.uint8)


def _unfiltered(rows: Bytes) -> Bytes:
    return np.pad(rows, ((0, 0), (1, 0)))


def _subtracted(rows: Bytes, pixel: int) -> Bytes:
    """Put every row under the filter Sub."""
    out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    out[:, 0] = SUB
    out[:, 1 : pixel + 1] = rows[:, :pixel]
    np.subtract(rows[:, pixel:], rows[:, :-pixel], out=out[:, pixel + 1 :])
    return out


def _best(rows: Bytes, above: Bytes, pixel: int) -> Bytes:
    """Put each row under the filter that leaves the smallest sum of differences (section 12.7)."""
    left, corner = _shifted(rows, pixel), _shifted(above, pixel)
    guesses = {
        NONE: np.zeros_like(rows),
        SUB: left,
        UP: above,
        AVERAGE: (left & above) + ((left ^ above) >> 1),
        PAETH: _paeth(left, above, corner),
    }
    out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    least = np.full(len(rows), np.iinfo(np.int64).max)
    for number, guess in guesses.items():
        rest = rows - guess
        sums = np.minimum(rest, 0 - rest).sum(axis=1, dtype=np.int64)  # of bytes as signed numbers
        better = sums < least
        out[better, 0], out[better, 1:] = number, rest[better]
        least[better] = sums[better]
    return out


def _shifted(rows: Bytes, pixel: int) -> Bytes:
    """Give what stands a pixel to the left; zero at the margin."""
    return np.pad(rows, ((0, 0), (pixel, 0)))[:, : rows.shape[1]]


def _paeth(left: Bytes, above: Bytes, corner: Bytes) -> Bytes:
    """Choose the neighbour that is nearest to left + above - corner."""
    to_left, to_above = cv2.absdiff(above, corner), cv2.absdiff(left, corner)
    to_corner = np.abs(left.astype(np.int16) + above - 2 * corner.astype(np.int16))
    nearest = np.where(to_above <= to_corner, above, corner)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, nearest)


def _joined(total: int, strip: _Strip) -> int:
    """Adler's sum of what came before and a strip: the first half counts the bytes, the second the first's sums."""
    (low, high), (more_low, more_high) = ((value & 0xFFFF, value >> 16) for value in (total, strip.adler))
    high = (high + more_high + strip.length * (low - 1)) % ADLER
    return (high << 16) | ((low + more_low - 1) % ADLER)
