"""What effects do with a shape's rim: blur it, move it, and measure the distance to it.

References
----------
S. Gustavson and R. Strand, "Anti-aliased Euclidean distance transform", Pattern Recognition Letters 32 (2011),
doi:10.1016/j.patrec.2010.08.010
"""

from __future__ import annotations

import itertools
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["GAUSSIAN_REACH", "band", "moved", "signed_distance", "soften"]

Floats = NDArray[np.float32]

# A Gaussian is below half a level of 8 bit beyond this many sigma.
GAUSSIAN_REACH = 3.0


def soften(cover: Floats, size: float, spread: float, border: float) -> Floats:
    """Grow by one share of a size, blur by the rest.

    Parameters
    ----------
    cover : ndarray of float32
        (height, width), 0 to 1.
    size : float
        Pixels; a blur of size s has a sigma of s / 2.
    spread : float
        0 to 1, the share by which it grows.
    border : float
        Coverage beyond the array.

    Returns
    -------
    ndarray of float32
        (height, width); the same array where nothing is to be done.
    """
    if spread and size:
        cover = np.clip(spread * size - signed_distance(cover, spread * size, border) + 0.5, 0, 1)
    sigma = size * (1 - spread) / 2
    if sigma < 0.1:
        return cover
    half = int(np.ceil(GAUSSIAN_REACH * sigma))
    wide = cv2.copyMakeBorder(cover, half, half, half, half, cv2.BORDER_CONSTANT, value=[border])
    soft = cv2.GaussianBlur(wide, (2 * half + 1, 2 * half + 1), sigma)
    return np.asarray(soft[half:-half, half:-half], np.float32)


def moved(cover: Floats, offset: tuple[float, float], border: float) -> Floats:
    """Move by pixels and fractions of them.

    Parameters
    ----------
    cover : ndarray of float32
        (height, width), 0 to 1.
    offset : (float, float)
        To the right and down.
    border : float
        Coverage beyond the array.

    Returns
    -------
    ndarray of float32
        (height, width); the same array where nothing is to be done.
    """
    x, y = offset
    if not x and not y:
        return cover
    shift = np.array([[1, 0, x], [0, 1, y]], np.float64)
    size = cover.shape[::-1]
    return np.asarray(
        cv2.warpAffine(cover, shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=[border])
    )


def signed_distance(alpha: Floats, reach: float, border: float = 0.0) -> Floats:
    """Distance in pixels from each centre to the rim, negative inside; farther than `reach` it is only large.

    A pixel of coverage a says that the rim runs a - 1/2 outside of its centre, so that the distance of another is the
    least of |p - q| + 1/2 - a(q) over all q that have coverage, and likewise inside.

    Parameters
    ----------
    alpha : ndarray of float32
        (height, width), 0 to 1.
    reach : float
        Distance up to which the result counts, in pixels.
    border : float
        Coverage beyond the array.

    Returns
    -------
    ndarray of float32
        (height, width).
    """
    alpha = np.pad(alpha, 1, constant_values=border)
    partial = np.float32(0.5) - alpha
    outside = _to_nearest(alpha > 0, partial, reach)
    inside = _to_nearest(alpha < 1, -partial, reach)
    distance = np.where(alpha <= 0, outside, np.where(alpha >= 1, -inside, partial))
    return np.asarray(distance[1:-1, 1:-1], np.float32)


def _to_nearest(seeds: NDArray[np.bool_], rim: Floats, reach: float) -> Floats:
    """Least distance to a seed's rim, which lies `rim` beyond (or before) its centre."""
    out = np.full(rim.shape, 4 * sum(rim.shape), np.float32)
    if not seeds.any():
        return out
    rough, labels = cv2.distanceTransformWithLabels(
        (~seeds).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    # Each seed has a label of its own; `nearest` turns labels back into places.
    at = np.flatnonzero(seeds)
    owner = np.empty(len(at) + 1, np.int64)
    owner[labels[seeds]] = at
    nearest = owner[labels]
    # The transform is good to 2 %, rims lie up to half a pixel off their centres.
    y, x = np.nonzero((np.asarray(rough) <= 1.02 * reach + 2) & ~seeds)
    best = _length(nearest[y, x], y, x, rim)
    # The seed whose rim is nearest is not always the one that is nearest itself, but it is near some pixel around: ask
    # those that lie 4, 2 and 1 away, as jump flooding does.
    for step in (4, 2, 1, 1):
        for dy, dx in itertools.product((-step, 0, step), repeat=2):
            row = np.clip(y + dy, 0, rim.shape[0] - 1)
            column = np.clip(x + dx, 0, rim.shape[1] - 1)
            other = nearest[row, column]
            length = _length(other, y, x, rim)
            better = length < best
            best[better] = length[better]
            nearest[y[better], x[better]] = other[better]
    out[y, x] = best
    return out


def _length(seed: NDArray[Any], y: NDArray[Any], x: NDArray[Any], rim: Floats) -> Floats:
    row, column = np.divmod(seed, rim.shape[1])
    return np.asarray(np.hypot(y - row, x - column) + rim[row, column], np.float32)


def band(distance: Floats, low: float, high: float) -> Floats:
    """Coverage of a band of distances; the field has unit slope, so that a ramp of one pixel is the area.

    Parameters
    ----------
    distance : ndarray of float32
        (height, width) distance to the rim.
    low, high : float
        Limits of the band.

    Returns
    -------
    ndarray of float32
        (height, width), 0 to 1.
    """
    return np.asarray(np.clip(high - distance + 0.5, 0, 1) * np.clip(distance - low + 0.5, 0, 1), np.float32)
