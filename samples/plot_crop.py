"""
Crop, pad, trim, flip
=====================

What only moves pixels leaves each of them exactly as it was.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = skimage.data.coffee()
scan = ie.pad(ie.resize(photo, scale=0.6), (90, 60, 30, 40), background="white")
pictures = {
    "before": photo,
    "crop": ie.crop(photo, (180, 60, 480, 330)),
    "crop beyond the edge, mirrored": ie.crop(photo, (-150, -80, 450, 320), outside="reflect"),
    "flip": ie.flip(photo, "horizontal"),
    f"an empty border; trim_box is {ie.trim_box(scan)}": scan,
    "trim": ie.trim(scan),
}

figure, axes = plt.subplots(2, 3, figsize=(10.5, 5), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
