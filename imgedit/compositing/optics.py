"""What lies between a scene and its picture: fog, and the blur of a lens, both from a depth map.

Fog follows Koschmieder's law (1924): what is seen is colour * t + fog * (1 - t) with t = exp(-density * distance). The
blur of depth of field has the thin lens' circle of confusion, which grows with |1 - focus / distance| (Potmesil and
Chakravarty, SIGGRAPH 1981, doi:10.1145/800224.806818); the picture is cut into slices of like blur that are put over
each other from far to near, so that a sharp object keeps its edge before a blurred ground.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import linear_to_srgb, parse_color, srgb_to_linear
from imgedit.compositing.depth import Near, check_depth, depth_sign
from imgedit.errors import ArgumentError
from imgedit.pixels import (
    LEAST_ALPHA,
    Image,
    Progress,
    as_float,
    check,
    check_alpha,
    check_number,
    join_alpha,
    like,
    split_alpha,
)
from imgedit.strips import each_strip

__all__ = ["depth_of_field", "fog"]

Floats = NDArray[np.float32]

# Slices of blur: more can't be told apart below a radius of some 30 pixels.
MOST_SLICES = 24


def fog(
    image: Image,
    depth: NDArray[Any],
    *,
    density: float = 0.1,
    color: str | tuple[float, ...] = "#c8d0d8",
    start: float = 0.0,
    near: Near = "small",
    space: Literal["srgb", "linear"] = "srgb",
) -> Image:
    """Lay fog over a picture: the farther, the more.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; alpha is kept.
    depth : ndarray
        HxW distance for ``near="small"``, disparity (inverse distance) for ``near="large"``, in the unit of its
        numbers: 16-bit levels count from 0 to 65535. Infinite distance is all fog.
    density : float
        Extinction per unit of distance: at distance ``start + 1 / density`` 37 % of the picture is left.
    color : str or tuple of float
        Colour of the fog; on a grey image its luma.
    start : float
        Distance before which the air is clear.
    near : {"small", "large"}
        Whether `depth` is distance or disparity.
    space : {"srgb", "linear"}
        Mix encoded values, as editors do, or light, as air does.

    Returns
    -------
    ndarray
        Same shape and dtype as the image.

    Raises
    ------
    ImageError
        An image or depth that is none, or sizes that differ.
    ArgumentError
        A parameter out of range.

    References
    ----------
    H. Koschmieder, "Theorie der horizontalen Sichtweite", 1924

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.fog(np.zeros((1, 2), np.uint8), np.array([[0.0, np.inf]]), color="white").tolist()
    [[0, 255]]
    """
    image = check(image)
    check_alpha(image)
    distance = _distance(check_depth(depth, image, near=near), near)
    density = check_number(density, "density", least=0)
    start = check_number(start, "start")
    if space not in ("srgb", "linear"):
        raise ArgumentError("space", f"is {space!r}", 'give "srgb" or "linear"')
    paint = parse_color(color)[:3]
    if image.ndim == 2:
        paint = paint @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    if space == "linear":
        paint = srgb_to_linear(paint)
    out = np.empty(image.shape, image.dtype)

    def work(top: int, bottom: int) -> None:
        picture, alpha = split_alpha(as_float(image[top:bottom]))
        through = np.exp(-density * np.maximum(distance[top:bottom] - np.float32(start), 0)) if density else 1.0
        through = np.broadcast_to(np.float32(through), picture.shape[:2])
        if picture.ndim == 3:
            through = through[..., None]
        light = srgb_to_linear(picture) if space == "linear" else picture
        light = light * through + paint * (1 - through)
        light = linear_to_srgb(light) if space == "linear" else light
        out[top:bottom] = like(join_alpha(light, alpha), image.dtype)

    each_strip(work, image.shape[0], row_bytes=image.shape[1] * 48)
    return out


def _distance(depth: Floats, near: Near) -> Floats:
    if depth_sign(near) > 0:
        return depth
    with np.errstate(divide="ignore"):
        return np.asarray(1 / np.maximum(depth, 0))


def depth_of_field(
    image: Image,
    depth: NDArray[Any],
    *,
    focus: float,
    radius: float = 8.0,
    near: Near = "small",
    space: Literal["srgb", "linear"] = "linear",
    progress: Progress | None = None,
) -> Image:
    """Blur a picture by its depth, as a lens does that is focused at one distance.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4.
    depth : ndarray
        HxW distance for ``near="small"``, disparity (inverse distance) for ``near="large"``, in the unit of its
        numbers: 16-bit levels count from 0 to 65535.
    focus : float
        The depth, in the unit of `depth`, that stays sharp.
    radius : float
        Radius in pixels of the disc that a point at infinity becomes. A point at distance d becomes a disc of
        ``radius * |1 - focus / d|``, at most 4 times `radius`.
    near : {"small", "large"}
        Whether `depth` is distance or disparity.
    space : {"srgb", "linear"}
        Blur light, as a lens does (bright points stay bright), or encoded values.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray
        Same shape and dtype as the image.

    Raises
    ------
    ImageError
        An image or depth that is none, or sizes that differ.
    ArgumentError
        A parameter out of range.

    Notes
    -----
    What a blurred foreground lets through at its rim was never photographed: it is filled from what is seen beside it.

    References
    ----------
    Potmesil and Chakravarty, SIGGRAPH 1981, doi:10.1145/800224.806818

    Examples
    --------
    >>> import imgedit as ie
    >>> picture = np.eye(9, dtype=np.float32)
    >>> bool((ie.depth_of_field(picture, np.full((9, 9), 2.0), focus=2.0) == picture).all())
    True
    """
    image = check(image)
    check_alpha(image)
    depth = check_depth(depth, image, near=near)
    focus = check_number(focus, "focus", above=0)
    radius = check_number(radius, "radius", least=0, most=200)
    if space not in ("srgb", "linear"):
        raise ArgumentError("space", f"is {space!r}", 'give "srgb" or "linear"')
    blur = _signed_blur(depth, focus, radius, near)
    slices = _slices(blur)
    if not any(slices):
        return image.copy()
    picture, alpha = split_alpha(as_float(image))
    cover = np.ones(depth.shape, np.float32) if alpha is None else alpha
    light = np.dstack([srgb_to_linear(picture) if space == "linear" else picture, cover])
    light[..., :-1] *= cover[..., None]
    spread = _over_slices(light, blur, slices, progress)
    color = np.asarray(spread[..., :-1] / np.maximum(spread[..., -1:], LEAST_ALPHA), np.float32)
    if space == "linear":
        color = linear_to_srgb(color)
    out = like(join_alpha(color.reshape(picture.shape), None if alpha is None else spread[..., -1]), image.dtype)
    # What no blur reaches is not touched by rounding either.
    sharp = _reach(blur) < 0.5
    np.copyto(out, image, where=sharp if image.ndim == 2 else sharp[..., None])
    return out


def _signed_blur(depth: Floats, focus: float, radius: float, near: Near) -> Floats:
    """Radius of blur, negative before the plane of focus."""
    with np.errstate(divide="ignore"):
        inverse = focus / np.maximum(depth, 0) if depth_sign(near) > 0 else depth / np.float32(focus)
    return np.asarray(np.clip(radius * (1 - inverse), -4 * radius, 4 * radius), np.float32)


def _reach(blur: Floats) -> Floats:
    """Largest blur that can reach a pixel from its surroundings."""
    size = 2 * int(np.ceil(np.abs(blur).max())) + 1
    return np.asarray(cv2.dilate(np.abs(blur), cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))))


def _slices(blur: Floats) -> list[float]:
    """Radii of the slices from far to near; 0, where it lies between, is always one of them."""
    least, most = float(min(blur.min(), 0)), float(max(blur.max(), 0))
    behind = np.linspace(most, 0, min(MOST_SLICES, int(np.ceil(most))) + 1)
    before = np.linspace(0, least, min(MOST_SLICES, int(np.ceil(-least))) + 1)
    return [*behind.tolist(), *before[1:].tolist()]


def _over_slices(light: Floats, blur: Floats, slices: list[float], progress: Progress | None) -> Floats:
    channels = light.shape[2]
    total = np.zeros((*blur.shape, channels + 1), np.float32)
    for n, center in enumerate(slices):
        share = _share(blur, slices, n)
        if share.any():
            lens = _disc(abs(center))
            slab = np.dstack([light * share[..., None], share])
            if lens.size > 1:
                for channel in range(channels + 1):
                    slab[..., channel] = cv2.filter2D(slab[..., channel], -1, lens, borderType=cv2.BORDER_REFLECT)
            total *= 1 - np.clip(slab[..., -1:], 0, 1)
            total += slab
        if progress is not None:
            progress((n + 1) / len(slices))
    return np.asarray(total[..., :-1] / np.maximum(total[..., -1:], np.float32(1e-6)))


def _share(blur: Floats, slices: list[float], n: int) -> Floats:
    """How much of each pixel belongs to slice n: a tent between its neighbours."""
    share = np.ones_like(blur)
    if n > 0:
        share = np.minimum(share, (slices[n - 1] - blur) / np.float32(slices[n - 1] - slices[n]))
    if n + 1 < len(slices):
        share = np.minimum(share, (blur - slices[n + 1]) / np.float32(slices[n] - slices[n + 1]))
    return np.asarray(np.clip(share, 0, 1), np.float32)


def _disc(radius: float) -> Floats:
    """Disc of unit sum whose rim is antialiased."""
    half = int(np.ceil(radius))
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1) if radius > 0 else np.ones((1, 1))
    return np.asarray(disc / disc.sum(), np.float32)
