"""Start a run from an ONNX file: its weights go back into the net that they were exported from, or a relative of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from imgedit.training.loop import TrainingError
from imgedit.training.nets import FoldedConv
from imgedit.training.stored import BYTE, HALF, widened

__all__ = ["start_from"]


def start_from(net: nn.Module, path: Path) -> list[str]:
    """Copy the weights of an ONNX file into a net, by name.

    A folded kernel goes into the direct path of its `FoldedConv`, less what the chain adds: the net then computes what
    the file does, and the chain is free to learn again. Parameters that a module names in `each` have a row for each
    thing it knows; where the file knows other things, all rows start from the mean of its rows.

    Parameters
    ----------
    net : nn.Module
        Changed in place.
    path : Path
        An ONNX file that `export_onnx` wrote.

    Returns
    -------
    list of str
        Layers of the net that keep their fresh weights, since the file has none of their name and shape: the last
        layer, where the factor of a super-resolution net is another.

    Raises
    ------
    TrainingError
        Not one layer fits.
    """
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load(path).graph
    except Exception as problem:  # protobuf's errors have no common base
        raise TrainingError(f"{path} can't be started from: it is not an ONNX file ({problem})") from problem
    # A copy: the arrays of the file are read-only.
    arrays = {item.name: np.array(numpy_helper.to_array(item)) for item in graph.initializer}
    stored = {name: torch.from_numpy(values) for name, values in arrays.items()}
    stored |= {name.removesuffix(HALF): values.float() for name, values in stored.items() if name.endswith(HALF)}
    stored |= {
        name.removesuffix(BYTE): torch.from_numpy(widened(arrays, name)) for name in arrays if name.endswith(BYTE)
    }
    for node in graph.node:
        # The exporter leaves out a bias of zeros.
        if node.op_type == "Conv" and len(node.input) == 2 and node.input[1].endswith(".weight"):
            stored[node.input[1].removesuffix("weight") + "bias"] = torch.zeros(stored[node.input[1]].shape[0])
    fresh, used = [], 0
    with torch.no_grad():
        for name, module in net.named_modules():
            if not _holds_weights(module):
                continue
            if _fill(module, stored, f"{name}." if name else ""):
                used += 1
            else:
                fresh.append(name)
    if not used:
        raise TrainingError(f"{path} holds no layer of this net; start from a model of the same kind and width")
    return fresh


def _holds_weights(module: nn.Module) -> bool:
    return isinstance(module, FoldedConv) or bool(list(module.parameters(recurse=False)))


def _fill(module: nn.Module, stored: dict[str, Tensor], prefix: str) -> bool:
    if isinstance(module, FoldedConv):
        weight, bias = stored.get(prefix + "weight"), stored.get(prefix + "bias")
        if weight is None or bias is None or weight.shape != module.direct.shape:
            return False
        module.direct.copy_(weight - (module.kernel() - module.direct))
        module.bias.copy_(bias)
        return True
    own = dict(module.named_parameters(recurse=False))
    for key in getattr(module, "each", ()):
        rows = stored.get(prefix + key)
        if rows is not None and rows.shape[1:] == own[key].shape[1:] and len(rows) != len(own[key]):
            stored = stored | {prefix + key: rows.mean(0).expand_as(own[key])}
    if any(prefix + key not in stored or stored[prefix + key].shape != value.shape for key, value in own.items()):
        return False
    for key, value in own.items():
        value.copy_(stored[prefix + key])
    return True
