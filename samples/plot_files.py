"""
Quality and size of a file
==========================

The same photo at three qualities: what the numbers cost, and what they buy.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = skimage.data.chelsea()
patch = (60, 90, 180, 180)
files = {"before": None, "JPEG, quality 90": ("jpeg", 90), "JPEG, quality 20": ("jpeg", 20), "WebP, 20": ("webp", 20)}

grey = ie.convert(photo, channels="grey", depth=16)
print(f"{grey.shape} {grey.dtype}: {len(ie.io.encode(grey, 'png')) / 1024:.0f} KiB as PNG")

figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
for axis, (title, choice) in zip(axes, files.items(), strict=True):
    shown = photo
    if choice is not None:
        data = ie.io.encode(photo, choice[0], quality=choice[1])
        shown, _ = ie.io.decode(data)
        title = f"{title}: {len(data) / 1024:.0f} KiB"
    axis.imshow(ie.crop(shown, patch), interpolation="nearest")
    axis.set_title(title)
    axis.set_axis_off()
plt.show()
