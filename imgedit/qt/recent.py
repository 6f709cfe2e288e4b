"""A menu of the files that were opened last."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from imgedit.qt.binding import QtWidgets, Signal

__all__ = ["RecentFiles"]

KEY = "recent"


class RecentFiles(QtWidgets.QMenu):
    """Remembers files from one run of the program to the next; those that are gone are left out.

    Signal: ``chosen(object)`` with the path of a file.

    Parameters
    ----------
    settings : QSettings
        Where they are remembered, under "recent".
    most : int
        How many.
    parent : QWidget, optional
        The window that it belongs to.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import imgedit.qt
    >>> from imgedit.qt.binding import QtCore, QtWidgets
    >>> app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["", "-platform", "offscreen"])
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> settings = QtCore.QSettings(str(folder / "settings.ini"), QtCore.QSettings.Format.IniFormat)
    >>> recent = imgedit.qt.RecentFiles(settings)
    >>> (folder / "photo.jpg").touch()
    >>> recent.add(folder / "photo.jpg")
    >>> [path.name for path in recent.paths()]
    ['photo.jpg']
    """

    chosen = Signal(object)

    def __init__(self, settings: Any, *, most: int = 8, parent: Any = None) -> None:
        super().__init__("Open recent", parent)
        self._settings, self._most = settings, most
        self._list()

    def paths(self) -> list[Path]:
        """List the files that are still there.

        Returns
        -------
        list of Path
            The newest first.
        """
        names = self._settings.value(KEY) or []
        # Qt gives a list of one as its only member.
        return [Path(name) for name in ([names] if isinstance(names, str) else names) if Path(name).exists()]

    def add(self, path: str | os.PathLike[str]) -> None:
        """Put a file at the head of the list.

        Parameters
        ----------
        path : str or path_like
            That was opened.
        """
        names = [str(Path(path).resolve()), *map(str, self.paths())]
        self._settings.setValue(KEY, list(dict.fromkeys(names))[: self._most])
        self._list()

    def _list(self) -> None:
        self.clear()
        for path in self.paths():
            self.addAction(str(path), partial(self.chosen.emit, path))
