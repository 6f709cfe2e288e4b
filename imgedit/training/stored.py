"""How ONNX files store weights as smaller numbers: what the names say, and 8-bit kernels. Holds no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["BYTE", "HALF", "STEP", "whole", "widened"]

# Ends the names of weights that are stored as float16, of kernels that are stored as int8, and of their steps.
HALF, BYTE, STEP = ".half", ".byte", ".step"
# Steps that the largest number of a channel has.
LARGEST = 127


def whole(kernel: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Write a kernel in whole steps.

    Parameters
    ----------
    kernel : ndarray of float32
        Outputs x inputs x height x width.

    Returns
    -------
    tuple of ndarray
        Numbers from -127 to 127, and the step of each channel that the kernel gives, outputs x 1 x 1 x 1.
    """
    largest = np.maximum(np.abs(kernel).max((1, 2, 3), keepdims=True), np.finfo(np.float16).tiny)
    step = (largest / LARGEST).astype(np.float32)
    return np.rint(kernel / step).astype(np.int8), step


def widened(arrays: Mapping[str, NDArray[np.generic]], name: str) -> NDArray[np.float32]:
    """Give an 8-bit kernel as float32.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        What a file stores.
    name : str
        The kernel's name there, which ends in `BYTE`.

    Returns
    -------
    ndarray of float32
        The kernel.
    """
    return arrays[name].astype(np.float32) * arrays[name.removesuffix(BYTE) + STEP].astype(np.float32)
