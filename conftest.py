"""Doctests of training and qt run only where torch and Qt are installed (``make test-train``, ``make test-qt``).

Tests have their own cache.
"""

import importlib.util

import pytest

NEEDS = {"imgedit/training/*": ("torch",), "imgedit/qt/*": ("PySide6", "PyQt6")}
collect_ignore_glob = [place for place, any_of in NEEDS.items() if not any(map(importlib.util.find_spec, any_of))]


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Keep what the user has fetched and added out of the tests, and what the tests add out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMGEDIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
