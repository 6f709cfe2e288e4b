"""Make a fill fit its surroundings: match its colours, take away the step at the hole's edge."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from imgedit.inpainting.regions import Flags, Floats
from imgedit.tables import Table

__all__ = ["SEAMS", "match_surroundings"]

# Width in pixels of the ring of known pixels that a fill's colours are matched to.
RING = 12

# Contrast is changed by at most this factor: statistics of a small ring are uncertain.
MOST_GAIN = 2.0


def match_surroundings(values: Floats, filled: Floats, hole: Flags) -> Floats:
    """Give each connected part of the fill the mean and contrast, channel by channel, of the ring of pixels around it.

    Parameters
    ----------
    values, filled : ndarray of float32
        HxWxC; before and after the fill.
    hole : ndarray of bool
        HxW.

    Returns
    -------
    ndarray of float32
        HxWxC.

    References
    ----------
    E. Reinhard et al., "Color Transfer between Images", IEEE CG&A 21(5), 2001, doi:10.1109/38.946629, equations 10-11,
    here in the picture's own channels.
    """
    number, labels = cv2.connectedComponents(hole.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    # Each known pixel belongs to the part it is nearest to, if that is near enough.
    distance, nearest = cv2.distanceTransformWithLabels(
        np.logical_not(hole).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    part_of = np.zeros(int(nearest.max()) + 1, np.int32)
    part_of[nearest[hole]] = labels[hole]
    ring = ~hole & (distance <= RING)
    owner = part_of[nearest[ring]]
    out = filled.copy()
    for channel in range(values.shape[2]):
        mean, spread = _statistics(owner, values[..., channel][ring], number)
        old_mean, old_spread = _statistics(labels[hole], filled[..., channel][hole], number)
        gain = np.clip(spread / np.maximum(old_spread, 1e-6), 1 / MOST_GAIN, MOST_GAIN)
        mean = np.where(np.bincount(owner, minlength=number) > 0, mean, old_mean)
        part = labels[hole]
        out[..., channel][hole] = (filled[..., channel][hole] - old_mean[part]) * gain[part] + mean[part]
    return out


def _statistics(part: np.ndarray, samples: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each part."""
    count = np.maximum(np.bincount(part, minlength=number), 1)
    mean = np.bincount(part, samples, number) / count
    square = np.bincount(part, (samples - mean[part]) ** 2, number) / count
    return mean, np.sqrt(square)


SEAMS: Table[Callable[[Floats, Floats, Flags], Floats]] = Table("repair_seam", {})
