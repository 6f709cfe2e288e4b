"""Telea's inpainting, by shells of equal distance rather than a pixel at a time.

A. Telea, "An image inpainting technique based on the fast marching method", Journal of Graphics Tools 9(1), 2004
(doi:10.1080/10867651.2004.10487596): from the hole's edge inwards each pixel p becomes the mean, over the known pixels
q in a disc around it, of I(q) + grad I(q) (p - q), weighted by direction, distance and level (equations 2 to 4).

Two things differ from the paper. All pixels of one distance shell are filled at once, from the shells before: pixels
of one shell hardly see each other in the paper's order either. And the gradient is not measured on pixels just filled,
which amplifies every error inwards: it is fitted once to the known pixels around the hole, kept where they really lie
on a plane, and carried inwards by the same weighted means, as far as neighbours agree on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.inpainting.regions import Flags, Floats
from imgedit.pixels import check_number
from imgedit.strips import Progress, Ticker

__all__ = ["fill_telea"]

# Pixels filled in one go: their neighbourhoods (some hundred numbers each) must fit the cache.
CHUNK = 4096

# Pixels clipped in one go: a twentieth of a second.
CLIPPED = 1_000_000

# Width of a shell in pixels. Half a pixel comes near the paper's order; below, shells only become more.
SHELL = 0.5

# The direction term vanishes across the normal; this keeps a pixel with no other neighbour from having none.
LEAST_DIRECTION = 1e-6

# Slopes are carried on whole where their mean has the length of their root mean square but for this much: rounding to
# 8 bits alone makes them differ by that.
AGREEMENT = 1.02

# Deeper than EDGE pixels the means become broader, over DEEP more: the exponent of distance falls by this share. What
# is carried that far is uncertain, and single streaks of it only disturb.
EDGE, DEEP, BROADER = 4.0, 12.0, 1.3

# Stands in for 0 in a denominator.
TINY = 1e-12

# A window of pixels counts as a plane when this share of its variance is explained by one.
PLANE_FROM, PLANE_FULL = 0.85, 0.98

# Deviations from a plane below half an 8-bit step are rounding, whatever their share of the variance.
ROUNDING = (0.5 / 255) ** 2

# Width of the window that planes are fitted to (standard deviation of its Gaussian): least and most pixels, and share
# of the hole's depth: who is to tell what lies far off must have seen far.
WINDOW = (2.5, 6.0)
WINDOW_SHARE = 0.2


def fill_telea(values: Floats, hole: Flags, *, progress: Progress, seed: int, radius: float = 3) -> Floats:
    """Fill from the edge inwards by weighted means of the known pixels near (Telea 2004).

    Parameters
    ----------
    values : ndarray of float32
        HxWxC.
    hole : ndarray of bool
        HxW.
    progress : callable
        Given the fraction done.
    seed : int
        Not used: nothing is random here.
    radius : float
        Of the disc of pixels that a mean is taken over, 2 to 50 pixels.

    Returns
    -------
    ndarray of float32
        HxWxC; nothing in it lies beyond the range of the pixels that touch the hole.
    """
    del seed
    tick = Ticker(progress)
    reach = int(check_number(radius, "radius", least=2, most=50))
    channels = values.shape[2]
    away = _disc(reach)
    toward = np.ascontiguousarray(away.T, np.float32)
    falloff = (np.hypot(*toward) ** 3).astype(np.float32)
    height = time_of_arrival(hole)
    tick()
    near = cv2.dilate(hole.view(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(bool)
    # Only pixels near the hole are kept, in a list; its row 0 stands for all that lies outside, and is never known.
    row = np.zeros((hole.shape[0] + 2 * reach, hole.shape[1] + 2 * reach), np.intp)
    row[reach:-reach, reach:-reach][near] = np.arange(1, 1 + np.count_nonzero(near))
    tick()
    time = np.concatenate([[np.float32(np.inf)], height[near]])
    shell = np.ceil(np.maximum(time / np.float32(SHELL), 0))
    known = _carried(values, hole, near, float(np.clip(height.max() * WINDOW_SHARE, *WINDOW)), tick)

    tick()
    ys, xs = np.nonzero(hole)
    order = np.argsort(height[ys, xs], kind="stable")
    tick()
    ys, xs = ys[order], xs[order]
    place = (ys + reach) * row.shape[1] + xs + reach
    offsets = away[:, 0] * row.shape[1] + away[:, 1]
    row = row.ravel()
    rows = row[place]
    tick()
    outline = cv2.GaussianBlur(height, (0, 0), 1.0)
    normal = np.stack([slope[ys, xs] for slope in np.gradient(outline)], axis=-1)
    tick()
    for start, stop in _chunks(shell[rows]):
        here = rows[start:stop]
        around = row[place[start:stop, None] + offsets]
        # The paper's cosine, softened to its cube root: as it is, it leaves a fan of streaks behind every edge.
        direction = np.cbrt(np.abs(normal[start:stop] @ toward) + LEAST_DIRECTION)
        level = 1 + np.abs(time[around] - time[here, None])
        sharpness = 1 - BROADER * np.clip((time[here, None] - EDGE) / DEEP, 0, 1)
        weight = np.where(shell[around] < shell[here, None], direction / (level * falloff**sharpness), 0)
        weight /= weight.sum(axis=1, keepdims=True)
        known[here] = _extrapolate(weight, toward, known[around], channels)
        tick(stop / len(rows))
    out = values.copy()
    out[ys, xs] = known[rows, :channels]
    tick()
    clip_to_edge(out, values, hole, tick)
    return out


def _extrapolate(weight: Floats, toward: Floats, near: Floats, channels: int) -> Floats:
    """Weighted means of what is carried, each value continued along its slopes to the pixel in question."""
    moments = np.stack([weight, -weight * toward[0], -weight * toward[1]], axis=1)
    means = np.matmul(moments, near)
    out: Floats = means[:, 0].copy()
    out[:, :channels] += means[:, 1, channels : 2 * channels] + means[:, 2, 2 * channels : 3 * channels]
    # Slopes that agree have the length of their mean; where they do not, there is no plane to go on with.
    slopes = out[:, channels : 3 * channels]
    agreement = (slopes**2).sum(axis=1) / np.maximum(out[:, -1], TINY)
    slopes *= np.minimum(AGREEMENT * agreement, 1)[:, None]
    out[:, -1] = (slopes**2).sum(axis=1)
    return out


def time_of_arrival(hole: Flags) -> Floats:
    """Signed distance to the hole's edge: 1 and more in the hole, 0 and less on known pixels."""
    inside = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(np.logical_not(hole).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.where(hole, inside, 1 - outside).astype(np.float32)


def clip_to_edge(filled: Floats, values: Floats, hole: Flags, tick: Ticker) -> None:
    """Clip each connected part of a fill, channel by channel, to the range of the known pixels that touch it."""
    number, labels = cv2.connectedComponents(hole.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    square = np.ones((3, 3), np.uint8)
    tick()
    inside = np.flatnonzero(hole)
    rim = np.flatnonzero(hole & (cv2.erode(hole.view(np.uint8), square, borderValue=1) == 0))
    tick()
    rim = rim[np.argsort(labels.ravel()[rim], kind="stable")]
    parts, first = np.unique(labels.ravel()[rim], return_index=True)
    limits = np.zeros((2, number, values.shape[2]), np.float32)
    known = values.copy()
    for limit, nothing, spread, merge in (
        (limits[0], np.inf, cv2.erode, np.minimum),
        (limits[1], -np.inf, cv2.dilate, np.maximum),
    ):
        tick()
        known.reshape(-1, values.shape[2])[inside] = nothing
        tick()
        touching = spread(known, square).reshape(-1, values.shape[2]).take(rim, axis=0)
        limit[parts] = merge.reduceat(touching, first)
    pixels = filled.reshape(-1, values.shape[2])
    for some in np.array_split(inside, 1 + len(inside) // CLIPPED):
        tick()
        low, high = limits[:, labels.ravel()[some]]
        pixels[some] = np.clip(pixels[some], low, high)


def _disc(reach: int) -> NDArray[np.intp]:
    """Offsets (dy, dx) of the pixels of a disc but its centre."""
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = (y * y + x * x <= reach * reach) & ((y != 0) | (x != 0))
    return np.stack([y[inside], x[inside]], axis=1)


def _chunks(shells: Floats) -> Iterator[tuple[int, int]]:
    """Ranges of equal shell, each of at most CHUNK pixels; the shells come in ascending order."""
    edges = [0, *(np.nonzero(np.diff(shells))[0] + 1).tolist(), len(shells)]
    for begin, end in itertools.pairwise(edges):
        for start in range(begin, end, CHUNK):
            yield start, min(start + CHUNK, end)


def _carried(values: Floats, hole: Flags, near: Flags, window: float, tick: Ticker) -> Floats:
    """Collect what a known pixel has to give: values, slopes down and to the right, the slopes' squared length.

    One row for each pixel that is near the hole, after an empty one.
    """
    channels = values.shape[2]
    out = np.zeros((1 + np.count_nonzero(near), 3 * channels + 1), np.float32)
    out[1:, :channels] = values[near]
    tick()
    slopes = np.concatenate(_planes(values, ~hole, near & ~hole, window, tick), axis=1)
    tick()
    ring = 1 + np.nonzero(~hole[near])[0]
    out[ring, channels : 3 * channels] = slopes
    out[ring, 3 * channels] = (slopes**2).sum(axis=1)
    return out


def _planes(values: Floats, known: Flags, ring: Flags, window: float, tick: Ticker) -> tuple[Floats, Floats]:
    """Fit planes to the known pixels around each of the ring: slopes down and to the right, 0 if they form none."""
    half = int(3 * window)
    position = np.arange(-half, half + 1, dtype=np.float32)
    bell = np.exp(-0.5 * (position / window) ** 2)
    powers = [bell, bell * position, bell * position**2]

    def moment(array: Floats, down: int, right: int) -> Floats:
        tick()
        filtered = cv2.sepFilter2D(array, -1, powers[right], powers[down], borderType=cv2.BORDER_CONSTANT)
        return filtered.reshape(*array.shape[:2], -1)[ring]

    there = known.astype(np.float32)
    mass = moment(there, 0, 0)
    at_y, at_x = moment(there, 1, 0) / mass, moment(there, 0, 1) / mass
    yy = moment(there, 2, 0) / mass - at_y**2
    xx = moment(there, 0, 2) / mass - at_x**2
    yx = moment(there, 1, 1) / mass - at_y * at_x
    mean = moment(values, 0, 0) / mass
    value_y = moment(values, 1, 0) / mass - mean * at_y
    value_x = moment(values, 0, 1) / mass - mean * at_x
    # In a window of pixels along one line a plane is not determined.
    spread = np.maximum(yy * xx - yx**2, 1e-3)
    slope_y = (xx * value_y - yx * value_x) / spread
    slope_x = (yy * value_x - yx * value_y) / spread
    explained = slope_y * value_y + slope_x * value_x
    variance = np.maximum(moment(values**2, 0, 0) / mass - mean**2, explained)
    left = np.maximum(variance - explained - ROUNDING, 0)
    share = 1 - left / np.maximum(variance, TINY)
    trust = np.clip((share - PLANE_FROM) / (PLANE_FULL - PLANE_FROM), 0, 1)
    return slope_y * trust, slope_x * trust
