"""Resampling kernels, and the taps that they put on a row of pixels.

A kernel is sampled at the distances between an output pixel's centre and the input pixels' centres; where the output is
coarser than the input, it is stretched by that ratio, which is what removes the frequencies that the output can't hold.
The taps of each output pixel are computed in float64 and normalised to sum to 1, so that flat areas stay flat up to
the border.

References
----------
.. [1] R. G. Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 29(6), 1981, equation 4
       (a = -1/2 is the kernel known as Catmull-Rom). doi:10.1109/TASSP.1981.1163711
.. [2] D. P. Mitchell, A. N. Netravali, "Reconstruction filters in computer graphics", SIGGRAPH 1988, equation 8 (B = C
       = 1/3). doi:10.1145/378456.378514
.. [3] C. E. Duchon, "Lanczos filtering in one and two dimensions", J. Appl. Meteorology 18, 1979.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgedit.tables import Table

__all__ = ["FILTERS", "Kernel", "Taps", "make_taps"]

Weight = Callable[[NDArray[np.float64], float], NDArray[np.float64]]


@dataclass(frozen=True)
class Kernel:
    """A resampling kernel.

    Parameters
    ----------
    weight : callable
        ``weight(distance, ratio)``: the weight of an input pixel at a signed distance (in input pixels) from the centre
        of an output pixel that is `ratio` input pixels wide. Need not be normalised.
    reach : callable
        ``reach(ratio)``: the distance beyond which the weight is 0.
    """

    weight: Weight
    reach: Callable[[float], float]


@dataclass(frozen=True)
class Taps:
    """Which input pixels make each output pixel of one axis, and by how much.

    Parameters
    ----------
    first : ndarray of int
        N; index of the first input pixel.
    weights : ndarray of float32
        N x taps; rows sum to 1, and are 0 where a pixel needs fewer taps than the widest.
    """

    first: NDArray[np.intp]
    weights: NDArray[np.float32]


def make_taps(kernel: Kernel, length: int, centres: NDArray[np.float64], ratio: float) -> Taps:
    """Compute the taps for output pixels at given places.

    Parameters
    ----------
    kernel : Kernel
        A row of `FILTERS`.
    length : int
        Number of input pixels; those beyond are left out and the others share their weight.
    centres : ndarray of float64
        N; centres of the output pixels in input coordinates (pixel 0 reaches from 0 to 1).
    ratio : float
        Width of an output pixel in input pixels.

    Returns
    -------
    Taps
        One row a centre.
    """
    reach = kernel.reach(ratio)
    count = min(length, int(np.ceil(2 * reach)) + 1)
    # The half moves from edges to centres: input pixel k is centred on k + 1/2.
    first = np.clip(np.floor(centres - reach + 0.5).astype(np.intp), 0, length - count)
    distance = first[:, None] + np.arange(count) + 0.5 - centres[:, None]
    weights = kernel.weight(distance, ratio)
    total = weights.sum(axis=1, keepdims=True)
    # A centre so far outside that no pixel is in reach takes the nearest one.
    nearest = np.abs(distance) == np.abs(distance).min(axis=1, keepdims=True)
    weights = np.where(total == 0, nearest, weights)
    weights /= weights.sum(axis=1, keepdims=True)
    used = np.flatnonzero(weights.any(axis=0))
    return Taps(first + used[0], weights[:, used[0] : used[-1] + 1].astype(np.float32))


def _stretched(shape: Callable[[NDArray[np.float64]], NDArray[np.float64]], support: float) -> Kernel:
    """Make a kernel from its shape at unit scale: stretched where the output is coarser, never squeezed."""
    return Kernel(
        weight=lambda distance, ratio: shape(distance / max(ratio, 1.0)),
        reach=lambda ratio: support * max(ratio, 1.0),
    )


def _box(x: NDArray[np.float64]) -> NDArray[np.float64]:
    # Half open, so that a pixel on the seam of two boxes counts once.
    return np.asarray((x > -0.5) & (x <= 0.5), np.float64)


def _triangle(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.maximum(1 - np.abs(x), 0))


def _cubic(b: float, c: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Make the two-parameter cubic of Mitchell and Netravali; B = 0, C = 1/2 is Catmull-Rom."""

    def shape(x: NDArray[np.float64]) -> NDArray[np.float64]:
        x = np.abs(x)
        inner = ((12 - 9 * b - 6 * c) * x + (-18 + 12 * b + 6 * c)) * x * x + (6 - 2 * b)
        outer = (((-b - 6 * c) * x + (6 * b + 30 * c)) * x + (-12 * b - 48 * c)) * x + (8 * b + 24 * c)
        return np.asarray(np.where(x < 1, inner, np.where(x < 2, outer, 0)) / 6)

    return shape


def _lanczos3(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0))


def _coverage(distance: NDArray[np.float64], ratio: float) -> NDArray[np.float64]:
    """Give the length that an input pixel shares with the output pixel's footprint."""
    return np.asarray(np.clip((ratio + 1) / 2 - np.abs(distance), 0, min(ratio, 1.0)))


FILTERS: Table[Kernel] = Table(
    "filter",
    {
        "nearest": Kernel(lambda distance, _: _box(distance), lambda _: 0.5),
        "box": _stretched(_box, 0.5),
        "area": Kernel(_coverage, lambda ratio: (ratio + 1) / 2),
        "linear": _stretched(_triangle, 1.0),
        "cubic": _stretched(_cubic(0, 1 / 2), 2.0),
        "mitchell": _stretched(_cubic(1 / 3, 1 / 3), 2.0),
        "lanczos3": _stretched(_lanczos3, 3.0),
    },
)
