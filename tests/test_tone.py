"""Adjust, levels, curves, automatic contrast, colour matching."""

from __future__ import annotations

import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import scipy.interpolate
import scipy.linalg
import skimage.exposure
from pictures import DTYPES, KINDS, disc_mask, in_dtype, photo

import imgedit as ie

OPERATIONS = {
    "exposure": lambda image: ie.adjust(image, exposure=0.5),
    "chroma": lambda image: ie.adjust(image, saturation=0.4, hue=20, temperature=0.3),
    "curve": lambda image: ie.adjust(image, contrast=0.4, shadows=0.3, highlights=-0.3, gamma=1.2, brightness=0.1),
    "levels": lambda image: ie.levels(image, black=0.1, white=0.9, gamma=1.3),
    "curves": lambda image: ie.curves(image, "0,0.05 0.4,0.5 1,0.9"),
    "auto_levels": ie.auto_levels,
    "equalize": ie.equalize,
    "clahe": lambda image: ie.clahe(image, tiles=(2, 2)),
    "match": lambda image: ie.match_color(image, photo(np.uint8, 3, (20, 20), seed=3)),
    "mean-std": lambda image: ie.match_color(image, photo(np.uint8, 3, (20, 20), seed=3), method="mean-std"),
    "histogram": lambda image: ie.match_color(image, photo(np.uint8, 3, (20, 20), seed=3), method="histogram"),
}
ANY = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())


@ANY
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_the_float_result_rounded(operation, dtype, channels):
    image = photo(dtype, channels)
    exact = operation(ie.to_float(image))
    # Statistics of floats are counted in steps of their own, which moves ranks, and with them values by a little; where
    # ranks are sent to an 8-bit histogram, by up to a level of that.
    slack = 1.01 if dtype == np.uint8 else 300 if operation is OPERATIONS["histogram"] else 24
    assert np.abs(operation(image).astype(float) - in_dtype(exact, dtype)).max() <= slack


@ANY
@pytest.mark.parametrize("dtype", DTYPES)
def test_alpha_and_what_it_hides(operation, dtype):
    image = photo(dtype, 4)
    other = image.copy()
    other[image[..., 3] == 0, :3] = in_dtype(np.array([1.0, 0.0, 0.6]), dtype)
    result, same = operation(image), operation(other)
    np.testing.assert_array_equal(result[..., 3], image[..., 3])
    seen = image[..., 3] > 0
    np.testing.assert_array_equal(result[seen], same[seen])


@pytest.mark.parametrize(
    "operation",
    [
        lambda image, mask: ie.adjust(image, exposure=1, mask=mask),
        lambda image, mask: ie.levels(image, black=0.3, mask=mask),
        lambda image, mask: ie.curves(image, "0,1 1,0", mask=mask),
        lambda image, mask: ie.auto_levels(image, mask=mask),
        lambda image, mask: ie.equalize(image, mask=mask),
        lambda image, mask: ie.clahe(image, tiles=(2, 2), mask=mask),
        lambda image, mask: ie.match_color(image, image[::-1, :, ::-1] // 2, mask=mask),
    ],
)
def test_a_mask_limits_what_changes(operation):
    image, mask = photo(), disc_mask()
    result = operation(image, mask)
    np.testing.assert_array_equal(result[~mask], image[~mask])
    assert (result[mask] != image[mask]).any()
    soft = np.full(mask.shape, 0.5, np.float32)
    whole = operation(image, np.ones(mask.shape, bool)).astype(float)
    assert np.abs(operation(image, soft) - (whole + image) / 2).max() <= 1


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_defaults_change_nothing(dtype, channels):
    image = photo(dtype, channels)
    np.testing.assert_array_equal(ie.adjust(image), image)
    np.testing.assert_array_equal(ie.levels(image), image)
    np.testing.assert_allclose(ie.curves(image, "0,0 0.3,0.3 1,1"), image, atol=1e-6)
    np.testing.assert_array_equal(ie.match_color(image, photo(), strength=0), image)


def test_exposure_is_light():
    image = photo(np.float32)
    np.testing.assert_allclose(ie.srgb_to_linear(ie.adjust(image, exposure=1)), 2 * ie.srgb_to_linear(image), rtol=1e-4)
    np.testing.assert_allclose(ie.adjust(ie.adjust(image, exposure=2), exposure=-2), image, atol=1e-6)


@pytest.mark.parametrize("slider", [-1, -0.5, 0.5, 1])
def test_white_balance_moves_white_as_named(slider):
    grey = np.full((1, 1, 3), 0.5, np.float32)
    red, green, blue = ie.adjust(grey, temperature=slider)[0, 0]
    assert (red - blue) * slider > 0
    red, green, blue = ie.adjust(grey, tint=slider)[0, 0]
    assert (red + blue - 2 * green) * slider > 0
    for name in ("temperature", "tint"):
        np.testing.assert_allclose(ie.luminance(ie.adjust(grey, **{name: slider})), ie.luminance(grey), rtol=1e-3)


def test_the_warm_end_is_cies_daylight():
    # D41 (the slider's end, 4100 K to rounding) has x = 0.3773, y = 0.3795 by CIE 15's formulas.
    linear = ie.srgb_to_linear(ie.adjust(np.full((1, 1, 3), 0.5, np.float32), temperature=1))[0, 0].astype(float)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear
    np.testing.assert_allclose(xyz[:2] / xyz.sum(), [0.3769, 0.3793], atol=2e-3)


def test_contrast_is_undone_by_its_negative():
    values = np.linspace(-0.2, 1.3, 200, dtype=np.float32)[None]
    np.testing.assert_allclose(ie.adjust(ie.adjust(values, contrast=0.7), contrast=-0.7), values, atol=3e-6)
    for name in ("contrast", "shadows", "highlights"):
        for amount in (-1, -0.4, 0.4, 1):
            curve = ie.adjust(values, **{name: amount})
            assert (np.diff(curve) > 0).all()
            ends = ie.adjust(np.array([[0, 1]], np.float32), **{name: amount})
            np.testing.assert_allclose(ends, [[0, 1]], atol=1e-6)


def test_saturation_and_hue_are_oklabs():
    image = photo(np.float32)
    before, after = ie.srgb_to_oklch(image), ie.srgb_to_oklch(ie.adjust(image, saturation=-0.5))
    np.testing.assert_allclose(after[..., 1], before[..., 1] / 2, atol=1e-5)
    np.testing.assert_allclose(after[..., 0], before[..., 0], atol=1e-5)
    grey = ie.adjust(image, saturation=-1)
    assert np.ptp(grey, axis=2).max() < 1e-4
    vivid, dull = np.array([[[0.9, 0.1, 0.1]]], np.float32), np.array([[[0.5, 0.45, 0.45]]], np.float32)

    def gain(color):
        return (ie.srgb_to_oklch(ie.adjust(color, vibrance=0.5)) / ie.srgb_to_oklch(color))[0, 0, 1]

    assert gain(dull) > gain(vivid) >= 1
    turned = ie.srgb_to_oklch(ie.adjust(image, hue=30))[..., 2] - before[..., 2]
    vivid_enough = before[..., 1] > 0.02
    np.testing.assert_allclose(np.mod(turned[vivid_enough], 360), 30, atol=0.1)


def test_levels_by_hand():
    image = np.array([[0, 51, 102, 153, 255]], np.uint8)
    expected = [0, 0, 255 * 0.5**0.5, 255, 255]
    np.testing.assert_array_equal(ie.levels(image, black=0.2, white=0.6, gamma=2)[0], np.rint(expected))
    np.testing.assert_array_equal(ie.levels(image, out_black=1, out_white=0), 255 - image)
    rgb = photo()
    only = ie.levels(rgb, white=0.5, channel="green")
    np.testing.assert_array_equal(only[..., [0, 2]], rgb[..., [0, 2]])
    assert (only[..., 1] >= rgb[..., 1]).all()
    assert ie.levels(np.array([[2.0]], np.float32), white=0.5)[0, 0] == 4


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_curves_are_scipys(count):
    rng = np.random.default_rng(count)
    x, y = np.sort(rng.random(count)), rng.random(count)
    values = np.linspace(x[0], x[-1], 500, dtype=np.float32)[None]
    points = tuple(zip(x.tolist(), y.tolist(), strict=True))
    oracles = {
        "monotone": scipy.interpolate.PchipInterpolator(x, y),
        "spline": scipy.interpolate.CubicSpline(x, y, bc_type="natural"),
        "linear": lambda v: np.interp(v, x, y),
    }
    for name, oracle in oracles.items():
        np.testing.assert_allclose(ie.curves(values, points, interpolation=name), oracle(values), atol=1e-5)
    beyond = ie.curves(np.array([[0, 1]], np.float32), points)
    np.testing.assert_allclose(beyond[0], [y[0], y[-1]], atol=1e-6)


def test_curves_of_channels_come_first():
    rgb = photo()
    points, red = "0,0.1 1,0.8", "0,0 0.5,0.8 1,1"
    both = ie.curves(rgb, points, red=red)
    floats = ie.curves(ie.curves(ie.to_float(rgb), red=red), points)
    np.testing.assert_allclose(both, floats * 255, atol=0.51)


def test_auto_levels_and_equalize_are_those_of_others():
    grey, rgb = photo(np.uint8, 1, (60, 80)), photo(np.uint8, 3, (60, 80))
    for image in (grey, rgb):
        peer = np.asarray(PIL.ImageOps.autocontrast(PIL.Image.fromarray(image), cutoff=1))
        ours = ie.auto_levels(image, cutoff=0.01, per_channel=True)
        assert np.abs(ours.astype(int) - peer).max() <= 1  # Pillow truncates
    np.testing.assert_allclose(ie.equalize(grey).astype(int), cv2.equalizeHist(grey), atol=1)
    flat = np.full((9, 9), 77, np.uint8)
    np.testing.assert_array_equal(ie.equalize(flat), flat)
    np.testing.assert_array_equal(ie.auto_levels(flat), flat)


def test_equalize_and_clahe_keep_the_colours_of_colours():
    image = photo(np.float32) * np.float32(0.4) + np.float32(0.2)
    for result in (ie.equalize(image), ie.clahe(image, clip=3)):
        lit = ie.luminance(result)
        inside = (result.max(axis=2) < 1) & (lit > 0.01)
        before = (ie.srgb_to_linear(image) / ie.luminance(image)[..., None])[inside]
        np.testing.assert_allclose(ie.srgb_to_linear(result)[inside] / lit[inside][:, None], before, rtol=2e-3)


def test_clahe_with_one_tile_and_no_limit_equalises():
    grey = photo(np.uint8, 1, (64, 64))
    ranks = np.searchsorted(np.sort(grey, axis=None), grey, side="right") / grey.size
    whole = ie.clahe(grey, clip=256, tiles=(1, 1))
    # Bins of 1/256 hold one level; ranks within a bin are interpolated.
    assert np.abs(whole / 255 - ranks).max() < np.bincount(grey.ravel()).max() / grey.size + 0.01
    np.testing.assert_allclose(ie.clahe(grey, clip=1).astype(int), grey, atol=1)


def test_clahe_has_no_tiles_to_be_seen():
    ramp = np.tile(np.linspace(0.3, 0.7, 120, dtype=np.float32), (90, 1))
    steps = np.diff(ie.clahe(ramp, clip=2, tiles=(3, 4)), axis=1)
    assert steps.max() < 6 * np.diff(ramp, axis=1).max()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("method", ["mean-std", "transport"])
def test_matching_reaches_the_references_moments(method, channels):
    image, reference = photo(np.float32, channels), photo(np.float32, channels, (30, 50), seed=5) * np.float32(0.7)
    result = ie.match_color(image, reference, method=method)
    if channels == 3 and method == "mean-std":
        result, reference = ie.srgb_to_oklab(result), ie.srgb_to_oklab(reference)
    result, reference = result.reshape(-1, channels), reference.reshape(-1, channels)
    np.testing.assert_allclose(result.mean(axis=0), reference.mean(axis=0), atol=1e-4)
    if method == "transport":
        np.testing.assert_allclose(np.cov(result.T), np.cov(reference.T), rtol=1e-2, atol=1e-5)
    else:
        np.testing.assert_allclose(result.std(axis=0), reference.std(axis=0), rtol=1e-3)


def test_transport_is_the_formula_of_its_paper():
    image, reference = photo(np.float32), photo(np.float32, seed=6) ** 2
    u, v = np.cov(image.reshape(-1, 3).T, bias=True), np.cov(reference.reshape(-1, 3).T, bias=True)
    root = scipy.linalg.sqrtm(u)
    back = np.linalg.inv(root)
    matrix = back @ scipy.linalg.sqrtm(root @ v @ root) @ back  # Pitie and Kokaram 2007, equation 13
    expected = (image - image.reshape(-1, 3).mean(axis=0)) @ matrix.T + reference.reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(ie.match_color(image, reference), expected, atol=2e-4)


def test_histogram_matching_is_scikit_images():
    image, reference = photo(np.uint8, 3, (60, 70)), photo(np.uint8, 3, (50, 40), seed=4)
    ours = ie.match_color(image, reference, method="histogram")
    peer = skimage.exposure.match_histograms(image, reference, channel_axis=2)
    assert np.abs(ours.astype(float) - peer).max() <= 1  # scikit-image truncates
    np.testing.assert_array_equal(ie.match_color(image, image, method="histogram"), image)


def test_flat_images_are_matched_by_their_mean():
    flat = np.full((8, 8, 3), 100, np.uint8)
    for method in ("mean-std", "transport"):
        result = ie.match_color(flat, photo(), method=method)
        assert np.ptp(result, axis=(0, 1)).max() == 0
        assert (
            np.abs(result[0, 0] - photo().reshape(-1, 3).mean(axis=0)).max() < 20
        )  # means in Oklab are not those in sRGB


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda i: ie.adjust(i, exposure=float("nan")), "exposure"),
        (lambda i: ie.adjust(i, temperature=2), "temperature"),
        (lambda i: ie.adjust(i, gamma=0), "gamma"),
        (lambda i: ie.levels(i, black=0.5, white=0.5), "white"),
        (lambda i: ie.levels(i, channel="grene"), "'green'"),
        (lambda i: ie.levels(i[..., 0], channel="red"), "grey"),
        (lambda i: ie.curves(i), "points"),
        (lambda i: ie.curves(i, "0,0"), "at least two"),
        (lambda i: ie.curves(i, ((0.5, 0), (0.5, 1))), "rising"),
        (lambda i: ie.curves(i, "0,0 1,x"), "points"),
        (lambda i: ie.curves(i, "0,0 1,1", interpolation="monoton"), "'monotone'"),
        (lambda i: ie.clahe(i, clip=0.5), "clip"),
        (lambda i: ie.clahe(i, tiles=(0, 3)), "tiles"),
        (lambda i: ie.auto_levels(i, cutoff=0.5), "cutoff"),
        (lambda i: ie.match_color(i, i, method="reinhard"), "mean-std"),
        (lambda i: ie.match_color(i, i, mask=np.zeros(i.shape[:2], bool)), "covers no visible"),
        (lambda i: ie.equalize(np.zeros((4, 4, 4), np.uint8)), "transparent"),
    ],
)
def test_mistakes_are_named(call, word):
    with pytest.raises(ie.errors.ArgumentError, match=word):
        call(photo())
