"""Training pictures: a folder decoded once, scaled, and cropped where there is something to learn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError, ImgeditError
from imgedit.io import read

__all__ = ["Crop", "augment", "detail", "load_folder"]

SUFFIXES = frozenset({".avif", ".bmp", ".jp2", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})


def load_folder(folder: Path, *, least_side: int, skipped: list[str] | None = None) -> list[NDArray[np.uint8]]:
    """Decode every picture below a folder to RGB.

    Parameters
    ----------
    folder : Path
        Searched with its sub-folders.
    least_side : int
        Pictures whose shorter side is below this are left out, in pixels.
    skipped : list of str, optional
        Gets one line for each picture that was left out, with the reason.

    Returns
    -------
    list of ndarray of uint8
        HxWx3, in the order of their paths; transparency lies over white, 16-bit and float pictures are rounded.

    Raises
    ------
    ArgumentError
        No picture was left.
    """
    skipped = [] if skipped is None else skipped
    pictures = []
    for path in sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in SUFFIXES):
        try:
            picture = _rgb(read(path))
        except (ImgeditError, OSError) as problem:
            skipped.append(str(problem))
            continue
        if min(picture.shape[:2]) < least_side:
            skipped.append(f"{path}: {picture.shape[0]}x{picture.shape[1]} is smaller than a crop of {least_side}")
        else:
            pictures.append(picture)
    if not pictures:
        reason = f"; first of {len(skipped)} left out: {skipped[0]}" if skipped else ""
        raise ArgumentError("data", f"is {folder}, which holds no usable picture{reason}", "name a folder of photos")
    return pictures


def _rgb(image: NDArray[Any]) -> NDArray[np.uint8]:
    from imgedit.pixels import as_float, split_alpha, to_uint8

    color, alpha = split_alpha(image)
    if alpha is not None:
        cover = as_float(np.ascontiguousarray(alpha))[..., None]
        color = as_float(np.ascontiguousarray(color)) * cover + (1 - cover)
    color = to_uint8(np.ascontiguousarray(color))
    return color if color.ndim == 3 else np.repeat(color[..., None], 3, axis=2)


def augment(image: NDArray[Any], turn: int) -> NDArray[Any]:
    """One of the eight flips and quarter turns of a square crop.

    Parameters
    ----------
    image : ndarray
        HxW or HxWxC.
    turn : int
        0 to 7; 0 is the image itself.

    Returns
    -------
    ndarray
        A view.
    """
    image = np.rot90(image, turn % 4)
    return image[:, ::-1] if turn >= 4 else image


def detail(image: NDArray[np.uint8], cell: int) -> NDArray[np.float32]:
    """How much there is to learn in each cell of a grid: the mean absolute Laplacian of the luma.

    Parameters
    ----------
    image : ndarray of uint8
        HxWx3.
    cell : int
        Side of a cell, in pixels.

    Returns
    -------
    ndarray of float32
        (H // cell) x (W // cell), in 8-bit levels.
    """
    edges = np.abs(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_32F, ksize=1))
    height, width = image.shape[0] // cell, image.shape[1] // cell
    edges = edges[: height * cell, : width * cell].reshape(height, cell, width, cell)
    return np.asarray(edges.mean(axis=(1, 3)), np.float32)


@dataclass(frozen=True)
class Crop:
    """Where crops are taken: pictures and places drawn in proportion to their detail.

    Parameters
    ----------
    cells : ndarray of int
        Nx3: picture, row and column of each cell.
    chances : ndarray of float64
        N; cumulative, ends at 1.
    cell : int
        Side of a cell in pixels.
    """

    cells: NDArray[np.int64]
    chances: NDArray[np.float64]
    cell: int

    @classmethod
    def over(cls, pictures: list[NDArray[np.uint8]], cell: int, *, floor: float = 1.0, power: float = 0.5) -> Crop:
        """Weigh all cells of all pictures.

        Parameters
        ----------
        pictures : list of ndarray of uint8
            HxWx3.
        cell : int
            Side of a cell in pixels.
        floor : float
            Detail, in 8-bit levels, that is added everywhere, so that skies are seen too.
        power : float
            0 takes all cells alike, 1 in proportion to their detail.

        Returns
        -------
        Crop
            The table of places.
        """
        cells, weights = [], []
        for index, picture in enumerate(pictures):
            grid = detail(picture, cell)
            rows, columns = np.indices(grid.shape).reshape(2, -1)
            cells.append(np.stack([np.full(rows.size, index), rows, columns], 1))
            weights.append((grid.ravel() + floor) ** power)
        cumulative = np.cumsum(np.concatenate(weights), dtype=np.float64)
        return cls(np.concatenate(cells), cumulative / cumulative[-1], cell)

    def draw(self, rng: np.random.Generator, shape: tuple[int, int], side: int, index: int) -> tuple[int, int]:
        """Place a crop so that it holds a chosen cell.

        Parameters
        ----------
        rng : numpy.random.Generator
            Moves the crop about the cell.
        shape : tuple of int
            Height and width of the picture.
        side : int
            Side of the crop in pixels, at least that of a cell.
        index : int
            Row of `cells`.

        Returns
        -------
        tuple of int
            Top and left of the crop.
        """
        place = []
        for start, extent in zip(self.cells[index, 1:] * self.cell, shape, strict=True):
            corner = int(start) - int(rng.integers(0, max(1, side - self.cell + 1)))
            place.append(min(max(corner, 0), extent - side))
        return place[0], place[1]

    def choose(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Draw cells by their chances.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        count : int
            How many.

        Returns
        -------
        ndarray of int64
            Rows of `cells`.
        """
        return np.minimum(np.searchsorted(self.chances, rng.random(count)), len(self.cells) - 1)
