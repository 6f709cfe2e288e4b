"""Inject every fault of ``tests/faults.py`` again and again, and write into the manual how often all held.

``python -m benchmarks.reliability --until 20`` tries each fault with each engine until it was tried twenty times, those
first that were tried least; ``--only`` and ``--engine`` choose, ``--minutes`` ends it earlier, ``--beside`` says how
many attempts go on at a time. Counts add up in ``benchmarks/reliability.json`` until ``--fresh``. Runs and workers are
forked from a process that has imported everything, unless ``--started``. What did not hold is printed with its seed;
``--seed`` tries the chosen ones once with it, and counts nothing.

An attempt during which a process of it was stopped and went on (SIGSTOP, SIGCONT) does not count, whether all held or
not: the deadlines of its runs have passed meanwhile.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "reliability.json", HERE.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- counts: written by benchmarks.reliability -->", "<!-- end of counts -->"
ENGINES = {"serial": "serial", "local": "local", "pairs": "local, two in hand", "dask": "dask"}

# Where the seeds begin of those attempts that count.
FIRST_SEED = 1000

Cell = tuple[str, str]
Counts = dict[str, dict[str, list[int]]]


class Tried(NamedTuple):
    """What became of an attempt; without a problem all held."""

    problem: str
    was_stopped: bool
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(description="Inject faults into batches, and count what held.")
    parser.add_argument("--until", type=int, default=20, help="how often each is to be tried")
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no attempt after that")
    parser.add_argument("--beside", type=int, default=2, help="attempts at a time")
    parser.add_argument("--only", default="", help="regular expression for names of faults")
    parser.add_argument("--engine", choices=list(ENGINES))
    parser.add_argument("--seed", type=int, help="try once with this seed, and count nothing")
    parser.add_argument("--started", action="store_true", help="start each run and worker anew")
    parser.add_argument("--fresh", action="store_true", help="forget the counts of before")
    chosen = parser.parse_args()
    if chosen.fresh:
        RESULTS.unlink(missing_ok=True)
    sys.path.insert(0, str(HERE.parent / "tests"))
    from faults import FAULTS

    cells = [
        (name, engine)
        for name, fault in FAULTS.items()
        for engine in fault.engines
        if re.search(chosen.only, name) and chosen.engine in (None, engine) and fault.is_possible
    ]
    if chosen.seed is None:
        todo = least_tried(cells, chosen.until, time.monotonic() + 60 * chosen.minutes)
    else:
        todo = ((cell, chosen.seed) for cell in cells)
    broken = 0
    for cell, seed, found in attempts(todo, beside=chosen.beside, is_forked=not chosen.started):
        told = found.problem or f"held: {cell[0]}, {cell[1]}, seed {seed}"
        print(f"{'stopped, not counted: ' * found.was_stopped}{told}, {found.seconds:.1f} s", flush=True)
        broken += bool(found.problem) and not found.was_stopped
        if chosen.seed is None and not found.was_stopped:
            write(counted(*cell, held=not found.problem))
    return 1 if broken else 0


def least_tried(cells: list[Cell], until: int, deadline: float) -> Iterator[tuple[Cell, int]]:
    """Give that cell which was tried least, again and again, and the seed of its next attempt."""
    counts = known()
    tried = {(name, engine): counts.get(name, {}).get(engine, [0, 0])[1] for name, engine in cells}
    while time.monotonic() < deadline:
        cell = min(tried, key=tried.__getitem__)
        if tried[cell] >= until:
            return
        yield cell, FIRST_SEED + tried[cell]
        tried[cell] += 1


def attempts(todo: Iterator[tuple[Cell, int]], *, beside: int, is_forked: bool) -> Iterator[tuple[Cell, int, Tried]]:
    """Make attempts side by side, in processes that make one after the other."""
    import faults

    faults.is_forked = is_forked
    if is_forked:
        importlib.import_module("moto.server")
        faults.start_nurseries()  # before the processes that share them
    forked = multiprocessing.get_context("fork" if is_forked else "spawn")
    with ProcessPoolExecutor(beside, forked, initializer=prepare) as pool:
        going: dict[Future[Tried], tuple[Cell, int]] = {}
        while True:
            while len(going) < beside and (one := next(todo, None)) is not None:
                going[pool.submit(attempted, *one)] = one
            if not going:
                return
            for future in wait(going, return_when=FIRST_COMPLETED).done:
                yield *going.pop(future), future.result()


def prepare() -> None:
    """Make a process ready for attempts."""
    sys.path.insert(0, str(HERE.parent / "tests"))


def attempted(cell: Cell, seed: int) -> Tried:
    """Inject a fault once."""
    from faults import attempt

    stops: list[int] = []
    signal.signal(signal.SIGCONT, lambda number, _: stops.append(number))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        problem = attempt(*cell, seed, Path(place))
    return Tried(problem, bool(stops), time.monotonic() - began)


def known() -> Counts:
    """Give the counts so far."""
    found: Counts = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return found


def counted(name: str, engine: str, *, held: bool) -> Counts:
    """Add one attempt to the counts: how often all held, and how often it was tried."""
    counts = known()
    row = counts.setdefault(name, {}).setdefault(engine, [0, 0])
    row[0] += held
    row[1] += 1
    RESULTS.write_text(json.dumps(counts, indent=1) + "\n")
    return counts


def write(counts: Counts) -> None:
    """Put the table of counts into the page."""
    head, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(head + BEGIN + "\n\n" + table(counts) + "\n" + END + rest.split(END)[1])


def table(counts: Counts) -> str:
    """Set the counts as a table: a fault a row, an engine a column."""
    lines = [f"| fault | {' | '.join(ENGINES.values())} |", "|---|" + "---|" * len(ENGINES)]
    for name, row in counts.items():
        cells = (f"{row[engine][0]} of {row[engine][1]}" if engine in row else "-" for engine in ENGINES)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
