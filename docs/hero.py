"""Make docs/_static/hero.jpg, the picture of the README: a rocket before and after, by imgedit's own verbs.

python docs/hero.py
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import skimage.data

import imgedit as ie

# Outlines (x, y) of what is in the way of the rocket: four masts with the lamps at their feet.
MASTS = [
    [(36, -1), (94, -1), (84, 300), (104, 330), (104, 375), (84, 380), (82, 428), (-1, 428), (-1, 280)],
    [(195, 120), (207, 120), (208, 300), (209, 360), (226, 385), (226, 428), (158, 428), (172, 360), (184, 210)],
    [(441, 120), (453, 120), (464, 220), (478, 360), (486, 428), (425, 428), (412, 395), (437, 350), (439, 210)],
    [(553, -1), (606, -1), (641, 170), (641, 428), (563, 428), (568, 300)],
]
CABLES = [[(90, 172), (200, 125)], [(204, 124), (446, 126)], [(226, 60), (236, 94), (388, 96), (446, 124), (520, 170)]]

# Boxes of what must not be copied: lamps and rocket.
UNIQUE = [(85, 330, 185, 427), (268, 120, 405, 427)]

# The rocket on its pad.
ROCKET = [(323, 126), (331, 138), (334, 155), (334, 178), (336, 185), (336, 340), (352, 362), (357, 365), (357, 407),
          (375, 410), (375, 428), (267, 428), (267, 407), (287, 404), (287, 365), (310, 345), (309, 185), (312, 178),
          (311, 152), (316, 136)]  # fmt: skip


def main() -> None:
    """Make both halves, write on them, and put them side by side."""
    before = skimage.data.rocket()
    scale = 1.25
    halves = [ie.resize(before, scale=scale), edited(before, scale)]
    titles = [caption(half, text) for half, text in zip(halves, ("before", "after"), strict=True)]
    gap = np.full((titles[0].shape[0], 8, 3), 255, np.uint8)
    ie.write(Path(__file__).parent / "_static/hero.jpg", np.hstack([titles[0], gap, titles[1]]), quality=88)


def edited(photo: np.ndarray, scale: float) -> np.ndarray:
    """Take the masts away; bring dusk, stars and a title into the sky, behind the rocket."""
    source = np.ones(photo.shape[:2], bool)
    for left, top, right, bottom in UNIQUE:
        source[top:bottom, left:right] = False
    clean = ie.inpaint(photo, masts(photo), "patchmatch", grow=2, seed=3, source=source)
    image = ie.resize(clean, scale=scale)

    rocket = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillPoly(rocket, [np.array(ROCKET)], 255)
    sky = 1 - ie.to_float(ie.blur(ie.resize(rocket, scale=scale), radius=0.8))

    image = ie.adjust(image, exposure=0.35, contrast=0.35, vibrance=0.4)
    dusk = ie.LinearGradient((0, 0.3), (0, 0.9), ("#ff7a3c00", "#ff5a3c90"), space="oklab")
    image = ie.fill(image, None, dusk, mode="screen", opacity=0.6)

    field = ie.levels(ie.resize(skimage.data.hubble_deep_field(), scale=0.5), black=0.15)
    stars = np.hstack([field, field[::-1, ::-1]])
    fade = np.clip(1 - np.linspace(0, 1.6, len(stars), dtype=np.float32), 0, 1)
    stars = ie.erase(stars, 1 - np.broadcast_to(fade[:, None], stars.shape[:2]).copy())
    image = ie.blend(image, stars, "screen", offset=(-90, 0), mask=sky)

    title = ie.draw_text(np.zeros((*image.shape[:2], 4), np.uint8), "LAUNCH", anchor="top-center", margin=190, size=176)
    title = ie.outer_glow(title, color="#ffd9a0", size=30, opacity=0.5)
    return ie.blend(image, title, mask=sky, opacity=0.7)


def masts(photo: np.ndarray) -> np.ndarray:
    """Draw the outlines as a mask."""
    mask = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(outline) for outline in MASTS], 255)
    cv2.polylines(mask, [np.array(line) for line in CABLES], False, 255, 3)
    return mask.astype(bool)


def caption(image: np.ndarray, text: str) -> np.ndarray:
    """Write a small word into the corner."""
    return ie.draw_text(image, text, anchor="top-left", size=26, margin=16, opacity=0.9)


if __name__ == "__main__":
    main()
