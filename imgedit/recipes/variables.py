"""Variables of a recipe: ``${logo}`` in a value, ``[variables]`` with defaults, ``--set logo=b.png`` from outside.

They are filled in before anything else is checked, so that nothing behind this file knows of them. A value that is
nothing but one variable takes that one's value and type; within a longer text its text is put in. ``$${`` stands for
the characters ``${``. A variable without a default has to be given; one that is used nowhere is a mistake in its name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from imgedit.errors import ArgumentError
from imgedit.recipes.lines import KeyPath
from imgedit.recipes.verbs import frozen, nearest

__all__ = ["assigned", "substituted"]

USE = re.compile(r"\$\$\{|\$\{([^{}]*)\}")

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def substituted(
    document: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[tuple[KeyPath, str]]]:
    """Fill in the variables of a recipe.

    Parameters
    ----------
    document : mapping
        The recipe as its TOML text is parsed, with tuples for lists.
    given : mapping
        Name -> value, which goes before the default. Text for a variable whose default is no text is read as TOML.

    Returns
    -------
    document : dict
        The recipe without variables.
    findings : list of (path, str)
        What is wrong with them.
    """
    rest = {name: value for name, value in document.items() if name != "variables"}
    defaults = document.get("variables", {})
    if not isinstance(defaults, Mapping):
        return rest, [(("variables",), "variables are written as a [variables] table")]
    findings: list[tuple[KeyPath, str]] = []
    for name in defaults:
        if not NAME.fullmatch(name):
            findings.append((("variables", name), f"variable {name!r} is no name; use letters, digits, - and _"))
    uses = list(_uses(rest))
    used = {name for _, name in uses}
    for name in sorted(set(given) - set(defaults) - used):
        findings.append(((), f"variable {name!r} was set, but the recipe has none{nearest(name, {*defaults, *used})}"))
    for name in defaults:
        if name not in used and NAME.fullmatch(name):
            findings.append((("variables", name), f"variable {name!r} is used nowhere; write ${{{name}}} in a value"))
    values: dict[str, Any] = {}
    wrong = set()
    for name, default in {**dict.fromkeys(used & set(given)), **defaults}.items():
        try:
            values[name] = frozen(_typed(name, given[name], default)) if name in given else default
        except ArgumentError as failure:
            findings.append((("variables", name), str(failure)))
            wrong.add(name)
    for path, name in uses:
        if name not in values and name not in wrong:
            remedy = f"give one with --set {name}=..., or a default in [variables]"
            findings.append((path, f"variable {name!r} has no value{_guess(name, defaults)}; {remedy}"))
    return (rest if findings else _mapped(rest, lambda text: _filled(text, values))), findings


def assigned(words: list[str]) -> dict[str, str]:
    """Part the words of a command line.

    Parameters
    ----------
    words : list of str
        ``name=value`` each.

    Returns
    -------
    dict
        Name -> value.

    Raises
    ------
    ArgumentError
        No such pair, or a name that is given twice.

    Examples
    --------
    >>> assigned(["logo=b.png", "quality=80"])
    {'logo': 'b.png', 'quality': '80'}
    """
    found: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not NAME.fullmatch(name):
            raise ArgumentError("set", f"is {word!r}", "give a name and a value: --set logo=b.png")
        if name in found:
            raise ArgumentError("set", f"gives {name!r} twice", "give it once")
        found[name] = value
    return found


def _guess(name: str, defaults: Mapping[str, Any]) -> str:
    return nearest(name, defaults).partition(";")[0] if defaults else ""


def _uses(value: Any, above: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield from ((above, found[1]) for found in USE.finditer(value) if found[1] is not None)
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, tuple) else ()
    for key, inner in items:
        yield from _uses(inner, (*above, key))


def _mapped(value: Any, change: Callable[[str], Any]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _mapped(inner, change) for name, inner in value.items()}
    return tuple(_mapped(inner, change) for inner in value) if isinstance(value, tuple) else value


def _filled(text: str, values: Mapping[str, Any]) -> Any:
    whole = USE.fullmatch(text)
    if whole and whole[1] is not None:
        return values[whole[1]]
    return USE.sub(lambda found: "${" if found[1] is None else _text(values[found[1]]), text)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(name: str, value: Any, default: Any) -> Any:
    """Read a text in the type of the default; without one, as what it looks like."""
    if not isinstance(value, str) or isinstance(default, str):
        return value
    try:
        parsed = tomllib.loads(f"x = {value}\n")
    except tomllib.TOMLDecodeError:
        parsed = {}
    # Plain text, a line feed with more behind it, or a date, which no parameter takes.
    if set(parsed) != {"x"} or not isinstance(parsed["x"], (bool, int, float, str, list)):
        if default is None:
            return value
        raise ArgumentError(f"variable {name!r}", f"is {value!r}", f"give a value like its default, {default!r}")
    return parsed["x"]
