"""
Focus on one distance
=====================

Everything else blurs by its distance from the focus; what is sharp does not bleed.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo, _, disparity = skimage.data.stereo_motorcycle()
disparity = ie.fill_depth(disparity, near="large")
pictures = {
    "before": photo,
    "focus in front": ie.depth_of_field(photo, disparity, focus=55.0, radius=7.0, near="large"),
    "focus behind": ie.depth_of_field(photo, disparity, focus=20.0, radius=7.0, near="large"),
}

figure, axes = plt.subplots(1, 3, figsize=(12, 3), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
