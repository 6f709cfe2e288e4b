"""Fusion: identities of the pyramid, OpenCV's Mertens, sharper stacks, clean rims; bad input."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import DTYPES, KINDS, disc_mask, in_dtype, photo
from scipy.ndimage import convolve1d

import imgedit as ie
from imgedit import decontaminate, exposure_fusion, focus_stack, pyramid_blend

SIZE = (40, 56)


def step_of(dtype):
    return 0.51 / np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 2e-6


# Pyramid blend


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_a_full_mask_gives_a_and_an_empty_one_b(dtype, channels):
    a, b = (photo(dtype, channels, SIZE, seed=n) for n in range(2))
    for mask, expected in ((np.ones(SIZE, bool), a), (np.zeros(SIZE, bool), b)):
        result = ie.premultiply(ie.to_float(pyramid_blend(a, b, mask)))
        # The sum of all bands is the picture, up to rounding of each.
        np.testing.assert_allclose(result, ie.premultiply(ie.to_float(expected)), atol=2 * step_of(dtype))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), levels=st.integers(0, 5))
def test_equal_pictures_stay_whatever_the_mask(seed, levels):
    a = photo(np.float32, 3, SIZE, seed=seed)
    mask = np.random.default_rng(seed).random(SIZE) < 0.5
    np.testing.assert_allclose(pyramid_blend(a, a, mask, levels=levels), a, atol=1e-6)


def test_no_levels_is_a_plain_mix():
    a, b = (photo(np.float32, 3, SIZE, seed=n) for n in range(2))
    soft = np.random.default_rng(0).random(SIZE).astype(np.float32)
    expected = b + soft[..., None] * (a - b)
    np.testing.assert_allclose(pyramid_blend(a, b, soft, levels=0), expected, atol=1e-6)


def reduce_(image):
    for axis in (0, 1):
        image = convolve1d(image, np.array([1, 4, 6, 4, 1]) / 16, axis=axis, mode="mirror")
    return image[::2, ::2]


def expand(image, shape):
    wide = np.zeros(shape)
    wide[::2, ::2] = image
    for axis in (0, 1):
        wide = convolve1d(wide, np.array([1, 4, 6, 4, 1]) / 8, axis=axis, mode="mirror")
    return wide


def test_bands_are_burts():
    size = (33, 65)  # 2**n + 1, for which no border is ambiguous
    a, b = (photo(np.float32, 1, size, seed=n) for n in range(2))
    mask = disc_mask(size)
    pyramids = [[x.astype(np.float64)] for x in (a, b, mask)]
    for pyramid in pyramids:
        for _ in range(3):
            pyramid.append(reduce_(pyramid[-1]))
    one, two, weight = pyramids
    result = weight[3] * one[3] + (1 - weight[3]) * two[3]
    for n in (2, 1, 0):
        bands = [p[n] - expand(p[n + 1], p[n].shape) for p in (one, two)]
        result = expand(result, one[n].shape) + weight[n] * bands[0] + (1 - weight[n]) * bands[1]
    blended = pyramid_blend(a, b, mask, levels=3)
    np.testing.assert_allclose(blended[:24, :48], result[:24, :48], atol=1e-5)
    # OpenCV expands the last rows and columns by a border of its own.
    np.testing.assert_allclose(blended, result, atol=2e-3)


def test_a_seam_between_two_tones_is_gone():
    a, b = np.full((64, 64), 0.8, np.float32), np.full((64, 64), 0.2, np.float32)
    mask = np.arange(64) < 32
    result = pyramid_blend(a, b, np.tile(mask, (64, 1)))
    assert np.abs(np.diff(result, axis=1)).max() < 0.06  # a plain cut has 0.6
    assert result[32, 2] > 0.75
    assert result[32, -3] < 0.25


# Exposure fusion


@pytest.mark.parametrize("powers", [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 0.0)])
def test_exposure_fusion_is_opencvs(powers):
    color = photo(np.float32, 3, (60, 90))
    series = [in_dtype(np.clip(color * gain, 0, 1).astype(np.float64), np.uint8) for gain in (0.3, 1.0, 2.5)]
    merge = cv2.createMergeMertens(*powers)
    expected = merge.process(series)
    contrast, saturation, exposure = powers
    result = exposure_fusion(
        [ie.to_float(x) for x in series], contrast=contrast, saturation=saturation, exposure=exposure
    )
    off = np.abs(result - expected)
    assert off.mean() < 1e-4
    # Where all pictures are clipped alike no weight is left but the constant that keeps the division alive.
    assert np.percentile(off, 99) < 1e-3


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_fusing_equal_pictures_changes_nothing(dtype, channels):
    image = photo(dtype, channels, SIZE)
    for result in (exposure_fusion([image] * 3), focus_stack([image] * 3)):
        assert result.dtype == dtype
        np.testing.assert_allclose(
            ie.premultiply(ie.to_float(result)), ie.premultiply(ie.to_float(image)), atol=3 * step_of(dtype)
        )


# Focus stack


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_stack_is_sharp_where_any_picture_is(dtype):
    sharp = photo(np.float32, 3, (64, 96))
    soft = cv2.GaussianBlur(sharp, (0, 0), 2.5)
    left = np.arange(96)[None, :, None] < 48
    series = [in_dtype(x.astype(np.float64), dtype) for x in (np.where(left, sharp, soft), np.where(left, soft, sharp))]
    result = ie.to_float(focus_stack(series))
    error = [float(np.square(ie.to_float(x) - sharp).mean()) for x in (result, *series)]
    assert error[0] < 0.1 * min(error[1:])


def test_the_order_of_a_stack_does_not_matter():
    series = [photo(np.float32, 3, SIZE, seed=n) for n in range(3)]
    np.testing.assert_allclose(focus_stack(series), focus_stack(series[::-1]), atol=1e-6)


# Decontaminate


def cut_out(dtype=np.float32):
    """A disc of varied colour before green, and the picture that it was cut out of."""
    size = (80, 80)
    y, x = np.mgrid[:80, :80]
    alpha = np.clip((28 - np.hypot(y - 40, x - 40)) / 4 + 0.5, 0, 1)[..., None]
    front = np.dstack([0.5 + 0.4 * np.sin(x / 15), 0.3 + 0 * x, 0.5 + 0.4 * np.cos(y / 15)])
    seen = front * alpha + np.array([0, 1, 0]) * (1 - alpha)
    return in_dtype(np.dstack([seen, alpha]), dtype), front, alpha[..., 0], size


@pytest.mark.parametrize("method", ["extend", "estimate"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_old_ground_leaves_the_rim(dtype, method):
    image, front, alpha, _ = cut_out(dtype)
    result = decontaminate(image, method=method)
    rim = (alpha > 0.05) & (alpha < 0.95)
    before, after = (np.abs(ie.to_float(x)[rim][:, :3] - front[rim]).mean() for x in (image, result))
    assert after < 0.2 * before
    np.testing.assert_array_equal(result[..., 3], image[..., 3])
    np.testing.assert_array_equal(result[alpha >= 0.96], image[alpha >= 0.96])
    assert result.dtype == dtype


def test_strength_and_opaque_pictures():
    image, _, _, _ = cut_out()
    np.testing.assert_array_equal(decontaminate(image, strength=0.0), image)
    np.testing.assert_array_equal(decontaminate(image[..., :3].copy()), image[..., :3])
    half, full = decontaminate(image, strength=0.5), decontaminate(image)
    np.testing.assert_allclose(half, (image + full) / 2, atol=1e-6)


def test_a_wholly_soft_picture_takes_its_most_opaque_colours():
    image = np.zeros((4, 4, 4), np.float32)
    image[..., 3], image[1, 1] = 0.1, (1, 0, 0, 0.5)
    np.testing.assert_allclose(decontaminate(image)[..., :3], np.broadcast_to([1, 0, 0], (4, 4, 3)), atol=1e-4)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda a: pyramid_blend(a, a[:5], np.ones(SIZE, bool)), "b"),
        (lambda a: pyramid_blend(a, ie.to_float(a), np.ones(SIZE, bool)), "float32"),
        (lambda a: pyramid_blend(a, a, np.ones((3, 3), bool)), "mask"),
        (lambda a: pyramid_blend(a, a, np.ones(SIZE, bool), levels=99), "levels"),
        (lambda a: focus_stack([]), "images"),
        (lambda a: focus_stack(a), "images"),
        (lambda a: focus_stack([a, a[..., 0]]), r"images\[1\]"),
        (lambda a: focus_stack([a], window=4), "window"),
        (lambda a: exposure_fusion([a], contrast=-1), "contrast"),
        (lambda a: decontaminate(a, method="guess"), "method"),
        (lambda a: decontaminate(a, opaque=0), "opaque"),
        (lambda a: decontaminate(np.full((4, 4, 4), np.nan, np.float32)), "alpha"),
    ],
)
def test_bad_input_is_refused_by_name(make, word):
    with pytest.raises(ie.errors.ArgumentError, match=word):
        make(photo(np.uint8, 3, SIZE))
