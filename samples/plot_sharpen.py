"""
Sharpen
=======

An unsharp mask; the threshold leaves noise alone.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = ie.crop(skimage.data.astronaut(), (130, 20, 330, 160))
pictures = {
    "before": photo,
    "amount=1": ie.sharpen(photo, radius=1.2, amount=1),
    "amount=2, threshold=0.03": ie.sharpen(photo, radius=1.2, amount=2, threshold=0.03),
}

figure, axes = plt.subplots(1, 3, figsize=(10, 2.7), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
