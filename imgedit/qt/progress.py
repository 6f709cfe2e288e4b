"""What a worker does at the moment, how far it is, and a button to stop it."""

from __future__ import annotations

from typing import Any

from imgedit.qt.binding import QtWidgets
from imgedit.qt.widgets import button, label, row
from imgedit.qt.worker import Worker

__all__ = ["ProgressRow"]

# Steps of the bar.
FINE = 1000


class ProgressRow(QtWidgets.QWidget):
    """Words, a bar and a button "Cancel" of a `Worker`; hidden while it does nothing.

    Parameters
    ----------
    worker : Worker
        Whose work it shows.
    parent : QWidget, optional
        The widget that it lies in.

    Attributes
    ----------
    words : QLabel
        What is done, for the program to say.
    bar : QProgressBar
        How far it is.
    stop : QPushButton
        Cancels.

    Examples
    --------
    >>> import imgedit as ie, imgedit.qt
    >>> import numpy as np
    >>> from imgedit.qt.binding import QtWidgets
    >>> app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["", "-platform", "offscreen"])
    >>> worker = imgedit.qt.Worker()
    >>> progress = imgedit.qt.ProgressRow(worker)
    >>> progress.words.setText("Blur")
    >>> worker.start(ie.blur, np.zeros((20, 30), np.uint8), radius=2)
    >>> progress.isHidden()
    False
    >>> worker.wait(), progress.isHidden()
    (True, True)
    """

    def __init__(self, worker: Worker, parent: Any = None) -> None:
        super().__init__(parent)
        self.words, self.stop = label(""), button("Cancel", worker.cancel)
        self.bar = QtWidgets.QProgressBar(maximum=FINE, textVisible=False)
        row(self.words, self.bar, self.stop, parent=self)
        worker.progressed.connect(self._show_fraction)
        worker.busy.connect(self._show_busy)
        self._show_busy(worker.running)

    def _show_fraction(self, done: float) -> None:
        self.bar.setValue(round(FINE * done))

    def _show_busy(self, busy: bool) -> None:
        self.bar.setValue(0)
        self.setVisible(busy)
