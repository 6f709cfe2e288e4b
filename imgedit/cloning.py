"""Edit gradients instead of colours: seamless cloning and local changes that leave no edge.

P. Perez, M. Gangnet, A. Blake, "Poisson image editing", ACM Transactions on Graphics 22(3), 2003
(doi:10.1145/882262.882269): inside a mask look for the picture whose gradients are the wanted ones and which meets the
target at the mask's edge. Every verb here says which gradients it wants; ``imgedit.poisson`` finds the picture.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import luma
from imgedit.errors import ArgumentError, ImageError
from imgedit.pixels import (
    Image,
    Mask,
    Progress,
    as_float,
    check,
    check_number,
    check_same_size,
    hard_mask,
    like,
    premultiply,
    to_uint8,
    unpremultiply,
)
from imgedit.poisson import laplacian, solve_poisson
from imgedit.strips import Ticker, each_strip

__all__ = ["color_change", "illumination_change", "seamless_clone", "texture_flatten"]

Floats = NDArray[Any]
Flags = NDArray[np.bool_]
Box = tuple[slice, slice]
Steps = tuple[Floats, Floats]
"""Differences of neighbours down (H-1 x W x C) and to the right (H x W-1 x C)."""

# Gradients below a tenth of an 8-bit step count as this: a negative power of less would blow noise up without end.
LEAST_GRADIENT = 0.1 / 255


def seamless_clone(
    source: Image,
    target: Image,
    mask: Mask,
    *,
    offset: tuple[int, int] = (0, 0),
    mode: Literal["import", "mixed", "monochrome"] = "import",
    progress: Progress | None = None,
) -> Image:
    """Paste part of one picture into another so that neither a seam nor a step in colour is seen.

    Parameters
    ----------
    source : ndarray
        hxw, hxwx3 or hxwx4; uint8, uint16 or float32. Where it has alpha and the target has none, only its pixels of at
        least half coverage are cloned.
    target : ndarray
        HxW, HxWx3 or HxWx4, of any size and dtype. Its alpha is cloned like a colour.
    mask : ndarray
        hxw, of the source's size; True (or coverage of at least one half) where the source is to appear.
    offset : tuple of int
        Where the source's top left pixel comes to lie in the target, (x, y); may be negative. What falls outside the
        target is left out; across the target's own border the gradient is free.
    mode : {"import", "mixed", "monochrome"}
        "import": the source's gradients. "mixed": between any two pixels the stronger of both pictures', for things
        with holes or seen through. "monochrome": the source's gradients of brightness, for its texture without colour.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        The target's shape and dtype; outside the mask bit for bit the target. A mask that marks nothing, or of which
        all falls outside the target, gives a copy.

    Raises
    ------
    ImageError
        An argument is malformed, NaN where it is needed, colour for a grey target, a mask of another size than the
        source, or one that covers the whole target.
    ArgumentError
        `mode` or `offset` is none.

    References
    ----------
    Perez et al. 2003, equations 7 (the discrete equation), 9 (import) and 12 (mixed; here one choice for all channels,
    so that no colour is taken from one picture and no other).

    Examples
    --------
    A flat source has no gradients, so nothing of it is seen:

    >>> import imgedit as ie
    >>> source = np.full((8, 8), 0.9, np.float32)
    >>> target = np.full((16, 16), 0.2, np.float32)
    >>> cloned = ie.seamless_clone(source, target, np.ones((8, 8), bool), offset=(4, 4))
    >>> bool(np.abs(cloned - 0.2).max() < 1e-5)
    True
    """
    source, target = check(source, "source"), check(target, "target")
    inside = hard_mask(mask)
    check_same_size(inside, source, "mask", "source")
    if mode not in ("import", "mixed", "monochrome"):
        raise ArgumentError("mode", f"is {mode!r}", "valid names: import, mixed, monochrome")
    if source.ndim == 3 and target.ndim == 2:
        raise ImageError("source", "has colour but target is grey", "make it grey: ie.convert(source, channels='grey')")
    if source.shape[2:] == (4,) and target.shape[2:] == (3,):
        inside = inside & hard_mask(source[..., 3])
        source = source[..., :3]
    x, y = _offset(offset)
    unknown = _placed(inside, target.shape[:2], x, y)
    if not unknown.any():
        return target.copy()
    tick = Ticker(progress)
    tick(0.0)
    window = _window(unknown)
    # Beyond its own edge the source goes on unchanged: no gradient is wanted there.
    rows = np.clip(np.arange(window[0].start, window[0].stop) - y, 0, source.shape[0] - 1)
    cols = np.clip(np.arange(window[1].start, window[1].stop) - x, 0, source.shape[1] - 1)
    here, near = unknown[window], _with_rim(unknown[window])
    # What the target holds under the mask plays no part, but where its gradients compete.
    ground = _finite(_premultiplied(target[window]), near if mode == "mixed" else near & ~here)
    tick()
    wanted = _premultiplied(source[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1])
    tick()
    wanted = _finite(_as_channels(wanted[rows - rows[0]][:, cols - cols[0]], ground.shape[2]), here)
    tick()
    if mode == "monochrome" and ground.shape[2] > 1:
        wanted[..., :3] = luma(np.ascontiguousarray(wanted[..., :3]))[..., None]
    steps = _stronger(_steps(wanted), _steps(ground), tick) if mode == "mixed" else None
    return _rebuild(target, unknown, window, ground, wanted, steps, tick)


def texture_flatten(
    image: Image,
    mask: Mask,
    *,
    low: float = 0.1,
    high: float = 0.2,
    progress: Progress | None = None,
) -> Image:
    """Wash out fine texture inside a mask and keep its edges.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    mask : ndarray
        HxW; where to.
    low, high : float
        Thresholds of the edge detector (Canny), as steps of brightness with white at 1: steps above `high` are edges,
        and so are those above `low` that continue one.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        Same shape and dtype; outside the mask bit for bit the image.

    Raises
    ------
    ImageError
        Image or mask malformed, or a mask that covers the whole image.
    ArgumentError
        A threshold below 0, or `low` above `high`.

    References
    ----------
    Perez et al. 2003, equation 14: gradients are kept where an edge lies between two pixels, others are set to 0.

    Examples
    --------
    >>> import imgedit as ie
    >>> noisy = np.random.default_rng(0).uniform(0.45, 0.55, (32, 32)).astype(np.float32)
    >>> mask = np.zeros((32, 32), bool)
    >>> mask[8:24, 8:24] = True
    >>> bool(ie.texture_flatten(noisy, mask)[10:22, 10:22].std() < 0.3 * noisy[10:22, 10:22].std())
    True
    """
    image, unknown = check(image), hard_mask(mask, image)
    high = check_number(high, "high", least=0)
    low = check_number(low, "low", least=0, most=high)
    if not unknown.any():
        return image.copy()
    tick = Ticker(progress)
    window, ground = _ground(image, unknown, tick)
    gray = to_uint8(np.clip(luma(ground if ground.shape[2] > 1 else ground[..., 0]), 0, 1))
    # Sobel's kernel answers a step of 1 with 4.
    tick()
    edges = cv2.Canny(gray, 4 * 255 * low, 4 * 255 * high, apertureSize=3, L2gradient=True) > 0
    tick()
    down, right = _steps(ground)
    tick()
    steps = (down * (edges[1:] | edges[:-1])[..., None], right * (edges[:, 1:] | edges[:, :-1])[..., None])
    return _rebuild(image, unknown, window, ground, ground, steps, tick)


def illumination_change(
    image: Image,
    mask: Mask,
    *,
    alpha: float = 0.2,
    beta: float = 0.2,
    progress: Progress | None = None,
) -> Image:
    """Even out the light inside a mask: strong gradients become weaker, weak ones stronger.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    mask : ndarray
        HxW; where to: a highlight to take back, a dark thing to bring out.
    alpha : float
        Gradients of `alpha` times the mean in the mask stay as they are; above 0.
    beta : float
        How strongly the others are drawn to that: 0 changes nothing, 1 makes all alike.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        Same shape and dtype; outside the mask bit for bit the image.

    Raises
    ------
    ImageError
        Image or mask malformed, or a mask that covers the whole image.
    ArgumentError
        `alpha` or `beta` out of range.

    References
    ----------
    Perez et al. 2003, equation 16, after R. Fattal et al. 2002 (doi:10.1145/566654.566573); on encoded values, where
    the paper takes logarithms: those of dark pixels are mostly noise.

    Examples
    --------
    >>> import imgedit as ie
    >>> flat = np.full((16, 16), 0.5, np.float32)
    >>> mask = np.zeros((16, 16), bool)
    >>> mask[4:12, 4:12] = True
    >>> bool(np.abs(ie.illumination_change(flat, mask) - flat).max() < 1e-5)
    True
    """
    image, unknown = check(image), hard_mask(mask, image)
    alpha = check_number(alpha, "alpha", above=0)
    beta = check_number(beta, "beta", least=0, most=1)
    if not unknown.any():
        return image.copy()
    tick = Ticker(progress)
    window, ground = _ground(image, unknown, tick)
    steps = _steps(ground)
    tick()
    sizes = []
    for step in steps:
        sizes.append(np.maximum(np.sqrt(_squared(step)), LEAST_GRADIENT))
        tick()
    # Coverage is no light: the gradients of alpha stay.
    colors = min(ground.shape[2], 3)
    level = alpha * float(np.concatenate([size.ravel() for size in sizes]).mean())
    for step, size in zip(steps, sizes, strict=True):
        step[..., :colors] *= (level / size) ** beta
        tick()
    return _rebuild(image, unknown, window, ground, ground, steps, tick)


def color_change(
    image: Image,
    mask: Mask,
    *,
    factors: tuple[float, float, float] = (1.0, 1.0, 1.0),
    progress: Progress | None = None,
) -> Image:
    """Change the colour of a thing inside a rough mask; the mask's edge is not seen.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    mask : ndarray
        HxW; loosely around the thing.
    factors : tuple of float
        What the gradients of red, green and blue are multiplied by; at least 0. Grey takes the mean of the three.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        Same shape and dtype; outside the mask bit for bit the image.

    Raises
    ------
    ImageError
        Image or mask malformed, or a mask that covers the whole image.
    ArgumentError
        Not three factors, or one below 0.

    References
    ----------
    Perez et al. 2003, section 4, "Local color changes".

    Examples
    --------
    >>> import imgedit as ie
    >>> image = np.zeros((9, 9, 3), np.float32)
    >>> image[4, 4] = 0.4
    >>> mask = np.zeros((9, 9), bool)
    >>> mask[1:8, 1:8] = True
    >>> ie.color_change(image, mask, factors=(2, 1, 0.5))[4, 4].round(3).tolist()
    [0.8..., 0.4..., 0.2...]
    """
    image, unknown = check(image), hard_mask(mask, image)
    if not isinstance(factors, (tuple, list)) or len(factors) != 3:
        raise ArgumentError("factors", f"is {factors!r}", "give three numbers: red, green, blue")
    scales = np.array([check_number(factor, "factors", least=0) for factor in factors], np.float32)
    if not unknown.any():
        return image.copy()
    tick = Ticker(progress)
    window, ground = _ground(image, unknown, tick)
    wanted = ground.copy()
    wanted[..., :3] *= scales if ground.shape[2] > 1 else scales.mean()
    return _rebuild(image, unknown, window, ground, wanted, None, tick)


def _offset(offset: tuple[int, int]) -> tuple[int, int]:
    whole = isinstance(offset, (tuple, list)) and len(offset) == 2
    if not whole or not all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in offset):
        raise ArgumentError("offset", f"is {offset!r}", "give two whole numbers: (x, y)")
    return int(offset[0]), int(offset[1])


def _placed(inside: Flags, size: tuple[int, ...], x: int, y: int) -> Flags:
    """Lay the mask where it belongs in the target; what falls outside is left out."""
    unknown = np.zeros(size, bool)
    height, width = inside.shape
    part = unknown[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]
    part[:] = inside[max(0, -y) :, max(0, -x) :][: part.shape[0], : part.shape[1]]
    return unknown


def _window(unknown: Flags) -> Box:
    """Find the box of the mask and one pixel around it, as far as there are pixels."""
    if unknown.all():
        raise ImageError("mask", "covers the whole image", "leave some pixels that the rest can join on to")
    left, top, wide, high = cv2.boundingRect(unknown.view(np.uint8))
    bottom, right = min(unknown.shape[0], top + high + 1), min(unknown.shape[1], left + wide + 1)
    return slice(max(0, top - 1), bottom), slice(max(0, left - 1), right)


def _ground(image: Image, unknown: Flags, tick: Ticker) -> tuple[Box, Floats]:
    """Find the box of the mask, and its pixels as numbers."""
    tick(0.0)
    window = _window(unknown)
    values = _premultiplied(image[window])
    tick()
    values = _finite(values, _with_rim(unknown[window]))
    tick()
    return window, values


def _premultiplied(image: Image) -> Floats:
    """Float pixels, HxWxC, premultiplied; new."""
    values = premultiply(as_float(np.ascontiguousarray(image)))
    return values.reshape(*values.shape[:2], -1)


def _with_rim(inside: Flags) -> Flags:
    """Grow a mask by one pixel."""
    return cv2.dilate(np.ascontiguousarray(inside).view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def _finite(values: Floats, needed: Flags) -> Floats:
    """Refuse NaN and infinity where pixels are needed; elsewhere they become 0, or they would spread."""
    if np.isfinite(values).all():
        return values
    if not np.isfinite(values[needed]).all():
        raise ImageError("mask", "lies where there is NaN or infinity", "leave those pixels out, or fill them first")
    return np.nan_to_num(values, posinf=0, neginf=0)


def _as_channels(values: Floats, channels: int) -> Floats:
    """Grey as RGB, no alpha as full coverage, where the target has more channels than the source."""
    if values.shape[2] == channels:
        return values
    out = np.ones((*values.shape[:2], channels), np.float32)
    out[..., :3] = values
    return out


def _steps(values: Floats) -> Steps:
    return np.diff(values, axis=0), np.diff(values, axis=1)


def _stronger(wanted: Steps, ground: Steps, tick: Ticker) -> Steps:
    """Of each pair of steps the larger in all channels together; `wanted` is written to."""
    for step, other in zip(wanted, ground, strict=True):
        length = _squared(step)
        tick()
        weaker = length <= _squared(other)
        tick()
        np.copyto(step, other, where=weaker)
    return wanted


def _squared(step: Floats) -> Floats:
    """Squared length over the channels, with one channel left."""
    channels = np.ones((1, step.shape[2]), np.float32)
    return cv2.transform(cv2.multiply(step, step).reshape(step.shape), channels)[..., None]


def _divergence(steps: Steps, tick: Ticker) -> Floats:
    """At each pixel the sum of the steps to its neighbours."""
    down, right = steps
    out = np.zeros((right.shape[0], down.shape[1], down.shape[2]), np.float32)
    out[:-1] += down
    out[1:] -= down
    tick()
    out[:, :-1] += right
    out[:, 1:] -= right
    tick()
    return out


def _rebuild(
    target: Image,
    unknown: Flags,
    window: Box,
    ground: Floats,
    wanted: Floats,
    steps: Steps | None,
    tick: Ticker,
) -> Image:
    """Solve for the pixels of the window and write them into a copy of the target.

    What is solved for is the difference to `wanted`: where its own gradients are wanted (`steps` None), that is smooth,
    and soon found.
    """
    here = np.ascontiguousarray(unknown[window])
    divergence = None if steps is None else _divergence(steps, tick)
    if divergence is not None:
        cv2.subtract(divergence, laplacian(wanted), dst=divergence)
    tick()
    solved = solve_poisson(ground - wanted, here, divergence, progress=tick.part(0.0, 0.95))
    out = target.copy()
    view = out[window]

    def write(top: int, bottom: int) -> None:
        fresh = solved[top:bottom] + wanted[top:bottom]
        if fresh.shape[2] == 4:
            fresh[..., 3] = np.clip(fresh[..., 3], 0, 1)
            fresh = unpremultiply(fresh)
        inside = here[top:bottom]
        if out.ndim == 2:
            np.copyto(view[top:bottom], like(fresh[..., 0], out.dtype), where=inside)
        else:
            np.copyto(view[top:bottom], like(fresh, out.dtype), where=inside[..., None])

    each_strip(write, here.shape[0], row_bytes=4 * solved[0].size, progress=tick.part(0.95, 1.0))
    return out
