"""Resample an image through a geometric transform.

The output is made in tiles. For each one the derivative of the way back tells by how much the tile shrinks the input
along the input's own axes; by that much the piece of input that it shows is first resampled (antialiased, on a grid
common to all tiles), then interpolated. What shear is left over is met by taking several samples a pixel. Where nothing
shrinks, nothing is filtered, so that a whole shift is a copy and the identity is the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import Color
from imgedit.errors import ArgumentError
from imgedit.geometry.canvas import Border, canvas_color, check_border, check_size, fold
from imgedit.geometry.interpolation import REACH, interpolate
from imgedit.geometry.kernels import FILTERS, Kernel, make_taps
from imgedit.geometry.planes import load, store
from imgedit.geometry.separable import convolve_columns, convolve_rows, make_bands
from imgedit.geometry.transform import Transform
from imgedit.pixels import (
    Image,
    Mask,
    Progress,
    check,
    check_alpha,
    check_mask,
    check_number,
    like,
    soft_mask,
)
from imgedit.strips import STRIP_BYTES, each_strip
from imgedit.tables import Table

__all__ = ["WARP_FILTERS", "rotate", "warp", "warp_mask"]

WARP_FILTERS: Table[Kernel | None] = Table(
    "filter", {"auto": None, **{name: FILTERS[name] for name in ("nearest", "linear", "cubic", "mitchell", "lanczos3")}}
)
"""The kernels that can interpolate at any point; ``auto`` is ``cubic`` (Catmull-Rom)."""

Floats = NDArray[np.float32]
Places = NDArray[np.float64]

# Output pixels on a side; a tile and the input it shows stay in a core's cache.
TILE = 128
# Input pixels that a tile may hold at once before it is quartered.
MOST_INPUT = 1 << 20
# Samples a pixel along one axis, at most; beyond it lies the horizon.
MOST_SAMPLES = 16
# A shrinkage that is not worth another sample or a filter.
SLACK = 0.01


def warp(
    image: Image,
    transform: Transform | Sequence[Sequence[float]],
    *,
    size: tuple[int, int] | None = None,
    filter: Annotated[str, WARP_FILTERS] = "auto",
    border: Border = "background",
    background: Color | None = None,
    space: Literal["srgb", "linear"] = "srgb",
    progress: Progress | None = None,
) -> Image:
    """Move an image through a geometric transform, antialiased wherever it shrinks.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    transform : Transform or sequence of float
        Where the pixels go. A 2x3 or 3x3 matrix of numbers is taken as affine or perspective.
    size : tuple of int, optional
        Height and width of the result; by default those of the image.
    filter : str
        ``nearest``, ``linear``, ``cubic`` (Catmull-Rom), ``mitchell``, ``lanczos3``; ``auto`` is ``cubic``.
    border : {"background", "edge", "reflect", "wrap"}
        What lies beyond the image: a colour, its outermost pixels, its mirror image, or itself again.
    background : str or tuple of float, optional
        The colour; by default clear, or black where the image has no alpha.
    space : {"srgb", "linear"}
        Interpolate the encoded values, or amounts of light.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray
        An image of the new size, dtype and channels as given.

    Raises
    ------
    ArgumentError
        Not a transform, a bad size, or a colour that the image can't hold.
    UnknownNameError
        No such filter.

    Notes
    -----
    Pixel centres are at integer + 1/2. Shifts by whole pixels, mirrorings and turns by 90 degrees are exact.

    References
    ----------
    P. S. Heckbert, "Fundamentals of texture mapping and image warping", UCB/CSD 89/516, 1989, section 3.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.warp(np.array([[1, 2, 3]], np.uint8), ie.Transform.translation(1, 0)).tolist()
    [[0, 1, 2]]
    """
    image = check(image)
    check_alpha(image)
    transform = _as_transform(transform)
    WARP_FILTERS[filter]
    check_border(border)
    if space not in ("srgb", "linear"):
        raise ArgumentError("space", f"is {space!r}", "give 'srgb' or 'linear'")
    height, width = image.shape[:2] if size is None else check_size(size)
    color = canvas_color(background, image)
    moved = _moved(image, transform, (height, width), border, color)
    if moved is not None:
        return moved
    name = "cubic" if filter == "auto" else filter
    job = _Job(
        image,
        transform,
        name,
        border,
        color,
        space == "linear",
        np.empty((height, width, *image.shape[2:]), image.dtype),
    )
    tiles = [
        (x, y, min(x + TILE, width), min(y + TILE, height))
        for y in range(0, height, TILE)
        for x in range(0, width, TILE)
    ]

    def work(first: int, last: int) -> None:
        for tile in tiles[first:last]:
            job.fill(*tile)

    each_strip(work, len(tiles), row_bytes=STRIP_BYTES, progress=progress)
    return job.out


def warp_mask(
    mask: Mask, transform: Transform, *, size: tuple[int, int] | None = None, border: Border = "background"
) -> Mask:
    """Move a mask: linear, since coverage must not overshoot, and cut at half again if it was bool."""
    mask = check_mask(mask)
    moved = warp(soft_mask(mask), transform, size=size, filter="linear", border=border)
    return moved >= 0.5 if mask.dtype == bool else like(moved, mask)


def rotate(
    image: Image,
    degrees: float,
    *,
    expand: bool = True,
    filter: Annotated[str, WARP_FILTERS] = "auto",
    border: Border = "background",
    background: Color | None = None,
    space: Literal["srgb", "linear"] = "srgb",
    progress: Progress | None = None,
) -> Image:
    """Turn an image about its centre.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    degrees : float
        Angle; positive is counter-clockwise. Multiples of 90 move pixels without mixing them.
    expand : bool
        Make the canvas large enough for all of the turned image; otherwise it keeps its size and corners are cut off.
    filter : str
        ``nearest``, ``linear``, ``cubic`` (Catmull-Rom), ``mitchell``, ``lanczos3``; ``auto`` is ``cubic``.
    border : {"background", "edge", "reflect", "wrap"}
        What the corners show.
    background : str or tuple of float, optional
        Their colour; by default clear, or black where the image has no alpha.
    space : {"srgb", "linear"}
        Interpolate the encoded values, or amounts of light.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray
        The turned image, of the same dtype and channels.

    Raises
    ------
    ArgumentError
        An angle that is not finite, or a colour that the image can't hold.
    UnknownNameError
        No such filter.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.rotate(np.array([[1, 2, 3]], np.uint8), 90).tolist()
    [[3], [2], [1]]
    """
    image = check(image)
    degrees = check_number(degrees, "degrees")
    height, width = image.shape[:2]
    turn = Transform.rotation(degrees, center=(width / 2, height / 2))
    size = (height, width)
    if expand:
        left, top, right, bottom = turn.boxes([[0, 0, width, height]])[0]
        # A corner that sticks out by a rounding error needs no further pixel.
        size = (int(np.ceil(bottom - top - 1e-6)), int(np.ceil(right - left - 1e-6)))
        turn = Transform.translation((size[1] - width) / 2, (size[0] - height) / 2) @ turn
    return warp(
        image, turn, size=size, filter=filter, border=border, background=background, space=space, progress=progress
    )


def _as_transform(transform: Any) -> Transform:
    if isinstance(transform, Transform):
        return transform
    remedy = "give ie.Transform.affine(...), .perspective(...), .thin_plate(...), .mesh(...) or .field(...)"
    if isinstance(transform, (list, tuple, np.ndarray)):
        return Transform.perspective(transform) if len(transform) == 3 else Transform.affine(transform)
    raise ArgumentError("transform", f"is {type(transform).__qualname__}", remedy)


def _moved(image: Image, transform: Transform, size: tuple[int, int], border: Border, color: Image) -> Image | None:
    """Copy pixels where the transform takes each one onto one; None where it does not."""
    matrix = transform.inverse().matrix
    if matrix is None or tuple(matrix[2]) != (0, 0, 1):
        return None
    turn = matrix[:2, :2]
    swapped = turn[0, 0] == 0
    if sorted(np.abs(turn).ravel()) != [0, 0, 1, 1] or turn[0, 0] * turn[1, 0] != 0:
        return None
    y, x = np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5
    columns = (turn[0, 1] * y if swapped else turn[0, 0] * x) + matrix[0, 2] - 0.5
    rows = (turn[1, 0] * x if swapped else turn[1, 1] * y) + matrix[1, 2] - 0.5
    if (columns != np.rint(columns)).any() or (rows != np.rint(rows)).any():
        return None
    rows, columns = rows.astype(np.intp), columns.astype(np.intp)
    height, width = image.shape[:2]
    picked = image[_run(fold(rows, height, border))][:, _run(fold(columns, width, border))]
    out = np.ascontiguousarray(picked.swapaxes(0, 1) if swapped else picked)
    if np.shares_memory(out, image):
        out = out.copy()
    if border == "background":
        outside_rows, outside_columns = (rows < 0) | (rows >= height), (columns < 0) | (columns >= width)
        if swapped:
            outside_rows, outside_columns = outside_columns, outside_rows
        out[outside_rows] = color
        out[:, outside_columns] = color
    return out


def _run(index: NDArray[np.intp]) -> Any:
    """Give the slice that equals an index, if there is one: slices do not copy."""
    step = int(index[1] - index[0]) if len(index) > 1 else 1
    if step in (1, -1) and (np.diff(index) == step).all():
        stop = int(index[-1]) + step
        return slice(int(index[0]), stop if stop >= 0 else None, step)
    return index


@dataclass(frozen=True)
class _Job:
    """All that the tiles of one call share."""

    image: Image
    transform: Transform
    filter: str
    border: Border
    color: Image
    linear: bool
    out: Image

    def fill(self, left: int, top: int, right: int, bottom: int) -> None:
        """Make one tile of the output."""
        jacobian = self._jacobian(left, top, right, bottom)
        shrink, samples = _plan(jacobian) if self.filter != "nearest" else ((1.0, 1.0), (1, 1))
        x, y = _centres(left, right, samples[0]), _centres(top, bottom, samples[1])
        u, v = _places(self.transform, x, y)
        coverage = self._coverage(u, v, jacobian, samples)
        if coverage is not None and not coverage.any():
            self.out[top:bottom, left:right] = self.color
            return
        u, v = self._limited(u, v)
        window = self._window(u, v, shrink)
        if (window[2] - window[0]) * (window[3] - window[1]) > MOST_INPUT and max(right - left, bottom - top) > 1:
            self._quarter(left, top, right, bottom)
            return
        source, origin = self._input(window, shrink)
        x_in, y_in = ((u * shrink[0] - origin[0]).astype(np.float32), (v * shrink[1] - origin[1]).astype(np.float32))
        values = interpolate(source, x_in, y_in, self.filter)
        self._finish(values, coverage, samples, self.out[top:bottom, left:right])

    def _quarter(self, left: int, top: int, right: int, bottom: int) -> None:
        x, y = (left + right + 1) // 2, (top + bottom + 1) // 2
        for corner in ((left, top, x, y), (x, top, right, y), (left, y, x, bottom), (x, y, right, bottom)):
            if corner[0] < corner[2] and corner[1] < corner[3]:
                self.fill(*corner)

    def _jacobian(self, left: int, top: int, right: int, bottom: int) -> Places:
        """Give the derivative of the way back in the middle of the tile: 2x2, rows u and v."""
        x, y = (left + right) / 2, (top + bottom) / 2
        across, down = (right - left) / 2, (bottom - top) / 2
        u, v = _places(self.transform, np.array([x - across, x, x + across]), np.array([y - down, y, y + down]))
        grid = np.stack([u, v])
        along_x = (grid[:, :, 2] - grid[:, :, 0]) / (2 * across)
        along_y = (grid[:, 2] - grid[:, 0]) / (2 * down)
        return np.stack([_middle(along_x), _middle(along_y)], axis=1)

    def _coverage(self, u: Places, v: Places, jacobian: Places, samples: tuple[int, int]) -> Floats | None:
        """Share of each sample that lies on the image; None where that is all of it."""
        height, width = self.image.shape[:2]
        if self.border != "background":
            return None
        share = np.ones(u.shape, np.float32)
        for place, length, slope in ((u, width, jacobian[0]), (v, height, jacobian[1])):
            known = np.isfinite(place).all()
            breadth = max(float(np.hypot(*(slope / samples))), 1e-6)
            reach = 0.5 * breadth
            if known and place.min() >= reach and place.max() <= length - reach:
                continue
            near = np.clip(np.minimum(place, length - place) / breadth + 0.5, 0, 1)
            if self.filter == "nearest":
                near = (place >= 0) & (place < length)
            share *= np.nan_to_num(near, nan=0.0).astype(np.float32)
        return None if share.min() == 1 else share

    def _limited(self, u: Places, v: Places) -> tuple[Places, Places]:
        """Keep places within reach of the image where all beyond looks alike."""
        height, width = self.image.shape[:2]
        if self.border in ("background", "edge"):
            u, v = np.clip(u, -1, width + 1), np.clip(v, -1, height + 1)
        return np.nan_to_num(u, nan=0.0), np.nan_to_num(v, nan=0.0)

    def _window(self, u: Places, v: Places, shrink: tuple[float, float]) -> tuple[int, int, int, int]:
        """Input pixels that the places need: left, top, right, bottom, possibly beyond the image."""
        low, high = [], []
        for place, factor in ((u, shrink[0]), (v, shrink[1])):
            # Twice the reach where the input is resampled first: once for that, once for the interpolation.
            reach = REACH[self.filter] * (1 if factor == 1 else 2) / factor + 1
            low.append(int(np.floor(place.min() - reach)))
            high.append(int(np.ceil(place.max() + reach)))
        return low[0], low[1], high[0], high[1]

    def _input(
        self, window: tuple[int, int, int, int], shrink: tuple[float, float]
    ) -> tuple[Floats, tuple[float, float]]:
        """Premultiplied pixels of the window, resampled where the tile shrinks, and the place of their corner."""
        left, top, right, bottom = window
        height, width = self.image.shape[:2]
        piece = self.image
        piece = piece[_run(fold(np.arange(top, bottom), height, self.border))]
        piece = piece[:, _run(fold(np.arange(left, right), width, self.border))]
        channels = piece.shape[2] if piece.ndim == 3 else 1
        planes = np.empty((bottom - top, channels, right - left), np.float32)
        load(np.ascontiguousarray(piece), planes, linear=self.linear)
        kernel = FILTERS[self.filter]
        x, y = float(left), float(top)
        if shrink[1] < 1:
            y = float(np.floor(top * shrink[1]))
            count = int(np.ceil(bottom * shrink[1]) - y)
            centres = (y + np.arange(0.5, count)) / shrink[1] - top
            bands = make_bands(make_taps(kernel, bottom - top, centres, 1 / shrink[1]), "rows")
            reduced = np.empty((count, *planes.shape[1:]), np.float32)
            convolve_rows(planes, 0, bands, reduced)
            planes = reduced
        if shrink[0] < 1:
            x = float(np.floor(left * shrink[0]))
            count = int(np.ceil(right * shrink[0]) - x)
            centres = (x + np.arange(0.5, count)) / shrink[0] - left
            bands = make_bands(make_taps(kernel, right - left, centres, 1 / shrink[0]), "columns")
            planes = convolve_columns(planes, bands, np.empty((*planes.shape[:2], count), np.float32))
        if channels == 1:
            return np.ascontiguousarray(planes[:, 0]), (x, y)
        # Four channels even for three: OpenCV and NumPy both move them twice as fast.
        parts = [planes[:, min(channel, channels - 1)] for channel in range(4)]
        return np.asarray(cv2.merge(parts)), (x, y)

    def _finish(self, values: Floats, coverage: Floats | None, samples: tuple[int, int], out: Image) -> None:
        """Average the samples of each pixel, lay them over the background, and store them."""
        if coverage is not None:
            values = values * (coverage if values.ndim == 2 else coverage[..., None])
        if samples != (1, 1):
            values = _averaged(values, out.shape)
            coverage = None if coverage is None else _averaged(coverage, out.shape)
        channels = out.shape[2] if out.ndim == 3 else 1
        planes = np.empty((out.shape[0], channels, out.shape[1]), np.float32)
        for channel in range(channels):
            planes[:, channel] = values if values.ndim == 2 else values[..., channel]
        if coverage is not None and self.color.any():
            ground = np.empty((1, channels, 1), np.float32)
            load(self.color.reshape(1, 1, -1) if channels > 1 else self.color.reshape(1, 1), ground, linear=self.linear)
            planes += ground * (1 - coverage)[:, None]
        store(planes, out, linear=self.linear)


def _averaged(values: Floats, shape: tuple[int, ...]) -> Floats:
    return np.asarray(cv2.resize(values, shape[1::-1], interpolation=cv2.INTER_AREA), np.float32)


def _middle(values: Places) -> Places:
    """Mean over the last axis of what is known there; 0 where nothing is."""
    known = np.isfinite(values)
    return np.asarray(np.where(known, values, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1))


def _plan(jacobian: Places) -> tuple[tuple[float, float], tuple[int, int]]:
    """Choose by how much to resample the input along x and y, and how many samples to take along each output axis."""
    determinant = abs(float(np.linalg.det(jacobian)))
    if determinant < 1e-12:
        return (1.0, 1.0), (1, 1)
    # Lengths in the output of the input's unit steps along x and y: the columns of the inverse.
    lengths = np.hypot(*jacobian[::-1].T) / determinant
    shrink = tuple(float(length) if length < 1 - SLACK else 1.0 for length in lengths)
    rest = jacobian * np.array(shrink)[:, None]
    counts = np.ceil(np.hypot(*rest) - 0.25)
    samples = tuple(int(np.clip(count, 1, MOST_SAMPLES)) for count in counts)
    return (shrink[0], shrink[1]), (samples[0], samples[1])


def _centres(start: int, stop: int, samples: int) -> Places:
    return start + (np.arange((stop - start) * samples) + 0.5) / samples


def _places(transform: Transform, x: Places, y: Places) -> tuple[Places, Places]:
    """Input places of the output points at columns `x` and rows `y`; NaN where there is none."""
    way_back = transform.inverse().matrix
    if way_back is None:
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        u, v = transform.back(grid).T.reshape(2, len(y), len(x))
        return u, v
    (a, b, c), (d, e, f), (g, h, i) = way_back
    u = (b * y + c)[:, None] + a * x
    v = (e * y + f)[:, None] + d * x
    if (g, h, i) != (0, 0, 1):
        depth = (h * y + i)[:, None] + g * x
        depth = np.where(depth > 0, depth, np.nan)
        u, v = u / depth, v / depth
    return u, v
