"""
Paint a photo in the style of a picture
=======================================

Any picture is a style: the shipped `style-any` looks at it once, and nothing is trained. Here it is drawn, 4000 strokes
that follow a flow; `ie.read("painting.jpg")` does as well.
"""

import matplotlib.pyplot as plt
import numpy as np
import skimage.data
from PIL import Image, ImageDraw

import imgedit as ie

PALETTE = ["#0f1c46", "#183c8c", "#3c78be", "#78aac8", "#ebc846", "#faebaa", "#dc6e28"]

rng = np.random.default_rng(1)
canvas = Image.new("RGB", (384, 384), PALETTE[1])
pen = ImageDraw.Draw(canvas)
for x, y in rng.uniform(0, 384, (4000, 2)):
    angle = 1.4 * np.sin(x / 45) + 1.2 * np.cos(y / 60)
    along = 16 * np.array([np.cos(angle), np.sin(angle)])
    light = (np.sin(x / 38) + np.cos(y / 31)) / 4 + 0.5  # 0 to 1, in patches
    color = PALETTE[int(4 * light) + rng.integers(3)]
    pen.line([x - along[0], y - along[1], x + along[0], y + along[1]], fill=color, width=5)
style = ie.from_pil(canvas)

cat, coffee = skimage.data.chelsea(), skimage.data.coffee()
pictures = {"style": style, "cat": ie.stylize(cat, style), "coffee": ie.stylize(coffee, style)}
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), width_ratios=[1, 1.5, 1.5], layout="constrained")
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
