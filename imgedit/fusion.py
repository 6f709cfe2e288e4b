"""Put several pictures of one scene together: over a seam, over focus, over exposure; and clean the rim of a cut-out.

All of it stands on the Laplacian pyramid: P. J. Burt and E. H. Adelson, "A multiresolution spline with application to
image mosaics", ACM Transactions on Graphics 2 (1983), doi:10.1145/245.247. Each band of frequencies is mixed over a
width of its own, so that a seam is neither seen as a step (coarse bands mix broadly) nor as a ghost (fine bands mix
sharply). Reduce and expand are OpenCV's, with the kernel 1 4 6 4 1.

- focus_stack takes in each band the picture with the most energy: Burt and Kolczynski, "Enhanced image capture through
  fusion", ICCV 1993, doi:10.1109/ICCV.1993.378222.
- exposure_fusion weighs pixels by contrast, saturation and well-exposedness: T. Mertens, J. Kautz and F. Van Reeth,
  "Exposure fusion", Pacific Graphics 2007, doi:10.1109/PG.2007.17.
- decontaminate extends colours from opaque pixels under the soft rim, or solves for the foreground colour on a pyramid:
  T. Germer et al., "Fast multi-level foreground estimation", ICPR 2020, doi:10.1109/ICPR48806.2021.9411972.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError, ImageError
from imgedit.pixels import (
    LEAST_ALPHA,
    Image,
    Mask,
    Progress,
    as_float,
    check,
    check_alpha,
    check_number,
    check_same_size,
    describe,
    join_alpha,
    like,
    soft_mask,
    split_alpha,
)
from imgedit.tables import Table

__all__ = ["decontaminate", "exposure_fusion", "focus_stack", "pyramid_blend"]

Floats = NDArray[np.float32]

# Side in pixels of the coarsest level of a blend: below, a mask has no shape left and everything would take one tone.
# Exposure fusion goes down to one pixel, as the paper and OpenCV do: its weights have no shape to keep.
COARSEST = 4

# Mertens' sigma of well-exposedness is 0.2 around mid grey.
WELL_EXPOSED = 2 * 0.2**2


def pyramid_blend(a: Image, b: Image, mask: Mask, *, levels: int | None = None) -> Image:
    """Join two pictures along the rim of a mask so that no seam is seen.

    Parameters
    ----------
    a : ndarray
        HxW, HxWx3 or HxWx4: what is seen where the mask is True.
    b : ndarray
        Image of the same size, channels and dtype: what is seen elsewhere.
    mask : ndarray
        HxW mask of any shape, hard or soft.
    levels : int, optional
        Bands of frequencies; the coarsest mixes over about ``2**levels`` pixels. Default: until 4 to 8 pixels are left.

    Returns
    -------
    ndarray
        Same shape and dtype as `a`. With alpha, premultiplied colour is blended. A float result may overshoot [0, 1]
        slightly, as any sum of bands may.

    Raises
    ------
    ImageError
        Not an image or mask, or sizes, channels or dtypes that differ.
    ArgumentError
        `levels` below 0 or more than the size allows.

    References
    ----------
    P. J. Burt and E. H. Adelson, ACM Transactions on Graphics 2 (1983), doi:10.1145/245.247

    Examples
    --------
    >>> import imgedit as ie
    >>> a, b = np.full((8, 8), 200, np.uint8), np.full((8, 8), 100, np.uint8)
    >>> mask = np.zeros((8, 8), bool)
    >>> mask[:, :4] = True
    >>> ie.pyramid_blend(a, b, mask, levels=1)[0].tolist()
    [198, 197, 187, 162, 135, 116, 104, 100]
    """
    a, b = _same_kind([a, b], ["a", "b"])
    cover = soft_mask(mask, a)
    depth = _levels(a, levels, COARSEST)
    weights = _gaussians(cover, depth)
    bands = []
    for band_a, band_b, weight in zip(
        _laplacians(_associated(a), depth), _laplacians(_associated(b), depth), weights, strict=True
    ):
        part = weight if band_a.ndim == 2 else weight[..., None]
        band_a -= band_b
        band_a *= part
        band_a += band_b
        bands.append(band_a)
    return _dissociated(_collapse(bands), a)


def focus_stack(images: Sequence[Image], *, levels: int | None = None, window: int = 5) -> Image:
    """Make one sharp picture of several that are focused at different distances.

    Parameters
    ----------
    images : sequence of ndarray
        Images of one size, channels and dtype, in register (same view, no motion).
    levels : int, optional
        Bands of frequencies; default until 4 to 8 pixels are left.
    window : int
        Side in pixels, odd, of the window over which the energy of a band is summed before the pictures are compared:
        larger is steadier against noise, smaller is finer at edges of depth.

    Returns
    -------
    ndarray
        Same shape and dtype as the images.

    Raises
    ------
    ImageError
        Not images, or sizes, channels or dtypes that differ.
    ArgumentError
        No images, or a parameter out of range.

    References
    ----------
    P. J. Burt and R. J. Kolczynski, ICCV 1993, doi:10.1109/ICCV.1993.378222

    Examples
    --------
    >>> import imgedit as ie
    >>> sharp = np.indices((16, 16)).sum(0).astype(np.uint8) % 2 * 200
    >>> soft = np.full((16, 16), 100, np.uint8)
    >>> bool((ie.focus_stack([soft, sharp]) == sharp).all())
    True
    """
    pictures = _same_kind(images)
    depth = _levels(pictures[0], levels, COARSEST)
    if isinstance(window, bool) or not isinstance(window, int) or window < 1 or window % 2 == 0:
        raise ArgumentError("window", f"is {window!r}", "give an odd number of pixels: 3, 5, 7 ...")
    best: list[Floats] = []
    energies: list[Floats] = []
    for n, picture in enumerate(pictures):
        bands = list(_laplacians(_associated(picture), depth))
        for level, band in enumerate(bands):
            # The coarsest level is no band: what is left there is chosen by the energy of the band above it.
            detail = bands[level - 1] if level == depth and depth else band
            energy = _energy(detail, window)
            if energy.shape != band.shape[:2]:
                energy = _sized(energy, (band.shape[1], band.shape[0]), cv2.INTER_AREA)
            if n == 0:
                best.append(band)
                energies.append(energy)
                continue
            wins = energy > energies[level]
            np.copyto(energies[level], energy, where=wins)
            np.copyto(best[level], band, where=wins if band.ndim == 2 else wins[..., None])
    return _dissociated(_collapse(best), pictures[0])


def _energy(band: Floats, window: int) -> Floats:
    power = np.square(band) if band.ndim == 2 else np.square(band).sum(axis=2)
    return np.asarray(cv2.blur(power, (window, window), borderType=cv2.BORDER_REFLECT), np.float32)


def exposure_fusion(
    images: Sequence[Image],
    *,
    contrast: float = 1.0,
    saturation: float = 1.0,
    exposure: float = 1.0,
    levels: int | None = None,
) -> Image:
    """Make one well exposed picture of a bracketed series, without an HDR image on the way.

    Parameters
    ----------
    images : sequence of ndarray
        Images of one size, channels and dtype, in register.
    contrast, saturation, exposure : float
        Exponents of the three measures of quality; 0 leaves one out. The paper has 1 for all; OpenCV's
        ``createMergeMertens`` leaves exposure out by default.
    levels : int, optional
        Bands of frequencies; default as many as the size allows.

    Returns
    -------
    ndarray
        Same shape and dtype as the images. A float result may overshoot [0, 1] slightly, as any sum of bands may.

    Raises
    ------
    ImageError
        Not images, or sizes, channels or dtypes that differ.
    ArgumentError
        No images, or an exponent below 0.

    References
    ----------
    T. Mertens, J. Kautz and F. Van Reeth, Pacific Graphics 2007, doi:10.1109/PG.2007.17

    Examples
    --------
    >>> import imgedit as ie
    >>> dark, good, bright = (np.full((8, 8, 3), level, np.uint8) for level in (10, 120, 250))
    >>> ie.exposure_fusion([dark, good, bright], contrast=0, saturation=0)[0, 0].tolist()
    [120, 120, 120]
    """
    pictures = _same_kind(images)
    powers = [
        check_number(value, name, least=0)
        for name, value in (("contrast", contrast), ("saturation", saturation), ("exposure", exposure))
    ]
    depth = _levels(pictures[0], levels, 1)
    weights = [_quality(picture, powers) for picture in pictures]
    total = np.sum(weights, axis=0)
    fused: list[Floats] = []
    for n, (picture, weight) in enumerate(zip(pictures, weights, strict=True)):
        shares = _gaussians(weight / total, depth)
        for level, (band, share) in enumerate(zip(_laplacians(_associated(picture), depth), shares, strict=True)):
            band *= share if band.ndim == 2 else share[..., None]
            if n == 0:
                fused.append(band)
            else:
                fused[level] += band
    return _dissociated(_collapse(fused), pictures[0])


def _quality(picture: Image, powers: Sequence[float]) -> Floats:
    color, alpha = split_alpha(as_float(picture))
    planes = [color] if color.ndim == 2 else [np.asarray(plane, np.float32) for plane in cv2.split(color)]
    grey = color if color.ndim == 2 else cv2.cvtColor(np.ascontiguousarray(color), cv2.COLOR_RGB2GRAY)
    weight = np.ones(grey.shape, np.float32)
    if powers[0]:
        weight *= _power(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), powers[0])
    if powers[1] and color.ndim == 3:  # grey has no saturation that could tell pictures apart
        mean = (planes[0] + planes[1] + planes[2]) / 3
        weight *= _power(np.sqrt(sum(np.square(plane - mean) for plane in planes) / 3), powers[1])
    if powers[2]:
        off = sum(np.square(plane - np.float32(0.5)) for plane in planes)
        weight *= np.exp(off * np.float32(-powers[2] / WELL_EXPOSED))
    if alpha is not None:
        weight *= alpha
    # Where no picture has any quality all get the same share.
    return weight + np.float32(1e-12)


def _power(values: NDArray[Any], exponent: float) -> NDArray[Any]:
    return values if exponent == 1 else values ** np.float32(exponent)


def _same_kind(images: Sequence[Image], names: Sequence[str] | None = None) -> list[Image]:
    if not isinstance(images, Sequence) or not images:
        raise ArgumentError("images", f"is {describe(images)}", "give a list of images")
    names = names or [f"images[{n}]" for n in range(len(images))]
    checked: list[Image] = []
    for image, name in zip(images, names, strict=True):
        image = check(image, name)
        check_alpha(image, name)
        if checked:
            first = checked[0]
            check_same_size(image, first, name, names[0])
            if image.dtype != first.dtype or image.shape != first.shape:
                raise ImageError(
                    name,
                    f"is {describe(image)} but {names[0]} is {describe(first)}",
                    "bring both to one dtype and number of channels",
                )
        checked.append(image)
    return checked


def _levels(image: Image, levels: int | None, coarsest: int) -> int:
    top = int(np.log2(min(image.shape[:2])))
    if levels is None:
        return max(0, top - int(np.log2(coarsest)))
    if isinstance(levels, bool) or not isinstance(levels, int) or not 0 <= levels <= top:
        raise ArgumentError("levels", f"is {levels!r}", f"give a whole number from 0 to {top} for this size")
    return levels


def _associated(image: Image) -> Floats:
    values = as_float(image)
    color, alpha = split_alpha(values)
    return values if alpha is None else join_alpha(color * alpha[..., None], alpha)


def _dissociated(values: Floats, reference: Image) -> Image:
    color, alpha = split_alpha(values)
    if alpha is None:
        return like(values, reference)
    alpha = np.clip(alpha, 0, 1)
    color = np.where(alpha[..., None] > LEAST_ALPHA, color / np.maximum(alpha, np.float32(LEAST_ALPHA))[..., None], 0)
    return like(join_alpha(color, alpha), reference)


def _down(plane: Floats) -> Floats:
    return np.asarray(cv2.pyrDown(plane), np.float32)


def _gaussians(image: Floats, depth: int) -> list[Floats]:
    pyramid = [image]
    for _ in range(depth):
        pyramid.append(_down(pyramid[-1]))
    return pyramid


def _laplacians(image: Floats, depth: int) -> Iterator[Floats]:
    """Bands from fine to coarse, each a new array; the last is what is left."""
    for _ in range(depth):
        small = _down(image)
        yield image - cv2.pyrUp(small, dstsize=image.shape[1::-1])
        image = small
    yield image.copy()


def _collapse(bands: list[Floats]) -> Floats:
    image = bands.pop()
    while bands:
        band = bands.pop()
        band += cv2.pyrUp(image, dstsize=band.shape[1::-1])
        image = band
    return image


def decontaminate(
    image: Image,
    *,
    method: Annotated[str, DECONTAMINATION] = "extend",
    opaque: float = 0.95,
    strength: float = 1.0,
    progress: Progress | None = None,
) -> Image:
    """Take the colour of the old background out of the soft rim of a cut-out.

    Parameters
    ----------
    image : ndarray
        HxWx4 whose alpha is right and whose colours at the rim are still mixed with what was behind. Without alpha a
        copy comes back.
    method : str
        "extend" continues the colours of opaque pixels outwards under the rim; it needs nothing of the background.
        "estimate" solves for foreground and background on a pyramid and keeps more detail (hair), but needs the
        colours under transparent pixels to be those of the photo, not cleared.
    opaque : float
        Alpha from which a pixel counts as pure foreground, above 0 to 1; its colour stays.
    strength : float
        0 leaves the picture as it is, 1 takes the new colours wholly.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray
        Same shape and dtype; alpha is untouched, and fully transparent pixels have the colour of the nearest
        foreground, so that later resampling brings no fringe.

    Raises
    ------
    ImageError
        Not an image, or alpha that is NaN or outside [0, 1].
    ArgumentError
        An unknown method, or a number out of range.

    References
    ----------
    T. Germer et al., ICPR 2020, doi:10.1109/ICPR48806.2021.9411972

    Examples
    --------
    >>> import imgedit as ie
    >>> row = np.array([[[200, 0, 0, 255], [120, 80, 80, 128], [0, 255, 255, 0]]], np.uint8)
    >>> ie.decontaminate(row)[0, :, :3].tolist()
    [[200, 0, 0], [200, 0, 0], [200, 0, 0]]
    """
    image = check(image)
    check_alpha(image)
    clean = DECONTAMINATION[method]
    opaque = check_number(opaque, "opaque", above=0, most=1)
    strength = check_number(strength, "strength", least=0, most=1)
    color, alpha = split_alpha(as_float(image))
    if alpha is None or strength == 0:
        return image.copy()
    found = clean(color, alpha, opaque, progress or (lambda _: None))
    share = (np.float32(strength) * (alpha < opaque))[..., None]
    result = like(join_alpha(color + share * (found - color), alpha), image)
    np.copyto(result, image, where=(alpha >= opaque)[..., None])
    result[..., 3] = image[..., 3]
    return result


def _extend(color: Floats, alpha: Floats, opaque: float, progress: Progress) -> Floats:
    """Push-pull: average known colours down a pyramid, then fill what is unknown from the coarser level."""
    known = (alpha >= opaque).astype(np.float32)
    if not known.any():
        known = (alpha >= alpha.max()).astype(np.float32)  # all soft: the most opaque pixels are the best there is
    levels = [(color * known[..., None], known)]
    while max(levels[-1][1].shape) > 1 and not levels[-1][1].all():
        paint, weight = levels[-1]
        levels.append((_down(paint), _down(weight)))
        progress(0.5 * len(levels) / 16)
    filled = _mean(*levels.pop())
    while levels:
        paint, weight = levels.pop()
        coarse = cv2.pyrUp(filled, dstsize=weight.shape[::-1])
        # A weight of an eighth comes with a good sample of known pixels; less is completed from the coarser level.
        trust = np.minimum(weight * 8, 1)[..., None]
        filled = coarse + trust * (_mean(paint, weight) - coarse)
    progress(1.0)
    return filled


def _mean(paint: Floats, weight: Floats) -> Floats:
    return np.asarray(paint / np.maximum(weight, np.float32(1e-6))[..., None])


def _estimate(color: Floats, alpha: Floats, _opaque: float, progress: Progress) -> Floats:
    """Foreground and background whose mix is the picture and that vary slowly where alpha does, coarse to fine."""
    height, width = alpha.shape
    steps = max(1, int(np.ceil(np.log2(max(height, width)))))
    front = back = np.zeros((1, 1, 3), np.float32)
    for step in range(steps + 1):
        size = max(1, round(width ** (step / steps))), max(1, round(height ** (step / steps)))
        picture, cover = _sized(color, size, cv2.INTER_AREA), _sized(alpha, size, cv2.INTER_AREA)
        front, back = _sized(front, size, cv2.INTER_NEAREST), _sized(back, size, cv2.INTER_NEAREST)
        # Small levels are cheap and carry the colours far, so they get more rounds, as in the paper.
        for _ in range(10 if max(size) <= 32 else 3):
            front, back = _relax(picture, cover, front, back)
        progress((step + 1) / (steps + 1))
    return front


def _sized(plane: Floats, size: tuple[int, int], interpolation: int) -> Floats:
    return np.asarray(cv2.resize(plane, size, interpolation=interpolation), np.float32)


def _relax(picture: Floats, cover: Floats, front: Floats, back: Floats) -> tuple[Floats, Floats]:
    """One Jacobi step of the paper's equation 4, all pixels at once: a 2x2 system each."""
    weights, near_front, near_back = np.zeros_like(cover), np.zeros_like(front), np.zeros_like(back)
    edge = np.pad(cover, 1, mode="edge")
    edge_front, edge_back = (np.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge") for x in (front, back))
    height, width = cover.shape
    for dy, dx in itertools.chain(itertools.product((0, 2), (1,)), itertools.product((1,), (0, 2))):
        window = (slice(dy, dy + height), slice(dx, dx + width))
        # The paper's regularisation: 1e-5 everywhere, and as much as alpha's own slope.
        weight = np.float32(1e-5) + np.abs(cover - edge[window])
        weights += weight
        near_front += weight[..., None] * edge_front[window]
        near_back += weight[..., None] * edge_back[window]
    rest = 1 - cover
    a, b, d = (x[..., None] for x in (cover * cover + weights, cover * rest, rest * rest + weights))
    first = cover[..., None] * picture + near_front
    second = rest[..., None] * picture + near_back
    scale = 1 / (a * d - b * b)
    return (
        np.clip((d * first - b * second) * scale, 0, None).astype(np.float32),
        np.clip((a * second - b * first) * scale, 0, None).astype(np.float32),
    )


DECONTAMINATION: Table[Callable[[Floats, Floats, float, Progress], Floats]] = Table(
    "method", {"extend": _extend, "estimate": _estimate}
)
