"""Which verbs are steps of a recipe and commands: one line each, with what follows the command in a typical call.

A test fails when a public verb is missing, and runs every example.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from inspect import Signature
from typing import Annotated

from imgedit.recipes.outputs import NAME
from imgedit.recipes.verbs import Parameter, Verb
from imgedit.tables import Table

__all__ = ["MEASURES", "MERGES", "READ", "STEPS", "WRITE", "output_options", "outputs_options", "reading", "writing"]

# The image that is edited, where it is not the verb's first.
EDITED = {"seamless_clone": "target"}


def _verbs(what: str, examples: dict[str, str]) -> Table[Verb]:
    return Table(what, {name: Verb(name, example, EDITED.get(name, "")) for name, example in examples.items()})


STEPS = _verbs(
    "step",
    {
        "adjust": "photo.jpg -o out.jpg --exposure 0.5 --saturation 0.2",
        "apply_lut": "photo.jpg look.cube -o out.jpg --strength 0.8",
        "auto_levels": "photo.jpg -o out.jpg",
        "bevel": "logo.png -o out.png --size 6",
        "blend": "photo.jpg logo.png multiply -o out.png --opacity 0.8 --offset 8 8",
        "blur": "photo.jpg -o out.jpg --radius 3",
        "carve": "photo.jpg 96 120 -o out.jpg",
        "clahe": "photo.jpg -o out.jpg --clip 3",
        "color_change": "photo.jpg mask.png -o out.jpg --factors 1.5 0.7 0.7",
        "color_overlay": "logo.png -o out.png --color '#c02020'",
        "convert": "photo.jpg -o out.png --channels grey --depth 16",
        "crop": "photo.jpg 20 10 120 90 -o out.jpg",
        "curves": "photo.jpg '[0, 0], [0.5, 0.6], [1, 1]' -o out.jpg",
        "decontaminate": "logo.png -o out.png",
        "denoise": "photo.jpg -o out.jpg --method bilateral",
        "depth_of_field": "photo.jpg depth.png -o out.jpg --focus 120",
        "draw_text": 'photo.jpg "© me" -o out.jpg --opacity 0.7',
        "drop_shadow": "logo.png -o out.png --size 12 --expand",
        "equalize": "photo.jpg -o out.jpg",
        "erase": "photo.jpg mask.png -o out.png",
        "fill": "photo.jpg linear:0,0,1,0:navy,orange --mask mask.png -o out.jpg",
        "flatten": "logo.png -o out.jpg --background white",
        "flip": "photo.jpg horizontal -o out.jpg",
        "flood_fill": "photo.jpg 40 20 skyblue -o out.jpg --tolerance 0.08",
        "fog": "photo.jpg depth.png -o out.jpg --density 0.02",
        "gradient_overlay": "photo.jpg -o out.jpg --colors navy,orange",
        "illumination_change": "photo.jpg mask.png -o out.jpg",
        "inner_glow": "logo.png -o out.png --color gold",
        "inner_shadow": "logo.png -o out.png",
        "inpaint": "photo.jpg --mask mask.png -o out.png --method telea",
        "levels": "photo.jpg -o out.jpg --black 0.05 --gamma 1.2",
        "match_color": "photo.jpg other.jpg -o out.jpg --strength 0.8",
        "matte": "photo.jpg -o cover.png --model matte.onnx",
        "outer_glow": "logo.png -o out.png --color gold --expand",
        "pad": "photo.jpg 20 -o out.jpg --background white",
        "premultiply": "logo.png -o out.png",
        "pyramid_blend": "photo.jpg other.jpg mask.png -o out.jpg",
        "remove_background": "photo.jpg -o out.png --model matte.onnx",
        "resize": "photo.jpg -o out.jpg --scale 0.5",
        "restore": "photo.jpg -o out.jpg --model restore.onnx --strength 0.7",
        "rotate": "photo.jpg 12 -o out.jpg --background white",
        "seamless_clone": "logo.png photo.jpg --mask logo-mask.png -o out.jpg --offset 8 8",
        "sharpen": "photo.jpg -o out.jpg --amount 0.8",
        "stroke": "logo.png -o out.png --size 3 --color white",
        "stylize": "photo.jpg style.onnx -o out.jpg --strength 0.8 --keep-color luma",
        "texture_flatten": "photo.jpg mask.png -o out.jpg",
        "to_float": "photo.jpg -o out.tif",
        "to_uint16": "photo.jpg -o out.png",
        "to_uint8": "deep.png -o out.jpg",
        "trim": "logo.png -o out.png",
        "unpremultiply": "logo.png -o out.png",
        "upscale": "photo.jpg 2 -o out.png",
        "warp": "photo.jpg '[[1, 0.2, 0], [0, 1, 0], [0, 0, 1]]' -o out.png",
    },
)  # fmt: skip
"""Verbs that make an image of an image."""

MERGES = _verbs(
    "command",
    {
        "exposure_fusion": "photo.jpg other.jpg -o out.jpg",
        "focus_stack": "photo.jpg other.jpg -o out.jpg",
        "grid": "photo.jpg other.jpg -o out.png --columns 2",
    },
)
"""Verbs that make one image of several: commands, but no steps, because a step has one photo at hand."""

MEASURES = _verbs(
    "command",
    {
        "mse": "photo.jpg other.jpg",
        "perceptual": "photo.jpg other.jpg",
        "psnr": "photo.jpg other.jpg",
        "ssim": "photo.jpg other.jpg",
        "trim_box": "logo.png",
    },
)
"""Functions that tell something about images: commands that print it."""

READ = Verb("read")
WRITE = Verb("write")

# What a recipe or a command decides by itself.
OWN = {"path", "image", "reduce", "with_metadata", "metadata"}

# A batch replaces its own earlier results, and only those.
OF_ONE_FILE = {"overwrite", "follow"}


@cache
def reading() -> dict[str, Parameter]:
    """Parameters of `imgedit.read` that recipes and commands pass on."""
    return {name: p for name, p in READ.parameters.items() if name not in OWN}


@cache
def writing() -> dict[str, Parameter]:
    """Parameters of `imgedit.write` that commands pass on, and ``metadata``: whether to carry it over."""
    from imgedit.io import FORMATS

    passed = {name: p for name, p in WRITE.parameters.items() if name not in OWN}
    passed["format"] = replace(passed["format"], type=Annotated[str, FORMATS] | None)
    return passed | {"metadata": Parameter("metadata", "value", bool, True, False)}


@cache
def output_options() -> dict[str, Parameter]:
    """List what the table ``[output]`` of a recipe may hold."""
    passed = {name: p for name, p in writing().items() if name not in OF_ONE_FILE}
    return {"name": Parameter("name", "value", str, NAME, False), **passed}


@cache
def outputs_options() -> dict[str, Parameter]:
    """List what each table of ``[[outputs]]`` may hold beside its steps."""
    return output_options() | {"name": Parameter("name", "value", str, Signature.empty, False)}
