"""Faults at random moments of real runs: a share of what ``python -m benchmarks.reliability`` repeats by the dozen."""

from __future__ import annotations

import sys

import faults
import pytest
from faults import FAULTS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of a run in /proc")

# What runs with every `make test`: each promise and each engine, within some 30 s of CPU. `-m slow` does them all.
SHARE = {
    ("worker killed (kill -9), once or twice", "local"),
    ("run killed (kill -9)", "dask"),
    ("Ctrl-C", "local"),
    ("SIGTERM while the run sweeps", "serial"),
    ("poison: segfault, abort, kill", "local"),
    ("poison: endless loop in Python and in C", "pairs"),
    ("file size limit, as a quota", "serial"),
    ("two runs on one output", "serial"),
    ("manifest torn at a random byte", "serial"),
    ("input replaced midway", "serial"),
    ("store: 429, 500, 503, reset, slow, short read, error page, wrong bytes, wrong ETag", "serial"),
    ("writing to a store: 429, 500, 503, reset, slow, error page, lost answer", "local"),
}

ROWS = [
    pytest.param(name, engine, marks=() if (name, engine) in SHARE else pytest.mark.slow, id=f"{name} / {engine}")
    for name, fault in FAULTS.items()
    for engine in fault.engines
    if fault.is_possible
]


@pytest.mark.parametrize(("name", "engine"), ROWS)
def test_promises_hold_after_a_fault(name, engine, tmp_path, monkeypatch):
    monkeypatch.setattr(faults, "LEAVE", 60.0)  # the machine may be busy with other tests
    assert faults.attempt(name, engine, seed=8, place=tmp_path) == ""


def test_the_share_is_of_the_table():
    assert {(name, engine) for name, fault in FAULTS.items() for engine in fault.engines} >= SHARE
