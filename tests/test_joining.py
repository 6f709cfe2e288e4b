"""Nets that stay loaded, and calls of several threads that go through one of them at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from graphs import constant, elementwise, graph_of, manifest_of
from onnx import TensorProto, helper

from imgedit import errors, models
from imgedit.models.joining import Joiner

# Seconds for which a busy machine may keep a thread waiting.
PATIENCE = 60.0


def pictures(count, *, size=4, seed=0):
    return list(np.random.default_rng(seed).random((count, 1, 3, size, size), np.float32))


class Net:
    """Doubles what it is given, and holds the first call until others wait behind it."""

    def __init__(self, joiner, company, *, largest=100):
        self.joiner, self.company, self.largest = joiner, company, largest
        self.seen = []

    def __call__(self, feeds, *, seconds, tick):
        self.seen.append(len(feeds["x"]))
        if len(self.seen) == 1:
            end = time.monotonic() + PATIENCE
            while len(self.joiner._waiting) < self.company + 1 and time.monotonic() < end:
                time.sleep(0.001)
        if tick is not None:
            tick()
        if len(feeds["x"]) > self.largest:
            raise errors.ModelMemoryError("net.onnx", "no memory")
        if np.isnan(feeds["x"]).any():
            raise errors.ModelError("net.onnx", "not a number")
        return [2 * feeds["x"]]


def called(joiner, net, arrays, ticks=None):
    """Call it from a thread for each array: the first one first, the others while that runs."""
    ticks = ticks or {}
    with ThreadPoolExecutor(len(arrays)) as pool:
        futures = []
        for number, x in enumerate(arrays):
            futures.append(pool.submit(joiner.run, net, {"x": x}, 10, ticks.get(number)))
            end = time.monotonic() + PATIENCE
            while not net.seen and time.monotonic() < end:
                time.sleep(0.001)
        return futures


def test_calls_that_wait_go_through_together_and_each_gets_its_own():
    joiner = Joiner(most=2**20)
    net, arrays = Net(joiner, 4), pictures(5)
    for future, x in zip(called(joiner, net, arrays), arrays, strict=True):
        np.testing.assert_array_equal(future.result()[0], 2 * x)
    assert net.seen == [1, 4, 1]  # the last one compares the first batch with what one of it is alone
    assert joiner.largest == 4


def test_pictures_of_other_sizes_do_not_go_together_nor_more_than_the_memory_takes():
    joiner = Joiner(most=2 * pictures(1)[0].nbytes)
    net, arrays = Net(joiner, 4), [*pictures(3), *pictures(2, size=5)]
    for future, x in zip(called(joiner, net, arrays), arrays, strict=True):
        np.testing.assert_array_equal(future.result()[0], 2 * x)
    assert max(net.seen) == 2
    assert joiner.takes({"x": arrays[0]})
    assert not joiner.takes({"x": pictures(1, size=6)[0]})


@pytest.mark.parametrize("largest", [100, 2])
def test_a_picture_that_fails_and_memory_that_is_short_cost_no_neighbour(largest):
    joiner = Joiner(most=2**20)
    net, arrays = Net(joiner, 3, largest=largest), pictures(4)
    arrays[2][...] = np.nan
    futures = called(joiner, net, arrays)
    with pytest.raises(errors.ModelError, match="not a number"):
        futures[2].result()
    for number in (0, 1, 3):
        np.testing.assert_array_equal(futures[number].result()[0], 2 * arrays[number])
    assert joiner.works


def test_who_gives_up_while_a_batch_runs_or_waits_stops_alone():
    joiner = Joiner(most=2**20)
    net, arrays = Net(joiner, 3), pictures(4)

    def give_up():
        if len(net.seen) > 1:
            raise errors.Cancelled

    futures = called(joiner, net, arrays, {1: give_up})
    with pytest.raises(errors.Cancelled):
        futures[1].result()
    for number in (0, 2, 3):
        np.testing.assert_array_equal(futures[number].result()[0], 2 * arrays[number])
    assert not joiner._waiting


@pytest.mark.parametrize("lie", ["drops", "mixes"])
def test_a_net_whose_batch_axis_lies_gets_one_after_the_other(lie):
    joiner = Joiner(most=2**20)
    net, arrays = Net(joiner, 3), pictures(4)

    class Lying:
        seen = net.seen

        def __call__(self, feeds, *, seconds, tick):
            return [spoiled(net(feeds, seconds=seconds, tick=tick)[0])]

    def spoiled(x):
        return x[:1] if lie == "drops" else x - x.mean(0, keepdims=True) + x.max()

    for future, x in zip(called(joiner, Lying(), arrays), arrays, strict=True):
        np.testing.assert_array_equal(future.result()[0], spoiled(2 * x))
    assert not joiner.works
    assert not joiner.takes({"x": arrays[0]})


@pytest.fixture
def tripling(tmp_path):
    path = elementwise(tmp_path / "tripling.onnx", 3.0)
    manifest_of(path, scale=1)
    return path


def test_threads_share_a_session_and_its_results_are_those_of_one_by_one(tripling):
    arrays = pictures(40, size=9)
    alone = [models.load(tripling, device="cpu").run(x)[0] for x in arrays]
    with models.kept(joined=True):
        net = models.load(tripling, device="cpu")
        assert net.joins
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda x: models.load(tripling, device="cpu").run(x)[0], arrays))
        assert models.load(tripling, device="cpu") is net
    np.testing.assert_array_equal(found, alone)


def test_a_net_without_an_axis_for_pictures_is_not_joined(tmp_path):
    path = elementwise(tmp_path / "one.onnx", 3.0, shape=(1, 3, None, None))
    manifest_of(path, scale=1)
    assert models.load(path, device="cpu")._joiner is None
    node = helper.make_node("ReduceMean", ["input"], ["output"], keepdims=0)
    ports = [("input", TensorProto.FLOAT, (None, 3, None, None))], [("output", TensorProto.FLOAT, ())]
    scalar = graph_of(tmp_path / "scalar.onnx", [node], *ports, [constant("unused", 1)])
    manifest_of(scalar, scale=1)
    assert models.load(scalar, device="cpu")._joiner is None


def test_nets_are_kept_inside_only_and_as_long_as_their_files_are_the_same(tripling):
    assert models.load(tripling, device="cpu") is not models.load(tripling, device="cpu")
    with models.kept():
        first = models.load(tripling, device="cpu")
        assert not first.joins
        with models.kept():
            assert models.load(tripling, device="cpu") is first
        assert models.load(tripling, device="cpu") is first
        assert models.load(tripling, device="cpu", threads=7) is not first
        elementwise(tripling, 5.0)
        manifest_of(tripling, scale=1)
        x = pictures(1)[0]
        np.testing.assert_allclose(models.load(tripling, device="cpu").run(x)[0], 5 * x, rtol=1e-6)
    assert models.load(tripling, device="cpu") is not models.load(tripling, device="cpu")


def test_a_net_that_left_float16_is_loaded_anew_so_that_no_photo_depends_on_another(tripling):
    with models.kept():
        first = models.load(tripling, device="cpu")
        first.half = True  # as if it had been, and had overflowed
        second = models.load(tripling, device="cpu")
        assert second is not first
        assert not second.half


def test_few_nets_are_kept(tmp_path):
    from imgedit.models import keeping

    with models.kept():
        for number in range(keeping.MOST + 2):
            path = elementwise(tmp_path / f"{number}.onnx", float(number + 1))
            manifest_of(path, scale=1)
            models.load(path, device="cpu")
        assert len(keeping.SHELF.nets) == keeping.MOST
    assert not keeping.SHELF.nets


def test_who_waits_for_another_thread_that_loads_can_stop(tripling):
    from imgedit.models import keeping

    def stop():
        raise errors.Cancelled

    with models.kept(), keeping.SHELF.change, pytest.raises(errors.Cancelled):
        models.load(tripling, device="cpu", tick=stop)
