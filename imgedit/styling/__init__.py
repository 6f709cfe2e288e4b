"""Paint a photo in the style of a picture: one verb, ``stylize``, and METHODS, its menu.

What every method shares is done here, once: dtype, grey and alpha, strength, the photo's colours, the mask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from imgedit.color import luma
from imgedit.errors import ArgumentError
from imgedit.pixels import (
    Image,
    Mask,
    Progress,
    as_float,
    check,
    check_alpha,
    check_finite,
    check_mask,
    check_number,
    join_alpha,
    like,
    mix_by_mask,
    split_alpha,
)
from imgedit.poisson import push_pull
from imgedit.styling.chosen import Style
from imgedit.styling.colors import KEEP_COLOR
from imgedit.styling.feedforward import paint_feedforward
from imgedit.styling.gatys import paint_gatys
from imgedit.styling.sizes import Floats
from imgedit.tables import Table, advice

__all__ = ["METHODS", "stylize"]

METHODS: Table[Callable[..., Floats]] = Table("method", {"feedforward": paint_feedforward, "gatys": paint_gatys})


def stylize(
    image: Image,
    style: Style,
    *,
    strength: float = 1.0,
    keep_color: Annotated[str, KEEP_COLOR] | None = None,
    method: Annotated[str, METHODS] = "feedforward",
    model: str | None = None,
    size: int | None = None,
    mask: Mask | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    **method_parameters: Any,
) -> Image:
    """Paint an image in another style.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32 in [0, 1]. Alpha stays; grey stays grey.
    style : str, mapping or ndarray
        Name of a style or of a net; names with weights, ``{"great-wave": 0.6, "starry-night": 0.4}``, for a net that
        knows several; the path of an ONNX file; or a picture of the style, or its path, for a net of family "pair" and
        for ``method="gatys"``, which also takes paths with weights.
    strength : float
        0 (the image) to 1.
    keep_color : {"luma", "histogram", "linear"}, optional
        Keep the image's colours: take only the lightness of the painting, or give the painting the distribution of each
        channel, or mean and covariance, of the image.
    method : str
        ``feedforward``: one run of a net that was trained for its styles. ``gatys``: optimisation, slower by far, for
        any picture as style.
    model : str, optional
        The net to take, by name or path; by default the first that knows the style.
    size : int, optional
        Longest side in pixels at which the style is painted: smaller makes larger strokes and takes less time. By
        default the image's own, for nets that see the whole at once up to 2 megapixels (gatys: 512); a net of a fixed
        size has no choice. A painting that is smaller than the image is enlarged, and gets the image's fine detail.
    mask : ndarray, optional
        HxW; where to paint. Outside, the image stays bit for bit.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "tensorrt", "directml" or "coreml".
    progress : callable, optional
        Given the fraction done; what it raises stops the work.
    **method_parameters : object
        Parameters of the method itself; gatys has ``content_weight``, ``style_weight``, ``style_scale``,
        ``iterations``.

    Returns
    -------
    ndarray
        Same shape and dtype.

    Raises
    ------
    ImageError
        Not an image, one that holds NaN or infinity, as does that of the style, or a mask that does not fit it.
    ArgumentError
        A parameter out of range, or one that the method does not have.
    UnknownNameError
        No such style or method.
    ModelError
        No such model, or one that can't take such a style.
    DeviceError
        The device does not work.

    References
    ----------
    See ``imgedit.styling.feedforward`` and ``imgedit.styling.gatys`` for the methods.

    Examples
    --------
    >>> import imgedit as ie
    >>> photo = np.full((32, 48, 3), 128, np.uint8)
    >>> ie.stylize(photo, "great-wave", strength=0.8, keep_color="luma").shape
    (32, 48, 3)
    """
    image = check(image)
    check_alpha(image)
    strength = check_number(strength, "strength", least=0, most=1)
    paint, keep = METHODS[method], None if keep_color is None else KEEP_COLOR[keep_color]
    side = None if size is None else int(check_number(size, "size", least=16))
    if mask is not None:
        mask = check_mask(mask, image)
    _refuse_unknown(method, method_parameters)
    check_finite(image)
    photo = _visible(image)
    painting = paint(photo, style, model=model, size=side, device=device, progress=progress, **method_parameters)
    if keep is not None:
        painting = keep(photo, painting)
    painting = photo + np.float32(strength) * (painting - photo)
    return mix_by_mask(image, _dressed(painting, image), mask)


def _refuse_unknown(method: str, given: dict[str, Any]) -> None:
    import inspect

    shared = list(inspect.signature(stylize).parameters)[:-1]
    own = [p for p in inspect.signature(METHODS[method]).parameters.values() if p.kind is p.KEYWORD_ONLY]
    names = [p.name for p in own if p.name not in shared]
    for name in given:
        if name not in names:
            alone = "" if names else ", which has none of its own"
            raise ArgumentError(name, f"is no parameter of method {method!r}{alone}", advice(name, [*names, *shared]))


def _visible(image: Image) -> Floats:
    """HxWx3 in [0, 1]; what is hidden under clear pixels is replaced by what is around it, so that no net sees it."""
    color, alpha = split_alpha(as_float(image))
    photo = np.repeat(color[..., None], 3, axis=2) if color.ndim == 2 else color
    if alpha is not None and (alpha == 0).any():
        photo = push_pull(np.ascontiguousarray(photo), np.asarray(alpha > 0, np.float32)) if alpha.any() else 0 * photo
    return np.ascontiguousarray(np.clip(photo, 0, 1))


def _dressed(painting: Floats, image: Image) -> Image:
    """Bring a painting to channels and dtype of the image, with its alpha and what is hidden under it."""
    if image.ndim == 2:
        return like(luma(painting), image.dtype)
    color, alpha = split_alpha(image)
    result = like(np.clip(painting, 0, 1), image.dtype)
    if alpha is not None:
        result = np.where(alpha[..., None] > 0, result, color)
    return join_alpha(result, alpha)
