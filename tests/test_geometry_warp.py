from __future__ import annotations

import naive_geometry as naive
import numpy as np
import pytest
from pictures import KINDS, photo

import imgedit as ie
from imgedit.geometry import interpolation, levels, warping
from imgedit.geometry.canvas import fold

T = ie.Transform
FILTERS = ["nearest", "linear", "cubic", "mitchell", "lanczos3"]
BORDERS = ["background", "edge", "reflect", "wrap"]


@pytest.fixture(params=["exact remap", "remap on a grid"])
def remap(request, monkeypatch):
    """OpenCV as it is, and as it was before version 5."""
    if request.param == "remap on a grid":
        monkeypatch.setattr(interpolation, "linear_remap_is_exact", lambda: False)
        monkeypatch.setattr(warping, "linear_warp_is_exact", lambda: False)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
@pytest.mark.parametrize("border", BORDERS)
def test_identity_is_identity(dtype, channels, border):
    image = photo(dtype, channels)
    for transform in (T(), T.rotation(360), T.rotation(17).inverse() @ T.rotation(17) if border == "edge" else T()):
        result = ie.warp(image, transform, border=border)
        if transform.is_identity:
            np.testing.assert_array_equal(result, image)


@pytest.mark.parametrize("filter", FILTERS)
def test_curved_identity_is_identity(filter):
    image = photo(np.uint16, 3)
    for transform in (T.field(np.zeros((40, 56, 2))), T.mesh([[[0, 0], [56, 0]], [[0, 40], [56, 40]]], (40, 56))):
        if filter == "mitchell":  # smooths even in place
            continue
        np.testing.assert_array_equal(ie.warp(image, transform, filter=filter), image)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
@pytest.mark.parametrize("turns", [-2, -1, 0, 1, 2, 3, 5])
def test_quarter_turns_are_exact(dtype, channels, turns):
    image = photo(dtype, channels)
    np.testing.assert_array_equal(ie.rotate(image, 90 * turns), np.rot90(image, turns))


def test_a_quarter_turn_in_place():
    image = photo(np.uint8, 3, (40, 56))
    result = ie.rotate(image, 90, expand=False)
    np.testing.assert_array_equal(result[:, 8:48], np.rot90(image)[8:48])
    assert not result[:, :8].any()


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shift", [(3, -2), (-70, 5), (0, 41)])
def test_whole_shifts_are_exact(border, shift):
    image = photo(np.uint8, 4)
    result = ie.warp(image, T.translation(*shift), border=border, background="#10203040")
    x, y = np.arange(56) - shift[0], np.arange(40) - shift[1]
    modes = {"edge": "edge", "reflect": "symmetric", "wrap": "wrap"}
    if border == "background":
        wide = np.pad(image, ((99, 99), (99, 99), (0, 0)))
        inside = np.pad(np.ones((40, 56), bool), 99)
        wide[~inside] = (16, 32, 48, 64)
    else:
        wide = np.pad(image, ((99, 99), (99, 99), (0, 0)), mode=modes[border])
    np.testing.assert_array_equal(result, wide[np.ix_(y + 99, x + 99)])


@pytest.mark.parametrize("filter", FILTERS[1:])
@pytest.mark.parametrize("channels", [1, 3])
def test_equals_the_plain_twin(filter, channels, remap):
    image = photo(np.float32, channels, (20, 24))
    transform = T.similarity(degrees=23, scale=1.3, center=(12, 10))
    result = ie.warp(image, transform, filter=filter, border="edge").reshape(20, 24, -1)
    inverse = np.linalg.inv(transform.matrix)
    for channel in range(channels):
        plane = image.reshape(20, 24, -1)[..., channel]
        twin = naive.warp_plane(plane, inverse, (20, 24), filter)
        # Places are float32 within a tile: 1e-5 of a pixel, on slopes of up to 1 a pixel.
        np.testing.assert_allclose(result[..., channel], twin, atol=3e-5)


@pytest.mark.parametrize("filter", FILTERS[1:])
def test_perspective_equals_the_plain_twin(filter):
    image = photo(np.float32, 1, (20, 24))
    transform = T.perspective([[0, 0], [24, 0], [24, 20], [0, 20]], [[-8, -6], [30, -4], [36, 28], [-6, 30]])
    twin = naive.warp_plane(image, np.linalg.inv(transform.matrix), (20, 24), filter)
    np.testing.assert_allclose(ie.warp(image, transform, filter=filter, border="edge"), twin, atol=3e-5)


@pytest.mark.parametrize("filter", ["linear", "cubic", "lanczos3"])
def test_no_grid_of_a_32nd_pixel(filter, remap):
    ramp = np.arange(64, dtype=np.float32)[None].repeat(16, 0)
    for shift in (0.01, 0.013, 0.4999):
        result = ie.warp(ramp, T.translation(-shift, 0), filter=filter)
        # Lanczos does not keep a ramp: 0.011 is what its normalised weights make of one.
        np.testing.assert_allclose(result[8, 8:-8], ramp[8, 8:-8] + shift, atol=0.012 if filter == "lanczos3" else 2e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("filter", ["linear", "cubic"])
def test_integers_are_the_rounded_floats(dtype, channels, filter, remap):
    image = photo(dtype, channels)
    result = ie.rotate(image, 17, filter=filter, background="white")
    exact = ie.rotate(ie.to_float(image), 17, filter=filter, background="white")
    step = 1 / np.iinfo(dtype).max
    # Half a step of rounding; at 16 bits the places' float32 adds a few.
    assert np.abs(result * step - np.clip(exact, 0, 1)).max() <= (0.52 if dtype == np.uint8 else 4) * step


@pytest.mark.parametrize("filter", FILTERS)
def test_hidden_colour_does_not_bleed(filter):
    image = np.zeros((30, 30, 4), np.uint8)
    image[..., 1] = 255  # clear green
    image[10:20, 10:20] = (255, 0, 0, 255)
    for transform in (T.rotation(20, center=(15, 15)), T.scaling(0.4), T.scaling(1.7, 0.3)):
        result = ie.warp(image, transform, filter=filter)
        assert not result[..., 1].any()
        assert (result[result[..., 3] > 30, 0] >= 250).all()


@pytest.mark.parametrize("background", [None, "#204060", "#20406080"])
def test_the_border_is_antialiased_over_the_background(background):
    image = np.full((20, 20, 4), 255, np.uint8)
    result = ie.rotate(image, 30, background=background)
    np.testing.assert_array_equal(result[0, 0], ie.pad(image, 1, background=background)[0, 0])
    np.testing.assert_array_equal(result[13, 13], 255)
    assert len(np.unique(result[..., 3 if background is None else 0])) > 10


def test_magnified_borders_are_sharp():
    image = np.full((4, 4), 255, np.uint8)
    result = ie.warp(image, T.translation(4, 4) @ T.scaling(8), size=(40, 40))
    np.testing.assert_array_equal(result[4:36, 4:36], 255)
    assert not result[:4].any()


@pytest.mark.parametrize(
    "transform",
    [
        T.scaling(0.2),
        T.similarity(degrees=30, scale=0.2, shift=(0, 30)),
        T.scaling(1, 0.2) @ T.rotation(45, center=(100, 100)),
        T.perspective([[0, 0], [200, 0], [200, 200], [0, 200]], [[0, 0], [40, 0], [36, 36], [0, 40]]),
        T.mesh(np.stack(np.meshgrid([0, 100, 200], [0, 100, 200]), -1), (40, 40)),
    ],
)
def test_warps_that_shrink_do_not_alias(transform):
    # Waves of 2.5 pixels are far beyond what a fifth of the size can hold; unfiltered they come out at full contrast.
    y, x = np.mgrid[:200, :200]
    image = (0.5 + 0.5 * np.sin(2 * np.pi * x / 2.5) * np.sin(2 * np.pi * y / 2.5)).astype(np.float32)
    result = ie.warp(image, transform, border="reflect", size=(40, 40))
    assert abs(result[3:-3, 3:-3].mean() - 0.5) < 0.02
    assert result[3:-3, 3:-3].std() < 0.04


def test_a_floor_that_shrinks_is_what_many_samples_make():
    image = photo(np.float32, 1, (240, 320))
    floor = T.perspective([[0, 0], [320, 0], [320, 240], [0, 240]], [[120, 40], [200, 40], [310, 230], [10, 230]])
    result = ie.warp(image, floor, border="edge")
    # The mean of 8 x 8 places a pixel in float64, each between its four neighbours.
    x, y = np.meshgrid((np.arange(320 * 8) + 0.5) / 8, (np.arange(240 * 8) + 0.5) / 8)
    u, v = floor.back(np.stack([x, y], -1).reshape(-1, 2)).T.reshape(2, *x.shape)
    u, v = (np.clip(place - 0.5, 0, side - 1) for place, side in ((u, 320), (v, 240)))
    left, top = np.minimum(u.astype(int), 318), np.minimum(v.astype(int), 238)
    corners = [[image[top + j, left + i].astype(np.float64) for i in (0, 1)] for j in (0, 1)]
    above, below = (a + (b - a) * (u - left) for a, b in corners)
    exact = (above + (below - above) * (v - top)).reshape(240, 8, 320, 8).mean(axis=(1, 3))
    inside = np.s_[50:220, 130:190]
    # Catmull-Rom is sharper than the box of samples. One place a pixel errs by 0.015.
    assert np.sqrt(np.mean((result[inside] - exact[inside]) ** 2)) < 0.01


@pytest.mark.parametrize("border", ["edge", "reflect", "wrap"])
@pytest.mark.parametrize("x_span", [(-9, -3), (-3, 4), (2, 5), (-4, 12), (5, 11), (9, 14), (-1, 0), (7, 8)])
@pytest.mark.parametrize("y_span", [(-9, -3), (-3, 4), (2, 5), (-4, 12), (9, 14)])
def test_a_window_goes_on_as_its_border_says(border, x_span, y_span):
    image = photo(np.uint8, 3, (6, 7))
    rows, columns = (fold(np.arange(*span), side, border) for span, side in ((y_span, 6), (x_span, 7)))
    np.testing.assert_array_equal(levels.cut(image, x_span, y_span, border), image[np.ix_(rows, columns)])


def test_an_axis_aligned_shrink_is_close_to_resize():
    image = photo(np.float32, 3, (120, 160))
    small = ie.warp(image, T.scaling(0.25), size=(30, 40), border="edge")
    # The grid falls on the pixels, so that only the treatment of the border differs.
    np.testing.assert_allclose(small[3:-3, 3:-3], ie.resize(image, (30, 40), filter="cubic")[3:-3, 3:-3], atol=1e-4)


@pytest.mark.parametrize("border", ["reflect", "wrap"])
def test_a_level_goes_on_far_beyond_the_image(border):
    # Blocks beyond the first and the last of a level are made one by one.
    image = photo(np.float32, 3, (24, 40))
    index = [fold(np.arange(-10 * side, 11 * side), side, border) for side in image.shape[:2]]
    wide = image[np.ix_(*index)]
    shrink = T.translation(60, 45) @ T.scaling(0.4)
    far = ie.warp(image, shrink, size=(100, 130), border=border)
    same = ie.warp(wide, shrink @ T.translation(-400, -240), size=(100, 130), border="edge")
    np.testing.assert_allclose(far, same, atol=2e-5)


@pytest.mark.parametrize("filter", ["nearest", "cubic"])
def test_beyond_the_horizon_lies_the_background(filter):
    # The way back of row 40 + y is about row 60 / y: the lower half sees the floor, the upper one nothing.
    floor = T.affine([[1, 0, 0], [0, 1, 40]]) @ T.perspective([[1, 0, 0], [0, 0.01, 60], [0, 1, 0.01]])
    result = ie.warp(photo(np.uint8, 3, (60, 60)), floor, size=(80, 60), filter=filter, background="#0a141e")
    assert (result[:39] == (10, 20, 30)).all()
    assert (result[41:] != (10, 20, 30)).any()


@pytest.mark.parametrize("border", ["reflect", "wrap"])
def test_what_one_pixel_sees_at_a_horizon_is_bounded(border, monkeypatch):
    # Of an endless picture one pixel there may see millions of periods: 555 GiB in one call, once.
    seen = []
    window = levels.Levels.window

    def watched(self, x_span, y_span, shrink):
        seen.append((x_span[1] - x_span[0]) * (y_span[1] - y_span[0]))
        return window(self, x_span, y_span, shrink)

    monkeypatch.setattr(levels.Levels, "window", watched)
    monkeypatch.setattr(warping, "MOST_INPUT", 1 << 11)
    monkeypatch.setattr(warping, "MOST_SIDE", 32)
    floor = T.affine([[1, 0, 0], [0, 1, 9.37]]) @ T.perspective([[1, 0.3, 0], [0, 0.01, 60], [0.0004, 1, 0.01]])
    result = ie.warp(np.full((50, 60, 3), 77, np.uint8), floor, size=(14, 12), border=border)
    np.testing.assert_array_equal(result, 77)
    assert max(seen) <= 1 << 11


def test_tiles_leave_no_seams(monkeypatch):
    image = photo(np.float32, 4, (90, 110))
    transforms = [T.similarity(degrees=20, scale=0.6, center=(50, 40)), T.scaling(0.9, 0.3) @ T.rotation(45)]
    whole = [ie.warp(image, transform) for transform in transforms]
    monkeypatch.setattr(warping, "TILE", 17)
    for transform, expected in zip(transforms, whole, strict=True):
        tiled = ie.warp(image, transform)
        # Premultiplied, since alpha near 0 would magnify the rounding of float32 places, which differ by tile.
        for values, target in zip(
            (ie.premultiply(tiled), tiled[..., 3]), (ie.premultiply(expected), expected[..., 3]), strict=True
        ):
            np.testing.assert_allclose(values, target, atol=2e-5)


@pytest.mark.parametrize("border", ["background", "edge"])
def test_forgotten_blocks_are_made_again_alike(border, monkeypatch):
    image = photo(np.uint8, 4, (150, 200))
    floor = T.perspective([[0, 0], [200, 0], [200, 150], [0, 150]], [[80, 10], [120, 10], [190, 100], [10, 100]])
    whole = ie.warp(image, floor, border=border)
    monkeypatch.setattr(levels, "MOST_BYTES", 0)
    np.testing.assert_array_equal(ie.warp(image, floor, border=border), whole)


def test_a_drawn_point_lands_where_points_says():
    for transform in (
        T.similarity(degrees=33, scale=1.2, shift=(5, -3), center=(30, 30)),
        T.perspective([[0, 0], [60, 0], [60, 60], [0, 60]], [[3, 5], [55, 2], [60, 58], [8, 50]]),
        T.thin_plate([[0, 0], [60, 0], [60, 60], [0, 60], [30, 30]], [[0, 0], [60, 0], [60, 60], [0, 60], [36, 26]]),
        T.thin_plate(
            [[0, 0], [60, 0], [60, 60], [0, 60], [30, 30]], [[0, 0], [60, 0], [60, 60], [0, 60], [36, 26]]
        ).inverse(),
        T.field(np.stack([3 * np.sin(np.mgrid[:60, :60][0] / 9), 2 * np.cos(np.mgrid[:60, :60][1] / 7)], -1)),
        T.translation(2.5, 1) @ T.mesh([[[0, 0], [30, 4], [60, 0]], [[0, 60], [30, 50], [60, 60]]], (60, 60)),
    ):
        y, x = np.mgrid[:60, :60] + 0.5
        centre = np.array([[27.0, 33.0]])
        blob = np.exp(-((x - 27) ** 2 + (y - 33) ** 2) / 8).astype(np.float32)
        moved = transform(blob)
        found = np.array([(moved * x).sum(), (moved * y).sum()]) / moved.sum()
        # The centroid of a blob five pixels wide, on a bent plane.
        np.testing.assert_allclose(found, transform.points(centre)[0], atol=0.25)


def test_mask_and_boxes_move_with_the_image():
    mask = np.zeros((50, 60), bool)
    mask[10:20, 15:40] = True
    transform = T.similarity(degrees=10, scale=0.9, shift=(4, 3), center=(30, 25))
    moved = transform.mask(mask)
    assert moved.dtype == bool
    left, top, right, bottom = transform.boxes([[15, 10, 40, 20]])[0]
    rows, columns = np.flatnonzero(moved.any(1)), np.flatnonzero(moved.any(0))
    np.testing.assert_allclose((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), (left, top, right, bottom), atol=1)
    soft = transform.mask((mask * 255).astype(np.uint8))
    assert soft.dtype == np.uint8
    np.testing.assert_array_equal(soft >= 128, moved)


@pytest.mark.parametrize("border", ["edge", "reflect", "wrap"])
def test_borders_go_on_under_a_turn(border):
    flat = np.full((30, 40, 3), 77, np.uint8)
    np.testing.assert_array_equal(ie.rotate(flat, 31, border=border), 77)


def test_wrap_repeats_and_reflect_mirrors():
    image = photo(np.float32, 1, (16, 16))
    shift = T.translation(0.5, 0)
    wrapped = ie.warp(image, shift, border="wrap")
    np.testing.assert_allclose(ie.warp(np.tile(image, (1, 3)), shift, border="edge")[:, 16:32], wrapped, atol=1e-5)
    mirrored = ie.warp(image, shift, border="reflect")
    wide = np.concatenate([image[:, ::-1], image], axis=1)
    np.testing.assert_allclose(ie.warp(wide, shift, border="edge")[:, 16:31], mirrored[:, :15], atol=1e-5)


@pytest.mark.parametrize("shape", [(40000, 5), (5, 40000)])
@pytest.mark.parametrize("filter", ["linear", "cubic"])
def test_long_sides(shape, filter):
    image = (
        np.arange(max(shape), dtype=np.float32)
        .reshape((-1, 1) if shape[0] > 5 else (1, -1))
        .repeat(5, int(shape[0] > 5))
    )
    shift = (0, -0.25) if shape[0] > 5 else (-0.25, 0)
    result = ie.warp(image, T.translation(*shift), filter=filter, border="edge")
    inner = (slice(4, -4), slice(1, -1)) if shape[0] > 5 else (slice(1, -1), slice(4, -4))
    # 0.25 of a step; the values themselves are exact to 0.004 in float32 near 40000.
    np.testing.assert_allclose(result[inner] - image[inner], 0.25, atol=0.01)


def test_linear_light():
    stripes = np.zeros((40, 40, 3), np.uint8)
    stripes[:, ::2] = 255
    result = ie.warp(stripes, T.scaling(0.25), size=(10, 10), space="linear", border="edge")
    assert abs(int(result[5, 5, 0]) - 188) <= 2


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda i: ie.rotate(i, float("nan")), "degrees"),
        (lambda i: ie.rotate(i, "30"), "degrees"),
        (lambda i: ie.rotate(i, 10, filter="bicubic"), "cubic"),
        (lambda i: ie.rotate(i, 10, border="mirror"), "reflect"),
        (lambda i: ie.rotate(i, 10, background="#ff000080"), "no alpha"),
        (lambda i: ie.warp(i, "left"), "Transform"),
        (lambda i: ie.warp(i, [[1, 0, 0], [2, 0, 0]]), "inverted"),
        (lambda i: ie.warp(i, T(), size=(0, 5)), "size"),
        (lambda i: ie.warp(i, T(), space="lab"), "space"),
    ],
)
def test_bad_arguments_are_named(call, word):
    with pytest.raises(ie.errors.ArgumentError, match=word):
        call(photo())


def test_places_in_a_window_are_those_in_the_image():
    # Numbers up to 500 in float32 are 3e-5 apart at most; a quotient of sums of two rounds a few times.
    corners = np.array([[0, 0], [3840, 0], [3840, 2160], [0, 2160]])
    floor = ie.Transform.perspective(corners, [[1200, 300], [2600, 300], [4000, 2300], [-100, 2300]])
    x, y = np.arange(1500, 1700) + 0.5, np.arange(1900, 2092) + 0.5
    for transform in (floor, ie.Transform.rotation(17)):
        way = warping._Way(transform)
        u, v = way.places(x, y)
        origin = int(u.min()), int(v.min())
        within = way.places_within(x, y, (0.5, 0.7), origin)
        assert within.dtype == np.float32
        np.testing.assert_allclose(within, [u * 0.5 - origin[0], v * 0.7 - origin[1]], rtol=0, atol=1e-3)


def test_progress_can_cancel(monkeypatch):
    # With one thread, since progress is told by the calling one, which may come too late for a small image.
    monkeypatch.setattr(warping.cv2, "getNumThreads", lambda: 1)

    def stop(_):
        raise ie.errors.Cancelled

    with pytest.raises(ie.errors.Cancelled):
        ie.rotate(photo(size=(400, 400)), 10, progress=stop)
