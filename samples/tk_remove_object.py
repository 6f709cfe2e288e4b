"""Remove an object in a Tk window, in thirty lines: paint over it, Enter removes, Ctrl+S saves.

Start it with ``python samples/tk_remove_object.py PHOTO RESULT``.
"""

import sys
import tkinter
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import imgedit as ie

photo, result, pool = ie.read(sys.argv[1]), sys.argv[2], ThreadPoolExecutor(1)
mask, radius = np.zeros(photo.shape[:2], bool), max(4, max(photo.shape) // 60)
root = tkinter.Tk()
canvas = tkinter.Canvas(root, width=photo.shape[1], height=photo.shape[0], highlightthickness=0)
canvas.pack()


def show():
    pixels = ie.convert(photo, channels="rgb", depth=8, background="white").tobytes()
    root.picture = tkinter.PhotoImage(data=b"P6 %d %d 255 " % photo.shape[1::-1] + pixels)
    canvas.create_image(0, 0, image=root.picture, anchor="nw")
    canvas["cursor"] = "pencil"


def paint(event):
    left, top, right, bottom = event.x - radius, event.y - radius, event.x + radius, event.y + radius
    mask[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
    canvas.create_rectangle(left, top, right, bottom, fill="#ff2828", outline="")


def remove(_event):
    canvas["cursor"] = "watch"
    fetch(pool.submit(ie.inpaint, photo, mask.copy(), "patchmatch"))


def fetch(filling):
    """Wait for the thread without stopping the window; Tk's own thread draws."""
    if filling.done():
        mask[:] = False
        show()  # the photo as it was, should the fill have failed
        photo[:] = filling.result()
        show()
    else:
        root.after(30, fetch, filling)


canvas.bind("<B1-Motion>", paint)
root.bind("<Return>", remove)
root.bind("<Control-s>", lambda _event: ie.write(result, photo))
show()
root.mainloop()
