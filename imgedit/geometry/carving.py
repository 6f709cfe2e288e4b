"""Content-aware resize: take out, or put in, paths of pixels that nobody misses.

A seam is a path of pixels from one side to the other, one pixel a row, whose columns differ by at most one from row to
row. Dynamic programming finds the cheapest. Backward energy is the gradient of the pixels that go; forward energy is
the gradient of the edges that come into being where the neighbours of the seam meet, and keeps straight lines straight.

References
----------
S. Avidan, A. Shamir (2007). Seam carving for content-aware image resizing. ACM TOG 26(3). doi:10.1145/1276377.1276390
M. Rubinstein, A. Shamir, S. Avidan (2008). Improved seam carving for video retargeting. ACM TOG 27(3).
doi:10.1145/1360612.1360615
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgedit.color import luma
from imgedit.errors import ArgumentError, ImageError
from imgedit.pixels import (
    Image,
    Mask,
    as_float,
    check,
    check_alpha,
    check_finite,
    check_number,
    hard_mask,
    like,
    premultiply,
    split_alpha,
    unpremultiply,
)
from imgedit.strips import Progress, Ticker
from imgedit.tables import Table

__all__ = ["ENERGIES", "carve"]

Floats: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.intp]
# Costs of a pixel when its seam comes from the upper left, from above, from the upper right.
Costs: TypeAlias = tuple[Floats, Floats, Floats]

# Beyond any sum of gradients that a seam can gather, and still exact enough in float32 to tell gradients apart.
FORCE = np.float32(1e4)

# Seams that are taken together in one pass may cost this much more than the cheapest of the pass.
PATIENCE = 3.0

# More than this part of the width is not put in at once: the same cheap place would be stretched over and over.
GROWTH = 0.35

# Beyond half and one and a half of a side hardly a photo has seams left that nobody misses.
LEAST_SCALE, MOST_SCALE = 0.5, 1.5


def carve(
    image: Image,
    size: tuple[int, int],
    *,
    protect: Mask | None = None,
    remove: Mask | None = None,
    energy: Annotated[str, ENERGIES] = "forward",
    exact: bool = False,
    progress: Progress | None = None,
) -> Image:
    """Change the size of an image where there is least to see: what matters keeps its shape.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    size : tuple of int
        Height and width of the result, smaller or larger; the image's own size with `remove` takes an object out and
        stretches the rest.
    protect : ndarray, optional
        HxW mask of what no seam should cross.
    remove : ndarray, optional
        HxW mask of what is to go; seams are taken through it until nothing of it is left, whatever the size.
    energy : str
        What makes a seam dear; a name in ENERGIES.
    exact : bool
        One seam at a time, the cheapest each time, as the papers have it. Otherwise seams of one pass that do not touch
        and cost about the same are taken together, which is several times faster.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        size[0] x size[1], channels and dtype of the image. Every pixel of a smaller result is one of the image's own.

    Raises
    ------
    ImageError
        A malformed image or mask, NaN, `remove` and `protect` overlap, or `remove` covers whole rows and columns, so
        that nothing would be left.
    ArgumentError
        A size that is no size.

    Warns
    -----
    UserWarning
        A side changes by more than half, or `protect` leaves fewer pixels than are to go.

    References
    ----------
    Avidan and Shamir (2007); Rubinstein, Shamir and Avidan (2008): see the head of this module.

    Examples
    --------
    >>> import imgedit as ie
    >>> photo = np.zeros((20, 30, 3), np.uint8)
    >>> photo[:, 10:14] = 255
    >>> small = ie.carve(photo, (20, 24), exact=True)
    >>> small.shape, int(small[0, :, 0].sum() // 255)
    ((20, 24, 3), 4)
    """
    image = check(image)
    check_alpha(image)
    check_finite(image, why="which no seam can weigh")
    height, width = _checked_size(size)
    find = ENERGIES[energy]
    bias = np.zeros(image.shape[:2], np.float32)
    if protect is not None:
        bias[hard_mask(protect, image, "protect")] = FORCE
    if remove is not None:
        goes = hard_mask(remove, image, "remove")
        if bias[goes].any():
            raise ImageError("remove", "overlaps protect", "leave those pixels out of one: remove & ~protect")
        bias[goes] = -FORCE
    for doubt in _doubts(image.shape[:2], (height, width), bias):
        warnings.warn(doubt, UserWarning, stacklevel=2)
    work = _Work(find, exact, progress, _count(image.shape[:2], (height, width), bias))
    image, bias = _without_object(image, bias, work)
    image, bias = _to_width(image, bias, width, work)
    turned, _ = _to_width(_turned(image), _turned(bias), height, work)
    return np.ascontiguousarray(_turned(turned))


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    try:
        height, width = size
    except (TypeError, ValueError):
        raise ArgumentError("size", f"is {size!r}", "give (height, width)") from None
    for side in (height, width):
        if check_number(side, "size", least=1) != int(side):
            raise ArgumentError("size", f"is {size!r}", "give whole numbers of pixels")
    return int(height), int(width)


def _doubts(old: tuple[int, int], new: tuple[int, int], bias: Floats) -> Iterator[str]:
    """Say where more is asked of seams than they can do."""
    for side, before, after, axis in (("height", old[0], new[0], 0), ("width", old[1], new[1], 1)):
        scale = after / before
        if not LEAST_SCALE <= scale <= MOST_SCALE:
            verb = "shrinks" if scale < 1 else "stretches"
            yield (
                f"size {verb} the {side} from {before} to {after}, more than seams can do unseen; "
                "come nearer with resize first, and carve the rest"
            )
        free = int((bias <= 0).sum(axis).min())
        if before - after > free:
            yield f"protect leaves only {free} of the {before - after} pixels of {side} that go; protect less"


class _Work:
    """How seams are sought, and how many are done of how many."""

    def __init__(self, find: Callable[[Floats], Costs], exact: bool, progress: Progress | None, total: int) -> None:
        self.find = find
        self.exact = exact
        self.tick = Ticker(progress)
        self._total = max(1, total)
        self._done = 0

    def report(self, seams: int) -> None:
        self._done += seams
        self.tick(self._done / self._total)


def _count(old: tuple[int, int], new: tuple[int, int], bias: Floats) -> int:
    goes = bias < 0
    across = int(min(goes.sum(0).max(), goes.sum(1).max())) if goes.any() else 0
    return 2 * across + abs(old[0] - new[0]) + abs(old[1] - new[1])


def _turned(image: Image) -> Image:
    return np.ascontiguousarray(np.swapaxes(image, 0, 1))


def _without_object(image: Image, bias: Floats, work: _Work) -> tuple[Image, Floats]:
    """Take seams through what is to go, along the side that needs fewer, until nothing of it is left."""
    goes = bias < 0
    if not goes.any():
        return image, bias
    if goes.sum(0).max() < goes.sum(1).max():
        image, bias = _without_object_in_rows(_turned(image), _turned(bias), work)
        return _turned(image), _turned(bias)
    return _without_object_in_rows(image, bias, work)


def _without_object_in_rows(image: Image, bias: Floats, work: _Work) -> tuple[Image, Floats]:
    while (most := int((bias < 0).sum(1).max())) > 0:
        if most >= image.shape[1]:
            raise ImageError("remove", "covers a whole row and a whole column", "leave some pixels beside it")
        columns = _kept(image, bias, most, work)
        image, bias = _gather(image, columns), _gather(bias, columns)
    return image, bias


def _to_width(image: Image, bias: Floats, width: int, work: _Work) -> tuple[Image, Floats]:
    while (missing := width - image.shape[1]) > 0:
        count = min(missing, max(1, int(GROWTH * image.shape[1])), image.shape[1] - 1 or 1)
        kept = _kept(image, bias, count, work) if image.shape[1] > count else np.zeros((len(image), 0), np.intp)
        image, bias = _stretched(image, bias, kept)
    if missing < 0:
        columns = _kept(image, bias, -missing, work)
        image, bias = _gather(image, columns), _gather(bias, columns)
    return image, bias


def _gather(image: Image, columns: Indices) -> Image:
    return image[np.arange(len(image))[:, None], columns]


def _stretched(image: Image, bias: Floats, kept: Indices) -> tuple[Image, Floats]:
    """Put a pixel after each that is not kept, halfway between it and its right neighbour."""
    height, width = image.shape[:2]
    seams = np.ones((height, width), bool)
    np.put_along_axis(seams, kept, False, axis=1)
    # Where each old pixel goes: one further for every seam to its left.
    shift = np.cumsum(seams, axis=1) - seams
    columns = np.arange(width)
    out_width = 2 * width - kept.shape[1]
    source = np.empty((height, out_width), np.intp)
    rows = np.arange(height)[:, None]
    source[rows, columns + shift] = columns
    where, which = np.nonzero(seams)
    place = which + shift[where, which] + 1
    source[where, place] = which
    out, bias = _gather(image, source), _gather(bias, source)
    straight = as_float(np.ascontiguousarray(image))
    straight = premultiply(straight) if straight.ndim == 3 and straight.shape[2] == 4 else straight
    mean = (straight[where, which] + straight[where, np.minimum(which + 1, width - 1)])[None] / 2
    mean = unpremultiply(mean) if mean.ndim == 3 and mean.shape[2] == 4 else mean
    out[where, place] = like(mean, image.dtype)[0]
    return out, bias


def _kept(image: Image, bias: Floats, count: int, work: _Work) -> Indices:
    """Take out `count` seams, and give the columns of the image that are left, HxW'."""
    planes = _planes(image)
    columns = np.broadcast_to(np.arange(image.shape[1]), image.shape[:2]).copy()
    biased = bool(bias.any())
    while count > 0:
        costs = work.find(planes)
        work.tick()
        if biased:
            costs = (costs[0] + bias, costs[1] + bias, costs[2] + bias)
        seams = _one_seam(costs, work.tick) if work.exact else _many_seams(costs, count, work.tick)
        work.tick()
        keep = np.ones(columns.shape, bool)
        keep[np.arange(len(keep))[:, None], seams] = False
        columns, planes = _cut(columns, keep), np.stack([_cut(plane, keep) for plane in planes])
        if biased:
            bias = _cut(bias, keep)
        count -= seams.shape[1]
        work.report(seams.shape[1])
    return columns


def _cut(values: NDArray[Any], keep: NDArray[np.bool_]) -> NDArray[Any]:
    return values[keep].reshape(len(values), -1)


def _planes(image: Image) -> Floats:
    """Give what the eye sees, PxHxW: luma, and alpha where there is any, under which hidden colour does not count."""
    values = as_float(image)
    color, alpha = split_alpha(values)
    grey = luma(np.ascontiguousarray(color))
    return grey[None] if alpha is None else np.stack([grey * alpha, alpha])


def backward_costs(planes: Floats) -> Costs:
    """Gradient of the pixels that go: the sum of absolute differences to both sides.

    Parameters
    ----------
    planes : ndarray of float32
        PxHxW.

    Returns
    -------
    tuple of ndarray of float32
        HxW three times, whichever way the seam comes.
    """
    padded = np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = np.abs(padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2])
    down = np.abs(padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1])
    cost = (across + down).sum(0)
    return cost, cost, cost


def forward_costs(planes: Floats) -> Costs:
    """Gradient of the edges that come into being when the pixels beside a seam meet.

    Parameters
    ----------
    planes : ndarray of float32
        PxHxW.

    Returns
    -------
    tuple of ndarray of float32
        HxW each, for a seam that comes from the upper left, from above and from the upper right.
    """
    padded = np.pad(planes, ((0, 0), (1, 0), (1, 1)), mode="edge")
    left, right, above = padded[:, 1:, :-2], padded[:, 1:, 2:], padded[:, :-1, 1:-1]
    meet = np.abs(right - left)
    from_left = (meet + np.abs(above - left)).sum(0)
    from_right = (meet + np.abs(above - right)).sum(0)
    return from_left, meet.sum(0), from_right


def _sums(costs: Costs) -> Floats:
    """Sum up the cheapest seam down to each pixel, Hx(W + 2), with a wall of infinity to both sides."""
    left, up, right = costs
    height, width = up.shape
    sums = np.full((height, width + 2), np.inf, np.float32)
    sums[0, 1:-1] = up[0]
    other = np.empty(width, np.float32)
    for y in range(1, height):
        above, best = sums[y - 1], sums[y, 1:-1]
        np.add(above[:-2], left[y], out=best)
        np.add(above[1:-1], up[y], out=other)
        np.minimum(best, other, out=best)
        np.add(above[2:], right[y], out=other)
        np.minimum(best, other, out=best)
    return sums


def _one_seam(costs: Costs, tick: Ticker) -> Indices:
    """Find the cheapest seam, Hx1."""
    sums = _sums(costs)
    tick()
    return _walk_up(sums, costs, np.array([int(np.argmin(sums[-1, 1:-1]))]))


def _many_seams(costs: Costs, count: int, tick: Ticker) -> Indices:
    """Find several seams that do not touch, Hxk: the cheapest of those that begin at one pixel of the first row."""
    sums = _sums(costs)
    tick()
    last = sums[-1, 1:-1]
    ends = np.argsort(last, kind="stable")
    cheapest = float(last[ends[0]])
    dearest = max(cheapest * PATIENCE, cheapest + 1e-3) if cheapest > 0 else cheapest / PATIENCE
    paths = _walk_up(sums, costs, ends[last[ends] <= dearest])
    # Paths that have met never part again, so two that begin apart share no pixel.
    _, first = np.unique(paths[0], return_index=True)
    return paths[:, np.sort(first)[:count]]


def _walk_up(sums: Floats, costs: Costs, ends: Indices) -> Indices:
    """Give the columns of the seams that end in the last row at these, Hxk; of equal ways the leftmost."""
    left, up, right = costs
    paths = np.empty((len(sums), len(ends)), np.intp)
    paths[-1] = ends
    # One seam is followed with plain numbers: an array of one costs ten times more at each row.
    x: Any = int(ends[0]) if len(ends) == 1 else ends
    for y in range(len(sums) - 1, 0, -1):
        above = sums[y - 1]
        ways = above[x] + left[y, x], above[x + 1] + up[y, x], above[x + 2] + right[y, x]
        second = ways[1] < ways[0]
        third = (ways[2] < ways[0]) & (ways[2] < ways[1])
        x = x - 1 + (second | third) + third  # True counts as 1
        paths[y - 1] = x
    return paths


ENERGIES: Table[Callable[[Floats], Costs]] = Table("energy", {"forward": forward_costs, "backward": backward_costs})
