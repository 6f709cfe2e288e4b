"""Repair a photo with a network that keeps its size: ``restore`` takes noise, blur or traces of JPEG away."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgedit.color import luma
from imgedit.errors import ModelError
from imgedit.pixels import (
    Image,
    Mask,
    Progress,
    check,
    check_alpha,
    check_finite,
    check_mask,
    check_number,
    join_alpha,
    mix_by_mask,
    split_alpha,
)
from imgedit.tables import Table

if TYPE_CHECKING:
    from imgedit.models import Model

__all__ = ["FAMILIES", "restore"]

Floats = NDArray[np.float32]


def restore(
    image: Image,
    *,
    model: str | None = None,
    strength: float = 1.0,
    mask: Mask | None = None,
    device: str = "auto",
    tile: int | None = None,
    progress: Progress | None = None,
) -> Image:
    """Take noise, blur or traces of compression away with a network.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32 in [0, 1]. Alpha stays as it is.
    model : str, optional
        Which repair: a model's name or the path of an ONNX file; by default the first that is installed for this task.
    strength : float
        0 (the image) to 1.
    mask : ndarray, optional
        HxW; where to repair. Outside, the image stays bit for bit.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "tensorrt", "directml" or "coreml".
    tile : int, optional
        Longest side of a tile: smaller needs less memory.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        Same shape and dtype.

    Raises
    ------
    ImageError
        Not an image, NaN or infinity, or a mask that does not fit it.
    ArgumentError
        A strength or tile out of range.
    ModelError
        No such model, or one that is not for this task.
    DeviceError
        The device does not work.

    Examples
    --------
    >>> import imgedit as ie, pathlib, skimage.data, tempfile
    >>> photo, path = skimage.data.coffee()[100:164, 200:296], pathlib.Path(tempfile.mkdtemp(), "small.jpg")
    >>> ie.write(path, photo, quality=20)
    >>> worn = ie.read(path)
    >>> bool(ie.psnr(ie.restore(worn), photo) > ie.psnr(worn, photo))
    True
    """
    from imgedit.models import load, pictures  # here, since manifests are checked by a library that is slow to import

    image = check(image)
    check_alpha(image)
    check_finite(image, why="which a network spreads over their neighbours")
    share = np.float32(check_number(strength, "strength", least=0, most=1))
    side = None if tile is None else int(check_number(tile, "tile", least=1))
    if mask is not None:
        mask = check_mask(mask, image)
    watch = pictures.Watch(progress)
    net = load(_installed() if model is None else model, device=device, task="restore", tick=watch.tick)
    if net.manifest.scale != 1:
        raise ModelError(net.path, "enlarges: its manifest says a scale above 1; take upscale")
    run = FAMILIES[net.manifest.family]
    color, alpha = split_alpha(image)

    def mend(batch: Floats) -> Floats:
        return np.asarray(batch + share * (run(batch, net, watch.tick) - batch), np.float32)

    mended = pictures.run_tiled(net, np.ascontiguousarray(color), function=mend, tile=side, progress=watch)
    mended = mended[..., 0] if image.ndim == 2 else mended
    if alpha is not None:  # what is hidden stays as it was
        mended = np.where(alpha[..., None] > 0, mended, color)
    return mix_by_mask(image, join_alpha(mended, alpha), mask)


def _installed() -> str:
    from imgedit.models import names

    known = names("restore")
    if not known:
        raise ModelError(
            "restore",
            "no network is installed; name one with model=, or fetch one: imgedit models fetch 1x-dejpg-realplksr-otf",
        )
    return known[0]


def run_rgb(batch: Floats, net: Model, tick: Callable[[], None]) -> Floats:
    """Run a net from RGB to RGB, as `models.pictures.run_rgb` does."""
    from imgedit.models import pictures

    return pictures.run_rgb(net, batch, tick=tick)


def run_luma(batch: Floats, net: Model, tick: Callable[[], None]) -> Floats:
    """Run a net that knows brightness only; differences of colour stay.

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
        Like `batch`.
    """
    from imgedit.models.pictures import run

    if batch.shape[3] == 1:
        return run(net, batch, tick=tick)
    old = luma(batch, standard="bt601")[..., None]
    return np.asarray(batch + (run(net, old, tick=tick) - old), np.float32)


FAMILIES: Table[Callable[[Floats, Model, Callable[[], None]], Floats]] = Table(
    "family", {"rgb": run_rgb, "luma": run_luma}
)
