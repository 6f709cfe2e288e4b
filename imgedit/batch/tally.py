"""How far a run is: numbers for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from imgedit.batch.rows import Row

__all__ = ["Tally"]


@dataclass(frozen=True)
class Tally:
    """How many files of a run have come to an end, and how.

    Parameters
    ----------
    total : int
        Files of the plan.
    workers : int
        How many are worked on side by side.
    done : int
        Files that this run did.
    failed : int
        Files that failed, those of earlier runs that stand included.
    skipped : int
        Files that earlier runs did.
    standing : int
        Failures of earlier runs, not tried again.
    same : int
        Of the skipped, those that this run had to look into.
    pixels : int
        Width times height of the photos that this run did.

    Examples
    --------
    >>> import imgedit as ie
    >>> tally = ie.batch.Tally(total=10, workers=2, skipped=3)
    >>> tally = tally.plus(ie.batch.Row("/photos/a.jpg", "a.webp", "done", pixels=12_000_000))
    >>> tally.settled, tally.worked, tally.pixels
    (4, 1, 12000000)
    """

    total: int
    workers: int
    done: int = 0
    failed: int = 0
    skipped: int = 0
    standing: int = 0
    same: int = 0
    pixels: int = 0

    def plus(self, row: Row) -> Tally:
        """Count one more file.

        Parameters
        ----------
        row : Row
            What this run made of it.

        Returns
        -------
        Tally
            With the file counted.
        """
        if row.state == "skipped":
            return replace(self, skipped=self.skipped + 1, same=self.same + 1)
        if row.state == "failed":
            return replace(self, failed=self.failed + 1)
        return replace(self, done=self.done + 1, pixels=self.pixels + row.pixels)

    @property
    def settled(self) -> int:
        """Files that have come to an end, in this run or before it."""
        return self.done + self.failed + self.skipped

    @property
    def worked(self) -> int:
        """Files that this run has had in its hands."""
        return self.done + self.failed + self.same - self.standing
