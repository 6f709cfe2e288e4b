"""A small style net, through to a file that `stylize` takes; its normalisations; its losses."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import skimage.data
import torch
from onnx import numpy_helper
from photos import figures, job
from torch.nn import functional

import imgedit as ie
from imgedit import errors
from imgedit.models.manifest import Manifest
from imgedit.training.losses import load_teacher
from imgedit.training.stored import HALF
from imgedit.training.style import StyleLoss, train_style
from imgedit.training.style_any import train_style_any
from imgedit.training.style_nets import FLAT, Dressing, StyleGallery, Taste, moments
from imgedit.training.weights import start_from


@pytest.fixture(scope="module")
def paintings(tmp_path_factory):
    """Two plain grounds with strokes: red ones lying, blue ones standing."""
    folder = tmp_path_factory.mktemp("paintings")
    strokes = np.repeat(np.arange(96)[:, None] // 4 % 2 * 120, 96, axis=1).astype(np.uint8)
    for name, pattern, channel in (("red_strokes", strokes, 0), ("blue_strokes", strokes.T, 2)):
        picture = np.repeat(pattern[..., None], 3, axis=2)
        picture[..., channel] = 230
        ie.write(folder / f"{name}.png", np.ascontiguousarray(picture))
    return sorted(folder.iterdir())


def test_two_styles_in_one_file(photos, paintings, teacher, tmp_path):
    path = train_style(
        paintings,
        job(photos, tmp_path / "two", steps=80, every=40, count=2, rate=5e-3, scratch=True),
        teacher=teacher,
        crop=64,
    )
    manifest = Manifest.from_toml(path.with_suffix(".toml"))
    assert manifest.classes == ("blue-strokes", "red-strokes")
    assert figures(path)[-1]["style"] < figures(path)[0]["style"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    photo = skimage.data.astronaut()[:120, :160]
    x = photo.transpose(2, 0, 1)[None].astype(np.float32) / 255
    rows = np.eye(2, dtype=np.float32)[:, None]
    blue, red = (session.run(None, {"image": x, "weights": row})[0] for row in rows)
    tint = [float((made[0, 0] - made[0, 2]).mean()) for made in (blue, red)]
    assert tint[1] > tint[0] + 0.05
    # Statistics can be taken from a thumbnail: the operation is there by its name.
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    assert {"InstanceNormalization", "GlobalAveragePool"} <= kinds
    assert "ReduceMean" not in kinds
    painted = ie.stylize(photo, {"red-strokes": 0.5, "blue-strokes": 0.5}, model=str(path))
    assert painted.shape == photo.shape
    # A net for other styles starts from this one: the body as it is, each style in the middle of those it knew.
    other = StyleGallery(3)
    assert start_from(other, path) == []
    stored = {
        item.name.removesuffix(HALF): numpy_helper.to_array(item).astype(np.float32)
        for item in onnx.load(path).graph.initializer
    }
    np.testing.assert_allclose(other.styles.detach(), np.tile(stored["styles"].mean(0), (3, 1)), rtol=1e-5)
    assert torch.equal(other.body.enter.weight, torch.from_numpy(stored["body.enter.weight"]))


def test_any_picture_is_a_style(photos, paintings, teacher, tmp_path):
    folders = [paintings[0].parent]
    run = job(photos, tmp_path / "any", steps=60, every=30, count=2, rate=2e-3)
    path = train_style_any(folders, run, teacher=teacher, crop=64)
    manifest = Manifest.from_toml(path.with_suffix(".toml"))
    assert (manifest.family, manifest.inputs, manifest.multiple_of) == ("pair", ("image", "style"), 8)
    assert figures(path)[-1]["style"] < figures(path)[0]["style"]
    photo = skimage.data.astronaut()[:123, :161]  # no multiples of 8
    blue, red = (ie.stylize(photo, painting, model=str(path)) for painting in paintings)
    assert blue.shape == photo.shape
    tint = [float((made[..., 0].astype(float) - made[..., 2]).mean()) for made in (blue, red)]
    assert tint[1] > tint[0] + 5
    # The frozen eyes are the shipped ones, stored as float16.
    stored = {item.name: numpy_helper.to_array(item) for item in onnx.load(path).graph.initializer}
    eyes = load_teacher(None)
    np.testing.assert_array_equal(stored["second.1.weight" + HALF], eyes.second[1].weight.half())
    with pytest.raises(errors.ArgumentError, match="multiple of 8"):
        train_style_any(folders, run, teacher=teacher, crop=60)


def test_normalisation_with_its_own_derivative():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 6, 5, dtype=torch.float64, requires_grad=True)
    gain, shift = (torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    plain = functional.instance_norm(x, eps=FLAT) * gain[..., None, None] + shift[..., None, None]
    dressed = Dressing.apply(x, gain, shift, *moments(x))
    torch.testing.assert_close(dressed, plain, rtol=1e-5, atol=1e-5)  # sums in float32
    wanted = torch.autograd.grad(plain.square().sum(), (x, gain, shift))
    ours = torch.autograd.grad(dressed.square().sum(), (x, gain, shift))
    for a, b in zip(ours, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_both_ways_to_normalise_agree():
    torch.manual_seed(0)
    net = StyleGallery(2, width=4, blocks=3, deep=1, shared=5)
    image, weights = torch.rand(1, 3, 32, 40), torch.tensor([[0.25, 0.75]])
    with torch.no_grad():
        net.styles.add_(torch.randn_like(net.styles))
        for layer in net.body.taste.change:
            layer.weight.normal_(0, 0.1)
        net.body.taste.tell.eval()  # what is usual stays
        net.body.taste.tell.train = lambda mode=True: net.body.taste.tell
        torch.testing.assert_close(net.train()(image, weights), net.eval()(image, weights), rtol=0, atol=1e-4)


def test_the_branch_is_silent_at_first_and_then_learns():
    torch.manual_seed(0)
    net = StyleGallery(1, width=4, blocks=3, deep=1)
    image, weights = torch.rand(1, 3, 32, 40), torch.ones(1, 1)
    before = net(image, weights)
    slope = torch.autograd.grad(before.square().sum(), net.styles)[0][0]
    assert net.styles.shape[1] == 2 * net.body.channels + net.body.passing + net.body.taste.shared
    with torch.no_grad():
        net.body.rise.weight.add_(1.0)
        net.body.sink.weight.add_(1.0)
        torch.testing.assert_close(net(image, weights), before, rtol=0, atol=0)
        net.styles[:, net.body.silent] = 1.0
        assert float((net(image, weights) - before).abs().max()) > 0.01
    # Its gains, and those of what passes by, have a slope although they are 0.
    assert (slope[net.body.silent].abs() > 0).any()
    passing = slice(2 * net.body.channels, 2 * net.body.channels + net.body.passing)
    assert (slope[passing].abs() > 0).all()


def test_a_taste_changes_nothing_at_first_and_then_follows_the_photo():
    torch.manual_seed(0)
    taste = Taste([4, 6], mute=[1], shared=3)
    assert list(taste.tell) == ["0"]
    assert not any(bool(layer.weight.any()) for layer in taste.change)
    told = taste.tell["0"]
    mean, scale = torch.randn(400, 4) + 5, torch.rand(400, 4) + 0.5
    for _ in range(400):
        told(mean, scale)
    # What is usual is left out, whatever its size.
    found = torch.cat([mean, scale.log()], 1)
    torch.testing.assert_close(told.usual.data, found.mean(0), rtol=0.02, atol=0.02)
    torch.testing.assert_close(told.spread.data, found.std(0), rtol=0.02, atol=0.02)
    said = told.eval()(mean, scale).detach()
    assert float(said.mean(0).abs().max()) < 0.05
    assert 0.1 < float(said.std()) < 1
    torch.testing.assert_close(told(mean, scale).detach(), said)


def test_each_photo_is_dressed_by_what_it_shows():
    torch.manual_seed(0)
    net = StyleGallery(1, width=4, blocks=3, deep=1, shared=5).eval()
    images, one = torch.rand(2, 3, 32, 40), torch.ones(2, 1)
    with torch.no_grad():
        before = net(images, one)
        for layer in net.body.taste.change:
            layer.weight.normal_(0, 0.1)
        both = net(images, one)
        assert float((both - before).abs().mean()) > 1e-3
        # In a batch each picture speaks for itself.
        torch.testing.assert_close(both[1:], net(images[1:], one[1:]), rtol=0, atol=1e-5)


def test_a_painting_is_in_its_own_style_and_shows_itself(paintings, teacher):
    pictures = [ie.read(path) for path in paintings]
    measure = StyleLoss(load_teacher(teacher, pool="mean"), pictures)
    made = torch.from_numpy(ie.resize(pictures[0], (512, 512)).transpose(2, 0, 1)[None].astype(np.float32) / 255)
    with torch.inference_mode():
        style, content = measure(made, made, torch.tensor([[1.0, 0.0]]))
        other, _ = measure(made, made, torch.tensor([[0.0, 1.0]]))
    assert float(style) < 1e-6
    assert float(content) == 0
    assert float(other) > 0.01


def test_bad_paintings_are_told(photos, tmp_path):
    with pytest.raises(errors.ArgumentError, match="paintings"):
        train_style([], job(photos, tmp_path))
    with pytest.raises(errors.ArgumentError, match="multiple of 8"):
        train_style([tmp_path / "a.png"], job(photos, tmp_path), crop=70)
