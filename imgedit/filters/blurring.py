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
Filter: TypeAlias = Callable[[Floats], Floats]

# Standard deviations at which the Gaussian is cut.
GAUSSIAN_REACH = 4.0

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
    blurred = in_bands(image, function, reach, border=border, space=space, progress=progress)
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
        From float32 rows to blurred rows of the same shape.
    reach : (int, int)
        Rows and columns of margin.
    """
    reach = math.ceil(GAUSSIAN_REACH * radius)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / radius) ** 2)
    return _separable(kernel / kernel.sum())


def _separable(kernel: NDArray[Any]) -> tuple[Filter, Reach]:
    kernel = kernel.astype(np.float32)
    reach = len(kernel) // 2

    def function(rows: Floats) -> Floats:
        return np.asarray(cv2.sepFilter2D(rows, cv2.CV_32F, kernel, kernel), np.float32)

    return function, (reach, reach)


def _box(radius: float, _: float) -> tuple[Filter, Reach]:
    reach = math.ceil(radius)
    kernel = np.ones(2 * reach + 1)
    kernel[[0, -1]] = 1 - (reach - radius)
    return _separable(kernel / kernel.sum())


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
