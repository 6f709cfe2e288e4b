"""The formats: one row each, and how to tell them from the first bytes. The name of a file is never trusted."""

from __future__ import annotations

from imgedit.errors import NotAnImageError, UnsupportedFormatError
from imgedit.io import avif, bmp, gif, hdr, jp2, jpeg, png, pnm, tiff, webp
from imgedit.io.codec import Codec
from imgedit.tables import Table

__all__ = ["FORMATS", "format_of_suffix", "sniff"]

INTEGERS = ("uint8", "uint16")

FORMATS: Table[Codec] = Table(
    "format",
    {
        codec.name: codec
        for codec in (
            Codec(
                "jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), jpeg.probe, jpeg.decode, jpeg.encode,
                metadata=("exif", "icc", "xmp", "resolution"), options=("quality", "subsampling", "progressive"),
                most_side=65500,
            ),
            Codec(
                "png", (".png", ".apng"), png.probe, png.decode, png.encode, png.parts, dtypes=INTEGERS, alpha=True,
                metadata=("exif", "icc", "xmp", "resolution"), options=("compression",), most_side=png.MOST_SIDE,
            ),
            Codec(
                "webp", (".webp",), webp.probe, webp.decode, webp.encode, alpha=True,
                metadata=("exif", "icc", "xmp"), options=("quality", "lossless"), most_side=16383,
            ),
            Codec(
                "tiff", (".tif", ".tiff"), tiff.probe, tiff.decode, tiff.encode, tiff.parts,
                dtypes=(*INTEGERS, "float32"), alpha=True, metadata=("exif", "icc", "xmp", "resolution"),
                options=("compression",), probe_page=tiff.probe_page,
            ),
            Codec(
                "avif", (".avif",), avif.probe, avif.decode, avif.encode, alpha=True,
                metadata=("exif", "icc", "xmp"), options=("quality", "subsampling"), most_side=65536,
            ),
            Codec("gif", (".gif",), gif.probe, gif.decode, gif.encode, alpha=True, most_side=65535),
            Codec("bmp", (".bmp", ".dib"), bmp.probe, bmp.decode, bmp.encode, alpha=True),
            Codec(
                "jpeg2000", (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"), jp2.probe, jp2.decode, jp2.encode,
                dtypes=INTEGERS, alpha=True,
            ),
            Codec(
                "pnm", (".ppm", ".pgm", ".pnm", ".pbm"), pnm.probe, pnm.decode, pnm.encode, dtypes=INTEGERS,
            ),
            Codec("pam", (".pam",), pnm.probe, pnm.decode, pnm.encode_pam, dtypes=INTEGERS, alpha=True),
            Codec("pfm", (".pfm",), pnm.probe, pnm.decode, pnm.encode_pfm, dtypes=("float32",)),
            Codec("hdr", (".hdr", ".pic", ".rgbe"), hdr.probe, hdr.decode, hdr.encode, dtypes=("float32",)),
        )
    },
)  # fmt: skip

STARTS = (
    (b"\xff\xd8\xff", "jpeg"),
    (png.SIGNATURE, "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg2000"),
    (jp2.CODESTREAM, "jpeg2000"),
    (b"#?RADIANCE", "hdr"),
    (b"#?RGBE", "hdr"),
    (b"BM", "bmp"),
)
NETPBM = {b"P7": "pam", b"Pf": "pfm", b"PF": "pfm"} | {b"P%d" % kind: "pnm" for kind in range(1, 7)}
BRANDS = {b"avif": "avif", b"avis": "avif"}

# Images that are not read, by name, so that the error can say what they are.
FOREIGN = (
    (b"8BPS", "a Photoshop document (PSD)"),
    (b"\0\0\1\0", "an icon (ICO)"),
    (b"\0\0\2\0", "a cursor (CUR)"),
    (b"v/1\1", "an OpenEXR image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"qoif", "a QOI image"),
    (b"DDS ", "a DirectDraw surface (DDS)"),
    (b"%!PS", "a PostScript file"),
    (b"SIMPLE  =", "a FITS image"),
    (b"gimp xcf", "a GIMP image (XCF)"),
)
STRANGERS = (
    (b"%PDF", "a PDF document"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"RIFF", "a RIFF file, but no WebP"),
)


def sniff(data: bytes, name: str) -> Codec:
    """Tell the format from the bytes.

    Parameters
    ----------
    data : bytes
        The file, or its start.
    name : str
        For messages.

    Returns
    -------
    Codec
        Its row in FORMATS.

    Raises
    ------
    UnsupportedFormatError
        An image of a kind that is not read here.
    NotAnImageError
        Anything else.
    """
    for start, form in STARTS:
        if data.startswith(start):
            return FORMATS[form]
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return FORMATS["webp"]
    if data[4:8] == b"ftyp":
        return _of_brand(data, name)
    if data[:2] in NETPBM and data[2:3] in (b" ", b"\t", b"\n", b"\r", b"#"):
        return FORMATS[NETPBM[data[:2]]]
    _refuse(data, name)
    raise NotAnImageError(name, f"is no image: it starts with {data[:8]!r}")


def _of_brand(data: bytes, name: str) -> Codec:
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[at : at + 4] for at in (8, *range(16, length, 4))}
    for brand in brands & BRANDS.keys():
        return FORMATS[BRANDS[brand]]
    if brands & {b"heic", b"heix", b"mif1", b"msf1", b"hevc"}:
        raise UnsupportedFormatError(name, "is a HEIC image, which is not read here; convert it to JPEG, PNG or AVIF")
    raise NotAnImageError(name, f"is a media file of brand {data[8:12]!r}, no image")


def _refuse(data: bytes, name: str) -> None:
    for start, what in FOREIGN:
        if data.startswith(start):
            raise UnsupportedFormatError(name, f"is {what}, which is not read here; convert it to PNG or TIFF")
    for start, what in STRANGERS:
        if data.startswith(start):
            raise NotAnImageError(name, f"is {what}")
    text = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text:
        raise UnsupportedFormatError(name, "is an SVG drawing, which is not read here; render it to PNG first")
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        raise NotAnImageError(name, "is an HTML page")


def format_of_suffix(suffix: str, name: str) -> Codec:
    """Choose the format to write by the suffix of a name.

    Parameters
    ----------
    suffix : str
        In lower case, with its dot.
    name : str
        For messages.

    Returns
    -------
    Codec
        Its row in FORMATS.

    Raises
    ------
    UnsupportedFormatError
        No format is written under this suffix.
    """
    for codec in FORMATS.values():
        if suffix in codec.suffixes:
            return codec
    said = f"the suffix {suffix!r} is no format that is written" if suffix else "a name without suffix says no format"
    known = " ".join(codec.suffixes[0] for codec in FORMATS.values())
    raise UnsupportedFormatError(name, f"{said}; use one of {known}, or give format=")
