"""What an image is, and the only place that knows 255 and 65535.

An image is a plain array in RGB order: HxW (grey), HxWx3 (RGB) or HxWx4 (RGB with straight alpha); uint8, uint16, or
float32 nominally in [0, 1]. Its range follows from its dtype and is never guessed from its values. A mask is HxW: bool,
or one of the image dtypes as coverage.

The shape of every public operation: ``check`` -> ``as_float`` where it needs numbers -> compute -> ``like`` -> return.
Blue-green-red order can't be seen in an array: whoever brings arrays from ``cv2.imread`` calls ``from_bgr`` first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from imgedit.errors import ArgumentError, ImageError
from imgedit.strips import Progress, each_strip

if TYPE_CHECKING:
    import PIL.Image

__all__ = [
    "Image",
    "Mask",
    "Progress",
    "as_float",
    "check",
    "check_alpha",
    "check_finite",
    "check_mask",
    "check_number",
    "check_same_size",
    "describe",
    "from_bgr",
    "from_pil",
    "full_range",
    "hard_mask",
    "join_alpha",
    "like",
    "mix_by_mask",
    "premultiply",
    "soft_mask",
    "split_alpha",
    "to_bgr",
    "to_float",
    "to_pil",
    "to_uint8",
    "to_uint16",
    "unpremultiply",
]

Image: TypeAlias = NDArray[Any]
"""HxW, HxWx3 or HxWx4 (straight alpha) in RGB order; uint8, uint16 or float32 in [0, 1]."""

Out: TypeAlias = NDArray[Any]
"""An array that a result is written to; for Python only, commands and recipes have no such thing."""

Mask: TypeAlias = NDArray[Any]
"""HxW; bool (True = here), or uint8, uint16 or float32 coverage as a fraction of the full range."""

FULL_RANGE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(np.float32): 1.0}

# Where alpha is below this, the colour under it is rounding noise: less than half a step of 16-bit alpha.
LEAST_ALPHA = 0.5 / 65535.0


def full_range(dtype: DTypeLike) -> float:
    """Value that stands for white (or full coverage) in an image of this dtype.

    Parameters
    ----------
    dtype : dtype_like
        uint8, uint16 or float32.

    Returns
    -------
    float
        255.0, 65535.0 or 1.0.

    Examples
    --------
    >>> full_range("uint16")
    65535.0
    """
    return FULL_RANGE[np.dtype(dtype)]


def describe(array: object) -> str:
    """Put an array in words for an error message: ``"480x640x3 uint8"``.

    Parameters
    ----------
    array : object
        Anything that was given as an image.

    Returns
    -------
    str
        Its size and dtype, or its type if it is not an array.
    """
    if isinstance(array, np.ndarray):
        return f"{'x'.join(map(str, array.shape)) or 'scalar'} {array.dtype}"
    return f"a {type(array).__module__}.{type(array).__qualname__}"


def check(image: Image, name: str = "image") -> Image:
    """Refuse what is not an image, with an error that says how to make it one.

    Parameters
    ----------
    image : ndarray
        What a caller gave.
    name : str
        The caller's name of the argument.

    Returns
    -------
    ndarray
        The same array, made C-contiguous (a copy only if it was not). Never write to it.

    Raises
    ------
    ImageError
        Not an array, empty, or of a shape or dtype that is not an image's.
    """
    if not isinstance(image, np.ndarray):
        raise ImageError(name, f"is {describe(image)}, not a NumPy array", _array_remedy(image))
    if isinstance(image, np.ma.MaskedArray):
        raise ImageError(name, "is a masked array", "give image.data and pass the mask as mask=")
    if image.size == 0:
        raise ImageError(name, f"is empty ({describe(image)})", "give an image of at least 1x1 pixels")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise ImageError(name, f"is {describe(image)}, not HxW, HxWx3 or HxWx4", _shape_remedy(image))
    if image.dtype not in FULL_RANGE:
        raise ImageError(name, f"is {image.dtype}, not uint8, uint16 or float32", _dtype_remedy(image))
    return np.ascontiguousarray(image)


def _array_remedy(value: object) -> str:
    if type(value).__module__.startswith("PIL."):
        return "convert it with ie.from_pil(image)"
    if isinstance(value, (str, bytes)) or hasattr(value, "__fspath__"):
        return "open it with ie.read(path)"
    if hasattr(value, "detach"):
        return "take the tensor's array in HxWxC order: tensor.detach().cpu().permute(1, 2, 0).numpy()"
    return "convert it with np.asarray(...)"


def _shape_remedy(image: Image) -> str:
    if image.ndim == 3 and image.shape[2] in (1, 2):
        return "convert it with ie.to_uint8, ie.to_uint16 or ie.to_float: they take grey and grey + alpha"
    if image.ndim == 3 and image.shape[0] in (1, 3, 4):
        return "it looks like channels first: np.moveaxis(image, 0, -1)"
    if image.ndim == 4:
        return "it looks like a stack: call once for each image"
    return "give one image with 1, 3 or 4 channels"


def _dtype_remedy(image: Image) -> str:
    if image.dtype.newbyteorder("=") in FULL_RANGE:
        return "bring it to this machine's byte order: image.astype(image.dtype.newbyteorder('='))"
    if image.dtype.kind in "fb":
        return "convert it with ie.to_float, ie.to_uint8 or ie.to_uint16 (floats are taken as 0 to 1)"
    return "say which value is white: ie.to_float(image, white=...), or ie.to_uint8 and ie.to_uint16 likewise"


def check_same_size(image: Image, other: Image, name: str, other_name: str) -> None:
    """Refuse two arrays of different height or width.

    Parameters
    ----------
    image, other : ndarray
        Checked images or masks.
    name, other_name : str
        What the caller calls them.

    Raises
    ------
    ImageError
        The sizes differ.
    """
    if image.shape[:2] != other.shape[:2]:
        (h, w), (oh, ow) = image.shape[:2], other.shape[:2]
        raise ImageError(
            name, f"is {h}x{w} but {other_name} is {oh}x{ow}", f"resize one: ie.resize({name}, ({oh}, {ow}))"
        )


def check_number(
    value: float, name: str, *, least: float | None = None, most: float | None = None, above: float | None = None
) -> float:
    """Refuse a number that is not finite or out of its range.

    Parameters
    ----------
    value : float
        What a caller gave.
    name : str
        The caller's name of the argument.
    least, most : float, optional
        Smallest and largest value allowed.
    above : float, optional
        The value must be larger than this.

    Returns
    -------
    float
        The value.

    Raises
    ------
    ArgumentError
        Not a number, not finite, or out of range.
    """
    bounds = [
        f"{words} {bound:g}"
        for words, bound in (("at least", least), ("above", above), ("at most", most))
        if bound is not None
    ]
    remedy = f"give a number {' and '.join(bounds)}" if bounds else "give a finite number"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
        raise ArgumentError(name, f"is {value!r}", remedy)
    low = (least is not None and value < least) or (above is not None and value <= above)
    if low or (most is not None and value > most):
        raise ArgumentError(name, f"is {value!r}", remedy)
    return float(value)


def check_mask(mask: Mask, image: Image | None = None, name: str = "mask") -> Mask:
    """Refuse what is not a mask, or not one for this image.

    Parameters
    ----------
    mask : ndarray
        HxW; bool, or uint8, uint16 or float32 coverage.
    image : ndarray, optional
        The image that it must fit.
    name : str
        The caller's name of the argument.

    Returns
    -------
    ndarray
        The same mask, C-contiguous. Never write to it.

    Raises
    ------
    ImageError
        Not HxW, another size than the image, a dtype that no mask has, an integer mask of zeros and ones, or floats
        that are not coverage (NaN, below 0, above 1).
    """
    if not isinstance(mask, np.ndarray):
        raise ImageError(
            name, f"is {describe(mask)}, not a NumPy array", "open it with ie.read_mask(path) or convert it"
        )
    if mask.ndim != 2 or mask.size == 0:
        raise ImageError(name, f"is {describe(mask)}, not HxW", "give one channel: mask[..., 0], or mask.any(axis=-1)")
    if image is not None:
        check_same_size(mask, image, name, "image")
    if mask.dtype == bool:
        return np.ascontiguousarray(mask)
    if mask.dtype not in FULL_RANGE:
        raise ImageError(name, f"is {mask.dtype}, not bool, uint8, uint16 or float32", "give mask.astype(bool)")
    if mask.dtype.kind == "u" and mask.max() == 1:
        raise ImageError(name, f"is {mask.dtype} with largest value 1", "zeros and ones are given as mask.astype(bool)")
    if mask.dtype.kind == "f" and not (mask.min() >= 0 and mask.max() <= 1):  # written so that NaN is refused too
        raise ImageError(
            name, f"holds values from {mask.min():g} to {mask.max():g}", "coverage lies in [0, 1]: np.clip(mask, 0, 1)"
        )
    return np.ascontiguousarray(mask)


def hard_mask(mask: Mask, image: Image | None = None, name: str = "mask") -> NDArray[np.bool_]:
    """Check a mask and cut it at half coverage.

    Parameters
    ----------
    mask : ndarray
        HxW mask of any kind.
    image : ndarray, optional
        The image that it must fit.
    name : str
        The caller's name of the argument.

    Returns
    -------
    ndarray of bool
        HxW; True where coverage is at least one half.
    """
    mask = check_mask(mask, image, name)
    return mask if mask.dtype == bool else mask >= full_range(mask.dtype) / 2


def soft_mask(mask: Mask, image: Image | None = None, name: str = "mask") -> NDArray[np.float32]:
    """Check a mask and give its coverage.

    Parameters
    ----------
    mask : ndarray
        HxW mask of any kind.
    image : ndarray, optional
        The image that it must fit.
    name : str
        The caller's name of the argument.

    Returns
    -------
    ndarray of float32
        HxW; 0 to 1.
    """
    mask = check_mask(mask, image, name)
    return mask.astype(np.float32) if mask.dtype == bool else as_float(mask)


def as_float(image: Image) -> NDArray[np.float32]:
    """Bring a checked image to float32 with white at 1.

    Parameters
    ----------
    image : ndarray
        A checked image of any dtype.

    Returns
    -------
    ndarray of float32
        A new array, or the image itself if it is float32 already: never write to it.
    """
    if image.dtype == np.float32:
        return image
    out = np.empty(image.shape, np.float32)

    def convert(top: int, bottom: int) -> None:
        # Division, not a multiplication by the reciprocal: full range must come out as exactly 1.
        np.divide(image[top:bottom], np.float32(full_range(image.dtype)), out=out[top:bottom], dtype=np.float32)

    each_strip(convert, image.shape[0], row_bytes=out[0].nbytes)
    return out


def like(values: NDArray[Any], reference: Image | DTypeLike, *, white: float = 1.0) -> Image:
    """Bring computed values back to an image's dtype: the only place that rounds and clips.

    Parameters
    ----------
    values : ndarray of float
        Any shape.
    reference : ndarray or dtype_like
        An image, or its dtype.
    white : float
        Value that stands for white.

    Returns
    -------
    ndarray
        For uint8 and uint16 rounded to the nearest level and clipped (NaN gives 0); for float32 the values as they are,
        contiguous (the same array where that needs no copy).
    """
    dtype = reference.dtype if isinstance(reference, np.ndarray) else np.dtype(reference)
    if dtype == np.float32:
        return np.ascontiguousarray(values, np.float32)
    full = full_range(dtype)
    out = np.empty(values.shape, dtype)

    def convert(top: int, bottom: int) -> None:
        work = np.fmax(values[top:bottom], 0, dtype=np.float32)
        np.minimum(work, np.float32(white), out=work)
        if dtype == np.uint8:  # one quick pass that rounds half to even, as rint does
            shape = (bottom - top, -1)
            cv2.convertScaleAbs(work.reshape(shape), out[top:bottom].reshape(shape), full / white)
        else:
            work *= np.float32(full / white)
            np.rint(work, out=work)
            out[top:bottom] = work

    each_strip(convert, values.shape[0], row_bytes=4 * values[0].size)
    return out


def split_alpha(image: Image) -> tuple[Image, Image | None]:
    """Part colour and alpha.

    Parameters
    ----------
    image : ndarray
        A checked image.

    Returns
    -------
    color : ndarray
        HxW or HxWx3; a view.
    alpha : ndarray or None
        HxW, a view; None where the image has no alpha.
    """
    if image.ndim == 3 and image.shape[2] == 4:
        return image[..., :3], image[..., 3]
    return image, None


def join_alpha(color: Image, alpha: Image | None) -> Image:
    """Put colour and alpha together again.

    Parameters
    ----------
    color : ndarray
        HxW or HxWx3; grey becomes RGB if there is alpha.
    alpha : ndarray or None
        HxW of the same dtype.

    Returns
    -------
    ndarray
        HxWx4, or the colour as it is where alpha is None.
    """
    if alpha is None:
        return color
    out = np.empty((*alpha.shape, 4), color.dtype)
    out[..., :3] = color if color.ndim == 3 else color[..., None]
    out[..., 3] = alpha
    return out


def check_alpha(image: Image, name: str = "image") -> None:
    """Refuse float alpha that is not a number or not in [0, 1].

    Parameters
    ----------
    image : ndarray
        A checked image; without float alpha there is nothing to find.
    name : str
        The caller's name of the argument.

    Raises
    ------
    ImageError
        Alpha holds NaN or values outside [0, 1].
    """
    alpha = split_alpha(image)[1]
    if alpha is None or alpha.dtype.kind == "u":
        return
    low, high = float(alpha.min()), float(alpha.max())
    if not (low >= 0 and high <= 1):  # written so that NaN is refused too
        raise ImageError(name, f"has alpha from {low:g} to {high:g}", "alpha lies in [0, 1]: clip it, replace NaN")


def check_finite(image: Image, name: str = "image", why: str = "which would spread over the whole result") -> None:
    """Refuse NaN and infinity where one such pixel would spoil the whole result.

    Parameters
    ----------
    image : ndarray
        A checked image; integers hold neither.
    name : str
        The caller's name of the argument.
    why : str
        What they do here, for the message.

    Raises
    ------
    ImageError
        It holds NaN or infinity.
    """
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ImageError(name, f"holds NaN or infinity, {why}", f"fill them first: ie.inpaint({name}, mask)")


def premultiply(image: Image) -> Image:
    """Multiply colour by alpha (straight to associated).

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4 with straight alpha; without alpha a copy comes back.

    Returns
    -------
    ndarray
        Same shape and dtype. 8-bit results lose colour where alpha is low: work in float where that matters.

    Examples
    --------
    >>> premultiply(np.array([[[1, 0.5, 0, 0.5]]], np.float32)).tolist()
    [[[0.5, 0.25, 0.0, 0.5]]]
    """
    return _over_alpha(image, _associate)


def unpremultiply(image: Image) -> Image:
    """Divide colour by alpha (associated to straight).

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4 with premultiplied colour; without alpha a copy comes back.

    Returns
    -------
    ndarray
        Same shape and dtype; colour is 0 where alpha is 0, and integer colours are clipped at white.

    Examples
    --------
    >>> unpremultiply(np.array([[[0.5, 0.25, 0, 0.5]]], np.float32)).tolist()
    [[[1.0, 0.5, 0.0, 0.5]]]
    """
    return _over_alpha(image, _dissociate)


def _over_alpha(image: Image, convert: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Image:
    image = check(image)
    check_alpha(image)
    if split_alpha(image)[1] is None:
        return image.copy()
    out = np.empty(image.shape, image.dtype)

    def work(top: int, bottom: int) -> None:
        strip = as_float(image[top:bottom])
        out[top:bottom] = like(convert(strip), image.dtype)

    each_strip(work, image.shape[0], row_bytes=16 * image.shape[1])
    return out


def mix_by_mask(image: Image, edited: Image, mask: Mask | None) -> Image:
    """Take an edited image where a mask covers, the original elsewhere, and a mix of both in between.

    Parameters
    ----------
    image : ndarray
        The checked original.
    edited : ndarray
        What became of it; of the same shape and dtype.
    mask : ndarray or None
        HxW coverage; None is everywhere.

    Returns
    -------
    ndarray
        The edited image itself where mask is None, else a new array. Where the mask is 0 or full, pixels are copied bit
        for bit; between, the mix is alpha-weighted.
    """
    if mask is None:
        return edited
    mask = check_mask(mask, image)
    if mask.dtype == bool:
        return np.where(mask if image.ndim == 2 else mask[..., None], edited, image)
    out = image.copy()
    full = full_range(mask.dtype)

    def work(top: int, bottom: int) -> None:
        coverage = mask[top:bottom]
        rows = out[top:bottom]
        np.copyto(
            rows, edited[top:bottom], where=coverage == full if image.ndim == 2 else (coverage == full)[..., None]
        )
        between = (coverage > 0) & (coverage < full)
        if not between.any():
            return
        share = as_float(coverage)[between]
        before, after = (as_float(picture[top:bottom][between]) for picture in (image, edited))
        rows[between] = like(_lerp(before, after, share if image.ndim == 2 else share[:, None]), image.dtype)

    each_strip(work, image.shape[0], row_bytes=8 * out[0].size)
    return out


def _lerp(a: NDArray[np.float32], b: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    if a.shape[-1:] != (4,) or share.ndim == 1:
        return a + (b - a) * share
    mixed = _associate(a) + (_associate(b) - _associate(a)) * share
    return _dissociate(mixed)


def _associate(image: NDArray[np.float32]) -> NDArray[np.float32]:
    out = image * image[..., 3:]
    out[..., 3] = image[..., 3]
    return out


def _dissociate(image: NDArray[np.float32]) -> NDArray[np.float32]:
    alpha = image[..., 3:]
    out: NDArray[np.float32] = np.divide(image, np.maximum(alpha, np.float32(LEAST_ALPHA)), dtype=np.float32)
    out *= alpha > LEAST_ALPHA
    out[..., 3] = image[..., 3]
    return out


def to_uint8(array: NDArray[Any], *, white: float | None = None) -> Image:
    """Convert anything that can be taken for an image to uint8, rounding to the nearest level.

    Parameters
    ----------
    array : ndarray
        HxW, HxWx1 (grey), HxWx2 (grey + alpha, becomes RGBA), HxWx3 or HxWx4; bool, uint8, uint16, or float of any
        width in [0, 1] (values beyond are clipped). Other integers need `white`.
    white : float, optional
        Value that stands for white, where the dtype does not say it.

    Returns
    -------
    ndarray of uint8
        A new array.

    Raises
    ------
    ImageError
        A shape that is no image's, NaN or infinity, or integers of unknown range.

    Examples
    --------
    >>> to_uint8(np.array([[0.0, 0.5, 1.0]])).tolist()
    [[0, 128, 255]]
    """
    return _convert(array, np.dtype(np.uint8), white)


def to_uint16(array: NDArray[Any], *, white: float | None = None) -> Image:
    """Convert anything that can be taken for an image to uint16, rounding to the nearest level.

    Parameters
    ----------
    array : ndarray
        As for `to_uint8`.
    white : float, optional
        Value that stands for white, where the dtype does not say it.

    Returns
    -------
    ndarray of uint16
        A new array.

    Raises
    ------
    ImageError
        A shape that is no image's, NaN or infinity, or integers of unknown range.

    Examples
    --------
    >>> to_uint16(np.array([[0, 128, 255]], np.uint8)).tolist()
    [[0, 32896, 65535]]
    """
    return _convert(array, np.dtype(np.uint16), white)


def to_float(array: NDArray[Any], *, white: float | None = None) -> Image:
    """Convert anything that can be taken for an image to float32 with white at 1.

    Parameters
    ----------
    array : ndarray
        As for `to_uint8`; float values beyond [0, 1] are kept.
    white : float, optional
        Value that stands for white, where the dtype does not say it.

    Returns
    -------
    ndarray of float32
        A new array.

    Raises
    ------
    ImageError
        A shape that is no image's, NaN or infinity, or integers of unknown range.

    Examples
    --------
    >>> to_float(np.array([[0, 512, 1023]], np.int32), white=1023).round(2).tolist()
    [[0.0, 0.5, 1.0]]
    """
    return _convert(array, np.dtype(np.float32), white)


def _convert(array: NDArray[Any], dtype: np.dtype[Any], white: float | None) -> Image:
    if not isinstance(array, np.ndarray):
        raise ImageError("array", f"is {describe(array)}, not a NumPy array", _array_remedy(array))
    if array.ndim == 3 and array.shape[2] in (1, 2):
        alpha = array[..., 1] if array.shape[2] == 2 else None
        array = join_alpha(array[..., 0], alpha)
    if array.dtype.kind not in "buif":
        raise ImageError("array", f"is {array.dtype}", "give bool, integer or float values")
    if white is None and array.dtype.kind in "ui" and array.dtype.newbyteorder("=") not in FULL_RANGE:
        raise ImageError("array", f"is {array.dtype}, whose white is unknown", "say it: white=255, white=1023 ...")
    if array.dtype == dtype and white is None:
        return check(array, "array").copy()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ImageError("array", "holds NaN or infinity", "replace them first: np.nan_to_num(array)")
    if white is None:
        white = 1.0 if array.dtype.kind in "fb" else full_range(array.dtype.newbyteorder("="))
    # float64 on the way: float32 holds 24 bits, and int32 or float64 sources may have more.
    values = array.astype(np.float64) / check_number(white, "white", above=0)
    return like(check(values.astype(np.float32), "array"), dtype)


def from_bgr(array: NDArray[Any]) -> Image:
    """Turn OpenCV's channel order (BGR, BGRA) into RGB, RGBA.

    Parameters
    ----------
    array : ndarray
        HxW (comes back as a copy), HxWx3 BGR or HxWx4 BGRA; uint8, uint16 or float32.

    Returns
    -------
    ndarray
        A new image of the same dtype.

    Examples
    --------
    >>> from_bgr(np.array([[[255, 0, 0]]], np.uint8)).tolist()
    [[[0, 0, 255]]]
    """
    array = check(array, "array")
    if array.ndim == 2:
        return array.copy()
    return np.asarray(cv2.cvtColor(array, cv2.COLOR_BGRA2RGBA if array.shape[2] == 4 else cv2.COLOR_BGR2RGB))


def to_bgr(image: Image) -> NDArray[Any]:
    """Turn RGB, RGBA into OpenCV's channel order (BGR, BGRA).

    Parameters
    ----------
    image : ndarray
        HxW (comes back as a copy), HxWx3 or HxWx4; uint8, uint16 or float32.

    Returns
    -------
    ndarray
        A new array of the same dtype, for OpenCV functions only.

    Examples
    --------
    >>> to_bgr(np.array([[[0, 0, 255]]], np.uint8)).tolist()
    [[[255, 0, 0]]]
    """
    return from_bgr(check(image))  # the swap of the first and third channel is its own inverse


def from_pil(picture: PIL.Image.Image) -> Image:
    """Take over a Pillow image.

    Parameters
    ----------
    picture : PIL.Image.Image
        Any mode whose colours are known: 1, L, LA, La, P, PA, RGB, RGBA, RGBa, RGBX, I;16, F.

    Returns
    -------
    ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 (I;16) or float32 (F, taken as it is). EXIF orientation is not applied: a
        file is better opened with ``read``.

    Raises
    ------
    ImageError
        A mode whose colours can't be taken for RGB (CMYK, LAB, YCbCr, HSV, I).

    Examples
    --------
    >>> import PIL.Image
    >>> from_pil(PIL.Image.new("LA", (2, 1), (10, 128))).tolist()
    [[[10, 10, 10, 128], [10, 10, 10, 128]]]
    """
    mode = getattr(picture, "mode", None)
    if mode is None:
        raise ImageError("picture", f"is {describe(picture)}", "give a PIL.Image.Image")
    if mode in ("L", "RGB", "RGBA", "F"):
        return check(np.array(picture), "picture")
    if mode.startswith("I;16"):
        return np.array(picture).astype(np.uint16)
    if mode in ("1", "P", "PA", "LA", "La", "RGBa", "RGBX"):
        clear = mode in ("PA", "LA", "La", "RGBa") or "transparency" in picture.info
        if mode == "La":
            picture = picture.convert("LA")
        return np.array(picture.convert("RGBA" if clear else "L" if mode == "1" else "RGB"))
    raise ImageError(
        "picture", f"has mode {mode}", "convert it first: picture.convert('RGB'), with its profile if it has one"
    )


def to_pil(image: Image) -> PIL.Image.Image:
    """Hand an image to Pillow.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4 uint8; or HxW uint16 or float32, which Pillow holds as modes I;16 and F.

    Returns
    -------
    PIL.Image.Image
        Mode L, RGB, RGBA, I;16 or F.

    Raises
    ------
    ImageError
        16-bit or float colour, which Pillow can't hold.

    Examples
    --------
    >>> to_pil(np.zeros((2, 3, 4), np.uint8))
    <PIL.Image.Image image mode=RGBA size=3x2 at ...>
    """
    import PIL.Image

    image = check(image)
    if image.dtype != np.uint8 and image.ndim == 3:
        raise ImageError(
            "image", f"is {describe(image)}, which Pillow can't hold", "convert it with ie.to_uint8(image)"
        )
    return PIL.Image.fromarray(image)
