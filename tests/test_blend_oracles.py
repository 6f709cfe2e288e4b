"""blend() against Pillow, libvips and psd-tools; where they differ by design or are wrong, it is said why."""

from __future__ import annotations

import naive_blend as naive
import numpy as np
import pytest

import imgedit as ie

PIL = pytest.importorskip("PIL")
from PIL import Image, ImageChops  # noqa: E402


def rgba(seed, size=(37, 41), channels=4):
    return np.random.default_rng(seed).integers(0, 256, (*size, channels), np.uint8)


def off(got, want):
    return abs(np.asarray(got).astype(int) - np.asarray(want).astype(int))


def premultiplied(image):
    return np.rint(image[..., :3] * (image[..., 3:] / 255.0))


def test_pillow_alpha_composite():
    b, s = rgba(1), rgba(2)
    b[:5, :, 3], s[:, :5, 3], s[:, 5:9, 3] = 255, 0, 255
    want = np.asarray(Image.alpha_composite(Image.fromarray(b), Image.fromarray(s)))
    got = ie.blend(b, s)
    seen = want[..., 3] > 0  # where all is clear, Pillow gives 0 and we the backdrop's hidden colour
    assert off(got, want)[seen].max() <= 1  # Pillow works with 15 bits


CHOPS = {
    "multiply": ImageChops.multiply,
    "screen": ImageChops.screen,
    "darken": ImageChops.darker,
    "lighten": ImageChops.lighter,
    "difference": ImageChops.difference,
    "linear-dodge": ImageChops.add,
    "subtract": ImageChops.subtract,
    "add-modulo": ImageChops.add_modulo,
    "subtract-modulo": ImageChops.subtract_modulo,
    "overlay": ImageChops.overlay,
    "hard-light": ImageChops.hard_light,
    "soft-light:pegtop": ImageChops.soft_light,
}


@pytest.mark.parametrize("mode", CHOPS)
def test_pillow_chops(mode):
    b, s = rgba(3, channels=3), rgba(4, channels=3)
    want = CHOPS[mode](Image.fromarray(b), Image.fromarray(s))
    # Pillow truncates where we round, and in the last three it divides by 127 where the half of white is 127.5.
    assert off(ie.blend(b, s, mode), want).max() <= (2 if mode in ("overlay", "hard-light", "soft-light:pegtop") else 1)


VIPS_OPERATORS = {
    "clear": "clear",
    "source": "source",
    "source-over": "over",
    "source-in": "in",
    "source-out": "out",
    "destination": "dest",
    "destination-over": "dest-over",
    "destination-in": "dest-in",
    "destination-out": "dest-out",
    "xor": "xor",
    "plus": "add",
}
VIPS_MODES = {
    "multiply": "multiply",
    "screen": "screen",
    "overlay": "overlay",
    "darken": "darken",
    "lighten": "lighten",
    "color-dodge": "colour-dodge",
    "color-burn": "colour-burn",
    "hard-light": "hard-light",
    "soft-light": "soft-light",
    "difference": "difference",
    "exclusion": "exclusion",
}


def vips(b, s, mode):
    pyvips = pytest.importorskip("pyvips")
    images = [pyvips.Image.new_from_array(x, interpretation="srgb") for x in (b, s)]
    return images[0].composite2(images[1], mode).numpy()


@pytest.mark.parametrize("operator", VIPS_OPERATORS)
def test_vips_operators(operator):
    b, s = rgba(5), rgba(6)
    want = vips(b, s, VIPS_OPERATORS[operator])
    got = ie.blend(b, s, operator=operator)
    # libvips gives floats cut to 8 bit, so both sides may be a level apart; colour is compared as it is seen.
    assert off(got[..., 3], np.clip(want[..., 3], 0, 255)).max() <= 1
    assert off(premultiplied(got), premultiplied(np.clip(want, 0, 255).astype(np.uint8))).max() <= 2


@pytest.mark.parametrize("operator", ["source-atop", "destination-atop"])
def test_vips_atop_is_off_and_porter_and_duff_are_right(operator):
    b, s = rgba(7), rgba(8)
    got = ie.blend(b, s, operator=operator)
    want = naive.image(naive.composite, b / 255, s / 255, "normal", operator)
    assert off(got, np.rint(want * 255)).max() <= 1
    name = {"source-atop": "atop", "destination-atop": "dest-atop"}[operator]
    theirs = np.clip(vips(b, s, name), 0, 255).astype(np.uint8)
    # If this ever fails, libvips was mended and the pair belongs into the table above.
    assert off(premultiplied(theirs), premultiplied(got)).max() > 10


@pytest.mark.parametrize("mode", VIPS_MODES)
def test_vips_modes_on_opaque_images(mode):
    b, s = rgba(9, channels=3), rgba(10, channels=3)
    # Only opaque: with alpha libvips puts premultiplied values into the formulas, which W3C does not.
    got, want = ie.blend(b, s, mode), vips(b, s, VIPS_MODES[mode])[..., :3]
    wrong = off(got, want) > 1
    assert not wrong.any(), (b[wrong][:4], s[wrong][:4], got[wrong][:4], want[wrong][:4])


PSD_MODES = {
    "normal": "normal",
    "multiply": "multiply",
    "screen": "screen",
    "overlay": "overlay",
    "darken": "darken",
    "lighten": "lighten",
    "color-dodge": "color_dodge",
    "color-burn": "color_burn",
    "linear-dodge": "linear_dodge",
    "linear-burn": "linear_burn",
    "hard-light": "hard_light",
    "soft-light": "soft_light",
    "vivid-light": "vivid_light",
    "linear-light": "linear_light",
    "pin-light": "pin_light",
    "hard-mix": "hard_mix",
    "difference": "difference",
    "exclusion": "exclusion",
    "subtract": "subtract",
    "divide": "divide",
    "hue": "hue",
    "saturation": "saturation",
    "color": "color",
    "luminosity": "luminosity",
    "darker-color": "darker_color",
    "lighter-color": "lighter_color",
}


@pytest.mark.parametrize("mode", PSD_MODES)
def test_psd_tools_formulas(mode):
    formulas = pytest.importorskip("psd_tools.composite.blend")
    b, s = (ie.to_float(rgba(seed, channels=3)) for seed in (11, 12))
    corners = np.float32([0, 0.25, 0.5, 0.75, 1])
    b[:5, :5], s[:5, :5] = corners[:, None, None], corners[None, :, None]
    want = getattr(formulas, PSD_MODES[mode])(b, s)
    np.testing.assert_allclose(ie.blend(b, s, mode), want, atol=2e-5)  # its divisors carry an epsilon


@pytest.mark.parametrize(
    ("mode", "b", "s", "want"),
    [
        # W3C Compositing 1: the piecewise definitions at and around their joints.
        ("color-dodge", 0.0, 1.0, 0.0),
        ("color-dodge", 0.2, 1.0, 1.0),
        ("color-dodge", 0.25, 0.5, 0.5),
        ("color-burn", 1.0, 0.0, 1.0),
        ("color-burn", 0.9, 0.0, 0.0),
        ("color-burn", 0.75, 0.5, 0.5),
        ("soft-light", 0.25, 1.0, 0.5),
        ("soft-light", 0.0625, 1.0, 0.20703125),
        ("soft-light", 0.64, 1.0, 0.8),
        ("soft-light", 0.5, 0.0, 0.25),
        ("hard-light", 0.4, 0.75, 0.7),
        ("overlay", 0.25, 0.4, 0.2),
        ("exclusion", 0.75, 0.5, 0.5),
    ],
)
def test_values_worked_out_by_hand_from_the_specification(mode, b, s, want):
    got = ie.blend(np.full((1, 1), b, np.float32), np.full((1, 1), s, np.float32), mode)
    assert got[0, 0] == pytest.approx(want, abs=1e-6)


def test_the_example_of_the_specification_on_group_alpha():
    """W3C 5.1, simple alpha compositing: a half red on a half blue, 0.75 of alpha, two parts red to one part blue."""
    blue, red = np.float32([[[0, 0, 1, 0.5]]]), np.float32([[[1, 0, 0, 0.5]]])
    np.testing.assert_allclose(ie.blend(blue, red)[0, 0], [2 / 3, 0, 1 / 3, 0.75], atol=1e-6)
