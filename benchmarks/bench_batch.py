"""Whole runs of ``imgedit batch`` beside other ways to edit many photos."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import cv2
import numpy as np

import imgedit as ie
from benchmarks import batch_peers
from benchmarks.harness import Row

TITLE = "Batch"
ABOUT = """
JPEGs of 12 megapixels (4000x3000, quality 90, pictures of scikit-image enlarged, each file different), whole processes
from start to end, milliseconds a file with as many workers as cores. To a quarter of their size, with chroma at a
quarter (4:2:0, as phones and most cameras write) and at full size (4:4:4): "opencv" decodes the whole photo and shrinks
it by area, "opencv reduced" lets the decoder make it four times smaller, both in a pool of threads of the measuring
process; none of them starts processes, waits for the disk, keeps metadata, writes a manifest and a report or notices a
damaged file. "vipsthumbnail" is libvips' program, one process or (P2) as many as cores through xargs. "plain pool" is a
script that calls `Recipe.edit` from a pool of spawned processes of the standard library. Five steps are: to 1000 pixels
wide, saturation and contrast, a watermark at half opacity, sharpening, WebP of quality 80; ImageMagick 6 with a size
hint for the decoder through xargs, Pillow with its draft mode in a pool of processes.
"""

FILES = int(os.environ.get("BENCH_BATCH_FILES", "400"))
TURNS = int(os.environ.get("BENCH_BATCH_TURNS", "3"))
ONLY = os.environ.get("BENCH_BATCH_ONLY", "")
KINDS = 20
QUALITY = 90

# Python's byte code is there where a package is installed; a shell that forbids to write it would have it made anew in
# every process.
SURROUNDINGS = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

RESIZE = "[[steps]]\nop = 'resize'\nscale = 0.25\n"
FIVE = """
[[steps]]
op = "resize"
width = 1000
[[steps]]
op = "adjust"
saturation = 0.2
contrast = 0.1
[[steps]]
op = "blend"
source = "mark.png"
opacity = 0.5
offset = [780, 690]
[[steps]]
op = "sharpen"
radius = 1.0
amount = 0.5
[output]
format = "webp"
quality = 80
"""

Jobs = dict[str, Callable[[Path, Path], None]]


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(os.environ.get("BENCH_BATCH_FOLDER", scratch))
        ie.write(folder / "mark.png", watermark())
        for row in (quarter, forty, overhead, five_steps):
            if ONLY in row.__name__:
                yield from row(folder)


def quarter(folder: Path) -> Iterator[Row]:
    peers = {"opencv": batch_peers.opencv, "opencv reduced": batch_peers.opencv_reduced}
    for sampling in ("4:2:0", "4:4:4"):
        photos = make_photos(folder / f"photos-{sampling.replace(':', '')}", sampling.replace(":", ""))
        took = in_turns({"imgedit": imgedit_batch(folder, RESIZE), **peers}, photos, folder)
        row = Row(f"{FILES} JPEGs of 12 MP, {sampling}, resize to a quarter, a file", took, target="")
        yield held(row, "opencv reduced", 1 / 1.3)
    lanczos = imgedit_batch(folder, RESIZE + "filter = 'lanczos3'\n")
    took = in_turns({"imgedit": lanczos}, photos, folder)
    yield Row(f"{FILES} JPEGs of 12 MP, 4:4:4, resize to a quarter (lanczos3), a file", took)


def forty(folder: Path) -> Iterator[Row]:
    photos = some_photos(folder, 40)
    peers = {f"vipsthumbnail{name}": batch_peers.vipsthumbnail(count) for name, count in (("", 1), (" P2", 2))}
    took = in_turns({"imgedit": imgedit_batch(folder, RESIZE), **peers}, photos, folder)
    yield held(Row("40 JPEGs of 12 MP, 4:2:0, resize to a quarter, a file", took), "vipsthumbnail", 1)


def overhead(folder: Path) -> Iterator[Row]:
    photos = make_photos(folder / "photos-420", "420")
    for engine, least in (("local", 1 / 1.1), ("dask", 1 / 1.2)):
        if find_spec("distributed") is None and engine == "dask":
            continue
        run = imgedit_batch(folder, RESIZE, "--engine", engine)
        took = in_turns({"imgedit": run, "plain pool": plain_pool(folder, RESIZE)}, photos, folder)
        yield held(Row(f"{FILES} JPEGs of 12 MP, to a quarter, engine {engine}, a file", took), "plain pool", least)


def five_steps(folder: Path) -> Iterator[Row]:
    photos, mark = some_photos(folder, min(100, FILES)), folder / "mark.png"
    peers = {"ImageMagick": batch_peers.imagemagick(mark), "Pillow": pillow_pool(mark)}
    took = in_turns({"imgedit": imgedit_batch(folder, FIVE), **peers}, photos, folder)
    row = Row(f"{min(100, FILES)} JPEGs of 12 MP, five steps to WebP, a file", took)
    yield held(held(row, "Pillow", 1), "ImageMagick", 1)


def held(row: Row, peer: str, least: float) -> Row:
    row.target = "; ".join(filter(None, [row.target, f"at least {least:.2f}x of {peer}"]))
    row.holds = row.ratios[peer] >= least and row.holds is not False
    return row


def make_photos(folder: Path, subsampling: str) -> Path:
    """Write KINDS different photos, and link them until there are FILES."""
    if folder.exists():
        return folder
    folder.mkdir()
    pictures = Path(find_spec("skimage").origin).parent / "data"
    names = ["astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png", "ihc.png"]
    rng = np.random.default_rng(0)
    for index in range(min(KINDS, FILES)):
        small = ie.read(pictures / names[index % len(names)])
        large = ie.resize(small, (3000, 4000), fit="cover").astype(np.float32)
        # Enlarging leaves no detail; a sensor's noise brings back what a decoder has to work on.
        noise = rng.normal(0, 4, (1500, 2000, 1)).astype(np.float32)
        large += cv2.resize(noise, (4000, 3000), interpolation=cv2.INTER_CUBIC)[..., None]
        ie.write(
            folder / f"{index:04}.jpg",
            np.clip(large, 0, 255).astype(np.uint8),
            quality=QUALITY,
            subsampling=subsampling,
        )
    for index in range(KINDS, FILES):
        os.link(folder / f"{index % KINDS:04}.jpg", folder / f"{index:04}.jpg")
    return folder


def some_photos(folder: Path, count: int) -> Path:
    """Return a folder that links to the first of the 4:2:0 photos."""
    photos = folder / f"photos-{count}"
    if not photos.exists():
        photos.mkdir()
        for photo in sorted(make_photos(folder / "photos-420", "420").iterdir())[:count]:
            os.link(photo, photos / photo.name)
    return photos


def watermark() -> np.ndarray:
    """A white disc of 200x40 pixels' width that fades out."""
    y, x = np.mgrid[-1:1:40j, -1:1:200j]
    mark = np.full((40, 200, 4), 255, np.uint8)
    mark[..., 3] = np.clip(1 - x**2 - y**2, 0, 1) * 255
    return mark


def in_turns(jobs: Jobs, photos: Path, folder: Path) -> dict[str, float]:
    """Run each job on a fresh output in every turn; seconds a file, medians."""
    count = len(list(photos.iterdir()))
    took: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(TURNS):
        for name, job in jobs.items():
            out = folder / "out"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            began = time.perf_counter()
            job(photos, out)
            took[name].append((time.perf_counter() - began) / count)
            assert len([path for path in out.iterdir() if path.is_file()]) == count, name
    return {name: median(times) for name, times in took.items()}


def imgedit_batch(folder: Path, recipe: str, *options: str) -> Callable[[Path, Path], None]:
    file = folder / "recipe.toml"

    def run(photos: Path, out: Path) -> None:
        file.write_text(recipe)
        start("-m", "imgedit", "batch", file, photos, "-o", out, *options)

    return run


def plain_pool(folder: Path, recipe: str) -> Callable[[Path, Path], None]:
    def run(photos: Path, out: Path) -> None:
        (folder / "recipe.toml").write_text(recipe)
        start("-m", "benchmarks.batch_peers", "plain", folder / "recipe.toml", photos, out)

    return run


def pillow_pool(mark: Path) -> Callable[[Path, Path], None]:
    return lambda photos, out: start("-m", "benchmarks.batch_peers", "pillow", mark, photos, out)


def start(*arguments: object) -> None:
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, *map(str, arguments)], check=True, capture_output=True, env=SURROUNDINGS, cwd=root)
