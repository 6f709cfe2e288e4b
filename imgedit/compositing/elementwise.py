"""Pieces that blend formulas are made of: limits, quotients, powers and choices, on arrays of floats.

A formula is a chain of passes over a strip, and most passes take the same time. Some of NumPy's do not: they branch at
each number, or leave the vector unit for zeros and underflow. What stands here does the same without.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np

__all__ = [
    "FAINT",
    "TINY",
    "Values",
    "at_least",
    "at_most",
    "at_most_white",
    "full_ratio",
    "halves",
    "power",
    "ratio",
    "root",
    "select",
]

Values: TypeAlias = Any
"""An array of floats; NumPy's types would say no more about a formula."""

# A divisor below this stands for 0: the quotient then is beyond white, or 0 over 0, for any backdrop of 16 bits.
TINY = 1e-7

# Stands for 0 where it is raised to a power; its logarithm is -69.
FAINT = 1e-30

# What e is raised to at most, either way, so that float32 holds the result.
MOST_EXPONENT = 80.0


def at_least(values: Values, least: float) -> Values:
    """Clip from below: with a number, NumPy does that three times as fast by ``clip`` as by ``maximum``."""
    return np.clip(values, least, np.inf)


def at_most(values: Values, most: float) -> Values:
    """Clip from above."""
    return np.clip(values, -np.inf, most)


def at_most_white(values: Values, backdrop: Values) -> Values:
    """Stop at white, or at the backdrop where that is brighter."""
    return np.minimum(values, at_least(backdrop, 1))


def ratio(above: Values, below: Values) -> Values:
    """Divide; 0 over anything is 0, and anything else over 0 (or less) is far beyond white."""
    return above / at_least(below, TINY)


def full_ratio(above: Values, below: Values) -> Values:
    """Divide; anything over 0 (or less), 0 too, is far beyond white."""
    below = at_least(below, FAINT)
    return np.divide(at_least(above, 1e-20), below, out=below)


def halves(s: Values) -> tuple[Values, Values]:
    """Stretch the lower half of the range to [0, 1], and the upper; each stays at its end over the other half.

    A formula for dark sources and one for light ones can then be chained, each changing nothing in the other's half.
    """
    twice = 2 * s
    low = at_most(twice, 1)
    twice -= low
    return low, twice


def root(values: Values, least: float = 0.0) -> Values:
    """Take the square root, of `least` where there is less; OpenCV does it in half of NumPy's time."""
    values = at_least(values, least)
    cv2.sqrt(values.reshape(-1), values.reshape(-1))
    return values


def power(base: Values, exponent: Values) -> Values:
    """Raise to a power of at least 1/4; what is below 0 counts as 0.

    ``np.power`` takes ten times as long for a base of 0 and for results that float32 can't hold.
    """
    out = at_least(base, FAINT)
    flat = out.reshape(-1)
    cv2.log(flat, flat)
    out *= exponent
    np.clip(out, -MOST_EXPONENT, MOST_EXPONENT, out=out)
    cv2.exp(flat, flat)
    return out


def select(condition: Values, yes: Values, no: Values) -> Values:
    """Choose by a condition as ``np.where`` does, in a third of its time where neighbours differ.

    Parameters
    ----------
    condition : ndarray of bool
        Of the shape of the last axes of `yes` and `no`.
    yes, no : ndarray or float
        What to give where it holds, and elsewhere.

    Returns
    -------
    ndarray of float
        A new array.
    """
    shape = np.broadcast_shapes(condition.shape, np.shape(yes), np.shape(no))
    out = np.empty(shape, np.result_type(yes, no))
    out[...] = no
    mask = np.ascontiguousarray(condition).view(np.uint8).reshape(-1)
    sources = np.broadcast_to(np.asarray(yes, out.dtype), shape).reshape(-1, mask.size)
    for plane, source in zip(out.reshape(-1, mask.size), sources, strict=True):
        cv2.copyTo(source, mask, plane)
    return out
