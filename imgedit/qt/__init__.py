"""imgedit inside a Qt program: pictures both ways, verbs off the GUI thread, a canvas to paint masks on, and panels.

Works with PySide6 and PyQt6: with whichever the program imported first, else with the one that is installed. Nothing
else in imgedit needs Qt, and ``import imgedit`` does not import this package: ``import imgedit.qt`` does.
"""

from imgedit.qt import widgets
from imgedit.qt.canvas import Canvas
from imgedit.qt.comparison import Comparison
from imgedit.qt.conversion import from_qimage, to_qimage
from imgedit.qt.dialogs import ask_open, ask_save, show_error
from imgedit.qt.gallery import Gallery
from imgedit.qt.history import HistoryPanel
from imgedit.qt.icons import icon
from imgedit.qt.layers import LayerPanel
from imgedit.qt.progress import ProgressRow
from imgedit.qt.pyramid import Pyramid
from imgedit.qt.recent import RecentFiles
from imgedit.qt.toolbox import Toolbox
from imgedit.qt.tools import TOOLS, Tool
from imgedit.qt.view import View
from imgedit.qt.worker import Worker

__all__ = [
    "TOOLS",
    "Canvas",
    "Comparison",
    "Gallery",
    "HistoryPanel",
    "LayerPanel",
    "ProgressRow",
    "Pyramid",
    "RecentFiles",
    "Tool",
    "Toolbox",
    "View",
    "Worker",
    "ask_open",
    "ask_save",
    "from_qimage",
    "icon",
    "show_error",
    "to_qimage",
    "widgets",
]
