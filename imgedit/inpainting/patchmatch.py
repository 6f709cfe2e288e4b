"""Fill a hole so that every patch in it has a likeness elsewhere in the picture, from coarse to fine.

The energy is that of Y. Wexler, E. Shechtman, M. Irani, "Space-time completion of video", PAMI 29(3), 2007
(doi:10.1109/TPAMI.2007.60): the sum over all patches that touch the hole of the distance to the nearest patch outside.
It is lowered in turns: look for the nearest patches, then let them vote for the pixels. The search is that of
C. Barnes, E. Shechtman, A. Finkelstein, D. Goldman, "PatchMatch", SIGGRAPH 2009 (doi:10.1145/1531326.1531330), for all
patches at once; the two texture channels are those of A. Newson et al., "Video inpainting of complex scenes", SIAM J.
Imaging Sciences 7(4), 2014 (doi:10.1137/140954933).

Three things make it fast without compiled code. Patches are compared by their projections on the principal components
of the picture's own patches, ten times shorter than the patches. On the coarse levels the nearest patches are
found exactly, by one matrix product. And the pixel comes from the best of the patches that cover it, not from their
mean: that keeps textures sharp on all levels, so few turns are needed.

Posts and wires that are seen on both sides of the hole are carried across first (`bars`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.inpainting.bars import find_bars, lay_bars, lift_bars
from imgedit.inpainting.diffusion import fill_push_pull
from imgedit.inpainting.joining import join_pieces
from imgedit.inpainting.patches import (
    as_columns,
    check_patch_size,
    opponent,
    product,
    sources,
    whole_patches,
    windows,
)
from imgedit.inpainting.regions import Flags, Floats, halve
from imgedit.pixels import Mask, check_number
from imgedit.strips import Progress, Ticker

__all__ = ["fill_patchmatch"]

Indices = NDArray[np.intp]

# Principal components kept: 24 hold 97 to 99 % of the energy of 7x7 patches of photos.
COMPONENTS = 24
POWERS = 5
# Patches from which the components are computed.
SAMPLE = 1500
# Newson's weight of 50 on squared texture differences is a factor of 7 on a mean absolute gradient.
TEXTURE = 7.0
# Up to so many pairs of patches all distances are computed, in the first turn of a level and in its later ones, in
# which little changes any more; beyond, PatchMatch searches.
EXACT_PAIRS = 4e7
EXACT_AGAIN = 1e6
# Once less than this share of the pixels changes in a turn, a level is done.
SETTLED = 0.01
# The coarsest level may have so many pairs: there whole masked patches are compared, at ten times the cost.
COARSEST_PAIRS = 5e6
# Turns on the coarsest level, the next, and so on; the last holds for all finer ones.
TURNS = (10, 6, 4, 3, 2)
# Neighbours at these distances offer their match, the far ones first.
STEPS = (4, 2, 1)
# A patch deeper in the hole counts less, by this factor a pixel (Wexler's alpha).
FADE = 1.3
# Weight of the smooth first guess where nothing better is known yet: it decides between patches that fit alike.
GUESS = 0.03
# Pairs whose distances are computed at one time: 16 MB.
CHUNK = 4_000_000
# Patches that are compared or voted by at one time: what is looked up for them stays in the cache.
SOME = 1 << 15
# Patches that look for a better match at one time: each turn ends in a tenth of a second.
MANY = 1 << 18
MARGIN = max(STEPS)
# Share of a level's progress after which the pieces are joined.
JOINED = 0.8


@dataclass
class Atlas:
    """The picture, and below it the turned and mirrored copies that patches may come from too, at one scale."""

    values: Floats
    """HxWxC, in the picture's own colours."""
    texture: Floats
    """HxWx2, how much it changes across and down nearby."""
    known: Flags
    """Pixels with a value."""
    source: Flags
    """Pixels that may be copied."""
    size: tuple[int, int]
    """Height and width of the picture, which stands top left."""

    @property
    def hole(self) -> Flags:
        """Hole of the picture itself."""
        return ~self.known[: self.size[0], : self.size[1]]


def fill_patchmatch(
    values: Floats,
    hole: Flags,
    *,
    patch_size: int = 7,
    source: Mask | None = None,
    mirror: bool = False,
    rotations: tuple[float, ...] = (),
    gain: float = 0.0,
    join: bool = True,
    bars: bool = True,
    progress: Progress,
    seed: int,
) -> Floats:
    """Fill so that each patch in the hole has a likeness outside: textures and structures, the best for large objects.

    Parameters
    ----------
    values : ndarray of float32
        HxWxC.
    hole : ndarray of bool
        HxW.
    patch_size : int
        Side of the patches in pixels, odd.
    source : ndarray, optional
        HxW; True where patches may come from; by default everywhere outside the hole.
    mirror : bool
        Take patches from the mirrored picture too.
    rotations : tuple of float
        Take patches from the picture turned by these angles too, in degrees.
    gain : float
        Let patches become brighter or darker by up to this share: 0.2 allows factors from 1/1.2 to 1.2.
    join : bool
        Take the steps in brightness away where pieces from different places meet; otherwise every pixel is a copy
        (those of a slanted bar are interpolated).
    bars : bool
        Carry straight posts and wires across that are seen on both sides of the hole; where there are none, nothing
        changes.
    progress : callable
        Given the fraction done.
    seed : int
        Of the random search.

    Returns
    -------
    ndarray of float32
        HxWxC.

    Raises
    ------
    ArgumentError
        A patch size that is even or larger than the picture, a source without a whole patch, a gain below 0.
    """
    size = check_patch_size(patch_size, hole)
    gain = check_number(gain, "gain", least=0)
    for angle in rotations:
        check_number(angle, "rotations")
    tick = Ticker(progress)
    sources(hole, source, size)
    tick()
    found = find_bars(values, hole, source, size, tick) if bars else []
    tick()
    ground = _fill(values, lift_bars(hole, found), size, source, mirror, rotations, gain, join, tick, seed)
    return lay_bars(ground, values, hole, found)


def _fill(
    values: Floats,
    hole: Flags,
    size: int,
    source: Flags | None,
    mirror: bool,
    rotations: Sequence[float],
    gain: float,
    join: bool,
    tick: Ticker,
    seed: int,
) -> Floats:
    """Fill from the coarsest level to the finest."""
    depth = _depth(hole, size)
    tick()
    pyramid = [_atlas(values, hole, source, mirror, rotations, 2**depth, tick)]
    for _ in range(depth):
        tick()
        smaller = _halve(pyramid[-1], tick)
        if not _enough(smaller, size):
            break
        pyramid.append(smaller)

    rng = np.random.default_rng(seed)
    basis = _components(pyramid[0], size)
    level: Level | None = None
    for index in reversed(range(len(pyramid))):
        own = tick.part(0.25 ** (index + 1), 0.25**index)
        own(0.0)
        coarser, level = level, Level(pyramid[index], size, basis, gain, own)
        if coarser is None:
            level.start(rng)
        else:
            level.inherit(coarser, rng)
        turns = TURNS[min(len(pyramid) - 1 - index, len(TURNS) - 1)]
        for turn in range(turns):
            own(JOINED * turn / turns)
            level.search(rng)
            if level.vote() < SETTLED:
                break
    assert level is not None
    return level.result(join)[: hole.shape[0], : hole.shape[1]]


def _depth(hole: Flags, size: int) -> int:
    """Halvings until the hole is as thin as a patch and the pairs of patches are few."""
    inside = cv2.distanceTransform(np.pad(hole, 1).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3).max()
    touched = int(np.count_nonzero(~whole_patches(~hole, size)))
    pairs = touched * max(1.0, hole.size - touched)
    return max(0, math.ceil(math.log2(inside / (size / 2))), math.ceil(math.log(pairs / COARSEST_PAIRS, 16)))


def _enough(atlas: Atlas, size: int) -> bool:
    """Whether a level has at least as many patches to copy from as patches to fill."""
    if min(atlas.size) < 2 * size:
        return False
    touched = int(np.count_nonzero(~whole_patches(~atlas.hole, size)))
    return int(np.count_nonzero(whole_patches(atlas.source, size))) >= max(touched, 50)


def _atlas(
    values: Floats,
    hole: Flags,
    source: Flags | None,
    mirror: bool,
    rotations: Sequence[float],
    multiple: int,
    tick: Ticker,
) -> Atlas:
    """Stack the picture and its copies, each side a multiple so that all levels halve evenly."""
    known = ~hole
    parts = [(values, known, known if source is None else source & known)]
    if mirror:
        parts.append((values[:, ::-1], known[:, ::-1], parts[0][2][:, ::-1]))
    parts += [_turned(*part, angle) for part in tuple(parts) for angle in rotations]
    wide = max(part[1].shape[1] for part in parts)
    wide += -wide % multiple
    stacks: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    for index, part in enumerate(parts):
        tick()
        for stack, array in zip(stacks, part, strict=True):
            stack.append(_padded(array, wide, multiple, replicate=index == 0))
    size = (stacks[1][0].shape[0], values.shape[1] + -values.shape[1] % multiple)
    whole, known, source = (np.concatenate(stack) for stack in stacks)
    tick()
    texture = _texture(whole, known, multiple, tick)
    tick()
    return Atlas(whole, texture, known, source, size)


def _padded(array: NDArray[Any], wide: int, multiple: int, *, replicate: bool) -> NDArray[Any]:
    """Bring an array to the atlas' width: the picture goes on at its edge, beyond that nothing is known."""
    height, width = array.shape[:2]
    rest = [(0, 0)] * (array.ndim - 2)
    array = np.pad(array, [(0, -height % multiple), (0, -width % multiple), *rest], "edge" if replicate else "constant")
    return np.pad(array, [(0, 0), (0, wide - array.shape[1]), *rest])


def _turned(values: Floats, known: Flags, source: Flags, angle: float) -> tuple[Floats, Flags, Flags]:
    """Turn a picture; what is not known for sure after interpolation is unknown."""
    height, width = known.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    reach = np.abs(matrix[:, :2]) @ (width, height)
    size = math.ceil(reach[0] - 1e-6), math.ceil(reach[1] - 1e-6)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2

    def warp(array: NDArray[Any]) -> Floats:
        return np.asarray(cv2.warpAffine(np.ascontiguousarray(array, np.float32), matrix, size))

    turned = warp(values).reshape(size[1], size[0], -1)
    return turned, warp(known) > 0.999, warp(source) > 0.999


def _texture(values: Floats, known: Flags, multiple: int, tick: Ticker) -> Floats:
    """Newson's channels: mean absolute differences across and down, over what one pixel of the coarsest level holds."""
    grey = np.ascontiguousarray(values.mean(axis=2))
    share = cv2.erode(known.view(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    window = (multiple + 1 | 1, multiple + 1 | 1)
    tick()
    total = np.maximum(cv2.blur(share, window), np.float32(1e-3))
    tick()
    steps = [cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)]
    tick()
    return TEXTURE * np.stack([cv2.blur(np.abs(step) * share, window) / total for step in steps], axis=-1)


def _halve(atlas: Atlas, tick: Ticker) -> Atlas:
    values, known = halve(atlas.values, atlas.known)
    tick()
    texture, _ = halve(atlas.texture, atlas.known)
    tick()
    _, source = halve(atlas.texture[..., :1], atlas.source)
    # A mean with something missing is good to start from, not to copy.
    return Atlas(values, texture, known == 1, source == 1, (atlas.size[0] // 2, atlas.size[1] // 2))


def _components(atlas: Atlas, size: int) -> Floats:
    """Principal components of the patches that may be copied, not centred so that a factor stays a factor."""
    rows, cols = np.nonzero(whole_patches(atlas.source, size))
    every = max(1, len(rows) // SAMPLE)
    sample = windows(_features(atlas), size)[rows[::every], cols[::every]].reshape(len(rows[::every]), -1)
    spread = product(np.ascontiguousarray(sample.T), sample)
    # What is asked for is a good subspace, not each of its axes: for that few power iterations are enough.
    basis = np.random.default_rng(0).standard_normal((len(spread), min(COMPONENTS, len(spread))), dtype=np.float32)
    for _ in range(POWERS):
        basis = np.linalg.qr(product(spread, basis))[0]
    return np.ascontiguousarray(basis.T)


def _features(atlas: Atlas) -> Floats:
    return np.concatenate([opponent(atlas.values), atlas.texture], axis=2)


class Level:
    """One scale: the patches to fill ("targets"), those to copy ("sources"), and which source each target has."""

    def __init__(self, atlas: Atlas, size: int, basis: Floats, gain: float, tick: Ticker) -> None:
        self.atlas, self.side, self.basis, self.gain, self.tick = atlas, size, basis, gain, tick
        self.features = _features(atlas)
        tick()
        self._number_targets()
        tick()
        self._number_sources()
        self.match: Indices = np.zeros(len(self.rows), np.intp)
        self.factor = np.ones(len(self.rows), np.float32)
        self.distance = np.zeros(len(self.rows), np.float32)
        self.origin: Indices = np.full(len(self.hole[0]), -1, np.intp)
        self.voted: Indices = np.zeros(len(self.hole[0]), np.intp)
        self.exact = EXACT_PAIRS

    def _number_targets(self) -> None:
        """Give numbers to the patches that touch the hole, on a framed grid, where pixels find those over them."""
        hole, side = self.atlas.hole, self.side
        touched = ~whole_patches(~hole, side)
        self.rows, self.cols = np.nonzero(touched)
        self.number = np.full(touched.shape, -1, np.int32)
        self.number[touched] = np.arange(len(self.rows))
        self.hole = np.nonzero(hole)
        framed = np.pad(self.number, side - 1, constant_values=-1)
        self.framed, wide = framed.ravel(), framed.shape[1]
        self.slot = (self.rows + side - 1) * wide + self.cols + side - 1
        # The patch that holds a pixel in its cell (down, right) begins so far above and to the left.
        self.covered = (self.hole[0] + side - 1) * wide + self.hole[1] + side - 1
        cells = np.arange(side)
        self.cells = -(cells[:, None] * wide + cells).ravel()
        self.tick()
        depth = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
        self.fading = np.float32(math.log(FADE)) * depth[self.rows + side // 2, self.cols + side // 2]

    def _number_sources(self) -> None:
        """Give numbers to the patches that may be copied, on a framed grid, so that a step never leaves it."""
        usable = whole_patches(self.atlas.source, self.side)
        self.source_rows, self.source_cols = np.nonzero(usable)
        self.stride = usable.shape[1] + 2 * MARGIN
        self.source_number = np.full((usable.shape[0] + 2 * MARGIN, self.stride), -1, np.int32)
        self.source_number[MARGIN:-MARGIN, MARGIN:-MARGIN][usable] = np.arange(len(self.source_rows))
        self.source_number = self.source_number.ravel()
        self.place = (self.source_rows + MARGIN) * self.stride + self.source_cols + MARGIN
        self.described = self._describe(self.features, usable)
        self.tick()
        self.energy = np.einsum("ij,ij->i", self.described, self.described)
        self.tick()

    def _describe(self, features: Floats, wanted: Flags) -> Floats:
        """Project the wanted patches on the principal components, in strips that bound the memory."""
        out = np.empty((int(np.count_nonzero(wanted)), len(self.basis)), np.float32)
        rows = max(1, CHUNK // (self.basis.shape[1] * features.shape[1]))
        done = 0
        for top in range(0, wanted.shape[0], rows):
            part = wanted[top : top + rows]
            strip = features[top : top + len(part) + self.side - 1]
            projected = product(self.basis, as_columns(strip, self.side))[:, part.ravel()]
            out[done : done + projected.shape[1]] = projected.T
            done += projected.shape[1]
            self.tick()
        return out

    def start(self, rng: np.random.Generator) -> None:
        """Fill the coarsest level: from the edge inwards, or smoothly where that would take too long."""
        self.match = rng.integers(0, len(self.place), len(self.rows))
        target = self.features[: self.atlas.size[0], : self.atlas.size[1]]
        unheard = self.tick.part(0.0, 0.0)
        smooth = fill_push_pull(target * ~self.atlas.hole[..., None], self.atlas.hole, progress=unheard, seed=0)
        target[self.hole] = smooth[self.hole]
        if len(self.rows) * len(self.place) <= COARSEST_PAIRS:
            _peel(target, self.atlas.hole, self.features, (self.source_rows, self.source_cols), self.side, self.tick)

    def inherit(self, coarser: Level, rng: np.random.Generator) -> None:
        """Take over the matches of the next coarser level."""
        last = np.subtract(coarser.number.shape, 1)
        self.tick()
        parent = coarser.number[np.minimum(self.rows // 2, last[0]), np.minimum(self.cols // 2, last[1])]
        self.tick()
        rows = 2 * coarser.source_rows[coarser.match[parent]] + self.rows % 2
        cols = 2 * coarser.source_cols[coarser.match[parent]] + self.cols % 2
        self.tick()
        place = (rows + MARGIN) * self.stride + cols + MARGIN
        self.match = self.source_number[np.minimum(place, self.source_number.size - 1)].astype(np.intp)
        self.tick()
        lost = (self.match < 0) | (parent < 0)
        self.match[lost] = rng.integers(0, len(self.place), np.count_nonzero(lost))
        self.factor = coarser.factor[parent]
        self.factor[lost] = 1
        self.tick()
        self.distance = np.where(lost, np.float32(1e3), np.float32(0))
        self.vote()

    def search(self, rng: np.random.Generator) -> None:
        """Look for the source nearest to each target as it is now."""
        top, left = self.rows.min(), self.cols.min()
        box = self.number[top : self.rows.max() + 1, left : self.cols.max() + 1] >= 0
        near = self.features[top : top + box.shape[0] + self.side - 1, left : left + box.shape[1] + self.side - 1]
        self.wanted = self._describe(near, box)
        if len(self.rows) * len(self.place) <= self.exact:
            self._search_all()
            self.exact = min(self.exact, EXACT_AGAIN)
        else:
            self.distance, self.factor = self._compare(self.wanted, self.match)
            self._propagate()
            self._search_at_random(rng)

    def _compare(self, wanted: Floats, match: Indices) -> tuple[Floats, Floats]:
        """Squared distance of pairs, and the factor on the source at which it is reached."""
        distance, factor = np.empty(len(match), np.float32), np.ones(len(match), np.float32)
        for some in _slices(len(match), SOME):
            here, there = wanted[some], self.described[match[some]]
            if self.gain == 0:
                rest = here - there
                np.einsum("ij,ij->i", rest, rest, out=distance[some])
            else:
                both, own = np.einsum("ij,ij->i", here, there), np.einsum("ij,ij->i", here, here)
                distance[some], factor[some] = _with_factor(own, both, self.energy[match[some]], self.gain)
            self.tick()
        return distance, factor

    def _search_all(self) -> None:
        """Compute all distances by matrix products, some targets at a time."""
        step = max(1, CHUNK // len(self.place))
        for first in range(0, len(self.rows), step):
            some = slice(first, first + step)
            both = product(self.wanted[some], self.described.T)
            if self.gain == 0:
                both *= -2
                both += self.energy
                self.match[some] = both.argmin(axis=1)
            else:
                own = np.einsum("ij,ij->i", self.wanted[some], self.wanted[some])[:, None]
                self.match[some] = _with_factor(own, both, self.energy, self.gain)[0].argmin(axis=1)
            self.tick()
        self.distance, self.factor = self._compare(self.wanted, self.match)

    def _propagate(self) -> None:
        """Try what the neighbours have found, moved by the step between them."""
        framed = np.pad(self.number, MARGIN, constant_values=-1)
        for step in STEPS:
            for down, right in ((0, step), (0, -step), (step, 0), (-step, 0)):
                for some in _slices(len(self.rows), MANY):
                    neighbour = framed[self.rows[some] + MARGIN + down, self.cols[some] + MARGIN + right]
                    which = np.flatnonzero(neighbour >= 0)
                    place = self.place[self.match[neighbour[which]]] - (down * self.stride + right)
                    self._try(which + some.start, place)

    def _search_at_random(self, rng: np.random.Generator) -> None:
        """Try places around the match, in windows that halve from the whole picture down to a pixel."""
        height, width = self.source_number.size // self.stride, self.stride
        reach = max(height, width)
        while reach >= 1:
            for some in _slices(len(self.rows), MANY):
                which = np.arange(some.start, some.stop)
                rows, cols = np.divmod(self.place[self.match[some]], width)
                rows += rng.integers(-reach, reach + 1, len(which))
                cols += rng.integers(-reach, reach + 1, len(which))
                self._try(which, np.clip(rows, 0, height - 1) * width + np.clip(cols, 0, width - 1))
            reach //= 2

    def _try(self, which: Indices, place: Indices) -> None:
        """Take new matches where they are nearer than those at hand."""
        self.tick()
        match = self.source_number[place]
        fresh = (match >= 0) & (match != self.match[which])
        which, match = which[fresh], match[fresh]
        distance, factor = self._compare(self.wanted[which], match)
        better = distance < self.distance[which]
        which = which[better]
        self.match[which], self.distance[which], self.factor[which] = match[better], distance[better], factor[better]

    def _scores(self) -> Floats:
        """How bad each target's match is, deep ones more so, on the framed grid; where no target is, infinitely bad."""
        scale = max(float(np.percentile(self.distance, 75)), 1e-8)
        scores = np.full(self.framed.shape, np.inf, np.float32)
        scores[self.slot] = self.distance / np.float32(2 * scale) + self.fading
        return scores

    def vote(self) -> float:
        """Give each hole pixel what the best of the patches over it copies there; return the share that is new."""
        scores = self._scores()
        flat = self.features.reshape(-1, self.features.shape[2])
        fresh = 0.0
        for some in _slices(len(self.covered), SOME):
            self.tick()
            best, patch = self._best_cells(scores, self.covered[some])
            origin = self._origins(patch, best)
            fresh += np.count_nonzero(self.origin[some] != origin)
            self.origin[some], self.voted[some] = origin, patch
            rows, cols = self.hole[0][some], self.hole[1][some]
            self.features[rows, cols] = flat[origin] * self.factor[patch][:, None]
        return fresh / len(self.covered)

    def _best_cells(self, scores: Floats, covered: Indices) -> tuple[Indices, Indices]:
        """For some hole pixels the cell in which the best patch over each holds it, and that patch."""
        least = np.full(len(covered), np.inf, np.float32)
        best = np.zeros(len(covered), np.intp)
        for cell, step in enumerate(self.cells):
            score = scores.take(covered + step)
            better = score < least
            np.copyto(least, score, where=better)
            best[better] = cell
        return best, self.framed[covered + self.cells[best]].astype(np.intp)

    def _origins(self, patch: Indices, cell: Indices) -> Indices:
        """Flat index in the atlas of what a patch copies to one of its cells."""
        down, right = np.divmod(cell, self.side)
        match = self.match[patch]
        origin: Indices = (self.source_rows[match] + down) * self.features.shape[1] + self.source_cols[match] + right
        return origin

    def result(self, join: bool) -> Floats:
        """Give the picture's values: those of the best patches, joined if wanted."""
        height, width = self.atlas.size
        self.tick(JOINED)
        values = self.atlas.values[:height, :width]
        origin = np.full((height, width), -1, np.intp)
        origin[self.hole] = self.origin
        factor = np.ones((height, width), np.float32)
        factor[self.hole] = self.factor[self.voted]
        self.tick()
        if join:
            atlas = self.atlas.values, self.atlas.known
            return join_pieces(values, self.atlas.hole, origin, self.tick.part(JOINED, 1.0), atlas=atlas, factor=factor)
        out = values.copy()
        flat = self.atlas.values.reshape(-1, values.shape[2])
        out[self.hole] = flat[self.origin] * factor[self.hole][:, None]
        return out


def _with_factor(own: Floats, both: Floats, energy: Floats, gain: float) -> tuple[Floats, Floats]:
    """Least squared distance when the source may be multiplied by a factor within the limits of the gain."""
    factor = np.clip(both / np.maximum(energy, np.float32(1e-12)), 1 / (1 + gain), 1 + gain)
    return np.maximum(own - 2 * factor * both + factor * factor * energy, 0), factor


def _peel(
    target: Floats, hole: Flags, features: Floats, places: tuple[Indices, Indices], side: int, tick: Ticker
) -> None:
    """Fill a small hole layer by layer, each pixel from the patch nearest in what is known by then."""
    known = ~hole
    rows, cols = places
    columns = windows(features, side)[rows, cols].reshape(len(rows), -1).T
    squares = (columns**2).reshape(features.shape[2], side**2, -1).sum(axis=0)
    while not known.all():
        tick()
        front = np.nonzero(~known & (cv2.dilate(known.view(np.uint8), np.ones((3, 3), np.uint8)) > 0))
        top = np.clip(front[0] - side // 2, 0, hole.shape[0] - side)
        left = np.clip(front[1] - side // 2, 0, hole.shape[1] - side)
        mask = windows(known[..., None].astype(np.float32), side)[top, left]
        mask = np.where(mask > 0, np.float32(1), np.float32(GUESS))
        wanted = windows(target, side)[top, left] * mask
        mask = mask.reshape(len(top), -1)
        cost = product(mask, squares)
        cost -= 2 * product(wanted.reshape(len(top), -1), columns)
        best = cost.argmin(axis=1)
        target[front] = features[rows[best] + front[0] - top, cols[best] + front[1] - left]
        known[front] = True


def _slices(length: int, size: int) -> Iterator[slice]:
    """Cut a length into slices of a size."""
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))
