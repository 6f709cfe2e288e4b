"""
Change the proportions of a picture
===================================

Carving takes out what nobody misses, where scaling squeezes everything.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = ie.resize(skimage.data.rocket(), scale=0.6)
size = (photo.shape[0], photo.shape[1] * 2 // 3)
pictures = {"photo": photo, "resize": ie.resize(photo, size), "carve": ie.carve(photo, size)}

figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), width_ratios=[3, 2, 2], layout="constrained")
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.set_axis_off()
plt.show()
