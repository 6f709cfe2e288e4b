"""Colour spaces: pure functions on arrays, white at 1, that know nothing of images.

Sources, each for its own lines: IEC 61966-2-1:1999 (sRGB and its transfer curve); Ottosson 2020, "A perceptual color
space for image processing", https://bottosson.github.io/posts/oklab/ (Oklab); CIE 15:2004 (L*a*b*); ITU-R
BT.601 and BT.709 (luma).

All take ``(..., 3)`` arrays of uint8, uint16 or floats and give float32. A fourth channel is alpha and comes back as a
fraction of the full range, otherwise untouched. Values beyond [0, 1] are carried on, the transfer curve being continued
as an odd function (as in CSS Color 4), so that every pair of functions undoes each other. Hues are degrees in [0, 360).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ImageError
from imgedit.pixels import as_float, describe, full_range, like, split_alpha

__all__ = [
    "Floats",
    "encode_bytes",
    "lab_to_srgb",
    "lch_to_srgb",
    "linear_to_oklab",
    "linear_to_srgb",
    "looked_up",
    "luma",
    "luminance",
    "mix_triples",
    "oklab_to_linear",
    "oklab_to_srgb",
    "oklch_to_srgb",
    "on_triples",
    "rgb_to_relative_xyz",
    "srgb_to_lab",
    "srgb_to_lch",
    "srgb_to_linear",
    "srgb_to_oklab",
    "srgb_to_oklch",
]

Floats: TypeAlias = NDArray[np.float32]

# Chromaticities of the primaries and of the white D65 (IEC 61966-2-1, table 1).
PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
D65 = (0.3127, 0.3290)

# Linear sRGB -> cone response, and its cube root -> L, a, b (Ottosson 2020).
OKLAB_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
OKLAB_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)

# The way back: L, a, b -> cube root of the cone response; cone response -> linear sRGB.
OKLAB_CONES, OKLAB_RGB = np.linalg.inv(OKLAB_LAB), np.linalg.inv(OKLAB_LMS)

# Weights of red, green, blue.
BT601 = (0.299, 0.587, 0.114)
BT709 = (0.2126, 0.7152, 0.0722)

# CIE 15: below (6/29)^3 the cube root is replaced by its tangent there, which passes through 4/29 at 0.
LAB_KNEE = 6.0 / 29.0


def srgb_to_linear(values: NDArray[Any]) -> Floats:
    """Decode the sRGB transfer curve: encoded values to amounts of light.

    Parameters
    ----------
    values : ndarray
        Encoded values of any shape; uint8, uint16 or floats with white at 1. In HxWx4 arrays the fourth channel is
        alpha and is not decoded.

    Returns
    -------
    ndarray of float32
        Linear light of the same shape; negative values mirror positive ones.

    References
    ----------
    IEC 61966-2-1:1999, 5.2.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.srgb_to_linear(np.array([0.0, 0.5, 1.0])).round(4).tolist()
    [0.0, 0.214..., 1.0]
    """
    if values.dtype in (np.uint8, np.uint16):
        return _with_alpha(looked_up(values, _decoding_table(values.dtype.str)), values)
    values = as_floats(values)
    return _with_alpha(_decode(values), values)


def linear_to_srgb(values: NDArray[Any]) -> Floats:
    """Encode amounts of light with the sRGB transfer curve.

    Parameters
    ----------
    values : ndarray
        Linear light of any shape; uint8, uint16 or floats with white at 1. In HxWx4 arrays the fourth channel is
        alpha and is not encoded.

    Returns
    -------
    ndarray of float32
        Encoded values of the same shape; negative values mirror positive ones.

    References
    ----------
    IEC 61966-2-1:1999, 5.2.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.linear_to_srgb(np.array([0.0, 0.18, 1.0])).round(4).tolist()
    [0.0, 0.461..., 1.0]
    """
    values = as_floats(values)
    return _with_alpha(_encode(values), values)


@functools.cache
def _decoding_table(dtype: str) -> Floats:
    white = full_range(dtype)
    return _decode(np.arange(int(white) + 1, dtype=np.float32) / np.float32(white))


def encode_bytes(linear: Floats) -> NDArray[np.uint8]:
    """Encode amounts of light straight to 8 bits, clipped and rounded.

    Parameters
    ----------
    linear : ndarray of float32
        Linear light of any shape, white at 1; NaN gives 0.

    Returns
    -------
    ndarray of uint8
        Levels of the same shape. They are looked up by the square root of the light in 16 bits, which is 0.003 levels
        off at most: only what lies that near to the middle of two levels may be rounded to the other one.
    """
    root = np.sqrt(np.fmin(np.fmax(linear, 0), np.float32(1)))
    root *= np.float32(65535)
    root += np.float32(0.5)
    return looked_up(root.astype(np.uint16), _encoding_table())


@functools.cache
def _encoding_table() -> NDArray[np.uint8]:
    root = np.arange(65536, dtype=np.float32) / np.float32(65535)
    return like(_encode(root * root), np.uint8)


def looked_up(values: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """Replace each level by what a table says.

    Parameters
    ----------
    values : ndarray of uint8 or uint16
        Any shape.
    table : ndarray
        256 or 65536 values of any dtype.

    Returns
    -------
    ndarray
        Of the shape of `values` and the dtype of `table`.
    """
    # As rows, because OpenCV's tables take no scalars or 5-D arrays; they are twice as quick as NumPy's take.
    return np.asarray(cv2.LUT(np.ascontiguousarray(values).reshape(1, -1), table)).reshape(values.shape)


def _decode(values: Floats) -> Floats:
    size = np.abs(values)
    out = _power((size + np.float32(0.055)) / np.float32(1.055), 2.4)
    np.divide(size, np.float32(12.92), out=out, where=size <= 0.04045)
    return np.copysign(out, values, out=out)


def _encode(values: Floats) -> Floats:
    size = np.abs(values)
    out = _power(size, 1 / 2.4)
    out *= np.float32(1.055)
    out -= np.float32(0.055)
    np.multiply(size, np.float32(12.92), out=out, where=size <= 0.0031308)
    return np.copysign(out, values, out=out)


def _power(values: Floats, exponent: float) -> Floats:
    # OpenCV's power is vectorised on every processor, NumPy's on some; rows because it takes no scalars or 5-D arrays.
    return np.asarray(cv2.pow(np.ascontiguousarray(values).reshape(1, -1), exponent), np.float32).reshape(values.shape)


def as_floats(values: NDArray[Any]) -> Floats:
    if not isinstance(values, np.ndarray):
        raise ImageError("values", f"is {describe(values)}, not a NumPy array", "convert it with np.asarray(...)")
    if values.dtype in (np.uint8, np.uint16):
        return as_float(values)
    if values.dtype.kind != "f":
        raise ImageError("values", f"is {values.dtype}", "give uint8, uint16 or floats with white at 1")
    return np.asarray(values, np.float32)


def _with_alpha(out: Floats, values: NDArray[Any]) -> Floats:
    if values.ndim == 3 and values.shape[2] == 4:
        out[..., 3] = as_floats(values[..., 3])
    return out


def on_triples(values: NDArray[Any], convert: Callable[[Floats], Floats]) -> Floats:
    """Convert the three colour channels of an array and keep the fourth, alpha, if there is one.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` or ``(..., 4)``; uint8, uint16 or floats.
    convert : callable
        From ``(..., 3)`` float32 to the same shape.

    Returns
    -------
    ndarray of float32
        Of the shape of `values`.

    Raises
    ------
    ImageError
        Another number of channels, or numbers whose white is unknown.
    """
    if not isinstance(values, np.ndarray) or values.ndim == 0 or values.shape[-1] not in (3, 4):
        raise ImageError(
            "values", f"is {describe(values)}", "give three channels (or four, with alpha) on the last axis"
        )
    values = as_floats(values)
    if values.shape[-1] == 3:
        return convert(values)
    out = np.empty(values.shape, np.float32)
    out[..., :3] = convert(values[..., :3])
    out[..., 3] = values[..., 3]
    return out


def mix_triples(values: Floats, matrix: NDArray[np.float64]) -> Floats:
    """Multiply each triple by a 3x3 matrix.

    Parameters
    ----------
    values : ndarray of float32
        ``(..., 3)``.
    matrix : ndarray of float64
        3x3; rows give the new channels.

    Returns
    -------
    ndarray of float32
        A new array of the same shape.
    """
    pixels = np.ascontiguousarray(values).reshape(-1, 1, 3)
    return np.asarray(cv2.transform(pixels, matrix), np.float32).reshape(values.shape)


def linear_to_oklab(values: NDArray[Any]) -> Floats:
    """Turn linear sRGB into Oklab.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` linear light, white at 1; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Lightness (0 to 1), a (green to red), b (blue to yellow), each of the two about -0.4 to 0.4; alpha untouched.

    References
    ----------
    Ottosson 2020, "A perceptual color space for image processing".

    Examples
    --------
    >>> import imgedit as ie
    >>> print(ie.linear_to_oklab(np.array([1.0, 0.0, 0.0])).round(3))
    [0.628 0.225 0.126]
    """
    return on_triples(values, _oklab)


def oklab_to_linear(values: NDArray[Any]) -> Floats:
    """Turn Oklab into linear sRGB.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` lightness, a, b; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Linear light, white at 1; below 0 or above 1 where sRGB can't show the colour.

    References
    ----------
    Ottosson 2020, "A perceptual color space for image processing".

    Examples
    --------
    >>> import imgedit as ie
    >>> (ie.oklab_to_linear(np.array([1.0, 0.0, 0.0])).round(3) + 0).tolist()
    [1.0, 1.0, 1.0]
    """
    return on_triples(values, _from_oklab)


def srgb_to_oklab(values: NDArray[Any]) -> Floats:
    """Turn encoded sRGB into Oklab.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` encoded colours; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Lightness (0 to 1), a, b; alpha untouched.

    References
    ----------
    Ottosson 2020, "A perceptual color space for image processing".

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.srgb_to_oklab(np.array([0.0, 0.0, 1.0])).round(3).tolist()
    [0.451..., -0.032..., -0.31...]
    """
    return on_triples(values, lambda rgb: _oklab(_decode(rgb)))


def oklab_to_srgb(values: NDArray[Any]) -> Floats:
    """Turn Oklab into encoded sRGB.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` lightness, a, b; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Encoded colours; below 0 or above 1 where sRGB can't show them.

    References
    ----------
    Ottosson 2020, "A perceptual color space for image processing".

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.oklab_to_srgb(np.array([0.5, 0.0, 0.0])).round(3).tolist()
    [0.388..., 0.388..., 0.388...]
    """
    return on_triples(values, lambda lab: _encode(_from_oklab(lab)))


def srgb_to_oklch(values: NDArray[Any]) -> Floats:
    """Turn encoded sRGB into Oklab's lightness, chroma and hue.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` encoded colours; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Lightness (0 to 1), chroma (0 to about 0.4), hue in degrees; alpha untouched.

    References
    ----------
    Ottosson 2020, "A perceptual color space for image processing".

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.srgb_to_oklch(np.array([1.0, 0.0, 0.0])).round(2).tolist()
    [0.629..., 0.25..., 29.2...]
    """
    return on_triples(values, lambda rgb: _polar(_oklab(_decode(rgb))))


def oklch_to_srgb(values: NDArray[Any]) -> Floats:
    """Turn Oklab's lightness, chroma and hue into encoded sRGB.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` lightness, chroma, hue in degrees; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Encoded colours; below 0 or above 1 where sRGB can't show them.

    References
    ----------
    Ottosson 2020, "A perceptual color space for image processing".

    Examples
    --------
    >>> import imgedit as ie
    >>> print(ie.oklch_to_srgb(np.array([0.628, 0.2577, 29.23])).round(2) + 0)
    [1. 0. 0.]
    """
    return on_triples(values, lambda lch: _encode(_from_oklab(_from_polar(lch))))


def _oklab(linear: Floats) -> Floats:
    return mix_triples(np.cbrt(mix_triples(linear, OKLAB_LMS)), OKLAB_LAB)


def _from_oklab(lab: Floats) -> Floats:
    cones = mix_triples(lab, OKLAB_CONES)
    return mix_triples(cones * cones * cones, OKLAB_RGB)


def _polar(lab: Floats) -> Floats:
    out = np.empty_like(lab)
    out[..., 0] = lab[..., 0]
    out[..., 1] = np.hypot(lab[..., 1], lab[..., 2])
    out[..., 2] = np.mod(np.degrees(np.arctan2(lab[..., 2], lab[..., 1])), 360)
    return out


def _from_polar(lch: Floats) -> Floats:
    hue = np.radians(lch[..., 2])
    return np.stack([lch[..., 0], lch[..., 1] * np.cos(hue), lch[..., 1] * np.sin(hue)], axis=-1)


def srgb_to_lab(values: NDArray[Any]) -> Floats:
    """Turn encoded sRGB into CIE L*a*b* under its own white, D65.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` encoded colours; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        L* (0 to 100), a*, b* (about -110 to 110); alpha untouched.

    References
    ----------
    CIE 15:2004, 8.2.1; IEC 61966-2-1:1999.

    Examples
    --------
    >>> import imgedit as ie
    >>> print(ie.srgb_to_lab(np.array([1.0, 0.0, 0.0])).round(1))
    [53.2 80.1 67.2]
    """
    return on_triples(values, lambda rgb: _lab(_decode(rgb)))


def lab_to_srgb(values: NDArray[Any]) -> Floats:
    """Turn CIE L*a*b* (D65) into encoded sRGB.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` L*, a*, b*; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Encoded colours; below 0 or above 1 where sRGB can't show them.

    References
    ----------
    CIE 15:2004, 8.2.1; IEC 61966-2-1:1999.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.lab_to_srgb(np.array([100.0, 0.0, 0.0])).round(3).tolist()
    [1.0, 1.0, 1.0]
    """
    return on_triples(values, lambda lab: _encode(_from_lab(lab)))


def srgb_to_lch(values: NDArray[Any]) -> Floats:
    """Turn encoded sRGB into CIE lightness, chroma and hue (D65).

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` encoded colours; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        L* (0 to 100), chroma (0 to about 134), hue in degrees; alpha untouched.

    References
    ----------
    CIE 15:2004, 8.2.1.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.srgb_to_lch(np.array([1.0, 0.0, 0.0])).round(0).tolist()
    [53.0, 105.0, 40.0]
    """
    return on_triples(values, lambda rgb: _polar(_lab(_decode(rgb))))


def lch_to_srgb(values: NDArray[Any]) -> Floats:
    """Turn CIE lightness, chroma and hue (D65) into encoded sRGB.

    Parameters
    ----------
    values : ndarray
        ``(..., 3)`` L*, chroma, hue in degrees; or ``(..., 4)`` with alpha.

    Returns
    -------
    ndarray of float32
        Encoded colours; below 0 or above 1 where sRGB can't show them.

    References
    ----------
    CIE 15:2004, 8.2.1.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.lch_to_srgb(np.array([50.0, 0.0, 0.0])).round(2).tolist()
    [0.469..., 0.469..., 0.469...]
    """
    return on_triples(values, lambda lch: _encode(_from_lab(_from_polar(lch))))


@functools.cache
def rgb_to_relative_xyz() -> NDArray[np.float64]:
    """Linear sRGB -> X, Y, Z over those of white, from the chromaticities alone."""
    full = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in (*PRIMARIES, D65)])
    primaries, white = full[:3].T, full[3]
    amounts = np.linalg.solve(primaries, white)
    return np.asarray(primaries * amounts / white[:, None])


def _lab(linear: Floats) -> Floats:
    relative = mix_triples(linear, rgb_to_relative_xyz())
    root = np.where(
        relative > LAB_KNEE**3,
        np.cbrt(relative),
        relative * np.float32(1 / (3 * LAB_KNEE**2)) + np.float32(4 / 29),
    )
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _from_lab(lab: Floats) -> Floats:
    y = (lab[..., 0] + 16) / 116
    root = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    relative = np.where(root > LAB_KNEE, root * root * root, (root - np.float32(4 / 29)) * np.float32(3 * LAB_KNEE**2))
    return mix_triples(relative, np.asarray(np.linalg.inv(rgb_to_relative_xyz()), np.float64))


def luma(values: NDArray[Any], *, standard: Literal["bt601", "bt709"] = "bt709") -> Floats:
    """Weigh encoded red, green and blue into one grey, the brightness that video and JPEG know.

    Parameters
    ----------
    values : ndarray
        HxW grey (comes back as it is), or ``(..., 3)`` or ``(..., 4)`` encoded colours; alpha plays no part.
    standard : {"bt601", "bt709"}
        Whose weights: 0.299, 0.587, 0.114 (JPEG, Pillow, OpenCV) or 0.2126, 0.7152, 0.0722 (HD, sRGB's primaries).

    Returns
    -------
    ndarray of float32
        One value a pixel, white at 1.

    References
    ----------
    ITU-R BT.601-7, 2.5.1; ITU-R BT.709-6, 3.2.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.luma(np.array([[[0, 255, 0]]], np.uint8)).tolist()
    [[0.715...]]
    """
    return _weigh(as_floats(values), BT601 if standard == "bt601" else BT709)


def luminance(values: NDArray[Any]) -> Floats:
    """Relative luminance: the light that encoded sRGB colours give, as the eye weighs it.

    Parameters
    ----------
    values : ndarray
        HxW grey, or ``(..., 3)`` or ``(..., 4)`` encoded colours; alpha plays no part.

    Returns
    -------
    ndarray of float32
        One value a pixel; linear, white at 1.

    References
    ----------
    ITU-R BT.709-6, 3.2, on linear light; IEC 61966-2-1:1999.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.luminance(np.array([[[188, 188, 188]]], np.uint8)).round(2).tolist()
    [[0.5...]]
    """
    return _weigh(srgb_to_linear(values), BT709)


def _weigh(values: Floats, weights: tuple[float, ...]) -> Floats:
    if values.ndim < 3 and values.shape[-1:] not in ((3,), (4,)):
        return values.copy()
    rgb = split_alpha(values)[0] if values.ndim == 3 else values[..., :3]
    return np.asarray(rgb @ np.array(weights, np.float32), np.float32)
