"""Flatten: laws of groups, clipping, masks and knockout; the plain twin; memory; bad stacks."""

from __future__ import annotations

import functools
import pickle
import tracemalloc

import cv2
import naive_layers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import KINDS, disc_mask, in_dtype, photo

import imgedit as ie
from imgedit import Group, Layer, flatten

SIZE = (12, 16)
# Half a level of 8 bit: the twin is not rounded.
HALF_LEVEL = 0.5 / 255 + 1e-6


def picture(seed, channels=4, dtype=np.float32, size=SIZE):
    image = photo(dtype, channels, size, seed=seed)
    if channels == 4:
        image[..., 3] = in_dtype(np.random.default_rng(seed).random(size), dtype)
    return image


def premultiplied(image):
    image = ie.to_float(image).astype(np.float64)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.shape[2] == 3:
        image = np.dstack([image, np.ones(image.shape[:2])])
    image[..., :3] *= image[..., 3:]
    return image


def assert_same(result, expected, atol=1e-5):
    np.testing.assert_allclose(premultiplied(result), premultiplied(expected), atol=atol)


# Laws


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_one_layer_is_itself(dtype, channels):
    image = picture(0, channels, dtype)
    result = flatten([Layer(image)])
    assert result.dtype == dtype
    if channels == 4:
        assert_same(result, image, atol=1.01 / (np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1e5))
    else:
        np.testing.assert_array_equal(result, image)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99),
    mode=st.sampled_from(["normal", "multiply", "soft-light", "hue", "linear-burn", "erase"]),
    opacity=st.floats(0, 1, width=32),
    isolation=st.sampled_from(["isolated", "pass-through"]),
)
def test_a_group_of_one_is_its_layer(seed, mode, opacity, isolation):
    ground = Layer(picture(seed))
    inner_mode, outer_mode = (mode, "normal") if isolation == "pass-through" else ("normal", mode)
    group = Group([Layer(picture(seed + 1), mode=inner_mode, opacity=opacity)], isolation=isolation, mode=outer_mode)
    plain = Layer(picture(seed + 1), mode=mode, opacity=opacity)
    assert_same(flatten([ground, group]), flatten([ground, plain]))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99))
def test_normal_layers_may_be_grouped_anywhere(seed):
    a, b, c = (Layer(picture(seed + n)) for n in range(3))
    assert_same(flatten([a, Group([b, c])]), flatten([Group([a, b]), c]))


def test_opacity_0_hidden_or_masked_out_changes_nothing():
    ground, top = Layer(picture(1, 3)), picture(2)
    plain = flatten([ground])
    nothing = np.zeros(SIZE, bool)
    for layer in (Layer(top, opacity=0.0), Layer(top, visible=False), Layer(top, mask=nothing), Layer(top, fill=0.0)):
        for item in (layer, Group([layer]), Group([layer], isolation="pass-through")):
            np.testing.assert_array_equal(flatten([ground, item]), plain)
    np.testing.assert_array_equal(flatten([ground, Group([Layer(top)], opacity=0.0)]), plain)
    np.testing.assert_array_equal(flatten([ground, Group([Layer(top)], visible=False)]), plain)


@pytest.mark.parametrize("mode", ["normal", "multiply", "color", "hard-mix"])
@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_two_layers_are_blend(dtype, channels, mode):
    backdrop, source = picture(3, channels, dtype), picture(4, 4, dtype)
    mask = disc_mask(SIZE)
    result = flatten([Layer(backdrop), Layer(source, mode=mode, opacity=0.7, mask=mask)])
    expected = ie.blend(backdrop, source, mode, opacity=0.7, mask=mask)
    step = 1.01 / np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1e-5
    # Hard mix is a threshold: float and integer paths may fall on either side of it at a few pixels.
    off = np.abs(premultiplied(result) - premultiplied(expected)) > step
    assert off.mean() <= (0.01 if mode == "hard-mix" else 0)


@pytest.mark.parametrize("space", ["linear", "oklab"])
def test_space_is_that_of_blend(space):
    a, b = picture(5, 3), picture(6)
    assert_same(flatten([Layer(a), Layer(b, mode="multiply")], space=space), ie.blend(a, b, "multiply", space=space))


def test_the_result_does_not_depend_on_strips(monkeypatch):
    stack = [
        Layer(picture(0, 3, size=(40, 16))),
        Layer(picture(1, size=(30, 20)), offset=(-3, 7), mode="screen", effects=[ie.DropShadow(size=4), ie.Stroke()]),
        Group([Layer(picture(2, size=(40, 16)), mode="dissolve", opacity=0.5)], effects=[ie.Bevel(size=3)]),
    ]
    whole = flatten(stack)
    monkeypatch.setattr("imgedit.compositing.flattening._strip_rows", lambda *_: 1)
    assert_same(flatten(stack), whole, atol=2e-6)


def test_groups_masks_clipping_and_knockout_equal_the_twin():
    rng = np.random.default_rng(0)
    soft = rng.random(SIZE).astype(np.float32)
    stack = [
        Layer(picture(0)),
        Layer(picture(1, size=(6, 7)), offset=(-2, 3), mode="multiply", opacity=0.8),
        Layer(picture(2), mode="screen", clip=True),
        Layer(picture(3, 3), mode="difference", clip=True, opacity=0.4),
        Group(
            [Layer(picture(4)), Layer(picture(5), mode="multiply")], isolation="pass-through", opacity=0.6, mask=soft
        ),
        Group([Layer(picture(6)), Layer(picture(7, 1), mode="screen", mask=soft)], mode="difference", opacity=0.9),
        Group([Layer(picture(8)), Layer(picture(9), opacity=0.5)], knockout=True, mode="multiply"),
        Group([Layer(picture(10)), Layer(picture(11), opacity=0.3, knockout="shallow")], isolation="pass-through"),
    ]
    for count in range(1, len(stack) + 1):
        expected = naive_layers.flatten(stack[:count], SIZE)
        assert_same(flatten(stack[:count]), expected.astype(np.float32))


def test_deep_knockout_shows_the_ground():
    ground = np.full((*SIZE, 3), 0.25, np.float32)
    stack = ie.Stack(
        (
            Layer(ground),
            Layer(picture(1, 3)),
            Group([Layer(picture(2), knockout="deep", fill=0.0)], isolation="pass-through"),
        ),
        SIZE,
        fixed=1,
    )
    result = flatten(stack)
    alpha = picture(2)[..., 3:]
    np.testing.assert_allclose(result[..., :3], alpha * ground + (1 - alpha) * picture(1, 3), atol=1e-5)


def test_clipping_keeps_the_alpha_of_its_base():
    base, paint = picture(1), picture(2, 3)
    result = flatten([Layer(base), Layer(paint, clip=True)])
    np.testing.assert_allclose(result[..., 3], base[..., 3], atol=1e-6)
    seen = base[..., 3] > 0.01
    np.testing.assert_allclose(result[..., :3][seen], paint[seen], atol=1e-5)
    hidden = flatten([Layer(base, visible=False), Layer(paint, clip=True)], size=SIZE)
    assert not hidden[..., 3].any()


def test_an_adjustment_changes_colour_below_it_and_no_alpha():
    base = picture(1)
    mask = disc_mask(SIZE)
    result = flatten([Layer(base), Layer(None, adjustment=np.negative, opacity=0.5, mask=mask, name="invert")])
    expected = base.copy()
    expected[mask, :3] *= 0
    np.testing.assert_allclose(result[mask, :3], expected[mask, :3], atol=1e-6)
    assert_same(result[~mask][None], base[~mask][None])
    np.testing.assert_allclose(result[..., 3], base[..., 3], atol=1e-6)


def test_an_adjustment_in_a_group_or_clipped_stays_there():
    ground, top = picture(1, 3), picture(2)
    black = Layer(None, adjustment=np.zeros_like)
    blackened = top.copy()
    blackened[..., :3] = 0
    expected = flatten([Layer(ground), Layer(blackened)])
    assert_same(flatten([Layer(ground), Group([Layer(top), black])]), expected)
    assert_same(flatten([Layer(ground), Layer(top), Layer(None, adjustment=np.zeros_like, clip=True)]), expected)


def test_a_tone_edit_is_an_adjustment():
    image = picture(1, 3)
    edit = functools.partial(ie.adjust, exposure=0.5)
    np.testing.assert_allclose(flatten([Layer(image), Layer(None, adjustment=edit)]), edit(image), atol=1e-5)


def test_an_adjustment_that_looks_around_sees_everything():
    image = picture(1, 3, size=(300, 400))
    flipped = flatten([Layer(image), Layer(None, adjustment=lambda x: x[::-1].copy(), pointwise=False)])
    np.testing.assert_array_equal(flipped, image[::-1])


def test_effects_of_a_layer_are_those_of_the_verb():
    image = picture(1, size=(40, 40))
    image[..., 3] = disc_mask((40, 40))
    ground = Layer(picture(2, 3, size=(40, 40)))
    pairs = ((ie.DropShadow(mode="normal"), ie.drop_shadow), (ie.Stroke(), ie.stroke), (ie.Bevel(), ie.bevel))
    for effect, verb in pairs:
        expected = flatten([ground, Layer(verb(image))])
        assert_same(flatten([ground, Layer(image, effects=[effect])]), expected)


def test_fill_hides_the_picture_but_not_its_effects():
    image = np.zeros((20, 20, 4), np.float32)
    image[5:15, 5:15] = 1
    ground = np.full((20, 20, 3), 0.5, np.float32)
    result = flatten([Layer(ground), Layer(image, fill=0.0, effects=[ie.Stroke(size=2, position="outside")])])
    np.testing.assert_allclose(result[6:14, 6:14], 0.5)
    np.testing.assert_allclose(result[3:5, 6:14], 0, atol=1e-6)


def test_background_size_and_offsets():
    dot = np.full((2, 2), 255, np.uint8)
    result = flatten([Layer(dot, offset=(3, 1))], background="#102030")
    assert result.shape == (3, 5, 3)
    assert result[0, 0].tolist() == [16, 32, 48]
    assert result[2, 4].tolist() == [255, 255, 255]
    assert flatten([Layer(dot, offset=(-1, -1))], size=(4, 6)).shape == (4, 6, 4)
    assert flatten([Layer(dot)], background="white").shape == (2, 2)


def test_an_anchored_layer_gives_no_size_and_finds_its_place_in_groups_and_masks():
    ground, dot = np.zeros((9, 12), np.uint8), np.full((2, 3), 255, np.uint8)
    corner = Layer(dot, anchor="bottom-right", offset=(1, 2))
    want = ground.copy()
    want[5:7, 8:11] = 255
    for stack in ([corner, Layer(ground, mode="lighten")], [Layer(ground), Group([corner])]):
        np.testing.assert_array_equal(flatten(stack)[:, :, 0] if flatten(stack).ndim == 3 else flatten(stack), want)
    lit = Layer(adjustment=lambda image: image + 1, mask=dot, anchor="bottom-right", offset=(1, 2))
    np.testing.assert_array_equal(flatten([Layer(ground), lit]), want)
    with pytest.raises(ie.errors.ArgumentError, match="size"):
        flatten([corner])


def test_grey_meets_colour_and_alpha():
    grey, color = picture(0, 1, np.uint8), picture(1, 3, np.uint8)
    assert flatten([Layer(grey), Layer(picture(2, 1, np.uint8), mode="multiply")]).ndim == 2
    np.testing.assert_array_equal(flatten([Layer(color), Layer(grey)]), np.repeat(grey[..., None], 3, axis=2))
    assert flatten([Layer(grey), Layer(picture(3, 4, np.float32))]).dtype == np.uint8


def test_layers_are_plain_values():
    stack = [Layer(picture(0)), Group([Layer(picture(1), effects=(ie.Stroke(),))], mode="screen")]
    np.testing.assert_array_equal(flatten(pickle.loads(pickle.dumps(stack))), flatten(stack))
    with pytest.raises(AttributeError):
        stack[0].opacity = 0.5


def test_float_beyond_white_survives():
    bright = np.full((4, 4, 3), 3.0, np.float32)
    half = np.full((4, 4, 4), 0.5, np.float32)
    np.testing.assert_allclose(flatten([Layer(bright), Layer(half)])[..., :3], 1.75, atol=1e-6)


@pytest.fixture
def one_thread():
    """On several, the peak depends on how they meet."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def test_memory_does_not_grow_with_layers(one_thread):
    images = [np.full((600, 1000, 4), value, np.uint8) for value in (40, 200)]
    peaks = []
    for count in (4, 24):
        tracemalloc.start()
        flatten([Layer(images[n % 2], mode=("normal", "multiply")[n // 2 % 2]) for n in range(count)])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_progress_and_cancel():
    seen = []
    flatten([Layer(picture(0, 3))], progress=seen.append)
    assert seen == [1.0]

    def stop(_):
        raise ie.errors.Cancelled

    with pytest.raises(ie.errors.Cancelled):
        flatten([Layer(picture(0, 3))], progress=stop)


# Bad input


def test_a_group_that_holds_itself():
    layers = [Layer(picture(0))]
    group = Group(layers)
    layers.append(group)
    with pytest.raises(ie.errors.ArgumentError, match="holds itself"):
        flatten([group])


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Layer(picture(0), opacity=1.5), "opacity"),
        (lambda: Layer(picture(0), opacity=float("nan")), "opacity"),
        (lambda: Layer(picture(0), fill=-0.1), "fill"),
        (lambda: Layer(picture(0), mode="multipyl"), "multiply"),
        (lambda: Layer(picture(0), offset=(0.5, 1)), "offset"),
        (lambda: Layer(picture(0), mask=np.ones((3, 3), bool)), "mask"),
        (lambda: Layer(np.full((*SIZE, 4), np.nan, np.float32)), "alpha"),
        (lambda: Layer(picture(0), effects=[3]), "effects"),
        (lambda: Layer(picture(0), knockout="yes"), "knockout"),
        (lambda: Layer(None), "adjustment"),
        (lambda: Layer(picture(0), adjustment=np.negative), "adjustment"),
        (lambda: Layer(None, adjustment=3), "adjustment"),
        (lambda: Group([Layer(picture(0))], isolation="none"), "isolation"),
        (lambda: Group([Layer(picture(0))], isolation="pass-through", mode="screen"), "pass-through"),
        (lambda: flatten([]), "size"),
        (lambda: flatten([picture(0)]), "Layer"),
        (lambda: flatten(Layer(picture(0))), "layers"),
        (lambda: flatten([Group([3])]), r"layers\[0\]"),
        (lambda: flatten([Layer(picture(0)), Layer(picture(0, size=(5, 5)), name="logo")]), "logo.*offset"),
        (lambda: flatten([Layer(picture(0)), Group([], mask=np.ones((3, 3), np.float32))]), "mask.*offset"),
        (lambda: flatten([Layer(picture(0))], size=(0, 5)), "size"),
        (lambda: flatten([Layer(picture(0))], background="grean"), "background"),
        (lambda: flatten([Layer(picture(0))], space="rgb"), "space"),
        (lambda: flatten([Layer(picture(0))], seed=-1), "seed"),
        (lambda: flatten([Layer(picture(0)), Layer(None, adjustment=lambda x: x[:1])]), "adjustment"),
    ],
)
def test_bad_layers_are_refused_by_name(make, word):
    with pytest.raises(ie.errors.ArgumentError, match=word):
        make()


def test_blend_if_shows_a_layer_by_what_it_is_and_what_lies_below():
    ramp = np.linspace(0, 1, 11, dtype=np.float32)[None]
    half = np.full_like(ramp, 0.5)
    below = flatten([Layer(ramp), Layer(half, blend_if={"gray": ((0, 0, 1, 1), (0.2, 0.4, 0.75, 0.75))})])
    share = np.clip((ramp - 0.2) / 0.2, 0, 1) * (ramp <= 0.75)
    np.testing.assert_allclose(below, ramp + share * (half - ramp), atol=1e-6)
    this = flatten([Layer(half), Layer(ramp, blend_if={"gray": ((0, 0, 0.3, 0.5), (0, 0, 1, 1))})])
    share = np.clip((0.5 - ramp) / 0.2, 0, 1)
    np.testing.assert_allclose(this, half + share * (ramp - half), atol=1e-6)
    red = np.zeros((1, 2, 3), np.float32)
    red[0, 1, 0] = 1
    shown = flatten([Layer(red), Layer(np.full_like(red, 0.5), blend_if={"red": ((0, 0, 1, 1), (0.5, 0.5, 1, 1))})])
    np.testing.assert_allclose(shown[0], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_blend_if_at_its_ends_hides_nothing_and_needs_a_backdrop():
    bright = np.full((2, 2, 3), 3.0, np.float32)
    everything = {"gray": ((0, 0, 1, 1), (0, 0, 1, 1))}
    np.testing.assert_array_equal(flatten([Layer(bright), Layer(bright / 2, blend_if=everything)]), bright / 2)
    alone = Layer(np.full((2, 2, 4), 0.5, np.float32), blend_if={"gray": ((0, 0, 1, 1), (0.9, 0.9, 1, 1))})
    np.testing.assert_allclose(flatten([alone]), 0.5)
    for bad in (
        {"cyan": ((0, 0, 1, 1),) * 2},
        {"gray": ((0, 1, 0, 1),) * 2},
        {"gray": (0, 1)},
        {"red": ((0, 0, 1, 2),) * 2},
    ):
        with pytest.raises(ie.errors.ArgumentError, match="blend_if"):
            Layer(bright, blend_if=bad)
