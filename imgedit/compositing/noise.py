"""Seeded noise that does not depend on how an image is cut into strips: white for dissolve, blue for dither.

Blue noise has no low frequencies, so that what it dithers looks smooth. The tile is made by void and cluster: pixels
of a pattern are ranked by taking away the one in the tightest cluster, or filling the largest void, over and over.

References
----------
Ulichney, R. (1993). The void-and-cluster method for dither array generation. Proc. SPIE 1913, 332-343.
doi:10.1117/12.152707
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["blue_tile", "dither_noise", "white_noise"]

# A side that tiles without a visible period, and ranks for 4096 levels between two steps of the result.
SIDE = 64

# Width of the Gaussian that measures how crowded a pixel is, in pixels (Ulichney's choice).
SIGMA = 1.5


def white_noise(seed: int, top: int, bottom: int, left: int, right: int) -> NDArray[np.float32]:
    """Give uniform noise for a part of a canvas.

    Parameters
    ----------
    seed : int
        At least 0; equal seeds give equal noise.
    top, bottom, left, right : int
        The part, in pixels of the canvas, none negative.

    Returns
    -------
    ndarray of float32
        (bottom - top, right - left), in [0, 1).
    """
    rows = [np.random.default_rng((seed, y)).random(right, np.float32)[left:] for y in range(top, bottom)]
    return np.stack(rows)


def dither_noise(seed: int, planes: int, top: int, bottom: int, left: int, right: int) -> NDArray[np.float32]:
    """Give blue noise for a part of a canvas.

    Parameters
    ----------
    seed : int
        At least 0; shifts the tile.
    planes : int
        Number of planes, each with the tile shifted differently.
    top, bottom, left, right : int
        The part, in pixels of the canvas.

    Returns
    -------
    ndarray of float32
        (planes, bottom - top, right - left), in (0, 1).
    """
    tile = blue_tile()
    shifts = np.random.default_rng(seed).integers(0, SIDE, (planes, 2))
    y, x = np.arange(top, bottom), np.arange(left, right)
    return np.stack([tile[np.ix_((y + dy) % SIDE, (x + dx) % SIDE)] for dy, dx in shifts])


@functools.cache
def blue_tile() -> NDArray[np.float32]:
    """Make the tile: 64x64 ranks of void and cluster as fractions in (0, 1), each once.

    Returns
    -------
    ndarray of float32
        (64, 64); do not write to it.
    """
    pixels = SIDE * SIDE
    bell = _bell()
    ranks = np.empty(pixels, np.int64)
    pattern = np.zeros(pixels, bool)
    pattern[np.random.default_rng(0).choice(pixels, pixels // 10, replace=False)] = True
    crowd = sum((_around(bell, at) for at in np.flatnonzero(pattern)), np.zeros(pixels))
    while True:  # even the pattern out: move the most crowded pixel to the largest void, until that is where it was
        cluster = _flip(pattern, crowd, bell, full=True)
        void = _flip(pattern, crowd, bell, full=False)
        if cluster == void:
            break
    first = int(pattern.sum())
    start = pattern.copy(), crowd.copy()
    for rank in range(first - 1, -1, -1):
        ranks[_flip(pattern, crowd, bell, full=True)] = rank
    pattern, crowd = start
    for rank in range(first, pixels):
        ranks[_flip(pattern, crowd, bell, full=False)] = rank
    tile = ((ranks + 0.5) / pixels).astype(np.float32).reshape(SIDE, SIDE)
    tile.flags.writeable = False
    return tile


def _bell() -> NDArray[np.float64]:
    distance = np.minimum(np.arange(SIDE), SIDE - np.arange(SIDE))  # on a torus, so that the tile tiles
    row = np.exp(-(distance**2) / (2 * SIGMA**2))
    return row[:, None] * row


def _around(bell: NDArray[np.float64], at: Any) -> NDArray[np.float64]:
    """How much a pixel adds to the crowd at each pixel."""
    return np.roll(bell, divmod(int(at), SIDE), (0, 1)).ravel()


def _flip(pattern: NDArray[np.bool_], crowd: NDArray[np.float64], bell: NDArray[np.float64], *, full: bool) -> int:
    """Clear the pixel in the tightest cluster (full), or set the one in the largest void."""
    at = int(np.where(pattern, crowd, -np.inf).argmax() if full else np.where(pattern, np.inf, crowd).argmin())
    pattern[at] = not full
    crowd += -_around(bell, at) if full else _around(bell, at)
    return at
