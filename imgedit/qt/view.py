"""What part of an image a viewport shows: a scale and a corner, and how points go to and fro. Knows nothing of Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["View"]

# Wider, one pixel fills the screen; smaller, a photo of 100 MP is a dot.
LARGEST = 64.0
SMALLEST = 1 / 256


@dataclass(frozen=True)
class View:
    """A viewport of device pixels on an image.

    Attributes
    ----------
    scale : float
        Device pixels an image pixel.
    left, top : float
        Image coordinates of the viewport's corner.

    Examples
    --------
    >>> import imgedit.qt
    >>> view = imgedit.qt.View.fitting((100, 200), (50, 50))
    >>> view.scale, view.to_viewport(100, 50)
    (0.25, (25.0, 25.0))
    """

    scale: float = 1.0
    left: float = 0.0
    top: float = 0.0

    @classmethod
    def fitting(cls, size: tuple[int, int], viewport: tuple[int, int]) -> View:
        """View that shows all of an image of `size` (height, width) in the middle of a `viewport`, never enlarged."""
        height, width = viewport
        scale = min(1.0, max(SMALLEST, min(height / size[0], width / size[1])))
        return cls(scale, (size[1] - width / scale) / 2, (size[0] - height / scale) / 2)

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Image coordinates of a place in the viewport."""
        return self.left + x / self.scale, self.top + y / self.scale

    def to_viewport(self, x: float, y: float) -> tuple[float, float]:
        """Place in the viewport of image coordinates."""
        return (x - self.left) * self.scale, (y - self.top) * self.scale

    def panned(self, dx: float, dy: float) -> View:
        """View after the image was dragged by (dx, dy) device pixels."""
        return replace(self, left=self.left - dx / self.scale, top=self.top - dy / self.scale)

    def zoomed(self, factor: float, x: float, y: float) -> View:
        """View enlarged by a factor; what lies at (x, y) of the viewport stays there."""
        scale = min(LARGEST, max(SMALLEST, self.scale * factor))
        u, v = self.to_image(x, y)
        return View(scale, u - x / scale, v - y / scale)
