"""Separable blend formulas beyond the usual: Pegtop's quadratic modes, Krita's, chaiNNer's, ImageMagick's.

Each is ``f(backdrop, source)`` on float arrays of the same shape, black at 0 and white at 1.

References
----------
Baumann, J. (Pegtop). Blend modes. http://www.pegtop.net/delphi/articles/blendmodes/
Krita manual, blending modes. https://docs.krita.org/en/reference_manual/blending_modes.html
ImageMagick. Compose operators. https://imagemagick.org/Usage/compose/
"""

from __future__ import annotations

import cv2
import numpy as np

from imgedit.compositing.elementwise import (
    FAINT,
    TINY,
    Values,
    above,
    as_row,
    at_least,
    at_nan,
    cap,
    cap_at_white,
    full_ratio,
    halves,
    in_range,
    not_above,
    power,
    ratio,
    root,
    scaled,
    scaled_ratio,
    select,
    turn,
)

# Added to what is raised to a power of at most 3 and to what is squared and divided by what may be 0: too little to be
# seen. (OpenCV takes the logarithm of 0 and the power of that in seven times the time of other numbers.)
LEAST, LEAST_SHARE = 1e-12, 1e-17


def soft_light_pegtop(b: Values, s: Values) -> Values:
    """Mix multiply and screen by the backdrop: ``(1 - 2 s) b^2 + 2 s b`` (Pegtop, GIMP, Pillow)."""
    return b * (b + 2 * s * (1 - b))


def soft_light_illusions(b: Values, s: Values) -> Values:
    """Change the backdrop's gamma: ``b ^ (2 ^ (1 - 2 s))`` (IFS Illusions, Krita)."""
    return power(b, np.exp2(scaled(s, -2, 1)), steep=True)


def reflect(b: Values, s: Values) -> Values:
    """Shine: ``min(1, b^2 / (1 - s))``, 1 where s = 1 (Pegtop, chaiNNer, Krita)."""
    return cap_at_white(full_ratio(b * b, 1 - s), b)


def glow(b: Values, s: Values) -> Values:
    """Reflect with the two images exchanged: ``min(1, s^2 / (1 - b))`` (Pegtop, chaiNNer, Krita)."""
    return reflect(s, b)


def freeze(b: Values, s: Values) -> Values:
    """Reflect of the complements: ``1 - min(1, (1 - b)^2 / s)``, 1 where b = 1, else 0 where s = 0 (Pegtop, Krita)."""
    rest = 1 - b
    rest *= rest
    rest /= at_least(s, FAINT)
    result = 1 - cap(rest, 1)
    return result if b.max() <= 1 else select(b >= 1, b, result)


def heat(b: Values, s: Values) -> Values:
    """Freeze with the two images exchanged: ``1 - min(1, (1 - s)^2 / b)`` (Pegtop, Krita)."""
    return freeze(s, b)


def helow(b: Values, s: Values) -> Values:
    """Heat where ``b + s > 1``, else glow (Krita)."""
    return _glow_or_heat(b, s, b + s, 1)


def frect(b: Values, s: Values) -> Values:
    """Freeze where ``b + s > 1``, else reflect (Krita)."""
    return helow(s, b)


def gleat(b: Values, s: Values) -> Values:
    """Glow where ``b + s > 1``, else heat (Krita)."""
    return _glow_or_heat(b, s, 1 - b - s, 0)  # at b + s = 1 the two are the same


def reeze(b: Values, s: Values) -> Values:
    """Gleat with the two images exchanged (Krita)."""
    return gleat(s, b)


def fhyrd(b: Values, s: Values) -> Values:
    """Mean of frect and helow (Krita)."""
    # Where b + s < 1 that is (b^2 / (1 - s) + s^2 / (1 - b)) / 2, elsewhere the same upside down: with the smaller and
    # the larger of b and 1 - s it is one formula for both.
    rest = 1 - s
    upper = above(b - rest, 0)
    low, high = np.minimum(b, rest), np.maximum(b, rest, out=rest)
    up, down = 1 - high, 1 - low
    plain = high.min() >= 0 and down.min() >= 0  # and no NaN
    if not plain:
        for below in (high, down):
            np.maximum(below, 0, out=below)
        for share in (low, up):
            share += LEAST_SHARE  # over 0, its square is beyond white
    result = scaled_ratio(low, high, 0.5)
    result *= low
    cv2.accumulateProduct(scaled_ratio(up, down, 0.5), up, result)
    if plain:
        at_nan(result, 1)  # 0 over 0, which is beyond white too, as in `full_ratio`
    return _complement(cap(result, 1), upper)


def negation(b: Values, s: Values) -> Values:
    """Difference upside down: ``1 - |1 - b - s|`` (Pegtop, chaiNNer, Krita)."""
    return 1 - np.abs(1 - b - s)


def allanon(b: Values, s: Values) -> Values:
    """Mean: ``(b + s) / 2`` (Krita)."""
    return (b + s) / 2


def geometric_mean(b: Values, s: Values) -> Values:
    """Geometric mean: ``sqrt(b s)`` (Krita)."""
    return root(b * s)


def parallel(b: Values, s: Values) -> Values:
    """Harmonic mean: ``2 / (1/b + 1/s)``, 0 where either is 0 (Krita)."""
    return 2 * b * s / at_least(b + s, TINY)


def additive_subtractive(b: Values, s: Values) -> Values:
    """Difference of the roots: ``|sqrt(b) - sqrt(s)|`` (Krita)."""
    return np.abs(root(b) - root(s))


def arc_tangent(b: Values, s: Values) -> Values:
    """Angle between the two: ``2/pi atan(s / b)`` (Krita)."""
    return np.arctan2(s, b) * np.float32(2 / np.pi)


def gamma_dark(b: Values, s: Values) -> Values:
    """Darken by a power: ``b ^ (1 / s)``, 0 where s = 0 (Krita)."""
    exponent = at_least(s, TINY)
    result = power(b, np.divide(1, exponent, out=exponent), steep=True)
    result *= (s > 0).astype(b.dtype)
    return result


def gamma_light(b: Values, s: Values) -> Values:
    """Lighten by a power: ``b ^ s`` (Krita)."""
    result = power(b, s)
    result *= ((b > 0) | (s <= 0)).astype(b.dtype)
    return result


def gamma_illumination(b: Values, s: Values) -> Values:
    """Gamma dark of the complements: ``1 - (1 - b) ^ (1 / (1 - s))`` (Krita)."""
    return 1 - gamma_dark(1 - b, 1 - s)


def hard_overlay(b: Values, s: Values) -> Values:
    """Multiply by ``2 s`` up to half, divide by ``2 - 2 s`` above; white gives 1 (Krita)."""
    low, high = halves(s)
    low *= b
    return cap_at_white(full_ratio(low, 1 - high), b)


def hard_mix_krita(b: Values, s: Values) -> Values:
    """Color dodge where the backdrop is above half, else color burn (Krita)."""
    # b / (1 - s) or 1 - (1 - b) / s: the latter is the former upside down.
    dark = not_above(b, 0.5)
    return _complement(cap_at_white(ratio(turn(b, dark), turn(s, above(b, 0.5))), b), dark)


def interpolation(b: Values, s: Values) -> Values:
    """Mean of the two on a cosine: ``1/2 - cos(pi s)/4 - cos(pi b)/4`` (Krita)."""
    waves = _cosines(b, s)
    waves *= -0.25
    waves += 0.5
    return waves


def interpolation_2x(b: Values, s: Values) -> Values:
    """Interpolation of the interpolation with itself (Krita)."""
    waves = _cosines(b, s)
    waves *= np.float32(np.pi / 4)
    np.sin(waves, out=waves)  # the cosine of pi times the first interpolation
    waves *= -0.5
    waves += 0.5
    return waves


def _cosines(b: Values, s: Values) -> Values:
    """Add up ``cos(pi b)`` and ``cos(pi s)``."""
    one, other = np.float32(np.pi) * b, np.float32(np.pi) * s
    np.cos(one, out=one)
    one += np.cos(other, out=other)
    return one


def penumbra_a(b: Values, s: Values) -> Values:
    """Penumbra B with the two images exchanged (Krita)."""
    return penumbra_b(s, b)


def penumbra_b(b: Values, s: Values) -> Values:
    """Half of ``s / (1 - b)`` below 1, else 1 less half of its inverse; 1 where b = 1 (Krita; IM's soft burn)."""
    return _half_or_inverse(full_ratio(s, 1 - b))


def penumbra_c(b: Values, s: Values) -> Values:
    """Penumbra D with the two images exchanged (Krita)."""
    return penumbra_d(s, b)


def penumbra_d(b: Values, s: Values) -> Values:
    """Arc tangent with the complement of the backdrop, 1 where b = 1 (Krita)."""
    return arc_tangent(at_least(1 - b, 0), at_least(s, TINY * TINY))


def flat_light(b: Values, s: Values) -> Values:
    """Penumbra B where the backdrop is lighter than the source, else penumbra A; 0 where s = 0 (Krita)."""
    # Half of low / (1 - high) up to 1, else 1 less half of the inverse: with the smaller and the larger of the two one
    # formula for both, upside down for the latter.
    low, rest = np.minimum(b, s), np.maximum(b, s)
    np.subtract(1, rest, out=rest)
    share, below = np.minimum(low, rest), np.maximum(low, rest)
    if share.min() >= 0 and below.min() >= 0:  # and no NaN
        # The two are one where b + s is 1; there s decides, as 0 / 0 of black and white wants it.
        upper = above(cv2.scaleAdd(as_row(s), 1 + 1e-7, as_row(b)).reshape(b.shape), 1)
        return _complement(at_nan(scaled_ratio(share, below, 0.5), 0), upper)
    upper = above(low - rest, 0)
    below = at_least(below, FAINT)
    np.copyto(upper, (s > 0) & (low >= 0), where=below == np.float32(FAINT))
    return _complement(scaled_ratio(at_least(share, 0), below, 0.5), upper)


def _half_or_inverse(share: Values) -> Values:
    """Halve what is below 1, and give 1 less half of the inverse of what is above; in place."""
    inverse = at_least(share, 1)
    share = cap(share, 1)
    share -= np.divide(1, inverse, out=inverse)  # one of the two is 1
    return scaled(share, 0.5, 0.5)


def p_norm_a(b: Values, s: Values) -> Values:
    """Length in a norm: ``min(1, (b^p + s^p) ^ (1/p))`` with p = 7/3 (Krita)."""
    return _norm(b, s, 7 / 3)


def p_norm_b(b: Values, s: Values) -> Values:
    """Length in a norm: ``min(1, (b^p + s^p) ^ (1/p))`` with p = 4 (Krita)."""
    b_squared, s_squared = b * b, s * s
    b_squared *= b_squared
    s_squared *= s_squared
    b_squared += s_squared
    return cap_at_white(root(root(b_squared)), b)


def super_light(b: Values, s: Values) -> Values:
    """Length in a norm, p = 2.875, of ``2 s - 1`` above half; of the complements below (Krita)."""
    share = scaled(s, 2, -1)
    dark = not_above(share, 0)
    np.abs(share, out=share)  # 2 s - 1, of the complement where that is dark
    if not (in_range(b) and share.max() <= 1):
        return turn(_norm(turn(b, dark), share, 2.875), dark)
    turned = cv2.absdiff(as_row(b), as_row(dark)).reshape(b.shape)
    return _complement(_norm_of_shares(turned, share, 2.875), dark)


def tint(b: Values, s: Values) -> Values:
    """Lighten strongly: ``min(1, s (1 - b) + sqrt(b))`` (IFS Illusions, Krita)."""
    return cap_at_white(s * (1 - b) + root(b), b)


def shade(b: Values, s: Values) -> Values:
    """Darken strongly: ``max(0, 1 - s (1 - b) - sqrt(1 - s))`` (IFS Illusions, Krita)."""
    return at_least(1 - s * (1 - b) - root(1 - s), 0)


def fog_lighten(b: Values, s: Values) -> Values:
    """Lighten as fog does: ``b + s^2 - b s`` (IFS Illusions, Krita)."""
    return b + s * (s - b)


def fog_darken(b: Values, s: Values) -> Values:
    """Darken as fog does: ``s (1 + b - s)`` (IFS Illusions, Krita)."""
    return s * (1 + b - s)


def easy_dodge(b: Values, s: Values) -> Values:
    """Dodge by a power: ``b ^ (1.04 (1 - s))``, 1 where s = 1 (Krita)."""
    result = power(b, at_least(scaled(s, -1.04, 1.04), 0))
    result *= ((b > 0) | (s >= 1)).astype(b.dtype)
    return result


def easy_burn(b: Values, s: Values) -> Values:
    """Burn by a power: ``1 - (1 - s) ^ (1.04 b)``, the base at least 1e-12 (Krita)."""
    return 1 - power(1 - s, 1.04 * b, least=1e-12)


def hard_mix_softer(b: Values, s: Values) -> Values:
    """Steepen around complements, without a threshold: ``3 b - 2 (1 - s)`` in [0, 1] (Krita)."""
    return cap_at_white(at_least(scaled(b, 3, -2) + 2 * s, 0), b)


def stamp(b: Values, s: Values) -> Values:
    """Press the backdrop into the source: ``s + 2 b - 1`` in [0, 1] (ImageMagick)."""
    return cap_at_white(at_least(s + scaled(b, 2, -1), 0), b)


def subtract_exchanged(b: Values, s: Values) -> Values:
    """Subtract with the two images exchanged: ``max(0, s - b)`` (ImageMagick's minus-dst)."""
    return at_least(s - b, 0)


def divide_exchanged(b: Values, s: Values) -> Values:
    """Divide with the two images exchanged: ``min(1, s / b)``, 0 where both are 0 (ImageMagick's divide-dst)."""
    return cap(ratio(s, b), 1)


def modulus_add(b: Values, s: Values) -> Values:
    """Add and start again above white: ``b + s``, less 1 if that is above 1 (ImageMagick)."""
    total = b + s
    return total - (total > 1)


def modulus_subtract(b: Values, s: Values) -> Values:
    """Subtract and start again below black: ``b - s``, plus 1 if that is below 0 (ImageMagick)."""
    rest = b - s
    return rest + (rest < 0)


def _glow_or_heat(b: Values, s: Values, sign: Values, limit: float) -> Values:
    """Glow; where `sign` is above a limit, of the complements and upside down, which is heat."""
    heated = above(sign, limit)
    share = heated - s
    share *= share
    return _complement(cap(full_ratio(share, turn(b, not_above(sign, limit))), 1), heated)


def _complement(shares: Values, where: Values) -> Values:
    """Do what `turn` does to values in [0, 1], in place."""
    cv2.absdiff(as_row(where), as_row(shares), as_row(shares))
    return shares


def _norm_of_shares(b: Values, s: Values, p: float) -> Values:
    """Length of two numbers in [0, 1] in a norm of at most 3, in place of both: no power of these leaves float32."""
    for values in (b, s):
        values += LEAST  # the logarithm of 0 has no end
        _raise(values, p)
    b += s
    return cap(_raise(b, 1 / p), 1)


def _raise(values: Values, exponent: float) -> Values:
    """Raise what is above 0 to a power, in place."""
    flat = values.reshape(-1)
    cv2.log(flat, flat)
    values *= exponent
    cv2.exp(flat, flat)
    return values


def _norm(b: Values, s: Values, p: float) -> Values:
    """Length of two numbers in a norm; the larger is factored out, which leaves one power of each to take."""
    larger = np.maximum(b, s)
    share = np.minimum(b, s)
    share /= at_least(larger, TINY)
    share = power(share, p, least=1e-12)
    share += 1
    _raise(share, 1 / p)
    share *= larger
    return cap_at_white(share, b)
