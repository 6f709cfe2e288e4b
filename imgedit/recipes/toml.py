"""Recipes as TOML text. The standard library reads TOML and does not write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgedit.errors import RecipeError

__all__ = ["dump"]


def dump(document: Mapping[str, Any]) -> str:
    """Write tables, and lists of tables, of plain values as TOML.

    Parameters
    ----------
    document : mapping
        Name -> mapping of plain values, or a list of such mappings. None stands for a value that is left out.

    Returns
    -------
    str
        TOML text.

    Raises
    ------
    RecipeError
        A value that TOML can't hold.

    Examples
    --------
    >>> print(dump({"output": {"format": "jpeg", "quality": 90}}))
    [output]
    format = "jpeg"
    quality = 90
    <BLANKLINE>
    """
    blocks = []
    for name, content in document.items():
        if isinstance(content, Mapping):
            blocks += [_block(f"[{name}]", content)] if content else []
        else:
            blocks += [_block(f"[[{name}]]", table) for table in content]
    return "\n".join(blocks)


def _block(head: str, table: Mapping[str, Any]) -> str:
    lines = [f"{_key(name)} = {_value(value, name)}\n" for name, value in table.items() if value is not None]
    return f"{head}\n{''.join(lines)}"


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _string(name)


def _value(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (str, Path)):
        return _string(str(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(inner, name) for inner in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(key)} = {_value(inner, name)}' for key, inner in value.items())}}}"
    raise RecipeError(f"{name} is a {type(value).__name__}, which no text can hold; give the path of a file")


def _string(text: str) -> str:
    # JSON's escapes are TOML's, but for one character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
