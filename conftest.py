"""Doctests of imgedit.training run only where torch is installed (``make test-train``)."""

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["imgedit/training/*"]
