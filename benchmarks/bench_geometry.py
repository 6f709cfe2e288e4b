"""Resize, rotate and warp a 4K picture, against Pillow, pyvips and the bare OpenCV call where that does the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import PIL.Image
import pyvips

import imgedit as ie
from benchmarks.harness import Row, extra_memory, in_turns

TITLE = "Geometry"
ABOUT = """
One 3840x2160 8-bit picture (waves and noise; RGBA with a soft alpha ramp), in memory. Pillow and pyvips run the same
filter; pyvips with its result in memory, and without premultiplying RGBA (Pillow premultiplies when it resizes RGBA and
not when it turns it). The column `cv2` stands where one OpenCV call gives the same result: there the target is its time
plus 10 %. Warps that shrink are antialiased here only; their peers alias.
"""

PILLOW = {"lanczos3": 1, "linear": 2, "cubic": 3, "box": 4}
VIPS = {"lanczos3": "lanczos3", "cubic": "cubic", "linear": "linear", "mitchell": "mitchell"}
SIZES = {"1/2": (1080, 1920), "1/3": (720, 1280), "to 1000 wide": (562, 1000), "x1.5": (3240, 5760)}
# All filters where the picture is halved; elsewhere those that a size is hardest for.
FILTERS = {
    "1/2": ("lanczos3", "cubic", "linear", "box"),
    "1/3": ("lanczos3", "box"),
    "to 1000 wide": ("lanczos3", "linear", "box"),
    "x1.5": ("lanczos3", "cubic", "linear", "box"),
}


def picture(channels: int) -> np.ndarray:
    """Smooth waves and noise; the last of four channels is a ramp with clear and opaque ends."""
    y, x = np.mgrid[:2160, :3840].astype(np.float32)
    rng = np.random.default_rng(0)
    planes = [127 + 90 * np.sin(x / (30 + 9 * c) + y / 50) for c in range(3)]
    image = np.stack(planes, -1) + rng.normal(0, 8, (2160, 3840, 1))
    if channels == 4:
        image = np.concatenate([image, (x * 0.1 - 60)[..., None]], -1)
    return np.rint(image.clip(0, 255)).astype(np.uint8)


def row(name: str, jobs: dict[str, Callable[[], object]], target: str, factor: float, peer: str) -> Row:
    seconds = in_turns(jobs, turns=11)
    result = jobs["imgedit"]()
    size = result.nbytes / 2**20
    memory = extra_memory(jobs["imgedit"])
    fast = seconds[peer] / seconds["imgedit"] >= factor
    small = memory <= 3 * size + 64
    note = "" if small else "over the memory target"
    return Row(name, seconds, target, memory, size, note, bool(fast and small))


def resizing(channels: int) -> Iterator[Row]:
    image = picture(channels)
    pillow = PIL.Image.fromarray(image)
    vips = pyvips.Image.new_from_array(image).copy_memory()
    kind = "RGBA" if channels == 4 else "RGB"
    for label, size in SIZES.items():
        for filter in FILTERS[label]:
            jobs: dict[str, Callable[[], object]] = {
                "imgedit": lambda s=size, f=filter: ie.resize(image, s, filter=f),
                "Pillow": lambda s=size, f=filter: pillow.resize(s[::-1], PILLOW[f]),
            }
            if filter in VIPS:
                across, down = size[1] / 3840, size[0] / 2160
                jobs["pyvips"] = lambda a=across, d=down, f=filter: vips.resize(
                    a, vscale=d, kernel=VIPS[f]
                ).copy_memory()
            if filter == "linear" and channels == 3 and label == "x1.5":
                jobs["cv2"] = lambda s=size: cv2.resize(image, s[::-1])
                yield row(f"{kind} {label} linear", jobs, "1/1.1x of cv2", 1 / 1.1, "cv2")
                continue
            if filter == "box" and channels == 3 and label in ("1/2", "1/3"):
                jobs["cv2"] = lambda s=size: cv2.resize(image, s[::-1], interpolation=cv2.INTER_AREA)
            yield row(f"{kind} {label} {filter}", jobs, "1.9x of Pillow", 1.9, "Pillow")
    if channels == 3:
        for label in ("1/2", "to 1000 wide"):
            size = SIZES[label]
            jobs = {
                "imgedit": lambda s=size: ie.resize(image, s, filter="area"),
                "cv2": lambda s=size: cv2.resize(image, s[::-1], interpolation=cv2.INTER_AREA),
            }
            yield row(f"{kind} {label} area", jobs, "1/1.1x of cv2", 1 / 1.1, "cv2")


def warping(channels: int) -> Iterator[Row]:
    image = picture(channels)
    pillow = PIL.Image.fromarray(image)
    kind = "RGBA" if channels == 4 else "RGB"
    for filter in ("cubic", "linear"):
        jobs: dict[str, Callable[[], object]] = {
            "imgedit": lambda f=filter: ie.rotate(image, 17, expand=False, filter=f),
            "Pillow": lambda f=filter: pillow.rotate(17, PILLOW[f]),
        }
        turn = cv2.getRotationMatrix2D((1919.5, 1079.5), 17, 1)
        flag = cv2.INTER_CUBIC if filter == "cubic" else cv2.INTER_LINEAR
        # OpenCV's cubic is another kernel (a = -0.75): not the same result, shown for scale.
        jobs["cv2" if filter == "linear" else "cv2 (a=-0.75)"] = lambda t=turn, g=flag: cv2.warpAffine(
            image, t, (3840, 2160), flags=g
        )
        exact = filter == "linear" and channels == 3
        target = "1/1.1x of cv2" if exact else "1x of Pillow"
        yield row(
            f"{kind} turn by 17 degrees {filter}", jobs, target, 1 / 1.1 if exact else 1, "cv2" if exact else "Pillow"
        )
    corners = [[0, 0], [3840, 0], [3840, 2160], [0, 2160]]
    keystone = ie.Transform.perspective(corners, [[-400, -200], [4200, -100], [4000, 2400], [-100, 2300]])
    floor = ie.Transform.perspective(corners, [[1200, 300], [2600, 300], [4000, 2300], [-100, 2300]])
    half = ie.Transform.similarity(degrees=17, scale=0.5, center=(1920, 1080))
    for name, transform in (
        ("perspective, enlarging", keystone),
        ("perspective, shrinking", floor),
        ("turn and halve", half),
    ):
        back = transform.inverse().matrix
        data = (back / back[2, 2]).ravel()[:8]
        jobs = {
            "imgedit": lambda t=transform: ie.warp(image, t),
            "Pillow": lambda d=data: pillow.transform((3840, 2160), 2, d, 3),
        }
        yield row(f"{kind} {name} cubic", jobs, "1x of Pillow", 1, "Pillow")


def rows() -> Iterator[Row]:
    for channels in (3, 4):
        yield from resizing(channels)
    for channels in (3, 4):
        yield from warping(channels)
