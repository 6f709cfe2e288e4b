"""Plain twins of the tone, filter and painting operations: float64, one pixel at a time."""

from __future__ import annotations

import math

import numpy as np


def tetrahedral(table, color):
    """Look up one colour: from the lower corner of its cell along the largest fraction first."""
    last = len(table) - 1
    position = [min(max(float(value), 0.0), 1.0) * last for value in color]
    at = [min(int(value), last - 1) for value in position]
    share = [value - cell for value, cell in zip(position, at, strict=True)]
    result = np.array(table[at[2], at[1], at[0]], np.float64)
    for axis in sorted(range(3), key=lambda i: -share[i]):
        before = np.array(table[at[2], at[1], at[0]], np.float64)
        at[axis] += 1
        result += share[axis] * (table[at[2], at[1], at[0]] - before)
    return result


def gaussian(image, sigma):
    """Blur premultiplied values with a normalised Gaussian cut at 4 sigma, the image mirrored at its border."""
    reach = math.ceil(4 * sigma)
    height, width = image.shape[:2]
    out = np.zeros(image.shape)
    weights = {d: math.exp(-0.5 * (d / sigma) ** 2) for d in range(-reach, reach + 1)}
    total = sum(weights.values()) ** 2
    for y in range(height):
        for x in range(width):
            for dy, wy in weights.items():
                for dx, wx in weights.items():
                    v, u = (y + dy) % (2 * height), (x + dx) % (2 * width)
                    out[y, x] += wy * wx * image[min(v, 2 * height - 1 - v), min(u, 2 * width - 1 - u)]
    return out / total


def over(base, color, coverage):
    """Put an RGBA colour over one straight-alpha pixel (1, 3 or 4 channels), by coverage."""
    alpha = color[3] * coverage
    if len(base) < 4:
        return [b + (c - b) * alpha for b, c in zip(base, color, strict=False)]
    below = base[3]
    out = alpha + below * (1 - alpha)
    if out == 0:
        return list(base)
    return [(c * alpha + b * below * (1 - alpha)) / out for b, c in zip(base[:3], color[:3], strict=True)] + [out]


def non_local_means(image, deviation, search, patch, strength, spread, own):
    """Average similar patches of a grey image; a pixel counts as much as the one most like it."""
    bell = [
        math.exp(-0.5 * (x * x + y * y) / spread**2) for y in range(-patch, patch + 1) for x in range(-patch, patch + 1)
    ]
    bell = np.reshape(bell, (2 * patch + 1, 2 * patch + 1)) / sum(bell)
    height, width = image.shape
    padded = np.pad(image, search + 2 * patch, mode="symmetric")
    offset = search + 2 * patch
    out = np.empty(image.shape)
    for y in range(height):
        for x in range(width):
            total, weight, best = 0.0, 0.0, own
            for dy in range(-search, search + 1):
                for dx in range(-search, search + 1):
                    if dy == dx == 0:
                        continue
                    a = padded[y + offset - patch : y + offset + patch + 1, x + offset - patch : x + offset + patch + 1]
                    b = padded[y + dy + offset - patch :, x + dx + offset - patch :][: 2 * patch + 1, : 2 * patch + 1]
                    distance = max(np.sum(bell * (a - b) ** 2) - 2 * deviation**2, 0)
                    w = math.exp(-distance / (strength * deviation) ** 2)
                    total += w * padded[y + dy + offset, x + dx + offset]
                    weight += w
                    best = max(best, w)
            out[y, x] = (total + best * image[y, x]) / (weight + best)
    return out
