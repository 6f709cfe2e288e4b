"""upscale with a net whose formula is known: tiles, alpha, dtypes, any factor."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from graphs import blur_and_double, manifest_of
from pictures import KINDS, photo

import imgedit as ie
from imgedit import errors


@pytest.fixture(autouse=True)
def net(tmp_path, monkeypatch):
    path = tmp_path / "sr-x2.onnx"
    blur_and_double(path)
    manifest_of(path, scale=2, overlap=1)
    monkeypatch.setenv("IMGEDIT_MODELS", str(tmp_path))
    return path


def twin(image):
    """What the net computes, by OpenCV, on a float image without alpha."""
    soft = cv2.blur(image, (3, 3), borderType=cv2.BORDER_CONSTANT)
    return soft.repeat(2, 0).repeat(2, 1)


@pytest.mark.parametrize("tile", [16, 40, 500])
def test_the_result_does_not_depend_on_the_tile(tile):
    image = photo(np.float32, 3, (70, 90))
    # Float sums in another order; inside, tiles see what the net would see, at the border both see zeros.
    inner = slice(2, -2)
    np.testing.assert_allclose(ie.upscale(image, 2, tile=tile)[inner, inner], twin(image)[inner, inner], atol=1e-6)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_dtype_and_channels_are_kept(dtype, channels):
    image = photo(dtype, channels)
    big = ie.upscale(image, 2)
    assert big.dtype == dtype
    assert big.shape == (80, 112, *image.shape[2:])


@pytest.mark.parametrize(("scale", "size"), [(1.5, (60, 84)), (3.3, (132, 185)), (4, (160, 224))])
def test_any_factor_is_reached(scale, size):
    assert ie.upscale(photo(), scale).shape[:2] == size


def test_hidden_colour_does_not_show():
    image = np.zeros((20, 20, 4), np.float32)
    image[..., 0] = 1.0
    image[:, 10:] = (0, 1, 0, 1)
    big = ie.upscale(image, 2)
    seen = big[..., 3] > 0
    assert seen.any()
    np.testing.assert_allclose(big[seen][:, :3], np.tile([[0, 1, 0]], (seen.sum(), 1)), atol=1e-5)


def test_opaque_alpha_stays_opaque():
    image = photo(np.uint8, 4)
    image[..., 3] = 255
    assert (ie.upscale(image, 2)[..., 3] == 255).all()


def test_a_manifest_may_have_another_name_than_its_file(net):
    net.with_suffix(".toml").rename(net.with_name("mine.toml"))
    assert ie.upscale(photo(), 2, model="mine").shape == (80, 112, 3)


def test_bad_arguments_are_told():
    with pytest.raises(errors.ArgumentError, match="scale"):
        ie.upscale(photo(), 1)
    with pytest.raises(errors.UnknownNameError, match="sr-x2"):
        ie.upscale(photo(), 2, model="sr-x3000")


def test_progress_and_cancel():
    seen = []
    ie.upscale(photo(size=(90, 120)), 4, tile=40, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)

    def stop(done):
        raise errors.Cancelled

    with pytest.raises(errors.Cancelled):
        ie.upscale(photo(), 2, progress=stop)
