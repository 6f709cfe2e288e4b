"""What happens to photos on their way: blur, resampling, noise, JPEG, and all of it again.

The chain is that of Wang, Xie, Dong and Shan 2021, "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure
Synthetic Data" (https://arxiv.org/abs/2107.10833, section 3), milder: a tenth of the pictures stays as clean as a
bicubic reduction leaves it, so that a net does not learn to smear what was good.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.training.pictures import reduce_bicubic

__all__ = ["age", "blur_kernel", "compress", "degrade", "refocus", "sinc_kernel"]

Floats = NDArray[np.float32]

# Reductions and enlargements as programs have them; area stands for all antialiased ones.
FILTERS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
CLEAN = 0.1
# JPEGs of a higher quality than this are good as they are, and are to be left alone.
UNSEEN = 90
# Share of refocused pictures that become sharper.
SHARPENED = 0.35
# Noise weaker than this looks like the grain and texture of good photos: a net that learnt to take it off would smear
# them. In 8-bit levels.
GRAIN = 3.0


def degrade(image: NDArray[np.uint8], scale: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Reduce a picture as badly as the world does.

    Parameters
    ----------
    image : ndarray of uint8
        HxWx3; both sides multiples of `scale`.
    scale : int
        Factor of the reduction.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray of uint8
        (H / scale)x(W / scale)x3.
    """
    height, width = (side // scale for side in image.shape[:2])
    if rng.random() < CLEAN:
        return reduce_bicubic(image, (height, width))
    work = _unit(image)
    work = _round_of_wear(work, rng, blur=(0.2, 2.4), resize=(0.3, 1.3), noise=18, quality=(40, 96))
    if rng.random() < 0.5:
        work = _round_of_wear(work, rng, blur=(0.2, 1.2), resize=(0.5, 1.2), noise=10, quality=(50, 96), chance=0.5)
    # The last reduction and the last JPEG come in either order, as in the paper.
    small = _resized(work, (height, width), int(rng.choice(FILTERS)))
    if rng.random() < 0.3:
        small = _filtered(small, sinc_kernel(rng.uniform(np.pi / 2, np.pi), 7))
    return compress(_rounded(small), int(rng.integers(45, 98))) if rng.random() < 0.7 else _rounded(small)


def refocus(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Soften or sharpen a picture a little, as another lens, scanner or program would have.

    Parameters
    ----------
    image : ndarray of uint8
        HxWx3.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray of uint8
        Of the same shape.
    """
    sharp = image.astype(np.float32)
    soft = cv2.GaussianBlur(sharp, (0, 0), rng.uniform(0.35, 1.0))
    more = rng.uniform(0.2, 1.2) if rng.random() < SHARPENED else -1.0
    return np.asarray((sharp + more * (sharp - soft)).round().clip(0, 255), np.uint8)


def age(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add noise and JPEG artefacts at full size, from none to strong.

    Parameters
    ----------
    image : ndarray of uint8
        HxWx3.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray of uint8
        Of the same shape.
    """
    kind = rng.random()
    if kind < 2 * CLEAN:
        return image
    if kind < 0.45:
        image = _rounded(_noisy(_unit(image), rng, 25, least=GRAIN))
    if kind < 0.3:
        return image  # noise alone
    if rng.random() < 0.25:
        # Saved twice, with the grid of blocks elsewhere, as cropped pictures have it.
        rows, columns = rng.integers(0, 8, 2)
        moved = np.roll(image, (rows, columns), (0, 1))
        image = np.roll(compress(moved, int(rng.integers(30, 96))), (-rows, -columns), (0, 1))
    quality = int(rng.integers(8, 101))
    return image if quality > UNSEEN else compress(image, quality)


def compress(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Save as JPEG and read back.

    Parameters
    ----------
    image : ndarray of uint8
        HxWx3.
    quality : int
        1 to 100.

    Returns
    -------
    ndarray of uint8
        Of the same shape.
    """
    # The channels are taken in BGR's place and come back so: the colours of the JPEG must be the picture's.
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])


def blur_kernel(rng: np.random.Generator, least: float, most: float) -> Floats:
    """Draw a Gaussian, generalised Gaussian or plateau kernel, round or elongated (section 3.2 of the paper).

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    least, most : float
        Range of the standard deviation, pixels.

    Returns
    -------
    ndarray of float32
        Odd side, sum 1.
    """
    first = rng.uniform(least, most)
    second = first if rng.random() < 0.5 else rng.uniform(least, most)
    turn = rng.uniform(0, np.pi)
    reach = int(np.ceil(3 * max(first, second)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    u = (x * np.cos(turn) + y * np.sin(turn)) / first
    v = (-x * np.sin(turn) + y * np.cos(turn)) / second
    distance = u * u + v * v
    shape = rng.random()
    if shape < 0.7:
        kernel = np.exp(-0.5 * distance)
    elif shape < 0.85:
        kernel = np.exp(-0.5 * distance ** rng.uniform(0.5, 2))
    else:
        kernel = 1 / (1 + distance ** rng.uniform(1, 2))
    return np.asarray(kernel / kernel.sum(), np.float32)


def sinc_kernel(cutoff: float, reach: int) -> Floats:
    """Give a circular low-pass filter, whose ringing oversharpened pictures show (equation 6 of the paper).

    Parameters
    ----------
    cutoff : float
        Radians a pixel.
    reach : int
        Pixels from the middle to the border of the kernel.

    Returns
    -------
    ndarray of float32
        Side 2 reach + 1, sum 1.
    """
    from scipy.special import j1

    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    radius = np.hypot(x, y)
    radius[reach, reach] = 1
    kernel = cutoff * j1(cutoff * radius) / (2 * np.pi * radius)
    kernel[reach, reach] = cutoff**2 / (4 * np.pi)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _round_of_wear(
    work: Floats,
    rng: np.random.Generator,
    *,
    blur: tuple[float, float],
    resize: tuple[float, float],
    noise: float,
    quality: tuple[int, int],
    chance: float = 0.8,
) -> Floats:
    """Blur, resample, add noise and compress once; each with some chance."""
    if rng.random() < chance:
        sinc = rng.random() < 0.1
        kernel = sinc_kernel(rng.uniform(np.pi / 3, np.pi), 7) if sinc else blur_kernel(rng, *blur)
        work = _filtered(work, kernel)
    if rng.random() < chance:
        factor = rng.uniform(*resize)
        size = (max(8, round(work.shape[0] * factor)), max(8, round(work.shape[1] * factor)))
        work = _resized(work, size, int(rng.choice(FILTERS)))
    if rng.random() < chance:
        work = _noisy(work, rng, noise)
    if rng.random() < chance:
        work = _unit(compress(_rounded(work), int(rng.integers(*quality))))
    return work


def _filtered(work: Floats, kernel: Floats) -> Floats:
    return np.asarray(cv2.filter2D(work, -1, kernel, borderType=cv2.BORDER_REFLECT), np.float32)


def _resized(work: Floats, size: tuple[int, int], method: int) -> Floats:
    if size == work.shape[:2]:
        return work
    if method == cv2.INTER_AREA and size[0] > work.shape[0]:
        method = cv2.INTER_LINEAR
    return np.asarray(cv2.resize(work, size[::-1], interpolation=method), np.float32)


def _noisy(work: Floats, rng: np.random.Generator, most: float, least: float = 0.0) -> Floats:
    """Add Gaussian or Poisson noise, in colour or grey, of a deviation from `least` to `most` 8-bit levels."""
    grey = rng.random() < 0.4
    shape = (*work.shape[:2], 1 if grey else 3)
    # Squared, since light noise is more common than heavy.
    deviation = (least + (most - least) * rng.random() ** 2) / 255
    noise = rng.standard_normal(shape, np.float32) * np.float32(deviation)
    if rng.random() < 0.4:
        # Photon noise: its variance follows the light. At middle grey it is as strong as the Gaussian.
        light = work.mean(axis=2, keepdims=True) if grey else work
        noise = np.asarray(noise * np.sqrt(2 * np.clip(light, 0, 1)), np.float32)
    return np.asarray(work + noise, np.float32)


def _unit(image: NDArray[np.uint8]) -> Floats:
    return np.asarray(image, np.float32) / np.float32(255)


def _rounded(work: Floats) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(work, 0, 1) * 255), np.uint8)
