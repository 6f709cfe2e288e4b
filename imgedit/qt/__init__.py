"""imgedit inside a Qt program: pictures both ways, verbs off the GUI thread, and a canvas to paint masks on.

Works with PySide6 and PyQt6: with whichever the program imported first, else with the one that is installed. Nothing
else in imgedit needs Qt, and ``import imgedit`` does not import this package: ``import imgedit.qt`` does.
"""

from imgedit.qt.canvas import Canvas
from imgedit.qt.conversion import from_qimage, to_qimage
from imgedit.qt.pyramid import Pyramid
from imgedit.qt.tools import TOOLS, Tool
from imgedit.qt.view import View
from imgedit.qt.worker import Worker

__all__ = ["TOOLS", "Canvas", "Pyramid", "Tool", "View", "Worker", "from_qimage", "to_qimage"]
