"""Navier-Stokes inpainting: the picture as a fluid whose stream lines are the lines of equal brightness.

M. Bertalmio, A. L. Bertozzi, G. Sapiro, "Navier-Stokes, fluid dynamics, and image and video inpainting", CVPR 2001
(doi:10.1109/CVPR.2001.990497). Brightness I is the stream function; the fluid runs along its isophotes; the vorticity
w = laplacian(I) is carried by the fluid, with a little viscosity, from the known rim into the hole (equation 5); then
laplacian(I) = w is solved with the known pixels as boundary (equation 6), and so on in turns.

The steady state v . grad w = nu laplacian(w) is what counts, not the way there: w is made equal along the isophotes
from both ends at once, on a pyramid, so that a few steps reach across any hole. The isophotes are those of all channels
together, from the structure tensor. Where it finds no direction, in texture, there is no stream: nothing is carried,
and the fill is the plain membrane.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.inpainting.marching import clip_to_edge
from imgedit.inpainting.regions import Flags, Floats, double, halve
from imgedit.pixels import check_number
from imgedit.poisson import Region, laplacian
from imgedit.strips import Progress, Ticker

__all__ = ["fill_navier_stokes"]

# Holes at most this deep, in pixels, are filled without a coarser picture.
SHALLOW = 2.5

# Turns of carrying vorticity and solving for brightness where nothing coarser is known (one is enough on the others),
# steps of carrying in each, pixels a step.
TURNS, STEPS, STRIDE = 2, 8, 1.5

# Widths (standard deviation in pixels) of the structure tensor's derivative and window.
FINE, COARSE = 1.0, 2.0

# Coherence of the structure tensor below which nothing flows, and above which everything does.
STILL, FLOWING = 0.3, 0.9

# Points in a row of a list that OpenCV is to take for a picture.
WIDE = 256

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
MEAN = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4


def fill_navier_stokes(values: Floats, hole: Flags, *, progress: Progress, seed: int, viscosity: float = 0.1) -> Floats:
    """Continue the lines of equal brightness into the hole like the stream lines of a fluid (Bertalmio 2001).

    Parameters
    ----------
    values : ndarray of float32
        HxWxC.
    hole : ndarray of bool
        HxW.
    progress : callable
        Given the fraction done.
    seed : int
        Not used: nothing is random here.
    viscosity : float
        0 to 1; how much of the vorticity spreads across the stream at each step. More makes edges softer.

    Returns
    -------
    ndarray of float32
        HxWxC; nothing in it lies beyond the range of the pixels that touch the hole.
    """
    del seed
    viscosity = check_number(viscosity, "viscosity", least=0, most=1)
    tick = Ticker(progress)
    region = Region(hole)
    membrane = region.solve(values, progress=tick.part(0.0, 0.2))
    out = _flow(membrane, region, viscosity, tick.part(0.2, 1.0))[0]
    clip_to_edge(out, values, hole, tick)
    return out


def _flow(values: Floats, region: Region, viscosity: float, tick: Ticker) -> tuple[Floats, Floats]:
    """Fill on this level, after the coarser ones; give the picture and its vorticity.

    `values` holds the membrane in the hole, so that coarse pixels on the rim are means of known pixels and the
    membrane's: those of the known ones alone would lie off centre, and bend every slope.
    """
    hole, inside = region.unknown, np.flatnonzero(region.unknown)
    # The Laplacian of known pixels that touch the hole would be that of the kink in the fill: it is unknown as well.
    moved = np.flatnonzero(cv2.dilate(hole.view(np.uint8), CROSS))
    filled = values.copy()
    tick()
    vorticity = laplacian(values)
    tick()
    # At the array's edge the Laplacian is that of a mirrored picture, which says nothing of this one.
    vorticity[[0, -1]] = vorticity[:, [0, -1]] = 0
    turns = TURNS
    if cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 3).max() > SHALLOW:
        means = halve(values, np.ones_like(hole))[0]
        tick()
        unknown = halve(values[..., :1], ~hole)[1] == 0
        tick()
        coarse = _flow(means, Region(unknown), viscosity, tick.part(0.0, 0.25))
        # A quarter: the Laplacian holds the square of the mesh.
        for fine, known, share, place in zip((filled, vorticity), coarse, (1, 0.25), (inside, moved), strict=True):
            _flat(fine)[place] = share * _flat(double(known, hole.shape)).take(place, axis=0)
            tick()
        turns = 1
    else:
        _flat(vorticity)[moved] = 0
    for turn in range(turns):
        own = tick.part(0.25 + 0.75 * turn / turns, 0.25 + 0.75 * (turn + 1) / turns)
        _carry(vorticity, moved, filled, viscosity, own.part(0.0, 0.5))
        filled = region.solve(values, vorticity, guess=filled, progress=own.part(0.5, 1.0))
    return filled, vorticity


def _carry(vorticity: Floats, moved: NDArray[np.intp], picture: Floats, viscosity: float, tick: Ticker) -> None:
    """Even out, in place, the vorticity of the moved pixels along the isophotes of the picture."""
    y, x, flow = _isophotes(picture, moved, tick)
    tick(0.5)
    values = _flat(vorticity)
    values[moved[flow == 0]] = 0
    if not flow.any():
        return
    # OpenCV samples at a list of points if that is given the shape of a picture.
    index = np.flatnonzero(flow)
    padded = np.append(index, np.full(-len(index) % WIDE, index[-1])).reshape(-1, WIDE)
    tick()
    place, y, x, flow = (part[padded] for part in (moved, y, x, flow))
    tick()
    rows, columns = np.divmod(place, picture.shape[1])
    ahead, behind = (
        ((columns + side * x).astype(np.float32), (rows + side * y).astype(np.float32)) for side in (STRIDE, -STRIDE)
    )
    across = (viscosity * flow)[..., None]
    along = (flow[..., None] - across) / 2
    shape = (*flow.shape, vorticity.shape[2])
    for step in range(STEPS):
        tick(0.5 + 0.5 * step / STEPS)
        fresh = cv2.remap(vorticity, *ahead, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(shape)
        fresh += cv2.remap(vorticity, *behind, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(shape)
        tick()
        fresh *= along
        around = cv2.filter2D(vorticity, -1, MEAN, borderType=cv2.BORDER_REPLICATE).reshape(values.shape)
        tick()
        fresh += across * around.take(place, axis=0)
        values[place] = fresh


def _isophotes(picture: Floats, place: NDArray[np.intp], tick: Ticker) -> tuple[Floats, Floats, Floats]:
    """Find the direction (down, right) of least change at some places, and how much of a stream there is, 0 to 1."""
    smooth = cv2.GaussianBlur(picture, (0, 0), FINE)
    tick()
    right, down = cv2.Sobel(smooth, -1, 1, 0, scale=1 / 8), cv2.Sobel(smooth, -1, 0, 1, scale=1 / 8)
    channels = np.ones((1, picture.shape[2]), np.float32)
    tensor = []
    for first, second in ((right, right), (right, down), (down, down)):
        tick()
        product = cv2.transform(cv2.multiply(first, second, dst=smooth), channels)
        tensor.append(cv2.GaussianBlur(product, (0, 0), COARSE, dst=product).ravel()[place])
    xx, xy, yy = tensor
    tick()
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.float32(np.pi / 2)
    tick()
    energy = xx + yy
    coherence = np.hypot(xx - yy, 2 * xy) / np.maximum(energy, np.float32(1e-8))
    flow = np.clip((coherence - STILL) / (FLOWING - STILL), 0, 1)
    tick()
    return np.sin(angle), np.cos(angle), flow


def _flat(picture: Floats) -> Floats:
    """View the pixels in a row: where few are meant, lists of places are much faster than masks."""
    return picture.reshape(-1, picture.shape[2])
