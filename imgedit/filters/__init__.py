"""Filters: blur, sharpen, denoise, and text drawn on top."""

from imgedit.filters.blurring import blur, sharpen
from imgedit.filters.denoising import denoise, estimate_noise
from imgedit.filters.text import draw_text

__all__ = ["blur", "denoise", "draw_text", "estimate_noise", "sharpen"]
