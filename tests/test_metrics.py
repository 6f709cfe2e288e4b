"""Metrics against their formulas and scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import skimage.metrics
from pictures import KINDS, disc_mask, photo

import imgedit as ie


def pair(dtype, channels, size=(40, 56)):
    return photo(dtype, channels, size), photo(dtype, channels, size, seed=1)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_equal_images(dtype, channels):
    image = photo(dtype, channels)
    assert ie.mse(image, image) == 0
    assert ie.psnr(image, image) == math.inf
    assert ie.ssim(image, image) == 1


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_they_are_scikit_images(dtype, channels):
    a, b = pair(dtype, channels)
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    af, bf = a / np.float64(white), b / np.float64(white)
    np.testing.assert_allclose(ie.mse(a, b), np.mean((af - bf) ** 2), rtol=1e-5)
    np.testing.assert_allclose(ie.psnr(a, b), skimage.metrics.peak_signal_noise_ratio(af, bf, data_range=1), rtol=1e-5)
    axis = None if channels == 1 else 2
    reference = skimage.metrics.structural_similarity(
        af, bf, data_range=1, gaussian_weights=True, use_sample_covariance=False, channel_axis=axis
    )
    np.testing.assert_allclose(ie.ssim(a, b), reference, atol=3e-6)  # variances in float32


def test_a_large_image_is_its_strips_put_together():
    a, b = pair(np.uint8, 3, (400, 300))
    whole = ie.ssim_map(a, b)
    np.testing.assert_allclose(whole[150:250], ie.ssim_map(a[130:270], b[130:270])[20:120], atol=1e-6)


def test_dtypes_may_differ():
    a, b = pair(np.uint8, 3)
    np.testing.assert_allclose(ie.psnr(a, ie.to_float(b)), ie.psnr(a, b), rtol=1e-6)
    np.testing.assert_allclose(ie.ssim(a, ie.to_uint16(b)), ie.ssim(a, b), rtol=1e-6)


def test_only_the_masked_pixels_count():
    a = photo()
    mask = disc_mask()
    outside, inside = a.copy(), a.copy()
    outside[~mask] ^= 31
    inside[mask] ^= 31
    assert ie.mse(a, outside, mask=mask) == 0
    assert ie.mse(a, inside, mask=mask) == pytest.approx(np.mean(((a / 255.0 - inside / 255.0)[mask]) ** 2), rel=1e-6)
    far = np.zeros(a.shape[:2], bool)
    far[6:9, 6:9] = True
    assert ie.ssim(a, inside, mask=far) == 1
    assert ie.ssim(a, inside, mask=mask) < 0.9


def test_what_does_not_fit_is_refused():
    a = photo()
    for bad in (a[:-1], a[..., 0], photo(channels=4)):
        with pytest.raises(ie.errors.ImageError, match="b is"):
            ie.mse(a, bad)
    with pytest.raises(ie.errors.ImageError, match="11x11"):
        ie.ssim(a[:8], a[:8])
    with pytest.raises(ie.errors.ImageError, match="no pixel"):
        ie.psnr(a, a, mask=np.zeros(a.shape[:2], bool))
