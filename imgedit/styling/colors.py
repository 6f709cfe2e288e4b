"""Keep the photo's colours in its stylised version."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imgedit.color import luma
from imgedit.styling.sizes import Floats
from imgedit.tables import Table
from imgedit.tone import match_color

__all__ = ["KEEP_COLOR"]


def keep_luma(photo: Floats, styled: Floats) -> Floats:
    """Take the lightness of the painting and the colours of the photo.

    Parameters
    ----------
    photo, styled : ndarray of float32
        HxWx3, encoded sRGB.

    Returns
    -------
    ndarray of float32
        The photo, with the difference in luma added to all three channels: its chroma stays as it is.

    References
    ----------
    L. A. Gatys et al., "Preserving color in neural artistic style transfer", 2016, arXiv:1606.05897, section 4.
    """
    return np.asarray(photo + (luma(styled) - luma(photo))[..., None], np.float32)


def keep_histogram(photo: Floats, styled: Floats) -> Floats:
    """Give the painting the distribution of each channel of the photo.

    Parameters
    ----------
    photo, styled : ndarray of float32
        HxWx3.

    Returns
    -------
    ndarray of float32
        HxWx3.
    """
    return match_color(np.clip(styled, 0, 1), np.clip(photo, 0, 1), method="histogram")


def keep_linear(photo: Floats, styled: Floats) -> Floats:
    """Give the painting mean and covariance of the photo's colours.

    Parameters
    ----------
    photo, styled : ndarray of float32
        HxWx3.

    Returns
    -------
    ndarray of float32
        HxWx3.

    References
    ----------
    L. A. Gatys et al. 2016, arXiv:1606.05897, section 3; with the linear map that moves colours least (Pitie and
    Kokaram 2007, doi:10.1049/cp:20070055) in place of their Cholesky factors.
    """
    return match_color(np.clip(styled, 0, 1), np.clip(photo, 0, 1), method="transport")


KEEP_COLOR: Table[Callable[[Floats, Floats], Floats]] = Table(
    "keep_color", {"luma": keep_luma, "histogram": keep_histogram, "linear": keep_linear}
)
