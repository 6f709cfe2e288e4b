"""Depth compositing: the z-test, the plain twin, soft edges; alignment; fog; depth of field."""

from __future__ import annotations

import itertools

import naive_layers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import DTYPES, KINDS, in_dtype, photo

import imgedit as ie
from imgedit import align_depth, composite_depth, depth_of_field, fill_depth, fog
from imgedit.errors import ImageError

SIZE = (20, 28)


def scene(seed, channels=3, dtype=np.uint8):
    rng = np.random.default_rng(seed)
    image = photo(dtype, channels, SIZE, seed=seed)
    if channels == 4:
        image[..., 3] = in_dtype(rng.random(SIZE), dtype)
    return image, rng.uniform(1, 5, SIZE).astype(np.float32)


@pytest.mark.parametrize(("dtype", "channels"), [kind for kind in KINDS if kind[1] != 4])
def test_two_opaque_layers_are_a_z_test_exactly(dtype, channels):
    (a, depth_a), (b, depth_b) = scene(0, channels, dtype), scene(1, channels, dtype)
    depth_b[:3] = depth_a[:3]  # equal depths: the first listed is in front
    nearer = depth_b < depth_a
    expected = np.where(nearer if channels == 1 else nearer[..., None], b, a)
    result, depth = composite_depth([(a, depth_a), (b, depth_b)], with_depth=True)
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == dtype
    np.testing.assert_array_equal(depth, np.minimum(depth_a, depth_b))


def test_large_may_be_near():
    layers = [scene(n) for n in range(3)]
    turned = [(image, -depth) for image, depth in layers]
    result, depth = composite_depth(turned, near="large", with_depth=True)
    expected, expected_depth = composite_depth(layers, with_depth=True)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(depth, -expected_depth)


def test_many_layers_with_alpha_equal_the_twin():
    layers = [scene(n, channels, np.float32) for n, channels in enumerate((4, 3, 4, 1, 4))]
    layers[2][1][:5] = layers[0][1][:5]
    expected = naive_layers.composite_depth(layers)
    result = composite_depth(layers).astype(np.float64)
    np.testing.assert_allclose(result[..., 3], expected[..., 3], atol=1e-5)
    np.testing.assert_allclose(result[..., :3] * result[..., 3:], expected[..., :3] * expected[..., 3:], atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(softness=st.floats(0, 3, width=32), edge=st.sampled_from([0.0, 1.0, 3.0]))
def test_the_order_of_the_list_does_not_matter(softness, edge):
    layers = [scene(n, 4, np.float32) for n in range(3)]
    results = [
        ie.premultiply(composite_depth(list(order), softness=softness, edge=edge))
        for order in itertools.permutations(layers)
    ]
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], atol=1e-4)


def test_equal_depths_mix_half_and_half():
    black, white = np.zeros(SIZE, np.float32), np.ones(SIZE, np.float32)
    flat = np.ones(SIZE)
    np.testing.assert_allclose(composite_depth([(black, flat), (white, flat)], softness=0.1), 0.5, atol=1e-6)
    # Beyond the softness nothing mixes.
    np.testing.assert_array_equal(composite_depth([(black, flat), (white, flat + 0.2)], softness=0.1, edge=0.0), 0)


def test_softness_0_is_the_limit_of_softness():
    layers = [scene(n) for n in range(3)]
    np.testing.assert_array_equal(
        composite_depth(layers, softness=1e-6, edge=0.0), composite_depth(layers, softness=0.0)
    )


def silhouette(softness):
    """A red object before a green ground in one picture, blue between them: the slanted rim of red on blue."""
    y, x = np.mgrid[:60, :60]
    inside = x + 0.3 * y < 35
    picture = np.zeros((60, 60, 3), np.float32)
    picture[inside, 0] = picture[~inside, 1] = 1
    blue = np.zeros((60, 60, 3), np.float32)
    blue[..., 2] = 1
    layers = [(picture, np.where(inside, 1.0, 9.0)), (blue, np.full((60, 60), 5.0))]
    return composite_depth(layers, softness=softness), 35 - 0.3 * y[:, 0]


def test_a_soft_silhouette_is_no_staircase_and_brings_no_fringe():
    hard, rim = silhouette(0.0)
    soft, _ = silhouette(0.1)
    # The red in each row measures where its rim runs: to a whole pixel in steps, to a fraction when soft.
    inner = slice(5, -5)
    offsets = [image[inner, :, 0].sum(axis=1) - rim[inner] for image in (hard, soft)]
    assert np.ptp(offsets[1]) < 0.6 * np.ptp(offsets[0])
    # What lies behind the object in its own picture must not shine through the ramp.
    assert soft[..., 1].max() < 1e-6
    np.testing.assert_allclose(soft.sum(axis=2), 1, atol=1e-5)


def test_far_from_silhouettes_nothing_is_smoothed():
    picture = scene(0)[0]
    layers = [(picture, np.ones(SIZE)), (scene(1)[0], np.full(SIZE, 9.0))]
    np.testing.assert_array_equal(composite_depth(layers, softness=0.1), picture)


def test_merged_depth_is_one_of_the_layers_and_infinite_where_nothing_is():
    clear = np.zeros((*SIZE, 4), np.uint8)
    a, b = scene(0, 3)
    _, depth = composite_depth([(clear, np.ones(SIZE))], with_depth=True)
    assert np.isinf(depth).all()
    _, depth = composite_depth([(a, b), (scene(1)[0], np.full(SIZE, np.inf))], softness=1.0, with_depth=True)
    np.testing.assert_array_equal(depth, b)


def test_strips_leave_no_seam(monkeypatch):
    layers = [scene(n, 4, np.float32) for n in range(3)]
    whole = composite_depth(layers, softness=0.5, edge=3.0)
    monkeypatch.setattr("imgedit.strips.STRIP_BYTES", 1)
    np.testing.assert_allclose(composite_depth(layers, softness=0.5, edge=3.0), whole, atol=1e-6)


def test_align_depth_finds_scale_and_shift_among_outliers():
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 4, SIZE)
    reference = 2.5 * depth - 0.75 + rng.normal(0, 0.01, SIZE)
    wrong = rng.random(SIZE) < 0.2
    reference[wrong] = rng.uniform(0, 30, wrong.sum())
    reference[0, 0], depth[1, 1] = np.nan, np.inf
    aligned, scale, shift = align_depth(depth, reference, with_scale_shift=True)
    # Noise of 0.01 over 450 pixels leaves an error of some 0.001 in both.
    assert scale == pytest.approx(2.5, abs=0.005)
    assert shift == pytest.approx(-0.75, abs=0.01)
    assert aligned.dtype == np.float32
    mask = ~wrong
    assert align_depth(depth, reference, mask=mask, with_scale_shift=True)[1] == pytest.approx(2.5, abs=0.005)


def test_align_depth_is_least_squares_on_clean_data():
    rng = np.random.default_rng(1)
    depth = rng.uniform(1, 4, (60, 60))
    reference = -3.0 * depth + 2 + rng.normal(0, 0.2, depth.shape)
    _, scale, shift = align_depth(depth, reference, with_scale_shift=True)
    slope, intercept = np.polyfit(depth.ravel(), reference.ravel(), 1)
    # Tukey's biweight keeps 95 % of the data's weight, so it lies well within the noise of the plain fit.
    assert scale == pytest.approx(slope, abs=0.02)
    assert shift == pytest.approx(intercept, abs=0.05)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_fog_follows_koschmieder(dtype, channels):
    image, depth = scene(0, channels, dtype)
    result = fog(image, depth, density=0.3, color=(0.5, 0.5, 0.5), start=2.0)
    through = np.exp(-0.3 * np.maximum(depth.astype(np.float64) - 2.0, 0))
    values = ie.to_float(image).astype(np.float64)
    expected = values.copy()
    color = expected if channels == 1 else expected[..., :3]
    share = through if channels == 1 else through[..., None]
    color[...] = color * share + 0.5 * (1 - share)
    step = 0.51 / np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1e-6
    np.testing.assert_allclose(ie.to_float(result), expected, atol=step)


def test_no_density_no_fog_and_disparity_is_inverse_distance():
    image, depth = scene(0)
    np.testing.assert_array_equal(fog(image, depth, density=0.0), image)
    np.testing.assert_array_equal(fog(image, depth), fog(image, 1 / depth, near="large"))
    linear = fog(image, depth, space="linear", color="white")
    assert (linear >= fog(image, depth, color="white")).mean() > 0.9  # light adds up to brighter values than codes do


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_in_focus_stays_exactly(dtype):
    image = photo(dtype, 3, (40, 40))
    depth = np.full((40, 40), 2.0)
    depth[:, 30:] = 50.0
    result = depth_of_field(image, depth, focus=2.0, radius=3.0)
    np.testing.assert_array_equal(result[:, :24], image[:, :24])
    assert np.abs(result[:, 33:].astype(float) - image[:, 33:]).max() > 0


def test_a_far_point_becomes_a_disc_of_the_radius():
    image = np.zeros((41, 41), np.float32)
    image[20, 20] = 1
    result = depth_of_field(image, np.full((41, 41), np.inf), focus=1.0, radius=6.0, space="linear")
    light = ie.srgb_to_linear(result)
    assert light.sum() == pytest.approx(1, abs=1e-3)
    y, x = np.mgrid[:41, :41] - 20
    assert light[np.hypot(y, x) > 7].max() < 1e-12  # the convolution goes through a Fourier transform
    assert light[np.hypot(y, x) < 5].min() == pytest.approx(1 / (np.pi * 36), rel=0.1)


def test_a_sharp_object_keeps_its_rim_before_a_blurred_ground():
    image = np.zeros((40, 40), np.float32)
    image[:, :20] = 1
    depth = np.where(np.arange(40) < 20, 1.0, 100.0) * np.ones((40, 1))
    result = depth_of_field(image, depth, focus=1.0, radius=4.0)
    np.testing.assert_allclose(result[:, :20], 1, atol=1e-5)
    np.testing.assert_allclose(result[:, 20:], 0, atol=1e-5)  # the object's light must not leak into the ground


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda i, d: composite_depth([]), "layers"),
        (lambda i, d: composite_depth([i]), r"layers\[0\]"),
        (lambda i, d: composite_depth([(i, d), (i[:5], d[:5])]), r"layers\[1\]"),
        (lambda i, d: composite_depth([(i, d), (ie.to_float(i), d)]), "float32"),
        (lambda i, d: composite_depth([(i, d[:5])]), "depth"),
        (lambda i, d: composite_depth([(i, d * np.nan)]), "NaN"),
        (lambda i, d: composite_depth([(i, d > 2)]), "depth"),
        (lambda i, d: composite_depth([(i, d)], softness=-1), "softness"),
        (lambda i, d: composite_depth([(i, d)], near="far"), "near"),
        (lambda i, d: align_depth(d, d[:5]), "depth"),
        (lambda i, d: align_depth(d * 0, d), "depth"),
        (lambda i, d: align_depth(d, d, mask=np.zeros(SIZE, bool)), "depth"),
        (lambda i, d: fog(i, d, density=-1), "density"),
        (lambda i, d: fog(i, d, space="lab"), "space"),
        (lambda i, d: depth_of_field(i, d, focus=0), "focus"),
        (lambda i, d: depth_of_field(i, d, focus=1, radius=float("nan")), "radius"),
    ],
)
def test_bad_input_is_refused_by_name(make, word):
    with pytest.raises(ie.errors.ArgumentError, match=word):
        make(*scene(0))


@pytest.mark.parametrize("softness", [1e-50, 1e-45, 1e-38])
def test_a_softness_next_to_nothing_is_hard(softness):
    layers = [scene(n) for n in range(2)]
    np.testing.assert_array_equal(composite_depth(layers, softness=softness, edge=0), composite_depth(layers))


def test_holes_take_the_farther_side():
    depth = np.array([[9, np.inf, np.nan, 4], [9, 9, 4, 4], [9, 9, 4, 4]], np.float32)
    np.testing.assert_array_equal(fill_depth(depth, near="large")[0], [9, 4, 4, 4])
    np.testing.assert_array_equal(fill_depth(np.where(depth > 99, np.nan, depth))[0, [0, 3]], [9, 4])
    np.testing.assert_array_equal(fill_depth(depth[:, ::-1].copy())[0], [4, 9, 9, 9])


def test_known_depths_stay_and_rows_without_any_take_their_neighbours():
    depth = np.random.default_rng(0).uniform(1, 9, (12, 10))
    holes = np.random.default_rng(1).random((12, 10)) < 0.3
    holes[4], depth[4] = True, 99
    filled = fill_depth(depth, holes)
    np.testing.assert_array_equal(filled[~holes], depth[~holes].astype(np.float32))
    assert filled.min() >= 1
    assert filled.max() <= 9


@pytest.mark.parametrize("near", ["small", "large"])
def test_what_stands_before_everything_is_refused(near):
    image, depth = scene(0)
    depth = depth.copy()
    depth[2, 3] = np.inf if near == "large" else -np.inf
    for use in (
        lambda: composite_depth([(image, depth)], near=near),
        lambda: fog(image, depth, near=near),
        lambda: depth_of_field(image, depth, focus=1.0, near=near),
    ):
        with pytest.raises(ImageError, match="nearer than everything") as caught:
            use()
        assert f"fill_depth(depth, near='{near}')" in str(caught.value)
    assert composite_depth([(image, fill_depth(depth, near=near))], near=near).shape == image.shape


def test_a_map_without_any_depth_is_refused():
    with pytest.raises(ImageError, match="not known anywhere"):
        fill_depth(np.full((3, 3), np.inf))
    with pytest.raises(ImageError, match=r"give one channel: depth\[..., 0\]"):
        fill_depth(np.zeros((3, 3, 3)))
    with pytest.raises(ImageError, match=r"HxW real numbers: np.asarray"):
        fill_depth([[0.0, 1.0]])


def test_fog_refuses_alpha_that_is_none():
    image = photo(np.float32, 4, SIZE)
    image[1, 2, 3] = np.nan
    with pytest.raises(ImageError, match="alpha"):
        fog(image, np.ones(SIZE))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_recipe_counts_depth_as_its_file_has_it(tmp_path, dtype):
    image, depth = scene(0)
    levels = (depth * 20).astype(dtype)
    ie.write(tmp_path / "depth.png", levels)
    step = ie.Step("depth_of_field", depth=str(tmp_path / "depth.png"), focus=60.0, radius=3.0)
    expected = depth_of_field(image, depth * 0 + levels, focus=60.0, radius=3.0)
    np.testing.assert_array_equal(ie.Recipe([step]).apply(image), expected)
    assert (expected != image).any()
    assert (expected == depth_of_field(image, levels, focus=60.0, radius=3.0)).all()
