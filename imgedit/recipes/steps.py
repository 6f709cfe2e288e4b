"""Which verbs are steps of a recipe and commands: one line each. A test fails when a public verb is missing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Annotated

from imgedit.recipes.verbs import Parameter, Verb
from imgedit.tables import Table

__all__ = ["MEASURES", "MERGES", "READ", "STEPS", "WRITE", "output_options", "reading", "writing"]

STEPS: Table[Verb] = Table(
    "step",
    {
        "adjust": Verb("tone:adjust", "photo.jpg -o out.jpg --exposure 0.5 --saturation 0.2"),
        "auto_levels": Verb("tone:auto_levels", "photo.jpg -o out.jpg"),
        "bevel": Verb("compositing.effects:bevel", "logo.png -o out.png --size 6"),
        "blend": Verb("compositing:blend", "photo.jpg logo.png multiply -o out.png --opacity 0.8 --offset 8 8"),
        "blur": Verb("filters:blur", "photo.jpg -o out.jpg --radius 3"),
        "clahe": Verb("tone:clahe", "photo.jpg -o out.jpg --clip 3"),
        "color_overlay": Verb("compositing.effects:color_overlay", "logo.png -o out.png --color '#c02020'"),
        "crop": Verb("geometry:crop", "photo.jpg 20 10 120 90 -o out.jpg"),
        "curves": Verb("tone:curves", "photo.jpg '[0, 0], [0.5, 0.6], [1, 1]' -o out.jpg"),
        "decontaminate": Verb("fusion:decontaminate", "logo.png -o out.png"),
        "depth_of_field": Verb("compositing.depth:depth_of_field", "photo.jpg depth.png -o out.jpg --focus 0.3"),
        "draw_text": Verb("filters:draw_text", 'photo.jpg "© me" -o out.jpg --opacity 0.7'),
        "drop_shadow": Verb("compositing.effects:drop_shadow", "logo.png -o out.png --size 12 --expand true"),
        "equalize": Verb("tone:equalize", "photo.jpg -o out.jpg"),
        "erase": Verb("geometry.painting:erase", "photo.jpg mask.png -o out.png"),
        "fill": Verb("geometry.painting:fill", "photo.jpg linear:0,0,1,0:navy,orange --mask mask.png -o out.jpg"),
        "flatten": Verb("compositing.flattening:flatten", "logo.png -o out.jpg --background white"),
        "flip": Verb("geometry:flip", "photo.jpg horizontal -o out.jpg"),
        "fog": Verb("compositing.depth:fog", "photo.jpg depth.png -o out.jpg --density 2"),
        "gradient_overlay": Verb("compositing.effects:gradient_overlay", "photo.jpg -o out.jpg --colors navy,orange"),
        "inner_glow": Verb("compositing.effects:inner_glow", "logo.png -o out.png --color gold"),
        "inner_shadow": Verb("compositing.effects:inner_shadow", "logo.png -o out.png"),
        "inpaint": Verb("inpainting:inpaint", "photo.jpg --mask mask.png -o out.png --method telea"),
        "levels": Verb("tone:levels", "photo.jpg -o out.jpg --black 0.05 --gamma 1.2"),
        "match_color": Verb("tone:match_color", "photo.jpg other.jpg -o out.jpg --strength 0.8"),
        "outer_glow": Verb("compositing.effects:outer_glow", "logo.png -o out.png --color gold --expand true"),
        "pad": Verb("geometry:pad", "photo.jpg 20 -o out.jpg --background white"),
        "premultiply": Verb("pixels:premultiply", "logo.png -o out.png"),
        "pyramid_blend": Verb("fusion:pyramid_blend", "photo.jpg other.jpg mask.png -o out.jpg"),
        "resize": Verb("geometry:resize", "photo.jpg -o out.jpg --scale 0.5"),
        "rotate": Verb("geometry:rotate", "photo.jpg 12 -o out.jpg --background white"),
        "sharpen": Verb("filters:sharpen", "photo.jpg -o out.jpg --amount 0.8"),
        "stroke": Verb("compositing.effects:stroke", "logo.png -o out.png --size 3 --color white"),
        "to_float": Verb("pixels:to_float", "photo.jpg -o out.tif"),
        "to_uint16": Verb("pixels:to_uint16", "photo.jpg -o out.png"),
        "to_uint8": Verb("pixels:to_uint8", "deep.png -o out.jpg"),
        "trim": Verb("geometry:trim", "logo.png -o out.png"),
        "unpremultiply": Verb("pixels:unpremultiply", "logo.png -o out.png"),
        "warp": Verb("geometry:warp", "photo.jpg '[[1, 0.2, 0], [0, 1, 0], [0, 0, 1]]' -o out.png"),
    },
)  # fmt: skip
"""Verbs that make an image of an image."""

MERGES: Table[Verb] = Table(
    "command",
    {
        "exposure_fusion": Verb("fusion:exposure_fusion", "photo.jpg other.jpg -o out.jpg"),
        "focus_stack": Verb("fusion:focus_stack", "photo.jpg other.jpg -o out.jpg"),
    },
)
"""Verbs that make one image of several: commands, but no steps, because a step has one photo at hand."""

MEASURES: Table[Verb] = Table(
    "command",
    {
        "mse": Verb("metrics:mse", "photo.jpg other.jpg"),
        "psnr": Verb("metrics:psnr", "photo.jpg other.jpg"),
        "ssim": Verb("metrics:ssim", "photo.jpg other.jpg"),
        "trim_box": Verb("geometry:trim_box", "logo.png"),
    },
)
"""Functions that tell something about images: commands that print it."""

READ = Verb("io:read")
WRITE = Verb("io:write")

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
    return {name: p for name, p in writing().items() if name not in OF_ONE_FILE}
