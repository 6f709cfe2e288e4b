"""Paints for `fill`: colours, gradients, patterns, noise; as dataclasses, or in words for recipes and commands.

Gradients follow SVG 2 and CSS Images 4 (premultiplied interpolation of colour stops, ``extend`` as SVG's spreadMethod).
Perlin noise: Perlin 2002, "Improving Noise", https://doi.org/10.1145/566654.566636 (the fifth-degree fade; gradients
here are unit vectors at random angles). Its sum over octaves is fractional Brownian motion: Ebert et al. 2003,
"Texturing and Modeling", 3rd edition, chapter 2.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import Color, linear_to_srgb, oklab_to_srgb, parse_color, srgb_to_linear, srgb_to_oklab
from imgedit.color.spaces import looked_up
from imgedit.compositing.noise import white_noise
from imgedit.errors import ArgumentError
from imgedit.pixels import Image, as_float, check, check_number, full_range, join_alpha, split_alpha
from imgedit.tables import Files, Table, advice

__all__ = [
    "PAINTS",
    "PAINT_FILES",
    "ConicGradient",
    "LinearGradient",
    "Noise",
    "Paint",
    "Pattern",
    "RadialGradient",
    "Solid",
    "Stops",
    "parse_paint",
]

Floats: TypeAlias = NDArray[np.float32]
Space: TypeAlias = Literal["srgb", "linear", "oklab"]
Extend: TypeAlias = Literal["pad", "repeat", "reflect"]

Stops: TypeAlias = tuple[Color | tuple[float, Color], ...]
"""Colours, evenly spread; or (position, colour) pairs with positions from 0 to 1, none below the one before."""

# Steps of a ramp, as many as 16 bits can number: a gradient is off by less than half a level of 16 bit, unless it is
# steeper than its own length.
RAMP_STEPS = 1 << 16

# The largest length of a sum of 2-D gradient noise: half the diagonal of a lattice cell.
PERLIN_RANGE = math.sqrt(0.5)


@dataclass(frozen=True)
class Canvas:
    """The rows to paint, and the size of the whole image."""

    top: int
    bottom: int
    height: int
    width: int

    def coordinates(self, units: str) -> tuple[Floats, Floats, float, float]:
        """X and y of the pixel centres, in pixels, and what 1 is worth in x and in y."""
        x = np.arange(self.width, dtype=np.float32)[None] + np.float32(0.5)
        y = np.arange(self.top, self.bottom, dtype=np.float32)[:, None] + np.float32(0.5)
        return (x, y, 1.0, 1.0) if units == "pixels" else (x, y, float(self.width), float(self.height))


class Paint(Protocol):
    """What `fill` wants of a paint: a frozen dataclass with this method."""

    def planes(self, canvas: Canvas) -> Floats:
        """Paint rows: (4, rows, width), encoded sRGB and straight alpha."""
        ...


@dataclass(frozen=True)
class Solid:
    """One colour.

    Parameters
    ----------
    color : str or tuple of float
        Any colour that `parse_color` reads; its alpha counts.
    """

    color: Color = "black"

    def __post_init__(self) -> None:
        parse_color(self.color)

    def planes(self, canvas: Canvas) -> Floats:
        """Paint rows; see `Paint`."""
        rgba = parse_color(self.color)[:, None, None]
        return np.broadcast_to(rgba, (4, canvas.bottom - canvas.top, canvas.width))


@dataclass(frozen=True)
class LinearGradient:
    """Colours along a line.

    Parameters
    ----------
    start, end : (float, float)
        (x, y) of the first and last colour; by default from the top to the bottom.
    stops : tuple
        Colours, or (position, colour) pairs.
    space : {"srgb", "linear", "oklab"}
        Where colours are mixed: encoded values, light, or evenly to the eye.
    extend : {"pad", "repeat", "reflect"}
        What follows beyond the ends: the last colour, the gradient again, or there and back.
    units : {"relative", "pixels"}
        Whether points are fractions of the image's width and height, or pixels.

    Examples
    --------
    >>> import imgedit as ie
    >>> image = np.zeros((1, 4), np.uint8)
    >>> ie.fill(image, None, ie.LinearGradient((0, 0), (1, 0), stops=("black", "white"))).tolist()
    [[32, 96, 159, 223]]
    """

    start: tuple[float, float] = (0.0, 0.0)
    end: tuple[float, float] = (0.0, 1.0)
    stops: Stops = ("black", "white")
    space: Space = "srgb"
    extend: Extend = "pad"
    units: Literal["relative", "pixels"] = "relative"

    def __post_init__(self) -> None:
        _check_gradient(self, "start", "end")
        if tuple(self.start) == tuple(self.end):
            raise ArgumentError("end", f"is {self.end!r}, the start itself", "give two different points")

    def planes(self, canvas: Canvas) -> Floats:
        """Paint rows; see `Paint`."""
        x, y, wide, tall = canvas.coordinates(self.units)
        (x0, y0), (x1, y1) = ((px * wide, py * tall) for px, py in (self.start, self.end))
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        along = (x - np.float32(x0)) * np.float32(dx / length) + (y - np.float32(y0)) * np.float32(dy / length)
        return _colored(along, self.stops, self.space, self.extend)


@dataclass(frozen=True)
class RadialGradient:
    """Colours outward from a point.

    Parameters
    ----------
    center : (float, float)
        (x, y) of the first colour.
    radius : float
        Distance of the last colour; relative: a fraction of the image's shorter side.
    stops : tuple
        Colours, or (position, colour) pairs.
    space : {"srgb", "linear", "oklab"}
        Where colours are mixed.
    extend : {"pad", "repeat", "reflect"}
        What follows beyond the radius.
    units : {"relative", "pixels"}
        Whether the centre is in fractions of the image's width and height, or in pixels.

    Examples
    --------
    >>> import imgedit as ie
    >>> image = np.zeros((3, 3), np.uint8)
    >>> ie.fill(image, None, ie.RadialGradient(stops=("white", "black")))[1].tolist()
    [85, 255, 85]
    """

    center: tuple[float, float] = (0.5, 0.5)
    radius: float = 0.5
    stops: Stops = ("black", "white")
    space: Space = "srgb"
    extend: Extend = "pad"
    units: Literal["relative", "pixels"] = "relative"

    def __post_init__(self) -> None:
        _check_gradient(self, "center")
        check_number(self.radius, "radius", above=0)

    def planes(self, canvas: Canvas) -> Floats:
        """Paint rows; see `Paint`."""
        x, y, wide, tall = canvas.coordinates(self.units)
        radius = np.float32(self.radius * min(wide, tall))
        distance = np.hypot(x - np.float32(self.center[0] * wide), y - np.float32(self.center[1] * tall))
        return _colored(distance / radius, self.stops, self.space, self.extend)


@dataclass(frozen=True)
class ConicGradient:
    """Colours around a point.

    Parameters
    ----------
    center : (float, float)
        (x, y) of the point.
    angle : float
        Where the first colour stands, in degrees counter-clockwise from the right; colours run counter-clockwise.
    stops : tuple
        Colours, or (position, colour) pairs; for a closed ring let the last equal the first.
    space : {"srgb", "linear", "oklab"}
        Where colours are mixed.
    units : {"relative", "pixels"}
        Whether the centre is in fractions of the image's width and height, or in pixels.

    Examples
    --------
    >>> import imgedit as ie
    >>> image = np.zeros((2, 2), np.uint8)
    >>> ie.fill(image, None, ie.ConicGradient()).tolist()
    [[96, 32], [159, 223]]
    """

    center: tuple[float, float] = (0.5, 0.5)
    angle: float = 0.0
    stops: Stops = ("black", "white")
    space: Space = "srgb"
    units: Literal["relative", "pixels"] = "relative"

    def __post_init__(self) -> None:
        _check_gradient(self, "center")
        check_number(self.angle, "angle")

    def planes(self, canvas: Canvas) -> Floats:
        """Paint rows; see `Paint`."""
        x, y, wide, tall = canvas.coordinates(self.units)
        turned = np.arctan2(np.float32(self.center[1] * tall) - y, x - np.float32(self.center[0] * wide))
        turns = (turned - np.float32(math.radians(self.angle))) * np.float32(0.5 / math.pi)
        return _colored(turns, self.stops, self.space, "repeat")


@dataclass(frozen=True, eq=False)
class Pattern:
    """An image, tiled.

    Parameters
    ----------
    image : ndarray or str
        HxW, HxWx3 or HxWx4 of any dtype, or the path of a file.
    offset : (int, int)
        (x, y) in pixels by which the tiles are shifted.

    Examples
    --------
    >>> import imgedit as ie
    >>> image = np.zeros((1, 5), np.uint8)
    >>> ie.fill(image, None, ie.Pattern(np.array([[1, 2]], np.uint8), offset=(1, 0))).tolist()
    [[2, 1, 2, 1, 2]]
    """

    image: Image | str
    offset: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if isinstance(self.image, str):
            from imgedit.io import read

            object.__setattr__(self, "image", read(self.image))
        object.__setattr__(self, "image", check(self.image, "pattern"))  # type: ignore[arg-type]
        for value in self.offset:
            if not isinstance(value, (int, np.integer)):
                raise ArgumentError("offset", f"is {self.offset!r}", "give two whole numbers, (x, y)")

    def planes(self, canvas: Canvas) -> Floats:
        """Paint rows; see `Paint`."""
        tile = np.asarray(self.image)
        rows = (np.arange(canvas.top, canvas.bottom) - self.offset[1]) % tile.shape[0]
        columns = (np.arange(canvas.width) - self.offset[0]) % tile.shape[1]
        color, alpha = split_alpha(tile[rows][:, columns])
        if alpha is None:
            alpha = np.full(color.shape[:2], full_range(color.dtype), color.dtype)
        return np.stack(cv2.split(as_float(join_alpha(color, alpha))))


@dataclass(frozen=True)
class Noise:
    """Seeded noise: equal seeds give equal noise, and a larger image shows more of the same.

    The random numbers are NumPy's, which are the same on all platforms; sine, cosine and rounding may differ in the
    last bits from one processor or version of NumPy to another.

    Parameters
    ----------
    method : {"white", "perlin", "fractal"}
        Every pixel by itself, smooth blobs, or blobs of many sizes (clouds).
    scale : float
        Size of the largest blobs in pixels, at least 1.
    octaves : int
        Fractal: how many sizes, each half of the one before; 1 to 16.
    persistence : float
        Fractal: strength of each size to the one before, 0 to 1.
    seed : int
        At least 0.
    stops : tuple
        Colours, or (position, colour) pairs, that stand for the values from 0 to 1.
    space : {"srgb", "linear", "oklab"}
        Where colours are mixed.

    Examples
    --------
    >>> import imgedit as ie
    >>> image = np.zeros((64, 64), np.uint8)
    >>> clouds = ie.fill(image, None, ie.Noise("fractal", scale=32, seed=1))
    >>> abs(float(clouds.mean()) - 128) < 40
    True
    """

    method: Literal["white", "perlin", "fractal"] = "fractal"
    scale: float = 64.0
    octaves: int = 5
    persistence: float = 0.5
    seed: int = 0
    stops: Stops = ("black", "white")
    space: Space = "srgb"

    def __post_init__(self) -> None:
        _check_choice(self.method, "method", ("white", "perlin", "fractal"))
        _check_stops(self)
        check_number(self.scale, "scale", least=1)
        check_number(self.persistence, "persistence", least=0, most=1)
        _check_whole(self.octaves, "octaves", 1, 16)
        _check_whole(self.seed, "seed", 0, 2**48)

    def planes(self, canvas: Canvas) -> Floats:
        """Paint rows; see `Paint`."""
        if self.method == "white":
            values = white_noise(self.seed, canvas.top, canvas.bottom, 0, canvas.width)
            return _colored(values, self.stops, self.space, "pad")
        total = np.zeros((canvas.bottom - canvas.top, canvas.width), np.float32)
        strength = 0.0
        for octave in range(self.octaves if self.method == "fractal" else 1):
            scale = max(1.0, self.scale / 2**octave)
            total += np.float32(self.persistence**octave) * _perlin(self.seed, octave, scale, canvas)
            strength += self.persistence**octave
        total *= np.float32(0.5 / (PERLIN_RANGE * strength))
        return _colored(total + np.float32(0.5), self.stops, self.space, "pad")


def _check_whole(value: int, name: str, least: int, most: int) -> None:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not least <= value <= most:
        raise ArgumentError(name, f"is {value!r}", f"give a whole number from {least} to {most}")


def _check_choice(value: str, name: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ArgumentError(name, f"is {value!r}", advice(value, list(choices)))


def _check_stops(paint: Any) -> None:
    _check_choice(paint.space, "space", ("srgb", "linear", "oklab"))
    _positions(paint.stops)


def _check_gradient(paint: Any, *points: str) -> None:
    _check_stops(paint)
    _check_choice(paint.units, "units", ("relative", "pixels"))
    if hasattr(paint, "extend"):
        _check_choice(paint.extend, "extend", ("pad", "repeat", "reflect"))
    for name in points:
        point = getattr(paint, name)
        if not isinstance(point, tuple) or len(point) != 2:
            raise ArgumentError(name, f"is {point!r}", "give two numbers, (x, y)")
        for value in point:
            check_number(value, name)


def _positions(stops: Stops) -> tuple[list[float], list[Floats]]:
    """Positions and colours of stops, checked."""
    if not isinstance(stops, tuple) or len(stops) < 2:
        raise ArgumentError("stops", f"is {stops!r}", "give a tuple of at least two colours: ('black', 'white')")
    placed: list[Any] = [
        stop if isinstance(stop, tuple) and len(stop) == 2 else (index / (len(stops) - 1), stop)
        for index, stop in enumerate(stops)
    ]
    places = [check_number(position, "stops", least=0, most=1) for position, _ in placed]
    colors = [parse_color(color, name="stops") for _, color in placed]
    if places != sorted(places):
        raise ArgumentError("stops", f"has positions {places}", "let each be at least the one before")
    return places, colors


@functools.lru_cache(maxsize=16)
def _ramp(stops: Stops, space: str) -> Floats:
    """Colours at `RAMP_STEPS` positions from 0 to 1: (4, steps), straight; mixed premultiplied, as CSS does."""
    places, colors = _positions(stops)
    knots = np.stack(colors)[None]
    if space != "srgb":
        knots = (srgb_to_linear if space == "linear" else srgb_to_oklab)(knots)
    knots = knots[0].astype(np.float64)
    knots[:, :3] *= knots[:, 3:]
    position = np.linspace(0, 1, RAMP_STEPS)
    mixed = np.stack([np.interp(position, places, channel) for channel in knots.T])
    mixed[:3] /= np.where(mixed[3] > 0, mixed[3], 1)
    pixels = np.ascontiguousarray(mixed.T, np.float32)[None]
    if space != "srgb":
        pixels = (linear_to_srgb if space == "linear" else oklab_to_srgb)(pixels)
    ramp = np.ascontiguousarray(pixels[0].T)
    if space == "oklab":  # a mix of two colours that sRGB shows may lie a little outside of it
        np.clip(ramp, 0, 1, out=ramp)
    ramp.flags.writeable = False
    return ramp


def _colored(values: Floats, stops: Stops, space: str, extend: str) -> Floats:
    if extend == "repeat":
        values = values - np.floor(values)
    elif extend == "reflect":
        values = 1 - np.abs(np.mod(values, 2) - 1)
    steps = np.clip(values * np.float32(RAMP_STEPS - 1) + np.float32(0.5), 0, RAMP_STEPS - 1).astype(np.uint16)
    return np.stack([looked_up(steps, channel) for channel in _ramp(stops, space)])


def _perlin(seed: int, octave: int, scale: float, canvas: Canvas) -> Floats:
    """Gradient noise from -PERLIN_RANGE to PERLIN_RANGE."""
    y = (np.arange(canvas.top, canvas.bottom) + 0.5) / scale
    lattice = y.astype(np.intp)
    out = np.empty((len(y), canvas.width), np.float32)
    for row in range(lattice[0], lattice[-1] + 1):
        inside = slice(*np.searchsorted(lattice, (row, row + 1)))
        down = (y[inside] - row).astype(np.float32)[:, None]
        (flat, slope), (next_flat, next_slope) = (
            _lattice_row(seed, octave, r, scale, canvas.width) for r in (row, row + 1)
        )
        upper = slope * down
        upper += flat
        lower = next_slope * (down - 1)
        lower += next_flat
        lower -= upper
        lower *= _fade(down)
        np.add(upper, lower, out=out[inside])
    return out


# Strips of an image meet the same rows again: a few octaves on a few threads fit.
@functools.lru_cache(maxsize=64)
def _lattice_row(seed: int, octave: int, row: int, scale: float, width: int) -> tuple[Floats, Floats]:
    """Gradients of a row of the lattice, interpolated across: their value on that row, and their slope downwards."""
    x = (np.arange(width) + 0.5) / scale
    column = x.astype(np.intp)
    across = (x - column).astype(np.float32)
    # Octaves get lattices of their own: shared ones would line up at the origin.
    angle = white_noise(64 * seed + octave, row, row + 1, 0, int(x[-1]) + 2)[0] * np.float32(2 * math.pi)
    cosine, sine = np.cos(angle), np.sin(angle)
    share = _fade(across)
    left, right = cosine[column] * across, cosine[column + 1] * (across - 1)
    up, beside = sine[column], sine[column + 1]
    return left + (right - left) * share, up + (beside - up) * share


def _fade(t: Floats) -> Floats:
    return np.asarray(t * t * t * (t * (t * 6 - 15) + 10), np.float32)


PAINTS: Table[Callable[..., Any]] = Table(
    "kind",
    {
        "solid": Solid,
        "linear": LinearGradient,
        "radial": RadialGradient,
        "conic": ConicGradient,
        "pattern": Pattern,
        "noise": Noise,
    },
)

# What the numbers between the colons of a paint in words stand for.
WORDS: dict[str, tuple[str, ...]] = {
    "linear": ("start", "start", "end", "end"),
    "radial": ("center", "center", "radius"),
    "conic": ("center", "center", "angle"),
    "noise": ("method", "scale", "seed"),
}


def parse_paint(paint: Paint | Color | Mapping[str, Any], *, name: str = "paint") -> Paint:
    """Read a paint as people write it.

    Parameters
    ----------
    paint : Paint, str, tuple or mapping
        A paint; a colour; words, ``"kind:numbers:colours"``; or a table with ``kind`` and the paint's parameters. Kinds
        are ``solid``, ``linear``, ``radial``, ``conic``, ``noise`` and ``pattern``.
    name : str
        What the caller calls the paint, for errors.

    Returns
    -------
    Paint
        The paint.

    Raises
    ------
    ArgumentError
        Not a paint.
    UnknownNameError
        A kind that does not exist.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.parse_paint("tomato")
    Solid(color='tomato')
    >>> ie.parse_paint("linear:0,0,1,0:#000,red 30%,#fff").stops
    ((0.0, '#000'), (0.3, 'red'), (1.0, '#fff'))
    >>> ie.parse_paint({"kind": "noise", "method": "perlin", "scale": 20, "seed": 3}).scale
    20
    """
    if isinstance(paint, Mapping):
        return _from_table(paint, name)
    if isinstance(paint, str):
        kind = paint.partition(":")[0].strip().lower()
        return _from_words(kind, paint, name) if kind in PAINTS else Solid(_checked(paint, name))
    if isinstance(paint, (tuple, list)):
        return Solid(_checked(tuple(paint), name))
    if not hasattr(paint, "planes"):
        raise ArgumentError(name, f"is {paint!r}", "give a colour, a gradient, a pattern, noise, or a table with kind=")
    return paint


def _with_files_moved(paint: Any, move: Callable[[str], str]) -> Any:
    """Replace the path of a pattern in a paint as people write it."""
    if isinstance(paint, str) and paint.partition(":")[0].strip().lower() == "pattern":
        return f"pattern:{move(paint.partition(':')[2].strip())}"
    if isinstance(paint, Mapping) and paint.get("kind") == "pattern" and isinstance(paint.get("image"), str):
        return {**paint, "image": move(paint["image"])}
    return paint


PAINT_FILES = Files(_with_files_moved)
"""Where the files of a paint stand: a note on the annotation of a parameter that takes one."""


def _checked(color: Color, name: str) -> Color:
    parse_color(color, name=name)
    return color


def _from_table(table: Mapping[str, Any], name: str) -> Paint:
    if "kind" not in table:
        raise ArgumentError(name, f"is {dict(table)!r}, without a kind", f"add kind = one of {', '.join(PAINTS)}")
    make = PAINTS[table["kind"]]
    known = {field.name: field for field in fields(make)}  # type: ignore[arg-type]
    for key in table:
        if key != "kind" and key not in known:
            raise ArgumentError(name, f"has {key!r}, which {table['kind']} does not take", advice(key, list(known)))
    for key, field in known.items():
        if field.default is MISSING and key not in table:
            raise ArgumentError(name, f"of kind {table['kind']} has no {key}", f"add {key} = ...")
    paint: Paint = make(**{key: _frozen(value) for key, value in table.items() if key != "kind"})
    return paint


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def _from_words(kind: str, text: str, name: str) -> Paint:
    _, *parts = (part.strip() for part in text.split(":"))
    if kind == "pattern":
        return Pattern(text.partition(":")[2].strip())
    if kind == "solid":
        return Solid(_checked(text.partition(":")[2].strip(), name))
    table: dict[str, Any] = {"kind": kind}
    if parts and re.match(r"[-+.\d]|(white|perlin|fractal)\b" if kind == "noise" else r"[-+.\d]", parts[0]):
        table |= _numbers(kind, parts.pop(0), text, name)
    if len(parts) > 1:
        raise ArgumentError(name, f"is {text!r}", f"write '{kind}:{','.join(WORDS[kind])}:colour,colour'")
    if parts:
        table["stops"] = _stops_of(parts[0])
    return _from_table(table, name)


def _numbers(kind: str, text: str, whole: str, name: str) -> dict[str, Any]:
    words = [word.strip() for word in text.split(",")]
    keys = WORDS[kind]
    out: dict[str, Any] = {}
    try:
        if len(words) > len(keys):
            raise ValueError(words)
        for key, word in zip(keys, words, strict=False):
            value: Any = word if key == "method" else int(word) if key == "seed" else float(word)
            out[key] = (*out[key], value) if key in out else (value,) if keys.count(key) == 2 else value
    except ValueError:
        raise ArgumentError(name, f"is {whole!r}", f"write '{kind}:{','.join(keys)}:colour,colour'") from None
    return out


def _stops_of(text: str) -> Stops:
    """``"#000, red 30%, #fff"``: colours, some with a position; those without lie evenly between their neighbours."""
    items = [item.strip() for item in re.split(r",(?![^(]*\))", text)]
    found = [re.fullmatch(r"(.+?)\s+([\d.]+)%", item) for item in items]
    if not any(found):
        return tuple(items)
    places: list[float | None] = [float(match[2]) / 100 if match else None for match in found]
    places[0] = 0.0 if places[0] is None else places[0]
    places[-1] = 1.0 if places[-1] is None else places[-1]
    known = {index: place for index, place in enumerate(places) if place is not None}
    even = np.interp(range(len(places)), list(known), list(known.values()))
    return tuple((float(p), match[1] if match else item) for p, match, item in zip(even, found, items, strict=True))
