"""Flatten, depth, effects and fusion, beside Pillow, psd-tools and OpenCV where they have the same job."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator

import cv2
import numpy as np

import imgedit as ie
from benchmarks.harness import Row, extra_memory, in_turns

TITLE = "Layers, depth, effects and fusion"
ABOUT = """
Stacks are 3840x2160 RGBA, 8 bit, of layers that are transparent everywhere to some degree. Pillow's chain of
`alpha_composite` rounds to 8 bit after each layer; flatten once, at the end. The stack for psd-tools is 1920x1080 with
10 layers, half of them multiply. Depth: three opaque RGB layers, hard, beside the same z-test with `numpy.where`.
"""
SIZE = (2160, 3840)
TURNS = 3


def picture(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (size[0] // 40, size[1] // 40, 4), np.uint8)
    return cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC)


def rows() -> Iterator[Row]:
    import PIL.Image

    pictures = [picture(n) for n in range(4)]
    ground = pictures[0].copy()
    ground[..., 3] = 255
    stack = [ie.Layer(ground)] + [ie.Layer(pictures[n % 4], opacity=1.0) for n in range(49)]
    copies = [PIL.Image.fromarray(p) for p in (ground, *pictures)]

    def pillow() -> object:
        result = copies[0]
        for n in range(49):
            result = PIL.Image.alpha_composite(result, copies[1 + n % 4])
        return result

    jobs = {"imgedit": lambda: ie.flatten(stack), "Pillow": pillow}
    memory, output = extra_memory(jobs["imgedit"]), ground.nbytes / 2**20
    yield Row(
        "flatten, 50 layers, normal", in_turns(jobs, turns=TURNS), "memory under 64 MiB",
        memory, output, holds=memory - output < 64,
    )  # fmt: skip
    modes = ("multiply", "screen", "soft-light", "overlay", "normal")
    mixed = [ie.Layer(ground)] + [ie.Layer(pictures[n % 4], mode=modes[n % 5], opacity=0.8) for n in range(49)]
    memory = extra_memory(lambda: ie.flatten(mixed))
    yield Row(
        "flatten, 50 layers, five modes", in_turns({"imgedit": lambda: ie.flatten(mixed)}, turns=1),
        "memory under 64 MiB", memory, output, holds=memory - output < 64,
    )  # fmt: skip
    yield psd_row()
    yield depth_row(pictures)
    yield from effect_rows(ground)
    yield from fusion_rows(pictures)


def psd_row() -> Row:
    import psd_tools
    from PIL import Image
    from psd_tools.constants import BlendMode

    size = (1080, 1920)
    document = psd_tools.PSDImage.new("RGB", size[::-1])
    for n in range(10):
        layer = document.create_pixel_layer(Image.fromarray(picture(n, size)), name=str(n))
        layer.blend_mode = BlendMode.MULTIPLY if n % 2 else BlendMode.NORMAL
    buffer = io.BytesIO()
    document.save(buffer)
    buffer.seek(0)
    document = psd_tools.PSDImage.open(buffer)
    stack = [ie.Layer(picture(n, size), mode="multiply" if n % 2 else "normal", offset=(0, 0)) for n in range(10)]

    def theirs() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return document.composite(ignore_preview=True)

    jobs = {"imgedit": lambda: ie.flatten(stack), "psd-tools": theirs}
    return Row(
        "flatten, 10 layers of 1080p, beside a PSD of the same",
        in_turns(jobs, turns=TURNS),
        note="psd-tools decodes too",
    )


def depth_row(pictures: list[np.ndarray]) -> Row:
    images = [np.ascontiguousarray(p[..., :3]) for p in pictures[:3]]
    depths = [p[..., 3].astype(np.float32) for p in pictures[:3]]

    def where() -> object:
        first = np.where((depths[1] < depths[0])[..., None], images[1], images[0])
        nearest = np.minimum(depths[0], depths[1])
        return np.where((depths[2] < nearest)[..., None], images[2], first)

    layers = list(zip(images, depths, strict=True))
    jobs = {"imgedit": lambda: ie.composite_depth(layers), "np.where": where}
    return Row("composite_depth, 3 opaque layers, hard", in_turns(jobs, turns=TURNS), note="np.where has no alpha")


def effect_rows(ground: np.ndarray) -> Iterator[Row]:
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    image = ground.copy()
    image[..., 3] = np.clip(900.5 - np.hypot(y - 1080, x - 1920), 0, 1) * 255
    for name in ("drop_shadow", "stroke", "bevel"):
        verb = getattr(ie, name)
        yield Row(
            name,
            in_turns({"imgedit": lambda verb=verb: verb(image)}, turns=TURNS),
            "",
            extra_memory(lambda verb=verb: verb(image)),
            image.nbytes / 2**20,
        )


def fusion_rows(pictures: list[np.ndarray]) -> Iterator[Row]:
    a, b = (np.ascontiguousarray(p[:1080, :1920, :3]) for p in pictures[:2])
    mask = np.zeros(a.shape[:2], bool)
    mask[:, :960] = True
    series = [np.clip(a * gain, 0, 255).astype(np.uint8) for gain in (0.4, 1.0, 2.0)]
    merge = cv2.createMergeMertens(1.0, 1.0, 1.0)
    yield Row("pyramid_blend, 1080p", in_turns({"imgedit": lambda: ie.pyramid_blend(a, b, mask)}, turns=TURNS))
    jobs = {"imgedit": lambda: ie.exposure_fusion(series), "OpenCV": lambda: merge.process(series)}
    yield Row("exposure_fusion, 3 of 1080p", in_turns(jobs, turns=TURNS))
    yield Row("focus_stack, 3 of 1080p", in_turns({"imgedit": lambda: ie.focus_stack(series)}, turns=TURNS))
