"""The alpha equation for 8-bit images in whole numbers: the fast way of what ``equation`` says, for source-over.

Colour and blend are kept in 255ths of a level, alphas as weights that add up to 255 squared, so that nothing is rounded
before the end. On an opaque backdrop all sums are whole numbers below 2**24, which float32 holds exactly: where the
formula's value is a whole number of 255ths (normal, multiply, screen ...), so is the result. Separable formulas are
looked up in a table of all 65536 pairs of levels, made from the formula itself.
"""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.compositing.modes import MODES
from imgedit.pixels import Image, full_range

__all__ = ["blend_levels", "takes"]

Plane: TypeAlias = NDArray[Any]

WHITE = int(full_range(np.uint8))
SQUARE = WHITE * WHITE


def takes(mode: str, backdrop: Image, source: Image) -> bool:
    """Whether `blend_levels` can do it: two 8-bit images and a formula that works on numbers and stays in [0, 1].

    Parameters
    ----------
    mode : str
        A blend mode.
    backdrop, source : ndarray
        Checked images.

    Returns
    -------
    bool
        False also for the modes that work on alpha.
    """
    known = mode in MODES and MODES[mode].separable and MODES[mode].bounded
    return known and backdrop.dtype == source.dtype == np.uint8


def blend_levels(mode: str, backdrop: Image, source: Image, out: Image) -> None:
    """Put rows of a source over rows of a backdrop.

    Parameters
    ----------
    mode : str
        A separable mode whose results lie in [0, 1].
    backdrop, source : ndarray of uint8
        HxW, HxWx3 or HxWx4, of the same size.
    out : ndarray of uint8
        Where the result goes; HxW only if both are, HxWx4 if the backdrop is, else HxWx3.
    """
    colors_b, alpha_b = _part(backdrop)
    colors_s, alpha_s = _part(source)
    if alpha_s is not None and backdrop.shape == out.shape and not alpha_s.any():
        out[:] = backdrop
        return
    mix: _Copy | _OnOpaque | _OnClear
    if alpha_b is not None:
        mix = _OnClear(alpha_b, alpha_s)
    elif alpha_s is not None:
        mix = _OnOpaque(alpha_s)
    else:
        mix = _Copy()
    planes = 1 if out.ndim == 2 else 3
    results = [
        mix.color(
            b := colors_b[min(i, len(colors_b) - 1)], s := colors_s[min(i, len(colors_s) - 1)], _blend(mode, b, s)
        )
        for i in range(planes)
    ]
    if out.ndim == 2:
        out[:] = results[0]
    elif out.shape[2] == 3:
        cv2.merge(results, out)
    else:
        cv2.merge([*results, mix.alpha(out.shape[:2])], out)


def _part(image: Image) -> tuple[list[Plane], Plane | None]:
    """Planes of colour, and alpha where it is not opaque all over."""
    if image.ndim == 2:
        return [image], None
    planes = [np.asarray(plane) for plane in cv2.split(image)]
    alpha = planes[3] if len(planes) == 4 and planes[3].min() < WHITE else None
    return planes[:3], alpha


def _blend(mode: str, b: Plane, s: Plane) -> Plane | None:
    """Give the blend in 255ths of a level, as uint16; None where it is the source."""
    if mode == "normal":
        return None
    pairs = cv2.merge([s, b]).view(np.uint16)[..., 0]
    return np.asarray(cv2.LUT(pairs, _table(mode)))


def _fine(levels: Plane) -> Plane:
    """Levels in 255ths."""
    fine = levels.astype(np.uint16)
    fine *= WHITE
    return fine


@functools.lru_cache(maxsize=128)
def _table(mode: str) -> Plane:
    """Every pair of levels -> the blend in 255ths, at the number that the pair's two bytes are."""
    levels = np.arange(65536, dtype=np.uint16).view(np.uint8).reshape(-1, 2).astype(np.float32) / WHITE
    blend = MODES[mode].formula(levels[:, 1], levels[:, 0])
    return np.asarray(np.rint(np.clip(blend, 0, 1) * SQUARE), np.uint16).reshape(1, -1)


class _Copy:
    """Both are opaque."""

    def color(self, _b: Plane, s: Plane, blend: Plane | None) -> Plane:
        if blend is None:
            return s
        return np.asarray((blend + WHITE // 2) // WHITE, np.uint8)

    def alpha(self, size: tuple[int, int]) -> Plane:
        return np.full(size, WHITE, np.uint8)


class _OnOpaque(_Copy):
    """The backdrop is opaque."""

    def __init__(self, alpha_s: Plane) -> None:
        self.weight_s, self.weight_b = alpha_s, WHITE - alpha_s
        self.fine_s, self.fine_b = self.weight_s.astype(np.uint16), self.weight_b.astype(np.uint16)

    def color(self, b: Plane, s: Plane, blend: Plane | None) -> Plane:
        # Divided at the end, not multiplied: the nearest level must come out on either side of a half.
        if blend is None:
            total = _sum((s, self.weight_s), (b, self.weight_b))
            total /= WHITE
        else:
            total = _sum((blend, self.fine_s), (_fine(b), self.fine_b))
            total /= SQUARE
        return np.asarray(cv2.convertScaleAbs(total))


class _OnClear:
    """The backdrop has alpha."""

    def __init__(self, alpha_b: Plane, alpha_s: Plane | None) -> None:
        full_b = alpha_b.astype(np.uint16)
        full_s = np.full_like(full_b, WHITE) if alpha_s is None else alpha_s.astype(np.uint16)
        self.within = full_s * full_b
        self.weight_s = full_s * np.uint16(WHITE)
        self.weight_b = full_b * np.uint16(WHITE) - self.within
        self.beside = self.weight_s - self.within
        self.sum = self.weight_s + self.weight_b
        self.clear = None if self.sum.all() else self.sum == 0
        self.scale = 1 / np.maximum(self.sum, 1).astype(np.float32)

    def color(self, b: Plane, s: Plane, blend: Plane | None) -> Plane:
        if blend is None:
            total = _sum((s.astype(np.uint16), self.weight_s), (b.astype(np.uint16), self.weight_b))
            unit = 1.0
        else:
            total = _sum((blend, self.within), (_fine(s), self.beside), (_fine(b), self.weight_b))
            unit = WHITE
        total *= self.scale
        result = np.asarray(cv2.convertScaleAbs(total, alpha=1 / unit))
        if self.clear is not None:
            np.copyto(result, b, where=self.clear)  # hidden colour stays
        return result

    def alpha(self, _size: tuple[int, int]) -> Plane:
        return np.asarray((self.sum + WHITE // 2) // WHITE, np.uint8)


def _sum(*products: tuple[Plane, Plane]) -> Plane:
    total = np.zeros(products[0][0].shape, np.float32)
    for values, weights in products:
        cv2.accumulateProduct(values, weights, total)
    return total
