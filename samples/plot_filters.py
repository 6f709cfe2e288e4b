"""
Blur, sharpen, denoise, write
=============================

Filters that see alpha and masks, and text on top.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.astronaut()[:320]
y, x = np.mgrid[:320, :512]
background = ie.blur((np.hypot(x - 224, y - 110) > 120).astype(np.float32), radius=20)
noisy = ie.to_uint8(photo / 255 + np.random.default_rng(0).normal(0, 0.08, photo.shape))

pictures = {
    "before": photo,
    "the background, blurred as by a lens": ie.blur(photo, radius=9, space="linear", mask=background),
    "sharpened": ie.sharpen(photo, radius=1.2, amount=1),
    "noisy": noisy,
    "denoised": ie.denoise(noisy),
    "marked": ie.draw_text(photo, "PROOF", size="14%", angle=30, tile=True, margin=30, color="#ffffff70"),
}

figure, axes = plt.subplots(2, 3, figsize=(10, 4.6), layout="constrained")
for axis, (name, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(name)
    axis.axis("off")
plt.show()
