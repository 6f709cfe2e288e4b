"""Fit a 3-D look-up table to pairs of colours.

Least squares over the nodes: each pair says that the trilinear mix of the eight nodes around its first colour is its
second; a smoothness term says that each node's change lies on a line with its neighbours', which fills colours
without pairs. What is solved for is the change against the identity, so that without any word the identity remains.
Compare Garcia and Gupta 2009, "Lattice Regression", Advances in Neural Information Processing Systems 22.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ImageError
from imgedit.pixels import Image, as_float, check, check_same_size, split_alpha
from imgedit.tone.mapping import Floats

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["fit_table"]

# Pull of each node towards the identity: just enough to make the system regular where no pair reaches.
PULL = 1e-6

# Steps of the solver on each lattice; more sharpen only colours that few pairs have.
MOST_STEPS = 100


def fit_table(identity: Floats, before: Image, after: Image, smoothness: float, most: int) -> Floats:
    """Fit a table to an image before and after an edit.

    Parameters
    ----------
    identity : ndarray of float32
        NxNxNx3 nodes.
    before, after : ndarray
        Images of one size; where one is transparent, its pixels do not count.
    smoothness : float
        Weight of the smoothness term against that of all pairs.
    most : int
        Pairs to look at.

    Returns
    -------
    ndarray of float32
        NxNxNx3.
    """
    source, target = _pairs(before, after, most)
    change = (target - source).astype(np.float64)
    guess = np.zeros((2, 2, 2, 3))
    for size in _sizes(len(identity)):
        guess = _solve(source, change, smoothness, size, _finer(guess, size))
    return (identity + guess).astype(np.float32)


def _sizes(size: int) -> list[int]:
    """Sizes to solve in turn, each starting from the one before: far corners then settle on coarse lattices."""
    return [*(_sizes((size + 1) // 2) if size > 9 else []), size]


def _finer(coarse: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    place = np.linspace(0, len(coarse) - 1, size)
    cell = np.minimum(place.astype(np.intp), len(coarse) - 2)
    share = place - cell
    for axis in range(3):
        low, high = np.take(coarse, cell, axis), np.take(coarse, cell + 1, axis)
        coarse = low + (high - low) * np.expand_dims(share, [other for other in range(4) if other != axis])
    return coarse


def _solve(
    source: Floats, change: NDArray[np.float64], smoothness: float, size: int, guess: NDArray[np.float64]
) -> NDArray[np.float64]:
    from scipy import sparse
    from scipy.sparse.linalg import cg

    mix, bend = _mixing(source, size), _bending(size)
    system = mix.T @ mix / len(source) + (smoothness * (bend.T @ bend) + PULL * sparse.eye_array(size**3)) / size**3
    right = mix.T @ change / len(source)
    scale = sparse.diags_array(1 / system.diagonal())
    start = guess.reshape(-1, 3)
    solved = [cg(system, right[:, c], start[:, c], rtol=1e-4, maxiter=MOST_STEPS, M=scale)[0] for c in range(3)]
    return np.stack(solved, axis=-1).reshape(guess.shape)


def _pairs(before: Image, after: Image, most: int) -> tuple[Floats, Floats]:
    """Colours before and after, each pixel's, or of an even selection of them."""
    before, after = check(before, "before"), check(after, "after")
    check_same_size(after, before, "after", "before")
    chosen = np.ones(before.shape[0] * before.shape[1], bool)
    for image in (before, after):
        alpha = split_alpha(image)[1]
        if alpha is not None:
            chosen &= alpha.reshape(-1) > 0
    places = np.flatnonzero(chosen)
    if len(places) == 0:
        raise ImageError("before", "is transparent everywhere", "give one that shows something")
    if len(places) > most:
        places = np.random.default_rng(0).choice(places, most, replace=False)
    return _colors(before, places), _colors(after, places)


def _colors(image: Image, places: NDArray[np.intp]) -> Floats:
    color = split_alpha(image)[0]
    pixels = color.reshape(-1, 3) if color.ndim == 3 else np.repeat(color.reshape(-1, 1), 3, axis=1)
    return as_float(pixels[places])


def _mixing(colors: Floats, size: int) -> sparse.csr_array:
    """Matrix from nodes to pairs: the trilinear weights of the eight nodes around each colour."""
    from scipy import sparse

    position = np.clip(colors, 0, 1).astype(np.float64) * (size - 1)
    cell = np.minimum(position.astype(np.intp), size - 2)
    share = position - cell
    rows, columns, weights = [], [], []
    for corner in np.ndindex(2, 2, 2):
        node = cell + corner
        rows.append(np.arange(len(colors)))
        columns.append(node[:, 0] + size * (node[:, 1] + size * node[:, 2]))
        weights.append(np.prod(np.where(corner, share, 1 - share), axis=1))
    places = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array((np.concatenate(weights), places), shape=(len(colors), size**3))


def _bending(size: int) -> sparse.csr_array:
    """Second differences along each axis, and none at the sides, where a straight continuation costs nothing."""
    from scipy import sparse

    ones = np.ones(size - 2)
    bend = sparse.diags_array([ones, -2 * ones, ones], offsets=[0, 1, 2], shape=(size - 2, size))
    same = sparse.eye_array(size)
    parts = [
        sparse.kron(sparse.kron(bend if axis == 0 else same, bend if axis == 1 else same), bend if axis == 2 else same)
        for axis in range(3)
    ]
    return sparse.csr_array(sparse.vstack(parts))
