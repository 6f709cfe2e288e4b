"""Solve Poisson's equation on the pixels of any region: what cloning, smooth fills and seam repair have in common.

Unknown pixels f satisfy, for each, the sum over its four neighbours q of f(q) - f(p) = b(p) (the 5-point Laplacian);
the other pixels are given (Dirichlet), and beyond the array's edge nothing flows (Neumann).

A full box between given pixels is solved exactly by sine transforms (W. H. Press et al., "Numerical Recipes", 3rd ed.,
section 20.4.1). Every other shape takes conjugate gradients preconditioned by one multigrid cycle, as in A. McAdams,
E. Sifakis, J. Teran, "A parallel multigrid Poisson solver for fluids simulation on large grids", SCA 2010
(doi:10.2312/SCA/SCA10/065-073): the cycle alone stalls at ragged edges, which the coarse grids can't see.

Where smooth is enough, or as a first guess: push-pull (S. Gortler et al., "The Lumigraph", SIGGRAPH 1996, section
3.4, doi:10.1145/237170.237200) pulls averages of the known pixels up a pyramid until no hole is left and pushes them
down again into the holes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.strips import Progress, Ticker, each_strip

__all__ = ["Region", "laplacian", "push_pull", "solve_poisson"]

Floats = NDArray[Any]
Flags = NDArray[np.bool_]

STENCIL = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32)

# Largest residual that is left, as a fraction of white: the error it stands for then stays below half an 8-bit step.
TOLERANCE = 1e-4

# Far more than any photo took; a region that hangs on a single known pixel needs most.
MOST_CYCLES = 60

# Jacobi steps before and after the coarser grid. Their lengths are Chebyshev's for the eigenvalues 0.5 to 2 of the
# scaled Laplacian, those of waves that the coarser grid can't carry: what is left of them is as small as can be.
STEPS = tuple(0.25 / (1.25 + 0.75 * np.cos(np.pi * (i + 0.5) / 3)) for i in range(3))

# Up to so many unknown pixels are solved for directly if they are at most one in so many of their box: text, scratches.
FEW, SPREAD = 20_000, 6

# So few are always: each grid has its price, however small it is.
HANDFUL = 700

# Above this many numbers channels are solved one by one, which takes a third of the memory and is no slower.
SMALL = 1 << 20


def laplacian(values: Floats) -> Floats:
    """Sum over the four neighbours of their difference to each pixel; no difference beyond the edge.

    Parameters
    ----------
    values : ndarray of float32
        HxW or HxWxC.

    Returns
    -------
    ndarray of float32
        Same shape.
    """
    return cv2.filter2D(values, -1, STENCIL, borderType=cv2.BORDER_REPLICATE).reshape(values.shape)


def solve_poisson(
    values: Floats,
    unknown: Flags,
    divergence: Floats | None = None,
    *,
    guess: Floats | None = None,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
) -> Floats:
    """Find the unknown pixels whose Laplacian is `divergence` and that meet the known ones.

    Parameters
    ----------
    values : ndarray of float32
        HxWxC; the known pixels; what stands in the others plays no part.
    unknown : ndarray of bool
        HxW; at least one pixel is known.
    divergence : ndarray of float32, optional
        HxWxC; used where unknown. By default 0: the membrane that spans the known pixels.
    guess : ndarray of float32, optional
        HxWxC; what the unknown pixels may be near, where something better than push-pull is known.
    tolerance : float
        Largest residual of the equation, in units of white.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray of float32
        HxWxC, new; known pixels as they were.

    Examples
    --------
    >>> ramp = np.linspace(0, 1, 8, dtype=np.float32) * np.ones((8, 1), np.float32)
    >>> hole = np.zeros((8, 8), bool)
    >>> hole[2:6, 2:6] = True
    >>> bool(np.abs(solve_poisson(ramp[..., None], hole)[..., 0] - ramp).max() < 1e-3)
    True
    """
    return Region(unknown).solve(values, divergence, guess=guess, tolerance=tolerance, progress=progress)


class Region:
    """Pixels to solve for, prepared once for any number of right-hand sides and known values.

    Parameters
    ----------
    unknown : ndarray of bool
        HxW; at least one pixel is known.
    """

    def __init__(self, unknown: Flags) -> None:
        self.unknown = unknown
        left, top, wide, high = cv2.boundingRect(unknown.view(np.uint8))
        # One ring of known pixels around; where there is none, the array ends and nothing flows.
        self.box = (slice(max(0, top - 1), top + high + 1), slice(max(0, left - 1), left + wide + 1))
        self.inside: Flags = np.ascontiguousarray(unknown[self.box])
        self.count = int(np.count_nonzero(self.inside))
        self.full = self.count == wide * high and self.inside.shape == (high + 2, wide + 2)
        scattered = self.count <= FEW and self.count * SPREAD <= self.inside.size
        self.listed = not self.full and (scattered or self.count <= HANDFUL)

    def solve(
        self,
        values: Floats,
        divergence: Floats | None = None,
        *,
        guess: Floats | None = None,
        tolerance: float = TOLERANCE,
        progress: Progress | None = None,
    ) -> Floats:
        """Find the unknown pixels.

        Parameters
        ----------
        values, divergence, guess : ndarray of float32
            HxWxC; as for `solve_poisson`.
        tolerance : float
            As for `solve_poisson`.
        progress : callable, optional
            Given the fraction done.

        Returns
        -------
        ndarray of float32
            HxWxC, new.
        """
        tick = Ticker(progress)
        out: Floats = np.array(values, np.float32, order="C")
        if not self.count:
            return out
        if self.listed:
            self._list.solve(out, divergence)
        else:
            self._solve_part(out, divergence, guess, tolerance, tick)
        tick(1.0)
        return out

    def _solve_part(
        self, out: Floats, divergence: Floats | None, guess: Floats | None, tolerance: float, tick: Ticker
    ) -> None:
        """Solve in the region's box, and write that into the picture."""
        part, inside = np.ascontiguousarray(out[self.box]), self.inside
        blank = np.zeros_like(part)
        cv2.copyTo(blank, inside.view(np.uint8), part)
        tick()
        if not self.full:
            near = _first_guess(part, inside, tick) if guess is None else np.ascontiguousarray(guess[self.box])
            cv2.copyTo(near, inside.view(np.uint8), part)
            tick()
        wanted = blank if divergence is None else divergence[self.box]
        residual = cv2.subtract(wanted, laplacian(part)).reshape(part.shape)
        residual *= inside[..., None]
        tick()
        if self.full:
            _solve_box(residual[1:-1, 1:-1], part[1:-1, 1:-1], tick)
        else:
            part += _solve_region(residual, inside, tolerance, tick)
        out[self.box] = part

    @cached_property
    def _list(self) -> _List:
        return _List(self.unknown)


def _first_guess(values: Floats, unknown: Flags, tick: Ticker) -> Floats:
    """Push-pull from the known pixels that touch the region: those behind them play no part in the equation."""
    rim = cv2.dilate(unknown.view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~unknown
    weight = rim.astype(np.float32)
    tick()
    return push_pull(values, weight, progress=lambda _: tick())


def _solve_box(right: Floats, out: Floats, tick: Ticker) -> None:
    """Write the correction inside a box with zeros around it: the sine waves are the Laplacian's eigenvectors."""
    from scipy.fft import dst, idst

    workers = cv2.getNumThreads() or 1
    rows, cols = (-4 * np.sin(np.pi * np.arange(1, n + 1) / (2 * n + 2)) ** 2 for n in right.shape[:2])
    eigenvalues = np.add.outer(rows, cols).astype(np.float32)
    channels = right.shape[2]
    for channel in range(channels):
        plane = np.ascontiguousarray(right[..., channel])
        for turn, transform in enumerate((dst, idst)):
            for axis in (0, 1):
                plane = transform(plane, type=1, axis=axis, workers=workers, overwrite_x=True)
                tick((channel + 0.5 * turn + 0.25 * (1 + axis)) / channels)
            if transform is dst:
                plane /= eigenvalues
        out[..., channel] = plane


class _List:
    """Unknown pixels that lie scattered over a large box, as a list; their equations are factorised."""

    def __init__(self, unknown: Flags) -> None:
        from scipy.sparse import csc_array
        from scipy.sparse.linalg import splu

        height, width = unknown.shape
        self.own = np.flatnonzero(unknown)
        count = len(self.own)
        ys, xs = np.divmod(self.own, width)
        within = np.stack([ys > 0, xs > 0, xs < width - 1, ys < height - 1])
        # What lies beyond the array's edge stands for no pixel: the place is only a valid one.
        self.places = np.where(within, self.own + np.array([[-width], [-1], [1], [width]]), self.own)
        coupled = within & unknown.ravel()[self.places]
        self.known = (within & ~coupled).astype(np.float32)[..., None]
        number = np.empty(unknown.size, np.intp)
        number[self.own] = np.arange(count)
        rows, columns = np.broadcast_to(np.arange(count), coupled.shape)[coupled], number[self.places[coupled]]
        diagonal = np.arange(count)
        entries = np.concatenate([np.ones(len(rows)), -within.sum(axis=0, dtype=float)])
        index = (np.concatenate([rows, diagonal]), np.concatenate([columns, diagonal]))
        matrix = csc_array((entries, index), shape=(count, count))
        self.factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})

    def solve(self, values: Floats, divergence: Floats | None) -> None:
        """Write the unknown pixels into the values."""
        pixels = values.reshape(-1, values.shape[2])
        right = -np.einsum("kic,kic->ic", self.known, pixels[self.places], dtype=np.float64)
        if divergence is not None:
            right += divergence.reshape(pixels.shape)[self.own]
        pixels[self.own] = self.factors.solve(right)


def _solve_region(right: Floats, inside: Flags, tolerance: float, tick: Ticker) -> Floats:
    """Correction on a region of any shape, zero outside it."""
    channels = right.shape[2]
    if right.size <= SMALL or channels == 1:
        return _conjugate_gradients(right, _grids(inside, channels, tick), tolerance, tick)
    out = np.empty_like(right)
    grids = _grids(inside, 1, tick)
    for channel in range(channels):
        plane = np.ascontiguousarray(right[..., channel : channel + 1])
        own = tick.part(channel / channels, (channel + 1) / channels)
        out[..., channel : channel + 1] = _conjugate_gradients(plane, grids, tolerance, own)
    return out


@dataclass(frozen=True)
class Grid:
    """One level: which pixels are unknown, as factors of one array shape, so that OpenCV can multiply by them."""

    inside: Floats
    guess: Floats
    work: Floats  # fresh memory costs more than the arithmetic on it, so each level keeps its own
    result: Floats


def _grids(inside: Flags, channels: int, tick: Ticker) -> list[Grid]:
    """Halve the region again and again; a coarse pixel is unknown only if all four fine ones are."""
    grids: list[Grid] = []
    while inside.any():
        height, width = inside.shape
        whole = np.repeat(inside[..., None].astype(np.float32), channels, axis=2)
        grids.append(Grid(whole, *(np.empty_like(whole) for _ in range(3))))
        even = np.pad(inside, ((0, height % 2), (0, width % 2)), mode="edge")
        inside = even[::2, ::2] & even[1::2, ::2] & even[::2, 1::2] & even[1::2, 1::2]
        tick()
    return grids


def _conjugate_gradients(right: Floats, grids: list[Grid], tolerance: float, tick: Ticker) -> Floats:
    """Flexible conjugate gradients: the cycle is not exactly symmetric, so each step is made conjugate explicitly."""
    grid = grids[0]
    solution, residual = np.zeros_like(right), right.copy()
    step, image = np.zeros_like(right), np.zeros_like(right)
    scale = 1.0
    first = left = float(cv2.norm(residual, cv2.NORM_INF))
    for _ in range(MOST_CYCLES):
        if left <= tolerance:
            break
        cycle = _cycle(grids, residual, tick)
        cv2.scaleAdd(step, -float(np.vdot(cycle, image)) / scale, cycle, dst=step)
        _apply(step, out=image)
        cv2.multiply(image, grid.inside, dst=image)
        scale = float(np.vdot(step, image))
        if scale == 0:  # below what float32 resolves
            break
        length = float(np.vdot(step, residual)) / scale
        cv2.scaleAdd(step, length, solution, dst=solution)
        cv2.scaleAdd(image, -length, residual, dst=residual)
        left = float(cv2.norm(residual, cv2.NORM_INF))
        tick(float(np.log(first / max(left, tolerance)) / np.log(first / tolerance)))
    return solution


def _cycle(grids: list[Grid], right: Floats, tick: Ticker) -> Floats:
    """One multigrid V-cycle from zero; the result lies in the grid's own memory."""
    grid = grids[0]
    cv2.multiply(right, grid.inside, scale=-STEPS[0], dst=grid.guess)
    _smooth(grid, right, STEPS[1:], grid.guess, grid.result, tick, residual=len(grids) > 1)
    if len(grids) == 1:
        return grid.result
    height, width, channels = right.shape
    coarse_shape = grids[1].inside.shape
    even = grid.work
    if height % 2 or width % 2:
        even = cv2.copyMakeBorder(even, 0, height % 2, 0, width % 2, cv2.BORDER_CONSTANT)
    # The mean of four, times four: the coarse mesh is twice as wide, and the equation holds its square.
    coarse = cv2.resize(even, coarse_shape[1::-1], interpolation=cv2.INTER_AREA).reshape(coarse_shape)
    coarse = cv2.multiply(coarse, grids[1].inside, scale=4).reshape(coarse_shape)
    fine = cv2.resize(_cycle(grids[1:], coarse, tick), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    fine = fine.reshape(2 * coarse_shape[0], 2 * coarse_shape[1], channels)
    _smooth(grid, right, STEPS[::-1], grid.result, grid.guess, tick, fine)
    return grid.guess


def _smooth(
    grid: Grid,
    right: Floats,
    steps: tuple[float, ...],
    guess: Floats,
    out: Floats,
    tick: Ticker,
    correction: Floats | None = None,
    *,
    residual: bool = False,
) -> None:
    """Better a guess, corrected by the coarser grid, in Jacobi steps; leave the residual in the work array if asked to.

    A strip takes all steps before the next: it stays in the cache. Each step spoils one more row at its rims.
    """
    height, width, channels = right.shape
    spoilt = len(steps) + residual

    def smooth_strip(top: int, bottom: int) -> None:
        rows = slice(max(0, top - spoilt), min(height, bottom + spoilt))
        own = slice(top - rows.start, bottom - rows.start)
        wanted, inside = right[rows], grid.inside[rows]
        now = guess[rows].copy()
        change = np.empty_like(now)
        if correction is not None:
            cv2.multiply(np.ascontiguousarray(correction[rows, :width]), inside, dst=change)
            cv2.add(now, change, dst=now)
        for step in steps:
            _apply(now, out=change)
            cv2.subtract(change, wanted, dst=change)
            cv2.multiply(change, inside, scale=step, dst=change)
            cv2.add(now, change, dst=now)
        out[top:bottom] = now[own]
        if residual:
            _apply(now, out=change)
            cv2.subtract(wanted, change, dst=change)
            cv2.multiply(change, inside, dst=change)
            grid.work[top:bottom] = change[own]

    each_strip(smooth_strip, height, row_bytes=4 * width * channels, progress=lambda _: tick())


def _apply(values: Floats, out: Floats) -> None:
    cv2.filter2D(values, -1, STENCIL, dst=out, borderType=cv2.BORDER_REPLICATE)


def push_pull(values: Floats, weight: Floats, *, progress: Progress | None = None) -> Floats:
    """Fill unknown pixels smoothly from averages of ever larger neighbourhoods.

    Parameters
    ----------
    values : ndarray of float32
        HxWxC.
    weight : ndarray of float32
        HxW; 1 where a pixel is known, 0 where not, between where in part; somewhere above 0.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray of float32
        HxWxC, new; known pixels as they were.
    """
    levels = [(values, weight)]
    tick = Ticker(progress)
    while (levels[-1][1] == 0).any():
        levels.append(_pull(*levels[-1], tick))
        tick(0.5)
    filled = levels.pop()[0]
    for fine, known in reversed(levels):
        wide = cv2.resize(filled, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        wide = wide.reshape(*wide.shape[:2], -1)[: fine.shape[0], : fine.shape[1]]
        tick()
        share = known[..., None]
        filled = share * fine + (1 - share) * wide
        tick(0.9)
    return filled


def _pull(values: Floats, weight: Floats, tick: Ticker) -> tuple[Floats, Floats]:
    """Halve: weighted averages of 2x2 pixels, and how much is known of each four."""
    border = (0, values.shape[0] % 2, 0, values.shape[1] % 2)
    weight = cv2.copyMakeBorder(weight, *border, cv2.BORDER_CONSTANT, value=0)
    shape = (weight.shape[0] // 2, weight.shape[1] // 2, values.shape[2])
    weighted = cv2.copyMakeBorder(values, *border, cv2.BORDER_CONSTANT, value=0 * 4)
    weighted = weighted.reshape(*weight.shape, -1) * weight[..., None]
    tick()
    total = cv2.resize(weight, shape[1::-1], interpolation=cv2.INTER_AREA)
    mean = cv2.resize(weighted, shape[1::-1], interpolation=cv2.INTER_AREA).reshape(shape)
    mean = mean / np.maximum(total, np.float32(1e-12))[..., None]
    # One known pixel of four is as good as all for what lies coarser: else far pixels would outvote near ones.
    return mean, np.minimum(4 * total, 1)
