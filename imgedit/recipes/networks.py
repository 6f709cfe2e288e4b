"""Which networks the steps of a recipe need, and whether they are on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imgedit.errors import ArgumentError, DeviceError, ModelError, UnknownNameError
from imgedit.recipes.steps import STEPS

if TYPE_CHECKING:
    from imgedit.recipes import Step

__all__ = ["device_faults", "may_use_card", "needs_network", "nets_of", "network_faults"]

# What a manifest calls the task of each verb that chooses a network by itself.
TASKS = {
    "inpaint": "inpaint",
    "matte": "matte",
    "remove_background": "matte",
    "restore": "restore",
    "stylize": "style",
    "upscale": "superres",
}


def needs_network(op: str, given: Mapping[str, Any]) -> bool:
    """Tell whether a verb runs a network with these parameters."""
    return "device" in STEPS[op].takes(given)


def may_use_card(op: str, given: Mapping[str, Any]) -> bool:
    """Tell whether a verb may run a network on a GPU with these parameters."""
    return needs_network(op, given) and given.get("device", "auto") != "cpu"


def network_faults(op: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Find out whether the network of a step is there.

    Parameters
    ----------
    op : str
        Name of a verb.
    given : mapping
        Its parameters.

    Yields
    ------
    str
        The parameter that names it.
    str
        A sentence without its subject.
    """
    if not needs_network(op, given):
        return
    from imgedit import models
    from imgedit.models import devices

    device = given.get("device", "auto")
    try:
        devices.parse("cpu" if device == "auto" else device)
    except ArgumentError as failure:
        yield "device", f"has device = {device!r}; {failure.remedy}"
    name, ready = given.get("model"), models.names(TASKS[op])
    if name is None:
        if not ready:
            listed = ", ".join(models.names(TASKS[op], ready=False))
            yield "model", f"finds no network on this machine; fetch one (imgedit models fetch NAME): {listed}"
        return
    try:
        found = models.info(name)
    except (ModelError, UnknownNameError) as failure:
        yield "model", f"has model = {str(name)!r}; {getattr(failure, 'remedy', None) or failure.args[1]}"
        return
    if found.name in ready or name not in models.names(ready=False):
        return
    if found.task != TASKS[op]:
        listed = ", ".join(models.names(TASKS[op], ready=False))
        yield "model", f"has model = {name!r}, a network for {found.task}; those for {TASKS[op]}: {listed}"
    else:
        yield "model", f"has model = {name!r}, which is not on this machine; get it: imgedit models fetch {name}"


def device_faults(op: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Find out whether the device of a step works, by running a small net on it.

    Parameters
    ----------
    op : str
        Name of a verb.
    given : mapping
        Its parameters, without faults.

    Yields
    ------
    str
        The parameter that names it.
    str
        A sentence without its subject.
    """
    if not needs_network(op, given):
        return
    from imgedit.models import devices

    try:
        devices.choose(given.get("device", "auto"), fallback=False)
    except DeviceError as failure:
        yield "device", f"has device = {given['device']!r}, which does not work here: {failure.problem}"


def nets_of(steps: Sequence[Step]) -> list[str]:
    """List the hashes of the nets that steps may use.

    Parameters
    ----------
    steps : sequence of Step
        Steps of a checked recipe.

    Returns
    -------
    list of str
        That of the net where a step names one; those of all nets where the verb chooses.
    """
    from imgedit import models

    found = []
    for step in steps:
        if needs_network(step.op, step.parameters):
            name = step.parameters.get("model")
            named = [str(name)] if name is not None else models.names(ready=False)
            found += [models.info(one).sha256 or "" for one in named]
    return found
