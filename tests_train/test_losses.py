"""Losses against their plain twins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from imgedit.training.inpainting import InpaintingTask
from imgedit.training.job import Weights
from imgedit.training.losses import FeatureLoss, focal_frequency, gram, hinge, lattice, load_teacher
from imgedit.training.nets import Critic, spread
from imgedit.training.pairs import Opinion, PairTask


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


def test_a_lattice_is_what_repeats_with_its_period():
    rng = np.random.default_rng(0)
    picture = rng.random((2, 3, 512, 256)).astype(np.float32)
    cell = rng.normal(0, 0.01, (8, 8)).astype(np.float32)
    cell -= cell.mean()
    drawn = torch.from_numpy(picture + np.tile(cell, (64, 32)))
    assert lattice(drawn, 8).tolist() == pytest.approx([np.mean(cell**2)] * 2, rel=0.6)
    # What repeats with another period counts as little as what doesn't repeat.
    other = np.tile(rng.normal(0, 0.05, (7, 7)), (74, 37))[:512, :256].astype(np.float32)
    assert float(lattice(torch.from_numpy(picture + other), 8).max()) < 0.1 / 64 / 32


def test_hinge_is_satisfied_beyond_the_margin():
    scores = torch.tensor([-2.0, 0.0, 2.0])
    assert float(hinge(scores, real=True)) == pytest.approx((3 + 1 + 0) / 3)
    assert float(hinge(scores, real=False)) == pytest.approx((0 + 1 + 3) / 3)


def test_a_critic_of_holes_speaks_of_the_hole_alone(teacher):
    torch.manual_seed(0)
    critic = Critic(load_teacher(teacher), torch.rand(2, 3, 64, 64), masked=True).eval()
    picture = torch.rand(1, 3, 64, 64, requires_grad=True)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 8:24, 8:24] = 1
    scores = critic(torch.cat([picture, mask], 1))
    # Places that have any of the hole, at each of five sizes.
    assert scores.shape == (16**2 + 8**2 + 4**2 + 2**2 + 2**2,)
    (slope,) = torch.autograd.grad(scores[: 16**2].sum(), picture)
    assert float(slope[..., 8:24, 8:24].abs().min(1).values.max()) > 0
    # The finest critic sees some pixels around it, no more: a convolution of the teacher and two of its own.
    reach = 8 - 3
    assert float(slope[..., :reach, :].abs().max()) == float(slope[..., 24 + 3 :, :].abs().max()) == 0
    taught = [name for name, value in critic.named_parameters() if value.requires_grad]
    assert taught
    assert all(name.startswith("critics.") for name in taught)


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


class Shifted(nn.Module):
    """Gives what it was given, moved by a colour inside a mask or everywhere."""

    scale = 1

    def __init__(self, by):
        super().__init__()
        self.by = torch.tensor(by)[:, None, None]

    def forward(self, x, mask=None):
        return x + self.by * (1 if mask is None else mask)


def test_luma_is_dearer_than_colour():
    truth = torch.full((2, 3, 8, 8), 100, dtype=torch.uint8)
    batch = {"small": truth, "large": truth}
    green, blue = [0.0, 0.1, 0.0], [0.0, 0.0, 0.1]  # as far from the truth as each other, in colours

    def price(by, small):
        task = PairTask(Shifted(by), [], None, None, [], small=small)
        return float(task.loss(task.net, batch, 0.0)[0])

    reduced = [truth]
    assert price(green, reduced) - price(blue, reduced) == pytest.approx(2 * 0.1 * (0.587 - 0.114), rel=1e-4)
    assert price(green, []) == pytest.approx(price(blue, []))  # photos as they are


def test_a_thin_hole_counts_as_much_as_a_box():
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, 64)[None, :, None].repeat(64, 0).repeat(3, 2) + rng.integers(0, 20, (64, 64, 3))
    truth = torch.from_numpy(ramp.astype(np.uint8).transpose(2, 0, 1)[None].copy())
    box, scratch = torch.zeros(2, 1, 1, 64, 64, dtype=torch.bool)
    box[..., 8:56, 8:56] = True
    scratch[..., 30, 8:56] = True

    def price(share, mask):
        """Of a filling that is so much nearer than the smooth one."""
        image = truth.float() / 255
        smooth = spread(image, mask.float())

        class Nearer(nn.Module):
            def forward(self, x, hole):
                return x + (smooth - x) * share * hole

        task = InpaintingTask(Nearer(), [], None, [], 64, 1, Opinion(Weights()))
        return float(task.loss(task.net, {"picture": truth, "mask": mask}, 0.0)[0])

    for mask in (box, scratch):
        assert price(0.5, mask) == pytest.approx(price(1.0, mask) / 2, rel=1e-4)
    assert price(1.0, scratch) == pytest.approx(price(1.0, box), rel=0.35)
