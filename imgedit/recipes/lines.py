"""On which line of a TOML text each key stands.

`tomllib` tells positions only for syntax errors. But a text that is cut off parses exactly where a statement ends, so
the keys that are new in the shortest prefix that parses were written by the statement that ends there. Quadratic in
the number of lines: for error messages only.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["KeyPath", "key_lines", "line_of", "placed", "syntax_error"]

KeyPath = tuple[str | int, ...]
"""Keys and list positions from the top of a TOML document: ``("steps", 2, "method")``."""


def key_lines(text: str) -> dict[KeyPath, int]:
    r"""Find the line of every key and list element of a valid TOML text.

    Parameters
    ----------
    text : str
        A TOML document.

    Returns
    -------
    dict
        Path of the key -> number of the line where its statement begins, from 1.

    Examples
    --------
    >>> key_lines("[[steps]]\nop = 'flip'\n")[("steps", 0, "op")]
    2
    """
    lines = text.split("\n")
    found: dict[KeyPath, int] = {}
    begin = 1
    for number in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue
        for path in _paths(document):
            found.setdefault(path, begin)
        begin = number + 1
    return found


def _paths(value: Any, above: KeyPath = ()) -> Iterator[KeyPath]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*above, key)
        yield from _paths(inner, (*above, key))


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int:
    """Line of a key, or of the nearest thing around it that stands in the text.

    Parameters
    ----------
    path : tuple
        Path of a key that may be missing.
    lines : dict
        What `key_lines` gave.

    Returns
    -------
    int
        A line number from 1.
    """
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def syntax_error(failure: tomllib.TOMLDecodeError) -> tuple[int | None, str]:
    """Part the message of a syntax error into its line and what is wrong.

    Parameters
    ----------
    failure : tomllib.TOMLDecodeError
        What `tomllib` raised.

    Returns
    -------
    line : int or None
        The line from 1; None for the end of the text.
    problem : str
        The message without its position.
    """
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(failure), re.DOTALL)
    if match is None:
        return None, str(failure)
    return int(match[2]) if match[2] else None, match[1]


def placed(findings: Iterable[tuple[KeyPath, str]], source: Path | str, name: str = "") -> list[str]:
    """Head what is wrong with a document by where it stands.

    Parameters
    ----------
    findings : iterable of (path, str)
        Keys, and a sentence about each.
    source : Path or str
        The file, or its text.
    name : str
        What to call the text.

    Returns
    -------
    list of str
        ``name:line: sentence``, in the order of the lines.
    """
    text, name = (source.read_text(encoding="utf-8"), str(source)) if isinstance(source, Path) else (source, name)
    lines = key_lines(text)
    found = sorted((line_of(path, lines), sentence) for path, sentence in findings)
    return [f"{name}:{line}: {sentence}" for line, sentence in found]
