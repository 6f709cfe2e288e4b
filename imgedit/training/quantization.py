"""A quick twin of a net for processors: convolutions in 8-bit whole numbers, the loss measured.

Weights are whole numbers with a scale for each output channel, activations with one for each tensor, from the smallest
to the largest value that pictures gave (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018). The first convolution sees the picture and the last writes it: they and
the 1x1 ones, which join features of different size, stay in float32; they cost little and would lose the most.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError, MissingExtraError
from imgedit.io import decode, encode
from imgedit.metrics import psnr
from imgedit.models import Manifest, Model, load, pictures
from imgedit.models.manifest import file_hash
from imgedit.strips import Progress
from imgedit.training.pictures import reduce_bicubic

__all__ = ["Twin", "quantize"]

Floats = NDArray[np.float32]

# Enough to meet the extremes of a net that was trained on photos; the side is a few times what a net sees.
EXAMPLES, SIDE = 12, 240

COLORS = 3

# Of the JPEGs that a repairing net is given: where its work is seen.
QUALITY = 40


@dataclass(frozen=True)
class Twin:
    """A net in 8-bit whole numbers, and what it loses.

    Parameters
    ----------
    path : Path
        The ONNX file; manifest and card lie beside it.
    agreement : float
        PSNR between the results of both nets on photos that the quantiser has not seen, in dB. 47 dB loses 0.05 dB of a
        net whose results are 27 dB from the truth; where those are at 37 dB, 56 dB are needed.
    original, quantized : float or None
        PSNR of each net's results to the truth on the same photos, where the task has one: photos that were reduced
        (superres) or compressed (restore).
    """

    path: Path
    agreement: float
    original: float | None
    quantized: float | None


def quantize(
    model: str | Path, photos: Sequence[NDArray[np.uint8]], folder: Path, *, progress: Progress | None = None
) -> Twin:
    """Write a twin of a net from picture to picture that computes in 8-bit whole numbers.

    Parameters
    ----------
    model : str or Path
        A model's name or the path of an ONNX file.
    photos : sequence of ndarray of uint8
        HxWx3. Every other one tells how large values become, the rest how much is lost.
    folder : Path
        Gets ``NAME-int8.onnx``, its manifest and its card; made where it is missing.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    Twin
        The file, and what it loses.

    Raises
    ------
    ArgumentError
        Fewer than two photos that are large enough, or a net that takes more than a picture, or none of three channels.
    MissingExtraError
        The package onnx is not installed.
    """
    net = load(model, device="cpu")
    if len(net.inputs) != 1 or pictures.channels(net) not in (3, None):
        raise ArgumentError(
            "model", f"is {net.manifest.name}, a net for {net.manifest.task}", "take one from RGB to RGB"
        )
    crops = [_middle(photo) for photo in photos if min(photo.shape[:2]) >= SIDE][: 2 * EXAMPLES]
    if len(crops) < 2:
        raise ArgumentError("photos", f"holds {len(crops)} of at least {SIDE}x{SIDE} pixels", "give two or more")
    spoil = TASKS.get(net.manifest.task, _nothing)
    known = [spoil(crop, net.manifest.scale) for crop in crops[::2]]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{net.manifest.name}-int8.onnx"
    watch = pictures.Watch(progress)
    watch(0.0)
    _write_net(net, known, path)
    watch(0.5)
    _write_manifest(net.manifest, path)
    unknown = crops[1::2]
    given = [spoil(crop, net.manifest.scale) for crop in unknown]
    both = [_results(one, given, watch.tick) for one in (net, load(path, device="cpu"))]
    watch(1.0)
    against = unknown if net.manifest.task in TASKS else None
    original, quantized = (None if against is None else _psnr(results, against) for results in both)
    twin = Twin(path, _psnr(*both), original, quantized)
    _write_card(net.manifest, twin, len(known), len(unknown))
    return twin


def _write_net(net: Model, known: list[Floats], path: Path) -> None:
    try:
        import onnx  # noqa: F401 - the quantiser needs it
    except ModuleNotFoundError as missing:
        raise MissingExtraError("onnx", "train", "quantising") from missing
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.preprocess import quant_pre_process

    batches = [pictures.to_net(crop[None], net.manifest) for crop in known]
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


def _results(net: Model, given: list[Floats], tick: Callable[[], None]) -> list[Floats]:
    return [pictures.run(net, crop[None], tick=tick)[0].clip(0, 1) for crop in given]


def _psnr(a: list[Floats], b: list[Floats]) -> float:
    """Of results to others, or to photos that may be a few rows and columns larger."""
    fits = [(x, y[: x.shape[0], : x.shape[1]]) for x, y in zip(a, b, strict=True)]
    return float(psnr(*map(np.concatenate, zip(*fits, strict=True))))


def _nothing(crop: Floats, scale: int) -> Floats:
    del scale
    return crop


def _reduced(crop: Floats, scale: int) -> Floats:
    side = SIDE // scale
    small = reduce_bicubic(np.rint(crop[: side * scale, : side * scale] * 255).astype(np.uint8), (side, side))
    return small.astype(np.float32) / np.float32(255)


def _compressed(crop: Floats, scale: int) -> Floats:
    del scale
    data = encode(np.rint(crop * 255).astype(np.uint8), "jpeg", name="crop", quality=QUALITY)
    return decode(data, name="crop")[0].astype(np.float32) / np.float32(255)


# What a net of a task is given of a photo, which is then the truth.
TASKS = {"superres": _reduced, "restore": _compressed}


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
    small = {node.name for node in convolutions if list(kernels.get(node.input[1], ()))[2:] == [1, 1]}
    # Where each colour goes by itself, that is the picture, not what is thought of it.
    colors = {node.name for node in convolutions if _groups(node) == COLORS}
    others = [node.name for node in convolutions if node.name not in colors]
    return sorted(small | colors | set(others[:1]) | set(others[-1:]))


def _groups(node: Any) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


def _write_manifest(manifest: Manifest, path: Path) -> None:
    note = f"{manifest.name} in 8-bit whole numbers, for processors"
    twin = manifest.of_file(path, half=False, note=note)
    path.with_suffix(".toml").write_text(twin.to_toml(), encoding="utf-8")


def _write_card(manifest: Manifest, twin: Twin, known: int, unknown: int) -> None:
    lines = [
        f"# {twin.path.stem}: {manifest.name} in 8-bit whole numbers, for processors",
        "",
        f"- Task and family: {manifest.task}, {manifest.family}; {twin.path.stat().st_size} bytes, "
        f"sha256 `{file_hash(twin.path)}`",
        f"- Licence of the weights: {manifest.license}, as the original's (sha256 `{manifest.sha256}`)",
        f"- Made by: `imgedit train quantize {manifest.name}` from {known} crops of {SIDE}x{SIDE} pixels; measured on "
        f"{unknown} others",
        f"- PSNR between the results of both: {twin.agreement:.1f} dB",
    ]
    if twin.original is not None and twin.quantized is not None:
        loss = twin.original - twin.quantized
        lines.append(f"- PSNR to the truth: {twin.quantized:.3f} dB, {loss:.3f} dB less than the original")
    twin.path.with_suffix(".md").write_text("\n".join([*lines, ""]), encoding="utf-8")
