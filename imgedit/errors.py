"""Every error that imgedit raises by itself.

::

    ImgeditError
    ├── ArgumentError (ValueError)        an argument that no call could honour
    │   ├── ImageError                    an array that is not an image, or a mask that does not fit it
    │   └── UnknownNameError (LookupError) a method, mode or model name that does not exist
    ├── FileError                         something about one file; names it
    │   ├── ReadError
    │   │   ├── InvalidPathError          a name no file can have, or not a regular file
    │   │   ├── EmptyFileError            zero bytes
    │   │   ├── NotAnImageError           bytes of something else
    │   │   ├── UnsupportedFormatError    an image, but not one that can be decoded (or encoded) here
    │   │   ├── TruncatedImageError       an image that ends early or is damaged
    │   │   ├── ImageTooLargeError        over a limit on pixels, frames or bytes
    │   │   ├── MultiFrameError           several frames and no choice of one
    │   │   └── ColorModelError           colours that can't be taken for RGB without a profile
    │   ├── WriteError
    │   │   ├── BitDepthError             the format can't hold these numbers
    │   │   ├── AlphaLossError            the format can't hold transparency
    │   │   ├── ChannelError              the format can't hold this number of channels
    │   │   ├── ParameterError            an option the encoder does not have, or out of its range
    │   │   └── OutOfSpaceError (OSError) the disk or the quota is full
    │   ├── StorageError                  a store that did not give or take a file, or an archive that can't be read
    │   └── ModelError                    a model file or its manifest that can't be used
    │       ├── DeviceError               a device that was asked for and does not run; says what is missing
    │       ├── FetchError                weights that no address gave
    │       ├── ModelMemoryError (MemoryError) the device's memory does not suffice
    │       └── ModelTimeoutError         a model that did not end before its deadline
    ├── RecipeError                       a recipe that can't run; names file, line, step and parameter
    ├── BatchError                        a run that can't start or go on
    │   └── LockedError                   another run works on the same output
    ├── MissingExtraError (ImportError)   an optional library is needed; says how to install it
    ├── MissingLibraryError (ImportError) an optional library lacks one of the system's; says how to install that
    └── Cancelled                         raised by a progress callback to stop the work

Errors of the operating system (a missing file, no permission) come through unchanged, with their path.
All of them survive pickling, so that they can cross a process boundary.
"""

from __future__ import annotations

import errno

__all__ = [
    "AlphaLossError",
    "ArgumentError",
    "BatchError",
    "BitDepthError",
    "Cancelled",
    "ChannelError",
    "ColorModelError",
    "DeviceError",
    "EmptyFileError",
    "FetchError",
    "FileError",
    "ImageError",
    "ImageTooLargeError",
    "ImgeditError",
    "InvalidPathError",
    "LockedError",
    "MissingExtraError",
    "MissingLibraryError",
    "ModelError",
    "ModelMemoryError",
    "ModelTimeoutError",
    "MultiFrameError",
    "NotAnImageError",
    "OutOfSpaceError",
    "ParameterError",
    "ReadError",
    "RecipeError",
    "StorageError",
    "TruncatedImageError",
    "UnknownNameError",
    "UnsupportedFormatError",
    "WriteError",
]


class ImgeditError(Exception):
    """Base of every error that imgedit raises by itself."""


class ArgumentError(ImgeditError, ValueError):
    """An argument that no call could honour.

    Parameters
    ----------
    argument : str
        The name of the argument, as the caller wrote it.
    problem : str
        What is wrong, with the value: ``"is 480x640 but image is 512x640"``.
    remedy : str
        What to do instead: ``"resize it with ie.resize(mask, (512, 640))"``.
    """

    def __init__(self, argument: str, problem: str, remedy: str) -> None:
        super().__init__(argument, problem, remedy)
        self.argument = argument
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.argument} {self.problem}; {self.remedy}"


class ImageError(ArgumentError):
    """An array that is not an image, or a mask that does not fit its image."""


class UnknownNameError(ArgumentError, LookupError):
    """A method, mode, filter or model name that does not exist."""


class FileError(ImgeditError):
    """Something about one file.

    Parameters
    ----------
    path : str
        The file, as the user named it.
    problem : str
        What is wrong and what to do.
    """

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(str(path), problem)
        self.path = str(path)
        self.problem = problem

    def __str__(self) -> str:
        # A name with bytes that are not UTF-8 must still print on any terminal.
        return f"{self.path.encode('utf-8', 'backslashreplace').decode()}: {self.problem}"


class ReadError(FileError):
    """A file that can't be read as an image."""


class InvalidPathError(ReadError):
    """A name that no file can have, or something that is not a regular file."""


class EmptyFileError(ReadError):
    """A file of zero bytes."""


class NotAnImageError(ReadError):
    """The bytes are something else than an image."""


class UnsupportedFormatError(ReadError):
    """An image format, or a kind of it, that can't be decoded or encoded here."""


class TruncatedImageError(ReadError):
    """An image that ends early or is damaged."""


class ImageTooLargeError(ReadError):
    """Over a limit on pixels, frames or bytes; found before anything was allocated."""


class MultiFrameError(ReadError):
    """Several frames or pages, and no choice of one."""


class ColorModelError(ReadError):
    """Colours that can't be taken for RGB without a profile."""


class WriteError(FileError):
    """An image that can't be written as asked."""


class BitDepthError(WriteError):
    """The format can't hold these numbers without loss."""


class AlphaLossError(WriteError):
    """The format can't hold transparency."""


class ChannelError(WriteError):
    """The format can't hold this number of channels."""


class ParameterError(WriteError):
    """An option that the encoder does not have, or a value out of its range."""


class OutOfSpaceError(WriteError, OSError):
    """The disk or the quota is full; what stood there before is untouched."""

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(path, problem)
        self.errno = errno.ENOSPC


class StorageError(FileError):
    """A store that did not give or take a file in several tries, or an archive that can't be read."""


class ModelError(FileError):
    """A model file or its manifest that can't be used."""


class DeviceError(ModelError):
    """A device that was asked for and does not run; says what is missing."""


class FetchError(ModelError):
    """Weights that none of the addresses in a manifest gave; says what each answered."""


class ModelMemoryError(ModelError, MemoryError):
    """The memory of the device does not suffice; smaller tiles may."""


class ModelTimeoutError(ModelError):
    """A model that did not end before its deadline."""


class RecipeError(ImgeditError):
    """A recipe that can't run: every finding, each with file, line, step and parameter.

    Parameters
    ----------
    findings : sequence of str
        One line each.
    """

    def __init__(self, *findings: str) -> None:
        super().__init__(*findings)
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join(self.findings)


class BatchError(ImgeditError):
    """A batch run that can't start or go on."""


class LockedError(BatchError):
    """Another run works on the same output."""


class MissingExtraError(ImgeditError, ImportError):
    """An optional library is needed.

    Parameters
    ----------
    library : str
        What could not be imported.
    extra : str
        The extra of imgedit that brings it.
    purpose : str
        What it is needed for.
    """

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(library, extra, purpose)
        self.library = library
        self.extra = extra
        self.purpose = purpose

    def __str__(self) -> str:
        return f"{self.purpose} needs {self.library}; install it with: pip install 'imgedit[{self.extra}]'"


class MissingLibraryError(ImgeditError, ImportError):
    """An optional library is installed, but lacks one of the system's.

    Parameters
    ----------
    library : str
        What could not be loaded.
    problem : str
        What the loader said.
    packages : str
        The packages of Debian and Ubuntu that bring what it needs.
    """

    def __init__(self, library: str, problem: str, packages: str) -> None:
        super().__init__(library, problem, packages)
        self.library = library
        self.problem = problem
        self.packages = packages

    def __str__(self) -> str:
        return f"{self.library} can't be loaded ({self.problem}); on Debian or Ubuntu: apt-get install {self.packages}"


class Cancelled(ImgeditError):  # noqa: N818 - it is a wish, not an error
    """Raise it inside a ``progress`` callback to stop the work; nothing half-done is left behind."""
