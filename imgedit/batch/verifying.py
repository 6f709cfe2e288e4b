"""Do the results of earlier runs still stand as they were written? Their hashes are in the record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from imgedit.batch.places import Output, output_at
from imgedit.batch.record import Record
from imgedit.batch.rows import Row, digest_of_result
from imgedit.errors import ArgumentError, StorageError
from imgedit.pixels import Progress

__all__ = ["Verdict", "verify"]


class Verdict(NamedTuple):
    """How one result stands.

    Parameters
    ----------
    output : str
        Its path below the output folder, with forward slashes.
    state : {"whole", "missing", "changed", "unreadable"}
        Whole: the bytes that were written.
    input : str
        What it was made from.
    """

    output: str
    state: Literal["whole", "missing", "changed", "unreadable"]
    input: str


def verify(
    output: str | Path, *, state: str | Path | None = None, progress: Progress | None = None
) -> Iterator[Verdict]:
    """Read all results that the record of an output tells of, and say which are no longer what was written.

    Nothing is changed. To have a result made again, delete it and run the batch once more.

    Parameters
    ----------
    output : str or Path
        Folder or URL to which a batch wrote.
    state : str or Path, optional
        As for `run`.
    progress : callable, optional
        Given the fraction of the files done; what it raises stops the work.

    Yields
    ------
    Verdict
        One for each result, in the order in which they were made.

    Raises
    ------
    ArgumentError
        There is no record of a batch.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import imgedit as ie
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ie.write(Path(folder, "photo.jpg"), np.zeros((64, 96, 3), np.uint8))
    ...     made = ie.batch.run(ie.Recipe([], output={"format": "png"}), folder, Path(folder, "out"), engine="serial")
    ...     Path(folder, "out", "photo.png").write_bytes(b"something else")
    ...     print([(found.output, found.state) for found in ie.batch.verify(Path(folder, "out"))])
    14
    [('photo.png', 'changed')]
    """
    place = output_at(output, state)
    record = Record(place, "")
    record.read()
    if not len(record):
        given = "" if state is None else f" in {str(state)!r}"
        raise ArgumentError("output", f"is {place.show()!r}, of which no record of a batch is known{given}", REMEDY)
    for number, row in enumerate(record.last_rows(), 1):
        if row.state == "done":
            yield from _verdicts(row, place)
        if progress is not None:
            progress(number / len(record))


REMEDY = "give the output of imgedit batch, and the state= of its runs if they had one"


def _verdicts(row: Row, place: Output) -> Iterator[Verdict]:
    # Records of versions before the hashes know sizes only.
    digests = row.digests or [""] * len(row.outputs)
    for (name, size), digest in zip(row.outputs, digests, strict=True):
        try:
            data = place.read(name)
        except FileNotFoundError:
            yield Verdict(name, "missing", row.input)
        except (OSError, StorageError):
            yield Verdict(name, "unreadable", row.input)
        else:
            is_whole = len(data) == size and digest in ("", digest_of_result(data))
            yield Verdict(name, "whole" if is_whole else "changed", row.input)
