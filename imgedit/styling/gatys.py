"""Style transfer by optimisation, without a training framework: an ONNX graph gives loss and gradient, SciPy descends.

L. A. Gatys et al., "Image style transfer using convolutional neural networks", CVPR 2016, doi:10.1109/CVPR.2016.265:
the picture whose features are those of the photo and whose Gram matrices are those of the painting. Coarse to fine as
in Gatys et al., "Controlling perceptual factors in neural style transfer", CVPR 2017, arXiv:1611.07865, section 6.

The graph (family "gatys") takes, in the order that its manifest's `inputs` names: "image" 1x3xHxW; "weights", two
floats, of content and style; a target for each content layer, "content", 1xCxhxw; one for each style layer, "style",
CxC. It gives (`outputs`): "loss", a number; "gradient", of the image's shape; and of the image itself its "content"
features and "style" Gram matrices, as many as there are targets. Targets of one element must be allowed: that is how it
is asked for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ModelError
from imgedit.geometry import resize
from imgedit.pixels import Progress, check_number
from imgedit.styling.chosen import Style, pictures_of
from imgedit.styling.sizes import Floats, expanded, fitting, shrunk

if TYPE_CHECKING:
    from imgedit.models import Model

__all__ = ["paint_gatys"]

# Longest side of the painting: what takes a minute on two cores.
SIDE = 512

# Pixels that are painted beyond each border and cut off.
EDGE = 32

# Below this a level is too small for the deepest layer to see anything.
LEAST_SIDE = 128

# Pairs of steps that L-BFGS remembers; SciPy's own default.
MEMORY = 10


def paint_gatys(
    photo: Floats,
    style: Style,
    *,
    model: str | None,
    size: int | None,
    device: str,
    progress: Progress | None,
    content_weight: float = 0.1,
    style_weight: float = 1.0,
    style_scale: float = 1.0,
    iterations: int = 100,
) -> Floats:
    """Paint a photo by optimisation.

    Parameters
    ----------
    photo : ndarray of float32
        HxWx3, white at 1.
    style : ndarray, str or mapping
        Picture of the style, its path, or paths with weights.
    model : str, optional
        The graph to take.
    size : int, optional
        Longest side at which it works; 512 by default.
    device : str
        Where.
    progress : callable, optional
        Given the fraction done.
    content_weight, style_weight : float
        Of the two losses; their ratio is what counts.
    style_scale : float
        Size of the style's picture in that of the photo: larger strokes above 1.
    iterations : int
        Steps at each of the sizes, each twice the one before.

    Returns
    -------
    ndarray of float32
        HxWx3.
    """
    from imgedit.models import load  # here, since manifests are checked by a library that is slow to import

    weights = (
        check_number(content_weight, "content_weight", least=0),
        check_number(style_weight, "style_weight", least=0),
    )
    style_scale = check_number(style_scale, "style_scale", above=0)
    iterations = int(check_number(iterations, "iterations", least=1))
    sources = pictures_of(style)
    net = load(model or _installed(), device=device, task="style", tick=partial(_part(progress, 0.0, 0.0), 0.0))
    graph = _Graph(net, weights)
    small = shrunk(photo, _even(fitting(photo.shape[:2], side=size or SIDE), net.manifest.multiple_of))
    inner, small = small, _mirrored(small, net.manifest.multiple_of)
    sizes = _levels(small.shape[:2], net.manifest.multiple_of)
    costs = np.array([height * width for height, width in sizes], float)
    painting = small
    for level, goal in enumerate(sizes):
        report = _part(progress, float(costs[:level].sum() / costs.sum()), float(costs[level] / costs.sum()))
        source = shrunk(small, goal)
        painting = shrunk(painting if level else source, goal)
        graph.aim(source, [(_scaled(picture, goal, style_scale, net), share) for picture, share in sources])
        painting = graph.descend(painting, iterations, report)
    edge = (small.shape[0] - inner.shape[0]) // 2
    return expanded(np.ascontiguousarray(painting[edge:, edge:][: inner.shape[0], : inner.shape[1]]), inner, photo)


def _mirrored(picture: Floats, multiple: int) -> Floats:
    """Continue a picture beyond its border, where the zeros around it would else be painted over: a frame."""
    edge = -(-EDGE // multiple) * multiple
    return np.pad(picture, ((edge, edge), (edge, edge), (0, 0)), mode="symmetric")


def _installed() -> str:
    from imgedit.models import find, names

    known = [name for name in names("style") if find(name).family == "gatys"]
    if not known:
        raise ModelError("style", "no graph for method='gatys' is installed; name one with model=")
    return known[0]


def _even(size: tuple[int, int], multiple: int) -> tuple[int, int]:
    height, width = (max(1, round(side / multiple)) * multiple for side in size)
    return height, width


def _levels(size: tuple[int, int], multiple: int) -> list[tuple[int, int]]:
    """Sizes from coarse to fine, each about half of the next."""
    sizes = [size]
    while min(sizes[0]) // 2 >= LEAST_SIDE:
        sizes.insert(0, _even((sizes[0][0] // 2, sizes[0][1] // 2), multiple))
    return sizes


def _scaled(picture: Floats, goal: tuple[int, int], scale: float, net: Model) -> Floats:
    """Bring a style to as many pixels as the photo has, times the square of the scale, but not beyond its own."""
    factor = min(1.0, scale * (goal[0] * goal[1] / (picture.shape[0] * picture.shape[1])) ** 0.5)
    size = max(1, round(picture.shape[0] * factor)), max(1, round(picture.shape[1] * factor))
    return resize(picture, _even(size, net.manifest.multiple_of))


def _part(progress: Progress | None, before: float, share: float) -> Progress:
    def report(fraction: float) -> None:
        if progress is not None:
            progress(min(1.0, before + share * fraction))

    return report


class _Graph:
    """Loss and gradient of a picture against targets, by a graph of family "gatys"."""

    def __init__(self, net: Model, weights: tuple[float, float]) -> None:
        inputs, outputs = net.manifest.inputs, net.manifest.outputs
        needed = [("image", "weights", "content", "style"), ("loss", "gradient", "content", "style")]
        if net.manifest.family != "gatys" or any(
            set(n) != set(r) for n, r in zip(needed, (inputs, outputs), strict=True)
        ):
            raise ModelError(
                net.path, f"is no graph for gatys: inputs {needed[0]}, outputs {needed[1]}, family 'gatys'"
            )
        self.net, self.inputs, self.outputs = net, inputs, outputs
        self.weights = np.array(weights, np.float32)
        self.targets: dict[str, list[NDArray[Any]]] = {}

    def aim(self, content: Floats, styles: Sequence[tuple[Floats, float]]) -> None:
        """Take the targets from pictures.

        Several styles are one: the sum of squared distances to their Gram matrices, weighted, is up to a constant the
        distance to the weighted mean of those.
        """
        grams = [[share * gram for gram in self._features(style)["style"]] for style, share in styles]
        self.targets = {
            "content": self._features(content)["content"],
            "style": [np.asarray(np.sum(layer, axis=0), np.float32) for layer in zip(*grams, strict=True)],
        }

    def _features(self, picture: Floats) -> dict[str, list[NDArray[Any]]]:
        free: dict[str, list[NDArray[Any]]] = {
            "content": [np.zeros((1, 1, 1, 1), np.float32)] * self.inputs.count("content"),
            "style": [np.zeros((1, 1), np.float32)] * self.inputs.count("style"),
        }
        results = self._run(self._as_input(picture), free)
        return {
            kind: [result for role, result in zip(self.outputs, results, strict=True) if role == kind]
            for kind in ("content", "style")
        }

    def _as_input(self, picture: Floats) -> NDArray[Any]:
        from imgedit.models import pictures

        return pictures.to_net(picture[None], self.net.manifest)

    def _run(self, image: NDArray[Any], targets: dict[str, list[NDArray[Any]]]) -> list[NDArray[Any]]:
        waiting = {kind: iter(arrays) for kind, arrays in targets.items()}
        feeds = {"image": image, "weights": self.weights}
        return self.net.run(*(feeds[role] if role in feeds else next(waiting[role]) for role in self.inputs))

    def descend(self, start: Floats, iterations: int, report: Progress) -> Floats:
        """Minimise, from a picture, and clip.

        Bounds would reach a loss that is 2 % less, and take 1.6 times as long.
        """
        from scipy.optimize import minimize

        done = 0
        black, white = self.net.manifest.range

        def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            report(min(1.0, done / iterations))
            image = self._as_input(values.reshape(start.shape).astype(np.float32))
            results = dict(zip(self.outputs, self._run(image, self.targets), strict=True))
            slope = results["gradient"][0].astype(np.float64) * (white - black)
            slope = slope.transpose(1, 2, 0) if self.net.manifest.layout == "nchw" else slope
            value = float(results["loss"].reshape(()))
            if not np.isfinite(value):
                raise ModelError(self.net.path, "gave a loss that is no number")
            return value, slope.ravel()

        def count(_: NDArray[np.float64]) -> None:
            nonlocal done
            done += 1

        found = minimize(
            loss,
            start.ravel().astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            callback=count,
            # The slope of a mean over all pixels is tiny, so only the number of steps ends the descent.
            options={"maxiter": iterations, "maxcor": MEMORY, "gtol": 0, "ftol": 0},
        )
        report(1.0)
        return np.asarray(np.clip(found.x, 0, 1).reshape(start.shape), np.float32)
