"""The distance that sees as people do: laws, tiles, and an order that PSNR can't give."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

import imgedit as ie
from imgedit import errors, perception


def photos():
    return {
        "astronaut": skimage.data.astronaut()[:192, 100:292],
        "chelsea": skimage.data.chelsea()[40:232, 120:312],
        "coffee": skimage.data.coffee()[120:312, 180:372],
    }


def rounded(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def jpeg(image, strength):
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(100 - 2 * strength)])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


GRAIN = np.random.default_rng(0).normal(size=(192, 192, 3))
SPOILED = {
    "lighter": lambda image, strength: rounded(image.astype(float) + strength),
    "contrast": lambda image, strength: rounded((image - image.mean()) * (1 + strength / 30) + image.mean()),
    "noise": lambda image, strength: rounded(image + GRAIN * strength),
    "blur": lambda image, strength: cv2.GaussianBlur(image, (0, 0), 0.01 + strength / 6),
    "jpeg": jpeg,
}


def at_psnr(image, kind, decibels):
    """Spoil just so much."""
    low, high = 0.0, 49.5
    for _ in range(12):
        middle = (low + high) / 2
        if ie.psnr(image, SPOILED[kind](image, middle)) > decibels:
            low = middle
        else:
            high = middle
    return SPOILED[kind](image, low)


@pytest.mark.parametrize("name", photos())
def test_at_one_psnr_it_sees_what_people_see(name):
    """A shade is nothing, blur and blocks are much: Wang and Bovik 2009, https://doi.org/10.1109/MSP.2008.930649."""
    photo = photos()[name]
    seen = {kind: ie.perceptual(photo, at_psnr(photo, kind, 24)) for kind in SPOILED}
    assert max(seen["lighter"], seen["contrast"]) < 0.5 * min(seen["noise"], seen["blur"], seen["jpeg"])
    assert seen["noise"] < seen["blur"]


@pytest.mark.parametrize("name", photos())
def test_a_pixel_to_the_side_is_less_than_blur(name):
    photo = photos()[name]
    moved, blurred = np.roll(photo, 1, axis=1), cv2.GaussianBlur(photo, (0, 0), 2.5)
    window = (slice(8, -8), slice(8, -8))
    assert ie.perceptual(photo[window], moved[window]) < 0.5 * ie.perceptual(photo[window], blurred[window])


def test_noise_hides_in_texture():
    """The same noise is seen on a smooth ground, and hardly in gravel."""
    grain = GRAIN.mean(axis=2)
    rough = skimage.data.gravel()[:192, :192]
    smooth = cv2.GaussianBlur(rough, (0, 0), 12)
    smooth_seen, rough_seen = (ie.perceptual(g, rounded(g + 10 * grain)) for g in (smooth, rough))
    assert rough_seen < 0.5 * smooth_seen


@pytest.mark.parametrize("kind", ["noise", "blur", "jpeg", "contrast"])
def test_more_is_further(kind):
    photo = photos()["astronaut"]
    distances = [ie.perceptual(photo, SPOILED[kind](photo, strength)) for strength in (3, 9, 20, 40)]
    assert distances == sorted(distances)
    assert distances[0] < 0.5 * distances[-1]


def test_equal_is_zero_and_order_does_not_matter():
    photo = photos()["coffee"]
    blurred = cv2.GaussianBlur(photo, (0, 0), 2)
    assert ie.perceptual(photo, photo.copy()) == 0
    assert ie.perceptual(photo, blurred) == pytest.approx(ie.perceptual(blurred, photo), rel=1e-6)


@pytest.mark.parametrize("size", [(192, 192), (150, 181), (131, 70)])
def test_tiles_change_nothing(monkeypatch, size):
    photo = np.ascontiguousarray(photos()["astronaut"][: size[0], : size[1]])
    blurred = cv2.GaussianBlur(photo, (0, 0), 2)
    whole = ie.perceptual(photo, blurred)
    monkeypatch.setattr(perception, "TILE", 64)
    # Float32 is summed in another order.
    assert ie.perceptual(photo, blurred) == pytest.approx(whole, rel=1e-5)


def test_dtypes_agree():
    photo = photos()["chelsea"]
    blurred = cv2.GaussianBlur(photo, (0, 0), 2)
    expected = ie.perceptual(photo, blurred)
    assert ie.perceptual(ie.to_uint16(photo), ie.to_float(blurred)) == pytest.approx(expected, rel=1e-5)


def test_grey_is_seen_as_colours_that_are_equal():
    grey = skimage.data.camera()[:96, :96]
    blurred = cv2.GaussianBlur(grey, (0, 0), 2)
    both = [np.repeat(side[..., None], 3, axis=2) for side in (grey, blurred)]
    assert ie.perceptual(grey, blurred) == pytest.approx(ie.perceptual(*both), rel=1e-6)


def test_alpha_is_seen_and_what_it_hides_is_not():
    photo = photos()["coffee"]
    clear = np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)])
    clear[40:120, 40:120, 3] = 0
    other = clear.copy()
    other[40:120, 40:120, :3] = 200
    assert ie.perceptual(clear, other) == 0
    solid = clear.copy()
    solid[..., 3] = 255
    assert ie.perceptual(clear, solid) > 0.01


def test_bad_input_is_told():
    small = np.zeros((15, 40, 3), np.uint8)
    with pytest.raises(errors.ImageError, match="16x16"):
        ie.perceptual(small, small)
    photo = photos()["coffee"]
    with pytest.raises(errors.ImageError, match="b is"):
        ie.perceptual(photo, photo[..., 0].copy())
    with pytest.raises(errors.ModelError, match="sr-x2"):
        ie.perceptual(photo, photo, model="sr-x2")


def test_it_can_be_stopped(monkeypatch):
    monkeypatch.setattr(perception, "TILE", 64)
    seen = []

    def stop(fraction):
        seen.append(fraction)
        if fraction > 0.4:
            raise errors.Cancelled

    photo = photos()["coffee"]
    with pytest.raises(errors.Cancelled):
        ie.perceptual(photo, photo, progress=stop)
    assert seen == pytest.approx([n / 9 for n in range(1, 5)])
