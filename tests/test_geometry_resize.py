from __future__ import annotations

import naive_geometry as naive
import numpy as np
import PIL.Image
import pytest
from pictures import KINDS, photo

import imgedit as ie
from imgedit.geometry import resampling

FILTERS = ["box", "area", "linear", "cubic", "mitchell", "lanczos3"]
PILLOW = {"box": 4, "linear": 2, "cubic": 3, "lanczos3": 1}
SIZES = [(20, 28), (17, 90), (61, 23), (13, 13), (80, 112), (1, 1), (40, 20)]


def planes(image):
    values = image.astype(np.float32)
    if image.ndim == 2:
        return values[..., None]
    if image.shape[2] == 4:
        values[..., :3] *= values[..., 3:]
    return values


@pytest.mark.parametrize("filter", ["nearest", *FILTERS, "auto"])
def test_same_size_is_the_same_image(filter):
    image = photo(np.uint8, 4)
    np.testing.assert_array_equal(ie.resize(image, (40, 56), filter=filter), image)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
@pytest.mark.parametrize("filter", ["nearest", *FILTERS])
@pytest.mark.parametrize("size", [(23, 90), (7, 11)])
def test_a_flat_area_stays_flat(dtype, channels, filter, size):
    image = photo(dtype, channels, (40, 56))
    image[:] = image[20, 28]
    result = ie.resize(image, size, filter=filter)
    # Sums of weights in float32 are 1 to a few roundings; integers come out exact.
    np.testing.assert_allclose(
        result, np.broadcast_to(image[0, 0], result.shape), rtol=2e-6 if dtype == np.float32 else 0
    )


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_equals_the_plain_twin(filter, channels):
    image = photo(np.float32, channels, (13, 17))
    for size in ((9, 21), (5, 6)):
        result, twin = ie.resize(image, size, filter=filter), naive.resize(image, size, filter)
        # Both are sums of a few dozen terms of size 1, here in float32.
        np.testing.assert_allclose(planes(result).reshape(twin.shape), twin, atol=3e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("filter", PILLOW)
def test_agrees_with_pillows_float_planes(filter, channels, size):
    image = photo(np.float32, channels)
    if channels == 4:
        image[image[..., 3] == 0] = (9, -9, 5, 0)  # hidden colour must not come through
    ours = planes(ie.resize(image, size, filter=filter))
    source = planes(image)
    for channel in range(source.shape[2]):
        plane = PIL.Image.fromarray(source[..., channel].copy()).resize(size[::-1], PILLOW[filter])
        theirs = np.array(plane)
        if channel == 3:
            theirs = np.clip(theirs, 0, 1)
        seen = np.ones(size, bool) if channels < 4 else ours[..., 3] > 1e-4
        # Both are float32 sums of a few dozen terms of size 1.
        np.testing.assert_allclose(ours[..., channel][seen], theirs[seen], atol=3e-6)


@pytest.mark.parametrize(("dtype", "step"), [(np.uint8, 1 / 255), (np.uint16, 1 / 65535)])
@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_integers_are_the_rounded_floats(dtype, step, filter, channels):
    image = photo(dtype, channels)
    exact = ie.resize(ie.to_float(image), (31, 75), filter=filter)
    # Half a step of rounding; OpenCV's 8-bit linear enlarging counts in fixed point and may be one level off.
    slack = 1.0 if filter == "linear" and dtype == np.uint8 else 0.51
    result = ie.resize(image, (31, 75), filter=filter)
    assert np.abs(result * step - np.clip(exact, 0, 1)).max() <= slack * step
    enlarged = ie.resize(image, (91, 75), filter=filter)
    exact = ie.resize(ie.to_float(image), (91, 75), filter=filter)
    assert np.abs(enlarged * step - np.clip(exact, 0, 1)).max() <= slack * step


def test_catmull_rom_keeps_a_ramp():
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(4, 0)
    result = ie.resize(ramp, (4, 111), filter="cubic")
    expected = ((np.arange(111) + 0.5) * 64 / 111 - 0.5) / 63
    np.testing.assert_allclose(result[0, 4:-4], expected[4:-4], atol=1e-6)


@pytest.mark.parametrize("filter", ["box", "area", "linear", "cubic", "mitchell", "lanczos3"])
def test_a_checkerboard_shrinks_to_grey(filter):
    board = (np.indices((120, 120)).sum(0) % 2).astype(np.float32)
    result = ie.resize(board, (23, 23), filter=filter)
    # OpenCV's linear, cubic and Lanczos leave a standard deviation of 0.16 to 0.25 here.
    assert result[3:-3, 3:-3].std() < 0.025


def test_nearest_takes_the_pixel_under_the_centre():
    image = np.arange(5, dtype=np.uint8)[None]
    assert ie.resize(image, (1, 3), filter="nearest").tolist() == [[0, 2, 4]]
    assert ie.resize(image, (1, 10), filter="nearest").tolist() == [[0, 0, 1, 1, 2, 2, 3, 3, 4, 4]]


def test_area_means_what_each_pixel_covers():
    image = np.array([[0, 3, 6]], np.float32)
    np.testing.assert_allclose(ie.resize(image, (1, 2), filter="area"), [[1.0, 5.0]], atol=1e-6)


def test_hidden_colour_does_not_bleed():
    image = np.zeros((8, 8, 4), np.uint8)
    image[..., 1] = 255  # clear green
    image[:, 4:] = (255, 0, 0, 255)
    for filter in ("linear", "cubic", "lanczos3", "area"):
        for size in ((8, 5), (8, 19)):
            result = ie.resize(image, size, filter=filter)
            assert not result[..., 1].any()


def test_linear_light_keeps_the_brightness_of_a_pattern():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    result = ie.resize(stripes, (16, 16), filter="area", space="linear")
    assert abs(int(result[8, 8, 0]) - 188) <= 1  # sRGB of half the light
    assert abs(int(ie.resize(stripes, (16, 16), filter="area")[8, 8, 0]) - 128) <= 1


def test_linear_light_and_back_is_the_same_for_four_columns():
    # Four columns must not be taken for four channels on the way.
    image = photo(np.float32, 3, (12, 4))
    result = ie.resize(image, (24, 4), filter="linear", space="linear")
    light = ie.srgb_to_linear(image)
    np.testing.assert_allclose(result, ie.linear_to_srgb(ie.resize(light, (24, 4), filter="linear")), atol=1e-5)


def test_floats_above_one_survive():
    image = np.full((10, 10), 7.5, np.float32)
    np.testing.assert_allclose(ie.resize(image, (4, 4)), 7.5, rtol=1e-6)


def test_fit():
    image = photo(np.uint8, 3, (40, 80))
    assert ie.resize(image, (30, 30)).shape == (30, 30, 3)
    assert ie.resize(image, (30, 30), fit="contain").shape == (15, 30, 3)
    padded = ie.resize(image, (30, 30), fit="pad", background="red")
    np.testing.assert_array_equal(padded[0, 0], (255, 0, 0))
    np.testing.assert_array_equal(padded[7:22], ie.resize(image, (15, 30)))
    image = ie.to_float(image)
    covered = ie.resize(image, (20, 20), fit="cover", filter="box")
    np.testing.assert_allclose(covered, ie.resize(image[:, 20:60], (20, 20), filter="box"), atol=1e-6)


def test_scale_width_and_height():
    image = photo(np.uint8, 1, (40, 80))
    assert ie.resize(image, scale=0.25).shape == (10, 20)
    assert ie.resize(image, width=20).shape == (10, 20)
    assert ie.resize(image, height=10).shape == (10, 20)
    assert ie.resize(image, height=10, width=7).shape == (10, 7)
    assert ie.resize(image, scale=0.001).shape == (1, 1)


@pytest.mark.parametrize("shape", [(40000, 3), (3, 40000)])
def test_long_sides(shape):
    image = np.broadcast_to(np.arange(40000, dtype=np.uint16).reshape(-1, 1), (40000, 3))
    image = image if shape[0] == 40000 else np.ascontiguousarray(image.T)
    for filter in ("nearest", "area", "lanczos3"):
        result = ie.resize(image, (shape[0] // 3 or 1, shape[1] // 3 or 1), filter=filter)
        assert abs(float(result.mean()) - 20000) < 5
    assert ie.resize(image, (shape[0] + 5, shape[1] + 5), filter="linear").shape == (shape[0] + 5, shape[1] + 5)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({}, "size"),
        ({"size": (10, 10), "scale": 2.0}, "size"),
        ({"size": (0, 10)}, "size"),
        ({"size": (10,)}, "size"),
        ({"size": (10.5, 10)}, "size"),
        ({"size": 10}, "size"),
        ({"scale": -1.0}, "scale"),
        ({"scale": float("nan")}, "scale"),
        ({"width": 0}, "width"),
        ({"height": -3}, "height"),
        ({"scale": 2.0, "filter": "lanczos"}, "lanczos3"),
        ({"scale": 2.0, "fit": "fill"}, "fit"),
        ({"scale": 2.0, "space": "lab"}, "space"),
    ],
)
def test_bad_arguments_are_named(arguments, word):
    with pytest.raises(ie.errors.ArgumentError, match=word):
        ie.resize(photo(), **arguments)


def test_progress_can_cancel(monkeypatch):
    # With one thread, since progress is told by the calling one, which may come too late for a small image.
    monkeypatch.setattr(resampling.cv2, "getNumThreads", lambda: 1)

    def stop(done):
        assert 0 < done <= 1
        raise ie.errors.Cancelled

    with pytest.raises(ie.errors.Cancelled):
        ie.resize(photo(size=(400, 60)), scale=2.0, progress=stop)
