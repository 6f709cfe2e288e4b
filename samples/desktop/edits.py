"""The edits: functions of a state and parameters that give a new state. They run on a worker's thread."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import imgedit as ie
from desktop.document import State, picture

MERGES = {"as shown": "", "seamless": "import", "seamless, mixed": "mixed", "seamless, texture only": "monochrome"}


def remove(state: State, mask: np.ndarray, options: dict[str, Any], *, progress: Any = None) -> State:
    """Fill what the mask covers of the active layer from its surroundings."""
    hole = over_layer(mask, state.layer)
    filled = ie.inpaint(state.layer.image, hole, **options, progress=progress)
    return state.edited(f"Remove ({options['method']})", ie.Step("inpaint", mask=mask, **options), mask, image=filled)


def replace_inside(
    state: State, mask: np.ndarray, options: dict[str, Any], box: tuple[slice, slice], part: Any
) -> State:
    """Take a fill that was computed before: `part` is what stands in `box` then."""
    filled = state.layer.image.copy()
    filled[box] = part
    return state.edited(f"Remove ({options['method']})", ie.Step("inpaint", mask=mask, **options), mask, image=filled)


def cut_out(state: State, mask: np.ndarray, *, leave: bool) -> State:
    """Put what the mask (float32 coverage) covers of the active layer on a layer of its own; `leave` it there too."""
    layer = state.layer
    inside = over_layer(mask, layer)
    rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    if not len(rows):
        raise ie.errors.ImageError("mask", "covers nothing of this layer", "choose the layer that lies below the mask")
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    piece = ie.erase(layer.image[box], 1 - inside[box])
    x, y = layer.offset or (0, 0)
    place = (int(columns[0]) + x, int(rows[0]) + y)
    if not leave:
        state = state.edited("Cut", ie.Step("erase", mask=mask), image=ie.erase(layer.image, inside))
    title = "Copy to layer" if leave else "Cut to layer"
    return replace(state.with_layer(ie.Layer(piece, offset=place, name="Cut-out"), title), mask=mask > 0.5)


def over_layer(mask: np.ndarray, layer: ie.Layer) -> np.ndarray:
    """Part of a mask of the canvas that lies over a layer."""
    x, y = layer.offset or (0, 0)
    height, width = layer.image.shape[:2]
    if (x, y, height, width) == (0, 0, *mask.shape):
        return mask
    part = np.zeros((height, width), mask.dtype)
    top, left, bottom, right = max(0, y), max(0, x), min(mask.shape[0], y + height), min(mask.shape[1], x + width)
    if bottom > top and right > left:
        part[top - y : bottom - y, left - x : right - x] = mask[top:bottom, left:right]
    return part


def paste(state: State, image: np.ndarray, name: str) -> State:
    """Put a picture in the middle, scaled down where it is larger than the canvas."""
    factor = min(1.0, *(canvas / own for canvas, own in zip(state.size, image.shape[:2], strict=True)))
    if factor < 1:
        image = ie.resize(image, scale=factor)
    y, x = ((canvas - own) // 2 for canvas, own in zip(state.size, image.shape[:2], strict=True))
    return state.with_layer(ie.Layer(image, offset=(x, y), name=name), f"Paste {name}")


def paste_file(state: State, path: Path) -> State:
    """Put a picture from a file in the middle."""
    return paste(state, ie.read(path), path.stem)


def merge_down(state: State, how: str, *, progress: Any = None) -> State:
    """Make one layer of the active one and the one below; seamless ones take the gradients of the upper (Poisson)."""
    index, upper, lower = state.active, state.layer, state.layers[state.active - 1]
    below = State(state.layers[:index], index - 1, state.steps)
    if MERGES[how]:
        x, y = lower.offset or (0, 0)
        alpha = upper.image[..., 3] if upper.image.shape[2:] == (4,) else np.ones(upper.image.shape[:2], bool)
        given = {"source": upper.image, "mask": alpha, "mode": MERGES[how]}
        place = (upper.offset[0] - x, upper.offset[1] - y)
        merged = ie.seamless_clone(target=lower.image, offset=place, **given, progress=progress)
        done = below.edited(f"Merge ({how})", ie.Step("seamless_clone", offset=upper.offset, **given), image=merged)
    elif lower.offset is None:
        given = {"source": upper.image, "mode": upper.mode, "opacity": upper.opacity, "offset": upper.offset}
        done = below.edited("Merge down", ie.Step("blend", **given), image=ie.blend(lower.image, **given))
    else:
        left, top, right, bottom = _around(lower, upper)
        both = [replace(layer, offset=(layer.offset[0] - left, layer.offset[1] - top)) for layer in (lower, upper)]
        merged = ie.flatten(both, size=(bottom - top, right - left), progress=progress)
        done = below.edited("Merge down", image=merged, offset=(left, top), mode="normal", opacity=1.0)
    return replace(done, layers=done.layers + state.layers[index + 1 :])


def _around(*layers: ie.Layer) -> tuple[int, int, int, int]:
    boxes = [
        (*layer.offset, layer.offset[0] + layer.image.shape[1], layer.offset[1] + layer.image.shape[0])
        for layer in layers
    ]
    return (*(min(box[n] for box in boxes) for n in (0, 1)), *(max(box[n] for box in boxes) for n in (2, 3)))


def mix_in(state: State, painting: np.ndarray, strength: float, step: dict[str, Any]) -> State:
    """Let a painting of the active layer take its place, at a strength."""
    image = ie.to_float(state.layer.image)
    image += np.float32(strength) * (ie.to_float(painting) - image)
    back = {"uint8": ie.to_uint8, "uint16": ie.to_uint16, "float32": ie.to_float}[painting.dtype.name]
    return state.edited("Style", ie.Step("stylize", **step, strength=strength), image=back(image))


def enlarge(state: State, scale: float, model: str | None, *, progress: Any = None) -> State:
    """Enlarge the picture that all layers make; it is one layer then."""
    given = {"scale": scale} | ({"model": model} if model else {})
    larger = ie.upscale(picture(state), **given, progress=progress)
    layer = ie.Layer(larger, name=state.layers[0].name)
    return State((layer,), 0, (*state.recipe_steps(), ie.Step("upscale", **given)), f"Enlarge {scale:g}×")
