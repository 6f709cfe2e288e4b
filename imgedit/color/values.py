"""Colour values as people write them: ``"#ff6347"``, ``"tomato"``, ``"hsl(9 100% 64%)"``, ``(1, 0.39, 0.28)``.

Source: CSS Color Module Level 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgedit.color.hexcone import hsl_to_rgb
from imgedit.color.spaces import Floats, oklab_to_srgb, oklch_to_srgb
from imgedit.errors import ArgumentError
from imgedit.tables import advice

__all__ = ["Color", "parse_color"]

Color: TypeAlias = str | tuple[float, ...]
"""``"#rgb"``, ``"#rgba"``, ``"#rrggbb"``, ``"#rrggbbaa"``, a CSS name or function, or 1, 3 or 4 floats from 0 to 1."""


def parse_color(color: Color, *, name: str = "color") -> Floats:
    """Read a colour as people write it.

    Parameters
    ----------
    color : str or tuple of float
        ``"#rgb"``, ``"#rgba"``, ``"#rrggbb"``, ``"#rrggbbaa"``; a CSS name (``"tomato"``, ``"transparent"``); a CSS
        function (``"rgb(255 99 71 / 50%)"``, ``"hsl(9 100% 64%)"``, ``"oklch(0.7 0.17 33)"``, ``oklab``); or 1 (grey),
        3 or 4 (with alpha) floats from 0 to 1.
    name : str
        What the caller calls the colour, for errors.

    Returns
    -------
    ndarray of float32
        Red, green, blue, alpha from 0 to 1; encoded sRGB, straight alpha.

    Raises
    ------
    ArgumentError
        Not a colour, or numbers out of range.

    References
    ----------
    CSS Color Module Level 4.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.parse_color("#ff800080").round(3).tolist()
    [1.0, 0.501..., 0.0, 0.501...]
    """
    if isinstance(color, str):
        return _parse_text(color, name)
    remedy = "give '#rrggbb', a CSS name, or 1, 3 or 4 numbers from 0 to 1"
    try:
        values = np.asarray(color, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(name, f"is {color!r}", remedy) from None
    if values.shape not in ((1,), (3,), (4,)):
        raise ArgumentError(name, f"is {color!r}", remedy)
    if not ((values >= 0) & (values <= 1)).all():  # written so that NaN is refused too
        raise ArgumentError(name, f"is {color!r}", "numbers go from 0 to 1: divide by 255, or write '#rrggbb'")
    return _rgba(values if values.size > 1 else values.repeat(3))


def _rgba(values: Sequence[float] | NDArray[Any], alpha: float = 1.0) -> Floats:
    return np.array([*values, alpha][:4], np.float32)


def _parse_text(text: str, name: str) -> Floats:
    plain = text.strip().lower()
    if plain.startswith("#"):
        return _parse_hex(plain, text, name)
    if plain == "transparent":
        return _rgba((0, 0, 0), 0)
    call = re.fullmatch(r"(\w+)\((.*)\)", plain)
    if call:
        return _parse_call(call[1], re.findall(r"[^\s,/]+", call[2]), text, name)
    # Pillow keeps the table of the 148 CSS names; it is asked only when a name is used.
    from PIL.ImageColor import colormap

    if plain not in colormap:
        raise ArgumentError(name, f"is {text!r}", f"give '#rrggbb' or a CSS name; {_near(plain, list(colormap))}")
    value = colormap[plain]
    if isinstance(value, str):
        return _parse_hex(value, text, name)
    return _rgba([level / 255 for level in value])  # Pillow has met the name before, and keeps its levels instead


def _near(word: str, names: list[str]) -> str:
    hint = advice(word, names).partition("valid names")[0].strip()
    return hint or "names have no spaces: 'darkorange'"


def _parse_hex(plain: str, text: str, name: str) -> Floats:
    digits = plain[1:]
    if not re.fullmatch(r"[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8}", digits):
        raise ArgumentError(name, f"is {text!r}", "after # stand 3, 4, 6 or 8 hexadecimal digits: '#rrggbb'")
    if len(digits) < 6:
        digits = "".join(digit * 2 for digit in digits)
    return _rgba([value / 255 for value in bytes.fromhex(digits)])


def _parse_call(function: str, words: list[str], text: str, name: str) -> Floats:
    spaces: dict[str, tuple[tuple[float, float, float], Callable[[Floats], Floats] | None]] = {
        # What a plain number counts in and what 100% is worth, and the way to sRGB.
        "rgb": ((255, 255, 255), None),
        "hsl": ((1, 100, 100), hsl_to_rgb),
        "oklab": ((1, 1, 1), oklab_to_srgb),
        "oklch": ((1, 1, 1), oklch_to_srgb),
    }
    kind = function.removesuffix("a") if function in ("rgba", "hsla") else function
    example = "'rgb(255 99 71)', 'hsl(9 100% 64%)', 'oklab(0.7 0.1 0.1)' or 'oklch(0.7 0.17 33)'"
    if kind not in spaces or len(words) not in (3, 4):
        raise ArgumentError(name, f"is {text!r}", f"write {example}, with '/ 50%' for alpha")
    units, convert = spaces[kind]
    # In Oklab, 100% of a, b or chroma stands for 0.4 (CSS Color 4, 9.1).
    percents = (1, 0.4, 0.4) if kind in ("oklab", "oklch") else (1, 1, 1)
    try:
        values = [_part(word, unit, percent) for word, unit, percent in zip(words, units, percents, strict=False)]
        alpha = _part(words[3], 1, 1) if len(words) == 4 else 1.0
    except ValueError:
        raise ArgumentError(name, f"is {text!r}", f"write {example}, with '/ 50%' for alpha") from None
    rgb = np.array(values, np.float32)
    rgb = rgb if convert is None else convert(rgb)
    return np.clip(_rgba(rgb, alpha), 0, 1)  # a colour that sRGB can't show is cut, as CSS does with rgb()


def _part(word: str, unit: float, percent: float) -> float:
    if word.endswith("%"):
        return float(word[:-1]) / 100 * percent
    return float(word.removesuffix("deg")) / unit
