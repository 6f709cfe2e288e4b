"""Images from files and bytes: probe the header, hold it against the limits, decode, turn upright, convert colours."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import Any, Literal, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError, ImageTooLargeError, MultiFrameError
from imgedit.io import files, profiles
from imgedit.io.codec import Codec, Header, Request
from imgedit.io.formats import FORMATS, sniff
from imgedit.io.metadata import Metadata, upright
from imgedit.pixels import Image, as_float, like, premultiply, soft_mask, split_alpha, unpremultiply

__all__ = ["Info", "decode", "info", "read", "read_mask", "warn_of_suffix"]

MAX_PIXELS = 100_000_000
MAX_TOTAL_PIXELS = 400_000_000
MAX_FRAMES = 512
REDUCTIONS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Info:
    """What a file holds, from its header alone; plain values, ready for JSON.

    Parameters
    ----------
    format : str
        A name in ``imgedit.io.FORMATS``: "jpeg", "png" and so on.
    size : (int, int)
        (height, width) of the upright image.
    channels : int
        1, 3 or 4, as `read` gives them.
    dtype : str
        "uint8", "uint16" or "float32", as `read` gives it.
    bits : int
        Bits of a channel in the file.
    model : str
        Colour model of the file: "grey", "rgb", "palette", "cmyk" or "lab".
    frames : int
        Pages or frames.
    orientation : int
        EXIF orientation, 1 (upright) to 8; `read` turns by it.
    profile : str or None
        Name of the colour profile.
    exif, xmp : bool
        Whether the file holds such metadata.
    resolution : (float, float) or None
        Pixels per inch, horizontally and vertically.
    bytes : int
        Size of the file.
    damage : str
        What is wrong with the file, in words; empty if nothing is known.

    Examples
    --------
    >>> import imgedit as ie, numpy as np, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "small.png")
    >>> ie.write(path, np.zeros((2, 3), np.uint8))
    >>> found = ie.info(path)
    >>> found.format, found.size, found.bits, found.model
    ('png', (2, 3), 8, 'grey')
    """

    format: str
    size: tuple[int, int]
    channels: int
    dtype: str
    bits: int
    model: str
    frames: int
    orientation: int
    profile: str | None
    exif: bool
    xmp: bool
    resolution: tuple[float, float] | None
    bytes: int
    damage: str


@overload
def read(
    path: files.PathLike,
    *,
    max_pixels: int = ...,
    on_damaged: Literal["error", "keep"] = ...,
    with_metadata: Literal[False] = ...,
    frame: int | None = ...,
    reduce: int = ...,
    icc: Literal["keep", "srgb"] = ...,
    strict: bool = ...,
    max_total_pixels: int = ...,
    max_frames: int = ...,
    max_bytes: int = ...,
) -> Image: ...
@overload
def read(
    path: files.PathLike,
    *,
    max_pixels: int = ...,
    on_damaged: Literal["error", "keep"] = ...,
    with_metadata: Literal[True],
    frame: int | None = ...,
    reduce: int = ...,
    icc: Literal["keep", "srgb"] = ...,
    strict: bool = ...,
    max_total_pixels: int = ...,
    max_frames: int = ...,
    max_bytes: int = ...,
) -> tuple[Image, Metadata]: ...


def read(
    path: files.PathLike,
    *,
    max_pixels: int = MAX_PIXELS,
    on_damaged: Literal["error", "keep"] = "error",
    with_metadata: bool = False,
    frame: int | None = None,
    reduce: int = 1,
    icc: Literal["keep", "srgb"] = "keep",
    strict: bool = False,
    max_total_pixels: int = MAX_TOTAL_PIXELS,
    max_frames: int = MAX_FRAMES,
    max_bytes: int = files.MAX_BYTES,
) -> Image | tuple[Image, Metadata]:
    """Read an image file.

    Parameters
    ----------
    path : str, bytes or path_like
        A file, a URL that fsspec knows (extra ``storage``), or ``-`` for standard input.
    max_pixels : int
        Refuse a frame with more pixels; checked before anything is allocated.
    on_damaged : {"error", "keep"}
        What to do with a file that ends early: raise, or keep what can be decoded, with a warning (JPEG, PNG, GIF, BMP,
        PNM, plain TIFF; the rest is grey, black or clear).
    with_metadata : bool
        Give ``(image, metadata)`` instead of the image.
    frame : int, optional
        Which frame or page, from 0; needed where there are several.
    reduce : {1, 2, 4, 8}
        Make the image so many times smaller (sides rounded up): for JPEG the decoder's own scaling, which is faster
        than decoding at full size; for other formats the mean over blocks.
    icc : {"keep", "srgb"}
        Keep the numbers of the file and its profile, or convert the colours to sRGB.
    strict : bool
        Refuse a JPEG for any damage that the decoder notices, not only for missing data.
    max_total_pixels : int
        Refuse a file whose frames have more pixels together.
    max_frames : int
        Refuse a file with more frames.
    max_bytes : int
        Refuse a larger file.

    Returns
    -------
    image : ndarray
        HxW, HxWx3 or HxWx4 in RGB order with straight alpha, upright; uint8, uint16 or float32 as the file has it.
    metadata : Metadata
        Only with `with_metadata`.

    Raises
    ------
    ReadError
        One of its subclasses says what is wrong with the file.
    OSError
        What the system says, unchanged.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import imgedit as ie
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "grey.png")
    ...     ie.write(path, np.full((2, 3), 128, np.uint8))
    ...     ie.read(path).tolist()
    [[128, 128, 128], [128, 128, 128]]
    """
    data = files.load(path, max_bytes=max_bytes)
    name = files.show(path)
    image, metadata, codec = _decode(
        data,
        name,
        _Limits(max_pixels, max_total_pixels, max_frames),
        frame=frame,
        on_damaged=on_damaged,
        reduce=reduce,
        icc=icc,
        strict=strict,
    )
    warn_of_suffix(path, codec)
    return (image, metadata) if with_metadata else image


def warn_of_suffix(path: files.PathLike, codec: Codec) -> None:
    """Warn of a file whose suffix is that of another format than its content."""
    suffix = files.suffix_of(path)
    if suffix in codec.suffixes:
        return
    named = [other.name for other in FORMATS.values() if suffix in other.suffixes]
    if named:
        warnings.warn(
            f"{files.show(path)!r} is named like {named[0]} but holds {codec.name}; its content was read",
            UserWarning,
            stacklevel=3,
        )


def read_mask(
    path: files.PathLike, *, soft: bool = False, frame: int | None = None, max_pixels: int = MAX_PIXELS
) -> NDArray[Any]:
    """Read a mask: white marks what is meant.

    Parameters
    ----------
    path : str, bytes or path_like
        A grey file; colour counts if its three channels are equal, alpha is taken where colour says nothing.
    soft : bool
        Give coverage instead of cutting it at half.
    frame : int, optional
        Which frame or page, from 0.
    max_pixels : int
        Refuse a mask with more pixels.

    Returns
    -------
    ndarray
        HxW bool, or float32 from 0 to 1 with `soft`.

    Raises
    ------
    ReadError
        As for `read`.
    ArgumentError
        A picture in colour, which is no mask.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import imgedit as ie
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "mask.png")
    ...     ie.write(path, np.array([[0, 255], [100, 200]], np.uint8))
    ...     ie.read_mask(path).tolist()
    [[False, True], [False, True]]
    """
    image = read(path, frame=frame, max_pixels=max_pixels)
    mask = _one_channel(image, files.show(path))
    coverage = soft_mask(np.clip(mask, 0, 1) if mask.dtype == np.float32 else mask)
    return coverage if soft else coverage >= 0.5


def _one_channel(image: Image, name: str) -> Image:
    color, alpha = split_alpha(image)
    if color.ndim == 3:
        if np.any(color[..., 0] != color[..., 1]) or np.any(color[..., 1] != color[..., 2]):
            raise ArgumentError(
                "mask",
                f"{name!r} is a picture in colour",
                "give a grey one, or make it grey: ie.convert(mask, channels='grey')",
            )
        color = color[..., 0]
    if alpha is not None and color.min() == color.max():
        return np.ascontiguousarray(alpha)
    if alpha is not None:
        # What is clear marks nothing, whatever its hidden colour is.
        return np.ascontiguousarray(premultiply(image)[..., 0])
    return np.ascontiguousarray(color)


def info(path: files.PathLike, *, max_bytes: int = files.MAX_BYTES) -> Info:
    """Tell what a file holds, from its header; nothing is decoded.

    Parameters
    ----------
    path : str, bytes or path_like
        A file, a URL that fsspec knows, or ``-`` for standard input.
    max_bytes : int
        Refuse a larger file.

    Returns
    -------
    Info
        Format, size, channels, depth, frames and metadata.

    Raises
    ------
    ReadError
        No image, or a broken header.
    OSError
        What the system says, unchanged.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import imgedit as ie
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "deep.tif")
    ...     ie.write(path, np.zeros((480, 640, 3), np.uint16))
    ...     found = ie.info(path)
    >>> found.format, found.size, found.channels, found.dtype
    ('tiff', (480, 640), 3, 'uint16')
    """
    data = files.load(path, max_bytes=max_bytes)
    name = files.show(path)
    codec = sniff(data, name)
    header = codec.probe(data, name)
    metadata = header.metadata
    size = (header.width, header.height) if header.orientation >= 5 else (header.height, header.width)
    return Info(
        format=codec.name,
        size=size,
        channels=header.channels,
        dtype=header.dtype,
        bits=header.bits,
        model=header.model,
        frames=header.frames,
        orientation=header.orientation,
        profile=profiles.profile_name(metadata.icc),
        exif=metadata.exif is not None,
        xmp=metadata.xmp is not None,
        resolution=metadata.resolution,
        bytes=len(data),
        damage=header.damage,
    )


def decode(
    data: bytes,
    *,
    name: str = "<bytes>",
    max_pixels: int = MAX_PIXELS,
    on_damaged: Literal["error", "keep"] = "error",
    frame: int | None = None,
    reduce: int = 1,
    icc: Literal["keep", "srgb"] = "keep",
    strict: bool = False,
    max_total_pixels: int = MAX_TOTAL_PIXELS,
    max_frames: int = MAX_FRAMES,
) -> tuple[Image, Metadata]:
    """Decode the bytes of an image file; what `read` does once it has them.

    Parameters
    ----------
    data : bytes
        A whole file.
    name : str
        What messages call it.
    max_pixels, on_damaged, frame, reduce, icc, strict, max_total_pixels, max_frames
        As for `read`.

    Returns
    -------
    image : ndarray
        As `read` gives it.
    metadata : Metadata
        EXIF, profile, XMP and resolution that describe this image.
    """
    limits = _Limits(max_pixels, max_total_pixels, max_frames)
    return _decode(data, name, limits, frame=frame, on_damaged=on_damaged, reduce=reduce, icc=icc, strict=strict)[:2]


@dataclass(frozen=True)
class _Limits:
    pixels: int
    total_pixels: int
    frames: int

    def check(self, header: Header, name: str) -> None:
        """Refuse what is over a limit; called before anything is allocated."""
        pixels = header.width * header.height
        size = f"is {header.width}x{header.height} pixels"
        if pixels > self.pixels:
            raise ImageTooLargeError(name, f"{size}, the limit is {self.pixels}; allow more with max_pixels=")
        if header.frames > self.frames:
            raise ImageTooLargeError(
                name, f"has {header.frames} frames, the limit is {self.frames}; allow more with max_frames="
            )
        if pixels * header.frames > self.total_pixels:
            raise ImageTooLargeError(
                name,
                f"{size} in {header.frames} frames, the limit is {self.total_pixels} together; "
                "allow more with max_total_pixels=",
            )


def _decode(
    data: bytes,
    name: str,
    limits: _Limits,
    *,
    frame: int | None,
    on_damaged: str,
    reduce: int,
    icc: str,
    strict: bool,
) -> tuple[Image, Metadata, Codec]:
    _check_choice("on_damaged", on_damaged, ("error", "keep"))
    _check_choice("icc", icc, ("keep", "srgb"))
    _check_choice("reduce", reduce, REDUCTIONS)
    codec = sniff(data, name)
    header = codec.probe(data, name)
    limits.check(header, name)
    request = Request(name, _choose_frame(frame, header, name), int(reduce), strict, on_damaged == "keep")
    if request.frame and codec.probe_page is not None:
        header = codec.probe_page(data, name, request.frame)
        limits.check(header, name)
    image = codec.decode(data, header, request)
    if request.kept:
        warnings.warn(f"{name}: {request.kept[0]}; what is missing was filled up", UserWarning, stacklevel=4)
    image = _turn(image, header.orientation)
    metadata = upright(header.metadata)
    if icc == "srgb":
        image = profiles.to_srgb(image, metadata.icc, name)
    if icc == "srgb" or header.model == "cmyk":
        metadata = Metadata(metadata.exif, None, metadata.xmp, metadata.resolution)
    return np.ascontiguousarray(_reduce(image, header, int(reduce))), metadata, codec


def _check_choice(argument: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        raise ArgumentError(argument, f"is {value!r}", f"give one of {', '.join(map(repr, choices))}")


def _choose_frame(frame: int | None, header: Header, name: str) -> int:
    if frame is None:
        if header.frames > 1:
            raise MultiFrameError(
                name, f"has {header.frames} frames; choose one with frame=0 to frame={header.frames - 1}"
            )
        return 0
    if isinstance(frame, bool) or not isinstance(frame, (int, np.integer)) or not 0 <= frame < header.frames:
        raise ArgumentError("frame", f"is {frame!r}", f"{os.path.basename(name)!r} has frames 0 to {header.frames - 1}")
    return int(frame)


# What brings the stored rows and columns to what is seen, for the eight values of EXIF's orientation tag.
TURNS = {
    2: lambda image: cv2.flip(image, 1),
    3: lambda image: cv2.rotate(image, cv2.ROTATE_180),
    4: lambda image: cv2.flip(image, 0),
    5: lambda image: cv2.transpose(image),
    6: lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    7: lambda image: cv2.flip(cv2.transpose(image), -1),
    8: lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def _turn(image: Image, orientation: int) -> Image:
    return np.asarray(TURNS[orientation](image)) if orientation in TURNS else image


def _reduce(image: Image, header: Header, factor: int) -> Image:
    """Take the mean over blocks (edge pixels fill up the last ones), unless the decoder gave that size already."""
    height, width = image.shape[:2]
    full = {header.width, header.height} == {width, height} or factor == 1
    if factor == 1 or not full:
        return image
    down, right = -height % factor, -width % factor
    clear = split_alpha(image)[1] is not None
    work = premultiply(as_float(image)) if clear else image
    work = np.asarray(cv2.copyMakeBorder(work, 0, down, 0, right, cv2.BORDER_REPLICATE))
    size = (work.shape[1] // factor, work.shape[0] // factor)
    small = np.asarray(cv2.resize(work, size, interpolation=cv2.INTER_AREA))
    return like(unpremultiply(small), image) if clear else small
