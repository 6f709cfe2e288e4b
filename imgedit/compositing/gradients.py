"""Gradients: how far along a pixel lies, and what colour stands there.

The five styles are those of Photoshop and GIMP. Positions run over the pixel centres of a box; angles are in degrees,
counter-clockwise, 0 to the right and 90 upwards. A linear gradient spans the box's extent along its direction, so that
its first and last colour lie in opposite corners (or on opposite sides).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgedit.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STYLES", "ramp", "sample_stops"]

Floats = NDArray[np.float32]


def ramp(
    height: int,
    width: int,
    *,
    style: str = "linear",
    angle: float = 90.0,
    scale: float = 1.0,
    offset: tuple[float, float] = (0.0, 0.0),
    rows: tuple[int, int] | None = None,
    columns: tuple[int, int] | None = None,
) -> Floats:
    """Position along a gradient for each pixel of a box.

    Parameters
    ----------
    height, width : int
        Size of the box in pixels.
    style : str
        A name in STYLES.
    angle : float
        Degrees, counter-clockwise; 0 runs to the right, 90 upwards.
    scale : float
        Length of the gradient as a fraction of the box's extent.
    offset : (float, float)
        Shift (x, y) of the centre in fractions of width and height.
    rows, columns : (int, int), optional
        Only these, from and to; may lie outside the box. Default all.

    Returns
    -------
    ndarray of float32
        0 at the first colour, 1 at the last; within [0, 1].
    """
    y = (np.arange(*(rows or (0, height)), dtype=np.float32) + 0.5 - height * (0.5 + offset[1]))[:, None]
    x = (np.arange(*(columns or (0, width)), dtype=np.float32) + 0.5 - width * (0.5 + offset[0]))[None]
    turn = np.deg2rad(angle)
    cosine, sine = float(np.cos(turn)), float(np.sin(turn))
    along, across = x * cosine - y * sine, x * sine + y * cosine
    extent = scale * _extent(height, width, cosine, sine)
    return np.asarray(np.clip(STYLES[style](along, across, extent), 0, 1), np.float32)


def _extent(height: int, width: int, cosine: float, sine: float) -> float:
    """Length of the line through the centre, in the gradient's direction, from side to side of the box."""
    reach = [side / abs(part) for side, part in ((width, cosine), (height, sine)) if abs(part) > 1e-6]
    return max(1e-6, min(reach))


def _turned(along: Any, across: Any, _: float) -> Any:
    return np.mod(np.arctan2(-across, along) / (2 * np.pi), 1.0)


STYLES: Table[Callable[[Any, Any, float], Any]] = Table(
    "style",
    {
        "linear": lambda along, across, extent: along / extent + 0.5 + 0 * across,
        "radial": lambda along, across, extent: 2 * np.hypot(along, across) / extent,
        "angle": _turned,
        "reflected": lambda along, across, extent: 2 * np.abs(along) / extent + 0 * across,
        "diamond": lambda along, across, extent: 2 * (np.abs(along) + np.abs(across)) / extent,
    },
)


def sample_stops(position: Floats, stops: Sequence[float], values: NDArray[Any]) -> Floats:
    """Interpolate between stops, channel by channel.

    Parameters
    ----------
    position : ndarray
        HxW positions in [0, 1].
    stops : sequence of float
        Positions of the stops, rising.
    values : ndarray
        NxC values at the stops.

    Returns
    -------
    ndarray of float32
        (C, height, width).
    """
    planes = [np.interp(position, stops, channel) for channel in np.asarray(values, np.float64).T]
    return np.asarray(planes, np.float32)
