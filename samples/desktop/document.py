"""What is edited: layers on a canvas, how each state came about, and the way back. Knows nothing of Qt.

A state is never changed: an edit makes a new one, which shares all pixels that it leaves alone. So undo is a list, and
an edit can be computed on another thread while the old state is shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import imgedit as ie
from imgedit.pixels import full_range

# What the pixels of all states together may take; the oldest are forgotten.
MOST_BYTES = 2 * 2**30

LAYERED = (".ora", ".psd", ".psb")


@dataclass(frozen=True)
class State:
    """Layers from the lowest, which is the photo, to the topmost; what was done to the photo, as steps of a recipe."""

    layers: tuple[ie.Layer, ...]
    active: int = 0
    steps: tuple[ie.Step, ...] = ()
    title: str = "Open"
    mask: np.ndarray | None = None  # the mask that the last edit used, to be shown again when it is taken back

    @property
    def layer(self) -> ie.Layer:
        return self.layers[self.active]

    @property
    def size(self) -> tuple[int, int]:
        return self.layers[0].image.shape[:2]

    def edited(self, title: str, step: ie.Step | None = None, mask: Any = None, **changes: Any) -> State:
        """State with the active layer changed; `step` is what does the same to the photo."""
        layers = list(self.layers)
        layers[self.active] = replace(self.layer, **changes)
        steps = self.steps + ((step,) if step is not None and self.active == 0 else ())
        return State(tuple(layers), self.active, steps, title, mask)

    def with_layer(self, layer: ie.Layer, title: str) -> State:
        """State with a new layer above the active one, which is active then."""
        above = self.active + 1
        return State((*self.layers[:above], layer, *self.layers[above:]), above, self.steps, title)

    def recipe_steps(self) -> tuple[ie.Step, ...]:
        """Steps that make this picture of the photo as it was opened."""
        photo, *others = self.layers
        if not photo.visible:
            raise ie.errors.RecipeError(
                "the photo itself is hidden, so there is nothing to repeat; show its layer first"
            )
        pasted = (
            ie.Step("blend", source=layer.image, mode=layer.mode, opacity=layer.opacity, offset=layer.offset)
            for layer in others
            if layer.visible
        )
        return (*self.steps, *pasted)


class Document:
    """States in the order in which they were made, and which of them is shown."""

    def __init__(self, first: State, path: Path, metadata: ie.Metadata | None = None) -> None:
        self.states, self.index = [first], 0
        self.path, self.metadata = path, metadata
        self.saved = first
        self.target: Path | None = None  # where "Save" writes; never the file that was opened, unless asked for

    @property
    def state(self) -> State:
        return self.states[self.index]

    def choose(self, index: int) -> None:
        """Make a layer the active one, which is no step of history."""
        self.states[self.index] = replace(self.state, active=index)

    def commit(self, state: State, *, amend: bool = False) -> None:
        """Go on from a state; with `amend` it replaces the last one if that did the same, as a dragged slider does."""
        del self.states[self.index + 1 :]
        if amend and self.index and self.state.title == state.title and self.state.layers is not self.saved.layers:
            self.states.pop()
        self.states.append(state)
        while len(self.states) > 2 and _bytes(self.states) > MOST_BYTES:
            del self.states[0]
        self.index = len(self.states) - 1


def _bytes(states: list[State]) -> int:
    arrays = {id(layer.image): layer.image.nbytes for state in states for layer in state.layers}
    masks = {id(state.mask): state.mask.nbytes for state in states if state.mask is not None}
    return sum((arrays | masks).values())


def open_document(path: Path) -> Document:
    """Read a photo with its metadata, or a document with its layers."""
    if path.suffix.lower() in LAYERED:
        return Document(State(_plain(ie.read_layers(path))), path)
    image, metadata = ie.read(path, with_metadata=True)
    return Document(State((ie.Layer(image, name="Photo"),)), path, metadata)


def _plain(stack: ie.Stack) -> tuple[ie.Layer, ...]:
    """Layers as they are, where all are of the kind that the panel can show; else one that shows what they make."""
    ground = stack[0] if len(stack) else None
    known = {"mode", "opacity", "offset", "visible", "name"}
    usual = all(isinstance(item, ie.Layer) and item.image is not None and _set(item) <= known for item in stack)
    if ground is None or not usual or ground.image.shape[:2] != stack.size or ground.offset not in (None, (0, 0)):
        return (ie.Layer(ie.flatten(stack), name="Flattened"),)
    image = ground.image
    if image.shape[2:] == (4,) and image[..., 3].min() == full_range(image.dtype):
        image = np.ascontiguousarray(image[..., :3])  # the format has alpha in any case; JPEG has none
    first = ie.Layer(image, visible=ground.visible, name=ground.name or "Photo")
    return (first, *(replace(item, offset=item.offset or (0, 0)) for item in stack[1:]))


def _set(layer: ie.Layer) -> set[str]:
    """Names of what a layer has that a new one has not."""
    fresh = vars(ie.Layer(layer.image))
    return {name for name, value in vars(layer).items() if value is not fresh[name] and value != fresh[name]}


def picture(state: State, progress: Any = None) -> np.ndarray:
    """What all layers make together."""
    layers = [layer for layer in state.layers if layer.visible]
    if layers == [state.layers[0]]:
        return state.layers[0].image
    return ie.flatten(layers, size=state.size, progress=progress)


def save(state: State, path: Path, metadata: ie.Metadata | None, progress: Any = None) -> None:
    """Write the picture with the photo's metadata, or its layers to OpenRaster."""
    if path.suffix.lower() == ".ora":
        ie.write_layers(path, state.layers, size=state.size)
    else:
        ie.write(path, picture(state, progress), metadata=metadata)


def save_recipe(state: State, path: Path) -> ie.Recipe:
    """Write what was done as a recipe, and the masks and layers that it needs as files in a folder beside it."""
    folder = path.with_name(path.stem + "-files")

    def kept(number: int, name: str, value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        folder.mkdir(exist_ok=True)
        file = folder / f"{number}-{name}.{'tif' if value.dtype == np.float32 else 'png'}"
        ie.write(file, np.uint8(255) * value if value.dtype == bool else value)
        return f"{folder.name}/{file.name}"

    steps = [
        ie.Step(step.op, **{name: kept(number, name, value) for name, value in step.parameters.items()})
        for number, step in enumerate(state.recipe_steps(), 1)
    ]
    recipe = ie.Recipe(steps, folder=path.parent)
    path.write_text(recipe.to_toml(), encoding="utf-8")
    return recipe
