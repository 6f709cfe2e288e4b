"""Several pictures of the same thing side by side, which zoom and pan together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from imgedit.errors import ArgumentError
from imgedit.pixels import Image
from imgedit.qt.binding import QtWidgets, Signal
from imgedit.qt.canvas import Canvas
from imgedit.qt.pyramid import Pyramid
from imgedit.qt.view import View
from imgedit.qt.widgets import button, column, label, row

__all__ = ["Comparison"]


class Comparison(QtWidgets.QWidget):
    """Pictures in a grid, each with its name and a button to take it; they zoom and pan together.

    Signal: ``taken(str)`` with the name of the picture whose button was pressed.

    Parameters
    ----------
    names : iterable of str
        Of the pictures, in order.
    columns : int
        How many lie side by side.
    fixed : iterable of str
        Names of pictures to compare with, that can't be taken.
    parent : QWidget, optional
        The widget that it lies in.

    Attributes
    ----------
    canvases : dict of str to Canvas
        Of each name.
    buttons : dict of str to QPushButton
        Of each name that can be taken; pressed by nobody before its picture is there.

    Raises
    ------
    ArgumentError
        No names, or the same one twice.

    Examples
    --------
    >>> import imgedit.qt
    >>> import numpy as np
    >>> from imgedit.qt.binding import QtWidgets
    >>> app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["", "-platform", "offscreen"])
    >>> comparison = imgedit.qt.Comparison(["before", "telea", "exemplar"], fixed=["before"])
    >>> comparison.set_image("telea", np.zeros((20, 30), np.uint8))
    >>> comparison.say("telea", "0.1 s")
    >>> comparison.taken.connect(print) and None
    >>> comparison.buttons["telea"].click()
    telea
    """

    taken = Signal(str)

    def __init__(
        self, names: Iterable[str], *, columns: int = 4, fixed: Iterable[str] = (), parent: Any = None
    ) -> None:
        super().__init__(parent)
        names, fixed = list(names), set(fixed)
        if not names or len(set(names)) < len(names):
            raise ArgumentError("names", f"are {names}", "give at least one, and each once")
        self.canvases: dict[str, Canvas] = {}
        self.buttons: dict[str, Any] = {}
        self._heads: dict[str, Any] = {}
        self._following = False
        grid = QtWidgets.QGridLayout(self)
        grid.setSpacing(10)
        grid.setContentsMargins(0, 0, 0, 0)
        for number, name in enumerate(names):
            grid.addLayout(self._cell(name, can_be_taken=name not in fixed), number // columns, number % columns)

    def _cell(self, name: str, *, can_be_taken: bool) -> Any:
        self.canvases[name] = canvas = Canvas()
        canvas.setSizePolicy(*[QtWidgets.QSizePolicy.Policy.Expanding] * 2)
        canvas.view_changed.connect(partial(self._follow, canvas))
        self._heads[name] = label(name, "heading")
        take = button("Use this", partial(self.taken.emit, name))
        take.setEnabled(False)
        if can_be_taken:
            self.buttons[name] = take
        else:
            policy = take.sizePolicy()
            policy.setRetainSizeWhenHidden(True)  # so that all pictures begin on one line
            take.setSizePolicy(policy)
            take.hide()
        return column(row(self._heads[name], None, take), canvas, spacing=4)

    def set_image(self, name: str, image: Image | Pyramid) -> None:
        """Show a picture, which can be taken then.

        Parameters
        ----------
        name : str
            Which.
        image : ndarray or Pyramid
            As for `Canvas.set_image`; all of one size.

        Raises
        ------
        ImageError
            Not an image.
        """
        self.canvases[name].set_image(image)
        if name in self.buttons:
            self.buttons[name].setEnabled(True)

    def say(self, name: str, text: str) -> None:
        """Say something of a picture behind its name.

        Parameters
        ----------
        name : str
            Of the picture.
        text : str
            What is said.
        """
        self._heads[name].setText(f"{name}  {text}")

    def _follow(self, leader: Canvas, view: View) -> None:
        if not self._following:
            self._following = True
            for canvas in self.canvases.values():
                if canvas is not leader:
                    canvas.view = view
            self._following = False
