"""What a function takes, read from its signature: the one source for recipe checks and command-line options.

An annotation ``Image`` or ``Mask`` is given as a path in recipes and commands; ``Annotated[str, TABLE]`` and
``Literal`` are choices; everything else is a plain value. ``**parameters`` of a dispatcher are those of the functions
in the table that its selecting parameter names.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import operator
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from imgedit.tables import Files, Table, advice

__all__ = ["ON_DISK", "Kind", "Parameter", "Verb", "choices", "fits", "frozen", "help_texts", "nearest", "plain"]

Kind = Literal["image", "images", "layers", "mask", "file", "progress", "value"]

# What a recipe or a command gives as paths.
ON_DISK: tuple[Kind, ...] = ("image", "images", "layers", "mask", "file")

# Image and Mask name the same type to Python, so they are told apart by how the annotation is written.
KINDS: dict[str, Kind] = {
    r"Image|NDArray\[Any\]": "image",
    r"(?:Sequence|Iterable|list|tuple)\[Image(?:, \.\.\.)?\]": "images",
    r"Sequence\[Item\]": "layers",
    r"Mask": "mask",
    r".*\bPathLike\[str\]": "file",
    r"Progress": "progress",
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a verb: its name, what it takes, its default (`inspect.Parameter.empty`: required)."""

    name: str
    kind: Kind
    type: Any
    default: Any
    positional: bool
    nullable: bool = False
    """It has no default, but may be None: left out in a recipe or a command, it is given as None."""

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is inspect.Parameter.empty

    @property
    def files(self) -> Files | None:
        """How to find paths in its plain values; None where none can be."""
        notes = self.type.__metadata__ if typing.get_origin(self.type) is typing.Annotated else ()
        return next((note for note in notes if isinstance(note, Files)), None)


@dataclass(frozen=True)
class Verb:
    """A function that recipes and commands can call, imported when it is first looked at.

    Parameters
    ----------
    name : str
        Its public name: ``"resize"`` for ``imgedit.resize``.
    example : str
        What follows the name of the command in a typical call; shown in its help and run by the tests.
    main : str
        The image that is edited, where that is not the first.
    """

    name: str
    example: str = ""
    main: str = ""

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The function itself."""
        function: Callable[..., Any] = getattr(importlib.import_module("imgedit"), self.name)
        return function

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """What it takes, by name, without what its ``**parameters`` may hold and what only Python can give."""
        named = [p for p in inspect.signature(self.function).parameters.values() if p.annotation != "Out | None"]
        return {p.name: _parameter(p, self.function) for p in named if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}

    @cached_property
    def photo(self) -> str:
        """Name of the image that is edited."""
        return self.main or next(p.name for p in self.of_kind("image", "images", "layers"))

    @cached_property
    def selector(self) -> Parameter | None:
        """The parameter whose table says what ``**parameters`` may hold; None for a verb without those."""
        if not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(self.function).parameters.values()):
            return None
        return self.parameters["method"]

    def rows(self) -> dict[str, Callable[..., Any]]:
        """Functions that its selector chooses from; a row of a table is one, or an object that has one as ``fill``."""
        table = _table(self.selector.type) if self.selector else None
        return {name: getattr(row, "fill", row) for name, row in (table or {}).items()}

    def extras(self, row: str) -> dict[str, Parameter]:
        """List what its ``**parameters`` may hold when its selector is `row`."""
        function = self.rows()[row]
        own = [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
        return {p.name: _parameter(p, function) for p in own if p.name not in self.parameters}

    def takes(self, given: Mapping[str, Any]) -> dict[str, Parameter]:
        """List everything that a call can give, once it is known which row these arguments select."""
        if self.selector is None:
            return self.parameters
        row = given.get(self.selector.name, self.selector.default)
        return self.parameters | (self.extras(row) if row in self.rows() else {})

    def of_kind(self, *kinds: Kind) -> list[Parameter]:
        """Parameters of these kinds, in the order of the signature."""
        return [p for p in self.parameters.values() if p.kind in kinds]

    @property
    def summary(self) -> str:
        """First line of its docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Call the function with arguments by name."""
        left_out = {p.name: None for p in self.parameters.values() if p.nullable}
        return self.function(**(left_out | {name: self._fit(name, value) for name, value in arguments.items()}))

    def _fit(self, name: str, value: Any) -> Any:
        """Put one image where several are taken, and plain images where layers are."""
        kind = self.parameters[name].kind if name in self.parameters else "value"
        if kind not in ("images", "layers"):
            return value
        images = value if isinstance(value, (list, tuple)) else [value]
        if kind == "images":
            return images
        from imgedit.compositing.layers import Layer, Stack

        return value if isinstance(value, Stack) else [Layer(image) for image in images]

    def place(self, given: Iterable[str]) -> str:
        """Name the parameter that takes the photo when others are given: the edited image, or the first one left.

        Parameters
        ----------
        given : iterable of str
            Names of the arguments that are given otherwise.

        Returns
        -------
        str
            Name of an image parameter; empty if they are all given.
        """
        taken = set(given)
        names = [self.photo, *(p.name for p in self.of_kind("image", "images", "layers"))]
        return next((name for name in names if name not in taken), "")


def help_texts(function: Callable[..., Any]) -> dict[str, str]:
    """Give what the docstring of a function says about each parameter.

    Parameters
    ----------
    function : callable
        A function with a numpydoc docstring.

    Returns
    -------
    dict
        Name -> text.
    """
    import docstring_parser

    found = docstring_parser.parse(inspect.getdoc(function) or "", docstring_parser.DocstringStyle.NUMPYDOC)
    return {
        name.strip().lstrip("*"): parameter.description or ""
        for parameter in found.params
        for name in parameter.arg_name.split(",")
    }


def _parameter(parameter: inspect.Parameter, function: Callable[..., Any]) -> Parameter:
    written = parameter.annotation if isinstance(parameter.annotation, str) else ""
    bare = written.removesuffix(" | None")
    kind: Kind = next((kind for pattern, kind in KINDS.items() if re.fullmatch(pattern, bare)), "value")
    resolved = _resolve(parameter, function) if kind == "value" else None
    positional = parameter.kind is not parameter.KEYWORD_ONLY
    nullable = written.endswith(" | None") and parameter.default is parameter.empty
    default = None if nullable else parameter.default
    return Parameter(parameter.name, kind, resolved, default, positional, nullable)


def _resolve(parameter: inspect.Parameter, function: Callable[..., Any]) -> Any:
    # One annotation at a time: others of the same function may name types that exist for type checkers only.
    carrier = types.SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    scope = inspect.unwrap(function).__globals__
    return typing.get_type_hints(carrier, scope, include_extras=True)[parameter.name]


def _table(annotation: Any) -> Table[Any] | None:
    """Find the table that an annotation takes its names from."""
    if typing.get_origin(annotation) is typing.Annotated:
        return next((note for note in annotation.__metadata__ if isinstance(note, Table)), None)
    return next((table for inner in typing.get_args(annotation) if (table := _table(inner))), None)


def choices(annotation: Any) -> list[Any]:
    """List the names that an annotation allows.

    Parameters
    ----------
    annotation : type
        Resolved type of a parameter.

    Returns
    -------
    list
        The names of its tables and literals; empty where any value may stand.
    """
    if typing.get_origin(annotation) is Literal:
        return list(typing.get_args(annotation))
    if table := _table(annotation):
        return list(table)
    return [name for inner in typing.get_args(annotation) for name in choices(inner)]


def plain(annotation: Any) -> Any:
    """Write a type as libraries know it: tables as literals; arrays and our own classes, which no text holds, left out.

    Parameters
    ----------
    annotation : type
        Resolved type of a parameter.

    Returns
    -------
    type
        Literals, plain types, and tuples, sequences and mappings of them.
    """
    if typing.get_origin(annotation) is typing.Annotated:
        table = _table(annotation)
        return Literal[tuple(table)] if table else plain(annotation.__origin__)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kept = [inner for inner in typing.get_args(annotation) if not (_is_ours(inner) or _is_array(inner))]
        return functools.reduce(operator.or_, map(plain, kept))
    return annotation


def _is_ours(annotation: Any) -> bool:
    return isinstance(annotation, type) and annotation.__module__.startswith("imgedit.")


def _is_array(annotation: Any) -> bool:
    return getattr(typing.get_origin(annotation), "__module__", "") == "numpy"


def fits(value: Any, annotation: Any) -> str:
    """Say what is wrong with a value.

    Parameters
    ----------
    value : object
        A plain value; lists as tuples.
    annotation : type
        Resolved type of a parameter.

    Returns
    -------
    str
        The end of a sentence; empty if the value is of the type.
    """
    import pydantic

    if type(value).__module__.startswith("imgedit."):
        return ""  # made in Python, by a class that checks its own values
    if type(value).__module__ == "numpy":
        return ""  # an image, which the verb checks
    try:
        pydantic.TypeAdapter(plain(annotation), config=pydantic.ConfigDict(strict=True)).validate_python(value)
    except pydantic.ValidationError as failure:
        names = [name for name in choices(annotation) if isinstance(name, str)]
        if names and isinstance(value, str):
            table = _table(annotation)
            return nearest(value, names, table.where if table else "")
        messages = [error["msg"][0].lower() + error["msg"][1:] for error in failure.errors()]
        return f"; {', or '.join(dict.fromkeys(messages))}"
    return ""


def nearest(name: object, valid: Iterable[str], where: str = "") -> str:
    """End a sentence about a wrong name with the nearest and all valid ones.

    Parameters
    ----------
    name : object
        What was given.
    valid : iterable of str
        What could have been given.
    where : str
        Where all names can be read, if they are many.

    Returns
    -------
    str
        ``" (did you mean 'method'?); valid names: grow, method"``.
    """
    near, _, valid_names = advice(name, list(valid) or ["none"], where).rpartition("? ")
    return f"{f' ({near}?)' if near else ''}; {valid_names}"


def frozen(value: Any) -> Any:
    """Turn lists into tuples, so that nobody changes a value in a recipe, and types can be checked strictly.

    Parameters
    ----------
    value : object
        A plain value.

    Returns
    -------
    object
        The same with tuples for lists, all the way down.
    """
    if isinstance(value, (list, tuple)):
        return tuple(map(frozen, value))
    if isinstance(value, Mapping):
        return {name: frozen(inner) for name, inner in value.items()}
    return value
