"""Which Qt is taken, what is said where there is none, and that nothing else in imgedit touches it."""

import subprocess
import sys

import pytest

from imgedit.qt.binding import BINDING

OTHER = "PyQt6" if BINDING == "PySide6" else "PySide6"


def run(program, *folders):
    path = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]}\n"
    done = subprocess.run(
        [sys.executable, "-c", path + program], capture_output=True, text=True, timeout=600, check=True
    )
    return done.stdout.strip()


def fake(folder, name, code):
    (folder / name).mkdir()
    (folder / name / "__init__.py").touch()
    (folder / name / "QtCore.py").write_text(code)


def test_imgedit_alone_loads_no_qt():
    program = (
        "import imgedit; print([name for name in sys.modules if name.startswith(('PySide6', 'PyQt6', 'imgedit.qt'))])"
    )
    assert run(program) == "[]"


@pytest.mark.parametrize("first", [BINDING, OTHER])
def test_the_binding_that_came_first_is_taken(tmp_path, first):
    if first == OTHER:
        fake(tmp_path, OTHER, "raise ImportError('a fake')")
    program = f"""
import {first}
try:
    import imgedit.qt.binding as binding
    print(binding.BINDING)
except ImportError as error:
    print(error.library)
"""
    assert run(program, tmp_path) == first


def test_a_missing_system_library_is_named_with_its_remedy(tmp_path):
    fake(tmp_path, "PySide6", "raise ImportError('libEGL.so.1: cannot open shared object file')")
    program = """
import imgedit.errors
try:
    import imgedit.qt
except imgedit.errors.MissingLibraryError as error:
    print(error)
"""
    said = run(program, tmp_path)
    assert "PySide6 can't be loaded (libEGL.so.1" in said
    assert "apt-get install libegl1" in said


def test_no_qt_at_all_names_the_extra():
    program = """
import importlib.util, imgedit.errors
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in ("PySide6", "PyQt6") else find(name, *rest)
try:
    import imgedit.qt
except imgedit.errors.MissingExtraError as error:
    print(error)
"""
    assert run(program).endswith("pip install 'imgedit[qt]'")
