"""Enlarge with a network: ``upscale``. Tiled, any target size, alpha premultiplied through the net, any dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgedit.color import luma
from imgedit.errors import ModelError
from imgedit.geometry import resize
from imgedit.pixels import LEAST_ALPHA, Image, check, check_alpha, check_number
from imgedit.strips import Progress
from imgedit.tables import Table

if TYPE_CHECKING:
    from imgedit.models import Manifest, Model

__all__ = ["FAMILIES", "upscale"]

Floats: TypeAlias = NDArray[np.float32]


def upscale(
    image: Image,
    scale: float = 4,
    *,
    model: str | None = None,
    device: str = "auto",
    tile: int | None = None,
    progress: Progress | None = None,
) -> Image:
    """Enlarge an image with a super-resolution network.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32 in [0, 1].
    scale : float
        Factor, above 1. What the net's own factor overshoots is reduced with an antialiased filter; a factor beyond
        it is reached by running the net again.
    model : str, optional
        A model's name or the path of an ONNX file; by default the shipped net that suits the factor best.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "tensorrt", "directml" or "coreml".
    tile : int, optional
        Longest side of a tile, in input pixels: smaller needs less memory.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        ``round(scale * H)`` x ``round(scale * W)``, channels and dtype of the image.

    Raises
    ------
    ImageError
        Not an image, or alpha outside [0, 1].
    ArgumentError
        A factor of 1 or less, or a tile of no size.
    ModelError
        No such model, or one that is not for this task.
    DeviceError
        The device does not work.

    Notes
    -----
    Colour goes through the net premultiplied by alpha, and alpha as a grey picture, so that nothing hidden under clear
    pixels shows at an edge.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.upscale(np.zeros((8, 12, 3), np.uint8), 2).shape
    (16, 24, 3)
    """
    from imgedit.models import load  # here, since manifests are checked by a library that is slow to import

    image = check(image)
    check_alpha(image)
    scale = check_number(scale, "scale", above=1)
    side = None if tile is None else int(check_number(tile, "tile", least=1))
    net = load(_choose(scale).name if model is None else model, device=device, task="superres")
    manifest = net.manifest
    target = round(image.shape[0] * scale), round(image.shape[1] * scale)
    passes = 1
    while manifest.scale**passes < scale:
        passes += 1
    for index in range(passes):
        image = _enlarge(image, net, side, _part(progress, index, passes))
    return image if image.shape[:2] == target else resize(image, target)


def _choose(scale: float) -> Manifest:
    """Pick the shipped net whose factor is the smallest that reaches `scale`, else the largest there is."""
    from imgedit.models import find, names

    known = [find(name) for name in names("superres")]
    general = [m for m in known if m.family == "rgb" and m.name.startswith("sr-x") and m.name[4:].isdecimal()]
    if not general:
        raise ModelError("superres", "no network is installed; name one with model=, or set $IMGEDIT_MODELS")
    return min(general, key=lambda m: (m.scale < scale, m.scale if m.scale >= scale else -m.scale))


def _part(progress: Progress | None, index: int, passes: int) -> Progress | None:
    if progress is None:
        return None
    # The result of each pass is larger than all before it together; equal shares would crawl at the end.
    total = sum(4**i for i in range(passes))
    before, own = sum(4**i for i in range(index)), 4**index
    return lambda fraction: progress((before + own * fraction) / total)


def _enlarge(image: Image, net: Model, tile: int | None, progress: Progress | None) -> Image:
    from imgedit.models.pictures import Watch, run_tiled

    family = FAMILIES[net.manifest.family]
    watch = Watch(progress)

    def enlarge(batch: Floats) -> Floats:
        return _with_alpha(batch, lambda color: family(color, net, watch.tick))

    out = run_tiled(net, image, function=enlarge, tile=tile, progress=watch)
    return out[..., 0] if image.ndim == 2 else out


def _with_alpha(batch: Floats, run: Callable[[Floats], Floats]) -> Floats:
    """Run an RGB net on pictures of any channels, NxHxWxC."""
    if batch.shape[3] == 1:
        return luma(run(np.repeat(batch, 3, axis=3)))[..., None]
    if batch.shape[3] == 3:
        return run(batch)
    cover = np.ascontiguousarray(batch[..., 3:])
    color = run(batch[..., :3] * cover)
    if cover.min() == 1:
        return np.concatenate([color, np.ones_like(color[..., :1])], axis=3)
    alpha = np.clip(luma(run(np.repeat(cover, 3, axis=3)))[..., None], 0, 1)
    straight = np.where(alpha > LEAST_ALPHA, color / np.maximum(alpha, LEAST_ALPHA), 0)
    return np.concatenate([straight, alpha], axis=3, dtype=np.float32)


def run_rgb(batch: Floats, net: Model, tick: Callable[[], None]) -> Floats:
    """Run a net from RGB to RGB.

    Parameters
    ----------
    batch : ndarray of float32
        NxHxWx3, white at 1.
    net : Model
        Of family "rgb".
    tick : callable
        Called while the net runs; what it raises stops it.

    Returns
    -------
    ndarray of float32
        Nx(scale H)x(scale W)x3.
    """
    from imgedit.models.pictures import run

    return run(net, batch, tick=tick)


FAMILIES: Table[Callable[[Floats, Model, Callable[[], None]], Floats]] = Table("family", {"rgb": run_rgb})
