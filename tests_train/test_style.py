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
from imgedit.models.graph import PRODUCTS
from imgedit.models.manifest import Manifest
from imgedit.training.losses import load_teacher
from imgedit.training.stored import HALF
from imgedit.training.style import StyleLoss, prepared, train_style
from imgedit.training.style_any import train_style_any
from imgedit.training.style_descent import PACE, SHOWN, STYLE, WIDTHS, Descent, Products
from imgedit.training.style_nets import FLAT, Dressing, StyleBody, StyleGallery, moments
from imgedit.training.weights import start_from

# What a descent has one of for each step, beside gains.
STEPPED = ("paces", "inertias")


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
        job(photos, tmp_path / "two", steps=80, every=40, count=2, rate=1e-3, scratch=True),
        teacher=teacher,
        crop=64,
    )
    manifest = Manifest.from_toml(path.with_suffix(".toml"))
    assert manifest.classes == ("blue-strokes", "red-strokes")
    assert figures(path)[-1]["style"] < figures(path)[0]["style"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    photo = skimage.data.astronaut()[:128, :160]
    x = photo.transpose(2, 0, 1)[None].astype(np.float32) / 255
    rows = np.eye(2, dtype=np.float32)[:, None]
    blue, red = (session.run(None, {"image": x, "weights": row})[0] for row in rows)
    tint = [float((made[0, 0] - made[0, 2]).mean()) for made in (blue, red)]
    assert tint[1] > tint[0] + 0.05
    # Statistics can be taken from a thumbnail: the operation is there by its name.
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    assert {"InstanceNormalization", "GlobalAveragePool"} <= kinds
    assert "ReduceMean" not in kinds
    named = [node for node in onnx.load(path).graph.node if node.output[0].startswith(PRODUCTS)]
    assert len(named) == 4 * 2 * 5  # steps, scales, maps
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
    body = StyleBody(width=4, blocks=3, deep=1)
    image, style = torch.rand(1, 3, 32, 40), torch.randn(1, len(body.neutral()))
    with torch.no_grad():
        torch.testing.assert_close(body.train()(image, style), body.eval()(image, style), rtol=0, atol=1e-4)


def test_the_branch_is_silent_at_first_and_then_learns():
    torch.manual_seed(0)
    body = StyleBody(width=4, blocks=3, deep=1)
    image, style = torch.rand(1, 3, 32, 40), body.neutral()[None].requires_grad_()
    before = body(image, style)
    slope = torch.autograd.grad(before.square().sum(), style)[0][0]
    assert style.shape[1] == 2 * body.channels + body.passing
    with torch.no_grad():
        body.rise.weight.add_(1.0)
        body.sink.weight.add_(1.0)
        torch.testing.assert_close(body(image, style), before, rtol=0, atol=0)
        style[:, body.silent] = 1.0
        assert float((body(image, style) - before).abs().max()) > 0.01
    # Its gains, and those of what passes by, have a slope although they are 0.
    assert (slope[body.silent].abs() > 0).any()
    passing = slice(2 * body.channels, 2 * body.channels + body.passing)
    assert (slope[passing].abs() > 0).all()


@pytest.fixture(scope="module")
def eyed(teacher, paintings):
    """A measure of two paintings, and a descent with its eyes that compares in all directions."""
    loaded, pictures = load_teacher(teacher, pool="mean"), [ie.read(path) for path in paintings]
    torch.manual_seed(0)
    descent = Descent(2, compared=WIDTHS)
    descent.eyes.load_state_dict(loaded.state_dict())
    descent.learn_styles([prepared(picture) for picture in pictures], fresh=True)
    return StyleLoss(loaded, pictures), descent


def total(measure, made, shown, weights):
    style, content = measure(made, shown, weights)
    return (STYLE * style + SHOWN * content).sum()


def pictures_of(seed, count=1):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.random((count, 3, 64, 96), np.float32))


def test_a_step_goes_along_the_derivative(eyed):
    measure, descent = eyed
    shown, weights = pictures_of(0), torch.tensor([[0.3, 0.7]])
    made = pictures_of(1).requires_grad_()
    wanted = torch.autograd.grad(total(measure, made, shown, weights), made)[0] * made[0, 0].numel()
    with torch.no_grad():
        one = Descent(2, steps=1, compared=WIDTHS)
        one.load_state_dict({n: v[:1] if "gains" in n or n in STEPPED else v for n, v in descent.state_dict().items()})
        # Where nothing is learnt yet, all that is done is this step.
        step = made - one.train()(made, shown, weights)
        torch.testing.assert_close(step / PACE, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))


def test_each_step_comes_nearer(eyed):
    measure, descent = eyed
    shown, weights = pictures_of(0) * 0.2 + 0.4, torch.tensor([[1.0, 0.0]])
    with torch.no_grad():
        losses = [float(total(measure, shown, shown, weights))]
        for steps in (1, 2, 3):
            descent.steps = steps
            losses.append(float(total(measure, descent.eval()(shown, shown, weights), shown, weights)))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.99 * losses[0]


def test_both_ways_to_descend_agree(eyed):
    _, descent = eyed
    shown, weights = pictures_of(0, count=2) * 0.2 + 0.4, torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    with torch.no_grad():
        learning, running = (descent.train(mode)(shown, shown, weights) for mode in (True, False))
    torch.testing.assert_close(learning.clamp(0, 1), running, rtol=0, atol=1e-4)


def test_products_with_their_own_derivative():
    torch.manual_seed(0)
    flat = torch.randn(2, 4096, 5, dtype=torch.float64, requires_grad=True)
    ours, plain = Products.apply(flat), flat.transpose(1, 2) @ flat / 4096
    torch.testing.assert_close(ours.double(), plain, rtol=1e-5, atol=1e-5)
    by = torch.randn(2, 5, 5, dtype=torch.float64)
    wanted, found = (torch.autograd.grad((one * by).sum(), flat)[0] for one in (plain, ours))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-8)


def test_styles_are_told_by_their_paintings(eyed, paintings):
    measure, descent = eyed
    weights = torch.tensor([[0.25, 0.75]])
    for level, aims in enumerate(descent.aims):
        grams = getattr(measure, f"gram{level}")
        mixed = 0.25 * grams[0] + 0.75 * grams[1]
        # Up to the turn of the directions, which are all there.
        torch.testing.assert_close(
            torch.linalg.eigvalsh(aims(weights)[0]), torch.linalg.eigvalsh(mixed), rtol=1e-3, atol=1e-3
        )
    # Fewer directions: those that hold most.
    few = Descent(2)
    few.eyes.load_state_dict(descent.eyes.state_dict())
    few.learn_styles([prepared(ie.read(path)) for path in paintings], fresh=True)
    for level in (3, 4):
        kept, whole = few.aims[level](weights).square().sum(), descent.aims[level](weights).square().sum()
        assert 0.9 * whole < kept <= whole * 1.001


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
    with pytest.raises(errors.ArgumentError, match="multiple of 32"):
        train_style([tmp_path / "a.png"], job(photos, tmp_path), crop=70)
