"""
Take text off a photo
=====================

Diffusion continues what is around the hole; pixels outside the mask stay as they are.
"""

import cv2
import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.astronaut()[:256, 100:400]
written = np.zeros(photo.shape[:2], np.uint8)
for y in range(30, 256, 45):
    cv2.putText(written, "not to be copied", (8, y), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, 1)
damaged = ie.fill(photo, written, "#ffffff")

panels = {"damaged": damaged}
for method in ("telea", "navier-stokes", "biharmonic"):
    panels[method] = ie.inpaint(damaged, written, method, grow=1)

figure, axes = plt.subplots(2, 2, figsize=(9, 8), layout="constrained")
for axis, (title, picture) in zip(axes.flat, panels.items(), strict=True):
    axis.imshow(picture, interpolation="nearest")
    axis.set_title(title)
    axis.set_axis_off()
plt.show()
