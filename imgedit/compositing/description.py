"""A stack of layers described in TOML, for the command line and for people.

::

    size = [480, 640]                  # optional: height and width
    background = "white"               # optional

    [[layers]]                         # the lowest first
    image = "photo.jpg"                # relative to this file

    [[layers]]
    adjustment = { op = "levels", gamma = 1.2 }
    mask = "sky.png"

    [[layers]]
    isolation = "pass-through"         # a group: it has layers of its own
    opacity = 0.8

    [[layers.layers]]
    image = "logo.png"
    offset = [20, 40]
    mode = "soft-light"
    effects = [{ kind = "drop-shadow", size = 8 }]

All other keys are those of ``Layer`` and ``Group``.
"""

from __future__ import annotations

import functools
import inspect
import json
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from imgedit import tone
from imgedit.compositing.layers import MOST_NESTED, Group, Item, Layer, Stack
from imgedit.compositing.paints import EFFECTS
from imgedit.errors import ArgumentError, ReadError
from imgedit.io import encode, files, read, read_mask
from imgedit.pixels import Image
from imgedit.tables import Table, advice

__all__ = ["read_toml", "write_toml"]

ADJUSTMENTS: Table[Callable[..., Image]] = Table(
    "op", {"adjust": tone.adjust, "levels": tone.levels, "curves": tone.curves}
)


def read_toml(path: str | PathLike[str]) -> Stack:
    """Read a description and the images that it names.

    Parameters
    ----------
    path : path
        The TOML file.

    Returns
    -------
    Stack
        Its layers from the lowest.

    Raises
    ------
    ReadError
        Not TOML, or something in it that is no layer; says which.
    """
    name = files.show(path)
    try:
        content = tomllib.loads(files.load(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReadError(name, f"is not TOML ({error})") from error
    reader = _Reader(name, Path(name).parent)
    reader.check_keys(content, ("layers", "size", "background"), "the file")
    layers = tuple(reader.items(content.get("layers", []), "layers", 1))
    if not layers:
        raise ReadError(name, "describes no layers; begin one with [[layers]]")
    size = content.get("size")
    if size is not None and not (
        isinstance(size, list) and len(size) == 2 and all(type(v) is int and v > 0 for v in size)
    ):
        raise ReadError(name, f"has size = {size!r}; give [height, width]")
    return Stack(layers, None if size is None else (size[0], size[1]), background=content.get("background"))


class _Reader:
    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder

    def check_keys(self, table: Mapping[str, Any], valid: Sequence[str], where: str) -> None:
        for key in table:
            if key not in valid:
                raise ReadError(self.name, f"{where} has no {key!r}; {advice(key, list(valid))}")

    def items(self, tables: Any, where: str, depth: int) -> list[Item]:
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise ReadError(self.name, f"{where} is {tables!r:.40}; write [[{where}]]")
        if depth > MOST_NESTED:
            raise ReadError(self.name, f"nests more than {MOST_NESTED} deep")
        return [self.item(table, f"{where}[{n}]", depth) for n, table in enumerate(tables)]

    def item(self, table: dict[str, Any], where: str, depth: int) -> Item:
        kind: type[Item] = Group if "layers" in table else Layer
        valid = [field.name for field in fields(kind) if field.name != "_"]
        self.check_keys(table, valid, where)
        values = dict(table)
        if "layers" in values:
            values["layers"] = tuple(self.items(values["layers"], f"{where}.layers", depth + 1))
        try:
            if "image" in values:
                values["image"] = read(self.path(values["image"], where))
            if "mask" in values:
                values["mask"] = read_mask(self.path(values["mask"], where), soft=True)
            if "effects" in values:
                values["effects"] = tuple(self.effect(effect, where) for effect in values["effects"])
            if "adjustment" in values:
                values["adjustment"] = self.adjustment(values["adjustment"], where)
            return kind(**values)
        except (ArgumentError, TypeError) as error:
            raise ReadError(self.name, f"{where}: {error}") from error

    def path(self, value: Any, where: str) -> Path:
        if not isinstance(value, str) or not value:
            raise ReadError(self.name, f"{where} has {value!r:.40} for a file; give its path")
        return self.folder / value

    def effect(self, table: Any, where: str) -> Any:
        if not isinstance(table, dict) or "kind" not in table:
            raise ReadError(self.name, f'{where} has effect {table!r:.40}; give {{ kind = "drop-shadow", ... }}')
        kind = EFFECTS[table["kind"]]
        valid = [field.name for field in fields(kind)]
        values = {key: value for key, value in table.items() if key != "kind"}
        self.check_keys(values, valid, f"{where}, effect {table['kind']!r},")
        if "image" in values:
            values["image"] = read(self.path(values["image"], where))
        if isinstance(values.get("fill"), dict):
            values["fill"] = self.effect(values["fill"], where)
        return kind(**{key: _frozen(value) for key, value in values.items()})

    def adjustment(self, table: Any, where: str) -> Callable[[Image], Image]:
        if not isinstance(table, dict) or "op" not in table:
            raise ReadError(self.name, f'{where} has adjustment {table!r:.40}; give {{ op = "levels", ... }}')
        function = ADJUSTMENTS[table["op"]]
        values = {key: _frozen(value) for key, value in table.items() if key != "op"}
        self.check_keys(values, list(inspect.signature(function).parameters)[1:], f"{where}, {table['op']!r},")
        made = functools.partial(function, **values)
        made(np.zeros((1, 1, 3), np.float32))  # what it thinks of its parameters, before any work is done
        return made


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def write_toml(path: str | PathLike[str], layers: Sequence[Item], size: tuple[int, int] | None) -> None:
    """Write a description, and its images into a folder of the same name beside it.

    Parameters
    ----------
    path : path
        The TOML file.
    layers : sequence of Layer or Group
        From the lowest to the topmost.
    size : (int, int), optional
        Height and width of the canvas.

    Raises
    ------
    ArgumentError
        An adjustment that is not one of ours with parameters.
    """
    target = Path(files.show(path))
    pictures: dict[str, bytes] = {}
    tables = [_table(item, target.stem, pictures) for item in layers]
    lines = [f"size = {_value(list(size))}"] if size is not None else []
    if isinstance(layers, Stack) and layers.background is not None:
        lines.append(f"background = {_value(layers.background)}")
    for table in tables:
        lines += _lines(table, "layers")
    if pictures:
        (target.parent / target.stem).mkdir(exist_ok=True)
    for name, content in pictures.items():
        files.store(target.parent / name, content)
    files.store(path, ("\n".join(lines).lstrip("\n") + "\n").encode())


def _table(item: Item, folder: str, pictures: dict[str, bytes]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for field in fields(item):
        if field.name == "_":
            continue
        value = getattr(item, field.name)
        if field.default is not MISSING and (
            value is field.default or (not isinstance(value, np.ndarray) and value == field.default)
        ):
            continue
        if field.name == "layers":
            table["layers"] = [_table(child, folder, pictures) for child in value]
        elif field.name == "adjustment":
            table["adjustment"] = _adjustment(value, item.name)
        elif field.name == "effects":
            table["effects"] = [_effect(effect, folder, pictures) for effect in value]
        elif isinstance(value, np.ndarray):
            table[field.name] = _picture(value, folder, pictures)
        else:
            table[field.name] = value
    return table


def _picture(image: Image, folder: str, pictures: dict[str, bytes]) -> str:
    if image.dtype == bool:
        image = image.astype(np.uint8) * 255
    kind, suffix = ("tiff", "tif") if image.dtype == np.float32 else ("png", "png")
    name = f"{folder}/{len(pictures):03d}.{suffix}"
    pictures[name] = encode(image, kind)
    return name


def _effect(effect: Any, folder: str, pictures: dict[str, bytes]) -> dict[str, Any]:
    kinds = [kind for kind, made in EFFECTS.items() if made is type(effect)]
    if not kinds:
        raise ArgumentError("effects", f"holds {effect!r:.60}", f"a description knows {', '.join(EFFECTS)}")
    table: dict[str, Any] = {"kind": kinds[0]}
    for field in fields(effect):
        value = getattr(effect, field.name)
        if isinstance(value, np.ndarray):
            table[field.name] = _picture(value, folder, pictures)
        elif type(value) in EFFECTS.values():
            table[field.name] = _effect(value, folder, pictures)
        elif value != field.default:
            table[field.name] = value
    return table


def _adjustment(made: Any, name: str) -> dict[str, Any]:
    function = getattr(made, "func", made)
    ops = [op for op, known in ADJUSTMENTS.items() if known is function]
    if not ops or len(getattr(made, "args", ())) > 0:
        raise ArgumentError(
            f"layer {name!r}",
            f"has adjustment {made!r:.60}",
            "give functools.partial(ie.levels, gamma=1.2) or the like",
        )
    return {"op": ops[0], **getattr(made, "keywords", {})}


def _lines(table: Mapping[str, Any], where: str) -> list[str]:
    lines = ["", f"[[{where}]]"]
    lines += [f"{key} = {_value(value)}" for key, value in table.items() if key != "layers"]
    for child in table.get("layers", ()):
        lines += _lines(child, f"{where}.layers")
    if table.get("layers") == []:
        lines.append("layers = []")
    return lines


def _value(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value)) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(v)}" for key, v in value.items()) + " }"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    raise ArgumentError("layers", f"hold {value!r:.60}", "a description holds text, numbers and lists of them")
