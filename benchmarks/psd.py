"""Hold flatten against Photoshop: ``python -m benchmarks.psd FOLDER``.

Each PSD or PSB in the folder holds the picture that Photoshop made of its layers. Its layers are composited by imgedit
and by psd-tools, and both results are compared with that picture: the fraction of pixels whose largest difference, in
premultiplied 8-bit levels, is at most 3.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from pathlib import Path

import numpy as np

import imgedit as ie

LEVELS = 3
SHARE = 0.99


def premultiplied(image: np.ndarray) -> np.ndarray:
    image = ie.to_uint8(image).astype(np.float64)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.shape[2] == 3:
        image = np.dstack([image, np.full(image.shape[:2], 255.0)])
    image[..., :3] *= image[..., 3:] / 255
    return np.rint(image)


def stored(document) -> np.ndarray:
    picture = document.topil(apply_icc=False)
    return premultiplied(np.asarray(picture.convert("RGBA" if "A" in picture.getbands() else "RGB")))


def ours(path: Path, _) -> np.ndarray:
    return premultiplied(ie.flatten(ie.read_layers(path)))


def theirs(_, document) -> np.ndarray:
    picture = document.composite(force=False, ignore_preview=True, apply_icc=False)
    return premultiplied(np.asarray(picture.convert("RGBA" if "A" in picture.getbands() else "RGB")))


def within(result: np.ndarray, reference: np.ndarray) -> float:
    if result.shape != reference.shape:
        return 0.0
    return float((np.abs(result - reference).max(axis=2) <= LEVELS).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=Path, help="write stored, ours, theirs and the differences here")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    import psd_tools

    won = {"imgedit": 0, "psd-tools": 0}
    files = sorted(p for p in arguments.folder.rglob("*") if p.suffix.lower() in (".psd", ".psb"))
    print(f"{'file':44s} {'imgedit':>9s} {'psd-tools':>9s}   ms        ms")
    for path in files:
        document = psd_tools.PSDImage.open(path)
        try:
            reference = stored(document)
        except (ValueError, AttributeError, OSError) as error:
            print(f"{path.name:44s} has no stored picture ({error})")
            continue
        shares, took, pictures = {}, {}, [reference]
        for name, job in (("imgedit", ours), ("psd-tools", theirs)):
            start = time.perf_counter()
            try:
                result = job(path, document)
            except Exception as error:  # noqa: BLE001 - one bad file must not end the table
                print(f"{path.name:44s} {name}: {type(error).__name__}: {error}")
                result = np.zeros((0, 0, 4))
            took[name] = time.perf_counter() - start
            shares[name] = within(result, reference)
            won[name] += shares[name] >= SHARE
            pictures.append(result)
        marks = [f"{shares[n]:8.4f}{' ' if shares[n] >= SHARE else '-'}" for n in won]
        times = [f"{1000 * took[n]:8.0f}" for n in won]
        print(f"{path.name:44s} {marks[0]} {marks[1]} {times[0]} {times[1]}")
        if arguments.pictures:
            sheet(arguments.pictures / f"{path.stem}.png", pictures)
    total = len(files)
    print(f"within {LEVELS} levels on {SHARE:.0%} of the pixels: {won['imgedit']} and {won['psd-tools']} of {total}")


def sheet(path: Path, pictures: list[np.ndarray]) -> None:
    """Stored, ours, theirs; below, ten times the differences."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if len({p.shape for p in pictures}) > 1:
        return
    over = [p[..., :3] + (255 - p[..., 3:]) for p in pictures]
    differences = [np.zeros_like(over[0])] + [np.abs(o - over[0]) * 10 for o in over[1:]]
    rows = np.vstack([np.hstack(over), np.hstack(differences)])
    ie.write(path, ie.to_uint8(rows / 255))


if __name__ == "__main__":
    main()
