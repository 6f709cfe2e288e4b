"""Nets that repair: what they gain on JPEGs of several qualities and on noise, over leaving them alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import imgedit as ie
from benchmarks.evaluation.data import Row, Subject, decibels, photos, portrait
from imgedit import io

Spoil = Callable[[np.ndarray], np.ndarray]

QUALITIES = (10, 20, 40, 95)
NOISE = 10
# What our own net must reach: dB over doing nothing at quality 20; and nothing may be visible at quality 95: a change
# of less than a level (48 dB) in the mean.
AIM, UNSEEN = 0.8, 48.0


def evaluate(subject: Subject) -> Row:
    """Measure a net that repairs."""
    seen = [portrait(), *photos(subject.data, 6)]
    ways: dict[str, Spoil] = {f"JPEG of quality {quality}": _compressed(quality) for quality in QUALITIES}
    ways[f"noise of {NOISE} levels"] = _noisy
    gains: dict[str, float] = {}
    lines = [["", "left alone", "restored", "gain", "largest loss"]]
    row = Row("restore(photo)", "")
    for name, spoil in ways.items():
        bad = [spoil(photo) for photo in seen]
        mended = [ie.restore(photo, model=subject.model, device="cpu") for photo in bad]
        before, after = (np.array([decibels(a, b) for a, b in zip(side, seen, strict=True)]) for side in (bad, mended))
        gains[name] = float((after - before).mean())
        cells = f"{before.mean():.2f}", f"{after.mean():.2f}", f"{gains[name]:+.2f}", f"{(after - before).min():+.2f}"
        lines.append([name, *cells])
        crop = np.s_[:200, 150:400]
        row.pictures |= {
            f"{name}": np.ascontiguousarray(bad[0][crop]),
            "restored: " + name: np.ascontiguousarray(mended[0][crop]),
        }
        if name == f"JPEG of quality {QUALITIES[-1]}":
            touched = float(np.mean([decibels(a, b) for a, b in zip(bad, mended, strict=True)]))
    coarse, fine = gains[f"JPEG of quality {QUALITIES[1]}"], gains[f"JPEG of quality {QUALITIES[-1]}"]
    row.verdict = (
        f"JPEG of quality 20: {coarse:+.2f} dB; of 95: {fine:+.2f} dB, where {touched:.1f} dB lie between both"
    )
    row.good = coarse >= AIM and touched >= UNSEEN if subject.shipped else coarse > -1
    row.figures = gains | {"change at quality 95": touched}
    row.tables = {"mean PSNR in dB over seven photos": lines}
    return row


def _compressed(quality: int) -> Spoil:
    return lambda photo: io.decode(io.encode(photo, "jpeg", name="photo", quality=quality), name="photo")[0]


def _noisy(photo: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, NOISE, photo.shape)
    return np.rint((photo + noise).clip(0, 255)).astype(np.uint8)
