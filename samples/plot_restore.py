"""
Repair a photo with a network
=============================

Any ONNX file that keeps the size will do: `imgedit models list --task restore` names trained ones. This one is made by
hand for one fault: every second line is too dark.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnx
import skimage.data
from onnx import helper, numpy_helper

import imgedit as ie

photo = skimage.data.astronaut()[:200, 110:350]
damaged = photo.copy()
damaged[::2] = ie.levels(photo[::2], out_white=0.6)

kernel = np.zeros((3, 3, 3, 1), np.float32)  # three channels, each the weighted mean of three lines
kernel[range(3), range(3)] = np.array([0.25, 0.5, 0.25])[:, None] / 0.8
ports = [helper.make_tensor_value_info(name, 1, [1, 3, "h", "w"]) for name in ("photo", "repaired")]
node = helper.make_node("Conv", ["photo", "kernel"], ["repaired"], pads=[1, 0, 1, 0])
graph = helper.make_graph([node], "lines", ports[:1], ports[1:], [numpy_helper.from_array(kernel, "kernel")])
with tempfile.TemporaryDirectory() as folder:
    net = str(Path(folder) / "lines.onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), net)
    pictures = {"before": damaged, "after": ie.restore(damaged, model=net), "the original": photo}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
plt.show()
