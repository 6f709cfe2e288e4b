"""A widget that shows an image of any size, compares before with after, and lets masks be painted.

All drawing is in device pixels, so that a screen with a device pixel ratio of 2 shows twice the detail. The wheel and
a pinch zoom where the pointer is; two fingers on a touchpad, the middle button, the space bar with the left button and
the tool "hand" pan.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.geometry.flooding import flood_mask
from imgedit.pixels import Image, Mask, Progress, check, check_mask, check_number, check_same_size, soft_mask, to_uint8
from imgedit.qt.binding import QtCore, QtGui, QtWidgets, Signal
from imgedit.qt.conversion import to_qimage
from imgedit.qt.pyramid import Box, Pyramid, displayable
from imgedit.qt.selection import Selection
from imgedit.qt.shapes import Patch, Point
from imgedit.qt.tools import TOOLS, Tool
from imgedit.qt.view import View
from imgedit.qt.worker import Worker

__all__ = ["Canvas"]

Qt = QtCore.Qt
Key = QtCore.Qt.Key
Button = QtCore.Qt.MouseButton

# The mask is shown as a red veil, as darkrooms and editors do; at most this much of 255 hides the image.
VEIL = (255, 40, 40)
VEIL_ALPHA = 130

# Units of the wheel that zoom by a factor of two: four notches of a usual mouse.
WHEEL_OCTAVE = 480

# So near to the line between before and after (logical pixels) it is the line that is dragged.
GRIP = 6

CHECKER = 8


class Canvas(QtWidgets.QWidget):
    """Shows an image; zooms, pans, compares, and paints a mask.

    Signals: ``mask_changed(object)`` with the mask as a bool array after each step, undo and redo;
    ``points_picked(object)`` with the points of a finished stroke, lasso, polygon or flood as an Nx2 float64 array of
    (x, y) in image pixels; ``zoomed(float)`` with device pixels an image pixel; ``failed(object)`` with an exception of
    the background.

    Keys: ``+`` ``-`` zoom, ``0`` all of the image, ``1`` pixel for pixel, arrows pan, ``[`` ``]`` size of the brush,
    Enter closes and Backspace shortens a polygon, Escape drops it, undo and redo as the platform has them. Alt or the
    right button takes away from the mask.

    Parameters
    ----------
    parent : QWidget, optional
        The widget that it lies in.

    Attributes
    ----------
    brush_radius : float
        In image pixels.
    tolerance : float
        Of the tool "flood", as in `imgedit.flood_mask`.

    Examples
    --------
    >>> import imgedit.qt
    >>> from imgedit.qt.binding import QtWidgets
    >>> app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["", "-platform", "offscreen"])
    >>> canvas = imgedit.qt.Canvas()
    >>> canvas.set_image(np.zeros((20, 30, 3), np.uint8))
    >>> canvas.set_mask(np.ones((20, 30), bool))
    >>> int(canvas.mask().sum())
    600
    """

    mask_changed = Signal(object)
    points_picked = Signal(object)
    zoomed = Signal(float)
    failed = Signal(object)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.brush_radius = 20.0
        self.tolerance = 0.1
        self._image: Image = np.zeros((1, 1), np.uint8)
        self._before = self._after = self._veil = Pyramid.empty((1, 1))
        self._selection = Selection(self._veil.base)
        self._loaded = self._compares = self._fits = False
        self._split = 0.5
        self._view = View()
        self._tool_name, self._tool = "hand", Tool(self)
        self._space = False
        self._grabbed = ""  # what the pointer drags: "", "image", "split" or "tool"
        self._pointer = QtCore.QPointF()
        self._builder, self._flooding = Worker(), Worker()
        self._builder.finished.connect(self._redraw)
        self._builder.failed.connect(self.failed)
        self._flooding.finished.connect(self._flooded)
        self._flooding.failed.connect(self._flood_failed)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # The image

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the image."""
        height, width = self._image.shape[:2]
        return height, width

    def set_image(self, image: Image, after: Image | None = None) -> None:
        """Show an image, or two to compare.

        The first picture stands at once; finer ones for small scales are prepared in the background. uint8 grey and
        RGB are shown from the array's own memory, which must not be written to meanwhile; other images are converted
        first, so with 100 megapixels of them convert in a `Worker` and give the result of `to_uint8`.

        Parameters
        ----------
        image : ndarray
            HxW, HxWx3 or HxWx4; uint8, uint16 or float32. One of another size starts with an empty mask and is shown
            as a whole; one of the same size keeps mask, history and view.
        after : ndarray, optional
            Of the same size: shown to the right of a line that can be dragged, `image` to its left.

        Raises
        ------
        ImageError
            Not an image, or two sizes.
        """
        image = check(image)
        if after is not None:
            check_same_size(check(after, "after"), image, "after", "image")
        self._flooding.cancel()
        self._tool.drop()
        anew = not self._loaded or image.shape[:2] != self.image_size
        self._image, self._loaded, self._compares = image, True, after is not None
        self._before = Pyramid(displayable(image))
        self._after = self._before if after is None else Pyramid(displayable(after))
        if anew:
            self._veil = Pyramid.empty(self.image_size)
            self._selection = Selection(self._veil.base)
            self.fit()
        self._build()

    def _build(self) -> None:
        pyramids = {id(p): p for p in (self._before, self._after)}.values()

        def build(progress: Progress | None = None) -> None:
            for pyramid in pyramids:
                pyramid.build(progress)

        self._builder.cancel()
        self._builder.start(build)
        self.update()

    @property
    def split(self) -> float:
        """Where the line between before and after stands, as a fraction of the widget's width."""
        return self._split

    @split.setter
    def split(self, fraction: float) -> None:
        self._split = check_number(fraction, "split", least=0, most=1)
        self.update()

    # The mask

    def mask(self, *, soft: bool = False) -> Mask:
        """Return a copy of the mask: HxW, bool (coverage of at least half), or float32 coverage with `soft`."""
        coverage = self._selection.coverage
        return soft_mask(coverage.copy()) if soft else coverage >= 128

    def set_mask(self, mask: Mask) -> None:
        """Replace the mask, as one step of undo.

        Parameters
        ----------
        mask : ndarray
            HxW of the image's size; bool, or coverage as uint8, uint16 or float32.

        Raises
        ------
        ImageError
            Not a mask, or of another size.
        """
        coverage = to_uint8(soft_mask(check_mask(mask, self._image)))
        self._selection.put(np.full_like(coverage, 255), 0, 0, add=False)
        self.paint((coverage, 0, 0), add=True)
        self._commit()

    def clear_mask(self) -> None:
        """Empty the mask, as one step of undo."""
        self.set_mask(np.zeros(self.image_size, bool))

    def undo(self) -> None:
        """Take the last step of the mask back."""
        self._stepped(self._selection.undo())

    def redo(self) -> None:
        """Do a step again that was taken back."""
        self._stepped(self._selection.redo())

    def paint(self, patch: Patch, *, add: bool) -> None:
        """Add coverage to the mask or take it away; for tools."""
        self._touched(self._selection.put(*patch, add=add))

    def done(self, points: list[Point]) -> None:
        """End a step and tell its points; for tools."""
        self._commit()
        self.points_picked.emit(np.array(points, np.float64))

    def flood(self, point: Point, *, add: bool) -> None:
        """Add what has the colour of a point, or take it away, as `imgedit.flood_mask` does; in the background."""
        self._flooding.cancel()
        self._flood = (point, add)
        self.setCursor(Qt.CursorShape.BusyCursor)
        self._flooding.start(_flood_coverage, self._image, point, self.tolerance)

    def _flooded(self, coverage: NDArray[np.uint8]) -> None:
        point, add = self._flood
        self.unsetCursor()
        self.paint((coverage, 0, 0), add=add)
        self.done([point])

    def _flood_failed(self, error: BaseException) -> None:
        self.unsetCursor()
        self.failed.emit(error)

    def _commit(self) -> None:
        self._selection.commit()
        self.mask_changed.emit(self.mask())

    def _stepped(self, box: Box) -> None:
        if box[2] > box[0]:
            self._touched(box)
            self.mask_changed.emit(self.mask())

    def _touched(self, box: Box) -> None:
        self._veil.changed(box)
        self.update()

    # Tools

    @property
    def tool(self) -> str:
        """Name of the tool in hand, one of `imgedit.qt.TOOLS`."""
        return self._tool_name

    @tool.setter
    def tool(self, name: str) -> None:
        kind = TOOLS[name]
        self._tool.drop()
        self._tool_name, self._tool = name, kind(self)
        self.update()

    # The view

    @property
    def view(self) -> View:
        """What is shown, in device pixels."""
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        changed = view.scale != self._view.scale
        self._view, self._fits = view, False
        self.update()
        if changed:
            self.zoomed.emit(view.scale)

    def fit(self) -> None:
        """Show all of the image, also when the widget changes its size."""
        self.view = View.fitting(self.image_size, self._viewport())
        self._fits = True

    def zoom(self, factor: float, at: Any = None) -> None:
        """Zoom by a factor, at a QPointF of the widget or in its middle."""
        height, width = self._viewport()
        ratio = self.devicePixelRatioF()
        x, y = (width / 2, height / 2) if at is None else (at.x() * ratio, at.y() * ratio)
        self.view = self._view.zoomed(factor, x, y)

    def pan(self, dx: float, dy: float) -> None:
        """Move the image by logical pixels."""
        ratio = self.devicePixelRatioF()
        self.view = self._view.panned(dx * ratio, dy * ratio)

    def to_image(self, position: Any) -> Point:
        """Image coordinates of a QPointF of the widget."""
        ratio = self.devicePixelRatioF()
        return self._view.to_image(position.x() * ratio, position.y() * ratio)

    def _viewport(self) -> tuple[int, int]:
        ratio = self.devicePixelRatioF()
        return max(1, round(self.height() * ratio)), max(1, round(self.width() * ratio))

    # Drawing

    def _redraw(self, _result: object) -> None:
        self.update()

    def paintEvent(self, _event: Any) -> None:  # noqa: N802 - Qt's name
        """Draw what the view shows."""
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), self.palette().dark())
        if self._loaded:
            self._draw_images(painter)
            self._draw_outline(painter)
        painter.end()

    def _draw_images(self, painter: Any) -> None:
        height, width = self._viewport()
        rows, columns = self.image_size
        left, top = (math.floor(v) for v in self._view.to_viewport(0, 0))
        right, bottom = (math.ceil(v) for v in self._view.to_viewport(columns, rows))
        left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
        middle = min(max(round(self._split * width), left), right) if self._compares else right
        for pyramid, box in ((self._before, (left, top, middle, bottom)), (self._after, (middle, top, right, bottom))):
            self._draw(painter, pyramid, box)
        if self._selection.can_undo or self._selection.can_redo or self._grabbed == "tool":
            self._draw(painter, self._veil, (left, top, right, bottom), veil=True)
        if self._compares:
            x = middle / self.devicePixelRatioF()
            painter.fillRect(QtCore.QRectF(x - 1, 0, 2, self.height()), Qt.GlobalColor.white)

    def _draw(self, painter: Any, pyramid: Pyramid, box: Box, *, veil: bool = False) -> None:
        left, top, right, bottom = box
        if right <= left or bottom <= top:
            return
        x, y = self._view.to_image(left, top)
        pixels = pyramid.render(self._view.scale, x, y, (bottom - top, right - left))
        picture = to_qimage(pixels)
        ratio = self.devicePixelRatioF()
        if veil:
            picture.reinterpretAsFormat(QtGui.QImage.Format.Format_Indexed8)
            picture.setColorTable(VEIL_COLORS)
        elif pixels.ndim == 3 and pixels.shape[2] == 4:
            picture.reinterpretAsFormat(QtGui.QImage.Format.Format_RGBA8888_Premultiplied)
            place = QtCore.QRectF(left / ratio, top / ratio, (right - left) / ratio, (bottom - top) / ratio)
            painter.fillRect(place, QtGui.QBrush(_checkerboard()))
        picture.setDevicePixelRatio(ratio)
        painter.drawImage(QtCore.QPointF(left / ratio, top / ratio), picture)

    def _draw_outline(self, painter: Any) -> None:
        ratio = self.devicePixelRatioF()
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        points = [self._view.to_viewport(*point) for point in self._tool.outline]
        corners = [QtCore.QPointF(x / ratio, y / ratio) for x, y in points]
        # White on black: one of them is seen on any image.
        for color, width in ((Qt.GlobalColor.black, 3.0), (Qt.GlobalColor.white, 1.0)):
            painter.setPen(QtGui.QPen(color, width))
            if len(points) > 1:
                painter.drawPolyline(QtGui.QPolygonF(corners))
            elif points:
                painter.drawEllipse(corners[0], 2.0, 2.0)
            if self._tool_name == "brush" and self.underMouse():
                radius = self.brush_radius * self._view.scale / ratio
                painter.drawEllipse(self._pointer, radius, radius)

    # Events, by Qt's names

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Keep a fitted image fitted."""
        super().resizeEvent(event)
        if self._fits:
            self.fit()

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802
        """Grab the line, the image, or begin with the tool."""
        self._pointer = event.position()
        right = event.button() == Button.RightButton
        if self._on_split(self._pointer) and event.button() == Button.LeftButton:
            self._grabbed = "split"
        elif event.button() == Button.MiddleButton or ((self._space or self._tool_name == "hand") and not right):
            self._grabbed = "image"
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() in (Button.LeftButton, Button.RightButton) and self._loaded:
            self._grabbed = "tool"
            away = right or bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
            self._tool.press(self.to_image(self._pointer), add=not away)
        self.update()

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: N802
        """Drag what was grabbed."""
        moved, self._pointer = event.position() - self._pointer, event.position()
        if self._grabbed == "image":
            self.pan(moved.x(), moved.y())
        elif self._grabbed == "split":
            self.split = min(1.0, max(0.0, self._pointer.x() / self.width()))
        elif self._grabbed == "tool":
            self._tool.move(self.to_image(self._pointer))
        elif self._on_split(self._pointer):
            self.setCursor(Qt.CursorShape.SplitHCursor)
        elif not self._flooding.running:
            self.unsetCursor()
        self.update()

    def mouseReleaseEvent(self, _event: Any) -> None:  # noqa: N802
        """Let go."""
        grabbed, self._grabbed = self._grabbed, ""
        if grabbed == "tool":
            self._tool.release()
        elif grabbed == "image":
            self.unsetCursor()
        self.update()

    def mouseDoubleClickEvent(self, _event: Any) -> None:  # noqa: N802
        """Close a polygon; the first click of the two has set its last corner."""
        self._tool.finish()
        self.update()

    def wheelEvent(self, event: Any) -> None:  # noqa: N802
        """Zoom with a wheel, pan with two fingers (their events have a phase), zoom with Ctrl and either."""
        fingers = event.phase() != Qt.ScrollPhase.NoScrollPhase
        if fingers and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            delta = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta() / 8
            self.pan(delta.x(), delta.y())
        else:
            self.zoom(2 ** (event.angleDelta().y() / WHEEL_OCTAVE), event.position())
        event.accept()

    def event(self, event: Any) -> bool:
        """Zoom with a pinch on a touchpad."""
        pinch = Qt.NativeGestureType.ZoomNativeGesture
        if event.type() == QtCore.QEvent.Type.NativeGesture and event.gestureType() == pinch:
            self.zoom(1 + event.value(), event.position())
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Do what the class's description says; other keys are the parent's."""
        if event.matches(QtGui.QKeySequence.StandardKey.Undo):
            self.undo()
        elif event.matches(QtGui.QKeySequence.StandardKey.Redo):
            self.redo()
        elif event.key() == Key.Key_Space:
            self._space = True
        elif not self._plain_key(event.key()):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: Any) -> None:  # noqa: N802
        """Give the pointer back to the tool when the space bar is up; a bar that is held repeats itself."""
        if event.key() == Key.Key_Space:
            self._space = event.isAutoRepeat()
        else:
            super().keyReleaseEvent(event)

    def _plain_key(self, key: Any) -> bool:
        step = min(self.width(), self.height()) / 8
        actions = {
            Key.Key_Plus: lambda: self.zoom(math.sqrt(2)),
            Key.Key_Equal: lambda: self.zoom(math.sqrt(2)),  # the same key without Shift
            Key.Key_Minus: lambda: self.zoom(math.sqrt(0.5)),
            Key.Key_0: self.fit,
            Key.Key_1: lambda: self.zoom(1 / self._view.scale),
            Key.Key_Left: lambda: self.pan(step, 0),
            Key.Key_Right: lambda: self.pan(-step, 0),
            Key.Key_Up: lambda: self.pan(0, step),
            Key.Key_Down: lambda: self.pan(0, -step),
            Key.Key_BracketLeft: lambda: self._scale_brush(1 / 1.25),
            Key.Key_BracketRight: lambda: self._scale_brush(1.25),
            Key.Key_Return: self._tool.finish,
            Key.Key_Enter: self._tool.finish,
            Key.Key_Backspace: self._tool.step_back,
            Key.Key_Escape: self._tool.drop,
        }
        if key not in actions:
            return False
        actions[key]()
        self.update()
        return True

    def _scale_brush(self, factor: float) -> None:
        self.brush_radius = min(max(0.5, self.brush_radius * factor), float(max(self.image_size)))

    def _on_split(self, position: Any) -> bool:
        return self._compares and abs(position.x() - self._split * self.width()) <= GRIP


def _flood_coverage(image: Image, point: Point, tolerance: float) -> NDArray[np.uint8]:
    return np.asarray(to_uint8(flood_mask(image, point, tolerance=tolerance, antialias=True)), np.uint8)


def _veil_colors() -> list[int]:
    """0xAARRGGBB of each coverage."""
    red, green, blue = VEIL
    return [round(c * VEIL_ALPHA / 255) << 24 | red << 16 | green << 8 | blue for c in range(256)]


VEIL_COLORS = _veil_colors()


def _checkerboard() -> Any:
    """Two by two squares that show where an image is transparent."""
    tile = QtGui.QPixmap(2 * CHECKER, 2 * CHECKER)
    tile.fill(QtGui.QColor(204, 204, 204))
    painter = QtGui.QPainter(tile)
    for corner in (0, CHECKER):
        painter.fillRect(corner, corner, CHECKER, CHECKER, Qt.GlobalColor.white)
    painter.end()
    return tile
