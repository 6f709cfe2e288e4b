"""Put a picture and what its effects paint on a backdrop.

A paint is a colour, a blend mode, and a coverage that lies ``below`` the whole picture, ``inside`` its shape, or
``beside`` it. Picture and paints come together by shape, as in the knockout groups of ISO 32000-1 (PDF), 11.4.6, so
that a soft rim under an overlay or along a stroke keeps its coverage: inside and outside are composited apart, each in
full, and joined by the shape at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imgedit.compositing.equation import composite

__all__ = ["Effect", "Frame", "Paint", "dress", "join"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """Where a piece of alpha lies: its first row and column, and the size of the whole."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Paint:
    """Colour, and how much of what lies below, inside or beside a shape it covers; opacity is in the coverage."""

    color: Floats
    mode: str
    below: Floats | None = None
    inside: Floats | None = None
    beside: Floats | None = None


class Effect(Protocol):
    """What `dress` and ``Layer(effects=...)`` want of an effect: a frozen dataclass with these two."""

    @property
    def reach(self) -> int:
        """Pixels around one whose alpha decides what is painted on it; 0 where only its own does."""
        ...

    @property
    def outside(self) -> bool:
        """Whether it paints beyond the shape."""
        ...

    def paints(self, alpha: Floats, frame: Frame, /) -> list[Paint]:
        """Turn alpha into paints, from the lowest to the topmost."""
        ...


def dress(
    backdrop: Floats,
    backdrop_alpha: Floats | None,
    color: Floats | None,
    alpha: Floats,
    paints: Sequence[Paint],
    *,
    mode: str = "normal",
    opacity: float = 1.0,
    fill: float = 1.0,
    space: str = "srgb",
    initial: tuple[Floats, Floats | None] | None = None,
) -> tuple[Floats, Floats | None]:
    """Put a picture with its effects on a backdrop.

    Parameters
    ----------
    backdrop : ndarray of float32
        (C, height, width) straight colour.
    backdrop_alpha : ndarray of float32 or None
        (height, width); None is opaque.
    color : ndarray of float32 or None
        (C, height, width) colour of the picture; None leaves it away, so that the effects stand alone.
    alpha : ndarray of float32
        (height, width) shape of the picture.
    paints : sequence of Paint
        What its effects paint, from the lowest.
    mode : str
        Blend mode of the picture.
    opacity : float
        0 to 1, of picture and effects together.
    fill : float
        0 to 1, of the picture alone.
    space : str
        Colour space to blend in.
    initial : (ndarray, ndarray or None), optional
        Colour and alpha that show inside the shape instead of the backdrop, for a picture that knocks out.

    Returns
    -------
    color : ndarray of float32
        (C, height, width) straight colour.
    alpha : ndarray of float32 or None
        (height, width), None where the result is opaque.
    """
    for paint in paints:
        if paint.below is not None:
            cover = paint.below * np.float32(opacity)
            backdrop, backdrop_alpha = composite(
                backdrop, backdrop_alpha, _spread(paint, cover), cover, paint.mode, space=space
            )
    outer = (backdrop, backdrop_alpha)
    bottom = inner = initial or outer
    if color is not None:
        inner = composite(*inner, color, None, mode, fill=fill, space=space)
    for paint in paints:
        if paint.inside is not None:
            inner = composite(*inner, _spread(paint, paint.inside), paint.inside, paint.mode, space=space)
        if paint.beside is not None:
            cover = paint.beside * np.float32(opacity)
            outer = composite(*outer, _spread(paint, cover), cover, paint.mode, space=space)
    shown = alpha * np.float32(opacity)
    parts = [(*outer, 1 - alpha), (*inner, shown)]
    if opacity < 1:
        parts.append((*bottom, alpha - shown))
    return join(parts)


def _spread(paint: Paint, cover: Floats) -> Floats:
    return np.broadcast_to(paint.color, (len(paint.color), *cover.shape))


def join(parts: Sequence[tuple[Floats, Floats | None, Floats]]) -> tuple[Floats, Floats | None]:
    """Add up parts that share out the area of each pixel, premultiplied.

    Parameters
    ----------
    parts : sequence of (color, alpha, area)
        (C, height, width) straight colour, (height, width) alpha or None for opaque, and the share of each pixel;
        the areas add up to 1.

    Returns
    -------
    color : ndarray of float32
        (C, height, width) straight colour; the first part's where nothing is.
    alpha : ndarray of float32 or None
        (height, width), None where all parts are opaque.
    """
    planes = max(len(color) for color, _, _ in parts)
    weights = [area if alpha is None else area * alpha for _, alpha, area in parts]
    total = np.sum(weights, axis=0)
    mixed = np.zeros((planes, *total.shape), np.float32)
    for (color, _, _), weight in zip(parts, weights, strict=True):
        mixed += weight * color
    mixed /= np.maximum(total, np.float32(1e-7))
    mixed = np.where(total > 0, mixed, parts[0][0])
    opaque = all(alpha is None for _, alpha, _ in parts)
    return mixed, None if opaque else np.minimum(total, 1)
