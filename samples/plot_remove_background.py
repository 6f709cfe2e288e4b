"""
Cut a thing out
===============

`matte` asks a network how much of each pixel is the thing; `remove_background` makes that the alpha. Trained nets:
`imgedit models list --task matte`. This one is made by hand and takes what is brighter than black, which
is about -2 for nets that are trained as usual, on mean 0 and deviation 1.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnx
import skimage.data
from onnx import helper, numpy_helper

import imgedit as ie

photo = ie.resize(skimage.data.retina(), (300, 300))
tensors = {"weights": np.full((1, 3, 1, 1), 3.0), "bias": np.array([13.0])}
ports = [helper.make_tensor_value_info(name, 1, [1, n, "h", "w"]) for name, n in (("photo", 3), ("cover", 1))]
nodes = [
    helper.make_node("Conv", ["photo", "weights", "bias"], ["sure"]),
    helper.make_node("Sigmoid", ["sure"], ["cover"]),
]
stored = [numpy_helper.from_array(values.astype(np.float32), name) for name, values in tensors.items()]
graph = helper.make_graph(nodes, "bright", ports[:1], ports[1:], stored)
with tempfile.TemporaryDirectory() as folder:
    net = str(Path(folder) / "bright.onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), net)
    cover, cut = ie.matte(photo, model=net), ie.remove_background(photo, model=net)
placed = ie.blend(ie.fill(photo, None, "linear:0,0,1,1:navy,orange"), cut)
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for axis, title, picture in zip(axes, ("before", "matte", "on another ground"), (photo, cover, placed), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(title)
    axis.axis("off")
plt.show()
