"""upscale beside a bare ONNX Runtime loop, OpenCV's dnn and PyTorch."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import skimage.data

import imgedit as ie
from benchmarks.harness import Row, extra_memory, in_turns
from benchmarks.torch_peer import TorchPeer, python
from imgedit.models import load, pictures
from imgedit.training.quantization import quantize

TITLE = "Super-resolution on the CPU"
ABOUT = """
The shipped x2 net on a photo of 1280x720. "Bare loop": session.run over the same tiles, and nothing else, neither
cutting nor joining. OpenCV's dnn and PyTorch (channels last, its quicker layout) run the whole picture at once and give
floats; ours is uint8 to uint8, in tiles. PyTorch runs in a process of its own.
"""

FIRST = """
import time
begin = time.perf_counter()
import numpy as np, imgedit as ie
ie.upscale(np.zeros((256, 256, 3), np.uint8), 2, device="cpu")
print(time.perf_counter() - begin)
"""


def rows():
    photo = cv2.resize(skimage.data.coffee(), (1280, 720), interpolation=cv2.INTER_CUBIC)
    net = load("sr-x2", device="cpu")
    tiles = _tiles(net, photo)

    def bare():
        for tile in tiles:
            net._session.run(None, {net.inputs[0].name: tile})

    def ours():
        return ie.upscale(photo, 2, device="cpu")

    seconds = in_turns({"imgedit": ours, "bare loop": bare}, turns=3)
    yield Row(
        "1280x720 to 2560x1440, beside a bare loop",
        seconds,
        target="1.08x of the bare loop at most",
        holds=seconds["imgedit"] < 1.08 * seconds["bare loop"],
        extra_mib=extra_memory(ours),
        output_mib=4 * photo.nbytes / 2**20,
    )
    yield from _peers(ours, net, photo)
    yield _quantized(ours, photo)
    yield _first()
    yield _large()


def _tiles(net, photo):
    """What the engine gives the net."""
    seen = []

    def note(batch):
        seen.append(pictures.to_net(batch, net.manifest))
        return np.zeros((len(batch), 2 * batch.shape[1], 2 * batch.shape[2], 3), np.float32)

    pictures.run_tiled(net, photo, function=note)
    return seen


def _peers(ours, net, photo):
    whole = pictures.to_net(photo[None].astype(np.float32) / 255, net.manifest)
    other = cv2.dnn.readNetFromONNX(str(net.path))

    def dnn():
        other.setInput(whole)
        return other.forward()

    jobs, peers = {"imgedit": ours, "OpenCV dnn": dnn}, []
    if python() is not None:
        peers = [
            TorchPeer(str(net.path), *photo.shape[:2], kind, cv2.getNumThreads()) for kind in ("float32", "bfloat16")
        ]
        jobs |= dict(zip(("PyTorch float32", "PyTorch bfloat16"), peers, strict=True))
    seconds = in_turns(jobs, turns=3)
    for peer in peers:
        peer.close()
    fair = [took for name, took in seconds.items() if name not in ("imgedit", "PyTorch bfloat16")]
    yield Row(
        "1280x720 to 2560x1440, beside other runtimes",
        seconds,
        target="never slower in float32",
        holds=seconds["imgedit"] < min(fair),
        note="bfloat16 keeps 8 bits of each number; ONNX Runtime has no bfloat16 arithmetic on x64",
    )


def _quantized(ours, photo):
    """The 8-bit twin, made from photos that come with scikit-image."""
    with tempfile.TemporaryDirectory() as folder:
        photos = [skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.rocket(), skimage.data.coffee()]
        twin = quantize("sr-x2", photos, Path(folder))
        jobs = {"imgedit": ours, "its 8-bit twin": lambda: ie.upscale(photo, 2, model=str(twin.path), device="cpu")}
        seconds = in_turns(jobs, turns=3)
    return Row(
        "1280x720 to 2560x1440, beside the 8-bit twin",
        seconds,
        note=f"the twin loses {twin.original - twin.quantized:.3f} dB on two of four photos that it was not made from",
    )


def _first():
    def fresh():
        return subprocess.run([sys.executable, "-c", FIRST], capture_output=True, check=True)

    seconds = in_turns({"imgedit": fresh}, turns=5)
    return Row("a new process: import, load, 256x256", seconds, target="under 1 s", holds=seconds["imgedit"] < 1)


def _large():
    """The engine alone at 100 megapixels: a net that repeats pixels costs nothing, its tiles as much as any."""
    from onnx import TensorProto, helper, numpy_helper, save

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "repeat.onnx"
        node = helper.make_node("Resize", ["input", "", "factors"], ["output"], mode="nearest")
        factors = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "factors")
        ports = [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 3, None, None]) for n in ("input", "output")
        ]
        graph = helper.make_graph([node], "repeat", ports[:1], ports[1:], [factors])
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
        fields = (
            'task = "superres"\nfamily = "rgb"\nlicense = "CC0-1.0"\nsource = "a benchmark"\nscale = 2\noverlap = 18\n'
        )
        from imgedit.models.manifest import file_hash

        path.with_suffix(".toml").write_text(f'{fields}file = "repeat.onnx"\nsha256 = "{file_hash(path)}"\n')
        photo = np.zeros((10_000, 10_000, 3), np.uint8)

        def enlarge():
            return ie.upscale(photo, 2, model=str(path), device="cpu")

        seconds = in_turns({"imgedit": enlarge}, turns=1)
        used = extra_memory(enlarge)
    return Row(
        "100 to 400 megapixels, a net that repeats pixels",
        seconds,
        target="2 GiB with the picture, and 0.4 GiB for the shipped net's tile",
        holds=used + photo.nbytes / 2**20 + 400 < 2048,
        extra_mib=used,
        output_mib=4 * photo.nbytes / 2**20,
    )
