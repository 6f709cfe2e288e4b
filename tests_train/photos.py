"""Pictures and teachers for small trainings."""

from __future__ import annotations

import json

import cv2
import numpy as np

from imgedit.training.job import Job


def drawing(seed, size=(160, 200)):
    """Discs and bars on a soft ground."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    picture = np.stack([128 + 60 * np.sin((x * a + y * b) / 40) for a, b in rng.uniform(-1, 1, (3, 2))], -1)
    for _ in range(12):
        color = rng.integers(0, 256, 3).tolist()
        middle = (int(rng.integers(size[1])), int(rng.integers(size[0])))
        cv2.circle(picture, middle, int(rng.integers(5, 40)), color, -1, cv2.LINE_AA)
        cv2.line(picture, middle, (int(rng.integers(size[1])), int(rng.integers(size[0]))), color, 2, cv2.LINE_AA)
    return np.clip(picture, 0, 255).astype(np.uint8)


def folder_of_drawings(folder, count=4):
    """Write some drawings."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        cv2.imwrite(str(folder / f"{seed}.png"), drawing(seed))
    return folder


def teacher_file(path):
    """Write a teacher of random kernels, of the widths that a net of features learns."""
    rng = np.random.default_rng(0)
    arrays, inputs = {}, 3
    for level, outputs in enumerate((16, 32, 64, 128, 256), 1):
        deviation = (2 / (9 * inputs)) ** 0.5
        arrays[f"conv2d_{level}.weight"] = rng.normal(0, deviation, (outputs, inputs, 3, 3)).astype(np.float32)
        arrays[f"conv2d_{level}.bias"] = np.zeros(outputs, np.float32)
        inputs = outputs
    np.savez(path, **arrays)
    return path


def job(photos, output, **fields):
    """Give a job on the CPU with few, small batches."""
    return Job(data=(photos,), output=output, **{"device": "cpu", "count": 4, "every": 100, **fields})


def figures(path):
    """Read the log beside a model."""
    return [json.loads(line) for line in (path.parent / "log.jsonl").read_text().splitlines()]
