"""Blend-if: a layer shows by how dark or light it is, or what lies below it, as Photoshop's blending ranges have it.

References
----------
Adobe Photoshop File Formats Specification, Layer blending ranges data.
https://www.adobe.com/devnet-apps/photoshop/fileformatashtml/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError

__all__ = ["check_ranges", "share_shown"]

Floats = NDArray[np.float32]
Ranges = Mapping[str, Sequence[Sequence[float]]]

# Photoshop's luma; each channel for itself else.
CHANNELS = {"gray": (0.3, 0.59, 0.11), "red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}


def check_ranges(ranges: Ranges) -> None:
    """Refuse what is no table of ranges.

    Parameters
    ----------
    ranges : mapping
        From a channel to two ranges of four numbers.

    Raises
    ------
    ArgumentError
        Another channel, or something else than four rising numbers from 0 to 1.
    """
    for channel, pair in ranges.items():
        try:
            limits = np.array(pair, np.float64)
        except (TypeError, ValueError):
            limits = np.empty(0)
        rising = limits.shape == (2, 4) and bool((np.diff(limits, axis=1) >= 0).all())
        if channel not in CHANNELS or not rising or not (limits.min() >= 0 and limits.max() <= 1):
            raise ArgumentError(
                "blend_if",
                f"has {channel!r}: {pair!r:.80}",
                f"give two ranges of four rising numbers from 0 to 1 for {', '.join(CHANNELS)}",
            )


def share_shown(ranges: Ranges, color: Floats, below: Floats, below_alpha: Floats | None) -> Floats:
    """Work out how much of a layer shows.

    Parameters
    ----------
    ranges : mapping
        What `check_ranges` passes.
    color, below : ndarray of float32
        (C, height, width) straight colour of the layer, and of what lies below it.
    below_alpha : ndarray of float32 or None
        (height, width), None for opaque. What is not there hides nothing.

    Returns
    -------
    ndarray of float32
        (height, width), 0 to 1.
    """
    shown = np.ones(color.shape[1:], np.float32)
    for channel, (this, under) in ranges.items():
        shown *= _within(_value(color, channel), this)
        hidden = 1 - _within(_value(below, channel), under)
        shown *= 1 - (hidden if below_alpha is None else hidden * below_alpha)
    return shown


def _value(color: Floats, channel: str) -> Floats:
    if len(color) == 1:
        return np.asarray(color[0])
    return np.asarray(np.tensordot(np.array(CHANNELS[channel], np.float32), color, axes=1), np.float32)


def _within(values: Floats, limits: Sequence[float]) -> Floats:
    first, rise, fall, last = (np.float32(v) for v in limits)
    # Limits are levels of 8 bit, and reach to half a level around; equal ones make a step, at the very end none.
    half = np.float32(0.5 / 255)
    up = (values - first) / (rise - first) if rise > first else (values >= first - half) | (first <= 0)
    down = (last - values) / (last - fall) if last > fall else (values <= last + half) | (last >= 1)
    return np.asarray(np.clip(up, 0, 1) * np.clip(down, 0, 1), np.float32)
