"""A small photo editor on imgedit: ``python samples/desktop [PHOTO]``, or ``make desktop``."""

import sys
import warnings
from pathlib import Path


def main() -> int:
    if not __package__:  # started as a folder, whose parent Python does not look into
        sys.path[0] = str(Path(__file__).resolve().parents[1])
    from desktop.window import Window
    from imgedit.qt.binding import QtCore, QtWidgets

    # Work in threads hands the interpreter over so often that the interface has its turn within a frame.
    sys.setswitchinterval(0.001)
    app = QtWidgets.QApplication(sys.argv)
    window = Window(QtCore.QSettings("imgedit", "desktop"))
    sys.excepthook = lambda _kind, error, _trace: window.report("Something", error)
    # A warning that rises on a thread of work is shown by the interface's own.
    warnings.showwarning = lambda message, *_: window.warned.emit(str(message))
    window.show()
    for name in app.arguments()[1:2]:
        window.open(Path(name))
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
