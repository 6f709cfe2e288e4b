"""Try a net on a photo, at several sizes, and tell from what it gives what it is for and how it wants pictures.

Runs in the process that `imgedit.models.probing` starts. Each field of the manifest comes with the reason for it:

- scale and size rule: the sizes of what it gives for sizes that are odd multiples of 1, 2, 4 ... 64;
- range: the one with which an enlarging or repairing net gives the photo back best; else, where its results lie;
- overlap: how far a change of one half of the picture is seen in the other;
- task: larger than it was given is super-resolution; close to it, repair; far from it, a style; one channel, a matte; a
  picture made of numbers, a generator.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ModelError
from imgedit.models.trials.generators import examine_generator
from imgedit.models.trials.nets import examine_net
from imgedit.models.trials.pairs import examine_gallery, examine_pair
from imgedit.models.trials.trial import Floats, Trial, kind_of, load, shape_of

__all__ = ["examine", "main"]


def main() -> None:
    """Answer the request on standard input with files in its folder."""
    request = json.load(sys.stdin)
    folder = Path(request["folder"])
    answer: dict[str, Any]
    try:
        _limit(request["memory"])
        trial = examine(Path(request["path"]), request["wanted"])
    except (ModelError, MemoryError) as problem:
        text = getattr(problem, "problem", "wants more memory than a trial gets")
        answer = {"problem": text, "memory": isinstance(problem, MemoryError)}
    else:
        answer = {"fields": trial.fields, "findings": trial.findings}
        if trial.given is not None and trial.got is not None:
            np.savez(folder / "pictures.npz", given=_bytes(trial.given), got=_bytes(trial.got))
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


def _limit(memory: int) -> None:
    """Let this process have so much address space and no more, where the system can say so."""
    try:
        import resource
    except ModuleNotFoundError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def examine(path: Path, wanted: dict[str, Any]) -> Trial:
    """Find out what a net is for.

    Parameters
    ----------
    path : Path
        The ONNX file.
    wanted : dict
        Fields of the manifest that are known already.

    Returns
    -------
    Trial
        With the fields, the reasons, and a picture before and after.

    Raises
    ------
    ModelError
        It can't be run, or fits no verb.
    """
    trial = Trial(path, wanted, load(path))
    kinds = [kind_of(port) for port in trial.model.inputs]
    if not kinds:
        raise ModelError(path, "takes no input")
    if kinds == ["image"]:
        examine_net(trial)
    elif kinds[0] == "latent" and "image" not in kinds:
        examine_generator(trial, kinds)
    elif kinds == ["image", "image"]:
        examine_pair(trial)
    elif sorted(kinds) == ["image", "latent"]:
        examine_gallery(trial, kinds)
    else:
        ports = ", ".join(f"{port.name} {shape_of(port)} {port.dtype}" for port in trial.model.inputs)
        raise ModelError(path, f"takes what fits no verb ({ports}); write a manifest beside it that says their roles")
    return trial


def _bytes(picture: Floats) -> NDArray[np.uint8]:
    values = np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture[..., :3]
    return np.asarray(np.rint(np.clip(values, 0, 1) * 255), np.uint8)
