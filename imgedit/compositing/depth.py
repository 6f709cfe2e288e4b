"""Compositing by depth: who is in front is decided for each pixel, not for each layer.

Hard depth compositing is the z-buffer of Catmull (1974) carried to images with alpha and depth, the "zover" of Duff,
"Compositing 3-D rendered images", SIGGRAPH 1985 (doi:10.1145/325165.325174). Here a layer j hides a layer i with a
probability f(i, j) that rises smoothly from 0 to 1 while j moves from `softness` behind i to `softness` before it, so
that surfaces that cross do not meet in a staircase. What is seen of layer i is

    w_i = alpha_i * prod over j of (1 - alpha_j f(i, j)),

scaled so that all w_i together cover 1 - prod(1 - alpha_i). With hard decisions that is source-over in depth order, and
the result does not depend on the order of the layers in the list.

Fog follows Koschmieder's law (1924): what is seen is colour * t + fog * (1 - t) with t = exp(-density * distance). The
blur of depth of field has the thin lens' circle of confusion, which grows with |1 - focus / distance| (Potmesil and
Chakravarty, SIGGRAPH 1981, doi:10.1145/800224.806818); the picture is cut into slices of like blur that are put over
each other from far to near, so that a sharp object keeps its edge before a blurred ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.color import linear_to_srgb, parse_color, srgb_to_linear
from imgedit.errors import ArgumentError, ImageError
from imgedit.pixels import (
    Image,
    Mask,
    Progress,
    as_float,
    check,
    check_alpha,
    check_number,
    check_same_size,
    describe,
    hard_mask,
    join_alpha,
    like,
    split_alpha,
)
from imgedit.strips import each_strip

__all__ = ["align_depth", "composite_depth", "depth_of_field", "fog"]

Floats = NDArray[np.float32]
Near = Literal["small", "large"]

# Neighbours whose order differs by more than this lie on two sides of a silhouette; less is a surface that tilts.
SILHOUETTE = 0.5

# Slices of blur in depth_of_field: more can't be told apart below a radius of some 30 pixels.
MOST_SLICES = 24


@overload
def composite_depth(
    layers: Sequence[tuple[Image, NDArray[Any]]],
    *,
    softness: float = ...,
    edge: float | None = ...,
    near: Near = ...,
    with_depth: Literal[False] = ...,
    progress: Progress | None = ...,
) -> Image: ...


@overload
def composite_depth(
    layers: Sequence[tuple[Image, NDArray[Any]]],
    *,
    softness: float = ...,
    edge: float | None = ...,
    near: Near = ...,
    with_depth: Literal[True],
    progress: Progress | None = ...,
) -> tuple[Image, Floats]: ...


def composite_depth(
    layers: Sequence[tuple[Image, NDArray[Any]]],
    *,
    softness: float = 0.0,
    edge: float | None = None,
    near: Near = "small",
    with_depth: bool = False,
    progress: Progress | None = None,
) -> Image | tuple[Image, Floats]:
    """Put pictures together by their depth: in each pixel the nearest one is seen.

    Parameters
    ----------
    layers : sequence of (image, depth)
        Images of one size (HxW, HxWx3 or HxWx4; grey and RGB may be mixed) and dtype, each with its depth: HxW real
        numbers in one unit for all layers. Infinite depth is allowed, NaN is not. Between equal depths the layer that
        stands first in the list is in front.
    softness : float
        In units of depth: layers whose depths differ by less than this are mixed, half and half where they are equal.
        0 decides hard, as a z-buffer does.
    edge : float, optional
        In pixels: width of the ramp over which a silhouette (a jump in depth) passes from one layer to the other. The
        ramp takes colour from the visible side of each layer only, so it brings no fringe of what lies behind. Default:
        2 where `softness` is not 0, else 0.
    near : {"small", "large"}
        Whether small depths are near (metres from the camera) or large ones (disparity, inverse depth).
    with_depth : bool
        Also give the merged depth.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    image : ndarray
        The dtype of the layers; with alpha if any layer has it, with colour if any layer has it.
    depth : ndarray of float32
        Only with `with_depth`: HxW, the depth of the layer that is seen most, never a mean of two (which would float
        between the surfaces); where nothing is, the farthest possible (infinity, minus infinity for ``near="large"``).

    Raises
    ------
    ImageError
        An image or depth that is none, or of another size or dtype than the first.
    ArgumentError
        No layers, or a parameter out of range.

    Notes
    -----
    Two opaque layers with ``softness=0`` equal ``np.where(depth_b < depth_a, b, a)`` exactly.

    References
    ----------
    T. Duff, "Compositing 3-D rendered images", SIGGRAPH 1985, doi:10.1145/325165.325174

    Examples
    --------
    >>> import imgedit as ie
    >>> red, blue = np.zeros((2, 1, 2, 3), np.uint8)
    >>> red[..., 0], blue[..., 2] = 255, 255
    >>> near_left, near_right = np.array([[1.0, 3.0]]), np.array([[2.0, 2.0]])
    >>> ie.composite_depth([(red, near_left), (blue, near_right)]).tolist()
    [[[255, 0, 0], [0, 0, 255]]]
    """
    images, depths = _check_layers(layers)
    softness = check_number(softness, "softness", least=0)
    edge = (2.0 if softness else 0.0) if edge is None else check_number(edge, "edge", least=0, most=64)
    sign = _sign(near)
    color = any(image.ndim == 3 for image in images)
    clear = any(split_alpha(image)[1] is not None for image in images)
    height, width = images[0].shape[:2]
    shape = (height, width, 3 + clear) if color else (height, width)
    out = np.empty(shape, images[0].dtype)
    merged = np.empty((height, width) if with_depth else (0, 0), np.float32)
    halo = int(np.ceil(2 * edge)) + 1 if edge else 0

    def work(top: int, bottom: int) -> None:
        first, last = max(0, top - halo), min(height, bottom + halo)
        inner = slice(top - first, bottom - first)
        colors, alphas = zip(*(_planes(image[first:last], color) for image in images), strict=True)
        fronts = [sign * depth[first:last] for depth in depths]
        orders = _orders(fronts, softness)
        weights = _visible(alphas, orders)
        total = _union(alphas)
        if edge:
            colors, weights, total = _smooth_silhouettes(colors, weights, total, orders, edge)
        # Where one layer is all that is seen, its colour must come through untouched, so no division then.
        mixed = np.zeros_like(colors[0])
        share = np.maximum(total, np.float32(1e-12))
        for picture, weight in zip(colors, weights, strict=True):
            part = (weight / share)[..., None] if color else weight / share
            mixed += np.where(part > 0, part * picture, 0)
        strip = (join_alpha(mixed, total) if clear else mixed)[inner]
        out[top:bottom] = like(strip, out.dtype)
        if with_depth:
            merged[top:bottom] = sign * _nearest(fronts, weights)[inner]

    each_strip(work, height, row_bytes=width * len(images) * 32, progress=progress)
    return (out, merged) if with_depth else out


def _check_layers(layers: Sequence[tuple[Image, NDArray[Any]]]) -> tuple[list[Image], list[Floats]]:
    if not isinstance(layers, Sequence) or not layers:
        raise ArgumentError("layers", f"is {layers!r:.60}", "give a list of (image, depth) pairs")
    images, depths = [], []
    for n, pair in enumerate(layers):
        name = f"layers[{n}]"
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ArgumentError(name, "is not a pair", "give (image, depth)")
        image = check(pair[0], f"{name} image")
        check_alpha(image, f"{name} image")
        if images:
            check_same_size(image, images[0], f"{name} image", "layers[0] image")
            if image.dtype != images[0].dtype:
                raise ImageError(
                    f"{name} image",
                    f"is {image.dtype} but the first is {images[0].dtype}",
                    "convert it: ie.to_float(...)",
                )
        images.append(image)
        depths.append(_check_depth(pair[1], image, f"{name} depth"))
    return images, depths


def _check_depth(depth: NDArray[Any], image: Image | None, name: str = "depth") -> Floats:
    if not isinstance(depth, np.ndarray) or depth.ndim != 2 or depth.dtype.kind not in "uif" or depth.size == 0:
        raise ImageError(name, f"is {describe(depth)}", "give HxW real numbers")
    if image is not None:
        check_same_size(depth, image, name, "its image")
    if depth.dtype.kind == "f" and np.isnan(depth).any():
        raise ImageError(name, "holds NaN", "put the farthest depth there: np.nan_to_num(depth, nan=np.inf)")
    return np.ascontiguousarray(depth, np.float32)


def _sign(near: str) -> np.float32:
    if near not in ("small", "large"):
        raise ArgumentError("near", f"is {near!r}", 'give "small" (distance) or "large" (disparity)')
    return np.float32(1 if near == "small" else -1)


def _planes(image: Image, color: bool) -> tuple[Floats, Floats]:
    picture, alpha = split_alpha(as_float(image))
    if color and picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    if alpha is None:
        alpha = np.ones(image.shape[:2], np.float32)
    return picture, alpha


def _orders(fronts: Sequence[Floats], softness: float) -> dict[tuple[int, int], Floats]:
    """For each pair i < j how far j is in front of i: 0 (behind) to 1 (in front)."""
    orders = {}
    for j, front in enumerate(fronts):
        for i, other in enumerate(fronts[:j]):
            if softness:
                with np.errstate(invalid="ignore"):  # infinity less infinity: equally far, so half and half
                    step = np.clip((other - front) / np.float32(2 * softness) + np.float32(0.5), 0, 1)
                np.copyto(step, np.float32(0.5), where=np.isnan(step))
                orders[i, j] = step * step * (3 - 2 * step)
            else:
                orders[i, j] = (front < other).astype(np.float32)
    return orders


def _visible(alphas: Sequence[Floats], orders: dict[tuple[int, int], Floats]) -> list[Floats]:
    weights = [alpha.copy() for alpha in alphas]
    for (i, j), front in orders.items():
        weights[i] *= 1 - alphas[j] * front
        weights[j] *= 1 - alphas[i] * (1 - front)
    total, union = np.sum(weights, axis=0), _union(alphas)
    # Both are 0 where nothing is; equal wherever the decisions are hard, up to rounding that a division would keep.
    scale = np.divide(union, total, out=np.ones_like(total), where=np.abs(total - union) > 1e-6)
    return [weight * scale for weight in weights]


def _union(alphas: Sequence[Floats]) -> Floats:
    clear = np.ones_like(alphas[0])
    for alpha in alphas:
        clear *= 1 - alpha
    return np.asarray(1 - clear)


def _smooth_silhouettes(
    colors: Sequence[Floats],
    weights: list[Floats],
    total: Floats,
    orders: dict[tuple[int, int], Floats],
    edge: float,
) -> tuple[list[Floats], list[Floats], Floats]:
    """Turn each jump of the order into a ramp of coverage; far from jumps nothing changes."""
    sigma = edge / 2.5  # a Gaussian step passes from 10 to 90 % within 2.56 sigma
    jump = np.zeros_like(total)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for front in orders.values():
        step = cv2.morphologyEx(front, cv2.MORPH_GRADIENT, cross)
        np.maximum(jump, step, out=jump)
    near = (jump > SILHOUETTE).astype(np.float32)
    if not near.any():
        return list(colors), weights, total
    # The ramp fades out towards its ends by itself: blurred weights equal the weights where the order is constant.
    reach = 2 * int(np.ceil(edge / 2)) + 1
    near = cv2.dilate(near, np.ones((reach, reach), np.uint8)) > 0

    def soft(plane: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))

    smooth_colors, smooth_weights = [], []
    for color, weight in zip(colors, weights, strict=True):
        ramp = soft(weight)
        spread = soft(color * (weight[..., None] if color.ndim == 3 else weight))
        extended = spread / np.maximum(ramp[..., None] if color.ndim == 3 else ramp, np.float32(1e-12))
        hidden = near & (weight < np.float32(0.5) * ramp)
        smooth_colors.append(np.where(hidden[..., None] if color.ndim == 3 else hidden, extended, color))
        smooth_weights.append(np.where(near, ramp, weight))
    return smooth_colors, smooth_weights, np.where(near, np.sum(smooth_weights, axis=0), total)


def _nearest(fronts: Sequence[Floats], weights: Sequence[Floats]) -> Floats:
    most = np.zeros_like(weights[0])
    depth = np.full_like(fronts[0], np.inf)
    for front, weight in zip(fronts, weights, strict=True):
        seen = weight > most
        np.copyto(depth, front, where=seen)
        np.copyto(most, weight, where=seen)
    return depth


@overload
def align_depth(
    depth: NDArray[Any],
    reference: NDArray[Any],
    *,
    mask: Mask | None = ...,
    seed: int = ...,
    with_scale_shift: Literal[False] = ...,
) -> Floats: ...


@overload
def align_depth(
    depth: NDArray[Any],
    reference: NDArray[Any],
    *,
    mask: Mask | None = ...,
    seed: int = ...,
    with_scale_shift: Literal[True],
) -> tuple[Floats, float, float]: ...


def align_depth(
    depth: NDArray[Any],
    reference: NDArray[Any],
    *,
    mask: Mask | None = None,
    seed: int = 0,
    with_scale_shift: bool = False,
) -> Floats | tuple[Floats, float, float]:
    """Scale and shift one depth map so that it fits another.

    Depth from a network or from another camera is known up to a scale and a shift. Both are found by robust least
    squares over the pixels of the mask: the median slope of random pairs of pixels (Theil and Sen), then weighted least
    squares with Tukey's biweight, so that a quarter of grossly wrong pixels (another object, a hole) does no harm.

    Parameters
    ----------
    depth : ndarray
        HxW real numbers, the map to bring over.
    reference : ndarray
        HxW real numbers, the map to fit. Pixels that are infinite or NaN in either map are left out.
    mask : ndarray, optional
        HxW mask of the pixels where both maps show the same thing; default all.
    seed : int
        Seed of the random pairs.
    with_scale_shift : bool
        Also give scale and shift.

    Returns
    -------
    aligned : ndarray of float32
        HxW, ``scale * depth + shift``.
    scale, shift : float
        Only with `with_scale_shift`.

    Raises
    ------
    ImageError
        Maps or mask that do not fit together.
    ArgumentError
        Fewer than two pixels to compare, or a depth that is constant there.

    References
    ----------
    P. K. Sen, JASA 63 (1968), doi:10.1080/01621459.1968.10480934; Beaton and Tukey, Technometrics 16 (1974),
    doi:10.1080/00401706.1974.10489171

    Examples
    --------
    >>> import imgedit as ie
    >>> a = np.array([[1.0, 2.0], [3.0, 5.0]])
    >>> ie.align_depth(a, 2 * a + 1).tolist()
    [[3.0, 5.0], [7.0, 11.0]]
    """
    for name, value in (("depth", depth), ("reference", reference)):
        if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype.kind not in "uif" or value.size == 0:
            raise ImageError(name, f"is {describe(value)}", "give HxW real numbers")
    check_same_size(depth, reference, "depth", "reference")
    valid = np.isfinite(depth) & np.isfinite(reference)
    if mask is not None:
        valid &= hard_mask(mask, depth)
    x, y = depth[valid].astype(np.float64), reference[valid].astype(np.float64)
    if len(x) < 2 or not np.ptp(x) > 0:
        raise ArgumentError(
            "depth", f"has {len(x)} comparable pixels of one value", "give a mask with different depths in it"
        )
    scale, shift = _robust_line(x, y, np.random.default_rng(seed))
    aligned = (scale * depth + shift).astype(np.float32)
    return (aligned, scale, shift) if with_scale_shift else aligned


def _robust_line(x: NDArray[np.float64], y: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    pairs = rng.integers(0, len(x), (2, 20_000)) if len(x) > 200 else np.stack(np.triu_indices(len(x), 1))
    run = x[pairs[1]] - x[pairs[0]]
    # Pairs that lie close give slopes that are all noise; the longer half decides.
    far = (np.abs(run) >= np.median(np.abs(run))) & (run != 0)
    if not far.any():
        far = run != 0
    rise = y[pairs[1]] - y[pairs[0]]
    scale = float(np.median(rise[far] / run[far])) if far.any() else 0.0
    shift = float(np.median(y - scale * x))
    for _ in range(30):
        error = y - scale * x - shift
        # 1.4826 * MAD is the standard deviation of Gaussian noise, 4.685 gives 95 % efficiency on it.
        spread = 4.685 * 1.4826 * float(np.median(np.abs(error)))
        if spread <= 1e-12 * max(1.0, float(np.abs(y).max())):
            break
        weight = np.square(np.clip(1 - np.square(error / spread), 0, None))
        mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
        variance = float(np.sum(weight * np.square(x - mean_x)))
        if variance <= 0:
            break
        slope = float(np.sum(weight * (x - mean_x) * (y - mean_y))) / variance
        done = abs(slope - scale) <= 1e-12 * abs(slope)
        scale, shift = slope, float(mean_y - slope * mean_x)
        if done:
            break
    return scale, shift


def fog(
    image: Image,
    depth: NDArray[Any],
    *,
    density: float = 0.1,
    color: str | tuple[float, ...] = "#c8d0d8",
    start: float = 0.0,
    near: Near = "small",
    space: Literal["srgb", "linear"] = "srgb",
) -> Image:
    """Lay fog over a picture: the farther, the more.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; alpha is kept.
    depth : ndarray
        HxW distance for ``near="small"``, disparity (inverse distance) for ``near="large"``. Infinite distance is all
        fog.
    density : float
        Extinction per unit of distance: at distance ``start + 1 / density`` 37 % of the picture is left.
    color : str or tuple of float
        Colour of the fog; on a grey image its luma.
    start : float
        Distance before which the air is clear.
    near : {"small", "large"}
        Whether `depth` is distance or disparity.
    space : {"srgb", "linear"}
        Mix encoded values, as editors do, or light, as air does.

    Returns
    -------
    ndarray
        Same shape and dtype as the image.

    Raises
    ------
    ImageError
        An image or depth that is none, or sizes that differ.
    ArgumentError
        A parameter out of range.

    References
    ----------
    H. Koschmieder, "Theorie der horizontalen Sichtweite", 1924

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.fog(np.zeros((1, 2), np.uint8), np.array([[0.0, np.inf]]), color="white").tolist()
    [[0, 255]]
    """
    image = check(image)
    distance = _distance(_check_depth(depth, image), near)
    density = check_number(density, "density", least=0)
    start = check_number(start, "start")
    if space not in ("srgb", "linear"):
        raise ArgumentError("space", f"is {space!r}", 'give "srgb" or "linear"')
    paint = parse_color(color)[:3]
    if image.ndim == 2:
        paint = paint @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    if space == "linear":
        paint = srgb_to_linear(paint)
    out = np.empty(image.shape, image.dtype)

    def work(top: int, bottom: int) -> None:
        picture, alpha = split_alpha(as_float(image[top:bottom]))
        through = np.exp(-density * np.maximum(distance[top:bottom] - np.float32(start), 0)) if density else 1.0
        through = np.broadcast_to(np.float32(through), picture.shape[:2])
        if picture.ndim == 3:
            through = through[..., None]
        light = srgb_to_linear(picture) if space == "linear" else picture
        light = light * through + paint * (1 - through)
        light = linear_to_srgb(light) if space == "linear" else light
        out[top:bottom] = like(join_alpha(light, alpha), image.dtype)

    each_strip(work, image.shape[0], row_bytes=image.shape[1] * 48)
    return out


def _distance(depth: Floats, near: Near) -> Floats:
    if _sign(near) > 0:
        return depth
    with np.errstate(divide="ignore"):
        return np.asarray(1 / np.maximum(depth, 0))


def depth_of_field(
    image: Image,
    depth: NDArray[Any],
    *,
    focus: float,
    radius: float = 8.0,
    near: Near = "small",
    space: Literal["srgb", "linear"] = "linear",
    progress: Progress | None = None,
) -> Image:
    """Blur a picture by its depth, as a lens does that is focused at one distance.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4.
    depth : ndarray
        HxW distance for ``near="small"``, disparity (inverse distance) for ``near="large"``.
    focus : float
        The depth, in the unit of `depth`, that stays sharp.
    radius : float
        Radius in pixels of the disc that a point at infinity becomes. A point at distance d becomes a disc of
        ``radius * |1 - focus / d|``, at most 4 times `radius`.
    near : {"small", "large"}
        Whether `depth` is distance or disparity.
    space : {"srgb", "linear"}
        Blur light, as a lens does (bright points stay bright), or encoded values.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray
        Same shape and dtype as the image.

    Raises
    ------
    ImageError
        An image or depth that is none, or sizes that differ.
    ArgumentError
        A parameter out of range.

    Notes
    -----
    What a blurred foreground lets through at its rim was never photographed: it is filled from what is seen beside it.

    References
    ----------
    Potmesil and Chakravarty, SIGGRAPH 1981, doi:10.1145/800224.806818

    Examples
    --------
    >>> import imgedit as ie
    >>> picture = np.eye(9, dtype=np.float32)
    >>> bool((ie.depth_of_field(picture, np.full((9, 9), 2.0), focus=2.0) == picture).all())
    True
    """
    image = check(image)
    check_alpha(image)
    depth = _check_depth(depth, image)
    focus = check_number(focus, "focus", above=0)
    radius = check_number(radius, "radius", least=0, most=200)
    if space not in ("srgb", "linear"):
        raise ArgumentError("space", f"is {space!r}", 'give "srgb" or "linear"')
    blur = _signed_blur(depth, focus, radius, near)
    slices = _slices(blur)
    if not np.any(slices):
        return image.copy()
    picture, alpha = split_alpha(as_float(image))
    if space == "linear":
        picture = srgb_to_linear(picture)
    light = np.dstack([picture, np.ones(depth.shape, np.float32) if alpha is None else alpha])
    light[..., :-1] *= light[..., -1:]
    spread = _over_slices(light, blur, slices, progress)
    cover = spread[..., -1] if alpha is not None else np.ones(depth.shape, np.float32)
    color = spread[..., :-1] / np.maximum(spread[..., -1:], np.float32(1e-6))
    color = linear_to_srgb(color) if space == "linear" else color
    color = color[..., 0] if image.ndim == 2 else color
    # What is in focus everywhere around is not touched by rounding either.
    color = np.where(
        (_reach(blur) < 0.5).reshape(color.shape[:2] + (1,) * (color.ndim - 2)), split_alpha(as_float(image))[0], color
    )
    return like(join_alpha(color, None if alpha is None else cover), image.dtype)


def _signed_blur(depth: Floats, focus: float, radius: float, near: Near) -> Floats:
    """Radius of blur, negative before the plane of focus."""
    if _sign(near) > 0:
        with np.errstate(divide="ignore"):
            inverse = focus / np.maximum(depth, 0)
    else:
        inverse = depth / np.float32(focus)
    return np.asarray(np.clip(radius * (1 - inverse), -4 * radius, 4 * radius), np.float32)


def _reach(blur: Floats) -> Floats:
    """Largest blur that can reach a pixel from its surroundings."""
    size = 2 * int(np.ceil(np.abs(blur).max())) + 1
    return np.asarray(cv2.dilate(np.abs(blur), cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))))


def _slices(blur: Floats) -> NDArray[np.float64]:
    """Radii of the slices from far to near; 0, where it lies between, is always one of them."""
    least, most = float(min(blur.min(), 0)), float(max(blur.max(), 0))
    behind = np.linspace(most, 0, min(MOST_SLICES, int(np.ceil(most))) + 1)
    before = np.linspace(0, least, min(MOST_SLICES, int(np.ceil(-least))) + 1)
    return np.concatenate([behind, before[1:]])


def _over_slices(light: Floats, blur: Floats, slices: NDArray[np.float64], progress: Progress | None) -> Floats:
    channels = light.shape[2]
    total = np.zeros((*blur.shape, channels + 1), np.float32)
    for n, center in enumerate(slices):
        share = _share(blur, slices, n)
        if share.any():
            lens = _disc(abs(center))
            slab = np.dstack([light * share[..., None], share])
            if lens.size > 1:
                for channel in range(channels + 1):
                    slab[..., channel] = cv2.filter2D(slab[..., channel], -1, lens, borderType=cv2.BORDER_REFLECT)
            total *= 1 - np.clip(slab[..., -1:], 0, 1)
            total += slab
        if progress is not None:
            progress((n + 1) / len(slices))
    return np.asarray(total[..., :-1] / np.maximum(total[..., -1:], np.float32(1e-6)))


def _share(blur: Floats, slices: NDArray[np.float64], n: int) -> Floats:
    """How much of each pixel belongs to slice n: a tent between its neighbours."""
    share = np.ones_like(blur)
    if n > 0:
        share = np.minimum(share, (slices[n - 1] - blur) / np.float32(slices[n - 1] - slices[n]))
    if n + 1 < len(slices):
        share = np.minimum(share, (blur - slices[n + 1]) / np.float32(slices[n] - slices[n + 1]))
    return np.asarray(np.clip(share, 0, 1), np.float32)


def _disc(radius: float) -> Floats:
    """Disc of unit sum whose rim is antialiased."""
    half = int(np.ceil(radius))
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1) if radius > 0 else (np.hypot(x, y) == 0) * 1.0
    return (disc / disc.sum()).astype(np.float32)
