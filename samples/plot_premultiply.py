"""
Why colour is multiplied by alpha
=================================

Whoever blurs straight alpha by hand mixes in the colour of clear pixels, here a green that nobody sees. Every verb of
imgedit does this inside; the two conversions are for work of one's own.
"""

import cv2
import matplotlib.pyplot as plt
import numpy as np

import imgedit as ie

y, x = np.mgrid[:120, :120] - 59.5
disc = np.hypot(x, y) < 40
picture = ie.to_uint8(np.dstack([disc * 0.9, 1 - disc * 0.6, disc * 0.2, disc]))
ground = np.full((120, 120, 3), 240, np.uint8)


def blurred(image):
    return cv2.GaussianBlur(image, (0, 0), 6)


pictures = {
    "before": ie.blend(ground, picture),
    "blurred by hand": ie.blend(ground, blurred(picture)),
    "premultiplied meanwhile": ie.blend(ground, ie.unpremultiply(blurred(ie.premultiply(picture)))),
    "ie.blur": ie.blend(ground, ie.blur(picture, radius=6)),
}

figure, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
