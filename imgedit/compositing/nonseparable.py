"""Blend formulas that look at a whole colour: hue, saturation, lightness of one image with the rest of the other.

Each is ``f(backdrop, source)`` on planes of RGB, channels first: ``(3, height, width)``, black at 0, white at 1.

References
----------
W3C (2024). Compositing and Blending Level 1, 10.2. https://www.w3.org/TR/compositing-1/
The GIMP documentation team. GNU Image Manipulation Program user manual, section 8.2, Layer modes.
https://docs.gimp.org/3.0/en/gimp-concepts-layer-modes.html
ImageMagick. Compose operators. https://imagemagick.org/Usage/compose/
Barre-Brisebois, C. and Hill, S. (2012). Blending in detail. https://blog.selfshadow.com/publications/blending-in-detail/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from imgedit.color import lab_to_srgb, linear_to_srgb, oklab_to_srgb, srgb_to_lab, srgb_to_linear, srgb_to_oklab
from imgedit.compositing.elementwise import TINY, Values, select
from imgedit.compositing.spaces import on_pixels

# Luma of encoded sRGB as GIMP weighs it (sRGB primaries adapted to D50), and as ImageMagick does (BT.709, or BT.601
# where it takes colours apart).
GIMP_LUMA = (0.22248840, 0.71690369, 0.06060791)
BT709_LUMA = (0.212656, 0.715158, 0.072186)
BT601_LUMA = (0.298839, 0.586811, 0.114350)

# As far beyond [0, 1] as a colour in it comes by rounding.
ROUNDING = np.float32(1e-6)


def luma(color: Values) -> Values:
    """Weigh red, green and blue as W3C 10.2 does: 0.3, 0.59, 0.11."""
    return 0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2]


def clip_color(color: Values, gray: Values) -> Values:
    """Pull a colour towards a grey until it lies in [0, 1] (W3C 10.2, ClipColor)."""
    low, high = color.min(axis=0), color.max(axis=0)
    rise, fall = select(high > 1 + ROUNDING, high - gray, 0), select(low < -ROUNDING, gray - low, 0)
    shrink = np.minimum(
        (1 - gray + (rise <= 0)) / np.maximum(rise, TINY), (gray + (fall <= 0)) / np.maximum(fall, TINY)
    )
    return gray + (color - gray) * np.clip(shrink, 0, 1)


def _with_luma(color: Values, value: Values) -> Values:
    """Shift a colour to a luma (W3C 10.2, SetLum)."""
    return clip_color(color + (value - luma(color)), value)


def saturation_of(color: Values) -> Values:
    """Give the spread of the channels (W3C 10.2, Sat)."""
    return np.asarray(color.max(axis=0) - color.min(axis=0))


def with_saturation(color: Values, value: Values) -> Values:
    """Stretch a colour from its least to its largest channel to [0, value] (W3C 10.2, SetSat)."""
    low = color.min(axis=0)
    return (color - low) * (value / np.maximum(color.max(axis=0) - low, TINY))


def hue(b: Values, s: Values) -> Values:
    """Take the hue of the source, saturation and luma of the backdrop (W3C 10.2.1)."""
    return _with_luma(with_saturation(s, saturation_of(b)), luma(b))


def saturation(b: Values, s: Values) -> Values:
    """Take the saturation of the source, hue and luma of the backdrop (W3C 10.2.2)."""
    return _with_luma(with_saturation(b, saturation_of(s)), luma(b))


def color(b: Values, s: Values) -> Values:
    """Take hue and saturation of the source, luma of the backdrop (W3C 10.2.3)."""
    return _with_luma(s, luma(b))


def luminosity(b: Values, s: Values) -> Values:
    """Take the luma of the source, hue and saturation of the backdrop (W3C 10.2.4)."""
    return _with_luma(b, luma(s))


def darker_color(b: Values, s: Values) -> Values:
    """Take the whole colour of the one with less luma (Photoshop)."""
    return select(luma(s) < luma(b), s, b)


def lighter_color(b: Values, s: Values) -> Values:
    """Take the whole colour of the one with more luma (Photoshop)."""
    return select(luma(s) > luma(b), s, b)


def luma_darken_only(b: Values, s: Values) -> Values:
    """Take the whole colour of the one with less luma (GIMP)."""
    return select(_weigh(s, GIMP_LUMA) < _weigh(b, GIMP_LUMA), s, b)


def luma_lighten_only(b: Values, s: Values) -> Values:
    """Take the whole colour of the one with more luma (GIMP)."""
    return select(_weigh(s, GIMP_LUMA) > _weigh(b, GIMP_LUMA), s, b)


def darken_intensity(b: Values, s: Values) -> Values:
    """Take the whole colour of the one with less intensity (ImageMagick)."""
    return select(_weigh(s, BT709_LUMA) < _weigh(b, BT709_LUMA), s, b)


def lighten_intensity(b: Values, s: Values) -> Values:
    """Take the whole colour of the one with more intensity (ImageMagick)."""
    return select(_weigh(s, BT709_LUMA) > _weigh(b, BT709_LUMA), s, b)


def bumpmap(b: Values, s: Values) -> Values:
    """Shade by the source's intensity: ``b intensity(s)`` (ImageMagick)."""
    return b * _weigh(s, BT709_LUMA)


def _weigh(color: Values, weights: tuple[float, float, float]) -> Values:
    return weights[0] * color[0] + weights[1] * color[1] + weights[2] * color[2]


def luminance(b: Values, s: Values) -> Values:
    """Scale the backdrop's light to the luminance of the source's (GIMP)."""
    b, s = (srgb_to_linear(x.reshape(-1)).reshape(x.shape) for x in (b, s))
    light = b * (_weigh(s, BT709_LUMA) / np.maximum(_weigh(b, BT709_LUMA), 1e-6))
    return linear_to_srgb(light.reshape(-1)).reshape(light.shape)


def hue_hsv(b: Values, s: Values) -> Values:
    """Take the hue of the source, HSV saturation and value of the backdrop (GIMP)."""
    top, spread = s.max(axis=0), saturation_of(s)
    moved = b.max(axis=0) + (s - top) * (saturation_of(b) / np.maximum(spread, TINY))
    return select(spread > 1e-6, moved, b)


def saturation_hsv(b: Values, s: Values) -> Values:
    """Take the HSV saturation of the source, hue and value of the backdrop (GIMP)."""
    top, spread = b.max(axis=0), saturation_of(b)
    wanted = saturation_of(s) / np.maximum(s.max(axis=0), TINY) * top
    return select(spread > 1e-6, top + (b - top) * (wanted / np.maximum(spread, TINY)), top)


def value_hsv(b: Values, s: Values) -> Values:
    """Take the value of the source, hue and HSV saturation of the backdrop (GIMP)."""
    old, new = b.max(axis=0), s.max(axis=0)
    return select(old > 1e-6, b * (new / np.maximum(old, TINY)), new)


def color_hsl(b: Values, s: Values) -> Values:
    """Take hue and HSL saturation of the source, HSL lightness of the backdrop (GIMP)."""
    light_b, light_s = middle(b), middle(s)
    room_b, room_s = np.minimum(light_b, 1 - light_b), np.minimum(light_s, 1 - light_s)
    return select(room_s > 1e-6, light_b + (s - light_s) * (room_b / np.maximum(room_s, TINY)), light_b)


def middle(color: Values) -> Values:
    """Give the mean of the largest and the least channel: lightness in HSL."""
    return (color.max(axis=0) + color.min(axis=0)) / 2


def _polar(
    take: Callable[[Values, Values], Values], forth: Callable[..., Values], back: Callable[..., Values], where: str
) -> Any:
    """Make a formula of one that works on lightness and two opponent axes."""

    def formula(b: Values, s: Values) -> Values:
        return on_pixels(back, take(on_pixels(forth, b), on_pixels(forth, s)))

    formula.__doc__ = f"Take the {(take.__doc__ or '')[:-1].lower()}, in {where}."
    return formula


def _turn(b: Values, s: Values) -> Values:
    """Hue of the source, lightness and chroma of the backdrop."""
    chroma_b, chroma_s = np.hypot(b[1], b[2]), np.hypot(s[1], s[2])
    turned = s[1:] * (chroma_b / np.maximum(chroma_s, TINY))
    return np.stack([b[0], *select(chroma_s > GRAY, turned, b[1:])])


def _stretch(b: Values, s: Values) -> Values:
    """Chroma of the source, lightness and hue of the backdrop."""
    chroma_b, chroma_s = np.hypot(b[1], b[2]), np.hypot(s[1], s[2])
    stretched = b[1:] * (chroma_s / np.maximum(chroma_b, TINY))
    return np.stack([b[0], *select(chroma_b > GRAY, stretched, b[1:])])


def _tint(b: Values, s: Values) -> Values:
    """Hue and chroma of the source, lightness of the backdrop."""
    return np.stack([b[0], s[1], s[2]])


def _light(b: Values, s: Values) -> Values:
    """Lightness of the source, hue and chroma of the backdrop."""
    return np.stack([s[0], b[1], b[2]])


# Less chroma than this is rounding of a grey on its way through float32; it has no hue.
GRAY = 1e-4

LAB = (srgb_to_lab, lab_to_srgb, "CIE L*a*b* (GIMP)")
OKLAB = (srgb_to_oklab, oklab_to_srgb, "Oklab (Ottosson's space, our modes)")

hue_lch, chroma_lch, color_lch, lightness_lch = (_polar(take, *LAB) for take in (_turn, _stretch, _tint, _light))
hue_oklch, chroma_oklch, color_oklch, lightness_oklch = (
    _polar(take, *OKLAB) for take in (_turn, _stretch, _tint, _light)
)


def copied(channel: int, name: str) -> Callable[[Values, Values], Values]:
    """Make a formula that takes one channel of the source.

    Parameters
    ----------
    channel : int
        0, 1 or 2.
    name : str
        Red, green or blue.

    Returns
    -------
    callable
        ``formula(backdrop, source)``.
    """

    def formula(b: Values, s: Values) -> Values:
        return np.stack([(s if n == channel else b)[n] for n in range(3)])

    formula.__doc__ = f"Take the {name} of the source, the rest of the backdrop (Krita, ImageMagick)."
    return formula


def color_magick(b: Values, s: Values) -> Values:
    """Shift the source to the backdrop's luma, and cut what leaves [0, 1] (ImageMagick's colorize)."""
    return np.clip(s + (_weigh(b, BT601_LUMA) - _weigh(s, BT601_LUMA)), 0, 1)


def luminosity_magick(b: Values, s: Values) -> Values:
    """Shift the backdrop to the source's luma, and cut what leaves [0, 1] (ImageMagick's luminize)."""
    return np.clip(b + (_weigh(s, BT601_LUMA) - _weigh(b, BT601_LUMA)), 0, 1)


def reoriented_normal_map(b: Values, s: Values) -> Values:
    """Lay the details of the backdrop's normal map on the source's (Barre-Brisebois and Hill; Krita)."""
    half = np.array([0.5, 0.5, 0], np.float32).reshape(3, 1, 1)
    base, detail = 2 * (s - half), 2 * (b - 0.5) * np.array([-1, -1, 1], np.float32).reshape(3, 1, 1)
    sum_ = (base * detail).sum(axis=0)
    normal = base * (sum_ / np.maximum(base[2], TINY)) - detail
    return normal / np.maximum(np.sqrt((normal * normal).sum(axis=0)), TINY) / 2 + 0.5


def tangent_normal_map(b: Values, s: Values) -> Values:
    """Add two normal maps around flat: ``b + s - (1/2, 1/2, 1)`` (Krita)."""
    return b + s - np.array([0.5, 0.5, 1], np.float32).reshape(3, 1, 1)
