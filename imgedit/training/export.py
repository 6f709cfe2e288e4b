"""From a trained net to what ships: an ONNX file that was checked against the net, its manifest and its model card."""

from __future__ import annotations

import contextlib
import logging
import platform
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imgedit.models.manifest import Manifest, file_hash
from imgedit.training.loop import TrainingError
from imgedit.training.nets import fold

__all__ = ["Card", "export_onnx", "write_card"]

# Both sides compute in float32, but sum in another order.
AGREEMENT = 1e-3
OPSET = 18


def export_onnx(net: nn.Module, path: Path, *, example: Tensor, free_axes: Sequence[int] = (0, 2, 3)) -> float:
    """Write a net of one input and one output as ONNX and run both on the same numbers.

    Parameters
    ----------
    net : nn.Module
        Folded before it is written.
    path : Path
        The ONNX file.
    example : Tensor
        An input of a typical size.
    free_axes : sequence of int
        Axes of the input that may have any size at run time.

    Returns
    -------
    float
        Largest absolute difference between torch and ONNX Runtime, at a size other than the example's.

    Raises
    ------
    TrainingError
        They differ by more than 1e-3.
    """
    folded = fold(net)
    free = dict.fromkeys(free_axes, torch.export.Dim.AUTO)
    with _quiet():
        program = torch.onnx.export(
            folded,
            (example,),
            dynamo=True,
            input_names=["input"],
            output_names=["output"],
            dynamic_shapes=(free,),
            opset_version=OPSET,
            optimize=True,
            verbose=False,
        )
    if program is None:
        raise TrainingError(f"torch gave no ONNX program for {path.name}")
    _save_bare(program.model_proto, path)
    return _difference(folded, path, example, free_axes)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what torch's exporter says about itself: its own deprecations, and torchvision, which nobody needs."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _save_bare(model: Any, path: Path) -> None:
    """Write the graph alone: the exporter's notes hold the folders of the machine that it ran on."""
    import onnx

    del model.metadata_props[:]
    graph = model.graph
    for item in (
        graph,
        *graph.node,
        *graph.input,
        *graph.output,
        *graph.value_info,
        *graph.initializer,
        *model.functions,
    ):
        if hasattr(item, "metadata_props"):
            del item.metadata_props[:]
        item.doc_string = ""
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _difference(folded: nn.Module, path: Path, example: Tensor, free_axes: Sequence[int]) -> float:
    import onnxruntime

    shape = [side + 3 * (axis in free_axes) for axis, side in enumerate(example.shape)]
    values = np.random.default_rng(0).random(shape, np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    theirs = session.run(None, {"input": values})[0]
    with torch.inference_mode():
        ours = folded(torch.from_numpy(values)).numpy()
    worst = float(np.abs(ours - theirs).max())
    if not worst < AGREEMENT:
        raise TrainingError(f"{path.name} differs from the net by {worst:g}; at most {AGREEMENT:g} is rounding")
    return worst


@dataclass(frozen=True)
class Card:
    """What a reader of a model card wants to know besides the manifest.

    Parameters
    ----------
    title : str
        What the model does, in a few words.
    data : str
        What it learnt from, with the licence.
    command : str
        The command that made it.
    figures : dict of str to float
        What was measured, with units in the names.
    steps : int
        Steps of the run.
    minutes : float
        Time that the run took.
    seed : int
        Seed of the run.
    """

    title: str
    data: str
    command: str
    figures: dict[str, Any]
    steps: int
    minutes: float
    seed: int


def write_card(folder: Path, manifest: Manifest, card: Card) -> None:
    """Write the manifest and the model card beside the ONNX file.

    Parameters
    ----------
    folder : Path
        Where the ONNX file lies.
    manifest : Manifest
        Its hash, size and parameters are filled in here.
    card : Card
        The rest.
    """
    weights = folder / manifest.file
    whole = manifest.model_copy(update={"sha256": file_hash(weights), "size": weights.stat().st_size})
    (folder / f"{manifest.name}.toml").write_text(whole.to_toml(), encoding="utf-8")
    machine = "GPU " + torch.cuda.get_device_name() if torch.cuda.is_available() else f"{platform.machine()} CPU"
    lines = [
        f"# {manifest.name}: {card.title}",
        "",
        f"- Task and family: {manifest.task}, {manifest.family}; {manifest.parameters} parameters, "
        f"{whole.size} bytes, sha256 `{whole.sha256}`",
        f"- Licence of the weights: {manifest.license}; learnt from {card.data}",
        f"- Made by: `{card.command}`, seed {card.seed}, {card.steps} steps in {card.minutes:.0f} minutes "
        f"on {machine}, torch {torch.__version__}",
        *(f"- {name}: {value}" for name, value in card.figures.items()),
        "",
    ]
    (folder / f"{manifest.name}.md").write_text("\n".join(lines), encoding="utf-8")
