"""A small training of each further kind, through to a file that ONNX Runtime takes at other sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from photos import drawing, figures, job

from imgedit import cli, errors
from imgedit.models.manifest import Manifest
from imgedit.training.degradations import compress
from imgedit.training.features import train_features
from imgedit.training.inpainting import train_inpainting
from imgedit.training.job import Weights
from imgedit.training.losses import load_teacher
from imgedit.training.nets import Features, Inpainting, count_parameters, fold, spread
from imgedit.training.pairs import luma_psnr
from imgedit.training.recipes import RECIPES, arguments
from imgedit.training.restoration import train_restoration
from imgedit.training.superres import train_superres
from imgedit.training.weights import start_from

MOST_BYTES = 4_000_000


def run_file(path, *arrays):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([port.name for port in session.get_inputs()], arrays, strict=True)))


def test_restoration_takes_noise_off(photos, tmp_path):
    path = train_restoration(job(photos, tmp_path / "restore", steps=300, rate=2e-3), crop=48, channels=16, blocks=1)
    truth = drawing(9, (96, 128))
    noise = np.random.default_rng(0).normal(0, 20, truth.shape)
    spoilt = compress(np.clip(truth + noise, 0, 255).astype(np.uint8), 60)
    (made,) = run_file(path, spoilt.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    mended = np.rint(np.clip(made[0], 0, 1) * 255).transpose(1, 2, 0).astype(np.uint8)
    assert luma_psnr(mended, truth, 1) > luma_psnr(spoilt, truth, 1) + 0.2
    manifest = Manifest.from_toml(path.with_suffix(".toml"))
    assert (manifest.task, manifest.multiple_of) == ("restore", 2)
    run = job(photos, tmp_path / "careful", steps=100, rate=1e-3, init_from=path)
    careful = train_restoration(run, crop=48, channels=16, blocks=1, relative=True)
    assert "--relative" in careful.with_suffix(".md").read_text()
    clean = truth.transpose(2, 0, 1)[None].astype(np.float32) / 255
    changed = [np.abs(run_file(file, clean)[0] - clean).mean() for file in (path, careful)]
    assert changed[1] < 0.8 * changed[0]


def test_speckle_is_as_strong_as_the_net_wants_and_nothing_at_first():
    torch.manual_seed(0)
    net = Inpainting().eval()
    image, mask = torch.rand(1, 3, 96, 160), torch.zeros(1, 1, 96, 160)
    mask[..., 32:64, 32:64] = 1
    before = net(image, mask)
    slope = torch.autograd.grad(before.square().sum(), net.strength.weight)[0]
    assert float(slope.abs().max()) > 0
    with torch.no_grad():
        net.speckle.weight.add_(1.0)
        torch.testing.assert_close(net(image, mask), before, rtol=0, atol=0)
        net.strength.bias.fill_(0.1)
        change = (net(image, mask) - before).abs().amax(1)[0]
    hole = change[32:64, 32:64]
    assert float(hole.mean()) > 1e-3
    # It is noise: neighbours four pixels apart, in different cells of the net, have little in common.
    apart = hole[::4, ::4]
    assert float(apart.std()) > 0.2 * float(apart.mean())


def test_inpainting_in_two_stages(photos, teacher, tmp_path):
    first = train_inpainting(job(photos, tmp_path / "fill", steps=40, every=10, scratch=True), crop=64)
    logged = figures(first)
    assert logged[-1]["loss"] < logged[0]["loss"]  # the smooth filling, where it starts, is good already
    run = job(photos, tmp_path / "fill-gan", steps=3, every=3, init_from=first)
    second = train_inpainting(run, crop=64, weights=Weights(teacher=teacher, perceptual=0.1, adversarial=0.01))
    assert "--init-from fill.onnx" in second.with_suffix(".md").read_text()
    image, mask = np.zeros((1, 3, 64, 96), np.float32), np.zeros((1, 1, 64, 96), np.float32)
    mask[..., 8:20, 30:40] = 1
    hidden = image.copy()
    hidden[..., 10:15, 32:36] = 1
    again = Inpainting().eval()
    assert start_from(again, second) == []
    with torch.inference_mode():
        filled = again(torch.from_numpy(image), torch.from_numpy(mask)).numpy()
    plain, covered = (run_file(second, picture, mask)[0] for picture in (image, hidden))
    assert plain.shape == image.shape
    # What lies under the mask is not looked at.
    np.testing.assert_array_equal(plain, covered)
    np.testing.assert_allclose(plain, filled, atol=1e-5)  # another order of summation
    assert Manifest.from_toml(second.with_suffix(".toml")).inputs == ("image", "mask")


def test_features_are_distilled_and_teach_others(photos, teacher, tmp_path):
    path = train_features(job(photos, tmp_path / "see", steps=60, every=30, rate=2e-3), teacher=teacher, crop=64)
    logged = figures(path)
    assert logged[-1]["loss"] < logged[0]["loss"]
    x = torch.rand(1, 3, 48, 64)
    maps = run_file(path, x.numpy())
    assert [m.shape[1:] for m in maps] == [(16, 48, 64), (32, 24, 32), (64, 12, 16), (128, 6, 8), (256, 3, 4)]
    with torch.inference_mode():
        for ours, theirs in zip(load_teacher(path)(x), maps, strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-4)


def test_the_smooth_filling_keeps_what_is_known_and_levels_what_is_even():
    rng = np.random.default_rng(2)
    image = torch.from_numpy(rng.random((2, 3, 64, 96), np.float32))
    mask = torch.from_numpy((rng.random((2, 1, 64, 96)) < 0.4).astype(np.float32))
    mask[..., 10:40, 20:70] = 1
    filled = spread(image, mask)
    known = (mask == 0).expand_as(image)
    assert torch.equal(filled[known], image[known])
    torch.testing.assert_close(spread(image + 5 * mask, mask), filled)
    torch.testing.assert_close(spread(torch.full_like(image, 0.3), mask), torch.full_like(image, 0.3))
    ramp = torch.linspace(0, 1, 96).expand_as(image)
    assert (spread(ramp, mask) - ramp).abs().max() < 0.05
    assert torch.equal(spread(image, torch.ones_like(mask)), torch.zeros_like(image))


def test_what_bends_goes_on_across_a_scratch(monkeypatch):
    y, x = torch.meshgrid(*(torch.arange(64) / 64,) * 2, indexing="ij")
    hill = (0.8 - 3 * (x - 0.5).square() - (y - 0.4).square())[None, None].expand(1, 3, 64, 64)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :, 31:34] = 1

    def wrong():
        return float(((spread(hill, mask) - hill).abs() * mask).sum())

    bent = wrong()
    monkeypatch.setattr(Inpainting, "BEND", 0)
    assert bent < 0.6 * wrong()


@pytest.mark.parametrize("kind", [Features, Inpainting])
def test_nets_fit_in_four_megabytes(kind):
    assert 4 * count_parameters(fold(kind())) < MOST_BYTES


def test_the_command_line_trains(photos, tmp_path, capsys):
    output = tmp_path / "my-x4"
    words = f"train superres --data {photos} --scale 4 -o {output} --steps 2 --crop 16 --channels 16 --blocks 1"
    assert cli.run([*words.split(), "--device", "cpu"]) == 0
    assert capsys.readouterr().out.strip() == str(output / "my-x4.onnx")
    assert cli.run(["train", "superres", "--data", str(tmp_path / "none"), "-o", str(output)]) == 2
    assert "no usable picture" in capsys.readouterr().err


def test_a_teacher_of_other_widths_is_refused(photos, tmp_path):
    kernels = {"conv2d_1.weight": np.zeros((8, 3, 3, 3), np.float32), "conv2d_1.bias": np.zeros(8, np.float32)}
    np.savez(tmp_path / "small.npz", **kernels)
    with pytest.raises(errors.ArgumentError, match="this net learns"):
        train_features(job(photos, tmp_path / "x"), teacher=tmp_path / "small.npz", crop=64)
    (tmp_path / "no.npz").write_bytes(b"no")
    with pytest.raises(errors.ArgumentError, match="can't be read"):
        load_teacher(tmp_path / "no.npz")


@pytest.mark.parametrize(
    ("train", "crop"), [(train_superres, 8), (train_restoration, 49), (train_inpainting, 60), (train_features, 72)]
)
def test_crops_that_do_not_fit_are_told(photos, tmp_path, train, crop):
    with pytest.raises(errors.ArgumentError, match=f"crop is {crop}; give a side"):
        train(job(photos, tmp_path / "x"), crop=crop)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("fields", [{"steps": 0}, {"rate": 0.0}, {"count": 0}, {"every": -1}, {"workers": 0}])
def test_numbers_out_of_range_are_told(photos, tmp_path, fields):
    with pytest.raises(errors.ArgumentError, match=f"{next(iter(fields))} is"):
        job(photos, tmp_path, **fields)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_commands(name):
    """Every option of a recipe is one that its command has, and every net it starts from is made before it."""
    words = arguments(name, "DATA", "RUNS", steps=7)
    _, bound, _ = cli.application().parse_args(["train", *words], print_error=False, exit_on_error=False)
    if words[0] == "mean":
        assert [list(RECIPES).index(Path(one).stem) < list(RECIPES).index(name) for one in words[1:3]] == [True, True]
        return
    given = bound.arguments["job"]
    assert (given.steps, given.name, given.commercial_use) == (7, name, True)
    if given.init_from is not None:
        assert list(RECIPES).index(given.init_from.stem) < list(RECIPES).index(name)


def test_a_recipe_that_is_done_is_left_alone(photos, tmp_path, capsys):
    (tmp_path / "restore-jpeg").mkdir()
    (tmp_path / "restore-jpeg" / "restore-jpeg.md").write_text("done")
    assert cli.run(["train", "recipe", "restore-jpeg", "--data", str(photos), "-o", str(tmp_path)]) == 0
    assert cli.run(["train", "recipe", "no-such", "--data", str(photos), "-o", str(tmp_path)]) == 2
    assert "valid names" in capsys.readouterr().err
