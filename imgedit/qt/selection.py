"""A mask that is painted on, with undo. Knows nothing of Qt.

Coverage is uint8, so that rims are soft. Undo keeps tiles as they were before a stroke first touched them: what a step
costs follows from the area that it changed, not from the size of the image.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = ["Selection"]

TILE = 256

# What all steps together may take; the oldest are forgotten.
UNDO_BYTES = 256 * 1024 * 1024

Box = tuple[int, int, int, int]
Step = dict[tuple[int, int], NDArray[np.uint8]]


class Selection:
    """Coverage of an image, 0 to 255, and its history.

    Parameters
    ----------
    coverage : ndarray of uint8
        HxW, to begin with; written to.
    """

    def __init__(self, coverage: NDArray[np.uint8]) -> None:
        self.coverage = coverage
        self._open: Step = {}
        self._done: list[Step] = []
        self._undone: list[Step] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back that can be done again."""
        return bool(self._undone)

    def put(self, patch: NDArray[np.uint8], left: int, top: int, *, add: bool = True) -> Box:
        """Add coverage to the selection, or take it away; part of the step that `commit` ends.

        Parameters
        ----------
        patch : ndarray of uint8
            Coverage, HxW; may reach beyond the image.
        left, top : int
            Where its corner lies in the image.
        add : bool
            False takes away.

        Returns
        -------
        (int, int, int, int)
            Left, top, right and bottom of what may have changed; empty where the patch lies outside.
        """
        height, width = self.coverage.shape
        x0, y0 = min(max(0, left), width), min(max(0, top), height)
        x1, y1 = max(x0, min(width, left + patch.shape[1])), max(y0, min(height, top + patch.shape[0]))
        box = (x0, y0, x1, y1)
        self._keep(box)
        inner = patch[y0 - top : y1 - top, x0 - left : x1 - left]
        region = self.coverage[y0:y1, x0:x1]
        if add:
            np.maximum(region, inner, out=region)
        else:
            np.minimum(region, 255 - inner, out=region)
        return box

    def replace(self, coverage: NDArray[np.uint8]) -> Box:
        """Take other coverage for all of it; part of the step that `commit` ends.

        Parameters
        ----------
        coverage : ndarray of uint8
            HxW of the same size.

        Returns
        -------
        (int, int, int, int)
            Left, top, right and bottom of what may have changed; empty where nothing has.
        """
        height, width = self.coverage.shape
        changed = []
        for place in _tiles((0, 0, width, height)):
            tile, new = self._tile(*place), _tile(coverage, *place)
            if not np.array_equal(tile, new):
                self._open.setdefault(place, tile.copy())
                tile[:] = new
                changed.append(place)
        return self._hull(changed)

    def commit(self) -> None:
        """End a step: what was put since the last is undone together."""
        if self._open:
            self._done.append(self._open)
            self._open = {}
            self._undone.clear()
            while len(self._done) > 1 and sum(map(_bytes, self._done)) > UNDO_BYTES:
                del self._done[0]

    def undo(self) -> Box:
        """Take the last step back; gives the box that changed, an empty one where there is no step."""
        self.commit()
        return self._swap(self._done, self._undone)

    def redo(self) -> Box:
        """Do again what was undone last; gives the box that changed."""
        self.commit()
        return self._swap(self._undone, self._done)

    def _keep(self, box: Box) -> None:
        for place in _tiles(box):
            if place not in self._open:
                self._open[place] = self._tile(*place).copy()

    def _tile(self, row: int, column: int) -> NDArray[np.uint8]:
        return _tile(self.coverage, row, column)

    def _swap(self, source: list[Step], target: list[Step]) -> Box:
        step = source.pop() if source else {}
        for place, kept in step.items():
            tile = self._tile(*place)
            step[place] = tile.copy()
            tile[:] = kept
        if step:
            target.append(step)
        return self._hull(step)

    def _hull(self, places: Collection[tuple[int, int]]) -> Box:
        """Box around tiles."""
        if not places:
            return 0, 0, 0, 0
        rows, columns = zip(*places, strict=True)
        height, width = self.coverage.shape
        right, bottom = min(width, (max(columns) + 1) * TILE), min(height, (max(rows) + 1) * TILE)
        return min(columns) * TILE, min(rows) * TILE, right, bottom


def _tiles(box: Box) -> Iterator[tuple[int, int]]:
    """Rows and columns of the tiles that a box touches."""
    left, top, right, bottom = box
    if right > left and bottom > top:
        yield from product(range(top // TILE, (bottom - 1) // TILE + 1), range(left // TILE, (right - 1) // TILE + 1))


def _tile(coverage: NDArray[np.uint8], row: int, column: int) -> NDArray[np.uint8]:
    return coverage[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]


def _bytes(step: Step) -> int:
    return sum(tile.nbytes for tile in step.values())
