"""Seamless cloning beside OpenCV's seamlessClone."""

from __future__ import annotations

import cv2
import numpy as np
import skimage.data

import imgedit as ie
from benchmarks.harness import Row, extra_memory, in_turns

TITLE = "Seamless cloning"
ABOUT = """
A 512x512 picture into one of 1024x1024, and a region of 4 megapixels. OpenCV works in 8 bits on the mask's box,
whatever the mask's shape.
"""


def rows():
    source = skimage.data.astronaut()
    target = cv2.resize(skimage.data.coffee(), (1024, 1024), interpolation=cv2.INTER_CUBIC)
    box = np.zeros((512, 512), bool)
    box[1:-1, 1:-1] = True
    disc = np.hypot(*(np.mgrid[:512, :512] - 255.5)) < 250
    flags = {"import": cv2.NORMAL_CLONE, "mixed": cv2.MIXED_CLONE, "monochrome": cv2.MONOCHROME_TRANSFER}
    for shape, mask in (("box", box), ("disc", disc)):
        painted = mask.astype(np.uint8) * 255
        for mode, flag in flags.items():
            seconds = in_turns(
                {
                    "imgedit": lambda mask=mask, mode=mode: ie.seamless_clone(
                        source, target, mask, offset=(256, 256), mode=mode
                    ),
                    "OpenCV": lambda painted=painted, flag=flag: cv2.seamlessClone(
                        source, target, painted.copy(), (512, 512), flag
                    ),
                },
                turns=5,
            )
            if shape == "box":
                goal, holds = "1.5x OpenCV's time at most", seconds["imgedit"] < 1.5 * seconds["OpenCV"]
            else:
                goal, holds = "under 300 ms", seconds["imgedit"] < 0.3
            yield Row(f"{mode}, 512x512 {shape}", seconds, target=goal, holds=holds)
    large = cv2.resize(source, (2300, 2300), interpolation=cv2.INTER_CUBIC)
    ground = cv2.resize(target, (3000, 3000), interpolation=cv2.INTER_CUBIC)
    region = np.hypot(*(np.mgrid[:2300, :2300] - 1149.5)) < 1130

    def clone():
        return ie.seamless_clone(large, ground, region, offset=(300, 300))

    seconds = in_turns({"imgedit": clone}, turns=3)
    yield Row(
        "import, disc of 4 MP",
        seconds,
        target="under 3 s",
        holds=seconds["imgedit"] < 3,
        extra_mib=extra_memory(clone),
        output_mib=ground.nbytes / 2**20,
    )
