"""
Levels and curves
=================

`levels` moves black, white and the middle; `curves` bends the line between them, for all channels or for one.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = skimage.data.coffee()
flat = ie.levels(photo, out_black=0.25, out_white=0.75)
pictures = {
    "before: flat": flat,
    "levels": ie.levels(flat, black=0.25, white=0.75, gamma=1.15),
    "auto_levels": ie.auto_levels(flat),
    "curves: a soft S, less blue": ie.curves(photo, "0,0 0.25,0.18 0.75,0.85 1,1", blue="0,0.05 1,0.85"),
}

figure, axes = plt.subplots(2, 2, figsize=(9, 6.3), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
