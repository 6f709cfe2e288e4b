"""Coverage of brush strokes and polygons, drawn by Qt's rasteriser: soft rims, and fast at any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.qt.binding import QtCore, QtGui
from imgedit.qt.conversion import from_qimage

__all__ = ["Patch", "Point", "polygon", "stroke"]

Point = tuple[float, float]

Patch = tuple[NDArray[np.uint8], int, int]
"""Coverage, and the left and top of where it lies in the image."""


def stroke(start: Point, end: Point, radius: float, size: tuple[int, int]) -> Patch:
    """Coverage of a round brush drawn from one point to another, within an image of `size`."""

    def draw(painter: Any) -> None:
        pen = QtGui.QPen(QtCore.Qt.GlobalColor.white, 2 * radius)
        pen.setCapStyle(QtCore.Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        if start == end:
            painter.drawPoint(QtCore.QPointF(*start))
        else:
            painter.drawLine(QtCore.QPointF(*start), QtCore.QPointF(*end))

    return _drawn(draw, [start, end], radius, size)


def polygon(corners: Sequence[Point], size: tuple[int, int]) -> Patch:
    """Coverage of a polygon within an image of `size`; where it crosses itself, all that it goes around counts."""

    def draw(painter: Any) -> None:
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(QtCore.Qt.GlobalColor.white)
        outline = QtGui.QPolygonF([QtCore.QPointF(*corner) for corner in corners])
        painter.drawPolygon(outline, QtCore.Qt.FillRule.WindingFill)

    return _drawn(draw, corners, 0, size)


def _drawn(draw: Callable[[Any], None], points: Sequence[Point], margin: float, size: tuple[int, int]) -> Patch:
    """Coverage that `draw` paints in white within `margin` of the points."""
    xs, ys = zip(*points, strict=True)
    left, top = (max(0, math.floor(min(values) - margin) - 1) for values in (xs, ys))
    right, bottom = (min(most, math.ceil(max(values) + margin) + 1) for values, most in ((xs, size[1]), (ys, size[0])))
    if right <= left or bottom <= top:
        return np.zeros((0, 0), np.uint8), 0, 0
    picture = QtGui.QImage(right - left, bottom - top, QtGui.QImage.Format.Format_Grayscale8)
    picture.fill(0)
    painter = QtGui.QPainter(picture)
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    painter.translate(-left, -top)
    draw(painter)
    painter.end()
    return from_qimage(picture), left, top
