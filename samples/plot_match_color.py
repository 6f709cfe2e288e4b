"""
Take over the colours of another photo
======================================

Three methods, from means and deviations to the transport that moves colours least.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo, other = skimage.data.chelsea(), skimage.data.coffee()
pictures = {
    "before": photo,
    "reference": other,
    "mean-std": ie.match_color(photo, other, method="mean-std"),
    "transport": ie.match_color(photo, other, method="transport"),
}

figure, axes = plt.subplots(2, 2, figsize=(9, 5.8), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
