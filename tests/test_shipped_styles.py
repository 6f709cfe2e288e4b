"""The shipped style nets on a photo: what a number can say about paintings."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

import imgedit as ie
from imgedit.models import find

STYLES = find("style-gallery").classes


@pytest.fixture(scope="module")
def paintings():
    photo = skimage.data.chelsea()[:160, 60:280]
    return photo, {style: ie.stylize(photo, style) for style in STYLES}


def test_each_style_is_a_picture_of_its_own(paintings):
    photo, arts = paintings
    assert len(STYLES) >= 12
    for name, art in arts.items():
        assert art.shape == photo.shape
        assert art.std() > 15, name
        others = [np.abs(art.astype(float) - other).mean() for other_name, other in arts.items() if other_name != name]
        assert min(others) > 5, name


def test_what_the_photo_shows_is_still_there(paintings):
    photo, arts = paintings
    edges = [np.hypot(*np.gradient(ie.blur(p, radius=2).mean(axis=2))).ravel() for p in (photo, *arts.values())]
    for name, found in zip(arts, edges[1:], strict=True):
        assert np.corrcoef(edges[0], found)[0, 1] > 0.3, name


def test_a_mix_lies_between(paintings):
    photo, arts = paintings
    mixed = ie.stylize(photo, {"great-wave": 0.5, "scream": 0.5}).astype(float)
    apart = np.abs(arts["great-wave"].astype(float) - arts["scream"]).mean()
    for end in ("great-wave", "scream"):
        assert np.abs(mixed - arts[end]).mean() < apart


def test_no_grid_and_steady_under_a_shift(paintings):
    photo, arts = paintings
    for style in ("great-wave", "starry-night"):
        moved = ie.stylize(photo[:, 3:], style).astype(float)
        inner = np.abs(arts[style][:, 3:].astype(float) - moved)[16:-16, 16:-16]
        assert inner.mean() < 14, style
        grey = arts[style][..., :].mean(axis=2)
        spectrum = np.abs(np.fft.fft2(grey - grey.mean()))
        peaks = spectrum[0, grey.shape[1] // 4], spectrum[grey.shape[0] // 4, 0]
        assert max(peaks) < 20 * np.median(spectrum), style


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (70, 2)])
def test_pictures_of_a_few_pixels_are_painted_too(size):
    assert ie.stylize(np.full((*size, 3), 128, np.uint8), "great-wave").shape == (*size, 3)
