"""A command for each verb: images come as paths, values as options, and the result is written to ``-o``."""

from __future__ import annotations

import contextlib
import inspect
import sys
import tomllib
import types
import typing
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from cyclopts import Group
from cyclopts import Parameter as Option

from imgedit import io
from imgedit.cli.console import progress_bar, show, unwrapped
from imgedit.errors import ArgumentError
from imgedit.pixels import Image, Mask
from imgedit.recipes.steps import READ, WRITE, reading, writing
from imgedit.recipes.verbs import Parameter, Verb, fits, frozen, help_texts, plain

__all__ = ["command", "question"]

PATH = Option(allow_leading_hyphen=True)  # "-" is standard input or output

# Names that no verb may have for a parameter, beside those of reading and writing.
OWN_OPTIONS = frozenset({"output", "help", "version"})

# Verbs whose result may well be the picture as it was.
MAY_KEEP = frozenset({"convert", "crop", "flatten", "pad", "premultiply", "trim", "unpremultiply"}) | {
    f"to_{dtype}" for dtype in ("uint8", "uint16", "float")
}

# Verbs whose result may have another dtype than the picture.
MAY_CONVERT = frozenset({"convert", "to_uint8", "to_uint16", "to_float"})

# Options of writing that no format has to know.
LATER = frozenset({"scrub_hidden", "follow"})

WRITING = Group("Writing", sort_key=2)
READING = Group("Reading", sort_key=3)


def command(name: str, verb: Verb) -> Callable[..., None]:
    """Make a function whose signature is that of the verb on the command line.

    Parameters
    ----------
    name : str
        Name of the verb.
    verb : Verb
        The verb.

    Returns
    -------
    callable
        Reads, calls the verb, writes.
    """

    def call(*args: Any, **kwargs: Any) -> None:
        _run(name, verb, inspect.Signature(parameters).bind(*args, **kwargs).arguments)

    parameters = list(_signature(verb))
    return _disguised(call, verb, parameters)


def _disguised(call: Callable[..., None], verb: Verb, parameters: list[inspect.Parameter]) -> Callable[..., None]:
    """Give a function the signature and the docstring that the command line is built from."""
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    call.__doc__ = unwrapped(verb.function.__doc__)
    return call


def question(name: str, verb: Verb) -> Callable[..., None]:
    """Make a function that prints what a function tells about images.

    Parameters
    ----------
    name : str
        Its name, under which a single value is printed.
    verb : Verb
        The function.

    Returns
    -------
    callable
        Reads, calls, prints.
    """

    def call(*args: Any, **kwargs: Any) -> None:
        given = inspect.Signature(parameters).bind(*args, **kwargs).arguments
        as_json = given.pop("json", False)
        how = {option: given.pop(option) for option in reading() if option in given}
        _open_images(verb, given, how)
        found = verb.call(given)
        show(found if isinstance(found, Mapping) else {name: found}, as_json=as_json)

    parameters = [_option(p) for p in verb.parameters.values()]
    as_json = Annotated[bool, Option(negative=(), help="Print JSON.")]
    parameters += [inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, annotation=as_json, default=False)]
    parameters += _reading_options()
    return _disguised(call, verb, parameters)


def _signature(verb: Verb) -> Iterator[inspect.Parameter]:
    own = [_option(p) for p in verb.parameters.values() if p.kind != "progress"]
    yield from (p for p in own if p.kind is not p.KEYWORD_ONLY)
    output = Annotated[Path, PATH, Option(alias="-o", help="Where to write; - for standard output.")]
    yield inspect.Parameter("output", inspect.Parameter.KEYWORD_ONLY, annotation=output)
    yield from (p for p in own if p.kind is p.KEYWORD_ONLY)
    yield from _extras(verb)
    texts = help_texts(WRITE.function) | {"metadata": "Carry EXIF, colour profile, XMP and resolution over."}
    yield from (_option(p, WRITING, texts[p.name]) for p in writing().values())
    yield from _reading_options()


def _reading_options() -> list[inspect.Parameter]:
    return [_option(p, READING, help_texts(READ.function)[p.name]) for p in reading().values()]


def _extras(verb: Verb) -> Iterator[inspect.Parameter]:
    """Yield the options that only some rows of the verb's table take, each once, in groups named after those rows."""
    if verb.selector is None:
        return
    having: dict[str, list[str]] = {}
    for row in verb.rows():
        for name in verb.extras(row):
            having.setdefault(name, []).append(row)
    for name, rows in having.items():
        group = Group(f"Only with --{verb.selector.name} {', '.join(rows)}", sort_key=1)
        yield _option(verb.extras(rows[0])[name], group, help_texts(verb.rows()[rows[0]]).get(name, ""), False)


def _option(
    parameter: Parameter, group: Group | None = None, text: str | None = None, defaults: bool = True
) -> inspect.Parameter:
    by_place = parameter.positional and not parameter.nullable
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if by_place else inspect.Parameter.KEYWORD_ONLY
    notes: list[Option] = [Option(group=group, help=unwrapped(text))] if group else []
    annotation: Any = plain(parameter.type)
    if parameter.kind in ("image", "mask", "file"):
        annotation, notes = str, [*notes, PATH]  # not Path, which takes a URL for a file name
    elif parameter.kind in ("images", "layers"):
        annotation, notes = list[str], [*notes, PATH, Option(consume_multiple=True)]
    elif not _simple(annotation):
        # Its real type is hidden, or it would be taken apart into several words.
        notes = [*notes, Option(converter=_converter(parameter.name, annotation), n_tokens=1, metavar="VALUE")]
        annotation = object
    if not parameter.required and (parameter.default is None or not defaults):
        annotation = annotation | None
    noted = Annotated[(annotation, *notes)] if notes else annotation
    default = parameter.default if defaults else None
    return inspect.Parameter(parameter.name, kind, annotation=noted, default=default)


def _simple(annotation: Any) -> bool:
    """Say whether the words of a command line can be taken for this type without quoting."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        kinds = [kind for kind in inner if kind is not types.NoneType]
        return len(kinds) == 1 and _simple(kinds[0])
    if origin is tuple:
        return ... not in inner and all(kind in (int, float, str) for kind in inner)
    return origin is Literal or annotation in (bool, int, float, str)


def _converter(name: str, annotation: Any) -> Callable[[Any, Any], Any]:
    """Make a function that takes one word for a value: as TOML writes it, as words with commas, or as it is."""

    def convert(_: Any, tokens: Any) -> Any:
        word = tokens[0].value
        for value in _readings(word):
            if not fits(value, annotation):
                return value
        raise ValueError(f"{name} is {word!r}{fits(word, annotation)}")

    return convert


def _readings(word: str) -> Iterator[Any]:
    for text in (word, f"[{word}]", f"{{{word}}}"):
        with contextlib.suppress(tomllib.TOMLDecodeError):
            yield frozen(tomllib.loads(f"value = {text}")["value"])
    yield word
    yield tuple(part.strip() for part in word.split(","))


def _run(name: str, verb: Verb, given: dict[str, Any]) -> None:
    output = given.pop("output")
    options = {option: given.pop(option) for option in writing() if option in given}
    how = {option: given.pop(option) for option in reading() if option in given}
    carry = options.pop("metadata", True)
    _check_output(str(output), options)
    paths = {p.name: given[p.name] for p in verb.of_kind("image", "mask") if given.get(p.name)}
    found = _open_images(verb, given, how)
    photo = given.get(verb.photo)
    if isinstance(photo, np.ndarray) and verb.name not in MAY_CONVERT:
        _check_output(str(output), options, photo.dtype)
    try:
        with progress_bar(name, verb) as reporter:
            image = verb.call(given | reporter)
    except ArgumentError as failure:
        failure.paths = paths  # type: ignore[attr-defined]  # the remedy may be a command on one of them
        raise
    _warn_if_unchanged(verb, given, image)
    io.write(output, image, metadata=found[verb.photo] if carry else None, **options)


def _check_output(output: str, options: Mapping[str, Any], dtype: np.dtype[Any] | None = None) -> None:
    """Refuse a target that can't be written, before any work is done for it."""
    if output == "-" and options.get("format") is None:
        raise ArgumentError("format", "is missing", "standard output has no suffix that says it: --format png")
    if output == "-" and sys.stdout.isatty():
        raise ArgumentError("output", "is a terminal, which can't show the file", "redirect it, or name a file")
    io.check_output(output, dtype, **{name: value for name, value in options.items() if name not in LATER})


def _warn_if_unchanged(verb: Verb, given: Mapping[str, Any], image: Image) -> None:
    """Say so where an edit changed nothing: an empty mask, a place outside the picture, a strength of zero."""
    photo = given.get(verb.photo)
    if verb.name in MAY_KEEP or not isinstance(photo, np.ndarray):
        return
    if photo.shape == image.shape and photo.dtype == image.dtype and np.array_equal(photo, image):
        warnings.warn(f"{verb.name.replace('_', '-')} changed no pixel", UserWarning, stacklevel=2)


def _open_images(verb: Verb, given: dict[str, Any], how: dict[str, Any]) -> dict[str, io.Metadata]:
    """Put images in the place of their paths, and give the metadata of each."""
    found: dict[str, io.Metadata] = {}
    for parameter in verb.takes(given).values():
        path = given.get(parameter.name)
        if path is None:
            continue
        if parameter.kind == "mask":
            given[parameter.name] = mask = _read_mask(path, parameter.name)
            if not mask.any():
                warnings.warn(f"{path} marks nothing: all of it is black", UserWarning, stacklevel=2)
        elif parameter.kind == "image":
            given[parameter.name], found[parameter.name] = io.read(path, with_metadata=True, **how)
        elif parameter.kind == "layers" and (stack := _document(path)) is not None:
            given[parameter.name], found[parameter.name] = stack, io.Metadata()
        elif parameter.kind in ("images", "layers"):
            opened = [io.read(one, with_metadata=True, **how) for one in path]
            given[parameter.name], found[parameter.name] = [image for image, _ in opened], opened[0][1]
    return found


def _read_mask(path: str, name: str) -> Mask:
    """Read a mask; what is wrong with it is told of the option that it was given to."""
    try:
        return io.read_mask(path, soft=True)
    except ArgumentError as error:
        if error.argument != "mask":
            raise
        remedy = error.remedy.replace("mask", name)
        if "zeros and ones" in remedy:  # which only Python can say otherwise
            remedy = f"make its ones white: imgedit auto-levels {path} --cutoff 0 -o WHITE.png"
        raise type(error)(name, error.problem, remedy) from None


def _document(paths: list[str]) -> Any:
    """Read the layers of a layered document; None where the paths are pictures."""
    from imgedit.compositing.documents import READERS, read_layers

    layered = len(paths) == 1 and Path(paths[0]).suffix.lower() in READERS
    return read_layers(paths[0]) if layered else None
