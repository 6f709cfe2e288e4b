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

__all__ = ["application", "run"]

DONE, USAGE, FAILED, INTERRUPTED, BROKEN = 0, 2, 3, 4, 5


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
            result = application()(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has left. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return _say("imgedit: interrupted", INTERRUPTED)
    except Exception as failure:  # noqa: BLE001 - the edge of the program: every failure is one line and a code
        return _say(_sentence(failure), _code(failure))
    return result if isinstance(result, int) else DONE


def _code(failure: Exception) -> int:
    from cyclopts import CycloptsError

    from imgedit import errors

    rows: list[tuple[type[Exception] | tuple[type[Exception], ...], int]] = [
        (errors.ImageError, FAILED),
        ((CycloptsError, errors.ArgumentError, errors.RecipeError, errors.ParameterError), USAGE),
        (errors.Cancelled, INTERRUPTED),
        ((errors.BatchError, errors.MissingExtraError), BROKEN),
    ]
    return next((code for kinds, code in rows if isinstance(failure, kinds)), FAILED)


def _sentence(failure: Exception) -> str:
    from cyclopts import CycloptsError

    from imgedit.errors import ImgeditError, RecipeError

    if isinstance(failure, RecipeError):
        return str(failure)  # one line each, as compilers write them: file, line, what is wrong
    if isinstance(failure, OSError) and failure.filename is not None:
        return f"imgedit: {os.fsdecode(failure.filename)}: {failure.strerror}"
    text = " ".join(str(failure).split())
    kind = "" if isinstance(failure, (ImgeditError, CycloptsError)) else f"{type(failure).__name__}: "
    return f"imgedit: {kind}{text}"


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
