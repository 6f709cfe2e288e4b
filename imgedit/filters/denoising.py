"""Remove noise and keep edges.

Sources, one a method: Buades, Coll and Morel 2005, "A Non-Local Algorithm for Image Denoising",
https://doi.org/10.1109/CVPR.2005.38 (with the noise taken off the patch distance, as in their IPOL article,
https://doi.org/10.5201/ipol.2011.bcm_nlm; patches count by a Gaussian about their middle, as in the first paper, one
displacement is done for all pixels at a time, and a pixel counts as much as the one most like it); Tomasi and Manduchi
1998, "Bilateral Filtering for Gray and Color Images", https://doi.org/10.1109/ICCV.1998.710815; the median.

Each works on every dtype alike, in float32; neighbours count as much as their alpha.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

import cv2
import numpy as np

from imgedit.errors import ArgumentError
from imgedit.filters.neighbourhood import Floats, in_bands
from imgedit.pixels import (
    LEAST_ALPHA,
    Image,
    Mask,
    as_float,
    check,
    check_alpha,
    check_number,
    mix_by_mask,
    split_alpha,
)
from imgedit.strips import Progress
from imgedit.tables import Table

__all__ = ["METHODS", "denoise", "estimate_noise"]

Filter: TypeAlias = Callable[[Floats], Floats]

# Half the side of a patch, and the deviation of the Gaussian that weighs its pixels, near ones more. Grey patches hold
# a third of the samples, so they are larger (as Buades et al. advise): on photographs that is 0.6 dB better.
PATCH, PATCH_DEVIATION = 2, 1.0
GREY_PATCH, GREY_DEVIATION = 3, 1.5

# Filtering strength over the noise's standard deviation; on photographs 0.75 to 0.9 are alike.
NLM_STRENGTH = 0.8

# A pixel that is like no other keeps at least this weight, so that it is not swept away by many that are unlike.
LEAST_OWN = 0.05

# A colour difference of this many standard deviations counts half as an edge for the bilateral filter.
EDGE = 2.0

# The median absolute value of a normal distribution of deviation 1.
NORMAL_MEDIAN = 0.6745


def denoise(
    image: Image,
    *,
    strength: float | None = None,
    method: Annotated[str, METHODS] = "nlm",
    radius: int | None = None,
    mask: Mask | None = None,
    progress: Progress | None = None,
) -> Image:
    """Remove noise and keep edges.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32. Alpha stays.
    strength : float, optional
        The noise's standard deviation as a fraction of the range, 0 to 1; by default it is estimated from the image.
        The median takes none.
    method : str
        ``nlm`` (non-local means: averages similar patches; best), ``bilateral`` (averages similar neighbours; quick) or
        ``median`` (for single wrong pixels).
    radius : int, optional
        How far neighbours are looked for, in pixels: 1 to 20, by default 5 for nlm and 3 for bilateral; 1 (default) or
        2 for the median.
    mask : ndarray, optional
        HxW; where to denoise.
    progress : callable, optional
        Given the fraction done, 0 to 1.

    Returns
    -------
    ndarray
        Same shape and dtype.

    Raises
    ------
    ImageError
        Not an image, or a mask that does not fit.
    ArgumentError
        A number out of range.
    UnknownNameError
        An unknown method.

    References
    ----------
    Buades et al. 2005, https://doi.org/10.1109/CVPR.2005.38; Tomasi and Manduchi 1998,
    https://doi.org/10.1109/ICCV.1998.710815.

    Examples
    --------
    >>> import imgedit as ie
    >>> noisy = np.random.default_rng(0).normal(0.5, 0.1, (32, 32)).astype(np.float32)
    >>> bool(ie.denoise(noisy).std() < 0.03)
    True
    """
    image = check(image)
    check_alpha(image)
    make = METHODS[method]
    deviation = estimate_noise(image) if strength is None else check_number(strength, "strength", least=0, most=1)
    if radius is not None and (isinstance(radius, bool) or not isinstance(radius, (int, np.integer)) or radius < 1):
        raise ArgumentError("radius", f"is {radius!r}", "give a whole number of at least 1")
    if deviation == 0 and make is not _median:
        return image.copy()
    function, reach = make(deviation, radius, image.ndim == 2)
    return mix_by_mask(image, in_bands(image, function, (reach, reach), progress=progress), mask)


def estimate_noise(image: Image) -> float:
    """Estimate the standard deviation of an image's noise.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32. Transparent pixels do not count.

    Returns
    -------
    float
        As a fraction of the range: the mean over channels of the median absolute diagonal detail, over 0.6745.

    References
    ----------
    Donoho and Johnstone 1994, "Ideal spatial adaptation by wavelet shrinkage",
    https://doi.org/10.1093/biomet/81.3.425 (with Haar wavelets).

    Examples
    --------
    >>> import imgedit as ie
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (256, 256)).astype(np.float32)
    >>> round(ie.estimate_noise(noise), 2)
    0.1
    """
    image = check(image)
    color, alpha = split_alpha(image)
    values = as_float(np.ascontiguousarray(color))
    if min(values.shape[:2]) < 2:
        return 0.0
    detail = np.abs(values[:-1, :-1] - values[:-1, 1:] - values[1:, :-1] + values[1:, 1:]) / 2
    if alpha is not None:
        seen = cv2.erode((alpha > 0).astype(np.uint8), np.ones((2, 2), np.uint8))[1:, 1:] > 0
        if not seen.any():
            return 0.0
        detail = detail[seen]
    channels = detail.reshape(-1, 1 if color.ndim == 2 else 3)
    return float(np.median(channels, axis=0).mean() / NORMAL_MEDIAN)


def _check_radius(radius: int | None, default: int, most: int) -> int:
    return int(check_number(default if radius is None else radius, "radius", least=1, most=most))


def _nlm(deviation: float, radius: int | None, grey: bool) -> tuple[Filter, int]:
    search = _check_radius(radius, 5, 20)
    patch, spread = (GREY_PATCH, GREY_DEVIATION) if grey else (PATCH, PATCH_DEVIATION)
    kernel = np.exp(-0.5 * (np.arange(-patch, patch + 1, dtype=np.float32) / spread) ** 2)
    kernel /= kernel.sum()

    def likeness(difference: Floats, _dy: int, _dx: int) -> Floats:
        distance = np.asarray(cv2.sepFilter2D(difference, -1, kernel, kernel), np.float32)
        distance -= np.float32(2 * deviation**2)
        np.maximum(distance, 0, out=distance)
        distance *= np.float32(-1 / (NLM_STRENGTH * deviation) ** 2)
        return np.asarray(cv2.exp(distance, dst=distance), np.float32)

    return _averaged(likeness, search, own=LEAST_OWN), search + patch


def _bilateral(deviation: float, radius: int | None, _: bool) -> tuple[Filter, int]:
    reach = _check_radius(radius, 3, 20)
    near = reach / 2

    def likeness(difference: Floats, dy: int, dx: int) -> Floats:
        shift = np.float32((dx * dx + dy * dy) / (2 * near**2))
        return np.asarray(cv2.exp(-difference * np.float32(0.5 / (EDGE * deviation) ** 2) - shift), np.float32)

    return _averaged(likeness, reach, own=1.0), reach


def _averaged(likeness: Callable[[Floats, int, int], Floats], radius: int, own: float) -> Filter:
    """Average over displacements, each weighted by how alike the pixels are that it brings together.

    A pixel itself counts as much as the one most like it, and at least as much as `own`.
    """

    def function(rows: Floats) -> Floats:
        layers = rows[..., None] if rows.ndim == 2 else rows
        clear = layers.shape[2] == 4
        # Premultiplied colour and the weight that it carries: sums of both give straight colour by division.
        carried = [np.asarray(plane, np.float32) for plane in cv2.split(layers)]
        carried += [] if clear else [np.ones(rows.shape[:2], np.float32)]
        compared = layers.shape[2]
        total = [np.zeros_like(plane) for plane in carried]
        best = np.full(rows.shape[:2], own, np.float32)
        for dy in range(radius + 1):
            for dx in range(-radius if dy else 1, radius + 1):
                _add_pair(total, best, carried, compared, likeness, dy, dx)
        for summed, plane in zip(total, carried, strict=True):
            summed += best * plane
        # Nothing is summed where nothing is visible.
        weight = np.maximum(total[-1], np.finfo(np.float32).tiny, dtype=np.float32)
        color = [np.divide(summed, weight, dtype=np.float32) for summed in total[:-1]]
        if clear:
            color = [*(plane * layers[..., 3] for plane in color), carried[3]]
        return np.asarray(cv2.merge(color), np.float32).reshape(rows.shape)

    return function


def _add_pair(
    total: list[Floats],
    best: Floats,
    carried: list[Floats],
    compared: int,
    likeness: Callable[[Floats, int, int], Floats],
    dy: int,
    dx: int,
) -> None:
    """Add to each pixel the one at a displacement, and to that one the first: their weight is the same."""
    height, width = best.shape
    here = (slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
    there = (slice(dy, height), slice(max(0, dx), width - max(0, -dx)))
    difference = np.zeros_like(best[here])
    for plane in carried[:compared]:
        step = plane[here] - plane[there]
        cv2.accumulateSquare(step, difference)
    difference *= np.float32(1 / compared)
    weight = likeness(difference, dy, dx)
    for side in (here, there):
        np.maximum(best[side], weight, out=best[side])
    for summed, plane in zip(total, carried, strict=True):
        summed[here] += weight * plane[there]
        summed[there] += weight * plane[here]


def _median(_deviation: float, radius: int | None, _: bool) -> tuple[Filter, int]:
    reach = _check_radius(radius, 1, 2)  # OpenCV's median takes larger windows for 8 bit only

    def function(rows: Floats) -> Floats:
        middle = np.asarray(cv2.medianBlur(rows, 2 * reach + 1), np.float32)
        if rows.ndim == 3 and rows.shape[2] == 4:
            alpha = np.maximum(middle[..., 3:], np.float32(LEAST_ALPHA))
            middle[..., :3] = middle[..., :3] / alpha * rows[..., 3:]
            middle[..., 3] = rows[..., 3]
        return middle

    return function, reach


METHODS: Table[Callable[[float, int | None, bool], tuple[Filter, int]]] = Table(
    "method", {"nlm": _nlm, "bilateral": _bilateral, "median": _median}
)
