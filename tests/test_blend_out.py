"""blend(out=...): the same pixels as a new result, in memory of the caller's, the backdrop's own too."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import photo

import imgedit as ie
from imgedit import strips
from imgedit.compositing.equation import BLEND_MODES
from imgedit.compositing.operators import OPERATORS
from imgedit.compositing.spaces import SPACES

SIZE = (60, 40)


@pytest.fixture(autouse=True)
def many_strips(monkeypatch):
    # So that what one strip writes is seen if another still has to read it.
    monkeypatch.setattr(strips, "STRIP_BYTES", 4096)


def pair(dtype, channels=4):
    return photo(dtype, channels, SIZE), photo(dtype, channels, SIZE, seed=1)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("offset", [None, (3, -20)])
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_in_place_is_as_anew(operator, space, offset, dtype):
    b, s = pair(dtype)
    options = {"operator": operator, "space": space, "offset": offset, "opacity": 0.8}
    fresh = ie.blend(b, s, "multiply", **options)
    work = b.copy()
    assert ie.blend(work, s, "multiply", out=work, **options) is work
    np.testing.assert_array_equal(work, fresh)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("mode", BLEND_MODES)
def test_every_mode_works_in_place_of_backdrop_and_source(mode, dtype):
    b, s = pair(dtype)
    fresh = ie.blend(b, s, mode)
    for index in (0, 1):
        work = [b.copy(), s.copy()]
        ie.blend(*work, mode, out=work[index])
        np.testing.assert_array_equal(work[index], fresh)
        np.testing.assert_array_equal(work[1 - index], (s, b)[index])


@pytest.mark.parametrize(
    "options",
    [{"clip": True}, {"knockout": True, "opacity": 0.5}, {"dither": True, "opacity": 0.3}, {"mask": np.eye(*SIZE) > 0}],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_options_and_channels(channels, options):
    b, s = pair(np.uint8, channels)
    fresh = ie.blend(b, s, **options)
    before = b.copy(), s.copy()
    out = np.full_like(fresh, 99)
    assert ie.blend(b, s, out=out, **options) is out
    np.testing.assert_array_equal(out, fresh)
    np.testing.assert_array_equal(b, before[0])
    np.testing.assert_array_equal(s, before[1])


def test_what_does_not_fit_is_refused():
    b, s = pair(np.uint8)
    tall = np.zeros((SIZE[0] + 9, SIZE[1], 4), np.uint8)
    frozen = np.empty_like(b)
    frozen.flags.writeable = False
    mask = photo(np.uint8, 1, SIZE)
    cases = [
        (b, s, {}, [[0]], "list"),
        (b, s, {}, np.empty((5, 5, 4), np.uint8), "5x5x4"),
        (b, s, {}, np.empty(b.shape, np.float32), "float32"),
        (b[..., :3].copy(), s, {"operator": "xor"}, b[..., :3].copy(), r"give np\.empty\(\(60, 40, 4\), np\.uint8\)"),
        (b, s, {}, np.empty((*SIZE, 8), np.uint8)[..., ::2], "gaps"),
        (b, s, {}, frozen, "written"),
        (tall[:-9], s, {}, tall[9:], "shares memory with backdrop"),
        (b, s, {"offset": (1, 1)}, s, "shares memory with source"),
        (photo(np.uint8, 1, SIZE, seed=2), photo(np.uint8, 1, SIZE), {"mask": mask}, mask, "shares memory with mask"),
    ]
    for below, above, options, out, words in cases:
        with pytest.raises(ie.errors.ArgumentError, match=words):
            ie.blend(below, above, out=out, **options)


def test_commands_and_recipes_do_not_know_it():
    with pytest.raises(ie.errors.ImgeditError, match="out"):
        ie.Recipe([ie.Step("blend", source="x.png", out="y.png")])
