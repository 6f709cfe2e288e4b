"""A run of a million files that are all done: how long the next run takes to find that out, and in how much memory.

``python -m benchmarks.million make FOLDER [COUNT]`` makes inputs, results and the manifest of a run that did them (hard
links of one small file each, so FOLDER should lie on tmpfs, whose files may have so many).
``python -m benchmarks.million resume FOLDER`` is the run to measure. ``... engine FOLDER COUNT`` gives what the parent
of a run takes for a file: an executor that does nothing but say that the file is done.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from concurrent.futures import Executor, Future
from pathlib import Path

import numpy as np

import imgedit as ie
from imgedit.batch.rows import Row, stamp
from imgedit.batch.thumbnails import MOST_PICTURED, Album, Sketch
from imgedit.batch.working import Outcome

RECIPE = ie.Recipe([ie.Step("resize", scale=0.25)])

# As in a folder of photos by date.
FILES_A_FOLDER = 1000


def names(count: int) -> list[str]:
    return [f"2024/{number // FILES_A_FOLDER:04}/IMG_{number:07}.jpg" for number in range(count)]


def make_inputs(folder: Path, count: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    link(folder / "in", count, b"a photo of some kind")


def link(folder: Path, count: int, data: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / ".one").write_bytes(data)
    for number in range(-(-count // FILES_A_FOLDER)):
        (folder / f"2024/{number:04}").mkdir(parents=True)
    for name in names(count):
        os.link(folder / ".one", folder / name)


def pictures() -> tuple[bytes, bytes]:
    sketch = Sketch()
    for seed in range(2):
        noise = np.random.default_rng(seed).integers(0, 255, (15, 20, 3), np.uint8)
        sketch(ie.resize(noise, (120, 160)))
    return sketch.pictures


def make(folder: Path, count: int) -> None:
    """Do what a run would have left behind."""
    make_inputs(folder, count)
    result = b"a result"
    link(folder / "out", count, result)
    state = folder / "out" / ".imgedit"
    state.mkdir()
    shown, fingerprint = pictures(), RECIPE.fingerprint()
    status = os.stat(folder / "in" / ".one")
    with Album(state) as album, open(state / "manifest.jsonl", "wb") as manifest:
        for number, name in enumerate(names(count)):
            source = str(folder / "in" / name)
            row = Row(
                source, name, "done", size=status.st_size, changed=status.st_mtime_ns, written=len(result),
                recipe=fingerprint, pixels=12_000_000, outputs=((name, len(result)),), seconds=0.0312,
                thumbnails=album.keep(shown) if number < MOST_PICTURED else (), digest="0" * 32, digests=("1" * 32,),
            )  # fmt: skip
            manifest.write(row.line())


class Nobody(Executor):
    """Says of each file that it is done."""

    def __init__(self) -> None:
        self._pictures = pictures()

    def submit(self, fn, /, job, is_pictured):  # noqa: ARG002 - nothing is done
        found = stamp(job)
        row = Row(
            job.source, job.name, "done", size=found.size, changed=found.changed, pixels=12_000_000, digest="0" * 32
        )
        future: Future[Outcome] = Future()
        future.set_result(Outcome(row, self._pictures if is_pictured else (b"", b"")))
        return future


def main(what: str, folder: Path, count: int = 1_000_000) -> None:
    if what == "make":
        make(folder, count)
        return
    if what == "engine":
        make_inputs(folder, count)
    began = time.perf_counter()
    report = ie.batch.run(RECIPE, folder / "in", folder / "out", engine=Nobody())
    seconds = time.perf_counter() - began
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    rate = f"{seconds / sum(report.counts.values()) * 1e6:.0f} microseconds a file"
    print(f"{dict(report.counts)} in {seconds:.1f} s, {rate}, {peak.split()[1]} kB at the peak")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
