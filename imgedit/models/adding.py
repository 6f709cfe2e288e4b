"""Make a foreign ONNX file a model that has a name: find out what it is, and keep it with its manifest."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from imgedit.errors import ArgumentError
from imgedit.models.manifest import Manifest
from imgedit.models.probing import SECONDS, Probe, probe
from imgedit.models.store import cache, find, known

__all__ = ["add", "keep"]


def add(path: str | Path, *, name: str | None = None, seconds: float = SECONDS, **fields: Any) -> Manifest:
    """Try out an ONNX file and keep a copy with its manifest, so that its name works wherever a model's does.

    Parameters
    ----------
    path : str or Path
        The file.
    name : str, optional
        The model's name; by default that of the file.
    seconds : float
        Time for the trial.
    **fields : object
        Fields of `Manifest` that you know better: ``task="style"``, ``license="MIT"``.

    Returns
    -------
    Manifest
        As it was written.

    Raises
    ------
    ArgumentError
        The name is another model's already, or none that a model can have.
    ModelError
        No model, or one that fits no verb; says why.

    Examples
    --------
    >>> import imgedit as ie
    >>> file = ie.models.info("sr-x2")
    >>> ie.models.add(file.folder / file.file, name="mine", license="BSD-3-Clause").scale
    2
    >>> "mine" in ie.models.names("superres")
    True
    """
    return keep(probe(Path(path), seconds=seconds, **fields), name=name)


def keep(found: Probe, *, name: str | None = None) -> Manifest:
    """Copy a file that was probed to the cache, with its manifest.

    Parameters
    ----------
    found : Probe
        From `probe`.
    name : str, optional
        The model's name; by default that of the file.

    Returns
    -------
    Manifest
        As it was written.

    Raises
    ------
    ArgumentError
        The name is another model's already, or none that a model can have.
    """
    given = found.manifest
    name = _checked_name(name or re.sub(r"[^a-z0-9.]+", "-", given.name.lower()).strip("-."), given.sha256)
    folder = cache() / name
    manifest = given.model_copy(update={"name": name, "folder": folder, "file": f"{name}.onnx"})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as scratch:
        fresh = Path(scratch) / name
        fresh.mkdir()
        shutil.copyfile(given.folder / given.file, fresh / manifest.file)
        for beside in given.external:
            shutil.copyfile(given.folder / beside, fresh / beside)
        (fresh / f"{name}.toml").write_text(manifest.to_toml(), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(fresh, folder)
    return manifest


def _checked_name(name: str, digest: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name):
        raise ArgumentError("name", f"is {name!r}", "use small letters, digits, dots and dashes")
    if name in known() and find(name).sha256 != digest:
        raise ArgumentError("name", f"is {name!r}, another model's", "give this one another name")
    return name
