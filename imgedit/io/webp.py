"""WebP (RFC 9649): our own walk over the RIFF chunks, libwebp through OpenCV (stills) and Pillow (frames, writing)."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np

from imgedit.io import pillow
from imgedit.io.codec import Header, Options, Request, damaged
from imgedit.io.metadata import Metadata, exif_orientation, exif_resolution
from imgedit.pixels import Image, from_bgr

__all__ = ["decode", "encode", "probe"]

DEFAULT_QUALITY = 85


def probe(data: bytes, name: str) -> Header:
    """Read canvas size, alpha, frames and metadata from the chunks."""
    if len(data) < 20:
        raise damaged(name, "the WebP ends inside its header")
    size: tuple[int, int] | None = None
    frames, clear = 0, False
    parts: dict[bytes, bytes] = {}
    end, at = 8 + int.from_bytes(data[4:8], "little"), 12
    while at + 8 <= min(end, len(data)):
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + min(length, 10)]
        if kind == b"VP8X" and len(body) == 10:
            size = 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
            clear = bool(body[0] & 0x10)
        elif kind == b"VP8L" and size is None and len(body) >= 5 and body[0] == 0x2F:
            bits = int.from_bytes(body[1:5], "little")
            size, clear = (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)), bool(bits >> 28 & 1)
        elif kind == b"VP8 " and size is None and len(body) == 10 and body[3:6] == b"\x9d\x01\x2a":
            across, down = struct.unpack_from("<HH", body, 6)
            size = across & 0x3FFF, down & 0x3FFF
        elif kind == b"ANMF":
            frames += 1
        elif kind in (b"EXIF", b"XMP ", b"ICCP"):
            parts.setdefault(kind, data[at + 8 : at + 8 + length])
        at += 8 + length + (length & 1)
    if size is None or not all(size):
        raise damaged(name, "the WebP has no intact header")
    exif = parts.get(b"EXIF", b"").removeprefix(b"Exif\0\0") or None
    return Header(
        width=size[0],
        height=size[1],
        channels=4 if clear else 3,
        frames=max(1, frames),
        orientation=exif_orientation(exif),
        metadata=Metadata(exif, parts.get(b"ICCP"), parts.get(b"XMP "), exif_resolution(exif)),
        damage="the WebP ends early" if end > len(data) else "",
    )


def decode(data: bytes, header: Header, request: Request) -> Image:
    """Decode one frame to RGB or RGBA."""
    from PIL import WebPImagePlugin

    if header.damage:
        raise damaged(request.name, header.damage)
    if header.frames == 1 and (pixels := _still(data, header)) is not None:
        return pixels
    with pillow.opened(WebPImagePlugin.WebPImageFile, data, request.name, (header.width, header.height)) as picture:
        if request.frame:
            picture.seek(request.frame)
        return np.array(picture.convert("RGBA" if header.channels == 4 else "RGB"))


def _still(data: bytes, header: Header) -> Image | None:
    """Decode a single picture straight to its array; None leaves the judgement to the decoder of animations."""
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION if header.channels == 3 else cv2.IMREAD_UNCHANGED
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    if pixels is None or pixels.shape[2:] != (header.channels,):
        return None
    return pixels if header.channels == 3 else from_bgr(pixels)


def encode(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:  # noqa: ARG001
    """Encode uint8 RGB or RGBA; grey becomes RGB. Colour under clear pixels is kept."""
    import PIL.Image

    settings = {
        "icc_profile": metadata.icc,
        "exif": metadata.exif,
        "xmp": metadata.xmp,
        "lossless": bool(options.lossless),
        "quality": DEFAULT_QUALITY if options.quality is None else options.quality,
        "exact": True,
    }
    out = io.BytesIO()
    picture = PIL.Image.fromarray(image)
    picture = picture.convert("RGB") if image.ndim == 2 else picture
    picture.save(out, "WEBP", **{key: value for key, value in settings.items() if value is not None})
    return out.getvalue()
