"""Enlarge with a network: ``upscale``. Tiled, any target size, alpha premultiplied through the net, any dtype."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgedit.color import luma
from imgedit.errors import ArgumentError, ModelError
from imgedit.geometry import resize
from imgedit.geometry.canvas import check_size
from imgedit.pixels import LEAST_ALPHA, Image, check, check_alpha, check_finite, check_number, describe
from imgedit.strips import Progress
from imgedit.tables import Table

if TYPE_CHECKING:
    from imgedit.models import Manifest, Model

__all__ = ["FAMILIES", "upscale"]

Floats: TypeAlias = NDArray[np.float32]

# Sides of what the last pass gives, beside the result that it is reduced to.
MOST = 2


def upscale(
    image: Image,
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    model: str | None = None,
    denoise: float | None = None,
    ensemble: bool = False,
    device: str = "auto",
    tile: int | None = None,
    progress: Progress | None = None,
) -> Image:
    """Enlarge an image with a super-resolution network.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32 in [0, 1].
    scale : float, optional
        Factor, above 1; by default 4. What the net's own factor overshoots is reduced with an antialiased filter; a
        factor beyond it is reached by running the net again.
    size : tuple of int, optional
        Height and width of the result, instead of a factor.
    model : str, optional
        A model's name or the path of an ONNX file; by default the shipped net that suits the factor best.
    denoise : float, optional
        Between a net that keeps what it finds (0) and its twin that also takes noise and JPEG artefacts away (1): the
        mixture of what both give. By default the model alone.
    ensemble : bool
        Run the net on the picture turned and mirrored in all eight ways and take the mean: 0.15 dB nearer to the truth
        with the shipped nets, in eight times the time.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "tensorrt", "directml" or "coreml".
    tile : int, optional
        Longest side of a tile, in input pixels: smaller needs less memory.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        ``round(scale * H)`` x ``round(scale * W)``, or `size`; channels and dtype of the image.

    Raises
    ------
    ImageError
        Not an image, alpha outside [0, 1], or NaN or infinity.
    ArgumentError
        A factor of 1 or less, a size that is not larger than the image, both a factor and a size, a tile of no size,
        or a strength of `denoise` for a net without a twin.
    ModelError
        No such model, or one that is not for this task.
    DeviceError
        The device does not work.

    Notes
    -----
    Colour goes through the net premultiplied by alpha, and alpha as a grey picture, so that nothing hidden under clear
    pixels shows at an edge. A net that knows brightness only gives that; differences of colour are interpolated with
    Catmull-Rom's cubic, as its authors do.

    References
    ----------
    The mean of eight: Timofte et al., "Seven Ways to Improve Example-Based Single Image Super Resolution", CVPR 2016.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.upscale(np.zeros((8, 12, 3), np.uint8), 2).shape
    (16, 24, 3)
    """
    image = check(image)
    check_alpha(image)
    check_finite(image, why="which a network spreads over their neighbours")
    target = _target(image, scale, size)
    factor = max(target[0] / image.shape[0], target[1] / image.shape[1])
    side = None if tile is None else int(check_number(tile, "tile", least=1))
    tick = None if progress is None else partial(progress, 0.0)
    nets = [(_loaded(name, device, tick), weight) for name, weight in _mixture(model, factor, denoise).items()]
    own = nets[0][0].manifest.scale
    passes = 1
    while own**passes < factor:
        passes += 1
    for index in range(passes):
        if 0 < index == passes - 1:
            image = _at_most(image, *(math.ceil(MOST * length / own) for length in target))
        image = _enlarge(image, nets, side, ensemble=ensemble, progress=_part(progress, index, passes))
    return image if image.shape[:2] == target else resize(image, target)


def _at_most(image: Image, height: int, width: int) -> Image:
    """Reduce what is larger: a net of x4 that runs twice for x5 would make ten times the pixels that are wanted."""
    height, width = min(height, image.shape[0]), min(width, image.shape[1])
    return image if (height, width) == image.shape[:2] else resize(image, (height, width))


def _target(image: Image, scale: float | None, size: tuple[int, int] | None) -> tuple[int, int]:
    if size is None:
        scale = check_number(4 if scale is None else scale, "scale", above=1)
        return check_size((round(image.shape[0] * scale), round(image.shape[1] * scale)), "scale")
    if scale is not None:
        raise ArgumentError("size", f"is {size!r} and scale is {scale!r}", "give one of them")
    height, width = check_size(size)
    if height <= image.shape[0] and width <= image.shape[1]:
        raise ArgumentError("size", f"is {height}x{width}, no more than {describe(image)}", "reduce it with ie.resize")
    return height, width


def _mixture(model: str | None, factor: float, denoise: float | None) -> dict[str, float]:
    """Name the nets that are to be run, with their weights."""
    from imgedit.models import find, names

    if denoise is None:
        return {_choose(factor).name if model is None else model: 1.0}
    strength = check_number(denoise, "denoise", least=0, most=1)
    named = find(_choose(factor).name if model is None else model)
    if named.partner:
        clean, photo = named.partner, named.name
    else:
        clean, photo = named.name, next((n for n in names("superres") if find(n).partner == named.name), "")
    if not photo:
        there = ", ".join(n for n in names("superres") if find(n).partner) or "none"
        raise ArgumentError(
            "denoise", f"is {strength:g} but {clean} has no twin that takes noise away", f"models that have: {there}"
        )
    return {name: weight for name, weight in ((clean, 1 - strength), (photo, strength)) if weight}


def _loaded(name: str, device: str, tick: Callable[[], None] | None) -> Model:
    from imgedit.models import load  # here, since manifests are checked by a library that is slow to import

    net = load(name, device=device, task="superres", tick=tick)
    if net.manifest.scale < 2:
        raise ModelError(net.path, "does not enlarge: its manifest says scale 1")
    return net


def _choose(factor: float) -> Manifest:
    """Pick the shipped net whose factor is the smallest that reaches `factor`, else the largest there is."""
    from imgedit.models import find, names

    known = [find(name) for name in names("superres")]
    general = [m for m in known if m.family == "rgb" and m.name.startswith("sr-x") and m.name[4:].isdecimal()]
    if not general:
        raise ModelError("superres", "no network is installed; name one with model=, or set $IMGEDIT_MODELS")
    return min(general, key=lambda m: (m.scale < factor, m.scale if m.scale >= factor else -m.scale))


def _part(progress: Progress | None, index: int, passes: int) -> Progress | None:
    if progress is None:
        return None
    # The result of each pass is larger than all before it together; equal shares would crawl at the end.
    total = sum(4**i for i in range(passes))
    before, own = sum(4**i for i in range(index)), 4**index
    return lambda fraction: progress((before + own * fraction) / total)


def _enlarge(
    image: Image, nets: list[tuple[Model, float]], tile: int | None, *, ensemble: bool, progress: Progress | None
) -> Image:
    from imgedit.models.pictures import Watch, all_ways, run_tiled

    watch = Watch(progress)

    def mixed(color: Floats) -> Floats:
        parts = [FAMILIES[net.manifest.family](color, net, watch.tick) for net, _ in nets]
        if len(parts) == 1:
            return parts[0]
        return np.asarray(
            sum(part * np.float32(weight) for part, (_, weight) in zip(parts, nets, strict=True)), np.float32
        )

    seen = partial(all_ways, run=mixed) if ensemble else mixed
    widest = max((net for net, _ in nets), key=lambda net: net.manifest.overlap)
    out = run_tiled(widest, image, function=lambda batch: _with_alpha(batch, seen), tile=tile, progress=watch)
    return out[..., 0] if image.ndim == 2 else out


def _with_alpha(batch: Floats, run: Callable[[Floats], Floats]) -> Floats:
    """Run a net for grey and RGB on pictures of any channels, NxHxWxC."""
    if batch.shape[3] < 4:
        return run(batch)
    cover = np.ascontiguousarray(batch[..., 3:])
    color = run(batch[..., :3] * cover)
    if cover.min() == 1:
        return np.concatenate([color, np.ones_like(color[..., :1])], axis=3)
    alpha = np.clip(run(cover), 0, 1)
    straight = np.where(alpha > LEAST_ALPHA, color / np.maximum(alpha, LEAST_ALPHA), 0)
    return np.concatenate([straight, alpha], axis=3, dtype=np.float32)


def run_rgb(batch: Floats, net: Model, tick: Callable[[], None]) -> Floats:
    """Run a net from RGB to RGB, as `models.pictures.run_rgb` does."""
    from imgedit.models import pictures

    return pictures.run_rgb(net, batch, tick=tick)


def run_luma(batch: Floats, net: Model, tick: Callable[[], None]) -> Floats:
    """Run a net that knows brightness only (BT.601 luma, as JPEG has it).

    Parameters
    ----------
    batch : ndarray of float32
        NxHxWx3 or NxHxWx1, white at 1.
    net : Model
        Of family "luma".
    tick : callable
        Called while the net runs; what it raises stops it.

    Returns
    -------
    ndarray of float32
        Nx(scale H)x(scale W)x3, or x1.
    """
    from imgedit.models.pictures import run

    if batch.shape[3] == 1:
        return run(net, batch, tick=tick)
    bright = run(net, luma(batch, standard="bt601")[..., None], tick=tick)
    soft = np.stack([resize(part, bright.shape[1:3], filter="cubic") for part in batch])
    # What is added to all three channels alike changes luma by just that, and no difference of colour.
    return np.asarray(soft + (bright - luma(soft, standard="bt601")[..., None]), np.float32)


FAMILIES: Table[Callable[[Floats, Model, Callable[[], None]], Floats]] = Table(
    "family", {"rgb": run_rgb, "luma": run_luma}
)
