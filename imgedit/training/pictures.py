"""Training pictures: a folder decoded once, scaled, and cropped where there is something to learn."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imgedit.errors import ArgumentError, ImgeditError
from imgedit.io import info, read

__all__ = [
    "Crop",
    "at_longest",
    "at_sizes",
    "augment",
    "detail",
    "learnt_and_held",
    "load_folders",
    "reduce_bicubic",
    "split",
    "to_rgb",
]

SUFFIXES = frozenset({".avif", ".bmp", ".jp2", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
# All pictures stay decoded in memory: 1.2 GB.
MOST_PIXELS = 400_000_000


def load_folders(
    folders: Sequence[Path], *, least_side: int, skipped: list[str] | None = None, most_pixels: int = MOST_PIXELS
) -> list[NDArray[np.uint8]]:
    """Decode every picture below some folders to RGB.

    Parameters
    ----------
    folders : sequence of Path
        Searched with their sub-folders.
    least_side : int
        Pictures whose shorter side is below this are left out, in pixels.
    skipped : list of str, optional
        Gets one line for each picture that was left out, with the reason; by default they are told in a warning.
    most_pixels : int
        Where all pictures together have more, each is reduced by the same factor, as far as `least_side` lets it.

    Returns
    -------
    list of ndarray of uint8
        HxWx3, in the order of their paths; transparency lies over white, 16-bit and float pictures are rounded.

    Raises
    ------
    ArgumentError
        No picture was left.
    """
    if not folders:
        raise ArgumentError("data", "is not given", "name a folder of photos")
    left_out: list[str] = []
    paths = [path for folder in folders for path in sorted(Path(folder).rglob("*")) if path.suffix.lower() in SUFFIXES]
    # Headers alone come first: large folders are not decoded twice.
    sizes = {path: size for path in paths if (size := _size(path, least_side, left_out)) is not None}
    factor = min(1.0, (most_pixels / max(1, sum(map(math.prod, sizes.values())))) ** 0.5)
    pictures = []
    for path in sizes:
        try:
            pictures.append(_reduced(to_rgb(read(path)), factor, least_side))
        except (ImgeditError, OSError) as problem:
            left_out.append(str(problem))
    if not pictures:
        where = ", ".join(map(str, folders))
        reason = f"; first of {len(left_out)} left out: {left_out[0]}" if left_out else ""
        raise ArgumentError("data", f"is {where}, which holds no usable picture{reason}", "name a folder of photos")
    if skipped is not None:
        skipped += left_out
    elif left_out:
        lines = "\n".join(f"  {line}" for line in left_out)
        warnings.warn(f"{len(left_out)} of {len(paths)} pictures are left out:\n{lines}", UserWarning, stacklevel=2)
    return pictures


def _size(path: Path, least_side: int, left_out: list[str]) -> tuple[int, int] | None:
    try:
        size = info(path).size
    except (ImgeditError, OSError) as problem:
        left_out.append(str(problem))
        return None
    if min(size) < least_side:
        left_out.append(f"{path}: {size[0]}x{size[1]} is smaller than a crop of {least_side}")
        return None
    return size


def _reduced(picture: NDArray[np.uint8], factor: float, least_side: int) -> NDArray[np.uint8]:
    factor = max(factor, least_side / min(picture.shape[:2]))
    if factor >= 1:
        return picture
    return reduce_bicubic(picture, (round(picture.shape[0] * factor), round(picture.shape[1] * factor)))


def reduce_bicubic(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Reduce as MATLAB's imresize does: bicubic, a = -0.5, antialiased, rounded.

    Parameters
    ----------
    image : ndarray of uint8
        HxWx3.
    size : tuple of int
        Height and width of the result.

    Returns
    -------
    ndarray of uint8
        The small picture.
    """
    small = PIL.Image.fromarray(image).resize((size[1], size[0]), PIL.Image.Resampling.BICUBIC)
    return np.asarray(small)


def at_sizes(pictures: list[NDArray[np.uint8]], sizes: Sequence[float], least_side: int) -> list[NDArray[np.uint8]]:
    """Add reduced versions, which hold more detail in every pixel.

    Parameters
    ----------
    pictures : list of ndarray of uint8
        HxWx3.
    sizes : sequence of float
        Factors; 1 is the picture itself.
    least_side : int
        Versions whose shorter side would be below this are left out.

    Returns
    -------
    list of ndarray of uint8
        All versions of the first picture, then of the next.
    """
    versions = []
    for picture in pictures:
        for factor in sizes:
            size = (round(picture.shape[0] * factor), round(picture.shape[1] * factor))
            if factor == 1:
                versions.append(picture)
            elif min(size) >= least_side:
                versions.append(reduce_bicubic(picture, size))
    return versions


def split(pictures: list[NDArray[np.uint8]]) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Hold back every twentieth picture; a single one is learnt and measured.

    Parameters
    ----------
    pictures : list of ndarray of uint8
        All there are.

    Returns
    -------
    tuple of list
        Those to learn, and those to measure.
    """
    return [p for i, p in enumerate(pictures) if i % 20 or len(pictures) == 1], pictures[::20]


def at_longest(picture: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Reduce until the longer side fits.

    Parameters
    ----------
    picture : ndarray of uint8
        HxWx3.
    longest : int
        Largest side of the result, pixels.

    Returns
    -------
    ndarray of uint8
        The picture itself if it is no larger.
    """
    return _reduced(picture, longest / max(picture.shape[:2]), 1)


def learnt_and_held(
    data: Sequence[Path], held: Path | None, *, least_side: int, least_held: int | None = None
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Decode the pictures to learn, and others to measure.

    Parameters
    ----------
    data : sequence of Path
        Folders to learn.
    held : Path, optional
        Folder to measure; by default every twentieth picture of the data is held back.
    least_side : int
        Pictures whose shorter side is below this are left out, in pixels.
    least_held : int, optional
        The same for those of `held`.

    Returns
    -------
    tuple of list
        Those to learn, and those to measure.
    """
    pictures = load_folders(data, least_side=least_side)
    if held is None:
        return split(pictures)
    return pictures, load_folders([held], least_side=least_side if least_held is None else least_held)


def to_rgb(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Show a picture of any kind as it looks on white paper.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.

    Returns
    -------
    ndarray of uint8
        HxWx3.
    """
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

    def cut(self, rng: np.random.Generator, pictures: list[NDArray[np.uint8]], side: int) -> NDArray[np.uint8]:
        """Draw one crop, turned at random.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        pictures : list of ndarray of uint8
            Those that the table was made over.
        side : int
            Side of the crop, pixels.

        Returns
        -------
        ndarray of uint8
            side x side x 3.
        """
        index = int(self.choose(rng, 1)[0])
        picture = pictures[int(self.cells[index, 0])]
        top, left = self.draw(rng, picture.shape[:2], side, index)
        return np.ascontiguousarray(augment(picture[top : top + side, left : left + side], int(rng.integers(8))))

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
