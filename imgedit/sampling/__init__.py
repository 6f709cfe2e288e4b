"""Pictures from networks that were trained to make them (GAN, VAE): draw, go between, encode, decode, invert.

Latents are plain arrays NxD of float32 in the space that the net takes, "z" (drawn from a normal distribution) or "w"
(what a mapping net makes of those); ``models.info(name).space`` names it, and a file of latents says which it holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgedit.color import luma
from imgedit.errors import ArgumentError, ImageError, ModelError, ReadError
from imgedit.pixels import Image, Progress, as_float, check, check_finite, check_number, describe, like
from imgedit.sampling.latents import HOW, MOST_SEED, Floats, along, read_fields, write_fields

if TYPE_CHECKING:
    from imgedit.models import Model
    from imgedit.sampling.generator import Generator, Label

__all__ = ["decode", "draw_labels", "encode", "interpolate", "project", "read_latents", "sample", "write_latents"]

# Under alpha below half a level of 8 bits nets draw whatever they like; viewers that know no alpha would show it.
CLEAR = 0.5 / 255

# Random latents that a search chooses its starts from.
DRAWS = 256


def sample(
    model: str | Path | Model,
    *,
    seeds: int | Iterable[int],
    label: Label | Sequence[Label] | None = None,
    truncation: float = 1.0,
    dtype: Literal["uint8", "uint16", "float32"] = "uint8",
    device: str = "auto",
    progress: Progress | None = None,
) -> NDArray[Any]:
    """Make pictures, one a seed.

    Parameters
    ----------
    model : str, Path or Model
        A model of task "gan" or "vae": its name, the path of an ONNX file, or the loaded model.
    seeds : int or iterable of int
        0 to 2^64 - 1. A seed gives the same picture in any batch and on any machine, up to the last bits of a float.
    label : int, str or sequence, optional
        Class for a net that takes one, by index or name, for all pictures or one a seed; by default each seed draws its
        own.
    truncation : float
        Factor of the distance from the mean latent: below 1 the pictures are more typical and less varied.
    dtype : {"uint8", "uint16", "float32"}
        Of the result; float32 has white at 1 and is not clipped.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "tensorrt", "directml" or "coreml".
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        NxHxWx3 or NxHxWx4 (straight alpha, colour 0 where it is clear), or NxHxW for a net of grey pictures: each entry
        is an image.

    Raises
    ------
    ArgumentError
        A seed, label or truncation that the net can't take.
    ModelError
        No such model, or one that makes no pictures.

    References
    ----------
    Truncation: A. Brock et al., "Large scale GAN training for high fidelity natural image synthesis", ICLR 2019
    (latents of z are scaled here, not redrawn); T. Karras et al., "A style-based generator", CVPR 2019 (w).

    Examples
    --------
    >>> import imgedit as ie
    >>> stickers = ie.sample("vae-emoji-64", seeds=range(8))
    >>> stickers.shape
    (8, 64, 64, 4)
    """
    numbers = _seeds(seeds)
    truncation = check_number(truncation, "truncation", least=0)
    net = _generator(model, device, progress)
    labels = net.labels(numbers, label)
    pictures = net.run(
        net.draw(numbers, truncation),
        weights=net.weights(labels) if labels else None,
        seeds=numbers,
        truncation=truncation,
        progress=progress,
    )
    return _as_images(pictures, dtype)


def draw_labels(
    model: str | Path | Model,
    seeds: Sequence[int],
    label: Label | Sequence[Label] | None = None,
    *,
    device: str = "auto",
) -> list[int]:
    """Tell which label `sample` gives each seed.

    Parameters
    ----------
    model : str, Path or Model
        As for `sample`.
    seeds : sequence of int
        One a picture.
    label : int, str or sequence, optional
        As for `sample`.
    device : str
        As for `sample`.

    Returns
    -------
    list of int
        Indices; empty for a net without labels.
    """
    return _generator(model, device).labels(_seeds(seeds), label)


def interpolate(
    model: str | Path | Model,
    seeds: Sequence[int] | Floats,
    *,
    frames: int,
    how: Annotated[str, HOW] | None = None,
    label: Label | Sequence[Label] | None = None,
    truncation: float = 1.0,
    dtype: Literal["uint8", "uint16", "float32"] = "uint8",
    device: str = "auto",
    progress: Progress | None = None,
) -> NDArray[Any]:
    """Make pictures on the way from latent to latent.

    Parameters
    ----------
    model : str, Path or Model
        As for `sample`.
    seeds : sequence of int, or ndarray of float32
        At least two seeds, or latents KxD, as `encode` gives them.
    frames : int
        Number of pictures, in even steps; the first and last are those of the first and last seed.
    how : str, optional
        ``slerp`` keeps to the sphere on which latents of z lie; ``lerp`` goes straight, as is right in w. By default
        what suits the net's space.
    label : int, str or sequence, optional
        Class, for all or one a seed; between different classes the label is mixed, where the net takes one-hot rows. By
        default the class of the first seed.
    truncation : float
        As for `sample`; only for seeds.
    dtype : {"uint8", "uint16", "float32"}
        Of the result.
    device : str
        As for `sample`.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        NxHxWx3, NxHxWx4 or NxHxW, N = `frames`. Noise inputs stay those of the first seed.

    Raises
    ------
    ArgumentError
        Fewer than two seeds or frames, or an argument that the net can't take.
    ModelError
        No such model, or one that makes no pictures.

    References
    ----------
    T. White, "Sampling generative networks", 2016, arXiv:1609.04468, section 2.1.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.interpolate("vae-emoji-64", [3, 8, 3], frames=12).shape
    (12, 64, 64, 4)
    """
    frames = int(check_number(frames, "frames", least=2))
    truncation = check_number(truncation, "truncation", least=0)
    net = _generator(model, device, progress)
    if isinstance(seeds, np.ndarray) and seeds.dtype.kind == "f":
        keys, numbers = _latents(seeds, net), [0] * len(seeds)
    else:
        numbers = _seeds(seeds)
        keys = net.draw(numbers, truncation)
    if len(keys) < 2:
        raise ArgumentError("seeds", f"are {len(keys)}", "give at least two to go between")
    weights = None
    if net.classes:
        labels = net.labels(numbers, net.labels(numbers[:1], None)[0] if label is None else label)
        weights = along(net.weights(labels), frames, "lerp")
    pictures = net.run(
        along(keys, frames, how or ("lerp" if net.space == "w" else "slerp")),
        weights=weights,
        seeds=numbers[:1] * frames,
        truncation=truncation,
        progress=progress,
    )
    return _as_images(pictures, dtype)


def encode(image: Image | Sequence[Image], model: str | Path | Model, *, device: str = "auto") -> Floats:
    """Give the latents of pictures, by a net that was trained for it.

    Parameters
    ----------
    image : ndarray or sequence of ndarray
        One image, or several, of the size that the net takes; uint8, uint16 or float32. RGB is given to a net of grey
        pictures as luma, and opaque to one of RGBA.
    model : str, Path or Model
        An encoder, or a decoder whose manifest names its encoder.
    device : str
        As for `sample`.

    Returns
    -------
    ndarray of float32
        NxD, one row an image; of a net that gives mean and spread, the mean.

    Raises
    ------
    ImageError
        Not images, not of the net's size, or with NaN or infinity.
    ModelError
        No such model, or none that encodes.

    References
    ----------
    D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR 2014, arXiv:1312.6114.

    Examples
    --------
    >>> import imgedit as ie
    >>> sun = ie.sample("vae-emoji-64", seeds=7)[0]
    >>> ie.encode(sun, "vae-emoji-64").shape
    (1, 128)
    """
    net = _load(model, device)
    if net.manifest.family != "encoder":
        if not net.manifest.partner:
            raise ModelError(net.path, "has no encoder (its manifest names no partner); try project, which searches")
        net = _load(_beside(net, net.manifest.partner), device)
    images = [image] if isinstance(image, np.ndarray) else list(image)
    return np.stack([_encode_one(one, net) for one in images])


def decode(
    latents: Floats,
    model: str | Path | Model,
    *,
    label: Label | Sequence[Label] | None = None,
    dtype: Literal["uint8", "uint16", "float32"] = "uint8",
    device: str = "auto",
    progress: Progress | None = None,
) -> NDArray[Any]:
    """Make the pictures of latents.

    Parameters
    ----------
    latents : ndarray of float32
        NxD, or D for a single picture, in the net's own space.
    model : str, Path or Model
        As for `sample`.
    label : int, str or sequence, optional
        Class, for all or one a latent; needed by a net with labels.
    dtype : {"uint8", "uint16", "float32"}
        Of the result.
    device : str
        As for `sample`.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        NxHxWx3, NxHxWx4 or NxHxW. Noise inputs are zero.

    Raises
    ------
    ArgumentError
        Latents of another length than the net's, not finite, or no label for a net that needs one.
    ModelError
        No such model, or one that makes no pictures.

    Examples
    --------
    >>> import imgedit as ie
    >>> two = ie.encode(list(ie.sample("vae-emoji-64", seeds=[7, 8])), "vae-emoji-64")
    >>> between = ie.decode(two.mean(0), "vae-emoji-64")
    >>> between.shape
    (1, 64, 64, 4)
    """
    net = _generator(model, device, progress)
    rows = _latents(latents, net)
    return _as_images(net.run(rows, weights=_weights(net, label, len(rows)), progress=progress), dtype)


def project(
    image: Image,
    model: str | Path | Model,
    *,
    label: Label | None = None,
    starts: int = 4,
    steps: int = 60,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> Floats:
    """Find the latent whose picture is nearest to an image: inversion.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4, of the size that the net makes.
    model : str, Path or Model
        As for `sample`. Where its manifest names an encoder, the search starts from what that reads, otherwise
        from good random draws.
    label : int or str, optional
        Class, for a net with labels.
    starts : int
        Searches, each from another good draw; the best result counts.
    steps : int
        Most steps of each search; most cost a picture, some one for each dimension of the latent.
    seed : int
        Of the first draws.
    device : str
        As for `sample`.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray of float32
        1xD.

    Raises
    ------
    ImageError
        Not an image, not of the net's size, or with NaN or infinity.
    ArgumentError
        An argument out of range, or no label for a net that needs one.
    ModelError
        No such model, or one that makes no pictures.

    Examples
    --------
    >>> import imgedit as ie
    >>> sticker = ie.sample("vae-emoji-64", seeds=7)[0]
    >>> latent = ie.project(sticker, "vae-emoji-64")
    >>> again = ie.decode(latent, "vae-emoji-64")[0]
    >>> ie.psnr(again, sticker) > 25
    True
    """
    from imgedit.sampling.projection import search

    starts, steps = (int(check_number(n, name, least=1)) for n, name in ((starts, "starts"), (steps, "steps")))
    net = _generator(model, device, progress)
    weights = _weights(net, label, 1)
    if net.manifest.partner and net.manifest.family == "decoder":
        draws = encode(image, net.model, device=device)
    else:
        draws = net.draw(_seeds(range(seed, seed + DRAWS)), 1.0)
    first = net.run(draws[:1], weights=weights)
    target = _fitted(check(image), first.shape[1:], "image")

    def run(latents: Floats) -> Floats:
        return _seen(net.run(latents, weights=None if weights is None else weights.repeat(len(latents), 0)))

    return search(
        run,
        _seen(target),
        draws,
        starts=min(starts, len(draws)),
        steps=steps,
        bytes_only=net.model.outputs[0].dtype == "uint8",
        progress=progress,
    )[None]


def write_latents(path: str | os.PathLike[str], latents: Floats, model: str | Path | Model) -> None:
    """Write latents to a file that says of which net and of which space they are.

    Parameters
    ----------
    path : path
        A file of NumPy's archive format, ``.npz``.
    latents : ndarray of float32
        NxD or D.
    model : str, Path or Model
        The net that they belong to.

    Raises
    ------
    ArgumentError
        Latents that are not finite float32 NxD.

    Examples
    --------
    >>> import imgedit as ie
    >>> import tempfile
    >>> latents = ie.encode(list(ie.sample("vae-emoji-64", seeds=[7, 8])), "vae-emoji-64")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ie.write_latents(Path(folder, "two.npz"), latents, "vae-emoji-64")
    ...     ie.read_latents(Path(folder, "two.npz"), "vae-emoji-64").shape
    (2, 128)
    """
    manifest = _manifest(model)
    write_fields(
        path,
        {
            "latents": _rows(latents),
            "space": manifest.space or "z",
            "model": manifest.name,
            "sha256": manifest.sha256,
        },
    )


def read_latents(path: str | os.PathLike[str], model: str | Path | Model | None = None) -> Floats:
    """Read latents, and make sure that they are those of a net.

    Parameters
    ----------
    path : path
        A file that `write_latents` wrote.
    model : str, Path or Model, optional
        The net that they are meant for.

    Returns
    -------
    ndarray of float32
        NxD.

    Raises
    ------
    ReadError
        Not such a file, or latents of another net or space.

    Examples
    --------
    >>> import imgedit as ie
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ie.write_latents(Path(folder, "one.npz"), np.zeros(128, np.float32), "vae-emoji-64")
    ...     latents = ie.read_latents(Path(folder, "one.npz"), "vae-emoji-64")
    >>> ie.decode(latents, "vae-emoji-64").shape
    (1, 64, 64, 4)
    """
    fields = read_fields(path)
    if model is not None:
        manifest = _manifest(model)
        space = manifest.space or "z"
        # A decoder and its encoder share their latents.
        if fields["model"] not in (manifest.name, manifest.partner) or fields["space"] != space:
            raise ReadError(
                path,
                f"holds latents of the space {fields['space']} of {fields['model']}, not {space} of {manifest.name}",
            )
    return np.asarray(fields["latents"])


def _load(model: str | Path | Model, device: str, progress: Progress | None = None) -> Model:
    from imgedit.models import Model, load  # here, since manifests are checked by a library that is slow to import

    tick = None if progress is None else partial(progress, 0.0)
    net = model if isinstance(model, Model) else load(model, device=device, tick=tick)
    if net.manifest.task not in ("gan", "vae"):
        raise ModelError(net.path, f"is for {net.manifest.task}; sampling takes models for gan or vae")
    return net


def _beside(net: Model, partner: str) -> str | Path:
    """Find a partner by its manifest beside the net's own, else by its name."""
    beside = net.manifest.folder / f"{partner}.toml"
    return beside.with_suffix(".onnx") if beside.is_file() else partner


def _generator(model: str | Path | Model, device: str, progress: Progress | None = None) -> Generator:
    from imgedit.sampling.generator import Generator

    net = _load(model, device, progress)
    if net.manifest.family in ("encoder", "mapping"):
        raise ModelError(net.path, f"is the {net.manifest.family} of a net, and makes no pictures")
    mapping = None
    if net.manifest.space == "w" and net.manifest.mapping:
        mapping = _load(_beside(net, net.manifest.mapping), device, progress)
    return Generator(net, mapping)


def _manifest(model: str | Path | Model) -> Any:
    from imgedit.models import Model, find

    return model.manifest if isinstance(model, Model) else find(model)


def _seeds(seeds: int | Iterable[int]) -> list[int]:
    numbers = [seeds] if isinstance(seeds, (int, np.integer)) else list(seeds)
    if not numbers:
        raise ArgumentError("seeds", "are none", "give at least one")
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not 0 <= number <= MOST_SEED:
            raise ArgumentError("seeds", f"hold {number!r}", "give whole numbers from 0 to 2^64 - 1")
    return [int(number) for number in numbers]


def _rows(latents: Floats) -> Floats:
    rows = np.atleast_2d(np.asarray(latents))
    if rows.ndim != 2 or rows.dtype.kind != "f" or not np.isfinite(rows).all():
        raise ArgumentError("latents", f"are {describe(np.asarray(latents))}", "give finite float32 numbers NxD")
    return rows.astype(np.float32)


def _weights(net: Generator, label: Label | Sequence[Label] | None, count: int) -> Floats | None:
    """Weights of the classes, a row a picture; None for a net without labels, and where there is one, that one."""
    if label is None:
        if not net.classes:
            return None
        if net.classes > 1:
            raise ArgumentError("label", "is not given", f"{net.manifest.name} needs one: an index or a name")
        label = 0
    return net.weights(net.labels([0] * count, label))


def _latents(latents: Floats, net: Generator) -> Floats:
    rows = _rows(latents)
    if rows.shape[1] != net.size:
        raise ArgumentError(
            "latents", f"have {rows.shape[1]} numbers", f"{net.manifest.name} takes {net.size} of the space {net.space}"
        )
    return rows


def _encode_one(image: Image, net: Model) -> Floats:
    from imgedit.models import pictures

    values = as_float(check(image))
    fitted = _fitted(values, _input_size(net, values), "image")
    roles = net.manifest.outputs
    outputs = net.run(pictures.to_net(fitted[None], net.manifest, net.inputs[0].dtype))
    place = next((roles.index(role) for role in ("latent", "mean") if role in roles), 0)
    return np.asarray(outputs[place], np.float32).reshape(-1)


def _input_size(net: Model, values: Floats) -> tuple[int, int, int]:
    shape = net.inputs[0].shape
    if len(shape) != 4:
        raise ModelError(net.path, f"takes {shape}, which is no batch of pictures")
    height, width, channels = (shape[2], shape[3], shape[1]) if net.manifest.layout == "nchw" else shape[1:]
    own = 1 if values.ndim == 2 else values.shape[2]
    return height or values.shape[0], width or values.shape[1], channels or own


def _fitted(values: Image, shape: tuple[int, ...], name: str) -> Floats:
    """Bring an image to the size and the channels of a net, as far as nothing is lost."""
    if values.shape[:2] != shape[:2]:
        raise ImageError(
            name,
            f"is {values.shape[0]}x{values.shape[1]}, the net's pictures are {shape[0]}x{shape[1]}",
            f"resize it with ie.resize({name}, ({shape[0]}, {shape[1]}))",
        )
    values = as_float(values)
    check_finite(values, name)
    channels, own = shape[2], 1 if values.ndim == 2 else values.shape[2]
    if own == 4 and channels != 4:
        raise ImageError(name, "has alpha, which the net does not know", f"give ie.flatten([{name}], background=...)")
    if channels == 1:
        return (values if own == 1 else luma(values))[..., None]
    if own == 1:
        values = np.repeat(values[..., None], 3, axis=2)
    if channels == 4 and own != 4:
        values = np.concatenate([values, np.ones_like(values[..., :1])], axis=2)
    return values


def _seen(pictures: Floats) -> Floats:
    """Premultiply, so that colour under clear pixels is not looked for."""
    if pictures.shape[-1] != 4:
        return pictures
    return np.concatenate([pictures[..., :3] * pictures[..., 3:], pictures[..., 3:]], -1)


def _as_images(pictures: Floats, dtype: str) -> NDArray[Any]:
    if dtype not in ("uint8", "uint16", "float32"):
        raise ArgumentError("dtype", f"is {dtype!r}", "give 'uint8', 'uint16' or 'float32'")
    if pictures.shape[-1] == 4:
        clear = pictures[..., 3:] < CLEAR
        pictures = np.concatenate([np.where(clear, 0, pictures[..., :3]), pictures[..., 3:]], -1)
    images = like(pictures, dtype)
    return images[..., 0] if images.shape[-1] == 1 else images
