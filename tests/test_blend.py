"""blend(): the twins, sizes, offsets, masks, dtypes, bad input. Laws and oracles stand in files of their own."""

from __future__ import annotations

from pathlib import Path

import naive_blend as naive
import numpy as np
import pytest
from pictures import DTYPES, photo

import imgedit as ie
from imgedit.color import lab_to_srgb, oklab_to_srgb, srgb_to_lab, srgb_to_oklab
from imgedit.compositing.alpha_modes import ALPHA_MODES
from imgedit.compositing.elementwise import in_range, turn
from imgedit.compositing.equation import BLEND_MODES
from imgedit.compositing.modes import MODES
from imgedit.compositing.operators import OPERATORS

LEVELS = np.arange(256) / 255


def through_float32(convert):
    return lambda color: convert(np.asarray(color, np.float32)).astype(float)


for space, pair in {"gimp-lch": (srgb_to_lab, lab_to_srgb), "oklch": (srgb_to_oklab, oklab_to_srgb)}.items():
    for part, formula in naive.lch(*map(through_float32, pair)).items():
        naive.WHOLE[f"{part}:{space}"] = formula


def levels(seed, channels=4, size=(7, 9)):
    return np.random.default_rng(seed).integers(0, 256, (*size, channels), np.uint8)


def twin(b, s, mode="normal", operator="source-over"):
    """The plain twin on 8-bit RGBA, as float64."""
    return naive.image(naive.composite, b / 255, s / 255, mode, operator)


def rounded(values):
    return np.rint(np.clip(values, 0, 1) * 255).astype(int)


@pytest.mark.parametrize("mode", [name for name in MODES if MODES[name].separable])
def test_a_separable_formula_equals_its_twin_for_every_pair_of_levels(mode):
    assert mode in naive.SEPARABLE, "write its plain twin in tests/naive_blend.py"
    b, s = np.meshgrid(LEVELS, LEVELS)
    want = np.array([[naive.SEPARABLE[mode](float(x), float(y)) for x in LEVELS] for y in LEVELS])
    got = MODES[mode].formula(b.astype(np.float32), s.astype(np.float32))
    assert got.dtype == np.float32
    # float32 keeps 24 bits; quotients of small numbers and powers lose a few of them.
    np.testing.assert_allclose(got, want, rtol=3e-5, atol=3e-5)


@pytest.mark.parametrize("mode", [name for name in MODES if not MODES[name].separable])
def test_a_formula_of_whole_colors_equals_its_twin(mode):
    corners = np.array([0, 51, 64, 127, 128, 204, 255]) / 255
    x, y = np.meshgrid(corners, corners)
    random = np.random.default_rng(1).integers(1, 256, (2, 3, 9, 9)) / 255
    for b, s in ((np.stack([x, x.T, 1 - x / 2]), np.stack([y, 1 - y, 1 - y.T / 2])), random):
        want = np.moveaxis(
            naive.image(lambda p, q: naive.mode(mode, p, q), *(np.moveaxis(c, 0, -1) for c in (b, s))), -1, 0
        )
        got = MODES[mode].formula(b.astype(np.float32), s.astype(np.float32))
        np.testing.assert_allclose(got, want, atol=2e-5)  # conversions to Lab and back cost a few bits


@pytest.mark.parametrize("mode", list(MODES))
def test_8_bit_results_are_the_twin_rounded(mode):
    for seed in range(2):
        b, s = levels(seed), levels(seed + 10)
        b[0, :3, 3], s[0, 2:5, 3], b[1, :, 3], s[2, :, 3] = 0, 0, 255, 255
        got = ie.blend(b, s, mode).astype(int)
        want = rounded(twin(b, s, mode))
        assert abs(got - want).max() <= 1


@pytest.mark.parametrize("mode", ["normal", "multiply", "screen", "darken", "lighten", "difference", "exclusion"])
def test_on_an_opaque_backdrop_8_bit_results_are_exact(mode):
    b, s = levels(1, 3, (60, 70)), levels(2, 4, (60, 70))
    s[:5, :, 3] = 255
    # Everything is a whole number of 65025ths: whole numbers decide which level is nearest (no tie, 65025 is odd).
    bb, ss, alpha = (x.astype(np.int64) for x in (b, s[..., :3], s[..., 3:]))
    blend = {
        "normal": 255 * ss,
        "multiply": bb * ss,
        "screen": 255 * (bb + ss) - bb * ss,
        "darken": 255 * np.minimum(bb, ss),
        "lighten": 255 * np.maximum(bb, ss),
        "difference": 255 * abs(bb - ss),
        "exclusion": 255 * (bb + ss) - 2 * bb * ss,
    }[mode]
    want = (blend * alpha + 255 * bb * (255 - alpha) + 65025 // 2) // 65025
    np.testing.assert_array_equal(ie.blend(b, s, mode), want)
    opaque = ie.blend(np.dstack([b, np.full(b.shape[:2], 255, np.uint8)]), s, mode)
    np.testing.assert_array_equal(opaque[..., :3], want)
    assert (opaque[..., 3] == 255).all()


@pytest.mark.parametrize("mode", [name for name in MODES if MODES[name].separable and MODES[name].bounded])
def test_the_integer_path_agrees_with_the_float_path(mode):
    b, s = levels(3, 4, (33, 41)), levels(4, 4, (33, 41))
    b[:4, :, 3], s[:, :4, 3], s[:, 4:8, 3] = 255, 0, 255
    quick = ie.blend(b, s, mode).astype(int)
    plain = rounded(ie.blend(ie.to_float(b), ie.to_float(s), mode))
    assert abs(quick - plain).max() <= 1  # the last bit of a value near a half
    assert (quick != plain).mean() < 0.01
    for kinds in ((b, s[..., :3]), (b[..., :3], s), (b[..., :3], s[..., :3]), (b[..., 0], s[..., 1]), (b, s[..., 0])):
        kinds = [np.ascontiguousarray(x) for x in kinds]
        quick = ie.blend(*kinds, mode).astype(int)
        plain = rounded(ie.blend(*map(ie.to_float, kinds), mode))
        assert quick.shape == plain.shape
        assert abs(quick - plain).max() <= 1


@pytest.mark.parametrize("operator", list(OPERATORS))
@pytest.mark.parametrize("mode", ["normal", "multiply", "luminosity"])
def test_operators_equal_the_twin(operator, mode):
    b, s = levels(5), levels(6)
    b[0, :3, 3], s[0, 2:5, 3], b[1, :, 3], s[2, :, 3] = 0, 0, 255, 255
    want = twin(b, s, mode, operator)
    got = ie.blend(ie.to_float(b), ie.to_float(s), mode, operator=operator)
    np.testing.assert_allclose(got, want, atol=1e-5)
    assert abs(ie.blend(b, s, mode, operator=operator) - rounded(want)).max() <= 1


@pytest.mark.parametrize("mode", ["normal", "multiply", "luminosity", "erase", "dissolve"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_offset_places_the_source_and_keeps_the_size_of_the_backdrop(dtype, mode):
    backdrop, source = photo(dtype, 4, (30, 40)), photo(dtype, 4, (20, 50), seed=3)
    for x, y in ((5, 4), (-7, -3), (33, 25), (-60, 2), (3, 99), (0, 0)):
        wide = np.zeros((260, 300, 4), dtype)
        wide[100:130, 100:140] = backdrop
        placed = np.zeros_like(wide)
        placed[100 + y : 120 + y, 100 + x : 150 + x] = source
        got = ie.blend(backdrop, source, mode, offset=(x, y))
        assert got.shape == backdrop.shape
        if mode == "dissolve":  # its noise belongs to the canvas, and this canvas is another
            clear = placed[100:130, 100:140, 3] == 0
            np.testing.assert_array_equal(got[clear], backdrop[clear])
        else:
            np.testing.assert_array_equal(got, ie.blend(wide, placed, mode)[100:130, 100:140])


@pytest.mark.parametrize(
    ("anchor", "offset", "corner"),
    [
        ("bottom-right", (3, 2), (40 - 11 - 3, 30 - 8 - 2)),
        ("bottom-right", None, (29, 22)),
        ("bottom-right", (-5, -4), (34, 26)),  # hangs over
        ("top-right", (3, 2), (26, 2)),
        ("bottom-left", (3, 2), (3, 20)),
        ("top-left", (3, 2), (3, 2)),
        ("center", (3, 2), (14 + 3, 11 + 2)),  # 29 pixels of room: 14 at the left, 15 at the right
        ("center-right", (3, 2), (26, 11 + 2)),
        ("top-center", (3, 2), (14 + 3, 2)),
    ],
)
def test_an_anchor_names_where_the_offset_counts_from(anchor, offset, corner):
    backdrop, source = photo(np.uint8, 3, (30, 40)), photo(np.uint8, 4, (8, 11), seed=3)
    mask = photo(np.uint8, 1, (8, 11), seed=4)
    want = ie.blend(backdrop, source, "multiply", offset=corner, mask=mask)
    np.testing.assert_array_equal(ie.blend(backdrop, source, "multiply", anchor=anchor, offset=offset, mask=mask), want)
    stack = [ie.Layer(backdrop), ie.Layer(source, mode="multiply", mask=mask, anchor=anchor, offset=offset)]
    assert abs(ie.flatten(stack).astype(int) - want).max() <= 1  # the two round differently


def test_an_anchored_source_may_be_larger_than_the_backdrop():
    backdrop, source = photo(np.uint8, 3, (9, 9)), photo(np.uint8, 3, (14, 13), seed=3)
    np.testing.assert_array_equal(ie.blend(backdrop, source, anchor="center"), source[3:12, 2:11])
    np.testing.assert_array_equal(ie.blend(backdrop, source, anchor="bottom-right"), source[5:, 4:])


def test_an_unknown_anchor_is_told_with_the_nearest():
    image = photo(np.uint8, 3, (9, 9))
    for call in (lambda: ie.blend(image, image, anchor="bottom right"), lambda: ie.Layer(image, anchor="bottom right")):
        with pytest.raises(ie.errors.UnknownNameError, match="did you mean 'bottom-right'"):
            call()
    for offset in ((0.5, 1), (True, 0), 3, (1, 2, 3), "ab"):
        with pytest.raises(ie.errors.ArgumentError, match="offset"):
            ie.blend(image, image, anchor="center", offset=offset)


def test_where_the_source_does_not_reach_it_counts_as_transparent():
    backdrop, source = photo(np.uint8, 4, (9, 9)), np.full((3, 3, 4), 255, np.uint8)
    for operator in OPERATORS:
        padded = np.zeros_like(backdrop)
        padded[2:5, 3:6] = source
        moved = ie.blend(backdrop, source, operator=operator, offset=(3, 2))
        whole = ie.blend(backdrop, padded, operator=operator)
        np.testing.assert_array_equal(moved[..., 3], whole[..., 3])
        np.testing.assert_array_equal(moved[moved[..., 3] > 0], whole[whole[..., 3] > 0])


@pytest.mark.parametrize(
    ("b", "s", "out"), [(1, 1, 1), (1, 3, 3), (1, 4, 3), (3, 1, 3), (3, 3, 3), (3, 4, 3), (4, 1, 4), (4, 3, 4)]
)
@pytest.mark.parametrize("mode", ["normal", "soft-light", "hue"])
def test_kinds_of_image_mix(b, s, out, mode):
    def rgba(image):
        color = np.moveaxis(image, -1, 0) if image.ndim == 3 else [image] * 3
        return np.dstack([*color, np.full(image.shape[:2], 255, np.uint8)][:4])

    backdrop, source = photo(np.uint8, b), photo(np.uint8, s, seed=2)
    got = ie.blend(backdrop, source, mode)
    assert got.shape == ((40, 56) if out == 1 else (40, 56, out))
    full = ie.blend(rgba(backdrop), rgba(source), mode)
    want = full if out == 4 else full[..., :3] if out == 3 else full[..., 0]
    assert abs(got.astype(int) - want).max() <= 1


def test_a_result_gets_alpha_where_an_opaque_backdrop_can_lose_it():
    backdrop, source = photo(np.uint8, 3), photo(np.uint8, 4, seed=1)
    for operator in OPERATORS:
        got = ie.blend(backdrop, source, operator=operator)
        keeps = operator in ("destination", "source-over", "destination-over", "source-atop", "plus", "saturate")
        assert got.shape[2] == (3 if keeps else 4), operator
    assert ie.blend(backdrop, source, "erase").shape[2] == 4
    assert ie.blend(backdrop, source, knockout=True).shape[2] == 3
    assert ie.blend(backdrop, source, knockout=True, opacity=0.5).shape[2] == 4


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_source_of_another_dtype_is_converted_by_range(dtype):
    backdrop = photo(dtype, 4)
    for other in DTYPES:
        source = photo(other, 4, seed=1)
        got = ie.blend(backdrop, source, "overlay")
        convert = {np.uint8: ie.to_uint8, np.uint16: ie.to_uint16, np.float32: ie.to_float}[dtype]
        want = ie.blend(backdrop, convert(source), "overlay")
        assert got.dtype == dtype
        # The source keeps its own precision here and is rounded there.
        np.testing.assert_allclose(ie.to_float(got), ie.to_float(want), atol=3 / 255 if dtype == np.uint8 else 2e-3)


def test_float_values_above_white_survive():
    backdrop = np.full((3, 3, 3), 3.5, np.float32)
    for mode, source, want in (
        ("normal", 2.0, 2.0),
        ("multiply", 0.5, 1.75),
        ("addition", 0.5, 4.0),
        ("linear-dodge", 0, 3.5),
        ("color-dodge", 0, 3.5),
    ):
        got = ie.blend(backdrop, np.full((3, 3, 3), source, np.float32), mode)
        np.testing.assert_allclose(got, want, rtol=1e-6)
    np.testing.assert_array_equal(ie.blend(backdrop, backdrop[..., 0] * 0, opacity=0.5), backdrop / 2)


@pytest.mark.parametrize("mode", ["color-dodge", "linear-dodge", "vivid-light", "linear-light", "divide"])
def test_a_neutral_source_leaves_highlights_alone(mode):
    neutral = {"divide": 1.0, "vivid-light": 0.5, "linear-light": 0.5}.get(mode, 0.0)
    backdrop = np.float32([[0, 0.3, 1, 2.5, 40]])
    np.testing.assert_allclose(
        ie.blend(backdrop, np.full_like(backdrop, neutral), mode), backdrop, rtol=1e-6, atol=1e-7
    )


def test_masks_hard_and_soft_scale_the_alpha_of_the_source():
    backdrop, source = photo(np.float32, 4), photo(np.float32, 4, seed=1)
    soft = np.linspace(0, 1, 40 * 56, dtype=np.float32).reshape(40, 56)
    for mask in (soft, ie.to_uint8(soft), ie.to_uint16(soft), soft > 0.5):
        cover = mask.astype(np.float64) / {"u1": 255, "u2": 65535}.get(mask.dtype.str[1:], 1)
        scaled = source.copy()
        scaled[..., 3] *= cover * 0.7
        got = ie.blend(backdrop, source, "screen", mask=mask, opacity=0.7)
        np.testing.assert_allclose(got, ie.blend(backdrop, scaled, "screen"), atol=2e-6)


def test_a_mask_moves_with_the_source_or_stays_with_the_backdrop():
    backdrop, source = np.zeros((10, 12), np.uint8), np.full((4, 5), 255, np.uint8)
    mask = np.zeros((4, 5), bool)
    mask[1, 2] = True
    got = ie.blend(backdrop, source, mask=mask, offset=(6, 3))
    assert np.argwhere(got).tolist() == [[4, 8]]
    mask = np.zeros((10, 12), bool)
    mask[5, 7] = mask[0, 0] = True
    got = ie.blend(backdrop, source, mask=mask, offset=(6, 3))
    assert np.argwhere(got).tolist() == [[5, 7]]


def test_fill_is_opacity_but_for_eight_modes():
    backdrop, source = photo(np.float32, 3), photo(np.float32, 4, seed=1)
    special = {
        "color-burn",
        "linear-burn",
        "color-dodge",
        "linear-dodge",
        "vivid-light",
        "linear-light",
        "hard-mix",
        "difference",
    }
    for mode in MODES:
        same = np.allclose(
            ie.blend(backdrop, source, mode, fill=0.4), ie.blend(backdrop, source, mode, opacity=0.4), atol=1e-6
        )
        assert same == (mode not in special), mode
        np.testing.assert_allclose(ie.blend(backdrop, source, mode, fill=0.0), backdrop, atol=1e-6)


@pytest.mark.parametrize(
    ("mode", "b", "s", "fill", "want"),
    [
        ("linear-dodge", 0.25, 0.5, 0.5, 0.5),
        ("linear-burn", 0.75, 0.5, 0.5, 0.5),
        ("difference", 0.75, 0.5, 0.5, 0.5),
        ("color-dodge", 0.25, 1.0, 0.5, 0.5),
        ("color-burn", 0.75, 0.0, 0.5, 0.5),
        ("linear-light", 0.25, 1.0, 0.25, 0.5),
        ("vivid-light", 0.25, 1.0, 0.5, 0.5),
        ("hard-mix", 0.5, 0.75, 0.5, 0.75),
    ],
)
def test_fill_acts_inside_the_formula(mode, b, s, fill, want):
    got = ie.blend(np.full((2, 2), b, np.float32), np.full((2, 2), s, np.float32), mode, fill=fill)
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("mode", ["linear-dodge", "color-burn", "hard-mix"])
def test_fill_inside_a_formula_fades_the_source_beside_the_backdrop(mode):
    backdrop, source = photo(np.float32, 4), photo(np.float32, 4, seed=1)
    backdrop[:10, :, 3] = 0
    got = ie.blend(backdrop, source, mode, fill=0.3)
    clear = np.zeros(got.shape[:2], bool)
    clear[:10] = source[:10, :, 3] > 0
    np.testing.assert_allclose(got[clear][:, 3], 0.3 * source[clear][:, 3], atol=1e-6)
    np.testing.assert_allclose(got[clear][:, :3], source[clear][:, :3], atol=1e-6)


def test_clip_blends_as_if_on_opaque_and_keeps_alpha():
    backdrop, source = photo(np.float32, 4), photo(np.float32, 4, seed=1)
    got = ie.blend(backdrop, source, "multiply", clip=True)
    np.testing.assert_array_equal(got[..., 3], backdrop[..., 3])
    opaque = ie.blend(np.ascontiguousarray(backdrop[..., :3]), source, "multiply")
    np.testing.assert_allclose(got[..., :3], opaque, atol=1e-6)
    assert (
        ie.blend(photo(np.uint8, 4), photo(np.uint8, 4, seed=1), clip=True)[..., 3] == photo(np.uint8, 4)[..., 3]
    ).all()


def test_knockout_replaces_the_backdrop_in_the_shape_of_the_source():
    backdrop, source = photo(np.float32, 4), photo(np.float32, 4, seed=1)
    got = ie.blend(backdrop, source, knockout=True, opacity=0.25)
    shape = source[..., 3:]
    premultiplied = backdrop * (1 - shape) * np.where([1, 1, 1, 0], backdrop[..., 3:], 1) + 0.25 * shape * np.where(
        [1, 1, 1, 0], source, 1
    )
    want = premultiplied.copy()
    want[..., :3] /= np.maximum(premultiplied[..., 3:], 1e-9)
    seen = want[..., 3] > 1e-3
    np.testing.assert_allclose(got[seen], want[seen], atol=1e-5)
    np.testing.assert_allclose(got[..., 3], want[..., 3], atol=1e-6)
    full = ie.blend(backdrop, source, knockout=True)
    np.testing.assert_allclose(full, ie.blend(backdrop, source), atol=1e-5)  # at full opacity nothing shows through


@pytest.mark.parametrize("space", ["linear", "oklab"])
def test_colors_are_mixed_in_the_space_asked_for(space):
    convert = {"linear": (ie.srgb_to_linear, ie.linear_to_srgb), "oklab": (ie.srgb_to_oklab, ie.oklab_to_srgb)}[space]
    backdrop, source = photo(np.float32, 3), photo(np.float32, 3, seed=1)
    want = convert[1](0.5 * convert[0](backdrop) + 0.5 * convert[0](source))
    for option in ({"space": space}, {"composite_space": space}):
        np.testing.assert_allclose(ie.blend(backdrop, source, opacity=0.5, **option), want, atol=1e-5)
    product = ie.linear_to_srgb(ie.srgb_to_linear(backdrop) * ie.srgb_to_linear(source))
    np.testing.assert_allclose(ie.blend(backdrop, source, "multiply", space="linear"), product, atol=1e-5)
    apart = ie.blend(backdrop, source, "multiply", opacity=0.5, space="srgb", composite_space=space)
    np.testing.assert_allclose(
        apart, convert[1](0.5 * convert[0](backdrop) + 0.5 * convert[0](backdrop * source)), atol=1e-5
    )


@pytest.mark.parametrize("mode", ["multiply", "screen", "overlay", "soft-light"])
def test_in_oklab_a_neutral_source_keeps_the_color(mode):
    neutral = {"multiply": 1.0, "screen": 0.0, "overlay": 0.5}.get(mode, 0.5)
    if mode in ("overlay", "soft-light"):
        neutral = float(ie.oklab_to_srgb(np.float32([[[0.5, 0, 0]]]))[0, 0, 0])
    backdrop = photo(np.float32, 3)
    got = ie.blend(backdrop, np.full_like(backdrop, neutral), mode, space="oklab")
    if mode != "overlay":  # hard light with the images exchanged has no neutral source
        np.testing.assert_allclose(got, backdrop, atol=2e-3)  # white is a = 4e-5 in float32, which the ratio to L keeps
    assert np.isfinite(got).all()


def test_dissolve_is_seeded_and_as_dense_as_alpha():
    backdrop, source = np.zeros((100, 120, 3), np.uint8), np.full((100, 120, 3), 255, np.uint8)
    got = ie.blend(backdrop, source, "dissolve", opacity=0.3, seed=5)
    assert set(np.unique(got)) == {0, 255}
    assert abs((got[..., 0] == 255).mean() - 0.3) < 0.02  # five standard deviations
    np.testing.assert_array_equal(got, ie.blend(backdrop, source, "dissolve", opacity=0.3, seed=5))
    assert (got != ie.blend(backdrop, source, "dissolve", opacity=0.3, seed=6)).any()
    np.testing.assert_array_equal(ie.blend(backdrop, source, "dissolve"), source)


def test_dither_keeps_the_mean_and_breaks_the_bands():
    ramp = np.tile(np.linspace(0.2, 0.22, 512, dtype=np.float32), (128, 1))
    backdrop = np.zeros((128, 512), np.uint8)
    plain = ie.blend(backdrop, ramp) / 255
    dithered = ie.blend(backdrop, ramp, dither=True) / 255
    window = np.ones(64) / 64
    smooth = np.convolve(dithered.mean(axis=0), window, "valid")
    np.testing.assert_allclose(smooth, np.convolve(ramp[0], window, "valid"), atol=2e-4)
    assert abs(np.convolve(plain.mean(axis=0), window, "valid") - np.convolve(ramp[0], window, "valid")).max() > 6e-4
    assert abs(dithered - ramp).max() <= 1 / 255 + 1e-6
    levels = np.repeat(np.arange(256, dtype=np.uint8)[None], 9, axis=0)
    np.testing.assert_array_equal(ie.blend(levels * 0, levels, dither=True, seed=3), levels)
    np.testing.assert_array_equal(ie.blend(ramp * 0, ramp, dither=True), ramp)


@pytest.mark.parametrize("name", [name for name in ALPHA_MODES if name != "dissolve"])
def test_modes_of_alpha_equal_their_definition(name):
    b, s = ie.to_float(levels(7)), ie.to_float(levels(8))
    b[0, :2, 3], s[0, 1:3, 3], b[1, :, 3] = 0, 0, 1
    opacity = 0.6
    want = naive.image(naive.alpha_mode, b.astype(float), s.astype(float), name, opacity)
    got = ie.blend(b, s, name, opacity=opacity)
    np.testing.assert_allclose(got[..., 3], want[..., 3], atol=1e-6)
    seen = want[..., 3] > 1e-6
    np.testing.assert_allclose(got[seen], want[seen], atol=2e-5)


def test_split_and_merge_undo_each_other():
    b, s = photo(np.float32, 4), photo(np.float32, 4, seed=1)
    s[..., 3] *= 0.5 * b[..., 3]
    s[..., :3] = b[..., :3]
    np.testing.assert_allclose(ie.blend(ie.blend(b, s, "split"), s, "merge"), b, atol=1e-6)


def test_erase_and_anti_erase_undo_each_other_under_a_hard_source():
    b = photo(np.float32, 4)
    b[..., 3] = 1
    s = photo(np.float32, 4, seed=1)
    s[..., 3] = np.rint(s[..., 3])
    np.testing.assert_allclose(ie.blend(ie.blend(b, s, "erase"), s, "anti-erase"), b, atol=1e-6)


BAD = {
    "another size": ({"source": np.zeros((4, 5), np.uint8)}, "offset=(x, y)"),
    "unknown mode": ({"mode": "multiplyy"}, "did you mean 'multiply'"),
    "unknown operator": ({"operator": "source-ovr"}, "did you mean 'source-over'"),
    "unknown space": ({"space": "lineer"}, "did you mean 'linear'"),
    "unknown composite space": ({"composite_space": "oklb"}, "did you mean 'oklab'"),
    "opacity above 1": ({"opacity": 1.1}, "opacity is 1.1"),
    "opacity below 0": ({"opacity": -0.1}, "at least 0"),
    "opacity NaN": ({"opacity": float("nan")}, "opacity"),
    "fill above 1": ({"fill": 2}, "fill is 2"),
    "a broken offset": ({"offset": (1.5, 2)}, "whole pixels"),
    "half an offset": ({"offset": 5}, "(x, y)"),
    "a mask of another size": ({"mask": np.zeros((4, 5), bool)}, "mask is 4x5"),
    "a mask of zeros and ones": ({"mask": np.eye(6, 8, dtype=np.uint8)}, "astype(bool)"),
    "a bad seed": ({"seed": -1}, "seed is -1"),
    "clip with operator": ({"clip": True, "operator": "xor"}, "contradicts"),
    "alpha mode with operator": ({"mode": "erase", "operator": "xor"}, "contradicts"),
    "not an image": ({"source": [[1]]}, "source is a builtins.list"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_arguments_are_refused(what):
    arguments, words = BAD[what]
    with pytest.raises(ie.errors.ArgumentError) as caught:
        ie.blend(np.zeros((6, 8), np.uint8), **{"source": np.zeros((6, 8), np.uint8), **arguments})
    assert words in str(caught.value)


@pytest.mark.parametrize("which", ["backdrop", "source"])
@pytest.mark.parametrize("value", [np.nan, -0.1, 1.5])
@pytest.mark.parametrize("offset", [None, (2, 3)])
def test_alpha_that_is_none_is_refused(which, value, offset):
    images = {"backdrop": photo(np.float32, 4), "source": photo(np.float32, 4, seed=1)}
    images[which][39, 55, 3] = value
    with pytest.raises(ie.errors.ImageError, match=f"{which} has alpha"):
        ie.blend(**images, offset=offset)


def test_progress_and_cancelling():
    seen = []
    ie.blend(photo(np.uint8, 4, (400, 500)), photo(np.uint8, 4, (400, 500)), progress=seen.append)
    assert seen == sorted(seen)
    assert 0 < seen[0] <= seen[-1] <= 1

    def stop(_):
        raise ie.errors.Cancelled

    with pytest.raises(ie.errors.Cancelled):
        ie.blend(photo(np.uint8, 4), photo(np.uint8, 4), progress=stop)


def test_the_blue_tile_is_a_permutation_without_low_frequencies():
    from imgedit.compositing.noise import blue_tile

    tile = blue_tile()
    assert len(np.unique(tile)) == tile.size
    power = abs(np.fft.fft2(tile - tile.mean())) ** 2
    y, x = np.meshgrid(*[np.minimum(np.arange(64), 64 - np.arange(64))] * 2)
    radius = np.hypot(x, y)
    assert power[(radius > 0) & (radius < 8)].mean() < 0.02 * power[radius > 24].mean()


def test_the_manual_lists_every_mode_with_its_formula():
    page = (Path(__file__).parent.parent / "docs" / "algorithms" / "blend.md").read_text(encoding="utf-8")
    for name, mode in BLEND_MODES.items():
        line = f"| `{name}` | {mode.about.replace('|', '&#124;').replace('``', '`')} |"
        assert line in page, f"put this line into docs/algorithms/blend.md: {line}"
    for operator in OPERATORS:
        assert f"| `{operator}`" in page


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_in_range_sees_every_value_beyond(dtype):
    values = np.array([0, 1e-40, 0.5, 1], dtype)
    assert in_range(values)
    for beyond in (np.nan, -1e-40, np.nextafter(dtype(1), dtype(2)), np.inf, -np.inf):
        assert not in_range(np.append(values, dtype(beyond)))


def test_turn_subtracts_from_white_beyond_white_too():
    where = np.array([0, 1, 0, 1], np.float32)
    for values in ([0.25, 0.25, 1, 1], [1.5, 1.5, -0.5, -0.5]):
        expected = [values[0], 1 - values[1], values[2], 1 - values[3]]
        assert turn(np.array(values, np.float32), where).tolist() == expected


@pytest.mark.parametrize("mode", [name for name, mode in MODES.items() if mode.separable])
def test_a_formula_takes_few_pixels_as_it_takes_many(mode):
    # OpenCV takes lists of up to four numbers for a scalar, and writes nothing where it is asked to.
    b, s = np.random.default_rng(0).random((2, 5), np.float32)
    many = MODES[mode].formula(np.tile(b, (3, 7)), np.tile(s, (3, 7)))[0]
    for count in range(1, 6):
        few = MODES[mode].formula(b[:count].copy(), s[:count].copy())
        assert few.shape == (count,)
        np.testing.assert_allclose(few, many[:count], rtol=0, atol=1e-6)
