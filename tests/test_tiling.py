"""Tiles join without a trace: any function whose reach is told gives the same as on the whole image."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from pictures import photo

from imgedit import errors
from imgedit.tiling import apply, cheapest, spans


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


@pytest.mark.parametrize("size", [(64, 64), (61, 130), (7, 200)])
def test_a_function_in_steps_sees_the_same_pixels_in_every_tile(size):
    image = photo(np.float32, 3, size)

    def blocks(batch):
        """Mean of each block of 8x8 pixels: the shift matters."""
        n, h, w, c = batch.shape
        assert h % 8 == w % 8 == 0
        means = batch.reshape(n, h // 8, 8, w // 8, 8, c).mean((2, 4))
        return means.repeat(8, 1).repeat(8, 2)

    whole = apply(blocks, image, tile=1000, reach=8, multiple=8)
    np.testing.assert_allclose(apply(blocks, image, tile=48, reach=8, multiple=8, batch=2), whole, atol=1e-6)


@pytest.mark.parametrize("size", [(5, 6), (44, 44), (45, 50), (150, 131)])
@pytest.mark.parametrize("reach", [0, 4, 18])
def test_tiles_of_a_fixed_size(size, reach):
    image = photo(np.float32, 3, size)

    def double(batch):
        assert batch.shape[1:3] == (44, 40)
        return batch.repeat(2, 1).repeat(2, 2)

    out = apply(double, image, tile=9999, reach=reach, scale=2, fixed=(44, 40), batch=3)
    np.testing.assert_allclose(out, image.repeat(2, 0).repeat(2, 1), atol=1e-6)


def test_short_memory_halves_batch_and_tile_and_nothing_else_does():
    image, seen, reported = photo(np.float32, 3, (150, 131)), [], []

    def small_only(batch):
        seen.append(batch.shape)
        if batch.shape[0] * batch.shape[1] * batch.shape[2] > 60 * 60:
            raise MemoryError
        return blur(batch)

    out = apply(small_only, image, tile=150, reach=4, batch=4, progress=reported.append)
    np.testing.assert_allclose(out, apply(blur, image, tile=500, reach=4), atol=1e-6)
    assert seen[0][1:3] == (150, 131)
    assert max(seen[-1][1:3]) <= 75
    assert reported == sorted(reported)

    def never(batch):
        raise MemoryError

    with pytest.raises(MemoryError):
        apply(never, image, tile=150, reach=4, batch=4)

    calls = []

    def broken(batch):
        calls.append(batch)
        raise ValueError("allocate")

    with pytest.raises(ValueError, match="allocate"):
        apply(broken, image, tile=150, reach=4, batch=4)
    assert len(calls) == 1


@pytest.mark.parametrize(("height", "width"), [(720, 1280), (100, 5000), (3, 3), (400, 400), (5000, 700)])
@pytest.mark.parametrize("reach", [0, 18, 60])
def test_the_cheapest_tile_keeps_to_its_area_and_beats_a_square_one(height, width, reach):
    overlap, area = 2 * reach + 8, 300 * 300

    def computed(tall, wide):
        return len(spans(height, tall, overlap)) * tall * len(spans(width, wide, overlap)) * wide

    tall, wide = cheapest(height, width, reach=reach, area=area)
    assert tall * wide <= area
    assert computed(tall, wide) <= computed(min(300, height), min(300, width))


def test_calls_side_by_side_can_be_stopped():
    def stop(done):
        raise errors.Cancelled

    with pytest.raises(errors.Cancelled):
        apply(blur, photo(np.float32, 3, (200, 200)), tile=40, reach=4, ahead=3, progress=stop)


@pytest.mark.parametrize("size", [(321, 481), (322, 483), (320, 480)])
def test_a_tile_as_large_as_the_image_is_one_whatever_the_step(size):
    seen = []

    def less_its_mean(batch):  # as a net with instance normalisation: two halves would not fit together
        seen.append(batch.shape)
        return batch - batch.mean()

    apply(less_its_mean, np.zeros((*size, 3), np.float32), tile=max(size), reach=64, multiple=4)
    assert seen == [(1, -(-size[0] // 4) * 4, -(-size[1] // 4) * 4, 3)]
