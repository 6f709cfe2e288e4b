"""What the tests of engines and batches make worker processes do; workers import it by this name."""

from __future__ import annotations

import ctypes
import ipaddress
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

from imgedit.batch.working import Task


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


class Deadly(Task):
    """Dies of one photo."""

    def __call__(self, job, is_pictured):
        if job.source.endswith("3.png"):
            os._exit(9)
        return super().__call__(job, is_pictured)


def tell_late():
    time.sleep(30)
    os.write(1, b"still here")


def surroundings(_):
    import cv2

    return cv2.getNumThreads(), signal.getsignal(signal.SIGINT) == signal.SIG_IGN


class Unpicklable(Exception):  # noqa: N818
    def __init__(self, one, two):
        super().__init__("three")


def fail_unpicklably():
    raise Unpicklable(1, 2)


def crash(number):
    ctypes.string_at(0)


def hold(number):
    """Never end, and never let another thread of Python have its turn."""
    re.match(r"(a+)+$", 64 * "a" + "b")


def fill(size):
    return len(bytearray(size))


def chat(text):
    sys.stdout.write(text)
    sys.stdout.flush()
    os.write(1, text.encode())
    return text


MEETING = threading.Barrier(3)


def meet(patience):
    """End only when others do the same in this process, and say which it is."""
    MEETING.wait(patience)
    return os.getpid()


def meet_and_die(patience):
    MEETING.wait(patience)
    os._exit(7)


def meet_and_wait(patience):
    MEETING.wait(patience)
    time.sleep(patience)


def cards(seconds):
    time.sleep(seconds)
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def listening():
    """Addresses on which this process waits for connections."""
    own = {os.readlink(f"/proc/self/fd/{name}") for name in _descriptors()}
    for path, width in (("/proc/net/tcp", 4), ("/proc/net/tcp6", 16)):
        for line in Path(path).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
                address = bytes.fromhex(fields[1].partition(":")[0])
                words = [address[at : at + 4][::-1] for at in range(0, width, 4)]
                yield str(ipaddress.ip_address(b"".join(words)))


def _descriptors():
    return [name for name in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{name}")]
