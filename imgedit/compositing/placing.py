"""Where a picture lies on another: an anchor, and an offset from it that counts inwards."""

from __future__ import annotations

import numpy as np

from imgedit.errors import ArgumentError
from imgedit.filters.text import ANCHORS

__all__ = ["ANCHORS", "check_offset", "corner"]


def check_offset(offset: object) -> tuple[int, int]:
    """Give an offset as two integers.

    Parameters
    ----------
    offset : object
        What a caller gave.

    Returns
    -------
    (int, int)
        x and y.

    Raises
    ------
    ArgumentError
        It is not two whole numbers.
    """
    if isinstance(offset, (tuple, list)) and len(offset) == 2:
        x, y = offset
        if all(isinstance(value, (int, np.integer)) and not isinstance(value, bool) for value in (x, y)):
            return int(x), int(y)
    raise ArgumentError("offset", f"is {offset!r}", "give whole pixels (x, y); ie.warp moves by fractions")


def corner(
    anchor: str | None, offset: tuple[int, int] | None, size: tuple[int, int], canvas: tuple[int, int]
) -> tuple[int, int]:
    """Find the top left corner of a picture on a canvas.

    Parameters
    ----------
    anchor : str or None
        A name in ANCHORS: the side or corner of the canvas that the picture lies at; None is the top left.
    offset : (int, int) or None
        How far from there, in pixels: to the right and down, from the right side to the left, from the bottom upwards.
    size, canvas : (int, int)
        Height and width of picture and canvas.

    Returns
    -------
    (int, int)
        x and y on the canvas; where the room is odd, a centred picture lies nearer to the top left.

    Examples
    --------
    >>> corner("bottom-right", (8, 5), (20, 30), (100, 200))
    (162, 75)
    """
    x, y = offset or (0, 0)
    across, down = ANCHORS[anchor or "top-left"]
    return _start(across, x, canvas[1] - size[1]), _start(down, y, canvas[0] - size[0])


def _start(fraction: float, offset: int, room: int) -> int:
    return room - offset if fraction == 1 else int(fraction * room // 1) + offset
