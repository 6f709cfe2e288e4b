"""
Select by colour and fill
=========================

The magic wand and the paint bucket: from a point as far as the colour is alike.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = skimage.data.rocket()
sky = ie.flood_mask(photo, (240, 150), tolerance=0.17, space="oklab", antialias=True)
pictures = {
    "before": photo,
    "flood_mask": sky,
    "flood_fill": ie.flood_fill(photo, (240, 150), "teal", tolerance=0.17, space="oklab", opacity=0.8),
}

figure, axes = plt.subplots(1, 3, figsize=(10, 2.6), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(title)
    axis.axis("off")
plt.show()
