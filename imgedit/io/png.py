"""PNG (W3C PNG, third edition): our own walk over the chunks, then libpng through OpenCV; `png_strips` writes.

Only the chunks that make the picture reach the decoder: compressed text and profiles can't blow up there, and every
checksum was verified before.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from imgedit.errors import ImageTooLargeError, UnsupportedFormatError
from imgedit.io.codec import Header, Options, Request, damaged, widen
from imgedit.io.metadata import Metadata, exif_orientation, exif_resolution
from imgedit.io.png_strips import SIGNATURE, as_chunk, strips
from imgedit.pixels import Image, from_bgr, full_range, join_alpha

__all__ = ["SIGNATURE", "decode", "encode", "parts", "probe"]

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGBA: (8, 16)}
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
MOST_SIDE = 1_000_000  # libpng's own limit
MOST_PROFILE = 2**24  # the largest real ICC profiles have a few megabytes

XMP = b"XML:com.adobe.xmp"
INCHES_PER_METRE = 1 / 0.0254


@dataclass(frozen=True)
class Chunk:
    """One chunk: its four-letter kind, and where its body stands."""

    kind: bytes
    start: int
    length: int
    intact: bool


def _chunks(data: bytes, *, verify: bool = True) -> Iterator[Chunk]:
    """Walk over the chunks; the last one may reach beyond the data, which its `intact` tells, as a wrong checksum."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        whole = end + 4 <= len(data)
        if whole and verify:
            check = zlib.crc32(memoryview(data)[at + 4 : end])
            whole = check == int.from_bytes(data[end : end + 4], "big")
        yield Chunk(kind, at + 8, length, whole)
        if kind == b"IEND":
            return
        at = end + 4


def probe(data: bytes, name: str) -> Header:
    """Read the size, the colour type and the metadata; note damage in any chunk of the picture."""
    chunks = list(_chunks(data))
    if not chunks or chunks[0].kind != b"IHDR" or chunks[0].length != 13 or not chunks[0].intact:
        raise damaged(name, "the PNG has no intact header")
    width, height, bits, color, packing, filtering, _ = struct.unpack_from(">IIBBBBB", data, chunks[0].start)
    if color not in DEPTHS or bits not in DEPTHS[color] or packing or filtering:
        raise UnsupportedFormatError(name, f"is a PNG of colour type {color} with {bits} bits, which does not exist")
    if not width or not height:
        raise damaged(name, f"the PNG says that it is {width}x{height} pixels")
    if max(width, height) > MOST_SIDE:
        raise ImageTooLargeError(name, f"is {width}x{height} pixels; a side may have {MOST_SIDE}")
    clear = color in (GREY_ALPHA, RGBA) or any(chunk.kind == b"tRNS" for chunk in chunks)
    metadata = _metadata(data, chunks)
    return Header(
        width=width,
        height=height,
        channels=4 if clear else 1 if color == GREY else 3,
        dtype="uint16" if bits == 16 else "uint8",
        bits=bits,
        model={GREY: "grey", GREY_ALPHA: "grey", PALETTE: "palette"}.get(color, "rgb"),
        frames=_frames(data, chunks),
        orientation=exif_orientation(metadata.exif),
        metadata=metadata,
        damage=_damage(chunks),
    )


def _damage(chunks: list[Chunk]) -> str:
    if not any(chunk.kind == b"IDAT" for chunk in chunks):
        return "the PNG has no image data"
    for chunk in chunks:
        if not chunk.intact and (chunk.kind in PICTURE or chunk.kind in ANIMATION or chunk is chunks[-1]):
            return f"the PNG is cut short or damaged in chunk {chunk.kind.decode('latin-1')!r}"
    return "" if chunks[-1].kind == b"IEND" else "the PNG ends early"


def _frames(data: bytes, chunks: list[Chunk]) -> int:
    """Count what can be seen: the frames of an animation, and the still picture where it is not one of them."""
    control = next((chunk for chunk in chunks if chunk.kind == b"acTL" and chunk.intact and chunk.length >= 8), None)
    if control is None:
        return 1
    (count,) = struct.unpack_from(">I", data, control.start)
    kinds = [chunk.kind for chunk in chunks]
    still_apart = b"IDAT" in kinds and b"fcTL" not in kinds[: kinds.index(b"IDAT")]
    return max(1, int(count) + still_apart)


def _metadata(data: bytes, chunks: list[Chunk]) -> Metadata:
    exif = icc = xmp = resolution = None
    for chunk in chunks:
        if not chunk.intact:
            continue
        body = data[chunk.start : chunk.start + chunk.length]
        if chunk.kind == b"eXIf":
            exif = body.removeprefix(b"Exif\0\0")
        elif chunk.kind == b"iCCP":
            icc = _inflate(body.partition(b"\0")[2][1:], MOST_PROFILE)
        elif chunk.kind == b"iTXt" and body.startswith(XMP + b"\0"):
            xmp = _international_text(body)
        elif chunk.kind == b"pHYs" and len(body) == 9 and body[8] == 1:
            across, down = struct.unpack_from(">II", body)
            resolution = (across / INCHES_PER_METRE, down / INCHES_PER_METRE) if across and down else None
    return Metadata(exif, icc, xmp, resolution or exif_resolution(exif))


def _inflate(body: bytes, most: int) -> bytes | None:
    """Unpack at most so many bytes: a bomb or rubbish gives None."""
    unpacker = zlib.decompressobj()
    try:
        out = unpacker.decompress(body, most)
    except zlib.error:
        return None
    return out if unpacker.eof else None


def _international_text(body: bytes) -> bytes | None:
    _, _, rest = body.partition(b"\0")
    packed, (_, _, text) = rest[:1] == b"\1", rest[2:].partition(b"\0")
    text = text.partition(b"\0")[2]
    return _inflate(text, MOST_PROFILE) if packed else text


def decode(data: bytes, header: Header, request: Request) -> Image:
    """Decode to grey, RGB or RGBA in uint8 or uint16; a colour marked as clear becomes alpha."""
    if header.damage:
        request.damaged(header.damage)
    if request.frame:
        return _decode_frame(data, header, request)
    if header.damage:
        data = _mended(data, header, request.name)
    chunks = [chunk for chunk in _chunks(data, verify=False) if chunk.kind in PICTURE]
    kept = [data[chunk.start - 8 : chunk.start + chunk.length + 4] for chunk in chunks]
    pixels = _libpng(b"".join([SIGNATURE, *kept]), header)
    if pixels is None:
        raise damaged(request.name, "the PNG's image data can't be decoded")
    if header.channels == 4 and (pixels.ndim == 2 or pixels.shape[2] == 3):
        key = next(data[chunk.start : chunk.start + chunk.length] for chunk in chunks if chunk.kind == b"tRNS")
        return _clear_key(pixels, key, header.bits)
    return pixels


def _libpng(data: bytes, header: Header) -> Image | None:
    # Without alpha the decoder can give RGB at once; with it only the file's own channels, blue first, are whole.
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH if header.channels == 3 else cv2.IMREAD_UNCHANGED
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    if pixels is None or header.channels == 3:
        return pixels
    return from_bgr(pixels)


def _clear_key(pixels: Image, key: bytes, bits: int) -> Image:
    """Make alpha 0 where the pixel has exactly the colour that the file calls clear."""
    count = 1 if pixels.ndim == 2 else 3
    if len(key) < 2 * count:
        return join_alpha(pixels, np.full(pixels.shape[:2], int(full_range(pixels.dtype)), pixels.dtype))
    levels = np.frombuffer(key, ">u2", count).astype(np.uint16) & (2**bits - 1)
    same = pixels == (widen(levels, bits) if count == 3 else widen(levels, bits)[0])
    clear = same.all(axis=-1) if count == 3 else same
    white = int(full_range(pixels.dtype))
    return join_alpha(pixels, np.where(clear, 0, white).astype(pixels.dtype))


def _decode_frame(data: bytes, header: Header, request: Request) -> Image:
    from PIL import PngImagePlugin

    from imgedit.io import pillow

    if header.bits == 16 and header.model == "rgb":
        raise UnsupportedFormatError(request.name, "is a 16-bit animation; only its first frame can be decoded")
    wanted = PICTURE | ANIMATION
    parts = [data[c.start - 8 : c.start + c.length + 4] for c in _chunks(data, verify=False) if c.kind in wanted]
    with pillow.opened(
        PngImagePlugin.PngImageFile, b"".join([SIGNATURE, *parts]), request.name, (header.width, header.height)
    ) as picture:
        picture.seek(request.frame)
        pixels = np.array(picture.convert("RGBA"))
    return pixels if header.channels == 4 else pixels[..., :3]


def _mended(data: bytes, header: Header, name: str) -> bytes:
    """Unpack as much of the image data as can be, fill up with zeros, and wrap it as a whole PNG again."""
    chunks = list(_chunks(data))
    unpacker = zlib.decompressobj()
    raw = bytearray()
    size = _raw_size(data, chunks[0], header)
    for chunk in (chunk for chunk in chunks if chunk.kind == b"IDAT"):
        body = data[chunk.start : chunk.start + chunk.length]
        try:
            # Small bites: what stands before the first bad code is not lost with it.
            for at in range(0, len(body), 256):
                raw += unpacker.decompress(body[at : at + 256], max(1, size - len(raw)))
        except zlib.error:
            break
    if not raw:
        raise damaged(name, f"{header.damage}, and nothing of it can be decoded")
    raw = raw[:size] + bytes(size - len(raw))
    kept = [c for c in chunks if c.kind in (b"IHDR", b"PLTE", b"tRNS") and c.intact]
    parts = [data[c.start - 8 : c.start + c.length + 4] for c in kept]
    return b"".join([SIGNATURE, *parts, as_chunk(b"IDAT", zlib.compress(bytes(raw), 1)), as_chunk(b"IEND", b"")])


def _raw_size(data: bytes, head: Chunk, header: Header) -> int:
    """Bytes of the unpacked image data: each line with its filter byte, seven passes where interlaced."""
    color, interlaced = data[head.start + 9], data[head.start + 12]
    passes = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
    size = 0
    for left, step_x, top, step_y in passes if interlaced else ((0, 1, 0, 1),):
        width, height = -(-(header.width - left) // step_x), -(-(header.height - top) // step_y)
        if width > 0 and height > 0:
            size += height * (1 + (width * SAMPLES[color] * header.bits + 7) // 8)
    return size


def encode(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:
    """Encode uint8 or uint16 to a whole file."""
    return b"".join(parts(image, options, metadata, name))


def parts(image: Image, options: Options, metadata: Metadata, name: str) -> Iterator[bytes]:  # noqa: ARG001
    """Encode uint8 or uint16 piece by piece; `compression` 0 to 9 is zlib's level."""
    return strips(image, options.compression, _metadata_chunks(metadata))


def _metadata_chunks(metadata: Metadata) -> Iterator[bytes]:
    if metadata.icc:
        yield as_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))
    if metadata.resolution:
        across, down = (min(2**31 - 1, max(1, round(x * INCHES_PER_METRE))) for x in metadata.resolution)
        yield as_chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if metadata.exif:
        yield as_chunk(b"eXIf", metadata.exif)
    if metadata.xmp:
        yield as_chunk(b"iTXt", XMP + b"\0\0\0\0\0" + metadata.xmp)
