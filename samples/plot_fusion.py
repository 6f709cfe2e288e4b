"""
Join, stack and fuse pictures of one scene
==========================================

A seam that is not seen, one exposure made of three, one focus made of three, and a clean rim.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

cat, coffee = skimage.data.chelsea()[:, :400], skimage.data.coffee()[50:350, 100:500]
y, x = np.mgrid[:300, :400]
circle = np.hypot(x - 190, y - 150) < 110

light = ie.srgb_to_linear(coffee)
series = [ie.to_uint8(ie.linear_to_srgb(light * gain)) for gain in (0.15, 1.0, 5.0)]

photo, _, disparity = skimage.data.stereo_motorcycle()
disparity = np.where(np.isfinite(disparity), disparity, 0)[100:400, 200:600]
photo = np.ascontiguousarray(photo[100:400, 200:600])
focused = [ie.depth_of_field(photo, disparity, focus=at, radius=at / 6, near="large") for at in (18.0, 35.0, 55.0)]

pairs = {
    "cut": np.where(circle[..., None], coffee, cat),
    "pyramid_blend": ie.pyramid_blend(coffee, cat, circle, levels=5),
    "one of three exposures": series[2],
    "exposure_fusion": ie.exposure_fusion(series),
    "one of three focuses": focused[0],
    "focus_stack": ie.focus_stack(focused),
}
figure, axes = plt.subplots(3, 2, figsize=(8, 9.4), layout="constrained")
for axis, (name, picture) in zip(axes.flat, pairs.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(name)
    axis.axis("off")
plt.show()
