"""Slips that would cost a picture or the machine are told before any work."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import photo

import imgedit as ie
from imgedit import errors


@pytest.mark.parametrize(
    "call",
    [
        lambda image: ie.resize(image, scale=1e4),
        lambda image: ie.resize(image, (100_000, 100_000)),
        lambda image: ie.warp(image, ie.Transform.translation(1, 1), size=(100_000, 100_000)),
    ],
)
def test_a_result_that_no_memory_holds_is_refused(call):
    with pytest.raises(errors.ArgumentError, match="megapixels"):
        call(photo())


def test_levels_of_0_to_255_are_refused_on_integer_images():
    with pytest.raises(errors.ArgumentError, match="divide by 255"):
        ie.levels(photo(), black=13, white=230)
    assert ie.levels(photo(np.float32), black=2, white=3).max() < 0  # floats may hold more than white


@pytest.mark.parametrize(("argument", "value"), [("workers", 0), ("timeout", -1)])
def test_a_run_without_workers_or_time_is_refused(tmp_path, argument, value):
    recipe = ie.Recipe([ie.Step("to_uint8")])
    with pytest.raises(errors.ArgumentError, match=argument):
        ie.batch.run(recipe, tmp_path, tmp_path / "out", **{argument: value})
