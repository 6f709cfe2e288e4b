"""Halved copies of an image, so that any view of 100 megapixels is drawn from about as many pixels as the screen has.

Until `build` has made the copies (on another thread, if wanted) their places are taken by every second, fourth, eighth
... pixel of the image, so that the first picture stands at once and merely looks rough. Knows nothing of Qt.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.pixels import Image, Progress, check, premultiply, to_uint8

__all__ = ["Pyramid", "displayable"]

# From here on pixels are shown as squares instead of being interpolated: whoever looks so closely wants to see them.
SQUARES = 2.0

# No copy is made that is smaller: nothing is gained.
SMALLEST_SIDE = 256

Box = tuple[int, int, int, int]


def displayable(image: Image) -> Image:
    """Image as a screen shows it: uint8, premultiplied, so that it may be averaged. Shares the memory where it can."""
    eight = image if image.dtype == np.uint8 else to_uint8(image)
    return premultiply(eight) if eight.ndim == 3 and eight.shape[2] == 4 else np.ascontiguousarray(eight)


class Pyramid:
    """An image and its halved copies.

    Parameters
    ----------
    base : ndarray of uint8
        HxW, HxWx3 or premultiplied HxWx4, as `displayable` gives it. Not copied.
    image : ndarray, optional
        The image that it shows, where that is not the base.

    Examples
    --------
    >>> import imgedit.qt, numpy as np
    >>> pyramid = imgedit.qt.Pyramid.of(np.zeros((2000, 3000, 3), np.uint16))
    >>> pyramid.size, pyramid.base.dtype.name
    ((2000, 3000), 'uint8')
    """

    def __init__(self, base: NDArray[np.uint8], image: Image | None = None) -> None:
        self.base = base
        self.image: Image = base if image is None else image
        self._halved: list[NDArray[np.uint8]] = []

    @classmethod
    def of(cls, image: Image, progress: Progress | None = None) -> Pyramid:
        """Pyramid of any image, complete: all that takes long before a `Canvas` shows it, to be done in a `Worker`.

        Parameters
        ----------
        image : ndarray
            HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
        progress : callable, optional
            Given the fraction done.

        Returns
        -------
        Pyramid
            What `Canvas.set_image` takes in place of the image.

        Raises
        ------
        ImageError
            Not an image.
        """
        pyramid = cls(displayable(check(image)), image)
        pyramid.build(progress)
        return pyramid

    @classmethod
    def empty(cls, size: tuple[int, int]) -> Pyramid:
        """Pyramid of zeros, complete: memory that the system gives when it is written to."""
        pyramid = cls(np.zeros(size, np.uint8))
        while min(size) >= 2 * SMALLEST_SIDE:
            size = (size[0] // 2, size[1] // 2)
            pyramid._halved.append(np.zeros(size, np.uint8))
        return pyramid

    def build(self, progress: Progress | None = None) -> None:
        """Make the halved copies, which take a third of the image's memory; nothing to do where they are made."""
        if self._halved:
            return
        levels = [self.base]
        while min(levels[-1].shape[:2]) >= 2 * SMALLEST_SIDE:
            levels.append(_half(levels[-1]))
            if progress is not None:
                progress(1 - 0.25 ** (len(levels) - 1))
        self._halved = levels[1:]  # in one step: the interface may be drawing

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.base.shape[:2]
        return height, width

    def changed(self, box: Box) -> None:
        """Bring the copies up to date where the base was written to: (left, top, right, bottom)."""
        left, top, right, bottom = box
        source = self.base
        for target in self._halved:
            left, top, right, bottom = left // 2, top // 2, -(-right // 2), -(-bottom // 2)
            right, bottom = min(right, target.shape[1]), min(bottom, target.shape[0])
            if right > left and bottom > top:
                target[top:bottom, left:right] = _half(source[2 * top : 2 * bottom, 2 * left : 2 * right])
            source = target

    def render(self, scale: float, left: float, top: float, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Draw a part.

        Parameters
        ----------
        scale : float
            Pixels drawn for each of the image.
        left, top : float
            Image coordinates of the drawn part's corner.
        size : (int, int)
            Height and width of what is drawn. Beyond the image its border is repeated.

        Returns
        -------
        ndarray of uint8
            With the channels of the base.
        """
        depth = min(max(0, math.floor(math.log2(1 / scale))), self._deepest())
        if depth > len(self._halved):
            depth += 1  # rough in any case, but a quarter of the memory to go through
        ratio = 1 / (scale * 2**depth)
        x, y = left / 2**depth, top / 2**depth
        crop, x0, y0 = self._crop(depth, x, y, size, ratio)
        # OpenCV counts from the centre of the first pixel, we from its corner.
        shift = 0.5 * ratio - 0.5
        matrix = np.array([[ratio, 0, x - x0 + shift], [0, ratio, y - y0 + shift]])
        flags = (cv2.INTER_NEAREST if scale >= SQUARES else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
        drawn = cv2.warpAffine(crop, matrix, size[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(drawn, np.uint8)

    def _deepest(self) -> int:
        """Halvings after which the image still is SMALLEST_SIDE wide and high."""
        return max(0, math.floor(math.log2(min(self.base.shape[:2]) / SMALLEST_SIDE)))

    def _crop(
        self, depth: int, x: float, y: float, size: tuple[int, int], ratio: float
    ) -> tuple[NDArray[np.uint8], int, int]:
        """Part of a level that a drawing needs with a pixel around it, and where it begins."""
        built = depth == 0 or depth <= len(self._halved)
        step = 1 if built else 2**depth
        level = self._halved[depth - 1] if built and depth else self.base[step // 2 :: step, step // 2 :: step]
        height, width = level.shape[:2]
        x0, y0 = (min(max(0, math.floor(v) - 1), n - 1) for v, n in ((x, width), (y, height)))
        x1, y1 = (
            max(v0 + 1, min(n, math.ceil(v + count * ratio) + 1))
            for v, v0, count, n in ((x, x0, size[1], width), (y, y0, size[0], height))
        )
        return np.ascontiguousarray(level[y0:y1, x0:x1]), x0, y0


def _half(level: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of two by two pixels; an odd last row or column is left away, which the border's repetition hides."""
    height, width = level.shape[0] // 2, level.shape[1] // 2
    halved = cv2.resize(level[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(halved, np.uint8)
