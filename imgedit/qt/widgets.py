"""Small widgets and how they are set out, a line each.

``label(text, "faint")`` gives the label a property ``role``, and ``button(..., primary=True)`` the button a property
``primary``, for style sheets: ``QLabel[role="faint"] { color: grey }``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from imgedit.qt.binding import QtCore, QtWidgets

__all__ = ["button", "choice", "column", "label", "row", "slider"]


def label(text: str, role: str = "", *, wrap: bool = False) -> Any:
    """QLabel with a role for style sheets.

    Parameters
    ----------
    text : str
        What it says.
    role : str
        Its property ``role``.
    wrap : bool
        Whether its lines break.

    Returns
    -------
    QLabel
        The label.
    """
    made = QtWidgets.QLabel(text, wordWrap=wrap)
    made.setProperty("role", role)
    return made


def button(text: str, call: Callable[[], Any], *, primary: bool = False) -> Any:
    """QPushButton that calls something.

    Parameters
    ----------
    text : str
        What it says.
    call : callable
        Without arguments.
    primary : bool
        Its property ``primary``: the one that is mostly wanted.

    Returns
    -------
    QPushButton
        The button.
    """
    made = QtWidgets.QPushButton(text, autoDefault=False)
    made.setProperty("primary", primary)
    made.clicked.connect(lambda: call())
    return made


def choice(names: Iterable[str], words: Mapping[str, str] | None = None) -> Any:
    """QComboBox of names, which are its items' data; as narrow as its layout wants it.

    Parameters
    ----------
    names : iterable of str
        In order.
    words : mapping, optional
        What is said of a name, to be shown behind it.

    Returns
    -------
    QComboBox
        The choice.
    """
    made = QtWidgets.QComboBox(minimumContentsLength=8)
    made.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    for name in names:
        made.addItem(f"{name} – {words[name]}" if words and name in words else name, name)
    return made


def slider(**properties: Any) -> Any:
    """Horizontal QSlider.

    Parameters
    ----------
    **properties
        Qt's: ``maximum=100, value=80``.

    Returns
    -------
    QSlider
        The slider.
    """
    return QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, **properties)


def column(*items: Any, parent: Any = None, margin: int = 0, spacing: int = 10) -> Any:
    """QVBoxLayout of widgets and layouts.

    Parameters
    ----------
    *items : QWidget, QLayout or None
        From the top; None takes what room is left.
    parent : QWidget, optional
        What is laid out so.
    margin, spacing : int
        Around all, and between two; logical pixels.

    Returns
    -------
    QVBoxLayout
        The layout.

    Examples
    --------
    >>> from imgedit.qt.binding import QtWidgets
    >>> from imgedit.qt.widgets import button, column, label, row
    >>> app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["", "-platform", "offscreen"])
    >>> panel = QtWidgets.QWidget()
    >>> layout = column(label("Sure?"), row(None, button("Yes", panel.close)), parent=panel, margin=14)
    >>> [child.text() for child in panel.findChildren(QtWidgets.QPushButton)]
    ['Yes']
    """
    return _filled(QtWidgets.QVBoxLayout, items, parent, margin, spacing)


def row(*items: Any, parent: Any = None, margin: int = 0, spacing: int = 10) -> Any:
    """QHBoxLayout of widgets and layouts.

    Parameters
    ----------
    *items : QWidget, QLayout or None
        From the left; None takes what room is left.
    parent : QWidget, optional
        What is laid out so.
    margin, spacing : int
        Around all, and between two; logical pixels.

    Returns
    -------
    QHBoxLayout
        The layout.
    """
    return _filled(QtWidgets.QHBoxLayout, items, parent, margin, spacing)


def _filled(kind: Any, items: Iterable[Any], parent: Any, margin: int, spacing: int) -> Any:
    layout = kind(parent) if parent is not None else kind()
    layout.setContentsMargins(margin, margin, margin, margin)
    layout.setSpacing(spacing)
    for item in items:
        if item is None:
            layout.addStretch()
        else:
            (layout.addWidget if item.isWidgetType() else layout.addLayout)(item)
    return layout
