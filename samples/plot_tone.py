"""
Change tone and colour
======================

Light, contrast and colour of a photograph; the colours of another; and a look-up table learnt from an edit.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo, coffee = skimage.data.chelsea(), skimage.data.coffee()
dim = ie.adjust(photo, exposure=-1.5, temperature=-0.4)
look = ie.Lut.fit(photo, ie.adjust(photo, temperature=0.5, contrast=0.4, saturation=0.2))

pictures = {
    "too dark, too blue": dim,
    "auto_levels, each channel": ie.auto_levels(dim, per_channel=True),
    "adjust: +1.5 stops, warmer": ie.adjust(dim, exposure=1.5, temperature=0.4),
    "clahe": ie.clahe(dim, clip=3),
    "the colours of a cup of coffee": ie.match_color(photo, coffee),
    "a look learnt from another edit": look(coffee),
}

figure, axes = plt.subplots(2, 3, figsize=(10, 5), layout="constrained")
for axis, (name, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(name)
    axis.axis("off")
plt.show()
