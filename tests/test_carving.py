"""Content-aware resize: equal to the plain twin, keeps what it should, takes what it should."""

from __future__ import annotations

import numpy as np
import pytest
from naive_carving import carve_width
from pictures import KINDS, photo

import imgedit as ie
from imgedit import errors


@pytest.mark.parametrize("energy", ["forward", "backward"])
def test_the_exact_mode_equals_the_plain_twin(energy):
    image = photo(np.float32, 1, (18, 24))
    np.testing.assert_array_equal(ie.carve(image, (18, 17), energy=energy, exact=True), carve_width(image, 7, energy))


@pytest.mark.parametrize("energy", ["forward", "backward"])
def test_height_is_width_turned(energy):
    image = photo(np.float32, 1, (24, 18))
    small = ie.carve(image, (17, 18), energy=energy, exact=True)
    np.testing.assert_array_equal(small, carve_width(image.T.copy(), 7, energy).T)


@pytest.mark.filterwarnings("ignore:size s:UserWarning")
@pytest.mark.parametrize("size", [(30, 40), (40, 56), (47, 70), (33, 90), (60, 30), (1, 1)])
@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_any_size_is_reached(dtype, channels, size):
    image = photo(dtype, channels)
    out = ie.carve(image, size)
    assert out.shape == (*size, *image.shape[2:])
    assert out.dtype == dtype


def test_the_own_size_changes_nothing():
    image = photo()
    np.testing.assert_array_equal(ie.carve(image, image.shape[:2]), image)


def test_a_smaller_picture_holds_only_pixels_of_the_old_in_their_order():
    image = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)
    small = ie.carve(image, (20, 22))
    for old, new in zip(image, small, strict=True):
        assert (np.diff(new.astype(int)) > 0).all()
        assert np.isin(new, old).all()


def test_what_stands_out_keeps_its_shape():
    image = np.full((40, 60, 3), 100, np.uint8)
    image[10:30, 20:32] = (250, 40, 10)
    # Forward energy sees nothing new in a narrower flat box; the gradient of its upper and lower edge does.
    small = ie.carve(image, (40, 40), energy="backward")
    assert (small == (250, 40, 10)).all(-1).sum() == 20 * 12


def test_what_is_protected_is_kept_and_what_is_not_goes():
    image = photo(np.uint8, 1)
    protect = np.zeros(image.shape, bool)
    protect[:, 5:25] = True
    small = ie.carve(image, (40, 30), protect=protect)
    # The protected columns are still there, side by side.
    assert any((small[:, x : x + 20] == image[:, 5:25]).all() for x in range(11))


@pytest.mark.parametrize("size", [(40, 56), (40, 36), (30, 70)])
def test_what_is_to_go_is_gone(size):
    image = photo(np.uint8, 3) // 2
    image[12:30, 20:30] = (255, 0, 0)
    remove = (image == (255, 0, 0)).all(-1)
    out = ie.carve(image, size, remove=remove)
    assert out.shape[:2] == size
    assert not (out == (255, 0, 0)).all(-1).any()


def test_new_pixels_lie_between_their_neighbours():
    ramp = np.tile(np.linspace(0, 1, 30, dtype=np.float32), (8, 1))
    wide = ie.carve(ramp, (8, 40))
    assert (np.diff(wide, axis=1) >= 0).all()
    assert wide.min() == 0
    assert wide.max() == 1


def test_hidden_colour_costs_nothing():
    clear = photo(np.float32, 4)
    other = clear.copy()
    other[clear[..., 3] == 0, :3] = np.random.default_rng(0).random((int((clear[..., 3] == 0).sum()), 3))
    first, second = ie.carve(clear, (40, 44)), ie.carve(other, (40, 44))
    np.testing.assert_array_equal(first[..., 3], second[..., 3])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"size": (0, 4)}, "size"),
        ({"size": (4.5, 4)}, "whole"),
        ({"size": 7}, "height, width"),
        ({"size": (4, 4), "energy": "sideways"}, "valid names: forward, backward"),
        ({"size": (30, 50), "remove": np.ones((40, 56), bool)}, "whole row and a whole column"),
        ({"size": (4, 4), "protect": np.ones((4, 4), bool)}, "protect is 4x4"),
        (
            {"size": (4, 4), "remove": np.eye(40, 56, dtype=bool), "protect": np.ones((40, 56), bool)},
            "overlaps protect",
        ),
    ],
)
def test_bad_input_is_told(arguments, word):
    with pytest.raises(errors.ArgumentError, match=word):
        ie.carve(photo(), **arguments)


@pytest.mark.parametrize("worst", [np.nan, np.inf])
def test_what_no_seam_can_weigh_is_refused(worst):
    image = photo(np.float32)
    image[20, 30] = worst
    with pytest.raises(errors.ImageError, match="NaN or infinity"):
        ie.carve(image, (40, 50))


def test_progress_rises_and_can_stop():
    seen = []
    ie.carve(photo(), (35, 50), progress=seen.append, exact=True)
    assert seen == sorted(seen)
    assert seen[-1] == 1

    def stop(done):
        raise errors.Cancelled

    with pytest.raises(errors.Cancelled):
        ie.carve(photo(), (40, 50), progress=stop)


def test_what_seams_cannot_do_is_told_with_what_can():
    image = photo(np.uint8, 3, (24, 40))
    with pytest.warns(UserWarning, match=r"size shrinks the width from 40 to 19, .*with resize first"):
        ie.carve(image, (24, 19))
    with pytest.warns(UserWarning, match=r"size stretches the height from 24 to 37"):
        ie.carve(image, (37, 40))
    ie.carve(image, (36, 20))  # just half, just half as much again: no warning, which would be an error here
    protect = np.zeros((24, 40), bool)
    protect[12, :35] = True
    with pytest.warns(UserWarning, match="protect leaves only 5 of the 8 pixels of width that go"):
        ie.carve(image, (24, 32), protect=protect)
    ie.carve(image, (24, 35), protect=protect)
