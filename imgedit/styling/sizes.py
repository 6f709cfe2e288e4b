"""The size at which a style net works, and the way back to the photo's.

Nets with instance normalisation measure the whole picture: cut into tiles, each would be normalised by itself, and the
tiles would not match. So such a net sees the picture whole, at a coarser size where it is too large. What it painted is
enlarged, and the photo's fine detail that the coarse size has lost is added in the painting's own colours: where a
small neighbourhood of the painting is a linear function of the photo there, as in a guided filter (K. He, J. Sun, "Fast
guided filter", 2015, arXiv:1505.00996), that function is what turns the detail. Strokes stay those of the painting.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.geometry import resize

__all__ = ["Floats", "expanded", "fitting", "shrunk"]

Floats: TypeAlias = NDArray[np.float32]

# Radius, in pixels of the painting, in which it is taken as a linear function of the photo.
RADIUS = 2

# Variance of the photo's colours below which they say little about the painting. Tried at x2 and x6: at a tenth of it
# strokes get sparks and halos.
NOISE = 4e-3


def fitting(size: tuple[int, int], *, pixels: int | None = None, side: int | None = None) -> tuple[int, int]:
    """Give the largest size of the same shape within a limit.

    Parameters
    ----------
    size : tuple of int
        Height and width.
    pixels, side : int, optional
        Most pixels, longest side.

    Returns
    -------
    tuple of int
        Height and width, never larger than `size`.
    """
    factor = 1.0
    if pixels is not None:
        factor = min(factor, (pixels / (size[0] * size[1])) ** 0.5)
    if side is not None:
        factor = min(factor, side / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def shrunk(picture: Floats, size: tuple[int, int]) -> Floats:
    """Bring a picture to a size.

    Parameters
    ----------
    picture : ndarray of float32
        HxWx3.
    size : tuple of int
        Height and width.

    Returns
    -------
    ndarray of float32
        The picture itself where it has that size already.
    """
    return picture if picture.shape[:2] == size else resize(picture, size)


def expanded(painting: Floats, small: Floats, photo: Floats) -> Floats:
    """Bring a painting to the size of the photo, with the photo's edges.

    Parameters
    ----------
    painting, small : ndarray of float32
        hxwx3; what was painted of the shrunk photo, and that photo.
    photo : ndarray of float32
        HxWx3.

    Returns
    -------
    ndarray of float32
        HxWx3.
    """
    if painting.shape == photo.shape:
        return painting
    slopes = _slopes(small, painting)
    size = photo.shape[1::-1]
    detail = photo - cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    out = cv2.resize(painting, size, interpolation=cv2.INTER_CUBIC)
    for channel in range(3):
        share = cv2.resize(np.ascontiguousarray(slopes[..., channel]), size, interpolation=cv2.INTER_LINEAR)
        out += share * detail[..., channel : channel + 1]
    return np.asarray(out, np.float32)


def _slopes(guide: Floats, values: Floats) -> Floats:
    """Fit ``values = slopes @ guide + offset`` in each neighbourhood: the paper's equation 5, in colour; HxWx3x3."""
    mean, target = _mean(guide), _mean(values)
    spread = np.empty((*guide.shape[:2], 3, 3), np.float32)
    cross = np.empty((*guide.shape[:2], 3, 3), np.float32)
    for i in range(3):
        products = _mean(guide[..., i : i + 1] * np.concatenate([guide, values], axis=2))
        spread[..., i, :] = products[..., :3] - mean[..., i : i + 1] * mean
        cross[..., i, :] = products[..., 3:] - mean[..., i : i + 1] * target
    slopes = np.linalg.solve(spread + NOISE * np.eye(3, dtype=np.float32), cross).swapaxes(-1, -2)
    # Each pixel lies in many neighbourhoods: the mean of their slopes.
    return _mean(slopes.reshape(*guide.shape[:2], 9)).reshape(slopes.shape)


def _mean(planes: Floats) -> Floats:
    side = 2 * RADIUS + 1
    parts = [cv2.blur(np.ascontiguousarray(planes[..., i : i + 3]), (side, side)) for i in range(0, planes.shape[2], 3)]
    return np.concatenate(parts, axis=2)
