"""Holes to learn on: free strokes, boxes, lettering, scratches.

Free strokes follow Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution" (https://arxiv.org/abs/1806.03589,
appendix): a random walk with a thick brush.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.training.drawing import lettering

__all__ = ["KINDS", "draw_mask"]

Mask = NDArray[np.uint8]

# A hole beyond this share of a crop teaches guessing, not filling.
MOST = 0.45


def draw_mask(rng: np.random.Generator, size: tuple[int, int], kind: str | None = None) -> NDArray[np.bool_]:
    """Draw one mask.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : tuple of int
        Height and width.
    kind : str, optional
        A name of `KINDS`; one of them by chance by default.

    Returns
    -------
    ndarray of bool
        True in the hole, which is never empty and covers at most 45 %.
    """
    names = list(KINDS)
    while True:
        mask = np.zeros(size, np.uint8)
        KINDS[kind or names[int(rng.integers(len(names)))]](mask, rng)
        if 0 < cv2.countNonZero(mask) <= MOST * mask.size:
            return mask > 0


def strokes(mask: Mask, rng: np.random.Generator) -> None:
    """Paint a few thick strokes that turn as they go.

    Parameters
    ----------
    mask : ndarray of uint8
        HxW, painted on.
    rng : numpy.random.Generator
        Source of chance.
    """
    height, width = mask.shape
    side = min(height, width)
    for _ in range(int(rng.integers(1, 4))):
        at = np.array([rng.uniform(0, width), rng.uniform(0, height)])
        heading = rng.uniform(0, 2 * np.pi)
        brush = max(2, int(side * rng.uniform(0.02, 0.12)))
        for _ in range(int(rng.integers(2, 7))):
            heading += rng.normal(0, 0.8)
            to = at + side * rng.uniform(0.05, 0.25) * np.array([np.cos(heading), np.sin(heading)])
            cv2.line(mask, at.astype(int).tolist(), to.astype(int).tolist(), 255, brush)
            cv2.circle(mask, to.astype(int).tolist(), brush // 2, 255, -1)
            at = to


def boxes(mask: Mask, rng: np.random.Generator) -> None:
    """Cut one to three boxes, some of them rounded off to ellipses.

    Parameters
    ----------
    mask : ndarray of uint8
        HxW, painted on.
    rng : numpy.random.Generator
        Source of chance.
    """
    height, width = mask.shape
    for _ in range(int(rng.integers(1, 4))):
        tall, wide = (int(side * rng.uniform(0.1, 0.4)) for side in (height, width))
        top, left = int(rng.integers(0, height - tall)), int(rng.integers(0, width - wide))
        if rng.random() < 0.3:
            cv2.ellipse(mask, (left + wide // 2, top + tall // 2), (wide // 2, tall // 2), 0, 0, 360, 255, -1)
        else:
            mask[top : top + tall, left : left + wide] = 255


def text(mask: Mask, rng: np.random.Generator) -> None:
    """Write lines of letters all over.

    Parameters
    ----------
    mask : ndarray of uint8
        HxW, painted on.
    rng : numpy.random.Generator
        Source of chance.
    """
    written = lettering(rng, mask.shape, lines=int(rng.integers(1, 9)), size_range=(0.05, 0.2))
    mask[written > 96] = 255
    if rng.random() < 0.5:
        # The rim of a letter is soft: whoever marks a caption marks a little more than its ink.
        cv2.dilate(mask, np.ones((3, 3), np.uint8), dst=mask, iterations=int(rng.integers(1, 3)))


def scratches(mask: Mask, rng: np.random.Generator) -> None:
    """Scratch thin lines across, and a few specks.

    Parameters
    ----------
    mask : ndarray of uint8
        HxW, painted on.
    rng : numpy.random.Generator
        Source of chance.
    """
    height, width = mask.shape
    for _ in range(int(rng.integers(2, 12))):
        points = rng.uniform(-0.1, 1.1, (2, 2))
        steps = np.linspace(0, 1, 12)[:, None]
        path = (points[0] * (1 - steps) + points[1] * steps) * (width, height)
        path += np.cumsum(rng.normal(0, 0.01 * min(height, width), path.shape), axis=0)
        cv2.polylines(mask, [path.astype(np.int32)], False, 255, int(rng.integers(1, 5)))
    for _ in range(int(rng.integers(0, 12))):
        middle = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(mask, middle, int(rng.integers(1, 5)), 255, -1)


KINDS = {"strokes": strokes, "boxes": boxes, "text": text, "scratches": scratches}
