"""
Give a thing another colour, without an edge
============================================

Factors of red, green and blue work on gradients inside the mask, so that nothing shows where it ends.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.chelsea()[60:200, 120:360]
y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
eyes = (np.hypot(x - 54, y - 53) < 31) | (np.hypot(x - 200, y - 74) < 25)
pictures = {
    "before": photo,
    "after": ie.color_change(photo, eyes, factors=(0.7, 1.0, 2.2)),
}

figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
