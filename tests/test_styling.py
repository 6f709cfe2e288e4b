"""stylize with nets whose formula is known: every family, colours, strength, mask, alpha, sizes, and Gatys' descent."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import KINDS, disc_mask, photo
from styles import TINTS, gallery, gatys, mosaic, pair, zoo, zoo_twin

import imgedit as ie
from imgedit import errors
from imgedit.models import load
from imgedit.styling import feedforward
from imgedit.styling.sizes import expanded, fitting

# Rounding of float32 in a net, by parts of white.
NEAR = 2e-5
# A painting in blues.
BLUE = np.random.default_rng(5).integers((0, 40, 120), (90, 140, 255), (64, 80, 3)).astype(np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGEDIT_MODELS", str(tmp_path))
    return tmp_path


@pytest.fixture
def net(folder):
    zoo(folder / "swap.onnx")
    return "swap"


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_a_net_of_0_to_255_paints_the_whole_picture(folder, layout):
    zoo(folder / "swap.onnx", layout=layout)
    image = photo(np.float32)
    np.testing.assert_allclose(ie.stylize(image, "swap"), zoo_twin(image), atol=NEAR)
    np.testing.assert_allclose(ie.stylize(image, folder / "swap.onnx"), zoo_twin(image), atol=NEAR)


def test_a_range_around_zero_is_known(folder):
    zoo(folder / "swap.onnx", range=(-1.0, 1.0), output_range=(0.0, 255.0))
    image = photo(np.float32)
    # The net normalises, so it paints the same whatever range its input has.
    np.testing.assert_allclose(ie.stylize(image, "swap"), zoo_twin(image), atol=1e-3)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_dtype_channels_and_alpha_are_kept(net, dtype, channels):
    image = photo(dtype, channels)
    art = ie.stylize(image, net)
    assert art.dtype == dtype
    assert art.shape == image.shape
    if channels == 4:
        np.testing.assert_array_equal(art[..., 3], image[..., 3])
        clear = image[..., 3] == 0
        np.testing.assert_array_equal(art[clear], image[clear])


def test_the_grid_of_a_net_is_averaged_away(folder):
    mosaic(folder / "plain.onnx")
    mosaic(folder / "steady.onnx", grid=4)
    image = photo(np.float32)
    height, width = image.shape[:2]
    moved = np.pad(image, ((2, 0), (2, 0), (0, 0)), mode="symmetric")
    twin = (ie.stylize(image, "plain") + ie.stylize(moved, "plain")[2:, 2:]) / 2
    told = []
    art = ie.stylize(image, "steady", progress=told.append)
    np.testing.assert_allclose(art, twin, atol=NEAR)
    assert art.shape == (height, width, 3)
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize("grid", [3, 0, -4])
def test_an_odd_grid_is_refused(folder, grid):
    with pytest.raises(ValueError, match="grid"):
        mosaic(folder / "odd.onnx", grid=grid)


def test_hidden_colour_does_not_change_the_painting(net):
    image = photo(np.float32, 4)
    other = image.copy()
    other[image[..., 3] == 0, :3] = (1, 0, 1)
    seen = image[..., 3] > 0
    np.testing.assert_array_equal(ie.stylize(image, net)[seen], ie.stylize(other, net)[seen])
    clear = np.zeros((20, 20, 4), np.uint8)
    np.testing.assert_array_equal(ie.stylize(clear, net), clear)


def test_strength_goes_from_the_image_to_the_painting(net):
    image = photo(np.float32)
    np.testing.assert_array_equal(ie.stylize(image, net, strength=0), image)
    full = ie.stylize(image, net)
    np.testing.assert_allclose(ie.stylize(image, net, strength=0.25), 0.75 * image + 0.25 * full, atol=1e-6)


def test_keep_luma_keeps_the_colour_differences(net):
    image = photo(np.float32)
    art = ie.stylize(image, net, keep_color="luma")
    inside = ((art > 1e-3) & (art < 1 - 1e-3)).all(-1)
    assert inside.mean() > 0.5
    np.testing.assert_allclose((art[..., 0] - art[..., 1])[inside], (image[..., 0] - image[..., 1])[inside], atol=1e-6)
    painted = ie.luma(ie.stylize(image, net))
    np.testing.assert_allclose(ie.luma(art)[inside], painted[inside], atol=1e-5)


def test_keep_histogram_and_linear_give_the_photo_s_statistics(net):
    image = photo(np.float32, size=(80, 90))
    art = ie.stylize(image, net, keep_color="histogram")
    # What the painting clipped is of one value and stays so; between, the distributions are one.
    shares = np.linspace(0.2, 0.8, 13)
    np.testing.assert_allclose(
        np.quantile(art, shares, axis=(0, 1)), np.quantile(image, shares, axis=(0, 1)), atol=5e-3
    )
    art = ie.stylize(image, net, keep_color="linear")
    # What is clipped at black or white is missing in the statistics: some hundredths.
    np.testing.assert_allclose(art.mean((0, 1)), image.mean((0, 1)), atol=0.02)
    np.testing.assert_allclose(np.cov(art.reshape(-1, 3).T), np.cov(image.reshape(-1, 3).T), atol=0.01)


def test_outside_the_mask_nothing_changes(net):
    image, mask = photo(), disc_mask()
    art = ie.stylize(image, net, mask=mask)
    np.testing.assert_array_equal(art[~mask], image[~mask])
    np.testing.assert_array_equal(art[mask], ie.stylize(image, net)[mask])


def test_styles_of_a_gallery_are_mixed_by_weight(folder):
    gallery(folder / "tints.onnx")
    image = photo(np.float32)
    for style, tint in (
        ("green", TINTS[1]),
        ({"red": 3, "sky": 1}, 0.75 * TINTS[0] + 0.25 * TINTS[2]),
        ("tints", TINTS.mean(0)),
    ):
        np.testing.assert_allclose(ie.stylize(image, style), (image + tint) / 2, atol=NEAR)
    with pytest.raises(errors.UnknownNameError, match="did you mean 'green'"):
        ie.stylize(image, "gren")
    zoo(folder / "swap.onnx")
    with pytest.raises(errors.ArgumentError, match="of several nets"):
        ie.stylize(image, {"red": 1, "swap": 1})
    with pytest.raises(errors.ArgumentError, match=r"mixes pictures: a\.jpg, b\.jpg; take method='gatys'"):
        ie.stylize(photo(), {"a.jpg": 0.5, "b.jpg": 0.5})
    with pytest.raises(errors.ArgumentError, match="weights of 0"):
        ie.stylize(image, {"red": 0})
    with pytest.raises(errors.ArgumentError, match=r"style\['red'\] is -1"):
        ie.stylize(image, {"red": -1})


def test_a_picture_as_style_is_a_picture_or_a_path(folder, net):
    image, other = photo(np.float32), np.full((9, 7, 3), (0.2, 0.4, 0.6), np.float32)
    pair(folder / "any.onnx", multiple_of=4)
    expected = np.clip(image - image.mean((0, 1)) + (0.2, 0.4, 0.6), 0, 1)
    np.testing.assert_allclose(ie.stylize(image, other, model="any"), expected, atol=NEAR)
    ie.write(folder / "other.png", ie.to_uint16(other))
    np.testing.assert_allclose(ie.stylize(image, str(folder / "other.png"), model="any"), expected, atol=1e-4)
    with pytest.raises(errors.ModelError, match="style of its own"):
        ie.stylize(image, other, model=net)
    with pytest.raises(errors.ModelError, match="takes a picture as style"):
        ie.stylize(image, "any")


def test_the_shipped_net_paints_in_any_style():
    image = photo(np.uint8, size=(70, 90))
    np.testing.assert_array_equal(ie.stylize(image, BLUE), ie.stylize(image, BLUE, model="style-any"))
    blue, red = (ie.stylize(image, style).astype(int) for style in (BLUE, BLUE[..., ::-1].copy()))
    assert (blue[..., 2] - red[..., 2]).mean() > 10  # levels
    assert ie.stylize(image[:5, :7].copy(), BLUE).shape == (5, 7, 3)
    # No frame: the rim is about as bright as what lies within.
    even = ie.stylize(np.full((96, 96, 3), 128, np.uint8), BLUE).astype(float)
    assert abs(even[:4].mean() - even[40:56].mean()) < 10


def test_a_net_of_a_fixed_size_sees_the_whole_picture_small(folder):
    zoo(folder / "swap.onnx", size=(32, 48))
    image = photo(np.float32, size=(160, 160))
    art = ie.stylize(image, "swap")
    assert art.shape == image.shape
    small = ie.resize(image, (32, 32))
    wide = np.pad(small, ((0, 0), (0, 16), (0, 0)), mode="reflect")
    np.testing.assert_allclose(ie.resize(art, (32, 32)), zoo_twin(wide)[:, :32], atol=0.05)
    # No larger than it is.
    tiny = photo(np.float32, size=(20, 30))
    wide = np.pad(tiny, ((0, 12), (0, 18), (0, 0)), mode="reflect")
    np.testing.assert_allclose(ie.stylize(tiny, "swap"), zoo_twin(wide)[:20, :30], atol=NEAR)


def test_a_large_picture_is_seen_whole_so_that_no_tile_is_normalised_by_itself(net, monkeypatch):
    monkeypatch.setattr(feedforward, "MOST_PIXELS", 64 * 64)
    image = np.zeros((256, 256, 3), np.float32)
    image[:, 128:] = 0.8  # tiles of one colour would all come out alike
    image += np.random.default_rng(0).normal(0, 0.02, image.shape).astype(np.float32)
    art = ie.stylize(np.clip(image, 0, 1), net)
    expected = zoo_twin(np.clip(image, 0, 1))
    assert abs(art[:, :120].mean() - expected[:, :120].mean()) < 0.01
    assert abs(art[:, 136:].mean() - expected[:, 136:].mean()) < 0.01
    # Each half stays as even as it was.
    blocks = art[:, :120].reshape(8, 32, 120, 3).mean((1, 2))
    assert np.ptp(blocks, axis=0).max() < 0.01


def test_size_is_the_longest_side_of_what_the_net_sees(folder, monkeypatch):
    gallery(folder / "tints.onnx")
    seen = []
    from imgedit.models import pictures

    run = pictures.run
    monkeypatch.setattr(
        "imgedit.models.pictures.run", lambda net, batch, **more: seen.append(batch.shape) or run(net, batch, **more)
    )
    image = photo(np.float32, size=(60, 100))
    assert ie.stylize(image, "red", size=50).shape == image.shape
    assert seen == [(1, 30, 50, 3)]


def test_enlarged_paintings_get_the_photo_s_detail_in_their_own_colours():
    image = np.where(disc_mask((96, 128), 0.3)[..., None], (0.9, 0.7, 0.2), (0.1, 0.3, 0.4)).astype(np.float32)
    small = ie.resize(image, (24, 32))
    # A painting that is a linear function of the photo everywhere: only the photo knows where its edges are.
    shift = np.array([0.3, 0.2, 0.1], np.float32)
    art = expanded(0.5 * small + shift, small, image)
    plain = ie.resize(0.5 * small + shift, (96, 128))
    wanted = 0.5 * image + shift
    assert np.abs(art - wanted).mean() < 0.25 * np.abs(plain - wanted).mean()
    flat = expanded(np.zeros_like(small) + shift, small, image)
    np.testing.assert_allclose(flat, np.broadcast_to(shift, flat.shape), atol=1e-5)
    assert fitting((100, 200), side=50) == (25, 50)
    assert fitting((100, 200), pixels=5000) == (50, 100)
    assert fitting((100, 200), side=500, pixels=10**6) == (100, 200)


@pytest.fixture
def graph(folder):
    gatys(folder / "descent.onnx")
    return "descent"


def test_the_test_s_gradient_is_true(graph):
    net = load(graph, device="cpu")
    rng = np.random.default_rng(0)
    x, content = rng.random((2, 1, 3, 4, 5))
    gram, weights = rng.random((3, 3)), np.array([0.7, 0.3])
    gram = gram + gram.T

    def loss(x):
        flat = x.reshape(3, -1)
        return 0.7 * np.mean((x - content) ** 2) + 0.3 * np.sum((flat @ flat.T / 20 - gram) ** 2)

    feeds = [a.astype(np.float32) for a in (x, weights, content, gram)]
    value, slope, *_ = net.run(*feeds)
    assert float(value[0]) == pytest.approx(loss(x), rel=1e-5)
    for place in [(0, 0, 0, 0), (0, 1, 2, 3), (0, 2, 3, 4)]:
        moved = np.zeros_like(x)
        moved[place] = 1e-4
        assert slope[place] == pytest.approx((loss(x + moved) - loss(x - moved)) / 2e-4, rel=1e-3)


def test_gatys_keeps_the_content_and_reaches_the_style(graph):
    image = photo(np.float32, size=(40, 40))
    style = np.clip(photo(np.float32, size=(30, 50), seed=3) ** 3, 0, 1)

    def gram(x):
        flat = x.reshape(-1, 3).astype(np.float64)
        return flat.T @ flat / len(flat)

    unchanged = ie.stylize(image, style, method="gatys", style_weight=0, iterations=5)
    np.testing.assert_allclose(unchanged, image, atol=1e-5)
    art = ie.stylize(image, style, method="gatys", content_weight=1e-4, iterations=60)
    # What is painted has a mirrored margin that is cut off: the rest is not quite of the same statistics.
    np.testing.assert_allclose(gram(art), gram(style), atol=0.04)
    assert np.corrcoef(art.ravel(), image.ravel())[0, 1] > 0.5
    assert art.min() >= 0
    assert art.max() <= 1


def test_gatys_mixes_pictures_by_weight_and_goes_from_coarse_to_fine(graph, folder, monkeypatch):
    monkeypatch.setattr("imgedit.styling.gatys.LEAST_SIDE", 16)
    image = photo(np.float32, size=(64, 70))
    for name, value in (("dark", 0.2), ("light", 0.8)):
        ie.write(folder / f"{name}.png", np.full((16, 16, 3), value, np.float32).__mul__(255).astype(np.uint8))
    style = {str(folder / "dark.png"): 1, str(folder / "light.png"): 3}
    seen = []
    art = ie.stylize(image, style, method="gatys", content_weight=0, iterations=40, progress=seen.append)
    # 0.2 and 0.8 in 8 bit: their Gram matrices are the squares, mixed 1 : 3.
    flat = art.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(flat.T @ flat / len(flat), 0.25 * 0.2**2 + 0.75 * 0.8**2, atol=0.04)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)
    assert len({round(fraction, 3) for fraction in seen}) > 20


def test_stopping_leaves_nothing(graph, net):
    def stop(done):
        raise errors.Cancelled

    for style, method in ((photo(), "gatys"), (net, "feedforward")):
        with pytest.raises(errors.Cancelled):
            ie.stylize(photo(), style, method=method, progress=stop)


def test_wrong_calls_are_told(net, graph):
    calls = {
        "strength is 2": {"strength": 2},
        "did you mean 'gatys'": {"method": "gaty"},
        "did you mean 'luma'": {"keep_color": "lumma"},
        "iterations is no parameter of method 'feedforward'": {"iterations": 3},
        "size is 2": {"size": 2},
        "which is no picture": {"method": "gatys"},
        "mask is 3x3": {"mask": np.ones((3, 3), bool)},
    }
    for words, arguments in calls.items():
        with pytest.raises(errors.ArgumentError, match=words):
            ie.stylize(photo(), net, **arguments)
    with pytest.raises(errors.ArgumentError, match=r"did you mean 'iterations'"):
        ie.stylize(photo(), photo(), method="gatys", iteration=3)
    with pytest.raises(errors.ModelError, match="is no graph for gatys"):
        ie.stylize(photo(), photo(), method="gatys", model=net)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_pixel_that_is_no_number_is_refused_in_photo_and_style(folder, net, value):
    pair(folder / "pair.onnx")
    image, broken = photo(np.float32), photo(np.float32)
    broken[3, 4, 1] = value
    with pytest.raises(errors.ImageError, match="image holds NaN or infinity"):
        ie.stylize(broken, net)
    with pytest.raises(errors.ImageError, match="style holds NaN or infinity"):
        ie.stylize(image, broken, model="pair")
    with pytest.raises(errors.ImageError, match="style holds NaN or infinity"):
        ie.stylize(image, broken, method="gatys")


def test_a_net_for_something_else_is_told_as_such(net):
    with pytest.raises(errors.ModelError, match=r"sr-x2: is for superres, not style; there are: .*swap"):
        ie.stylize(photo(), "scream", model="sr-x2")


def test_a_graph_for_gatys_is_no_style():
    with pytest.raises(errors.ArgumentError, match="method='gatys'"):
        ie.stylize(np.zeros((8, 8, 3), np.uint8), "gatys-small")
