"""`imgedit recipe`: check recipes, try them on one file, and describe them to editors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter as Option

if TYPE_CHECKING:
    from imgedit.recipes import Recipe

__all__ = ["RECIPES"]

File = Annotated[Path, Option(allow_leading_hyphen=True)]


def check(
    recipes: list[Path],
    /,
    *,
    values: Annotated[list[str] | None, Option(name="--set", negative=())] = None,
    elsewhere: Annotated[bool, Option(negative=())] = False,
) -> int:
    """Tell everything that is wrong with recipes, each with its line.

    Networks are run on small drawn pictures, to see that they and their devices work.

    Parameters
    ----------
    recipes : list of Path
        TOML files.
    values : list of str
        A value for a variable of the recipes, NAME=VALUE; may be given several times.
    elsewhere : bool
        Run no network: the recipes are for machines with other devices.
    """
    from imgedit.errors import RecipeError
    from imgedit.recipes.variables import assigned

    faults, variables = 0, assigned(values or [])
    for path in recipes:
        try:
            recipe = _opened(path, variables, networks=not elsewhere)
        except RecipeError as failure:
            faults += 1
            print(failure, file=sys.stderr)
        else:
            outputs = f", {_counted(len(recipe.outputs), 'output')}" if recipe.outputs else ""
            print(f"{path}: {_counted(len(recipe.steps), 'step')}{outputs}, nothing wrong")
    return 2 if faults else 0


def _opened(path: Path, variables: Mapping[str, object], *, networks: bool) -> Recipe:
    """Read a recipe, and refuse one whose networks or devices don't work here, if that is asked."""
    from imgedit.errors import RecipeError
    from imgedit.recipes import Recipe
    from imgedit.recipes.lines import placed

    recipe = Recipe.from_toml(path, variables=variables)
    if networks and recipe.uses_network() and (found := recipe.rehearse()):
        raise RecipeError(*placed(found, path))
    return recipe


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def apply(
    recipe: Path,
    image: File,
    /,
    *,
    output: Annotated[Path, Option(alias="-o", allow_leading_hyphen=True)],
    values: Annotated[list[str] | None, Option(name="--set", negative=())] = None,
) -> None:
    """Do a recipe on one file; many at once are the business of imgedit batch.

    Parameters
    ----------
    recipe : Path
        The recipe, a TOML file.
    image : Path
        The photo; - for standard input.
    output : Path
        The result; - for standard output, in the format that the recipe names.
    values : list of str
        A value for a variable of the recipe, NAME=VALUE; may be given several times.
    """
    from imgedit.models import kept
    from imgedit.recipes.variables import assigned

    with kept():  # the networks that are tried do the work
        _opened(recipe, assigned(values or []), networks=True).edit(str(image), str(output))


def schema() -> None:
    """Print what may stand in a recipe as JSON Schema, for editors that complete and check TOML."""
    from imgedit.recipes.schema import schema as described

    print(json.dumps(described(), indent=2))


RECIPES: dict[str, Callable[..., Any]] = {"apply": apply, "check": check, "schema": schema}
