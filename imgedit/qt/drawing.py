"""Put pixels on a widget, one device pixel each: images, alpha over a checkerboard, the veil of a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.qt.binding import QtCore, QtGui
from imgedit.qt.conversion import to_qimage

__all__ = ["draw"]

# The mask is shown as a red veil, as darkrooms and editors do; at most this much of 255 hides the image.
VEIL = (255, 40, 40)
VEIL_ALPHA = 130

CHECKER = 8


def draw(
    painter: Any,
    pixels: NDArray[np.uint8],
    corner: tuple[int, int],
    ratio: float,
    *,
    veil: bool = False,
    checkered: bool = False,
) -> None:
    """Draw pixels at a corner.

    Parameters
    ----------
    painter : QPainter
        Of a widget.
    pixels : ndarray of uint8
        HxW, HxWx3 or premultiplied HxWx4, a device pixel each.
    corner : (int, int)
        Left and top, in device pixels.
    ratio : float
        Device pixels a logical pixel.
    veil : bool
        HxW is coverage, shown as a veil.
    checkered : bool
        Draw a checkerboard below what has alpha.
    """
    height, width = pixels.shape[:2]
    place = QtCore.QRectF(corner[0] / ratio, corner[1] / ratio, width / ratio, height / ratio)
    picture = to_qimage(pixels)
    if veil:
        picture.reinterpretAsFormat(QtGui.QImage.Format.Format_Indexed8)
        picture.setColorTable(VEIL_COLORS)
    elif pixels.ndim == 3 and pixels.shape[2] == 4:
        picture.reinterpretAsFormat(QtGui.QImage.Format.Format_RGBA8888_Premultiplied)
        if checkered:
            painter.fillRect(place, QtGui.QBrush(_checkerboard()))
    picture.setDevicePixelRatio(ratio)
    painter.drawImage(place.topLeft(), picture)


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
        painter.fillRect(corner, corner, CHECKER, CHECKER, QtCore.Qt.GlobalColor.white)
    painter.end()
    return tile
