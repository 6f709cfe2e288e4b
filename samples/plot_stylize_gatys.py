"""
Paint a photo in the manner of another picture
==============================================

Gatys' optimisation takes any picture as style and needs no trained style: the shipped graph tells how far the photo is
from the style, and which way it is nearer.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = ie.resize(skimage.data.astronaut()[:300, 90:390], (160, 160))
style = ie.resize(skimage.data.immunohistochemistry(), (160, 160))
painted = ie.stylize(photo, style, method="gatys", iterations=40)
pictures = {"before": photo, "style": style, "after": painted}

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
