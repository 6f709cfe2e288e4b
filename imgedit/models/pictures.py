"""Pictures through a model: range, order of axes and channels, padding, batches and tiles, as the manifest has them.

Pictures are NxHxWxC, float32, white at 1; what a net wants instead is known here and nowhere else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit import tiling
from imgedit.color import luma
from imgedit.errors import ModelError
from imgedit.models import graph
from imgedit.models.manifest import Manifest
from imgedit.models.session import DTYPES, Model
from imgedit.pixels import Image, as_float, describe
from imgedit.strips import Progress

__all__ = ["Watch", "all_ways", "channels", "fixed_size", "from_net", "frozen", "run", "run_rgb", "run_tiled", "to_net"]

Floats = NDArray[np.float32]

# Pixels of a tile, tiles at a time, calls side by side. On the CPU nothing is won by several, and a net of 48 channels
# takes 2.5 KB a pixel: 0.5 GB. A GPU wants much at once, and more to do while results are on their way.
CPU_AREA, CPU_BATCH, CPU_AHEAD = 448 * 448, 1, 1
GPU_AREA, GPU_BATCH, GPU_AHEAD = 512 * 512, 4, 2

# Pixels of the picture on which the statistics of norms are measured.
THUMBNAIL = 512 * 512


def channels(model: Model) -> int | None:
    """Give the number of channels of the picture that a model takes.

    Parameters
    ----------
    model : Model
        Its first input is a picture.

    Returns
    -------
    int or None
        None where the file leaves it open.
    """
    shape = _image_port(model).shape
    return shape[_axes(model.manifest)[2]] if len(shape) == 4 else None


def fixed_size(model: Model) -> tuple[int, int] | None:
    """Give the only size of a picture that a model takes.

    Parameters
    ----------
    model : Model
        Its first input is a picture.

    Returns
    -------
    tuple of int or None
        Height and width; None where any will do.
    """
    shape = _image_port(model).shape
    if len(shape) == 4:
        height, width = (shape[axis] for axis in _axes(model.manifest)[:2])
        if height is not None and width is not None:
            return height, width
    return model.manifest.fixed_size


def _image_port(model: Model) -> Any:
    roles = model.manifest.inputs
    return model.inputs[roles.index("image") if "image" in roles else 0]


def _axes(manifest: Manifest) -> tuple[int, int, int]:
    """Where height, width and channels stand."""
    return (2, 3, 1) if manifest.layout == "nchw" else (1, 2, 3)


def to_net(pictures: Floats, manifest: Manifest, dtype: str = "float") -> NDArray[Any]:
    """Turn pictures into what a net takes.

    Parameters
    ----------
    pictures : ndarray of float32
        NxHxWxC, white at 1.
    manifest : Manifest
        Says range, mean, deviation, order of channels and axes.
    dtype : str
        As the port has it: integers are rounded and clipped.

    Returns
    -------
    ndarray
        NxCxHxW or NxHxWxC.
    """
    black, white = manifest.range
    count, height, width, depth = pictures.shape
    turned = manifest.channels == "bgr" and depth == 3
    if manifest.layout == "nchw":
        x = np.empty((count, depth, height, width), np.float32)
        for picture, planes in zip(pictures, x, strict=True):
            cv2.split(np.ascontiguousarray(picture), [planes[2 - c if turned else c] for c in range(depth)])
    else:
        x = (pictures[..., ::-1] if turned else pictures).copy()
    if (black, white) != (0, 1):
        x *= np.float32(white - black)
        x += np.float32(black)
    if manifest.mean or manifest.std:
        shape = (-1, 1, 1) if manifest.layout == "nchw" else (-1,)
        x -= np.asarray(manifest.mean or 0, np.float32).reshape(shape)
        x /= np.asarray(manifest.std or 1, np.float32).reshape(shape)
    kind: np.dtype[Any] = np.dtype(DTYPES[dtype])
    if kind.kind in "ui":
        limits = np.iinfo(kind)
        return np.rint(x).clip(limits.min, limits.max).astype(kind)
    return x.astype(kind, copy=False)


def from_net(result: NDArray[Any], manifest: Manifest) -> Floats:
    """Turn what a net gives into pictures.

    Parameters
    ----------
    result : ndarray
        NxCxHxW or NxHxWxC, as the manifest has it.
    manifest : Manifest
        Says range and order of channels and axes.

    Returns
    -------
    ndarray of float32
        NxHxWxC, white at 1, not clipped.
    """
    black, white = manifest.output_range or manifest.range
    y = np.asarray(result, np.float32)
    if manifest.layout == "nchw":
        merged = np.empty((y.shape[0], *y.shape[2:], y.shape[1]), np.float32)
        for planes, picture in zip(y, merged, strict=True):
            cv2.merge(list(planes), picture)
        y = merged
    if manifest.channels == "bgr" and y.shape[3] == 3:
        y = np.ascontiguousarray(y[..., ::-1])
    if (black, white) != (0, 1):
        y = (y - np.float32(black)) / np.float32(white - black)
    return y


def run(
    model: Model,
    pictures: Floats,
    *,
    extra: Mapping[str, NDArray[Any]] | None = None,
    tick: Callable[[], None] | None = None,
) -> Floats:
    """Run a model from picture to picture.

    Parameters
    ----------
    model : Model
        Its first output is a picture.
    pictures : ndarray of float32
        NxHxWxC, white at 1; C as the model takes it.
    extra : mapping of str to ndarray, optional
        The model's other inputs, by role. NxHxWxC float32 is a picture too, all else is given as it is.
    tick : callable, optional
        Called while the model runs; what it raises stops it.

    Returns
    -------
    ndarray of float32
        Nx(scale H)x(scale W)xC', not clipped.

    Raises
    ------
    ModelError
        Pictures that the model does not take, or a result that is not what the manifest says.
    """
    others = dict(extra or {})
    if len(pictures) > 1 and not model.batches:
        return _one_by_one(model, pictures, others, tick)
    height, width = pictures.shape[1:3]
    y = _call(model, pictures, others, tick)
    if len(y) != len(pictures):
        model.batches = False  # the axis is declared, and ignored
        return _one_by_one(model, pictures, others, tick)
    scale = model.manifest.scale
    return y[:, : height * scale, : width * scale]


def run_rgb(model: Model, pictures: Floats, *, tick: Callable[[], None] | None = None) -> Floats:
    """Run a model from RGB to RGB on pictures that may be grey.

    Parameters
    ----------
    model : Model
        Takes and gives three channels.
    pictures : ndarray of float32
        NxHxWx3, or NxHxWx1: grey, given as RGB, of whose result the luma is taken. White at 1.
    tick : callable, optional
        Called while the model runs; what it raises stops it.

    Returns
    -------
    ndarray of float32
        Nx(scale H)x(scale W)x3, or x1.
    """
    if pictures.shape[3] == 1:
        return luma(run(model, np.repeat(pictures, 3, axis=3), tick=tick))[..., None]
    return run(model, pictures, tick=tick)


def _one_by_one(
    model: Model, pictures: Floats, others: Mapping[str, NDArray[Any]], tick: Callable[[], None] | None
) -> Floats:
    count = len(pictures)
    parts = [
        run(
            model,
            pictures[i : i + 1],
            extra={name: x[i : i + 1] if x.ndim and len(x) == count else x for name, x in others.items()},
            tick=tick,
        )
        for i in range(count)
    ]
    return np.concatenate(parts)


def _call(
    model: Model, pictures: Floats, others: Mapping[str, NDArray[Any]], tick: Callable[[], None] | None
) -> Floats:
    manifest = model.manifest
    height, width = pictures.shape[1:3]
    size = fixed_size(model) or tuple(
        -(-side // manifest.multiple_of) * manifest.multiple_of for side in (height, width)
    )
    if height > size[0] or width > size[1]:
        raise ModelError(model.path, f"takes {size[0]}x{size[1]} pixels, not {height}x{width}: run it over tiles")
    roles = manifest.inputs or ("image",)
    feeds = []
    for role, port in zip(roles, model.inputs, strict=True):
        value = pictures if role == "image" else others[role]
        if value.ndim == 4 and value.dtype == np.float32 and value.shape[1:3] == (height, width):
            value = np.stack([tiling.padded(one, size) for one in value]) if (height, width) != size else value
            value = to_net(value, manifest if role == "image" else _plain(manifest), port.dtype)
        feeds.append(value)
    result = model.run(*feeds, tick=tick)[0]
    y = from_net(result if result.ndim == 4 else result[None], manifest)
    wanted = size[0] * manifest.scale, size[1] * manifest.scale
    if y.shape[1:3] != wanted:
        what = f"{wanted[0]}x{wanted[1]} pixels (scale {manifest.scale})"
        raise ModelError(model.path, f"gave {describe(result)} for {what}: its manifest is wrong")
    return y


def _plain(manifest: Manifest) -> Manifest:
    """For masks and other planes: the same axes, values as they are."""
    return manifest.model_copy(update={"range": (0.0, 1.0), "mean": (), "std": (), "channels": "rgb"})


def all_ways(batch: Floats, run: Callable[[Floats], Floats]) -> Floats:
    """Mean of what a net gives for pictures as they are, turned, and mirrored, each brought back (Timofte et al. 2016).

    Parameters
    ----------
    batch : ndarray of float32
        NxHxWxC.
    run : callable
        Gives the net's pictures for NxHxWxC or NxWxHxC, of any number of channels.

    Returns
    -------
    ndarray of float32
        As `run` gives it for the batch as it is.
    """
    total: Floats | None = None
    for turns in range(4):
        for step in (1, -1):
            made = run(np.ascontiguousarray(np.rot90(batch, turns, axes=(1, 2))[:, :, ::step]))
            made = np.rot90(made[:, :, ::step], -turns, axes=(1, 2))
            total = made.copy() if total is None else np.add(total, made, out=total)
    assert total is not None
    return np.ascontiguousarray(total / np.float32(8))


def run_tiled(
    model: Model,
    image: Image,
    *,
    function: Callable[[Floats], Floats] | None = None,
    channels: int | None = None,
    tile: int | None = None,
    progress: Progress | None = None,
) -> Image:
    """Run a model over an image, in tiles where that is safe.

    A net whose manifest says that tiles are to be avoided is first `frozen`, unless a function is given; one that has
    nothing to freeze, or must never be tiled, is given the whole image.

    Parameters
    ----------
    model : Model
        From picture to picture.
    image : ndarray
        HxW or HxWxC; uint8, uint16 or float32.
    function : callable, optional
        What is to be done with a batch NxHxWxC; by default `run` with the model.
    channels : int, optional
        Channels of the result; by default those of the image.
    tile : int, optional
        Longest side of a tile, in input pixels.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        (scale H)x(scale W)xC, of the image's dtype.
    """
    manifest, fixed = model.manifest, fixed_size(model)
    height, width = image.shape[:2]
    watch = Watch(progress)
    on_cpu = model.device == "cpu"
    area, batch, ahead = (CPU_AREA, CPU_BATCH, CPU_AHEAD) if on_cpu else (GPU_AREA, GPU_BATCH, GPU_AHEAD)
    if manifest.tiling == "avoid" and function is None and height * width > area:
        whole, model = model, frozen(model, image, tick=watch.tick)
        area = area if model is not whole else height * width
    elif manifest.tiling != "safe":
        area = height * width
    return tiling.apply(
        function or (lambda batch: run(model, batch, tick=watch.tick)),
        image,
        tile=tile or tiling.cheapest(height, width, reach=manifest.overlap, area=area),
        reach=manifest.overlap,
        scale=manifest.scale,
        channels=channels,
        batch=batch if model.batches else 1,
        ahead=ahead,
        multiple=manifest.multiple_of,
        fixed=fixed,
        progress=watch,
    )


def frozen(
    model: Model,
    image: Image,
    *,
    extra: Mapping[str, NDArray[Any]] | None = None,
    tick: Callable[[], None] | None = None,
) -> Model:
    """Fix what a net takes of all pixels to that of one picture, so that its tiles agree.

    An instance norm subtracts the mean of all that it is given, a global pool gives it: run over tiles, each tile gets
    its own and the result is patchwork. Here all tiles are told those of the picture, reduced to what fits at a time.

    Parameters
    ----------
    model : Model
        From picture to picture.
    image : ndarray
        HxWxC; uint8, uint16 or float32.
    extra : mapping of str to ndarray, optional
        The model's other inputs, by role.
    tick : callable, optional
        Called while its statistics are measured; what it raises stops that.

    Returns
    -------
    Model
        Takes and gives what the model does. The model itself where nothing in it joins all pixels that can be told:
        instance norms, global pools, and Gram matrices of our own nets.

    References
    ----------
    Chen et al., "Towards Ultra-Resolution Neural Style Transfer via Thumbnail Instance Normalization", AAAI 2022,
    arXiv:2103.11784.
    """
    parts = graph.with_statistics(model.source())
    if parts is None:
        return model
    step = model.manifest.multiple_of
    small = cv2.resize(as_float(image), _within(image.shape, THUMBNAIL, step), interpolation=cv2.INTER_AREA)
    batch = np.asarray(small, np.float32).reshape(1, *small.shape[:2], -1)
    measuring = model.edited(parts.measuring)
    feeds = [
        to_net(batch, model.manifest, port.dtype) if role == "image" else (extra or {})[role]
        for role, port in zip(model.manifest.inputs or ("image",), model.inputs, strict=True)
    ]
    found = measuring.run(*feeds, tick=tick)[-len(parts.shapes) :]
    return model.edited(
        parts.frozen, [_shaped(values, shape) for values, shape in zip(found, parts.shapes, strict=True)]
    )


def _shaped(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Reshape; 0 keeps a side."""
    return values.reshape([side or values.shape[axis] for axis, side in enumerate(shape)])


def _within(shape: tuple[int, ...], area: int, step: int) -> tuple[int, int]:
    """Width and height of a picture reduced to an area, in whole steps."""
    factor = min(1.0, (area / (shape[0] * shape[1])) ** 0.5)
    height, width = (max(step, round(side * factor / step) * step) for side in shape[:2])
    return width, height


class Watch:
    """A progress callback that can also be called between two steps, so that a wish to stop is heard at any time.

    Parameters
    ----------
    progress : callable, optional
        What to report to.
    """

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.fraction = 0.0
        self._thread = threading.get_ident()

    def __call__(self, fraction: float) -> None:
        """Report a step."""
        self.fraction = fraction
        self.tick()

    def tick(self) -> None:
        """Report again what was reported last; from another thread than the caller's own nothing is reported."""
        if self.progress is not None and threading.get_ident() == self._thread:
            self.progress(self.fraction)
