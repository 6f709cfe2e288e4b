"""The words of a command line as its parser wants them, and hints where it would only say that they do not fit.

Lists may be written with commas (``--offset 20,40``) or with blanks (``--offset 20 40``): what a command takes says how
many words belong together. A word that has no place, a name that does not exist and a value of the wrong kind are
answered here, with the option that was probably meant.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgedit.errors import ArgumentError
from imgedit.io.formats import FORMATS
from imgedit.recipes.steps import MEASURES, reading, writing
from imgedit.recipes.verbs import Parameter, Verb, choices, fits, plain
from imgedit.tables import Files, advice

__all__ = ["regrouped"]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
OPTION = re.compile(r"--?[a-zA-Z].*", re.DOTALL)

# Options that are no parameters of verbs.
COMMON = ("--output", "--json", "--metadata", "--no-metadata", "--version")

# How many words a parameter takes: as many as there are (paths), or one that may hold a list.
ALL, LIST = 0, -1


@dataclass(frozen=True)
class Place:
    """What a parameter of a verb takes on the command line.

    `words` is a number of words, ALL or LIST; `file` says whether it may be a path.
    """

    name: str
    words: int
    choices: tuple[str, ...]
    switch: bool
    flag: bool
    required: bool
    type: Any
    file: bool

    @property
    def option(self) -> str:
        """Its option."""
        return f"--{self.name.replace('_', '-')}"


def regrouped(name: str, verb: Verb, words: list[str]) -> list[str]:
    """Bring the words behind the name of a command into the form that its parser takes.

    Parameters
    ----------
    name : str
        Name of the verb.
    verb : Verb
        The verb.
    words : list of str
        What follows the name of the command.

    Returns
    -------
    list of str
        The same with one word for each value of a tuple and one for a list of any length.

    Raises
    ------
    ArgumentError
        A word that has no place, a missing image, a name that does not exist.
    """
    if any(word in ("--help", "-h") for word in words):
        return words
    return _Line(name, verb).read(words)


class _Line:
    """The words of one command, taken one after the other."""

    def __init__(self, name: str, verb: Verb) -> None:
        self._name = name.replace("_", "-")
        self._help = f"imgedit {self._name} --help"
        self._verb = verb
        self._slots = [_place(p) for p in verb.parameters.values() if p.positional and not p.nullable]
        self._options = {place.option: place for place in _options(name, verb)}
        self._given: set[str] = set()
        self._bare: list[str] = []
        self._has_target = False

    def read(self, words: list[str]) -> list[str]:
        """Give the words in the form that the parser takes."""
        out: list[str] = []
        self._has_target = any(word == "-o" or word.startswith("--output") for word in words)
        at = 0
        while at < len(words):
            if words[at] == "--":
                self._bare += words[at + 1 :]
                break
            if words[at] == "-o" or not OPTION.fullmatch(words[at]):
                taken = 1 + (words[at] == "-o")
                (out if taken == 2 else self._bare).extend(words[at : at + taken])
                at += taken
            else:
                found, at = self._option(words, at)
                out += found
        return [*self._places(), *out]

    def _option(self, words: list[str], at: int) -> tuple[list[str], int]:
        """Read an option and what it takes; give it anew, and where the next word stands."""
        option, joined, value = words[at].partition("=")
        negated = self._options.get(option.replace("--no-", "--", 1))
        if negated is not None and negated.switch and option != negated.option:
            return [negated.option, "false"], at + 1
        place = self._options.get(option)
        if place is None:
            self._refuse_unknown(option)
        if place is None or place.flag:
            end = at + 2 if option == "--output" and not joined else at + 1
            return words[at:end], end
        self._given.add(place.name)
        values = [value] if joined else _values(words[at + 1 :])
        if place.switch and not (values and _is_switch_value(values[0])):
            return [option, "true"], at + 1
        used = self._fill(place, values)
        end = at + 1 if joined else at + 1 + used
        return [option, *self._written(place, values[:used], option)], end

    def _refuse_unknown(self, option: str) -> None:
        known = {*self._options, *COMMON, *(f"--no-{p.option[2:]}" for p in self._options.values() if p.flag)}
        if option not in known:
            near = difflib.get_close_matches(option, sorted(known), n=1)
            hint = f"did you mean {near[0]}?" if near else f"{self._help} lists them"
            raise ArgumentError(option, f"is no option of {self._name}", hint)

    def _fill(self, place: Place, values: list[str]) -> int:
        """Say how many of the words that follow belong to a parameter."""
        if place.words == LIST:
            return self._length_of_list(values)
        if place.words > 1 and values and len(_parts(values[0])) > 1:
            return 1
        return min(max(place.words, 1), len(values))

    def _length_of_list(self, values: list[str]) -> int:
        if values and NUMBER.fullmatch(values[0]):
            return next((i for i, word in enumerate(values) if not NUMBER.fullmatch(word)), len(values))
        needed = sum(slot.required for slot in self._slots)
        # Words behind a word belong to its list once the images have their places.
        return len(values) if len(self._bare) >= needed else min(1, len(values))

    def _written(self, place: Place, values: list[str], said: str) -> list[str]:
        if place.words == LIST:
            return [",".join(values)] if values else []
        if place.words > 1:
            parts = _parts(values[0]) if len(values) == 1 else values
            if values and len(parts) != place.words:
                problem = f"takes {place.words} values, got {' '.join(values)!r}"
                hint = "" if said == place.option else self._hint(values[0])
                raise ArgumentError(said, problem, hint or f"write {place.option} {_sample(place.words)}")
            return parts
        if place.choices and values and not {values[0], values[0].lower().replace("_", "-")} & set(place.choices):
            raise ArgumentError(said, f"is {values[0]!r}", advice(values[0], list(place.choices), self._help))
        return values

    def _places(self) -> Iterator[str]:
        """Give the words that stand without an option, in the places that the verb has for them."""
        left = list(self._bare)
        for slot in self._slots:
            if slot.name in self._given:
                continue
            if slot.words == ALL:
                used = len(left)
            elif slot is self._slots[-1] and slot.words == LIST:
                used = self._length_of_list(left) if left and NUMBER.fullmatch(left[0]) else min(1, len(left))
            else:
                used = self._fill(slot, left) if slot.words != LIST else min(1, len(left))
            if slot.required and not used:
                kind = "path of a file" if slot.type is None else "value"
                example = f"for example: imgedit {self._name} {self._verb.example}"
                raise ArgumentError(self._name, f"needs {slot.name.upper()}, the {kind}", example)
            if used and not slot.file and self._file_hint(left[0]):
                break
            yield from self._written(slot, left[:used], slot.name)
            left = left[used:]
        if left:
            hint = self._file_hint(left[0]) or self._hint(*left) or f"{self._help} lists its options"
            raise ArgumentError(repr(left[0]), f"has no place in {self._name}", hint)

    def _hint(self, word: str, value: str = "") -> str:
        """Name the option that a word was probably meant for."""
        named = self._options.get(f"--{word.replace('_', '-')}")
        if named is not None:
            return f"did you mean {named.option} {value}".rstrip() + "?"
        for place in self._options.values():
            if place.name not in self._given and place.words == 1 and not place.flag and _could_be(word, place):
                return f"did you mean {place.option} {word}?"
        return ""

    def _file_hint(self, word: str) -> str:
        """Say where one more file would go: it may be the target, or the next of many photos."""
        suffix = Path(word).suffix.lower()
        if not any(suffix in codec.suffixes for codec in FORMATS.values()):
            return ""
        if not self._has_target:
            return f"did you mean -o {word}?"
        return "one photo at a time; many at once take a recipe: imgedit batch RECIPE PHOTOS -o FOLDER"


def _options(name: str, verb: Verb) -> Iterator[Place]:
    yield from (_place(p) for p in verb.parameters.values() if p.kind != "progress")
    for row in verb.rows():
        yield from (_place(p) for p in verb.extras(row).values())
    yield from (_place(p) for p in (reading() if name in MEASURES else {**reading(), **writing()}).values())


def _place(parameter: Parameter) -> Place:
    kind = plain(parameter.type) if parameter.kind == "value" else None
    members = _members(kind)
    words = 1
    if parameter.kind in ("images", "layers"):
        words = ALL
    elif len(members) == 1 and typing.get_origin(members[0]) is tuple and ... not in typing.get_args(members[0]):
        words = len(typing.get_args(members[0]))
    elif parameter.kind == "value" and not all(m in (bool, int, float, str) or choices(m) for m in members):
        words = LIST
    names = tuple(choice for choice in choices(parameter.type) if isinstance(choice, str))
    return Place(
        parameter.name,
        words,
        names if len(members) == 1 else (),
        switch=bool in members and len(members) > 1,
        flag=members == [bool],
        required=parameter.required,
        type=kind,
        file=kind is None or any(isinstance(note, Files) for note in getattr(parameter.type, "__metadata__", ())),
    )


def _members(kind: Any) -> list[Any]:
    """Types that a union allows, without None."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [inner for inner in typing.get_args(kind) if inner is not types.NoneType]
    return [] if kind is None else [kind]


def _values(words: list[str]) -> list[str]:
    """Words up to the next option."""
    end = next((i for i, word in enumerate(words) if OPTION.fullmatch(word) or word == "--"), len(words))
    return words[:end]


def _parts(word: str) -> list[str]:
    return [part.strip() for part in word.strip("[]()").split(",")]


def _sample(count: int) -> str:
    return ",".join(str(10 * (i + 1)) for i in range(count))


def _is_switch_value(word: str) -> bool:
    return bool(NUMBER.fullmatch(word)) or word.lower() in ("true", "false")


def _could_be(word: str, place: Place) -> bool:
    """Say whether a parameter could take a word, judging by its look."""
    if place.choices:
        return word in place.choices
    if not NUMBER.fullmatch(word) or place.type is None:
        return False
    values: Mapping[type, Any] = {int: int(word) if word.isdigit() else None, float: float(word)}
    return any(kind in _members(place.type) and value is not None for kind, value in values.items()) and not fits(
        values[int] if values[int] is not None else values[float], place.type
    )
