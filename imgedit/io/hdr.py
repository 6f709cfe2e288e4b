"""Radiance HDR (RGBE, Ward 1991): float32 RGB through OpenCV."""

from __future__ import annotations

import re

import cv2
import numpy as np

from imgedit.errors import BitDepthError, UnsupportedFormatError
from imgedit.io.codec import Header, Options, Request, damaged
from imgedit.io.metadata import Metadata
from imgedit.pixels import Image, from_bgr, to_bgr

__all__ = ["decode", "encode", "probe"]

SIZE = re.compile(rb"\n\n([-+][XY]) (\d{1,9}) ([-+][XY]) (\d{1,9})\n")

# Each line of the packed form starts with four bytes, and packs at most 127 equal samples into two, for four planes.
LEAST_BYTES_A_LINE = 4


def probe(data: bytes, name: str) -> Header:
    """Read the size line behind the header."""
    found = SIZE.search(data, 0, 65536)
    if found is None:
        raise damaged(name, "the HDR has no size line")
    if (found[1], found[3]) != (b"-Y", b"+X"):
        raise UnsupportedFormatError(name, f"stores its rows as {found[0].strip().decode()}; only -Y +X is read")
    if b"\nFORMAT=32-bit_rle_rgbe\n" not in data[: found.start() + 1]:
        raise UnsupportedFormatError(name, "is an HDR that does not say that it holds RGBE; only that is read")
    height, width = int(found[2]), int(found[4])
    if not height or not width:
        raise damaged(name, f"the HDR says that it is {width}x{height} pixels")
    short = len(data) - found.end() < height * LEAST_BYTES_A_LINE
    damage = "the HDR ends early" if short else ""
    return Header(width=width, height=height, channels=3, dtype="float32", bits=32, damage=damage)


def decode(data: bytes, header: Header, request: Request) -> Image:
    """Decode to float32 RGB, white nominally at 1."""
    if header.damage:
        raise damaged(request.name, header.damage)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise damaged(request.name, "the HDR can't be decoded")
    return from_bgr(pixels)


def encode(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:  # noqa: ARG001
    """Encode float32; grey becomes RGB. Three samples share an exponent, so that 8 bits of each are kept."""
    if not (np.isfinite(image).all() and image.min() >= 0):
        raise BitDepthError(
            name, "HDR holds no negative or infinite light and no NaN; clip it: np.clip(image, 0, None)"
        )
    color = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    return bytes(cv2.imencode(".hdr", to_bgr(color))[1])
