"""The canvas does what pointer, keys and calls ask for; masks and points come out in image coordinates."""

import importlib
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from test_qt_worker import until

import imgedit as ie
from imgedit.qt import TOOLS, Canvas, Pyramid, Tool, View, from_qimage
from imgedit.qt.binding import BINDING, QtCore, QtGui
from imgedit.qt.shapes import polygon, stroke

QTest = importlib.import_module(f"{BINDING}.QtTest").QTest
Qt = QtCore.Qt
Button, Key, Modifier = Qt.MouseButton, Qt.Key, Qt.KeyboardModifier
LEFT, NONE = Button.LeftButton, Modifier.NoModifier


@pytest.fixture
def canvas(app):
    made = Canvas()
    made.resize(400, 300)
    made.set_image(np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8))
    made.show()
    app.processEvents()
    made.heard = []
    made.mask_changed.connect(lambda mask: made.heard.append(("mask", mask)))
    made.points_picked.connect(lambda points: made.heard.append(("points", points)))
    made.failed.connect(lambda error: made.heard.append(("failed", error)))
    yield made
    made.close()


def drag(canvas, *places, button=LEFT, modifier=NONE):
    points = [QtCore.QPoint(*place) for place in places]
    QTest.mousePress(canvas, button, modifier, points[0])
    for point in points[1:]:
        # QTest.mouseMove knows no buttons in PyQt6, and moves the real pointer
        move = QtGui.QMouseEvent(
            QtCore.QEvent.Type.MouseMove, QtCore.QPointF(point), QtCore.QPointF(point), button, button, modifier
        )
        canvas.mouseMoveEvent(move)
    QTest.mouseRelease(canvas, button, modifier, points[-1])


def shown(canvas):
    return from_qimage(canvas.grab().toImage())[..., :3].astype(int)


def test_brush_coverage_is_the_distance_to_the_stroke():
    patch, left, top = stroke((20.5, 30.0), (60.25, 42.0), 9.5, (100, 100))
    y, x = np.mgrid[top : top + patch.shape[0], left : left + patch.shape[1]] + 0.5
    dx, dy = 39.75, 12.0
    along = np.clip(((x - 20.5) * dx + (y - 30) * dy) / (dx * dx + dy * dy), 0, 1)
    exact = np.clip(10.0 - np.hypot(x - 20.5 - along * dx, y - 30 - along * dy), 0, 1)
    assert np.abs(patch / 255 - exact).max() < 0.15  # distance is not quite the area
    assert abs(patch.sum() / 255 - (2 * 9.5 * math.hypot(dx, dy) + math.pi * 9.5**2)) < 3
    dot, _, _ = stroke((20, 20), (20, 20), 8, (100, 100))
    assert abs(dot.sum() / 255 - math.pi * 64) < 2


def test_polygon_coverage_is_its_area():
    patch, left, top = polygon([(10, 10), (30, 10), (30, 20), (10, 20)], (100, 100))
    mask = np.zeros((100, 100), np.uint8)
    mask[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    expected = np.zeros((100, 100), np.uint8)
    expected[10:20, 10:30] = 255
    np.testing.assert_array_equal(mask, expected)
    triangle, _, _ = polygon([(0.5, 0.25), (90, 33), (12, 70.5)], (100, 100))
    assert abs(triangle.sum() / 255 - 0.5 * abs(89.5 * 70.25 - 11.5 * 32.75)) < 3
    assert polygon([(-30, -30), (-20, -30), (-20, -10)], (100, 100))[0].size == 0


def test_brush_paints_where_the_pointer_goes_and_alt_takes_away(canvas):
    canvas.tool = "brush"
    canvas.brush_radius = 10
    drag(canvas, (100, 100), (200, 100))
    (_, mask), (_, points) = canvas.heard
    assert points.tolist() == [[100, 100], [200, 100]]
    assert mask.dtype == bool
    assert mask[95:105, 95:205].all()
    assert not mask[112].any()
    np.testing.assert_array_equal(canvas.mask(), mask)
    drag(canvas, (150, 80), (150, 120), modifier=Modifier.AltModifier)
    assert not canvas.mask()[100, 150]
    drag(canvas, (190, 100), (190, 100), button=Button.RightButton)
    assert not canvas.mask()[100, 190]
    assert canvas.mask()[100, 110]


def test_undo_and_redo_by_key(canvas):
    canvas.tool = "brush"
    drag(canvas, (100, 100), (200, 100))
    painted = canvas.mask()
    canvas.heard.clear()
    QTest.keyClick(canvas, Key.Key_Z, Modifier.ControlModifier)
    assert not canvas.mask().any()
    QTest.keyClick(canvas, Key.Key_Z, Modifier.ControlModifier | Modifier.ShiftModifier)
    np.testing.assert_array_equal(canvas.mask(), painted)
    assert [name for name, _ in canvas.heard] == ["mask", "mask"]


def test_lasso_and_polygon_select_what_they_go_around(canvas):
    corners = [(50, 50), (150, 50), (150, 150), (50, 150)]
    expected = np.zeros((300, 400), bool)
    expected[50:150, 50:150] = True
    canvas.tool = "lasso"
    drag(canvas, *corners)
    np.testing.assert_array_equal(canvas.mask(), expected)
    np.testing.assert_array_equal(canvas.heard[-1][1], corners)
    canvas.undo()
    canvas.tool = "polygon"
    for corner in [*corners, (390, 10)]:
        QTest.mouseClick(canvas, LEFT, NONE, QtCore.QPoint(*corner))
    QTest.keyClick(canvas, Key.Key_Backspace)
    assert not canvas.mask().any()
    QTest.keyClick(canvas, Key.Key_Return)
    np.testing.assert_array_equal(canvas.mask(), expected)
    for corner in [*corners, (51, 51)]:  # a click on the first corner closes it too
        QTest.mouseClick(canvas, Button.RightButton, NONE, QtCore.QPoint(*corner))
    assert not canvas.mask().any()
    QTest.mouseClick(canvas, LEFT, NONE, QtCore.QPoint(9, 9))
    QTest.keyClick(canvas, Key.Key_Escape)
    QTest.keyClick(canvas, Key.Key_Return)
    assert not canvas.mask().any()


def test_flood_selects_in_the_background(canvas):
    image = np.zeros((300, 400, 3), np.uint8)
    image[100:200, 100:300] = (0, 200, 0)
    canvas.set_image(image)
    canvas.tool = "flood"
    QTest.mouseClick(canvas, LEFT, NONE, QtCore.QPoint(150, 150))
    until(lambda: len(canvas.heard) == 2)
    np.testing.assert_array_equal(canvas.mask(), image[..., 1] > 0)
    assert canvas.heard[-1][1].tolist() == [[150, 150]]
    QTest.mouseClick(canvas, LEFT, NONE, QtCore.QPoint(399, 299))
    canvas.tolerance = 7  # wrong: told, not swallowed
    QTest.mouseClick(canvas, LEFT, NONE, QtCore.QPoint(150, 150))
    until(lambda: canvas.heard[-1][0] == "failed")
    assert isinstance(canvas.heard[-1][1], ie.errors.ArgumentError)


def test_masks_go_in_and_out(canvas):
    soft = np.linspace(0, 1, 300 * 400, dtype=np.float32).reshape(300, 400)
    canvas.set_mask(soft)
    np.testing.assert_allclose(canvas.mask(soft=True), soft, atol=0.5 / 255 + 1e-6)
    canvas.clear_mask()
    assert not canvas.mask(soft=True).any()
    canvas.undo()
    np.testing.assert_allclose(canvas.mask(soft=True), soft, atol=0.5 / 255 + 1e-6)
    canvas.set_image(np.zeros((300, 400), np.uint16))  # an edit of the same picture keeps it
    assert canvas.mask().any()
    canvas.set_image(np.zeros((30, 40), np.float32))
    assert canvas.mask().shape == (30, 40)
    assert not canvas.mask().any()


def test_wrong_things_are_refused(canvas):
    with pytest.raises(ie.errors.ImageError):
        canvas.set_image(np.zeros((3, 3)))
    with pytest.raises(ie.errors.ImageError, match="after"):
        canvas.set_image(np.zeros((3, 3), np.uint8), np.zeros((4, 4), np.uint8))
    with pytest.raises(ie.errors.ImageError):
        canvas.set_mask(np.zeros((4, 4), bool))
    with pytest.raises(ie.errors.UnknownNameError, match="brush"):
        canvas.tool = "brosh"
    with pytest.raises(ie.errors.ArgumentError, match="split"):
        canvas.split = 2
    assert list(TOOLS) == ["hand", "brush", "lasso", "polygon", "flood"]


def test_pixel_for_pixel_the_screen_is_the_image(canvas):
    image = np.random.default_rng(8).integers(0, 255, (300, 400, 3), np.uint8)
    canvas.set_image(image)
    np.testing.assert_array_equal(shown(canvas), image)


def test_before_stands_left_of_after(canvas):
    before, after = (np.full((300, 400, 3), value, np.uint8) for value in (10, 240))
    canvas.set_image(before, after)
    canvas.split = 0.25
    picture = shown(canvas)
    assert (picture[:, :98] == 10).all()
    assert (picture[:, 102:] == 240).all()
    drag(canvas, (100, 50), (300, 50))
    assert canvas.split == 0.75
    assert (shown(canvas)[:, :298] == 10).all()


def test_the_mask_is_seen(canvas):
    canvas.set_image(np.zeros((300, 400, 3), np.uint8))
    mask = np.zeros((300, 400), bool)
    mask[:100] = True
    canvas.set_mask(mask)
    picture = shown(canvas)
    np.testing.assert_allclose(picture[50, 50], [130, 20, 20], atol=2)
    assert not picture[150].any()


def test_keys_and_wheel_move_the_view(canvas):
    scales = []
    canvas.zoomed.connect(scales.append)
    QTest.keyClick(canvas, Key.Key_Plus)
    assert scales == [pytest.approx(math.sqrt(2))]
    assert canvas.view.to_image(200, 150) == pytest.approx((200, 150))
    QTest.keyClick(canvas, Key.Key_Right)
    assert canvas.view.left > 200 - 200 / canvas.view.scale
    QTest.keyClick(canvas, Key.Key_0)
    assert canvas.view == View()
    QTest.keyClick(canvas, Key.Key_BracketRight)
    assert canvas.brush_radius == 25
    place = canvas.to_image(QtCore.QPointF(30, 40))
    canvas.wheelEvent(wheel(canvas, Qt.ScrollPhase.NoScrollPhase, (0, 120)))
    assert canvas.view.scale == pytest.approx(2**0.25)
    assert canvas.to_image(QtCore.QPointF(30, 40)) == pytest.approx(place)
    before = canvas.view
    canvas.wheelEvent(wheel(canvas, Qt.ScrollPhase.ScrollUpdate, (16, 8), (16, 8)))
    assert canvas.view == before.panned(16, 8)


def wheel(canvas, phase, angle, pixels=(0, 0)):
    place = QtCore.QPointF(30, 40)
    return QtGui.QWheelEvent(
        place, place, QtCore.QPoint(*pixels), QtCore.QPoint(*angle), Button.NoButton, NONE, phase, False
    )


def test_a_pinch_zooms_where_it_is(canvas):
    place = QtCore.QPointF(30, 40)
    pinch = QtGui.QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture,
        QtGui.QPointingDevice.primaryPointingDevice(),
        2,
        place,
        place,
        place,
        0.5,
        QtCore.QPointF(),
    )
    assert canvas.event(pinch)
    assert canvas.view == View().zoomed(1.5, 30, 40)


def test_space_and_the_middle_button_pan(canvas):
    canvas.tool = "brush"
    drag(canvas, (100, 100), (130, 90), button=Button.MiddleButton)
    assert canvas.view == View().panned(30, -10)
    QTest.keyPress(canvas, Key.Key_Space)
    drag(canvas, (100, 100), (70, 110))
    QTest.keyRelease(canvas, Key.Key_Space)
    assert canvas.view == View()
    assert not canvas.mask().any()


def test_a_fitted_image_stays_fitted(canvas, app):
    canvas.resize(200, 300)
    app.processEvents()
    assert canvas.view == View.fitting((300, 400), (300, 200))


def test_a_dense_screen_shows_all_pixels():
    program = """
import numpy as np, imgedit.qt
from imgedit.qt.binding import QtWidgets, QtCore
app = QtWidgets.QApplication([])
canvas = imgedit.qt.Canvas()
canvas.resize(200, 150)
image = np.random.default_rng(8).integers(0, 255, (300, 400, 3), np.uint8)
canvas.set_image(image)
canvas.show()
app.processEvents()
assert canvas.devicePixelRatioF() == 2 and canvas.view == imgedit.qt.View(), canvas.view
assert np.array_equal(imgedit.qt.from_qimage(canvas.grab().toImage())[..., :3], image)
assert canvas.to_image(QtCore.QPointF(100, 75)) == (200, 150)
"""
    run = subprocess.run(
        [sys.executable, "-c", f"import {BINDING}.QtCore\n{program}"],
        env={**os.environ, "QT_SCALE_FACTOR": "2"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_an_overlay_lies_at_its_place_with_its_opacity(canvas):
    canvas.set_image(np.full((300, 400, 3), 100, np.uint8))
    canvas.set_overlay(np.full((40, 60), 200, np.uint8), offset=(50, 70), opacity=0.5)
    picture = shown(canvas)
    assert np.abs(picture[70:110, 50:110] - 150).max() <= 1
    picture[70:110, 50:110] = 100
    assert (picture == 100).all()
    canvas.overlay_offset, canvas.overlay_opacity = (-30, 280), 1
    picture = shown(canvas)
    assert (picture[280:, :30] == 200).all()
    assert (picture[:280] == 100).all()
    canvas.set_overlay(None)
    assert (shown(canvas) == 100).all()
    with pytest.raises(ie.errors.ArgumentError, match="opacity"):
        canvas.overlay_opacity = 1.5


def test_an_overlay_is_clear_where_its_alpha_is(canvas):
    canvas.set_image(np.full((300, 400, 3), 100, np.uint8))
    layer = np.zeros((40, 60, 4), np.uint8)
    layer[:20] = 255
    canvas.set_overlay(layer, offset=(10, 10))
    picture = shown(canvas)
    assert (picture[10:30, 10:70] == 255).all()
    assert (picture[30:50, 10:70] == 100).all()


def test_a_mask_that_is_reset_has_no_history(canvas):
    canvas.tool = "brush"
    drag(canvas, (200, 150))
    assert canvas.can_undo
    mask = np.zeros((300, 400), bool)
    mask[10:20, 30:50] = True
    canvas.reset_mask(mask)
    np.testing.assert_array_equal(canvas.mask(), mask)
    np.testing.assert_array_equal(canvas.heard[-1][1], mask)
    assert not canvas.can_undo
    red = shown(canvas)
    canvas.reset_mask()
    assert not canvas.mask().any()
    assert np.array_equal(np.argwhere((red != shown(canvas)).any(-1)).min(0), (10, 30))
    canvas.reset_mask(np.full((300, 400), 0.75, np.float32))
    assert np.abs(canvas.mask(soft=True) - 0.75).max() < 0.003


def test_undo_and_redo_are_told(canvas):
    canvas.set_mask(np.ones((300, 400), bool))
    assert (canvas.can_undo, canvas.can_redo) == (True, False)
    canvas.undo()
    assert (canvas.can_undo, canvas.can_redo) == (False, True)


def test_a_tool_of_the_programs_own(canvas):
    class Measure(Tool):
        def release(self):
            self.board.done(self.points)

        def press(self, point, *, add):
            self.points = [point]

        def move(self, point):
            self.points.append(point)

    canvas.use_tool(Measure(canvas))
    assert canvas.tool == ""
    drag(canvas, (100, 100), (120, 130))
    name, points = canvas.heard[-1]
    assert name == "points"
    np.testing.assert_allclose(points, [canvas.to_image(QtCore.QPointF(*p)) for p in ((100, 100), (120, 130))])
    canvas.tool = "hand"
    assert canvas.tool == "hand"


def test_views_are_told_and_can_be_shared(canvas):
    views = []
    canvas.view_changed.connect(views.append)
    canvas.pan(10, 20)
    canvas.zoom(2)
    assert views[-1] == canvas.view
    assert len(views) == 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_picture_prepared_elsewhere_is_shown_as_the_image_itself(canvas, dtype):
    image = ie.to_float(np.random.default_rng(5).integers(0, 255, (600, 800, 4), np.uint8))
    image = {np.uint8: ie.to_uint8, np.uint16: ie.to_uint16, np.float32: ie.to_float}[dtype](image)
    canvas.set_image(image)
    until(lambda: not canvas._builder.running)
    expected = shown(canvas)
    canvas.set_image(Pyramid.of(image))
    np.testing.assert_array_equal(shown(canvas), expected)
    canvas.set_image(Pyramid.of(image), after=Pyramid.of(image))
    with pytest.raises(ie.errors.ImageError, match="after"):
        canvas.set_image(Pyramid.of(image), after=np.zeros((3, 3), np.uint8))
