"""Other ways to edit many photos, for bench_batch: in this process, as programs, as scripts with a pool of their own.

``python -m benchmarks.batch_peers plain RECIPE PHOTOS OUT`` and ``... pillow MARK PHOTOS OUT`` are such scripts. They
import what they need and no more, since their start counts.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

QUALITY = 90
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def opencv(photos: Path, out: Path) -> None:
    import cv2

    def shrink(photo: Path) -> None:
        image = cv2.resize(cv2.imread(str(photo)), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(out / photo.name), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(shrink, photos.iterdir()))


def opencv_reduced(photos: Path, out: Path) -> None:
    import cv2

    def shrink(photo: Path) -> None:
        image = cv2.imread(str(photo), cv2.IMREAD_REDUCED_COLOR_4)
        cv2.imwrite(str(out / photo.name), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(shrink, photos.iterdir()))


def vipsthumbnail(processes: int) -> Callable[[Path, Path], None]:
    def run(photos: Path, out: Path) -> None:
        names = sorted(map(str, photos.iterdir()))
        _through_xargs(names, processes, ["vipsthumbnail", "--size", "1000x", "-o", f"{out}/%s.jpg[Q={QUALITY}]"])

    return run


def imagemagick(mark: Path) -> Callable[[Path, Path], None]:
    """ImageMagick 6, whose program Debian calls convert-im6.q16 beside its links; one thread in each process."""
    program = shutil.which("convert-im6.q16") or shutil.which("convert")

    def run(photos: Path, out: Path) -> None:
        steps = f"""{program} -define jpeg:size=2000x1500 "$1" -resize 1000x750 -modulate 100,120
            -brightness-contrast 0x10 {mark} -gravity southeast -geometry +20+20 -compose dissolve
            -define compose:args=50 -composite -unsharp 0x1+0.5 -quality 80 "{out}/$(basename "$1" .jpg).webp" """
        command = ["sh", "-c", " ".join(steps.split()), "sh"]
        _through_xargs(sorted(map(str, photos.iterdir())), CORES, command, each=1)

    return run


def _through_xargs(names: list[str], processes: int, command: list[str], each: int = 0) -> None:
    each = each or -(-len(names) // processes)
    surroundings = {**os.environ, "MAGICK_THREAD_LIMIT": "1"}
    text = "".join(f"{name}\0" for name in names).encode()
    subprocess.run(
        ["xargs", "-0", f"-P{processes}", f"-n{each}", *command], input=text, check=True, env=surroundings,
        capture_output=True,
    )  # fmt: skip


def plain(recipe: str, photos: Path, out: Path) -> None:
    from imgedit import Recipe

    pairs = [(photo, out / photo.name) for photo in sorted(photos.iterdir())]
    with _pool(one_thread) as pool:
        list(pool.map(partial(plain_edit, Recipe.from_toml(recipe)), pairs))


def one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


def plain_edit(recipe: object, pair: tuple[Path, Path]) -> None:
    recipe.edit(*pair)


def pillow(mark: str, photos: Path, out: Path) -> None:
    with _pool(None) as pool:
        list(pool.map(partial(pillow_edit, mark, out), sorted(photos.iterdir())))


def pillow_edit(mark: str, out: Path, photo: Path) -> None:
    from PIL import Image, ImageEnhance, ImageFilter

    with Image.open(photo) as image, Image.open(mark) as sign:
        image.draft("RGB", (2000, 1500))
        small = image.resize((1000, 750), Image.Resampling.LANCZOS)
        small = ImageEnhance.Contrast(ImageEnhance.Color(small).enhance(1.2)).enhance(1.1)
        small.paste(sign, (780, 690), sign.getchannel("A").point(lambda alpha: alpha // 2))
        small = small.filter(ImageFilter.UnsharpMask(1, 50, 0))
        small.save(out / f"{photo.stem}.webp", quality=80)


def _pool(initializer: Callable[[], None] | None) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn"), initializer)


if __name__ == "__main__":
    {"plain": plain, "pillow": pillow}[sys.argv[1]](sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
