"""
Flowers that nobody picked
==========================

`gan-flowers-64` draws flowers of five kinds, 64x64: by kind, more or less typical, and on the way from one to another.
"""

import matplotlib.pyplot as plt
import numpy as np

import imgedit as ie

NET = "gan-flowers-64"
kinds = ie.models.info(NET).classes
rows = [ie.sample(NET, seeds=range(10), label=kind, truncation=0.7) for kind in kinds]
way = ie.interpolate(NET, [3, 5], frames=10, label=["daisy", "sunflower"], truncation=0.7)

plt.figure(figsize=(9, 6), layout="constrained")
plt.imshow(ie.grid(np.concatenate([*rows, way]), columns=10, gap=4))
plt.yticks(32 + 68 * np.arange(6), [*kinds, "daisy to\nsunflower"])
plt.xticks([])
plt.show()
