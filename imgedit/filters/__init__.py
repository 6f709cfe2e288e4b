"""Filters: blur, sharpen, denoise, and text drawn on top."""

from imgedit.filters.blurring import blur, sharpen
from imgedit.filters.text import draw_text

__all__ = ["blur", "draw_text", "sharpen"]
