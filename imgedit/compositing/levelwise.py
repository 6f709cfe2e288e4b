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

import numpy as np

from imgedit.compositing.elementwise import Values

WHITE = 65535


def _levels(values: Values, white: int = WHITE) -> Values:
    return (np.clip(values, 0, 1) * white + 0.5).astype(np.int32)


def bitwise(function: Callable[[Values, Values], Values], what: str) -> Callable[[Values, Values], Values]:
    """Make a formula of an operation on the bits of 16-bit levels; 8-bit levels then give what they do by themselves.

    Parameters
    ----------
    function : callable
        On two arrays of int32; bits above the sixteenth are dropped.
    what : str
        The operation in words.

    Returns
    -------
    callable
        ``formula(backdrop, source)``.
    """

    def formula(b: Values, s: Values) -> Values:
        return (function(_levels(b), _levels(s)) & WHITE).astype(b.dtype) / WHITE

    formula.__doc__ = f"Work on the bits of the levels: ``{what}`` (Krita, chaiNNer, Pillow's logical operations)."
    return formula


def add_modulo(b: Values, s: Values) -> Values:
    """Add 8-bit levels modulo 256 (Pillow)."""
    return ((_levels(b, 255) + _levels(s, 255)) & 255).astype(b.dtype) / 255


def subtract_modulo(b: Values, s: Values) -> Values:
    """Subtract 8-bit levels modulo 256 (Pillow)."""
    return ((_levels(b, 255) - _levels(s, 255)) & 255).astype(b.dtype) / 255


def modulo(b: Values, s: Values) -> Values:
    """Give what is left when the source is taken away as often as it goes: ``b mod s``, 0 where s = 0 (Krita)."""
    return (_levels(b) % _divisor(s)).astype(b.dtype) / WHITE


def divisive_modulo(b: Values, s: Values) -> Values:
    """Give the fraction of the quotient: ``(b / s) mod 1``, 0 where s = 0 (Krita)."""
    divisor = _divisor(s)
    return (_levels(b) % divisor).astype(b.dtype) / divisor.astype(b.dtype)


def modulo_continuous(b: Values, s: Values) -> Values:
    """Go up and down between 0 and the source, where modulo jumps: ``s`` times divisive modulo continuous (Krita)."""
    return divisive_modulo_continuous(b, s) * s


def divisive_modulo_continuous(b: Values, s: Values) -> Values:
    """Go up and down where divisive modulo jumps: ``1 - |1 - (b / s) mod 2|``, 0 where s = 0 (Krita)."""
    divisor = _divisor(s)
    rest = _levels(b) % (2 * divisor)
    return (s > 0) * np.minimum(rest, 2 * divisor - rest).astype(b.dtype) / divisor.astype(b.dtype)


def _divisor(s: Values) -> Values:
    return np.maximum(_levels(s), 1)
