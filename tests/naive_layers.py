"""Plain twins for layers, depth and effects: one pixel at a time in float64."""

from __future__ import annotations

import math

import numpy as np

from imgedit import Group, Layer

FORMULAS = {
    "normal": lambda b, s: s,
    "multiply": lambda b, s: b * s,
    "screen": lambda b, s: b + s - b * s,
    "difference": lambda b, s: abs(b - s),
}


def over(backdrop, source, mode="normal"):
    """W3C's equation for one pixel: (color, alpha) on (color, alpha)."""
    color_b, alpha_b = backdrop
    color_s, alpha_s = source
    alpha = alpha_s + alpha_b * (1 - alpha_s)
    if alpha == 0:
        return [0.0] * len(color_b), 0.0
    color = []
    for b, s in zip(color_b, color_s, strict=True):
        mixed = (1 - alpha_b) * s + alpha_b * FORMULAS[mode](b, s)
        color.append((alpha_s * mixed + alpha_b * (1 - alpha_s) * b) / alpha)
    return color, alpha


def fade(before, after, share):
    """Mix two pixels, premultiplied."""
    alpha = before[1] * (1 - share) + after[1] * share
    if alpha == 0:
        return before[0], 0.0
    pairs = zip(before[0], after[0], strict=True)
    return [(b * before[1] * (1 - share) + a * after[1] * share) / alpha for b, a in pairs], alpha


def pixel(layer, y, x):
    """Colour and alpha of a layer at a place of the canvas."""
    left, top = layer.offset or (0, 0)
    row, column = y - top, x - left
    height, width = layer.image.shape[:2]
    if not (0 <= row < height and 0 <= column < width):
        return [0.0] * 3, 0.0
    white = 1.0 if layer.image.dtype.kind == "f" else float(np.iinfo(layer.image.dtype).max)
    values = np.atleast_1d(layer.image[row, column]).astype(np.float64) / white
    color = list(values[:3]) if len(values) >= 3 else [values[0]] * 3
    alpha = values[3] if len(values) == 4 else 1.0
    if layer.mask is not None:
        full = 1.0 if layer.mask.dtype.kind in "fb" else float(np.iinfo(layer.mask.dtype).max)
        alpha *= float(layer.mask[row, column]) / full
    return color, alpha


def paint(layers, y, x, backdrop, initial, knocks=False):
    """One level of a stack on one pixel."""
    n = 0
    while n < len(layers):
        base = layers[n]
        end = n + 1
        while end < len(layers) and layers[end].clip:
            end += 1
        clipped, n = layers[n + 1 : end], end
        if not base.visible:
            continue
        if isinstance(base, Group) and base.isolation == "pass-through" and not clipped:
            inside = paint(base.layers, y, x, backdrop, backdrop, base.knockout)
            backdrop = fade(backdrop, inside, base.opacity * _mask(base, y, x))
            continue
        if isinstance(base, Group):
            clear = ([0.0] * 3, 0.0)
            color, alpha = paint(base.layers, y, x, clear, clear, base.knockout)
            alpha *= _mask(base, y, x)
        else:
            color, alpha = pixel(base, y, x)
        for one in clipped:
            color_c, alpha_c = pixel(one, y, x)
            color, _ = over((color, 1.0), (color_c, alpha_c * one.opacity), one.mode)
        if knocks or getattr(base, "knockout", "none") == "shallow":
            shown = over(initial, (color, base.opacity), base.mode)
            backdrop = fade(backdrop, shown, alpha)
        else:
            backdrop = over(backdrop, (color, alpha * base.opacity), base.mode)
    return backdrop


def _mask(group, y, x):
    if group.mask is None:
        return 1.0
    left, top = group.offset or (0, 0)
    row, column = y - top, x - left
    height, width = group.mask.shape
    return float(group.mask[row, column]) if 0 <= row < height and 0 <= column < width else 0.0


def flatten(layers, size):
    """RGBA in float64."""
    out = np.zeros((*size, 4))
    clear = ([0.0] * 3, 0.0)
    for y in range(size[0]):
        for x in range(size[1]):
            color, alpha = paint(layers, y, x, clear, clear)
            out[y, x] = [*color, alpha]
    return out


def composite_depth(layers):
    """Sort each pixel by depth and put the images over each other, the farthest first."""
    height, width = layers[0][1].shape
    out = np.zeros((height, width, 4))
    for y in range(height):
        for x in range(width):
            # Python's sort is stable: of equal depths the first listed must come last, on top.
            order = list(layers)[::-1]
            order.sort(key=lambda layer: -float(layer[1][y, x]))
            result = ([0.0] * 3, 0.0)
            for image, _ in order:
                result = over(result, pixel(Layer(image), y, x))
            out[y, x] = [*result[0], result[1]]
    return out


def distance(alpha):
    """Signed distance to the rim by trying every pixel; the rim runs alpha - 1/2 outside of a pixel's centre."""
    alpha = np.pad(alpha, 1)
    height, width = alpha.shape
    out = np.zeros(alpha.shape)
    points = [(y, x) for y in range(height) for x in range(width)]
    for y, x in points:
        value = alpha[y, x]
        if 0 < value < 1:
            out[y, x] = 0.5 - value
            continue
        best = None
        for v, u in points:
            if (alpha[v, u] > 0) == (value <= 0) if value <= 0 else alpha[v, u] < 1:
                other = alpha[v, u]
                length = math.hypot(y - v, x - u) + (0.5 - other if value <= 0 else other - 0.5)
                best = length if best is None else min(best, length)
        out[y, x] = best if value <= 0 else -best
    return out[1:-1, 1:-1]


def gaussian(values, sigma, border=0.0):
    """Separable convolution with a sampled Gaussian, summed term by term."""
    half = math.ceil(3 * sigma)
    weights = [math.exp(-(k * k) / (2 * sigma * sigma)) for k in range(-half, half + 1)]
    weights = [w / sum(weights) for w in weights]
    for _ in range(2):
        wide = np.pad(values, ((half, half), (0, 0)), constant_values=border)
        values = sum(w * wide[k : k + values.shape[0]] for k, w in enumerate(weights)).T
    return values
