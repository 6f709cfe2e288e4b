"""The report of a run: pages that show everything, run nothing foreign, and work in a browser."""

from __future__ import annotations

import os
import re
import tracemalloc
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMEDRIVER, CHROMIUM, browser
from pictures import photo

import imgedit as ie
from imgedit import batch
from imgedit.batch import report as pages
from imgedit.batch.rows import Report, Row
from imgedit.batch.thumbnails import Album, Sketch
from imgedit.errors import BatchError

HOSTILE = [
    "<script>document.title='run'</script>.jpg",
    '"><img src=x onerror="document.title=\'run\'">.png',
    "' onfocus='document.title=1' autofocus='.png",
    "javascript:alert(1)",
    "100% #1?.jpg",
    "{{rows}}{{policy}}.jpg",
    os.fsdecode(b"latin-\xe9.jpg"),
    "turned \u202egpj.exe",
    "line\nbell\x07\x1b[2J.jpg",
    "日本語 🎨.webp",
    "-->]]></style></li></ul>.jpg",
]


class Page(HTMLParser):
    """What a parser of HTML finds in a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.names: list[str] = []
        self.links: list[str] = []
        self.states: list[str] = []
        self._inside = ""
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "p":
            self._inside = given.get("class", "")
            if self._inside == "name":
                self.names.append("")
        elif tag == "a" and self._inside == "name":
            self.links.append(given["href"])
        elif tag == "li" and "tabindex" in given:
            self.states.append(given["class"].split()[0])

    def handle_endtag(self, tag):
        if tag == "p":
            self._inside = ""

    def handle_data(self, data):
        if self._inside == "name":
            self.names[-1] += data


def small_pictures(seed=0):
    sketch = Sketch()
    sketch(photo(seed=seed))
    sketch(ie.flip(photo(seed=seed), "horizontal"))
    return sketch.pictures


def make(output: Path, rows: list[Row]) -> Report:
    """Write the rows of a run, as a run does."""
    folder = output / ".imgedit"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "report.jsonl"
    file.write_bytes(b"".join(row.line() for row in rows))
    states = [row.state for row in rows]
    return Report({state: states.count(state) for state in ("done", "failed", "skipped", "pending")}, file, 1.5)


def write(output: Path, rows: list[Row], **options) -> Path:
    return pages.write_pages(make(output, rows), output / ".imgedit", output=str(output), **options)


def numbered(count: int, state="done", start=0) -> list[Row]:
    return [Row(f"/photos/{n}.jpg", f"{n}.jpg", state) for n in range(start, start + count)]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(700, 900, 3), (90, 40, 4), (333, 500), (1, 1, 3), (1, 4000, 4), (4000, 1)])
def test_a_sketch_shows_any_image_small(dtype, shape):
    sketch = Sketch()
    image = np.full(shape, 0.25 * ie.pixels.full_range(dtype), dtype)
    if len(shape) == 3 and shape[2] == 4:
        image[..., 3] = ie.pixels.full_range(dtype)
    sketch(image)
    drawn = ie.io.decode(sketch.pictures[0], name="sketch")[0]
    assert max(drawn.shape[:2]) <= 160
    assert np.abs(drawn.astype(int) - 64).max() <= 1
    assert sketch.pictures[1] == b""


def test_a_sketch_is_near_the_mean_over_blocks():
    image = ie.resize(photo(seed=3), (1200, 1600))
    sketch = Sketch()
    sketch(image)
    drawn = ie.io.decode(sketch.pictures[0], name="sketch")[0]
    # A JPEG of quality 60 with a quarter of the chroma leaves about 30 dB.
    assert ie.psnr(drawn, ie.resize(image, (120, 160), filter="area")) > 28


def test_what_is_transparent_shows_the_pattern_and_what_is_no_number_is_black():
    clear, broken = Sketch(), Sketch()
    clear(np.zeros((64, 64, 4), np.uint8))
    drawn = ie.io.decode(clear.pictures[0], name="sketch")[0]
    assert np.abs(drawn[4, 4].astype(int) - 217).max() <= 2
    assert np.abs(drawn[4, 12].astype(int) - 166).max() <= 2
    broken(np.full((8, 8, 3), np.nan, np.float32))
    assert ie.io.decode(broken.pictures[0], name="sketch")[0].max() == 0


def test_an_album_gives_back_what_it_kept_and_nothing_else(tmp_path):
    assert Album.open(tmp_path) is None
    with Album(tmp_path) as album:
        assert album.keep((b"", b"")) == ()
        first = album.keep((b"before", b"after"))
    with Album(tmp_path) as album:
        second = album.keep((b"", b"only after"))
    with Album.open(tmp_path) as file:
        assert Album.look_up(file, first) == (b"before", b"after")
        assert Album.look_up(file, second) == (b"", b"only after")
        assert Album.look_up(file, ()) == (b"", b"")
    assert Album.look_up(None, first) == (b"", b"")
    with Album(tmp_path, fresh=True) as album:
        album.keep((b"other", b"bytes"))
    with Album.open(tmp_path) as file:
        assert Album.look_up(file, first) == (b"", b"")
        assert Album.look_up(file, second) == (b"", b"")


def test_an_album_that_can_not_be_written_stops_the_run(tmp_path):
    (tmp_path / "thumbnails.bin").mkdir()
    with pytest.raises(BatchError, match="thumbnails can't be written"):
        Album(tmp_path)


def test_failures_stand_first_and_all_else_in_the_order_of_the_plan(tmp_path):
    rows = [
        Row("/in/a.jpg", "a.jpg", "done"),
        Row("/in/b.jpg", "b.jpg", "failed", "NotAnImageError", "b.jpg holds text"),
        Row("/in/c.jpg", "c.jpg", "skipped", warning="odd"),
        Row("/in/d.jpg", "d.jpg", "pending"),
        Row("/in/e.jpg", "e.jpg", "failed", "EmptyFileError", "e.jpg is empty"),
    ]
    page = write(tmp_path, rows, recipe="web.toml")
    found = Page(page)
    assert page == tmp_path / ".imgedit" / "report.html"
    assert found.states == ["failed", "failed", "done", "skipped", "pending"]
    assert found.names == ["failedb.jpg", "failede.jpg", "donea.jpg", "done beforec.jpg", "not doned.jpg"]
    text = page.read_text()
    assert "<b>NotAnImageError</b>: b.jpg holds text" in text
    assert "1 done, 2 failed, 1 done before, 1 not done in 1.5 s" in text
    assert "<title>imgedit batch: web.toml</title>" in text
    assert not re.search(r"\{\{\w+\}\}", text)


def test_a_run_that_was_stopped_has_a_page(tmp_path):
    output = tmp_path / "out"
    (tmp_path / "in").mkdir()
    for number in range(3):
        ie.write(tmp_path / "in" / f"{number}.jpg", photo(seed=number))

    def stop(fraction):
        raise KeyboardInterrupt

    recipe = ie.Recipe([ie.Step("resize", scale=0.5)])
    with pytest.raises(KeyboardInterrupt):
        batch.run(recipe, tmp_path / "in", output, engine="serial", progress=stop)
    found = Page(output / ".imgedit" / "report.html")
    assert found.states == ["done", "pending", "pending"]
    assert "2 not done, 1 done. Results: " in (output / ".imgedit" / "report.html").read_text()
    batch.run(recipe, tmp_path / "in", output, engine="serial")
    assert Page(output / ".imgedit" / "report.html").states == ["skipped", "done", "done"]


def test_a_run_writes_pages_with_pictures_of_what_failed_too(tmp_path):
    (tmp_path / "in").mkdir()
    ie.write(tmp_path / "in" / "a.png", photo(np.uint16, seed=1))
    ie.write(tmp_path / "in" / "b.png", photo(seed=2))
    report = batch.run(ie.Recipe([], output={"format": "webp"}), tmp_path / "in", tmp_path / "out", engine="serial")
    assert Page(report.page).states == ["failed", "done"]
    assert report.page.read_text().count("data:image/jpeg;base64,/9j/") >= 3
    rows = list(report)
    assert [row.pixels for row in rows] == [0, photo().shape[0] * photo().shape[1]]
    again = batch.run(ie.Recipe([], output={"format": "webp"}), tmp_path / "in", tmp_path / "out", engine="serial")
    assert again.page.read_text().count("data:image/jpeg;base64,/9j/") >= 3


def test_an_empty_run_has_a_page(tmp_path):
    assert "no files" in write(tmp_path, []).read_text()


def test_what_files_are_called_is_text_and_nothing_else(tmp_path):
    rows = [Row(f"/in/{name}", name, "done", warning=name) for name in HOSTILE]
    rows += [Row(f"/in/{name}", name, "failed", name, name) for name in HOSTILE]
    found = Page(write(tmp_path, rows, recipe=HOSTILE[0]))
    assert found.tags.count("script") == 1
    assert found.tags.count("img") == 2  # those of the comparison
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "autofocus"]
    shown = [name.removeprefix("done") for name in found.names[len(HOSTILE) :]]
    assert shown[:6] == HOSTILE[:6]
    assert shown[6:9] == ["latin-\\udce9.jpg", "turned \\u202egpj.exe", "line\\u000abell\\u0007\\u001b[2J.jpg"]
    assert shown[9:] == HOSTILE[9:]
    assert found.links[4] == "../100%25%20%231%3F.jpg"
    assert found.links[6] == "../latin-%E9.jpg"
    assert all(link.startswith("../") for link in found.links)


def test_a_page_asks_nothing_of_anyone(tmp_path):
    text = write(tmp_path, numbered(3)).read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; img-src data: file: http: https:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)


@pytest.mark.parametrize(
    ("output", "begins"),
    [
        ("https://site.example/web/", "https://site.example/web/1.jpg"),
        ("/elsewhere/o ut", "file:///elsewhere/o%20ut/1.jpg"),
        ("s3://bucket/web", None),
    ],
)
def test_results_elsewhere_are_linked_where_a_browser_can_go(tmp_path, output, begins):
    report = make(tmp_path, numbered(1, start=1))
    found = Page(pages.write_pages(report, tmp_path / ".imgedit", output=output))
    assert found.links == ([begins] if begins else [])


def test_pictures_of_a_file_stand_in_its_page(tmp_path):
    (tmp_path / ".imgedit").mkdir()
    with Album(tmp_path / ".imgedit") as album:
        kept = album.keep(small_pictures())
    rows = [Row("/in/a.jpg", "a.jpg", "done", thumbnails=kept, pixels=12_000_000, size=3_400_000, written=210_000)]
    text = write(tmp_path, rows).read_text()
    assert text.count("data:image/jpeg;base64,/9j/") == 2
    assert "12.0 MP, 3.4 MB &rarr; 210 kB" in text


def test_beyond_2000_files_there_are_pages_that_lead_to_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "FILES_A_PAGE", 10)
    rows = [*numbered(30), *numbered(5, "failed", start=30)]
    write(tmp_path, rows)
    folder = tmp_path / ".imgedit"
    found = [Page(folder / name) for name in ("report.html", "report-2.html", "report-3.html", "report-4.html")]
    assert found[0].states == ["failed"] * 5 + ["done"] * 5
    assert [len(page.names) for page in found] == [10, 10, 10, 5]
    assert found[3].names[-1] == "done29.jpg"
    assert [value for name, value in found[1].attributes if name == "rel"] == ["prev", "next"]
    write(tmp_path, rows[:15])
    assert sorted(path.name for path in folder.glob("*.html")) == ["report-2.html", "report-pages.html", "report.html"]
    write(tmp_path, rows[:5])
    assert sorted(path.name for path in folder.glob("*.html")) == ["report.html"]


def test_many_pages_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "FILES_A_PAGE", 10)
    warned = Row("/photos/w.jpg", "<w>.jpg", "done", warning="odd")
    failed = [replace(row, error="EmptyFileError") for row in numbered(5, "failed", start=300)]
    write(tmp_path, [*numbered(205), warned, *failed])
    folder = tmp_path / ".imgedit"
    index = Page(folder / "report-pages.html")
    assert len(index.names) == len(index.links) == 22
    assert index.links[21] == "report-22.html"
    assert {"failed done", "done", "done warned"} <= {value for name, value in index.attributes if name == "class"}
    text = (folder / "report-pages.html").read_text()
    assert "5 failed, 5 done, EmptyFileError<br>300.jpg<br>4.jpg" in text
    assert "&lt;w&gt;.jpg" in text
    tenth = [value for name, value in Page(folder / "report-10.html").attributes if name == "href"][-9:]
    numbers = ["", "-7", "-8", "-9", "-11", "-12", "-13", "-22", "-pages"]
    assert tenth == [f"report{number}.html" for number in numbers]


def test_of_very_many_files_those_done_before_fill_the_pages_only(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "FILES_A_PAGE", 10)
    monkeypatch.setattr(pages, "MOST_PICTURED", 30)
    folder = tmp_path / ".imgedit"

    def shown(rows, **options):
        write(tmp_path, rows, **options)
        found = sorted(folder.glob("report*.html"))
        return [state for page in found if page.name != "report-pages.html" for state in Page(page).states]

    rows = [*numbered(40, "skipped"), *numbered(7, start=40), *numbered(3, "failed", start=50)]
    states = shown(rows)
    assert [states.count(state) for state in ("failed", "done", "skipped")] == [3, 7, 20]
    assert "20 more files stand in report.jsonl only" in (folder / "report-3.html").read_text()
    assert len(shown(numbered(75))) == 75
    assert len(shown(numbered(75), is_whole=False)) == 30


def test_a_page_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    page = write(tmp_path, numbered(2))
    before = page.read_bytes()

    def full(row):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pages, "_facts", full)
    with pytest.raises(BatchError, match=r"report can't be written: .*No space left"):
        write(tmp_path, numbered(3))
    assert page.read_bytes() == before
    assert sorted(path.name for path in page.parent.iterdir()) == ["report.html", "report.jsonl"]


def test_rows_are_not_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "FILES_A_PAGE", 100)
    report = make(tmp_path, numbered(5000))
    tracemalloc.start()
    try:
        pages.write_pages(report, tmp_path / ".imgedit", output=str(tmp_path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20  # 5,000 rows alone take five times as much


needs_browser = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="Chromium and ChromeDriver (Debian: chromium, chromium-driver) are not here"
)


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def shown(window, tmp_path):
    """A page with two failures, two files done, hostile names and one file that was not reached."""
    output = tmp_path / "out"
    folder = output / ".imgedit"
    folder.mkdir(parents=True)
    ie.write(output / "a.png", photo(seed=1))
    with Album(folder) as album:
        kept = album.keep(small_pictures(1))
        half = album.keep((small_pictures(2)[0], b""))
    rows = [
        Row(str(output / "a.png"), "a.png", "done", thumbnails=kept),
        Row("/in/b.jpg", "b.jpg", "failed", "NotAnImageError", "holds text", thumbnails=half),
        Row("/in/c.tif", "c.tif", "done", thumbnails=kept, warning="named like tif but holds png"),
        Row("/in/d.jpg", "d.jpg", "failed", "EmptyFileError", "is empty"),
        Row("/in/e.jpg", "e.jpg", "pending"),
        *(Row(f"/in/{name}", name, "done", thumbnails=kept, warning=name) for name in HOSTILE),
    ]
    window.command("Emulation.setDeviceMetricsOverride", width=1200, height=900, deviceScaleFactor=1, mobile=False)
    window.open(write(output, rows))
    return window


def visible(window) -> list[str]:
    return window.run(
        "return [...document.querySelectorAll('#files > li')].filter(f => f.getClientRects().length)"
        ".map(f => f.querySelector('.name').lastChild.textContent)"
    )


@needs_browser
def test_a_browser_shows_the_page_and_runs_nothing_foreign(shown):
    assert visible(shown)[:5] == ["b.jpg", "d.jpg", "a.png", "c.tif", "e.jpg"]
    assert shown.run("return document.title") == "imgedit batch"
    assert shown.run("return document.querySelectorAll('#files img').length") == 1 + 2 * (2 + len(HOSTILE))
    shown.run("window.scrollTo(0, document.body.scrollHeight)")
    assert shown.complaints() == []


@needs_browser
def test_files_are_searched_and_filtered(shown):
    shown.press("/", *"empty")
    assert visible(shown) == ["d.jpg"]
    shown.press("Escape")
    assert len(visible(shown)) == 5 + len(HOSTILE)
    shown.press("2")
    assert visible(shown) == ["b.jpg", "d.jpg"]
    shown.press("3")
    assert visible(shown)[0] == "c.tif"
    assert shown.run("return document.getElementById('shown').textContent") == f"{1 + len(HOSTILE)} of 16 here"
    shown.press("5")
    assert visible(shown) == ["e.jpg"]
    shown.press("1")
    shown.run("document.querySelector('[data-kind=NotAnImageError]').click()")
    assert visible(shown) == ["b.jpg"]


@needs_browser
def test_files_are_compared_with_the_keyboard(shown):
    def facts():
        return shown.run(
            "return [document.getElementById('compare').open, document.querySelector('dialog output').textContent,"
            " [...document.querySelectorAll('#large figure')].filter(f => f.getClientRects().length).length]"
        )

    shown.press("4", "j", "Enter")
    assert facts() == [True, "a.png", 2]
    done = "return [...document.querySelectorAll('#large img')].map(p => [p.complete, p.naturalWidth])"
    for _ in range(50):
        if all(complete and width for complete, width in shown.run(done)):
            break
        shown.run("return new Promise(next => setTimeout(next, 100))")
    width = photo(seed=1).shape[1]
    assert shown.run(done) == [[True, width], [True, width]]
    shown.press(" ")
    assert facts() == [True, "a.png", 1]
    shown.press(" ", " ")
    assert facts() == [True, "a.png", 2]
    shown.press("Right")
    assert facts() == [True, "c.tif", 2]
    shown.press("Escape")
    assert facts()[0] is False
    shown.press("k")
    assert shown.run("return document.activeElement.querySelector('.name').lastChild.textContent") == "a.png"


@needs_browser
def test_the_page_fits_a_phone_and_the_dark(shown):
    ground = "return getComputedStyle(document.body).backgroundColor"
    for scheme, color in (("light", "rgb(246, 246, 244)"), ("dark", "rgb(22, 24, 26)")):
        shown.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert shown.run(ground) == color
    shown.command("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    assert shown.run("return document.documentElement.scrollWidth") == 360
    assert shown.run("return document.querySelector('#files > li').getBoundingClientRect().width") <= 360
