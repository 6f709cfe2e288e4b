"""Kinds of images: what is kept stays bit for bit, what can't be kept is refused."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest
from pictures import KINDS, photo

import imgedit as ie


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_nothing_asked_is_nothing_done(dtype, channels):
    image = photo(dtype, channels)
    result = ie.convert(image)
    np.testing.assert_array_equal(result, image)
    assert result is not image


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_depths_are_those_of_the_converters(channels):
    for dtype in (np.uint8, np.uint16, np.float32):
        image = photo(dtype, channels)
        np.testing.assert_array_equal(ie.convert(image, depth=8), ie.to_uint8(image))
        np.testing.assert_array_equal(ie.convert(image, depth=16), ie.to_uint16(image))
        np.testing.assert_array_equal(ie.convert(image, depth=32), ie.to_float(image))


def test_more_channels_and_back_is_nothing():
    grey, color = photo(channels=1), photo()
    np.testing.assert_array_equal(ie.convert(ie.convert(grey, channels="rgba"), channels="grey"), grey)
    np.testing.assert_array_equal(ie.convert(ie.convert(color, channels="rgba"), channels="rgb"), color)
    assert ie.convert(grey, channels="rgba")[..., 3].min() == 255


def test_grey_is_pillows_to_a_level():
    image = photo()
    expected = np.asarray(PIL.Image.fromarray(image).convert("L")).astype(int)
    assert np.abs(ie.convert(image, channels="grey", weights="bt601") - expected).max() <= 1
    np.testing.assert_array_equal(ie.convert(image, channels="grey", depth=32), ie.luma(image))


def test_transparency_is_never_dropped_silently():
    image = photo(np.float32, 4)
    for channels in ("rgb", "grey"):
        with pytest.raises(ie.errors.ImageError, match="background="):
            ie.convert(image, channels=channels)
    laid = ie.convert(image, background="tomato")
    np.testing.assert_allclose(laid, ie.flatten([ie.Layer(image)], background="tomato")[..., :3], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": "gray"}, "valid names: grey, rgb, rgba"),
        ({"depth": 12}, "give 8 or 16"),
        ({"weights": "rec709"}, "bt709"),
        ({"background": "#fff8"}, "not opaque"),
    ],
)
def test_what_there_is_not_is_refused(options, words):
    with pytest.raises(ie.errors.ArgumentError, match=words):
        ie.convert(photo(channels=4), **options)


def test_nan_is_no_integer():
    image = photo(np.float32)
    image[0, 0] = np.nan
    with pytest.raises(ie.errors.ImageError, match="NaN"):
        ie.convert(image, depth=8)
    assert np.isnan(ie.convert(image, channels="rgba")[0, 0, 0])
