"""How good the fills are: ``python benchmarks/inpaint_quality.py FOLDER [--count 8] [--methods telea,exemplar]``.

Every picture of the folder, and some that come with scikit-image, under masks made here (text, scratches of 1 and 5 %,
boxes of 10 and 25 %, blobs), filled by every method beside OpenCV's two, scikit-image's biharmonic and, where it is
installed, PyPatchMatch. PSNR and SSIM are taken in the hole; TEXTURE is the distance between the filter statistics of
the hole before and after (spread of oriented derivatives on three scales, in decades): 0 is the same texture, and blur,
which PSNR rewards, scores badly.
"""

from __future__ import annotations

import argparse
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


def pictures(folder: Path, count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the folder's pictures, then scikit-image's, in RGB."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp"))
    for file in files[:count]:
        yield file.name, ie.read(file)
    for name in ("astronaut", "chelsea", "coffee", "brick", "grass", "gravel")[: max(1, count // 3)]:
        image = getattr(skimage.data, name)()
        image = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
        yield name, cv2.resize(image, (480, 320), interpolation=cv2.INTER_AREA)


def fills(chosen: list[str] | None) -> dict[str, Fill]:
    """Collect the methods, ours and the peers'."""
    ours = {name: lambda image, mask, name=name: ie.inpaint(image, mask, name) for name in chosen or METHODS}
    peers: dict[str, Fill] = {
        "OpenCV Telea": lambda image, mask: cv2.inpaint(image, mask.view(np.uint8), 3, cv2.INPAINT_TELEA),
        "OpenCV NS": lambda image, mask: cv2.inpaint(image, mask.view(np.uint8), 3, cv2.INPAINT_NS),
        "skimage biharmonic": lambda image, mask: np.rint(
            255 * skimage.restoration.inpaint_biharmonic(image, mask, channel_axis=-1)
        ).astype(np.uint8),
    }
    try:
        import patchmatch
    except ImportError:
        pass
    else:
        peers["PyPatchMatch"] = lambda image, mask: patchmatch.inpaint(image, mask.astype(np.uint8) * 255, patch_size=7)
    return {**ours, **peers}


def texture(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Spread of derivatives of brightness in the hole: two axes and two diagonals on three scales, in decades."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    spreads = []
    for scale in (1, 2, 4):
        smooth = grey if scale == 1 else cv2.GaussianBlur(grey, (0, 0), scale / 2)
        right, down = cv2.Sobel(smooth, -1, 1, 0, scale=1 / 8), cv2.Sobel(smooth, -1, 0, 1, scale=1 / 8)
        for step in (right, down, right + down, right - down):
            spreads.append(np.log10(np.abs(step[hole]).mean() + 1e-3))
    return np.array(spreads)


def score(truth: np.ndarray, filled: np.ndarray, hole: np.ndarray) -> tuple[float, float, float]:
    """PSNR and SSIM in the hole, and the distance of textures."""
    error = np.mean((truth[hole].astype(float) - filled[hole]) ** 2)
    similar = skimage.metrics.structural_similarity(truth, filled, channel_axis=-1, full=True)[1]
    distance = np.abs(texture(truth, hole) - texture(filled, hole)).mean()
    return 10 * np.log10(255**2 / max(error, 1e-9)), float(similar[hole].mean()), float(distance)


def main() -> None:
    """Print one table a kind of mask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=8, help="pictures of the folder")
    parser.add_argument("--methods", help="only these of ours, with commas")
    parser.add_argument("--masks", help="only these kinds of mask, with commas")
    given = parser.parse_args()
    methods = fills(given.methods.split(",") if given.methods else None)
    scores: dict[str, dict[str, list]] = defaultdict(lambda: defaultdict(list))
    for seed, (_, image) in enumerate(pictures(given.folder, given.count)):
        for kind, hole in masks(image.shape[:2], seed):
            if given.masks and kind not in given.masks.split(","):
                continue
            for name, fill in methods.items():
                start = time.perf_counter()
                filled = fill(image, hole)
                scores[kind][name].append((*score(image, filled, hole), time.perf_counter() - start))
    for kind, results in scores.items():
        print(f"\n{kind}\n{'':22s}   PSNR    SSIM  texture  seconds")
        for name, values in sorted(results.items(), key=lambda item: -np.mean(item[1], axis=0)[0]):
            psnr, ssim, distance, seconds = np.mean(values, axis=0)
            print(f"{name:22s} {psnr:6.2f}  {ssim:6.3f}  {distance:7.3f}  {seconds:7.3f}")


if __name__ == "__main__":
    main()
