"""Blur, sharpen, denoise, draw_text."""

from __future__ import annotations

import cv2
import numpy as np
import PIL.Image
import PIL.ImageFilter
import pytest
import scipy.ndimage
import skimage.data
import skimage.filters
import skimage.restoration
from naive_tone import gaussian, non_local_means, over
from pictures import DTYPES, KINDS, disc_mask, in_dtype, photo

import imgedit as ie
from imgedit.filters import denoising

METHODS = ("gaussian", "box", "motion")


@pytest.mark.parametrize("channels", [1, 4])
def test_gaussian_is_the_naive_twins(channels):
    image = photo(np.float32, channels, (11, 13))
    premultiplied = image.astype(np.float64)
    if channels == 4:
        premultiplied[..., :3] *= premultiplied[..., 3:]
    expected = gaussian(premultiplied, 0.8)
    result = ie.blur(image, radius=0.8).astype(np.float64)
    if channels == 4:
        result[..., :3] *= result[..., 3:]
    np.testing.assert_allclose(result, expected, atol=1e-6)


@pytest.mark.parametrize("radius", [0.7, 3, 20])
def test_gaussian_is_scipys(radius):
    image = photo(np.float32, 1, (70, 90))
    expected = scipy.ndimage.gaussian_filter(image.astype(np.float64), radius, mode="reflect", truncate=4.5)
    # Cut at four deviations here, a little later there: 6e-5 of the weight lies beyond.
    np.testing.assert_allclose(ie.blur(image, radius=radius), expected, atol=1e-4)


@pytest.mark.parametrize("radius", [1, 2.5, 4])
def test_box_is_pillows(radius):
    image = photo(np.uint8, 3, (30, 40))
    peer = np.asarray(PIL.Image.fromarray(image).filter(PIL.ImageFilter.BoxBlur(radius)))
    result = ie.blur(image, method="box", radius=radius, border="edge")
    np.testing.assert_allclose(result.astype(int), peer, atol=1)  # Pillow rounds between its passes


@pytest.mark.parametrize("angle", [0, 90, 180, 30])
def test_motion_is_a_streak(angle):
    dot = np.zeros((15, 15), np.float32)
    dot[7, 7] = 1
    streak = ie.blur(dot, method="motion", radius=3, angle=angle)
    assert streak.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(streak, streak[::-1, ::-1], atol=1e-6)
    if angle % 180 == 0:
        np.testing.assert_allclose(streak[7, 4:11], 1 / 7, atol=1e-6)
    if angle == 30:  # counter-clockwise: the right end points up
        assert streak[6, 9] > 0.05 > streak[8, 9]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_flat_stays_flat_and_integers_are_rounded(method, dtype, channels):
    flat = np.full((9, 12) if channels == 1 else (9, 12, channels), in_dtype(np.float64(0.3), dtype), dtype)
    np.testing.assert_allclose(ie.blur(flat, method=method, radius=4), flat, atol=1e-6)
    image = photo(dtype, channels)
    exact = ie.blur(ie.to_float(image), method=method)
    np.testing.assert_allclose(ie.blur(image, method=method).astype(float), in_dtype(exact, dtype), atol=1.01)
    np.testing.assert_array_equal(ie.blur(image, radius=0), image)


@pytest.mark.parametrize("border", ["reflect", "edge", "wrap", "clear"])
@pytest.mark.parametrize("method", METHODS)
def test_borders_are_padding_and_bands_have_no_seams(method, border):
    image = photo(np.float32, 3, (150, 21))
    modes = {"reflect": "symmetric", "edge": "edge", "wrap": "wrap", "clear": "constant"}
    padded = np.pad(image, ((40, 40), (40, 40), (0, 0)), mode=modes[border])
    # Thirty pixels wide, so that mirrors of mirrors are needed in a picture of 21 columns.
    expected = ie.blur(padded, method=method, radius=7.5, angle=20)[40:-40, 40:-40]
    np.testing.assert_allclose(ie.blur(image, method=method, radius=7.5, angle=20, border=border), expected, atol=2e-6)


@pytest.mark.parametrize(
    "operation",
    [
        lambda image: ie.blur(image, radius=2),
        lambda image: ie.blur(image, method="motion", radius=2, space="linear"),
        ie.sharpen,
        lambda image: ie.denoise(image, strength=0.1, radius=2),
        lambda image: ie.denoise(image, strength=0.1, method="bilateral"),
        lambda image: ie.denoise(image, method="median"),
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_hidden_colours_do_not_bleed(operation, dtype):
    image = photo(dtype, 4)
    other = image.copy()
    other[image[..., 3] == 0, :3] = in_dtype(np.array([1.0, 0.0, 0.6]), dtype)
    np.testing.assert_array_equal(operation(image), operation(other))


def test_blur_in_light_keeps_light():
    image = photo(np.float32)
    blurred = ie.blur(image, radius=2, space="linear", border="wrap")
    light = [ie.srgb_to_linear(x).mean() for x in (image, blurred)]
    assert light[0] == pytest.approx(light[1], rel=1e-5)


def test_masks_limit_filters():
    image, mask = photo(), disc_mask()
    for operation in (ie.blur, ie.sharpen, ie.denoise):
        result = operation(image, mask=mask)
        np.testing.assert_array_equal(result[~mask], image[~mask])
        np.testing.assert_array_equal(result[mask], operation(image)[mask])


def test_sharpen_is_scikit_images():
    image = photo(np.float32)
    expected = skimage.filters.unsharp_mask(image, radius=1.5, amount=0.8, channel_axis=2, preserve_range=True)
    np.testing.assert_allclose(
        ie.sharpen(image, radius=1.5, amount=0.8), expected, atol=1e-3
    )  # its border is "reflect"
    np.testing.assert_array_equal(ie.sharpen(image, amount=0), image)
    quiet = image * np.float32(0.01)
    np.testing.assert_array_equal(ie.sharpen(quiet, threshold=0.05), quiet)


def test_sharpen_leaves_alpha():
    image = photo(np.uint8, 4)
    np.testing.assert_array_equal(ie.sharpen(image, amount=2)[..., 3], image[..., 3])


def test_non_local_means_is_the_naive_twins():
    image = photo(np.float32, 1, (14, 16))
    numbers = denoising.GREY_PATCH, denoising.NLM_STRENGTH, denoising.GREY_DEVIATION, denoising.LEAST_OWN
    expected = non_local_means(image.astype(np.float64), 0.1, 2, *numbers)
    result = ie.denoise(image, strength=0.1, radius=2)
    # Inside, where no patch is mirrored: there the two mirror in a different order.
    np.testing.assert_allclose(result[5:-5, 5:-5], expected[5:-5, 5:-5], atol=2e-5)


def test_non_local_means_is_no_worse_than_scikit_images():
    clean = ie.to_float(skimage.data.astronaut()[40:120, 190:270])
    for deviation in (0.05, 0.1):
        noise = np.random.default_rng(2).normal(0, deviation, clean.shape).astype(np.float32)
        settings = {"patch_size": 5, "patch_distance": 5, "h": 0.8 * deviation, "sigma": deviation, "channel_axis": 2}
        peer = skimage.restoration.denoise_nl_means(clean + noise, fast_mode=False, **settings)
        assert ie.psnr(ie.denoise(clean + noise, strength=deviation), clean) > ie.psnr(peer.astype(np.float32), clean)


def test_bilateral_is_scipys_gaussian_where_nothing_is_an_edge():
    image = np.float32(0.5) + photo(np.float32, 1) * np.float32(1e-3)
    offsets = np.arange(-3, 4)
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    expected = scipy.ndimage.convolve(image, kernel / kernel.sum(), mode="reflect")
    np.testing.assert_allclose(ie.denoise(image, strength=1, method="bilateral"), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_median_is_opencvs(dtype):
    image = photo(dtype, 3)
    expected = cv2.medianBlur(np.pad(image, ((3, 3), (3, 3), (0, 0)), mode="symmetric"), 3)[3:-3, 3:-3]
    np.testing.assert_allclose(ie.denoise(image, method="median"), expected, atol=1e-7)


@pytest.mark.parametrize("method", ["nlm", "bilateral"])
@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_denoising_denoises(method, dtype, channels):
    y, x = np.mgrid[:60, :60] / 60
    clean = np.where(np.hypot(x - 0.5, y - 0.5) < 0.3, 0.8, 0.2)
    clean = clean if channels == 1 else np.repeat(clean[..., None], channels, axis=2)
    noise = np.random.default_rng(0).normal(0, 0.05, clean.shape)
    if channels == 4:
        clean[..., 3], noise[..., 3] = 1, 0
    noisy, clean = in_dtype(clean + noise, dtype), in_dtype(clean, dtype)
    assert ie.estimate_noise(noisy) == pytest.approx(0.05, rel=0.1)
    result = ie.denoise(noisy, method=method)
    assert ie.psnr(result, clean) > ie.psnr(noisy, clean) + 5
    np.testing.assert_array_equal(ie.denoise(clean), clean)


def text_coverage(text="Ag", size=20, channels=1):
    return ie.draw_text(np.zeros((40, 60), np.float32), text, size=size, anchor="center")


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_text_lies_over_the_image(dtype, channels):
    image, coverage = photo(dtype, channels, (40, 60)), text_coverage().astype(np.float64)
    ink = (0.6, 0.6, 0.6, 0.7)
    result = ie.draw_text(image, "Ag", size=20, anchor="center", color=ink)
    values = ie.to_float(image).astype(np.float64).reshape(40, 60, -1)
    expected = np.array([[over(values[y, x], ink, coverage[y, x]) for x in range(60)] for y in range(40)])
    np.testing.assert_allclose(
        ie.to_float(result).reshape(40, 60, -1), expected, atol=0.6 / 255 if dtype == np.uint8 else 2e-5
    )
    np.testing.assert_array_equal(result[coverage == 0], image[coverage == 0])


def test_text_stands_where_it_should():
    blank = np.zeros((80, 120), np.uint8)

    def box(**where):
        rows, columns = np.nonzero(ie.draw_text(blank, "HH", size=20, **where))
        return rows.min(), rows.max(), columns.min(), columns.max()

    top, _, left, _ = box(anchor="top-left", margin=10)
    assert (top, left) >= (10, 10)
    assert max(top, left) <= 20
    _, bottom, _, right = box(anchor="bottom-right", margin=0)
    assert bottom <= 79
    assert 110 <= right <= 119
    top, _, left, _ = box(position=(30, 40))
    assert min(top - 40, left - 30) >= 0
    assert max(top - 40, left - 30) <= 10
    _, _, left, right = box(position=(60, 40), anchor="center")
    assert abs((left + right) / 2 - 59.5) <= 1.5
    with pytest.warns(UserWarning, match="lies outside of an image of 120x80"):
        np.testing.assert_array_equal(ie.draw_text(blank, "x", position=(500, 500)), blank)
    with pytest.warns(UserWarning, match="is cut off by an image of 120x80"):
        ie.draw_text(blank, "a long line", size=40)
    partly = ie.draw_text(blank, "HH", size=40, position=(0, 0), anchor="center")
    assert partly.any()


def test_text_turns_tiles_and_has_an_outline():
    blank = np.zeros((80, 120, 3), np.uint8)
    upright = ie.draw_text(blank, "I", size=30, anchor="center", angle=90)
    rows, columns = np.nonzero(upright[..., 0])
    assert np.ptp(columns) > np.ptp(rows)
    many = ie.draw_text(blank, "x", size=10, tile=True)
    quarters = [many[:40, :60], many[:40, 60:], many[40:, :60], many[40:, 60:]]
    assert all(quarter.any() for quarter in quarters)
    outlined = ie.draw_text(blank, "I", size=30, anchor="center", color="red", stroke_width=3, stroke_color="blue")
    assert (outlined == (255, 0, 0)).all(axis=2).any()
    assert (outlined == (0, 0, 255)).all(axis=2).any()
    assert ie.draw_text(blank, "I", opacity=0).max() == 0
    half = ie.draw_text(blank, "I", size=60, opacity=0.5)
    assert half.max() == 128
    assert (ie.draw_text(blank, "a", size="50%") > 0).sum() > 4 * (ie.draw_text(blank, "a", size="20%") > 0).sum()


def test_transparent_images_become_visible_under_text():
    clear = np.zeros((40, 60, 4), np.float32)
    result = ie.draw_text(clear, "Ag", size=20, anchor="center", color="#ff0000")
    np.testing.assert_allclose(result[..., 3], text_coverage(), atol=1e-6)
    np.testing.assert_allclose(result[result[..., 3] > 0, :3], [[1, 0, 0]] * (result[..., 3] > 0).sum(), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda i: ie.blur(i, radius=-1), "radius"),
        (lambda i: ie.blur(i, method="gauss"), "'gaussian'"),
        (lambda i: ie.blur(i, border="mirror"), "reflect"),
        (lambda i: ie.blur(i, space="lab"), "linear"),
        (lambda i: ie.sharpen(i, radius=0), "radius"),
        (lambda i: ie.denoise(i, strength=2), "strength"),
        (lambda i: ie.denoise(i, radius=2.5), "radius"),
        (lambda i: ie.denoise(i, method="median", radius=3), "radius"),
        (lambda i: ie.draw_text(i, " "), "text"),
        (lambda i: ie.draw_text(i, "東"), "does not have"),
        (lambda i: ie.draw_text(i, "a", font="no-such-font.ttf"), "font"),
        (lambda i: ie.draw_text(i, "a", size="5 %%"), "size"),
        (lambda i: ie.draw_text(i, "a", size=0), "size"),
        (lambda i: ie.draw_text(i, "a", anchor="middle"), "center"),
        (lambda i: ie.draw_text(i[..., 0], "a", color="red"), "grey"),
    ],
)
def test_mistakes_are_named(call, word):
    with pytest.raises(ie.errors.ArgumentError, match=word):
        call(photo())
