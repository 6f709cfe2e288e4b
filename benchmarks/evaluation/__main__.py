"""The command: see the package."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import imgedit as ie
from benchmarks.evaluation import generators, inpainting, page, restoring, styles, superres
from benchmarks.evaluation.data import Row, Subject
from imgedit import models

# What the page tells of a manifest.
FACTS = {
    "task", "family", "parameters", "size", "license", "range", "output_range", "layout", "scale", "fixed_size",
    "multiple_of", "overlap", "tiling", "half",
}  # fmt: skip

BY_TASK: dict[str, Callable[[Subject], Row]] = {
    "superres": superres.evaluate,
    "style": styles.evaluate,
    "gan": generators.evaluate,
    "vae": generators.evaluate,
    "inpaint": inpainting.evaluate,
    "restore": restoring.evaluate,
}

# Files that no verb can run: what is no model, and a classifier.
TO_BE_REFUSED = ("LFS_POINTER", "NOT_A_MODEL", "mnist")


def main() -> int:
    parser = argparse.ArgumentParser(description="Run every model through its verb.")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", help="only models whose name holds this")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = []
    for row in rows(arguments.data, arguments.only or ""):
        print(f"{'ok ' if row.good else 'BAD'} {row.name:36s} {row.facts['seconds']:6.1f} s  {row.verdict}", flush=True)
        found.append(row)
        page.write(found, arguments.out)
    return 0 if all(row.good for row in found) else 1


def rows(data: Path, only: str) -> Iterator[Row]:
    """Evaluate the shipped nets, then the files of the folder."""
    shipped = [(name, name) for name in models.names()]
    wild = [(path.stem, str(path)) for path in sorted((data / "onnx").glob("*.onnx"))]
    for name, model in [*shipped, *wild]:
        if only not in name:
            continue
        start = time.perf_counter()
        row = evaluated(name, model, data)
        row.name = name
        row.facts["seconds"] = round(time.perf_counter() - start, 1)
        yield row


def evaluated(name: str, model: str, data: Path) -> Row:
    """Evaluate one model by its task."""
    refused = name.startswith(TO_BE_REFUSED)
    try:
        manifest = models.find(model)
        if manifest.task not in BY_TASK:
            return Row("-", f"task {manifest.task}: used by others, no figure of its own")
        row = BY_TASK[manifest.task](Subject(manifest, model, data))
    except ie.errors.ImgeditError as problem:
        return Row("-", f"refused: {type(problem).__name__}: {problem}", good=refused)
    row.good = row.good and not refused
    row.facts = manifest.model_dump(mode="json", exclude_defaults=True, include=FACTS)
    return row


if __name__ == "__main__":
    sys.exit(main())
