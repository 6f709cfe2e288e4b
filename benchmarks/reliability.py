"""Inject every fault of ``tests/faults.py`` again and again, and write into the manual how often all held.

``python -m benchmarks.reliability --repeats 20`` does the whole table, which takes hours; ``--only`` and ``--engine``
choose, ``--seed`` says where the seeds begin. Counts add up in ``benchmarks/reliability.json`` until ``--fresh``.
What did not hold is printed with its seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "reliability.json", HERE.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- counts: written by benchmarks.reliability -->", "<!-- end of counts -->"
ENGINES = {"serial": "serial", "local": "local", "pairs": "local, two in hand", "dask": "dask"}

Counts = dict[str, dict[str, list[int]]]


def main() -> int:
    parser = argparse.ArgumentParser(description="Inject faults into batches, and count what held.")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of the name of a fault")
    parser.add_argument("--engine", choices=list(ENGINES))
    parser.add_argument("--fresh", action="store_true", help="forget the counts of before")
    chosen = parser.parse_args()
    sys.path.insert(0, str(HERE.parent / "tests"))
    from faults import FAULTS, attempt

    if chosen.fresh:
        RESULTS.unlink(missing_ok=True)
    broken = 0
    for seed in range(chosen.seed, chosen.seed + chosen.repeats):
        for name, fault in FAULTS.items():
            for engine in fault.engines:
                if chosen.only in name and chosen.engine in (None, engine) and fault.is_possible:
                    began = time.monotonic()
                    with tempfile.TemporaryDirectory() as place:
                        problem = attempt(name, engine, seed, Path(place))
                    broken += bool(problem)
                    seconds = f"{time.monotonic() - began:.0f} s"
                    print(problem or f"held: {name}, {engine}, seed {seed}, {seconds}", flush=True)
                    write(counted(name, engine, held=not problem))
    return 1 if broken else 0


def counted(name: str, engine: str, *, held: bool) -> Counts:
    """Add one attempt to the counts: how often all held, and how often it was tried."""
    counts: Counts = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
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
