"""
Bring out faint detail
======================

`equalize` spreads the lightness of the whole picture, `clahe` place by place; colours keep hue and saturation.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = skimage.data.retina()[200:1200, 200:1200]
photo = ie.resize(photo, scale=0.4)
pictures = {"before": photo, "equalize": ie.equalize(photo), "clahe": ie.clahe(photo, clip=3)}

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
