"""Colours: spaces to compute in (``spaces``, ``hexcone``), values as people write them, kinds of images."""

from imgedit.color.conversion import convert
from imgedit.color.hexcone import hsl_to_rgb, hsv_to_rgb, rgb_to_hsl, rgb_to_hsv
from imgedit.color.spaces import (
    lab_to_srgb,
    lch_to_srgb,
    linear_to_oklab,
    linear_to_srgb,
    luma,
    luminance,
    oklab_to_linear,
    oklab_to_srgb,
    oklch_to_srgb,
    srgb_to_lab,
    srgb_to_lch,
    srgb_to_linear,
    srgb_to_oklab,
    srgb_to_oklch,
)
from imgedit.color.values import Color, parse_color

__all__ = [
    "Color",
    "convert",
    "hsl_to_rgb",
    "hsv_to_rgb",
    "lab_to_srgb",
    "lch_to_srgb",
    "linear_to_oklab",
    "linear_to_srgb",
    "luma",
    "luminance",
    "oklab_to_linear",
    "oklab_to_srgb",
    "oklch_to_srgb",
    "parse_color",
    "rgb_to_hsl",
    "rgb_to_hsv",
    "srgb_to_lab",
    "srgb_to_lch",
    "srgb_to_linear",
    "srgb_to_oklab",
    "srgb_to_oklch",
]
