"""Memory of large results is used again, and never while anybody holds it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import imgedit as ie
from imgedit import results
from imgedit.results import new_result

SHAPE = (8, 64, 4)
SIZE = 8 * 64 * 4 * 4

pytestmark = pytest.mark.skipif(not results._KEEPS, reason="the system can't take memory back by itself")


@pytest.fixture(autouse=True)
def all_are_large(monkeypatch):
    monkeypatch.setattr(results, "LEAST_BYTES", 1)
    results.release()
    yield
    results.release()


def address(array):
    return array.__array_interface__["data"][0]


def test_the_next_result_gets_what_the_last_one_left():
    first = new_result(SHAPE, np.float32)
    assert (first.shape, first.dtype) == (SHAPE, np.float32)
    assert first.flags.c_contiguous
    assert first.flags.writeable
    place = address(first)
    second = new_result(SHAPE, np.float32)
    assert not np.shares_memory(first, second)
    del first
    assert address(new_result(SHAPE, np.float32)) == place


def test_a_view_keeps_it():
    first = new_result(SHAPE, np.float32)
    first[:] = 0.5
    view = np.transpose(first[2:, ::3])[1:].view(np.uint32)
    del first
    assert not results._spare
    new_result(SHAPE, np.float32)[:] = 1
    assert (view == np.float32(0.5).view(np.uint32)).all()
    results.release()
    del view
    assert len(results._spare) == 1


def test_what_is_kept_has_an_end(monkeypatch):
    monkeypatch.setattr(results, "MOST_BYTES", 2 * SIZE + 100)
    all_three = [new_result(SHAPE, np.float32) for _ in range(3)]
    small = new_result((10, 10), np.uint8)
    last = address(all_three[-1])
    for _ in range(3):
        del all_three[0]
    del small
    assert [len(spare) for spare in results._spare] == [SIZE, SIZE, 100]  # the oldest is gone
    assert address(new_result(SHAPE, np.float32)) == last  # the newest lies nearest


def test_another_size_gets_its_own():
    first = new_result(SHAPE, np.float32)
    del first
    other = new_result((8, 64), np.uint8)
    assert other.nbytes == 8 * 64
    assert [len(spare) for spare in results._spare] == [SIZE]


def test_what_is_too_large_or_small_is_not_kept(monkeypatch):
    monkeypatch.setattr(results, "MOST_BYTES", SIZE - 1)
    new_result(SHAPE, np.float32)[:] = 1
    assert not results._spare
    monkeypatch.setattr(results, "LEAST_BYTES", SIZE)
    new_result((2, 2), np.uint8)[:] = 1
    assert not results._spare
    assert new_result((0, 4), np.uint8).shape == (0, 4)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_kernel_without_these_advices_is_no_error(monkeypatch):
    for advice in ("MADV_FREE", "MADV_HUGEPAGE"):
        monkeypatch.setattr(results.mmap, advice, 9999, raising=False)
    new_result(SHAPE, np.float32)[:] = 1
    assert not results._spare  # what the system can't take back is not kept


def test_what_is_kept_can_be_given_back():
    new_result(SHAPE, np.float32)[:] = 1
    assert results._spare
    results.release()
    assert not results._spare


def test_threads_never_share():
    clashes = []

    def work(mark):
        for _ in range(300):
            mine = new_result(SHAPE, np.float32)
            mine[:] = mark
            if not (mine == mark).all():
                clashes.append(mark)

    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not clashes


def test_an_old_result_is_not_written_to_by_the_next_blend():
    rng = np.random.default_rng(0)
    backdrop, source = rng.random((2, 64, 64, 4), dtype=np.float32)
    first = ie.blend(backdrop, source, "screen")
    kept = first.copy()
    for mode in ("multiply", "normal", "soft-light"):
        ie.blend(backdrop, source, mode)
    np.testing.assert_array_equal(first, kept)
    top = first[:1]
    del first
    ie.blend(backdrop, source, "multiply")
    np.testing.assert_array_equal(top, kept[:1])
