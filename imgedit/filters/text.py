"""Text on an image: watermarks, captions, labels.

Pillow lays out and rasterises the glyphs (FreeType, and HarfBuzz through Raqm where a script needs shaping) as coverage
from 0 to 255. Compositing is done here, so that it is exact for every dtype: the outline and the glyphs make one layer,
and that lies over the image by the source-over operator, Porter and Duff 1984, https://doi.org/10.1145/800031.808606.
"""

from __future__ import annotations

import math
import unicodedata
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgedit.color import Color, parse_color
from imgedit.errors import ArgumentError
from imgedit.filters.neighbourhood import check_choice
from imgedit.pixels import Image, as_float, check, check_alpha, check_number, like
from imgedit.tables import Table

if TYPE_CHECKING:
    import PIL.ImageFont

__all__ = ["ANCHORS", "draw_text"]

Floats: TypeAlias = NDArray[np.float32]

# Name of a place -> fractions of the width and height.
ANCHORS: Table[tuple[float, float]] = Table(
    "anchor",
    {
        f"{vertical}-{horizontal}" if (vertical, horizontal) != ("center", "center") else "center": (x, y)
        for vertical, y in (("top", 0.0), ("center", 0.5), ("bottom", 1.0))
        for horizontal, x in (("left", 0.0), ("center", 0.5), ("right", 1.0))
    },
)

# Larger glyphs take Pillow gigabytes; no image that can be read is so high.
MOST_SIZE = 20_000.0

# A code point that Unicode guarantees is no character, so that every font shows its "missing" glyph for it.
NO_CHARACTER = "\U0010ffff"

# Blocks whose letters join, reorder or stack: without a shaping engine they come out as separate, wrong forms.
SHAPED = ((0x0590, 0x08FF), (0x0900, 0x109F), (0x1780, 0x17FF), (0x1800, 0x18AF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFF))


def draw_text(
    image: Image,
    text: str,
    *,
    position: tuple[float, float] | None = None,
    anchor: Annotated[str, ANCHORS] | None = None,
    margin: float | str = "2%",
    size: float | str = "5%",
    color: Color = "white",
    opacity: float = 1.0,
    font: str | None = None,
    angle: float = 0.0,
    stroke_width: float = 0.0,
    stroke_color: Color = "black",
    align: Literal["left", "center", "right"] = "left",
    line_spacing: float = 0.2,
    tile: bool = False,
) -> Image:
    """Draw text onto an image.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    text : str
        One or more lines, in any script that the font has.
    position : (float, float), optional
        Where the anchor of the text comes to lie, ``(x, y)`` in pixels from the top left corner. Without it, the text
        lies inside the image, at the side or corner that the anchor names.
    anchor : str, optional
        Which point of the text's box is placed; ``top-left`` by default where a position is given, else
        ``bottom-right``. One of ``top-left``, ``top-center``, ``top-right``, ``center-left``, ``center``,
        ``center-right``, ``bottom-left``, ``bottom-center``, ``bottom-right``.
    margin : float or str
        Distance from the image's sides where no position is given: pixels, or ``"2%"`` of the image's shorter side.
    size : float or str
        Height of the font in pixels (its em), or ``"5%"`` of the image's shorter side.
    color : str or tuple of float
        Colour of the glyphs; its alpha counts. A grey image takes greys only.
    opacity : float
        Of the whole, 0 to 1.
    font : str, optional
        A font file (TrueType, OpenType), or the name of one that the system has; by default Aileron, which comes with
        Pillow and has Latin letters only.
    angle : float
        Degrees, counter-clockwise, about the middle of the text.
    stroke_width : float
        Width of an outline around the glyphs, in pixels.
    stroke_color : str or tuple of float
        Its colour.
    align : {"left", "center", "right"}
        How lines of different length lie to each other.
    line_spacing : float
        Gap between lines as a fraction of the size.
    tile : bool
        Repeat the text over the whole image, as stock photographs are marked.

    Returns
    -------
    ndarray
        Same shape and dtype; pixels that no glyph touches are the image's own.

    Raises
    ------
    ImageError
        Not an image.
    ArgumentError
        Empty text, a character that the font does not have, a font that can't be opened, a colour that the image can't
        hold, or a number out of range.

    References
    ----------
    Porter and Duff 1984, https://doi.org/10.1145/800031.808606 (source-over).

    Examples
    --------
    >>> import imgedit as ie
    >>> photo = np.zeros((60, 200, 3), np.uint8)
    >>> marked = ie.draw_text(photo, "© imgedit", size=24, color="#ffffff80", anchor="center")
    >>> int(marked.max())
    128
    """
    image = check(image)
    check_alpha(image)
    shorter = min(image.shape[:2])
    pixels = _length(size, "size", shorter, above=0)
    gap = _length(margin, "margin", shorter)
    opacity = check_number(opacity, "opacity", least=0, most=1)
    angle = check_number(angle, "angle")
    inks = [_ink(color, "color", image), _ink(stroke_color, "stroke_color", image)]
    stroke = check_number(stroke_width, "stroke_width", least=0, most=pixels)
    check_choice(align, "align", ("left", "center", "right"))
    spacing = check_number(line_spacing, "line_spacing", least=-1, most=10)
    opened = _open_font(font, pixels)
    _check_text(text, opened)

    masks = _rasterise(text, opened, stroke, align, spacing * pixels, angle)
    layer = _layer(masks, inks) * np.float32(opacity)
    if anchor is None:
        anchor = "bottom-right" if position is None else "top-left"
    places = _places(layer, image, position, ANCHORS[anchor], gap, tile)
    _warn_of_cut(layer, image, places, anchored=position is None and not tile)
    out = image.copy()
    for left, top in places:
        _put(layer, out, left, top)
    return out


def _warn_of_cut(layer: Floats, image: Image, places: Sequence[tuple[int, int]], *, anchored: bool) -> None:
    """Say so where text that should lie inside does not, or where none of it can be seen."""
    (tall, wide), (height, width) = layer.shape[:2], image.shape[:2]
    box = [(left, top, left + wide, top + tall) for left, top in places]
    inside = all(left >= 0 and top >= 0 and right <= width and bottom <= height for left, top, right, bottom in box)
    seen = any(right > 0 and bottom > 0 and left < width and top < height for left, top, right, bottom in box)
    if (anchored and not inside) or not seen:
        what = "is cut off" if seen else "lies outside"
        text = f"the text is {wide}x{tall} pixels and {what} of an image of {width}x{height}"
        warnings.warn(f"{text.replace('cut off of', 'cut off by')}; choose another size or position", stacklevel=3)


def _length(value: float | str, name: str, shorter: int, above: float | None = None) -> float:
    pixels = value
    if isinstance(value, str):
        number = value.strip().removesuffix("%")
        try:
            pixels = float(number) / 100 * shorter if value.strip().endswith("%") else float(number)
        except ValueError:
            remedy = "give pixels, or a percentage of the image's shorter side: '5%'"
            raise ArgumentError(name, f"is {value!r}", remedy) from None
    return check_number(pixels, name, least=0 if above is None else None, above=above, most=MOST_SIZE)  # type: ignore[arg-type]


def _ink(color: Color, name: str, image: Image) -> Floats:
    rgba = parse_color(color, name=name)
    if image.ndim == 2 and rgba[:3].min() != rgba[:3].max():
        raise ArgumentError(name, f"is {color!r} but image is grey", "make it RGB: ie.convert(image, channels='rgb')")
    return rgba


def _open_font(font: str | None, size: float) -> PIL.ImageFont.FreeTypeFont:
    from PIL import ImageFont

    if font is None:
        return ImageFont.load_default(size)  # type: ignore[return-value]
    try:
        return ImageFont.truetype(font, size)
    except (OSError, ValueError) as failure:
        raise ArgumentError(
            "font", f"is {font!r}, which can't be opened ({failure})", "give the path of a TrueType or OpenType file"
        ) from None


def _check_text(text: str, font: PIL.ImageFont.FreeTypeFont) -> None:
    from PIL import features

    if not isinstance(text, str) or not text.strip():
        raise ArgumentError("text", f"is {text!r}", "give at least one character that can be seen")
    shaped = [letter for letter in text if any(first <= ord(letter) <= last for first, last in SHAPED)]
    if shaped and not features.check("raqm"):
        raise ArgumentError(
            "text",
            f"holds {shaped[0]!r}, whose script needs shaping, and this Pillow has no Raqm",
            "install FriBiDi (apt-get install libfribidi0, brew install fribidi)",
        )
    absent = bytes(font.getmask(NO_CHARACTER))
    # Marks, joiners and variation selectors only show together with their neighbours.
    alone = {letter for letter in text if unicodedata.category(letter)[0] not in "CMZ"}
    missing = sorted(letter for letter in alone if bytes(font.getmask(letter)) == absent)
    if missing:
        raise ArgumentError(
            "text",
            f"holds {''.join(missing)!r}, which the font {font.getname()[0]!r} does not have",
            "give a file that has it: font='DejaVuSans.ttf', font='NotoSansCJK-Regular.ttc' and so on",
        )


def _rasterise(
    text: str, font: PIL.ImageFont.FreeTypeFont, stroke: float, align: str, gap: float, angle: float
) -> list[Floats]:
    """Coverage of the glyphs and of the glyphs with their outline, in one box, turned."""
    import PIL.Image
    import PIL.ImageDraw

    canvas = PIL.ImageDraw.Draw(PIL.Image.new("L", (1, 1)))
    box = canvas.multiline_textbbox((0, 0), text, font, spacing=gap, align=align, stroke_width=stroke)
    left, top = math.floor(box[0]), math.floor(box[1])
    size = (max(1, math.ceil(box[2]) - left), max(1, math.ceil(box[3]) - top))
    masks = []
    for width in (0.0, stroke) if stroke else (0.0,):
        mask = PIL.Image.new("L", size)
        canvas = PIL.ImageDraw.Draw(mask)
        canvas.multiline_text((-left, -top), text, 255, font, spacing=gap, align=align, stroke_width=width)
        if angle % 360:
            mask = mask.rotate(angle, resample=PIL.Image.Resampling.BICUBIC, expand=True)
        masks.append(as_float(np.asarray(mask)))
    return masks


def _layer(masks: Sequence[Floats], inks: Sequence[Floats]) -> Floats:
    """Glyphs over their outline, premultiplied RGBA."""
    layer = np.zeros((*masks[0].shape, 4), np.float32)
    for mask, ink in zip(reversed(masks), reversed(inks[: len(masks)]), strict=True):
        alpha = mask * ink[3]
        layer *= 1 - alpha[..., None]
        layer += alpha[..., None] * np.append(ink[:3], np.float32(1))
    return layer


def _places(
    layer: Floats,
    image: Image,
    position: tuple[float, float] | None,
    anchor: tuple[float, float],
    margin: float,
    tile: bool,
) -> list[tuple[int, int]]:
    """Left and top of each copy of the layer."""
    (height, width), (tall, wide) = image.shape[:2], layer.shape[:2]
    if position is None:
        left = margin + anchor[0] * (width - wide - 2 * margin)
        top = margin + anchor[1] * (height - tall - 2 * margin)
    else:
        x, y = (check_number(value, "position") for value in position)
        left, top = x - anchor[0] * wide, y - anchor[1] * tall
    column, row = round(left), round(top)
    if not tile:
        return [(column, row)]
    across, down = (side + max(1, round(margin)) for side in (wide, tall))
    return [
        (x, y)
        for y in range(row % down - down, height, down)
        # Every other row is shifted by half, so that the copies do not line up in columns.
        for x in range((column + (y // down) % 2 * across // 2) % across - across, width, across)
    ]


def _put(layer: Floats, out: Image, left: int, top: int) -> None:
    """Lay premultiplied RGBA over a part of an image, in place; pixels that it leaves clear keep every bit."""
    height, width = out.shape[:2]
    y0, y1 = max(0, top), min(height, top + layer.shape[0])
    x0, x1 = max(0, left), min(width, left + layer.shape[1])
    if y0 >= y1 or x0 >= x1:
        return
    source = layer[y0 - top : y1 - top, x0 - left : x1 - left]
    touched = source[..., 3] > 0
    if not touched.any():
        return
    part = out[y0:y1, x0:x1]
    source, below = source[touched], as_float(part[touched])
    rest = 1 - source[:, 3:]
    if out.ndim == 2:
        mixed = source[:, 0] + below * rest[:, 0]
    elif out.shape[2] == 3:
        mixed = source[:, :3] + below * rest
    else:
        alpha = source[:, 3:] + below[:, 3:] * rest
        mixed = np.concatenate([(source[:, :3] + below[:, :3] * below[:, 3:] * rest) / alpha, alpha], axis=1)
    part[touched] = like(mixed, out.dtype)
