"""Nets that draw from latents: samples, interpolation, inversion; beside what they learnt from, where that is here.

The Fréchet distance (M. Heusel et al. 2017, https://arxiv.org/abs/1706.08500) is that of the means and covariances of
what features-small sees: its last map, mean over the picture; transparent pictures lie over grey. As in training.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.linalg

import imgedit as ie
from benchmarks.evaluation.data import Row, Subject, decibels, enlarged, small_pictures
from imgedit import models
from imgedit.models.pictures import to_net

COUNT = 1024
BATCH = 64
SHOWN = 8

# Mean and deviation of the training set (MNIST), which the file does not say.
NORMALISED = {"bvae_encoder": {"mean": (0.1307,), "std": (0.3081,)}}


def evaluate(subject: Subject) -> Row:
    """Judge a net that draws."""
    if subject.manifest.family == "encoder":
        return _encoder(subject)
    if subject.manifest.family == "mapping":
        return Row("-", f"makes the latents of {subject.manifest.partner}")
    net = models.load(subject.model, device="cpu")
    made = ie.sample(net, seeds=range(32))
    alone = ie.sample(net, seeds=[7])[0]
    # Between the latents of a VAE, the straight line.
    how = "lerp" if subject.manifest.task == "vae" else None
    way = ie.interpolate(net, [1, 2, 3, 1], frames=16, how=how)
    found = []
    for seed in range(100, 110):
        label = seed % len(subject.manifest.classes) if subject.manifest.classes else None
        picture = ie.sample(net, seeds=seed, label=label)[0]
        again = ie.decode(ie.project(picture, net, label=label, seed=1), net, label=label)[0]
        found.append(min(99.0, ie.psnr(picture, again)))
    near = sum(value >= 25 for value in found)
    distinct = float(np.std(made.astype(float), axis=0).mean())
    row = Row(
        "sample, interpolate, project",
        f"inverted to 25 dB or more: {near} of 10 (median {np.median(found):.0f} dB); seed 7 is one picture",
        bool(near >= 8 and np.array_equal(alone, made[7]) and distinct > 2),
        figures={"inverted": near, "inverted, dB": float(np.median(found)), "deviation of samples": distinct},
        pictures={
            "seeds 0 to 31": enlarged(ie.grid(made, columns=SHOWN)),
            "seeds 1 to 2 to 3 to 1": enlarged(ie.grid(way, columns=SHOWN)),
        },
    )
    for label in subject.manifest.classes:
        typical = ie.sample(net, seeds=range(10), label=label, truncation=0.7)
        row.pictures[f"{label}, truncation 0.7"] = enlarged(ie.grid(typical, columns=10), 2)
    _beside_real_ones(row, subject, net)
    return row


def _beside_real_ones(row: Row, subject: Subject, net: models.Model) -> None:
    """Fréchet distance to the pictures that the net learnt from, and those of them that are nearest to samples."""
    made = ie.sample(net, seeds=range(COUNT))
    depth = made.shape[3] if made.ndim == 4 else 1
    if depth < 3:
        return
    real, _ = small_pictures(subject.data, subject.manifest, made.shape[1], depth)
    if len(real) < 2 * SHOWN:
        return
    order = np.random.default_rng(0).permutation(len(real))
    half = min(COUNT, len(real) // 2)
    seen = _features([real[index] for index in order[: 2 * half]])
    drawn = _features(list(made))
    row.figures["frechet"] = frechet(seen[:half], drawn)
    row.figures["frechet of real ones"] = frechet(seen[:half], seen[half:])
    row.verdict += (
        f"; Fréchet distance of {len(drawn)} samples to {half} pictures {row.figures['frechet']:.2f} "
        f"(other real ones: {row.figures['frechet of real ones']:.2f})"
    )
    every = _flat(real)
    nearest = [real[int(np.square(every - one).sum(axis=1).argmin())] for one in _flat(list(made[:SHOWN]))]
    sheet = ie.grid([*made[:SHOWN], *nearest], columns=SHOWN)
    row.pictures["samples, and below each the picture learnt from that is nearest by its pixels"] = enlarged(sheet)


def _flat(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures at a quarter of their size, over grey: what one compares at a glance."""
    return np.stack([ie.resize(_on_grey(one), scale=0.25).ravel() for one in pictures])


def _on_grey(picture: np.ndarray) -> np.ndarray:
    values = ie.to_float(np.ascontiguousarray(picture))
    if values.shape[2] == 3:
        return values
    return np.ascontiguousarray(values[..., :3] * values[..., 3:] + 0.5 * (1 - values[..., 3:]))


def _features(pictures: list[np.ndarray]) -> np.ndarray:
    net = models.load("features-small", device="cpu")
    parts = []
    for start in range(0, len(pictures), BATCH):
        batch = np.stack([_on_grey(one) for one in pictures[start : start + BATCH]])
        parts.append(net.run(to_net(batch, net.manifest))[-1].mean(axis=(2, 3)))
    return np.concatenate(parts).astype(np.float64)


def frechet(real: np.ndarray, made: np.ndarray) -> float:
    """Distance of two clouds of features, taken as Gaussians."""
    covariances = [np.cov(side, rowvar=False) for side in (real, made)]
    # The trace of a product's root is the sum of the roots of its eigenvalues: real, and at least 0 but for rounding.
    roots = np.sqrt(np.clip(scipy.linalg.eigvals(covariances[0] @ covariances[1]).real, 0, None)).sum()
    apart = np.square(real.mean(0) - made.mean(0)).sum()
    return float(apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * roots)


def _encoder(subject: Subject) -> Row:
    """Encode and decode: pictures that it learnt from where they are here, else what its decoder draws."""
    decoder = _decoder_of(subject)
    if decoder is None:
        return Row("encode", "no decoder beside it")
    made = ie.sample(decoder, seeds=range(16))
    if made.ndim == 4 and subject.manifest.name in NORMALISED:
        made = made[..., 0]
    depth = made.shape[3] if made.ndim == 4 else 1
    real, _ = small_pictures(subject.data, subject.manifest, made.shape[1], depth) if depth > 1 else ([], [])
    originals = real[:: max(1, len(real) // 64)][:64] or list(map(np.ascontiguousarray, made))
    net = models.load(subject.model, device="cpu")
    # No trial can find out what a training set was normalised by.
    net.manifest = subject.manifest.model_copy(update=NORMALISED.get(subject.manifest.name, {}))
    latents = ie.encode(originals, net)
    again = ie.decode(latents, decoder)
    again = again if again.ndim == np.ndim(originals) else again[..., 0]
    figures = [decibels(a, b) for a, b in zip(originals, again, strict=True)]
    way = ie.decode(np.linspace(latents[0], latents[1], SHOWN), decoder)
    both = list(map(np.ascontiguousarray, [*originals[:SHOWN], *again[:SHOWN]]))
    return Row(
        "decode(encode(picture))",
        f"median {np.median(figures):.1f} dB over {len(figures)} {'pictures' if real else 'samples of its decoder'}",
        bool(np.median(figures) > 12),
        figures={"psnr": float(np.median(figures))},
        pictures={
            "pictures, and below each what came back": enlarged(ie.grid(both, columns=SHOWN)),
            "from the first to the second": enlarged(ie.grid(way, columns=SHOWN)),
        },
    )


def _decoder_of(subject: Subject) -> str | Path | None:
    if subject.manifest.partner:
        return subject.manifest.partner
    name = Path(subject.model).name
    other = next(Path(subject.model).parent.glob(name.replace("encoder", "decoder")), None)
    return None if other is None or other.name == name else other
