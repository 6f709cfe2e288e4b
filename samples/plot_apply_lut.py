"""
Learn a look, use it again
==========================

A look-up table is fitted to an edit of one photo and used on another. Files in .cube format are read and written.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo, other = skimage.data.chelsea(), skimage.data.coffee()
edited = ie.adjust(photo, temperature=0.5, contrast=0.4, saturation=0.2)
look = ie.Lut.fit(photo, edited)
pictures = {
    "a photo": photo,
    "edited by someone": edited,
    "another photo": other,
    "in the same look": ie.apply_lut(other, look, strength=0.9),
}

figure, axes = plt.subplots(2, 2, figsize=(9, 5.8), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
