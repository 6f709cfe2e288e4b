"""What an ONNX file itself does not say: task, family, range, layout, size rule, tiling, licence, hash.

A manifest is a TOML file beside the weights, ``NAME.toml``; every field is checked when it is loaded.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pydantic

from imgedit.errors import ModelError

__all__ = ["Manifest", "Task", "file_hash"]

Task = Literal["superres", "style", "gan", "vae", "inpaint", "restore", "matte", "features"]

Sha256 = Annotated[str, pydantic.StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A bare file name: what a manifest names lies beside it, never elsewhere.
FileName = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.onnx$")]
DataName = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Url = Annotated[str, pydantic.StringConstraints(pattern=r"^https?://\S+$")]
Positive = Annotated[int, pydantic.Field(ge=1)]
Range = tuple[pydantic.FiniteFloat, pydantic.FiniteFloat]
# "image", "mask", "latent" ...: the families of each verb say which they know.
Role = Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]


class Manifest(pydantic.BaseModel):
    """A model as its verb needs to know it.

    Parameters
    ----------
    name : str
        Stem of the manifest's file name.
    folder : Path
        Where the manifest lies; the weights are looked for here first.
    task : str
        Which verb may use it.
    family : str
        Which function of that verb runs it.
    file : str
        Name of the ONNX file.
    sha256 : str
        Of the ONNX file, 64 hexadecimal digits.
    license : str
        SPDX identifier, or the name by which the licence is known.
    source : str
        Paper, repository, or the command that made it.
    commercial_use : bool or None
        Whether the licence allows it; None where nobody says.
    url : str, optional
        Where the weights are fetched from, if they are not ours to ship.
    mirrors : tuple of str
        Further addresses of the same bytes.
    size : int, optional
        Bytes of the ONNX file.
    external : dict of str to str
        Files of weights beside the ONNX file, each with its SHA-256; no other is read.
    inputs, outputs : tuple of str
        What each input takes and each output gives, in the file's order: "image", "mask", "style", "latent", "noise",
        "label", "weights", "truncation"; empty where there is but an image.
    range : tuple of float
        What black and white are for the net.
    output_range : tuple of float, optional
        The same for what it gives, where that differs.
    mean, std : tuple of float
        A number for each channel: what is in `range` less `mean`, divided by `std`, is given to the net.
    channels : {"rgb", "bgr"}
        Order in which the net wants the colours.
    layout : {"nchw", "nhwc"}
        Order of the axes.
    scale : int
        Output pixels per input pixel and axis.
    multiple_of : int
        Height and width must be multiples of this.
    fixed_size : tuple of int, optional
        Height and width of a net that takes no other; needed only where the file does not declare them.
    free_size : bool
        The height and width that the file declares are not meant: it takes any.
    overlap : int
        Input pixels beyond a tile that its result depends on.
    tiling : {"safe", "avoid", "never"}
        Whether a picture may be cut into tiles.
    grid : int, optional
        Period in pixels of a pattern that the net leaves, an even number. A picture goes through twice, the second time
        moved by half of it along both axes: in the mean of the two the pattern is gone.
    half : bool
        Whether float16 is safe.
    parameters : int, optional
        Number of weights.
    space : {"z", "w"}, optional
        What the latents of a generator are.
    partner : str
        Name of the model that goes the other way: the encoder of a decoder.
    mapping : str
        Name of the model that makes latents of w out of normal numbers.
    classes : tuple of str
        Names of labels or styles, in the order of the net's index.
    note : str
        One line for the list of models.

    Examples
    --------
    >>> import imgedit as ie
    >>> net = ie.models.info("sr-x2")
    >>> net.task, net.family, net.scale, net.license
    ('superres', 'rgb', 2, 'BSD-3-Clause')
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=False)

    name: str
    folder: Path
    task: Task
    family: str
    file: FileName
    sha256: Sha256
    license: str
    source: str
    commercial_use: bool | None = None
    url: Url | None = None
    mirrors: tuple[Url, ...] = ()
    size: Positive | None = None
    external: dict[DataName, Sha256] = pydantic.Field(default_factory=dict)
    inputs: tuple[Role, ...] = ()
    outputs: tuple[Role, ...] = ()
    range: Range = (0.0, 1.0)
    output_range: Range | None = None
    mean: tuple[pydantic.FiniteFloat, ...] = ()
    std: tuple[Annotated[float, pydantic.Field(gt=0)], ...] = ()
    channels: Literal["rgb", "bgr"] = "rgb"
    layout: Literal["nchw", "nhwc"] = "nchw"
    scale: Positive = 1
    multiple_of: Positive = 1
    fixed_size: tuple[Positive, Positive] | None = None
    free_size: bool = False
    overlap: Annotated[int, pydantic.Field(ge=0)] = 16
    tiling: Literal["safe", "avoid", "never"] = "safe"
    grid: Annotated[int, pydantic.Field(gt=0, multiple_of=2)] | None = None
    half: bool = False
    parameters: Positive | None = None
    space: Literal["z", "w"] | None = None
    partner: str = ""
    mapping: str = ""
    classes: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def from_toml(cls, path: Path) -> Manifest:
        """Load a manifest and check every field.

        Parameters
        ----------
        path : Path
            The TOML file.

        Returns
        -------
        Manifest
            The checked manifest.

        Raises
        ------
        ModelError
            Not TOML, a field that is missing, unknown or malformed: names file and field.
        """
        try:
            fields = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
            raise ModelError(path, f"is not a manifest: {problem}") from problem
        try:
            return cls(**{**fields, "name": path.stem, "folder": path.parent})
        except pydantic.ValidationError as problem:
            findings = [f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in problem.errors()]
            remedy = f"fields are {', '.join(sorted(set(cls.model_fields) - {'name', 'folder'}))}"
            raise ModelError(path, f"is not a valid manifest ({'; '.join(findings)}); {remedy}") from None

    def of_file(self, path: Path, **changes: Any) -> Manifest:
        """Describe a file that was made of this model's.

        Parameters
        ----------
        path : Path
            The ONNX file, which holds all its weights; the manifest will lie beside it.
        **changes : object
            Fields that differ. Its addresses, files of weights and partner are not the model's in any case.

        Returns
        -------
        Manifest
            Named as the file.
        """
        own = {"name": path.stem, "folder": path.parent, "file": path.name, "size": path.stat().st_size}
        gone: dict[str, Any] = {"url": None, "mirrors": (), "external": {}, "partner": ""}
        return self.model_copy(update={**own, "sha256": file_hash(path), **gone, **changes})

    def to_toml(self) -> str:
        """Write the fields that differ from their defaults.

        Returns
        -------
        str
            Text that `from_toml` reads back.
        """
        fields = self.model_dump(exclude={"name", "folder"}, exclude_defaults=True)
        fields = {"task": self.task, "family": self.family, "file": self.file, **fields}
        return "".join(f"{name} = {_toml(value)}\n" for name, value in fields.items() if value is not None)


def _toml(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(key)} = {_toml(inner)}' for key, inner in value.items())} }}"
    # JSON writes booleans, numbers and strings as TOML does.
    return json.dumps(value, ensure_ascii=False)


def file_hash(path: Path) -> str:
    """Give the SHA-256 of a file.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


TASKS: tuple[str, ...] = get_args(Task)
