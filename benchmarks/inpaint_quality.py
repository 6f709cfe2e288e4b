"""How good the fills are: ``python -m benchmarks.inpaint_quality FOLDER --results scores.jsonl``.

Every picture of the folder, and photos and textures that come with scikit-image, under masks made here (text, scratches
of 1 and 5 %, boxes of 10 and 25 %, blobs), filled by every method beside OpenCV's two, scikit-image's biharmonic and,
where it is installed, PyPatchMatch. The work takes an hour or two, so each score is appended to a file as soon as it is
known, and what stands there already is not done again; ``--report`` prints the tables of what is there.

PSNR and SSIM are taken in the hole. They reward blur, so two measures of texture stand beside them:

- PATCHES, in 8-bit levels: the sliced Wasserstein distance (J. Rabin et al., "Wasserstein barycenter and its
  application to texture mixing", SSVM 2011, doi:10.1007/978-3-642-24785-9_37) between the 7x7 patches centred in the
  hole before and after;
- FILTERS, in decades: how far the mean strengths of derivatives in four directions on three scales are apart.

Either is 0 for the same texture, whatever its phase.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import skimage.metrics
import skimage.restoration

import imgedit as ie
from imgedit.inpainting import METHODS

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]

COLUMNS = ("PSNR", "SSIM", "patches", "filters", "seconds")
# Whether more of a column is better.
RISING = (True, True, False, False, False)
OURS_AND_PEERS = {
    "telea": "OpenCV Telea",
    "navier-stokes": "OpenCV NS",
    "biharmonic": "skimage biharmonic",
    "patchmatch": "PyPatchMatch",
    "exemplar": "PyPatchMatch",
}
PATCH = 7
DIRECTIONS = 96
MOST_PATCHES = 4000


def masks(size: tuple[int, int], seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the names and masks of one picture."""
    height, width = size
    rng = np.random.default_rng(seed)
    text = np.zeros(size, np.uint8)
    for y in range(25, height, 60):
        cv2.putText(text, "The quick brown fox jumps over 0123", (5, y), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
    yield "text", text > 0
    for percent in (1, 5):
        scratched = np.zeros(size, np.uint8)
        while scratched.mean() < 2.55 * percent:
            start, end = rng.integers(0, (width, height), (2, 2)).tolist()
            cv2.line(scratched, start, end, 255, int(rng.integers(1, 4)))
        yield f"scratches {percent} %", scratched > 0
    for percent in (10, 25):
        box = np.zeros(size, bool)
        high, wide = (int(side * (percent / 100) ** 0.5) for side in size)
        top, left = (
            int(rng.integers(side // 8, side - part - side // 8)) for side, part in zip(size, (high, wide), strict=True)
        )
        box[top : top + high, left : left + wide] = True
        yield f"box {percent} %", box
    noise = cv2.GaussianBlur(rng.standard_normal(size), (0, 0), min(size) / 50)
    yield "blobs", noise > np.quantile(noise, 0.9)


def pictures(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the folder's pictures, then scikit-image's, in RGB."""
    for file in sorted(file for file in folder.iterdir() if file.suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp")):
        yield file.stem, ie.read(file)
    for name in ("astronaut", "chelsea", "coffee", "brick", "grass", "gravel"):
        image = getattr(skimage.data, name)()
        image = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
        yield name, cv2.resize(image, (480, 320), interpolation=cv2.INTER_AREA)


def fills(chosen: list[str] | None) -> dict[str, Fill]:
    """Collect the methods, ours and the peers'."""

    def ours(name: str) -> Fill:
        return lambda image, mask: ie.inpaint(image, mask, name)

    found: dict[str, Fill] = {name: ours(name) for name in METHODS if name != "learned"}
    found |= {
        "OpenCV Telea": lambda image, mask: cv2.inpaint(image, mask.view(np.uint8), 3, cv2.INPAINT_TELEA),
        "OpenCV NS": lambda image, mask: cv2.inpaint(image, mask.view(np.uint8), 3, cv2.INPAINT_NS),
        "skimage biharmonic": _skimage_biharmonic,
    }
    try:
        from patchmatch import patch_match
    except ImportError:
        pass
    else:
        found["PyPatchMatch"] = lambda image, mask: patch_match.inpaint(
            image, mask=mask.astype(np.uint8) * 255, patch_size=PATCH
        )
    return found if chosen is None else {name: found[name] for name in chosen}


def _skimage_biharmonic(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    filled = skimage.restoration.inpaint_biharmonic(image, mask, channel_axis=-1)
    return np.rint(255 * np.clip(filled, 0, 1)).astype(np.uint8)


def score(truth: np.ndarray, filled: np.ndarray, hole: np.ndarray) -> tuple[float, float, float, float]:
    """PSNR and SSIM in the hole, and the two distances of textures."""
    error = np.mean((truth[hole].astype(float) - filled[hole]) ** 2)
    similar = skimage.metrics.structural_similarity(truth, filled, channel_axis=-1, full=True)[1]
    return (
        float(10 * np.log10(255**2 / max(error, 1e-9))),
        float(similar[hole].mean()),
        distance_of_patches(truth, filled, hole),
        float(np.abs(filter_strengths(truth, hole) - filter_strengths(filled, hole)).mean()),
    )


def distance_of_patches(truth: np.ndarray, filled: np.ndarray, hole: np.ndarray) -> float:
    """Sliced Wasserstein distance between the patches centred in the hole, in levels a pixel and channel."""
    rows, cols = np.nonzero(hole)
    rng = np.random.default_rng(0)
    some = rng.permutation(len(rows))[:MOST_PATCHES]
    directions = rng.standard_normal((PATCH * PATCH * truth.shape[2], DIRECTIONS)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)
    lines = []
    for image in (truth, filled):
        wide = cv2.copyMakeBorder(image, *[PATCH // 2] * 4, cv2.BORDER_REFLECT_101)
        patches = np.lib.stride_tricks.sliding_window_view(wide, (PATCH, PATCH), axis=(0, 1))[rows[some], cols[some]]
        lines.append(np.sort(patches.reshape(len(some), -1).astype(np.float32) @ directions, axis=0))
    return float(np.sqrt(np.mean((lines[0] - lines[1]) ** 2)))


def filter_strengths(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Mean strength of derivatives of brightness in the hole: two axes, two diagonals, three scales, in decades."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    strengths = []
    for scale in (1, 2, 4):
        smooth = grey if scale == 1 else cv2.GaussianBlur(grey, (0, 0), scale / 2)
        right, down = cv2.Sobel(smooth, -1, 1, 0, scale=1 / 8), cv2.Sobel(smooth, -1, 0, 1, scale=1 / 8)
        for step in (right, down, right + down, right - down):
            strengths.append(np.log10(np.abs(step[hole]).mean() + 1e-3))
    return np.array(strengths)


def measure(folder: Path, results: Path, methods: dict[str, Fill], kinds: list[str] | None, keep: Path | None) -> None:
    """Append the scores that are not in the file yet."""
    done = {tuple(line[:3]) for line in read(results)}
    for seed, (picture, image) in enumerate(pictures(folder)):
        for kind, hole in masks(image.shape[:2], seed):
            for name, fill in methods.items():
                if (picture, kind, name) in done or (kinds and kind not in kinds):
                    continue
                start = time.perf_counter()
                filled = fill(image.copy(), hole)
                seconds = time.perf_counter() - start
                with results.open("a") as file:
                    file.write(json.dumps([picture, kind, name, *score(image, filled, hole), seconds]) + "\n")
                if keep:
                    ie.write(keep / f"{picture} {kind.replace(' %', '')} {name}.png", filled)


def read(results: Path) -> list[list]:
    """Read the scores of a file: picture, mask, method, and the columns."""
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def report(lines: list[list]) -> str:
    """Write one table a kind of mask, then how often ours is better than its peer, picture by picture."""
    scores: dict[str, dict[str, dict[str, np.ndarray]]] = defaultdict(lambda: defaultdict(dict))
    for picture, kind, name, *values in lines:
        scores[kind][name][picture] = np.array(values)
    text = []
    for kind, methods in scores.items():
        count = len({picture for of in methods.values() for picture in of})
        text += [f"**{kind}**, {count} pictures\n", "| method | " + " | ".join(COLUMNS) + " |", "|---|" + "---|" * 5]
        means = {name: np.mean(list(of.values()), axis=0) for name, of in methods.items()}
        for name, mean in sorted(means.items(), key=lambda item: item[1][2]):
            text.append(f"| {name} | {mean[0]:.2f} | {mean[1]:.3f} | {mean[2]:.2f} | {mean[3]:.3f} | {mean[4]:.2f} |")
        text.append("")
    text += ["**Share of the pictures on which ours is at least as good as the peer**\n"]
    text += ["| mask | ours | peer | PSNR | SSIM | patches | filters |", "|---|---|---|---|---|---|---|"]
    for kind, methods in scores.items():
        for name, peer in OURS_AND_PEERS.items():
            both = methods[name].keys() & methods[peer].keys()
            if both:
                shares = [
                    np.mean([_at_least(methods[name][key][i], methods[peer][key][i], RISING[i]) for key in both])
                    for i in range(4)
                ]
                text.append(f"| {kind} | {name} | {peer} | " + " | ".join(f"{100 * x:.0f} %" for x in shares) + " |")
    return "\n".join(text)


def _at_least(ours: float, theirs: float, rising: bool) -> bool:
    return ours >= theirs if rising else ours <= theirs


def main() -> None:
    """Measure what is missing, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--results", type=Path, required=True, help="file of the scores, appended to")
    parser.add_argument("--methods", help="only these, ours or the peers', with commas")
    parser.add_argument("--masks", help="only these kinds of mask, with commas")
    parser.add_argument("--keep", type=Path, help="folder for the filled pictures")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    given = parser.parse_args()
    if not given.report:
        kinds = given.masks.split(",") if given.masks else None
        measure(given.folder, given.results, fills(given.methods and given.methods.split(",")), kinds, given.keep)
    print(report(read(given.results)))


if __name__ == "__main__":
    main()
