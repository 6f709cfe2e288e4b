"""
Paint a photo in a style
========================

The shipped gallery has 14 styles in one net: by name, faded, mixed, or with the photo's own colours.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = skimage.data.chelsea()
pictures = {
    "before": photo,
    "great-wave": ie.stylize(photo, "great-wave"),
    "strength=0.5": ie.stylize(photo, "great-wave", strength=0.5),
    "composition-vii": ie.stylize(photo, "composition-vii"),
    "keep_color='luma'": ie.stylize(photo, "composition-vii", keep_color="luma"),
    "two styles, mixed": ie.stylize(photo, {"great-wave": 0.5, "starry-night": 0.5}),
}

figure, axes = plt.subplots(2, 3, figsize=(11, 5.4), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
