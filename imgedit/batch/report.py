"""The report of a run as pages for a browser: what failed first, then the others, with pictures before and after.

Each page is one file with everything in it, so that it can be mailed or kept; where there are several, one more lists
them. The pages are made from ``report.jsonl`` line by line, since a run may have a million of them. What files are
called and what errors say comes from outside: all of it is escaped, and a policy in each page lets no script run but
the page's own.
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
from itertools import chain, islice, starmap
from pathlib import Path
from typing import IO
from urllib.parse import quote

from imgedit.batch.rows import Report, Row
from imgedit.batch.thumbnails import MOST_PICTURED, Album
from imgedit.errors import BatchError

__all__ = ["write_pages"]

PAGE, INDEX = "report.html", "report-pages.html"

# What a browser still opens at once: 2,000 files with two pictures each are some 20 MB.
FILES_A_PAGE = 2000

# Pages beside the present one that are linked in each direction; the list has all.
NEAR = 3

# How many kinds of errors are counted at the top.
KINDS_SHOWN = 12

STATES = {"done": "done", "failed": "failed", "skipped": "done before", "pending": "not done"}

# Characters that a name can hide behind: controls, and those that turn the direction of writing.
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")


def write_pages(report: Report, folder: Path, *, output: str, recipe: str = "", is_whole: bool = True) -> Path:
    """Write the pages of a run, 2,000 files each, those that failed first.

    Up to 20,000 files all have their place. Of more, those that failed, or that this run did, come first, and the rest
    fills the 20,000 only: a run that finds a million files done before is not to write half a gigabyte about it.

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
    is_whole : bool
        Whether the run came to its end. One that is stopped must end soon: it writes about 20,000 files at most.

    Returns
    -------
    Path
        The first page.

    Raises
    ------
    BatchError
        The pages can't be written.
    """
    shown, rows = _shown(report, is_whole=is_whole)
    count = max(1, -(-shown // FILES_A_PAGE))
    try:
        with contextlib.ExitStack() as stack:
            album = Album.open(folder)
            if album is not None:
                stack.enter_context(album)
            writer = Writer(report, output, recipe, os.path.abspath(folder), album, count, shown)
            for number in range(count):
                _replace(folder / _page_name(number), writer.page(number, islice(rows, FILES_A_PAGE)))
        if count > 1:
            _replace(folder / INDEX, writer.index())
        own = {INDEX} if count > 1 else set()
        own |= {_page_name(number) for number in range(count)}
        for old in folder.glob("report-*.html"):  # of a run with more files
            if old.name not in own:
                old.unlink()
    except OSError as failure:
        raise BatchError(f"the report can't be written: {failure}") from failure
    return folder / PAGE


def _shown(report: Report, *, is_whole: bool) -> tuple[int, Iterator[Row]]:
    """Choose what the pages show: how many rows, and which."""
    total = sum(report.counts.values())
    if total <= MOST_PICTURED:
        return total, chain(report.where("failed"), report.where("done", "skipped", "pending"))
    worked = report.count("failed", "done") if is_whole else 0
    shown = max(MOST_PICTURED, worked)
    rows = chain(report.where("failed"), report.where("done"), report.where("skipped", "pending"))
    return shown, islice(rows, shown)


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


class Extent:
    """What stands on a page, for the list of pages."""

    def __init__(self) -> None:
        self.first = self.last = ""
        self.states: Counter[str] = Counter()
        self.errors: set[str] = set()
        self.has_warnings = False

    def take(self, row: Row) -> Row:
        """Take one more file into account."""
        self.last = _shown_name(row)
        self.first = self.first or self.last
        self.states[row.state] += 1
        self.errors |= {row.error} - {""}
        self.has_warnings |= bool(row.warning)
        return row


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
    pages, shown : int
        How many pages there are, and files on them.
    """

    def __init__(
        self, report: Report, output: str, recipe: str, folder: str, album: IO[bytes] | None, pages: int, shown: int
    ) -> None:
        self._report, self._output, self._recipe = report, output, recipe
        self._album, self._pages, self._shown = album, pages, shown
        self._extents: list[Extent] = []
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
        extent = Extent()
        self._extents.append(extent)
        keys = ", <kbd>n</kbd> <kbd>p</kbd> next and previous page" if self._pages > 1 else ""
        return self._filled((self._item(extent.take(row)) for row in rows), self._links(number), keys)

    def index(self) -> Iterator[str]:
        """Give the list of the pages that were written, in pieces: it is searched and filtered as they are.

        Yields
        ------
        str
            The next piece of HTML.
        """
        return self._filled(starmap(_page_item, enumerate(self._extents)), self._rest(), "")

    def _filled(self, items: Iterator[str], links: str, keys: str) -> Iterator[str]:
        title = f"imgedit batch: {self._recipe}" if self._recipe else "imgedit batch"
        slots = {
            "title": _escaped(title),
            "policy": _policy(self._template),
            "head": self._head(),
            "filters": self._filters(),
            "pages": links,
            "page_keys": keys,
        }
        for part in re.split(r"\{\{(\w+)\}\}", self._template):
            if part == "rows":
                yield from items
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
        if self._pages == 1:
            return ""
        links = []
        for page in sorted({0, *range(max(0, number - NEAR), min(self._pages, number + NEAR + 1)), self._pages - 1}):
            way = {number - 1: ' rel="prev"', number + 1: ' rel="next"'}.get(page, "")
            here = ' aria-current="page"' if page == number else f' href="{_page_name(page)}"'
            links.append(f"<a{here}{way}>{page + 1:,}</a>")
        links.append(f'<a href="{INDEX}">all {self._pages:,} pages</a>')
        return f'<nav aria-label="Pages">Page {" ".join(links)}</nav>{self._rest()}'

    def _rest(self) -> str:
        left = sum(self._report.counts.values()) - self._shown
        return f"<p>{left:,} more files stand in report.jsonl only.</p>" if left > 0 else ""

    def _item(self, row: Row) -> str:
        name = _shown_name(row)
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


def _shown_name(row: Row) -> str:
    return row.outputs[0][0] if row.outputs else row.output


def _page_item(number: int, extent: Extent) -> str:
    """Give the item of a page in the list of pages; it has the classes of all that stands on it."""
    kinds = " ".join([*extent.states, *(["done"] if "skipped" in extent.states else [])])
    counts = [f"{count:,} {STATES[state]}" for state, count in extent.states.items()]
    told = _escaped(", ".join([*counts, *sorted(extent.errors)]))
    return (
        f'<li class="{kinds}{" warned" * extent.has_warnings}" tabindex="-1" data-page="{_page_name(number)}">'
        f'<p class="name"><a href="{_page_name(number)}">Page {number + 1:,}</a></p>'
        f'<p class="facts">{told}<br>{_escaped(extent.first)}<br>{_escaped(extent.last)}</p></li>\n'
    )


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
