"""Seam carving one pixel at a time, as the papers write it down; float32 throughout, since ties decide."""

from __future__ import annotations

import numpy as np


def costs(plane, energy):
    height, width = plane.shape

    def at(y, x):
        return plane[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]

    out = np.zeros((3, height, width), np.float32)
    for y in range(height):
        for x in range(width):
            if energy == "backward":
                out[:, y, x] = np.abs(at(y, x + 1) - at(y, x - 1)) + np.abs(at(y + 1, x) - at(y - 1, x))
            else:
                meet = np.abs(at(y, x + 1) - at(y, x - 1))
                out[0, y, x] = meet + np.abs(at(y - 1, x) - at(y, x - 1))
                out[1, y, x] = meet
                out[2, y, x] = meet + np.abs(at(y - 1, x) - at(y, x + 1))
    return out


def seam(cost):
    height, width = cost.shape[1:]
    sums = np.full((height, width), np.inf, np.float32)
    came = np.zeros((height, width), int)
    sums[0] = cost[1, 0]
    for y in range(1, height):
        for x in range(width):
            for way, step in enumerate((-1, 0, 1)):
                if 0 <= x + step < width:
                    total = sums[y - 1, x + step] + cost[way, y, x]
                    if total < sums[y, x]:
                        sums[y, x], came[y, x] = total, step
    path = [int(np.argmin(sums[-1]))]
    for y in range(height - 1, 0, -1):
        path.insert(0, path[0] + came[y, path[0]])
    return path


def carve_width(plane, count, energy):
    for _ in range(count):
        path = seam(costs(plane, energy))
        plane = np.stack([np.delete(row, x) for row, x in zip(plane, path, strict=True)])
    return plane
