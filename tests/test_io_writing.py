"""What can't be written is refused by name; what is written stands whole, or the old file stays."""

from __future__ import annotations

import errno
import io
import os
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import odd_files as odd
import PIL.Image
import PIL.ImageCms
import pytest
from pictures import photo

import imgedit as ie
from imgedit import errors
from imgedit.io import FORMATS, decode, encode, files

POSIX = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX system")
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
IMAGE = photo(np.uint8, 3)


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(files.TEMPORARY)]


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp", ".gif", ".avif"])
def test_sixteen_bits_are_refused(suffix, tmp_path):
    with pytest.raises(errors.BitDepthError, match=r"ie\.convert\(image, depth=8\)"):
        ie.write(tmp_path / f"x{suffix}", np.full((4, 5, 3), 40000, np.uint16))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".gif", ".avif", ".jp2", ".ppm", ".pam"])
def test_floats_are_refused(suffix, tmp_path):
    for value in (0.5, np.nan, np.inf, -5):
        with pytest.raises(errors.BitDepthError, match=r"ie\.convert"):
            ie.write(tmp_path / f"x{suffix}", np.full((4, 5, 3), value, np.float32))


@pytest.mark.parametrize("dtype", [bool, np.int64, np.int32, np.uint32, np.float16, np.float64, np.int8])
def test_foreign_dtypes_are_refused_everywhere(dtype, tmp_path):
    for codec in FORMATS.values():
        with pytest.raises(errors.BitDepthError, match=np.dtype(dtype).name):
            ie.write(tmp_path / f"x{codec.suffixes[0]}", np.ones((4, 5, 3), dtype))


def test_channels_and_alpha():
    for channels in (1, 2, 5):
        with pytest.raises(errors.ChannelError, match=f"x{channels}"):
            encode(np.zeros((4, 5, channels), np.uint8), "png")
    for name in ("x.jpg", "x.ppm"):
        with pytest.raises(errors.AlphaLossError, match="background="):
            encode(photo(np.uint8, 4), "jpeg" if name == "x.jpg" else "pnm", name=name)
    with pytest.raises(errors.AlphaLossError, match=r"opaque everywhere.*channels='rgb'"):
        encode(np.full((4, 5, 4), 65535, np.uint16), "pnm")
    with pytest.raises(errors.ChannelError, match="PGM holds grey"):
        encode(IMAGE, "pnm", name="x.pgm")
    with pytest.raises(errors.BitDepthError, match="black and white"):
        encode(photo(np.uint8, 1), "pnm", name="x.pbm")
    grey = photo(np.uint8, 1)
    for name, form in (("x.ppm", "pnm"), ("x.gif", "gif")):
        got = decode(encode(grey, form, name=name))[0]
        np.testing.assert_array_equal(got, np.repeat(grey[..., None], 3, axis=2))
    for bad in ("photo.jpg", None, PIL.Image.new("RGB", (2, 2)), np.zeros((0, 4), np.uint8)):
        with pytest.raises(errors.ImageError):
            encode(bad, "png")


def test_light_that_hdr_can_not_hold():
    for value in (-0.1, np.nan, np.inf):
        with pytest.raises(errors.BitDepthError, match="clip"):
            encode(np.full((4, 5, 3), value, np.float32), "hdr")
    for value in (0.0, 1.0, 100.0):
        got, _ = decode(encode(np.full((4, 9, 3), value, np.float32), "hdr"))
        np.testing.assert_allclose(got, value, rtol=1 / 128)


def test_floats_come_through_whole():
    image = photo(np.float32, 3)
    image[0, :4, 0] = np.nan, np.inf, -5, 1e30
    for form in ("tiff", "pfm"):
        np.testing.assert_array_equal(decode(encode(image, form))[0], image)


@pytest.mark.parametrize(
    ("form", "most"), [("jpeg", 65500), ("webp", 16383), ("avif", 65536), ("gif", 65535), ("png", 1_000_000)]
)
def test_sides_that_a_format_can_not_hold(form, most):
    for shape in ((1, most + 1), (most + 1, 1)):
        with pytest.raises(errors.ImageTooLargeError, match=f"at most {most}"):
            encode(np.zeros(shape, np.uint8), form)


@pytest.mark.parametrize(("form", "settings", "word"), [
    ("jpeg", {"quality": 500}, "1 to 100"), ("jpeg", {"quality": -5}, "1 to 100"), ("jpeg", {"quality": 0}, "1 to 100"),
    ("jpeg", {"quality": 90.5}, "90.5"), ("jpeg", {"quality": True}, "True"), ("jpeg", {"quality": "high"}, "high"),
    ("jpeg", {"compression": 3}, "no parameter 'compression'"), ("jpeg", {"lossless": True}, "no parameter 'lossless'"),
    ("jpeg", {"subsampling": "411"}, "411"), ("png", {"quality": 90}, "no parameter 'quality'"),
    ("png", {"compression": 10}, "0 to 9"), ("tiff", {"compression": -1}, "0 to 9"),
    ("webp", {"lossless": "yes"}, "yes"), ("bmp", {"quality": 5}, "it takes none"), ("webp", {"quality": 101}, "101"),
    ("avif", {"subsampling": 420}, "420"), ("gif", {"progressive": True}, "no parameter"),
])  # fmt: skip
def test_parameters_are_checked(form, settings, word):
    with pytest.raises(errors.ParameterError, match=word):
        encode(IMAGE, form, **settings)


def test_parameters_do_what_they_say():
    noisy = photo(np.uint8, 3, (120, 160))
    sizes = [len(encode(noisy, form, quality=q)) for form in ("jpeg", "webp", "avif") for q in (20, 60, 95)]
    for form in range(3):
        assert sizes[3 * form] < sizes[3 * form + 1] < sizes[3 * form + 2]
    for form in ("png", "tiff"):
        smooth = np.repeat(np.repeat(IMAGE, 4, axis=0), 4, axis=1)
        assert len(encode(smooth, form, compression=9)) < len(encode(smooth, form, compression=0))
    np.testing.assert_array_equal(decode(encode(noisy, "webp", lossless=True))[0], noisy)
    progressive = encode(noisy, "jpeg", progressive=True)
    assert PIL.Image.open(io.BytesIO(progressive)).info["progressive"]
    assert len(encode(noisy, "jpeg", subsampling="420")) < len(encode(noisy, "jpeg", subsampling="444"))
    with pytest.raises(TypeError):
        encode(noisy, "jpeg", qualty=3)


@pytest.mark.parametrize("name", ["x", "x.tmp", "x.xyz", "x.exr", "x.heic", "x.svg", "x."])
def test_suffixes_that_are_no_format(name, tmp_path):
    with pytest.raises(errors.UnsupportedFormatError, match="suffix"):
        ie.write(tmp_path / name, IMAGE)
    assert not list(tmp_path.iterdir())


def test_the_format_can_be_named(tmp_path):
    path = tmp_path / "without"
    ie.write(path, IMAGE, format="png")
    assert ie.info(path).format == "png"
    with pytest.raises(errors.UnknownNameError, match="did you mean 'jpeg'"):
        ie.write(path, IMAGE, format="jpg")


def test_upper_case_suffixes(tmp_path):
    ie.write(tmp_path / "X.PNG", IMAGE)
    np.testing.assert_array_equal(ie.read(tmp_path / "X.PNG"), IMAGE)


def fill_disk(monkeypatch, code=errno.ENOSPC, after=100):
    real, written = os.write, [0]

    def write(descriptor, data):
        if written[0] >= after:
            raise OSError(code, os.strerror(code))
        done = real(descriptor, bytes(data[:64]))
        written[0] += done
        return done

    monkeypatch.setattr(files.os, "write", write)


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_full_disk_leaves_the_old_file(name, tmp_path, monkeypatch):
    codec = FORMATS[name]
    image = photo(np.dtype(codec.dtypes[-1]).type, 3)
    path = tmp_path / f"x{codec.suffixes[0]}"
    ie.write(path, image)
    before = path.read_bytes()
    fill_disk(monkeypatch)
    with pytest.raises(errors.OutOfSpaceError, match="untouched") as caught:
        ie.write(path, image[::-1])
    assert caught.value.errno == errno.ENOSPC
    assert isinstance(caught.value, OSError)
    assert path.read_bytes() == before
    with pytest.raises(errors.OutOfSpaceError):
        ie.write(tmp_path / f"new{codec.suffixes[0]}", image)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("code", [errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)])
def test_quota_and_file_size_limit(code, tmp_path, monkeypatch):
    fill_disk(monkeypatch, code)
    with pytest.raises(errors.OutOfSpaceError):
        ie.write(tmp_path / "x.png", IMAGE)
    assert not list(tmp_path.iterdir())


def test_other_trouble_comes_through_unchanged(tmp_path, monkeypatch):
    fill_disk(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as caught:
        ie.write(tmp_path / "x.png", IMAGE)
    assert not isinstance(caught.value, errors.ImgeditError)
    assert not list(tmp_path.iterdir())


@POSIX
def test_a_real_file_size_limit(tmp_path):
    """The system sends SIGXFSZ, which kills a process that does not ignore it (Python does)."""
    program = """
import resource, sys
import numpy as np
import imgedit as ie
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    ie.write(sys.argv[1], np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8))
except ie.errors.OutOfSpaceError:
    sys.exit(7)
"""
    path = tmp_path / "x.png"
    ie.write(path, IMAGE)
    before = path.read_bytes()
    run = subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=60)
    assert run.returncode == 7
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]


@POSIX
def test_kill_at_any_moment_leaves_old_or_new(tmp_path):
    program = """
import sys
import numpy as np
import imgedit as ie
pair = [np.full((900, 900, 3), value, np.uint8) for value in (1, 2)]
print("ready", flush=True)
for turn in range(10**6):
    ie.write(sys.argv[1], pair[turn % 2], compression=0)
"""
    path = tmp_path / "x.png"
    ie.write(path, np.full((900, 900, 3), 2, np.uint8))
    seen = set()
    for turn in range(4):
        process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(0.12 + 0.017 * turn)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        image = ie.read(path)
        assert image.shape == (900, 900, 3)
        assert image.min() == image.max()
        seen.add(int(image.max()))
    assert seen <= {1, 2}


def test_a_grey_image_does_not_keep_a_profile_for_rgb():
    srgb = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    grey = photo(np.uint8, 1)
    assert decode(encode(grey, "png", metadata=ie.Metadata(icc=srgb)))[1].icc is None
    wide = srgb.replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be")).replace(b"sRGB", b"wide")
    with pytest.raises(errors.ColorModelError, match="is for RGB"):
        encode(grey, "png", metadata=ie.Metadata(icc=wide))


def test_an_interrupt_leaves_nothing_behind(tmp_path, monkeypatch):
    def stop(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        ie.write(tmp_path / "x.png", IMAGE)
    assert not list(tmp_path.iterdir())


def test_the_temporary_file_is_hidden_beside_the_target_and_keeps_the_suffix(tmp_path, monkeypatch):
    seen = []
    real = os.replace

    def replace(source, target):
        seen.append((source, target))
        real(source, target)

    monkeypatch.setattr(files.os, "replace", replace)
    ie.write(tmp_path / "x.webp", IMAGE)
    source, target = seen[0]
    assert os.path.dirname(source) == os.path.dirname(target) == str(tmp_path)
    assert os.path.basename(source).startswith(".")
    assert source.endswith(".webp")


def test_folders_are_checked_before_work_starts(tmp_path, monkeypatch):
    def never(*_):
        raise AssertionError("encoded before the target was checked")

    monkeypatch.setattr("imgedit.io.writing.encode", never)
    with pytest.raises(FileNotFoundError, match="missing"):
        ie.write(tmp_path / "missing" / "x.png", IMAGE)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.png"):
        ie.write(tmp_path / "folder.png", IMAGE)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        ie.write(tmp_path / "file" / "x.png", IMAGE)
    if os.name == "posix" and not ROOT:
        tmp_path.chmod(0o500)
        with pytest.raises(PermissionError):
            ie.write(tmp_path / "x.png", IMAGE)
        tmp_path.chmod(0o700)


def test_overwriting_can_be_forbidden(tmp_path):
    path = tmp_path / "x.png"
    ie.write(path, IMAGE, overwrite=False)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        ie.write(path, IMAGE[::-1], overwrite=False)
    assert path.read_bytes() == before
    assert not leftovers(tmp_path)


def test_a_name_taken_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    monkeypatch.setattr(files, "check_target", lambda *_, **__: path.write_bytes(b"somebody else's"))
    with pytest.raises(FileExistsError):
        files.store(path, b"ours", overwrite=False)
    assert path.read_bytes() == b"somebody else's"
    assert not leftovers(tmp_path)


@POSIX
def test_links_are_replaced_unless_followed(tmp_path):
    target, link = tmp_path / "target.png", tmp_path / "link.png"
    ie.write(target, IMAGE)
    before = target.read_bytes()
    link.symlink_to(target)
    ie.write(link, IMAGE[::-1], follow=True)
    assert link.is_symlink()
    np.testing.assert_array_equal(ie.read(target), IMAGE[::-1])
    target.write_bytes(before)
    ie.write(link, IMAGE[::-1])
    assert not link.is_symlink()
    assert target.read_bytes() == before
    np.testing.assert_array_equal(ie.read(link), IMAGE[::-1])


@POSIX
def test_permissions_are_kept(tmp_path):
    path = tmp_path / "x.png"
    ie.write(path, IMAGE)
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    path.chmod(0o640)
    ie.write(path, IMAGE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_hidden_colour_is_scrubbed_on_request():
    image = photo(np.uint16, 4)
    hidden = image[..., 3] == 0
    assert image[hidden][:, :3].any()
    for form in ("png", "tiff"):
        np.testing.assert_array_equal(decode(encode(image, form))[0], image)
        got, _ = decode(encode(image, form, scrub_hidden=True))
        assert not got[hidden].any()
        np.testing.assert_array_equal(got[~hidden], image[~hidden])


CARRIERS = [name for name, codec in FORMATS.items() if codec.metadata]


@pytest.mark.parametrize("name", CARRIERS)
def test_metadata_is_carried(name):
    exif = PIL.Image.Exif()
    exif[0x010F], exif[0x0132] = "Maker", "2026:01:02 03:04:05"
    exif.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    exif.get_ifd(0x8825)[1] = "N"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><note>\xc3\xa4</note></x:xmpmeta>'
    icc = odd.icc_matrix_profile()
    given = ie.Metadata(exif.tobytes().removeprefix(b"Exif\0\0"), icc, xmp, (300.0, 150.0))
    data = encode(IMAGE, name, metadata=given)
    _, got = decode(data)
    assert got.icc == icc
    assert got.xmp == xmp
    if "resolution" in FORMATS[name].metadata:
        assert got.resolution == pytest.approx((300, 150), abs=0.02)  # PNG counts whole pixels a metre
    for read_back in (PIL.Image.Exif(), PIL.Image.open(io.BytesIO(data)).getexif()):
        if not len(read_back):
            read_back.load(b"Exif\0\0" + got.exif)
        assert read_back[0x010F] == "Maker"
        assert read_back.get_ifd(0x8769)[0x9003] == "2026:01:02 03:04:05"
        assert read_back.get_ifd(0x8825)[1] == "N"
    theirs = PIL.Image.open(io.BytesIO(data))
    assert theirs.info["icc_profile"] == icc
    assert decode(encode(decode(data)[0], "tiff", metadata=got))[1].xmp == xmp


def test_a_long_profile_is_cut_into_segments():
    icc = odd.icc_matrix_profile() + np.random.default_rng(0).bytes(150_000)
    data = encode(IMAGE, "jpeg", metadata=ie.Metadata(icc=icc))
    assert decode(data)[1].icc == icc
    assert PIL.Image.open(io.BytesIO(data)).info["icc_profile"] == icc
    with pytest.raises(errors.ParameterError, match="EXIF metadata"):
        encode(IMAGE, "jpeg", metadata=ie.Metadata(exif=bytes(70_000)))


def test_carried_metadata_describes_the_new_picture():
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    inner = exif.get_ifd(0x8769)
    inner[0xA002], inner[0xA003] = 56, 40
    xmp = b'<rdf:Description tiff:Orientation="6"/><tiff:Orientation>6</tiff:Orientation>'
    data = encode(IMAGE, "png", metadata=ie.Metadata(exif.tobytes().removeprefix(b"Exif\0\0"), None, xmp))
    turned, metadata = decode(data)
    assert turned.shape == (56, 40, 3)
    assert metadata.xmp.count(b'"1"') == 1
    assert metadata.xmp.count(b">1<") == 1
    again = PIL.Image.open(io.BytesIO(encode(turned[:30], "png", metadata=metadata))).getexif()
    assert again[0x0112] == 1
    assert (again.get_ifd(0x8769)[0xA002], again.get_ifd(0x8769)[0xA003]) == (40, 30)


def test_the_thumbnail_does_not_survive():
    secret = encode(photo(np.uint8, 3, (16, 16)), "jpeg")
    head = odd.exif_with_orientation(1)[:-4] + (26).to_bytes(4, "big")
    second = b"\0\2\2\1\0\4\0\0\0\1\0\0\0\x38\2\2\0\4\0\0\0\1" + len(secret).to_bytes(4, "big") + bytes(4)
    data = encode(IMAGE, "png", metadata=ie.Metadata(exif=head + second + secret))
    _, metadata = decode(data)
    assert secret[20:60] not in metadata.exif
    assert len(metadata.exif) == len(head + second)
    exif = PIL.Image.Exif()
    exif.load(b"Exif\0\0" + metadata.exif)
    assert dict(exif) == {0x0112: 1}


@pytest.mark.parametrize("exif", [b"", b"II*\0", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"nonsense" * 9])
def test_broken_exif_does_no_harm(exif):
    data = encode(IMAGE, "jpeg", metadata=ie.Metadata(exif=exif))
    got, metadata = decode(data)
    assert got.shape == IMAGE.shape
    assert metadata.resolution is None
    encode(got, "tiff", metadata=metadata)


def test_metadata_of_a_wrong_kind():
    with pytest.raises(errors.ArgumentError, match="with_metadata=True"):
        encode(IMAGE, "png", metadata={"exif": b""})


def test_colours_that_would_change_are_refused():
    metadata = ie.Metadata(icc=odd.icc_matrix_profile())
    with pytest.raises(errors.ColorModelError, match="Test RGB"):
        encode(IMAGE, "bmp", metadata=metadata)
    srgb = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    assert decode(encode(IMAGE, "bmp", metadata=ie.Metadata(icc=srgb)))[1] == ie.Metadata()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [3, 4])
def test_profiles_are_converted_to_srgb(dtype, channels):
    """The law: a profile of gamma 1.8 with sRGB's primaries, red and blue swapped, by its own formula in float64."""
    image = photo(dtype, channels)
    data = encode(image, "tiff", metadata=ie.Metadata(icc=odd.icc_matrix_profile(1.8, swap=True)))
    kept, metadata = decode(data)
    np.testing.assert_array_equal(kept, image)
    assert metadata.icc is not None
    got, metadata = decode(data, icc="srgb")
    assert metadata.icc is None
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    linear = (image[..., 2::-1].astype(np.float64) / white).clip(0) ** (461 / 256)  # as the profile can hold it
    want = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    # LittleCMS rounds on the way to 8 bits; the profile's matrix has steps of 1/65536, which black amplifies 13 times.
    tolerance = {np.uint8: 1.6 / 255, np.uint16: 2e-4, np.float32: 2e-4}[dtype]
    assert np.abs(got[..., :3].astype(np.float64) / white - want).max() < tolerance
    if channels == 4:
        np.testing.assert_array_equal(got[..., 3], image[..., 3])


def test_srgb_stays_as_it_is_and_foreign_profiles_are_refused():
    srgb = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    data = encode(IMAGE, "png", metadata=ie.Metadata(icc=srgb))
    got, metadata = decode(data, icc="srgb")
    np.testing.assert_array_equal(got, IMAGE)
    assert metadata.icc is None
    profile = odd.icc_matrix_profile()
    broken = [profile[:200], profile[:16] + b"CMYK" + profile[20:], b"rubbish"]
    for icc in broken:
        for image in (IMAGE, photo(np.uint16, 3)):
            with pytest.raises(errors.ColorModelError, match="icc='keep'"):
                decode(encode(image, "png", metadata=ie.Metadata(icc=icc)), icc="srgb")


def test_profile_names(tmp_path):
    path = tmp_path / "x.png"
    ie.write(path, IMAGE, metadata=ie.Metadata(icc=odd.icc_matrix_profile()))
    assert ie.info(path).profile == "Test RGB"
    srgb = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    ie.write(path, IMAGE, metadata=ie.Metadata(icc=srgb))
    assert ie.info(path).profile == "sRGB built-in"


def test_metadata_is_a_value():
    import pickle

    metadata = ie.Metadata(b"II*\0", b"icc", b"xmp", (72.0, 72.0))
    assert pickle.loads(pickle.dumps(metadata)) == metadata
    assert repr(metadata) == "Metadata(exif=4 bytes, icc=3 bytes, xmp=3 bytes, resolution=72x72)"


def test_standard_streams():
    program = """
import imgedit as ie
image, metadata = ie.read("-", with_metadata=True)
ie.write("-", image[::-1], metadata=metadata, format="png")
"""
    run = subprocess.run(
        [sys.executable, "-c", program], input=encode(IMAGE, "png"), capture_output=True, check=True, timeout=60
    )
    np.testing.assert_array_equal(decode(run.stdout)[0], IMAGE[::-1])


def test_stores_through_fsspec(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    ie.write("memory://bucket/x.png", IMAGE)
    np.testing.assert_array_equal(ie.read("memory://bucket/x.png"), IMAGE)
    assert ie.info("memory://bucket/x.png").format == "png"
    with pytest.raises(FileExistsError):
        ie.write("memory://bucket/x.png", IMAGE, overwrite=False)
    with pytest.raises(FileNotFoundError):
        ie.read("memory://bucket/missing.png")
    fsspec.filesystem("memory").pipe("/bucket/long.png", bytes(1000))
    with pytest.raises(errors.ImageTooLargeError, match="max_bytes="):
        ie.read("memory://bucket/long.png", max_bytes=999)
    path = tmp_path / "a b.png"
    ie.write(path.as_uri(), IMAGE)
    np.testing.assert_array_equal(ie.read(path.as_uri()), IMAGE)
    assert path.exists()


def test_without_fsspec_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    for url, extra in {"https://host/x.png": "storage", "s3://bucket/x.png": "s3", "gs://bucket/x.png": "gcs"}.items():
        with pytest.raises(errors.MissingExtraError, match=rf"imgedit\[{extra}\]"):
            ie.read(url)


def test_without_the_library_of_a_store_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(errors.MissingExtraError, match=r"needs s3fs.*imgedit\[s3\]"):
        ie.write("s3://bucket/x.png", np.zeros((2, 2), np.uint8))


def test_suffixes_of_urls():
    assert files.suffix_of("https://host/a.b/photo.JPG?size=3.png#x") == ".jpg"
    assert files.suffix_of(b"photo.tar.Png") == ".png"


def test_what_is_encoded_wrongly_never_reaches_the_disk(tmp_path, monkeypatch):
    import dataclasses

    codec = dataclasses.replace(FORMATS["png"], encode=lambda *_: encode(IMAGE[:5], "bmp"))
    monkeypatch.setitem(FORMATS._rows, "png", codec)
    with pytest.raises(errors.FileError):
        ie.write(tmp_path / "x.png", IMAGE)
    assert not list(tmp_path.iterdir())


def test_image_and_path_in_the_wrong_order_are_told():
    with pytest.raises(errors.ArgumentError, match="path is of type ndarray; the path comes first, then the image"):
        ie.write(np.zeros((4, 4), np.uint8), "x.png")
