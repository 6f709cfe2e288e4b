"""Plain twins of blend modes, operators and the alpha equation: one pixel at a time, float64, straight from the texts.

Written from the specifications (W3C Compositing 1, PDF 32000-1) and the programs' documentation, with their branches,
and without a look at how the fast versions rearrange them.
"""

from __future__ import annotations

import math

import numpy as np


def clamp(x):
    return min(1.0, max(0.0, x))


def screen(b, s):
    return 1 - (1 - b) * (1 - s)


def color_dodge(b, s):
    if b == 0:
        return 0.0
    return 1.0 if s >= 1 else min(1.0, b / (1 - s))


def color_burn(b, s):
    if b >= 1:
        return 1.0
    return 0.0 if s <= 0 else 1 - min(1.0, (1 - b) / s)


def hard_light(b, s):
    return 2 * b * s if s <= 0.5 else screen(b, 2 * s - 1)


def soft_light(b, s):
    if s <= 0.5:
        return b - (1 - 2 * s) * b * (1 - b)
    d = ((16 * b - 12) * b + 4) * b if b <= 0.25 else math.sqrt(b)
    return b + (2 * s - 1) * (d - b)


def soft_light_photoshop(b, s):
    if s <= 0.5:
        return 2 * b * s + b * b * (1 - 2 * s)
    return 2 * b * (1 - s) + math.sqrt(b) * (2 * s - 1)


def vivid_light(b, s):
    if s == 0:
        return 0.0
    if s == 1:
        return 1.0
    return color_burn(b, 2 * s) if s <= 0.5 else color_dodge(b, 2 * s - 1)


def level(x, white):
    return math.floor(x * white + 0.5)


def hard_mix(b, s):
    total = level(b, 65535) + level(s, 65535)  # on levels: complements add up to white exactly
    return float(total > 65535 or (total == 65535 and b > 0.5))


def quotient(a, b):
    return 0.0 if abs(a) <= 1e-6 else a / max(b, 1e-6)


def vivid_light_gimp(b, s):
    return 1 - quotient(1 - b, 2 * s) if s <= 0.5 else quotient(b, 2 * (1 - s))


def reflect(b, s):
    return 1.0 if s >= 1 else min(1.0, b * b / (1 - s))


def freeze(b, s):
    if b >= 1:
        return 1.0
    return 0.0 if s <= 0 else 1 - min(1.0, (1 - b) ** 2 / s)


def glow(b, s):
    return reflect(s, b)


def heat(b, s):
    return freeze(s, b)


def frect(b, s):
    return freeze(b, s) if b + s > 1 else reflect(b, s)


def helow(b, s):
    return heat(b, s) if b + s > 1 else glow(b, s)


def gleat(b, s):
    if b >= 1:
        return 1.0
    return glow(b, s) if b + s > 1 else heat(b, s)


def parallel(b, s):
    return 0.0 if b <= 0 or s <= 0 else 2 / (1 / b + 1 / s)


def arc_tangent(b, s):
    if b <= 0:
        return 0.0 if s <= 0 else 1.0
    return 2 / math.pi * math.atan(s / b)


def gamma_dark(b, s):
    return 0.0 if s <= 0 else b ** (1 / s)


def hard_overlay(b, s):
    if s >= 1:
        return 1.0
    return min(1.0, b / (2 - 2 * s)) if s > 0.5 else 2 * s * b


def interpolation(b, s):
    return 0.5 - 0.25 * math.cos(math.pi * s) - 0.25 * math.cos(math.pi * b)


def penumbra_b(b, s):
    if b >= 1:
        return 1.0
    if b + s < 1:
        return color_dodge(s, b) / 2
    return 0.0 if s <= 0 else 1 - min(1.0, (1 - b) / s / 2)


def penumbra_d(b, s):
    return 1.0 if b >= 1 else arc_tangent(1 - b, s)


def flat_light(b, s):
    if s <= 0:
        return 0.0
    return penumbra_b(b, s) if b > s else penumbra_b(s, b)


def norm(b, s, p):
    return min(1.0, (b**p + s**p) ** (1 / p))


def super_light(b, s):
    if s < 0.5:
        return clamp(1 - norm(1 - b, 1 - 2 * s, 2.875))
    return norm(b, 2 * s - 1, 2.875)


def modulus_subtract(b, s):
    return b - s if b >= s else b - s + 1


def modulus_add(b, s):
    total = level(b, 65535) + level(s, 65535)
    return b + s - (1 if total > 65535 else 0)


def modulo(b, s, period):
    """What is left of b / s modulo a period, on levels; 0 for s = 0."""
    s = level(s, 65535)
    return level(b, 65535) % (period * s) / s if s else 0.0


def wave(b, s):
    rest = modulo(b, s, 2)
    return rest if rest <= 1 else 2 - rest


def bits(function):
    return lambda b, s: (function(level(b, 65535), level(s, 65535)) & 65535) / 65535


SEPARABLE = {
    "normal": lambda b, s: s,
    "multiply": lambda b, s: b * s,
    "screen": screen,
    "overlay": lambda b, s: hard_light(s, b),
    "darken": min,
    "lighten": max,
    "color-dodge": color_dodge,
    "color-burn": color_burn,
    "hard-light": hard_light,
    "soft-light": soft_light,
    "difference": lambda b, s: abs(b - s),
    "exclusion": lambda b, s: b + s - 2 * b * s,
    "linear-burn": lambda b, s: max(0.0, b + s - 1),
    "linear-dodge": lambda b, s: min(1.0, b + s),
    "vivid-light": vivid_light,
    "linear-light": lambda b, s: clamp(b + 2 * s - 1),
    "pin-light": lambda b, s: min(b, 2 * s) if s <= 0.5 else max(b, 2 * s - 1),
    "hard-mix": hard_mix,
    "subtract": lambda b, s: max(0.0, b - s),
    "divide": lambda b, s: 0.0 if b <= 0 else (1.0 if s <= 0 else min(1.0, b / s)),
    "soft-light:photoshop": soft_light_photoshop,
    "soft-light:pegtop": lambda b, s: (1 - b) * b * s + b * screen(b, s),
    "soft-light:illusions": lambda b, s: b ** (2 ** (2 * (0.5 - s))),
    "addition": lambda b, s: b + s,
    "grain-extract": lambda b, s: b - s + 0.5,
    "grain-merge": lambda b, s: b + s - 0.5,
    "color-dodge:gimp": lambda b, s: quotient(b, 1 - s),
    "color-burn:gimp": lambda b, s: 1 - quotient(1 - b, s),
    "linear-burn:gimp": lambda b, s: b + s - 1,
    "linear-light:gimp": lambda b, s: b + 2 * s - 1 if s <= 0.5 else b + 2 * (s - 0.5),
    "vivid-light:gimp": vivid_light_gimp,
    "subtract:gimp": lambda b, s: b - s,
    "divide:gimp": quotient,
    "hard-mix:gimp": lambda b, s: 0.0 if level(b, 65535) + level(s, 65535) < 65535 else 1.0,
    "reflect": reflect,
    "glow": glow,
    "freeze": freeze,
    "heat": heat,
    "helow": helow,
    "frect": frect,
    "gleat": gleat,
    "reeze": lambda b, s: gleat(s, b),
    "fhyrd": lambda b, s: (frect(b, s) + helow(b, s)) / 2,
    "negation": lambda b, s: 1 - abs(1 - b - s),
    "allanon": lambda b, s: (b + s) / 2,
    "geometric-mean": lambda b, s: math.sqrt(b * s),
    "parallel": parallel,
    "additive-subtractive": lambda b, s: abs(math.sqrt(b) - math.sqrt(s)),
    "arc-tangent": arc_tangent,
    "gamma-dark": gamma_dark,
    "gamma-light": lambda b, s: b**s,
    "gamma-illumination": lambda b, s: 1 - gamma_dark(1 - b, 1 - s),
    "hard-overlay": hard_overlay,
    "hard-mix:krita": lambda b, s: color_dodge(b, s) if b > 0.5 else color_burn(b, s),
    "interpolation": interpolation,
    "interpolation-2x": lambda b, s: interpolation(interpolation(b, s), interpolation(b, s)),
    "penumbra-a": lambda b, s: penumbra_b(s, b),
    "penumbra-b": penumbra_b,
    "penumbra-c": lambda b, s: penumbra_d(s, b),
    "penumbra-d": penumbra_d,
    "flat-light": flat_light,
    "p-norm-a": lambda b, s: norm(b, s, 7 / 3),
    "p-norm-b": lambda b, s: norm(b, s, 4),
    "super-light": super_light,
    "tint": lambda b, s: min(1.0, s * (1 - b) + math.sqrt(b)),
    "shade": lambda b, s: max(0.0, 1 - ((1 - b) * s + math.sqrt(1 - s))),
    "fog-lighten": lambda b, s: (
        1 - (1 - s) * s - (1 - b) * (1 - s) if s < 0.5 else s - (1 - b) * (1 - s) + (1 - s) ** 2
    ),
    "fog-darken": lambda b, s: (1 - s) * s + s * b if s < 0.5 else s * b + s - s * s,
    "easy-dodge": lambda b, s: 1.0 if s == 1 else b ** ((1 - s) * 1.04),
    "easy-burn": lambda b, s: 1 - (1e-12 if s == 1 else 1 - s) ** (b * 1.04),
    "and": bits(lambda b, s: b & s),
    "or": bits(lambda b, s: b | s),
    "xor": bits(lambda b, s: b ^ s),
    "nand": bits(lambda b, s: ~(b & s)),
    "nor": bits(lambda b, s: ~(b | s)),
    "xnor": bits(lambda b, s: ~(b ^ s)),
    "implication": bits(lambda b, s: ~b | s),
    "not-implication": bits(lambda b, s: b & ~s),
    "converse": bits(lambda b, s: b | ~s),
    "not-converse": bits(lambda b, s: s & ~b),
    "modulo": lambda b, s: modulo(b, s, 1) * s,
    "modulo-continuous": lambda b, s: wave(b, s) * s,
    "divisive-modulo": lambda b, s: modulo(b, s, 1),
    "divisive-modulo-continuous": lambda b, s: wave(b, s),
    "hard-mix:softer": lambda b, s: clamp(3 * b - 2 * (1 - s)),
    "subtract:exchanged": lambda b, s: max(0.0, s - b),
    "divide:exchanged": lambda b, s: 0.0 if s <= 0 else (1.0 if b <= 0 else min(1.0, s / b)),
    "stamp": lambda b, s: clamp(s + 2 * b - 1),
    "modulus-add": modulus_add,
    "modulus-subtract": modulus_subtract,
    "add-modulo": lambda b, s: (level(b, 255) + level(s, 255)) % 256 / 255,
    "subtract-modulo": lambda b, s: (level(b, 255) - level(s, 255)) % 256 / 255,
}


def luma(c):
    return 0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2]


def clip_color(c, lightness):
    light, low, high = lightness(c), min(c), max(c)
    if low < 0:
        c = [light + (x - light) * light / (light - low) for x in c]
    if high > 1:
        c = [light + (x - light) * (1 - light) / (high - light) for x in c]
    return c


def set_light(c, light, lightness=luma):
    d = light - lightness(c)
    return clip_color([x + d for x in c], lambda _: light)


def sat(c):
    return max(c) - min(c)


def set_sat(c, value):
    if sat(c) == 0:
        return [0.0, 0.0, 0.0]
    order = sorted(range(3), key=lambda i: c[i])
    out = [0.0, 0.0, 0.0]
    low, mid, high = order
    out[mid] = (c[mid] - c[low]) * value / (c[high] - c[low])
    out[high] = value
    return out


def weigh(c, weights):
    return sum(w * x for w, x in zip(weights, c, strict=True))


GIMP = (0.22248840, 0.71690369, 0.06060791)
BT709 = (0.212656, 0.715158, 0.072186)
HSY = (0.299, 0.587, 0.114)
MAGICK = (0.298839, 0.586811, 0.114350)


def hue_hsv(b, s):
    if sat(s) <= 1e-6:
        return b
    ratio = sat(b) / sat(s)
    return [x * ratio + max(b) - max(s) * ratio for x in s]


def saturation_hsv(b, s):
    if sat(b) <= 1e-6:
        return [max(b)] * 3
    purity = sat(s) / max(s) if max(s) > 0 else 0.0
    ratio = purity * max(b) / sat(b)
    return [x * ratio + (1 - ratio) * max(b) for x in b]


def value_hsv(b, s):
    return [x * max(s) / max(b) for x in b] if max(b) > 1e-6 else [max(s)] * 3


def color_hsl(b, s):
    light_b, light_s = (max(b) + min(b)) / 2, (max(s) + min(s)) / 2
    if light_s <= 1e-6 or 1 - light_s <= 1e-6:
        return [light_b] * 3
    high_b, high_s = light_b > 0.5, light_s > 0.5
    light_b, light_s = min(light_b, 1 - light_b), min(light_s, 1 - light_s)
    ratio = light_b / light_s
    offset = (1 - 2 * light_b if high_b else 0.0) + (2 * light_b - ratio if high_s else 0.0)
    return [x * ratio + offset for x in s]


def decode(x):
    return x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4


def encode(x):
    return math.copysign(12.92 * abs(x) if abs(x) <= 0.0031308 else 1.055 * abs(x) ** (1 / 2.4) - 0.055, x)


def luminance(b, s):
    b, s = [decode(x) for x in b], [decode(x) for x in s]
    ratio = weigh(s, BT709) / max(weigh(b, BT709), 1e-6)
    return [encode(x * ratio) for x in b]


def shifted(c, amount, lightness):
    """Krita's way of adding lightness: towards it from whatever leaves [0, 1], then cut."""
    moved = [x + amount for x in c]
    light = lightness(moved)
    low, high = min(moved), max(moved)
    if low < 0:
        moved = [light + (x - light) * light / (light - low) for x in moved] if light > low else moved
    if high > 1:
        moved = [light + (x - light) * (1 - light) / (high - light) for x in moved] if high > light else moved
    return [clamp(x) for x in moved]


def hsx(lightness, purity):
    def saturated(c, value):
        return set_light(set_sat(c, value), lightness(c), lightness)

    return {
        "increase-lightness": lambda b, s: shifted(b, lightness(s), lightness),
        "decrease-lightness": lambda b, s: shifted(b, lightness(s) - 1, lightness),
        "increase-saturation": lambda b, s: saturated(b, purity(b) + (1 - purity(b)) * purity(s)),
        "decrease-saturation": lambda b, s: saturated(b, purity(b) * purity(s)),
        "hue": lambda b, s: set_light(set_sat(s, purity(b)), lightness(b), lightness),
        "saturation": lambda b, s: set_light(set_sat(b, purity(s)), lightness(b), lightness),
        "color": lambda b, s: set_light(s, lightness(b), lightness),
        "lightness": lambda b, s: set_light(b, lightness(s), lightness),
    }


def mean(c):
    return sum(c) / 3


def mid(c):
    return (max(c) + min(c)) / 2


def over(a, b):
    return a / b if b > 0 else 0.0


HSX = {
    "hsi": hsx(mean, lambda c: over(mean(c) - min(c), mean(c))),
    "hsl": hsx(mid, lambda c: over(sat(c), 1 - abs(2 * mid(c) - 1))),
    "hsv": hsx(max, lambda c: over(sat(c), max(c))),
    "hsy": hsx(lambda c: weigh(c, HSY), sat),
}


def luma_shift(take, light):
    """The colour of one, shifted to the luma of the other and cut."""
    return lambda b, s: [clamp(x + weigh((b, s)[light], MAGICK) - weigh((b, s)[take], MAGICK)) for x in (b, s)[take]]


def reoriented(b, s):
    t = [2 * s[0] - 1, 2 * s[1] - 1, 2 * s[2]]
    u = [1 - 2 * b[0], 1 - 2 * b[1], 2 * b[2] - 1]
    k = sum(x * y for x, y in zip(t, u, strict=True)) / max(t[2], 1e-7)
    r = [x * k - y for x, y in zip(t, u, strict=True)]
    length = max(math.sqrt(sum(x * x for x in r)), 1e-7)
    return [x / length / 2 + 0.5 for x in r]


def darker(weights):
    return lambda b, s: s if weigh(s, weights) < weigh(b, weights) else b


def lighter(weights):
    return lambda b, s: s if weigh(s, weights) > weigh(b, weights) else b


W3C_LUMA = (0.3, 0.59, 0.11)

WHOLE = {
    "hue": lambda b, s: set_light(set_sat(s, sat(b)), luma(b)),
    "saturation": lambda b, s: set_light(set_sat(b, sat(s)), luma(b)),
    "color": lambda b, s: set_light(s, luma(b)),
    "luminosity": lambda b, s: set_light(b, luma(s)),
    "darker-color": darker(W3C_LUMA),
    "lighter-color": lighter(W3C_LUMA),
    "hue:gimp-hsv": hue_hsv,
    "saturation:gimp-hsv": saturation_hsv,
    "value:gimp-hsv": value_hsv,
    "color:gimp-hsl": color_hsl,
    "luminance": luminance,
    "luma-darken-only": darker(GIMP),
    "luma-lighten-only": lighter(GIMP),
    "darken-intensity": darker(BT709),
    "lighten-intensity": lighter(BT709),
    "bumpmap": lambda b, s: [x * weigh(s, BT709) for x in b],
    "tint:krita-hsy": lambda b, s: [weigh(b, HSY) + x * (1 - weigh(b, HSY)) for x in s],
    "copy-red": lambda b, s: [s[0], b[1], b[2]],
    "copy-green": lambda b, s: [b[0], s[1], b[2]],
    "copy-blue": lambda b, s: [b[0], b[1], s[2]],
    "color:imagemagick": luma_shift(1, 0),
    "luminosity:imagemagick": luma_shift(0, 1),
    "reoriented-normal-map": reoriented,
    "tangent-normal-map": lambda b, s: [b[0] + s[0] - 0.5, b[1] + s[1] - 0.5, b[2] + s[2] - 1],
    **{f"{part}:krita-{model}": f for model, parts in HSX.items() for part, f in parts.items()},
}


def lch(forth, back):
    """Formulas on lightness, chroma and hue, through conversions of one colour."""

    def make(take):
        def formula(b, s):
            (lb, ab, bb), (ls, as_, bs) = forth(np.array(b)), forth(np.array(s))
            chroma_b, chroma_s = math.hypot(ab, bb), math.hypot(as_, bs)
            hue_b, hue_s = math.atan2(bb, ab), math.atan2(bs, as_)
            light, chroma, hue = take((lb, chroma_b, hue_b), (ls, chroma_s, hue_s))
            return list(back(np.array([light, chroma * math.cos(hue), chroma * math.sin(hue)])))

        return formula

    return {
        "hue": make(lambda b, s: (b[0], b[1], s[2] if s[1] > 1e-4 else b[2])),
        "chroma": make(lambda b, s: (b[0], s[1] if b[1] > 1e-4 else b[1], b[2])),
        "color": make(lambda b, s: (b[0], s[1], s[2])),
        "lightness": make(lambda b, s: (s[0], b[1], b[2])),
    }


def mode(name, b, s):
    """Blend two RGB colours."""
    if name in SEPARABLE:
        return [SEPARABLE[name](x, y) for x, y in zip(b, s, strict=True)]
    return WHOLE[name](list(b), list(s))


OPERATORS = {
    "clear": lambda ab, as_: (0, 0),
    "source": lambda ab, as_: (1, 0),
    "destination": lambda ab, as_: (0, 1),
    "source-over": lambda ab, as_: (1, 1 - as_),
    "destination-over": lambda ab, as_: (1 - ab, 1),
    "source-in": lambda ab, as_: (ab, 0),
    "destination-in": lambda ab, as_: (0, as_),
    "source-out": lambda ab, as_: (1 - ab, 0),
    "destination-out": lambda ab, as_: (0, 1 - as_),
    "source-atop": lambda ab, as_: (ab, 1 - as_),
    "destination-atop": lambda ab, as_: (1 - ab, as_),
    "xor": lambda ab, as_: (1 - ab, 1 - as_),
    "plus": lambda ab, as_: (1, 1),
    "saturate": lambda ab, as_: (min(1, (1 - ab) / as_) if as_ > 0 else 1, 1),
}


def composite(b, s, name="normal", operator="source-over"):
    """Put one straight RGBA pixel on another (W3C, sections 5 and 9)."""
    *color_b, alpha_b = b
    *color_s, alpha_s = s
    blended = mode(name, color_b, color_s)
    mixed = [(1 - alpha_b) * x + alpha_b * y for x, y in zip(color_s, blended, strict=True)]
    factor_s, factor_b = OPERATORS[operator](alpha_b, alpha_s)
    premultiplied = [alpha_s * factor_s * x + alpha_b * factor_b * y for x, y in zip(mixed, color_b, strict=True)]
    alpha = min(1.0, alpha_s * factor_s + alpha_b * factor_b)
    if alpha <= 0:
        return [*(color_b if factor_b > 0 else [0, 0, 0]), 0.0]
    return [*(x / alpha for x in premultiplied), alpha]


def image(function, b, s, *args):
    """Apply a function of two pixels to two images of float64."""
    out = np.empty((*b.shape[:2], len(function(list(b[0, 0]), list(s[0, 0]), *args))))
    for y in range(b.shape[0]):
        for x in range(b.shape[1]):
            out[y, x] = function([float(v) for v in b[y, x]], [float(v) for v in s[y, x]], *args)
    return out


def weighed(color_b, weight_b, color_s, weight_s):
    alpha = weight_b + weight_s
    if alpha <= 0:
        return [*color_b, 0.0]
    return [*((x * weight_b + y * weight_s) / alpha for x, y in zip(color_b, color_s, strict=True)), alpha]


def color_to_alpha(color, gone):
    """GIMP's: the least alpha with which some colour over `gone` gives `color`, and that colour."""
    alpha = 0.0
    for x, y in zip(color, gone, strict=True):
        if x > y:
            alpha = max(alpha, (x - y) / (1 - y))
        elif x < y:
            alpha = max(alpha, (y - x) / y)
    if alpha <= 0:
        return list(color), 0.0
    return [(x - y) / alpha + y for x, y in zip(color, gone, strict=True)], alpha


def alpha_mode(b, s, name, opacity):
    """GIMP's and Krita's modes of alpha on one straight RGBA pixel."""
    *color_b, alpha_b = b
    *color_s, alpha_s = s
    full, alpha_s = alpha_s, alpha_s * opacity
    if name == "greater":  # Krita's, from a logistic choice of the larger alpha
        if alpha_b >= 1:
            return [*color_b, alpha_b]
        stays = 1 / (1 + math.exp(-40 * (alpha_b - alpha_s)))
        alpha = max(alpha_b, stays * alpha_b + (1 - stays) * alpha_s)
        share = 1 - (1 - alpha) / (1 - alpha_b)
        return weighed(color_b, alpha_b * (1 - share), color_s, share)
    if name == "behind":
        return weighed(color_b, alpha_b, color_s, alpha_s * (1 - alpha_b))
    if name == "erase":
        return [*color_b, alpha_b - alpha_b * alpha_s]
    if name == "anti-erase":
        return [*color_b, alpha_b + (1 - alpha_b) * alpha_s]
    if name == "color-erase":
        rest, alpha = color_to_alpha(color_b, color_s)
        return weighed(color_b, alpha_b * (1 - alpha_s), rest, alpha_b * alpha_s * alpha)
    if name == "merge":
        return weighed(color_b, min(alpha_b, 1 - alpha_s), color_s, alpha_s)
    if name == "split":
        return [*color_b, alpha_b - alpha_s] if alpha_s <= alpha_b else [*color_s, alpha_s - alpha_b]
    if name == "replace":
        return weighed(color_b, alpha_b * (1 - opacity), color_s, full * opacity)
    raise KeyError(name)
