"""The commands of the verbs by name, each built when it is asked for: a call pays for one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imgedit.cli import verbs
from imgedit.recipes.steps import MEASURES, MERGES, STEPS


def __getattr__(name: str) -> Callable[..., Any]:
    if name in MEASURES:
        return verbs.question(name, MEASURES[name])
    table = STEPS if name in STEPS else MERGES
    if name not in table:
        raise AttributeError(name)
    return verbs.command(name, table[name])
