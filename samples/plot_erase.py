"""
Erase through a soft mask
=========================

To transparent, shown here on a chequered ground, or to a colour.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.coffee()
y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
around = np.clip(np.hypot(x - 320, y - 200) / 60 - 2.6, 0, 1).astype(np.float32)
checks = np.where(((x // 16 + y // 16) % 2 == 0)[..., None], 255, 200).astype(np.uint8).repeat(3, axis=2)
pictures = {
    "before": photo,
    "to transparent": ie.blend(checks, ie.erase(photo, around)),
    "to a colour": ie.erase(photo, around, to="#203040"),
}

figure, axes = plt.subplots(1, 3, figsize=(10, 2.6), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
