"""Colour spaces and colour values."""

from __future__ import annotations

import cv2
import numpy as np
import PIL.ImageColor
import pytest
import skimage.color

import imgedit as ie

RNG = np.random.default_rng(0)
SHOWN = RNG.random((16, 16, 3)).astype(np.float32)
BEYOND = RNG.uniform(-0.5, 2, (16, 16, 3)).astype(np.float32)

PAIRS = [
    ("srgb_to_linear", "linear_to_srgb"),
    ("linear_to_oklab", "oklab_to_linear"),
    ("srgb_to_oklab", "oklab_to_srgb"),
    ("srgb_to_oklch", "oklch_to_srgb"),
    ("srgb_to_lab", "lab_to_srgb"),
    ("srgb_to_lch", "lch_to_srgb"),
]


@pytest.mark.parametrize(("there", "back"), [*PAIRS, ("rgb_to_hsl", "hsl_to_rgb"), ("rgb_to_hsv", "hsv_to_rgb")])
@pytest.mark.parametrize("values", [SHOWN, BEYOND], ids=["shown", "beyond"])
def test_back_again(there, back, values):
    result = getattr(ie, back)(getattr(ie, there)(values))
    assert result.dtype == np.float32
    # float32 through a cube root, two matrices and a power of 2.4.
    np.testing.assert_allclose(result, values, atol=2e-4)


@pytest.mark.parametrize(("there", "_back"), [*PAIRS, ("rgb_to_hsl", ""), ("rgb_to_hsv", "")])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_alpha_is_kept_as_a_fraction(there, _back, dtype):
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    image = (RNG.random((5, 6, 4)) * white).astype(dtype)
    result = getattr(ie, there)(image)
    np.testing.assert_allclose(result[..., 3], image[..., 3] / np.float64(white), atol=1e-7)
    np.testing.assert_allclose(
        result[..., :3], getattr(ie, there)(np.ascontiguousarray(image[..., :3])), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transfer_curve_is_the_standards(dtype):
    white = np.iinfo(dtype).max
    levels = np.arange(white + 1, dtype=dtype)
    encoded = levels / np.float64(white)
    exact = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(ie.srgb_to_linear(levels), exact, rtol=2e-6)
    np.testing.assert_array_equal(np.rint(ie.linear_to_srgb(ie.srgb_to_linear(levels)) * white), levels)


def test_transfer_curve_is_odd():
    values = np.linspace(0, 3, 50, dtype=np.float32)
    np.testing.assert_array_equal(ie.srgb_to_linear(-values), -ie.srgb_to_linear(values))
    np.testing.assert_array_equal(ie.linear_to_srgb(-values), -ie.linear_to_srgb(values))


def test_oklab_gives_the_values_of_its_paper():
    # Ottosson 2020, table of XYZ and Lab pairs: (X, Y, Z) -> (L, a, b), to three decimals.
    # IEC 61966-2-1, XYZ to linear sRGB.
    to_rgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    for xyz, lab in [((0.950, 1.000, 1.089), (1, 0, 0)), ((1, 0, 0), (0.450, 1.236, -0.019))]:
        linear = (to_rgb @ xyz).astype(np.float32)
        # The paper's matrix for linear sRGB was rounded from one for XYZ: they agree to about 3e-3 far outside of sRGB.
        np.testing.assert_allclose(ie.linear_to_oklab(linear), lab, atol=5e-3)


def test_css_values_of_oklch():
    # CSS Color 4 gives red as oklch(62.8% 0.2577 29.23) and lime as oklch(86.64% 0.2948 142.5).
    np.testing.assert_allclose(ie.srgb_to_oklch(np.array([1.0, 0, 0])), [0.628, 0.2577, 29.23], rtol=1e-3)
    np.testing.assert_allclose(ie.srgb_to_oklch(np.array([0, 1.0, 0])), [0.8664, 0.2948, 142.5], rtol=1e-3)


def test_lab_is_scikit_images():
    # scikit-image's matrix and white are rounded to six and five digits.
    np.testing.assert_allclose(ie.srgb_to_lab(SHOWN), skimage.color.rgb2lab(SHOWN), atol=0.03)
    white = ie.srgb_to_lab(np.ones(3))
    np.testing.assert_allclose(white, [100, 0, 0], atol=1e-4)


def test_hsv_is_scikit_images_and_hsl_is_opencvs():
    np.testing.assert_allclose(ie.rgb_to_hsv(SHOWN) / [360, 1, 1], skimage.color.rgb2hsv(SHOWN), atol=1e-6)
    np.testing.assert_allclose(ie.rgb_to_hsl(SHOWN), cv2.cvtColor(SHOWN, cv2.COLOR_RGB2HLS)[..., [0, 2, 1]], atol=1e-4)


def test_greys_have_no_hue():
    grey = np.repeat(np.linspace(0, 1, 9, dtype=np.float32)[:, None], 3, axis=1)
    assert not ie.rgb_to_hsl(grey)[:, :2].any()
    assert not ie.rgb_to_hsv(grey)[:, :2].any()
    assert np.abs(ie.srgb_to_oklab(grey)[:, 1:]).max() < 1e-6


def test_luma_and_luminance():
    np.testing.assert_allclose(ie.luma(SHOWN, standard="bt601"), cv2.cvtColor(SHOWN, cv2.COLOR_RGB2GRAY), atol=1e-6)
    np.testing.assert_allclose(ie.luma(SHOWN), skimage.color.rgb2gray(SHOWN), atol=2e-4)  # weights of 4 digits
    np.testing.assert_allclose(ie.luminance(SHOWN), ie.srgb_to_linear(SHOWN) @ [0.2126, 0.7152, 0.0722], atol=1e-6)
    grey = SHOWN[..., 0].copy()
    np.testing.assert_array_equal(ie.luma(grey), grey)
    assert ie.luma(np.zeros((3, 4, 4), np.uint8)).shape == (3, 4)


@pytest.mark.parametrize("bad", [np.zeros((4, 4), np.int32), np.zeros((4, 5), np.float32), [1, 2, 3]])
def test_wrong_arrays_are_refused(bad):
    with pytest.raises(ie.errors.ImageError) as caught:
        ie.srgb_to_oklab(bad)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#f80", (255, 136, 0, 255)),
        ("#F808", (255, 136, 0, 136)),
        ("#ff8000", (255, 128, 0, 255)),
        ("#ff800080", (255, 128, 0, 128)),
        ("tomato", (255, 99, 71, 255)),
        (" DarkOrange ", (255, 140, 0, 255)),
        ("rebeccapurple", (102, 51, 153, 255)),
        ("transparent", (0, 0, 0, 0)),
        ("rgb(255, 99, 71)", (255, 99, 71, 255)),
        ("rgb(255 99 71 / 40%)", (255, 99, 71, 102)),
        ("rgb(100% 0% 20%)", (255, 0, 51, 255)),
        ("rgba(0,0,0,.2)", (0, 0, 0, 51)),
        ("hsl(120deg 100% 25%)", (0, 128, 0, 255)),
        ("oklch(0.628 0.2577 29.23)", (255, 0, 0, 255)),
        ("oklab(100% 0 0)", (255, 255, 255, 255)),
        ((0.2,), (51, 51, 51, 255)),
        ((1, 0, 0), (255, 0, 0, 255)),
        ((0.0, 0.2, 0.4, 0.6), (0, 51, 102, 153)),
    ],
)
def test_colours_are_read(text, expected):
    result = ie.parse_color(text)
    assert result.shape == (4,)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result * 255, expected, atol=0.6)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ("#12", "#rrggbb"),
        ("#ggg", "hexadecimal"),
        ("tomatoe", "'tomato'"),
        ("dark orange", "'darkorange'"),
        ((255, 0, 0), "divide by 255"),
        ((0.5, float("nan"), 0), "0 to 1"),
        ((0.1, 0.2), "1, 3 or 4"),
        (None, "#rrggbb"),
        (0.5, "#rrggbb"),
        ("rgb(1)", "rgb(255 99 71)"),
        ("lab(1 2 3)", "oklab"),
        ("rgb(a b c)", "rgb(255 99 71)"),
    ],
)
def test_what_is_no_colour_is_refused_with_a_remedy(bad, word):
    with pytest.raises(ie.errors.ArgumentError) as caught:
        ie.parse_color(bad, name="stroke")
    assert str(caught.value).startswith("stroke is ")
    assert word in str(caught.value)


def test_names_that_pillow_has_met_are_the_same():
    before = ie.parse_color("rebeccapurple")
    assert PIL.ImageColor.getrgb("rebeccapurple") == (102, 51, 153)
    np.testing.assert_array_equal(ie.parse_color("rebeccapurple"), before)
