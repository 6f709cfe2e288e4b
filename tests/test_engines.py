"""Engines: what a task gives comes back; what kills a worker costs one task."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Executor
from pathlib import Path

import pytest
import tasks

import imgedit as ie
from imgedit.engines import ENGINES, explain, usable_cores


@pytest.fixture(scope="module")
def local():
    engine = ENGINES["local"](workers=2)
    yield engine
    engine.shutdown()


@pytest.fixture(scope="module")
def dask():
    engine = ENGINES["dask"](workers=2, timeout=60)
    yield engine
    engine.shutdown()


def test_an_unknown_engine_is_named_with_the_nearest():
    with pytest.raises(ie.errors.UnknownNameError, match=r"engine is 'locl'; did you mean 'local'\?"):
        ENGINES["locl"]


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_an_executor(name):
    with ENGINES[name](workers=1) as engine:
        assert isinstance(engine, Executor)
        assert [f.result() for f in [engine.submit(tasks.double, n) for n in range(20)]] == list(range(0, 40, 2))
        with pytest.raises(ValueError, match="3"):
            engine.submit(tasks.fail, 3).result()
        with pytest.raises(Exception, match="three"):
            engine.submit(tasks.fail_unpicklably).result()


@pytest.mark.parametrize("name", ["local", "dask"])
def test_an_engine_that_has_ended_takes_no_task(name):
    engine = ENGINES[name](workers=1)
    engine.shutdown()
    with pytest.raises(RuntimeError):
        engine.submit(tasks.double, 1)


@pytest.mark.parametrize(
    ("name", "limits", "message"),
    [
        ("serial", {"timeout": 3}, "timeout is 3, which engine serial can't keep; use engine local"),
        ("serial", {"memory": 2**30}, "memory is .*, which engine serial can't keep"),
        ("serial", {"address": "tcp://host:1"}, "address is .*, which engine serial can't keep"),
        ("serial", {"per_worker": 2}, "per_worker is 2, which engine serial can't keep"),
        ("local", {"address": "tcp://host:1"}, "engine local works on this machine; use engine dask"),
        ("local", {"memory": 1000}, "memory is 1000 bytes.*give at least 512 MiB"),
        ("dask", {"memory": 1000}, "memory is 1000 bytes"),
        ("dask", {"address": "host"}, "address is 'host'; write it like tls://host:8786"),
    ],
)
def test_a_limit_that_can_not_be_kept_is_refused(name, limits, message):
    with pytest.raises(ie.errors.ArgumentError, match=message):
        ENGINES[name](**limits)


def test_a_scheduler_that_does_not_answer_is_told_at_the_start(monkeypatch):
    from imgedit.engines import cluster

    monkeypatch.setattr(cluster, "ANSWER", 0.3)
    with pytest.raises(
        ie.errors.BatchError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:1'.*start one with"
    ):
        ENGINES["dask"](address="tcp://127.0.0.1:1")


def test_a_scheduler_that_takes_a_connection_and_says_nothing_is_given_up(monkeypatch):
    from imgedit.engines import cluster

    monkeypatch.setattr(cluster, "ANSWER", 0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(ie.errors.BatchError, match=r"no Dask scheduler answers at .* \(silent for 1 s\)"),
    ):
        ENGINES["dask"](address=f"tcp://127.0.0.1:{silent.getsockname()[1]}")


def test_a_scheduler_that_falls_silent_while_workers_tell_their_versions_is_given_up(monkeypatch):
    import distributed

    from imgedit.engines import cluster

    ended, counts = threading.Event(), iter([2])
    monkeypatch.setattr(cluster, "LOOK", 0.05)
    monkeypatch.setattr(cluster, "SILENCE", 0.3)
    monkeypatch.setattr(cluster.Dask, "_count", lambda _: next(counts))
    monkeypatch.setattr(distributed.Client, "run", lambda *_: ended.wait())
    try:
        with pytest.raises(ie.errors.BatchError, match="the Dask cluster at this machine has been silent for 0 s"):
            ENGINES["dask"](workers=1)
    finally:
        ended.set()


@pytest.mark.parametrize("failure", [TimeoutError("timed out"), ConnectionResetError("closed")])
@pytest.mark.parametrize("asked", ["sync", "run"])
def test_a_scheduler_that_is_lost_before_the_first_task_is_a_failure_of_the_engine(monkeypatch, failure, asked):
    import distributed

    def lost(*_, **__):
        raise failure

    monkeypatch.setattr(distributed.Client, asked, lost)
    with pytest.raises(ie.errors.BatchError, match=f"the Dask scheduler at this machine is lost .{failure}"):
        ENGINES["dask"](workers=1)


def test_workers_have_one_thread_and_leave_ctrl_c_to_the_parent(local):
    assert local.submit(tasks.surroundings, 0).result() == (1, True)


@pytest.mark.parametrize("name", ["local", "dask"])
@pytest.mark.parametrize(("poison", "cause"), [("die", "SIGKILL"), ("leave", "exit code 7"), ("crash", "SIGSEGV")])
def test_a_dead_worker_costs_one_task(request, name, poison, cause):
    engine = request.getfixturevalue(name)
    good = [engine.submit(tasks.double, n) for n in range(5)]
    bad = engine.submit(getattr(tasks, poison), 1)
    good += [engine.submit(tasks.double, n) for n in range(5)]
    assert [f.result() for f in good] == 2 * [0, 2, 4, 6, 8]
    assert explain(bad.exception()) == f"the worker process died ({cause})"


@pytest.mark.parametrize("name", ["local", "dask"])
@pytest.mark.parametrize("poison", ["loop", "hold"])
def test_an_endless_task_is_stopped_at_its_deadline(name, poison):
    with ENGINES[name](workers=1, timeout=0.5) as engine:
        bad = engine.submit(getattr(tasks, poison), 1)
        assert isinstance(bad.exception(), TimeoutError)
        assert explain(bad.exception()) == "took longer than the time limit and was stopped"
        engine.submit(tasks.double, 1).result()


def test_a_deadline_that_is_met_costs_nothing():
    with ENGINES["local"](workers=1, timeout=60) as engine:
        assert [engine.submit(tasks.double, n).result() for n in range(50)] == list(range(0, 100, 2))
        assert len({engine.submit(os.getpid).result() for _ in range(5)}) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the limit")
def test_memory_is_limited():
    with ENGINES["local"](workers=1, memory=2**30) as engine:
        assert isinstance(engine.submit(tasks.fill, 2**31).exception(), MemoryError)
        assert engine.submit(tasks.fill, 2**27).result() == 2**27


def test_what_a_task_prints_does_not_get_among_the_answers(capfd):
    with ENGINES["local"](workers=1) as engine:
        assert engine.submit(tasks.chat, "hello").result() == "hello"
    assert capfd.readouterr().err.count("hello") == 2


@pytest.mark.parametrize("name", ["local", "dask"])
def test_a_shutdown_at_once_stops_what_runs_and_what_waits(name):
    engine = ENGINES[name](workers=1)
    engine.submit(tasks.double, 1).result()
    futures = [engine.submit(tasks.loop, 1) for _ in range(3)]
    engine.shutdown(cancel_futures=True)  # returns, or this test never ends
    assert name == "dask" or all(future.done() for future in futures)


def test_each_worker_sees_one_of_several_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    with ENGINES["local"](workers=2) as engine:
        seen = {engine.submit(tasks.cards, 0.1) for _ in range(8)}
        assert {future.result() for future in seen} == {"3", "5"}


def test_a_cluster_of_our_own_listens_to_this_machine_only(dask):
    assert dask.submit(tasks.double, 1).result() == 2
    assert set(tasks.listening()) <= {"127.0.0.1", "::1"}


def test_workers_that_die_at_their_start_break_the_engine(monkeypatch):
    from imgedit.engines import child

    monkeypatch.setattr(child, "BOOT", "raise SystemExit(3)")
    with ENGINES["local"](workers=1) as engine:
        failure = engine.submit(tasks.double, 1).exception()
        assert isinstance(failure, BrokenExecutor)
        assert explain(failure) == "worker processes die before they are ready"


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


@pytest.mark.parametrize("name", ["local", "dask"])
def test_a_process_may_do_several_tasks_side_by_side(name):
    with ENGINES[name](workers=1, per_worker=3) as engine:
        assert engine.slots == 3
        assert len({future.result() for future in [engine.submit(tasks.meet, 60) for _ in range(3)]}) == 1
        assert [f.result() for f in [engine.submit(tasks.double, n) for n in range(50)]] == list(range(0, 100, 2))


def test_processes_with_several_tasks_share_the_work_and_the_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    with ENGINES["local"](workers=2, per_worker=2) as engine:
        found = [engine.submit(tasks.cards, 1) for _ in range(4)]
        assert sorted(future.result() for future in found) == ["4", "4", "7", "7"]


def test_tasks_in_hand_of_a_process_that_dies_end_with_it_and_the_next_is_done():
    from imgedit.engines.child import Died

    with ENGINES["local"](workers=1, per_worker=3) as engine:
        found = [engine.submit(task, 60) for task in (tasks.meet_and_wait, tasks.meet_and_die, tasks.meet_and_wait)]
        assert [type(future.exception()) for future in found] == [Died] * 3
        assert [engine.submit(tasks.double, n).result() for n in range(4)] == [0, 2, 4, 6]


def test_a_deadline_is_that_of_one_task_and_the_others_died_with_it():
    from imgedit.engines.child import Died

    # Half of the time between the two, so that a loaded machine tells them apart.
    with ENGINES["local"](workers=1, per_worker=2, timeout=6) as engine:
        late = engine.submit(tasks.tell_late)
        time.sleep(3)
        other = engine.submit(tasks.tell_late)
        assert isinstance(late.exception(), TimeoutError)
        assert isinstance(other.exception(), Died)
