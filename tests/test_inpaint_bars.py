"""Bars across a hole: drawn ones are found where they are and go on, and where one side speaks against it none is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pictures import photo

import imgedit as ie
from imgedit.inpainting.bars import Bar, find_bars, lay_bars, lift_bars
from imgedit.strips import Ticker

SIZE = (150, 160)
MIDDLE = (75.0, 80.0)
POST = (0.2, 0.25, 0.3)
QUIET = Ticker(None)


def ground(seed=0):
    """Water: soft waves and some noise."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    rng = np.random.default_rng(seed)
    waves = 0.7 + 0.04 * np.sin(y / 3 + np.sin(x / 11)) + 0.02 * rng.standard_normal(SIZE)
    return (waves[..., None] * (0.9, 1.0, 1.1)).astype(np.float32)


def lines(degrees, aside=0.0):
    """Signed distance of each pixel from a line through the middle, and the place along it; 90 degrees is upright."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    way = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    down, right = y - MIDDLE[0], x - MIDDLE[1]
    return right * way[0] - down * way[1] - aside, down * way[0] + right * way[1]


def post(image, degrees, width=7.0, color=POST, aside=0.0, where=None):
    """Draw a bar with blurred rims."""
    share = np.clip((width + 1) / 2 - np.abs(lines(degrees, aside)[0]), 0, 1)
    share = (share if where is None else share * where)[..., None].astype(np.float32)
    return image + share * (np.asarray(color, np.float32) - image)


def disc(radius=32):
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.hypot(y - MIDDLE[0], x - MIDDLE[1]) < radius


def found(image, hole, source=None):
    return find_bars(np.where(hole[..., None], np.float32(0), image), hole, source, 7, QUIET)


@pytest.mark.parametrize("degrees", [0, 17, 45, 63, 90, 118, 161])
@pytest.mark.parametrize("width", [2, 7, 12])
def test_a_drawn_bar_is_found_where_it_is(degrees, width):
    bars = found(post(ground(), degrees, width), disc())
    assert len(bars) == 1
    bar = bars[0]
    ends = np.add(bar.start, np.multiply.outer([0, bar.length], bar.way)) - MIDDLE
    aside = ends @ (-np.cos(np.radians(degrees)), np.sin(np.radians(degrees)))
    assert abs(aside[1] - aside[0]) < 0.6  # the far side is tried in steps of half a pixel
    assert abs(aside).max() < 1.5  # which of its pixels count as the bar's does not move it: all are copied in place
    assert abs(2 * bar.half - width) <= 2  # its blurred rims may count
    assert 60 <= bar.length <= 75 + width


@pytest.mark.parametrize("degrees", [0, 45, 90, 118])
def test_it_goes_on_through_the_hole(degrees):
    image, hole = post(ground(), degrees), disc()
    filled = ie.inpaint(np.where(hole[..., None], np.float32(1), image), hole, "patchmatch")
    aside = np.abs(lines(degrees)[0])
    assert np.abs(filled - image)[hole & (aside < 2.5)].max() < 0.15  # ground is 0.5 brighter
    # and nothing of it beside it
    assert filled[hole & (aside > 6)].min() > 0.5


@pytest.mark.parametrize("method_parameters", [{}, {"bars": False}])
def test_without_a_bar_the_result_is_that_of_patches_alone(method_parameters, monkeypatch):
    def none(*_):
        raise AssertionError

    hole = disc(20)
    scenes = [ground(), photo(np.float32, 3, SIZE), photo(np.float32, 3, SIZE, seed=3)]
    filled = [ie.inpaint(image, hole, "patchmatch", **method_parameters) for image in scenes]
    monkeypatch.setattr("imgedit.inpainting.patchmatch.find_bars", none)
    for image, own in zip(scenes, filled, strict=True):
        np.testing.assert_array_equal(own, ie.inpaint(image, hole, "patchmatch", bars=False))


def test_a_bar_that_shows_in_two_rows_on_the_far_side_goes_on():
    image, hole = post(ground(), 90), disc()
    top = int(np.flatnonzero(hole.any(axis=1))[0])
    hole[top : top + 20] = False
    top += 20
    hole[top : top + 8, 50:110] = True  # a hole with a straight upper edge
    image[: top - 2, 50:110] = (0.5, 0.45, 0.3)  # a sign
    image[0:3] = 0.9
    assert len(found(image, hole)) == 1
    image[: top - 1, 50:110] = (0.5, 0.45, 0.3)  # a single row is no proof
    assert found(image, hole) == []


def against(what):
    """A scene in which something speaks against a bar through the hole."""
    along = lines(90)[1]
    image = ground()
    if what == "ends in the hole":
        return post(image, 90, where=along > 0)
    if what == "another colour beyond":
        return post(post(image, 90, where=along > 0), 90, color=(0.9, 0.1, 0.1), where=along < 0)
    if what == "another width beyond":
        return post(post(image, 90, where=along > 0), 90, width=2, where=along < 0)
    if what == "aside beyond":
        return post(post(image, 90, where=along > 0), 90, aside=14, where=along < 0)
    if what == "a bend":
        return post(post(image, 90, where=along > 0), 60, where=along < 0)
    if what == "too faint":
        return post(image, 90, color=(0.58, 0.64, 0.70))
    if what == "an edge, no bar":
        return np.where(lines(90)[0][..., None] > 0, image, np.float32(0.3))
    y = np.mgrid[: SIZE[0], : SIZE[1]][0]
    return post(image, 90, where=y % 12 < 6)  # "dashes"


@pytest.mark.parametrize(
    "what",
    [
        "ends in the hole",
        "another colour beyond",
        "another width beyond",
        "aside beyond",
        "a bend",
        "too faint",
        "an edge, no bar",
        "dashes",
    ],
)
def test_one_doubt_is_enough(what):
    assert found(against(what), disc()) == []


def test_what_is_known_in_the_hole_counts():
    image, hole = post(ground(), 90), disc()
    hole[68:82, 76:85] = False  # an island, too narrow to pass for the far side
    assert len(found(image, hole)) == 1
    image[68:82, 76:85] = ground()[68:82, 76:85]
    assert found(image, hole) == []


def test_short_gaps_and_thin_holes_are_left_to_patches():
    assert found(post(ground(), 90), disc(11)) == []
    scratch = np.zeros(SIZE, bool)
    scratch[70:76] = True
    assert found(post(ground(), 90), scratch) == []


def test_the_source_is_respected():
    image, hole = post(ground(), 90), disc()
    y = np.mgrid[: SIZE[0], : SIZE[1]][0]
    assert len(found(image, hole, y > 75)) == 1
    assert found(image, hole, np.abs(y - 75) < 20) == []


def test_bars_may_cross():
    image, hole = post(post(ground(), 90), 20, color=(0.1, 0.3, 0.1)), disc()
    bars = found(image, hole)
    assert len(bars) == 2
    laid = lay_bars(ground(), np.where(hole[..., None], np.float32(0), image), hole, bars)
    for degrees, color in ((90, POST), (20, (0.1, 0.3, 0.1))):
        aside, along = lines(degrees)
        line = hole & (np.abs(aside) < 2) & (np.abs(along) > 12)
        assert np.abs(laid - np.asarray(color, np.float32))[line].max() < 0.06


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_kind_of_image(dtype, channels):
    image, hole = post(ground(), 90), disc()
    image = np.clip(image, 0, 1)
    if channels == 1:
        image = image[..., 1]
    elif channels == 4:  # a post on clear ground
        image = np.concatenate([image, np.clip(4 - np.abs(lines(90)[0]), 0.1, 1)[..., None]], axis=-1)
    image = ie.to_float(image.astype(np.float32))
    image = {np.uint8: ie.to_uint8, np.uint16: ie.to_uint16, np.float32: ie.to_float}[dtype](image)
    filled = ie.inpaint(image, hole, "patchmatch")
    core = hole & (np.abs(lines(90)[0]) < 2.5)
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    assert np.abs(filled.astype(float) - image)[core].max() < 0.15 * white


def test_lifting_takes_the_ends_and_laying_writes_in_the_hole_only():
    hole = disc()
    bar = Bar((43.0, 80.0), (1.0, 0.0), 65.0, 3.5, 12, np.zeros(3, np.float32))
    wide = lift_bars(hole, [bar])
    assert wide[hole].all()
    assert wide[31:43, 78:83].all()
    assert wide[108:110, 78:83].all()
    assert not wide[:28].any()
    assert not lift_bars(hole, [])[~hole].any()
    image = post(ground(), 90)
    laid = lay_bars(np.zeros_like(image), image, hole, [bar])
    assert not laid[~hole].any()
    # rows there and back: the first in the hole is the last that is seen, the one after that the last but one
    np.testing.assert_allclose(laid[44, 78:83], image[43, 78:83], atol=1e-6)
    np.testing.assert_allclose(laid[45, 78:83], image[42, 78:83], atol=1e-6)
    np.testing.assert_allclose(laid[43 + 23, 78:83], image[42, 78:83], atol=1e-6)


def test_the_colour_fades_to_that_beyond():
    along = lines(90)[1]
    image = post(ground(), 90) + (0.06 * np.clip(along / 60, -1, 1))[..., None].astype(np.float32)
    (bar,) = found(image, disc())
    laid = lay_bars(image, image, disc(), [bar])
    core = disc() & (np.abs(lines(90)[0]) < 2)
    assert np.abs(laid - image)[core].max() < 0.05
    assert abs(float((laid - image)[core].mean())) < 0.015


def test_enough_must_be_left_for_the_ground():
    image, hole = post(ground(), 90), ~cv2.dilate(np.zeros(SIZE, np.uint8), None).astype(bool)
    hole[:30, 60:100] = hole[-30:, 60:100] = False
    bars = found(image, hole)
    lifted = lift_bars(hole, bars)
    filled = ie.inpaint(np.where(hole[..., None], np.float32(0), image), hole, "patchmatch")
    assert (~lifted).any()
    assert np.isfinite(filled).all()


def test_a_picture_wider_than_opencv_takes():
    wide = np.full((60, 33_000, 3), 0.8, np.float32)
    wide[27:34, :] = POST
    hole = np.zeros(wide.shape[:2], bool)
    hole[15:45, 20_000:20_060] = True
    bars = found(wide, hole)
    assert len(bars) == 1
    laid = lay_bars(wide, wide, hole, bars)
    np.testing.assert_allclose(laid, wide, atol=1e-5)
