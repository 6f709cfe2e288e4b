"""The graph of loss and gradient: against torch's own derivative, against differences, and through `stylize`."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import skimage.data
import torch
from photos import job

import imgedit as ie
from imgedit.training.gatys import GatysGraph, write_gatys_graph
from imgedit.training.losses import load_teacher
from imgedit.training.nets import Features


@pytest.mark.parametrize("kind", ["darknet", "features"])
def test_the_gradient_is_that_of_the_loss(teacher, kind):
    torch.manual_seed(0)
    graph = GatysGraph(load_teacher(teacher, pool="mean") if kind == "darknet" else Features()).double()
    free = torch.zeros(1, 1, 1, 1).double(), *[torch.zeros(1, 1).double()] * 5
    with torch.no_grad():
        targets = graph(torch.rand(1, 3, 48, 32).double(), torch.ones(2).double(), *free)[2:]
    image = torch.rand(1, 3, 48, 32).double().requires_grad_()
    weights = torch.tensor([0.7, 1.3]).double()
    loss, gradient, *_ = graph(image, weights, *targets)
    (wanted,) = torch.autograd.grad(loss, image)
    torch.testing.assert_close(gradient, wanted, rtol=1e-6, atol=1e-9)  # the slope 0.1 is float32's
    step = torch.zeros_like(image)
    step[0, 1, 20, 10] = 1e-5
    with torch.no_grad():
        difference = (graph(image + step, weights, *targets)[0] - graph(image - step, weights, *targets)[0]) / 2e-5
    assert float(difference) == pytest.approx(float(wanted[0, 1, 20, 10]), rel=1e-3)


def test_a_graph_that_stylize_descends(teacher, tmp_path):
    path = write_gatys_graph(job(tmp_path, tmp_path / "graph"), teacher=teacher)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    photo = skimage.data.astronaut()[:128, :160]
    painting = skimage.data.coffee()[100:228, 200:360]
    styled = ie.stylize(photo, painting, method="gatys", model=str(path), iterations=12, size=160)
    assert styled.shape == photo.shape

    def run(picture, content, *styles):
        x = picture.transpose(2, 0, 1)[None].astype(np.float32) / 255
        feeds = (x, np.float32([0, 1]), content, *styles)
        return session.run(None, dict(zip([port.name for port in session.get_inputs()], feeds, strict=True)))

    _, _, content, *aims = run(painting, np.zeros((1, 1, 1, 1), np.float32), *[np.zeros((1, 1), np.float32)] * 5)
    before, after = (float(run(picture, content, *aims)[0]) for picture in (photo, styled))
    assert after < 0.3 * before
