"""A foreign file tried out: task, family, range, layout, size rule and overlap of nets that behave as a formula."""

from __future__ import annotations

import json
from typing import get_args

import numpy as np
import pytest
from graphs import blur_and_double, constant, manifest_of
from onnx import TensorProto, helper, save

from imgedit import errors, io, models
from imgedit.cli import run
from imgedit.cli.models import TaskName
from imgedit.models import probing
from imgedit.models.manifest import TASKS
from imgedit.models.trials import examine

KINDS = {
    "float": TensorProto.FLOAT,
    "uint8": TensorProto.UINT8,
    "int64": TensorProto.INT64,
    "half": TensorProto.FLOAT16,
}


def node(operation, inputs, outputs, **attributes):
    return helper.make_node(operation, inputs.split(), outputs.split(), **attributes)


def write(path, nodes, constants=(), *, inputs, outputs):
    """Save a graph; ports are ``(name, shape)`` or ``(name, shape, kind)``."""

    def port(name, shape, kind="float"):
        return helper.make_tensor_value_info(name, KINDS[kind], shape)

    graph = helper.make_graph(nodes, "net", [port(*p) for p in inputs], [port(*p) for p in outputs], list(constants))
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


ANY = [None, 3, None, None]


def doubled(path, *, channels=3, white=1.0, black=0.0, nhwc=False, factor=2):
    """Round to 64 steps of the range, clip to it, double each pixel: coarse or cut in any other range."""
    side = [1, factor, factor, 1] if nhwc else [1, 1, factor, factor]
    nodes = [
        node("Div", "x step", "d"),
        node("Round", "d", "r"),
        node("Mul", "r step", "m"),
        node("Clip", "m low high", "c"),
        helper.make_node("Resize", ["c", "", "s"], ["y"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
    ]  # fmt: skip
    shape = [None, None, None, channels] if nhwc else [None, channels, None, None]
    made = [
        constant("step", (white - black) / 64),
        constant("low", black),
        constant("high", white),
        constant("s", side),
    ]
    return write(path, nodes, made, inputs=[("x", shape)], outputs=[("y", None)])


def fields(path, **wanted):
    return examine(path, wanted).fields


@pytest.fixture
def path(tmp_path):
    return tmp_path / "foreign.onnx"


def test_a_net_that_doubles(path):
    blur_and_double(path)
    found = examine(path, {})
    assert found.fields == {
        "layout": "nchw", "scale": 2, "range": (0, 1), "task": "superres", "family": "rgb", "overlap": 1
    }  # fmt: skip
    assert found.given.shape == (65, 97, 3)
    assert found.got.shape == (130, 194, 3)
    assert {row[0] for row in found.findings} == set(found.fields)


@pytest.mark.parametrize(("black", "white"), [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)])
@pytest.mark.parametrize("nhwc", [False, True])
def test_range_and_layout(path, black, white, nhwc):
    found = fields(doubled(path, black=black, white=white, nhwc=nhwc))
    assert found["range"] == (black, white)
    assert found["layout"] == ("nhwc" if nhwc else "nchw")
    assert (found["task"], found["family"], found["scale"]) == ("superres", "rgb", 2)


def test_a_grey_net_is_for_luma(path):
    found = fields(doubled(path, channels=1, factor=3))
    assert (found["family"], found["scale"]) == ("luma", 3)


def test_a_declared_size_that_is_meant(path):
    made = [constant("weights", np.full((1, 3, 32, 48), 1.0)), constant("low", 0.0), constant("high", 1.0)]
    nodes = [node("Mul", "x weights", "m"), node("Clip", "m low high", "y")]
    found = fields(write(path, nodes, made, inputs=[("x", [1, 3, 32, 48])], outputs=[("y", None)]))
    assert found["fixed_size"] == [32, 48]
    assert found["task"] == "restore"


@pytest.mark.parametrize("multiple", [2, 8, 32])
def test_a_net_that_takes_only_multiples(path, multiple):
    nodes = [
        node("SpaceToDepth", "x", "d", blocksize=multiple),
        node("DepthToSpace", "d", "y", blocksize=multiple),
    ]
    found = fields(write(path, nodes, inputs=[("x", ANY)], outputs=[("y", None)]))
    assert found["multiple_of"] == multiple
    assert found["task"] == "restore"


def test_a_net_that_gives_less_than_it_took(path):
    """It halves and doubles, and forgets the odd row: a size rule that shows only in the result."""
    nodes = [
        node("AveragePool", "x", "p", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["p", "", "s"], ["y"], mode="nearest"),
    ]
    path = write(path, nodes, [constant("s", [1, 1, 2, 2])], inputs=[("x", ANY)], outputs=[("y", None)])
    assert fields(path)["multiple_of"] == 2


def test_how_far_a_change_is_seen(path):
    kernel = np.zeros((3, 3, 1, 15), np.float32)
    kernel[range(3), range(3)] = 1 / 15
    nodes = [node("Conv", "x k", "y", pads=[0, 7, 0, 7])]
    path = write(path, nodes, [constant("k", kernel)], inputs=[("x", ANY)], outputs=[("y", None)])
    assert fields(path)["overlap"] == 7


def painted(path, gain, middle):
    """A net of instance norm: far from what it is given, and of the whole picture."""
    made = [
        constant("g", [gain] * 3),
        constant("b", [0.0] * 3),
        constant("m", middle),
        constant("k", np.eye(3)[::-1].reshape(3, 3, 1, 1)),
    ]
    nodes = [
        node("Conv", "x k", "c"),
        node("InstanceNormalization", "c g b", "n"),
        node("Neg", "n", "i"),
        node("Tanh", "i", "t"),
        node("Mul", "t m", "s"),
        node("Add", "s o", "y"),
    ]  # fmt: skip
    made.append(constant("o", 0.0 if middle == 1 else middle))
    return write(path, nodes, made, inputs=[("x", ANY)], outputs=[("y", None)])


@pytest.mark.parametrize(("middle", "span"), [(0.5, (0, 1)), (127.5, (0, 255)), (1.0, (-1, 1))])
def test_a_style_is_far_from_its_picture_and_of_the_whole(path, middle, span):
    found = fields(painted(path, 1.0, middle))
    assert (found["task"], found["family"], found["tiling"]) == ("style", "rgb", "avoid")
    assert found["range"] == span


def test_what_the_caller_says_stands(path):
    found = fields(doubled(path), task="superres", range=[0, 255], overlap=3)
    assert (found["range"], found["overlap"]) == ([0, 255], 3)


def test_a_scale_that_the_net_does_not_have_is_told(path):
    with pytest.raises(errors.ModelError, match="makes 130x194 of 65x97: its scale is not 3"):
        fields(doubled(path), scale=3)
    assert fields(doubled(path), scale=2)["scale"] == 2


def test_the_picture_is_that_of_the_range_that_the_caller_names(path):
    right, wrong = examine(doubled(path), {}), examine(path, {"range": [-1, 1]})
    assert wrong.fields["range"] == [-1, 1]
    assert right.got.std() > 0
    assert (wrong.got[wrong.given.repeat(2, 0).repeat(2, 1) < 0.4] == 0.5).all()  # what is below 0 is clipped


def test_whole_bytes_in_and_out(path):
    path = write(path, [node("Identity", "x", "y")], inputs=[("x", ANY, "uint8")], outputs=[("y", None, "uint8")])
    found = fields(path)
    assert (found["task"], found["range"]) == ("restore", (0, 255))
    assert "output_range" not in found


def test_half_floats(path):
    path = write(path, [node("Identity", "x", "y")], inputs=[("x", ANY, "half")], outputs=[("y", None, "half")])
    assert fields(path)["task"] == "restore"


def test_a_matte(path):
    path = write(path, [node("ReduceMean", "x a", "y", keepdims=1)], [constant("a", [1], np.int64)],
                 inputs=[("x", ANY)], outputs=[("y", None)])  # fmt: skip
    found = examine(path, {})
    assert (found.fields["task"], found.fields["family"], found.fields["tiling"]) == ("matte", "saliency", "never")
    assert (found.got.min(), found.got.max()) == (0, 1)


def filled(path, *, size=None, kind="float", hole=1, gain=1.0):
    """A net that fills holes with grey: image and mask in, picture out."""
    known = [node("Cast", "mask", "m", to=TensorProto.FLOAT), node("Cast", "image", "i", to=TensorProto.FLOAT)]
    if kind == "uint8":
        known.append(node("Div", "m full", "k"))
    else:
        known.append(node("Sub", "one m", "k") if hole else node("Identity", "m", "k"))
    nodes = [*known, node("Mul", "i k", "v"), node("Mul", "v gain", "s"),
             node("Cast", "s", "y", to=KINDS["uint8" if kind == "uint8" else "float"])]  # fmt: skip
    made = [constant("one", 1.0), constant("full", 255.0), constant("gain", gain)]
    height, width = size or (None, None)
    ports = [("image", [1, 3, height, width], kind), ("mask", [1, 1, height, width], kind)]
    return write(path, nodes, made, inputs=ports, outputs=[("y", None, "uint8" if kind == "uint8" else "float")])


@pytest.mark.parametrize(
    ("how", "family"),
    [({"size": (64, 64), "gain": 255.0}, "lama"), ({"kind": "uint8"}, "pipeline"), ({}, "rgb-mask")],
)
def test_nets_that_fill_holes(path, how, family):
    found = fields(filled(path, **how))
    assert (found["task"], found["family"], found["inputs"]) == ("inpaint", family, ["image", "mask"])
    assert found.get("output_range") == ((0, 255) if family == "lama" else None)


def test_a_hole_that_is_zero_is_told(path):
    with pytest.raises(errors.ModelError, match="a hole seems to be 0"):
        fields(filled(path, hole=0))


def test_two_pictures_are_content_and_style(path):
    path = write(path, [node("Identity", "a", "y"), node("Identity", "b", "z")],
                 inputs=[("a", ANY), ("b", ANY)], outputs=[("y", None), ("z", None)])  # fmt: skip
    found = fields(path)
    assert (found["task"], found["family"], found["inputs"]) == ("style", "pair", ["image", "style"])


def test_a_picture_and_weights_are_a_gallery(path):
    nodes = [node("ReduceSum", "w", "s", keepdims=0), node("Mul", "x s", "y")]
    path = write(path, nodes, inputs=[("x", ANY), ("w", [1, 4])], outputs=[("y", None)])
    found = fields(path)
    assert (found["family"], found["inputs"]) == ("gallery", ["image", "weights"])
    assert len(found["classes"]) == 4


def generator(path, shape, *, last="Tanh", kind="float", latent=(1, 100), extra=()):
    """Numbers to a picture of a shape."""
    count = int(np.prod(shape))
    weights = np.random.default_rng(0).standard_normal((100, count)).astype(np.float32)
    nodes = [node("Reshape", "z flat", "f"), node("MatMul", "f w", "p"), node(last, "p", "t")]
    made = [constant("flat", [-1, 100], np.int64), constant("w", weights), constant("shape", shape, np.int64)]
    if kind == "uint8":
        nodes += [
            node("Mul", "t full", "b"),
            node("Cast", "b", "c", to=TensorProto.UINT8),
            node("Reshape", "c shape", "y"),
        ]
        made.append(constant("full", 255.0))
    else:
        nodes.append(node("Reshape", "t shape", "y"))
    return write(path, nodes, made, inputs=[("z", list(latent)), *extra], outputs=[("y", None, kind)])


@pytest.mark.parametrize(
    ("shape", "how", "expected"),
    [
        ([1, 3, 16, 16], {}, {"range": (-1, 1), "layout": "nchw"}),
        ([1, 16, 16, 3], {"last": "Sigmoid"}, {"range": (0, 1), "layout": "nhwc"}),
        ([1, 784], {}, {"range": (-1, 1), "layout": "nchw"}),
        ([28, 28, 4], {"last": "Sigmoid", "kind": "uint8"}, {"range": (0, 255), "layout": "nhwc"}),
        ([1, 1, 32, 32], {"latent": (1, 100, 1, 1)}, {"range": (-1, 1), "layout": "nchw"}),
        ([1, 3, 8, 8], {"extra": [("label", [1], "int64")]}, {"inputs": ["latent", "label"]}),
    ],
)
def test_generators(path, shape, how, expected):
    found = fields(generator(path, shape, **how))
    assert (found["task"], found["family"], found["tiling"]) == ("gan", "generator", "never")
    assert {name: found[name] for name in expected} == expected


def test_a_decoder_is_known_by_its_name(tmp_path):
    found = fields(generator(tmp_path / "bvae_decoder.onnx", [1, 1, 28, 28], last="Sigmoid"))
    assert (found["task"], found["family"]) == ("vae", "decoder")


def to_numbers(path, outputs):
    nodes = [node("Flatten", "x", "f")]
    nodes += [node("MatMul", "f w", name) for name in outputs]
    weights = np.zeros((784, 10), np.float32)
    return write(path, nodes, [constant("w", weights)], inputs=[("x", [1, 1, 28, 28])],
                 outputs=[(name, [1, 10]) for name in outputs])  # fmt: skip


def test_a_classifier_is_of_no_use_and_says_so(path):
    with pytest.raises(errors.ModelError, match=r"makes 10 numbers of a picture \(classes\?\)"):
        fields(to_numbers(path, ["y"]))


def test_an_encoder_gives_mean_and_variance_or_has_its_name(path, tmp_path):
    assert fields(to_numbers(path, ["mean", "variance"]))["family"] == "encoder"
    assert fields(to_numbers(tmp_path / "encoder.onnx", ["y"]))["family"] == "encoder"
    assert fields(to_numbers(path, ["y"]), task="vae")["family"] == "encoder"


def test_maps_of_features(path):
    kernel = np.ones((16, 3, 3, 3), np.float32)
    nodes = [node("Conv", "x k", "y", strides=[2, 2], pads=[1, 1, 1, 1])]
    path = write(path, nodes, [constant("k", kernel)], inputs=[("x", ANY)], outputs=[("y", None)])
    assert fields(path)["task"] == "features"
    with pytest.raises(errors.ModelError, match="no picture for style"):
        fields(path, task="style")


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ([("a", ANY), ("b", ANY), ("c", ANY)], "fits no verb"),
        ([("x", [1, 5, 64, 64])], "fits no verb"),
        ([("x", [1, 3, 8, 8, 8])], "fits no verb"),
        ([("x", [1, 4, None, None])], "4 channels of 4"),
    ],
)
def test_inputs_that_fit_no_verb_are_named(path, inputs, word):
    path = write(path, [node("Identity", inputs[0][0], "y")], inputs=inputs, outputs=[("y", None)])
    with pytest.raises(errors.ModelError, match=word):
        fields(path)


def test_numbers_that_are_none_are_told(path):
    path = write(path, [node("Sub", "x x", "z"), node("Div", "z z", "y")], inputs=[("x", ANY)], outputs=[("y", None)])
    with pytest.raises(errors.ModelError, match="not finite"):
        fields(path)


# --- through the front doors ---------------------------------------------------------------------


def test_a_path_works_wherever_a_name_does(path):
    blur_and_double(path)
    manifest = models.info(path)
    assert (manifest.task, manifest.scale, manifest.license) == ("superres", 2, "unknown")
    net = models.load(str(path), device="cpu", task="superres")
    assert net.run(np.zeros((1, 3, 8, 8), np.float32))[0].shape == (1, 3, 16, 16)
    assert models.probe(path) is models.probe(path)  # known while this process lives
    with pytest.raises(errors.ModelError, match="is for superres, not style"):
        models.load(path, task="style")


def _another_process(monkeypatch, trials):
    """Forget what this process knows, and count the trials from now on."""
    monkeypatch.setattr(probing, "_known", {})
    isolated = probing._isolated
    monkeypatch.setattr(probing, "_isolated", lambda *given: trials.append(given[0].name) or isolated(*given))


def test_what_was_found_is_remembered_by_the_bytes(path, monkeypatch, tmp_path):
    monkeypatch.setenv("IMGEDIT_CACHE", str(tmp_path / "cache"))
    doubled(path)
    first, trials = models.probe(path), []
    _another_process(monkeypatch, trials)
    again = models.probe(path)
    assert (again.manifest, again.findings) == (first.manifest, first.findings)
    np.testing.assert_array_equal(again.got, first.got)
    assert not trials
    assert models.probe(path, note="mine").manifest.note == "mine"
    assert trials == [path.name]  # another question
    doubled(path, white=255.0)
    assert models.probe(path).manifest.range == (0, 255)
    assert trials == [path.name] * 2  # other bytes
    assert not [name for name in models.names(ready=False) if "tried" in name]


def test_what_failed_is_tried_again(path, monkeypatch, tmp_path):
    monkeypatch.setenv("IMGEDIT_CACHE", str(tmp_path / "cache"))
    trials = []
    _another_process(monkeypatch, trials)
    write(path, [node("Sqrt", "x", "r"), node("Log", "r", "y")], inputs=[("x", ANY)], outputs=[("y", ANY)])
    for _ in range(2):
        with pytest.raises(errors.ModelError):
            models.probe(path)
    assert trials == [path.name] * 2


def test_a_cache_that_cannot_be_written_costs_only_time(path, monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    monkeypatch.setenv("IMGEDIT_CACHE", str(tmp_path / "cache"))
    doubled(path)
    assert models.probe(path).manifest.scale == 2


def test_a_model_is_added_under_a_name(path, monkeypatch, tmp_path):
    monkeypatch.setenv("IMGEDIT_CACHE", str(tmp_path / "cache"))
    blur_and_double(path)
    made = models.add(path, name="my-net", license="MIT", note="mine")
    assert made == models.info("my-net")
    assert (made.license, made.note, made.scale) == ("MIT", "mine", 2)
    path.unlink()
    assert models.load("my-net", device="cpu").path.is_relative_to(tmp_path / "cache")
    assert "my-net" in models.names("superres")


def test_a_name_can_be_taken_only_once(path, monkeypatch, tmp_path):
    monkeypatch.setenv("IMGEDIT_CACHE", str(tmp_path / "cache"))
    blur_and_double(path)
    with pytest.raises(errors.ArgumentError, match="another model's"):
        models.add(path, name="lama")
    with pytest.raises(errors.ArgumentError, match="small letters"):
        models.add(path, name="../up")
    models.add(path)
    assert models.add(path, note="again").note == "again"
    assert models.info("foreign").note == "again"


def test_a_field_that_no_manifest_has_is_told(path):
    blur_and_double(path)
    with pytest.raises(errors.ModelError, match="colour"):
        models.probe(path, colour="red")


def test_the_command_shows_reasons_and_a_picture(path, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("IMGEDIT_CACHE", str(tmp_path / "cache"))
    blur_and_double(path)
    assert run(["models", "add", str(path), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "65x97 gives 130x194" in told
    assert "nothing was kept" in told
    assert run(["models", "add", str(path), "--name", "mine", "--range", "0", "255", "--license", "MIT", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["range"], told["license"], told["name"]) == ([0, 255], "MIT", "mine")
    assert io.read(told["picture"]).shape == (130, 194 * 2 + 8, 3)
    assert run(["models", "list", "--task", "superres", "--ready"]) == 0
    assert "mine" in capsys.readouterr().out
    assert run(["models", "info", "mine"]) == 0
    assert "MIT" in capsys.readouterr().out


def test_the_command_tells_what_is_no_model(tmp_path, capsys):
    page = tmp_path / "page.onnx"
    page.write_text("<html>not found</html>", encoding="utf-8")
    assert run(["models", "add", str(page)]) == 3
    assert "web page" in capsys.readouterr().err


def test_the_command_knows_the_tasks_of_manifests():
    assert get_args(TaskName) == TASKS


def test_a_manifest_beside_a_file_makes_the_trial_needless(path, monkeypatch):
    blur_and_double(path)
    manifest_of(path, scale=2, note="it is said")
    monkeypatch.setattr("imgedit.models.probing.probe", None)
    assert models.info(path).note == "it is said"
