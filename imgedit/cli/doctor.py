"""The command that says what works here: versions, devices, libraries, models, and what to do about the rest."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter as Option

from imgedit.cli.models import WHOLE, state_of

if TYPE_CHECKING:
    from imgedit.models import Manifest

__all__ = ["doctor"]

Json = Annotated[bool, Option(name="--json", negative=())]

PACKAGES = ("imgedit", "numpy", "scipy", "scikit-image", "pillow", "onnxruntime-gpu", "onnxruntime")
OPENCV = ("python", "python-headless", "contrib-python", "contrib-python-headless")


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it works, how it stands, and what would help."""

    works: bool
    state: str
    advice: str = ""


def doctor(*, as_json: Json = False) -> int:
    """Tell versions, which devices really run a network, and whether the models are whole.

    A small net is run on each device and its numbers are looked at; what a device lacks is named, with a line of
    advice. Exit code 3 if a model is damaged or the processor itself fails.

    Parameters
    ----------
    as_json : bool
        Print JSON.
    """
    from imgedit import models
    from imgedit.models import store
    from imgedit.models.devices import DEVICES

    parts = {
        "folder": {str(folder): _folder(folder) for folder in store.named()},
        "device": {name: _device(name) for name in DEVICES},
        "model": {name: _model(name) for name in models.names()},
    }
    if as_json:
        found = {f"{part}s": {name: asdict(one) for name, one in rows.items()} for part, rows in parts.items()}
        print(json.dumps({"versions": _versions(), **found}, indent=2))
    else:
        _tell(parts)
    sound = all(one.works for one in parts["model"].values())
    return 0 if sound and parts["device"]["cpu"].works else 3


def _tell(parts: dict[str, dict[str, Finding]]) -> None:
    rows = [(name, version, "") for name, version in _versions().items()]
    rows += [(f"{part} {name}", one.state, one.advice) for part, found in parts.items() for name, one in found.items()]
    width = max(len(name) for name, _, _ in rows)
    for name, state, advice in rows:
        print(f"{name:{width}}  {state}")
        if advice:
            print(f"{'':{width}}  -> {advice}")


def _versions() -> dict[str, str]:
    import platform
    from importlib import metadata

    found = {"python": platform.python_version()}
    for package in (*PACKAGES, *(f"opencv-{kind}" for kind in OPENCV)):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    both = "onnxruntime" in found and "onnxruntime-gpu" in found
    return found | ({"conflict": "onnxruntime hides onnxruntime-gpu: pip uninstall both, install one"} if both else {})


def _folder(folder: Path) -> Finding:
    if folder.is_dir():
        return Finding(True, f"{len(list(folder.glob('*.toml')))} models")
    return Finding(False, "is no folder", "IMGEDIT_MODELS names it: set it to one, or to nothing")


def _device(name: str) -> Finding:
    from imgedit.models.devices import missing, remedy, works

    absent = missing(name)
    if absent:
        return Finding(False, f"lacks {', '.join(absent)}", remedy(name))
    problem = works(name)
    return Finding(False, problem, remedy(name)) if problem else Finding(True, "works")


def _model(name: str) -> Finding:
    from imgedit import models

    state = state_of(name)
    if state == WHOLE:
        return Finding(True, f"{WHOLE}, sha256 {models.info(name).sha256[:12]}")
    return Finding(False, state, _cure(models.info(name)))


def _cure(manifest: Manifest) -> str:
    """Say how weights become whole again: those of the registry, those that came with imgedit, those of the user."""
    if manifest.url:
        return f"imgedit models fetch {manifest.name}"
    if manifest.folder == Path(str(resources.files("imgedit.onnx_models"))):
        return "install imgedit anew, or take the file away"
    return f"put back the file that its manifest names, {manifest.folder / manifest.file}, or take both away"
