"""Tone and colour: adjust."""

from imgedit.tone.adjustment import adjust

__all__ = ["adjust"]
