"""A panel for what was done: every state, to go back to with a click."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from imgedit.errors import ArgumentError
from imgedit.qt.binding import QtCore, QtWidgets, Signal
from imgedit.qt.widgets import column, label

__all__ = ["HistoryPanel"]


class HistoryPanel(QtWidgets.QWidget):
    """Lists the states of a document; what was taken back stands fainter below the present one.

    Signal: ``chosen(int)`` with the index of the state that is wanted.

    Parameters
    ----------
    title : str
        Stands above.
    parent : QWidget, optional
        The widget that it lies in.

    Examples
    --------
    >>> import imgedit.qt
    >>> from imgedit.qt.binding import QtWidgets
    >>> app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["", "-platform", "offscreen"])
    >>> panel = imgedit.qt.HistoryPanel()
    >>> panel.set_states(["Open", "Blur", "Sharpen"], 1)
    >>> panel.chosen.connect(print) and None
    >>> panel.list.setCurrentRow(0)
    0
    """

    chosen = Signal(int)

    def __init__(self, title: str = "History", parent: Any = None) -> None:
        super().__init__(parent)
        self.list = QtWidgets.QListWidget()
        self.list.currentRowChanged.connect(self._choose)
        column(label(title, "heading"), self.list, parent=self, spacing=6)

    def set_states(self, titles: Iterable[str], index: int) -> None:
        """Show what was done.

        Parameters
        ----------
        titles : iterable of str
            What made each state, in order.
        index : int
            The present one.

        Raises
        ------
        ArgumentError
            No such state.
        """
        titles = list(titles)
        if not 0 <= index < len(titles):
            raise ArgumentError("index", f"is {index} of {len(titles)} states", "give the place of the present one")
        blocked = QtCore.QSignalBlocker(self.list)  # what it tells meanwhile is no wish of the user's
        self.list.clear()
        self.list.addItems(titles)
        self.list.setCurrentRow(index)
        for undone in range(index + 1, len(titles)):
            self.list.item(undone).setForeground(self.palette().placeholderText())
        del blocked

    def _choose(self, row: int) -> None:
        if row >= 0:
            self.chosen.emit(row)
