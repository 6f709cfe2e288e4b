"""Compositing: ``blend`` and what it is made of."""

from imgedit.compositing.blending import blend

__all__ = ["blend"]
