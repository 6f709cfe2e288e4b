"""The colour spaces to blend and to composite in, for planes (channels first) instead of pixels.

Encoded sRGB is what editors and the PDF specification blend in, and the default. In linear light, mixing is that of
light itself: no dark fringes between complementary colours. In Oklab it is even to the eye.

In Oklab a separable formula works on lightness; a and b have neither black nor white. Their ratio to lightness,
which is saturation, adds up: a grey source keeps the backdrop's colour, as it does in RGB.

References
----------
Ottosson, B. (2020). A perceptual color space for image processing. https://bottosson.github.io/posts/oklab/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgedit.color import (
    linear_to_oklab,
    linear_to_srgb,
    oklab_to_linear,
    oklab_to_srgb,
    srgb_to_linear,
    srgb_to_oklab,
)
from imgedit.tables import Table

__all__ = ["SPACES", "convert", "on_lightness", "on_pixels"]

Planes: TypeAlias = NDArray[Any]

# Lightness below this is black: a colour's ratio to it says nothing.
BLACK = np.float32(1e-4)


def convert(color: Planes, origin: str, target: str) -> Planes:
    """Bring planes from one space to another.

    Parameters
    ----------
    color : ndarray of float32
        (C, height, width); 3 planes where Oklab is one of the spaces.
    origin, target : str
        Names in SPACES.

    Returns
    -------
    ndarray of float32
        (C, height, width); the same array where nothing is to be done.
    """
    return color if origin == target else CONVERSIONS[origin, target](color)


def on_pixels(function: Callable[[NDArray[Any]], NDArray[Any]], color: Planes) -> Planes:
    """Apply a function of ``(..., 3)`` pixels to planes."""
    return np.ascontiguousarray(np.moveaxis(function(np.ascontiguousarray(np.moveaxis(color, 0, -1))), -1, 0))


def on_lightness(formula: Callable[[Planes, Planes], Planes], b: Planes, s: Planes) -> Planes:
    """Apply a separable formula to planes in Oklab.

    Parameters
    ----------
    formula : callable
        ``formula(backdrop, source)``.
    b, s : ndarray of float32
        (3, height, width) lightness, a, b.

    Returns
    -------
    ndarray of float32
        (3, height, width).
    """
    out = np.empty_like(b)
    out[0] = formula(b[0], s[0])
    out[1:] = b[1:] / np.maximum(b[0], BLACK) + s[1:] / np.maximum(s[0], BLACK)
    out[1:] *= out[0]
    return out


def _decode(color: Planes) -> Planes:
    # A flat view: three dimensions with four columns would look like pixels with alpha.
    return srgb_to_linear(color.reshape(-1)).reshape(color.shape)


def _encode(color: Planes) -> Planes:
    return linear_to_srgb(color.reshape(-1)).reshape(color.shape)


CONVERSIONS: dict[tuple[str, str], Callable[[Planes], Planes]] = {
    ("srgb", "linear"): _decode,
    ("linear", "srgb"): _encode,
    ("srgb", "oklab"): lambda color: on_pixels(srgb_to_oklab, color),
    ("oklab", "srgb"): lambda color: on_pixels(oklab_to_srgb, color),
    ("linear", "oklab"): lambda color: on_pixels(linear_to_oklab, color),
    ("oklab", "linear"): lambda color: on_pixels(oklab_to_linear, color),
}

SPACES: Table[str] = Table(
    "space",
    {
        "srgb": "encoded sRGB, as editors and PDF have it",
        "linear": "linear light",
        "oklab": "Oklab, even to the eye",
    },
)
"""Name -> what it is."""
