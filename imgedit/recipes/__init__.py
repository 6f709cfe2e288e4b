"""Recipes: verbs with their parameters in a TOML file, checked as a whole before the first pixel is read.

A recipe that exists is valid: building one, from a file or in Python, raises a `RecipeError` with everything that is
wrong. It is a plain value that can be pickled, and the same for every photo.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from imgedit import io
from imgedit.errors import ArgumentError, RecipeError
from imgedit.io.files import load, show
from imgedit.io.formats import sniff
from imgedit.io.reading import warn_of_suffix
from imgedit.pixels import Image, Progress
from imgedit.recipes import running, trial
from imgedit.recipes.checks import Finding, absent, check
from imgedit.recipes.decoding import Opened, open_for
from imgedit.recipes.lines import KeyPath, placed, syntax_error
from imgedit.recipes.networks import may_use_card, needs_network, nets_of
from imgedit.recipes.outputs import Output, format_of
from imgedit.recipes.photos import Photo
from imgedit.recipes.steps import STEPS
from imgedit.recipes.toml import dump
from imgedit.recipes.variables import substituted
from imgedit.recipes.verbs import frozen

__all__ = ["STEPS", "Output", "Photo", "Recipe", "Step"]

Seen = Callable[[Image], None]


@dataclass(frozen=True, init=False)
class Step:
    """One verb with its parameters.

    Parameters
    ----------
    op : str
        Name of a verb, as in ``STEPS``; dashes may stand for underscores.
    when : mapping, optional
        Conditions: the step is left out for photos that do not meet them all (`imgedit.recipes.conditions`).
    **parameters
        Its parameters. Images and masks are paths, relative to the recipe's folder, or arrays; a path with fields in
        braces is another one for each photo: ``"masks/{stem}.png"``. Leave out the image that the step works on.

    Examples
    --------
    >>> Step("resize", scale=0.5, when={"width": "> 2000"})
    Step(op='resize', parameters={'scale': 0.5}, when={'width': '> 2000'})
    """

    op: str
    parameters: Mapping[str, Any]
    when: Mapping[str, Any]

    def __init__(self, op: str, /, *, when: Mapping[str, Any] | None = None, **parameters: Any) -> None:
        object.__setattr__(self, "op", op.replace("-", "_"))
        object.__setattr__(self, "parameters", {name: frozen(value) for name, value in parameters.items()})
        object.__setattr__(self, "when", frozen(when or {}))

    def table(self) -> dict[str, Any]:
        """Give it as a table of a recipe's TOML text.

        Returns
        -------
        dict
            ``op`` and the parameters, as `Recipe.from_toml` takes them.
        """
        return {"op": self.op, **({"when": dict(self.when)} if self.when else {}), **self.parameters}


@dataclass(frozen=True)
class Recipe:
    """What to do with a photo: how to read it, the steps, how to write it.

    Parameters
    ----------
    steps : sequence of Step
        In the order in which they are done.
    output : mapping
        ``name``, a template (``"{folder}/{stem}.{ext}"`` by default), ``format`` (the input's by default) and the
        parameters of `imgedit.write`, such as ``quality``.
    input : mapping
        Parameters of `imgedit.read`, such as ``on_damaged``.
    folder : Path
        Where relative paths of images start; the folder of the file that the recipe was read from.
    outputs : sequence of mappings
        In place of `output`, where each photo gives several results: each as `output`, with ``steps`` of its own.

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
    outputs: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        self._settle()
        if findings := check(self.document(), self.folder) or self._trial():
            raise RecipeError(*(text for _, text in findings))

    def _settle(self) -> None:
        """Bring everything into its plain, unchangeable form."""
        _refuse_others(self.outputs, Mapping, "output", "a mapping with a name")
        for steps in (self.steps, *(table.get("steps", ()) for table in self.outputs)):
            _refuse_others(steps, Step, "step", 'a Step("resize", scale=0.5)')
        tables = tuple({**frozen(table), "steps": tuple(table.get("steps", ()))} for table in self.outputs)
        given = {"steps": tuple(self.steps), "folder": Path(self.folder), "outputs": tables}
        for name, value in (given | {name: frozen(getattr(self, name)) for name in ("output", "input")}).items():
            object.__setattr__(self, name, value)

    def rehearse(self) -> list[Finding]:
        """Do the steps on small drawn pictures, those with networks too, to find what would fail for every photo here.

        A recipe that exists names no wrong device and no network that is not here, but another machine may lack them,
        and only a run shows that a device works and a network can be loaded. This takes about as long as a small photo.

        Returns
        -------
        list of (path, str)
            Where in `document`, and a sentence about it; empty if all went well, or depends on the photo.

        Examples
        --------
        >>> Recipe([Step("upscale", scale=2, device="cpu")]).rehearse()
        []
        >>> Recipe([Step("upscale", scale=0.5, device="cpu")]).rehearse()
        [(('steps', 0, 'scale'), 'step 1 upscale: scale is 0.5; give a number above 1')]
        """
        return absent(self.document()) or self._trial(networks=True)

    def _trial(self, *, networks: bool = False) -> list[Finding]:
        """Give what no photo can pass, found by doing the steps on small drawn pictures."""
        findings: list[Finding] = []
        for number, output in enumerate(self.results):
            found = trial.fault(self.steps, self.folder, output, networks=networks)
            if found is None:
                continue
            index, name, text = found
            own = index - len(self.steps)
            above: KeyPath = ("outputs", number) if self.outputs else ("output",)
            subject = f"output {number + 1}" if self.outputs else "output"
            if own < 0:
                return [(("steps", index, name), f"step {index + 1} {self.steps[index].op}: {text}")]
            if own < len(output.steps):
                text = f"{subject} step {own + 1} {output.steps[own].op}: {text}"
                findings.append(((*above, "steps", own, name), text))
            else:
                findings.append(((*above, name), f"{subject} {text}"))
        return findings

    @cached_property
    def results(self) -> tuple[Output, ...]:
        """What comes of each photo, in order."""
        if not self.outputs:
            return (Output(self.output),)
        return tuple(
            Output({name: value for name, value in table.items() if name != "steps"}, table["steps"])
            for table in self.outputs
        )

    @classmethod
    def from_toml(cls, path: str | Path, *, variables: Mapping[str, Any] | None = None) -> Recipe:
        """Read a recipe from a TOML file.

        Parameters
        ----------
        path : str or Path
            The file. Images that it names are looked for from its folder.
        variables : mapping, optional
            Values for its variables, before their defaults in ``[variables]``.

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
            told = f"{path}: is not UTF-8 text (byte {failure.start}); a recipe is a TOML file"
            raise RecipeError(told) from failure
        return cls.parse(text, folder=path.parent, name=str(path), variables=variables)

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        folder: str | Path = ".",
        name: str = "recipe",
        variables: Mapping[str, Any] | None = None,
    ) -> Recipe:
        r"""Read a recipe from TOML text.

        Parameters
        ----------
        text : str
            The text of a recipe.
        folder : str or Path
            Where relative paths of images start.
        name : str
            What to call the text in errors.
        variables : mapping, optional
            Values for its variables, before their defaults in ``[variables]``.

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
        folder = Path(folder)
        document, findings = substituted(frozen(document), variables or {})
        _underscore(document)
        findings = findings or check(document, folder)
        if not any(document.get(table) for table in ("steps", "output", "outputs")) and not findings:
            findings = [((), "a recipe needs a step ([[steps]] with op = ...) or an [output]")]
        if not findings:
            recipe = cls._unchecked(document, folder)
            findings = recipe._trial()
            if not findings:
                return recipe
        raise RecipeError(*placed(findings, text, name))

    @classmethod
    def _unchecked(cls, document: Mapping[str, Any], folder: Path) -> Recipe:
        """Make a recipe of what has been checked already."""
        recipe = object.__new__(cls)
        outputs = tuple({**table, "steps": _made(table.get("steps", ()))} for table in document.get("outputs", ()))
        parts = {
            "steps": _made(document.get("steps", ())),
            "output": document.get("output", {}),
            "input": document.get("input", {}),
            "folder": folder,
            "outputs": outputs,
        }
        for name, value in parts.items():
            object.__setattr__(recipe, name, value)
        return recipe

    def document(self) -> dict[str, Any]:
        """Give the recipe as the tables of its TOML text.

        Returns
        -------
        dict
            ``input``, ``steps``, and ``output`` or ``outputs``.
        """
        document: dict[str, Any] = {"input": dict(self.input), "steps": tuple(step.table() for step in self.steps)}
        document["output"] = dict(self.output)
        if self.outputs:
            document["outputs"] = tuple(map(_table, self.outputs))
        return document

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

    def apply(
        self, image: Image, *, photo: str | Path | Photo | None = None, progress: Progress | None = None
    ) -> Image:
        """Do the steps on an image; not those of single outputs.

        Parameters
        ----------
        image : ndarray
            An image of any kind.
        photo : str, Path or Photo, optional
            Its file, where steps ask for that: by a condition on name or format, or a mask that each photo has of its
            own.
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
        if photo is not None and not isinstance(photo, Photo):
            photo = Photo.at(show(photo))
            photo = photo._replace(format=format_of({"name": photo.name}))
        return running.apply(self.steps, image, self.folder, progress, photo=photo)

    def render(
        self, data: bytes, photo: Photo, *, seen: Seen | None = None, progress: Progress | None = None
    ) -> list[tuple[str, bytes]]:
        """Make all results of a photo, in memory.

        Parameters
        ----------
        data : bytes
            The whole file.
        photo : Photo
            Where it lies, and its name.
        seen : callable, optional
            Given the photo as it was decoded, which may be smaller than it is, and the first result before it is
            encoded.
        progress : callable, optional
            Given the fraction done; what it raises stops the work.

        Returns
        -------
        list of (str, bytes)
            Name and file of each output: a path below the output folder, with forward slashes.
        """
        photo = _sniffed(data, photo)
        # Where no steps are shared, each output begins with the photo itself, and may need little of it.
        chains = [self.steps] if self.steps else [output.steps for output in self.results]
        opened = open_for(chains, data, photo, self.input, seen)
        shared = self._applied(self.steps, opened, photo, progress) if self.steps else None
        made = []
        for number, output in enumerate(self.results):
            with running.noted(f"output {number + 1}" if self.outputs else ""):
                if shared is None:
                    result = self._applied(output.steps, opened, photo, None)
                else:
                    result = running.apply(output.steps, shared, self.folder, None, photo=photo)
                if seen is not None and number == 0:
                    seen(result)
                made.append(output.encode(result, opened.metadata, photo))
        return made

    def _applied(self, steps: Sequence[Step], opened: Opened, photo: Photo, progress: Progress | None) -> Image:
        """Do steps on a photo that was decoded for them."""
        image, left = opened.begin(steps)
        return running.apply(left, image, self.folder, progress, len(steps) - len(left), photo)

    def edit(self, source: str | Path, target: str | Path, *, progress: Progress | None = None) -> None:
        """Read a photo, do the steps, write the result with the photo's metadata.

        Parameters
        ----------
        source, target : str or Path
            Files; the format of `target` follows its suffix where the recipe does not say it.
        progress : callable, optional
            Given the fraction done; what it raises stops the work.

        Raises
        ------
        ArgumentError
            The recipe has several outputs: `imgedit.batch.run` writes them.
        """
        if self.outputs:
            problem = f"is one file, but the recipe has {len(self.outputs)} outputs"
            raise ArgumentError("target", problem, "write them with ie.batch.run")
        data = load(source, **{key: value for key, value in self.input.items() if key == "max_bytes"})
        photo = _sniffed(data, Photo.at(show(source)))
        opened = open_for([self.steps], data, photo, self.input)
        image = self._applied(self.steps, opened, photo, progress)
        (output,) = self.results
        io.write(target, image, metadata=output.kept(opened.metadata), format=output.format or None, **output.encoding)

    def fingerprint(self) -> str:
        """Give a hash of everything that the result depends on: the steps, the bytes of the images they name, and nets.

        Files that each photo has of its own count with the photo.

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        digest = hashlib.sha256(repr(self.document()).encode("utf-8", "surrogatepass"))
        for path in self.files():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        for net in nets_of(self._all_steps()):
            digest.update(net.encode())
        return digest.hexdigest()

    def _all_steps(self) -> tuple[Step, ...]:
        return (*self.steps, *(step for output in self.results for step in output.steps))

    def uses_network(self) -> bool:
        """Tell whether a step runs a network.

        Returns
        -------
        bool
            Wherever it runs.
        """
        return any(needs_network(step.op, step.parameters) for step in self._all_steps())

    def may_use_card(self) -> bool:
        """Tell whether a step runs a network that takes a GPU where there is one.

        Returns
        -------
        bool
            False without a network, and where each is told to take the processor.
        """
        return any(may_use_card(step.op, step.parameters) for step in self._all_steps())

    def files(self) -> list[Path]:
        """List the images and masks that all photos share.

        Returns
        -------
        list of Path
            In the order of the steps.
        """
        return [path for step in self._all_steps() for path in running.files_of(step, self.folder)]

    def patterns(self) -> list[str]:
        """List the paths of images and masks that each photo has of its own.

        Returns
        -------
        list of str
            Paths with fields in braces, in the order of the steps.
        """
        return [pattern for step in self._all_steps() for pattern in running.patterns_of(step)]

    def beside(self, photo: Photo) -> tuple[str, ...]:
        """Say which files a photo has of its own.

        Parameters
        ----------
        photo : Photo
            The photo.

        Returns
        -------
        tuple of str
            Absolute paths or URLs, in the order of `patterns`; they need not be there.
        """
        return tuple(running.beside_of(pattern, photo, self.folder) for pattern in self.patterns())


def _refuse_others(given: Iterable[Any], kind: type, name: str, remedy: str) -> None:
    for number, one in enumerate(given, 1):
        if not isinstance(one, kind):
            raise RecipeError(f"{name} {number} is {one!r:.60}; give {remedy}")


def _table(output: Mapping[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in output.items() if name != "steps"}
    return options | ({"steps": tuple(step.table() for step in output["steps"])} if output["steps"] else {})


def _sniffed(data: bytes, photo: Photo) -> Photo:
    codec = sniff(data, photo.source)
    warn_of_suffix(photo.name, codec)
    return photo._replace(format=codec.name)


def _made(steps: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(Step(step["op"], **{name: value for name, value in step.items() if name != "op"}) for step in steps)


def _underscore(document: Mapping[str, Any]) -> None:
    """Write the names of verbs with underscores, wherever they stand as they should."""
    outputs = document.get("outputs")
    for table in (document, *(outputs if isinstance(outputs, tuple) else ())):
        steps = table.get("steps") if isinstance(table, Mapping) else ()
        for step in steps if isinstance(steps, tuple) else ():
            if isinstance(step, dict) and isinstance(step.get("op"), str):
                step["op"] = step["op"].replace("-", "_")
