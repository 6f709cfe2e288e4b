"""A table of named functions: the one place where a name of a method, mode, filter or engine turns into code.

A parameter that takes such a name is annotated ``Annotated[str, TABLE]``; the command line, the recipe check and the
docs read the choices from there, so that a new row is known everywhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from imgedit.errors import UnknownNameError

__all__ = ["Files", "Table", "advice"]

T = TypeVar("T")


class Table(Mapping[str, T], Generic[T]):
    """Named things, in the order they were listed; a wrong name raises with the nearest and all valid ones.

    Parameters
    ----------
    what : str
        What the names stand for, for errors: ``"blend mode"``.
    rows : mapping of str to T
        The names and what they stand for.
    where : str
        Where all names can be read, for a table that is too long for a message.

    Examples
    --------
    >>> sizes = Table("size", {"small": 1, "large": 2})
    >>> sizes["large"]
    2
    >>> sizes["lagre"]
    Traceback (most recent call last):
        ...
    imgedit.errors.UnknownNameError: size is 'lagre'; did you mean 'large'? valid names: small, large
    """

    def __init__(self, what: str, rows: Mapping[str, T], *, where: str = "") -> None:
        self.what = what
        self.where = where
        self._rows = dict(rows)

    def __getitem__(self, name: str) -> T:
        try:
            return self._rows[name]
        except (KeyError, TypeError):
            raise UnknownNameError(self.what, f"is {name!r}", advice(name, self._rows, self.where)) from None

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __hash__(self) -> int:
        # Type hints such as ``Annotated[str, TABLE] | None`` put their parts into sets.
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __repr__(self) -> str:
        return f"Table({self.what!r}, {list(self._rows)})"


# A message with more names than this is no longer read.
MOST_NAMES = 40
NEAREST = 5


def advice(name: object, valid: Mapping[str, object] | list[str], where: str = "") -> str:
    """Give the end of an error message for a wrong name: the nearest valid one, then all of them if they are few.

    Parameters
    ----------
    name : object
        What was given.
    valid : mapping or list of str
        What could have been given.
    where : str
        Where all names can be read.

    Returns
    -------
    str
        ``"did you mean 'large'? valid names: small, large"``.
    """
    names = list(valid)
    word = str(name).lower().replace("_", "-")
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    guess = f"did you mean {near[0]!r}? " if near else ""
    if len(names) <= MOST_NAMES:
        return f"{guess}valid names: {', '.join(names)}"
    nearest = difflib.get_close_matches(word, names, n=NEAREST, cutoff=0.4) or names[:NEAREST]
    listed = f", listed in {where}" if where else ""
    return f"{guess}nearest of {len(names)} names{listed}: {', '.join(nearest)}"


@dataclass(frozen=True)
class Files:
    """A note on the annotation of a parameter whose plain values may name files: ``Annotated[Paint, Files(...)]``.

    Recipes find by it which files a step needs, and let relative paths start at the recipe.

    Parameters
    ----------
    moved : callable
        Given a value and a function from one path to another; gives the value with each path in it replaced.
    """

    moved: Callable[[Any, Callable[[str], str]], Any]

    def named(self, value: Any) -> list[str]:
        """List the paths in a value.

        Parameters
        ----------
        value : object
            What a caller gave.

        Returns
        -------
        list of str
            In the order in which they stand there.
        """
        found: list[str] = []

        def note(path: str) -> str:
            found.append(path)
            return path

        self.moved(value, note)
        return found
