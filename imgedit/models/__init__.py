"""From a model's name to a callable on arrays; knows nothing of tasks."""

from imgedit.models.manifest import Manifest
from imgedit.models.session import Model
from imgedit.models.store import find, info, load, names

__all__ = ["Manifest", "Model", "find", "info", "load", "names"]
