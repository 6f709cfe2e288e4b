"""From a style as people name it to a net and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgedit import io
from imgedit.errors import ArgumentError, ModelError, UnknownNameError
from imgedit.pixels import as_float, check, check_finite, check_number, split_alpha
from imgedit.styling.sizes import Floats
from imgedit.tables import Files, advice

if TYPE_CHECKING:
    from imgedit.models import Manifest

__all__ = ["Chosen", "Style", "choose", "pictures_of"]


def _moved(style: Any, move: Callable[[str], str]) -> Any:
    """Replace the paths in a style as people write it."""
    if isinstance(style, str):
        return move(style) if Path(style).suffix else style
    if isinstance(style, Mapping):
        return {_moved(name, move): weight for name, weight in style.items()}
    return style


# The shipped net that takes any picture as style.
ANY = "style-any"

Style: TypeAlias = Annotated[str | Mapping[str, float] | NDArray[Any], Files(_moved)]
"""A name, names or paths with their weights, the path of a picture or of an ONNX file, or a picture."""


@dataclass(frozen=True)
class Chosen:
    """A net, and what it is told beside the photo: weights of its styles, or a picture of the style."""

    model: str | Path
    weights: Floats | None = None
    picture: Floats | None = None


def choose(style: Style, model: str | None) -> Chosen:
    """Find the net that knows a style.

    Parameters
    ----------
    style : str, mapping or ndarray
        As `stylize` takes it.
    model : str, optional
        The net to take.

    Returns
    -------
    Chosen
        Net and weights.

    Raises
    ------
    UnknownNameError
        No net knows such a style.
    ArgumentError
        Several styles that no single net knows, a mixture of pictures, or weights that are none.
    """
    if isinstance(style, np.ndarray) or _is_picture(style):
        return Chosen(model or _taker_of_pictures().name, picture=pictures_of(style)[0][0])
    weights = _weights(style)
    if any(map(_is_picture, weights)):
        raise ArgumentError(
            "style", f"mixes pictures: {', '.join(weights)}", "take method='gatys' for that, or give one picture"
        )
    if model is None and len(weights) == 1 and str(next(iter(weights))).endswith(".onnx"):
        return _whole(next(iter(weights)))
    return _named(weights, model)


def pictures_of(style: Style) -> list[tuple[Floats, float]]:
    """Open the pictures of a style.

    Parameters
    ----------
    style : str, mapping or ndarray
        A picture, the path of one, or paths with weights.

    Returns
    -------
    list of (ndarray of float32, float)
        HxWx3 with white at 1, and weights that sum to 1.
    """
    if isinstance(style, np.ndarray):
        return [(_rgb(style), 1.0)]
    if not isinstance(style, Mapping) and not _is_picture(style):
        raise ArgumentError("style", f"is {style!r}, which is no picture", "give an image, or the path of one")
    return [(_rgb(io.read(path)), weight) for path, weight in _weights(style).items()]


def _rgb(image: NDArray[Any]) -> Floats:
    values = as_float(split_alpha(check(image, "style"))[0])
    check_finite(values, "style")
    return np.ascontiguousarray(np.repeat(values[..., None], 3, axis=2) if values.ndim == 2 else values)


def _is_picture(style: Any) -> bool:
    """Tell the path of a picture by its suffix."""
    return isinstance(style, (str, Path)) and Path(style).suffix.lower() in {
        suffix for codec in io.FORMATS.values() for suffix in codec.suffixes
    }


def _weights(style: Any) -> dict[str, float]:
    """Weights that sum to 1, by name."""
    if isinstance(style, (str, Path)):
        return {str(style): 1.0}
    if not isinstance(style, Mapping) or not style:
        raise ArgumentError("style", f"is {style!r}", "give a name, {name: weight, ...}, or an image")
    given = {str(name): check_number(weight, f"style[{name!r}]", least=0) for name, weight in style.items()}
    total = sum(given.values())
    if total == 0:
        raise ArgumentError("style", "has weights of 0 only", "give at least one above 0")
    return {name: weight / total for name, weight in given.items()}


def _known() -> list[Manifest]:
    from imgedit.models import find, names

    return [find(name) for name in names("style")]


def _taker_of_pictures() -> Manifest:
    known = [manifest for manifest in _known() if manifest.family == "pair"]
    if not known:
        raise ModelError(
            "style", "no net for a style given as a picture is installed; name one with model=, or take method='gatys'"
        )
    return next((manifest for manifest in known if manifest.name == ANY), known[0])


def _whole(name: str | Path) -> Chosen:
    """Take a model by its own name: all its styles in equal parts, where it has several."""
    from imgedit.models import find

    count = len(find(name).classes)
    return Chosen(name, np.full((1, count), 1 / count, np.float32) if count else None)


def _named(weights: dict[str, float], model: str | None) -> Chosen:
    from imgedit.models import find, names
    from imgedit.models.store import check_task

    known = [find(model, task="style")] if model is not None else _known()
    if model is not None:
        check_task(model, known[0], "style")
    for manifest in known:
        if set(weights) <= set(manifest.classes):
            row = [weights.get(name, 0.0) for name in manifest.classes]
            return Chosen(model or manifest.name, np.array([row], np.float32))
    # A net of the registry that is not here yet counts too: loading it says how to fetch it.
    nets = [name for name in names("style", ready=False) if find(name).family != "gatys"]
    if len(weights) == 1 and next(iter(weights)) in nets:
        return _whole(next(iter(weights)))
    valid = sorted({*nets, *(name for manifest in known for name in manifest.classes)})
    for name in weights:
        if name not in valid and name in names("style"):
            raise ArgumentError(
                "style", f"is {name!r}, a graph for method='gatys'", "give a picture of the style with it"
            )
        if name not in valid:
            raise UnknownNameError("style", f"is {name!r}", advice(name, valid))
    raise ArgumentError("style", f"is {', '.join(weights)}, of several nets", "mix styles of one net")
