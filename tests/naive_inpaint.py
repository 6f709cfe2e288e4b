"""Plain twins of the inpainting and cloning kernels: one pixel at a time, in float64."""

from __future__ import annotations

import math

import numpy as np


def laplacian(values):
    """Differences to the four neighbours that exist, summed."""
    height, width = values.shape[:2]
    out = np.zeros(values.shape)
    for y in range(height):
        for x in range(width):
            for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    out[y, x] += values[y + dy, x + dx].astype(float) - values[y, x]
    return out


def time_of_arrival(hole):
    """Distance of each hole pixel to the nearest known one; of each known pixel 1 minus that to the nearest unknown."""
    height, width = hole.shape
    out = np.zeros(hole.shape)
    for y in range(height):
        for x in range(width):
            other = [(v, u) for v in range(height) for u in range(width) if hole[v, u] != hole[y, x]]
            distance = min(math.hypot(v - y, u - x) for v, u in other)
            out[y, x] = distance if hole[y, x] else 1 - distance
    return out


def march(carried, hole, arrival, normals, channels, *, radius, shell, least, agree, broader):
    """Telea's weighted means, shell by shell, from what the known pixels carry (values, slopes, squared slope)."""
    height, width = hole.shape
    carried = carried.astype(float).copy()
    number = np.ceil(np.maximum(arrival / shell, 0))
    for level in np.unique(number[hole]):
        fresh = {}
        for y, x in zip(*np.nonzero(hole & (number == level)), strict=True):
            total, mean = 0.0, np.zeros(carried.shape[2])
            for v in range(y - radius, y + radius + 1):
                for u in range(x - radius, x + radius + 1):
                    dy, dx = v - y, u - x
                    if not (0 <= v < height and 0 <= u < width) or not 0 < dy * dy + dx * dx <= radius * radius:
                        continue
                    if number[v, u] >= level:
                        continue
                    direction = (abs(normals[0][y, x] * dy + normals[1][y, x] * dx) + least) ** (1 / 3)
                    edge, deep, most = broader
                    sharp = 1 - most * min(max((arrival[y, x] - edge) / deep, 0.0), 1.0)
                    weight = direction / math.hypot(dy, dx) ** (3 * sharp) / (1 + abs(arrival[v, u] - arrival[y, x]))
                    given = carried[v, u].copy()
                    down, right = given[channels : 2 * channels], given[2 * channels : 3 * channels]
                    given[:channels] += -dy * down - dx * right
                    mean += weight * given
                    total += weight
            mean /= total
            slopes = mean[channels : 3 * channels]
            slopes *= min(1.0, agree * (slopes**2).sum() / max(mean[-1], 1e-12))
            mean[-1] = (slopes**2).sum()
            fresh[y, x] = mean
        for place, mean in fresh.items():
            carried[place] = mean
    return carried[..., :channels]


def stronger_divergence(wanted, ground):
    """Perez' mixed guidance: of each pair of neighbours the larger step, all channels together."""
    height, width = wanted.shape[:2]
    out = np.zeros(wanted.shape)
    for y in range(height):
        for x in range(width):
            for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    a = wanted[y + dy, x + dx].astype(float) - wanted[y, x]
                    b = ground[y + dy, x + dx].astype(float) - ground[y, x]
                    out[y, x] += a if (a**2).sum() > (b**2).sum() else b
    return out
