"""Measure imgedit and its peers in turns, so that a noisy machine disturbs them alike, and report ratios.

A module ``benchmarks/bench_NAME.py`` defines ``TITLE``, ``ABOUT`` (what the rows are, a short paragraph) and
``rows()``, a generator of `Row`. Times are medians over the turns; a ratio above 1 means that imgedit is faster than
the peer.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from imgedit.results import release

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@dataclass
class Row:
    """One job: seconds of imgedit and of each peer, and the target as a sentence."""

    name: str
    seconds: dict[str, float]
    target: str = ""
    extra_mib: float | None = None
    output_mib: float | None = None
    note: str = ""
    holds: bool | None = None
    ratios: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ours = self.seconds["imgedit"]
        self.ratios = {peer: took / ours for peer, took in self.seconds.items() if peer != "imgedit"}


def in_turns(jobs: dict[str, Callable[[], object]], *, turns: int = 9, least_seconds: float = 0.0) -> dict[str, float]:
    """Run each job once in every turn (after one warm-up each) and give the median seconds of each."""
    for job in jobs.values():
        job()
    took: dict[str, list[float]] = {name: [] for name in jobs}
    start = time.perf_counter()
    while len(took["imgedit"]) < turns or time.perf_counter() - start < least_seconds:
        for name, job in jobs.items():
            gc.collect()
            before = time.perf_counter()
            job()
            took[name].append(time.perf_counter() - before)
    return {name: statistics.median(times) for name, times in took.items()}


def extra_memory(job: Callable[[], object]) -> float:
    """Peak resident memory of one run beyond what stood before it, result included, in MiB (Linux only).

    A first run pays for imports and thread pools. What it and all jobs before it freed then goes back to the system, or
    the run would take from there and its peak would not be seen.
    """
    job()
    gc.collect()
    release()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    before = _status("VmRSS")
    result = job()
    peak = _status("VmHWM")
    del result
    return max(0.0, (peak - before) / 1024)


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    raise KeyError(key)


def machine() -> str:
    """Cores, processor and versions, for the head of a table."""
    import cv2
    import numpy as np

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    return (
        f"{cores} cores ({model}), Python {platform.python_version()}, OpenCV {cv2.__version__}, NumPy {np.__version__}"
    )


def save(name: str, title: str, about: str, rows: Iterable[Row]) -> None:
    """Measure all rows of one module, print them, and keep them as JSON."""
    measured = []
    for row in rows:
        measured.append(asdict(row))
        ratios = "  ".join(f"{peer} {ratio:.2f}x" for peer, ratio in row.ratios.items())
        memory = "" if row.extra_mib is None else f"  +{row.extra_mib:.0f} MiB"
        print(f"{row.name:55s} {row.seconds['imgedit'] * 1e3:9.1f} ms  {ratios}{memory}  {row.target}", flush=True)
    RESULTS.mkdir(exist_ok=True)
    content = {"title": title, "about": about, "machine": machine(), "rows": measured}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def write_page() -> None:
    """Write docs/benchmarks.md from all kept results."""
    parts = [
        "# Benchmarks\n",
        "Measured by `make bench`, imgedit and its peers in turns in one process, medians. A ratio is the peer's time "
        "over ours: above 1 imgedit is faster. Losing rows stay in. Memory is the peak beyond the input, "
        "result included.\n",
    ]
    for file in sorted(RESULTS.glob("*.json")):
        content = json.loads(file.read_text())
        parts.append(f"## {content['title']}\n\n{content['about'].strip()}\n\n{content['machine']}.\n")
        parts.append(_table(content["rows"]))
    PAGE.write_text("\n".join(parts))


def _table(rows: list[dict]) -> str:
    peers = list(dict.fromkeys(peer for row in rows for peer in row["ratios"]))
    memory = any(row["extra_mib"] is not None for row in rows)
    head = ["job", "imgedit ms", *peers, *(["peak MiB (output)"] if memory else []), "target", "holds", "note"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [row["name"], f"{row['seconds']['imgedit'] * 1e3:.1f}"]
        cells += [f"{row['ratios'][peer]:.2f}x" if peer in row["ratios"] else "" for peer in peers]
        if memory:
            size = row["output_mib"]
            used = row["extra_mib"]
            cells.append("" if used is None else f"{used:.0f}" + ("" if size is None else f" ({size:.0f})"))
        cells += [row["target"], {True: "yes", False: "**no**", None: ""}[row["holds"]], row["note"]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
