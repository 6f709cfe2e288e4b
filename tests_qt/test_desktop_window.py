"""The sample editor driven as a person does: with the mouse, keys, menus and files."""

import importlib
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from desktop import look, tasks
from desktop.dialogs import Batch, Compare
from desktop.window import Window
from PIL import Image
from test_desktop_edits import disc, photo
from test_qt_canvas import drag

import imgedit as ie
import imgedit.qt
from imgedit.io import FORMATS
from imgedit.qt.binding import BINDING, QtCore, QtGui, QtWidgets

QTest = importlib.import_module(f"{BINDING}.QtTest").QTest
Key = QtCore.Qt.Key


@pytest.fixture
def settings(tmp_path):
    return QtCore.QSettings(str(tmp_path / "settings.ini"), QtCore.QSettings.Format.IniFormat)


def forget(window):
    """Let a window close without a question."""
    if window.document:
        window.document.saved = window.document.state


@pytest.fixture
def window(app, qtbot, settings):
    made = Window(settings)
    qtbot.addWidget(made, before_close_func=forget)
    made.resize(1000, 700)
    made.show()
    qtbot.waitUntil(lambda: made._painted and not made._finder.running, timeout=600_000)
    yield made
    for worker in threading.enumerate():
        if worker.name == "imgedit-worker":
            worker.join()
    app.setStyleSheet("")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "photo.png"
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    Image.fromarray(photo(120, 160)).save(path, exif=exif)
    return path


@pytest.fixture
def opened(window, source, qtbot):
    window.open(source)
    settle(window, qtbot)
    return window


def settle(window, qtbot):
    """Wait until nothing is computed or drawn any more."""
    qtbot.waitUntil(lambda: not window.worker.running and not window._drawer.running, timeout=600_000)
    QtWidgets.QApplication.processEvents()


def place(window, x, y):
    """Where a pixel of the picture stands on the canvas."""
    u, v = window.canvas.view.to_viewport(x, y)
    return round(u), round(v)


def paint(window, *pixels):
    drag(window.canvas, *(place(window, x, y) for x, y in pixels))


def titles(window):
    return [window.history.list.item(row).text() for row in range(window.history.list.count())]


def dialogs():
    return [box for box in QtWidgets.QApplication.topLevelWidgets() if isinstance(box, QtWidgets.QMessageBox)]


def the_dialog(qtbot):
    qtbot.waitUntil(lambda: len([box for box in dialogs() if box.isVisible()]) == 1)
    return next(box for box in dialogs() if box.isVisible())


def close_dialog(qtbot, box, button=QtWidgets.QMessageBox.StandardButton.Ok):
    box.button(button).click()
    qtbot.waitUntil(lambda: box not in dialogs())


def shown(window):
    """What the canvas shows of the picture."""
    return window.canvas._before.image


def test_paint_remove_undo_save_reopen_compare(opened, qtbot, monkeypatch, tmp_path, source):
    window, first = opened, photo(120, 160)
    assert not window.panels["Remove"].findChildren(QtWidgets.QPushButton)[0].isEnabled()
    window.toolbox.size.setValue(36)
    paint(window, (60, 50), (90, 50))
    mask = window.canvas.mask()
    assert mask[50, 60:90].all()
    assert 400 < mask.sum() < 900
    QTest.mouseClick(window.panels["Remove"].findChildren(QtWidgets.QPushButton)[0], QtCore.Qt.MouseButton.LeftButton)
    settle(window, qtbot)
    assert titles(window) == ["Open", "Remove (patchmatch)"]
    removed = shown(window)
    changed = (removed != first).any(-1)
    assert changed.any()
    assert not (changed & ~mask).any()
    assert not window.canvas.mask().any()
    assert window.windowTitle() == "photo.png*"

    QTest.keyClick(window, Key.Key_Z, QtCore.Qt.KeyboardModifier.ControlModifier)
    settle(window, qtbot)
    np.testing.assert_array_equal(shown(window), first)
    np.testing.assert_array_equal(window.canvas.mask(), mask)  # to try it with another method
    assert window.windowTitle() == "photo.png"
    window.redo()
    settle(window, qtbot)
    np.testing.assert_array_equal(shown(window), removed)

    window.actions_["compare"].trigger()  # compare
    settle(window, qtbot)
    np.testing.assert_array_equal(shown(window), first)
    np.testing.assert_array_equal(window.canvas._after.image, removed)
    window.actions_["compare"].trigger()
    settle(window, qtbot)

    target = tmp_path / "photo-edited.png"
    proposed = []
    monkeypatch.setattr(imgedit.qt, "ask_save", lambda _, proposal, **__: (proposed.append(proposal), target)[1])
    window.save()
    settle(window, qtbot)
    assert proposed == [target]  # not over the original
    assert window.windowTitle() == "photo.png"
    np.testing.assert_array_equal(ie.read(target), removed)
    with Image.open(target) as saved:
        assert saved.getexif()[0x010F] == "A camera"
    np.testing.assert_array_equal(ie.read(source), first)
    window.open(target)
    settle(window, qtbot)
    np.testing.assert_array_equal(shown(window), removed)
    assert [path.name for path in window.recent.paths()] == ["photo-edited.png", "photo.png"]


def test_strokes_are_taken_back_before_edits(opened, qtbot):
    window = opened
    window.canvas.set_mask(disc(120, 160))
    window.panels["Remove"].remove()
    settle(window, qtbot)
    paint(window, (30, 30))
    window.undo()
    assert not window.canvas.mask().any()
    assert window.document.index == 1
    window.undo()
    settle(window, qtbot)
    assert window.document.index == 0
    window.history.list.setCurrentRow(1)
    settle(window, qtbot)
    assert window.document.index == 1


def test_a_mask_survives_edits_that_do_not_use_it(opened, qtbot):
    window = opened
    QtWidgets.QApplication.clipboard().setImage(imgedit.qt.to_qimage(np.zeros((20, 20, 3), np.uint8)))
    window.paste()
    settle(window, qtbot)
    paint(window, (60, 50), (90, 50))
    mask = window.canvas.mask()
    for act in (
        lambda: window.layers.opacity.setValue(50),
        window.undo,  # takes the opacity back, not the stroke
        lambda: window.layers.list.setCurrentRow(1),
        window.redo,
    ):
        act()
        settle(window, qtbot)
        np.testing.assert_array_equal(window.canvas.mask(), mask)
    assert titles(window) == ["Open", "Paste Clipboard", "Opacity"]
    assert window.document.index == 2


def test_cancel_in_the_middle_leaves_all_as_it_was(opened, qtbot, monkeypatch):
    window = opened
    begun = threading.Event()

    def endless(image, mask, *, method, grow, feather, progress):
        while True:
            begun.set()
            progress(0.25)
            time.sleep(0.001)

    monkeypatch.setattr(ie, "inpaint", endless)
    window.canvas.set_mask(disc(120, 160))
    window.panels["Remove"].remove()
    assert not window.side.isEnabled()
    assert not window.actions_["save"].isEnabled()
    assert window.progress.words.text() == "Remove…"
    qtbot.waitUntil(lambda: window.progress.bar.value() == 250)
    paint(window, (20, 20))  # the mask can be painted meanwhile
    window.progress.stop.click()
    assert not window.worker.running
    assert window.side.isEnabled()
    assert titles(window) == ["Open"]
    assert window.canvas.mask()[20, 20]
    for thread in threading.enumerate():
        if thread.name == "imgedit-worker":
            thread.join(1)
            assert not thread.is_alive()


def test_all_methods_side_by_side_and_one_is_taken(opened, qtbot):
    window = opened
    window.canvas.set_mask(disc(120, 160))
    mask = window.canvas.mask()
    window.compare_methods()
    dialog = window.findChild(Compare)
    qtbot.waitUntil(lambda: not dialog.worker.running, timeout=600_000)
    assert list(dialog.grid.canvases) == ["before", *tasks.methods(learned=True)]
    assert all(button.isEnabled() for name, button in dialog.grid.buttons.items())
    dialog.grid.canvases["telea"].zoom(2)
    assert {canvas.view for canvas in dialog.grid.canvases.values()} == {dialog.grid.canvases["telea"].view}
    dialog.grid.buttons["telea"].click()
    settle(window, qtbot)
    np.testing.assert_array_equal(shown(window), ie.inpaint(photo(120, 160), mask, "telea"))
    assert titles(window) == ["Open", "Remove (telea)"]


def test_a_comparison_that_is_closed_stops(opened, qtbot):
    opened.canvas.set_mask(disc(120, 160))
    opened.compare_methods()
    dialog = opened.findChild(Compare)
    worker = dialog.worker
    dialog.close()
    assert not worker.running


def test_cut_out_move_blend_merge(opened, qtbot):
    window = opened
    window.canvas.set_mask(disc(120, 160, 60, 60, 15))
    window.panels["Cut out"].cut(leave=True)
    settle(window, qtbot)
    assert window.layers.list.count() == 2
    window.toolbox.tools["move"].trigger()
    settle(window, qtbot)
    before = window.document.state.layer.offset
    paint(window, (60, 60), (70, 62), (90, 65))
    settle(window, qtbot)
    x, y = (after - was for after, was in zip(window.document.state.layer.offset, before, strict=True))
    assert (abs(x - 30), abs(y - 5)) <= (1, 1)  # a pixel of the screen is not one of the picture
    window.layers.mode.setCurrentText("multiply")
    window.layers.mode.activated.emit(window.layers.mode.currentIndex())
    for value in (80, 70, 60):
        window.layers.opacity.setValue(value)
    settle(window, qtbot)
    assert titles(window)[1:] == ["Copy to layer", "Move layer", "Mode multiply", "Opacity"]
    state = window.document.state
    expected = ie.blend(photo(120, 160), state.layer.image, "multiply", opacity=0.6, offset=state.layer.offset)
    assert np.abs(shown(window).astype(int)[..., :3] - expected).max() <= 1
    window.panels["Cut out"].how.setCurrentText("seamless")
    window.panels["Cut out"].merge()
    settle(window, qtbot)
    assert window.layers.list.count() == 1
    assert not window.panels["Cut out"].merge_button.isEnabled()


def test_layers_are_hidden_ordered_and_deleted(opened, qtbot):
    window = opened
    for colour in (0, 255):
        piece = np.full((20, 20, 3), colour, np.uint8)
        QtWidgets.QApplication.clipboard().setImage(imgedit.qt.to_qimage(piece))
        window.paste()
        settle(window, qtbot)
    assert shown(window)[60, 80].tolist() == [255] * 3
    window.layers.buttons["down"].click()
    settle(window, qtbot)
    assert shown(window)[60, 80].tolist() == [0] * 3
    item = window.layers.list.item(0)
    item.setCheckState(QtCore.Qt.CheckState.Unchecked)
    settle(window, qtbot)
    assert shown(window)[60, 80].tolist() == [255] * 3
    window.layers.list.setCurrentRow(1)
    window.layers.buttons["delete"].click()
    settle(window, qtbot)
    np.testing.assert_array_equal(shown(window)[..., :3], photo(120, 160))
    window.layers.list.setCurrentRow(1)  # the photo itself stays where it is
    assert not any(button.isEnabled() for button in window.layers.buttons.values())


def test_a_style_has_a_live_strength(opened, qtbot, monkeypatch, tmp_path):
    window, panel = opened, opened.panels["Style"]
    monkeypatch.setattr(ie, "stylize", lambda image, style, **_: np.full_like(image, 200))
    window.tasks.setCurrentWidget(panel)
    panel.paint("flat", {"style": "flat"})
    settle(window, qtbot)
    grey = window.canvas.mapTo(window, QtCore.QPoint(*place(window, 5, 5)))
    for strength in (100, 30, 60):
        panel.strength.setValue(strength)
        picture = imgedit.qt.from_qimage(window.grab().toImage())
        expected = photo(120, 160)[5, 5] * (1 - strength / 100) + 200 * strength / 100
        assert np.abs(picture[grey.y(), grey.x(), :3] - expected).max() < 12  # neighbours of the pixel are near it
    panel.apply()
    settle(window, qtbot)
    expected = photo(120, 160) * 0.4 + 200 * 0.6
    assert np.abs(shown(window) - expected).max() <= 1
    assert not panel.buttons[0].isEnabled()
    panel.paint("flat", {"style": "flat"})
    settle(window, qtbot)
    window.undo()  # leaves no painting over another state
    settle(window, qtbot)
    assert panel.preview is None


def test_a_style_of_the_photo_stays_below_the_layers_above_it(opened, qtbot, monkeypatch):
    window, panel = opened, opened.panels["Style"]
    monkeypatch.setattr(ie, "stylize", lambda image, style, **_: np.full_like(image, 200))
    above = ie.Layer(np.full((60, 80, 3), 20, np.uint8), offset=(0, 0))
    window.commit(window.document.state.with_layer(above, "above"))
    window.choose_layer(0)
    settle(window, qtbot)
    panel.strength.setValue(100)
    panel.paint("flat", {"style": "flat"})
    settle(window, qtbot)
    grabbed = imgedit.qt.from_qimage(window.canvas.grab().toImage())
    for point, grey in (((40, 30), 20), ((120, 90), 200)):
        x, y = place(window, *point)
        assert (grabbed[y, x, :3] == grey).all()
    panel.apply()
    settle(window, qtbot)
    assert (shown(window)[30, 40] == 20).all()


def test_the_gallery_shows_the_photo_in_every_style(app, qtbot, settings, source, monkeypatch):
    known = {name: {"style": name} for name in ("a", "b")}
    monkeypatch.setattr("desktop.window.nets", lambda: tasks.Nets([], [], known))
    monkeypatch.setattr(ie, "stylize", lambda image, style, **_: np.full_like(image, {"a": 40, "b": 220}[style]))
    window = Window(settings)
    qtbot.addWidget(window, before_close_func=forget)
    window.show()
    window.open(source)
    settle(window, qtbot)
    panel = window.panels["Style"]
    window.tasks.setCurrentWidget(panel)
    qtbot.waitUntil(lambda: bool(panel.known))
    assert "learned" not in window.panels["Remove"].methods()
    qtbot.waitUntil(lambda: all(not panel.gallery.item(row).icon().isNull() for row in (0, 1)))
    for row, grey in ((0, 40), (1, 220)):
        thumb = imgedit.qt.from_qimage(panel.gallery.item(row).icon().pixmap(40).toImage())
        assert (thumb[..., :3] == grey).all()
    panel.gallery.itemClicked.emit(panel.gallery.item(1))
    settle(window, qtbot)
    assert panel.preview[1] == {"style": "b"}


def test_a_photo_is_edited_while_networks_are_still_looked_for(app, qtbot, settings, source, monkeypatch):
    found = threading.Event()
    monkeypatch.setattr("desktop.window.nets", lambda: found.wait(60) and tasks.Nets(["a net"], ["x"], {"s": {}}))
    monkeypatch.setattr(ie, "stylize", lambda image, **_: image)
    window = Window(settings)
    qtbot.addWidget(window, before_close_func=forget)
    window.show()
    window.open(source)
    settle(window, qtbot)
    paint(window, (60, 50), (90, 50))
    window.tasks.setCurrentWidget(window.panels["Style"])
    window.panels["Remove"].remove()
    settle(window, qtbot)
    assert titles(window) == ["Open", "Remove (patchmatch)"]
    found.set()
    qtbot.waitUntil(lambda: bool(window.panels["Style"].known))
    assert window.panels["Remove"].methods() == tasks.methods(learned=True)
    assert window.panels["Enlarge"].model.itemData(1) == "x"
    settle(window, qtbot)


def test_a_painting_is_a_style_with_what_is_shipped(opened, qtbot, monkeypatch, tmp_path):
    ie.write(tmp_path / "painting.png", photo(40, 50)[::-1].copy())
    window, panel = opened, opened.panels["Style"]
    monkeypatch.setattr(imgedit.qt, "ask_open", lambda *_, **__: tmp_path / "painting.png")
    panel.steps.setValue(10)
    panel.open_painting()
    settle(window, qtbot)
    assert panel.preview[0].shape == (120, 160, 3)
    panel.apply()
    settle(window, qtbot)
    assert titles(window) == ["Open", "Style"]


def test_enlarge(opened, qtbot):
    panel = opened.panels["Enlarge"]
    assert panel.sizes.text() == "160 × 120 px  →  320 × 240 px"
    panel.enlarge()
    settle(opened, qtbot)
    assert shown(opened).shape == (240, 320, 3)
    opened.actions_["compare"].trigger()  # the original is compared at the new size
    settle(opened, qtbot)
    assert shown(opened).shape == opened.canvas._after.image.shape


def test_what_was_done_is_done_to_a_folder(opened, qtbot, tmp_path, monkeypatch):
    window = opened
    photos, results = tmp_path / "photos", tmp_path / "results"
    photos.mkdir()
    for number in range(2):
        ie.write(photos / f"{number}.png", photo(120, 160) + np.uint8(number))
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    window.canvas.set_mask(disc(120, 160))
    mask = window.canvas.mask()
    window.panels["Remove"].method.setCurrentIndex(window.panels["Remove"].method.findData("telea"))
    window.panels["Remove"].remove()
    settle(window, qtbot)
    window.batch()
    dialog = window.findChild(Batch)
    dialog.run(str(photos), str(results))
    assert not dialog.begin.isEnabled()
    qtbot.waitUntil(lambda: not dialog.worker.running, timeout=600_000)
    assert dialog.said.text().startswith("2 done, 1 failed")
    for number in range(2):
        expected = ie.inpaint(photo(120, 160) + np.uint8(number), mask, "telea")
        np.testing.assert_array_equal(ie.read(results / f"{number}.png"), expected)
    monkeypatch.setattr(imgedit.qt, "ask_save", lambda *_, **__: tmp_path / "mine.toml")
    dialog.save_as()
    assert ie.Recipe.from_toml(tmp_path / "mine.toml").steps[0].op == "inpaint"
    dialog.close()


def test_a_batch_is_cancelled_and_failures_are_told(opened, qtbot, tmp_path):
    window = opened
    window.panels["Enlarge"].enlarge()
    settle(window, qtbot)
    window.batch()
    dialog = window.findChild(Batch)
    dialog.run(str(tmp_path / "nowhere"), str(tmp_path / "results"))
    qtbot.waitUntil(lambda: not dialog.worker.running, timeout=600_000)
    box = the_dialog(qtbot)
    assert "nowhere" in box.informativeText()
    close_dialog(qtbot, box)
    dialog.run(str(tmp_path), str(tmp_path / "results"))
    dialog.progress.stop.click()
    assert dialog.said.text().startswith("Cancelled")
    dialog.close()


def test_a_hidden_photo_is_told_in_words(opened, qtbot):
    opened.layers.list.item(0).setCheckState(QtCore.Qt.CheckState.Unchecked)
    settle(opened, qtbot)
    opened.batch()
    box = the_dialog(qtbot)
    assert "hidden" in box.informativeText()
    close_dialog(qtbot, box)


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n", None])
def test_a_file_that_can_not_be_opened_is_told(window, qtbot, tmp_path, content):
    path = tmp_path / "odd.png"
    if content is not None:
        path.write_bytes(content)
    window.open(path)
    box = the_dialog(qtbot)
    assert box.text() == "Open odd.png did not work."
    assert "odd.png" in box.informativeText()
    assert not box.detailedText()
    close_dialog(qtbot, box)
    assert window.document is None
    assert window.recent.paths() == []


def test_a_warning_of_a_thread_is_told_in_the_status_bar(opened, qtbot):
    text = "mask reaches far"
    threading.Thread(target=opened.warned.emit, args=(text,)).start()
    qtbot.waitUntil(lambda: opened.statusBar().currentMessage() == text)


def test_an_error_nobody_expected_is_told_with_where_it_came_from(opened, qtbot, monkeypatch):
    monkeypatch.setattr(ie, "inpaint", lambda *_, **__: 1 / 0)
    opened.canvas.set_mask(disc(120, 160))
    opened.panels["Remove"].remove()
    box = the_dialog(qtbot)
    assert "ZeroDivisionError" in box.informativeText()
    assert "edits.py" in box.detailedText()
    close_dialog(qtbot, box)
    assert titles(opened) == ["Open"]


def test_a_mask_over_nothing_of_the_layer_is_told_with_its_remedy(opened, qtbot):
    opened.canvas.set_mask(disc(120, 160, 20, 20, 5))
    opened.panels["Cut out"].cut(leave=True)
    settle(opened, qtbot)
    opened.canvas.set_mask(disc(120, 160, 120, 90, 5))
    opened.panels["Cut out"].cut(leave=True)
    box = the_dialog(qtbot)
    assert box.informativeText().startswith("The mask covers nothing of this layer.\n\nWhat helps: ")
    close_dialog(qtbot, box)


def test_unsaved_changes_are_asked_for(opened, qtbot, monkeypatch, tmp_path, source):
    window, button = opened, QtWidgets.QMessageBox.StandardButton
    window.canvas.set_mask(disc(120, 160))
    window.panels["Remove"].remove()
    settle(window, qtbot)
    window.close()
    assert window.isVisible()
    close_dialog(qtbot, the_dialog(qtbot), button.Cancel)
    assert window.isVisible()
    window.open(source)
    close_dialog(qtbot, the_dialog(qtbot), button.Discard)
    settle(window, qtbot)
    assert titles(window) == ["Open"]
    window.canvas.set_mask(disc(120, 160))
    window.panels["Remove"].remove()
    settle(window, qtbot)
    monkeypatch.setattr(imgedit.qt, "ask_save", lambda *_, **__: tmp_path / "saved.png")
    window.close()
    close_dialog(qtbot, the_dialog(qtbot), button.Save)
    settle(window, qtbot)
    assert (tmp_path / "saved.png").exists()
    assert not window.isVisible()


def test_a_photo_is_dropped(window, qtbot, source):
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(source))])
    actions, buttons = QtCore.Qt.DropAction.CopyAction, QtCore.Qt.MouseButton.LeftButton
    none = QtCore.Qt.KeyboardModifier.NoModifier
    enter = QtGui.QDragEnterEvent(QtCore.QPoint(200, 200), actions, data, buttons, none)
    enter.setAccepted(False)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.dropEvent(QtGui.QDropEvent(QtCore.QPointF(200, 200), actions, data, buttons, none))
    settle(window, qtbot)
    assert window.document.path == source


def test_recent_files_and_theme_are_remembered(opened, qtbot, settings, source):
    opened.toggle_theme()
    settings.sync()
    again = Window(QtCore.QSettings(settings.fileName(), QtCore.QSettings.Format.IniFormat))
    qtbot.addWidget(again, before_close_func=forget)
    assert [Path(action.text()) for action in again.recent.actions()] == [source]
    role = QtGui.QPalette.ColorRole.Window
    assert QtWidgets.QApplication.palette().color(role).name() == look.THEMES["light"].split()[0]
    again.recent.actions()[0].trigger()
    settle(again, qtbot)
    assert again.document.path == source


def test_every_format_can_be_asked_for(window, monkeypatch):
    asked = []
    monkeypatch.setattr(QtWidgets.QFileDialog, "getOpenFileName", lambda *words: (asked.append(words[-1]), ("", ""))[1])
    window.ask_and_open()
    assert all(f"*{suffix}" in asked[0] for suffix in (*FORMATS["jpeg"].suffixes, ".webp", ".ora", ".psd"))


@pytest.mark.parametrize("theme", look.THEMES)
def test_text_can_be_read_in_both_themes(theme):
    colours = dict(zip(look.NAMES, look.THEMES[theme].split(), strict=True))

    def luminance(name):
        red, green, blue = (int(colours[name][at : at + 2], 16) / 255 for at in (1, 3, 5))
        return float(ie.luminance(np.array([[[red, green, blue]]], np.float32)).squeeze())

    def contrast(*names):
        low, high = sorted(map(luminance, names))
        return (high + 0.05) / (low + 0.05)

    for below in ("window", "base", "button", "chosen"):
        assert contrast("text", below) >= 7
    assert contrast("faint", "window") >= 4.5  # WCAG 2.2, 1.4.3
    assert contrast("on_accent", "accent") >= 4.5
    assert contrast("accent", "window") >= 3  # 1.4.11, parts of controls
