"""One geometric description that moves an image, its mask, its points and its boxes alike.

A `Transform` is a chain of mappings of the plane. An image is resampled by the way back (for each output pixel: where
in the input does it come from), points go the way forth. A mapping states the direction that it knows exactly and
finds the other one by Newton's method, so that both always belong together.

Pixel centres are at integer + 1/2, the corner of an image is at (0, 0), its far corner at (width, height).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgedit.errors import ArgumentError
from imgedit.geometry.canvas import Border, check_size
from imgedit.geometry.mappings import Field, Mapping, Matrix, Mesh, Plate, Points, bending, make_matrix
from imgedit.pixels import Image, Mask, check_number

__all__ = ["Transform", "check_points"]

# Samples along each edge of a box under a mapping that bends lines.
EDGE_SAMPLES = 33


@dataclass(frozen=True)
class Transform:
    """A geometric change of an image that moves masks, points and boxes along.

    Build one with `affine`, `perspective`, `thin_plate`, `mesh`, `field`, `translation`, `scaling`, `rotation` or
    `similarity`; chain them with ``a @ b`` (first `b`, then `a`).

    Parameters
    ----------
    steps : tuple
        Mappings, in the order in which they are applied; neighbouring matrices are one.

    Examples
    --------
    >>> import imgedit as ie
    >>> turn = ie.Transform.rotation(90, center=(2, 2))
    >>> turn.points([[4, 2]]).tolist()
    [[2.0, 0.0]]
    >>> (turn @ turn.inverse()).is_identity
    True
    """

    steps: tuple[Mapping, ...] = ()

    @classmethod
    def affine(cls, matrix: ArrayLike) -> Transform:
        """Take a matrix that maps input points to output points.

        Parameters
        ----------
        matrix : array_like of float
            2x3, or 3x3 with last row (0, 0, 1).

        Returns
        -------
        Transform
            Straight lines stay straight, parallel ones parallel.

        Raises
        ------
        ArgumentError
            Another shape, values that are not finite, or a matrix that can't be inverted.

        Examples
        --------
        >>> import imgedit as ie
        >>> ie.Transform.affine([[1, 0, 5], [0, 1, 0]]).points([[1, 1]]).tolist()
        [[6.0, 1.0]]
        """
        values = _numbers(matrix, "matrix")
        if values.shape == (2, 3):
            values = np.vstack([values, (0, 0, 1)])
        if values.shape != (3, 3) or tuple(values[2]) != (0, 0, 1):
            raise ArgumentError("matrix", f"is {_shape(values)}", "give 2x3 numbers, or 3x3 with last row (0, 0, 1)")
        return cls._of(values)

    @classmethod
    def perspective(cls, matrix_or_source: ArrayLike, target: ArrayLike | None = None) -> Transform:
        """Take a homography, or find the one that moves four points onto four others.

        Parameters
        ----------
        matrix_or_source : array_like of float
            3x3 matrix that maps homogeneous input points to output points, or 4x2 input points.
        target : array_like of float, optional
            4x2 output points.

        Returns
        -------
        Transform
            Straight lines stay straight.

        Raises
        ------
        ArgumentError
            Another shape, values that are not finite, three points on a line, or a matrix that can't be inverted.

        Examples
        --------
        >>> import imgedit as ie
        >>> corners = [[0, 0], [8, 0], [8, 8], [0, 8]]
        >>> ie.Transform.perspective(corners, [[0, 0], [8, 0], [6, 8], [2, 8]]).points([[8, 8]]).round(6).tolist()
        [[6.0, 8.0]]
        """
        if target is None:
            values = _numbers(matrix_or_source, "matrix")
            if values.shape != (3, 3):
                raise ArgumentError("matrix", f"is {_shape(values)}", "give 3x3 numbers, or two times four points")
            return cls._of(values)
        source, aim = check_points(matrix_or_source, "source"), check_points(target, "target")
        if len(source) != 4 or len(aim) != 4:
            raise ArgumentError("source", f"has {len(source)} points and target {len(aim)}", "give four of each")
        matrix = _from_unit_square(aim, "target") @ np.linalg.inv(_from_unit_square(source, "source"))
        depth = source @ matrix[2, :2] + matrix[2, 2]
        if depth.min() < 0 < depth.max():
            raise ArgumentError(
                "target", f"is {aim.tolist()}, which turns the source inside out", "keep the corners' order"
            )
        return cls((make_matrix(matrix * np.sign(depth[0])),))

    @classmethod
    def translation(cls, x: float, y: float) -> Transform:
        """Shift to the right and down.

        Parameters
        ----------
        x : float
            Pixels to the right.
        y : float
            Pixels down.

        Returns
        -------
        Transform
            The shift.
        """
        return cls.affine([[1, 0, check_number(x, "x")], [0, 1, check_number(y, "y")]])

    @classmethod
    def scaling(cls, x: float, y: float | None = None, *, center: tuple[float, float] = (0, 0)) -> Transform:
        """Stretch by a factor.

        Parameters
        ----------
        x : float
            Factor along x; negative mirrors.
        y : float, optional
            Factor along y, if it is another.
        center : tuple of float
            The point (x, y) that stays in place.

        Returns
        -------
        Transform
            The stretch.
        """
        x = check_number(x, "x")
        y = x if y is None else check_number(y, "y")
        return cls._about(center, np.diag([x, y]))

    @classmethod
    def rotation(cls, degrees: float, *, center: tuple[float, float] = (0, 0)) -> Transform:
        """Turn counter-clockwise.

        Parameters
        ----------
        degrees : float
            Angle; positive is counter-clockwise as seen on the screen.
        center : tuple of float
            The point (x, y) that stays in place.

        Returns
        -------
        Transform
            The turn.
        """
        return cls.similarity(degrees=degrees, center=center)

    @classmethod
    def similarity(
        cls,
        *,
        degrees: float = 0.0,
        scale: float = 1.0,
        shift: tuple[float, float] = (0, 0),
        center: tuple[float, float] = (0, 0),
    ) -> Transform:
        """Turn, scale, then shift.

        Parameters
        ----------
        degrees : float
            Angle; positive is counter-clockwise as seen on the screen.
        scale : float
            Factor, above 0.
        shift : tuple of float
            Pixels to the right and down.
        center : tuple of float
            The point (x, y) about which it turns and scales.

        Returns
        -------
        Transform
            Shapes stay similar.
        """
        cosine, sine = _cosine_sine(check_number(degrees, "degrees"))
        scale = check_number(scale, "scale", above=0)
        turned = cls._about(center, scale * np.array([[cosine, sine], [-sine, cosine]]))
        return cls.translation(*_pair(shift, "shift")) @ turned

    @classmethod
    def thin_plate(cls, source: ArrayLike, target: ArrayLike) -> Transform:
        """Bend the plane as a thin metal plate bends, so that given points land on given points.

        Parameters
        ----------
        source : array_like of float
            Nx2 points of the input, at least three and not all on one line.
        target : array_like of float
            Nx2 points of the output, where the former shall land.

        Returns
        -------
        Transform
            The smoothest such mapping.

        Raises
        ------
        ArgumentError
            Not two equal numbers of points, double points, or points on one line.

        Examples
        --------
        >>> import imgedit as ie
        >>> corners = [[0, 0], [9, 0], [0, 9], [9, 9], [4, 4]]
        >>> bent = ie.Transform.thin_plate(corners, [*corners[:4], [5, 5]])
        >>> bent.points([[4, 4]]).round(6).tolist()
        [[5.0, 5.0]]
        """
        origin, aim = check_points(source, "source"), check_points(target, "target")
        count = len(aim)
        if len(origin) != count or count < 3:
            raise ArgumentError("source", f"has {len(origin)} points and target {count}", "give three or more of each")
        if np.linalg.matrix_rank(aim - aim[0], tol=1e-9 * (1 + np.abs(aim).max())) < 2:
            raise ArgumentError("target", "has all points on one line", "give one beside it")
        if len(np.unique(aim, axis=0)) < count:
            raise ArgumentError("target", "holds a point twice", "give each once")
        affine = np.concatenate([np.ones((count, 1)), aim], axis=1)
        system = np.block([[bending(aim, aim), affine], [affine.T, np.zeros((3, 3))]])
        weights = np.linalg.solve(system, np.concatenate([origin, np.zeros((3, 2))]))
        return cls((Plate(aim, weights),))

    @classmethod
    def field(cls, offsets: ArrayLike) -> Transform:
        """Take a displacement for each output pixel.

        Parameters
        ----------
        offsets : array_like of float
            HxWx2; output pixel (x, y) shows the input at (x, y) + offsets[y, x], in pixels, x first. Beyond the field
            its outermost values go on.

        Returns
        -------
        Transform
            The displacement.

        Raises
        ------
        ArgumentError
            Another shape, or values that are not finite.

        Examples
        --------
        >>> import imgedit as ie
        >>> ie.Transform.field(np.full((4, 4, 2), 1.0)).points([[3, 3]]).tolist()
        [[2.0, 2.0]]
        """
        values = _numbers(offsets, "offsets")
        if values.ndim != 3 or values.shape[2] != 2 or not values.size:
            raise ArgumentError("offsets", f"is {_shape(values)}", "give HxWx2: x and y displacement of each pixel")
        return cls((Field(_sealed(values.astype(np.float32))),))

    @classmethod
    def mesh(cls, nodes: ArrayLike, size: tuple[int, int]) -> Transform:
        """Take a grid of nodes, spread evenly over the output, and the input point that each shows.

        Parameters
        ----------
        nodes : array_like of float
            RxCx2; input point (x, y) that is shown at row r, column c of the grid, whose corners are those of the
            output. Bilinear in between, continued beyond.
        size : tuple of int
            Height and width of the output over which the grid is spread.

        Returns
        -------
        Transform
            The deformation.

        Raises
        ------
        ArgumentError
            Another shape, fewer than 2x2 nodes, or values that are not finite.

        Examples
        --------
        >>> import imgedit as ie
        >>> grid = np.array([[[0, 0], [4, 0]], [[0, 4], [4, 4]]])
        >>> ie.Transform.mesh(grid, (8, 8)).points([[1, 3]]).round(6).tolist()
        [[2.0, 6.0]]
        """
        values = _numbers(nodes, "nodes")
        if values.ndim != 3 or values.shape[2] != 2 or min(values.shape[:2]) < 2:
            raise ArgumentError("nodes", f"is {_shape(values)}", "give RxCx2 with at least 2x2 nodes")
        return cls((Mesh(_sealed(values), check_size(size)),))

    @classmethod
    def _of(cls, matrix: NDArray[np.float64]) -> Transform:
        # Columns of length 1 first: a matrix that makes everything a thousand times smaller is not singular.
        lengths = np.linalg.norm(matrix, axis=0)
        if not lengths.all() or abs(np.linalg.det(matrix / lengths)) < 1e-12 or matrix[2, 2] == 0:
            raise ArgumentError("matrix", f"is {matrix.tolist()}, which can't be inverted", "give one that keeps areas")
        return cls((make_matrix(matrix / matrix[2, 2]),))

    @classmethod
    def _about(cls, center: tuple[float, float], linear: NDArray[np.float64]) -> Transform:
        middle = np.array(_pair(center, "center"))
        return cls.affine(np.column_stack([linear, middle - linear @ middle]))

    @property
    def matrix(self) -> NDArray[np.float64] | None:
        """The 3x3 matrix from input to output points; None where no matrix says it all."""
        if not self.steps:
            return np.eye(3)
        step = self.steps[0]
        return step.array if len(self.steps) == 1 and isinstance(step, Matrix) else None

    @property
    def is_identity(self) -> bool:
        """Whether it leaves everything in place."""
        return self.matrix is not None and np.array_equal(self.matrix, np.eye(3))

    def __matmul__(self, first: Transform) -> Transform:
        """Chain two transforms: `first`, then this one."""
        if not isinstance(first, Transform):
            return NotImplemented
        steps: list[Mapping] = []
        for step in (*first.steps, *self.steps):
            before = steps[-1] if steps else None
            if isinstance(step, Matrix) and isinstance(before, Matrix):
                steps[-1] = make_matrix(step.array @ before.array)
            else:
                steps.append(step)
        return Transform(tuple(steps))

    def inverse(self) -> Transform:
        """Swap both directions.

        Returns
        -------
        Transform
            What undoes this one. Of curved transforms it takes longer to apply: each pixel is found by Newton's method.
        """
        return Transform(tuple(step.inverse() for step in reversed(self.steps)))

    def points(self, xy: ArrayLike) -> Points:
        """Move points.

        Parameters
        ----------
        xy : array_like of float
            Nx2 input points; the centre of the first pixel is (0.5, 0.5).

        Returns
        -------
        ndarray of float64
            Nx2 output points; NaN where there is none (beyond the horizon, or where a field folds over).

        Raises
        ------
        ArgumentError
            Not Nx2 finite numbers.
        """
        points = check_points(xy, "xy")
        for step in self.steps:
            points = step.forth(points)
        return points

    def back(self, xy: ArrayLike) -> Points:
        """Find the input points that land on output points.

        Parameters
        ----------
        xy : array_like of float
            Nx2 output points.

        Returns
        -------
        ndarray of float64
            Nx2 input points; NaN where there is none.
        """
        points = np.asarray(xy, np.float64)
        for step in reversed(self.steps):
            points = step.back(points)
        return points

    def boxes(self, ltrb: ArrayLike) -> NDArray[np.float64]:
        """Move boxes.

        Parameters
        ----------
        ltrb : array_like of float
            Nx4: left, top, right, bottom, in pixels of the input.

        Returns
        -------
        ndarray of float64
            Nx4; the upright boxes around what the given ones become. They are not cut off at any border.

        Raises
        ------
        ArgumentError
            Not Nx4 finite numbers.
        """
        boxes = _numbers(ltrb, "ltrb")
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ArgumentError("ltrb", f"is {_shape(boxes)}", "give Nx4: left, top, right, bottom")
        share = np.linspace(0, 1, 2 if self.matrix is not None else EDGE_SAMPLES)
        zero, one = np.zeros_like(share), np.ones_like(share)
        x, y = np.concatenate([share, share, zero, one]), np.concatenate([zero, one, share, share])
        left, top, right, bottom = boxes.T[..., None]
        outline = np.stack([left + (right - left) * x, top + (bottom - top) * y], axis=-1)
        moved = self.points(outline.reshape(-1, 2)).reshape(outline.shape)
        return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)

    def mask(self, mask: Mask, *, size: tuple[int, int] | None = None, border: Border = "background") -> Mask:
        """Move a mask.

        Parameters
        ----------
        mask : ndarray
            HxW; bool, uint8, uint16 or float32 coverage.
        size : tuple of int, optional
            Height and width of the result; by default those of the mask.
        border : {"background", "edge", "reflect", "wrap"}
            What lies beyond the mask; ``"background"`` is no coverage.

        Returns
        -------
        ndarray
            The mask of the same dtype; bool ones are cut at half coverage.
        """
        from imgedit.geometry.warping import warp_mask

        return warp_mask(mask, self, size=size, border=border)

    def __call__(self, image: Image, *, size: tuple[int, int] | None = None) -> Image:
        """Move an image; ``warp`` has more parameters."""
        from imgedit.geometry.warping import warp

        return warp(image, self, size=size)


def check_points(xy: ArrayLike, name: str) -> Points:
    """Refuse what is not a list of points.

    Parameters
    ----------
    xy : array_like
        What a caller gave.
    name : str
        The caller's name of the argument.

    Returns
    -------
    ndarray of float64
        Nx2.

    Raises
    ------
    ArgumentError
        Not Nx2 finite numbers.
    """
    points = _numbers(xy, name)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ArgumentError(name, f"is {_shape(points)}", "give Nx2 numbers: x and y of each point")
    return points


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        array = np.array(values, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(name, f"is {values!r}", "give numbers, in rows of equal length") from None
    if not np.isfinite(array).all():
        raise ArgumentError(name, "holds NaN or infinity", "give finite numbers")
    return array


def _shape(values: NDArray[Any]) -> str:
    return "x".join(map(str, values.shape)) or "a single number"


def _pair(values: Sequence[float], name: str) -> tuple[float, float]:
    numbers = _numbers(values, name)
    if numbers.shape != (2,):
        raise ArgumentError(name, f"is {values!r}", "give two numbers: x and y")
    return float(numbers[0]), float(numbers[1])


def _sealed(values: NDArray[Any]) -> NDArray[Any]:
    values.flags.writeable = False
    return values


def _cosine_sine(degrees: float) -> tuple[float, float]:
    """Cosine and sine, exact at multiples of 90 degrees."""
    quarters, rest = divmod(degrees, 90.0)
    cosine, sine = math.cos(math.radians(rest)), math.sin(math.radians(rest))
    for _ in range(int(quarters) % 4):
        cosine, sine = -sine, cosine
    return cosine, sine


def _from_unit_square(corners: Points, name: str) -> NDArray[np.float64]:
    """Homography from the corners (0, 0), (1, 0), (1, 1), (0, 1) to four points."""
    triples = [np.delete(corners, leave, axis=0) for leave in range(4)]
    areas = [np.linalg.det(np.column_stack([triple, np.ones(3)])) for triple in triples]
    if min(map(abs, areas)) < 1e-9 * (1 + np.abs(corners).max()) ** 2:
        raise ArgumentError(name, f"is {corners.tolist()}, with three points on a line", "give four corners")
    a, b, c, d = corners
    # The weights of three corners whose weighted sum is the fourth, in homogeneous coordinates.
    basis = np.column_stack([np.append(p, 1) for p in (b, d, a)])
    right, down, origin = np.linalg.solve(basis, np.append(c, 1))
    columns = [right * np.append(b, 1), down * np.append(d, 1), -origin * np.append(a, 1)]
    return np.column_stack([columns[0] - columns[2], columns[1] - columns[2], columns[2]])
