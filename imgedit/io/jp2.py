"""JPEG 2000 (ISO/IEC 15444-1): our own look at the codestream's header, OpenJPEG through Pillow and OpenCV."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np

from imgedit.errors import BitDepthError, UnsupportedFormatError
from imgedit.io import pillow
from imgedit.io.boxes import boxes
from imgedit.io.codec import Header, Options, Request, damaged, widen
from imgedit.io.metadata import Metadata
from imgedit.pixels import Image, from_bgr, to_bgr

__all__ = ["decode", "encode", "probe"]

CODESTREAM = b"\xff\x4f\xff\x51"
END = b"\xff\xd9"
MOST_TILES = 65535  # the number of a tile has 16 bits


def probe(data: bytes, name: str) -> Header:
    """Read the size and depth from the codestream's SIZ segment, the profile from its box."""
    stream, stop, icc = 0, len(data), None
    if not data.startswith(CODESTREAM):
        found = {kind: (at, end) for kind, at, end in boxes(data)}
        if b"jp2c" not in found:
            raise damaged(name, "the JPEG 2000 file holds no codestream")
        stream, stop = found[b"jp2c"]
        icc = _profile(data, *found.get(b"jp2h", (0, 0)))
    if data[stream : stream + 4] != CODESTREAM or len(data) < stream + 44:
        raise damaged(name, "the JPEG 2000 codestream has no intact header")
    right, bottom, left, top, *tile, tile_left, tile_top = struct.unpack_from(">8I", data, stream + 8)
    (count,) = struct.unpack_from(">H", data, stream + 40)
    width, height = right - left, bottom - top
    if width <= 0 or height <= 0 or not 1 <= count <= 4 or len(data) < stream + 42 + 3 * count:
        raise UnsupportedFormatError(name, f"is a JPEG 2000 file of {width}x{height} pixels and {count} components")
    depths = {data[stream + 42 + 3 * i] for i in range(count)}
    bits = max((depth & 0x7F) + 1 for depth in depths)
    if bits > 16 or any(depth & 0x80 for depth in depths):
        raise UnsupportedFormatError(name, f"is a {bits}-bit or signed JPEG 2000 file; up to 16 bits are read")
    damage = "" if stop <= len(data) and END in data[stop - 4 : stop] else "the JPEG 2000 codestream ends early"
    if not all(tile) or -(-(right - tile_left) // tile[0]) * -(-(bottom - tile_top) // tile[1]) > MOST_TILES:
        damage = f"the JPEG 2000 codestream has tiles of {tile[0]}x{tile[1]} pixels"
    return Header(
        width=width,
        height=height,
        channels=4 if count == 2 else count,
        dtype="uint16" if bits > 8 else "uint8",
        bits=bits,
        model="grey" if count <= 2 else "rgb",
        metadata=Metadata(icc=icc),
        damage=damage,
    )


def _profile(data: bytes, start: int, stop: int) -> bytes | None:
    for kind, at, end in boxes(data, start, stop):
        if kind == b"colr" and end - at > 3 and data[at] == 2:
            return data[at + 3 : end]
    return None


def decode(data: bytes, header: Header, request: Request) -> Image:
    """Decode to grey, RGB or RGBA."""
    from PIL import Jpeg2KImagePlugin

    if header.damage:
        raise damaged(request.name, header.damage)
    if header.bits > 8:
        return _decode_deep(data, header, request)
    with pillow.opened(Jpeg2KImagePlugin.Jpeg2KImageFile, data, request.name, (header.width, header.height)) as picture:
        return pillow.to_array(picture)


def _decode_deep(data: bytes, header: Header, request: Request) -> Image:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.dtype != np.uint16 or header.channels != (1 if pixels.ndim == 2 else pixels.shape[2]):
        raise UnsupportedFormatError(request.name, f"is a {header.bits}-bit JPEG 2000 that can't be decoded here")
    return widen(from_bgr(pixels), header.bits)


def encode(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:  # noqa: ARG001
    """Encode uint8 (or uint16 grey) without loss."""
    import PIL.Image

    if image.dtype == np.uint16 and image.ndim == 3:
        return _encode_deep(image, name)
    out = io.BytesIO()
    PIL.Image.fromarray(image).save(out, "JPEG2000")
    return out.getvalue()


def _encode_deep(image: Image, name: str) -> bytes:
    # OpenCV always takes five halvings, for which OpenJPEG wants 32 pixels a side.
    if min(image.shape[:2]) < 32 or image.shape[2] == 4:
        raise BitDepthError(
            name,
            "JPEG 2000 holds 16-bit colour here only without alpha and from 32x32 on; "
            "use ie.convert(image, depth=8), PNG or TIFF",
        )
    return bytes(cv2.imencode(".jp2", to_bgr(image), [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])[1])
