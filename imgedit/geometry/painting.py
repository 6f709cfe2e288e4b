"""Erase and fill: put nothing, a colour, a gradient, a pattern or noise where a mask says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np

from imgedit.color import Color, parse_color
from imgedit.compositing.equation import BLEND_MODES, composite, to_pixels, to_planes
from imgedit.compositing.spaces import SPACES
from imgedit.errors import ArgumentError
from imgedit.geometry.paints import PAINT_FILES, Canvas, Floats, Paint, parse_paint
from imgedit.pixels import (
    Image,
    Mask,
    as_float,
    check,
    check_alpha,
    check_mask,
    check_number,
    full_range,
    join_alpha,
    like,
    mix_by_mask,
    split_alpha,
)
from imgedit.strips import Progress, each_strip

__all__ = ["erase", "fill"]


def erase(image: Image, mask: Mask, *, to: Color = "transparent") -> Image:
    """Erase what a mask covers, to transparent or to a colour.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    mask : ndarray
        HxW; where to erase. Partial coverage erases in part, so that soft edges stay soft.
    to : str or tuple of float
        What remains: ``"transparent"``, or any colour; a translucent one leaves its alpha.

    Returns
    -------
    ndarray
        Same dtype. HxWx4 if the image had alpha or what remains is not opaque, else the image's own channels. Where the
        result is fully transparent its colour is black, so that nothing of what was erased can be recovered.

    Raises
    ------
    ImageError
        Not an image, or a mask that does not fit.
    ArgumentError
        Not a colour, or a coloured one for a grey image.

    References
    ----------
    Porter and Duff 1984, https://doi.org/10.1145/800031.808606 (destination-out; mixing by coverage).

    Examples
    --------
    >>> import imgedit as ie
    >>> photo = np.full((1, 3), 200, np.uint8)
    >>> ie.erase(photo, np.array([[0.0, 0.5, 1.0]], np.float32)).tolist()
    [[[200, 200, 200, 255], [200, 200, 200, 128], [0, 0, 0, 0]]]
    """
    image = check(image)
    check_alpha(image)
    mask = check_mask(mask, image)
    rgba = parse_color(to, name="to")
    if rgba[3] < 1 and split_alpha(image)[1] is None:
        image = join_alpha(image, np.full(image.shape[:2], full_range(image.dtype), image.dtype))
    if rgba[3] == 0:
        return _cleared(image, mask)
    _check_paintable(rgba, image, "to", to)
    color = like(rgba[None, : 1 if image.ndim == 2 else image.shape[2]], image.dtype)[0]
    return mix_by_mask(image, np.broadcast_to(color if image.ndim == 3 else color[0], image.shape), mask)


def _cleared(image: Image, mask: Mask) -> Image:
    """Scale alpha down by a mask: straight colour stays as it is, and nothing is left under alpha 0."""
    out = image.copy()

    def work(top: int, bottom: int) -> None:
        coverage, rows = _coverage(mask[top:bottom]), out[top:bottom]
        rows[..., 3] = like(as_float(rows[..., 3]) * (1 - coverage), image.dtype)
        rows[(rows[..., 3] == 0) & (coverage > 0)] = 0

    each_strip(work, image.shape[0], row_bytes=16 * image.shape[1])
    return out


def fill(
    image: Image,
    mask: Mask | None,
    paint: Annotated[Paint | Color | Mapping[str, Any], PAINT_FILES],
    *,
    opacity: float = 1.0,
    mode: Annotated[str, BLEND_MODES] = "normal",
    space: Annotated[str, SPACES] = "srgb",
    progress: Progress | None = None,
) -> Image:
    """Fill what a mask covers with a colour, a gradient, a pattern or noise.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    mask : ndarray or None
        HxW; where to paint, by coverage. None is everywhere.
    paint : Paint, str, tuple or mapping
        A colour (``"#ff8000"``, ``"tomato"``, ``(1, 0.5, 0)``); a paint (``LinearGradient``, ``RadialGradient``,
        ``ConicGradient``, ``Pattern``, ``Noise``); words (``"linear:0,0,1,0:#000,#fff"``, ``"noise:perlin,64"``,
        ``"pattern:tile.png"``); or a table with ``kind`` and the paint's parameters.
    opacity : float
        0 to 1; a factor on the paint's alpha.
    mode : str
        How the paint blends with what is below; a blend mode as for ``blend``.
    space : str
        Space in which the paint is mixed with what is below.
    progress : callable, optional
        Given the fraction done, 0 to 1.

    Returns
    -------
    ndarray
        Same shape and dtype. Where the mask is 0, pixels are the image's own, bit for bit; where the image is
        transparent, paint makes it opaque.

    Raises
    ------
    ImageError
        Not an image, or a mask that does not fit.
    ArgumentError
        Not a paint, a coloured one for a grey image, or an opacity out of range.
    UnknownNameError
        An unknown kind of paint, mode or space.

    References
    ----------
    SVG 2, chapter 14 (gradients); Porter and Duff 1984, https://doi.org/10.1145/800031.808606 (source-over).

    Examples
    --------
    >>> import imgedit as ie
    >>> photo = np.zeros((2, 3, 3), np.uint8)
    >>> ie.fill(photo, np.eye(2, 3, dtype=bool), "#ff8000")[0].tolist()
    [[255, 128, 0], [0, 0, 0], [0, 0, 0]]
    """
    image = check(image)
    check_alpha(image)
    mask = None if mask is None else check_mask(mask, image)
    opacity = check_number(opacity, "opacity", least=0, most=1)
    BLEND_MODES[mode], SPACES[space]
    painted = parse_paint(paint)
    height, width = image.shape[:2]
    out = image.copy()

    def work(top: int, bottom: int) -> None:
        coverage = None if mask is None else _coverage(mask[top:bottom])
        if coverage is not None and not coverage.any():
            return
        source = painted.planes(Canvas(top, bottom, height, width))
        color = source[:3] if image.ndim == 3 else _grey(source[:3], paint)
        alpha = source[3] * np.float32(opacity) if coverage is None else source[3] * (coverage * np.float32(opacity))
        mixed = np.empty_like(out[top:bottom])
        to_pixels(*composite(*to_planes(image[top:bottom]), color, alpha, mode, space=space), mixed)
        np.copyto(out[top:bottom], mixed, where=alpha > 0 if image.ndim == 2 else (alpha > 0)[..., None])

    each_strip(work, height, row_bytes=16 * width, progress=progress)
    return out


def _coverage(mask: Mask) -> Floats:
    return mask.astype(np.float32) if mask.dtype == bool else as_float(mask)


def _check_paintable(rgba: Floats, image: Image, name: str, given: object) -> None:
    if image.ndim == 2 and rgba[:3].min() != rgba[:3].max():
        raise ArgumentError(name, f"is {given!r} but image is grey", "make it RGB: ie.convert(image, channels='rgb')")


def _grey(color: Floats, given: object) -> Floats:
    if not (color[0] == color[1]).all() or not (color[1] == color[2]).all():
        raise ArgumentError(
            "paint", f"is {given!r} but image is grey", "make it RGB: ie.convert(image, channels='rgb')"
        )
    return color[:1]
