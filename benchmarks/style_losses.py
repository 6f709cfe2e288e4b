"""How near the shipped style net comes to optimisation: ``python -m benchmarks.style_losses DATA [STYLE ...]``.

The loss is the one that the net learnt by (`imgedit.training.style.StyleLoss`: three parts style, half a part content),
on held-out photos at 256 pixels. Beside what `stylize` gives stand 300 iterations of L-BFGS from the photo, as Gatys et
al. do it: about a minute each on a core. Needs PyTorch; DATA holds ``eval/bsds-dev``, ``train/paintings`` and
``features``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

import imgedit as ie
from imgedit.models import find
from imgedit.training.losses import load_teacher
from imgedit.training.pairs import batch_of, to_unit
from imgedit.training.pictures import at_longest, to_rgb
from imgedit.training.recipes import PAINTINGS
from imgedit.training.style import StyleLoss
from imgedit.training.style_descent import SHOWN, STYLE

SIDE, LONGEST = 256, 420
PHOTOS = (0, 3, 7)
ITERATIONS = 300


def main(data: Path, styles: list[str]) -> None:
    """Print a line for each photo and style, and the means."""
    teacher = load_teacher(data / "features/darknet-reference-conv1-5/folded.npz", pool="mean")
    photos = [path for path in sorted((data / "eval/bsds-dev").iterdir()) if path.suffix in (".jpg", ".png")]
    ratios = []
    for style in styles or find("style-gallery").classes:
        measure = StyleLoss(teacher, [to_rgb(ie.read(data / f"train/paintings/{PAINTINGS[style]}.jpg"))])
        for index in PHOTOS:
            photo = at_longest(ie.read(photos[index]), LONGEST)[:SIDE, :SIDE]
            net, best = (
                losses(measure, photo, ie.stylize(photo, style)),
                losses(measure, photo, optimised(measure, photo)),
            )
            ratios.append([a / b for a, b in zip(net, best, strict=True)])
            figures = "  ".join(f"{a:.4f} / {b:.4f} = {a / b:.2f}" for a, b in zip(net, best, strict=True))
            print(f"{photos[index].stem:10} {style:18} total, style, content: {figures}", flush=True)
    print("mean of the ratios:", np.round(np.mean(ratios, axis=0), 3), "largest:", np.round(np.max(ratios, axis=0), 3))


def losses(measure: StyleLoss, photo: NDArray[np.uint8], painted: NDArray[np.uint8] | Tensor) -> tuple[float, ...]:
    """Weighted sum, style, and content."""
    made = painted if isinstance(painted, Tensor) else to_unit(batch_of([painted]))
    with torch.inference_mode():
        style, content = (float(part) for part in measure(made, to_unit(batch_of([photo])), torch.ones(1, 1)))
    return STYLE * style + SHOWN * content, style, content


def optimised(measure: StyleLoss, photo: NDArray[np.uint8]) -> Tensor:
    """300 iterations from the photo."""
    shown, one = to_unit(batch_of([photo])), torch.ones(1, 1)

    def slope(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        made = torch.from_numpy(flat.reshape(shown.shape)).float().requires_grad_()
        style, content = measure(made, shown, one)
        total = (STYLE * style + SHOWN * content).sum()
        (found,) = torch.autograd.grad(total, made)
        return float(total.detach()), found.double().numpy().ravel()

    options = {"maxiter": ITERATIONS, "maxcor": 10, "maxfun": 10 * ITERATIONS}
    start = shown.double().numpy().ravel()
    best = minimize(slope, start, jac=True, method="L-BFGS-B", bounds=[(0, 1)] * len(start), options=options)
    return torch.from_numpy(best.x.reshape(shown.shape)).float()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
