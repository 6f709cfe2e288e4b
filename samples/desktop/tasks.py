"""The four tasks on the right: remove an object, cut out and paste, paint in a style, enlarge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import imgedit as ie
import imgedit.qt
from desktop import edits
from desktop.document import State, picture
from imgedit.inpainting import METHODS
from imgedit.qt.binding import QtWidgets
from imgedit.qt.widgets import button, choice, column, label, row, slider

# What each method is good at, those for objects first; one that is new has its name alone.
GOOD_AT = {
    "patchmatch": "texture, quick",
    "exemplar": "texture and lines",
    "learned": "by a net",
    "telea": "thin things",
    "navier-stokes": "thin things, lines go on",
    "biharmonic": "small, smooth",
    "harmonic": "smooth surfaces",
    "push-pull": "instant, blurry",
}
COLORS = {"the painting's": None, "the photo's": "luma", "as spread in the photo": "histogram", "fitted": "linear"}
THUMB = 76


@dataclass(frozen=True)
class Nets:
    """What the networks can do that are here: names of models, and styles as parameters of `imgedit.stylize`."""

    inpaint: list[str]
    superres: list[str]
    styles: dict[str, dict[str, Any]]


def nets() -> Nets:
    """Look for networks, which takes a tenth of a second when it is done first."""
    painters = [ie.models.info(name) for name in ie.models.names(task="style")]
    named = [net for net in painters if net.family not in ("pair", "gatys")]
    styles = {style: {"style": style, "model": net.name} for net in named for style in net.classes or (net.name,)}
    return Nets(ie.models.names(task="inpaint"), ie.models.names(task="superres"), styles)


def methods(learned: bool) -> list[str]:
    """Names of the inpainting methods, those for objects first; with that of a net, or without."""
    ready = [name for name in METHODS if learned or name != "learned"]
    return sorted(ready, key=[*GOOD_AT, *ready].index)


class Task(QtWidgets.QWidget):
    """Words, fields with their names, and what follows; buttons that work on a mask are on while there is one."""

    def __init__(self, window: Any, text: str, fields: dict[str, Any], *items: Any) -> None:
        super().__init__()
        self.window_ = window
        form = QtWidgets.QFormLayout(spacing=8)
        form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name, field in fields.items():
            words = label(name)
            words.setMinimumHeight(field.sizeHint().height())  # Qt sets a label to the top of its field
            form.addRow(words, field)
        column(label(text, "faint", wrap=True), form, *items, parent=self, margin=14)
        for edit in self.findChildren(QtWidgets.QLineEdit):
            edit.setTextMargins(8, 0, 0, 0)

    def refresh(self) -> None:
        for widget in self.findChildren(QtWidgets.QPushButton):
            if widget.property("masked"):
                widget.setEnabled(self.window_.masked)

    def offer(self, nets: Nets) -> None:
        """Offer what nets can do, once they were found."""


def masked(made: Any) -> Any:
    made.setProperty("masked", True)
    return made


class Remove(Task):
    """Fill what the mask covers."""

    def __init__(self, window: Any) -> None:
        self.method = choice(methods(learned=False), GOOD_AT)
        self.grow = QtWidgets.QSpinBox(maximum=100, suffix=" px", toolTip="Also fill so far beyond the mask")
        self.feather = QtWidgets.QSpinBox(maximum=100, suffix=" px", toolTip="Fade out over so many pixels")
        super().__init__(
            window,
            "Paint over what should go. Every tool but the hand adds to the mask, with Alt it takes away.",
            {"Method": self.method, "Grow mask": self.grow, "Feather": self.feather},
            masked(button("Remove", self.remove, primary=True)),
            masked(button("Compare all methods…", window.compare_methods)),
            None,
        )

    def offer(self, nets: Nets) -> None:
        if nets.inpaint:
            place = methods(learned=True).index("learned")
            self.method.insertItem(place, f"learned – {GOOD_AT['learned']}", "learned")

    def methods(self) -> list[str]:
        return [self.method.itemData(index) for index in range(self.method.count())]

    def options(self) -> dict[str, Any]:
        return {"method": self.method.currentData(), "grow": self.grow.value(), "feather": self.feather.value()}

    def remove(self) -> None:
        self.window_.edit("Remove", edits.remove, self.window_.canvas.mask(), self.options())


class CutOut(Task):
    """From the mask to a layer, and from a layer into the picture."""

    def __init__(self, window: Any) -> None:
        self.how = choice(list(edits.MERGES))
        self.merge_button = button("Merge down", self.merge)
        super().__init__(
            window,
            "Select a thing, put it on a layer, move it and blend it. A seamless merge takes on the colours around.",
            {},
            masked(button("Copy to a new layer", partial(self.cut, leave=True), primary=True)),
            masked(button("Cut to a new layer", partial(self.cut, leave=False))),
            button("Paste a picture…", window.paste_file),
            label("Merge with the layer below", "heading"),
            self.how,
            self.merge_button,
            None,
        )

    def cut(self, *, leave: bool) -> None:
        self.window_.edit("Cut out", edits.cut_out, self.window_.canvas.mask(soft=True), leave=leave)

    def merge(self) -> None:
        self.window_.edit("Merge", edits.merge_down, self.how.currentData())

    def refresh(self) -> None:
        super().refresh()
        document = self.window_.document
        self.merge_button.setEnabled(document is not None and document.state.active > 0)


def of_painting(path: Path, iterations: int) -> dict[str, Any]:
    """The style of any picture, by a net that takes pictures if there is one; else by optimisation."""
    paired = any(ie.models.info(name).family == "pair" for name in ie.models.names(task="style"))
    return {"style": ie.read(path)} | ({} if paired else {"method": "gatys", "iterations": iterations})


def painted(state: State, parameters: dict[str, Any], progress: Any = None) -> tuple[np.ndarray, Any]:
    """The active layer in a style, and what all layers make with that."""
    painting = ie.stylize(state.layer.image, **parameters, progress=progress)
    return painting, imgedit.qt.Pyramid.of(picture(state.edited("Style", image=painting)))


def thumb(state: State, parameters: dict[str, Any], progress: Any = None) -> np.ndarray:
    """The photo itself, small, in a style."""
    small = ie.resize(picture(state), (2 * THUMB, 2 * THUMB), fit="cover")
    small = ie.convert(small, channels="rgb", depth=8, background="white")
    return ie.stylize(small, **parameters, progress=progress)


class Styles(Task):
    """A gallery of styles; the picture with the painting in it lies above the other, at a strength seen at once."""

    def __init__(self, window: Any) -> None:
        self.known, self._shown, self.preview = {}, None, None
        self.place = column()
        self.colors, self.strength = choice(list(COLORS)), slider(maximum=100, value=80)
        self.steps = QtWidgets.QSpinBox(
            minimum=10, maximum=1000, value=60, suffix=" steps", toolTip="Where no net paints it"
        )
        self.strength.valueChanged.connect(self._strengthen)
        self.buttons = [button("Apply", self.apply, primary=True), button("Discard", self.drop)]
        super().__init__(
            window,
            "Choose a style, then drag the strength.",
            {"Colours": self.colors, "Strength": self.strength},
            self.place,
            row(button("A painting…", self.open_painting), self.steps),
            row(*self.buttons),
        )
        self._worker = imgedit.qt.Worker()
        self._worker.finished.connect(self._show_thumb)
        self._worker.failed.connect(partial(window.report, "Previews of the styles"))

    def offer(self, nets: Nets) -> None:
        self.known = nets.styles
        if not self.known:
            self.place.addWidget(label("No net for styles is installed.", "faint"))
            self.place.addStretch()
            return
        self.gallery = imgedit.qt.Gallery(self.known, side=THUMB)
        self.gallery.chosen.connect(lambda name: self.paint(name, self.known[name]))
        self.place.addWidget(self.gallery)
        self.refresh()

    def paint(self, name: str, style: dict[str, Any]) -> None:
        self.drop()
        colors = COLORS[self.colors.currentText()]
        parameters = style | ({"keep_color": colors} if colors else {})

        def show(result: tuple[np.ndarray, Any]) -> None:
            self.preview = result[0], parameters
            self.window_.canvas.set_overlay(result[1], opacity=self.strength.value() / 100)
            self.refresh()

        self.window_.start(f"Style {name}", show, painted, self.window_.document.state, parameters)

    def open_painting(self) -> None:
        if (path := imgedit.qt.ask_open(self, "A painting")) is not None:
            self.window_.guarded("Style", lambda: self.paint(path.stem, of_painting(path, self.steps.value())))

    def apply(self) -> None:
        painting, parameters = self.preview
        self.window_.edit("Style", edits.mix_in, painting, self.strength.value() / 100, parameters)

    def drop(self) -> None:
        if self.preview:
            self.window_.canvas.set_overlay(None)
        self.preview = None
        self.refresh()

    def _strengthen(self, value: int) -> None:
        if self.preview:
            self.window_.canvas.overlay_opacity = value / 100

    def refresh(self) -> None:
        for made in self.buttons:
            made.setEnabled(self.preview is not None)
        document = self.window_.document
        if self.known and document and document is not self._shown and self.window_.tasks.currentWidget() is self:
            self._shown = document
            self._worker.cancel()
            self._waiting = list(self.known)
            self._next_thumb()

    def _next_thumb(self) -> None:
        if self._waiting:
            self._worker.start(thumb, self._shown.state, self.known[self._waiting[0]])

    def _show_thumb(self, small: np.ndarray) -> None:
        self.gallery.set_image(self._waiting.pop(0), small)
        self._next_thumb()

    def cancel(self) -> None:
        self._worker.cancel()


class Enlarge(Task):
    """Enlarge by a net."""

    def __init__(self, window: Any) -> None:
        self.factor = QtWidgets.QDoubleSpinBox(minimum=1.1, maximum=8, value=2, decimals=1, suffix=" ×")
        self.factor.valueChanged.connect(self.refresh)
        self.model = choice(["the best for the factor"])
        self.sizes = label("", "faint")
        super().__init__(
            window,
            "Enlarge with a network that was trained on photos. All layers become one.",
            {"Factor": self.factor, "Net": self.model},
            self.sizes,
            button("Enlarge", self.enlarge, primary=True),
            None,
        )

    def offer(self, nets: Nets) -> None:
        for name in nets.superres:
            self.model.addItem(name, name)

    def enlarge(self) -> None:
        model = self.model.currentData() if self.model.currentIndex() else None
        self.window_.edit("Enlarge", edits.enlarge, self.factor.value(), model)

    def refresh(self) -> None:
        if self.window_.document:
            (height, width), factor = self.window_.document.state.size, self.factor.value()
            self.sizes.setText(f"{width} × {height} px  →  {round(width * factor)} × {round(height * factor)} px")


TASKS = {"Remove": Remove, "Cut out": CutOut, "Style": Styles, "Enlarge": Enlarge}
