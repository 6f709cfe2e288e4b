"""Fast smooth fills of any size.

Push-pull: S. Gortler, R. Grzeszczuk, R. Szeliski, M. Cohen, "The Lumigraph", SIGGRAPH 1996, section 3.4
(doi:10.1145/237170.237200): pull averages of the known pixels up a pyramid until no hole is left, push them down again
into the holes only.
"""

from __future__ import annotations

import cv2
import numpy as np

from imgedit.inpainting.regions import Flags, Floats
from imgedit.strips import Progress

__all__ = ["fill_push_pull"]


def fill_push_pull(values: Floats, hole: Flags, *, progress: Progress, seed: int) -> Floats:
    """Fill from averages of ever larger neighbourhoods: the fastest, and very smooth.

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

    Returns
    -------
    ndarray of float32
        HxWxC.
    """
    del seed
    weight = np.logical_not(hole).astype(np.float32)
    levels = [(values, weight)]
    while (levels[-1][1] == 0).any():
        levels.append(_pull(*levels[-1]))
        progress(0.5)
    filled = levels.pop()[0]
    for fine, weight in reversed(levels):
        wide = _columns(cv2.resize(filled, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR), fine.shape[2])
        share = weight[..., None]
        filled = share * fine + (1 - share) * wide[: fine.shape[0], : fine.shape[1]]
        progress(0.9)
    return filled


def _pull(values: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Halve: weighted averages of 2x2 pixels, and how much is known of each four."""
    high, wide = values.shape[0] % 2, values.shape[1] % 2
    weight = cv2.copyMakeBorder(weight, 0, high, 0, wide, cv2.BORDER_CONSTANT, value=0)
    weighted = cv2.copyMakeBorder(values, 0, high, 0, wide, cv2.BORDER_CONSTANT, value=0)
    weighted = _columns(weighted, values.shape[2]) * weight[..., None]
    size = (weight.shape[1] // 2, weight.shape[0] // 2)
    total = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    mean = _columns(cv2.resize(weighted, size, interpolation=cv2.INTER_AREA), values.shape[2])
    mean = mean / np.maximum(total, np.float32(1e-12))[..., None]
    # One known pixel of four is as good as all for what lies coarser: else far pixels would outvote near ones.
    return mean, np.minimum(4 * total, 1)


def _columns(array: Floats, channels: int) -> Floats:
    """OpenCV drops a last axis of one channel: give it back."""
    return array.reshape(*array.shape[:2], channels)
