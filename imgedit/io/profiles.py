"""Colour profiles (ICC.1:2022): naming them, and bringing pixels from them to sRGB.

8-bit pixels go through LittleCMS, relative colorimetric with black point compensation. LittleCMS as Pillow offers it
holds 8 bits only, so 16-bit and float pixels go through the profile's own matrix and curves here (annex F.3); profiles
made of tables have no such formula and are refused for them. CIE Lab (TIFF) is converted by its definition.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ColorModelError
from imgedit.pixels import Image, as_float, join_alpha, like, split_alpha
from imgedit.strips import each_strip

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["cmyk_to_srgb", "encode_srgb", "is_srgb", "lab_to_srgb", "profile_name", "to_srgb"]

# D50 is the white of every profile; sRGB's matrix (IEC 61966-2-1) is adapted to it by Bradford's method.
D50 = np.array([0.9642, 1.0, 0.8249])
XYZ_OF_SRGB = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
SRGB_OF_XYZ = np.linalg.inv(XYZ_OF_SRGB)
BLACK_POINT_COMPENSATION = 0x2000


def profile_name(icc: bytes | None) -> str | None:
    """Give a profile's own description, or None where there is no profile or it has none."""
    body = _tag(icc, b"desc")
    if body is None:
        return None
    if body[:4] == b"desc":
        return body[12 : 12 + int.from_bytes(body[8:12], "big")].split(b"\0")[0].decode("latin-1").strip() or None
    if body[:4] == b"mluc" and len(body) >= 28:
        length, at = struct.unpack_from(">II", body, 20)
        return body[at : at + length].decode("utf-16-be", "replace").strip("\0 ") or None
    return None


def is_srgb(icc: bytes | None) -> bool:
    """Say whether pixels in this profile can be taken for sRGB as they are; no profile stands for sRGB."""
    return icc is None or "srgb" in (profile_name(icc) or "").lower()


def _tag(icc: bytes | None, name: bytes) -> bytes | None:
    if icc is None or len(icc) < 132:
        return None
    (count,) = struct.unpack_from(">I", icc, 128)
    for at in range(132, min(132 + 12 * count, len(icc) - 11), 12):
        kind, start, length = struct.unpack_from(">4sII", icc, at)
        if kind == name:
            return icc[start : start + length]
    return None


def cmyk_to_srgb(picture: PIL.Image.Image, icc: bytes | None, name: str) -> Image:
    """Bring a decoded CMYK picture to sRGB through its profile.

    Parameters
    ----------
    picture : PIL.Image.Image
        Mode CMYK, 0 for no ink.
    icc : bytes or None
        Its profile.
    name : str
        The file, for messages.

    Returns
    -------
    ndarray of uint8
        HxWx3.

    Raises
    ------
    ColorModelError
        No profile, or one that is not for CMYK: then the inks have no known colour.
    """
    if icc is None or icc[16:20] != b"CMYK":
        what = "without a colour profile" if icc is None else "whose profile is not for CMYK"
        raise ColorModelError(name, f"is CMYK {what}, so its colours are unknown; convert it to RGB where it was made")
    return np.array(_through_lcms(picture, icc, "RGB", name))


def _through_lcms(picture: PIL.Image.Image, icc: bytes, mode: str, name: str) -> PIL.Image.Image:
    from PIL import ImageCms

    try:
        converted = ImageCms.profileToProfile(
            picture,
            ImageCms.ImageCmsProfile(io.BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode=mode,
            flags=ImageCms.Flags(BLACK_POINT_COMPENSATION),
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as failure:
        raise ColorModelError(
            name, f"has a colour profile that can't be used ({failure}); read it with icc='keep'"
        ) from failure
    assert converted is not None
    return converted


def to_srgb(image: Image, icc: bytes | None, name: str) -> Image:
    """Bring the pixels of an image from its profile to sRGB.

    Parameters
    ----------
    image : ndarray
        A checked image; alpha stays as it is.
    icc : bytes or None
        Its profile; without one, or with sRGB's own, the image comes back as it is.
    name : str
        The file, for messages.

    Returns
    -------
    ndarray
        Same shape and dtype. Grey stays grey.

    Raises
    ------
    ColorModelError
        A broken profile, one for other colours than the image has, or one made of tables with 16-bit or float pixels.
    """
    if icc is None or is_srgb(icc):
        return image
    color, alpha = split_alpha(image)
    space = icc[16:20]
    if space == b"GRAY" and color.ndim == 3 and alpha is not None:
        color = color[..., 0]  # a grey file with alpha was widened to RGBA
    if space != (b"GRAY" if color.ndim == 2 else b"RGB "):
        raise ColorModelError(
            name,
            f"has a profile for {space.decode('latin-1').strip() or 'nothing'}, not for its pixels; use icc='keep'",
        )
    if color.dtype == np.uint8:
        converted = _convert_8_bit(np.ascontiguousarray(color), icc, name)
    else:
        converted = _convert_by_formula(color, icc, name)
    return join_alpha(converted, alpha)


def _convert_8_bit(color: Image, icc: bytes, name: str) -> Image:
    import PIL.Image

    out = np.array(_through_lcms(PIL.Image.fromarray(color), icc, "RGB", name))
    return np.ascontiguousarray(out[..., 1]) if color.ndim == 2 else out


def _convert_by_formula(color: Image, icc: bytes, name: str) -> Image:
    planes = [b"kTRC"] if color.ndim == 2 else [b"rTRC", b"gTRC", b"bTRC"]
    curves = [_tag(icc, plane) for plane in planes]
    columns = [_tag(icc, column) for column in (b"rXYZ", b"gXYZ", b"bXYZ")] if color.ndim == 3 else []
    if None in curves or None in columns or _tag(icc, b"A2B0") is not None:
        raise ColorModelError(
            name, f"has a profile made of tables, which can't be applied to {color.dtype}; use icc='keep' or 8 bits"
        )
    try:
        matrix = np.array([np.frombuffer(column[8:20], ">i4") / 65536 for column in columns if column]).T
        linear_of = [_curve(curve) for curve in curves if curve]
    except (ValueError, struct.error, IndexError) as failure:
        raise ColorModelError(name, "has a broken colour profile; read it with icc='keep'") from failure
    out = np.empty(color.shape, color.dtype)

    def work(top: int, bottom: int) -> None:
        strip = as_float(np.ascontiguousarray(color[top:bottom])).astype(np.float64)
        if color.ndim == 2:
            linear = linear_of[0](strip)
        else:
            linear = np.stack([curve(strip[..., i]) for i, curve in enumerate(linear_of)], axis=-1)
            linear = linear @ (SRGB_OF_XYZ @ matrix).T
        out[top:bottom] = like(encode_srgb(linear).astype(np.float32), color.dtype)

    each_strip(work, color.shape[0], row_bytes=24 * color[0].size)
    return out


def _curve(body: bytes) -> Any:
    """Make a function to linear light from a 'curv' or 'para' tag (ICC.1, 10.6 and 10.18)."""
    if body[:4] == b"curv":
        (count,) = struct.unpack_from(">I", body, 8)
        if count == 0:
            return lambda x: x
        points = np.frombuffer(body, ">u2", count, 12)
        if count == 1:
            return lambda x: np.maximum(x, 0) ** (points[0] / 256)
        return lambda x: np.interp(x, np.linspace(0, 1, count), points / 65535)
    if body[:4] == b"para":
        kind = int.from_bytes(body[8:10], "big")
        count = (1, 3, 4, 5, 7)[kind]
        g, a, b, c, d, e, f = _parameters(kind, np.frombuffer(body, ">i4", count, 12) / 65536)
        return lambda x: np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)
    raise ValueError(f"a curve of kind {body[:4]!r}")


def _parameters(kind: int, p: NDArray[np.float64]) -> tuple[float, ...]:
    """Bring the five kinds of parametric curve to the last: (a x + b)^g + e from d on, c x + f below."""
    g, a, b, c, d, e, f = p[0], 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind == 1:
        a, b = p[1], p[2]
        d = -b / a
    elif kind == 2:
        a, b, e = p[1], p[2], p[3]
        d, f = -b / a, p[3]
    elif kind >= 3:
        a, b, c, d = p[1:5]
        e, f = (p[5], p[6]) if kind == 4 else (0.0, 0.0)
    return tuple(float(x) for x in (g, a, b, c, d, e, f))


def encode_srgb(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Encode linear light with sRGB's curve (IEC 61966-2-1); negative light is mirrored."""
    size = np.abs(linear)
    encoded = np.where(size <= 0.0031308, 12.92 * size, 1.055 * np.maximum(size, 1e-12) ** (1 / 2.4) - 0.055)
    return np.copysign(encoded, linear)


def lab_to_srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring CIE L*a*b* under D50 to encoded sRGB.

    Parameters
    ----------
    lab : ndarray of float64
        HxWx3; L* 0 to 100, a* and b* as they are.

    Returns
    -------
    ndarray of float64
        HxWx3, beyond [0, 1] where sRGB can't hold the colour.

    References
    ----------
    CIE 15:2018, equations 8.3 to 8.5 inverted.
    """
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * D50
    return encode_srgb(xyz @ SRGB_OF_XYZ.T)
