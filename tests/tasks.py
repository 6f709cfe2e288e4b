"""What the tests of engines and batches make worker processes do; workers import it by this name."""

from __future__ import annotations

import os
import signal
import time


def double(number):
    return 2 * number


def fail(number):
    raise ValueError(number)


def die(number):
    os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


def leave(number):
    os._exit(7)


def loop(number):
    while True:
        number += 1


def tell_late():
    time.sleep(30)
    os.write(1, b"still here")


def surroundings(_):
    import cv2

    return cv2.getNumThreads(), signal.getsignal(signal.SIGINT) == signal.SIG_IGN


class Unpicklable(Exception):  # noqa: N818
    def __init__(self, one, two):
        super().__init__("three")
