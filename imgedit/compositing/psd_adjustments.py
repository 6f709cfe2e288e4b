"""Adjustment layers of Photoshop documents: psd-tools' records become the callables of ``photoshop``."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.color import lab_to_srgb
from imgedit.compositing import photoshop
from imgedit.pixels import Image

__all__ = ["ADJUSTMENTS", "descriptor_color", "read_adjustment"]

Floats = NDArray[np.float32]


def descriptor_color(descriptor: Any) -> tuple[float, float, float]:
    """Read a colour descriptor of any colour space.

    Parameters
    ----------
    descriptor : psd_tools.psd.descriptor.Descriptor
        RGB, grey, HSB, Lab or CMYK.

    Returns
    -------
    tuple of float
        Encoded sRGB from 0 to 1.
    """
    from psd_tools.composite.paint import draw_solid_color_fill
    from psd_tools.constants import ColorMode
    from psd_tools.terminology import Key

    pixel, _ = draw_solid_color_fill((0, 0, 1, 1), ColorMode.RGB, {Key.Color: descriptor})
    red, green, blue = (float(v) for v in pixel[0, 0])
    return red, green, blue


def read_adjustment(record: Any) -> Callable[[Image], Image] | None:
    """Turn an adjustment layer's record into a callable on an image.

    Parameters
    ----------
    record : psd_tools.api.layers.Layer
        Any layer.

    Returns
    -------
    callable or None
        None for a layer that is no adjustment, or one of a kind that is not known.
    """
    return ADJUSTMENTS[record.kind](record) if record.kind in ADJUSTMENTS else None


def _levels(record: Any) -> Callable[[Image], Image]:
    tables = []
    for one in list(record.data or [])[:4]:
        values = (one.input_floor / 255, one.input_ceiling / 255, one.gamma / 100)
        plain = (*values, one.output_floor, one.output_ceiling) == (0, 1, 1, 0, 255)
        table = photoshop.levels_table(*values, one.output_floor / 255, one.output_ceiling / 255)
        tables.append(None if plain else table)
    return photoshop.ToneCurve(tables[1:4], tables[0]) if tables else photoshop.ToneCurve()


def _curves(record: Any) -> Callable[[Image], Image]:
    data = record.data
    found = {}
    if data is not None and data.extra is not None:
        found = {item.channel_id: item.points for item in data.extra}
    elif data is not None:
        channels = (
            [bit for bit in range(32) if data.count_map >> bit & 1] if data.version == 1 else range(data.count_map)
        )
        found = dict(zip(channels, data.data, strict=False))
    tables = {channel: _curve(points) for channel, points in found.items()}
    return photoshop.ToneCurve([tables.get(n) for n in (1, 2, 3)], tables.get(0))


def _curve(points: list[Any]) -> Floats | None:
    if points and isinstance(points[0], int):
        return np.array(points, np.float32) / np.float32(255)
    pairs = [(x / 255, y / 255) for y, x in points]
    return None if len(pairs) < 2 or pairs == [(0, 0), (1, 1)] else photoshop.curve_table(pairs)


def _exposure(record: Any) -> Callable[[Image], Image]:
    grey = record._psd.color_mode.name == "GRAYSCALE"
    # Photoshop's default grey profile, Dot Gain 20 %, is near an exponent of 1.75.
    table = photoshop.exposure_table(record.exposure, record.exposure_offset, record.gamma, 1.75 if grey else 2.2)
    return photoshop.ToneCurve(master=table)


def _brightness_contrast(record: Any) -> Callable[[Image], Image]:
    if record.use_legacy:
        return photoshop.ToneCurve(master=photoshop.brightness_contrast_table(record.brightness, record.contrast))
    # The curves of the newer kind are known from measurement only; psd-tools holds the measured ones.
    from psd_tools.composite.adjustments import apply_brightnesscontrast
    from psd_tools.constants import ColorMode

    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None] + np.float32(1e-6)
    values = apply_brightnesscontrast(np.repeat(ramp, 3, axis=2), ColorMode.RGB, record)
    return photoshop.ToneCurve(master=np.asarray(values[0, :, 0], np.float32))


def _invert(_: Any) -> Callable[[Image], Image]:
    return photoshop.ToneCurve(master=np.array([1, 0], np.float32))


def _posterize(record: Any) -> Callable[[Image], Image]:
    return photoshop.ToneCurve(master=photoshop.posterize_table(int(record.posterize)))


def _threshold(record: Any) -> Callable[[Image], Image]:
    return photoshop.Threshold(float(record.threshold))


def _hue_saturation(record: Any) -> Callable[[Image], Image]:
    colorize = bool(record.enable_colorization)
    hue, saturation, lightness = record.colorization if colorize else record.master
    ranges = tuple(
        (tuple(float(c) for c in corners), (h, s / 100, v / 100))
        for corners, (h, s, v) in record.data
        if (h, s, v) != (0, 0, 0)
    )
    return photoshop.HueSaturation(hue, saturation / 100, lightness / 100, colorize, () if colorize else ranges)


def _channel_mixer(record: Any) -> Callable[[Image], Image]:
    rest = record._data.unknown
    numbers = [*record.data, *struct.unpack(f">{len(rest) // 2}h", rest[: len(rest) // 2 * 2])]
    rows = [numbers[n : n + 5] for n in range(0, 15, 5)]
    weights = tuple((r / 100, g / 100, b / 100, c / 100) for r, g, b, _, c in rows if len(rows) == 3)
    return photoshop.ChannelMixer(weights[:1] if record.monochrome else weights)


def _gradient_map(record: Any) -> Callable[[Image], Image]:
    stops = [(stop.location / 4096, tuple(c / 65535 for c in stop.color[:3])) for stop in record.color_stops]
    if record.reversed:
        stops = [(1 - p, c) for p, c in reversed(stops)]
    return photoshop.ToneMap(tuple(p for p, _ in stops), tuple(c for _, c in stops))


def _black_and_white(record: Any) -> Callable[[Image], Image]:
    names = ("red", "yellow", "green", "cyan", "blue", "magenta")
    weights = tuple(getattr(record, name) / 100 for name in names)
    tint = descriptor_color(record.tint_color) if record.use_tint and record.tint_color is not None else None
    return photoshop.BlackWhite(weights, tint)


def _photo_filter(record: Any) -> Callable[[Image], Image] | None:
    if record.xyz is not None:
        # Version 3 stores Lab as 16.16 fixed point, chroma around 0.
        lab = np.array([struct.unpack(">i", struct.pack(">I", v))[0] / 65536 for v in record.xyz], np.float32)
        color = lab_to_srgb(lab)
    elif record.color_space == 7:
        lightness, a, b = record.color_components[:3]
        color = lab_to_srgb(np.array([lightness / 100, np.int16(a) / 100, np.int16(b) / 100], np.float32))
    elif record.color_space == 0:
        color = np.array(record.color_components[:3], np.float32) / np.float32(65535)
    else:
        return None
    red, green, blue = (float(v) for v in np.clip(color, 0, 1))
    return photoshop.PhotoFilter((red, green, blue), float(record.density) / 100, bool(record.luminosity))


def _selective_color(record: Any) -> Callable[[Image], Image]:
    changes = tuple(tuple(v / 100 for v in plate) for plate in record.data[1:10])
    return photoshop.SelectiveColor(changes, relative=record.method == 0)


def _color_balance(record: Any) -> Callable[[Image], Image]:
    shadows, midtones, highlights = (
        tuple(v / 255 for v in part) for part in (record.shadows, record.midtones, record.highlights)
    )
    return photoshop.ColorBalance(shadows, midtones, highlights, keeps_luma=bool(record.luminosity))


def _vibrance(record: Any) -> Callable[[Image], Image]:
    return photoshop.Vibrance(record.vibrance / 100, record.saturation / 100)


ADJUSTMENTS: dict[str, Callable[[Any], Callable[[Image], Image] | None]] = {
    "levels": _levels,
    "curves": _curves,
    "exposure": _exposure,
    "brightnesscontrast": _brightness_contrast,
    "invert": _invert,
    "posterize": _posterize,
    "threshold": _threshold,
    "huesaturation": _hue_saturation,
    "channelmixer": _channel_mixer,
    "gradientmap": _gradient_map,
    "blackandwhite": _black_and_white,
    "photofilter": _photo_filter,
    "selectivecolor": _selective_color,
    "colorbalance": _color_balance,
    "vibrance": _vibrance,
}
