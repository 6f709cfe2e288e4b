"""
How far is this from the original?
==================================

`mse`, `psnr` and `ssim` give a number, `ssim_map` a picture of where they differ.
"""

import matplotlib.pyplot as plt
import skimage.data

import imgedit as ie

photo = skimage.data.chelsea()[40:240, 80:330]
saved, _ = ie.io.decode(ie.io.encode(photo, "jpeg", quality=12))
numbers = f"mse {ie.mse(photo, saved):.5f}, psnr {ie.psnr(photo, saved):.1f} dB, ssim {ie.ssim(photo, saved):.3f}"
print(numbers)
pictures = {
    "before": photo,
    "JPEG, quality 12": saved,
    "ssim_map: dark where it differs": ie.ssim_map(photo, saved).mean(2),
}

figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.2), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(title)
    axis.axis("off")
plt.show()
