"""
Resize, turn and bend
=====================

A photograph made smaller, turned, seen at a slant, and bent so that three points land on three others; the points move
along.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

import imgedit as ie

photo = skimage.data.astronaut()
corners = np.array([[0, 0], [512, 0], [512, 512], [0, 512]])
points = np.array([[200, 100], [280, 250], [170, 390]])
moved = points + np.array([[45, 30], [-30, 20], [20, -40]])

slant = ie.Transform.perspective(corners, [[150, 40], [380, 40], [500, 480], [10, 480]])
bend = ie.Transform.thin_plate([*corners, *points], [*corners, *moved])

pictures = {
    "before": (photo, points),
    "resize, fit='cover'": (ie.resize(photo, (300, 512), fit="cover"), None),
    "rotate by 12 degrees": (ie.rotate(photo, 12, background="white"), None),
    "perspective": (slant(photo), slant.points(points)),
    "thin plate": (ie.warp(photo, bend, border="edge"), bend.points(points)),
    "and back": (ie.warp(bend(photo), bend.inverse()), points),
}

figure, axes = plt.subplots(2, 3, figsize=(9.5, 6.6), layout="constrained")
for axis, (name, (picture, marks)) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    if marks is not None:
        axis.plot(*marks.T, "c+", markersize=12)
    axis.set_title(name)
    axis.axis("off")
plt.show()
