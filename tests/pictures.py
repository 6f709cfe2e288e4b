"""Small pictures for tests, drawn by program and seeded, in every dtype and channel count."""

from __future__ import annotations

import itertools

import numpy as np

DTYPES = (np.uint8, np.uint16, np.float32)
CHANNELS = (1, 3, 4)
KINDS = tuple(itertools.product(DTYPES, CHANNELS))


def in_dtype(values, dtype):
    """Bring float64 values with white at 1 to a dtype, by the plain formula."""
    if np.dtype(dtype).kind == "f":
        return values.astype(dtype)
    return np.rint(np.clip(values, 0, 1) * np.iinfo(dtype).max).astype(dtype)


def photo(dtype=np.uint8, channels=3, size=(40, 56), seed=0):
    """Soft shapes with noise and, for four channels, a soft-edged disc of alpha over clear ground."""
    height, width = size
    y, x = np.mgrid[:height, :width] / max(size)
    rng = np.random.default_rng(seed)
    waves = [np.sin(7 * x + 3 * y + phase) for phase in (0.0, 1.0, 2.5)]
    color = 0.5 + 0.35 * np.stack(waves, -1) + rng.uniform(-0.08, 0.08, (height, width, 3))
    if channels == 1:
        return in_dtype(color[..., 0], dtype)
    if channels == 4:
        distance = np.hypot(y - y.mean(), x - x.mean())
        alpha = np.clip((0.35 - distance) * 12 + 0.5, 0, 1)
        return in_dtype(np.concatenate([color, alpha[..., None]], -1), dtype)
    return in_dtype(color, dtype)


def disc_mask(size=(40, 56), radius=0.2):
    """Bool disc in the middle."""
    y, x = np.mgrid[: size[0], : size[1]] / max(size)
    return np.hypot(y - y.mean(), x - x.mean()) < radius
