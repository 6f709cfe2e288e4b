"""Where results go: a folder, in which each appears whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imgedit.batch.lock import Lock
from imgedit.io import files

__all__ = ["Folder"]


@dataclass(frozen=True)
class Folder:
    """A folder of results.

    Parameters
    ----------
    root : Path
        The folder.
    state : Path
        Where the record of its runs lies.
    scratch : Path
        Where a result is written before it gets its name. It is not made here: if it is gone, so is the run's right to
        write.
    """

    root: Path
    state: Path
    scratch: Path

    def put(self, name: str, data: bytes) -> int:
        """Write a result.

        Parameters
        ----------
        name : str
            Its path below the folder, with forward slashes.
        data : bytes
            All of it.

        Returns
        -------
        int
            Bytes written.

        Raises
        ------
        OSError
            What the system says.
        """
        target = self.root / name
        temporary = self.scratch / (secrets.token_hex(8) + target.suffix)
        files.store(temporary, data)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return len(data)

    def read(self, name: str) -> bytes:
        """Give what stands under a name."""
        return (self.root / name).read_bytes()

    def standing(self) -> Callable[[str], int | None]:
        """Give a function that tells how many bytes stand under a name; None where there is nothing."""
        root = os.path.join(self.root, "")

        def size(name: str) -> int | None:
            try:
                return os.stat(root + name).st_size
            except OSError:
                return None

        return size

    def show(self, name: str = "") -> str:
        """Give the path of a result, or of the folder, for messages."""
        return str(self.root / name) if name else str(self.root)

    def locks(self) -> tuple[Lock]:
        """Give what keeps other runs away: with the results and not with the record, which may be kept elsewhere."""
        return (Lock(self.scratch.parent),)
