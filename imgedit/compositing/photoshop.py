"""Photoshop's adjustments as callables on an image, for ``Layer(adjustment=...)``.

Each is a small frozen value that takes a float32 image (HxW or HxWx3) and gives a new one, pixel by pixel. Where Adobe
does not publish a formula, what is here is what reproduces files that Photoshop wrote; the docstring says how near.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.color import hsl_to_rgb, rgb_to_hsl

__all__ = [
    "BlackWhite",
    "ChannelMixer",
    "ColorBalance",
    "HueSaturation",
    "PhotoFilter",
    "SelectiveColor",
    "Threshold",
    "ToneCurve",
    "ToneMap",
    "Vibrance",
    "brightness_contrast_table",
    "curve_table",
    "exposure_table",
    "levels_table",
    "posterize_table",
]

Floats = NDArray[np.float32]

# Photoshop's weights of red, green and blue.
LUMA = np.array([0.3, 0.59, 0.11], np.float32)

# Four steps between two 8-bit levels: each level falls on an entry, and what is between is interpolated.
ENTRIES = 1021


@dataclass(frozen=True, eq=False)
class ToneCurve:
    """Send each channel through a table of its own, then all through a common one.

    Parameters
    ----------
    tables : sequence of ndarray or None
        For red, green and blue (or grey): values at even steps from 0 to 1; None leaves a channel as it is.
    master : ndarray or None
        For all channels, afterwards.
    """

    tables: Sequence[Floats | None] = (None, None, None)
    master: Floats | None = None

    def __call__(self, image: Floats) -> Floats:
        """Apply the tables to an image."""
        planes = [image] if image.ndim == 2 else list(np.moveaxis(image, -1, 0))
        out = [self._through(plane, table) for plane, table in zip(planes, self.tables, strict=False)]
        return out[0] if image.ndim == 2 else np.stack(out, axis=-1)

    def _through(self, plane: Floats, table: Floats | None) -> Floats:
        for values in (table, self.master):
            if values is not None:
                plane = np.interp(plane, np.linspace(0, 1, len(values)), values).astype(np.float32)
        return plane


def _steps() -> NDArray[np.float64]:
    return np.linspace(0, 1, ENTRIES)


def levels_table(black: float, white: float, gamma: float, low: float, high: float) -> Floats:
    """Tabulate a levels adjustment.

    Parameters
    ----------
    black, white : float
        Input that becomes black and white, 0 to 1.
    gamma : float
        Exponent of the midtones, inverted.
    low, high : float
        Output of black and white, 0 to 1.

    Returns
    -------
    ndarray of float32
        Values at even steps from 0 to 1.
    """
    inside = np.clip((_steps() - black) / max(white - black, 1e-6), 0, 1)
    return np.asarray(low + inside ** (1 / np.clip(gamma, 0.01, 9.99)) * (high - low), np.float32)


def curve_table(points: Sequence[tuple[float, float]]) -> Floats:
    """Tabulate a curve through points, a natural cubic spline as Photoshop draws it.

    Parameters
    ----------
    points : sequence of (float, float)
        Input and output from 0 to 1, inputs rising.

    Returns
    -------
    ndarray of float32
        Values at even steps from 0 to 1; level beyond the first and last point.
    """
    from scipy.interpolate import CubicSpline

    x, y = np.array(points, np.float64).T
    inside = np.clip(_steps(), x[0], x[-1])
    values = np.interp(inside, x, y) if len(x) < 3 else CubicSpline(x, y, bc_type="natural")(inside)
    return np.asarray(np.clip(values, 0, 1), np.float32)


def exposure_table(stops: float, offset: float, gamma: float, encoding: float = 2.2) -> Floats:
    """Tabulate an exposure adjustment: gain and offset in linear light, then a gamma.

    Parameters
    ----------
    stops : float
        Gain as a power of two.
    offset : float
        Added in linear light.
    gamma : float
        Exponent, inverted.
    encoding : float
        Exponent that stands for the document's profile.

    Returns
    -------
    ndarray of float32
        Values at even steps from 0 to 1.
    """
    light = np.clip(_steps() ** encoding * 2.0**stops + offset, 0, 1)
    return np.asarray(light ** (1 / np.clip(gamma, 0.01, 9.99) / encoding), np.float32)


def brightness_contrast_table(brightness: float, contrast: float) -> Floats:
    """Tabulate Photoshop's old ("legacy") brightness and contrast: a shift and a slope around the middle.

    Parameters
    ----------
    brightness, contrast : float
        -100 to 100.

    Returns
    -------
    ndarray of float32
        Values at even steps from 0 to 1.
    """
    values = _steps() * 255
    slope = np.tan((contrast / 100 + 1) * np.pi / 4) if contrast < 100 else 1e6
    values = (values - 127.5) * slope + 127.5 + brightness
    return np.asarray(np.clip(values / 255, 0, 1), np.float32)


def posterize_table(levels: int) -> Floats:
    """Tabulate a posterization: even steps of input, even levels of output.

    Parameters
    ----------
    levels : int
        Number of levels, at least 2.

    Returns
    -------
    ndarray of float32
        Values at even steps from 0 to 1.
    """
    levels = min(max(levels, 2), 255)
    # 256 input levels share out, so the last level's step ends at 256 of 255.
    return np.asarray(np.floor(np.round(_steps() * 255) * levels / 256) / (levels - 1), np.float32)


@dataclass(frozen=True)
class Threshold:
    """White where luma reaches a level, else black."""

    level: float

    def __call__(self, image: Floats) -> Floats:
        """Cut an image."""
        luma = image if image.ndim == 2 else image @ LUMA
        white = (np.round(luma * 255) >= self.level).astype(np.float32)
        return white if image.ndim == 2 else np.repeat(white[..., None], 3, axis=2)


@dataclass(frozen=True, eq=False)
class ToneMap:
    """Replace luma by the colours of a gradient."""

    stops: tuple[float, ...]
    colors: tuple[tuple[float, ...], ...]

    def __call__(self, image: Floats) -> Floats:
        """Map an image."""
        luma = image if image.ndim == 2 else image @ LUMA
        colors = np.array(self.colors)
        planes = [np.interp(luma, self.stops, channel).astype(np.float32) for channel in colors.T]
        return planes[0] if image.ndim == 2 else np.stack(planes, axis=-1)


@dataclass(frozen=True)
class HueSaturation:
    """Turn hue, stretch saturation and lift lightness, in HSL; or give one hue to all.

    Parameters
    ----------
    hue, saturation, lightness : float
        Degrees, and -1 to 1; when colorizing, the hue, saturation 0 to 1, and lightness -1 to 1.
    colorize : bool
        Whether hue and saturation replace those of the image.
    ranges : tuple of (four degrees, (hue, saturation, lightness))
        Changes for a range of hues: it counts fully between the inner two degrees and fades out to the outer two.
    """

    hue: float
    saturation: float
    lightness: float
    colorize: bool = False
    ranges: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = ()

    def __call__(self, image: Floats) -> Floats:
        """Change an image."""
        if image.ndim == 2:
            return _lighter(image, np.float32(self.lightness))
        if self.colorize:
            hsl = rgb_to_hsl(image)
            light = _lighter(hsl[..., 2], np.float32(self.lightness))
            full = np.stack(
                np.broadcast_arrays(np.float32(self.hue % 360), np.float32(self.saturation), light), axis=-1
            )
            return np.asarray(hsl_to_rgb(full.astype(np.float32)), np.float32)
        hsl = np.array(rgb_to_hsl(_lighter(image, np.float32(self.lightness))))
        turn, stretch, lift = (np.zeros(image.shape[:2], np.float32) for _ in range(3))
        for corners, (hue, more, lightness) in self.ranges:
            share = _hue_share(hsl[..., 0], corners)
            turn += share * np.float32(hue)
            stretch += share * np.float32(more)
            lift += share * np.float32(lightness)
        hsl[..., 0] = np.mod(hsl[..., 0] + np.float32(self.hue) + turn, 360)
        saturation = _stretched(_stretched(hsl[..., 1], np.float32(self.saturation)), np.clip(stretch, -1, 1))
        # A range lightens only as far as a pixel has colour that it could belong to it by.
        hsl[..., 2] = _lighter(hsl[..., 2], np.clip(lift, -1, 1) * hsl[..., 1])
        hsl[..., 1] = saturation
        return np.asarray(hsl_to_rgb(hsl), np.float32)


def _lighter(values: Floats, amount: Any) -> Floats:
    return np.asarray(np.where(amount > 0, values + (1 - values) * amount, values * (1 + amount)), np.float32)


def _stretched(saturation: Floats, amount: Any) -> Floats:
    """Scale saturation; the pole at full strength is kept a hundredth away, as files of Photoshop show."""
    up = saturation / (1 - np.clip(amount, 0, 1) + np.float32(0.01))
    return np.asarray(np.clip(np.where(amount > 0, up, saturation * (1 + amount)), 0, 1), np.float32)


def _hue_share(hue: Floats, corners: Sequence[float]) -> Floats:
    first, rise, fall, last = ((corner - corners[0]) % 360 for corner in corners)
    return np.asarray(
        np.interp(np.mod(hue - corners[0], 360), [first, rise, fall, last], [0, 1, 1, 0], right=0), np.float32
    )


@dataclass(frozen=True)
class ChannelMixer:
    """Make each channel a weighted sum of all, plus a constant; one row makes grey."""

    rows: tuple[tuple[float, float, float, float], ...]

    def __call__(self, image: Floats) -> Floats:
        """Mix an image."""
        if image.ndim == 2:
            return image.copy()
        table = np.array(self.rows, np.float32)
        mixed = np.clip(image @ table[:, :3].T + table[:, 3], 0, 1)
        return np.asarray(np.repeat(mixed, 3, axis=2) if len(table) == 1 else mixed, np.float32)


@dataclass(frozen=True)
class BlackWhite:
    """Turn colour to grey, with a weight for each of six hues: red, yellow, green, cyan, blue, magenta.

    A colour is black, plus a secondary hue, plus a primary one: ``min + (mid - min) secondary + (max - mid) primary``.
    """

    weights: tuple[float, ...]
    tint: tuple[float, float, float] | None = None

    def __call__(self, image: Floats) -> Floats:
        """Change an image."""
        if image.ndim == 2:
            return image.copy()
        low, middle, high = np.moveaxis(np.sort(image, axis=2), -1, 0)
        red, yellow, green, cyan, blue, magenta = np.array(self.weights, np.float32)
        top, bottom = image.argmax(axis=2), image.argmin(axis=2)
        primary = np.array([red, green, blue])[top]
        secondary = np.array([cyan, magenta, yellow])[bottom]
        grey = np.clip(low + (middle - low) * secondary + (high - middle) * primary, 0, 1)
        out = np.repeat(grey[..., None], 3, axis=2)
        if self.tint is not None:
            tint = np.array(self.tint, np.float32)
            out = np.clip(out + tint - tint @ LUMA, 0, 1)
        return np.asarray(out, np.float32)


@dataclass(frozen=True)
class PhotoFilter:
    """Look through coloured glass: multiply by the colour, as far as the density says."""

    color: tuple[float, float, float]
    density: float
    keeps_luma: bool = True

    def __call__(self, image: Floats) -> Floats:
        """Filter an image."""
        if image.ndim == 2:
            return image.copy()
        seen = image * (1 - self.density + self.density * np.array(self.color, np.float32))
        if self.keeps_luma:
            seen = seen + (image @ LUMA - seen @ LUMA)[..., None]
        return np.asarray(np.clip(seen, 0, 1), np.float32)


@dataclass(frozen=True)
class SelectiveColor:
    """Change the inks of nine ranges: reds, yellows, greens, cyans, blues, magentas, whites, neutrals, blacks.

    Each range has changes of cyan, magenta, yellow and black from -1 to 1; `relative` scales them by the ink that is
    there.
    """

    changes: tuple[tuple[float, ...], ...]
    relative: bool

    def __call__(self, image: Floats) -> Floats:
        """Change an image."""
        if image.ndim == 2:
            return image.copy()
        low, middle, high = np.moveaxis(np.sort(image, axis=2), -1, 0)
        top, bottom = image.argmax(axis=2), image.argmin(axis=2)
        primary, secondary = high - middle, middle - low
        shares = [
            primary * (top == 0),
            secondary * (bottom == 2),
            primary * (top == 1),
            secondary * (bottom == 0),
            primary * (top == 2),
            secondary * (bottom == 1),
            np.maximum(2 * low - 1, 0),
            1 - np.abs(high - 0.5) - np.abs(low - 0.5),
            np.maximum(1 - 2 * high, 0),
        ]
        out = image.copy()
        for share, (*inks, black) in zip(shares, self.changes, strict=True):
            for channel, ink in enumerate(inks):
                if ink or black:
                    value = image[..., channel]
                    change = ((-1 - ink) * black - ink) * ((1 - value) if self.relative else np.ones_like(value))
                    out[..., channel] += share * np.clip(change, -value, 1 - value)
        return np.asarray(np.clip(out, 0, 1), np.float32)


@dataclass(frozen=True)
class ColorBalance:
    """Shift shadows, midtones and highlights between complementary colours; near to Photoshop's, not equal."""

    shadows: tuple[float, ...]
    midtones: tuple[float, ...]
    highlights: tuple[float, ...]
    keeps_luma: bool

    def __call__(self, image: Floats) -> Floats:
        """Change an image."""
        if image.ndim == 2:
            return image.copy()
        dark = np.clip((image - 0.333) / -0.25 + 0.5, 0, 1) * 0.7
        light = np.clip((image - 0.667) / 0.25 + 0.5, 0, 1) * 0.7
        middle = np.clip((image - 0.333) / 0.25 + 0.5, 0, 1) * np.clip((image - 0.667) / -0.25 + 0.5, 0, 1) * 0.7
        out = image.copy()
        for share, shift in ((dark, self.shadows), (middle, self.midtones), (light, self.highlights)):
            out += share * np.array(shift, np.float32)
        out = np.clip(out, 0, 1)
        if self.keeps_luma:
            hsl = np.array(rgb_to_hsl(out.astype(np.float32)))
            hsl[..., 2] = rgb_to_hsl(image)[..., 2]
            out = hsl_to_rgb(hsl)
        return np.asarray(out, np.float32)


@dataclass(frozen=True)
class Vibrance:
    """Raise saturation, most where there is little; near to Photoshop's, not equal."""

    vibrance: float
    saturation: float

    def __call__(self, image: Floats) -> Floats:
        """Change an image."""
        if image.ndim == 2:
            return image.copy()
        spread = image.max(axis=2) - image.min(axis=2)
        gain = 1 + self.vibrance * (1 - spread) + self.saturation
        grey = (image @ LUMA)[..., None]
        return np.asarray(np.clip(grey + (image - grey) * gain[..., None], 0, 1), np.float32)
