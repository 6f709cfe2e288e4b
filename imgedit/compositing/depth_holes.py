"""Holes of depth maps: what a stereo camera saw with one eye only, or could not match.

At the rim of an object it is the ground behind it that only one eye sees, so a hole takes the farther of the depths on
its two sides, along its row as the eyes stand (D. Scharstein and R. Szeliski, "A taxonomy and evaluation of dense
two-frame stereo correspondence algorithms", IJCV 2002, doi:10.1023/A:1014573219977). A median then joins the rows.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.compositing.depth import Near, check_map, depth_sign
from imgedit.errors import ImageError
from imgedit.pixels import Mask, check_same_size, hard_mask

__all__ = ["fill_depth"]

Floats = NDArray[np.float32]

# Joins rows that were filled each by itself; OpenCV has no larger one for floats.
MEDIAN = 5


def fill_depth(depth: NDArray[Any], holes: Mask | None = None, *, near: Near = "small") -> Floats:
    """Fill the holes of a depth map with the ground beside them.

    Parameters
    ----------
    depth : ndarray
        HxW distance for ``near="small"``, disparity (inverse distance) for ``near="large"``.
    holes : ndarray, optional
        HxW mask of what is not known; default: NaN and infinity, as stereo files mark it. Where a file has 0 there,
        give ``depth == 0``.
    near : {"small", "large"}
        Whether small depths are near or large ones.

    Returns
    -------
    ndarray of float32
        HxW, finite; what was known is as it was.

    Raises
    ------
    ImageError
        A depth that is none, a mask of another size, or nothing known.
    ArgumentError
        Another `near`.

    References
    ----------
    Scharstein and Szeliski, IJCV 2002, doi:10.1023/A:1014573219977

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.fill_depth(np.array([[9.0, np.inf, np.inf, 4.0]]), near="large").tolist()
    [[9.0, 4.0, 4.0, 4.0]]
    """
    check_map(depth, "depth")
    sign = depth_sign(near)
    known = np.isfinite(depth)
    if holes is not None:
        check_same_size(holes, depth, "holes", "depth")
        known &= ~hard_mask(holes, depth)
    if not known.any():
        raise ImageError("depth", "is not known anywhere", "give a map with some finite depths outside the holes")
    filled = np.where(known, sign * depth.astype(np.float32), np.float32(np.nan))
    filled = _along_rows(filled)
    filled = _along_rows(filled.T).T  # rows without any known depth
    smooth = cv2.medianBlur(np.ascontiguousarray(filled), MEDIAN)
    return np.asarray(np.where(known, depth, sign * smooth), np.float32)


def _along_rows(depth: Floats) -> Floats:
    """Give each NaN the larger of the next numbers to its left and right; NaN stays only in rows of nothing else."""
    known = ~np.isnan(depth)
    columns = np.arange(depth.shape[1])
    left = np.maximum.accumulate(np.where(known, columns, 0), axis=1)
    right = np.minimum.accumulate(np.where(known, columns, depth.shape[1] - 1)[:, ::-1], axis=1)[:, ::-1]
    sides = (np.take_along_axis(depth, side, axis=1) for side in (left, right))
    return np.asarray(np.where(known, depth, np.fmax(*sides)), np.float32)
