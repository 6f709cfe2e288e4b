"""`imgedit recipe`: check recipes, and describe them to editors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["RECIPES"]


def check(recipes: list[Path], /) -> int:
    """Tell everything that is wrong with recipes, each with its line.

    Parameters
    ----------
    recipes : list of Path
        TOML files.
    """
    from imgedit.errors import RecipeError
    from imgedit.recipes import Recipe

    faults = 0
    for path in recipes:
        try:
            count = len(Recipe.from_toml(path).steps)
        except RecipeError as failure:
            faults += 1
            print(failure, file=sys.stderr)
        else:
            print(f"{path}: {count} step{'' if count == 1 else 's'}, nothing wrong")
    return 2 if faults else 0


def schema() -> None:
    """Print what may stand in a recipe as JSON Schema, for editors that complete and check TOML."""
    from imgedit.recipes.schema import schema as described

    print(json.dumps(described(), indent=2))


RECIPES: dict[str, Callable[..., Any]] = {"check": check, "schema": schema}
