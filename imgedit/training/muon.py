"""Steps whose kernels turn in all directions alike.

Adam divides every number's step by its own size; a kernel's step still has few large singular values, and what lies in
the other directions is learnt late. Muon (K. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) makes all
singular values of a step nearly 1. Its steps are scaled to be as large as Adam's (J. Liu et al. 2025,
https://arxiv.org/abs/2502.16982, section 2.2), so that both take the same learning rates.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["Muon", "turns"]

# Kernels narrower than this, at the ends of a net, are left to Adam.
LEAST_CHANNELS = 16
# Coefficients of an odd polynomial of degree 5 whose iteration sends all singular values of (0, 1] to about 1, and how
# often it is iterated (Jordan).
POLYNOMIAL, ROUNDS = (3.4445, -4.7750, 2.0315), 5
# Root mean square of Adam's steps, in units of its rate (Liu).
ADAMS = 0.2
TINY = 1e-7


def turns(parameter: Tensor) -> bool:
    """Say whether a parameter is a kernel that is wide enough to be turned.

    Parameters
    ----------
    parameter : Tensor
        Of a net.

    Returns
    -------
    bool
        Muon suits it; Adam suits all others.
    """
    return bool(parameter.ndim == 4 and min(parameter.shape[:2]) >= LEAST_CHANNELS)


class Muon(torch.optim.Optimizer):
    """Inertia, then the nearest matrix with orthogonal rows or columns.

    torch's own optimizer of that name takes matrices alone, no kernels.

    Parameters
    ----------
    parameters : iterable of nn.Parameter
        Kernels, outputs x inputs x height x width; each is seen as a matrix with a row for each output.
    lr : float
        Learning rate, of about the size that suits Adam.
    inertia : float
        Share of the last steps' direction that is kept.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], *, lr: float = 0.0, inertia: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "inertia": inertia})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Change the kernels.

        Parameters
        ----------
        closure : None
            Must be None: the slopes are known.
        """
        assert closure is None
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.grad is None:
                    continue
                way = self.state[kernel].setdefault("way", torch.zeros_like(kernel))
                way.lerp_(kernel.grad, 1 - group["inertia"])
                matrix = kernel.grad.lerp(way, group["inertia"]).flatten(1)
                scale = ADAMS * max(matrix.shape) ** 0.5
                kernel.add_(_orthogonal(matrix).view(kernel.shape), alpha=-group["lr"] * scale)


def _orthogonal(matrix: Tensor) -> Tensor:
    """Bring all singular values near 1 and leave the singular vectors as they are.

    Each round multiplies by a polynomial of the rows' products; these commute, so that the rounds run on the products,
    which are small, and the matrix itself is multiplied once.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return _orthogonal(matrix.T).T
    first, third, fifth = POLYNOMIAL
    x = matrix / (matrix.norm() + TINY)
    square = x @ x.T
    along = torch.eye(len(x), dtype=x.dtype, device=x.device)
    turn = along
    for left in reversed(range(ROUNDS)):
        step = torch.addmm(square, square, square, beta=third, alpha=fifth).add_(along, alpha=first)
        turn = step @ turn
        if left:
            square = step @ square @ step
    return turn @ x
