"""The table of blend modes: from a name to a formula ``f(backdrop, source)`` that knows nothing of alpha or dtype.

A new mode is one formula (in ``separable``, ``artistic``, ``nonseparable`` ...) and one line here; docs, tests, command
line and benchmarks follow. Where programs disagree the variant is named after a colon; the plain name is that of the
W3C specification, or else Photoshop's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from imgedit.compositing import artistic, hsx, levelwise, nonseparable, separable
from imgedit.compositing.elementwise import TINY, Values
from imgedit.tables import Table

__all__ = ["FILLED", "MODES", "TINY", "Formula", "Mode"]

Formula: TypeAlias = Callable[[Values, Values], Values]


@dataclass(frozen=True)
class Mode:
    """A formula and what its arguments look like.

    Parameters
    ----------
    formula : callable
        ``formula(backdrop, source)``, a new array.
    separable : bool
        Whether it works on each number by itself; otherwise it needs planes of RGB, channels first.
    bounded : bool
        Whether its results lie in [0, 1] when its arguments do.
    encoded : bool
        Whether its arguments must be encoded sRGB, whatever the space to blend in, because it knows what colour is.
    """

    formula: Formula
    separable: bool = True
    bounded: bool = True
    encoded: bool = False

    @property
    def about(self) -> str:
        """What it does and where it comes from, in a line."""
        return (self.formula.__doc__ or "").strip().split("\n")[0]


MODES: Table[Mode] = Table(
    "mode",
    {
        "normal": Mode(separable.normal),
        "multiply": Mode(separable.multiply),
        "screen": Mode(separable.screen),
        "overlay": Mode(separable.overlay),
        "darken": Mode(separable.darken),
        "lighten": Mode(separable.lighten),
        "color-dodge": Mode(separable.color_dodge),
        "color-burn": Mode(separable.color_burn),
        "hard-light": Mode(separable.hard_light),
        "soft-light": Mode(separable.soft_light),
        "difference": Mode(separable.difference),
        "exclusion": Mode(separable.exclusion),
        "hue": Mode(nonseparable.hue, separable=False),
        "saturation": Mode(nonseparable.saturation, separable=False),
        "color": Mode(nonseparable.color, separable=False),
        "luminosity": Mode(nonseparable.luminosity, separable=False),
        "linear-burn": Mode(separable.linear_burn),
        "linear-dodge": Mode(separable.linear_dodge),
        "vivid-light": Mode(separable.vivid_light),
        "linear-light": Mode(separable.linear_light),
        "pin-light": Mode(separable.pin_light),
        "hard-mix": Mode(separable.hard_mix),
        "subtract": Mode(separable.subtract),
        "divide": Mode(separable.divide),
        "darker-color": Mode(nonseparable.darker_color, separable=False),
        "lighter-color": Mode(nonseparable.lighter_color, separable=False),
        "soft-light:photoshop": Mode(separable.soft_light_photoshop),
        "soft-light:pegtop": Mode(artistic.soft_light_pegtop),
        "soft-light:illusions": Mode(artistic.soft_light_illusions),
        "addition": Mode(separable.addition, bounded=False),
        "grain-extract": Mode(separable.grain_extract, bounded=False),
        "grain-merge": Mode(separable.grain_merge, bounded=False),
        "color-dodge:gimp": Mode(separable.color_dodge_gimp, bounded=False),
        "color-burn:gimp": Mode(separable.color_burn_gimp, bounded=False),
        "linear-burn:gimp": Mode(separable.linear_burn_gimp, bounded=False),
        "linear-light:gimp": Mode(separable.linear_light_gimp, bounded=False),
        "vivid-light:gimp": Mode(separable.vivid_light_gimp, bounded=False),
        "subtract:gimp": Mode(separable.subtract_gimp, bounded=False),
        "divide:gimp": Mode(separable.divide_gimp, bounded=False),
        "hard-mix:gimp": Mode(separable.hard_mix_gimp),
        "hue:gimp-hsv": Mode(nonseparable.hue_hsv, separable=False),
        "saturation:gimp-hsv": Mode(nonseparable.saturation_hsv, separable=False),
        "value:gimp-hsv": Mode(nonseparable.value_hsv, separable=False),
        "color:gimp-hsl": Mode(nonseparable.color_hsl, separable=False),
        "hue:gimp-lch": Mode(nonseparable.hue_lch, separable=False, bounded=False, encoded=True),
        "chroma:gimp-lch": Mode(nonseparable.chroma_lch, separable=False, bounded=False, encoded=True),
        "color:gimp-lch": Mode(nonseparable.color_lch, separable=False, bounded=False, encoded=True),
        "lightness:gimp-lch": Mode(nonseparable.lightness_lch, separable=False, bounded=False, encoded=True),
        "luminance": Mode(nonseparable.luminance, separable=False, bounded=False, encoded=True),
        "luma-darken-only": Mode(nonseparable.luma_darken_only, separable=False),
        "luma-lighten-only": Mode(nonseparable.luma_lighten_only, separable=False),
        "hue:oklch": Mode(nonseparable.hue_oklch, separable=False, bounded=False, encoded=True),
        "chroma:oklch": Mode(nonseparable.chroma_oklch, separable=False, bounded=False, encoded=True),
        "color:oklch": Mode(nonseparable.color_oklch, separable=False, bounded=False, encoded=True),
        "lightness:oklch": Mode(nonseparable.lightness_oklch, separable=False, bounded=False, encoded=True),
        "reflect": Mode(artistic.reflect),
        "glow": Mode(artistic.glow),
        "freeze": Mode(artistic.freeze),
        "heat": Mode(artistic.heat),
        "helow": Mode(artistic.helow),
        "frect": Mode(artistic.frect),
        "gleat": Mode(artistic.gleat),
        "reeze": Mode(artistic.reeze),
        "fhyrd": Mode(artistic.fhyrd),
        "negation": Mode(artistic.negation),
        "allanon": Mode(artistic.allanon),
        "geometric-mean": Mode(artistic.geometric_mean),
        "parallel": Mode(artistic.parallel),
        "additive-subtractive": Mode(artistic.additive_subtractive),
        "arc-tangent": Mode(artistic.arc_tangent),
        "gamma-dark": Mode(artistic.gamma_dark),
        "gamma-light": Mode(artistic.gamma_light),
        "gamma-illumination": Mode(artistic.gamma_illumination),
        "hard-overlay": Mode(artistic.hard_overlay),
        "hard-mix:krita": Mode(artistic.hard_mix_krita),
        "hard-mix:softer": Mode(artistic.hard_mix_softer),
        "interpolation": Mode(artistic.interpolation),
        "interpolation-2x": Mode(artistic.interpolation_2x),
        "penumbra-a": Mode(artistic.penumbra_a),
        "penumbra-b": Mode(artistic.penumbra_b),
        "penumbra-c": Mode(artistic.penumbra_c),
        "penumbra-d": Mode(artistic.penumbra_d),
        "flat-light": Mode(artistic.flat_light),
        "p-norm-a": Mode(artistic.p_norm_a),
        "p-norm-b": Mode(artistic.p_norm_b),
        "super-light": Mode(artistic.super_light),
        "tint": Mode(artistic.tint),
        "shade": Mode(artistic.shade),
        "fog-lighten": Mode(artistic.fog_lighten),
        "fog-darken": Mode(artistic.fog_darken),
        "easy-dodge": Mode(artistic.easy_dodge),
        "easy-burn": Mode(artistic.easy_burn),
        "and": Mode(levelwise.bitwise(np.bitwise_and, "b and s")),
        "or": Mode(levelwise.bitwise(np.bitwise_or, "b or s")),
        "xor": Mode(levelwise.bitwise(np.bitwise_xor, "b xor s")),
        "nand": Mode(levelwise.bitwise(lambda b, s: ~(b & s), "not (b and s)")),
        "nor": Mode(levelwise.bitwise(lambda b, s: ~(b | s), "not (b or s)")),
        "xnor": Mode(levelwise.bitwise(lambda b, s: ~(b ^ s), "not (b xor s)")),
        "implication": Mode(levelwise.bitwise(lambda b, s: ~b | s, "not b or s")),
        "not-implication": Mode(levelwise.bitwise(lambda b, s: b & ~s, "b and not s")),
        "converse": Mode(levelwise.bitwise(lambda b, s: b | ~s, "b or not s")),
        "not-converse": Mode(levelwise.bitwise(lambda b, s: ~b & s, "not b and s")),
        "modulo": Mode(levelwise.modulo),
        "modulo-continuous": Mode(levelwise.modulo_continuous),
        "divisive-modulo": Mode(levelwise.divisive_modulo),
        "divisive-modulo-continuous": Mode(levelwise.divisive_modulo_continuous),
        **{
            f"{part}:krita-{model}": Mode(formula, separable=False)
            for model, parts in hsx.HSX.items()
            for part, formula in parts.items()
        },
        "tint:krita-hsy": Mode(hsx.tint, separable=False),
        "copy-red": Mode(nonseparable.copied(0, "red"), separable=False),
        "copy-green": Mode(nonseparable.copied(1, "green"), separable=False),
        "copy-blue": Mode(nonseparable.copied(2, "blue"), separable=False),
        "reoriented-normal-map": Mode(nonseparable.reoriented_normal_map, separable=False),
        "tangent-normal-map": Mode(nonseparable.tangent_normal_map, separable=False, bounded=False),
        "stamp": Mode(artistic.stamp),
        "modulus-add": Mode(artistic.modulus_add),
        "modulus-subtract": Mode(artistic.modulus_subtract),
        "subtract:exchanged": Mode(artistic.subtract_exchanged),
        "divide:exchanged": Mode(artistic.divide_exchanged),
        "color:imagemagick": Mode(nonseparable.color_magick, separable=False),
        "luminosity:imagemagick": Mode(nonseparable.luminosity_magick, separable=False),
        "bumpmap": Mode(nonseparable.bumpmap, separable=False),
        "darken-intensity": Mode(nonseparable.darken_intensity, separable=False),
        "lighten-intensity": Mode(nonseparable.lighten_intensity, separable=False),
        "add-modulo": Mode(levelwise.add_modulo),
        "subtract-modulo": Mode(levelwise.subtract_modulo),
    },
    where="docs/algorithms/blend and imgedit blend --help",
)
"""Name -> formula: W3C's sixteen first, then Photoshop's, GIMP's, Pegtop's, Krita's, ImageMagick's, Pillow's."""


def _towards(neutral: float, formula: Formula) -> Callable[..., Values]:
    return lambda b, s, fill: formula(b, neutral + fill * (s - neutral))


def _hard_mix_filled(b: Values, s: Values, fill: float) -> Values:
    """Steepen the backdrop around ``1 - s``: a threshold at full fill, the backdrop at none."""
    if fill == 1:
        return separable.hard_mix(b, s)
    return np.clip((b - fill * (1 - s)) / np.float32(1 - fill), 0, np.maximum(b, 1))


FILLED: Table[Callable[..., Values]] = Table(
    "mode with a fill of its own",
    {
        "color-burn": _towards(1, separable.color_burn),
        "linear-burn": _towards(1, separable.linear_burn),
        "color-dodge": _towards(0, separable.color_dodge),
        "linear-dodge": _towards(0, separable.linear_dodge),
        "vivid-light": _towards(0.5, separable.vivid_light),
        "linear-light": _towards(0.5, separable.linear_light),
        "hard-mix": _hard_mix_filled,
        "difference": _towards(0, separable.difference),
    },
)
"""The eight modes in which Photoshop's fill opacity acts inside the formula, ``f(backdrop, source, fill)``."""
