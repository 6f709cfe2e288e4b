"""Small trainings: a net learns, a stopped run goes on exactly, the ONNX file is the net, bad input is told."""

from __future__ import annotations

import json

import cv2
import numpy as np
import onnxruntime
import pytest
import skimage.data
import torch

from imgedit import errors
from imgedit.io import write
from imgedit.models.manifest import Manifest
from imgedit.training.export import export_onnx
from imgedit.training.loop import Settings, TrainingError, train
from imgedit.training.nets import SuperResolution, fold
from imgedit.training.pictures import load_folder
from imgedit.training.superres import SuperResolutionTask, luma_psnr, reduce_bicubic, train_superres
from imgedit.training.weights import start_from


def drawing(seed, size=(160, 200)):
    """Discs and bars on a soft ground."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    picture = np.stack([128 + 60 * np.sin((x * a + y * b) / 40) for a, b in rng.uniform(-1, 1, (3, 2))], -1)
    for _ in range(12):
        color = rng.integers(0, 256, 3).tolist()
        middle = (int(rng.integers(size[1])), int(rng.integers(size[0])))
        cv2.circle(picture, middle, int(rng.integers(5, 40)), color, -1, cv2.LINE_AA)
        cv2.line(picture, middle, (int(rng.integers(size[1])), int(rng.integers(size[0]))), color, 2, cv2.LINE_AA)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(4):
        cv2.imwrite(str(folder / f"{seed}.png"), drawing(seed))
    return folder


def task_of(photos, channels=16):
    torch.manual_seed(0)
    return SuperResolutionTask.from_folder(
        SuperResolution(2, channels=channels, blocks=1), photos, held=photos, crop=16, count=4
    )


def test_a_folder_becomes_a_model_that_beats_bicubic(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("astronaut", "coffee", "rocket"):
        write(photos / f"{name}.png", getattr(skimage.data, name)())
    path = train_superres(
        photos, tmp_path / "my-x2", scale=2, steps=250, rate=2e-3, crop=24, count=8, channels=16, blocks=2, every=125
    )
    manifest = Manifest.from_toml(path.with_suffix(".toml"))
    assert manifest.scale == 2
    assert manifest.size == path.stat().st_size
    assert "my-x2" in path.with_suffix(".md").read_text()
    lines = [json.loads(line) for line in (path.parent / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [125, 250]
    large = skimage.data.chelsea()[:300, :450]
    small = reduce_bicubic(large, (150, 225))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = small.transpose(2, 0, 1)[None].astype(np.float32) / 255
    ours = np.rint(np.clip(session.run(None, {"input": x})[0][0], 0, 1) * 255).transpose(1, 2, 0).astype(np.uint8)
    bicubic = cv2.resize(small, (450, 300), interpolation=cv2.INTER_CUBIC)
    assert luma_psnr(ours, large, 2) > luma_psnr(bicubic, large, 2) + 0.5


def test_a_stopped_run_goes_on_exactly(photos, tmp_path):
    settings = Settings(steps=12, warmup=2, every=100, device="cpu", half=False)
    whole = train(task_of(photos), tmp_path / "whole", settings)

    def stop(done):
        if done >= 0.5:
            raise errors.Cancelled

    with pytest.raises(errors.Cancelled):
        train(task_of(photos), tmp_path / "parts", settings, progress=stop)
    parts = train(task_of(photos), tmp_path / "parts", settings)
    for ours, theirs in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_a_folded_net_computes_the_same():
    torch.manual_seed(1)
    net = SuperResolution(3, channels=16, blocks=2).eval()
    x = torch.rand(1, 3, 20, 17)
    with torch.inference_mode():
        torch.testing.assert_close(fold(net)(x), net(x), rtol=0, atol=1e-5)  # another order of summation


def test_a_run_starts_from_the_weights_of_a_file(tmp_path):
    torch.manual_seed(1)
    net = SuperResolution(2, channels=16, blocks=2).eval()
    path = tmp_path / "x2.onnx"
    export_onnx(net, path, example=torch.rand(1, 3, 20, 24))
    same = SuperResolution(2, channels=16, blocks=2).eval()
    assert start_from(same, path) == []
    x = torch.rand(1, 3, 20, 17)
    with torch.inference_mode():
        torch.testing.assert_close(same(x), net(x), rtol=0, atol=1e-5)
    assert start_from(SuperResolution(3, channels=16, blocks=2), path) == ["tail"]
    with pytest.raises(TrainingError, match="no layer"):
        start_from(SuperResolution(2, channels=32, blocks=2), path)


def test_a_run_that_goes_wrong_fails_early_and_keeps_its_checkpoint(photos, tmp_path):
    settings = Settings(steps=3, warmup=1, every=1, device="cpu")
    train(task_of(photos), tmp_path, settings)
    kept = (tmp_path / "checkpoint.pt").read_bytes()
    wild = Settings(steps=60, rate=1e30, warmup=1, every=100, device="cpu", clip=1e30)
    with pytest.raises(TrainingError, match="lower --rate"):
        train(task_of(photos), tmp_path, wild)
    assert (tmp_path / "checkpoint.pt").read_bytes() == kept


def test_a_checkpoint_of_another_net_is_refused(photos, tmp_path):
    settings = Settings(steps=1, every=1, device="cpu")
    train(task_of(photos), tmp_path, settings)
    with pytest.raises(TrainingError, match="another net"):
        train(task_of(photos, channels=32), tmp_path, settings)


def test_the_rate_rises_stays_and_falls_to_zero():
    settings = Settings(steps=1000, rate=1.0, warmup=100, descent=0.4)
    assert settings.rate_at(49) == pytest.approx(0.5)
    assert settings.rate_at(600) == 1.0
    assert settings.rate_at(800) == pytest.approx(0.5)
    assert settings.rate_at(1000) == 0.0


def test_bad_folders_are_told(tmp_path):
    with pytest.raises(errors.ArgumentError, match="no usable picture"):
        load_folder(tmp_path, least_side=8)
    cv2.imwrite(str(tmp_path / "tiny.png"), drawing(0, (12, 12)))
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    with pytest.raises(errors.ArgumentError, match="first of 2 left out"):
        load_folder(tmp_path, least_side=64)
    skipped = []
    assert len(load_folder(tmp_path, least_side=8, skipped=skipped)) == 1
    assert len(skipped) == 1
    assert "broken.jpg" in skipped[0]
