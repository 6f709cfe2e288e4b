from __future__ import annotations

import numpy as np
import pytest
from pictures import KINDS, photo

import imgedit as ie


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
@pytest.mark.parametrize("axis", ["horizontal", "vertical"])
def test_flip_twice_is_nothing(dtype, channels, axis):
    image = photo(dtype, channels)
    once = ie.flip(image, axis)
    np.testing.assert_array_equal(once, image[:, ::-1] if axis == "horizontal" else image[::-1])
    np.testing.assert_array_equal(ie.flip(once, axis), image)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_crop_undoes_pad(dtype, channels):
    image = photo(dtype, channels)
    for border in ("background", "edge", "reflect", "wrap"):
        padded = ie.pad(image, (3, 1, 4, 2), border=border)
        assert padded.shape[:2] == (43, 63)
        np.testing.assert_array_equal(ie.crop(padded, (3, 1, 59, 41)), image)


@pytest.mark.parametrize(("border", "numpy_mode"), [("edge", "edge"), ("reflect", "symmetric"), ("wrap", "wrap")])
def test_borders_equal_numpys(border, numpy_mode):
    image = photo(np.uint16, 1, (5, 4))
    # Wider than the image, so that it is folded several times.
    expected = np.pad(image, ((9, 6), (11, 13)), mode=numpy_mode)
    np.testing.assert_array_equal(ie.pad(image, (11, 9, 13, 6), border=border), expected)


def test_pad_colours():
    image = photo(np.uint8, 3, (2, 2))
    np.testing.assert_array_equal(ie.pad(image, 1, background="#ff8000")[0, 0], (255, 128, 0))
    np.testing.assert_array_equal(ie.pad(image, 1)[0, 0], (0, 0, 0))
    clear = photo(np.uint8, 4, (2, 2))
    np.testing.assert_array_equal(ie.pad(clear, 1)[0, 0], (0, 0, 0, 0))
    np.testing.assert_array_equal(ie.pad(clear, 1, background="#11223380")[0, 0], (17, 34, 51, 128))
    np.testing.assert_array_equal(ie.pad(photo(np.float32, 1), 1, background="white")[0, 0], 1)


def test_crop_beyond_the_image():
    image = photo(np.uint8, 1, (4, 5))
    window = ie.crop(image, (-2, 1, 3, 7), outside="edge")
    np.testing.assert_array_equal(window, np.pad(image, ((0, 3), (2, 0)), mode="edge")[1:7, :5])
    assert not ie.crop(image, (9, 9, 12, 12), outside="background").any()


def test_trim_by_colour():
    page = np.full((20, 30, 3), 250, np.uint8)
    page[5:9, 7:20] = (10, 20, 30)
    page[0, 29] = 248
    assert ie.trim_box(page, tolerance=2 / 255) == (7, 5, 20, 9)
    assert ie.trim_box(page, tolerance=1 / 255) == (7, 0, 30, 9)
    assert ie.trim_box(page, tolerance=2 / 255, margin=6) == (1, 0, 26, 15)
    assert ie.trim_box(page, color=(10 / 255, 20 / 255, 30 / 255)) == (0, 0, 30, 20)
    np.testing.assert_array_equal(ie.trim(page, tolerance=2 / 255), page[5:9, 7:20])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_trim_by_alpha(dtype):
    image = photo(dtype, 4)
    image[..., 3] = 0
    image[10:12, 20:25, 3] = 1 if dtype == np.float32 else np.iinfo(dtype).max
    assert ie.trim_box(image) == (20, 10, 25, 12)
    assert ie.trim(image).shape == (2, 5, 4)


def test_clear_pixels_of_any_colour_are_alike():
    image = np.zeros((6, 6, 4), np.uint8)
    image[..., :3] = np.arange(36).reshape(6, 6, 1)
    image[2, 3] = (9, 9, 9, 255)
    assert ie.trim_box(image, by="color") == (3, 2, 4, 3)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda i: ie.crop(i, (0, 0, 60, 10)), "image reaches"),
        (lambda i: ie.crop(i, (10, 0, 10, 10)), "empty"),
        (lambda i: ie.crop(i, (0.0, 0, 10, 10)), "whole pixels"),
        (lambda i: ie.crop(i, (0, 0, 10)), "3 numbers"),
        (lambda i: ie.crop(i, 5), "box"),
        (lambda i: ie.crop(i, (0, 0, 60, 10), outside="mirror"), "reflect"),
        (lambda i: ie.pad(i, -1), "margins"),
        (lambda i: ie.pad(i, (1, 2)), "margins"),
        (lambda i: ie.pad(i, 1, border="mirror"), "reflect"),
        (lambda i: ie.pad(i, 1, background="#ff000080"), "no alpha"),
        (lambda i: ie.pad(i[..., 0], 1, background="red"), "grey"),
        (lambda i: ie.flip(i, "x"), "horizontal"),
        (lambda i: ie.trim(i, by="alpha"), "RGBA"),
        (lambda i: ie.trim(i, by="edges"), "alpha"),
        (lambda i: ie.trim(np.zeros_like(i)), "empty all over"),
        (lambda i: ie.trim(i, tolerance=2), "tolerance"),
        (lambda i: ie.trim(i, margin=-1), "margin"),
    ],
)
def test_bad_arguments_are_named(call, word):
    with pytest.raises(ie.errors.ArgumentError, match=word) as caught:
        call(photo())
    assert caught.value.remedy
