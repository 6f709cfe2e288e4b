"""
Shadow, glow, stroke, bevel and overlay
=======================================

Each effect is made from a picture's alpha, merged with it or alone on transparent ground.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

logo = np.ascontiguousarray(skimage.data.logo()[::2, ::2])
y, x = np.mgrid[: logo.shape[0], : logo.shape[1]]
logo[..., 3] = 255 * np.clip(119.5 - np.hypot(x - 124.5, y - 124.5), 0, 1)
logo = ie.pad(logo, 20)

pictures = {
    "picture": logo,
    "drop_shadow": ie.drop_shadow(logo, offset=(8, 8), size=12),
    "outer_glow": ie.outer_glow(logo, color="gold", size=24),
    "inner_shadow": ie.inner_shadow(logo, opacity=0.8),
    "inner_glow": ie.inner_glow(logo, color="white"),
    "stroke": ie.stroke(logo, color="crimson", size=4),
    "bevel": ie.bevel(logo, size=10),
    "color_overlay": ie.color_overlay(logo, color="teal", mode="color"),
    "gradient_overlay": ie.gradient_overlay(logo, colors=("navy", "orange"), angle=45),
    "drop_shadow, alone": ie.drop_shadow(logo, offset=(8, 8), size=12, alone=True),
}
figure, axes = plt.subplots(2, 5, figsize=(10.5, 4.8), layout="constrained")
for axis, (name, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(ie.flatten([ie.Layer(picture)], background="#dddddd"))
    axis.set_title(name)
    axis.axis("off")
plt.show()
