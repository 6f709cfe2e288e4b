"""Fast smooth fills of any size: the membrane that spans the hole, and its quick cousin, push-pull."""

from __future__ import annotations

import numpy as np

from imgedit.inpainting.regions import Flags, Floats
from imgedit.poisson import push_pull, solve_poisson
from imgedit.strips import Progress

__all__ = ["fill_harmonic", "fill_push_pull"]


def fill_harmonic(values: Floats, hole: Flags, *, progress: Progress, seed: int) -> Floats:
    """Fill with the smoothest surface that meets the edge: no value inside is beyond those at the edge.

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
        HxWxC.
    """
    del seed
    return solve_poisson(values, hole, progress=progress)


def fill_push_pull(values: Floats, hole: Flags, *, progress: Progress, seed: int) -> Floats:
    """Fill from averages of ever larger neighbourhoods: the fastest, and very smooth.

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
        HxWxC.
    """
    del seed
    return push_pull(values, np.logical_not(hole).astype(np.float32), progress=progress)
