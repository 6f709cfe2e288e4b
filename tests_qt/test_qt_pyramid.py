"""Views turn there and back; what a pyramid draws is the image, at each scale, before and after its copies are made."""

import numpy as np
import pytest

from imgedit.qt.pyramid import Pyramid, displayable
from imgedit.qt.selection import TILE, Selection
from imgedit.qt.view import View


def smooth(height, width):
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 90 + n) * np.cos(y / 70 - n) * 100 + 128 for n in range(3)]
    return np.rint(np.stack(waves, axis=2)).astype(np.uint8)


def test_a_point_stays_where_it_is_zoomed_at():
    view = View(0.3, 100, -20)
    zoomed = view.zoomed(7, 33, 44)
    assert zoomed.scale == pytest.approx(2.1)
    assert zoomed.to_image(33, 44) == pytest.approx(view.to_image(33, 44))
    assert zoomed.to_viewport(*zoomed.to_image(5, 6)) == pytest.approx((5, 6))
    assert view.panned(10, -20).to_viewport(50, 60) == pytest.approx(np.add(view.to_viewport(50, 60), (10, -20)))


def test_fitting_shows_all_in_the_middle():
    view = View.fitting((1000, 4000), (300, 800))
    assert view.scale == 0.2
    assert view.to_viewport(2000, 500) == pytest.approx((400, 150))
    assert View.fitting((10, 10), (300, 800)).scale == 1


def test_pixel_for_pixel_is_the_image():
    image = np.random.default_rng(3).integers(0, 255, (40, 50, 4), np.uint8)
    image[..., 3] = 255
    np.testing.assert_array_equal(Pyramid(displayable(image)).render(1, 7, 5, (20, 30)), image[5:25, 7:37])


def test_enlarged_pixels_are_squares():
    image = np.random.default_rng(3).integers(0, 255, (8, 9), np.uint8)
    drawn = Pyramid(image).render(4, 2, 1, (16, 20))
    np.testing.assert_array_equal(drawn, image[1:5, 2:7].repeat(4, 0).repeat(4, 1))


@pytest.fixture(scope="module")
def large():
    return smooth(2101, 2503)


@pytest.mark.parametrize("scale", [0.9, 0.5, 0.3, 0.25, 0.12])
@pytest.mark.parametrize("built", [False, True])
def test_every_scale_shows_the_same_place(large, scale, built):
    pyramid = Pyramid(large)
    if built:
        pyramid.build()
    left, top = 301.4, 203.7
    drawn = pyramid.render(scale, left, top, (100, 120)).astype(int)
    y, x = (np.arange(100) + 0.5) / scale + top, (np.arange(120) + 0.5) / scale + left
    expected = large[np.ix_(y.astype(int), x.astype(int))]
    # A pixel of the image apart changes 100 sin(x / 90) by at most 1.2; rough copies are up to half a step of 16 off.
    assert np.abs(drawn - expected).max() <= (4 if built else 12)


def test_copies_are_means_and_follow_changes():
    base = np.zeros((1201, 1303), np.uint8)
    pyramid = Pyramid(base)
    pyramid.build()
    base[500:701, 333:444] = np.random.default_rng(2).integers(0, 255, (201, 111), np.uint8)
    pyramid.changed((333, 500, 444, 701))
    fresh = Pyramid(base)
    fresh.build()
    for scale in (0.5, 0.25):
        changed, built = (p.render(scale, 0, 0, (300, 320)) for p in (pyramid, fresh))
        np.testing.assert_array_equal(changed, built)
        assert changed.any()
    assert abs(fresh.render(0.5, 332, 500, (1, 1))[0, 0] - base[500:502, 332:334].mean()) <= 0.5


def test_an_empty_pyramid_is_a_built_one():
    size = (1201, 1303)
    empty, built = Pyramid.empty(size), Pyramid(np.zeros(size, np.uint8))
    built.build()
    assert [level.shape for level in empty._halved] == [level.shape for level in built._halved]


def test_transparent_pixels_do_not_bleed():
    image = np.zeros((1200, 1200, 4), np.uint8)
    image[..., :3] = 255  # white that nobody sees
    image[:, ::2] = (10, 20, 30, 255)
    pyramid = Pyramid(displayable(image))
    pyramid.build()
    drawn = pyramid.render(0.5, 100, 100, (10, 10))
    np.testing.assert_allclose(drawn, np.broadcast_to([5, 10, 15, 128], drawn.shape), atol=1)


def test_undo_and_redo_are_exact_and_know_what_changed():
    rng = np.random.default_rng(4)
    selection = Selection(np.zeros((700, 900), np.uint8))
    states = [selection.coverage.copy()]
    for n in range(6):
        for _ in range(3):
            patch = rng.integers(0, 255, (120, 150), np.uint8)
            selection.put(patch, int(rng.integers(-100, 880)), int(rng.integers(-100, 680)), add=n % 3 != 2)
        selection.commit()
        states.append(selection.coverage.copy())
    for before, after in zip(states[-2::-1], states[:0:-1], strict=True):
        left, top, right, bottom = selection.undo()
        np.testing.assert_array_equal(selection.coverage, before)
        changed = before != after
        changed[top:bottom, left:right] = False
        assert not changed.any()
    assert selection.undo() == (0, 0, 0, 0)
    for state in states[1:]:
        selection.redo()
        np.testing.assert_array_equal(selection.coverage, state)
    assert not selection.can_redo


def test_a_new_step_forgets_what_was_undone():
    selection = Selection(np.zeros((50, 50), np.uint8))
    full = np.full((5, 5), 255, np.uint8)
    for place in (0, 10):
        selection.put(full, place, place)
        selection.commit()
    selection.undo()
    selection.put(full, 20, 20)
    selection.commit()
    assert not selection.can_redo
    assert selection.coverage[10, 10] == 0


def test_history_is_bounded(monkeypatch):
    monkeypatch.setattr("imgedit.qt.selection.UNDO_BYTES", 3 * TILE * TILE)
    selection = Selection(np.zeros((TILE, 8 * TILE), np.uint8))
    for n in range(8):
        selection.put(np.full((4, 4), 255, np.uint8), n * TILE, 0)
        selection.commit()
    undone = 0
    while selection.can_undo:
        selection.undo()
        undone += 1
    assert undone == 3


def test_coverage_adds_and_takes_away():
    selection = Selection(np.zeros((1, 4), np.uint8))
    selection.put(np.array([[0, 100, 200, 255]], np.uint8), 0, 0)
    selection.put(np.array([[50, 50, 50, 50]], np.uint8), 0, 0)
    assert selection.coverage.tolist() == [[50, 100, 200, 255]]
    selection.put(np.array([[0, 0, 255, 100]], np.uint8), 0, 0, add=False)
    assert selection.coverage.tolist() == [[50, 100, 0, 155]]
    assert selection.put(np.ones((3, 3), np.uint8), 9, 9) == (4, 1, 4, 1)


def test_replacing_a_selection_keeps_only_what_changes():
    selection = Selection(np.zeros((700, 900), np.uint8))
    assert selection.replace(np.zeros((700, 900), np.uint8)) == (0, 0, 0, 0)
    selection.commit()
    assert not selection.can_undo
    other = np.zeros((700, 900), np.uint8)
    other[300:310, 600:620] = 200
    assert selection.replace(other) == (2 * TILE, TILE, 3 * TILE, 2 * TILE)
    np.testing.assert_array_equal(selection.coverage, other)
    assert selection.coverage is not other
    assert selection.undo() == (2 * TILE, TILE, 3 * TILE, 2 * TILE)
    assert not selection.coverage.any()
