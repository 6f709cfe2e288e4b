"""Latents: from seeds, between other latents, and in files.

A seed is the key of a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
doi:10.1145/2063384.2063405: Philox 4x64-10), so each seed has a stream of its own, whatever else is drawn. NumPy
promises the raw stream for ever, but not what its `standard_normal` makes of it, so the normal values are made here, by
Box and Muller 1958 (doi:10.1214/aoms/1177706645) in float64, rounded to float32: the last bits of a machine's logarithm
do not matter then.
"""

from __future__ import annotations

import io
import math
import os
import zipfile
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError, ReadError
from imgedit.io.files import load, store
from imgedit.tables import Table

__all__ = ["HOW", "Floats", "Stream", "along", "normal", "read_fields", "uniform", "write_fields"]

Floats = NDArray[np.float32]

Stream = Literal["latent", "noise", "label"]

# Each use of a seed draws from a stream of its own, so that a noise input more does not change the latents.
STREAMS: dict[Stream, int] = {"latent": 0, "noise": 1, "label": 2}

MOST_SEED = 2**64 - 1

# Below this sine two directions are one (or opposite): the great circle between them is not defined.
LEAST_SINE = 1e-6


def uniform(seed: int, count: int, stream: Stream = "latent") -> NDArray[np.float64]:
    """Draw numbers that are even in (0, 1).

    Parameters
    ----------
    seed : int
        0 to 2^64 - 1.
    count : int
        How many.
    stream : {"latent", "noise", "label"}
        Which stream of the seed.

    Returns
    -------
    ndarray of float64
        The first `count` numbers of the stream; 53 bits each, neither 0 nor 1.

    Examples
    --------
    >>> uniform(7, 2).round(6).tolist() == uniform(7, 3)[:2].round(6).tolist()
    True
    """
    philox = np.random.Philox(key=np.array([seed, STREAMS[stream]], np.uint64))
    bits = np.asarray(philox.random_raw(count), np.uint64) >> np.uint64(11)
    return (bits.astype(np.float64) + 0.5) * 2.0**-53


def normal(seed: int, shape: tuple[int, ...], stream: Stream = "latent") -> Floats:
    """Draw numbers that are normally distributed.

    Parameters
    ----------
    seed : int
        0 to 2^64 - 1.
    shape : tuple of int
        Of the result.
    stream : {"latent", "noise", "label"}
        Which stream of the seed.

    Returns
    -------
    ndarray of float32
        Mean 0, variance 1; the same on every machine.

    References
    ----------
    G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates", 1958,
    doi:10.1214/aoms/1177706645.
    """
    count = math.prod(shape)
    pairs = uniform(seed, 2 * -(-count // 2), stream).reshape(-1, 2)
    radius, angle = np.sqrt(-2 * np.log(pairs[:, 0])), 2 * np.pi * pairs[:, 1]
    values = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(values.ravel()[:count].reshape(shape), np.float32)


def along(keys: Floats, frames: int, how: str) -> Floats:
    """Go from latent to latent in even steps.

    Parameters
    ----------
    keys : ndarray of float32
        KxD, at least two rows.
    frames : int
        Number of latents, those of both ends included.
    how : str
        A name in HOW.

    Returns
    -------
    ndarray of float32
        framesxD; the first and last row are those of `keys`.
    """
    mix = HOW[how]
    places = np.linspace(0, len(keys) - 1, frames)
    out = np.empty((frames, keys.shape[1]), np.float32)
    for index, place in enumerate(places):
        start = min(int(place), len(keys) - 2)
        out[index] = mix(keys[start].astype(np.float64), keys[start + 1].astype(np.float64), place - start)
    return out


def lerp(a: NDArray[np.float64], b: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Go along the straight line from `a` to `b`.

    Parameters
    ----------
    a, b : ndarray of float64
        The ends.
    share : float
        0 to 1.

    Returns
    -------
    ndarray of float64
        The point between.
    """
    return (1 - share) * a + share * b


def slerp(a: NDArray[np.float64], b: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Go along the great circle from `a` to `b`, which keeps the length that latents of many dimensions have.

    Parameters
    ----------
    a, b : ndarray of float64
        The ends; neither zero, nor opposite to each other.
    share : float
        0 to 1.

    Returns
    -------
    ndarray of float64
        The point between.

    References
    ----------
    K. Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, doi:10.1145/325334.325242; for latents:
    T. White, "Sampling generative networks", 2016, arXiv:1609.04468, section 2.1.
    """
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    cosine = float(a @ b) / lengths if lengths > 0 else 1.0
    angle = math.acos(min(max(cosine, -1.0), 1.0))
    if math.sin(angle) < LEAST_SINE:
        if cosine < 0:
            raise ArgumentError("how", "is 'slerp', but two latents are opposite to each other", "take how='lerp'")
        return lerp(a, b, share)  # the limit for two of one direction
    return (math.sin((1 - share) * angle) * a + math.sin(share * angle) * b) / math.sin(angle)


HOW: Table[Callable[[NDArray[np.float64], NDArray[np.float64], float], NDArray[np.float64]]] = Table(
    "how", {"slerp": slerp, "lerp": lerp}
)

FIELDS = ("latents", "space", "model", "sha256")


def write_fields(path: str | os.PathLike[str], fields: dict[str, Any]) -> None:
    """Write a file of latents, whole or not at all.

    Parameters
    ----------
    path : path
        The file, with its suffix.
    fields : dict
        One entry for each of FIELDS.
    """
    data = io.BytesIO()
    np.savez(data, **fields)
    store(path, data.getvalue())


def read_fields(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file of latents; nothing in it is ever executed.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    dict
        One entry for each of FIELDS.

    Raises
    ------
    ReadError
        Not a file of latents.
    """
    data = load(path)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            fields = {name: file[name] for name in FIELDS}
    except (ValueError, KeyError, OSError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as problem:
        raise ReadError(path, "is no file of latents, as write_latents makes them") from problem
    latents = fields["latents"]
    if latents.ndim != 2 or latents.dtype != np.float32 or not np.isfinite(latents).all():
        raise ReadError(path, f"holds latents {latents.shape} {latents.dtype}, not finite float32 NxD")
    return {name: value if name == "latents" else str(value) for name, value in fields.items()}
