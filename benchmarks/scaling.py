"""How fast a batch gets with more workers, and what stops it: a model, a simulation, and what this machine shows.

``python -m benchmarks.scaling`` prints the tables of docs/scaling.md for 1,000 workers; benchmarks/scaling_here.py
measures the figures that they start from, and checks model and simulation with what one machine shows.

A file takes a worker some time at the processor, at the store (latency, then bytes at the speed of one connection) and
waiting for its next task. All workers share the cores, the bandwidth of the store, the requests that it answers in a
second, and the one process that hands out tasks and writes the manifest. The model takes the least of what each of
these allows; the simulation lets files queue for them one by one.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Work:
    """One file: seconds of one core, bytes read and written."""

    name: str
    compute: float
    read: float
    written: float


@dataclass(frozen=True)
class Site:
    """Where it is done: cores; a store with its latency, speeds in bytes a second and requests a second.

    A file takes one request to be read, one to see that it has not changed meanwhile, and one to be written: `after` is
    how many of them come after the work.
    """

    name: str
    cores: int
    latency: float = 0.0
    connection: float = math.inf
    bandwidth: float = math.inf
    requests: float = math.inf
    after: int = 2


@dataclass(frozen=True)
class Engine:
    """What the engine takes: seconds of the parent a file, seconds that a worker waits for the next one.

    `own` are those seconds of the parent that are taken from the workers' cores, where it is on their machine.
    """

    name: str
    parent: float
    handover: float
    own: float = 0.0


def bounds(work: Work, site: Site, engine: Engine, workers: int) -> dict[str, float]:
    """Files a second that each shared thing allows."""
    moved = work.read + work.written
    waits = (1 + site.after) * site.latency + moved / site.connection + engine.handover + engine.parent
    return {
        "workers": workers / (work.compute + waits),
        "cores": site.cores / (work.compute + engine.own),
        "parent": 1 / engine.parent,
        "bandwidth": site.bandwidth / moved,
        "requests": site.requests / (1 + site.after),
    }


def model(work: Work, site: Site, engine: Engine, workers: int) -> tuple[float, str]:
    """Give files a second, and what they are limited by."""
    limits = bounds(work, site, engine, workers)
    least = min(limits, key=limits.__getitem__)
    return limits[least], least


class Station:
    """Some servers with one queue."""

    def __init__(self, servers: int) -> None:
        self._free = [0.0] * servers

    def leave(self, now: float, service: float) -> float:
        """Tell when somebody who comes now is done."""
        end = max(now, heapq.heappop(self._free)) + service
        heapq.heappush(self._free, end)
        return end


def simulate(work: Work, site: Site, engine: Engine, workers: int, *, files: int = 0, seed: int = 0) -> float:
    """Give files a second of a run in which files differ by half in time, and the store in latency by as much."""
    files = files or max(2000, 50 * workers)
    rng = np.random.default_rng(seed)
    # Lognormal with mean 1 and standard deviation 0.5.
    compute, *waits = rng.lognormal(-0.112, 0.472, (2 + site.after, files))
    each = lambda seconds: np.broadcast_to(seconds, files)  # noqa: E731 - a word for this function only
    parent, gate, pipe, cores = Station(1), Station(1), Station(1), Station(site.cores)
    # What a file goes through: whom it queues for, how long it is served there, and what it then waits for alone.
    stages = [
        (parent, each(engine.parent), each(engine.handover)),
        (gate, each(1 / site.requests), waits[0] * site.latency),
        (pipe, each(work.read / site.bandwidth), each(work.read / site.connection)),
        (cores, compute * work.compute + engine.own, each(0.0)),
        *((gate, each(1 / site.requests), wait * site.latency) for wait in waits[1:]),
        (pipe, each(work.written / site.bandwidth), each(work.written / site.connection)),
    ]
    # Workers come to their next stage at a time; who comes first is served first.
    coming = [(0.0, file, 0) for file in range(min(workers, files))]
    started, end = len(coming), 0.0
    while coming:
        now, file, stage = heapq.heappop(coming)
        station, service, alone = stages[stage]
        then = station.leave(now, service[file]) + alone[file]
        if stage + 1 < len(stages):
            heapq.heappush(coming, (then, file, stage + 1))
            continue
        end = max(end, then)
        if started < files:
            heapq.heappush(coming, (then, started, 0))
            started += 1
    return files / end


# Files as they were measured here (benchmarks/bench_batch.py), and a step that takes long.
QUARTER = Work("12 MP JPEG to a quarter", 0.030, 2.1e6, 0.15e6)
FIVE = Work("five steps to WebP", 0.125, 2.1e6, 0.1e6)
LONG = Work("a step of 6 s", 6.0, 2.1e6, 2.5e6)

# Measured by scaling_here. Of its scheduler Dask says that a task suffers about 1 ms (distributed.dask.org).
HERE = LOCAL = Engine("local", 0.0005, 0.0002, own=0.0005)
DASK = Engine("dask", 0.001, 0.005)

# Amazon says of S3: 3,500 PUT and 5,500 GET or HEAD a second and prefix, 100 to 200 ms (Request Rate and Performance
# Guidelines). Of the three requests of a file two are of the second kind, which are the first to run out.
MB, PREFIX = 1e6, 5500 / 2 * 3
MACHINE = Site("one machine of 64 cores, disk of 2 GB/s", 64, bandwidth=2000 * MB)
FILE_SERVER = Site("file server, 10 Gbit/s", 1000, 0.001, 500 * MB, 1200 * MB)
STORE = Site("object store, one prefix", 1000, 0.1, 80 * MB, 100_000 * MB, PREFIX)
STORES = Site("object store, 16 prefixes", 1000, 0.1, 80 * MB, 100_000 * MB, 16 * PREFIX)


def table(engine: Engine, sites: tuple[Site, ...], counts: tuple[int, ...]) -> Iterator[str]:
    """Rows of Markdown: what a number of workers reach, and what limits them."""
    yield "| where | work | workers | model | simulation | limited by |\n|---|---|---:|---:|---:|---|"
    for site in sites:
        for work in (QUARTER, FIVE, LONG):
            for workers in counts:
                said, limit = model(work, site, engine, workers)
                seen = simulate(work, site, engine, workers)
                yield f"| {site.name} | {work.name} | {workers:,} | {said:,.0f}/s | {seen:,.0f}/s | {limit} |"


def main() -> None:
    print(*table(LOCAL, (MACHINE,), (16, 64, 128)), "", sep="\n")
    print(*table(DASK, (FILE_SERVER, STORE, STORES), (100, 1000)), "", sep="\n")
    # Runs of their own, each with its share of the files, its parent and its scheduler.
    print(*table(replace(DASK, parent=DASK.parent / 8), (STORES,), (1000, 4000)), sep="\n")


if __name__ == "__main__":
    main()
