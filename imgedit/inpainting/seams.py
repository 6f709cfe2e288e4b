"""Make a fill fit its surroundings: match its colours, take away the step at the hole's edge."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from imgedit.inpainting.regions import Flags, Floats
from imgedit.poisson import push_pull, solve_poisson
from imgedit.strips import Ticker
from imgedit.tables import Table

__all__ = ["SEAMS", "match_surroundings"]

# Width in pixels of the ring of known pixels that a fill's colours are matched to.
RING = 12

# Standard deviation, in pixels, of the mean along the hole's edge.
ALONG = 4.0

# Contrast is changed by at most this factor: statistics of a small ring are uncertain.
MOST_GAIN = 2.0

# Gaussians wider than this (standard deviation in pixels) are taken of a picture so much smaller that they are not.
NARROW = 4.0


def match_surroundings(values: Floats, filled: Floats, hole: Flags, tick: Ticker) -> Floats:
    """Give each connected part of the fill the mean and contrast, channel by channel, of the ring of pixels around it.

    Parameters
    ----------
    values, filled : ndarray of float32
        HxWxC; before and after the fill.
    hole : ndarray of bool
        HxW.
    tick : Ticker
        Called between any two steps.

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
    tick()
    # Each known pixel belongs to the part it is nearest to, if that is near enough.
    distance, nearest = cv2.distanceTransformWithLabels(
        np.logical_not(hole).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    part_of = np.zeros(int(nearest.max()) + 1, np.int32)
    part_of[nearest[hole]] = labels[hole]
    tick()
    ring = ~hole & (distance <= RING)
    owner = part_of[nearest[ring]]
    out = filled.copy()
    for channel in range(values.shape[2]):
        mean, spread = _statistics(owner, values[..., channel][ring], number)
        tick()
        old_mean, old_spread = _statistics(labels[hole], filled[..., channel][hole], number)
        gain = np.clip(spread / np.maximum(old_spread, 1e-6), 1 / MOST_GAIN, MOST_GAIN)
        mean = np.where(np.bincount(owner, minlength=number) > 0, mean, old_mean)
        tick()
        part = labels[hole]
        out[..., channel][hole] = (filled[..., channel][hole] - old_mean[part]) * gain[part] + mean[part]
    return out


def _statistics(part: np.ndarray, samples: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each part."""
    count = np.maximum(np.bincount(part, minlength=number), 1)
    mean = np.bincount(part, samples, number) / count
    square = np.bincount(part, (samples - mean[part]) ** 2, number) / count
    return mean, np.sqrt(square)


def _spread_step(values: Floats, filled: Floats, hole: Flags, tick: Ticker) -> Floats:
    """Find the step across the hole's edge and let a membrane that cancels it sink into the fill.

    P. Perez et al., "Poisson image editing", 2003, equation 4: the fill's own gradients are kept. Across the edge it
    has none of its own, so both sides are continued to it by a straight line; what they miss each other by is averaged
    along the edge, or the noise of single pixels would be taken for a step.
    """
    whole = np.where(hole[..., None], filled, values)
    wide = cv2.copyMakeBorder(whole, 2, 2, 2, 2, cv2.BORDER_REPLICATE).reshape(hole.shape[0] + 4, hole.shape[1] + 4, -1)
    inner = np.pad(hole, 2, mode="edge")
    step = np.zeros_like(whole)
    count = np.zeros(hole.shape, np.float32)
    height, width = hole.shape
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):

        def shifted(array: Floats, by: int, dy: int = dy, dx: int = dx) -> Floats:
            top, left = 2 + by * dy, 2 + by * dx
            return array[top : top + height, left : left + width]

        tick()
        edge = hole & ~shifted(inner, 1) & ~shifted(inner, 2) & shifted(inner, -1)
        outside = 1.5 * shifted(wide, 1)[edge] - 0.5 * shifted(wide, 2)[edge]
        inside = 1.5 * whole[edge] - 0.5 * shifted(wide, -1)[edge]
        step[edge] += outside - inside
        count[edge] += 1
    tick()
    total = cv2.GaussianBlur(step, (0, 0), ALONG).reshape(step.shape)
    tick()
    mean: Floats = total / np.maximum(cv2.GaussianBlur(count, (0, 0), ALONG), 1e-6)[..., None]
    edge = count > 0
    if not edge.any():
        return filled
    mean[~edge] = 0
    mean = solve_poisson(mean, hole & ~edge, progress=tick)
    tick()
    mended: Floats = filled + mean * hole[..., None]
    return mended


def _blend_bands(values: Floats, filled: Floats, hole: Flags, tick: Ticker) -> Floats:
    """Mix fill and surroundings band by band: coarse bands over a wide rim of the hole, fine ones over a narrow one.

    P. J. Burt, E. H. Adelson, "A multiresolution spline", ACM TOG 2(4), 1983, doi:10.1145/245.247. Both pictures are
    first continued smoothly over what they lack, the surroundings by a membrane, which has no step where the hole
    begins; nothing may change outside the hole, so the weights begin at its edge.
    """
    inside = hole.astype(np.float32)
    around = solve_poisson(values, hole, progress=tick.part(0.0, 0.5))
    fill = push_pull(filled, inside, progress=tick.part(0.5, 0.6))
    depth = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    levels = max(1, int(np.log2(max(2.0, float(depth.max())))))
    out = np.zeros_like(fill)
    for level in range(levels + 1):
        reach = 2.0**level
        share = np.clip((depth - 0.5) / reach, 0, 1)[..., None]
        last = level == levels
        finer = (around, fill)
        if not last:
            around = _smooth(around, reach)
            tick()
            fill = _smooth(fill, reach)
        for old, coarse, weight in ((finer[0], around, 1 - share), (finer[1], fill, share)):
            tick(0.6 + 0.4 * level / (levels + 1))
            out += weight * (old if last else old - coarse)
    return out


def _smooth(picture: Floats, width: float) -> Floats:
    """Gaussian mean; of a smaller picture where it is wide, or it would take a minute for a hole of 4 megapixels."""
    shrink = max(1.0, width / NARROW)
    height, wide = picture.shape[:2]
    size = math.ceil(wide / shrink), math.ceil(height / shrink)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), width / shrink, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (wide, height), interpolation=cv2.INTER_LINEAR).reshape(picture.shape)


SEAMS: Table[Callable[[Floats, Floats, Flags, Ticker], Floats]] = Table(
    "repair_seam", {"poisson": _spread_step, "pyramid": _blend_bands}
)
