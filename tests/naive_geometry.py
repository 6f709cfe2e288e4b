"""Plain twins of resampling: one pixel at a time in float64."""

from __future__ import annotations

import math

import numpy as np


def _cubic(x, b, c):
    x = abs(x)
    if x < 1:
        return ((12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b) / 6
    if x < 2:
        return ((-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + 8 * b + 24 * c) / 6
    return 0.0


def _lanczos(x):
    if x == 0:
        return 1.0
    if abs(x) >= 3:
        return 0.0
    return 3 * math.sin(math.pi * x) * math.sin(math.pi * x / 3) / (math.pi * x) ** 2


SHAPES = {
    "box": (0.5, lambda x: 1.0 if -0.5 < x <= 0.5 else 0.0),
    "linear": (1.0, lambda x: max(1 - abs(x), 0.0)),
    "cubic": (2.0, lambda x: _cubic(x, 0, 0.5)),
    "mitchell": (2.0, lambda x: _cubic(x, 1 / 3, 1 / 3)),
    "lanczos3": (3.0, _lanczos),
}


def axis_weights(length, size, filter):
    """Matrix size x length of one axis."""
    ratio = length / size
    out = np.zeros((size, length))
    for i in range(size):
        for k in range(length):
            if filter == "area":
                out[i, k] = max(min((i + 1) * ratio, k + 1) - max(i * ratio, k), 0)
            else:
                out[i, k] = SHAPES[filter][1]((k + 0.5 - (i + 0.5) * ratio) / max(ratio, 1))
        out[i] /= out[i].sum()
    return out


def resize_plane(plane, size, filter):
    """Resize one channel."""
    down = axis_weights(plane.shape[0], size[0], filter)
    across = axis_weights(plane.shape[1], size[1], filter)
    out = np.zeros(size)
    for y in range(size[0]):
        for x in range(size[1]):
            out[y, x] = (down[y][:, None] * across[x] * plane).sum()
    return out


def resize(image, size, filter):
    """Resize float HxW, HxWx3 or HxWx4; colour is premultiplied and stays so."""
    if image.ndim == 2:
        return resize_plane(image.astype(np.float64), size, filter)
    values = image.astype(np.float64)
    if image.shape[2] == 4:
        values[..., :3] *= values[..., 3:]
    out = np.stack([resize_plane(values[..., c], size, filter) for c in range(image.shape[2])], -1)
    if image.shape[2] == 4:
        out[..., 3] = np.clip(out[..., 3], 0, 1)
        out *= out[..., 3:] > 0.5 / 65535  # fainter is clear
    return out


def sample(plane, u, v, filter):
    """Interpolate one channel at one place, its outermost pixels going on for ever."""
    reach, shape = SHAPES[filter]
    columns = range(math.floor(u - 0.5 - reach), math.ceil(u - 0.5 + reach) + 1)
    rows = range(math.floor(v - 0.5 - reach), math.ceil(v - 0.5 + reach) + 1)
    total = weight = 0.0
    for row in rows:
        for column in columns:
            share = shape(column + 0.5 - u) * shape(row + 0.5 - v)
            y, x = min(max(row, 0), plane.shape[0] - 1), min(max(column, 0), plane.shape[1] - 1)
            total += share * float(plane[y, x])
            weight += share
    return total / weight


def warp_plane(plane, inverse, size, filter):
    """Warp one channel by a 3x3 matrix from output to input points, edges going on for ever."""
    out = np.zeros(size)
    for y in range(size[0]):
        for x in range(size[1]):
            u, v, w = inverse @ (x + 0.5, y + 0.5, 1)
            out[y, x] = sample(plane, u / w, v / w, filter)
    return out
