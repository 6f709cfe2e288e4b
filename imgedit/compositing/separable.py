"""Separable blend formulas: the W3C specification's, Photoshop's and GIMP's.

Each is ``f(backdrop, source)`` on float arrays of the same shape, black at 0 and white at 1. Formulas that stop at
white stop at the brighter of white and backdrop, so that highlights above 1 in float images survive a source that
changes nothing.

References
----------
W3C (2024). Compositing and Blending Level 1. https://www.w3.org/TR/compositing-1/
ISO 32000-1:2008 (PDF 1.7), 11.3.5 Blend mode.
Adobe. Photoshop user guide, Blending modes. https://helpx.adobe.com/photoshop/using/blending-modes.html
The GIMP documentation team. GNU Image Manipulation Program user manual, section 8.2, Layer modes.
https://docs.gimp.org/3.0/en/gimp-concepts-layer-modes.html
"""

from __future__ import annotations

import cv2
import numpy as np

from imgedit.compositing.elementwise import (
    FAINT,
    Values,
    above,
    at_least,
    at_most,
    cap,
    cap_at_white,
    halves,
    ratio,
    root,
    scaled,
    scaled_product,
    select,
    weighted,
)


def normal(_b: Values, s: Values) -> Values:
    """Give the source: ``s`` (W3C 10.1.1)."""
    return s


def multiply(b: Values, s: Values) -> Values:
    """Filter one by the other: ``b s`` (W3C 10.1.2)."""
    return b * s


def screen(b: Values, s: Values) -> Values:
    """Multiply the complements: ``b + s - b s`` (W3C 10.1.3)."""
    return b + s - b * s


def overlay(b: Values, s: Values) -> Values:
    """Hard light with the two images exchanged (W3C 10.1.4)."""
    return hard_light(s, b)


def darken(b: Values, s: Values) -> Values:
    """Give the darker: ``min(b, s)`` (W3C 10.1.5)."""
    return np.minimum(b, s)


def lighten(b: Values, s: Values) -> Values:
    """Give the lighter: ``max(b, s)`` (W3C 10.1.6)."""
    return np.maximum(b, s)


def color_dodge(b: Values, s: Values) -> Values:
    """Brighten by the source: ``min(1, b / (1 - s))``, 0 where b = 0 (W3C 10.1.7)."""
    return cap_at_white(ratio(b, 1 - s), b)


def color_burn(b: Values, s: Values) -> Values:
    """Darken by the source: ``1 - min(1, (1 - b) / s)``, 1 where b = 1 (W3C 10.1.8)."""
    return 1 - cap(ratio(1 - b, s), 1)


def hard_light(b: Values, s: Values) -> Values:
    """Multiply by ``2 s`` up to half, screen with ``2 s - 1`` above (W3C 10.1.9)."""
    low, high = halves(s)
    low -= high
    low *= b
    return low + high  # b low + high - b high: one of the two stands still


def soft_light(b: Values, s: Values) -> Values:
    """Dodge or burn softly, with a polynomial for dark backdrops (W3C 10.1.10)."""
    # With m = max(b, 1/4), where the root begins, and x = b - m, the curve is b + sqrt(m) - m + 16 x^3.
    upper = at_least(b, 0.25)
    rise = root(upper)
    rise -= upper
    lower = np.subtract(b, upper, out=upper)
    cv2.accumulateProduct(scaled_product(lower, lower, 16), lower, rise)
    return _soften(b, s, rise)


def soft_light_photoshop(b: Values, s: Values) -> Values:
    """Dodge or burn softly, with a square root at any backdrop (older Photoshop, Krita)."""
    return _soften(b, s, root(b) - b)


def _soften(b: Values, s: Values, rise: Values) -> Values:
    """Raise a backdrop for a light source, move it towards its square for a dark one."""
    # b - (1 - 2 s) (b - b^2) up to half, b + (2 s - 1) rise above.
    dark = at_most(s, 0.5)
    light = weighted(s, 2, dark, -2)
    result = b * b
    cv2.accumulateProduct(dark, weighted(b, 2, result, -2), result)
    cv2.accumulateProduct(light, rise, result)
    return result


def difference(b: Values, s: Values) -> Values:
    """Subtract the darker from the lighter: ``|b - s|`` (W3C 10.1.11)."""
    return np.abs(b - s)


def exclusion(b: Values, s: Values) -> Values:
    """Subtract with less contrast: ``b + s - 2 b s`` (W3C 10.1.12)."""
    return b + s - 2 * b * s


def linear_burn(b: Values, s: Values) -> Values:
    """Add, less white: ``max(0, b + s - 1)`` (Photoshop)."""
    return at_least(b + s - 1, 0)


def linear_dodge(b: Values, s: Values) -> Values:
    """Add: ``min(1, b + s)`` (Photoshop; also called add)."""
    return cap_at_white(b + s, b)


def vivid_light(b: Values, s: Values) -> Values:
    """Color burn with ``2 s`` up to half, color dodge with ``2 s - 1`` above; black gives 0, white 1 (Photoshop)."""
    # 1 + (b - 1) / 2s and b / (2 - 2s) are one quotient, from 1 downwards or from 0 upwards.
    twice = scaled(s, 2, -1)
    start = 1 - above(twice, 0)
    result = b - start
    cv2.scaleAdd(twice, FAINT, result, result)  # decides 0 / 0 for black and white sources
    np.abs(twice, out=twice)
    np.subtract(1, twice, out=twice)
    result /= at_least(twice, FAINT)
    result += start
    return cap_at_white(at_least(result, 0), b)


def linear_light(b: Values, s: Values) -> Values:
    """Linear burn up to half, linear dodge above: ``b + 2 s - 1`` within [0, 1] (Photoshop)."""
    return cap_at_white(at_least(b + scaled(s, 2, -1), 0), b)


def pin_light(b: Values, s: Values) -> Values:
    """Darken with ``2 s`` up to half, lighten with ``2 s - 1`` above (Photoshop)."""
    return np.maximum(np.minimum(b, 2 * s), 2 * s - 1)


def hard_mix(b: Values, s: Values) -> Values:
    """Leave only 0 and 1: white where ``b + s > 1``, and at 1 where ``b > 1/2`` (Photoshop)."""
    total = b + s
    return ((total > 1) | ((total == 1) & (b > 0.5))).astype(b.dtype)


def subtract(b: Values, s: Values) -> Values:
    """Take the source away: ``max(0, b - s)`` (Photoshop)."""
    return at_least(b - s, 0)


def divide(b: Values, s: Values) -> Values:
    """Divide by the source: ``min(1, b / s)``, 0 where both are 0 (Photoshop)."""
    return cap_at_white(ratio(b, s), b)


def addition(b: Values, s: Values) -> Values:
    """Add, without end: ``b + s`` (GIMP, libvips)."""
    return b + s


def subtract_gimp(b: Values, s: Values) -> Values:
    """Take the source away, without end: ``b - s`` (GIMP)."""
    return b - s


def divide_gimp(b: Values, s: Values) -> Values:
    """Divide by the source, without end: ``b / s`` (GIMP)."""
    return _quotient(b, s)


def color_dodge_gimp(b: Values, s: Values) -> Values:
    """Brighten by the source, without end: ``b / (1 - s)`` (GIMP)."""
    return _quotient(b, 1 - s)


def color_burn_gimp(b: Values, s: Values) -> Values:
    """Darken by the source, without end: ``1 - (1 - b) / s`` (GIMP)."""
    return 1 - _quotient(1 - b, s)


def linear_burn_gimp(b: Values, s: Values) -> Values:
    """Add, less white, without end: ``b + s - 1`` (GIMP)."""
    return b + s - 1


def linear_light_gimp(b: Values, s: Values) -> Values:
    """Linear burn or dodge, without end: ``b + 2 s - 1`` (GIMP)."""
    return b + 2 * s - 1


def vivid_light_gimp(b: Values, s: Values) -> Values:
    """Color burn with ``2 s`` up to half, color dodge with ``2 s - 1`` above, without end (GIMP)."""
    return select(s <= 0.5, color_burn_gimp(b, 2 * s), color_dodge_gimp(b, 2 * s - 1))


def hard_mix_gimp(b: Values, s: Values) -> Values:
    """Leave only 0 and 1: white where ``b + s >= 1`` (GIMP)."""
    return (b + s >= 1).astype(b.dtype)


def grain_extract(b: Values, s: Values) -> Values:
    """Subtract around middle grey: ``b - s + 1/2``, without end (GIMP)."""
    return b - s + 0.5


def grain_merge(b: Values, s: Values) -> Values:
    """Add around middle grey: ``b + s - 1/2``, without end (GIMP); undoes grain extract."""
    return b + s - 0.5


def _quotient(above: Values, below: Values) -> Values:
    """Divide as GIMP does: 0 over anything is 0, and nothing is larger than a million."""
    return (np.abs(above) > 1e-6) * (above / at_least(below, 1e-6))
