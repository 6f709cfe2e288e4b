"""Faults for batches, each injected at a random moment of a real run, and what must hold after every one of them.

`test_faults.py` runs a seeded share of them; ``python -m benchmarks.reliability`` repeats all of them and writes the
counts to ``docs/reliability.md``. The runs are those of the command line, in processes of their own.

What must hold, by the names of the design: every input has one final state (I1); a name in the output is a whole file,
and the one that the manifest tells (I2); an earlier output survives until its successor is whole (I3); inputs stay as
they are (I4); going on redoes at most one file for each place in the engine's hands, ends byte for byte like a run that
nothing disturbed, and leaves no temporary file (I5); the exit code is the one of the manual (I6). Besides, no process
is left behind.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import ctypes
import errno
import functools
import hashlib
import http.client
import http.server
import json
import logging
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import forks
import numpy as np
from pictures import photo

import imgedit as ie
from imgedit.batch.working import Task

PHOTOS = 14
RECIPE = '[[steps]]\nop = "resize"\nscale = 2.0\n[[steps]]\nop = "blur"\nradius = 2\n[output]\nformat = "png"\n'

# Seconds within which a run on a busy machine of two cores must have come to its end.
PATIENCE = 240.0

# Seconds that processes have to leave after the end of their run.
LEAVE = 5.0

# What a run leaves in its state folder.
STATE = {"manifest.jsonl", "report.html", "report.jsonl", "thumbnails.bin"}

# Variables of a run's environment: which trial it belongs to, the file whose being there makes the output read-only,
# and the bytes that a file may have at most.
MARK, READ_ONLY, LONGEST = "IMGEDIT_FAULT_TRIAL", "IMGEDIT_FAULT_READ_ONLY", "IMGEDIT_FAULT_LONGEST"

# Stands before the C library, and sets the clock of a process by as many seconds as a file says. What measures spans of
# time goes on as it is, and no file has another time because of it, as in the kernel. Not libfaketime, whose sleep
# gives EINVAL to Python 3.11.
CLOCK = """
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, id, now);
    char text[32] = "";
    int file = id == CLOCK_REALTIME ? open(getenv("IMGEDIT_CLOCK"), O_RDONLY) : -1;
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
        close(file);
    }
    return failed;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *out, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


# In the processes of a run.


class Faulty(Task):
    """A task that does to its worker what the name of the photo says."""

    def __call__(self, job, is_pictured):
        time.sleep(0.02)
        if poison := re.search(r"-([a-z]+)\.", job.photo):
            POISONS.get(poison[1], lambda: None)()
        return super().__call__(job, is_pictured)

    def _edited(self, job, data, before, digest, sketch):
        if "-raises" in job.photo:
            raise ValueError("poison")
        if "-memory" in job.photo:
            hold = [np.ones(2**24) for _ in range(64)]  # 8 GiB, each page touched
            raise AssertionError(f"{len(hold)} blocks of memory that the limit should have kept away")
        return super()._edited(job, data, before, digest, sketch)

    def _put(self, name, result):
        flag = os.environ.get(READ_ONLY)
        if flag and os.path.exists(flag):
            from imgedit.batch.working import OutputError

            raise OutputError(str(OSError(errno.EROFS, os.strerror(errno.EROFS))))
        return super()._put(name, result)


def _endless():
    os.nice(19)  # it need not take from others what they do meanwhile
    while True:
        pass


POISONS: dict[str, Callable[[], object]] = {
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "endless": _endless,
    # Within one call of C code, in which no other thread of Python gets its turn.
    "stuck": lambda: ctypes.PyDLL(None).pause(),
}


def command() -> None:
    """Run the command line with tasks that can be poisoned."""
    import resource

    import imgedit.batch
    from imgedit.__main__ import main

    imgedit.batch.Task = Faulty
    if longest := os.environ.get(LONGEST):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(longest), resource.RLIM_INFINITY))
    main()


# Around a run.

# Whether runs and workers are forked from a process that has imported everything, instead of started.
is_forked = False


def start_nurseries() -> None:
    """Start what this process and those that it forks share."""
    nursery(None)
    if FAULTS["clock jumps by an hour or a day, either way"].is_possible:
        nursery(_clock_library())


@functools.cache
def nursery(library: str | None) -> forks.Nursery:
    """Start what forks the runs: once, and once more with a library that stands before the C library."""
    return forks.Nursery.started(**({"LD_PRELOAD": library} if library else {}))


@dataclass
class Trial:
    """One run to disturb: photos, an output with earlier results in it, and what is to come of them."""

    place: Path
    engine: str
    seed: int
    names: tuple[str, ...] = ()
    log: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.random = random.Random(self.seed)
        self.token = secrets.token_hex(8)
        self.photos, self.out, self.state = self.place / "photos", self.place / "out", self.place / "out" / ".imgedit"
        self.recipe = self.place / "recipe.toml"
        self.photos.mkdir(parents=True)
        self.out.mkdir(exist_ok=True)
        self.recipe.write_text(RECIPE)
        names = [*self.names, *("" for _ in range(PHOTOS - len(self.names)))]
        self.random.shuffle(names)
        self.sources = {}
        for number, name in enumerate(names):
            size = self.random.randrange(60, 120), self.random.randrange(60, 120)
            path = self.photos / f"{number:02}{name and '-'}{name}.png"
            ie.write(path, photo(size=size, seed=1000 * self.seed + number))
            self.sources[path] = path.read_bytes()
        self.old = {}
        for path in self.random.sample(sorted(self.sources), 3):
            self.old[path.name] = ie.io.encode(photo(seed=7), "png")
            (self.out / path.name).write_bytes(self.old[path.name])
        self._made: dict[tuple[Path, bytes], bytes] = {}
        self._runs: set[int] = set()
        began = time.monotonic()
        self.wanted()
        self.pace = time.monotonic() - began

    def within(self, seconds: float) -> float:
        """Give a deadline that this machine can keep, as busy as it is: three times what all photos took it."""
        return max(seconds, 3 * self.pace)

    def wanted(self) -> dict[str, bytes]:
        """Give the results of a run that nothing disturbs."""
        recipe = ie.Recipe.from_toml(self.recipe)
        for path, data in self.sources.items():
            if (path, data) not in self._made:
                ((_, result),) = recipe.render(data, ie.recipes.photos.Photo(str(path), path.name))
                self._made[path, data] = result
        return {path.name: self._made[path, data] for path, data in self.sources.items()}

    @property
    def hands(self) -> int:
        """Files that may be in the hands of the engine."""
        return {"serial": 1, "local": 2, "pairs": 2, "dask": 4}[self.engine]

    def start(
        self, *options: str, engine: str = "", inputs: str = "", output: str = "", **surroundings: str
    ) -> subprocess.Popen | forks.ForkedRun:
        """Begin a run, deaf to whatever is done to this process."""
        engine = engine or self.engine
        if engine == "pairs":
            engine, options = "local", ("--workers", "1", "--per-worker", "2", *options)
        elif engine != "serial":
            options = ("--workers", "2", *options)
        places = [inputs or str(self.photos), "-o", output or str(self.out)]
        arguments = ["batch", str(self.recipe), *places, "--engine", engine]
        path = os.pathsep.join([str(Path(__file__).parent), str(Path(ie.__file__).parents[1])])
        words = [*arguments, *options]
        environment = {**os.environ, "PYTHONPATH": path, MARK: self.token, **surroundings}
        run: subprocess.Popen | forks.ForkedRun
        if is_forked:
            run = forks.ForkedRun(nursery(surroundings.get("LD_PRELOAD")), words, environment)
        else:
            run = subprocess.Popen(
                [sys.executable, "-c", "import faults; faults.command()", *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
                env=environment,
            )
        self._runs.add(run.pid)
        return run

    def end(self, run: subprocess.Popen, *codes: int, within: float = PATIENCE) -> str:
        """Wait for the end of a run, and see that its exit code is one of those (I6) and no process is left."""
        try:
            told = run.communicate(timeout=within)[0]
        except subprocess.TimeoutExpired:
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"still running after {within} s") from None
        assert run.returncode in codes, f"exit code {run.returncode}, not {codes}: {told}"
        self.wait(lambda: not self.processes(), self.within(LEAVE), "processes are left behind")
        return told

    def wait(self, holds: Callable[[], object], seconds: float, what: str, *, every: float = 0.05) -> None:
        """Wait until something holds."""
        limit = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < limit, what
            time.sleep(every)

    def processes(self) -> list[int]:
        """List the processes of this trial's runs: by their session, or a mark in the environment that they got."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self._is_ours(entry):
                    found.append(int(entry.name))
            except OSError:
                pass  # it has just ended, or is not ours
        return found

    def _is_ours(self, entry: Path) -> bool:
        state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
        return state != "Z" and (int(session) in self._runs or self.token.encode() in (entry / "environ").read_bytes())

    def workers(self, run: subprocess.Popen) -> list[int]:
        """List the processes of a run that do work."""
        return [pid for pid in self.processes() if pid != run.pid and _is_worker(pid)]

    def rows(self, file: str = "report.jsonl") -> list[dict]:
        """Read the lines of the report or the manifest."""
        return read_rows(self.state / file)

    def moment(self, run: subprocess.Popen, most: int = PHOTOS - 4) -> None:
        """Wait for a random moment: some files are done, and a little longer."""
        before = len(self.rows("manifest.jsonl"))
        count, pause = self.random.randrange(most), self.random.uniform(0, 0.2)
        self.log.append(f"after {count} files and {pause:.3f} s")
        self.wait(
            lambda: len(self.rows("manifest.jsonl")) - before >= count or run.poll() is not None,
            PATIENCE,
            "no progress",
        )
        time.sleep(pause)

    def check(self, *, is_reported: bool = True) -> None:
        """Check what must hold after any run, whole or not."""
        for path, data in self.sources.items():
            assert path.read_bytes() == data, f"I4: {path.name} has changed"
        wanted = self.wanted()
        for path in self.out.iterdir():
            if path.is_file():
                allowed = {self.old.get(path.name), wanted.get(path.name)} - {None}
                assert path.read_bytes() in allowed, f"I2: {path.name} is neither the old nor the new file"
        for name in self.old:
            assert (self.out / name).is_file(), f"I3: {name} is gone"
        for row in self.rows("manifest.jsonl"):
            if row["state"] == "done" and Path(row["input"]) in self.sources:
                assert (self.out / row["output"]).is_file(), f"I2: {row['output']} is in the manifest only"
        if is_reported:
            rows = self.rows()
            assert [row["input"] for row in rows] == sorted(map(str, self.sources)), "I1: not one row for each input"
            assert {row["state"] for row in rows} <= {"done", "skipped", "failed", "pending"}, "I1"
            assert not self.leftovers(), f"left behind: {self.leftovers()}"

    def leftovers(self) -> list[str]:
        """List what a run should have swept away."""
        found = [path.name for path in self.state.iterdir() if path.name not in STATE]
        return found + [path.name for path in self.out.rglob(".imgedit-*")]

    def go_on(self, *options: str, failed: int = 0, engine: str = "") -> None:
        """Go on with the run, and check that little is done twice and that it ends as if nothing had happened (I5).

        It need not be the same engine that goes on.
        """
        engine = engine or self.random.choice([self.engine, "serial", "serial"])
        wanted = self.wanted()
        standing = {name for name, data in wanted.items() if self._stands(name, data)}
        self.end(self.start(*options, engine=engine), 3 if failed else 0)
        self.check()
        rows = self.rows()
        assert Counter(row["state"] for row in rows)["failed"] == failed, "I5: more failed"
        again = [row["output"] for row in rows if row["state"] == "done" and row["output"] in standing]
        assert len(again) <= self.hands, f"I5: done twice: {again}"
        for row in rows:
            if row["state"] != "failed":
                assert (self.out / row["output"]).read_bytes() == wanted[row["output"]], f"I5: {row['output']} differs"

    def _stands(self, name: str, data: bytes) -> bool:
        path = self.out / name
        return path.is_file() and path.read_bytes() == data


def read_rows(file: Path) -> list[dict]:
    """Read lines of JSON; none where there is no file, and none that is torn."""
    found = []
    try:
        lines = file.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    for line in lines:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def _is_worker(pid: int) -> bool:
    return forks.is_forked_worker(pid) or any(word in _words(pid) for word in (b"engines.child", b"spawn_main"))


def _words(pid: int) -> bytes:
    """The command line of a process; empty for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


# The faults. Each takes a trial that has not begun, and raises AssertionError.


def worker_killed(trial: Trial) -> None:
    """A worker is killed once or twice; the run does not notice but for a file that is done again."""
    run = trial.start()
    for _ in range(trial.random.randrange(1, 3)):
        trial.moment(run)
        if workers := trial.workers(run):
            os.kill(trial.random.choice(workers), signal.SIGKILL)
    trial.end(run, 0)
    trial.check()
    assert {row["state"] for row in trial.rows()} == {"done"}
    trial.go_on()


def parent_killed(trial: Trial) -> None:
    """The run itself is killed: its workers go, and the next run goes on."""
    run = trial.start()
    trial.moment(run)
    run.kill()
    trial.end(run, -signal.SIGKILL, 0)
    trial.check(is_reported=False)
    trial.go_on()


def interrupted(trial: Trial) -> None:
    """Ctrl-C, as a terminal sends it to all processes."""
    _interrupt(trial, [signal.SIGINT], 4, 0)
    trial.check()
    trial.go_on()


def interrupted_twice(trial: Trial) -> None:
    """Ctrl-C, and once more while the run is ending; it may have no time for a report."""
    _interrupt(trial, [signal.SIGINT, signal.SIGINT], 4, 0, -signal.SIGINT, 130)
    trial.check(is_reported=False)
    trial.go_on()


def terminated(trial: Trial) -> None:
    """The system asks the run to end."""
    _interrupt(trial, [signal.SIGTERM], 4, 0, -signal.SIGTERM)
    trial.check(is_reported=trial.log[-1] != "too early")
    trial.go_on()


def terminated_late(trial: Trial) -> None:
    """The system asks a run to end that has written its report and sweeps."""
    run = trial.start()
    report = trial.state / "report.html"
    trial.wait(lambda: report.exists() or run.poll() is not None, PATIENCE, "no report", every=0.0005)
    time.sleep(trial.random.uniform(0, 0.004))
    run.terminate()
    trial.end(run, 4, 0, -signal.SIGTERM)
    trial.check()
    trial.go_on()


def _interrupt(trial: Trial, signals: list[int], *codes: int) -> None:
    run = trial.start()
    trial.wait(lambda: (trial.state / "manifest.jsonl").exists() or run.poll() is not None, PATIENCE, "no start")
    trial.moment(run)
    if trial.engine == "dask" and signals == [signal.SIGTERM]:
        os.kill(run.pid, signal.SIGTERM)
    else:
        for one in signals:
            if run.poll() is None:
                os.killpg(run.pid, one)
            time.sleep(trial.random.uniform(0, 0.3))
    trial.end(run, *codes, within=PATIENCE)


def poisoned(trial: Trial) -> None:
    """A photo that crashes, aborts, kills, loops or raises costs itself and no other."""
    told = trial.end(trial.start("--timeout", f"{trial.within(2):.1f}"), 3)
    trial.check()
    bad = {row["input"]: row for row in trial.rows() if row["state"] == "failed"}
    assert len(bad) == len(trial.names), f"{len(bad)} failed: {told}"
    for source, row in bad.items():
        assert re.search(r"-([a-z]+)\.", source), f"{source} failed for another's fault: {row['problem']}"
        assert row["problem"], "a failure without a cause"
    trial.go_on(failed=len(trial.names))


def memory_eaten(trial: Trial) -> None:
    """A photo that takes more memory than its worker may."""
    trial.end(trial.start("--memory", "640MiB"), 3)
    trial.check()
    failed = [row for row in trial.rows() if row["state"] == "failed"]
    assert [row["error"] for row in failed] == ["MemoryError"], failed
    trial.go_on(failed=1)


def disk_full(trial: Trial) -> None:
    """The disk of the output is full: a small file system that grows afterwards."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(trial.out)], check=True)
    try:
        for name, data in trial.old.items():
            (trial.out / name).write_bytes(data)
        trial.end(trial.start(), 5)
        trial.check(is_reported=False)
        subprocess.run(["mount", "-o", "remount,size=64m", str(trial.out)], check=True)
        trial.go_on()
    finally:
        subprocess.run(["umount", "-l", str(trial.out)], check=True)


def file_limit(trial: Trial) -> None:
    """A file may not grow beyond a limit, as with a quota."""
    sizes = sorted(map(len, trial.wanted().values()))
    limit = sizes[trial.random.randrange(2, len(sizes) - 2)]
    trial.end(trial.start(**{LONGEST: str(limit)}), 5)
    trial.check(is_reported=False)
    trial.go_on()


def read_only(trial: Trial) -> None:
    """The output becomes read-only."""
    flag = trial.place / "read-only"
    run = trial.start(**{READ_ONLY: str(flag)})
    trial.moment(run)
    flag.touch()
    trial.end(run, 5, 0)
    trial.check()
    trial.go_on()


def two_runs(trial: Trial) -> None:
    """A second run on the same output is refused, and the first one does not notice."""
    first = trial.start()
    trial.wait(lambda: (trial.state / "lock").exists(), PATIENCE, "no lock")
    trial.moment(first, PHOTOS // 2)
    # A little earlier than that the second one would be a run that finds all done.
    refused = trial.start(engine="serial")
    told = refused.communicate(timeout=PATIENCE)[0]
    _refused(refused.returncode, told)
    trial.end(first, 0)
    trial.check()
    trial.go_on()


def _refused(code: int, told: str) -> None:
    """See that a second run was refused, or that nothing was left for it: the first one had let go of its lock."""
    if code == 0:
        assert f"0 done, {PHOTOS} skipped" in told, told
    else:
        assert code == 5, told
        assert "works on this output" in told, told


def torn_manifest(trial: Trial) -> None:
    """The manifest ends in the middle of a line, as after a loss of power."""
    trial.end(trial.start(), 0)
    manifest = trial.state / "manifest.jsonl"
    data = manifest.read_bytes()
    cut = trial.random.randrange(len(data))
    manifest.write_bytes(data[:cut])
    trial.log.append(f"cut at {cut} of {len(data)} bytes")
    kept = data[:cut].count(b"\n")
    trial.end(trial.start(), 0)
    trial.check()
    assert Counter(row["state"] for row in trial.rows()) == Counter(
        {name: count for name, count in (("skipped", kept), ("done", PHOTOS - kept)) if count}
    )


def input_changed(trial: Trial) -> None:
    """A photo is replaced by another one while the run goes on."""
    run = trial.start()
    trial.moment(run)
    path = trial.random.choice(sorted(trial.sources))
    before = dict(trial.sources)
    trial.sources[path] = ie.io.encode(photo(size=(50, 70), seed=trial.seed + 99), "png")
    path.write_bytes(trial.sources[path])
    trial.end(run, 0, 3)
    now, then = trial.wanted(), _wanted_of(trial, before)
    for row in trial.rows():
        allowed = {now[row["output"]], then[row["output"]], trial.old.get(row["output"])}
        target = trial.out / row["output"]
        assert not target.exists() or target.read_bytes() in allowed, f"I2: {row['output']}"
    trial.end(trial.start("--retry-failed"), 0)
    trial.check()
    trial.go_on()


def _wanted_of(trial: Trial, sources: dict[Path, bytes]) -> dict[str, bytes]:
    now, trial.sources = trial.sources, sources
    try:
        return trial.wanted()
    finally:
        trial.sources = now


def scheduler_lost(trial: Trial) -> None:
    """The scheduler of a cluster is killed, or falls silent as behind a broken network."""
    scheduler, workers, address = _cluster(trial)
    try:
        run = trial.start("--address", address)
        trial.moment(run)
        how = trial.random.choice([signal.SIGKILL, signal.SIGSTOP])
        trial.log.append(signal.Signals(how).name)
        os.kill(scheduler.pid, how)
        told = run.communicate(timeout=PATIENCE)[0]
        assert run.returncode in (5, 0), told
        assert run.returncode == 0 or "Dask" in told, told
    finally:
        for process in (scheduler, *workers):
            process.kill()
            process.wait()
    trial.wait(lambda: not trial.processes(), trial.within(2 * LEAVE), "processes are left behind")
    # A run that finds no scheduler is refused before its first file, and leaves no record.
    has_begun = trial.state.exists()
    assert has_begun or run.returncode == 5, told
    trial.check(is_reported=has_begun)
    trial.go_on(engine="local")


def dask_worker_killed(trial: Trial) -> None:
    """A worker of a cluster is killed; its nanny starts another one."""
    scheduler, workers, address = _cluster(trial)
    try:
        run = trial.start("--address", address)
        trial.moment(run)
        if victims := [pid for pid in trial.workers(run) if b"spawn_main" in _words(pid)]:
            os.kill(trial.random.choice(victims), signal.SIGKILL)
        told = run.communicate(timeout=PATIENCE)[0]
        assert run.returncode == 0, told
    finally:
        for process in (*workers, scheduler):  # a worker that is asked to end waits for its scheduler
            process.kill()
            process.wait()
    trial.wait(lambda: not trial.processes(), trial.within(2 * LEAVE), "processes are left behind")
    trial.check()
    assert {row["state"] for row in trial.rows()} == {"done"}
    trial.go_on(engine="serial")


def _cluster(trial: Trial) -> tuple[subprocess.Popen, list[subprocess.Popen], str]:
    """Start a scheduler and two workers in processes of their own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(ie.__file__).parents[1])])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": trial.place}
    quiet["env"] = {**os.environ, "PYTHONPATH": path, MARK: trial.token}
    python = [sys.executable, "-m"]
    scheduler = subprocess.Popen(
        [*python, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"],
        **quiet,
    )
    worker = [*python, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    workers = [subprocess.Popen([*worker, "--nworkers", "1"], **quiet) for _ in range(2)]
    import distributed

    with distributed.Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    return scheduler, workers, address


def stumbling_store(trial: Trial) -> None:
    """A server of photos that refuses, fails, breaks off, dawdles, sends too little or no photo, now and then."""
    with Stumbling(trial) as server:
        listing = trial.place / "list.txt"
        listing.write_text("".join(f"{server.address}/{path.name}\n" for path in sorted(trial.sources)))
        told = trial.end(trial.start(inputs=f"@{listing}"), 0)
        trial.log.append(", ".join(f"{count} {name}" for name, count in server.done.items()))
    rows = trial.rows()
    assert len(rows) == PHOTOS, told
    for name, data in trial.wanted().items():
        assert (trial.out / name).read_bytes() == data, f"I2: {name}"
    assert not trial.leftovers()


class Stumbling:
    """A server of photos with faults: at most two in a row for one photo."""

    FAULTS = ("429", "500", "503", "reset", "slow", "short", "page", "garbled")

    def __init__(self, trial: Trial):
        self.done: Counter[str] = Counter()
        self._files = {path.name: data for path, data in trial.sources.items()}
        self._row: Counter[str] = Counter()
        self._random = trial.random
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer._answer(self)

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        data = self._files[request.path[1:]]
        fault = "none"
        if request.command == "GET" and self._row[request.path] < 2 and self._random.random() < 0.5:
            fault = self._random.choice(self.FAULTS)
            self.done[fault] += 1
        self._row[request.path] = self._row[request.path] + 1 if fault != "none" else 0
        if fault.isdigit():
            return request.send_error(int(fault))
        if fault == "reset":
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return request.connection.close()
        sent = self._sent(data, fault)
        request.send_response(200)
        request.send_header("Content-Length", str(len(data) if fault == "short" else len(sent)))
        request.send_header("Content-MD5", base64.b64encode(hashlib.md5(data).digest()).decode())
        request.send_header("ETag", f'"{self._mark(data)}"')
        request.end_headers()
        if request.command == "GET":
            if fault == "slow":
                time.sleep(0.5)
            request.wfile.write(sent)
        return None

    def _sent(self, data: bytes, fault: str) -> bytes:
        if fault == "page":
            return b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>".ljust(len(data))
        if fault == "garbled":
            return data[: len(data) // 2] + bytes(len(data) - len(data) // 2)
        return data[: len(data) // 2] if fault == "short" else data

    def _mark(self, data: bytes) -> str:
        """As of two servers behind one address, of which each has its own."""
        if self._random.random() < 0.2:
            self.done["mark"] += 1
            return "another"
        return str(hash(data))

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


@functools.cache
def _s3() -> dict[str, str]:
    """Start the store behind all buckets, which ends with this process; gives the environment of those who use it."""
    from stores import s3_server

    running = s3_server()
    atexit.register(running.__exit__, None, None, None)  # without this reference it would end at once
    return running.__enter__()


class Bucket:
    """An S3-compatible store behind a server that misbehaves when something is written: at most twice in a row.

    With `broken` set it takes nothing any more.
    """

    FAULTS = ("429", "500", "503", "reset", "slow", "page", "unanswered")

    def __init__(self, trial: Trial):
        self.done: Counter[str] = Counter()
        self.broken = False
        self._row: Counter[str] = Counter()
        self._random = trial.random
        self._trial = trial
        self._box = f"/box-{trial.token}"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer._answer(self)

            do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a run that is killed breaks its connections

    def __enter__(self):
        self.surroundings = dict(_s3())
        self._store = self.surroundings["AWS_ENDPOINT_URL"].partition("://")[2]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.surroundings["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{self._server.server_port}"
        self.surroundings["XDG_STATE_HOME"] = str(self._trial.place / "state")
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._own("PUT", self._box)
        for name, data in self._trial.old.items():
            self._own("PUT", f"{self._box}/out/{name}", data)
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def _own(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Ask the store itself, as its owner; it does not look at signatures."""
        how = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        status, _, answer = self._asked(method, path, body, {"Authorization": how})
        assert status == 200, answer
        return answer

    def _asked(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, list, bytes]:
        with contextlib.closing(http.client.HTTPConnection(self._store)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def files(self) -> dict[str, bytes]:
        """Give what lies in the store, by its path below the output."""
        page = self._own("GET", f"{self._box}?list-type=2&prefix=out/")
        found = {}
        for name in re.findall(r"<Key>out/([^<]*)</Key>", page.decode()):
            with contextlib.suppress(AssertionError):  # a lock that has gone meanwhile
                found[name] = self._own("GET", f"{self._box}/out/{name}")
        return found

    def _answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        fault = self._chosen(request)
        if fault in ("429", "500", "503"):
            return self._reply(request, int(fault), [], b"<Error><Code>SlowDown</Code></Error>")
        if fault == "page":
            return self._reply(request, 200, [], b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>")
        if fault == "slow":
            time.sleep(0.5)
        answer = self._asked(request.command, request.path, body, dict(request.headers)) if fault != "reset" else None
        if answer is None or fault == "unanswered":
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            request.close_connection = True
            return request.connection.close()
        return self._reply(request, *answer)

    def _chosen(self, request: http.server.BaseHTTPRequestHandler) -> str:
        fault = "none"
        if request.command == "PUT":
            if self.broken:
                fault = "503"
            elif self._row[request.path] < 2 and self._random.random() < 0.4:
                fault = self._random.choice(self.FAULTS)
        self._row[request.path] = self._row[request.path] + 1 if fault != "none" else 0
        self.done[fault] += 1
        return fault

    def _reply(self, request: http.server.BaseHTTPRequestHandler, status: int, headers: list, body: bytes) -> None:
        request.send_response(status)
        own = {"connection", "transfer-encoding", "date", "server"}
        for name, value in headers:
            if name.lower() not in own and (name.lower() != "content-length" or request.command == "HEAD"):
                request.send_header(name, value)
        if request.command != "HEAD":
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)

    def start(self, *options: str, **surroundings: str) -> subprocess.Popen:
        """Begin a run whose results go here."""
        return self._trial.start(*options, output=f"s3:/{self._box}/out", **self.surroundings, **surroundings)

    def check(self, *, is_whole: bool) -> None:
        """Check what lies in the store, and the record of it, after a run."""
        wanted, found = self._trial.wanted(), self.files()
        for path, data in self._trial.sources.items():
            assert path.read_bytes() == data, f"I4: {path.name} has changed"
        for name, data in found.items():
            allowed = {self._trial.old.get(name), wanted.get(name)} - {None}
            assert data in allowed or name.startswith(".imgedit/lock-"), f"I2: {name} is neither old nor new"
        for name in self._trial.old:
            assert name in found, f"I3: {name} is gone"
        for row in self.rows("manifest.jsonl"):
            assert row["state"] != "done" or found[row["output"]] == wanted[row["output"]], f"I2: {row['output']}"
        if is_whole:
            assert found == wanted, f"I5: {sorted(found)}"  # no lock is left either
            assert len(self.rows()) == PHOTOS, "I1: not one row for each input"

    def rows(self, file: str = "report.jsonl") -> list[dict]:
        """Read the lines of the report or the manifest."""
        return [row for path in (self._trial.place / "state").rglob(file) for row in read_rows(path)]


def stumbling_writes(trial: Trial) -> None:
    """A store that refuses, fails, breaks off, dawdles, or takes a result and does not say so, now and then."""
    with Bucket(trial) as bucket:
        trial.end(bucket.start(), 0)
        trial.log.append(", ".join(f"{count} {name}" for name, count in bucket.done.items()))
        bucket.check(is_whole=True)
        _goes_on(trial, bucket, redone=0)


def failing_writes(trial: Trial) -> None:
    """A store takes nothing any more from some moment on; then it does again."""
    with Bucket(trial) as bucket:
        run = bucket.start()
        bucket_moment(trial, bucket, run)
        bucket.broken = True
        told = trial.end(run, 5, 0)
        assert run.returncode == 0 or "the store failed" in told or "the store has not taken" in told, told
        bucket.broken = False
        bucket.check(is_whole=run.returncode == 0)
        _goes_on(trial, bucket, redone=trial.hands)


def killed_writes(trial: Trial) -> None:
    """The run is killed while it writes to a store."""
    with Bucket(trial) as bucket:
        run = bucket.start()
        bucket_moment(trial, bucket, run)
        run.kill()
        trial.end(run, -signal.SIGKILL, 0)
        bucket.check(is_whole=False)
        _goes_on(trial, bucket, redone=trial.hands)


def two_runs_in_a_store(trial: Trial) -> None:
    """A second run, that of another machine, is refused, and the first one does not notice."""
    with Bucket(trial) as bucket:
        first = bucket.start()
        trial.wait(lambda: any(name.startswith(".imgedit/lock-") for name in bucket.files()), PATIENCE, "no lock")
        bucket_moment(trial, bucket, first)
        # Another state folder, as it has on another machine.
        bucket.surroundings["XDG_STATE_HOME"] = str(trial.place / "elsewhere")
        second = bucket.start()
        told = second.communicate(timeout=PATIENCE)[0]
        # One that comes after the first has no record of it, and does all.
        if second.returncode != 0 or first.poll() is None:
            _refused(second.returncode, told)
        trial.end(first, 0)
        bucket.check(is_whole=True)


def bucket_moment(trial: Trial, bucket: Bucket, run: subprocess.Popen) -> None:
    """Wait for a random moment of a run that writes to a store."""
    count, pause = trial.random.randrange(PHOTOS - 4), trial.random.uniform(0, 0.5)
    trial.log.append(f"after {count} files and {pause:.3f} s")
    trial.wait(lambda: len(bucket.rows("manifest.jsonl")) >= count or run.poll() is not None, PATIENCE, "no progress")
    time.sleep(pause)


def _goes_on(trial: Trial, bucket: Bucket, redone: int) -> None:
    """Go on, and check that little is done twice (I5): a result that the store has and the manifest has not."""
    recorded = {row["output"] for row in bucket.rows("manifest.jsonl")}
    standing = {name for name, data in bucket.files().items() if data == trial.wanted().get(name)}
    trial.end(bucket.start(), 0)
    bucket.check(is_whole=True)
    again = {row["output"] for row in bucket.rows() if row["state"] == "done"} & standing
    assert len(again) <= redone, f"I5: done twice: {again}"
    assert not again & recorded, f"I5: done twice though recorded: {again & recorded}"


def clock_jumps(trial: Trial) -> None:
    """The clock of the machine is set forward or back by an hour or a day, for all processes of the run."""
    clock = trial.place / "clock"
    clock.write_text("0")
    limits = [] if trial.engine == "serial" else ["--timeout", "100"]
    run = trial.start(*limits, LD_PRELOAD=_clock_library(), IMGEDIT_CLOCK=str(clock))
    for _ in range(trial.random.randrange(1, 3)):
        trial.moment(run)
        jump = trial.random.choice([-1, 1]) * trial.random.choice([3600, 86400])
        trial.log.append(f"clock set by {jump} s")
        clock.write_text(str(jump))
    trial.end(run, 0)
    trial.check()
    assert {row["state"] for row in trial.rows()} == {"done"}
    trial.go_on()


@functools.cache
def _clock_library() -> str:
    library = Path(tempfile.mkdtemp()) / "clock.so"
    atexit.register(shutil.rmtree, library.parent)
    words = ["cc", "-x", "c", "-", "-shared", "-fPIC", "-o", str(library)]
    subprocess.run(words, input=CLOCK, text=True, check=True)
    return str(library)


@dataclass(frozen=True)
class Fault:
    """A row of the table: what to do, with which photos, on which engines, and what that needs."""

    do: Callable[[Trial], None]
    names: tuple[str, ...] = ()
    engines: tuple[str, ...] = ("serial", "local", "dask")  # "pairs": local, one worker with two photos in hand
    needs: str = ""

    @property
    def is_possible(self) -> bool:
        """Whether it can be injected here: whether a small file system can be made, a clock be moved."""
        return {"": True, "mount": can_mount(), "cc": shutil.which("cc") is not None}[self.needs]


WORKERS = ("local", "pairs", "dask")
ALL = ("serial", *WORKERS)
FAULTS = {
    "worker killed (kill -9), once or twice": Fault(worker_killed, engines=WORKERS),
    "run killed (kill -9)": Fault(parent_killed, engines=ALL),
    "Ctrl-C": Fault(interrupted, engines=ALL),
    "Ctrl-C twice": Fault(interrupted_twice, engines=ALL),
    "SIGTERM": Fault(terminated, engines=ALL),
    "SIGTERM while the run sweeps": Fault(terminated_late, engines=("serial", "local")),
    "poison: segfault, abort, kill": Fault(poisoned, ("segfault", "abort", "killed"), WORKERS),
    "poison: endless loop in Python and in C": Fault(poisoned, ("endless", "stuck"), WORKERS),
    "poison: exception": Fault(poisoned, ("raises",), WORKERS),
    "memory blow-up against a limit": Fault(memory_eaten, ("memory",), WORKERS),
    "disk full (small tmpfs)": Fault(disk_full, engines=ALL, needs="mount"),
    "file size limit, as a quota": Fault(file_limit),
    "output becomes read-only (injected)": Fault(read_only),
    "two runs on one output": Fault(two_runs),
    "manifest torn at a random byte": Fault(torn_manifest),
    "input replaced midway": Fault(input_changed),
    "store: 429, 500, 503, reset, slow, short read, error page, wrong bytes, wrong ETag": Fault(stumbling_store),
    "writing to a store: 429, 500, 503, reset, slow, error page, lost answer": Fault(stumbling_writes),
    "writing to a store that fails for good, midway": Fault(failing_writes),
    "writing to a store: run killed (kill -9)": Fault(killed_writes),
    "two runs on one output in a store": Fault(two_runs_in_a_store),
    "clock jumps by an hour or a day, either way": Fault(clock_jumps, needs="cc"),
    "worker of a cluster killed": Fault(dask_worker_killed, engines=("dask",)),
    "scheduler killed or silent": Fault(scheduler_lost, engines=("dask",)),
}


def can_mount() -> bool:
    """Tell whether a small file system can be made here."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("mount") is not None


def attempt(name: str, engine: str, seed: int, place: Path) -> str:
    """Inject a fault once; say what went wrong, or nothing."""
    fault = FAULTS[name]
    trial = Trial(place, engine, seed, fault.names)
    try:
        fault.do(trial)
    except (AssertionError, subprocess.TimeoutExpired) as failure:
        return f"{name}, {engine}, seed {seed}, {'; '.join(trial.log)}: {failure}"
    finally:
        for pid in trial.processes():
            os.kill(pid, signal.SIGKILL)
    return ""
