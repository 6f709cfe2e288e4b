"""
See a thing from the front
==========================

Four corners go where a flat view has them; the same transform moves masks, points and boxes.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = skimage.data.astronaut()
corners = [[0, 0], [512, 0], [512, 512], [0, 512]]
slant = ie.Transform.perspective(corners, [[150, 40], [380, 40], [500, 480], [10, 480]])
points, moved = [[200, 100], [280, 250], [170, 390]], [[245, 130], [250, 270], [190, 350]]
bend = ie.Transform.thin_plate([*corners, *points], [*corners, *moved])
seen = ie.warp(photo, slant)
pictures = {
    "photo": photo,
    "perspective": seen,
    "and back": ie.warp(seen, slant.inverse()),
    "thin plate": ie.warp(photo, bend, border="edge"),
}

figure, axes = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
