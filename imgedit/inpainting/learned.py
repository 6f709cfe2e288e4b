"""Fill holes with a network: context around each hole, at a size that the net knows, and FAMILIES of nets.

Sources: R. Suvorov et al., "Resolution-robust large mask inpainting with Fourier convolutions", WACV 2022,
arXiv:2109.07161 (LaMa); A. Sargsyan et al., "MI-GAN: a simple baseline for image inpainting on mobile devices", ICCV
2023 (its ONNX pipeline masks, pads and blends by itself).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from imgedit import tiling
from imgedit.color import luma
from imgedit.errors import ArgumentError, ModelError
from imgedit.geometry import resize
from imgedit.inpainting.regions import Flags, Floats
from imgedit.pixels import check_number
from imgedit.poisson import push_pull
from imgedit.strips import Progress
from imgedit.tables import Table

if TYPE_CHECKING:
    from imgedit.models import Model

__all__ = ["FAMILIES", "fill_learned"]

# Longest side of what a net of free size sees. They are trained at 256 to 512, and a hole much larger than they know is
# filled with repetition.
SIDE = 512

# A hole that is thinner than this share of the side is seen at full size, in tiles where there is much of it.
THIN = 1 / 8

# Known pixels come back as they were; by a factor beyond this a net means another white than its manifest says.
OTHER_WHITE = 16.0


def fill_learned(
    values: Floats,
    hole: Flags,
    *,
    progress: Progress,
    seed: int,
    model: str | None = None,
    size: int | None = None,
    ensemble: bool = False,
    device: str = "auto",
) -> Floats:
    """Fill with a network that has seen many pictures: structures that go on, and things that are not in this one.

    Parameters
    ----------
    values : ndarray of float32
        HxWxC.
    hole : ndarray of bool
        HxW.
    progress : callable
        Given the fraction done.
    seed : int
        Not used: nothing is random here.
    model : str, optional
        A model's name or the path of an ONNX file; by default the first that is installed for this task.
    size : int, optional
        Longest side in pixels at which the net sees the hole and what is around it; 512 by default. Larger holes are
        filled at that size and enlarged; thin ones (lettering, scratches) at full size, in tiles.
    ensemble : bool
        Take the mean of what the net paints when it sees the picture turned and mirrored in all eight ways: nearer to
        what was there, in eight times the time. A net of one size that is not square can't be turned.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "tensorrt", "directml" or "coreml".

    Returns
    -------
    ndarray of float32
        HxWxC.
    """
    from imgedit.models import load  # here, since manifests are checked by a library that is slow to import

    del seed
    side = SIDE if size is None else int(check_number(size, "size", least=64))
    net = load(_installed() if model is None else model, device=device, task="inpaint", tick=partial(progress, 0.0))
    run = FAMILIES[net.manifest.family]
    if ensemble:
        run = partial(_in_all_ways, run)
    # What stands in the hole must not shine through where a coarser pixel is known in part.
    whole = push_pull(values, np.logical_not(hole).astype(np.float32))
    color = np.repeat(whole, 3, axis=2) if whole.shape[2] == 1 else whole[..., :3]
    parts = [color] if whole.shape[2] != 4 else [color, np.repeat(whole[..., 3:], 3, axis=2)]
    filled = []
    for index, part in enumerate(parts):
        done = index / len(parts)
        filled.append(_painted(net, run, np.ascontiguousarray(part), hole, side, partial(progress, done)))
    progress(1.0)
    if whole.shape[2] == 3:
        return filled[0]
    if whole.shape[2] == 1:
        return luma(filled[0])[..., None]
    alpha = np.clip(luma(filled[1]), 0, 1)[..., None]
    return np.concatenate([np.minimum(filled[0], alpha), alpha], axis=2, dtype=np.float32)


def _installed() -> str:
    from imgedit.models import names

    known = names("inpaint")
    if not known:
        raise ArgumentError(
            "method",
            "is 'learned', but no network for it is installed",
            "name one with model=, or fetch one: imgedit models fetch lama",
        )
    return known[0]


Painter = Callable[["Model", Floats, Flags, Callable[[], None]], Floats]


def _painted(net: Model, run: Painter, picture: Floats, hole: Flags, side: int, tick: Callable[[], None]) -> Floats:
    """Run a net at the size that it knows, and bring what it painted to the picture's."""
    from imgedit.models import pictures

    height, width = hole.shape
    fixed = pictures.fixed_size(net)
    limits = fixed or (side, side)
    fits = min(1.0, limits[0] / height, limits[1] / width)
    # Lettering and scratches stay thin however much of a photo they cover: they are filled at full size, in tiles.
    factor = max(fits, min(1.0, THIN * min(limits) / _thickness(hole)))
    size = max(1, int(height * factor)), max(1, int(width * factor))
    whole = size == hole.shape
    # A coarse pixel with any of the hole in it is unknown.
    cover = hole if whole else cv2.resize(hole.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) > 0
    seen = picture if whole else resize(picture, size)
    if size[0] <= limits[0] and size[1] <= limits[1]:
        painted = run(net, seen, cover, tick)
    else:
        painted = _tiled(net, run, seen, cover, limits, fixed, tick)
    return painted if whole else np.asarray(resize(np.ascontiguousarray(painted, np.float32), (height, width)))


def _in_all_ways(run: Painter, net: Model, picture: Floats, hole: Flags, tick: Callable[[], None]) -> Floats:
    """Take the mean of what a net paints in eight ways."""
    from imgedit.models import pictures

    fixed = pictures.fixed_size(net)
    if fixed is not None and fixed[0] != fixed[1]:
        height, width = fixed
        raise ArgumentError(
            "ensemble", f"turns pictures, but {net.manifest.name} takes {height}x{width}", "leave it out"
        )
    both = np.concatenate([picture, hole[..., None]], axis=2, dtype=np.float32)

    def painted(turned: Floats) -> Floats:
        seen = turned[0]
        return run(net, np.ascontiguousarray(seen[..., :3]), seen[..., 3] > 0.5, tick)[None]

    mean: Floats = pictures.all_ways(both[None], painted)[0]
    return mean


def _thickness(hole: Flags) -> float:
    """Pixels across the thickest place of a hole; the border of the picture is no end of it."""
    return 2 * float(cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max())


def _tiled(
    net: Model,
    run: Painter,
    picture: Floats,
    hole: Flags,
    limits: tuple[int, int],
    fixed: tuple[int, int] | None,
    tick: Callable[[], None],
) -> Floats:
    """Run a net over tiles that fade into each other; those without a hole are left alone."""

    def painted(tiles: Floats) -> Floats:
        covers = tiles[..., 3] > 0.5
        return np.stack(
            [
                run(net, np.ascontiguousarray(tile[..., :3]), cover, tick) if cover.any() else tile[..., :3]
                for tile, cover in zip(tiles, covers, strict=True)
            ]
        )

    both = np.concatenate([picture, hole[..., None]], axis=2, dtype=np.float32)
    step = net.manifest.multiple_of
    return tiling.apply(
        painted,
        both,
        tile=limits,
        reach=min(limits) // 8,
        channels=3,
        multiple=step,
        fixed=fixed,
        progress=lambda _: tick(),
    )


def paint_by_mask(net: Model, picture: Floats, hole: Flags, tick: Callable[[], None]) -> Floats:
    """Run a net that takes a picture and a mask, 1 in the hole, as two inputs or as four channels.

    Parameters
    ----------
    net : Model
        Of family "rgb-mask".
    picture : ndarray of float32
        HxWx3, white at 1.
    hole : ndarray of bool
        HxW.
    tick : callable
        Called while the net runs.

    Returns
    -------
    ndarray of float32
        HxWx3.
    """
    from imgedit.models import pictures

    mask = hole.astype(np.float32)[..., None]
    if len(net.inputs) == 1:
        both = np.concatenate([picture * (1 - mask), mask], axis=2, dtype=np.float32)
        return _color(net, pictures.run(net, both[None], tick=tick)[0])
    return _color(net, pictures.run(net, picture[None], extra={_mask_role(net): mask[None]}, tick=tick)[0])


def paint_lama(net: Model, picture: Floats, hole: Flags, tick: Callable[[], None]) -> Floats:
    """Run LaMa, whose exports disagree on what white is: some give 0 to 1, some 0 to 255.

    Parameters
    ----------
    net : Model
        Of family "lama".
    picture : ndarray of float32
        HxWx3, white at 1.
    hole : ndarray of bool
        HxW.
    tick : callable
        Called while the net runs.

    Returns
    -------
    ndarray of float32
        HxWx3.
    """
    painted = paint_by_mask(net, picture, hole, tick)
    known = np.logical_not(hole)
    gain = float((painted[known] * picture[known]).sum() / max(float(np.square(picture[known]).sum()), 1e-6))
    if gain > OTHER_WHITE:
        return painted / np.float32(255)
    return painted * np.float32(255) if 0 < gain < 1 / OTHER_WHITE else painted


def paint_pipeline(net: Model, picture: Floats, hole: Flags, tick: Callable[[], None]) -> Floats:
    """Run a pipeline of bytes, picture and mask, 255 where a pixel is known and 0 in the hole.

    Parameters
    ----------
    net : Model
        Of family "pipeline".
    picture : ndarray of float32
        HxWx3, white at 1.
    hole : ndarray of bool
        HxW.
    tick : callable
        Called while the net runs.

    Returns
    -------
    ndarray of float32
        HxWx3.
    """
    from imgedit.models import pictures

    mask = np.where(hole, np.float32(0), np.float32(255))[..., None]
    return _color(net, pictures.run(net, picture[None], extra={_mask_role(net): mask[None]}, tick=tick)[0])


def _mask_role(net: Model) -> str:
    if net.manifest.inputs != ("image", "mask"):
        raise ModelError(net.path, 'needs inputs = ["image", "mask"] in its manifest, in the order of the file')
    return "mask"


def _color(net: Model, painted: Any) -> Floats:
    if painted.shape[2] != 3:
        raise ModelError(net.path, f"gave {painted.shape[2]} channels where an RGB picture was expected")
    return np.asarray(painted, np.float32)


FAMILIES: Table[Painter] = Table("family", {"rgb-mask": paint_by_mask, "lama": paint_lama, "pipeline": paint_pipeline})
