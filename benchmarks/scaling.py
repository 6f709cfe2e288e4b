"""How fast a batch gets with more workers, and what stops it: a model, a simulation, and what this machine shows.

``python -m benchmarks.scaling`` prints the tables of docs/scaling.md. ``python -m benchmarks.scaling measure`` prints
the figures of this machine that it starts from, to be put into HERE.

A file takes a worker some time at the processor, at the store (latency, then bytes at the speed of one connection) and
waiting for its next task. All workers share the cores, the bandwidth of the store, the requests that it answers in a
second, and the one process that hands out tasks and writes the manifest. The model takes the least of what each of
these allows; the simulation lets files queue for them one by one.
"""

from __future__ import annotations

import heapq
import math
import sys
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
    """Where it is done: cores; a store with its latency, speeds in bytes a second and requests a second."""

    name: str
    cores: int
    latency: float = 0.0
    connection: float = math.inf
    bandwidth: float = math.inf
    requests: float = math.inf


@dataclass(frozen=True)
class Engine:
    """What the engine takes: seconds of the parent (or scheduler) a file, seconds that a worker waits for the next."""

    name: str
    parent: float
    handover: float


def bounds(work: Work, site: Site, engine: Engine, workers: int) -> dict[str, float]:
    """Files a second that each shared thing allows."""
    moved = work.read + work.written
    alone = work.compute + 2 * site.latency + moved / site.connection + engine.handover + engine.parent
    return {
        "workers": workers / alone,
        "cores": site.cores / work.compute,
        "parent": 1 / engine.parent,
        "bandwidth": site.bandwidth / moved,
        "requests": site.requests / 2,
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
    compute, first, second = rng.lognormal(-0.112, 0.472, (3, files)) * [[work.compute], [site.latency], [site.latency]]
    each = lambda seconds: np.broadcast_to(seconds, files)  # noqa: E731 - a word for this function only
    parent, gate, pipe, cores = Station(1), Station(1), Station(1), Station(site.cores)
    # What a file goes through: whom it queues for, how long it is served there, and what it then waits for alone.
    stages = [
        (parent, each(engine.parent), each(engine.handover)),
        (gate, each(1 / site.requests), first),
        (pipe, each(work.read / site.bandwidth), each(work.read / site.connection)),
        (cores, compute, each(0.0)),
        (gate, each(1 / site.requests), second),
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


# Files as `measure` finds them here: a 12-megapixel JPEG to a quarter, and to half with five steps to WebP.
QUARTER = Work("12 MP JPEG to a quarter", 0.030, 2.1e6, 0.15e6)
FIVE = Work("five steps to WebP", 0.120, 2.1e6, 0.10e6)
HEAVY = Work("upscale 1 MP by a network", 6.0, 0.3e6, 2.5e6)

LOCAL = Engine("local", 0.00035, 0.0005)
DASK = Engine("dask", 0.0015, 0.004)

MB, GB = 1e6, 1e9
DISK = Site("this machine, files in memory", 2)
STORES = (
    replace(DISK, name="own disks, 16 cores", cores=16, bandwidth=1 * GB),
    Site("one file server of 10 Gbit/s, 1,000 cores", 1000, 0.002, 200 * MB, 1.2 * GB, 20_000),
    Site("object store, one prefix, 1,000 cores", 1000, 0.06, 80 * MB, 100 * GB, 7_000),
    Site("object store, 16 prefixes, 1,000 cores", 1000, 0.06, 80 * MB, 100 * GB, 112_000),
)


def scale_table(work: Work, engine: Engine, sites: tuple[Site, ...] = STORES) -> Iterator[str]:
    yield f"| {work.name}, {engine.name} | workers | model | simulation | limited by |"
    yield "|---|---:|---:|---:|---|"
    for site in sites:
        for workers in (16, 100, 1000):
            if workers > 4 * site.cores:
                continue
            rate, limit = model(work, site, engine, workers)
            seen = simulate(work, site, engine, workers)
            yield f"| {site.name} | {workers:,} | {rate:,.0f}/s | {seen:,.0f}/s | {limit} |"


def main() -> None:
    if sys.argv[1:] == ["measure"]:
        from benchmarks import scaling_here

        scaling_here.main()
        return
    for work in (QUARTER, FIVE, HEAVY):
        for engine in (LOCAL, DASK):
            print("\n".join(scale_table(work, engine)), end="\n\n")


if __name__ == "__main__":
    main()
