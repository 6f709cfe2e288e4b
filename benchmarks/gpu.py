"""All figures of the GPU in one command: ``python -m benchmarks.gpu [--device cuda:0] [--model sr-x2]``.

It says how large the share of the device is in a 4K upscale with tiles, what float16 gains over float32 and costs in
accuracy, how near the whole comes to a hand-written loop with I/O binding, and proves by ONNX Runtime's own profile
which provider each node ran. The result goes to ``benchmarks/results/gpu.json``, and with it into docs/benchmarks.md.
Without a device that really runs it ends with what is missing, and exit code 1.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import skimage.data

import imgedit as ie
from benchmarks.harness import Row, save, write_page
from imgedit.models import Manifest, Model, devices, find, graph, pictures
from imgedit.models.devices import Settings

TITLE = "Super-resolution on a GPU"
TURNS = 5


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--device", default="cuda")
    options.add_argument("--model", default="sr-x2")
    options.add_argument("--size", type=int, nargs=2, default=(2160, 3840), metavar=("HEIGHT", "WIDTH"))
    given = options.parse_args()
    name, number = devices.parse(given.device)
    absent = devices.missing(name)
    problem = f"no {given.device} device: needs {', '.join(absent)}" if absent else devices.works(given.device)
    if problem:
        sys.exit(f"{problem}\n{devices.remedy(name)}")
    manifest = find(given.model)
    photo = np.ascontiguousarray(ie.resize(skimage.data.coffee(), tuple(given.size)))
    about = f"{given.model}, {given.size[1]}x{given.size[0]}, uint8 to uint8, in tiles. {machine(given.device)}"
    save("gpu", TITLE, about, rows(manifest, photo, given.device, name, number))
    write_page()


def machine(device: str) -> str:
    """The card, its driver and the versions that matter."""
    import onnxruntime

    card = "card unknown"
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
        card = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    cuda = getattr(onnxruntime, "cuda_version", "?")
    return f"{device}: {card}; ONNX Runtime {onnxruntime.__version__} for CUDA {cuda}; {platform.platform()}."


def rows(manifest: Manifest, photo: np.ndarray, device: str, name: str, number: int):
    path = manifest.folder / manifest.file
    nets = {
        kind: Model(path, manifest.model_copy(update={"half": kind == "float16"}), device=device)
        for kind in ("float32", "float16")
    }
    seconds = {kind: timed(lambda net=net: pictures.run_tiled(net, photo)) for kind, net in nets.items()}
    results = {kind: pictures.run_tiled(net, photo) for kind, net in nets.items()}
    loss = ie.psnr(results["float16"], results["float32"])
    if not nets["float16"].half:
        print("float16 overflowed or could not be made: its row is float32's", file=sys.stderr)
    speed = photo.shape[0] * photo.shape[1] / seconds["float16"] / 1e6
    yield Row(
        "float16 beside float32",
        {"imgedit": seconds["float16"], "float32": seconds["float32"]},
        target="at least 1.6x as fast",
        holds=seconds["float32"] >= 1.6 * seconds["float16"],
        note=f"{speed:.1f} input megapixels a second; the two differ by {loss:.1f} dB",
    )
    for kind, net in nets.items():
        yield loop_row(net, photo, kind, seconds[kind], name, number)
        yield share_row(net, photo, kind, seconds[kind], name, number)


def timed(job) -> float:
    job()
    took = []
    for _ in range(TURNS):
        begin = time.perf_counter()
        job()
        took.append(time.perf_counter() - begin)
    return statistics.median(took)


def batches_of(net: Model, photo: np.ndarray) -> list[np.ndarray]:
    """What the engine gives the net."""
    seen, scale = [], net.manifest.scale

    def note(batch):
        seen.append(pictures.to_net(batch, net.manifest, net.inputs[0].dtype))
        return np.zeros((len(batch), scale * batch.shape[1], scale * batch.shape[2], batch.shape[3]), np.float32)

    pictures.run_tiled(net, photo, function=note)
    return seen


def session_of(net: Model, name: str, number: int, profile: Path | None = None):
    data = graph.halved(net.source()) if net.half else net.source()
    return devices.open_session(data, net.path, name, number, Settings(profile=profile))


def loop_row(net: Model, photo: np.ndarray, kind: str, ours: float, name: str, number: int) -> Row:
    """A loop as one writes it by hand: results bound to memory of the device, copied to the host once a batch."""
    session, batches = session_of(net, name, number), batches_of(net, photo)

    def by_hand():
        for batch in batches:
            binding = session.io_binding()
            binding.bind_cpu_input(session.get_inputs()[0].name, batch)
            binding.bind_output(session.get_outputs()[0].name, "cuda" if name != "directml" else "dml", number)
            session.run_with_iobinding(binding)
            binding.copy_outputs_to_cpu()

    loop = timed(by_hand)
    return Row(
        f"{kind}, beside a hand-written loop with I/O binding",
        {"imgedit": ours, "loop": loop},
        target="at least 0.9x of its throughput",
        holds=loop >= 0.9 * ours,
        note="the loop neither cuts nor joins tiles, nor turns bytes into floats and back",
    )


def share_row(net: Model, photo: np.ndarray, kind: str, ours: float, name: str, number: int) -> Row:
    """Device time from the profile of the same batches, and where each node ran."""
    with tempfile.TemporaryDirectory() as folder:
        session = session_of(net, name, number, Path(folder) / "profile")
        batches = batches_of(net, photo)
        feed = session.get_inputs()[0].name
        session.run(None, {feed: batches[0]})
        for batch in batches:
            session.run(None, {feed: batch})
        events = json.loads(Path(session.end_profiling()).read_text())
    kernels = [event for event in events if event.get("cat") == "Kernel"]
    nodes = [e for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]
    # The first run warms up: one batch more than the picture has.
    part = len(batches) / (len(batches) + 1)
    busy = sum(event["dur"] for event in kernels or nodes) / 1e6 * part
    placed = collections.Counter(node["args"].get("provider", "?") for node in nodes)
    elsewhere = {provider: count for provider, count in placed.items() if provider != devices.DEVICES[name].provider}
    where = "every node on " + devices.DEVICES[name].provider if not elsewhere else f"elsewhere: {elsewhere}"
    return Row(
        f"{kind}, share of device time in wall time",
        {"imgedit": ours, "device": busy},
        target="at least 0.8, every node on the device",
        holds=busy >= 0.8 * ours and not elsewhere,
        note=f"{where}; time of {'kernels' if kernels else 'nodes'} in ONNX Runtime's profile",
    )


if __name__ == "__main__":
    main()
