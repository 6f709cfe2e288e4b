"""A net under trial, the pictures that it is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ModelError
from imgedit.models.manifest import Manifest
from imgedit.models.session import DTYPES, Model, Port

__all__ = ["BYTE", "RANGES", "SIGNED", "UNIT", "Floats", "Range", "Trial", "kind_of", "load", "photo", "psnr", "unit"]

Floats = NDArray[np.float32]
Range = tuple[float, float]

UNIT, BYTE, SIGNED = (0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)
RANGES = (UNIT, BYTE, SIGNED)

# Channels that a picture may have; None where the file leaves them open.
CHANNELS = (None, 1, 3, 4)

# Sizes that are tried: odd multiples of each, so that a net which needs twice as much is found out, and some larger
# ones for nets that take nothing small.
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
SMALL = (64, 96)
LARGE = ((256, 256), (512, 512))

# Of one run; the whole trial has a deadline of its own.
SECONDS = 60.0


@dataclass
class Trial:
    """A net under trial, and what is known of it so far.

    Parameters
    ----------
    path : Path
        The ONNX file.
    wanted : dict
        Fields of the manifest that the caller knows already; and "hint", the task of the verb that wants it.
    model : Model
        The file, loaded on the CPU.
    """

    path: Path
    wanted: dict[str, Any]
    model: Model
    fields: dict[str, Any] = field(default_factory=dict)
    findings: list[tuple[str, str, str]] = field(default_factory=list)
    given: Floats | None = None
    got: Floats | None = None

    @property
    def purpose(self) -> str | None:
        """What it is wanted for, where the trial alone could not tell."""
        said: str | None = self.wanted.get("task") or self.wanted.get("hint")
        return said

    def note(self, name: str, value: Any, reason: str) -> None:
        """Keep a field, unless the caller has named its value."""
        if self.wanted.get(name) is not None:
            value, reason = self.wanted[name], "as you said"
        self.fields[name] = value
        self.findings.append((name, _words(value), reason))

    def forget(self, name: str) -> Any:
        """Take back what was noted of a field, and give its value."""
        self.findings = [row for row in self.findings if row[0] != name]
        return self.fields.pop(name)

    def fail(self, problem: str) -> ModelError:
        """Make the error for a net that fits no verb."""
        return ModelError(self.path, problem)

    def channels(self, port: Port) -> int:
        """Channels of the picture that an input takes; three where the file leaves it open."""
        return port.shape[1 if self.fields["layout"] == "nchw" else 3] or 3

    def sides(self, port: Port) -> tuple[int | None, int | None]:
        """Height and width that an input takes, as far as the file says."""
        height, width = port.shape[2:] if self.fields["layout"] == "nchw" else port.shape[1:3]
        return height, width

    def give(self, picture: Floats, span: Range, port: Port) -> NDArray[Any]:
        """Lay a picture out as an input wants it."""
        values = picture * np.float32(span[1] - span[0]) + np.float32(span[0])
        if self.fields["layout"] == "nchw":
            values = values.transpose(2, 0, 1)
        if port.dtype == "uint8":
            values = np.rint(values)
        return np.ascontiguousarray(values[None].astype(DTYPES[port.dtype]))

    def take(self, result: NDArray[Any]) -> Floats:
        """Take the picture out of what a net gives: HxWxC float32, in the net's own range."""
        values = result[0] if result.ndim == 4 else result
        if values.ndim != 3:
            raise self.fail(f"gives {'x'.join(map(str, result.shape))} numbers, which are no picture")
        if not np.isfinite(values).all():
            raise self.fail("gives numbers that are not finite for a photo")
        values = values.astype(np.float32)
        return np.ascontiguousarray(values.transpose(1, 2, 0) if self.fields["layout"] == "nchw" else values)

    def answer(self, *arrays: NDArray[Any]) -> NDArray[Any]:
        """Run the net, and give its first output."""
        return self.model.run(*arrays, seconds=SECONDS)[0]

    def run(self, picture: Floats, span: Range) -> Floats:
        """Run a net of one input on a picture."""
        return self.take(self.answer(self.give(picture, span, self.model.inputs[0])))

    def note_layout(self, port: Port) -> None:
        """Note whether channels come first."""
        first = port.shape[1] in (1, 3, 4) or port.shape[3] not in (1, 3, 4)
        self.note("layout", "nchw" if first else "nhwc", f"the file declares {shape_of(port)}")


def load(path: Path, **fields: Any) -> Model:
    """Load a file of which nothing is known, on the CPU.

    Parameters
    ----------
    path : Path
        The ONNX file.
    **fields : object
        Of the manifest, where something is known.

    Returns
    -------
    Model
        Its manifest is made up.
    """
    fields = {"task": "restore", "family": "rgb", "license": "unknown", "source": "a trial", **fields}
    manifest = Manifest(name="trial", folder=path.parent, file="trial.onnx", sha256="0" * 64, **fields)
    return Model(path, manifest, device="cpu")


def kind_of(port: Port) -> str:
    """Tell an input by its shape: "image", "latent" (a row of numbers), "label" or "other"."""
    if port.dtype.startswith("int"):
        return "label"
    if len(port.shape) == 2 or (len(port.shape) == 4 and port.shape[2:] == (1, 1)):
        return "latent"
    if len(port.shape) == 4 and (port.shape[1] in CHANNELS or port.shape[3] in CHANNELS):
        return "image"
    return "other"


def shape_of(port: Port) -> str:
    """Write the shape that the file declares: ``?x3x224x224``."""
    return "x".join(str(side or "?") for side in port.shape)


def sizes() -> list[tuple[int | None, tuple[int, int]]]:
    """List the sizes to try, each with the multiple that it stands for, if any."""
    rows: list[tuple[int | None, tuple[int, int]]] = []
    for multiple in MULTIPLES:
        height, width = (max(least, side // multiple | 1) for least, side in zip((3, 5), SMALL, strict=True))
        rows.append((multiple, (height * multiple, width * multiple)))
    return rows + [(None, size) for size in LARGE]


def photo(height: int, width: int, channels: int = 3) -> Floats:
    """Give a face, hair and cloth in front of a flag: scikit-image's photo, halved where it is large enough.

    Parameters
    ----------
    height, width : int
        Size.
    channels : int
        1 (grey), 3, or 4 (opaque).

    Returns
    -------
    ndarray of float32
        HxWxC in [0, 1].
    """
    from skimage.data import astronaut

    whole = astronaut()[:, 40:472].astype(np.float32) / 255
    factor = max(0.5, height / whole.shape[0], width / whole.shape[1])
    filtering = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    whole = cv2.resize(whole, None, fx=factor, fy=factor, interpolation=filtering)
    left = (whole.shape[1] - width) // 2
    part = np.clip(whole[:height, left : left + width], 0, 1)
    if channels == 1:
        return np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)[..., None], np.float32)
    return np.dstack([part, np.ones((height, width, channels - 3), np.float32)]) if channels > 3 else part


def psnr(a: Floats, b: Floats) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1]; what lies outside is cut off."""
    return float(10 * np.log10(1 / max(1e-10, np.square(np.clip(a, 0, 1) - b).mean(dtype=np.float64))))


def unit(values: Floats, span: Range) -> Floats:
    """Bring a range to [0, 1]."""
    return (values - np.float32(span[0])) / np.float32(span[1] - span[0])


def _words(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(_words, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
