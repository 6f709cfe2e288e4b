"""
Paint a photo
=============

``python samples/style_transfer.py STYLE out.jpg [photo.jpg]``: STYLE is the name of a style or of a net
(``imgedit models list --task style``), the path of an ONNX file, or a painting for a net that takes one.
"""

import sys

import skimage.data

import imgedit as ie

if len(sys.argv) < 3:
    sys.exit(__doc__)
style, out = sys.argv[1:3]
photo = ie.read(sys.argv[3]) if len(sys.argv) > 3 else skimage.data.astronaut()
# The whole way, half of it, and with the photo's own colours.
paintings = [photo, ie.stylize(photo, style), ie.stylize(photo, style, strength=0.5)]
paintings += [ie.stylize(photo, style, keep_color=how) for how in ("luma", "histogram", "linear")]
ie.write(out, ie.grid(paintings, columns=3, gap=6, background="white"))
