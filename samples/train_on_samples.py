"""
A generator's pictures as a data set
====================================

``python samples/train_on_samples.py gan-flowers-64 FLOWERS``: how well does a classifier that only saw generated
pictures tell real ones apart, beside one that learnt on real pictures? The sub-folders of FLOWERS are the classes of
the net; a fifth of the pictures is kept for the question. Needs PyTorch (``pip install 'imgedit[train]'``).
"""

import sys
from pathlib import Path

import numpy as np
import torch

import imgedit as ie

COUNT, SIDE = 4000, 64
eyes = ie.models.load("features-small")


def features(pictures):
    """Means of the three coarsest maps of features-small, NxD."""
    units = pictures.astype(np.float32).transpose(0, 3, 1, 2) / 255
    batches = np.array_split(units, -(-len(units) // 64))
    maps = [eyes.run(np.ascontiguousarray(batch))[-3:] for batch in batches]
    return torch.from_numpy(np.concatenate([np.hstack([m.mean((2, 3)) for m in batch]) for batch in maps]))


def classifier(seen, labels):
    """A linear layer over features, and what they are normalised by."""
    layer, mean, deviation = torch.nn.Linear(seen.shape[1], int(labels.max()) + 1), seen.mean(0), seen.std(0)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = torch.nn.functional.cross_entropy(layer((seen - mean) / deviation), labels)
        value = value + 0.01 * layer.weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return lambda other: layer((other - mean) / deviation).argmax(1)


if len(sys.argv) < 3:
    sys.exit(__doc__)
net = ie.models.load(sys.argv[1])
classes = net.manifest.classes
files = [(path, label) for label, name in enumerate(classes) for path in sorted((Path(sys.argv[2]) / name).iterdir())]
real = np.stack([ie.resize(ie.read(path)[..., :3], (SIDE, SIDE), fit="cover") for path, _ in files])
real_labels = torch.tensor([label for _, label in files])
asked = torch.arange(len(files)) % 5 == 0

made_labels = torch.arange(COUNT) % len(classes)
made = ie.sample(net, seeds=range(COUNT), label=made_labels.tolist())[..., :3]

of_real, of_made = features(real), features(made)
for name, answer in (
    ("real pictures", classifier(of_real[~asked], real_labels[~asked])),
    (f"{COUNT} generated pictures", classifier(of_made, made_labels)),
):
    rate = (answer(of_real[asked]) == real_labels[asked]).float().mean()
    print(
        f"learnt on {name}: {rate:.1%} of {int(asked.sum())} real pictures told right (chance {1 / len(classes):.0%})"
    )
