"""Tone and colour: adjust, levels, curves, automatic contrast, colour matching, look-up tables."""

from imgedit.tone.adjustment import adjust
from imgedit.tone.equalization import auto_levels, clahe, equalize
from imgedit.tone.grading import curves, levels
from imgedit.tone.lut import Lut, apply_lut
from imgedit.tone.matching import match_color

__all__ = ["Lut", "adjust", "apply_lut", "auto_levels", "clahe", "curves", "equalize", "levels", "match_color"]
