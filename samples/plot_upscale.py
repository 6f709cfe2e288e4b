"""
Enlarge a small picture
=======================

A network draws edges that a filter can only soften.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = skimage.data.chelsea()[80:180, 110:230]
sides = {
    "Catmull-Rom": ie.resize(photo, scale=2, filter="cubic"),
    "upscale, x2": ie.upscale(photo, 2),
}

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for axis, (title, picture) in zip(axes, sides.items(), strict=True):
    axis.imshow(picture, interpolation="nearest")
    axis.set_title(title)
    axis.set_axis_off()
plt.show()
