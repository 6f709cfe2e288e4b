"""
Put a thing into a scene by its depth
=====================================

A ball behind the handlebar of a motorcycle and before the shelf; holes of the stereo map are filled first.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo, _, disparity = skimage.data.stereo_motorcycle()
disparity = ie.fill_depth(disparity, near="large")
y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
light = np.clip(1 - np.hypot(x - 270, y - 130) / 180, 0, 1)
alpha = np.clip(95 - np.hypot(x - 300, y - 170) + 0.5, 0, 1)
ball = ie.to_uint8(np.dstack([0.2 + 0.7 * light, 0.5 * light, 0.1 + 0.1 * light, alpha]))
scene = [(photo, disparity), (ball, np.full(photo.shape[:2], 38.0))]
pictures = {
    "photo": photo,
    "its depth": disparity / disparity.max(),
    "composite_depth": ie.composite_depth(scene, near="large"),
    "with soft edges": ie.composite_depth(scene, near="large", softness=1.0),
}

figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.8), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
