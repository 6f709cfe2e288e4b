"""Recipes: verbs with their parameters in a TOML file, checked as a whole before the first pixel is read.

A recipe that exists is valid: building one, from a file or in Python, raises a `RecipeError` with everything that is
wrong. It is a plain value that can be pickled, and the same for every photo.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgedit.errors import RecipeError
from imgedit.io import FORMATS
from imgedit.pixels import Image, Progress
from imgedit.recipes import running, trial
from imgedit.recipes.checks import Finding, check
from imgedit.recipes.decoding import open_for
from imgedit.recipes.lines import key_lines, line_of, syntax_error
from imgedit.recipes.steps import STEPS
from imgedit.recipes.toml import dump
from imgedit.recipes.verbs import frozen

__all__ = ["STEPS", "Recipe", "Step"]


@dataclass(frozen=True, init=False)
class Step:
    """One verb with its parameters.

    Parameters
    ----------
    op : str
        Name of a verb, as in ``STEPS``; dashes may stand for underscores.
    **parameters
        Its parameters. Images and masks are paths, relative to the recipe's folder, or arrays. Leave out the image
        that the step works on.

    Examples
    --------
    >>> Step("resize", scale=0.5)
    Step(op='resize', parameters={'scale': 0.5})
    """

    op: str
    parameters: Mapping[str, Any]

    def __init__(self, op: str, /, **parameters: Any) -> None:
        object.__setattr__(self, "op", op.replace("-", "_"))
        object.__setattr__(self, "parameters", {name: frozen(value) for name, value in parameters.items()})


@dataclass(frozen=True)
class Recipe:
    """What to do with a photo: how to read it, the steps, how to write it.

    Parameters
    ----------
    steps : sequence of Step
        In the order in which they are done.
    output : mapping
        ``format`` (the input's by default) and the parameters of `imgedit.write`, such as ``quality``.
    input : mapping
        Parameters of `imgedit.read`, such as ``on_damaged``.
    folder : Path
        Where relative paths of images start; the folder of the file that the recipe was read from.

    Raises
    ------
    RecipeError
        Everything that is wrong with it.

    Examples
    --------
    >>> recipe = Recipe([Step("to_uint16"), Step("to_uint8")], output={"format": "png"})
    >>> print(recipe.to_toml())
    [[steps]]
    op = "to_uint16"
    <BLANKLINE>
    [[steps]]
    op = "to_uint8"
    <BLANKLINE>
    [output]
    format = "png"
    <BLANKLINE>
    """

    steps: tuple[Step, ...]
    output: Mapping[str, Any] = field(default_factory=dict)
    input: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = field(default=Path(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        object.__setattr__(self, "folder", Path(self.folder))
        for name in ("output", "input"):
            object.__setattr__(self, name, frozen(getattr(self, name)))
        if findings := check(self.document(), self.folder) or self._trial():
            raise RecipeError(*(text for _, text in findings))

    def _trial(self) -> list[Finding]:
        """Give what no photo can pass, found by doing the steps on small drawn pictures."""
        found = trial.fault(self.steps, self.folder, self.output)
        if found is None:
            return []
        index, name, text = found
        if index == len(self.steps):
            return [(("output", name), f"output {text}")]
        return [(("steps", index, name), f"step {index + 1} {self.steps[index].op}: {text}")]

    @classmethod
    def from_toml(cls, path: str | Path) -> Recipe:
        """Read a recipe from a TOML file.

        Parameters
        ----------
        path : str or Path
            The file. Images that it names are looked for from its folder.

        Returns
        -------
        Recipe
            A recipe that can run.

        Raises
        ------
        RecipeError
            Everything that is wrong with it, one line each, with file, line and step.
        OSError
            The file can't be read.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as failure:
            raise RecipeError(f"{path}: is not UTF-8 text (byte {failure.start})") from failure
        return cls.parse(text, folder=path.parent, name=str(path))

    @classmethod
    def parse(cls, text: str, *, folder: str | Path = ".", name: str = "recipe") -> Recipe:
        r"""Read a recipe from TOML text.

        Parameters
        ----------
        text : str
            The text of a recipe.
        folder : str or Path
            Where relative paths of images start.
        name : str
            What to call the text in errors.

        Returns
        -------
        Recipe
            A recipe that can run.

        Raises
        ------
        RecipeError
            Everything that is wrong with it, one line each, with file, line and step.

        Examples
        --------
        >>> Recipe.parse("[[steps]]\nop = 'flipp'").steps
        Traceback (most recent call last):
            ...
        imgedit.errors.RecipeError: recipe:2: step 1 is 'flipp', which is no verb (did you mean 'flip'?); ...
        """
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as failure:
            line, problem = syntax_error(failure)
            raise RecipeError(f"{name}:{line or len(text.splitlines())}: not TOML: {problem}") from failure
        folder, document = Path(folder), frozen(document)
        steps = document.get("steps")
        for step in steps if isinstance(steps, tuple) else ():
            if isinstance(step, dict) and isinstance(step.get("op"), str):
                step["op"] = step["op"].replace("-", "_")
        findings = check(document, folder)
        if not document.get("steps") and not document.get("output") and not findings:
            findings = [((), "a recipe needs a step ([[steps]] with op = ...) or an [output]")]
        if not findings:
            made = tuple(Step(step.pop("op"), **step) for step in document.get("steps", ()))
            recipe = cls._unchecked(made, document.get("output", {}), document.get("input", {}), folder)
            findings = recipe._trial()
            if not findings:
                return recipe
        lines = key_lines(text)
        placed = sorted((line_of(path, lines), sentence) for path, sentence in findings)
        raise RecipeError(*(f"{name}:{line}: {sentence}" for line, sentence in placed))

    @classmethod
    def _unchecked(cls, steps: tuple[Step, ...], output: Any, given: Any, folder: Path) -> Recipe:
        """Make a recipe of what has been checked already."""
        recipe = object.__new__(cls)
        for name, value in (("steps", steps), ("output", output), ("input", given), ("folder", folder)):
            object.__setattr__(recipe, name, value)
        return recipe

    def document(self) -> dict[str, Any]:
        """Give the recipe as the tables of its TOML text.

        Returns
        -------
        dict
            ``steps``, ``input`` and ``output``.
        """
        steps = tuple({"op": step.op, **step.parameters} for step in self.steps)
        return {"input": dict(self.input), "steps": steps, "output": dict(self.output)}

    def to_toml(self) -> str:
        """Write the recipe as TOML text.

        Returns
        -------
        str
            Text that `parse` reads back to an equal recipe.

        Raises
        ------
        RecipeError
            A parameter is an array, which no text can hold: save it and give its path.
        """
        return dump(self.document())

    def apply(self, image: Image, *, progress: Progress | None = None) -> Image:
        """Do the steps on an image.

        Parameters
        ----------
        image : ndarray
            An image of any kind.
        progress : callable, optional
            Given the fraction done; what it raises stops the work.

        Returns
        -------
        ndarray
            What the last step gave.

        Examples
        --------
        >>> import numpy as np
        >>> Recipe([Step("to_uint8")]).apply(np.array([[0, 65535]], np.uint16)).tolist()
        [[0, 255]]
        """
        return running.apply(self.steps, image, self.folder, progress)

    def edit(self, source: str | Path, target: str | Path, *, progress: Progress | None = None) -> None:
        """Read a photo, do the steps, write the result with the photo's metadata.

        Parameters
        ----------
        source, target : str or Path
            Files; the format of `target` follows its suffix.
        progress : callable, optional
            Given the fraction done; what it raises stops the work.
        """
        image, metadata, left = open_for(self.steps, source, self.input)
        image = running.apply(left, image, self.folder, progress, len(self.steps) - len(left))
        running.save(target, image, metadata, self.output)

    def fingerprint(self) -> str:
        """Give a hash of everything that the result depends on: the steps, the bytes of the images they name, and nets.

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        digest = hashlib.sha256(repr(self.document()).encode("utf-8", "surrogatepass"))
        for path in self.files():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        for net in running.nets_of(self.steps):
            digest.update(net.encode())
        return digest.hexdigest()

    @property
    def suffix(self) -> str:
        """Suffix of its results, with its dot; empty where they keep that of the photo."""
        return FORMATS[self.output["format"]].suffixes[0] if "format" in self.output else ""

    def files(self) -> list[Path]:
        """List the images and masks that the steps name.

        Returns
        -------
        list of Path
            In the order of the steps.
        """
        return [path for step in self.steps for path in running.files_of(step, self.folder)]
