"""Two windows of their own: all inpainting methods side by side, and what was done here for a folder of photos."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import imgedit as ie
import imgedit.qt
from desktop import edits
from desktop.document import State, save_recipe
from imgedit.engines import usable_cores
from imgedit.qt.binding import QtCore, QtWidgets
from imgedit.qt.widgets import button, column, label, row

STOPPED = "Cancelled. What is done stays done; a new run goes on there."
Box = tuple[slice, slice]


class Dialog(QtWidgets.QDialog):
    """Goes when it is closed, and its work with it."""

    def __init__(self, window: Any, title: str, size: Any) -> None:
        super().__init__(window, windowTitle=title)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(size)
        self.window_, self.worker = window, imgedit.qt.Worker()

    def done(self, result: int) -> None:
        self.worker.cancel()
        super().done(result)


class Compare(Dialog):
    """Fills one hole by every method; all pictures zoom and pan together, and one can be taken."""

    def __init__(self, window: Any, state: State, mask: np.ndarray, options: dict[str, Any]) -> None:
        super().__init__(window, "Compare methods", window.size() * 0.92)
        self.state, self.mask, self.options = state, mask, options
        self.box = _around(edits.over_layer(mask, state.layer), options["grow"] + options["feather"])
        self.parts, self.waiting = {}, window.panels["Remove"].methods()
        self.grid = imgedit.qt.Comparison(["before", *self.waiting], columns=3, fixed=["before"])
        self.grid.taken.connect(self.take)
        column(self.grid, label("Zoom and drag one picture: the others follow.", "faint"), parent=self, margin=14)
        self.grid.set_image("before", np.ascontiguousarray(state.layer.image[self.box]))
        self.worker.progressed.connect(lambda done: self.grid.say(self.running, f"{done:.0%}"))
        self.worker.finished.connect(self._finished)
        self.worker.failed.connect(self._failed)
        self._next()

    def _next(self) -> None:
        if self.waiting:
            self.running = self.waiting.pop(0)
            self.worker.start(_filled, self.state, self.mask, self.options | {"method": self.running}, self.box)

    def _finished(self, result: tuple[np.ndarray, float]) -> None:
        self.parts[self.running] = result[0]
        self.grid.set_image(self.running, result[0])
        self.grid.say(self.running, f"{result[1]:.1f} s")
        self._next()

    def _failed(self, error: BaseException) -> None:
        self.grid.say(self.running, str(error))
        self._next()

    def take(self, name: str) -> None:
        options = self.options | {"method": name}
        self.window_.edit("Remove", edits.replace_inside, self.mask, options, self.box, self.parts[name])
        self.close()


def _around(mask: np.ndarray, reach: float) -> Box:
    """Box of a mask with surroundings to judge the fill by; it holds all that a fill with this reach may change."""
    box = []
    for axis in (1, 0):
        places = np.flatnonzero(mask.any(axis))
        first, last = (int(places[0]), int(places[-1])) if len(places) else (0, 0)
        margin = max(48, (last - first) // 2) + 2 * int(reach)
        box.append(slice(max(0, first - margin), last + margin + 1))
    return box[0], box[1]


def _filled(state: State, mask: np.ndarray, options: dict[str, Any], box: Box, progress: Any = None) -> Any:
    began = time.perf_counter()
    filled = edits.remove(state, mask, options, progress=progress)
    return np.ascontiguousarray(filled.layer.image[box]), time.perf_counter() - began


class Batch(Dialog):
    """The recipe of what was done, to be saved or run over a folder."""

    def __init__(self, window: Any, state: State) -> None:
        super().__init__(window, "Do the same to a folder of photos", QtCore.QSize(620, 520))
        self.state, self._folder = state, QtCore.QTemporaryDir()
        self.file = Path(self._folder.filePath("recipe.toml"))
        text = QtWidgets.QPlainTextEdit(save_recipe(state, self.file).to_toml(), readOnly=True)
        text.setStyleSheet("font-family: monospace")
        self.progress, self.said = imgedit.qt.ProgressRow(self.worker), label("", wrap=True)
        self.begin = button("Run over a folder…", self.ask, primary=True)
        buttons = row(button("Save recipe…", self.save_as), None, self.begin)
        column(
            label(_scope(state), "faint", wrap=True), text, self.progress, self.said, buttons, parent=self, margin=14
        )
        self.worker.busy.connect(self.begin.setDisabled)
        self.worker.finished.connect(self._finished)
        self.worker.failed.connect(self._failed)
        self.worker.cancelled.connect(partial(self.said.setText, STOPPED))

    def save_as(self) -> None:
        path = imgedit.qt.ask_save(self, "Save recipe", proposal="recipe.toml", kinds="Recipes (*.toml)")
        if path is not None:
            self.window_.guarded("Saving the recipe", partial(save_recipe, self.state, path))

    def ask(self) -> None:
        ask = QtWidgets.QFileDialog.getExistingDirectory
        if (photos := ask(self, "Photos")) and (results := ask(self, "Where the results go")):
            self.run(photos, results)

    def run(self, photos: str, results: str) -> None:
        # One core is left to the interface.
        self.worker.start(ie.batch.run, self.file, photos, results, workers=max(1, usable_cores() - 1))
        self.said.setText(f"{photos} → {results}")

    def _finished(self, report: Any) -> None:
        counts = ", ".join(f"{count} {state}" for state, count in report.counts.items() if count)
        self.said.setText(f"{counts}. {report.file}")

    def _failed(self, error: BaseException) -> None:
        self.said.clear()
        self.window_.report("The batch", error)


def _scope(state: State) -> str:
    if any(isinstance(value, np.ndarray) for step in state.recipe_steps() for value in step.parameters.values()):
        return "Masks and pasted layers lie at fixed pixels, so the photos have to be of the size that this one had."
    return "These steps suit photos of any size."
