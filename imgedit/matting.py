"""Find what a picture is of, with a network: ``matte`` gives its coverage, ``remove_background`` cuts it out.

X. Qin et al., "U2-Net: going deeper with nested U-structure for salient object detection", Pattern Recognition 2020,
arXiv:2005.09007; X. Qin et al., "Highly accurate dichotomous image segmentation", ECCV 2022, arXiv:2203.03041 (IS-Net).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ModelError
from imgedit.fusion import decontaminate
from imgedit.geometry import resize
from imgedit.pixels import Image, Progress, as_float, check, check_alpha, check_finite, join_alpha, like, split_alpha
from imgedit.tables import Table

if TYPE_CHECKING:
    from imgedit.models import Model

__all__ = ["FAMILIES", "matte", "remove_background"]

Floats = NDArray[np.float32]

# Longest side of what a net without a size of its own sees.
SIDE = 1024


def matte(image: Image, *, model: str | None = None, device: str = "auto", progress: Progress | None = None) -> Image:
    """Give how much of each pixel belongs to what the picture is of.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32 in [0, 1]. Alpha is not looked at.
    model : str, optional
        A model's name or the path of an ONNX file; by default the first that is installed for this task.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "tensorrt", "directml" or "coreml".
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        HxW, of the image's dtype: 0 is background, full range what the picture is of. Every mask= takes it.

    Raises
    ------
    ImageError
        Not an image, or one with NaN or infinity.
    ModelError
        No such model, or one that is not for this task.
    DeviceError
        The device does not work.

    References
    ----------
    X. Qin et al. 2020, arXiv:2005.09007.

    Examples
    --------
    A net of one's own, here one that knows red from green:

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import onnx.parser
    >>> import imgedit as ie
    >>> text = '''<ir_version: 8, opset_import: ["": 17]>
    ... redness (float[1, 3, 32, 32] picture) => (float[1, 1, 32, 32] cover)
    ... <float[1, 3, 1, 1] weights = {1, -1, 0}> { cover = Conv(picture, weights) }'''
    >>> net = pathlib.Path(tempfile.mkdtemp(), "redness.onnx")
    >>> onnx.save(onnx.parser.parse_model(text), net)
    >>> photo = np.full((32, 32, 3), 90, np.uint8)
    >>> photo[8:20, 10:25, 0] = 250
    >>> cover = ie.matte(photo, model=str(net))
    >>> int(cover[10, 12]), int(cover[0, 0])
    (255, 0)
    """
    from imgedit.models import load, pictures  # here, since manifests are checked by a library that is slow to import

    image = check(image)
    check_finite(image)
    watch = pictures.Watch(progress)
    watch(0.0)
    net = load(_installed() if model is None else model, device=device, task="matte", tick=watch.tick)
    color = as_float(split_alpha(image)[0])
    color = np.repeat(color[..., None], 3, axis=2) if color.ndim == 2 else np.ascontiguousarray(color)
    # Stretched to the net's shape, not padded: that is how these nets were trained, and they do worse otherwise.
    # Without overshoot: a ringing edge would be the extreme that the matte is stretched to.
    small = resize(color, _size(net, image.shape), filter="linear")
    cover = FAMILIES[net.manifest.family](net, small, watch.tick)
    watch(1.0)
    return like(resize(np.ascontiguousarray(cover), image.shape[:2], filter="linear"), image.dtype)


def remove_background(
    image: Image,
    *,
    model: str | None = None,
    clean: bool = True,
    device: str = "auto",
    progress: Progress | None = None,
) -> Image:
    """Cut out what the picture is of.

    Parameters
    ----------
    image : ndarray
        HxW, HxWx3 or HxWx4; uint8, uint16 or float32 in [0, 1]. Alpha that it has is kept where it is lower.
    model : str, optional
        As for `matte`.
    clean : bool
        Take the colour of the background out of the rim and from under clear pixels.
    device : str
        As for `matte`.
    progress : callable, optional
        Given the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        HxWx4 of the image's dtype, straight alpha.

    Raises
    ------
    ImageError
        Not an image, or alpha outside [0, 1].
    ModelError
        No such model, or one that is not for this task.
    DeviceError
        The device does not work.

    Examples
    --------
    With a net as in the example of `matte`; ``model="isnet-general"`` is one for photos of all things:

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import onnx.parser
    >>> import imgedit as ie
    >>> text = '''<ir_version: 8, opset_import: ["": 17]>
    ... redness (float[1, 3, 32, 32] picture) => (float[1, 1, 32, 32] cover)
    ... <float[1, 3, 1, 1] weights = {1, -1, 0}> { cover = Conv(picture, weights) }'''
    >>> net = pathlib.Path(tempfile.mkdtemp(), "redness.onnx")
    >>> onnx.save(onnx.parser.parse_model(text), net)
    >>> photo = np.full((32, 32, 3), 90, np.uint8)
    >>> photo[8:20, 10:25, 0] = 250
    >>> cut = ie.remove_background(photo, model=str(net))
    >>> cut.shape, cut[10, 12].tolist(), cut[0, 0].tolist()  # no grey is left to shine through
    ((32, 32, 4), [250, 90, 90, 255], [250, 90, 90, 0])
    """
    image = check(image)
    check_alpha(image)
    color, alpha = split_alpha(image)
    cover = matte(image, model=model, device=device, progress=progress)
    cut = join_alpha(np.ascontiguousarray(color), cover if alpha is None else np.minimum(cover, alpha))
    return decontaminate(cut) if clean and cut[..., 3].any() else cut


def _installed() -> str:
    from imgedit.models import names

    known = names("matte")
    if not known:
        raise ModelError(
            "matte", "no network is installed; name one with model=, or fetch one: imgedit models fetch isnet-general"
        )
    return known[0]


def _size(net: Model, shape: tuple[int, ...]) -> tuple[int, int]:
    from imgedit.models import pictures

    fixed = pictures.fixed_size(net)
    if fixed is not None:
        return fixed
    factor, step = min(1.0, SIDE / max(shape[:2])), net.manifest.multiple_of
    height, width = (max(1, round(side * factor / step)) * step for side in shape[:2])
    return height, width


def run_saliency(net: Model, picture: Floats, tick: Callable[[], None]) -> Floats:
    """Run a net whose first output is how much each pixel stands out, and stretch that to 0 to 1 as its authors do.

    Parameters
    ----------
    net : Model
        Of family "saliency".
    picture : ndarray of float32
        HxWx3, of the net's size.
    tick : callable
        Called while the net runs; what it raises stops it.

    Returns
    -------
    ndarray of float32
        HxW.
    """
    from imgedit.models.pictures import run

    found = run(net, picture[None], tick=tick)[0, ..., 0]
    low, high = float(found.min()), float(found.max())
    if not high > low:
        raise ModelError(net.path, "sees nothing in this picture: its output is the same everywhere")
    return (found - np.float32(low)) / np.float32(high - low)


FAMILIES: Table[Callable[[Model, Floats, Callable[[], None]], Floats]] = Table("family", {"saliency": run_saliency})
