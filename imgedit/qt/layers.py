"""A panel for the layers of a picture: shown or not, order, blend mode, opacity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from imgedit.compositing.equation import BLEND_MODES
from imgedit.compositing.layers import Layer
from imgedit.errors import ArgumentError
from imgedit.pixels import Image, to_uint8
from imgedit.qt.binding import QtCore, QtGui, QtWidgets, Signal
from imgedit.qt.conversion import to_qimage
from imgedit.qt.widgets import choice, column, label, row, slider

__all__ = ["LayerPanel"]

Qt = QtCore.Qt
THUMB = 34

# So many of the blend modes are in every editor; the others come below a line.
USUAL_MODES = 26


class LayerPanel(QtWidgets.QWidget):
    """Lists layers from the topmost, and tells what the user wants changed of them; it changes nothing by itself.

    The lowest layer is taken for the picture itself: it can be hidden, but has no mode, stays where it is, and can't be
    deleted.

    Signals: ``chosen(int)`` with the index of the layer that is to be the active one; ``edited(object, int, str)`` with
    the layers as they are to be (a tuple of `imgedit.Layer`, from the lowest), the index of the one to be active, and
    what that does: "Hide layer", "Show layer", "Mode multiply", "Opacity", "Order" or "Delete layer". A slider that is
    dragged tells "Opacity" many times.

    Parameters
    ----------
    title : str
        Stands above.
    parent : QWidget, optional
        The widget that it lies in.

    Attributes
    ----------
    buttons : dict of str to QToolButton
        "up", "down" and "delete"; for icons of the program's own.

    Examples
    --------
    >>> import imgedit as ie, imgedit.qt
    >>> import numpy as np
    >>> from imgedit.qt.binding import QtWidgets
    >>> app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["", "-platform", "offscreen"])
    >>> panel = imgedit.qt.LayerPanel()
    >>> photo, logo = np.zeros((40, 60, 3), np.uint8), np.zeros((9, 9, 4), np.uint8)
    >>> panel.set_layers([ie.Layer(photo), ie.Layer(logo, offset=(5, 5))], active=1)
    >>> panel.edited.connect(lambda layers, active, what: print(what, len(layers), active)) and None
    >>> panel.buttons["delete"].click()
    Delete layer 1 0
    """

    chosen = Signal(int)
    edited = Signal(object, int, str)

    def __init__(self, title: str = "Layers", parent: Any = None) -> None:
        super().__init__(parent)
        self._layers: tuple[Layer, ...] = ()
        self._active = 0
        self.list = QtWidgets.QListWidget()
        self.list.setIconSize(QtCore.QSize(THUMB, THUMB))
        self.list.itemChanged.connect(self._toggled)
        self.list.currentRowChanged.connect(self._choose)
        self.mode, self.opacity = choice(BLEND_MODES), slider(maximum=100, toolTip="Opacity")
        self.mode.insertSeparator(USUAL_MODES)
        self.mode.activated.connect(self._set_mode)
        self.opacity.valueChanged.connect(lambda value: self._change("Opacity", self._active, opacity=value / 100))
        self.buttons = {
            "up": self._button("↑", "Raise", partial(self._shift, 1)),
            "down": self._button("↓", "Lower", partial(self._shift, -1)),
            "delete": self._button("×", "Delete", self._delete),
        }
        head = row(label(title, "heading"), None, *self.buttons.values(), spacing=0)
        column(head, self.list, row(self.mode, self.opacity), parent=self, spacing=6)
        self.set_layers(())

    def _button(self, sign: str, tip: str, call: Any) -> Any:
        made = QtWidgets.QToolButton()
        made.setText(sign)
        made.setToolTip(tip)
        made.setIconSize(QtCore.QSize(16, 16))
        made.clicked.connect(lambda _checked=False: call())
        return made

    def set_layers(self, layers: Sequence[Layer], active: int = 0) -> None:
        """Show layers.

        Parameters
        ----------
        layers : sequence of Layer
            With images, from the lowest to the topmost; none at all while no picture is open.
        active : int
            Index of the one whose mode and opacity are shown.

        Raises
        ------
        ArgumentError
            A group or an adjustment, or no such index.
        """
        layers = tuple(layers)
        images = [layer.image for layer in layers if isinstance(layer, Layer) and layer.image is not None]
        if len(images) < len(layers):
            problem = f"are {len(layers)}, of which {len(layers) - len(images)} have no image"
            raise ArgumentError("layers", problem, "show layers with images; ie.flatten makes an image of a group")
        if layers and not 0 <= active < len(layers):
            raise ArgumentError("active", f"is {active} of {len(layers)} layers", f"give 0 to {len(layers) - 1}")
        self._layers, self._active = layers, active
        blocked = QtCore.QSignalBlocker(self.list)  # what it tells meanwhile is no wish of the user's
        self.list.clear()
        for layer, image in zip(reversed(layers), reversed(images), strict=True):
            item = QtWidgets.QListWidgetItem(_thumb(image), layer.name or "Layer")
            item.setCheckState(Qt.CheckState.Checked if layer.visible else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.setCurrentRow(self._index(active))
        del blocked
        self._show_active()

    def _show_active(self) -> None:
        """Show mode and opacity of the active layer, and let only what can be done be asked for."""
        blocked = [QtCore.QSignalBlocker(widget) for widget in (self.mode, self.opacity)]
        if self._layers:
            self.mode.setCurrentIndex(self.mode.findData(self._layers[self._active].mode))
            self.opacity.setValue(round(100 * self._layers[self._active].opacity))
        del blocked
        above = self._active > 0
        self.mode.setEnabled(above)
        self.opacity.setEnabled(above)
        self.buttons["up"].setEnabled(above and self._active < len(self._layers) - 1)
        self.buttons["down"].setEnabled(self._active > 1)
        self.buttons["delete"].setEnabled(above)

    def _choose(self, row: int) -> None:
        if row >= 0:
            self._active = self._index(row)
            self._show_active()
            self.chosen.emit(self._active)

    def _index(self, row: int) -> int:
        """Index of the layer in a row, and the other way round."""
        return len(self._layers) - 1 - row

    def _toggled(self, item: Any) -> None:
        visible = item.checkState() == Qt.CheckState.Checked
        self._change("Show layer" if visible else "Hide layer", self._index(self.list.row(item)), visible=visible)

    def _set_mode(self) -> None:
        self._change(f"Mode {self.mode.currentData()}", self._active, mode=self.mode.currentData())

    def _change(self, what: str, index: int, **changes: Any) -> None:
        changed = replace(self._layers[index], **changes)
        self.edited.emit((*self._layers[:index], changed, *self._layers[index + 1 :]), index, what)

    def _shift(self, by: int) -> None:
        layers = list(self._layers)
        layers.insert(self._active + by, layers.pop(self._active))
        self.edited.emit(tuple(layers), self._active + by, "Order")

    def _delete(self) -> None:
        layers = list(self._layers)
        del layers[self._active]
        self.edited.emit(tuple(layers), self._active - 1, "Delete layer")


def _thumb(image: Image) -> Any:
    step = max(1, max(image.shape[:2]) // (4 * THUMB))
    small = to_uint8(np.ascontiguousarray(image[step // 2 :: step, step // 2 :: step]))
    drawn = QtGui.QPixmap.fromImage(to_qimage(small))
    made = QtGui.QIcon(drawn)
    made.addPixmap(drawn, QtGui.QIcon.Mode.Selected)  # or it is tinted
    return made
