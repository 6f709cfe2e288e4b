"""Telea, Navier-Stokes, biharmonic, harmonic, push-pull: laws, plain twins, other implementations."""

from __future__ import annotations

import cv2
import naive_inpaint as naive
import numpy as np
import pytest
import skimage.data
import skimage.restoration
from pictures import disc_mask, in_dtype, photo

import imgedit as ie
from imgedit.inpainting import biharmonic, marching, vorticity
from imgedit.strips import Ticker

DIFFUSION = ("telea", "navier-stokes", "biharmonic", "harmonic", "push-pull")


def ignore(fraction):
    assert 0 <= fraction <= 1


def holes(size):
    y, x = np.mgrid[: size[0], : size[1]]
    yield "box", (abs(y - size[0] / 2) < size[0] / 4) & (abs(x - size[1] / 2) < size[1] / 4)
    yield "disc", disc_mask(size, 0.3)
    # Not along the border: there even the right answer depends on what lies beyond it.
    inner = (y > 1) & (x > 1) & (y < size[0] - 2) & (x < size[1] - 2)
    yield "specks", inner & (np.random.default_rng(0).random(size) < 0.4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("method", ["telea", "navier-stokes", "biharmonic", "harmonic"])
def test_a_linear_ramp_goes_on(method, dtype):
    y, x = np.mgrid[:96, :128]
    for ramp in (x / 127.0, (x + y) / 222.0, 1 - y / 95.0):
        image = in_dtype(np.stack([ramp, 1 - ramp, 0.25 + ramp / 2], -1), dtype)
        full = 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)
        for name, hole in holes(ramp.shape):
            error = np.abs(ie.inpaint(image, hole, method).astype(float) - image)[hole].max() / full
            # One per cent of the range; biharmonic continues the rounding of 8-bit slopes as well, over the whole hole.
            assert error <= (0.02 if method == "biharmonic" and dtype == np.uint8 else 0.01), (name, error)


@pytest.mark.parametrize("method", ["telea", "navier-stokes", "harmonic"])
def test_nothing_lies_beyond_the_range_of_the_pixels_that_touch_the_hole(method):
    image = photo(np.float32, 3, (80, 90), seed=4)
    # What is further off is brighter and darker; none of it may show.
    hole = disc_mask((80, 90), 0.25)
    touching = (cv2.dilate(hole.view(np.uint8), np.ones((3, 3))) > 0) & ~hole
    image[~touching] = np.where(np.random.default_rng(1).random((80, 90, 1)) < 0.5, -1, 2)[~touching]
    filled = ie.inpaint(image, hole, method)[hole]
    # The membrane is solved to a residual, so it may pass the range by as much.
    assert (filled >= image[touching].min(axis=0) - 2e-3).all()
    assert (filled <= image[touching].max(axis=0) + 2e-3).all()


def test_telea_equals_its_plain_twin(monkeypatch):
    image = photo(np.float32, 3, (17, 19), seed=2) * 0.1 + np.linspace(0, 0.8, 19, dtype=np.float32)[:, None]
    hole = np.zeros((17, 19), bool)
    hole[4:12, 5:14] = True
    hole[7:9, 13:17] = True
    values = np.where(hole[..., None], 0, image).astype(np.float32)
    arrival = naive.time_of_arrival(hole)
    np.testing.assert_allclose(marching.time_of_arrival(hole), arrival, atol=1e-5)
    normals = np.gradient(cv2.GaussianBlur(arrival.astype(np.float32), (0, 0), 1.0))
    window = float(np.clip(arrival.max() * marching.WINDOW_SHARE, *marching.WINDOW))
    # This hole is shallow: let the means broaden within it.
    monkeypatch.setattr(marching, "EDGE", 2.0)
    monkeypatch.setattr(marching, "DEEP", 3.0)
    everywhere = np.ones(hole.shape, bool)
    carried = marching._carried(values, hole, everywhere, window, Ticker(None))[1:].reshape(*hole.shape, -1)
    plain = naive.march(
        carried,
        hole,
        arrival,
        normals,
        3,
        radius=3,
        shell=marching.SHELL,
        least=marching.LEAST_DIRECTION,
        agree=marching.AGREEMENT,
        broader=(2.0, 3.0, marching.BROADER),
    )
    expected = plain.astype(np.float32)
    marching.clip_to_edge(expected, values, hole, Ticker(None))
    fast = marching.fill_telea(values, hole, progress=ignore, seed=0)
    # Sums of some 28 float32 products, passed on over a handful of shells.
    np.testing.assert_allclose(fast[hole], expected[hole], atol=5e-5)


def test_the_planes_of_telea_are_least_squares_fits():
    image = photo(np.float32, 1, (15, 16), seed=3)[..., None] * 0.2 + np.linspace(0, 3, 16, dtype=np.float32)[:, None]
    hole = disc_mask((15, 16), 0.15)
    place = (3, 8)
    y, x = np.mgrid[:15, :16]
    y, x = y - place[0], x - place[1]
    half = int(3 * 2.5)
    weight = np.exp(-(y**2 + x**2) / (2 * 2.5**2)) * ~hole * (abs(y) <= half) * (abs(x) <= half)
    root = np.sqrt(weight.ravel())[:, None]
    system = np.stack([np.ones(y.size), y.ravel(), x.ravel()], 1)
    fit = np.linalg.lstsq(root * system, root[:, 0] * image.ravel(), rcond=None)[0]
    ring = np.zeros(hole.shape, bool)
    ring[place] = True
    # The slope is whole: the picture is near a plane there.
    slopes = np.concatenate(marching._planes(image * ~hole[..., None], ~hole, ring, 2.5, Ticker(None)), axis=1)
    np.testing.assert_allclose(slopes[0], fit[1:], atol=1e-4)


def test_telea_looks_like_opencv_and_unlike_the_others_on_a_photo():
    image = skimage.data.astronaut()[100:260, 150:310]
    hole = disc_mask((160, 160), 0.12)
    theirs = cv2.inpaint(image, hole.view(np.uint8), 3, cv2.INPAINT_TELEA)

    def distance(other):
        return float(np.sqrt(((ie.inpaint(image, hole, "telea").astype(float) - other)[hole] ** 2).mean()))

    near = distance(theirs)
    for method in ("navier-stokes", "harmonic", "biharmonic"):
        assert distance(ie.inpaint(image, hole, method)) > 1.2 * near, method


def test_navier_stokes_carries_a_slanted_edge_across():
    y, x = np.mgrid[:120, :160]
    edge = cv2.GaussianBlur(((x - 80) + 0.6 * (y - 60) > 0) * np.float32(0.8) + np.float32(0.1), (0, 0), 1)
    hole = (abs(y - 60) < 8) & (abs(x - 80) < 60)

    def error(filled):
        return float(np.abs(filled - edge)[hole].mean())

    ours = error(ie.inpaint(edge, hole, "navier-stokes"))
    theirs = error(cv2.inpaint(ie.to_uint8(edge), hole.view(np.uint8), 3, cv2.INPAINT_NS) / 255)
    assert ours < 0.5 * theirs
    assert ours < 0.5 * error(ie.inpaint(edge, hole, "harmonic"))


def test_isophotes_run_along_stripes():
    y, x = np.mgrid[:64, :64]
    middle = np.zeros((64, 64), bool)
    middle[16:48, 16:48] = True
    for angle in (0.0, 0.4, 1.2, 2.0):
        stripes = np.sin(0.5 * (np.cos(angle) * x + np.sin(angle) * y)).astype(np.float32)[..., None]
        down, right, flow = vorticity._isophotes(stripes, np.flatnonzero(middle), Ticker(None))
        # Stripes change along (cos, sin) in (x, y), so they run across it; 0.03 is two degrees.
        assert np.abs(right * np.cos(angle) + down * np.sin(angle)).max() < 0.03
        assert flow.min() > 0.99
    noise = np.random.default_rng(0).normal(size=(64, 64, 1)).astype(np.float32)
    assert vorticity._isophotes(noise, np.arange(64 * 64), Ticker(None))[2].mean() < 0.4


@pytest.mark.parametrize("place", ["inside", "corner", "border", "specks"])
def test_biharmonic_equals_scikit_image(place):
    image = skimage.data.astronaut()[:90, 120:220] / 255.0
    y, x = np.mgrid[:90, :100]
    hole = {
        "inside": np.hypot(y - 45, x - 50) < 20,
        "corner": (y < 15) & (x < 22),
        "border": (y > 75) & (abs(x - 50) < 20),
        "specks": np.random.default_rng(0).random((90, 100)) < 0.15,
    }[place]
    theirs = skimage.restoration.inpaint_biharmonic(image, hole, channel_axis=-1)
    ours = ie.inpaint(image.astype(np.float32), hole, "biharmonic", margin=200)
    np.testing.assert_allclose(ours[hole], theirs[hole], atol=2e-6)  # float32 in, float32 out


def test_biharmonic_on_halved_pictures_stays_near_the_direct_solution(monkeypatch):
    y, x = np.mgrid[:120, :140] / 30.0
    image = (0.5 + 0.2 * np.sin(x + 0.3 * y) + 0.1 * np.cos(y))[..., None].astype(np.float32)
    hole = disc_mask((120, 140), 0.3)
    direct = biharmonic.fill_biharmonic(image, hole, progress=ignore, seed=0)
    monkeypatch.setattr(biharmonic, "DIRECT", 1500)
    coarse = biharmonic.fill_biharmonic(image, hole, progress=ignore, seed=0)
    assert np.abs(direct - image).max() < 0.05
    assert np.abs(coarse - direct).max() < 0.02  # both go on smoothly; the coarse rim lies half a pixel off


def test_a_shallow_scratch_costs_biharmonic_nothing_in_smooth_pictures():
    y, x = np.mgrid[:60, :80]
    image = in_dtype((0.5 + 0.4 * np.sin(x / 15 + y / 20)), np.uint16)
    hole = (abs(y - x * 0.6 - 4) < 1.5) & (x > 3) & (x < 76)
    error = np.abs(ie.inpaint(image, hole, "biharmonic").astype(int) - image).max() / 65535
    assert error < 0.001
    assert error < 0.1 * np.abs(ie.inpaint(image, hole, "telea").astype(int) - image).max() / 65535


@pytest.mark.parametrize("method", ["telea", "navier-stokes", "biharmonic", "harmonic"])
def test_mirrored_pictures_give_mirrored_fills(method):
    image, hole = photo(np.float32, 3, (48, 60)), disc_mask((48, 60), 0.25)
    hole[3:6, 5:40] = True
    straight = ie.inpaint(image, hole, method)
    turned = ie.inpaint(image[:, ::-1], hole[:, ::-1], method)[:, ::-1]
    # Coarse grids of the iterative solvers begin at the other end; both are within the residual they stop at.
    np.testing.assert_allclose(straight, turned, atol=0.02 if method == "navier-stokes" else 3e-3)


@pytest.mark.parametrize("method", DIFFUSION)
def test_grey_and_colour_channels_are_filled_alike(method):
    grey, hole = photo(np.float32, 1, (48, 60)), disc_mask((48, 60), 0.25)
    alone = ie.inpaint(grey, hole, method)
    three = ie.inpaint(np.repeat(grey[..., None], 3, axis=2), hole, method)
    np.testing.assert_allclose(three, np.repeat(alone[..., None], 3, axis=2), atol=1e-3)
