"""
Remove an object
================

Diffusion blurs a large hole; copied patches go on with texture and lines. `source` says where they may come from: not
from the rocket and the lamps.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.rocket()[:, 120:520]
mask = np.zeros(photo.shape[:2], bool)
mask[112:366, 46:94] = True  # two masts before the sky
mask[112:366, 306:364] = True
source = np.ones(photo.shape[:2], bool)
source[112:, 145:260] = source[345:] = False

panels = {
    "to remove": ie.fill(photo, mask, "#ff00ff"),
    "telea": ie.inpaint(photo, mask, "telea", grow=2),
    "exemplar": ie.inpaint(photo, mask, "exemplar", grow=2, source=source),
    "patchmatch": ie.inpaint(photo, mask, "patchmatch", grow=2, source=source),
}

figure, axes = plt.subplots(2, 2, figsize=(9, 9), layout="constrained")
for axis, (title, picture) in zip(axes.flat, panels.items(), strict=True):
    axis.imshow(picture, interpolation="nearest")
    axis.set_title(title)
    axis.set_axis_off()
plt.show()
