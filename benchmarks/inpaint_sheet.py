"""Look at fills of large objects: ``python -m benchmarks.inpaint_sheet FOLDER OUT.png [--methods exemplar]``.

The folder holds pairs ``imageN`` and ``maskN``, and pictures ``NAME_pruned`` whose hole is painted white. One row a
picture, one column a method, each in its own size: text and lines show their faults at 100 % only.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import imgedit as ie
from benchmarks.inpaint_quality import fills

METHODS = "exemplar,patchmatch,PyPatchMatch,OpenCV Telea"


def pairs(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield name, picture and mask."""
    for file in sorted(folder.iterdir()):
        if file.stem.startswith("image"):
            image = ie.read(file)[..., :3]
            mask = ie.read_mask(file.with_stem(file.stem.replace("image", "mask")))
            yield file.stem, np.ascontiguousarray(image), mask
        elif file.stem.endswith("_pruned"):
            image = np.ascontiguousarray(ie.read(file)[..., :3])
            white = (image.min(axis=2) > 250).astype(np.uint8)
            # specks of white in the picture itself are no hole
            _, labels, stats, _ = cv2.connectedComponentsWithStats(white)
            yield file.stem, image, cv2.dilate((stats[labels, cv2.CC_STAT_AREA] > 500) * white, np.ones((3, 3))) > 0


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--methods", default=METHODS)
    given = parser.parse_args()
    methods = fills(given.methods.split(","))
    rows = []
    for _, image, mask in pairs(given.folder):
        holed = np.where(mask[..., None], np.uint8(0), image)
        shown = np.where(mask[..., None], image // 2 + np.array([127, 0, 0], np.uint8), image)
        rows.append(np.concatenate([shown, *(fill(holed.copy(), mask) for fill in methods.values())], axis=1))
    wide = max(row.shape[1] for row in rows)
    ie.write(given.out, np.concatenate([np.pad(row, [(0, 4), (0, wide - row.shape[1]), (0, 0)]) for row in rows]))


if __name__ == "__main__":
    main()
