"""Content-aware resize beside the package seam-carving (compiled by numba), forward energy."""

from __future__ import annotations

import importlib.util

import cv2
import numpy as np
import skimage.data

import imgedit as ie
from benchmarks.harness import Row, in_turns

TITLE = "Carving"
ABOUT = """
A photo of 1200x800 loses 20 % of its width by forward energy. The peer is the package `seam-carving` from PyPI, one
seam at a time, compiled by numba (compiled before the first turn); it is left out where it is not installed.
"""


def rows():
    photo = cv2.resize(np.asarray(skimage.data.coffee()), (1200, 800), interpolation=cv2.INTER_AREA)
    peers = {}
    if importlib.util.find_spec("seam_carving"):
        import seam_carving

        peers["seam-carving"] = lambda: seam_carving.resize(photo, size=(960, 800), energy_mode="forward")
    for name, exact in (("0.96 MP, -20 % width, default", False), ("0.96 MP, -20 % width, exact", True)):
        ours = {"imgedit": lambda exact=exact: ie.carve(photo, (800, 960), exact=exact)}
        seconds = in_turns({**ours, **peers}, turns=3)
        target = "at least as fast; under 5 s"
        holds = seconds["imgedit"] < 5 and seconds["imgedit"] <= seconds.get("seam-carving", 5)
        yield Row(name, seconds, target=target, holds=holds)
