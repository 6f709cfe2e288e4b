"""Names to choose from by a picture of each: styles, filters, models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from imgedit.errors import ArgumentError
from imgedit.pixels import Image
from imgedit.qt.binding import QtCore, QtGui, QtWidgets, Signal
from imgedit.qt.conversion import to_qimage

__all__ = ["Gallery"]

# Room around a picture, and for the name below it; logical pixels.
GAP, LINE = 12, 28


class Gallery(QtWidgets.QListWidget):
    """A grid of names with pictures, which come as they are made.

    Signal: ``chosen(str)`` with the name that was clicked.

    Parameters
    ----------
    names : iterable of str
        In order.
    side : int
        Of a picture, in logical pixels; one of twice that size is sharp on every screen.
    parent : QWidget, optional
        The widget that it lies in.

    Examples
    --------
    >>> import imgedit.qt
    >>> import numpy as np
    >>> from imgedit.qt.binding import QtWidgets
    >>> app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["", "-platform", "offscreen"])
    >>> gallery = imgedit.qt.Gallery(["mosaic", "great-wave"])
    >>> gallery.set_image("great-wave", np.zeros((152, 152, 3), np.uint8))
    >>> [gallery.item(row).icon().isNull() for row in (0, 1)]
    [True, False]
    """

    chosen = Signal(str)

    def __init__(self, names: Iterable[str], *, side: int = 76, parent: Any = None) -> None:
        super().__init__(parent)
        self.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self.setResizeMode(QtWidgets.QListView.ResizeMode.Adjust)
        self.setMovement(QtWidgets.QListView.Movement.Static)
        self.setIconSize(QtCore.QSize(side, side))
        self.setGridSize(QtCore.QSize(side + GAP, side + LINE))
        self._items = {}
        for name in names:
            self._items[name] = item = QtWidgets.QListWidgetItem(name, self)
            item.setSizeHint(self.gridSize())
            item.setToolTip(name)
        self.itemClicked.connect(lambda item: self.chosen.emit(item.text()))

    def set_image(self, name: str, image: Image) -> None:
        """Show a picture above a name.

        Parameters
        ----------
        name : str
            One of those that the gallery was made with.
        image : ndarray
            HxW, HxWx3 or HxWx4; scaled down to the gallery's size.

        Raises
        ------
        ArgumentError
            No such name.
        ImageError
            Not an image.
        """
        if name not in self._items:
            raise ArgumentError("name", f"is {name!r}", f"give one of {', '.join(self._items)}")
        self._items[name].setIcon(QtGui.QIcon(QtGui.QPixmap.fromImage(to_qimage(image))))
