"""PNGs that are made of strips are those of any other program; large files are written piece by piece."""

from __future__ import annotations

import errno
import io
import os
import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import PIL.Image
import pytest
from pictures import photo

import imgedit as ie
from imgedit.io import decode, encode, files, png, png_strips, tiff, writing
from imgedit.io.codec import Options

DTYPES, CHANNELS, LEVELS = (np.uint8, np.uint16), (1, 3, 4), (None, 0, 1, 6, 9)


@pytest.fixture(autouse=True)
def small_strips(monkeypatch):
    monkeypatch.setattr(png_strips, "STRIP_BYTES", 700)


def chunks(data):
    """Walk as strictly as a checker: each chunk with its kind and body, every checksum right, nothing behind."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(kind + body),)
        found.append((kind, body))
        at += 12 + length
    assert at == len(data)
    return found


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_decoder_reads_what_was_written(dtype, channels, level):
    image = photo(dtype, channels)
    data = encode(image, "png", compression=level)
    np.testing.assert_array_equal(decode(data)[0], image)
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(theirs, ie.to_bgr(image))
    if dtype == np.uint8 or channels == 1:  # Pillow has no 16-bit colour
        with PIL.Image.open(io.BytesIO(data)) as picture:
            picture.load()
            np.testing.assert_array_equal(np.array(picture), image)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", CHANNELS)
def test_the_stream_is_whole(dtype, channels, level):
    image = photo(dtype, channels)
    found = chunks(encode(image, "png", compression=level))
    kinds = [kind for kind, _ in found]
    assert kinds == [b"IHDR", *[b"IDAT"] * (len(kinds) - 2), b"IEND"]
    assert len(kinds) > 5  # of several strips
    raw = zlib.decompress(b"".join(body for kind, body in found if kind == b"IDAT"))  # with its checksum
    assert len(raw) == image.shape[0] * (1 + image[0].nbytes)
    filters = set(raw[:: 1 + image[0].nbytes])
    assert filters == {0} if level == 0 else filters == {1} if level is None else filters <= set(range(5))


def test_every_filter_has_its_rows():
    rng = np.random.default_rng(1)
    ramp = np.cumsum(rng.integers(0, 9, (40, 90)), axis=1)
    rows = np.concatenate(
        [
            rng.integers(0, 3, (40, 90)),  # near zero: none
            ramp + rng.integers(0, 256, (40, 1)),  # along the row: sub
            np.cumsum(rng.integers(0, 3, (40, 90)), axis=0) + rng.integers(0, 256, 90),  # down the columns: up
            np.add.outer(np.arange(40) * 3, ramp[0]) + rng.integers(0, 2, (40, 90)),  # a plane: paeth
            cv2.GaussianBlur(rng.integers(0, 256, (40, 90)).astype(np.float32), (0, 0), 2) * 1,  # smooth: average
        ]
    ).astype(np.uint8)
    raw = zlib.decompress(
        b"".join(body for kind, body in chunks(encode(rows, "png", compression=6)) if kind == b"IDAT")
    )
    assert set(raw[::91]) == set(range(5))
    np.testing.assert_array_equal(decode(encode(rows, "png", compression=6))[0], rows)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (7, 1, 4), (1, 5000), (5000, 1), (3, 4001, 3)])
def test_odd_sizes(shape):
    image = np.random.default_rng(2).integers(0, 65536, shape, np.uint16)
    for level in LEVELS:
        np.testing.assert_array_equal(decode(encode(image, "png", compression=level))[0], image)


def test_views_are_written_as_they_look():
    image = photo(np.uint16, 4)[::-2, 3:-1]
    for level in (None, 6):
        np.testing.assert_array_equal(decode(encode(image, "png", compression=level))[0], image)


def test_the_file_does_not_hang_on_the_number_of_threads():
    image, threads = photo(np.uint8, 3), cv2.getNumThreads()
    made = set()
    for count in (1, 2, 5):
        cv2.setNumThreads(count)
        made |= {encode(image, "png"), encode(image, "png", compression=6)}
    cv2.setNumThreads(threads)
    assert len(made) == 2


def test_checksums_join_as_if_there_were_one_strip():
    rng = np.random.default_rng(3)
    data = rng.integers(0, 256, 200_000, np.uint8).tobytes()
    total = 1
    for start, end in ((0, 1), (1, 70_000), (70_000, 70_000), (70_000, 135_521), (135_521, 200_000)):
        part = data[start:end]
        total = png_strips._joined(total, png_strips._Strip(b"", zlib.adler32(part), len(part)))
    assert total == zlib.adler32(data)


def test_strips_cost_little_in_size(monkeypatch):
    image = ie.resize(photo(np.uint8, 3), (600, 800))
    monkeypatch.setattr(png_strips, "STRIP_BYTES", 2**19)
    stripped = len(encode(image, "png", compression=6))
    monkeypatch.setattr(png_strips, "STRIP_BYTES", 2**30)
    assert stripped < 1.01 * len(encode(image, "png", compression=6))


# Piece by piece


@pytest.fixture
def in_pieces(monkeypatch):
    monkeypatch.setattr(writing, "MOST_IN_MEMORY", 0)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_large_file_is_the_same(suffix, dtype, tmp_path, in_pieces):
    image = photo(dtype, 4)
    metadata = ie.Metadata(icc=None, resolution=(300.0, 300.0), xmp=b"<x/>")
    ie.write(tmp_path / f"x{suffix}", image, metadata=metadata, compression=3)
    form = {".png": "png", ".tif": "tiff"}[suffix]
    assert (tmp_path / f"x{suffix}").read_bytes() == encode(image, form, metadata=metadata, compression=3)
    again, found = ie.read(tmp_path / f"x{suffix}", with_metadata=True)
    np.testing.assert_array_equal(again, image)
    assert found.xmp == b"<x/>"
    assert [p.name for p in tmp_path.iterdir()] == [f"x{suffix}"]


def test_what_fails_in_the_middle_leaves_the_old_file(tmp_path, in_pieces, monkeypatch):
    path, image = tmp_path / "x.png", photo(np.uint8, 3)
    ie.write(path, image)
    before = path.read_bytes()
    real = png_strips._encoded
    monkeypatch.setattr(
        png_strips, "_encoded", lambda image, top, *rest: real(image, top, *rest) if top < 30 else 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        ie.write(path, image[::-1])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]


def test_a_full_disk_leaves_the_old_file(tmp_path, in_pieces, monkeypatch):
    path, image, written = tmp_path / "x.png", photo(np.uint8, 3), []
    ie.write(path, image)
    before, real = path.read_bytes(), os.write

    def write(descriptor, data):
        written.append(len(data))
        if len(written) > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    monkeypatch.setattr(files.os, "write", write)
    with pytest.raises(ie.errors.OutOfSpaceError, match="no space for all of it"):
        ie.write(path, image[::-1])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]


def test_what_a_format_can_not_hold_is_refused_as_before(tmp_path, in_pieces):
    with pytest.raises(ie.errors.BitDepthError):
        ie.write(tmp_path / "x.png", photo(np.float32, 3))
    with pytest.raises(ie.errors.ParameterError):
        ie.write(tmp_path / "x.png", photo(np.uint8, 3), quality=3)
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_picture(tmp_path, in_pieces, monkeypatch):
    monkeypatch.setattr(png_strips, "STRIP_BYTES", 2**16)
    image = np.random.default_rng(4).integers(0, 256, (2000, 1500, 3), np.uint8)
    tracemalloc.start()
    ie.write(tmp_path / "x.png", image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < image.nbytes / 4


def test_a_tiff_is_not_held_twice():
    image = photo(np.uint8, 3)
    parts = tiff.parts(image, Options(compression=0), ie.Metadata(), "x.tif")
    assert b"".join(parts) == tiff.encode(image, Options(compression=0), ie.Metadata(), "x.tif")
    assert max(map(len, parts)) <= image.nbytes


def test_parts_are_what_encode_gives():
    image = photo(np.uint8, 3)
    parts = list(png.parts(image, Options(), ie.Metadata(), "x.png"))
    assert b"".join(parts) == encode(image, "png")
    assert len(parts) > 4
