"""
Pictures from seeds
===================

``python samples/generate.py MODEL sheet.png``: MODEL is a net that makes pictures (``imgedit models list --task gan``,
``--task vae``) or the path of an ONNX file.
"""

import sys

import numpy as np

import imgedit as ie

if len(sys.argv) < 3:
    sys.exit(__doc__)
net = ie.models.load(sys.argv[1])
rows = [
    ie.sample(net, seeds=range(8)),  # eight seeds
    ie.sample(net, seeds=range(8), truncation=0.5),  # the same, more typical
    ie.interpolate(net, [0, 1], frames=8),  # from the first to the second
]
ie.write(sys.argv[2], ie.grid(np.concatenate(rows), columns=8, background="white"))

# Seeds 0 and 0 are one picture, whatever stands beside it, and its latent can be found again.
latent = ie.project(rows[0][0], net) if not net.manifest.classes else None
if latent is not None:
    print(f"found again at {ie.psnr(ie.decode(latent, net)[0], rows[0][0]):.1f} dB")
