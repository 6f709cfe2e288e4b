"""Biharmonic inpainting: the surface that bends least and goes on smoothly from the known pixels.

C. K. Chui, H. N. Mhaskar, "MRA contextual-recovery extension of smooth functions on manifolds", Applied and
Computational Harmonic Analysis 28, 2010 (doi:10.1016/j.acha.2009.04.004); S. B. Damelin, N. S. Hoang, "On surface
completion and image inpainting by biharmonic functions", 2018 (doi:10.1155/2018/3950312). With L the 5-point Laplacian,
mirrored at the array's edge, every unknown pixel p satisfies (L L u)(p) = 0.

That system is factorised directly as long as it is small. The factors of a large one would take gigabytes: there the
hole is first filled on a halved picture, and then only the rim, where the halved picture knows too little, is solved in
overlapping tiles (H. A. Schwarz's alternating method).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.inpainting.regions import Flags, Floats, double, halve
from imgedit.poisson import laplacian, push_pull
from imgedit.strips import Progress, Ticker

__all__ = ["fill_biharmonic"]

# Unknown pixels that are solved for in one go: a quarter of a second, in which nobody can cancel.
DIRECT = 16_000

# Side of a tile and of what it shares with its neighbours, in pixels.
TILE, OVERLAP = 64, 16

# Pixels deeper in the hole than this are left as the halved picture gave them.
RIM = 24

SWEEPS = 2


def fill_biharmonic(values: Floats, hole: Flags, *, progress: Progress, seed: int) -> Floats:
    """Fill with the surface that bends least: smooth shading goes on, thin scratches vanish.

    Parameters
    ----------
    values : ndarray of float32
        HxWxC.
    hole : ndarray of bool
        HxW.
    progress : callable
        Given the fraction done.
    seed : int
        Not used: nothing is random here.

    Returns
    -------
    ndarray of float32
        HxWxC; within the range of the known pixels.
    """
    del seed
    tick = Ticker(progress)
    known = np.logical_not(hole).view(np.uint8)
    limits = [cv2.minMaxLoc(np.ascontiguousarray(values[..., c]), known)[:2] for c in range(values.shape[2])]
    # Other holes stand near some of those that are solved for on a halved picture: they need sensible pixels too.
    out = push_pull(values, known.astype(np.float32), progress=lambda _: tick()).astype(np.float64)
    tick()
    # Holes are coupled when both reach the Laplacian of one known pixel; others are solved apart.
    reach = cv2.dilate(hole.view(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    number, labels, stats, _ = cv2.connectedComponentsWithStats(reach, connectivity=8, ltype=cv2.CV_32S)
    tick()
    total, done = int(np.count_nonzero(hole)), 0
    for label in range(1, number):
        left, top, wide, tall = (int(v) for v in stats[label, :4])
        box = (slice(max(0, top - 1), top + tall + 1), slice(max(0, left - 1), left + wide + 1))
        mine = hole[box] & (labels[box] == label)
        size = int(np.count_nonzero(mine))
        _fill(out[box], mine, tick.part(done / total, (done + size) / total))
        done += size
        tick(done / total)
    filled: Floats = out.astype(np.float32)
    tick()
    low, high = np.array(limits, np.float32).T
    inside = filled[hole]
    tick()
    filled[hole] = np.clip(inside, low, high, out=inside)
    return filled


def _fill(values: NDArray[np.float64], hole: Flags, tick: Ticker) -> None:
    """Fill one group of holes in place."""
    if np.count_nonzero(hole) <= DIRECT:
        _solve(values, hole)
        return
    _fill_coarsely(values, hole, tick.part(0.0, 0.3))
    depth = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    rim = hole & (depth <= RIM)
    tick()
    tiles = [(top, left) for top in range(0, hole.shape[0], TILE) for left in range(0, hole.shape[1], TILE)]
    for sweep in range(SWEEPS):
        for index, (top, left) in enumerate(tiles):
            rows = slice(max(0, top - OVERLAP), top + TILE + OVERLAP)
            cols = slice(max(0, left - OVERLAP), left + TILE + OVERLAP)
            part = rim[rows, cols].copy()
            # The stencil of a pixel needs its two neighbours on either side: beyond them lies the rest of the picture.
            _shut(part, rows, cols, hole.shape)
            if part.any():
                _solve(values[rows, cols], part)
            tick(0.3 + 0.7 * (sweep * len(tiles) + index + 1) / (SWEEPS * len(tiles)))


def _shut(part: Flags, rows: slice, cols: slice, shape: tuple[int, ...]) -> None:
    """Hold the two outermost rows and columns of a tile, but at the array's own edge."""
    if rows.start > 0:
        part[:2] = False
    if rows.stop < shape[0]:
        part[-2:] = False
    if cols.start > 0:
        part[:, :2] = False
    if cols.stop < shape[1]:
        part[:, -2:] = False


def _fill_coarsely(values: NDArray[np.float64], hole: Flags, tick: Ticker) -> None:
    """Fill the hole in place from a picture of half the size."""
    coarse, share = halve(values, ~hole)
    tick()
    _fill(coarse, share == 0, tick)
    fine = double(coarse, hole.shape)
    tick()
    values[hole] = fine[hole]
    tick()


def _solve(values: NDArray[np.float64], hole: Flags) -> None:
    """Solve for the unknown pixels in place, directly.

    With B the columns of L for unknown pixels, (L L u) = 0 at those is B' L u = 0: a symmetric positive system.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import splu

    height, width = hole.shape
    ys, xs = np.nonzero(hole)
    unknown = np.arange(len(ys))
    rows, columns, entries = [], [], []
    degree = np.zeros(len(ys))
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        y, x = ys + dy, xs + dx
        there = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        degree += there
        rows.append(y[there] * width + x[there])
        columns.append(unknown[there])
        entries.append(np.ones(int(there.sum())))
    rows.append(ys * width + xs)
    columns.append(unknown)
    entries.append(-degree)
    index = (np.concatenate(rows), np.concatenate(columns))
    matrix = coo_array((np.concatenate(entries), index), shape=(height * width, len(ys))).tocsc()
    values[hole] = 0
    right = -(matrix.T @ laplacian(values).reshape(height * width, -1))
    factors = splu((matrix.T @ matrix).tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    values[hole] = factors.solve(np.ascontiguousarray(right))
