"""Qt draws into memory: a screen is needed only by the tests of real windows, which start their own."""

import os

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before the first QGuiApplication


@pytest.fixture(scope="session")
def app():
    """Return the one application of the process."""
    from imgedit.qt.binding import QtWidgets

    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
