"""What a terminal shows of a batch, and that a pipe gets nothing of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from pictures import photo

import imgedit as ie
from imgedit.batch import Report, Row, Tally
from imgedit.cli import console


def counted(*states, total=10, **given):
    tally = Tally(total, workers=2, **given)
    for state in states:
        tally = tally.plus(Row("a", "a", state, pixels=12_000_000))
    return tally


def test_a_tally_counts_what_this_run_did_and_what_earlier_ones_did():
    tally = counted("done", "done", "failed", skipped=4, failed=1, standing=1)
    assert (tally.done, tally.failed, tally.skipped) == (2, 2, 4)
    assert (tally.settled, tally.worked) == (8, 3)
    assert tally.pixels == 24_000_000


def test_a_pace_tells_files_pixels_time_left_failures_and_workers():
    pace = console.Pace(counted("done", "done", "failed", skipped=4, failed=1, standing=1), 1.5)
    assert (pace.files, pace.megapixels, pace.left) == (2.0, 16.0, 1.0)
    assert str(pace) == "2.0 files/s, 16.0 MP/s, 1.0 s left, 2 failed, 2 workers"
    assert str(console.Pace(counted(), 0.0)) == "0.0 files/s, 0.0 MP/s, 0 failed, 2 workers"
    assert console.Pace(counted("done", total=1), 3.0).left == 0
    assert console.Pace(counted("done", total=10_000), 1.0).left == 9999
    assert "2:46:39 left" in str(console.Pace(counted("done", total=10_000), 1.0))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(3):
        ie.write(tmp_path / "in" / f"{number}.jpg", photo(seed=number))
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no image")
    (tmp_path / "r.toml").write_text("[[steps]]\nop = 'resize'\nscale = 0.5\n")
    return tmp_path


COMMAND = [sys.executable, "-m", "imgedit", "batch", "r.toml", "in", "-o", "out", "--engine", "serial"]


def in_a_terminal(folder, command, columns=160):
    """Run a command whose three streams are a terminal; what it wrote there, and its exit code."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    surroundings = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "40"}
    process = subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=surroundings)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # how Linux tells that the other end is closed
        pass
    os.close(ours)
    return shown.decode(), process.wait()


def test_a_terminal_shows_the_pace_and_a_table_at_the_end(folder):
    shown, code = in_a_terminal(folder, COMMAND)
    assert code == 3
    for part in ("4/4", "files/s", "MP/s", "1 failed", "1 worker"):
        assert part in shown
    table = shown[shown.rindex("imgedit: ") :]
    for part in ("done", "failed", "NotAnImageError", "time", "report  "):
        assert part in table


def test_a_pipe_gets_one_line_and_nothing_on_standard_error_but_failures(folder):
    found = subprocess.run(COMMAND, cwd=folder, capture_output=True, text=True)
    assert found.returncode == 3
    assert found.stdout.startswith("3 done, 1 failed in ")
    assert found.stdout.count("\n") == 1
    assert found.stderr.count("\n") == 1
    assert "bad.jpg" in found.stderr


def test_results_go_to_a_pipe_while_a_terminal_shows_the_bar(folder):
    shell = f"{' '.join(COMMAND)} --json > told.json"
    shown, code = in_a_terminal(folder, ["sh", "-c", shell])
    assert code == 3
    assert "files/s" in shown
    told = json.loads((folder / "told.json").read_text())
    assert (told["done"], told["failed"], told["skipped"]) == (3, 1, 0)
    assert told["page"].endswith("report.html")
    assert "NotAnImageError" in told["failures"][0]["error"]


def report_of(rows, tmp_path):
    file = tmp_path / "report.jsonl"
    file.write_bytes(b"".join(row.line() for row in rows))
    states = [row.state for row in rows]
    return Report({state: states.count(state) for state in ("done", "failed", "skipped", "pending")}, file, 1.5)


def test_of_many_failures_the_first_are_told_and_none_steers_the_terminal(tmp_path, capsys):
    rows = [Row(f"/in/{n}\x1b[2J.jpg", f"{n}.jpg", "failed", "EmptyFileError", "is empty") for n in range(25)]
    console.print_failures(report_of(rows, tmp_path))
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 21
    assert told[0] == "imgedit: /in/0\\x1b[2J.jpg: is empty"
    assert told[-1] == f"imgedit: and 5 more; {tmp_path / 'report.html'} has them all"
