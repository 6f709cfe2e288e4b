"""
Stickers for a photo
====================

`gan-emoji-64` draws stickers with transparency, so that they go straight onto a photo: each seed is another one.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = skimage.data.chelsea()
stickers = ie.sample("gan-emoji-64", seeds=range(14), truncation=0.8)
for place, sticker in enumerate(stickers):
    down, right = divmod(place, 7)
    photo = ie.blend(photo, ie.resize(sticker, scale=0.9), offset=(4 + 64 * right, 4 + 234 * down))

plt.figure(figsize=(7, 4.8), layout="constrained")
plt.imshow(photo)
plt.axis("off")
plt.show()
