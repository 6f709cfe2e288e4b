"""Statistics of an image's colour in which each pixel counts as much as it is covered: by alpha and by a mask.

What lies hidden under alpha 0 must not move a histogram, nor a mean.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ImageError
from imgedit.pixels import Image, Mask, as_float, full_range, soft_mask, split_alpha
from imgedit.tone.mapping import Floats

__all__ = ["Array", "histogram", "moments", "quantiles", "weight_of"]

Array = NDArray[np.float64]

# Bins for floats: finer than 16 bit over [0, 1] would tell apart what no display can.
FLOAT_BINS = 65536


def weight_of(image: Image, mask: Mask | None, name: str = "image", mask_name: str = "mask") -> Floats | None:
    """How much each pixel counts.

    Parameters
    ----------
    image : ndarray
        A checked image.
    mask : ndarray or None
        HxW.
    name, mask_name : str
        What the caller calls them.

    Returns
    -------
    ndarray of float32 or None
        HxW, 0 to 1; None if all count alike.

    Raises
    ------
    ImageError
        No pixel counts.
    """
    alpha = split_alpha(image)[1]
    weight = None if mask is None else soft_mask(mask, image, mask_name)
    if alpha is not None:
        cover = as_float(alpha)
        weight = cover if weight is None else weight * cover
    if weight is not None and not weight.any():
        who, what = (name, "is transparent everywhere") if mask is None else (mask_name, "covers no visible pixel")
        raise ImageError(who, what, "there is no colour to measure: give one that shows something")
    return weight


def histogram(values: Image, weight: Floats | None) -> tuple[Array, Array]:
    """Count the values of one channel.

    Parameters
    ----------
    values : ndarray
        HxW of any image dtype.
    weight : ndarray or None
        HxW.

    Returns
    -------
    levels : ndarray of float64
        The value that each bin stands for, white at 1, rising: every level of an integer dtype, or 65536 even steps
        from the least to the largest float.
    counts : ndarray of float64
        Sum of weights in each bin.
    """
    if values.dtype != np.float32:
        white = int(full_range(values.dtype))
        levels, bins = np.arange(white + 1) / white, values
        if weight is None:
            counted = cv2.calcHist([np.ascontiguousarray(values)], [0], None, [white + 1], [0, white + 1])
            return levels, counted.ravel().astype(np.float64)
    else:
        seen = values if weight is None else values[weight > 0]
        low, high = float(seen.min()), float(seen.max())
        if not np.isfinite([low, high]).all():
            raise ImageError("image", "holds NaN or infinity", "replace them first: np.nan_to_num(image)")
        levels = np.linspace(low, high, FLOAT_BINS) if high > low else np.array([low, low + 1.0])
        inside = np.fmin(np.fmax(values, np.float32(low)), np.float32(high))  # what is hidden may be anything
        bins = np.rint((inside - low) * ((len(levels) - 1) / (levels[-1] - low))).astype(np.intp)
    counts = np.bincount(bins.ravel(), None if weight is None else weight.ravel(), len(levels))
    return levels, counts.astype(np.float64)


def quantiles(levels: Array, counts: Array, shares: tuple[float, ...]) -> list[float]:
    """Values below which these shares of all counts lie.

    Parameters
    ----------
    levels, counts : ndarray of float64
        As `histogram` gives them.
    shares : tuple of float
        0 to 1.

    Returns
    -------
    list of float
        For each share the first level up to which more than that share of the counts lies; for 1 the last one counted.
    """
    below = np.cumsum(counts) / counts.sum()
    below[np.flatnonzero(counts)[-1] :] = 2  # no rounding of the sum may lead past the last counted level
    return [float(levels[np.searchsorted(below, share, side="right")]) for share in shares]


def moments(color: Floats, weight: Floats | None) -> tuple[Array, Array]:
    """Mean and covariance of colours.

    Parameters
    ----------
    color : ndarray of float32
        HxWxC.
    weight : ndarray or None
        HxW.

    Returns
    -------
    mean : ndarray of float64
        (C,).
    covariance : ndarray of float64
        (C, C).
    """
    pixels = color.reshape(-1, color.shape[-1])
    # Sums about a colour of the image, so that they do not cancel; a hidden one could be far off, or NaN.
    rough = pixels[0 if weight is None else int(weight.argmax())].astype(np.float64)
    total, first = 0.0, np.zeros(len(rough))
    second = np.zeros((len(rough), len(rough)))
    step = 1 << 16
    for start in range(0, len(pixels), step):
        part = pixels[start : start + step] - rough
        if weight is None:
            weighted = part
            total += len(part)
        else:
            share = weight.reshape(-1)[start : start + step, None]
            part[share[:, 0] == 0] = 0
            weighted = part * share
            total += float(share.sum(dtype=np.float64))
        first += weighted.sum(axis=0)
        second += part.T @ weighted
    mean = first / total
    return mean + rough, second / total - np.outer(mean, mean)
