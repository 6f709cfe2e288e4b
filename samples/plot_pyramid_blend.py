"""
Join two pictures without a seam
================================

Coarse parts are mixed over a wide band, fine ones over a narrow one.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

cat, coffee = skimage.data.chelsea()[:, :400], skimage.data.coffee()[50:350, 100:500]
y, x = np.mgrid[:300, :400]
circle = np.hypot(x - 190, y - 150) < 110
pictures = {
    "cut": ie.blend(cat, coffee, mask=circle),
    "pyramid_blend": ie.pyramid_blend(coffee, cat, circle, levels=5),
}

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
