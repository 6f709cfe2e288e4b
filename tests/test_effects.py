"""Effects: plain twins for blur, distance and shift; laws of shape and canvas; bad input."""

from __future__ import annotations

import pickle

import naive_layers
import numpy as np
import pytest
from pictures import DTYPES, in_dtype, photo
from scipy.ndimage import shift as scipy_shift

import imgedit as ie
from imgedit.compositing.paints import EFFECTS
from imgedit.compositing.rims import signed_distance

OUTER = {"drop_shadow": ie.drop_shadow, "outer_glow": ie.outer_glow, "stroke": ie.stroke}
INNER = {
    "inner_shadow": ie.inner_shadow,
    "inner_glow": ie.inner_glow,
    "bevel": ie.bevel,
    "color_overlay": ie.color_overlay,
    "gradient_overlay": ie.gradient_overlay,
}


def disc(size=48, radius=14.0, dtype=np.float32):
    y, x = np.mgrid[:size, :size]
    alpha = np.clip(radius + 0.5 - np.hypot(y - size / 2 + 0.5, x - size / 2 + 0.5), 0, 1)
    color = photo(np.float32, 3, (size, size))
    return in_dtype(np.dstack([color, alpha]).astype(np.float64), dtype)


def test_distance_equals_trying_every_pixel():
    alpha = disc(24, 6.3)[..., 3]
    expected = naive_layers.distance(alpha.astype(np.float64))
    # Jump flooding may miss the best seed; then it has one whose rim is nearly as near.
    np.testing.assert_allclose(signed_distance(alpha, 99), expected, atol=0.04)
    near = np.abs(expected) <= 3
    np.testing.assert_allclose(signed_distance(alpha, 3)[near], expected[near], atol=0.04)
    assert (np.abs(signed_distance(alpha, 3))[~near] > 3).all()


def test_distance_to_a_straight_soft_rim_is_exact():
    for cover in (0.25, 0.5, 0.9):
        alpha = np.zeros((30, 40), np.float32)
        alpha[:, :20], alpha[:, 20] = 1, cover
        # The array ends left and above too, so only the middle row's nearest rim is the straight one.
        np.testing.assert_allclose(
            signed_distance(alpha, 99)[15, 12:35], np.arange(12, 35) + 0.5 - 20 - cover, atol=1e-5
        )


def test_shadow_is_the_shifted_blurred_alpha():
    image = disc()
    result = ie.drop_shadow(image, offset=(5, -3), size=6, opacity=0.7, color="#102030", alone=True)
    moved = scipy_shift(image[..., 3].astype(np.float64), (-3, 5), order=1)
    expected = 0.7 * naive_layers.gaussian(moved, 3.0)
    np.testing.assert_allclose(result[..., 3], expected, atol=1e-5)
    np.testing.assert_allclose(result[24, 24, :3] * 255, (16, 32, 48), atol=1e-3)


def test_inner_shadow_is_the_blurred_complement_within_the_alpha():
    image = disc()
    result = ie.inner_shadow(image, offset=(0, 0), size=6, opacity=1.0, alone=True)
    cover = naive_layers.gaussian(1 - image[..., 3].astype(np.float64), 3.0, border=1.0)
    np.testing.assert_allclose(result[..., 3], cover * image[..., 3], atol=1e-5)


@pytest.mark.parametrize("position", ["inside", "center", "outside"])
def test_a_stroke_of_a_disc_is_a_ring_of_its_width(position):
    image = disc(80, 25.0)
    result = ie.stroke(image, size=4, position=position, alone=True)
    inner, outer = {"inside": (21, 25), "center": (23, 27), "outside": (25, 29)}[position]
    area = np.pi * (outer**2 - inner**2)
    # Coverage tells how far a rim runs from a centre, not in which direction: up to a few hundredths of a pixel.
    assert result[..., 3].sum() == pytest.approx(area, rel=0.03)
    radius = np.hypot(*(np.mgrid[:80, :80] - 39.5))
    assert (result[..., 3][(radius > inner + 1) & (radius < outer - 1)] > 0.99).all()
    assert result[..., 3][(radius < inner - 1) | (radius > outer + 1)].max() == 0


def test_a_merged_stroke_leaves_no_gap_at_a_soft_rim():
    image = disc()
    for position in ("center", "outside"):
        alpha = ie.stroke(image, size=4, position=position)[..., 3]
        radius = np.hypot(*(np.mgrid[:48, :48] - 23.5))
        np.testing.assert_allclose(alpha[radius < 15], 1, atol=1e-6)


@pytest.mark.parametrize("name", INNER)
def test_inner_effects_keep_alpha(name):
    image = disc()
    result = INNER[name](image)
    np.testing.assert_allclose(result[..., 3], image[..., 3], atol=1e-6)
    assert np.abs(result - image)[image[..., 3] > 0.5].max() > 0.05


@pytest.mark.parametrize("name", OUTER)
def test_outer_effects_keep_the_picture_and_grow_the_canvas_on_request(name):
    image = disc()
    apply = OUTER[name]
    inside = image[..., 3] == 1
    np.testing.assert_allclose(apply(image)[inside], image[inside], atol=1e-6)
    grown = apply(image, expand=True)
    margin = (grown.shape[0] - 48) // 2
    assert margin > 0
    np.testing.assert_allclose(grown[margin:-margin, margin:-margin][inside], image[inside], atol=1e-6)
    assert not grown[0].any()
    assert not grown[:, -1].any()
    assert apply(image, expand=7).shape == (62, 62, 4)
    assert apply(image[..., :3].copy(), expand=2).shape == (52, 52, 4)


@pytest.mark.parametrize("name", [*OUTER, *INNER])
def test_no_opacity_no_effect(name):
    image = disc(dtype=np.uint8)
    result = {**OUTER, **INNER}[name](image, opacity=0.0)
    seen = image[..., 3] > 0
    # Half a level of rounding on the way to premultiplied colour and back.
    assert np.abs(result[seen].astype(int) - image[seen]).max() <= 1
    assert not {**OUTER, **INNER}[name](image, opacity=0.0, alone=True)[..., 3].any()


@pytest.mark.parametrize("name", [*OUTER, *INNER])
def test_alone_over_the_picture_is_the_merged_one(name):
    if name in ("drop_shadow", "outer_glow", "stroke", "bevel"):
        order = {"drop_shadow": "below", "outer_glow": "below"}.get(name, "above")
    else:
        order = "above"
    image = disc()
    given = {"mode": "normal"} if name not in ("bevel",) else {"highlight_mode": "normal", "shadow_mode": "normal"}
    apply = {**OUTER, **INNER}[name]
    alone, merged = apply(image, alone=True, **given), apply(image, **given)
    stack = [alone, image] if order == "below" else [image, alone]
    expected = ie.flatten([ie.Layer(part) for part in stack])
    hard = (image[..., 3] == 1) | (image[..., 3] == 0)  # a soft rim counts its coverage once when merged
    np.testing.assert_allclose(ie.premultiply(merged)[hard], ie.premultiply(expected)[hard], atol=1e-5)


def test_bands_leave_no_seam(monkeypatch):
    image = disc(96, 30.0)
    for name, apply in {**OUTER, **INNER}.items():
        whole = apply(image)
        monkeypatch.setattr("imgedit.compositing.effects.BAND", 1)
        np.testing.assert_allclose(apply(image), whole, atol=1e-4, err_msg=name)
        monkeypatch.undo()


def test_a_bevel_is_lit_from_its_angle():
    card = np.full((40, 40), 0.5, np.float32)
    for angle, (bright, dark) in {90: ((2, 20), (37, 20)), 0: ((20, 37), (20, 2))}.items():
        lit = ie.bevel(card, angle=angle)
        assert lit[bright] > 0.6 > 0.4 > lit[dark]
        sunk = ie.bevel(card, angle=angle, depth=-1)
        assert sunk[bright] < 0.4 < 0.6 < sunk[dark]
    assert ie.bevel(card)[20, 20] == pytest.approx(0.5)


@pytest.mark.parametrize("style", ["linear", "radial", "angle", "reflected", "diamond"])
def test_gradient_styles_at_known_places(style):
    card = np.zeros((101, 101), np.float32)
    result = ie.gradient_overlay(card, style=style, angle=0)
    expected = {
        "linear": {(50, 0): 0.5 / 101, (50, 50): 0.5, (0, 100): 100.5 / 101},
        "radial": {(50, 50): 0, (50, 100): 100 / 101, (0, 0): 1},
        "angle": {(50, 100): 0, (0, 50): 0.25, (50, 0): 0.5, (100, 50): 0.75},
        "reflected": {(50, 50): 0, (0, 100): 100 / 101, (0, 0): 100 / 101},
        "diamond": {(50, 50): 0, (25, 75): 100 / 101, (0, 0): 1},
    }[style]
    for place, value in expected.items():
        assert result[place] == pytest.approx(value, abs=1e-4)


def test_gradient_stops_and_their_alpha():
    card = np.zeros((1, 100, 3), np.float32)
    result = ie.gradient_overlay(card, colors=("red", "blue", "#ffffff00"), positions=(0.0, 0.5, 1.0), angle=0)
    np.testing.assert_allclose(result[0, 25], (0.49, 0, 0.51), atol=0.01)
    np.testing.assert_allclose(result[0, 99], 0, atol=0.01)


def test_a_grey_image_becomes_colour_only_for_colour():
    grey = photo(np.uint8, 1, (20, 20))
    assert ie.inner_shadow(grey).ndim == 2
    assert ie.inner_shadow(grey, color="red").shape == (20, 20, 3)
    assert ie.inner_shadow(grey, alone=True).shape == (20, 20, 4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_agree(dtype):
    image = disc(dtype=dtype)
    step = 2.1 / np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1e-6
    for apply in (ie.drop_shadow, ie.bevel):
        result, expected = (ie.premultiply(ie.to_float(x)) for x in (apply(image), apply(ie.to_float(image))))
        np.testing.assert_allclose(result, expected, atol=step)


def test_effects_are_plain_values():
    for kind in EFFECTS.values():
        effect = kind(np.zeros((2, 2), np.uint8)) if kind is ie.PatternOverlay else kind()
        clone = pickle.loads(pickle.dumps(effect))
        assert kind is ie.PatternOverlay or clone == effect


def test_a_pattern_repeats():
    tile = np.array([[0, 255], [255, 0]], np.uint8)
    layer = ie.Layer(np.zeros((5, 5), np.uint8), effects=[ie.PatternOverlay(tile)])
    np.testing.assert_array_equal(ie.flatten([layer]), np.indices((5, 5)).sum(0) % 2 * 255)


@pytest.mark.parametrize(
    ("verb", "given", "word"),
    [
        ("drop_shadow", {"opacity": 2.0}, "opacity"),
        ("drop_shadow", {"size": -1.0}, "size"),
        ("drop_shadow", {"size": float("nan")}, "size"),
        ("drop_shadow", {"spread": 1.5}, "spread"),
        ("drop_shadow", {"offset": 3}, "offset"),
        ("drop_shadow", {"color": "blakc"}, "color"),
        ("drop_shadow", {"mode": "multipyl"}, "mode"),
        ("drop_shadow", {"expand": -1}, "expand"),
        ("stroke", {"size": 0.0}, "size"),
        ("stroke", {"position": "middle"}, "position"),
        ("inner_glow", {"source": "middle"}, "source"),
        ("bevel", {"altitude": 100.0}, "altitude"),
        ("gradient_overlay", {"colors": ("red",)}, "colors"),
        ("gradient_overlay", {"positions": (1.0, 0.0)}, "positions"),
        ("gradient_overlay", {"style": "conic"}, "style"),
        ("gradient_overlay", {"scale": 0.0}, "scale"),
    ],
)
def test_bad_parameters_are_refused_by_name(verb, given, word):
    with pytest.raises(ie.errors.ArgumentError, match=word):
        getattr(ie, verb)(disc(), **given)


def test_a_stroke_is_drawn_with_a_gradient_or_a_pattern():
    ground = np.zeros((20, 20, 4), np.float32)
    ground[5:15, 5:15] = 1
    gradient = ie.GradientOverlay(colors=("black", "white"), angle=0)
    drawn = ie.flatten([ie.Layer(ground, effects=[ie.Stroke(size=2, fill=gradient)])])
    np.testing.assert_allclose(drawn[4, 5:15, 0], (np.arange(5, 15) + 0.5) / 20, atol=1e-5)
    np.testing.assert_allclose(drawn[5:15, 5:15], ground[5:15, 5:15], atol=1e-6)
    plain = ie.flatten([ie.Layer(ground, effects=[ie.Stroke(size=2)])])
    np.testing.assert_allclose(drawn[..., 3], plain[..., 3], atol=1e-6)
    checks = np.float32([[0, 1], [1, 0]])
    tiled = ie.flatten([ie.Layer(ground, effects=[ie.Stroke(size=2, fill=ie.PatternOverlay(checks))])])
    np.testing.assert_allclose(tiled[4, 5:15, 0], np.arange(5, 15) % 2, atol=1e-6)
    with pytest.raises(ie.errors.ArgumentError, match="fill"):
        ie.Stroke(fill="red")


def test_satin_is_dark_where_its_copies_agree_or_differ():
    bar = np.zeros((9, 60, 4), np.float32)
    bar[:, 10:50] = 1
    folds = {}
    for invert in (True, False):
        satin = ie.Satin(color="black", opacity=1, angle=0, distance=4, size=0, invert=invert, mode="normal")
        folds[invert] = ie.flatten([ie.Layer(bar, effects=[satin])])[4, 10:50, 0]
    # Moved by 4 either way, the copies differ within 4 pixels of the two ends.
    differ = np.r_[np.ones(4), np.zeros(32), np.ones(4)]
    np.testing.assert_allclose(folds[True], differ, atol=1e-5)
    np.testing.assert_allclose(folds[False], 1 - differ, atol=1e-5)
