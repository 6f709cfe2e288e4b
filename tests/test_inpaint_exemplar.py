"""Criminisi's method: kernels equal their twins, the order is the paper's, lines go on, bad input is refused."""

from __future__ import annotations

import naive_exemplar as naive
import numpy as np
import pytest
from pictures import photo

import imgedit as ie
from imgedit.inpainting import exemplar, inpaint, inpaint_with_confidence, patches
from imgedit.strips import Ticker

SIZE = (48, 64)
TICK = Ticker(None)


def stripes(size=SIZE, angle=0.0, period=12.0):
    """Dark and light stripes with a soft edge of about a pixel."""
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    wave = np.sin(2 * np.pi * (x * np.sin(np.radians(angle)) + y * np.cos(np.radians(angle))) / period)
    return np.clip(0.5 + 3 * wave, 0.1, 0.9).astype(np.float32)


def box(size=SIZE, rows=(16, 32), cols=(22, 42)):
    mask = np.zeros(size, bool)
    mask[slice(*rows), slice(*cols)] = True
    return mask


def canvas(seed=0, size=(24, 30)):
    """A picture half filled: confidence and weights as they stand in the middle of the work."""
    rng = np.random.default_rng(seed)
    values = photo(np.float32, 3, size, seed=seed)
    hole = box(size, (7, 19), (9, 24))
    made = exemplar._canvas(values * ~hole[..., None], hole, TICK)
    made.todo[7:11, 9:15] = False
    made.todo[15:19, 20:24] = False
    made.confidence[hole & ~made.todo] = rng.uniform(0.2, 0.9, np.count_nonzero(hole & ~made.todo))
    made.weight[hole & ~made.todo] = 1
    return made


@pytest.mark.parametrize("size", [5, 9])
def test_priorities_equal_the_plain_twin(size):
    work = canvas()
    rows, cols, confidence, data = exemplar.priorities(work, size)
    assert list(zip(rows.tolist(), cols.tolist(), strict=True)) == naive.front(work.todo)
    outline = _blurred(work.todo, exemplar.OUTLINE)
    for index, (y, x) in enumerate(zip(rows.tolist(), cols.tolist(), strict=True)):
        assert confidence[index] == pytest.approx(naive.confidence(work.confidence, work.todo, y, x, size), abs=1e-5)
        normal = np.array(naive.gradient(outline, np.zeros_like(work.todo), y, x))
        normal /= np.hypot(*normal)
        expected = naive.data(work.features[..., 0], work.todo, y, x, size, normal)
        # float32 against float64, and a Gaussian of OpenCV against SciPy's, both cut at about 4 sigma
        assert data[index] == pytest.approx(expected, abs=2e-3 * float(np.abs(work.features[..., 0]).max()))


def _blurred(todo, sigma):
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(todo.astype(float), sigma, mode="mirror", truncate=4)


def test_confidence_falls_with_depth_and_only_inside():
    image, mask = photo(np.uint8, 3, SIZE), box()
    _, confidence = inpaint_with_confidence(image, mask, "exemplar")
    assert confidence.dtype == np.float32
    assert (confidence[~mask] == 1).all()
    assert 0 < confidence[mask].min() < confidence[mask].max() < 1
    assert confidence[mask].max() > 1.5 * confidence[23:25, 31:33].max()


def test_an_isophote_straight_into_the_hole_comes_first():
    size = (40, 40)
    image = np.zeros((*size, 1), np.float32)
    image[20:] = 1  # one horizontal edge, which meets the hole's left and right sides only
    hole = box(size, (12, 28), (12, 28))
    rows, cols, confidence, data = exemplar.priorities(exemplar._canvas(image * ~hole[..., None], hole, TICK), 9)
    best = (confidence * data).argmax()
    assert rows[best] in range(15, 25)  # the edge lies in its patch
    assert cols[best] in (12, 27)
    along = data[(rows == 12) & (np.abs(cols - 20) < 3)]
    assert along.max() < 0.05 * data[best]


@pytest.mark.parametrize("size", [3, 5, 9])
def test_whole_patches_equal_the_plain_twin(size):
    rng = np.random.default_rng(size)
    usable = rng.random((19, 23)) > 0.01
    found = set(zip(*(place.tolist() for place in np.nonzero(patches.whole_patches(usable, size))), strict=True))
    assert found == naive.whole_patches(usable, size)


@pytest.mark.parametrize(("height", "depth", "width"), [(1, 68, 1000), (16, 68, 1234), (130, 24, 999), (64, 245, 1)])
def test_products_in_blocks_equal_the_plain_product(height, depth, width):
    rng = np.random.default_rng(0)
    left = rng.standard_normal((height, depth)).astype(np.float32)
    for right in (rng.standard_normal((depth, width)), rng.standard_normal((width, depth)).T):
        right = right.astype(np.float32)
        # float32 sums of some hundred terms, in another order
        np.testing.assert_allclose(patches.product(left, right), left @ right, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_exhaustive_search_equals_the_plain_twin(channels):
    rng = np.random.default_rng(channels)
    features = rng.normal(size=(17, 21, channels)).astype(np.float32)
    usable = rng.random((13, 17)) > 0.3
    work = exemplar._canvas(features, box((17, 21), (5, 9), (6, 12)), TICK)
    work.features, work.weight = features, rng.random((17, 21)).astype(np.float32)
    finder = exemplar.Finder(features, usable, 5, None, 1, TICK)
    tops, lefts = np.array([0, 6, 12]), np.array([0, 9, 16])
    for to, place in zip(zip(tops, lefts, strict=True), finder.find(work, tops, lefts, TICK), strict=True):
        assert place == naive.nearest(features, work.weight, usable, to, 5, exemplar.AWAY)[0]


@pytest.mark.parametrize(("size", "height", "width"), [(5, 40, 41), (9, 41, 50), (7, 42, 43)])
def test_coarse_to_fine_search_is_nearly_as_good(size, height, width):
    work = canvas(3, (height, width))
    usable = patches.whole_patches(work.confidence == 1, size)
    tops, lefts = np.array([4, 8, 12]), np.array([6, 12, 18])

    def cost(to, place):
        known = {"strange": exemplar.STRANGE, "context": exemplar.CONTEXT}
        return naive.choice(work.features, work.todo, work.weight, to, place, size, **known)

    places = exemplar.Finder(work.features, usable, size, None, 2, TICK).find(work, tops, lefts, TICK)
    every = list(zip(*(at.tolist() for at in np.nonzero(usable)), strict=True))
    found = best = 0.0
    for to, place in zip(zip(tops.tolist(), lefts.tolist(), strict=True), places, strict=True):
        assert usable[place]
        found += cost(to, place)
        best += min(cost(to, other) for other in every[::3])
    assert found < 1.25 * best  # of every third place


def test_patches_of_one_round_do_not_overlap():
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(0, 60, (2, 300))
    priority = rng.uniform(0.5, 1, 300).astype(np.float32)
    picked = exemplar._pick(rows, cols, priority, 9, 16, TICK)
    assert picked[0] == priority.argmax()
    assert len(picked) > 4
    for index, one in enumerate(picked):
        for other in picked[:index]:
            assert max(abs(rows[one] - rows[other]), abs(cols[one] - cols[other])) >= 9


@pytest.mark.parametrize("angle", [0, 90, 45])
@pytest.mark.parametrize("exhaustive", [False, True])
def test_straight_lines_go_on(angle, exhaustive):
    image, mask = stripes(angle=angle), box()
    filled = inpaint(np.where(mask, 0, image), mask, "exemplar", exhaustive=exhaustive)
    # The soft edge of a slanted stripe comes in a few phases only; nothing may be off by more than half a step.
    assert np.abs(filled - image).max() < (1e-6 if angle != 45 else 0.4)
    assert np.abs(filled - image)[mask].mean() < 0.02


def test_what_has_no_likeness_waits(monkeypatch):
    """Noise that is found nowhere else stands at the hole: what continues it comes last."""
    image, mask = stripes(), box()
    image[18:30, 10:22] = np.random.default_rng(0).random((12, 12))
    places = []
    copy = exemplar._copy

    def record(work, to, *rest):
        places.append(to)
        copy(work, to, *rest)

    monkeypatch.setattr(exemplar, "_copy", record)
    last = {}
    for poor in (exemplar.POOR, np.inf):
        monkeypatch.setattr(exemplar, "POOR", poor)
        places.clear()
        inpaint(np.where(mask, 0, image), mask, "exemplar")
        beside = [index for index, (top, left) in enumerate(places) if 14 < top < 28 and left < 21]
        last[poor] = max(beside) / len(places)
    assert last[3.0] > 0.8
    assert last[np.inf] < 0.5


@pytest.mark.parametrize("method", ["exemplar", "patchmatch"])
def test_joining_takes_the_steps_between_pieces_away(method):
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    image = (0.3 + 0.2 * x / 64 + 0.2 * y / 48 + 0.05 * ((y // 3 + x // 3) % 2)).astype(np.float32)
    mask = box()
    error = {
        join: np.abs(inpaint(np.where(mask, 0, image), mask, method, join=join) - image)[mask].mean()
        for join in (False, True)
    }
    assert error[True] < 1e-5 < 1e-4 < error[False]


@pytest.mark.parametrize("method", ["exemplar", "patchmatch"])
def test_thin_parts_go_on_smoothly_and_pure_copies_stay_copies(method):
    image, mask = photo(np.float32, 3, SIZE), np.zeros(SIZE, bool)
    mask[20:24, 10:50] = True
    np.testing.assert_allclose(
        inpaint(image, mask, method)[mask], inpaint(image, mask, "biharmonic")[mask], rtol=0, atol=1e-5
    )
    assert np.abs(inpaint(image, mask, method, join=False) - inpaint(image, mask, method))[mask].max() > 1e-2


def test_every_copied_pixel_stands_in_the_source():
    image = np.arange(48 * 64, dtype=np.uint16).reshape(SIZE)
    mask, source = box(), np.zeros(SIZE, bool)
    source[:, 44:] = True
    filled = inpaint(image, mask, "exemplar", source=source, join=False)
    assert set(filled[mask].tolist()) <= set(image[source].tolist())


def test_search_window_holds():
    image = np.arange(48 * 64, dtype=np.uint16).reshape(SIZE)
    mask = box(rows=(20, 26), cols=(30, 36))
    y, x = np.divmod(inpaint(image, mask, "exemplar", patch_size=5, search=9, join=False)[mask].astype(int), 64)
    rows, cols = np.nonzero(mask)
    # a pixel of the patch stands where the patch does, so the window holds for pixels too
    assert np.abs(y - rows).max() <= 9
    assert np.abs(x - cols).max() <= 9


def test_several_holes_and_a_hole_at_each_edge():
    image, mask = stripes(period=8), np.zeros(SIZE, bool)
    for rows, cols in (((0, 9), (10, 20)), ((39, 48), (40, 52)), ((20, 30), (0, 9)), ((10, 20), (55, 64))):
        mask[slice(*rows), slice(*cols)] = True
    filled = inpaint(np.where(mask, 0, image), mask, "exemplar")
    assert np.abs(filled - image).max() < 1e-6


def test_the_same_call_gives_the_same_picture():
    image, mask = photo(np.uint8, 3, SIZE), box()
    np.testing.assert_array_equal(inpaint(image, mask, "exemplar"), inpaint(image, mask, "exemplar", seed=7))


@pytest.mark.parametrize("method", ["exemplar", "patchmatch"])
@pytest.mark.parametrize(
    ("parameters", "argument"),
    [
        ({"patch_size": 4}, "patch_size"),
        ({"patch_size": 1}, "patch_size"),
        ({"patch_size": 5.0}, "patch_size"),
        ({"patch_size": 49}, "patch_size"),
        ({"source": np.zeros(SIZE, bool)}, "source"),
        ({"source": np.arange(64) < 6 + np.zeros((48, 1))}, "source"),
        ({"source": np.ones((4, 4), bool)}, "source"),
    ],
)
def test_bad_parameters_are_named(method, parameters, argument):
    if method == "exemplar" and "source" in parameters and parameters["source"].shape == SIZE:
        parameters = {**parameters, "patch_size": 9}
    with pytest.raises(ie.errors.ArgumentError, match=f"^{argument} "):
        inpaint(photo(np.uint8, 3, SIZE), box(), method, **parameters)


@pytest.mark.parametrize("method", ["exemplar", "patchmatch"])
def test_a_hole_that_leaves_no_patch_is_refused(method):
    mask = np.ones(SIZE, bool)
    mask[::7] = False
    with pytest.raises(ie.errors.ImageError, match="leaves no whole"):
        inpaint(photo(np.uint8, 3, SIZE), mask, method)


def test_a_window_that_reaches_no_patch_is_refused():
    with pytest.raises(ie.errors.ArgumentError, match=r"^search is 2"):
        inpaint(photo(np.uint8, 3, SIZE), box(), "exemplar", search=2)


def test_progress_rises_and_can_cancel():
    seen = []
    inpaint(photo(np.uint8, 3, SIZE), box(), "exemplar", progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) > 4

    def stop(fraction):
        raise ie.errors.Cancelled

    with pytest.raises(ie.errors.Cancelled):
        inpaint(photo(np.uint8, 3, SIZE), box(), "exemplar", progress=stop)
