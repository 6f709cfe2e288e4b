"""Where models are: a path, the folders in ``$IMGEDIT_MODELS``, those shipped, the cache. Nothing is downloaded here.

A manifest may stand without its weights: those of the registry (``onnx_models/registry``) name an address from which
`fetch` brings them to the cache. A file without a manifest is known by its hash, or probed.
"""

from __future__ import annotations

import difflib
import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import cv2

from imgedit.errors import ArgumentError, ModelError, UnknownNameError
from imgedit.models import keeping
from imgedit.models.manifest import TASKS, Manifest, file_hash
from imgedit.models.screening import refuse_impostor, screen
from imgedit.models.session import LOADING, Model
from imgedit.pixels import describe
from imgedit.tables import advice

__all__ = ["find", "info", "load", "names"]


def cache() -> Path:
    """Give the folder for what was fetched or added: ``$IMGEDIT_CACHE``, else the system's place for caches.

    Returns
    -------
    Path
        It need not exist yet; each model has a folder of its name in it.
    """
    if own := os.environ.get("IMGEDIT_CACHE"):
        return Path(own)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "imgedit" / "models"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "imgedit" / "models"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "imgedit" / "models"


def named() -> list[Path]:
    """Folders that the environment names.

    Returns
    -------
    list of Path
        Those of ``$IMGEDIT_MODELS``, several as in ``$PATH``; one that is not there holds no model.
    """
    return [Path(part) for part in os.environ.get("IMGEDIT_MODELS", "").split(os.pathsep) if part]


def folders() -> list[Path]:
    """Folders with manifests, first match wins.

    Returns
    -------
    list of Path
        ``$IMGEDIT_MODELS`` (several, parted as in ``$PATH``), the shipped ones, those added, the registry.
    """
    own = named()
    shipped = Path(str(resources.files("imgedit.onnx_models")))
    return [*own, shipped, *sorted(cache().glob("*/")), shipped / "registry"]


def known() -> dict[str, Path]:
    """Find all manifests.

    Returns
    -------
    dict of str to Path
        Names, and where their manifests are.
    """
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def _read(path: Path) -> Manifest:
    """Read a manifest, once for as long as its file stays as it is: the list of names looks at all of them."""
    state = path.stat()
    return _read_once(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=1024)
def _read_once(path: Path, _changed: int, _size: int) -> Manifest:
    return Manifest.from_toml(path)


def held(manifest: Manifest) -> Path | None:
    """Say where the weights of a model are on this machine.

    Parameters
    ----------
    manifest : Manifest
        Of the model.

    Returns
    -------
    Path or None
        The ONNX file; None where only the manifest is here.
    """
    places = [manifest.folder, cache() / manifest.name, *folders()[:-1]]
    return next((path for place in places if (path := place / manifest.file).is_file()), None)


def whole(manifest: Manifest) -> Path | None:
    """Say where the weights of a model are, if they are the bytes that it names.

    Parameters
    ----------
    manifest : Manifest
        Of the model.

    Returns
    -------
    Path or None
        The ONNX file; None too where weights in further files are not whole.
    """
    path = held(manifest)
    if path is None or file_hash(path) != manifest.sha256:
        return None
    beside = {path.parent / name: digest for name, digest in manifest.external.items()}
    return path if all(file.is_file() and file_hash(file) == digest for file, digest in beside.items()) else None


def names(task: str | None = None, *, ready: bool = True) -> list[str]:
    """List the models that can be named.

    Parameters
    ----------
    task : str, optional
        Only those for this task: "superres", "style", "gan", "vae", "inpaint", "restore", "matte" or "features".
    ready : bool
        Only those whose weights are on this machine; else also those that `fetch` would bring.

    Returns
    -------
    list of str
        Sorted.

    Raises
    ------
    UnknownNameError
        No such task.

    Warns
    -----
    UserWarning
        A manifest is not valid; it is left out.

    Examples
    --------
    >>> import imgedit as ie
    >>> "lama" in ie.models.names("inpaint", ready=False)
    True
    """
    if task is not None and task not in TASKS:
        raise UnknownNameError("task", f"is {task!r}", advice(task, list(TASKS)))
    return sorted(m.name for m in _listed() if task in (None, m.task) and (not ready or held(m) is not None))


def _listed() -> Iterator[Manifest]:
    """Read all manifests; one that is not valid (a newer version's?) is told in a warning, and hides no other."""
    for path in known().values():
        try:
            yield _read(path)
        except ModelError as problem:
            warnings.warn(f"left out: {problem}", UserWarning, stacklevel=3)


def find(name: str | Path, *, task: str | None = None) -> Manifest:
    """Give the manifest of a model.

    Parameters
    ----------
    name : str or Path
        A model's name, or the path of an ONNX file: with its manifest beside it, or one whose bytes are those of a
        model that is known by name, or any other, which is probed.
    task : str, optional
        What a file that must be probed is wanted for.

    Returns
    -------
    Manifest
        Checked.

    Raises
    ------
    ArgumentError
        Something else than a name or a path.
    UnknownNameError
        No such model; names the nearest.
    ModelError
        A manifest that is not valid; or a file without one that is no model, or one whose use can't be told.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.models.find("sr-x4").scale
    4
    """
    if not isinstance(name, (str, Path)):
        raise ArgumentError("model", f"is {describe(name)}", "give a model's name, or the path of an ONNX file")
    if isinstance(name, Path) or str(name).lower().endswith(".onnx") or os.sep in str(name):
        path = Path(name)
        beside = path.with_suffix(".toml")
        return _read(beside) if beside.is_file() else _unlisted(path, task)
    listed = known()
    if name not in listed:
        near = difflib.get_close_matches(name, listed, n=1)
        guess = f"did you mean {near[0]!r}? " if near else ""
        remedy = f"{guess}imgedit models list shows all, and a path to an ONNX file will do"
        raise UnknownNameError("model", f"is {name!r}", remedy)
    return _read(listed[name])


def _unlisted(path: Path, task: str | None) -> Manifest:
    """Know a file without a manifest by its bytes, or probe it."""
    from imgedit.models.probing import probe

    screen(path)
    size, digest = path.stat().st_size, ""
    for manifest in _listed():
        if manifest.size in (None, size):
            digest = digest or file_hash(path)
            if manifest.sha256 == digest:
                return manifest.model_copy(update={"folder": path.parent, "file": path.name})
    return probe(path, hint=task).manifest


def info(name: str | Path) -> Manifest:
    """Give what is known of a model: task, family, licence, source, hash, size.

    Parameters
    ----------
    name : str or Path
        A model's name, or the path of an ONNX file.

    Returns
    -------
    Manifest
        Its fields are in ``manifest.model_dump()``.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.models.info("sr-x2").task
    'superres'
    """
    return find(name)


def check_task(name: str | Path, manifest: Manifest, task: str) -> None:
    """Refuse a model that is for something else.

    Parameters
    ----------
    name : str or Path
        What the caller called it.
    manifest : Manifest
        The model's.
    task : str
        What it is wanted for.

    Raises
    ------
    ModelError
        It is for another task; names those that are for this one.
    """
    if manifest.task != task:
        there = ", ".join(names(task)) or "none"
        raise ModelError(name, f"is for {manifest.task}, not {task}; there are: {there}")


def load(
    name: str | Path,
    *,
    device: str = "auto",
    fallback: bool = False,
    task: str | None = None,
    threads: int | None = None,
    seconds: float = LOADING,
    tick: Callable[[], None] | None = None,
) -> Model:
    """Load a model whose bytes are those that its manifest names.

    Parameters
    ----------
    name : str or Path
        A model's name, or the path of an ONNX file.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "tensorrt", "directml" or "coreml".
    fallback : bool
        Let the CPU take the place of a device that does not work, with a warning.
    task : str, optional
        Refuse a model for another task.
    threads : int, optional
        Threads of the CPU; by default as many as OpenCV may use.
    seconds : float
        Deadline for loading.
    tick : callable, optional
        Called about ten times a second while the model loads; what it raises gives it up, and is raised.

    Returns
    -------
    Model
        Ready to run.

    Raises
    ------
    UnknownNameError
        No such model.
    ModelError
        The file is missing (the message says how to fetch it), damaged, for another task, or can't be loaded.
    ModelTimeoutError
        It was not loaded before the deadline.
    DeviceError
        The device does not work.

    Examples
    --------
    >>> import imgedit as ie
    >>> net = ie.models.load("sr-x2", device="cpu")
    >>> net.device, net.batches
    ('cpu', True)
    """
    manifest = find(name, task=task)
    if task is not None:
        check_task(name, manifest, task)
    path = held(manifest)
    if path is None:
        remedy = f"; get it with: imgedit models fetch {manifest.name}" if manifest.url else ""
        raise ModelError(name, f"not on this machine, only its manifest{remedy}")
    refuse_impostor(path)

    def make() -> Model:
        if (got := file_hash(path)) != manifest.sha256:
            raise ModelError(
                path, f"is not the file that its manifest names (sha256 {got[:12]}… not {manifest.sha256[:12]}…)"
            )
        screen(path, manifest.external)
        return Model(path, manifest, device=device, fallback=fallback, threads=threads, seconds=seconds, tick=tick)

    files = [file for name in ("", *manifest.external) if (file := path.parent / (name or path.name)).is_file()]
    state = tuple((file, found.st_size, found.st_mtime_ns) for file in files for found in [file.stat()])
    return keeping.loaded((state, device, fallback, threads or cv2.getNumThreads()), manifest, make, tick)
