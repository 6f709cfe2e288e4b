"""Geometry: move, cut, extend, resize and bend images, masks, points and boxes."""

from imgedit.geometry.canvas import crop, flip, pad, trim, trim_box
from imgedit.geometry.resampling import resize
from imgedit.geometry.transform import Transform
from imgedit.geometry.warping import rotate, warp

__all__ = ["Transform", "crop", "flip", "pad", "resize", "rotate", "trim", "trim_box", "warp"]
