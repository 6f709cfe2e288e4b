"""
Take a highlight back
=====================

Strong gradients inside the mask are pressed together, weak ones lifted.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.astronaut()[300:512, 300:512]
y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
helmet = np.hypot(x - 100, y - 100) < 90
glare = ie.blur(((ie.luma(photo) > 0.5) & helmet).astype(np.float32), radius=3) > 0.1
pictures = {
    "before": photo,
    "the mask": glare,
    "after": ie.illumination_change(photo, glare, alpha=0.2, beta=0.4),
}

figure, axes = plt.subplots(1, 3, figsize=(10, 2.6), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(title)
    axis.axis("off")
plt.show()
