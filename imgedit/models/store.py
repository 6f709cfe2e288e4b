"""Where models are: a path, the folder in ``$IMGEDIT_MODELS``, or those that imgedit ships. Nothing is downloaded."""

from __future__ import annotations

import difflib
import os
from importlib import resources
from pathlib import Path

from imgedit.errors import ModelError, UnknownNameError
from imgedit.models.manifest import TASKS, Manifest, file_hash
from imgedit.models.session import Model
from imgedit.tables import advice

__all__ = ["find", "info", "load", "names"]


def folders() -> list[Path]:
    """Folders with manifests, first match wins.

    Returns
    -------
    list of Path
        ``$IMGEDIT_MODELS`` (several, parted as in ``$PATH``) before the shipped ones.
    """
    own = [Path(part) for part in os.environ.get("IMGEDIT_MODELS", "").split(os.pathsep) if part]
    shipped = resources.files("imgedit.onnx_models")
    return [*own, *([Path(str(shipped))] if shipped.is_dir() else [])]


def _manifests() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def names(task: str | None = None) -> list[str]:
    """List the models that can be named.

    Parameters
    ----------
    task : str, optional
        Only those for this task: "superres", "style", "gan", "vae", "inpaint", "restore" or "features".

    Returns
    -------
    list of str
        Sorted.

    Raises
    ------
    UnknownNameError
        No such task.
    """
    if task is not None and task not in TASKS:
        raise UnknownNameError("task", f"is {task!r}", advice(task, list(TASKS)))
    return sorted(name for name, path in _manifests().items() if task in (None, Manifest.from_toml(path).task))


def find(name: str | Path) -> Manifest:
    """Give the manifest of a model.

    Parameters
    ----------
    name : str or Path
        A model's name, or the path of an ONNX file with its manifest beside it.

    Returns
    -------
    Manifest
        Checked.

    Raises
    ------
    UnknownNameError
        No such model; names the nearest.
    ModelError
        An ONNX file without a manifest, or a manifest that is not valid.
    """
    if isinstance(name, Path) or str(name).endswith(".onnx") or os.sep in str(name):
        path = Path(name).with_suffix(".toml")
        if not path.is_file():
            raise ModelError(name, f"has no manifest; write {path.name} beside it")
        return Manifest.from_toml(path)
    known = _manifests()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        guess = f"did you mean {near[0]!r}? " if near else ""
        raise UnknownNameError("model", f"is {name!r}", f"{guess}there are: {', '.join(sorted(known)) or 'none'}")
    return Manifest.from_toml(known[name])


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
    """
    return find(name)


def load(
    name: str | Path,
    *,
    device: str = "auto",
    fallback: bool = False,
    task: str | None = None,
    threads: int | None = None,
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

    Returns
    -------
    Model
        Ready to run.

    Raises
    ------
    UnknownNameError
        No such model.
    ModelError
        The file is missing, damaged, for another task, or can't be loaded.
    DeviceError
        The device does not work.
    """
    manifest = find(name)
    path = manifest.folder / manifest.file
    if task is not None and manifest.task != task:
        raise ModelError(path, f"is for {manifest.task}, not {task}; there are: {', '.join(names(task)) or 'none'}")
    if not path.is_file():
        where = f" (its source: {manifest.url})" if manifest.url else ""
        raise ModelError(path, f"is missing: only its manifest is here{where}")
    if (got := file_hash(path)) != manifest.sha256:
        raise ModelError(
            path, f"is not the file that its manifest names (sha256 {got[:12]}… not {manifest.sha256[:12]}…)"
        )
    return Model(path, manifest, device=device, fallback=fallback, threads=threads)
