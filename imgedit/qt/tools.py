"""What the pointer does on a canvas: TOOLS. A tool turns presses, moves and keys into points and coverage.

Points are image coordinates. A tool asks the canvas for what it needs (`Board`) and paints on it; it draws nothing
itself, the canvas shows its `outline`.
"""

from __future__ import annotations

import math
from typing import Protocol

from imgedit.qt.shapes import Patch, Point, polygon, stroke
from imgedit.tables import Table

__all__ = ["TOOLS", "Board", "Tool"]


class Board(Protocol):
    """What a tool sees of the canvas."""

    brush_radius: float

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the image."""

    def paint(self, patch: Patch, *, add: bool) -> None:
        """Add coverage to the mask, or take it away."""

    def done(self, points: list[Point]) -> None:
        """End a step of undo and tell the points that made it."""

    def flood(self, point: Point, *, add: bool) -> None:
        """Select what has the colour of a point, in the background."""


class Tool:
    """Does nothing but be there: the hand, which the canvas itself moves."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.points: list[Point] = []
        self.add = True

    @property
    def outline(self) -> list[Point]:
        """Points of what is being drawn, to be shown as a line."""
        return []

    def press(self, point: Point, *, add: bool) -> None:
        """Begin at a point; `add` is False to take away."""

    def move(self, point: Point) -> None:
        """Go on to a point, with the button down."""

    def release(self) -> None:
        """End what the button began."""

    def finish(self) -> None:
        """Close what takes several clicks."""

    def step_back(self) -> None:
        """Take the last click back."""

    def drop(self) -> None:
        """Forget what was begun."""
        self.points = []


class Brush(Tool):
    """Paints where the pointer goes."""

    def press(self, point: Point, *, add: bool) -> None:
        """Set the brush down."""
        self.add = add
        self.points = [point]
        self._paint(point, point)

    def move(self, point: Point) -> None:
        """Draw a line to the point."""
        if self.points and point != self.points[-1]:
            self._paint(self.points[-1], point)
            self.points.append(point)

    def release(self) -> None:
        """Lift the brush: one step of undo."""
        if self.points:
            self.board.done(self.points)
        self.points = []

    def drop(self) -> None:
        """Lift the brush: what is painted stays, and can be undone."""
        self.release()

    def _paint(self, start: Point, end: Point) -> None:
        self.board.paint(stroke(start, end, self.board.brush_radius, self.board.image_size), add=self.add)


class Lasso(Tool):
    """Selects what a line goes around that is drawn freely."""

    @property
    def outline(self) -> list[Point]:
        """The line so far."""
        return self.points

    def press(self, point: Point, *, add: bool) -> None:
        """Begin the line."""
        self.add = add
        self.points = [point]

    def move(self, point: Point) -> None:
        """Go on with the line."""
        if self.points:
            self.points.append(point)

    def release(self) -> None:
        """Close the line and select what is within."""
        self.finish()

    def finish(self) -> None:
        """Select what is within, if the line encloses anything."""
        if len(self.points) >= 3:
            self.board.paint(polygon(self.points, self.board.image_size), add=self.add)
            self.board.done(self.points)
        self.points = []


class Polygon(Lasso):
    """Selects what straight lines go around, a click for each corner; a click on the first corner closes it."""

    def press(self, point: Point, *, add: bool) -> None:
        """Set a corner."""
        if not self.points:
            self.add = add
        if len(self.points) >= 3 and math.dist(point, self.points[0]) <= self.board.brush_radius / 2:
            self.finish()
        else:
            self.points.append(point)

    def move(self, point: Point) -> None:
        """Move the newest corner."""
        if self.points:
            self.points[-1] = point

    def release(self) -> None:
        """Leave the corner where it is."""

    def step_back(self) -> None:
        """Take the newest corner away."""
        self.points = self.points[:-1]


class Flood(Tool):
    """Selects what has the colour of a point and is connected with it."""

    def press(self, point: Point, *, add: bool) -> None:
        """Begin in the background."""
        height, width = self.board.image_size
        if 0 <= point[0] < width and 0 <= point[1] < height:
            self.board.flood(point, add=add)


TOOLS: Table[type[Tool]] = Table(
    "tool", {"hand": Tool, "brush": Brush, "lasso": Lasso, "polygon": Polygon, "flood": Flood}
)
