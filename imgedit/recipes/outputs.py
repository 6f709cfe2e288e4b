"""What comes of a photo: one result by ``[output]``, or several by ``[[outputs]]``, each with name, format and steps.

Names are templates: ``name = "{folder}/{stem}-{width}x{height}.{ext}"``. There is no running number: a name depends on
its photo only, so that a run over more photos keeps the names of the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from imgedit import io
from imgedit.io import FORMATS
from imgedit.io.files import suffix_of
from imgedit.io.formats import format_of_suffix
from imgedit.pixels import Image
from imgedit.recipes.photos import FIELDS, Photo, fields_of, filled, pattern_fault

if TYPE_CHECKING:
    from imgedit.recipes import Step

__all__ = ["NAME", "RESULT_FIELDS", "Output", "format_of", "name_faults"]

NAME = "{folder}/{stem}.{ext}"
"""Where results go unless a recipe says otherwise: the tree of the input, in the format that is written."""

SIZE = ("width", "height")

RESULT_FIELDS = (*FIELDS, "ext", *SIZE)
"""What stands in braces in the name of a result."""

# What of [output] is not for the encoder.
OF_FILE = ("name", "format", "metadata", "steps")

BY_SUFFIX = {suffix: name for name, codec in FORMATS.items() for suffix in codec.suffixes}


@dataclass(frozen=True)
class Output:
    """One result of each photo.

    Parameters
    ----------
    options : mapping
        The table of the recipe, without its steps.
    steps : tuple of Step
        Done for this result alone, after those of the recipe.
    """

    options: Mapping[str, Any]
    steps: tuple[Step, ...] = ()

    @cached_property
    def name(self) -> str:
        """Template of its name."""
        return str(self.options.get("name", NAME))

    @cached_property
    def format(self) -> str:
        """Name of its format; empty where it keeps that of the photo."""
        return format_of(self.options)

    @cached_property
    def _suffix(self) -> str:
        return FORMATS[self.format].suffixes[0] if self.format else ""

    @cached_property
    def is_sized(self) -> bool:
        """Whether its name holds the size of the result, which is known only then."""
        return not set(SIZE).isdisjoint(fields_of(self.name))

    @cached_property
    def encoding(self) -> dict[str, Any]:
        """What the encoder is told."""
        return {name: value for name, value in self.options.items() if name not in OF_FILE}

    def kept(self, metadata: io.Metadata) -> io.Metadata | None:
        """Give what is written of the photo's metadata."""
        return metadata if self.options.get("metadata", True) else None

    def planned(self, photo: Photo) -> str:
        """Give its name for a photo; ``{width}`` and ``{height}`` stay as they are.

        Parameters
        ----------
        photo : Photo
            The photo.

        Returns
        -------
        str
            A relative path with forward slashes.
        """
        return self._named(photo, "{width}", "{height}")

    def encode(self, image: Image, metadata: io.Metadata, photo: Photo) -> tuple[str, bytes]:
        """Make the file of a result.

        Parameters
        ----------
        image : ndarray
            The result.
        metadata : Metadata
            That of the photo.
        photo : Photo
            The photo.

        Returns
        -------
        name : str
            A relative path with forward slashes.
        data : bytes
            The whole file.
        """
        name = self._named(photo, str(image.shape[1]), str(image.shape[0]))
        form = self.format or format_of_suffix(suffix_of(name), name).name
        return name, io.encode(image, form, name=name, metadata=self.kept(metadata), **self.encoding)

    def _named(self, photo: Photo, width: str, height: str) -> str:
        fields = photo.fields()
        fields.update(ext=(self._suffix or fields["suffix"])[1:], width=width, height=height)
        return filled(self.name, fields)


def format_of(options: Mapping[str, Any]) -> str:
    """Tell the format that a table of a recipe asks for, by name or by the suffix of its template; empty for none."""
    return str(options.get("format") or BY_SUFFIX.get(_suffix(options), ""))


def _suffix(options: Mapping[str, Any]) -> str:
    """Suffix that stands in the template itself."""
    found = re.search(r"\.[A-Za-z0-9]+$", str(options.get("name", NAME)))
    return found[0].lower() if found else ""


def name_faults(options: Mapping[str, Any]) -> Iterator[str]:
    """Find what is wrong with the template of a name.

    Parameters
    ----------
    options : mapping
        A table ``[output]``, or one of ``[[outputs]]``, of the right types.

    Yields
    ------
    str
        The end of a sentence that begins with the name.
    """
    name = str(options.get("name", NAME))
    if problem := pattern_fault(name, RESULT_FIELDS):
        yield problem
        return
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ":" in name or "\0" in name or not {".", ".."}.isdisjoint(parts):
        yield '; give a path below the output, with forward slashes: "small/{stem}.{ext}"'
    elif parts[0].startswith(".imgedit"):
        yield "; the folder .imgedit holds the record of the runs"
    yield from _end_faults(name, options)
    yield from _size_faults(name)


def _end_faults(name: str, options: Mapping[str, Any]) -> Iterator[str]:
    format, suffix = options.get("format"), _suffix(options)
    if name.endswith(("{suffix}", "{name}")):
        if format is not None:
            yield f"; it keeps the suffix of the photo, but format is {format!r}: end it with .{{ext}}"
    elif name.endswith(".{ext}"):
        return
    elif suffix not in BY_SUFFIX:
        yield "; end it with .{ext}, or with the suffix of a format"
    elif format is not None and BY_SUFFIX[suffix] != format:
        yield f"; its suffix is that of {BY_SUFFIX[suffix]}, but format is {format!r}: end it with .{{ext}}"


def _size_faults(name: str) -> Iterator[str]:
    """Keep names apart before their sizes are known: whoever cuts the sizes off the end finds one name only.

    For that the sizes stand behind everything that differs between photos, and no digit touches them.
    """
    first = min((name.find(f"{{{field}}}") for field in SIZE if f"{{{field}}}" in name), default=-1)
    if first < 0:
        return
    if set(fields_of(name[first:])) - {*SIZE, "ext"} or "/" in name[first:]:
        yield "; {width} and {height} stand behind all else: {stem}-{width}x{height}.{ext}"
    elif re.search(r"[}0-9]\{(?:width|height)\}|\{(?:width|height)\}[0-9]", name):
        yield "; put a sign before {width} and {height}, or names may meet: {stem}-{width}x{height}.{ext}"
