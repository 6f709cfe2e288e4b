"""
Put a picture into a scene by its depth
=======================================

A ball behind the handlebar of a motorcycle and before the shelf; fog; and a lens that is focused on one distance.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo, _, disparity = skimage.data.stereo_motorcycle()
disparity = ie.fill_depth(disparity, near="large")  # what only one eye saw is infinite

height, width = photo.shape[:2]
y, x = np.mgrid[:height, :width]
radius = np.hypot(x - 300, y - 170) / 95
light = np.clip(1 - np.hypot(x - 270, y - 130) / 180, 0, 1)
alpha = np.clip((1 - radius) * 95 + 0.5, 0, 1)
ball = ie.to_uint8(np.dstack([0.2 + 0.7 * light, 0.5 * light, 0.1 + 0.1 * light, alpha]))
distance = np.full((height, width), 38.0)

pictures = {
    "hard": ie.composite_depth([(photo, disparity), (ball, distance)], near="large"),
    "soft edges": ie.composite_depth([(photo, disparity), (ball, distance)], near="large", softness=1.0),
    "fog": ie.fog(photo, disparity, density=25.0, near="large"),
    "depth of field": ie.depth_of_field(photo, disparity, focus=50.0, radius=7.0, near="large"),
}
figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.8), layout="constrained")
for axis, (name, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(name)
    axis.axis("off")
plt.show()
