"""Edit thousands of small images in one run, and see whether workers and parent grow or leave anything open.

``python -m benchmarks.soak --files 10000 --engine local`` prints, for every process of the run, by how much its memory
grew per 1,000 images after the first 1,000 (a straight line through all samples), the most that it took, and how many
descriptors were open at the first and at the last look; and what lies in the state folder afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

KINDS = 50
RECIPE = """
[[steps]]
op = "resize"
scale = 0.5
[[steps]]
op = "blur"
radius = 2
[[steps]]
op = "sharpen"
amount = 0.5
"""

# Files done, bytes in memory, open descriptors.
Sample = tuple[int, int, int]


def main() -> int:
    parser = argparse.ArgumentParser(description="Memory and descriptors of a long run.")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_photos(folder / "photos", chosen.files)
        (folder / "recipe.toml").write_text(RECIPE)
        samples, took = watch(folder, chosen.engine, chosen.workers)
        state = folder / "out" / ".imgedit"
        rows = sum(json.loads(line)["state"] == "done" for line in (state / "report.jsonl").read_text().splitlines())
        left = sorted(path.name for path in state.iterdir())
    print(f"{rows} of {chosen.files} done in {took:.0f} s by engine {chosen.engine}; left behind: {', '.join(left)}")
    for pid, found in samples.items():
        print(f"process {pid}: {told([sample for sample in found if sample[0] >= chosen.files // 10])}")
    return 0 if rows == chosen.files else 1


def make_photos(folder: Path, files: int) -> None:
    """Write some dozens of kinds and sizes, and link them until there are enough."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(files):
        path = folder / f"{index:06}.{'png' if index % 5 == 0 else 'jpg'}"
        if index < KINDS:
            height, width = rng.integers(100, 400, 2)
            cv2.imwrite(str(path), cv2.blur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (9, 9)))
        else:
            os.link(folder / f"{index % KINDS:06}{path.suffix}", path)


def watch(folder: Path, engine: str, workers: int) -> tuple[dict[int, list[Sample]], float]:
    """Run the batch, looking at its processes every few seconds."""
    manifest = folder / "out" / ".imgedit" / "manifest.jsonl"
    arguments = ["batch", "recipe.toml", "photos", "-o", "out", "--engine", engine, "--workers", str(workers)]
    began = time.monotonic()
    run = subprocess.Popen([sys.executable, "-m", "imgedit", *arguments], cwd=folder, stdout=subprocess.DEVNULL)
    samples: dict[int, list[Sample]] = defaultdict(list)
    while run.poll() is None:
        done = manifest.read_bytes().count(b"\n") if manifest.exists() else 0
        for pid in family(run.pid):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
                descriptors = len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                continue
            if "VmRSS:" in status:
                memory = int(status.partition("VmRSS:")[2].split()[0]) * 1024
                samples[pid].append((done, memory, descriptors))
        time.sleep(2)
    return samples, time.monotonic() - began


def family(pid: int) -> list[int]:
    """List a process and all below it."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        below = [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(inner for child in below for inner in family(child))]


def told(samples: list[Sample]) -> str:
    """Put the samples of one process in words."""
    if len(samples) < 3:
        return "too short for a line"
    done, memory, descriptors = np.array(samples, float).T
    slope = np.polyfit(done, memory, 1)[0] * 1000 / 1e6
    return (
        f"{slope:+.2f} MB per 1,000 images of the run, at most {memory.max() / 1e6:.0f} MB; "
        f"{descriptors[0]:.0f} to {descriptors[-1]:.0f} descriptors"
    )


if __name__ == "__main__":
    sys.exit(main())
