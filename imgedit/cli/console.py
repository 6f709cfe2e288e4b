"""What the terminal sees: progress on standard error while someone watches, results on standard output."""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from imgedit.recipes.verbs import Verb

__all__ = ["bar", "progress_bar", "show", "unwrapped"]


@contextlib.contextmanager
def bar(title: str, total: int | None = None) -> Iterator[Callable[[float], None]]:
    """Show a bar while work goes on; nothing where standard error is not a terminal.

    Parameters
    ----------
    title : str
        What is being done.
    total : int, optional
        Number of things, to count them; percent by default.

    Yields
    ------
    callable
        Takes the fraction done.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    counter = MofNCompleteColumn() if total else TaskProgressColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), counter, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total or 1.0)
        yield lambda fraction: progress.update(task, completed=fraction * (total or 1.0))


@contextlib.contextmanager
def progress_bar(name: str, verb: Verb) -> Iterator[dict[str, Any]]:
    """Give a verb that can report its progress a bar to report to.

    Parameters
    ----------
    name : str
        Name of the verb.
    verb : Verb
        The verb.

    Yields
    ------
    dict
        The argument to call it with; empty if it takes none.
    """
    reporter = next(iter(verb.of_kind("progress")), None)
    if reporter is None:
        yield {}
        return
    with bar(name) as report:
        yield {reporter.name: report}


def show(values: Mapping[str, Any], *, as_json: bool) -> None:
    """Print named values: one a line, or as JSON for a program.

    Parameters
    ----------
    values : mapping
        Names and plain values.
    as_json : bool
        One JSON object; what is not a finite number becomes null.
    """
    if as_json:
        print(json.dumps(_finite(values), indent=2))
        return
    width = max(map(len, values), default=0)
    for name, value in values.items():
        print(f"{name.replace('_', ' '):{width}}  {_text(value)}")


def unwrapped(doc: str | None) -> str:
    """Take the line ends and the marks of code out of a docstring, so that a terminal of any width can set it.

    Parameters
    ----------
    doc : str, optional
        A numpydoc docstring, or a part of one.

    Returns
    -------
    str
        One line a paragraph, one a description of a parameter.
    """
    head, section, rest = inspect.cleandoc(doc or "").replace("``", "").partition("\nParameters\n---")
    head = re.sub(r"(?<=\S)\n(?=\S)", " ", head)
    return head + section + re.sub(r"(?<=\n    )(\S[^\n]*(?:\n    \S[^\n]*)+)", _joined, rest)


def _joined(lines: re.Match[str]) -> str:
    return " ".join(lines[0].split())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return " x ".join(map(_text, value))
    return "-" if value in (None, "") else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
