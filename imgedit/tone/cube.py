"""The ``.cube`` file: colour look-up tables as text.

Source: Adobe 2013, "Cube LUT Specification 1.0". Red runs fastest in a 3-D table. Keywords that it does not know are
refused; ``LUT_1D_INPUT_RANGE`` and ``LUT_3D_INPUT_RANGE``, which some programs write, are taken for the domain.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import UnsupportedFormatError

__all__ = ["format_cube", "parse_cube"]

Triple = tuple[float, float, float]

# The specification's limits; a 256 cube is 192 MiB of float32.
MOST_1D, MOST_3D = 65536, 256

# No table within the limits is longer: 256^3 lines of at most 48 characters.
MOST_BYTES = 1 << 30


def parse_cube(path: str | os.PathLike[str]) -> tuple[NDArray[np.float32], Triple, Triple, str]:
    """Read a file.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    table : ndarray of float32
        Nx3, or NxNxNx3 indexed by blue, green, red.
    domain_min, domain_max : (float, float, float)
        Inputs of the first and last node.
    title : str
        The title, or "".

    Raises
    ------
    UnsupportedFormatError
        Something that the specification does not allow; says in which line.
    """
    if os.path.getsize(path) > MOST_BYTES:
        raise UnsupportedFormatError(path, "is larger than any .cube file; give a table of at most 256 nodes a side")
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        lines = file.read().split("\n")
    head: dict[str, Any] = {}
    start = _read_head(path, lines, head)
    kinds = [key for key in ("LUT_1D_SIZE", "LUT_3D_SIZE") if key in head]
    if len(kinds) != 1:
        raise UnsupportedFormatError(path, "has no LUT_1D_SIZE or LUT_3D_SIZE line, or both; it is no .cube file")
    size = head[kinds[0]]
    shape = (size, 3) if kinds == ["LUT_1D_SIZE"] else (size, size, size, 3)
    values = _read_values(path, lines[start:], start)
    if len(values) != np.prod(shape[:-1]):
        problem = f"has {len(values)} lines of numbers, but {kinds[0]} {size} wants {np.prod(shape[:-1])}"
        raise UnsupportedFormatError(path, f"{problem}; it is incomplete or damaged")
    low, high = head.get("DOMAIN_MIN", (0.0, 0.0, 0.0)), head.get("DOMAIN_MAX", (1.0, 1.0, 1.0))
    if any(a >= b for a, b in zip(low, high, strict=True)):
        raise UnsupportedFormatError(path, f"has the domain {low} to {high}, which is empty")
    return values.reshape(shape), low, high, head.get("TITLE", "")


def _read_head(path: object, lines: list[str], head: dict[str, Any]) -> int:
    """Read keywords; give the number of the first line of the table."""
    for number, line in enumerate(lines):
        words = line.split("#")[0].split()
        if not words:
            continue
        if re.match(r"[-+.\d]", words[0]):
            return number
        try:
            _read_keyword(words, line, head)
        except ValueError as failure:
            raise UnsupportedFormatError(path, f"line {number + 1}, {line.strip()[:60]!r}: {failure}") from None
    return len(lines)


def _read_keyword(words: list[str], line: str, head: dict[str, Any]) -> None:
    key, rest = words[0], words[1:]
    if key == "TITLE":
        quoted = re.search(r'"(.*)"', line)
        head[key] = quoted[1] if quoted else " ".join(rest)
    elif key in ("LUT_1D_SIZE", "LUT_3D_SIZE"):
        most = MOST_1D if key == "LUT_1D_SIZE" else MOST_3D
        if len(rest) != 1 or not rest[0].isdecimal() or not 2 <= int(rest[0]) <= most:
            raise ValueError(f"the size is a whole number from 2 to {most}")
        head[key] = int(rest[0])
    elif key in ("DOMAIN_MIN", "DOMAIN_MAX"):
        head[key] = _numbers(rest, 3)
    elif key in ("LUT_1D_INPUT_RANGE", "LUT_3D_INPUT_RANGE"):
        low, high = _numbers(rest, 2)
        head["DOMAIN_MIN"], head["DOMAIN_MAX"] = (low,) * 3, (high,) * 3
    else:
        raise ValueError("not a keyword of .cube files")


def _numbers(words: list[str], count: int) -> tuple[float, ...]:
    values = tuple(float(word) for word in words)
    if len(values) != count or not np.isfinite(values).all():
        raise ValueError(f"{count} numbers belong here")
    return values


def _read_values(path: object, lines: list[str], start: int) -> NDArray[np.float32]:
    kept = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    try:
        values = np.array([line.split() for line in kept], np.float32)
    except ValueError:
        values = np.empty((0, 0), np.float32)
    if values.ndim == 2 and values.shape[1:] == (3,) and np.isfinite(values).all():
        return values
    for number, line in enumerate(lines, start + 1):  # the slow way, to name the line
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                _numbers(line.split(), 3)
            except ValueError:
                problem = f"line {number}, {line.strip()[:60]!r}, is not three numbers"
                raise UnsupportedFormatError(path, problem) from None
    return values.reshape(-1, 3)


def format_cube(table: NDArray[np.float32], low: Triple, high: Triple, title: str) -> str:
    """Write a table as text.

    Parameters
    ----------
    table : ndarray of float32
        Nx3, or NxNxNx3 indexed by blue, green, red.
    low, high : (float, float, float)
        Inputs of the first and last node.
    title : str
        The title, or "".

    Returns
    -------
    str
        The text; numbers have nine significant digits, so that float32 comes back bit for bit.
    """
    kind = "LUT_1D_SIZE" if table.ndim == 2 else "LUT_3D_SIZE"
    plain = re.sub(r'["\r\n]+', " ", title)  # the format knows no escapes
    head = [f'TITLE "{plain}"'] if plain else []
    head.append(f"{kind} {len(table)}")
    if (tuple(low), tuple(high)) != ((0, 0, 0), (1, 1, 1)):
        head += [f"DOMAIN_MIN {_line(low)}", f"DOMAIN_MAX {_line(high)}"]
    rows = [_line(row) for row in table.reshape(-1, 3).tolist()]
    return "\n".join([*head, *rows, ""])


def _line(values: Sequence[float]) -> str:
    return " ".join(f"{value:.9g}" for value in values)
