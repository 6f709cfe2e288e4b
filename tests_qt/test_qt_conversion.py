"""QImage and array say the same, whatever format, stride, palette, alpha or colour space."""

import gc

import numpy as np
import pytest

import imgedit as ie
from imgedit.qt import from_qimage, to_qimage
from imgedit.qt.binding import QtGui

Format = QtGui.QImage.Format
ODD = (7, 5)  # rows of 5, 15 bytes: Qt pads them to 8 and 16


def picture(dtype, channels, shape=ODD):
    rng = np.random.default_rng(5)
    shape = shape if channels == 1 else (*shape, channels)
    if dtype == "float32":
        return rng.normal(0.5, 1, shape).astype(np.float32)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def pixel(qimage, x, y):
    """Straight RGBA of one pixel by Qt's own accessor, 0 to 65535."""
    color = qimage.pixelColor(x, y).rgba64()
    return color.red(), color.green(), color.blue(), color.alpha()


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_round_trip_is_exact(dtype, channels, copy):
    image = picture(dtype, channels)
    back = from_qimage(to_qimage(image), copy=copy)
    if dtype == "float32" and channels == 1:
        image = np.repeat(image[..., None], 3, axis=2)  # Qt has no grey floats; documented
    assert back.dtype == image.dtype
    np.testing.assert_array_equal(back, image)
    assert back.flags.writeable == copy
    assert back.flags.c_contiguous or not copy


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_qt_sees_the_same_colors(dtype, channels):
    image = picture(dtype, channels)
    qimage = to_qimage(image)
    step = 257 if dtype == "uint8" else 1
    for y, x in np.ndindex(ODD):
        rgb = image[y, x, :3] if channels > 1 else [image[y, x]] * 3
        alpha = image[y, x, 3] if channels == 4 else 65535 // step
        assert pixel(qimage, x, y) == tuple(int(v) * step for v in (*rgb, alpha))


def test_strides_of_views_are_followed():
    image = picture("uint16", 4, (20, 20))
    view = image[::-2, 3:17:3]
    np.testing.assert_array_equal(from_qimage(to_qimage(view)), view)


@pytest.mark.parametrize("name", ["RGB32", "ARGB32", "BGR888", "RGBX8888", "RGB888", "RGBA8888"])
def test_eight_bit_layouts_are_the_same_picture(name):
    image = picture("uint8", 4 if name.startswith(("ARGB", "RGBA")) else 3)
    qimage = to_qimage(image).convertToFormat(getattr(Format, f"Format_{name}"))
    for copy in (True, False):
        np.testing.assert_array_equal(from_qimage(qimage, copy=copy), image)


@pytest.mark.parametrize("name", ["ARGB32_Premultiplied", "RGBA8888_Premultiplied", "RGBA64_Premultiplied"])
def test_premultiplied_becomes_straight(name):
    bits = 16 if "64" in name else 8
    image = picture("uint16" if bits == 16 else "uint8", 4)
    image[..., 3] |= 1 << (bits - 1)  # at least half opaque, so that at most one level is lost
    back = from_qimage(to_qimage(image).convertToFormat(getattr(Format, f"Format_{name}")))
    np.testing.assert_array_equal(back[..., 3], image[..., 3])
    assert np.abs(back.astype(int) - image).max() <= 1


def test_palettes_keep_their_colors():
    qimage = QtGui.QImage(5, 2, Format.Format_Indexed8)
    qimage.setColorTable([0xFF000000, 0xFFFF8000, 0x80102030])
    qimage.fill(1)
    qimage.setPixel(4, 1, 2)
    image = from_qimage(qimage)
    assert image.shape == (2, 5, 4)
    assert image[0, 0].tolist() == [255, 128, 0, 255]
    assert image[1, 4].tolist() == [0x10, 0x20, 0x30, 0x80]
    qimage.setColorTable([0xFF000000, 0xFFFF8000, 0xFF102030])
    assert from_qimage(qimage)[1, 4].tolist() == [0x10, 0x20, 0x30]
    qimage.setColorTable([0xFF000000, 0xFF808080, 0xFF202020])
    assert from_qimage(qimage).tolist() == [[128] * 5, [128, 128, 128, 128, 32]]


@pytest.mark.parametrize("name", ["Mono", "MonoLSB"])
def test_mono_is_grey(name):
    qimage = QtGui.QImage(11, 2, getattr(Format, f"Format_{name}"))
    qimage.fill(0)
    qimage.setPixel(9, 1, 1)
    image = from_qimage(qimage)
    assert image.shape == (2, 11)
    assert image[1, 9] == 255
    assert image.sum() == 255


@pytest.mark.parametrize("name", ["RGB30", "A2RGB30_Premultiplied", "RGB16", "RGB444", "ARGB4444_Premultiplied"])
def test_packed_formats_lose_nothing(name):
    qimage = QtGui.QImage(5, 7, getattr(Format, f"Format_{name}"))
    qimage.fill(QtGui.QColor(200, 100, 50))
    image = from_qimage(qimage)
    assert image.dtype == (np.uint16 if "30" in name else np.uint8)
    white = 65535 if "30" in name else 255
    assert image.shape[2] == (4 if name.startswith("A") else 3)
    np.testing.assert_allclose(image[0, 0, :3] * (65535 / white), pixel(qimage, 0, 0)[:3], atol=1)


def test_half_floats_become_floats():
    image = (np.arange(24, dtype=np.float32) / 16).reshape(2, 4, 3)  # exact in half precision
    qimage = to_qimage(image).convertToFormat(Format.Format_RGBX16FPx4)
    np.testing.assert_array_equal(from_qimage(qimage), image)


def test_other_color_spaces_become_srgb():
    image = np.full((4, 4, 3), (200, 100, 50), np.uint8)
    qimage = to_qimage(image)
    assert qimage.colorSpace() == QtGui.QColorSpace(QtGui.QColorSpace.NamedColorSpace.SRgb)
    qimage.setColorSpace(QtGui.QColorSpace(QtGui.QColorSpace.NamedColorSpace.SRgbLinear))

    got = from_qimage(qimage)
    linear = image / 255
    formula = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_allclose(got, formula, atol=1)  # Qt rounds through its tables
    qimage.setColorSpace(QtGui.QColorSpace())
    np.testing.assert_array_equal(from_qimage(qimage), image)


def test_a_view_outlives_its_picture_and_does_not_change_with_it():
    qimage = to_qimage(np.full((300, 400, 3), 7, np.uint8))
    view = from_qimage(qimage, copy=False)
    qimage.fill(0)
    assert (view == 7).all()
    del qimage
    gc.collect()
    [to_qimage(np.zeros((300, 400, 3), np.uint8)) for _ in range(20)]
    assert (view == 7).all()
    assert ie.resize(view, scale=0.5).max() == 7


def test_no_copy_is_none():
    qimage = to_qimage(np.full((300, 400, 3), 7, np.uint8))
    first, second = (from_qimage(qimage, copy=False) for _ in range(2))
    assert np.shares_memory(first, second)


def test_a_picture_outlives_its_array():
    image = np.full((300, 400, 4), 9, np.uint8)
    qimage = to_qimage(image)
    image[:] = 0
    del image
    assert (from_qimage(qimage) == 9).all()


def test_wrong_things_are_refused():
    with pytest.raises(ie.errors.ImageError, match="null QImage"):
        from_qimage(QtGui.QImage())
    with pytest.raises(ie.errors.ImageError, match="give a"):
        from_qimage(np.zeros((3, 3), np.uint8))
    with pytest.raises(ie.errors.ImageError, match="toImage"):
        from_qimage(type("QPixmap", (), {"toImage": None})())
    with pytest.raises(ie.errors.ImageError, match="float64"):
        to_qimage(np.zeros((3, 3)))
