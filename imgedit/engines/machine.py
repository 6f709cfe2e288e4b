"""What this machine offers to workers: cores, memory, GPUs."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["cards", "memory_share", "usable_cores"]

# What all workers together may take; the rest is for the caller and the system.
SHARE = 0.9

# Where Linux says how much memory a container may use, in the second and the first version of control groups.
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def usable_cores() -> int:
    """Count the cores that this process may use.

    Returns
    -------
    int
        At least 1; fewer than the machine has where the process is bound to some.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_share(workers: int) -> int | None:
    """Give the memory that each of some workers may take, so that together they leave the machine alive.

    Parameters
    ----------
    workers : int
        How many there are.

    Returns
    -------
    int or None
        Bytes; None where no limit can be kept (other systems than Linux), or where a GPU's driver is, which sets
        aside far more memory than it uses.
    """
    if sys.platform != "linux" or cards():
        return None
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in LIMITS:
        with suppress(OSError, ValueError):  # "max" is no number
            found.append(int(Path(path).read_text()))
    return int(SHARE * min(found) / workers)


def cards() -> list[str]:
    """List NVIDIA's GPUs that this process may use, without waking them.

    Returns
    -------
    list of str
        As CUDA numbers or names them.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip()]
    devices = sorted(Path("/dev").glob("nvidia*")) if sys.platform == "linux" else []
    return [str(number) for number in range(sum(bool(re.fullmatch(r"nvidia\d+", path.name)) for path in devices))]
