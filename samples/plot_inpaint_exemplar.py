"""
Remove an object
================

Diffusion blurs a large hole; copied patches go on with texture and lines.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.rocket()[:, 120:520]
mask = np.zeros(photo.shape[:2], bool)
mask[112:382, 46:94] = True  # two masts before the sky, the clouds and the lights
mask[112:382, 306:364] = True

panels = {"to remove": ie.fill(photo, mask, "#ff00ff")}
for method in ("telea", "exemplar", "patchmatch"):
    panels[method] = ie.inpaint(photo, mask, method, grow=2)

figure, axes = plt.subplots(2, 2, figsize=(9, 9), layout="constrained")
for axis, (title, picture) in zip(axes.flat, panels.items(), strict=True):
    axis.imshow(picture, interpolation="nearest")
    axis.set_title(title)
    axis.set_axis_off()
plt.show()
