"""Write the graph that `stylize(method="gatys")` descends on: loss and gradient of a picture, from a net of features.

Gatys, Ecker and Bethge (CVPR 2016, https://doi.org/10.1109/CVPR.2016.265). The derivative is written out layer by
layer, as convolutions with turned kernels, so that any ONNX runtime can go downhill without a training framework.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from imgedit.strips import Progress
from imgedit.training.export import Card, export_onnx, ship
from imgedit.training.job import Job
from imgedit.training.losses import Darknet, load_teacher
from imgedit.training.nets import Features

__all__ = ["GatysGraph", "write_gatys_graph"]

SLOPE = 0.1
# The level that holds what is shown, counted from 0.
CONTENT = 3
# Against division by zero where a target is empty.
TINY = 1e-8
SIDE = 64


class GatysGraph(nn.Module):
    """Loss and gradient of a picture.

    Parameters
    ----------
    teacher : Features or Darknet
        Net of features: levels of 3x3 convolutions with leaky steps between, halved by the mean.
    """

    def __init__(self, teacher: Features | Darknet) -> None:
        super().__init__()
        if isinstance(teacher, Features):
            levels = [list(pair) for pair in zip(teacher.first, teacher.second, strict=True)]
        else:
            levels = [[conv] for conv in teacher.convs]
        self.levels = nn.ModuleList(nn.ModuleList(convs) for convs in levels)

    def forward(
        self,
        image: Tensor,
        weights: Tensor,
        content: Tensor,
        style1: Tensor,
        style2: Tensor,
        style3: Tensor,
        style4: Tensor,
        style5: Tensor,
    ) -> tuple[Tensor, ...]:
        """Measure a picture.

        Parameters
        ----------
        image : Tensor
            1 x 3 x H x W, RGB in [0, 1]; H and W multiples of 16.
        weights : Tensor
            Two numbers: of content and of style.
        content : Tensor
            What the content level of the photo is, 1 x C x h x w.
        style1, style2, style3, style4, style5 : Tensor
            Gram matrix of each level of the painting, C x C, mean over its pixels.

        Returns
        -------
        tuple of Tensor
            The loss; its gradient, of the picture's shape; the picture's own content level; its own Gram matrices.
        """
        before, maps = self._look(image)
        seen = [functional.leaky_relu(m, SLOPE) for m in maps]
        grams = [_gram(m) for m in seen]
        off = seen[CONTENT] - content
        size = content.square().mean() + TINY
        loss = weights[0] * off.square().mean() / size
        slopes = []
        styles = (style1, style2, style3, style4, style5)
        for level, (gram, aim) in enumerate(zip(grams, styles, strict=True)):
            apart = gram - aim
            energy = aim.square().sum() + TINY
            loss = loss + weights[1] / len(grams) * apart.square().sum() / energy
            flat = seen[level].flatten(2)[0]
            factor = 4 * weights[1] / len(grams) / energy / flat.shape[1]
            slope = (factor * (apart @ flat)).view_as(seen[level])
            if level == CONTENT:
                slope = slope + weights[0] * 2 / off.numel() / size * off
            slopes.append(slope * _leak(maps[level]))
        return loss, self._back(before, maps, slopes), seen[CONTENT], *grams

    def _look(self, x: Tensor) -> tuple[list[list[Tensor]], list[Tensor]]:
        """Give what stands before each inner nonlinearity, and the maps."""
        before: list[list[Tensor]] = []
        maps: list[Tensor] = []
        for convs in self.levels:
            if maps:
                x = functional.avg_pool2d(functional.leaky_relu(maps[-1], SLOPE), 2)
            inner: list[Tensor] = []
            for index, conv in enumerate(convs):
                x = conv(functional.leaky_relu(x, SLOPE) if index else x)
                inner.append(x)
            before.append(inner[:-1])
            maps.append(inner[-1])
        return before, maps

    def _back(self, before: list[list[Tensor]], maps: list[Tensor], slopes: list[Tensor]) -> Tensor:
        """Carry the slopes of all maps down to the picture."""
        gradient = slopes[-1]
        for level in reversed(range(len(maps))):
            if level < len(maps) - 1:
                spread = functional.interpolate(gradient, scale_factor=2.0, mode="nearest") / 4
                gradient = spread * _leak(maps[level]) + slopes[level]
            for index, conv in reversed(list(enumerate(self.levels[level]))):
                turned = conv.weight.flip(2, 3).transpose(0, 1)
                gradient = functional.conv2d(gradient, turned, padding=1)
                if index:
                    gradient = gradient * _leak(before[level][index - 1])
        return gradient


def _gram(maps: Tensor) -> Tensor:
    flat = maps.flatten(2)[0]
    return flat @ flat.T / flat.shape[1]


def _leak(x: Tensor) -> Tensor:
    return torch.where(x > 0, 1.0, SLOPE)


def write_gatys_graph(job: Job, *, teacher: Path | None = None, progress: Progress | None = None) -> Path:
    """Write loss and gradient of a net of features as an ONNX file with manifest and card.

    Parameters
    ----------
    job : Job
        Its output is the folder, whose name is that of the model; nothing is learnt.
    teacher : Path, optional
        A folded .npz, or an ONNX file of features; by default the shipped features-small.
    progress : callable, optional
        Given 1 at the end.

    Returns
    -------
    Path
        The ONNX file.
    """
    started = time.monotonic()
    net = load_teacher(teacher, pool="mean")
    assert isinstance(net, Features | Darknet)
    graph = GatysGraph(net)
    with torch.inference_mode():
        _, _, content, *grams = graph(
            torch.rand(1, 3, SIDE, SIDE),
            torch.ones(2),
            torch.zeros(1, 1, 1, 1),
            *[torch.zeros(1, 1)] * len(graph.levels),
        )
    names = [f"style{level + 1}" for level in range(len(grams))]
    inputs = ["image", "weights", "content", *names]
    examples = dict(zip(inputs, (torch.rand(1, 3, SIDE, SIDE), torch.ones(2), content, *grams), strict=True))
    job.output.mkdir(parents=True, exist_ok=True)
    path = job.output / f"{job.name}.onnx"
    outputs = ["loss", "gradient", "own_content", *(f"own_{name}" for name in names)]
    multiples = dict.fromkeys(inputs, 1) | {"image": 16, "content": 16 >> CONTENT}
    export_onnx(graph, path, examples=examples, outputs=outputs, free_axes=(2, 3), multiple=multiples)
    _free_targets(path)
    card = Card(
        title="loss and gradient of a picture, for style transfer by optimisation",
        data="the net of features: see there",
        command=job.command("gatys-graph", {"teacher": teacher}),
        figures={},
        steps=0,
        minutes=(time.monotonic() - started) / 60,
    )
    roles = ("image", "weights", "content", *("style" for _ in names))
    if progress is not None:
        progress(1.0)
    return ship(
        graph,
        job,
        card,
        multiple=16,
        task="style",
        family="gatys",
        tiling="never",
        inputs=roles,
        outputs=("loss", "gradient", *roles[2:]),
    )


def _free_targets(path: Path) -> None:
    """Let targets have one element: that is how a picture's own are asked for."""
    import onnx

    model = onnx.load(path)
    for port in model.graph.input:
        if port.name not in {"image", "weights"}:
            for axis, side in enumerate(port.type.tensor_type.shape.dim):
                side.dim_param = f"{port.name}_{axis}"
    onnx.checker.check_model(model)
    onnx.save(model, path)
