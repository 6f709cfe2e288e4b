"""How different two images look: the distance between what a network sees in them.

Source: Zhang, Isola, Efros, Shechtman and Wang 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual
Metric", https://arxiv.org/abs/1801.03924 (the maps of several layers, each pixel's features scaled to unit length). The
layers count alike here, where the paper learns their weights from judgements of people.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ImageError, ModelError
from imgedit.metrics import pair
from imgedit.pixels import Image, as_float, describe
from imgedit.strips import Progress

if TYPE_CHECKING:
    from imgedit.models import Model

__all__ = ["perceptual"]

Floats = NDArray[np.float32]

LEAST_SIDE = 16
# A tile needs some 100 MB; its margin is what the deepest map sees: two 3x3 convolutions at each of 1, 2, 4, 8 and 16
# pixels reach 62, rounded to whole cells of the coarsest map.
TILE, MARGIN = 512, 64
# Features that are shorter than usual (the maps have about unit deviation) are not scaled up to unit length: on a flat
# ground a trace of noise would count as much as the loss of an edge.
USUAL = 1.0
# The net's own nonlinearity, which its maps are taken before.
SLOPE = 0.1


def perceptual(
    a: Image, b: Image, *, model: str | None = None, device: str = "auto", progress: Progress | None = None
) -> float:
    """Perceptual distance: how different two images look.

    Parameters
    ----------
    a, b : ndarray
        Two images of the same size, at least 16x16, and the same number of channels; the dtypes may differ. With alpha,
        both are looked at over black and over white.
    model : str, optional
        Name of a model for the task "features", or the path of one; by default features-small.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "tensorrt", "directml" or "coreml".
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    float
        0 for equal images; about 0.03 for a difference that one notices at once, and at most 4.

    Raises
    ------
    ImageError
        Not images, of different size or channels, or smaller than 16x16.
    ModelError
        No such model, or one that is not for this task.
    DeviceError
        The device does not work.

    References
    ----------
    Zhang et al. 2018, https://arxiv.org/abs/1801.03924, equation 1.

    Examples
    --------
    >>> import imgedit as ie
    >>> noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    >>> ie.perceptual(noise, noise)
    0.0
    >>> ie.perceptual(noise, ie.blur(noise, radius=1)) < ie.perceptual(noise, ie.blur(noise, radius=4))
    True
    """
    from imgedit.models import load  # here, since manifests are checked by a library that is slow to import

    a, b = pair(a, b)
    if min(a.shape[:2]) < LEAST_SIDE:
        raise ImageError("a", f"is {describe(a)}", "the coarsest map has a cell for each 16x16: give larger images")
    net = load("features-small" if model is None else model, device=device, task="features")
    tiles = list(_tiles(a.shape[0], a.shape[1]))
    sums, counts = np.zeros(0), np.zeros(0)
    for number, (rows, columns) in enumerate(tiles):
        window = rows.around, columns.around
        for left, right in _views(a[window], b[window]):
            total, count = _compare(net, np.stack([left, right]), rows, columns)
            sums, counts = (total, count) if sums.size == 0 else (sums + total, counts + count)
        if progress is not None:
            progress((number + 1) / len(tiles))
    return float((sums / counts).mean())


class Span:
    """A stretch of one axis: what is measured, and what is looked at for it."""

    def __init__(self, start: int, extent: int) -> None:
        stop = min(start + TILE, extent)
        # The rest that would be smaller than a cell of the coarsest map goes with its neighbour.
        stop = extent if extent - stop < LEAST_SIDE else stop
        before, after = min(MARGIN, start), min(MARGIN, extent - stop)
        self.stop = stop
        self.around = slice(start - before, stop + after)
        self.before, self.after = before, after

    def inner(self, cell: int, cells: int) -> slice:
        """Give the cells of a map, each `cell` pixels wide, that lie in what is measured."""
        return slice(self.before // cell, cells - self.after // cell)


def _tiles(height: int, width: int) -> Iterator[tuple[Span, Span]]:
    for rows in _spans(height):
        for columns in _spans(width):
            yield rows, columns


def _spans(extent: int) -> Iterator[Span]:
    start = 0
    while start < extent:
        span = Span(start, extent)
        yield span
        start = span.stop


def _views(a: Image, b: Image) -> Iterator[tuple[Floats, Floats]]:
    """Give both pictures as RGB; with alpha over black, then over white."""
    x, y = as_float(np.ascontiguousarray(a)), as_float(np.ascontiguousarray(b))
    if x.ndim == 2:
        x, y = (np.repeat(side[..., None], 3, axis=2) for side in (x, y))
    if x.shape[2] == 3:
        yield x, y
        return
    for ground in (0, 1):
        left, right = (side[..., :3] * side[..., 3:] + ground * (1 - side[..., 3:]) for side in (x, y))
        yield left, right


def _compare(net: Model, both: Floats, rows: Span, columns: Span) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum the squared distances of unit features, and count the cells, a level."""
    from imgedit.models.pictures import to_net

    totals, counts = [], []
    maps = net.run(to_net(both, net.manifest))
    if any(m.ndim != 4 or len(m) != 2 for m in maps):
        raise ModelError(net.manifest.name, "gives no maps of features; name a model for the task 'features'")
    for level in maps:
        # Halves are rounded down, so that the quotient lies between the cell and twice the cell.
        cell = 1 << int(math.log2(both.shape[1] / level.shape[2]))
        inside = level[:, :, rows.inner(cell, level.shape[2]), columns.inner(cell, level.shape[3])]
        inside = np.maximum(inside, SLOPE * inside)
        length = np.sqrt(np.square(inside).sum(axis=1, keepdims=True, dtype=np.float32))
        unit = inside / np.maximum(length, USUAL * np.sqrt(np.float32(inside.shape[1])))
        totals.append(float(np.square(unit[0] - unit[1]).sum(dtype=np.float64)))
        counts.append(inside[0, 0].size)
    return np.array(totals), np.array(counts, np.float64)
