"""Icons from SVG files, in the colours of the program's palette: one file serves a dark and a light theme."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from imgedit.errors import ArgumentError, MissingLibraryError
from imgedit.qt.binding import BINDING, QtCore, QtGui, QtWidgets

__all__ = ["icon"]

# Twice what the largest tool bar shows on a screen of twice the resolution.
SIDE = 80


def icon(path: str | os.PathLike[str]) -> Any:
    """Icon of an SVG file whose ``currentColor`` is the palette's.

    Parameters
    ----------
    path : str or path_like
        An SVG file with a ``viewBox``.

    Returns
    -------
    QIcon
        In the colour of buttons' text; of highlighted text while checked; of mid tones while disabled. Ask for it again
        when the palette has changed.

    Raises
    ------
    OSError
        No such file.
    ArgumentError
        No SVG.
    MissingLibraryError
        Qt's plugin for SVG is not there.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import imgedit.qt
    >>> from imgedit.qt.binding import QtWidgets
    >>> app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["", "-platform", "offscreen"])
    >>> file = pathlib.Path(tempfile.mkdtemp(), "plus.svg")
    >>> text = '<path d="M12 4V20M4 12H20" stroke="currentColor"/>'
    >>> file.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{text}</svg>') > 0
    True
    >>> imgedit.qt.icon(file).isNull()
    False
    """
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    palette, role = QtWidgets.QApplication.palette(), QtGui.QPalette.ColorRole
    mode, state, made = QtGui.QIcon.Mode, QtGui.QIcon.State, QtGui.QIcon()
    for member, when, switch in (
        (role.ButtonText, mode.Normal, state.Off),
        (role.HighlightedText, mode.Normal, state.On),
        (role.Mid, mode.Disabled, state.Off),
    ):
        drawn = _drawn(text, palette.color(member).name())
        if drawn.isNull():
            raise ArgumentError("path", f"is {os.fspath(path)!r}, no SVG that Qt can draw", "give an SVG file")
        made.addPixmap(drawn, when, switch)
    return made


@cache
def _drawn(text: str, color: str) -> Any:
    sized = text.replace("<svg ", f'<svg width="{SIDE}" height="{SIDE}" ', 1).replace("currentColor", color)
    drawn = QtGui.QPixmap()
    if not drawn.loadFromData(QtCore.QByteArray(sized.encode()), "SVG") and not _draws_svg():
        raise MissingLibraryError(BINDING, "Qt's plugin for SVG is not there", "libqt6svg6")
    return drawn


def _draws_svg() -> bool:
    return any(bytes(name) == b"svg" for name in QtGui.QImageReader.supportedImageFormats())
