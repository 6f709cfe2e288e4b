"""Blend formulas on whole numbers: bits of the levels, and what is left when levels are divided.

Each is ``f(backdrop, source)`` on float arrays of the same shape, black at 0 and white at 1. Values are rounded to
16-bit levels first, in which the 8-bit ones are exact: in floats a rounding would decide what is a multiple of what.

References
----------
Krita manual, blending modes, binary and modulo.
https://docs.krita.org/en/reference_manual/blending_modes.html
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import DTypeLike

from imgedit.compositing.elementwise import Values, above, scaled_ratio, weighted
from imgedit.pixels import full_range

WHITE = full_range(np.uint16)


def bitwise(function: Callable[[Values, Values], Values], what: str) -> Callable[[Values, Values], Values]:
    """Make a formula of an operation on the bits of 16-bit levels; 8-bit levels then give what they do by themselves.

    Parameters
    ----------
    function : callable
        On two arrays of uint16.
    what : str
        The operation in words.

    Returns
    -------
    callable
        ``formula(backdrop, source)``.
    """

    def formula(b: Values, s: Values) -> Values:
        return _from_levels(function(_levels(b, np.uint16), _levels(s, np.uint16)), b)

    formula.__doc__ = f"Work on the bits of the levels: ``{what}`` (Krita, chaiNNer, Pillow's logical operations)."
    return formula


def add_modulo(b: Values, s: Values) -> Values:
    """Add 8-bit levels modulo 256 (Pillow)."""
    return _from_levels(_levels(b, np.uint8) + _levels(s, np.uint8), b)


def subtract_modulo(b: Values, s: Values) -> Values:
    """Subtract 8-bit levels modulo 256 (Pillow)."""
    return _from_levels(_levels(b, np.uint8) - _levels(s, np.uint8), b)


def _levels(values: Values, dtype: DTypeLike) -> Values:
    """Round to whole levels of a dtype, in one pass."""
    depth = cv2.CV_8U if dtype == np.uint8 else cv2.CV_16U
    flat, half = values.reshape(-1), full_range(dtype) / 2  # twice the same image at half, as in `scaled`
    return cv2.addWeighted(flat, half, flat, half, 0, dtype=depth).reshape(values.shape)


def _from_levels(levels: Values, like: Values) -> Values:
    values = levels.astype(like.dtype)
    values /= full_range(levels.dtype)
    return values


def modulo(b: Values, s: Values) -> Values:
    """Give what is left when the source is taken away as often as it goes: ``b mod s``, 0 where s = 0 (Krita)."""
    rest = _rest(_whole(b), _divisor(s))
    rest /= WHITE
    return rest


def divisive_modulo(b: Values, s: Values) -> Values:
    """Give the fraction of the quotient: ``(b / s) mod 1``, 0 where s = 0 (Krita)."""
    divisor = _divisor(s)
    rest = _rest(_whole(b), divisor)
    rest /= divisor
    return rest


def modulo_continuous(b: Values, s: Values) -> Values:
    """Go up and down between 0 and the source, where modulo jumps: ``s`` times divisive modulo continuous (Krita)."""
    rest = _swing(_whole(b), _divisor(s))
    rest *= above(s, 0)
    rest /= WHITE
    return rest


def divisive_modulo_continuous(b: Values, s: Values) -> Values:
    """Go up and down where divisive modulo jumps: ``1 - |1 - (b / s) mod 2|``, 0 where s = 0 (Krita)."""
    divisor = _divisor(s)
    wave = _swing(_whole(b), divisor)
    wave /= divisor
    wave *= above(s, 0)
    return wave


def _whole(values: Values, least: float = 0.0) -> Values:
    """Levels of 16 bits, as floats."""
    levels = np.clip(values, least, 1)
    levels *= WHITE
    return np.rint(levels, out=levels)


def _divisor(s: Values) -> Values:
    """Levels of at least 1."""
    return _whole(s, 1 / WHITE)


def _swing(levels: Values, divisor: Values) -> Values:
    """Distance from the nearest even multiple of a whole number."""
    # A quotient that is rounded to the wrong side of an odd number leads to the other of two multiples just as far.
    times = scaled_ratio(levels, divisor, 0.5)
    np.rint(times, out=times)
    times *= divisor
    rest = weighted(levels, 1, times, -2)
    return np.abs(rest, out=rest)


def _rest(levels: Values, divisor: Values) -> Values:
    """Give what is left when whole numbers are divided.

    A quotient that is not whole falls short of the next whole number by 1 / divisor at least, which for 16 bits
    no rounding of float32 reaches; a division of integers takes twelve times as long as one of floats.
    """
    times = levels / divisor
    np.floor(times, out=times)
    times *= divisor
    return levels - times
