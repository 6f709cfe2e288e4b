"""The panels of layers and of history."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

import imgedit as ie
import imgedit.qt
from desktop.document import Document, State
from desktop.look import column, combo, icon, label, row, slider
from imgedit.compositing.equation import BLEND_MODES
from imgedit.qt.binding import QtCore, QtGui, QtWidgets

Qt = QtCore.Qt
THUMB = 34

# So many of the blend modes are in every editor; the others come below a line.
USUAL_MODES = 26


class Layers(QtWidgets.QWidget):
    """Layers from the topmost: shown or not, order, mode, opacity."""

    def __init__(self, window: Any) -> None:
        super().__init__()
        self.window_ = window
        self.list = QtWidgets.QListWidget(iconSize=QtCore.QSize(THUMB, THUMB))
        self.list.itemChanged.connect(self._toggled)
        self.list.currentRowChanged.connect(lambda row: row >= 0 and window.choose_layer(self._index(row)))
        self.mode, self.opacity = combo(list(BLEND_MODES)), slider(maximum=100, toolTip="Opacity")
        self.mode.insertSeparator(USUAL_MODES)
        self.mode.activated.connect(
            lambda: self._change(f"Mode {self.mode.currentData()}", mode=self.mode.currentData())
        )
        self.opacity.valueChanged.connect(lambda value: self._change("Opacity", amend=True, opacity=value / 100))
        self.buttons = {}
        for name, tip, call in (
            ("up", "Raise", partial(self._shift, 1)),
            ("down", "Lower", partial(self._shift, -1)),
            ("delete", "Delete", self._delete),
        ):
            self.buttons[name] = QtWidgets.QToolButton(toolTip=tip, iconSize=QtCore.QSize(16, 16))
            self.buttons[name].clicked.connect(lambda _checked=False, call=call: call())
        head = row(label("Layers", "heading"), None, *self.buttons.values(), spacing=0)
        column(head, self.list, row(self.mode, self.opacity), parent=self, margin=14, spacing=6)

    def refresh(self, state: State | None) -> None:
        """Show a state; what the widgets tell meanwhile is no wish of the user's."""
        blocked = [QtCore.QSignalBlocker(widget) for widget in (self.list, self.mode, self.opacity)]
        self.list.clear()
        for layer in reversed(state.layers if state else ()):
            item = QtWidgets.QListWidgetItem(_thumb(layer.image), layer.name or "Layer")
            item.setCheckState(Qt.CheckState.Checked if layer.visible else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        active, last = (state.active, len(state.layers) - 1) if state else (0, 0)
        for widget, possible in zip(
            (self.mode, self.opacity, *self.buttons.values()),
            (active > 0, active > 0, 0 < active < last, active > 1, active > 0),
            strict=True,
        ):
            widget.setEnabled(possible)
        for name, button in self.buttons.items():
            button.setIcon(icon(name))
        if state:
            self.list.setCurrentRow(last - active)
            self.mode.setCurrentIndex(self.mode.findData(state.layer.mode))
            self.opacity.setValue(round(100 * state.layer.opacity))
        del blocked

    @property
    def _state(self) -> State:
        return self.window_.document.state

    def _index(self, row: int) -> int:
        return len(self._state.layers) - 1 - row

    def _toggled(self, item: Any) -> None:
        visible = item.checkState() == Qt.CheckState.Checked
        state = replace(self._state, active=self._index(self.list.row(item)))
        self.window_.commit(state.edited("Show layer" if visible else "Hide layer", visible=visible))

    def _change(self, title: str, *, amend: bool = False, **changes: Any) -> None:
        self.window_.commit(self._state.edited(title, **changes), amend=amend)

    def _shift(self, by: int) -> None:
        layers, active = list(self._state.layers), self._state.active
        layers.insert(active + by, layers.pop(active))
        self._rearrange(layers, active + by, "Order")

    def _delete(self) -> None:
        layers, active = list(self._state.layers), self._state.active
        del layers[active]
        self._rearrange(layers, active - 1, "Delete layer")

    def _rearrange(self, layers: list[ie.Layer], active: int, title: str) -> None:
        self.window_.commit(State(tuple(layers), active, self._state.steps, title))


def _thumb(image: np.ndarray) -> Any:
    step = max(1, max(image.shape[:2]) // (4 * THUMB))
    small = ie.to_uint8(np.ascontiguousarray(image[step // 2 :: step, step // 2 :: step]))
    drawn = QtGui.QPixmap.fromImage(imgedit.qt.to_qimage(small))
    made = QtGui.QIcon(drawn)
    made.addPixmap(drawn, QtGui.QIcon.Mode.Selected)  # or it is tinted
    return made


class History(QtWidgets.QWidget):
    """Every state, to go back to with a click."""

    def __init__(self, window: Any) -> None:
        super().__init__()
        self.list = QtWidgets.QListWidget()
        self.list.currentRowChanged.connect(lambda row: row >= 0 and window.go(row))
        column(label("History", "heading"), self.list, parent=self, margin=14, spacing=6)

    def refresh(self, document: Document | None) -> None:
        blocked = QtCore.QSignalBlocker(self.list)
        self.list.clear()
        if document:
            self.list.addItems([state.title for state in document.states])
            self.list.setCurrentRow(document.index)
            for undone in range(document.index + 1, len(document.states)):
                self.list.item(undone).setForeground(self.palette().placeholderText())
        del blocked
