"""The Qt binding that the program uses, under one spelling; the only module that imports Qt.

PySide6 and PyQt6 differ in the names of signal and slot and in how they hand out memory (see `conversion`); all else
that is used here is spelled alike.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING

from imgedit.errors import MissingExtraError, MissingLibraryError

__all__ = ["BINDING", "QtCore", "QtGui", "QtWidgets", "Signal", "Slot"]

BINDINGS = ("PySide6", "PyQt6")

# What Qt's wheels leave to the system; a container without a screen often lacks them.
DEBIAN = "libegl1 libgl1 libxkbcommon0 libfontconfig1 libdbus-1-3 libglib2.0-0"


def _binding() -> str:
    """Name of the binding that was imported first, since two in one program clash; else of one that is installed."""
    loaded = [name for name in sys.modules if name in BINDINGS]
    installed = (name for name in BINDINGS if importlib.util.find_spec(name))
    name = next(iter(loaded), None) or next(installed, None)
    if name is None:
        raise MissingExtraError("PySide6 or PyQt6", "qt", "imgedit.qt")
    return name


BINDING = _binding()

if TYPE_CHECKING:
    from PySide6 import QtCore, QtGui, QtWidgets

    Signal, Slot = QtCore.Signal, QtCore.Slot
else:
    try:
        QtCore, QtGui, QtWidgets = (
            importlib.import_module(f"{BINDING}.{module}") for module in ("QtCore", "QtGui", "QtWidgets")
        )
    except ImportError as error:
        raise MissingLibraryError(BINDING, str(error), DEBIAN) from error
    if BINDING == "PySide6":
        Signal, Slot = QtCore.Signal, QtCore.Slot
    else:
        Signal, Slot = QtCore.pyqtSignal, QtCore.pyqtSlot
