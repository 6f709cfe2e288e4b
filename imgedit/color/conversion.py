"""One kind of image from another: grey, RGB or RGBA; 8 bits, 16 bits or float."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgedit.color.spaces import luma
from imgedit.color.values import Color, parse_color
from imgedit.errors import ArgumentError, ImageError
from imgedit.pixels import Image, as_float, check, check_alpha, full_range, join_alpha, like, split_alpha
from imgedit.strips import each_strip

__all__ = ["convert"]

DEPTHS: dict[int, np.dtype[Any]] = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16), 32: np.dtype(np.float32)}
CHANNELS = ("grey", "rgb", "rgba")


def convert(
    image: Image,
    *,
    channels: Literal["grey", "rgb", "rgba"] | None = None,
    depth: Literal[8, 16, 32] | None = None,
    background: Color | None = None,
    weights: Literal["bt601", "bt709"] = "bt709",
) -> Image:
    """Convert between grey, RGB and RGBA, and between 8 bits, 16 bits and float.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32.
    channels : {"grey", "rgb", "rgba"}, optional
        What the result has; as the image has it by default.
    depth : {8, 16, 32}, optional
        Bits of a channel: uint8, uint16, or float32 with white at 1; as the image has it by default.
    background : str or tuple of float, optional
        Opaque colour to lay under an image with alpha, whose result is then opaque.
    weights : {"bt709", "bt601"}
        How red, green and blue make a grey: as `luma` has it, or as JPEG, Pillow and OpenCV do.

    Returns
    -------
    ndarray
        A new image of the same size. Integers are rounded to the nearest level, float values beyond [0, 1] clipped only
        where the result is of integers.

    Raises
    ------
    ImageError
        Transparent pixels where the result has no alpha and no background is given, or NaN where it is of integers.
    ArgumentError
        A name or depth that there is not, or a background that is not opaque.

    References
    ----------
    ITU-R BT.601-7, 2.5.1; ITU-R BT.709-6, 3.2 (weights of the primaries).

    Examples
    --------
    >>> import imgedit as ie
    >>> photo = np.full((2, 2, 3), [255, 0, 0], np.uint8)
    >>> ie.convert(photo, channels="grey", weights="bt601")[0, 0], ie.convert(photo, depth=16)[0, 0].tolist()
    (np.uint8(76), [65535, 0, 0])
    """
    image = check(image)
    check_alpha(image)
    if channels not in (None, *CHANNELS):
        raise ArgumentError("channels", f"is {channels!r}", f"valid names: {', '.join(CHANNELS)}")
    if depth not in (None, *DEPTHS):
        raise ArgumentError("depth", f"is {depth!r}", "give 8 or 16, or 32 for float")
    if weights not in ("bt601", "bt709"):
        raise ArgumentError("weights", f"is {weights!r}", "valid names: bt601, bt709")
    dtype = image.dtype if depth is None else DEPTHS[depth]
    if dtype.kind == "u" and image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ImageError("image", "holds NaN or infinity", "replace them first: np.nan_to_num(image)")
    has = "grey" if image.ndim == 2 else CHANNELS[image.shape[2] - 2]
    under = None if background is None or has != "rgba" else _opaque(background)
    wanted = channels or ("rgb" if under is not None else has)
    if has == "rgba" and wanted != "rgba" and under is None:
        _refuse_transparency(image)
    out = np.empty(image.shape[:2] if wanted == "grey" else (*image.shape[:2], 3 + (wanted == "rgba")), dtype)

    def work(top: int, bottom: int) -> None:
        out[top:bottom] = _strip(image[top:bottom], under, wanted, dtype, weights)

    each_strip(work, image.shape[0], row_bytes=20 * image.shape[1])
    return out


def _opaque(background: Color) -> NDArray[np.float32]:
    color = parse_color(background, name="background")
    if color[3] < 1:
        raise ArgumentError("background", f"is {background!r}, which is not opaque", "give a colour without alpha")
    return np.asarray(color[:3])


def _refuse_transparency(image: Image) -> None:
    if image[..., 3].min() < full_range(image.dtype):
        problem = "has transparent pixels, which the result can't keep"
        raise ImageError("image", problem, "say what is under them: background='white'")


def _strip(strip: Image, under: NDArray[np.float32] | None, wanted: str, dtype: np.dtype[Any], weights: str) -> Image:
    color: NDArray[Any]
    color, alpha = split_alpha(strip)
    if under is not None and alpha is not None:
        share = as_float(alpha)[..., None]
        color, alpha = as_float(color) * share + under * (1 - share), None
    if wanted == "grey" and color.ndim == 3:
        color = luma(color, standard="bt601" if weights == "bt601" else "bt709")
    elif wanted != "grey" and color.ndim == 2:
        color = np.repeat(color[..., None], 3, axis=2)
    if color.dtype != dtype:
        color = like(as_float(color), dtype)
    if wanted != "rgba":
        return color
    if alpha is None:
        alpha = np.full(color.shape[:2], full_range(dtype), dtype)
    return join_alpha(color, alpha if alpha.dtype == dtype else like(as_float(alpha), dtype))
