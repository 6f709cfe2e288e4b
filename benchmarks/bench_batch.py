"""Whole runs of ``imgedit batch`` beside other ways to make small files of large photos."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import cv2
import numpy as np

import imgedit as ie
from benchmarks.harness import Row
from imgedit.engines import usable_cores

TITLE = "Batch"
ABOUT = """
JPEGs of 12 megapixels (4000x3000, quality 90, pictures of scikit-image enlarged, each file different) to a quarter of
their size, with chroma at a quarter (4:2:0, as phones and most cameras write) and at full size (4:4:4), whole
processes from start to end, milliseconds a file with as many workers as cores. "opencv" decodes the whole photo and
shrinks it by area, "opencv reduced" lets the decoder make it four times smaller, "vipsthumbnail" is pyvips'
thumbnail, all three in a pool of threads of this process, which libraries that release the interpreter lock fill;
none of them starts processes, waits for the disk, keeps metadata, writes a manifest or notices a damaged file.
"""

FILES = int(os.environ.get("BENCH_BATCH_FILES", "400"))
TURNS = int(os.environ.get("BENCH_BATCH_TURNS", "3"))
KINDS = 20
QUALITY = 90

RECIPES = {
    "4:2:0, resize to a quarter (auto)": ("[[steps]]\nop = 'resize'\nscale = 0.25\n", "420"),
    "4:4:4, resize to a quarter (auto)": ("[[steps]]\nop = 'resize'\nscale = 0.25\n", "444"),
    "4:4:4, resize to a quarter (lanczos3)": ("[[steps]]\nop = 'resize'\nscale = 0.25\nfilter = 'lanczos3'\n", "444"),
}


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for index, (name, (text, subsampling)) in enumerate(RECIPES.items()):
            photos = make_photos(folder / f"photos-{subsampling}", subsampling)
            recipe = folder / f"{index}.toml"
            recipe.write_text(text)
            peers = PEERS if index < 2 else {}
            took = in_turns(
                {"imgedit": lambda out, r=recipe, p=photos: imgedit_batch(r, p, out), **peers}, photos, folder
            )
            ours = took["imgedit"] * 1e3
            yield Row(
                f"{FILES} JPEGs of 12 MP, {name}, a file",
                took,
                target="at most 20 ms a file" if index < 2 else "",
                holds=ours <= 20 if index < 2 else None,
            )


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


def in_turns(jobs: dict[str, Callable], photos: Path, folder: Path) -> dict[str, float]:
    """Run each job on a fresh output in every turn; seconds a file, medians."""
    took: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(TURNS):
        for name, job in jobs.items():
            out = folder / "out"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            began = time.perf_counter()
            job(out) if name == "imgedit" else job(photos, out)
            took[name].append((time.perf_counter() - began) / FILES)
            assert len(list(out.glob("*.jpg"))) == FILES
    return {name: median(times) for name, times in took.items()}


def imgedit_batch(recipe: Path, photos: Path, out: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "imgedit", "batch", recipe, photos, "-o", out], check=True, capture_output=True
    )


def opencv(photos: Path, out: Path) -> None:
    def shrink(photo: Path) -> None:
        image = cv2.resize(cv2.imread(str(photo)), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(out / photo.name), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])

    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(shrink, photos.iterdir()))


def opencv_reduced(photos: Path, out: Path) -> None:
    def shrink(photo: Path) -> None:
        image = cv2.imread(str(photo), cv2.IMREAD_REDUCED_COLOR_4)
        cv2.imwrite(str(out / photo.name), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])

    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(shrink, photos.iterdir()))


def vips(photos: Path, out: Path) -> None:
    import pyvips

    def shrink(photo: Path) -> None:
        pyvips.Image.thumbnail(str(photo), 1000).jpegsave(str(out / photo.name), Q=QUALITY)

    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(shrink, photos.iterdir()))


PEERS = {"opencv": opencv, "opencv reduced": opencv_reduced, "vipsthumbnail": vips}
