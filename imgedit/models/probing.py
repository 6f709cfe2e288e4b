"""What a file without a manifest is: tried out in a process of its own, with limits on time and memory.

Nobody vouches for such a file, and ONNX Runtime can't always stop a run (loading is not interruptible at all), so it is
run where a crash, an endless loop or a tensor without end costs nothing but that process. It gets no environment but
what a Python process needs. `imgedit.models.trials` is what runs there.

What was found is remembered in the cache by the hash of the bytes, until the rules of the trial or ONNX Runtime change:
a command that names the same file again does not try it out again. What failed is not remembered.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydantic

from imgedit.errors import ModelError, ModelMemoryError, ModelTimeoutError
from imgedit.models import devices
from imgedit.models.manifest import Manifest, file_hash
from imgedit.models.screening import external_files, screen
from imgedit.models.store import cache
from imgedit.pixels import Image

__all__ = ["Finding", "Probe", "probe"]

SECONDS = 120.0
# Of address space: what ONNX Runtime maps for itself, and enough for the nets that edit pictures.
MEMORY = 8 << 30

KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "OMP_WAIT_POLICY", "OMP_NUM_THREADS")
STARTER = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from imgedit.models.trials import main; main()"


@dataclass(frozen=True)
class Finding:
    """One thing that a trial found: a field of the manifest, its value in words, and how it is known."""

    field: str
    value: str
    reason: str


@dataclass(frozen=True)
class Probe:
    """What a trial found.

    Parameters
    ----------
    manifest : Manifest
        Ready to be written beside the file.
    findings : tuple of Finding
        What was found, and why.
    given, got : ndarray, optional
        A picture as the net takes it, and what it gave; None where it takes or gives none.

    Examples
    --------
    >>> import imgedit as ie
    >>> file = ie.models.info("sr-x2")
    >>> found = ie.models.probe(file.folder / file.file)
    >>> found.given.shape, found.got.shape  # twice the size
    ((65, 97, 3), (130, 194, 3))
    """

    manifest: Manifest
    findings: tuple[Finding, ...]
    given: Image | None = field(repr=False)
    got: Image | None = field(repr=False)


# Files that a trial leaves behind, in its own folder and in the cache.
ANSWER, PICTURES = "answer.json", "pictures.npz"
REMEMBERED = ".tried"  # no model can be called so

# What was found stays known while this process lives: a batch names the same file for each picture.
_known: dict[tuple[Any, ...], Probe] = {}


def probe(path: str | Path, *, hint: str | None = None, seconds: float = SECONDS, **fields: Any) -> Probe:
    """Find out what an ONNX file does, by running it.

    Parameters
    ----------
    path : Path
        The file.
    hint : str, optional
        The task that it is wanted for, where it could be of several.
    seconds : float
        Time for it; a file that has not answered by then is given up.
    **fields : object
        Fields of the manifest that are known and need not be found.

    Returns
    -------
    Probe
        The manifest, and how each of its fields is known.

    Raises
    ------
    ModelError
        No model, or one that fits no verb; says why.
    ModelTimeoutError
        It did not answer in time.
    ModelMemoryError
        It wanted more memory than a trial gets.

    Examples
    --------
    >>> import imgedit as ie
    >>> file = ie.models.info("sr-x2")
    >>> found = ie.models.probe(file.folder / file.file)
    >>> found.manifest.task, found.manifest.scale
    ('superres', 2)
    """
    path = Path(path)
    screen(path)
    state = path.stat()
    wanted = json.dumps({"hint": hint, **fields}, sort_keys=True, default=list)
    key = (path.resolve(), state.st_size, state.st_mtime_ns, wanted)
    if key not in _known:
        _known[key] = _probe(path, wanted, seconds)
    return _known[key]


def _probe(path: Path, wanted: str, seconds: float) -> Probe:
    external = {name: file_hash(path.parent / name) for name in external_files(path)}
    vouched = {"sha256": file_hash(path), "size": path.stat().st_size, "external": external}
    remembered = cache() / REMEMBERED / _key(path.name, wanted, vouched)
    if (remembered / ANSWER).is_file():
        return _told(path, wanted, remembered, vouched)
    with tempfile.TemporaryDirectory(prefix="imgedit-") as folder:
        _isolated(path, wanted, Path(folder), seconds)
        found = _told(path, wanted, Path(folder), vouched)
        _remember(Path(folder), remembered)
    return found


def _key(*facts: Any) -> str:
    """Name what an answer depends on: the file, what was asked, the rules of the trial, ONNX Runtime."""
    digest = hashlib.sha256(json.dumps([*facts, devices.version()], sort_keys=True).encode())
    for source in sorted((Path(__file__).parent / "trials").glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _remember(folder: Path, remembered: Path) -> None:
    """Keep an answer, whole or not at all. That the cache can't be written costs only time the next time."""
    fresh = remembered.with_name(f".{remembered.name}-{os.getpid()}")
    with contextlib.suppress(OSError):
        remembered.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, fresh)
        os.replace(fresh, remembered)
    shutil.rmtree(fresh, ignore_errors=True)


def _told(path: Path, wanted: str, folder: Path, vouched: dict[str, Any]) -> Probe:
    """Read what a trial left in its folder."""
    answer = json.loads((folder / ANSWER).read_text(encoding="utf-8"))
    given = got = None
    if (folder / PICTURES).is_file():
        with np.load(folder / PICTURES, allow_pickle=False) as held:
            given, got = held["given"], held["got"]
    fields = {
        "license": "unknown",
        "source": f"found by trial of {path.name}",
        **answer["fields"],
        **{name: value for name, value in json.loads(wanted).items() if name != "hint" and value is not None},
        **vouched,
    }
    try:
        manifest = Manifest(name=path.stem, folder=path.parent, file=path.name, **fields)
    except pydantic.ValidationError as problem:
        findings = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in problem.errors())
        raise ModelError(path, f"has no valid manifest: {findings}") from None
    return Probe(manifest, tuple(Finding(*row) for row in answer["findings"]), given, got)


def _isolated(path: Path, wanted: str, folder: Path, seconds: float) -> None:
    """Run the trial, which leaves its answer in the folder, or tell what became of its process."""
    if not sys.executable:
        raise ModelError(path, "has no manifest and can't be tried out here (no Python to start); write one beside it")
    request = {"path": str(path.resolve()), "wanted": json.loads(wanted), "folder": str(folder), "memory": MEMORY}
    command = [sys.executable, "-I", "-c", STARTER, json.dumps(sys.path)]
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=seconds,
            env=environment,
            cwd=folder,
            check=False,
        )
    except subprocess.TimeoutExpired:
        remedy = "it may never end; if it is only slow, give it more seconds or write its manifest"
        raise ModelTimeoutError(path, f"gave no answer within {seconds:g} s of trial; {remedy}") from None
    answer = folder / ANSWER
    if not answer.is_file():
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [""]
        raise ModelError(path, f"ended the process that tried it (exit code {done.returncode}): {last[0][:200]}")
    found = json.loads(answer.read_text(encoding="utf-8"))
    if "problem" in found:
        kind = ModelMemoryError if found["memory"] else ModelError
        raise kind(path, str(found["problem"]))
