"""
Fog by depth
============

Each pixel fades by its distance, as light does in haze.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo, _, disparity = skimage.data.stereo_motorcycle()
disparity = ie.fill_depth(disparity, near="large")
pictures = {"before": photo, "after": ie.fog(photo, disparity, density=25.0, near="large")}

figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
