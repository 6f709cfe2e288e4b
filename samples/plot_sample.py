"""
Make pictures with a network, and go from one to another
========================================================

A generator makes a picture of each seed. Trained ones: `imgedit models list --task gan`. This one is made on the spot:
its numbers say how much of each main component of some texture there is.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnx
import skimage.data
from onnx import helper, numpy_helper

import imgedit as ie

grass = ie.to_float(skimage.data.grass())
patches = np.stack([grass[y : y + 32, x : x + 32].ravel() for y in range(0, 480, 14) for x in range(0, 480, 14)])
mean = patches.mean(0)
_, sizes, components = np.linalg.svd(patches - mean, full_matrices=False)
step = components[:48] * sizes[:48, None] / len(patches) ** 0.5
shape = numpy_helper.from_array(np.array([-1, 1, 32, 32]), "shape")
tensors = [numpy_helper.from_array(step, "step"), numpy_helper.from_array(mean, "mean"), shape]
nodes = [helper.make_node("MatMul", ["z", "step"], ["far"]), helper.make_node("Add", ["far", "mean"], ["flat"])]
nodes.append(helper.make_node("Reshape", ["flat", "shape"], ["picture"]))
ports = [helper.make_tensor_value_info(n, 1, s) for n, s in (("z", ["n", 48]), ("picture", ["n", 1, 32, 32]))]
graph = helper.make_graph(nodes, "texture", ports[:1], ports[1:], tensors)
with tempfile.TemporaryDirectory() as folder:
    net = str(Path(folder) / "texture.onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), net)
    rows = [ie.sample(net, seeds=range(8)), ie.interpolate(net, [0, 1], frames=8)]
plt.figure(figsize=(9, 2.6), layout="constrained")
plt.imshow(ie.grid(np.concatenate(rows), columns=8), cmap="gray")
plt.title("seeds 0 to 7; below, from seed 0 to seed 1")
plt.axis("off")
plt.show()
