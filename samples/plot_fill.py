"""
Fill with colours, gradients, patterns, noise
=============================================

A selection by colour, and what it can be filled with.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.rocket()
sky = ie.flood_mask(photo, (240, 150), tolerance=0.17, space="oklab", antialias=True)
sunset = ie.LinearGradient(stops=("navy", "coral", "gold"), space="oklab")
tile = np.zeros((24, 24, 3), np.uint8)
tile[:12, :12] = tile[12:, 12:] = (140, 160, 220)

pictures = {
    "before": photo,
    "the sky, selected by colour": sky,
    "a colour, keeping light and shade": ie.fill(photo, sky, "crimson", mode="color"),
    "a gradient, mixed in Oklab": ie.fill(photo, sky, sunset),
    "a pattern": ie.fill(photo, sky, ie.Pattern(tile), mode="overlay"),
    "clouds": ie.fill(photo, sky, "noise:fractal,160,3:#036,#fff"),
}

figure, axes = plt.subplots(2, 3, figsize=(10, 5), layout="constrained")
for axis, (name, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(name)
    axis.axis("off")
plt.show()
