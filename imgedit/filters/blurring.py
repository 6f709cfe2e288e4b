"""Blur and sharpen by convolution.

Sources: the Gaussian is sampled and normalised, cut at four standard deviations, where 6e-5 of it is left (half a level
of 8 bit is 2e-3). Unsharp masking: Gonzalez and Woods, "Digital Image Processing", 4th edition, equation 3-65.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.filters.neighbourhood import Border, Floats, in_bands
from imgedit.pixels import Image, Mask, check, check_alpha, check_number, mix_by_mask
from imgedit.strips import Progress
from imgedit.tables import Table

__all__ = ["METHODS", "blur", "gaussian", "sharpen"]

Reach: TypeAlias = tuple[int, int]
Filter: TypeAlias = Callable[[NDArray[Any]], Floats]

# Standard deviations at which the Gaussian is cut.
GAUSSIAN_REACH = 4.0

# From this deviation on a Gaussian works on half as many rows and columns. What a grid of every other pixel can't hold
# and the five binomial weights let through is at most exp(-2) / deviation^4 of it: 1e-4, a fortieth of an 8-bit level.
COARSE = 6.0

# From this reach on a box is a running sum, whose time does not grow with it.
RUNNING = 4

# Beyond this no picture holds anything but its mean colour, and the margins would not fit memory.
MOST_RADIUS = 2000.0


def blur(
    image: Image,
    *,
    radius: float = 2.0,
    method: Annotated[str, METHODS] = "gaussian",
    angle: float = 0.0,
    border: Border = "reflect",
    space: Literal["srgb", "linear"] = "srgb",
    mask: Mask | None = None,
    progress: Progress | None = None,
) -> Image:
    """Blur an image.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32. Colour counts as much as its alpha.
    radius : float
        In pixels, 0 to 2000; 0 changes nothing. Gaussian: the standard deviation. Box: a square of 2 radius + 1 on a
        side. Motion: a streak of 2 radius + 1. Fractions count.
    method : str
        ``gaussian``, ``box`` or ``motion``.
    angle : float
        Direction of the motion in degrees, counter-clockwise from the right.
    border : {"reflect", "edge", "wrap", "clear"}
        What lies outside: the mirror image, the outermost pixels, the image again, or nothing.
    space : {"srgb", "linear"}
        What is averaged: encoded values, or amounts of light as a lens does, which keeps highlights bright.
    mask : ndarray, optional
        HxW; where to blur. Pixels under it still see their neighbours outside.
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
        A radius or angle out of range, or an unknown border or space.
    UnknownNameError
        An unknown method.

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", 4th edition, 3.5.

    Examples
    --------
    >>> import imgedit as ie
    >>> dot = np.zeros((5, 5), np.uint8)
    >>> dot[2, 2] = 255
    >>> ie.blur(dot, radius=1, method="box")[2].tolist()
    [0, 28, 28, 28, 0]
    """
    image = check(image)
    check_alpha(image)
    make = METHODS[method]
    radius = check_number(radius, "radius", least=0, most=MOST_RADIUS)
    angle = check_number(angle, "angle")
    if radius == 0:
        return image.copy()
    function, reach = make(radius, angle)
    blurred = in_bands(image, function, reach, border=border, space=space, averages=True, progress=progress)
    return mix_by_mask(image, blurred, mask)


def gaussian(radius: float, _: float = 0.0) -> tuple[Filter, Reach]:
    """Gaussian filter of a standard deviation, as a function of rows and the margin it needs.

    Parameters
    ----------
    radius : float
        Standard deviation in pixels.

    Returns
    -------
    function : callable
        From rows of any image dtype to blurred float32 rows of the same shape, in the same unit.
    reach : (int, int)
        Rows and columns of margin.
    """
    if radius >= COARSE:
        return _halved(radius)
    reach = math.ceil(GAUSSIAN_REACH * radius)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / radius) ** 2)
    return _separable(kernel / kernel.sum())


def _halved(radius: float) -> tuple[Filter, Reach]:
    """Blur by binomial weights to half the size, by a Gaussian there, and by binomial weights back to the full size."""
    # Binomial weights of five have a variance of 1; twice that is taken off, and what is left counts in double pixels.
    coarse, (reach, _) = gaussian(math.sqrt(radius**2 - 2) / 2)

    def function(rows: NDArray[Any]) -> Floats:
        half = coarse(cv2.pyrDown(np.asarray(rows, np.float32)))
        return np.asarray(cv2.pyrUp(half, dstsize=rows.shape[1::-1]), np.float32)

    # Two pixels on the way down and two on the way up; whole double pixels.
    return function, (2 * reach + 4, 2 * reach + 4)


def _separable(kernel: NDArray[Any]) -> tuple[Filter, Reach]:
    kernel = kernel.astype(np.float32)
    reach = len(kernel) // 2

    def function(rows: NDArray[Any]) -> Floats:
        return np.asarray(cv2.sepFilter2D(rows, cv2.CV_32F, kernel, kernel), np.float32)

    return function, (reach, reach)


def _box(radius: float, _: float) -> tuple[Filter, Reach]:
    reach = math.ceil(radius)
    if reach >= RUNNING:
        return _running_box(radius, reach)
    kernel = np.ones(2 * reach + 1)
    kernel[[0, -1]] = 1 - (reach - radius)
    return _separable(kernel / kernel.sum())


def _running_box(radius: float, reach: int) -> tuple[Filter, Reach]:
    """Mix the box of the next whole radius with the one below, along one axis after the other."""
    outer = (2 * reach + 1) * (1 - (reach - radius)) / (2 * radius + 1)

    def along(rows: NDArray[Any], down: int, across: int) -> Floats:
        wide = cv2.boxFilter(rows, cv2.CV_32F, (2 * across * reach + 1, 2 * down * reach + 1))
        if reach == radius:
            return np.asarray(wide, np.float32)
        less = reach - 1
        narrow = cv2.boxFilter(rows, cv2.CV_32F, (2 * across * less + 1, 2 * down * less + 1))
        return np.asarray(cv2.addWeighted(wide, outer, narrow, 1 - outer, 0, dtype=cv2.CV_32F), np.float32)

    if reach == radius:
        return lambda rows: along(rows, 1, 1), (reach, reach)
    return lambda rows: along(along(rows, 0, 1), 1, 0), (reach, reach)


def _motion(radius: float, angle: float) -> tuple[Filter, Reach]:
    kernel = _streak(radius, angle)
    reach = (kernel.shape[0] // 2, kernel.shape[1] // 2)
    return lambda rows: np.asarray(cv2.filter2D(rows, cv2.CV_32F, kernel), np.float32), reach


def _streak(radius: float, angle: float) -> Floats:
    """Kernel of a straight line one pixel wide with soft rims; along an axis it is a box."""
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    across, down = (math.ceil(radius * abs(part) + 0.5) for part in (cosine, sine))
    y, x = np.mgrid[-down : down + 1, -across : across + 1]
    along, aside = np.abs(x * cosine - y * sine), np.abs(x * sine + y * cosine)
    kernel = np.clip(radius + 1 - along, 0, 1) * np.clip(1 - aside, 0, 1)
    return np.asarray(kernel / kernel.sum(), np.float32)


def sharpen(
    image: Image,
    *,
    radius: float = 1.0,
    amount: float = 0.5,
    threshold: float = 0.0,
    mask: Mask | None = None,
    progress: Progress | None = None,
) -> Image:
    """Sharpen an image by unsharp masking: add what a blur takes away.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32. Alpha is not sharpened.
    radius : float
        Standard deviation of the blur in pixels, above 0 to 2000: the size of the detail to lift.
    amount : float
        How much is added, 0 to 20; 1 doubles the detail.
    threshold : float
        Differences up to this fraction of the range (0 to 1) stay as they are, so that noise is not lifted; the effect
        sets in gently above it.
    mask : ndarray, optional
        HxW; where to sharpen.
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

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", 4th edition, equation 3-65.

    Examples
    --------
    >>> import imgedit as ie
    >>> step = np.array([[60, 60, 60, 120, 120, 120]], np.uint8)
    >>> ie.sharpen(step, radius=1, amount=1).tolist()
    [[60, 56, 42, 138, 124, 120]]
    """
    image = check(image)
    check_alpha(image)
    radius = check_number(radius, "radius", above=0, most=MOST_RADIUS)
    amount = check_number(amount, "amount", least=0, most=20)
    threshold = check_number(threshold, "threshold", least=0, most=1)
    smooth, reach = gaussian(radius)

    def function(rows: Floats) -> Floats:
        detail = rows - smooth(rows)
        if threshold:
            np.copysign(np.maximum(np.abs(detail) - np.float32(threshold), 0), detail, out=detail)
        detail *= np.float32(amount)
        detail += rows
        if rows.ndim == 3 and rows.shape[2] == 4:
            detail[..., 3] = rows[..., 3]
        return detail

    return mix_by_mask(image, in_bands(image, function, reach, progress=progress), mask)


METHODS: Table[Callable[[float, float], tuple[Filter, Reach]]] = Table(
    "method", {"gaussian": gaussian, "box": _box, "motion": _motion}
)
