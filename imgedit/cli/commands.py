"""The commands that are no verbs: what a file holds, recipes over many files, models, devices, training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter as Option

from imgedit.cli.console import bar, show
from imgedit.cli.doctor import doctor
from imgedit.cli.models import MODELS
from imgedit.cli.recipe import RECIPES
from imgedit.cli.sampling import SAMPLING
from imgedit.cli.training import TRAININGS
from imgedit.engines import ENGINES
from imgedit.errors import ArgumentError

__all__ = ["COMMANDS"]

Json = Annotated[bool, Option(name="--json", negative=())]
File = Annotated[Path, Option(allow_leading_hyphen=True)]


def info(image: File, /, *, as_json: Json = False) -> None:
    """Tell what an image file holds, from its header.

    Parameters
    ----------
    image : Path
        The file; - for standard input.
    as_json : bool
        Print JSON.
    """
    from imgedit import io

    found = asdict(io.info(image))
    if not as_json:
        height, width = found["size"]
        found["size"] = f"{height} x {width} (height x width)"
    show(found, as_json=as_json)


def batch(
    recipe: Path,
    inputs: list[Path],
    /,
    *,
    output: Annotated[Path, Option(alias="-o")],
    engine: Literal[tuple(ENGINES)] = "local",  # type: ignore[valid-type]
    workers: int | None = None,
    timeout: float | None = None,
    force: Annotated[bool, Option(negative=())] = False,
    retry_failed: Annotated[bool, Option(negative=())] = False,
    dry_run: Annotated[bool, Option(negative=())] = False,
    as_json: Json = False,
) -> int:
    """Do a recipe on many files.

    A file that fails is reported, and the others go on. A second run leaves out what is done already and has not
    changed; what failed stands as failed. OUT/.imgedit/report.jsonl says what became of each file.

    Parameters
    ----------
    recipe : Path
        The recipe, a TOML file.
    inputs : list of Path
        Files, and folders that are searched for images; the tree below a folder is kept in the output.
    output : Path
        Folder for the results, made where it is missing.
    engine : str
        Where the work is done: in processes of this machine, or in this one, file after file.
    workers : int
        Number of processes; as many as there are cores by default.
    timeout : float
        Seconds that one file may take; no limit by default.
    force : bool
        Do all files again.
    retry_failed : bool
        Do those files again on which an earlier run failed.
    dry_run : bool
        Only print what would be written, and what stands already.
    as_json : bool
        Print the summary as JSON.
    """
    from imgedit import batch as runner

    if not recipe.is_file():
        raise ArgumentError("recipe", f"is {str(recipe)!r}, which is no file", "give the path of a TOML file")
    which = {"resume": not force, "retry_failed": retry_failed}
    if dry_run:
        return _foretell(runner.preview(recipe, inputs, output, **which), as_json=as_json)
    with bar("batch") as progress:
        report = runner.run(
            recipe, inputs, output, engine=engine, workers=workers, timeout=timeout, progress=progress, **which
        )
    counts = {state: report.count(state) for state in ("done", "skipped", "failed")}
    if as_json:
        failures = [{"input": row.input, "error": row.error, "problem": row.problem} for row in report.failures]
        show({**counts, "seconds": report.seconds, "report": str(report.file), "failures": failures}, as_json=True)
    else:
        _summarize(report, counts)
    return 3 if report.failures else 0


def _foretell(jobs: Any, *, as_json: bool) -> int:
    """Print the plan of a run, file by file: it may be long."""
    import json

    for job, state in jobs:
        if as_json:
            print(json.dumps({"input": job.source, "output": job.name, "state": state}))
        else:
            print(f"{state}: {job.source} -> {job.name}".encode(errors="backslashreplace").decode())
    return 0


def _summarize(report: Any, counts: dict[str, int]) -> None:
    import sys

    for row in report.failures:
        problem = row.problem if row.input in row.problem else f"{row.input}: {row.problem}"
        print(f"imgedit: {problem}".encode(errors="backslashreplace").decode(), file=sys.stderr)
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count or state == "done")
    standing = f" ({report.standing} by an earlier run; --retry-failed does them again)" if report.standing else ""
    print(f"{told}{standing} in {report.seconds:.1f} s")


COMMANDS: dict[str, Callable[..., Any]] = {"batch": batch, "doctor": doctor, "info": info, **SAMPLING}

# Commands that have commands of their own: name -> help, commands.
FAMILIES: dict[str, tuple[str, dict[str, Callable[..., Any]]]] = {
    "models": ("List, fetch, add, show and check models.", MODELS),
    "recipe": ("Check recipes, and describe them to editors.", RECIPES),
    "train": ("Train networks on your own pictures.", TRAININGS),
}
