"""Effects as verbs: shadow, glow, stroke, bevel and overlay on one picture, alone or merged.

What they paint stands in ``compositing.paints``; ``Layer(effects=...)`` uses the same dataclasses.
"""

from __future__ import annotations

from typing import Annotated, Literal

import cv2
import numpy as np

from imgedit.color import Color
from imgedit.compositing.dressing import Effect, Frame, dress
from imgedit.compositing.equation import to_pixels, to_planes
from imgedit.compositing.gradients import STYLES
from imgedit.compositing.modes import MODES
from imgedit.compositing.overlays import ColorOverlay, GradientOverlay
from imgedit.compositing.paints import (
    Bevel,
    DropShadow,
    InnerGlow,
    InnerShadow,
    OuterGlow,
    Stroke,
)
from imgedit.errors import ArgumentError
from imgedit.pixels import Image, check, check_alpha
from imgedit.results import new_result

__all__ = [
    "bevel",
    "color_overlay",
    "drop_shadow",
    "gradient_overlay",
    "inner_glow",
    "inner_shadow",
    "outer_glow",
    "stroke",
]

# Rows worked on at once, beside as many as the effect reaches: enough that the overlap is not most of the work.
BAND = 256


def drop_shadow(
    image: Image,
    *,
    color: Color = "black",
    opacity: float = 0.5,
    offset: tuple[float, float] = (6.0, 6.0),
    size: float = 10.0,
    spread: float = 0.0,
    mode: Annotated[str, MODES] = "multiply",
    alone: bool = False,
    expand: bool | int = False,
) -> Image:
    """Cast a shadow behind a picture.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; its alpha is the shape (without alpha, the whole canvas is).
    color : str or tuple of float
        Colour of the shadow: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    offset : (float, float)
        How far the shadow falls (x, y) in pixels, to the right and down.
    size : float
        Width in pixels of the soft rim (two sigma of the Gaussian).
    spread : float
        0 to 1: the part of `size` by which the shape grows at full strength before the blur begins.
    mode : str
        Blend mode of the effect over what it falls on: the picture for inner effects; for those outside, what lies
        behind, so it matters in ``Layer(effects=...)`` only.
    alone : bool
        Give the effect only, on transparent ground.
    expand : bool or int
        Grow the canvas on each side: by as many pixels as the effect needs, or by this many.

    Returns
    -------
    ndarray
        Same dtype; the size too, unless the canvas grew. It has alpha if the image has it, or if `alone` or `expand`
        asks for it; a grey image becomes RGB if the effect has colour.

    Raises
    ------
    ImageError
        Not an image, or alpha that is NaN or outside [0, 1].
    ArgumentError
        A parameter out of range, or an unknown mode.

    Examples
    --------
    >>> import imgedit as ie
    >>> dot = np.zeros((1, 4, 4), np.uint8)
    >>> dot[0, 0] = 255
    >>> ie.drop_shadow(dot, offset=(2, 0), size=0, opacity=1)[..., 3].tolist()
    [[255, 0, 255, 0]]
    """
    effect = DropShadow(
        color=color, opacity=opacity, offset=offset, size=size, spread=spread, mode=mode, knockout=not alone
    )
    return _apply(image, effect, alone=alone, expand=expand)


def outer_glow(
    image: Image,
    *,
    color: Color = "white",
    opacity: float = 0.75,
    size: float = 12.0,
    spread: float = 0.0,
    mode: Annotated[str, MODES] = "screen",
    alone: bool = False,
    expand: bool | int = False,
) -> Image:
    """Let a picture glow outwards.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; its alpha is the shape (without alpha, the whole canvas is).
    color : str or tuple of float
        Colour of the light: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    size : float
        Width in pixels of the soft rim (two sigma of the Gaussian).
    spread : float
        0 to 1: the part of `size` by which the shape grows at full strength before the blur begins.
    mode : str
        Blend mode of the effect over what it falls on: the picture for inner effects; for those outside, what lies
        behind, so it matters in ``Layer(effects=...)`` only.
    alone : bool
        Give the effect only, on transparent ground.
    expand : bool or int
        Grow the canvas on each side: by as many pixels as the effect needs, or by this many.

    Returns
    -------
    ndarray
        Same dtype; the size too, unless the canvas grew. It has alpha if the image has it, or if `alone` or `expand`
        asks for it; a grey image becomes RGB if the effect has colour.

    Raises
    ------
    ImageError
        Not an image, or alpha that is NaN or outside [0, 1].
    ArgumentError
        A parameter out of range, or an unknown mode.

    Examples
    --------
    >>> import imgedit as ie
    >>> dot = np.zeros((1, 5, 4), np.uint8)
    >>> dot[0, 2] = 255
    >>> ie.outer_glow(dot, size=1, spread=1, opacity=1)[..., 3].tolist()
    [[0, 255, 255, 255, 0]]
    """
    effect = OuterGlow(color=color, opacity=opacity, size=size, spread=spread, mode=mode, knockout=not alone)
    return _apply(image, effect, alone=alone, expand=expand)


def inner_shadow(
    image: Image,
    *,
    color: Color = "black",
    opacity: float = 0.5,
    offset: tuple[float, float] = (4.0, 4.0),
    size: float = 8.0,
    spread: float = 0.0,
    mode: Annotated[str, MODES] = "multiply",
    alone: bool = False,
) -> Image:
    """Let the surroundings cast their shadow into a picture, as if it were cut out.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; its alpha is the shape (without alpha, the whole canvas is).
    color : str or tuple of float
        Colour of the shadow: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    offset : (float, float)
        How far the rim's shadow falls (x, y) in pixels, to the right and down.
    size : float
        Width in pixels of the soft rim (two sigma of the Gaussian).
    spread : float
        0 to 1: the part of `size` by which the shape grows at full strength before the blur begins.
    mode : str
        Blend mode of the effect over the picture.
    alone : bool
        Give the effect only, on transparent ground.

    Returns
    -------
    ndarray
        Same dtype; the size too, unless the canvas grew. It has alpha if the image has it, or if `alone` or `expand`
        asks for it; a grey image becomes RGB if the effect has colour.

    Raises
    ------
    ImageError
        Not an image, or alpha that is NaN or outside [0, 1].
    ArgumentError
        A parameter out of range, or an unknown mode.

    Examples
    --------
    >>> import imgedit as ie
    >>> card = np.full((1, 4), 255, np.uint8)
    >>> ie.inner_shadow(card, offset=(1, 0), size=0, opacity=1).tolist()
    [[0, 255, 255, 255]]
    """
    effect = InnerShadow(color=color, opacity=opacity, offset=offset, size=size, spread=spread, mode=mode)
    return _apply(image, effect, alone=alone)


def inner_glow(
    image: Image,
    *,
    color: Color = "white",
    opacity: float = 0.75,
    size: float = 12.0,
    spread: float = 0.0,
    source: Literal["edge", "center"] = "edge",
    mode: Annotated[str, MODES] = "screen",
    alone: bool = False,
) -> Image:
    """Let the rim of a picture glow inwards.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; its alpha is the shape (without alpha, the whole canvas is).
    color : str or tuple of float
        Colour of the light: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    size : float
        Width in pixels of the soft rim (two sigma of the Gaussian).
    spread : float
        0 to 1: the part of `size` by which the shape grows at full strength before the blur begins.
    source : {"edge", "center"}
        Where the light comes from.
    mode : str
        Blend mode of the effect over the picture.
    alone : bool
        Give the effect only, on transparent ground.

    Returns
    -------
    ndarray
        Same dtype; the size too, unless the canvas grew. It has alpha if the image has it, or if `alone` or `expand`
        asks for it; a grey image becomes RGB if the effect has colour.

    Raises
    ------
    ImageError
        Not an image, or alpha that is NaN or outside [0, 1].
    ArgumentError
        A parameter out of range, or an unknown mode.

    Examples
    --------
    >>> import imgedit as ie
    >>> card = np.zeros((5, 5), np.uint8)
    >>> ie.inner_glow(card, size=1, spread=1, opacity=1)[2].tolist()
    [255, 0, 0, 0, 255]
    """
    effect = InnerGlow(color=color, opacity=opacity, size=size, spread=spread, source=source, mode=mode)
    return _apply(image, effect, alone=alone)


def stroke(
    image: Image,
    *,
    color: Color = "black",
    opacity: float = 1.0,
    size: float = 3.0,
    position: Literal["outside", "center", "inside"] = "outside",
    mode: Annotated[str, MODES] = "normal",
    alone: bool = False,
    expand: bool | int = False,
) -> Image:
    """Draw a line along the rim of a picture.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; its alpha is the shape (without alpha, the whole canvas is).
    color : str or tuple of float
        Colour of the line: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    size : float
        Width of the line in pixels, also a fraction.
    position : {"outside", "center", "inside"}
        On which side of the rim the line runs.
    mode : str
        Blend mode of the effect over what it falls on: the picture for inner effects; for those outside, what lies
        behind, so it matters in ``Layer(effects=...)`` only.
    alone : bool
        Give the effect only, on transparent ground.
    expand : bool or int
        Grow the canvas on each side: by as many pixels as the effect needs, or by this many.

    Returns
    -------
    ndarray
        Same dtype; the size too, unless the canvas grew. It has alpha if the image has it, or if `alone` or `expand`
        asks for it; a grey image becomes RGB if the effect has colour.

    Raises
    ------
    ImageError
        Not an image, or alpha that is NaN or outside [0, 1].
    ArgumentError
        A parameter out of range, or an unknown mode.

    References
    ----------
    S. Gustavson and R. Strand, Pattern Recognition Letters 32 (2011), doi:10.1016/j.patrec.2010.08.010

    Examples
    --------
    >>> import imgedit as ie
    >>> dot = np.zeros((1, 5, 4), np.uint8)
    >>> dot[0, 2] = 255
    >>> ie.stroke(dot, size=1)[..., 3].tolist()
    [[0, 255, 255, 255, 0]]
    """
    effect = Stroke(color=color, opacity=opacity, size=size, position=position, mode=mode)
    return _apply(image, effect, alone=alone, expand=expand)


def bevel(
    image: Image,
    *,
    size: float = 8.0,
    depth: float = 1.0,
    angle: float = 120.0,
    altitude: float = 30.0,
    soften: float = 0.0,
    highlight: Color = "white",
    shadow: Color = "black",
    opacity: float = 0.75,
    highlight_mode: Annotated[str, MODES] = "screen",
    shadow_mode: Annotated[str, MODES] = "multiply",
    alone: bool = False,
) -> Image:
    """Give a picture a raised rim, lit from one side.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; its alpha is the shape (without alpha, the whole canvas is).
    size : float
        Width in pixels over which the rim rises.
    depth : float
        Steepness, -10 to 10: 1 rises as far as it is wide, negative values sink.
    angle : float
        Where the light comes from, in degrees counter-clockwise: 0 from the right, 90 from above.
    altitude : float
        Height of the light over the picture in degrees, 0 to 90.
    soften : float
        Pixels by which light and shadow are blurred.
    highlight, shadow : str or tuple of float
        Colours of the lit and of the dark side.
    opacity : float
        0 to 1.
    highlight_mode, shadow_mode : str
        Blend modes of the two over the picture.
    alone : bool
        Give the effect only, on transparent ground.

    Returns
    -------
    ndarray
        Same dtype; the size too, unless the canvas grew. It has alpha if the image has it, or if `alone` or `expand`
        asks for it; a grey image becomes RGB if the effect has colour.

    Raises
    ------
    ImageError
        Not an image, or alpha that is NaN or outside [0, 1].
    ArgumentError
        A parameter out of range, or an unknown mode.

    Examples
    --------
    >>> import imgedit as ie
    >>> card = np.full((9, 9), 128, np.uint8)
    >>> lit = ie.bevel(card, size=3, angle=90)
    >>> bool(lit[1, 4] > 128 > lit[7, 4]), int(lit[4, 4])
    (True, 128)
    """
    effect = Bevel(
        size=size,
        depth=depth,
        angle=angle,
        altitude=altitude,
        soften=soften,
        highlight=highlight,
        shadow=shadow,
        opacity=opacity,
        highlight_mode=highlight_mode,
        shadow_mode=shadow_mode,
    )
    return _apply(image, effect, alone=alone)


def color_overlay(
    image: Image,
    *,
    color: Color = "black",
    opacity: float = 1.0,
    mode: Annotated[str, MODES] = "normal",
    alone: bool = False,
) -> Image:
    """Lay one colour over a picture, within its alpha.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; its alpha is the shape (without alpha, the whole canvas is).
    color : str or tuple of float
        The colour: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    mode : str
        Blend mode of the effect over the picture.
    alone : bool
        Give the effect only, on transparent ground.

    Returns
    -------
    ndarray
        Same dtype; the size too, unless the canvas grew. It has alpha if the image has it, or if `alone` or `expand`
        asks for it; a grey image becomes RGB if the effect has colour.

    Raises
    ------
    ImageError
        Not an image, or alpha that is NaN or outside [0, 1].
    ArgumentError
        A parameter out of range, or an unknown mode.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.color_overlay(np.full((1, 2), 200, np.uint8), color="black", opacity=0.5).tolist()
    [[100, 100]]
    """
    effect = ColorOverlay(color=color, opacity=opacity, mode=mode)
    return _apply(image, effect, alone=alone)


def gradient_overlay(
    image: Image,
    *,
    colors: tuple[Color, ...] = ("black", "white"),
    positions: tuple[float, ...] | None = None,
    opacity: float = 1.0,
    style: Annotated[str, STYLES] = "linear",
    angle: float = 90.0,
    scale: float = 1.0,
    mode: Annotated[str, MODES] = "normal",
    alone: bool = False,
) -> Image:
    """Lay a gradient over a picture, within its alpha.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; its alpha is the shape (without alpha, the whole canvas is).
    colors : tuple of (str or tuple of float)
        Two colours or more; their alpha counts.
    positions : tuple of float, optional
        Where the colours stand, rising from 0 to 1; default evenly spaced.
    opacity : float
        0 to 1.
    style : str
        linear, radial, angle, reflected or diamond.
    angle : float
        Degrees, counter-clockwise: 0 runs to the right, 90 upwards.
    scale : float
        Length as a fraction of the canvas.
    mode : str
        Blend mode of the effect over the picture.
    alone : bool
        Give the effect only, on transparent ground.

    Returns
    -------
    ndarray
        Same dtype; the size too, unless the canvas grew. It has alpha if the image has it, or if `alone` or `expand`
        asks for it; a grey image becomes RGB if the effect has colour.

    Raises
    ------
    ImageError
        Not an image, or alpha that is NaN or outside [0, 1].
    ArgumentError
        A parameter out of range, or an unknown mode.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.gradient_overlay(np.zeros((1, 4), np.uint8), angle=0).tolist()
    [[32, 96, 159, 223]]
    """
    effect = GradientOverlay(
        colors=colors, positions=positions, opacity=opacity, style=style, angle=angle, scale=scale, mode=mode
    )
    return _apply(image, effect, alone=alone)


def _apply(image: Image, effect: Effect, *, alone: bool, expand: bool | int = False) -> Image:
    image = check(image)
    check_alpha(image)
    margin = _margin(effect, expand)
    clear = image.ndim == 3 and image.shape[2] == 4
    if margin:
        image = _grown(image, margin)
    height, width = image.shape[:2]
    grey = image.ndim == 2 and not alone and _is_neutral(effect)
    out = new_result((height, width) if grey else (height, width, 4 if clear or margin or alone else 3), image.dtype)
    rows = BAND + 2 * effect.reach
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        first, last = max(0, top - effect.reach), min(height, bottom + effect.reach)
        color, alpha = to_planes(image[first:last])
        shape = np.ones(color.shape[1:], np.float32) if alpha is None else alpha
        paints = effect.paints(shape, Frame(first, 0, height, width))
        ground = np.zeros_like(color), np.zeros_like(shape)
        planes, cover = dress(*ground, None if alone else color, shape, paints)
        inner = slice(top - first, bottom - first)
        to_pixels(planes[:, inner], None if cover is None else cover[inner], out[top:bottom])
    return out


def _margin(effect: Effect, expand: bool | int) -> int:
    if isinstance(expand, bool):
        return effect.reach if expand and effect.outside else 0
    if not isinstance(expand, int) or expand < 0:
        raise ArgumentError("expand", f"is {expand!r}", "give True, False, or pixels (at least 0)")
    return expand


def _grown(image: Image, margin: int) -> Image:
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    if image.shape[2] == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)
    border = cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=[0, 0, 0, 0])
    return np.asarray(border)


def _is_neutral(effect: Effect) -> bool:
    probe = effect.paints(np.ones((1, 1), np.float32), Frame(0, 0, 1, 1))
    return all(np.ptp(paint.color, axis=0).max() == 0 for paint in probe)
