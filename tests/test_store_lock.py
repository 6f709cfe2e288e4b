"""One run at a time on a store: whoever comes later withdraws, whoever is dead is cleared away."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest
from pictures import photo

import imgedit as ie
from imgedit import batch
from imgedit.batch import lock, store_lock, stores

ROOT = "memory://box/out"
HALF = ie.Recipe([ie.Step("resize", scale=0.5)], output={"format": "png"})


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    """A store in memory; gives the file system."""
    import fsspec

    monkeypatch.setattr(stores, "PAUSE", 0.001)
    monkeypatch.setattr(store_lock, "WITHDRAWAL", 0.01)
    monkeypatch.setattr(store_lock, "LOOK", 0.01)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ie.write(tmp_path / "a.png", photo())
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()


def run(folder):
    return batch.run(HALF, folder / "a.png", ROOT, engine="serial")


def locks(system):
    return [name.rpartition("/")[2] for name in system.find("/box/out/.imgedit")]


def lie(system, **changed):
    """Lie a lock down as another run of this process would hold it, but for what is changed."""
    owner = lock.new_owner() | {"holds": True} | changed
    system.pipe_file("/box/out/.imgedit/lock-0", json.dumps(owner).encode())


def test_a_second_run_is_refused_and_the_first_one_keeps_its_lock(memory, tmp_path):
    first = store_lock.StoreLock(ROOT)
    first.acquire()
    for _ in range(2):
        with pytest.raises(ie.errors.LockedError, match="works on this output; wait for it to end"):
            run(tmp_path)
        assert len(locks(memory)) == 1
    first.check()
    first.release()
    assert run(tmp_path).count("done") == 1
    assert locks(memory) == []


def test_a_run_on_another_host_is_refused_while_its_lock_is_young(memory, tmp_path):
    lie(memory, host="elsewhere", pid=1)
    with pytest.raises(ie.errors.LockedError, match="process 1 on elsewhere works on this output"):
        run(tmp_path)
    assert locks(memory) == ["lock-0"]


def test_an_old_lock_that_nobody_renews_is_taken_over(memory, tmp_path, monkeypatch):
    lie(memory, host="elsewhere")
    monkeypatch.setattr(lock, "SILENCE", 0.0)
    assert run(tmp_path).count("done") == 1
    assert locks(memory) == []


def test_an_old_lock_that_is_renewed_is_held(memory, tmp_path, monkeypatch):
    lie(memory, host="elsewhere")
    monkeypatch.setattr(lock, "SILENCE", 0.0)  # as if the clock of the store had jumped
    monkeypatch.setattr(store_lock.time, "sleep", lambda seconds: lie(memory, host="elsewhere"))
    with pytest.raises(ie.errors.LockedError):
        run(tmp_path)


def test_the_lock_of_a_dead_process_is_taken_over_at_once(memory, tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lie(memory, pid=gone.pid)
    assert run(tmp_path).count("done") == 1
    assert locks(memory) == []


def test_runs_that_begin_at_the_same_moment_never_both_hold_it(memory):
    holding, most, refused = [], [], []
    begun = threading.Barrier(3)

    def contend():
        for _ in range(20):
            ours = store_lock.StoreLock(ROOT)
            begun.wait()
            try:
                ours.acquire()
            except ie.errors.LockedError:
                refused.append(ours)
            else:
                holding.append(ours)
                most.append(len(holding))
                holding.remove(ours)
                ours.release()

    threads = [threading.Thread(target=contend) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most
    assert set(most) == {1}
    assert len(most) + len(refused) == 60
    assert locks(memory) == []


@pytest.mark.parametrize("taken", [True, False])
def test_a_run_whose_lock_was_taken_over_stops(memory, tmp_path, monkeypatch, taken):
    monkeypatch.setattr(store_lock, "RENEWAL", 0.01)
    lost, renew = threading.Event(), store_lock.StoreLock._renew

    def watched(self):
        renew(self)
        lost.set()

    monkeypatch.setattr(store_lock.StoreLock, "_renew", watched)

    def usurp(tally):
        if not tally.settled:
            if taken:
                memory.rm_file(f"/box/out/.imgedit/{locks(memory)[0]}")
            else:
                lie(memory, host="elsewhere")
            assert lost.wait(20)

    with pytest.raises(ie.errors.BatchError, match="another run has taken over this output"):
        batch.run(HALF, tmp_path / "a.png", ROOT, engine="serial", tally=usurp)


def test_a_run_that_can_give_no_sign_of_life_stops(monkeypatch):
    ours = store_lock.StoreLock(ROOT)
    ours.acquire()
    monkeypatch.setattr(store_lock, "SILENCE", -1.0)
    with pytest.raises(ie.errors.BatchError, match="not taken a sign of life for a minute"):
        ours.check()
    ours.release()


def test_who_may_not_delete_leaves_a_lock_that_locks_nothing(memory, tmp_path, monkeypatch):
    def forbidden(self, path):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(memory), "rm_file", forbidden)
    for _ in range(2):
        run(tmp_path)
    assert [memory.cat_file(f"/box/out/.imgedit/{name}") for name in locks(memory)] == [b"", b""]


def test_a_store_that_lists_late_can_not_be_locked(monkeypatch, tmp_path):
    monkeypatch.setattr(stores, "moments", lambda url: {})
    with pytest.raises(ie.errors.BatchError, match="lists files late"):
        run(tmp_path)
