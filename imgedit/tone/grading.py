"""Levels and curves: functions of one value that a user draws.

Sources: the monotone curve is the piecewise cubic Hermite of Fritsch and Butland 1984, "A Method for Constructing Local
Monotone Piecewise Cubic Interpolants", https://doi.org/10.1137/0905021, equation 4 with their weights for uneven
steps; the spline is the natural cubic one, de Boor 1978, "A Practical Guide to Splines", chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError
from imgedit.pixels import Image, Mask, check, check_number, mix_by_mask
from imgedit.tables import Table, advice
from imgedit.tone.mapping import Curve, Floats, map_values

__all__ = ["INTERPOLATIONS", "curves", "levels"]

Array: TypeAlias = NDArray[np.float64]

Points: TypeAlias = tuple[tuple[float, float], ...] | str
"""(input, output) pairs from 0 to 1 with rising inputs; or in words, "0,0 0.25,0.2 1,1"."""

CHANNELS = {"red": 0, "green": 1, "blue": 2}


def levels(
    image: Image,
    *,
    black: float = 0.0,
    white: float = 1.0,
    gamma: float = 1.0,
    out_black: float = 0.0,
    out_white: float = 1.0,
    channel: Literal["all", "red", "green", "blue"] = "all",
    mask: Mask | None = None,
) -> Image:
    """Stretch the values between two levels to the whole range, or to another.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32. Alpha stays.
    black : float
        The input that becomes `out_black`, as a fraction of the range.
    white : float
        The input that becomes `out_white`; above `black`.
    gamma : float
        Above 0, to 10: what lies between is raised to 1/gamma; above 1 lightens the middle.
    out_black : float
        What `black` becomes, as a fraction of the range.
    out_white : float
        What `white` becomes; below `out_black` it makes a negative.
    channel : {"all", "red", "green", "blue"}
        Which channel.
    mask : ndarray, optional
        HxW; where to apply it.

    Returns
    -------
    ndarray
        Same shape and dtype. Integers are cut off at the ends of their range; floats go on beyond.

    Raises
    ------
    ImageError
        Not an image, or a mask that does not fit.
    ArgumentError
        White not above black, a number out of range, or a colour channel of a grey image.

    References
    ----------
    Burger and Burge 2016, "Digital Image Processing", 2nd edition, 4.4 and 4.7.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.levels(np.array([[25, 51, 102, 153, 204]], np.uint8), black=0.2, white=0.6).tolist()
    [[0, 0, 128, 255, 255]]
    """
    image = check(image)
    black = check_number(black, "black")
    white = check_number(white, "white", above=black)
    if image.dtype != np.float32 and black >= 1:
        raise ArgumentError("black", f"is {black:g}, above all there is", "levels go from 0 to 1: divide by 255")
    gamma = check_number(gamma, "gamma", above=0, most=10)
    low, high = check_number(out_black, "out_black"), check_number(out_white, "out_white")

    def stretch(values: Floats) -> Floats:
        share = (values - np.float32(black)) / np.float32(white - black)
        if gamma != 1:
            share = np.copysign(np.abs(share) ** np.float32(1 / gamma), share)
        if image.dtype != np.float32:
            share = np.clip(share, 0, 1)
        return share * np.float32(high - low) + np.float32(low)

    return mix_by_mask(image, map_values(image, *_per_channel(image, {channel: stretch})), mask)


def curves(
    image: Image,
    points: Points | None = None,
    *,
    red: Points | None = None,
    green: Points | None = None,
    blue: Points | None = None,
    interpolation: Annotated[str, INTERPOLATIONS] = "monotone",
    mask: Mask | None = None,
) -> Image:
    """Send values through a curve drawn by points.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32. Alpha stays.
    points : tuple of (float, float), or str
        (input, output) pairs from 0 to 1, for all channels, after those of single ones; at least two, with rising
        inputs: ``((0, 0), (0.25, 0.2), (1, 1))`` or ``"0,0 0.25,0.2 1,1"``. Before the first and after the last point
        the curve is flat.
    red : tuple of (float, float), or str
        The same for red alone.
    green : tuple of (float, float), or str
        The same for green alone.
    blue : tuple of (float, float), or str
        The same for blue alone.
    interpolation : str
        ``monotone`` (between two points it never leaves their outputs), ``spline`` (natural cubic, smoother, may
        overshoot) or ``linear``.
    mask : ndarray, optional
        HxW; where to apply it.

    Returns
    -------
    ndarray
        Same shape and dtype. Float values beyond [0, 1] keep their distance to the end that they lie beyond.

    Raises
    ------
    ImageError
        Not an image, or a mask that does not fit.
    ArgumentError
        No points, points that make no curve, or a colour channel of a grey image.
    UnknownNameError
        An unknown interpolation.

    References
    ----------
    Fritsch and Butland 1984, https://doi.org/10.1137/0905021; de Boor 1978, "A Practical Guide to Splines", chapter 4.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.curves(np.array([[0, 64, 128, 255]], np.uint8), "0,1 1,0").tolist()
    [[255, 191, 127, 0]]
    """
    image = check(image)
    make = INTERPOLATIONS[interpolation]
    given = {"red": red, "green": green, "blue": blue, "all": points}
    drawn = {name: _curve(pairs, name, make) for name, pairs in given.items() if pairs is not None}
    if not drawn:
        raise ArgumentError("points", "is None", "give points, or those of a channel: red=((0, 0), (1, 0.9))")
    return mix_by_mask(image, map_values(image, *_per_channel(image, drawn)), mask)


def _per_channel(image: Image, named: dict[str, Curve]) -> list[Curve]:
    """One curve for all channels, or three."""
    for name in named:
        if name != "all" and name not in CHANNELS:
            raise ArgumentError("channel", f"is {name!r}", advice(name, ["all", *CHANNELS]))
        if name != "all" and image.ndim == 2:
            raise ArgumentError(name, "is given but image is grey", "leave the channel out, or give an RGB image")
    both = named.get("all", _same)
    if list(named) == ["all"]:
        return [both]
    return [_chain(named.get(name, _same), both) for name in CHANNELS]


def _same(values: Floats) -> Floats:
    return values


def _chain(first: Curve, second: Curve) -> Curve:
    return lambda values: second(first(values))


def _curve(points: Points, name: str, make: Callable[[Array, Array], Array]) -> Curve:
    """Turn points into a function: cubic pieces in Hermite form, flat beyond the first and last point."""
    x, y = _read_points(points, "points" if name == "all" else name)
    slopes = make(x, y)
    step, rise = np.diff(x), np.diff(y)
    # Coefficients of a cubic in t = (value - x) / step on each piece.
    parts = [y[:-1], step * slopes[:, 0], 3 * rise - step * (2 * slopes[:, 0] + slopes[:, 1])]
    parts.append(step * (slopes[:, 0] + slopes[:, 1]) - 2 * rise)
    a, b, c, d = (part.astype(np.float32) for part in parts)
    knots, steps = x.astype(np.float32), step.astype(np.float32)

    def function(values: Floats) -> Floats:
        inside = np.clip(values, knots[0], knots[-1])
        piece = np.searchsorted(knots[1:-1], inside, side="right")
        t = (inside - knots[piece]) / steps[piece]
        out = a[piece] + t * (b[piece] + t * (c[piece] + t * d[piece]))
        return np.asarray(out + (values - np.clip(values, 0, 1)), np.float32)

    return function


def _read_points(points: Points, name: str) -> tuple[Array, Array]:
    remedy = "give at least two (input, output) pairs from 0 to 1, inputs rising: ((0, 0), (0.5, 0.6), (1, 1))"
    try:
        pairs = [pair.split(",") for pair in points.split()] if isinstance(points, str) else points
        array = np.array(pairs, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(name, f"is {points!r}", remedy) from None
    fits = array.ndim == 2 and array.shape[1:] == (2,) and len(array) >= 2
    if not fits or not ((array >= 0) & (array <= 1)).all() or not (np.diff(array[:, 0]) > 0).all():
        raise ArgumentError(name, f"is {points!r}", remedy)
    return array[:, 0], array[:, 1]


def _linear(x: Array, y: Array) -> Array:
    slope = np.diff(y) / np.diff(x)
    return np.stack([slope, slope], axis=1)


def _monotone(x: Array, y: Array) -> Array:
    step = np.diff(x)
    slope = np.diff(y) / step
    at = np.zeros(len(x))
    if len(x) == 2:
        at[:] = slope[0]
    else:
        before, after = slope[:-1], slope[1:]
        left, right = 2 * step[1:] + step[:-1], step[1:] + 2 * step[:-1]
        rising = before * after > 0
        # The weighted harmonic mean, and flat at a peak or valley.
        inverse = left / np.where(rising, before, 1) + right / np.where(rising, after, 1)
        at[1:-1] = np.where(rising, (left + right) / inverse, 0)
        at[0] = _end(step[0], step[1], slope[0], slope[1])
        at[-1] = _end(step[-1], step[-2], slope[-1], slope[-2])
    return np.stack([at[:-1], at[1:]], axis=1)


def _end(step: float, next_step: float, slope: float, next_slope: float) -> float:
    """Slope at an end from the parabola through three points, held back so that the piece stays monotone."""
    guess = ((2 * step + next_step) * slope - step * next_slope) / (step + next_step)
    if guess * slope <= 0:
        return 0.0
    return 3 * slope if slope * next_slope <= 0 and abs(guess) > 3 * abs(slope) else guess


def _spline(x: Array, y: Array) -> Array:
    step = np.diff(x)
    slope = np.diff(y) / step
    matrix = np.zeros((len(x), len(x)))
    right = np.zeros(len(x))
    matrix[0, :2] = (2, 1)
    matrix[-1, -2:] = (1, 2)
    right[0], right[-1] = 3 * slope[0], 3 * slope[-1]
    for row in range(1, len(x) - 1):
        matrix[row, row - 1 : row + 2] = (step[row], 2 * (step[row - 1] + step[row]), step[row - 1])
        right[row] = 3 * (step[row] * slope[row - 1] + step[row - 1] * slope[row])
    at = np.linalg.solve(matrix, right)
    return np.stack([at[:-1], at[1:]], axis=1)


INTERPOLATIONS: Table[Callable[[Array, Array], Array]] = Table(
    "interpolation", {"monotone": _monotone, "spline": _spline, "linear": _linear}
)
