"""
Work in 16 bits or float
========================

A dark photo made bright: 8 bits have too few levels for it, and show them as bands.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = ie.crop(ie.to_float(skimage.data.rocket()), (60, 0, 400, 260))
dark = ie.adjust(photo, exposure=-6)  # float keeps everything


def lifted(image):
    return ie.to_uint8(ie.adjust(image, exposure=6))


pictures = {
    "before": ie.to_uint8(photo),
    "through to_uint8": lifted(ie.to_uint8(dark)),
    "through to_uint16": lifted(ie.to_uint16(dark)),
}

figure, axes = plt.subplots(1, 3, figsize=(10, 2.9), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
