"""How the program looks: two palettes, a sheet (look.qss), icons in the text's colour."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import imgedit.qt
from imgedit.qt.binding import QtCore, QtGui

NAMES = ("window", "base", "surround", "button", "line", "text", "faint", "accent", "on_accent", "chosen")
THEMES = {
    "dark": "#26282c #1d1f22 #151618 #33363b #454950 #e8e9eb #a3a8b0 #7ab7ff #0b1a2b #2c4560",
    "light": "#f3f4f6 #ffffff #d3d6da #ffffff #c3c8ce #1c1f23 #5b626c #1d5fd1 #ffffff #d5e4fb",
}
# What each colour is for in Qt's palette; the canvas draws Dark around the picture.
ROLES = {
    "window": "Window AlternateBase",
    "base": "Base ToolTipBase",
    "surround": "Dark",
    "button": "Button",
    "line": "Mid Midlight Light",
    "text": "WindowText Text ButtonText ToolTipText",
    "faint": "PlaceholderText",
    "accent": "Highlight Link",
    "on_accent": "HighlightedText BrightText",
}
SHEET = Path(__file__).with_name("look.qss")
ICONS = Path(__file__).with_name("icons")


def dress(app: Any, theme: str) -> None:
    """Give the whole program a theme."""
    colors = dict(zip(NAMES, THEMES[theme].split(), strict=True))
    palette, role = QtGui.QPalette(), QtGui.QPalette.ColorRole
    for name, members in ROLES.items():
        for member in members.split():
            palette.setColor(role[member], QtGui.QColor(colors[name]))
    for member in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QtGui.QPalette.ColorGroup.Disabled, member, QtGui.QColor(colors["faint"]))
    if not app.styleSheet():
        app.setStyle("Fusion")
    app.setPalette(palette)
    sheet = SHEET.read_text(encoding="utf-8").replace("@files", _folder(colors["text"]).path())
    for name in sorted(colors, key=len, reverse=True):  # no name may be taken for the beginning of a longer one
        sheet = sheet.replace(f"@{name}", colors[name])
    app.setStyleSheet(sheet)


@cache
def _folder(color: str) -> Any:
    """Folder of the icons that the sheet names, in a colour; Qt takes it away at the end."""
    folder = QtCore.QTemporaryDir()
    for name in ("eye", "hidden", "chevron"):
        drawing = (ICONS / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", color)
        Path(folder.filePath(f"{name}.svg")).write_text(drawing, encoding="utf-8")
    return folder


def icon(name: str) -> Any:
    """Icon in the theme's colours, where there is one of that name."""
    file = ICONS / f"{name}.svg"
    return imgedit.qt.icon(file) if file.exists() else QtGui.QIcon()
