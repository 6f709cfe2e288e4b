"""Losses against their plain twins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from imgedit.training.losses import FeatureLoss, focal_frequency, gram, hinge, load_teacher, penalty


def test_gram_is_the_mean_product_of_channels():
    maps = torch.rand(2, 3, 4, 5)
    products = gram(maps)
    for n, i, j in np.ndindex(2, 3, 3):
        assert float(products[n, i, j]) == pytest.approx(float((maps[n, i] * maps[n, j]).mean()), rel=1e-5)


def test_focal_frequency_weighs_the_largest_difference_most():
    rng = np.random.default_rng(0)
    made, truth = (torch.from_numpy(rng.random((1, 1, 8, 8)).astype(np.float32)) for _ in range(2))
    distance = np.abs(np.fft.rfft2(made[0, 0].numpy() - truth[0, 0].numpy(), norm="ortho"))
    expected = (distance / distance.max() * distance**2).mean()
    assert float(focal_frequency(made, truth)) == pytest.approx(expected, rel=1e-4)
    assert float(focal_frequency(made, made)) == 0


def test_hinge_is_satisfied_beyond_the_margin():
    scores = torch.tensor([-2.0, 0.0, 2.0])
    assert float(hinge(scores, real=True)) == pytest.approx((3 + 1 + 0) / 3)
    assert float(hinge(scores, real=False)) == pytest.approx((0 + 1 + 3) / 3)


def test_penalty_is_half_the_squared_slope():
    critic = nn.Conv2d(1, 1, 1)
    nn.init.constant_(critic.weight, 3.0)
    # The score of a picture is the sum over its 4 pixels, so its slope is 3 at each of them.
    assert float(penalty(critic, torch.rand(5, 1, 2, 2)).detach()) == pytest.approx(0.5 * 4 * 9)


def test_features_tell_pictures_apart(teacher):
    loss = FeatureLoss(load_teacher(teacher), style=1.0)
    torch.manual_seed(0)
    a, b = torch.rand(2, 1, 3, 32, 32)
    assert float(loss(a, a)) == 0
    near, far = float(loss(a + 0.02 * b, a)), float(loss(b, a))
    assert 0 < near < 0.3 * far


def test_a_teacher_is_a_stack_of_plain_convolutions(teacher):
    """Against a sum written out at one pixel of the second level."""
    stored = np.load(teacher)
    x = np.random.default_rng(1).random((3, 32, 32), np.float32)
    for pool, reduce in (("largest", np.max), ("mean", np.mean)):
        maps = load_teacher(teacher, pool=pool)(torch.from_numpy(x[None]))
        first = maps[0][0].numpy()
        half = reduce(np.where(first > 0, first, 0.1 * first).reshape(16, 16, 2, 16, 2), axis=(2, 4))
        around = half[:, 0:3, 1:4]
        assert float(maps[1][0, 5, 1, 2]) == pytest.approx(
            float((stored["conv2d_2.weight"][5] * around).sum()), abs=1e-5
        )
