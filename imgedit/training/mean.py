"""The mean of nets that began as one: it often does better than each, and lies between them where they differ in aim.

Wortsman et al., "Model soups" (ICML 2022, https://arxiv.org/abs/2203.05482), and for a net before and after a second
stage "Robust fine-tuning of zero-shot models" (CVPR 2022, https://arxiv.org/abs/2109.01903).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError, MissingExtraError
from imgedit.models import Manifest, load
from imgedit.training.stored import BYTE, STEP, whole, widened

__all__ = ["mean_of"]


def mean_of(models: Sequence[str | Path], folder: Path) -> Path:
    """Write the net whose weights are the mean of others'.

    Parameters
    ----------
    models : sequence of str or Path
        Two nets or more, by name or as paths of ONNX files: of the same layers, trained from the same start, else the
        mean is worth nothing. The manifest is the first one's, the licence what all of them ask for.
    folder : Path
        Gets ``FOLDER.onnx``, called as the folder is, its manifest and its card; made where it is missing.

    Returns
    -------
    Path
        The ONNX file.

    Raises
    ------
    ArgumentError
        Fewer than two nets, or nets of different layers.
    ModelError
        A file is missing or damaged.
    MissingExtraError
        The package onnx is not installed.
    """
    try:
        import onnx
    except ModuleNotFoundError as missing:
        raise MissingExtraError("onnx", "train", "the mean of nets") from missing
    if len(models) < 2:
        raise ArgumentError("models", f"are {len(models)}", "name two nets or more")
    loaded = [load(model, device="cpu") for model in models]
    manifests, nets = [one.manifest for one in loaded], [onnx.load(one.path) for one in loaded]
    for manifest, net in zip(manifests[1:], nets[1:], strict=True):
        if _layers(net.graph) != _layers(nets[0].graph):
            raise ArgumentError(
                "models",
                f"hold {manifests[0].name} and {manifest.name}, whose layers differ",
                "take nets of one kind and size, trained from the same start",
            )
    _take_mean(nets)
    path = folder.resolve() / f"{folder.resolve().name}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(nets[0], path)
    _describe(manifests, path)
    return path


def _layers(graph: Any) -> tuple[Any, ...]:
    """Give what two nets must have in common: operations, what they work on, and the weights' shapes."""
    nodes = tuple((node.op_type, *node.input, *node.output) for node in graph.node)
    return nodes, tuple((item.name, item.data_type, *item.dims) for item in graph.initializer)


def _take_mean(nets: Sequence[Any]) -> None:
    """Replace the first one's weights; what else is no float (sizes, axes) is the same in all of them."""
    from onnx import numpy_helper

    each = [{item.name: numpy_helper.to_array(item) for item in net.graph.initializer} for net in nets]
    mean: dict[str, NDArray[Any]] = {}
    # Kernels come first: they give their steps, which have no mean of their own.
    for name, first in sorted(each[0].items(), key=lambda item: not item[0].endswith(BYTE)):
        if name.endswith(BYTE):
            kernel = np.asarray(np.mean([widened(arrays, name) for arrays in each], axis=0), np.float32)
            mean[name], mean[name.removesuffix(BYTE) + STEP] = whole(kernel)
        elif first.dtype.kind == "f" and name not in mean:
            mean[name] = np.mean([arrays[name] for arrays in each], axis=0, dtype=np.float64).astype(first.dtype)
    for item in nets[0].graph.initializer:
        if item.name in mean:
            item.CopyFrom(numpy_helper.from_array(mean[item.name], item.name))


def _describe(manifests: Sequence[Manifest], path: Path) -> None:
    names = [manifest.name for manifest in manifests]
    command = f"imgedit train mean {' '.join(names)} --output {path.stem}"
    uses = [manifest.commercial_use for manifest in manifests]
    manifest = manifests[0].of_file(
        path,
        source=command,
        # What binds one of them binds the mean.
        license=" AND ".join(dict.fromkeys(manifest.license for manifest in manifests)),
        commercial_use=False if False in uses else None if None in uses else True,
    )
    path.with_suffix(".toml").write_text(manifest.to_toml(), encoding="utf-8")
    lines = [
        f"# {path.stem}: the mean of {' and '.join(names)}",
        "",
        f"- Task and family: {manifest.task}, {manifest.family}; {manifest.size} bytes, sha256 `{manifest.sha256}`",
        f"- Licence of the weights: {manifest.license}",
        f"- Made by: `{command}`, of the files "
        + ", ".join(f"{one.name} (sha256 `{one.sha256}`)" for one in manifests),
    ]
    path.with_suffix(".md").write_text("\n".join([*lines, ""]), encoding="utf-8")
