"""Pictures through models of every kind that the manifest can describe."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from graphs import blur_and_double, constant, doubled_pixels, elementwise, gated, graph_of, manifest_of, normalized
from onnx import TensorProto, helper
from pictures import photo

from imgedit import errors
from imgedit.models import load
from imgedit.models.pictures import channels, fixed_size, from_net, frozen, run, run_tiled, to_net


@pytest.fixture
def made(tmp_path):
    def make(build, *arguments, graph=None, **fields):
        path = tmp_path / f"net{len(list(tmp_path.glob('*.onnx')))}.onnx"
        build(path, *arguments, **(graph or {}))
        manifest_of(path, **{"family": "rgb", "overlap": 0, **fields})
        return load(path, device="cpu")

    return make


@pytest.fixture
def batch():
    return np.random.default_rng(0).random((2, 14, 10, 3), np.float32)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
@pytest.mark.parametrize("limits", [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)])
def test_what_goes_in_comes_out(made, batch, layout, order, limits):
    shape = (None, 3, None, None) if layout == "nchw" else (None, None, None, 3)
    net = made(elementwise, 1.0, graph={"shape": shape}, layout=layout, channels=order, range=limits)
    assert channels(net) == 3
    # Scaled to the range and back.
    np.testing.assert_allclose(run(net, batch), batch, atol=1e-6)


def test_a_net_sees_its_own_range_order_and_deviation(made, batch):
    manifest = made(elementwise, 1.0, range=(0, 255), channels="bgr", mean=(1, 2, 3), std=(2, 4, 8)).manifest
    x = to_net(batch, manifest)
    np.testing.assert_allclose(x[0, 0], (batch[0, :, :, 2] * 255 - 1) / 2, rtol=1e-5)
    np.testing.assert_allclose(x[1, 2], (batch[1, :, :, 0] * 255 - 3) / 8, rtol=1e-5)


def test_another_range_of_the_output(made, batch):
    manifest = made(elementwise, 1.0, output_range=(-1, 1)).manifest
    np.testing.assert_allclose(from_net(np.full((1, 3, 2, 2), -1, np.float32), manifest), 0)


def test_whole_numbers_are_rounded(made, batch):
    net = made(elementwise, 1, graph={"kind": TensorProto.UINT8}, range=(0, 255))
    np.testing.assert_allclose(run(net, batch), np.rint(batch * 255) / 255, atol=1e-6)
    assert to_net(np.full((1, 1, 1, 1), 2, np.float32), net.manifest, "uint8").max() == 255


def test_sizes_are_padded_to_the_multiple_and_cut_back(made, batch):
    net = made(doubled_pixels, graph={"shape": (None, 3, None, None)}, multiple_of=8, scale=2)
    np.testing.assert_allclose(run(net, batch), batch.repeat(2, 1).repeat(2, 2), atol=1e-6)


def test_a_fixed_size_is_padded_to_and_tiled(made):
    net = made(doubled_pixels, graph={"shape": (1, 3, 24, 32)}, scale=2)
    assert fixed_size(net) == (24, 32)
    assert not net.batches
    for size in ((5, 6), (24, 32), (25, 33), (100, 70)):
        image = photo(np.float32, 3, size)
        np.testing.assert_allclose(run_tiled(net, image), image.repeat(2, 0).repeat(2, 1), atol=1e-6)
    with pytest.raises(errors.ModelError, match="takes 24x32 pixels, not 25x33"):
        run(net, np.zeros((1, 25, 33, 3), np.float32))


def test_a_size_that_is_not_meant_is_freed(made):
    net = made(doubled_pixels, graph={"shape": (1, 3, 24, 32)}, scale=2, free_size=True)
    assert fixed_size(net) is None
    assert run(net, np.zeros((1, 40, 9, 3), np.float32)).shape == (1, 80, 18, 3)


def test_a_batch_that_is_declared_and_ignored_is_run_one_by_one(made, batch):
    def first_only(path):
        node = helper.make_node("Slice", ["input", "begin", "end", "axis"], ["output"])
        shape = (None, 3, None, None)
        ports = [("input", TensorProto.FLOAT, shape)], [("output", TensorProto.FLOAT, shape)]
        numbers = [constant(name, [value], np.int64) for name, value in (("begin", 0), ("end", 1), ("axis", 0))]
        graph_of(path, [node], *ports, numbers)

    net = made(first_only)
    assert net.batches
    np.testing.assert_array_equal(run(net, batch), batch)
    assert not net.batches


def test_a_mask_goes_beside_the_picture(made, batch):
    def masked(path):
        ports = [("a", TensorProto.FLOAT, (None, 3, None, None)), ("m", TensorProto.FLOAT, (None, 1, None, None))]
        node = helper.make_node("Mul", ["a", "m"], ["output"])
        graph_of(path, [node], ports, [("output", TensorProto.FLOAT, (None, 3, None, None))])

    net = made(masked, inputs=("image", "mask"), multiple_of=4, range=(0, 255))
    mask = np.random.default_rng(1).random((2, 14, 10, 1), np.float32)
    np.testing.assert_allclose(run(net, batch, extra={"mask": mask}), batch * mask, atol=1e-6)
    # By role, straight into the file's own range.
    x, m = to_net(batch, net.manifest), mask.transpose(0, 3, 1, 2)
    np.testing.assert_allclose(net.run_named({"image": x, "mask": m})["output"], x * m)
    with pytest.raises(errors.ModelError, match="takes the inputs image, mask, not image"):
        net.run_named({"image": x})


def test_a_wrong_scale_in_a_manifest_is_told(made, batch):
    with pytest.raises(errors.ModelError, match="scale 3"):
        run(made(blur_and_double, scale=3), batch)


@pytest.mark.parametrize("net", [normalized, gated])
def test_a_frozen_net_sees_the_whole_picture_in_each_tile(made, net):
    net = made(net, tiling="avoid", overlap=3)
    image = photo(np.float32, 3, (120, 100))
    still = frozen(net, image)
    whole = run(net, image[None])[0]
    # Small enough to be its own thumbnail: the statistics are those of the whole.
    np.testing.assert_allclose(run(still, image[None])[0], whole, atol=1e-5)
    tiled = run_tiled(still, image, function=lambda part: run(still, part), tile=48)
    np.testing.assert_allclose(tiled[4:-4, 4:-4], whole[4:-4, 4:-4], atol=1e-4)
    patchwork = run_tiled(net, image, function=lambda part: run(net, part), tile=48)
    assert np.abs(patchwork - whole).max() > 0.05


def test_tiles_are_avoided_by_statistics_of_a_thumbnail(made, monkeypatch):
    from imgedit.models import pictures

    net = made(normalized, tiling="avoid", overlap=3)
    image = cv2.GaussianBlur(photo(np.float32, 3, (160, 140)), (0, 0), 2)
    whole = run_tiled(net, image)
    monkeypatch.setattr(pictures, "CPU_AREA", 64 * 64)
    monkeypatch.setattr(pictures, "THUMBNAIL", 120 * 105)
    tiled = run_tiled(net, image)
    # The statistics are those of a smaller picture: nearly the same, and the same for all tiles.
    assert np.abs(tiled - whole).mean() < 0.03


def test_a_net_that_must_not_be_tiled_gets_the_whole(made, monkeypatch):
    from imgedit.models import pictures

    monkeypatch.setattr(pictures, "CPU_AREA", 64 * 64)
    net = made(normalized, tiling="never")
    image = photo(np.float32, 3, (100, 90))
    np.testing.assert_array_equal(run_tiled(net, image), run(net, image[None])[0])
