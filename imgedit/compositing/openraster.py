"""OpenRaster (.ora): the layered format that Krita, GIMP, MyPaint and others share.

A zip whose first entry, stored, says ``image/openraster``; ``stack.xml`` from the topmost layer down; a PNG a layer;
the merged picture and a thumbnail: https://www.openraster.org/baseline/file-layout-spec.html

What is read may come from anywhere: nothing is unpacked to disk, entries are read up to a limit whatever size they
claim, and the XML may not declare entities.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any, NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

import cv2
import numpy as np

from imgedit.compositing.flattening import flatten
from imgedit.compositing.layers import MOST_NESTED, Group, Item, Layer, Stack, placed, walk
from imgedit.compositing.modes import FILLED
from imgedit.errors import ArgumentError, ImageTooLargeError, NotAnImageError, ReadError, UnsupportedFormatError
from imgedit.io import decode, encode
from imgedit.pixels import Image, check, full_range, join_alpha, like, soft_mask, split_alpha, to_float, to_uint8

__all__ = ["decode_ora", "encode_ora"]

MIMETYPE = b"image/openraster"

# Limits on what an archive may make us hold.
MOST_ENTRIES = 10_000
MOST_XML = 16 * 2**20
MOST_ENTRY = 512 * 2**20
MOST_BYTES = 4 * 2**30
MOST_PIXELS = 400_000_000
MOST_SIDE = 1_000_000

# The specification's names; svg:plus adds colours, and dst-out erases.
OPERATIONS = {
    "normal": "svg:src-over",
    "multiply": "svg:multiply",
    "screen": "svg:screen",
    "overlay": "svg:overlay",
    "darken": "svg:darken",
    "lighten": "svg:lighten",
    "color-dodge": "svg:color-dodge",
    "color-burn": "svg:color-burn",
    "hard-light": "svg:hard-light",
    "soft-light": "svg:soft-light",
    "difference": "svg:difference",
    "color": "svg:color",
    "luminosity": "svg:luminosity",
    "hue": "svg:hue",
    "saturation": "svg:saturation",
    "linear-dodge": "svg:plus",
    "erase": "svg:dst-out",
}
MODES_OF = {operation: mode for mode, operation in OPERATIONS.items()}

# Keeps to what is below, as a clipped layer does.
ATOP = "svg:src-atop"

# The specification asks for at most 256 pixels.
THUMBNAIL = 256


def decode_ora(data: bytes, name: str) -> Stack:
    """Read the layers of an OpenRaster file.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        What messages call it.

    Returns
    -------
    Stack
        Its layers from the lowest.

    Raises
    ------
    ReadError
        Not OpenRaster, damaged, over a limit, or with layers of a kind that can't be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _Archive(archive, name).stack()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        raise NotAnImageError(name, f"is not an OpenRaster file that can be read ({error})") from error


class _Archive:
    """One open file, with a budget of bytes."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.archive = archive
        self.name = name
        self.left = MOST_BYTES
        self.pixels = MOST_PIXELS
        if len(archive.infolist()) > MOST_ENTRIES:
            raise ImageTooLargeError(name, f"has {len(archive.infolist())} entries, the limit is {MOST_ENTRIES}")
        if "mimetype" not in archive.namelist() or self.entry("mimetype", 64).strip() != MIMETYPE:
            raise NotAnImageError(name, "is a zip file, but does not say that it is OpenRaster")

    def entry(self, path: str, limit: int) -> bytes:
        if path.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", path) or re.match(r"[A-Za-z]:", path):
            raise ReadError(self.name, f"refers to {path!r}, outside of itself")
        try:
            source = self.archive.open(path)
        except KeyError:
            raise ReadError(self.name, f"refers to {path!r}, which is not in it") from None
        with source:
            # The size that the directory claims may be wrong; what is read is what counts.
            content = source.read(min(limit, self.left) + 1)
        if len(content) > min(limit, self.left):
            raise ImageTooLargeError(self.name, f"holds {path!r} of more than {min(limit, self.left)} bytes")
        self.left -= len(content)
        return content

    def stack(self) -> Stack:
        root = self._parse(self.entry("stack.xml", MOST_XML))
        top = root.find("stack")
        if root.tag != "image" or top is None:
            raise ReadError(self.name, "has a stack.xml without a stack")
        size = (self._number(root, "h", None), self._number(root, "w", None))
        if not all(0 < side <= MOST_SIDE for side in size):
            raise ReadError(self.name, f"says that it is {size[1]}x{size[0]} pixels")
        return Stack(tuple(self._items(top, 0, 0, 1)), size)

    def _parse(self, text: bytes) -> ElementTree.Element:
        depth = deepest = 0

        def refuse(*_: Any) -> NoReturn:
            raise ReadError(self.name, "has a stack.xml with a document type; entities are not allowed in it")

        def start(*_: Any) -> None:
            nonlocal depth, deepest
            depth += 1
            deepest = max(deepest, depth)

        def end(*_: Any) -> None:
            nonlocal depth
            depth -= 1

        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = refuse
        parser.EntityDeclHandler = refuse
        parser.StartElementHandler = start
        parser.EndElementHandler = end
        try:
            parser.Parse(text, True)
        except expat.ExpatError as error:
            raise ReadError(self.name, f"has a stack.xml that is not XML ({error})") from error
        if deepest > MOST_NESTED + 2:
            raise ReadError(self.name, f"nests {deepest} deep, the limit is {MOST_NESTED}")
        return ElementTree.fromstring(text)

    def _items(self, stack: ElementTree.Element, left: int, top: int, depth: int) -> list[Item]:
        found: list[Item] = []
        for element in reversed(stack):
            if element.tag == "stack":
                found.append(self._group(element, left, top, depth))
            elif element.tag == "layer":
                found.append(self._layer(element, left, top))
        return found

    def _common(self, element: ElementTree.Element) -> dict[str, Any]:
        operation = element.get("composite-op", "svg:src-over")
        if operation not in MODES_OF and operation != ATOP:
            raise UnsupportedFormatError(
                self.name, f"has a layer with composite-op {operation!r}, which is not known here"
            )
        opacity = self._number(element, "opacity", 1.0)
        if not 0 <= opacity <= 1:
            raise ReadError(self.name, f"has a layer with opacity {opacity}")
        return {
            "name": element.get("name", ""),
            "mode": "normal" if operation == ATOP else MODES_OF[operation],
            "clip": operation == ATOP,
            "opacity": opacity,
            "visible": element.get("visibility", "visible") != "hidden",
        }

    def _group(self, element: ElementTree.Element, left: int, top: int, depth: int) -> Group:
        common = self._common(element)
        x, y = self._number(element, "x", 0), self._number(element, "y", 0)
        layers = tuple(self._items(element, left + x, top + y, depth + 1))
        # "auto" passes through only where a group has nothing of its own to do.
        plain = common["mode"] == "normal" and common["opacity"] == 1 and not common["clip"]
        passes = element.get("isolation", "auto") == "auto" and plain and "isolation" in element.attrib
        return Group(layers, isolation="pass-through" if passes else "isolated", **common)

    def _layer(self, element: ElementTree.Element, left: int, top: int) -> Layer:
        source = element.get("src")
        if source is None:
            raise ReadError(self.name, f"has a layer {element.get('name', '')!r} without a source")
        if not source.lower().endswith(".png"):
            raise UnsupportedFormatError(self.name, f"has a layer in {source!r}; only PNG can be read")
        image, _ = decode(self.entry(source, MOST_ENTRY), name=f"{self.name}/{source}", max_pixels=max(1, self.pixels))
        self.pixels -= image.shape[0] * image.shape[1]
        offset = (left + self._number(element, "x", 0), top + self._number(element, "y", 0))
        return Layer(image, offset=offset, **self._common(element))

    def _number(self, element: ElementTree.Element, key: str, default: Any) -> Any:
        text = element.get(key)
        if text is None and default is not None:
            return default
        try:
            value = float(text or "")
            number = value if isinstance(default, float) else int(value)
        except (ValueError, OverflowError):
            raise ReadError(self.name, f"has {element.tag} with {key}={text!r}, which is no number") from None
        if abs(value) > MOST_SIDE:
            raise ReadError(self.name, f"has {element.tag} with {key}={text!r}, which is out of range")
        return number


def encode_ora(layers: Sequence[Item], size: tuple[int, int] | None) -> bytes:
    """Write layers as an OpenRaster file.

    Parameters
    ----------
    layers : sequence of Layer or Group
        From the lowest to the topmost.
    size : (int, int), optional
        Height and width of the canvas, as for ``flatten``.

    Returns
    -------
    bytes
        The whole file.

    Raises
    ------
    ArgumentError
        Something that OpenRaster has no way to say: an effect, an adjustment, a mode without an svg: name ...
    """
    for item in walk(layers):
        _check_sayable(item)
    merged = flatten(layers, size=size)
    merged = to_uint8(merged) if merged.dtype == np.float32 else merged
    root = ElementTree.Element(
        "image", version="0.0.5", w=str(merged.shape[1]), h=str(merged.shape[0]), xres="72", yres="72"
    )
    pictures: dict[str, bytes] = {}
    canvas = merged.shape[0], merged.shape[1]
    _describe(ElementTree.SubElement(root, "stack"), placed(layers, canvas), pictures)
    xml = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            # Stored and first, so that its text stands at a fixed place of the file.
            _put(archive, "mimetype", MIMETYPE, zipfile.ZIP_STORED)
            _put(archive, "stack.xml", xml, zipfile.ZIP_DEFLATED)
            for path, content in pictures.items():
                _put(archive, path, content, zipfile.ZIP_STORED)  # a PNG is packed already
            _put(archive, "mergedimage.png", encode(_with_alpha(merged), "png"), zipfile.ZIP_STORED)
            _put(archive, "Thumbnails/thumbnail.png", encode(_thumbnail(merged), "png"), zipfile.ZIP_STORED)
        return buffer.getvalue()


def _put(archive: zipfile.ZipFile, path: str, content: bytes, packing: int) -> None:
    # Without a time of day the same layers give the same file.
    entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = packing
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _check_sayable(item: Item) -> None:
    faults = {
        f"mode {item.mode!r}": item.mode not in OPERATIONS,
        "an effect": bool(item.effects),
        "blend_if": isinstance(item, Layer) and item.blend_if is not None,
        "an adjustment": isinstance(item, Layer) and item.image is None,
        "knockout": item.knockout not in ("none", False),
        "clip together with a mode": item.clip and item.mode != "normal",
        f"fill in mode {item.mode!r}": item.fill < 1 and item.mode in FILLED,
        "a mask on a group": isinstance(item, Group) and item.mask is not None,
        "opacity of a pass-through group": isinstance(item, Group)
        and item.isolation == "pass-through"
        and item.opacity * item.fill < 1,
    }
    for fault, holds in faults.items():
        if holds:
            raise ArgumentError(
                f"layer {item.name!r}",
                f"has {fault}, which OpenRaster can't say",
                "flatten that part first, or write .toml",
            )


def _describe(stack: ElementTree.Element, layers: Sequence[Item], pictures: dict[str, bytes]) -> None:
    for item in reversed(layers):
        element = ElementTree.SubElement(stack, "stack" if isinstance(item, Group) else "layer")
        element.set("name", _printable(item.name))
        element.set("composite-op", ATOP if item.clip else OPERATIONS[item.mode])
        element.set("opacity", repr(float(item.opacity * item.fill)))
        element.set("visibility", "visible" if item.visible else "hidden")
        if isinstance(item, Group):
            element.set("isolation", "isolate" if item.isolation == "isolated" else "auto")
            _describe(element, item.layers, pictures)
            continue
        path = f"data/layer{len(pictures):03d}.png"
        pictures[path] = encode(_baked(item), "png")
        x, y = item.offset or (0, 0)
        for key, value in (("src", path), ("x", str(int(x))), ("y", str(int(y)))):
            element.set(key, value)


def _printable(name: str) -> str:
    """Leave out what XML 1.0 can't hold."""
    return "".join(
        c for c in name if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
    )


def _baked(layer: Layer) -> Image:
    """PNG's RGBA with the mask in its alpha: OpenRaster has no masks."""
    image = check(layer.image)  # type: ignore[arg-type]
    image = like(image, np.uint16) if image.dtype == np.float32 else image
    if layer.mask is None:
        return _with_alpha(image)
    color, alpha = split_alpha(_with_alpha(image))
    assert alpha is not None
    return join_alpha(color, like(to_float(np.ascontiguousarray(alpha)) * soft_mask(layer.mask), image))


def _with_alpha(image: Image) -> Image:
    if image.ndim == 3 and image.shape[2] == 4:
        return image
    return join_alpha(image, np.full(image.shape[:2], full_range(image.dtype), image.dtype))


def _thumbnail(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = min(1.0, THUMBNAIL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = to_float(_with_alpha(image))
    picture[..., :3] *= picture[..., 3:]
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
    small[..., :3] /= np.maximum(small[..., 3:], np.float32(1e-6))
    return to_uint8(small)
