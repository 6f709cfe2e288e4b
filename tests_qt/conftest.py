"""Qt draws into memory: a screen is needed only by the tests of real windows, which start their own."""

import os
import subprocess

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before the first QGuiApplication


def pytest_addoption(parser):
    """Let pictures of the sample editor go where somebody wants them."""
    parser.addoption(
        "--screenshots", metavar="DIR", help="where pictures of the sample editor go; to a temporary folder"
    )


@pytest.fixture(scope="session")
def app():
    """Return the one application of the process."""
    from imgedit.qt.binding import QtWidgets

    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


@pytest.fixture(scope="session")
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
