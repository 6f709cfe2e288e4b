"""Pictures between NumPy and Qt, exactly.

A QImage is shared by counting: any number of C++ objects may hold its memory after the Python object is gone. Memory
of an array can't be lent to it safely, since neither binding tells when the last of them lets go, so `to_qimage` makes
one copy. The other way is safe without one: a view keeps a QImage of its own, and Qt copies on write.
"""

from __future__ import annotations

import sys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError, ImageError
from imgedit.pixels import Image, check
from imgedit.qt.binding import BINDING, QtGui

__all__ = ["from_qimage", "to_qimage"]

Format = QtGui.QImage.Format

# Formats that hold an image as it is: (dtype, channels) -> format. Qt has neither RGB without a fourth channel in 16
# bits nor grey in floating point.
FORMATS = {
    ("uint8", 1): Format.Format_Grayscale8,
    ("uint8", 3): Format.Format_RGB888,
    ("uint8", 4): Format.Format_RGBA8888,
    ("uint16", 1): Format.Format_Grayscale16,
    ("uint16", 3): Format.Format_RGBX64,
    ("uint16", 4): Format.Format_RGBA64,
    ("float32", 1): Format.Format_RGBX32FPx4,
    ("float32", 3): Format.Format_RGBX32FPx4,
    ("float32", 4): Format.Format_RGBA32FPx4,
}

# Where red, green, blue (and alpha) stand in a pixel of the formats that are read without Qt's help: dtype, numbers a
# pixel, the first channel, the step from one to the next, how many.
LAYOUTS = {
    Format.Format_Grayscale8: ("uint8", 1, 0, 1, 1),
    Format.Format_RGB888: ("uint8", 3, 0, 1, 3),
    Format.Format_BGR888: ("uint8", 3, 2, -1, 3),
    Format.Format_RGBX8888: ("uint8", 4, 0, 1, 3),
    Format.Format_RGBA8888: ("uint8", 4, 0, 1, 4),
    Format.Format_Grayscale16: ("uint16", 1, 0, 1, 1),
    Format.Format_RGBX64: ("uint16", 4, 0, 1, 3),
    Format.Format_RGBA64: ("uint16", 4, 0, 1, 4),
    Format.Format_RGBX32FPx4: ("float32", 4, 0, 1, 3),
    Format.Format_RGBA32FPx4: ("float32", 4, 0, 1, 4),
}
# RGB32 is one number of 32 bits, 0xffRRGGBB: its bytes stand in the machine's order.
LAYOUTS[Format.Format_RGB32] = ("uint8", 4, 2, -1, 3) if sys.byteorder == "little" else ("uint8", 4, 1, 1, 3)


def to_qimage(image: Image) -> Any:
    """QImage of an image, marked as sRGB.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4 (straight alpha) in RGB order; uint8, uint16 or float32. Any strides.

    Returns
    -------
    QImage
        With memory of its own. uint8 becomes Grayscale8, RGB888 or RGBA8888; uint16 Grayscale16, RGBX64 or RGBA64;
        float32 RGBX32FPx4 (grey too, as equal channels) or RGBA32FPx4. The numbers are those of the array.

    Raises
    ------
    ImageError
        Not an image.

    Examples
    --------
    >>> import imgedit.qt
    >>> picture = imgedit.qt.to_qimage(np.zeros((20, 30, 3), np.uint8))
    >>> picture.width(), picture.height(), picture.format().name
    (30, 20, 'Format_RGB888')
    """
    image = check(image)
    channels = 1 if image.ndim == 2 else image.shape[2]
    height, width = image.shape[:2]
    picture = QtGui.QImage(width, height, FORMATS[image.dtype.name, channels])
    if picture.isNull():
        raise ImageError("image", f"is {height}x{width}, more than Qt can hold", "scale it down with ie.resize first")
    picture.setColorSpace(QtGui.QColorSpace(QtGui.QColorSpace.NamedColorSpace.SRgb))
    _, numbers, _, _, count = LAYOUTS[picture.format()]
    rows = _memory(picture)[:, : width * numbers * image.dtype.itemsize].view(image.dtype)
    if count == numbers:
        rows[:] = image.reshape(height, width * numbers)
        return picture
    pixels = rows.reshape(height, width, numbers)
    pixels[..., :count] = image if image.ndim == 3 else image[..., None]
    pixels[..., count:] = 65535 if image.dtype == np.uint16 else 1  # what is no alpha still has to be opaque
    return picture


def from_qimage(picture: Any, *, copy: bool = True) -> Image:
    """Image of a QImage.

    Parameters
    ----------
    picture : QImage
        Of any format. A valid colour space other than sRGB is converted; one that is not valid is taken for sRGB.
        Its device pixel ratio plays no part: the image has all its pixels.
    copy : bool
        False lends Qt's memory where its format is one that an array can describe (grey, RGB888, BGR888, RGB32,
        RGBX8888, RGBA8888, RGBX64, RGBA64, 32-bit floats): a read-only view, good for every verb. It keeps the memory
        alive, and since Qt copies on write it stays what it was when the picture is painted on. The exception is a
        QImage that was itself made on foreign memory: that must outlive the view. Other formats are converted.

    Returns
    -------
    ndarray
        HxW, HxWx3 or HxWx4 with straight alpha. uint8; uint16 for formats of more than 8 bits a channel; float32 for
        formats of floating point. Palettes (Indexed8, Mono) become grey where all their colours are grey and opaque.

    Raises
    ------
    ImageError
        Not a QImage, a null one, or one with a colour space that Qt can't convert.

    Examples
    --------
    >>> import imgedit.qt
    >>> image = np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4)
    >>> np.array_equal(imgedit.qt.from_qimage(imgedit.qt.to_qimage(image)), image)
    True
    """
    picture = _readable(_in_srgb(_checked(picture)))
    dtype, numbers, first, step, count = LAYOUTS[picture.format()]
    height, width = picture.height(), picture.width()
    lent = np.asarray(_Lent(picture, np.dtype(dtype), width * numbers))
    if count == 1 or (count == numbers and step == 1):
        flat = lent.copy() if copy else lent
        return flat if count == 1 else flat.reshape(height, width, count)
    pixels = lent.reshape(height, width, numbers)
    if not copy:
        after = first + count * step
        return pixels[..., first : after if after >= 0 else None : step]
    image = np.empty((height, width, count), dtype)
    cv2.mixChannels([pixels], [image], [n for c in range(count) for n in (first + c * step, c)])
    return image


class _Lent:
    """Memory of a picture as NumPy's array interface; an array made of it keeps it, and with it the picture."""

    def __init__(self, picture: Any, dtype: np.dtype[Any], columns: int) -> None:
        # A QImage of our own: when the caller's is painted on, it leaves this memory to us.
        self._picture = QtGui.QImage(picture)
        self.__array_interface__ = {
            "version": 3,
            "typestr": dtype.str,
            "shape": (picture.height(), columns),
            "strides": (picture.bytesPerLine(), dtype.itemsize),
            "data": (_address(self._picture), True),
        }


def _address(picture: Any) -> int:
    bits = picture.constBits()
    return int(np.frombuffer(bits, np.uint8).ctypes.data if BINDING == "PySide6" else bits)


def _memory(picture: Any) -> NDArray[np.uint8]:
    """Bytes of a picture that nobody shares yet, to write to: height x bytes per line."""
    bits = picture.bits()
    if BINDING == "PyQt6":
        bits.setsize(picture.sizeInBytes())
    return np.frombuffer(bits, np.uint8).reshape(picture.height(), picture.bytesPerLine())


def _checked(picture: Any) -> Any:
    if not isinstance(picture, QtGui.QImage):
        kind = f"{type(picture).__module__}.{type(picture).__qualname__}"
        remedy = "call its toImage()" if hasattr(picture, "toImage") else f"give a {BINDING} QImage"
        raise ImageError("picture", f"is a {kind}", remedy)
    if picture.isNull():
        raise ImageError("picture", "is a null QImage", "load or draw something first")
    return picture


def _in_srgb(picture: Any) -> Any:
    space = picture.colorSpace()
    srgb = QtGui.QColorSpace(QtGui.QColorSpace.NamedColorSpace.SRgb)
    if not space.isValid() or space == srgb:
        return picture
    converted = picture.convertedToColorSpace(srgb)
    if converted.isNull():
        problem = f"has the colour space {space.description()!r}, which Qt can't convert to sRGB"
        raise ImageError("picture", problem, "clear it with setColorSpace(QColorSpace()) if its numbers are sRGB")
    return converted


def _readable(picture: Any) -> Any:
    """Picture in one of the formats of LAYOUTS that holds all it has."""
    if picture.format() in LAYOUTS:
        return picture
    converted = picture.convertToFormat(_target(picture))
    if converted.isNull():
        raise ArgumentError("picture", f"of {picture.format().name} needs too much memory", "scale it down first")
    return converted


def _target(picture: Any) -> Any:
    layout = picture.pixelFormat()
    if layout.typeInterpretation() == QtGui.QPixelFormat.TypeInterpretation.FloatingPoint:
        dtype = "float32"
    else:
        dtype = "uint16" if layout.redSize() > 8 else "uint8"
    palette = np.array(picture.colorTable(), np.uint32)
    if len(palette) and _grey_and_opaque(palette):
        return FORMATS[dtype, 1]
    return FORMATS[dtype, 4 if picture.hasAlphaChannel() else 3]


def _grey_and_opaque(colors: NDArray[np.uint32]) -> bool:
    """Whether all colours (0xAARRGGBB) are shades of grey without transparency."""
    blue = colors & 0xFF
    return bool(np.all(colors == (0xFF000000 | blue * 0x010101)))
