"""A real window opens, whichever of cv2, imgedit and Qt came first: opencv-python names its own plugins to every Qt.

Needs Xvfb and what Qt's xcb plugin loads; on Debian or Ubuntu: apt-get install xvfb libxcb-cursor0 libxcb-icccm4
libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-xinerama0 libxcb-xkb1 libxkbcommon-x11-0.
"""

import itertools
import os
import subprocess
import sys

import pytest

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


@pytest.fixture(scope="module")
def display():
    """Return the name of a screen of our own."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as answer:
        yield f":{answer.readline().strip()}"
    server.terminate()
    server.wait()


@pytest.mark.parametrize("order", list(itertools.permutations(["cv2", "imgedit", f"{BINDING}.QtWidgets"])), ids=str)
def test_a_window_opens(display, order):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
    run = subprocess.run(
        # The bare package only says which binding is meant; it loads nothing of Qt yet.
        [sys.executable, "-c", f"import {BINDING}\n{WINDOW % (order,)}"],
        env={**environment, "DISPLAY": display, "XDG_SESSION_TYPE": "x11"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr, run.stdout) == (0, "", f"{BINDING} xcb\n")
