"""
Put one image on another
========================

A logo with soft alpha on a photograph: as it is, with a blend mode, at an offset, in a corner, mixed in linear light.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.chelsea()
height, width = photo.shape[:2]

y, x = np.mgrid[:160, :160] - 79.5
ring = np.clip(30 - abs(np.hypot(x, y) - 48), 0, 1)
logo = ie.to_uint8(np.dstack([np.full((160, 160), 0.95), 0.3 + 0.002 * x, 0.2 - 0.001 * y, ring]))

pictures = {
    "backdrop": photo,
    "normal": ie.blend(photo, logo, offset=(20, 60)),
    "multiply, hanging over the edge": ie.blend(photo, logo, "multiply", offset=(width - 110, -50)),
    "soft light, in the lower right corner": ie.blend(
        photo, logo, "soft-light", anchor="bottom-right", offset=(10, 10)
    ),
    "half, in encoded sRGB": ie.blend(photo, logo, opacity=0.5, offset=(20, 60)),
    "half, in linear light": ie.blend(photo, logo, opacity=0.5, space="linear", offset=(20, 60)),
}

figure, axes = plt.subplots(2, 3, figsize=(10, 5), layout="constrained")
for axis, (name, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(name)
    axis.axis("off")
plt.show()
