"""Drawn pictures: what folders of landscapes lack. Text in several fonts, shapes, gradients, screens.

Fonts are those of Pillow, of matplotlib where it is installed, and of the system. None of these is needed: without any
other, all is written in Pillow's own.
"""

from __future__ import annotations

import functools
import importlib.util
import string
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

__all__ = ["KINDS", "draw", "fonts", "lettering"]

Picture = NDArray[np.uint8]
Size = tuple[int, int]

SYSTEM_FONTS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)
# Enough for variety; a system may have thousands.
MOST_FONTS = 40
WORDS = """
the of and to in is it you that was for on are with as his they be at one have this from or had by hot but some what
there we can out other were all your when up use word how said an each she which do their time if will way
Image Editing File Open Save Layer 1234 2026 100% 3.14 $9.99 No. A4 (see below) Photo by Total: 42,00 km/h
"""


def draw(rng: np.random.Generator, size: Size, kind: str | None = None) -> Picture:
    """Draw one picture.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : tuple of int
        Height and width, at least 16.
    kind : str, optional
        A name of `KINDS`; one of them by chance by default.

    Returns
    -------
    ndarray of uint8
        HxWx3.
    """
    names = list(KINDS)
    return KINDS[kind or names[int(rng.integers(len(names)))]](rng, size)


@functools.cache
def fonts() -> tuple[str, ...]:
    """Find fonts that can write plain letters.

    Returns
    -------
    tuple of str
        Paths, in order; "" stands for Pillow's own.
    """
    folders = [Path(folder) for folder in SYSTEM_FONTS]
    matplotlib = importlib.util.find_spec("matplotlib")
    if matplotlib is not None and matplotlib.origin is not None:
        folders.append(Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf")
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted([*folder.rglob("*.ttf"), *folder.rglob("*.otf")]):
            if path.name not in found and len(found) < MOST_FONTS and _writes_letters(path):
                found[path.name] = str(path)
    return ("", *found.values())


def _writes_letters(path: Path) -> bool:
    try:
        font = PIL.ImageFont.truetype(str(path), 20)
        # A font of symbols shows the same box for every letter.
        looks = {bytes(font.getmask(letter)) for letter in "aBg7"}
    except (OSError, ValueError):
        return False
    return len(looks) == 4


# A font object keeps its glyphs; 64 hold those of some batches.
@functools.lru_cache(64)
def _font(path: str, size: int) -> Any:
    return PIL.ImageFont.truetype(path, size) if path else PIL.ImageFont.load_default(size)


def _phrase(rng: np.random.Generator, words: int) -> str:
    known = WORDS.split()
    parts = [known[i] for i in rng.integers(0, len(known), words)]
    for index in np.flatnonzero(rng.random(words) < 0.15):
        letters = rng.choice(list(string.ascii_letters + string.digits), int(rng.integers(2, 9)))
        parts[index] = "".join(letters)
    return " ".join(parts)


def lettering(
    rng: np.random.Generator, size: Size, *, lines: int, size_range: tuple[float, float] = (0.05, 0.2)
) -> Picture:
    """Write lines of text at random places.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : tuple of int
        Height and width.
    lines : int
        How many.
    size_range : tuple of float
        Range of the height of letters, as a share of the shorter side.

    Returns
    -------
    ndarray of uint8
        HxW, ink at 255.
    """
    canvas = PIL.Image.new("L", size[::-1])
    pen = PIL.ImageDraw.Draw(canvas)
    for _ in range(lines):
        height = max(8, int(min(size) * rng.uniform(*size_range)))
        font = _font(_choose(rng), height)
        at = (int(rng.integers(-height, size[1] // 2)), int(rng.integers(-height // 2, size[0])))
        pen.text(at, _phrase(rng, int(rng.integers(1, 8))), fill=255, font=font)
    return np.asarray(canvas)


def _choose(rng: np.random.Generator) -> str:
    known = fonts()
    return known[int(rng.integers(len(known)))]


def _color(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    return red, green, blue


def _contrasting(rng: np.random.Generator, ground: tuple[int, int, int]) -> tuple[int, int, int]:
    """Draw a colour that can be read on a ground."""
    if rng.random() < 0.5:
        return (20, 20, 20) if sum(ground) > 380 else (240, 240, 240)
    while True:
        color = _color(rng)
        if abs(sum(color) - sum(ground)) > 200:
            return color


def _page(rng: np.random.Generator, size: Size) -> Picture:
    """Lines of text of one or two sizes, as on paper."""
    ground = [(255, 255, 255), (250, 246, 235), (24, 26, 30), _color(rng)][int(rng.integers(4))]
    ink = _contrasting(rng, ground)
    canvas = PIL.Image.new("RGB", size[::-1], ground)
    pen = PIL.ImageDraw.Draw(canvas)
    path, height = _choose(rng), int(rng.integers(9, 34))
    top, left = int(rng.integers(-height, height)), int(rng.integers(-40, 24))
    while top < size[0]:
        if rng.random() < 0.15:
            path, height = _choose(rng), int(rng.integers(9, 60))
        pen.text((left, top), _phrase(rng, size[1] // (3 * height) + 4), fill=ink, font=_font(path, height))
        top += int(height * 1.3) + 1
    return np.array(canvas)


def _gradient(rng: np.random.Generator, size: Size) -> Picture:
    """Soft grounds: a few colours that flow into each other."""
    coarse = rng.integers(0, 256, (int(rng.integers(2, 5)), int(rng.integers(2, 5)), 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC))


def _shapes(rng: np.random.Generator, size: Size) -> Picture:
    """Discs, polygons and lines on a soft ground, with smooth edges."""
    # Drawn at twice the size and reduced: edges as smooth as a renderer's.
    picture = _gradient(rng, (2 * size[0], 2 * size[1]))
    height, width = picture.shape[:2]
    for _ in range(int(rng.integers(4, 16))):
        middle = (int(rng.integers(width)), int(rng.integers(height)))
        reach = int(rng.integers(6, max(8, min(height, width) // 3)))
        color, kind = _color(rng), int(rng.integers(4))
        if kind == 0:
            cv2.circle(picture, middle, reach, color, -1, cv2.LINE_AA)
        elif kind == 1:
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
            points = np.stack([np.cos(angles), np.sin(angles)], 1) * reach + middle
            cv2.fillPoly(picture, [points.astype(np.int32)], color, cv2.LINE_AA)
        elif kind == 2:
            end = (int(rng.integers(width)), int(rng.integers(height)))
            cv2.line(picture, middle, end, color, int(rng.integers(1, 12)), cv2.LINE_AA)
        else:
            axes = (reach, max(2, int(reach * rng.random())))
            cv2.ellipse(picture, middle, axes, rng.uniform(0, 180), 0, 360, color, int(rng.integers(1, 8)), cv2.LINE_AA)
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA))


def _pattern(rng: np.random.Generator, size: Size) -> Picture:
    """Stripes, checks and rings: regular detail up to the finest."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    turn, period = rng.uniform(0, np.pi), rng.uniform(3, 40)
    along = x * np.cos(turn) + y * np.sin(turn)
    across = -x * np.sin(turn) + y * np.cos(turn)
    kind = int(rng.integers(3))
    if kind == 0:
        wave = np.sin(2 * np.pi * along / period)
    elif kind == 1:
        wave = np.sin(2 * np.pi * along / period) * np.sin(2 * np.pi * across / period)
    else:
        wave = np.sin(2 * np.pi * np.hypot(x - rng.uniform(0, size[1]), y - rng.uniform(0, size[0])) / period)
    # Steep for hard edges, which stay smooth over about a pixel.
    share = np.clip(0.5 + wave * (period / 6 if rng.random() < 0.6 else 0.5), 0, 1)[..., None]
    mixed = share * np.array(_color(rng), np.float32) + (1 - share) * np.array(_color(rng), np.float32)
    return np.asarray(np.rint(mixed), np.uint8)


def _screen(rng: np.random.Generator, size: Size) -> Picture:
    """Panels, bars, buttons, lists and thin lines, as programs and pages show them."""
    dark = rng.random() < 0.4
    ground = (32, 34, 38) if dark else (246, 247, 249)
    canvas = PIL.Image.new("RGB", size[::-1], ground)
    pen = PIL.ImageDraw.Draw(canvas)
    accent, path, height = _color(rng), _choose(rng), int(rng.integers(9, 18))
    ink, line = ((225, 225, 228), (70, 72, 78)) if dark else ((35, 35, 40), (205, 208, 214))
    font = _font(path, height)
    bar = int(rng.integers(0, 3 * height))
    pen.rectangle((0, 0, size[1], bar), fill=accent)
    pen.text((8, bar // 2 - height // 2), _phrase(rng, 4), fill=_contrasting(rng, accent), font=font)
    top = bar + 6
    while top < size[0]:
        left = int(rng.integers(0, 12))
        while left < size[1]:
            left += _widget(rng, pen, (left, top), (accent, ink, line), font, height) + 8
        top += 2 * height + int(rng.integers(2, 10))
    return np.array(canvas)


def _widget(
    rng: np.random.Generator, pen: Any, at: tuple[int, int], colors: tuple[Any, Any, Any], font: Any, height: int
) -> int:
    """Draw a button, field, icon, rule or label; give its width."""
    left, top = at
    accent, ink, line = colors
    label, kind = _phrase(rng, int(rng.integers(1, 3))), int(rng.integers(5))
    wide = int(pen.textlength(label, font=font)) + 16
    box = (left, top, left + wide, top + height + 8)
    if kind == 0:
        pen.rounded_rectangle(box, radius=int(rng.integers(0, 8)), fill=accent)
        pen.text((left + 8, top + 3), label, fill=_contrasting(rng, accent), font=font)
    elif kind == 1:
        pen.rectangle(box, outline=line)
        pen.text((left + 8, top + 3), label, fill=ink, font=font)
    elif kind == 2:
        wide = height + 6
        pen.ellipse((left, top, left + wide, top + wide), fill=_color(rng), outline=line)
    elif kind == 3:
        pen.line((left, top + height, left + wide, top + height), fill=line)
    else:
        pen.text((left, top + 3), label, fill=ink, font=font)
    return wide


def _caption(rng: np.random.Generator, size: Size) -> Picture:
    """Large letters, one colour on another or on a pattern."""
    ground = KINDS[("gradient", "shapes", "pattern")[int(rng.integers(3))]](rng, size)
    ink = (
        lettering(rng, size, lines=int(rng.integers(1, 6)), size_range=(0.08, 0.35)).astype(np.float32)[..., None] / 255
    )
    mixed = ground * (1 - ink) + np.array(_color(rng), np.float32) * ink
    return np.asarray(np.rint(mixed), np.uint8)


KINDS = {
    "page": _page,
    "screen": _screen,
    "caption": _caption,
    "shapes": _shapes,
    "pattern": _pattern,
    "gradient": _gradient,
}
