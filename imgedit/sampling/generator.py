"""Run a net that makes pictures of latents, whatever its file takes and gives.

Nets from the wild differ in more than their weights: latents of any rank, labels as an index or as one-hot rows, noise
as an input, pictures with channels first or last, flattened, in [0, 1], [-1, 1] or as bytes, and batch axes that lie (a
net that gives one picture for a batch of three). All of that ends here: latents NxD in, pictures with white at 1 out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError, ModelError
from imgedit.models.session import Model, Port
from imgedit.pixels import Progress
from imgedit.sampling.latents import Floats, normal, uniform
from imgedit.tables import advice

__all__ = ["Generator", "Label"]

Label = int | str

# What an input of a generator may be for.
ROLES = ("latent", "label", "truncation", "noise")

# Pictures a run on a GPU. On the CPU it is one: a batch gains nothing there, and sums in another order would make the
# picture of a seed depend on its neighbours.
BATCH = 16

# Pictures of one latent alone and in a batch may differ by the order of sums, not by more.
SAME = 1e-3

# Latents whose mean stands for the mean of the space w: its error is 3 % of the spread.
MEAN_OF = 1000

# Channels that a flattened picture may have, likeliest first.
CHANNELS = (1, 3, 4)


class Generator:
    """A model that makes pictures, with its ports understood.

    Parameters
    ----------
    model : Model
        Of task "gan" or "vae".
    mapping : Model, optional
        From z to the w that the model takes.

    Raises
    ------
    ModelError
        Its inputs are not what a generator takes, or the manifest does not name them.
    """

    def __init__(self, model: Model, mapping: Model | None = None) -> None:
        self.model = model
        self.mapping = mapping
        self.manifest = model.manifest
        self.roles = self.manifest.inputs or ("latent",)
        if len(self.roles) != len(model.inputs) or "latent" not in self.roles or set(self.roles) - set(ROLES):
            names = ", ".join(port.name for port in model.inputs)
            raise ModelError(
                model.path,
                f"takes {names}: say what each is for, inputs = [...] of {', '.join(ROLES)}, in its manifest",
            )
        self.latent_shape = _whole(model, model.inputs[self.roles.index("latent")])
        self._batches = model.device != "cpu" and all(port.shape[:1] != (1,) for port in model.inputs)
        self._proven = False

    @property
    def size(self) -> int:
        """Numbers in one latent."""
        return math.prod(self.latent_shape)

    @property
    def space(self) -> str:
        """Space of its latents: "z" or "w"."""
        return self.manifest.space or "z"

    @property
    def classes(self) -> int:
        """Number of labels; 0 where it takes none."""
        if "label" not in self.roles:
            return 0
        port = self.model.inputs[self.roles.index("label")]
        if port.dtype.startswith("float") and len(port.shape) > 1 and port.shape[1] is not None:
            return port.shape[1]
        return len(self.manifest.classes)

    def draw(self, seeds: Sequence[int], truncation: float) -> Floats:
        """Give the latents of seeds, in the net's own space.

        Parameters
        ----------
        seeds : sequence of int
            One a latent.
        truncation : float
            Factor of their distance from the mean latent; nets that have an input for it are told instead.

        Returns
        -------
        ndarray of float32
            NxD.
        """
        draws = np.stack([normal(seed, (self._drawn,)) for seed in seeds])
        if self.mapping is None and self.space == "w":
            raise ModelError(
                self.model.path,
                'takes latents of w, which no seed gives; name its mapping net in the manifest: mapping = "..."',
            )
        factor = np.float32(1 if "truncation" in self.roles else truncation)
        if self.mapping is None:
            return np.asarray(factor * draws, np.float32)
        latents = self._mapped(draws)
        if factor == 1:
            return latents
        mean = self._mapped(np.stack([normal(seed, (self._drawn,)) for seed in range(MEAN_OF)])).mean(0)
        return np.asarray(mean + factor * (latents - mean), np.float32)

    @property
    def _drawn(self) -> int:
        return self.size if self.mapping is None else math.prod(_whole(self.mapping, self.mapping.inputs[0]))

    def _mapped(self, draws: Floats) -> Floats:
        assert self.mapping is not None
        shape = _whole(self.mapping, self.mapping.inputs[0])
        return np.stack([self.mapping.run(draw.reshape(1, *shape))[0].reshape(-1) for draw in draws])

    def labels(self, seeds: Sequence[int], label: Label | Sequence[Label] | None) -> list[int]:
        """Give the label of each picture as an index.

        Parameters
        ----------
        seeds : sequence of int
            Each draws its label where none is given.
        label : int, str, sequence or None
            For all, or one a seed.

        Returns
        -------
        list of int
            Empty for a net without labels.
        """
        if not self.classes:
            if label is not None:
                raise ArgumentError("label", f"is {label!r}", f"{self.manifest.name} takes no labels: leave it out")
            return []
        if label is None:
            return [int(uniform(seed, 1, "label")[0] * self.classes) for seed in seeds]
        given = [label] * len(seeds) if isinstance(label, (int, str, np.integer)) else list(label)
        if len(given) != len(seeds):
            raise ArgumentError(
                "label", f"has {len(given)} entries for {len(seeds)} pictures", "give one, or one a seed"
            )
        return [self._index(one) for one in given]

    def _index(self, label: Label) -> int:
        names = list(self.manifest.classes)
        if isinstance(label, str) and label in names:
            return names.index(label)
        if isinstance(label, (int, np.integer)) and not isinstance(label, bool) and 0 <= label < self.classes:
            return int(label)
        remedy = advice(label, names) if names else f"give an index from 0 to {self.classes - 1}"
        raise ArgumentError("label", f"is {label!r}", remedy)

    def weights(self, labels: Sequence[int]) -> Floats:
        """Write labels as rows with a single 1.

        Parameters
        ----------
        labels : sequence of int
            Indices.

        Returns
        -------
        ndarray of float32
            Nxclasses.
        """
        return np.eye(max(self.classes, 1), dtype=np.float32)[list(labels)]

    def run(
        self,
        latents: Floats,
        *,
        weights: Floats | None = None,
        seeds: Sequence[int] | None = None,
        truncation: float = 1.0,
        progress: Progress | None = None,
    ) -> Floats:
        """Make pictures.

        Parameters
        ----------
        latents : ndarray of float32
            NxD.
        weights : ndarray of float32, optional
            Nxclasses, for a net with labels.
        seeds : sequence of int, optional
            Of the noise inputs, one a picture; without them the noise is zero.
        truncation : float
            For nets with an input for it.
        progress : callable, optional
            Given the fraction done.

        Returns
        -------
        ndarray of float32
            NxHxWxC, white at 1, not clipped.
        """
        out: list[Floats] = []
        while len(out) < len(latents):
            start = len(out)
            part = slice(start, start + (BATCH if self._batches else 1))
            feeds = self._feeds(
                latents[part],
                None if weights is None else weights[part],
                [None] * len(latents[part]) if seeds is None else list(seeds[part]),
                truncation,
            )
            pictures = self._pictures(self.model.run(*feeds), len(latents[part]))
            if pictures is None or not self._honest(pictures, feeds):
                self._batches = False  # its batch axis lies: one by one from here on
                continue
            out.extend(pictures)
            if progress is not None:
                progress(len(out) / len(latents))
        return np.stack(out)

    def _honest(self, pictures: Floats, feeds: list[NDArray[Any]]) -> bool:
        """Compare the last picture of the first batch with the same one made alone."""
        if self._proven or len(pictures) == 1:
            return True
        alone = [feed[-1:] if feed.ndim and len(feed) == len(pictures) else feed for feed in feeds]
        single = self._pictures(self.model.run(*alone), 1)
        self._proven = single is not None and bool(np.abs(single[0] - pictures[-1]).max() < SAME)
        return self._proven

    def _feeds(
        self, latents: Floats, weights: Floats | None, seeds: Sequence[int | None], truncation: float
    ) -> list[NDArray[Any]]:
        """One array for each input, in the file's order."""
        count = len(latents)
        feeds: list[NDArray[Any]] = []
        for number, (role, port) in enumerate(zip(self.roles, self.model.inputs, strict=True)):
            if role == "latent":
                feeds.append(latents.reshape(count, *self.latent_shape))
            elif role == "label":
                if weights is None:
                    raise ArgumentError("label", "is not given", f"{self.manifest.name} needs one: an index or a name")
                feeds.append(_as_label(weights, port))
            elif role == "truncation":
                feeds.append(np.full([side or count for side in port.shape], truncation, np.float32))
            else:
                feeds.append(self._noise(number, port, seeds))
        return feeds

    def _noise(self, number: int, port: Port, seeds: Sequence[int | None]) -> Floats:
        shape = _whole(self.model, port)
        rows = [
            np.zeros(shape, np.float32) if seed is None else normal(seed, (number + 1, *shape), "noise")[number]
            for seed in seeds
        ]
        return np.stack(rows)

    def _pictures(self, outputs: list[NDArray[Any]], count: int) -> Floats | None:
        """Find the pictures in what the net gave; None where they are not as many as they should be."""
        roles = self.manifest.outputs
        array = outputs[roles.index("image") if "image" in roles else 0]
        values = as_white_at_one(array, self.manifest.output_range or self.manifest.range)
        if values.ndim == 1 or (values.ndim == 3 and (len(values) != count or values.shape[2] in CHANNELS)):
            values = values[None]  # no batch axis at all
        if len(values) != count:
            return None
        if values.ndim == 2:
            height, width, channels = self._flat(values.shape[1])
            if self.manifest.layout == "nhwc":
                return values.reshape(count, height, width, channels)
            values = values.reshape(count, channels, height, width)
        if values.ndim == 3:
            return values[..., None]
        if self.manifest.layout == "nchw" and values.shape[1] in CHANNELS and array.ndim != 3:
            values = values.transpose(0, 2, 3, 1)
        if values.ndim != 4 or values.shape[3] not in CHANNELS:
            raise ModelError(self.model.path, f"gives {array.shape}, which is no batch of pictures")
        return np.ascontiguousarray(values)

    def _flat(self, length: int) -> tuple[int, int, int]:
        """Height, width and channels of a flattened picture."""
        fixed = self.manifest.fixed_size
        for channels in CHANNELS:
            height, width = fixed or (math.isqrt(length // channels),) * 2
            if height * width * channels == length:
                return height, width, channels
        raise ModelError(
            self.model.path, f"gives rows of {length} numbers; say what size they are: fixed_size = [height, width]"
        )


def as_white_at_one(array: NDArray[Any], output_range: tuple[float, float]) -> Floats:
    """Bring what a net gave to float32 with black at 0 and white at 1.

    Parameters
    ----------
    array : ndarray
        Bytes, or floats of `output_range`.
    output_range : tuple of float
        What black and white are. Bytes of 0 and 1, a manifest's default, are meant as 0 and 255.

    Returns
    -------
    ndarray of float32
        Of the same shape, not clipped.
    """
    black, white = (0.0, 255.0) if array.dtype == np.uint8 and output_range == (0.0, 1.0) else output_range
    return np.asarray((array.astype(np.float32) - np.float32(black)) / np.float32(white - black), np.float32)


def _as_label(weights: Floats, port: Port) -> NDArray[Any]:
    if port.dtype.startswith("float"):
        return weights
    single = weights.max(axis=1) == 1
    if not single.all():
        raise ArgumentError(
            "label", "changes between pictures", "this net takes whole labels only: give the same for all"
        )
    labels: NDArray[Any] = weights.argmax(axis=1).astype(port.dtype)
    return labels.reshape(len(labels), *[1] * (len(port.shape) - 1))


def _whole(model: Model, port: Port) -> tuple[int, ...]:
    """Shape of one item of a port."""
    sides = port.shape[1:]
    if not sides or None in sides:
        raise ModelError(model.path, f"does not say how large its input {port.name} is: {port.shape}")
    return tuple(side for side in sides if side is not None)
