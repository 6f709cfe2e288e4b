"""What a file knows beside its pixels, as a value: EXIF, colour profile, XMP, resolution.

EXIF is a small TIFF file (CIPA DC-008, Exif 2.32); here it stands without the ``Exif\\0\\0`` that JPEG puts before it.
What `read` hands out describes the pixels that it hands out: the orientation is reset to 1 once it has been applied,
and the thumbnail is gone, because it would show the picture as it was before the edit.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Metadata", "exif_orientation", "exif_resolution", "upright"]

ORIENTATION, EXIF_IFD = 0x0112, 0x8769
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
THUMBNAIL_OFFSET, THUMBNAIL_LENGTH = 0x0201, 0x0202
XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>\s*))[1-8]""")


@dataclass(frozen=True)
class Metadata:
    """What a file knows beside its pixels; give it to `write` to carry it on.

    Parameters
    ----------
    exif : bytes, optional
        A TIFF structure, as EXIF defines it, without the leading ``Exif\\0\\0``.
    icc : bytes, optional
        The ICC profile in which the pixel values are meant; none stands for sRGB.
    xmp : bytes, optional
        An XMP packet (RDF/XML in UTF-8).
    resolution : tuple of float, optional
        Pixels per inch, horizontally and vertically.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    resolution: tuple[float, float] | None = None

    def __repr__(self) -> str:
        parts = [f"{name}={len(value)} bytes" for name in ("exif", "icc", "xmp") if (value := getattr(self, name))]
        if self.resolution is not None:
            parts.append(f"resolution={self.resolution[0]:g}x{self.resolution[1]:g}")
        return f"Metadata({', '.join(parts)})"


@dataclass(frozen=True)
class Entry:
    """One tag of a first directory: where its twelve bytes stand, and what they say."""

    tag: int
    kind: int
    count: int
    at: int


def exif_orientation(exif: bytes | None) -> int:
    """Find how the camera was held, 1 to 8; 1 where nothing valid is said."""
    found = _entry(exif, ORIENTATION)
    if exif is None or found is None or found.kind != 3:
        return 1
    value: int = struct.unpack_from(_order(exif) + "H", exif, found.at + 8)[0]
    return value if 1 <= value <= 8 else 1


def exif_resolution(exif: bytes | None) -> tuple[float, float] | None:
    """Find the resolution in pixels per inch, if one is said."""
    across, down = (_rational(exif, tag) for tag in (X_RESOLUTION, Y_RESOLUTION))
    if exif is None or not across or not down:
        return None
    unit = _entry(exif, RESOLUTION_UNIT)
    per_cm = unit is not None and struct.unpack_from(_order(exif) + "H", exif, unit.at + 8)[0] == 3
    factor = 2.54 if per_cm else 1.0
    return across * factor, down * factor


def upright(metadata: Metadata) -> Metadata:
    """Reset the orientation in EXIF and XMP to 1 and take the thumbnail out of EXIF."""
    exif, xmp = metadata.exif, metadata.xmp
    if exif is not None:
        exif = _without_thumbnail(_with_orientation_1(exif))
    if xmp is not None:
        xmp = XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
    return Metadata(exif, metadata.icc, xmp, metadata.resolution)


def _with_orientation_1(exif: bytes) -> bytes:
    found = _entry(exif, ORIENTATION)
    if found is None or found.kind != 3:
        return exif
    out = bytearray(exif)
    struct.pack_into(_order(exif) + "H", out, found.at + 8, 1)
    return bytes(out)


def _without_thumbnail(exif: bytes) -> bytes:
    """Cut the link to the second directory and blank the bytes that it pointed to."""
    link = _link(exif)
    if link is None:
        return exif
    order = _order(exif)
    (second,) = struct.unpack_from(order + "I", exif, link)
    values = {entry.tag: struct.unpack_from(order + "I", exif, entry.at + 8)[0] for entry in _entries(exif, second)}
    out = bytearray(exif)
    struct.pack_into(order + "I", out, link, 0)
    start, length = values.get(THUMBNAIL_OFFSET, 0), values.get(THUMBNAIL_LENGTH, 0)
    if 0 < start <= start + length <= len(out):
        # At the very end, where cameras put it, it can go; elsewhere offsets behind it must stay as they are.
        out[start : start + length] = b"" if start + length == len(out) else bytes(length)
    return bytes(out)


def _order(exif: bytes) -> str:
    return ">" if exif[:2] == b"MM" else "<"


def _start(exif: bytes | None) -> int | None:
    """Give the place of the first directory, or None where this is no TIFF structure."""
    if exif is None or len(exif) < 14 or exif[:4] not in (b"II*\0", b"MM\0*"):
        return None
    start: int = struct.unpack_from(_order(exif) + "I", exif, 4)[0]
    return start


def _entries(exif: bytes, start: int) -> Iterator[Entry]:
    order = _order(exif)
    if start < 8 or start + 2 > len(exif):
        return
    (count,) = struct.unpack_from(order + "H", exif, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        yield Entry(*struct.unpack_from(order + "HHI", exif, at), at)


def _entry(exif: bytes | None, tag: int) -> Entry | None:
    start = _start(exif)
    if exif is None or start is None:
        return None
    return next((entry for entry in _entries(exif, start) if entry.tag == tag), None)


def _link(exif: bytes) -> int | None:
    """Give the place of the link from the first directory to the second, if it leads anywhere."""
    start = _start(exif)
    if start is None or start + 2 > len(exif):
        return None
    (count,) = struct.unpack_from(_order(exif) + "H", exif, start)
    link = start + 2 + 12 * count
    if link + 4 > len(exif) or not struct.unpack_from(_order(exif) + "I", exif, link)[0]:
        return None
    return int(link)


def _rational(exif: bytes | None, tag: int) -> float | None:
    found = _entry(exif, tag)
    if exif is None or found is None or found.kind != 5:
        return None
    order = _order(exif)
    (at,) = struct.unpack_from(order + "I", exif, found.at + 8)
    if at + 8 > len(exif):
        return None
    above, below = struct.unpack_from(order + "II", exif, at)
    return above / below if below else None
