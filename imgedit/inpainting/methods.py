"""What an inpainting method is: a function that fills holes in float pixels, and what the dispatcher knows of it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError
from imgedit.inpainting.regions import Flags
from imgedit.tables import advice

__all__ = ["Filled", "Method"]

# Given to every method by the dispatcher; all other keyword parameters are the method's own.
SHARED = ("progress", "seed")


class Filled(NamedTuple):
    """What a method may return in place of the filled values alone."""

    values: NDArray[np.float32]
    """HxWxC."""
    confidence: NDArray[np.float32]
    """HxW; 1 where a pixel was known, towards 0 the less its fill rests on known pixels."""


@dataclass(frozen=True)
class Method:
    """A row of METHODS.

    Parameters
    ----------
    fill : callable
        ``fill(values, hole, *, progress, seed, **own) -> values``: `values` HxWxC float32 with premultiplied colour (C
        is 1, 3 or 4; white is 1; zero in the hole), `hole` HxW bool with at least one pixel True and one False. It
        writes to neither, and what it returns outside the hole is not used. It calls `progress` (never None) with the
        fraction done at least a few times a second, and lets through what that raises.
    margin : int
        Pixels around the hole that it is given.
    share : float
        If larger: this share of the longer side of the hole's box.
    masks : tuple of str
        Those of its own parameters that are masks of the image's size: checked, made bool and cropped for it.
    deepest : float
        Pixels from the hole's edge beyond which what it fills can't look good.
    most : float
        Pixels in one crop beyond which it takes minutes.
    instead : str
        What to take beyond these.
    """

    fill: Callable[..., NDArray[np.float32] | Filled]
    margin: int = 32
    share: float = 0.0
    masks: tuple[str, ...] = ()
    deepest: float = math.inf
    most: float = math.inf
    instead: str = ""

    def parameters(self) -> dict[str, inspect.Parameter]:
        """Own keyword parameters of the method, by name."""
        known = inspect.signature(self.fill).parameters.values()
        return {p.name: p for p in known if p.kind is p.KEYWORD_ONLY and p.name not in SHARED}

    def doubts(self, name: str, hole: Flags) -> str:
        """Say what speaks against the method for so large a hole.

        Parameters
        ----------
        name : str
            The method's name, for the message.
        hole : ndarray of bool
            HxW; what it is to fill.

        Returns
        -------
        str
            Empty where nothing does.
        """
        if (count := int(np.count_nonzero(hole))) > self.most:
            return f"mask has {count:,} pixels in one place, which take method {name!r} minutes; {self.instead}"
        if math.isinf(self.deepest):
            return ""
        depth = float(cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5).max())
        if depth <= self.deepest:
            return ""
        far = f"mask reaches {depth:.0f} pixels from known ones"
        return f"{far}, too far for method {name!r} to look natural in most photos; {self.instead}"

    def check(self, name: str, given: dict[str, Any], shared: list[str]) -> None:
        """Refuse parameters that the method does not have.

        Parameters
        ----------
        name : str
            The method's name, for the message.
        given : dict
            What the caller gave.
        shared : list of str
            Parameters of the verb itself, one of which may have been meant.

        Raises
        ------
        ArgumentError
            Names the method, the nearest and all valid parameters.
        """
        own = list(self.parameters())
        for parameter in given:
            if parameter not in own:
                alone = "" if own else ", which has none of its own"
                raise ArgumentError(
                    parameter, f"is no parameter of method {name!r}{alone}", advice(parameter, [*own, *shared])
                )
