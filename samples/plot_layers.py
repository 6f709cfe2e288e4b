"""
Flatten a stack of layers
=========================

A photograph, an adjustment in a mask, layer effects and a clipped texture.
"""

import functools

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.coffee()
y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
around = ie.to_float(np.clip(np.hypot(x - 300, y - 190) / 160 - 0.4, 0, 1))

badge = np.full((130, 130, 4), (200, 60, 40, 0), np.uint8)
badge[..., 3] = 255 * np.clip(60 - np.hypot(*(np.mgrid[:130, :130] - 64.5)), 0, 1)

ground = ie.Layer(photo, name="coffee")
darker = ie.Layer(adjustment=functools.partial(ie.adjust, exposure=-1.5), mask=around, name="vignette")
effects = [ie.DropShadow(size=14), ie.Bevel(size=10), ie.Stroke(color="white", size=2)]
label = ie.Layer(badge, offset=(440, 30), effects=effects, name="badge")
texture = ie.Layer(skimage.data.grass()[:130, :130], mode="overlay", clip=True, offset=(440, 30), name="grass")
stacks = {
    "photo": [ground],
    "+ adjustment in a mask": [ground, darker],
    "+ badge with effects": [ground, darker, label],
    "+ clipped texture": [ground, darker, label, texture],
}
figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.8), layout="constrained")
for axis, (name, stack) in zip(axes.flat, stacks.items(), strict=True):
    axis.imshow(ie.flatten(stack))
    axis.set_title(name)
    axis.axis("off")
plt.show()
