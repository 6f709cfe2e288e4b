"""Laws of compositing as properties, searched by hypothesis; seeded, so that each run tries the same examples."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import DTYPES, photo

import imgedit as ie
from imgedit.compositing.equation import BLEND_MODES
from imgedit.compositing.modes import MODES
from imgedit.compositing.operators import OPERATORS

quickly = settings(max_examples=20, derandomize=True, deadline=None, database=None)

kinds = st.tuples(st.sampled_from(DTYPES), st.sampled_from([1, 3, 4]), st.sampled_from([1, 3, 4]), st.integers(0, 99))
modes = st.sampled_from(list(BLEND_MODES))
formulas = st.sampled_from(list(MODES))


@functools.cache
def picture(dtype, channels, seed):
    """A photo with clear, half clear and opaque parts, and black, white and equal colours among the others."""
    image = photo(dtype, channels, (11, 13), seed)
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    image[0, :4], image[1, :4] = 0, white
    if channels == 4:
        image[2, :, 3], image[3, :, 3] = 0, white
    image.flags.writeable = False
    return image


def pair(kind):
    dtype, b, s, seed = kind
    return picture(dtype, b, seed), picture(dtype, s, seed + 100)


def widened(image, like):
    """The image with the channels of another: grey becomes RGB, opaque becomes alpha 1."""
    if image.ndim == like.ndim and image.shape == like.shape:
        return image
    color = image if image.ndim == 3 else np.dstack([image] * 3)
    if like.shape[2] == 4 and color.shape[2] == 3:
        white = 1 if image.dtype.kind == "f" else np.iinfo(image.dtype).max
        color = np.dstack([color, np.full(image.shape[:2], white, image.dtype)])
    return color


@quickly
@given(kinds, modes, st.sampled_from(["srgb", "linear", "oklab"]))
def test_at_opacity_0_nothing_changes(kind, mode, space):
    b, s = pair(kind)
    got = ie.blend(b, s, mode, opacity=0.0, space=space)
    np.testing.assert_array_equal(got, widened(b, got))


@quickly
@given(kinds, formulas, st.sampled_from(["srgb", "linear", "oklab"]))
def test_a_clear_source_changes_nothing_hidden_colors_included(kind, mode, space):
    dtype, b, _, seed = kind
    b, s = picture(dtype, b, seed), picture(dtype, 4, seed + 100).copy()
    s[..., 3] = 0
    got = ie.blend(b, s, mode, space=space)
    np.testing.assert_array_equal(got, widened(b, got))


@quickly
@given(kinds)
def test_an_opaque_normal_source_is_the_result(kind):
    b, s = pair((kind[0], kind[1], 3, kind[3]))
    got = ie.blend(b, s)
    np.testing.assert_array_equal(got[..., :3], s)


@quickly
@given(st.sampled_from(DTYPES), st.integers(0, 99))
def test_source_over_is_associative(dtype, seed):
    a, b, c = (ie.to_float(picture(dtype, 4, seed + i)) for i in range(3))
    left, right = ie.blend(ie.blend(a, b), c), ie.blend(a, ie.blend(b, c))
    np.testing.assert_allclose(left[..., 3], right[..., 3], atol=1e-6)
    seen = left[..., 3] > 1e-3
    np.testing.assert_allclose(left[seen], right[seen], atol=1e-5)


@quickly
@given(kinds, st.sampled_from(sorted(set(OPERATORS) - {"saturate"})))
def test_an_operator_mirrors_its_twin_with_the_images_exchanged(kind, operator):
    twins = {name: name for name in ("clear", "xor", "plus")}
    for which in ("over", "in", "out", "atop"):
        twins[f"source-{which}"], twins[f"destination-{which}"] = f"destination-{which}", f"source-{which}"
    twins["source"], twins["destination"] = "destination", "source"
    b, s = (ie.to_float(x) for x in pair((kind[0], 4, 4, kind[3])))
    one, other = ie.blend(b, s, operator=operator), ie.blend(s, b, operator=twins[operator])
    np.testing.assert_allclose(one[..., 3], other[..., 3], atol=1e-6)
    seen = one[..., 3] > 1e-3
    np.testing.assert_allclose(one[seen], other[seen], atol=1e-5)


@quickly
@given(st.sampled_from([name for name in MODES if MODES[name].bounded]), st.integers(0, 99))
def test_a_bounded_formula_stays_in_range(mode, seed):
    rng = np.random.default_rng(seed)
    b, s = rng.random((2, 3, 20, 20), np.float32)
    b[:, 0], b[:, 1], s[:, :, 0], s[:, :, 1], s[:, 2:4] = 0, 1, 0, 1, b[:, 2:4]
    got = MODES[mode].formula(b, s)
    assert got.min() >= -2e-6  # rounding of float32
    assert got.max() <= 1 + 2e-6


@quickly
@given(formulas, st.integers(0, 99))
def test_a_formula_survives_values_beyond_the_range(mode, seed):
    b, s = np.random.default_rng(seed).uniform(-1, 3, (2, 3, 9, 9)).astype(np.float32)
    assert np.isfinite(MODES[mode].formula(b, s)).all()


@quickly
@given(
    st.sampled_from(["multiply", "screen", "darken", "lighten", "difference", "exclusion", "linear-dodge", "plus"]),
    kinds,
)
def test_symmetric_modes_commute(mode, kind):
    b, s = pair((kind[0], 3, 3, kind[3]))
    option = {"operator": "plus"} if mode == "plus" else {"mode": mode}
    np.testing.assert_array_equal(ie.blend(b, s, **option), ie.blend(s, b, **option))


@quickly
@given(kinds)
def test_exchanged_images_turn_modes_into_each_other(kind):
    b, s = (ie.to_float(x) for x in pair((kind[0], 3, 3, kind[3])))
    for one, other in {"overlay": "hard-light", "reflect": "glow", "color": "luminosity", "heat": "freeze"}.items():
        np.testing.assert_allclose(ie.blend(b, s, one), ie.blend(s, b, other), atol=1e-6)


@pytest.mark.parametrize(
    ("mode", "neutral"),
    [
        *((mode, 0) for mode in ("screen", "lighten", "color-dodge", "linear-dodge", "difference", "exclusion")),
        *((mode, 0) for mode in ("subtract", "addition", "xor", "or", "modulus-add")),
        *((mode, 1) for mode in ("multiply", "darken", "color-burn", "linear-burn", "divide", "and", "gamma-light")),
        *((mode, 0.5) for mode in ("hard-light", "soft-light", "vivid-light", "linear-light", "pin-light")),
        *((mode, 0.5) for mode in ("grain-merge", "grain-extract", "soft-light:pegtop", "soft-light:photoshop")),
    ],
)
def test_a_neutral_source_changes_nothing(mode, neutral):
    b = photo(np.float32, 3)
    np.testing.assert_allclose(ie.blend(b, np.full_like(b, neutral), mode), b, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("brightest", [1, 3])
def test_a_formula_leaves_its_arguments_alone(mode, brightest):
    given = np.linspace(0, brightest, 2 * 3 * 7 * 5, dtype=np.float32).reshape(2, 3, 7, 5)
    b, s = np.ascontiguousarray(given[0]), np.ascontiguousarray(given[1, :, ::-1])
    before = b.copy(), s.copy()
    if MODES[mode].separable:
        b, s = b[0], s[0]
    result = MODES[mode].formula(b, s)
    assert (result is s) == (mode == "normal")
    np.testing.assert_array_equal((b, s), before if b.ndim == 3 else (before[0][0], before[1][0]))


def test_what_is_left_of_a_division_of_16_bit_levels_is_that_of_integers():
    rng = np.random.default_rng(0)
    s = rng.integers(1, 65536, 100_000)
    near_multiples = s * (rng.integers(0, 65536, s.size) // s) + rng.integers(-1, 2, s.size)
    b = np.clip(near_multiples, 0, 65535)
    got = MODES["modulo"].formula(*((x / 65535).astype(np.float32) for x in (b, s)))
    np.testing.assert_array_equal(np.rint(got.astype(np.float64) * 65535), b % s)


@quickly
@given(kinds, modes)
def test_the_cut_into_strips_is_not_seen(kind, mode):
    dtype, b, s, seed = kind
    tall = photo(dtype, b, (300, 7), seed), photo(dtype, s, (300, 7), seed + 1)
    whole = ie.blend(*tall, mode, opacity=0.7)
    for rows in (slice(0, 100), slice(100, 101), slice(101, 300)):
        part = ie.blend(*(np.ascontiguousarray(x[rows]) for x in tall), mode, opacity=0.7)
        if mode != "dissolve":  # its noise belongs to the place on the canvas
            np.testing.assert_array_equal(part, whole[rows])
