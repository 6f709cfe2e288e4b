"""A small GAN and a small VAE, through to files that `sample` and `encode` take."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from photos import figures, job

import imgedit as ie
from imgedit import errors
from imgedit.models.manifest import Manifest
from imgedit.training import gan
from imgedit.training.classes import Gallery
from imgedit.training.gan import CHANCES, Crowd, Drawing, frechet, train_gan, vary
from imgedit.training.losses import load_teacher
from imgedit.training.sampling_nets import Generator, Judge
from imgedit.training.vae import Mapping, train_vae

SIDE = 16


@pytest.fixture(autouse=True)
def _few_measured(monkeypatch):
    monkeypatch.setattr(gan, "MEASURED", 64)


@pytest.fixture(scope="module")
def stickers(tmp_path_factory):
    """Discs on clear ground in two classes, red ones and blue ones."""
    folder = tmp_path_factory.mktemp("stickers")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:24, :24]
    for color, channel in (("red", 0), ("blue", 2)):
        (folder / color).mkdir()
        for index in range(20):
            picture = np.zeros((24, 24, 4), np.uint8)
            picture[..., channel] = 200
            centre = rng.uniform(9, 15, 2)
            picture[..., 3] = 255 * (np.hypot(y - centre[0], x - centre[1]) < rng.uniform(5, 8))
            ie.write(folder / color / f"{index:02}.png", picture)
    return folder


def test_a_gan_draws_its_classes_with_alpha(stickers, teacher, tmp_path):
    path = train_gan(
        job(stickers, tmp_path / "discs", steps=40, every=20, count=8), size=SIDE, alpha=True, width=8, teacher=teacher
    )
    manifest = Manifest.from_toml(path.with_suffix(".toml"))
    assert (manifest.task, manifest.family, manifest.classes) == ("gan", "generator", ("blue", "red"))
    blue, red = (ie.sample(str(path), seeds=range(4), label=label).astype(int) for label in ("blue", "red"))
    assert blue.shape == (4, SIDE, SIDE, 4)
    assert np.abs(blue - red).max() > 0  # the label counts
    assert np.abs(blue[0] - blue[1]).max() > 0  # and so does the latent
    still = ie.sample(str(path), seeds=range(2), label="red", truncation=0)
    np.testing.assert_array_equal(still[0], still[1])
    assert [line["step"] for line in figures(path)] == [20, 40]
    assert figures(path)[-1]["frechet"] > figures(path)[-1]["frechet of real ones"] > 0


def test_the_baseline_is_a_model_too(stickers, teacher, tmp_path):
    path = train_gan(
        job(stickers, tmp_path / "dcgan", steps=2, every=2, count=4), width=4, baseline=True, teacher=teacher
    )
    assert ie.sample(str(path), seeds=[1], label=0).shape == (1, 64, 64, 3)
    with pytest.raises(errors.ArgumentError, match="64 pixels"):
        train_gan(job(stickers, tmp_path / "small", steps=2), size=32, baseline=True, teacher=teacher)


def test_a_vae_reads_and_draws(stickers, tmp_path):
    run = job(stickers, tmp_path / "read", steps=200, every=100, count=16, rate=2e-3)
    path = train_vae(run, size=SIDE, alpha=True, latent=8, width=8)
    first, last = figures(path)[0], figures(path)[-1]
    assert last["psnr"] > max(12, first["psnr"])  # dB; an even picture of the mean colour has about 9
    assert last["elbo"] > first["elbo"]
    truth = ie.resize(ie.read(next((stickers / "red").iterdir())), (SIDE, SIDE))
    latent = ie.encode(truth, f"{path.parent / path.stem}-encoder.onnx")
    assert latent.shape == (1, 8)
    again = ie.decode(latent, str(path))[0]
    error = ie.premultiply(again).astype(float) - ie.premultiply(truth)
    assert np.sqrt((error**2).mean()) < 64
    # Free draws come from the net beside it, are different, and have one of the two colours of the discs.
    assert Manifest.from_toml(path.with_suffix(".toml")).mapping == "read-mapping"
    drawn = ie.sample(str(path), seeds=range(6)).astype(int)[:, 6:10, 6:10]
    assert len(np.unique(drawn.reshape(6, -1), axis=0)) == 6
    assert (np.abs(drawn[..., 0] - drawn[..., 2]).max((1, 2)) > 60).all()


def test_latents_are_drawn_from_between_neighbours():
    rng = np.random.default_rng(0)
    # Two far lines of latents.
    latents = torch.from_numpy(
        rng.uniform(-1, 1, (60, 1)) * np.eye(3)[:1] + np.eye(3)[1] * 20 * (np.arange(60) % 2)[:, None]
    )
    drawn = Mapping(latents.float(), 5)(torch.from_numpy(rng.standard_normal((200, 6))).float()).numpy()
    assert set(drawn[:, 1].round(2)) == {0, 20}  # never between both, evenly from both, and along the lines
    assert 60 < (drawn[:, 1] > 10).sum() < 140
    np.testing.assert_allclose(drawn[:, 2], 0, atol=1e-5)
    assert len(np.unique(drawn[:, 0].round(4))) > 150
    assert np.abs(drawn[:, 0]).max() < 1.6


def test_truncation_shrinks_to_the_mean_of_the_class():
    torch.manual_seed(0)
    net = Generator(16, classes=2, width=4)
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(8, 128), torch.eye(2)[[0, 1] * 4], torch.ones(8))
        net.eval()
        labels = torch.eye(2)[[0, 0, 1]]
        whole = net(torch.randn(3, 128), labels, torch.zeros(3))
    torch.testing.assert_close(whole[0], whole[1])
    assert float((whole[0] - whole[2]).abs().max()) > 1e-4


def test_new_latents_are_mixed_from_those_of_the_class():
    rng = np.random.default_rng(0)
    labels = np.eye(2, dtype=np.float32)[np.arange(80) % 2]
    read = rng.standard_normal((80, 6)).astype(np.float32)
    read[:, 0] = np.where(labels[:, 0] > 0, 10, -10)
    drawing = Drawing(Generator(16, classes=2, latent=6, width=4), torch.from_numpy(read), torch.from_numpy(labels))
    latents = torch.from_numpy(rng.standard_normal((50, 6))).float()
    first = torch.tensor([[1.0, 0.0]]).expand(50, -1)
    mixed = drawing.mix(latents, first)
    torch.testing.assert_close(mixed[:, 0], torch.full((50,), 10.0))  # nothing of the other class
    assert float(mixed[:, 1:].std(0).min()) > 0.3  # as various as what was read
    near = drawing.mix(latents + 1e-3, first)
    assert float((near - mixed).abs().max()) < 0.05  # no jumps
    half = drawing.mix(latents, torch.full((50, 2), 0.5))[:, 0]
    assert float(half.min()) < -5
    assert float(half.max()) > 5


def test_the_judge_knows_classes_and_leaves_its_eyes_alone(teacher):
    torch.manual_seed(0)
    eyes = load_teacher(teacher)
    judge = Judge(eyes, torch.rand(8, 3, 16, 16), classes=2, width=4)
    pictures = torch.rand(4, 3, 16, 16, requires_grad=True)
    labels = torch.eye(2)[[0, 0, 0, 0]]
    scores = judge(pictures, labels)
    assert scores.shape == (4, 16 * 3)  # 4x4 places at 16, 8 and 4 pixels
    assert not torch.allclose(scores, judge(pictures, 1 - labels))
    scores.sum().backward()
    assert pictures.grad is not None
    assert float(pictures.grad.abs().max()) > 0
    assert all(parameter.grad is None for parameter in eyes.parameters())


def test_variations_are_differentiable_moves():
    torch.manual_seed(0)
    pictures = torch.rand(2, 4, 16, 16, requires_grad=True)
    still = torch.full((2, CHANCES), 0.5)
    still[:, 5:] = 8.0  # the cut lies outside
    torch.testing.assert_close(vary(pictures, still), pictures)
    moved = still.clone()
    moved[:, 3] = 0.75  # a sixteenth of the side down: one row
    torch.testing.assert_close(vary(pictures, moved)[:, :, :-1], pictures[:, :, 1:])
    assert not vary(pictures, moved)[:, :, -1].any()
    vary(pictures, torch.rand(2, CHANCES)).sum().backward()
    assert pictures.grad is not None
    assert float(pictures.grad.abs().max()) > 0


def test_what_is_wholly_clear_can_be_led_back():
    deep = torch.full((1, 1, 2, 2), -12.0, requires_grad=True)
    truth = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    gan._coverage(torch.sigmoid(deep), truth).backward()
    slopes = deep.grad[0, 0]
    assert (slopes[:, 0] < -0.1).all()
    assert (slopes[:, 1].abs() < 1e-3).all()


def test_the_frechet_distance_of_two_gaussians():
    rng = np.random.default_rng(0)
    a = rng.normal(0, 1, (20_000, 3))
    b = rng.normal([2, 0, 0], [1, 3, 1], (20_000, 3))
    assert frechet(a, b) == pytest.approx(4 + (3 - 1) ** 2, rel=0.05)  # of samples, so not exact
    assert frechet(a, a) == pytest.approx(0, abs=1e-6)


def test_a_crowd_is_led_to_the_real_ones():
    rng = np.random.default_rng(0)
    real = rng.normal(0, 1, (500, 5))
    old, fresh = rng.normal([1, 0, 0, 0, 0], [1, 2, 1, 1, 1], (2, 120, 5)).astype(np.float32)
    crowd = Crowd(real, torch.from_numpy(old))
    moved = torch.from_numpy(fresh).requires_grad_()
    distance = crowd.distance(moved[:40])
    cloud = np.concatenate([old[40:], fresh[:40]])
    assert float(distance.detach()) == pytest.approx(frechet(real, cloud.astype(np.float64)), rel=1e-4)
    np.testing.assert_allclose(crowd.made.numpy(), cloud)
    # Of a crowd that is all fresh, the slope is that of the distance itself.
    whole = Crowd(real, torch.from_numpy(old)).distance(moved)
    (slope,) = torch.autograd.grad(whole, moved)
    step = 1e-3 * slope.numpy() / np.linalg.norm(slope.numpy())
    ends = [frechet(real, fresh.astype(np.float64) + sign * step) for sign in (1, -1)]
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(np.linalg.norm(slope.numpy()), rel=1e-3)


def test_only_the_end_of_a_run_looks_at_the_crowd(stickers, teacher, tmp_path, monkeypatch):
    seen = []
    distance = Crowd.distance
    monkeypatch.setattr(Crowd, "distance", lambda self, fresh: seen.append(1) or distance(self, fresh))
    train_gan(job(stickers, tmp_path / "crowd", steps=16, every=8, count=8), size=SIDE, width=8, teacher=teacher)
    assert len(seen) == 1  # the last of sixteen steps: one lies at 7/8 itself


def test_bad_galleries_are_told(stickers, tmp_path):
    with pytest.raises(errors.ArgumentError, match="16 or more"):
        Gallery.load([tmp_path], side=SIDE, alpha=False)
    with pytest.raises(errors.ArgumentError, match="16 or more"):
        Gallery.load([stickers], side=SIDE, alpha=False, exclude="*.png")
    mixed = tmp_path / "mixed"
    (mixed / "some").mkdir(parents=True)
    for index in range(20):
        ie.write(mixed / ("some" if index % 2 else "") / f"{index}.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(errors.ArgumentError, match="beside the classes some"):
        Gallery.load([mixed], side=SIDE, alpha=False)
