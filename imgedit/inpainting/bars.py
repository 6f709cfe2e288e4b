"""Carry posts and wires across a hole: a straight bar that is seen on both sides of it goes on between them.

Patches can't be relied on for that. Where a bar shows on one side in a few rows only, a gap in it costs them less than
the bar does, and on the coarse levels, where the places of things are decided, it is not to be seen at all. That
structure has to come first, in full size, is the finding of J. Sun, L. Yuan, J. Jia, H.-Y. Shum, "Image completion with
structure propagation", ACM TOG 24(3), 2005 (doi:10.1145/1073204.1073274), where a user draws the lines. Here they are
found: ends of bars at the hole's edge (by the structure tensor of W. Forstner, E. Gulch, ISPRS Intercommission
Workshop, 1987), and for each, along its line, the same profile across it on the far side of the hole.

A line that is not there is worse than one that is missing, so every doubt speaks against a bar. What is found is lifted
off, the hole and what the bars hid is filled as ground, and the bars are laid on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.inpainting.patches import whole_patches
from imgedit.inpainting.regions import Flags, Floats
from imgedit.strips import Ticker

__all__ = ["Bar", "find_bars", "lay_bars", "lift_bars"]

# Widest bar, and shortest gap that is bridged, in sides of a patch: a patch shows no more, and bridges less by itself.
WIDEST, SHORTEST = 2, 5
# Pixels beside a bar, on both sides, that belong to its profile.
BESIDE = 3
# Rows across a bar that must be seen at its end, that are looked at, and that must be seen on the far side.
LEAST, MOST, FAR = 10, 24, 2
# Ring of known pixels around the hole in which ends are looked for, and the Gaussian over which a direction is taken.
RING, SMOOTH = 3, 2.5
# Least part of a gradient's energy that has one direction, least cosine between that and the way into the hole, and
# places that are looked at more closely.
ALIGNED, INWARD, PLACES = 0.75, 0.35, 256
# Least difference of a bar from its ground, and how far the ground may differ from one side to the other and a row from
# the profile, in shares of that difference.
CONTRAST, EVEN, STEADY = 0.18, 0.5, 0.35
# Least correlation of the profiles on the two sides of the hole, limits of the ratio of their contrasts, and how far
# the bar's colour may change, in shares of its contrast. Among 450 holes in photos and textures, false pairs reached
# a correlation of 0.9.
LIKE, RATIO, CHANGE = 0.93, (0.6, 1.6), 0.5
# Pixels by which a bar may miss its line on the far side, those for each pixel of the gap, and the steps tried.
MISS, DRIFT, FINE = 1.0, 0.04, 0.5
# Pixels beside a bar that are lifted with it: its blurred rim.
RIM = 2


@dataclass(frozen=True)
class Bar:
    """A straight bar from the last row seen on one side of the hole to the first on the other. Points are (y, x)."""

    start: tuple[float, float]
    """Middle of the last row across it that is seen."""
    way: tuple[float, float]
    """Unit vector into the hole."""
    length: float
    """Pixels from the last row seen to the first beyond the hole."""
    half: float
    """Half of its width."""
    rows: int
    """Rows across it, from `start` away from the hole, that it may be copied from."""
    change: Floats
    """C; by how much its colour is another on the far side."""


@dataclass(frozen=True)
class _Part:
    """What may be looked at of a picture; `values` are 0 elsewhere, `known` is 1 or 0."""

    values: Floats
    known: Floats

    def strips(self, starts: Floats, ways: Floats, along: Floats, across: Floats) -> tuple[Floats, Flags]:
        """Sample in N frames, each with its start and its way: NxTxUxC, and what of it is known."""
        y = starts[:, 0, None, None] + ways[:, 0, None, None] * along[:, None] - ways[:, 1, None, None] * across
        x = starts[:, 1, None, None] + ways[:, 1, None, None] * along[:, None] + ways[:, 0, None, None] * across
        height, width = self.known.shape
        inside = (y >= 0) & (y <= height - 1) & (x >= 0) & (x <= width - 1)
        y, x = y.reshape(-1, len(across)), x.reshape(-1, len(across))
        weight = _sampled(self.known, y, x)
        values = _sampled(self.values, y, x) / np.maximum(weight, 0.5)
        # What is known by half is the known half: a row next to the hole counts wherever between pixels it falls.
        return values.reshape(*inside.shape, -1), inside & (weight > 0.5).reshape(inside.shape)


@dataclass(frozen=True)
class _End:
    """An end of a bar as it is seen at the hole; `profile` holds its pixels across, UxC, at the steps `across`."""

    start: Floats
    way: Floats
    half: float
    rows: int
    across: Floats
    profile: Floats

    @property
    def core(self) -> Flags:
        return np.abs(self.across) <= self.half

    def contrast(self, profile: Floats) -> Floats:
        """Colour of the bar in a profile, less that of the ground on both sides."""
        left, right = _grounds(profile, self.across, self.half)
        return np.asarray(profile[self.core].mean(axis=0) - (left + right) / 2)


def find_bars(values: Floats, hole: Flags, source: Flags | None, size: int, tick: Ticker) -> list[Bar]:
    """Find the bars that end at a hole and go on beyond it.

    Parameters
    ----------
    values : ndarray of float32
        HxWxC.
    hole : ndarray of bool
        HxW.
    source : ndarray of bool or None
        HxW; True where may be copied from; None: everywhere outside the hole.
    size : int
        Side of a patch: bars are up to twice as wide and gaps at least five times as long.
    tick : Ticker
        Called between any two steps.

    Returns
    -------
    list of Bar
        The clearest first; none twice.
    """
    places = _places(values, hole, 2 * size, tick)
    if places is None:
        return []
    known = _Part(values, (~hole).astype(np.float32))
    usable = known
    if source is not None:
        free = (source & ~hole).astype(np.float32)
        usable = _Part(values * free[..., None], free)
    bars: list[Bar] = []
    for start, way, width in _likely(usable, *places, size, tick):
        tick()
        end = _end(usable, start, way, width)
        bar = None if end is None else _across(known, end, SHORTEST * size)
        if bar is not None and not any(_same(bar, other) for other in bars):
            bars.append(bar)
    while bars and not whole_patches((usable.known > 0) & ~lift_bars(hole, bars), size).any():
        bars.pop()  # what is left must be enough to fill the ground with
    return bars


def lift_bars(hole: Flags, bars: list[Bar]) -> Flags:
    """Add to a hole what is seen of some bars at its edge: the ground beneath is not known there either.

    Parameters
    ----------
    hole : ndarray of bool
        HxW.
    bars : list of Bar
        As found.

    Returns
    -------
    ndarray of bool
        HxW.
    """
    out = hole.astype(np.uint8)
    for bar in bars:
        cv2.fillConvexPoly(out, _outline(bar, -bar.rows, bar.length + FAR, bar.half + RIM), 1)
    return out.view(bool)


def lay_bars(ground: Floats, values: Floats, hole: Flags, bars: list[Bar]) -> Floats:
    """Lay bars on the ground that was filled beneath them.

    Rows are taken from the end that is seen, there and back as often as it takes; their colour fades to that beyond.

    Parameters
    ----------
    ground, values : ndarray of float32
        HxWxC; what the hole was filled with, and the picture.
    hole : ndarray of bool
        HxW.
    bars : list of Bar
        As found; where two cross, the first lies on top.

    Returns
    -------
    ndarray of float32
        HxWxC.
    """
    if not bars:
        return ground
    out = ground.copy()
    for bar in reversed(bars):
        area = np.zeros(hole.shape, np.uint8)
        cv2.fillConvexPoly(area, _outline(bar, 0, bar.length, bar.half + RIM), 1)
        rows, cols = np.nonzero(area.view(bool) & hole)
        if len(rows) == 0:
            continue
        (top, left), (down, right) = bar.start, bar.way
        along = (rows - top) * down + (cols - left) * right
        across = (cols - left) * down - (rows - top) * right
        turn = bar.rows - 1
        back = turn - np.abs((along - 1) % (2 * turn) - turn)
        y, x = top - back * down - across * right, left - back * right + across * down
        copied = _sampled(values, y, x) + (along / bar.length)[:, None] * bar.change
        share = np.clip(bar.half + 1 - np.abs(across), 0, 1)[:, None]
        out[rows, cols] += share.astype(np.float32) * (copied.astype(np.float32) - out[rows, cols])
    return out


def _places(values: Floats, hole: Flags, least: int, tick: Ticker) -> tuple[Floats, Floats] | None:
    """Find known pixels at thick parts of a hole where the picture runs one way, into the hole, and give that way."""
    left, top, width, height = cv2.boundingRect(hole.view(np.uint8))
    reach = RING + int(4 * SMOOTH) + 2
    first = max(0, top - reach), max(0, left - reach)
    box = slice(first[0], top + height + reach), slice(first[1], left + width + reach)
    inside = np.ascontiguousarray(hole[box]).view(np.uint8)
    ring = _ring(inside, least)
    if not ring.any():
        return None
    tick()
    rows, cols, moments, weight = _moments(values[box], inside, ring, tick)
    down, both, right = moments
    angle = 0.5 * np.arctan2(2 * both, right - down) + np.pi / 2
    ways = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), SMOOTH)
    inward = np.stack([cv2.Sobel(soft, cv2.CV_32F, *axis)[rows, cols] for axis in ((0, 1), (1, 0))], axis=-1)
    cosine = (ways * inward).sum(axis=1) / np.maximum(np.hypot(*inward.T), 1e-12)
    good = (np.hypot(right - down, 2 * both) > ALIGNED * (down + right)) & (np.abs(cosine) > INWARD)
    # A bar of the least contrast that counts has a gradient of about a twelfth of it, over the window.
    strength = (down + right) / weight
    which = np.flatnonzero(good & (strength > (CONTRAST / 12) ** 2))
    which = which[np.argsort(-strength[which], kind="stable")[:PLACES]]
    starts = np.stack([rows + first[0], cols + first[1]], axis=-1)[which]
    return starts.astype(np.float64), (ways * np.sign(cosine)[:, None])[which].astype(np.float64)


def _ring(inside: NDArray[np.uint8], least: int) -> Flags:
    """Known pixels close to those parts of a hole that hold a square; in text and scratches patches see both sides."""
    square = np.ones((least, least), np.uint8)
    framed = cv2.copyMakeBorder(inside, least, least, least, least, cv2.BORDER_CONSTANT)
    thick = cv2.morphologyEx(framed, cv2.MORPH_OPEN, square)[least:-least, least:-least]
    near = [cv2.dilate(part, np.ones((side, side), np.uint8)) for part, side in ((thick, 9), (inside, 2 * RING + 1))]
    return np.asarray((inside == 0) & (near[0] > 0) & (near[1] > 0))


def _moments(
    values: Floats, inside: NDArray[np.uint8], ring: Flags, tick: Ticker
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[Floats], Floats]:
    """Rows and columns of a ring, the structure tensor there (down down, down right, right right), and its weight."""
    sure = cv2.erode(1 - inside, np.ones((3, 3), np.uint8)).astype(np.float32)  # else the hole's edge is a gradient
    values = np.ascontiguousarray(values)
    down, right = (cv2.Sobel(values, cv2.CV_32F, *axis, scale=1 / 8).reshape(values.shape) for axis in ((0, 1), (1, 0)))
    tick()
    weight = cv2.GaussianBlur(sure, (0, 0), SMOOTH)
    rows, cols = np.nonzero(ring & (weight > 0.2))
    moments = []
    for one, other in ((down, down), (down, right), (right, right)):
        tick()
        moments.append(cv2.GaussianBlur((one * other).mean(axis=2) * sure, (0, 0), SMOOTH)[rows, cols])
    return rows, cols, moments, weight[rows, cols]


def _likely(picture: _Part, starts: Floats, ways: Floats, size: int, tick: Ticker) -> list[tuple[Floats, Floats, int]]:
    """Middle, direction and width of what looks like bars at some places, the clearest first, none twice."""
    if len(starts) == 0:
        return []
    reach = WIDEST * size + 2 * BESIDE
    across = np.arange(-reach, reach + 1.0)
    strips, seen = picture.strips(starts, ways, -np.arange(LEAST + RING + 1.0), across)
    tick()
    count = seen.sum(axis=1)
    profiles = (strips * seen[..., None]).sum(axis=1) / np.maximum(count, 1)[..., None]
    score, middle, width = _clearest(profiles, count > LEAST / 2, WIDEST * size)
    tick()
    found: list[tuple[Floats, Floats, int]] = []
    for index in np.argsort(-score, kind="stable"):
        if score[index] <= 0:
            break
        way = ways[index]
        start = starts[index] + (middle[index] - reach) * np.array([-way[1], way[0]])
        if not any(_beside(start, *other) for other in found):
            found.append((start, way, int(width[index])))
    return found


def _beside(start: Floats, other: Floats, way: Floats, width: int) -> bool:
    """Whether a place is on a bar that is known, near the place where that was found."""
    rest = start - other
    return bool(abs(rest @ (-way[1], way[0])) < BESIDE and np.hypot(*rest) < max(width, 2 * RING))


def _clearest(profiles: Floats, seen: Flags, widest: int) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Find the bar that stands out most from both its sides in each of NxUxC profiles: score, middle and width."""
    score, middle = np.zeros(len(profiles)), np.zeros(len(profiles))
    best = np.zeros(len(profiles), np.intp)
    side, side_seen = _means(profiles, BESIDE), _means(seen[..., None], BESIDE)[..., 0] == 1
    for width in range(2, widest + 1):
        inner, inner_seen = _means(profiles, width), _means(seen[..., None], width)[..., 0] == 1
        # A pixel between the bar and each side is left out: it is a mixture.
        count = side.shape[1] - (BESIDE + width + 2)
        left, at, right = slice(count), slice(BESIDE + 1, BESIDE + 1 + count), slice(BESIDE + width + 2, None)
        contrast = _size(inner[:, at] - (side[:, left] + side[:, right]) / 2)
        uneven = _size(side[:, left] - side[:, right])
        good = inner_seen[:, at] & side_seen[:, left] & side_seen[:, right] & (contrast > CONTRAST)
        own = np.where(good, (contrast - uneven) * np.sqrt(width), 0)  # as a matched filter in noise
        place = own.argmax(axis=1)
        found = own[np.arange(len(own)), place]
        better = found > score
        score[better], best[better] = found[better], width
        middle[better] = BESIDE + 1 + place[better] + (width - 1) / 2
    return score, middle, best


def _means(profiles: NDArray[np.generic], width: int) -> Floats:
    """Means of so many neighbours along the second axis."""
    sums = np.cumsum(np.pad(profiles.astype(np.float64), [(0, 0), (1, 0), (0, 0)]), axis=1)
    return np.asarray((sums[:, width:] - sums[:, :-width]) / width)


def _end(picture: _Part, start: Floats, way: Floats, width: int) -> _End | None:
    """Follow a bar away from the hole, and set its direction right; None where it is not straight for long enough."""
    half = width / 2
    reach = int(np.ceil(half)) + 1 + BESIDE
    across, along = np.arange(-reach, reach + 1.0), -np.arange(-4.0, MOST + 12)
    for _ in range(3):
        strips, seen = picture.strips(start[None], way[None], along, across)
        first, last = _run(seen[0].all(axis=1))
        strip = strips[0, first : min(last, first + MOST)]
        if len(strip) < LEAST:
            return None
        profile = np.median(strip[:LEAST], axis=0)
        left, right = _grounds(profile, across, half)
        contrast = _size(profile[np.abs(across) <= half].mean(axis=0) - (left + right) / 2)
        off = _size((strip - profile).reshape(len(strip), -1)) > STEADY * contrast
        # Where another thing begins it has begun to shine through before.
        rows = int(off.argmax()) - 2 if off.any() else len(strip)
        if rows < LEAST or contrast < CONTRAST or _size(left - right) > EVEN * contrast:
            return None
        seen_at, seen_way = start + along[first] * way, way
        middle = rows // 2
        slope = _shift(strip[:middle].mean(axis=0), strip[middle : 2 * middle].mean(axis=0)) / middle
        way = way + slope * np.array([way[1], -way[0]])
        way /= np.hypot(*way)
    return _End(seen_at, seen_way, half, rows, across, np.median(strip[:rows], axis=0))


def _across(picture: _Part, end: _End, shortest: int) -> Bar | None:
    """Look for the same profile where the line of a bar leaves the hole; None where any doubt is left."""
    along = np.arange(1.0, np.hypot(*picture.known.shape))
    _, seen = picture.strips(end.start[None], end.way[None], along, end.across)
    first, last = _run(seen[0].all(axis=1))
    if last - first < FAR or first < shortest:
        return None
    beyond = along[first : first + FAR]
    limit = FINE * np.floor((MISS + DRIFT * first) / FINE)
    fine = np.arange(end.across[0] - limit, end.across[-1] + limit + FINE / 2, FINE)
    wide, wide_seen = picture.strips(end.start[None], end.way[None], beyond, fine)
    step, span = int(1 / FINE), len(end.across)
    best, profile, miss = LIKE, None, 0.0
    for index in range(len(fine) - step * (span - 1)):
        which = slice(index, index + step * span, step)
        own = wide[0][:, which].mean(axis=0)
        if wide_seen[0][:, which].all() and (like := _correlation(own, end.profile)) > best:
            best, profile, miss = like, own, fine[index] - end.across[0]
    if profile is None or not _alike(profile, end) or not _fits_between(picture, end, along[:first], miss):
        return None
    goal = beyond[0] * end.way + miss * np.array([-end.way[1], end.way[0]])
    length = float(np.hypot(*goal))
    change = (profile - end.profile)[end.core].mean(axis=0)
    return Bar(_point(end.start), _point(goal / length), length, end.half, end.rows, change.astype(np.float32))


def _alike(profile: Floats, end: _End) -> bool:
    """Whether a bar on the far side has about the contrast and the colour of that on this side."""
    here, there = end.contrast(end.profile), end.contrast(profile)
    ratio = float(here @ there) / float(here @ here)
    change = _size((profile - end.profile)[end.core].mean(axis=0))
    return RATIO[0] < ratio < RATIO[1] and bool(change < CHANGE * _size(here))


def _fits_between(picture: _Part, end: _End, along: Floats, miss: float) -> bool:
    """Whether the hole hides most of the bar, and what is known of it, at the edges and on islands, is the bar."""
    # Where the bar drifts to the side, by `miss` in all, only its middle is sure to be met.
    core = np.abs(end.across) <= max(0.5, end.half - abs(miss))
    strips, seen = picture.strips(end.start[None], end.way[None], along, end.across[core])
    if seen.mean() > 0.5:
        return False
    off = _size(strips[0] - end.profile[core])[seen[0]]
    return not off.size or bool(off.mean() < CHANGE * _size(end.contrast(end.profile)))


def _same(bar: Bar, other: Bar) -> bool:
    """Whether two bars lie on each other: as far apart as they are wide, and parallel or nearly so."""
    middle = np.add(bar.start, np.multiply(bar.way, bar.length / 2)) - other.start
    down, right = other.way
    parallel = abs(bar.way[0] * down + bar.way[1] * right) > 0.95
    inside = 0 < middle @ (down, right) < other.length
    return bool(parallel and inside and abs(middle @ (-right, down)) < bar.half + other.half)


def _outline(bar: Bar, first: float, last: float, half: float) -> NDArray[np.int32]:
    """Corners (x, y) of a piece of a bar."""
    way = np.array(bar.way)
    side = half * np.array([-way[1], way[0]])
    ends = [bar.start + first * way, bar.start + last * way]
    corners = np.array([ends[0] + side, ends[1] + side, ends[1] - side, ends[0] - side])
    return np.asarray(np.rint(corners[:, ::-1]), np.int32)


def _sampled(array: Floats, y: Floats, x: Floats) -> Floats:
    """Interpolate a picture, HxW or HxWxC, at some places, linearly; OpenCV's remap takes no side above 32767."""
    height, width = array.shape[:2]
    y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
    top, left = y.astype(np.intp), x.astype(np.intp)
    down, right = ((part - np.floor(part)).astype(np.float32)[..., None] for part in (y, x))
    flat = array.reshape(height * width, -1)
    first, second = top * width, np.minimum(top + 1, height - 1) * width
    beside = np.minimum(left + 1, width - 1)
    upper, lower = (
        flat.take(row + left, axis=0) * (1 - right) + flat.take(row + beside, axis=0) * right for row in (first, second)
    )
    return np.asarray(upper * (1 - down) + lower * down)


def _grounds(profile: Floats, across: Floats, half: float) -> tuple[Floats, Floats]:
    """Mean colours on the two sides of a bar."""
    return profile[across < -half - 1].mean(axis=0), profile[across > half + 1].mean(axis=0)


def _run(flags: Flags) -> tuple[int, int]:
    """First and last (not included) of the first run of True of at least FAR; two equal numbers where there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if last - first >= FAR:
            return first, last
    return 0, 0


def _shift(here: Floats, there: Floats) -> float:
    """Pixels by which a profile has moved, to first order (Lucas and Kanade)."""
    slope = np.gradient(here, axis=0)
    return -float((slope * (there - here)).sum() / max(float((slope * slope).sum()), 1e-12))


def _correlation(one: Floats, other: Floats) -> float:
    """Correlation of two profiles, each channel with its own mean."""
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    return float(np.vdot(one, other) / np.sqrt(np.vdot(one, one) * np.vdot(other, other) + 1e-12))


def _size(colors: Floats) -> Floats:
    """Root of the mean square over the last axis."""
    return np.asarray(np.sqrt(np.mean(np.square(colors), axis=-1)))


def _point(values: Floats) -> tuple[float, float]:
    return float(values[0]), float(values[1])
