"""GIF (GIF89a): our own walk over the blocks, Pillow's decoder and quantiser."""

from __future__ import annotations

import io
import struct

import numpy as np

from imgedit.errors import AlphaLossError
from imgedit.io import pillow
from imgedit.io.codec import Header, Options, Request, damaged
from imgedit.io.metadata import Metadata
from imgedit.pixels import Image

__all__ = ["decode", "encode", "probe"]


def probe(data: bytes, name: str) -> Header:
    """Read the canvas, count the frames, and see whether any of them has a clear colour."""
    if len(data) < 13:
        raise damaged(name, "the GIF ends inside its header")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    frames, clear, ended = 0, False, False
    while at < len(data):
        kind = data[at]
        if kind == 0x3B:
            ended = True
            break
        if kind == 0x21 and at + 2 < len(data):
            clear |= data[at + 1] == 0xF9 and at + 3 < len(data) and bool(data[at + 3] & 1)
            at = _skip_blocks(data, at + 2)
        elif kind == 0x2C and at + 10 <= len(data):
            left, top, across, down, local = struct.unpack_from("<HHHHB", data, at + 1)
            width, height = max(width, left + across), max(height, top + down)
            frames += 1
            at = _skip_blocks(data, at + 11 + (3 << (local & 7) + 1 if local & 0x80 else 0))
        else:
            break
    if not frames or not width or not height:
        raise damaged(name, "the GIF holds no picture")
    return Header(
        width=width,
        height=height,
        channels=4 if clear else 3,
        model="palette",
        frames=frames,
        damage="" if ended else "the GIF ends early",
    )


def _skip_blocks(data: bytes, at: int) -> int:
    """Step over data blocks, each of which starts with its length; an empty one ends them."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


def decode(data: bytes, header: Header, request: Request) -> Image:
    """Decode one frame, as it is seen, to RGB or RGBA."""
    from PIL import GifImagePlugin

    if header.damage:
        request.damaged(header.damage)
    with pillow.opened(GifImagePlugin.GifImageFile, data, request.name, (header.width, header.height)) as picture:
        if request.frame:
            picture.seek(request.frame)
        return np.array(picture.convert("RGBA" if header.channels == 4 else "RGB"))


def encode(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:  # noqa: ARG001
    """Encode uint8: exactly where 256 colours are enough, else with the 256 that fit best (median cut, no dither)."""
    import PIL.Image

    clear = None
    if image.ndim == 3 and image.shape[2] == 4:
        if np.any((image[..., 3] != 0) & (image[..., 3] != 255)):
            raise AlphaLossError(
                name, "GIF holds no half-transparent pixels; lay the image on a colour, or cut alpha at half"
            )
        clear, image = image[..., 3] == 0, image[..., :3]
    table, index = _palette(image, clear)
    picture = PIL.Image.fromarray(index)
    picture.putpalette(table.tobytes())
    out = io.BytesIO()
    settings = {} if clear is None or not clear.any() else {"transparency": len(table) - 1}
    picture.save(out, "GIF", optimize=False, **settings)
    return out.getvalue()


def _palette(image: Image, clear: Image | None) -> tuple[Image, Image]:
    """Choose at most 256 colours (the last one for clear pixels) and give each pixel its number."""
    import PIL.Image

    color = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    hidden = clear is not None and bool(clear.any())
    room = 255 if hidden else 256
    packed = color.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    seen = packed[~clear] if clear is not None and hidden else packed
    colors = np.unique(seen)
    if len(colors) <= room:
        index = np.minimum(np.searchsorted(colors, packed), max(0, len(colors) - 1)).astype(np.uint8)
        table = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=-1).astype(np.uint8)
    else:
        few = PIL.Image.fromarray(np.ascontiguousarray(color)).quantize(room, dither=PIL.Image.Dither.NONE)
        index = np.array(few)
        table = np.array(few.getpalette(), np.uint8).reshape(-1, 3)[:room]
    if clear is not None and hidden:
        index = np.where(clear, len(table), index).astype(np.uint8)
        table = np.concatenate([table, np.zeros((1, 3), np.uint8)])
    return table, index
