"""Give an image the colours of another.

Sources, one a method: Reinhard, Ashikhmin, Gooch and Shirley 2001, "Color Transfer between Images",
https://doi.org/10.1109/38.946629 (mean and deviation in a decorrelated space; here Oklab instead of their l-alpha-beta,
whose logarithm has no black); Gonzalez and Woods, "Digital Image Processing", 4th edition, 3.3 (histogram matching);
Pitie and Kokaram 2007, "The Linear Monge-Kantorovitch Linear Colour Mapping for Example-Based Colour Transfer",
https://doi.org/10.1049/cp:20070055 (linear optimal transport).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

import numpy as np

from imgedit.color import luma, oklab_to_srgb, srgb_to_oklab
from imgedit.color.spaces import mix_triples
from imgedit.pixels import Image, Mask, as_float, check, check_alpha, check_number, like, mix_by_mask, split_alpha
from imgedit.strips import each_strip
from imgedit.tables import Table
from imgedit.tone.mapping import Curve, Floats, map_values
from imgedit.tone.statistics import Array, histogram, moments, weight_of

__all__ = ["METHODS", "match_color"]

# An image with its weights, and the reference's: what a method is given. It gives back a new image of the same kind.
Weighted: TypeAlias = tuple[Image, Floats | None]
Method: TypeAlias = Callable[[Weighted, Weighted, float], Image]

# Variances below this (half a level of 8 bit) are rounding noise: what is flat is not stretched.
LEAST_VARIANCE = (0.5 / 255) ** 2


def match_color(
    image: Image,
    reference: Image,
    *,
    method: Annotated[str, METHODS] = "transport",
    strength: float = 1.0,
    mask: Mask | None = None,
    reference_mask: Mask | None = None,
) -> Image:
    """Give an image the colours of a reference.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32. Alpha stays; transparent pixels do not count.
    reference : ndarray
        An image of any size, dtype and number of channels. For a grey image its luma is taken; a grey reference makes a
        colour image grey.
    method : str
        ``mean-std``: mean and spread of lightness and of the two colour axes, in Oklab. ``histogram``: the distribution
        of each channel, exactly. ``transport``: mean and covariance, by the linear map that moves colours least.
    strength : float
        0 (unchanged) to 1.
    mask : ndarray, optional
        HxW; which pixels count, and where the result is applied.
    reference_mask : ndarray, optional
        Which pixels of the reference count; of its size.

    Returns
    -------
    ndarray
        Same shape and dtype as `image`.

    Raises
    ------
    ImageError
        Not images, masks that do not fit, or nothing visible to measure.
    ArgumentError
        A strength out of range.
    UnknownNameError
        An unknown method.

    References
    ----------
    Reinhard et al. 2001, https://doi.org/10.1109/38.946629; Pitie and Kokaram 2007,
    https://doi.org/10.1049/cp:20070055, equation 13.

    Examples
    --------
    >>> import imgedit as ie
    >>> dark = np.array([[10, 20, 30, 40]], np.uint8)
    >>> light = np.array([[200, 210, 220, 230]], np.uint8)
    >>> ie.match_color(dark, light, method="histogram").tolist()
    [[200, 210, 220, 230]]
    """
    image, reference = check(image), check(reference, "reference")
    check_alpha(image)
    check_alpha(reference, "reference")
    match = METHODS[method]
    strength = check_number(strength, "strength", least=0, most=1)
    weights = weight_of(image, mask), weight_of(reference, reference_mask, "reference", "reference_mask")
    reference = split_alpha(reference)[0]
    if image.ndim == 2 and reference.ndim == 3:
        reference = like(luma(reference), reference.dtype)
    elif image.ndim == 3 and reference.ndim == 2:
        reference = np.repeat(reference[..., None], 3, axis=2)
    edited = match((image, weights[0]), (np.ascontiguousarray(reference), weights[1]), strength)
    return mix_by_mask(image, edited, mask)


def _mean_std(image: Weighted, reference: Weighted, strength: float) -> Image:
    (mine, spread), (theirs, target) = (_moments(picture, weight) for picture, weight in (image, reference))
    gain = np.sqrt(np.maximum(np.diag(target), 0) / np.maximum(np.diag(spread), LEAST_VARIANCE))
    gain = np.where(np.diag(spread) < LEAST_VARIANCE, 1, gain)
    return _mapped(image[0], np.diag(gain), mine, theirs, strength, srgb_to_oklab, oklab_to_srgb)


def _transport(image: Weighted, reference: Weighted, strength: float) -> Image:
    (mine, spread), (theirs, target) = (
        moments(_as_pixels(as_float(split_alpha(picture)[0])), weight) for picture, weight in (image, reference)
    )
    root = _power(spread, 0.5)
    back = _power(spread, -0.5)
    return _mapped(image[0], back @ _power(root @ target @ root, 0.5) @ back, mine, theirs, strength)


def _moments(picture: Image, weight: Floats | None) -> tuple[Array, Array]:
    if picture.ndim == 2:
        return moments(_as_pixels(as_float(picture)), weight)
    return moments(srgb_to_oklab(split_alpha(picture)[0]), weight)


def _as_pixels(values: Floats) -> Floats:
    return values[..., None] if values.ndim == 2 else values


def _power(matrix: Array, exponent: float) -> Array:
    """Power of a covariance; directions in which nothing varies are left out of an inverse."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > LEAST_VARIANCE if exponent < 0 else values > 0
    powers = np.where(kept, np.where(kept, values, 1) ** exponent, 0)
    return np.asarray((vectors * powers) @ vectors.T)


def _mapped(
    image: Image,
    matrix: Array,
    mine: Array,
    theirs: Array,
    strength: float,
    there: Callable[[Floats], Floats] | None = None,
    back: Callable[[Floats], Floats] | None = None,
) -> Image:
    """Apply ``matrix (x - mine) + theirs`` in a space, and mix it with what was."""
    matrix = np.eye(len(matrix)) + strength * (matrix - np.eye(len(matrix)))
    shift = (mine + strength * (theirs - mine) - matrix @ mine).astype(np.float32)
    if image.ndim == 2:
        return map_values(image, lambda values: values * np.float32(matrix[0, 0]) + shift[0])
    out = image.copy()

    def work(top: int, bottom: int) -> None:
        color = as_float(split_alpha(image[top:bottom])[0])
        moved = mix_triples(there(color) if there else color, matrix) + shift
        split_alpha(out[top:bottom])[0][...] = like(back(moved) if back else moved, image.dtype)

    each_strip(work, image.shape[0], row_bytes=12 * image.shape[1])
    return out


def _histogram(image: Weighted, reference: Weighted, strength: float) -> Image:
    (picture, weight), (other, other_weight) = image, reference
    pairs = [(split_alpha(picture)[0], other)]
    if picture.ndim == 3:
        pairs = [(picture[..., channel], other[..., channel]) for channel in range(3)]
    curves = [_matching(histogram(a, weight), histogram(b, other_weight), strength) for a, b in pairs]
    return map_values(picture, *curves)


def _matching(mine: tuple[Array, Array], theirs: tuple[Array, Array], strength: float) -> Curve:
    """Send each value to the one of the same rank in the other histogram."""
    (levels, counts), (targets, aims) = mine, theirs
    used, aimed = np.flatnonzero(counts), np.flatnonzero(aims)
    ranks = np.cumsum(counts)[used] / counts.sum()
    aim_ranks = np.cumsum(aims)[aimed] / aims.sum()
    matched = np.interp(ranks, aim_ranks, targets[aimed])
    moved = levels[used] + strength * (matched - levels[used])
    return lambda values: np.interp(values, levels[used], moved).astype(np.float32)


METHODS: Table[Method] = Table("method", {"mean-std": _mean_std, "histogram": _histogram, "transport": _transport})
