"""
How different does it look?
===========================

Five pictures with the same squared error, and the distance that a network sees.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.astronaut()[:220, 90:310]
values = photo.astype(float)
grain = np.random.default_rng(0).normal(size=photo.shape)


def rounded(changed):
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


# Strengths that give a PSNR of about 24 dB.
sides = {
    "original": photo,
    "lighter": rounded(values + 17),
    "more contrast": rounded((values - values.mean()) * 1.25 + values.mean()),
    "noise": rounded(values + 17 * grain),
    "blur": ie.blur(photo, radius=3),
    "moved by a pixel": np.roll(photo, 1, axis=1),
}

figure, axes = plt.subplots(2, 3, figsize=(9, 6.5), layout="constrained")
for axis, (title, picture) in zip(axes.flat, sides.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(f"{title}\nPSNR {ie.psnr(photo, picture):.1f} dB, distance {ie.perceptual(photo, picture):.3f}")
    axis.set_axis_off()
plt.show()
