"""Join pieces that were copied from different places, so that no step in brightness is left where two meet.

P. Perez, M. Gangnet, A. Blake, "Poisson Image Editing", ACM TOG 22(3), 2003 (doi:10.1145/882262.882269): the result has
the differences of neighbours that the pieces have where they come from, and the values around the hole. Last,
the rim of thin parts is filled again, biharmonically.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.inpainting.biharmonic import fill_biharmonic
from imgedit.inpainting.regions import Flags, Floats
from imgedit.poisson import solve_poisson
from imgedit.strips import Progress, Ticker

__all__ = ["join_pieces"]

# Most that joining may change a value: a step in brightness goes, what is really of another colour stays.
JOIN = 0.1
# A larger step between two pieces is taken for an edge of the picture, and stays. Half of it leaves the line along
# which the fill from above meets that from below to be seen.
EDGE = 0.2
# Where no square of THIN pixels a side fits into the hole (text, scratches), up to RIM pixels from the known ones their
# smooth continuation is nearer to the truth than any copy, by texture too: there is no room for one.
THIN, RIM = 9, 2.5
# Pixels whose differences are looked up at one time.
SOME = 300_000


def join_pieces(
    values: Floats,
    hole: Flags,
    origin: NDArray[np.intp],
    progress: Progress,
    *,
    atlas: tuple[Floats, Flags] | None = None,
    factor: Floats | None = None,
) -> Floats:
    """Fill a hole with the pixels at `origin` and even out the steps between them.

    Parameters
    ----------
    values : ndarray of float32
        HxWxC.
    hole : ndarray of bool
        HxW.
    origin : ndarray of int
        HxW; in the hole the flat index into the atlas of what is copied there, elsewhere -1.
    progress : callable
        Given the fraction done.
    atlas : tuple of ndarray, optional
        The pixels to copy from, hxwxC, and which of them are known, hxw; by default the picture outside the hole.
    factor : ndarray of float32, optional
        HxW; what each copied pixel is multiplied by.

    Returns
    -------
    ndarray of float32
        HxWxC.
    """
    pixels, known = (values, ~hole) if atlas is None else atlas
    factor = np.ones(hole.shape, np.float32) if factor is None else factor
    tick = Ticker(progress)
    filled = values.copy()
    copied = pixels.reshape(-1, values.shape[2])[origin[hole]]
    tick()
    filled[hole] = copied * factor[hole][:, None]
    tick()
    divergence = np.zeros_like(filled)
    for axis in (0, 1):
        steps = _steps(filled, origin, pixels, known, factor, axis, tick)
        tick(0.1 * (axis + 1))
        first, last = (slice(None, -1), slice(1, None)) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
        divergence[first] += steps
        divergence[last] -= steps
    joined = solve_poisson(filled, hole, divergence, guess=filled, tolerance=1e-3, progress=tick.part(0.2, 0.7))
    joined -= filled
    filled += np.clip(joined, -JOIN, JOIN, out=joined)
    tick()
    thin = _thin_parts(hole)
    tick()
    if thin.any():
        smooth = fill_biharmonic(filled, thin, progress=tick.part(0.7, 1.0), seed=0)
        rim = thin & (cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= RIM)
        filled[rim] = smooth[rim]
    return filled


def _thin_parts(hole: Flags) -> Flags:
    """Give those parts of a hole into which no square of THIN pixels a side fits."""
    square = np.ones((THIN, THIN), np.uint8)
    thin: Flags = hole & (cv2.morphologyEx(hole.view(np.uint8), cv2.MORPH_OPEN, square) == 0)
    return thin


def _steps(
    filled: Floats, origin: NDArray[np.intp], pixels: Floats, known: Flags, factor: Floats, axis: int, tick: Ticker
) -> Floats:
    """Differences of neighbours along an axis, as the source of one of the two has it: the one that fits better."""
    flat, width = pixels.reshape(-1, filled.shape[2]), known.shape[1]
    present: Floats = np.diff(filled, axis=axis)
    steps, least = present.copy(), np.full(present.shape[:2], EDGE, np.float32)
    for end, sign in ((slice(None, -1), 1), (slice(1, None), -1)):
        cut = (end, slice(None)) if axis == 0 else (slice(None), end)
        places = np.nonzero(origin[cut] >= 0)
        tick()
        for some in range(0, len(places[0]), SOME):
            at = places[0][some : some + SOME], places[1][some : some + SOME]
            here = origin[cut][at]
            there = here + sign * (width if axis == 0 else 1)
            inside = (there >= 0) & (there < known.size) & ((axis == 0) | (there // width == here // width))
            there = np.where(inside, there, here)
            step = (sign * factor[cut][at])[:, None] * (flat[there] - flat[here])
            off = np.abs(step - present[at]).max(axis=1)
            better = inside & known.ravel()[there] & (off < least[at])
            at = at[0][better], at[1][better]
            steps[at], least[at] = step[better], off[better]
            tick()
    return steps
