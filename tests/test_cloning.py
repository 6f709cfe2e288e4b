"""Poisson editing: the equation against direct solutions, placement, modes, dtypes, borders, bad input."""

from __future__ import annotations

import functools

import cv2
import naive_inpaint as naive
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from measuring import lines_between_reports
from pictures import DTYPES, KINDS, disc_mask, in_dtype, photo

import imgedit as ie
from imgedit import cloning, poisson
from imgedit.strips import Ticker

SIZE = (60, 80)


def direct(values, unknown, divergence):
    """The same equation by a sparse factorisation, in float64."""
    height, width = unknown.shape
    number = np.full(unknown.shape, -1)
    number[unknown] = np.arange(unknown.sum())
    matrix = scipy.sparse.lil_array((unknown.sum(), unknown.sum()))
    right = divergence[unknown].astype(float)
    for row, (y, x) in enumerate(zip(*np.nonzero(unknown), strict=True)):
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= v < height and 0 <= u < width:
                matrix[row, row] -= 1
                if unknown[v, u]:
                    matrix[row, number[v, u]] += 1
                else:
                    right[row] -= values[v, u]
    out = values.astype(float).copy()
    out[unknown] = scipy.sparse.linalg.splu(matrix.tocsc()).solve(right)
    return out


def shapes():
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    yield "box", (y > 5) & (y < 50) & (x > 8) & (x < 70)
    yield "disc", disc_mask(SIZE, 0.3)
    yield "touching", x < 70
    yield "corners", (y + x < 40) | (y + x > 110)
    yield "ring", disc_mask(SIZE, 0.33) & ~disc_mask(SIZE, 0.1)
    yield "specks", np.random.default_rng(0).random(SIZE) < 0.5
    yield "text", cv2.putText(np.zeros(SIZE, np.uint8), "Ag", (5, 50), 0, 2, 255, 3) > 0


@pytest.mark.parametrize(("name", "unknown"), list(shapes()), ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.parametrize("textured", [False, True])
def test_the_solver_equals_a_sparse_factorisation(name, unknown, textured):
    rng = np.random.default_rng(1)
    values = photo(np.float32, 3, SIZE)
    divergence = rng.normal(0, 0.05 * textured, values.shape).astype(np.float32)
    expected = direct(values, unknown, divergence)
    solved = poisson.solve_poisson(values, unknown, divergence)
    np.testing.assert_array_equal(solved[~unknown], values[~unknown])
    residual = np.abs(poisson.laplacian(solved) - divergence)[unknown].max()
    assert residual <= 1e-3  # the promise; the solver stops at a fifth of it
    assert np.abs(solved - expected).max() < 0.5 / 255


def test_the_residual_holds_where_one_known_pixel_carries_all():
    values = photo(np.float32, 1, SIZE)[..., None]
    unknown = np.ones(SIZE, bool)
    unknown[7, 9] = False
    solved = poisson.solve_poisson(values, unknown)
    assert np.abs(poisson.laplacian(solved))[unknown].max() <= 1e-3
    np.testing.assert_allclose(solved, np.full_like(solved, values[7, 9, 0]), atol=1e-2)


def test_the_laplacian_equals_its_plain_twin():
    values = photo(np.float32, 3, (9, 12))
    np.testing.assert_allclose(poisson.laplacian(values), naive.laplacian(values), atol=1e-5)


def test_the_mixed_divergence_equals_its_plain_twin():
    wanted, ground = photo(np.float32, 3, (9, 12)), photo(np.float32, 3, (9, 12), seed=1)[::-1]
    tick = Ticker(None)
    steps = cloning._stronger(cloning._steps(wanted), cloning._steps(ground), tick)
    np.testing.assert_allclose(cloning._divergence(steps, tick), naive.stronger_divergence(wanted, ground), atol=1e-5)


def test_progress_and_cancel():
    seen = []
    unknown = disc_mask(SIZE, 0.3)
    poisson.solve_poisson(photo(np.float32, 3, SIZE), unknown, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1

    def stop(fraction):
        raise ie.errors.Cancelled

    with pytest.raises(ie.errors.Cancelled):
        ie.seamless_clone(photo(size=SIZE), photo(size=SIZE, seed=1), unknown, progress=stop)


@pytest.mark.parametrize(("name", "unknown"), list(shapes()), ids=lambda v: v if isinstance(v, str) else "")
def test_a_wish_to_stop_is_heard_after_few_passes(name, unknown):
    source, target = photo(np.uint8, 4, SIZE), photo(np.uint8, 3, SIZE, seed=1)
    calls = [functools.partial(ie.seamless_clone, source, target, unknown, mode=m) for m in ("import", "mixed")]
    calls += [functools.partial(verb, target, unknown) for verb in (ie.texture_flatten, ie.illumination_change)]
    for call in [*calls, functools.partial(ie.color_change, target, unknown)]:
        # The checks of all arguments, before any report, are 80 quick lines.
        assert lines_between_reports(lambda progress, call=call: call(progress=progress)) < 100


@pytest.mark.parametrize("mode", ["import", "mixed", "monochrome"])
@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_cloning_onto_itself_changes_nothing_but_colour(mode, dtype, channels):
    image, mask = photo(dtype, channels, SIZE), disc_mask(SIZE, 0.3)
    kept = mask.copy()
    cloned = ie.seamless_clone(image, image, mask, mode=mode)
    np.testing.assert_array_equal(mask, kept)
    np.testing.assert_array_equal(cloned[~mask], image[~mask])
    if mode != "monochrome" or channels == 1:
        full = 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)
        # Where alpha is low a straight colour is uncertain, and unseen.
        seen = image[..., 3] > 0.1 * full if channels == 4 else np.ones(SIZE, bool)
        error = np.abs(cloned.astype(float) - image)[seen].max() / full
        assert error <= 0.5 / 255


def test_content_lands_exactly_where_the_offset_says():
    source = np.full((20, 30), 0.5, np.float32)
    source[4, 7] = 0.9
    target = np.full((60, 80), 0.2, np.float32)
    mask = np.zeros(source.shape, bool)
    mask[2:12, 3:22] = True  # a box that is not in the middle: the centre of the mask must not matter
    for x, y in ((0, 0), (13, 21), (-3, -2), (50, 40)):
        cloned = ie.seamless_clone(source, target, mask, offset=(x, y))
        assert np.unravel_index(cloned.argmax(), cloned.shape) == (4 + y, 7 + x)
        changed = np.nonzero(np.abs(cloned - target) > 1e-4)
        assert changed[0].min() >= max(0, 2 + y)
        assert changed[1].min() >= max(0, 3 + x)


def test_what_falls_outside_the_target_is_left_out():
    source, target = photo(np.uint8, 3, (40, 50)), photo(np.uint8, 3, SIZE, seed=1)
    everything = np.ones((40, 50), bool)
    np.testing.assert_array_equal(ie.seamless_clone(source, target, everything, offset=(200, 0)), target)
    cloned = ie.seamless_clone(source, target, everything, offset=(-30, 45))
    np.testing.assert_array_equal(cloned[:45], target[:45])
    np.testing.assert_array_equal(cloned[:, 20:], target[:, 20:])
    assert (cloned[46:, :19] != target[46:, :19]).any()


def test_imported_gradients_are_the_sources_and_the_edge_is_the_targets():
    source, target = photo(np.float32, 3, SIZE), photo(np.float32, 3, SIZE, seed=1) * 0.5
    mask = disc_mask(SIZE, 0.3)
    cloned = ie.seamless_clone(source, target, mask)
    expected = direct(target, mask, naive.laplacian(source))
    np.testing.assert_allclose(cloned, expected, atol=1.3e-3)


def test_mixed_keeps_the_targets_texture_under_a_flat_source():
    target, mask = photo(np.float32, 3, SIZE), disc_mask(SIZE, 0.3)
    flat = np.full_like(target, 0.9)
    np.testing.assert_allclose(ie.seamless_clone(flat, target, mask, mode="mixed"), target, atol=1.3e-3)
    assert np.abs(ie.seamless_clone(flat, target, mask) - target).max() > 0.05


def test_monochrome_brings_texture_without_colour():
    source, mask = photo(np.float32, 3, SIZE), disc_mask(SIZE, 0.3)
    grey = np.full((*SIZE, 3), 0.5, np.float32)
    cloned = ie.seamless_clone(source, grey, mask, mode="monochrome")
    assert np.ptp(cloned, axis=2).max() < 1e-3
    assert cloned[mask].std() > 0.05


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_may_differ_and_agree_on_the_result(dtype):
    source, target, mask = photo(np.float32, 3, SIZE), photo(np.float32, 3, SIZE, seed=1), disc_mask(SIZE, 0.3)
    expected = ie.seamless_clone(source, target, mask)
    cloned = ie.seamless_clone(source, in_dtype(target.astype(float), dtype), mask)
    assert cloned.dtype == dtype
    # The target's rounding, the result's, and two residuals.
    np.testing.assert_allclose(
        ie.to_float(cloned), np.clip(expected, 0, 1), atol=1.5 / 255 if dtype == np.uint8 else 2e-3
    )


def test_alpha_of_the_source_limits_the_mask_where_the_target_has_none():
    source = np.zeros((*SIZE, 4), np.uint8)
    source[..., :3] = photo(np.uint8, 3, SIZE)
    source[20:40, 30:50, 3] = 255
    target = photo(np.uint8, 3, SIZE, seed=1)
    cloned = ie.seamless_clone(source, target, np.ones(SIZE, bool))
    changed = (cloned != target).any(axis=2)
    assert changed[20:40, 30:50].mean() > 0.9
    changed[20:40, 30:50] = False
    assert not changed.any()


def test_a_clear_target_stays_clear_around_and_takes_grey_and_plain_sources():
    target = photo(np.float32, 4, SIZE)
    for channels in (1, 3):
        cloned = ie.seamless_clone(photo(np.float32, channels, SIZE), target, disc_mask(SIZE, 0.1))
        assert cloned.shape == target.shape
        np.testing.assert_allclose(cloned[..., 3][disc_mask(SIZE, 0.1)], 1, atol=1e-2)


def test_bad_input_is_refused_with_a_remedy():
    source, target, mask = photo(np.uint8, 3, SIZE), photo(np.uint8, 3, SIZE, seed=1), disc_mask(SIZE)
    with pytest.raises(ie.errors.ImageError, match=r"mask is 10x10 but source is 60x80"):
        ie.seamless_clone(source, target, mask[:10, :10])
    with pytest.raises(ie.errors.ImageError, match="covers the whole image"):
        ie.seamless_clone(source, target, np.ones(SIZE, bool))
    with pytest.raises(ie.errors.ImageError, match="has colour but target is grey"):
        ie.seamless_clone(source, target[..., 0], mask)
    with pytest.raises(ie.errors.ArgumentError, match="offset is"):
        ie.seamless_clone(source, target, mask, offset=(1.5, 0))
    with pytest.raises(ie.errors.ArgumentError, match="import, mixed, monochrome"):
        ie.seamless_clone(source, target, mask, mode="normal")
    spoilt = ie.to_float(source)
    spoilt[30, 40] = np.nan
    with pytest.raises(ie.errors.ImageError, match="NaN"):
        ie.seamless_clone(spoilt, target, mask)
    with pytest.raises(ie.errors.ArgumentError, match="factors"):
        ie.color_change(target, mask, factors=(1, 2))
    with pytest.raises(ie.errors.ArgumentError, match=r"low is 0\.5"):
        ie.texture_flatten(target, mask, low=0.5, high=0.1)


EDITS = {
    "clone": lambda image, mask: ie.seamless_clone(photo(np.float32, 3, SIZE, seed=1), image, mask),
    "mixed": lambda image, mask: ie.seamless_clone(photo(np.float32, 3, SIZE, seed=1), image, mask, mode="mixed"),
    "flatten": ie.texture_flatten,
    "illumination": ie.illumination_change,
    "color": lambda image, mask: ie.color_change(image, mask, factors=(2, 1, 1)),
}


@pytest.mark.parametrize("name", EDITS)
def test_nan_is_refused_where_it_is_needed_and_harmless_elsewhere(name):
    image, mask = photo(np.float32, 3, SIZE), disc_mask(SIZE)
    spoilt = image.copy()
    top, left = np.nonzero(mask)[0].min(), np.nonzero(mask)[1].min()
    spoilt[top, left] = np.nan  # in the corner of the disc's box
    assert np.isfinite(EDITS[name](spoilt, mask)[mask]).all()
    np.testing.assert_array_equal(EDITS[name](spoilt, mask)[~mask], spoilt[~mask])
    spoilt = image.copy()
    spoilt[top - 1, np.nonzero(mask[top])[0][0]] = np.inf  # touches the mask
    with pytest.raises(ie.errors.ImageError, match="NaN or infinity; leave"):
        EDITS[name](spoilt, mask)


@pytest.mark.parametrize("mode", ["import", "mixed"])
def test_the_target_under_the_mask_may_be_nan_unless_its_gradients_count(mode):
    source, target, mask = photo(np.float32, 3, SIZE, seed=1), photo(np.float32, 3, SIZE), disc_mask(SIZE)
    spoilt = target.copy()
    spoilt[30, 40] = np.nan
    if mode == "mixed":
        with pytest.raises(ie.errors.ImageError, match="NaN or infinity"):
            ie.seamless_clone(source, spoilt, mask, mode=mode)
    else:
        np.testing.assert_array_equal(
            ie.seamless_clone(source, spoilt, mask, mode=mode), ie.seamless_clone(source, target, mask, mode=mode)
        )


@pytest.mark.parametrize("name", EDITS)
def test_a_mask_may_touch_all_borders(name):
    image, mask = photo(np.float32, 3, SIZE), np.ones(SIZE, bool)
    mask[28:32, 38:44] = False
    edited = EDITS[name](image, mask)
    np.testing.assert_array_equal(edited[~mask], image[~mask])
    assert np.isfinite(edited).all()


@pytest.mark.parametrize("name", EDITS)
def test_a_full_mask_and_one_of_another_size_are_refused(name):
    image = photo(np.float32, 3, SIZE)
    with pytest.raises(ie.errors.ImageError, match="mask covers the whole image"):
        EDITS[name](image, np.ones(SIZE, bool))
    with pytest.raises(ie.errors.ImageError, match="mask is 10x10 but"):
        EDITS[name](image, np.ones((10, 10), bool))


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_gradient_edits_that_ask_for_nothing_change_nothing(dtype, channels):
    image, mask = photo(dtype, channels, SIZE), disc_mask(SIZE, 0.25)
    tolerance = 1e-3 if dtype == np.float32 else 1e-3 * np.iinfo(dtype).max
    for edited in (
        ie.color_change(image, mask),
        ie.illumination_change(image, mask, beta=0),
    ):
        np.testing.assert_array_equal(edited[~mask], image[~mask])
        seen = mask if channels < 4 else mask & (ie.to_float(image)[..., 3] > 0.5)
        assert np.abs(edited.astype(float) - image)[seen].max() <= 2.5 * tolerance


def test_an_empty_mask_gives_a_copy():
    image, empty = photo(np.uint8, 3, SIZE), np.zeros(SIZE, bool)
    for edited in (
        ie.seamless_clone(photo(np.uint8, 3, SIZE, seed=1), image, empty),
        ie.texture_flatten(image, empty),
        ie.illumination_change(image, empty),
        ie.color_change(image, empty, factors=(2, 1, 1)),
    ):
        np.testing.assert_array_equal(edited, image)
        assert not np.shares_memory(edited, image)


def test_texture_goes_and_edges_stay():
    rng = np.random.default_rng(0)
    image = np.where(np.arange(80) < 40, 0.2, 0.8) + rng.uniform(-0.03, 0.03, SIZE)
    image = image.astype(np.float32)
    mask = np.zeros(SIZE, bool)
    mask[10:50, 15:65] = True
    flat = ie.texture_flatten(image, mask)
    assert flat[15:45, 18:37].std() < 0.5 * image[15:45, 18:37].std()
    assert flat[15:45, 44:60].mean() - flat[15:45, 20:36].mean() > 0.55


def test_light_is_evened_out():
    image = np.tile(np.where(abs(np.arange(80) - 40) < 10, 0.9, 0.3), (60, 1)).astype(np.float32)
    mask = disc_mask(SIZE, 0.3)
    even = ie.illumination_change(image, mask, alpha=0.2, beta=0.5)
    assert 0 < even[30, 40] - even[30, 20] < 0.5 * (image[30, 40] - image[30, 20])
