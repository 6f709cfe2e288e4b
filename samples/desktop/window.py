"""The window: tools on the left, the canvas, tasks and layers on the right; what a wish leads to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import imgedit as ie
import imgedit.qt
from desktop import edits, look
from desktop.dialogs import Batch, Compare
from desktop.document import Document, State, open_document, picture, save
from desktop.tasks import TASKS, nets
from imgedit.qt.binding import QtCore, QtGui, QtWidgets, Signal
from imgedit.qt.widgets import button, column, label, row

Qt = QtCore.Qt

MENUS = {
    "&File": ("open", "save", "save as", "batch", "quit"),
    "&Edit": ("undo", "redo", "paste", "clear", "invert"),
    "&View": ("fit", "actual", "compare", "theme"),
}
BAR = ("open", "save", "batch", "", "undo", "redo", "", "fit", "actual", "compare", "theme", "")

# Actions that need no photo, and those that wait for a job to end.
ALWAYS, IDLE = {"open", "theme", "quit"}, {"open", "save", "save as", "batch", "paste"}


class Mover(imgedit.qt.Tool):
    """Drags the active layer: it floats above the picture until it is let go."""

    def __init__(self, board: Any, window: Window) -> None:
        super().__init__(board)
        self.window, self.start = window, None

    def press(self, point: Any, *, add: bool) -> None:
        del add
        if self.window.document.state.active and not self.window.worker.running:
            self.start, self.layer = point, self.window.document.state.layer
            self.window.float_layer(self.layer)

    def move(self, point: Any) -> None:
        if self.start:
            (left, top), (x, y), (x0, y0) = self.layer.offset, point, self.start
            self.board.overlay_offset = (left + round(x - x0), top + round(y - y0))

    def release(self) -> None:
        if self.start:
            self.start = None  # what floats stays there until the layers are drawn anew
            moved = self.window.document.state.edited("Move layer", offset=self.board.overlay_offset)
            self.window.commit(moved, amend=True)


class Window(QtWidgets.QMainWindow):
    """The editor."""

    warned = Signal(str)

    def __init__(self, settings: Any) -> None:
        super().__init__(acceptDrops=True)
        self.settings, self.document = settings, None
        self.worker, self._drawer, self._finder = (imgedit.qt.Worker() for _ in range(3))
        self.masked, self._next_mask, self._drawn, self._painted = False, (), {}, False
        look.dress(QtWidgets.QApplication.instance(), settings.value("theme", "dark"))
        self.canvas = imgedit.qt.Canvas()
        self._build_bars()
        self._build_center()
        self._build_status()
        self._connect()
        self._set_icons()
        self.resize(1280, 800)
        self.toolbox.tools["brush"].trigger()
        self.refresh()

    # What it is made of

    def _action(self, text: str, key: str, call: Callable[[], Any]) -> Any:
        action = QtGui.QAction(text, self, shortcut=key, toolTip=f"{text.rstrip('…')}  {key}")
        action.triggered.connect(lambda _checked=False: call())
        return action

    def _build_bars(self) -> None:
        canvas = self.canvas
        self.actions_ = {
            name: self._action(text, key, call)
            for name, text, key, call in (
                ("open", "Open…", "Ctrl+O", self.ask_and_open),
                ("save", "Save", "Ctrl+S", self.save),
                ("save as", "Save as…", "Ctrl+Shift+S", self.save_as),
                ("batch", "Do the same to a folder…", "Ctrl+B", self.batch),
                ("quit", "Quit", "Ctrl+Q", self.close),
                ("undo", "Undo", "Ctrl+Z", self.undo),
                ("redo", "Redo", "Ctrl+Shift+Z", self.redo),
                ("paste", "Paste", "Ctrl+V", self.paste),
                ("clear", "Clear mask", "Ctrl+D", canvas.clear_mask),
                ("invert", "Invert mask", "Ctrl+I", lambda: canvas.set_mask(~canvas.mask())),
                ("fit", "Fit into the window", "Ctrl+0", canvas.fit),
                ("actual", "Pixel for pixel", "Ctrl+1", lambda: canvas.zoom(1 / canvas.view.scale)),
                ("compare", "Compare with the original", "C", self.paint),
                ("theme", "Dark or light", "Ctrl+T", self.toggle_theme),
            )
        }
        self.actions_["compare"].setCheckable(True)
        for title, names in MENUS.items():
            self.menuBar().addMenu(title).addActions([self.actions_[name] for name in names])
        self.recent = imgedit.qt.RecentFiles(self.settings, parent=self)
        self.recent.chosen.connect(self.open)
        self.menuBar().actions()[0].menu().insertMenu(self.actions_["save"], self.recent)
        main = self._bar("main", Qt.ToolBarArea.TopToolBarArea)
        for name in BAR:
            (main.addAction(self.actions_[name]) if name else main.addSeparator())
        self.toolbox = imgedit.qt.Toolbox(canvas)
        move = self.toolbox.add("move", "V", "Drag the active layer", partial(Mover, window=self))
        move.triggered.connect(lambda _checked: self.paint())
        main.addWidget(self.toolbox.options)
        self._bar("tools", Qt.ToolBarArea.LeftToolBarArea).addActions(self.toolbox.actions())

    def _bar(self, name: str, area: Any) -> Any:
        bar = QtWidgets.QToolBar(name.title(), objectName=name, movable=False, iconSize=QtCore.QSize(20, 20))
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.addToolBar(area, bar)
        return bar

    def _build_center(self) -> None:
        self.tasks = QtWidgets.QTabWidget(documentMode=True)
        self.panels = {name: kind(self) for name, kind in TASKS.items()}
        for name, panel in self.panels.items():
            self.tasks.addTab(panel, name)
        self.layers, self.history = imgedit.qt.LayerPanel(), imgedit.qt.HistoryPanel()
        for panel in (self.layers, self.history):
            panel.layout().setContentsMargins(14, 14, 14, 14)
        split = QtWidgets.QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        for widget in (self.tasks, self.layers, self.history):
            split.addWidget(widget)
        split.setSizes([410, 200, 100])
        self.side = QtWidgets.QFrame(objectName="side")
        self.side.setFixedWidth(316)
        column(split, parent=self.side)
        welcome = QtWidgets.QWidget()
        words = [label("Drop a photo here", "title"), label("JPEG, PNG, TIFF, OpenRaster, Photoshop …", "faint")]
        words.append(button("Open a photo…", self.ask_and_open, primary=True))
        middle = column(None, *words, None)
        for widget in words:
            middle.setAlignment(widget, Qt.AlignmentFlag.AlignHCenter)
        row(None, middle, None, parent=welcome)
        self.center = QtWidgets.QStackedWidget()
        self.center.addWidget(welcome)
        self.center.addWidget(self.canvas)
        whole = QtWidgets.QWidget()
        row(self.center, self.side, parent=whole, spacing=0).setStretch(0, 1)
        self.setCentralWidget(whole)

    def _build_status(self) -> None:
        self.zoom_label, self.size_label = label("", "faint"), label("", "faint")
        self.progress = imgedit.qt.ProgressRow(self.worker)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addWidget(self.progress)
        for widget in (self.size_label, self.zoom_label):
            self.statusBar().addPermanentWidget(widget)

    def _connect(self) -> None:
        self.tasks.currentChanged.connect(lambda _index: self.refresh())
        self.worker.busy.connect(lambda _busy: self.refresh())
        self.worker.finished.connect(lambda result: self._then(result))
        self.worker.failed.connect(lambda error: self.report(self._title, error))
        self._drawer.finished.connect(self._show)
        self._drawer.failed.connect(partial(self.report, "Drawing the layers"))
        self._finder.finished.connect(self._offer)
        self._finder.failed.connect(partial(self.report, "Looking for networks"))
        self.layers.chosen.connect(self.choose_layer)
        self.layers.edited.connect(self._edit_layers)
        self.history.chosen.connect(self.go)
        self.warned.connect(lambda text: self.statusBar().showMessage(text, 15_000))
        self.canvas.mask_changed.connect(self._mask_changed)
        self.canvas.view_changed.connect(lambda view: self.zoom_label.setText(f"{100 * view.scale:.0f} %"))
        self.canvas.failed.connect(partial(self.report, "Selecting"))

    # What it shows

    def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        super().paintEvent(event)
        if not self._painted:  # networks are looked for when the window stands
            self._painted = True
            QtCore.QTimer.singleShot(0, lambda: self._finder.start(nets))

    def _offer(self, found: Any) -> None:
        for panel in self.panels.values():
            panel.offer(found)

    def refresh(self) -> None:
        """Show what is, and let only what can be done be asked for."""
        document, busy = self.document, self.worker.running
        self.center.setCurrentIndex(1 if document else 0)
        if document:
            self.layers.set_layers(document.state.layers, document.state.active)
            self.history.set_states([state.title for state in document.states], document.index)
        self.side.setEnabled(document is not None and not busy)
        self.recent.setEnabled(not busy)
        for name, action in (self.actions_ | self.toolbox.tools).items():
            action.setEnabled((document is not None or name in ALWAYS) and not (busy and name in IDLE))
        if document:
            height, width = document.state.size
            self.size_label.setText(f"{width} × {height} px, {8 * document.state.layers[0].image.itemsize} bit")
        name = document.path.name if document and document.path else "imgedit"
        self.setWindowTitle(f"{name}{'*' * self._unsaved()}")
        self._refresh_masked()

    def _refresh_masked(self) -> None:
        """What depends on the mask."""
        for panel in self.panels.values():
            panel.refresh()
        document = None if self.worker.running else self.document
        back = document is not None and (self.canvas.can_undo or document.index > 0)
        forward = document is not None and (self.canvas.can_redo or document.index < len(document.states) - 1)
        self.actions_["undo"].setEnabled(back)
        self.actions_["redo"].setEnabled(forward)

    def _mask_changed(self, mask: Any) -> None:
        self.masked = bool(mask.any())
        self._refresh_masked()

    def toggle_theme(self) -> None:
        self.settings.setValue("theme", "light" if self.settings.value("theme", "dark") == "dark" else "dark")
        look.dress(QtWidgets.QApplication.instance(), self.settings.value("theme"))
        self._set_icons()

    def _set_icons(self) -> None:
        for name, shown in (self.actions_ | self.toolbox.tools | self.layers.buttons).items():
            shown.setIcon(look.icon(name))

    def paint(self) -> None:
        """Draw the layers anew in the background; only the newest wish counts."""
        if self.document:
            before = self.document.states[0] if self.actions_["compare"].isChecked() else None
            moving = self.toolbox.tools["move"].isChecked() and self.document.state.active > 0
            self._drawer.restart(_rendered, self.document.state, before, moving)

    def _show(self, drawn: dict[str, Any]) -> None:
        self._drawn, mask, self._next_mask = drawn, self._next_mask, ()
        pictures = (drawn["before"], drawn["whole"]) if drawn["before"] else (drawn["whole"],)
        self.canvas.set_image(*pictures)
        if not self.panels["Style"].preview:
            self.canvas.set_overlay(None)
        if mask:
            fits = mask[0] is not None and mask[0].shape == self.canvas.image_size
            self.canvas.reset_mask(mask[0] if fits else None)

    def float_layer(self, layer: ie.Layer) -> None:
        """Lift a layer off the picture, to be dragged."""
        if self._drawn["without"]:
            self.canvas.set_image(self._drawn["without"])
        self.canvas.set_overlay(self._drawn["alone"] or layer.image, offset=layer.offset, opacity=layer.opacity)

    # Edits and the way back

    def start(self, title: str, then: Callable[[Any], None], function: Any, *given: Any, **named: Any) -> None:
        """Call a function on the worker's thread, and `then` with what it gave on this one."""
        self._title, self._then = title, then
        self.progress.words.setText(f"{title}…")
        self.worker.start(function, *given, **named)

    def edit(self, title: str, function: Callable[..., State], *given: Any, **named: Any) -> None:
        """Make a new state of the present one, and go on from it."""
        self.start(title, self.commit, function, self.document.state, *given, **named)

    def commit(self, state: State, *, amend: bool = False) -> None:
        self.document.commit(state, amend=amend)
        # Strokes that stay are part of the picture now: the next undo takes the edit back, not them.
        self._changed(None if state.mask is not None else self.canvas.mask())

    def choose_layer(self, index: int) -> None:
        self.document.choose(index)
        self._changed()

    def _edit_layers(self, layers: tuple[ie.Layer, ...], active: int, what: str) -> None:
        # A slider that is dragged is one step of history.
        self.commit(State(layers, active, self.document.state.steps, what), amend=what == "Opacity")

    def go(self, index: int) -> None:
        left, back = self.document.state, index < self.document.index
        self.document.index = index
        if back and left.mask is not None:
            self._changed(left.mask)
        elif self.document.state.mask is not None:
            self._changed(None)
        else:
            self._changed()

    def undo(self) -> None:
        if self.canvas.can_undo:
            self.canvas.undo()
        else:
            self.go(self.document.index - 1)

    def redo(self) -> None:
        if self.canvas.can_redo:
            self.canvas.redo()
        else:
            self.go(self.document.index + 1)

    def _changed(self, *mask: Any) -> None:
        """Show another state, with a mask to begin with, or with the one that is there."""
        self._next_mask = mask or self._next_mask
        self.panels["Style"].drop()
        self.refresh()
        self.paint()

    def compare_methods(self) -> None:
        Compare(self, self.document.state, self.canvas.mask(), self.panels["Remove"].options()).open()

    def batch(self) -> None:
        self.guarded("The recipe", lambda: Batch(self, self.document.state).open())

    # Files

    def ask_and_open(self) -> None:
        if (path := imgedit.qt.ask_open(self, "Open a photo", layered=True)) is not None:
            self.open(path)

    def open(self, path: Path) -> None:
        self._sure_then(lambda: self.start(f"Open {path.name}", self.show_document, open_document, path))

    def show_document(self, document: Document) -> None:
        self.document = document
        self.recent.add(document.path)
        self.actions_["compare"].setChecked(False)
        self.canvas.brush_radius = max(2, max(document.state.size) / 40)
        self._changed(None)

    def save(self, then: Callable[[], Any] | None = None) -> None:
        if self.document.target:
            self.write(self.document.target, then)
        else:
            self.save_as(then)

    def save_as(self, then: Callable[[], Any] | None = None) -> None:
        path = self.document.path
        proposal = path.with_stem(f"{path.stem}-edited")
        if (chosen := imgedit.qt.ask_save(self, proposal=proposal, layered=True)) is not None:
            self.write(chosen, then)

    def write(self, path: Path, then: Callable[[], Any] | None = None) -> None:
        document, state = self.document, self.document.state

        def saved(_result: None) -> None:
            document.target, document.saved = path, state
            self.refresh()
            self.statusBar().showMessage(f"Saved {path}", 5000)
            if then:
                then()

        self.start(f"Save {path.name}", saved, save, state, path, document.metadata)

    def paste_file(self) -> None:
        if (path := imgedit.qt.ask_open(self, "Paste a picture")) is not None:
            self.edit("Paste", edits.paste_file, path)

    def paste(self) -> None:
        """Put the clipboard's picture on a layer."""
        image = QtWidgets.QApplication.clipboard().image()
        if image.isNull():
            self.statusBar().showMessage("The clipboard holds no picture", 5000)
        else:
            self.edit("Paste", edits.paste, imgedit.qt.from_qimage(image), "Clipboard")

    # Errors, and Qt's events

    def guarded(self, title: str, call: Callable[[], Any]) -> None:
        """Call, and tell in a dialog what can go wrong with it."""
        try:
            call()
        except (ie.errors.ImgeditError, OSError) as error:
            self.report(title, error)

    def report(self, title: str, error: BaseException) -> None:
        imgedit.qt.show_error(self, error, title)

    def _unsaved(self) -> bool:
        return self.document is not None and self.document.state.layers is not self.document.saved.layers

    def _sure_then(self, call: Callable[[], Any]) -> None:
        """Call at once if nothing would be lost; else ask first."""
        if not self._unsaved():
            call()
            return
        answers = QtWidgets.QMessageBox.StandardButton
        text = f"{self.document.path.name} has changes that are not saved."
        box = QtWidgets.QMessageBox(QtWidgets.QMessageBox.Icon.Question, "imgedit", text, parent=self)
        box.setStandardButtons(answers.Save | answers.Discard | answers.Cancel)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def answered(answer: int) -> None:
            if answers(answer) == answers.Discard:
                self.document.saved = self.document.state
                call()
            elif answers(answer) == answers.Save:
                self.save(call)

        box.finished.connect(answered)
        box.open()

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        if event.mimeData().hasUrls() and not self.worker.running:
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:  # noqa: N802
        self.open(Path(event.mimeData().urls()[0].toLocalFile()))

    def closeEvent(self, event: Any) -> None:  # noqa: N802
        if self._unsaved():
            event.ignore()
            self._sure_then(self.close)
            return
        for worker in (self.worker, self._drawer, self._finder, self.panels["Style"]):
            worker.cancel()
        event.accept()


def _rendered(state: State, before: State | None, moving: bool, progress: Any = None) -> dict[str, Any]:
    """All that the canvas needs, so that nothing large is left for the interface's thread."""
    pyramid, whole = imgedit.qt.Pyramid.of, picture(state, progress)
    drawn = {"whole": pyramid(whole), "before": None, "alone": None, "without": None}
    if before is not None:
        first = picture(before)
        drawn["before"] = pyramid(first if first.shape[:2] == whole.shape[:2] else ie.resize(first, whole.shape[:2]))
    if moving:
        drawn["alone"] = pyramid(state.layer.image)
        drawn["without"] = pyramid(picture(state.edited("", visible=False), progress))
    return drawn
