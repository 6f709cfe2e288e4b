"""
Clone without a seam
====================

Not the source's colours are pasted but its gradients: the target's light spreads over it.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

source = skimage.data.chelsea()[50:190, 80:240]
target = skimage.data.coffee()
y, x = np.mgrid[: source.shape[0], : source.shape[1]]
mask = ((y - 70) / 60) ** 2 + ((x - 80) / 70) ** 2 < 1
offset = (435, 50)

panels = {
    "pasted": ie.blend(target, source, mask=mask, offset=offset),
    "import": ie.seamless_clone(source, target, mask, offset=offset),
    "mixed": ie.seamless_clone(source, target, mask, offset=offset, mode="mixed"),
    "monochrome": ie.seamless_clone(source, target, mask, offset=offset, mode="monochrome"),
}

figure, axes = plt.subplots(2, 2, figsize=(9, 6.5), layout="constrained")
for axis, (title, picture) in zip(axes.flat, panels.items(), strict=True):
    axis.imshow(picture, interpolation="nearest")
    axis.set_title(title)
    axis.set_axis_off()
plt.show()
