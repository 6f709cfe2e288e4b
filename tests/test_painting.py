"""Erase, fill, paints, flood selection."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest
import skimage.segmentation
from naive_tone import over
from pictures import DTYPES, KINDS, disc_mask, in_dtype, photo

import imgedit as ie

SOFT = cv2.GaussianBlur(disc_mask().astype(np.float32), (9, 9), 2)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_erase_multiplies_alpha(dtype, channels):
    image = photo(dtype, channels)
    result = ie.erase(image, SOFT)
    assert result.shape == (40, 56, 4)
    rgba = (
        image
        if channels == 4
        else np.dstack([image] * (3 if channels == 1 else 1) + [np.full((40, 56), in_dtype(np.float64(1), dtype))])
    )
    exact = ie.to_float(rgba[..., 3].copy()).astype(np.float64) * (1 - SOFT.astype(np.float64))
    np.testing.assert_allclose(
        result[..., 3].astype(float), in_dtype(exact, dtype), atol=1.01 if dtype != np.float32 else 1e-6
    )
    np.testing.assert_array_equal(result[SOFT == 0], rgba[SOFT == 0])
    partly = (SOFT > 0) & (result[..., 3] > 0) & (rgba[..., 3] > 0)
    # Straight colour stays, to the rounding of a premultiplied product and back.
    np.testing.assert_allclose(result[partly][:, :3], rgba[partly][:, :3], atol=1.01 if dtype != np.float32 else 1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_erased_is_gone(dtype):
    image, mask = photo(dtype, 4), disc_mask()
    result = ie.erase(image, mask)
    assert not result[mask].any()
    np.testing.assert_array_equal(result[~mask], image[~mask])


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_erase_to_a_colour_keeps_channels(dtype, channels):
    image, mask = photo(dtype, channels), disc_mask()
    result = ie.erase(image, mask, to="#336699" if channels > 1 else "#666")
    assert result.shape == image.shape
    expected = in_dtype(np.array([0.2, 0.4, 0.6, 1][:channels] if channels > 1 else [0.4]), dtype)
    np.testing.assert_allclose(
        result[mask].reshape(-1, channels), np.broadcast_to(expected, (mask.sum(), channels)), atol=1e-7
    )
    assert ie.erase(photo(), mask, to="#ff000080").shape[2] == 4


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_fill_is_source_over(dtype, channels):
    image, ink = photo(dtype, channels), (0.6, 0.6, 0.6, 0.7) if channels == 1 else (0.9, 0.2, 0.4, 0.7)
    result = ie.fill(image, SOFT, ink, opacity=0.8)
    values = ie.to_float(image).astype(np.float64).reshape(40, 56, -1)
    expected = np.array([[over(values[y, x], ink, 0.8 * float(SOFT[y, x])) for x in range(56)] for y in range(40)])
    # Where 8-bit alpha is low, nothing can be said of colour: it is stored as it was mixed, to half a level.
    np.testing.assert_allclose(
        ie.to_float(result).reshape(40, 56, -1), expected, atol=0.51 / 255 if dtype == np.uint8 else 2e-5
    )
    np.testing.assert_array_equal(result[SOFT == 0], image[SOFT == 0])
    assert ie.fill(image, SOFT, ink, opacity=0).tobytes() == image.tobytes()


def test_fill_everywhere_and_in_modes():
    image = photo()
    assert (ie.fill(image, None, "tomato") == (255, 99, 71)).all()
    source = np.full_like(image, 128)
    for mode in ("multiply", "screen", "soft-light", "luminosity"):
        np.testing.assert_array_equal(ie.fill(image, None, (128 / 255,), mode=mode), ie.blend(image, source, mode))
    mask = disc_mask()
    light = ie.fill(image, mask, "#ffffff80", space="linear")
    np.testing.assert_array_equal(
        light, ie.blend(image, np.full((40, 56, 4), (255, 255, 255, 128), np.uint8), mask=mask, space="linear")
    )


def test_an_integer_mask_with_a_faint_strip():
    mask = np.zeros((3000, 20), np.uint8)
    mask[0], mask[2990:] = 255, 1  # cut into strips, the last ones have 1 as their largest value
    result = ie.fill(np.zeros((3000, 20), np.uint16), mask, "white")
    assert result[0, 0] == 65535
    assert result[-1, 0] == 257


def at(paint, x, y, size=(10, 20)):
    return ie.fill(np.zeros((*size, 4), np.float32), None, paint)[y, x]


def test_linear_gradient_by_its_formula():
    paint = ie.LinearGradient((0.1, 0.2), (0.9, 0.7), stops=("#000", (1, 0.5, 0.25)))
    result = ie.fill(np.zeros((10, 20, 3), np.float32), None, paint)
    y, x = np.mgrid[:10, :20] + 0.5
    start, along = np.array([2, 2]), np.array([16, 5])
    t = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along @ along), 0, 1)
    np.testing.assert_allclose(result, t[..., None] * [1, 0.5, 0.25], atol=2e-5)  # 65536 steps
    pixels = ie.LinearGradient((2, 2), (18, 7), stops=("#000", (1, 0.5, 0.25)), units="pixels")
    np.testing.assert_allclose(ie.fill(np.zeros((10, 20, 3), np.float32), None, pixels), result, atol=2e-5)


def test_extend():
    def ramp(extend):
        paint = ie.LinearGradient((0.25, 0), (0.5, 0), extend=extend)
        return ie.fill(np.zeros((1, 16), np.float32), None, paint)[0].round(3).tolist()

    up = [0.125, 0.375, 0.625, 0.875]
    assert ramp("pad") == [0] * 4 + up + [1] * 8
    assert ramp("repeat") == up * 4
    assert ramp("reflect") == up[::-1] + up + up[::-1] + up


def test_radial_and_conic():
    radial = ie.RadialGradient(radius=0.4, stops=("black", "white"))
    assert at(radial, 10, 5)[0] == pytest.approx(np.hypot(0.5, 0.5) / 4, abs=2e-5)
    assert at(radial, 0, 5)[0] == 1
    conic = ie.ConicGradient(angle=90)  # from the top, counter-clockwise
    left, bottom, right = at(conic, 0, 5)[0], at(conic, 10, 9)[0], at(conic, 19, 5)[0]
    assert 0.2 < left < 0.3
    assert 0.45 < bottom < 0.55
    assert 0.7 < right < 0.8


def test_stops_mix_premultiplied_and_in_their_space():
    paint = ie.LinearGradient((0, 0), (1, 0), stops=("#f00", "transparent"))
    middle = at(paint, 9, 0)
    np.testing.assert_allclose(middle[:3], [1, 0, 0], atol=1e-6)  # no grey fringe from transparent black
    assert middle[3] == pytest.approx(1 - 9.5 / 20, abs=2e-5)
    ends = (np.array([[0.0, 0.0, 1.0]]), np.array([[1.0, 1.0, 0.0]]))
    for space, there, back in (
        ("linear", ie.srgb_to_linear, ie.linear_to_srgb),
        ("oklab", ie.srgb_to_oklab, ie.oklab_to_srgb),
    ):
        paint = ie.LinearGradient((0, 0), (1, 0), ("blue", "yellow"), space=space)
        share = np.float32(9.5 / 20)
        expected = back(there(ends[0]) * (1 - share) + there(ends[1]) * share)[0]
        np.testing.assert_allclose(at(paint, 9, 0)[:3], np.clip(expected, 0, 1), atol=1e-4)


def test_hard_stops():
    paint = ie.LinearGradient((0, 0), (1, 0), ((0, "red"), (0.5, "red"), (0.5, "blue"), (1, "blue")))
    assert at(paint, 9, 0).tolist() == [1, 0, 0, 1]
    assert at(paint, 10, 0).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_patterns_repeat(dtype):
    tile = photo(dtype, 3, (7, 5))
    result = ie.fill(photo(dtype), None, ie.Pattern(tile, offset=(3, -2)))
    np.testing.assert_array_equal(result, np.roll(np.tile(tile, (7, 13, 1)), (-2, 3), axis=(0, 1))[:40, :56])


def test_patterns_from_files(tmp_path):
    tile = photo(np.uint8, 4, (6, 6))
    ie.write(tmp_path / "tile.png", tile)
    image = photo()
    expected = ie.fill(image, None, ie.Pattern(tile))
    np.testing.assert_array_equal(ie.fill(image, None, f"pattern:{tmp_path / 'tile.png'}"), expected)


@pytest.mark.parametrize("method", ["white", "perlin", "fractal"])
def test_noise_is_seeded_and_the_same_for_every_size(method):
    def noise(size=(60, 90), **parameters):
        return ie.fill(np.zeros(size, np.float32), None, ie.Noise(method, scale=20, **parameters))

    first = noise(seed=3)
    np.testing.assert_array_equal(first, noise(seed=3))
    assert (first != noise(seed=4)).any()
    np.testing.assert_array_equal(first[:30, :40], noise((30, 40), seed=3))
    tall = ie.fill(np.zeros((60, 20_000), np.float32), None, ie.Noise(method, scale=20, seed=3))  # strips of few rows
    np.testing.assert_array_equal(first, tall[:, :90])
    assert first.min() >= 0
    assert first.max() <= 1
    assert abs(first.mean() - 0.5) < 0.1


def test_perlin_noise_is_smooth_and_zero_at_its_lattice():
    values = ie.fill(np.zeros((81, 81), np.float32), None, ie.Noise("perlin", scale=10))
    assert np.abs(np.diff(values)).max() < 0.16  # at most 1.1 a cell of ten pixels
    # Pixel centres lie half a pixel beside the lattice, so its zeros are approached only.
    assert np.abs(values[::10, ::10] - 0.5).max() < 0.06


@pytest.mark.parametrize(
    ("text", "paint"),
    [
        ("linear:0,0,1,1:#000,#fff", ie.LinearGradient((0, 0), (1, 1), ("#000", "#fff"))),
        ("linear:#000,#fff", ie.LinearGradient(stops=("#000", "#fff"))),
        ("linear", ie.LinearGradient()),
        (
            "radial: 0.5, 0.5, 0.3 : red, rgb(0, 0, 255) 40%, blue",
            ie.RadialGradient((0.5, 0.5), 0.3, ((0.0, "red"), (0.4, "rgb(0, 0, 255)"), (1.0, "blue"))),
        ),
        ("conic:0.5,0.5,90:red,lime,red", ie.ConicGradient((0.5, 0.5), 90, ("red", "lime", "red"))),
        ("noise:white", ie.Noise("white")),
        ("noise:perlin,32,7:#000,#f00", ie.Noise("perlin", 32.0, seed=7, stops=("#000", "#f00"))),
        (
            {"kind": "linear", "end": [1, 0], "stops": [[0, "red"], [1, "blue"]], "space": "oklab"},
            ie.LinearGradient(end=(1, 0), stops=((0, "red"), (1, "blue")), space="oklab"),
        ),
        ({"kind": "noise", "method": "fractal", "octaves": 2}, ie.Noise("fractal", octaves=2)),
    ],
)
def test_paints_in_words(text, paint):
    assert ie.parse_paint(text) == paint
    assert pickle.loads(pickle.dumps(paint)) == paint


@pytest.mark.parametrize(
    ("paint", "word"),
    [
        ("tomatoe", "'tomato'"),
        ("linear:0,0,1,x:red,blue", "start"),
        ("linear:0,0,1,1,1:red,blue", "linear:start"),
        ("linear:0,0,0,0:red,blue", "end"),
        ("linear:red", "two colours"),
        ("radial:0.5,0.5,-1:red,blue", "radius"),
        ("noise:perlin,0.1", "scale"),
        ("noise:perlin,8,1.5", "method"),
        ({"colour": "red"}, "kind"),
        ({"kind": "lineal"}, "'linear'"),
        ({"kind": "linear", "strat": [0, 0]}, "'start'"),
        ({"kind": "linear", "space": "lab"}, "oklab"),
        ({"kind": "linear", "stops": [[1, "red"], [0, "blue"]]}, "positions"),
        ({"kind": "noise", "octaves": 99}, "octaves"),
        ({"kind": "pattern"}, "image"),
        (42, "colour"),
    ],
)
def test_what_is_no_paint_is_refused(paint, word):
    with pytest.raises(ie.errors.ArgumentError, match=word):
        ie.fill(photo(), None, paint)


def test_grey_images_take_grey_paints():
    grey = photo(channels=1)
    assert ie.fill(grey, None, "linear:black,white").ndim == 2
    for call in (lambda: ie.fill(grey, None, "red"), lambda: ie.erase(grey, disc_mask(), to="red")):
        with pytest.raises(ie.errors.ArgumentError, match="grey"):
            call()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("diagonal", [False, True])
def test_flood_is_scikit_images_exactly(dtype, diagonal):
    levels = np.random.default_rng(0).integers(100, 111, (40, 50)).astype(np.uint8)
    image = in_dtype(levels / 255, dtype)
    for tolerance in range(5):
        ours = ie.flood_mask(image, (20, 10), tolerance=tolerance / 255, diagonal=diagonal)
        peer = skimage.segmentation.flood(levels, (10, 20), tolerance=tolerance, connectivity=2 if diagonal else 1)
        np.testing.assert_array_equal(ours, peer)
        everywhere = ie.flood_mask(image, (20, 10), tolerance=tolerance / 255, contiguous=False)
        np.testing.assert_array_equal(everywhere, np.abs(levels.astype(int) - levels[10, 20]) <= tolerance)


def test_flood_compares_channels_and_eyes():
    image = np.array([[[100, 100, 100], [100, 100, 105], [100, 90, 100]]], np.uint8)
    assert ie.flood_mask(image, (0, 0), tolerance=5 / 255).tolist() == [[1, 1, 0]]
    # To the eye, five levels of blue are less than ten of green, and white is far.
    assert ie.flood_mask(image, (0, 0), tolerance=0.02, space="oklab").tolist() == [[1, 1, 0]]
    hidden = np.zeros((1, 3, 4), np.uint8)
    hidden[0, 1, 0], hidden[0, 2, 3] = 200, 255
    assert ie.flood_mask(hidden, (0, 0), tolerance=0).tolist() == [[1, 1, 0]]


def test_antialias_finds_the_share_of_an_antialiased_disc():
    y, x = np.mgrid[:64, :64] + 0.5
    inside = np.clip(20.5 - np.hypot(x - 32, y - 32), 0, 1)
    image = in_dtype(inside[..., None] * [0.9, 0.1, 0.1] + (1 - inside[..., None]) * [0.2, 0.6, 0.9], np.float32)
    mask = ie.flood_mask(image, (32, 32), tolerance=0.02, antialias=True)
    np.testing.assert_allclose(mask, inside, atol=0.03)
    assert (mask[inside == 1] == 1).all()
    recoloured = ie.flood_fill(image, (32, 32), (0.1, 0.8, 0.1), tolerance=0.02)
    # What the disc would look like, had it been drawn in the new colour, but for the old colour's share at the rim.
    assert np.abs(recoloured[mask == 1] - [0.1, 0.8, 0.1]).max() < 1e-6
    aliased = np.repeat((inside > 0.5)[..., None], 3, axis=2).astype(np.float32)
    hard = ie.flood_mask(aliased, (32, 32), antialias=True)
    assert set(np.unique(hard)) == {0, 1}


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda i: ie.flood_mask(i, (56, 0)), "point"),
        (lambda i: ie.flood_mask(i, (-1, 0)), "point"),
        (lambda i: ie.flood_mask(i, 3), "point"),
        (lambda i: ie.flood_mask(i, (0, 0), tolerance=25), "tolerance"),
        (lambda i: ie.flood_mask(i, (0, 0), space="lab"), "oklab"),
        (lambda i: ie.fill(i, None, "red", opacity=2), "opacity"),
        (lambda i: ie.fill(i, None, "red", mode="multipy"), "'multiply'"),
        (lambda i: ie.fill(i, disc_mask((20, 20)), "red"), "mask is 20x20"),
    ],
)
def test_mistakes_are_named(call, word):
    with pytest.raises(ie.errors.ArgumentError, match=word):
        call(photo())
