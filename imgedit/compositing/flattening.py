"""Make one picture of a stack of layers: ``flatten``.

The canvas is worked through in strips, each from the lowest layer to the topmost, so that memory does not grow with the
number of layers. Within a strip everything is planes of float32 and ends in ``equation.composite`` or ``paints.dress``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import Color, parse_color
from imgedit.compositing.alpha_modes import ALPHA_MODES, dissolved
from imgedit.compositing.blend_if import share_shown
from imgedit.compositing.dressing import Frame, Paint, dress, join
from imgedit.compositing.equation import composite, to_pixels, to_planes
from imgedit.compositing.layers import Group, Item, Layer, Stack, clip_runs, placed, walk
from imgedit.compositing.noise import white_noise
from imgedit.compositing.spaces import SPACES
from imgedit.errors import ArgumentError, ImageError
from imgedit.pixels import LEAST_ALPHA, Image, Progress, check, check_number, describe, full_range, soft_mask
from imgedit.results import new_result
from imgedit.strips import STRIP_BYTES, each_strip

__all__ = ["flatten"]

Floats = NDArray[np.float32]
Planes = tuple[Floats, Floats | None]

# Pixels of a strip: a dozen planes of that many floats stay in a core's cache, and calls are few enough.
STRIP_PIXELS = 64 * 1024


def flatten(
    layers: Sequence[Item],
    *,
    size: tuple[int, int] | None = None,
    background: Color | None = None,
    space: Annotated[str, SPACES] = "srgb",
    seed: int = 0,
    progress: Progress | None = None,
) -> Image:
    """Make one picture of a stack of layers.

    Parameters
    ----------
    layers : sequence of Layer or Group
        From the lowest to the topmost: a list, or what ``read_layers`` gave.
    size : (int, int), optional
        Height and width of the canvas. Default: the document's, that of the lowest layer without offset and anchor, or
        what all layers without an anchor reach.
    background : str or tuple of float, optional
        Colour under all layers; default transparent.
    space : str
        Colour space to blend in: "srgb", "linear" or "oklab".
    seed : int
        At least 0; seeds the dissolve mode.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray
        The dtype of the lowest layer that has an image. Grey if all that is visible is grey. It has alpha unless the
        background, or the lowest layer, is opaque everywhere.

    Raises
    ------
    ImageError
        A layer, mask or result of an adjustment that does not fit.
    ArgumentError
        Something else than layers, a group that holds itself, no layer that could give a size.

    References
    ----------
    W3C (2024). Compositing and Blending Level 1. https://www.w3.org/TR/compositing-1/
    ISO 32000-1:2008 (PDF 1.7), 11.4 Transparency groups.

    Examples
    --------
    >>> import imgedit as ie
    >>> ground = np.full((2, 2), 200, np.uint8)
    >>> stack = [ie.Layer(ground), ie.Group([ie.Layer(ground, mode="multiply")], isolation="pass-through", opacity=0.5)]
    >>> int(ie.flatten(stack)[0, 0])
    178
    """
    everything = list(walk(layers))
    SPACES[space]
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ArgumentError("seed", f"is {seed!r}", "give a whole number, at least 0")
    if isinstance(layers, Stack):
        size, background = size or layers.size, background or layers.background
    pictures = [item for item in everything if isinstance(item, Layer) and item.image is not None]
    height, width = _canvas(pictures, size)
    canvas = _Box(0, height, 0, width)
    layers = placed(layers, (height, width))
    everything = list(walk(layers))
    for item in everything:
        _check_fit(item, canvas)
    paper = None if background is None else parse_color(background, name="background")
    grey = _is_grey([item for item in everything if item.visible], paper)
    renderer = _Renderer(canvas, 1 if grey else 3, space, seed)
    clear = not _is_opaque(layers, paper, canvas)
    shape = (height, width) if grey and not clear else (height, width, 4 if clear else 3)
    out = new_result(shape, pictures[0].image.dtype if pictures else np.uint8)  # type: ignore[union-attr]
    knocks = renderer.needs_ground(everything)
    fixed = layers.fixed if knocks and isinstance(layers, Stack) else 0
    shown = layers if knocks else _from_topmost_cover(layers, canvas)

    def work(top: int, bottom: int) -> None:
        box = _Box(top, bottom, 0, width)
        surface = _Surface.blank(box, renderer.planes, paper)
        renderer.paint_all(shown[:fixed], surface, None, None)
        ground = surface.snapshot() if knocks else None
        renderer.paint_all(shown[fixed:], surface, ground, ground)
        to_pixels(surface.color, surface.alpha if clear else None, out[top:bottom])

    rows = _strip_rows(everything, height, width)
    each_strip(work, height, row_bytes=STRIP_BYTES // rows, progress=progress)
    return out


@dataclass(frozen=True)
class _Box:
    """Part of the canvas, in its pixels; may lie outside."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    @property
    def empty(self) -> bool:
        return self.bottom <= self.top or self.right <= self.left

    def meet(self, other: _Box) -> _Box:
        return _Box(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )

    def join(self, other: _Box) -> _Box:
        return _Box(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )

    def grown(self, by: int) -> _Box:
        return _Box(self.top - by, self.bottom + by, self.left - by, self.right + by)

    def of(self, around: _Box) -> tuple[slice, slice]:
        """Slices of this box in an array that covers `around`."""
        return (
            slice(self.top - around.top, self.bottom - around.top),
            slice(self.left - around.left, self.right - around.left),
        )


@dataclass
class _Surface:
    """What has been painted so far of a box: straight colour and alpha, and whether it is known to be opaque."""

    box: _Box
    color: Floats
    cover: Floats
    opaque: bool

    @classmethod
    def blank(cls, box: _Box, planes: int, paper: Floats | None = None) -> _Surface:
        color, cover = np.zeros((planes, *box.shape), np.float32), np.zeros(box.shape, np.float32)
        if paper is not None:
            color[:] = paper[:planes, None, None]
            cover[:] = paper[3]
        return cls(box, color, cover, paper is not None and bool(paper[3] == 1))

    @property
    def alpha(self) -> Floats | None:
        return None if self.opaque else self.cover

    def part(self, box: _Box) -> _Surface:
        rows, columns = box.of(self.box)
        return _Surface(box, self.color[:, rows, columns], self.cover[rows, columns], self.opaque)

    def put(self, color: Floats, alpha: Floats | None) -> None:
        """Write a result for the whole box."""
        self.color[:] = color
        if alpha is not None:
            self.cover[:] = alpha
        elif not self.opaque:
            self.cover[:] = 1
        self.opaque = alpha is None

    def snapshot(self) -> _Surface:
        return replace(self, color=self.color.copy(), cover=self.cover.copy())


@dataclass(frozen=True)
class _Renderer:
    """Paints items of a stack; knows what holds for all of them."""

    canvas: _Box
    planes: int
    space: str
    seed: int

    def needs_ground(self, everything: Iterable[Item]) -> bool:
        return any(item.knockout not in ("none", False) for item in everything)

    def paint_all(
        self,
        layers: Sequence[Item],
        surface: _Surface,
        initial: _Surface | None,
        ground: _Surface | None,
        *,
        all_knock: bool = False,
    ) -> None:
        """Paint one level of a stack.

        `initial` is what its group started on, `ground` what the whole stack did; they are kept only if some layer
        knocks out.
        """
        plain: list[Layer] = []
        for base, clipped in clip_runs(layers):
            if not base.visible:
                continue
            if isinstance(base, Layer) and self.space == "srgb" and not (all_knock or clipped) and _is_plain(base):
                plain.append(base)
                continue
            self._paint_plain(plain, surface)
            plain = []
            box = surface.box.meet(self.extent(base))
            if box.empty:
                continue
            part = surface.part(box)
            if isinstance(base, Layer) and base.adjustment is not None:
                self.adjust(base, part)
            elif isinstance(base, Group) and _passes_through(base) and not clipped:
                self.pass_through(base, part, ground)
            else:
                under = _under(base, all_knock, initial, ground)
                self.paint(base, clipped, part, None if under is None else under.part(box))
            surface.opaque = surface.opaque and part.opaque
        self._paint_plain(plain, surface)

    def _paint_plain(self, layers: Sequence[Layer], surface: _Surface) -> None:
        """Put layers in normal mode on a surface: what `paint` does, but premultiplied from the first to the last."""
        layers = [layer for layer in layers if not surface.box.meet(_place(layer.image, layer.offset)).empty]
        if not layers:
            return
        if not surface.opaque:
            surface.color *= surface.cover
        for layer in layers:
            image = check(layer.image)  # type: ignore[arg-type]
            place = _place(image, layer.offset)
            box = surface.box.meet(place)
            inside, at = box.of(place), box.of(surface.box)
            planes = [image[inside]] if image.ndim == 2 else cv2.split(image[inside])
            white = np.float32(full_range(image.dtype))
            weight = np.full(box.shape, layer.opacity * layer.fill, np.float32)
            if len(planes) == 4:
                weight *= planes[3] / white
            if layer.mask is not None:
                weight *= soft_mask(layer.mask[inside])
            keep = 1 - weight
            if not surface.opaque:
                surface.cover[at] *= keep
                surface.cover[at] += weight
            weight /= white
            for n, plane in enumerate(surface.color):
                part = plane[at]
                part *= keep
                cv2.accumulateProduct(planes[min(n, len(planes) - 1)].astype(np.float32), weight, part)
        if not surface.opaque:
            surface.color /= np.maximum(surface.cover, LEAST_ALPHA)
            # An image may have alpha and yet be opaque, at least here; all that follows is faster on opaque ground.
            surface.opaque = bool(surface.cover.min() >= 1)

    def extent(self, item: Item) -> _Box:
        """Box outside of which an item changes nothing."""
        if isinstance(item, Layer) and item.image is None and item.mask is None:
            return self.canvas.grown(1 << 24)
        if isinstance(item, Group):
            boxes = [self.extent(child) for child in item.layers if child.visible]
            box = boxes[0] if boxes else _Box(0, 0, 0, 0)
            for other in boxes[1:]:
                box = box.join(other)
            if item.mask is not None:
                box = box.meet(_place(item.mask, item.offset))
        else:
            box = _place(item.image if item.image is not None else item.mask, item.offset)
        return box.grown(_reach(item)) if any(effect.outside for effect in item.effects) else box

    def paint(self, item: Item, clipped: Sequence[Item], part: _Surface, under: _Surface | None) -> None:
        """Put an item, with what is clipped to it, on a part of a surface; or on what is under, if it knocks out."""
        reach = _reach(item)
        wide = part.box.grown(reach)
        color, alpha = self.content(item, clipped, wide)
        if item.mode == "dissolve":
            alpha = dissolved(_plane(alpha, color) * np.float32(item.opacity), self._noise(wide))
        backdrop = (part.color, part.alpha)
        if isinstance(item, Layer) and item.blend_if is not None:
            alpha = _plane(alpha, color) * share_shown(item.blend_if, color, *backdrop)
        if alpha is not None and not item.effects and not alpha.any():
            return
        opacity = 1.0 if item.mode == "dissolve" else item.opacity
        if not item.effects and under is None:
            shape = np.full(color.shape[1:], opacity, np.float32) if item.mode in ALPHA_MODES else None
            alpha = _times(alpha, opacity, color)
            part.put(*composite(*backdrop, color, alpha, item.mode, fill=item.fill, space=self.space, shape=shape))
            return
        shape = _plane(alpha, color)
        frame = self._frame(item, wide)
        paints = [_cut(paint, reach) for effect in item.effects for paint in effect.paints(shape, frame)]
        rows, columns = part.box.of(wide)
        part.put(
            *dress(
                *backdrop,
                color[:, rows, columns],
                shape[rows, columns],
                paints,
                mode=item.mode,
                opacity=opacity,
                fill=item.fill,
                space=self.space,
                initial=None if under is None else (under.color, under.alpha),
            )
        )

    def content(self, item: Item, clipped: Sequence[Item], box: _Box) -> Planes:
        """Colour and alpha of an item by itself, masks and clipped layers included."""
        if isinstance(item, Layer):
            color, alpha = self._picture(item, box)
        else:
            group = _Surface.blank(box, self.planes)
            start = group.snapshot() if self.needs_ground(item.layers) or item.knockout else None
            self.paint_all(item.layers, group, start, start, all_knock=item.knockout)
            color, alpha = group.color, group.alpha
            if item.mask is not None:
                alpha = _plane(alpha, color) * _laid(soft_mask(item.mask), item.offset, box)
        if clipped:
            # A clipping group blends as if its base were opaque, and then has the base's alpha (ISO 32000-1, 11.4.7).
            inside = _Surface(box, np.array(color), np.ones(box.shape, np.float32), opaque=True)
            start = inside.snapshot() if self.needs_ground(clipped) else None
            self.paint_all(
                [replace(layer, clip=False) if isinstance(layer, Layer) else layer for layer in clipped],
                inside,
                start,
                start,
            )
            color = inside.color
            if not inside.opaque:
                alpha = _plane(alpha, color) * inside.cover
        return color, alpha

    def _picture(self, layer: Layer, box: _Box) -> Planes:
        image = check(layer.image)  # type: ignore[arg-type]
        place = _place(image, layer.offset)
        inside = box.meet(place)
        if inside.empty:
            return np.zeros((self.planes, *box.shape), np.float32), np.zeros(box.shape, np.float32)
        color, alpha = to_planes(image[inside.of(place)])
        if layer.mask is not None:
            mask = soft_mask(layer.mask[inside.of(place)])
            alpha = mask if alpha is None else alpha * mask
        if len(color) < self.planes:
            color = np.repeat(color, self.planes, axis=0)
        if inside == box:
            return color, alpha
        at = inside.of(box)
        whole = np.zeros((self.planes, *box.shape), np.float32)
        whole[:, at[0], at[1]] = color
        cover = np.zeros(box.shape, np.float32)
        cover[at] = 1 if alpha is None else alpha
        return whole, cover

    def adjust(self, layer: Layer, part: _Surface) -> None:
        """Let an adjustment change what lies below; alpha stays."""
        below = np.ascontiguousarray(np.moveaxis(part.color, 0, -1)) if self.planes == 3 else part.color[0].copy()
        changed = layer.adjustment(below)  # type: ignore[misc]
        if not isinstance(changed, np.ndarray) or changed.shape != below.shape or changed.dtype.kind != "f":
            raise ImageError("adjustment", f"gave {describe(changed)}", f"let it give {describe(below)}")
        source = np.ascontiguousarray(np.moveaxis(changed, -1, 0) if self.planes == 3 else changed[None], np.float32)
        cover = None
        if layer.mask is not None:
            cover = _laid(soft_mask(layer.mask), layer.offset, part.box)
        cover = _times(cover, layer.opacity, source)
        color, _ = composite(part.color, None, source, cover, layer.mode, fill=layer.fill, space=self.space)
        part.color[:] = color

    def pass_through(self, group: Group, part: _Surface, ground: _Surface | None) -> None:
        """Let a group's layers blend with what is below it; its opacity and mask fade between before and after."""
        fades = group.opacity < 1 or group.fill < 1 or group.mask is not None
        before = part.snapshot() if fades or self.needs_ground(group.layers) or group.knockout else None
        self.paint_all(group.layers, part, before, ground, all_knock=group.knockout)
        if fades and before is not None:
            share = np.full(part.box.shape, group.opacity * group.fill, np.float32)
            if group.mask is not None:
                share *= _laid(soft_mask(group.mask), group.offset, part.box)
            part.put(*join([(before.color, before.alpha, 1 - share), (part.color, part.alpha, share)]))

    def _noise(self, box: _Box) -> Floats:
        inside = _Box(max(0, box.top), max(0, box.bottom), max(0, box.left), max(0, box.right))
        noise = np.ones(box.shape, np.float32)  # off the canvas nothing is seen of it
        if not inside.empty:
            noise[inside.of(box)] = white_noise(self.seed, inside.top, inside.bottom, inside.left, inside.right)
        return noise

    def _frame(self, item: Item, box: _Box) -> Frame:
        whole = self.extent(replace(item, effects=()))
        whole = whole if isinstance(item, Layer) else whole.meet(self.canvas)
        return Frame(box.top - whole.top, box.left - whole.left, *whole.shape)


def _is_plain(layer: Layer) -> bool:
    special = layer.mode != "normal" or layer.knockout != "none" or layer.blend_if is not None or layer.effects
    return layer.image is not None and not special


def _passes_through(group: Group) -> bool:
    return group.isolation == "pass-through" and not group.effects and not group.clip


def _under(item: Item, all_knock: bool, initial: _Surface | None, ground: _Surface | None) -> _Surface | None:
    if isinstance(item, Layer) and item.knockout == "deep":
        return ground
    knocks = all_knock or (isinstance(item, Layer) and item.knockout == "shallow")
    return initial if knocks else None


def _place(image: NDArray[Any] | None, offset: tuple[int, int] | None) -> _Box:
    assert image is not None
    x, y = offset or (0, 0)
    return _Box(y, y + image.shape[0], x, x + image.shape[1])


def _laid(mask: Floats, offset: tuple[int, int] | None, box: _Box) -> Floats:
    """Lay a mask on a box, 0 where it does not reach."""
    place = _place(mask, offset)
    inside = box.meet(place)
    out = np.zeros(box.shape, np.float32)
    if not inside.empty:
        out[inside.of(box)] = mask[inside.of(place)]
    return out


def _reach(item: Item) -> int:
    return max((effect.reach for effect in item.effects), default=0)


def _cut(paint: Paint, by: int) -> Paint:
    """Take the surroundings away again that an effect needed."""
    if not by:
        return paint
    inner = slice(by, -by)

    def cut(plane: Floats | None) -> Floats | None:
        return None if plane is None else plane[inner, inner]

    color = paint.color if paint.color.shape[1:] == (1, 1) else paint.color[:, inner, inner]
    return Paint(color, paint.mode, cut(paint.below), cut(paint.inside), cut(paint.beside))


def _plane(alpha: Floats | None, color: Floats) -> Floats:
    return np.ones(color.shape[1:], np.float32) if alpha is None else alpha


def _times(alpha: Floats | None, factor: float, color: Floats) -> Floats | None:
    return alpha if factor == 1 else _plane(alpha, color) * np.float32(factor)


def _canvas(pictures: Sequence[Layer], size: tuple[int, int] | None) -> tuple[int, int]:
    if size is not None:
        if not isinstance(size, (tuple, list)) or len(size) != 2:
            raise ArgumentError("size", f"is {size!r}", "give (height, width)")
        height, width = (check_number(side, "size", least=1) for side in size)
        return int(height), int(width)
    for layer in pictures:
        if layer.offset is None and layer.anchor is None and layer.image is not None:
            return layer.image.shape[0], layer.image.shape[1]
    places = [_place(layer.image, layer.offset) for layer in pictures if layer.anchor is None]
    if not places or max(p.bottom for p in places) <= 0 or max(p.right for p in places) <= 0:
        raise ArgumentError("size", "is not given, and no layer says it", "give size=(height, width)")
    return max(p.bottom for p in places), max(p.right for p in places)


def _check_fit(item: Item, canvas: _Box) -> None:
    array = item.image if isinstance(item, Layer) and item.image is not None else item.mask
    if array is None or item.offset is not None or array.shape[:2] == canvas.shape:
        return
    what = "layer" if isinstance(item, Layer) and item.image is not None else "mask"
    (h, w), (ch, cw) = array.shape[:2], canvas.shape
    raise ImageError(
        f"{what} {item.name!r}" if item.name else what,
        f"is {h}x{w} but the canvas is {ch}x{cw}",
        "give it offset=(x, y) or anchor='center', or resize it, or give flatten another size",
    )


def _is_grey(items: Sequence[Item], paper: Floats | None) -> bool:
    if paper is not None and np.ptp(paper[:3]) > 0:
        return False
    if any(isinstance(item, Layer) and item.image is not None and item.image.ndim == 3 for item in items):
        return False
    probe = np.ones((1, 1), np.float32)
    paints = (p for item in items for effect in item.effects for p in effect.paints(probe, Frame(0, 0, 1, 1)))
    return all(np.ptp(paint.color, axis=0).max() == 0 for paint in paints)


def _covers(item: Item, canvas: _Box) -> bool:
    """Whether an item hides everything that lies below it."""
    if not isinstance(item, Layer) or item.image is None or not item.visible:
        return False
    if item.mask is not None or item.blend_if is not None:
        return False
    plain = item.mode == "normal" and item.opacity == item.fill == 1 and item.knockout == "none" and not item.clip
    opaque = item.image.ndim == 2 or item.image.shape[2] == 3
    return plain and opaque and _place(item.image, item.offset).meet(canvas) == canvas


def _is_opaque(layers: Sequence[Item], paper: Floats | None, canvas: _Box) -> bool:
    fades = {name for name, mode in ALPHA_MODES.items() if not mode.keeps_opaque}
    if any(item.mode in fades or item.knockout not in ("none", False) for item in walk(layers)):
        return False
    return (paper is not None and bool(paper[3] == 1)) or any(_covers(item, canvas) for item in layers)


def _from_topmost_cover(layers: Sequence[Item], canvas: _Box) -> Sequence[Item]:
    """Leave away what can't be seen."""
    hidden = [n for n, item in enumerate(layers) if _covers(item, canvas)]
    return layers[hidden[-1] :] if hidden else layers


def _strip_rows(everything: Sequence[Item], height: int, width: int) -> int:
    if any(isinstance(item, Layer) and not item.pointwise and item.visible for item in everything):
        return height
    reach = max((_reach(item) for item in everything if item.visible), default=0)
    rows = max(1, STRIP_PIXELS // width, 2 * reach)
    return min(rows, height, STRIP_BYTES)
