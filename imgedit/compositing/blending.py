"""Put one image on another: ``blend``.

The formulas stand in ``modes`` and ``alpha_modes``, what is kept of which image in ``operators``, how they come
together in ``equation``. Here is what surrounds them: sizes, offsets, dtypes, masks, strips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from imgedit.compositing.alpha_modes import ALPHA_MODES, dissolved
from imgedit.compositing.elementwise import in_range
from imgedit.compositing.equation import (
    BLEND_MODES,
    Alpha,
    Planes,
    composite,
    knock_out,
    times,
    to_pixels,
    to_planes,
)
from imgedit.compositing.integer import blend_levels, takes
from imgedit.compositing.noise import dither_noise, white_noise
from imgedit.compositing.operators import OPERATORS, keeps_opaque
from imgedit.compositing.placing import ANCHORS, check_offset, corner
from imgedit.compositing.spaces import SPACES
from imgedit.errors import ArgumentError, ImageError
from imgedit.pixels import Image, Mask, Out, check, check_alpha, check_mask, check_number, full_range
from imgedit.results import new_result
from imgedit.strips import Progress, each_strip

__all__ = ["blend"]

# Bytes that set how many rows make a strip, for each pixel of a row (see `each_strip`): of levels, and of floats.
# Measured: with fewer rows the calls cost more than the work, with more the planes leave the cache.
LEVEL_BYTES, FLOAT_BYTES = 4, 8

# More than the temporaries of a strip take.
KEPT_BYTES = 31 * 2**20


def blend(
    backdrop: Image,
    source: Image,
    mode: Annotated[str, BLEND_MODES] = "normal",
    *,
    opacity: float = 1.0,
    fill: float = 1.0,
    mask: Mask | None = None,
    offset: tuple[int, int] | None = None,
    anchor: Annotated[str, ANCHORS] | None = None,
    operator: Annotated[str, OPERATORS] = "source-over",
    space: Annotated[str, SPACES] = "srgb",
    composite_space: Annotated[str, SPACES] | None = None,
    clip: bool = False,
    knockout: bool = False,
    dither: bool = False,
    seed: int = 0,
    out: Out | None = None,
    progress: Progress | None = None,
) -> Image:
    """Put an image on another.

    Parameters
    ----------
    backdrop : ndarray
        HxW, HxWx3 or HxWx4 (straight alpha), uint8, uint16 or float32: what is below. Without alpha it is opaque.
    source : ndarray
        What is put on it. Of any image dtype and number of channels; its values are converted by range. Of another size
        only with `offset` or `anchor`.
    mode : str
        The blend mode: W3C's names, and many more; where programs disagree a variant is named after a colon
        (``soft-light``, ``soft-light:photoshop``, ``soft-light:pegtop``).
    opacity : float
        0 to 1; a factor on the source's alpha.
    fill : float
        0 to 1; as opacity, but in eight modes (color-burn, linear-burn, color-dodge, linear-dodge, vivid-light,
        linear-light, hard-mix, difference) it acts inside the formula, as Photoshop's fill opacity does.
    mask : ndarray, optional
        HxW, bool or coverage; a factor on the source's alpha. Of the source's size, and moved with it; or else of the
        backdrop's size.
    offset : tuple of int, optional
        (x, y) of the source's top left corner on the backdrop; may lie outside. The result keeps the backdrop's size.
        With `anchor`, the distance from there.
    anchor : str, optional
        Side or corner of the backdrop that the source lies at, such as ``bottom-right`` or ``center``; `offset` then
        counts inwards: from the right side to the left, from the bottom upwards.
    operator : str
        The Porter-Duff operator. Where the source does not reach, it counts as transparent.
    space : str
        Space that the mode's formula works in.
    composite_space : str, optional
        Space that colours are mixed in, by alpha; by default the same as `space`.
    clip : bool
        Show the source only where the backdrop is, as a clipping layer: colour blends as if the backdrop were opaque,
        and its alpha stays as it is.
    knockout : bool
        Let the source cut a hole of its own shape (alpha and mask) into the backdrop, and fill it with the source at
        its opacity.
    dither : bool
        Round an integer result with blue noise instead of to the nearest level; no band is seen in soft gradients.
    seed : int
        At least 0; for dissolve and dither.
    out : ndarray, optional
        Where the result goes, and what is returned: C-contiguous, of the result's shape and dtype. It may be the
        backdrop itself, or a source of the same size; else it must share no memory with what is given. For many frames:
        memory that the system hands over anew takes as long as a short formula (that of a large result that nobody
        holds any more is used again). After an error it holds a part of the result.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray
        A new image, or `out`, of the backdrop's size and dtype. Grey stays grey only if both images are; it has alpha
        if the backdrop has, or if operator or mode can make an opaque backdrop transparent. Float values beyond [0, 1]
        survive. Where the result is clear, colour is the backdrop's as far as the operator keeps any of it.

    Raises
    ------
    ImageError
        Something that is not an image or mask; sizes that don't match without offset or anchor; NaN in alpha.
    ArgumentError
        A number out of its range, an unknown name, options that contradict each other, or an `out` that does not fit.

    References
    ----------
    W3C (2024). Compositing and Blending Level 1. https://www.w3.org/TR/compositing-1/
    Porter, T. and Duff, T. (1984). Compositing digital images. doi:10.1145/800031.808606

    Examples
    --------
    >>> import numpy as np
    >>> import imgedit as ie
    >>> photo = np.full((4, 4, 3), 200, np.uint8)
    >>> paint = np.full((2, 2, 3), 100, np.uint8)
    >>> ie.blend(photo, paint, "multiply", offset=(1, 1))[:, :, 0]
    array([[200, 200, 200, 200],
           [200,  78,  78, 200],
           [200,  78,  78, 200],
           [200, 200, 200, 200]], dtype=uint8)
    """
    backdrop, source = check(backdrop, "backdrop"), check(source, "source")
    options = Options(
        mode=mode,
        opacity=check_number(opacity, "opacity", least=0, most=1),
        fill=check_number(fill, "fill", least=0, most=1),
        operator=operator,
        space=space,
        composite_space=space if composite_space is None else composite_space,
        clip=clip,
        knockout=knockout,
        dither=dither and backdrop.dtype.kind == "u",
        seed=_check_seed(seed),
    )
    options.check()
    place = _Place.of(backdrop, source, offset, anchor)
    cover = None if mask is None else _Cover.of(mask, backdrop, source, place)
    covers = place.covers(backdrop, source)
    if not covers:
        check_alpha(source, "source")  # what lies outside is never seen by the strips below
    shape = _shape(backdrop, source, options)
    given = {"backdrop": backdrop, "source": source, "mask": mask}
    result = new_result(shape, backdrop.dtype) if out is None else _check_out(out, shape, given, covers)
    in_place = _same(result, backdrop)
    quick = options.plain and cover is None and takes(mode, backdrop, source)

    def work(top: int, bottom: int) -> None:
        rows, columns = place.overlap(top, bottom)
        below = backdrop[rows, columns]
        if not covers:
            check_alpha(backdrop[top:bottom], "backdrop")
            if not (in_place and options.untouched):
                below = below.copy() if in_place else below
                _leave(backdrop[top:bottom], result[top:bottom], options.untouched)
        if rows.start < rows.stop and columns.start < columns.stop:
            parts = below, place.moved(source, rows, columns), result[rows, columns]
            if quick:
                blend_levels(mode, *parts)
            else:
                coverage = None if cover is None else cover.part(rows, columns)
                _blend_strip(options, *parts, coverage, rows.start, columns.start)

    # The C library of Linux returns freed blocks above a limit to the system, and the next strip has to fault them in
    # anew, which takes as long as the work. It raises the limit when it sees a large block freed; none is touched here.
    np.empty(KEPT_BYTES, np.uint8)
    height, width = shape[:2]
    each_strip(work, height, row_bytes=(LEVEL_BYTES if quick else FLOAT_BYTES) * width, progress=progress)
    return result


@dataclass(frozen=True)
class Options:
    """What was asked for, checked."""

    mode: str
    opacity: float
    fill: float
    operator: str
    space: str
    composite_space: str
    clip: bool
    knockout: bool
    dither: bool
    seed: int

    def check(self) -> None:
        """Refuse unknown names and options that contradict each other."""
        _ = BLEND_MODES[self.mode], OPERATORS[self.operator], SPACES[self.space], SPACES[self.composite_space]
        chosen = {
            f"mode {self.mode!r}": self.mode in ALPHA_MODES and self.mode != "dissolve",
            f"operator {self.operator!r}": self.operator != "source-over",
            "clip": self.clip,
            "knockout": self.knockout,
        }
        both = [what for what, given in chosen.items() if given]
        if len(both) > 1:
            raise ArgumentError(both[0], f"contradicts {both[1]}", "each says what becomes of alpha: choose one")

    @property
    def plain(self) -> bool:
        """Whether nothing but a mode was asked for."""
        full = self.opacity == self.fill == 1 and self.operator == "source-over"
        return full and self.space == self.composite_space == "srgb" and not (self.clip or self.knockout or self.dither)

    @property
    def keeps_opaque(self) -> bool:
        """Whether an opaque backdrop gives an opaque result."""
        if self.knockout:
            return self.opacity * self.fill == 1
        if self.mode in ALPHA_MODES:
            return ALPHA_MODES[self.mode].keeps_opaque
        return keeps_opaque(self.operator)

    @property
    def untouched(self) -> bool:
        """Whether the backdrop stays as it is where the source does not reach."""
        return OPERATORS[self.operator](1.0, 0.0)[1] == 1


def _check_seed(seed: int) -> int:
    if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ArgumentError("seed", f"is {seed!r}", "give an integer of at least 0")
    return int(seed)


@dataclass(frozen=True)
class _Place:
    """Where the source lies on the backdrop: its corner, and the edges of the overlap."""

    x: int
    y: int
    left: int
    top: int
    right: int
    bottom: int

    def covers(self, backdrop: Image, source: Image) -> bool:
        """Whether the two lie exactly on each other."""
        return self.x == self.y == 0 and backdrop.shape[:2] == source.shape[:2]

    @classmethod
    def of(cls, backdrop: Image, source: Image, offset: tuple[int, int] | None, anchor: str | None) -> _Place:
        (height, width), (source_height, source_width) = backdrop.shape[:2], source.shape[:2]
        if offset is None and anchor is None and backdrop.shape[:2] != source.shape[:2]:
            raise ImageError(
                "source",
                f"is {source_height}x{source_width} but backdrop is {height}x{width}",
                f"say where it goes, offset=(x, y) or anchor='center', or resize it: "
                f"ie.resize(source, ({height}, {width}))",
            )
        if offset is not None:
            offset = check_offset(offset)
        x, y = corner(anchor, offset, source.shape[:2], backdrop.shape[:2])
        return cls(x, y, max(0, x), max(0, y), min(width, x + source_width), min(height, y + source_height))

    def overlap(self, top: int, bottom: int) -> tuple[slice, slice]:
        """Rows and columns of the backdrop that the source covers between two rows."""
        return slice(max(top, self.top), min(bottom, self.bottom)), slice(self.left, self.right)

    def moved(self, image: NDArray[Any], rows: slice, columns: slice) -> NDArray[Any]:
        """Give the part of something that lies where the source does, for these rows and columns of the backdrop."""
        return image[rows.start - self.y : rows.stop - self.y, columns.start - self.x : columns.stop - self.x]


@dataclass(frozen=True)
class _Cover:
    """A mask, and where it lies on the backdrop."""

    mask: Mask
    place: _Place | None

    @classmethod
    def of(cls, mask: Mask, backdrop: Image, source: Image, place: _Place) -> _Cover:
        if isinstance(mask, np.ndarray) and mask.shape == backdrop.shape[:2] != source.shape[:2]:
            return cls(check_mask(mask, backdrop), None)
        return cls(check_mask(mask, source), place)

    def part(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Coverage, 0 to 1, for these rows and columns of the backdrop."""
        part = self.mask[rows, columns] if self.place is None else self.place.moved(self.mask, rows, columns)
        white = 1.0 if part.dtype == bool else full_range(part.dtype)
        return np.divide(part, np.float32(white), dtype=np.float32)


def _shape(backdrop: Image, source: Image, options: Options) -> tuple[int, ...]:
    size = backdrop.shape[:2]
    if (backdrop.ndim == 3 and backdrop.shape[2] == 4) or not options.keeps_opaque:
        return (*size, 4)
    return size if backdrop.ndim == source.ndim == 2 else (*size, 3)


def _check_out(out: Image, shape: tuple[int, ...], given: dict[str, Any], covers: bool) -> Image:
    """Refuse an array that can't take the result, or that would change what is still to be read."""
    dtype = given["backdrop"].dtype
    remedy = f"give np.empty({shape}, np.{dtype.name})"
    if not isinstance(out, np.ndarray):
        raise ArgumentError("out", f"is {type(out).__qualname__}, no array", remedy)
    if out.shape != shape or out.dtype != dtype:
        size = "x".join(map(str, out.shape))
        raise ArgumentError("out", f"is {size} {out.dtype}, which does not hold the result", remedy)
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ArgumentError("out", "has gaps between its pixels or can't be written to", remedy)
    for name, image in given.items():
        # Strip by strip, each pixel is read before its own place is written.
        itself = (name == "backdrop" or (name == "source" and covers)) and _same(out, image)
        if isinstance(image, np.ndarray) and not itself and np.may_share_memory(out, image):
            raise ArgumentError("out", f"shares memory with {name}", f"{remedy}, or the backdrop itself")
    return out


def _same(out: Image, image: Image) -> bool:
    """Whether two arrays are the same pixels in memory."""
    keys = ("data", "strides", "shape", "typestr")
    return all(out.__array_interface__[key] == image.__array_interface__[key] for key in keys)


def _leave(backdrop: Image, out: Image, untouched: bool) -> None:
    """Fill rows of the result where no source lies."""
    if not untouched:
        out[:] = 0
        return
    if out.shape == backdrop.shape:
        out[:] = backdrop
        return
    out[..., :3] = backdrop[..., :3] if backdrop.ndim == 3 else backdrop[..., None]
    if out.shape[2] == 4:
        out[..., 3] = full_range(out.dtype)


def _blend_strip(
    options: Options,
    backdrop: Image,
    source: Image,
    out: Image,
    coverage: Alpha,
    top: int,
    left: int,
) -> None:
    """Blend rows of any dtype and number of channels; `top` and `left` say where they lie on the canvas."""
    b, alpha_b = _planes(backdrop, "backdrop")
    s, alpha_s = _planes(source, "source")
    color, alpha = _blend_planes(options, b, alpha_b, s, alpha_s, coverage, top, left)
    if options.dither:
        bottom, right = top + out.shape[0], left + out.shape[1]
        # Noise from -1/2 to 1/2 of a level before rounding: a value between two levels is rounded up as often as it is
        # near the upper one, and a value on a level stays.
        noise = (dither_noise(options.seed, len(color), top, bottom, left, right) - 0.5) / full_range(out.dtype)
        color = color + noise
    to_pixels(color, alpha, out)


def _planes(image: Image, name: str) -> tuple[Planes, Alpha]:
    """Part rows into planes, without alpha if they are opaque, and refuse alpha that is none.

    On a plane in the cache that takes a tenth of the time that it takes on the whole image beforehand.
    """
    color, alpha = to_planes(image)
    if alpha is None:
        return color, None
    if not in_range(alpha):
        check_alpha(image, name)
    # Most alphas are told by their first pixel.
    return color, None if alpha[0, 0] == 1 and alpha.min() == 1 else alpha


def _blend_planes(
    options: Options,
    b: Planes,
    alpha_b: Alpha,
    s: Planes,
    alpha_s: Alpha,
    coverage: Alpha,
    top: int,
    left: int,
) -> tuple[Planes, Alpha]:
    if options.knockout:
        shape = times(alpha_s, coverage)
        return knock_out(b, alpha_b, s, times(times(shape, options.opacity, s), options.fill, s), shape)
    shape = times(coverage, options.opacity, s)
    alpha_s = times(alpha_s, shape)
    mode, fill = options.mode, options.fill
    if mode == "dissolve":
        mode, fill, alpha_s = "normal", 1.0, times(alpha_s, fill, s)
        if alpha_s is not None:
            alpha_s = dissolved(alpha_s, white_noise(options.seed, top, top + s.shape[1], left, left + s.shape[2]))
    color, alpha = composite(
        b,
        None if options.clip else alpha_b,
        s,
        alpha_s,
        mode,
        options.operator,
        fill=fill,
        space=options.space,
        composite_space=options.composite_space,
        shape=shape,
    )
    return color, alpha_b if options.clip else alpha
