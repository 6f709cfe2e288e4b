"""sample and its kin, with nets whose formula is known: every dress of a generator, seeds, labels, noise, inversion."""

from __future__ import annotations

import numpy as np
import pytest
from generators import CHANNELS, CLASSES, SIZE, D, encoder, generator, matrix, twin
from graphs import constant, manifest_of
from onnx import TensorProto, helper, save

import imgedit as ie
from imgedit import errors
from imgedit.models import load
from imgedit.sampling.generator import Generator
from imgedit.sampling.latents import along, normal, uniform

SEEDS = [0, 7, 2**64 - 1, 7]


def latents(seeds=SEEDS, size=D):
    return np.stack([normal(seed, (size,)) for seed in seeds])


@pytest.fixture
def net(tmp_path):
    generator(tmp_path / "net.onnx")
    return str(tmp_path / "net.onnx")


def test_the_stream_of_a_seed_is_the_one_of_the_paper():
    raw = np.random.Philox(key=np.array([7, 0], np.uint64)).random_raw(4)
    np.testing.assert_allclose(uniform(7, 4), ((raw >> np.uint64(11)) + 0.5) * 2.0**-53, rtol=0)
    # Kept here so that a change of the seeds' pictures is noticed.
    np.testing.assert_allclose(normal(7, (4,)), KNOWN, rtol=1e-6)


KNOWN = np.array([-0.14712793, 0.50211215, -1.09110105, 0.73758703], np.float32)


def test_draws_are_normal_and_streams_are_apart():
    draws = normal(3, (40_000,)).astype(np.float64)
    # Four standard errors of mean, variance and fourth moment.
    assert abs(draws.mean()) < 4 / 200
    assert abs(draws.var() - 1) < 4 * np.sqrt(2) / 200
    assert abs((draws**4).mean() - 3) < 4 * np.sqrt(96) / 200
    others = [normal(4, (40_000,)), normal(3, (40_000,), "noise"), normal(3, (40_000,), "label")]
    for other in others:
        assert abs(np.corrcoef(draws, other)[0, 1]) < 4 / 200
    np.testing.assert_array_equal(normal(3, (5,)), normal(3, (9,))[:5])


@pytest.mark.parametrize("output", ["nchw", "nhwc", "flat", "unit"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_dress_gives_the_same_pictures(tmp_path, output, channels):
    fields = {"nhwc": {"layout": "nhwc"}, "flat": {"fixed_size": SIZE}}.get(output, {})
    generator(tmp_path / "net.onnx", output=output, channels=channels, **fields)
    got = ie.sample(tmp_path / "net.onnx", seeds=SEEDS, dtype="float32")
    expected = twin(latents(), channels)
    if channels == 1:
        expected = expected[..., 0]
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=1e-5)
    # Half a level of 8 bit, and the rounding of float32.
    np.testing.assert_allclose(ie.sample(tmp_path / "net.onnx", seeds=SEEDS) / 255, expected, atol=0.5 / 255 + 1e-5)


def test_bytes_come_as_they_are(tmp_path):
    generator(tmp_path / "net.onnx", output="bytes")
    got = ie.sample(tmp_path / "net.onnx", seeds=SEEDS)
    assert np.abs(got - 255 * twin(latents())).max() < 0.5 + 1e-3


def test_latents_of_higher_rank(tmp_path):
    generator(tmp_path / "net.onnx", rank=4)
    np.testing.assert_allclose(
        ie.sample(tmp_path / "net.onnx", seeds=7, dtype="float32"), twin(latents([7])), atol=1e-5
    )


@pytest.mark.parametrize("output", ["nchw", "no-batch", "first"])
@pytest.mark.parametrize("batch", ["n", 1])
def test_a_batch_axis_that_lies_is_noticed(tmp_path, monkeypatch, output, batch):
    generator(tmp_path / "net.onnx", output=output, batch=batch)
    model = load(tmp_path / "net.onnx", device="cpu")
    model.device = "a GPU"  # batches are for those
    sizes = []
    monkeypatch.setattr(model, "run", lambda *x, _run=model.run: sizes.append(len(x[0])) or _run(*x))
    net = Generator(model)
    np.testing.assert_allclose(net.run(latents()), twin(latents()), atol=1e-5)
    # One try as a batch, and one picture alone to compare with; only the honest one goes on so.
    expected = (
        [1, 1, 1, 1]
        if batch == 1
        else {"nchw": [4, 1], "no-batch": [4, 1, 1, 1, 1], "first": [4, 1, 1, 1, 1, 1]}[output]
    )
    assert sizes == expected


def test_a_seed_is_the_same_picture_beside_any_other(net):
    together = ie.sample(net, seeds=range(20))
    np.testing.assert_array_equal(ie.sample(net, seeds=[19, 7]), together[[19, 7]])


def test_truncation_pulls_to_the_mean(net, tmp_path):
    np.testing.assert_allclose(
        ie.sample(net, seeds=SEEDS, truncation=0.5, dtype="float32"), twin(0.5 * latents()), atol=1e-5
    )
    np.testing.assert_allclose(ie.sample(net, seeds=SEEDS, truncation=0, dtype="float32"), 0.5, atol=1e-6)
    generator(tmp_path / "own.onnx", inputs=("latent", "truncation"))
    np.testing.assert_allclose(
        ie.sample(tmp_path / "own.onnx", seeds=SEEDS, truncation=0.5, dtype="float32"), twin(0.5 * latents()), atol=1e-5
    )


@pytest.mark.parametrize("kind", ["label", "index"])
def test_labels_by_index_by_name_and_drawn(tmp_path, kind):
    names = ("daisy", "rose", "tulip", "poppy")
    generator(tmp_path / "net.onnx", inputs=("latent", kind), classes=names)
    path = tmp_path / "net.onnx"

    def expected(labels):
        planes = np.tanh(latents() @ matrix() + matrix(CLASSES, seed=2)[labels]).reshape(-1, CHANNELS, *SIZE)
        return (planes.transpose(0, 2, 3, 1) + 1) / 2

    for label, indices in (("tulip", [2] * 4), (2, [2] * 4), (["daisy", 3, "rose", 0], [0, 3, 1, 0])):
        got = ie.sample(path, seeds=SEEDS, label=label, dtype="float32")
        np.testing.assert_allclose(got, expected(indices), atol=1e-5)
    drawn = [int(uniform(seed, 1, "label")[0] * CLASSES) for seed in SEEDS]
    np.testing.assert_allclose(ie.sample(path, seeds=SEEDS, dtype="float32"), expected(drawn), atol=1e-5)
    assert {int(uniform(seed, 1, "label")[0] * CLASSES) for seed in range(30)} == {0, 1, 2, 3}
    with pytest.raises(errors.ArgumentError, match="did you mean 'tulip'"):
        ie.sample(path, seeds=0, label="tulp")
    with pytest.raises(errors.ArgumentError, match="label is 4"):
        ie.sample(path, seeds=0, label=4)
    with pytest.raises(errors.ArgumentError, match="label is not given"):
        ie.decode(latents(), path)


def test_a_label_for_a_net_without_labels_is_an_error(net):
    with pytest.raises(errors.ArgumentError, match="takes no labels"):
        ie.sample(net, seeds=0, label=1)
    with pytest.raises(errors.ArgumentError, match="takes no labels"):
        ie.project(np.zeros((*SIZE, CHANNELS), np.uint8), net, label=1)


def test_a_net_with_one_class_asks_for_no_label():
    z = np.random.default_rng(0).standard_normal((2, 128), np.float32)
    stickers = ie.decode(z, "gan-emoji-64")
    assert stickers.shape == (2, 64, 64, 4)
    np.testing.assert_array_equal(stickers, ie.decode(z, "gan-emoji-64", label=0))
    assert stickers[..., 3].min() == 0
    assert stickers[..., 3].max() == 255
    # Nothing hides under clear pixels.
    assert stickers[stickers[..., 3] == 0].max() == 0
    with pytest.raises(errors.ArgumentError, match="label is 1"):
        ie.decode(z, "gan-emoji-64", label=1)


def test_noise_is_drawn_by_seed_from_its_own_stream(tmp_path):
    generator(tmp_path / "net.onnx", inputs=("latent", "noise"))
    got = ie.sample(tmp_path / "net.onnx", seeds=SEEDS, dtype="float32")
    noise = np.stack([normal(seed, (2, D), "noise")[1] for seed in SEEDS])
    np.testing.assert_allclose(got, twin(latents() + noise), atol=1e-5)
    # Without seeds there is nothing to draw it from.
    np.testing.assert_allclose(ie.decode(latents(), tmp_path / "net.onnx", dtype="float32"), twin(latents()), atol=1e-5)


def test_interpolation_begins_and_ends_at_its_seeds(net):
    frames = ie.interpolate(net, [3, 8, 3], frames=9)
    assert len(frames) == 9
    ends = ie.sample(net, seeds=[3, 8])
    np.testing.assert_array_equal(frames[[0, 4, 8]], ends[[0, 1, 0]])
    np.testing.assert_array_equal(frames[[1, 2, 3]], frames[[7, 6, 5]])
    keys = latents([3, 8])
    np.testing.assert_array_equal(ie.interpolate(net, keys, frames=5), ie.interpolate(net, [3, 8], frames=5))


def test_slerp_keeps_the_length_and_the_angle_and_lerp_the_line():
    keys = np.array([[3, 0, 0], [0, 3, 0]], np.float32)
    path = along(keys, 7, "slerp")
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 3, rtol=1e-6)
    np.testing.assert_allclose(np.degrees(np.arctan2(path[:, 1], path[:, 0])), np.linspace(0, 90, 7), atol=1e-4)
    np.testing.assert_allclose(along(keys, 3, "lerp")[1], [1.5, 1.5, 0])
    np.testing.assert_allclose(along(np.stack([keys[0], 2 * keys[0]]), 3, "slerp")[1], 1.5 * keys[0], rtol=1e-6)
    with pytest.raises(errors.ArgumentError, match="opposite"):
        along(np.stack([keys[0], -keys[0]]), 3, "slerp")


def test_labels_are_mixed_on_the_way_where_the_net_can(tmp_path):
    generator(tmp_path / "rows.onnx", inputs=("latent", "label"))
    frames = ie.interpolate(tmp_path / "rows.onnx", [5, 5], frames=3, label=[0, 1], dtype="float32")
    rows = matrix(CLASSES, seed=2)
    middle = np.tanh(latents([5]) @ matrix() + (rows[0] + rows[1]) / 2).reshape(CHANNELS, *SIZE).transpose(1, 2, 0)
    np.testing.assert_allclose(frames[1], (middle + 1) / 2, atol=1e-5)
    generator(tmp_path / "index.onnx", inputs=("latent", "index"), classes=("a", "b", "c", "d"))
    with pytest.raises(errors.ArgumentError, match="whole labels only"):
        ie.interpolate(tmp_path / "index.onnx", [5, 6], frames=3, label=[0, 1])
    assert len(ie.interpolate(tmp_path / "index.onnx", [5, 6], frames=3)) == 3


@pytest.fixture
def vae(tmp_path):
    encoder(tmp_path / "code.onnx")
    generator(tmp_path / "paint.onnx", task="vae", family="decoder", partner="code")
    return tmp_path / "paint.onnx"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_encode_and_decode_are_each_others_inverse(vae, dtype):
    pictures = ie.decode(latents(), vae, dtype=dtype)
    found = ie.encode(list(pictures), vae)
    assert found.shape == (4, D)
    # What 8 bit leaves of a latent: rounding by half a level in 192 values that 6 numbers are fitted to.
    np.testing.assert_allclose(found, latents(), atol=0.05 if dtype == "uint8" else 1e-2)
    np.testing.assert_array_equal(ie.encode(pictures[0], vae.with_name("code.onnx")), found[:1])
    # A search goes on from what the encoder reads, for what a real one reads is not exact.
    np.testing.assert_allclose(ie.project(pictures[0], vae), found[:1], atol=0.05)
    again = ie.decode(found, vae, dtype="float32")
    np.testing.assert_allclose(again, ie.decode(latents(), vae, dtype="float32"), atol=0.02)


def test_a_picture_is_inverted_without_an_encoder(net):
    for seed in (11, 12):
        picture = ie.sample(net, seeds=seed)[0]
        found = ie.project(picture, net)
        assert found.shape == (1, D)
        # The rounding of the target to 8 bit allows 58.9 dB.
        assert ie.psnr(ie.decode(found, net)[0], picture) > 50


def test_inversion_reports_and_stops(net):
    picture = ie.sample(net, seeds=11)[0]
    seen = []
    ie.project(picture, net, starts=2, steps=5, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1

    def stop(done):
        raise errors.Cancelled

    with pytest.raises(errors.Cancelled):
        ie.project(picture, net, progress=stop)
    with pytest.raises(errors.Cancelled):
        ie.sample(net, seeds=range(3), progress=stop)


def test_latents_of_w_come_from_the_mapping_net(tmp_path):
    generator(tmp_path / "map.onnx", output="flat", channels=1, family="mapping")  # z -> 64 numbers, as good as any w
    size = SIZE[0] * SIZE[1]
    node = helper.make_node("Reshape", ["w", "sides"], ["picture"])
    w = helper.make_tensor_value_info("w", TensorProto.FLOAT, ["n", size])
    out = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 1, *SIZE])
    graph = helper.make_graph([node], "test", [w], [out], [constant("sides", [-1, 1, *SIZE], np.int64)])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "net.onnx")

    fields = {"task": "gan", "family": "generator", "space": "w", "output_range": (-1.0, 1.0)}
    manifest_of(tmp_path / "net.onnx", **fields, mapping="map")
    got = ie.sample(tmp_path / "net.onnx", seeds=SEEDS, dtype="float32")
    np.testing.assert_allclose(got, twin(latents(), 1)[..., 0], atol=1e-5)
    mean = twin(latents(range(1000)), 1)[..., 0].mean(0)
    half = ie.sample(tmp_path / "net.onnx", seeds=SEEDS, truncation=0.5, dtype="float32")
    np.testing.assert_allclose(half, (got + mean) / 2, atol=1e-4)
    way = ie.interpolate(tmp_path / "net.onnx", SEEDS[:2], frames=3, dtype="float32")
    np.testing.assert_allclose(way[1], (way[0] + way[2]) / 2, atol=1e-5)  # straight, in w
    manifest_of(tmp_path / "net.onnx", **fields)
    with pytest.raises(errors.ModelError, match="mapping"):
        ie.sample(tmp_path / "net.onnx", seeds=0)
    assert ie.decode(np.zeros(size, np.float32), tmp_path / "net.onnx").shape == (1, *SIZE)


def test_a_file_of_latents_knows_its_net_and_its_space(vae, net, tmp_path):
    ie.write_latents(tmp_path / "z.npz", latents(), vae)
    np.testing.assert_array_equal(ie.read_latents(tmp_path / "z.npz"), latents())
    np.testing.assert_array_equal(ie.read_latents(tmp_path / "z.npz", vae), latents())
    with pytest.raises(errors.ReadError, match="of paint, not z of net"):
        ie.read_latents(tmp_path / "z.npz", net)
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(errors.ReadError, match="no file of latents"):
        ie.read_latents(tmp_path / "bad.npz")
    np.savez(tmp_path / "code.npz", latents=np.array([print], object), space="z", model="net", sha256="")
    with pytest.raises(errors.ReadError, match="no file of latents"):
        ie.read_latents(tmp_path / "code.npz")


def test_wrong_calls_are_told(net, vae, tmp_path):
    calls = {
        "seeds hold -1": lambda: ie.sample(net, seeds=-1),
        "seeds hold 0.5": lambda: ie.sample(net, seeds=[0.5]),
        "seeds are none": lambda: ie.sample(net, seeds=[]),
        "at least two": lambda: ie.interpolate(net, [1], frames=3),
        "frames is 1": lambda: ie.interpolate(net, [1, 2], frames=1),
        "did you mean 'slerp'": lambda: ie.interpolate(net, [1, 2], frames=3, how="slurp"),
        "latents have 5": lambda: ie.decode(np.zeros(5, np.float32), net),
        "give finite float32": lambda: ie.decode(np.full(D, np.nan, np.float32), net),
        "truncation is -1": lambda: ie.sample(net, seeds=0, truncation=-1),
        "dtype is 'int8'": lambda: ie.sample(net, seeds=0, dtype="int8"),
        r"resize it with ie.resize\(image, \(8, 8\)\)": lambda: ie.encode(np.zeros((9, 8, 3), np.uint8), vae),
        "has alpha": lambda: ie.encode(np.zeros((8, 8, 4), np.uint8), vae),
        "try project": lambda: ie.encode(np.zeros((8, 8, 3), np.uint8), net),
        "makes no pictures": lambda: ie.sample(vae.with_name("code.onnx"), seeds=0),
    }
    for words, call in calls.items():
        with pytest.raises(errors.ImgeditError, match=words):
            call()


def test_roles_that_nobody_named_are_asked_for(tmp_path):
    generator(tmp_path / "net.onnx", inputs=("latent", "noise"))
    text = (tmp_path / "net.toml").read_text()
    (tmp_path / "net.toml").write_text("\n".join(line for line in text.splitlines() if not line.startswith("inputs")))
    with pytest.raises(errors.ModelError, match=r"say what each is for, inputs"):
        ie.sample(tmp_path / "net.onnx", seeds=0)


def test_what_is_no_number_is_refused_where_it_would_spread(tmp_path, net):
    encoder(tmp_path / "code.onnx")
    broken = np.zeros((*SIZE, CHANNELS), np.float32)
    broken[0, 0, 0] = np.nan
    with pytest.raises(errors.ImageError, match="image holds NaN or infinity"):
        ie.encode(broken, str(tmp_path / "code.onnx"))
    with pytest.raises(errors.ImageError, match="image holds NaN or infinity"):
        ie.project(broken, net)


def test_a_picture_in_the_place_of_the_model_is_told():
    with pytest.raises(errors.ArgumentError, match="model is 8x8x3 uint8; give a model's name"):
        ie.encode("vae-emoji-64", np.zeros((8, 8, 3), np.uint8))
