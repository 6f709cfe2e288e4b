"""
One focus made of three
=======================

Sharp wherever one of the pictures is.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo, _, disparity = skimage.data.stereo_motorcycle()
photo, disparity = photo[100:400, 200:600], ie.fill_depth(disparity, near="large")[100:400, 200:600]
series = [ie.depth_of_field(photo, disparity, focus=at, radius=at / 6, near="large") for at in (18.0, 35.0, 55.0)]
pictures = {
    "far": series[0],
    "middle": series[1],
    "near": series[2],
    "focus_stack": ie.focus_stack(series),
}

figure, axes = plt.subplots(1, 4, figsize=(12, 2.5), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
