"""Errors in the words of whoever reads them: what a message says in Python becomes an option, a command or a step.

The library knows only its own calls. It says ``resize one: ie.resize(mask, (96, 128))`` and ``on_damaged='keep'``; a
user of the command line has to type ``imgedit resize mask.png 96 128`` and ``--on-damaged keep``, the writer of a
recipe ``on_damaged = "keep"``.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from imgedit.errors import ArgumentError
from imgedit.recipes.steps import MEASURES, MERGES, STEPS, reading, writing
from imgedit.recipes.toml import dump
from imgedit.recipes.verbs import Verb

__all__ = ["for_command", "for_recipe"]

CALL = re.compile(r"\bie\.[a-z_]\w*(?:\((?:[^()]|\([^()]*\))*\))?")
KEYWORD = re.compile(r"\b([a-z]\w*)=('[^']*'|\"[^\"]*\"|\((?:[^()]|\([^()]*\))*\)|[\w.]+)?(?!=)")

# What messages call the picture that is being edited.
EDITED = ("image", "array", "photo")


def for_command(failure: Exception, options: Iterable[str], paths: Mapping[str, str] | None = None) -> str:
    """Put an error in the words of the command line.

    Parameters
    ----------
    failure : Exception
        What was raised.
    options : iterable of str
        Names of the parameters that the command takes as options.
    paths : mapping of str to str, optional
        Names of images -> the paths that were given for them.

    Returns
    -------
    str
        Its message.
    """
    known = set(options)

    def option(name: str, value: str) -> str:
        return f"--{name.replace('_', '-')} {_word(value)}".rstrip() if name in known else f"{name}={value}"

    text = _translated(str(failure), lambda verb, call: _command(verb, call, paths or {}), option)
    if isinstance(failure, ArgumentError) and failure.argument in known:
        text = f"--{failure.argument.replace('_', '-')}{text[len(failure.argument) :]}"
    return text


def for_recipe(failure: BaseException) -> str:
    """Put an error in the words of a recipe, headed by the output and the step that it rose in, where that is noted.

    Parameters
    ----------
    failure : BaseException
        What was raised.

    Returns
    -------
    str
        Its message.
    """

    def key(name: str, value: str) -> str:
        table = " in [input]" if name in reading() else " in [output]" if name in writing() else ""
        return f"{name} = {_toml(value)}{table}" if value else f"{name}{table}"

    text = _translated(str(failure), _step, key)
    return ": ".join([*reversed(getattr(failure, "__notes__", ())), text])


def _translated(text: str, speak: Callable[[Verb, ast.expr], str], keyword: Callable[[str, str], str]) -> str:
    """Replace calls first, so that their own keywords are not taken for ours."""

    def call(found: re.Match[str]) -> str:
        tree = ast.parse(found[0], mode="eval").body
        name = tree.func.attr if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute) else ""
        name = name or (tree.attr if isinstance(tree, ast.Attribute) else "")
        verb = next((table[name] for table in (STEPS, MERGES, MEASURES) if name in table), None)
        spoken.append(speak(verb, tree) if verb is not None else found[0])
        return f"\0{len(spoken) - 1}\0"

    spoken: list[str] = []
    with contextlib.suppress(SyntaxError):
        text = CALL.sub(call, text)
    text = KEYWORD.sub(lambda found: keyword(found[1], found[2] or ""), text)
    return re.sub("\0(\\d+)\0", lambda found: spoken[int(found[1])], text)


def _arguments(verb: Verb, call: ast.expr) -> dict[str, Any]:
    """Arguments of a call by name: values, and the names of variables as syntax."""
    if not isinstance(call, ast.Call):
        return {}
    given = dict(zip(verb.parameters, call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    return {name: _literal(node) for name, node in given.items()}


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return node


def _command(verb: Verb, call: ast.expr, paths: Mapping[str, str]) -> str:
    words = ["imgedit", verb.name.replace("_", "-")]
    for name, value in _arguments(verb, call).items():
        if isinstance(value, ast.Name):
            words.append(paths.get(value.id, value.id.upper()))
        elif verb.parameters[name].positional:
            words += map(str, value) if isinstance(value, tuple) else [str(value)]
        else:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return " ".join(words)


def _step(verb: Verb, call: ast.expr) -> str:
    given = _arguments(verb, call)
    pictures = [value.id for value in given.values() if isinstance(value, ast.Name)]
    if any(picture not in EDITED for picture in pictures):
        return _command(verb, call, {})  # it is not the photo that is to be changed
    values = {name: value for name, value in given.items() if not isinstance(value, ast.AST)}
    lines = dump({"step": {"op": verb.name, **values}}).splitlines()[1:]
    return f"a step {', '.join(lines)}"


def _word(value: str) -> str:
    return " ".join(value.strip("'\"()").replace(",", " ").split())


def _toml(value: str) -> str:
    try:
        return dump({"x": {"y": ast.literal_eval(value)}}).splitlines()[1].removeprefix("y = ")
    except (ValueError, SyntaxError):
        return value
