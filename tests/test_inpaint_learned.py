"""inpaint(method="learned") with nets whose formula is known: they fill with the mean of what they see."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
from holes import filler
from pictures import KINDS, disc_mask, photo

import imgedit as ie
from imgedit import errors
from imgedit.cli import run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGEDIT_MODELS", str(tmp_path))
    return tmp_path


FAMILIES = {
    "rgb-mask": {"family": "rgb-mask", "multiple_of": 8},
    "four channels": {"family": "rgb-mask", "channels": 4},
    "lama to 1": {"family": "lama", "size": (64, 64)},
    "lama to 255": {"family": "lama", "size": (64, 64), "white": 255.0},
    "lama that is told 255 and gives 1": {"family": "lama", "size": (64, 64), "output_range": (0.0, 255.0)},
    "pipeline": {"family": "pipeline"},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_asked_in_its_own_way(folder, family):
    filler(folder / "net.onnx", **FAMILIES[family])
    image, mask = photo(np.float32), disc_mask()
    image[mask] = np.nan  # whatever stands there must not matter
    filled = ie.inpaint(image, mask, "learned", model="net")
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    # Mirrored padding weighs some pixels twice, bytes are rounded; a hole filled with black or in negative is far off.
    np.testing.assert_allclose(filled[mask], np.broadcast_to(image[~mask].mean(0), (mask.sum(), 3)), atol=0.05)
    assert np.ptp(filled[mask], axis=0).max() < 1e-4


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_dtype_channels_and_known_pixels_are_kept(folder, dtype, channels):
    filler(folder / "net.onnx", "rgb-mask")
    image, mask = photo(dtype, channels), disc_mask()
    filled = ie.inpaint(image, mask, "learned", model="net")
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    known = ie.to_float(image)[~mask]
    if channels == 4:
        expected = known[:, 3].mean()
        np.testing.assert_allclose(ie.to_float(filled)[mask][:, 3], expected, atol=0.01)
        color = (known[:, :3] * known[:, 3:]).mean(0) / expected
        np.testing.assert_allclose(ie.to_float(filled)[mask][:, :3], np.tile(color, (mask.sum(), 1)), atol=0.02)
    else:
        got = ie.to_float(filled)[mask]
        np.testing.assert_allclose(got, np.broadcast_to(known.mean(0), got.shape), atol=0.01)


def test_a_hole_that_is_large_is_filled_at_the_size_that_the_net_knows(folder):
    filler(folder / "net.onnx", "lama", size=(48, 48))
    image, mask = photo(np.float32, size=(200, 260)), disc_mask((200, 260), 0.1)
    filled = ie.inpaint(image, mask, "learned", model="net")
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    # Next to its edge a coarse pixel's fill is interpolated with what is known.
    inside = disc_mask((200, 260), 0.05)
    assert np.ptp(filled[inside], axis=0).max() < 0.01
    # Nothing of what stood in the hole bleeds into the coarse picture.
    image[mask] = 1.0
    np.testing.assert_array_equal(ie.inpaint(image, mask, "learned", model="net")[mask], filled[mask])


@pytest.mark.parametrize("fields", [{"family": "rgb-mask", "multiple_of": 16}, {"family": "lama", "size": (64, 64)}])
def test_thin_holes_all_over_a_photo_are_seen_at_full_size(folder, fields):
    filler(folder / "net.onnx", **fields)
    rng = np.random.default_rng(0)
    image = np.empty((200, 420, 3), np.float32)
    image[:, :210], image[:, 210:] = 0.25, 0.75
    mask = np.zeros((200, 420), bool)
    mask[:, 5::16] = True  # one pixel wide
    mask[rng.integers(200, size=40), rng.integers(420, size=40)] = True
    filled = ie.inpaint(image, mask, "learned", model="net", size=64)
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    # Far from the middle each tile sees one colour: at a coarser size, or in one view, both would be mixed.
    np.testing.assert_allclose(filled[:, :120], 0.25, atol=1e-5)
    np.testing.assert_allclose(filled[:, -120:], 0.75, atol=1e-5)


def test_context_is_of_the_hole_and_not_of_the_photo(folder):
    filler(folder / "net.onnx", "rgb-mask")
    image = np.zeros((900, 900, 3), np.float32)
    image[:450] = 0.5
    mask = np.zeros((900, 900), bool)
    mask[100:120, 100:120] = True
    filled = ie.inpaint(image, mask, "learned", model="net")
    np.testing.assert_allclose(filled[mask], 0.5, atol=1e-5)


def test_colour_and_seam_are_repaired_by_the_classical_code(folder):
    filler(folder / "net.onnx", "rgb-mask")
    ramp = np.linspace(0, 1, 90, dtype=np.float32) * np.ones((60, 1), np.float32)
    mask = disc_mask((60, 90), 0.15)
    plain = ie.inpaint(ramp, mask, "learned", model="net")
    mended = ie.inpaint(ramp, mask, "learned", model="net", repair_seam="poisson")
    assert np.abs(mended - ramp)[mask].mean() < 0.2 * np.abs(plain - ramp)[mask].mean()
    matched = ie.inpaint(ramp, mask, "learned", model="net", match_color=True)
    np.testing.assert_array_equal(matched[~mask], ramp[~mask])


def test_cancel_and_errors(folder):
    image, mask = photo(), disc_mask()

    def stop(done):
        raise errors.Cancelled

    with pytest.raises(errors.UnknownNameError, match="'net'"):
        ie.inpaint(image, mask, "learned", model="net")
    filler(folder / "net.onnx", "rgb-mask")
    with pytest.raises(errors.Cancelled):
        ie.inpaint(image, mask, "learned", progress=stop)
    with pytest.raises(errors.ArgumentError, match="size is 3"):
        ie.inpaint(image, mask, "learned", size=3)
    filler(folder / "net.onnx", "rgb-mask", inputs=("mask", "image"))
    with pytest.raises(errors.ModelError, match="in the order of the file"):
        ie.inpaint(image, mask, "learned", model="net")


def test_without_a_network_the_error_names_the_command(monkeypatch):
    from imgedit import models

    monkeypatch.setattr(models, "names", lambda task: [])
    with pytest.raises(errors.ArgumentError, match="imgedit models fetch lama"):
        ie.inpaint(photo(), disc_mask(), "learned")


def test_the_shipped_network_is_the_default_and_beats_diffusion_on_thin_holes():
    image = skimage.data.astronaut()[:256, 100:420]
    mask = np.zeros(image.shape[:2], np.uint8)
    for row in range(20, 256, 40):
        cv2.putText(mask, "shallow letters", (4, row), cv2.FONT_HERSHEY_SIMPLEX, 1.1, 255, 3)
    hole = mask > 0
    errors_of = {
        method: np.square(ie.inpaint(image, hole, method)[hole].astype(float) - image[hole]).mean()
        for method in ("learned", "harmonic", "navier-stokes", "telea")
    }
    assert errors_of["learned"] < 0.9 * min(errors_of[name] for name in errors_of if name != "learned")


def test_all_ways_are_the_mean_of_eight_fillings(tmp_path):
    image = ie.resize(photo(np.float32), (64, 96))
    mask = np.zeros(image.shape[:2], bool)
    mask[20:24, 10:80] = mask[5:60, 40:42] = True
    expected = np.zeros_like(image)
    for turns in range(4):
        for step in (1, -1):
            seen, hole = (np.ascontiguousarray(np.rot90(x, turns)[:, ::step]) for x in (image, mask))
            made = ie.inpaint(seen, hole, "learned", device="cpu")
            expected += np.rot90(made[:, ::step], -turns) / 8
    filled = ie.inpaint(image, mask, "learned", ensemble=True, device="cpu")
    np.testing.assert_allclose(filled, expected, atol=1e-5)
    assert np.abs(filled - ie.inpaint(image, mask, "learned", device="cpu")).max() > 1e-3
    for name, array in (("photo", image), ("mask", ie.to_uint8(mask.astype(np.float32)))):
        ie.write(tmp_path / f"{name}.png", ie.to_uint8(array))
    words = [str(tmp_path / "photo.png"), str(tmp_path / "mask.png"), "learned", "--ensemble", "--device", "cpu"]
    assert run(["inpaint", *words, "-o", str(tmp_path / "filled.png")]) == 0
    np.testing.assert_allclose(ie.to_float(ie.read(tmp_path / "filled.png")), filled, atol=3 / 255)


def test_a_net_of_one_oblong_size_can_not_be_turned(folder):
    filler(folder / "net.onnx", "rgb-mask", size=(64, 96))
    with pytest.raises(errors.ArgumentError, match="takes 64x96; leave it out"):
        ie.inpaint(photo(), disc_mask(), "learned", model="net", ensemble=True)
