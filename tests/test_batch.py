"""Batches: nothing is lost, nothing is half done, nothing is overwritten that should not be."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tasks
from pictures import photo

import imgedit as ie
from imgedit import batch
from imgedit.batch import lock as locks
from imgedit.batch import working
from imgedit.batch.folder import Folder
from imgedit.batch.places import output_at

HALF = ie.Recipe([ie.Step("resize", scale=0.5)], output={"format": "png"})


@pytest.fixture
def photos(tmp_path):
    """A tree of photos: three good ones, and what is no image."""
    folder = tmp_path / "photos"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    ie.write(folder / "a.jpg", photo(seed=1))
    ie.write(folder / "deep" / "b.JPG", photo(seed=2))
    ie.write(folder / "deep" / "er" / "c.tif", photo(np.uint16, seed=3))
    ie.write(folder / ".hidden" / "d.jpg", photo(seed=4))
    ie.write(folder / ".e.jpg", photo(seed=4))
    (folder / "notes.txt").write_text("no image")
    return folder


def names(folder):
    """Files below a folder, without the state of the runs."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.startswith(".imgedit/"))


STATE = ["manifest.jsonl", "report.html", "report.jsonl", "thumbnails.bin"]


def kept(state):
    """What a run leaves behind in its state folder."""
    return sorted(path.name for path in state.iterdir())


def run(recipe, inputs, output, **options):
    return batch.run(recipe, inputs, output, **{"engine": "serial", **options})


def test_a_folder_keeps_its_tree(photos, tmp_path):
    seen = []
    report = run(HALF, photos, tmp_path / "out", progress=seen.append)
    assert names(tmp_path / "out") == ["a.png", "deep/b.png", "deep/er/c.png"]
    assert report.count("done") == 3
    assert seen == pytest.approx([1 / 3, 2 / 3, 1])
    np.testing.assert_array_equal(
        ie.read(tmp_path / "out" / "deep" / "er" / "c.png"), ie.resize(photo(np.uint16, seed=3), scale=0.5)
    )


def test_the_format_is_that_of_the_photo_where_the_recipe_names_none(photos, tmp_path):
    run(ie.Recipe([]), [photos / "a.jpg", photos / "deep"], tmp_path / "out")
    assert names(tmp_path / "out") == ["a.jpg", "b.JPG", "er/c.tif"]


def test_a_bad_file_is_reported_and_the_others_go_on(photos, tmp_path):
    (photos / "bad.jpg").write_bytes(b"GIF, says it")
    (photos / "empty.png").touch()
    (photos / "cut.jpg").write_bytes((photos / "a.jpg").read_bytes()[:-100])
    os.symlink("nowhere.jpg", photos / "dangling.jpg")
    report = run(HALF, photos, tmp_path / "out")
    assert names(tmp_path / "out") == ["a.png", "deep/b.png", "deep/er/c.png"]
    lines = [json.loads(line) for line in report.file.read_text().splitlines()]
    assert [Path(line["input"]).name for line in lines] == [
        "a.jpg", "bad.jpg", "cut.jpg", "dangling.jpg", "empty.png", "b.JPG", "c.tif",
    ]  # fmt: skip
    assert [line["error"] for line in lines] == [
        "", "NotAnImageError", "TruncatedImageError", "FileNotFoundError", "EmptyFileError", "", "",
    ]  # fmt: skip
    assert {line["state"] for line in lines if line["error"]} == {"failed"}
    assert all(line["problem"] for line in lines if line["error"])
    assert report.count("failed") == len(report.failures) == 4


def test_a_warning_is_kept_in_the_report(photos, tmp_path):
    (photos / "deep" / "er" / "c.tif").rename(photos / "c.png")
    report = run(ie.Recipe([], output={"format": "png"}), photos, tmp_path / "out")
    assert ["named like png but holds tiff" in row.warning for row in report.rows] == [False, True, False]


@pytest.mark.parametrize("engine", ["serial", "local"])
def test_a_second_run_does_only_what_is_missing_or_changed(photos, tmp_path, engine):
    out = tmp_path / "out"
    (photos / "bad.jpg").write_bytes(b"?")

    def states(recipe=HALF, **options):
        report = batch.run(recipe, photos, out, engine=engine, workers=1, **options)
        return {Path(row.input).stem: row.state for row in report.rows}

    assert states() == {"a": "done", "bad": "failed", "b": "done", "c": "done"}
    before = {name: (out / name).stat().st_mtime_ns for name in names(out)}
    assert states() == {"a": "skipped", "bad": "failed", "b": "skipped", "c": "skipped"}
    assert {name: (out / name).stat().st_mtime_ns for name in names(out)} == before

    (photos / "bad.jpg").unlink()
    (out / "a.png").unlink()  # missing
    ie.write(photos / "deep" / "b.JPG", photo(seed=9))  # changed
    (out / "deep" / "er" / "c.png").write_bytes(b"not ours")  # not what was written
    assert states() == {"a": "done", "b": "done", "c": "done"}
    assert states() == {"a": "skipped", "b": "skipped", "c": "skipped"}
    assert states(resume=False) == {"a": "done", "b": "done", "c": "done"}
    assert states(ie.Recipe([], output={"format": "png"})) == {"a": "done", "b": "done", "c": "done"}


def recorded(out):
    """Rows of the manifest, the last one about a result being the one that counts."""
    rows = map(json.loads, (out / ".imgedit" / "manifest.jsonl").read_text().splitlines())
    return {row["output"]: row for row in rows}


@pytest.mark.parametrize("engine", ["serial", "local"])
def test_a_file_that_was_only_touched_is_not_done_again(photos, tmp_path, engine):
    out = tmp_path / "out"

    def states(**options):
        report = batch.run(HALF, photos, out, engine=engine, workers=1, **options)
        return [row.state for row in report.rows], dict(report.counts)["skipped"]

    assert states() == (["done"] * 3, 0)
    data = (photos / "a.jpg").read_bytes()
    assert recorded(out)["a.png"]["digest"] == hashlib.sha256(data).hexdigest()[:32]
    made = (out / "a.png").stat()
    os.utime(photos / "a.jpg", (5, 5))
    first = recorded(out)["a.png"]
    assert states() == (["skipped"] * 3, 3)
    assert (out / "a.png").stat() == made
    assert recorded(out)["a.png"] == first | {"changed": 5 * 10**9}  # so the next run need not look into it
    lines = len((out / ".imgedit" / "manifest.jsonl").read_bytes().splitlines())
    assert states() == (["skipped"] * 3, 3)
    assert len((out / ".imgedit" / "manifest.jsonl").read_bytes().splitlines()) == lines


def test_a_change_that_size_and_time_hide_is_found_by_the_content(photos, tmp_path):
    out, data, then = tmp_path / "out", (photos / "a.jpg").read_bytes(), (photos / "a.jpg").stat()
    run(HALF, photos, out)
    other = bytearray(data)
    other[len(data) // 2] ^= 1
    (photos / "a.jpg").write_bytes(other)
    os.utime(photos / "a.jpg", ns=(then.st_atime_ns, then.st_mtime_ns))
    assert run(HALF, photos, out).count("skipped") == 3
    assert [row.state for row in run(HALF, photos, out, compare="content").rows] == ["done", "skipped", "skipped"]
    assert run(HALF, photos, out, compare="content").count("skipped") == 3
    assert [state for _, state in batch.preview(HALF, photos, out)] == ["skipped"] * 3
    with pytest.raises(ie.errors.ArgumentError, match="compare is 'hash'; give time or content"):
        run(HALF, photos, out, compare="hash")


def test_results_that_do_not_stand_are_made_again_from_the_same_content(photos, tmp_path):
    out = tmp_path / "out"
    run(HALF, photos, out)
    os.utime(photos / "a.jpg", (5, 5))
    (out / "a.png").write_bytes(b"not ours")
    (out / "deep" / "b.png").unlink()
    states = [row.state for row in run(HALF, photos, out, compare="content").rows]
    assert states == ["done", "done", "skipped"]
    whole = ie.Recipe([], output={"format": "png"})
    assert run(whole, photos, out, compare="content").count("done") == 3  # another recipe


def test_masks_are_part_of_the_content(photos, tmp_path):
    recipe = ie.Recipe([ie.Step("inpaint", mask="{parent}/{stem}.mask")], output={"format": "png"})
    mask, size = photos / "a.mask", ie.info(photos / "a.jpg").size
    mask.write_bytes(ie.io.encode(np.eye(*size, dtype=np.uint8) * 255, "png"))
    assert run(recipe, photos / "a.jpg", tmp_path / "out").count("done") == 1
    os.utime(mask, (5, 5))
    assert run(recipe, photos / "a.jpg", tmp_path / "out").count("skipped") == 1
    mask.write_bytes(ie.io.encode(np.eye(*size, 1, dtype=np.uint8) * 255, "png"))
    assert run(recipe, photos / "a.jpg", tmp_path / "out").count("done") == 1


def test_a_torn_line_of_the_manifest_is_dropped_and_no_other(photos, tmp_path):
    run(HALF, photos, tmp_path / "out")
    manifest = tmp_path / "out" / ".imgedit" / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(lines[0] + b"[]\n{}\n\xff\n" + lines[1] + lines[2][:50])
    assert [row.state for row in run(HALF, photos, tmp_path / "out").rows] == ["skipped", "skipped", "done"]
    assert [row.state for row in run(HALF, photos, tmp_path / "out").rows] == ["skipped"] * 3


def test_failures_stand_until_they_are_asked_for(photos, tmp_path):
    out, bad = tmp_path / "out", photos / "bad.jpg"
    bad.write_bytes(b"?")
    assert run(HALF, photos, out).standing == 0
    first = (out / ".imgedit" / "manifest.jsonl").read_bytes()
    report = run(HALF, photos, out)
    assert (report.count("failed"), report.standing) == (1, 1)
    assert report.failures[0].error == "NotAnImageError"
    assert (out / ".imgedit" / "manifest.jsonl").read_bytes() == first  # nothing was tried
    report = run(HALF, photos, out, retry_failed=True)
    assert (report.count("failed"), report.standing, report.count("skipped")) == (1, 0, 3)
    bad.write_bytes((photos / "a.jpg").read_bytes())
    assert run(HALF, photos, out).count("done") == 1


def test_a_preview_tells_the_plan_and_writes_nothing(photos, tmp_path):
    out = tmp_path / "out"
    assert [(job.name, state) for job, state in batch.preview(HALF, photos, out)] == [
        ("a.png", "pending"), ("deep/b.png", "pending"), ("deep/er/c.png", "pending"),
    ]  # fmt: skip
    assert not out.exists()
    run(HALF, photos, out)
    (photos / "a.jpg").write_bytes(b"?")
    assert [state for _, state in batch.preview(HALF, photos, out)] == ["pending", "skipped", "skipped"]
    assert [state for _, state in batch.preview(HALF, photos, out, resume=False)] == ["pending"] * 3


def lock(out, **changed):
    """Lie a lock down as this very process would hold it, but for what is changed."""
    from imgedit.batch.lock import Lock

    (out / ".imgedit").mkdir(parents=True, exist_ok=True)
    ours = Lock(out / ".imgedit")
    ours.acquire()
    path = out / ".imgedit" / "lock"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    return path


def test_a_second_run_on_one_output_is_refused(photos, tmp_path):
    path = lock(tmp_path / "out")
    with pytest.raises(ie.errors.LockedError, match=f"process {os.getpid()} on {socket.gethostname()} works on this"):
        run(HALF, photos, tmp_path / "out")
    assert path.exists()
    assert names(tmp_path / "out") == []


def test_the_lock_of_a_dead_process_is_taken_over_at_once(photos, tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path = lock(tmp_path / "out", pid=gone.pid)
    assert run(HALF, photos, tmp_path / "out").count("done") == 3
    assert not path.exists()


def test_the_lock_of_a_number_that_another_process_has_now_is_taken_over(photos, tmp_path):
    lock(tmp_path / "out", start="1")
    assert run(HALF, photos, tmp_path / "out").count("done") == 3


@pytest.mark.parametrize("text", [None, "", "[]"])
def test_a_lock_of_another_host_is_taken_over_after_a_minute_of_silence(photos, tmp_path, monkeypatch, text):
    path = lock(tmp_path / "out", host="elsewhere")
    if text is not None:
        path.write_text(text)  # torn
    with pytest.raises(ie.errors.LockedError):
        run(HALF, photos, tmp_path / "out")
    monkeypatch.setattr(locks, "LOOK", 0.01)
    now = path.stat().st_mtime
    os.utime(path, (now - 61, now - 61))
    assert run(HALF, photos, tmp_path / "out").count("done") == 3
    assert kept(path.parent) == STATE


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_lock_that_is_renewed_is_not_taken_over_when_a_clock_jumps(photos, tmp_path, monkeypatch, jump):
    path = lock(tmp_path / "out", host="elsewhere")
    now = path.stat().st_mtime
    os.utime(path, (now + jump, now + jump))
    monkeypatch.setattr(locks, "LOOK", 5.0)

    def renew(seconds):
        os.utime(path, (now + jump + 1, now + jump + 1))

    monkeypatch.setattr(locks.time, "sleep", renew)
    with pytest.raises(ie.errors.LockedError):
        run(HALF, photos, tmp_path / "out")
    assert path.exists()


def test_numbers_of_processes_count_within_their_container_only(photos, tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lock(tmp_path / "out", pid=gone.pid, space="another container of this host")
    with pytest.raises(ie.errors.LockedError):
        run(HALF, photos, tmp_path / "out")


def test_a_run_that_lost_its_lock_stops(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "RENEWAL", 0.01)
    lost = threading.Event()
    state = tmp_path / "out" / ".imgedit"
    renew = locks.Lock._renew

    def watched(self):
        renew(self)
        lost.set()

    monkeypatch.setattr(locks.Lock, "_renew", watched)

    def usurp(fraction):
        (state / "lock").write_text("another run's")
        lost.wait()

    with pytest.raises(ie.errors.BatchError, match="another run has taken over"):
        run(HALF, photos, tmp_path / "out", progress=usurp)
    assert (state / "lock").read_text() == "another run's"


def test_a_report_of_a_later_run_is_not_taken_for_this_one(photos, tmp_path):
    first = run(HALF, photos, tmp_path / "out")
    assert len(first.rows) == first.count("done") == 3
    run(HALF, photos, tmp_path / "out")
    with pytest.raises(ie.errors.BatchError, match="report of a later run"):
        list(first)


def test_names_that_share_a_hash_are_told_apart(photos, tmp_path, monkeypatch):
    from imgedit.batch import planning

    monkeypatch.setattr(planning, "hash", lambda value: 0, raising=False)
    out = tmp_path / "out"
    assert [job.name for job in batch.plan(HALF, photos, out)] == ["a.png", "deep/b.png", "deep/er/c.png"]
    run(HALF, photos, out)
    assert run(HALF, photos, out).count("skipped") == 3
    ie.write(photos / "a.png", photo())
    with pytest.raises(ie.errors.ArgumentError, match=r"a\.jpg and .*a\.png would both"):
        run(HALF, photos, out)


@pytest.mark.parametrize("named", [{}, {"model": "sr-x2"}])
def test_another_net_is_another_recipe(monkeypatch, named):
    from imgedit import models

    recipe = ie.Recipe([ie.Step("upscale", scale=2, **named)])
    before, info = recipe.fingerprint(), models.info
    assert recipe.fingerprint() == before
    monkeypatch.setattr(models, "info", lambda name: info(name).model_copy(update={"sha256": "0" * 64}))
    assert recipe.fingerprint() != before


def test_the_net_of_a_method_counts_too():
    from imgedit import models
    from imgedit.recipes.networks import nets_of

    step = ie.Step("inpaint", mask="mask.png", method="learned", model="mi-gan")
    assert nets_of([step]) == [models.info("mi-gan").sha256]
    assert nets_of([ie.Step("inpaint", mask="mask.png", method="telea")]) == []


def test_two_inputs_with_one_output_are_refused_before_any_work(photos, tmp_path):
    ie.write(photos / "a.png", photo())
    with pytest.raises(ie.errors.ArgumentError, match=r"a\.jpg and .*a\.png would both be written to a\.png"):
        run(HALF, photos, tmp_path / "out")
    with pytest.raises(ie.errors.ArgumentError, match="would both be written"):
        run(ie.Recipe([]), [photos / "a.jpg", photos], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_inputs_are_never_overwritten(photos, tmp_path):
    before = (photos / "a.jpg").read_bytes()
    with pytest.raises(ie.errors.ArgumentError, match="is the input folder"):
        run(HALF, photos, photos)
    with pytest.raises(ie.errors.ArgumentError, match=r"would overwrite the input .*a\.jpg"):
        run(ie.Recipe([]), photos / "a.jpg", photos)
    os.symlink(photos, tmp_path / "link")
    with pytest.raises(ie.errors.ArgumentError, match="would overwrite the input"):
        run(ie.Recipe([]), photos / "a.jpg", tmp_path / "link")
    ie.write(tmp_path / "a.png", photo(seed=5))
    overlay = ie.Recipe([ie.Step("blend", source="a.png")], output={"format": "png"}, folder=tmp_path)
    with pytest.raises(ie.errors.ArgumentError, match=r"would overwrite the input .*a\.png"):
        run(overlay, photos, tmp_path)
    assert (photos / "a.jpg").read_bytes() == before


def test_an_output_inside_the_input_is_no_input(photos):
    for _ in range(2):
        assert len(run(HALF, photos, photos / "out").rows) == 3
    assert names(photos / "out") == ["a.png", "deep/b.png", "deep/er/c.png"]


def test_what_can_not_be_written_is_refused_before_any_work(photos, tmp_path):
    (photos / "a.jpg").rename(photos / "nameless")
    with pytest.raises(ie.errors.ArgumentError, match="nameless, whose format can't be written; set one"):
        run(ie.Recipe([]), photos / "nameless", tmp_path / "out")
    assert run(HALF, photos / "nameless", tmp_path / "out").count("done") == 1


def test_inputs_without_an_image_and_missing_inputs_are_refused(tmp_path):
    with pytest.raises(ie.errors.ArgumentError, match="hold no image"):
        run(HALF, tmp_path, tmp_path / "out")
    with pytest.raises(FileNotFoundError):
        run(HALF, [tmp_path / "nothing"], tmp_path / "out")


def test_an_output_that_can_not_be_written_stops_the_run(photos, tmp_path):
    (tmp_path / "out").write_text("a file, no folder")
    with pytest.raises(ie.errors.BatchError, match="output can't be written"):
        run(HALF, photos, tmp_path / "out")


def test_a_full_disk_stops_the_run_and_leaves_files_pending(photos, tmp_path, monkeypatch):
    def full(self, name, data):
        raise ie.errors.OutOfSpaceError(name, "no space")

    run(HALF, photos / "a.jpg", tmp_path / "out")
    monkeypatch.setattr(Folder, "put", full)
    with pytest.raises(ie.errors.BatchError, match="no space"):
        run(HALF, photos, tmp_path / "out")
    rows = [json.loads(line) for line in (tmp_path / "out/.imgedit/report.jsonl").read_text().splitlines()]
    assert [row["state"] for row in rows] == ["skipped", "pending", "pending"]
    monkeypatch.undo()
    assert [row.state for row in run(HALF, photos, tmp_path / "out").rows] == ["skipped", "done", "done"]


def test_an_input_that_is_touched_meanwhile_is_the_same(photos, tmp_path, monkeypatch):
    render = ie.Recipe.render

    def touching(self, data, photo, **options):
        os.utime(photo.source, (7, 7))
        return render(self, data, photo, **options)

    monkeypatch.setattr(ie.Recipe, "render", touching)
    assert run(HALF, photos, tmp_path / "out").count("done") == 3


def test_an_input_that_changes_meanwhile_fails(photos, tmp_path, monkeypatch):
    render = ie.Recipe.render

    def meddle(self, data, photo, **options):
        Path(photo.source).write_bytes(data[:-1] + b"?")
        os.utime(photo.source, ns=(1, 1))
        return render(self, data, photo, **options)

    monkeypatch.setattr(ie.Recipe, "render", meddle)
    report = run(HALF, photos / "a.jpg", tmp_path / "out")
    assert "changed" in report.rows[0].problem
    assert names(tmp_path / "out") == []


def test_a_cancelled_run_leaves_no_temporary_file_and_can_go_on(photos, tmp_path):
    def stop(fraction):
        raise ie.errors.Cancelled

    with pytest.raises(ie.errors.Cancelled):
        run(HALF, photos, tmp_path / "out", progress=stop)
    state = tmp_path / "out" / ".imgedit"
    assert kept(state) == STATE
    assert [row.state for row in run(HALF, photos, tmp_path / "out").rows] == ["skipped", "done", "done"]


def test_pixels_and_report_do_not_depend_on_the_engine(photos, tmp_path):
    (photos / "bad.jpg").write_bytes(b"?")
    outputs = {}
    with ThreadPoolExecutor(3) as threads:
        engines = {"serial": "serial", "local": "local", "lone": "local", "dask": "dask", "threads": threads}
        for name, engine in engines.items():
            report = batch.run(HALF, photos, tmp_path / name, engine=engine, workers=1 if name == "lone" else 3)
            rows = [(row.input, row.output, row.state, row.error, row.written) for row in report.rows]
            outputs[name] = (rows, {n: (tmp_path / name / n).read_bytes() for n in names(tmp_path / name)})
        assert threads.submit(int, "3").result() == 3  # not ours to shut down
    assert all(found == outputs["serial"] for found in outputs.values())


class Flaky(ThreadPoolExecutor):
    """Its first answers are those of a worker that died."""

    def __init__(self, deaths, failure=OSError):
        super().__init__(1)
        self.deaths, self.failure = deaths, failure

    def submit(self, fn, /, *args, **kwargs):
        if not self.deaths:
            return super().submit(fn, *args, **kwargs)
        self.deaths -= 1
        future = Future()
        future.set_exception(self.failure("gone"))
        return future


def test_a_file_whose_worker_died_is_tried_once_more(photos, tmp_path):
    with Flaky(1) as engine:
        assert batch.run(HALF, photos / "a.jpg", tmp_path / "out", engine=engine).count("done") == 1
    with Flaky(2) as engine:
        report = batch.run(HALF, photos / "a.jpg", tmp_path / "out2", engine=engine)
    assert (report.rows[0].state, report.rows[0].error, report.rows[0].problem) == (
        "failed",
        "WorkerDied",
        "OSError: gone",
    )


@pytest.mark.parametrize(("per_worker", "state"), [(1, "failed"), (2, "done")])
def test_a_file_that_was_late_is_done_once_more_where_others_may_have_kept_it(photos, tmp_path, per_worker, state):
    with Flaky(1, TimeoutError) as engine:
        engine.per_worker = per_worker
        report = batch.run(HALF, photos / "a.jpg", tmp_path / "out", engine=engine)
    assert [row.state for row in report] == [state]


class Remembering(ThreadPoolExecutor):
    """Runs out of memory over one photo as long as another task is open, and notes who came when."""

    def __init__(self, hungry, *, alone):
        super().__init__(2)
        self.hungry, self.alone, self.came, self.open = hungry, alone, [], 0

    def submit(self, task, job, *arguments):
        self.came.append(Path(job.source).name)
        others = len(self.came) < 4 or not self.alone
        if Path(job.source).name == self.hungry and others:
            future = Future()
            row = batch.Row(job.source, job.name, "failed", "MemoryError", "no memory")
            future.set_result(working.Outcome(row))
            return future
        return super().submit(task, job, *arguments)


def test_a_file_that_ran_out_of_memory_is_done_once_more_at_the_end(photos, tmp_path):
    with Remembering("a.jpg", alone=True) as engine:
        assert batch.run(HALF, photos, tmp_path / "out", engine=engine, workers=2).count("done") == 3
    assert engine.came == ["a.jpg", "b.JPG", "c.tif", "a.jpg"]
    with Remembering("a.jpg", alone=False) as engine:
        report = batch.run(HALF, photos, tmp_path / "out2", engine=engine, workers=2)
    assert [(row.state, row.error) for row in report] == [("failed", "MemoryError"), ("done", ""), ("done", "")]
    assert engine.came.count("a.jpg") == 2


def test_memory_that_opencv_misses_is_memory():
    assert working._kind(MemoryError()) == "MemoryError"
    assert working._kind(np.exceptions.AxisError(1)) == "AxisError"
    short = cv2.error("Failed to allocate")
    short.code = -4
    assert working._kind(short) == "MemoryError"


def test_a_limit_for_an_engine_that_runs_already_is_refused(photos, tmp_path):
    with ThreadPoolExecutor(1) as engine, pytest.raises(ie.errors.ArgumentError, match="engine is started already"):
        batch.run(HALF, photos, tmp_path / "out", engine=engine, timeout=3)


def test_an_engine_that_can_not_start_leaves_nothing(photos, tmp_path, monkeypatch):
    from imgedit.engines import cluster

    monkeypatch.setattr(cluster, "ANSWER", 0.3)
    with pytest.raises(ie.errors.BatchError, match="no Dask scheduler answers"):
        batch.run(HALF, photos, tmp_path / "out", engine="dask", address="tcp://127.0.0.1:1")
    with pytest.raises(ie.errors.ArgumentError, match="engine serial can't keep"):
        batch.run(HALF, photos, tmp_path / "out", engine="serial", timeout=3)
    assert not (tmp_path / "out").exists()


def test_one_name_that_can_not_be_written_fails_alone(photos, tmp_path):
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    report = run(HALF, photos, tmp_path / "out")
    assert [row.state for row in report] == ["failed", "done", "done"]
    assert report.rows[0].error == "IsADirectoryError"


def test_a_worker_whose_run_is_gone_can_not_put_its_result(photos, tmp_path):
    place = output_at(tmp_path / "out")
    late = working.Task(HALF, replace(place, scratch=place.scratch / "of-a-killed-run"))
    (job,) = batch.plan(HALF, photos / "a.jpg", tmp_path / "out")
    assert run(HALF, photos / "a.jpg", tmp_path / "out").count("done") == 1
    before = (tmp_path / "out" / "a.png").stat().st_mtime_ns
    outcome = late(job, False)
    assert outcome.stops
    assert outcome.row.state == "failed"
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns == before


def test_the_record_may_lie_elsewhere_but_the_lock_guards_the_output(photos, tmp_path):
    out, state = tmp_path / "out", tmp_path / "record"
    assert run(HALF, photos, out, state=state).file.parent == state
    assert not (out / ".imgedit").exists()
    assert run(HALF, photos, out, state=state).count("skipped") == 3
    lock(out)
    with pytest.raises(ie.errors.LockedError):
        run(HALF, photos, out, state=tmp_path / "another")


def test_a_tally_counts_files_and_pixels(photos, tmp_path):
    seen = []
    (photos / "bad.jpg").write_bytes(b"?")
    run(HALF, photos, tmp_path / "out", tally=seen.append)
    assert [tally.settled for tally in seen] == [0, 1, 2, 3, 4]
    assert (seen[-1].done, seen[-1].failed, seen[-1].workers) == (3, 1, 1)
    assert seen[-1].pixels == 3 * 40 * 56
    seen.clear()
    os.utime(photos / "a.jpg", (5, 5))
    run(HALF, photos, tmp_path / "out", tally=seen.append)
    assert [(tally.settled, tally.worked) for tally in seen] == [(3, 0), (4, 1)]


@pytest.mark.parametrize(
    ("recipe", "lacking", "wanted"),
    [
        (ie.Recipe([ie.Step("upscale", scale=2)]), (), 3),
        (
            ie.Recipe([], outputs=[{"name": "{stem}.png", "steps": (ie.Step("upscale", scale=2, device="cuda"),)}]),
            (),
            3,
        ),
        (ie.Recipe([ie.Step("upscale", scale=2, device="cpu")]), (), None),
        (ie.Recipe([ie.Step("upscale", scale=2)]), ("libcudart",), None),
        (HALF, (), None),
    ],
)
def test_networks_get_one_worker_for_each_gpu(photos, tmp_path, monkeypatch, recipe, lacking, wanted):
    from imgedit.models import devices

    started = []

    def engine(*, workers, **limits):
        started.append(workers)
        raise ie.errors.BatchError("enough")

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,4")
    monkeypatch.setattr(devices, "missing", lambda device: lacking)
    monkeypatch.setitem(batch.ENGINES._rows, "local", engine)
    with pytest.raises(ie.errors.BatchError, match="enough"):
        batch.run(recipe, photos, tmp_path / "out")
    with pytest.raises(ie.errors.BatchError, match="enough"):
        batch.run(recipe, photos, tmp_path / "out", workers=5)
    assert started == [wanted, 5]


def test_an_engine_that_broke_stops_the_run(photos, tmp_path):
    with Flaky(9, BrokenProcessPool) as engine, pytest.raises(ie.errors.BatchError, match="engine failed"):
        batch.run(HALF, photos, tmp_path / "out", engine=engine)


def test_an_executor_of_processes_can_be_handed_in(photos, tmp_path):
    import multiprocessing

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as engine:
        assert batch.run(HALF, photos, tmp_path / "out", engine=engine).count("done") == 3


# The command line of a run that sends itself a signal as soon as it has recorded five files.
STOPPED_RUN = """
import os, sys
from imgedit.cli import commands, run

class Bar(commands.BatchBar):
    def __call__(self, tally):
        if tally.done == 5:
            os.kill(os.getpid(), int(sys.argv[1]))

commands.BatchBar = Bar
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="sends signals as POSIX has them")
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_goes_on_where_it_was(tmp_path, kill):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for index in range(30):
        ie.write(photos / f"{index:03}.png", photo(seed=index, size=(160, 240)))
    (tmp_path / "r.toml").write_text("[[steps]]\nop='blur'\nradius=20\n")
    arguments = ["batch", str(tmp_path / "r.toml"), str(photos), "-o", str(out), "--workers", "2"]
    command = [sys.executable, "-c", STOPPED_RUN, str(int(kill)), *arguments]
    # The workers hold standard error open too: the call ends when the last of them is gone.
    process = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    done = len(list(out.glob("*.png")))
    assert 5 <= done <= 7  # those recorded, and what each worker had in hand
    if kill != signal.SIGKILL:
        assert process.returncode == 4
        assert process.stderr == "imgedit: interrupted; the same command goes on where it stopped\n"
        assert kept(out / ".imgedit") == STATE
        states = [json.loads(line)["state"] for line in (out / ".imgedit/report.jsonl").read_text().splitlines()]
        assert len(states) == 30
        assert set(states) == {"done", "pending"}
    report = batch.run(tmp_path / "r.toml", photos, out, engine="serial")
    assert report.count("skipped") == 5  # so at most one file a worker is done twice
    assert report.count("done") == 30 - report.count("skipped")
    temporary = [path for path in out.rglob("*") if path.name.startswith(".imgedit-") or path.name == "tmp"]
    assert not temporary
    expected = ie.blur(photo(seed=7, size=(160, 240)), radius=20)
    np.testing.assert_array_equal(ie.read(out / "007.png"), expected)


TWICE = ie.Recipe([ie.Step("upscale", scale=2, device="cpu")], output={"format": "png"})


@pytest.fixture
def small_ones(tmp_path):
    """Small photos of one size, one of another, one that is damaged and one that warns."""
    folder = tmp_path / "small"
    folder.mkdir()
    for number in range(6):
        ie.write(folder / f"{number}.png", photo(seed=number)[:20, :24])
    ie.write(folder / "other.png", photo(seed=9)[:21, :24])
    (folder / "bad.png").write_bytes((folder / "1.png").read_bytes()[:60])
    (folder / "renamed.jpg").write_bytes((folder / "2.png").read_bytes())
    return folder


def results_of(folder):
    return {name: (folder / name).read_bytes() for name in names(folder)}


@pytest.mark.parametrize("engine", ["local", "dask"])
def test_photos_in_hand_of_one_worker_give_what_each_gives_alone(small_ones, tmp_path, engine):
    alone = run(TWICE, small_ones, tmp_path / "alone")
    together = run(TWICE, small_ones, tmp_path / "together", engine=engine, workers=1, per_worker=4)
    assert results_of(tmp_path / "together") == results_of(tmp_path / "alone")
    assert [(row.state, row.error, row.warning) for row in together] == [
        (row.state, row.error, row.warning) for row in alone
    ]
    assert together.counts == {"done": 8, "failed": 1, "skipped": 0, "pending": 0}
    assert [row.output for row in together if row.warning] == ["renamed.png"]
    again = run(TWICE, small_ones, tmp_path / "together", engine=engine, workers=1, per_worker=4)
    assert again.counts == {"done": 0, "failed": 1, "skipped": 8, "pending": 0}


def test_a_photo_that_kills_its_worker_costs_none_that_was_in_hand_with_it(small_ones, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "Task", tasks.Deadly)
    report = run(TWICE, small_ones, tmp_path / "out", engine="local", workers=1, per_worker=4)
    failed = {Path(row.input).name: row.error for row in report.failures}
    assert failed == {"3.png": "WorkerDied", "bad.png": failed["bad.png"]}
    assert report.count("done") == 7


def test_warnings_of_threads_are_told_apart():
    import warnings

    from imgedit.batch.hearing import EARS, heard

    meeting = threading.Barrier(2)
    before = warnings.showwarning, list(warnings.filters)

    def work(name):
        with heard() as told:
            meeting.wait(60)
            for _ in range(3):
                warnings.warn(name, UserWarning, stacklevel=1)
            meeting.wait(60)
            return list(told)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, ["one", "two"])) == [["one"] * 3, ["two"] * 3]
    assert not EARS.open
    assert (warnings.showwarning, list(warnings.filters)) == before


def test_a_net_is_loaded_once_for_a_run_and_let_go_with_it(small_ones, tmp_path, monkeypatch):
    from imgedit.models import keeping, session

    loaded, opened = [], session.Model._open
    monkeypatch.setattr(session.Model, "_open", lambda net, *a, **k: (loaded.append(net.path), opened(net, *a, **k)))
    run(TWICE, small_ones, tmp_path / "out")
    assert len(loaded) == 1
    assert not keeping.SHELF.users
    assert not keeping.SHELF.nets


WRONG = [
    ({"device": "cuda"}, r"step 1 upscale has device = 'cuda', which does not work here: needs lib"),
    ({"scale": 0.5}, r"step 1 upscale: scale is 0\.5; give a number above 1"),
    ({"denoise": 0.5, "model": "sr-x2"}, r"step 1 upscale: denoise is 0\.5 but sr-x2 has no twin"),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
@pytest.mark.parametrize("engine", ["serial", "local", "dask"])
def test_what_fails_for_every_photo_is_told_once_before_the_first(
    small_ones, tmp_path, monkeypatch, engine, given, message
):
    from imgedit.models import devices

    # A machine with an NVIDIA GPU has this device; the workers inherit that there is none.
    if not devices.missing("cuda") and "device" in given:
        given = {"device": "directml"}
        message = message.replace("cuda", "directml").replace("lib", "")
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in {"scale": 2, **given}.items())
    recipe = tmp_path / "wrong.toml"
    recipe.write_text(f'[[steps]]\nop = "upscale"\n{lines}')
    with pytest.raises(ie.errors.RecipeError, match=message) as caught:
        run(recipe, small_ones, tmp_path / "out", engine=engine)
    assert len(caught.value.args) == 1
    line = 2 + list({"scale": 2, **given}).index(next(name for name in given)) + 1
    assert str(caught.value).startswith(f"{recipe}:{line}: ")
    assert not list((tmp_path / "out").rglob("*.*"))


def test_what_is_done_needs_no_device(small_ones, tmp_path, monkeypatch):
    from imgedit.models import devices

    run(TWICE, small_ones, tmp_path / "out", retry_failed=True)

    def broken(device, fallback):
        raise ie.errors.DeviceError(device, "is gone")

    monkeypatch.setattr(devices, "choose", broken)
    assert run(TWICE, small_ones, tmp_path / "out").count("skipped") == 8
    with pytest.raises(ie.errors.RecipeError, match="is gone"):
        run(TWICE, small_ones, tmp_path / "out", retry_failed=True)


def test_results_that_were_changed_or_lost_are_found_by_their_hashes(photos, tmp_path):
    out = tmp_path / "out"
    recipe = ie.Recipe([], outputs=[{"name": "{stem}.png"}, {"name": "small/{stem}.tif", "metadata": False}])
    report = run(recipe, photos, out)
    for row in report:
        assert row.digests == [hashlib.sha256((out / name).read_bytes()).hexdigest()[:32] for name, _ in row.outputs]
    fractions = []
    assert {found.state for found in batch.verify(out, progress=fractions.append)} == {"whole"}
    assert fractions == [1 / 3, 2 / 3, 1]
    data = bytearray((out / "a.png").read_bytes())
    data[50] ^= 1  # the size stays
    (out / "a.png").write_bytes(data)
    (out / "small" / "b.tif").unlink()
    (out / "c.png").unlink()
    (out / "c.png").mkdir()
    found = {one.output: one.state for one in batch.verify(out) if one.state != "whole"}
    assert found == {"a.png": "changed", "small/b.tif": "missing", "c.png": "unreadable"}
    (out / "c.png").rmdir()
    (out / "a.png").unlink()
    assert run(recipe, photos, out).count("done") == 3
    assert {found.state for found in batch.verify(out)} == {"whole"}


def test_a_record_without_hashes_knows_sizes(photos, tmp_path):
    run(HALF, photos, tmp_path / "out")
    manifest = tmp_path / "out" / ".imgedit" / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    manifest.write_text("".join(json.dumps({k: v for k, v in row.items() if k != "digests"}) + "\n" for row in rows))
    assert [found.state for found in batch.verify(tmp_path / "out")] == ["whole"] * 3
    with open(tmp_path / "out" / "a.png", "ab") as file:
        file.write(b"more")
    assert [found.state for found in batch.verify(tmp_path / "out")].count("changed") == 1


def test_what_no_batch_wrote_to_can_not_be_verified(photos, tmp_path):
    for place, given in ((photos, {}), (tmp_path / "nowhere", {}), (photos, {"state": tmp_path})):
        with pytest.raises(ie.errors.ArgumentError, match=r"output is .*, of which no record of a batch is known"):
            next(batch.verify(place, **given))


@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_while_a_run_sweeps_leaves_neither_lock_nor_temporary_files(photos, tmp_path, monkeypatch, count):
    from imgedit.batch import record

    real, interruptions = record.shutil.rmtree, [KeyboardInterrupt] * count

    def interrupted(folder, **options):
        if Path(folder).is_dir() and any(Path(folder).iterdir()) and interruptions:
            raise interruptions.pop()
        real(folder, **options)

    monkeypatch.setattr(record.shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(HALF, photos, tmp_path / "out")
    assert kept(tmp_path / "out" / ".imgedit") == STATE
    assert run(HALF, photos, tmp_path / "out").count("skipped") == 3


@pytest.mark.parametrize("writing", ["os.replace", "write_pages"])
def test_ctrl_c_while_a_run_writes_its_report_leaves_a_whole_one(photos, tmp_path, monkeypatch, writing):
    place, name = (os, "replace") if writing == "os.replace" else (batch, "write_pages")
    real, interruptions = getattr(place, name), [KeyboardInterrupt]

    def interrupted(first, *rest, **options):
        if interruptions and (place is batch or Path(rest[0]).name == "report.jsonl"):
            raise interruptions.pop()
        return real(first, *rest, **options)

    monkeypatch.setattr(place, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(HALF, photos, tmp_path / "out")
    state = tmp_path / "out" / ".imgedit"
    assert kept(state) == STATE
    rows = [json.loads(line) for line in (state / "report.jsonl").read_text().splitlines()]
    assert [row["state"] for row in rows] == ["done"] * 3


def test_the_next_run_sweeps_what_a_killed_one_was_writing_its_report_to(photos, tmp_path, monkeypatch):
    written, real = [], os.replace

    def noted(source, target):
        written.append(Path(source))
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", noted)
        run(HALF, photos, tmp_path / "out")
    torn = [path for path in written if path.parent.name == ".imgedit"]
    assert {path.name.partition("-")[0] for path in torn} == {".report", ".report.html"}
    for path in torn:
        path.write_bytes(b"torn")
    run(HALF, photos, tmp_path / "out")
    assert kept(tmp_path / "out" / ".imgedit") == STATE


def test_a_worker_that_writes_while_a_run_sweeps_leaves_nothing(photos, tmp_path, monkeypatch):
    from imgedit.batch import record

    real, late = os.rmdir, ["a", "b"]

    def raced(path, **options):
        if late and len(Path(path).name) == 16:  # the scratch folder of this run
            (tmp_path / "out" / ".imgedit" / "tmp" / Path(path).name / late.pop()).touch()
        real(path, **options)

    monkeypatch.setattr(record.shutil.os, "rmdir", raced)
    run(HALF, photos, tmp_path / "out")
    assert not late
    assert kept(tmp_path / "out" / ".imgedit") == STATE
