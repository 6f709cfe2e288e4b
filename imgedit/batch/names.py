"""No two results of a run may have one name: found out before the work, also where names hold sizes not known yet.

A name with sizes ends in them (`imgedit.recipes.outputs`), so whoever cuts them off its end finds the one name that it
was planned as. What another output of the recipe writes may still look as if it ended in a size (``a-100.png``, of the
photo ``a-100.jpg``); such names are kept cut, too.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterable, Sequence

from imgedit.batch.rows import Job
from imgedit.errors import ArgumentError
from imgedit.recipes import Output

__all__ = ["Names"]

SIZE = r"(?:[0-9]+|\{width\}|\{height\})"
EXT = r"([^./]*)"

Key = tuple[str, ...]


class Names:
    """The names that are taken: two or three numbers for each.

    Parameters
    ----------
    outputs : sequence of Output
        Those of the recipe.
    """

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._taken: set[int] = set()
        self._shapes = {index: _shape(output.name) for index, output in enumerate(outputs) if output.is_sized}

    @property
    def are_sized(self) -> bool:
        """Whether some of them hold sizes."""
        return bool(self._shapes)

    def take(self, job: Job, before: Iterable[Job]) -> None:
        """Take the names of a file.

        Parameters
        ----------
        job : Job
            The file.
        before : iterable of Job
            Those that took theirs before; gone through only where a name seems to be taken.

        Raises
        ------
        ArgumentError
            Another one has it, or may have.
        """
        if not self._shapes and len(job.names) == 1:  # as of most recipes, in half the time
            key = hash((_folded(job.names[0]),))
            if key in self._taken:
                self._refuse_taken(job, 0, self._keys(0, job.names[0])[0], before)
            self._taken.add(key)
            return
        for index, name in enumerate(job.names):
            wanted, claimed = self._keys(index, name)
            # Two names with one hash are rare and no error; nothing else of a name is kept.
            if any(hash(key) in self._taken for key in wanted):
                self._refuse_taken(job, index, wanted, before)
            self._taken.update(map(hash, claimed))

    def may_meet(self, name: str) -> bool:
        """Tell whether a name that is none of them may become one of those with sizes."""
        return any(hash(key) in self._taken for key in self._keys(-1, name)[0])

    def _keys(self, index: int, name: str) -> tuple[list[Key], list[Key]]:
        """Say under what the rivals of a name are found, and under what they find it."""
        name = _folded(name)
        wanted: list[Key] = [(name,)]
        if not self._shapes:
            return wanted, wanted
        claimed: list[Key] = [(name,)]
        for sized, shape in self._shapes.items():
            if match := shape.fullmatch(name):
                own, other = ("sized", "plain") if sized == index else ("plain", "sized")
                claimed.append((own, str(sized), *match.groups()))
                wanted.append((other, str(sized), *match.groups()))
        return wanted, claimed

    def _refuse_taken(self, job: Job, index: int, wanted: list[Key], before: Iterable[Job]) -> None:
        rivals = ((other, number) for other in before for number in range(len(other.names)))
        for other, number in itertools.chain(((job, number) for number in range(index)), rivals):
            if set(wanted).isdisjoint(self._keys(number, other.names[number])[1]):
                continue
            name = job.names[index]
            if other is job:
                problem = (
                    f"hold {job.source}, of which outputs {number + 1} and {index + 1} would both be written to {name}"
                )
                raise ArgumentError("inputs", problem, "give the outputs names of their own")
            met = f"would both be written to {name}" if name == other.names[number] else f"may meet as {name}"
            problem = f"{other.source} and {job.source} {met}"
            remedy = 'rename one, or tell them apart: name = "{folder}/{name}.{ext}"'
            if job.photo == other.photo:
                remedy = "give the folder above them, whose tree is kept, or each an output of its own"
            raise ArgumentError("inputs", problem, remedy)


def _shape(template: str) -> re.Pattern[str]:
    """Give what cuts the sizes off the end of a name; its groups are the rest."""
    first = min(place for place in map(template.find, ("{width}", "{height}")) if place >= 0)
    tail = re.escape(_folded(template[first:]))
    tail = re.sub(r"\\\{(width|height|ext)\\\}", lambda field: EXT if field[1] == "ext" else SIZE, tail)
    return re.compile(f"(.*)(?<![0-9]){tail}", re.DOTALL)


def _folded(name: str) -> str:
    # Where the file system takes a.jpg and A.jpg for one file, so must we.
    return name.casefold() if sys.platform in ("win32", "darwin") else name
