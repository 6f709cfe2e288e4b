"""What inpaint() does for every method: the mask, the crop, dtypes, alpha, bad input, cancel."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest
from holes import filler
from measuring import lines_between_reports, peak_memory
from pictures import KINDS, disc_mask, in_dtype, photo

import imgedit as ie
from imgedit.inpainting import METHODS
from imgedit.inpainting.regions import crops, edit_region
from imgedit.strips import Ticker

OURS = ("telea", "navier-stokes", "biharmonic", "harmonic", "push-pull")
SIZE = (40, 56)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
@pytest.mark.parametrize("method", OURS)
def test_pixels_outside_the_mask_are_the_image_bit_for_bit(method, dtype, channels):
    image, mask = photo(dtype, channels, SIZE), disc_mask(SIZE)
    filled = ie.inpaint(image, mask, method)
    assert filled.dtype == image.dtype
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    assert (filled[mask] != image[mask]).any()


@pytest.mark.parametrize("method", OURS)
def test_what_stands_under_the_mask_plays_no_part(method):
    image, mask = photo(np.float32, 3, SIZE), disc_mask(SIZE)
    spoilt = image.copy()
    spoilt[mask] = np.nan
    np.testing.assert_array_equal(ie.inpaint(spoilt, mask, method), ie.inpaint(image, mask, method))


@pytest.mark.parametrize("method", OURS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_constant_comes_back_exact(method, dtype):
    image = in_dtype(np.full((*SIZE, 3), (0.2, 0.5, 0.9)), dtype)
    mask = np.random.default_rng(0).random(SIZE) < 0.4
    mask[10:30, 10:40] = True
    filled = ie.inpaint(image, mask, method)
    # Weights in float32 sum to 1 within a few units in the last place.
    np.testing.assert_allclose(filled, image, rtol=0, atol=0 if dtype != np.float32 else 2e-6)


@pytest.mark.parametrize("method", OURS)
def test_an_empty_mask_gives_a_copy_and_a_full_one_an_error(method):
    image = photo(np.uint8, 3, SIZE)
    copy = ie.inpaint(image, np.zeros(SIZE, bool), method)
    np.testing.assert_array_equal(copy, image)
    assert not np.shares_memory(copy, image)
    with pytest.raises(ie.errors.ImageError, match="mask covers the whole image; leave some"):
        ie.inpaint(image, np.ones(SIZE, bool), method)
    with pytest.raises(ie.errors.ImageError, match="once grown"):
        ie.inpaint(image, disc_mask(SIZE), method, grow=100)


@pytest.mark.parametrize("method", OURS)
def test_a_hole_may_touch_all_borders(method):
    image = photo(np.uint8, 3, SIZE)
    mask = np.ones(SIZE, bool)
    mask[18:22, 25:30] = False
    filled = ie.inpaint(image, mask, method)
    known = image[~mask]
    assert (filled >= known.min(axis=0)).all()
    assert (filled <= known.max(axis=0)).all()


def test_bad_input_is_refused_with_a_remedy():
    image, mask = photo(np.float32, 3, SIZE), disc_mask(SIZE)
    with pytest.raises(ie.errors.ImageError, match=r"mask is 10x10 but image is 40x56"):
        ie.inpaint(image, mask[:10, :10])
    image[0, 0] = np.nan
    near = mask.copy()
    near[3, 3] = True
    far = np.zeros(SIZE, bool)
    far[-3:, -3:] = True
    for hole in (near, far):
        with pytest.raises(ie.errors.ImageError, match="NaN or infinity outside the mask; add them"):
            ie.inpaint(image, hole)
    with pytest.raises(ie.errors.UnknownNameError, match="did you mean 'telea'"):
        ie.inpaint(photo(), disc_mask(), "tela")
    with pytest.raises(
        ie.errors.ArgumentError, match=r"radus is no parameter of method 'telea'; did you mean 'radius'"
    ):
        ie.inpaint(photo(), disc_mask(), "telea", radus=3)
    with pytest.raises(ie.errors.ArgumentError, match="none of its own"):
        ie.inpaint(photo(), disc_mask(), "harmonic", radius=3)
    for method, wrong, meant in (("telea", "metod", "method"), ("harmonic", "featther", "feather")):
        with pytest.raises(ie.errors.ArgumentError, match=f"{wrong} is no parameter.*did you mean '{meant}'"):
            ie.inpaint(photo(), disc_mask(), method, **{wrong: "telea"})
    with pytest.raises(ie.errors.ArgumentError, match=r"radius is 1; give a number at least 2"):
        ie.inpaint(photo(), disc_mask(), "telea", radius=1)
    with pytest.raises(ie.errors.UnknownNameError, match="poisson, pyramid"):
        ie.inpaint(photo(), disc_mask(), repair_seam="glue")
    with pytest.raises(ie.errors.ArgumentError, match="no confidence"):
        ie.inpaint_with_confidence(photo(), disc_mask(), "telea")


def test_the_mask_grows_by_euclidean_distance():
    mask = np.zeros((21, 31), bool)
    mask[10, 15] = True
    y, x = np.mgrid[:21, :31]
    hole, weight = edit_region(mask, 4, 0)
    np.testing.assert_array_equal(hole, np.hypot(y - 10, x - 15) <= 4)
    assert weight is None


def test_feather_fades_from_the_fill_into_the_picture():
    image = np.zeros((40, 60), np.float32)
    image[:, 30:] = 1
    mask = np.zeros(image.shape, bool)
    mask[15:25, 25:35] = True
    hard, soft = (ie.inpaint(image, mask, "harmonic", feather=width) for width in (0, 4))
    far = np.ones(image.shape, bool)
    far[10:30, 20:40] = False
    np.testing.assert_array_equal(soft[far], image[far])
    np.testing.assert_array_equal(hard[~mask], image[~mask])
    changed = np.abs(soft - image)[20, 20:25]
    assert (np.diff(changed) > 0).all()


def test_each_hole_pixel_is_in_one_crop_with_its_margin():
    rng = np.random.default_rng(3)
    hole = np.zeros((300, 410), bool)
    for y, x in rng.integers(0, 290, (12, 2)):
        hole[y : y + 9, x : x + 14] = True
    seen = np.zeros(hole.shape, int)
    for box, own in crops(hole, 20, 0.5):
        seen[box] += own
        ys, xs = np.nonzero(own)
        top, left = ys.min() + box[0].start, xs.min() + box[1].start
        assert box[0].start <= max(0, top - 20)
        assert box[1].start <= max(0, left - 20)
        assert box[0].stop >= min(300, ys.max() + box[0].start + 21)
        assert box[1].stop >= min(410, xs.max() + box[1].start + 21)
    np.testing.assert_array_equal(seen, hole)


def test_far_holes_are_filled_as_if_alone():
    image = photo(np.float32, 3, (200, 300))
    first, second = np.zeros((2, 200, 300), bool)
    first[10:25, 10:30] = True
    second[150:170, 250:280] = True
    both = ie.inpaint(image, first | second, "telea")
    np.testing.assert_array_equal(both[first], ie.inpaint(image, first, "telea")[first])
    np.testing.assert_array_equal(both[second], ie.inpaint(image, second, "telea")[second])


def test_a_hole_in_a_large_photo_costs_what_the_hole_costs():
    small = photo(np.uint8, 3, (200, 200))
    large = np.tile(small, (12, 15, 1))
    mask = np.zeros(large.shape[:2], bool)
    mask[1010:1070, 1010:1090] = True

    def extra_bytes(image, hole):
        with peak_memory() as peak:
            ie.inpaint(image, hole, "telea")
        return peak() - image.nbytes - hole.nbytes

    # 180 times the pixels: beyond the result, only the numbering of the holes (int32) may grow with them.
    assert extra_bytes(large, mask) < 2 * extra_bytes(small, mask[1000:1200, 1000:1200]) + 5 * mask.nbytes


@pytest.mark.parametrize("method", OURS)
def test_cancel_stops_the_work_and_progress_never_falls(method):
    image, mask = photo(np.uint8, 3, (120, 160)), disc_mask((120, 160), 0.3)
    seen = []
    ie.inpaint(image, mask, method, progress=seen.append)
    assert seen[0] == 0
    assert seen[-1] == 1
    assert max(seen) <= 1

    def stop(fraction):
        if fraction > 0:
            raise ie.errors.Cancelled

    with pytest.raises(ie.errors.Cancelled):
        ie.inpaint(image, mask, method, progress=stop)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "learned"])
@pytest.mark.parametrize("shape", ["disc", "scratches"])
def test_a_wish_to_stop_is_heard_after_few_passes(method, shape):
    # A pass over 4 megapixels takes some 0.02 s. Before any report come the checks of all arguments: 80 quick lines.
    size = (120, 160)
    image, mask = photo(np.uint8, 3, size), disc_mask(size, 0.2)
    if shape == "scratches":
        mask = np.zeros(size, bool)
        mask[::24] = mask[:, ::24] = True
    mends = {"grow": 2, "feather": 2, "match_color": True}
    assert lines_between_reports(lambda progress: ie.inpaint(image, mask, method, progress=progress)) < 100
    for mend in ("poisson", "pyramid"):
        call = functools.partial(ie.inpaint, image, mask, method, repair_seam=mend, **mends)
        assert lines_between_reports(lambda progress, call=call: call(progress=progress)) < 100


@pytest.mark.parametrize(("method", "deepest"), [("telea", 64), ("navier-stokes", 64), ("biharmonic", 48)])
def test_a_hole_too_deep_for_a_method_is_told_with_what_to_take_instead(method, deepest):
    image, mask = photo(np.uint8, 3, (40, 300)), np.zeros((40, 300), bool)
    # The middle of the larger of two holes is so far from its left and right edge.
    mask[:, 10:20] = mask[:, 60 : 60 + 2 * deepest] = True
    ie.inpaint(image, mask, method)  # no warning, which would be an error here
    mask[:, 60 : 60 + 2 * deepest + 2] = True
    with pytest.warns(UserWarning, match=rf"reaches {deepest + 1} pixels .* {method!r} .*'patchmatch'") as told:
        ie.inpaint(image, mask, method)
    assert [warning.filename for warning in told] == [__file__]
    ie.inpaint(image, mask, "harmonic")


@pytest.mark.parametrize(("method", "instead"), [("exemplar", "take 'patchmatch'"), ("patchmatch", "half the size")])
def test_a_hole_that_takes_minutes_is_told(method, instead):
    small, large = METHODS[method].most, METHODS[method].most + 1
    for count, told in ((small, False), (large, True)):
        hole = np.zeros((int(large) + 1, 2), bool)
        hole[: int(count), 0] = True
        doubt = METHODS[method].doubts(method, hole)
        assert (instead in doubt and f"{count:,} pixels" in doubt) == told
        assert bool(doubt) == told


def test_hidden_colour_does_not_bleed_and_alpha_is_filled():
    image = np.zeros((20, 30, 4), np.uint8)
    image[:, :15] = (255, 0, 0, 255)
    image[:, 15:] = (0, 255, 0, 0)  # clear, with green hidden in it
    mask = np.zeros((20, 30), bool)
    mask[5:15, 10:20] = True
    filled = ie.inpaint(image, mask, "harmonic")[mask]
    assert (filled[:, 1] == 0).all()
    assert filled[:, 3].min() < 60
    assert filled[:, 3].max() > 200


@pytest.mark.parametrize("how", ["poisson", "pyramid"])
def test_seam_repair_takes_a_step_away_and_keeps_a_perfect_fill(how):
    from imgedit.inpainting.seams import SEAMS

    y, x = np.mgrid[:60, :80]
    ramp = (0.2 + x / 200 + y / 300)[..., None].astype(np.float32)
    hole = disc_mask((60, 80), 0.25)
    values = np.where(hole[..., None], 0, ramp)
    edge = hole & (cv2.erode(hole.view(np.uint8), np.ones((3, 3))) == 0)
    stepped = ramp + 0.2 * hole[..., None]
    tick = Ticker(None)
    mended = SEAMS[how](values, stepped.astype(np.float32), hole, tick)
    # One pixel inside the edge the fine bands of a pyramid are already those of the fill, half and half.
    assert np.abs(mended - ramp)[edge].max() < {"poisson": 0.02, "pyramid": 0.03}[how]
    np.testing.assert_allclose(
        SEAMS[how](values, ramp, hole, tick)[hole], ramp[hole], atol={"poisson": 1e-3, "pyramid": 0.02}[how]
    )


def test_matched_colours_have_the_mean_and_contrast_of_the_ring():
    from imgedit.inpainting.seams import match_surroundings

    rng = np.random.default_rng(0)
    values = rng.normal(0.6, 0.1, (60, 80, 3)).astype(np.float32)
    hole = disc_mask((60, 80), 0.2)
    wrong = np.where(hole[..., None], rng.normal(0.2, 0.06, values.shape), values).astype(np.float32)
    right = match_surroundings(np.where(hole[..., None], 0, values), wrong, hole, Ticker(None))[hole]
    # Standard error of the mean of some 800 ring pixels: 0.1 / sqrt(800) = 0.004.
    np.testing.assert_allclose(right.mean(axis=0), 0.6, atol=0.015)
    np.testing.assert_allclose(right.std(axis=0), 0.1, atol=0.015)


def test_every_method_takes_the_same_call(tmp_path, monkeypatch):
    filler(tmp_path / "net.onnx", "rgb-mask")
    monkeypatch.setenv("IMGEDIT_MODELS", str(tmp_path))
    image, mask = photo(np.uint8, 3, (64, 80)), disc_mask((64, 80), 0.1)
    for method in METHODS:
        np.testing.assert_array_equal(ie.inpaint(image, mask, method, seed=1)[~mask], image[~mask])
