"""What nets are shown, and what they are called on the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data

import imgedit as ie
from imgedit.models import Manifest


@dataclass(frozen=True)
class Subject:
    """A model under evaluation.

    Parameters
    ----------
    manifest : Manifest
        What is known of it.
    model : str
        Its name or path, as the verbs take it.
    data : Path
        The folder of data.
    """

    manifest: Manifest
    model: str
    data: Path

    @property
    def shipped(self) -> bool:
        """Whether it is ours, so that the aims of our own nets hold for it."""
        return self.model == self.manifest.name


@dataclass
class Row:
    """What one model did."""

    verb: str
    verdict: str
    good: bool = True
    name: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    """Title -> lines of cells, the first of which is the head."""
    pictures: dict[str, np.ndarray] = field(default_factory=dict)


def portrait() -> np.ndarray:
    """A photo that everyone has."""
    return skimage.data.astronaut()


def photos(data: Path, count: int) -> list[np.ndarray]:
    """Photos that no net was trained on, evenly from the folder."""
    found = sorted((data / "eval/bsds-dev").glob("*.jpg"))
    return [ie.read(found[index * len(found) // count]) for index in range(min(count, len(found)))]


def small_pictures(data: Path, manifest: Manifest, side: int, depth: int) -> tuple[list[np.ndarray], list[str]]:
    """Give the pictures that a generator learnt from, reduced to its size, and the class of each.

    They are known by the word in the model's name: flowers, emoji. Empty where they are not here.
    """
    folders = [folder for folder in sorted((data / "train").glob("*")) if _kin(folder.name, manifest.name)]
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.suffix in (".png", ".jpg")]
    files = [file for file in files if not any(f"_1f3f{tone}" in file.name for tone in "cdef")]  # twins of another skin
    pictures = []
    for file in files:
        image = ie.read(file)
        if image.ndim == 2:
            image = np.repeat(image[..., None], 3, axis=2)
        if depth == 3 and image.shape[2] == 4:
            image = ie.flatten(image, background="white")
        if depth == 4 and image.shape[2] == 3:
            image = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
        pictures.append(ie.resize(image, (side, side)))
    return pictures, [file.parent.name for file in files]


def _kin(folder: str, name: str) -> bool:
    words = {word for word in name.split("-") if word.isalpha() and len(word) > 3}
    return bool(words & set(folder.split("-")))


def decibels(a: np.ndarray, b: np.ndarray, where: np.ndarray | None = None) -> float:
    """PSNR of two 8-bit pictures, at most 99, of marked pixels only where a mask is given.

    Colours are premultiplied: what lies under clear pixels is nobody's business.
    """
    a, b = (ie.premultiply(one) if one.ndim == 3 and one.shape[2] == 4 else one for one in (a, b))
    gap = a.astype(float) - b
    error = float(np.mean(np.square(gap if where is None else gap[where])))
    return min(99.0, 10 * np.log10(255**2 / max(error, 1e-9)))


def enlarged(image: np.ndarray, factor: int = 3) -> np.ndarray:
    """Small pictures as large pixels; what is clear shows grey."""
    if image.ndim == 3 and image.shape[2] == 4:
        image = ie.convert(image, channels="rgb", background="silver")
    return ie.resize(image, scale=factor, filter="nearest")
