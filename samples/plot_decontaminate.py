"""
Take the old background out of a soft rim
=========================================

A thing that was cut out of a bright photo brings a bright fringe along.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.astronaut()[:200, 120:320]
y, x = np.mgrid[:200, :200]
cover = ie.blur((((x - 103) / 62) ** 2 + ((y - 105) / 82) ** 2 < 1).astype(np.float32), radius=6)
cut = ie.to_uint8(np.dstack([ie.to_float(photo), cover]))
ground = np.full_like(photo, (24, 60, 48))
pictures = {
    "photo": photo,
    "cut out, on another ground": ie.blend(ground, cut),
    "decontaminate": ie.blend(ground, ie.decontaminate(cut)),
}

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
