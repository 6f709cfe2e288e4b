"""Pieces that blend formulas are made of: limits, quotients, powers and choices, on arrays of floats.

A formula is a chain of passes over a strip, and most passes take the same time; one that writes over its argument takes
half to two thirds of it. Some of NumPy's take longer: they branch at each number, or leave the vector unit for zeros
and underflow. What stands here does the same without. `cap` and `cap_at_white` write over their first argument, which
must be an array that the formula made, never its backdrop or source.

Two pieces of a formula are better chained, or chosen by a factor of 0 or 1, than picked by a mask: a choice for each
pixel takes nearly twice as long where it follows the picture's edges, which a processor can't foresee.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np

__all__ = [
    "FAINT",
    "TINY",
    "Values",
    "above",
    "as_row",
    "at_least",
    "at_most",
    "at_nan",
    "cap",
    "cap_at_white",
    "full_ratio",
    "halves",
    "in_range",
    "not_above",
    "power",
    "ratio",
    "root",
    "scaled",
    "scaled_product",
    "scaled_ratio",
    "select",
    "turn",
    "weighted",
]

Values: TypeAlias = Any
"""An array of floats; NumPy's types would say no more about a formula."""

# A divisor below this stands for 0: the quotient then is beyond white, or 0 over 0, for any backdrop of 16 bits.
TINY = 1e-7

# Stands for 0 where it is raised to a power; its logarithm is -69.
FAINT = 1e-30

# The bits of 1.
ONE = np.float32(1).view(np.uint32)

# What e is raised to at most, either way, so that float32 holds the result.
MOST_EXPONENT = 80.0


def as_row(values: Values) -> Values:
    """View an array of any shape so that OpenCV takes it for an image; it takes lists of up to four for a scalar."""
    return values.reshape(1, -1)


def in_range(values: Values) -> bool:
    """Whether all are in [0, 1]; where that is not so, a zero's sign may be the reason."""
    if values.dtype != np.float32:
        return bool(values.min() >= 0 and values.max() <= 1)
    # As whole numbers, the floats below 0 and NaN lie above all others: one pass instead of two.
    return bool(values.view(np.uint32).max() <= ONE)


def at_least(values: Values, least: float) -> Values:
    """Clip from below: with a number, NumPy does that three times as fast by ``clip`` as by ``maximum``."""
    if least == 0:
        return _limited(values, 0, cv2.THRESH_TOZERO)
    return np.clip(values, least, np.inf)


def at_most(values: Values, most: float) -> Values:
    """Clip from above: half the time of ``clip``."""
    return _limited(values, most, cv2.THRESH_TRUNC)


def cap(values: Values, most: float) -> Values:
    """Clip from above, in place."""
    flat = values.reshape(-1)
    cv2.threshold(flat, most, 0, cv2.THRESH_TRUNC, flat)
    return values


def cap_at_white(values: Values, backdrop: Values) -> Values:
    """Stop at white, or at the backdrop where that is brighter; in place."""
    if backdrop.max() <= 1:
        return cap(values, 1)
    return np.minimum(values, at_least(backdrop, 1), out=values)


def above(values: Values, limit: float) -> Values:
    """Give 1 where values are above a limit, else 0."""
    return _limited(values, limit, cv2.THRESH_BINARY)


def not_above(values: Values, limit: float) -> Values:
    """Give 0 where values are above a limit, else 1."""
    return _limited(values, limit, cv2.THRESH_BINARY_INV)


def _limited(values: Values, limit: float, kind: int) -> Values:
    out = np.empty(values.shape, values.dtype)
    cv2.threshold(values.reshape(-1), limit, 1, kind, out.reshape(-1))
    return out


def turn(values: Values, where: Values) -> Values:
    """Subtract from white where `where` is 1, not where it is 0."""
    if in_range(values):
        out = np.empty(values.shape, values.dtype)
        cv2.absdiff(as_row(where), as_row(values), as_row(out))
        return out
    out = scaled(where, -2, 1)
    out *= values
    out += where
    return out


def scaled(values: Values, factor: float, term: float) -> Values:
    """Give ``factor values + term`` in one pass."""
    # OpenCV adds two images, each times a number: twice the same one, at half of it (not at 0, which times inf is NaN).
    out = np.empty(values.shape, values.dtype)
    flat = values.reshape(-1)
    cv2.addWeighted(flat, factor / 2, flat, factor / 2, term, out.reshape(-1))
    return out


def weighted(one: Values, factor: float, other: Values, other_factor: float) -> Values:
    """Give ``factor one + other_factor other`` in one pass."""
    out = np.empty(one.shape, one.dtype)
    cv2.addWeighted(as_row(one), factor, as_row(other), other_factor, 0, as_row(out))
    return out


def scaled_product(one: Values, other: Values, factor: float) -> Values:
    """Give ``factor one other`` in one pass."""
    out = np.empty(one.shape, one.dtype)
    cv2.multiply(as_row(one), as_row(other), as_row(out), factor)
    return out


def scaled_ratio(above: Values, below: Values, factor: float) -> Values:
    """Give ``factor above / below`` in one pass; 0 / 0 is NaN, and anything else over 0 infinite."""
    out = np.empty(above.shape, above.dtype)
    cv2.divide(as_row(above), as_row(below), as_row(out), factor)
    return out


def at_nan(values: Values, number: float) -> Values:
    """Put a number where there is none, as 0 / 0 gives, in place."""
    cv2.patchNaNs(as_row(values), number)
    return values


def ratio(above: Values, below: Values) -> Values:
    """Divide; 0 over anything is 0, and anything else over 0 (or less) is far beyond white."""
    below = at_least(below, TINY)
    return np.divide(above, below, out=below)


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
    if not values.min() >= least:  # or NaN
        values = at_least(values, least)
    out = np.empty(values.shape, values.dtype)
    cv2.sqrt(values.reshape(-1), out.reshape(-1))
    return out


def power(base: Values, exponent: Values, *, least: float = FAINT, steep: bool = False) -> Values:
    """Raise to a power; what is below 0 counts as 0.

    ``np.power`` takes ten times as long for a base of 0 and for results that float32 can't hold.

    Parameters
    ----------
    base, exponent : ndarray or float
        The exponent is at least 0.
    least : float
        Stands for 0, whose logarithm has no end. Raised to the largest exponent, it must stay above 1e-37.
    steep : bool
        Whether exponents have no limit.

    Returns
    -------
    ndarray of float
        A new array.
    """
    out = at_least(base, least)
    flat = out.reshape(-1)
    cv2.log(flat, flat)
    out *= exponent
    if steep:
        np.clip(out, -MOST_EXPONENT, MOST_EXPONENT, out=out)
    cv2.exp(flat, flat)
    return out


def select(condition: Values, yes: Values, no: Values) -> Values:
    """Choose by a condition as ``np.where`` does, in less than its time where neighbours differ.

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
