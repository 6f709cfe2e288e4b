"""What is written comes back; what others write is read right. Oracles: Pillow, tifffile, and the values themselves."""

from __future__ import annotations

import io
import itertools
import struct
import zlib

import cv2
import numpy as np
import odd_files as odd
import PIL.Image
import PIL.ImageOps
import pytest
import tifffile
from pictures import KINDS, photo

import imgedit as ie
from imgedit import errors
from imgedit.io import FORMATS, decode, encode

EXACT = {"png", "tiff", "bmp", "jpeg2000", "pnm", "pam", "pfm"}


def open_pillow(data):
    return PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data)))


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_keeps_or_refuses_every_image(name, dtype, channels):
    image = photo(dtype, channels)
    codec = FORMATS[name]
    settings = {"lossless": True} if name == "webp" else {}
    if name == "gif" and channels == 4:
        image[..., 3] = np.where(image[..., 3] > 127, 255, 0)
    if np.dtype(dtype).name not in codec.dtypes or (name, dtype, channels) == ("jpeg2000", np.uint16, 4):
        with pytest.raises(errors.BitDepthError, match=r"ie\.convert"):
            encode(image, name)
        return
    if channels == 4 and not codec.alpha:
        with pytest.raises(errors.AlphaLossError, match="background="):
            encode(image, name)
        return
    back, _ = decode(encode(image, name, **settings))
    assert back.dtype == dtype
    if name in EXACT:
        np.testing.assert_array_equal(back, image)
    else:
        wide = image if back.ndim == image.ndim else np.repeat(image[..., None], 3, axis=2)
        assert back.shape == wide.shape
        if name == "webp" and channels != 4:
            np.testing.assert_array_equal(back, wide)
        # Of 2240 noisy colours GIF keeps 256; HDR keeps 8 bits of the largest sample; JPEG and AVIF blur noise.
        worst = {"gif": 20, "jpeg": 16, "avif": 16, "webp": 0, "hdr": 1 / 128}[name]
        opaque = np.s_[:] if channels != 4 else image[..., 3] > 0
        assert np.abs(back[opaque].astype(np.float64) - wide[opaque]).mean() <= worst


@pytest.mark.parametrize("name", [n for n in FORMATS if n not in ("hdr", "pfm", "pam")])
def test_others_read_what_is_written(name):
    image = photo(np.uint8, 3)
    theirs = np.asarray(PIL.Image.open(io.BytesIO(encode(image, name))).convert("RGB"))
    np.testing.assert_array_equal(theirs, decode(encode(image, name))[0])


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_tifffile_reads_our_tiff(dtype, channels):
    image = photo(dtype, channels, (70, 900))
    for compression in (0, 6):
        data = encode(image, "tiff", compression=compression)
        np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)), image)


@pytest.mark.parametrize(
    ("bits", "color"), [(b, 0) for b in (1, 2, 4, 8, 16)] + [(8, 2), (16, 2), (8, 4), (16, 4), (8, 6), (16, 6)]
)
def test_png_samples_at_every_depth(bits, color):
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[color]
    values = np.random.default_rng(bits).integers(0, 2**bits, (9, 13, samples)).astype(np.uint16)
    got, _ = decode(odd.png_of_samples(values, bits, color))
    dtype = np.uint16 if bits == 16 else np.uint8
    want = (values.astype(np.uint32) * np.iinfo(dtype).max // (2**bits - 1)).astype(dtype)
    want = {1: want[..., 0], 2: want[..., [0, 0, 0, -1]]}.get(samples, want)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("clear", [False, True])
def test_png_palette(bits, clear):
    rng = np.random.default_rng(bits)
    index = rng.integers(0, 2**bits, (9, 13, 1))
    table = rng.integers(0, 256, (2**bits, 3), np.uint8)
    extra = [odd.chunk(b"PLTE", table.tobytes())]
    if clear:
        extra.append(odd.chunk(b"tRNS", bytes([7, 200])))
    got, _ = decode(odd.png_of_samples(index, bits, 3, *extra))
    want = table[index[..., 0]]
    if clear:
        alpha = np.full(2**bits, 255, np.uint8)
        alpha[:2] = 7, 200
        want = np.dstack([want, alpha[index[..., 0]]])
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(("bits", "color"), [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2)])
def test_png_clear_colour_becomes_alpha(bits, color):
    samples = 1 if color == 0 else 3
    values = np.random.default_rng(bits).integers(0, 2**bits, (9, 13, samples)).astype(np.uint16)
    values[2:4, 3:9] = key = values[0, 0]
    # The same low byte at 16 bits must not be taken for the key.
    values[8, 8] = key ^ (256 if bits == 16 else 0)
    got, _ = decode(odd.png_of_samples(values, bits, color, odd.chunk(b"tRNS", key.astype(">u2").tobytes())))
    assert got.shape == (9, 13, 4)
    np.testing.assert_array_equal(got[..., 3] == 0, (values == key).all(axis=-1))


@pytest.mark.parametrize("photometric", ["rgb", "grey"])
@pytest.mark.parametrize("settings", [
    {}, {"compression": "zlib"}, {"compression": "zlib", "predictor": True}, {"tile": (16, 32)}, {"bigtiff": True},
    {"byteorder": ">", "compression": "zlib", "predictor": True}, {"planarconfig": "separate"}, {"rowsperstrip": 5},
])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
def test_tiff_of_every_build(dtype, settings, photometric):
    channels = 4 if photometric == "rgb" else 1
    if photometric == "grey" and "planarconfig" in settings:
        pytest.skip("one plane")
    if np.dtype(dtype).kind == "f" and settings.get("predictor"):
        pytest.skip("tifffile writes the float predictor only with imagecodecs")
    values = np.random.default_rng(3).random((37, 53, channels))
    image = values.astype(dtype) if np.dtype(dtype).kind == "f" else (values * np.iinfo(dtype).max).astype(dtype)
    if np.dtype(dtype).kind == "f":
        image[0, 0, 0], image[0, 1, 0] = np.nan, np.inf
    stored = image[..., 0] if channels == 1 else image
    out = io.BytesIO()
    planes = np.moveaxis(stored, -1, 0) if "planarconfig" in settings else stored
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    name = "rgb" if photometric == "rgb" else "minisblack"
    tifffile.imwrite(out, planes, photometric=name, **extra, **settings)
    got, _ = decode(out.getvalue())
    want = stored.astype(np.float32) if np.dtype(dtype).kind == "f" else stored
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("compression", [1, 5, 8, 32773, 32946])
@pytest.mark.parametrize("predictor", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tiff_as_libtiff_packs_it(dtype, compression, predictor):
    image = photo(dtype, 3)
    if (predictor == 3) != (dtype == np.float32 and predictor != 1):
        pytest.skip("2 is for integers, 3 for floats")
    settings = [cv2.IMWRITE_TIFF_COMPRESSION, compression, cv2.IMWRITE_TIFF_PREDICTOR, predictor]
    data = cv2.imencode(".tiff", ie.to_bgr(image), settings)[1].tobytes()
    np.testing.assert_array_equal(decode(data)[0], image)


@pytest.mark.parametrize("form", ["group3", "group4", "tiff_ccitt", "jpeg", "tiff_lzw", "zstd", "lzma"])
def test_tiff_as_pillow_packs_it(form):
    grey = PIL.Image.fromarray(photo(np.uint8, 1))
    picture = grey.convert("1") if form in ("group3", "group4", "tiff_ccitt") else grey
    data = odd.through_pillow(picture, "TIFF", compression=form)
    np.testing.assert_array_equal(decode(data)[0], np.asarray(open_pillow(data).convert("L")))


@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12, 14])
def test_tiff_bits_that_do_not_fill_bytes(bits):
    values = np.random.default_rng(bits).integers(0, 2**bits, (5, 8, 1)).astype(np.uint16)
    ones = (values[..., None] >> np.arange(bits - 1, -1, -1) & 1).astype(np.uint8)
    body = np.packbits(ones.reshape(5, -1), axis=1)
    got, _ = decode(odd.tiff_of_array(body[..., None], 1, bits=bits, t256=(4, [8])))
    full = 255 if bits <= 8 else 65535
    assert got.dtype == (np.uint8 if bits <= 8 else np.uint16)
    np.testing.assert_array_equal(got, np.rint(values[..., 0] * (full / (2**bits - 1))))


def test_tiff_colour_models():
    grey = photo(np.uint16, 1)
    np.testing.assert_array_equal(decode(odd.tiff_of_array(grey[..., None], 0))[0], 65535 - grey)
    table = np.random.default_rng(0).integers(0, 65536, (3, 256))
    index = photo(np.uint8, 1)
    data = odd.tiff_of_array(index[..., None], 3, t320=(3, table.ravel().tolist()))
    np.testing.assert_array_equal(decode(data)[0], (table.T >> 8)[index])


def test_tiff_alpha_kinds():
    straight = photo(np.uint16, 4)
    np.testing.assert_array_equal(decode(odd.tiff_of_array(straight, 2, extra_samples=[2]))[0], straight)
    np.testing.assert_array_equal(decode(odd.tiff_of_array(straight, 2))[0], straight)
    associated = ie.premultiply(straight)
    got = decode(odd.tiff_of_array(associated, 2, extra_samples=[1]))[0]
    np.testing.assert_array_equal(got, ie.unpremultiply(associated))
    grey = straight[..., [0, 3]]
    np.testing.assert_array_equal(decode(odd.tiff_of_array(grey, 1, extra_samples=[2]))[0], straight[..., [0, 0, 0, 3]])


@pytest.mark.parametrize(("dtype", "photometric"), list(itertools.product((np.uint8, np.uint16), (8, 9))))
def test_lab_tiff_is_right(dtype, photometric):
    """CIE 15:2018 the other way round, in float64, gives the Lab that the file holds."""
    rgb = np.random.default_rng(1).random((6, 7, 3))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
    f = linear @ np.array(matrix).T / [0.9642, 1.0, 0.8249]
    f = np.where(f > (6 / 29) ** 3, np.cbrt(f), f * (29 / 6) ** 2 / 3 + 4 / 29)
    lab = np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)
    white, step = (255, 1) if dtype == np.uint8 else (65535, 256)
    zero = 128 * step if photometric == 9 else 0
    whole = np.rint(lab * [white / 100, step, step] + np.array([0, zero, zero]))
    stored = whole.astype(np.int64).astype(dtype)
    got, _ = decode(odd.tiff_of_array(stored, photometric))
    assert got.dtype == dtype
    # Half a step of 8-bit a* is up to eight levels in deep colours, where sRGB is steep; 16 bits are 256 times finer.
    error = np.abs(got.astype(np.float64) / np.iinfo(dtype).max - rgb)
    assert error.max() < (8 / 255 if dtype == np.uint8 else 4e-4)
    assert error.mean() < (1.5 / 255 if dtype == np.uint8 else 3e-5)


@pytest.mark.parametrize("white", [1, 3, 10, 255, 300, 1023, 65535])
@pytest.mark.parametrize("plain", [False, True])
def test_pnm_white_becomes_white(white, plain):
    values = np.random.default_rng(white).integers(0, white + 1, (4, 5, 3))
    values[0, 0], values[0, 1] = 0, white
    if plain:
        data = f"P3 # note\n5 4\n# more\n{white}\n".encode() + " ".join(map(str, values.ravel())).encode()
    else:
        data = f"P6\n5 4 {white}\n".encode() + values.astype(">u2" if white > 255 else "u1").tobytes()
    got, _ = decode(data)
    full = 255 if white < 256 else 65535
    assert got.dtype == (np.uint8 if white < 256 else np.uint16)
    np.testing.assert_array_equal(got, np.floor(values * (full / white) + 0.5))


def test_bitmaps_are_black_on_white():
    np.testing.assert_array_equal(decode(b"P1\n3 2\n101\n0 1 0")[0], [[0, 255, 0], [255, 0, 255]])
    np.testing.assert_array_equal(decode(b"P4\n3 2\n\xa0\x40")[0], [[0, 255, 0], [255, 0, 255]])


@pytest.mark.parametrize("scale", [b"1.0", b"-1.0"])
def test_pfm_of_either_byte_order(scale):
    image = photo(np.float32, 3)
    body = image[::-1].astype(">f4" if scale == b"1.0" else "<f4").tobytes()
    np.testing.assert_array_equal(decode(b"PF\n56 40\n" + scale + b"\n" + body)[0], image)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("form", ["BMP", "GIF", "PNG", "TIFF", "WEBP"])
def test_pillow_modes(form, mode):
    picture = PIL.Image.fromarray(photo(np.uint8, 4)).convert(mode)
    if form == "GIF" and mode == "RGBA":
        picture.putalpha(picture.getchannel("A").point(lambda a: 255 * (a > 127)))
    data = odd.through_pillow(picture, form)
    theirs = open_pillow(data)
    got, _ = decode(data)
    want = np.asarray(theirs.convert({2: "L"}.get(got.ndim) or {3: "RGB", 4: "RGBA"}[got.shape[2]]))
    np.testing.assert_array_equal(got, want)
    assert (got.ndim == 3 and got.shape[2] == 4) == theirs.has_transparency_data


@pytest.mark.parametrize("depth", [10, 12])
def test_deep_avif_fills_sixteen_bits(depth):
    values = np.random.default_rng(0).integers(0, 2**depth, (32, 40, 3)).astype(np.uint16)
    settings = [cv2.IMWRITE_AVIF_QUALITY, 100, cv2.IMWRITE_AVIF_DEPTH, depth]
    data = cv2.imencode(".avif", ie.to_bgr(values), settings)[1].tobytes()
    got, _ = decode(data)
    np.testing.assert_array_equal(got, np.rint(values * (65535 / (2**depth - 1))))


def test_gif_keeps_256_colours_exactly():
    colors = np.random.default_rng(0).integers(0, 256, (255, 3), np.uint8)
    image = np.dstack([colors[np.arange(40 * 51).reshape(40, 51) % 255], np.full((40, 51), 255, np.uint8)])
    image[3:9, 4:30, 3] = 0
    got, _ = decode(encode(image, "gif"))
    np.testing.assert_array_equal(got[..., 3], image[..., 3])
    seen = image[..., 3] == 255
    np.testing.assert_array_equal(got[seen], image[seen])
    image[0, 0, 3] = 128
    with pytest.raises(errors.AlphaLossError, match="half-transparent"):
        encode(image, "gif")


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "TIFF-jpeg", "AVIF"])
def test_orientation_is_applied_once_and_reset(form, value, tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = value
    form, _, packing = form.partition("-")
    settings = {"WEBP": {"lossless": True}, "TIFF": {"compression": packing or "tiff_lzw"}}.get(form, {})
    data = odd.through_pillow(photo(np.uint8, 3), form, exif=exif, **settings)
    got, metadata = decode(data)
    np.testing.assert_array_equal(got, np.asarray(open_pillow(data)))
    path = tmp_path / f"turned.{form.lower()}"
    path.write_bytes(data)
    assert ie.info(path).size == got.shape[:2]
    again, _ = decode(encode(got, "png", metadata=metadata))
    np.testing.assert_array_equal(again, got)


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_orientation_of_deep_tiff(dtype, value):
    image = photo(dtype, 3)
    got, _ = decode(odd.tiff_of_array(image, 2, t274=(3, [value])))
    want = {
        1: image, 2: image[:, ::-1], 3: image[::-1, ::-1], 4: image[::-1],
        5: image.transpose(1, 0, 2), 6: image.transpose(1, 0, 2)[:, ::-1],
        7: image[::-1, ::-1].transpose(1, 0, 2), 8: image.transpose(1, 0, 2)[::-1],
    }[value]  # fmt: skip
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("size", [(64, 96), (61, 97), (1, 1), (1, 33)])
def test_reduce_gives_the_mean_over_blocks(factor, size):
    image = photo(np.uint8, 3, size)
    down, right = -size[0] % factor, -size[1] % factor
    full = np.pad(image, ((0, down), (0, right), (0, 0)), "edge").astype(np.float64)
    shape = (full.shape[0] // factor, factor, full.shape[1] // factor, factor, 3)
    want = full.reshape(shape).mean(axis=(1, 3))
    small, _ = decode(encode(image, "png"), reduce=factor)
    assert small.shape == want.shape
    assert np.abs(small - want).max() <= 0.51  # rounded
    jpeg, _ = decode(encode(image, "jpeg", quality=100), reduce=factor)
    assert jpeg.shape == want.shape
    # The decoder drops high frequencies instead of averaging; on noise of 8 % that is a few levels.
    assert np.abs(jpeg - want).mean() < 6


def test_reduce_of_clear_pixels_takes_no_hidden_colour():
    image = np.zeros((4, 4, 4), np.uint8)
    image[..., 0] = 255
    image[:, ::2] = (0, 200, 0, 255)
    small, _ = decode(encode(image, "png"), reduce=2)
    np.testing.assert_array_equal(small, np.broadcast_to(np.array([0, 200, 0, 128], np.uint8), (2, 2, 4)))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_frames_are_asked_for(form):
    data = odd.frames(form, **({"lossless": True} if form == "WEBP" else {}))
    with pytest.raises(errors.MultiFrameError, match="frame=0 to frame=2"):
        decode(data)
    for frame in range(3):
        picture = PIL.Image.open(io.BytesIO(data))
        picture.seek(frame)
        got, _ = decode(data, frame=frame)
        np.testing.assert_array_equal(got[..., :3], np.asarray(picture.convert("RGB")))
    for wrong in (3, -1, 1.5, True):
        with pytest.raises(errors.ArgumentError, match="frames 0 to 2"):
            decode(data, frame=wrong)


def test_pages_of_different_kind():
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(photo(np.uint8, 3), photometric="rgb")
        file.write(photo(np.float32, 1, (20, 30)), photometric="minisblack", extratags=[(274, 3, 1, 6, True)])
    got, _ = decode(out.getvalue(), frame=1)
    np.testing.assert_array_equal(got, np.rot90(photo(np.float32, 1, (20, 30)), -1))
    with pytest.raises(errors.ImageTooLargeError, match="56x40"):
        decode(out.getvalue(), frame=1, max_pixels=600)


def test_previews_are_no_frames():
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(photo(np.uint8, 3), photometric="rgb")
        file.write(photo(np.uint8, 3, (20, 28)), photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(decode(out.getvalue())[0], photo(np.uint8, 3))


def test_interlaced_png():
    grey = photo(np.uint8, 1, (8, 8))
    passes = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
    body = b"".join(
        b"\0" + row.tobytes() for left, across, top, down in passes for row in grey[top::down, left::across]
    )
    data = odd.png(8, 8, 8, 0, [], interlaced=1, data=zlib.compress(body))
    np.testing.assert_array_equal(decode(data)[0], grey)
    cut = data[
        : data.index(b"IDAT") + 4 + struct.unpack(">I", data[data.index(b"IDAT") - 4 : data.index(b"IDAT")])[0] // 2
    ]
    with pytest.warns(UserWarning, match="what is missing"):
        assert decode(cut, on_damaged="keep")[0].shape == (8, 8)
