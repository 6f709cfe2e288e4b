"""Fill holes in an image: one verb, ``inpaint``, and METHODS, its menu.

What every method shares is done here, once: dtype, alpha (premultiplied inside, so that hidden colour does not bleed),
growing and feathering of the mask, a crop around each hole so that the cost is the hole's and not the photo's, colour
match, seam repair, and the promise that pixels outside the mask come back bit for bit.
"""

from __future__ import annotations

import inspect
import warnings
from typing import Annotated, Any, Literal

import numpy as np

from imgedit.errors import ArgumentError, ImageError
from imgedit.inpainting.biharmonic import fill_biharmonic
from imgedit.inpainting.diffusion import fill_harmonic, fill_push_pull
from imgedit.inpainting.exemplar import fill_exemplar
from imgedit.inpainting.learned import fill_learned
from imgedit.inpainting.marching import fill_telea
from imgedit.inpainting.methods import Filled, Method
from imgedit.inpainting.patchmatch import fill_patchmatch
from imgedit.inpainting.regions import Flags, Floats, crops, edit_region
from imgedit.inpainting.seams import SEAMS, match_surroundings
from imgedit.inpainting.vorticity import fill_navier_stokes
from imgedit.pixels import (
    Image,
    Mask,
    as_float,
    check,
    check_alpha,
    check_number,
    hard_mask,
    like,
    unpremultiply,
)
from imgedit.strips import Progress, Ticker
from imgedit.tables import Table

__all__ = ["METHODS", "Filled", "Method", "inpaint", "inpaint_with_confidence"]

COPY = "take 'exemplar' or 'patchmatch' for texture and things, 'harmonic' for smooth ground"
SMALLER = "fill a copy of half the size, and enlarge what it holds"

METHODS: Table[Method] = Table(
    "method",
    {
        "telea": Method(fill_telea, deepest=64, instead=COPY),
        "navier-stokes": Method(fill_navier_stokes, deepest=64, instead=COPY),
        # It swings: in boxes of 10 % of a photo it is 3 dB behind the membrane.
        "biharmonic": Method(
            fill_biharmonic, deepest=48, instead="take 'harmonic' for smooth ground, else 'patchmatch'"
        ),
        "harmonic": Method(fill_harmonic),
        "push-pull": Method(fill_push_pull),
        "exemplar": Method(fill_exemplar, 160, 0.3, ("source",), most=500_000, instead="take 'patchmatch'"),
        "patchmatch": Method(fill_patchmatch, 160, 0.5, ("source",), most=4_000_000, instead=SMALLER),
        "learned": Method(fill_learned, margin=128, share=1.0),
    },
)


def inpaint(
    image: Image,
    mask: Mask,
    method: Annotated[str, METHODS] = "telea",
    *,
    grow: float = 0,
    feather: float = 0,
    margin: int | None = None,
    match_color: bool = False,
    repair_seam: Literal["poisson", "pyramid"] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **method_parameters: Any,
) -> Image:
    """Fill the pixels under a mask from what is around them.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32 in [0, 1]. Float pixels under the mask may be NaN. Alpha is data:
        it is filled like the colours.
    mask : ndarray
        HxW; True (or coverage of at least one half) where pixels are to be filled.
    method : str
        How; a name in METHODS.
    grow : float
        Pixels by which the mask is grown first: a mask that just misses a soft edge leaves a halo.
    feather : float
        Width in pixels, outside the grown mask, over which the fill fades into the picture.
    margin : int, optional
        Pixels around each hole that the method is given to work from; by default what the method needs.
    match_color : bool
        Bring mean and contrast of the fill to those of the pixels around each hole.
    repair_seam : {"poisson", "pyramid"}, optional
        Take away what is left of a step at the hole's edge: spread it over the hole ("poisson"), or only its coarse
        part over a band ("pyramid").
    seed : int
        For methods that draw random numbers; the same seed gives the same picture.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.
    **method_parameters : object
        Parameters of the method itself; a name that it does not have is an error that lists those it has.

    Returns
    -------
    ndarray
        Same shape and dtype; outside the grown and feathered mask bit for bit the image. An empty mask gives a copy.

    Raises
    ------
    ImageError
        Image or mask malformed, of different size, NaN outside the mask, or a mask that leaves no pixel to work from.
    ArgumentError
        A parameter out of range, or one that the method does not have.
    UnknownNameError
        No such method.

    Warns
    -----
    UserWarning
        A hole so large that the method can't look good in it, or takes minutes; it names what to take instead.

    Examples
    --------
    >>> import imgedit as ie
    >>> ramp = np.linspace(0, 1, 9, dtype=np.float32) * np.ones((9, 1), np.float32)
    >>> mask = np.zeros((9, 9), bool)
    >>> mask[3:6, 3:6] = True
    >>> filled = ie.inpaint(np.where(mask, 0, ramp), mask, "harmonic")
    >>> bool(np.abs(filled - ramp).max() < 1e-4)
    True
    """
    return _inpaint(
        image, mask, method, grow, feather, margin, match_color, repair_seam, seed, progress, method_parameters
    )[0]


def inpaint_with_confidence(
    image: Image,
    mask: Mask,
    method: Annotated[str, METHODS] = "exemplar",
    *,
    grow: float = 0,
    feather: float = 0,
    margin: int | None = None,
    match_color: bool = False,
    repair_seam: Literal["poisson", "pyramid"] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **method_parameters: Any,
) -> tuple[Image, Floats]:
    """Fill the pixels under a mask, and say how far each can be trusted.

    Parameters
    ----------
    image, mask : ndarray
        As for `inpaint`.
    method : str
        One that knows a confidence: "exemplar".
    grow, feather, margin, match_color, repair_seam, seed, progress, **method_parameters : object
        As for `inpaint`.

    Returns
    -------
    filled : ndarray
        As of `inpaint`.
    confidence : ndarray of float32
        HxW; 1 where a pixel was known, towards 0 the less its fill rests on known pixels.

    Raises
    ------
    ArgumentError
        As for `inpaint`, and for a method without a confidence.

    Examples
    --------
    >>> import imgedit as ie
    >>> photo = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    >>> hole = np.zeros((64, 64), bool)
    >>> hole[24:40, 24:40] = True
    >>> filled, sure = ie.inpaint_with_confidence(photo, hole)
    >>> bool(sure[0, 0] == 1), bool(sure[32, 32] < 0.5)
    (True, True)
    """
    filled, confidence = _inpaint(
        image, mask, method, grow, feather, margin, match_color, repair_seam, seed, progress, method_parameters
    )
    if confidence is None:
        raise ArgumentError("method", f"is {method!r}, which has no confidence", "take method='exemplar'")
    return filled, confidence


def _inpaint(
    image: Image,
    mask: Mask,
    name: str,
    grow: float,
    feather: float,
    margin: int | None,
    match_color: bool,
    repair_seam: str | None,
    seed: int,
    progress: Progress | None,
    given: dict[str, Any],
) -> tuple[Image, Floats | None]:
    image = check(image)
    mask = hard_mask(mask, image)
    method = METHODS[name]
    method.check(name, given, list(inspect.signature(inpaint).parameters)[:-1])
    masks = {key: hard_mask(given[key], image, key) for key in method.masks if given.get(key) is not None}
    grow, feather = check_number(grow, "grow", least=0), check_number(feather, "feather", least=0)
    reach = method.margin if margin is None else int(check_number(margin, "margin", least=1))
    mend = None if repair_seam is None else SEAMS[repair_seam]
    tick = Ticker(progress)
    tick(0.0)
    hole, weight = edit_region(mask, grow, feather)
    tick()
    if hole.all():
        why = "covers the whole image" if mask.all() else "covers the whole image once grown and feathered"
        raise ImageError("mask", why, "leave some pixels to fill from")
    if image.dtype == np.float32 and not np.isfinite(image[~hole]).all():
        remedy = "add them to it: mask | ~np.isfinite(image).all(-1)"
        raise ImageError("image", "holds NaN or infinity outside the mask", remedy)
    tick()

    out = image.copy()
    confidence: Floats | None = np.ones(mask.shape, np.float32)
    work = list(crops(hole, reach, method.share if margin is None else 0.0))
    if masks and work:  # patches may come from anywhere under such a mask, so no crop may cut it off
        work = [((slice(None), slice(None)), hole)]
    tick()
    doubts = [doubt for _, own in work if (doubt := method.doubts(name, own))]
    if doubts:
        warnings.warn(doubts[0], UserWarning, stacklevel=3)
    tick()
    ends = np.cumsum([0, *(np.count_nonzero(own) for _, own in work)]) / max(1, np.count_nonzero(hole))
    for index, (box, own) in enumerate(work):
        report = tick.part(float(ends[index]), float(ends[index + 1]))
        report(0.0)
        values = _known_values(image[box], hole[box])
        report()
        inside = np.ascontiguousarray(hole[box])
        own_parameters = {**given, **{key: np.ascontiguousarray(whole[box]) for key, whole in masks.items()}}
        # What follows the fill takes a moment only, but that moment must be heard in as well.
        result = method.fill(values, inside, progress=report.part(0.0, 0.98), seed=seed, **own_parameters)
        filled, sure = result if isinstance(result, Filled) else (result, None)
        if match_color:
            filled = match_surroundings(values, filled, inside, report.part(0.98, 0.99))
        if mend is not None:
            filled = mend(values, filled, inside, report.part(0.99, 1.0))
        _paste(out[box], filled, own, None if weight is None else weight[box], report)
        if confidence is not None and sure is not None:
            confidence[box][own] = sure[own]
        else:
            confidence = None
        report(1.0)
    return out, confidence


def _known_values(image: Image, hole: Flags) -> Floats:
    """Premultiplied float pixels, HxWxC, with zero in the hole: whatever stood there, NaN too, can't leak out."""
    values = as_float(image).reshape(*hole.shape, -1).copy()
    values[hole] = 0
    check_alpha(values)
    if values.shape[2] == 4:
        values[..., :3] *= values[..., 3:]
    return values


def _paste(out: Image, filled: Floats, own: Flags, weight: Floats | None, tick: Ticker) -> None:
    """Write the filled pixels, and no other, into a view of the result."""
    fresh: Floats = np.asarray(filled[own], np.float32)
    tick()
    if weight is not None:
        old = as_float(out[own]).reshape(fresh.shape).copy()
        if filled.shape[2] == 4:
            old[:, :3] *= old[:, 3:]
        tick()
        share = weight[own][:, None]
        # What stood under the mask may be NaN, which no weight of 0 takes away.
        fresh = np.where((share == 1) | ~np.isfinite(old), fresh, share * fresh + (1 - share) * old)
        tick()
    if filled.shape[2] == 4:
        fresh[:, 3] = np.clip(fresh[:, 3], 0, 1)
        fresh = unpremultiply(fresh[:, None])[:, 0]
        tick()
    out[own] = like(fresh[:, 0] if out.ndim == 2 else fresh, out.dtype)
