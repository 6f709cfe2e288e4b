"""
Make a picture smaller
======================

Antialiased by default. Fine stripes tell filters apart: what is skipped comes back as false patterns.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.astronaut()
y, x = np.mgrid[-256:256, -256:256]
rings = ie.to_uint8((0.5 + 0.5 * np.cos((x**2 + y**2) / 170)).astype(np.float32))
pictures = {
    "before": rings,
    "nearest": ie.resize(rings, scale=0.25, filter="nearest"),
    "area": ie.resize(rings, scale=0.25, filter="area"),
    "lanczos3": ie.resize(rings, scale=0.25, filter="lanczos3"),
    "a photo": photo,
    "fit='cover'": ie.resize(photo, (60, 128), fit="cover"),
    "fit='pad'": ie.resize(photo, (60, 128), fit="pad", background="white"),
    "fit='stretch'": ie.resize(photo, (60, 128)),
}

figure, axes = plt.subplots(2, 4, figsize=(10, 5), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(title)
    axis.axis("off")
plt.show()
