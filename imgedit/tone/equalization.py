"""Automatic contrast: stretch to the range that is used, or spread the histogram, over the image or place by place.

Sources: Gonzalez and Woods, "Digital Image Processing", 4th edition, 3.3 (equalisation); Zuiderveld 1994, "Contrast
Limited Adaptive Histogram Equalization", Graphics Gems IV, 474-485 (CLAHE). On colour images both change lightness in
Oklab and scale the light of red, green and blue alike, so that hue and saturation stay: lightness there is homogeneous
of degree 1/3 in light, so that light times g^3 is lightness times g.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.color import linear_to_oklab, linear_to_srgb, srgb_to_linear
from imgedit.errors import ArgumentError
from imgedit.pixels import Image, Mask, as_float, check, check_alpha, check_number, like, mix_by_mask, split_alpha
from imgedit.strips import each_strip
from imgedit.tone.mapping import Curve, Floats, map_values
from imgedit.tone.statistics import Array, histogram, quantiles, weight_of

__all__ = ["auto_levels", "clahe", "equalize"]

# Levels that lightness is counted in; between them the mapping is interpolated.
BINS = 256

# Below this lightness a colour is black: what it would be scaled by says nothing.
BLACK = 1e-4


def auto_levels(image: Image, *, cutoff: float = 0.001, per_channel: bool = False, mask: Mask | None = None) -> Image:
    """Stretch the values in use to the whole range.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32. Alpha stays; transparent pixels do not count.
    cutoff : float
        Share of the pixels that may be cut off at each end, 0 to below 0.5.
    per_channel : bool
        False: one stretch for all channels, colours keep their hue. True: each by itself, which removes a cast, and may
        bring one.
    mask : ndarray, optional
        HxW; which pixels count, and where the result is applied.

    Returns
    -------
    ndarray
        Same shape and dtype; a channel of one value stays as it is.

    Raises
    ------
    ImageError
        Not an image, or nothing visible to measure.
    ArgumentError
        A cutoff out of range.

    References
    ----------
    Burger and Burge 2016, "Digital Image Processing", 2nd edition, 4.5.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.auto_levels(np.array([[60, 80, 100]], np.uint8)).tolist()
    [[0, 128, 255]]
    """
    image = check(image)
    check_alpha(image)
    cutoff = check_number(cutoff, "cutoff", least=0, most=0.499)
    weight = weight_of(image, mask)
    color = split_alpha(image)[0]
    channels = [color] if color.ndim == 2 else [color[..., c] for c in range(3)]
    ranges = [quantiles(*histogram(channel, weight), (cutoff, 1 - cutoff)) for channel in channels]
    if not per_channel:
        lows, highs = zip(*ranges, strict=True)
        ranges = [[min(lows), max(highs)]]
    return mix_by_mask(image, map_values(image, *(_stretch(low, high) for low, high in ranges)), mask)


def _stretch(low: float, high: float) -> Curve:
    if high <= low:
        return lambda values: values
    return lambda values: (values - np.float32(low)) / np.float32(high - low)


def equalize(image: Image, *, mask: Mask | None = None) -> Image:
    """Spread lightness so that every level is used alike.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32 from 0 to 1. Alpha stays; transparent pixels do not count.
    mask : ndarray, optional
        HxW; which pixels count, and where the result is applied.

    Returns
    -------
    ndarray
        Same shape and dtype. Grey: the darkest value in use becomes black and the lightest white. Colour: lightness is
        spread, hue and saturation stay, as far as the range allows.

    Raises
    ------
    ImageError
        Not an image, or nothing visible to measure.

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", 4th edition, equation 3-15.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.equalize(np.array([[10, 11, 12, 13, 14]], np.uint8)).tolist()
    [[0, 64, 128, 191, 255]]
    """
    image = check(image)
    check_alpha(image)
    weight = weight_of(image, mask)
    if image.ndim == 2:
        return mix_by_mask(image, map_values(image, _spread(*histogram(image, weight))), mask)
    light = _lightness(image)
    curve = _spread(*histogram(light, weight))
    return mix_by_mask(image, _relit(image, light, curve), mask)


def _spread(levels: Array, counts: Array) -> Curve:
    """Cumulative distribution, stretched so that the darkest and the lightest counted level become 0 and 1."""
    used = np.flatnonzero(counts)
    below = np.cumsum(counts)
    first, last = below[used[0]], below[used[-1]]
    if first == last:
        return lambda values: values
    share = np.clip((below - first) / (last - first), 0, 1)
    return lambda values: np.interp(values, levels[used], share[used]).astype(np.float32)


def clahe(image: Image, *, clip: float = 2.0, tiles: tuple[int, int] = (8, 8), mask: Mask | None = None) -> Image:
    """Spread lightness place by place, with a limit on how much contrast may grow (CLAHE).

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32 from 0 to 1. Alpha stays; transparent pixels do not count.
    clip : float
        The steepest slope that the mapping may have, at least 1 (no change); 2 to 4 are usual.
    tiles : (int, int)
        How many rows and columns of tiles have a histogram of their own; between their middles the mapping is
        interpolated.
    mask : ndarray, optional
        HxW; which pixels count, and where the result is applied.

    Returns
    -------
    ndarray
        Same shape and dtype. On colour images lightness changes, hue and saturation stay, as far as the range allows.

    Raises
    ------
    ImageError
        Not an image, or nothing visible to measure.
    ArgumentError
        A clip below 1, or tiles that are not two whole numbers from 1 to the image's size.

    References
    ----------
    Zuiderveld 1994, "Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV, 474-485.

    Examples
    --------
    >>> import imgedit as ie
    >>> flat = np.tile(np.arange(100, 132, dtype=np.uint8), (32, 1))
    >>> int(np.ptp(ie.clahe(flat, clip=3, tiles=(1, 1)))) > int(np.ptp(flat))
    True
    """
    image = check(image)
    check_alpha(image)
    clip = check_number(clip, "clip", least=1)
    _check_tiles(tiles, image)
    weight = weight_of(image, mask)
    light = as_float(image) if image.ndim == 2 else _lightness(image)
    maps = _tile_maps(np.clip(light, 0, 1), weight, tiles, clip)
    new = np.empty_like(light)

    def work(top: int, bottom: int) -> None:
        new[top:bottom] = _interpolate(light[top:bottom], maps, top, light.shape)

    each_strip(work, image.shape[0], row_bytes=24 * image.shape[1])
    edited = like(new, image.dtype) if image.ndim == 2 else _scaled(image, light, new)
    return mix_by_mask(image, edited, mask)


def _check_tiles(tiles: object, image: Image) -> None:
    whole = isinstance(tiles, (tuple, list)) and len(tiles) == 2 and all(type(n) is int for n in tiles)
    if not whole or not all(1 <= n <= side for n, side in zip(tiles, image.shape[:2], strict=True)):  # type: ignore[call-overload]
        raise ArgumentError("tiles", f"is {tiles!r}", "give (rows, columns), from 1 to the image's height and width")


def _tile_maps(light: Floats, weight: Floats | None, tiles: tuple[int, int], clip: float) -> Floats:
    """Make the mapping of each tile, at the edges of the bins: (rows, columns, BINS + 1), from 0 to 1."""
    rows, columns = tiles
    height, width = light.shape
    row = np.arange(height) * rows // height
    column = np.arange(width) * columns // width
    bins = np.minimum((light * BINS).astype(np.intp), BINS - 1)
    bins += (row[:, None] * columns + column) * BINS
    counts = np.bincount(bins.ravel(), None if weight is None else weight.ravel(), rows * columns * BINS)
    counts = counts.reshape(rows, columns, BINS).astype(np.float64)
    total = counts.sum(axis=-1, keepdims=True)
    # A tile in which nothing is visible leaves values as they are.
    density = np.where(total > 0, counts / np.where(total > 0, total, 1), 1 / BINS)
    density = _limited(density, clip / BINS)
    edges = np.zeros((rows, columns, BINS + 1), np.float32)
    edges[..., 1:] = np.cumsum(density, axis=-1)
    return edges


def _limited(density: Array, limit: float) -> Array:
    """Cut what is above the limit and give it to all bins alike, over again until nothing is above."""
    for _ in range(32):
        excess = np.maximum(density - limit, 0).sum(axis=-1, keepdims=True)
        if excess.max() < 1e-6:
            break
        density = np.minimum(density, limit)
        room = limit - density
        density = density + room * np.minimum(1, excess / np.maximum(room.sum(axis=-1, keepdims=True), 1e-12))
    return density


def _interpolate(light: Floats, maps: Floats, top: int, shape: tuple[int, ...]) -> Floats:
    rows, columns = maps.shape[:2]
    y = (np.arange(top, top + light.shape[0]) + 0.5) * rows / shape[0] - 0.5
    x = (np.arange(light.shape[1]) + 0.5) * columns / shape[1] - 0.5
    y, x = np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1)
    above, left = np.minimum(y.astype(np.intp), max(0, rows - 2)), np.minimum(x.astype(np.intp), max(0, columns - 2))
    down, right = (y - above).astype(np.float32)[:, None], (x - left).astype(np.float32)[None]
    inside = np.clip(light, 0, 1)
    bins = np.minimum((inside * BINS).astype(np.intp), BINS - 1)
    share = inside * np.float32(BINS) - bins.astype(np.float32)
    flat = maps.ravel()

    def at(row: NDArray[Any], column: NDArray[Any]) -> Floats:
        start = (row[:, None] * columns + column[None]) * (BINS + 1) + bins
        low = np.take(flat, start, mode="clip")
        return np.asarray(low + (np.take(flat, start + 1, mode="clip") - low) * share, np.float32)

    below, beyond = np.minimum(above + 1, rows - 1), np.minimum(left + 1, columns - 1)
    upper = at(above, left) * (1 - right) + at(above, beyond) * right
    lower = at(below, left) * (1 - right) + at(below, beyond) * right
    return np.asarray(upper + (lower - upper) * down + (light - inside), np.float32)


def _lightness(image: Image) -> Floats:
    """Oklab lightness of each pixel."""
    out = np.empty(image.shape[:2], np.float32)

    def work(top: int, bottom: int) -> None:
        out[top:bottom] = linear_to_oklab(srgb_to_linear(split_alpha(image[top:bottom])[0]))[..., 0]

    each_strip(work, image.shape[0], row_bytes=12 * image.shape[1])
    return out


def _relit(image: Image, light: Floats, curve: Callable[[Floats], Floats]) -> Image:
    return _scaled(image, light, curve(light))


def _scaled(image: Image, old: Floats, new: Floats) -> Image:
    """Scale the light of each pixel so that its lightness becomes a new one."""
    out = image.copy()

    def work(top: int, bottom: int) -> None:
        was, will = old[top:bottom], new[top:bottom]
        gain = np.maximum(will, 0) / np.maximum(was, np.float32(BLACK))
        linear = srgb_to_linear(split_alpha(image[top:bottom])[0]) * (gain * gain * gain)[..., None]
        split_alpha(out[top:bottom])[0][...] = like(linear_to_srgb(linear), image.dtype)

    each_strip(work, image.shape[0], row_bytes=12 * image.shape[1])
    return out
