"""The command line: one command a verb, built from its signature and docstring, and `batch`.

Exit codes: 0 all done, 2 wrong usage, 3 an input or output failed, 4 interrupted, 5 storage or engine failure.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts import App

    from imgedit.recipes.verbs import Verb

__all__ = ["application", "run"]

DONE, USAGE, FAILED, INTERRUPTED, BROKEN = 0, 2, 3, 4, 5

# Commands that leave out what is done when they are given anew.
RESUMED = frozenset({"batch", "sample"})
GOES_ON = "; the same command goes on where it stopped"


def run(arguments: list[str]) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str
        What follows the name of the program.

    Returns
    -------
    int
        The exit code.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_, **__: print(f"imgedit: warning: {message}", file=sys.stderr)
            result = application()(_words_of(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has left. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return _say(f"imgedit: interrupted{GOES_ON if RESUMED.intersection(arguments[:1]) else ''}", INTERRUPTED)
    except Exception as failure:  # noqa: BLE001 - the edge of the program: every failure is one line and a code
        return _say(_sentence(failure, arguments), _code(failure))
    return result if isinstance(result, int) else DONE


def _code(failure: Exception) -> int:
    from cyclopts import CycloptsError

    from imgedit import errors

    rows: list[tuple[type[Exception] | tuple[type[Exception], ...], int]] = [
        (errors.StorageError, BROKEN),
        (errors.ImageError, FAILED),
        ((CycloptsError, errors.ArgumentError, errors.RecipeError, errors.ParameterError), USAGE),
        (errors.Cancelled, INTERRUPTED),
        ((errors.BatchError, errors.MissingExtraError), BROKEN),
    ]
    return next((code for kinds, code in rows if isinstance(failure, kinds)), FAILED)


def _words_of(arguments: list[str]) -> list[str]:
    """Bring the words of a verb's command into the form that the parser takes; other commands stay as they are."""
    from imgedit.cli.words import regrouped

    verb = _verb(arguments)
    return arguments if verb is None else [arguments[0], *regrouped(verb.name, verb, arguments[1:])]


def _verb(arguments: list[str]) -> Verb | None:
    from imgedit.recipes.steps import MEASURES, MERGES, STEPS

    name = arguments[0].replace("-", "_") if arguments else ""
    return next((table[name] for table in (STEPS, MERGES, MEASURES) if name in table), None)


def _options(arguments: list[str]) -> list[str]:
    """Names of the parameters that a command takes as options."""
    from imgedit.recipes.steps import reading, writing

    verb = _verb(arguments)
    if arguments[:1] == ["verify"]:
        return ["state"]
    if verb is None:
        return ["address", "engine", "memory", "output", "per_worker", "settle", "state", "timeout", "workers"]
    own = [p.name for p in verb.parameters.values() if p.kind not in ("image", "images", "layers")]
    return [*own, *(name for row in verb.rows() for name in verb.extras(row)), *reading(), *writing()]


def _sentence(failure: Exception, arguments: list[str]) -> str:
    from cyclopts import CycloptsError, MissingArgumentError

    from imgedit.errors import ImgeditError, RecipeError
    from imgedit.recipes.wording import for_command

    if isinstance(failure, RecipeError):
        return str(failure)  # one line each, as compilers write them: file, line, what is wrong
    if isinstance(failure, OSError) and failure.filename is not None:
        return f"imgedit: {os.fsdecode(failure.filename)}: {failure.strerror}{_remedy(failure, arguments)}"
    if isinstance(failure, MissingArgumentError) and failure.argument is not None:
        command = " ".join(failure.command_chain or arguments[:1])
        text = f"{command} needs {failure.argument.name}; imgedit {command} --help shows how"
    elif isinstance(failure, ImgeditError):
        text = for_command(failure, _options(arguments), getattr(failure, "paths", None))
    else:
        text = str(failure) if isinstance(failure, CycloptsError) else f"{type(failure).__name__}: {failure}"
    return f"imgedit: {' '.join(text.split())}"


def _remedy(failure: OSError, arguments: list[str]) -> str:
    """Say what helps where one picture was wanted and a folder stands, or where the target's folder is missing."""
    if isinstance(failure, IsADirectoryError) and _verb(arguments) is not None:
        return "; name one file, or edit whole folders: imgedit batch RECIPE FOLDER -o OUTPUT"
    name = os.fsdecode(failure.filename)
    if isinstance(failure, FileNotFoundError) and any(os.path.dirname(word) == name for word in arguments):
        return "; make the folder first"
    return ""


def _say(sentence: str, code: int) -> int:
    print(sentence.encode(errors="backslashreplace").decode(), file=sys.stderr)
    return code


def application() -> App:
    """Build the command line.

    Returns
    -------
    App
        Call it with a list of arguments.
    """
    from cyclopts import App, Parameter

    import imgedit
    from imgedit.cli import commands
    from imgedit.cli.console import unwrapped
    from imgedit.recipes.steps import MEASURES, MERGES, STEPS

    app = App(
        name="imgedit",
        help="Edit images: one command a verb, and recipes over many files.",
        version=imgedit.__version__,
        help_format="plaintext",
        default_parameter=Parameter(negative_iterable=(), show_env_var=False),
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for table, group in ((STEPS, "Verbs"), (MERGES, "Verbs"), (MEASURES, "Commands")):
        for name, verb in table.items():
            command = name.replace("_", "-")
            line = f"Example: imgedit {command} {verb.example}"
            app.command(f"imgedit.cli.lazy:{name}", name=command, group=group, help=verb.summary, help_epilogue=line)
    for name, function in commands.COMMANDS.items():
        function.__doc__ = unwrapped(function.__doc__)
        app.command(function, name=name, group="Commands")
    for name, (help_text, members) in commands.FAMILIES.items():
        family = App(name=name, help=help_text, group="Commands")
        for member, function in members.items():
            function.__doc__ = unwrapped(function.__doc__)
            family.command(function, name=member)
        app.command(family)
    app.register_install_completion_command()
    return app
