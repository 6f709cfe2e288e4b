"""upscale with a net whose formula is known: tiles, alpha, dtypes, any factor."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
from graphs import blur_and_double, doubled_pixels, elementwise, manifest_of, sideways_and_doubled
from pictures import KINDS, photo

import imgedit as ie
from imgedit import errors, superres


@pytest.fixture(autouse=True)
def net(tmp_path, monkeypatch):
    path = tmp_path / "sr-x2.onnx"
    blur_and_double(path)
    manifest_of(path, scale=2, overlap=1)
    monkeypatch.setenv("IMGEDIT_MODELS", str(tmp_path))
    return path


def twin(image):
    """What the net computes, by OpenCV, on a float image without alpha."""
    soft = cv2.blur(image, (3, 3), borderType=cv2.BORDER_CONSTANT)
    return soft.repeat(2, 0).repeat(2, 1)


@pytest.mark.parametrize("tile", [16, 40, 500])
def test_the_result_does_not_depend_on_the_tile(tile):
    image = photo(np.float32, 3, (70, 90))
    # Float sums in another order; inside, tiles see what the net would see, at the border both see zeros.
    inner = slice(2, -2)
    np.testing.assert_allclose(ie.upscale(image, 2, tile=tile)[inner, inner], twin(image)[inner, inner], atol=1e-6)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_dtype_and_channels_are_kept(dtype, channels):
    image = photo(dtype, channels)
    big = ie.upscale(image, 2)
    assert big.dtype == dtype
    assert big.shape == (80, 112, *image.shape[2:])


@pytest.mark.parametrize(("scale", "size"), [(1.5, (60, 84)), (3.3, (132, 185)), (4, (160, 224))])
def test_any_factor_is_reached(scale, size):
    assert ie.upscale(photo(), scale).shape[:2] == size


@pytest.mark.parametrize(
    ("model", "scale", "largest"), [("sr-x2", 3, (80, 120)), ("sr-x4", 5, (200, 300)), ("sr-x4", 17, (680, 1020))]
)
def test_a_net_that_runs_again_makes_few_more_pixels_than_are_wanted(monkeypatch, model, scale, largest):
    made = []
    run = superres._enlarge

    def noted(*given, **named):
        made.append(run(*given, **named))
        return made[-1]

    monkeypatch.setattr(superres, "_enlarge", noted)
    image = photo(np.uint8, 3, (20, 30))
    assert ie.upscale(image, scale, model=model).shape == (20 * scale, 30 * scale, 3)
    assert max(picture.shape[:2] for picture in made) == largest
    assert all(picture.size <= 4 * image.size * scale**2 for picture in made)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_refused_before_the_net_spreads_it(value):
    image = photo(np.float32, 3)
    image[3, 4, 1] = value
    with pytest.raises(errors.ImageError, match="image holds NaN or infinity"):
        ie.upscale(image, 2)


def test_hidden_colour_does_not_show():
    image = np.zeros((20, 20, 4), np.float32)
    image[..., 0] = 1.0
    image[:, 10:] = (0, 1, 0, 1)
    big = ie.upscale(image, 2)
    seen = big[..., 3] > 0
    assert seen.any()
    np.testing.assert_allclose(big[seen][:, :3], np.tile([[0, 1, 0]], (seen.sum(), 1)), atol=1e-5)


def test_opaque_alpha_stays_opaque():
    image = photo(np.uint8, 4)
    image[..., 3] = 255
    assert (ie.upscale(image, 2)[..., 3] == 255).all()


def test_a_manifest_may_have_another_name_than_its_file(net):
    net.with_suffix(".toml").rename(net.with_name("mine.toml"))
    assert ie.upscale(photo(), 2, model="mine").shape == (80, 112, 3)


def test_bad_arguments_are_told():
    with pytest.raises(errors.ArgumentError, match="scale"):
        ie.upscale(photo(), 1)
    with pytest.raises(errors.UnknownNameError, match="sr-x2"):
        ie.upscale(photo(), 2, model="sr-x2x")


def test_progress_and_cancel():
    seen = []
    ie.upscale(photo(size=(90, 120)), 4, tile=40, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)

    def stop(done):
        raise errors.Cancelled

    with pytest.raises(errors.Cancelled):
        ie.upscale(photo(), 2, progress=stop)


def test_any_size_is_reached():
    assert ie.upscale(photo(), size=(100, 57)).shape == (100, 57, 3)
    assert ie.upscale(photo(), size=(300, 20)).shape == (300, 20, 3)
    for wrong in ((10, 10), (40, 56), (0, 900), (50.0, 80), (90,)):
        with pytest.raises(errors.ArgumentError, match="size"):
            ie.upscale(photo(), size=wrong)
    with pytest.raises(errors.ArgumentError, match="scale"):
        ie.upscale(photo(), 2, size=(100, 100))


@pytest.fixture
def bright_net(tmp_path):
    """Brightness, each pixel twice, a tenth brighter."""
    path = doubled_pixels(tmp_path / "bright.onnx", brighter=0.1)
    manifest_of(path, family="luma", scale=2, overlap=4)
    return "bright"


@pytest.mark.parametrize("tile", [24, 500])
def test_a_net_of_brightness_leaves_the_differences_of_colour_to_the_cubic(bright_net, tile):
    image = photo(np.float32, 3, (60, 70))
    big = ie.upscale(image, 2, model=bright_net, tile=tile)
    y = ie.luma(image, standard="bt601").repeat(2, 0).repeat(2, 1) + 0.1
    np.testing.assert_allclose(ie.luma(big, standard="bt601"), y, atol=1e-5)
    soft = ie.resize(image, scale=2, filter="cubic")
    np.testing.assert_allclose(big[..., 0] - big[..., 2], soft[..., 0] - soft[..., 2], atol=1e-5)


def test_a_net_of_brightness_takes_grey_as_it_is(bright_net):
    image = photo(np.float32, 1, (30, 40))
    big = ie.upscale(image, 2, model=bright_net)
    np.testing.assert_allclose(big, image.repeat(2, 0).repeat(2, 1) + 0.1, atol=1e-6)


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_the_mean_of_all_ways_turns_and_mirrors_with_the_picture(tmp_path, dtype, channels):
    path = sideways_and_doubled(tmp_path / "sideways.onnx")
    manifest_of(path, scale=2, overlap=1)
    image = photo(dtype, channels)
    big = ie.upscale(image, 2, model="sideways", ensemble=True)
    near = {"rtol": 0, "atol": 1e-6} if dtype == np.float32 else {"rtol": 0, "atol": 1}
    for turns in range(4):
        for step in (1, -1):
            seen = np.ascontiguousarray(np.rot90(image, turns)[:, ::step])
            made = ie.upscale(seen, 2, model="sideways", ensemble=True).astype(np.float64)
            np.testing.assert_allclose(np.rot90(made[:, ::step], -turns), big, **near)
    once = ie.upscale(image, 2, model="sideways")
    assert (np.abs(once.astype(np.float64) - big) > 2 * near["atol"]).any()


@pytest.mark.parametrize("tile", [16, 500])
def test_the_mean_of_all_ways_is_the_mean_of_eight_runs(tmp_path, tile):
    path = sideways_and_doubled(tmp_path / "sideways.onnx")
    manifest_of(path, scale=2, overlap=1)
    image = photo(np.float32, 3, (30, 44))
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    # The net looks to the left; in eight ways it looks to all four sides, twice each.
    sides = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
    expected = (sum(sides) / 4).repeat(2, 0).repeat(2, 1)
    inner = slice(2, -2)
    big = ie.upscale(image, 2, model="sideways", ensemble=True, tile=tile)
    np.testing.assert_allclose(big[inner, inner], expected[inner, inner], atol=1e-6)


def test_the_mean_of_all_ways_tells_how_far_it_is_and_stops():
    def stop(_fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ie.upscale(photo(), 2, ensemble=True, progress=stop)


@pytest.fixture
def twins(tmp_path):
    for name, brighter, partner in (("clean", 0.0, ""), ("clean-photo", 0.2, "clean")):
        path = doubled_pixels(tmp_path / f"{name}.onnx", shape=(None, 3, None, None), brighter=brighter)
        manifest_of(path, scale=2, overlap=0, partner=partner)


@pytest.mark.parametrize("model", ["clean", "clean-photo"])
@pytest.mark.parametrize("strength", [0, 0.25, 1])
def test_denoise_mixes_a_net_and_its_twin(twins, model, strength):
    image = photo(np.float32, 3)
    big = ie.upscale(image, 2, model=model, denoise=strength)
    np.testing.assert_allclose(big, image.repeat(2, 0).repeat(2, 1) + 0.2 * strength, atol=1e-6)


def test_denoise_without_a_twin_names_the_nets_that_have_one(twins):
    with pytest.raises(errors.ArgumentError, match=r"sr-x2 has no twin.*clean-photo"):
        ie.upscale(photo(), 2, denoise=0.5)
    with pytest.raises(errors.ArgumentError, match="denoise is 2"):
        ie.upscale(photo(), 2, model="clean", denoise=2)


def test_a_net_that_does_not_enlarge_is_refused(tmp_path):
    path = elementwise(tmp_path / "same.onnx", 1.0)
    manifest_of(path, scale=1)
    with pytest.raises(errors.ModelError, match="does not enlarge"):
        ie.upscale(photo(), 2, model="same")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"scale": 10_000}, "scale makes 240000x320000, 76,800 megapixels"),
        ({"size": (3_000_000, 3_000_000)}, "a result holds at most 2,000 megapixels"),
        ({"size": (0, 5)}, "size is (0, 5); give (height, width)"),
        ({"size": (24, 32)}, "reduce it with ie.resize"),
    ],
)
def test_a_size_that_is_a_slip_is_refused_before_the_net_runs(wanted, words):
    with pytest.raises(errors.ArgumentError, match=re.escape(words)):
        ie.upscale(np.zeros((24, 32, 3), np.uint8), **wanted)
