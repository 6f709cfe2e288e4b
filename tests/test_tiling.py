"""Tiles join without a trace: any function whose reach is told gives the same as on the whole image."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from pictures import photo

from imgedit import errors
from imgedit.tiling import apply, spans


@pytest.mark.parametrize("length", [1, 7, 60, 61, 100, 1000, 1003])
@pytest.mark.parametrize(("tile", "overlap"), [(60, 44), (48, 8), (200, 0)])
def test_spans_cover_the_axis_evenly_with_enough_overlap(length, tile, overlap):
    parts = spans(length, tile, overlap)
    assert parts[0][0] == 0
    assert parts[-1][1] == length
    assert {end - start for start, end in parts} == {parts[0][1] - parts[0][0]}
    assert all(end - start <= tile for start, end in parts)
    assert all(first[1] - second[0] >= overlap for first, second in itertools.pairwise(parts))


def blur(batch):
    """Reach 4."""
    parts = [cv2.GaussianBlur(part, (9, 9), 2, borderType=cv2.BORDER_REFLECT_101) for part in batch]
    return np.stack(parts).reshape(batch.shape)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("tile", "batch", "ahead"), [(16, 1, 1), (40, 3, 1), ((64, 40), 2, 3), (64, 100, 2)])
def test_tiles_equal_the_whole(tile, batch, ahead, channels):
    image = photo(np.float32, channels, (150, 131))

    whole = blur(image.reshape(1, 150, 131, channels))[0]
    tiled = apply(blur, image, tile=tile, reach=4, batch=batch, ahead=ahead)
    # float32 sums in another order at the fades.
    np.testing.assert_allclose(tiled, whole, atol=1e-6)


def test_a_scale_and_other_channels():
    image = photo(np.uint8, 3, (90, 70))

    def double(batch):
        return batch[..., :1].repeat(2, 1).repeat(2, 2)

    out = apply(double, image, tile=32, reach=0, scale=2, channels=1)
    np.testing.assert_array_equal(out[..., 0], image[..., 0].repeat(2, 0).repeat(2, 1))
    assert out.dtype == np.uint8


def test_progress_ends_at_one_and_can_stop_the_work():
    seen = []
    apply(lambda part: part, photo(size=(90, 70)), tile=40, reach=2, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) > 4

    def stop(done):
        raise errors.Cancelled

    with pytest.raises(errors.Cancelled):
        apply(lambda part: part, photo(), tile=40, reach=2, progress=stop)
