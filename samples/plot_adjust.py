"""
Light, contrast and colour
==========================

Exposure in stops of light, temperature and tint, contrast, vibrance: one call, rounded once.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = ie.adjust(skimage.data.chelsea(), exposure=-1.5, temperature=-0.4)
pictures = {
    "before: too dark, too blue": photo,
    "1.5 stops, warmer": ie.adjust(photo, exposure=1.5, temperature=0.4),
    "and more contrast": ie.adjust(photo, exposure=1.5, temperature=0.4, contrast=0.3, vibrance=0.3),
}

figure, axes = plt.subplots(1, 3, figsize=(10, 2.6), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
