"""Cut, extend and turn over the canvas: operations that move pixels and never mix them."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import Color, parse_color
from imgedit.errors import ArgumentError
from imgedit.pixels import Image, as_float, check, check_number, describe, full_range, like

__all__ = [
    "BORDERS",
    "Border",
    "canvas_color",
    "check_border",
    "check_size",
    "crop",
    "flip",
    "fold",
    "pad",
    "take_window",
]
__all__ += ["trim", "trim_box"]

Border: TypeAlias = Literal["background", "edge", "reflect", "wrap"]
"""What lies outside of an image: a colour, its outermost pixels, its mirror image, or itself again."""

BORDERS: tuple[Border, ...] = ("background", "edge", "reflect", "wrap")

# NumPy could not even index a longer side, and every size beyond it is a slip of a unit.
LONGEST_SIDE = 1 << 31

# More is a slip of the keyboard, and would take the machine's memory before anybody noticed.
MOST_PIXELS = 2_000_000_000


def check_size(size: object, name: str = "size") -> tuple[int, int]:
    """Refuse what is not a height and a width.

    Parameters
    ----------
    size : object
        What a caller gave.
    name : str
        The caller's name of the argument.

    Returns
    -------
    tuple of int
        Height and width.

    Raises
    ------
    ArgumentError
        Not two whole numbers of at least 1.
    """
    remedy = "give (height, width), two whole numbers of at least 1"
    sides = tuple(size) if isinstance(size, (tuple, list, np.ndarray)) else ()
    if len(sides) != 2:
        raise ArgumentError(name, f"is {size!r}", remedy)
    for side in sides:
        whole = isinstance(side, (int, np.integer)) and not isinstance(side, bool)
        if not whole or not 1 <= side < LONGEST_SIDE:
            raise ArgumentError(name, f"is {size!r}", remedy)
    if sides[0] * sides[1] > MOST_PIXELS:
        pixels = f"makes {sides[0]}x{sides[1]}, {sides[0] * sides[1] / 1e6:,.0f} megapixels"
        raise ArgumentError(name, pixels, f"a result holds at most {MOST_PIXELS / 1e6:,.0f} megapixels")
    return int(sides[0]), int(sides[1])


def check_border(border: str, name: str = "border") -> None:
    """Refuse what is not the name of a border mode.

    Parameters
    ----------
    border : str
        What a caller gave.
    name : str
        The caller's name of the argument.

    Raises
    ------
    ArgumentError
        Not one of `BORDERS`.
    """
    if border not in BORDERS:
        raise ArgumentError(name, f"is {border!r}", f"give one of {', '.join(BORDERS)}")


def canvas_color(background: Color | None, image: Image, name: str = "background") -> Image:
    """Bring a colour to the dtype and channels of an image.

    Parameters
    ----------
    background : str, tuple of float or None
        A colour; None is clear, or black where the image has no alpha.
    image : ndarray
        A checked image.
    name : str
        The caller's name of the argument.

    Returns
    -------
    ndarray
        One value a channel, straight alpha.

    Raises
    ------
    ArgumentError
        A translucent colour for an image without alpha, or a coloured one for a grey image.
    """
    channels = image.shape[2] if image.ndim == 3 else 1
    if background is None:
        return np.zeros(channels, image.dtype)
    rgba = parse_color(background, name=name)
    if channels != 4 and rgba[3] != 1:
        raise ArgumentError(name, f"is {background!r} but image has no alpha", "give an opaque colour or an RGBA image")
    if channels == 1 and rgba[:3].min() != rgba[:3].max():
        raise ArgumentError(
            name, f"is {background!r} but image is grey", "make it RGB: ie.convert(image, channels='rgb')"
        )
    return np.asarray(like(rgba[None, :channels], image.dtype)[0])


def crop(
    image: Image,
    box: tuple[int, int, int, int],
    *,
    outside: Literal["error", "background", "edge", "reflect", "wrap"] = "error",
    background: Color | None = None,
) -> Image:
    """Cut out a rectangle.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    box : tuple of int
        Left, top, right, bottom in pixels; right and bottom are exclusive.
    outside : {"error", "background", "edge", "reflect", "wrap"}
        What to do where the box reaches beyond the image: refuse, or fill as `pad` does.
    background : str or tuple of float, optional
        Colour for ``outside="background"``; by default clear, or black where the image has no alpha.

    Returns
    -------
    ndarray
        (bottom - top) x (right - left) image of the same dtype and channels.

    Raises
    ------
    ArgumentError
        A box that is empty, or that reaches beyond the image.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.crop(np.arange(12, dtype=np.uint8).reshape(3, 4), (1, 0, 3, 2)).tolist()
    [[1, 2], [5, 6]]
    """
    image = check(image)
    left, top, right, bottom = _whole_numbers(box, "box", "(left, top, right, bottom)", 4)
    height, width = image.shape[:2]
    if left >= right or top >= bottom:
        raise ArgumentError(
            "box", f"is {tuple(box)}, which is empty", "give (left, top, right, bottom) with right > left"
        )
    if outside == "error":
        if left < 0 or top < 0 or right > width or bottom > height:
            raise ArgumentError(
                "box",
                f"is {tuple(box)} but image reaches from (0, 0) to ({width}, {height})",
                "keep it inside, or say what is there: outside='background', 'edge', 'reflect' or 'wrap'",
            )
        return image[top:bottom, left:right].copy()
    check_border(outside, "outside")
    return take_window(image, (left, top, right, bottom), outside, canvas_color(background, image))


def pad(
    image: Image,
    margins: int | tuple[int, int, int, int],
    *,
    border: Border = "background",
    background: Color | None = None,
) -> Image:
    """Add margins around an image.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    margins : int or tuple of int
        Pixels to add on all sides, or on the left, top, right and bottom.
    border : {"background", "edge", "reflect", "wrap"}
        What the margins show: a colour, the outermost pixels, the image mirrored at its border, or the image repeated.
    background : str or tuple of float, optional
        The colour; by default clear, or black where the image has no alpha.

    Returns
    -------
    ndarray
        The larger image, of the same dtype and channels.

    Raises
    ------
    ArgumentError
        Negative margins, an unknown border, or a colour that the image can't hold.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.pad(np.array([[1, 2]], np.uint8), (1, 0, 2, 0), border="reflect").tolist()
    [[1, 1, 2, 2, 1]]
    """
    image = check(image)
    if isinstance(margins, (int, np.integer)):
        margins = (int(margins),) * 4
    left, top, right, bottom = _whole_numbers(margins, "margins", "one number, or (left, top, right, bottom)", 4)
    if min(left, top, right, bottom) < 0:
        raise ArgumentError("margins", f"are {margins}", "give numbers of at least 0; crop cuts off")
    check_border(border)
    height, width = image.shape[:2]
    window = (-left, -top, width + right, height + bottom)
    return take_window(image, window, border, canvas_color(background, image))


def _whole_numbers(values: object, name: str, form: str, count: int) -> tuple[int, ...]:
    remedy = f"give {form} in whole pixels"
    if not isinstance(values, (tuple, list, np.ndarray)):
        raise ArgumentError(name, f"is {values!r}", remedy)
    numbers = tuple(values)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
            raise ArgumentError(name, f"is {values!r}", remedy)
    if len(numbers) != count:
        raise ArgumentError(name, f"has {len(numbers)} numbers", remedy)
    return tuple(int(number) for number in numbers)


def take_window(image: Image, window: tuple[int, int, int, int], border: Border, color: NDArray[Any]) -> Image:
    """Copy a rectangle that may reach beyond the image.

    Parameters
    ----------
    image : ndarray
        A checked image.
    window : tuple of int
        Left, top, right, bottom.
    border : {"background", "edge", "reflect", "wrap"}
        What lies outside.
    color : ndarray
        One value a channel, for ``"background"``.

    Returns
    -------
    ndarray
        A new image of the window's size.
    """
    left, top, right, bottom = window
    height, width = image.shape[:2]
    if border != "background":
        rows = fold(np.arange(top, bottom), height, border)
        columns = fold(np.arange(left, right), width, border)
        return np.ascontiguousarray(np.take(image[rows], columns, axis=1))
    out = np.empty((bottom - top, right - left, *image.shape[2:]), image.dtype)
    seen = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    y, x = max(-top, 0), max(-left, 0)
    if seen.shape[:2] != out.shape[:2]:
        out[:] = color
    out[y : y + seen.shape[0], x : x + seen.shape[1]] = seen
    return out


def fold(index: NDArray[np.intp], length: int, border: Border) -> NDArray[np.intp]:
    """Bring indices beyond an axis back onto it.

    Parameters
    ----------
    index : ndarray of int
        Any indices.
    length : int
        Of the axis.
    border : {"background", "edge", "reflect", "wrap"}
        What lies outside; ``"background"`` counts as ``"edge"``.

    Returns
    -------
    ndarray of int
        Indices from 0 up to `length`.
    """
    if border == "wrap":
        return index % length
    if border == "reflect":
        # Mirrored at the outer edge of the last pixel, so that this one is seen twice.
        turn = index % (2 * length)
        return np.minimum(turn, 2 * length - 1 - turn)
    return np.clip(index, 0, length - 1)


def trim(
    image: Image,
    *,
    by: Literal["auto", "alpha", "color"] = "auto",
    color: Color | None = None,
    tolerance: float = 0.0,
    margin: int = 0,
) -> Image:
    """Cut off what is empty around the content.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    by : {"auto", "alpha", "color"}
        What counts as empty: clear pixels, or pixels of one colour; ``"auto"`` looks at alpha if the top left pixel is
        clear and no colour is given.
    color : str or tuple of float, optional
        The empty colour; by default that of the top left pixel.
    tolerance : float
        Largest difference that still counts as empty, in any channel, as a fraction of the full range (0 to 1).
    margin : int
        Empty pixels to leave on each side, as far as there are any.

    Returns
    -------
    ndarray
        The part with content, of the same dtype and channels.

    Raises
    ------
    ArgumentError
        The image is empty all over, or has no alpha to look at.

    Examples
    --------
    >>> import imgedit as ie
    >>> page = np.full((9, 9), 255, np.uint8)
    >>> page[3:5, 2:8] = 0
    >>> ie.trim(page).shape
    (2, 6)
    """
    image = check(image)
    left, top, right, bottom = trim_box(image, by=by, color=color, tolerance=tolerance, margin=margin)
    return image[top:bottom, left:right].copy()


def trim_box(
    image: Image,
    *,
    by: Literal["auto", "alpha", "color"] = "auto",
    color: Color | None = None,
    tolerance: float = 0.0,
    margin: int = 0,
) -> tuple[int, int, int, int]:
    """Find the box that `trim` would keep.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    by : {"auto", "alpha", "color"}
        As for `trim`.
    color : str or tuple of float, optional
        As for `trim`.
    tolerance : float
        As for `trim`.
    margin : int
        As for `trim`.

    Returns
    -------
    tuple of int
        Left, top, right, bottom.

    Raises
    ------
    ArgumentError
        As for `trim`.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.trim_box(np.eye(8, dtype=np.float32)[:, ::-1] * np.float32(0.5), tolerance=0.1)
    (0, 0, 8, 8)
    """
    image = check(image)
    tolerance = check_number(tolerance, "tolerance", least=0, most=1)
    (margin,) = _whole_numbers((margin,), "margin", "a number of pixels", 1)
    check_number(margin, "margin", least=0)
    clear = image.ndim == 3 and image.shape[2] == 4
    if by not in ("auto", "alpha", "color"):
        raise ArgumentError("by", f"is {by!r}", "give 'auto', 'alpha' or 'color'")
    if by == "alpha" and not clear:
        raise ArgumentError("by", f"is 'alpha' but image is {describe(image)}", "give an RGBA image, or by='color'")
    if by == "alpha" or (by == "auto" and clear and color is None and image[0, 0, 3] == 0):
        content = image[..., 3] > tolerance * full_range(image.dtype)
    else:
        empty = image[0, 0] if color is None else canvas_color(color, image, "color")
        content = _differs(image, np.atleast_1d(empty), tolerance)
    rows, columns = np.flatnonzero(content.any(axis=1)), np.flatnonzero(content.any(axis=0))
    if not rows.size:
        raise ArgumentError("image", "is empty all over, so that nothing would be left", "lower the tolerance")
    height, width = image.shape[:2]
    return (
        max(int(columns[0]) - margin, 0),
        max(int(rows[0]) - margin, 0),
        min(int(columns[-1]) + 1 + margin, width),
        min(int(rows[-1]) + 1 + margin, height),
    )


def _differs(image: Image, color: Image, tolerance: float) -> NDArray[np.bool_]:
    """Compare with a colour, channel by channel; under alpha by what is seen, since a clear colour is none."""
    planes = as_float(image).reshape(*image.shape[:2], -1)
    values = as_float(color)
    out = np.zeros(image.shape[:2], bool)
    alpha, seen = (planes[..., 3], values[3]) if planes.shape[2] == 4 else (np.float32(1), np.float32(1))
    for channel in range(planes.shape[2]):
        ours, theirs = (planes[..., channel], values[channel])
        if channel < 3:
            ours, theirs = ours * alpha, theirs * seen
        # A step of the dtype is never counted for the rounding of its division by white.
        out |= np.abs(ours - theirs) > tolerance + 1e-6
    return out


def flip(image: Image, axis: Literal["horizontal", "vertical"]) -> Image:
    """Mirror an image.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    axis : {"horizontal", "vertical"}
        Direction in which pixels move: ``"horizontal"`` swaps left and right, ``"vertical"`` top and bottom.

    Returns
    -------
    ndarray
        The mirrored image.

    Raises
    ------
    ArgumentError
        Neither of the two.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.flip(np.array([[1, 2, 3]], np.uint8), "horizontal").tolist()
    [[3, 2, 1]]
    """
    image = check(image)
    if axis not in ("horizontal", "vertical"):
        raise ArgumentError("axis", f"is {axis!r}", "give 'horizontal' (left and right) or 'vertical' (top and bottom)")
    return np.asarray(cv2.flip(image, 1 if axis == "horizontal" else 0))
