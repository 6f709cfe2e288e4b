"""Engines: what a task gives comes back; what kills a worker costs one task."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor
from pathlib import Path

import pytest
import tasks

import imgedit as ie
from imgedit.engines import ENGINES, explain, usable_cores


@pytest.fixture(scope="module")
def local():
    engine = ENGINES["local"](workers=2, timeout=None)
    yield engine
    engine.shutdown()


def test_an_unknown_engine_is_named_with_the_nearest():
    with pytest.raises(ie.errors.UnknownNameError, match=r"engine is 'locl'; did you mean 'local'\?"):
        ENGINES["locl"]


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_an_executor(name):
    with ENGINES[name](workers=1, timeout=None) as engine:
        assert isinstance(engine, Executor)
        assert [f.result() for f in [engine.submit(tasks.double, n) for n in range(20)]] == list(range(0, 40, 2))
        with pytest.raises(ValueError, match="3"):
            engine.submit(tasks.fail, 3).result()


def test_workers_have_one_thread_and_leave_ctrl_c_to_the_parent(local):
    assert local.submit(tasks.surroundings, 0).result() == (1, True)


@pytest.mark.parametrize(("poison", "cause"), [("die", "SIGKILL"), ("leave", "exit code 7")])
def test_a_dead_worker_costs_one_task(local, poison, cause):
    good = [local.submit(tasks.double, n) for n in range(5)]
    bad = local.submit(getattr(tasks, poison), 1)
    good += [local.submit(tasks.double, n) for n in range(5)]
    assert [f.result() for f in good] == 2 * [0, 2, 4, 6, 8]
    assert explain(bad.exception()) == f"the worker process died ({cause})"


def test_an_endless_task_is_stopped_at_its_deadline():
    with ENGINES["local"](workers=1, timeout=0.5) as engine:
        bad = engine.submit(tasks.loop, 1)
        assert isinstance(bad.exception(), TimeoutError)
        assert "time limit" in explain(bad.exception())
    with ENGINES["local"](workers=1, timeout=None) as engine:
        assert engine.submit(tasks.double, 1).result() == 2


def test_a_worker_that_dies_idle_costs_nothing(local):
    for worker in {local.submit(os.getpid).result() for _ in range(9)}:
        os.kill(worker, signal.SIGKILL)
    time.sleep(0.1)  # until the system has ended them
    assert [local.submit(tasks.double, n).result() for n in range(5)] == [0, 2, 4, 6, 8]


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_workers_go_when_their_parent_is_killed():
    code = (
        "import tasks, sys\n"
        "from imgedit.engines import ENGINES\n"
        "engine = ENGINES['local'](workers=1, timeout=None)\n"
        "print(engine.submit(tasks.double, 1).result(), flush=True)\n"
        "print(engine.submit(tasks.tell_late).result(), flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as parent:
        assert parent.stdout.readline() == "2\n"
        parent.kill()
        # The worker holds this pipe open too: it ends when the worker does, and holds what it said before.
        assert parent.stdout.read() == ""


def test_there_is_a_core_to_use():
    assert 1 <= usable_cores() <= os.cpu_count()
