"""JPEG (ITU-T T.81, JFIF, Exif): libjpeg-turbo through simplejpeg, which reports what other bindings swallow.

A decoder that runs out of data fills the rest with grey and only warns. Every such warning is an error here; other
damage (a wrong code in the middle) is one with ``strict=True``.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import cv2
import numpy as np
import simplejpeg

from imgedit.errors import ImageTooLargeError, ParameterError, UnsupportedFormatError
from imgedit.io import profiles
from imgedit.io.codec import Header, Options, Request, damaged
from imgedit.io.metadata import Metadata, exif_orientation, exif_resolution
from imgedit.pixels import Image

__all__ = ["decode", "encode", "probe"]

# Start of frame: baseline, extended, progressive, lossless and so on; C4, C8 and CC in between mean something else.
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
DECODED = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
STANDALONE = {0x01, *range(0xD0, 0xD8)}

# In entropy-coded data FF is followed by 00 or by a restart marker; FF may be repeated as filling.
NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")

# Ten are usual; each costs a pass over all coefficients, so that a few kilobytes more could cost seconds.
MOST_SCANS = 200

EXIF, XMP, ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
MOST_SEGMENT = 65533

DEFAULT_QUALITY = 90


def probe(data: bytes, name: str) -> Header:
    """Read size, components and metadata from the segments before the first scan."""
    frame: tuple[int, int, int, int] | None = None
    exif = xmp = None
    density: tuple[float, float] | None = None
    profile: dict[int, bytes] = {}
    for marker, body in _segments(data, name):
        if marker in FRAMES:
            frame = _frame(marker, body, name)
        elif marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 12:
            density = _density(body)
        elif marker == 0xE1 and body.startswith(EXIF):
            exif = exif or body[len(EXIF) :]
        elif marker == 0xE1 and body.startswith(XMP):
            xmp = xmp or body[len(XMP) :]
        elif marker == 0xE2 and body.startswith(ICC) and len(body) > 14:
            profile[body[12]] = body[14:]
    if frame is None:
        raise damaged(name, "the JPEG ends before its frame header")
    marker, height, width, components = frame
    if marker in PROGRESSIVE and data.count(b"\xff\xda") > MOST_SCANS:
        raise ImageTooLargeError(name, f"has more than {MOST_SCANS} scans, which no real JPEG needs")
    icc = b"".join(profile[number] for number in sorted(profile)) or None
    return Header(
        width=width,
        height=height,
        channels=1 if components == 1 else 3,
        model={1: "grey", 3: "rgb", 4: "cmyk"}[components],
        orientation=exif_orientation(exif),
        metadata=Metadata(exif, icc, xmp, density or exif_resolution(exif)),
    )


def _segments(data: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the marker segments up to the first scan."""
    at = 2
    while True:
        if at + 4 > len(data):
            raise damaged(name, "the JPEG ends inside its header")
        if data[at] != 0xFF:
            at = data.find(b"\xff", at)  # decoders skip rubbish between segments too
            if at < 0:
                raise damaged(name, "the JPEG ends inside its header")
            continue
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in STANDALONE or marker == 0x00:
            at += 2
            continue
        if marker in (0xDA, 0xD9):
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        if length < 2 or at + 2 + length > len(data):
            raise damaged(name, "the JPEG ends inside its header")
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length


def _frame(marker: int, body: bytes, name: str) -> tuple[int, int, int, int]:
    if len(body) < 6:
        raise damaged(name, "the JPEG has a broken frame header")
    bits, height, width, components = struct.unpack_from(">BHHB", body)
    if marker not in DECODED or bits != 8:
        raise UnsupportedFormatError(
            name, f"is a {bits}-bit JPEG of kind SOF{marker - 0xC0}; only 8-bit DCT is decoded"
        )
    if not height or not width:
        raise damaged(name, f"the JPEG says that it is {width}x{height} pixels")
    if components not in (1, 3, 4):
        raise UnsupportedFormatError(name, f"is a JPEG of {components} components; 1, 3 or 4 are decoded")
    return marker, height, width, components


def _density(body: bytes) -> tuple[float, float] | None:
    unit, across, down = struct.unpack_from(">BHH", body, 7)
    factor = {1: 1.0, 2: 2.54}.get(unit)
    return (across * factor, down * factor) if factor and across and down else None


def decode(data: bytes, header: Header, request: Request) -> Image:
    """Decode to grey or RGB, at the full size or a half, a quarter, an eighth of it (the decoder's scaled DCT)."""
    if header.model == "cmyk":
        return _decode_cmyk(data, header, request)
    space = "GRAY" if header.model == "grey" else "RGB"
    least = {
        "min_height": -(-header.height // request.reduce),
        "min_width": -(-header.width // request.reduce),
        "min_factor": request.reduce,
    }
    try:
        pixels = simplejpeg.decode_jpeg(data, space, strict=True, **least)
    except ValueError as failure:
        _judge(data, str(failure), request)
        try:
            pixels = simplejpeg.decode_jpeg(data, space, strict=False, **least)
        except ValueError as final:
            raise damaged(request.name, f"the JPEG can't be decoded ({final})") from final
    return np.asarray(pixels[..., 0] if space == "GRAY" else pixels)


def _judge(data: bytes, cause: str, request: Request) -> None:
    """Raise for a decoder's complaint, or note it where damage may be kept, unless it is harmless."""
    if "premature end" in cause.lower() or not _ends(data):
        request.damaged(f"the JPEG ends early ({cause})")
    elif request.strict:
        request.damaged(f"the JPEG is damaged ({cause})")


def _ends(data: bytes) -> bool:
    """Say whether the end marker stands where the last scan stops; one inside an embedded thumbnail does not count."""
    at = 2
    while at + 2 <= len(data):
        if data[at] != 0xFF or data[at + 1] in (0x00, 0xFF) or data[at + 1] in STANDALONE:
            found = NEXT_MARKER.search(data, at)
            if found is None:
                return False
            at = found.end() - 2
        if data[at + 1] == 0xD9:
            return True
        if data[at + 1] in STANDALONE:
            at += 2
        elif at + 4 <= len(data):
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        else:
            return False
    return False


def _decode_cmyk(data: bytes, header: Header, request: Request) -> Image:
    from PIL import JpegImagePlugin

    from imgedit.io import pillow

    if not _ends(data):
        request.damaged("the JPEG ends early (no end marker)")
    with pillow.opened(JpegImagePlugin.JpegImageFile, data, request.name, (header.width, header.height)) as picture:
        return profiles.cmyk_to_srgb(picture, header.metadata.icc, request.name)


def encode(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:
    """Encode grey or RGB uint8; chroma is kept whole from quality 90 on, as photo editors do."""
    quality = DEFAULT_QUALITY if options.quality is None else options.quality
    subsampling = options.subsampling or ("444" if quality >= 90 else "420")
    if options.progressive:
        data = _encode_progressive(image, quality, subsampling)
    elif image.ndim == 2:
        data = simplejpeg.encode_jpeg(image[..., None], quality=quality, colorspace="GRAY", colorsubsampling="Gray")
    else:
        data = simplejpeg.encode_jpeg(image, quality=quality, colorspace="RGB", colorsubsampling=subsampling)
    return _with_metadata(data, metadata, name)


def _encode_progressive(image: Image, quality: int, subsampling: str) -> bytes:
    factor = {
        "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
        "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    }[subsampling]
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    if image.ndim == 3:
        settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", image, settings)[1])


def _with_metadata(data: bytes, metadata: Metadata, name: str) -> bytes:
    """Put the metadata behind the start marker, in the order that readers expect: JFIF, Exif, XMP, ICC."""
    parts = [data[:2]]
    body = 2
    if data[2:4] == b"\xff\xe0":
        body = 4 + int.from_bytes(data[4:6], "big")
        parts.append(_jfif(metadata.resolution))
    if metadata.exif:
        parts.append(_segment(0xE1, EXIF + metadata.exif, name, "EXIF"))
    if metadata.xmp:
        parts.append(_segment(0xE1, XMP + metadata.xmp, name, "XMP"))
    if metadata.icc:
        step = MOST_SEGMENT - 14
        chunks = [metadata.icc[at : at + step] for at in range(0, len(metadata.icc), step)]
        if len(chunks) > 255:
            raise ParameterError(name, "the ICC profile is too large for a JPEG; leave it out")
        parts += [
            _segment(0xE2, ICC + bytes([number, len(chunks)]) + chunk, name, "ICC")
            for number, chunk in enumerate(chunks, 1)
        ]
    return b"".join([*parts, data[body:]])


def _jfif(resolution: tuple[float, float] | None) -> bytes:
    unit, (across, down) = (
        (0, (1, 1)) if resolution is None else (1, [min(65535, max(1, round(x))) for x in resolution])
    )
    return b"\xff\xe0" + struct.pack(">H5s2BB2H2B", 16, b"JFIF\0", 1, 1, unit, across, down, 0, 0)


def _segment(marker: int, body: bytes, name: str, what: str) -> bytes:
    if len(body) > MOST_SEGMENT:
        raise ParameterError(
            name, f"{what} metadata has {len(body)} bytes, a JPEG segment holds {MOST_SEGMENT}; leave it out"
        )
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
