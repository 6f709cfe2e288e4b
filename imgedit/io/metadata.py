r"""What a file knows beside its pixels, as a value: EXIF, colour profile, XMP, resolution.

EXIF is a small TIFF file (CIPA DC-008, Exif 2.32); here it stands without the ``Exif\0\0`` that JPEG puts before it.
What `read` hands out describes the pixels that it hands out: the orientation is reset to 1 once it has been applied,
and the thumbnail is gone, because it would show the picture as it was before the edit. EXIF is changed in place, byte
by byte: camera makers' notes hold offsets of their own, which would break if anything moved.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

from imgedit.errors import TruncatedImageError
from imgedit.io.directory import Field, TiffFile

__all__ = ["Metadata", "exif_orientation", "exif_resolution", "exif_with_size", "resolution_of", "upright"]

ORIENTATION, EXIF_IFD = 0x0112, 0x8769
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, CENTIMETRE = 0x011A, 0x011B, 0x0128, 3
THUMBNAIL_OFFSET, THUMBNAIL_LENGTH = 0x0201, 0x0202
PIXEL_WIDTH, PIXEL_HEIGHT = 0xA002, 0xA003
SHORT, LONG, RATIONAL = 3, 4, 5
XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>\s*))[1-8]""")


@dataclass(frozen=True)
class Metadata:
    r"""What a file knows beside its pixels; give it to `write` to carry it on.

    Parameters
    ----------
    exif : bytes, optional
        A TIFF structure, as EXIF defines it, without the leading ``Exif\0\0``.
    icc : bytes, optional
        The ICC profile in which the pixel values are meant; none stands for sRGB.
    xmp : bytes, optional
        An XMP packet (RDF/XML in UTF-8).
    resolution : tuple of float, optional
        Pixels per inch, horizontally and vertically.

    Examples
    --------
    >>> import imgedit as ie, numpy as np, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "print.jpg")
    >>> ie.write(path, np.zeros((2, 3), np.uint8), metadata=ie.Metadata(resolution=(300, 300)))
    >>> ie.read(path, with_metadata=True)[1]
    Metadata(resolution=300x300)
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


def _open(exif: bytes | None) -> tuple[TiffFile, dict[int, Field], int] | None:
    """Open EXIF: its first directory and the place of the link to the second; None where it is broken."""
    try:
        file = TiffFile(exif or b"", "EXIF")
        return (file, *file.entries(file.offset(file.first)))
    except TruncatedImageError:
        return None


def _number(file: TiffFile, fields: Mapping[int, Field], tag: int, default: int = 0) -> int:
    try:
        return file.one(fields, tag, default)
    except TruncatedImageError:
        return default


def exif_orientation(exif: bytes | None) -> int:
    """Find how the camera was held, 1 to 8; 1 where nothing valid is said."""
    opened = _open(exif)
    found = _number(opened[0], opened[1], ORIENTATION, 1) if opened else 1
    return found if 1 <= found <= 8 else 1


def exif_resolution(exif: bytes | None) -> tuple[float, float] | None:
    """Find the resolution in pixels per inch, if one is said."""
    opened = _open(exif)
    return resolution_of(opened[0], opened[1]) if opened else None


def resolution_of(file: TiffFile, fields: Mapping[int, Field]) -> tuple[float, float] | None:
    """Find the resolution in pixels per inch among the tags of a directory."""
    if {fields[tag].kind for tag in (X_RESOLUTION, Y_RESOLUTION) if tag in fields} != {RATIONAL}:
        return None
    try:
        across, down = file.values(fields, X_RESOLUTION), file.values(fields, Y_RESOLUTION)
    except TruncatedImageError:
        return None
    unit = _number(file, fields, RESOLUTION_UNIT, 2)
    if unit not in (2, CENTIMETRE) or len(across) != 2 or len(down) != 2 or not all((*across, *down)):
        return None
    factor = 2.54 if unit == CENTIMETRE else 1.0
    return across[0] / across[1] * factor, down[0] / down[1] * factor


def upright(metadata: Metadata) -> Metadata:
    """Reset the orientation in EXIF and XMP to 1 and take the thumbnail out of EXIF."""
    exif, xmp = metadata.exif, metadata.xmp
    if exif is not None:
        exif = _without_thumbnail(_patched(exif, {ORIENTATION: 1}))
    if xmp is not None:
        xmp = XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
    return replace(metadata, exif=exif, xmp=xmp)


def exif_with_size(exif: bytes, width: int, height: int) -> bytes:
    """Bring the size that EXIF tells, if it tells one, to that of the picture it goes with."""
    return _patched(exif, {}, {PIXEL_WIDTH: width, PIXEL_HEIGHT: height})


def _patched(exif: bytes, numbers: Mapping[int, int], inner: Mapping[int, int] | None = None) -> bytes:
    """Overwrite single numbers of the first directory, and of the one that holds the camera's settings."""
    opened = _open(exif)
    if opened is None:
        return exif
    file, fields, _ = opened
    places = [(fields.get(tag), number) for tag, number in numbers.items()]
    if inner:
        try:
            deeper = file.entries(_number(file, fields, EXIF_IFD))[0] if EXIF_IFD in fields else {}
        except TruncatedImageError:
            deeper = {}
        places += [(deeper.get(tag), number) for tag, number in inner.items()]
    out = bytearray(exif)
    for field, number in places:
        if field is not None and field.kind in (SHORT, LONG) and field.count == 1:
            code, most = ("H", 0xFFFF) if field.kind == SHORT else ("I", 0xFFFFFFFF)
            struct.pack_into(file.order + code, out, field.at, min(number, most))
    return bytes(out)


def _without_thumbnail(exif: bytes) -> bytes:
    """Cut the link to the second directory and blank the bytes that it pointed to."""
    opened = _open(exif)
    if opened is None or opened[2] + 4 > len(exif):
        return exif
    file, _, link = opened
    out = bytearray(exif)
    struct.pack_into(file.order + "I", out, link, 0)
    try:
        second = file.entries(file.offset(link))[0] if file.offset(link) else {}
    except TruncatedImageError:
        second = {}
    start, length = (_number(file, second, tag) for tag in (THUMBNAIL_OFFSET, THUMBNAIL_LENGTH))
    if 0 < start <= start + length <= len(out):
        # At the very end, where cameras put it, it can go; elsewhere offsets behind it must stay as they are.
        out[start : start + length] = b"" if start + length == len(out) else bytes(length)
    return bytes(out)
