"""
Remove an object in a window
============================

A small Qt program on `imgedit.qt`: paint over what should go, let a method fill it, drag the line between before and
after. Start it with ``python samples/qt_remove_object.py photo.jpg``; it needs ``pip install 'imgedit[qt]'``.
"""

import sys

from PySide6 import QtWidgets

import imgedit as ie
import imgedit.qt


class Window(QtWidgets.QMainWindow):
    def __init__(self, photo):
        super().__init__()
        self.photo = photo
        self.canvas, self.worker = imgedit.qt.Canvas(), imgedit.qt.Worker()
        self.setCentralWidget(self.canvas)
        self.canvas.set_image(photo)
        self.canvas.brush_radius = max(photo.shape[:2]) / 50
        toolbox = imgedit.qt.Toolbox(self.canvas)
        toolbox.tools["brush"].trigger()
        bar = self.addToolBar("tools")
        bar.addActions(toolbox.actions())
        bar.addWidget(toolbox.options)
        self.method = QtWidgets.QComboBox()
        self.method.addItems(["exemplar", "patchmatch", "telea", "push-pull"])
        bar.addWidget(self.method)
        bar.addAction("Remove", self.remove)
        self.statusBar().addWidget(imgedit.qt.ProgressRow(self.worker))
        self.worker.finished.connect(self.show_result)
        self.worker.failed.connect(lambda error: imgedit.qt.show_error(self, error, "Remove"))

    def remove(self):
        self.worker.restart(ie.inpaint, self.photo, self.canvas.mask(), method=self.method.currentText())

    def show_result(self, result):
        self.canvas.clear_mask()
        self.canvas.set_image(self.photo, after=result)
        self.statusBar().showMessage("Drag the line to compare")

    def closeEvent(self, event):  # noqa: N802 - Qt's name
        self.worker.cancel()
        event.accept()


if __name__ == "__main__":
    app = QtWidgets.QApplication(sys.argv)
    window = Window(ie.read(sys.argv[1]))
    window.resize(1280, 800)
    window.show()
    sys.exit(app.exec())
