"""Porter-Duff operators: which part of source and backdrop a result keeps.

An operator is a pair of factors, made from the two alphas: ``result = alpha_s * F_s * source + alpha_b * F_b *
backdrop`` on premultiplied colour. The twelve are those of Porter and Duff; ``plus`` is Porter and Duff's too (W3C's
``lighter``), ``saturate`` is that of OpenGL and Cairo.

References
----------
Porter, T. and Duff, T. (1984). Compositing digital images. SIGGRAPH '84, 253-259. doi:10.1145/800031.808606
W3C (2024). Compositing and Blending Level 1, section 9. https://www.w3.org/TR/compositing-1/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgedit.tables import Table

__all__ = ["OPERATORS", "Operator", "keeps_opaque"]

Plane: TypeAlias = NDArray[Any]
Factor: TypeAlias = "Plane | float"

Operator: TypeAlias = Callable[[Any, Any], tuple[Factor, Factor]]
"""``operator(alpha_b, alpha_s) -> (F_s, F_b)``; alphas are arrays, or 1.0 for opaque."""


def keeps_opaque(operator: str) -> bool:
    """Whether an opaque backdrop stays opaque, whatever the source.

    Parameters
    ----------
    operator : str
        A name in OPERATORS.

    Returns
    -------
    bool
        True for those whose result has no need of alpha.
    """
    alpha_s = np.array([0, 0.5, 1], np.float32)
    factor_s, factor_b = OPERATORS[operator](np.float32(1), alpha_s)
    return bool(np.all(alpha_s * factor_s + factor_b >= 1))


def saturate(alpha_b: Any, alpha_s: Any) -> tuple[Factor, Factor]:
    """Let as much of the source in as the backdrop leaves room for (Cairo's ``SATURATE``)."""
    return np.minimum(1, (1 - alpha_b) / np.maximum(alpha_s, np.float32(1e-12))), 1.0


OPERATORS: Table[Operator] = Table(
    "operator",
    {
        "clear": lambda _b, _s: (0.0, 0.0),
        "source": lambda _b, _s: (1.0, 0.0),
        "destination": lambda _b, _s: (0.0, 1.0),
        "source-over": lambda _b, alpha_s: (1.0, 1 - alpha_s),
        "destination-over": lambda alpha_b, _s: (1 - alpha_b, 1.0),
        "source-in": lambda alpha_b, _s: (alpha_b, 0.0),
        "destination-in": lambda _b, alpha_s: (0.0, alpha_s),
        "source-out": lambda alpha_b, _s: (1 - alpha_b, 0.0),
        "destination-out": lambda _b, alpha_s: (0.0, 1 - alpha_s),
        "source-atop": lambda alpha_b, alpha_s: (alpha_b, 1 - alpha_s),
        "destination-atop": lambda alpha_b, alpha_s: (1 - alpha_b, alpha_s),
        "xor": lambda alpha_b, alpha_s: (1 - alpha_b, 1 - alpha_s),
        "plus": lambda _b, _s: (1.0, 1.0),
        "saturate": saturate,
    },
)
"""Name -> operator; the names are W3C's, ``plus`` is its ``lighter``."""
