"""BMP (Windows device-independent bitmap): Pillow decodes, OpenCV encodes (with the header that can tell alpha)."""

from __future__ import annotations

import struct

import cv2

from imgedit.io import pillow
from imgedit.io.codec import Header, Options, Request, damaged
from imgedit.io.metadata import Metadata
from imgedit.pixels import Image, to_bgr

__all__ = ["decode", "encode", "probe"]

UNPACKED = {0, 3, 6}


def probe(data: bytes, name: str) -> Header:
    """Read the size, check that the pixels can be there, and let the decoder say what they are."""
    if len(data) < 26:
        raise damaged(name, "the BMP ends inside its header")
    start, size = struct.unpack_from("<II", data, 10)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packing = 0
    elif len(data) >= 34:
        width, height, _, bits, packing = struct.unpack_from("<iiHHI", data, 18)
    else:
        raise damaged(name, "the BMP ends inside its header")
    height = abs(height)
    if width <= 0 or height == 0:
        raise damaged(name, f"the BMP says that it is {width}x{height} pixels")
    short = packing in UNPACKED and start + (width * bits + 31) // 32 * 4 * height > len(data)
    channels, model = _kind(data, name) if width * height <= 2**31 else (3, "rgb")
    damage = "the BMP ends early" if short else ""
    return Header(width=width, height=height, channels=channels, bits=bits, model=model, damage=damage)


def _kind(data: bytes, name: str) -> tuple[int, str]:
    from PIL import BmpImagePlugin

    with pillow.opened(BmpImagePlugin.BmpImageFile, data, name) as picture:
        return pillow.channels_of(picture), {"P": "palette", "L": "grey", "1": "grey"}.get(picture.mode, "rgb")


def decode(data: bytes, header: Header, request: Request) -> Image:
    """Decode to grey, RGB or RGBA; missing rows are black if damage is kept."""
    from PIL import BmpImagePlugin

    if header.damage:
        request.damaged(header.damage)
        data += bytes((header.width * header.bits + 31) // 32 * 4 * header.height)
    with pillow.opened(BmpImagePlugin.BmpImageFile, data, request.name, (header.width, header.height)) as picture:
        return pillow.to_array(picture)


def encode(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:  # noqa: ARG001
    """Encode uint8 grey, RGB or RGBA."""
    return bytes(cv2.imencode(".bmp", to_bgr(image))[1])
