"""The commands that are no verbs: what a file holds, recipes over many files, models, devices, training."""

from __future__ import annotations

import logging
import re
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter as Option

from imgedit.cli.console import BatchBar, bar, print_failures, print_summary, show
from imgedit.cli.doctor import doctor
from imgedit.cli.models import MODELS
from imgedit.cli.recipe import RECIPES
from imgedit.cli.sampling import SAMPLING
from imgedit.cli.training import TRAININGS
from imgedit.engines import ENGINES
from imgedit.errors import ArgumentError

if TYPE_CHECKING:
    from imgedit.batch import Report

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
    inputs: list[str] | None = None,
    /,
    *,
    output: Annotated[str, Option(alias="-o", allow_leading_hyphen=True)],
    engine: Literal[tuple(ENGINES)] = "local",  # type: ignore[valid-type]
    workers: int | None = None,
    per_worker: int | None = None,
    timeout: float | None = None,
    memory: str | None = None,
    address: str | None = None,
    values: Annotated[list[str] | None, Option(name="--set", negative=())] = None,
    files_from: Annotated[str | None, Option(allow_leading_hyphen=True)] = None,
    state: Path | None = None,
    force: Annotated[bool, Option(negative=())] = False,
    retry_failed: Annotated[bool, Option(negative=())] = False,
    compare: Literal["time", "content"] = "time",
    dry_run: Annotated[bool, Option(negative=())] = False,
    watch: Annotated[bool, Option(negative=())] = False,
    settle: float | None = None,
    as_json: Json = False,
) -> int:
    """Do a recipe on many files.

    A file that fails is reported, and the others go on. A second run leaves out what is done already and has not
    changed; what failed stands as failed. OUT/.imgedit/report.html shows what became of each file, report.jsonl beside
    it says the same to programs.

    Parameters
    ----------
    recipe : Path
        The recipe, a TOML file.
    inputs : list of str
        Files, folders that are searched for images, quoted patterns, @LIST files, zip and tar archives, URLs. The tree
        below a folder is kept in the output.
    output : str
        Folder for the results, made where it is missing, or URL of a store.
    engine : str
        Where the work is done: in processes of this machine (local), in one, file after file (serial), or by a Dask
        cluster (dask).
    workers : int
        Number of processes; by default as many as there are cores, or GPUs for networks, or as the cluster has.
    per_worker : int
        Photos that each process has in hand at a time; by default 1, and 4 where each has a GPU, through whose networks
        the tiles of all go together.
    timeout : float
        Seconds that one file may take; no limit by default.
    memory : str
        What one process may take, such as 4GB (Linux); by default they share nine tenths of the machine's memory.
    address : str
        Scheduler of the cluster that engine dask uses, such as tls://host:8786; by default it starts one here.
    values : list of str
        A value for a variable of the recipe, NAME=VALUE; may be given several times.
    files_from : str
        A file that lists inputs, one a line; - for standard input.
    state : Path
        Folder of this machine for the record of the runs, OUT/.imgedit by default; a URL has one of its own here.
    force : bool
        Do all files again.
    retry_failed : bool
        Do those files again on which an earlier run failed.
    compare : str
        How a changed file is told: by size and time of change, content only where these differ (time), or by content
        always, which reads all files (content).
    dry_run : bool
        Only print what would be written, and what stands already.
    watch : bool
        Go on, and do what arrives in the folders once it is whole, until Ctrl-C.
    settle : float
        With --watch: seconds for which a file must not change to count as whole; 2 by default.
    as_json : bool
        Print the summary as JSON, with --watch one line for each round.
    """
    from imgedit import batch as runner
    from imgedit.recipes.variables import assigned

    if not recipe.is_file():
        raise ArgumentError("recipe", f"is {str(recipe)!r}, which is no file", "give the path of a TOML file")
    inputs = [*(inputs or []), *([f"@{files_from}"] if files_from is not None else [])]
    if not inputs:
        raise ArgumentError("inputs", "are missing", "name files or folders, or give --files-from")
    which: dict[str, Any] = {"resume": not force, "retry_failed": retry_failed, "state": state, "compare": compare}
    which["variables"] = assigned(values or [])
    if dry_run:
        return _foretell(runner.preview(recipe, inputs, output, **which), as_json=as_json)
    if settle is not None and not watch:
        raise ArgumentError("settle", f"is {settle}, but nothing is watched", "add --watch")
    limits = {"timeout": timeout, "memory": None if memory is None else _bytes(memory), "address": address}
    which |= {"engine": engine, "workers": workers, "per_worker": per_worker, **limits}
    _settle_down()
    shown, failed = BatchBar(), 0
    if watch:
        reports = runner.watch(recipe, inputs, output, tally=shown, settle=2.0 if settle is None else settle, **which)
    else:
        reports = (runner.run(recipe, inputs, output, tally=shown, **which) for _ in range(1))
    while (report := shown.next(reports)) is not None:
        failed = report.count("failed")
        if as_json:
            _print_json(report, in_one_line=watch)
        else:
            print_failures(report)
            print_summary(report, shown.last)
    return 3 if failed else 0


def verify(output: str, /, *, state: Path | None = None, as_json: Json = False) -> int:
    """Tell which results of imgedit batch are missing or were changed since they were written.

    Parameters
    ----------
    output : str
        The folder or URL that the batch wrote to.
    state : Path
        Folder of this machine for the record of the runs, if they had one of their own.
    as_json : bool
        Print a line of JSON for each result that does not stand, and the counts.
    """
    import json
    from collections import Counter

    from imgedit import batch as runner

    counts: Counter[str] = Counter()
    with bar("verifying") as progress:
        for found in runner.verify(output, state=state, progress=progress):
            counts[found.state] += 1
            if found.state != "whole":
                line = json.dumps(found._asdict()) if as_json else f"{found.state}: {found.output} (of {found.input})"
                print(line.encode(errors="backslashreplace").decode())
    told = {name: counts[name] for name in ("whole", "missing", "changed", "unreadable")}
    print(json.dumps(told) if as_json else ", ".join(f"{n} {name}" for name, n in told.items() if n or name == "whole"))
    return 3 if counts.total() > counts["whole"] else 0


# Units of memory as Docker and Dask take them: powers of 1,000, and of 1,024 with an i.
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def _bytes(text: str) -> int:
    """Read an amount of memory."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmg]?i?)b?", text.strip().lower())
    if found is None or found[2] not in UNITS:
        raise ArgumentError("memory", f"is {text!r}", "write it like 4GB or 512MiB")
    return int(float(found[1]) * UNITS[found[2]])


def _settle_down() -> None:
    """Let a run end well where the system asks it to, and keep Dask's own messages out of it: its errors are ours."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)


def _print_json(report: Report, *, in_one_line: bool) -> None:
    import json

    counts = {state: report.count(state) for state in ("done", "skipped", "failed")}
    failures = [{"input": row.input, "error": row.error, "problem": row.problem} for row in report.failures]
    places = {"report": str(report.file), "page": str(report.page)}
    told = {**counts, "seconds": report.seconds, **places, "failures": failures}
    if in_one_line:
        print(json.dumps(told), flush=True)
    else:
        show(told, as_json=True)


def _foretell(jobs: Any, *, as_json: bool) -> int:
    """Print the plan of a run, file by file: it may be long."""
    import json

    from imgedit.batch.places import exists

    for job, state in jobs:
        missing = [path for path in job.beside if not exists(path)]
        if as_json:
            told = {"input": job.source, "output": job.name, "outputs": list(job.names), "state": state}
            print(json.dumps(told | ({"missing": missing} if missing else {})))
        else:
            lacking = f" (missing: {', '.join(missing)})" if missing else ""
            line = f"{state}: {job.source} -> {', '.join(job.names)}{lacking}"
            print(line.encode(errors="backslashreplace").decode())
    return 0


COMMANDS: dict[str, Callable[..., Any]] = {"batch": batch, "doctor": doctor, "info": info, "verify": verify, **SAMPLING}

# Commands that have commands of their own: name -> help, commands.
FAMILIES: dict[str, tuple[str, dict[str, Callable[..., Any]]]] = {
    "models": ("List, fetch, add, show and check models.", MODELS),
    "recipe": ("Check recipes, do them on one file, and describe them to editors.", RECIPES),
    "train": ("Train networks on your own pictures.", TRAININGS),
}
