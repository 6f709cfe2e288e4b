"""Small pictures of one size, in folders that are their classes: what generators learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imgedit.errors import ArgumentError, ImgeditError
from imgedit.geometry import resize
from imgedit.io import read
from imgedit.pixels import split_alpha, to_uint8
from imgedit.training.pictures import SUFFIXES, to_rgb

__all__ = ["Gallery", "sheet"]


@dataclass(frozen=True)
class Gallery:
    """Pictures with their classes, in memory.

    Parameters
    ----------
    pictures : ndarray of uint8
        N x C x side x side, C is 3 or 4 with straight alpha.
    labels : ndarray of int64
        N.
    classes : tuple of str
        Names of the classes; empty where there are none.
    """

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    @classmethod
    def load(cls, folders: Sequence[Path], *, side: int, alpha: bool, exclude: str | None = None) -> Gallery:
        """Decode pictures and make them square, the middle of each.

        Parameters
        ----------
        folders : sequence of Path
            The folders below them that hold pictures are the classes; pictures that lie in them have none.
        side : int
            Of the squares, pixels.
        alpha : bool
            Keep transparency, in place of white paper.
        exclude : str, optional
            Shell pattern of names that are left out.

        Returns
        -------
        Gallery
            The pictures, in the order of their paths.

        Raises
        ------
        ArgumentError
            Fewer than 16 pictures could be read, or some lie in classes and others do not.
        """
        pictures, names, problems = [], [], []
        for folder in folders:
            for path in sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in SUFFIXES):
                if exclude is not None and fnmatch(path.name, exclude):
                    continue
                try:
                    image = read(path)
                except (ImgeditError, OSError) as problem:
                    problems.append(str(problem))
                    continue
                pictures.append(_square(_rgba(image) if alpha else to_rgb(image), side))
                names.append("" if path.parent == Path(folder) else path.parent.name)
        if len(pictures) < 16:
            reason = f"; first of {len(problems)} problems: {problems[0]}" if problems else ""
            shown = ", ".join(map(str, folders))
            raise ArgumentError("data", f"is {shown}, with {len(pictures)} usable pictures{reason}", "give 16 or more")
        found = sorted(set(names))
        if "" in found and len(found) > 1:
            raise ArgumentError("data", f"has pictures beside the classes {', '.join(found[1:])}", "move them into one")
        classes = tuple(found) if found != [""] else ()
        labels = np.array([classes.index(name) if classes else 0 for name in names], np.int64)
        return cls(np.stack(pictures), labels, classes)

    def part(self, chosen: slice, *, without: slice | None = None) -> Gallery:
        """Give some of the pictures.

        Parameters
        ----------
        chosen : slice
            Which.
        without : slice, optional
            Which of all not.

        Returns
        -------
        Gallery
            With the same classes.
        """
        places = np.arange(len(self.pictures))
        kept = places[chosen] if without is None else np.setdiff1d(places[chosen], places[without])
        return Gallery(self.pictures[kept], self.labels[kept], self.classes)

    def draw(self, rng: np.random.Generator, count: int, *, flip: bool) -> tuple[Tensor, Tensor]:
        """Draw pictures with the chances of their classes.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        count : int
            How many.
        flip : bool
            Mirror half of them.

        Returns
        -------
        tuple of Tensor
            Pictures, uint8, and labels, float32 N x K with one 1 in each row.
        """
        return self.take(rng, rng.integers(len(self.pictures), size=count), flip=flip)

    def take(self, rng: np.random.Generator, chosen: NDArray[np.int64], *, flip: bool) -> tuple[Tensor, Tensor]:
        """Give the pictures of some places.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        chosen : ndarray of int64
            N places.
        flip : bool
            Mirror half of them.

        Returns
        -------
        tuple of Tensor
            As `draw` gives them.
        """
        pictures = self.pictures[chosen]
        if flip:
            mirrored = rng.random(len(chosen)) < 0.5
            pictures[mirrored] = pictures[mirrored][..., ::-1]
        return torch.from_numpy(pictures), self.one_hot(self.labels[chosen])

    def one_hot(self, labels: NDArray[np.int64]) -> Tensor:
        """Write labels as rows with one 1.

        Parameters
        ----------
        labels : ndarray of int64
            N.

        Returns
        -------
        Tensor
            N x K; K is 1 where there are no classes.
        """
        return torch.from_numpy(np.eye(max(1, len(self.classes)), dtype=np.float32)[labels])


def _rgba(image: NDArray[Any]) -> NDArray[np.uint8]:
    color, alpha = (None if part is None else to_uint8(np.ascontiguousarray(part)) for part in split_alpha(image))
    assert color is not None
    if alpha is None:
        alpha = np.full(color.shape[:2], 255, np.uint8)
    color = color if color.ndim == 3 else np.repeat(color[..., None], 3, axis=2)
    return np.concatenate([color, alpha[..., None]], axis=2)


def _square(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    small = resize(image, (side, side), fit="cover")
    return np.ascontiguousarray(small.transpose(2, 0, 1))


def sheet(pictures: Tensor, columns: int) -> NDArray[np.uint8]:
    """Lay pictures out in rows; alpha lies over a middle grey.

    Parameters
    ----------
    pictures : Tensor
        N x C x side x side in [0, 1].
    columns : int
        Pictures in a row; N is a multiple of it.

    Returns
    -------
    ndarray of uint8
        HxWx3.
    """
    values = pictures.float().cpu()
    if values.shape[1] == 4:
        values = values[:, :3] * values[:, 3:] + 0.5 * (1 - values[:, 3:])
    count, channels, side, _ = values.shape
    grid = values.reshape(count // columns, columns, channels, side, side).permute(0, 3, 1, 4, 2)
    shown = grid.reshape(count // columns * side, columns * side, channels)
    return np.asarray((shown * 255).round().clamp(0, 255).byte().numpy())
