"""A quick twin of a net for processors: convolutions in 8-bit whole numbers, the loss measured.

Weights are whole numbers with a scale for each output channel, activations with one for each tensor, from the smallest
to the largest value that pictures gave (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018). The first convolution sees the picture and the last writes it: they and
the 1x1 ones, which join features of different size, stay in float32; they cost little and would lose the most.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError
from imgedit.metrics import psnr
from imgedit.models import Manifest, find, load, pictures
from imgedit.models.manifest import file_hash

__all__ = ["quantize"]

# Enough to meet the extremes of a net that was trained on photos; the side is a few times what a net sees.
EXAMPLES, SIDE = 12, 160


def quantize(model: str | Path, photos: Sequence[NDArray[np.uint8]], folder: Path) -> tuple[Path, float]:
    """Write a twin of a net from picture to picture that computes in 8-bit whole numbers.

    Parameters
    ----------
    model : str or Path
        A model's name or the path of an ONNX file.
    photos : sequence of ndarray of uint8
        HxWx3. The first half tells how large values become, the second how much is lost.
    folder : Path
        Gets ``NAME-int8.onnx`` and its manifest.

    Returns
    -------
    path : Path
        The ONNX file.
    agreement : float
        PSNR between the results of both nets on the second half, in dB. 47 dB loses 0.05 dB of a net whose results are
        27 dB from the truth; where those are at 37 dB, 56 dB are needed.

    Raises
    ------
    ArgumentError
        Fewer than two photos that are large enough.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.preprocess import quant_pre_process

    crops = [_middle(photo) for photo in photos if min(photo.shape[:2]) >= SIDE][: 2 * EXAMPLES]
    if len(crops) < 2:
        raise ArgumentError("photos", f"holds {len(crops)} of at least {SIDE}x{SIDE} pixels", "give two or more")
    known, unknown = crops[: len(crops) // 2], crops[len(crops) // 2 :]
    net = load(model, device="cpu")
    batches = [pictures.to_net(crop[None], net.manifest) for crop in known]
    path = folder / f"{net.manifest.name}-int8.onnx"
    with tempfile.TemporaryDirectory() as scratch:
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(net.path, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            path,
            _Examples(net.inputs[0].name, batches),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            # 7 bits for weights: processors without VNNI add two products in 16 bits, which 8 bits overflow. So the
            # result is the same on all of them.
            reduce_range=True,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_kept(prepared),
            calibrate_method=CalibrationMethod.MinMax,
        )
    _write_manifest(find(model), path)
    twin = load(path, device="cpu")
    both = [[pictures.run(one, crop[None])[0] for crop in unknown] for one in (net, twin)]
    return path, float(psnr(*(np.concatenate(results).clip(0, 1) for results in both)))


def _middle(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    top, left = ((side - SIDE) // 2 for side in photo.shape[:2])
    return photo[top : top + SIDE, left : left + SIDE].astype(np.float32) / np.float32(255)


class _Examples:
    """What the quantiser draws its examples from, until None."""

    def __init__(self, name: str, batches: list[NDArray[Any]]) -> None:
        self.left: Iterator[dict[str, NDArray[Any]]] = iter([{name: batch} for batch in batches])

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self.left, None)

    def __len__(self) -> int:
        return EXAMPLES


def _kept(path: Path) -> list[str]:
    """Names of the convolutions that stay in float32."""
    import onnx

    graph = onnx.load(path).graph
    kernels = {tensor.name: tensor.dims for tensor in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    ends = {convolutions[0].name, convolutions[-1].name} if convolutions else set()
    small = {node.name for node in convolutions if list(kernels.get(node.input[1], ()))[2:] == [1, 1]}
    return sorted(ends | small)


def _write_manifest(manifest: Manifest, path: Path) -> None:
    changed = {
        "name": path.stem,
        "folder": path.parent,
        "file": path.name,
        "sha256": file_hash(path),
        "size": path.stat().st_size,
        "half": False,
        "note": f"{manifest.name} in 8-bit whole numbers, for processors".strip(),
        "url": None,
        "mirrors": (),
    }
    path.with_suffix(".toml").write_text(manifest.model_copy(update=changed).to_toml(), encoding="utf-8")
