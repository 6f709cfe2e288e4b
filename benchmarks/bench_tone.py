"""Tone, look-up tables, filters, painting against Pillow, OpenCV and scikit-image."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import skimage.data
import skimage.restoration
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

import imgedit as ie
from benchmarks.harness import Row, extra_memory, in_turns

TITLE = "Tone, look-up tables, filters, painting"
ABOUT = """
A photograph enlarged to 3840x2160, 8-bit RGB, unless the row says otherwise. Pillow's and OpenCV's results are not
always the same picture: Pillow's contrast is linear and clips, its look-up tables are trilinear, its Gaussian is three
box filters; OpenCV's blur of 8-bit images is up to a level and a quarter off, ours is only rounded. scikit-image's
non-local means is given the same patches, reach and noise.
"""


def rows() -> Iterator[Row]:
    """Measure one job after the other."""
    photo = cv2.resize(skimage.data.chelsea(), (3840, 2160), interpolation=cv2.INTER_CUBIC)
    deep, picture = ie.to_uint16(photo), Image.fromarray(photo)
    yield _row("contrast, 8 bit", {
        "imgedit": lambda: ie.adjust(photo, contrast=0.3),
        "Pillow": lambda: ImageEnhance.Contrast(picture).enhance(1.3),
    })  # fmt: skip
    yield _row("exposure, 16 bit", {"imgedit": lambda: ie.adjust(deep, exposure=0.5)})
    yield _row("saturation and temperature in Oklab, 8 bit", {
        "imgedit": lambda: ie.adjust(photo, saturation=0.3, temperature=0.2),
        "Pillow (saturation in RGB)": lambda: ImageEnhance.Color(picture).enhance(1.3),
    })  # fmt: skip
    yield _row("auto levels, each channel", {
        "imgedit": lambda: ie.auto_levels(photo, per_channel=True),
        "Pillow": lambda: ImageOps.autocontrast(picture, cutoff=0.1),
    })  # fmt: skip
    lut = ie.Lut.fit(lambda image: ie.adjust(image, temperature=0.3, contrast=0.2))
    peer = ImageFilter.Color3DLUT(33, lut.table.ravel().tolist())
    yield _row("33-node .cube", {
        "imgedit": lambda: lut(photo),
        "Pillow (trilinear)": lambda: picture.filter(peer),
    })  # fmt: skip
    for radius in (2, 10, 40):
        side = 2 * int(np.ceil(4 * radius)) + 1
        peers = {
            "OpenCV": lambda radius=radius, side=side: cv2.GaussianBlur(photo, (side, side), radius),
            "Pillow": lambda radius=radius: picture.filter(ImageFilter.GaussianBlur(radius)),
        }
        if radius > 10:  # seconds a run, and no surprise
            del peers["OpenCV"]
        yield _row(f"Gaussian blur of {radius}", {
            "imgedit": lambda radius=radius: ie.blur(photo, radius=radius), **peers,
        })  # fmt: skip
    yield _row("box blur of 10", {
        "imgedit": lambda: ie.blur(photo, radius=10, method="box"),
        "OpenCV": lambda: cv2.blur(photo, (21, 21)),
        "Pillow": lambda: picture.filter(ImageFilter.BoxBlur(10)),
    })  # fmt: skip
    yield _row("unsharp mask", {
        "imgedit": lambda: ie.sharpen(photo, radius=2, amount=1),
        "Pillow": lambda: picture.filter(ImageFilter.UnsharpMask(2, 100, 0)),
    })  # fmt: skip
    small = ie.to_float(photo[:512, :512].copy())
    yield _row("non-local means, 512x512 float", {
        "imgedit": lambda: ie.denoise(small, strength=0.05),
        "scikit-image": lambda: skimage.restoration.denoise_nl_means(
            small, patch_size=5, patch_distance=5, h=0.04, sigma=0.05, fast_mode=True, channel_axis=2
        ),
    })  # fmt: skip
    mask = ie.blur(np.pad(np.ones((1080, 1920), np.float32), ((540, 540), (960, 960))), radius=10)
    soft = Image.fromarray(ie.to_uint8(mask))
    yield _row("fill a colour through a soft mask", {
        "imgedit": lambda: ie.fill(photo, mask, "tomato"),
        "Pillow": lambda: Image.composite(Image.new("RGB", picture.size, "tomato"), picture, soft),
    })  # fmt: skip
    yield _row("fill a gradient", {"imgedit": lambda: ie.fill(photo, None, "linear:0,0,1,1:navy,gold")})
    yield _row("fill fractal noise", {"imgedit": lambda: ie.fill(photo, None, "noise:fractal,200")})
    yield _row("flood fill", {"imgedit": lambda: ie.flood_fill(photo, (40, 40), "red", tolerance=0.2)})
    other = ie.blur(photo, radius=1)
    yield _row("ssim", {"imgedit": lambda: ie.ssim(photo, other)})


def _row(name: str, jobs: dict) -> Row:
    return Row(name, in_turns(jobs, turns=3), extra_mib=extra_memory(jobs["imgedit"]), output_mib=24)
