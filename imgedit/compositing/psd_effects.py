"""Layer effects of Photoshop documents: psd-tools' descriptors become the dataclasses of ``paints``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from imgedit.compositing.dressing import Effect
from imgedit.compositing.gradients import STYLES
from imgedit.compositing.overlays import ColorOverlay, GradientOverlay, PatternOverlay
from imgedit.compositing.paints import (
    Bevel,
    DropShadow,
    InnerGlow,
    InnerShadow,
    OuterGlow,
    Satin,
    Stroke,
)
from imgedit.compositing.psd_adjustments import descriptor_color

__all__ = ["EFFECTS", "effect_views", "has_effects", "mode_of", "unread_parts"]

# Photoshop's blur of a size has a sigma of 0.43 of it (fitted to shadows that it drew, within a level); ours has half.
BLUR = 0.86


def mode_of(mode: Any) -> str:
    """Give our name of a blend mode."""
    name = mode.name.lower().replace("_", "-")
    return "normal" if name == "pass-through" else name


def has_effects(record: Any) -> bool:
    """Tell whether a layer describes its effects, enabled or not."""
    return _described(record) is not None


def _described(record: Any) -> Any:
    from psd_tools.constants import Tag
    from psd_tools.psd.descriptor import Descriptor

    names = (
        "OBJECT_BASED_EFFECTS_LAYER_INFO",
        "OBJECT_BASED_EFFECTS_LAYER_INFO_V0",
        "OBJECT_BASED_EFFECTS_LAYER_INFO_V1",
    )
    blocks = (record.tagged_blocks.get_data(getattr(Tag, name)) for name in names)
    return next((found for found in blocks if isinstance(found, Descriptor)), None)


def effect_views(record: Any) -> Iterable[Any]:
    """Wrap each effect's descriptor; older Photoshops leave out the flag that psd-tools lists them by."""
    from psd_tools.api.effects import _TYPES
    from psd_tools.psd.descriptor import Descriptor, List

    block = _described(record)
    if block is None or not bool(block.get(b"masterFXSwitch", True)):
        return
    for key in block:
        listed = block[key] if isinstance(block[key], List) else [block[key]]
        for one in listed:
            if isinstance(one, Descriptor) and one.classID in _TYPES and bool(one.get(b"present", True)):
                yield _TYPES[one.classID](one, record._psd.image_resources)


def unread_parts(effect: Any) -> Iterable[str]:
    """Name what an effect has that its dataclass has not."""
    descriptor = effect.descriptor
    if float(descriptor.get(b"Nose", 0)) > 0:
        yield "noise"
    if bool(descriptor.get(b"useTexture", False)):
        yield "texture"
    for key in (b"TrnS", b"MpgS"):
        curve = descriptor.get(key)
        points = [(float(p[b"Hrzn"]), float(p[b"Vrtc"])) for p in curve[b"Crv "]] if curve and b"Crv " in curve else []
        # Satin starts from a contour called Gaussian, which ours is near to; the others from a straight one.
        usual = type(effect).__name__ == "Satin" and "Gaussian" in str(curve.get(b"Nm  ", "") if curve else "")
        if any(x != y for x, y in points) and not usual:
            yield "contour"


def _light(effect: Any) -> tuple[float, float]:
    """Offset of a shadow: away from the light, y downwards."""
    turn = np.deg2rad(float(effect.angle))
    return -float(effect.distance) * float(np.cos(turn)), float(effect.distance) * float(np.sin(turn))


def _style(effect: Any) -> dict[str, Any]:
    return {"opacity": float(effect.opacity) / 100, "mode": mode_of(effect.blend_mode)}


def _soft(effect: Any) -> dict[str, Any]:
    return {
        **_style(effect),
        "color": descriptor_color(effect.color),
        "size": float(effect.size) * BLUR,
        "spread": float(effect.choke) / 100,
    }


def _drop_shadow(effect: Any, _: Any) -> Effect:
    return DropShadow(offset=_light(effect), knockout=bool(effect.layer_knocks_out), **_soft(effect))


def _inner_shadow(effect: Any, _: Any) -> Effect:
    return InnerShadow(offset=_light(effect), **_soft(effect))


def _outer_glow(effect: Any, _: Any) -> Effect:
    return OuterGlow(**_soft(effect))


def _inner_glow(effect: Any, _: Any) -> Effect:
    center = effect.glow_source is not None and effect.glow_source.name == "CENTER"
    return InnerGlow(source="center" if center else "edge", **_soft(effect))


def _color_overlay(effect: Any, _: Any) -> Effect:
    return ColorOverlay(color=descriptor_color(effect.color), **_style(effect))


def _gradient_overlay(effect: Any, _: Any) -> Effect | None:
    return _gradient(effect, **_style(effect))


def _gradient(effect: Any, **style: Any) -> GradientOverlay | None:
    stops = _gradient_stops(effect.gradient)
    name = None if effect.type is None else effect.type.name.lower().replace("_", "-")
    if stops is None or name is None or name not in STYLES:
        return None
    positions, colors = stops
    if effect.reversed:
        positions, colors = [1 - p for p in reversed(positions)], colors[::-1]
    return GradientOverlay(
        colors=tuple(colors),
        positions=tuple(positions),
        style=name,
        angle=float(effect.angle),
        scale=float(effect.descriptor.get(b"Scl ", 100)) / 100,
        **style,
    )


def _gradient_stops(gradient: Any) -> tuple[list[float], list[tuple[float, ...]]] | None:
    """Colour and transparency stops merged into one list of colours with alpha."""
    from psd_tools.terminology import Key

    if Key.Colors not in gradient:
        return None
    colors = [(float(s[Key.Location]) / 4096, descriptor_color(s[Key.Color])) for s in gradient[Key.Colors]]
    clear = [(float(s[Key.Location]) / 4096, float(s[Key.Opacity]) / 100) for s in gradient[Key.Transparency]]
    positions = sorted({p for p, _ in colors} | {p for p, _ in clear} | {0.0, 1.0})
    planes = [np.interp(positions, [p for p, _ in colors], [c[i] for _, c in colors]) for i in range(3)]
    planes.append(np.interp(positions, [p for p, _ in clear], [a for _, a in clear]))
    return positions, [tuple(float(v) for v in row) for row in np.transpose(planes)]


def _pattern_overlay(effect: Any, document: Any) -> Effect | None:
    return _pattern(effect, document, **_style(effect))


def _pattern(effect: Any, document: Any, **style: Any) -> PatternOverlay | None:
    from psd_tools.composite.paint import draw_pattern_fill

    pixels, shape = draw_pattern_fill((0, 0, document.width, document.height), document, effect.descriptor)
    if pixels is None:
        return None
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    cover = np.ones((*pixels.shape[:2], 1), np.float32) if shape is None else shape
    return PatternOverlay(np.concatenate([pixels, cover], axis=2).astype(np.float32), **style)


def _stroke(effect: Any, document: Any) -> Effect | None:
    place = {"INSIDE": "inside", "CENTER": "center", "OUTSIDE": "outside"}
    position: Any = place[effect.position.name]
    kind = "SOLID_COLOR" if effect.fill_type is None else effect.fill_type.name
    fill: Any = None
    if kind != "SOLID_COLOR":
        fill = _gradient(effect) if kind == "GRADIENT" else _pattern(effect, document)
        if fill is None:
            return None
    color = descriptor_color(effect.color) if fill is None else "black"
    return Stroke(color=color, size=float(effect.size), position=position, fill=fill, **_style(effect))


def _satin(effect: Any, _: Any) -> Effect:
    return Satin(
        color=descriptor_color(effect.color),
        angle=float(effect.angle),
        distance=float(effect.distance),
        size=float(effect.size) * BLUR,
        invert=bool(effect.inverted),
        **_style(effect),
    )


def _bevel(effect: Any, _: Any) -> Effect:
    down = effect.direction is not None and effect.direction.name == "DOWN"
    depth = float(effect.depth) / 100
    return Bevel(
        size=max(float(effect.size), 0.5),
        depth=min(-depth if down else depth, 10),
        angle=float(effect.angle),
        altitude=float(effect.altitude),
        soften=float(effect.soften),
        highlight=descriptor_color(effect.highlight_color),
        shadow=descriptor_color(effect.shadow_color),
        opacity=float(effect.highlight_opacity) / 100,
        highlight_mode=mode_of(effect.highlight_mode),
        shadow_mode=mode_of(effect.shadow_mode),
    )


EFFECTS: tuple[tuple[str, Callable[[Any, Any], Effect | None]], ...] = (
    ("DropShadow", _drop_shadow),
    ("OuterGlow", _outer_glow),
    ("PatternOverlay", _pattern_overlay),
    ("GradientOverlay", _gradient_overlay),
    ("ColorOverlay", _color_overlay),
    ("InnerGlow", _inner_glow),
    ("Satin", _satin),
    ("InnerShadow", _inner_shadow),
    ("BevelEmboss", _bevel),
    ("Stroke", _stroke),
)
