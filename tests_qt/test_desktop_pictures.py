"""The sample editor is looked at: pictures of it in both themes and in 4K, in which no word is cut off.

``pytest -p pytestqt.plugin tests_qt/test_desktop_pictures.py --screenshots DIR`` leaves them in a folder.
"""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from desktop.dialogs import Batch, Compare
from desktop.window import Window
from test_desktop_window import dialogs, forget, settings, settle  # noqa: F401 - a fixture

import imgedit as ie
import imgedit.qt
from imgedit.qt.binding import QtWidgets
from imgedit.qt.shapes import polygon, stroke

ROOT = Path(__file__).parents[1]

# Outlines of the rocket and of the masts around it, as the manual's first picture has them, at twice the size.
OUTLINES = runpy.run_path(str(ROOT / "docs/hero.py"))
SCALE = 2


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A photo that fills a window."""
    path = tmp_path_factory.mktemp("photo") / "rocket.png"
    ie.write(path, ie.resize(skimage.data.rocket(), scale=SCALE))
    return path


@pytest.fixture
def folder(request, tmp_path):
    """Where pictures go."""
    chosen = Path(request.config.getoption("--screenshots") or tmp_path)
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


def within(*outlines):
    size = (427 * SCALE, 640 * SCALE)
    scaled = ([(SCALE * x, SCALE * y) for x, y in outline] for outline in outlines)
    return np.any([placed(polygon(outline, size), size) for outline in scaled], axis=0)


def placed(patch, size):
    coverage, left, top = patch
    mask = np.zeros(size, bool)
    mask[top : top + coverage.shape[0], left : left + coverage.shape[1]] = coverage > 127
    return mask


def keep(widget, path):
    """Save a picture of a widget, and look at its words."""
    QtWidgets.QApplication.processEvents()
    picture = imgedit.qt.from_qimage(widget.grab().toImage())[..., :3]
    ie.write(path, picture, quality=80)
    assert cut_off(widget) == []
    return picture


def cut_off(widget):
    """Texts that have less room than they need."""
    kinds = (QtWidgets.QLabel, QtWidgets.QPushButton, QtWidgets.QToolButton)
    seen = [child for child in widget.findChildren(QtWidgets.QWidget) if child.isVisible() and isinstance(child, kinds)]
    return [
        child.text()
        for child in seen
        if child.text()
        and (child.width() < child.minimumSizeHint().width() or child.height() < child.minimumSizeHint().height())
    ]


def open_window(settings, source, qtbot):  # noqa: F811
    window = Window(settings)
    qtbot.addWidget(window, before_close_func=forget)
    window.show()
    window.open(source)
    settle(window, qtbot)
    return window


def show_a_style(window, qtbot):
    """Paint the photo in the first style of the gallery, where a net knows one."""
    window.choose_layer(0)
    panel = window.panels["Style"]
    qtbot.waitUntil(lambda: not panel._worker.running, timeout=600_000)
    for name, style in list(panel.known.items())[:1]:
        panel.paint(name, style)
        settle(window, qtbot)


def test_at_1280_by_800_in_both_themes(app, qtbot, settings, source, folder):  # noqa: F811
    window = open_window(settings, source, qtbot)
    window.canvas.set_mask(within(*OUTLINES["MASTS"]))
    picture = keep(window, folder / "desktop-dark.webp")
    assert picture.shape == (800, 1280, 3)
    assert (picture[..., 0].astype(int) - picture[..., 2] > 60).sum() > 10_000  # the mask is seen
    window.panels["Remove"].remove()
    settle(window, qtbot)
    window.canvas.set_mask(within(OUTLINES["ROCKET"]))
    window.panels["Cut out"].cut(leave=True)
    settle(window, qtbot)
    state = window.document.state
    window.commit(state.edited("Move layer", offset=(state.layer.offset[0] - 300, state.layer.offset[1])))
    settle(window, qtbot)
    for theme in ("dark", "light"):
        for index, name in enumerate(window.panels):
            window.tasks.setCurrentIndex(index)
            if name == "Style":
                show_a_style(window, qtbot)
            keep(window, folder / f"desktop-{theme}-{name.lower().replace(' ', '-')}.webp")
        window.choose_layer(1)  # which drops the preview
        settle(window, qtbot)
        window.batch()
        dialog = window.findChild(Batch)
        keep(dialog, folder / f"desktop-{theme}-batch.webp")
        dialog.close()
        qtbot.waitUntil(lambda: window.findChild(Batch) is None)
        window.report("Open notes.txt", ie.errors.NotAnImageError("notes.txt", "is text, not an image"))
        box = next(box for box in dialogs() if box.isVisible())
        keep(box, folder / f"desktop-{theme}-error.webp")
        box.close()
        window.toggle_theme()


# Methods that do not suit the hole are shown on purpose.
@pytest.mark.filterwarnings("default:mask reaches")
def test_the_comparison(app, qtbot, settings, tmp_path, folder):  # noqa: F811
    ie.write(tmp_path / "coffee.png", skimage.data.coffee())
    window = open_window(settings, tmp_path / "coffee.png", qtbot)
    window.canvas.set_mask(placed(stroke((435, 160), (560, 262), 17, (400, 600)), (400, 600)))
    window.compare_methods()
    dialog = window.findChild(Compare)
    qtbot.waitUntil(lambda: not dialog.worker.running, timeout=600_000)
    keep(dialog, folder / "desktop-compare.webp")
    dialog.close()


def test_the_welcome(app, qtbot, settings, folder):  # noqa: F811
    window = Window(settings)
    qtbot.addWidget(window)
    window.show()
    keep(window, folder / "desktop-welcome.webp")


LARGE = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from desktop.window import Window
from imgedit.qt.binding import QtCore, QtWidgets
from test_desktop_pictures import OUTLINES, keep, within
app = QtWidgets.QApplication([])
window = Window(QtCore.QSettings(sys.argv[2] + "/settings.ini", QtCore.QSettings.Format.IniFormat))
window.resize(1920, 1080)
window.show()
window.open(Path(sys.argv[1]))
while window.worker.running or window._drawer.running:
    app.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 10)
window.canvas.set_mask(within(*OUTLINES["MASTS"]))
keep(window, Path(sys.argv[2]) / "desktop-4k.webp")
window.close()
"""


def test_in_4k(source, folder):
    places = [str(ROOT / "tests_qt"), str(ROOT / "samples")]
    command = [sys.executable, "-c", LARGE, str(source), str(folder), *places]
    subprocess.run(command, env={**os.environ, "QT_SCALE_FACTOR": "2"}, check=True, timeout=600)
    picture = ie.read(folder / "desktop-4k.webp")
    assert picture.shape == (2160, 3840, 3)
    (folder / "settings.ini").unlink(missing_ok=True)
    # A line of one pixel in twice the resolution: icons and text are drawn anew, not enlarged.
    column = picture[:, 40:50].astype(int)
    assert (np.abs(np.diff(column, axis=0)) > 60).any()
