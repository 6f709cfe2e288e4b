"""HSL and HSV: hue, saturation and lightness or value as plain arithmetic on RGB; quick, and not perceptual.

Sources: Smith 1978, "Color gamut transform pairs", https://doi.org/10.1145/800248.807361 (HSV); CSS Color Module
Level 4, section 7 (HSL).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.color.spaces import Floats, on_triples

__all__ = ["hsl_to_rgb", "hsv_to_rgb", "rgb_to_hsl", "rgb_to_hsv"]


def rgb_to_hsl(values: NDArray[Any]) -> Floats:
    """Turn RGB into hue, saturation and lightness.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` colours; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Hue in degrees (0 where there is none), saturation and lightness from 0 to 1; alpha untouched.

    References
    ----------
    CSS Color Module Level 4, section 7.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.rgb_to_hsl(np.array([0.0, 0.5, 0.0])).tolist()
    [120.0, 1.0, 0.25]
    """
    return on_triples(values, _hsl)


def hsl_to_rgb(values: NDArray[Any]) -> Floats:
    """Turn hue, saturation and lightness into RGB.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` hue in degrees, saturation, lightness; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Colours, white at 1; alpha untouched.

    References
    ----------
    CSS Color Module Level 4, section 7.1.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.hsl_to_rgb(np.array([120.0, 1.0, 0.25])).tolist()
    [0.0, 0.5, 0.0]
    """
    return on_triples(values, _from_hsl)


def rgb_to_hsv(values: NDArray[Any]) -> Floats:
    """Turn RGB into hue, saturation and value.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` colours; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Hue in degrees (0 where there is none), saturation and value from 0 to 1; alpha untouched.

    References
    ----------
    Smith 1978, https://doi.org/10.1145/800248.807361.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.rgb_to_hsv(np.array([0.0, 0.5, 0.0])).tolist()
    [120.0, 1.0, 0.5]
    """
    return on_triples(values, _hsv)


def hsv_to_rgb(values: NDArray[Any]) -> Floats:
    """Turn hue, saturation and value into RGB.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` hue in degrees, saturation, value; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Colours, white at 1; alpha untouched.

    References
    ----------
    Smith 1978, https://doi.org/10.1145/800248.807361.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.hsv_to_rgb(np.array([120.0, 1.0, 0.5])).tolist()
    [0.0, 0.5, 0.0]
    """
    return on_triples(values, _from_hsv)


def _hue(rgb: Floats, top: Floats, spread: Floats) -> Floats:
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    width = np.where(spread > 0, spread, 1)
    sixth = np.where(top == r, (g - b) / width, np.where(top == g, (b - r) / width + 2, (r - g) / width + 4))
    return np.where(spread > 0, np.mod(sixth * 60, 360), 0).astype(np.float32)


def _hsl(rgb: Floats) -> Floats:
    top, low = rgb.max(axis=-1), rgb.min(axis=-1)
    lightness = (top + low) / 2
    room = np.minimum(lightness, 1 - lightness)
    saturation = np.divide(top - lightness, room, out=np.zeros_like(room), where=room != 0)
    return np.stack([_hue(rgb, top, top - low), saturation, lightness], axis=-1)


def _from_hsl(hsl: Floats) -> Floats:
    hue, saturation, lightness = hsl[..., :1], hsl[..., 1:2], hsl[..., 2:]
    step = np.mod(np.array([0, 8, 4], np.float32) + hue / 30, 12)
    swing = saturation * np.minimum(lightness, 1 - lightness)
    return np.asarray(lightness - swing * np.clip(np.minimum(step - 3, 9 - step), -1, 1), np.float32)


def _hsv(rgb: Floats) -> Floats:
    top, low = rgb.max(axis=-1), rgb.min(axis=-1)
    saturation = np.divide(top - low, top, out=np.zeros_like(top), where=top != 0)
    return np.stack([_hue(rgb, top, top - low), saturation, top], axis=-1)


def _from_hsv(hsv: Floats) -> Floats:
    hue, saturation, value = hsv[..., :1], hsv[..., 1:2], hsv[..., 2:]
    step = np.mod(np.array([5, 3, 1], np.float32) + hue / 60, 6)
    return np.asarray(value - value * saturation * np.clip(np.minimum(step, 4 - step), 0, 1), np.float32)
