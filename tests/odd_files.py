"""Files that are broken, lying or merely unusual, each made here from nothing."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import PIL.Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, body=b""):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, bits, color, rows, *extra, interlaced=0, data=None):
    """A PNG of packed rows (bytes each, without filter byte); extra chunks go before the image data."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, interlaced))
    body = zlib.compress(b"".join(b"\0" + row for row in rows)) if data is None else data
    return b"".join([PNG_SIGNATURE, head, *extra, chunk(b"IDAT", body), chunk(b"IEND")])


def png_of_samples(samples, bits, color, *extra):
    """A PNG of HxWxS samples at 1 to 16 bits."""
    height, width = samples.shape[:2]
    shifts = np.arange(bits - 1, -1, -1)
    ones = (samples.reshape(height, -1, 1).astype(np.uint32) >> shifts & 1).astype(np.uint8)
    rows = [bytes(row) for row in np.packbits(ones.reshape(height, -1), axis=1)]
    return png(width, height, bits, color, rows, *extra)


def through_pillow(array, form, **settings):
    """Bytes of a file that Pillow writes."""
    picture = array if isinstance(array, PIL.Image.Image) else PIL.Image.fromarray(array)
    out = io.BytesIO()
    picture.save(out, form, **settings)
    return out.getvalue()


def frames(form, count=3, size=(12, 10), **settings):
    """An animation or a file of several pages in plain colours."""
    pictures = [PIL.Image.new("RGB", size, (60 * i, 250 - 60 * i, 30)) for i in range(count)]
    return through_pillow(pictures[0], form, save_all=True, append_images=pictures[1:], **settings)


def exif_with_orientation(value):
    """The smallest EXIF that tells an orientation (big-endian, as many cameras write it)."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, value, 0, 0)


def tiff(tags, body=b"", order="<"):
    """A TIFF of one page: tags are {number: (type, values)}, strip data stands at byte 8."""
    codes = {1: "B", 2: "B", 3: "H", 4: "I", 5: "II", 7: "B"}
    start = 8 + len(body) + len(body) % 2
    tail, entries = b"", b""
    behind = start + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{codes[kind][0]}", *values)
        count = len(values) // len(codes[kind])
        if len(packed) > 4:
            place, tail = struct.pack(order + "I", behind + len(tail)), tail + packed + b"\0" * (len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, count) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    padding = b"\0" * (start - 8 - len(body))
    return head + body + padding + struct.pack(order + "H", len(tags)) + entries + bytes(4) + tail


def tiff_of_array(array, photometric, *, extra_samples=None, bits=None, **tags):
    """An unpacked one-strip TIFF of HxWxS samples, just as they lie in memory."""
    height, width, samples = array.shape
    body = array.astype(array.dtype.newbyteorder("<")).tobytes()
    kind = {"u": 1, "i": 2, "f": 3}[array.dtype.kind]
    fields = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [bits or 8 * array.itemsize] * samples), 259: (3, [1]),
        262: (3, [photometric]), 273: (4, [8]), 277: (3, [samples]), 278: (4, [height]), 279: (4, [len(body)]),
        339: (3, [kind] * samples),
    }  # fmt: skip
    if extra_samples is not None:
        fields[338] = (3, extra_samples)
    return tiff(fields | {int(tag[1:]): content for tag, content in tags.items()}, body)


def icc_matrix_profile(gamma=1.8, swap=False):
    """A small RGB profile with one gamma; its primaries are sRGB's, optionally with red and blue swapped."""
    columns = [(0.4360747, 0.2225045, 0.0139322), (0.3850649, 0.7168786, 0.0971045), (0.1430804, 0.0606169, 0.7141733)]
    if swap:
        columns = columns[::-1]

    def xyz(values):
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    text = b"desc\0\0\0\0" + struct.pack(">I", 9) + b"Test RGB\0" + bytes(4 + 4 + 2 + 1 + 67)
    tags = {b"desc": text, b"wtpt": xyz((0.9642, 1, 0.8249)), b"cprt": b"text\0\0\0\0none\0"}
    tags |= {name: xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    body, table, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(24) + struct.pack(">I", 0)
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
