"""Super-resolution: a folder becomes a model that beats bicubic; weights go into a file and back."""

from __future__ import annotations

import json

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import skimage.data
import torch
from photos import drawing, job
from torch.nn import functional

from imgedit import errors
from imgedit.io import write
from imgedit.models import find
from imgedit.models.manifest import Manifest
from imgedit.training import pairs
from imgedit.training.export import export_onnx
from imgedit.training.job import Weights
from imgedit.training.loop import TrainingError
from imgedit.training.nets import BackProjection, Inpainting, SuperResolution, fold, noise
from imgedit.training.pairs import PairTask, luma_psnr
from imgedit.training.pictures import load_folders, reduce_bicubic
from imgedit.training.superres import train_superres
from imgedit.training.weights import start_from


def test_a_folder_becomes_a_model_that_beats_bicubic(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("astronaut", "coffee", "rocket"):
        write(photos / f"{name}.png", getattr(skimage.data, name)())
    run = job(photos, tmp_path / "my-x2", steps=250, rate=2e-3, count=8, every=125)
    path = train_superres(run, scale=2, crop=24, channels=16, blocks=2)
    manifest = Manifest.from_toml(path.with_suffix(".toml"))
    assert manifest.scale == 2
    assert manifest.size == path.stat().st_size
    card = path.with_suffix(".md").read_text()
    assert "imgedit train superres --data photos --output my-x2 --steps 250" in card
    assert str(tmp_path) not in card + path.with_suffix(".toml").read_text()
    assert str(tmp_path).encode() not in path.read_bytes()
    lines = [json.loads(line) for line in (path.parent / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [125, 250]
    large = skimage.data.chelsea()[:300, :450]
    small = reduce_bicubic(large, (150, 225))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = small.transpose(2, 0, 1)[None].astype(np.float32) / 255
    ours = np.rint(np.clip(session.run(None, {"input": x})[0][0], 0, 1) * 255).transpose(1, 2, 0).astype(np.uint8)
    bicubic = cv2.resize(small, (450, 300), interpolation=cv2.INTER_CUBIC)
    assert luma_psnr(ours, large, 2) > luma_psnr(bicubic, large, 2) + 0.5


def test_a_run_starts_from_the_shipped_net_unless_told_otherwise(photos, tmp_path):
    short = {"steps": 1, "every": 1, "count": 2, "rate": 1e-6}
    path = train_superres(job(photos, tmp_path / "tuned", **short), scale=2, crop=16)
    anew = train_superres(job(photos, tmp_path / "anew", scratch=True, **short), scale=2, crop=16)
    manifest = find("sr-x2")
    x = np.random.default_rng(0).random((1, 3, 24, 24), np.float32)
    shipped, tuned, fresh = (
        onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, {"input": x})[0]
        for file in (manifest.folder / manifest.file, path, anew)
    )
    np.testing.assert_allclose(tuned, shipped, atol=1e-3)
    assert np.abs(fresh - shipped).max() > 0.02
    assert "--init-from sr-x2.onnx" in path.with_suffix(".md").read_text()
    assert "--scratch" in anew.with_suffix(".md").read_text()
    with pytest.raises(errors.ArgumentError, match="scratch is set"):
        job(photos, tmp_path, scratch=True, init_from=path)


def test_photos_as_they_are_with_all_losses(photos, teacher, tmp_path):
    weights = Weights(teacher=teacher, perceptual=0.1, adversarial=0.01, frequency=1.0)
    run = job(photos, tmp_path / "my-photo", steps=3, every=3)
    path = train_superres(run, scale=4, crop=16, channels=16, blocks=1, photo=True, weights=weights)
    card = path.with_suffix(".md").read_text()
    assert "--photo --teacher folded.npz --perceptual 0.1 --adversarial 0.01 --frequency 1.0" in card
    stored = {item.name for item in onnx.load(path).graph.initializer}
    assert "grain.strength.weight" in stored
    # Its hashes do not fit into float16.
    assert not Manifest.from_toml(path.with_suffix(".toml")).half


def test_noise_is_white_moves_with_the_picture_and_leaves_plain_ground_alone():
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 256, (1, 3, 96, 128), np.uint8)
    picture = torch.from_numpy(levels).float() / 255
    made = noise(picture)
    assert made.shape == (1, 2, 96, 128)
    assert made.mean((0, 2, 3)).abs().max() < 0.1
    torch.testing.assert_close(made.std((0, 2, 3)), torch.ones(2), rtol=0, atol=0.05)
    assert abs(float((made[:, 0] * made[:, 1]).mean())) < 0.05
    # Colours that are next to each other have nothing in common.
    beside = noise((picture * 255 + 1) / 255)
    assert (made * beside).mean((0, 2, 3)).abs().max() < 0.05
    assert torch.equal(noise(picture[..., 5:, 7:]), made[..., 5:, 7:])
    assert torch.equal(noise(picture.flip(3)), made.flip(3))
    plain = noise(torch.full((1, 3, 8, 8), 0.4))
    assert float(plain.std((2, 3)).max()) == 0
    # By whole numbers, written out.
    red, green, blue = (int(value) for value in levels[0, :, 3, 4])
    hashed = 541 * red + 1223 * green + 1987 * blue
    for _ in range(3):
        hashed = ((hashed + 1) % 2039) ** 2
    assert float(made[0, 0, 3, 4]) == pytest.approx((hashed % 2039 / 2039 - 0.5) * 12**0.5, abs=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_what_is_enlarged_reduces_to_what_was_given(scale):
    picture = skimage.data.chelsea()[: 40 * scale, : 50 * scale]
    small = reduce_bicubic(picture, (40, 50))
    given, large, blocks = (
        torch.from_numpy(side.transpose(2, 0, 1)[None].astype(np.float32))
        for side in (small, picture, small.repeat(scale, 0).repeat(scale, 1))
    )
    net = BackProjection(scale)
    large, blocks = (functional.pixel_unshuffle(side, scale) for side in (large, blocks))
    assert (net.reduce(large) - given)[..., 2:-2, 2:-2].abs().max() < 1
    with torch.no_grad():
        wrong, corrected = ((net.reduce(made) - given).abs().mean() for made in (blocks, net(blocks, given)))
        assert corrected < wrong / 2
        torch.testing.assert_close(net(large, net.reduce(large)), large)


def test_grain_is_nothing_at_first_and_then_texture():
    torch.manual_seed(0)
    plain, grained = (SuperResolution(2, channels=16, blocks=2, grain=grain).eval() for grain in (False, True))
    fresh = grained.load_state_dict(plain.state_dict(), strict=False)
    assert all(name.startswith("grain.") for name in fresh.missing_keys)
    assert not fresh.unexpected_keys
    x = torch.rand(1, 3, 16, 20)
    torch.testing.assert_close(grained(x), plain(x), rtol=0, atol=0)
    slope = torch.autograd.grad(grained(x).square().sum(), grained.grain.strength.weight)[0]
    assert float(slope.abs().max()) > 0
    with torch.no_grad():
        grained.grain.strength.bias.fill_(1.0)
    assert float((grained(x) - plain(x)).abs().max().detach()) > 1e-3


def test_a_folded_net_computes_the_same():
    torch.manual_seed(1)
    net = SuperResolution(3, channels=16, blocks=2).eval()
    x = torch.rand(1, 3, 20, 17)
    with torch.inference_mode():
        torch.testing.assert_close(fold(net)(x), net(x), rtol=0, atol=1e-5)  # another order of summation


@pytest.mark.parametrize(("store", "share", "error"), [("float16", 0.55, 2e-3), ("int8", 0.35, 2e-2)])
def test_weights_stored_as_smaller_numbers_can_be_started_from(store, share, error, tmp_path):
    torch.manual_seed(1)
    net = SuperResolution(2, channels=80, blocks=1).eval()
    examples = {"input": torch.rand(1, 3, 20, 24)}
    whole, small = (tmp_path / "whole.onnx", tmp_path / "small.onnx")
    export_onnx(net, whole, examples=examples)
    export_onnx(net, small, examples=examples, store=store)
    assert small.stat().st_size < share * whole.stat().st_size
    x = np.random.default_rng(0).random((1, 3, 24, 24), np.float32)
    both = [
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"input": x})[0]
        for path in (whole, small)
    ]
    np.testing.assert_allclose(both[1], both[0], atol=error)
    assert not np.array_equal(*both)
    again = SuperResolution(2, channels=80, blocks=1).eval()
    assert start_from(again, small) == []
    with torch.inference_mode():
        np.testing.assert_allclose(again(torch.from_numpy(x)).numpy(), both[1], atol=1e-4)


def test_a_run_starts_from_the_weights_of_a_file(tmp_path):
    torch.manual_seed(1)
    net = SuperResolution(2, channels=16, blocks=2).eval()
    path = tmp_path / "x2.onnx"
    export_onnx(net, path, examples={"input": torch.rand(1, 3, 20, 24)})
    same = SuperResolution(2, channels=16, blocks=2).eval()
    assert start_from(same, path) == []
    x = torch.rand(1, 3, 20, 17)
    with torch.inference_mode():
        torch.testing.assert_close(same(x), net(x), rtol=0, atol=1e-5)
    assert start_from(SuperResolution(3, channels=16, blocks=2), path) == ["tail"]
    with pytest.raises(TrainingError, match="no layer"):
        start_from(SuperResolution(2, channels=32, blocks=2), path)
    with pytest.raises(TrainingError, match="no layer"):
        start_from(Inpainting(), path)


def test_bad_folders_are_told(tmp_path):
    with pytest.raises(errors.ArgumentError, match="no usable picture"):
        load_folders([tmp_path], least_side=8)
    cv2.imwrite(str(tmp_path / "tiny.png"), drawing(0, (12, 12)))
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    with pytest.raises(errors.ArgumentError, match="first of 2 left out"):
        load_folders([tmp_path], least_side=64)
    skipped = []
    assert len(load_folders([tmp_path], least_side=8, skipped=skipped)) == 1
    assert len(skipped) == 1
    assert "broken.jpg" in skipped[0]
    cv2.imwrite(str(tmp_path / "large.png"), drawing(0, (80, 90)))
    with pytest.warns(UserWarning, match=r"(?s)2 of 3 pictures are left out.*broken\.jpg.*tiny\.png: 12x12 is smaller"):
        load_folders([tmp_path], least_side=64)


def test_a_folder_beyond_the_memory_is_reduced(photos):
    whole, reduced = (load_folders([photos], least_side=64, most_pixels=most) for most in (10**9, 40_000))
    assert sum(p[..., 0].size for p in whole) == 4 * 160 * 200
    assert sum(p[..., 0].size for p in reduced) == pytest.approx(40_000, rel=0.01)
    kept = load_folders([photos], least_side=120, most_pixels=1)
    assert {min(p.shape[:2]) for p in kept} == {120}


def test_crops_fit_their_reductions_whether_refocused_or_not(photos, tmp_path, monkeypatch):
    net = SuperResolution(3, channels=16, blocks=1)
    task = PairTask.from_job(net, job(photos, tmp_path, count=24), crop=20)
    crops = {}
    for share in (0.0, 1.0):
        monkeypatch.setattr(pairs, "REFOCUSED", share)
        crops[share] = task.batch(np.random.default_rng(0), 0.0)
        for small, large in zip(crops[share]["small"].numpy(), crops[share]["large"].numpy(), strict=True):
            again = reduce_bicubic(np.ascontiguousarray(large.transpose(1, 2, 0)), (20, 20)).transpose(2, 0, 1)
            # What lies outside of a crop is seen in one alone; both passes of a reduction round, and crops are turned.
            apart = np.abs(again.astype(int) - small)[:, 3:-3, 3:-3]
            assert apart.max() <= 2
            assert apart.mean() < 0.2
    assert (crops[0.0]["large"] != crops[1.0]["large"]).float().mean() > 0.2
