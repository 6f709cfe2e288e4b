"""
Make pictures with a network, and go from one to another
========================================================

`vae-emoji-64` has learnt from emoji: it reads a picture into 128 numbers and draws a sticker with transparency of any
such numbers, which `blend` takes as it is. Between the numbers of two drawings lie others, around them variations, and
each seed is a sticker of its own.
"""

import cv2
import matplotlib.pyplot as plt
import numpy as np

import imgedit as ie

NET = "vae-emoji-64"
faces = np.zeros((2, 64, 64, 4), np.uint8)
for face, colour, bend in zip(faces, ((255, 202, 40, 255), (239, 83, 80, 255)), (0, 180), strict=True):
    cv2.circle(face, (32, 32), 29, colour, -1, cv2.LINE_AA)
    for x in (22, 42):
        cv2.circle(face, (x, 25), 4, (93, 64, 55, 255), -1, cv2.LINE_AA)
    cv2.ellipse(face, (32, 38 if bend == 0 else 48), (14, 9), bend, 15, 165, (93, 64, 55, 255), 3, cv2.LINE_AA)
happy, cross = ie.encode(list(faces), NET)
way = ie.decode(np.linspace(happy, cross, 6), NET)
around = ie.decode(happy + 0.6 * np.random.default_rng(3).standard_normal((8, len(happy)), np.float32), NET)
seeds = ie.sample(NET, seeds=range(8))

plt.figure(figsize=(9, 3.9), layout="constrained")
plt.imshow(ie.grid([*faces, *way, *around, *seeds], columns=8, background="white"))
plt.title("two drawings, and the way from one to the other;\nvariations of the first; seeds 0 to 7")
plt.axis("off")
plt.show()
