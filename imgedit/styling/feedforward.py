"""Style transfer by a net that was trained for it: one run, one picture.

Sources: J. Johnson et al., "Perceptual losses for real-time style transfer and super-resolution", ECCV 2016,
arXiv:1603.08155 (one style a net); V. Dumoulin et al., "A learned representation for artistic style", ICLR 2017,
arXiv:1610.07629 (several styles, mixed by weights); X. Huang, S. Belongie, "Arbitrary style transfer in real-time with
adaptive instance normalization", ICCV 2017, arXiv:1703.06868 (the style is a picture).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ModelError
from imgedit.pixels import Progress
from imgedit.styling.chosen import Chosen, Style, choose
from imgedit.styling.sizes import Floats, expanded, fitting, shrunk
from imgedit.tables import Table
from imgedit.tiling import padded

if TYPE_CHECKING:
    from imgedit.models import Model

__all__ = ["FAMILIES", "paint_feedforward"]

# Most pixels that a net with instance normalisation sees at once: 32 channels of them are 0.27 GB, and it holds a few.
MOST_PIXELS = 2**21

# Longest side of a tile where a picture is larger than that, and the net's statistics are those of the whole.
TILE = 1024

# Shortest side that nets are given: they halve it twice or three times, and mirror it at each size. At least four of
# the steps that they can halve.
LEAST = 16

# Longest side of a style's picture: what such nets are trained with; a larger one has finer strokes than they know.
STYLE_SIDE = 512


def paint_feedforward(
    photo: Floats,
    style: Style,
    *,
    model: str | None,
    size: int | None,
    device: str,
    progress: Progress | None,
) -> Floats:
    """Paint a photo with a net.

    Parameters
    ----------
    photo : ndarray of float32
        HxWx3, white at 1.
    style : str, mapping or ndarray
        As `stylize` takes it.
    model : str, optional
        The net to take.
    size : int, optional
        Longest side at which it works.
    device : str
        Where.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray of float32
        HxWx3.
    """
    from imgedit.models import load, pictures  # here, since manifests are checked by a library that is slow to import

    chosen = choose(style, model)
    watch = pictures.Watch(progress)
    net = load(chosen.model, device=device, task="style", tick=watch.tick)
    extra = FAMILIES[net.manifest.family](net, chosen)
    small = shrunk(photo, _working_size(net, photo.shape[:2], size))
    height, width = small.shape[:2]
    if pictures.fixed_size(net) is None:
        least = max(LEAST, 4 * net.manifest.multiple_of)
        small = padded(small, (max(height, least), max(width, least)))
    tile = None
    if small.shape[0] * small.shape[1] > MOST_PIXELS and net.manifest.tiling != "never":
        net, tile = pictures.frozen(net, small, extra=extra, tick=watch.tick), TILE
    moves = (0,) if net.manifest.grid is None else (0, net.manifest.grid // 2)
    painting = np.zeros_like(small)

    def run(batch: Floats) -> Floats:
        return pictures.run(net, batch, extra=extra, tick=watch.tick)

    for turn, move in enumerate(moves):

        def report(done: float, turn: int = turn) -> None:
            watch((turn + done) / len(moves))

        moved = np.pad(small, ((move, 0), (move, 0), (0, 0)), mode="symmetric") if move else small
        painted = pictures.run_tiled(
            net,
            moved,
            function=run,
            tile=tile or max(moved.shape),
            progress=report,
        )
        painting += painted[move:, move:] / np.float32(len(moves))
    # What a net paints beyond black and white is clipped, as its authors do; it would come back as rings.
    painting, small = (np.ascontiguousarray(one[:height, :width]) for one in (painting, small))
    return expanded(np.clip(painting, 0, 1), small, photo)


def _working_size(net: Model, size: tuple[int, int], side: int | None) -> tuple[int, int]:
    from imgedit.models import pictures

    fixed = pictures.fixed_size(net)
    if fixed is not None:
        # Mirrored to the net's shape, not stretched: strokes keep theirs.
        factor = min(fixed[0] / size[0], fixed[1] / size[1], 1.0)
        return max(1, int(size[0] * factor)), max(1, int(size[1] * factor))
    return fitting(size, side=side, pixels=None if net.manifest.tiling == "safe" or side is not None else MOST_PIXELS)


def _nothing_more(net: Model, chosen: Chosen) -> dict[str, NDArray[Any]]:
    if chosen.picture is not None:
        raise ModelError(net.path, "paints in a style of its own; a picture as style takes a net of family 'pair'")
    return {}


def _weights(net: Model, chosen: Chosen) -> dict[str, NDArray[Any]]:
    if chosen.weights is None:
        raise ModelError(net.path, f"takes styles by name: {', '.join(net.manifest.classes)}")
    return {"weights": chosen.weights}


def _picture(net: Model, chosen: Chosen) -> dict[str, NDArray[Any]]:
    from imgedit.models import pictures

    if chosen.picture is None:
        raise ModelError(net.path, "takes a picture as style: give an image, or the path of one")
    port = net.inputs[net.manifest.inputs.index("style")]
    height, width = (
        (port.shape[2:] if net.manifest.layout == "nchw" else port.shape[1:3]) if port.shape else (None, None)
    )
    size = fitting((chosen.picture.shape[0], chosen.picture.shape[1]), side=STYLE_SIDE)
    multiple = net.manifest.multiple_of
    sides = (height or -(-size[0] // multiple) * multiple, width or -(-size[1] // multiple) * multiple)
    return {"style": pictures.to_net(shrunk(chosen.picture, sides)[None], net.manifest, port.dtype)}


FAMILIES: Table[Callable[[Model, Chosen], dict[str, NDArray[Any]]]] = Table(
    "family", {"rgb": _nothing_more, "gallery": _weights, "pair": _picture}
)
