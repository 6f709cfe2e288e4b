"""
Blur what is behind
===================

A soft mask says where; in linear light, highlights stay bright, as through a lens.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.astronaut()[:320]
y, x = np.mgrid[:320, :512]
background = ie.blur((np.hypot(x - 224, y - 110) > 120).astype(np.float32), radius=20)
pictures = {
    "before": photo,
    "after": ie.blur(photo, radius=9, space="linear", mask=background),
    "motion": ie.blur(photo, method="motion", radius=15, angle=20),
}

figure, axes = plt.subplots(1, 3, figsize=(10, 2.5), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
