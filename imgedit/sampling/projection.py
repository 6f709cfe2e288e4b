"""Find the latent whose picture is nearest to a given one, without the net's gradient.

An ONNX file has no backward pass, but a generator is smooth, its latents are few against its pixels, and least squares
needs a Jacobian only: one forward run a dimension gives it by finite differences, and after a step that went well,
Broyden's update keeps it true for nothing (C. G. Broyden, "A class of methods for solving nonlinear simultaneous
equations", 1965, doi:10.1090/S0025-5718-1965-0198670-6). With the damping of Levenberg and Marquardt (K. Madsen et al.,
"Methods for non-linear least squares problems", 2004, algorithm 3.16), from the best of some draws, a hundred
dimensions need some hundred runs where evolution strategies need ten thousands.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imgedit.pixels import Progress
from imgedit.sampling.latents import Floats

__all__ = ["search"]

Doubles = NDArray[np.float64]

# Step of the finite differences: float32 nets lose half of their digits at less, and are not linear over much more.
STEP = 1e-2
# Pictures of bytes stand still for such a step.
BYTE_STEP = 0.1

# Share of the latent's own length in what is minimised: keeps it where latents are drawn, at no cost that is visible.
PRIOR = 1e-3

# Damping at first, and its factors after a good and a bad step.
DAMPING, EASED, RAISED = 1e-3, 0.3, 4.0

# Good enough: root of the mean square in parts of white; 52 dB, what is left by rounding to 8 bit and a little.
ENOUGH = 2.5e-3

# A step that lowers the error by less than this share ends the search, if its Jacobian was fresh.
LEAST_GAIN = 1e-3


def search(
    run: Callable[[Floats], Floats],
    target: Floats,
    draws: Floats,
    *,
    starts: int,
    steps: int,
    bytes_only: bool,
    progress: Progress | None,
) -> Floats:
    """Search the latent of a picture.

    Parameters
    ----------
    run : callable
        From latents NxD to pictures NxHxWxC.
    target : ndarray of float32
        HxWxC.
    draws : ndarray of float32
        MxD; latents to choose starts from.
    starts : int
        Number of searches, from the best draws.
    steps : int
        Most steps of each.
    bytes_only : bool
        The net gives bytes: finite differences need a larger step.
    progress : callable, optional
        Given the fraction done.

    Returns
    -------
    ndarray of float32
        D; the best found.
    """
    weight = np.sqrt(target.size / draws.shape[1]) * PRIOR

    def residual(latents: Doubles) -> Doubles:
        gaps = (run(latents.astype(np.float32)) - target).reshape(len(latents), -1)
        return np.concatenate([gaps, weight * latents], axis=1, dtype=np.float64)

    def report(start: int, step: int) -> None:
        if progress is not None:
            progress(min(1.0, (start * steps + step + 1) / (starts * steps + 1)))

    errors = np.array([np.square(residual(draw[None].astype(np.float64))).sum() for draw in draws])
    best, least = draws[0], np.inf
    for number, start in enumerate(np.argsort(errors)[:starts]):
        latent, error = _descend(
            residual,
            draws[start].astype(np.float64),
            BYTE_STEP if bytes_only else STEP,
            steps,
            target.size * ENOUGH**2,
            partial(report, number),
        )
        if error < least:
            best, least = latent.astype(np.float32), error
        if least < target.size * ENOUGH**2:
            break
    if progress is not None:
        progress(1.0)
    return np.asarray(best, np.float32)


def _descend(
    residual: Callable[[Doubles], Doubles],
    latent: Doubles,
    step: float,
    steps: int,
    enough: float,
    report: Callable[[int], None],
) -> tuple[Doubles, float]:
    """Levenberg-Marquardt steps with a Jacobian that is renewed only when a step fails with an old one."""
    gaps = residual(latent[None])[0]
    slopes, fresh, damping = _slopes(residual, latent, gaps, step), True, DAMPING
    for index in range(steps):
        report(index)
        normal = slopes.T @ slopes
        move = -np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-12), slopes.T @ gaps)
        moved = residual((latent + move)[None])[0]
        before, after = float(gaps @ gaps), float(moved @ moved)
        if after < before:
            slopes += np.outer(moved - gaps - slopes @ move, move) / (move @ move)
            latent, gaps, damping = latent + move, moved, damping * EASED
        if after < enough:
            break
        if after <= (1 - LEAST_GAIN) * before:
            fresh = False
        elif not fresh:
            slopes, fresh = _slopes(residual, latent, gaps, step), True
        elif after < before:
            break
        else:
            damping *= RAISED
    return latent, float(gaps @ gaps)


def _slopes(residual: Callable[[Doubles], Doubles], latent: Doubles, gaps: Doubles, step: float) -> Doubles:
    """Jacobian by forward differences."""
    return ((residual(latent[None] + step * np.eye(len(latent))) - gaps) / step).T
