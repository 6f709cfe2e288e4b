"""What the terminal sees: progress on standard error while someone watches, results on standard output."""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgedit.recipes.verbs import Verb

if TYPE_CHECKING:
    from imgedit.batch import Report
    from imgedit.batch.tally import Tally

__all__ = ["BatchBar", "Pace", "bar", "print_failures", "print_summary", "progress_bar", "show", "unwrapped"]

# Failures that are told one by one at the end of a run; the report has all of them.
FAILURES_TOLD = 20


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


@dataclass(frozen=True)
class Pace:
    """How fast a run goes.

    Parameters
    ----------
    tally : Tally
        What has come to an end.
    seconds : float
        Time since the run began.
    """

    tally: Tally
    seconds: float

    @property
    def files(self) -> float:
        """Files a second that this run brought to an end."""
        return self.tally.worked / self.seconds if self.seconds > 0 else 0.0

    @property
    def megapixels(self) -> float:
        """Millions of pixels a second of the photos that this run did."""
        return self.tally.pixels / 1e6 / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that are left at this pace; None where nobody can tell yet."""
        rest = self.tally.total - self.tally.settled
        if not rest:
            return 0.0
        return rest / self.files if self.files else None

    def __str__(self) -> str:
        parts = [f"{self.files:,.1f} files/s", f"{self.megapixels:,.1f} MP/s"]
        parts += [f"{_duration(self.left)} left"] if self.left is not None else []
        failed, workers = self.tally.failed, self.tally.workers
        return ", ".join([*parts, f"{failed:,} failed", f"{workers} worker{'s' * (workers != 1)}"])


class BatchBar:
    """Show how a batch goes on; nothing where standard error is not a terminal.

    It is called with each tally; `last` is the latest.
    """

    def __init__(self) -> None:
        self.last: Tally | None = None
        self._show: Callable[[Tally], None] | None = None

    def __call__(self, tally: Tally) -> None:
        """Show a tally.

        Parameters
        ----------
        tally : Tally
            How far the run is.
        """
        self.last = tally
        if self._show is not None:
            self._show(tally)

    def next(self, reports: Iterator[Report]) -> Report | None:
        """Show the bar while the next report is made, and take it away before anything else is printed.

        Parameters
        ----------
        reports : iterator of Report
            Makes them.

        Returns
        -------
        Report
            None where there are no more.
        """
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        console = Console(stderr=True)
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("waiting for files", total=None)
            began: float | None = None

            def show(tally: Tally) -> None:
                nonlocal began
                now = time.monotonic()
                began = now if began is None else began
                pace = Pace(tally, now - began)
                progress.update(task, total=tally.total, completed=tally.settled, description=str(pace))

            self._show = show
            try:
                return next(reports, None)
            finally:
                self._show = None


def print_failures(report: Report) -> None:
    """Tell on standard error what failed: the first files one by one.

    Parameters
    ----------
    report : Report
        The run.
    """
    count = report.count("failed")
    for row, _ in zip(report.failures, range(FAILURES_TOLD), strict=False):
        problem = row.problem if row.input in row.problem else f"{row.input}: {row.problem}"
        print(f"imgedit: {_printable(problem)}", file=sys.stderr)
    if count > FAILURES_TOLD:
        print(f"imgedit: and {count - FAILURES_TOLD:,} more; {report.page} has them all", file=sys.stderr)


def print_summary(report: Report, last: Tally | None = None) -> None:
    """Print what came of a run: a table for a terminal, one line for a pipe.

    Parameters
    ----------
    report : Report
        The run.
    last : Tally, optional
        Its last tally.
    """
    counts = {state: report.count(state) for state in ("done", "skipped", "failed", "pending")}
    hint = f"{report.standing} by an earlier run; --retry-failed does them again" if report.standing else ""
    if not sys.stdout.isatty():
        told = ", ".join(f"{count} {state}" for state, count in counts.items() if count or state == "done")
        print(f"{told}{f' ({hint})' if hint else ''} in {report.seconds:.1f} s")
        return
    _print_table(report, counts, hint, last)


def _print_table(report: Report, counts: Mapping[str, int], hint: str, last: Tally | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()
    styles = {"done": "green", "failed": "red", "pending": "yellow"}
    for state, count in counts.items():
        if count or state == "done":
            table.add_row(Text(state, styles.get(state, "")), f"{count:,}", Text(hint if state == "failed" else ""))
    if counts["failed"]:
        for kind, count in Counter(row.error for row in report.failures).most_common():
            table.add_row("", f"{count:,}", Text(_printable(kind)))
    table.add_row("time", _duration(report.seconds), "")
    if last is not None and last.worked:
        pace = Pace(last, report.seconds)
        table.add_row("files/s", f"{pace.files:,.1f}", "")
        table.add_row("MP/s", f"{pace.megapixels:,.1f}", "")
    console = Console()
    console.print(table)
    print(f"report  {_printable(str(report.page))}")


def _duration(seconds: float) -> str:
    """Write seconds as h:mm:ss, or with tenths where they are few."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{whole:02}"


def _printable(text: str) -> str:
    """Escape what would steer the terminal, and what it can't write."""
    steady = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return steady.encode(errors="backslashreplace").decode()


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
