"""
Straighten a photo
==================

Counter-clockwise for positive degrees. The canvas grows, or keeps its size and shows the border that you choose.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = ie.rotate(skimage.data.rocket(), 7, expand=False, border="reflect")
pictures = {
    "before": photo,
    "after": ie.rotate(photo, -7, expand=False, border="reflect"),
    "the whole canvas": ie.rotate(photo, -7, background="white"),
}

figure, axes = plt.subplots(1, 3, figsize=(10, 2.7), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
