"""
What does this ONNX file do?
============================

An ONNX file does not say how it wants its pictures. :func:`imgedit.models.probe` finds out by running it on a photo, in
a process of its own; ``imgedit models add`` does the same and keeps the file under a name.
"""

import shutil
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import imgedit as ie

# %%
# A file of which nothing is known; here a copy of the shipped net for x2, without its manifest.
shipped = ie.models.info("sr-x2")
folder = tempfile.TemporaryDirectory()
unknown = Path(folder.name) / "unknown.onnx"
shutil.copyfile(shipped.folder / shipped.file, unknown)

found = ie.models.probe(unknown)
for finding in found.findings:
    print(f"{finding.field:12}{finding.value:12}{finding.reason}")

# %%
# The photo as the net took it, and what it gave.
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for axis, picture, title in zip(axes, (found.given, found.got), ("given", "got"), strict=True):
    axis.imshow(picture, interpolation="nearest")
    axis.set_title(f"{title}: {picture.shape[1]} x {picture.shape[0]}")
    axis.axis("off")
folder.cleanup()
plt.show()
