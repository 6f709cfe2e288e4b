"""Doctests of imgedit.training run only where torch is installed (``make test-train``); tests have their own cache."""

import importlib.util

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["imgedit/training/*"]


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Keep what the user has fetched and added out of the tests, and what the tests add out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMGEDIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
