"""Plain twins of the exemplar and PatchMatch kernels: one pixel, one patch at a time, in float64."""

from __future__ import annotations

import numpy as np


def front(todo):
    """Pixels to fill that have a known pixel beside, above or below, in reading order."""
    height, width = todo.shape
    found = []
    for y in range(height):
        for x in range(width):
            beside = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            if todo[y, x] and any(0 <= i < height and 0 <= j < width and not todo[i, j] for i, j in beside):
                found.append((y, x))
    return found


def confidence(values, todo, y, x, size):
    """Equation 1 of Criminisi et al.: what lies beyond the picture counts as unknown."""
    half, total = size // 2, 0.0
    for i in range(y - half, y + half + 1):
        for j in range(x - half, x + half + 1):
            if 0 <= i < todo.shape[0] and 0 <= j < todo.shape[1] and not todo[i, j]:
                total += float(values[i, j])
    return total / size**2


def data(light, todo, y, x, size, normal):
    """Equation 2 with alpha = 1: the strongest gradient known in the patch, turned, along the normal (down, right)."""
    half, strongest, best = size // 2, -1.0, (0.0, 0.0)
    for i in range(y - half, y + half + 1):
        for j in range(x - half, x + half + 1):
            if 0 <= i < todo.shape[0] and 0 <= j < todo.shape[1]:
                down, right = gradient(light, todo, i, j)
                if down**2 + right**2 > strongest:
                    strongest, best = down**2 + right**2, (down, right)
    return abs(best[0] * normal[1] - best[1] * normal[0])


def gradient(light, todo, y, x):
    """Sobel's, mirrored at the picture's edge; zero where an unknown pixel takes part."""
    height, width = todo.shape
    down = right = 0.0
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            row, col = mirrored(y + i, height), mirrored(x + j, width)
            if todo[row, col]:
                return 0.0, 0.0
            down += i * (2 - abs(j)) * float(light[row, col]) / 8
            right += j * (2 - abs(i)) * float(light[row, col]) / 8
    return down, right


def mirrored(index, length):
    """Continue beyond the edge without repeating the last pixel."""
    return -index if index < 0 else 2 * length - 2 - index if index >= length else index


def distance(features, weight, to, place, size):
    """Weighted squared distance of two patches, named by their top-left pixels."""
    total = 0.0
    for i in range(size):
        for j in range(size):
            for a, b in zip(features[to[0] + i, to[1] + j], features[place[0] + i, place[1] + j], strict=True):
                total += float(weight[to[0] + i, to[1] + j]) * (float(a) - float(b)) ** 2
    return total


def nearest(features, weight, usable, to, size, away=0.0):
    """The place of least distance, in reading order; a whole diagonal of the grid of patches costs `away` a pixel."""
    here = weight[to[0] : to[0] + size, to[1] : to[1] + size].sum()
    best, least = (-1, -1), np.inf
    for y in range(usable.shape[0]):
        for x in range(usable.shape[1]):
            if usable[y, x]:
                far = ((y - to[0]) ** 2 + (x - to[1]) ** 2) / (usable.shape[0] ** 2 + usable.shape[1] ** 2)
                cost = distance(features, weight, to, (y, x), size) + away * here * far
                if cost < least:
                    best, least = (y, x), cost
    return best, least


def choice(features, todo, weight, to, place, size, *, strange, context):
    """All that a place is chosen by, but its distance: the patch, colours not known near by, the surroundings."""
    here, there = (features[y : y + size, x : x + size].astype(float) for y, x in (to, place))
    weight = weight[to[0] : to[0] + size, to[1] : to[1] + size].astype(float)[..., None]
    near = np.s_[max(0, to[0] - size) : to[0] + 2 * size, max(0, to[1] - size) : to[1] + 2 * size]
    known = features[near][~todo[near]]
    beyond = there - np.clip(there, known.min(axis=0), known.max(axis=0))
    total = (weight * (here - there) ** 2).sum() + strange * ((1 - weight) * beyond**2).sum()
    for i in range(-size // 2, 2 * size - size // 2, 2):
        for j in range(-size // 2, 2 * size - size // 2, 2):
            y, x = to[0] + i, to[1] + j
            if 0 <= y < todo.shape[0] and 0 <= x < todo.shape[1] and not todo[y, x]:
                other = min(max(place[0] + i, 0), todo.shape[0] - 1), min(max(place[1] + j, 0), todo.shape[1] - 1)
                total += context * ((features[y, x].astype(float) - features[other]) ** 2).sum()
    return total


def whole_patches(usable, size):
    """Top-left pixels of the patches all of whose pixels are usable."""
    height, width = usable.shape
    return {
        (y, x)
        for y in range(height - size + 1)
        for x in range(width - size + 1)
        if all(usable[y + i, x + j] for i in range(size) for j in range(size))
    }
