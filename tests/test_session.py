"""Sessions: a device is what it says, threads share a model, memory goes back, anything long can be stopped."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from graphs import blur_and_double, elementwise, endless, manifest_of, normalized
from onnx import TensorProto, helper, save

import imgedit as ie
from imgedit import errors
from imgedit.models import devices, load, pictures
from imgedit.models.devices import DEVICES, missing


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "double.onnx"
    blur_and_double(path)
    manifest_of(path, scale=2, overlap=1)
    return path


@pytest.fixture(autouse=True)
def _no_memory_of_earlier_tests():
    yield
    devices._warn_once.cache_clear()


X = np.random.default_rng(0).random((1, 3, 20, 30), np.float32)


@pytest.mark.parametrize("device", [name for name in DEVICES if name != "cpu"])
def test_a_device_that_is_not_there_is_an_error_or_a_fallback_warned_of_once(model, device):
    if not missing(device):
        assert load(model, device=device).device == device
        return
    with pytest.raises(errors.DeviceError, match="needs") as told:
        load(model, device=device)
    assert "install" in str(told.value)
    with pytest.warns(RuntimeWarning, match="running on the CPU"):
        net = load(model, device=device, fallback=True)
    assert net.device == "cpu"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(model, device=device, fallback=True)


def test_a_provider_that_is_listed_and_does_not_run_is_noticed(model, monkeypatch):
    # As ONNX Runtime does it: it lists CUDA, takes it, and gives a session on the CPU.
    monkeypatch.setattr(devices, "missing", lambda name: ())
    devices.works.cache_clear()
    if not devices.works("cuda"):
        pytest.skip("here it runs")
    with pytest.raises(errors.DeviceError, match="cuda"):
        load(model, device="cuda")
    assert load(model, device="auto").device == "cpu"
    devices.works.cache_clear()


def test_a_device_that_computes_wrong_numbers_does_not_work(monkeypatch):
    small = devices.small_net()
    monkeypatch.setattr(devices, "small_net", lambda: (small[0], small[1], small[2] + 1))
    devices.works.cache_clear()
    assert "wrong numbers" in devices.works("cpu")
    devices.works.cache_clear()
    monkeypatch.undo()
    assert devices.works("cpu") == ""


@pytest.mark.parametrize("device", ["cuda:x", "cuda:", "cpu:1", "cuda:-1"])
def test_a_device_with_a_wrong_number_is_an_error(model, device):
    with pytest.raises(errors.ArgumentError, match="device is"):
        load(model, device=device)


@pytest.mark.parametrize(("device", "meant"), [("cudo", "cuda"), ("gpu", "auto"), ("GPU:1", "auto"), ("mps", "coreml")])
def test_a_device_that_nobody_knows_is_an_error(model, device, meant):
    with pytest.raises(errors.UnknownNameError, match=f"did you mean '{meant}'.*valid names: auto, cpu, cuda"):
        load(model, device=device)


def test_every_node_is_placed_where_it_was_asked_for(model):
    placed = devices.placement(load(model, device="cpu")._session)
    assert set(placed) == {"CPUExecutionProvider"}
    assert placed["CPUExecutionProvider"] > 0


def test_an_endless_model_stops_at_its_deadline(tmp_path):
    path = tmp_path / "endless.onnx"
    endless(path)
    manifest_of(path)
    with pytest.raises(errors.ModelTimeoutError, match=r"more than 0\.5 s"):
        load(path).run(np.zeros((1, 3, 2, 2), np.float32), seconds=0.5)


def test_a_wish_to_stop_is_heard_while_a_model_runs(tmp_path):
    path = tmp_path / "endless.onnx"
    endless(path)
    manifest_of(path)
    ticks = []

    def stop():
        ticks.append(threading.current_thread())
        if len(ticks) == 3:
            raise errors.Cancelled

    with pytest.raises(errors.Cancelled):
        load(path).run(np.zeros((1, 3, 2, 2), np.float32), tick=stop)
    assert set(ticks) == {threading.current_thread()}


@pytest.fixture
def stuck(model, monkeypatch):
    """A file that ONNX Runtime never ends to load, as one whose constants take for ever to compute."""
    path = model.with_name("stuck.onnx")
    elementwise(path, 2.0)
    manifest_of(path)
    released, real = threading.Event(), onnxruntime.InferenceSession

    def create(file, *args, **kwargs):
        if file == path:
            released.wait()
            raise RuntimeError("canceled due to user request")
        return real(file, *args, **kwargs)

    monkeypatch.setattr(onnxruntime, "InferenceSession", create)
    monkeypatch.setattr(devices, "OTHERS", 0.1)
    yield path
    released.set()


def test_a_file_that_is_never_loaded_is_given_up_at_the_deadline_and_others_load(stuck, model):
    with pytest.raises(errors.ModelTimeoutError, match=r"not loaded within 0\.2 s"):
        load(stuck, device="cpu", seconds=0.2)
    assert load(model, device="cpu").run(X)[0].shape == (1, 3, 40, 60)


def test_a_wish_to_stop_is_heard_while_a_model_loads(stuck):
    ticks = []

    def stop(done=0.0):
        ticks.append(threading.current_thread())
        raise errors.Cancelled

    with pytest.raises(errors.Cancelled):
        load(stuck, device="cpu", tick=stop)
    assert ticks == [threading.current_thread()]
    with pytest.raises(errors.Cancelled):
        ie.upscale(np.zeros((8, 8, 3), np.uint8), 2, model=str(stuck), progress=stop)


@pytest.mark.parametrize(
    "wrong", [np.zeros((1, 4, 5, 5), np.float32), np.zeros((3, 5, 5), np.float32), np.zeros((1, 3, 5, 5), np.uint8)]
)
def test_an_input_that_does_not_fit_names_both_shapes(model, wrong):
    shape = "x".join(map(str, wrong.shape))
    with pytest.raises(errors.ModelError, match=rf"input takes \?x3x\?x\? float, not {shape} {wrong.dtype}"):
        load(model).run(wrong)
    with pytest.raises(errors.ModelError, match="takes 1 inputs"):
        load(model).run(wrong, wrong)


def test_floats_of_another_size_are_converted(model):
    np.testing.assert_array_equal(load(model).run(X.astype(np.float64))[0], load(model).run(X)[0])


def test_one_model_serves_many_threads(model):
    net = load(model, device="cpu")
    inputs = [np.random.default_rng(n).random((1, 3, 16 + n, 20), np.float32) for n in range(8)]
    expected = [net.run(x)[0] for x in inputs]
    found = [None] * 8

    def work(n):
        for _ in range(20):
            found[n] = net.run(inputs[n])[0]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for y, z in zip(expected, found, strict=True):
        np.testing.assert_array_equal(z, y)


def test_the_number_of_threads_changes_nothing(model):
    np.testing.assert_array_equal(load(model, threads=1).run(X)[0], load(model, threads=4).run(X)[0])


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is Linux's")
def test_short_memory_is_an_error_of_its_own(model):
    program = f"""
import resource, numpy as np
from imgedit import errors, models
net = models.load({str(model)!r}, device="cpu")
net.run(np.zeros((1, 3, 8, 8), np.float32))
x = np.zeros((1, 3, 3000, 3000), np.float32)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**27,) * 2)
try:
    net.run(x)
except MemoryError as problem:
    print(type(problem).__name__, problem)
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "ModelMemoryError" in out.stdout
    assert "smaller tiles" in out.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_memory_of_an_outlier_goes_back(model):
    net = load(model, device="cpu")

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    net.run(X)
    before = resident()
    net.run(np.zeros((1, 3, 3000, 3000), np.float32))
    net.run(X)
    # The large run took 432 MB for its result and 108 MB between.
    assert resident() - before < 100e6


def test_what_every_tile_is_given_is_brought_to_the_device_once_and_each_tile_once(tmp_path, monkeypatch):
    brought = []
    place = devices.placed
    monkeypatch.setattr(devices, "placed", lambda array, *where: brought.append(array.shape) or place(array, *where))
    path = normalized(tmp_path / "net.onnx", layers=2)
    manifest_of(path, task="style", tiling="avoid", overlap=2)
    net = pictures.frozen(load(path, device="cpu"), np.zeros((40, 50, 3), np.uint8))
    statistics = [shape for shape in brought if len(shape) == 1]
    assert sorted(statistics) == [(3,), (3,), (8,), (8,)]
    del brought[:]
    for _ in range(3):
        net.run(X)
    assert brought == [X.shape] * 3


def test_results_outlive_the_next_run(model):
    net = load(model, device="cpu")
    (first,) = net.run(X)
    kept = first.copy()
    net.run(np.zeros_like(X))
    del net
    np.testing.assert_array_equal(first, kept)


def test_outputs_that_are_no_arrays_are_left_out(tmp_path):
    nodes = [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("SequenceConstruct", ["x", "x"], ["both"])]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, None, None]) for name in ("x", "y"))
    both = helper.make_tensor_sequence_value_info("both", TensorProto.FLOAT, None)
    for name, outputs in {"two": [both, y], "none": [both]}.items():
        graph = helper.make_graph(nodes, "test", [x], outputs)
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / name)
        manifest_of((tmp_path / name).rename(tmp_path / f"{name}.onnx"))
    net = load(tmp_path / "two.onnx", device="cpu")
    assert [port.name for port in net.outputs] == ["y"]
    np.testing.assert_array_equal(net.run(X)[0], X)
    with pytest.raises(errors.ModelError, match="gives no array"):
        load(tmp_path / "none.onnx", device="cpu")


def test_a_model_does_not_pickle(model):
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(load(model))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_model_is_refused_instead_of_hanging(model):
    program = f"""
import os, numpy as np
from imgedit import errors, models
net = models.load({str(model)!r}, device="cpu", threads=4)
net.run(np.zeros((1, 3, 8, 8), np.float32))
if os.fork() == 0:
    try:
        net.run(np.zeros((1, 3, 8, 8), np.float32))
    except errors.ModelError as problem:
        print("refused" if "spawn" in str(problem) else problem, flush=True)
    del net  # joins threads that live in the parent, were it not kept
    os._exit(0)
print("child", os.waitstatus_to_exitcode(os.wait()[1]))
"""
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert out.stdout.split() == ["refused", "child", "0"]


def test_float16_is_taken_where_the_card_and_the_device_say_so_and_left_where_it_overflows(tmp_path, monkeypatch):
    # The CPU computes float16 too, if slowly; a GPU is asked in the same way.
    cpu = DEVICES["cpu"]
    monkeypatch.setattr(devices, "DEVICES", {**DEVICES, "cpu": devices.Device(cpu.provider, half=True)})
    monkeypatch.setattr("imgedit.models.session.DEVICES", devices.DEVICES)
    path = elementwise(tmp_path / "times.onnx", 1000.0)
    manifest_of(path, half=True)
    net = load(path, device="cpu")
    assert net.half
    (y,) = net.run(X)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, X * 1000, rtol=1e-3)
    assert np.abs(y - X * 1000).max() > 0
    with pytest.warns(RuntimeWarning, match="float16 overflows"):
        (y,) = net.run(X * 1000)
    np.testing.assert_allclose(y, X * 1e6, rtol=1e-6)
    assert not net.half


def test_a_card_without_half_is_run_in_float32(tmp_path, monkeypatch):
    monkeypatch.setattr("imgedit.models.session.DEVICES", {"cpu": devices.Device("CPUExecutionProvider", half=True)})
    path = normalized(tmp_path / "net.onnx")
    manifest_of(path)
    assert not load(path, device="cpu").half
