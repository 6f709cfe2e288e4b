"""Layered documents: read and write stacks of layers as OpenRaster, Photoshop or TOML files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike

from imgedit.compositing.description import read_toml, write_toml
from imgedit.compositing.layers import Item, Stack, walk
from imgedit.compositing.openraster import decode_ora, encode_ora
from imgedit.compositing.psd import read_psd
from imgedit.errors import UnsupportedFormatError
from imgedit.io import files
from imgedit.tables import Table

__all__ = ["READERS", "read_layers", "write_layers"]

# A layered document is larger than a picture.
MOST_BYTES = 4 * 2**30


def read_layers(path: str | PathLike[str]) -> Stack:
    """Read the layers of a document.

    Parameters
    ----------
    path : path
        OpenRaster (``.ora``), Photoshop (``.psd``, ``.psb``; needs psd-tools), or a description in TOML (``.toml``).

    Returns
    -------
    Stack
        The layers from the lowest to the topmost, a sequence that knows the size of its canvas; ``flatten`` makes one
        picture of it.

    Raises
    ------
    OSError
        What the system says, unchanged: no such file, no permission.
    ReadError
        Not such a document, a damaged one, one over a limit, or one with something that can't be read.
    MissingExtraError
        A Photoshop document, and psd-tools is not installed.

    References
    ----------
    OpenRaster, https://www.openraster.org/

    Examples
    --------
    >>> import imgedit as ie, numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "card.ora"
    >>> ie.write_layers(path, [ie.Layer(np.zeros((2, 3), np.uint8), name="ground")])
    >>> stack = ie.read_layers(path)
    >>> stack.size, stack[0].name
    ((2, 3), 'ground')
    """
    return READERS[_kind(path, READERS)](path)


def write_layers(
    path: str | PathLike[str], layers: Sequence[Item], *, size: tuple[int, int] | None = None, overwrite: bool = True
) -> None:
    """Write layers as a document.

    Parameters
    ----------
    path : path
        OpenRaster (``.ora``), which opens in Krita, GIMP and others; or a description in TOML (``.toml``), with its
        images in a folder of the same name beside it. Nothing is written if something can't be said in that format.
    layers : sequence of Layer or Group
        From the lowest to the topmost. In OpenRaster masks become part of alpha, and float becomes 16 bit.
    size : (int, int), optional
        Height and width of the canvas; default as for ``flatten``.
    overwrite : bool
        Whether a file may stand there already.

    Raises
    ------
    ArgumentError
        Something else than layers, or something in them that the format can't say.
    UnsupportedFormatError
        A suffix that is none of these.
    OSError
        What the system says, unchanged.

    Examples
    --------
    >>> import imgedit as ie
    >>> ie.write_layers("card.xcf", [])
    Traceback (most recent call last):
        ...
    imgedit.errors.UnsupportedFormatError: card.xcf: layers can't be written as '.xcf'; there are: .ora, .toml
    """
    kind = _kind(path, WRITERS)
    for _ in walk(layers):
        pass
    if size is None and isinstance(layers, Stack):
        size = layers.size
    files.check_target(path, overwrite=overwrite)
    WRITERS[kind](path, layers, size)


def _kind(path: str | PathLike[str], table: Mapping[str, object]) -> str:
    suffix = files.suffix_of(path)
    if suffix not in table:
        does = "read from" if table is READERS else "written as"
        raise UnsupportedFormatError(path, f"layers can't be {does} {suffix!r}; there are: {', '.join(table)}")
    return suffix


def _read_ora(path: str | PathLike[str]) -> Stack:
    return decode_ora(files.load(path, max_bytes=MOST_BYTES), files.show(path))


def _write_ora(path: str | PathLike[str], layers: Sequence[Item], size: tuple[int, int] | None) -> None:
    files.store(path, encode_ora(layers, size))


READERS: Table[Callable[..., Stack]] = Table(
    "suffix", {".ora": _read_ora, ".psd": read_psd, ".psb": read_psd, ".toml": read_toml}
)
WRITERS: Table[Callable[..., None]] = Table("suffix", {".ora": _write_ora, ".toml": write_toml})
