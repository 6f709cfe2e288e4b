"""Resample an image through a geometric transform.

The output is made in tiles. For each one the derivative of the way back tells by how much the tile shrinks the input
along the input's own axes; the tile interpolates a level of the input that is shrunk by that much, antialiased (see
``levels``). What shear is left over is met by taking several samples a pixel. Where nothing shrinks, nothing is
filtered, so that a whole shift is a copy and the identity is the identity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import Color
from imgedit.errors import ArgumentError
from imgedit.geometry.canvas import Border, canvas_color, check_border, check_size, fold
from imgedit.geometry.interpolation import REACH, interpolate, linear_warp_is_exact, spread
from imgedit.geometry.kernels import FILTERS, Kernel, make_taps
from imgedit.geometry.levels import LEAST_LENGTH, Levels, cut, interleave, run
from imgedit.geometry.mappings import project
from imgedit.geometry.planes import as_dtype, load, store
from imgedit.geometry.separable import convolve_rows, make_blocks
from imgedit.geometry.transform import Transform
from imgedit.pixels import (
    Image,
    Mask,
    Progress,
    check,
    check_alpha,
    check_mask,
    check_number,
    full_range,
    like,
    soft_mask,
)
from imgedit.strips import STRIP_BYTES, Scratch, each_strip
from imgedit.tables import Table

__all__ = ["WARP_FILTERS", "rotate", "warp", "warp_mask"]

WARP_FILTERS: Table[Kernel | None] = Table(
    "filter", {"auto": None, **{name: FILTERS[name] for name in ("nearest", "linear", "cubic", "mitchell", "lanczos3")}}
)
"""The kernels that can interpolate at any point; ``auto`` is ``cubic`` (Catmull-Rom)."""

Floats = NDArray[np.float32]
Places = NDArray[np.float64]
Range = tuple[float, float]
Box = tuple[int, int, int, int]

# Output pixels on a side; a tile and the input it shows stay in a core's cache.
TILE = 192
# Input pixels that a tile may hold at once before it is quartered.
MOST_INPUT = 1 << 20
# On a side, where even one pixel sees more.
MOST_SIDE = 128
# Samples a pixel along one axis, at most; beyond it lies the horizon.
MOST_SAMPLES = 16
# Output pixels below which a tile is not cut further, and by how much its shrinking may vary until then.
LEAST_TILE = 16
MOST_SPREAD = 1.4
# Levels for each factor of two, where the shrinking varies: it lies within a tenth of one of them.
OCTAVE = 4
# Tiles that one thread takes at once.
TILES_TOGETHER = 8
# Sides from which on OpenCV refuses some of its warps.
OPENCV_SIDE = 32767
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
    way = _Way(transform)
    if (
        filter == "linear"
        and border == "background"
        and space == "srgb"
        and _one_call_does(image, way, (height, width))
    ):
        return _one_call(image, way, (height, width), color)
    filter = "cubic" if filter == "auto" else filter
    # Zeros cost nothing before they are written to, and where the background is 0 and nothing lands they never are.
    out = np.zeros((height, width, *image.shape[2:]), image.dtype)
    levels = Levels(image, FILTERS[filter], border, space == "linear", _rows_at_once(way, image, (height, width)))
    job = _Job(image, way, filter, border, color, space == "linear", levels, Scratch(), out)
    tiles = job.plan(
        [
            (x, y, min(x + TILE, width), min(y + TILE, height))
            for y in range(0, height, TILE)
            for x in range(0, width, TILE)
        ]
    )

    def work(first: int, last: int) -> None:
        for tile in tiles[first:last]:
            job.fill(tile)

    # Neighbours on one thread, as far as there are enough for all: they look at the same blocks.
    together = TILES_TOGETHER if len(tiles) > 8 * TILES_TOGETHER else 1
    each_strip(work, len(tiles), row_bytes=STRIP_BYTES // together, progress=progress)
    return out


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
    picked = image[run(fold(rows, height, border))][:, run(fold(columns, width, border))]
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


def _one_call_does(image: Image, way: _Way, size: tuple[int, int]) -> bool:
    """Whether OpenCV's own linear warp gives the same result: no alpha, no shrinking, a border as broad as a pixel."""
    if not way.is_affine or way.matrix is None or (image.ndim == 3 and image.shape[2] == 4):
        return False
    turn = way.matrix[:2, :2]
    rigid = np.allclose(turn @ turn.T, np.eye(2), rtol=0, atol=1e-9)
    return bool(rigid and max(*image.shape[:2], *size) < OPENCV_SIDE and linear_warp_is_exact())


def _one_call(image: Image, way: _Way, size: tuple[int, int], color: Image) -> Image:
    matrix = np.asarray(way.matrix)[:2].copy()
    # OpenCV counts from the centre of the first pixel.
    matrix[:, 2] += (matrix[:, :2] - np.eye(2)) @ (0.5, 0.5)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    value = [float(level) for level in color]
    return np.asarray(cv2.warpAffine(image, matrix, size[::-1], flags=flags, borderValue=value))


def _rows_at_once(way: _Way, image: Image, size: tuple[int, int]) -> float:
    """Most rows of the image that one row of tiles looks at."""
    x, y = (np.append(np.arange(0, length, TILE), length).astype(np.float64) for length in size[::-1])
    v = np.clip(way.places(x, y)[1], 0, len(image))
    v = np.concatenate([v[:-1], v[1:]], axis=1)
    return float(np.nan_to_num(v.max(axis=1) - v.min(axis=1), nan=len(image)).max())


@dataclass(frozen=True)
class _Tile:
    """A rectangle of the output, and how the input is looked at there.

    `shrink` is the level of the input, `samples` are taken a pixel, and `breadths` are those of a sample in the input;
    all three along x and y.
    """

    box: Box
    shrink: tuple[float, float]
    samples: tuple[int, int]
    breadths: tuple[float, float]


@dataclass(frozen=True)
class _Job:
    """All that the tiles of one call share."""

    image: Image
    way: _Way
    filter: str
    border: Border
    color: Image
    linear: bool
    levels: Levels
    scratch: Scratch
    out: Image

    def plan(self, boxes: Sequence[Box]) -> list[_Tile]:
        """Cut rectangles until each shrinks evenly, and choose level and samples of each."""
        rest = np.array(boxes)
        tiles: list[_Tile] = []
        while len(rest):
            jacobians, lengths, spread = self.way.measure(rest)
            uneven = (spread > MOST_SPREAD) & ((rest[:, 2:] - rest[:, :2]).max(axis=1) > LEAST_TILE)
            uneven &= (self.filter != "nearest") & ~self._far_outside(rest)
            done = ~uneven
            tiles += self._chosen(rest[done], jacobians[done], lengths[done])
            rest = np.array([part for box in rest[uneven].tolist() for part in _quarters(box)]).reshape(-1, 4)
        # Neighbours one after the other: they look at the same blocks.
        return sorted(tiles, key=lambda tile: (tile.box[1] // TILE, tile.box[0] // TILE))

    def _far_outside(self, boxes: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which rectangles show nothing but the background, since they lie off the image by half their own extent."""
        if self.border != "background" or self.way.matrix is None:
            return np.zeros(len(boxes), bool)
        corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]].astype(np.float64)
        places = project(self.way.matrix, corners.reshape(-1, 2)).reshape(-1, 4, 2)
        low, high = places.min(axis=1), places.max(axis=1)
        margin = (high - low) / 2
        beyond = (high < -margin) | (low > np.array(self.image.shape[1::-1]) + margin)
        return np.asarray(beyond.any(axis=1))

    def _chosen(self, boxes: NDArray[np.intp], jacobians: Places, lengths: Places) -> list[_Tile]:
        shrink = np.ones_like(lengths)
        samples = np.ones(lengths.shape, int)
        if self.filter != "nearest":
            least = np.minimum(LEAST_LENGTH / np.array(self.image.shape[1::-1]), 1)
            level = lengths if self.way.is_affine else np.exp2(np.rint(np.log2(lengths) * OCTAVE) / OCTAVE)
            shrink = np.where(level < 1 - SLACK, np.maximum(level, least), 1.0)
            left = jacobians * shrink[..., None]
            samples = np.clip(np.ceil(np.hypot(left[:, 0], left[:, 1]) - 0.25), 1, MOST_SAMPLES).astype(int)
        # The border is as sharp as the output's pixels.
        breadths = np.maximum(np.linalg.norm(jacobians / samples[:, None], axis=2), 1e-6)
        columns = (boxes.tolist(), shrink.tolist(), samples.tolist(), breadths.tolist())
        return [_Tile(*map(tuple, row)) for row in zip(*columns, strict=True)]

    def fill(self, tile: _Tile) -> None:
        """Make one tile of the output."""
        (left, top, right, bottom), samples, shrink = tile.box, tile.samples, tile.shrink
        margin = 0 if samples == (1, 1) else REACH["cubic"]
        x = _centres(left - margin, right + margin, samples[0])
        y = _centres(top - margin, bottom + margin, samples[1])
        ranges, places = self.way.look(x, y)
        if self._is_outside(ranges, tile):
            self._clear(tile)
            return
        spans = [self._span(axis, ranges[axis], shrink[axis]) for axis in (0, 1)]
        origin = (spans[0][0], spans[1][0])
        local = self.way.places_within(x, y, shrink, origin, places)
        coverage = self._coverage(local, origin, ranges, tile)
        if coverage is not None and not coverage.any():
            self._clear(tile)
            return
        large = math.prod(stop - start for start, stop in spans) > MOST_INPUT
        if large and max(right - left, bottom - top) > 1:
            for part in self.plan(_quarters(tile.box)):
                self.fill(part)
            return
        if places is not None:
            # What lies nowhere has no coverage, so that any place will do.
            np.copyto(local, -np.array(origin, np.float32)[:, None, None], where=~np.isfinite(local))
        for axis in (0, 1):
            spans[axis] = self._bring_near(local[axis], spans[axis], large)
        values = interpolate(self._input(spans[0], spans[1], shrink), local, self.filter, self.scratch)
        self._finish(values, coverage, samples, self.out[top:bottom, left:right])

    def _clear(self, tile: _Tile) -> None:
        if self.color.any():
            left, top, right, bottom = tile.box
            self.out[top:bottom, left:right] = self.color

    def _is_outside(self, ranges: tuple[Range, Range], tile: _Tile) -> bool:
        return self.border == "background" and any(
            high < -breadth / 2 or low > length + breadth / 2
            for (low, high), length, breadth in zip(ranges, self.image.shape[1::-1], tile.breadths, strict=True)
        )

    def _is_inside(self, ranges: tuple[Range, Range], tile: _Tile) -> bool:
        """Whether all samples of a tile lie wholly on the image."""
        return all(
            low >= breadth / 2 and high <= length - breadth / 2
            for (low, high), length, breadth in zip(ranges, self.image.shape[1::-1], tile.breadths, strict=True)
        )

    def _coverage(
        self, local: Floats, origin: tuple[int, int], ranges: tuple[Range, Range], tile: _Tile
    ) -> Floats | None:
        """Share of each sample that lies on the image; None where that is all of it."""
        if self.border != "background" or self._is_inside(ranges, tile):
            return None
        share: Floats | None = None
        columns = (local, origin, ranges, self.image.shape[1::-1], tile.shrink, tile.breadths)
        for place, start, (low, high), length, factor, breadth in zip(*columns, strict=True):
            if low >= breadth / 2 and high <= length - breadth / 2:
                continue
            end = np.float32(length * factor - start)
            if self.filter == "nearest":
                part = ((place >= -start) & (place < end)).astype(np.float32)
            else:
                part = np.minimum(place + np.float32(start), end - place)
                part *= np.float32(1 / (breadth * factor))
                part += np.float32(0.5)
                # Of 0 and what is no number, fmax gives 0.
                np.minimum(np.fmax(part, 0, out=part), 1, out=part)
            share = part if share is None else np.multiply(share, part, out=share)
        return share

    def _limits(self, axis: int, factor: float) -> Range:
        """Places along one axis beyond which all that lies further out looks alike."""
        if self.border not in ("background", "edge"):
            return (-math.inf, math.inf)
        # Twice the reach where the level is not the image itself: once for its making, once for the interpolation.
        reach = REACH[self.filter] * (1 if factor == 1 else 2) / factor + 1
        return (-reach, self.image.shape[1 - axis] + reach)

    def _span(self, axis: int, extent: Range, factor: float) -> tuple[int, int]:
        """Pixels of a level that the places need along one axis, possibly beyond the image."""
        least, most = self._limits(axis, factor)
        low, high = (min(max(end, least), most) for end in extent)
        margin = REACH[self.filter] + 1
        return (math.floor(low * factor - margin), math.ceil(high * factor + margin))

    def _bring_near(self, local: Floats, span: tuple[int, int], large: bool) -> tuple[int, int]:
        """Move places, counted from a window's start, into it: no coverage, or the same as at its ends.

        A window that is too large even for one pixel lies at a horizon; it is cut to what is near the pixel's centre.
        """
        start, stop = span
        if large and stop - start > MOST_SIDE:
            skipped = int(np.clip(np.median(local) - MOST_SIDE / 2, 0, stop - start - MOST_SIDE))
            start, stop = start + skipped, start + skipped + MOST_SIDE
            local -= np.float32(skipped)
        margin = REACH[self.filter] + 1
        np.clip(local, margin, stop - start - margin, out=local)
        return (start, stop)

    def _input(self, x_span: tuple[int, int], y_span: tuple[int, int], shrink: tuple[float, float]) -> Floats:
        """Premultiplied pixels of a window of a level."""
        if min(shrink) < 1:
            return self.levels.window(x_span, y_span, shrink)
        piece = cut(self.image, x_span, y_span, self.border)
        if piece.ndim == 3 and not self.linear:
            return _interleaved(piece)
        channels = piece.shape[2] if piece.ndim == 3 else 1
        planes = self.scratch.array("planes", (channels, *piece.shape[:2]))
        load(piece, planes, self.scratch, linear=self.linear)
        return interleave(planes)

    def _finish(self, values: Floats, coverage: Floats | None, samples: tuple[int, int], out: Image) -> None:
        """Average the samples of each pixel, lay them over the background, and store them."""
        if coverage is not None:
            values *= spread(coverage, self.scratch.array("shares", values.shape))
        if samples != (1, 1):
            values = _reduced(values, out.shape, samples)
            coverage = None if coverage is None else _reduced(coverage, out.shape, samples)
        if out.ndim == 3 and out.shape[2] == 3 and not self.linear and (coverage is None or not self.color.any()):
            rounded = as_dtype(values.reshape(len(values), -1), out.dtype).reshape(values.shape)
            cv2.cvtColor(rounded, cv2.COLOR_RGBA2RGB, dst=out)
            return
        planes = values[None]
        if out.ndim == 3:
            planes = self.scratch.array("planes", (4, *out.shape[:2]))
            cv2.split(values, list(planes))
            planes = planes[: out.shape[2]]
        if coverage is not None and self.color.any():
            ground = np.empty((len(planes), 1, 1), np.float32)
            load(self.color.reshape((1, 1, -1) if out.ndim == 3 else (1, 1)), ground, self.scratch, linear=self.linear)
            planes += ground * (1 - coverage)
        store(planes, out, self.scratch, linear=self.linear)


def _interleaved(piece: Image) -> Floats:
    """Premultiply pixels in place of planes: four floats each, in the units of the dtype."""
    if piece.shape[2] == 3:
        return np.asarray(cv2.cvtColor(piece, cv2.COLOR_RGB2RGBA), np.float32)
    values = piece.astype(np.float32)
    alpha = cv2.extractChannel(piece, 3)
    white = full_range(piece.dtype)
    if alpha.min() < white:
        share = np.divide(alpha, np.float32(white), dtype=np.float32)
        values *= cv2.merge([share, share, share, np.ones_like(share)])
    return values


def _reduced(values: Floats, shape: tuple[int, ...], samples: tuple[int, int]) -> Floats:
    """Make pixels of their samples and those of their neighbours."""
    for length, count in zip(shape[:2], samples[::-1], strict=True):
        if count > 1:
            centres = (REACH["cubic"] + np.arange(0.5, length)) * count
            blocks = make_blocks(make_taps(FILTERS["cubic"], len(values), centres, count), "rows")
            pixels = np.empty((length, *values.shape[1:]), np.float32)
            convolve_rows(values.reshape(1, len(values), -1), 0, blocks, pixels.reshape(1, length, -1))
        else:
            pixels = values[REACH["cubic"] : REACH["cubic"] + length]
        values = np.asarray(cv2.transpose(pixels), np.float32)
    return values


def _range(places: Places) -> Range:
    """Smallest and largest place; what lies nowhere is taken for 0."""
    known = np.nan_to_num(places, nan=0.0, posinf=0.0, neginf=0.0)
    return float(known.min()), float(known.max())


def _quarters(box: Sequence[int]) -> list[Box]:
    left, top, right, bottom = box
    x, y = (left + right + 1) // 2, (top + bottom + 1) // 2
    corners = ((left, top, x, y), (x, top, right, y), (left, y, x, bottom), (x, y, right, bottom))
    return [corner for corner in corners if corner[0] < corner[2] and corner[1] < corner[3]]


def _centres(start: int, stop: int, samples: int) -> Places:
    return start + (np.arange((stop - start) * samples) + 0.5) / samples


class _Way:
    """The way back of a transform, on rectangular grids of output points."""

    def __init__(self, transform: Transform) -> None:
        self.transform = transform
        self.matrix = transform.inverse().matrix
        self.is_affine = self.matrix is not None and tuple(self.matrix[2]) == (0, 0, 1)

    def places(self, x: Places, y: Places) -> tuple[Places, Places]:
        """Input places of the output points at columns `x` and rows `y`; NaN where there is none."""
        if self.matrix is None:
            grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
            u, v = self.transform.back(grid).T.reshape(2, len(y), len(x))
            return u, v
        (a, b, c), (d, e, f), (g, h, i) = self.matrix
        u = (b * y + c)[:, None] + a * x
        v = (e * y + f)[:, None] + d * x
        if not self.is_affine:
            depth = (h * y + i)[:, None] + g * x
            depth[depth <= 0] = np.nan
            np.divide(1, depth, out=depth)
            u *= depth
            v *= depth
        return u, v

    def places_within(
        self,
        x: Places,
        y: Places,
        scale: tuple[float, float],
        origin: tuple[int, int],
        places: tuple[Places, Places] | None = None,
    ) -> Floats:
        """Give the two of `places`, scaled and counted from an origin; if None, of a matrix without a horizon there.

        Numbers are small where they are counted from there, so that float32 holds them.
        """
        if places is not None:
            u, v = places
            return np.array([u * scale[0] - origin[0], v * scale[1] - origin[1]], np.float32)
        to_window = np.array([[scale[0], 0, -origin[0]], [0, scale[1], -origin[1]], [0, 0, 1]])
        to_grid = np.array([[1, 0, x[0]], [0, 1, y[0]], [0, 0, 1]])
        matrix = to_window @ np.asarray(self.matrix) @ to_grid
        matrix /= matrix[2, 2]
        across = (matrix[:, 0, None] * (x - x[0])).astype(np.float32)
        down = (matrix[:, 1, None] * (y - y[0]) + matrix[:, 2, None]).astype(np.float32)
        places = down[:2, :, None] + across[:2, None]
        if not self.is_affine:
            places /= down[2][:, None] + across[2]
        return np.asarray(places)

    def look(self, x: Places, y: Places) -> tuple[tuple[Range, Range], tuple[Places, Places] | None]:
        """Smallest and largest of `places`, and these themselves where `places_within` does not tell them.

        A matrix takes straight lines to straight lines, so that the corners hold the extremes; not beyond a horizon.
        """
        corners = self._corners(x[[0, -1]].tolist(), y[[0, -1]].tolist())
        if corners is not None:
            u, v = zip(*corners, strict=True)
            return ((min(u), max(u)), (min(v), max(v))), None
        places = self.places(x, y)
        return (_range(places[0]), _range(places[1])), places

    def _corners(self, x: list[float], y: list[float]) -> list[tuple[float, float]] | None:
        if self.matrix is None:
            return None
        (a, b, c), (d, e, f), (g, h, i) = self.matrix.tolist()
        depths = [(x_, y_, g * x_ + h * y_ + i) for y_ in y for x_ in x]
        if min(depth for _, _, depth in depths) <= 0:
            return None
        return [((a * x_ + b * y_ + c) / depth, (d * x_ + e * y_ + f) / depth) for x_, y_, depth in depths]

    def measure(self, boxes: NDArray[np.intp]) -> tuple[Places, Places, Places]:
        """Find the derivative over rectangles of the output, and what it does to the input.

        Parameters
        ----------
        boxes : ndarray of int
            N x 4; left, top, right, bottom.

        Returns
        -------
        jacobian : ndarray
            N x 2 x 2, in each a row for u and one for v.
        lengths : ndarray
            N x 2; what a step of one input pixel along x and along y is long in the output.
        spread : ndarray
            N; how many times longer the longest of these steps is than the shortest, as far as they shrink.
        """
        count = len(boxes)
        if self.matrix is not None and self.is_affine:
            jacobian = self.matrix[:2, :2]
            lengths = _lengths(jacobian[None])
            return jacobian[None].repeat(count, axis=0), lengths.repeat(count, axis=0), np.ones(count)
        share = np.array([0, 0.5, 1])[:, None]
        x, y = (boxes[:, edge] * (1 - share) + boxes[:, edge + 2] * share for edge in (0, 1))
        middles = np.stack(np.broadcast_arrays(x[None], y[:, None]), axis=-1).reshape(9, count, 2)
        around = middles + 0.5 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])[:, None, None]
        points = around.reshape(-1, 2)
        ends = self.transform.back(points) if self.matrix is None else project(self.matrix, points)
        right, left, below, above = ends.reshape(around.shape)
        jacobians = np.stack([right - left, below - above], axis=-1)
        known = np.isfinite(jacobians).all(axis=(2, 3))
        jacobians[~known] = np.eye(2)
        lengths = _lengths(jacobians.reshape(-1, 2, 2)).reshape(9, count, 2)
        shrinking = np.minimum(lengths, 1)
        known_ = known[..., None]
        widest = np.where(known_, shrinking, 0).max(axis=0)
        spread = np.where(known.any(axis=0), (widest / np.where(known_, shrinking, 1).min(axis=0)).max(axis=1), 1.0)
        total = known.sum(axis=0)
        mean = np.exp(np.where(known_, np.log(lengths), 0).sum(axis=0) / np.maximum(total, 1)[:, None])
        middle = (known.cumsum(axis=0) > total // 2).argmax(axis=0)
        return jacobians[middle, np.arange(count)], mean, spread


def _lengths(jacobians: Places) -> Places:
    """Lengths of the columns of the inverses of N x 2 x 2 matrices: N x 2, 1 where there is no inverse."""
    determinants = jacobians[:, 0, 0] * jacobians[:, 1, 1] - jacobians[:, 0, 1] * jacobians[:, 1, 0]
    rows = np.hypot(*np.moveaxis(jacobians[:, ::-1], -1, 0))
    flat = np.abs(determinants) < 1e-12
    lengths = rows / np.where(flat, 1, np.abs(determinants))[:, None]
    return np.asarray(np.where(flat[:, None] | (lengths == 0), 1, lengths))
