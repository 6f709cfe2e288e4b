"""Layers and groups: what a stack is made of.

A stack is a list from the lowest to the topmost, as OpenRaster, PSD (read upwards) and ``blend`` calls in a row have
it. Groups follow ISO 32000-1 (PDF), 11.4: an isolated group is composited by itself and then put on its backdrop as one
picture; a pass-through group's layers blend with what is below the group; in a knockout group each layer replaces the
ones before it inside its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Annotated, Literal, TypeAlias, overload

from imgedit.color import Color
from imgedit.compositing.blend_if import check_ranges
from imgedit.compositing.dressing import Effect
from imgedit.compositing.equation import BLEND_MODES
from imgedit.compositing.placing import ANCHORS, check_offset, corner
from imgedit.errors import ArgumentError
from imgedit.pixels import Image, Mask, check, check_alpha, check_mask, check_number, check_same_size, describe

__all__ = ["MOST_NESTED", "Group", "Item", "Layer", "Stack", "clip_runs", "placed", "walk"]

# Deeper nesting than any editor writes; a chain of groups this long is taken for damage.
MOST_NESTED = 64


@dataclass(frozen=True, eq=False)
class Layer:
    """One picture, or one adjustment, of a stack.

    Parameters
    ----------
    image : ndarray or None
        HxW, HxWx3 or HxWx4; None for an adjustment layer.
    mode : str
        Blend mode.
    opacity : float
        0 to 1, of picture and effects together.
    fill : float
        0 to 1, of the picture but not of its effects.
    mask : ndarray, optional
        HxW mask of the image's size, at its place: a factor on alpha. An adjustment's mask has a size of its own.
    offset : (int, int), optional
        (x, y) of the top left corner on the canvas; may lie outside. Without it, the image must have the canvas' size.
        With `anchor`, the distance from there.
    anchor : str, optional
        Side or corner of the canvas that the image lies at, such as ``bottom-right``, ``center``; `offset` then counts
        inwards: from the right side to the left, from the bottom upwards.
    clip : bool
        Show the layer only where the layer below it is that is not clipped itself, and blend with that one alone.
    blend_if : mapping, optional
        Photoshop's: let the layer show only where it, or what lies below it, is neither too dark nor too light. From
        "gray", "red", "green" or "blue" to a pair of ranges, of the layer and of what lies below; a range is four
        rising numbers from 0 to 1: up to the first nothing shows, from the second to the third all, from the fourth
        nothing.
    visible : bool
        Whether the layer counts; layers clipped to a hidden one are hidden too.
    effects : sequence of effects
        ``DropShadow(...)``, ``Stroke(...)`` and so on, from the lowest.
    knockout : {"none", "shallow", "deep"}
        Let the layer cut its shape out of what lies below it, down to the backdrop of its group, or of the whole stack.
    name : str
        For documents.
    adjustment : callable, optional
        Takes what lies below as an image (HxWx3, or HxW in a grey stack; float32) and gives it changed: any tone edit.
    pointwise : bool
        Whether the adjustment looks at each pixel by itself. If not (a blur), the stack is flattened in one piece.

    Raises
    ------
    ImageError
        An image or mask that is none.
    ArgumentError
        A number out of range, an unknown name, or neither image nor adjustment.

    Examples
    --------
    >>> import numpy as np
    >>> import imgedit as ie
    >>> ie.Layer(np.zeros((4, 6), np.uint8), mode="multiply", offset=(2, 1)).offset
    (2, 1)
    """

    image: Image | None = None
    _: KW_ONLY
    mode: Annotated[str, BLEND_MODES] = "normal"
    opacity: float = 1.0
    fill: float = 1.0
    mask: Mask | None = None
    offset: tuple[int, int] | None = None
    anchor: Annotated[str, ANCHORS] | None = None
    clip: bool = False
    blend_if: Mapping[str, Sequence[Sequence[float]]] | None = None
    visible: bool = True
    effects: Sequence[Effect] = ()
    knockout: Literal["none", "shallow", "deep"] = "none"
    name: str = ""
    adjustment: Callable[[Image], Image] | None = None
    pointwise: bool = True

    def __post_init__(self) -> None:
        _check_item(self)
        if self.anchor is not None:
            ANCHORS[self.anchor]
        if (self.image is None) == (self.adjustment is None):
            raise ArgumentError("image", "and adjustment are both given, or neither", "give one of the two")
        if self.adjustment is not None and not callable(self.adjustment):
            raise ArgumentError("adjustment", f"is {self.adjustment!r}", "give a callable on an image")
        if self.image is not None:
            image = check(self.image)
            check_alpha(image)
            if self.mask is not None:
                check_same_size(check_mask(self.mask), image, "mask", "image")
        elif self.mask is not None:
            check_mask(self.mask)
        if self.blend_if is not None:
            check_ranges(self.blend_if)
            if self.image is None or self.effects:
                raise ArgumentError("blend_if", "is given to an adjustment, or with effects", "give the layer a mask")
        if self.knockout not in ("none", "shallow", "deep"):
            raise ArgumentError("knockout", f"is {self.knockout!r}", 'give "none", "shallow" or "deep"')


@dataclass(frozen=True, eq=False)
class Group:
    """Several layers or groups that are treated as one.

    Parameters
    ----------
    layers : sequence of Layer or Group
        From the lowest to the topmost.
    isolation : {"isolated", "pass-through"}
        Whether the layers blend among themselves only, or with what is below the group too.
    mode : str
        Blend mode of an isolated group.
    opacity : float
        0 to 1.
    fill : float
        0 to 1, of the content but not of the group's effects.
    mask : ndarray, optional
        HxW mask.
    offset : (int, int), optional
        (x, y) of the mask's top left corner; without it, the mask must have the canvas' size. The layers inside have
        offsets on the canvas of their own.
    clip, visible : bool
        As for `Layer`. A group that is clipped is isolated.
    effects : sequence of effects
        As for `Layer`. A group with effects is isolated.
    knockout : bool
        Whether each layer replaces those before it inside its shape.
    name : str
        For documents.

    Raises
    ------
    ImageError
        A mask that is none.
    ArgumentError
        A number out of range, an unknown name, or something else than layers.

    Examples
    --------
    >>> import numpy as np
    >>> import imgedit as ie
    >>> dot = ie.Layer(np.full((1, 1), 255, np.uint8))
    >>> len(ie.Group([dot, dot], mode="screen").layers)
    2
    """

    layers: Sequence[Layer | Group]
    _: KW_ONLY
    isolation: Literal["isolated", "pass-through"] = "isolated"
    mode: Annotated[str, BLEND_MODES] = "normal"
    opacity: float = 1.0
    fill: float = 1.0
    mask: Mask | None = None
    offset: tuple[int, int] | None = None
    clip: bool = False
    visible: bool = True
    effects: Sequence[Effect] = ()
    knockout: bool = False
    name: str = ""

    def __post_init__(self) -> None:
        _check_item(self)
        if self.isolation not in ("isolated", "pass-through"):
            raise ArgumentError("isolation", f"is {self.isolation!r}", 'give "isolated" or "pass-through"')
        if self.isolation == "pass-through" and self.mode != "normal":
            raise ArgumentError(
                "mode", f"is {self.mode!r} in a pass-through group", "isolate the group, or leave it normal"
            )
        if self.mask is not None:
            check_mask(self.mask)


Item: TypeAlias = Layer | Group


@dataclass(frozen=True, eq=False)
class Stack(Sequence[Layer | Group]):
    """The layers of a document, with its size: a sequence that ``flatten`` takes as it takes a list.

    Parameters
    ----------
    layers : tuple of Layer or Group
        From the lowest to the topmost.
    size : (int, int), optional
        Height and width of the canvas.
    fixed : int
        So many of the lowest layers are the ground that a deep knockout shows (Photoshop's Background layer).
    background : str or tuple of float, optional
        Colour under all layers.
    notes : tuple of str
        What a reader had to leave away, a line each.

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> stack = ie.Stack((ie.Layer(np.zeros((2, 3), np.uint8), name="ground"),), size=(2, 3))
    >>> len(stack), stack[0].name, ie.flatten(stack).shape
    (1, 'ground', (2, 3))
    """

    layers: tuple[Layer | Group, ...]
    size: tuple[int, int] | None = None
    fixed: int = 0
    background: Color | None = None
    notes: tuple[str, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Layer | Group: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Layer | Group, ...]: ...

    def __getitem__(self, index: int | slice) -> Layer | Group | tuple[Layer | Group, ...]:
        return self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)


def _check_item(item: Item) -> None:
    BLEND_MODES[item.mode]
    check_number(item.opacity, "opacity", least=0, most=1)
    check_number(item.fill, "fill", least=0, most=1)
    if item.offset is not None:
        check_offset(item.offset)
    for effect in item.effects:
        if not callable(getattr(effect, "paints", None)):
            raise ArgumentError("effects", f"holds {effect!r:.60}", "give DropShadow(...), Stroke(...) and the like")


def placed(layers: Sequence[Item], canvas: tuple[int, int]) -> Sequence[Item]:
    """Give each layer that has an anchor the offset that this means on a canvas.

    Parameters
    ----------
    layers : sequence of Layer or Group
        A stack that `walk` has seen.
    canvas : (int, int)
        Height and width.

    Returns
    -------
    sequence of Layer or Group
        The same, where no layer has an anchor.
    """
    if not any(isinstance(item, Layer) and item.anchor for item in walk(layers)):
        return layers
    items = tuple(_placed(item, canvas) for item in layers)
    return replace(layers, layers=items) if isinstance(layers, Stack) else items


def _placed(item: Item, canvas: tuple[int, int]) -> Item:
    if isinstance(item, Group):
        return replace(item, layers=tuple(_placed(child, canvas) for child in item.layers))
    array = item.mask if item.image is None else item.image
    if item.anchor is None or array is None:
        return item
    place = corner(item.anchor, item.offset, (array.shape[0], array.shape[1]), canvas)
    return replace(item, anchor=None, offset=place)


def walk(layers: Sequence[Item], name: str = "layers", path: tuple[int, ...] = ()) -> Iterator[Item]:
    """Go through a stack from the lowest layer, groups before what they hold, and refuse what is no stack.

    Parameters
    ----------
    layers : sequence of Layer or Group
        What a caller gave.
    name : str
        Where it stands, for errors.
    path : tuple of int
        Groups around it.

    Yields
    ------
    Layer or Group
        Each of the stack.

    Raises
    ------
    ArgumentError
        Something else than layers and groups, or a group that holds itself.
    """
    if not isinstance(layers, Sequence):
        raise ArgumentError(name, f"is {describe(layers)}", "give a list of Layer(...) and Group(...)")
    for n, item in enumerate(layers):
        here = f"{name}[{n}]"
        if not isinstance(item, (Layer, Group)):
            raise ArgumentError(here, f"is {describe(item)}", "give Layer(image, ...) or Group([...], ...)")
        yield item
        if isinstance(item, Group):
            if id(item) in path or len(path) >= MOST_NESTED:
                raise ArgumentError(here, "is a group that holds itself", "take it out of its own layers")
            yield from walk(item.layers, f"{here}.layers", (*path, id(item)))


def clip_runs(layers: Sequence[Item]) -> Iterator[tuple[Item, list[Item]]]:
    """Part a stack into bases and the layers that are clipped to them.

    Parameters
    ----------
    layers : sequence of Layer or Group
        One level of a stack.

    Yields
    ------
    base : Layer or Group
        Not clipped; or the lowest of all, which has nothing that it could be clipped to.
    clipped : list of Layer or Group
        What is clipped to it, from the lowest.
    """
    n = 0
    while n < len(layers):
        end = n + 1
        while end < len(layers) and layers[end].clip:
            end += 1
        yield layers[n], list(layers[n + 1 : end])
        n = end
