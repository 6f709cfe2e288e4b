"""Overlays: a colour, a gradient or a pattern over a whole picture.

Small frozen dataclasses as those in ``paints``, which draw strokes with them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from imgedit.color import Color, parse_color
from imgedit.compositing.dressing import Frame, Paint
from imgedit.compositing.equation import to_planes
from imgedit.compositing.gradients import STYLES, ramp, sample_stops
from imgedit.compositing.modes import MODES
from imgedit.errors import ArgumentError
from imgedit.pixels import Image, check, check_number

__all__ = ["ColorOverlay", "GradientOverlay", "PatternOverlay", "check_style", "plane_color"]

Floats = NDArray[np.float32]


def check_style(opacity: float, mode: str) -> None:
    """Refuse an opacity outside [0, 1] and a mode that is none."""
    check_number(opacity, "opacity", least=0, most=1)
    MODES[mode]


def plane_color(color: Color) -> Floats:
    """Give a colour as three planes of one pixel."""
    return np.asarray(parse_color(color)[:3], np.float32).reshape(3, 1, 1)


class _Overlay:
    """What covers a shape: each pixel for itself, and none beyond."""

    @property
    def reach(self) -> int:
        """Pixels around one that decide what is painted on it."""
        return 0

    @property
    def outside(self) -> bool:
        """Whether it paints beyond the shape."""
        return False


@dataclass(frozen=True)
class ColorOverlay(_Overlay):
    """One colour over the picture; see `color_overlay`.

    Parameters
    ----------
    color : str or tuple of float
        Colour of the overlay: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    mode : str
        Blend mode over the picture.

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> dot = np.zeros((1, 5, 4), np.uint8)
    >>> dot[0, 1:4] = 200, 200, 200, 255
    >>> layer = ie.Layer(dot, offset=(0, 0), effects=[ie.ColorOverlay("black", opacity=0.5)])
    >>> ie.flatten([layer], size=(1, 5), background="gray")[0, :, 0].tolist()
    [128, 100, 100, 100, 128]
    """

    color: Color = "black"
    opacity: float = 1.0
    mode: Annotated[str, MODES] = "normal"

    def __post_init__(self) -> None:
        parse_color(self.color)
        check_style(self.opacity, self.mode)

    def paints(self, alpha: Floats, _frame: Frame, /) -> list[Paint]:
        """Cover the whole shape."""
        return [Paint(plane_color(self.color), self.mode, inside=np.full_like(alpha, self.opacity))]


@dataclass(frozen=True)
class GradientOverlay(_Overlay):
    """A gradient over the picture; see `gradient_overlay`.

    Parameters
    ----------
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

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> dot = np.zeros((1, 5, 4), np.uint8)
    >>> dot[0, 1:4] = 200, 200, 200, 255
    >>> layer = ie.Layer(dot, offset=(0, 0), effects=[ie.GradientOverlay(("black", "white"), angle=0)])
    >>> ie.flatten([layer], size=(1, 5), background="gray")[0, :, 0].tolist()
    [128, 76, 128, 178, 128]
    """

    colors: tuple[Color, ...] = ("black", "white")
    positions: tuple[float, ...] | None = None
    opacity: float = 1.0
    style: Annotated[str, STYLES] = "linear"
    angle: float = 90.0
    scale: float = 1.0
    mode: Annotated[str, MODES] = "normal"

    def __post_init__(self) -> None:
        check_style(self.opacity, self.mode)
        STYLES[self.style]
        check_number(self.angle, "angle")
        check_number(self.scale, "scale", above=0)
        if not isinstance(self.colors, tuple) or len(self.colors) < 2:
            raise ArgumentError("colors", f"is {self.colors!r}", "give two colours or more")
        for color in self.colors:
            parse_color(color)
        stops = self.stops
        if len(stops) != len(self.colors) or any(a > b for a, b in itertools.pairwise(stops)):
            raise ArgumentError(
                "positions", f"is {self.positions!r}", f"give {len(self.colors)} rising numbers from 0 to 1"
            )

    @property
    def stops(self) -> tuple[float, ...]:
        """Positions of the colours, evenly spaced where none were given."""
        return self.positions or tuple(np.linspace(0, 1, len(self.colors)).tolist())

    def paints(self, alpha: Floats, frame: Frame, /) -> list[Paint]:
        """Cover the whole shape with a gradient over its canvas."""
        position = ramp(
            frame.height,
            frame.width,
            style=self.style,
            angle=self.angle,
            scale=self.scale,
            rows=(frame.top, frame.top + alpha.shape[0]),
            columns=(frame.left, frame.left + alpha.shape[1]),
        )
        colors = np.array([parse_color(color) for color in self.colors])
        planes = sample_stops(position, self.stops, colors)
        return [Paint(planes[:3], self.mode, inside=planes[3] * np.float32(self.opacity))]


@dataclass(frozen=True, eq=False)
class PatternOverlay(_Overlay):
    """A picture over the picture, repeated from the top left corner of its canvas.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4.
    opacity : float
        0 to 1.
    mode : str
        Blend mode over the picture.

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> stripes = np.array([[0, 255]], np.uint8)
    >>> layer = ie.Layer(np.full((1, 5), 128, np.uint8), effects=[ie.PatternOverlay(stripes)])
    >>> ie.flatten([layer])[0].tolist()
    [0, 255, 0, 255, 0]
    """

    image: Image
    opacity: float = 1.0
    mode: Annotated[str, MODES] = "normal"

    def __post_init__(self) -> None:
        check(self.image)
        check_style(self.opacity, self.mode)

    def paints(self, alpha: Floats, frame: Frame, /) -> list[Paint]:
        """Cover the whole shape with tiles."""
        rows = np.arange(frame.top, frame.top + alpha.shape[0]) % self.image.shape[0]
        columns = np.arange(frame.left, frame.left + alpha.shape[1]) % self.image.shape[1]
        color, cover = to_planes(self.image[np.ix_(rows, columns)])
        inside = np.ones_like(alpha) if cover is None else cover
        return [Paint(color, self.mode, inside=inside * np.float32(self.opacity))]
