"""Colour look-up tables: read, write, apply, fit and chain them.

Sources: Adobe 2013, "Cube LUT Specification 1.0" (the file, and linear interpolation of 1-D tables); Kasson, Nin,
Plouffe and Hafner 1995, "Performing color space conversions with three-dimensional linear interpolation",
https://doi.org/10.1117/12.208656 (tetrahedral interpolation: a cube of eight nodes is cut into six tetrahedra along its
grey diagonal, so that greys are mixed from greys only).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color.spaces import looked_up
from imgedit.errors import ArgumentError
from imgedit.pixels import Image, Mask, as_float, check, check_number, full_range, like, mix_by_mask
from imgedit.strips import Progress, each_strip
from imgedit.tone.cube import format_cube, parse_cube
from imgedit.tone.mapping import Floats, map_values

__all__ = ["Lut", "apply_lut"]

Place: TypeAlias = tuple[NDArray[Any], Floats]

# Interpolating three equal channels may round them apart by this much.
GREY_TOLERANCE = 1e-5

# Weight of smoothness against the samples in a fit: rounding to 8 bit is smoothed out, grades are not.
SMOOTHNESS = 1e-2

# Pixels that a fit looks at; more change nothing that can be seen.
MOST_SAMPLES = 400_000


@dataclass(frozen=True, eq=False)
class Lut:
    """A colour look-up table: ``Lut.read("film.cube")(photo)``.

    Parameters
    ----------
    table : ndarray of float32
        1-D: Nx3, one curve a channel. 3-D: NxNxNx3, indexed by blue, green, red, as the lines of a file run. Outputs
        are encoded values with white at 1.
    domain_min, domain_max : (float, float, float)
        Inputs that the first and last node stand for; inputs beyond take the nearest.
    title : str
        The name in the file.

    Examples
    --------
    >>> import imgedit as ie
    >>> photo = np.array([[[64, 128, 192]]], np.uint8)
    >>> warm = ie.Lut.fit(lambda image: ie.adjust(image, temperature=0.5))
    >>> bool(np.abs(warm(photo) - ie.adjust(photo, temperature=0.5).astype(float)).max() <= 1)
    True
    """

    table: Floats
    domain_min: tuple[float, float, float] = (0.0, 0.0, 0.0)
    domain_max: tuple[float, float, float] = (1.0, 1.0, 1.0)
    title: str = ""

    def __post_init__(self) -> None:
        table = np.ascontiguousarray(self.table, np.float32)
        one = table.ndim == 2 and len(table) >= 2
        three = table.ndim == 4 and len(set(table.shape[:3])) == 1 and len(table) >= 2
        if not (one or three) or table.shape[-1] != 3:
            raise ArgumentError("table", f"is {'x'.join(map(str, table.shape))}", "give Nx3 or NxNxNx3, N at least 2")
        if not np.isfinite(table).all():
            raise ArgumentError("table", "holds NaN or infinity", "replace them first")
        for low, high in zip(self.domain_min, self.domain_max, strict=True):
            check_number(high, "domain_max", above=low)
        table.flags.writeable = False
        object.__setattr__(self, "table", table)

    @property
    def size(self) -> int:
        """Nodes along a side."""
        return len(self.table)

    @classmethod
    def identity(cls, size: int = 33, *, kind: Literal["1d", "3d"] = "3d") -> Lut:
        """Make a table that changes nothing.

        Parameters
        ----------
        size : int
            Nodes along a side; 2 to 65536 for 1-D, 2 to 256 for 3-D.
        kind : {"1d", "3d"}
            Curves, or a cube.

        Returns
        -------
        Lut
            The table.
        """
        if kind not in ("1d", "3d"):
            raise ArgumentError("kind", f"is {kind!r}", "give '1d' or '3d'")
        check_number(size, "size", least=2, most=65536 if kind == "1d" else 256)
        steps = np.linspace(0, 1, int(size), dtype=np.float32)
        if kind == "1d":
            return cls(np.repeat(steps[:, None], 3, axis=1))
        blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
        return cls(np.stack([red, green, blue], axis=-1))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Lut:
        """Read a ``.cube`` file.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        Lut
            The table.

        Raises
        ------
        UnsupportedFormatError
            Not a ``.cube`` file, or one that contradicts itself; says in which line.
        OSError
            The file can't be opened.
        """
        return cls(*parse_cube(path))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a ``.cube`` file.

        Parameters
        ----------
        path : str or path
            The file; one that exists is replaced.
        """
        text = format_cube(self.table, self.domain_min, self.domain_max, self.title)
        partial = f"{os.fspath(path)}.{os.getpid()}.part"
        try:
            with open(partial, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            os.replace(partial, path)
        except BaseException:
            if os.path.exists(partial):
                os.remove(partial)
            raise

    @classmethod
    def fit(
        cls,
        edit: Callable[[Image], Image] | Image,
        after: Image | None = None,
        *,
        size: int | None = None,
        title: str = "",
    ) -> Lut:
        """Make a table that does what an edit does to colours.

        Parameters
        ----------
        edit : callable or ndarray
            A function from an RGB image to one of the same size, which looks at each pixel by itself; or an image
            before an edit.
        after : ndarray, optional
            The image after the edit, of the same size, where `edit` is an image.
        size : int, optional
            Nodes along a side, 2 to 256; by default 33 from a function, 17 from two images, which rarely hold colours
            enough for more.
        title : str
            The name in a file.

        Returns
        -------
        Lut
            A 3-D table. From a function it is exact at the nodes; from two images it is the smooth one nearest to them,
            and near the identity in colours that they do not have.

        Raises
        ------
        ImageError
            Not images, or not of one size.
        """
        size = size or (33 if callable(edit) else 17)
        identity = cls.identity(size)
        if callable(edit):
            flat = identity.table.reshape(size * size, size, 3)
            edited = check(edit(flat.copy()), "edit's result")
            if edited.shape != flat.shape:
                raise ArgumentError("edit", "changes the size of the image", "give one that changes colours only")
            return cls(as_float(edited).reshape(identity.table.shape), title=title)
        if after is None:
            raise ArgumentError("after", "is None", "give the image after the edit, or a function as the edit")
        from imgedit.tone.fitting import fit_table

        return cls(fit_table(identity.table, edit, after, SMOOTHNESS, MOST_SAMPLES), title=title)

    def then(self, other: Lut) -> Lut:
        """Chain two tables: the result does what this one does, then what the other does.

        Parameters
        ----------
        other : Lut
            What follows.

        Returns
        -------
        Lut
            A table of this one's kind and domain (3-D if either is), sampled at this one's nodes (at the other's, if
            only that one is 3-D).
        """
        base = self
        if self.table.ndim == 2 and other.table.ndim == 4:
            nodes = Lut.identity(other.size).table
            low, high = np.array(self.domain_min, np.float32), np.array(self.domain_max, np.float32)
            base = Lut(self._values(nodes * (high - low) + low), self.domain_min, self.domain_max)
        title = " + ".join(filter(None, (self.title, other.title)))
        return Lut(other._values(base.table), base.domain_min, base.domain_max, title)

    def __call__(
        self, image: Image, *, strength: float = 1.0, mask: Mask | None = None, progress: Progress | None = None
    ) -> Image:
        """Apply the table.

        Parameters
        ----------
        image : ndarray
            HxW (1-D tables of three equal curves only), HxWx3 or HxWx4; uint8, uint16 or float32. Alpha stays.
        strength : float
            0 (unchanged) to 1.
        mask : ndarray, optional
            HxW; where to apply it.
        progress : callable, optional
            Given the fraction done, 0 to 1.

        Returns
        -------
        ndarray
            Same shape and dtype.
        """
        return apply_lut(image, self, strength=strength, mask=mask, progress=progress)

    def _values(self, color: Floats) -> Floats:
        """Look up an array of ``(..., 3)`` colours."""
        planes = [np.ascontiguousarray(color[..., channel]) for channel in range(3)]
        if self.table.ndim == 4:
            new = _tetrahedral([_place(self, c, plane) for c, plane in enumerate(planes)], self.size, _nodes(self))
        else:
            new = [
                np.interp(plane, self._inputs(c), self.table[:, c]).astype(np.float32) for c, plane in enumerate(planes)
            ]
        return np.stack(new, axis=-1).astype(np.float32)

    def _inputs(self, channel: int) -> NDArray[np.float64]:
        """Values that the nodes along a channel's axis stand for."""
        return np.linspace(self.domain_min[channel], self.domain_max[channel], self.size)


def apply_lut(
    image: Image,
    lut: Lut | str | os.PathLike[str],
    *,
    strength: float = 1.0,
    mask: Mask | None = None,
    progress: Progress | None = None,
) -> Image:
    """Grade an image with a colour look-up table.

    Parameters
    ----------
    image : ndarray
        HxW (1-D tables of three equal curves only), HxWx3 or HxWx4; uint8, uint16 or float32. Alpha stays.
    lut : Lut, str or path
        The table, or a ``.cube`` file.
    strength : float
        0 (unchanged) to 1.
    mask : ndarray, optional
        HxW; where to apply it.
    progress : callable, optional
        Given the fraction done, 0 to 1.

    Returns
    -------
    ndarray
        Same shape and dtype.

    Raises
    ------
    ImageError
        Not an image, or a mask that does not fit.
    ArgumentError
        A grey image and a table that would colour it, or a strength out of range.
    UnsupportedFormatError
        The file is not a ``.cube`` file.

    References
    ----------
    Kasson et al. 1995, https://doi.org/10.1117/12.208656 (tetrahedral interpolation).

    Examples
    --------
    >>> import imgedit as ie
    >>> photo = np.array([[[10, 20, 30]]], np.uint8)
    >>> ie.apply_lut(photo, ie.Lut.identity(17)).tolist()
    [[[10, 20, 30]]]
    """
    image = check(image)
    strength = check_number(strength, "strength", least=0, most=1)
    if not isinstance(lut, Lut):
        lut = Lut.read(lut)
    edited = _by_curves(image, lut, strength) if lut.table.ndim == 2 else _by_cube(image, lut, strength, progress)
    return mix_by_mask(image, edited, mask)


def _by_curves(image: Image, lut: Lut, strength: float) -> Image:
    def curve(channel: int) -> Callable[[Floats], Floats]:
        nodes = lut._inputs(channel)

        def function(values: Floats) -> Floats:
            new = np.interp(values, nodes, lut.table[:, channel])
            return np.asarray(values + strength * (new - values), np.float32)

        return function

    if image.ndim == 2:
        _check_grey(bool((lut.table == lut.table[:, :1]).all()))
    return map_values(image, *(curve(channel) for channel in range(3)))


def _check_grey(grey: bool) -> None:
    if not grey:
        raise ArgumentError("lut", "makes colours but image is grey", "make it RGB: ie.convert(image, channels='rgb')")


def _by_cube(image: Image, lut: Lut, strength: float, progress: Progress | None) -> Image:
    out = image.copy()
    nodes = _nodes(lut)
    tables = [_place_table(lut, channel, image.dtype) for channel in range(3)] if image.dtype.kind == "u" else None

    def work(top: int, bottom: int) -> None:
        rows = image[top:bottom]
        planes = [rows] * 3 if rows.ndim == 2 else cv2.split(rows)[:3]
        if tables:
            places = [
                (looked_up(plane, cells), looked_up(plane, shares))
                for plane, (cells, shares) in zip(planes, tables, strict=True)
            ]
        else:
            places = [_place(lut, channel, plane) for channel, plane in enumerate(planes)]
        new = _tetrahedral(places, lut.size, nodes)
        if strength < 1:
            old = [as_float(plane) for plane in planes]
            new = [a + np.float32(strength) * (b - a) for a, b in zip(old, new, strict=True)]
        if rows.ndim == 2:
            _check_grey(max(np.abs(plane - new[0]).max() for plane in new) < GREY_TOLERANCE)
            out[top:bottom] = like(new[0], image.dtype)
        else:
            alpha = [rows[..., 3]] if rows.shape[2] == 4 else []
            cv2.merge([*(like(plane, image.dtype) for plane in new), *alpha], out[top:bottom])

    # Larger strips than most: the many calls on each of them cost more than what leaves the cache.
    each_strip(work, image.shape[0], row_bytes=4 * image.shape[1], progress=progress)
    return out


def _index_type(size: int) -> type[np.unsignedinteger[Any] | np.signedinteger[Any]]:
    """16 bits where they can number all nodes, because OpenCV's tables are the quickest way to gather them."""
    return np.uint16 if size**3 <= 65536 else np.int32


def _nodes(lut: Lut) -> Floats:
    """Red, green and blue of all nodes: three rows, filled up to whole tables of 16 bits."""
    nodes = lut.table.reshape(-1, 3).T
    return np.pad(nodes, ((0, 0), (0, max(0, 65536 - nodes.shape[1]))))


def _gathered(nodes: Floats, index: NDArray[Any]) -> Floats:
    return looked_up(index, nodes) if index.dtype == np.uint16 else np.take(nodes, index, mode="clip")


def _place(lut: Lut, channel: int, values: Floats) -> Place:
    """Lower node along a channel's axis, times that axis's stride; and the fraction of the way to the next."""
    low, high = lut.domain_min[channel], lut.domain_max[channel]
    position = (values - np.float32(low)) * np.float32((lut.size - 1) / (high - low))
    position = np.fmin(np.fmax(position, 0), np.float32(lut.size - 1))  # NaN becomes 0: no place stands for it
    index = _index_type(lut.size)
    cell = np.minimum(position.astype(index), index(lut.size - 2))
    return cell * index(lut.size**channel), position - cell.astype(np.float32)


def _place_table(lut: Lut, channel: int, dtype: np.dtype[Any]) -> Place:
    """Do as `_place` does, for every level of an integer dtype."""
    return _place(lut, channel, as_float(np.arange(int(full_range(dtype)) + 1, dtype=dtype)))


def _tetrahedral(places: Sequence[Place], size: int, nodes: Floats) -> list[Floats]:
    """Interpolate in the tetrahedron around each colour: from the lower corner along the largest fraction first."""
    (cell_red, red), (cell_green, green), (cell_blue, blue) = places
    largest, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    middle = red + green
    middle += blue
    middle -= largest
    middle -= least
    order: NDArray[Any] = (red >= green).view(np.uint8)
    order = order | (red >= blue).view(np.uint8) << 1 | (green >= blue).view(np.uint8) << 2
    base = cell_red + cell_green + cell_blue
    second, third = (base + looked_up(order, table) for table in _detours(size))
    corners = (base, second, third, base + _index_type(size)(1 + size + size * size))
    weights = (1 - largest, largest - middle, middle - least, least)
    out = []
    for values in nodes:
        mixed = _gathered(values, corners[0])
        mixed *= weights[0]
        for corner, weight in zip(corners[1:], weights[1:], strict=True):
            step = _gathered(values, corner)
            step *= weight
            mixed += step
        out.append(mixed)
    return out


def _detours(size: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """List steps to the second and third corner, by which of r >= g, r >= b, g >= b hold (bits 0, 1, 2)."""
    steps = (1, size, size * size)
    tables = np.zeros((2, 256), _index_type(size))
    for order in range(8):
        over_green, over_blue, green_over_blue = (bool(order & bit) for bit in (1, 2, 4))
        # Ties are broken so that the first and the last step are never along the same axis.
        first = 0 if over_green and over_blue else 1 if green_over_blue else 2
        last = 2 if over_blue and green_over_blue else 1 if over_green else 0
        tables[:, order] = steps[first], sum(steps) - steps[last]
    return tables[0], tables[1]
