"""Dialogs of programs that edit pictures: which file, and what went wrong."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Any

from imgedit.errors import ArgumentError, ImgeditError
from imgedit.io import FORMATS
from imgedit.qt.binding import QtCore, QtWidgets

__all__ = ["ask_open", "ask_save", "show_error"]

# What `imgedit.read_layers` takes beside pictures; the first is what `imgedit.write_layers` makes.
LAYERED = (".ora", ".psd", ".psb")


def ask_open(parent: Any = None, title: str = "Open a picture", *, layered: bool = False) -> Path | None:
    """Ask for a file that `imgedit.read` can open.

    Parameters
    ----------
    parent : QWidget, optional
        The window that it belongs to.
    title : str
        Of the dialog.
    layered : bool
        Documents with layers too, which `imgedit.read_layers` opens.

    Returns
    -------
    Path or None
        None where the user changed their mind.
    """
    kinds = f"Pictures ({_patterns(*(LAYERED if layered else ()))})"
    name, _ = QtWidgets.QFileDialog.getOpenFileName(parent, title, "", kinds)
    return Path(name) if name else None


def ask_save(
    parent: Any = None,
    title: str = "Save as",
    *,
    proposal: str | os.PathLike[str] = "",
    layered: bool = False,
    kinds: str = "",
) -> Path | None:
    """Ask where to write a file that `imgedit.write` can make.

    Parameters
    ----------
    parent : QWidget, optional
        The window that it belongs to.
    title : str
        Of the dialog.
    proposal : str or path_like
        A name to begin with; where no picture can be written under its suffix, that becomes ``.png``.
    layered : bool
        OpenRaster too, which `imgedit.write_layers` makes.
    kinds : str
        Qt's filter for files of another kind: ``"Recipes (*.toml)"``.

    Returns
    -------
    Path or None
        None where the user changed their mind.
    """
    place = os.fspath(proposal)
    if not kinds:
        kinds = f"Pictures ({_patterns()})" + ";;Layers (*.ora)" * layered
        stem, suffix = os.path.splitext(place)
        if stem and suffix.lower() not in (*_suffixes(), *LAYERED[:layered]):
            place = f"{stem}.png"
    name, _ = QtWidgets.QFileDialog.getSaveFileName(parent, title, place, kinds)
    return Path(name) if name else None


def _suffixes() -> list[str]:
    return [suffix for codec in FORMATS.values() for suffix in codec.suffixes]


def _patterns(*more: str) -> str:
    return " ".join(f"*{suffix}" for suffix in (*_suffixes(), *more))


def show_error(parent: Any, error: BaseException, title: str = "That") -> Any:
    r"""Tell what did not work and what helps, without waiting for an answer.

    Parameters
    ----------
    parent : QWidget or None
        The window that it belongs to.
    error : exception
        One of imgedit's, or the system's, is told in its words; any other with where it came from, since nobody
        expected it.
    title : str
        What did not work.

    Returns
    -------
    QMessageBox
        Which is shown, and goes when it is closed.

    Examples
    --------
    >>> import imgedit as ie, imgedit.qt
    >>> import numpy as np
    >>> from imgedit.qt.binding import QtWidgets
    >>> app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["", "-platform", "offscreen"])
    >>> try:
    ...     ie.blur(np.zeros((4, 4), np.uint8), radius=-1)
    ... except ie.errors.ImgeditError as error:
    ...     box = imgedit.qt.show_error(None, error, "Blur")
    >>> print(box.text(), box.informativeText(), sep="\n")
    Blur did not work.
    The radius is -1...
    <BLANKLINE>
    What helps: ...
    >>> box.close()
    True
    """
    box = QtWidgets.QMessageBox(QtWidgets.QMessageBox.Icon.Warning, "", f"{title} did not work.", parent=parent)
    box.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
    if isinstance(error, ArgumentError):
        box.setInformativeText(f"The {error.argument} {error.problem}.\n\nWhat helps: {error.remedy}.")
    elif isinstance(error, (ImgeditError, OSError)):
        box.setInformativeText(str(error))
    else:
        box.setInformativeText(f"{type(error).__name__}: {error}")
        box.setDetailedText("".join(traceback.format_exception(error)))
    box.open()
    return box
