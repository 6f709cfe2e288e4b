"""
Write on a photo
================

In a corner, or repeated over all of it; sizes in percent fit photos of any size.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = skimage.data.coffee()
pictures = {
    "before": photo,
    "a corner": ie.draw_text(photo, "© A. Person", anchor="bottom-right", size="7%", margin="3%", opacity=0.8),
    "everywhere": ie.draw_text(photo, "PROOF", size="14%", angle=30, tile=True, margin=30, color="#ffffff70"),
}

figure, axes = plt.subplots(1, 3, figsize=(10, 2.6), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
