"""Pillow for the formats that it decodes best, without its limits, its warnings or its global switches.

A plugin class is opened directly: ``PIL.Image.open`` would try all plugins, and would warn or raise by its own pixel
limit. Ours was checked before.
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from imgedit.errors import ImageTooLargeError, UnsupportedFormatError
from imgedit.io.codec import damaged
from imgedit.pixels import Image

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageFile

__all__ = ["allot", "channels_of", "opened", "to_array"]

# What Pillow's plugins are known to raise for broken files; MemoryError and signals are not among them.
FAILURES = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, RuntimeError, ArithmeticError, struct.error,
)  # fmt: skip


@contextlib.contextmanager
def opened(
    plugin: Callable[[Any], PIL.ImageFile.ImageFile], data: bytes, name: str, size: tuple[int, int] | None = None
) -> Iterator[PIL.ImageFile.ImageFile]:
    """Open bytes with one plugin; whatever it raises inside becomes the error for a damaged image.

    `size` is what the limits were checked for: files that tell their size twice can tell the plugin a larger one.
    """
    from PIL.Image import DecompressionBombError

    try:
        with plugin(io.BytesIO(data)) as picture:
            if size is not None and (picture.width > size[0] or picture.height > size[1]):
                raise damaged(name, f"tells two sizes, {size[0]}x{size[1]} and {picture.width}x{picture.height}")
            yield picture
    except DecompressionBombError as failure:
        # A few plugins ask again inside; twice Pillow's limit is far above ours unless the caller raised it.
        raise ImageTooLargeError(name, f"is larger than Pillow decodes ({failure})") from failure
    except NotImplementedError as failure:
        raise UnsupportedFormatError(name, f"is of a kind that can't be decoded ({failure})") from failure
    except FAILURES as failure:
        if type(failure).__module__.startswith("imgedit"):
            raise
        raise damaged(name, f"can't be decoded ({failure})") from failure


def allot(picture: PIL.ImageFile.ImageFile) -> None:
    """Give a picture its memory before it loads: the TIFF plugin asks Pillow's own limit only when it has to."""
    import PIL.Image

    picture.im = PIL.Image.new(picture.mode, picture.size).im


def channels_of(picture: PIL.Image.Image) -> int:
    """Say how many channels the image will have: 1, 3 or 4."""
    if picture.has_transparency_data:
        return 4
    return 1 if picture.mode in ("1", "L", "I;16", "I;16B", "I", "F") else 3


def to_array(picture: PIL.Image.Image) -> Image:
    """Take the pixels of a decoded picture: grey, RGB or RGBA, palette and transparency resolved."""
    channels = channels_of(picture)
    if channels == 1:
        if picture.mode == "1":
            picture = picture.convert("L")
        return np.array(picture)
    mode = "RGBA" if channels == 4 else "RGB"
    return np.array(picture if picture.mode == mode else picture.convert(mode))
