"""Images to files and bytes: check that the format can hold the image, encode to memory, verify, replace the file.

Large images go to the file in pieces as they are encoded, where the format allows; it still replaces the old one whole.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Literal

import numpy as np

from imgedit.errors import (
    AlphaLossError,
    ArgumentError,
    BitDepthError,
    ChannelError,
    ColorModelError,
    FileError,
    ImageTooLargeError,
    ParameterError,
    WriteError,
)
from imgedit.io import files, profiles
from imgedit.io.codec import Codec, Options, check_number_option
from imgedit.io.formats import FORMATS, format_of_suffix
from imgedit.io.metadata import Metadata, exif_with_size
from imgedit.pixels import Image, check, describe, full_range

__all__ = ["check_output", "encode", "write"]

# Pixels; larger images go to the file piece by piece, where the format allows, without being verified first.
MOST_IN_MEMORY = 64_000_000

SUBSAMPLINGS = ("444", "422", "420")
DEPTHS = {"uint8": 8, "uint16": 16, "float32": 32}


def write(
    path: files.PathLike,
    image: Image,
    *,
    metadata: Metadata | None = None,
    quality: int | None = None,
    overwrite: bool = True,
    format: str | None = None,
    compression: int | None = None,
    lossless: bool | None = None,
    subsampling: Literal["444", "422", "420"] | None = None,
    progressive: bool | None = None,
    scrub_hidden: bool = False,
    follow: bool = False,
) -> None:
    """Write an image file; the old file or the new one stands there at any moment, never a part.

    Parameters
    ----------
    path : str, bytes or path_like
        A file whose suffix names the format, a URL that fsspec knows (extra ``storage``), or ``-`` for standard output.
    image : ndarray
        HxW, HxWx3 or HxWx4; a dtype and channels that the format can hold, or the error names the conversion.
    metadata : Metadata, optional
        EXIF, profile, XMP and resolution to write along, as far as the format has a place for them.
    quality : int, optional
        1 to 100, for JPEG (90), WebP (85) and AVIF (75).
    overwrite : bool
        Whether a file may stand there already.
    format : str, optional
        Name of the format, where the suffix does not say it.
    compression : int, optional
        0 to 9, for PNG and TIFF (1): 0 is none, 9 is slow and small; PNG by default takes what is fast for photographs.
    lossless : bool, optional
        Keep every level, for WebP.
    subsampling : {"444", "422", "420"}, optional
        Resolution of chroma, for JPEG and AVIF; whole ("444") from quality 90 on.
    progressive : bool, optional
        Write a JPEG that gets sharper as it loads.
    scrub_hidden : bool
        Clear the colour under fully clear pixels, which is invisible but stays in the file otherwise.
    follow : bool
        Where a symbolic link stands, write the file that it leads to instead of replacing the link.

    Raises
    ------
    WriteError
        One of its subclasses says what the format can't hold, or which parameter it does not take.
    UnsupportedFormatError
        A suffix that is no format.
    OSError
        What the system says, unchanged.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import imgedit as ie
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ie.write(pathlib.Path(folder, "deep.jpg"), np.zeros((2, 2), np.uint16))
    Traceback (most recent call last):
        ...
    imgedit.errors.BitDepthError: ...
    """
    name = files.show(path)
    codec = _codec(path, format)
    files.check_target(path, overwrite=overwrite)
    options = Options(quality, compression, lossless, subsampling, progressive)
    image, kept = _ready(codec, image, options, metadata, name, scrub_hidden=scrub_hidden)
    if codec.parts is not None and image.shape[0] * image.shape[1] > MOST_IN_MEMORY:
        files.store(path, codec.parts(image, options, kept, name), overwrite=overwrite, follow=follow)
    else:
        files.store(path, _whole(codec, image, options, kept, name), overwrite=overwrite, follow=follow)


def check_output(
    path: files.PathLike,
    dtype: np.dtype[Any] | None = None,
    *,
    overwrite: bool = True,
    format: str | None = None,
    **options: Any,
) -> None:
    """Refuse what can be known to fail before any work is done for it: the target, its format, parameters, the depth.

    Parameters
    ----------
    path : str, bytes or path_like
        As for `write`.
    dtype : dtype, optional
        That of the image, where it is known.
    overwrite : bool
        Whether something may stand there already.
    format : str, optional
        Name of the format, where the suffix does not say it.
    **options : object
        ``quality``, ``compression``, ``lossless``, ``subsampling``, ``progressive``, as for `write`.

    Raises
    ------
    WriteError
        One of its subclasses says what the format can't hold, or which parameter it does not take.
    UnsupportedFormatError
        A suffix that is no format.
    OSError
        What the system says, unchanged.
    """
    name, codec = files.show(path), _codec(path, format)
    files.check_target(path, overwrite=overwrite)
    _check_options(codec, Options(**options), name)
    if dtype is not None:
        _check_depth(codec, dtype, name)


def encode(
    image: Image,
    format: str,
    *,
    name: str = "<bytes>",
    metadata: Metadata | None = None,
    quality: int | None = None,
    compression: int | None = None,
    lossless: bool | None = None,
    subsampling: Literal["444", "422", "420"] | None = None,
    progressive: bool | None = None,
    scrub_hidden: bool = False,
) -> bytes:
    """Encode an image to the bytes of a file; what `write` does before it touches the disk.

    Parameters
    ----------
    image : ndarray
        As for `write`.
    format : str
        Name of the format.
    name : str
        What messages call the file; its suffix tells PPM from PGM.
    metadata, quality, compression, lossless, subsampling, progressive, scrub_hidden
        As for `write`.

    Returns
    -------
    bytes
        A whole file.
    """
    codec = FORMATS[format]
    options = Options(quality, compression, lossless, subsampling, progressive)
    image, kept = _ready(codec, image, options, metadata, name, scrub_hidden=scrub_hidden)
    return _whole(codec, image, options, kept, name)


def _codec(path: files.PathLike, format: str | None) -> Codec:
    return FORMATS[format] if format is not None else format_of_suffix(files.suffix_of(path), files.show(path))


def _ready(
    codec: Codec, image: Image, options: Options, metadata: Metadata | None, name: str, *, scrub_hidden: bool
) -> tuple[Image, Metadata]:
    """Refuse what the format can't hold; give the image and the metadata as they are to be written."""
    if not isinstance(metadata, (Metadata, type(None))):
        raise ArgumentError(
            "metadata", f"is {metadata!r:.60}", "give what ie.read(path, with_metadata=True) gave, or None"
        )
    _check_options(codec, options, name)
    _check_image(codec, image, name)
    image = check(image)
    kept = _held_metadata(codec, _fitting(metadata or Metadata(), image, name), name)
    if kept.exif is not None:
        kept = replace(kept, exif=exif_with_size(kept.exif, image.shape[1], image.shape[0]))
    return _scrubbed(image) if scrub_hidden else image, kept


def _whole(codec: Codec, image: Image, options: Options, kept: Metadata, name: str) -> bytes:
    """Encode to memory, and verify."""
    try:
        data = codec.encode(image, options, kept, name)
    except FileError:
        raise
    except (ValueError, OSError, RuntimeError) as failure:
        raise WriteError(name, f"{describe(image)} can't be encoded as {codec.name} ({failure})") from failure
    _verify(codec, data, image, name)
    return data


def _check_options(codec: Codec, options: Options, name: str) -> None:
    given = {field.name for field in fields(options) if getattr(options, field.name) is not None}
    if foreign := sorted(given - set(codec.options)):
        takes = f"it takes {', '.join(codec.options)}" if codec.options else "it takes none"
        raise ParameterError(name, f"{codec.name} has no parameter {foreign[0]!r}; {takes}")
    if options.quality is not None:
        check_number_option(name, codec.name, options.quality, "quality", 1, 100)
    if options.compression is not None:
        check_number_option(name, codec.name, options.compression, "compression", 0, 9)
    for argument in ("lossless", "progressive"):
        if getattr(options, argument) not in (None, True, False):
            raise ParameterError(name, f"{argument} is {getattr(options, argument)!r}; give True or False")
    if options.subsampling not in (None, *SUBSAMPLINGS):
        raise ParameterError(name, f"subsampling is {options.subsampling!r}; give one of {', '.join(SUBSAMPLINGS)}")


def _check_image(codec: Codec, image: Image, name: str) -> None:
    """Refuse what the format can't hold, and name the conversion."""
    if not isinstance(image, np.ndarray) or image.size == 0:
        check(image)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise ChannelError(name, f"the image is {describe(image)}, not HxW, HxWx3 or HxWx4")
    _check_depth(codec, image.dtype, name)
    if image.ndim == 3 and image.shape[2] == 4 and not codec.alpha:
        whole = bool((image[..., 3] == full_range(image.dtype)).all())
        remedy = "channels='rgb'" if whole else "background='white'"
        does = "it is opaque everywhere, so drop it" if whole else "lay the image on a colour"
        raise AlphaLossError(name, f"{codec.name} can't hold alpha; {does} with ie.convert(image, {remedy})")
    height, width = image.shape[:2]
    if max(height, width) > codec.most_side:
        raise ImageTooLargeError(
            name, f"is {width}x{height} pixels; a side of {codec.name} has at most {codec.most_side}"
        )


def _check_depth(codec: Codec, dtype: np.dtype[Any], name: str) -> None:
    if dtype.name not in codec.dtypes:
        remedy = " or ".join(f"ie.convert(image, depth={DEPTHS[dtype]})" for dtype in codec.dtypes)
        raise BitDepthError(name, f"{codec.name} can't hold {dtype}; convert the image with {remedy}")


def _fitting(metadata: Metadata, image: Image, name: str) -> Metadata:
    """Leave out sRGB's profile when an image has become grey, which no profile says as well; refuse any other one."""
    if metadata.icc is None or metadata.icc[16:20] != b"RGB " or image.ndim != 2:
        return metadata
    if not profiles.is_srgb(metadata.icc):
        raise ColorModelError(
            name,
            f"the image is grey, but its profile {profiles.profile_name(metadata.icc)!r} is for RGB; "
            "read with icc='srgb', or write without metadata",
        )
    return replace(metadata, icc=None)


def _held_metadata(codec: Codec, metadata: Metadata, name: str) -> Metadata:
    """Drop what the format has no place for; colours that would change without their profile are refused."""
    if metadata.icc is not None and "icc" not in codec.metadata and not profiles.is_srgb(metadata.icc):
        raise ColorModelError(
            name,
            f"{codec.name} can't hold the profile {profiles.profile_name(metadata.icc)!r}, so colours would change; "
            "read with icc='srgb', or write without metadata",
        )
    return replace(metadata, **{field.name: None for field in fields(metadata) if field.name not in codec.metadata})


def _scrubbed(image: Image) -> Image:
    if image.ndim == 2 or image.shape[2] == 3:
        return image
    out = image.copy()
    out[image[..., 3] == 0] = 0
    return out


def _verify(codec: Codec, data: bytes, image: Image, name: str) -> None:
    """Hold the header of what was encoded against the image, before anything on the disk is touched."""
    header = codec.probe(data, name)
    if (header.height, header.width) != image.shape[:2] or header.damage or header.frames != 1:
        raise WriteError(name, f"{codec.name} encoded {describe(image)} wrongly: {header}")
