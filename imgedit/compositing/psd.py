"""Read Photoshop documents through psd-tools: its records become layers, groups, masks, effects and adjustments.

psd-tools parses the file; what is on the canvas is composited by ``flatten``. Pixels are those that Photoshop stored,
also for text, smart objects and shapes. Grey and RGB are taken as the document has them, CMYK goes through its profile
layer by layer; 8 bit becomes uint8, 16 bit uint16, 32 bit float32.
"""

from __future__ import annotations

import functools
import struct
import warnings
from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import lab_to_srgb
from imgedit.compositing.dressing import Effect
from imgedit.compositing.layers import Group, Item, Layer, Stack
from imgedit.compositing.psd_adjustments import descriptor_color, read_adjustment
from imgedit.compositing.psd_effects import EFFECTS, effect_views, has_effects, mode_of, unread_parts
from imgedit.errors import ArgumentError, MissingExtraError, NotAnImageError
from imgedit.io import files, profiles
from imgedit.pixels import Image, like

__all__ = ["read_psd"]

Floats = NDArray[np.float32]
T = TypeVar("T")

# psd-tools reads a few dozen bytes by position: what a damaged file can raise on the way is open-ended.
DAMAGE = (ValueError, KeyError, IndexError, TypeError, AttributeError, OSError, EOFError, struct.error, AssertionError)


def read_psd(path: str | PathLike[str]) -> Stack:
    """Read the layers of a PSD or PSB file.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    Stack
        Its layers from the lowest; one layer with the stored picture if the file has none. Its notes, each also a
        warning, name every layer of which something is not read, or read otherwise than Photoshop means it.

    Raises
    ------
    MissingExtraError
        psd-tools is not installed.
    NotAnImageError
        Not a Photoshop document, or a damaged one.
    UnsupportedFormatError
        A kind of document that can't be read as layers of grey or RGB.
    """
    try:
        import psd_tools
    except ImportError:
        raise MissingExtraError("psd-tools", "psd", "reading Photoshop documents") from None
    with open(path, "rb") as file:
        try:
            document = psd_tools.PSDImage.open(file)
            reader = _Reader(document, files.show(path))
            layers = tuple(reader.items(document)) if len(document) else (reader.merged(),)
        except DAMAGE as error:
            raise NotAnImageError(path, f"is not a Photoshop document that can be read ({error})") from error
    for note in reader.notes:
        warnings.warn(f"{path}: {note}", UserWarning, stacklevel=3)
    fixed = int(len(document) > 0 and _is_background(document[0]))
    return Stack(layers, (document.height, document.width), fixed, notes=tuple(reader.notes))


def _is_background(record: Any) -> bool:
    """Photoshop's Background layer has no transparency channel at all."""
    from psd_tools.constants import ChannelID

    return all(channel.id != ChannelID.TRANSPARENCY_MASK for channel in record._record.channel_info)


def _is_adjustment(record: Any) -> bool:
    """Also one that we can't apply: what is stored as its pixels is never shown."""
    from psd_tools.api.adjustments import AdjustmentLayer

    return isinstance(record, AdjustmentLayer)


# What changes a picture and is not read: tag -> (whether its value does, given what the layer is; what it is).
UNREAD: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "CHANNEL_BLENDING_RESTRICTIONS_SETTING": (lambda value, _: bool(value), "a restriction to some channels"),
    "BLEND_CLIPPING_ELEMENTS": (
        lambda value, record: not value and record.has_clip_layers(),
        "blending the clipped layers apart from it",
    ),
    "BLEND_INTERIOR_ELEMENTS": (
        lambda value, record: bool(value) and any(view.enabled for view in effect_views(record)),
        "blending inner effects as a group",
    ),
    "EFFECTS_LAYER": (
        lambda value, record: not has_effects(record) and any(getattr(one, "enabled", 0) for one in value.values()),
        "effects of Photoshop 5",
    ),
    "HUE_SATURATION_V4": (lambda _, record: record.kind == "pixel", "hue and saturation of Photoshop 4"),
    "BRIGHTNESS_AND_CONTRAST": (lambda _, record: record.kind == "pixel", "brightness and contrast of Photoshop 4"),
}

# Layers that may well have no pixels: there is nothing to leave away.
EMPTY = ("pixel", "type", "shape", "smartobject")


class _Reader:
    """Turns the records of one document into items."""

    def __init__(self, document: Any, name: str) -> None:
        from psd_tools.constants import Resource

        self.document = document
        self.dtype = {1: np.uint8, 8: np.uint8, 16: np.uint16, 32: np.float32}[document.depth]
        self.to_rgb = COLOR_MODES.get(document.color_mode.name)
        self.size = (document.height, document.width)
        self.notes: list[str] = []
        icc = document.image_resources.get_data(Resource.ICC_PROFILE)
        if document.color_mode.name == "CMYK":
            self.to_rgb = functools.partial(_cmyk, icc=icc, name=name)
            self.notes.append("CMYK layers are brought to sRGB one by one, and blend there")
        elif document.color_mode.name in ("RGB", "GRAYSCALE") and not profiles.is_srgb(icc):
            self.notes.append(f"colours stay in the profile {profiles.profile_name(icc)!r}, and are not sRGB")

    def items(self, records: Iterable[Any]) -> Iterable[Item]:
        for record in records:
            item = self._group(record) if record.is_group() else self._layer(record)
            if item is not None:
                yield item

    def merged(self) -> Layer:
        """Take the stored picture of a document without layers."""
        if self.to_rgb is not None:
            image = self._like(self.document.numpy("color"), self._shape_of(self.document))
        else:
            image = _from_pillow(self.document.topil(apply_icc=False), self.dtype)
        return Layer(image, name="Background")

    def _shape_of(self, record: Any) -> Floats | None:
        shape = record.numpy("shape")
        return None if shape is None or (shape == 1).all() else shape

    def _like(self, color: Floats, shape: Floats | None) -> Image:
        assert self.to_rgb is not None
        color = self.to_rgb(color)
        if shape is not None and color.shape[2] == 1:
            color = np.repeat(color, 3, axis=2)
        values = color if shape is None else np.concatenate([color, shape], axis=2)
        return like(values[..., 0] if values.shape[2] == 1 else values, self.dtype)

    def _common(self, record: Any) -> dict[str, Any]:
        from psd_tools.constants import Tag

        fill = record.tagged_blocks.get_data(Tag.BLEND_FILL_OPACITY, 255)
        for tag, (counts, what) in UNREAD.items():
            value = record.tagged_blocks.get_data(getattr(Tag, tag))
            if value is not None and counts(value, record):
                self._note(record, what)
        return {
            "opacity": record.opacity / 255,
            "fill": float(fill) / 255,
            "clip": bool(record.clipping),
            "visible": bool(record.visible),
            "name": record.name,
            "effects": tuple(self._effects(record)),
        }

    def _group(self, record: Any) -> Group:
        common = self._common(record)
        if self._blend_if(record) is not None:
            self._note(record, "blend-if")
        if self._knockout(record) != "none":
            self._note(record, "knockout")
        layers: tuple[Item, ...] = tuple(self.items(record))
        passes = record.blend_mode.name == "PASS_THROUGH"
        mask = self._mask(record, (0, 0, self.document.width, self.document.height))
        if record.kind == "artboard":
            layers, mask = self._artboard(record, layers)
            passes = False
        return Group(
            layers,
            isolation="pass-through" if passes else "isolated",
            mode="normal" if passes else mode_of(record.blend_mode),
            mask=mask,
            **common,
        )

    def _artboard(self, record: Any, layers: tuple[Item, ...]) -> tuple[tuple[Item, ...], Floats]:
        """Clip an artboard to its box and give it its paper."""
        left, top, right, bottom = record.bbox
        mask = np.zeros(self.size, np.float32)
        mask[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = 1
        color = _artboard_color(record)
        if color is None:
            return layers, mask
        paper = np.empty((*self.size, 3), self.dtype)
        paper[:] = like(np.array([[color]], np.float32), self.dtype)[0, 0]
        return (Layer(paper, name="paper"), *layers), mask

    def _layer(self, record: Any) -> Layer | None:
        common = self._common(record)
        mode = mode_of(record.blend_mode)
        knockout, ranges = self._knockout(record), self._blend_if(record)
        adjustment = self._try(record, record.kind, lambda: read_adjustment(record))
        canvas = (0, 0, self.document.width, self.document.height)
        if adjustment is not None:
            if ranges is not None:
                self._note(record, "blend-if")
            if knockout != "none":
                self._note(record, "knockout")
            return Layer(None, adjustment=adjustment, mode=mode, mask=self._mask(record, canvas), **common)
        found = None if _is_adjustment(record) else self._pixels(record)
        if found is None:
            if record.kind not in EMPTY:
                self._note(record, record.kind)
            return None
        image, box = found
        mask = self._mask(record, box)
        if ranges is not None and common["effects"]:
            self._note(record, "blend-if, which does not go with effects,")
            ranges = None
        return Layer(image, mode=mode, mask=mask, offset=(box[0], box[1]), blend_if=ranges, knockout=knockout, **common)

    def _knockout(self, record: Any) -> Any:
        from psd_tools.constants import Tag

        return {1: "shallow", 2: "deep"}.get(int(record.tagged_blocks.get_data(Tag.KNOCKOUT_SETTING, 0)), "none")

    def _try(self, record: Any, what: str, read: Callable[[], T]) -> T | None:
        """Leave away a part of a layer that can't be read, as every reader of the format does, but note it."""
        try:
            return read()
        except (ArgumentError, *DAMAGE):
            self._note(record, what)
            return None

    def _effects(self, record: Any) -> Iterable[Effect]:
        """List the enabled effects, from the lowest to the topmost as Photoshop stacks them."""
        views = [view for view in effect_views(record) if view.enabled]
        for kind in sorted({type(view).__name__ for view in views} - {name for name, _ in EFFECTS}):
            self._note(record, kind)
        for name, convert in EFFECTS:
            for view in views:
                if type(view).__name__ == name:
                    made = self._try(record, name, functools.partial(convert, view, self.document))
                    if made is None:
                        self._note(record, name)
                        continue
                    for part in unread_parts(view):
                        self._note(record, f"the {part} of {name}")
                    yield made

    def _blend_if(self, record: Any) -> dict[str, Any] | None:
        """Read blending ranges: grey, then each channel; for the layer, then for what lies below."""
        stored = record._record.blending_ranges
        pairs = [stored.composite_ranges, *(stored.channel_ranges or ())] if stored.composite_ranges else []
        channels = ("gray", "red", "green", "blue") if self.document.color_mode.name == "RGB" else ("gray",)
        found = {}
        for n, pair in enumerate(pairs):
            ranges = [tuple(level / 255 for word in limits for level in divmod(word, 256)) for limits in pair]
            if any(limits != (0, 0, 1, 1) for limits in ranges):
                if n >= len(channels):
                    self._note(record, f"the blending range of channel {n}")
                else:
                    found[channels[n]] = tuple(ranges)
        return found or None

    def _note(self, record: Any, what: str) -> None:
        note = f"layer {record.name!r}: {what} was left away"
        if note not in self.notes:
            self.notes.append(note)

    def _pixels(self, record: Any) -> tuple[Image, tuple[int, int, int, int]] | None:
        """Find stored pixels, or those of a fill layer, and their box on the canvas."""
        if record.has_pixels() and record.width > 0 and record.height > 0:
            color = record.numpy("color")
            if self.to_rgb is not None and color is not None:
                return self._like(color, record.numpy("shape")), record.bbox
            picture = record.topil(apply_icc=False)
            return None if picture is None else (_from_pillow(picture, self.dtype), record.bbox)
        return self._fill(record)

    def _fill(self, record: Any) -> tuple[Image, tuple[int, int, int, int]] | None:
        from psd_tools.composite import paint
        from psd_tools.composite.utils import has_fill

        if not has_fill(record) or self.to_rgb is None:
            return None
        box = (
            record.bbox if record.width > 0 and record.height > 0 else (0, 0, self.document.width, self.document.height)
        )
        color, shape = self._try(record, "fill", lambda: paint.create_fill(record, box)) or (None, None)
        return None if color is None else (self._like(np.asarray(color, np.float32), shape), box)

    def _mask(self, record: Any, box: tuple[int, int, int, int]) -> Floats | None:
        """User mask and vector mask on a box, as far as the stored pixels do not hold them already."""
        cover: Floats | None = None
        mask = record.mask
        if mask is not None and not mask.disabled and not _repeats_shape(record):
            stored = record.numpy("mask", real_mask=True)
            cover = np.full((box[3] - box[1], box[2] - box[0]), mask.background_color / 255, np.float32)
            if stored is not None:
                _paste(cover, stored[..., 0], mask.bbox, box)
            cover = _parametrized(cover, mask)
        vector = record.vector_mask
        if vector is None or vector.disabled or not _needs_path(record):
            return cover
        from psd_tools.composite.vector import draw_vector_mask

        path = np.asarray(draw_vector_mask(record, box), np.float32)[..., 0]
        density = getattr(getattr(mask, "parameters", None), "vector_mask_density", None)
        if density is not None:
            path = path * np.float32(density / 255) + np.float32(1 - density / 255)
        return path if cover is None else cover * path


def _cmyk(inks: Floats, icc: bytes | None, name: str) -> Floats:
    """Turn what the inks leave of white into sRGB through the document's profile."""
    import PIL.Image

    levels = np.ascontiguousarray(np.rint((1 - inks[..., :4]) * 255).astype(np.uint8))
    picture = PIL.Image.frombytes("CMYK", levels.shape[1::-1], levels.tobytes())
    return np.asarray(profiles.cmyk_to_srgb(picture, icc, name), np.float32) / np.float32(255)


def _lab(values: Floats) -> Floats:
    """Turn Lab as files hold it (lightness over the full range, a and b around the middle) into sRGB."""
    scaled = values * np.array([100, 255, 255], np.float32) - np.array([0, 128, 128], np.float32)
    return np.asarray(np.clip(lab_to_srgb(scaled), 0, 1), np.float32)


COLOR_MODES: dict[str, Callable[[Floats], Floats]] = {
    "RGB": lambda color: color,
    "GRAYSCALE": lambda color: color,
    "DUOTONE": lambda color: color,
    "BITMAP": lambda color: color,
    "LAB": _lab,
}


def _from_pillow(picture: Any, dtype: Any) -> Image:
    """Convert what is left (indexed, multichannel) as Pillow does."""
    clear = "A" in picture.getbands() or "transparency" in picture.info
    values = np.asarray(picture.convert("RGBA" if clear else "RGB"))
    return like(values.astype(np.float32) / 255, dtype)


def _paste(onto: Floats, values: Floats, place: tuple[int, int, int, int], box: tuple[int, int, int, int]) -> None:
    left, top = max(place[0], box[0]), max(place[1], box[1])
    right, bottom = min(place[2], box[2]), min(place[3], box[3])
    if left < right and top < bottom:
        part = values[top - place[1] : bottom - place[1], left - place[0] : right - place[0]]
        onto[top - box[1] : bottom - box[1], left - box[0] : right - box[0]] = part


def _parametrized(cover: Floats, mask: Any) -> Floats:
    parameters = mask.parameters
    if parameters is None:
        return cover
    feather = parameters.user_mask_feather
    if feather and not mask.has_real():
        cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), float(feather), borderType=cv2.BORDER_REPLICATE), np.float32)
    density = parameters.user_mask_density
    return cover if density is None else cover * np.float32(density / 255) + np.float32(1 - density / 255)


def _repeats_shape(record: Any) -> bool:
    """Shape and fill layers store their coverage twice, as transparency and as mask; it must count once."""
    mask = record.mask
    if record.kind not in ("shape", "solidcolorfill", "gradientfill", "patternfill") or not record.has_pixels():
        return False
    if mask.real_flags is not None or mask.bbox != record.bbox:
        return False
    stored, shape = record.numpy("mask"), record.numpy("shape")
    return stored is not None and shape is not None and np.array_equal(stored, shape)


def _needs_path(record: Any) -> bool:
    if record.is_group() or not record.has_pixels():
        return True
    filled = record.kind in ("shape", "solidcolorfill", "gradientfill", "patternfill")
    return not filled and not (record.mask is not None and record.mask.has_real())


def _artboard_color(record: Any) -> tuple[float, float, float] | None:
    from psd_tools.constants import Tag

    for tag in (Tag.ARTBOARD_DATA1, Tag.ARTBOARD_DATA2, Tag.ARTBOARD_DATA3):
        data = record.tagged_blocks.get_data(tag)
        if data is None:
            continue
        kind = int(data.get(b"artboardBackgroundType", 1))
        if kind == 3:
            return None
        if kind in (1, 2):
            return (1.0, 1.0, 1.0) if kind == 1 else (0.0, 0.0, 0.0)
        return descriptor_color(data.get(b"Clr "))
    return (1.0, 1.0, 1.0)
