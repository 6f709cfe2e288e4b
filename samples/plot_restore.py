"""
JPEG traces and noise off
=========================

The shipped network takes away what a photo suffered when it was saved too small. `imgedit models list --task restore`
names networks for other faults.
"""

import io

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import skimage.data

import imgedit as ie

photo = skimage.data.astronaut()[:180, 130:350]
file = io.BytesIO()
ie.to_pil(photo).save(file, "JPEG", quality=15)
damaged = np.asarray(PIL.Image.open(file))

pictures = {"before": damaged, "after": ie.restore(damaged), "the original": photo}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(ie.resize(picture, scale=2, filter="nearest"))
    axis.set_title(title)
    axis.axis("off")
plt.show()
