"""
Keep edges, lose texture
========================

Only gradients at edges stay; the rest of the mask becomes smooth.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.astronaut()[:260, 90:350]
inside = np.zeros(photo.shape[:2], bool)
inside[4:-4, 4:-4] = True
pictures = {"before": photo, "after": ie.texture_flatten(photo, inside, low=0.08, high=0.16)}

figure, axes = plt.subplots(1, 2, figsize=(8, 4.2), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
