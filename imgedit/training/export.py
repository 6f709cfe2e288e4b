"""From a trained net to what ships: an ONNX file that was checked against the net, its manifest and its model card."""

from __future__ import annotations

import contextlib
import logging
import platform
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imgedit.models.graph import PRODUCTS
from imgedit.models.manifest import Manifest, file_hash
from imgedit.training.job import Job
from imgedit.training.loop import TrainingError
from imgedit.training.nets import count_parameters, fold
from imgedit.training.stored import BYTE, HALF, STEP, whole

__all__ = ["Card", "Store", "export_onnx", "ship"]

Store: TypeAlias = Literal["float32", "float16", "int8"]

# Both sides compute in float32, but sum in another order. What a single number may differ by where that tells.
AGREEMENT, FAR = 1e-3, 0.1
OPSET = 18
# Numbers that a weight must have to be stored as float16, and a kernel to be stored as int8.
SMALL, MANY = 256, 4000
# Ends the names of int8 kernels that were cast to float32.
WHOLE = ".whole"
# Axes of the pixels of N x C x H x W, and ONNX's number for whole numbers of 64 bits.
PIXELS, INT64 = ([2, 3], [-2, -1]), 7


def export_onnx(
    net: nn.Module,
    path: Path,
    *,
    examples: Mapping[str, Tensor],
    outputs: Sequence[str] = ("output",),
    free_axes: Sequence[int] = (0, 2, 3),
    multiple: int | Mapping[str, int] = 1,
    store: Store = "float32",
    stepped: bool = False,
    bends: bool = False,
) -> float:
    """Write a net as ONNX and run both on the same numbers.

    Parameters
    ----------
    net : nn.Module
        Takes the examples in their order; folded before it is written.
    path : Path
        The ONNX file.
    examples : mapping of str to Tensor
        An input of a typical size for each name.
    outputs : sequence of str
        Names of what the net gives.
    free_axes : sequence of int
        Axes of the inputs that may have any size at run time, the same for all of them.
    multiple : int or mapping of str to int
        What sides must be a multiple of; of each input, where they differ.
    store : str
        Kind of numbers that the weights are stored as: "float32"; "float16", which halves the file; "int8", which
        stores kernels of many numbers as whole ones with a step for each channel that they give, all else as float16.
        The net computes in float32 all the same.
    stepped : bool
        Tell torch that sides are multiples, for a net that halves them often: to find out took it minutes. Not for nets
        that take parts of one size or of one pixel.
    bends : bool
        The net holds a derivative that jumps at 0, where rounding tells at single numbers: judge by the root mean
        square, and let none differ by a tenth.

    Returns
    -------
    float
        Largest absolute difference between torch and ONNX Runtime, at a size other than the example's; where the net
        bends, its root mean square.

    Raises
    ------
    TrainingError
        That is more than 1e-3 of the largest value.
    """
    folded = fold(net)
    if store != "float32":
        _round(folded, store)
    free = tuple(_free(name, example.ndim, free_axes, multiple if stepped else 1) for name, example in examples.items())
    with _quiet():
        program = torch.onnx.export(
            folded,
            tuple(examples.values()),
            dynamo=True,
            input_names=list(examples),
            output_names=list(outputs),
            dynamic_shapes=free,
            opset_version=OPSET,
            optimize=False,
            verbose=False,
        )
        if program is None:
            raise TrainingError(f"torch gave no ONNX program for {path.name}")
        _simplify(program.model, {name for name, _ in folded.named_parameters()})
    model = program.model_proto  # written out anew each time that it is asked for
    _name_pools(model.graph)
    if store != "float32":
        _store_small(model.graph, store)
    _save_bare(model, path)
    return _difference(folded, path, examples, free_axes, multiple, bends=bends)


def _free(name: str, rank: int, axes: Sequence[int], multiple: int | Mapping[str, int]) -> dict[int, Any]:
    """Say which sides of an input are free, and what they are multiples of."""
    step = multiple if isinstance(multiple, int) else multiple[name]
    dim = torch.export.Dim
    return {a: step * dim(f"{name}_{a}") if step > 1 and a > 1 else dim.AUTO for a in axes if a < rank}


def _simplify(graph: Any, kept: set[str]) -> None:
    """Compute what does not depend on the inputs, but for what depends on weights: a run can be started from the file.

    ONNX Runtime does the rest when it loads.
    """
    from onnxscript.optimizer import optimize_ir

    def weighs(node: Any) -> bool | None:
        return False if any(value is not None and value.name in kept for value in node.inputs) else None

    optimize_ir(graph, should_fold=weighs)


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


def _name_pools(graph: Any) -> None:
    """Tell readers what joins all pixels, whatever the size.

    A mean over them is written as GlobalAveragePool; a Gram matrix, the product of a matrix with itself turned over
    the number of its columns, has a name that says so.
    """
    from onnx import numpy_helper

    axes = {item.name: numpy_helper.to_array(item).tolist() for item in graph.initializer if item.data_type == INT64}
    for node in graph.node:
        if node.op_type != "ReduceMean" or len(node.input) < 2:
            continue
        over = axes.get(node.input[1])
        stays = all(attribute.i for attribute in node.attribute if attribute.name == "keepdims")
        if stays and over is not None and sorted(over) in PIXELS:
            node.op_type = "GlobalAveragePool"
            del node.input[1:], node.attribute[:]
    made = {name: node for node in graph.node for name in node.output}
    given = {port.name for port in graph.output}
    for number, node in enumerate(graph.node):
        if (
            node.op_type != "Div"
            or node.output[0] in given
            or (product := made.get(node.input[0])) is None
            or product.op_type != "MatMul"
        ):
            continue
        turned = made.get(product.input[1])
        if turned is not None and turned.op_type == "Transpose" and turned.input[0] == product.input[0]:
            _rename(graph, node.output[0], f"{PRODUCTS}{number}")
    used = {name for node in graph.node for name in node.input}
    kept = [item for item in graph.initializer if item.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _rename(graph: Any, before: str, after: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [after if name == before else name for name in names]


def _round(net: nn.Module, store: Store) -> None:
    """Give a net the weights that its file will hold."""
    for held in (*net.parameters(), *net.buffers()):
        values = held.detach().numpy()
        if values.dtype != np.float32:
            continue
        if store == "int8" and _many(values):
            numbers, step = whole(values)
            rounded = numbers * step
        else:
            rounded = values.astype(np.float16).astype(np.float32)
        held.data = torch.from_numpy(rounded)


def _store_small(graph: Any, store: Store) -> None:
    """Store weights as smaller numbers, each with what makes float32 of them, done once, when ONNX Runtime loads."""
    from onnx import TensorProto, helper, numpy_helper

    made = []
    for item in list(graph.initializer):
        values = numpy_helper.to_array(item)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        name = item.name
        if store == "int8" and _many(values):
            numbers, step = whole(values)
            item.CopyFrom(numpy_helper.from_array(numbers, name + BYTE))
            graph.initializer.append(numpy_helper.from_array(step, name + STEP))
            made.append(helper.make_node("Cast", [name + BYTE], [name + WHOLE], to=TensorProto.FLOAT))
            made.append(helper.make_node("Mul", [name + WHOLE, name + STEP], [name]))
        else:
            item.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + HALF))
            made.append(helper.make_node("Cast", [name + HALF], [name], to=TensorProto.FLOAT))
    nodes = [*made, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _many(values: NDArray[np.float32]) -> bool:
    return values.ndim == 4 and values.size >= MANY


def _save_bare(model: Any, path: Path) -> None:
    """Write the graph alone: notes hold the folders of the machine that it was made on, and nodes need no names."""
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
    for node in graph.node:
        node.ClearField("name")
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _difference(
    folded: nn.Module,
    path: Path,
    examples: Mapping[str, Tensor],
    free_axes: Sequence[int],
    multiple: int | Mapping[str, int],
    *,
    bends: bool,
) -> float:
    import onnxruntime

    rng = np.random.default_rng(0)
    values = {}
    for name, example in examples.items():
        step = multiple if isinstance(multiple, int) else multiple[name]
        shape = [side + 3 * step * (axis in free_axes) for axis, side in enumerate(example.shape)]
        values[name] = rng.random(shape, np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    theirs = session.run(None, values)
    with torch.inference_mode():
        made = folded(*(torch.from_numpy(value) for value in values.values()))
    ours = [made] if isinstance(made, Tensor) else made
    worst = 0.0
    for one, other in zip(ours, theirs, strict=True):
        apart = np.abs(one.numpy() - other) / max(1.0, float(np.abs(other).max()))
        most = float(apart.max())
        found = float(np.sqrt(np.square(apart).mean())) if bends else most
        if not (found < AGREEMENT and most < FAR):
            raise TrainingError(f"{path.name} differs from the net by {found:g}, at most {most:g}: that is no rounding")
        worst = max(worst, found)
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
        Time that the run took, since it was last resumed.
    """

    title: str
    data: str
    command: str
    figures: dict[str, Any]
    steps: int
    minutes: float


def ship(net: nn.Module, job: Job, card: Card, *, name: str | None = None, multiple: int = 1, **fields: Any) -> Path:
    """Write manifest and model card beside the ONNX file that `export_onnx` wrote in the job's folder.

    Parameters
    ----------
    net : nn.Module
        The trained net.
    job : Job
        Names model and folder.
    card : Card
        What a reader wants to know besides the manifest.
    name : str, optional
        Of the model and its files; by default the job's.
    multiple : int
        What sides must be a multiple of.
    **fields
        Further fields of the `Manifest`: task, family, overlap and so on.

    Returns
    -------
    Path
        The ONNX file.
    """
    name = name or job.name
    path = job.output / f"{name}.onnx"
    manifest = Manifest(
        name=name,
        folder=job.output,
        file=path.name,
        sha256=file_hash(path),
        size=path.stat().st_size,
        license=job.license,
        commercial_use=job.commercial_use,
        source=card.command,
        parameters=count_parameters(net) or None,
        multiple_of=multiple,
        note=card.title,
        **fields,
    )
    path.with_suffix(".toml").write_text(manifest.to_toml(), encoding="utf-8")
    machine = "GPU " + torch.cuda.get_device_name() if torch.cuda.is_available() else f"{platform.machine()} CPU"
    lines = [
        f"# {manifest.name}: {card.title}",
        "",
        f"- Task and family: {manifest.task}, {manifest.family}; {manifest.parameters or 0} parameters, "
        f"{manifest.size} bytes, sha256 `{manifest.sha256}`",
        f"- Licence of the weights: {manifest.license}; learnt from {card.data}",
        f"- Made by: `{card.command}`, {card.steps} steps in {card.minutes:.0f} minutes on {machine}, "
        f"torch {torch.__version__}",
        *(f"- {name}: {value}" for name, value in card.figures.items()),
        "",
    ]
    path.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")
    return path
