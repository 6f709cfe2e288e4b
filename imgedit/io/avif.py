"""AVIF: the boxes tell size and depth; libavif works through Pillow for 8 bits, through OpenCV for deeper files."""

from __future__ import annotations

import io

import cv2
import numpy as np

from imgedit.errors import UnsupportedFormatError
from imgedit.io import pillow
from imgedit.io.boxes import boxes
from imgedit.io.codec import Header, Options, Request, damaged, widen
from imgedit.io.metadata import Metadata, exif_orientation, exif_resolution
from imgedit.pixels import Image, from_bgr

__all__ = ["decode", "encode", "probe"]

DEFAULT_QUALITY = 75


def probe(data: bytes, name: str) -> Header:
    """Read the largest size and depth that any item declares, then let the decoder's header tell the rest."""
    properties = [
        (kind, start, stop)
        for meta in _children(data, [(0, len(data))], b"meta", skip=4)
        for kind, start, stop in _children_of(data, meta)
    ]
    tops = list(boxes(data))
    sizes = [
        (int.from_bytes(data[at + 4 : at + 8], "big"), int.from_bytes(data[at + 8 : at + 12], "big"))
        for kind, at, _ in properties
        if kind == b"ispe"
    ]
    if not sizes or not all(map(all, sizes)):
        raise damaged(name, "the AVIF has no intact header")
    bits = (
        max(
            (12 if data[at + 2] & 0x20 else 10 if data[at + 2] & 0x40 else 8)
            for kind, at, stop in [*properties, (b"av1C", 0, 0)]
            if kind == b"av1C" and (stop == 0 or stop - at >= 4)
        )
        if any(kind == b"av1C" for kind, _, _ in properties)
        else 8
    )
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    damage = "the AVIF ends early" if tops and tops[-1][2] > len(data) else ""
    if damage or width * height > 2**30:
        return Header(width=width, height=height, channels=3, bits=bits, damage=damage)
    return _open_header(data, name, bits)


def _children(data: bytes, spans: list[tuple[int, int]], wanted: bytes, skip: int = 0) -> list[tuple[int, int]]:
    return [(at + skip, stop) for span in spans for kind, at, stop in boxes(data, *span) if kind == wanted]


def _children_of(data: bytes, meta: tuple[int, int]) -> list[tuple[bytes, int, int]]:
    """List the item properties: meta > iprp > ipco > all."""
    shelves = _children(data, _children(data, [meta], b"iprp"), b"ipco")
    return [box for shelf in shelves for box in boxes(data, *shelf)]


def _open_header(data: bytes, name: str, bits: int) -> Header:
    from PIL import AvifImagePlugin

    with pillow.opened(AvifImagePlugin.AvifImageFile, data, name) as picture:
        # Turning and mirroring are properties of the file; Pillow tells them as an EXIF orientation.
        exif = picture.info.get("exif", b"").removeprefix(b"Exif\0\0") or None
        xmp = picture.info.get("xmp")
        icc = picture.info.get("icc_profile")
        return Header(
            width=picture.width,
            height=picture.height,
            channels=pillow.channels_of(picture),
            dtype="uint16" if bits > 8 else "uint8",
            bits=bits,
            frames=getattr(picture, "n_frames", 1),
            orientation=exif_orientation(exif),
            metadata=Metadata(exif, icc, xmp, exif_resolution(exif)),
        )


def decode(data: bytes, header: Header, request: Request) -> Image:
    """Decode one frame to RGB or RGBA; 10 and 12 bits are spread over uint16."""
    from PIL import AvifImagePlugin

    if header.damage:
        raise damaged(request.name, header.damage)
    if header.bits > 8:
        return _decode_deep(data, header, request)
    with pillow.opened(AvifImagePlugin.AvifImageFile, data, request.name, (header.width, header.height)) as picture:
        if request.frame:
            picture.seek(request.frame)
        return pillow.to_array(picture)


def _decode_deep(data: bytes, header: Header, request: Request) -> Image:
    if request.frame:
        raise UnsupportedFormatError(
            request.name, f"is a {header.bits}-bit sequence; only its first frame can be decoded"
        )
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.dtype != np.uint16:
        raise UnsupportedFormatError(request.name, f"is a {header.bits}-bit AVIF that OpenCV can't decode here")
    return widen(from_bgr(pixels), header.bits)


def encode(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:  # noqa: ARG001
    """Encode uint8."""
    import PIL.Image

    quality = DEFAULT_QUALITY if options.quality is None else options.quality
    subsampling = options.subsampling or ("444" if quality >= 90 else "420")
    settings = {
        "icc_profile": metadata.icc,
        "exif": metadata.exif,
        "xmp": metadata.xmp,
        "quality": quality,
        "subsampling": ":".join(subsampling),
    }
    out = io.BytesIO()
    picture = PIL.Image.fromarray(image)
    picture.save(out, "AVIF", **{key: value for key, value in settings.items() if value is not None})
    return out.getvalue()
