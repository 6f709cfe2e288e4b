"""Folders that are watched: what arrives is done once it is whole, and only then. No test waits: the clock is told."""

from __future__ import annotations

import os
import threading

import pytest
from pictures import photo

import imgedit as ie
from imgedit import batch
from imgedit.batch import watching
from imgedit.errors import ArgumentError

HALF = ie.Recipe([ie.Step("resize", scale=0.5)], output={"format": "png"})


class Story:
    """An event to stop by whose waits take no time: each lets the next thing happen, the last one sets it."""

    def __init__(self, *happenings) -> None:
        self.now = 0.0
        self._happenings = list(happenings)
        self._stopped = False

    def is_set(self):
        return self._stopped

    def wait(self, seconds):
        self.now += seconds
        if not self._happenings:
            self._stopped = True
        else:
            self._happenings.pop(0)()


@pytest.fixture
def told(monkeypatch):
    """Make the watch live by the clock of a story."""

    def begin(*happenings):
        story = Story(*happenings)
        monkeypatch.setattr(watching, "monotonic", lambda: story.now)
        return story

    return begin


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def nothing():
    pass


def watched(inbox, output, story, **options):
    given = {"engine": "serial", "settle": 2.0, "stop": story, **options}
    return [dict(report.counts) for report in batch.watch(HALF, inbox, output, **given)]


def test_a_file_is_whole_when_it_has_not_changed_for_a_while():
    settling = watching.Settling(2)
    assert settling.whole({"a": (5, 1)}, 0) == {}
    assert settling.whole({"a": (9, 2), "b": (7, 1)}, 1) == {}
    assert settling.whole({"a": (9, 2), "b": (7, 1)}, 2.9) == {}
    assert settling.whole({"a": (9, 3), "b": (7, 1), "empty": (0, 1)}, 3) == {"b": (7, 1)}
    assert settling.whole({"a": (9, 3), "empty": (0, 1)}, 9) == {"a": (9, 3)}
    assert settling.whole({"b": (7, 1)}, 10) == {}  # it was gone, and may be another


def test_what_is_there_and_what_arrives_is_done_once(inbox, tmp_path, told):
    ie.write(inbox / "a.jpg", photo(seed=1))
    data = (inbox / "a.jpg").read_bytes()
    late, renamed = inbox / "deep" / "late.jpg", inbox / "renamed.jpg"

    def first_half():
        late.parent.mkdir()
        late.write_bytes(data[:100])
        (inbox / ".upload").write_bytes(data)

    def second_half():
        assert not (tmp_path / "out" / "deep").exists()
        late.write_bytes(data)
        (inbox / ".upload").rename(renamed)

    story = told(nothing, nothing, first_half, nothing, second_half, nothing, nothing, nothing)
    counts = watched(inbox, tmp_path / "out", story)
    assert [(c["done"], c["skipped"], c["failed"]) for c in counts] == [(1, 0, 0), (2, 1, 0)]
    assert (tmp_path / "out" / "deep" / "late.png").exists()
    assert (tmp_path / "out" / "renamed.png").exists()


def test_a_file_that_was_taken_too_early_is_done_again(inbox, tmp_path, told):
    ie.write(inbox / "a.jpg", photo(seed=1))
    data = (inbox / "a.jpg").read_bytes()
    (inbox / "a.jpg").write_bytes(data[:200])
    story = told(nothing, nothing, lambda: (inbox / "a.jpg").write_bytes(data), nothing, nothing)
    counts = watched(inbox, tmp_path / "out", story)
    assert [(c["done"], c["failed"]) for c in counts] == [(0, 1), (1, 0)]


def test_a_recipe_of_a_file_takes_variables(inbox, tmp_path, told):
    ie.write(inbox / "a.jpg", photo(seed=1))
    (tmp_path / "r.toml").write_text("[variables]\nwidth = 20\n[[steps]]\nop = 'resize'\nwidth = '${width}'\n")
    story = told(nothing, nothing, lambda: ie.write(inbox / "b.jpg", photo(seed=2)), nothing, nothing)
    given = {"engine": "serial", "stop": story, "variables": {"width": 30}}
    assert len(list(batch.watch(tmp_path / "r.toml", inbox, tmp_path / "out", **given))) == 2
    assert [ie.read(tmp_path / "out" / name).shape[1] for name in ("a.jpg", "b.jpg")] == [30, 30]


def test_content_is_compared_at_the_beginning_only(inbox, tmp_path, told, monkeypatch):
    done, run = [], batch.run

    def noted(*arguments, **options):
        done.append(options["compare"])
        return run(*arguments, **options)

    monkeypatch.setattr(batch, "run", noted)
    ie.write(inbox / "a.jpg", photo(seed=1))
    story = told(nothing, nothing, lambda: ie.write(inbox / "late.jpg", photo(seed=2)), nothing, nothing, nothing)
    assert len(watched(inbox, tmp_path / "out", story, compare="content")) == 2
    assert done == ["content", "time"]


def test_results_below_the_folder_are_no_inputs(inbox, tmp_path, told):
    ie.write(inbox / "a.jpg", photo(seed=1))
    counts = watched(inbox, inbox / "out", told(*[nothing] * 8))
    assert [c["done"] for c in counts] == [1]
    assert not (inbox / "out" / "out").exists()


def test_a_second_watch_goes_on_where_the_first_one_ended(inbox, tmp_path, told):
    ie.write(inbox / "a.jpg", photo(seed=1))
    watched(inbox, tmp_path / "out", told(nothing, nothing))
    ie.write(inbox / "b.jpg", photo(seed=2))
    counts = watched(inbox, tmp_path / "out", told(nothing, nothing))
    assert [(c["done"], c["skipped"]) for c in counts] == [(1, 1)]
    forced = watched(inbox, tmp_path / "out", told(nothing, nothing, nothing, nothing), resume=False)
    assert [(c["done"], c["skipped"]) for c in forced] == [(2, 0)]


def test_files_that_go_away_do_not_end_the_watch(inbox, tmp_path, told):
    ie.write(inbox / "a.jpg", photo(seed=1))
    ie.write(inbox / "b.jpg", photo(seed=2))

    def leave():
        (inbox / "a.jpg").unlink()
        (inbox / "b.jpg").rename(inbox / "c.jpg")

    counts = watched(inbox, tmp_path / "out", told(nothing, nothing, leave, nothing, nothing, nothing))
    assert [(c["done"], c["skipped"]) for c in counts] == [(2, 0), (1, 0)]


def test_a_file_that_goes_before_its_turn_ends_nothing(inbox, tmp_path, told, monkeypatch):
    ie.write(inbox / "a.jpg", photo(seed=1))
    look = watching.Settling.whole

    def gone_after(self, found, now):
        whole = look(self, found, now)
        if whole:
            (inbox / "a.jpg").unlink()
        return whole

    monkeypatch.setattr(watching.Settling, "whole", gone_after)
    counts = watched(inbox, tmp_path / "out", told(*[nothing] * 4))
    assert [sum(c.values()) for c in counts] == [0]


def test_ctrl_c_while_nothing_is_in_work_ends_the_watch(inbox, tmp_path, told):
    ie.write(inbox / "a.jpg", photo(seed=1))

    def interrupt():
        raise KeyboardInterrupt

    assert len(watched(inbox, tmp_path / "out", told(nothing, nothing, interrupt, nothing))) == 1


def test_ctrl_c_in_the_midst_of_files_interrupts_the_run(inbox, tmp_path, told):
    ie.write(inbox / "a.jpg", photo(seed=1))
    ie.write(inbox / "b.jpg", photo(seed=1))

    def interrupt(fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watched(inbox, tmp_path / "out", told(nothing, nothing, nothing), progress=interrupt)
    counts = watched(inbox, tmp_path / "out", told(nothing, nothing, nothing))
    assert [(c["done"], c["skipped"]) for c in counts] == [(1, 1)]


def test_one_engine_serves_all_rounds_and_ends_with_the_watch(inbox, tmp_path, told):
    ie.write(inbox / "a.jpg", photo(seed=1))
    story = told(nothing, nothing, lambda: ie.write(inbox / "b.jpg", photo(seed=2)), nothing, nothing)
    counts = watched(inbox, tmp_path / "out", story, engine="local", workers=1)
    assert [c["done"] for c in counts] == [1, 1]
    assert [thread for thread in threading.enumerate() if thread.name.startswith("worker")] == []


@pytest.mark.parametrize("given", ["s3://bucket/inbox", "photo.jpg", "*.jpg", "@list.txt"])
def test_what_can_not_be_watched_is_told(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(ArgumentError, match="no local folder"):
        next(batch.watch(HALF, given, "out"))
    assert os.listdir(tmp_path) == ["photo.jpg"]
