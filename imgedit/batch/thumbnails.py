"""Small pictures of photos and results for the report of a run: drawn by the workers, kept by the parent.

They are drawn from pixels that a worker has in its hands anyway, since opening 2,000 photos again at the end of a run
would take as long as a run. They lie one behind the other in one file, because a million small files would cost more
than the pictures; a row of the manifest says where its own are.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from imgedit.errors import BatchError
from imgedit.geometry import resize
from imgedit.io import encode
from imgedit.pixels import Image, as_float, split_alpha, to_uint8

__all__ = ["MOST_PICTURED", "NO_PLACE", "Album", "Place", "Sketch"]

Place = Sequence[int]
"""Where the pictures of a row lie: offset, bytes of the first, bytes of the second, CRC-32 of both; or empty."""

NO_PLACE: Place = ()

MOST_PICTURED = 20_000
"""Files of a plan that are shown with pictures: ten pages, 160 MB."""

ALBUM = "thumbnails.bin"

# Longest side in pixels, and JPEG quality: 2 to 5 KB a picture.
SIDE, QUALITY = 160, 60

# Rows of the photo that count for one row of a picture; more would take longer and look the same.
ROWS = 3

# Side of a square in the pattern that shows what is transparent, and its two greys.
SQUARE, LIGHT, DARK = 8, 0.85, 0.65


class Sketch:
    """Draw small pictures of what a worker sees: first the photo, then the result.

    It is called with each image; `pictures` has what came of them.
    """

    def __init__(self) -> None:
        self._drawn: list[bytes] = []

    def __call__(self, image: Image) -> None:
        """Draw an image.

        Parameters
        ----------
        image : ndarray
            HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
        """
        self._drawn.append(encode(_shown(_shrunk(image)), "jpeg", quality=QUALITY, subsampling="420"))

    @property
    def pictures(self) -> tuple[bytes, bytes]:
        """JPEGs of photo and result; empty where there was none."""
        first, second, *_ = *self._drawn, b"", b""
        return first, second


def _shrunk(image: Image) -> Image:
    """Take means over whole blocks of pixels, which is fast, and of some rows only."""
    height, width = image.shape[:2]
    block = -(-max(height, width) // SIDE)
    tall, wide = min(block, height), min(block, width)
    down, across, step = height // tall, width // wide, max(1, tall // ROWS)
    blocks = image[: down * tall, : across * wide].reshape(down, tall, across * wide, *image.shape[2:])
    rows = blocks[:, : tall // step * step : step].reshape(-1, *blocks.shape[2:])
    if rows.dtype == np.float32:  # which may hold anything
        rows = np.clip(np.nan_to_num(rows, nan=0.0), 0, 1)
    return resize(rows, (down, across), filter="area")


def _shown(image: Image) -> Image:
    """Give 8 bits without transparency: a pattern of squares shines through."""
    color, alpha = split_alpha(image)
    if alpha is None:
        return to_uint8(image)
    y, x = np.indices(alpha.shape) // SQUARE
    ground = np.where((x + y) % 2, DARK, LIGHT).astype(np.float32)[..., None]
    return to_uint8(ground + (as_float(color) - ground) * as_float(alpha)[..., None])


class Album:
    """The file of all small pictures of an output.

    Parameters
    ----------
    folder : Path
        The state folder of the output.
    fresh : bool
        Begin a new one. Rows that were kept before have no pictures then.

    Raises
    ------
    BatchError
        It can't be written.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        try:
            self._file: IO[bytes] = open(folder / ALBUM, "wb" if fresh else "ab")  # noqa: SIM115 - closed with the album
            self._place = self._file.seek(0, os.SEEK_END)
        except OSError as failure:
            raise _unwritable(failure) from failure

    def keep(self, pictures: tuple[bytes, bytes]) -> Place:
        """Put the pictures of a file in.

        Parameters
        ----------
        pictures : tuple of bytes
            Those of photo and result; empty where there is none.

        Returns
        -------
        tuple of int
            Where they lie.
        """
        both = b"".join(pictures)
        if not both:
            return NO_PLACE
        try:
            self._file.write(both)
        except OSError as failure:
            raise _unwritable(failure) from failure
        place, self._place = self._place, self._place + len(both)
        return place, len(pictures[0]), len(pictures[1]), zlib.crc32(both)

    def __enter__(self) -> Album:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as failure:
            raise _unwritable(failure) from failure

    @staticmethod
    def look_up(file: IO[bytes] | None, place: Place) -> tuple[bytes, bytes]:
        """Find the pictures of a row.

        Parameters
        ----------
        file : file
            The open album; None where there is none.
        place : sequence of int
            Where they lie.

        Returns
        -------
        tuple of bytes
            Those of photo and result; empty where there is none, or where another album took the place of theirs.
        """
        if file is None or len(place) != 4:
            return b"", b""
        offset, first, second, checksum = place
        file.seek(offset)
        both = file.read(first + second)
        if len(both) != first + second or zlib.crc32(both) != checksum:
            return b"", b""
        return both[:first], both[first:]

    @staticmethod
    def open(folder: Path) -> IO[bytes] | None:
        """Open the album of an output for `look_up`.

        Parameters
        ----------
        folder : Path
            The state folder of the output.

        Returns
        -------
        file
            None where no run has made one.
        """
        try:
            return open(folder / ALBUM, "rb")
        except FileNotFoundError:
            return None


def _unwritable(failure: OSError) -> BatchError:
    return BatchError(f"the thumbnails can't be written: {failure}")
