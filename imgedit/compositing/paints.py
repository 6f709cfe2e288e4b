"""Layer effects: shadows, glows, stroke, bevel and satin, all made from a picture's alpha.

Each is a small frozen dataclass that turns alpha into paints; ``dressing`` puts them together with the picture. Rims
are blurred with a Gaussian whose sigma is half of `size`, as CSS means it. Strokes and bevels stand on the distance to
the rim (``rims``); the bevel lights a height that rises over `size` pixels from the rim, by Lambert's law.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import Color, parse_color
from imgedit.compositing.dressing import Frame, Paint
from imgedit.compositing.modes import MODES
from imgedit.compositing.overlays import ColorOverlay, GradientOverlay, PatternOverlay, check_style, plane_color
from imgedit.compositing.rims import GAUSSIAN_REACH, band, moved, signed_distance, soften
from imgedit.errors import ArgumentError
from imgedit.pixels import check_number
from imgedit.tables import Table

__all__ = [
    "EFFECTS",
    "Bevel",
    "DropShadow",
    "InnerGlow",
    "InnerShadow",
    "OuterGlow",
    "Satin",
    "Stroke",
]

Floats = NDArray[np.float32]

# Photoshop's own limit; beyond it a blur costs more than it shows.
MOST_PIXELS = 500.0


@dataclass(frozen=True)
class _Soft:
    """What shadows and glows have in common."""

    color: Color
    opacity: float
    offset: tuple[float, float]
    size: float
    spread: float
    mode: Annotated[str, MODES]

    def __post_init__(self) -> None:
        parse_color(self.color)
        check_style(self.opacity, self.mode)
        check_number(self.size, "size", least=0, most=MOST_PIXELS)
        check_number(self.spread, "spread", least=0, most=1)
        if not isinstance(self.offset, (tuple, list)) or len(self.offset) != 2:
            raise ArgumentError("offset", f"is {self.offset!r}", "give (x, y) in pixels")
        for value in self.offset:
            check_number(value, "offset", least=-10 * MOST_PIXELS, most=10 * MOST_PIXELS)

    @property
    def reach(self) -> int:
        """Pixels around one that decide what is painted on it."""
        blur = GAUSSIAN_REACH * self.size * (1 - self.spread) / 2 + self.size * self.spread
        return int(np.ceil(blur + max(map(abs, self.offset)))) + 2

    @property
    def outside(self) -> bool:
        """Whether it paints beyond the shape."""
        return False

    def _cover(self, alpha: Floats, border: float) -> Floats:
        return soften(moved(alpha, self.offset, border), self.size, self.spread, border) * np.float32(self.opacity)


@dataclass(frozen=True)
class _Behind(_Soft):
    """What lies behind the picture; knocked out by it, it does not show through where the picture is transparent."""

    knockout: bool

    @property
    def outside(self) -> bool:
        """Whether it paints beyond the shape."""
        return True

    def paints(self, alpha: Floats, _frame: Frame, /) -> list[Paint]:
        """Shift, grow and blur the shape."""
        cover = self._cover(alpha, 0.0)
        where = {"beside": cover} if self.knockout else {"below": cover}
        return [Paint(plane_color(self.color), self.mode, **where)]


@dataclass(frozen=True)
class DropShadow(_Behind):
    """Shadow below the picture; see `drop_shadow`.

    Parameters
    ----------
    color : str or tuple of float
        Colour of the shadow: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    offset : (float, float)
        How far the shadow falls (x, y) in pixels, to the right and down.
    size : float
        Width in pixels of the soft rim (two sigma of the Gaussian), 0 to 500.
    spread : float
        0 to 1: the part of `size` by which the shape grows at full strength before the blur begins.
    mode : str
        Blend mode over what lies behind the picture.
    knockout : bool
        Whether the picture hides the effect even where it is transparent itself.

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> dot = np.zeros((1, 5, 4), np.uint8)
    >>> dot[0, 1:4] = 200, 200, 200, 255
    >>> layer = ie.Layer(dot, offset=(0, 0), effects=[ie.DropShadow(offset=(1, 0), size=0, opacity=1)])
    >>> ie.flatten([layer], size=(1, 5), background="gray")[0, :, 0].tolist()
    [128, 200, 200, 200, 0]
    """

    color: Color = "black"
    opacity: float = 0.5
    offset: tuple[float, float] = (6.0, 6.0)
    size: float = 10.0
    spread: float = 0.0
    mode: Annotated[str, MODES] = "multiply"
    knockout: bool = True


@dataclass(frozen=True)
class OuterGlow(_Behind):
    """Light around the picture; see `outer_glow`.

    Parameters
    ----------
    color : str or tuple of float
        Colour of the light: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    offset : (float, float)
        How far the light is moved (x, y) in pixels, to the right and down.
    size : float
        Width in pixels of the soft rim (two sigma of the Gaussian), 0 to 500.
    spread : float
        0 to 1: the part of `size` by which the shape grows at full strength before the blur begins.
    mode : str
        Blend mode over what lies behind the picture.
    knockout : bool
        Whether the picture hides the effect even where it is transparent itself.

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> dot = np.zeros((1, 5, 4), np.uint8)
    >>> dot[0, 1:4] = 200, 200, 200, 255
    >>> layer = ie.Layer(dot, offset=(0, 0), effects=[ie.OuterGlow(size=2, spread=1, opacity=1)])
    >>> ie.flatten([layer], size=(1, 5), background="gray")[0, :, 0].tolist()
    [255, 200, 200, 200, 255]
    """

    color: Color = "white"
    opacity: float = 0.75
    offset: tuple[float, float] = (0.0, 0.0)
    size: float = 12.0
    spread: float = 0.0
    mode: Annotated[str, MODES] = "screen"
    knockout: bool = True


@dataclass(frozen=True)
class InnerShadow(_Soft):
    """Shadow that the surroundings cast into the picture; see `inner_shadow`.

    Parameters
    ----------
    color : str or tuple of float
        Colour of the shadow: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    offset : (float, float)
        How far the rim's shadow falls (x, y) in pixels, to the right and down.
    size : float
        Width in pixels of the soft rim (two sigma of the Gaussian), 0 to 500.
    spread : float
        0 to 1: the part of `size` by which the shape grows at full strength before the blur begins.
    mode : str
        Blend mode over the picture.

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> dot = np.zeros((1, 5, 4), np.uint8)
    >>> dot[0, 1:4] = 200, 200, 200, 255
    >>> layer = ie.Layer(dot, offset=(0, 0), effects=[ie.InnerShadow(offset=(1, 0), size=0, opacity=1)])
    >>> ie.flatten([layer], size=(1, 5), background="gray")[0, :, 0].tolist()
    [128, 0, 200, 200, 128]
    """

    color: Color = "black"
    opacity: float = 0.5
    offset: tuple[float, float] = (4.0, 4.0)
    size: float = 8.0
    spread: float = 0.0
    mode: Annotated[str, MODES] = "multiply"

    def paints(self, alpha: Floats, _frame: Frame, /) -> list[Paint]:
        """Shift, grow and blur what lies around the shape."""
        return [Paint(plane_color(self.color), self.mode, inside=self._cover(1 - alpha, 1.0))]


@dataclass(frozen=True)
class InnerGlow(_Soft):
    """Light along the rim, or from the middle; see `inner_glow`.

    Parameters
    ----------
    color : str or tuple of float
        Colour of the light: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    offset : (float, float)
        How far the light is moved (x, y) in pixels, to the right and down.
    size : float
        Width in pixels of the soft rim (two sigma of the Gaussian), 0 to 500.
    spread : float
        0 to 1: the part of `size` by which the shape grows at full strength before the blur begins.
    mode : str
        Blend mode over the picture.
    source : {"edge", "center"}
        Where the light comes from.

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> dot = np.zeros((1, 5, 4), np.uint8)
    >>> dot[0, 1:4] = 200, 200, 200, 255
    >>> layer = ie.Layer(dot, offset=(0, 0), effects=[ie.InnerGlow(size=1, spread=1, opacity=1)])
    >>> ie.flatten([layer], size=(1, 5), background="gray")[0, :, 0].tolist()
    [128, 255, 255, 255, 128]
    """

    color: Color = "white"
    opacity: float = 0.75
    offset: tuple[float, float] = (0.0, 0.0)
    size: float = 12.0
    spread: float = 0.0
    mode: Annotated[str, MODES] = "screen"
    source: Literal["edge", "center"] = "edge"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.source not in ("edge", "center"):
            raise ArgumentError("source", f"is {self.source!r}", 'give "edge" or "center"')

    def paints(self, alpha: Floats, _frame: Frame, /) -> list[Paint]:
        """Grow and blur what lies around the shape."""
        cover = self._cover(1 - alpha, 1.0)
        if self.source == "center":
            cover = np.float32(self.opacity) - cover
        return [Paint(plane_color(self.color), self.mode, inside=cover)]


@dataclass(frozen=True)
class Stroke:
    """Line along the rim; see `stroke`.

    Parameters
    ----------
    color : str or tuple of float
        Colour of the line: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    size : float
        Width of the line in pixels, also a fraction; above 0, at most 500.
    position : {"outside", "center", "inside"}
        On which side of the rim the line runs.
    mode : str
        Blend mode over what the line falls on.
    fill : GradientOverlay or PatternOverlay, optional
        What to draw with instead of a colour, over the canvas of the picture.

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> dot = np.zeros((1, 5, 4), np.uint8)
    >>> dot[0, 1:4] = 200, 200, 200, 255
    >>> layer = ie.Layer(dot, offset=(0, 0), effects=[ie.Stroke(size=1, color="red")])
    >>> ie.flatten([layer], size=(1, 5), background="gray")[0, :, 0].tolist()
    [255, 200, 200, 200, 255]
    """

    color: Color = "black"
    opacity: float = 1.0
    size: float = 3.0
    position: Literal["outside", "center", "inside"] = "outside"
    mode: Annotated[str, MODES] = "normal"
    fill: GradientOverlay | PatternOverlay | None = None

    def __post_init__(self) -> None:
        parse_color(self.color)
        check_style(self.opacity, self.mode)
        check_number(self.size, "size", above=0, most=MOST_PIXELS)
        if self.position not in ("outside", "center", "inside"):
            raise ArgumentError("position", f"is {self.position!r}", 'give "outside", "center" or "inside"')
        if self.fill is not None and not isinstance(self.fill, (GradientOverlay, PatternOverlay)):
            raise ArgumentError("fill", f"is {self.fill!r:.60}", "give GradientOverlay(...) or PatternOverlay(...)")

    @property
    def reach(self) -> int:
        """Pixels around one that decide what is painted on it."""
        return int(np.ceil(self.size)) + 2

    @property
    def outside(self) -> bool:
        """Whether it paints beyond the shape."""
        return self.position != "inside"

    def paints(self, alpha: Floats, frame: Frame, /) -> list[Paint]:
        """Take a band of the distance to the rim, and part it at the rim."""
        high = {"outside": 1.0, "center": 0.5, "inside": 0.0}[self.position] * self.size
        low = high - self.size
        distance = signed_distance(alpha, self.size + 1)
        whole = band(distance, low, high)
        # The part of a rim pixel that the band covers inside is at most the shape's own part of that pixel.
        inner = np.minimum(band(distance, low, min(0.0, high)), alpha) if low < 0 else np.zeros_like(whole)
        outer = np.clip(whole - inner, 0, 1 - alpha) if high > 0 else np.zeros_like(whole)
        color, opacity = plane_color(self.color), np.full_like(alpha, self.opacity)
        if self.fill is not None:
            (paint,) = self.fill.paints(np.ones_like(alpha), frame)
            color, opacity = paint.color, opacity * np.asarray(paint.inside)
        return [
            Paint(
                color,
                self.mode,
                inside=_share(inner, alpha) * opacity,
                beside=_share(outer, 1 - alpha) * opacity,
            )
        ]


def _share(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.clip(part / np.maximum(whole, np.float32(1e-6)), 0, 1), np.float32)


@dataclass(frozen=True)
class Bevel:
    """Light and shadow of a rim that rises towards the middle; see `bevel`.

    Parameters
    ----------
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

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> box = np.zeros((9, 9, 4), np.uint8)
    >>> box[1:8, 1:8] = 128, 128, 128, 255
    >>> layer = ie.Layer(box, offset=(0, 0), effects=[ie.Bevel(size=2, angle=90)])
    >>> raised = ie.flatten([layer], size=(9, 9), background="gray")[..., 0]
    >>> bool(raised[1, 4] > raised[4, 4] > raised[7, 4])  # lit from above
    True
    """

    size: float = 8.0
    depth: float = 1.0
    angle: float = 120.0
    altitude: float = 30.0
    soften: float = 0.0
    highlight: Color = "white"
    shadow: Color = "black"
    opacity: float = 0.75
    highlight_mode: Annotated[str, MODES] = "screen"
    shadow_mode: Annotated[str, MODES] = "multiply"

    def __post_init__(self) -> None:
        parse_color(self.highlight)
        parse_color(self.shadow)
        check_style(self.opacity, self.highlight_mode)
        check_style(self.opacity, self.shadow_mode)
        check_number(self.size, "size", above=0, most=MOST_PIXELS)
        check_number(self.soften, "soften", least=0, most=MOST_PIXELS)
        check_number(self.depth, "depth", least=-10, most=10)
        check_number(self.angle, "angle")
        check_number(self.altitude, "altitude", least=0, most=90)

    @property
    def reach(self) -> int:
        """Pixels around one that decide what is painted on it."""
        return int(np.ceil(self.size + GAUSSIAN_REACH * (1 + self.soften / 2))) + 3

    @property
    def outside(self) -> bool:
        """Whether it paints beyond the shape."""
        return False

    def paints(self, alpha: Floats, _frame: Frame, /) -> list[Paint]:
        """Light a height made of the distance to the rim."""
        rise = np.clip(-signed_distance(alpha, self.size + 1) / np.float32(self.size), 0, 1)
        # A chisel would show every step of the rim; a pixel of blur rounds its ridges.
        height = soften(np.asarray(rise * rise * (3 - 2 * rise), np.float32), 2.0, 0.0, 0.0)
        height *= np.float32(self.depth * self.size)
        slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
        slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
        turn, rise_of_light = np.deg2rad(self.angle), np.deg2rad(self.altitude)
        flat = float(np.sin(rise_of_light))
        toward = float(np.cos(rise_of_light))
        lit = flat + toward * (slope_y * float(np.sin(turn)) - slope_x * float(np.cos(turn)))
        lit /= np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
        excess = soften(np.asarray(np.clip(lit, 0, 1) - flat, np.float32), self.soften, 0.0, 0.0)
        opacity = np.float32(self.opacity)
        bright = np.clip(excess / max(1 - flat, 1e-6), 0, 1) * opacity
        dark = np.clip(-excess / max(flat, 1e-6), 0, 1) * opacity
        return [
            Paint(plane_color(self.shadow), self.shadow_mode, inside=np.asarray(dark, np.float32)),
            Paint(plane_color(self.highlight), self.highlight_mode, inside=np.asarray(bright, np.float32)),
        ]


@dataclass(frozen=True)
class Satin:
    """Folds of cloth, from two copies of the shape moved apart; near to Photoshop's with its default contour.

    Parameters
    ----------
    color : str or tuple of float
        Colour of the folds: "#rrggbb", a CSS name, or numbers from 0 to 1.
    opacity : float
        0 to 1.
    angle : float
        Degrees, counter-clockwise, in which the copies are moved.
    distance : float
        Pixels by which each is moved.
    size : float
        Width in pixels of the soft rim (two sigma of the Gaussian).
    invert : bool
        Whether the folds are where the copies agree, not where they differ.
    mode : str
        Blend mode over the picture.

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> box = np.zeros((40, 40, 4), np.uint8)
    >>> box[5:35, 5:35] = 200, 200, 200, 255
    >>> layer = ie.Layer(box, offset=(0, 0), effects=[ie.Satin()])
    >>> cloth = ie.flatten([layer], size=(40, 40), background="gray")[..., 0]
    >>> bool(cloth[20, 20] < 200)  # darker, as far as the copies agree
    True
    """

    color: Color = "black"
    opacity: float = 0.5
    angle: float = 19.0
    distance: float = 11.0
    size: float = 14.0
    invert: bool = True
    mode: Annotated[str, MODES] = "multiply"

    def __post_init__(self) -> None:
        parse_color(self.color)
        check_style(self.opacity, self.mode)
        check_number(self.angle, "angle")
        check_number(self.distance, "distance", least=0, most=MOST_PIXELS)
        check_number(self.size, "size", least=0, most=MOST_PIXELS)

    @property
    def reach(self) -> int:
        """Pixels around one that decide what is painted on it."""
        return int(np.ceil(GAUSSIAN_REACH * self.size / 2 + self.distance)) + 2

    @property
    def outside(self) -> bool:
        """Whether it paints beyond the shape."""
        return False

    def paints(self, alpha: Floats, _frame: Frame, /) -> list[Paint]:
        """Compare the blurred shape with itself, moved one way and the other."""
        soft = soften(alpha, self.size, 0.0, 0.0)
        turn = np.deg2rad(self.angle)
        x, y = self.distance * float(np.cos(turn)), -self.distance * float(np.sin(turn))
        folds = np.abs(moved(soft, (x, y), 0.0) - moved(soft, (-x, -y), 0.0))
        cover = 1 - folds if self.invert else folds
        return [Paint(plane_color(self.color), self.mode, inside=cover * np.float32(self.opacity))]


EFFECTS: Table[type[Any]] = Table(
    "effect",
    {
        "drop-shadow": DropShadow,
        "outer-glow": OuterGlow,
        "inner-shadow": InnerShadow,
        "inner-glow": InnerGlow,
        "gradient-overlay": GradientOverlay,
        "color-overlay": ColorOverlay,
        "pattern-overlay": PatternOverlay,
        "bevel": Bevel,
        "satin": Satin,
        "stroke": Stroke,
    },
)
"""Name -> dataclass, for documents that describe a stack in words."""
