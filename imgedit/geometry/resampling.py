"""Change the size of an image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import cv2
import numpy as np

from imgedit.color import Color
from imgedit.errors import ArgumentError
from imgedit.geometry.canvas import check_size, pad
from imgedit.geometry.kernels import FILTERS, Kernel
from imgedit.geometry.separable import Axis, resample
from imgedit.pixels import Image, Progress, check, check_alpha, check_number
from imgedit.tables import Table

__all__ = ["RESIZE_FILTERS", "Placement", "place", "resize", "resize_placed"]

RESIZE_FILTERS: Table[Kernel | None] = Table("filter", {"auto": None, **FILTERS})
"""The kernels, and ``auto``: Lanczos along an axis that shrinks, Catmull-Rom along one that grows."""


def resize(
    image: Image,
    size: tuple[int, int] | None = None,
    *,
    scale: float | None = None,
    width: int | None = None,
    height: int | None = None,
    fit: Literal["stretch", "contain", "cover", "pad"] = "stretch",
    filter: Annotated[str, RESIZE_FILTERS] = "auto",
    space: Literal["srgb", "linear"] = "srgb",
    background: Color | None = None,
    progress: Progress | None = None,
) -> Image:
    """Change the size of an image, antialiased when it shrinks.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    size : tuple of int, optional
        Height and width of the result, in pixels.
    scale : float, optional
        Factor for both sides, instead of a size.
    width : int, optional
        Width of the result, instead of a size; the height follows.
    height : int, optional
        Height of the result, instead of a size; the width follows.
    fit : {"stretch", "contain", "cover", "pad"}
        What gives way when `size` has other proportions than the image: the proportions; the size (the largest result
        that lies within it); what stands out (cut off on both sides); or the empty rest (filled with `background`).
    filter : str
        ``nearest``, ``box``, ``area`` (exact coverage), ``linear``, ``cubic`` (Catmull-Rom), ``mitchell`` or
        ``lanczos3``; ``auto`` takes ``lanczos3`` where the image shrinks and ``cubic`` where it grows.
    space : {"srgb", "linear"}
        Interpolate the encoded values, as most programs do, or amounts of light, which keeps the brightness of fine
        patterns.
    background : str or tuple of float, optional
        What ``fit="pad"`` fills with; by default clear, or black where the image has no alpha.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray
        An image of the new size, dtype and channels as given. Float values beyond [0, 1] are kept, and Catmull-Rom,
        Mitchell and Lanczos may overshoot next to edges.

    Raises
    ------
    ArgumentError
        No size or more than one, sizes below 1, a scale that is not above 0.
    UnknownNameError
        No such filter.

    Notes
    -----
    A pixel is a square with its centre at 1/2: output pixel `i` of `n` is centred on ``(i + 1/2) * N / n``. The kernel
    is stretched by ``max(1, N / n)``, cut off at the border and normalised. Alpha is premultiplied on the way.

    References
    ----------
    See ``imgedit.geometry.kernels`` for the kernels.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.resize(np.zeros((480, 640, 3), np.uint8), width=320).shape
    (240, 320, 3)
    >>> ie.resize(np.array([[0.0, 1.0]], np.float32), (1, 4), filter="linear").tolist()
    [[0.0, 0.25, 0.75, 1.0]]
    """
    image = check(image)
    check_alpha(image)
    RESIZE_FILTERS[filter]
    if fit not in ("stretch", "contain", "cover", "pad"):
        raise ArgumentError("fit", f"is {fit!r}", "give 'stretch', 'contain', 'cover' or 'pad'")
    if space not in ("srgb", "linear"):
        raise ArgumentError("space", f"is {space!r}", "give 'srgb' or 'linear'")
    placement = place(image.shape[:2], size, scale=scale, width=width, height=height, fit=fit)
    return resize_placed(image, placement, filter=filter, space=space, background=background, progress=progress)


@dataclass(frozen=True)
class Placement:
    """Which part of an image lands where: the `box` (left, top, right, bottom) of it on `inner` pixels of `outer`."""

    box: tuple[float, float, float, float]
    inner: tuple[int, int]
    outer: tuple[int, int]

    @property
    def ratio(self) -> float:
        """Input pixels for one output pixel, along the axis that shrinks less."""
        left, top, right, bottom = self.box
        return min((bottom - top) / self.inner[0], (right - left) / self.inner[1])

    def after(self, reduction: int) -> Placement:
        """Give the same placement for an image that its decoder has made so many times smaller already."""
        left, top, right, bottom = (edge / reduction for edge in self.box)
        return replace(self, box=(left, top, right, bottom))


def place(
    shape: tuple[int, ...],
    size: tuple[int, int] | None = None,
    *,
    scale: float | None = None,
    width: int | None = None,
    height: int | None = None,
    fit: str = "stretch",
) -> Placement:
    """Work out the sizes of `resize` without an image.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the image.
    size, scale, width, height, fit
        As for `resize`.

    Returns
    -------
    Placement
        What lands where.
    """
    target = _target(shape, size, scale, width, height)
    inner = _within(shape, target) if fit in ("contain", "pad") else target
    box = _cover(shape, target) if fit == "cover" else (0.0, 0.0, float(shape[1]), float(shape[0]))
    return Placement(box, inner, target if fit == "pad" else inner)


def resize_placed(
    image: Image,
    placement: Placement,
    *,
    filter: str = "auto",
    space: str = "srgb",
    background: Color | None = None,
    progress: Progress | None = None,
) -> Image:
    """Do what `resize` does once the sizes are known.

    Parameters
    ----------
    image : ndarray
        A checked image.
    placement : Placement
        From `place`.
    filter, space, background, progress
        As for `resize`.

    Returns
    -------
    ndarray
        A new image of the outer size.
    """
    out = _resized(image, placement.inner, placement.box, filter, space == "linear", progress)
    if placement.inner == placement.outer:
        return out
    (height, width), inner = placement.outer, placement.inner
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    return pad(out, (left, top, width - inner[1] - left, height - inner[0] - top), background=background)


def _target(
    shape: tuple[int, ...],
    size: tuple[int, int] | None,
    scale: float | None,
    width: int | None,
    height: int | None,
) -> tuple[int, int]:
    given = [name for name, value in (("size", size), ("scale", scale)) if value is not None]
    given += ["width and height"] if width is not None or height is not None else []
    if len(given) != 1:
        problem = f"is given more than once, by {' and by '.join(given)}" if given else "is missing"
        raise ArgumentError("size", problem, "give one of: size, scale, width and/or height")
    if size is not None:
        return check_size(size)
    if scale is not None:
        factor = check_number(scale, "scale", above=0)
        return check_size((max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))), "scale")
    if height is None:
        (_, across) = check_size((1, width), "width")
        return max(1, round(shape[0] * across / shape[1])), across
    if width is None:
        (down, _) = check_size((height, 1), "height")
        return down, max(1, round(shape[1] * down / shape[0]))
    return check_size((height, width), "height and width")


def _within(shape: tuple[int, ...], target: tuple[int, int]) -> tuple[int, int]:
    factor = min(target[0] / shape[0], target[1] / shape[1])
    return (
        min(target[0], max(1, round(shape[0] * factor))),
        min(target[1], max(1, round(shape[1] * factor))),
    )


def _cover(shape: tuple[int, ...], target: tuple[int, int]) -> tuple[float, float, float, float]:
    factor = max(target[0] / shape[0], target[1] / shape[1])
    height, width = min(target[0] / factor, shape[0]), min(target[1] / factor, shape[1])
    left, top = (shape[1] - width) / 2, (shape[0] - height) / 2
    return left, top, left + width, top + height


def _resized(
    image: Image,
    size: tuple[int, int],
    box: tuple[float, float, float, float],
    filter: str,
    linear: bool,
    progress: Progress | None,
) -> Image:
    left, top, right, bottom = box
    whole = box == (0, 0, image.shape[1], image.shape[0])
    if whole and size == image.shape[:2]:
        return image.copy()
    ratios = ((bottom - top) / size[0], (right - left) / size[1])
    names = [_choice(filter, ratio) for ratio in ratios]
    if names[0] == "nearest":
        return _nearest(image, size, box)
    exact = _one_call(image, ratios, names[0]) if whole and names[0] == names[1] and not linear else None
    if exact is not None:
        return np.asarray(cv2.resize(image, size[::-1], interpolation=exact))
    rows = Axis(size[0], top, bottom, FILTERS[names[0]])
    columns = Axis(size[1], left, right, FILTERS[names[1]])
    return resample(image, rows, columns, linear=linear, progress=progress)


def _choice(filter: str, ratio: float) -> str:
    if filter == "auto":
        return "lanczos3" if ratio > 1 else "cubic"
    return filter


def _one_call(image: Image, ratios: tuple[float, float], filter: str) -> int | None:
    """Name the interpolation of ``cv2.resize`` that gives the same result, if there is one."""
    if image.ndim == 3 and image.shape[2] == 4:
        return None
    even = all(ratio == int(ratio) for ratio in ratios)
    if min(ratios) >= 1 and (filter == "area" or (filter == "box" and even)):
        return cv2.INTER_AREA
    if max(ratios) <= 1 and filter == "linear":
        return cv2.INTER_LINEAR
    return None


def _nearest(image: Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image:
    left, top, right, bottom = box
    rows = np.floor(top + (np.arange(size[0]) + 0.5) * ((bottom - top) / size[0])).astype(np.intp)
    columns = np.floor(left + (np.arange(size[1]) + 0.5) * ((right - left) / size[1])).astype(np.intp)
    picked = image[np.clip(rows, 0, image.shape[0] - 1)]
    return np.ascontiguousarray(picked[:, np.clip(columns, 0, image.shape[1] - 1)])
