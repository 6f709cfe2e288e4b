"""Fetching a model: the very bytes or an error, from a server that fails in every way; nothing half is ever named."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import onnx
import pytest
from graphs import blur_and_double, manifest_of
from servers import serving

from imgedit import errors, models
from imgedit.cli import run
from imgedit.models import fetching
from imgedit.models.manifest import Manifest, file_hash
from imgedit.models.store import cache


@pytest.fixture(autouse=True)
def _quick(monkeypatch, tmp_path):
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    monkeypatch.setenv("IMGEDIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "made" / "distant.onnx"
    path.parent.mkdir()
    blur_and_double(path)
    return path


@pytest.fixture
def listed(tmp_path, monkeypatch, weights):
    """Write the manifest of a model that is elsewhere."""

    def write(url, *mirrors, **fields):
        folder = tmp_path / "listed"
        folder.mkdir(exist_ok=True)
        size = fields.pop("size", weights.stat().st_size)
        made = manifest_of(weights, scale=2, overlap=1, url=url, mirrors=mirrors, size=size, **fields)
        (folder / "distant.toml").write_text(made.to_toml(), encoding="utf-8")
        weights.with_suffix(".toml").unlink()
        monkeypatch.setenv("IMGEDIT_MODELS", str(folder))

    return write


def left():
    """Name what lies in the cache for all to see."""
    return sorted(path.name for path in (cache() / "distant").glob("*") if not path.name.startswith("."))


def parts():
    return sorted((cache() / "distant").glob(".*.part"))


def test_a_model_is_fetched_once_and_then_works(weights, listed):
    with serving(weights.read_bytes()) as site:
        listed(site.url)
        told = []
        path = models.fetch("distant", progress=told.append)
        assert path.read_bytes() == weights.read_bytes()
        assert told[-1] == 1
        assert models.fetch("distant") == path
        assert len(site.asked) == 1
    assert models.load("distant", device="cpu").path == path
    assert "distant" in models.names("superres")


@pytest.fixture
def split(weights, listed):
    """Keep the weights of the model in a file of their own; gives that file."""
    data = weights.with_suffix(".data")
    whole = onnx.load(weights)
    onnx.save(whole, weights, save_as_external_data=True, location=data.name, size_threshold=100)
    return data


def test_weights_in_further_files_are_fetched_with_the_model(weights, listed, split):
    data = split.read_bytes()
    with serving(weights.read_bytes(), beside={split.name: data}) as site:
        listed(site.url, external={split.name: file_hash(split)})
        told = []
        path = models.fetch("distant", progress=told.append)
        assert (path.parent / split.name).read_bytes() == data
        assert told == sorted(told)
        assert told[-1] == 1
        assert models.fetch("distant") == path
        assert len(site.asked) == 2
        (path.parent / split.name).write_bytes(b"spoilt")
        models.fetch("distant")
        assert len(site.asked) == 3
    assert models.load("distant", device="cpu").path == path


def test_other_weights_in_a_further_file_are_refused_before_the_model_comes(weights, listed, split):
    with serving(weights.read_bytes(), beside={split.name: b"other"}) as site:
        listed(site.url, external={split.name: file_hash(split)})
        with pytest.raises(errors.FetchError, match=r"distant\.data gave a text file"):
            models.fetch("distant")
    assert not left()


def test_nothing_is_fetched_unasked(weights, listed):
    with serving(weights.read_bytes()) as site:
        listed(site.url)
        with pytest.raises(errors.ModelError, match="imgedit models fetch distant"):
            models.load("distant")
        assert "distant" not in models.names("superres")
        assert models.info("distant").url == site.url
        assert not site.asked


def test_other_bytes_are_refused(weights, listed):
    with serving(bytes(reversed(weights.read_bytes()))) as site:
        listed(site.url)
        with pytest.raises(errors.FetchError, match=r"gave \d+ other bytes \(sha256"):
            models.fetch("distant")
    assert not left()
    assert not parts()


def test_a_page_in_place_of_the_model_is_told(weights, listed):
    with serving(b"<!DOCTYPE html><title>gone</title>") as site:
        listed(site.url, size=34)
        with pytest.raises(errors.FetchError, match="gave a web page"):
            models.fetch("distant")
    assert not left()


def test_a_body_without_end_is_stopped(weights, listed):
    with serving(bytes(5 << 20)) as site:
        listed(site.url)
        with pytest.raises(errors.FetchError, match="gave more than"):
            models.fetch("distant")
    assert not left()
    assert not parts()


def test_a_cut_body_goes_on_from_there(weights, listed, monkeypatch):
    monkeypatch.setattr(fetching, "CHUNK", 50)
    content = weights.read_bytes()
    with serving(content, cuts=[100, 200]) as site:
        listed(site.url)
        assert file_hash(models.fetch("distant")) == file_hash(weights)
        assert site.asked == [None, "bytes=100-", "bytes=200-"]
    assert not parts()


def test_a_server_without_ranges_starts_again(weights, listed):
    with serving(weights.read_bytes(), cuts=[100], ranges=False) as site:
        listed(site.url)
        assert file_hash(models.fetch("distant")) == file_hash(weights)


def test_a_server_that_always_breaks_off_is_given_up(weights, listed):
    with serving(weights.read_bytes(), cuts=[50] * 9, ranges=False) as site:
        listed(site.url)
        with pytest.raises(errors.FetchError, match=r"broke off .* 3 times"):
            models.fetch("distant")
        assert len(site.asked) == 3
    assert not left()


def test_a_stale_part_does_not_spoil_the_file(weights, listed):
    content = weights.read_bytes()
    with serving(content) as site:
        listed(site.url)
        part = cache() / "distant" / ".distant.onnx.part"
        part.parent.mkdir(parents=True)
        part.write_bytes(b"x" * 100)
        assert file_hash(models.fetch("distant")) == file_hash(weights)
        assert site.asked == ["bytes=100-", None]


def test_a_part_longer_than_the_file_is_thrown_away(weights, listed):
    with serving(weights.read_bytes()) as site:
        listed(site.url, size=None)
        part = cache() / "distant" / ".distant.onnx.part"
        part.parent.mkdir(parents=True)
        part.write_bytes(bytes(weights.stat().st_size + 9))
        assert file_hash(models.fetch("distant")) == file_hash(weights)
        assert len(site.asked) == 2


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (503, 3), (429, 3)])
def test_an_answer_that_is_no_file_is_told(weights, listed, status, requests):
    with serving(weights.read_bytes(), statuses=[status] * 9) as site:
        listed(site.url)
        with pytest.raises(errors.FetchError, match=f"answered {status}"):
            models.fetch("distant")
        assert len(site.asked) == requests
    assert not left()


def test_a_busy_server_is_asked_again(weights, listed):
    with serving(weights.read_bytes(), statuses=[503, 500]) as site:
        listed(site.url)
        assert models.fetch("distant").is_file()
        assert len(site.asked) == 3


def test_a_mirror_takes_the_place_of_what_fails(weights, listed):
    pages = serving(b"", statuses=[404]), serving(b"version https://git-lfs"), serving(weights.read_bytes())
    with pages[0] as gone, pages[1] as pointer, pages[2] as good:
        listed(gone.url, pointer.url, good.url)
        assert file_hash(models.fetch("distant")) == file_hash(weights)
        assert len(good.asked) == 1


def test_when_all_fail_each_answer_is_told(weights, listed):
    with serving(b"", statuses=[404]) as gone, serving(b"version https://git-lfs") as pointer:
        listed(gone.url, pointer.url)
        with pytest.raises(errors.FetchError, match=r"answered 404.*git-LFS pointer.*put at .*distant\.onnx"):
            models.fetch("distant")


def test_a_dead_address_is_told(listed):
    with serving(b"") as site:
        url = site.url
    listed(url)
    with pytest.raises(errors.FetchError, match=r"can't be reached.*\(ConnectionError\), 3 times"):
        models.fetch("distant")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_nothing(weights, listed, monkeypatch, number):
    class Full(io.FileIO):
        def write(self, data):
            raise OSError(number, os.strerror(number))

    real = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r", **how: Full(path, mode) if mode == "ab" else real(path, mode, **how)
    )
    with serving(weights.read_bytes()) as site:
        listed(site.url)
        with pytest.raises(errors.OutOfSpaceError, match="IMGEDIT_CACHE"):
            models.fetch("distant")
    assert not left()
    assert not parts()


def test_two_at_once_fetch_once(weights, listed):
    gate = threading.Event()
    with serving(weights.read_bytes(), paused=gate) as site:
        listed(site.url)
        paths = []
        both = [threading.Thread(target=lambda: paths.append(models.fetch("distant"))) for _ in range(2)]
        both[0].start()
        assert site.reached.wait(20)
        both[1].start()
        gate.set()
        for one in both:
            one.join(20)
        assert len(set(paths)) == 1
        assert len(paths) == 2
        assert len(site.asked) == 1


def test_a_wish_to_stop_is_heard_and_the_next_goes_on(weights, listed, monkeypatch):
    monkeypatch.setattr(fetching, "CHUNK", 64)

    def stop(fraction):
        raise errors.Cancelled

    with serving(weights.read_bytes()) as site:
        listed(site.url)
        with pytest.raises(errors.Cancelled):
            models.fetch("distant", progress=stop)
        assert not left()
        assert file_hash(models.fetch("distant")) == file_hash(weights)
        assert site.asked == [None, "bytes=64-"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_download_leaves_no_half_model(weights, listed):
    gate = threading.Event()
    half = weights.stat().st_size // 2
    with serving(weights.read_bytes(), paused=gate, cuts=[half]) as site:
        listed(site.url)
        child = subprocess.Popen([sys.executable, "-c", "import imgedit; imgedit.models.fetch('distant')"])
        assert site.reached.wait(60)
        child.send_signal(signal.SIGKILL)
        child.wait(20)
        assert not left()
        site.paused = None
        gate.set()
        assert file_hash(models.fetch("distant")) == file_hash(weights)


def test_a_damaged_copy_is_fetched_again(weights, listed):
    with serving(weights.read_bytes()) as site:
        listed(site.url)
        path = models.fetch("distant")
        path.write_bytes(b"rot")
        assert file_hash(models.fetch("distant")) == file_hash(weights)


def test_a_model_without_an_address_says_so(weights, listed):
    listed(None)
    with pytest.raises(errors.ModelError, match="no address"):
        models.fetch("distant")


def test_without_pooch_the_extra_is_named(weights, listed, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    listed("http://127.0.0.1:9/model.onnx")
    with pytest.raises(errors.MissingExtraError, match=r"imgedit\[fetch\]"):
        models.fetch("distant")
    assert run(["models", "fetch", "distant", "--yes"]) == 5  # said first, before the licence is read in vain
    assert capsys.readouterr().err.startswith("imgedit: fetching a model needs pooch")


def test_the_command_shows_licence_and_size_before_it_asks(weights, listed, capsys, monkeypatch):
    with serving(weights.read_bytes()) as site:
        listed(site.url, commercial_use=False)
        assert run(["models", "fetch", "distant"]) == 2  # nobody is there to answer
        told = capsys.readouterr().err
        assert "CC0-1.0 (no commercial use)" in told
        assert "size" in told
        assert site.url in told
        monkeypatch.setattr(sys, "stdin", Answer("n\n"))
        assert run(["models", "fetch", "distant"]) == 4
        assert not site.asked
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", Answer("y\n"))
        assert run(["models", "fetch", "distant"]) == 0
        assert Path(capsys.readouterr().out.split("] ")[-1].strip()).is_file()
        assert run(["models", "fetch", "distant"]) == 0  # it is here: nothing to ask
        assert len(site.asked) == 1
        next(cache().glob("distant/*.onnx")).write_bytes(b"rot")
        monkeypatch.setattr(sys, "stdin", Answer("n\n"))
        assert run(["models", "fetch", "distant"]) == 4
        assert len(site.asked) == 1


class Answer(io.StringIO):
    def isatty(self):
        return True


REGISTRY = Path(models.__file__).parents[2] / "onnx_models" / "registry"


@pytest.mark.parametrize("path", sorted(REGISTRY.glob("*.toml")), ids=lambda path: path.stem)
def test_the_registry_says_all_that_a_user_must_know(path):
    manifest = Manifest.from_toml(path)
    assert manifest.url is not None
    assert all(url.startswith("https://") for url in (manifest.url, *manifest.mirrors))
    assert manifest.size is not None
    assert manifest.license not in ("", "unknown")
    assert manifest.commercial_use is not None
    assert manifest.note
    assert "sha256" in tomllib.loads(path.read_text(encoding="utf-8"))


def test_the_registry_is_part_of_the_list():
    assert len(list(REGISTRY.glob("*.toml"))) >= 30
    assert {path.stem for path in REGISTRY.glob("*.toml")} <= set(models.names(ready=False))
