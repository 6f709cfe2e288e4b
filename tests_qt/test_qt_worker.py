"""A worker tells all on the thread that made it, stops when asked, and leaves nothing behind."""

import gc
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest

import imgedit as ie
from imgedit.qt import Worker
from imgedit.qt.binding import QtCore


@pytest.fixture
def worker(app):
    made = Worker()
    yield made
    made.cancel()
    for thread in threading.enumerate():
        if thread.name == "imgedit-worker":
            thread.join()


def listen(worker):
    """Return a list that fills with (signal, value, thread); slots are plain functions, as hosts write them."""
    heard = []
    for name in ("progressed", "finished", "failed"):
        getattr(worker, name).connect(lambda value, name=name: heard.append((name, value, threading.current_thread())))
    worker.cancelled.connect(lambda: heard.append(("cancelled", None, threading.current_thread())))
    return heard


def until(condition, seconds=20):
    """Run the event loop until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        QtCore.QCoreApplication.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 20)


def test_it_tells_when_it_is_busy(worker):
    told = []
    worker.busy.connect(lambda busy: told.append((busy, worker.running)))
    worker.finished.connect(lambda _result: told.append("finished"))
    worker.cancelled.connect(lambda: told.append("cancelled"))
    worker.start(int)
    until(lambda: not worker.running)
    worker.start(endless)
    worker.cancel()
    assert told == [(True, True), (False, False), "finished", (True, True), (False, False), "cancelled"]


def endless(progress=None):
    while True:
        time.sleep(0.002)
        progress(0.5)


@pytest.mark.parametrize("cancel", [False, True])
def test_a_worker_that_nobody_holds_lives_as_long_as_its_thread(app, cancel):
    go, spoken = threading.Event(), []

    def job(progress=None):
        go.wait(20)
        if not cancel:
            progress(0.5)
        return np.zeros((4, 4))

    worker = Worker()
    worker.finished.connect(spoken.append)
    worker.start(job)
    if cancel:
        worker.cancel()
    held = weakref.ref(worker)
    del worker
    gc.collect()
    assert held() is not None
    go.set()

    def is_gone():
        gc.collect()
        return held() is None

    until(is_gone)
    assert len(spoken) == (not cancel)


def test_a_verb_gives_progress_and_its_result(worker):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 255, (60, 80, 3), np.uint8)
    mask = np.zeros((60, 80), bool)
    mask[20:40, 30:50] = True
    heard = listen(worker)
    worker.start(ie.inpaint, image, mask, method="exemplar")
    assert worker.running
    until(lambda: not worker.running)
    names = [name for name, _, _ in heard]
    assert names[-1] == "finished"
    assert "progressed" in names
    fractions = [value for name, value, _ in heard if name == "progressed"]
    assert fractions == sorted(fractions)
    np.testing.assert_array_equal(heard[-1][1], ie.inpaint(image, mask, method="exemplar"))
    assert {thread for _, _, thread in heard} == {threading.main_thread()}


def test_only_the_newest_wish_counts(worker):
    heard = listen(worker)
    go = threading.Event()
    worker.restart(lambda: go.wait(20) and "old")
    worker.restart(lambda: "new")
    go.set()
    until(lambda: not worker.running)
    assert [value for name, value, _ in heard if name == "finished"] == ["new"]
    assert [name for name, _, _ in heard].count("cancelled") == 1


def test_cancel_stops_the_thread_within_a_second(worker):
    heard = listen(worker)
    worker.start(endless)
    thread = next(thread for thread in threading.enumerate() if thread.name == "imgedit-worker")
    until(lambda: heard)
    worker.cancel()
    thread.join(1)
    assert not thread.is_alive()
    assert not worker.running
    QtCore.QCoreApplication.processEvents()
    assert [name for name, _, _ in heard if name != "progressed"] == ["cancelled"]


def test_a_cancelled_job_is_not_heard_by_the_next(worker):
    heard = listen(worker)
    gate = threading.Event()
    worker.start(gate.wait)  # without progress: can't be stopped, only left alone
    worker.cancel()
    worker.start(lambda: "second")
    gate.set()
    until(lambda: not worker.running)
    assert [(name, value) for name, value, _ in heard] == [("cancelled", None), ("finished", "second")]


def test_errors_arrive_as_they_are(worker):
    heard = listen(worker)
    worker.start(ie.resize, np.zeros((3, 3)), scale=2)
    until(lambda: not worker.running)
    assert heard[-1][0] == "failed"
    assert isinstance(heard[-1][1], ie.errors.ImageError)


def test_a_verb_that_raises_cancelled_by_itself_fails(worker):
    def verb():
        raise ie.errors.Cancelled

    heard = listen(worker)
    worker.start(verb)
    until(lambda: not worker.running)
    assert isinstance(heard[-1][1], ie.errors.Cancelled)


def test_progress_does_not_pile_up(worker):
    def verb(progress=None):
        for n in range(10_000):
            progress(n / 10_000)

    heard = listen(worker)
    worker.start(verb)
    assert worker.wait(20)
    assert [name for name, _, _ in heard] == ["progressed", "finished"]
    assert heard[0][1] == 0.9999


def test_wrong_calls_are_refused(worker):
    with pytest.raises(ie.errors.ArgumentError, match="progressed"):
        worker.start(ie.resize, np.zeros((3, 3), np.uint8), scale=2, progress=print)
    worker.start(endless)
    with pytest.raises(ie.errors.ImgeditError, match="cancel"):
        worker.start(endless)


def test_the_program_ends_during_a_job():
    program = """
import sys, time
import imgedit.qt
from imgedit.qt.binding import QtCore
app = QtCore.QCoreApplication([])
def endless(progress=None):
    while True:
        time.sleep(0.002)
        progress(0.5)
worker = imgedit.qt.Worker()
worker.progressed.connect(lambda _: app.quit())
worker.start(endless)
app.exec()
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
