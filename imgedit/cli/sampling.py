"""The commands of nets that make pictures: many pictures of one call, so no verb of one image."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter as Option

from imgedit.cli.console import bar
from imgedit.errors import ArgumentError, WriteError

if TYPE_CHECKING:
    from imgedit.models.session import Model

__all__ = ["SAMPLING"]

Folder = Annotated[Path, Option(alias="-o")]
OneFile = Annotated[Path, Option(alias="-o")]

# Pictures at a time: what bounds the memory, and what is lost when a run is stopped.
CHUNK = 64


def sample(
    model: str,
    /,
    *,
    output: Folder,
    seeds: str = "0-15",
    count: int | None = None,
    label: str | None = None,
    truncation: float = 1.0,
    grid: Path | None = None,
    columns: int | None = None,
    device: str = "auto",
) -> None:
    """Make pictures with a net, one a seed, as OUTPUT/00000007.png, and OUTPUT/labels.csv.

    Pictures that are there already are left out, so that a stopped run goes on; labels.csv says how they were made.

    Parameters
    ----------
    model : str
        A model's name, or the path of an ONNX file.
    output : Path
        Folder, made where it is missing.
    seeds : str
        Numbers and ranges: 0-63,100,200-210.
    count : int
        So many pictures, from the first seed on, instead of a list of seeds.
    label : str
        Class, by name or index; by default each seed draws its own.
    truncation : float
        Below 1 the pictures are more typical and less varied.
    grid : Path
        Also write a contact sheet of all of them to this file.
    columns : int
        Pictures in a row of the sheet.
    device : str
        auto, cpu, cuda, cuda:1, tensorrt, directml or coreml.
    """
    import imgedit as ie
    from imgedit.sampling import draw_labels

    numbers = parse_seeds(seeds)
    if count is not None:
        numbers = list(range(numbers[0], numbers[0] + count))
    net = ie.models.load(model, device=device)
    labels = draw_labels(net, numbers, _label(label))
    _folder(output)
    _write_labels(output, _rows(net, numbers, labels, truncation))
    missing = [place for place, seed in enumerate(numbers) if not _name(output, seed).is_file()]
    with bar("sample", len(numbers)) as report:
        for places in _chunks(missing):
            made = ie.sample(
                net,
                seeds=[numbers[place] for place in places],
                label=[labels[place] for place in places] if labels else None,
                truncation=truncation,
            )
            for place, picture in zip(places, made, strict=True):
                ie.write(_name(output, numbers[place]), picture)
            report((len(numbers) - len(missing) + places[-1] + 1) / len(numbers))
    if grid is not None:
        ie.write(grid, ie.grid([ie.read(_name(output, seed)) for seed in numbers], columns=columns))


def interpolate(
    model: str,
    /,
    *,
    output: Folder,
    seeds: str,
    frames: int = 24,
    how: str = "slerp",
    label: str | None = None,
    truncation: float = 1.0,
    device: str = "auto",
) -> None:
    """Make pictures on the way from seed to seed, as OUTPUT/0000.png and so on.

    Parameters
    ----------
    model : str
        A model's name, or the path of an ONNX file.
    output : Path
        Folder, made where it is missing.
    seeds : str
        Numbers and ranges, at least two seeds: 3,8,3.
    frames : int
        Number of pictures.
    how : str
        slerp or lerp.
    label : str
        Class, by name or index; by default that of the first seed.
    truncation : float
        Below 1 the pictures are more typical and less varied.
    device : str
        auto, cpu, cuda, cuda:1, tensorrt, directml or coreml.
    """
    import imgedit as ie

    _refuse_picture(output)
    with bar("interpolate") as report:
        made = ie.interpolate(
            model,
            parse_seeds(seeds),
            frames=frames,
            how=how,
            label=_label(label),
            truncation=truncation,
            device=device,
            progress=report,
        )
    _write_all(output, made)


def encode(model: str, images: list[str], /, *, output: OneFile, device: str = "auto") -> None:
    """Write the latents of pictures to a file.

    Parameters
    ----------
    model : str
        An encoder, or a decoder whose manifest names its encoder.
    images : list of str
        Pictures of the net's size.
    output : Path
        A file .npz.
    device : str
        auto, cpu, cuda, cuda:1, tensorrt, directml or coreml.
    """
    import imgedit as ie

    if _is_picture(model):
        raise ArgumentError("model", f"is {model!r}, a picture", "the net comes first: imgedit encode MODEL IMAGES")
    _check_latents(output)
    ie.write_latents(output, ie.encode([ie.read(image) for image in images], model, device=device), model)


def decode(model: str, latents: Path, /, *, output: Folder, label: str | None = None, device: str = "auto") -> None:
    """Make the pictures of a file of latents, as OUTPUT/0000.png and so on.

    Parameters
    ----------
    model : str
        The net that they belong to.
    latents : Path
        A file .npz that encode or project wrote.
    output : Path
        Folder, made where it is missing.
    label : str
        Class, for a net with labels.
    device : str
        auto, cpu, cuda, cuda:1, tensorrt, directml or coreml.
    """
    import imgedit as ie

    _refuse_picture(output)
    net = ie.models.load(model, device=device)
    with bar("decode") as report:
        made = ie.decode(ie.read_latents(latents, net), net, label=_label(label), progress=report)
    _write_all(output, made)


def project(
    image: str, model: str, /, *, output: OneFile, label: str | None = None, seed: int = 0, device: str = "auto"
) -> None:
    """Find the latent whose picture is nearest to an image, and write it to a file.

    Parameters
    ----------
    image : str
        A picture of the net's size.
    model : str
        A net that makes pictures.
    output : Path
        A file .npz.
    label : str
        Class, for a net with labels.
    seed : int
        Of the first draws.
    device : str
        auto, cpu, cuda, cuda:1, tensorrt, directml or coreml.
    """
    import imgedit as ie

    if _is_picture(model):
        raise ArgumentError("model", f"is {model!r}, a picture", "the net comes last: imgedit project IMAGE MODEL")
    _check_latents(output)
    with bar("project") as report:
        found = ie.project(ie.read(image), model, label=_label(label), seed=seed, device=device, progress=report)
    ie.write_latents(output, found, model)


def parse_seeds(text: str) -> list[int]:
    """Read seeds as people write them.

    Parameters
    ----------
    text : str
        Numbers and ranges with both ends, parted by commas.

    Returns
    -------
    list of int
        In the order given.

    Examples
    --------
    >>> parse_seeds("0-2,7")
    [0, 1, 2, 7]
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            raise ArgumentError("seeds", f"hold {part.strip()!r}", "write numbers and ranges: 0-63,100")
        found += range(int(first), int(last) + 1) if dash else [int(first)]
    return found


def _label(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.isdecimal() else text


def _chunks(places: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(places), CHUNK):
        yield places[start : start + CHUNK]


def _file(seed: int) -> str:
    return f"{seed:08d}.png"


def _name(folder: Path, seed: int) -> Path:
    return folder / _file(seed)


def _is_picture(name: str | Path) -> bool:
    from imgedit.batch.inputs import SUFFIXES

    return Path(name).suffix.lower() in SUFFIXES


def _check_latents(path: Path) -> None:
    """Refuse a target of another kind before the minutes that a search may take."""
    if path.suffix != ".npz":
        raise ArgumentError("output", f"is {str(path)!r}", "latents go to a file .npz")


def _refuse_picture(folder: Path) -> None:
    """Refuse a target that is no folder by its name, before the pictures are made."""
    if _is_picture(folder):
        raise ArgumentError("output", f"is {str(folder)!r}, but there may be many pictures", "give a folder")


def _folder(path: Path) -> None:
    _refuse_picture(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as problem:
        raise WriteError(path, "is no folder") from problem


def _write_all(folder: Path, pictures: Iterable[Any]) -> None:
    import imgedit as ie

    _folder(folder)
    for index, picture in enumerate(pictures):
        ie.write(folder / f"{index:04d}.png", picture)


def _rows(net: Model, seeds: list[int], labels: list[int], truncation: float) -> dict[str, dict[str, str]]:
    """Say how each picture is made: its file -> a line of labels.csv."""
    manifest = net.manifest
    found = {}
    for place, seed in enumerate(seeds):
        row = {"file": _file(seed), "seed": str(seed)}
        if labels:
            row |= {"label": str(labels[place]), "name": manifest.classes[labels[place]] if manifest.classes else ""}
        found[row["file"]] = row | {"model": manifest.name, "sha256": manifest.sha256, "truncation": f"{truncation:g}"}
    return found


def _write_labels(folder: Path, rows: dict[str, dict[str, str]]) -> None:
    """Add lines to labels.csv, for whoever trains on the pictures; refuse one that is there and was made otherwise."""
    table = folder / "labels.csv"
    before: dict[str, dict[str, str]] = {}
    if table.is_file():
        with table.open(newline="", encoding="utf-8") as file:
            before = {row["file"]: row for row in csv.DictReader(file) if "file" in row}
    for name, row in rows.items():
        if (folder / name).is_file() and before.get(name) != row:
            known = before.get(name, {})
            other = next((f"{key} {known[key]}" for key in row if key in known and known[key] != row[key]), "")
            made = f"made with {other}" if other else "and no labels.csv says how it was made"
            raise ArgumentError("output", f"holds {name}, {made}", "give another folder")
    kept = {name: row for name, row in before.items() if (folder / name).is_file()}
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(next(iter(rows.values()))), extrasaction="ignore")
        writer.writeheader()
        writer.writerows((kept | rows).values())


SAMPLING: dict[str, Callable[..., Any]] = {
    "sample": sample,
    "interpolate": interpolate,
    "encode": encode,
    "decode": decode,
    "project": project,
}
