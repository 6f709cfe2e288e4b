"""The report of a run as pages for a browser: what failed first, then the others, with pictures before and after.

Each page is one file with everything in it, so that it can be mailed or kept. The pages are made from ``report.jsonl``
line by line, since a run may have a million of them. What files are called and what errors say comes from outside: all
of it is escaped, and a policy in each page lets no script run but the page's own.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from itertools import chain, islice
from pathlib import Path
from typing import IO
from urllib.parse import quote

from imgedit.batch.rows import Report, Row
from imgedit.batch.thumbnails import MOST_PICTURED, Album
from imgedit.errors import BatchError

__all__ = ["write_pages"]

PAGE = "report.html"

# What a browser still opens at once: 2,000 files with two pictures each are some 20 MB.
FILES_A_PAGE = 2000

# How many kinds of errors are counted at the top.
KINDS_SHOWN = 12

STATES = {"done": "done", "failed": "failed", "skipped": "done before", "pending": "not done"}

# Characters that a name can hide behind: controls, and those that turn the direction of writing.
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")


def write_pages(report: Report, folder: Path, *, output: str, recipe: str = "") -> Path:
    """Write the pages of a run: 2,000 files each, those that failed first, for the first 20,000 files.

    Parameters
    ----------
    report : Report
        What became of each file.
    folder : Path
        The state folder of the output, where the pages are written.
    output : str
        Folder or URL of the results.
    recipe : str
        What the recipe is called.

    Returns
    -------
    Path
        The first page.

    Raises
    ------
    BatchError
        The pages can't be written.
    """
    total = sum(report.counts.values())
    count = max(1, -(-min(total, MOST_PICTURED) // FILES_A_PAGE))
    rows = chain(report.where("failed"), report.where("done", "skipped", "pending"))
    try:
        with contextlib.ExitStack() as stack:
            album = Album.open(folder)
            if album is not None:
                stack.enter_context(album)
            writer = Writer(report, output, recipe, os.path.abspath(folder), album, count)
            for number in range(count):
                _replace(folder / _page_name(number), writer.page(number, islice(rows, FILES_A_PAGE)))
        for old in folder.glob("report-*.html"):  # of a run with more files
            if old.name not in {_page_name(number) for number in range(count)}:
                old.unlink()
    except OSError as failure:
        raise BatchError(f"the report can't be written: {failure}") from failure
    return folder / PAGE


def _page_name(number: int) -> str:
    return PAGE if number == 0 else f"report-{number + 1}.html"


def _replace(target: Path, parts: Iterator[str]) -> None:
    temporary = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(parts)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


class Writer:
    """Fill the template of a page.

    Parameters
    ----------
    report : Report
        The run.
    output, recipe : str
        Where its results are, what its recipe is called.
    folder : str
        Where the pages lie.
    album : file, optional
        The pictures.
    pages : int
        How many pages there are.
    """

    def __init__(
        self, report: Report, output: str, recipe: str, folder: str, album: IO[bytes] | None, pages: int
    ) -> None:
        self._report, self._output, self._recipe = report, output, recipe
        self._album, self._pages = album, pages
        self._base = _link_base(output, folder)
        self._template = files("imgedit.batch").joinpath(PAGE).read_text(encoding="utf-8")
        self._kinds = Counter(row.error for row in report.where("failed"))

    def page(self, number: int, rows: Iterator[Row]) -> Iterator[str]:
        """Give a page in pieces.

        Parameters
        ----------
        number : int
            Which page, from 0.
        rows : iterator of Row
            Its files.

        Yields
        ------
        str
            The next piece of HTML.
        """
        title = f"imgedit batch: {self._recipe}" if self._recipe else "imgedit batch"
        slots = {
            "title": _escaped(title),
            "policy": _policy(self._template),
            "head": self._head(),
            "filters": self._filters(),
            "pages": self._links(number),
            "page_keys": ", <kbd>n</kbd> <kbd>p</kbd> next and previous page" if self._pages > 1 else "",
        }
        for part in re.split(r"\{\{(\w+)\}\}", self._template):
            if part == "rows":
                yield from (self._item(row) for row in rows)
            else:
                yield slots.get(part, part)

    def _head(self) -> str:
        report = self._report
        told = ", ".join(f"{number:,} {STATES[state]}" for state, number in report.counts.items() if number)
        # A run that was stopped has no time; what it left undone says so.
        told = f"{told or 'no files'}{f' in {report.seconds:,.1f} s' if report.seconds else ''}"
        where = f"{told}. Results: {self._output}"
        kinds = "".join(
            f'<li><button data-kind="{_escaped(kind)}">{_escaped(kind)} &times; {number:,}</button></li>'
            for kind, number in self._kinds.most_common(KINDS_SHOWN)
        )
        return f'<p class="about">{_escaped(where)}</p>\n' + (f'<ul class="kinds">{kinds}</ul>' if kinds else "")

    def _filters(self) -> str:
        names = {"all": "all", "failed": "failed", "warned": "warnings", "done": "done", "pending": "not done"}
        return "".join(f'<button data-filter="{name}">{text}</button>' for name, text in names.items())

    def _links(self, number: int) -> str:
        total, shown = sum(self._report.counts.values()), min(self._pages * FILES_A_PAGE, MOST_PICTURED)
        if self._pages == 1:
            return ""
        links = []
        for page in range(self._pages):
            way = {number - 1: ' rel="prev"', number + 1: ' rel="next"'}.get(page, "")
            here = ' aria-current="page"' if page == number else f' href="{_page_name(page)}"'
            links.append(f"<a{here}{way}>{page + 1}</a>")
        rest = f"<p>{total - shown:,} more files stand in report.jsonl only.</p>" if total > shown else ""
        return f'<nav aria-label="Pages">Page {" ".join(links)}</nav>{rest}'

    def _item(self, row: Row) -> str:
        name = row.outputs[0][0] if row.outputs else row.output
        before, after = Album.look_up(self._album, row.thumbnails)
        links = {"input": _source_link(row.input)}
        if row.state in ("done", "skipped") and self._base is not None:
            links["output"] = self._base + _quoted(name)
        data = "".join(f' data-{key}="{_escaped(link)}"' for key, link in links.items() if link)
        told = [f'<p class="problem"><b>{_escaped(row.error)}</b>: {_escaped(row.problem)}</p>' if row.error else ""]
        told += [f'<p class="warning">{_escaped(row.warning)}</p>' if row.warning else ""]
        kind = f"{row.state}{' done' if row.state == 'skipped' else ''}{' warned' if row.warning else ''}"
        pictures = _picture(before, "before") + _picture(after, "after")
        if before or after:
            pictures = f'<button class="pictures" aria-label="Compare">{pictures}</button>'
        else:
            pictures = ""
        return (
            f'<li class="{kind}" tabindex="-1"{data}>{pictures}'
            f'<p class="name"><span class="state">{STATES[row.state]}</span>{self._name(name, links)}</p>'
            f'{"".join(told)}<p class="facts">{_escaped(row.input)}<br>{_facts(row)}</p></li>\n'
        )

    def _name(self, name: str, links: dict[str, str]) -> str:
        if "output" not in links:
            return _escaped(name)
        return f'<a href="{_escaped(links["output"])}">{_escaped(name)}</a>'


def _picture(data: bytes, word: str) -> str:
    if not data:
        return f"<span>no picture {word}</span>"
    return f'<img loading="lazy" alt="{word}" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'


def _facts(row: Row) -> str:
    parts = [f"{row.pixels / 1e6:.1f} MP"] if row.pixels else []
    parts += [f"{row.seconds:.2f} s"] if row.seconds else []
    if row.size:
        parts.append(_bytes(row.size) + (f" &rarr; {_bytes(row.written)}" if row.written else ""))
    return ", ".join(parts)


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"


def _escaped(text: str) -> str:
    """Make text fit to stand in HTML and in its attributes, with nothing in it that is not seen."""
    return html.escape(UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _quoted(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"))


def _link_base(output: str, folder: str) -> str | None:
    """Give what links to results begin with; None for places that no browser opens."""
    if re.match(r"https?://", output):
        return output.rstrip("/") + "/"
    if "://" in output:
        return None
    if os.path.dirname(folder) == os.path.abspath(output):
        return "../"  # the folder can be moved as a whole
    return _file_link(os.path.abspath(output)) + "/"


def _source_link(source: str) -> str:
    if re.match(r"https?://", source):
        return source
    return _file_link(source) if os.path.isabs(source) else ""


def _file_link(path: str) -> str:
    return "file://" + quote(os.fsencode(path.replace(os.sep, "/")), safe="/:")


def _policy(template: str) -> str:
    """Allow what stands in the template, by its hash, and nothing that a file name could bring in."""
    allowed = []
    for kind in ("style", "script"):
        found = re.search(rf"<{kind}>(.*?)</{kind}>", template, re.DOTALL)
        assert found is not None, "the template has one of each"
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        allowed.append(f"{kind}-src 'sha256-{digest}'")
    return "; ".join(["default-src 'none'", "img-src data: file: http: https:", *allowed])
