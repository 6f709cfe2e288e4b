"""PBM, PGM, PPM, PAM and PFM: simple enough to be read and written here, exactly, at any depth.

Netpbm's definitions of the formats; PFM is Debevec's, rows from the bottom up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from imgedit.errors import BitDepthError, ChannelError, ReadError, UnsupportedFormatError
from imgedit.io.codec import Header, Options, Request, damaged, spread
from imgedit.io.metadata import Metadata
from imgedit.pixels import Image, full_range

__all__ = ["decode", "encode", "encode_pam", "encode_pfm", "probe"]

TOKEN = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*([^\s#]+)")
PAM_LINE = re.compile(rb"\s*(?:#[^\n]*\n\s*)*(\w+)[ \t]*([^\n]*)\n?")


@dataclass(frozen=True)
class Layout:
    """How the samples are stored."""

    kind: bytes
    width: int
    height: int
    samples: int
    white: float
    start: int

    @property
    def bits(self) -> int:
        """Bits of one sample that carry something."""
        return 32 if self.kind in (b"Pf", b"PF") else int(self.white).bit_length()

    @property
    def size(self) -> int:
        """Bytes of the samples, or the fewest that text can take."""
        if self.kind == b"P4":
            return (self.width + 7) // 8 * self.height
        count = self.width * self.height * self.samples
        if self.kind in (b"P1", b"P2", b"P3"):
            return count if self.kind == b"P1" else 2 * count - 1
        return count * (4 if self.bits == 32 else 2 if self.white > 255 else 1)


def _layout(data: bytes, name: str) -> Layout:
    kind = data[:2]
    try:
        if kind == b"P7":
            return _pam_layout(data)
        at, words = 2, []
        for _ in range(2 if kind in (b"P1", b"P4") else 3):
            found = TOKEN.match(data, at)
            if found is None or len(found[1]) > 32:
                raise ValueError("a number is missing")
            words.append(found[1])
            at = found.end()
    except ValueError as failure:
        raise damaged(name, f"the header is broken ({failure})") from failure
    try:
        width, height = int(words[0]), int(words[1])
        white = float(words[2]) if kind in (b"Pf", b"PF") else int(words[2]) if len(words) == 3 else 1
    except ValueError as failure:
        raise damaged(name, f"the header is broken ({failure})") from failure
    samples = 3 if kind in (b"P3", b"P6", b"PF") else 1
    return Layout(kind, width, height, samples, white, at + 1)


def _pam_layout(data: bytes) -> Layout:
    at = 2
    said: dict[bytes, bytes] = {}
    while found := PAM_LINE.match(data, at):
        at = found.end()
        if found[1] == b"ENDHDR":
            width, height, samples, white = (int(said[key]) for key in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
            return Layout(b"P7", width, height, samples, white, at)
        if len(said) > 16:
            break
        if found[1] not in said or found[1] != b"TUPLTYPE":
            said[found[1]] = found[2].strip()
    raise ValueError("ENDHDR is missing")


def probe(data: bytes, name: str) -> Header:
    """Read the header, and check that the samples can be there."""
    try:
        layout = _layout(data, name)
    except KeyError as missing:
        raise damaged(name, f"the header lacks {missing}") from missing
    if layout.width <= 0 or layout.height <= 0:
        raise damaged(name, f"the header says {layout.width}x{layout.height} pixels")
    if layout.bits > 16 and layout.kind not in (b"Pf", b"PF"):
        raise UnsupportedFormatError(name, f"has samples up to {layout.white:.0f}; 65535 is the most")
    if layout.white == 0 or (layout.white < 0 and layout.kind not in (b"Pf", b"PF")):
        raise damaged(name, f"the header says that white is {layout.white:g}")
    if layout.samples not in (1, 2, 3, 4):
        raise UnsupportedFormatError(name, f"has {layout.samples} channels; 1 to 4 are read")
    return Header(
        width=layout.width,
        height=layout.height,
        channels=4 if layout.samples == 2 else layout.samples,
        dtype="float32" if layout.bits == 32 else "uint16" if layout.bits > 8 else "uint8",
        bits=layout.bits,
        model="grey" if layout.samples <= 2 else "rgb",
        damage="the samples end early" if layout.start + layout.size > len(data) else "",
    )


def decode(data: bytes, header: Header, request: Request) -> Image:
    """Decode to grey, RGB or RGBA; white of the file becomes white."""
    layout = _layout(data, request.name)
    if header.damage:
        request.damaged(header.damage)
    shape = (layout.height, layout.width, layout.samples)
    if layout.kind in (b"P1", b"P2", b"P3"):
        values = _text_samples(data, layout, request).reshape(shape)
    else:
        body = np.frombuffer(data, np.uint8, offset=min(layout.start, len(data)))[: layout.size]
        if len(body) < layout.size:
            body = np.concatenate([body, np.zeros(layout.size - len(body), np.uint8)])
        if layout.kind == b"P4":
            bits = np.unpackbits(body.reshape(layout.height, -1), axis=1)[:, : layout.width]
            values = (1 - bits).reshape(shape)
        elif header.dtype == "float32":
            order = "<f4" if layout.white < 0 else ">f4"
            values = body.view(order).reshape(shape)[::-1].astype(np.float32)
        else:
            values = body.view(">u2" if layout.white > 255 else np.uint8).reshape(shape)
    pixels = values if header.dtype == "float32" else spread(values, int(layout.white), np.dtype(header.dtype))
    if layout.samples == 2:
        pixels = pixels[..., [0, 0, 0, 1]]
    return np.ascontiguousarray(pixels[..., 0] if layout.samples == 1 else pixels)


def _text_samples(data: bytes, layout: Layout, request: Request) -> Image:
    text = re.sub(rb"#[^\n\r]*", b"", data[layout.start - 1 :])
    count = layout.width * layout.height * layout.samples
    if layout.kind == b"P1":
        digits = np.frombuffer(re.sub(rb"\s+", b"", text), np.uint8)[:count]
        values = np.where(digits == ord("1"), 0, 1).astype(np.uint16)
    else:
        try:
            values = np.array(text.split(None, count)[:count], dtype=bytes).astype(np.uint32)
        except ValueError as failure:
            raise damaged(request.name, "a sample is not a number") from failure
        if values.size and values.max() > layout.white:
            raise ReadError(request.name, f"has a sample of {values.max()}, above its white of {layout.white:.0f}")
    if len(values) < count:
        request.damaged("the samples end early")
        values = np.concatenate([values, np.zeros(count - len(values), values.dtype)])
    return values


def encode(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:  # noqa: ARG001
    """Encode as PGM or PPM by the channels; a name that ends in .ppm gets equal colours for grey."""
    suffix = name.lower().rpartition(".")[2]
    if suffix == "pbm":
        raise BitDepthError(name, "PBM holds black and white only; write PGM or PNG")
    if suffix == "pgm" and image.ndim == 3:
        raise ChannelError(
            name, "PGM holds grey only; write PPM, or make the image grey with ie.convert(image, channels='grey')"
        )
    if suffix == "ppm" and image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    head = f"{'P5' if image.ndim == 2 else 'P6'}\n{image.shape[1]} {image.shape[0]}\n{int(full_range(image.dtype))}\n"
    return head.encode() + _big_endian(image)


def encode_pam(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:  # noqa: ARG001
    """Encode as PAM: grey, RGB or RGBA."""
    height, width = image.shape[:2]
    kind, depth = {2: ("GRAYSCALE", 1)}.get(image.ndim) or {3: ("RGB", 3), 4: ("RGB_ALPHA", 4)}[image.shape[2]]
    white = int(full_range(image.dtype))
    head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL {white}\nTUPLTYPE {kind}\nENDHDR\n"
    return head.encode() + _big_endian(image)


def _big_endian(image: Image) -> bytes:
    return image.astype(image.dtype.newbyteorder(">"), copy=False).tobytes()


def encode_pfm(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:  # noqa: ARG001
    """Encode float32 as PFM, rows from the bottom up, little-endian (which the negative scale says)."""
    head = f"{'Pf' if image.ndim == 2 else 'PF'}\n{image.shape[1]} {image.shape[0]}\n-1.0\n"
    return head.encode() + image[::-1].astype("<f4", copy=False).tobytes()
