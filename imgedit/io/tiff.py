"""TIFF 6.0 and BigTIFF: the directory is read here, libtiff (through Pillow) only unpacks bytes.

Decoders that interpret samples get some of the many kinds wrong: 16-bit colour, float, Lab, ink, unassociated alpha. So
the compressed strips or tiles are handed to libtiff as if they were 8-bit grey, and what the bytes mean (depth,
predictor, planes, colour model, alpha) is done here, by the tags. JPEG and fax data are left to Pillow as a whole.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ColorModelError, ImageTooLargeError, TruncatedImageError, UnsupportedFormatError
from imgedit.io import pillow, profiles
from imgedit.io.codec import Header, Options, Request, damaged, widen
from imgedit.io.directory import Field, TiffFile, pack, value
from imgedit.io.metadata import Metadata, resolution_of
from imgedit.pixels import Image, full_range, like, unpremultiply
from imgedit.strips import each_strip

__all__ = ["decode", "encode", "parts", "probe", "probe_page"]

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_SIZES = 273, 274, 277, 278, 279
X_RESOLUTION, Y_RESOLUTION, PLANAR, UNIT, PREDICTOR, COLOR_MAP = 282, 283, 284, 296, 317, 320
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 323, 324, 325, 338, 339
SUBFILE, XMP, ICC, EXIF_IFD, GPS_IFD, INTEROP_IFD = 254, 700, 34675, 34665, 34853, 40965

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, INK, YCBCR, LAB, ICC_LAB = 0, 1, 2, 3, 4, 5, 6, 8, 9
BASE = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, INK: 4, YCBCR: 3, LAB: 3, ICC_LAB: 3}
MODELS = {PALETTE: "palette", INK: "cmyk", LAB: "lab", ICC_LAB: "lab", WHITE_IS_ZERO: "grey", BLACK_IS_ZERO: "grey"}

NONE, LZW, ADOBE_DEFLATE, DEFLATE, PACKBITS, LZMA, ZSTD = 1, 5, 8, 32946, 32773, 34925, 50000
BYTEWISE = {NONE, LZW, ADOBE_DEFLATE, DEFLATE, PACKBITS, LZMA, ZSTD}
JPEG_IN_TIFF, FAX = 7, {2, 3, 4}

# Text about the picture that belongs to EXIF's first directory, and what EXIF keeps in directories of its own.
ABOUT = (270, 271, 272, 305, 306, 315, 33432)

# What the codecs of JPEG and fax need to know: numbers, and lists.
CODED_NUMBERS = (
    WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES, ROWS_PER_STRIP, PLANAR, 292, 293, TILE_WIDTH,
    TILE_HEIGHT, 531,
)  # fmt: skip
CODED_LISTS = (
    BITS, STRIP_OFFSETS, STRIP_SIZES, TILE_OFFSETS, TILE_SIZES, COLOR_MAP, EXTRA_SAMPLES, SAMPLE_FORMAT, 347, 530, 532,
)  # fmt: skip

# Beyond it deflate takes several times as long, for a few per cent of a photograph.
DEFAULT_COMPRESSION = 1

# Bytes unpacked by one call; a few such pieces are in work at once.
GROUP_BYTES = 2**21

# Strips of this size let readers take a part of the picture, and packing them needs little memory.
STRIP_BYTES = 256 * 1024


@dataclass(frozen=True)
class Page:
    """What the tags of one page say about its pixels."""

    at: int
    width: int
    height: int
    bits: int
    samples: int
    base: int
    photometric: int
    compression: int
    kind: str
    planar: bool
    predictor: int
    orientation: int
    extra: int
    block: tuple[int, int] | None

    @property
    def alpha(self) -> bool:
        """Whether the sample after the colour is opacity."""
        return self.samples == self.base + 1


@dataclass(frozen=True)
class Block:
    """One strip or tile: where it belongs in the picture, and where its bytes are."""

    plane: int
    top: int
    left: int
    height: int
    span: tuple[int, int]


def _pages(file: TiffFile) -> list[tuple[int, dict[int, Field]]]:
    """List the pages that are pictures: no previews, no masks."""
    pages = [(at, fields) for at, fields in file.pages() if WIDTH in fields]
    full = [(at, fields) for at, fields in pages if not file.one(fields, SUBFILE, 0) & 5]
    return full or pages[:1]


def _page(file: TiffFile, at: int, fields: dict[int, Field]) -> Page:
    one = file.one
    samples = one(fields, SAMPLES, 1)
    depths = set(file.whole(fields, BITS, (1,)))
    kinds = set(file.whole(fields, SAMPLE_FORMAT, (1,)))
    photometric = one(fields, PHOTOMETRIC, BLACK_IS_ZERO)
    if len(depths) != 1 or len(kinds) != 1:
        raise UnsupportedFormatError(file.name, "is a TIFF whose channels differ in depth or kind")
    tiled = TILE_WIDTH in fields
    extra = file.whole(fields, EXTRA_SAMPLES, ())
    return Page(
        at=at,
        width=one(fields, WIDTH, 0),
        height=one(fields, HEIGHT, 0),
        bits=int(depths.pop()),
        samples=samples,
        base=BASE.get(photometric, 0),
        photometric=photometric,
        compression=one(fields, COMPRESSION, NONE),
        kind={1: "u", 2: "i", 3: "f", 4: "u"}.get(kinds.pop(), "?"),
        planar=one(fields, PLANAR, 1) == 2 and samples > 1,
        predictor=one(fields, PREDICTOR, 1),
        orientation=one(fields, ORIENTATION, 1),
        extra=int(extra[0]) if extra else 0,
        block=(one(fields, TILE_HEIGHT, 0), one(fields, TILE_WIDTH, 0)) if tiled else None,
    )


def _check(page: Page, name: str) -> None:
    """Refuse what can't be turned into an image, by name."""
    if page.width <= 0 or page.height <= 0:
        raise damaged(name, f"the TIFF says that it is {page.width}x{page.height} pixels")
    if page.photometric not in BASE:
        raise ColorModelError(name, f"is a TIFF of colour model {page.photometric}, which is not known here")
    if page.samples < page.base or page.samples > page.base + 1:
        raise ColorModelError(
            name, f"has {page.samples} channels where its colour model has {page.base}; read it with tifffile"
        )
    depths = {"u": range(1, 17), "f": (16, 32, 64)}.get(page.kind, ())
    if page.bits not in depths:
        kind = {"u": "unsigned", "i": "signed", "f": "float"}.get(page.kind, "unknown")
        raise UnsupportedFormatError(
            name, f"has {page.bits}-bit {kind} samples, which no image here has; read it with tifffile"
        )
    if page.compression not in BYTEWISE | FAX | {JPEG_IN_TIFF}:
        raise UnsupportedFormatError(name, f"is packed by method {page.compression}, which can't be decoded here")


def probe(data: bytes, name: str) -> Header:
    """Read the first page's tags and count the pages."""
    return probe_page(data, name, 0)


def probe_page(data: bytes, name: str, number: int) -> Header:
    """Read one page's tags and count the pages."""
    file = TiffFile(data, name)
    pages = _pages(file)
    if not pages:
        raise damaged(name, "the TIFF holds no picture")
    at, fields = pages[number]
    page = _page(file, at, fields)
    _check(page, name)
    color = 1 if page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO) else 3
    orientation = page.orientation if 1 <= page.orientation <= 8 else 1
    return Header(
        width=page.width,
        height=page.height,
        channels=4 if page.alpha else color,
        dtype="float32" if page.kind == "f" else "uint8" if page.bits <= 8 else "uint16",
        bits=page.bits,
        model=MODELS.get(page.photometric, "rgb"),
        frames=len(pages),
        orientation=orientation,
        metadata=_metadata(file, fields),
    )


def _metadata(file: TiffFile, fields: dict[int, Field]) -> Metadata:
    return Metadata(
        exif=_exif(file, fields),
        icc=file.raw(fields, ICC),
        xmp=file.raw(fields, XMP),
        resolution=resolution_of(file, fields),
    )


def _exif(file: TiffFile, fields: dict[int, Field]) -> bytes | None:
    """Put together as EXIF what a TIFF file spreads over its own tags."""
    tags = _about(file, fields)
    return b"II*\0" + struct.pack("<I", 8) + pack(tags, 8) if tags else None


def _about(file: TiffFile, fields: dict[int, Field]) -> dict[int, Any]:
    """Collect what EXIF and TIFF have in common; broken parts give nothing, the picture is not to suffer from them."""
    try:
        tags: dict[int, Any] = {tag: file.value(fields, tag) for tag in ABOUT if tag in fields}
        for tag in {EXIF_IFD, GPS_IFD} & fields.keys():
            inner = file.entries(file.one(fields, tag, 0))[0]
            tags[tag] = {number: file.value(inner, number) for number in inner if number != INTEROP_IFD}
    except TruncatedImageError:
        return {}
    return tags


def _tags_of_exif(exif: bytes | None) -> dict[int, Any]:
    try:
        file = TiffFile(exif or b"", "EXIF")
        return _about(file, file.entries(file.offset(file.first))[0])
    except TruncatedImageError:
        return {}


def decode(data: bytes, header: Header, request: Request) -> Image:
    """Decode one page to grey, RGB or RGBA."""
    file = TiffFile(data, request.name)
    at, fields = _pages(file)[request.frame]
    page = _page(file, at, fields)
    _check(page, request.name)
    if page.compression not in BYTEWISE or page.photometric == YCBCR:
        return _decode_whole(file, page, header, request)
    return _to_image(_samples(file, fields, page, request), file, fields, page, header)


def _decode_whole(file: TiffFile, page: Page, header: Header, request: Request) -> Image:
    from PIL import TiffImagePlugin

    fields = file.entries(page.at)[0]
    offsets, sizes = _spans(file, fields, page)
    if any(offset + size > len(file.data) for offset, size in zip(offsets, sizes, strict=True)):
        request.damaged("the TIFF ends early")
    # Only the tags that the codecs need: no orientation (that is applied once, later), nothing that could mislead.
    single = {tag: value(4, min(file.one(fields, tag, 0), 2**32 - 1)) for tag in CODED_NUMBERS if tag in fields}
    kept = pack(single | {tag: file.value(fields, tag) for tag in CODED_LISTS if tag in fields}, len(file.data))
    data = b"".join([b"II*\0", struct.pack("<I", len(file.data)), file.data[8:], kept])
    with pillow.opened(TiffImagePlugin.TiffImageFile, data, request.name, (page.width, page.height)) as picture:
        pillow.allot(picture)
        if picture.mode == "CMYK":
            return profiles.cmyk_to_srgb(picture, header.metadata.icc, request.name)
        if picture.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "RGBX"):
            raise ColorModelError(request.name, f"is a TIFF that decodes to {picture.mode}, not to RGB")
        return pillow.to_array(picture)


def _samples(file: TiffFile, fields: dict[int, Field], page: Page, request: Request) -> NDArray[Any]:
    """Unpack all strips or tiles and put them together: HxWxS in the file's numbers."""
    across = 1 if page.planar else page.samples
    rows = min(max(1, file.one(fields, ROWS_PER_STRIP, page.height)), page.height)
    block_height, block_width = page.block or (rows, page.width)
    if block_height <= 0 or block_width <= 0 or block_height * block_width > 4 * max(2**20, page.width * page.height):
        raise damaged(request.name, f"the TIFF has tiles of {block_width}x{block_height} pixels")
    offsets, sizes = _spans(file, fields, page)
    down, right = -(-page.height // block_height), -(-page.width // block_width)
    planes = page.samples if page.planar else 1
    if len(offsets) < down * right * planes:
        raise damaged(request.name, "the TIFF lists too few strips")
    row_bytes = (block_width * across * page.bits + 7) // 8
    blocks = [
        Block(plane, top, left, block_height if page.block else min(block_height, page.height - top), span)
        for (plane, top, left), span in zip(
            itertools.product(range(planes), range(0, page.height, block_height), range(0, page.width, block_width)),
            zip(offsets, sizes, strict=True),
            strict=False,  # files may list more strips than the picture has
        )
    ]
    # A row is a strip for some writers: several are unpacked at once, so that the cost of a call does not count.
    step = max(1, GROUP_BYTES // (block_height * row_bytes))
    groups = [
        list(part)
        for _, part in itertools.groupby(
            enumerate(blocks), key=lambda item: (item[1].plane, item[0] % (down * right) // step)
        )
    ]
    reverse = file.one(fields, FILL_ORDER, 1) == 2
    out = np.zeros((page.height, page.width, page.samples), _dtype(page))

    def work(first: int, last: int) -> None:
        for group in groups[first:last]:
            members = [block for _, block in group]
            raw = _unpack(file, page, members, block_height, row_bytes, reverse, request)
            numbers, at = _numbers(raw, page, file.order, block_width, across), 0
            for block in members:
                target = out[block.top : block.top + block.height, block.left : block.left + block_width]
                part = numbers[at : at + target.shape[0], : target.shape[1]]
                if page.planar:
                    target[..., block.plane] = part[..., 0]
                else:
                    target[...] = part
                at += block.height

    each_strip(work, len(groups), row_bytes=GROUP_BYTES)
    return out


def _spans(file: TiffFile, fields: dict[int, Field], page: Page) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give places and sizes of all strips or tiles."""
    offsets = file.whole(fields, TILE_OFFSETS if page.block else STRIP_OFFSETS)
    sizes = file.whole(fields, TILE_SIZES if page.block else STRIP_SIZES)
    if not sizes and len(offsets) == 1:
        sizes = (len(file.data) - offsets[0],)  # old writers leave out the size of the only strip
    if not offsets or len(offsets) != len(sizes):
        raise damaged(file.name, "the TIFF does not tell where its strips are")
    return offsets, sizes


def _dtype(page: Page) -> np.dtype[Any]:
    if page.kind == "f":
        return np.dtype(f"f{page.bits // 8}")
    return np.dtype(np.uint8 if page.bits <= 8 else np.uint16)


def _unpack(
    file: TiffFile,
    page: Page,
    blocks: list[Block],
    full: int,
    row_bytes: int,
    reverse: bool,
    request: Request,
) -> NDArray[np.uint8]:
    """Give the bytes of some strips or tiles, unpacked, one below the other: rows x bytes of a row."""
    shape = (sum(block.height for block in blocks), row_bytes)
    packed = [file.data[offset : offset + size] for offset, size in (block.span for block in blocks)]
    for block, part in zip(blocks, packed, strict=True):
        short = len(part) < block.span[1] or (page.compression == NONE and len(part) < block.height * row_bytes)
        if short:
            request.damaged("the TIFF ends early")
    if page.compression == NONE:
        sizes = [block.height * row_bytes for block in blocks]
        body = b"".join(part[:size].ljust(size, b"\0") for part, size in zip(packed, sizes, strict=True))
        raw = np.frombuffer(body, np.uint8).reshape(shape)
    elif page.compression in (ADOBE_DEFLATE, DEFLATE):
        most = full * row_bytes
        parts = [_inflate(part, b.height * row_bytes, most, request) for b, part in zip(blocks, packed, strict=True)]
        raw = np.frombuffer(b"".join(parts), np.uint8).reshape(shape)
    else:
        raw = _through_libtiff(packed, page.compression, blocks[0].height, shape, request)
    if reverse:
        raw = np.packbits(np.unpackbits(raw, axis=1).reshape(shape[0], -1, 8)[..., ::-1].reshape(shape[0], -1), axis=1)
    return raw


def _inflate(packed: bytes, wanted: int, most: int, request: Request) -> bytes:
    """Unpack deflate; the last strip may be filled up to `most` bytes. What goes on beyond that is rubbish."""
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(packed, most + 1)
        ends = wanted <= len(raw) <= most if unpacker.eof else len(raw) == wanted
        cause = "" if ends else "a strip has the wrong length"
    except zlib.error as failure:
        raw, cause = b"", str(failure)
    if cause:
        request.damaged(f"the TIFF is damaged ({cause})")
    return raw[:wanted].ljust(wanted, b"\0")


def _through_libtiff(
    packed: list[bytes], compression: int, rows: int, shape: tuple[int, int], request: Request
) -> NDArray[np.uint8]:
    """Unpack strips as if they were those of a picture in 8-bit grey."""
    from PIL import TiffImagePlugin

    body = b"".join(packed)
    ends = np.cumsum([8, *map(len, packed)])
    tags = {
        WIDTH: value(4, shape[1]),
        HEIGHT: value(4, shape[0]),
        BITS: value(3, 8),
        COMPRESSION: value(3, compression),
        PHOTOMETRIC: value(3, BLACK_IS_ZERO),
        STRIP_OFFSETS: value(4, *ends[:-1].tolist()),
        SAMPLES: value(3, 1),
        ROWS_PER_STRIP: value(4, rows),
        STRIP_SIZES: value(4, *map(len, packed)),
    }
    start = int(ends[-1])
    wrapped = b"".join([b"II*\0", struct.pack("<I", start), body, pack(tags, start)])
    try:
        with pillow.opened(TiffImagePlugin.TiffImageFile, wrapped, request.name, (shape[1], shape[0])) as picture:
            pillow.allot(picture)
            return np.array(picture)
    except TruncatedImageError:
        if not request.keep:
            raise
        request.damaged("the TIFF is damaged")
        return np.zeros(shape, np.uint8)


def _numbers(raw: NDArray[np.uint8], page: Page, order: str, width: int, across: int) -> NDArray[Any]:
    """Make numbers of bytes: rows x width x samples, predictor undone."""
    rows = raw.shape[0]
    if page.kind == "f" and page.predictor == 3:
        planes = np.cumsum(raw.reshape(rows, -1, across), axis=1, dtype=np.uint8).reshape(rows, page.bits // 8, -1)
        return np.ascontiguousarray(planes.transpose(0, 2, 1)).view(f">f{page.bits // 8}").reshape(rows, width, across)
    if page.bits in (8, 16, 32, 64):
        values = raw.view(f"{order}{page.kind}{page.bits // 8}").reshape(rows, width, across)
        if page.predictor == 2:
            whole = values.view(f"{order}u{page.bits // 8}")
            values = np.cumsum(whole, axis=1, dtype=whole.dtype.newbyteorder("=")).view(f"={page.kind}{page.bits // 8}")
        return values
    bits = np.unpackbits(raw, axis=1)[:, : width * across * page.bits].reshape(rows, width, across, page.bits)
    weights = (1 << np.arange(page.bits - 1, -1, -1)).astype(np.uint16)
    return np.asarray((bits @ weights).astype(_dtype(page)))


def _to_image(samples: NDArray[Any], file: TiffFile, fields: dict[int, Field], page: Page, header: Header) -> Image:
    """Make an image of numbers: colour model, alpha, depth."""
    if page.photometric == PALETTE:
        return _from_palette(samples[..., 0], file.whole(fields, COLOR_MAP), page, file.name)
    if page.photometric == INK:
        return _from_ink(samples, page, header, file.name)
    if page.photometric in (LAB, ICC_LAB):
        return _from_lab(samples, page, file.name)
    values: Image
    if page.kind == "f":
        with np.errstate(over="ignore"):
            values = samples.astype(np.float32)
    else:
        values = widen(samples, page.bits)
    if page.photometric == WHITE_IS_ZERO:
        white = full_range(values.dtype)
        values[..., 0] = (white - values[..., 0]) if page.kind == "f" else np.invert(values[..., 0])
    if page.alpha and page.base == 1:
        values = values[..., [0, 0, 0, 1]]
    if page.alpha and page.extra == 1:
        values = unpremultiply(np.ascontiguousarray(values))
    return np.ascontiguousarray(values[..., 0] if values.shape[2] == 1 else values)


def _from_palette(index: NDArray[Any], table: tuple[Any, ...], page: Page, name: str) -> Image:
    if len(table) < 3 * 2**page.bits or page.samples != 1 or page.bits > 8:
        raise UnsupportedFormatError(name, "is a TIFF with a palette that does not fit its samples")
    colors = np.array(table[: 3 * 2**page.bits], np.uint16).reshape(3, -1).T
    # 16-bit entries by the standard; files with 8-bit entries exist and are told by having nothing above 255.
    narrow = colors if colors.max() < 256 else colors >> 8
    return np.asarray(narrow.astype(np.uint8)[index])


def _from_ink(samples: NDArray[Any], page: Page, header: Header, name: str) -> Image:
    import PIL.Image

    if page.bits != 8 or page.samples != 4:
        raise ColorModelError(
            name, f"is {page.bits}-bit CMYK with {page.samples} channels; only 8-bit CMYK is converted"
        )
    picture = PIL.Image.frombytes("CMYK", (page.width, page.height), samples.tobytes())
    return profiles.cmyk_to_srgb(picture, header.metadata.icc, name)


def _from_lab(samples: NDArray[Any], page: Page, name: str) -> Image:
    if page.bits not in (8, 16) or page.kind == "f" or page.samples != 3:
        raise ColorModelError(name, f"is {page.bits}-bit Lab with {page.samples} channels; 8 or 16 bits are converted")
    step = 1 if page.bits == 8 else 256
    lab = np.empty(samples.shape, np.float64)
    lab[..., 0] = samples[..., 0] * (100 / (255 if page.bits == 8 else 65535))
    if page.photometric == LAB:
        signed = samples[..., 1:].view(np.int8 if page.bits == 8 else np.int16)
        lab[..., 1:] = signed.astype(np.float64) / step
    else:
        lab[..., 1:] = samples[..., 1:].astype(np.float64) / step - 128
    return like(profiles.lab_to_srgb(lab).astype(np.float32), _dtype(page))


def encode(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:
    """Encode any image to a whole file."""
    return b"".join(parts(image, options, metadata, name))


def parts(image: Image, options: Options, metadata: Metadata, name: str) -> list[bytes]:
    """Encode any image piece by piece; `compression` 0 stores it plainly, 1 to 9 is deflate's level."""
    level = DEFAULT_COMPRESSION if options.compression is None else options.compression
    samples = 1 if image.ndim == 2 else image.shape[2]
    differ = level > 0 and image.dtype.kind == "u"
    rows = max(1, STRIP_BYTES // image[0].nbytes)
    strips = [b""] * -(-image.shape[0] // rows)

    def work(first: int, last: int) -> None:
        for number in range(first, last):
            strips[number] = _strip(image[number * rows : (number + 1) * rows], level, differ)

    each_strip(work, len(strips), row_bytes=STRIP_BYTES)
    ends = np.cumsum([8, *map(len, strips)])
    tags: dict[int, Any] = _tags_of_exif(metadata.exif)
    tags |= {
        WIDTH: value(4, image.shape[1]),
        HEIGHT: value(4, image.shape[0]),
        BITS: value(3, *[8 * image.itemsize] * samples),
        COMPRESSION: value(3, ADOBE_DEFLATE if level else NONE),
        PHOTOMETRIC: value(3, RGB if samples > 1 else BLACK_IS_ZERO),
        STRIP_OFFSETS: value(4, *ends[:-1].tolist()),
        ORIENTATION: value(3, 1),
        SAMPLES: value(3, samples),
        ROWS_PER_STRIP: value(4, rows),
        STRIP_SIZES: value(4, *map(len, strips)),
        PLANAR: value(3, 1),
        SAMPLE_FORMAT: value(3, *[3 if image.dtype.kind == "f" else 1] * samples),
    }
    if differ:
        tags[PREDICTOR] = value(3, 2)
    if samples == 4:
        tags[EXTRA_SAMPLES] = value(3, 2)
    if metadata.resolution:
        for tag, per_inch in zip((X_RESOLUTION, Y_RESOLUTION), metadata.resolution, strict=True):
            tags[tag] = value(5, round(per_inch * 1000), 1000)
        tags[UNIT] = value(3, 2)
    if metadata.xmp:
        tags[XMP] = value(1, *metadata.xmp)
    if metadata.icc:
        tags[ICC] = value(7, *metadata.icc)
    start = int(ends[-1]) + int(ends[-1]) % 2
    if start > 2**32 - 2**24:
        raise ImageTooLargeError(name, "a TIFF ends at 4 GiB; write PNG, or a smaller image")
    padding = b"\0" * (start - int(ends[-1]))
    return [b"II*\0", struct.pack("<I", start), *strips, padding, pack(tags, start)]


def _strip(rows: Image, level: int, differ: bool) -> bytes:
    if differ:
        flat = rows.reshape(rows.shape[0], rows.shape[1], -1)
        rows = flat.copy()
        rows[:, 1:] -= flat[:, :-1]
    data = rows.astype(rows.dtype.newbyteorder("<"), copy=False).tobytes()
    return zlib.compress(data, level) if level else data
