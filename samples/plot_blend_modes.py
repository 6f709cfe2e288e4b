"""
Contact sheet of the blend modes
================================

Every mode that `imgedit.blend` knows, by name: a photograph below, above it a picture with a hue for every column, a
lightness for every row, and a disc of alpha.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie
from imgedit.compositing.equation import BLEND_MODES

backdrop = np.ascontiguousarray(skimage.data.astronaut()[:280:2, 120:400:2])
height, width = backdrop.shape[:2]

y, x = np.mgrid[:height, :width]
hsl = np.stack([360 * x / width, np.where(y < height * 0.8, 1.0, 0.0), 1 - y / (height - 1)], axis=-1)
alpha = np.clip((0.48 - np.hypot(x / width - 0.5, y / height - 0.5)) * 40, 0, 1)
source = ie.to_uint8(np.dstack([ie.hsl_to_rgb(hsl), alpha]))

pictures = {"(below)": backdrop, "(above)": ie.blend(np.full_like(backdrop, 255), source)}
for mode in BLEND_MODES:
    opacity = 0.5 if mode == "dissolve" else 1.0  # at full opacity there is nothing to dissolve
    result = ie.blend(backdrop, source, mode, opacity=opacity)
    pictures[mode] = ie.blend(np.full_like(backdrop, 255), result)

columns = 10
rows = -(-len(pictures) // columns)
figure, axes = plt.subplots(rows, columns, figsize=(16, 1.46 * rows), dpi=100)
for axis in axes.flat:
    axis.axis("off")
for axis, (name, picture) in zip(axes.flat, pictures.items(), strict=False):
    axis.imshow(picture)
    axis.set_title(name, fontsize=7)
figure.tight_layout(pad=0.4)
plt.show()
