"""Real windows open, whichever of cv2, imgedit and Qt came first: opencv-python names its own plugins to every Qt.

Needs Xvfb and what Qt's xcb plugin loads; on Debian or Ubuntu: apt-get install xvfb libxcb-cursor0 libxcb-icccm4
libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-xinerama0 libxcb-xkb1 libxkbcommon-x11-0.
"""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import imgedit as ie
from imgedit.qt.binding import BINDING

WINDOW = """
import os
import numpy as np
for name in %r:
    __import__(name)
found = dict(os.environ)
import imgedit.qt
from imgedit.qt.binding import BINDING, QtCore, QtGui, QtWidgets
app = QtWidgets.QApplication([])
canvas = imgedit.qt.Canvas()
canvas.set_image(np.full((40, 50, 3), (10, 200, 30), np.uint8))
canvas.resize(50, 40)
canvas.show()
while not canvas.windowHandle().isExposed():
    app.processEvents()
    QtCore.QThread.msleep(10)
app.processEvents()
picture = imgedit.qt.from_qimage(canvas.grab().toImage())
assert picture[20, 25, :3].tolist() == [10, 200, 30]
assert dict(os.environ) == found, "imgedit.qt has changed the environment"
print(BINDING, app.platformName())
"""


EDITOR = """
import importlib, sys, time
from pathlib import Path
import desktop.__main__
from desktop.window import Window
from imgedit.qt.binding import BINDING, QtCore, QtWidgets
QTest = importlib.import_module(f"{BINDING}.QtTest").QTest
Qt = QtCore.Qt
app = QtWidgets.QApplication([])
photo, result, settings = sys.argv[1:]
window = Window(QtCore.QSettings(settings, QtCore.QSettings.Format.IniFormat))
window.show()
def settle():
    app.processEvents()
    while window.worker.running or window._drawer.running:
        app.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 10)
    app.processEvents()
while not window.windowHandle().isExposed():
    app.processEvents()
window.open(Path(photo)); settle()
window.toolbox.size.setValue(36)
view = window.canvas.view
corner, end = (QtCore.QPoint(*map(round, view.to_viewport(*place))) for place in ((40, 40), (70, 40)))
QTest.mousePress(window.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, corner)
QTest.mouseMove(window.canvas, end)
app.processEvents()
QTest.mouseRelease(window.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, end)
assert window.canvas.mask()[40, 40], "the brush has not painted"
window.panels["Remove"].remove(); window.progress.stop.click(); settle()
assert window.document.index == 0, "cancelled"
window.panels["Remove"].remove(); settle()
window.undo(); settle(); window.redo(); settle()
window.actions_["compare"].trigger(); settle()
window.write(Path(result)); settle()
window.open(Path(result)); settle()
assert window.document.path == Path(result)
window.close()
print(app.platformName())
"""


# Presses, drags and releases over the picture, as the mouse would; then the keys for "remove" and "save".
TK = """
import runpy, sys, tkinter
def drive(root, n=0):
    canvas = root.winfo_children()[0]
    root.update()
    for x in range(40, 61, 5):
        canvas.event_generate("<B1-Motion>", x=x, y=40)
    root.update()
    root.focus_force()
    root.event_generate("<Return>", when="tail")
    root.update()
    while str(canvas["cursor"]) == "watch":
        root.update()
    root.event_generate("<Control-s>", when="tail")
    root.update()
    root.destroy()
tkinter.Tk.mainloop = drive
sys.argv[0] = "tk_remove_object.py"
runpy.run_path(SCRIPT, run_name="__main__")
"""

SAMPLES = Path(__file__).parents[1] / "samples"


def on_screen(display, *command, seconds=600, cwd=None, **environment):
    """Run Python in a real window."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
    paths = os.pathsep.join([str(SAMPLES), os.environ.get("PYTHONPATH", "")])
    own = {"DISPLAY": display, "XDG_SESSION_TYPE": "x11", "PYTHONPATH": paths, **environment}
    return subprocess.run(
        [sys.executable, *command],
        env={**plain, **own},
        capture_output=True,
        text=True,
        timeout=seconds,
        cwd=cwd,
        check=False,
    )


@pytest.mark.parametrize("order", list(itertools.permutations(["cv2", "imgedit", f"{BINDING}.QtWidgets"])), ids=str)
def test_a_window_opens(display, order):
    # The bare package only says which binding is meant; it loads nothing of Qt yet.
    run = on_screen(display, "-c", f"import {BINDING}\n{WINDOW % (order,)}")
    assert (run.returncode, run.stderr, run.stdout) == (0, "", f"{BINDING} xcb\n")


def test_the_editor_in_a_real_window(display, tmp_path):
    photo, result = tmp_path / "photo.png", tmp_path / "result.png"
    image = np.random.default_rng(4).integers(0, 255, (100, 140, 3), np.uint8)
    ie.write(photo, image)
    run = on_screen(display, "-c", EDITOR, str(photo), str(result), str(tmp_path / "settings.ini"))
    assert (run.returncode, run.stderr, run.stdout) == (0, "", "xcb\n")
    changed = (ie.read(result) != image).any(-1)
    assert changed[40, 40:70].any()
    assert not changed[80:].any()


def test_the_editor_starts_as_a_folder_is_started(display, tmp_path):
    """``python samples/desktop``, from anywhere: it stands until it is ended."""
    settings = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    with pytest.raises(subprocess.TimeoutExpired) as stopped:
        on_screen(display, str(SAMPLES / "desktop"), cwd=tmp_path, seconds=8, **settings)
    assert stopped.value.stderr in (None, b"")


def test_the_editor_in_tk(display, tmp_path):
    pytest.importorskip("tkinter")
    photo, result = tmp_path / "photo.png", tmp_path / "result.png"
    image = np.random.default_rng(4).integers(0, 255, (100, 140, 3), np.uint8)
    ie.write(photo, image)
    run = on_screen(
        display, "-c", TK.replace("SCRIPT", repr(str(SAMPLES / "tk_remove_object.py"))), str(photo), str(result)
    )
    assert (run.returncode, run.stderr, run.stdout) == (0, "", "")
    changed = (ie.read(result) != image).any(-1)
    assert changed[40, 50]
    assert not changed[80:].any()
