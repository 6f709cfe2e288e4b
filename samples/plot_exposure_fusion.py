"""
One exposure made of three
==========================

From each picture of a bracketed series comes what is well exposed in it.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

light = ie.srgb_to_linear(skimage.data.coffee())
series = [ie.to_uint8(ie.linear_to_srgb(light * gain)) for gain in (0.15, 1.0, 5.0)]
pictures = {"dark": series[0], "normal": series[1], "bright": series[2], "exposure_fusion": ie.exposure_fusion(series)}

figure, axes = plt.subplots(1, 4, figsize=(12, 2.4), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
