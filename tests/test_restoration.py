"""restore, matte and remove_background with nets whose formula is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pictures import KINDS, disc_mask, photo
from styles import redness, soften

import imgedit as ie
from imgedit import errors


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGEDIT_MODELS", str(tmp_path))
    soften(tmp_path / "soft.onnx")
    redness(tmp_path / "red.onnx")
    return tmp_path


def softened(image):
    return cv2.blur(image, (3, 3), borderType=cv2.BORDER_REFLECT_101)


@pytest.mark.parametrize("tile", [None, 40])
def test_a_photo_is_mended_in_tiles_as_in_one(tile):
    image = photo(np.float32, size=(70, 90))
    mended = ie.restore(image, model="soft", tile=tile)
    inner = slice(2, -2)
    np.testing.assert_allclose(mended[inner, inner], softened(image)[inner, inner], atol=1e-6)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_dtype_channels_alpha_and_what_is_hidden_are_kept(dtype, channels):
    image = photo(dtype, channels)
    mended = ie.restore(image, model="soft")
    assert mended.dtype == dtype
    assert mended.shape == image.shape
    if channels == 4:
        np.testing.assert_array_equal(mended[..., 3], image[..., 3])
        np.testing.assert_array_equal(mended[image[..., 3] == 0], image[image[..., 3] == 0])


def test_strength_and_mask():
    image, mask = photo(np.float32), disc_mask()
    full = ie.restore(image, model="soft")
    np.testing.assert_allclose(ie.restore(image, model="soft", strength=0), image, atol=1e-6)
    np.testing.assert_allclose(ie.restore(image, model="soft", strength=0.4), 0.6 * image + 0.4 * full, atol=1e-6)
    part = ie.restore(image, model="soft", mask=mask)
    np.testing.assert_array_equal(part[~mask], image[~mask])
    np.testing.assert_array_equal(part[mask], full[mask])


def test_a_net_of_brightness_keeps_the_differences_of_colour(folder):
    soften(folder / "gray.onnx", channels=1)
    image = photo(np.float32)
    mended = ie.restore(image, model="gray")
    np.testing.assert_allclose(mended[..., 0] - mended[..., 1], image[..., 0] - image[..., 1], atol=1e-6)
    bright = ie.luma(image, standard="bt601")
    np.testing.assert_allclose(ie.luma(mended, standard="bt601"), softened(bright), atol=1e-5)
    np.testing.assert_allclose(ie.restore(bright, model="gray"), softened(bright), atol=1e-6)


def test_the_default_and_what_is_wrong_with_a_net(folder):
    image = photo()
    np.testing.assert_array_equal(ie.restore(image, model=str(folder / "soft.onnx")), ie.restore(image, model="soft"))
    with pytest.raises(errors.ModelError, match="is for matte, not restore"):
        ie.restore(image, model="red")
    soften(folder / "soft.onnx", scale=2)
    with pytest.raises(errors.ModelError, match="take upscale"):
        ie.restore(image, model="soft")
    with pytest.raises(errors.ArgumentError, match="strength is 2"):
        ie.restore(image, model="soft", strength=2)


def red_disc(channels=3):
    """A red disc on green."""
    cover = cv2.GaussianBlur(disc_mask((64, 96)).astype(np.float32), (0, 0), 1.0)[..., None]
    image = cover * np.array([0.9, 0.1, 0.1], np.float32) + (1 - cover) * np.array([0.1, 0.7, 0.2], np.float32)
    return ie.to_uint8(image if channels == 3 else np.dstack([image, np.ones_like(cover)])), cover[..., 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_matte_takes_the_full_range_and_has_size_and_dtype_of_the_picture(dtype):
    image, cover = red_disc()
    image = {np.uint8: ie.to_uint8, np.uint16: ie.to_uint16, np.float32: ie.to_float}[dtype](image)
    found = ie.matte(image, model="red")
    assert found.dtype == dtype
    assert found.shape == (64, 96)
    # The net sees half the size.
    assert np.abs(ie.to_float(found) - cover).mean() < 0.01
    assert found.min() == 0
    assert ie.to_float(found).max() > 0.98
    np.testing.assert_array_equal(ie.remove_background(image, model="red", clean=False)[..., 3], found)


def test_a_matte_of_what_is_no_number_is_refused():
    image = photo(np.float32)
    image[0, 0, 0] = np.nan
    for verb in (ie.matte, ie.remove_background):
        with pytest.raises(errors.ImageError, match="image holds NaN or infinity"):
            verb(image, model="red")


def test_a_picture_of_nothing_has_no_matte():
    with pytest.raises(errors.ModelError, match="sees nothing"):
        ie.matte(np.full((20, 20), 90, np.uint8), model="red")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_is_cut_out_has_its_own_colour(dtype):
    image, cover = red_disc()
    image = {np.uint8: ie.to_uint8, np.uint16: ie.to_uint16, np.float32: ie.to_float}[dtype](image)
    cut = ie.remove_background(image, model="red")
    assert cut.shape == (64, 96, 4)
    assert cut.dtype == dtype
    values = ie.to_float(cut)
    assert np.abs(values[..., 3] - cover).mean() < 0.01
    rim = (values[..., 3] > 0.2) & (values[..., 3] < 0.8)
    assert (values[rim][:, 1] < 0.2).all()
    raw = ie.remove_background(image, model="red", clean=False)
    np.testing.assert_array_equal(raw[..., :3], image)
    clear = ie.to_float(raw)
    clear[:30, :, 3] = 0
    assert (ie.remove_background(clear, model="red")[:30, :, 3] == 0).all()


def test_cancel():
    def stop(done):
        raise errors.Cancelled

    for verb, name in ((ie.restore, "soft"), (ie.remove_background, "red")):
        with pytest.raises(errors.Cancelled):
            verb(photo(), model=name, progress=stop)
