"""Diffusion inpainting beside OpenCV and scikit-image. Patch methods have their own module."""

from __future__ import annotations

import cv2
import numpy as np
import skimage.data
import skimage.restoration

import imgedit as ie
from benchmarks.harness import Row, extra_memory, in_turns

TITLE = "Inpainting by diffusion"
ABOUT = """
Holes of the sizes in the table of the public comparison (boxes in scikit-image's photos), scratches, and a hole in a
12-megapixel photo. OpenCV's Telea and Navier-Stokes are C++ and, on floats, wrong.
"""


def _box(size: tuple[int, int], high: int, wide: int) -> np.ndarray:
    mask = np.zeros(size, bool)
    top, left = (size[0] - high) // 2, (size[1] - wide) // 2
    mask[top : top + high, left : left + wide] = True
    return mask


def _scratches(size: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(0)
    mask = np.zeros(size, np.uint8)
    while mask.mean() < 0.03 * 255:
        start, end = rng.integers(0, size[::-1], (2, 2)).tolist()
        cv2.line(mask, start, end, 255, int(rng.integers(1, 4)))
    return mask > 0


def rows():
    photo = cv2.resize(skimage.data.astronaut(), (480, 360), interpolation=cv2.INTER_AREA)
    jobs = {
        "200x200, hole 1,680 px": (photo[:200, :200], _box((200, 200), 42, 40)),
        "290x195, hole 4,034 px": (photo[:290, 100:295], _box((290, 195), 63, 64)),
        "480x360, hole 36,000 px": (photo, _box((360, 480), 180, 200)),
        "480x360, scratches 3 %": (photo, _scratches((360, 480))),
    }
    flags = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}
    for name, (image, mask) in jobs.items():
        image = np.ascontiguousarray(image)
        for method, flag in flags.items():
            seconds = in_turns(
                {
                    "imgedit": lambda image=image, mask=mask, method=method: ie.inpaint(image, mask, method),
                    "OpenCV": lambda image=image, mask=mask, flag=flag: cv2.inpaint(
                        image, mask.view(np.uint8), 3, flag
                    ),
                }
            )
            holds = seconds["imgedit"] < min(0.3, 10 * seconds["OpenCV"])
            yield Row(f"{method}, {name}", seconds, target="10x OpenCV's time at most, under 0.3 s", holds=holds)
    for name, (image, mask) in jobs.items():
        image = np.ascontiguousarray(image)
        seconds = in_turns(
            {
                "imgedit": lambda image=image, mask=mask: ie.inpaint(image, mask, "biharmonic"),
                "scikit-image": lambda image=image, mask=mask: skimage.restoration.inpaint_biharmonic(
                    image, mask, channel_axis=-1
                ),
            },
            turns=5,
        )
        yield Row(f"biharmonic, {name}", seconds, holds=seconds["imgedit"] < seconds["scikit-image"], target="1x")
    large = np.tile(skimage.data.astronaut(), (6, 8, 1))[:3000, :4000].copy()
    hole = np.zeros(large.shape[:2], bool)
    hole[1200:1700, 1500:2000] = True
    for method in ("telea", "navier-stokes", "biharmonic", "harmonic", "push-pull"):
        jobs = {"imgedit": lambda method=method: ie.inpaint(large, hole, method)}
        if method in flags:
            jobs["OpenCV"] = lambda method=method: cv2.inpaint(large, hole.view(np.uint8), 3, flags[method])
        seconds = in_turns(jobs, turns=3)
        memory = extra_memory(lambda method=method: ie.inpaint(large, hole, method))
        yield Row(
            f"{method}, 500x500 hole in 12 MP",
            seconds,
            target="the hole's cost, not the photo's",
            extra_mib=memory,
            output_mib=large.nbytes / 2**20,
        )
    wide = cv2.resize(skimage.data.astronaut(), (1300, 1300), interpolation=cv2.INTER_CUBIC)
    disc = np.hypot(*(np.mgrid[:1300, :1300] - 649.5)) < 564.3
    seconds = in_turns({"imgedit": lambda: ie.inpaint(wide, disc, "biharmonic")}, turns=1)
    memory = extra_memory(lambda: ie.inpaint(wide, disc, "biharmonic"))
    yield Row(
        "biharmonic, hole of 1 MP",
        seconds,
        target="under 2 GiB",
        extra_mib=memory,
        output_mib=wide.nbytes / 2**20,
        holds=memory < 2048,
        note="scikit-image asks for more than there is",
    )
