"""What is installed: every package and data file is listed, importing is light, the wheel runs outside the checkout."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

HEAVY = ["PySide6", "PyQt6", "dask", "distributed", "matplotlib", "onnx", "onnxruntime", "pebble", "pydantic"]
HEAVY += ["cyclopts", "rich", "scipy.stats", "skimage", "socket", "sqlite3", "tifffile", "torch"]


def listed():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config["options"]["packages"].split()


def test_every_package_is_listed_and_nothing_else():
    found = {".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "imgedit").rglob("__init__.py")}
    assert set(listed()) == found | {"imgedit.onnx_models"}
    assert listed() == sorted(listed())


def test_importing_imgedit_imports_nothing_heavy():
    code = "import sys, imgedit; print(*[name for name in sys.argv[1:] if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []


HOST = """
import atexit, locale, logging, os, random, signal, sys, threading, warnings
import cv2, numpy as np

def state():
    tasks = "/proc/self/task"
    return {
        "chance": (random.getstate(), str(np.random.get_state())),
        "OpenCV's threads": cv2.getNumThreads(),
        "environment": dict(os.environ),
        "floating point": np.geterr(),
        "threads of Python": threading.active_count(),
        "threads of the system": len(os.listdir(tasks)) if os.path.isdir(tasks) else 0,
        "locale": [locale.setlocale(kind) for kind in (locale.LC_ALL, locale.LC_NUMERIC)],
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "exit": atexit._ncallbacks(),
        "hooks": (sys.excepthook, threading.excepthook, sys.unraisablehook, sys.displayhook, sys.breakpointhook),
        "handing over": sys.getswitchinterval(),
        "recursion": sys.getrecursionlimit(),
        "logging": (logging.root.level, list(logging.root.handlers)),
        "warnings": list(warnings.filters),
        "mask of files": os.umask(os.umask(0o22)),
        "folder": os.getcwd(),
    }

before = state()
import imgedit
after = state()
changed = [name for name in before if before[name] != after[name]]
assert not changed, changed
"""


def test_importing_imgedit_changes_no_setting_of_the_host():
    subprocess.run([sys.executable, "-W", "error", "-c", HOST], check=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build sdist and wheel from a copy, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("built")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    source = folder / "source"
    for name in filter(None, map(os.fsdecode, files)):
        if (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "dist"


def tracked(folder, *suffixes):
    """Files of a folder that belong to the project."""
    told = subprocess.run(["git", "ls-files", "-z", folder], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in told.stdout.split("\0") if name.endswith(suffixes)}


@pytest.mark.slow
def test_the_wheel_holds_code_manifests_and_weights(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    models = {f"imgedit/{name}" for name in tracked("onnx_models", ".toml", ".onnx")}
    assert tracked("imgedit", ".py", "py.typed") | models <= names
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "onnx_models/"))]


@pytest.mark.slow
def test_the_sdist_holds_what_builds_the_same_wheel(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    files = tracked("imgedit", ".py", "py.typed") | tracked("onnx_models", ".toml", ".onnx")
    assert files | {"setup.cfg", "pyproject.toml", "README.md", "LICENSE"} <= names


@pytest.mark.slow
def test_the_wheel_runs_in_an_empty_environment_outside_the_checkout(built, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    (wheel,) = built.glob("*.whl")
    # An extra such as IMGEDIT_OPENCV="opencv-python-headless==4.14.0.94" stands for another build of OpenCV.
    other = os.environ.get("IMGEDIT_OPENCV")
    subprocess.run([scripts / "python", "-m", "pip", "install", "--quiet", wheel], check=True)
    if other:
        subprocess.run([scripts / "python", "-m", "pip", "uninstall", "--quiet", "-y", "opencv-python"], check=True)
        subprocess.run([scripts / "python", "-m", "pip", "install", "--quiet", other], check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def imgedit(*arguments):
        command = [scripts / "imgedit", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.ppm").write_bytes(b"P6\n4 4\n255\n" + bytes(range(48)))
    (tmp_path / "r.toml").write_text("[[steps]]\nop = 'resize'\nscale = 2\n[output]\nformat = 'png'\n")
    assert "inpaint" in imgedit("--help")
    assert imgedit("batch", "r.toml", "in", "-o", "out").startswith("1 done")
    assert '"size": [\n    8,\n    8\n  ]' in imgedit("info", "out/a.png", "--json")
    imgedit("upscale", "in/a.ppm", "2", "-o", "large.png")
    assert "16 x" not in imgedit("info", "large.png")
