from __future__ import annotations

import pickle

import numpy as np
import pytest

import imgedit as ie

T = ie.Transform
RNG = np.random.default_rng(3)
POINTS = RNG.uniform(5, 55, (20, 2))
CORNERS = [[0, 0], [60, 0], [60, 60], [0, 60]]
ALL = {
    "affine": T.affine([[1.1, 0.2, 3], [-0.1, 0.9, 5]]),
    "perspective": T.perspective(CORNERS, [[3, 5], [55, 2], [60, 58], [8, 50]]),
    "thin_plate": T.thin_plate([*CORNERS, [30, 30]], [*CORNERS, [36, 26]]),
    "field": T.field(RNG.normal(0, 0.08, (60, 60, 2))),
    "mesh": T.mesh([[[0, 0], [30, 4], [60, 0]], [[0, 60], [30, 50], [60, 60]]], (60, 60)),
}
ALL["chain"] = ALL["affine"] @ ALL["thin_plate"] @ ALL["perspective"]


@pytest.mark.parametrize("name", ALL)
def test_back_undoes_forth(name):
    transform = ALL[name]
    moved = transform.points(POINTS)
    np.testing.assert_allclose(transform.back(moved), POINTS, atol=1e-6)
    np.testing.assert_allclose(transform.inverse().points(moved), POINTS, atol=1e-6)
    np.testing.assert_allclose((transform.inverse() @ transform).points(POINTS), POINTS, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_survives_pickling(name):
    copy = pickle.loads(pickle.dumps(ALL[name]))
    np.testing.assert_array_equal(copy.points(POINTS), ALL[name].points(POINTS))


def test_is_frozen():
    with pytest.raises(AttributeError):
        T().steps = ()
    with pytest.raises(ValueError, match="read-only"):
        ALL["field"].steps[0].offsets[0] = 1


def test_composition_applies_the_right_one_first():
    both = T.translation(10, 0) @ T.scaling(2)
    np.testing.assert_array_equal(both.points([[1, 1]]), [[12, 2]])
    assert len(both.steps) == 1
    assert len((ALL["field"] @ both).steps) == 2


def test_turns_counter_clockwise():
    np.testing.assert_array_equal(T.rotation(90).points([[1, 0]]), [[0, -1]])  # y points down
    np.testing.assert_allclose(T.rotation(30).points([[1, 0]]), [[np.cos(np.pi / 6), -0.5]])


def test_whole_matrices_invert_exactly():
    assert (T.rotation(90, center=(3, 4)).inverse() @ T.rotation(90, center=(3, 4))).is_identity
    np.testing.assert_array_equal(T.translation(7, -3).inverse().matrix, T.translation(-7, 3).matrix)


def test_perspective_takes_the_corners():
    target = [[3, 5], [55, 2], [60, 58], [8, 50]]
    np.testing.assert_allclose(ALL["perspective"].points(CORNERS), target, atol=1e-9)


def test_thin_plate_takes_the_points_and_is_affine_for_affine_ones():
    np.testing.assert_allclose(ALL["thin_plate"].points([[30, 30]]), [[36, 26]], atol=1e-6)
    source = RNG.uniform(0, 60, (8, 2))
    straight = T.thin_plate(source, ALL["affine"].points(source))
    np.testing.assert_allclose(straight.points(POINTS), ALL["affine"].points(POINTS), atol=1e-6)


def test_thin_plate_equals_scikit_image():
    from skimage.transform import ThinPlateSplineTransform

    source, target = RNG.uniform(0, 60, (9, 2)), RNG.uniform(0, 60, (9, 2))
    theirs = ThinPlateSplineTransform.from_estimate(target, source)
    # They add 1e-8 under the logarithm, which moves points by a few ten thousandths of a pixel.
    np.testing.assert_allclose(T.thin_plate(source, target).back(POINTS), theirs(POINTS), atol=2e-3)


def test_beyond_the_horizon_is_nowhere():
    road = T.perspective([[1, 0, 0], [0, 1, 0], [0, 0.1, 1]])
    assert np.isnan(road.points([[0, -20]])).all()
    assert np.isfinite(road.points([[0, 20]])).all()


def test_boxes_hold_all_that_was_in_them():
    box = [[10, 12, 40, 30]]
    inside = RNG.uniform((10, 12), (40, 30), (200, 2))
    for name, transform in ALL.items():
        left, top, right, bottom = transform.boxes(box)[0]
        x, y = transform.points(inside).T
        slack = 0.05 if name in ("field", "chain") else 1e-9
        assert left - slack <= x.min()
        assert right + slack >= x.max()
        assert top - slack <= y.min()
        assert bottom + slack >= y.max()
    np.testing.assert_array_equal(T().boxes(box), box)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: T.affine([[1, 0], [0, 1]]), "2x3"),
        (lambda: T.affine([[1, 0, np.nan], [0, 1, 0]]), "finite"),
        (lambda: T.affine([[1, 2, 0], [2, 4, 0]]), "inverted"),
        (lambda: T.affine("matrix"), "matrix"),
        (lambda: T.scaling(0), "inverted"),
        (lambda: T.similarity(scale=-1), "scale"),
        (lambda: T.rotation(np.inf), "degrees"),
        (lambda: T.rotation(5, center=(1, 2, 3)), "center"),
        (lambda: T.translation("1", 2), "x is"),
        (lambda: T.perspective(CORNERS, [[0, 0], [1, 1], [2, 2], [3, 0]]), "line"),
        (lambda: T.perspective(CORNERS, [[0, 0], [60, 60], [60, 0], [0, 60]]), "inside out"),
        (lambda: T.perspective(CORNERS[:3], CORNERS[:3]), "four"),
        (lambda: T.perspective(np.eye(2)), "3x3"),
        (lambda: T.thin_plate([[0, 0], [1, 1]], [[0, 0], [1, 1]]), "three"),
        (lambda: T.thin_plate([[0, 0], [1, 1], [2, 0]], [[0, 0], [1, 1], [2, 2]]), "line"),
        (lambda: T.thin_plate(CORNERS, [[0, 0], [0, 0], [2, 2], [5, 0]]), "twice"),
        (lambda: T.field(np.zeros((4, 4))), "HxWx2"),
        (lambda: T.mesh(np.zeros((1, 4, 2)), (5, 5)), "2x2"),
        (lambda: T.mesh(np.zeros((2, 2, 2)), (0, 5)), "size"),
        (lambda: T().points([1, 2]), "Nx2"),
        (lambda: T().boxes([[1, 2, 3]]), "Nx4"),
    ],
)
def test_bad_arguments_are_named(call, word):
    with pytest.raises(ie.errors.ArgumentError, match=word) as caught:
        call()
    assert caught.value.remedy
