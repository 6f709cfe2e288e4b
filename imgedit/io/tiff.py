"""TIFF 6.0 and BigTIFF: the directory is read here, libtiff (through Pillow) only unpacks bytes.

Decoders that interpret samples get some of the many kinds wrong: 16-bit colour, float, Lab, ink, unassociated alpha. So
the compressed strips or tiles are handed to libtiff as if they were 8-bit grey, and what the bytes mean (depth,
predictor, planes, colour model, alpha) is done here, by the tags. JPEG and fax data are left to Pillow as a whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ColorModelError, UnsupportedFormatError
from imgedit.io import pillow, profiles
from imgedit.io.codec import Header, Options, Request, damaged, widen
from imgedit.io.metadata import Metadata
from imgedit.pixels import Image, full_range, like, unpremultiply

__all__ = ["decode", "encode", "probe"]

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_SIZES = 273, 274, 277, 278, 279
X_RESOLUTION, Y_RESOLUTION, PLANAR, UNIT, PREDICTOR, COLOR_MAP = 282, 283, 284, 296, 317, 320
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 323, 324, 325, 338, 339
SUBFILE, XMP, ICC, EXIF_IFD, GPS_IFD = 254, 700, 34675, 34665, 34853

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, INK, YCBCR, LAB, ICC_LAB = 0, 1, 2, 3, 4, 5, 6, 8, 9
BASE = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, INK: 4, YCBCR: 3, LAB: 3, ICC_LAB: 3}
MODELS = {PALETTE: "palette", INK: "cmyk", LAB: "lab", ICC_LAB: "lab", WHITE_IS_ZERO: "grey", BLACK_IS_ZERO: "grey"}

NONE, LZW, ADOBE_DEFLATE, DEFLATE, PACKBITS, LZMA, ZSTD = 1, 5, 8, 32946, 32773, 34925, 50000
BYTEWISE = {NONE, LZW, ADOBE_DEFLATE, DEFLATE, PACKBITS, LZMA, ZSTD}
JPEG_IN_TIFF, FAX = 7, {2, 3, 4}

# Bytes of one value of each TIFF type, and how struct calls it.
TYPES = {
    1: "B",
    2: "s",
    3: "H",
    4: "I",
    5: "II",
    6: "b",
    7: "s",
    8: "h",
    9: "i",
    10: "ii",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}
MOST_PAGES = 65536

# Strips of this size let readers take a part of the picture, and packing them needs little memory.
STRIP_BYTES = 256 * 1024


@dataclass(frozen=True)
class Field:
    """One directory entry: type, count and where its values stand."""

    kind: int
    count: int
    at: int


class File:
    """The directories of a TIFF file; nothing is read but what is asked for, and never beyond the data."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name = data, name
        self.order = ">" if data[:2] == b"MM" else "<"
        self.big = struct.unpack_from(self.order + "H", data, 2)[0] == 43
        if len(data) < (16 if self.big else 8):
            raise damaged(name, "the TIFF ends inside its header")

    def pages(self) -> Iterator[tuple[int, dict[int, Field]]]:
        """Yield place and entries of each directory; stops at a loop."""
        at = struct.unpack_from(self.order + ("Q" if self.big else "I"), self.data, 8 if self.big else 4)[0]
        seen: set[int] = set()
        while at and at not in seen and len(seen) < MOST_PAGES:
            seen.add(at)
            fields, link = self._directory(at)
            yield at, fields
            if link + (8 if self.big else 4) > len(self.data):
                return
            at = struct.unpack_from(self.order + ("Q" if self.big else "I"), self.data, link)[0]

    def _directory(self, at: int) -> tuple[dict[int, Field], int]:
        head, size = ("Q", 20) if self.big else ("H", 12)
        body = at + struct.calcsize(self.order + head)
        if body > len(self.data):
            raise damaged(self.name, "the TIFF ends before its directory")
        (count,) = struct.unpack_from(self.order + head, self.data, at)
        if body + size * count > len(self.data):
            raise damaged(self.name, "the TIFF ends inside its directory")
        fields: dict[int, Field] = {}
        for entry in range(body, body + size * count, size):
            tag, kind, number = struct.unpack_from(self.order + ("HHQ" if self.big else "HHI"), self.data, entry)
            value = entry + (12 if self.big else 8)
            if kind not in TYPES:
                continue
            if number * struct.calcsize("<" + TYPES[kind]) > (8 if self.big else 4):
                (value,) = struct.unpack_from(self.order + ("Q" if self.big else "I"), self.data, value)
            fields.setdefault(tag, Field(kind, number, value))
        return fields, body + size * count

    def values(self, fields: dict[int, Field], tag: int, default: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Give the numbers of a tag."""
        field = fields.get(tag)
        if field is None:
            return tuple(default)
        code = TYPES[field.kind]
        if field.at + field.count * struct.calcsize("<" + code) > len(self.data):
            raise damaged(self.name, f"the TIFF ends inside tag {tag}")
        return struct.unpack_from(
            f"{self.order}{code * field.count if len(code) > 1 else f'{field.count}{code}'}", self.data, field.at
        )

    def one(self, fields: dict[int, Field], tag: int, default: int) -> int:
        """Give the first number of a tag."""
        found = self.values(fields, tag, (default,))
        return int(found[0]) if found and not isinstance(found[0], bytes) else default

    def raw(self, fields: dict[int, Field], tag: int) -> bytes | None:
        """Give the bytes of a tag."""
        field = fields.get(tag)
        if field is None:
            return None
        return self.data[field.at : field.at + field.count * struct.calcsize("<" + TYPES[field.kind])]


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


def _pages(file: File) -> list[tuple[int, dict[int, Field]]]:
    """List the pages that are pictures: no previews, no masks."""
    pages = [(at, fields) for at, fields in file.pages() if WIDTH in fields]
    full = [(at, fields) for at, fields in pages if not file.one(fields, SUBFILE, 0) & 5]
    return full or pages[:1]


def _page(file: File, at: int, fields: dict[int, Field]) -> Page:
    one = file.one
    samples = one(fields, SAMPLES, 1)
    depths = set(file.values(fields, BITS, (1,)))
    kinds = set(file.values(fields, SAMPLE_FORMAT, (1,)))
    photometric = one(fields, PHOTOMETRIC, BLACK_IS_ZERO)
    if len(depths) != 1 or len(kinds) != 1:
        raise UnsupportedFormatError(file.name, "is a TIFF whose channels differ in depth or kind")
    tiled = TILE_WIDTH in fields
    extra = file.values(fields, EXTRA_SAMPLES, ())
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
    if len(data) < 8:
        raise damaged(name, "the TIFF ends inside its header")
    file = File(data, name)
    pages = _pages(file)
    if not pages:
        raise damaged(name, "the TIFF holds no picture")
    at, fields = pages[0]
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


def _metadata(file: File, fields: dict[int, Field]) -> Metadata:
    return Metadata(
        icc=file.raw(fields, ICC) or None,
        xmp=file.raw(fields, XMP) or None,
        resolution=_resolution(file, fields),
    )


def _resolution(file: File, fields: dict[int, Field]) -> tuple[float, float] | None:
    unit = file.one(fields, UNIT, 2)
    across, down = file.values(fields, X_RESOLUTION), file.values(fields, Y_RESOLUTION)
    if unit not in (2, 3) or len(across) != 2 or len(down) != 2 or not all((*across, *down)):
        return None
    factor = 2.54 if unit == 3 else 1.0
    return across[0] / across[1] * factor, down[0] / down[1] * factor


def decode(data: bytes, header: Header, request: Request) -> Image:
    """Decode one page to grey, RGB or RGBA."""
    file = File(data, request.name)
    at, fields = _pages(file)[request.frame]
    page = _page(file, at, fields)
    _check(page, request.name)
    if page.compression not in BYTEWISE or page.photometric == YCBCR:
        return _decode_whole(file, page, header, request)
    return _to_image(_samples(file, fields, page, request), file, fields, page, header)


def _decode_whole(file: File, page: Page, header: Header, request: Request) -> Image:
    from PIL import TiffImagePlugin

    link = struct.pack(file.order + ("Q" if file.big else "I"), page.at)
    start = 8 if file.big else 4
    data = b"".join([file.data[:start], link, file.data[start + len(link) :]])
    with pillow.opened(TiffImagePlugin.TiffImageFile, data, request.name) as picture:
        if picture.mode == "CMYK":
            return profiles.cmyk_to_srgb(picture, header.metadata.icc, request.name)
        if picture.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "RGBX"):
            raise ColorModelError(request.name, f"is a TIFF that decodes to {picture.mode}, not to RGB")
        return pillow.to_array(picture)


def _samples(file: File, fields: dict[int, Field], page: Page, request: Request) -> NDArray[Any]:
    """Unpack all strips or tiles and put them together: HxWxS in the file's numbers."""
    across = 1 if page.planar else page.samples
    rows = min(max(1, file.one(fields, ROWS_PER_STRIP, page.height)), page.height)
    block_height, block_width = page.block or (rows, page.width)
    if block_height <= 0 or block_width <= 0 or block_height * block_width > 4 * max(2**20, page.width * page.height):
        raise damaged(request.name, f"the TIFF has tiles of {block_width}x{block_height} pixels")
    offsets = file.values(fields, TILE_OFFSETS if page.block else STRIP_OFFSETS)
    sizes = file.values(fields, TILE_SIZES if page.block else STRIP_SIZES)
    down, right = -(-page.height // block_height), -(-page.width // block_width)
    planes = page.samples if page.planar else 1
    if not sizes and len(offsets) == 1:
        sizes = (len(file.data) - offsets[0],)
    if len(offsets) != len(sizes) or len(offsets) < down * right * planes:
        raise damaged(request.name, "the TIFF lists too few strips")
    row_bytes = (block_width * across * page.bits + 7) // 8
    out = np.zeros((page.height, page.width, page.samples), _dtype(page))
    number = 0
    for plane in range(planes):
        for top in range(0, page.height, block_height):
            height = block_height if page.block else min(block_height, page.height - top)
            for left in range(0, page.width, block_width):
                raw = _unpack(file, page, fields, (offsets[number], sizes[number]), (height, row_bytes), request)
                block = _numbers(raw, page, file.order, block_width, across)
                target = out[top : top + height, left : left + block_width]
                part = block[: target.shape[0], : target.shape[1]]
                if page.planar:
                    target[..., plane] = part[..., 0]
                else:
                    target[...] = part
                number += 1
    return out


def _dtype(page: Page) -> np.dtype[Any]:
    if page.kind == "f":
        return np.dtype(f"f{page.bits // 8}")
    return np.dtype(np.uint8 if page.bits <= 8 else np.uint16)


def _unpack(
    file: File, page: Page, fields: dict[int, Field], span: tuple[int, int], shape: tuple[int, int], request: Request
) -> NDArray[np.uint8]:
    """Give the bytes of one strip or tile, unpacked: rows x bytes of a row."""
    offset, size = span
    packed = file.data[offset : offset + size]
    wanted = shape[0] * shape[1]
    if len(packed) < size or (page.compression == NONE and size < wanted):
        if not request.keep:
            raise damaged(request.name, "the TIFF ends early")
        if page.compression != NONE:
            return np.zeros(shape, np.uint8)
    if page.compression == NONE:
        raw = np.frombuffer(packed[:wanted].ljust(wanted, b"\0"), np.uint8).reshape(shape)
    else:
        raw = _through_libtiff(packed, page.compression, shape, request)
    if file.one(fields, FILL_ORDER, 1) == 2:
        raw = np.packbits(np.unpackbits(raw, axis=1).reshape(shape[0], -1, 8)[..., ::-1].reshape(shape[0], -1), axis=1)
    return raw


def _through_libtiff(packed: bytes, compression: int, shape: tuple[int, int], request: Request) -> NDArray[np.uint8]:
    from PIL import TiffImagePlugin

    height, width = shape
    tags = [
        (WIDTH, 4, width), (HEIGHT, 4, height), (BITS, 3, 8), (COMPRESSION, 3, compression),
        (PHOTOMETRIC, 3, BLACK_IS_ZERO), (STRIP_OFFSETS, 4, 8), (SAMPLES, 3, 1), (ROWS_PER_STRIP, 4, height),
        (STRIP_SIZES, 4, len(packed)),
    ]  # fmt: skip
    body = packed + b"\0" * (len(packed) & 1)
    directory = b"".join(
        struct.pack("<HHI", tag, kind, 1) + struct.pack("<I" if kind == 4 else "<Hxx", value)
        for tag, kind, value in tags
    )
    wrapped = (
        b"II*\0" + struct.pack("<I", 8 + len(body)) + body + struct.pack("<H", len(tags)) + directory + b"\0\0\0\0"
    )
    with pillow.opened(TiffImagePlugin.TiffImageFile, wrapped, request.name) as picture:
        return np.array(picture)


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
    return (bits @ weights).astype(_dtype(page))


def _to_image(samples: NDArray[Any], file: File, fields: dict[int, Field], page: Page, header: Header) -> Image:
    """Make an image of numbers: colour model, alpha, depth."""
    if page.photometric == PALETTE:
        return _from_palette(samples[..., 0], file.values(fields, COLOR_MAP), page, file.name)
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
    return narrow.astype(np.uint8)[index]


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
        lab[..., 1:] = samples[..., 1:].view(np.int8 if page.bits == 8 else np.int16) / step
    else:
        lab[..., 1:] = samples[..., 1:].astype(np.float64) / step - 128
    return like(profiles.lab_to_srgb(lab).astype(np.float32), _dtype(page))


def encode(image: Image, options: Options, metadata: Metadata, name: str) -> bytes:  # noqa: ARG001
    """Encode any image; `compression` 0 stores it plainly, 1 to 9 is deflate's level (with differences where they help)."""
    level = 6 if options.compression is None else options.compression
    samples = 1 if image.ndim == 2 else image.shape[2]
    differ = level > 0 and image.dtype.kind == "u"
    rows = max(1, STRIP_BYTES // image[0].nbytes)
    strips = [_strip(image[top : top + rows], level, differ) for top in range(0, image.shape[0], rows)]
    ends = np.cumsum([8, *map(len, strips)])
    tags: list[tuple[int, int, Any]] = [
        (WIDTH, 4, [image.shape[1]]),
        (HEIGHT, 4, [image.shape[0]]),
        (BITS, 3, [8 * image.itemsize] * samples),
        (COMPRESSION, 3, [ADOBE_DEFLATE if level else NONE]),
        (PHOTOMETRIC, 3, [RGB if samples > 1 else BLACK_IS_ZERO]),
        (STRIP_OFFSETS, 4, ends[:-1].tolist()),
        (SAMPLES, 3, [samples]),
        (ROWS_PER_STRIP, 4, [rows]),
        (STRIP_SIZES, 4, [len(strip) for strip in strips]),
        (PLANAR, 3, [1]),
        (SAMPLE_FORMAT, 3, [3 if image.dtype.kind == "f" else 1] * samples),
    ]
    if differ:
        tags.append((PREDICTOR, 3, [2]))
    if samples == 4:
        tags.append((EXTRA_SAMPLES, 3, [2]))
    if metadata.resolution:
        across, down = ([round(x * 1000), 1000] for x in metadata.resolution)
        tags += [(X_RESOLUTION, 5, across), (Y_RESOLUTION, 5, down), (UNIT, 3, [2])]
    tags += [(tag, kind, list(body)) for tag, kind, body in ((XMP, 1, metadata.xmp), (ICC, 7, metadata.icc)) if body]
    start = int(ends[-1]) + int(ends[-1]) % 2
    parts = [
        b"II*\0",
        struct.pack("<I", start),
        *strips,
        b"\0" * (start - int(ends[-1])),
        _directory(sorted(tags), start),
    ]
    return b"".join(parts)


def _strip(rows: Image, level: int, differ: bool) -> bytes:
    if differ:
        flat = rows.reshape(rows.shape[0], rows.shape[1], -1)
        rows = flat.copy()
        rows[:, 1:] -= flat[:, :-1]
    data = rows.astype(rows.dtype.newbyteorder("<"), copy=False).tobytes()
    return zlib.compress(data, level) if level else data


def _directory(tags: list[tuple[int, int, list[int]]], start: int) -> bytes:
    """Lay out a directory at `start`, values that don't fit into their entry behind it."""
    entries, tail = [], b""
    behind = start + 2 + 12 * len(tags) + 4
    for tag, kind, values in tags:
        code = {1: "B", 7: "B", 3: "H", 4: "I", 5: "I"}[kind]
        body = struct.pack(f"<{len(values)}{code}", *values)
        count = len(values) // 2 if kind == 5 else len(values)
        if len(body) > 4:
            place = struct.pack("<I", behind + len(tail))
            tail += body + b"\0" * (len(body) % 2)
        else:
            place = body.ljust(4, b"\0")
        entries.append(struct.pack("<HHI", tag, kind, count) + place)
    return b"".join([struct.pack("<H", len(tags)), *entries, b"\0\0\0\0", tail])
