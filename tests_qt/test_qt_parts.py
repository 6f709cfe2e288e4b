"""The parts that a program is put together from tell what a person wants of them, and show what they are told."""

import importlib

import numpy as np
import pytest

import imgedit as ie
from imgedit.io import FORMATS
from imgedit.qt import (
    Canvas,
    Comparison,
    Gallery,
    HistoryPanel,
    LayerPanel,
    ProgressRow,
    RecentFiles,
    Tool,
    Toolbox,
    Worker,
    ask_open,
    ask_save,
    from_qimage,
    icon,
    show_error,
)
from imgedit.qt.binding import BINDING, QtCore, QtGui, QtWidgets
from imgedit.qt.widgets import button, choice, column, label, row

QTest = importlib.import_module(f"{BINDING}.QtTest").QTest
Key, Check = QtCore.Qt.Key, QtCore.Qt.CheckState


def grey(level, height=30, width=40):
    return np.full((height, width, 3), level, np.uint8)


def heard(signal):
    """All that a signal says from now on."""
    said = []
    signal.connect(lambda *values: said.append(values))
    return said


# Layers


@pytest.fixture
def panel(app):
    made = LayerPanel()
    names = ("photo", "middle", "top")
    made.set_layers([ie.Layer(grey(40 * n), name=name, offset=(n, n)) for n, name in enumerate(names)], active=1)
    return made


def test_layers_stand_from_the_topmost(panel):
    assert [panel.list.item(row).text() for row in range(3)] == ["top", "middle", "photo"]
    assert panel.list.currentRow() == 1
    thumb = from_qimage(panel.list.item(0).icon().pixmap(20).toImage())
    assert (thumb[..., :3] == 80).all()


def test_what_is_shown_is_no_wish(app):
    panel = LayerPanel()
    said = heard(panel.edited) + heard(panel.chosen)
    panel.set_layers([ie.Layer(grey(0)), ie.Layer(grey(9), mode="screen", opacity=0.3, visible=False)], active=1)
    assert said == []
    assert (panel.mode.currentData(), panel.opacity.value()) == ("screen", 30)
    assert panel.list.item(0).checkState() == Check.Unchecked


def test_every_edit_of_a_layer_is_told(panel):
    said = heard(panel.edited)
    panel.list.item(0).setCheckState(Check.Unchecked)
    panel.opacity.setValue(60)
    panel.mode.setCurrentIndex(panel.mode.findData("multiply"))
    panel.mode.activated.emit(panel.mode.currentIndex())
    for name in ("up", "delete"):
        panel.buttons[name].click()
    assert [(active, what) for _, active, what in said] == [
        (2, "Hide layer"),
        (1, "Opacity"),
        (1, "Mode multiply"),
        (2, "Order"),
        (0, "Delete layer"),
    ]
    hidden, faint, multiplied, raised, deleted = (layers for layers, _, _ in said)
    assert [layer.visible for layer in hidden] == [True, True, False]
    assert faint[1].opacity == 0.6
    assert multiplied[1].mode == "multiply"
    assert multiplied[1].offset == (1, 1)
    assert [layer.name for layer in raised] == ["photo", "top", "middle"]
    assert [layer.name for layer in deleted] == ["photo", "top"]


def test_another_layer_is_chosen_and_the_lowest_stays(panel):
    said = heard(panel.chosen)
    panel.list.setCurrentRow(2)
    assert said == [(0,)]
    assert not any(part.isEnabled() for part in (panel.mode, panel.opacity, *panel.buttons.values()))
    panel.list.setCurrentRow(0)
    assert [panel.buttons[name].isEnabled() for name in ("up", "down", "delete")] == [False, True, True]


def test_a_panel_without_a_picture_can_not_be_used(app):
    panel = LayerPanel()
    assert panel.list.count() == 0
    assert not any(part.isEnabled() for part in (panel.mode, panel.opacity, *panel.buttons.values()))


def test_layers_that_can_not_be_shown_are_refused(app):
    panel = LayerPanel()
    with pytest.raises(ie.errors.ArgumentError, match=r"of which 1 have no image.*flatten"):
        panel.set_layers([ie.Layer(grey(1)), ie.Group([ie.Layer(grey(2))])])
    with pytest.raises(ie.errors.ArgumentError, match="active is 1 of 1 layers"):
        panel.set_layers([ie.Layer(grey(1))], active=1)


def test_history_tells_what_is_wanted(app):
    panel = HistoryPanel()
    chosen = heard(panel.chosen)
    panel.set_states(["Open", "Blur", "Sharpen"], 1)
    assert chosen == []
    assert panel.list.currentRow() == 1
    faint = panel.palette().placeholderText().color()
    assert [panel.list.item(row).foreground().color() == faint for row in range(3)] == [False, False, True]
    panel.list.setCurrentRow(2)
    assert chosen == [(2,)]
    with pytest.raises(ie.errors.ArgumentError, match="index is 3 of 3 states"):
        panel.set_states(["a", "b", "c"], 3)


# Tools


def test_a_key_takes_a_tool_in_hand(app, qtbot):
    window, canvas = QtWidgets.QMainWindow(), Canvas()
    qtbot.addWidget(window)
    toolbox = Toolbox(canvas)
    window.setCentralWidget(canvas)
    bar = window.addToolBar("tools")
    bar.addActions(toolbox.actions())
    bar.addWidget(toolbox.options)
    window.resize(1000, 300)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    assert canvas.tool == "hand"
    assert not toolbox.size.isVisible()
    for key, name, slider in ((Key.Key_B, "brush", toolbox.size), (Key.Key_W, "flood", toolbox.tolerance)):
        QTest.keyClick(window, key)
        assert canvas.tool == name
        assert toolbox.tools[name].isChecked()
        assert [widget.isVisible() for widget in (toolbox.size, toolbox.tolerance)] == [
            widget is slider for widget in (toolbox.size, toolbox.tolerance)
        ]


def test_sliders_and_canvas_agree(app):
    canvas = Canvas()
    toolbox = Toolbox(canvas)
    toolbox.size.setValue(36)
    assert canvas.brush_radius == 8
    canvas.brush_radius = 16.3
    assert toolbox.size.value() == 48
    assert canvas.brush_radius == 16.3  # not rounded to the slider's steps
    toolbox.tolerance.setValue(25)
    assert canvas.tolerance == 0.25
    with pytest.raises(ie.errors.ArgumentError, match="brush_radius is 0"):
        canvas.brush_radius = 0


def test_a_tool_of_the_programs_own(app):
    canvas = Canvas()
    toolbox = Toolbox(canvas)
    made = []
    toolbox.add("move", "V", "Drag", lambda board: made.append(Tool(board)) or made[0]).trigger()
    assert canvas.tool == ""
    assert made[0].board is canvas
    assert not toolbox.tools["hand"].isChecked()
    with pytest.raises(ie.errors.UnknownNameError, match="brsh"):
        toolbox.add("brsh", "X", "")


# Pictures side by side


def test_pictures_zoom_together_and_one_is_taken(app):
    comparison = Comparison(["before", "a", "b"], columns=2, fixed=["before"])
    taken = heard(comparison.taken)
    for level, name in enumerate(comparison.canvases):
        comparison.set_image(name, grey(level))
    comparison.canvases["b"].zoom(2)
    assert {canvas.view for canvas in comparison.canvases.values()} == {comparison.canvases["b"].view}
    assert list(comparison.buttons) == ["a", "b"]
    comparison.buttons["b"].click()
    assert taken == [("b",)]
    comparison.say("a", "0.3 s")
    assert "a  0.3 s" in [words.text() for words in comparison.findChildren(QtWidgets.QLabel)]


def test_a_picture_that_is_not_there_yet_can_not_be_taken(app):
    comparison = Comparison(["a"])
    assert not comparison.buttons["a"].isEnabled()
    for names in ([], ["a", "a"]):
        with pytest.raises(ie.errors.ArgumentError, match="names"):
            Comparison(names)


def test_a_gallery_tells_the_name_that_was_clicked(app):
    gallery = Gallery(["a", "b"])
    chosen = heard(gallery.chosen)
    gallery.set_image("b", grey(200))
    assert (from_qimage(gallery.item(1).icon().pixmap(30).toImage())[..., :3] == 200).all()
    gallery.itemClicked.emit(gallery.item(1))
    assert chosen == [("b",)]
    with pytest.raises(ie.errors.ArgumentError, match="give one of a, b"):
        gallery.set_image("c", grey(1))


# Work and what goes wrong


def test_progress_is_seen_while_there_is_work(app, qtbot):
    worker = Worker()
    progress = ProgressRow(worker)
    assert progress.isHidden()

    def work(progress):
        while True:
            progress(0.25)

    worker.start(work)
    assert not progress.isHidden()
    qtbot.waitUntil(lambda: progress.bar.value() == 250)
    progress.stop.click()
    assert not worker.running
    assert progress.isHidden()


@pytest.mark.parametrize(
    ("error", "text", "detailed"),
    [
        (ie.errors.ArgumentError("mask", "is red", "paint it"), "The mask is red.\n\nWhat helps: paint it.", False),
        (FileNotFoundError(2, "No such file", "x.png"), "[Errno 2] No such file: 'x.png'", False),
        (ZeroDivisionError("oh"), "ZeroDivisionError: oh", True),
    ],
)
def test_an_error_is_told(app, error, text, detailed):
    box = show_error(None, error, "Filling")
    assert (box.text(), box.informativeText()) == ("Filling did not work.", text)
    assert bool(box.detailedText()) == detailed
    assert box.isVisible()
    box.close()


# Files


@pytest.fixture
def asked(monkeypatch):
    """What the dialogs are asked with; they answer with a name."""
    words = []
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QtWidgets.QFileDialog, name, lambda *given: (words.append(given), ("/a/b.png", ""))[1])
    return words


def test_every_format_can_be_asked_for(asked):
    assert str(ask_open()) == str(ask_save()) == QtCore.QDir.toNativeSeparators("/a/b.png")
    for words in asked:
        assert all(f"*{suffix}" in words[-1] for codec in FORMATS.values() for suffix in codec.suffixes)
        assert ".ora" not in words[-1]
    ask_open(layered=True)
    assert "*.psd" in asked[-1][-1]
    ask_save(kinds="Recipes (*.toml)", proposal="mine.toml")
    assert asked[-1][2:] == ("mine.toml", "Recipes (*.toml)")


@pytest.mark.parametrize(
    ("proposal", "layered", "shown"),
    [
        ("a.jpg", False, "a.jpg"),
        ("A.TIF", False, "A.TIF"),
        ("a.dat", False, "a.png"),
        ("a.ora", False, "a.png"),
        ("a.ora", True, "a.ora"),
        ("a.psd", True, "a.png"),
        ("", False, ""),
    ],
)
def test_a_name_is_proposed_that_can_be_written(asked, proposal, layered, shown):
    ask_save(proposal=proposal, layered=layered)
    assert asked[-1][2] == shown


def test_nothing_is_chosen(monkeypatch):
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QtWidgets.QFileDialog, name, lambda *_: ("", ""))
    assert ask_open() is None
    assert ask_save() is None


def test_recent_files_are_remembered(app, tmp_path):
    def menu():
        return RecentFiles(QtCore.QSettings(str(tmp_path / "s.ini"), QtCore.QSettings.Format.IniFormat), most=2)

    for name in "abc":
        (tmp_path / name).touch()
        first = menu()
        first.add(tmp_path / name)
    assert [path.name for path in menu().paths()] == ["c", "b"]
    first.add(tmp_path / "b")
    (tmp_path / "c").unlink()
    assert [path.name for path in first.paths()] == ["b"]
    chosen = heard(first.chosen)
    first.actions()[0].trigger()
    assert chosen == [(tmp_path / "b",)]


# Small things


def test_an_icon_has_the_palettes_colours(app, tmp_path):
    file = tmp_path / "block.svg"
    block = '<rect width="9" height="9" fill="currentColor"/>'
    file.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{block}</svg>')
    old = QtWidgets.QApplication.palette()
    for color in ("#ff0000", "#00ff00"):
        palette = QtGui.QPalette(old)
        palette.setColor(QtGui.QPalette.ColorRole.ButtonText, QtGui.QColor(color))
        QtWidgets.QApplication.setPalette(palette)
        assert icon(file).pixmap(20).toImage().pixelColor(10, 10).name() == color
    QtWidgets.QApplication.setPalette(old)
    file.write_bytes(b"\xff no drawing")
    with pytest.raises(ie.errors.ArgumentError, match="no SVG that Qt can draw"):
        icon(file)
    with pytest.raises(FileNotFoundError):
        icon(tmp_path / "none.svg")


def test_widgets_in_a_line(app):
    box = choice(["a", "b"], {"b": "better"})
    assert [(box.itemText(n), box.itemData(n)) for n in range(2)] == [("a", "a"), ("b – better", "b")]
    pressed = []
    press = button("Go", lambda: pressed.append(1), primary=True)
    press.click()
    assert pressed == [1]
    whole = QtWidgets.QWidget()
    layout = column(label("x", "faint"), row(press, None, box), None, parent=whole, margin=3)
    assert whole.layout() is layout
    assert [layout.count(), layout.itemAt(1).count()] == [3, 3]
    assert layout.itemAt(0).widget().property("role") == "faint"
