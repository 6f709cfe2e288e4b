"""
Take noise away
===============

Every method that `denoise` has, on one noisy photo; `estimate_noise` measures how much there is.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = ie.crop(skimage.data.chelsea(), (100, 50, 330, 210))
noise = np.random.default_rng(0).normal(0, 0.09, photo.shape)
noisy = ie.to_uint8(np.clip(ie.to_float(photo) + noise, 0, 1))
pictures = {
    f"before: deviation {ie.estimate_noise(noisy):.3f}": noisy,
    "nlm": ie.denoise(noisy),
    "bilateral": ie.denoise(noisy, method="bilateral"),
    "median": ie.denoise(noisy, method="median"),
}

figure, axes = plt.subplots(2, 2, figsize=(9, 6.6), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
