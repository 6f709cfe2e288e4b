"""Layered documents."""
from imgedit.compositing.psd import read_psd as read_layers
