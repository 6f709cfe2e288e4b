"""Drawn pictures, holes and wear: by chance, yet the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from photos import drawing

from imgedit.training import degradations, masks
from imgedit.training import drawing as drawn
from imgedit.training.pairs import luma_psnr


@pytest.mark.parametrize("kind", drawn.KINDS)
def test_drawings_are_repeated_by_their_seed(kind):
    first, again, other = (drawn.draw(np.random.default_rng(seed), (48, 64), kind) for seed in (1, 1, 2))
    assert first.shape == (48, 64, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    assert first.std() > 1


def test_pillows_own_font_is_enough(monkeypatch):
    monkeypatch.setattr(drawn, "fonts", lambda: ("",))
    ink = drawn.lettering(np.random.default_rng(0), (64, 96), lines=4, size_range=(0.2, 0.3))
    assert 0.02 < (ink > 128).mean() < 0.6


@pytest.mark.parametrize("kind", masks.KINDS)
def test_holes_are_neither_empty_nor_all(kind):
    shares = [masks.draw_mask(np.random.default_rng(seed), (96, 128), kind).mean() for seed in range(30)]
    assert min(shares) > 0
    assert max(shares) <= masks.MOST
    assert np.std(shares) > 0.005


@pytest.mark.parametrize("scale", [2, 4])
def test_degraded_pictures_keep_place_and_colour(scale):
    """Wear is harsh, but moves nothing: the mean over many draws is near the plain reduction."""
    picture = drawing(0, (96, 128))
    rng = np.random.default_rng(0)
    draws = np.stack([degradations.degrade(picture, scale, rng) for _ in range(60)])
    assert draws.shape[1:] == (96 // scale, 128 // scale, 3)
    plain = picture.reshape(96 // scale, scale, 128 // scale, scale, 3).mean(axis=(1, 3))
    mean = draws.mean(axis=0)
    assert abs((mean - plain).mean()) < 2
    moved = {step: np.abs(np.roll(mean, step, 1) - plain)[:, 4:-4].mean() for step in (-1, 0, 1)}
    assert min(moved, key=moved.get) == 0


def test_age_runs_from_nothing_to_strong():
    picture = drawing(0, (96, 96))
    rng = np.random.default_rng(0)
    differences = [np.abs(degradations.age(picture, rng).astype(int) - picture).mean() for _ in range(40)]
    assert min(differences) == 0
    assert max(differences) > 5


def test_compression_keeps_colours_in_their_channels():
    picture = np.full((16, 16, 3), (200, 100, 20), np.uint8)
    # Chroma is rounded on the way.
    np.testing.assert_allclose(degradations.compress(picture, 95).mean(axis=(0, 1)), (200, 100, 20), atol=2)
    busy = drawing(1, (64, 64))
    assert luma_psnr(degradations.compress(busy, 90), busy, 1) > luma_psnr(degradations.compress(busy, 20), busy, 1)


def test_kernels_sum_to_one_and_sinc_rings():
    rng = np.random.default_rng(0)
    for _ in range(20):
        kernel = degradations.blur_kernel(rng, 0.2, 3)
        assert kernel.sum() == pytest.approx(1, abs=1e-5)
        assert kernel.min() >= 0
    ringing = degradations.sinc_kernel(np.pi / 2, 7)
    assert ringing.sum() == pytest.approx(1, abs=1e-5)
    assert ringing.min() < 0
