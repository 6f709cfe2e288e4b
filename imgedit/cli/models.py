"""The commands about models: what there is, fetch one of the registry, add a foreign one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter as Option

from imgedit.cli.console import bar, show

if TYPE_CHECKING:
    from imgedit.models import Manifest, Probe

__all__ = ["MODELS", "WHOLE", "state_of"]

Json = Annotated[bool, Option(name="--json", negative=())]
Flag = Annotated[bool, Option(negative=())]
File = Annotated[Path, Option(allow_leading_hyphen=True)]
# The tasks of imgedit.models.manifest, which is slow to import; a test holds them equal.
TaskName = Literal["superres", "style", "gan", "vae", "inpaint", "restore", "matte", "features"]

WHOLE = "whole"
USES = {True: "any use", False: "no commercial use", None: "use unknown"}


def list_models(*, task: TaskName | None = None, ready: Flag = False, as_json: Json = False) -> None:
    """List the models that can be named: those on this machine, and those that can be fetched.

    Parameters
    ----------
    task : str
        Only those for this task.
    ready : bool
        Only those on this machine.
    as_json : bool
        Print JSON.
    """
    from imgedit import models
    from imgedit.models.store import held

    found = [models.info(name) for name in models.names(task, ready=ready)]
    here = {model.name: held(model) is not None for model in found}
    if as_json:
        show({model.name: model.model_dump(mode="json") | {"ready": here[model.name]} for model in found}, as_json=True)
        return
    width = max((len(model.name) for model in found), default=0)
    for heading, shown in (
        ("here:", [model for model in found if here[model.name]]),
        ("to be had with imgedit models fetch NAME:", [model for model in found if not here[model.name]]),
    ):
        if shown:
            print(heading)
        for model in shown:
            use = f"{model.license} ({USES[model.commercial_use]})"
            print(f"  {model.name:{width}}  {model.task:8}  {_bytes(model.size):>5}  {use:34}  {model.note}".rstrip())


def _plain(value: Any) -> Any:
    return (
        ", ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
        if isinstance(value, list)
        else value
    )


def _bytes(size: int | None) -> str:
    if size is None:
        return "?"
    return f"{size / 1e6:.0f}MB" if size >= 1e6 else f"{size / 1e3:.0f}kB"


def show_model(name: str, /, *, as_json: Json = False) -> None:
    """Tell what is known of a model: its task, range, scale, licence, source and hash.

    Parameters
    ----------
    name : str
        A model's name, or the path of an ONNX file; one without a manifest is tried out.
    as_json : bool
        Print JSON.
    """
    from imgedit import models
    from imgedit.models.store import held

    manifest = models.info(name)
    path = held(manifest)
    facts = manifest.model_dump(mode="json") | {"path": None if path is None else str(path)}
    if not as_json:
        facts = {field: _plain(value) for field, value in facts.items() if value not in (None, "", [], {}, False)}
        facts |= {"commercial_use": USES[manifest.commercial_use], "path": facts.get("path", "not on this machine")}
    show(facts, as_json=as_json)


def verify_models(names: list[str] | None = None, /, *, as_json: Json = False) -> int:
    """Check that the files of models are those that their manifests name, and load.

    Parameters
    ----------
    names : list of str
        Names or paths; by default all models that are here.
    as_json : bool
        Print JSON.
    """
    from imgedit import models

    found = {name: state_of(name) for name in names or models.names()}
    show(found, as_json=as_json)
    return 0 if all(state == WHOLE for state in found.values()) else 3


def state_of(name: str) -> str:
    """Say whether a model is whole, or what is wrong with it.

    Parameters
    ----------
    name : str
        A model's name.

    Returns
    -------
    str
        "whole", or the problem.
    """
    from imgedit import errors, models

    try:
        models.load(name, device="cpu")
    except errors.ModelError as problem:
        return problem.problem
    return WHOLE


def fetch_model(name: str, /, *, yes: Annotated[bool, Option(alias="-y", negative=())] = False) -> int:
    """Download a model of the registry, after showing its licence and size.

    Parameters
    ----------
    name : str
        A model's name, as the list has it.
    yes : bool
        Do not ask.
    """
    from imgedit import models
    from imgedit.errors import ArgumentError
    from imgedit.models.fetching import downloader
    from imgedit.models.store import whole

    manifest = models.info(name)
    path = whole(manifest)
    if path is None:
        downloader()  # before anybody reads a licence in vain
        _tell(manifest)
        if not yes and not sys.stdin.isatty():
            raise ArgumentError("--yes", "is not given, and nobody can be asked", "give it if you accept the licence")
        if not yes and input("Fetch it? [y/N] ").strip().lower() not in ("y", "yes"):
            print("imgedit: nothing was fetched", file=sys.stderr)
            return 4
    with bar(f"fetch {name}") as progress:
        path = models.fetch(name, progress=progress)
    print(path)
    return 0


def _tell(manifest: Manifest) -> None:
    facts = {
        "model": f"{manifest.name}: {manifest.note}",
        "source": manifest.source,
        "licence": f"{manifest.license} ({USES[manifest.commercial_use]})",
        "size": _bytes(manifest.size),
        "from": manifest.url or "-",
    }
    for name, value in facts.items():
        print(f"{name:8}{value}", file=sys.stderr)


def add_model(
    path: File,
    /,
    *,
    name: str | None = None,
    task: TaskName | None = None,
    family: str | None = None,
    scale: int | None = None,
    range: tuple[float, float] | None = None,
    output_range: tuple[float, float] | None = None,
    layout: Literal["nchw", "nhwc"] | None = None,
    overlap: int | None = None,
    multiple_of: int | None = None,
    tiling: Literal["safe", "avoid", "never"] | None = None,
    license: str | None = None,
    source: str | None = None,
    note: str | None = None,
    picture: Path | None = None,
    seconds: float = 120.0,
    dry_run: Flag = False,
    as_json: Json = False,
) -> None:
    """Try out an ONNX file, show what it is, and keep a copy under a name that works like any other model's.

    Parameters
    ----------
    path : Path
        The ONNX file.
    name : str
        Its name from now on; by default that of the file.
    task : str
        What it is for, if the trial does not find it.
    family : str
        How its verb runs it.
    scale : int
        Output pixels per input pixel and axis.
    range : tuple of float
        What black and white are for the net.
    output_range : tuple of float
        The same for what it gives, where that differs.
    layout : str
        Order of the axes.
    overlap : int
        Pixels beyond a tile that its result depends on.
    multiple_of : int
        Height and width must be multiples of this.
    tiling : str
        Whether a picture may be cut into tiles.
    license : str
        Its licence, for the list.
    source : str
        Where it comes from, for the list.
    note : str
        One line for the list.
    picture : Path
        File for a picture as the net takes it beside what it gave; by default probe.png beside the copy.
    seconds : float
        Time for the trial.
    dry_run : bool
        Show what it is and keep nothing.
    as_json : bool
        Print the manifest as JSON.
    """
    from imgedit import models
    from imgedit.models.adding import keep

    given: dict[str, Any] = {
        "task": task, "family": family, "scale": scale, "range": range, "output_range": output_range,
        "layout": layout, "overlap": overlap, "multiple_of": multiple_of, "tiling": tiling,
        "license": license, "source": source, "note": note,
    }  # fmt: skip
    found = models.probe(path, seconds=seconds, **{field: value for field, value in given.items() if value is not None})
    manifest = found.manifest if dry_run else keep(found, name=name)
    target = picture if picture is not None or dry_run else manifest.folder / "probe.png"
    if target is not None and not _draw(found, target):
        target = None
    if as_json:
        show(manifest.model_dump(mode="json") | {"picture": None if target is None else str(target)}, as_json=True)
        return
    _report(found)
    kept = "nothing was kept" if dry_run else f"{manifest.name} is kept in {manifest.folder}"
    print(kept if target is None else f"{kept}; look at {target}")


def _draw(found: Probe, target: Path) -> bool:
    """Write what the net took beside what it gave; false where that is no picture."""
    import numpy as np

    from imgedit import io
    from imgedit.geometry import resize

    if found.given is None or found.got is None:
        return False
    height = found.got.shape[0]
    given = found.given
    if given.shape[0] != height:
        given = resize(given, (height, round(given.shape[1] * height / given.shape[0])), filter="nearest")
    gap = np.full((height, 8, 3), 255, np.uint8)
    io.write(target, np.ascontiguousarray(np.hstack([given, gap, found.got])))
    return True


def _report(found: Probe) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("field", "value", "how it is known")
    for finding in found.findings:
        table.add_row(finding.field, finding.value, finding.reason)
    Console().print(table)


MODELS: dict[str, Any] = {
    "add": add_model,
    "fetch": fetch_model,
    "info": show_model,
    "list": list_models,
    "verify": verify_models,
}
