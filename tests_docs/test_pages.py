"""The built manual as a reader meets it: links that lead somewhere, and pages in a real browser.

``make test-docs`` builds it first. Screenshots are left in ``docs/_build/screens``: look at them.
"""

from __future__ import annotations

import functools
import html.parser
import http.server
import threading
import time
import urllib.parse
from pathlib import Path

import pytest
from browser import CHROMEDRIVER, CHROMIUM, browser

BUILT = Path(__file__).parent.parent / "docs" / "_build"
PAGES = [
    "index.html",
    "quickstart.html",
    "gallery/index.html",
    "gallery/plot_inpaint_exemplar.html",
    "tasks/remove-object.html",
    "tasks/watermark.html",
    "choices/blend-modes.html",
    "choices/models.html",
    "coming-from/opencv.html",
    "reference/compositing.html",
    "reference/training.html",
    "algorithms/index.html",
    "algorithms/blend.html",
    "benchmarks.html",
]
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
DESK = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}

with_browser = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="Chromium and ChromeDriver (Debian: chromium, chromium-driver) are not here"
)


class Links(html.parser.HTMLParser):
    """What a page links to or shows, and the places in it that can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.places |= {found[key] for key in ("id", "name") if found.get(key)}
        self.targets += [found[key] for key in ("href", "src") if found.get(key)]


@pytest.fixture(scope="session")
def manual():
    pages = BUILT / "html"
    assert (pages / "index.html").exists(), "the manual is not built: make docs"
    return pages


def test_links_inside_lead_somewhere(manual):
    pages = {path: Links(path) for path in manual.rglob("*.html")}
    broken = []
    for path, links in pages.items():
        for target in links.targets:
            parts = urllib.parse.urlsplit(target)
            if parts.scheme or parts.netloc or target == "#":
                continue
            place = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
            known = pages.get(place)
            if not place.exists() or (parts.fragment and known and parts.fragment not in known.places):
                broken.append(f"{path.relative_to(manual)}: {target}")
    assert not broken


@pytest.fixture(scope="session")
def site(manual):
    """Address of the manual, served as it is on the web: search works there only."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(manual)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def window(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def visit(window, address, screen=DESK, scheme="light"):
    """Open a page, and wait for its pictures."""
    window.command("Emulation.setDeviceMetricsOverride", **screen)
    window.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    window.ask("/url", {"url": address})
    window.run("for (const image of document.images) image.loading = 'eager'")
    wait(window, "return [...document.images].every(image => image.complete)")


def wait(window, condition, seconds=60):
    end = time.monotonic() + seconds
    while not window.run(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.05)


def screenshot(window, page, kind):
    (BUILT / "screens").mkdir(exist_ok=True)
    window.screenshot(BUILT / "screens" / f"{page.removesuffix('.html').replace('/', '-')}-{kind}.png")


@with_browser
@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_whole_and_without_complaint(page, site, window):
    visit(window, f"{site}/{page}")
    screenshot(window, page, "light")
    assert window.complaints() == []
    assert window.run("return [...document.images].filter(image => !image.naturalWidth).map(image => image.src)") == []
    assert window.run("return [...document.querySelectorAll('img:not([alt])')].map(image => image.src)") == []


@with_browser
@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_phone(page, site, window):
    visit(window, f"{site}/{page}", PHONE)
    screenshot(window, page, "phone")
    assert window.run("return document.documentElement.scrollWidth") <= PHONE["width"]


@with_browser
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_dark_where_the_reader_wants_it(page, site, window):
    visit(window, f"{site}/{page}", scheme="dark")
    screenshot(window, page, "dark")
    ground = window.run("return getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).map(Number)")
    text = window.run("return getComputedStyle(document.querySelector('article')).color.match(/[0-9.]+/g).map(Number)")
    assert max(ground[:3]) < 60
    assert min(text[:3]) > 150


@with_browser
def test_search_finds(site, window):
    visit(window, f"{site}/search.html?q=watermark")
    wait(window, "return document.querySelectorAll('#search-results li').length > 0")
    found = window.run("return [...document.querySelectorAll('#search-results li a')].map(link => link.href)")
    assert any("tasks/watermark" in link for link in found)
