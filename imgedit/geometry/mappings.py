"""Mappings of the plane, the links of a `Transform`: each states one direction and finds the other by itself.

References
----------
.. [1] F. L. Bookstein, "Principal warps: thin-plate splines and the decomposition of deformations", IEEE TPAMI 11(6),
       1989. doi:10.1109/34.24792
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Field", "Inverse", "Mapping", "Matrix", "Mesh", "Plate", "Points", "bending", "make_matrix", "project"]

Points = NDArray[np.float64]
"""N x 2; x and y in pixels."""

# Newton's method doubles the digits in each step where it converges at all.
NEWTON_STEPS = 30
# Pixels; far below what can be seen, far above the rounding of float64.
NEWTON_TOLERANCE = 1e-9


class Mapping(Protocol):
    """A mapping of the plane and its inverse."""

    def forth(self, points: Points) -> Points:
        """Map input points to output points."""

    def back(self, points: Points) -> Points:
        """Map output points to input points."""

    def inverse(self) -> Mapping:
        """Give the mapping with both directions swapped."""


@dataclass(frozen=True)
class Matrix:
    """A homography; its 3x3 matrix maps input points to output points."""

    values: tuple[tuple[float, float, float], ...]

    @property
    def array(self) -> NDArray[np.float64]:
        """The matrix as an array."""
        return np.array(self.values)

    @property
    def is_affine(self) -> bool:
        """Whether parallel lines stay parallel."""
        return self.values[2] == (0.0, 0.0, 1.0)

    def forth(self, points: Points) -> Points:
        """Map input points to output points."""
        return project(self.array, points)

    def back(self, points: Points) -> Points:
        """Map output points to input points."""
        return self.inverse().forth(points)

    def inverse(self) -> Matrix:
        """Give the mapping with both directions swapped."""
        return make_matrix(_inverted(self.array))


def _inverted(m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert by cofactors: exact for whole numbers, where an elimination would round."""
    cofactors = np.array([np.cross(m[1], m[2]), np.cross(m[2], m[0]), np.cross(m[0], m[1])]).T
    return np.asarray(cofactors / (m[0] @ cofactors[:, 0]))


def make_matrix(values: NDArray[np.float64]) -> Matrix:
    """Make a homography of an array.

    Parameters
    ----------
    values : ndarray of float64
        3x3, invertible.

    Returns
    -------
    Matrix
        With 1 or -1 in its last place, where that is not 0.
    """
    # By the size only: the sign of the last row tells what lies in front of the horizon.
    values = values / abs(values[2, 2]) if values[2, 2] else values
    # Adding 0 turns -0 into 0, so that equal matrices print alike.
    return Matrix(tuple(tuple(float(value) + 0.0 for value in row) for row in values))  # type: ignore[misc]


def project(matrix: NDArray[np.float64], points: Points) -> Points:
    """Map points by a homography.

    Parameters
    ----------
    matrix : ndarray of float64
        3x3.
    points : ndarray of float64
        Nx2.

    Returns
    -------
    ndarray of float64
        Nx2; NaN for points on the horizon and beyond it.
    """
    out = points @ matrix[:2, :2].T + matrix[:2, 2]
    if tuple(matrix[2]) == (0, 0, 1):
        return out
    depth = points @ matrix[2, :2] + matrix[2, 2]
    # Behind the horizon there is nothing to be seen.
    depth = np.where(depth > 0, depth, np.nan)
    return np.asarray(out / depth[:, None])


class _Curved:
    """What mappings share that know the way back exactly and the way forth by Newton's method."""

    def back(self, points: Points) -> Points:
        raise NotImplementedError

    def forth(self, points: Points) -> Points:
        return _solve(self.back, points)

    def inverse(self) -> Mapping:
        return Inverse(self)


@dataclass(frozen=True, eq=False)
class Plate(_Curved):
    """A thin-plate spline, given by the output points and the weights that carry them back."""

    centres: Points
    weights: Points

    def back(self, points: Points) -> Points:
        """Map output points to input points."""
        out = np.empty_like(points)
        # In pieces that fit the cache: there is one distance for each pair of point and centre.
        piece = max(1, (1 << 16) // len(self.centres))
        for start in range(0, len(points), piece):
            part = points[start : start + piece]
            basis = np.concatenate([bending(part, self.centres), np.ones((len(part), 1)), part], axis=1)
            out[start : start + piece] = basis @ self.weights
        return out


def bending(points: Points, centres: Points) -> NDArray[np.float64]:
    """Compute Bookstein's U(r) = r^2 log r^2.

    Parameters
    ----------
    points, centres : ndarray of float64
        Nx2 and Mx2.

    Returns
    -------
    ndarray of float64
        NxM; the function of the distance of each point to each centre.
    """
    square = ((points[:, None] - centres) ** 2).sum(axis=-1)
    return np.asarray(square * np.log(np.maximum(square, np.finfo(np.float64).tiny)))


@dataclass(frozen=True, eq=False)
class Field(_Curved):
    """A displacement for each output pixel: it shows the input at its own place plus the displacement."""

    offsets: NDArray[np.float32]

    def back(self, points: Points) -> Points:
        """Map output points to input points."""
        return points + _bilinear(self.offsets, points - 0.5)


@dataclass(frozen=True, eq=False)
class Mesh(_Curved):
    """A grid of nodes over the output, evenly spaced from corner to corner, and the input point that each shows."""

    nodes: Points
    size: tuple[int, int]

    def back(self, points: Points) -> Points:
        """Map output points to input points."""
        rows, columns = self.nodes.shape[:2]
        spacing = np.array([self.size[1] / (columns - 1), self.size[0] / (rows - 1)])
        return _bilinear(self.nodes, points / spacing, extend=True)


def _bilinear(grid: NDArray[Any], places: Points, *, extend: bool = False) -> Points:
    """Interpolate a grid at fractional (column, row); beyond it constant, or continued linearly."""
    limits = np.array(grid.shape[1::-1]) - 1
    known = np.isfinite(places).all(axis=1, keepdims=True)
    places = np.where(known, places, 0)
    if not extend:
        places = np.clip(places, 0, limits)
    corner = np.clip(np.floor(places), 0, np.maximum(limits - 1, 0)).astype(np.intp)
    x, y = (places - corner).T[..., None]
    column, row = corner.T
    right, below = np.minimum(column + 1, limits[0]), np.minimum(row + 1, limits[1])
    upper = grid[row, column] * (1 - x) + grid[row, right] * x
    lower = grid[below, column] * (1 - x) + grid[below, right] * x
    return np.asarray(np.where(known, upper * (1 - y) + lower * y, np.nan), np.float64)


@dataclass(frozen=True, eq=False)
class Inverse:
    """A curved mapping with both directions swapped."""

    mapping: _Curved

    def forth(self, points: Points) -> Points:
        """Map input points to output points."""
        return self.mapping.back(points)

    def back(self, points: Points) -> Points:
        """Map output points to input points."""
        return self.mapping.forth(points)

    def inverse(self) -> Mapping:
        """Give the mapping that this one inverts."""
        return self.mapping


def _solve(function: Callable[[Points], Points], targets: Points) -> Points:
    """Find the points that a smooth function takes to the targets; NaN where there is none."""
    guess = targets + (targets - function(targets))
    guess = np.where(np.isfinite(guess), guess, targets)
    step = 0.25
    for _ in range(NEWTON_STEPS):
        miss = function(guess) - targets
        open_ = np.hypot(*miss.T) > NEWTON_TOLERANCE
        if not open_.any():
            return guess
        here = guess[open_]
        right, below = np.array([(step, 0.0), (0.0, step)])
        along_x = (function(here + right) - function(here - right)) / (2 * step)
        along_y = (function(here + below) - function(here - below)) / (2 * step)
        determinant = along_x[:, 0] * along_y[:, 1] - along_x[:, 1] * along_y[:, 0]
        determinant = np.where(np.abs(determinant) > 1e-12, determinant, np.nan)
        ex, ey = miss[open_].T
        guess[open_] -= (
            np.stack([along_y[:, 1] * ex - along_y[:, 0] * ey, along_x[:, 0] * ey - along_x[:, 1] * ex], axis=1)
            / determinant[:, None]
        )
        # Bilinear pieces have kinks: a shorter difference stays on the piece of the solution.
        step = max(step / 2, 1e-4)
    miss = function(guess) - targets
    # A hundredth of a pixel is the worst that a kink may leave; beyond that there is no solution.
    return np.asarray(np.where(np.hypot(*miss.T)[:, None] < 1e-2, guess, np.nan))
