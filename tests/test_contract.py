"""The contract of an image, held against every public operation.

An operation is any function in ``imgedit.__all__`` whose first parameter is annotated "Image", as is its result. It is
tested by existing: one that needs more than its image must have a row in ARGUMENTS, or the test of completeness fails.
"""

from __future__ import annotations

import functools
import inspect
import tempfile
import typing
from pathlib import Path

import numpy as np
import pytest
from pictures import KINDS, disc_mask, photo
from styles import redness, soften, zoo

import imgedit as ie

SIZE = (40, 56)


@functools.cache
def net(task):
    """Path of a small net, kept for the run."""
    folder = tempfile.TemporaryDirectory()
    KEPT.append(folder)
    path = Path(folder.name) / f"{task}.onnx"
    {"style": zoo, "restore": soften, "matte": redness}[task](path)
    return str(path)


KEPT: list[tempfile.TemporaryDirectory[str]] = []

# Name of the operation -> arguments after the image, made for an image of this dtype and channel count.
ARGUMENTS: dict[str, typing.Callable[[type, int], dict[str, typing.Any]]] = {
    "apply_lut": lambda dtype, channels: {"lut": ie.Lut.identity(5)},
    "flood_fill": lambda dtype, channels: {"point": (3, 4), "paint": "white"},
    "flood_mask": lambda dtype, channels: {"point": (3, 4)},
    "carve": lambda dtype, channels: {"size": (34, 50)},
    "curves": lambda dtype, channels: {"points": "0,0 0.5,0.6 1,1"},
    "match_color": lambda dtype, channels: {"reference": photo(np.uint8, 3, (20, 30), seed=2)},
    "erase": lambda dtype, channels: {"mask": disc_mask(SIZE)},
    "fill": lambda dtype, channels: {"mask": disc_mask(SIZE), "paint": "#808080"},
    "inpaint": lambda dtype, channels: {"mask": disc_mask(SIZE)},
    "seamless_clone": lambda dtype, channels: {
        "target": photo(dtype, channels, SIZE, seed=1),
        "mask": disc_mask(SIZE),
    },
    "matte": lambda dtype, channels: {"model": net("matte")},
    "remove_background": lambda dtype, channels: {"model": net("matte")},
    "restore": lambda dtype, channels: {"model": net("restore")},
    "stylize": lambda dtype, channels: {"style": net("style")},
    "texture_flatten": lambda dtype, channels: {"mask": disc_mask(SIZE)},
    "illumination_change": lambda dtype, channels: {"mask": disc_mask(SIZE)},
    "color_change": lambda dtype, channels: {"mask": disc_mask(SIZE), "factors": (1.5, 1.0, 0.5)},
    "crop": lambda dtype, channels: {"box": (4, 2, 30, 31)},
    "flip": lambda dtype, channels: {"axis": "horizontal"},
    "pad": lambda dtype, channels: {"margins": 3},
    "resize": lambda dtype, channels: {"size": (31, 60)},
    "rotate": lambda dtype, channels: {"degrees": 17.0},
    "warp": lambda dtype, channels: {"transform": ie.Transform.similarity(degrees=5, scale=0.7, shift=(3, 2))},
    "draw_text": lambda dtype, channels: {"text": "Ag"},
    "blend": lambda dtype, channels: {"source": photo(dtype, channels, SIZE, seed=1)},
    "depth_of_field": lambda dtype, channels: {"depth": np.linspace(1, 9, 40 * 56).reshape(SIZE), "focus": 3.0},
    "fog": lambda dtype, channels: {"depth": np.linspace(1, 9, 40 * 56).reshape(SIZE)},
    "pyramid_blend": lambda dtype, channels: {"b": photo(dtype, channels, SIZE, seed=1), "mask": disc_mask(SIZE)},
}

# Why an operation may give another dtype than it was given, and which.
OTHER_DTYPE = {"to_uint8": np.uint8, "to_uint16": np.uint16, "to_float": np.float32}

# Why an operation may give another number of channels.
OTHER_CHANNELS: dict[str, str] = {
    "erase": "what is erased to transparent needs alpha",
    "matte": "coverage is grey",
    "remove_background": "what is cut out needs alpha",
}

# What takes more than images: converters, whose work is to accept other arrays.
LENIENT = {"to_uint8", "to_uint16", "to_float"}


def operations():
    for name in ie.__all__:
        function = getattr(ie, name)
        if not inspect.isfunction(function):
            continue
        signature = inspect.signature(function)
        first = next(iter(signature.parameters.values()), None)
        if first is not None and first.annotation == "Image" and signature.return_annotation == "Image":
            yield name


OPERATIONS = sorted(operations())


def call(name, image):
    dtype, channels = image.dtype.type, 1 if image.ndim == 2 else image.shape[2]
    extra = ARGUMENTS[name](dtype, channels) if name in ARGUMENTS else {}
    return getattr(ie, name)(image, **extra)


def required(name):
    parameters = list(inspect.signature(getattr(ie, name)).parameters.values())[1:]
    return [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_arguments(name):
    missing = set(required(name)) - set(ARGUMENTS[name](np.uint8, 3) if name in ARGUMENTS else {})
    assert not missing, f"add a row for {name!r} to ARGUMENTS in this file, with {sorted(missing)}"


@pytest.mark.parametrize(("dtype", "channels"), KINDS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_dtype_channels_and_input_are_kept(name, dtype, channels):
    image = photo(dtype, channels, SIZE)
    image.flags.writeable = False
    before = image.copy()
    result = call(name, image)
    np.testing.assert_array_equal(image, before)
    assert result.dtype == OTHER_DTYPE.get(name, dtype)
    assert result.flags.c_contiguous
    assert result.flags.writeable
    assert not np.shares_memory(result, image)
    if name not in OTHER_CHANNELS:
        assert result.ndim == image.ndim
        assert result.shape[2:] == image.shape[2:]


@pytest.mark.parametrize("name", OPERATIONS)
def test_views_are_taken_like_arrays(name):
    image = photo(np.uint8, 3, SIZE)
    wide = np.zeros((2 * SIZE[0], 2 * SIZE[1], 3), np.uint8)
    wide[::2, ::2] = image[:, ::-1]
    np.testing.assert_array_equal(call(name, wide[::2, ::2][:, ::-1]), call(name, image))


BAD = {
    "a list": ([[1, 2]], "list"),
    "int32": (np.zeros(SIZE, np.int32), "int32"),
    "int64": (np.zeros(SIZE, np.int64), "int64"),
    "five channels": (np.zeros((*SIZE, 5), np.uint8), "x5"),
    "no pixels": (np.zeros((0, 4), np.uint8), "empty"),
    "one dimension": (np.zeros(9, np.uint8), "9"),
    "complex": (np.zeros(SIZE, np.complex64), "complex64"),
}
BAD_FOR_VERBS = {
    "bool": (np.zeros(SIZE, bool), "to_float"),
    "float64": (np.zeros(SIZE), "to_float"),
    "float16": (np.zeros(SIZE, np.float16), "to_float"),
    "one channel": (np.zeros((*SIZE, 1), np.uint8), "to_uint8"),
    "grey and alpha": (np.zeros((*SIZE, 2), np.uint8), "to_uint8"),
    "channels first": (np.zeros((3, *SIZE), np.uint8), "moveaxis"),
    "a stack": (np.zeros((2, *SIZE, 3), np.uint8), "each image"),
    "other byte order": (np.zeros(SIZE, ">u2"), "byte order"),
    "a masked array": (np.ma.zeros(SIZE, np.uint8), "masked"),
}


@pytest.mark.parametrize("kind", [*BAD, *BAD_FOR_VERBS])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_wrong_array_is_refused_with_a_remedy(name, kind):
    if name in LENIENT and kind in BAD_FOR_VERBS:
        pytest.skip("converters take it")
    bad, word = {**BAD, **BAD_FOR_VERBS}[kind]
    extra = ARGUMENTS[name](np.uint8, 3) if name in ARGUMENTS else {}
    with pytest.raises(ie.errors.ImageError) as caught:
        getattr(ie, name)(bad, **extra)
    text = str(caught.value)
    assert text.startswith(next(iter(inspect.signature(getattr(ie, name)).parameters)))
    assert word in text
    assert caught.value.remedy
