"""How far apart two images are: mean squared error, peak signal-to-noise ratio, structural similarity.

Source: Wang, Bovik, Sheikh and Simoncelli 2004, "Image Quality Assessment: From Error Visibility to Structural
Similarity", https://doi.org/10.1109/TIP.2003.819861 (SSIM, with its Gaussian window and constants).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ImageError
from imgedit.pixels import Image, Mask, as_float, check, check_same_size, describe, soft_mask
from imgedit.strips import each_strip

__all__ = ["mse", "psnr", "ssim", "ssim_map"]

Floats = NDArray[np.float32]

# Wang et al. 2004, section III.C: an 11x11 Gaussian of 1.5 pixels, and K1, K2.
SIGMA = 1.5
REACH = 5
K1, K2 = 0.01, 0.03


def mse(a: Image, b: Image, *, mask: Mask | None = None) -> float:
    """Mean squared error, with white at 1.

    Parameters
    ----------
    a, b : ndarray
        Two images of the same size and number of channels; the dtypes may differ. Alpha is compared as a channel is.
    mask : ndarray, optional
        HxW; which pixels count, by coverage.

    Returns
    -------
    float
        Mean over pixels and channels of the squared difference; 0 for equal images.

    Raises
    ------
    ImageError
        Not images, of different size or channels, or a mask that covers nothing.

    References
    ----------
    Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861.

    Examples
    --------
    >>> import imgedit as ie
    >>> black = np.zeros((4, 4), np.uint8)
    >>> ie.mse(black, black + np.uint8(51))
    0.04...
    """
    a, b = pair(a, b)
    weight = None if mask is None else _weight(mask, a)
    sums: list[float] = []

    def work(top: int, bottom: int) -> None:
        error = as_float(a[top:bottom]) - as_float(b[top:bottom])
        np.square(error, out=error)
        if weight is not None:
            error *= weight[top:bottom] if error.ndim == 2 else weight[top:bottom, :, None]
        sums.append(float(error.sum(dtype=np.float64)))

    each_strip(work, a.shape[0], row_bytes=8 * a[0].size)
    channels = 1 if a.ndim == 2 else a.shape[2]
    # fsum is exact, so that the threads' order does not show in the last digits.
    pixels = a.shape[0] * a.shape[1] if weight is None else float(weight.sum(dtype=np.float64))
    return math.fsum(sums) / (channels * pixels)


def psnr(a: Image, b: Image, *, mask: Mask | None = None) -> float:
    """Peak signal-to-noise ratio in decibels; the peak is white.

    Parameters
    ----------
    a, b : ndarray
        Two images of the same size and number of channels; the dtypes may differ.
    mask : ndarray, optional
        HxW; which pixels count, by coverage.

    Returns
    -------
    float
        10 log10(1 / mse): about 30 for a poor JPEG, 40 for a good one, infinity for equal images.

    Raises
    ------
    ImageError
        Not images, of different size or channels, or a mask that covers nothing.

    References
    ----------
    Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861.

    Examples
    --------
    >>> import imgedit as ie
    >>> black = np.zeros((4, 4), np.uint8)
    >>> ie.psnr(black, black + np.uint8(51)), ie.psnr(black, black)
    (13.979..., inf)
    """
    error = mse(a, b, mask=mask)
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(a: Image, b: Image, *, mask: Mask | None = None) -> float:
    """Structural similarity, as Wang et al. define it.

    Parameters
    ----------
    a, b : ndarray
        Two images of the same size, at least 11x11, and the same number of channels; the dtypes may differ.
    mask : ndarray, optional
        HxW; which pixels count, by coverage. Their windows still see their neighbours.

    Returns
    -------
    float
        Mean over channels and over the pixels whose whole window lies in the image; 1 for equal images, rarely below 0.

    Raises
    ------
    ImageError
        Not images, of different size or channels, smaller than the window, or a mask that covers nothing.

    References
    ----------
    Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861, equation 13.

    Examples
    --------
    >>> import imgedit as ie
    >>> noise = np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)
    >>> ie.ssim(noise, noise)
    1.0
    """
    values = ssim_map(a, b)
    values = values if values.ndim == 2 else values.mean(axis=2)
    inside = values[REACH:-REACH, REACH:-REACH].astype(np.float64)
    if mask is None:
        return float(inside.mean())
    weight = _weight(mask, a, REACH)
    return float((inside * weight).sum() / weight.sum(dtype=np.float64))


def ssim_map(a: Image, b: Image) -> Floats:
    """Structural similarity around each pixel and in each channel.

    Parameters
    ----------
    a, b : ndarray
        Two images of the same size, at least 11x11, and the same number of channels; the dtypes may differ.

    Returns
    -------
    ndarray of float32
        Of the shape of `a`; at most 1. Beyond the sides the images are taken as mirrored.

    Raises
    ------
    ImageError
        Not images, of different size or channels, or smaller than the window.

    References
    ----------
    Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861, equation 13.

    Examples
    --------
    >>> import imgedit as ie
    >>> black = np.zeros((16, 16), np.uint8)
    >>> float(ie.ssim_map(black, black).min())
    1.0
    """
    a, b = pair(a, b)
    if min(a.shape[:2]) < 2 * REACH + 1:
        raise ImageError("a", f"is {describe(a)}", "SSIM looks at windows of 11x11 pixels: give larger images")
    out = np.empty(a.shape, np.float32)

    def work(top: int, bottom: int) -> None:
        first, last = max(0, top - REACH), min(a.shape[0], bottom + REACH)
        rows = _similarity(as_float(a[first:last]), as_float(b[first:last]))
        out[top:bottom] = rows[top - first : bottom - first]

    # Taller strips than usual, since each brings ten rows more; 64 keeps the waste at a sixth.
    each_strip(work, a.shape[0], row_bytes=max(1, min(4 * a[0].size, (256 * 1024) // 64)))
    return out


def _similarity(x: Floats, y: Floats) -> Floats:
    # Differences from middle grey: variances are then not differences of large numbers, which float32 would round.
    x, y = x - np.float32(0.5), y - np.float32(0.5)
    mx, my = _window(x), _window(y)
    vx, vy, cov = _window(x * x) - mx * mx, _window(y * y) - my * my, _window(x * y) - mx * my
    mx, my = mx + np.float32(0.5), my + np.float32(0.5)
    c1, c2 = np.float32(K1**2), np.float32(K2**2)
    top = (2 * mx * my + c1) * (2 * cov + c2)
    return np.asarray(top / ((mx * mx + my * my + c1) * (vx + vy + c2)), np.float32)


def _window(values: Floats) -> Floats:
    size = (2 * REACH + 1, 2 * REACH + 1)
    return np.asarray(cv2.GaussianBlur(values, size, SIGMA, borderType=cv2.BORDER_REFLECT), np.float32)


def pair(a: Image, b: Image) -> tuple[Image, Image]:
    a, b = check(a, "a"), check(b, "b")
    check_same_size(b, a, "b", "a")
    if a.shape != b.shape:
        raise ImageError("b", f"is {describe(b)} but a is {describe(a)}", "bring both to the same number of channels")
    return a, b


def _weight(mask: Mask, image: Image, inset: int = 0) -> Floats:
    weight = soft_mask(mask, image)
    weight = weight[inset : weight.shape[0] - inset, inset : weight.shape[1] - inset]
    if not weight.any():
        raise ImageError("mask", "covers no pixel that counts", "give a mask that is not empty")
    return weight
