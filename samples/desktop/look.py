"""How the program looks: two palettes, a sheet (look.qss), icons in the text's colour; and how widgets are set out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from imgedit.qt.binding import QtCore, QtGui, QtWidgets

NAMES = ("window", "base", "surround", "button", "line", "text", "faint", "accent", "on_accent", "chosen")
THEMES = {
    "dark": "#26282c #1d1f22 #151618 #33363b #454950 #e8e9eb #a3a8b0 #7ab7ff #0b1a2b #2c4560",
    "light": "#f3f4f6 #ffffff #d3d6da #ffffff #c3c8ce #1c1f23 #5b626c #1d5fd1 #ffffff #d5e4fb",
}
HERE = Path(__file__).parent


def dress(app: Any, theme: str) -> None:
    """Give the whole program a theme."""
    colors = dict(zip(NAMES, THEMES[theme].split(), strict=True))
    palette, role = QtGui.QPalette(), QtGui.QPalette.ColorRole
    for name, members in (
        ("window", (role.Window, role.AlternateBase)),
        ("base", (role.Base, role.ToolTipBase)),
        ("surround", (role.Dark,)),  # what the canvas draws around the picture
        ("button", (role.Button,)),
        ("line", (role.Mid, role.Midlight, role.Light)),
        ("text", (role.WindowText, role.Text, role.ButtonText, role.ToolTipText)),
        ("faint", (role.PlaceholderText,)),
        ("accent", (role.Highlight, role.Link)),
        ("on_accent", (role.HighlightedText, role.BrightText)),
    ):
        for member in members:
            palette.setColor(member, QtGui.QColor(colors[name]))
    for member in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QtGui.QPalette.ColorGroup.Disabled, member, QtGui.QColor(colors["faint"]))
    if not app.styleSheet():
        app.setStyle("Fusion")
    app.setPalette(palette)
    sheet = (HERE / "look.qss").read_text(encoding="utf-8").replace("@files", _folder(colors["text"]).path())
    for name in sorted(colors, key=len, reverse=True):  # no name may be taken for the beginning of a longer one
        sheet = sheet.replace(f"@{name}", colors[name])
    app.setStyleSheet(sheet)


@cache
def _folder(color: str) -> Any:
    """Folder of the icons that the sheet names, in a colour; Qt takes it away at the end."""
    folder = QtCore.QTemporaryDir()
    for name in ("eye", "hidden", "chevron"):
        Path(folder.filePath(f"{name}.svg")).write_text(_svg(name, color), encoding="utf-8")
    return folder


def _svg(name: str, color: str) -> str:
    return (HERE / "icons" / f"{name}.svg").read_text(encoding="utf-8").replace("COLOR", color)


def icon(name: str) -> Any:
    """Icon in the text's colour; in that of text on the accent while it is checked, fainter while it is disabled."""
    if not (HERE / "icons" / f"{name}.svg").exists():
        return QtGui.QIcon()
    palette, role = QtWidgets.QApplication.palette(), QtGui.QPalette.ColorRole
    mode, state, made = QtGui.QIcon.Mode, QtGui.QIcon.State, QtGui.QIcon()
    made.addPixmap(_drawn(name, palette.color(role.ButtonText).name()), mode.Normal, state.Off)
    made.addPixmap(_drawn(name, palette.color(role.HighlightedText).name()), mode.Normal, state.On)
    made.addPixmap(_drawn(name, palette.color(role.Mid).name()), mode.Disabled, state.Off)
    return made


@cache
def _drawn(name: str, color: str) -> Any:
    sized, drawn = _svg(name, color).replace("<svg ", '<svg width="80" height="80" ', 1), QtGui.QPixmap()
    if not drawn.loadFromData(QtCore.QByteArray(sized.encode()), "SVG"):
        raise RuntimeError("Qt's plugin for SVG is missing")
    return drawn


def label(text: str, role: str = "", *, wrap: bool = False) -> Any:
    made = QtWidgets.QLabel(text, wordWrap=wrap)
    made.setProperty("role", role)
    return made


def button(text: str, call: Any, *, primary: bool = False) -> Any:
    made = QtWidgets.QPushButton(text, autoDefault=False)
    made.setProperty("primary", primary)
    made.clicked.connect(lambda: call())
    return made


def combo(names: list[str], words: dict[str, str] | None = None) -> Any:
    """Box of names; what is said of each stands behind it."""
    made = QtWidgets.QComboBox(minimumContentsLength=8)
    made.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    for name in names:
        made.addItem(f"{name} – {words[name]}" if words and name in words else name, name)
    return made


def slider(**properties: Any) -> Any:
    return QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, **properties)


def column(
    *items: Any, parent: Any = None, kind: Any = QtWidgets.QVBoxLayout, margin: int = 0, spacing: int = 10
) -> Any:
    """Set widgets and layouts out one after the other; None takes what room is left."""
    layout = kind(parent) if parent is not None else kind()
    layout.setContentsMargins(margin, margin, margin, margin)
    layout.setSpacing(spacing)
    for item in items:
        if item is None:
            layout.addStretch()
        else:
            (layout.addWidget if item.isWidgetType() else layout.addLayout)(item)
    return layout


def row(*items: Any, **options: Any) -> Any:
    return column(*items, kind=QtWidgets.QHBoxLayout, **options)
