"""Interpolate pixels at arbitrary places.

Catmull-Rom's cubic through four points is the blend of the two parabolas through the first and the last three of them
[1]_. Each parabola is a straight line plus a second difference, so that with the fraction f, the linear interpolation L
and the second difference D ::

    C[p] = L[p] - f (1 - f) / 2 L[D p]

In two dimensions four linear interpolations at the same place do the work of sixteen taps. Calls are few and on all
pixels at once: two threads hand the interpreter lock to and fro at the end of each.

References
----------
.. [1] A. W. Overhauser, "Analytic definition of curves and surfaces by parabolic blending", Ford Motor Company
       SL 68-40, 1968; J. A. Brewer, D. C. Anderson, SIGGRAPH 1977. doi:10.1145/563858.563878
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.geometry.kernels import FILTERS
from imgedit.strips import Scratch

__all__ = ["REACH", "interpolate", "linear_remap_is_exact", "linear_warp_is_exact", "spread"]

Floats = NDArray[np.float32]

REACH = {"nearest": 1, "linear": 1, "cubic": 2, "mitchell": 2, "lanczos3": 3}
"""Pixels that a filter needs to each side of a place."""

SECOND_DIFFERENCE = np.array([[1, -2, 1]], np.float32)
# Fractions of a pixel in the tables of weights: between them, straight lines err by less than float32 rounds.
TABLE_STEPS = 4096


def interpolate(source: Floats, places: Floats, filter: str, scratch: Scratch) -> Floats:
    """Interpolate a picture at given places.

    Parameters
    ----------
    source : ndarray of float32
        h x w or h x w x 4, contiguous, with `REACH` pixels to spare around the places.
    places : ndarray of float32
        2 x H x W; columns and rows, pixel centres at integer + 1/2. Overwritten.
    filter : str
        A key of `REACH`.
    scratch : Scratch
        Memory to work in.

    Returns
    -------
    ndarray of float32
        H x W or H x W x 4; good until the next call with the same scratch.
    """
    if filter == "nearest":
        column, row = np.floor(places).astype(np.intp)
        return _fetch(source, row * source.shape[1] + column)
    if filter in ("linear", "cubic") and linear_remap_is_exact():
        places -= np.float32(0.5)
        out = _linear(source, places, scratch.array("interpolated", (*places.shape[1:], *source.shape[2:])))
        return out if filter == "linear" else _bent(out, source, places, scratch)
    return _taps(source, places[0], places[1], filter)


# A place that no grid of 1/32 of a pixel holds, and a ramp that says where it was looked up.
PROBE = 1.01
RAMP = np.arange(4, dtype=np.float32)[None].repeat(2, axis=0)


@functools.cache
def linear_remap_is_exact() -> bool:
    """Whether OpenCV's remap interpolates at the place given; before version 5 it rounds to 1/32 of a pixel."""
    place = np.full((1, 1), PROBE, np.float32)
    return bool(abs(float(cv2.remap(RAMP, place, np.zeros_like(place), cv2.INTER_LINEAR)[0, 0]) - PROBE) < 1e-4)


@functools.cache
def linear_warp_is_exact() -> bool:
    """Whether OpenCV's affine warp does."""
    shift = np.array([[1, 0, PROBE], [0, 1, 0]])
    moved = cv2.warpAffine(RAMP, shift, (1, 1), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return bool(abs(float(moved[0, 0]) - PROBE) < 1e-4)


def _bent(out: Floats, source: Floats, places: Floats, scratch: Scratch) -> Floats:
    """Make the cubic of the linear interpolation, in place."""
    bend, both = (scratch.array(name, source.shape) for name in ("bend", "bend both"))
    part, more, weights = (scratch.array(name, out.shape) for name in ("part", "more", "weights"))
    across, down = _negative_half_product(places)
    # With a and b for -f (1 - f) / 2 along x and y: L + b L[Dy] + a (L[Dx] + b L[Dx Dy]).
    cv2.filter2D(source, -1, SECOND_DIFFERENCE, dst=bend)
    cv2.filter2D(bend, -1, SECOND_DIFFERENCE.T, dst=both)
    _linear(bend, places, part)
    spread(down, weights)
    _add_product(_linear(both, places, more), weights, part)
    cv2.filter2D(source, -1, SECOND_DIFFERENCE.T, dst=bend)
    _add_product(_linear(bend, places, more), weights, out)
    _add_product(part, spread(across, weights), out)
    return out


def _linear(source: Floats, places: Floats, out: Floats) -> Floats:
    cv2.remap(source, places[0], places[1], cv2.INTER_LINEAR, dst=out)
    return out


def _add_product(values: Floats, weights: Floats, out: Floats) -> None:
    """Add to `out` in one pass."""
    rows = len(out)
    cv2.accumulateProduct(values.reshape(rows, -1), weights.reshape(rows, -1), out.reshape(rows, -1))


def spread(weight: Floats, out: Floats) -> Floats:
    """Repeat weights for all channels, so that products run over contiguous numbers."""
    if out.ndim == 2:
        out[:] = weight
    else:
        cv2.merge([weight] * 4, out)
    return out


def _negative_half_product(places: Floats) -> Floats:
    """Give f (f - 1) / 2 of the places' fractions."""
    fraction = np.floor(places)
    np.subtract(places, fraction, out=fraction)
    half = fraction * np.float32(0.5)
    fraction -= 1
    half *= fraction
    return half


def _taps(source: Floats, u: Floats, v: Floats, filter: str) -> Floats:
    """Sum over the taps of a kernel, column by column within row by row."""
    left, across = _weights(u, filter)
    top, down = _weights(v, filter)
    start = top * source.shape[1] + left
    out = np.zeros((*u.shape, *source.shape[2:]), np.float32)
    shares = [spread(weight, np.empty_like(out)) for weight in across]
    for row, weight in enumerate(down):
        line = np.zeros_like(out)
        for column, share in enumerate(shares):
            pixels = _fetch(source, start + (row * source.shape[1] + column))
            pixels *= share
            line += pixels
        line *= spread(weight, np.empty_like(out))
        out += line
    return out


def _weights(places: Floats, filter: str) -> tuple[NDArray[np.intp], list[Floats]]:
    """First tap of each place, and the weights of all taps."""
    start = places - np.float32(0.5)
    whole = np.floor(start)
    place = (start - whole) * np.float32(TABLE_STEPS)
    entry = place.astype(np.intp)
    rest = place - entry.astype(np.float32)
    values, slopes = _table(filter)
    weights = [
        np.take(value, entry) + np.take(slope, entry) * rest for value, slope in zip(values, slopes, strict=True)
    ]
    return whole.astype(np.intp) - (REACH[filter] - 1), weights


@functools.cache
def _table(filter: str) -> tuple[Floats, Floats]:
    """Weights of all taps at evenly spaced fractions of a pixel, and their differences to the next."""
    reach = REACH[filter]
    fraction = np.arange(TABLE_STEPS + 2) / TABLE_STEPS
    weights = FILTERS[filter].weight(np.arange(1 - reach, 1 + reach)[:, None] - fraction, 1.0)
    weights = np.array(weights / weights.sum(axis=0))
    return weights[:, :-1].astype(np.float32), np.diff(weights).astype(np.float32)


def _fetch(source: Floats, index: NDArray[np.intp]) -> Floats:
    """Pick pixels by their number; those of four floats move as one item of 16 bytes."""
    if source.ndim == 2:
        return np.take(source.reshape(-1), index, mode="clip")
    items = source.view(np.complex128).reshape(-1)
    return np.take(items, index, mode="clip")[..., None].view(np.float32)
