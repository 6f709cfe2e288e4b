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
from imgedit.qt.drawing import draw
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

# Units of the wheel that zoom by a factor of two: four notches of a usual mouse.
WHEEL_OCTAVE = 480

# So near to the line between before and after (logical pixels) it is the line that is dragged.
GRIP = 6


class Canvas(QtWidgets.QWidget):
    """Shows an image; zooms, pans, compares, and paints a mask.

    Signals: ``mask_changed(object)`` with the mask as a bool array after each step, undo and redo;
    ``points_picked(object)`` with the points of a finished stroke, lasso, polygon or flood as an Nx2 float64 array of
    (x, y) in image pixels; ``zoomed(float)`` with device pixels an image pixel; ``view_changed(object)`` with the
    `View` after zoom and pan; ``brush_resized(float)`` with the brush's radius; ``failed(object)`` with an exception of
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
    view_changed = Signal(object)
    brush_resized = Signal(float)
    failed = Signal(object)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._brush_radius = 20.0
        self.tolerance = 0.1
        self._before = self._after = Pyramid.empty((1, 1))
        self._overlay: Pyramid | None = None
        self._overlay_offset, self._overlay_opacity = (0, 0), 1.0
        self._without_mask()
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
        return self._before.size

    def set_image(self, image: Image | Pyramid, after: Image | Pyramid | None = None) -> None:
        """Show an image, or two to compare.

        The first picture stands at once; finer ones for small scales are prepared in the background. uint8 grey and
        RGB are shown from the array's own memory, which must not be written to meanwhile; other images are converted
        first, so large ones are better prepared in a `Worker`: it gives `Pyramid.of(image)`.

        Parameters
        ----------
        image : ndarray or Pyramid
            HxW, HxWx3 or HxWx4; uint8, uint16 or float32. One of another size starts with an empty mask and is shown
            as a whole; one of the same size keeps mask, history and view.
        after : ndarray or Pyramid, optional
            Of the same size: shown to the right of a line that can be dragged, `image` to its left.

        Raises
        ------
        ImageError
            Not an image, or two sizes.
        """
        before = _pyramid(image, "image")
        second = before if after is None else _pyramid(after, "after")
        check_same_size(second.base, before.base, "after", "image")
        self._flooding.cancel()
        self._tool.drop()
        anew = not self._loaded or before.size != self.image_size
        self._before, self._after = before, second
        self._loaded, self._compares = True, after is not None
        if anew:
            self._without_mask()
            self.fit()
        self._build()

    def _build(self) -> None:
        pyramids = {id(p): p for p in (self._before, self._after)}.values()

        def build(progress: Progress | None = None) -> None:
            for pyramid in pyramids:
                pyramid.build(progress)

        self._builder.restart(build)
        self.update()

    @property
    def split(self) -> float:
        """Where the line between before and after stands, as a fraction of the widget's width."""
        return self._split

    @split.setter
    def split(self, fraction: float) -> None:
        self._split = check_number(fraction, "split", least=0, most=1)
        self.update()

    # Something above the image

    def set_overlay(
        self, image: Image | Pyramid | None, *, offset: tuple[int, int] = (0, 0), opacity: float = 1.0
    ) -> None:
        """Show an image above the other, at a place and an opacity that change at no cost: a layer while it is dragged.

        Parameters
        ----------
        image : ndarray, Pyramid or None
            Of any size; None takes it away.
        offset : (int, int)
            (x, y) of its top left corner on the image.
        opacity : float
            0 to 1.

        Raises
        ------
        ImageError
            Not an image.
        ArgumentError
            No such opacity.
        """
        self._overlay = None if image is None else _pyramid(image, "image")
        self.overlay_offset, self.overlay_opacity = offset, opacity

    @property
    def overlay_offset(self) -> tuple[int, int]:
        """Where the overlay's top left corner lies on the image, (x, y)."""
        return self._overlay_offset

    @overlay_offset.setter
    def overlay_offset(self, offset: tuple[int, int]) -> None:
        self._overlay_offset = offset
        self.update()

    @property
    def overlay_opacity(self) -> float:
        """How much the overlay hides of the image, 0 to 1."""
        return self._overlay_opacity

    @overlay_opacity.setter
    def overlay_opacity(self, opacity: float) -> None:
        self._overlay_opacity = check_number(opacity, "opacity", least=0, most=1)
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
        self._touched(self._selection.replace(self._coverage(mask)))
        self._commit()

    def clear_mask(self) -> None:
        """Empty the mask, as one step of undo."""
        self.set_mask(np.zeros(self.image_size, bool))

    def reset_mask(self, mask: Mask | None = None) -> None:
        """Begin anew with a mask, by default an empty one, and nothing to undo.

        Parameters
        ----------
        mask : ndarray, optional
            As for `set_mask`.

        Raises
        ------
        ImageError
            Not a mask, or of another size.
        """
        self._without_mask()
        if mask is not None:
            self._veil.base[:] = self._coverage(mask)
            self._touched((0, 0, *self.image_size[::-1]))
        self.update()
        self.mask_changed.emit(self.mask())

    def _without_mask(self) -> None:
        self._veil, self._veiled = Pyramid.empty(self.image_size), False
        self._selection = Selection(self._veil.base)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step of the mask to take back."""
        return self._selection.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether a step of the mask was taken back that can be done again."""
        return self._selection.can_redo

    def _coverage(self, mask: Mask) -> NDArray[np.uint8]:
        """Coverage, 0 to 255, of a mask of the image's size."""
        checked = check_mask(mask, self._before.base)
        if checked.dtype == bool:
            return np.multiply(checked, 255, dtype=np.uint8)
        return np.asarray(to_uint8(soft_mask(checked)), np.uint8)

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
        self._flood = (point, add)
        self.setCursor(Qt.CursorShape.BusyCursor)
        self._flooding.restart(_flood_coverage, self._before.image, point, self.tolerance)

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
        self._veiled = True
        self.update()

    # Tools

    @property
    def tool(self) -> str:
        """Name of the tool in hand, one of `imgedit.qt.TOOLS`; empty for one of the program's own."""
        return self._tool_name

    @tool.setter
    def tool(self, name: str) -> None:
        self._take(name, TOOLS[name](self))

    @property
    def brush_radius(self) -> float:
        """Radius of the brush, in image pixels."""
        return self._brush_radius

    @brush_radius.setter
    def brush_radius(self, radius: float) -> None:
        self._brush_radius = check_number(radius, "brush_radius", above=0)
        self.update()
        self.brush_resized.emit(self._brush_radius)

    def use_tool(self, tool: Tool) -> None:
        """Take a tool of the program's own in hand.

        Parameters
        ----------
        tool : imgedit.qt.Tool
            Made with this canvas as its board.
        """
        self._take("", tool)

    def _take(self, name: str, tool: Tool) -> None:
        self._tool.drop()
        self._tool_name, self._tool = name, tool
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
        self.view_changed.emit(view)

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
            self._draw(painter, pyramid, box, checkered=True)
        if self._overlay is not None:
            self._draw_overlay(painter, self._overlay)
        if self._veiled:
            self._draw(painter, self._veil, (left, top, right, bottom), veil=True)
        if self._compares:
            x = middle / self.devicePixelRatioF()
            painter.fillRect(QtCore.QRectF(x - 1, 0, 2, self.height()), Qt.GlobalColor.white)

    def _draw_overlay(self, painter: Any, pyramid: Pyramid) -> None:
        (x, y), (rows, columns), (height, width) = self._overlay_offset, pyramid.size, self._viewport()
        left, top = (math.floor(v) for v in self._view.to_viewport(x, y))
        right, bottom = (math.ceil(v) for v in self._view.to_viewport(x + columns, y + rows))
        box = max(0, left), max(0, top), min(width, right), min(height, bottom)
        painter.setOpacity(self._overlay_opacity)
        self._draw(painter, pyramid, box, offset=(x, y))
        painter.setOpacity(1)

    def _draw(
        self,
        painter: Any,
        pyramid: Pyramid,
        box: Box,
        *,
        offset: tuple[int, int] = (0, 0),
        veil: bool = False,
        checkered: bool = False,
    ) -> None:
        left, top, right, bottom = box
        if right <= left or bottom <= top:
            return
        x, y = (place - start for place, start in zip(self._view.to_image(left, top), offset, strict=True))
        pixels = pyramid.render(self._view.scale, x, y, (bottom - top, right - left))
        draw(painter, pixels, (left, top), self.devicePixelRatioF(), veil=veil, checkered=checkered)

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


def _pyramid(image: Image | Pyramid, name: str) -> Pyramid:
    return image if isinstance(image, Pyramid) else Pyramid(displayable(check(image, name)), image)


def _flood_coverage(image: Image, point: Point, tolerance: float) -> NDArray[np.uint8]:
    return np.asarray(to_uint8(flood_mask(image, point, tolerance=tolerance, antialias=True)), np.uint8)
