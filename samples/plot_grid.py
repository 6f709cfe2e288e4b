"""
Contact sheet
=============

Pictures of one size side by side; bring them to one size first.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photos = [skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee(), skimage.data.rocket()]
photos += [skimage.data.immunohistochemistry(), skimage.data.retina()]
sheet = ie.grid([ie.resize(photo, (150, 200), fit="cover") for photo in photos], columns=3, gap=6, background="white")

plt.figure(figsize=(8, 4.1), layout="constrained")
plt.imshow(sheet)
plt.axis("off")
plt.show()
