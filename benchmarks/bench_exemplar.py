"""Patch methods beside an OpenCV prototype of Criminisi and, where it is installed, PyPatchMatch."""

from __future__ import annotations

import time

import cv2
import numpy as np
import skimage.data

import imgedit as ie
from benchmarks.harness import Row, extra_memory, in_turns

TITLE = "Inpainting by patches"
ABOUT = """
The peer of `exemplar` is Criminisi's algorithm as one writes it with OpenCV: 9x9 patches, one masked `matchTemplate`
over the whole picture for each, priorities by NumPy. The peer of `patchmatch` is PyPatchMatch (C++, patch radius 7).
Holes of the sizes of public object-removal pairs, in scikit-image's photos, and one of 500x500 in 12 megapixels.
"""


def rows():
    photo = cv2.resize(skimage.data.astronaut(), (480, 360), interpolation=cv2.INTER_AREA)
    jobs = {
        "200x200, hole 1,680 px": (photo[:200, :200], _box((200, 200), 42, 40), 2),
        "290x195, hole 4,032 px": (photo[:290, 100:295], _box((290, 195), 63, 64), 2),
        "250x250, hole 5,328 px": (photo[:250, 100:350], _box((250, 250), 72, 74), 2),
        "480x360, hole 35,649 px": (photo, _box((360, 480), 153, 233), 8),
    }
    for name, (image, mask, factor) in jobs.items():
        image = np.ascontiguousarray(image)
        image[mask] = 0
        jobs_of_two = {
            "imgedit": lambda image=image, mask=mask: ie.inpaint(image, mask, "exemplar", margin=1000),
            "OpenCV matchTemplate": lambda image=image, mask=mask: criminisi(image, mask),
        }
        seconds = in_turns(jobs_of_two, turns=2) if factor == 2 else _once(jobs_of_two)
        holds = seconds["OpenCV matchTemplate"] > factor * seconds["imgedit"]
        yield Row(f"exemplar, {name}", seconds, target=f"{factor}x faster", holds=holds)
    for name, (image, mask, _) in jobs.items():
        yield _patchmatch_row(name, np.ascontiguousarray(image), mask)
    large = cv2.resize(skimage.data.astronaut(), (4000, 3000), interpolation=cv2.INTER_CUBIC)
    mask = _box((3000, 4000), 500, 500)
    for method in ("exemplar", "patchmatch"):
        took = []
        memory = extra_memory(lambda method=method, took=took: took.append(_seconds(large, mask, method)))
        seconds = {"imgedit": min(took)}
        holds = seconds["imgedit"] < 20 and memory < 1536
        target = "20 s, 1.5 GiB"
        yield Row(f"{method}, 500x500 in 12 MP", seconds, target=target, holds=holds, extra_mib=memory, output_mib=34.3)


def _patchmatch_row(name, image, mask):
    jobs = {"imgedit": lambda: ie.inpaint(image, mask, "patchmatch", margin=1000)}
    try:
        from patchmatch import patch_match
    except ImportError:
        return Row(f"patchmatch, {name}", in_turns(jobs, turns=3), note="PyPatchMatch is not installed")
    white = mask.astype(np.uint8) * 255
    jobs["PyPatchMatch"] = lambda: patch_match.inpaint(image, mask=white, patch_size=7)
    seconds = in_turns(jobs, turns=2)
    holds = seconds["PyPatchMatch"] > 2 * seconds["imgedit"]
    return Row(f"patchmatch, {name}", seconds, target="2x faster", holds=holds)


def _once(jobs):
    """Seconds of jobs so long that neither a warm-up nor a median is needed."""
    took = {}
    for name, job in jobs.items():
        start = time.perf_counter()
        job()
        took[name] = time.perf_counter() - start
    return took


def _seconds(image, mask, method):
    return _once({method: lambda: ie.inpaint(image, mask, method)})[method]


def _box(size, high, wide):
    mask = np.zeros(size, bool)
    top, left = (size[0] - high) // 2, (size[1] - wide) // 2
    mask[top : top + high, left : left + wide] = True
    return mask


def criminisi(image, hole, size=9):
    """Fill an RGB picture of uint8: one patch at a time, searched by OpenCV."""
    half = size // 2
    image = cv2.copyMakeBorder(image, half, half, half, half, cv2.BORDER_REPLICATE)
    inside = np.pad(np.ones(hole.shape, bool), half)
    todo = np.pad(hole, half)
    confidence = (inside & ~todo).astype(np.float32)
    square, cross = np.ones((size, size), np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    usable = cv2.erode((inside & ~todo).view(np.uint8), square)[half:-half, half:-half] > 0
    steps = np.arange(-half, half + 1)
    while todo.any():
        known = (inside & ~todo).view(np.uint8)
        y, x = np.nonzero(todo & (cv2.dilate(known, cross) > 0))
        sure = cv2.blur(confidence, (size, size))[y, x]
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        right, down = (cv2.Sobel(grey, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
        strength = (right**2 + down**2) * cv2.erode(known, np.ones((3, 3), np.uint8))
        around = y[:, None, None] + steps[:, None], x[:, None, None] + steps
        best = np.divmod(strength[around].reshape(len(y), -1).argmax(axis=1), size)
        at = y + best[0] - half, x + best[1] - half
        outline = todo.astype(np.float32)
        across, along = (cv2.Sobel(outline, cv2.CV_32F, *axis)[y, x] for axis in ((1, 0), (0, 1)))
        data = np.abs(right[at] * along - down[at] * across) / np.maximum(np.hypot(along, across), 1e-6) / 255
        first = (sure * (data + 1e-3)).argmax()
        here = slice(y[first] - half, y[first] + half + 1), slice(x[first] - half, x[first] + half + 1)
        distance = cv2.matchTemplate(image, image[here], cv2.TM_SQDIFF, mask=cv2.merge([known[here]] * 3))
        distance[~usable] = np.inf
        top, left = np.unravel_index(distance.argmin(), distance.shape)
        missing = todo[here].copy()
        image[here][missing] = image[top : top + size, left : left + size][missing]
        confidence[here][missing] = sure[first]
        todo[here] = False
    return image[half:-half, half:-half]
