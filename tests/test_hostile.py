"""Files that mean harm, or are not what they say: a clear error, or a stop; nothing outside their folder is read."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import numpy as np
import pytest
from graphs import blur_and_double, constant, endless, manifest_of
from onnx import TensorProto, external_data_helper, helper, load_model, save

from imgedit import errors
from imgedit.models import load, probe
from imgedit.models.manifest import file_hash
from imgedit.models.screening import screen
from imgedit.models.wire import WireError, fields


def write(path, nodes, initializers=(), *, functions=(), shape=(1, 3, None, None), opset=18, check=None):
    """Save a graph as it is, sound or not."""
    x = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("output", TensorProto.FLOAT, None)
    graph = helper.make_graph(list(nodes), "hostile", [x], [y], list(initializers))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=9, functions=list(functions)), path)
    return path


def claim(name, dims, raw=b"", kind=TensorProto.FLOAT):
    """Make a tensor that declares what it likes."""
    tensor = TensorProto(name=name, data_type=kind)
    tensor.dims.extend(dims)
    tensor.raw_data = raw
    return tensor


def node(operation, inputs=("input",), outputs=("output",), **attributes):
    return helper.make_node(operation, list(inputs), list(outputs), **attributes)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hostile.onnx"


def refuse(path, word, **fields):
    """Both ways in refuse a file: loading it by a manifest, and trying it out."""
    manifest_of(path, **fields)
    with pytest.raises(errors.ModelError, match=word):
        load(path, device="cpu").run(np.zeros((1, 3, 8, 8), np.float32))
    path.with_suffix(".toml").unlink()
    with pytest.raises(errors.ModelError, match=word):
        probe(path, seconds=60)


# --- graphs ---------------------------------------------------------------------------------------


def test_a_cyclic_graph(path):
    write(path, [node("Add", ["input", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"])])
    refuse(path, "can't be loaded")


def test_an_unknown_operation(path):
    write(path, [node("Abracadabra")])
    refuse(path, "can't be loaded.*Abracadabra")


def test_an_operation_of_nobody(path):
    write(path, [node("Launch", domain="com.evil")])
    refuse(path, "can't be loaded")


def test_a_set_of_operations_from_the_future(path):
    write(path, [node("Relu")], opset=9999)
    refuse(path, "can't be loaded")


def test_a_missing_input(path):
    write(path, [node("Add", ["input", "nobody"])])
    refuse(path, "can't be loaded")


def test_functions_that_call_themselves(path):
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "F", ["x"], ["y"], [node("F", ["x"], ["y"], domain="own")], opsets)
    write(path, [node("F", domain="own")], functions=[function])
    refuse(path, "call themselves")


def test_functions_that_double_at_each_step(path):
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    functions = []
    for index in range(40):
        twice = [node(f"F{index + 1}", [a], [b], domain="own") for a, b in (("x", "z"), ("z", "y"))]
        nodes = twice if index < 39 else [node("Relu", ["x"], ["y"])]
        functions.append(helper.make_function("own", f"F{index}", ["x"], ["y"], nodes, opsets))
    write(path, [node("F0", domain="own")], functions=functions)
    refuse(path, "more than 1000000 nodes")


def test_graphs_within_graphs_without_end(path):
    def branch(*nodes):
        return helper.make_graph(list(nodes), "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])

    shallow = branch(node("Relu", ["input"], ["y"]))
    inner = node("Relu", ["input"], ["y"])
    for _ in range(20):
        inner = helper.make_node("If", ["yes"], ["y"], then_branch=branch(inner), else_branch=shallow)
    write(path, [inner, node("Relu", ["y"])], [constant("yes", True, bool)])
    refuse(path, "deep")


def test_an_endless_loop_is_stopped_where_it_is_tried(path):
    endless(path)
    with pytest.raises(errors.ModelTimeoutError, match="no answer within 6 s"):
        probe(path, seconds=6)


def test_work_without_end_while_loading_is_stopped_where_it_is_tried(path):
    """Constants are multiplied when a session is made, which ONNX Runtime can't be told to stop."""
    nodes = [node("Expand", ["zero", "shape"], ["m0"])]
    nodes += [node("MatMul", [f"m{index}", f"m{index}"], [f"m{index + 1}"]) for index in range(1000)]
    nodes += [node("ReduceSum", ["m1000"], ["t"], keepdims=0), node("Add", ["input", "t"])]
    write(path, nodes, [constant("shape", [3000, 3000], np.int64), constant("zero", 0.0)])
    with pytest.raises(errors.ModelTimeoutError, match="no answer within 6 s"):
        probe(path, seconds=6)


# --- sizes that are not meant -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dims", "word"),
    [
        ((1 << 32,), "declares a tensor"),  # 17 GB
        ((1 << 20, 1 << 20, 1 << 4), "declares a tensor"),  # terabytes
        ((1 << 62, 4), "declares a tensor"),  # beyond 64 bits
        ((-1,), "declares a tensor"),
        ((3, -2), "declares a tensor"),
        ((64, 64, 64), "holds 33 bytes"),
    ],
)
def test_a_tensor_that_claims_more_than_it_holds(path, dims, word):
    write(path, [node("Add", ["input", "t"])], [claim("t", dims, b"\0" * 4)])
    refuse(path, word.replace("33", r"\d+"))


def test_a_claim_in_an_attribute(path):
    write(path, [helper.make_node("Constant", [], ["t"], value=claim("t", [1 << 40])), node("Add", ["input", "t"])])
    refuse(path, "declares a tensor")


@pytest.mark.parametrize("operation", ["ConstantOfShape", "Expand"])
def test_a_constant_of_terabytes(path, operation):
    inputs = ["shape"] if operation == "ConstantOfShape" else ["one", "shape"]
    made = [constant("shape", [1 << 20, 1 << 20, 4], np.int64), constant("one", [1.0])]
    write(path, [helper.make_node(operation, inputs, ["t"]), node("Add", ["input", "t"])], made)
    refuse(path, f"makes a tensor of 4.4e.12 numbers .{operation}")


def test_a_constant_of_terabytes_in_a_node(path):
    shape = helper.make_node("Constant", [], ["shape"], value=constant("", [1 << 40], np.int64))
    write(path, [shape, node("ConstantOfShape", ["shape"], ["t"]), node("Add", ["input", "t"])])
    refuse(path, "makes a tensor")


def test_an_input_of_terabytes(path):
    write(path, [node("Relu")], shape=(1, 3, 1 << 20, 1 << 20))
    refuse(path, "declares an input")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on address space for a process")
def test_what_grows_only_when_it_runs_meets_the_limit(path):
    nodes = [
        node("Shape", ["input"], ["s"]),
        node("Mul", ["s", "k"], ["big"]),
        node("ConstantOfShape", ["big"], ["output"]),
    ]
    write(path, nodes, [constant("k", [1, 1, 100_000, 100_000], np.int64)])
    with pytest.raises(errors.ModelMemoryError):
        probe(path, seconds=60)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on address space for a process")
def test_an_enlargement_without_measure_meets_the_limit(path):
    factors = constant("factors", [1, 1, 30_000, 30_000])
    write(path, [node("Resize", ["input", "", "factors"], mode="nearest")], [factors])
    with pytest.raises(errors.ModelMemoryError):
        probe(path, seconds=60)


# --- weights in other files ----------------------------------------------------------------------


def with_weights_in(path, location, *, count=16, extra=()):
    """A graph that adds a constant which lies in another file."""
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.dims.append(count)
    for key, value in (("location", location), ("length", str(4 * count)), *extra):
        tensor.external_data.add(key=key, value=value)
    return write(path, [node("Add", ["input", "t"])], [tensor], shape=(1, 3, None, count))


@pytest.mark.parametrize(
    "location",
    ["../outside.bin", "/etc/passwd", "sub/weights.bin", "..", ".", "", "C:\\windows\\win.ini", "*/_ORT_MEM_ADDR_/*"],
)
def test_weights_outside_the_folder(path, location):
    (path.parent.parent / "outside.bin").write_bytes(bytes(64))
    refuse(with_weights_in(path, location), "in its own folder", external={"weights.bin": "0" * 64})


def test_weights_that_are_not_there(path):
    refuse(with_weights_in(path, "weights.bin"), "not beside it", external={"weights.bin": "0" * 64})


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize(("make", "word"), [(os.symlink, "is a link"), (os.link, "hard links")])
def test_weights_that_are_a_link(path, tmp_path, make, word):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(64))
    make(secret, tmp_path / "weights.bin")
    refuse(with_weights_in(path, "weights.bin"), word, external={"weights.bin": file_hash(secret)})


def test_weights_shorter_than_they_are_said_to_be(path, tmp_path):
    (tmp_path / "weights.bin").write_bytes(bytes(60))
    refuse(with_weights_in(path, "weights.bin"), "wants 64 bytes", external={"weights.bin": "0" * 64})
    with_weights_in(path, "weights.bin", extra=[("offset", "words")])
    refuse(path, "names no place", external={"weights.bin": "0" * 64})


def test_weights_that_the_manifest_does_not_list_or_others(path, tmp_path):
    weights = tmp_path / "weights.bin"
    weights.write_bytes(np.full(16, 0.5, "<f4").tobytes())
    with_weights_in(path, "weights.bin")
    manifest_of(path)
    with pytest.raises(errors.ModelError, match="does not list"):
        load(path, device="cpu")
    manifest_of(path, external={"weights.bin": "0" * 64})
    with pytest.raises(errors.ModelError, match="not the file of weights"):
        load(path, device="cpu")
    manifest_of(path, external={"weights.bin": file_hash(weights)})
    (y,) = load(path, device="cpu").run(np.zeros((1, 3, 4, 16), np.float32))
    assert (y == 0.5).all()


def test_weights_of_an_edited_graph_come_from_its_own_folder(path, tmp_path, monkeypatch):
    """A graph whose declared size is freed is loaded from memory, where ONNX Runtime looks in the working directory."""
    weights = tmp_path / "weights.bin"
    weights.write_bytes(np.full(16, 0.5, "<f4").tobytes())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "weights.bin").write_bytes(np.full(16, 9, "<f4").tobytes())
    monkeypatch.chdir(elsewhere)
    manifest_of(with_weights_in(path, "weights.bin"), external={"weights.bin": file_hash(weights)}, free_size=True)
    (y,) = load(path, device="cpu").run(np.zeros((1, 3, 4, 16), np.float32))
    assert (y == 0.5).all()


def test_honest_weights_beside_a_model_are_found_by_the_trial(tmp_path):
    path = tmp_path / "split.onnx"
    blur_and_double(path)
    model = load_model(path)
    external_data_helper.convert_model_to_external_data(model, location="split.data", size_threshold=100)
    save(model, path)
    found = probe(path).manifest
    assert found.external == {"split.data": file_hash(tmp_path / "split.data")}
    assert found.scale == 2


# --- files that are none -------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes with names")
def test_a_pipe_and_a_folder_are_no_files(path):
    os.mkfifo(path)
    with pytest.raises(errors.ModelError, match="not a regular file"):
        screen(path)
    with pytest.raises(errors.ModelError, match="not a regular file"):
        screen(path.parent)


def test_a_file_cut_anywhere_is_refused_or_the_runtime_refuses_it(path):
    """Screening must end with a typed error or nothing, wherever a file is cut or a byte is turned."""
    blur_and_double(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for end in range(1, len(whole), 7):
        path.write_bytes(whole[:end])
        with contextlib.suppress(errors.ModelError):
            screen(path)
    for _ in range(100):
        turned = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            turned[place] = rng.integers(0, 256)
        path.write_bytes(turned)
        with contextlib.suppress(errors.ModelError):
            screen(path)


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\x05ab", b"\x80" * 11, b"\x0b", b"\x0d\0\0", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"]
)
def test_broken_wire_data_is_told(data):
    with pytest.raises(WireError):
        list(fields(memoryview(data)))


def test_too_many_parts_are_not_walked_through(path, monkeypatch):
    monkeypatch.setattr("imgedit.models.screening.MOST_FIELDS", 1000)
    write(path, [node("Relu", [f"v{i}"], [f"v{i + 1}"]) for i in range(1000)])
    with pytest.raises(errors.ModelError, match="more than 1000 parts"):
        screen(path)


def test_the_trial_has_no_secrets(path, monkeypatch, tmp_path):
    """The process of a trial gets no environment but what it needs."""
    seen = []
    real = subprocess.run

    def watch(command, **how):
        seen.append(how["env"])
        return real(command, **how)

    monkeypatch.setenv("SECRET_TOKEN", "hush")
    monkeypatch.setattr(subprocess, "run", watch)
    blur_and_double(path)
    probe(path)
    assert "SECRET_TOKEN" not in seen[0]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_a_trial_that_kills_its_process_is_told(path, monkeypatch):
    monkeypatch.setattr("imgedit.models.probing.STARTER", "import os; os.abort()")
    blur_and_double(path)
    path.write_bytes(path.read_bytes() + b"\x72\x00")  # other bytes than any other test's
    with pytest.raises(errors.ModelError, match=r"ended the process that tried it \(exit code -6\)"):
        probe(path)
