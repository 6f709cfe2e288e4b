"""The program on the manual's page runs as it stands there, and does what the page says."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

import imgedit as ie
from imgedit.qt.binding import BINDING

PAGE = Path(__file__).parents[1] / "docs/tasks/qt.md"

# What a person would do with it, once its loop of events has begun.
PERSON = """
def person():
    canvas.set_mask(photo[..., 0] == 255)
    button.click()
    worker.wait(300)
    assert canvas._after.image.max() < 255, "the hole is filled"
    assert not canvas.mask().any(), "its red does not hide that"
    assert canvas.isVisible()
    app.quit()
from {binding} import QtCore
QtCore.QTimer.singleShot(0, person)
sys.exit(app.exec())
"""


def test_the_program_of_the_five_minutes(tmp_path):
    program = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    assert program.endswith("sys.exit(app.exec())\n")
    program = program.replace("sys.exit(app.exec())\n", PERSON.format(binding=BINDING)).replace("PySide6", BINDING)
    image = np.full((60, 80, 3), 100, np.uint8)
    image[20:30, 30:50] = 255
    ie.write(tmp_path / "photo.jpg", image, quality=100, subsampling="444")
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    assert (run.returncode, run.stdout) == (0, ""), run.stderr


def test_its_pictures_are_there_and_small():
    pictures = re.findall(r"!\[.+\]\((\S+)\)", PAGE.read_text(encoding="utf-8"))
    assert len(pictures) == 5
    for picture in pictures:
        assert (PAGE.parent / picture).stat().st_size < 150_000
