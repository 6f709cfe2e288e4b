"""Find the latent whose picture is nearest to a given one, without the net's gradient.

An ONNX file has no backward pass, but a generator is smooth, its latents are few against its pixels, and least squares
needs a Jacobian only: two forward runs a dimension give it by central differences. So a search by Levenberg and
Marquardt (J. J. Moré, "The Levenberg-Marquardt algorithm", 1978, doi:10.1007/BFb0067700; here with the trust region of
Branch, Coleman and Li 1999, doi:10.1137/S1064827595289108, as SciPy has it) from the best of a few hundred draws
reaches in some dozen steps what evolution strategies need ten thousands of runs for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imgedit.pixels import Progress
from imgedit.sampling.latents import Floats

__all__ = ["search"]

# Step of the finite differences: float32 nets lose half of their digits at less, and are not linear over much more.
STEP = 1e-2
# Pictures of bytes stand still for such a step.
BYTE_STEP = 0.1

# Share of the latent's own length in what is minimised: keeps it where latents are drawn, at no cost that is visible.
PRIOR = 1e-3

# Good enough: 1 / 1000 of white in the root of the mean square, 60 dB.
ENOUGH = 1e-3


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
    from scipy.optimize import least_squares

    done = 0
    total = 1 + starts * steps

    def report() -> None:
        if progress is not None:
            progress(min(1.0, done / total))

    def residual(latent: NDArray[np.float64]) -> NDArray[np.float64]:
        picture = run(latent[None].astype(np.float32))[0]
        weight = np.sqrt(target.size) * PRIOR / np.sqrt(len(latent))
        return np.concatenate([(picture - target).ravel(), weight * latent]).astype(np.float64)

    def jacobian(latent: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal done
        report()
        done += 1
        step = BYTE_STEP if bytes_only else STEP
        moved = latent[None] + step * np.eye(len(latent))
        behind = latent[None] - step * np.eye(len(latent))
        pictures = run(np.concatenate([moved, behind]).astype(np.float32)).reshape(2, len(latent), -1)
        weight = np.sqrt(target.size) * PRIOR / np.sqrt(len(latent))
        slopes = (pictures[0].astype(np.float64) - pictures[1]) / (2 * step)
        return np.concatenate([slopes.T, weight * np.eye(len(latent))])

    errors = [float(np.mean(np.square(run(draw[None])[0] - target))) for draw in draws]
    done += 1
    best, least = draws[int(np.argmin(errors))], np.inf
    for number, start in enumerate(np.argsort(errors)[:starts]):
        done = 1 + number * steps
        found = least_squares(residual, draws[start].astype(np.float64), jac=jacobian, method="trf", max_nfev=steps)
        error = float(np.sqrt(np.mean(np.square(found.fun[: target.size]))))
        if error < least:
            best, least = found.x.astype(np.float32), error
        if least < ENOUGH:
            break
    if progress is not None:
        progress(1.0)
    return np.asarray(best, np.float32)
