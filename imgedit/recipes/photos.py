"""Which photo a recipe works on: what names of results, patterns of masks and conditions ask about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Formatter
from typing import NamedTuple
from urllib.parse import urlsplit

from imgedit.errors import ArgumentError
from imgedit.recipes.verbs import nearest

__all__ = ["BESIDE", "FIELDS", "Photo", "fields_of", "filled", "is_pattern", "pattern_fault"]

FIELDS = ("folder", "stem", "suffix", "name")
"""What stands in braces in a name of a result, or in the path of a mask that each photo has of its own."""

BESIDE = (*FIELDS, "parent")
"""The same in the path of a mask or an overlay."""


class Photo(NamedTuple):
    """Where a photo lies, and what it is called.

    Parameters
    ----------
    source : str
        A path or a URL.
    name : str
        Its path below the folder that was given, with forward slashes: ``"deep/c.tif"``.
    format : str
        Name of the format that it is encoded in, once that is known.

    Examples
    --------
    >>> Photo("/photos/deep/c.tif", "deep/c.tif").fields()
    {'folder': 'deep', 'stem': 'c', 'suffix': '.tif', 'name': 'c.tif'}
    """

    source: str
    name: str
    format: str = ""

    @classmethod
    def at(cls, source: str) -> Photo:
        """Name a photo by the last part of where it lies."""
        path = urlsplit(source).path if "://" in source else source
        return cls(source, path.replace("\\", "/").rpartition("/")[2])

    def fields(self) -> dict[str, str]:
        """Give what stands in braces in the names of its results."""
        folder, _, name = self.name.rpartition("/")
        stem, dot, suffix = name.rpartition(".")
        if not stem:  # no dot, or only one at the beginning
            return {"folder": folder, "stem": name, "suffix": "", "name": name}
        return {"folder": folder, "stem": stem, "suffix": dot + suffix, "name": name}

    def beside(self, pattern: str) -> str:
        """Fill the path of a file that each photo has of its own.

        Parameters
        ----------
        pattern : str
            A path with fields in braces.

        Returns
        -------
        str
            The path for this photo.

        Raises
        ------
        ArgumentError
            It names the folder of a photo that lies in an archive.
        """
        fields = self.fields()
        if "parent" in fields_of(pattern):
            if "::" in self.source:
                raise ArgumentError("{parent}", f"has no meaning for {self.source}", "name a folder of files")
            fields["parent"] = self.source.replace("\\", "/").rpartition("/")[0]
        return pattern.format_map(fields)


def is_pattern(path: object) -> bool:
    """Tell whether a path holds fields, and so is another one for each photo."""
    return isinstance(path, str) and ("{" in path or "}" in path)


def fields_of(pattern: str) -> list[str]:
    """List the fields of a pattern whose braces match, in their order."""
    return [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]


def pattern_fault(pattern: str, allowed: Iterable[str]) -> str:
    """Say what is wrong with the braces of a pattern.

    Parameters
    ----------
    pattern : str
        A text with fields in braces.
    allowed : iterable of str
        The fields that it may have.

    Returns
    -------
    str
        The end of a sentence; empty if nothing is wrong.
    """
    allowed = list(allowed)
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError:
        return "; a brace has no partner; write {{ and }} for braces themselves"
    for _, name, spec, conversion in parts:
        if name is not None and name not in allowed:
            return f" with {{{name}}}, which is no field{nearest(name, allowed)}"
        if spec or conversion:
            return f" with a format for {{{name}}}; a field stands alone in its braces"
    return ""


def filled(pattern: str, fields: Mapping[str, str]) -> str:
    """Fill the name of a result; folders that are empty leave no trace.

    Parameters
    ----------
    pattern : str
        A checked pattern.
    fields : mapping
        Field -> text.

    Returns
    -------
    str
        A relative path with forward slashes.
    """
    name = pattern.format_map(fields)
    return "/".join(filter(None, name.split("/"))) if name[:1] == "/" or "//" in name else name
