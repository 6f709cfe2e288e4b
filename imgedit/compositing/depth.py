"""Compositing by depth: who is in front is decided for each pixel, not for each layer.

Hard depth compositing is the z-buffer of Catmull (1974) carried to images with alpha and depth, the "zover" of Duff,
"Compositing 3-D rendered images", SIGGRAPH 1985 (doi:10.1145/325165.325174). Here a layer j hides a layer i with a
probability f(i, j) that rises smoothly from 0 to 1 while j moves from `softness` behind i to `softness` before it, so
that surfaces that cross do not meet in a staircase. What is seen of layer i is

    w_i = alpha_i * prod over j of (1 - alpha_j f(i, j)),

scaled so that all w_i together cover 1 - prod(1 - alpha_i). With hard decisions that is source-over in depth order, and
the result does not depend on the order of the layers in the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import cv2
import numpy as np
from numpy.typing import NDArray

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
from imgedit.results import new_result
from imgedit.strips import each_strip

__all__ = ["Near", "align_depth", "check_depth", "check_map", "composite_depth", "depth_sign"]

Floats = NDArray[np.float32]
Near = Literal["small", "large"]

# Neighbours whose order differs by more than this lie on two sides of a silhouette; less is a surface that tilts.
SILHOUETTE = 0.5


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
        numbers in one unit for all layers. Infinitely far is allowed; NaN, and what is infinitely near (as stereo files
        mark what they do not know), is not: see `fill_depth`. Between equal depths the layer that
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
    images, depths = _check_layers(layers, near)
    softness = float(np.float32(check_number(softness, "softness", least=0)))
    edge = (2.0 if softness else 0.0) if edge is None else check_number(edge, "edge", least=0, most=64)
    sign = depth_sign(near)
    color = any(image.ndim == 3 for image in images)
    clear = any(split_alpha(image)[1] is not None for image in images)
    height, width = images[0].shape[:2]
    shape = (height, width, 3 + clear) if color else (height, width)
    out = new_result(shape, images[0].dtype)
    merged = np.empty((height, width) if with_depth else (0, 0), np.float32)
    halo = int(np.ceil(2 * edge)) + 1 if edge else 0

    def test(top: int, bottom: int) -> None:
        nearest = _z_test(images, [sign * depth[top:bottom] for depth in depths], out[top:bottom], slice(top, bottom))
        if with_depth:
            merged[top:bottom] = sign * nearest

    def work(top: int, bottom: int) -> None:
        first, last = max(0, top - halo), min(height, bottom + halo)
        inner = slice(top - first, bottom - first)
        pairs = [_planes(image[first:last], color) for image in images]
        colors, alphas = [picture for picture, _ in pairs], [alpha for _, alpha in pairs]
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

    plain = not (softness or edge or clear)
    each_strip(test if plain else work, height, row_bytes=width * len(images) * 32, progress=progress)
    return (out, merged) if with_depth else out


def _check_layers(layers: Sequence[tuple[Image, NDArray[Any]]], near: Near) -> tuple[list[Image], list[Floats]]:
    if not isinstance(layers, Sequence) or not layers:
        raise ArgumentError("layers", f"is {layers!r:.60}", "give a list of (image, depth) pairs")
    images: list[Image] = []
    depths: list[Floats] = []
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
        depths.append(check_depth(pair[1], image, f"{name} depth", near))
    return images, depths


def check_depth(depth: NDArray[Any], image: Image | None, name: str = "depth", near: Near = "small") -> Floats:
    """Refuse what is not a depth map.

    Parameters
    ----------
    depth : ndarray
        What a caller gave.
    image : ndarray, optional
        The image that it must fit.
    name : str
        The caller's name of the argument.
    near : {"small", "large"}
        Whether small depths are near or large ones.

    Returns
    -------
    ndarray of float32
        HxW, contiguous. Never write to it.

    Raises
    ------
    ImageError
        Not HxW real numbers, NaN or what is nearer than everything in it, or another size than the image.
    """
    check_map(depth, name)
    if image is not None:
        check_same_size(depth, image, name, "its image")
    if depth.dtype.kind == "f" and np.isnan(depth).any():
        raise ImageError(name, "holds NaN", f"fill what is not known: ie.fill_depth(depth, near={near!r})")
    # Stereo files mark so what they do not know; taken at its word it would stand before everything.
    nearest = -np.inf * depth_sign(near)
    if depth.dtype.kind == "f" and (depth == nearest).any():
        remedy = f"fill what is not known: ie.fill_depth(depth, near={near!r})"
        raise ImageError(name, f"holds {nearest}, nearer than everything with near={near!r}", remedy)
    return np.ascontiguousarray(depth, np.float32)


def check_map(depth: object, name: str) -> None:
    """Refuse what is no map of real numbers, and say how to make one.

    Parameters
    ----------
    depth : object
        HxW real numbers, or anything else.
    name : str
        The caller's name of the argument.

    Raises
    ------
    ImageError
        Anything else.
    """
    remedy = "give HxW real numbers: np.asarray(depth, np.float32)"
    if isinstance(depth, np.ndarray) and depth.size:
        if depth.ndim == 2 and depth.dtype.kind in "uif":
            return
        if depth.ndim == 3:
            remedy = "give one channel: depth[..., 0]"
    raise ImageError(name, f"is {describe(depth)}", remedy)


def depth_sign(near: str) -> np.float32:
    """Turn the name of a convention into a factor that makes near small.

    Parameters
    ----------
    near : {"small", "large"}
        Which depths are near.

    Returns
    -------
    float32
        1 or -1.

    Raises
    ------
    ArgumentError
        Neither of the two.
    """
    if near not in ("small", "large"):
        raise ArgumentError("near", f"is {near!r}", 'give "small" (distance) or "large" (disparity)')
    return np.float32(1 if near == "small" else -1)


def _z_test(images: Sequence[Image], fronts: Sequence[Floats], out: Image, rows: slice) -> Floats:
    """Copy the nearest of opaque images; nothing is mixed, so nothing need be converted."""
    nearest = fronts[0].copy()
    for n, (image, front) in enumerate(zip(images, fronts, strict=True)):
        picture = image[rows, :, None] if image.ndim < out.ndim else image[rows]
        if n == 0:
            out[:] = picture
            continue
        closer = front < nearest
        np.copyto(nearest, front, where=closer)
        # Faster than NumPy's copy under a mask that is broadcast; the mask is the same for all channels.
        cv2.copyTo(np.ascontiguousarray(np.broadcast_to(picture, out.shape)), closer.view(np.uint8), out)
    return nearest


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
                # Infinity less infinity is equally far, so half and half; beyond float32 is as good as infinite.
                with np.errstate(invalid="ignore", over="ignore"):
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
    jumps = (jump > SILHOUETTE).astype(np.uint8)
    if not jumps.any():
        return list(colors), weights, total
    # The ramp fades out towards its ends by itself: blurred weights equal the weights where the order is constant.
    reach = 2 * int(np.ceil(edge / 2)) + 1
    near = np.asarray(cv2.dilate(jumps, np.ones((reach, reach), np.uint8)), bool)

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
        check_map(value, name)
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
