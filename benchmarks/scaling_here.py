"""What this machine shows of the scaling of batches: the figures of benchmarks/scaling.py, and its check.

``python -m benchmarks.scaling_here PART...`` with parts ``engine``, ``disk`` and ``store``. The store is a server of
its own process that waits before it answers, as one far away does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import skimage.data

import imgedit as ie
from benchmarks.million import Nobody, make_inputs
from benchmarks.scaling import HERE, Site, Work, model, simulate
from imgedit.engines import ENGINES, usable_cores

WORKERS, LATENCIES = (1, 2, 4), (0.0, 0.05)
RECIPE = ie.Recipe([ie.Step("resize", scale=0.25)])
SIZES = {"12 MP": (3000, 4000), "2 MP": (1200, 1600)}


def photo(size: tuple[int, int]) -> bytes:
    large = cv2.resize(skimage.data.astronaut(), size[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    large += np.random.default_rng(0).normal(0, 3, size)[..., None].astype(np.float32)
    return ie.io.encode(np.clip(large, 0, 255).astype(np.uint8), "jpeg", quality=90, subsampling="420")


def engine() -> None:
    """Print what the parent takes for a file, and how long a worker waits for its next one."""
    with tempfile.TemporaryDirectory() as folder:
        make_inputs(Path(folder) / "many", 10_000)
        began = time.process_time()
        ie.batch.run(RECIPE, Path(folder) / "many" / "in", Path(folder) / "out", engine=Nobody())
        print(f"parent, all but the engine: {(time.process_time() - began) / 10_000 * 1e6:.0f} us a file")
    with ENGINES["local"](workers=1) as local:
        local.submit(time.sleep, 0).result()
        took = []
        busy = time.process_time()
        for _ in range(2000):
            began = time.perf_counter()
            local.submit(time.sleep, 0).result()
            took.append(time.perf_counter() - began)
        busy = (time.process_time() - busy) / 2000
    print(f"handover: {median(took) * 1e6:.0f} us, of which the parent is busy {busy * 1e6:.0f} us")


def rate(inputs: Sequence[str | Path], workers: int) -> float:
    """Files a second once all workers are at work."""
    moments: list[float] = []
    with tempfile.TemporaryDirectory() as out:
        ie.batch.run(RECIPE, inputs, out, workers=workers, tally=lambda _: moments.append(time.perf_counter()))
    # The first tally comes before the first file; the first files of all workers come together.
    steady = moments[1 + workers :]
    return (len(steady) - 1) / (steady[-1] - steady[0])


def disk() -> None:
    """Files in the page cache, results to the disk."""
    for name, size in SIZES.items():
        data = photo(size)
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"{number:03}.jpg" for number in range(60 if size[0] > 2000 else 300)]
            for file in files:
                file.write_bytes(data)
            rates = {workers: rate(files, workers) for workers in WORKERS}
            check(name, "own disk", rates, 0.0, 1 / rates[1])


def store() -> None:
    """Files behind a server that lets every request wait."""
    for name, size in SIZES.items():
        data, alone = photo(size), 0.0
        for latency in LATENCIES:
            with Server(data, latency) as server:
                urls = [f"{server.url}/{number:03}.jpg" for number in range(24 if latency else 80)]
                rates = {workers: rate(urls, workers) for workers in WORKERS}
            alone = alone or 1 / rates[1]
            check(name, f"web server, {latency * 1e3:.0f} ms", rates, latency, alone)


def check(name: str, where: str, rates: dict[int, float], latency: float, alone: float) -> None:
    """Print what was seen beside what model and simulation say who know one worker without latency."""
    work = Work(name, alone - HERE.handover - HERE.parent, 1, 1)
    site = Site("here", usable_cores(), latency, after=1)
    for workers, seen in rates.items():
        said, limit = model(work, site, HERE, workers)
        simulated = simulate(work, site, HERE, workers, files=500)
        print(f"| {name} | {where} | {workers} | {seen:.1f} | {said:.1f} | {simulated:.1f} | {limit} |", flush=True)


class Server:
    """A process that serves one file under all names, each answer after a while."""

    def __init__(self, data: bytes, latency: float) -> None:
        self._file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - closed with the server
        self._file.write(data)
        self._file.flush()
        command = [sys.executable, "-m", "benchmarks.scaling_here", "serve", self._file.name, str(latency)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
        self._file.close()


def serve(file: str, latency: float) -> None:
    data = Path(file).read_bytes()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(b"")

        def do_GET(self) -> None:
            self.answer(data)

        def answer(self, body: bytes) -> None:
            time.sleep(latency)
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", '"1"')
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], float(sys.argv[3]))
    for part in sys.argv[1:]:
        {"engine": engine, "disk": disk, "store": store}[part]()
