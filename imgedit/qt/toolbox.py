"""The tools of a canvas as actions with keys, and what is set for the one in hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from imgedit.qt.binding import QtCore, QtGui, QtWidgets
from imgedit.qt.canvas import Canvas
from imgedit.qt.tools import TOOLS, Tool
from imgedit.qt.widgets import label, row, slider

__all__ = ["Toolbox"]

# Key, and what to know of each tool.
HINTS = {
    "hand": ("H", "Drag the picture; the wheel zooms"),
    "brush": ("B", "Paint the mask; Alt or the right button takes away; [ and ] change the size"),
    "lasso": ("L", "Draw around a thing"),
    "polygon": ("P", "Click around a thing; Enter closes, Backspace takes a corner back"),
    "flood": ("W", "Click a colour: the mask takes all that is connected with it"),
}

# Steps of the slider in which the brush becomes twice as large.
OCTAVE = 12


class Toolbox(QtGui.QActionGroup):
    """Actions for the tools of a canvas, of which one is in hand; a row with its settings and what it does.

    Parameters
    ----------
    canvas : Canvas
        Whose tools they are.

    Attributes
    ----------
    tools : dict of str to QAction
        By name, for a tool bar or a menu: ``bar.addActions(toolbox.tools.values())``.
    options : QWidget
        The size of the brush, the tolerance of the flood, a hint.

    Examples
    --------
    >>> import imgedit.qt
    >>> from imgedit.qt.binding import QtWidgets
    >>> app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["", "-platform", "offscreen"])
    >>> canvas = imgedit.qt.Canvas()
    >>> toolbox = imgedit.qt.Toolbox(canvas)
    >>> toolbox.tools["brush"].trigger()
    >>> canvas.tool
    'brush'
    """

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.tools: dict[str, Any] = {}
        self.options, self._hint = QtWidgets.QWidget(), label("", "faint")
        self.size = slider(maximum=10 * OCTAVE, maximumWidth=130)
        self.tolerance = slider(minimum=1, maximum=60, value=round(100 * canvas.tolerance), maximumWidth=130)
        self._settings = {"brush": (label("Size"), self.size), "flood": (label("Tolerance"), self.tolerance)}
        widgets = [widget for pair in self._settings.values() for widget in pair]
        row(*widgets, self._hint, None, parent=self.options).setContentsMargins(12, 0, 12, 0)
        self._show_size(canvas.brush_radius)
        canvas.brush_resized.connect(self._show_size)
        self.size.valueChanged.connect(lambda value: setattr(canvas, "brush_radius", 2 ** (value / OCTAVE)))
        self.tolerance.valueChanged.connect(lambda value: setattr(canvas, "tolerance", value / 100))
        for name, (key, hint) in HINTS.items():
            self.add(name, key, hint)
        self.tools[canvas.tool or "hand"].trigger()

    def add(self, name: str, key: str, hint: str, tool: Callable[[Canvas], Tool] | None = None) -> Any:
        """Add a tool.

        Parameters
        ----------
        name : str
            Of `imgedit.qt.TOOLS`, or any for a tool of the program's own.
        key : str
            That takes it in hand.
        hint : str
            What to know of it.
        tool : callable, optional
            Given the canvas, makes the tool; by default the one of that name.

        Returns
        -------
        QAction
            What takes it in hand.

        Raises
        ------
        UnknownNameError
            No tool given, and none of that name.
        """
        if tool is None:
            TOOLS[name]
        words = f"{name.title()}  {key}\n{hint}"
        action = QtGui.QAction(name.title(), self, shortcut=key, checkable=True, toolTip=words)
        action.triggered.connect(lambda _checked=False: self._take(name, hint, tool))
        self.tools[name] = action
        return self.addAction(action)

    def _take(self, name: str, hint: str, tool: Callable[[Canvas], Tool] | None) -> None:
        if tool is None:
            self._canvas.tool = name
        else:
            self._canvas.use_tool(tool(self._canvas))
        self._hint.setText(hint)
        for owner, widgets in self._settings.items():
            for widget in widgets:
                widget.setVisible(owner == name)

    def _show_size(self, radius: float) -> None:
        blocked = QtCore.QSignalBlocker(self.size)  # the slider's steps are coarser than the brush's
        self.size.setValue(round(OCTAVE * math.log2(max(1.0, radius))))
        del blocked
