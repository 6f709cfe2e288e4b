"""Adjust exposure, white balance, contrast and colour, as the sliders of a photo editor do.

In this order: exposure and white balance on linear light; hue, saturation and vibrance in Oklab; then one curve on
encoded values for shadows, highlights, brightness, contrast and gamma.

Sources: CIE 15:2004, 3.1 (daylight illuminants); Lam 1985, "Metamerism and Colour Constancy" (Bradford's chromatic
adaptation, as in the ICC specification, annex E); Ottosson 2020 (Oklab); the curve of contrast is the logistic one of
ImageMagick's sigmoidal contrast, its inverse for negative values.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from imgedit.color import linear_to_srgb, srgb_to_linear
from imgedit.color.spaces import (
    D65,
    OKLAB_CONES,
    OKLAB_LAB,
    OKLAB_LMS,
    OKLAB_RGB,
    encode_bytes,
    mix_triples,
    rgb_to_relative_xyz,
)
from imgedit.pixels import Image, Mask, check, check_number, like, mix_by_mask, split_alpha
from imgedit.strips import Progress, each_strip
from imgedit.tone.mapping import Curve, Floats, map_values

__all__ = ["adjust"]

# Cone responses in which white points are scaled (Lam 1985).
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

# The sliders' ends: 4100 K and 15700 K (90 mired from 6504 K), within CIE's range of daylight; and a tint that the
# eye takes for a strong cast, in CIE 1960 uv.
NEUTRAL_MIRED = 1e6 / 6504
MIRED_RANGE = 90.0
TINT_RANGE = 0.02

# Steepness of the logistic curve at contrast 1: about twice the slope in the middle.
CONTRAST_RANGE = 8.0

# Chroma in Oklab that vibrance leaves alone; the sRGB primaries have 0.26 to 0.32.
VIVID = 0.3

# Reach of the shadows and highlights sliders: up by twice the value near black; down by less, or the curve would fall.
LIFT, SINK = 2.0, 0.9


def adjust(
    image: Image,
    *,
    exposure: float = 0.0,
    temperature: float = 0.0,
    tint: float = 0.0,
    brightness: float = 0.0,
    contrast: float = 0.0,
    shadows: float = 0.0,
    highlights: float = 0.0,
    gamma: float = 1.0,
    saturation: float = 0.0,
    vibrance: float = 0.0,
    hue: float = 0.0,
    mask: Mask | None = None,
    progress: Progress | None = None,
) -> Image:
    """Adjust tone and colour; every parameter at its default changes nothing.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32. Alpha stays. On grey images, temperature, tint, saturation,
        vibrance and hue do nothing.
    exposure : float
        Stops, -20 to 20: each doubles the amount of light.
    temperature : float
        -1 (cold, as in deep shade) to 1 (warm, as in late sun).
    tint : float
        -1 (green) to 1 (magenta).
    brightness : float
        -1 (black) to 1 (white): fades towards one of them and keeps the other.
    contrast : float
        -1 to 1: steepness about middle grey; black and white stay. -c undoes c.
    shadows : float
        -1 to 1: darkens or lightens the dark half; black stays.
    highlights : float
        -1 to 1: darkens or lightens the light half; white stays.
    gamma : float
        Above 0, to 10: values are raised to 1/gamma; above 1 lightens the middle.
    saturation : float
        -1 (grey) to 4: chroma is scaled by 1 + saturation.
    vibrance : float
        -1 to 1: as saturation, but the less the more saturated a colour is already.
    hue : float
        Degrees by which hues turn.
    mask : ndarray, optional
        HxW; where to adjust.
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
    CIE 15:2004, 3.1; Ottosson 2020, "A perceptual color space for image processing".

    Examples
    --------
    >>> import imgedit as ie
    >>> grey = np.array([[64, 128, 192]], np.uint8)
    >>> ie.adjust(grey, exposure=1).tolist()
    [[90, 176, 255]]
    >>> ie.adjust(grey, contrast=0.5).tolist()
    [[50, 128, 206]]
    """
    image = check(image)
    light = _light(exposure, temperature, tint)
    chroma = _chroma(saturation, vibrance, hue)
    curve = _curve(brightness, contrast, shadows, highlights, gamma)
    scale = 2.0 ** check_number(exposure, "exposure", least=-20, most=20)
    if image.ndim == 2 or (chroma is None and not temperature and not tint):
        edited = map_values(image, _exposed(scale, curve))
    else:
        edited = _adjusted(image, light, chroma, curve, progress)
    return mix_by_mask(image, edited, mask)


def _exposed(scale: float, curve: Curve | None) -> Curve:
    def both(values: Floats) -> Floats:
        if scale != 1:
            flat = srgb_to_linear(values.reshape(-1)) * np.float32(scale)
            values = linear_to_srgb(flat).reshape(values.shape)
        return values if curve is None else curve(values)

    return both


def _adjusted(
    image: Image,
    light: NDArray[np.float64] | None,
    chroma: Curve | None,
    curve: Curve | None,
    progress: Progress | None,
) -> Image:
    out = image.copy()
    to_cones = OKLAB_LMS if light is None else OKLAB_LMS @ light

    def work(top: int, bottom: int) -> None:
        color = srgb_to_linear(split_alpha(image[top:bottom])[0])
        if chroma is not None:
            cones = chroma(np.cbrt(mix_triples(color, to_cones)))
            color = mix_triples(cones * cones * cones, OKLAB_RGB)
        elif light is not None:
            color = mix_triples(color, light)
        target = split_alpha(out[top:bottom])[0]
        if image.dtype == np.uint8 and curve is None:
            target[...] = encode_bytes(color)
        else:
            color = linear_to_srgb(color)
            target[...] = like(color if curve is None else curve(color), image.dtype)

    # Larger strips than most: a dozen calls on each of them cost more than what leaves the cache.
    each_strip(work, image.shape[0], row_bytes=4 * image.shape[1], progress=progress)
    return out


def _light(exposure: float, temperature: float, tint: float) -> NDArray[np.float64] | None:
    """Matrix on linear RGB; None if it is the identity."""
    exposure = check_number(exposure, "exposure", least=-20, most=20)
    temperature = check_number(temperature, "temperature", least=-1, most=1)
    tint = check_number(tint, "tint", least=-1, most=1)
    if not (exposure or temperature or tint):
        return None
    to_xyz = rgb_to_relative_xyz() * np.array([D65[0] / D65[1], 1, (1 - D65[0] - D65[1]) / D65[1]])[:, None]
    gains = (BRADFORD @ _white(temperature, tint)) / (BRADFORD @ _white(0, 0))
    adapt = np.linalg.inv(BRADFORD) @ np.diag(gains) @ BRADFORD
    return np.asarray(2.0**exposure * np.linalg.inv(to_xyz) @ adapt @ to_xyz, np.float64)


def _white(temperature: float, tint: float) -> NDArray[np.float64]:
    """XYZ (Y = 1) of the daylight that the sliders stand for."""
    mired = NEUTRAL_MIRED + MIRED_RANGE * temperature
    u, v = _daylight(mired)
    du, dv = np.subtract(_daylight(mired + 1), _daylight(mired - 1))
    length = math.hypot(du, dv)
    # Across the locus, towards magenta: to the right of the direction of falling temperature.
    u, v = u + TINT_RANGE * tint * dv / length, v - TINT_RANGE * tint * du / length
    x, y = 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)
    return np.array([x / y, 1, (1 - x - y) / y])


def _daylight(mired: float) -> tuple[float, float]:
    """CIE 1960 (u, v) of a daylight illuminant."""
    t = mired / 1000  # thousands of kelvin, inverted
    warm = (0.244063, 0.09911, 2.9678, -4.6070)
    cold = (0.237040, 0.24748, 1.9018, -2.0064)
    x = sum(c * t**power for power, c in enumerate(warm if t >= 1 / 7 else cold))
    y = -3 * x * x + 2.87 * x - 0.275
    return 4 * x / (-2 * x + 12 * y + 3), 6 * y / (-2 * x + 12 * y + 3)


def _chroma(saturation: float, vibrance: float, hue: float) -> Curve | None:
    """Make a function on cube roots of cone responses, which Oklab is made of; None if it is the identity."""
    saturation = check_number(saturation, "saturation", least=-1, most=4)
    vibrance = check_number(vibrance, "vibrance", least=-1, most=1)
    turn = math.radians(check_number(hue, "hue"))
    if not (saturation or vibrance or turn):
        return None
    a, b = (1 + saturation) * math.cos(turn), (1 + saturation) * math.sin(turn)
    on_lab = np.array([[1, 0, 0], [0, a, -b], [0, b, a]])
    there_and_back = OKLAB_CONES @ on_lab @ OKLAB_LAB

    def function(cones: Floats) -> Floats:
        if not vibrance:
            return mix_triples(cones, there_and_back)
        lab = mix_triples(cones, OKLAB_LAB)
        vivid = np.minimum(np.hypot(lab[..., 1], lab[..., 2]) * np.float32(1 / VIVID), 1)
        lab[..., 1:] *= (1 + np.float32(vibrance) * (1 - vivid))[..., None]
        return mix_triples(lab, OKLAB_CONES @ on_lab)

    return function


def _curve(brightness: float, contrast: float, shadows: float, highlights: float, gamma: float) -> Curve | None:
    """Make a function on encoded values; None if it is the identity."""
    brightness = check_number(brightness, "brightness", least=-1, most=1)
    contrast = check_number(contrast, "contrast", least=-1, most=1)
    shadows = check_number(shadows, "shadows", least=-1, most=1)
    highlights = check_number(highlights, "highlights", least=-1, most=1)
    gamma = check_number(gamma, "gamma", above=0, most=10)
    steps: list[Curve] = []
    if shadows:
        steps.append(lambda v: _lifted(v, shadows))
    if highlights:
        steps.append(lambda v: 1 - _lifted(1 - v, -highlights))
    if brightness:
        steps.append(lambda v: v + np.float32(brightness) * (v if brightness < 0 else 1 - v))
    if contrast:
        steps.append(lambda v: _logistic(v, contrast))
    if gamma != 1:
        steps.append(lambda v: np.copysign(np.abs(v) ** np.float32(1 / gamma), v))

    def function(values: Floats) -> Floats:
        for step in steps:
            values = step(values)
        return values

    return function if steps else None


def _lifted(values: Floats, amount: float) -> Floats:
    inside = np.clip(values, 0, 1)
    strength = np.float32(amount * (LIFT if amount > 0 else SINK))
    return values + strength * inside * (1 - inside) ** 3


def _logistic(values: Floats, contrast: float) -> Floats:
    """Logistic curve through (0, 0), (1/2, 1/2), (1, 1), or its inverse; beyond black and white its tangents."""
    steep = CONTRAST_RANGE * abs(contrast)
    low, high = 1 / (1 + math.exp(steep / 2)), 1 / (1 + math.exp(-steep / 2))
    slope = steep * low * (1 - low) / (high - low)
    inside = np.clip(values, 0, 1)
    if contrast > 0:
        bent = (1 / (1 + np.exp(np.float32(-steep) * (inside - np.float32(0.5)))) - np.float32(low)) / np.float32(
            high - low
        )
        return np.asarray(bent + (values - inside) * np.float32(slope), np.float32)
    share = inside * np.float32(high - low) + np.float32(low)
    bent = np.log(share / (1 - share)) / np.float32(steep) + np.float32(0.5)
    return np.asarray(bent + (values - inside) / np.float32(slope), np.float32)
