"""What a file format must bring: how it is known, probed, decoded and encoded. One module a format, one row a table.

``probe`` reads sizes and colour model from the header and allocates nothing that grows with them; ``decode`` is called
only after the limits were checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ParameterError, TruncatedImageError
from imgedit.io.metadata import Metadata
from imgedit.pixels import Image, full_range

__all__ = ["Codec", "Header", "Options", "Request", "check_number_option", "damaged", "spread", "widen"]


@dataclass(frozen=True)
class Header:
    """What the header of a file says, and what decoding will give.

    `width` and `height` are as stored, before `orientation` (EXIF, 1 to 8) is applied. `channels` and `dtype` are those
    of the image that comes out; `bits` and `model` those of the file.
    """

    width: int
    height: int
    channels: int
    dtype: str = "uint8"
    bits: int = 8
    model: str = "rgb"
    frames: int = 1
    orientation: int = 1
    metadata: Metadata = field(default_factory=Metadata)
    damage: str = ""


@dataclass(frozen=True)
class Request:
    """How to decode: which frame, how much smaller, how forgiving; `name` is for messages."""

    name: str
    frame: int = 0
    reduce: int = 1
    strict: bool = False
    keep: bool = False
    kept: list[str] = field(default_factory=list)

    def damaged(self, problem: str) -> None:
        """Raise for damage, or note it where what can be decoded is wanted nevertheless."""
        if not self.keep:
            raise damaged(self.name, problem)
        self.kept.append(problem)


@dataclass(frozen=True)
class Options:
    """How to encode; None leaves the choice to the format."""

    quality: int | None = None
    compression: int | None = None
    lossless: bool | None = None
    subsampling: str | None = None
    progressive: bool | None = None


@dataclass(frozen=True)
class Codec:
    """One file format: what it is called, what it can hold, and the functions that do the work.

    `parts` is there where a file can be written piece by piece; together they are what `encode` gives. `probe_page` is
    there where pages may differ from the first one, which `probe` describes.
    """

    name: str
    suffixes: tuple[str, ...]
    probe: Callable[[bytes, str], Header]
    decode: Callable[[bytes, Header, Request], Image]
    encode: Callable[[Image, Options, Metadata, str], bytes]
    parts: Callable[[Image, Options, Metadata, str], Iterable[bytes]] | None = None
    dtypes: tuple[str, ...] = ("uint8",)
    alpha: bool = False
    metadata: tuple[str, ...] = ()
    probe_page: Callable[[bytes, str, int], Header] | None = None
    options: tuple[str, ...] = ()
    most_side: int = 2**31 - 1


def damaged(name: str, problem: str) -> TruncatedImageError:
    """Make the error for an image that ends early or is damaged."""
    return TruncatedImageError(name, f"{problem}; on_damaged='keep' gives what can be decoded")


def widen(values: NDArray[Any], bits: int) -> Image:
    """Spread unsigned values of 1 to 16 bits over the full range of uint8 or uint16, white to white.

    Parameters
    ----------
    values : ndarray of uint8 or uint16
        At most ``2**bits - 1``.
    bits : int
        Depth of the file.

    Returns
    -------
    ndarray
        uint8 up to 8 bits, uint16 beyond; rounded to the nearest level.
    """
    dtype = np.dtype(np.uint8 if bits <= 8 else np.uint16)
    if bits in (8, 16):
        return values.astype(dtype, copy=False)
    return spread(values, 2**bits - 1, dtype)


def spread(values: NDArray[Any], white: int, dtype: np.dtype[Any]) -> Image:
    """Bring 0 to `white` to the full range of an integer dtype by a table, rounded to the nearest level."""
    full = int(full_range(dtype))
    table = (np.arange(white + 1, dtype=np.int64) * (2 * full) + white) // (2 * white)
    return np.asarray(table.astype(dtype)[np.minimum(values, white)])


def check_number_option(name: str, format_name: str, value: object, argument: str, least: int, most: int) -> None:
    """Refuse an encoder's number that is not whole or out of range."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
        raise ParameterError(name, f"{argument} is {value!r}; {format_name} takes a whole number {least} to {most}")
