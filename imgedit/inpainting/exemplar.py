"""Fill a hole patch by patch, strong lines first, each copied whole from where the picture fits best.

A. Criminisi, P. Perez, K. Toyama, "Region filling and object removal by exemplar-based image inpainting", IEEE
Transactions on Image Processing 13(9), 2004 (doi:10.1109/TIP.2004.833105). The order is the paper's: the priority of a
point of the front is its confidence (eq. 1) times its data term (eq. 2), the strength of the isophote that runs into
the hole there; the copied pixels take over the confidence of the patch.

Four things are added to what a patch is compared by. A weak smooth guess of the hole decides between places that fit
the known part alike, so that a patch over calm water does not bring half a dog with it; colours that are not known
near by count against a place; so do surroundings unlike those of the patch; and of equal places the nearer one wins.

Patches far enough apart do not see each other, so several are searched in one matrix product; and the search goes from
coarse to fine: means of 2x2 pixels at every second place first, then all pixels around the best of these, and the
surroundings of what is left. A patch that finds no likeness waits for its neighbours: a post that is known on one side
is continued from there, and not met half way by a guess from the other. At the end the pieces are joined.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError
from imgedit.inpainting.diffusion import fill_push_pull
from imgedit.inpainting.joining import join_pieces
from imgedit.inpainting.methods import Filled
from imgedit.inpainting.patches import as_columns, check_patch_size, opponent, product, sources, windows
from imgedit.inpainting.regions import Flags, Floats
from imgedit.pixels import Mask, check_number
from imgedit.strips import Progress, Ticker

__all__ = ["fill_exemplar"]

Indices = NDArray[np.intp]

# Weight of a pixel of the smooth guess beside a known one, in the comparison.
GUESS = 0.01
# Weight, for pixels to be copied, of the squared distance from the range of the colours that are known near by.
STRANGE = 0.3
# Weight of every second known pixel around a patch, in a window three times as large, beside a pixel of the patch: an
# edge looks like any other through a keyhole, and a post would be continued with the rim of a sign.
CONTEXT = 1.0
# Squared difference, a pixel, that a source loses by standing a whole diagonal of the picture away.
AWAY = 1e-3
# Patches searched in one round, and how far the priority of the last may be below that of the first.
ROUND = 16
WORTH = 0.5
# A patch whose known part is so many times farther from its source than that of the usual patch (the median of those
# filled lately) waits once, with so much less priority. Differences of about two 8-bit levels are never too far.
POOR = 3.0
WAIT = 1e-3
LATELY = 400
NEAR = 1e-4
# Share of the progress after which the pieces are joined.
JOINED = 0.95
# Coarse places that are looked at closely.
CLOSER = 64
# Neighbouring coarse places, of which only the best is looked at closely.
GROUP = 16
# Steps from a coarse place to those between.
AROUND = np.arange(-1, 2)
# Where the picture is flat the data term is 0: this much, less than one 8-bit step, keeps the confidence in charge.
FLAT = 1e-3
# Smooths the outline before its normal is taken, as the paper smooths the front's control points.
OUTLINE = 1.5


@dataclass
class Canvas:
    """What is known so far. All arrays are changed in place."""

    values: Floats
    """HxWxC, the picture."""
    features: Floats
    """HxWxC, in what patches are compared; the smooth guess where nothing is known yet."""
    weight: Floats
    """HxW; 1 for known pixels, GUESS for others."""
    confidence: Floats
    """HxW."""
    todo: Flags
    """HxW; what is still to be filled."""
    origin: Indices
    """HxW; flat index of the pixel that was copied here; -1 where none was."""
    patience: Floats
    """HxW; factor on the priority: below 1 where a patch waits for a better match."""


def fill_exemplar(
    values: Floats,
    hole: Flags,
    *,
    patch_size: int = 9,
    search: int | None = None,
    source: Mask | None = None,
    exhaustive: bool = False,
    join: bool = True,
    progress: Progress,
    seed: int,
) -> Filled:
    """Copy whole patches, strong lines first: straight edges go on, textures stay sharp.

    Parameters
    ----------
    values : ndarray of float32
        HxWxC.
    hole : ndarray of bool
        HxW.
    patch_size : int
        Side of the patches in pixels, odd; a little more than the largest detail that repeats.
    search : int, optional
        Look for patches at most so many pixels away, up, down, left and right; by default in all that is given.
    source : ndarray, optional
        HxW; True where patches may be copied from; by default everywhere outside the hole.
    exhaustive : bool
        One patch at a time, compared at every place in full: the plain algorithm, some thirty times slower.
    join : bool
        Take the steps in brightness away where pieces from different places meet; otherwise every pixel is a copy.
    progress : callable
        Given the fraction done.
    seed : int
        Not used: nothing is random here.

    Returns
    -------
    Filled
        The values, and each pixel's confidence (eq. 1 of the paper).

    Raises
    ------
    ArgumentError
        A patch size that is even or larger than the picture, a source without a whole patch, a search window below 1.
    """
    del seed
    size = check_patch_size(patch_size, hole)
    if search is not None:
        check_number(search, "search", least=1)
    tick = Ticker(progress)
    usable = sources(hole, source, size)
    tick()
    canvas = _canvas(values, hole, tick)
    finder = Finder(canvas.features, usable, size, search, 1 if exhaustive else 2, tick)
    total = np.count_nonzero(hole)
    lately: list[float] = []
    while canvas.todo.any():
        tick(JOINED * (1 - np.count_nonzero(canvas.todo) / total))
        rows, cols, confidence, data = priorities(canvas, size)
        tick()
        priority = confidence * (data + FLAT) * canvas.patience[rows, cols]
        picked = _pick(rows, cols, priority, size, 1 if exhaustive else ROUND, tick)
        tops = np.clip(rows[picked] - size // 2, 0, hole.shape[0] - size)
        lefts = np.clip(cols[picked] - size // 2, 0, hole.shape[1] - size)
        places = finder.find(canvas, tops, lefts, tick)
        jobs = list(zip(tops.tolist(), lefts.tolist(), places, strict=True))
        misfits = [_misfit(canvas, (top, left), place, size) for top, left, place in jobs]
        far = POOR * max(NEAR, float(np.median(lately[-LATELY:] + misfits)))
        for (top, left, place), misfit, sure, point in zip(jobs, misfits, confidence[picked], picked, strict=True):
            tick()
            if misfit > far and canvas.patience[rows[point], cols[point]] == 1 and not exhaustive:
                canvas.patience[top : top + size, left : left + size] = WAIT
            else:
                _copy(canvas, (top, left), place, size, float(sure))
                lately.append(misfit)
    if join:
        canvas.values = join_pieces(values, hole, canvas.origin, tick.part(JOINED, 1.0))
    return Filled(canvas.values, canvas.confidence)


def _canvas(values: Floats, hole: Flags, tick: Ticker) -> Canvas:
    features = opponent(values)
    tick()
    features = fill_push_pull(features * ~hole[..., None], hole, progress=lambda _: tick(), seed=0)
    # Differences of numbers around 0 lose fewer digits in the matrix products.
    features = np.ascontiguousarray(features - features[~hole].mean(axis=0), np.float32)
    tick()
    weight = np.where(hole, np.float32(GUESS), np.float32(1))
    origin = np.full(hole.shape, -1, np.intp)
    patience = np.ones(hole.shape, np.float32)
    return Canvas(values.copy(), features, weight, (~hole).astype(np.float32), hole.copy(), origin, patience)


def priorities(canvas: Canvas, size: int) -> tuple[Indices, Indices, Floats, Floats]:
    """Confidence and data term at each point of the front.

    Parameters
    ----------
    canvas : Canvas
        What is known.
    size : int
        Side of a patch.

    Returns
    -------
    rows, cols : ndarray of int
        The front: pixels to fill with a known pixel beside, above or below.
    confidence : ndarray of float32
        Equation 1: the mean confidence over the patch around the point, with 0 for what is not known.
    data : ndarray of float32
        Equation 2 with alpha = 1: the strongest known gradient of the patch, turned by 90 degrees, along the normal of
        the front; in the units of the first feature, a pixel.
    """
    left, top, width, height = cv2.boundingRect(canvas.todo.view(np.uint8))
    reach = size // 2 + int(3 * OUTLINE) + 2
    first = max(0, top - reach), max(0, left - reach)
    box = slice(first[0], top + height + reach), slice(first[1], left + width + reach)
    todo = canvas.todo[box]
    unknown = todo.view(np.uint8)
    beside = cv2.dilate(1 - unknown, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))) > 0
    rows, cols = np.nonzero(todo & beside)

    confidence = cv2.blur(canvas.confidence[box] * ~todo, (size, size), borderType=cv2.BORDER_CONSTANT)[rows, cols]

    light = np.ascontiguousarray(canvas.features[box][..., 0])
    sure = cv2.dilate(unknown, np.ones((3, 3), np.uint8)) == 0  # the guess must not pass for a gradient
    down = cv2.Sobel(light, cv2.CV_32F, 0, 1, scale=1 / 8) * sure
    right = cv2.Sobel(light, cv2.CV_32F, 1, 0, scale=1 / 8) * sure
    near = np.pad(down * down + right * right, size // 2)
    strongest = windows(near[..., None], size)[rows, cols].reshape(len(rows), -1).argmax(axis=1)
    at = np.divmod(strongest, size)
    at = (
        np.clip(rows + at[0] - size // 2, 0, todo.shape[0] - 1),
        np.clip(cols + at[1] - size // 2, 0, todo.shape[1] - 1),
    )

    outline = cv2.GaussianBlur(todo.astype(np.float32), (0, 0), OUTLINE)
    normal_down = cv2.Sobel(outline, cv2.CV_32F, 0, 1)[rows, cols]
    normal_right = cv2.Sobel(outline, cv2.CV_32F, 1, 0)[rows, cols]
    length = np.maximum(np.hypot(normal_down, normal_right), np.float32(1e-12))
    data = np.abs(down[at] * normal_right - right[at] * normal_down) / length
    return rows + first[0], cols + first[1], confidence, data


def _pick(rows: Indices, cols: Indices, priority: Floats, size: int, most: int, tick: Ticker) -> list[int]:
    """Points of high priority whose patches do not overlap, the highest first."""
    left = priority.copy()
    picked: list[int] = []
    best = int(left.argmax())
    least = WORTH * left[best]
    while len(picked) < most and left[best] >= least:
        tick()
        picked.append(best)
        left[np.maximum(np.abs(rows - rows[best]), np.abs(cols - cols[best])) < size] = -1
        best = int(left.argmax())
    return picked


def _misfit(canvas: Canvas, to: tuple[int, int], place: tuple[int, int], size: int) -> float:
    """Mean squared difference of what is known of a patch from its source."""
    known = ~canvas.todo[to[0] : to[0] + size, to[1] : to[1] + size]
    here = canvas.features[to[0] : to[0] + size, to[1] : to[1] + size]
    there = canvas.features[place[0] : place[0] + size, place[1] : place[1] + size]
    rest = (here - there)[known]
    return float(np.vdot(rest, rest)) / len(rest)


def _copy(canvas: Canvas, to: tuple[int, int], place: tuple[int, int], size: int, confidence: float) -> None:
    """Fill what is missing of a patch."""
    here = slice(to[0], to[0] + size), slice(to[1], to[1] + size)
    there = slice(place[0], place[0] + size), slice(place[1], place[1] + size)
    missing = canvas.todo[here].copy()
    canvas.values[here][missing] = canvas.values[there][missing]
    width = canvas.todo.shape[1]
    source = np.arange(place[0], place[0] + size)[:, None] * width + np.arange(place[1], place[1] + size)
    canvas.origin[here][missing] = source[missing]
    canvas.features[here][missing] = canvas.features[there][missing]
    canvas.weight[here][missing] = 1
    canvas.confidence[here][missing] = confidence
    canvas.todo[here] = False


class Finder:
    """Finds the places that fit best; made once, as sources never change.

    With `step` 2 a first matrix product compares means of 2x2 pixels at every second place, and all pixels are compared
    around the best of these only. With `step` 1 the product compares all pixels at all places.
    """

    def __init__(self, features: Floats, usable: Flags, size: int, search: int | None, step: int, tick: Ticker) -> None:
        self.size, self.search, self.step, self.usable = size, search, step, usable
        self.windows = windows(features, size)
        self.scale = float(np.hypot(*usable.shape))
        self.cells = size // step
        if step == 2:
            features, usable = _coarse(features, usable, self.cells)
        self.rows, self.cols = (step * place for place in np.nonzero(usable))
        # Groups of neighbours, of which the best is taken; the last group is filled up with the last place. The members
        # of a group stand far apart in memory, for then NumPy takes the least of all groups in long runs.
        order = np.minimum(np.arange(-(-len(self.rows) // GROUP) * GROUP), len(self.rows) - 1)
        order = order.reshape(-1, GROUP).T.ravel()
        self.rows, self.cols = self.rows[order], self.cols[order]
        tick()
        everywhere = as_columns(features, self.cells)
        where = np.flatnonzero(usable)[order]
        cells = self.cells**2
        self.matrix = np.zeros((len(everywhere) + cells + 3, len(where)), np.float32)
        columns, squares, place = np.split(self.matrix, (len(everywhere), len(everywhere) + cells))
        for number, (row, values) in enumerate(zip(columns, everywhere, strict=True)):
            tick()
            values.take(where, out=row, mode="clip")
            squares[number % cells] += row**2
        place[:2] = self.rows / self.scale, self.cols / self.scale
        place[2] = place[0] ** 2 + place[1] ** 2
        tick()

    def find(self, canvas: Canvas, tops: Indices, lefts: Indices, tick: Ticker) -> list[tuple[int, int]]:
        """Give the best place for each patch.

        Parameters
        ----------
        canvas : Canvas
            What is known.
        tops, lefts : ndarray of int
            The patches to fill.
        tick : Ticker
            Called between any two steps.

        Returns
        -------
        list of tuple of int
            Top and left of what to copy.
        """
        wanted = self.windows[tops, lefts]
        weight = windows(canvas.weight[..., None], self.size)[tops, lefts]
        costs = product(self._queries(wanted, weight, tops, lefts), self.matrix)
        places = []
        for job in zip(costs, wanted, weight[:, 0], tops, lefts, strict=True):
            tick()
            places.append(self._best(canvas, *job))
        return places

    def _queries(self, wanted: Floats, weight: Floats, tops: Indices, lefts: Indices) -> Floats:
        """Rows whose product with the matrix is the weighted squared distance, up to a constant."""
        wanted = wanted * weight
        if self.step == 2:
            wanted, weight = _cell_sums(wanted, self.cells), _cell_sums(weight, self.cells)
        number = len(tops)
        pull = weight.reshape(number, -1).sum(axis=1) * np.float32(AWAY)
        parts = [-2 * wanted.reshape(number, -1), weight.reshape(number, -1)]
        parts.append(np.stack([-2 * pull * tops / self.scale, -2 * pull * lefts / self.scale, pull], axis=1))
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def _best(
        self, canvas: Canvas, cost: Floats, wanted: Floats, weight: Floats, top: int, left: int
    ) -> tuple[int, int]:
        if self.search is not None:
            far = np.maximum(np.abs(self.rows - top), np.abs(self.cols - left)) > self.search
            cost = np.where(far, np.float32(np.inf), cost)
        if self.step == 1:
            best = int(cost.argmin())
            self._check_reach(cost[best])
            return int(self.rows[best]), int(self.cols[best])
        groups = cost.reshape(GROUP, -1)
        closer = groups.min(axis=0)
        some = np.argpartition(closer, CLOSER)[:CLOSER] if len(closer) > CLOSER else np.arange(len(closer))
        some = groups[:, some].argmin(axis=0) * len(closer) + some
        rows, cols, cost = self._closer(self.rows[some], self.cols[some], wanted, weight, top, left)
        offered = self.windows[rows, cols]
        strange = offered - np.clip(offered, *_range(canvas, top, left, self.size))
        cost += STRANGE * np.einsum("ncyx,ncyx,yx->n", strange, strange, np.float32(1) - weight)
        cost += self._around(canvas, top, left, rows, cols)
        best = int(cost.argmin())
        return int(rows[best]), int(cols[best])

    def _closer(
        self, rows: Indices, cols: Indices, wanted: Floats, weight: Floats, top: int, left: int
    ) -> tuple[Indices, Indices, Floats]:
        """Best place around each coarse one, all pixels compared, and its cost; none where none may be copied."""
        rows = (rows[:, None, None] + AROUND[:, None] + 0 * AROUND).reshape(len(rows), -1)
        cols = (cols[:, None, None] + 0 * AROUND[:, None] + AROUND).reshape(len(cols), -1)
        inside = (rows >= 0) & (cols >= 0) & (rows < self.usable.shape[0]) & (cols < self.usable.shape[1])
        rows, cols = rows * inside, cols * inside
        allowed = self.usable[rows, cols] & inside
        if self.search is not None:
            allowed &= np.maximum(np.abs(rows - top), np.abs(cols - left)) <= self.search
        rest = self.windows[rows.ravel(), cols.ravel()] - wanted
        cost = np.einsum("ncyx,ncyx,yx->n", rest, rest, weight).reshape(rows.shape)
        cost += ((rows - top) ** 2 + (cols - left) ** 2) * (AWAY * weight.sum() / self.scale**2)
        cost[~allowed] = np.inf
        best = np.arange(len(rows)), cost.argmin(axis=1)
        found = allowed[best]
        self._check_reach(0.0 if found.any() else np.inf)
        return rows[best][found], cols[best][found], cost[best][found]

    def _around(self, canvas: Canvas, top: int, left: int, rows: Indices, cols: Indices) -> Floats:
        """How far the surroundings of some places are from those of a patch, where these are known."""
        steps = np.arange(-self.size // 2, 2 * self.size - self.size // 2, 2)
        height, width = canvas.todo.shape
        y, x = top + steps, left + steps
        inside = ((y >= 0) & (y < height))[:, None] & (x >= 0) & (x < width)
        at = np.clip(y, 0, height - 1)[:, None], np.clip(x, 0, width - 1)
        weight = (inside & ~canvas.todo[at]).astype(np.float32) * np.float32(CONTEXT)
        there = np.clip(rows[:, None] + steps, 0, height - 1), np.clip(cols[:, None] + steps, 0, width - 1)
        rest = canvas.features[there[0][:, :, None], there[1][:, None, :]] - canvas.features[at]
        cost: Floats = np.einsum("nyxc,nyxc,yx->n", rest, rest, weight)
        return cost

    def _check_reach(self, cost: float) -> None:
        if cost == np.inf:
            raise ArgumentError("search", f"is {self.search}, which reaches no whole patch", "give a larger window")


def _range(canvas: Canvas, top: int, left: int, size: int) -> tuple[Floats, Floats]:
    """Least and largest known features around a patch, Cx1x1."""
    near = slice(max(0, top - size), top + 2 * size), slice(max(0, left - size), left + 2 * size)
    known = canvas.features[near][~canvas.todo[near]]
    return known.min(axis=0)[:, None, None], known.max(axis=0)[:, None, None]


def _coarse(features: Floats, usable: Flags, cells: int) -> tuple[Floats, Flags]:
    """Means of 2x2 pixels, and at which of the patches of them a usable one begins."""
    half = features.shape[1] // 2, features.shape[0] // 2
    small = cv2.resize(features[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA)
    grid = half[1] - cells + 1, half[0] - cells + 1
    even = np.zeros((2 * grid[0], 2 * grid[1]), bool)
    even[: usable.shape[0], : usable.shape[1]] = usable
    pooled: Flags = np.logical_or.reduce(even.reshape(grid[0], 2, grid[1], 2), axis=(1, 3))
    return np.asarray(small).reshape(half[1], half[0], -1), pooled


def _cell_sums(patches: Floats, cells: int) -> Floats:
    """Add up 2x2 pixels of N x C x size x size patches; an odd last row and column are left out."""
    number, channels = patches.shape[:2]
    even = patches[..., : 2 * cells, : 2 * cells].reshape(number, channels, cells, 2, cells, 2)
    return np.asarray(even.sum(axis=(3, 5)))
